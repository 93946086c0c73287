// The pass `schedule-kernels`: every nn.kernel becomes a dispatch of an emitted
// function, equal kernels one function.
#ifndef INGOT_COMPILER_PASSES_SCHEDULE_SCHEDULEKERNELS_H
#define INGOT_COMPILER_PASSES_SCHEDULE_SCHEDULEKERNELS_H

#include "compiler/codegen/cpu/TargetInfo.h"
#include "mlir/Pass/Pass.h"

namespace ingot {

/// Emits all kernels of a module into its nested module `@kernels`.
std::unique_ptr<mlir::Pass> createScheduleKernelsPass(const TargetInfo &target);
/// Only writes the chosen schedule onto each nn.kernel, to look at or to edit.
std::unique_ptr<mlir::Pass> createChooseSchedulesPass(const TargetInfo &target);
void registerSchedulePasses();

} // namespace ingot

#endif // INGOT_COMPILER_PASSES_SCHEDULE_SCHEDULEKERNELS_H
