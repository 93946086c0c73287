// How a kernel is computed: the schedule, as data. It never changes a result
// beyond the order of a sum, which depends on shapes and target alone.
#ifndef INGOT_COMPILER_PASSES_SCHEDULE_SCHEDULE_H
#define INGOT_COMPILER_PASSES_SCHEDULE_SCHEDULE_H

#include "compiler/codegen/cpu/TargetInfo.h"
#include "compiler/dialects/Nn/Nn.h"
#include "llvm/ADT/SmallVector.h"

namespace ingot::schedule {

/// A dimension cut in blocks; the blocks of all unit axes together, first axis
/// slowest, are the units of the kernel's grid.
struct UnitAxis {
  int64_t dim = 0;
  int64_t block = 1;
};

/// As an attribute: {loops = "tile", lanes = 16, vecs = 2, rows = 14,
/// lane_dim = 1, row_dim = 0, units = [[1, 128], [0, 56]], order = [1, 0],
/// chunk = 1}.
struct Schedule {
  /// flat: one loop over all elements. tile: a register tile of rows x vecs x
  /// lanes of the results, reduced at once. rows: reductions over the inner
  /// dimensions, row by row. special: one operation in an order of its own (see
  /// findSpecial). serial: one unit, each result by itself.
  enum class Loops { flat, tile, rows, special, serial };
  Loops loops = Loops::serial;
  int64_t lanes = 1, vecs = 1, rows = 1;
  int64_t laneDim = -1, rowDim = -1;
  llvm::SmallVector<UnitAxis> units;
  /// Loops inside a unit, outermost first: every dimension that is no unit axis
  /// of block 1.
  llvm::SmallVector<int64_t> order;
  /// Units handed out at a time.
  int64_t chunk = 1;
  /// Epilogue as a rolled loop over the stored tile instead of in registers.
  bool rolledEpilogue = false;

  mlir::DictionaryAttr toAttr(mlir::MLIRContext *context) const;
  static mlir::FailureOr<Schedule>
  fromAttr(mlir::DictionaryAttr attr, llvm::function_ref<mlir::InFlightDiagnostic()> emitError);
};

/// The policy: a schedule for the kernel on this processor.
Schedule chooseSchedule(nn::KernelOp kernel, const TargetInfo &target);

/// Complains if the schedule does not fit the kernel.
mlir::LogicalResult verifySchedule(nn::KernelOp kernel, const Schedule &schedule);

/// The reduction or contraction whose accumulators live in registers, if the
/// kernel has exactly one and its results are computed from it point by point.
mlir::Operation *findRoot(nn::KernelOp kernel);
/// The update, scatter, scan or nonzero that is the kernel's only result.
mlir::Operation *findSpecial(nn::KernelOp kernel);
/// All operations are elementwise over one shape (or over single elements).
bool isFlat(nn::KernelOp kernel);
/// The kernel's results are computed from reductions over the same rows.
bool isRowKernel(nn::KernelOp kernel);

} // namespace ingot::schedule

#endif // INGOT_COMPILER_PASSES_SCHEDULE_SCHEDULE_H
