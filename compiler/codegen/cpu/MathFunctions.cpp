// Every function is branch-free arithmetic on a scalar or a vector, so that
// both give the same bits; the one branch is the range reduction of huge
// angles. Bounds are for float32, checked against float64 in MathFunctionsTest.
// Polynomials without another source are Cephes' (Moshier, 1989-2000) or
// least-squares fits.
#include "compiler/codegen/cpu/MathFunctions.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/TypeUtilities.h"
#include <limits>

using namespace mlir;

namespace {

//===-- Arithmetic on values ----------------------------------------------===//

/// A floating-point, integer or boolean value, scalar or vector, with
/// operators. A number on the other side takes its type.
struct Num {
  ImplicitLocOpBuilder *b;
  Value v;

  Type element() const { return getElementTypeOrSelf(v.getType()); }
  Type like(Type element) const {
    if (auto vector = dyn_cast<VectorType>(v.getType()))
      return vector.clone(element);
    return element;
  }
  Num with(Value value) const { return {b, value}; }
  Num k(double value) const {
    TypedAttr attribute;
    if (auto type = dyn_cast<FloatType>(element())) {
      APFloat number(value);
      bool lost;
      number.convert(type.getFloatSemantics(), APFloat::rmNearestTiesToEven, &lost);
      attribute = b->getFloatAttr(type, number);
    } else {
      attribute = b->getIntegerAttr(element(), int64_t(value));
    }
    return constant(attribute);
  }
  Num bits(uint64_t value) const { return constant(b->getIntegerAttr(element(), value)); }
  Num constant(TypedAttr attribute) const {
    if (auto vector = dyn_cast<VectorType>(v.getType()))
      attribute = DenseElementsAttr::get(vector, Attribute(attribute));
    return with(arith::ConstantOp::create(*b, attribute));
  }
  bool isFloat() const { return isa<FloatType>(element()); }
  template <typename Op, typename... Args> Num make(Args... args) const {
    return with(Op::create(*b, args...));
  }
  /// The same bits as another type of the same width.
  Num as(Type type) const { return make<arith::BitcastOp>(like(type), v); }
  Num asInt() const { return as(b->getIntegerType(element().getIntOrFloatBitWidth())); }
  Num f32() const { return as(b->getF32Type()); }
};

#define INGOT_BINARY(SYMBOL, FLOAT, INT)                                                           \
  Num operator SYMBOL(Num x, Num y) {                                                              \
    return x.isFloat() ? x.make<arith::FLOAT>(x.v, y.v) : x.make<arith::INT>(x.v, y.v);            \
  }                                                                                                \
  Num operator SYMBOL(Num x, double y) { return x SYMBOL x.k(y); }                                 \
  Num operator SYMBOL(double x, Num y) { return y.k(x) SYMBOL y; }
INGOT_BINARY(+, AddFOp, AddIOp)
INGOT_BINARY(-, SubFOp, SubIOp)
INGOT_BINARY(*, MulFOp, MulIOp)
INGOT_BINARY(/, DivFOp, DivSIOp)
#undef INGOT_BINARY

Num operator&(Num x, Num y) { return x.make<arith::AndIOp>(x.v, y.v); }
Num operator|(Num x, Num y) { return x.make<arith::OrIOp>(x.v, y.v); }
Num operator<<(Num x, unsigned n) { return x.make<arith::ShLIOp>(x.v, x.k(n).v); }
Num operator>>(Num x, unsigned n) { return x.make<arith::ShRSIOp>(x.v, x.k(n).v); }
Num shiftRight(Num x, Num n) { return x.make<arith::ShRUIOp>(x.v, n.v); }
Num shiftLeft(Num x, Num n) { return x.make<arith::ShLIOp>(x.v, n.v); }

Num compare(arith::CmpFPredicate p, Num x, Num y) { return x.make<arith::CmpFOp>(p, x.v, y.v); }
Num operator<(Num x, double y) { return compare(arith::CmpFPredicate::OLT, x, x.k(y)); }
Num operator>(Num x, double y) { return compare(arith::CmpFPredicate::OGT, x, x.k(y)); }
Num greater(Num x, Num y) { return compare(arith::CmpFPredicate::OGT, x, y); }
Num equal(Num x, double y) {
  return x.isFloat() ? compare(arith::CmpFPredicate::OEQ, x, x.k(y))
                     : x.make<arith::CmpIOp>(arith::CmpIPredicate::eq, x.v, x.k(y).v);
}
Num equal(Num x, Num y) { return compare(arith::CmpFPredicate::OEQ, x, y); }
Num isNan(Num x) { return compare(arith::CmpFPredicate::UNO, x, x); }
Num notZero(Num x) { return x.make<arith::CmpIOp>(arith::CmpIPredicate::ne, x.v, x.k(0).v); }
Num operator!(Num x) { return x.make<arith::XOrIOp>(x.v, x.k(1).v); }

Num select(Num c, Num x, Num y) { return x.make<arith::SelectOp>(c.v, x.v, y.v); }
Num select(Num c, double x, Num y) { return select(c, y.k(x), y); }
Num fma(Num x, Num y, Num z) { return x.make<math::FmaOp>(x.v, y.v, z.v); }
Num fma(Num x, double y, Num z) { return fma(x, x.k(y), z); }
Num fma(Num x, Num y, double z) { return fma(x, y, x.k(z)); }
Num neg(Num x) { return x.make<arith::NegFOp>(x.v); }
Num abs(Num x) { return x.make<math::AbsFOp>(x.v); }
Num sqrt(Num x) { return x.make<math::SqrtOp>(x.v); }
Num copySign(Num x, Num sign) { return x.make<math::CopySignOp>(x.v, sign.v); }
Num signBit(Num x) { return notZero(x.asInt() & x.asInt().bits(1u << 31)); }

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double quietNan = std::numeric_limits<double>::quiet_NaN();
constexpr double pi = 3.14159265358979323846;
constexpr double ln2 = 0.69314718055994530942;

/// Horner's rule, the highest coefficient first.
Num poly(Num x, std::initializer_list<double> coefficients) {
  Num sum = x.k(*coefficients.begin());
  for (const double *c = coefficients.begin() + 1; c != coefficients.end(); ++c)
    sum = fma(sum, x, *c);
  return sum;
}
/// x limited to [low, high]; NaN stays.
Num clamp(Num x, double low, double high) {
  x = select(x < low, low, x);
  return select(x > high, high, x);
}
/// 2^n of an integer in the range of normal exponents.
Num power2(Num n) { return ((n + 127) << 23).f32(); }

/// Nearest integer of x * factor, as number and as integer bits, for |n| <
/// 2^22. Adding 1.5 * 2^23 leaves the integer in the mantissa: defined for NaN,
/// too.
struct Rounded {
  Num number, integer;
};
Rounded roundScaled(Num x, double factor) {
  constexpr double magic = 12582912.0;
  Num t = fma(x, factor, x.k(magic));
  return {t - magic, t.asInt() - double(0x4B400000)};
}

//===-- Exponential and logarithm -----------------------------------------===//

/// e^(x + low) = 2^n * (1 + tail), tail in [-0.3, 0.42] with full relative
/// accuracy.
struct Reduced {
  Num tail, n;
};
Reduced reduceExp(Num x, const Num *low = nullptr) {
  Rounded n = roundScaled(x, 1.44269504088896340736);
  Num r = fma(n.number, -0.693359375, x);
  r = fma(n.number, 2.12194440e-4, r);
  if (low)
    r = r + *low;
  Num p = poly(r, {1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2,
                   1.6666665459e-1, 5.0000001201e-1});
  return {fma(p, r * r, r), n.integer};
}
/// In two factors, so that neither over- nor underflows before the result does.
Num scale2(Num x, Num n) {
  Num half = n >> 1;
  return x * power2(half) * power2(n - half);
}
Num exp(Num x) {
  Reduced e = reduceExp(clamp(x, -104, 89));
  return scale2(e.tail + 1.0, e.n);
}
/// e^(x + low), low small against 1.
Num expParts(Num x, Num low) {
  Reduced e = reduceExp(clamp(x, -104, 89), &low);
  return scale2(e.tail + 1.0, e.n);
}
Num exp2(Num x) {
  Num y = clamp(x, -150, 129);
  Rounded n = roundScaled(y, 1.0);
  Num r = (y - n.number) * ln2;
  Num p = poly(r, {1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2,
                   1.6666665459e-1, 5.0000001201e-1});
  return scale2(fma(p, r * r, r) + 1.0, n.integer);
}
Num expm1(Num x) {
  Reduced e = reduceExp(clamp(x, -30, 89));
  Num s = power2(e.n - 1);
  Num y = fma(s, e.tail, s - 0.5) * 2.0;
  return select(equal(x, 0), x, y);
}

/// x = 2^n * (1 + m), 1 + m in [sqrt(1/2), sqrt(2)), and log(1 + m).
struct LogParts {
  Num n, log;
};
LogParts logParts(Num x) {
  Num tiny = x < 1.17549435e-38; // subnormal: the exponent field says nothing
  Num bits = select(tiny, x * 8388608.0, x).asInt();
  // Mantissas from sqrt(1/2) on count to the exponent above.
  Num shifted = bits - double(0x3f3504f3);
  Num n = shifted >> 23;
  Num m = ((shifted & shifted.bits(0x7fffff)) + double(0x3f3504f3)).f32() - 1.0;
  Num number = n.make<arith::SIToFPOp>(x.v.getType(), n.v);
  number = select(tiny, number - 23.0, number);
  Num z = m * m;
  Num p = poly(m, {7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1,
                   1.4249322787e-1, -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1,
                   3.3333331174e-1});
  Num tail = fma(z, -0.5, m * z * p);
  return {number, m + tail};
}
/// What log gives at 0, below it, at infinity and NaN.
Num logSpecial(Num x, Num y) {
  y = select(equal(x, infinity), infinity, y);
  y = select(equal(x, 0), -infinity, y);
  return select(compare(arith::CmpFPredicate::UGE, x, x.k(0)), y, x.k(quietNan));
}
Num logScaled(Num x, double high, double low, double scale) {
  LogParts parts = logParts(x);
  Num tail = scale == 1.0 ? parts.log : parts.log * scale;
  Num y = fma(parts.n, low, tail);
  return logSpecial(x, select(isNan(x), x, fma(parts.n, high, y)));
}
Num log(Num x) { return logScaled(x, 0.693359375, -2.12194440e-4, 1.0); }
Num log2(Num x) { return logScaled(x, 1.0, 0.0, 1 / ln2); }
Num log10(Num x) {
  return logScaled(x, 0.30102539, 0.30102999566398120 - 0.30102539, 0.43429448190325182765);
}
Num log1p(Num x) {
  Num u = x + 1.0;
  Num y = log(u) + (x - (u - 1.0)) / u; // what the sum lost
  y = select(equal(u, 0), -infinity, y);
  y = select(equal(x, infinity), infinity, y);
  return select(equal(x, 0), x, y);
}

//===-- Hyperbolic --------------------------------------------------------===//

Num tanh(Num x) {
  Num t = expm1(abs(x) * -2.0);
  return copySign(t / (t + 2.0), x);
}
/// e^a / 2 where e^a itself would be infinite.
Num halfExp(Num a) {
  Num h = exp(a * 0.5);
  return h * 0.5 * h;
}
Num sinh(Num x) {
  Num a = abs(x);
  Num t = expm1(a);
  Num y = (t + t / (t + 1.0)) * 0.5;
  return copySign(select(a > 88.0, halfExp(a), y), x);
}
Num cosh(Num x) {
  Num a = abs(x);
  Num e = exp(a);
  return select(a > 88.0, halfExp(a), fma(e, 0.5, e.k(0.5) / e));
}
Num asinh(Num x) {
  Num a = abs(x);
  Num z = a * a;
  Num y = log1p(a + z / (sqrt(z + 1.0) + 1.0));
  return copySign(select(a > 1e9, log(a) + ln2, y), x);
}
Num acosh(Num x) {
  Num t = x - 1.0;
  Num y = log1p(t + sqrt(fma(t, t, t * 2.0)));
  return select(x < 1, quietNan, select(x > 1e9, log(x) + ln2, y));
}
Num atanh(Num x) {
  Num a = abs(x);
  return copySign(log1p(a * 2.0 / (1.0 - a)) * 0.5, x);
}

//===-- Angles ------------------------------------------------------------===//

/// asin of s where z = s * s, s in [0, sqrt(1/2)].
Num asinSmall(Num s, Num z) {
  Num p = poly(
      z, {4.2163199048e-2, 2.4181311049e-2, 4.5470025998e-2, 7.4953002686e-2, 1.6666752422e-1});
  return fma(s * z, p, s);
}
Num asin(Num x) {
  Num a = abs(x);
  Num large = a > 0.5;
  Num z = select(large, (1.0 - a) * 0.5, a * a);
  Num s = select(large, sqrt(z), a);
  Num r = asinSmall(s, z);
  return copySign(select(large, fma(r, -2.0, r.k(pi / 2)), r), x);
}
Num acos(Num x) {
  Num a = abs(x);
  Num large = a > 0.5;
  Num z = select(large, (1.0 - a) * 0.5, a * a);
  Num r = asinSmall(select(large, sqrt(z), a), z);
  Num twice = r * 2.0;
  Num far = select(x < 0, pi - twice, twice);
  return select(large, far, pi / 2 - copySign(r, x));
}
/// atan of a >= 0.
Num atanPositive(Num a) {
  Num far = a > 2.414213562373095, middle = a > 0.4142135623730950;
  Num z = select(middle, (a - 1.0) / (a + 1.0), a);
  z = select(far, a.k(-1) / a, z);
  Num base = select(far, pi / 2, select(middle, pi / 4, a.k(0)));
  Num s = z * z;
  Num p = poly(s, {8.05374449538e-2, -1.38776856032e-1, 1.99777106478e-1, -3.33329491539e-1});
  return base + fma(p * s, z, z);
}
Num atan(Num x) { return copySign(atanPositive(abs(x)), x); }
Num atan2(Num y, Num x) {
  Num ax = abs(x), ay = abs(y);
  Num steep = greater(ay, ax);
  Num low = select(steep, ax, ay), high = select(steep, ay, ax);
  Num t = low / high;
  t = select(equal(high, 0), 0.0, t);
  t = select(equal(low, infinity), 1.0, t);
  Num r = atanPositive(t);
  r = select(steep, pi / 2 - r, r);
  r = select(signBit(x), pi - r, r);
  Num nan = isNan(x) | isNan(y);
  return select(nan, x + y, copySign(r, y));
}

/// x = k * pi/2 + r with |r| <= pi/4; k modulo 4.
struct Angle {
  Num r, k;
};

/// For |x| >= 2^16: a 64-bit window of x * 2/pi (Payne and Hanek 1983). The
/// bits of 2/pi that count start where the exponent says.
Angle reduceHuge(Num x) {
  ImplicitLocOpBuilder &b = *x.b;
  Type i64 = b.getI64Type();
  Num bits = abs(x).asInt();
  auto widen = [&](Num n) { return n.make<arith::ExtUIOp>(n.like(i64), n.v); };
  Num mantissa = widen((bits & bits.bits(0x7fffff)) | bits.bits(0x800000));
  Num exponent = (bits >> 23) - 150.0;
  auto lower =
      exponent.make<arith::CmpIOp>(arith::CmpIPredicate::slt, exponent.v, exponent.k(-7).v);
  exponent = select(lower, -7, exponent);
  auto upper =
      exponent.make<arith::CmpIOp>(arith::CmpIPredicate::sgt, exponent.v, exponent.k(104).v);
  exponent = select(upper, 104, exponent);
  Num offset = exponent + 30.0; // bits to skip of 32 zeros and 2/pi
  Num word = offset >> 5;
  Num shift = widen(offset & offset.k(31));
  static const uint32_t twoOverPi[] = {0,          0xA2F9836E, 0x4E441529, 0xFC2757D1,
                                       0xF534DDC0, 0xDB629599, 0x3C439041, 0xFE5163AB};
  Num parts[4] = {mantissa, mantissa, mantissa, mantissa};
  for (int i = 0; i < 4; ++i) {
    Num value = mantissa.bits(twoOverPi[i]);
    for (int w = 1; w < 5; ++w)
      value = select(equal(word, w), mantissa.bits(twoOverPi[w + i]), value);
    parts[i] = value;
  }
  Num window[3] = {mantissa, mantissa, mantissa};
  for (int i = 0; i < 3; ++i) {
    Num pair = (parts[i] << 32) | parts[i + 1];
    window[i] = shiftRight(shiftLeft(pair, shift), mantissa.k(32));
  }
  Num product = ((mantissa * window[0]) << 32) + mantissa * window[1] +
                shiftRight(mantissa * window[2], mantissa.k(32));
  Num k = shiftRight(product + mantissa.bits(uint64_t(1) << 61), mantissa.k(62));
  Num rest = product - (k << 62);
  Num wide =
      rest.make<arith::SIToFPOp>(x.like(b.getF64Type()), rest.v) * (pi / 2 / 4611686018427387904.0);
  Num r = wide.make<arith::TruncFOp>(x.v.getType(), wide.v);
  Num k32 = k.make<arith::TruncIOp>(k.like(b.getI32Type()), k.v);
  Num negative = x < 0;
  r = select(negative, neg(r), r);
  k32 = select(negative, 0.0 - k32, k32);
  return {select(abs(x) < infinity, r, r.k(quietNan)), k32};
}

Angle reduceAngle(Num x) {
  Rounded n = roundScaled(x, 2 / pi);
  // pi/2 in parts of 8 bits, whose products with n are exact also without FMA.
  Num r = x;
  for (double part : {1.5703125, 0.0004825592041015625, 1.2665987014770508e-06,
                      9.89530235528946e-10, 2.5579538487363607e-12, 5.390302953474238e-15})
    r = fma(n.number, -part, r);
  Num huge = !compare(arith::CmpFPredicate::OLT, abs(x), x.k(65536.0));
  ImplicitLocOpBuilder &b = *x.b;
  Value any = huge.v;
  if (isa<VectorType>(any.getType()))
    any = vector::ReductionOp::create(b, vector::CombiningKind::OR, any);
  auto test = scf::IfOp::create(b, TypeRange{x.v.getType(), n.integer.v.getType()}, any,
                                /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(test.thenBlock());
  Angle far = reduceHuge(x);
  scf::YieldOp::create(b, ValueRange{select(huge, far.r, r).v, select(huge, far.k, n.integer).v});
  b.setInsertionPointToStart(test.elseBlock());
  scf::YieldOp::create(b, ValueRange{r.v, n.integer.v});
  return {x.with(test.getResult(0)), x.with(test.getResult(1))};
}
Num sinOfQuarter(Num r, Num k) {
  Num z = r * r;
  Num s = fma(poly(z, {-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1}), z * r, r);
  Num c = poly(z, {2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2});
  c = fma(c, z * z, fma(z, -0.5, z.k(1)));
  Num y = select(notZero(k & k.k(1)), c, s);
  return select(notZero(k & k.k(2)), neg(y), y);
}
Num sin(Num x) {
  Angle a = reduceAngle(x);
  return select(equal(x, 0), x, sinOfQuarter(a.r, a.k));
}
Num cos(Num x) {
  Angle a = reduceAngle(x);
  return sinOfQuarter(a.r, a.k + 1);
}
Num tan(Num x) {
  Angle a = reduceAngle(x);
  Num z = a.r * a.r;
  Num p = poly(z, {9.38540185543e-3, 3.11992232697e-3, 2.44301354525e-2, 5.34112807005e-2,
                   1.33387994085e-1, 3.33331568548e-1});
  Num y = fma(p, z * a.r, a.r);
  y = select(notZero(a.k & a.k.k(1)), y.k(-1) / y, y);
  return select(equal(x, 0), x, y);
}

//===-- Error function ----------------------------------------------------===//

Num erf(Num x) {
  Num a = abs(x), z = x * x;
  Num near = poly(z, {-5.96761703e-4, 4.99119423e-3, -2.67681349e-2, 1.12819925e-1, -3.76125336e-1,
                      1.28379166e-1});
  near = fma(near, x, x);
  Num t = clamp(a, 0, 4);
  Num far = poly(t, {-1.72853470e-5, 3.83197126e-4, -3.88396438e-3, 2.42546219e-2, -1.06777877e-1,
                     -6.34846687e-1, -1.28717512e-1});
  far = copySign(1.0 - exp(fma(far, t, neg(t))), x);
  return select(a > 0.927734375, far, near);
}
/// erfc(a) * exp(a^2) * (1 + 2a) as a polynomial in (a - 2) / (a + 2).
Num erfc(Num x) {
  Num a = abs(x);
  Num t = clamp(a, 0, 11);
  Num q = (t - 2.0) / (t + 2.0);
  Num p = poly(q, {-4.01139259e-4, -1.23075210e-3, 1.31355342e-3, 8.63227434e-3, -8.05991981e-3,
                   -5.42046614e-2, 1.64055392e-1, -1.66031361e-1, -9.27639827e-2, 2.76978403e-1});
  Num r = (p + 1.0) / fma(t, 2.0, t.k(1));
  // a^2 in two parts, the first one exact.
  Num high = (t.asInt() & t.asInt().bits(0xfffff000)).f32();
  Num low = (t - high) * (t + high);
  Num e = r * expParts(neg(high * high), neg(low));
  e = select(isNan(x), x, e);
  return select(x < 0, 2.0 - e, e);
}

//===-- Power -------------------------------------------------------------===//

/// log2|x| of a float32 in float64, relative error 1e-12.
Num log2Wide(Num wide) {
  Num bits = abs(wide).asInt();
  constexpr uint64_t root = 0x3fe6a09e667f3bcd; // sqrt(1/2)
  Num shifted = bits - bits.bits(root);
  Num n = shifted >> 52;
  Num m = ((shifted & shifted.bits(0xfffffffffffff)) + shifted.bits(root)).as(wide.element());
  Num s = (m - 1.0) / (m + 1.0);
  Num z = s * s;
  Num p = poly(z, {1.0 / 13, 1.0 / 11, 1.0 / 9, 1.0 / 7, 1.0 / 5, 1.0 / 3, 1.0});
  // Exponents fit 32 bits, which every target converts fast.
  Num n32 = n.make<arith::TruncIOp>(n.like(n.b->getI32Type()), n.v);
  Num number = n32.make<arith::SIToFPOp>(wide.v.getType(), n32.v);
  Num y = fma(p * s, 2 / ln2, number);
  y = select(equal(wide, 0), -infinity, y);
  return select(equal(abs(wide), infinity), infinity, y);
}
/// 2^t of a float64 as a float32.
Num exp2Wide(Num t) {
  constexpr double magic = 6755399441055744.0; // 1.5 * 2^52
  t = clamp(t, -300, 300);
  Num shifted = t + magic;
  Num n = shifted.asInt() - shifted.asInt().bits(0x4338000000000000);
  Num r = (t - (shifted - magic)) * ln2;
  Num p = poly(r, {1.0 / 40320, 1.0 / 5040, 1.0 / 720, 1.0 / 120, 1.0 / 24, 1.0 / 6, 0.5, 1, 1});
  Num y = p * ((n + n.k(1023)) << 52).as(t.element());
  return y.make<arith::TruncFOp>(y.like(y.b->getF32Type()), y.v);
}
Num widen(Num x) { return x.make<arith::ExtFOp>(x.like(x.b->getF64Type()), x.v); }
Num isInteger(Num x) { return equal(x, x.make<math::FloorOp>(x.v)); }

Num pow(Num x, Num y) {
  Num r = exp2Wide(log2Wide(widen(x)) * widen(y));
  Num whole = isInteger(y), odd = whole & !isInteger(y * 0.5);
  r = select(equal(abs(x), 1) & equal(abs(y), infinity), 1.0, r);
  r = select(odd, copySign(r, x), r);
  Num finiteNegative = (x < 0) & greater(x, x.k(-infinity));
  r = select(finiteNegative & !whole, quietNan, r);
  r = select(isNan(x) | isNan(y), x + y, r);
  return select(equal(y, 0) | equal(x, 1), 1.0, r);
}
Num cbrt(Num x) {
  Num r = exp2Wide(log2Wide(widen(x)) * (1.0 / 3));
  return select(isNan(x), x, copySign(r, x));
}
Num rsqrt(Num x) { return x.k(1) / sqrt(x); }

//===-- Patterns ----------------------------------------------------------===//

bool isF32(Type type) { return getElementTypeOrSelf(type).isF32(); }

template <typename Op, Num (*function)(Num)> struct Unary : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    if (!isF32(op.getType()))
      return failure();
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    rewriter.replaceOp(op, function({&b, op->getOperand(0)}).v);
    return success();
  }
};
template <typename Op, Num (*function)(Num, Num)> struct Binary : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    if (!isF32(op.getType()))
      return failure();
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    rewriter.replaceOp(op, function({&b, op->getOperand(0)}, {&b, op->getOperand(1)}).v);
    return success();
  }
};
/// 1 / sqrt(x) for the types that have no function here.
struct ExpandRsqrt : OpRewritePattern<math::RsqrtOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(math::RsqrtOp op, PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    rewriter.replaceOp(op, rsqrt({&b, op.getOperand()}).v);
    return success();
  }
};

} // namespace

