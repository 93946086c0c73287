// Which computations can end a call with an error, so that passes do not run one
// that the model would not have run.
#ifndef INGOT_DIALECTS_NN_FAILURE_H
#define INGOT_DIALECTS_NN_FAILURE_H

#include "compiler/dialects/Nn/Nn.h"

namespace ingot::nn {

/// True if some values of the operands make `op` a run-time error: an index out
/// of range, an integer division by zero, a negative integer exponent. A
/// constant divisor or exponent that is right never fails.
bool mayFail(mlir::Operation *op);

} // namespace ingot::nn

#endif // INGOT_DIALECTS_NN_FAILURE_H
