// Turns the partition of each block into nn.kernel operations.
#include "compiler/dialects/Nn/Build.h"
#include "compiler/passes/group/Partition.h"
#include "compiler/passes/group/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

using namespace mlir;
using namespace ingot;
using namespace ingot::nn;

namespace {

/// Constants that a kernel holds itself: splats and short ones.
bool isInlineConstant(Operation *op) {
  auto constant = dyn_cast<ConstantOp>(op);
  if (!constant)
    return false;
  auto dense = dyn_cast<DenseElementsAttr>(constant.getValue());
  return dense && (dense.isSplat() || dense.getNumElements() <= 1);
}

class Former {
public:
  Former(Block &block, bool fuse) : block(block), partition(block, fuse) {}

  void run() {
    OpBuilder b(block.getParent()->getContext());
    for (const Group &g : partition.groups())
      if (!g.ops.empty()) // merged into another
        make(b, g);
    sortTopologically();
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
      if (isOpTriviallyDead(&op))
        op.erase();
  }

private:
  /// The value inside a kernel: cloned, an argument, or computed there.
  /// `locs` gets the places of what is computed.
  Value pull(Value v, OpBuilder &b, KernelOp kernel, IRMapping &map,
             SmallVectorImpl<Location> &locs) {
    if (Value known = map.lookupOrNull(v))
      return known;
    Operation *def = v.getDefiningOp();
    bool here = def && def->getBlock() == &block;
    if (def && (isInlineConstant(def) || (here && partition.isCloned(def)))) {
      for (Value o : def->getOperands())
        pull(o, b, kernel, map, locs);
      if (!def->hasTrait<OpTrait::ConstantLike>())
        locs.push_back(def->getLoc());
      b.clone(*def, map);
      return map.lookup(v);
    }
    kernel.getInputsMutable().append(v);
    Value argument = kernel.getBody().front().addArgument(v.getType(), v.getLoc());
    map.map(v, argument);
    return argument;
  }

  KernelOp make(OpBuilder &b, const Group &g) {
    SmallVector<Location> locs;
    SmallVector<Value> outs;
    int id = partition.groupOf(g.ops.front());
    for (Operation *op : g.ops) {
      for (Value r : op->getResults())
        if (llvm::any_of(r.getUsers(), [&](Operation *u) { return readsOutside(u, id); }))
          outs.push_back(r);
    }
    if (outs.empty()) // dead code: keep it well formed, it is erased afterwards
      outs.push_back(g.ops.back()->getResult(0));
    b.setInsertionPointAfter(g.ops.back());
    auto kernel = KernelOp::create(b, g.ops.front()->getLoc(), ValueRange(outs).getTypes(),
                                   ValueRange(), b.getStringAttr(kernelKindName(g.kind)),
                                   DictionaryAttr(), g.prepare ? b.getUnitAttr() : UnitAttr());
    Block &body = kernel.getBody().emplaceBlock();
    OpBuilder inner = OpBuilder::atBlockEnd(&body);
    IRMapping map;
    for (Operation *op : g.ops) {
      for (Value v : op->getOperands())
        pull(v, inner, kernel, map, locs);
      locs.push_back(op->getLoc());
      inner.clone(*op, map);
    }
    kernel->setLoc(b.getFusedLoc(locs));
    SmallVector<Value> yields;
    for (Value v : outs)
      yields.push_back(map.lookup(v));
    YieldOp::create(inner, kernel.getLoc(), yields);
    for (auto [old, made] : llvm::zip(outs, kernel.getResults()))
      old.replaceUsesWithIf(made, [&](OpOperand &use) { return readsOutside(use.getOwner(), id); });
    return kernel;
  }

  /// A reader that is not part of the group: operations of the group itself and
  /// the clones inside kernels keep the original value.
  bool readsOutside(Operation *user, int group) {
    if (user->getBlock() != &block)
      return !user->getParentOfType<KernelOp>();
    if (partition.isCloned(user)) // its readers decide
      return llvm::any_of(user->getUsers(), [&](Operation *u) { return readsOutside(u, group); });
    return partition.groupOf(user) != group;
  }

  /// Kernels stand where their last operation stood; their readers may be earlier.
  void sortTopologically() {
    llvm::DenseSet<Operation *> done;
    SmallVector<Operation *> order;
    std::function<void(Operation *)> visit = [&](Operation *op) {
      if (!done.insert(op).second)
        return;
      auto need = [&](Value v) {
        if (Operation *def = v.getDefiningOp(); def && def->getBlock() == &block)
          visit(def);
      };
      llvm::for_each(op->getOperands(), need);
      op->walk([&](Operation *inner) { llvm::for_each(inner->getOperands(), need); });
      order.push_back(op);
    };
    for (Operation &op : block)
      visit(&op);
    for (Operation *op : order)
      op->moveBefore(&block, block.end());
  }

  Block &block;
  Partition partition;
};

struct FormKernelsPass : PassWrapper<FormKernelsPass, OperationPass<>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(FormKernelsPass)
  explicit FormKernelsPass(bool fuse = true) : fuse(fuse) {}
  StringRef getArgument() const override { return "form-kernels"; }
  StringRef getDescription() const override { return "Put every computation into an nn.kernel"; }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<NnDialect>();
  }

  void runOnOperation() override {
    SmallVector<Block *> blocks;
    getOperation()->walk([&](Block *block) {
      Operation *parent = block->getParentOp();
      if (isa<FunctionOpInterface, ForOp, WhileOp, IfOp>(parent))
        blocks.push_back(block);
    });
    for (Block *block : blocks)
      Former(*block, fuse).run();
  }

  bool fuse;
};

} // namespace

std::unique_ptr<Pass> ingot::createFormKernelsPass(bool fuse) {
  return std::make_unique<FormKernelsPass>(fuse);
}

void ingot::registerGroupPasses() {
  registerPass(createFreezeVariablesPass);
  registerPass(createExpandComplexPass);
  registerPass(createHoistLoopInvariantsPass);
  registerPass(createSinkReshapesPass);
  registerPass(createFoldScalesPass);
  registerPass([] { return createChooseLayoutsPass({}); });
  registerPass([] { return createFormKernelsPass(); });
}
