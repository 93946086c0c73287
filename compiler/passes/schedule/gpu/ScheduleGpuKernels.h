// Station 6 for GPUs.
#ifndef INGOT_COMPILER_PASSES_SCHEDULE_GPU_SCHEDULEGPUKERNELS_H
#define INGOT_COMPILER_PASSES_SCHEDULE_GPU_SCHEDULEGPUKERNELS_H

#include "mlir/Pass/Pass.h"

namespace ingot {

/// Emits every nn.kernel but those of `prepare` (which run at compile time on the
/// CPU) as a function of `gpu.module @gpu_kernels` and dispatches it: `grid`
/// blocks of `chunk` threads.
std::unique_ptr<mlir::Pass> createScheduleGpuKernelsPass();
void registerGpuSchedulePasses();

} // namespace ingot

#endif // INGOT_COMPILER_PASSES_SCHEDULE_GPU_SCHEDULEGPUKERNELS_H
