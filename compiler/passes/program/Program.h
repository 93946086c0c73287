// Station 7: from dispatches on tensors to host programs on buffers.
#ifndef INGOT_PASSES_PROGRAM_PROGRAM_H
#define INGOT_PASSES_PROGRAM_PROGRAM_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace ingot {

struct PlanOptions {
  /// Each buffer has memory of its own with guards around it, and what is not
  /// read any more is filled with NaN.
  bool debugArena = false;
};

/// Replaces every signature function by an rt.program and its constants by
/// rt.data at module level. Kernels (@kernels) and nn.variable stay.
mlir::LogicalResult planPrograms(mlir::ModuleOp module, const PlanOptions &options = {});

/// `--plan-program`.
std::unique_ptr<mlir::Pass> createPlanProgramPass(const PlanOptions &options = {});
void registerProgramPasses();

} // namespace ingot

#endif // INGOT_PASSES_PROGRAM_PROGRAM_H
