// Transcendental functions of kernels: expansions of the math dialect's float32
// operations to arithmetic, the same for scalars and vectors, within 4 ulp.
#ifndef INGOT_COMPILER_CODEGEN_CPU_MATHFUNCTIONS_H
#define INGOT_COMPILER_CODEGEN_CPU_MATHFUNCTIONS_H

#include "mlir/IR/PatternMatch.h"

namespace ingot {

/// float32 (and float16, bfloat16 through float32) operations become
/// arithmetic; float64 ones stay and end as calls of libm, one per lane.
void populateMathFunctionPatterns(mlir::RewritePatternSet &patterns);

} // namespace ingot

#endif // INGOT_COMPILER_CODEGEN_CPU_MATHFUNCTIONS_H
