// The sweep itself, and gradients through loops and branches.
//
// A loop saves the carried values of each iteration in [trip, ...] buffers, and
// the results of contractions, which are dear to compute again; the reverse loop
// reads them, computes the rest of the body again and sweeps over that copy.
// What it turns out not to need is removed afterwards with its buffer.
#include "compiler/passes/train/Differentiate.h"
#include "compiler/passes/train/GradientRules.h"
#include "compiler/passes/train/LoopSums.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace ingot::nn;

namespace ingot::train {

static const GradientRules &allRules() {
  static const GradientRules rules = [] {
    GradientRules r;
    addElementwiseGradients(r);
    addShapeGradients(r);
    addReductionGradients(r);
    addContractionGradients(r);
    return r;
  }();
  return rules;
}

static std::string nodeName(Location loc) {
  if (auto name = dyn_cast<NameLoc>(loc))
    return name.getName().str();
  if (auto fused = dyn_cast<FusedLoc>(loc))
    for (Location part : fused.getLocations())
      if (std::string n = nodeName(part); !n.empty())
        return n;
  return "";
}
LogicalResult noGradient(Operation *op, const Twine &why) {
  InFlightDiagnostic d = emitError(op->getLoc());
  d << "cannot train through '" << op->getName() << "'";
  if (std::string node = nodeName(op->getLoc()); !node.empty())
    d << " of node '" << node << "'";
  d << ": " << why << "; use a model whose loss reaches its weights without it";
  return d;
}

static bool isDifferentiable(Type type) {
  auto t = dyn_cast<RankedTensorType>(type);
  return t && isa<FloatType, ComplexType>(t.getElementType());
}

//===-- Sums of contributions ---------------------------------------------===//

void Gradient::add(Build &b, Value v, Value grad) {
  if (!needs(v))
    return;
  if (conjugate)
    grad = b.conj(grad);
  if (grad.getType() != v.getType())
    grad = ReshapeOp::create(b.b, b.loc, v.getType(), grad); // equal sizes under other names
  Value &sum = grads[v];
  sum = sum ? AddOp::create(b.b, b.loc, v.getType(), sum, grad).getResult() : grad;
}

//===-- What depends on what ----------------------------------------------===//

/// Values from outside of the operation that its regions use.
static llvm::SetVector<Value> capturedBy(Operation *op) {
  llvm::SetVector<Value> captured;
  getUsedValuesDefinedAbove(op->getRegions(), captured);
  return captured;
}

void Gradient::markActive(Block &block) {
  for (Operation &op : block)
    markActive(&op);
}
/// Carried values: active if they begin so or the body makes them so.
static void markLoop(Gradient &g, Operation *op, Region &body, unsigned firstCarried) {
  Block &block = body.front();
  auto arguments = block.getArguments().drop_front(firstCarried);
  for (auto [init, argument] : llvm::zip(op->getOperands(), arguments))
    if (g.needs(init))
      g.active.insert(argument);
  for (bool changed = true; changed;) {
    changed = false;
    g.markActive(block);
    for (auto [value, argument] : llvm::zip(block.getTerminator()->getOperands(), arguments))
      if (g.needs(value))
        changed |= g.active.insert(argument).second;
  }
  for (auto [argument, result] : llvm::zip(arguments, op->getResults()))
    if (g.needs(argument))
      g.active.insert(result);
}
void Gradient::markActive(Operation *op) {
  if (auto loop = dyn_cast<ForOp>(op))
    return markLoop(*this, op, loop.getBody(), 1);
  if (auto loop = dyn_cast<WhileOp>(op))
    return markLoop(*this, op, loop.getBody(), 0);
  if (auto branch = dyn_cast<IfOp>(op)) {
    for (Region &region : op->getRegions()) {
      markActive(region.front());
      for (auto [value, result] :
           llvm::zip(region.front().getTerminator()->getOperands(), op->getResults()))
        if (needs(value))
          active.insert(result);
    }
    return;
  }
  if (op->getNumRegions() || !llvm::any_of(op->getOperands(), [&](Value v) { return needs(v); }))
    return;
  for (Value r : op->getResults())
    if (isDifferentiable(r.getType()))
      active.insert(r);
}

//===-- Complex numbers ---------------------------------------------------===//

static bool isComplex(Type type) {
  auto t = dyn_cast<RankedTensorType>(type);
  return t && isa<ComplexType>(t.getElementType());
}
/// Complex functions whose rule holds values, not only moves or adds gradients.
/// |x - y|^2 is none of a complex variable.
static bool isHolomorphic(Operation *op) {
  if (!isComplex(op->getResult(0).getType()) || !isComplex(op->getOperand(0).getType()))
    return false;
  if (auto reduce = dyn_cast<ReduceOp>(op))
    return reduce.getKind() == ReduceKind::prod;
  if (auto scan = dyn_cast<ScanOp>(op))
    return scan.getKind() == ReduceKind::prod;
  return fusionClass(op) == FusionClass::Contraction ||
         (op->hasTrait<Elementwise>() &&
          !isa<AddOp, SubOp, NegOp, SelectOp, CastOp, SquaredDifferenceOp>(op));
}

//===-- The sweep ---------------------------------------------------------===//

LogicalResult Gradient::sweep(ArrayRef<Operation *> ops) {
  for (Operation *op : llvm::reverse(ops)) {
    for (Value r : op->getResults())
      if (Value user = saved.lookup(r); user && of(user))
        grads[r] = of(user);
    bool reached = llvm::any_of(op->getResults(), [&](Value r) { return needs(r) && of(r); });
    if (reached && failed(reverse(op)))
      return failure();
  }
  return success();
}
LogicalResult Gradient::reverse(Operation *op) {
  if (auto loop = dyn_cast<ForOp>(op))
    return reverseFor(loop);
  if (auto branch = dyn_cast<IfOp>(op))
    return reverseIf(branch);
  if (isa<WhileOp>(op))
    return noGradient(op, "how often the loop runs is only known while it runs");
  auto info = op->getName().getRegisteredInfo();
  GradientRule rule = info ? allRules().lookup(info->getTypeID()) : nullptr;
  if (!rule || op->getNumResults() != 1)
    return noGradient(op, "it has no gradient");
  Build b{builder, op->getLoc()};
  Value dy = of(op->getResult(0));
  if (!isHolomorphic(op))
    return rule(*this, b, op, dy);
  conjugate = true;
  LogicalResult r = rule(*this, b, op, b.conj(dy));
  conjugate = false;
  return r;
}

static Value zeroLike(Build &b, Value v) { return b.fullLike(v, 0); }

/// Copies a block's operations (without its terminator) to the builder's place.
static SmallVector<Operation *> cloneBody(OpBuilder &b, Block &block, IRMapping &map) {
  SmallVector<Operation *> clones;
  for (Operation &op : block.without_terminator())
    clones.push_back(b.clone(op, map));
  return clones;
}

/// Results that the reverse loop reads rather than computes again.
static SmallVector<Value> dearResults(ForOp op) {
  SmallVector<Value> r;
  for (Operation &inner : op.getBody().front())
    if (isa<DotGeneralOp, ConvOp>(inner))
      r.push_back(inner.getResult(0));
  return r;
}
static Dims withLeading(const SizeExpr &n, Value v) {
  Dims dims{n};
  llvm::append_range(dims, dimsOf(v));
  return dims;
}

/// The loop with each iteration's carried values and then its dear results
/// saved behind its results.
static ForOp savingLoop(OpBuilder &b, ForOp op, ArrayRef<Value> dear) {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(op);
  Build build{b, op.getLoc()};
  SizeExpr trip = op.getTrip().expr(0);
  size_t n = op.getInits().size();
  Block &old = op.getBody().front();
  SmallVector<Value> kept(old.getArguments().drop_front().begin(), old.getArguments().end());
  llvm::append_range(kept, dear);
  SmallVector<Value> inits(op.getInits());
  for (Value v : kept)
    inits.push_back(build.full(withLeading(trip, v), 0, Build::elem(v)));
  auto loop = ForOp::create(b, op.getLoc(), inits, trip);
  Block &block = loop.getBody().front();
  b.setInsertionPointToStart(&block);
  IRMapping map;
  for (size_t i = 0; i <= n; ++i)
    map.map(old.getArgument(i), block.getArgument(i));
  cloneBody(b, old, map);
  SmallVector<Value> results;
  for (Value v : old.getTerminator()->getOperands())
    results.push_back(map.lookupOrDefault(v));
  Value zero = build.scalar(0, b.getI32Type());
  for (auto [i, v] : llvm::enumerate(kept)) {
    Value value = build.reshape(map.lookup(v), withLeading(1, v)),
          buffer = block.getArgument(n + i + 1);
    SmallVector<Value> starts(Build::rank(buffer), zero);
    starts[0] = block.getArgument(0);
    results.push_back(DynamicUpdateSliceOp::create(b, op.getLoc(), buffer, value, starts));
  }
  YieldOp::create(b, op.getLoc(), results);
  return loop;
}
/// What the loop saved of iteration `step`.
static Value loadSaved(Build &b, Value buffer, Value step, Value zero, Value like) {
  SmallVector<Value> starts(Build::rank(buffer), zero);
  starts[0] = step;
  Type type = tensorType(withLeading(1, like), Build::elem(like));
  return b.reshape(DynamicSliceOp::create(b.b, b.loc, type, buffer, starts), dimsOf(like));
}

/// Forgets values that are about to be erased: others may get their addresses.
static void forget(Gradient &g, Operation *op) {
  op->walk([&](Operation *inner) {
    auto drop = [&](Value v) {
      g.active.erase(v);
      g.grads.erase(v);
      g.saved.erase(v);
    };
    llvm::for_each(inner->getResults(), drop);
    for (Region &region : inner->getRegions())
      for (Block &block : region)
        llvm::for_each(block.getArguments(), drop);
  });
}

namespace {
/// A loop on its way to its reverse loop.
struct LoopParts {
  ForOp op, forward;             ///< as it was, and with its saved values
  SmallVector<Value> dear;       ///< results that are saved as well
  SmallVector<unsigned> carried; ///< carried values with a gradient
  SmallVector<Value> captured;   ///< values from outside that need one
};
} // namespace

/// The body once more, for iteration `step`: carried values and dear results are what
/// the forward loop saved. Gives the copies of its operations.
static SmallVector<Operation *> replay(Gradient &g, Build &b, const LoopParts &parts, Value step,
                                       IRMapping &map) {
  ForOp op = parts.op, forward = parts.forward;
  size_t n = op.getInits().size();
  Block &old = op.getBody().front();
  Value zero = b.scalar(0, b.b.getI32Type());
  map.map(old.getArgument(0), step);
  for (unsigned i = 0; i < n; ++i) {
    Value value = loadSaved(b, forward.getResult(n + i), step, zero, op.getInits()[i]);
    if (g.needs(op.getResult(i)))
      g.active.insert(value);
    map.map(old.getArgument(i + 1), value);
  }
  SmallVector<Operation *> ops;
  for (Operation &inner : old.without_terminator()) {
    ops.push_back(b.b.clone(inner, map));
    g.markActive(ops.back());
    auto at =
        inner.getNumResults() == 1 ? llvm::find(parts.dear, inner.getResult(0)) : parts.dear.end();
    if (at == parts.dear.end())
      continue;
    Value copy = ops.back()->getResult(0);
    Value value =
        loadSaved(b, forward.getResult(2 * n + (at - parts.dear.begin())), step, zero, copy);
    if (g.needs(copy)) {
      g.active.insert(value);
      g.saved[copy] = value;
    }
    map.map(inner.getResult(0), value);
  }
  return ops;
}

/// The body of the reverse loop: from the gradients of what an iteration yields to
/// those of what it took, which it carries on behind each other.
static LogicalResult reverseBody(Gradient &g, Build &b, const LoopParts &parts, Block &block,
                                 Value step) {
  Block &old = parts.op->getRegion(0).front();
  IRMapping map;
  SmallVector<Operation *> ops = replay(g, b, parts, step, map);
  for (auto [i, v] : llvm::enumerate(parts.captured))
    g.grads[v] = block.getArgument(1 + parts.carried.size() + i);
  for (auto [i, k] : llvm::enumerate(parts.carried)) {
    Value yielded = map.lookupOrDefault(old.getTerminator()->getOperand(k));
    g.add(b, yielded, block.getArgument(1 + i));
  }
  if (failed(g.sweep(ops)))
    return failure();
  SmallVector<Value> results;
  for (unsigned k : parts.carried) {
    Value v = map.lookup(old.getArgument(k + 1));
    results.push_back(g.of(v) ? g.of(v) : zeroLike(b, v));
  }
  for (Value v : parts.captured)
    results.push_back(g.of(v));
  YieldOp::create(b.b, b.loc, results);
  return success();
}

LogicalResult Gradient::reverseFor(ForOp op) {
  Build b{builder, op.getLoc()};
  LoopParts parts;
  parts.op = op;
  for (Value v : capturedBy(op))
    if (needs(v))
      parts.captured.push_back(v);
  parts.dear = dearResults(op);
  parts.forward = savingLoop(builder, op, parts.dear);
  size_t n = op.getInits().size();

  // The reverse loop begins with what came from behind the loop.
  SmallVector<Value> inits;
  auto begin = [&](Value v, Value like) { inits.push_back(of(v) ? of(v) : zeroLike(b, like)); };
  for (unsigned i = 0; i < n; ++i)
    if (needs(op.getResult(i))) {
      parts.carried.push_back(i);
      begin(op.getResult(i), parts.forward.getResult(i));
    }
  for (Value v : parts.captured)
    begin(v, v);

  SizeExpr trip = op.getTrip().expr(0);
  auto loop = ForOp::create(builder, op.getLoc(), inits, trip);
  Block &block = loop.getBody().front();
  Value step;
  {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(&block);
    step = b.sub(b.size(trip - 1, builder.getI32Type()), block.getArgument(0));
    if (failed(reverseBody(*this, b, parts, block, step)))
      return failure();
  }
  SmallVector<Value> sums = sinkSums(builder, loop, step, parts.carried.size());
  for (auto [i, v] : llvm::enumerate(parts.captured))
    grads[v] = sums[parts.carried.size() + i];
  SmallVector<Value> carriedInits;
  for (unsigned k : parts.carried)
    carriedInits.push_back(op.getInits()[k]);
  op.replaceAllUsesWith(parts.forward.getResults().take_front(n));
  forget(*this, op);
  op.erase();
  for (auto [i, init] : llvm::enumerate(carriedInits))
    add(b, init, sums[i]);
  return success();
}

LogicalResult Gradient::reverseIf(IfOp op) {
  Build b{builder, op.getLoc()};
  SmallVector<Value> captured, outer;
  SmallVector<Type> types;
  for (Value v : capturedBy(op))
    if (needs(v)) {
      captured.push_back(v);
      types.push_back(v.getType());
      outer.push_back(of(v));
    }
  auto branch = IfOp::create(builder, op.getLoc(), types, op.getPred());
  for (auto [from, to] : llvm::zip(op->getRegions(), branch->getRegions())) {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(&to.emplaceBlock());
    for (Value v : captured)
      grads.erase(v);
    IRMapping map;
    SmallVector<Operation *> ops = cloneBody(builder, from.front(), map);
    for (Operation *clone : ops)
      markActive(clone);
    for (auto [value, result] :
         llvm::zip(from.front().getTerminator()->getOperands(), op->getResults()))
      if (of(result))
        add(b, map.lookupOrDefault(value), of(result));
    if (failed(sweep(ops)))
      return failure();
    SmallVector<Value> results;
    for (Value v : captured)
      results.push_back(of(v) ? of(v) : zeroLike(b, v));
    YieldOp::create(builder, op.getLoc(), results);
  }
  for (auto [v, before, found] : llvm::zip(captured, outer, branch.getResults())) {
    grads.erase(v);
    if (before)
      grads[v] = before;
    add(b, v, found);
  }
  return success();
}

//===-- Entry points ------------------------------------------------------===//

FailureOr<SmallVector<Value>> differentiate(OpBuilder &b, Location loc, ValueRange outputs,
                                            ValueRange seeds, ValueRange wrt) {
  Gradient g(b);
  g.active.insert(wrt.begin(), wrt.end());
  SmallVector<Operation *> ops;
  for (Operation &op : llvm::make_range(b.getInsertionBlock()->begin(), b.getInsertionPoint()))
    ops.push_back(&op);
  for (Operation *op : ops)
    g.markActive(op);
  Build build{b, loc};
  for (auto [output, seed] : llvm::zip(outputs, seeds))
    g.add(build, output, seed);
  if (failed(g.sweep(ops)))
    return failure();
  SmallVector<Value> r;
  for (Value v : wrt)
    r.push_back(g.of(v));
  return r;
}

/// Positions of carried values that a result or a live one needs.
static BitVector liveCarried(ForOp op) {
  Block &body = op.getBody().front();
  unsigned n = op.getInits().size();
  BitVector live(n);
  for (unsigned i = 0; i < n; ++i)
    live[i] = !op.getResult(i).use_empty();
  for (bool changed = true; changed;) {
    changed = false;
    llvm::SetVector<Operation *> needed;
    auto use = [&](Value v) {
      if (auto argument = dyn_cast<BlockArgument>(v); argument && argument.getOwner() == &body) {
        unsigned k = argument.getArgNumber();
        if (k && !live[k - 1]) {
          live.set(k - 1);
          changed = true;
        }
      } else if (Operation *def = v.getDefiningOp(); def && op->isProperAncestor(def)) {
        while (def->getBlock() != &body)
          def = def->getParentOp();
        needed.insert(def);
      }
    };
    for (unsigned i = 0; i < n; ++i)
      if (live[i])
        use(body.getTerminator()->getOperand(i));
    for (size_t i = 0; i < needed.size(); ++i)
      needed[i]->walk([&](Operation *inner) { llvm::for_each(inner->getOperands(), use); });
  }
  return live;
}
static bool dropDeadCarried(ForOp op) {
  BitVector live = liveCarried(op);
  if (live.all())
    return false;
  OpBuilder b(op);
  SmallVector<Value> inits;
  for (unsigned i : live.set_bits())
    inits.push_back(op.getInits()[i]);
  auto loop = ForOp::create(b, op.getLoc(), inits, op.getTrip().expr(0));
  Block &from = op.getBody().front(), &to = loop.getBody().front();
  from.getArgument(0).replaceAllUsesWith(to.getArgument(0));
  // Dead arguments are only used by dead operations; any value of the type does.
  for (unsigned i = 0, next = 1; i < live.size(); ++i)
    from.getArgument(i + 1).replaceAllUsesWith(live[i] ? Value(to.getArgument(next++))
                                                       : op.getInits()[i]);
  SmallVector<Value> results;
  for (unsigned i : live.set_bits())
    results.push_back(from.getTerminator()->getOperand(i));
  from.getTerminator()->erase();
  to.getOperations().splice(to.end(), from.getOperations());
  b.setInsertionPointToEnd(&to);
  YieldOp::create(b, op.getLoc(), results);
  for (auto [next, i] : llvm::enumerate(live.set_bits()))
    op.getResult(i).replaceAllUsesWith(loop.getResult(next));
  op.erase();
  return true;
}

void removeDead(Region &region) {
  for (bool changed = true; changed;) {
    changed = false;
    SmallVector<Operation *> ops;
    region.walk<WalkOrder::PreOrder>([&](Operation *op) { ops.push_back(op); });
    for (Operation *op : llvm::reverse(ops))
      if (isOpTriviallyDead(op)) {
        op->erase();
        changed = true;
      }
    SmallVector<ForOp> loops;
    region.walk([&](ForOp op) { loops.push_back(op); });
    for (ForOp op : loops)
      changed |= dropDeadCarried(op);
  }
}

} // namespace ingot::train
