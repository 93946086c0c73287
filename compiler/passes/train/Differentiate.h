// Reverse mode on nn: gradients are more nn operations after the primal ones.
#ifndef INGOT_PASSES_TRAIN_DIFFERENTIATE_H
#define INGOT_PASSES_TRAIN_DIFFERENTIATE_H

#include "compiler/dialects/Nn/Nn.h"
#include "mlir/IR/Builders.h"

namespace ingot::train {

/// Builds, at the builder's place (after the primal operations of its block),
/// the gradients of sum(outputs * seeds) for each of `wrt`, which are arguments
/// of the block or results in it. A null value means: does not depend on it.
/// Loops on the way are replaced by ones that save what the reverse loop needs.
/// Failure, with a diagnostic at the operation, if one on the way has no gradient.
mlir::FailureOr<llvm::SmallVector<mlir::Value>>
differentiate(mlir::OpBuilder &b, mlir::Location loc, mlir::ValueRange outputs,
              mlir::ValueRange seeds, mlir::ValueRange wrt);

/// Removes unused operations and values that loops carry without use, to a
/// fixed point. Saved values that no gradient needs go here.
void removeDead(mlir::Region &region);

} // namespace ingot::train

#endif // INGOT_PASSES_TRAIN_DIFFERENTIATE_H
