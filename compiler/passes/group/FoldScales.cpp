// Constant per-channel scales behind a convolution or matrix product belong into
// its weights: Keras exports BatchNorm as bare Rsqrt/Mul/Sub/Add arithmetic.
// Explicit zero padding belongs into the convolution.
#include "compiler/dialects/Nn/Build.h"
#include "compiler/passes/group/Constness.h"
#include "compiler/passes/group/Passes.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;
using namespace ingot;
using namespace ingot::nn;

namespace {

/// The constant vector along the last dimension that `v` broadcasts, or a
/// constant scalar; null otherwise.
Value channelVector(Value v, Constness &constness) {
  auto bc = v.getDefiningOp<BroadcastOp>();
  if (!bc)
    return {};
  Value x = bc.getX();
  int64_t last = cast<RankedTensorType>(v.getType()).getRank() - 1;
  auto type = cast<RankedTensorType>(x.getType());
  for (auto [i, d] : llvm::enumerate(bc.getDims()))
    if (type.getDimSize(i) != 1 && d != last)
      return {};
  return constness.isConstant(x) ? x : Value();
}

/// `vector` (all sizes 1 but perhaps the last) with rank 1, or 0 for one element, so
/// that any two of them broadcast.
Value flatten(Build &build, Value vector) {
  int64_t n = cast<RankedTensorType>(vector.getType()).getNumElements();
  return build.reshape(vector, n == 1 ? Dims{} : Dims{n});
}

/// `vector` along the last dimension of `like`.
Value spreadChannels(Build &build, Value vector, Value like) {
  return build.broadcastTo(flatten(build, vector), dimsOf(like));
}

bool isContraction(Operation *op) { return isa_and_nonnull<ConvOp, DotGeneralOp>(op); }

Value weightsOf(Operation *op) { return op->getOperand(1); }

/// Output channels are the last dimension of the weights as of the result.
bool channelsLast(Operation *op) {
  auto dot = dyn_cast<DotGeneralOp>(op);
  if (!dot)
    return true;
  int64_t last = cast<RankedTensorType>(dot.getRhs().getType()).getRank() - 1;
  return !llvm::is_contained(dot.getRhsContract(), last) && dot.getRhsBatch().empty() && last >= 1;
}

/// conv(x, W) * m = conv(x, W * m); (conv(x, W) + b) * m likewise.
struct FoldScale : OpRewritePattern<MulOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(MulOp op, PatternRewriter &rewriter) const override {
    Constness constness;
    Value x = op.getLhs(), scale = channelVector(op.getRhs(), constness);
    if (!scale) {
      x = op.getRhs();
      scale = channelVector(op.getLhs(), constness);
    }
    if (!scale || !x.hasOneUse() || !isa<FloatType>(Build::elem(x)))
      return failure();
    Build build{rewriter, op.getLoc()};
    if (auto add = x.getDefiningOp<AddOp>()) {
      for (auto [value, other] :
           {std::pair(add.getLhs(), add.getRhs()), std::pair(add.getRhs(), add.getLhs())}) {
        Value bias = channelVector(other, constness);
        if (!bias || !value.hasOneUse() || !isContraction(value.getDefiningOp()))
          continue;
        Value scaled = build.mul(value, spreadChannels(build, scale, value));
        Value moved = build.mul(flatten(build, bias), flatten(build, scale));
        rewriter.replaceOpWithNewOp<AddOp>(op, scaled.getType(), scaled,
                                           spreadChannels(build, moved, scaled));
        return success();
      }
    }
    Operation *root = x.getDefiningOp();
    if (!isContraction(root) || !channelsLast(root) || !constness.isConstant(weightsOf(root)))
      return failure();
    build.loc = root->getLoc();
    Value weights = build.mul(weightsOf(root), spreadChannels(build, scale, weightsOf(root)));
    IRMapping map;
    map.map(weightsOf(root), weights);
    Operation *folded = rewriter.clone(*root, map);
    folded->setLoc(rewriter.getFusedLoc({root->getLoc(), op.getLoc()}));
    rewriter.replaceOp(op, folded->getResults());
    return success();
  }
};

/// (x + b1) + b2 with constant channel vectors: x + (b1 + b2).
struct JoinBiases : OpRewritePattern<AddOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(AddOp op, PatternRewriter &rewriter) const override {
    Constness constness;
    for (auto [x, outer] :
         {std::pair(op.getLhs(), op.getRhs()), std::pair(op.getRhs(), op.getLhs())}) {
      Value b2 = channelVector(outer, constness);
      auto add = x.getDefiningOp<AddOp>();
      if (!b2 || !add || !x.hasOneUse() || !isa<FloatType>(Build::elem(x)))
        continue;
      for (auto [y, inner] :
           {std::pair(add.getLhs(), add.getRhs()), std::pair(add.getRhs(), add.getLhs())}) {
        Value b1 = channelVector(inner, constness);
        if (!b1 || !isContraction(y.getDefiningOp()))
          continue;
        Build build{rewriter, op.getLoc()};
        Value sum = build.add(flatten(build, b1), flatten(build, b2));
        rewriter.replaceOpWithNewOp<AddOp>(op, y.getType(), y, spreadChannels(build, sum, y));
        return success();
      }
    }
    return failure();
  }
};

/// conv(pad(x, 0)) pads by itself.
struct FoldPad : OpRewritePattern<ConvOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ConvOp op, PatternRewriter &rewriter) const override {
    auto pad = op.getX().getDefiningOp<PadOp>();
    if (!pad || pad.getMode() != PadMode::constant ||
        llvm::any_of(pad.getInterior(), [](int64_t v) { return v; }))
      return failure();
    if (!matchPattern(pad.getValue(), m_AnyZeroFloat()) && !matchPattern(pad.getValue(), m_Zero()))
      return failure();
    auto low = pad.getLow().exprs(), high = pad.getHigh().exprs();
    size_t rank = low.size();
    for (size_t d : {size_t(0), rank - 1})
      if (!low[d].isConstant(0) || !high[d].isConstant(0))
        return failure();
    Dims newLow = op.getPadLow().exprs(), newHigh = op.getPadHigh().exprs();
    for (size_t i = 0; i + 2 < rank; ++i) {
      if (op.getLhsDilation()[i] != 1 || !low[i + 1].isNonNegative() ||
          !high[i + 1].isNonNegative())
        return failure();
      newLow[i] = newLow[i] + low[i + 1];
      newHigh[i] = newHigh[i] + high[i + 1];
    }
    auto *ctx = op.getContext();
    rewriter.modifyOpInPlace(op, [&] {
      op.getXMutable().assign(pad.getX());
      op.setPadLowAttr(SizesAttr::get(ctx, newLow));
      op.setPadHighAttr(SizesAttr::get(ctx, newHigh));
    });
    return success();
  }
};

struct FoldScalesPass : PassWrapper<FoldScalesPass, OperationPass<>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(FoldScalesPass)
  StringRef getArgument() const override { return "fold-scales"; }
  StringRef getDescription() const override {
    return "Fold constant channel scales and zero padding into contractions";
  }
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<FoldScale, JoinBiases, FoldPad>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace

std::unique_ptr<Pass> ingot::createFoldScalesPass() { return std::make_unique<FoldScalesPass>(); }
