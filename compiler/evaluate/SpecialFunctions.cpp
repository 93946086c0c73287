// Inverses by a start value and Newton steps on <cmath>'s function; digamma by
// recurrence and its asymptotic series (Abramowitz and Stegun 6.3.18).
#include "compiler/evaluate/SpecialFunctions.h"
#include <cmath>
#include <limits>

namespace ingot::evaluate {

static constexpr double kPi = 3.14159265358979323846;
static constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// z >= 0 with erfc(z) = q for q in (0, 1].
static double erfcInverse(double q) {
  // Winitzki's approximation of erfinv, good to 2e-3, from log(1 - x^2).
  double a = 0.147, l = std::log(q * (2 - q)), t = 2 / (kPi * a) + l / 2;
  double z = std::sqrt(std::max(0.0, std::sqrt(t * t - l / a) - t));
  for (int i = 0; i < 4; ++i) { // Halley's method on erfc(z) - q
    double slope = -2 / std::sqrt(kPi) * std::exp(-z * z);
    if (slope == 0)
      break;
    double step = (std::erfc(z) - q) / slope;
    z -= step / (1 + z * step);
  }
  return z;
}
double erfinv(double x) {
  if (x != x || x < -1 || x > 1)
    return std::numeric_limits<double>::quiet_NaN();
  if (x == 1 || x == -1)
    return x * kInfinity;
  if (std::fabs(x) < 0.5) { // erfc would cancel
    double z = x * std::sqrt(kPi) / 2;
    for (int i = 0; i < 6; ++i) {
      double step = (std::erf(z) - x) * std::sqrt(kPi) / 2 * std::exp(z * z);
      z -= step / (1 + z * step);
    }
    return z;
  }
  double z = erfcInverse(1 - std::fabs(x));
  return x < 0 ? -z : z;
}
double ndtri(double p) {
  if (p != p || p < 0 || p > 1)
    return std::numeric_limits<double>::quiet_NaN();
  if (p == 0 || p == 1)
    return p == 0 ? -kInfinity : kInfinity;
  if (p > 0.25 && p < 0.75)
    return std::sqrt(2.0) * erfinv(2 * p - 1);
  double z = std::sqrt(2.0) * erfcInverse(2 * std::min(p, 1 - p));
  return p < 0.5 ? -z : z;
}
double digamma(double x) {
  if (x <= 0) {
    if (std::floor(x) == x)
      return std::numeric_limits<double>::quiet_NaN();
    return digamma(1 - x) - kPi / std::tan(kPi * x);
  }
  double r = 0;
  for (; x < 10; ++x)
    r -= 1 / x;
  double f = 1 / (x * x);
  double series =
      f *
      (1.0 / 12 -
       f * (1.0 / 120 - f * (1.0 / 252 - f * (1.0 / 240 - f * (1.0 / 132 - f * 691.0 / 32760)))));
  return r + std::log(x) - 0.5 / x - series;
}

} // namespace ingot::evaluate
