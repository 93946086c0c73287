// Constant subgraphs: nn.constant and pure computations of them.
#include "compiler/passes/group/Constness.h"

using namespace mlir;
using namespace ingot;
using namespace ingot::nn;

/// Named sizes are only known at run time, even where the result's shape is.
static bool usesNamedSizes(Operation *op) {
  return llvm::any_of(op->getAttrs(), [](NamedAttribute a) {
    auto sizes = dyn_cast<SizesAttr>(a.getValue());
    return sizes && !sizes.constants();
  });
}

bool Constness::isConstant(Value v) {
  if (auto it = known.find(v); it != known.end())
    return it->second;
  Operation *op = v.getDefiningOp();
  auto type = dyn_cast<RankedTensorType>(v.getType());
  bool pure = op && type && type.hasStaticShape() && op->getNumRegions() == 0 &&
              isa<NnDialect>(op->getDialect()) && !isa<DispatchOp, NonzeroOp, CopyOp>(op) &&
              !usesNamedSizes(op);
  known[v] = false; // against cycles of graph regions
  bool result = pure && llvm::all_of(op->getOperands(), [&](Value o) { return isConstant(o); });
  return known[v] = result;
}

bool Constness::isPrepared(Operation *op) {
  if (isa<ConstantOp>(op) || op->getNumResults() != 1 || !isConstant(op->getResult(0)))
    return false;
  int64_t out = cast<RankedTensorType>(op->getResult(0).getType()).getNumElements(), in = 0;
  for (Value v : op->getOperands())
    in += cast<RankedTensorType>(v.getType()).getNumElements();
  return out <= std::max<int64_t>(2 * in, 4096);
}
