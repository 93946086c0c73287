// The losses a model can be trained with: a table of small functions that build
// nn. Formulas are Keras 3's.
#ifndef INGOT_PASSES_TRAIN_LOSSES_H
#define INGOT_PASSES_TRAIN_LOSSES_H

#include "compiler/dialects/Nn/Build.h"

namespace ingot::train {

/// One loss. `labels` have the sizes of the output, without the last one if
/// they are class numbers.
struct Loss {
  llvm::StringLiteral name;
  bool classNumbers; ///< labels are i32 class numbers
  /// The loss of each example.
  mlir::Value (*each)(nn::Build &b, mlir::Value labels, mlir::Value output, bool fromLogits);
  /// Which examples are classified right, as bools; null for regression.
  mlir::Value (*right)(nn::Build &b, mlir::Value labels, mlir::Value output, bool fromLogits);
};

llvm::ArrayRef<Loss> losses();
/// Null if there is none of that name.
const Loss *findLoss(llvm::StringRef name);

/// The type of the labels for an output.
mlir::RankedTensorType labelType(const Loss &loss, mlir::Value output);
/// Mean over all elements, rank 0.
mlir::Value meanOf(nn::Build &b, mlir::Value x);

} // namespace ingot::train

#endif // INGOT_PASSES_TRAIN_LOSSES_H
