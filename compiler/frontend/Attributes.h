// Attribute values and constants between a model's messages and MLIR. Large
// constants are never copied: the resource points into the message or the
// mapped file and keeps its owner alive.
#ifndef INGOT_COMPILER_FRONTEND_ATTRIBUTES_H
#define INGOT_COMPILER_FRONTEND_ATTRIBUTES_H

#include "compiler/frontend/proto/graph.pb.h"
#include "mlir/IR/BuiltinAttributes.h"
#include <memory>
#include <string>

namespace ingot::frontend {

/// From this many bytes on a constant is a `dense_resource` handle.
constexpr int64_t kResourceBytes = 4096;

/// A constant from its elements in memory order (`i1`: a byte each). `owner`
/// keeps `bytes` alive where they are not copied; `name` names the resource.
mlir::ElementsAttr elementsFromBytes(mlir::RankedTensorType type, llvm::ArrayRef<char> bytes,
                                     std::shared_ptr<const void> owner, llvm::StringRef name);

/// Converts attribute values of one file. A null result or failure leaves the
/// reason in `error`.
class AttributeReader {
public:
  /// `owner` owns the messages that will be converted.
  AttributeReader(mlir::MLIRContext *context, std::shared_ptr<const void> owner)
      : context(context), owner(std::move(owner)) {}

  /// `name` names the resource a large constant becomes.
  mlir::Attribute read(const proto::AttrValue &value, llvm::StringRef name);
  mlir::Attribute readTensor(const proto::TensorProto &tensor, llvm::StringRef name);
  /// `array<i64>` with -1 for unknown dimensions, `unit` for an unknown rank.
  mlir::Attribute readShape(const proto::TensorShapeProto &shape);

  std::string error;

private:
  mlir::Attribute readList(const proto::AttrValue::ListValue &list, llvm::StringRef name);
  mlir::Attribute readFunc(const proto::NameAttrList &func, llvm::StringRef name);
  mlir::Attribute fail(const std::string &why);

  mlir::MLIRContext *context;
  std::shared_ptr<const void> owner;
};

/// The inverse of AttributeReader::read; false for an attribute that has no
/// counterpart in a GraphDef.
bool writeAttribute(mlir::Attribute attr, proto::AttrValue &value);
bool writeTensor(mlir::Attribute attr, proto::TensorProto &tensor);

} // namespace ingot::frontend

#endif // INGOT_COMPILER_FRONTEND_ATTRIBUTES_H
