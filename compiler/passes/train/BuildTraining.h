// From an inference signature to the functions of a training artifact.
#ifndef INGOT_PASSES_TRAIN_BUILDTRAINING_H
#define INGOT_PASSES_TRAIN_BUILDTRAINING_H

#include "compiler/passes/train/Optimizers.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include <memory>
#include <string>

namespace ingot::train {

struct TrainOptions {
  std::string signature; ///< empty: serving_default, else the first
  std::string loss;
  bool fromLogits = false;
  std::string optimizer = "adam";
  OptimizerOptions hyper;
};

/// Adds to an nn module, of the signature f(inputs, variables) -> output:
///   train(inputs, y)    -> loss        and changes variables and slots
///   grads(inputs, y)    -> loss, the gradient of each variable under its name
///   apply(gradients)                   changes variables and slots
///   evaluate(inputs, y) -> loss, accuracy of a classifier
///   init()                             sets all of these to their first values
/// and renames f to `infer`. Slots and the number of steps are variables that
/// start as zeros. What a signature for inference holds constant, such as the
/// moving statistics of a batch normalization, stays constant (a remark says so).
mlir::LogicalResult buildTraining(mlir::ModuleOp module, const TrainOptions &options);

/// The pass `nn-build-training`; without options it takes them as text.
std::unique_ptr<mlir::Pass> createBuildTrainingPass();
std::unique_ptr<mlir::Pass> createBuildTrainingPass(TrainOptions options);

} // namespace ingot::train

#endif // INGOT_PASSES_TRAIN_BUILDTRAINING_H
