// The reading of StridedSlice's masks, shared by the slice and its gradient.
#ifndef INGOT_PASSES_IMPORT_LEGALIZESLICES_H
#define INGOT_PASSES_IMPORT_LEGALIZESLICES_H

#include "compiler/passes/import/LegalizeRules.h"

namespace ingot::legalize {

/// A strided slice in canonical form: one entry a dimension of the operand.
struct SliceSpec {
  Dims start, sizes;
  llvm::SmallVector<int64_t> strides;
  /// Shape of the result, after new and dropped axes.
  Dims result;
  /// Dimensions whose single index is a run-time value (rank 0).
  llvm::SmallVector<std::pair<int64_t, mlir::Value>> dynamic;

  /// Reads operands begin, end, strides and the masks against a tensor of
  /// `type`.
  mlir::LogicalResult read(Node &n, mlir::RankedTensorType type, unsigned begin, unsigned end,
                           unsigned strides);
};

} // namespace ingot::legalize

#endif // INGOT_PASSES_IMPORT_LEGALIZESLICES_H
