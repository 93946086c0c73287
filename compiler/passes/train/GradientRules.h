// What gradient rules are written with. One rule an operation; each
// *Gradients.cpp ends in the list of the operations it covers.
#ifndef INGOT_PASSES_TRAIN_GRADIENTRULES_H
#define INGOT_PASSES_TRAIN_GRADIENTRULES_H

#include "compiler/dialects/Nn/Build.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"

namespace ingot::train {

/// One reverse sweep: which values matter, and the gradients found so far.
class Gradient {
public:
  explicit Gradient(mlir::OpBuilder &b) : builder(b) {}

  mlir::OpBuilder &builder;
  /// Values that depend on what is differentiated for.
  llvm::DenseSet<mlir::Value> active;
  llvm::DenseMap<mlir::Value, mlir::Value> grads;

  /// Results of copies whose users take a value saved by the primal loop instead.
  llvm::DenseMap<mlir::Value, mlir::Value> saved;

  /// The operation at hand is a holomorphic function: gradients of complex numbers
  /// are dL/dre + i dL/dim, so its rule is conjugated (see docs/numerics.md).
  bool conjugate = false;

  bool needs(mlir::Value v) const { return active.contains(v); }
  /// The gradient found for a value; null if none.
  mlir::Value of(mlir::Value v) const { return grads.lookup(v); }
  /// Adds a contribution to the gradient of `v`, brought to v's type where only
  /// the names of its sizes differ.
  void add(nn::Build &b, mlir::Value v, mlir::Value grad);
  /// Marks results of the operations that depend on active values.
  void markActive(mlir::Block &block);
  void markActive(mlir::Operation *op);
  /// Visits operations from the last to the first.
  mlir::LogicalResult sweep(llvm::ArrayRef<mlir::Operation *> ops);

private:
  mlir::LogicalResult reverse(mlir::Operation *op);
  mlir::LogicalResult reverseFor(nn::ForOp op);
  mlir::LogicalResult reverseIf(nn::IfOp op);
};

/// `dy` is the gradient of the operation's one result.
using GradientRule = mlir::LogicalResult (*)(Gradient &g, nn::Build &b, mlir::Operation *op,
                                             mlir::Value dy);
using GradientRules = llvm::DenseMap<mlir::TypeID, GradientRule>;

void addElementwiseGradients(GradientRules &rules);
void addShapeGradients(GradientRules &rules);
void addReductionGradients(GradientRules &rules);
void addContractionGradients(GradientRules &rules);

template <typename Op> void addGradient(GradientRules &rules, GradientRule rule) {
  rules[mlir::TypeID::get<Op>()] = rule;
}
/// A rule from a function of the typed operation.
template <typename Op, void (*F)(Gradient &, nn::Build &, Op, mlir::Value)>
void addGradient(GradientRules &rules) {
  rules[mlir::TypeID::get<Op>()] = [](Gradient &g, nn::Build &b, mlir::Operation *op,
                                      mlir::Value dy) {
    F(g, b, mlir::cast<Op>(op), dy);
    return mlir::success();
  };
}
/// The diagnostic of what has no gradient.
mlir::LogicalResult noGradient(mlir::Operation *op, const llvm::Twine &why);

} // namespace ingot::train

#endif // INGOT_PASSES_TRAIN_GRADIENTRULES_H
