// What a kernel costs, counted on its operations, for reports and benchmarks.
#include "compiler/passes/schedule/EmitKernel.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace ingot::nn;

namespace ingot::schedule {
namespace {

/// Product of the sizes of some dimensions.
SizeExpr product(Value v, ArrayRef<int64_t> dims) {
  SizeExpr n = 1;
  for (int64_t d : dims)
    n = n * dimOf(v.getType(), d);
  return n;
}
/// All dimensions but the last one.
SizeExpr leading(Value v) {
  SizeExpr n = 1;
  auto dims = dimsOf(v); // a temporary would not outlive the loop's range
  for (const SizeExpr &d : ArrayRef(dims).drop_back())
    n = n * d;
  return n;
}

} // namespace

SizeExpr countFlops(KernelOp kernel) {
  SizeExpr sum = 0;
  for (Operation &op : kernel.getBody().front().without_terminator()) {
    if (op.getNumResults() != 1)
      continue;
    SizeExpr points = elementCount(op.getResult(0).getType());
    sum = sum + llvm::TypeSwitch<Operation *, SizeExpr>(&op)
                    .Case([&](DotGeneralOp o) {
                      return points * 2 * product(o.getLhs(), o.getLhsContract());
                    })
                    .Case([&](ConvOp o) { return points * 2 * leading(o.getFilter()); })
                    .Case([&](ConvFilterGradOp o) { return points * 2 * leading(o.getGrad()); })
                    .Case<ReduceOp, ArgReduceOp, ScanOp>(
                        [&](auto o) { return elementCount(o.getX().getType()); })
                    .Case([&](ReduceWindowOp o) {
                      int64_t taps = 1;
                      for (int64_t w : o.getWindow())
                        taps *= w;
                      return points * taps;
                    })
                    .Case<SoftmaxOp, LogSoftmaxOp>([&](auto) { return points * 4; })
                    .Default([&](Operation *o) {
                      return o->hasTrait<nn::Elementwise>() ? points : SizeExpr(0);
                    });
  }
  return sum;
}

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
