// Signatures of TensorFlow ops: argument names, counts and default attributes,
// which a GraphDef does not hold. A model's own list goes before the embedded
// one (opdefs.pb, written by scripts/make_opdefs.py).
#ifndef INGOT_COMPILER_FRONTEND_OPDEFS_H
#define INGOT_COMPILER_FRONTEND_OPDEFS_H

#include "compiler/frontend/proto/graph.pb.h"
#include "llvm/ADT/StringMap.h"
#include <memory>

namespace ingot::frontend {

/// Looks up op signatures. Parses an op when it is first asked for.
class OpDefs {
public:
  OpDefs();

  /// Adds a model's own ops; they win over the embedded ones.
  void addModelOps(const proto::OpList &ops);

  /// The signature of an op, or null if nothing knows it.
  const proto::OpDef *lookup(llvm::StringRef name);

private:
  llvm::StringMap<llvm::StringRef> embedded; ///< name -> serialized OpDef
  llvm::StringMap<std::unique_ptr<proto::OpDef>> parsed;
};

} // namespace ingot::frontend

#endif // INGOT_COMPILER_FRONTEND_OPDEFS_H
