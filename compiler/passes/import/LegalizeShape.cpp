// Sources, sizes and shapes: constants, identities, Shape and its arithmetic,
// reshapes, broadcasts, fills. On known integers they compute size expressions.
#include "compiler/passes/import/LegalizeRules.h"
#include "llvm/ADT/Sequence.h"
#include <cmath>
#include <map>

using namespace mlir;
using namespace ingot;
using namespace ingot::legalize;

namespace {

//===-- Sources and identities --------------------------------------------===//

LogicalResult constant(Node &n) {
  auto value = n.op.attrOfType<ElementsAttr>("value");
  auto type = value ? dyn_cast<RankedTensorType>(value.getType()) : RankedTensorType();
  if (!type || !(type.getElementType().isIntOrFloat() || isa<ComplexType>(type.getElementType())))
    return n.refuse("a constant that nothing can compute with");
  return n.give(Datum::of(value));
}
LogicalResult placeholder(Node &n) {
  return n.refuse("is not fed; name it with --feed " + n.op.getName().str());
}
LogicalResult identity(Node &n) {
  for (unsigned i = 0; i < n.size(); ++i)
    (void)n.give(i, n.operand(i));
  return success();
}
LogicalResult ensureShape(Node &n) {
  auto shape = n.op.shapeAttr("shape");
  if (!shape)
    return n.give(n.operand(0));
  if (failed(n.needRank(0, shape->size(), "the tensor")))
    return failure();
  Dims dims = n.dims(0);
  for (auto [i, size] : llvm::enumerate(*shape))
    if (size >= 0) {
      if (failed(n.same(dims[i], size, "dimension " + Twine(i))))
        return failure();
      dims[i] = size;
    }
  return nn::tensorType(dims, n.elem(0)) == n.type(0) ? n.give(n.operand(0))
                                                      : n.give(n.b.reshape(n.in(0), dims));
}

//===-- Sizes -------------------------------------------------------------===//

LogicalResult shapeOf(Node &n) {
  for (unsigned i = 0; i < n.size(); ++i)
    (void)n.give(i, Datum::of(Known::vector(n.dims(i)), n.outElem(i)));
  return success();
}
LogicalResult sizeOf(Node &n) { return n.give(Known::scalar(nn::elementCount(n.type(0)))); }
LogicalResult rankOf(Node &n) { return n.give(Known::scalar(n.rank(0))); }

LogicalResult range(Node &n) {
  for (unsigned i = 0; i < 3; ++i)
    if (failed(n.needRank(i, 0, "operand " + std::to_string(i))))
      return failure();
  auto start = n.sizes(0), limit = n.sizes(1);
  auto delta = n.integer(2);
  if (start && limit && delta && *delta && isa<IntegerType>(n.elem(0))) {
    SizeExpr span = *delta > 0 ? (*limit)[0] - (*start)[0] : (*start)[0] - (*limit)[0];
    SizeExpr count = SizeExpr::max(SizeExpr::ceilDiv(span, std::abs(*delta)), 0);
    if (auto c = count.constant(); c && *c <= kMaxKnown) {
      Known k{{*c}, {}};
      for (int64_t i = 0; i < *c; ++i)
        k.values.push_back((*start)[0] + SizeExpr(i * *delta));
      return n.give(Datum::of(k, n.elem(0)));
    }
    Value i = nn::IotaOp::create(n.b.b, n.b.loc, nn::tensorType({count}, n.elem(0)), 0);
    if (*delta != 1)
      i = n.b.mul(i, static_cast<double>(*delta));
    return n.give((*start)[0].isConstant(0) ? i : n.b.add(i, n.b.size((*start)[0], n.elem(0))));
  }
  auto s = n.number(0), l = n.number(1), d = n.number(2);
  if (!s || !l || !d)
    return n.refuse("the number of elements is a run-time value that is no "
                    "formula of named sizes");
  if (*d == 0 || isa<IntegerType>(n.elem(0)))
    return n.refuse("delta is 0");
  int64_t count = std::max<int64_t>(0, static_cast<int64_t>(std::ceil(std::fabs((*l - *s) / *d))));
  if ((*l - *s) / *d < 0)
    count = 0;
  if (!count)
    return n.give(Datum::of(
        DenseElementsAttr::get(RankedTensorType::get({0}, n.elem(0)), ArrayRef<Attribute>())));
  Value i = nn::IotaOp::create(n.b.b, n.b.loc, nn::tensorType({SizeExpr(count)}, n.elem(0)), 0);
  return n.give(n.b.add(n.b.mul(i, *d), *s));
}

LogicalResult linSpace(Node &n) {
  if (failed(n.needRank(0, 0, "start")) || failed(n.needRank(1, 0, "stop")))
    return failure();
  auto count = n.integer(2);
  if (!count || *count < 1)
    return n.refuse("the number of elements must be a constant of 1 or more");
  Dims dims{SizeExpr(*count)};
  Value start = n.in(0), stop = n.in(1);
  if (*count == 1)
    return n.give(n.b.reshape(start, dims));
  Value step =
      n.b.div(n.b.sub(stop, start), n.b.scalar(static_cast<double>(*count - 1), n.elem(0)));
  Dims inner{SizeExpr(*count - 1)};
  Value i = nn::IotaOp::create(n.b.b, n.b.loc, nn::tensorType(inner, n.elem(0)), 0);
  Value body = n.b.add(n.b.mul(i, step), start);
  return n.give(n.b.concat({body, n.b.reshape(stop, {SizeExpr(1)})}, 0));
}

LogicalResult fill(Node &n) {
  Dims dims;
  if (failed(n.needSizes(0, "the shape", dims)) || failed(n.needRank(1, 0, "the value")))
    return failure();
  SizeExpr count = 1;
  for (const SizeExpr &d : dims)
    count = count * d;
  if (auto c = count.constant(); c && *c <= kMaxKnown && n.known(1)) {
    Known k;
    for (const SizeExpr &d : dims) {
      if (!d.constant())
        return n.give(n.b.broadcastTo(n.in(1), dims));
      k.shape.push_back(*d.constant());
    }
    k.values.assign(*c, n.known(1)->values[0]);
    return n.give(Datum::of(k, n.elem(1)));
  }
  return n.give(n.b.broadcastTo(n.in(1), dims));
}
template <int V> LogicalResult like(Node &n) {
  if (n.operand(0).list) {
    Datum zeros = n.operand(0);
    if (zeros.type)
      zeros.value = n.b.full(n.dims(0), 0, n.elem(0));
    return n.give(zeros);
  }
  return n.give(n.b.full(n.dims(0), V, n.elem(0)));
}
LogicalResult emptyOf(Node &n) {
  Dims dims;
  if (failed(n.needSizes(0, "the shape", dims)))
    return failure();
  return n.give(n.b.full(dims, 0, n.outElem()));
}

//===-- Reshapes ----------------------------------------------------------===//

/// Keeps known elements through an op that keeps the row-major order.
LogicalResult reshaped(Node &n, const Dims &dims) {
  if (!n.known(0))
    return n.give(n.b.reshape(n.in(0), dims));
  Known k{{}, n.known(0)->values};
  for (const SizeExpr &d : dims) {
    if (!d.constant())
      return n.give(n.b.reshape(n.in(0), dims));
    k.shape.push_back(*d.constant());
  }
  return n.give(Datum::of(k, n.elem(0)));
}

LogicalResult reshape(Node &n) {
  Dims dims;
  if (failed(n.needSizes(1, "the shape", dims)))
    return failure();
  SizeExpr total = nn::elementCount(n.type(0)), rest = 1;
  int64_t open = -1;
  for (auto [i, d] : llvm::enumerate(dims)) {
    if (!d.isConstant(-1)) {
      rest = rest * d;
      continue;
    }
    if (open >= 0)
      return n.refuse("the shape " + describe(dims) + " has two -1");
    open = i;
  }
  if (open >= 0) {
    if (rest.isConstant(0))
      return n.refuse("a -1 beside a 0 in " + describe(dims) + " can be anything");
    dims[open] = SizeExpr::floorDiv(total, rest);
    rest = rest * dims[open];
  }
  if (failed(n.same(total, rest, "the number of elements of " + describe(n.type(0)))))
    return failure();
  return reshaped(n, dims);
}

LogicalResult expandDims(Node &n) {
  auto at = n.integer(1);
  if (!at)
    return n.refuse("the axis must be constant");
  int64_t axis = *at;
  if (failed(n.axis(axis, n.rank(0) + 1)))
    return failure();
  Dims dims = n.dims(0);
  dims.insert(dims.begin() + axis, SizeExpr(1));
  return reshaped(n, dims);
}
LogicalResult squeeze(Node &n) {
  SmallVector<int64_t> axes = n.intsAttr("squeeze_dims");
  if (axes.empty())
    axes = n.intsAttr("axis");
  Dims dims = n.dims(0), kept;
  SmallVector<bool> gone(dims.size(), false);
  for (int64_t axis : axes) {
    if (failed(n.axis(axis, n.rank(0))) ||
        failed(n.same(dims[axis], 1, "squeezed dimension " + Twine(axis))))
      return failure();
    gone[axis] = true;
  }
  for (auto [i, d] : llvm::enumerate(dims))
    if (!gone[i] && !(axes.empty() && d.isConstant(1)))
      kept.push_back(d);
  return reshaped(n, kept);
}

LogicalResult transpose(Node &n) {
  SmallVector<int64_t> permutation;
  if (failed(n.needInts(1, "the permutation", permutation)))
    return failure();
  SmallVector<bool> seen(n.rank(0), false);
  if (static_cast<int64_t>(permutation.size()) != n.rank(0))
    return n.refuse("the permutation has " + Twine(permutation.size()) +
                    " entries, the tensor rank " + Twine(n.rank(0)));
  for (int64_t &p : permutation) {
    if (failed(n.axis(p, n.rank(0))))
      return failure();
    if (seen[p])
      return n.refuse("the permutation names dimension " + Twine(p) + " twice");
    seen[p] = true;
  }
  if (isa<ComplexType>(n.elem(0)) && n.op.isOp("ConjugateTranspose"))
    return n.give(n.b.transpose(n.b.conj(n.in(0)), permutation));
  if (n.known(0) && n.rank(0) == 2 && permutation[0] == 1) {
    const Known &x = *n.known(0);
    Known k{{x.shape[1], x.shape[0]}, {}};
    for (int64_t i = 0; i < x.shape[1]; ++i)
      for (int64_t j = 0; j < x.shape[0]; ++j)
        k.values.push_back(x.values[j * x.shape[1] + i]);
    return n.give(Datum::of(k, n.elem(0)));
  }
  bool still = true;
  for (auto [i, p] : llvm::enumerate(permutation))
    still &= p == static_cast<int64_t>(i);
  return still ? n.give(n.operand(0)) : n.give(n.b.transpose(n.in(0), permutation));
}
LogicalResult invertPermutation(Node &n) {
  if (failed(n.needRank(0, 1, "the permutation")))
    return failure();
  auto p = n.ints(0);
  Dims dims = n.dims(0);
  if (!p) { // each index goes where the permutation says
    auto type = nn::tensorType(dims, n.elem(0));
    Value at = n.b.reshape(n.in(0), {dims[0], SizeExpr(1)});
    Value index = nn::IotaOp::create(n.b.b, n.b.loc, type, 0);
    return n.give(nn::ScatterOp::create(n.b.b, n.b.loc, n.b.full(dims, 0, n.elem(0)), at, index,
                                        nn::ScatterKind::update, nn::BoundsMode::error));
  }
  Known k{{static_cast<int64_t>(p->size())}, Dims(p->size(), SizeExpr(0))};
  for (auto [i, v] : llvm::enumerate(*p)) {
    if (v < 0 || v >= static_cast<int64_t>(p->size()))
      return n.refuse("is no permutation");
    k.values[v] = static_cast<int64_t>(i);
  }
  return n.give(k);
}

LogicalResult broadcastTo(Node &n) {
  Dims dims;
  if (failed(n.needSizes(1, "the shape", dims)))
    return failure();
  Dims own = n.dims(0);
  if (own.size() > dims.size())
    return n.refuse("shape " + describe(own) + " does not broadcast to " + describe(dims));
  size_t lead = dims.size() - own.size();
  for (size_t i = 0; i < own.size(); ++i) {
    if (dims[lead + i].isConstant(-1))
      dims[lead + i] = own[i];
    auto a = own[i].constant(), c = dims[lead + i].constant();
    if (a && c && *a != *c && *a != 1)
      return n.refuse("shape " + describe(own) + " does not broadcast to " + describe(dims));
  }
  n.legalizer.requireBroadcast(own, dims, /*oneWay=*/true);
  return n.give(n.b.broadcastTo(n.in(0), dims));
}
LogicalResult tile(Node &n) {
  Dims times;
  if (failed(n.needSizes(1, "multiples", times)))
    return failure();
  Dims dims = n.dims(0), spread, result;
  if (times.size() != dims.size())
    return n.refuse("has " + Twine(times.size()) + " multiples for rank " + Twine(dims.size()));
  SmallVector<int64_t> map;
  for (auto [d, t] : llvm::zip(dims, times)) {
    if (!t.isConstant(1))
      spread.push_back(t);
    map.push_back(spread.size());
    spread.push_back(d);
    result.push_back(d * t);
  }
  return n.give(n.b.reshape(n.b.broadcastInDim(n.in(0), spread, map), result));
}

//===-- Arithmetic of shapes ----------------------------------------------===//

LogicalResult broadcastArgs(Node &n) {
  Dims x, y;
  if (failed(n.needSizes(0, "a shape", x)) || failed(n.needSizes(1, "a shape", y)))
    return failure();
  auto r = nn::broadcastShapes(x, y);
  return r ? n.give(Known::vector(*r))
           : n.refuse("shapes " + describe(x) + " and " + describe(y) + " do not broadcast");
}
LogicalResult broadcastGradientArgs(Node &n) {
  Dims x, y;
  if (failed(n.needSizes(0, "a shape", x)) || failed(n.needSizes(1, "a shape", y)))
    return failure();
  size_t rank = std::max(x.size(), y.size());
  Dims rx, ry;
  for (size_t i = 0; i < rank; ++i) {
    bool inX = i + x.size() >= rank, inY = i + y.size() >= rank;
    SizeExpr a = inX ? x[i + x.size() - rank] : 1, c = inY ? y[i + y.size() - rank] : 1;
    if (a == c) {
      if (!inX)
        rx.push_back(static_cast<int64_t>(i));
      if (!inY)
        ry.push_back(static_cast<int64_t>(i));
      // TensorFlow reduces over both where both are 1; that changes nothing.
      continue;
    }
    if (a.isConstant(1))
      rx.push_back(static_cast<int64_t>(i));
    else if (c.isConstant(1))
      ry.push_back(static_cast<int64_t>(i));
    else
      return n.refuse("whether size " + a.str() + " or " + c.str() +
                      " is broadcast shows only at run time");
  }
  (void)n.give(0, Datum::of(Known::vector(rx), n.outElem(0)));
  return n.give(1, Datum::of(Known::vector(ry), n.outElem(1)));
}
LogicalResult concatOffset(Node &n) {
  auto axis = n.integer(0);
  if (!axis)
    return n.refuse("the axis must be constant");
  SizeExpr at = 0;
  for (unsigned i = 1; i < n.size(); ++i) {
    Dims shape;
    if (failed(n.needSizes(i, "a shape", shape)))
      return failure();
    int64_t d = *axis;
    if (failed(n.axis(d, shape.size())))
      return failure();
    Dims offset(shape.size(), SizeExpr(0));
    offset[d] = at;
    at = at + shape[d];
    (void)n.give(i - 1, Datum::of(Known::vector(offset), n.outElem(i - 1)));
  }
  return success();
}
/// Only shapes are stitched: each index has one place.
LogicalResult dynamicStitch(Node &n) {
  unsigned half = n.size() / 2;
  int64_t count = 0;
  std::map<int64_t, SizeExpr> places;
  for (unsigned i = 0; i < half; ++i) {
    SmallVector<int64_t> at;
    Dims values;
    if (failed(n.needInts(i, "indices", at)) || failed(n.needSizes(half + i, "data", values)))
      return failure();
    if (at.size() != values.size())
      return n.refuse("stitches slices, only scalars are supported");
    for (auto [p, v] : llvm::zip(at, values)) {
      if (p < 0 || p >= kMaxKnown)
        return n.refuse("index " + Twine(p) + " is no place in a shape");
      places[p] = v;
      count = std::max(count, p + 1);
    }
  }
  Known k{{count}, Dims(count, SizeExpr(0))};
  for (auto &[p, v] : places)
    k.values[p] = v;
  return n.give(k);
}

const Rule kRules[] = {
    {"Const", 0, constant},
    {"Placeholder", 0, placeholder},
    {"Identity", 1, identity, "", true},
    {"IdentityN", 1, identity, "", true},
    {"StopGradient", 1, identity},
    {"PreventGradient", 1, identity},
    {"Snapshot", 1, identity},
    {"DeepCopy", 1, identity},
    {"PlaceholderWithDefault", 1, identity, "takes its default unless fed"},
    {"LoopCond", 1, identity},
    {"CheckNumerics", 1, identity, "does not check"},
    {"EnsureShape", 1, ensureShape},
    {"Shape", 1, shapeOf},
    {"ShapeN", 1, shapeOf},
    {"Size", 1, sizeOf},
    {"Rank", 1, rankOf},
    {"Range", 3, range, "the number of elements is a constant or a formula of named sizes"},
    {"LinSpace", 3, linSpace, "constant number of elements"},
    {"Fill", 2, fill},
    {"ZerosLike", 1, like<0>, "", true},
    {"OnesLike", 1, like<1>},
    {"Empty", 1, emptyOf},
    {"Reshape", 2, reshape, "the shape is a constant or made of named sizes"},
    {"ExpandDims", 2, expandDims},
    {"Squeeze", 1, squeeze},
    {"Transpose", 2, transpose, "constant permutation"},
    {"ConjugateTranspose", 2, transpose, "real numbers only"},
    {"InvertPermutation", 1, invertPermutation},
    {"BroadcastTo", 2, broadcastTo},
    {"Tile", 2, tile},
    {"BroadcastArgs", 2, broadcastArgs},
    {"BroadcastGradientArgs", 2, broadcastGradientArgs},
    {"ConcatOffset", 2, concatOffset},
    {"DynamicStitch", 2, dynamicStitch, "shapes only"},
};
} // namespace

Table legalize::shapeRules() { return kRules; }
