// Complex elementwise functions on pairs of real tensors. Every formula keeps
// within the range of its parts (no squares of what may be large) and follows
// the signs of zeros at branch cuts; a result of which a part is not finite may
// differ from C99's in the other part, as TensorFlow's vectorized kernels do.
// The inverse functions are Kahan's ("Branch cuts for complex elementary
// functions", 1987). The table is at the end.
#include "compiler/passes/group/ComplexFunctions.h"
#include "llvm/ADT/StringMap.h"
#include <cmath>

using namespace mlir;
using namespace ingot;
using namespace ingot::nn;

namespace {

//===-- The language ------------------------------------------------------===//

constexpr auto eq = CompareDirection::eq, ne = CompareDirection::ne, lt = CompareDirection::lt,
               gt = CompareDirection::gt, ge = CompareDirection::ge;

/// A real tensor.
struct R {
  Build *b;
  Value v;
  R k(double c) const { return {b, b->fullLike(v, c)}; }
  R operator+(R y) const { return {b, b->add(v, y.v)}; }
  R operator-(R y) const { return {b, b->sub(v, y.v)}; }
  R operator*(R y) const { return {b, b->mul(v, y.v)}; }
  R operator/(R y) const { return {b, b->div(v, y.v)}; }
  R operator+(double c) const { return {b, b->add(v, c)}; }
  R operator*(double c) const { return {b, b->mul(v, c)}; }
  R operator-() const { return {b, b->unary<NegOp>(v)}; }
  Value is(CompareDirection d, double c) const { return b->compare(d, v, k(c).v); }
  R choose(Value pred, R no) const { return {b, b->select(pred, v, no.v)}; }
};
R operator-(double c, R x) { return x.k(c) - x; }
template <typename Op> R apply(R x) { return {x.b, x.b->unary<Op>(x.v)}; }
template <typename Op> R apply(R x, R y) { return {x.b, x.b->binary<Op>(x.v, y.v)}; }
R abs(R x) { return {x.b, AbsOp::create(x.b->b, x.b->loc, x.v.getType(), x.v)}; }
R sqrt(R x) { return apply<SqrtOp>(x); }
R max(R x, R y) { return apply<MaxOp>(x, y); }
R min(R x, R y) { return apply<MinOp>(x, y); }
R atan2(R y, R x) { return apply<Atan2Op>(y, x); }
Value either(Build *b, Value x, Value y) { return b->binary<OrOp>(x, y); }
Value together(Build *b, Value x, Value y) { return b->binary<AndOp>(x, y); }
bool isDouble(R x) { return Build::elem(x.v).isF64(); }
/// A divisor that is not 0 where x >= 0.
R nonzero(R x) { return max(x, x.k(isDouble(x) ? 0x1p-1022 : 0x1p-126)); }
/// |x| with y's sign, that of a zero too.
R copySign(R x, R y) {
  Type bits = IntegerType::get(x.b->b.getContext(), isDouble(x) ? 64 : 32);
  Value raw = BitcastOp::create(x.b->b, x.b->loc, withElement(y.v.getType(), bits), y.v);
  Value negative = x.b->compare(lt, raw, x.b->fullLike(raw, 0));
  R size = abs(x);
  return (-size).choose(negative, size);
}

/// A complex tensor.
struct C {
  R re, im;
  C operator+(C y) const { return {re + y.re, im + y.im}; }
  C operator-(C y) const { return {re - y.re, im - y.im}; }
  C operator*(C y) const { return {re * y.re - im * y.im, re * y.im + im * y.re}; }
  C choose(Value pred, C no) const { return {re.choose(pred, no.re), im.choose(pred, no.im)}; }
  C k(double c) const { return {re.k(c), re.k(0)}; }
};
C operator+(double c, C x) { return {x.re + c, x.im}; }
/// i z and -i z.
C timesI(C z) { return {-z.im, z.re}; }
C timesMinusI(C z) { return {z.im, -z.re}; }
Value isZero(C z) { return together(z.re.b, z.re.is(eq, 0), z.im.is(eq, 0)); }

//===-- Formulas ----------------------------------------------------------===//

R hypot(R x, R y) {
  R a = abs(x), c = abs(y), large = max(a, c), r = min(a, c) / nonzero(large);
  R h = large * sqrt(r * r + 1.0);
  return h.k(INFINITY).choose(either(h.b, a.is(eq, INFINITY), c.is(eq, INFINITY)), h);
}
C operator/(C x, C y) {
  R scale = max(abs(y.re), abs(y.im));
  Value infinite = scale.is(eq, INFINITY);
  auto scaled = [&](R part) { // by infinity only the direction counts
    R unit = copySign(part.k(1).choose(abs(part).is(eq, INFINITY), part.k(0)), part);
    return unit.choose(infinite, part / scale);
  };
  R c = scaled(y.re), d = scaled(y.im);
  R size = c * c + d * d;
  return {(x.re * c + x.im * d) / size / scale, (x.im * c - x.re * d) / size / scale};
}
C sqrt(C z) {
  // The root of a quarter, doubled: |z| itself may be too large.
  R x = abs(z.re) * 0.25, y = abs(z.im);
  R large = sqrt((x + hypot(x, y * 0.25)) * 0.5) * 2.0;
  R small = y / (nonzero(large) * 2.0);
  Value right = z.re.is(ge, 0), infinite = y.is(eq, INFINITY);
  R re = y.choose(infinite, large.choose(right, small));
  return {re, copySign(y.choose(infinite, small.choose(right, large)), z.im)};
}
C exp(C z) {
  R e = apply<ExpOp>(z.re), zero = e.k(0);
  Value nothing = z.re.is(eq, -INFINITY);
  R im = z.im.choose(z.im.is(eq, 0), e * apply<SinOp>(z.im));
  return {zero.choose(nothing, e * apply<CosOp>(z.im)), zero.choose(nothing, im)};
}
R logAbs(C z) {
  R a = abs(z.re), c = abs(z.im), large = max(a, c), small = min(a, c);
  // Around 1 from what |z|^2 is more than 1.
  R near = apply<Log1pOp>((large + -1.0) * (large + 1.0) + small * small) * 0.5;
  R r = small / nonzero(large);
  R far = apply<LogOp>(large) + apply<Log1pOp>(r * r) * 0.5;
  far = large.choose(large.is(eq, INFINITY), far);
  return near.choose(together(z.re.b, large.is(gt, 0.5), large.is(lt, 3)), far);
}
C log(C z) { return {logAbs(z), atan2(z.im, z.re)}; }
C log1p(C z) {
  R x = z.re, y = z.im;
  R near = apply<Log1pOp>(x * (x + 2.0) + y * y) * 0.5;
  C all = log(1.0 + z);
  return {near.choose(max(abs(x), abs(y)).is(lt, 0.5), all.re), all.im};
}
C expm1(C z) {
  R half = apply<SinOp>(z.im * 0.5), e = apply<ExpOp>(z.re);
  R re = apply<Expm1Op>(z.re) * apply<CosOp>(z.im) - half * half * 2.0;
  return {re, z.im.choose(z.im.is(eq, 0), e * apply<SinOp>(z.im))};
}
C sinh(C z) {
  R re = apply<SinhOp>(z.re) * apply<CosOp>(z.im), im = apply<CoshOp>(z.re) * apply<SinOp>(z.im);
  return {re, z.im.choose(z.im.is(eq, 0), im)};
}
C cosh(C z) {
  R re = apply<CoshOp>(z.re) * apply<CosOp>(z.im), im = apply<SinhOp>(z.re) * apply<SinOp>(z.im);
  return {re, (z.im * copySign(z.re.k(1), z.re)).choose(z.im.is(eq, 0), im)};
}
C tanh(C z) {
  R t = apply<TanhOp>(z.re), s = apply<SinOp>(z.im), c = apply<CosOp>(z.im);
  R sech = z.re.k(1) / apply<CoshOp>(z.re), ts = t * s, size = c * c + ts * ts;
  return {t / size, s * c * sech * sech / size};
}
C asin(C z) {
  C a = sqrt(C{1.0 - z.re, -z.im}), c = sqrt(1.0 + z);
  return {atan2(z.re, a.re * c.re - a.im * c.im), apply<AsinhOp>(a.re * c.im - a.im * c.re)};
}
C acos(C z) {
  C a = sqrt(C{1.0 - z.re, -z.im}), c = sqrt(1.0 + z);
  return {atan2(a.re, c.re) * 2.0, apply<AsinhOp>(c.re * a.im - c.im * a.re)};
}
C acosh(C z) {
  C a = sqrt(-1.0 + z), c = sqrt(1.0 + z);
  return {apply<AsinhOp>(a.re * c.re + a.im * c.im), atan2(a.im, c.re) * 2.0};
}
C asinh(C z) { return timesMinusI(asin(timesI(z))); }
C atanh(C z) {
  R x = abs(z.re), y = z.im, rest = 1.0 - x;
  R re = apply<Log1pOp>(x * 4.0 / (rest * rest + y * y)) * 0.25;
  R im = atan2(y * 0.5, (rest * (x + 1.0) - y * y) * 0.25) * 0.5;
  Value infinite = either(x.b, x.is(eq, INFINITY), abs(y).is(eq, INFINITY));
  re = re.k(0).choose(infinite, re);
  im = copySign(im.k(M_PI_2), y).choose(infinite, im);
  return {copySign(re, z.re), im};
}
C sigmoid(C z) {
  Value right = z.re.is(ge, 0);
  C e = exp({-abs(z.re), (-z.im).choose(right, z.im)});
  return e.k(1).choose(right, e) / (1.0 + e);
}
C sign(C z) {
  R size = hypot(z.re, z.im);
  return z.k(0).choose(isZero(z), C{z.re / size, z.im / size});
}
C pow(C z, C w) { return exp(w * log(z)); }

//===-- The table ---------------------------------------------------------===//

ComplexPair give(C z) { return {z.re.v, z.im.v}; }
ComplexPair give(Value v) { return {v, Value()}; }
Type elementOf(Operation *op) { return Build::elem(op->getResult(0)); }

ComplexPair castTo(Build &b, Type to, ComplexPair x) {
  auto c = dyn_cast<ComplexType>(to);
  if (!c) {
    if (!to.isInteger(1) || !x.im)
      return give(b.cast(x.re, to));
    return give(b.binary<OrOp>(b.cast(x.re, to), b.cast(x.im, to)));
  }
  Value re = b.cast(x.re, c.getElementType());
  return {re, x.im ? b.cast(x.im, c.getElementType()) : b.fullLike(re, 0)};
}
ComplexPair compareBoth(Build &b, CompareDirection d, ComplexPair x, ComplexPair y) {
  Value re = b.compare(d, x.re, y.re), im = b.compare(d, x.im, y.im);
  return give(d == eq ? b.binary<AndOp>(re, im) : b.binary<OrOp>(re, im));
}

using Pairs = ArrayRef<ComplexPair>;
#define UNARY(OP, FORMULA)                                                                         \
  {OP, [](Build &b, Operation *op, Pairs a) -> ComplexPair {                                       \
     C z{{&b, a[0].re}, {&b, a[0].im}};                                                            \
     return give(FORMULA);                                                                         \
   }}
#define BINARY(OP, FORMULA)                                                                        \
  {OP, [](Build &b, Operation *op, Pairs a) -> ComplexPair {                                       \
     C x{{&b, a[0].re}, {&b, a[0].im}}, y{{&b, a[1].re}, {&b, a[1].im}};                           \
     return give(FORMULA);                                                                         \
   }}

const llvm::StringMap<ComplexRule> &rules() {
  static const llvm::StringMap<ComplexRule> table = {
      {"nn.real", [](Build &, Operation *, Pairs a) { return give(a[0].re); }},
      {"nn.imag", [](Build &, Operation *, Pairs a) { return give(a[0].im); }},
      {"nn.complex", [](Build &, Operation *, Pairs a) { return ComplexPair{a[0].re, a[1].re}; }},
      {"nn.cast", [](Build &b, Operation *op, Pairs a) { return castTo(b, elementOf(op), a[0]); }},
      {"nn.compare",
       [](Build &b, Operation *op, Pairs a) {
         return compareBoth(b, llvm::cast<CompareOp>(op).getDirection(), a[0], a[1]);
       }},
      UNARY("nn.abs", hypot(z.re, z.im).v),
      UNARY("nn.sign", sign(z)),
      UNARY("nn.square", z * z),
      UNARY("nn.reciprocal", z.k(1) / z),
      UNARY("nn.sqrt", sqrt(z)),
      UNARY("nn.rsqrt", z.k(1) / sqrt(z)),
      UNARY("nn.exp", exp(z)),
      UNARY("nn.expm1", expm1(z)),
      UNARY("nn.log", log(z)),
      UNARY("nn.log1p", log1p(z)),
      UNARY("nn.sin", timesMinusI(sinh(timesI(z)))),
      UNARY("nn.cos", cosh(timesI(z))),
      UNARY("nn.tan", timesMinusI(tanh(timesI(z)))),
      UNARY("nn.sinh", sinh(z)),
      UNARY("nn.cosh", cosh(z)),
      UNARY("nn.tanh", tanh(z)),
      UNARY("nn.asin", asin(z)),
      UNARY("nn.acos", acos(z)),
      UNARY("nn.atan", timesMinusI(atanh(timesI(z)))),
      UNARY("nn.asinh", asinh(z)),
      UNARY("nn.acosh", acosh(z)),
      UNARY("nn.atanh", atanh(z)),
      UNARY("nn.sigmoid", sigmoid(z)),
      BINARY("nn.mul", x * y),
      BINARY("nn.div", x / y),
      BINARY("nn.pow", pow(x, y)),
      BINARY("nn.squared_difference",
             (C{(x - y).re * (x - y).re + (x - y).im * (x - y).im, x.re.k(0)})),
      BINARY("nn.div_no_nan", x.k(0).choose(isZero(y), x / y)),
      BINARY("nn.mul_no_nan", x.k(0).choose(isZero(y), x * y)),
      BINARY("nn.xdivy", x.k(0).choose(isZero(x), x / y)),
      BINARY("nn.xlogy", x.k(0).choose(isZero(x), x * log(y))),
      BINARY("nn.xlog1py", x.k(0).choose(isZero(x), x * log1p(y))),
  };
  return table;
}

} // namespace

ComplexRule ingot::findComplexRule(Operation *op) {
  if (auto compare = dyn_cast<CompareOp>(op))
    if (compare.getDirection() != eq && compare.getDirection() != ne)
      return nullptr; // complex numbers have no order
  return rules().lookup(op->getName().getStringRef());
}
ComplexPair ingot::multiply(Build &b, ComplexPair x, ComplexPair y) {
  return give(C{{&b, x.re}, {&b, x.im}} * C{{&b, y.re}, {&b, y.im}});
}
