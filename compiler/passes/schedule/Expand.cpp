// Composite operations in terms of simpler ones, inside a kernel, before its
// schedule is chosen.
#include "compiler/passes/schedule/EmitKernel.h"

using namespace mlir;
using namespace ingot::nn;

namespace ingot::schedule {
namespace {

/// softmax and log_softmax along the last dimension. A NaN reaches the maximum
/// and so the whole row.
void expandSoftmax(OpBuilder &b, Operation *op, bool isLog) {
  Location loc = op->getLoc();
  Value x = op->getOperand(0);
  Type type = x.getType();
  int64_t rank = cast<RankedTensorType>(type).getRank();
  SmallVector<int64_t> kept;
  for (int64_t d = 0; d + 1 < rank; ++d)
    kept.push_back(d);
  auto row = [&](Value v, ReduceKind kind) -> Value {
    return ReduceOp::create(b, loc, v, kind, ArrayRef<int64_t>{rank - 1});
  };
  auto over = [&](Value v) -> Value { return BroadcastOp::create(b, loc, type, v, kept); };
  Value shifted = SubOp::create(b, loc, x, over(row(x, ReduceKind::max)));
  Value e = ExpOp::create(b, loc, shifted);
  Value sum = row(e, ReduceKind::sum);
  Value r;
  if (isLog)
    r = SubOp::create(b, loc, shifted, over(LogOp::create(b, loc, sum)));
  else
    r = DivOp::create(b, loc, e, over(sum));
  op->getResult(0).replaceAllUsesWith(r);
  op->erase();
}

} // namespace

void expandComposites(KernelOp kernel) {
  OpBuilder b(kernel.getContext());
  for (Operation &op : llvm::make_early_inc_range(kernel.getBody().front())) {
    b.setInsertionPoint(&op);
    if (isa<SoftmaxOp, LogSoftmaxOp>(op))
      expandSoftmax(b, &op, isa<LogSoftmaxOp>(op));
  }
}

} // namespace ingot::schedule
