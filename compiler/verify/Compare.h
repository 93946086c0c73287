// How far a compiled tensor is from the reference, and how far it may be.
//
// The reference is evaluated in float64. What rounding may do to an element is
// measured instead of guessed: the reference runs again on inputs that differ
// by one unit in their last place, and an element may be off by as much as that
// moves it, times what a long sum may add. So a cancelled sum, a large factor
// or a comparison of almost equal values have the slack they need, and others
// none.
#ifndef INGOT_VERIFY_COMPARE_H
#define INGOT_VERIFY_COMPARE_H

#include "compiler/Compiler.h"
#include "compiler/evaluate/HostTensor.h"

namespace ingot::verify {

/// Rounding unit of a float type (half the distance from 1 to the next number);
/// 0 for other types.
double roundingUnit(mlir::Type dtype);

/// A copy whose float elements are held as f64 and moved by up to one unit in
/// the last place of `t`'s type. Others stay as they are.
evaluate::HostTensor perturbed(const evaluate::HostTensor &t, uint64_t seed);

/// What an element may differ by.
struct Tolerance {
  /// Factor on what moving the inputs by one unit does.
  double sensitivity = 4;
  /// Units in the last place of the result itself.
  double ulps = 8;

  /// For results whose longest sum has so many terms. Roundings of terms with
  /// mixed signs add up to the root of their number, those of a sum that grows
  /// steadily to their number.
  static Tolerance forSum(double terms);
};

/// Compares `found`, of the compiled code's type, with `exact` (float types as
/// f64). `moved` are exact results for moved inputs, of the same shape.
Comparison compare(const evaluate::HostTensor &found, const evaluate::HostTensor &exact,
                   llvm::ArrayRef<evaluate::HostTensor> moved, const Tolerance &tolerance);

} // namespace ingot::verify

#endif // INGOT_VERIFY_COMPARE_H
