// Removes what only runs in TensorFlow (asserts, prints, summaries, savers,
// no-ops), runtime remarks (`_output_shapes` and such) and all control edges.
// Nodes are in an order that respects control edges, so from here on the order
// of nodes is the order of effects.
#include "compiler/passes/import/Outline.h"
#include "compiler/passes/import/Passes.h"

#include "compiler/dialects/Graph/Graph.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace ingot;
using graph::NodeOp;

namespace {

/// Ops without a result that matters: removed if nothing uses their data.
bool isDropped(StringRef op) {
  static const llvm::StringSet<> ops = {"NoOp",
                                        "Assert",
                                        "ControlTrigger",
                                        "PrintV2",
                                        "SaveV2",
                                        "Save",
                                        "SaveSlices",
                                        "MergeV2Checkpoints",
                                        "ScalarSummary",
                                        "HistogramSummary",
                                        "ImageSummary",
                                        "AudioSummary",
                                        "MergeSummary",
                                        "TensorSummary",
                                        "TensorSummaryV2",
                                        "WriteSummary",
                                        "WriteScalarSummary",
                                        "WriteHistogramSummary",
                                        "WriteImageSummary",
                                        "DisableCopyOnRead",
                                        "Timestamp",
                                        "ConfigureDistributedTPU",
                                        "DestroyResourceOp",
                                        "DeleteSessionTensor"};
  return ops.contains(op);
}

/// Ops that hand their first input on.
bool isPassThrough(StringRef op) {
  static const llvm::StringSet<> ops = {"Print", "CheckNumerics", "CheckNumericsV2", "CopyHost",
                                        "Copy",  "DebugIdentity", "DebugIdentityV2"};
  return ops.contains(op);
}

struct DropEffects : PassWrapper<DropEffects, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(DropEffects)

  StringRef getArgument() const override { return "drop-effects"; }
  StringRef getDescription() const override {
    return "Remove asserts, prints, summaries, savers and control edges";
  }

  void runOnOperation() override {
    for (auto func : getOperation().getOps<func::FuncOp>())
      if (!func.isExternal())
        runOn(func);
  }

  /// A node without its control operands and result.
  static NodeOp withoutControl(NodeOp node) {
    auto inputs = llvm::to_vector(node.getInputs());
    node->setOperands(inputs);
    if (!node.getControl())
      return node;
    OpBuilder builder(node);
    OperationState state(node.getLoc(), node->getName());
    state.addOperands(inputs);
    state.addTypes(node.getOutputs().getTypes());
    state.addAttributes(node->getAttrs());
    auto copy = cast<NodeOp>(builder.create(state));
    for (auto [from, to] : llvm::zip(node.getOutputs(), copy.getOutputs()))
      from.replaceAllUsesWith(to);
    return copy;
  }

  /// Attributes that begin with `_` are remarks for TensorFlow's runtime, and
  /// shapes there are of no use once a node is rewritten.
  static void dropRemarks(NodeOp node) {
    SmallVector<NamedAttribute> kept;
    for (NamedAttribute attr : node.getAttrs())
      if (!attr.getName().strref().starts_with("_"))
        kept.push_back(attr);
    node.setAttrsAttr(DictionaryAttr::get(node.getContext(), kept));
  }

  void runOn(func::FuncOp func) {
    func->removeAttr("graph.attrs");
    for (unsigned i = 0, e = func.getNumArguments(); i < e; ++i)
      func.removeArgAttr(i, "graph.attrs");
    Block &body = func.getBody().front();
    // Control results of the function first, then nodes from the end: every
    // use of a control result is gone when its node is reached.
    Operation *terminator = body.getTerminator();
    llvm::BitVector dropped(terminator->getNumOperands());
    for (auto [i, value] : llvm::enumerate(terminator->getOperands()))
      if (graph::isControl(value))
        dropped.set(i);
    terminator->eraseOperands(dropped);
    if (dropped.any())
      (void)func.eraseResults(dropped);
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(body))) {
      auto node = dyn_cast<NodeOp>(op);
      if (!node)
        continue;
      NodeOp kept = withoutControl(node);
      dropRemarks(kept);
      if (kept != node)
        node.erase();
      if (isPassThrough(kept.getOp()) && kept->getNumResults() > 0 && kept->getNumOperands() > 0) {
        kept.getOutput(0).replaceAllUsesWith(kept.getInput(0));
        kept.erase();
      } else if (isDropped(kept.getOp()) && kept->use_empty()) {
        kept.erase();
      } else if (kept.isOp("PlaceholderWithDefault")) {
        // Nobody feeds it: its default is its value.
        kept.setOp("Identity");
        kept.setAttrsAttr(DictionaryAttr::get(
            &getContext(),
            {NamedAttribute(StringAttr::get(&getContext(), "T"), kept.attr("dtype"))}));
      }
    }
    updateResultTypes(func);
  }
};

} // namespace

std::unique_ptr<Pass> ingot::createDropEffectsPass() { return std::make_unique<DropEffects>(); }
