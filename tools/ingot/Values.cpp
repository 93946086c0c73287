// Reading, spelling and making tensors on the command line.
#include "Values.h"
#include "Npy.h"
#include <cmath>
#include <cstring>
#include <fmt/format.h>
#include <stdexcept>

namespace ingot::cli {

static const char *const kNames[] = {"invalid", "i1",   "i8",   "i16",  "i32", "i64",
                                     "ui8",     "ui16", "ui32", "ui64", "f16", "bf16",
                                     "f32",     "f64",  "c64",  "c128", "str"};

const char *dtypeName(ingot_dtype dtype) {
  return dtype > 0 && dtype <= INGOT_STRING ? kNames[dtype] : kNames[0];
}
ingot_dtype dtypeOf(std::string_view name) {
  for (ingot_dtype d = INGOT_BOOL; d <= INGOT_STRING; ++d)
    if (name == kNames[d])
      return d;
  return INGOT_INVALID_DTYPE;
}
std::string spell(ingot_dtype dtype, const std::vector<int64_t> &shape) {
  std::string s;
  for (int64_t d : shape)
    s += fmt::format("{}x", d);
  return s + dtypeName(dtype);
}

int64_t Tensor::elements() const {
  int64_t n = 1;
  for (int64_t d : shape)
    n *= d;
  return n;
}
ingot_tensor Tensor::view() {
  ingot_tensor t{};
  t.data = data.data();
  t.capacity = data.size();
  t.dtype = dtype;
  t.rank = static_cast<int32_t>(shape.size());
  for (size_t i = 0; i < shape.size(); ++i)
    t.shape[i] = shape[i];
  return t;
}

namespace {
template <typename T> T get(const Tensor &t, int64_t i) {
  T v;
  std::memcpy(&v, t.data.data() + i * sizeof(T), sizeof(T));
  return v;
}
template <typename T> void put(Tensor &t, int64_t i, T v) {
  std::memcpy(t.data.data() + i * sizeof(T), &v, sizeof(T));
}

float fromHalf(uint16_t h) {
  int exponent = (h >> 10) & 31, mantissa = h & 1023;
  float v = exponent == 0    ? std::ldexp(static_cast<float>(mantissa), -24)
            : exponent == 31 ? (mantissa ? NAN : INFINITY)
                             : std::ldexp(static_cast<float>(mantissa + 1024), exponent - 25);
  return h & 0x8000 ? -v : v;
}
uint16_t toHalf(float f) {
  uint16_t sign = std::signbit(f) ? 0x8000 : 0;
  float a = std::fabs(f);
  if (std::isnan(f))
    return sign | 0x7e00;
  if (a >= 65520.0f)
    return sign | 0x7c00;
  if (a < 6.103515625e-05f)
    return sign | static_cast<uint16_t>(std::nearbyint(std::ldexp(a, 24)));
  int e;
  float m = std::frexp(a, &e); // a = m * 2^e, m in [0.5, 1)
  return sign | static_cast<uint16_t>(((e + 14) << 10) +
                                      static_cast<int>(std::nearbyint(std::ldexp(m, 11))) - 1024);
}
float fromBfloat(uint16_t h) {
  uint32_t bits = static_cast<uint32_t>(h) << 16;
  float f;
  std::memcpy(&f, &bits, 4);
  return f;
}
uint16_t toBfloat(float f) {
  uint32_t bits;
  std::memcpy(&bits, &f, 4);
  if (std::isnan(f))
    return static_cast<uint16_t>(bits >> 16) | 0x40;
  return static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}
} // namespace

std::complex<double> element(const Tensor &t, int64_t i) {
  switch (t.dtype) {
  case INGOT_BOOL:
    return get<uint8_t>(t, i) != 0;
  case INGOT_I8:
    return get<int8_t>(t, i);
  case INGOT_I16:
    return get<int16_t>(t, i);
  case INGOT_I32:
    return get<int32_t>(t, i);
  case INGOT_I64:
    return static_cast<double>(get<int64_t>(t, i));
  case INGOT_U8:
    return get<uint8_t>(t, i);
  case INGOT_U16:
    return get<uint16_t>(t, i);
  case INGOT_U32:
    return get<uint32_t>(t, i);
  case INGOT_U64:
    return static_cast<double>(get<uint64_t>(t, i));
  case INGOT_F16:
    return fromHalf(get<uint16_t>(t, i));
  case INGOT_BF16:
    return fromBfloat(get<uint16_t>(t, i));
  case INGOT_F32:
    return get<float>(t, i);
  case INGOT_F64:
    return get<double>(t, i);
  case INGOT_C64:
    return {get<float>(t, 2 * i), get<float>(t, 2 * i + 1)};
  case INGOT_C128:
    return {get<double>(t, 2 * i), get<double>(t, 2 * i + 1)};
  default:
    return 0;
  }
}
void setElement(Tensor &t, int64_t i, std::complex<double> c) {
  double v = c.real();
  switch (t.dtype) {
  case INGOT_BOOL:
    return put<uint8_t>(t, i, v != 0);
  case INGOT_I8:
    return put(t, i, static_cast<int8_t>(v));
  case INGOT_I16:
    return put(t, i, static_cast<int16_t>(v));
  case INGOT_I32:
    return put(t, i, static_cast<int32_t>(v));
  case INGOT_I64:
    return put(t, i, static_cast<int64_t>(v));
  case INGOT_U8:
    return put(t, i, static_cast<uint8_t>(v));
  case INGOT_U16:
    return put(t, i, static_cast<uint16_t>(v));
  case INGOT_U32:
    return put(t, i, static_cast<uint32_t>(v));
  case INGOT_U64:
    return put(t, i, static_cast<uint64_t>(v));
  case INGOT_F16:
    return put(t, i, toHalf(static_cast<float>(v)));
  case INGOT_BF16:
    return put(t, i, toBfloat(static_cast<float>(v)));
  case INGOT_F32:
    return put(t, i, static_cast<float>(v));
  case INGOT_F64:
    return put(t, i, v);
  case INGOT_C64:
    put(t, 2 * i, static_cast<float>(v));
    return put(t, 2 * i + 1, static_cast<float>(c.imag()));
  case INGOT_C128:
    put(t, 2 * i, v);
    return put(t, 2 * i + 1, c.imag());
  default:
    return;
  }
}

/// "1x3xf32" to dtype and shape.
static bool parseType(std::string_view text, Tensor &t) {
  while (true) {
    size_t x = text.find('x');
    if (x == std::string_view::npos || text.empty() ||
        !std::isdigit(static_cast<unsigned char>(text[0])))
      break;
    int64_t d = 0;
    for (char c : text.substr(0, x)) {
      if (!std::isdigit(static_cast<unsigned char>(c)) || d > (int64_t(1) << 40))
        return false;
      d = d * 10 + (c - '0');
    }
    t.shape.push_back(d);
    text.remove_prefix(x + 1);
  }
  t.dtype = dtypeOf(text);
  return t.dtype != INGOT_INVALID_DTYPE && t.dtype != INGOT_STRING &&
         t.shape.size() <= INGOT_MAX_RANK;
}

/// A number at p, `1.5-2j` if it may be complex; the text behind it, or p.
static const char *parseNumber(const char *p, bool complex, std::complex<double> &v) {
  char *end;
  double first = std::strtod(p, &end);
  if (end == p || !complex) {
    v = first;
    return end;
  }
  if (*end == 'j') {
    v = {0, first};
    return end + 1;
  }
  v = first;
  if (*end != '+' && *end != '-')
    return end;
  char *last;
  double second = std::strtod(end, &last);
  if (last == end || *last != 'j')
    return p;
  v = {first, second};
  return last + 1;
}

Tensor parseTensor(const std::string &spec) {
  if (!spec.empty() && spec[0] == '@')
    return readNpy(spec.substr(1));
  size_t eq = spec.find('=');
  Tensor t;
  if (!parseType(std::string_view(spec).substr(0, eq), t))
    throw std::runtime_error(fmt::format(
        "'{}' is no tensor: expected @file.npy, a type with values such as 1x3xf32=0.5, or random",
        spec));
  t.data.resize(t.elements() * ingot_dtype_size(t.dtype));
  std::string values = eq == std::string::npos ? "0" : spec.substr(eq + 1);
  if (values == "random") {
    fillRandom(t, 1);
    return t;
  }
  std::vector<std::complex<double>> numbers;
  for (const char *p = values.c_str(); *p;) {
    if (*p == ',' || *p == ' ' || *p == '[' || *p == ']') {
      ++p;
      continue;
    }
    std::complex<double> v;
    const char *end = parseNumber(p, t.dtype == INGOT_C64 || t.dtype == INGOT_C128, v);
    if (end == p)
      throw std::runtime_error(
          fmt::format("'{}' holds something that is no number: '{}'", spec, p));
    numbers.push_back(v);
    p = end;
  }
  int64_t n = t.elements();
  if (numbers.size() != 1 && static_cast<int64_t>(numbers.size()) != n)
    throw std::runtime_error(
        fmt::format("'{}' gives {} values for {} elements", spec, numbers.size(), n));
  for (int64_t i = 0; i < n; ++i)
    setElement(t, i, numbers.size() == 1 ? numbers[0] : numbers[i]);
  return t;
}

void fillRandom(Tensor &t, uint64_t seed) {
  uint64_t x = seed * 0x9e3779b97f4a7c15ull + 1;
  bool isFloat = t.dtype >= INGOT_F16, complex = t.dtype == INGOT_C64 || t.dtype == INGOT_C128;
  auto next = [&] {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return isFloat ? static_cast<double>(x >> 11) * 0x1p-52 - 1.0 : static_cast<double>(x >> 62);
  };
  int64_t n = t.elements();
  for (int64_t i = 0; i < n; ++i) {
    double re = next();
    setElement(t, i, {re, complex ? next() : 0.0});
  }
}

static std::string spellElement(const Tensor &t, int64_t i) {
  std::complex<double> c = element(t, i);
  if (t.dtype == INGOT_C64 || t.dtype == INGOT_C128)
    return fmt::format("{:.7g}{:+.7g}j", c.real(), c.imag());
  return fmt::format("{:.7g}", c.real());
}

std::string spellBytes(uint64_t bytes) {
  auto n = static_cast<double>(bytes);
  return bytes < 1000      ? fmt::format("{} bytes", bytes)
         : bytes < 1000000 ? fmt::format("{:.1f} KB", n / 1e3)
                           : fmt::format("{:.2f} MB", n / 1e6);
}

std::string preview(const Tensor &t, int64_t most) {
  if (t.shape.empty())
    return spellElement(t, 0);
  std::string s = "[";
  int64_t n = t.elements();
  for (int64_t i = 0; i < n && i < most; ++i)
    s += (i ? ", " : "") + spellElement(t, i);
  return s + (n > most ? ", ...]" : "]");
}

} // namespace ingot::cli
