// Reshapes are free views between kernels but stand between a root and its
// epilogue. They move down through elementwise operations; batched rows of a
// matrix product become one dimension; broadcasts swallow unit dimensions; a slice
// of one index without its dimension is a take.
#include "compiler/dialects/Nn/Build.h"
#include "compiler/passes/group/Passes.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "llvm/ADT/Sequence.h"

using namespace mlir;
using namespace ingot;
using namespace ingot::nn;

namespace {

/// For a reshape that only inserts or removes dimensions of size 1: the result
/// dimension of each operand dimension (-1 for removed ones).
std::optional<SmallVector<int64_t>> unitReshapeMap(ReshapeOp op) {
  Dims from = dimsOf(op.getX()), to = dimsOf(op.getResult());
  SmallVector<int64_t> map;
  size_t j = 0;
  for (const SizeExpr &d : from) {
    if (d.isConstant(1)) {
      bool here = j < to.size() && to[j].isConstant(1);
      map.push_back(here ? int64_t(j++) : -1);
      continue;
    }
    while (j < to.size() && to[j].isConstant(1))
      ++j;
    if (j == to.size() || to[j] != d)
      return std::nullopt;
    map.push_back(j++);
  }
  for (; j < to.size(); ++j)
    if (!to[j].isConstant(1))
      return std::nullopt;
  return map;
}

/// broadcast(reshape(x)) -> broadcast(x), where the reshape only adds or takes
/// unit dimensions.
struct BroadcastOfReshape : OpRewritePattern<BroadcastOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(BroadcastOp op, PatternRewriter &rewriter) const override {
    auto reshape = op.getX().getDefiningOp<ReshapeOp>();
    if (!reshape)
      return failure();
    auto map = unitReshapeMap(reshape);
    if (!map || llvm::is_contained(*map, -1))
      return failure();
    SmallVector<int64_t> dims;
    for (int64_t m : *map)
      dims.push_back(op.getDims()[m]);
    rewriter.replaceOpWithNewOp<BroadcastOp>(op, op.getType(), reshape.getX(), dims);
    return success();
  }
};

/// broadcast(broadcast(x)) -> broadcast(x), where no size is decided in between.
struct BroadcastOfBroadcast : OpRewritePattern<BroadcastOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(BroadcastOp op, PatternRewriter &rewriter) const override {
    auto inner = op.getX().getDefiningOp<BroadcastOp>();
    if (!inner)
      return failure();
    SmallVector<int64_t> dims;
    for (int64_t d : inner.getDims())
      dims.push_back(op.getDims()[d]);
    rewriter.replaceOpWithNewOp<BroadcastOp>(op, op.getType(), inner.getX(), dims);
    return success();
  }
};

/// The operand as it looks in the shape before a reshape `from` -> `to`; null if
/// that takes a computation.
Value beforeReshape(Build &build, Value v, const Dims &from, const Dims &to) {
  if (auto bc = v.getDefiningOp<BroadcastOp>()) {
    if (Build::rank(bc.getX()) == 0)
      return build.broadcastTo(bc.getX(), from);
    // trailing dimensions that both shapes share
    size_t shared = 0;
    while (shared < std::min(from.size(), to.size()) &&
           from[from.size() - 1 - shared] == to[to.size() - 1 - shared])
      ++shared;
    Dims own = dimsOf(bc.getX()), kept;
    SmallVector<int64_t> dims;
    for (auto [i, d] : llvm::enumerate(bc.getDims())) {
      int64_t fromEnd = int64_t(to.size()) - d;
      if (fromEnd <= int64_t(shared)) {
        kept.push_back(own[i]);
        dims.push_back(int64_t(from.size()) - fromEnd);
      } else if (!own[i].isConstant(1)) {
        return build.reshape(v, from);
      }
    }
    return build.broadcastInDim(build.reshape(bc.getX(), kept), from, dims);
  }
  return build.reshape(v, from);
}

/// A contraction, perhaps with elementwise operations behind it.
bool isHeavy(Value v, int depth = 8) {
  Operation *op = v.getDefiningOp();
  if (!op || !depth)
    return false;
  if (fusionClass(op) == FusionClass::Contraction)
    return true;
  return fusionClass(op) == FusionClass::Elementwise &&
         llvm::any_of(op->getOperands(), [&](Value o) { return isHeavy(o, depth - 1); });
}

