// Functions that <cmath> lacks, in double.
#ifndef INGOT_EVALUATE_SPECIALFUNCTIONS_H
#define INGOT_EVALUATE_SPECIALFUNCTIONS_H

namespace ingot::evaluate {

/// Inverse error function; +-infinity at +-1, NaN outside.
double erfinv(double x);
/// Inverse of the normal distribution function; -infinity at 0, infinity at 1.
double ndtri(double p);
/// Derivative of log |gamma|; NaN at its poles, the integers up to 0.
double digamma(double x);

} // namespace ingot::evaluate

#endif // INGOT_EVALUATE_SPECIALFUNCTIONS_H
