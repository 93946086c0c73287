// Evaluates at compile time what depends on constants only.
#ifndef INGOT_EVALUATE_FOLDCONSTANTS_H
#define INGOT_EVALUATE_FOLDCONSTANTS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"
#include <memory>

namespace ingot::evaluate {

/// Replaces operations whose operands are all known and whose results are at
/// most `maxBytes` by constants. Broadcasts and iotas stay: they cost nothing
/// in a kernel. Operations that would fail at run time stay too.
void foldConstants(mlir::func::FuncOp func, int64_t maxBytes = 4096);

/// The pass `nn-fold-constants`.
std::unique_ptr<mlir::Pass> createFoldConstantsPass();

} // namespace ingot::evaluate

#endif // INGOT_EVALUATE_FOLDCONSTANTS_H
