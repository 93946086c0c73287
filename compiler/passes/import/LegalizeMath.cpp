// Contractions, reductions, softmax, bias and normalization.
#include "compiler/passes/import/LegalizeRules.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace ingot;
using namespace ingot::legalize;
using nn::CompareDirection;
using nn::ReduceKind;

namespace {

//===-- Contractions ------------------------------------------------------===//

LogicalResult product(Node &n, bool tx, bool ty, Type result) {
  for (unsigned i : {0u, 1u})
    if (n.rank(i) < 2)
      return n.refuse("operand " + Twine(i) + " is " + describe(n.type(i)) + ", expected a matrix");
  Dims x = n.dims(0), y = n.dims(1);
  if (!nn::broadcastShapes(ArrayRef(x).drop_back(2), ArrayRef(y).drop_back(2)))
    return n.refuse("batch dimensions of " + describe(x) + " and " + describe(y) +
                    " do not broadcast");
  n.legalizer.requireBroadcast(ArrayRef(x).drop_back(2), ArrayRef(y).drop_back(2));
  const SizeExpr &kx = x[x.size() - (tx ? 2 : 1)], &ky = y[y.size() - (ty ? 1 : 2)];
  if (failed(
          n.same(kx, ky, "the inner size of " + describe(n.type(0)) + " x " + describe(n.type(1)))))
    return failure();
  Value a = n.b.cast(n.in(0), result), c = n.b.cast(n.in(1), result);
  return n.give(n.b.matmul(a, c, tx, ty));
}
LogicalResult matmul(Node &n) {
  if (n.elem(0) != n.elem(1))
    return n.refuse("operands are " + describe(n.type(0)) + " and " + describe(n.type(1)));
  if (failed(n.needRank(0, 2, "the left operand")) || failed(n.needRank(1, 2, "the right operand")))
    return failure();
  return product(n, n.boolAttr("transpose_a", false), n.boolAttr("transpose_b", false), n.elem(0));
}
LogicalResult batchMatMul(Node &n) {
  bool x = n.boolAttr("adj_x", false), y = n.boolAttr("adj_y", false);
  Type result = n.typeAttr("Tout", n.elem(0));
  // Adjoints are conjugates too.
  for (unsigned i : {0u, 1u})
    if (isa<ComplexType>(n.elem(i)) && (i ? y : x))
      n.replaceOperand(i, Datum::of(n.b.conj(n.in(i))));
  return product(n, x, y, result);
}

/// One operand of an einsum: a label for each dimension.
struct Term {
  Value value;
  std::string labels;
  SizeExpr size(char label) const { return nn::dimsOf(value)[labels.find(label)]; }
};
/// Replaces `...` of rank `rank` by upper control characters, aligned right.
bool expandEllipsis(std::string &labels, int64_t rank, int64_t &ellipsis) {
  size_t at = labels.find("...");
  if (at == std::string::npos)
    return static_cast<int64_t>(labels.size()) == rank;
  int64_t extra = rank - static_cast<int64_t>(labels.size() - 3);
  if (extra < 0 || extra > 16)
    return false;
  std::string letters;
  for (int64_t i = extra; i > 0; --i)
    letters += static_cast<char>(i);
  labels.replace(at, 3, letters);
  ellipsis = std::max(ellipsis, extra);
  return true;
}
/// Sums over labels that `keep` does not have.
void sumOut(Node &n, Term &t, const std::string &keep) {
  SmallVector<int64_t> dims;
  std::string left;
  for (auto [i, c] : llvm::enumerate(t.labels)) {
    if (keep.find(c) == std::string::npos)
      dims.push_back(i);
    else
      left += c;
  }
  t.value = n.b.reduce(ReduceKind::sum, t.value, dims);
  t.labels = left;
}
LogicalResult einsum(Node &n) {
  std::string text = n.stringAttr("equation", "").str();
  text.erase(std::remove(text.begin(), text.end(), ' '), text.end());
  size_t arrow = text.find("->");
  SmallVector<StringRef> inputs;
  StringRef(text).take_front(arrow).split(inputs, ',');
  if (arrow == std::string::npos || inputs.size() != n.size() || n.size() > 2)
    return n.refuse("equation '" + text + "' with " + Twine(n.size()) + " operands");
  std::string out = text.substr(arrow + 2);
  SmallVector<Term> terms;
  int64_t ellipsis = 0;
  for (unsigned i = 0; i < n.size(); ++i) {
    terms.push_back({n.in(i), inputs[i].str()});
    if (!expandEllipsis(terms[i].labels, n.rank(i), ellipsis))
      return n.refuse("equation '" + text + "' does not fit operand " + Twine(i) + " of " +
                      describe(n.type(i)));
    for (char c : terms[i].labels)
      if (llvm::count(terms[i].labels, c) > 1)
        return n.refuse("equation '" + text + "' takes a diagonal");
  }
  int64_t unused = 0;
  expandEllipsis(out, static_cast<int64_t>(out.size()) - 3 + ellipsis, unused);
  std::string all = terms[0].labels + (n.size() > 1 ? terms[1].labels : "");
  for (char c : out)
    if (all.find(c) == std::string::npos || llvm::count(out, c) > 1)
      return n.refuse("equation '" + text + "' has an output that no operand gives");
  Term r = terms[0];
  if (n.size() == 1) {
    sumOut(n, r, out);
  } else {
    Term &x = terms[0], &y = terms[1];
    sumOut(n, x, out + y.labels);
    sumOut(n, y, out + x.labels);
    SmallVector<int64_t> xb, yb, xc, yc;
    std::string batch, freeX, freeY;
    for (char c : x.labels) {
      int64_t i = x.labels.find(c);
      size_t j = y.labels.find(c);
      if (j == std::string::npos) {
        freeX += c;
        continue;
      }
      if (failed(n.same(y.size(c), x.size(c), "size of '" + Twine(c) + "' in '" + text + "'")))
        return failure();
      if (out.find(c) == std::string::npos) {
        xc.push_back(i);
        yc.push_back(j);
      } else {
        batch += c;
        xb.push_back(i);
        yb.push_back(j);
      }
    }
    for (char c : y.labels)
      if (x.labels.find(c) == std::string::npos)
        freeY += c;
    r = {nn::DotGeneralOp::create(n.b.b, n.b.loc, x.value, y.value, xb, yb, xc, yc),
         batch + freeX + freeY};
  }
  SmallVector<int64_t> order;
  for (char c : out)
    order.push_back(r.labels.find(c));
  return n.give(n.b.transpose(r.value, order));
}

//===-- Reductions --------------------------------------------------------===//

LogicalResult readAxes(Node &n, unsigned operand, SmallVectorImpl<int64_t> &axes) {
  if (failed(n.needInts(operand, "the axes", axes)))
    return failure();
  for (int64_t &a : axes)
    if (failed(n.axis(a, n.rank(0))))
      return failure();
  llvm::sort(axes);
  if (std::adjacent_find(axes.begin(), axes.end()) != axes.end())
    return n.refuse("an axis is named twice");
  return success();
}
/// Reductions of known vectors are size expressions.
std::optional<Known> reduceKnown(Node &n, ReduceKind kind, ArrayRef<int64_t> axes, bool keep) {
  if (!n.known(0) || n.rank(0) != 1 || axes.size() != 1)
    return std::nullopt;
  const auto &v = n.known(0)->values;
  if (v.empty() && kind != ReduceKind::sum && kind != ReduceKind::prod)
    return std::nullopt;
  SizeExpr r = kind == ReduceKind::prod ? 1 : v.empty() ? 0 : v[0];
  if (kind == ReduceKind::sum)
    r = 0;
  for (const SizeExpr &e : v) {
    if (kind == ReduceKind::sum)
      r = r + e;
    else if (kind == ReduceKind::prod)
      r = r * e;
    else if (kind == ReduceKind::max)
      r = SizeExpr::max(r, e);
    else if (kind == ReduceKind::min)
      r = SizeExpr::min(r, e);
    else
      return std::nullopt;
  }
  return keep ? Known::vector(r) : Known::scalar(r);
}
template <ReduceKind K> LogicalResult reduce(Node &n) {
  SmallVector<int64_t> axes;
  if (failed(readAxes(n, 1, axes)))
    return failure();
  bool keep = n.boolAttr("keep_dims", false);
  if (auto k = reduceKnown(n, K, axes, keep))
    return n.give(Datum::of(*k, n.elem(0)));
  return n.give(n.b.reduce(K, n.in(0), axes, keep));
}
LogicalResult mean(Node &n) {
  SmallVector<int64_t> axes;
  if (failed(readAxes(n, 1, axes)))
    return failure();
  if (axes.empty())
    return n.give(n.operand(0));
  SizeExpr count = 1;
  for (int64_t a : axes)
    count = count * n.dims(0)[a];
  // Narrow types are summed and divided in a wide one, as TensorFlow does.
  Type e = n.elem(0), wide = e;
  if (auto i = dyn_cast<IntegerType>(e))
    wide = IntegerType::get(n.b.b.getContext(), 64, i.getSignedness());
  else if (e.isF16() || e.isBF16())
    wide = n.b.b.getF32Type();
  Value sum =
      n.b.reduce(ReduceKind::sum, n.b.cast(n.in(0), wide), axes, n.boolAttr("keep_dims", false));
  Value number = n.b.cast(n.b.size(count, n.b.b.getI64Type()), wide);
  return n.give(n.b.cast(n.b.div(sum, number), e));
}
LogicalResult euclideanNorm(Node &n) {
  SmallVector<int64_t> axes;
  if (failed(readAxes(n, 1, axes)))
    return failure();
  auto square = [&](Value v) { return n.b.unary<nn::SquareOp>(v); };
  Value x = n.in(0);
  Value squares =
      isa<ComplexType>(n.elem(0)) ? n.b.add(square(n.b.real(x)), square(n.b.imag(x))) : square(x);
  Value sum = n.b.reduce(ReduceKind::sum, squares, axes, n.boolAttr("keep_dims", false));
  return n.give(n.b.cast(n.b.unary<nn::SqrtOp>(sum), n.elem(0)));
}
template <bool IsMax> LogicalResult argReduce(Node &n) {
  auto at = n.size() > 1 ? n.integer(1) : std::optional<int64_t>(0);
  if (!at)
    return n.refuse("the axis must be constant");
  int64_t axis = *at;
  if (failed(n.axis(axis, n.rank(0))))
    return failure();
  Dims dims = n.dims(0);
  if (dims[axis].isConstant(0))
    return n.refuse("dimension " + Twine(axis) + " is empty");
  dims.erase(dims.begin() + axis);
  return n.give(nn::ArgReduceOp::create(n.b.b, n.b.loc, nn::tensorType(dims, n.outElem()), n.in(0),
                                        axis, IsMax));
}
LogicalResult l2Loss(Node &n) {
  auto axes = llvm::to_vector(llvm::seq<int64_t>(0, n.rank(0)));
  return n.give(n.b.mul(n.b.reduce(ReduceKind::sum, n.b.unary<nn::SquareOp>(n.in(0)), axes), 0.5));
}

//===-- Rows --------------------------------------------------------------===//

template <typename Op> LogicalResult row(Node &n) {
  return n.rank(0) ? n.give(n.b.unary<Op>(n.in(0))) : n.refuse("of a scalar");
}

LogicalResult biasAdd(Node &n) {
  if (failed(n.needRank(1, 1, "the bias")))
    return failure();
  if (n.rank(0) < 2 || n.elem(0) != n.elem(1))
    return n.refuse("adds " + describe(n.type(1)) + " to " + describe(n.type(0)));
  int64_t axis = n.stringAttr("data_format", "NHWC").starts_with("NC") ? 1 : n.rank(0) - 1;
  if (failed(n.same(n.dims(1)[0], n.dims(0)[axis], "the bias's length")))
    return failure();
  return n.give(n.b.add(n.in(0), n.b.broadcastInDim(n.in(1), n.dims(0), {axis})));
}

/// Scale, offset, mean and variance along the channels of x.
LogicalResult batchNorm(Node &n) {
  if (n.rank(0) < 2)
    return n.refuse("takes images, has " + describe(n.type(0)));
  int64_t axis = n.stringAttr("data_format", "NHWC").starts_with("NC") ? 1 : n.rank(0) - 1;
  Dims dims = n.dims(0);
  bool training = n.boolAttr("is_training", true);
  double epsilon = static_cast<float>(n.floatAttr("epsilon", 1e-4));
  double factor = n.floatAttr("exponential_avg_factor", 1.0);
  if (training && factor != 1.0)
    return n.refuse("exponential_avg_factor other than 1 in training");
  for (unsigned i = 1; i < (training ? 3u : 5u); ++i)
    if (failed(n.needRank(i, 1, "operand " + std::to_string(i))) ||
        failed(n.same(n.dims(i)[0], dims[axis], "the length of operand " + Twine(i))))
      return failure();
  Type compute = n.elem(1);
  Value x = n.b.cast(n.in(0), compute), average, variance;
  auto spread = [&](Value v) { return n.b.broadcastInDim(v, dims, {axis}); };
  Value reported;
  if (training) {
    auto axes = llvm::to_vector(llvm::seq<int64_t>(0, n.rank(0)));
    axes.erase(axes.begin() + axis);
    SizeExpr count = 1;
    for (int64_t a : axes)
      count = count * dims[a];
    Value number = n.b.cast(n.b.size(count, n.b.b.getI64Type()), compute);
    average = n.b.div(n.b.reduce(ReduceKind::sum, x, axes), number);
    Value apart = n.b.binary<nn::SquaredDifferenceOp>(x, spread(average));
    Value sum = n.b.reduce(ReduceKind::sum, apart, axes);
    variance = n.b.div(sum, number);
    Value rest = n.b.cast(n.b.size(SizeExpr::max(count - 1, 1), n.b.b.getI64Type()), compute);
    reported = n.b.div(sum, rest);
  } else {
    average = n.in(3);
    variance = reported = n.in(4);
  }
  Value scale = n.b.mul(n.b.unary<nn::RsqrtOp>(n.b.add(variance, epsilon)), n.in(1));
  Value y = n.b.add(n.b.mul(n.b.sub(x, spread(average)), spread(scale)), spread(n.in(2)));
  (void)n.give(0, Datum::of(n.b.cast(y, n.elem(0))));
  (void)n.give(1, Datum::of(average));
  (void)n.give(2, Datum::of(reported));
  (void)n.give(3, Datum::of(average));
  (void)n.give(4, Datum::of(variance));
  return n.give(5, Datum::of(n.b.full({SizeExpr(0)}, 0, compute)));
}

LogicalResult lrn(Node &n) {
  if (failed(n.needRank(0, 4, "the input")))
    return failure();
  int64_t radius = n.intAttr("depth_radius", 5);
  Value squares = n.b.unary<nn::SquareOp>(n.in(0));
  SmallVector<int64_t> window{1, 1, 1, 2 * radius + 1}, ones(4, 1), pads{0, 0, 0, radius};
  auto pad = nn::SizesAttr::get(n.b.b.getContext(), pads);
  Value sum = nn::ReduceWindowOp::create(n.b.b, n.b.loc, squares, ReduceKind::sum, window, ones,
                                         ones, ones, pad, pad);
  Value base = n.b.add(n.b.mul(sum, n.floatAttr("alpha", 1)), n.floatAttr("bias", 1));
  Value power = n.b.binary<nn::PowOp>(base, n.b.scalar(-n.floatAttr("beta", 0.5), n.elem(0)));
  return n.give(n.b.mul(n.in(0), power));
}

//===-- Cross entropy -----------------------------------------------------===//

/// Loss of each row and its gradient, from log-probabilities and targets. In
/// the sparse form, where `hit` says which class is the label, others add
/// nothing; in the dense one 0 times infinity is NaN, as in TensorFlow.
LogicalResult crossEntropy(Node &n, Value labels, Value hit) {
  Value logits = n.b.broadcastTo(n.in(0), nn::dimsOf(labels));
  Value lp = n.b.unary<nn::LogSoftmaxOp>(logits);
  Value terms = hit ? n.b.select(hit, lp, n.b.scalar(0, n.elem(0))) : n.b.mul(lp, labels);
  Value loss = n.b.unary<nn::NegOp>(n.b.reduce(ReduceKind::sum, terms, {1}));
  (void)n.give(0, Datum::of(loss));
  if (n.isLive(1))
    (void)n.give(1, Datum::of(n.b.sub(n.b.unary<nn::ExpOp>(lp), labels)));
  return success();
}
LogicalResult softmaxCrossEntropy(Node &n) {
  if (failed(n.needRank(0, 2, "logits")) || failed(n.needRank(1, 2, "labels")) ||
      failed(n.needBroadcast(0, 1)))
    return failure();
  return crossEntropy(n, n.b.broadcastTo(n.in(1), *nn::broadcastShapes(n.dims(0), n.dims(1))),
                      Value());
}
/// [batch, classes]: whether the column is the row's class.
Value isClass(Node &n, Value classes, const Dims &dims) {
  Type type = nn::tensorType(dims, Build::elem(classes));
  Value column = nn::IotaOp::create(n.b.b, n.b.loc, type, 1);
  return n.b.compare(CompareDirection::eq, n.b.broadcastInDim(classes, dims, {0}), column);
}

LogicalResult sparseSoftmaxCrossEntropy(Node &n) {
  if (failed(n.needRank(0, 2, "logits")) || failed(n.needRank(1, 1, "labels")) ||
      failed(n.same(n.dims(1)[0], n.dims(0)[0], "the number of labels")))
    return failure();
  Value hit = isClass(n, n.in(1), n.dims(0));
  return crossEntropy(n, n.b.cast(hit, n.elem(0)), hit);
}

/// Operands: a, b, vectors of three along the last dimension. With the
/// components turned by one (yzx) and by two (zxy) all three products are one.
LogicalResult cross(Node &n) {
  if (n.type(0) != n.type(1) || n.rank(0) < 1)
    return n.refuse("operands are " + describe(n.type(0)) + " and " + describe(n.type(1)));
  int64_t last = n.rank(0) - 1;
  if (failed(n.same(n.dims(0)[last], 3, "the last dimension")))
    return failure();
  auto turned = [&](Value x, ArrayRef<int32_t> order) -> Value {
    Value at = n.b.constant(n.b.b.getI32TensorAttr(order));
    return nn::TakeOp::create(n.b.b, n.b.loc, x, at, last, 0, nn::BoundsMode::error);
  };
  Value a = n.in(0), b = n.in(1);
  return n.give(n.b.sub(n.b.mul(turned(a, {1, 2, 0}), turned(b, {2, 0, 1})),
                        n.b.mul(turned(a, {2, 0, 1}), turned(b, {1, 2, 0}))));
}

/// Whether fewer than k classes are likelier than the target; never where the target is
/// no class or a prediction is not finite. Operands: predictions, targets, k.
LogicalResult inTopKV2(Node &n) {
  if (failed(n.needRank(0, 2, "predictions")) || failed(n.needRank(1, 1, "targets")) ||
      failed(n.needRank(2, 0, "k")) ||
      failed(n.same(n.dims(1)[0], n.dims(0)[0], "the number of targets")))
    return failure();
  Dims dims = n.dims(0);
  Value x = n.in(0), k = n.in(2);
  Value hit = isClass(n, n.in(1), dims);
  Value target = n.b.reduce(ReduceKind::sum, n.b.select(hit, x, n.b.fullLike(x, 0)), {1}, true);
  Value above = n.b.compare(CompareDirection::gt, x, n.b.broadcastTo(target, dims));
  Value rank = n.b.reduce(ReduceKind::sum, n.b.cast(above, n.elem(2)), {1});
  Type flags = nn::tensorType(dims, n.b.b.getI1Type());
  Value finite = nn::IsFiniteOp::create(n.b.b, n.b.loc, flags, x);
  Value sound = n.b.reduce(ReduceKind::all, finite, {1});
  Value known = n.b.reduce(ReduceKind::any, hit, {1});
  return n.give(n.b.binary<nn::AndOp>(n.b.compare(CompareDirection::lt, rank, k),
                                      n.b.binary<nn::AndOp>(known, sound)));
}

const Rule kRules[] = {
    {"MatMul", 2, matmul},
    {"BatchMatMul", 2, batchMatMul},
    {"BatchMatMulV2", 2, batchMatMul},
    {"BatchMatMulV3", 2, batchMatMul},
    {"Einsum", 1, einsum, "one or two operands, no diagonals"},
    {"Sum", 2, reduce<ReduceKind::sum>},
    {"Prod", 2, reduce<ReduceKind::prod>},
    {"Max", 2, reduce<ReduceKind::max>},
    {"Min", 2, reduce<ReduceKind::min>},
    {"All", 2, reduce<ReduceKind::all>},
    {"Any", 2, reduce<ReduceKind::any>},
    {"Mean", 2, mean},
    {"EuclideanNorm", 2, euclideanNorm},
    {"ArgMax", 1, argReduce<true>},
    {"ArgMin", 1, argReduce<false>},
    {"L2Loss", 1, l2Loss},
    {"Softmax", 1, row<nn::SoftmaxOp>},
    {"LogSoftmax", 1, row<nn::LogSoftmaxOp>},
    {"BiasAdd", 2, biasAdd},
    {"BiasAddV1", 2, biasAdd},
    {"FusedBatchNorm", 5, batchNorm},
    {"FusedBatchNormV2", 5, batchNorm},
    {"FusedBatchNormV3", 5, batchNorm},
    {"LRN", 1, lrn},
    {"SoftmaxCrossEntropyWithLogits", 2, softmaxCrossEntropy},
    {"SparseSoftmaxCrossEntropyWithLogits", 2, sparseSoftmaxCrossEntropy},
    {"Cross", 2, cross},
    {"InTopKV2", 3, inTopKV2},
};
} // namespace

Table legalize::mathRules() { return kRules; }
