// Shape-inferring construction of nn operations.
#include "compiler/dialects/Nn/Build.h"
#include "llvm/ADT/Sequence.h"

using namespace mlir;

namespace ingot::nn {

std::optional<Dims> broadcastShapes(ArrayRef<SizeExpr> x, ArrayRef<SizeExpr> y) {
  Dims r(std::max(x.size(), y.size()), SizeExpr(1));
  for (size_t i = 0; i < r.size(); ++i) { // from the last dimension
    SizeExpr a = i < x.size() ? x[x.size() - 1 - i] : SizeExpr(1);
    SizeExpr c = i < y.size() ? y[y.size() - 1 - i] : SizeExpr(1);
    if (a.constant() && c.constant() && a != c && !a.isConstant(1) && !c.isConstant(1))
      return std::nullopt;
    r[r.size() - 1 - i] = SizeExpr::bcast(a, c);
  }
  return r;
}

std::pair<SizeExpr, SizeExpr> samePadding(const SizeExpr &size, int64_t window, int64_t stride,
                                          int64_t dilation) {
  int64_t effective = (window - 1) * dilation + 1;
  SizeExpr out = SizeExpr::ceilDiv(size, stride);
  SizeExpr total = SizeExpr::max((out - 1) * stride + effective - size, 0);
  SizeExpr low = SizeExpr::floorDiv(total, 2);
  return {low, total - low};
}

static Attribute number(double value, Type e) {
  if (auto f = dyn_cast<FloatType>(e))
    return FloatAttr::get(f, value);
  if (auto c = dyn_cast<ComplexType>(e))
    return ArrayAttr();
  return IntegerAttr::get(e, e.isUnsignedInteger()
                                 ? static_cast<int64_t>(static_cast<uint64_t>(value))
                                 : static_cast<int64_t>(value));
}

Value Build::scalar(double value, Type e) {
  auto type = RankedTensorType::get({}, e);
  if (auto c = dyn_cast<ComplexType>(e)) {
    auto part = [&](double v) {
      return llvm::cast<FloatAttr>(number(v, c.getElementType())).getValue();
    };
    return constant(DenseElementsAttr::get(type, std::complex<APFloat>(part(value), part(0))));
  }
  return constant(DenseElementsAttr::get(type, number(value, e)));
}
Value Build::full(ArrayRef<SizeExpr> dims, double value, Type e) {
  return broadcastTo(scalar(value, e), dims);
}
Value Build::sizes(ArrayRef<SizeExpr> values, Type e) {
  auto type = RankedTensorType::get({static_cast<int64_t>(values.size())}, e);
  SmallVector<APInt> known;
  for (const SizeExpr &v : values)
    if (auto c = v.constant())
      known.push_back(APInt(e.getIntOrFloatBitWidth(), *c, true, true));
  if (known.size() == values.size())
    return constant(DenseElementsAttr::get(type, known));
  return SizesOp::create(b, loc, type, SizesAttr::get(b.getContext(), values));
}
Value Build::size(const SizeExpr &value, Type e) {
  auto type = RankedTensorType::get({}, e);
  if (auto c = value.constant())
    return constant(DenseElementsAttr::get(type, APInt(e.getIntOrFloatBitWidth(), *c, true, true)));
  return SizesOp::create(b, loc, type, SizesAttr::get(b.getContext(), ArrayRef<SizeExpr>(value)));
}

Value Build::broadcastTo(Value x, ArrayRef<SizeExpr> dims) {
  int64_t lead = static_cast<int64_t>(dims.size()) - rank(x);
  return broadcastInDim(x, dims, llvm::to_vector(llvm::seq<int64_t>(lead, dims.size())));
}
Value Build::broadcastInDim(Value x, ArrayRef<SizeExpr> dims, ArrayRef<int64_t> map) {
  auto type = tensorType(dims, elem(x));
  if (type == x.getType())
    return x;
  return BroadcastOp::create(b, loc, type, x, map);
}
Value Build::reshape(Value x, ArrayRef<SizeExpr> dims) {
  if (auto inner = x.getDefiningOp<ReshapeOp>())
    x = inner.getX();
  auto type = tensorType(dims, elem(x));
  return type == x.getType() ? x : ReshapeOp::create(b, loc, type, x);
}
Value Build::transpose(Value x, ArrayRef<int64_t> permutation) {
  for (auto [i, p] : llvm::enumerate(permutation))
    if (static_cast<int64_t>(i) != p)
      return TransposeOp::create(b, loc, x, permutation);
  return x;
}
Value Build::cast(Value x, Type e) {
  return elem(x) == e ? x : CastOp::create(b, loc, withElement(x.getType(), e), x);
}
Value Build::slice(Value x, ArrayRef<SizeExpr> start, ArrayRef<SizeExpr> sizes,
                   ArrayRef<int64_t> strides) {
  SmallVector<int64_t> s(strides);
  s.resize(start.size(), 1);
  auto type = tensorType(sizes, elem(x));
  bool whole = type == x.getType() &&
               llvm::all_of(start, [](auto &e) { return e.isConstant(0); }) &&
               llvm::all_of(s, [](int64_t v) { return v == 1; });
  return whole ? x : SliceOp::create(b, loc, type, x, SizesAttr::get(b.getContext(), start), s);
}
Value Build::concat(ValueRange xs, int64_t dim) {
  return xs.size() == 1 ? xs[0] : ConcatOp::create(b, loc, xs, dim);
}
Value Build::pad(Value x, Value value, ArrayRef<SizeExpr> low, ArrayRef<SizeExpr> high,
                 ArrayRef<int64_t> interior, PadMode mode) {
  SmallVector<int64_t> inner(interior);
  inner.resize(low.size(), 0);
  auto zero = [](const SizeExpr &e) { return e.isConstant(0); };
  if (llvm::all_of(low, zero) && llvm::all_of(high, zero) &&
      llvm::all_of(inner, [](int64_t v) { return !v; }))
    return x;
  auto *ctx = b.getContext();
  return PadOp::create(b, loc, x, value, SizesAttr::get(ctx, low), SizesAttr::get(ctx, high), inner,
                       mode);
}

void Build::align(Value &x, Value &y) {
  if (x.getType() == y.getType())
    return;
  auto dims = broadcastShapes(dimsOf(x), dimsOf(y));
  if (!dims)
    return; // the verifier names the operation
  x = broadcastTo(x, *dims);
  y = broadcastTo(y, *dims);
}
Value Build::compare(CompareDirection direction, Value x, Value y) {
  align(x, y);
  return CompareOp::create(b, loc, x, y, direction);
}
Value Build::select(Value pred, Value x, Value y) {
  align(x, y);
  if (auto dims = broadcastShapes(dimsOf(pred), dimsOf(x))) {
    pred = broadcastTo(pred, *dims);
    x = broadcastTo(x, *dims);
    y = broadcastTo(y, *dims);
  }
  return SelectOp::create(b, loc, pred, x, y);
}
Value Build::conj(Value x) {
  if (!llvm::isa<ComplexType>(elem(x)))
    return x;
  return complex(real(x), unary<NegOp>(imag(x)));
}
Value Build::reduce(ReduceKind kind, Value x, ArrayRef<int64_t> dims, bool keepDims) {
  SmallVector<int64_t> sorted(dims);
  llvm::sort(sorted);
  Value r = sorted.empty() ? x : ReduceOp::create(b, loc, x, kind, sorted);
  if (!keepDims)
    return r;
  Dims kept = dimsOf(x);
  for (int64_t d : sorted)
    kept[d] = 1;
  return reshape(r, kept);
}

Value Build::matmul(Value x, Value y, bool transposeX, bool transposeY) {
  Dims a = dimsOf(x), c = dimsOf(y);
  auto lead = broadcastShapes(ArrayRef(a).drop_back(2), ArrayRef(c).drop_back(2));
  if (!lead)
    return {};
  // A matrix on the right stays one: the leading dimensions of x are rows.
  bool matrixY = c.size() == 2;
  auto spread = [&](Value v, const Dims &own) {
    Dims full = *lead;
    full.append(own.end() - 2, own.end());
    return broadcastTo(v, full);
  };
  if (!matrixY) {
    x = spread(x, a);
    y = spread(y, c);
  }
  int64_t n = lead->size();
  int64_t rx = rank(x), ry = rank(y);
  auto batch = matrixY ? SmallVector<int64_t>{} : llvm::to_vector(llvm::seq<int64_t>(0, n));
  int64_t cx = transposeX ? rx - 2 : rx - 1, cy = transposeY ? ry - 1 : ry - 2;
  return DotGeneralOp::create(b, loc, x, y, batch, batch, ArrayRef<int64_t>(cx),
                              ArrayRef<int64_t>(cy));
}

} // namespace ingot::nn
