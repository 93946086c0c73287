// Element by element; complex numbers are pairs of elements.
#include "compiler/verify/Compare.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/FormatVariadic.h"
#include <cmath>
#include <limits>

using namespace mlir;
using namespace ingot::evaluate;

namespace ingot::verify {

static Type partOf(Type dtype) {
  auto complex = dyn_cast<ComplexType>(dtype);
  return complex ? complex.getElementType() : dtype;
}

double roundingUnit(Type dtype) {
  Type part = partOf(dtype);
  if (part.isF64())
    return 0x1p-53;
  if (part.isF16())
    return 0x1p-11;
  if (part.isBF16())
    return 0x1p-8;
  return isa<FloatType>(part) ? 0x1p-24 : 0;
}

static double smallestNormal(Type part) {
  return part.isF64() ? 0x1p-1022 : part.isF16() ? 0x1p-14 : 0x1p-126;
}
static double largest(Type part) {
  if (part.isF64())
    return std::numeric_limits<double>::max();
  return part.isF16() ? 65504 : part.isBF16() ? 0x1.fep127 : std::numeric_limits<float>::max();
}

/// All parts as doubles.
static std::vector<double> parts(const HostTensor &t) {
  if (!isa<ComplexType>(t.dtype))
    return t.read<double>();
  std::vector<double> r;
  for (std::complex<double> c : t.read<std::complex<double>>()) {
    r.push_back(c.real());
    r.push_back(c.imag());
  }
  return r;
}

static uint64_t next(uint64_t &state) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

HostTensor perturbed(const HostTensor &t, uint64_t seed) {
  double unit = 2 * roundingUnit(t.dtype);
  if (unit == 0)
    return t;
  uint64_t state = (seed + 1) * 0x9e3779b97f4a7c15ull;
  // At least half a unit, either way: a small step tells little.
  auto move = [&](double v) {
    uint64_t bits = next(state);
    double step = 0.5 + static_cast<double>(bits >> 12) * 0x1p-53;
    return v + v * unit * (bits & 1 ? step : -step);
  };
  MLIRContext *context = t.dtype.getContext();
  if (isa<ComplexType>(t.dtype)) {
    auto values = t.read<std::complex<double>>();
    for (auto &c : values)
      c = {move(c.real()), move(c.imag())};
    return HostTensor::fromValues(ComplexType::get(Float64Type::get(context)), t.dims, values);
  }
  auto values = t.read<double>();
  for (double &v : values)
    v = move(v);
  return HostTensor::fromValues(Float64Type::get(context), t.dims, values);
}

Tolerance Tolerance::forSum(double terms) {
  Tolerance t;
  terms = std::max(terms, 4.0);
  t.sensitivity = 4 * std::sqrt(terms) + terms / 4;
  return t;
}

static std::string spell(Type dtype, ArrayRef<int64_t> dims) {
  std::string s;
  llvm::raw_string_ostream os(s);
  for (int64_t d : dims)
    os << d << "x";
  dtype.print(os);
  return s;
}

static std::string spellIndex(ArrayRef<int64_t> dims, int64_t linear) {
  std::string s;
  for (int64_t d : llvm::reverse(dims)) {
    s = std::to_string(linear % d) + (s.empty() ? "" : ", ") + s;
    linear /= d;
  }
  return "[" + s + "]";
}

static Comparison compareExactly(const HostTensor &found, const HostTensor &exact,
                                 ArrayRef<HostTensor> moved, Comparison r) {
  int64_t size = found.elementSize();
  for (int64_t i = 0, n = found.count(); i < n; ++i) {
    const char *f = found.bytes.data() + i * size, *e = exact.bytes.data() + i * size;
    if (std::memcmp(f, e, size) == 0)
      continue;
    // What one unit of rounding changes (a comparison, an argmax) is undecided.
    bool undecided = llvm::any_of(moved, [&](const HostTensor &m) {
      return std::memcmp(m.bytes.data() + i * size, e, size) != 0;
    });
    if (undecided) {
      ++r.undecided;
      continue;
    }
    if (r.wrong++ == 0) {
      r.share = std::numeric_limits<double>::infinity();
      double a = found.read<double>()[i], b = exact.read<double>()[i];
      r.maxError = std::fabs(a - b);
      r.worst = llvm::formatv("element {0} is {1}, expected {2}", spellIndex(found.dims, i), a, b);
    }
  }
  return r;
}

Comparison compare(const HostTensor &found, const HostTensor &exact, ArrayRef<HostTensor> moved,
                   const Tolerance &tolerance) {
  Comparison r;
  r.type = spell(found.dtype, found.dims);
  r.elements = found.count();
  auto mismatch = [&](std::string text) {
    r.wrong = std::max<uint64_t>(r.elements, 1);
    r.share = std::numeric_limits<double>::infinity();
    r.worst = std::move(text);
    return r;
  };
  if (found.dims != exact.dims)
    return mismatch("its shape is " + r.type + ", expected " + spell(found.dtype, exact.dims));
  double unit = roundingUnit(found.dtype);
  if (unit == 0)
    return compareExactly(found, exact, moved, r);
  std::vector<double> f = parts(found), e = parts(exact), delta(f.size(), 0);
  for (const HostTensor &m : moved) {
    if (m.dims != exact.dims)
      continue;
    std::vector<double> v = parts(m);
    for (size_t i = 0; i < v.size(); ++i) {
      double d = std::fabs(v[i] - e[i]);
      bool same = v[i] == e[i] || (std::isnan(v[i]) && std::isnan(e[i]));
      if (!same)
        delta[i] = std::isfinite(d) ? std::max(delta[i], d) : INFINITY;
    }
  }
  // An element may have moved little by chance: none has less than a share of
  // the average.
  double sum = 0;
  int64_t finite = 0;
  for (double d : delta)
    if (std::isfinite(d)) {
      sum += d;
      ++finite;
    }
  double floor = finite ? 0.25 * sum / static_cast<double>(finite) : 0;
  Type part = partOf(found.dtype);
  double tiny = smallestNormal(part), most = largest(part);
  bool complex = isa<ComplexType>(found.dtype);
  for (size_t i = 0; i < f.size(); ++i) {
    // Beyond the type's range the expected value is an infinity.
    double expected = std::fabs(e[i]) > most * (1 + unit) ? std::copysign(INFINITY, e[i]) : e[i];
    if (f[i] == expected || (std::isnan(f[i]) && std::isnan(expected)))
      continue;
    double scale =
        std::max(delta[i], floor) + unit * (std::isfinite(expected) ? std::fabs(expected) : 0);
    double allowed =
        tolerance.sensitivity * std::max(delta[i], floor) +
        2 * unit * tolerance.ulps * (std::isfinite(expected) ? std::fabs(expected) : 0) + tiny;
    double error = std::fabs(f[i] - expected);
    if (std::isinf(allowed)) {
      ++r.undecided;
      continue;
    }
    // Almost the largest number may have become an infinity, and the other way.
    if (!std::isfinite(error) && !std::isnan(f[i]) && !std::isnan(expected) &&
        std::signbit(f[i]) == std::signbit(expected) &&
        std::min(std::fabs(f[i]), std::fabs(expected)) >= most * (1 - 64 * unit))
      continue;
    double share = std::isnan(error) ? INFINITY : error / allowed;
    if (std::isfinite(error)) {
      r.maxError = std::max(r.maxError, error);
      r.maxUnits = std::max(r.maxUnits, error / (scale + tiny));
    }
    r.wrong += share > 1;
    if (share > r.share) {
      r.share = share;
      r.worst = llvm::formatv("element {0} is {1:e8}, expected {2:e8}",
                              spellIndex(found.dims, complex ? i / 2 : i), f[i], expected);
    }
  }
  return r;
}

} // namespace ingot::verify
