// What a kernel moves, for reports and benchmarks.
#include "compiler/passes/schedule/EmitKernel.h"

using namespace mlir;
using namespace ingot::nn;

namespace ingot::schedule {

SizeExpr countBytes(KernelOp kernel) {
  SizeExpr sum = 0;
  auto add = [&](Type t) {
    sum = sum + elementCount(t) * elementBytes(cast<RankedTensorType>(t).getElementType());
  };
  for (BlockArgument a : kernel.getBody().front().getArguments())
    if (!a.use_empty())
      add(a.getType());
  for (Type t : kernel.getResultTypes())
    add(t);
  return sum;
}

} // namespace ingot::schedule
