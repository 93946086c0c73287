// Removes nodes whose results nothing uses, private functions that nothing
// calls, and variables that no signature touches. Runs when effects are gone.
#include "compiler/passes/import/Passes.h"

#include "compiler/dialects/Graph/Graph.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace ingot;

namespace {

struct PruneGraph : PassWrapper<PruneGraph, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(PruneGraph)

  StringRef getArgument() const override { return "prune-graph"; }
  StringRef getDescription() const override {
    return "Remove unused nodes, functions and variables";
  }

  void runOnOperation() override {
    ModuleOp module = getOperation();
    SymbolTable symbols(module);
    llvm::SetVector<Operation *> used;
    for (auto func : module.getOps<func::FuncOp>()) {
      if (func.isExternal())
        continue;
      for (Operation &op : llvm::make_early_inc_range(llvm::reverse(func.getBody().front())))
        if (op.use_empty() && !op.hasTrait<OpTrait::IsTerminator>())
          op.erase();
      if (func.isPublic())
        used.insert(func);
    }
    for (size_t i = 0; i < used.size(); ++i)
      used[i]->walk([&](Operation *op) {
        op->getAttrDictionary().walk([&](FlatSymbolRefAttr ref) {
          if (Operation *target = symbols.lookup(ref.getValue()))
            used.insert(target);
        });
      });
    for (Operation &op : llvm::make_early_inc_range(*module.getBody()))
      if (isa<SymbolOpInterface>(op) && !used.contains(&op))
        op.erase();
  }
};

} // namespace

std::unique_ptr<Pass> ingot::createPruneGraphPass() { return std::make_unique<PruneGraph>(); }
