// Bytes of constants: how an elements attribute lies in a buffer.
#ifndef INGOT_COMPILER_CODEGEN_CPU_CONSTANTBYTES_H
#define INGOT_COMPILER_CODEGEN_CPU_CONSTANTBYTES_H

#include "mlir/IR/BuiltinAttributes.h"
#include <deque>
#include <vector>

namespace ingot {

/// Owns what had to be expanded (splats, booleans); addresses stay valid.
using ByteStore = std::deque<std::vector<char>>;

/// Dense row-major bytes of `value` (i1: one byte). They belong to the
/// attribute or to `store`. Fails for attributes without data (a missing
/// resource, strings).
mlir::FailureOr<llvm::ArrayRef<char>> constantBytes(mlir::ElementsAttr value, ByteStore &store);

/// A constant of `type` with these bytes: small ones as dense, others as a
/// resource that owns a copy. `name` is the resource's.
mlir::ElementsAttr makeConstant(mlir::RankedTensorType type, llvm::ArrayRef<char> bytes,
                                llvm::StringRef name);

} // namespace ingot

#endif // INGOT_COMPILER_CODEGEN_CPU_CONSTANTBYTES_H
