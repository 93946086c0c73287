// Replaces calls by the bodies of the functions they call, callees first. The
// order of nodes stays the order of effects. Recursion is refused.
#include "compiler/passes/import/Outline.h"
#include "compiler/passes/import/Passes.h"

#include "compiler/dialects/Graph/Graph.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace ingot;
using graph::NodeOp;

namespace {

struct InlineCalls : PassWrapper<InlineCalls, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(InlineCalls)

  StringRef getArgument() const override { return "inline-calls"; }
  StringRef getDescription() const override { return "Inline function calls of the graph"; }

  enum State { Open = 1, Done };
  llvm::DenseMap<Operation *, State> states;
  SmallVector<func::FuncOp> stack;

  void runOnOperation() override {
    states.clear();
    stack.clear();
    SymbolTable symbols(getOperation());
    for (auto func : getOperation().getOps<func::FuncOp>())
      if (failed(visit(func, symbols)))
        return signalPassFailure();
  }

  /// The function a node calls, or null if the node is no call.
  static FailureOr<func::FuncOp> calleeOf(NodeOp node, SymbolTable &symbols) {
    if (node.isOp("PartitionedCall") || node.isOp("StatefulPartitionedCall")) {
      FlatSymbolRefAttr name = node.funcAttr("f");
      auto callee = name ? symbols.lookup<func::FuncOp>(name.getValue()) : func::FuncOp();
      if (!callee)
        return node.emitError("calls a function that the model does not hold");
      return callee;
    }
    return symbols.lookup<func::FuncOp>(node.getOp());
  }

  LogicalResult visit(func::FuncOp func, SymbolTable &symbols) {
    State &state = states[func];
    if (state == Done || func.isExternal())
      return success();
    if (state == Open) {
      auto diag = func.emitError() << "function '" << func.getName() << "' calls itself: ";
      for (func::FuncOp caller : stack)
        diag << caller.getName() << " -> ";
      return diag << func.getName() << "; recursion cannot be compiled";
    }
    state = Open;
    stack.push_back(func);
    // Functions of loops and branches are visited too, which finds recursion
    // through them.
    SmallVector<std::pair<NodeOp, func::FuncOp>> calls;
    auto result = func.walk([&](NodeOp node) -> WalkResult {
      auto callee = calleeOf(node, symbols);
      if (failed(callee))
        return failure();
      if (*callee)
        calls.emplace_back(node, *callee);
      if (*callee && failed(visit(*callee, symbols)))
        return failure();
      return node.getAttrs().walk([&](FlatSymbolRefAttr ref) -> WalkResult {
        auto used = symbols.lookup<func::FuncOp>(ref.getValue());
        return used ? visit(used, symbols) : success();
      });
    });
    if (result.wasInterrupted())
      return failure();
    for (auto &[node, callee] : calls)
      if (failed(inlineCall(node, callee)))
        return failure();
    updateResultTypes(func);
    stack.pop_back();
    states[func] = Done;
    return success();
  }

  static LogicalResult inlineCall(NodeOp node, func::FuncOp callee) {
    if (node->getNumOperands() != callee.getNumArguments() ||
        node->getNumResults() != callee.getNumResults())
      return node.emitError("calls '")
             << callee.getName() << "' with " << node->getNumOperands() << " inputs and "
             << node->getNumResults() << " outputs; the function has " << callee.getNumArguments()
             << " and " << callee.getNumResults();
    IRMapping mapping;
    mapping.map(callee.getArguments(), node->getOperands());
    OpBuilder builder(node);
    for (Operation &op : callee.getBody().front().without_terminator())
      builder.clone(op, mapping);
    Operation *terminator = callee.getBody().front().getTerminator();
    for (auto [result, value] : llvm::zip(node->getResults(), terminator->getOperands()))
      result.replaceAllUsesWith(mapping.lookup(value));
    node.erase();
    return success();
  }
};

} // namespace

std::unique_ptr<Pass> ingot::createInlineCallsPass() { return std::make_unique<InlineCalls>(); }