/// f(reshape(x), y...) -> reshape(f(x, y'...)).
struct SinkThroughElementwise : RewritePattern {
  explicit SinkThroughElementwise(MLIRContext *ctx) : RewritePattern(MatchAnyOpTypeTag(), 1, ctx) {}
  LogicalResult matchAndRewrite(Operation *op, PatternRewriter &rewriter) const override {
    if (fusionClass(op) != FusionClass::Elementwise || op->getNumResults() != 1)
      return failure();
    // Sink the reshape of a contraction (with what follows it point by point), or
    // any reshape when nothing else is computed in this shape already. One of two
    // directions always holds, so that no pair of operands moves to and fro.
    ReshapeOp chosen;
    bool chosenHeavy = false, directHeavy = false, direct = false;
    for (Value v : op->getOperands()) {
      Operation *def = v.getDefiningOp();
      if (!def || isa<ConstantOp, BroadcastOp>(def))
        continue;
      auto reshape = dyn_cast<ReshapeOp>(def);
      if (!reshape) {
        direct = true;
        directHeavy |= isHeavy(v);
        continue;
      }
      Operation *source = reshape.getX().getDefiningOp();
      if (!source || isa<ConstantOp>(source) || fusionClass(source) == FusionClass::Injective ||
          fusionClass(source) == FusionClass::Opaque)
        continue;
      bool heavy = isHeavy(reshape.getX());
      if (!chosen || (heavy && !chosenHeavy)) {
        chosen = reshape;
        chosenHeavy = heavy;
      }
    }
    if (chosenHeavy ? directHeavy : direct)
      return failure();
    if (!chosen)
      return failure();
    Dims from = dimsOf(chosen.getX()), to = dimsOf(chosen.getResult());
    Build build{rewriter, op->getLoc()};
    SmallVector<Value> operands;
    for (Value v : op->getOperands()) {
      auto own = v.getDefiningOp<ReshapeOp>();
      operands.push_back(own && dimsOf(own.getX()) == from ? own.getX()
                                                           : beforeReshape(build, v, from, to));
    }
    Operation *moved =
        rewriter.create(op->getLoc(), op->getName().getIdentifier(), operands,
                        {tensorType(from, Build::elem(op->getResult(0)))}, op->getAttrs());
    rewriter.replaceOp(op, build.reshape(moved->getResult(0), to));
    return success();
  }
};

/// reshape(reshape(x)) -> reshape(x), the fold does it; here: reshape of a
/// constant is a constant.
struct ReshapeOfConstant : OpRewritePattern<ReshapeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ReshapeOp op, PatternRewriter &rewriter) const override {
    auto constant = op.getX().getDefiningOp<ConstantOp>();
    if (!constant)
      return failure();
    auto type = cast<RankedTensorType>(op.getType());
    if (!type.hasStaticShape())
      return failure();
    if (auto dense = dyn_cast<DenseElementsAttr>(constant.getValue()))
      rewriter.replaceOpWithNewOp<ConstantOp>(op, dense.reshape(type));
    else if (auto resource = dyn_cast<DenseResourceElementsAttr>(constant.getValue()))
      rewriter.replaceOpWithNewOp<ConstantOp>(
          op, DenseResourceElementsAttr::get(type, resource.getRawHandle()));
    else
      return failure();
    return success();
  }
};

/// [..., K] x [K, N] -> [rows, K] x [K, N], reshaped.
struct FlattenRows : OpRewritePattern<DotGeneralOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(DotGeneralOp op, PatternRewriter &rewriter) const override {
    Dims a = dimsOf(op.getLhs()), r = dimsOf(op.getResult());
    if (!op.getLhsBatch().empty() || op.getLhsContract().size() != 1 || a.size() < 3 ||
        op.getLhsContract()[0] != int64_t(a.size()) - 1)
      return failure();
    SizeExpr rows = 1;
    for (const SizeExpr &d : ArrayRef(a).drop_back())
      rows = rows * d;
    Build build{rewriter, op.getLoc()};
    Value lhs = build.reshape(op.getLhs(), {rows, a.back()});
    Value dot =
        DotGeneralOp::create(rewriter, op.getLoc(), lhs, op.getRhs(), ArrayRef<int64_t>{},
                             ArrayRef<int64_t>{}, ArrayRef<int64_t>{1}, op.getRhsContract());
    rewriter.replaceOp(op, build.reshape(dot, r));
    return success();
  }
};

/// reshape(dynamic_slice(x)) that reads one index of one dimension and drops it
/// -> take(x, index): a loop's input at a step, which then joins its reader's kernel.
struct TakeOfSlice : OpRewritePattern<ReshapeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ReshapeOp op, PatternRewriter &rewriter) const override {
    auto slice = op.getX().getDefiningOp<DynamicSliceOp>();
    if (!slice)
      return failure();
    Dims x = dimsOf(slice.getX()), part = dimsOf(slice.getResult());
    int64_t axis = -1;
    for (size_t i = 0; i < x.size(); ++i) {
      if (part[i] == x[i]) // all of it: the start is clamped to 0
        continue;
      if (axis >= 0 || !part[i].isConstant(1))
        return failure();
      axis = i;
    }
    if (axis < 0)
      return failure();
    part.erase(part.begin() + axis);
    if (part != dimsOf(op.getResult()))
      return failure();
    rewriter.replaceOpWithNewOp<TakeOp>(op, op.getType(), slice.getX(), slice.getStarts()[axis],
                                        axis, 0, BoundsMode::clamp);
    return success();
  }
};

struct SinkReshapesPass : PassWrapper<SinkReshapesPass, OperationPass<>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(SinkReshapesPass)
  StringRef getArgument() const override { return "sink-reshapes"; }
  StringRef getDescription() const override {
    return "Move reshapes below elementwise operations and flatten the rows of matrix products";
  }
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<BroadcastOfReshape, BroadcastOfBroadcast, SinkThroughElementwise,
                 ReshapeOfConstant, FlattenRows, TakeOfSlice>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace

std::unique_ptr<Pass> ingot::createSinkReshapesPass() {
  return std::make_unique<SinkReshapesPass>();
}
