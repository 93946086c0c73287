// Station 3: graph -> nn. One rule for each TensorFlow op, applied in dataflow
// order with operand types known; integer tensors are tracked as size
// expressions, so shape arithmetic leaves nothing behind.
#ifndef INGOT_PASSES_IMPORT_LEGALIZE_H
#define INGOT_PASSES_IMPORT_LEGALIZE_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "llvm/ADT/StringRef.h"
#include <vector>

namespace ingot {

/// Rewrites every signature function of `module` from graph to nn and removes
/// the functions it called. All nodes without a way to nn are reported together
/// in one diagnostic; the module is unchanged then.
mlir::LogicalResult legalizeGraphToNn(mlir::ModuleOp module);

/// The same as a pass, `--legalize-graph-to-nn`.
std::unique_ptr<mlir::Pass> createLegalizeGraphToNnPass();

/// One TensorFlow op that station 3 has a rule for.
struct SupportedOp {
  llvm::StringRef name;
  llvm::StringRef family; ///< heading in docs/ops.md
  llvm::StringRef notes;  ///< limits, empty if there are none
};
/// Sorted by name.
std::vector<SupportedOp> listSupportedOps();
/// Families in the order of docs/ops.md.
std::vector<llvm::StringRef> listOpFamilies();
/// Whether there is a rule for this TensorFlow op.
bool isSupportedOp(llvm::StringRef name);

} // namespace ingot

#endif // INGOT_PASSES_IMPORT_LEGALIZE_H
