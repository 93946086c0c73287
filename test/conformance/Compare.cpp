// Comparison of a result with TensorFlow's, and with a float64 truth.
#include "CaseFile.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"
#include <cmath>
#include <cstring>
#include <limits>

using namespace llvm;

namespace ingot::conform {

namespace {
/// What differs between the float dtypes.
struct FloatType {
  const fltSemantics *semantics;
  unsigned bytes;
};
} // namespace

static std::optional<FloatType> floatType(ingot_dtype dtype) {
  switch (dtype) {
  case INGOT_F16:
    return FloatType{&APFloat::IEEEhalf(), 2};
  case INGOT_BF16:
    return FloatType{&APFloat::BFloat(), 2};
  case INGOT_F32:
  case INGOT_C64:
    return FloatType{&APFloat::IEEEsingle(), 4};
  case INGOT_F64:
  case INGOT_C128:
    return FloatType{&APFloat::IEEEdouble(), 8};
  default:
    return std::nullopt;
  }
}

static uint64_t loadBits(const char *p, unsigned bytes) {
  uint64_t bits = 0;
  memcpy(&bits, p, bytes); // Little-endian hosts only, like the rest.
  return bits;
}

static double toDouble(const FloatType &type, uint64_t bits) {
  if (type.bytes == 8)
    return bit_cast<double>(bits);
  if (type.bytes == 4)
    return bit_cast<float>(static_cast<uint32_t>(bits));
  APFloat value(*type.semantics, APInt(16, bits));
  bool lost;
  value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &lost);
  return value.convertToDouble();
}

static uint64_t roundTo(const FloatType &type, double value) {
  APFloat rounded(value);
  bool lost;
  rounded.convert(*type.semantics, APFloat::rmNearestTiesToEven, &lost);
  return rounded.bitcastToAPInt().getZExtValue();
}

/// Maps bits to integers in the order of their values; both zeros to 0.
static __int128 ordered(const FloatType &type, uint64_t bits) {
  uint64_t sign = uint64_t(1) << (type.bytes * 8 - 1);
  return bits & sign ? -static_cast<__int128>(bits & ~sign) : static_cast<__int128>(bits);
}

/// Denormals count as zero: TensorFlow flushes them, and so may kernels.
static bool isTiny(const FloatType &type, double value) {
  double smallest = APFloat::getSmallestNormalized(*type.semantics).convertToDouble();
  return std::fabs(value) < smallest;
}

static bool close(const FloatType &type, uint64_t found, uint64_t expected, double exact,
                  const Rule &rule) {
  if (found == expected)
    return true;
  double a = toDouble(type, found), b = toDouble(type, expected);
  if (std::isnan(a) || std::isnan(b))
    return std::isnan(a) && std::isnan(b);
  // A zero's sign counts only where results are exact and not denormal.
  if (a != b && isTiny(type, a) && isTiny(type, b))
    return true;
  if (a == b && rule.zero)
    return true;
  if (rule.ulp == 0 && rule.atol == 0 && rule.rtol == 0)
    return false;
  __int128 distance = ordered(type, found) - ordered(type, expected);
  if (distance <= rule.ulp && -distance <= rule.ulp)
    return true;
  return std::fabs(a - exact) <= rule.atol + rule.rtol * std::fabs(exact);
}

static bool closeElement(const FloatType &type, const char *found, const char *expected,
                         const char *truth, const Rule &rule) {
  uint64_t f = loadBits(found, type.bytes), e = loadBits(expected, type.bytes);
  if (close(type, f, e, toDouble(type, e), rule))
    return true;
  if (!truth)
    return false;
  double t = bit_cast<double>(loadBits(truth, 8));
  return close(type, f, roundTo(type, t), t, rule);
}

/// Complex numbers: each part within the rule, or the whole within the
/// relative part of it.
static bool closeComplex(const FloatType &type, const char *found, const char *expected,
                         const char *truth, const Rule &rule) {
  if (closeElement(type, found, expected, truth, rule) &&
      closeElement(type, found + type.bytes, expected + type.bytes, truth ? truth + 8 : nullptr,
                   rule))
    return true;
  auto value = [&](const char *p) { return toDouble(type, loadBits(p, type.bytes)); };
  double re = value(expected), im = value(expected + type.bytes);
  double fre = value(found), fim = value(found + type.bytes);
  // Which part of a number that is not finite is NaN depends on the formula.
  if (rule.rtol > 0 && !(std::isfinite(re) && std::isfinite(im)))
    return !(std::isfinite(fre) && std::isfinite(fim));
  double d = std::hypot(fre - re, fim - im);
  return d <= rule.rtol * std::hypot(re, im);
}

static std::string spell(const Tensor &tensor, size_t index) {
  unsigned size = ingot_dtype_size(tensor.dtype);
  const char *p = tensor.bytes.data() + index * size;
  if (auto type = floatType(tensor.dtype)) {
    std::string value;
    raw_string_ostream out(value);
    out << format("%.9g", toDouble(*type, loadBits(p, type->bytes)));
    if (size > type->bytes)
      out << format("%+.9gj", toDouble(*type, loadBits(p + type->bytes, type->bytes)));
    return value;
  }
  uint64_t bits = loadBits(p, size);
  bool isSigned = tensor.dtype >= INGOT_I8 && tensor.dtype <= INGOT_I64;
  return isSigned ? itostr(SignExtend64(bits, size * 8)) : utostr(bits);
}

static std::string spell(ArrayRef<int64_t> shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i)
    text += (i ? "," : "") + itostr(shape[i]);
  return text + "]";
}

std::string compare(const Tensor &found, const Tensor &expected, const std::optional<Tensor> &truth,
                    const Rule &rule) {
  if (found.dtype != expected.dtype)
    return formatv("dtype code {0}, expected {1}", found.dtype, expected.dtype);
  if (found.shape != expected.shape)
    return "shape " + spell(found.shape) + ", expected " + spell(expected.shape);
  unsigned size = ingot_dtype_size(found.dtype);
  auto type = floatType(found.dtype);
  bool complex = type && size > type->bytes;
  size_t count = found.bytes.size() / size, bad = 0, first = 0;
  for (size_t i = 0; i < count; ++i) {
    const char *f = found.bytes.data() + i * size;
    const char *e = expected.bytes.data() + i * size;
    const char *t = truth ? truth->bytes.data() + i * (complex ? 16 : 8) : nullptr;
    bool good = !type     ? memcmp(f, e, size) == 0
                : complex ? closeComplex(*type, f, e, t, rule)
                          : closeElement(*type, f, e, t, rule);
    if (!good && bad++ == 0)
      first = i;
  }
  if (bad == 0)
    return "";
  std::string text =
      formatv("{0} of {1} elements of {2}: element {3} is {4}, expected {5}", bad, count,
              spell(found.shape), first, spell(found, first), spell(expected, first));
  if (truth)
    text += " (exactly " + spell(*truth, first) + ")";
  return text;
}

} // namespace ingot::conform
