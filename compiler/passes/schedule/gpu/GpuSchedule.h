// How a kernel is computed on a GPU: the schedule, as data. It never changes a
// result beyond the order of a sum, which depends on shapes alone.
#ifndef INGOT_COMPILER_PASSES_SCHEDULE_GPU_GPUSCHEDULE_H
#define INGOT_COMPILER_PASSES_SCHEDULE_GPU_GPUSCHEDULE_H

#include "compiler/dialects/Nn/Nn.h"

namespace ingot::schedule {

/// As an attribute: {gpu = "matmul", threads = 256, tile = [64, 64, 16],
/// thread = [4, 4]}.
struct GpuSchedule {
  /// flat: each thread computes `lanes` elements that lie together, the kernel
  /// being one sequence. points: the same with coordinates. rows: reductions over
  /// the inner dimensions; `rowThreads` threads share a row. matmul: a block
  /// computes a tile, in slices of the contracted dimension through shared memory.
  enum class Loops { flat, points, rows, matmul };
  Loops loops = Loops::points;
  int64_t threads = 256; ///< of a block
  int64_t lanes = 1;
  int64_t rowThreads = 32;
  int64_t tileM = 0, tileN = 0, tileK = 0; ///< of a block
  int64_t threadM = 0, threadN = 0;        ///< of a thread

  mlir::DictionaryAttr toAttr(mlir::MLIRContext *context) const;
  static mlir::FailureOr<GpuSchedule>
  fromAttr(mlir::DictionaryAttr attr, llvm::function_ref<mlir::InFlightDiagnostic()> emitError);
};

/// The policy. Fails with a diagnostic where there is no GPU schedule yet.
mlir::FailureOr<GpuSchedule> chooseGpuSchedule(nn::KernelOp kernel);

/// Complains if the schedule does not fit the kernel.
mlir::LogicalResult verifyGpuSchedule(nn::KernelOp kernel, const GpuSchedule &schedule);

/// The contraction of a matmul kernel, or null.
nn::DotGeneralOp findMatmul(nn::KernelOp kernel);

} // namespace ingot::schedule

#endif // INGOT_COMPILER_PASSES_SCHEDULE_GPU_GPUSCHEDULE_H
