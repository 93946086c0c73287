// The optimizers: a table of small functions that build nn. Formulas and
// defaults are Keras 3's.
#ifndef INGOT_PASSES_TRAIN_OPTIMIZERS_H
#define INGOT_PASSES_TRAIN_OPTIMIZERS_H

#include "compiler/dialects/Nn/Build.h"

namespace ingot::train {

struct OptimizerOptions {
  double learningRate = -1;                          ///< negative: the optimizer's default
  double momentum = 0;                               ///< of sgd
  bool nesterov = false;                             ///< of sgd
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7; ///< of adam
};

/// What an update of one variable works with.
struct Update {
  nn::Build &b;
  const OptimizerOptions &options;
  mlir::Value step; ///< number of this step from 1, rank 0, in the variable's type
  mlir::Value variable, gradient;
  llvm::SmallVector<mlir::Value> slots; ///< replaced by their new values
};
struct Optimizer {
  llvm::StringLiteral name;
  double learningRate; ///< the default
  /// Names of the values kept beside each variable, which start as zeros.
  llvm::SmallVector<llvm::StringRef> (*slots)(const OptimizerOptions &options);
  /// The variable's new value.
  mlir::Value (*update)(Update &u);
};

llvm::ArrayRef<Optimizer> optimizers();
/// Null if there is none of that name.
const Optimizer *findOptimizer(llvm::StringRef name);

} // namespace ingot::train

#endif // INGOT_PASSES_TRAIN_OPTIMIZERS_H
