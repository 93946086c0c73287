// Gradients of reductions, windows, scans and softmax.
#include "compiler/passes/train/GradientRules.h"
#include "llvm/ADT/Sequence.h"

using namespace mlir;
using namespace ingot::nn;

namespace ingot::train {
namespace {

/// A reduction's result (or its gradient) in the operand's shape again.
Value spread(Build &b, ReduceOp op, Value v) {
  SmallVector<int64_t> map;
  for (int64_t i = 0; i < Build::rank(op.getX()); ++i)
    if (!llvm::is_contained(op.getDims(), i))
      map.push_back(i);
  return b.broadcastInDim(v, dimsOf(op.getX()), map);
}
/// d prod / d x: the product of the others, exact where an element is 0.
Value productOfOthers(Build &b, ReduceOp op) {
  SmallVector<int64_t> order;
  SizeExpr n = 1;
  Dims flat;
  for (int64_t i = 0; i < Build::rank(op.getX()); ++i)
    if (!llvm::is_contained(op.getDims(), i)) {
      order.push_back(i);
      flat.push_back(dimOf(op.getX().getType(), i));
    }
  for (int64_t d : op.getDims()) {
    order.push_back(d);
    n = n * dimOf(op.getX().getType(), d);
  }
  flat.push_back(n);
  Value moved = b.transpose(op.getX(), order), x = b.reshape(moved, flat);
  int64_t last = flat.size() - 1;
  Value before = ScanOp::create(b.b, b.loc, x.getType(), x, ReduceKind::prod, last, true, false);
  Value after = ScanOp::create(b.b, b.loc, x.getType(), x, ReduceKind::prod, last, true, true);
  Value others = b.reshape(b.mul(before, after), dimsOf(moved));
  SmallVector<int64_t> back(order.size());
  for (auto [i, p] : llvm::enumerate(order))
    back[p] = i;
  return b.transpose(others, back);
}
LogicalResult reduceGradient(Gradient &g, Build &b, Operation *operation, Value dy) {
  auto op = cast<ReduceOp>(operation);
  Value x = op.getX();
  switch (op.getKind()) {
  case ReduceKind::sum:
    g.add(b, x, spread(b, op, dy));
    return success();
  case ReduceKind::prod:
    g.add(b, x, b.mul(spread(b, op, dy), productOfOthers(b, op)));
    return success();
  case ReduceKind::max:
  case ReduceKind::min: { // ties share equally
    Value hit =
        b.cast(b.compare(CompareDirection::eq, x, spread(b, op, op.getResult())), Build::elem(x));
    Value hits = b.reduce(ReduceKind::sum, hit, op.getDims());
    g.add(b, x, b.mul(b.div(hit, spread(b, op, hits)), spread(b, op, dy)));
    return success();
  }
  default:
    return noGradient(op, "logical reductions have none");
  }
}

bool allOnes(ArrayRef<int64_t> v) {
  return llvm::all_of(v, [](int64_t x) { return x == 1; });
}
/// Each element gets the gradients of the windows that cover it.
Value windowSumGradient(Build &b, ReduceWindowOp op, Value dy) {
  Dims x = dimsOf(op.getX()), n = dimsOf(dy), low, high;
  for (size_t i = 0; i < x.size(); ++i) {
    int64_t reach = (op.getWindow()[i] - 1) * op.getDilations()[i];
    SizeExpr before = SizeExpr(reach) - op.getPadLow().expr(i);
    SizeExpr spreadOut =
        SizeExpr::max((n[i] - 1) * op.getStrides()[i] + 1, n[i].isConstant(0) ? 0 : 1);
    low.push_back(before);
    high.push_back(x[i] + reach - spreadOut - before);
  }
  SmallVector<int64_t> one(x.size(), 1);
  auto sizes = [&](const Dims &d) {
    return SizesAttr::get(b.b.getContext(), ArrayRef<SizeExpr>(d));
  };
  return ReduceWindowOp::create(b.b, b.loc, dy, ReduceKind::sum, op.getWindow(), one,
                                op.getDilations(), op.getStrides(), sizes(low), sizes(high));
}
LogicalResult reduceWindowGradient(Gradient &g, Build &b, Operation *operation, Value dy) {
  auto op = cast<ReduceWindowOp>(operation);
  if (!allOnes(op.getBaseDilations()))
    return noGradient(op, "windows over a dilated operand have none");
  switch (op.getKind()) {
  case ReduceKind::sum:
    g.add(b, op.getX(), windowSumGradient(b, op, dy));
    return success();
  case ReduceKind::max:
  case ReduceKind::min: {
    if (!allOnes(op.getDilations()))
      return noGradient(op, "dilated maximum windows have none");
    bool isMin = op.getKind() == ReduceKind::min;
    Value x = isMin ? b.unary<NegOp>(op.getX()) : op.getX();
    g.add(b, op.getX(),
          MaxPoolGradOp::create(b.b, b.loc, x.getType(), x, dy, op.getWindow(), op.getStrides(),
                                op.getPadLow(), op.getPadHigh()));
    return success();
  }
  default:
    return noGradient(op, "only sum, maximum and minimum windows have one");
  }
}
LogicalResult scanGradient(Gradient &g, Build &b, Operation *operation, Value dy) {
  auto op = cast<ScanOp>(operation);
  auto sums = [&](Value v) {
    return ScanOp::create(b.b, b.loc, v.getType(), v, ReduceKind::sum, op.getDim(),
                          op.getExclusive(), !op.getReverse());
  };
  switch (op.getKind()) {
  case ReduceKind::sum:
    g.add(b, op.getX(), sums(dy));
    return success();
  case ReduceKind::prod:
    g.add(b, op.getX(), b.binary<DivNoNanOp>(sums(b.mul(op.getResult(), dy)), op.getX()));
    return success();
  default:
    return noGradient(op, "running maxima and minima have none");
  }
}
Value rowSum(Build &b, Value v) {
  int64_t last = Build::rank(v) - 1;
  Value sum = b.reduce(ReduceKind::sum, v, {last});
  return b.broadcastInDim(sum, dimsOf(v), llvm::to_vector(llvm::seq<int64_t>(0, last)));
}
void softmaxGradient(Gradient &g, Build &b, SoftmaxOp op, Value dy) {
  Value y = op.getResult();
  g.add(b, op.getX(), b.mul(b.sub(dy, rowSum(b, b.mul(dy, y))), y));
}
void logSoftmaxGradient(Gradient &g, Build &b, LogSoftmaxOp op, Value dy) {
  g.add(b, op.getX(), b.sub(dy, b.mul(rowSum(b, dy), b.unary<ExpOp>(op.getResult()))));
}

} // namespace

void addReductionGradients(GradientRules &rules) {
  addGradient<ReduceOp>(rules, reduceGradient);
  addGradient<ReduceWindowOp>(rules, reduceWindowGradient);
  addGradient<ScanOp>(rules, scanGradient);
  addGradient<SoftmaxOp, softmaxGradient>(rules);
  addGradient<LogSoftmaxOp, logSoftmaxGradient>(rules);
}

} // namespace ingot::train
