// Dtypes of a model file as MLIR element types, and back.
#ifndef INGOT_COMPILER_FRONTEND_TYPES_H
#define INGOT_COMPILER_FRONTEND_TYPES_H

#include "compiler/frontend/proto/graph.pb.h"
#include "mlir/IR/BuiltinTypes.h"
#include <optional>

namespace ingot::frontend {

/// The element type of a dtype: signless for signed integers, `ui8` and so on
/// for unsigned ones, `!graph.dtype<"qint8">` where MLIR has none. Null for
/// DT_INVALID and for numbers that no TensorFlow has given out.
mlir::Type elementType(mlir::MLIRContext *context, proto::DataType dtype);

/// The inverse; DT_INVALID if there is none.
proto::DataType dtypeOf(mlir::Type elementType);

/// Bytes of an element in a model file; 0 for strings and other dtypes that are
/// not plain bytes.
unsigned dtypeSize(proto::DataType dtype);

/// The product of the dimensions; none for a negative one or if the product
/// (or that of `elementSize` bytes each) passes 2^62.
std::optional<int64_t> checkedNumElements(llvm::ArrayRef<int64_t> dims, int64_t elementSize = 1);

} // namespace ingot::frontend

#endif // INGOT_COMPILER_FRONTEND_TYPES_H
