// What a loop computes alike in every iteration moves in front of it. A matrix
// product of a slice that the iteration number chooses (an LSTM's input
// projection) becomes one product of the whole sequence. What can fail stays in
// a loop that may have no iteration.
#include "compiler/dialects/Nn/Build.h"
#include "compiler/dialects/Nn/Failure.h"
#include "compiler/passes/group/Passes.h"

using namespace mlir;
using namespace ingot;
using namespace ingot::nn;

namespace {

bool isOutside(Value v, Operation *loop) {
  return v.getParentRegion()->isProperAncestor(&loop->getRegion(0));
}

/// Whether the body certainly runs: its operations may then run before it.
bool hasIterations(Operation *loop) {
  auto counted = dyn_cast<ForOp>(loop);
  std::optional<int64_t> trip = counted ? counted.getTrip().expr(0).constant() : std::nullopt;
  return trip && *trip > 0;
}

/// Moves operations of the body whose operands are all from outside.
void hoistInvariants(Operation *loop, Block &body) {
  bool always = hasIterations(loop);
  for (Operation &op : llvm::make_early_inc_range(body.without_terminator())) {
    // An unpack stays with the contraction that reads the panels through it.
    if (op.getNumRegions() || !isa<NnDialect>(op.getDialect()) || isa<NonzeroOp, UnpackOp>(op) ||
        (!always && mayFail(&op)))
      continue;
    if (llvm::all_of(op.getOperands(), [&](Value v) { return isOutside(v, loop); }))
      op.moveBefore(loop);
  }
}

/// x[i] of the iteration: a dynamic_slice of size 1 along dimension 0 at the
/// iteration number (or trip - 1 - number), seen through reshapes that drop it.
DynamicSliceOp sliceOfIteration(Value v, ForOp loop) {
  if (auto reshape = v.getDefiningOp<ReshapeOp>()) {
    auto slice = reshape.getX().getDefiningOp<DynamicSliceOp>();
    if (!slice || !isOutside(slice.getX(), loop))
      return {};
    Dims from = dimsOf(slice.getResult()), to = dimsOf(reshape.getResult()),
         whole = dimsOf(slice.getX());
    if (!from[0].isConstant(1) || ArrayRef(from).drop_front() != ArrayRef(to) ||
        ArrayRef(from).drop_front() != ArrayRef(whole).drop_front())
      return {};
    return slice;
  }
  return {};
}

/// dot(x[i], w) = dot(x, w)[i]: [T, B, K] x [K, N] in front of the loop.
bool hoistProjection(DotGeneralOp dot, ForOp loop) {
  if (dot->getParentRegion() != &loop.getBody() || !dot.getLhsBatch().empty() ||
      Build::rank(dot.getRhs()) != 2 || Build::rank(dot.getLhs()) != 2 ||
      dot.getLhsContract().size() != 1 || dot.getLhsContract()[0] != 1 ||
      !isOutside(dot.getRhs(), loop))
    return false;
  DynamicSliceOp slice = sliceOfIteration(dot.getLhs(), loop);
  if (!slice)
    return false;
  // Other starts than the first must be the beginning: the slice takes all of them.
  OpBuilder before(loop);
  Build build{before, dot.getLoc()};
  Dims whole = dimsOf(slice.getX()), out = dimsOf(dot.getResult());
  Value rows = build.reshape(slice.getX(), {whole[0] * whole[1], whole[2]});
  Value product =
      DotGeneralOp::create(before, dot.getLoc(), rows, dot.getRhs(), ArrayRef<int64_t>{},
                           ArrayRef<int64_t>{}, ArrayRef<int64_t>{1}, dot.getRhsContract());
  Value all = build.reshape(product, {whole[0], whole[1], out[1]});
  OpBuilder inside(dot);
  Build in{inside, dot.getLoc()};
  Value part = DynamicSliceOp::create(inside, dot.getLoc(),
                                      tensorType({1, whole[1], out[1]}, Build::elem(all)), all,
                                      slice.getStarts());
  dot.getResult().replaceAllUsesWith(in.reshape(part, out));
  dot.erase();
  return true;
}

struct HoistLoopInvariantsPass : PassWrapper<HoistLoopInvariantsPass, OperationPass<>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(HoistLoopInvariantsPass)
  StringRef getArgument() const override { return "hoist-loop-invariants"; }
  StringRef getDescription() const override {
    return "Move computations that do not depend on the iteration out of loops";
  }
  void runOnOperation() override {
    getOperation()->walk<WalkOrder::PostOrder>([&](Operation *op) {
      if (auto loop = dyn_cast<ForOp>(op)) {
        hoistInvariants(loop, loop.getBody().front());
        for (auto dot : llvm::make_early_inc_range(loop.getBody().front().getOps<DotGeneralOp>()))
          hoistProjection(dot, loop);
      } else if (auto loop = dyn_cast<WhileOp>(op)) {
        hoistInvariants(loop, loop.getBody().front());
      }
    });
  }
};

} // namespace

std::unique_ptr<Pass> ingot::createHoistLoopInvariantsPass() {
  return std::make_unique<HoistLoopInvariantsPass>();
}
