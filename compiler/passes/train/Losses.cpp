// Formulas of Keras 3 with TensorFlow as its backend (keras/src/backend/
// tensorflow/nn.py): probabilities are clipped by 1e-7, and where they come
// right out of a softmax or sigmoid, that operation's input is used instead.
#include "compiler/passes/train/Losses.h"
#include "llvm/ADT/Sequence.h"

using namespace mlir;
using namespace ingot::nn;

namespace ingot::train {
namespace {

constexpr double kEpsilon = 1e-7;

Value meanOfLast(Build &b, Value x) {
  if (Build::rank(x) < 2)
    return x; // the mean over examples follows anyway
  int64_t last = Build::rank(x) - 1;
  Value sum = b.reduce(ReduceKind::sum, x, {last});
  return b.div(sum, b.cast(b.size(dimOf(x.getType(), last), b.b.getI32Type()), Build::elem(x)));
}
Value sumOfLast(Build &b, Value x) { return b.reduce(ReduceKind::sum, x, {Build::rank(x) - 1}); }
/// A value with one less dimension, along the last one.
Value alongLast(Build &b, Value x, Value like) {
  return b.broadcastInDim(x, dimsOf(like),
                          llvm::to_vector(llvm::seq<int64_t>(0, Build::rank(like) - 1)));
}
Value clipped(Build &b, Value x) {
  return ClampOp::create(b.b, b.loc, x.getType(), b.fullLike(x, kEpsilon), x,
                         b.fullLike(x, 1 - kEpsilon));
}
/// Takes the logits where the output is an Op of them.
template <typename Op> bool seeLogits(Value &output) {
  auto op = output.getDefiningOp<Op>();
  if (op)
    output = op.getX();
  return static_cast<bool>(op);
}

Value meanSquaredError(Build &b, Value labels, Value output, bool) {
  return meanOfLast(b, b.unary<SquareOp>(b.sub(labels, output)));
}

/// 1 where the class is the label's.
Value labelIs(Build &b, Value labels, Value like) {
  Type element = Build::elem(labels);
  Value classes =
      IotaOp::create(b.b, b.loc, withElement(like.getType(), element), Build::rank(like) - 1);
  return b.compare(CompareDirection::eq, classes, alongLast(b, labels, like));
}
Value sparseCrossentropy(Build &b, Value labels, Value output, bool fromLogits) {
  fromLogits |= seeLogits<SoftmaxOp>(output);
  Value logits = fromLogits ? output : b.unary<LogOp>(clipped(b, output));
  Value logProbabilities = LogSoftmaxOp::create(b.b, b.loc, logits.getType(), logits);
  Value picked = b.select(labelIs(b, labels, logits), logProbabilities, b.fullLike(logits, 0));
  Value loss = b.unary<NegOp>(sumOfLast(b, picked));
  // A label that is no class makes its loss, and the step, NaN.
  Type element = Build::elem(labels);
  Value classes = b.size(dimOf(logits.getType(), Build::rank(logits) - 1), element);
  Value valid =
      AndOp::create(b.b, b.loc, b.compare(CompareDirection::ge, labels, b.scalar(0, element)),
                    b.compare(CompareDirection::lt, labels, classes));
  return b.select(valid, loss, b.fullLike(loss, std::numeric_limits<double>::quiet_NaN()));
}
Value categoricalCrossentropy(Build &b, Value labels, Value output, bool fromLogits) {
  fromLogits |= seeLogits<SoftmaxOp>(output);
  Value logProbabilities;
  if (fromLogits) {
    logProbabilities = LogSoftmaxOp::create(b.b, b.loc, output.getType(), output);
  } else {
    Value normal = b.div(output, alongLast(b, sumOfLast(b, output), output));
    logProbabilities = b.unary<LogOp>(clipped(b, normal));
  }
  return b.unary<NegOp>(sumOfLast(b, b.mul(labels, logProbabilities)));
}
Value binaryCrossentropy(Build &b, Value labels, Value output, bool fromLogits) {
  fromLogits |= seeLogits<SigmoidOp>(output);
  if (fromLogits) { // max(x, 0) - x * z + log1p(exp(-|x|))
    Value positive = b.compare(CompareDirection::ge, output, b.scalar(0, Build::elem(output)));
    Value negated = b.unary<NegOp>(output);
    Value relu = b.select(positive, output, b.fullLike(output, 0)),
          lessAbs = b.select(positive, negated, output);
    Value tail = b.unary<Log1pOp>(b.unary<ExpOp>(lessAbs));
    return meanOfLast(b, b.add(b.sub(relu, b.mul(output, labels)), tail));
  }
  Value p = clipped(b, output), one = b.fullLike(p, 1);
  Value sum = b.add(b.mul(labels, b.unary<LogOp>(p)),
                    b.mul(b.sub(one, labels), b.unary<LogOp>(b.sub(one, p))));
  return meanOfLast(b, b.unary<NegOp>(sum));
}

Value largest(Build &b, Value x) {
  Dims dims = dimsOf(x);
  dims.pop_back();
  return ArgReduceOp::create(b.b, b.loc, tensorType(dims, b.b.getI32Type()), x, Build::rank(x) - 1,
                             true);
}
Value rightClassNumber(Build &b, Value labels, Value output, bool) {
  return b.compare(CompareDirection::eq, largest(b, output), labels);
}
Value rightClass(Build &b, Value labels, Value output, bool) {
  return b.compare(CompareDirection::eq, largest(b, output), largest(b, labels));
}
Value rightSide(Build &b, Value labels, Value output, bool fromLogits) {
  Type e = Build::elem(output);
  Value found = b.compare(CompareDirection::gt, output, b.scalar(fromLogits ? 0 : 0.5, e));
  Value wanted = b.compare(CompareDirection::gt, labels, b.scalar(0.5, e));
  return b.compare(CompareDirection::eq, found, wanted);
}

constexpr Loss kLosses[] = {
    {"mse", false, meanSquaredError, nullptr},
    {"sparse_categorical_crossentropy", true, sparseCrossentropy, rightClassNumber},
    {"categorical_crossentropy", false, categoricalCrossentropy, rightClass},
    {"binary_crossentropy", false, binaryCrossentropy, rightSide},
};

} // namespace

llvm::ArrayRef<Loss> losses() { return kLosses; }
const Loss *findLoss(llvm::StringRef name) {
  if (name == "mean_squared_error")
    name = "mse";
  for (const Loss &loss : kLosses)
    if (loss.name == name)
      return &loss;
  return nullptr;
}
RankedTensorType labelType(const Loss &loss, Value output) {
  Dims dims = dimsOf(output);
  if (!loss.classNumbers)
    return tensorType(dims, Build::elem(output));
  dims.pop_back();
  return tensorType(dims, IntegerType::get(output.getContext(), 32));
}
Value meanOf(Build &b, Value x) {
  Value sum = b.reduce(ReduceKind::sum, x, llvm::to_vector(llvm::seq<int64_t>(0, Build::rank(x))));
  return b.div(sum, b.cast(b.size(elementCount(x.getType()), b.b.getI64Type()), Build::elem(x)));
}

} // namespace ingot::train
