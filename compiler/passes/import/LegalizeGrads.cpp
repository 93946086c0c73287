// Gradient ops of exported training graphs, as compositions with TensorFlow's
// formulas (masks multiply, so a NaN gradient stays one).
#include "compiler/passes/import/LegalizeRules.h"
#include "compiler/passes/import/LegalizeSlices.h"
#include "llvm/ADT/Sequence.h"

using namespace mlir;
using namespace ingot;
using namespace ingot::legalize;
using nn::CompareDirection;
using nn::ReduceKind;

namespace {

/// Checks that both operands have one type.
LogicalResult pair(Node &n) {
  if (n.elem(0) != n.elem(1) || n.rank(0) != n.rank(1))
    return n.refuse("operands are " + describe(n.type(0)) + " and " + describe(n.type(1)));
  return n.needBroadcast(0, 1);
}
/// grad where `inside` of x holds, else grad * 0.
LogicalResult masked(Node &n, llvm::function_ref<Value(Value)> inside) {
  if (failed(pair(n)))
    return failure();
  return n.give(n.b.mul(n.in(0), n.b.cast(inside(n.in(1)), n.elem(0))));
}
LogicalResult reluGrad(Node &n) {
  return masked(n,
                [&](Value x) { return n.b.compare(CompareDirection::gt, x, n.b.fullLike(x, 0)); });
}
LogicalResult relu6Grad(Node &n) {
  return masked(n, [&](Value x) {
    Value above = n.b.compare(CompareDirection::gt, x, n.b.fullLike(x, 0));
    return n.b.binary<nn::AndOp>(above, n.b.compare(CompareDirection::lt, x, n.b.fullLike(x, 6)));
  });
}
LogicalResult leakyReluGrad(Node &n) {
  if (failed(pair(n)))
    return failure();
  Value x = n.in(1), above = n.b.compare(CompareDirection::gt, x, n.b.fullLike(x, 0));
  return n.give(
      n.b.select(above, n.in(0), n.b.mul(n.in(0), static_cast<float>(n.floatAttr("alpha", 0.2)))));
}
/// Operands: gradient, output.
LogicalResult eluGrad(Node &n) {
  if (failed(pair(n)))
    return failure();
  Value y = n.in(1), below = n.b.compare(CompareDirection::lt, y, n.b.fullLike(y, 0));
  return n.give(n.b.select(below, n.b.mul(n.in(0), n.b.add(y, 1.0)), n.in(0)));
}
LogicalResult seluGrad(Node &n) {
  if (failed(pair(n)))
    return failure();
  constexpr double scale = 1.0507009873554804934193349852946,
                   scaleAlpha = 1.7580993408473768599402175208123;
  Value y = n.in(1), below = n.b.compare(CompareDirection::lt, y, n.b.fullLike(y, 0));
  return n.give(
      n.b.select(below, n.b.mul(n.in(0), n.b.add(y, scaleAlpha)), n.b.mul(n.in(0), scale)));
}
LogicalResult softplusGrad(Node &n) {
  if (failed(pair(n)))
    return failure();
  Value spread = n.b.unary<nn::ExpOp>(n.b.unary<nn::NegOp>(n.in(1)));
  return n.give(n.b.div(n.in(0), n.b.add(spread, 1.0)));
}
LogicalResult softsignGrad(Node &n) {
  if (failed(pair(n)))
    return failure();
  Value size = nn::AbsOp::create(n.b.b, n.b.loc, n.type(1), n.in(1));
  return n.give(n.b.div(n.in(0), n.b.unary<nn::SquareOp>(n.b.add(size, 1.0))));
}

/// Operands from here: output y, gradient dy.
LogicalResult sigmoidGrad(Node &n) {
  if (failed(pair(n)))
    return failure();
  Value y = n.in(0), rest = n.b.sub(n.b.fullLike(y, 1), y);
  return n.give(n.b.mul(n.b.mul(n.in(1), y), rest));
}
LogicalResult tanhGrad(Node &n) {
  if (failed(pair(n)))
    return failure();
  Value y = n.in(0);
  return n.give(n.b.mul(n.in(1), n.b.sub(n.b.fullLike(y, 1), n.b.unary<nn::SquareOp>(y))));
}
// These three conjugate the output of a complex function; for the others the graph
// does it.

/// 0 where the gradient is 0, whatever the factor.
LogicalResult zeroStays(Node &n, Value factor) {
  return n.give(n.b.binary<nn::MulNoNanOp>(factor, n.in(1)));
}
LogicalResult sqrtGrad(Node &n) {
  if (failed(pair(n)))
    return failure();
  Value y = n.b.conj(n.in(0));
  return zeroStays(n, n.b.div(n.b.fullLike(y, 0.5), y));
}
LogicalResult rsqrtGrad(Node &n) {
  if (failed(pair(n)))
    return failure();
  Value y = n.b.conj(n.in(0)), cube = n.b.mul(n.b.unary<nn::SquareOp>(y), y);
  return n.give(n.b.mul(n.b.binary<nn::MulNoNanOp>(cube, n.in(1)), -0.5));
}
LogicalResult reciprocalGrad(Node &n) {
  if (failed(pair(n)))
    return failure();
  return zeroStays(n, n.b.unary<nn::NegOp>(n.b.unary<nn::SquareOp>(n.b.conj(n.in(0)))));
}

LogicalResult biasAddGrad(Node &n) {
  if (n.rank(0) < 2)
    return n.refuse("takes rank 2 or more, has " + describe(n.type(0)));
  int64_t axis = n.stringAttr("data_format", "NHWC").starts_with("NC") ? 1 : n.rank(0) - 1;
  auto dims = llvm::to_vector(llvm::seq<int64_t>(0, n.rank(0)));
  dims.erase(dims.begin() + axis);
  return n.give(n.b.reduce(ReduceKind::sum, n.in(0), dims));
}

/// Operands: shape, begin, end, strides, gradient.
LogicalResult stridedSliceGrad(Node &n) {
  Dims x;
  SliceSpec spec;
  if (failed(n.needSizes(0, "the shape", x)) ||
      failed(spec.read(n, nn::tensorType(x, n.elem(4)), 1, 2, 3)))
    return failure();
  Dims grad = n.dims(4);
  if (grad.size() != spec.result.size())
    return n.refuse("the gradient has shape " + describe(grad) + ", expected " +
                    describe(spec.result));
  for (size_t i = 0; i < grad.size(); ++i)
    if (failed(n.same(grad[i], spec.result[i], "dimension " + Twine(i) + " of the gradient")))
      return failure();
  Value g = n.b.reshape(n.in(4), spec.sizes);
  if (!spec.dynamic.empty()) {
    SmallVector<Value> starts(x.size(), n.b.scalar(0, n.elem(1)));
    for (auto &[d, at] : spec.dynamic) {
      Value negative = n.b.compare(CompareDirection::lt, at, n.b.scalar(0, n.elem(1)));
      starts[d] = n.b.select(negative, n.b.add(at, n.b.size(x[d], n.elem(1))), at);
    }
    for (size_t d = 0; d < x.size(); ++d)
      if (!spec.sizes[d].isConstant(1) && spec.sizes[d] != x[d])
        return n.refuse("a run-time index beside a partial slice");
    return n.give(
        nn::DynamicUpdateSliceOp::create(n.b.b, n.b.loc, n.b.full(x, 0, n.elem(4)), g, starts));
  }
  Dims low, high;
  SmallVector<int64_t> inner, backward;
  for (size_t d = 0; d < x.size(); ++d) {
    int64_t step = std::abs(spec.strides[d]);
    SizeExpr span = SizeExpr::max((spec.sizes[d] - 1) * step + 1, 0);
    SizeExpr first =
        spec.strides[d] > 0 ? spec.start[d] : spec.start[d] - (spec.sizes[d] - 1) * step;
    if (spec.strides[d] < 0)
      backward.push_back(d);
    low.push_back(first);
    high.push_back(x[d] - first - span);
    inner.push_back(step - 1);
  }
  if (!backward.empty())
    g = nn::ReverseOp::create(n.b.b, n.b.loc, g, backward);
  Value r = n.b.pad(g, n.b.scalar(0, n.elem(4)), low, high, inner);
  return n.give(n.b.reshape(r, x));
}

/// Operands: dy, x, scale, saved mean, saved variance (or inverse deviation).
LogicalResult batchNormGrad(Node &n) {
  if (n.rank(0) < 2 || n.rank(1) != n.rank(0))
    return n.refuse("takes images, has " + describe(n.type(0)) + " and " + describe(n.type(1)));
  int64_t axis = n.stringAttr("data_format", "NHWC").starts_with("NC") ? 1 : n.rank(0) - 1;
  Dims dims = n.dims(1);
  for (unsigned i = 2; i < 5; ++i)
    if (failed(n.needRank(i, 1, "operand " + std::to_string(i))) ||
        failed(n.same(n.dims(i)[0], dims[axis], "the length of operand " + Twine(i))))
      return failure();
  Type compute = n.elem(2);
  auto axes = llvm::to_vector(llvm::seq<int64_t>(0, n.rank(0)));
  axes.erase(axes.begin() + axis);
  auto spread = [&](Value v) { return n.b.broadcastInDim(v, dims, {axis}); };
  auto sum = [&](Value v) { return n.b.reduce(ReduceKind::sum, v, axes); };
  Value dy = n.b.cast(n.in(0), compute), x = n.b.cast(n.in(1), compute);
  Value inverse =
      n.b.unary<nn::RsqrtOp>(n.b.add(n.in(4), static_cast<float>(n.floatAttr("epsilon", 1e-4))));
  Value apart = n.b.sub(x, spread(n.in(3)));
  Value dOffset = sum(dy), dScaleRaw = sum(n.b.mul(dy, apart));
  Value dScale = n.b.mul(dScaleRaw, inverse), factor = n.b.mul(n.in(2), inverse), dx;
  if (n.boolAttr("is_training", true)) {
    SizeExpr count = 1;
    for (int64_t a : axes)
      count = count * dims[a];
    Value number = n.b.cast(n.b.size(count, n.b.b.getI64Type()), compute);
    Value meanDy = n.b.div(dOffset, number);
    Value slope = n.b.div(n.b.mul(dScaleRaw, n.b.unary<nn::SquareOp>(inverse)), number);
    Value centered = n.b.sub(n.b.sub(dy, spread(meanDy)), n.b.mul(apart, spread(slope)));
    dx = n.b.mul(centered, spread(factor));
  } else {
    dx = n.b.mul(dy, spread(factor));
  }
  (void)n.give(0, Datum::of(n.b.cast(dx, n.elem(0))));
  (void)n.give(1, Datum::of(dScale));
  (void)n.give(2, Datum::of(dOffset));
  for (unsigned i : {3u, 4u})
    (void)n.give(i, Datum::of(n.b.full({SizeExpr(0)}, 0, compute)));
  return success();
}

const Rule kRules[] = {
    {"ReluGrad", 2, reluGrad},
    {"Relu6Grad", 2, relu6Grad},
    {"LeakyReluGrad", 2, leakyReluGrad},
    {"EluGrad", 2, eluGrad},
    {"SeluGrad", 2, seluGrad},
    {"SoftplusGrad", 2, softplusGrad},
    {"SoftsignGrad", 2, softsignGrad},
    {"SigmoidGrad", 2, sigmoidGrad},
    {"TanhGrad", 2, tanhGrad},
    {"SqrtGrad", 2, sqrtGrad},
    {"RsqrtGrad", 2, rsqrtGrad},
    {"ReciprocalGrad", 2, reciprocalGrad},
    {"InvGrad", 2, reciprocalGrad},
    {"BiasAddGrad", 1, biasAddGrad},
    {"StridedSliceGrad", 5, stridedSliceGrad},
    {"FusedBatchNormGrad", 5, batchNormGrad},
    {"FusedBatchNormGradV2", 5, batchNormGrad},
    {"FusedBatchNormGradV3", 5, batchNormGrad},
};
} // namespace

Table legalize::gradientRules() { return kRules; }
