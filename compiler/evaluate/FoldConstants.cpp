// Values known at compile time are kept beside the IR while a block is walked;
// only those that something unknown uses become constants of it.
#include "compiler/evaluate/FoldConstants.h"
#include "compiler/evaluate/Evaluate.h"

using namespace mlir;
using namespace ingot::nn;

namespace ingot::evaluate {
namespace {

class Folder {
public:
  explicit Folder(int64_t maxBytes) : maxBytes(maxBytes) {}

  void fold(Block &block) {
    SmallVector<Operation *> evaluated;
    for (Operation &op : block) {
      if (isa<KernelOp>(op))
        continue; // isolated: what is inside is the grouping's business
      for (Region &region : op.getRegions())
        for (Block &inner : region)
          fold(inner);
      if (evaluateOp(&op))
        evaluated.push_back(&op);
    }
    for (Operation *op : evaluated)
      materialize(op);
    for (Operation *op : llvm::reverse(evaluated))
      if (op->use_empty())
        op->erase();
  }

private:
  bool isFree(Operation *op) { return isa<ConstantOp, BroadcastOp, IotaOp>(op); }
  bool fits(Type type) {
    auto t = dyn_cast<RankedTensorType>(type);
    return t && t.hasStaticShape() &&
           countOf(t.getShape()) * elementBytes(t.getElementType()) <= maxBytes;
  }
  /// Finds the value of an operation; true if it is known now.
  bool evaluateOp(Operation *op) {
    if (op->getNumRegions() || op->getNumResults() != 1 || !isMemoryEffectFree(op) ||
        !hasRule(op) || !fits(op->getResult(0).getType()))
      return false;
    std::vector<HostTensor> operands;
    for (Value v : op->getOperands()) {
      auto it = known.find(v);
      if (it == known.end())
        return false;
      operands.push_back(it->second);
    }
    Result r = evaluate(op, operands);
    if (!r)
      return false;
    known[op->getResult(0)] = std::move(r.outputs[0]);
    return true;
  }
  void materialize(Operation *op) {
    if (isFree(op))
      return;
    Value result = op->getResult(0);
    bool needed = llvm::any_of(result.getUsers(), [&](Operation *user) {
      return user->getNumResults() != 1 || !known.count(user->getResult(0)) || isFree(user);
    });
    if (!needed)
      return;
    OpBuilder b(op);
    Value constant = ConstantOp::create(b, op->getLoc(), known[result].toAttribute());
    known[constant] = known[result];
    result.replaceAllUsesWith(constant);
  }

  int64_t maxBytes;
  DenseMap<Value, HostTensor> known;
};

struct FoldConstantsPass : PassWrapper<FoldConstantsPass, OperationPass<func::FuncOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(FoldConstantsPass)
  StringRef getArgument() const override { return "nn-fold-constants"; }
  StringRef getDescription() const override {
    return "Evaluate what depends on small constants only";
  }
  void runOnOperation() override { foldConstants(getOperation()); }
};

} // namespace

void foldConstants(func::FuncOp func, int64_t maxBytes) {
  if (func.isExternal())
    return;
  Folder folder(maxBytes);
  for (Block &block : func.getBody())
    folder.fold(block);
}
std::unique_ptr<Pass> createFoldConstantsPass() { return std::make_unique<FoldConstantsPass>(); }

} // namespace ingot::evaluate
