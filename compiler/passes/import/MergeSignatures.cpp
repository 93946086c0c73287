// Keeps one of several equal signatures (Keras exports `serve` and
// `serving_default`, which differ in nothing but names); the names of the
// others become `ingot.aliases` of the one kept. `serving_default` is kept if
// it is among them.
#include "compiler/passes/import/Passes.h"

#include "compiler/dialects/Graph/Graph.h"
#include "compiler/dialects/Nn/Nn.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;
using namespace ingot;
using graph::NodeOp;

namespace {

/// Compares bodies, ignoring names and locations.
class Comparison {
public:
  explicit Comparison(ModuleOp module) : symbols(module) {}

  bool equal(func::FuncOp a, func::FuncOp b) {
    if (a == b)
      return true;
    if (a.getFunctionType() != b.getFunctionType() || a.getAllArgAttrs() != b.getAllArgAttrs() ||
        a.getAllResultAttrs() != b.getAllResultAttrs() || a.isExternal() || b.isExternal())
      return false;
    Block &blockA = a.getBody().front(), &blockB = b.getBody().front();
    if (blockA.getOperations().size() != blockB.getOperations().size())
      return false;
    llvm::DenseMap<Value, Value> map;
    for (auto [x, y] : llvm::zip(blockA.getArguments(), blockB.getArguments()))
      map[x] = y;
    for (auto [x, y] : llvm::zip(blockA, blockB)) {
      if (!sameNode(&x, &y) || x.getNumOperands() != y.getNumOperands() ||
          x.getResultTypes() != y.getResultTypes())
        return false;
      for (auto [p, q] : llvm::zip(x.getOperands(), y.getOperands()))
        if (map.lookup(p) != q)
          return false;
      for (auto [p, q] : llvm::zip(x.getResults(), y.getResults()))
        map[p] = q;
    }
    return true;
  }

private:
  bool sameNode(Operation *x, Operation *y) {
    auto a = dyn_cast<NodeOp>(x), b = dyn_cast<NodeOp>(y);
    if (!a || !b)
      return x->getName() == y->getName() && x->getAttrDictionary() == y->getAttrDictionary();
    if (a.getOp() != b.getOp() || a.getAttrs().size() != b.getAttrs().size())
      return false;
    // Equal constants are one attribute, but for resources: their handles are
    // compared by the bytes they point to.
    for (auto [p, q] : llvm::zip(a.getAttrs(), b.getAttrs()))
      if (p.getName() != q.getName() || !sameValue(p.getValue(), q.getValue()))
        return false;
    return true;
  }

  bool sameValue(Attribute p, Attribute q) {
    if (p == q)
      return true;
    auto f = dyn_cast<FlatSymbolRefAttr>(p), g = dyn_cast<FlatSymbolRefAttr>(q);
    if (f && g) {
      auto a = symbols.lookup<func::FuncOp>(f.getValue());
      auto b = symbols.lookup<func::FuncOp>(g.getValue());
      return a && b && equal(a, b);
    }
    auto r = dyn_cast<DenseResourceElementsAttr>(p);
    auto s = dyn_cast<DenseResourceElementsAttr>(q);
    if (!r || !s || r.getType() != s.getType())
      return false;
    AsmResourceBlob *a = r.getRawHandle().getBlob();
    AsmResourceBlob *b = s.getRawHandle().getBlob();
    return a && b && a->getData() == b->getData();
  }

  SymbolTable symbols;
};

struct MergeSignatures : PassWrapper<MergeSignatures, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(MergeSignatures)

  StringRef getArgument() const override { return "merge-signatures"; }
  StringRef getDescription() const override { return "Keep one of several equal signatures"; }

  void runOnOperation() override {
    Comparison comparison(getOperation());
    SmallVector<func::FuncOp> all, kept;
    for (auto func : getOperation().getOps<func::FuncOp>())
      if (func->hasAttr("ingot.signature"))
        all.push_back(func);
    std::stable_partition(all.begin(), all.end(), [](func::FuncOp func) {
      return func->getAttrOfType<StringAttr>("ingot.signature") == "serving_default";
    });
    Builder b(&getContext());
    SmallVector<func::FuncOp> dropped;
    for (func::FuncOp func : all) {
      auto same =
          llvm::find_if(kept, [&](func::FuncOp other) { return comparison.equal(func, other); });
      if (same == kept.end()) {
        kept.push_back(func);
        continue;
      }
      SmallVector<Attribute> names;
      if (auto known = (*same)->getAttrOfType<ArrayAttr>(nn::kAliasesAttr))
        names.append(known.begin(), known.end());
      names.push_back(func->getAttr("ingot.signature"));
      (*same)->setAttr(nn::kAliasesAttr, b.getArrayAttr(names));
      dropped.push_back(func);
    }
    for (func::FuncOp func : dropped)
      func.erase();
  }
};

} // namespace

std::unique_ptr<Pass> ingot::createMergeSignaturesPass() {
  return std::make_unique<MergeSignatures>();
}
