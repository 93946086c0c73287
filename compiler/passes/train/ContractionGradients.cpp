// Gradients of dot_general and conv: contractions of the result's gradient with
// the other operand.
#include "compiler/passes/train/GradientRules.h"
#include "llvm/ADT/Sequence.h"

using namespace mlir;
using namespace ingot::nn;

namespace ingot::train {
namespace {

SmallVector<int64_t> freeDims(Value v, ArrayRef<int64_t> batch, ArrayRef<int64_t> contract) {
  SmallVector<int64_t> r;
  for (int64_t i = 0; i < Build::rank(v); ++i)
    if (!llvm::is_contained(batch, i) && !llvm::is_contained(contract, i))
      r.push_back(i);
  return r;
}
SmallVector<int64_t> sequence(int64_t from, int64_t n) {
  return llvm::to_vector(llvm::seq<int64_t>(from, from + n));
}
/// Dimension numbers of `of` in the order in which those of `by` increase.
SmallVector<int64_t> sortedBy(ArrayRef<int64_t> of, ArrayRef<int64_t> by) {
  SmallVector<int64_t> order = sequence(0, by.size()), r;
  llvm::sort(order, [&](int64_t a, int64_t b) { return by[a] < by[b]; });
  for (int64_t i : order)
    r.push_back(of[i]);
  return r;
}
/// Brings a result whose dimension i is dimension `layout[i]` of the operand
/// into the operand's order.
Value inOrder(Build &b, Value v, ArrayRef<int64_t> layout) {
  SmallVector<int64_t> permutation(layout.size());
  for (auto [i, d] : llvm::enumerate(layout))
    permutation[d] = i;
  return b.transpose(v, permutation);
}
void dotGradient(Gradient &g, Build &b, DotGeneralOp op, Value dy) {
  Value x = op.getLhs(), y = op.getRhs();
  auto lb = op.getLhsBatch(), rb = op.getRhsBatch(), lc = op.getLhsContract(),
       rc = op.getRhsContract();
  auto xFree = freeDims(x, lb, lc), yFree = freeDims(y, rb, rc);
  int64_t nb = lb.size();
  auto batch = sequence(0, nb), dyX = sequence(nb, xFree.size()),
       dyY = sequence(nb + xFree.size(), yFree.size());
  if (g.needs(x)) {
    Value dx = DotGeneralOp::create(b.b, b.loc, dy, y, batch, rb, dyY, yFree);
    SmallVector<int64_t> layout(lb.begin(), lb.end());
    llvm::append_range(layout, xFree);
    llvm::append_range(layout, sortedBy(lc, rc));
    g.add(b, x, inOrder(b, dx, layout));
  }
  if (g.needs(y)) {
    Value dw = DotGeneralOp::create(b.b, b.loc, x, dy, lb, batch, xFree, dyX);
    SmallVector<int64_t> layout(rb.begin(), rb.end());
    llvm::append_range(layout, sortedBy(rc, lc));
    llvm::append_range(layout, yFree);
    g.add(b, y, inOrder(b, dw, layout));
  }
}

/// The filter with flipped windows whose features and channels change places.
Value turnedFilter(Build &b, Value filter, int64_t groups) {
  Dims dims = dimsOf(filter);
  int64_t n = dims.size() - 2;
  Value turned = ReverseOp::create(b.b, b.loc, filter.getType(), filter, sequence(0, n));
  SmallVector<int64_t> order = sequence(0, n);
  if (groups == 1) {
    order.push_back(n + 1);
    order.push_back(n);
    return b.transpose(turned, order);
  }
  SizeExpr channels = dims[n], each = SizeExpr::floorDiv(dims[n + 1], groups);
  Dims split(dims.begin(), dims.end() - 1), merged(dims.begin(), dims.end() - 2);
  split.push_back(groups);
  split.push_back(each);
  order.append({n + 2, n + 1, n}); // features of a group, groups, channels
  merged.push_back(each);
  merged.push_back(channels * groups);
  return b.reshape(b.transpose(b.reshape(turned, split), order), merged);
}
Value convInputGradient(Build &b, ConvOp op, Value dy) {
  Dims x = dimsOf(op.getX()), out = dimsOf(dy), filter = dimsOf(op.getFilter()), low, high;
  size_t n = op.getStrides().size();
  for (size_t i = 0; i < n; ++i) {
    int64_t stride = op.getStrides()[i], dilated = op.getLhsDilation()[i];
    SizeExpr reach = (filter[i] - 1) * op.getRhsDilation()[i],
             before = reach - op.getPadLow().expr(i);
    SizeExpr spread =
        SizeExpr::max((out[i + 1] - 1) * stride + 1, out[i + 1].isConstant(0) ? 0 : 1);
    low.push_back(before);
    high.push_back((x[i + 1] - 1) * dilated + reach + 1 - spread - before);
  }
  auto sizes = [&](const Dims &d) {
    return SizesAttr::get(b.b.getContext(), ArrayRef<SizeExpr>(d));
  };
  // Dilations change places with strides: position p of x meets the result at
  // (p * lhs_dilation + low - k * rhs_dilation) / stride.
  return ConvOp::create(b.b, b.loc, dy, turnedFilter(b, op.getFilter(), op.getGroups()),
                        op.getLhsDilation(), sizes(low), sizes(high), op.getStrides(),
                        op.getRhsDilation(), op.getGroups());
}
void convGradient(Gradient &g, Build &b, ConvOp op, Value dy) {
  if (g.needs(op.getX()))
    g.add(b, op.getX(), convInputGradient(b, op, dy));
  if (!g.needs(op.getFilter()))
    return;
  Value x = op.getX();
  if (llvm::any_of(op.getLhsDilation(), [](int64_t d) { return d != 1; })) {
    Dims none(Build::rank(x), SizeExpr(0));
    SmallVector<int64_t> interior(Build::rank(x), 0);
    for (auto [i, d] : llvm::enumerate(op.getLhsDilation()))
      interior[i + 1] = d - 1;
    x = b.pad(x, b.scalar(0, Build::elem(x)), none, none, interior);
  }
  g.add(b, op.getFilter(),
        ConvFilterGradOp::create(b.b, b.loc, op.getFilter().getType(), x, dy, op.getStrides(),
                                 op.getPadLow(), op.getPadHigh(), op.getRhsDilation(),
                                 op.getGroups()));
}

} // namespace

void addContractionGradients(GradientRules &rules) {
  addGradient<DotGeneralOp, dotGradient>(rules);
  addGradient<ConvOp, convGradient>(rules);
}

} // namespace ingot::train
