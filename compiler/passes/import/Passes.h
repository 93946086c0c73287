// Passes of the import stations. Station 2 (this list) makes every signature a
// pure function of the graph dialect; see "Contract: after station 2" in
// docs/design.md.
#ifndef INGOT_COMPILER_PASSES_IMPORT_PASSES_H
#define INGOT_COMPILER_PASSES_IMPORT_PASSES_H

#include "mlir/Pass/Pass.h"
#include <memory>

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace ingot {

/// Makes a public function of each of the module's `graph.signatures`.
std::unique_ptr<mlir::Pass> createSelectSignaturesPass();
/// TensorFlow 1 Switch/Merge/Enter/Exit to `While` and `If` with functions.
std::unique_ptr<mlir::Pass> createFunctionalizeControlFlowPass();
/// Removes what only runs in TensorFlow (asserts, prints, summaries, savers)
/// and all control edges: from here on the order of a body is its effects'
/// order.
std::unique_ptr<mlir::Pass> createDropEffectsPass();
/// Inlines PartitionedCall, StatefulPartitionedCall and functions used as ops.
std::unique_ptr<mlir::Pass> createInlineCallsPass();
/// Makes variables explicit values: arguments, results, loop-carried values.
std::unique_ptr<mlir::Pass> createResolveVariablesPass();
/// Removes unused nodes, private functions and variables.
std::unique_ptr<mlir::Pass> createPruneGraphPass();
/// Keeps one of several equal signatures; the others' names go to
/// `ingot.aliases`.
std::unique_ptr<mlir::Pass> createMergeSignaturesPass();

/// Station 2 as a whole (`--simplify-graph`).
void buildSimplifyGraphPipeline(mlir::OpPassManager &passes);

/// Registers the passes and the pipeline of this folder.
void registerImportPasses();

} // namespace ingot

#endif // INGOT_COMPILER_PASSES_IMPORT_PASSES_H
