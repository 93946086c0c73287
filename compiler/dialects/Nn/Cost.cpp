#include "compiler/dialects/Nn/Cost.h"

using namespace mlir;

namespace ingot::nn {

static bool isFloat(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && isa<FloatType, ComplexType>(tensor.getElementType());
}

static SizeExpr productOfAllButLast(Type type) {
  SizeExpr n = 1;
  auto dims = dimsOf(type);
  for (const SizeExpr &d : ArrayRef(dims).drop_back())
    n = n * d;
  return n;
}

/// With complex numbers counted as one each.
static SizeExpr realFlopsOf(Operation *op) {
  Type result = op->getResult(0).getType();
  if (auto dot = dyn_cast<DotGeneralOp>(op)) {
    SizeExpr n = elementCount(result) * 2;
    for (int64_t d : dot.getLhsContract())
      n = n * dimOf(dot.getLhs().getType(), d);
    return n;
  }
  if (auto conv = dyn_cast<ConvOp>(op)) {
    return elementCount(result) * 2 * productOfAllButLast(conv.getFilter().getType());
  }
  if (auto grad = dyn_cast<ConvFilterGradOp>(op)) {
    // Every element of the gradient meets the filter of its channel.
    return elementCount(grad.getGrad().getType()) * 2 * productOfAllButLast(result);
  }
  if (auto window = dyn_cast<ReduceWindowOp>(op)) {
    SizeExpr n = elementCount(result);
    for (int64_t w : window.getWindow())
      n = n * w;
    return n;
  }
  if (auto reduce = dyn_cast<ReduceOp>(op))
    return elementCount(reduce.getX().getType());
  // Largest, difference, exponential, sum, quotient.
  if (isa<SoftmaxOp, LogSoftmaxOp>(op))
    return elementCount(result) * 5;
  if (isa<ScanOp>(op) || fusionClass(op) == FusionClass::Elementwise)
    return elementCount(result);
  return 0;
}

static SizeExpr flopsOf(Operation *op) {
  if (op->getNumResults() != 1 || !isFloat(op->getResult(0).getType()) ||
      isa<RealOp, ImagOp, ComplexOp>(op))
    return 0;
  Type result = op->getResult(0).getType();
  // A complex product with a sum is four real ones, most else at least two.
  if (isa<ComplexType>(cast<RankedTensorType>(result).getElementType()))
    return realFlopsOf(op) * (fusionClass(op) == FusionClass::Contraction ? 4 : 2);
  return realFlopsOf(op);
}

SizeExpr countFlops(Operation *root) {
  SizeExpr sum;
  root->walk([&](Operation *op) {
    SizeExpr n = flopsOf(op);
    if (n.isConstant(0))
      return;
    for (Operation *p = op->getParentOp(); p && op != root && p != root; p = p->getParentOp())
      if (auto loop = dyn_cast<ForOp>(p))
        n = n * loop.getTrip().expr(0);
    sum = sum + n;
  });
  return sum;
}

} // namespace ingot::nn
