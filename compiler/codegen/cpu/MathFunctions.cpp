#include "compiler/codegen/cpu/MathFunctions.h"

#include "mlir/Dialect/Math/Transforms/Passes.h"

using namespace mlir;

void ingot::populateMathFunctionPatterns(RewritePatternSet &patterns) {
  populateMathPolynomialApproximationPatterns(
      patterns, MathPolynomialApproximationOptions{});
}
