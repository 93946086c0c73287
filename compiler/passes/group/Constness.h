// Which values of a function are compile-time constants worth computing once.
#ifndef INGOT_COMPILER_PASSES_GROUP_CONSTNESS_H
#define INGOT_COMPILER_PASSES_GROUP_CONSTNESS_H

#include "compiler/dialects/Nn/Nn.h"
#include "llvm/ADT/DenseMap.h"

namespace ingot {

/// Answers from constants alone; remembers what it found. Values that operations
/// created later define may be asked too; nothing may be erased in between.
class Constness {
public:
  /// Computed from constants alone, and of sizes known at compile time.
  bool isConstant(mlir::Value v);
  /// Constant, and not much larger than what it is computed from: to be computed
  /// before run time ("prepare") instead of by each kernel that uses it.
  bool isPrepared(mlir::Operation *op);

private:
  llvm::DenseMap<mlir::Value, bool> known;
};

} // namespace ingot

#endif // INGOT_COMPILER_PASSES_GROUP_CONSTNESS_H
