// Scalar definitions of nn's elementwise operations: TensorFlow's CPU rules,
// total (no poison, no undefined case). Formulas stand in the table at the end.
#include "compiler/passes/schedule/Scalar.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/StringMap.h"
#include <cmath>

using namespace mlir;
using namespace ingot::nn;
using FP = arith::CmpFPredicate;
using IP = arith::CmpIPredicate;

namespace ingot::schedule {

//===-- The language ------------------------------------------------------===//

Scalar Scalar::k(double c) const {
  Value x = e->ir.constant(element(), c);
  return with(Ir::isVector(v) ? e->ir.splat(x) : x);
}
Scalar Scalar::kInt(int64_t c) const {
  Value x = e->ir.constantInt(element(), c);
  return with(Ir::isVector(v) ? e->ir.splat(x) : x);
}
Type Scalar::as(Type element) const {
  return Ir::isVector(v) ? Type(e->ir.vectorType(element)) : element;
}
Scalar Scalar::lt(Scalar y) const {
  return isFloat() ? cmp(FP::OLT, y) : cmp(isUnsigned ? IP::ult : IP::slt, y);
}
Scalar Scalar::eq(Scalar y) const { return isFloat() ? cmp(FP::OEQ, y) : cmp(IP::eq, y); }
Scalar Scalar::ne(Scalar y) const { return isFloat() ? cmp(FP::UNE, y) : cmp(IP::ne, y); }
Scalar Scalar::abs() const {
  if (isFloat())
    return unary<math::AbsFOp>();
  return isUnsigned ? *this : lt(kInt(0)).select(kInt(0) - *this, *this);
}
/// The larger (or smaller) of two floats: NaN if either is, the second of
/// equals (TensorFlow tells zeros apart so).
static Scalar extreme(Scalar x, Scalar y, FP better) {
  Scalar first = x.cmp(better, y), nan = x.cmp(FP::UNO, x);
  return (first | nan).select(x, y);
}
Scalar Scalar::max(Scalar y) const {
  return isFloat()    ? extreme(*this, y, FP::OGT)
         : isUnsigned ? binary<arith::MaxUIOp>(y)
                      : binary<arith::MaxSIOp>(y);
}
Scalar Scalar::min(Scalar y) const {
  return isFloat()    ? extreme(*this, y, FP::OLT)
         : isUnsigned ? binary<arith::MinUIOp>(y)
                      : binary<arith::MinSIOp>(y);
}
Scalar operator+(Scalar x, Scalar y) {
  return x.isFloat() ? x.binary<arith::AddFOp>(y) : x.binary<arith::AddIOp>(y);
}
Scalar operator-(Scalar x, Scalar y) {
  return x.isFloat() ? x.binary<arith::SubFOp>(y) : x.binary<arith::SubIOp>(y);
}
Scalar operator*(Scalar x, Scalar y) {
  return x.isFloat() ? x.binary<arith::MulFOp>(y) : x.binary<arith::MulIOp>(y);
}
Scalar operator/(Scalar x, Scalar y) { return x.binary<arith::DivFOp>(y); }
Scalar operator-(Scalar x) { return x.isFloat() ? x.unary<arith::NegFOp>() : x.kInt(0) - x; }
Scalar operator&(Scalar x, Scalar y) { return x.binary<arith::AndIOp>(y); }
Scalar operator|(Scalar x, Scalar y) { return x.binary<arith::OrIOp>(y); }
Scalar operator^(Scalar x, Scalar y) { return x.binary<arith::XOrIOp>(y); }
Scalar polynomial(Scalar x, ArrayRef<double> c) {
  Scalar r = x.k(c.back());
  for (double a : llvm::reverse(c.drop_back()))
    r = x.with(math::FmaOp::create(x.e->ir.b, x.e->ir.loc, r.v, x.v, x.k(a).v));
  return r;
}

namespace {

//===-- Integers ----------------------------------------------------------===//

enum class Quotient { Trunc, Floor, Rem, Mod };

/// Integer division with the cases that machines leave undefined: by zero is a
/// run-time error and gives 0, the least integer by -1 wraps.
Scalar divide(Scalar x, Scalar y, Quotient kind) {
  Scalar zero = x.kInt(0), isZero = y.eq(zero);
  x.e->raise(isZero.v, Status::DivideByZero);
  bool wantRem = kind == Quotient::Rem || kind == Quotient::Mod;
  if (x.isUnsigned) {
    Scalar safe = isZero.select(x.kInt(1), y);
    Scalar r = wantRem ? x.binary<arith::RemUIOp>(safe) : x.binary<arith::DivUIOp>(safe);
    return isZero.select(zero, r);
  }
  Scalar minus = y.eq(x.kInt(-1)), safe = (isZero | minus).select(x.kInt(1), y);
  Scalar q = x.binary<arith::DivSIOp>(safe), r = x - q * safe;
  // Rounding down differs where a remainder is left and the signs differ.
  Scalar lower = r.ne(zero) & (r.lt(zero) ^ y.lt(zero));
  Scalar result = q;
  switch (kind) {
  case Quotient::Trunc:
    return isZero.select(zero, minus.select(-x, q));
  case Quotient::Floor:
    result = lower.select(q - x.kInt(1), q);
    return isZero.select(zero, minus.select(-x, result));
  case Quotient::Rem:
    return (isZero | minus).select(zero, r);
  case Quotient::Mod:
    return (isZero | minus).select(zero, lower.select(r + y, r));
  }
  return result;
}
Scalar integerPower(Scalar x, Scalar n) {
  Ir &ir = x.e->ir;
  Scalar zero = x.kInt(0), negative = x.isUnsigned ? n.ne(n) : n.lt(zero);
  if (!x.isUnsigned)
    x.e->raise(negative.v, Status::InvalidArgument);
  auto r = ir.loop(ir.index(0), ir.index(x.width()), 1, {x.kInt(1).v, x.v, n.v},
                   [&](Value, ArrayRef<Value> a) {
                     Scalar result = x.with(a[0]), base = x.with(a[1]), rest = x.with(a[2]);
                     Scalar odd = (rest & x.kInt(1)).ne(zero);
                     return SmallVector<Value>{odd.select(result * base, result).v, (base * base).v,
                                               rest.binary<arith::ShRUIOp>(x.kInt(1)).v};
                   });
  return negative.select(zero, x.with(r[0]));
}
Scalar shift(Scalar x, Scalar n, bool left) {
  Scalar amount = n.max(n.kInt(0)).min(n.kInt(n.width() - 1));
  if (left)
    return x.binary<arith::ShLIOp>(amount);
  return x.isUnsigned ? x.binary<arith::ShRUIOp>(amount) : x.binary<arith::ShRSIOp>(amount);
}

//===-- Floats ------------------------------------------------------------===//

Scalar exp(Scalar x) { return x.unary<math::ExpOp>(); }
Scalar log(Scalar x) { return x.unary<math::LogOp>(); }
Scalar log1p(Scalar x) { return x.unary<math::Log1pOp>(); }
Scalar expm1(Scalar x) {
  if (x.width() != 64)
    return x.unary<math::ExpM1Op>();
  // Kahan's: the rounding of exp cancels in (u - 1) / log(u).
  Scalar u = exp(x), one = x.k(1), less = u - one;
  Scalar r = less * x / log(u);
  r = u.eq(one).select(x, r);
  r = less.eq(x.k(-1)).select(less, r);
  return u.eq(x.k(INFINITY)).select(u, r);
}
Scalar sqrt(Scalar x) { return x.unary<math::SqrtOp>(); }
/// TensorFlow treats zeros of half types otherwise than float32's.
bool isHalf(Operation *op) {
  Type t = Emitter::elementType(op->getResult(0));
  return t.isF16() || t.isBF16();
}
Scalar relu(Scalar x, bool half) {
  Scalar zero = x.kInt(0);
  if (!x.isFloat())
    return x.max(zero);
  zero = x.k(0);
  if (half)
    return zero.cmp(FP::OGT, x).select(zero, x); // -0 stays in half types
  return x.cmp(FP::UGT, zero).select(x, zero);   // NaN stays, -0 becomes 0
}
Scalar sign(Scalar x) {
  if (!x.isFloat()) {
    Scalar zero = x.kInt(0);
    return x.gt(zero).select(x.kInt(1), x.isUnsigned ? zero : x.lt(zero).select(x.kInt(-1), zero));
  }
  Scalar zero = x.k(0);
  return x.gt(zero).select(x.k(1), x.lt(zero).select(x.k(-1), x.eq(zero).select(zero, x)));
}
Scalar floatMod(Scalar x, Scalar y) {
  Scalar r = x.binary<arith::RemFOp>(y), zero = x.k(0);
  Scalar lower = r.cmp(FP::UNE, zero) & (r.lt(zero) ^ y.lt(zero));
  return lower.select(r + y, r);
}
/// Quantile of the normal distribution at 1/2 + q, where `tail` is the smaller
/// probability beside it (Wichura's AS 241).
Scalar normalQuantile(Scalar q, Scalar tail) {
  Scalar r = q.k(0.180625) - q * q;
  Scalar central =
      q *
      polynomial(r, {3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3,
                     1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
                     3.3430575583588128105e4, 2.5090809287301226727e3}) /
      polynomial(r, {1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
                     2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4,
                     5.2264952788528545610e3});
  Scalar s = sqrt(-log(tail)), m = s - s.k(1.6), f = s - s.k(5);
  Scalar middle =
      polynomial(m, {1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0,
                     3.64784832476320460504e0, 1.27045825245236838258e0, 2.41780725177450611770e-1,
                     2.27238449892691845833e-2, 7.74545014278341407640e-4}) /
      polynomial(m,
                 {1.0, 2.05319162663775882187e0, 1.67638483018380384940e0,
                  6.89767334985100004550e-1, 1.48103976427480074590e-1, 1.51986665636164571966e-2,
                  5.47593808499534494600e-4, 1.05075007164441684324e-9});
  Scalar far = polynomial(f, {6.65790464350110377720e0, 5.46378491116411436990e0,
                              1.78482653991729133580e0, 2.96560571828504891230e-1,
                              2.65321895265761230930e-2, 1.24266094738807843860e-3,
                              2.71155556874348757815e-5, 2.01033439929228813265e-7}) /
               polynomial(f, {1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1,
                              1.48753612908506148525e-2, 7.86869131145613259100e-4,
                              1.84631831751005468180e-5, 1.42151175831644588870e-7,
                              2.04426310338993978564e-15});
  Scalar outer = s.cmp(FP::OLE, s.k(5)).select(middle, far);
  outer = tail.eq(tail.k(0)).select(tail.k(INFINITY), outer);
  outer = q.lt(q.k(0)).select(-outer, outer);
  return q.abs().cmp(FP::OLE, q.k(0.425)).select(central, outer);
}
Scalar erfinv(Scalar x) {
  Scalar half = x.k(0.5);
  return normalQuantile(x * half, (x.k(1) - x.abs()) * half) * x.k(M_SQRT1_2);
}
Scalar ndtri(Scalar p) {
  return normalQuantile(p - p.k(0.5), p.binary<arith::MinimumFOp>(p.k(1) - p));
}

/// Runs `f` in float64 for float32 arguments.
Scalar inDouble(Scalar x, llvm::function_ref<Scalar(Scalar)> f) {
  if (x.width() == 64)
    return f(x);
  Type f64 = Float64Type::get(x.element().getContext());
  return f(x.convert<arith::ExtFOp>(f64)).convert<arith::TruncFOp>(x.element());
}
/// log |gamma(x)|: Lanczos' sum with g = 7, reflected below 1/2.
Scalar lgamma(Scalar x) {
  return inDouble(x, [](Scalar x) {
    Scalar small = x.lt(x.k(0.5)), z = small.select(-x, x - x.k(1));
    const double c[] = {676.5203681218851,     -1259.1392167224028,  771.32342877765313,
                        -176.61502916214059,   12.507343278686905,   -0.13857109526572012,
                        9.9843695780195716e-6, 1.5056327351493116e-7};
    Scalar sum = z.k(0.99999999999980993);
    for (int i = 0; i < 8; ++i)
      sum = sum + z.k(c[i]) / (z + z.k(i + 1));
    Scalar t = z + z.k(7.5);
    Scalar r = z.k(0.91893853320467274) + (z + z.k(0.5)) * log(t) - t + log(sum);
    // Reflection needs the distance to the nearest integer alone.
    Scalar frac = x - x.unary<math::FloorOp>();
    Scalar s = (frac * x.k(M_PI)).unary<math::SinOp>().abs();
    Scalar reflected = x.k(std::log(M_PI)) - log(s) - r;
    reflected = frac.eq(x.k(0)).select(x.k(INFINITY), reflected);
    r = small.select(reflected, r);
    return x.abs().eq(x.k(INFINITY)).select(x.k(INFINITY), r);
  });
}
Scalar digamma(Scalar x) {
  return inDouble(x, [](Scalar x) {
    Scalar small = x.cmp(FP::OLE, x.k(0)), z = small.select(x.k(1) - x, x), sum = x.k(0);
    for (int i = 0; i < 10; ++i) {
      Scalar low = z.lt(z.k(10));
      sum = low.select(sum - z.k(1) / z, sum);
      z = low.select(z + z.k(1), z);
    }
    Scalar y = z.k(1) / (z * z);
    Scalar series = y * polynomial(y, {1.0 / 12, -1.0 / 120, 1.0 / 252, -1.0 / 240, 5.0 / 660,
                                       -691.0 / 32760, 1.0 / 12});
    Scalar r = sum + log(z) - z.k(0.5) / z - series;
    Scalar frac = x - x.unary<math::FloorOp>();
    Scalar reflected = r - x.k(M_PI) / (frac * x.k(M_PI)).unary<math::TanOp>();
    reflected = frac.eq(x.k(0)).select(x.k(NAN), reflected);
    return small.select(reflected, r);
  });
}
Scalar nextAfter(Scalar x, Scalar y) {
  Type bits = IntegerType::get(x.element().getContext(), x.width());
  Scalar b = x.convert<arith::BitcastOp>(bits), zero = x.k(0);
  Scalar up = x.lt(y) ^ x.lt(zero); // away from zero
  Scalar next = up.select(b + b.kInt(1), b - b.kInt(1)).convert<arith::BitcastOp>(x.element());
  Scalar least = b.kInt(1).convert<arith::BitcastOp>(x.element());
  next = x.eq(zero).select(y.lt(zero).select(-least, least), next);
  next = x.eq(y).select(y, next);
  return x.cmp(FP::UNO, y).select(x + y, next);
}

//===-- Casts -------------------------------------------------------------===//

Scalar floatToInt(Scalar x, Type element, Type to) {
  unsigned width = element.getIntOrFloatBitWidth();
  MLIRContext *ctx = to.getContext();
  // Narrow types go through i32, ui32 through i64.
  unsigned via = width <= 16 ? 32 : width == 32 && element.isUnsignedInteger() ? 64 : width;
  Type viaType = IntegerType::get(ctx, via);
  double bound = std::ldexp(1.0, via - 1);
  auto convert = [&](Scalar y) {
    Scalar in = y.cmp(FP::OGE, y.k(-bound)) & y.lt(y.k(bound));
    Scalar r = in.select(y, y.k(0)).convert<arith::FPToSIOp>(viaType);
    Scalar least = r.kInt(via == 64 ? INT64_MIN : INT32_MIN);
    return in.select(r, least);
  };
  Scalar r = convert(x);
  if (width == 64 && element.isUnsignedInteger()) {
    Scalar upper = x.cmp(FP::OGE, x.k(bound)) & x.lt(x.k(2 * bound));
    Scalar high = convert(upper.select(x - x.k(bound), x.k(0)));
    r = upper.select(high ^ high.kInt(INT64_MIN), r);
  }
  return via == width ? r : r.convert<arith::TruncIOp>(to);
}
Scalar roundHalf(Scalar x, Type element) {
  if (!element.isF16() && !element.isBF16())
    return x;
  return x.convert<arith::TruncFOp>(element).convert<arith::ExtFOp>(
      Float32Type::get(element.getContext()));
}
Scalar castTo(Scalar x, Type from, Type element) {
  Type to = Emitter::computeType(element);
  if (element.isInteger(1))
    return x.ne(x.isFloat() ? x.k(0) : x.kInt(0));
  if (x.isFloat()) {
    if (!isa<FloatType>(element))
      return floatToInt(x, element, to);
    if (x.element() != to)
      x = to.isF64() ? x.convert<arith::ExtFOp>(to) : x.convert<arith::TruncFOp>(to);
    return roundHalf(x, element);
  }
  bool isUnsigned = from.isUnsignedInteger() || from.isInteger(1);
  if (isa<FloatType>(element))
    return roundHalf(isUnsigned ? x.convert<arith::UIToFPOp>(to) : x.convert<arith::SIToFPOp>(to),
                     element);
  unsigned a = x.width(), b = to.getIntOrFloatBitWidth();
  if (a == b)
    return x;
  if (a > b)
    return x.convert<arith::TruncIOp>(to);
  return isUnsigned ? x.convert<arith::ExtUIOp>(to) : x.convert<arith::ExtSIOp>(to);
}
Scalar bitcast(Scalar x, Type from, Type element) {
  // To the bits in memory, then to the other type and what it computes in.
  Type bits = IntegerType::get(element.getContext(), std::max(8u, from.getIntOrFloatBitWidth()));
  if (from.isF16() || from.isBF16())
    x = x.convert<arith::TruncFOp>(from);
  if (from.isInteger(1))
    x = x.convert<arith::ExtUIOp>(bits);
  else if (x.isFloat())
    x = x.convert<arith::BitcastOp>(bits);
  if (element.isInteger(1))
    return x.ne(x.kInt(0));
  if (!isa<FloatType>(element))
    return x;
  x = x.convert<arith::BitcastOp>(element);
  return element.isF16() || element.isBF16()
             ? x.convert<arith::ExtFOp>(Emitter::computeType(element))
             : x;
}
Scalar compare(Scalar x, Scalar y, CompareDirection d) {
  bool u = x.isUnsigned, f = x.isFloat();
  switch (d) {
  case CompareDirection::eq:
    return x.eq(y);
  case CompareDirection::ne:
    return x.ne(y);
  case CompareDirection::lt:
    return x.lt(y);
  case CompareDirection::gt:
    return y.lt(x);
  case CompareDirection::le:
    return f ? x.cmp(FP::OLE, y) : x.cmp(u ? IP::ule : IP::sle, y);
  case CompareDirection::ge:
    return f ? x.cmp(FP::OGE, y) : x.cmp(u ? IP::uge : IP::sge, y);
  }
  return x.eq(y);
}

//===-- The table ---------------------------------------------------------===//

using Args = ArrayRef<Scalar>;
using Formula = Scalar (*)(Operation *, Args);

#define FLOAT_OR(INTEGER, FLOAT) a[0].isFloat() ? (FLOAT) : (INTEGER)
#define UNARY_MATH(OP) [](Operation *, Args a) { return a[0].unary<math::OP>(); }

const llvm::StringMap<Formula> &formulas() {
  static const llvm::StringMap<Formula> table = {
      {"nn.abs", [](Operation *, Args a) { return a[0].abs(); }},
      {"nn.neg", [](Operation *, Args a) { return -a[0]; }},
      {"nn.sign", [](Operation *, Args a) { return sign(a[0]); }},
      {"nn.square", [](Operation *, Args a) { return a[0] * a[0]; }},
      {"nn.reciprocal",
       [](Operation *, Args a) {
         return FLOAT_OR(divide(a[0].kInt(1), a[0], Quotient::Trunc), a[0].k(1) / a[0]);
       }},
      {"nn.sqrt", UNARY_MATH(SqrtOp)},
      {"nn.rsqrt", [](Operation *, Args a) { return a[0].k(1) / sqrt(a[0]); }},
      {"nn.exp", UNARY_MATH(ExpOp)},
      {"nn.expm1", [](Operation *, Args a) { return expm1(a[0]); }},
      {"nn.log", UNARY_MATH(LogOp)},
      {"nn.log1p", UNARY_MATH(Log1pOp)},
      {"nn.sin", UNARY_MATH(SinOp)},
      {"nn.cos", UNARY_MATH(CosOp)},
      {"nn.tan", UNARY_MATH(TanOp)},
      {"nn.asin", UNARY_MATH(AsinOp)},
      {"nn.acos", UNARY_MATH(AcosOp)},
      {"nn.atan", UNARY_MATH(AtanOp)},
      {"nn.sinh", UNARY_MATH(SinhOp)},
      {"nn.cosh", UNARY_MATH(CoshOp)},
      {"nn.asinh", UNARY_MATH(AsinhOp)},
      {"nn.acosh", UNARY_MATH(AcoshOp)},
      {"nn.atanh", UNARY_MATH(AtanhOp)},
      {"nn.tanh", UNARY_MATH(TanhOp)},
      {"nn.erf", UNARY_MATH(ErfOp)},
      {"nn.erfc", UNARY_MATH(ErfcOp)},
      {"nn.sigmoid", [](Operation *, Args a) { return a[0].k(1) / (a[0].k(1) + exp(-a[0])); }},
      {"nn.softplus",
       [](Operation *, Args a) { return a[0].max(a[0].k(0)) + log1p(exp(-a[0].abs())); }},
      {"nn.softsign", [](Operation *, Args a) { return a[0] / (a[0].k(1) + a[0].abs()); }},
      {"nn.relu", [](Operation *op, Args a) { return relu(a[0], isHalf(op)); }},
      {"nn.relu6",
       [](Operation *op, Args a) {
         Scalar r = relu(a[0], isHalf(op)), six = FLOAT_OR(a[0].kInt(6), a[0].k(6));
         return six.lt(r).select(six, r);
       }},
      {"nn.elu", [](Operation *, Args a) { return a[0].lt(a[0].k(0)).select(expm1(a[0]), a[0]); }},
      {"nn.selu",
       [](Operation *, Args a) {
         return a[0].lt(a[0].k(0)).select(a[0].k(1.7580993408473768599402175208123) * expm1(a[0]),
                                          a[0].k(1.0507009873554804934193349852946) * a[0]);
       }},
      {"nn.leaky_relu",
       [](Operation *op, Args a) {
         double alpha = llvm::cast<LeakyReluOp>(op).getAlpha().convertToDouble();
         return a[0].gt(a[0].k(0)).select(a[0], a[0].k(alpha) * a[0]);
       }},
      {"nn.erfinv", [](Operation *, Args a) { return erfinv(a[0]); }},
      {"nn.ndtri", [](Operation *, Args a) { return ndtri(a[0]); }},
      {"nn.lgamma", [](Operation *, Args a) { return lgamma(a[0]); }},
      {"nn.digamma", [](Operation *, Args a) { return digamma(a[0]); }},
      {"nn.floor", [](Operation *, Args a) { return FLOAT_OR(a[0], a[0].unary<math::FloorOp>()); }},
      {"nn.ceil", [](Operation *, Args a) { return FLOAT_OR(a[0], a[0].unary<math::CeilOp>()); }},
      {"nn.round",
       [](Operation *, Args a) { return FLOAT_OR(a[0], a[0].unary<math::RoundEvenOp>()); }},
      {"nn.not", [](Operation *, Args a) { return a[0] ^ a[0].kInt(-1); }},
      {"nn.is_nan", [](Operation *, Args a) { return a[0].cmp(FP::UNO, a[0]); }},
      {"nn.is_inf", [](Operation *, Args a) { return a[0].abs().eq(a[0].k(INFINITY)); }},
      {"nn.is_finite", [](Operation *, Args a) { return a[0].abs().lt(a[0].k(INFINITY)); }},
      {"nn.add", [](Operation *, Args a) { return a[0] + a[1]; }},
      {"nn.sub", [](Operation *, Args a) { return a[0] - a[1]; }},
      {"nn.mul", [](Operation *, Args a) { return a[0] * a[1]; }},
      {"nn.div", [](Operation *,
                    Args a) { return FLOAT_OR(divide(a[0], a[1], Quotient::Trunc), a[0] / a[1]); }},
      {"nn.floor_div",
       [](Operation *op, Args a) {
         if (!a[0].isFloat())
           return divide(a[0], a[1], Quotient::Floor);
         return roundHalf(a[0] / a[1], Emitter::elementType(op->getResult(0)))
             .unary<math::FloorOp>();
       }},
      {"nn.mod",
       [](Operation *, Args a) {
         return FLOAT_OR(divide(a[0], a[1], Quotient::Mod), floatMod(a[0], a[1]));
       }},
      {"nn.rem",
       [](Operation *, Args a) {
         return FLOAT_OR(divide(a[0], a[1], Quotient::Rem), a[0].binary<arith::RemFOp>(a[1]));
       }},
      {"nn.pow",
       [](Operation *, Args a) {
         return FLOAT_OR(integerPower(a[0], a[1]), a[0].binary<math::PowFOp>(a[1]));
       }},
      {"nn.max",
       [](Operation *op, Args a) { return isHalf(op) ? a[1].max(a[0]) : a[0].max(a[1]); }},
      {"nn.min",
       [](Operation *op, Args a) { return isHalf(op) ? a[1].min(a[0]) : a[0].min(a[1]); }},
      {"nn.atan2", [](Operation *, Args a) { return a[0].binary<math::Atan2Op>(a[1]); }},
      {"nn.squared_difference",
       [](Operation *, Args a) {
         Scalar d = a[0] - a[1];
         return d * d;
       }},
      {"nn.div_no_nan",
       [](Operation *, Args a) { return a[1].eq(a[1].k(0)).select(a[0].k(0), a[0] / a[1]); }},
      {"nn.mul_no_nan",
       [](Operation *, Args a) { return a[1].eq(a[1].k(0)).select(a[0].k(0), a[0] * a[1]); }},
      {"nn.xlogy",
       [](Operation *, Args a) { return a[0].eq(a[0].k(0)).select(a[0].k(0), a[0] * log(a[1])); }},
      {"nn.xlog1py",
       [](Operation *, Args a) {
         return a[0].eq(a[0].k(0)).select(a[0].k(0), a[0] * log1p(a[1]));
       }},
      {"nn.xdivy",
       [](Operation *, Args a) { return a[0].eq(a[0].k(0)).select(a[0], a[0] / a[1]); }},
      {"nn.next_after", [](Operation *, Args a) { return nextAfter(a[0], a[1]); }},
      {"nn.and", [](Operation *, Args a) { return a[0] & a[1]; }},
      {"nn.or", [](Operation *, Args a) { return a[0] | a[1]; }},
      {"nn.xor", [](Operation *, Args a) { return a[0] ^ a[1]; }},
      {"nn.shift_left", [](Operation *, Args a) { return shift(a[0], a[1], true); }},
      {"nn.shift_right", [](Operation *, Args a) { return shift(a[0], a[1], false); }},
      {"nn.compare",
       [](Operation *op, Args a) {
         return compare(a[0], a[1], llvm::cast<CompareOp>(op).getDirection());
       }},
      {"nn.select", [](Operation *, Args a) { return a[0].select(a[1], a[2]); }},
      {"nn.clamp", [](Operation *, Args a) { return a[2].min(a[0].max(a[1])); }},
      {"nn.cast",
       [](Operation *op, Args a) {
         return castTo(a[0], Emitter::elementType(op->getOperand(0)),
                       Emitter::elementType(op->getResult(0)));
       }},
      {"nn.bitcast",
       [](Operation *op, Args a) {
         return bitcast(a[0], Emitter::elementType(op->getOperand(0)),
                        Emitter::elementType(op->getResult(0)));
       }},
  };
  return table;
}

Value applyFormula(Emitter &e, Operation *op, ValueRange args) {
  SmallVector<Scalar, 3> a;
  for (auto [v, tensor] : llvm::zip(args, op->getOperands())) {
    Type t = Emitter::elementType(tensor);
    a.push_back({&e, v, t.isUnsignedInteger() || t.isInteger(1)});
  }
  return formulas().find(op->getName().getStringRef())->second(op, a).v;
}

} // namespace

ScalarRule findScalarRule(Operation *op) {
  bool isComplex = llvm::any_of(op->getOperandTypes(),
                                [](Type t) { return isa<ComplexType>(getElementTypeOrSelf(t)); }) ||
                   llvm::any_of(op->getResultTypes(),
                                [](Type t) { return isa<ComplexType>(getElementTypeOrSelf(t)); });
  return !isComplex && formulas().count(op->getName().getStringRef()) ? applyFormula : nullptr;
}

} // namespace ingot::schedule
