// The order of station 2, and the registration of its passes.
#include "compiler/passes/import/Passes.h"
#include "compiler/passes/import/Legalize.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"

using namespace mlir;

void ingot::buildSimplifyGraphPipeline(OpPassManager &passes) {
  passes.addPass(createSelectSignaturesPass());
  // Needs control edges (they place nodes in branches), and functions that are
  // not inlined yet: a call in a branch moves as one node.
  passes.addPass(createFunctionalizeControlFlowPass());
  // After it the order of nodes alone says what happens first, so that a call
  // can be replaced by its body in place.
  passes.addPass(createDropEffectsPass());
  passes.addPass(createInlineCallsPass());
  // Handles must be visible in the body that uses them, so after inlining.
  passes.addPass(createResolveVariablesPass());
  passes.addPass(createPruneGraphPass());
  passes.addPass(createMergeSignaturesPass());
}

void ingot::registerImportPasses() {
  registerPass(createSelectSignaturesPass);
  registerPass(createFunctionalizeControlFlowPass);
  registerPass(createDropEffectsPass);
  registerPass(createInlineCallsPass);
  registerPass(createResolveVariablesPass);
  registerPass(createPruneGraphPass);
  registerPass(createMergeSignaturesPass);
  registerPass(createLegalizeGraphToNnPass);
  PassPipelineRegistration<>("simplify-graph", "Station 2: every signature a pure function",
                             buildSimplifyGraphPipeline);
}
