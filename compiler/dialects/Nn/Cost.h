// What a computation costs, as formulas of its named sizes: for reports, traces
// and the choice of what to recompute.
#ifndef INGOT_DIALECTS_NN_COST_H
#define INGOT_DIALECTS_NN_COST_H

#include "compiler/dialects/Nn/Nn.h"

namespace ingot::nn {

/// Floating-point operations of everything inside of `root`: two a term of a
/// contraction, one an element of a reduction or of an elementwise operation on
/// floats (whatever the function), the bodies of counted loops as often as they
/// run. Integer work, copies and loops without a known count do not count.
SizeExpr countFlops(mlir::Operation *root);

} // namespace ingot::nn

#endif // INGOT_DIALECTS_NN_COST_H
