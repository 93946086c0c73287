// Complex tensors as pairs of real ones: what the elementwise operations are on
// such pairs, from real operations. Used by ExpandComplex.cpp.
#ifndef INGOT_COMPILER_PASSES_GROUP_COMPLEXFUNCTIONS_H
#define INGOT_COMPILER_PASSES_GROUP_COMPLEXFUNCTIONS_H

#include "compiler/dialects/Nn/Build.h"

namespace ingot {

/// The parts of a complex tensor; of a real one only `re`.
struct ComplexPair {
  mlir::Value re, im;
};

/// The result of an elementwise operation on these operands.
using ComplexRule = ComplexPair (*)(nn::Build &b, mlir::Operation *op,
                                    llvm::ArrayRef<ComplexPair> operands);
/// Null if the operation is not defined for complex numbers, or is no function
/// of more than one part (see ExpandComplex.cpp).
ComplexRule findComplexRule(mlir::Operation *op);

/// x * y.
ComplexPair multiply(nn::Build &b, ComplexPair x, ComplexPair y);

} // namespace ingot

#endif // INGOT_COMPILER_PASSES_GROUP_COMPLEXFUNCTIONS_H
