// Elementwise ops: unary, binary with broadcasting, comparisons, select, cast.
// On known integers they compute size expressions instead of making operations.
#include "compiler/passes/import/LegalizeRules.h"

using namespace mlir;
using namespace ingot;
using namespace ingot::legalize;
using nn::CompareDirection;

namespace {

//===-- Known values ------------------------------------------------------===//

using Fold = std::optional<SizeExpr> (*)(const SizeExpr &, const SizeExpr &);

/// Applies `fold` with broadcasting; none if one element stays unknown.
std::optional<Known> foldKnown(const Known &x, const Known &y, Fold fold) {
  size_t rank = std::max(x.shape.size(), y.shape.size());
  SmallVector<int64_t> shape(rank, 1);
  for (size_t i = 0; i < rank; ++i) {
    int64_t a = i < x.shape.size() ? x.shape[x.shape.size() - 1 - i] : 1;
    int64_t b = i < y.shape.size() ? y.shape[y.shape.size() - 1 - i] : 1;
    if (a != b && a != 1 && b != 1)
      return std::nullopt;
    shape[rank - 1 - i] = a == 1 ? b : a;
  }
  int64_t count = 1;
  for (int64_t d : shape)
    count *= d;
  if (count > kMaxKnown)
    return std::nullopt;
  Known r{shape, {}};
  for (int64_t flat = 0; flat < count; ++flat) {
    auto index = [&](const Known &k) {
      int64_t left = flat, stride = 1, at = 0;
      for (size_t i = 0; i < rank; ++i) {
        int64_t d = shape[rank - 1 - i], position = left % d;
        left /= d;
        if (i < k.shape.size()) {
          int64_t own = k.shape[k.shape.size() - 1 - i];
          at += (own == 1 ? 0 : position) * stride;
          stride *= own;
        }
      }
      return at;
    };
    auto v = fold(x.values[index(x)], y.values[index(y)]);
    if (!v)
      return std::nullopt;
    r.values.push_back(*v);
  }
  return r;
}

bool isInteger(Type t) { return isa<IntegerType>(t); }

std::optional<SizeExpr> foldAdd(const SizeExpr &a, const SizeExpr &b) { return a + b; }
std::optional<SizeExpr> foldSub(const SizeExpr &a, const SizeExpr &b) { return a - b; }
std::optional<SizeExpr> foldMul(const SizeExpr &a, const SizeExpr &b) { return a * b; }
std::optional<SizeExpr> foldMax(const SizeExpr &a, const SizeExpr &b) {
  return SizeExpr::max(a, b);
}
std::optional<SizeExpr> foldMin(const SizeExpr &a, const SizeExpr &b) {
  return SizeExpr::min(a, b);
}
std::optional<SizeExpr> foldFloorDiv(const SizeExpr &a, const SizeExpr &b) {
  if (auto c = b.constant(); !c || !*c)
    return std::nullopt;
  return SizeExpr::floorDiv(a, b);
}
std::optional<SizeExpr> foldFloorMod(const SizeExpr &a, const SizeExpr &b) {
  if (auto c = b.constant(); !c || !*c)
    return std::nullopt;
  return SizeExpr::mod(a, b);
}
std::optional<SizeExpr> foldTruncateDiv(const SizeExpr &a, const SizeExpr &b) {
  auto x = a.constant(), y = b.constant();
  if (y && *y > 0 && a.isNonNegative())
    return SizeExpr::floorDiv(a, b);
  if (!x || !y || !*y || *y == -1)
    return std::nullopt;
  return SizeExpr(*x / *y);
}
std::optional<SizeExpr> foldTruncateMod(const SizeExpr &a, const SizeExpr &b) {
  auto q = foldTruncateDiv(a, b);
  return q ? std::optional<SizeExpr>(a - *q * b) : std::nullopt;
}
std::optional<SizeExpr> foldPow(const SizeExpr &a, const SizeExpr &b) {
  auto e = b.constant();
  if (!e || *e < 0 || *e > 4)
    return std::nullopt;
  SizeExpr r = 1;
  for (int64_t i = 0; i < *e; ++i)
    r = r * a;
  return r;
}
std::optional<SizeExpr> foldSquaredDifference(const SizeExpr &a, const SizeExpr &b) {
  return (a - b) * (a - b);
}
std::optional<SizeExpr> foldAnd(const SizeExpr &a, const SizeExpr &b) {
  auto x = a.constant(), y = b.constant();
  if (x == 0 || y == 0)
    return SizeExpr(0);
  return x && y ? std::optional<SizeExpr>(*x & *y) : std::nullopt;
}
std::optional<SizeExpr> foldOr(const SizeExpr &a, const SizeExpr &b) {
  auto x = a.constant(), y = b.constant();
  return x && y ? std::optional<SizeExpr>(*x | *y) : std::nullopt;
}
std::optional<SizeExpr> foldNone(const SizeExpr &, const SizeExpr &) { return std::nullopt; }

template <CompareDirection D>
std::optional<SizeExpr> foldCompare(const SizeExpr &a, const SizeExpr &b) {
  if (auto d = (a - b).constant()) {
    switch (D) {
    case CompareDirection::eq:
      return SizeExpr(*d == 0);
    case CompareDirection::ne:
      return SizeExpr(*d != 0);
    case CompareDirection::lt:
      return SizeExpr(*d < 0);
    case CompareDirection::le:
      return SizeExpr(*d <= 0);
    case CompareDirection::gt:
      return SizeExpr(*d > 0);
    case CompareDirection::ge:
      return SizeExpr(*d >= 0);
    }
  }
  bool above = (a - b).isNonNegative(),
       below = (b - a).isNonNegative(); // a >= b, a <= b
  bool over = (a - b - 1).isNonNegative(), under = (b - a - 1).isNonNegative();
  if (over || under) {
    if (D == CompareDirection::eq || D == CompareDirection::ne)
      return SizeExpr(D == CompareDirection::ne);
    if (D == CompareDirection::lt || D == CompareDirection::le)
      return SizeExpr(under);
    return SizeExpr(over);
  }
  if (above && (D == CompareDirection::ge || D == CompareDirection::lt))
    return SizeExpr(D == CompareDirection::ge);
  if (below && (D == CompareDirection::le || D == CompareDirection::gt))
    return SizeExpr(D == CompareDirection::le);
  return std::nullopt;
}

//===-- Rules -------------------------------------------------------------===//

template <typename Op> LogicalResult unary(Node &n) { return n.give(n.b.unary<Op>(n.in(0))); }

/// Both operands of one element type and shapes that broadcast.
LogicalResult checkBinary(Node &n) {
  if (n.elem(0) != n.elem(1))
    return n.refuse("operands are " + describe(n.type(0)) + " and " + describe(n.type(1)));
  return n.needBroadcast(0, 1);
}
template <typename Op, Fold fold = foldNone> LogicalResult binary(Node &n) {
  if (failed(checkBinary(n)))
    return failure();
  if (n.known(0) && n.known(1) && isInteger(n.elem(0)) && fold != Fold(foldNone))
    if (auto k = foldKnown(*n.known(0), *n.known(1), fold))
      return n.give(Datum::of(*k, n.elem(0)));
  return n.give(n.b.binary<Op>(n.in(0), n.in(1)));
}
template <CompareDirection D> LogicalResult compare(Node &n) {
  // incompatible_shape_error=false lets Equal of shapes that do not meet be
  // false.
  if (!n.boolAttr("incompatible_shape_error", true) && !nn::broadcastShapes(n.dims(0), n.dims(1))) {
    return n.give(Known::scalar(D == CompareDirection::ne));
  }
  if (failed(checkBinary(n)))
    return failure();
  if (n.known(0) && n.known(1))
    if (auto k = foldKnown(*n.known(0), *n.known(1), foldCompare<D>))
      return n.give(Datum::of(*k, n.b.b.getI1Type()));
  return n.give(n.b.compare(D, n.in(0), n.in(1)));
}
LogicalResult approximateEqual(Node &n) {
  if (failed(checkBinary(n)))
    return failure();
  Value d = n.b.sub(n.in(0), n.in(1));
  auto c = dyn_cast<ComplexType>(n.elem(0));
  Type element = c ? c.getElementType() : n.elem(0);
  Value size = nn::AbsOp::create(n.b.b, n.b.loc, nn::withElement(d.getType(), element), d);
  return n.give(
      n.b.compare(CompareDirection::lt, size, n.b.scalar(n.floatAttr("tolerance", 1e-5), element)));
}

LogicalResult neg(Node &n) {
  if (n.known(0) && isInteger(n.elem(0))) {
    Known k = *n.known(0);
    for (SizeExpr &v : k.values)
      v = SizeExpr(0) - v;
    return n.give(Datum::of(k, n.elem(0)));
  }
  return unary<nn::NegOp>(n);
}
LogicalResult abs(Node &n) {
  if (n.known(0) &&
      llvm::all_of(n.known(0)->values, [](const SizeExpr &v) { return v.isNonNegative(); }))
    return n.give(n.operand(0));
  return unary<nn::AbsOp>(n);
}
LogicalResult logicalNot(Node &n) {
  if (auto v = n.integer(0); v && n.elem(0).isInteger(1)) {
    Known k = *n.known(0);
    k.values[0] = *v ? 0 : 1;
    return n.give(Datum::of(k, n.elem(0)));
  }
  return unary<nn::NotOp>(n);
}
template <typename Op> LogicalResult test(Node &n) {
  return n.give(Op::create(n.b.b, n.b.loc, n.in(0)));
}
/// Ops that leave integers as they are.
template <typename Op> LogicalResult rounding(Node &n) {
  return isInteger(n.elem(0)) ? n.give(n.operand(0)) : unary<Op>(n);
}
LogicalResult leakyRelu(Node &n) {
  double alpha = n.floatAttr("alpha", 0.2);
  // The attribute is a float32 in TensorFlow.
  return n.give(nn::LeakyReluOp::create(n.b.b, n.b.loc, n.type(0), n.in(0),
                                        n.b.b.getF64FloatAttr(static_cast<float>(alpha))));
}
template <typename Int, typename Float, Fold fold> LogicalResult division(Node &n) {
  return isInteger(n.elem(0)) ? binary<Int, fold>(n) : binary<Float, fold>(n);
}
LogicalResult truncateDiv(Node &n) {
  if (isInteger(n.elem(0)))
    return binary<nn::DivOp, foldTruncateDiv>(n);
  if (failed(checkBinary(n)))
    return failure();
  Value q = n.b.div(n.in(0), n.in(1));
  Value down = n.b.unary<nn::FloorOp>(q), up = n.b.unary<nn::CeilOp>(q);
  return n.give(
      n.b.select(n.b.compare(CompareDirection::lt, q, n.b.scalar(0, n.elem(0))), up, down));
}

/// A select by a known condition is one of its operands.
std::optional<Datum> selectKnown(Node &n) {
  const Known *p = n.known(0);
  if (!p)
    return std::nullopt;
  if (p->values.size() == 1 && p->shape.empty()) {
    auto v = p->values[0].constant();
    const Datum &chosen = n.operand(v && *v ? 1 : 2);
    if (v && n.type(1) == n.type(2))
      return chosen;
  }
  if (!n.known(1) || !n.known(2) || n.type(1).getShape() != n.type(2).getShape() ||
      ArrayRef<int64_t>(p->shape) != n.type(1).getShape() || !p->constants())
    return std::nullopt;
  Known k = *n.known(1);
  for (size_t i = 0; i < k.values.size(); ++i)
    if (p->values[i].isConstant(0))
      k.values[i] = n.known(2)->values[i];
  return Datum::of(k, n.elem(1));
}
LogicalResult selectV2(Node &n) {
  if (n.elem(1) != n.elem(2) || !n.elem(0).isInteger(1))
    return n.refuse("takes a bool and two values of one type, has " + describe(n.type(0)) + ", " +
                    describe(n.type(1)) + " and " + describe(n.type(2)));
  if (auto d = selectKnown(n))
    return n.give(*d);
  auto values = nn::broadcastShapes(n.dims(1), n.dims(2));
  if (!values || !nn::broadcastShapes(n.dims(0), *values))
    return n.refuse("shapes " + describe(n.dims(0)) + ", " + describe(n.dims(1)) + " and " +
                    describe(n.dims(2)) + " do not broadcast");
  n.legalizer.requireBroadcast(n.dims(1), n.dims(2));
  n.legalizer.requireBroadcast(n.dims(0), *values);
  return n.give(n.b.select(n.in(0), n.in(1), n.in(2)));
}
LogicalResult selectV1(Node &n) {
  // A vector chooses rows.
  if (n.rank(0) == 1 && n.rank(1) > 1) {
    if (failed(n.same(n.dims(0)[0], n.dims(1)[0], "the condition's length")))
      return failure();
    if (n.type(1) != n.type(2))
      return n.refuse("values are " + describe(n.type(1)) + " and " + describe(n.type(2)));
    Value pred = n.b.broadcastInDim(n.in(0), n.dims(1), {0});
    return n.give(n.b.select(pred, n.in(1), n.in(2)));
  }
  return selectV2(n);
}

LogicalResult cast(Node &n) {
  Type to = n.outElem();
  if (!to || !(to.isIntOrFloat() || isa<ComplexType>(to)))
    return n.refuse("casts to an element type that nothing can compute with");
  if (n.known(0) && isInteger(to)) {
    Known k = *n.known(0);
    bool fits = true;
    if (to.isInteger(1))
      for (SizeExpr &v : k.values) {
        auto c = v.constant();
        fits &= c.has_value();
        v = c && *c ? 1 : 0;
      }
    fits &= to.getIntOrFloatBitWidth() >= 32 || k.constants().has_value();
    if (fits)
      return n.give(Datum::of(k, to));
  }
  Value x = n.in(0);
  if (auto c = dyn_cast<ComplexType>(n.elem(0)); c && to.isInteger(1))
    x = n.b.cast(x, c.getElementType()); // the imaginary part is dropped first
  if (n.boolAttr("Truncate", false) && isa<FloatType>(n.elem(0)) && isa<FloatType>(to)) {
    if (!n.elem(0).isF32() || !to.isBF16())
      return n.refuse("truncating casts are supported from f32 to bf16");
    Type bits = n.b.b.getI32Type();
    x = nn::BitcastOp::create(n.b.b, n.b.loc, nn::withElement(n.type(0), bits), x);
    x = n.b.binary<nn::AndOp>(x, n.b.scalar(-65536, bits));
    x = nn::BitcastOp::create(n.b.b, n.b.loc, n.type(0), x);
  }
  return n.give(n.b.cast(x, to));
}

/// Adds neighbouring groups of bits of doubling width.
LogicalResult populationCount(Node &n) {
  auto own = dyn_cast<IntegerType>(n.elem(0));
  if (!own || own.getWidth() < 8)
    return n.refuse("counts bits of integers");
  unsigned width = own.getWidth();
  auto type = IntegerType::get(n.b.b.getContext(), width, IntegerType::Unsigned);
  auto constant = [&](const APInt &v) {
    return n.b.constant(DenseElementsAttr::get(RankedTensorType::get({}, type), v));
  };
  Value x = n.in(0);
  if (own != type)
    x = nn::BitcastOp::create(n.b.b, n.b.loc, nn::withElement(n.type(0), type), x);
  for (unsigned group = 1; group < width; group *= 2) {
    Value mask = constant(APInt::getSplat(width, APInt::getLowBitsSet(2 * group, group)));
    Value high = n.b.binary<nn::ShiftRightOp>(x, constant(APInt(width, group)));
    x = n.b.add(n.b.binary<nn::AndOp>(x, mask), n.b.binary<nn::AndOp>(high, mask));
  }
  return n.give(n.b.cast(x, n.outElem()));
}

LogicalResult clipByValue(Node &n) {
  if (failed(n.needBroadcast(0, 1)) || failed(n.needBroadcast(0, 2)))
    return failure();
  return n.give(n.b.binary<nn::MaxOp>(n.b.binary<nn::MinOp>(n.in(0), n.in(2)), n.in(1)));
}
LogicalResult addN(Node &n) {
  for (unsigned i = 1; i < n.size(); ++i) {
    if (n.elem(i) != n.elem(0) || n.rank(i) != n.rank(0))
      return n.refuse("adds " + describe(n.type(0)) + " and " + describe(n.type(i)));
    Dims x = n.dims(0), y = n.dims(i);
    for (size_t d = 0; d < x.size(); ++d)
      if (failed(n.same(y[d], x[d], "dimension " + Twine(d) + " of operand " + Twine(i))))
        return failure();
  }
  Value sum = n.in(0);
  for (unsigned i = 1; i < n.size(); ++i)
    sum = n.b.add(sum, n.b.reshape(n.in(i), n.dims(0)));
  return n.give(sum);
}
LogicalResult bucketize(Node &n) {
  auto bounds = n.op.attrOfType<ArrayAttr>("boundaries");
  if (!bounds)
    return n.refuse("has no boundaries");
  Value count = n.b.fullLike(n.b.cast(n.in(0), n.b.b.getI32Type()), 0);
  for (Attribute a : bounds)
    if (auto f = dyn_cast<FloatAttr>(a)) {
      Value at = n.b.scalar(f.getValueAsDouble(), n.b.b.getF32Type());
      Value x = n.elem(0).isF64() ? n.in(0) : n.b.cast(n.in(0), n.b.b.getF32Type());
      Value above = n.b.compare(CompareDirection::ge, x, n.b.cast(at, Build::elem(x)));
      count = n.b.add(count, n.b.cast(above, n.b.b.getI32Type()));
    }
  return n.give(count);
}

#define UNARY(TF, NN) {TF, 1, unary<nn::NN>}
#define BINARY(TF, NN, ...) {TF, 2, binary<nn::NN __VA_OPT__(, ) __VA_ARGS__>}
#define COMPARE(TF, D) {TF, 2, compare<CompareDirection::D>}

const Rule kRules[] = {
    {"Abs", 1, abs},
    {"Neg", 1, neg},
    UNARY("Sign", SignOp),
    UNARY("Square", SquareOp),
    UNARY("Reciprocal", ReciprocalOp),
    UNARY("Inv", ReciprocalOp),
    UNARY("Sqrt", SqrtOp),
    UNARY("Rsqrt", RsqrtOp),
    UNARY("Exp", ExpOp),
    UNARY("Expm1", Expm1Op),
    UNARY("Log", LogOp),
    UNARY("Log1p", Log1pOp),
    UNARY("Sin", SinOp),
    UNARY("Cos", CosOp),
    UNARY("Tan", TanOp),
    UNARY("Asin", AsinOp),
    UNARY("Acos", AcosOp),
    UNARY("Atan", AtanOp),
    UNARY("Sinh", SinhOp),
    UNARY("Cosh", CoshOp),
    UNARY("Asinh", AsinhOp),
    UNARY("Acosh", AcoshOp),
    UNARY("Atanh", AtanhOp),
    UNARY("Tanh", TanhOp),
    UNARY("Sigmoid", SigmoidOp),
    UNARY("Softplus", SoftplusOp),
    UNARY("Softsign", SoftsignOp),
    UNARY("Relu", ReluOp),
    UNARY("Relu6", Relu6Op),
    UNARY("Elu", EluOp),
    UNARY("Selu", SeluOp),
    {"LeakyRelu", 1, leakyRelu},
    UNARY("Erf", ErfOp),
    UNARY("Erfc", ErfcOp),
    UNARY("Erfinv", ErfinvOp),
    UNARY("Ndtri", NdtriOp),
    UNARY("Lgamma", LgammaOp),
    UNARY("Digamma", DigammaOp),
    {"Floor", 1, rounding<nn::FloorOp>},
    {"Ceil", 1, rounding<nn::CeilOp>},
    {"Round", 1, rounding<nn::RoundOp>},
    {"Rint", 1, rounding<nn::RoundOp>},
    {"LogicalNot", 1, logicalNot},
    UNARY("Invert", NotOp),
    {"IsNan", 1, test<nn::IsNanOp>},
    {"IsInf", 1, test<nn::IsInfOp>},
    {"IsFinite", 1, test<nn::IsFiniteOp>},
    BINARY("Add", AddOp, foldAdd),
    BINARY("AddV2", AddOp, foldAdd),
    BINARY("Sub", SubOp, foldSub),
    BINARY("Mul", MulOp, foldMul),
    BINARY("Div", DivOp, foldTruncateDiv),
    BINARY("RealDiv", DivOp),
    BINARY("FloorDiv", FloorDivOp, foldFloorDiv),
    {"TruncateDiv", 2, truncateDiv},
    BINARY("FloorMod", ModOp, foldFloorMod),
    BINARY("Mod", RemOp, foldTruncateMod),
    BINARY("TruncateMod", RemOp, foldTruncateMod),
    BINARY("Pow", PowOp, foldPow),
    BINARY("Maximum", MaxOp, foldMax),
    BINARY("Minimum", MinOp, foldMin),
    BINARY("Atan2", Atan2Op),
    BINARY("SquaredDifference", SquaredDifferenceOp, foldSquaredDifference),
    BINARY("DivNoNan", DivNoNanOp),
    BINARY("MulNoNan", MulNoNanOp),
    BINARY("Xlogy", XlogyOp),
    BINARY("Xlog1py", Xlog1pyOp),
    BINARY("Xdivy", XdivyOp),
    BINARY("NextAfter", NextAfterOp),
    BINARY("LogicalAnd", AndOp, foldAnd),
    BINARY("LogicalOr", OrOp, foldOr),
    BINARY("BitwiseAnd", AndOp, foldAnd),
    BINARY("BitwiseOr", OrOp, foldOr),
    BINARY("BitwiseXor", XorOp),
    BINARY("LeftShift", ShiftLeftOp),
    BINARY("RightShift", ShiftRightOp),
    COMPARE("Equal", eq),
    COMPARE("NotEqual", ne),
    COMPARE("Less", lt),
    COMPARE("LessEqual", le),
    COMPARE("Greater", gt),
    COMPARE("GreaterEqual", ge),
    {"ApproximateEqual", 2, approximateEqual},
    {"Select", 3, selectV1},
    {"SelectV2", 3, selectV2},
    {"Cast", 1, cast, "to and from numbers and bool; no strings, no quantized types"},
    {"PopulationCount", 1, populationCount},
    {"ClipByValue", 3, clipByValue},
    {"AddN", 1, addN},
    {"AccumulateNV2", 1, addN},
    {"Bucketize", 1, bucketize},
};
} // namespace

Table legalize::elementwiseRules() { return kRules; }
