// Reads TensorFlow checkpoints (TensorBundle): an index, which is a LevelDB
// table, and data files mapped into memory. Every read checks the CRC.
#ifndef INGOT_COMPILER_FRONTEND_TENSORBUNDLE_H
#define INGOT_COMPILER_FRONTEND_TENSORBUNDLE_H

#include "compiler/frontend/Reporter.h"
#include "compiler/frontend/proto/bundle.pb.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/MemoryBuffer.h"
#include <memory>
#include <vector>

namespace ingot::frontend {

/// An open checkpoint. Errors name the file and the tensor.
class TensorBundle {
public:
  /// `prefix` is the path without `.index`; null after an error.
  static std::unique_ptr<TensorBundle> open(llvm::StringRef prefix, mlir::MLIRContext *context);

  bool contains(llvm::StringRef key) const { return entries.count(key); }
  /// All keys in order.
  std::vector<std::string> keys() const;

  /// The value of a numeric tensor; points into the mapped file where its
  /// alignment allows. `name` names the resource. `slice` is empty or a part
  /// as a saver writes it, `4 3 0,2:-`: full shape, then start and length of
  /// each dimension (`-`: all of it).
  mlir::FailureOr<mlir::ElementsAttr> read(llvm::StringRef key, llvm::StringRef name,
                                           llvm::StringRef slice = "");

  /// A scalar string, such as the object graph.
  mlir::FailureOr<std::string> readString(llvm::StringRef key);

private:
  TensorBundle(llvm::StringRef prefix, mlir::MLIRContext *context)
      : prefix(prefix), context(context) {}

  mlir::LogicalResult readIndex();
  mlir::FailureOr<llvm::StringRef> bytesOf(llvm::StringRef key,
                                           const proto::BundleEntryProto &entry,
                                           std::shared_ptr<const void> &owner);
  /// Puts a tensor together that was saved in parts.
  mlir::FailureOr<std::shared_ptr<std::string>> joinSlices(llvm::StringRef key,
                                                           const proto::BundleEntryProto &entry,
                                                           mlir::RankedTensorType type);
  mlir::LogicalResult checkCrc(llvm::StringRef key, uint32_t crc,
                               const proto::BundleEntryProto &entry);
  std::string shardPath(int shard) const;

  std::string prefix;
  mlir::MLIRContext *context;
  int numShards = 0;
  llvm::StringMap<proto::BundleEntryProto> entries;
  std::vector<std::shared_ptr<llvm::MemoryBuffer>> shards;
};

} // namespace ingot::frontend

#endif // INGOT_COMPILER_FRONTEND_TENSORBUNDLE_H
