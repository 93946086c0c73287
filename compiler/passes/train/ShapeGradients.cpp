// Gradients of operations that move elements: each moves them back, and adds up
// where one element went to several places.
#include "compiler/passes/train/GradientRules.h"
#include "llvm/ADT/Sequence.h"

using namespace mlir;
using namespace ingot::nn;

namespace ingot::train {
namespace {

void broadcastGradient(Gradient &g, Build &b, BroadcastOp op, Value dy) {
  Dims x = dimsOf(op.getX()), r = dimsOf(op.getResult());
  // A size that is 1 or the result's, found at run time: the result's elements
  // as [times, size], summed over times.
  Dims split;
  SmallVector<int64_t> summed;
  size_t next = 0;
  for (size_t d = 0; d < r.size(); ++d) {
    bool mapped = next < x.size() && op.getDims()[next] == static_cast<int64_t>(d);
    if (mapped && x[next] == r[d]) {
      split.push_back(r[d]);
    } else {
      summed.push_back(split.size());
      if (!mapped || x[next].isConstant(1)) {
        split.push_back(r[d]);
      } else {
        split.push_back(SizeExpr::floorDiv(r[d], SizeExpr::max(x[next], 1)));
        split.push_back(x[next]);
      }
    }
    next += mapped;
  }
  Value grad = b.reshape(dy, split);
  if (!summed.empty())
    grad = b.reduce(ReduceKind::sum, grad, summed);
  g.add(b, op.getX(), b.reshape(grad, x));
}
void reshapeGradient(Gradient &g, Build &b, ReshapeOp op, Value dy) {
  g.add(b, op.getX(), b.reshape(dy, dimsOf(op.getX())));
}
SmallVector<int64_t> inverse(ArrayRef<int64_t> permutation) {
  SmallVector<int64_t> r(permutation.size());
  for (auto [i, p] : llvm::enumerate(permutation))
    r[p] = i;
  return r;
}
void transposeGradient(Gradient &g, Build &b, TransposeOp op, Value dy) {
  g.add(b, op.getX(), b.transpose(dy, inverse(op.getPermutation())));
}
void sliceGradient(Gradient &g, Build &b, SliceOp op, Value dy) {
  Dims x = dimsOf(op.getX()), n = dimsOf(op.getResult()), low = op.getStart().exprs(), high;
  SmallVector<int64_t> interior, backwards;
  for (size_t i = 0; i < x.size(); ++i) {
    int64_t stride = op.getStrides()[i];
    SizeExpr steps = SizeExpr::max(n[i] - 1, 0);
    if (stride < 0) { // the last element taken is the first in memory
      backwards.push_back(i);
      low[i] = low[i] + steps * stride;
      stride = -stride;
    }
    interior.push_back(stride - 1);
    high.push_back(x[i] - low[i] - n[i] - steps * (stride - 1));
  }
  if (!backwards.empty())
    dy = ReverseOp::create(b.b, b.loc, dy.getType(), dy, backwards);
  g.add(b, op.getX(), b.pad(dy, b.scalar(0, Build::elem(dy)), low, high, interior));
}
void dynamicSliceGradient(Gradient &g, Build &b, DynamicSliceOp op, Value dy) {
  Value x = op.getX(), sum = g.of(x);
  if (!g.needs(x))
    return;
  // Into the gradient there is: a loop over slices then adds up in place.
  if (sum) {
    Value there = DynamicSliceOp::create(b.b, b.loc, dy.getType(), sum, op.getStarts());
    dy = b.add(there, dy);
  } else {
    sum = b.fullLike(x, 0);
  }
  g.grads[x] = DynamicUpdateSliceOp::create(b.b, b.loc, sum, dy, op.getStarts());
}
void dynamicUpdateSliceGradient(Gradient &g, Build &b, DynamicUpdateSliceOp op, Value dy) {
  if (g.needs(op.getX()))
    g.add(b, op.getX(),
          DynamicUpdateSliceOp::create(b.b, b.loc, dy, b.fullLike(op.getUpdate(), 0),
                                       op.getStarts()));
  if (g.needs(op.getUpdate()))
    g.add(b, op.getUpdate(),
          DynamicSliceOp::create(b.b, b.loc, op.getUpdate().getType(), dy, op.getStarts()));
}
void reverseGradient(Gradient &g, Build &b, ReverseOp op, Value dy) {
  g.add(b, op.getX(), ReverseOp::create(b.b, b.loc, dy.getType(), dy, op.getDims()));
}
void concatGradient(Gradient &g, Build &b, ConcatOp op, Value dy) {
  Dims start(Build::rank(dy), SizeExpr(0));
  size_t d = op.getDim();
  for (Value x : op.getXs()) {
    if (g.needs(x))
      g.add(b, x, b.slice(dy, start, dimsOf(x)));
    start[d] = start[d] + dimOf(x.getType(), d);
  }
}

//===-- Padding -----------------------------------------------------------===//

/// The part of a padded gradient at [from, from + n) of one dimension.
Value part(Build &b, Value dy, size_t d, const SizeExpr &from, const SizeExpr &n) {
  Dims start(Build::rank(dy), SizeExpr(0)), sizes = dimsOf(dy);
  start[d] = from;
  sizes[d] = n;
  return b.slice(dy, start, sizes);
}
/// Mirrored edges go back into the middle, dimension by dimension.
Value mirrorPadGradient(Build &b, PadOp op, Value dy) {
  Dims x = dimsOf(op.getX());
  SizeExpr turn = op.getMode() == PadMode::reflect ? 1 : 0;
  Value zero = b.scalar(0, Build::elem(dy));
  for (size_t d = 0; d < x.size(); ++d) {
    SizeExpr low = op.getLow().expr(d), high = op.getHigh().expr(d);
    Value middle = part(b, dy, d, low, x[d]);
    auto back = [&](const SizeExpr &from, const SizeExpr &n, const SizeExpr &to) {
      if (n.isConstant(0))
        return;
      Value edge = part(b, dy, d, from, n);
      edge = ReverseOp::create(b.b, b.loc, edge.getType(), edge,
                               ArrayRef<int64_t>{static_cast<int64_t>(d)});
      Dims before(x.size(), SizeExpr(0)), after(x.size(), SizeExpr(0));
      before[d] = to;
      after[d] = x[d] - to - n;
      middle = b.add(middle, b.pad(edge, zero, before, after));
    };
    back(0, low, turn);
    back(low + x[d], high, x[d] - turn - high);
    dy = middle;
  }
  return dy;
}
void padGradient(Gradient &g, Build &b, PadOp op, Value dy) {
  Value dx;
  if (op.getMode() != PadMode::constant) {
    dx = mirrorPadGradient(b, op, dy);
  } else {
    Dims x = dimsOf(op.getX()), low = op.getLow().exprs(), high = op.getHigh().exprs();
    SmallVector<int64_t> strides;
    for (int64_t interior : op.getInterior())
      strides.push_back(interior + 1);
    Dims start = low, cutLow(x.size(), SizeExpr(0)), cutHigh(x.size(), SizeExpr(0));
    bool cuts = false;
    for (size_t i = 0; i < x.size(); ++i) {
      auto l = low[i].constant(), h = high[i].constant();
      if (l && *l < 0) { // what was cut gets a gradient of 0
        cutLow[i] = -*l;
        start[i] = 0;
        cuts = true;
      }
      if (h && *h < 0) {
        cutHigh[i] = -*h;
        cuts = true;
      }
    }
    Value padded = cuts ? b.pad(dy, b.scalar(0, Build::elem(dy)), cutLow, cutHigh) : dy;
    dx = b.slice(padded, start, x, strides);
  }
  g.add(b, op.getX(), dx);
  if (g.needs(op.getValue())) {
    auto all = [&](Value v) {
      return b.reduce(ReduceKind::sum, v, llvm::to_vector(llvm::seq<int64_t>(0, Build::rank(v))));
    };
    // Each element of dy belongs to x or to the value.
    g.add(b, op.getValue(), b.sub(all(dy), all(dx)));
  }
}

//===-- Indices -----------------------------------------------------------===//

/// Adds `updates` at `indices` into a zero tensor of these sizes.
Value scatterAdd(Build &b, ArrayRef<SizeExpr> dims, Value indices, Value updates, BoundsMode mode) {
  Value zero = b.full(dims, 0, Build::elem(updates));
  return ScatterOp::create(b.b, b.loc, zero.getType(), zero, indices, updates, ScatterKind::add,
                           mode);
}
void takeGradient(Gradient &g, Build &b, TakeOp op, Value dy) {
  // Scatter wants the batch and the taken dimension first.
  Dims x = dimsOf(op.getX()), indexDims = dimsOf(op.getIndices());
  int64_t axis = op.getAxis(), batch = op.getBatchDims(), each = indexDims.size() - batch;
  SmallVector<int64_t> xOrder, dyOrder;
  for (int64_t i = 0; i < batch; ++i) {
    xOrder.push_back(i);
    dyOrder.push_back(i);
  }
  xOrder.push_back(axis);
  for (int64_t i = 0; i < each; ++i)
    dyOrder.push_back(axis + i);
  for (int64_t i = batch; i < static_cast<int64_t>(x.size()); ++i)
    if (i != axis) {
      xOrder.push_back(i);
      dyOrder.push_back(i < axis ? i : i + each - 1);
    }
  Dims ordered, last = indexDims;
  for (int64_t i : xOrder)
    ordered.push_back(x[i]);
  last.push_back(1);
  Type indexType = Build::elem(op.getIndices());
  SmallVector<Value> columns;
  for (int64_t i = 0; i < batch; ++i)
    columns.push_back(IotaOp::create(b.b, b.loc, tensorType(last, indexType), i));
  columns.push_back(b.reshape(op.getIndices(), last));
  Value indices = columns.size() == 1 ? columns[0] : b.concat(columns, last.size() - 1);
  Value dx = scatterAdd(b, ordered, indices, b.transpose(dy, dyOrder), op.getMode());
  g.add(b, op.getX(), b.transpose(dx, inverse(xOrder)));
}
void gatherNdGradient(Gradient &g, Build &b, GatherNdOp op, Value dy) {
  g.add(b, op.getX(), scatterAdd(b, dimsOf(op.getX()), op.getIndices(), dy, op.getMode()));
}
LogicalResult scatterGradient(Gradient &g, Build &b, Operation *operation, Value dy) {
  auto op = cast<ScatterOp>(operation);
  auto picked = [&] {
    return b.reshape(GatherNdOp::create(b.b, b.loc, dy, op.getIndices(), op.getMode()),
                     dimsOf(op.getUpdates()));
  };
  switch (op.getKind()) {
  case ScatterKind::update:
    if (g.needs(op.getX()))
      g.add(b, op.getX(),
            ScatterOp::create(b.b, b.loc, dy.getType(), dy, op.getIndices(),
                              b.fullLike(op.getUpdates(), 0), ScatterKind::update, op.getMode()));
    break;
  case ScatterKind::add:
  case ScatterKind::sub:
    g.add(b, op.getX(), dy);
    break;
  default:
    return noGradient(op, "only updates that replace, add or subtract have a gradient");
  }
  if (g.needs(op.getUpdates()))
    g.add(b, op.getUpdates(),
          op.getKind() == ScatterKind::sub ? b.unary<NegOp>(picked()) : picked());
  return success();
}

} // namespace

void addShapeGradients(GradientRules &rules) {
  addGradient<BroadcastOp, broadcastGradient>(rules);
  addGradient<ReshapeOp, reshapeGradient>(rules);
  addGradient<TransposeOp, transposeGradient>(rules);
  addGradient<SliceOp, sliceGradient>(rules);
  addGradient<DynamicSliceOp, dynamicSliceGradient>(rules);
  addGradient<DynamicUpdateSliceOp, dynamicUpdateSliceGradient>(rules);
  addGradient<ReverseOp, reverseGradient>(rules);
  addGradient<PadOp, padGradient>(rules);
  addGradient<ConcatOp, concatGradient>(rules);
  addGradient<TakeOp, takeGradient>(rules);
  addGradient<GatherNdOp, gatherNdGradient>(rules);
  addGradient<ScatterOp>(rules, scatterGradient);
}

} // namespace ingot::train
