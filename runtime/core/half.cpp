// Conversions of f16 and bf16 that LLVM calls where the processor has no
// instruction: compiler-rt's functions, which an artifact does not link.
// Values come in and go out in xmm registers on x86-64, as compiler-rt does it
// with SSE2; round to nearest even, NaNs stay NaNs.
#include <stdint.h>
#include <string.h>

namespace {

uint32_t bitsOf(float v) {
  uint32_t b;
  memcpy(&b, &v, sizeof b);
  return b;
}

uint64_t bitsOf(double v) {
  uint64_t b;
  memcpy(&b, &v, sizeof b);
  return b;
}

float floatOf(uint32_t b) {
  float v;
  memcpy(&v, &b, sizeof v);
  return v;
}

/// Rounds a value of `Bits` (a float or double) to a format with `expBits` of
/// exponent and `manBits` of mantissa, once, to nearest even.
template <typename Bits, int srcMan, int srcExp, int manBits, int expBits> uint16_t narrow(Bits b) {
  constexpr int drop = srcMan - manBits;
  constexpr int rebias = (1 << (srcExp - 1)) - (1 << (expBits - 1));
  constexpr Bits srcManMask = ((Bits)1 << srcMan) - 1;
  constexpr int srcExpMax = (1 << srcExp) - 1;
  constexpr int expMax = (1 << expBits) - 1;
  uint16_t sign = (uint16_t)((b >> (srcMan + srcExp) & 1) << 15);
  int exponent = (int)(b >> srcMan & srcExpMax);
  Bits mantissa = b & srcManMask;
  if (exponent == srcExpMax) {
    uint16_t payload = (uint16_t)(mantissa >> drop);
    if (mantissa)
      payload |= (uint16_t)1 << (manBits - 1); // quiet
    return sign | (uint16_t)(expMax << manBits) | payload;
  }
  int target = exponent - rebias;
  int shift = drop;
  if (exponent != 0)
    mantissa |= (Bits)1 << srcMan;
  else
    target = 1 - rebias; // source subnormal
  if (target <= 0) {     // subnormal in the target
    shift += 1 - target;
    target = 0;
    if (shift > srcMan + 1)
      return sign;
  } else {
    mantissa &= ~((Bits)1 << srcMan);
    if (exponent == 0) // same range of exponents: stays subnormal
      target = 0;
  }
  Bits rest = mantissa & (((Bits)1 << shift) - 1);
  Bits half = (Bits)1 << (shift - 1);
  uint32_t result = (uint32_t)(mantissa >> shift);
  result += (uint32_t)target << manBits;
  if (rest > half || (rest == half && (result & 1)))
    ++result; // may carry into the exponent, up to infinity
  if (result >= (uint32_t)expMax << manBits)
    result = (uint32_t)expMax << manBits;
  return sign | (uint16_t)result;
}

float widenHalf(uint16_t h) {
  uint32_t sign = (uint32_t)(h >> 15) << 31;
  uint32_t exponent = h >> 10 & 31, mantissa = h & 1023;
  if (exponent == 31)
    return floatOf(sign | 0x7f800000 | mantissa << 13 | (mantissa ? 0x400000 : 0));
  if (exponent == 0) {
    if (mantissa == 0)
      return floatOf(sign);
    int lift = __builtin_clz(mantissa) - 21;
    return floatOf(sign | (uint32_t)(113 - lift) << 23 | (mantissa << lift & 1023) << 13);
  }
  return floatOf(sign | (exponent + 112) << 23 | mantissa << 13);
}

} // namespace

#if defined(__x86_64__)
// _Float16 is passed in xmm0, which the type itself gives with SSE2. The
// conversions are made on its bits, so that nothing here calls itself.
typedef _Float16 Half;
typedef __bf16 BFloat;
#else
typedef __fp16 Half;
typedef __bf16 BFloat;
#endif

template <typename T> static T ofBits(uint16_t bits) {
  T value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

extern "C" {
#define INGOT_RT_HELPER __attribute__((visibility("hidden"), used))

INGOT_RT_HELPER Half __truncsfhf2(float v);
INGOT_RT_HELPER Half __truncdfhf2(double v);
INGOT_RT_HELPER BFloat __truncsfbf2(float v);
INGOT_RT_HELPER BFloat __truncdfbf2(double v);
INGOT_RT_HELPER float __extendhfsf2(Half v);

Half __truncsfhf2(float v) { return ofBits<Half>(narrow<uint32_t, 23, 8, 10, 5>(bitsOf(v))); }

Half __truncdfhf2(double v) { return ofBits<Half>(narrow<uint64_t, 52, 11, 10, 5>(bitsOf(v))); }

BFloat __truncsfbf2(float v) { return ofBits<BFloat>(narrow<uint32_t, 23, 8, 7, 8>(bitsOf(v))); }

BFloat __truncdfbf2(double v) { return ofBits<BFloat>(narrow<uint64_t, 52, 11, 7, 8>(bitsOf(v))); }

float __extendhfsf2(Half v) {
  uint16_t bits;
  memcpy(&bits, &v, sizeof bits);
  return widenHalf(bits);
}
}
