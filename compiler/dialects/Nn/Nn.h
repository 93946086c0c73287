// The nn dialect: tensor algebra with named sizes. See NnOps.td.
#ifndef INGOT_DIALECTS_NN_NN_H
#define INGOT_DIALECTS_NN_NN_H

#include "compiler/dialects/Nn/SizeExpr.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/IR/TensorEncoding.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace ingot::nn {

#define INGOT_NN_TRAIT(NAME)                                                                       \
  template <typename Op> struct NAME : mlir::OpTrait::TraitBase<Op, NAME> {};
INGOT_NN_TRAIT(Elementwise)
INGOT_NN_TRAIT(Injective)
INGOT_NN_TRAIT(Reduction)
INGOT_NN_TRAIT(Contraction)
#undef INGOT_NN_TRAIT

/// How an operation may take part in a kernel.
enum class FusionClass { Elementwise, Injective, Reduction, Contraction, Opaque };
FusionClass fusionClass(mlir::Operation *op);

} // namespace ingot::nn

#include "compiler/dialects/Nn/NnDialect.h.inc"
#include "compiler/dialects/Nn/NnEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "compiler/dialects/Nn/NnAttrs.h.inc"
#define GET_OP_CLASSES
#include "compiler/dialects/Nn/NnOps.h.inc"

namespace ingot::nn {

/// Sizes of a tensor type, names for unknown ones.
llvm::SmallVector<SizeExpr> dimsOf(mlir::Type type);
inline llvm::SmallVector<SizeExpr> dimsOf(mlir::Value v) { return dimsOf(v.getType()); }
/// The size of one dimension.
SizeExpr dimOf(mlir::Type type, int64_t dim);
/// The type with these sizes; unknown ones become `?` with their name.
mlir::RankedTensorType tensorType(llvm::ArrayRef<SizeExpr> dims, mlir::Type element);
/// Product of all sizes.
SizeExpr elementCount(mlir::Type type);
/// The same shape and names with another element type.
mlir::RankedTensorType withElement(mlir::Type type, mlir::Type element);
/// The static type that only has `?`, without names (for upstream dialects).
mlir::RankedTensorType plainType(mlir::Type type);
/// Bytes of one element in a buffer (i1 takes one byte).
int64_t elementBytes(mlir::Type element);

/// Attribute names on functions, arguments and results (docs/design.md).
constexpr llvm::StringLiteral kSignatureAttr = "ingot.signature";
constexpr llvm::StringLiteral kAliasesAttr = "ingot.aliases";
constexpr llvm::StringLiteral kInputAttr = "ingot.input";
constexpr llvm::StringLiteral kOutputAttr = "ingot.output";
constexpr llvm::StringLiteral kVariableAttr = "ingot.variable";
constexpr llvm::StringLiteral kBoundsAttr = "nn.bounds";
constexpr llvm::StringLiteral kRequiresAttr = "nn.requires";

} // namespace ingot::nn

#endif // INGOT_DIALECTS_NN_NN_H
