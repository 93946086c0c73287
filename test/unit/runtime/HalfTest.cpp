// The f16/bf16 helpers against the compiler's own conversions: all halves, and
// floats around every rounding boundary.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>

// The object under test has the names of compiler-rt; here under others.
#define __truncsfhf2 ingotTruncSfHf
#define __truncdfhf2 ingotTruncDfHf
#define __truncsfbf2 ingotTruncSfBf
#define __truncdfbf2 ingotTruncDfBf
#define __extendhfsf2 ingotExtendHfSf
#include "runtime/core/half.cpp"

namespace {

template <typename To, typename From> To as(From v) {
  static_assert(sizeof(To) == sizeof(From));
  To t;
  memcpy(&t, &v, sizeof t);
  return t;
}

/// Nearest-even by definition: scale to the unit in the last place, let the
/// processor round in double.
double roundTo(double v, int mantissa, int minExponent, double largest) {
  if (v == 0 || std::isinf(v) || std::isnan(v))
    return v;
  int exponent = std::max(std::ilogb(v), minExponent);
  double rounded =
      std::ldexp(std::nearbyint(std::ldexp(v, mantissa - exponent)), exponent - mantissa);
  return std::fabs(rounded) > largest ? std::copysign(INFINITY, v) : rounded;
}

TEST(Half, AllHalvesWidenExactly) {
  for (uint32_t h = 0; h < 65536; ++h) {
    uint32_t exponent = h >> 10 & 31, mantissa = h & 1023;
    double expected =
        exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, (int)exponent - 25);
    float got = ingotExtendHfSf(as<Half>((uint16_t)h));
    if (exponent == 31) {
      ASSERT_EQ(std::isnan(got), mantissa != 0);
      ASSERT_EQ(std::isinf(got), mantissa == 0);
    } else {
      ASSERT_EQ(got, h >> 15 ? -expected : expected);
    }
    ASSERT_EQ(std::signbit(got), h >> 15);
    if (!std::isnan(got)) { // and back
      ASSERT_EQ(as<uint16_t>(ingotTruncSfHf(got)), h);
      ASSERT_EQ(as<uint16_t>(ingotTruncDfHf(got)), h);
    }
  }
}

TEST(Half, FloatsRoundToNearestEven) {
  uint64_t random = 1;
  for (int i = 0; i < 300000; ++i) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    uint32_t bits = (uint32_t)(random >> 32);
    if (i % 2) // on a boundary of f16 or close to one
      bits = (bits & 0xffffe000) + 0x1000 + (uint32_t)(i / 2 % 3) - 1;
    if (i % 5 == 0) // exponents around those of f16
      bits = (bits & 0x807fffff) | (95 + (bits >> 23) % 55) << 23;
    float v = as<float>(bits);
    if (std::isnan(v)) {
      ASSERT_TRUE(std::isnan(ingotExtendHfSf(ingotTruncSfHf(v))));
      ASSERT_TRUE(std::isnan(as<float>((uint32_t)as<uint16_t>(ingotTruncSfBf(v)) << 16)));
      continue;
    }
    double half = roundTo(v, 10, -14, 65504);
    ASSERT_EQ(ingotExtendHfSf(ingotTruncSfHf(v)), half) << bits;
    ASSERT_EQ(ingotExtendHfSf(ingotTruncDfHf(v)), half) << bits;
    double brain = roundTo(v, 7, -126, as<float>(0x7f7f0000u));
    ASSERT_EQ(as<float>((uint32_t)as<uint16_t>(ingotTruncSfBf(v)) << 16), brain) << bits;
    ASSERT_EQ(as<float>((uint32_t)as<uint16_t>(ingotTruncDfBf(v)) << 16), brain) << bits;
  }
}

TEST(Half, DoublesAreRoundedOnce) {
  // Rounding to float first would land on a tie and go the wrong way.
  double v = 1 + std::ldexp(1, -11) + std::ldexp(1, -40);
  EXPECT_EQ(ingotExtendHfSf(ingotTruncDfHf(v)), 1 + std::ldexp(1, -10));
  double b = 1 + std::ldexp(1, -8) + std::ldexp(1, -40);
  EXPECT_EQ(as<float>((uint32_t)as<uint16_t>(ingotTruncDfBf(b)) << 16), 1 + std::ldexp(1, -7));
}

} // namespace
