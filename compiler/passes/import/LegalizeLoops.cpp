// Loops without superfluous variables. Keras carries the hidden state of an
// LSTM up to three times: as the state, as the previous output of masked steps
// and as a list of the last output. Variables that start equal and stay equal
// are one; a variable that only repeats another in a different shape is made of
// it after the loop.
#include "compiler/passes/import/LegalizeRules.h"

using namespace mlir;
using namespace ingot;
using namespace ingot::legalize;

namespace {

class LoopVariables {
public:
  explicit LoopVariables(Operation *loop)
      : loop(loop), body(loop->getRegions().back().front()), first(isa<nn::ForOp>(loop) ? 1 : 0),
        leader(loop->getNumResults()) {}

  bool simplify() {
    findEqual();
    SmallVector<bool> drop(leader.size(), false);
    for (unsigned j = 0; j < leader.size(); ++j)
      if (leader[j] != j) {
        for (Region &region : loop->getRegions())
          region.getArgument(offset(region) + j)
              .replaceAllUsesWith(region.getArgument(offset(region) + leader[j]));
        loop->getResult(j).replaceAllUsesWith(loop->getResult(leader[j]));
        drop[j] = true;
      }
    for (unsigned j = 0; j < leader.size(); ++j)
      if (!drop[j])
        drop[j] = repeatsAnother(j, drop) || isDead(j);
    if (!llvm::is_contained(drop, true))
      return false;
    rebuild(drop);
    return true;
  }

private:
  unsigned offset(Region &region) { return &region.front() == &body ? first : 0; }
  Value yielded(unsigned i) { return body.getTerminator()->getOperand(i); }

  /// Optimistic: equal inits are equal variables until a yield disagrees.
  void findEqual() {
    for (unsigned i = 0; i < leader.size(); ++i) {
      leader[i] = i;
      for (unsigned j = 0; j < i; ++j)
        if (loop->getOperand(j) == loop->getOperand(i)) {
          leader[i] = j;
          break;
        }
    }
    for (bool changed = true; changed;) {
      changed = false;
      compared.clear();
      SmallVector<unsigned> next(leader);
      for (unsigned i = 0; i < leader.size(); ++i) {
        if (leader[i] == i || same(yielded(i), yielded(leader[i]), 64))
          continue;
        changed = true;
        next[i] = i;
        for (unsigned j = leader[i] + 1; j < i; ++j)
          if (leader[j] == leader[i] && next[j] == j && same(yielded(i), yielded(j), 64)) {
            next[i] = j;
            break;
          }
      }
      leader = next;
    }
  }
  /// Whether two values of the body are equal if equal variables are.
  bool same(Value a, Value b, int depth) {
    if (a == b)
      return true;
    if (a.getType() != b.getType() || depth == 0)
      return false;
    auto x = dyn_cast<BlockArgument>(a), y = dyn_cast<BlockArgument>(b);
    if (x || y)
      return x && y && x.getOwner() == &body && y.getOwner() == &body &&
             x.getArgNumber() >= first && y.getArgNumber() >= first &&
             leader[x.getArgNumber() - first] == leader[y.getArgNumber() - first];
    Operation *p = a.getDefiningOp(), *q = b.getDefiningOp();
    if (p->getBlock() != &body || q->getBlock() != &body || p->getName() != q->getName() ||
        p->getNumRegions() || p->getNumResults() != 1 ||
        p->getNumOperands() != q->getNumOperands() ||
        p->getAttrDictionary() != q->getAttrDictionary() || !isMemoryEffectFree(p))
      return false;
    auto [at, isNew] = compared.try_emplace({a, b}, false);
    if (!isNew)
      return at->second;
    for (auto [s, t] : llvm::zip(p->getOperands(), q->getOperands()))
      if (!same(s, t, depth - 1))
        return false;
    return compared[{a, b}] = true;
  }

  bool unused(unsigned j) {
    for (Region &region : loop->getRegions())
      if (!region.getArgument(offset(region) + j).use_empty())
        return false;
    return true;
  }
  bool isDead(unsigned j) { return loop->getResult(j).use_empty() && unused(j); }
  /// A variable nobody reads in the loop, that is another one's shape changed,
  /// from the start on.
  bool repeatsAnother(unsigned j, ArrayRef<bool> dropped) {
    auto view = yielded(j).getDefiningOp<nn::ReshapeOp>();
    auto start = loop->getOperand(j).getDefiningOp<nn::BroadcastOp>();
    if (!view || !start || !unused(j))
      return false;
    for (unsigned i = 0; i < leader.size(); ++i) {
      auto other = loop->getOperand(i).getDefiningOp<nn::BroadcastOp>();
      bool fits = i != j && !dropped[i] && yielded(i) == view.getX() && other &&
                  other.getX() == start.getX() && start.getDims().empty();
      if (!fits)
        continue;
      OpBuilder builder(loop);
      builder.setInsertionPointAfter(loop);
      Value shaped = nn::ReshapeOp::create(builder, loop->getLoc(), loop->getResult(j).getType(),
                                           loop->getResult(i));
      loop->getResult(j).replaceAllUsesWith(shaped);
      return true;
    }
    return false;
  }

  void rebuild(ArrayRef<bool> drop) {
    SmallVector<Value> inits;
    SmallVector<Type> types;
    for (unsigned j = 0; j < drop.size(); ++j)
      if (!drop[j]) {
        inits.push_back(loop->getOperand(j));
        types.push_back(inits.back().getType());
      }
    OperationState state(loop->getLoc(), loop->getName(), inits, types, loop->getAttrs());
    for (unsigned r = 0; r < loop->getNumRegions(); ++r)
      state.addRegion();
    OpBuilder builder(loop);
    Operation *made = builder.create(state);
    for (unsigned j = drop.size(); j-- > 0;) {
      if (!drop[j])
        continue;
      body.getTerminator()->eraseOperand(j);
      for (Region &region : loop->getRegions())
        region.front().eraseArgument(offset(region) + j);
    }
    for (auto [from, to] : llvm::zip(loop->getRegions(), made->getRegions()))
      to.takeBody(from);
    unsigned k = 0;
    for (unsigned j = 0; j < drop.size(); ++j)
      if (!drop[j])
        loop->getResult(j).replaceAllUsesWith(made->getResult(k++));
    loop->erase();
  }

  Operation *loop;
  Block &body;
  unsigned first;               ///< argument of the body that is the first variable
  SmallVector<unsigned> leader; ///< of each variable's class of equal ones
  DenseMap<std::pair<Value, Value>, bool> compared;
};
} // namespace

void legalize::mergeLoopVariables(func::FuncOp f) {
  SmallVector<Operation *> loops; // inner ones first
  f.walk([&](Operation *op) {
    if (isa<nn::ForOp, nn::WhileOp>(op))
      loops.push_back(op);
  });
  for (Operation *loop : loops)
    LoopVariables(loop).simplify();
}
