// Sums over the iterations of a reverse loop, taken out of it.
#ifndef INGOT_PASSES_TRAIN_LOOPSUMS_H
#define INGOT_PASSES_TRAIN_LOOPSUMS_H

#include "compiler/dialects/Nn/Nn.h"
#include "mlir/IR/Builders.h"

namespace ingot::train {

/// Of the carried values from `first` on, takes out those that only add up
/// contractions or sums: their factors are kept in [trip, ...] buffers at
/// `step`, and one contraction behind the loop has them all. A recurrent
/// layer's weight gradient becomes one product of the whole sequence. The loop
/// is replaced if anything was found; the results are given in its order.
llvm::SmallVector<mlir::Value> sinkSums(mlir::OpBuilder &b, nn::ForOp &loop, mlir::Value step,
                                        unsigned first);

} // namespace ingot::train

#endif // INGOT_PASSES_TRAIN_LOOPSUMS_H
