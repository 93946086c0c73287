// Variables that no signature changes become constants, so that they can be
// packed and folded at compile time.
#include "compiler/dialects/Nn/Nn.h"
#include "compiler/passes/group/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
using namespace ingot;
using namespace ingot::nn;

namespace {
struct FreezeVariablesPass : PassWrapper<FreezeVariablesPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(FreezeVariablesPass)
  StringRef getArgument() const override { return "freeze-variables"; }
  StringRef getDescription() const override {
    return "Turn variables that nothing changes into constants";
  }

  void runOnOperation() override {
    ModuleOp module = getOperation();
    llvm::DenseSet<StringAttr> written;
    for (auto f : module.getOps<func::FuncOp>())
      for (unsigned i = 0; i < f.getNumResults(); ++i)
        if (auto v = f.getResultAttrOfType<FlatSymbolRefAttr>(i, kVariableAttr))
          written.insert(v.getAttr());
    for (auto f : module.getOps<func::FuncOp>()) {
      if (f.isDeclaration())
        continue;
      BitVector frozen(f.getNumArguments());
      OpBuilder b = OpBuilder::atBlockBegin(&f.front());
      for (unsigned i = 0; i < f.getNumArguments(); ++i) {
        auto v = f.getArgAttrOfType<FlatSymbolRefAttr>(i, kVariableAttr);
        if (!v || written.contains(v.getAttr()))
          continue;
        auto variable = module.lookupSymbol<VariableOp>(v.getAttr());
        if (!variable)
          continue;
        BlockArgument a = f.getArgument(i);
        a.replaceAllUsesWith(ConstantOp::create(b, a.getLoc(), variable.getValue()));
        frozen.set(i);
      }
      if (failed(f.eraseArguments(frozen)))
        return signalPassFailure();
    }
    for (auto v : llvm::make_early_inc_range(module.getOps<VariableOp>()))
      if (!written.contains(v.getSymNameAttr()))
        v.erase();
  }
};
} // namespace

std::unique_ptr<Pass> ingot::createFreezeVariablesPass() {
  return std::make_unique<FreezeVariablesPass>();
}