void ingot::populateMathFunctionPatterns(RewritePatternSet &patterns) {
  populateMathF32ExpansionPatterns(patterns, [](StringRef) { return true; });
  patterns.add<Unary<math::ExpOp, exp>, Unary<math::Exp2Op, exp2>, Unary<math::ExpM1Op, expm1>,
               Unary<math::LogOp, log>, Unary<math::Log2Op, log2>, Unary<math::Log10Op, log10>,
               Unary<math::Log1pOp, log1p>, Unary<math::TanhOp, tanh>, Unary<math::SinhOp, sinh>,
               Unary<math::CoshOp, cosh>, Unary<math::AsinhOp, asinh>, Unary<math::AcoshOp, acosh>,
               Unary<math::AtanhOp, atanh>, Unary<math::AsinOp, asin>, Unary<math::AcosOp, acos>,
               Unary<math::AtanOp, atan>, Unary<math::SinOp, sin>, Unary<math::CosOp, cos>,
               Unary<math::TanOp, tan>, Unary<math::ErfOp, erf>, Unary<math::ErfcOp, erfc>,
               Unary<math::CbrtOp, cbrt>, Binary<math::Atan2Op, atan2>, Binary<math::PowFOp, pow>,
               ExpandRsqrt>(patterns.getContext());
}
