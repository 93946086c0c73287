// Elementwise operations: one line each in the lists at the end, with the types
// it is defined for and the scalar formula.
#include "compiler/evaluate/Rules.h"
#include "compiler/evaluate/SpecialFunctions.h"
#include <cmath>

using namespace mlir;
using namespace ingot::nn;

namespace ingot::evaluate {
namespace {

/// What a formula is defined for. `Real` and `Float` formulas run in double and
/// are rounded once.
enum class Domain { Any, Ordered, Number, Bits, Real, Float };

template <Domain D, typename T> constexpr bool covers() {
  constexpr bool integral = std::is_integral_v<T>;
  switch (D) {
  case Domain::Any:
    return true;
  case Domain::Ordered:
    return !isComplex<T>;
  case Domain::Number:
    return !std::is_same_v<T, bool>;
  case Domain::Bits:
    return integral;
  case Domain::Real:
    return isReal<T>;
  case Domain::Float:
    return isReal<T> || isComplex<T>;
  }
  return false;
}
template <Domain D, typename T>
using Compute = std::conditional_t<D == Domain::Real || D == Domain::Float, Wide<T>, T>;

LogicalResult undefined(Evaluator &ev, Operation *op, const HostTensor &x) {
  std::string text;
  llvm::raw_string_ostream(text) << "is not defined for " << x.dtype;
  return ev.fail(op, Status::Invalid, text);
}
LogicalResult sameShapes(Evaluator &ev, Operation *op, Inputs in) {
  for (const TensorRef &t : in)
    if (t->dims != in[0]->dims)
      return ev.fail(op, Status::ShapeMismatch, "has operands of different shapes");
  return success();
}
Type resultElement(Evaluator &ev, Operation *op) {
  return ev.storage(cast<RankedTensorType>(op->getResult(0).getType()).getElementType());
}

/// Applies f to each element; the result has type `element`.
template <Domain D, typename F>
LogicalResult map1(Evaluator &ev, Operation *op, Inputs in, Outputs &out, F f) {
  const HostTensor &x = *in[0];
  return dispatch(x.dtype, [&](auto zero) -> LogicalResult {
    using T = decltype(zero);
    if constexpr (covers<D, T>()) {
      using C = Compute<D, T>;
      auto values = x.read<C>();
      std::vector<decltype(f(C()))> r(values.size());
      for (size_t i = 0; i < r.size(); ++i)
        r[i] = f(C(values[i]));
      out.push_back(HostTensor::fromValues(resultElement(ev, op), x.dims, r));
      return success();
    } else {
      return undefined(ev, op, x);
    }
  });
}
template <Domain D, typename F>
LogicalResult map2(Evaluator &ev, Operation *op, Inputs in, Outputs &out, F f) {
  if (failed(sameShapes(ev, op, in)))
    return failure();
  const HostTensor &x = *in[0];
  return dispatch(x.dtype, [&](auto zero) -> LogicalResult {
    using T = decltype(zero);
    if constexpr (covers<D, T>()) {
      using C = Compute<D, T>;
      auto a = x.read<C>(), b = in[1]->read<C>();
      std::vector<decltype(f(C(), C()))> r(a.size());
      for (size_t i = 0; i < r.size(); ++i)
        r[i] = f(C(a[i]), C(b[i]));
      out.push_back(HostTensor::fromValues(resultElement(ev, op), x.dims, r));
      return success();
    } else {
      return undefined(ev, op, x);
    }
  });
}

//===-- Formulas of more than a line --------------------------------------===//

template <typename T> T sign(T x) {
  if constexpr (isComplex<T>)
    return x == T(0) ? T(0) : x / std::abs(x);
  else if constexpr (std::is_unsigned_v<T>)
    return T(x != 0);
  else
    return x != x ? x : T((x > 0) - (x < 0));
}
template <typename T> T negative(T x) {
  if constexpr (std::is_integral_v<T>)
    return wrapSub(T(0), x);
  else
    return -x;
}
template <typename T> auto magnitude(T x) {
  if constexpr (isComplex<T>)
    return std::abs(x);
  else if constexpr (isReal<T>)
    return std::fabs(x);
  else if constexpr (std::is_signed_v<T>)
    return x < 0 ? wrapSub(T(0), x) : x;
  else
    return x;
}
/// floor, ceil and round leave integers alone.
template <typename T, typename F> T rounded(T x, F f) {
  if constexpr (isReal<T>)
    return f(x);
  else
    return x;
}
template <typename T> T squaredDifference(T x, T y) {
  T d = wrapSub(x, y);
  if constexpr (isComplex<T>)
    return d * std::conj(d);
  else
    return wrapMul(d, d);
}
template <typename T> T relu(T x) { return x > T(0) || x != x ? x : T(0); }
template <typename T> T softplus(T x) {
  if constexpr (isComplex<T>)
    return std::log(T(1) + std::exp(x));
  else
    return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
}
template <typename T> T expm1Of(T x) {
  if constexpr (isComplex<T>) {
    double half = std::sin(x.imag() / 2);
    return T(std::expm1(x.real()) * std::cos(x.imag()) - 2 * half * half,
             std::exp(x.real()) * std::sin(x.imag()));
  } else
    return std::expm1(x);
}
template <typename T> T log1pOf(T x) {
  if constexpr (isComplex<T>) {
    T whole = std::log(T(1) + x);
    if (std::fabs(x.real()) > 0.5 || std::fabs(x.imag()) > 0.5)
      return whole;
    return T(std::log1p(x.real() * (2 + x.real()) + x.imag() * x.imag()) / 2, whole.imag());
  } else
    return std::log1p(x);
}
template <typename T> T invert(T x) {
  if constexpr (std::is_same_v<T, bool>)
    return !x;
  else
    return static_cast<T>(~x);
}
template <typename T> T shiftAmount(T y) {
  T last = static_cast<T>(sizeof(T) * 8 - 1);
  return y < T(0) ? T(0) : y > last ? last : y;
}
template <typename T> T shiftLeft(T x, T y) {
  return static_cast<T>(static_cast<uint64_t>(x) << shiftAmount(y));
}
template <typename T> T shiftRight(T x, T y) { return static_cast<T>(x >> shiftAmount(y)); }

/// Integer division with a flag for a zero divisor.
enum class Division { Truncate, Floor, Mod, Rem };
template <typename T> T divide(Division kind, T x, T y, bool &byZero) {
  if constexpr (isComplex<T>) {
    return x / y;
  } else if constexpr (isReal<T>) {
    T r;
    switch (kind) {
    case Division::Truncate:
      return x / y;
    case Division::Floor:
      return x / y; // floored by the caller, which knows the type
    case Division::Rem:
      return std::fmod(x, y);
    case Division::Mod:
      r = std::fmod(x, y);
      return r != 0 && (r < 0) != (y < 0) ? r + y : r;
    }
  } else {
    if (y == T(0)) {
      byZero = true;
      return T(0);
    }
    bool wraps = std::is_signed_v<T> && y == T(-1); // least / -1 traps on x86
    T q = wraps ? wrapSub(T(0), x) : T(x / y), r = wraps ? T(0) : T(x % y);
    bool adjust = r != 0 && (r < 0) != (y < 0);
    switch (kind) {
    case Division::Truncate:
      return q;
    case Division::Floor:
      return adjust ? T(q - 1) : q;
    case Division::Rem:
      return r;
    case Division::Mod:
      return adjust ? T(r + y) : r;
    }
  }
  return x;
}
/// TensorFlow rounds a quotient to the type, flushes denormals, and then floors.
template <typename T> T floorQuotient(T q, Type dtype) {
  if (dtype.isF16())
    q = halfToFloat(floatToHalf(q));
  else if (dtype.isBF16())
    q = bfloatToFloat(floatToBfloat(q));
  if (std::fabs(q) < std::numeric_limits<T>::min())
    q = std::copysign(T(0), q);
  return std::floor(q);
}
template <Division Kind>
LogicalResult division(Evaluator &ev, Operation *op, Inputs in, Outputs &out) {
  bool byZero = false;
  Type dtype = in[0]->dtype;
  auto ok = map2<Domain::Number>(ev, op, in, out, [&](auto x, auto y) {
    auto q = divide(Kind, x, y, byZero);
    if constexpr (isReal<decltype(q)>)
      return Kind == Division::Floor ? floorQuotient(q, dtype) : q;
    else
      return q;
  });
  return byZero ? ev.fail(op, Status::DivideByZero, "integer division by zero") : ok;
}
template <typename T> T integerPower(T x, T y, bool &negative) {
  if (y < T(0)) {
    negative = true;
    return T(0);
  }
  T r = T(1);
  for (; y; y = static_cast<T>(y >> 1), x = wrapMul(x, x))
    if (y & 1)
      r = wrapMul(r, x);
  return r;
}
LogicalResult power(Evaluator &ev, Operation *op, Inputs in, Outputs &out) {
  bool negative = false;
  auto ok = map2<Domain::Number>(ev, op, in, out, [&](auto x, auto y) {
    using T = decltype(x);
    if constexpr (std::is_integral_v<T>)
      return integerPower<T>(x, y, negative);
    else
      return T(std::pow(Wide<T>(x), Wide<T>(y)));
  });
  return negative
             ? ev.fail(op, Status::Invalid, "integers to negative integer powers are not allowed")
             : ok;
}

//===-- Operations that change the type -----------------------------------===//

template <typename T> bool holds(CompareDirection direction, T x, T y) {
  switch (direction) {
  case CompareDirection::eq:
    return x == y;
  case CompareDirection::ne:
    return x != y;
  default:
    break;
  }
  if constexpr (!isComplex<T>) {
    switch (direction) {
    case CompareDirection::lt:
      return x < y;
    case CompareDirection::le:
      return x <= y;
    case CompareDirection::gt:
      return x > y;
    case CompareDirection::ge:
      return x >= y;
    default:
      break;
    }
  }
  return false;
}
LogicalResult compare(Evaluator &ev, Operation *op, Inputs in, Outputs &out) {
  auto direction = cast<CompareOp>(op).getDirection();
  return map2<Domain::Any>(ev, op, in, out, [&](auto x, auto y) { return holds(direction, x, y); });
}
LogicalResult select(Evaluator &ev, Operation *op, Inputs in, Outputs &out) {
  if (failed(sameShapes(ev, op, in)))
    return failure();
  HostTensor r = *in[2];
  int64_t size = r.elementSize();
  for (int64_t i = 0, n = r.count(); i < n; ++i)
    if (in[0]->bytes[i])
      std::memcpy(r.bytes.data() + i * size, in[1]->bytes.data() + i * size, size);
  out.push_back(std::move(r));
  return success();
}
LogicalResult clamp(Evaluator &ev, Operation *op, Inputs in, Outputs &out) {
  Outputs low;
  auto larger = [](auto x, auto y) { return maxOf(x, y); };
  auto smaller = [](auto x, auto y) { return minOf(x, y); };
  if (failed(map2<Domain::Ordered>(ev, op, {in[1], in[0]}, low, larger)))
    return failure();
  TensorRef raised = std::make_shared<HostTensor>(std::move(low[0]));
  return map2<Domain::Ordered>(ev, op, {raised, in[2]}, out, smaller);
}

/// What x86's conversion instructions and TensorFlow's code around them give.
template <typename To> To toInteger(double x) {
  if constexpr (std::is_same_v<To, bool>) {
    return x != 0;
  } else if constexpr (std::is_same_v<To, uint64_t>) {
    auto direct = [](double v) {
      return v >= -0x1p63 && v < 0x1p63 ? static_cast<int64_t>(v)
                                        : std::numeric_limits<int64_t>::min();
    };
    int64_t low = direct(x), high = direct(x - 0x1p63);
    return static_cast<uint64_t>(low | (high & (low >> 63)));
  } else if constexpr (sizeof(To) >= 4) {
    // 32-bit unsigned goes through 64 bits, others through their own width.
    using Through = std::conditional_t<std::is_same_v<To, int32_t>, int32_t, int64_t>;
    double limit = sizeof(Through) == 4 ? 0x1p31 : 0x1p63;
    double whole = std::trunc(x);
    return static_cast<To>(whole >= -limit && whole < limit ? static_cast<Through>(whole)
                                                            : std::numeric_limits<Through>::min());
  } else {
    return static_cast<To>(toInteger<int32_t>(x));
  }
}
LogicalResult castOp(Evaluator &ev, Operation *op, Inputs in, Outputs &out) {
  const HostTensor &x = *in[0];
  Type to = resultElement(ev, op);
  dispatch(x.dtype, [&](auto from) {
    using From = decltype(from);
    auto values = x.read<From>();
    dispatch(to, [&](auto zero) {
      using To = decltype(zero);
      std::vector<To> r(values.size());
      for (size_t i = 0; i < r.size(); ++i) {
        From v = values[i];
        if constexpr (std::is_same_v<To, bool>)
          r[i] = v != From(0);
        else if constexpr (std::is_integral_v<To> && !std::is_integral_v<From>)
          r[i] = toInteger<To>(convertElement<double>(v));
        else
          r[i] = convertElement<To>(v);
      }
      out.push_back(HostTensor::fromValues(to, x.dims, r));
    });
  });
  return success();
}
LogicalResult bitcast(Evaluator &ev, Operation *op, Inputs in, Outputs &out) {
  // Bits only mean something in the declared types.
  Type from = cast<RankedTensorType>(op->getOperand(0).getType()).getElementType();
  Type to = cast<RankedTensorType>(op->getResult(0).getType()).getElementType();
  HostTensor x = *in[0];
  if (x.dtype != from)
    x = isa<ComplexType>(from)
            ? HostTensor::fromValues(from, x.dims, x.read<std::complex<double>>())
            : HostTensor::fromValues(from, x.dims, x.read<double>());
  x.dtype = to;
  out.push_back(ev.stored(x));
  return success();
}
template <bool imaginary>
LogicalResult part(Evaluator &ev, Operation *op, Inputs in, Outputs &out) {
  std::vector<double> r;
  for (std::complex<double> c : in[0]->read<std::complex<double>>())
    r.push_back(imaginary ? c.imag() : c.real());
  out.push_back(HostTensor::fromValues(resultElement(ev, op), in[0]->dims, r));
  return success();
}
LogicalResult complexOp(Evaluator &ev, Operation *op, Inputs in, Outputs &out) {
  if (failed(sameShapes(ev, op, in)))
    return failure();
  auto re = in[0]->read<double>(), im = in[1]->read<double>();
  std::vector<std::complex<double>> r;
  for (auto [x, y] : llvm::zip(re, im))
    r.push_back({x, y});
  out.push_back(HostTensor::fromValues(resultElement(ev, op), in[0]->dims, r));
  return success();
}
LogicalResult leakyRelu(Evaluator &ev, Operation *op, Inputs in, Outputs &out) {
  double alpha = cast<LeakyReluOp>(op).getAlpha().convertToDouble();
  return map1<Domain::Real>(ev, op, in, out, [&](auto x) { return x > 0 ? x : alpha * x; });
}
LogicalResult copyOp(Evaluator &, Operation *, Inputs in, Outputs &out) {
  out.push_back(*in[0]);
  return success();
}

void addUnary(Rules &rules) {
#define UNARY(OP, DOMAIN, FORMULA)                                                                 \
  addRule<OP>(rules, [](Evaluator &ev, Operation *op, Inputs in, Outputs &out) -> LogicalResult {  \
    return map1<Domain::DOMAIN>(ev, op, in, out, [](auto x) {                                      \
      using T = decltype(x);                                                                       \
      (void)T();                                                                                   \
      return FORMULA;                                                                              \
    });                                                                                            \
  })
  UNARY(AbsOp, Number, magnitude(x));
  UNARY(NegOp, Number, negative(x));
  UNARY(SignOp, Number, sign(x));
  UNARY(SquareOp, Number, wrapMul(x, x));
  UNARY(ReciprocalOp, Number, T(x == T(0) && std::is_integral_v<T> ? T(0) : T(1) / x));
  UNARY(SqrtOp, Float, std::sqrt(x));
  UNARY(RsqrtOp, Float, T(1) / std::sqrt(x));
  UNARY(ExpOp, Float, std::exp(x));
  UNARY(Expm1Op, Float, expm1Of(x));
  UNARY(LogOp, Float, std::log(x));
  UNARY(Log1pOp, Float, log1pOf(x));
  UNARY(SinOp, Float, std::sin(x));
  UNARY(CosOp, Float, std::cos(x));
  UNARY(TanOp, Float, std::tan(x));
  UNARY(AsinOp, Float, std::asin(x));
  UNARY(AcosOp, Float, std::acos(x));
  UNARY(AtanOp, Float, std::atan(x));
  UNARY(SinhOp, Float, std::sinh(x));
  UNARY(CoshOp, Float, std::cosh(x));
  UNARY(AsinhOp, Float, std::asinh(x));
  UNARY(AcoshOp, Float, std::acosh(x));
  UNARY(AtanhOp, Float, std::atanh(x));
  UNARY(TanhOp, Float, std::tanh(x));
  UNARY(SigmoidOp, Float, T(1) / (T(1) + std::exp(-x)));
  UNARY(SoftplusOp, Float, softplus(x));
  UNARY(SoftsignOp, Real, x / (1 + std::fabs(x)));
  UNARY(ReluOp, Ordered, relu(x));
  UNARY(Relu6Op, Ordered, minOf(relu(x), T(6)));
  UNARY(EluOp, Real, x > 0 ? x : std::expm1(x));
  UNARY(SeluOp, Real, x > 0 ? 1.0507009873554805 * x : 1.7580993408473768 * std::expm1(x));
  UNARY(ErfOp, Real, std::erf(x));
  UNARY(ErfcOp, Real, std::erfc(x));
  UNARY(ErfinvOp, Real, erfinv(x));
  UNARY(NdtriOp, Real, ndtri(x));
  UNARY(LgammaOp, Real, std::lgamma(x));
  UNARY(DigammaOp, Real, digamma(x));
  UNARY(FloorOp, Ordered, rounded(x, [](auto v) { return std::floor(v); }));
  UNARY(CeilOp, Ordered, rounded(x, [](auto v) { return std::ceil(v); }));
  UNARY(RoundOp, Ordered, rounded(x, [](auto v) { return std::nearbyint(v); }));
  UNARY(NotOp, Bits, invert(x));
  UNARY(IsNanOp, Real, x != x);
  UNARY(IsInfOp, Real, std::isinf(x));
  UNARY(IsFiniteOp, Real, std::isfinite(x));
#undef UNARY
}

void addBinary(Rules &rules) {
#define BINARY(OP, DOMAIN, FORMULA)                                                                \
  addRule<OP>(rules, [](Evaluator &ev, Operation *op, Inputs in, Outputs &out) -> LogicalResult {  \
    return map2<Domain::DOMAIN>(ev, op, in, out, [](auto x, auto y) {                              \
      using T = decltype(x);                                                                       \
      (void)T();                                                                                   \
      return FORMULA;                                                                              \
    });                                                                                            \
  })
  BINARY(AddOp, Any, wrapAdd(x, y));
  BINARY(SubOp, Any, wrapSub(x, y));
  BINARY(MulOp, Any, wrapMul(x, y));
  BINARY(MaxOp, Ordered, maxOf(x, y));
  BINARY(MinOp, Ordered, minOf(x, y));
  BINARY(Atan2Op, Real, std::atan2(x, y));
  BINARY(SquaredDifferenceOp, Number, squaredDifference(x, y));
  BINARY(DivNoNanOp, Float, y == T(0) ? T(0) : x / y);
  BINARY(MulNoNanOp, Float, y == T(0) ? T(0) : x * y);
  BINARY(XlogyOp, Float, x == T(0) ? T(0) : x * std::log(y));
  BINARY(Xlog1pyOp, Float, x == T(0) ? T(0) : x * log1pOf(y));
  BINARY(XdivyOp, Float, x == T(0) ? T(0) : x / y);
  BINARY(AndOp, Bits, static_cast<T>(x & y));
  BINARY(OrOp, Bits, static_cast<T>(x | y));
  BINARY(XorOp, Bits, static_cast<T>(x ^ y));
  BINARY(ShiftLeftOp, Bits, shiftLeft(x, y));
  BINARY(ShiftRightOp, Bits, shiftRight(x, y));
#undef BINARY
}
LogicalResult nextAfter(Evaluator &ev, Operation *op, Inputs in, Outputs &out) {
  // A neighbour in the type itself, so not computed in double.
  return map2<Domain::Ordered>(ev, op, in, out, [](auto x, auto y) {
    if constexpr (isReal<decltype(x)>)
      return std::nextafter(x, y);
    else
      return x;
  });
}

} // namespace

void addElementwiseRules(Rules &rules) {
  addUnary(rules);
  addBinary(rules);
  addRule<DivOp>(rules, division<Division::Truncate>);
  addRule<FloorDivOp>(rules, division<Division::Floor>);
  addRule<ModOp>(rules, division<Division::Mod>);
  addRule<RemOp>(rules, division<Division::Rem>);
  addRule<PowOp>(rules, power);
  addRule<NextAfterOp>(rules, nextAfter);
  addRule<LeakyReluOp>(rules, leakyRelu);
  addRule<CompareOp>(rules, compare);
  addRule<SelectOp>(rules, select);
  addRule<ClampOp>(rules, clamp);
  addRule<CastOp>(rules, castOp);
  addRule<BitcastOp>(rules, bitcast);
  addRule<RealOp>(rules, part<false>);
  addRule<ImagOp>(rules, part<true>);
  addRule<ComplexOp>(rules, complexOp);
  addRule<CopyOp>(rules, copyOp);
}

} // namespace ingot::evaluate
