// Station 5: nn -> nn with every computation inside an nn.kernel.
// The order of these passes is in compiler/Pipeline.cpp.
#ifndef INGOT_COMPILER_PASSES_GROUP_PASSES_H
#define INGOT_COMPILER_PASSES_GROUP_PASSES_H

#include "compiler/codegen/cpu/TargetInfo.h"
#include "mlir/Pass/Pass.h"
#include <memory>

namespace ingot {

/// Turns variables that no signature changes into constants.
std::unique_ptr<mlir::Pass> createFreezeVariablesPass();
/// Turns complex values into pairs of real ones; arguments and results of
/// functions stay complex.
std::unique_ptr<mlir::Pass> createExpandComplexPass();
/// Moves what does not depend on the iteration out of loops; products with slices
/// of the iteration become one product in front of the loop.
std::unique_ptr<mlir::Pass> createHoistLoopInvariantsPass();
/// Moves reshapes below elementwise operations and turns contractions into
/// matrices, so that epilogues meet their roots.
std::unique_ptr<mlir::Pass> createSinkReshapesPass();
/// Folds constant scales (and paddings) behind contractions into their weights.
std::unique_ptr<mlir::Pass> createFoldScalesPass();
/// Makes the layouts that the target's contractions want explicit (nn.pack).
std::unique_ptr<mlir::Pass> createChooseLayoutsPass(const TargetInfo &target);
/// Puts every computation into an nn.kernel. Without `fuse` each operation is a
/// kernel of its own, to compare with.
std::unique_ptr<mlir::Pass> createFormKernelsPass(bool fuse = true);

void registerGroupPasses();

} // namespace ingot

#endif // INGOT_COMPILER_PASSES_GROUP_PASSES_H
