// Updates in the order of operations of keras/src/optimizers/{sgd,adam}.py.
#include "compiler/passes/train/Optimizers.h"

using namespace mlir;
using namespace ingot::nn;

namespace ingot::train {
namespace {

/// Keras casts some hyperparameters with tf.cast, which makes a Python number a
/// float32 first, in float64 models too.
double castLikeKeras(double x) { return static_cast<float>(x); }

SmallVector<StringRef> sgdSlots(const OptimizerOptions &o) {
  if (o.momentum == 0)
    return {};
  return {"momentum"};
}
Value sgd(Update &u) {
  Build &b = u.b;
  Value step = b.mul(u.gradient, u.options.learningRate);
  if (u.slots.empty())
    return b.sub(u.variable, step);
  double momentum = castLikeKeras(u.options.momentum);
  Value velocity = b.sub(b.mul(u.slots[0], momentum), step);
  u.slots[0] = velocity;
  if (u.options.nesterov)
    return b.add(u.variable, b.sub(b.mul(velocity, momentum), step));
  return b.add(u.variable, velocity);
}

SmallVector<StringRef> adamSlots(const OptimizerOptions &) { return {"momentum", "velocity"}; }
Value adam(Update &u) {
  Build &b = u.b;
  const OptimizerOptions &o = u.options;
  Type e = Build::elem(u.variable);
  Value one = b.scalar(1, e);
  Value power1 = b.binary<PowOp>(b.scalar(castLikeKeras(o.beta1), e), u.step);
  Value power2 = b.binary<PowOp>(b.scalar(castLikeKeras(o.beta2), e), u.step);
  Value rate = b.mul(b.scalar(o.learningRate, e), b.unary<SqrtOp>(b.sub(one, power2)));
  Value alpha = b.div(rate, b.sub(one, power1));
  Value m = b.add(u.slots[0], b.mul(b.sub(u.gradient, u.slots[0]), 1 - o.beta1));
  Value v = b.add(u.slots[1], b.mul(b.sub(b.unary<SquareOp>(u.gradient), u.slots[1]), 1 - o.beta2));
  u.slots[0] = m;
  u.slots[1] = v;
  return b.sub(u.variable, b.div(b.mul(m, alpha), b.add(b.unary<SqrtOp>(v), o.epsilon)));
}

constexpr Optimizer kOptimizers[] = {
    {"sgd", 0.01, sgdSlots, sgd},
    {"adam", 0.001, adamSlots, adam},
};

} // namespace

llvm::ArrayRef<Optimizer> optimizers() { return kOptimizers; }
const Optimizer *findOptimizer(llvm::StringRef name) {
  for (const Optimizer &optimizer : kOptimizers)
    if (optimizer.name == name)
      return &optimizer;
  return nullptr;
}

} // namespace ingot::train
