// Follows the operations' summaries: all other operations are total.
#include "compiler/dialects/Nn/Failure.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/TypeUtilities.h"
using namespace mlir;

namespace ingot::nn {

/// True if `v` is a constant, seen through changes of shape, whose elements all
/// satisfy `good`.
static bool allOf(Value v, function_ref<bool(const APInt &)> good) {
  while (isa_and_nonnull<BroadcastOp, ReshapeOp, TransposeOp>(v.getDefiningOp()))
    v = v.getDefiningOp()->getOperand(0);
  DenseIntElementsAttr value;
  return matchPattern(v, m_Constant(&value)) && llvm::all_of(value.getValues<APInt>(), good);
}

bool mayFail(Operation *op) {
  auto isInteger = [](Value v) { return isa<IntegerType>(getElementTypeOrSelf(v)); };
  auto byZero = [&](Value divisor) {
    return isInteger(divisor) && !allOf(divisor, [](const APInt &x) { return !x.isZero(); });
  };
  if (auto take = dyn_cast<TakeOp>(op))
    return take.getMode() == BoundsMode::error;
  if (auto gather = dyn_cast<GatherNdOp>(op))
    return gather.getMode() == BoundsMode::error;
  if (auto scatter = dyn_cast<ScatterOp>(op))
    return scatter.getMode() == BoundsMode::error;
  if (isa<DivOp, FloorDivOp, ModOp, RemOp>(op))
    return byZero(op->getOperand(1));
  if (auto reciprocal = dyn_cast<ReciprocalOp>(op))
    return byZero(reciprocal.getX());
  if (auto pow = dyn_cast<PowOp>(op))
    return isInteger(pow.getRhs()) && !getElementTypeOrSelf(pow.getRhs()).isUnsignedInteger() &&
           !allOf(pow.getRhs(), [](const APInt &x) { return x.isNonNegative(); });
  return false;
}

} // namespace ingot::nn
