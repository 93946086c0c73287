// While, If and Case become nn.for, nn.while and nn.if. A loop variable that
// the body returns as it came is captured, a counter of a loop with a known
// number of iterations is computed from the iteration, and only the rest is
// carried.
#include "compiler/passes/import/LegalizeRules.h"
#include "llvm/ADT/BitVector.h"

using namespace mlir;
using namespace ingot;
using namespace ingot::legalize;

namespace {

/// Looks through nodes that pass their first input on.
Value origin(Value v) {
  while (auto node = v.getDefiningOp<graph::NodeOp>()) {
    bool first = node.getNumResults() && node->getResult(0) == v && node->getNumOperands();
    StringRef op = node.getOp();
    if (!first ||
        (op != "Identity" && op != "LoopCond" && op != "StopGradient" && op != "Snapshot"))
      break;
    v = node->getOperand(0);
  }
  return v;
}
int64_t argumentNumber(Value v, Block &block) {
  auto a = dyn_cast<BlockArgument>(origin(v));
  return a && a.getOwner() == &block ? static_cast<int64_t>(a.getArgNumber()) : -1;
}
std::optional<int64_t> constantOf(Value v) {
  auto node = origin(v).getDefiningOp<graph::NodeOp>();
  if (!node || !node.isOp("Const"))
    return std::nullopt;
  auto dense = node.attrOfType<DenseIntElementsAttr>("value");
  if (!dense || dense.getNumElements() != 1)
    return std::nullopt;
  return (*dense.value_begin<APInt>()).getSExtValue();
}

/// Brings a value to `type` where only names of sizes differ; refuses
/// otherwise.
LogicalResult conform(Node &n, Datum &d, RankedTensorType type, const Twine &what) {
  if (d.type == type)
    return success();
  if (d.type.getElementType() != type.getElementType() || d.type.getRank() != type.getRank())
    return n.refuse(what + " is " + describe(type) + " here and " + describe(d.type) + " there");
  Dims want = nn::dimsOf(type), found = nn::dimsOf(d.type);
  for (size_t i = 0; i < want.size(); ++i)
    if (failed(n.same(found[i], want[i], "dimension " + Twine(i) + " of " + what)))
      return failure();
  auto list = d.list;
  d = Datum::of(n.b.reshape(n.legalizer.materialize(d, n.b.b, n.b.loc), want));
  d.list = list;
  return success();
}
/// A list without elements as zeros of the given type.
Datum zeros(Node &n, const Datum &list, RankedTensorType like) {
  Dims dims = nn::dimsOf(like);
  dims[0] = list.list->length;
  Datum d = Datum::of(n.b.full(dims, 0, list.list->element));
  d.list = list.list;
  return d;
}

//===-- While -------------------------------------------------------------===//

class Loop {
public:
  explicit Loop(Node &n) : n(n), inits(n.size()) {
    for (unsigned i = 0; i < n.size(); ++i)
      inits[i] = n.operand(i);
  }
  LogicalResult run();

private:
  LogicalResult read();
  LogicalResult findTrip();
  std::optional<SizeExpr> tripOf(Value condition, DenseMap<Value, Datum> &scope);
  std::optional<SizeExpr> tripOfCompare(graph::NodeOp node, DenseMap<Value, Datum> &scope);
  void findNeeded();
  void reach(Value v, Block &block, llvm::BitVector &arguments);
  /// One attempt with the present inits: failure, or whether types agreed.
  FailureOr<bool> attempt();
  LogicalResult fillCond(nn::WhileOp op);
  SmallVector<Datum> arguments(ValueRange carriedValues, Value iteration);
  void giveResults(Operation *op, ArrayRef<Datum> out);

  Node &n;
  Block *cond = nullptr, *body = nullptr;
  SmallVector<Datum> inits;
  SmallVector<bool> invariant, needed;
  SmallVector<std::optional<int64_t>> step; // of counters
  std::optional<SizeExpr> trip;
  SmallVector<unsigned> carried; // numbers of loop variables
};

LogicalResult Loop::read() {
  func::FuncOp c = n.legalizer.lookup(n.op.funcAttr("cond")),
               f = n.legalizer.lookup(n.op.funcAttr("body"));
  if (!c || !f || c.isExternal() || f.isExternal())
    return n.refuse("its functions are not in the model");
  cond = &c.getBody().front();
  body = &f.getBody().front();
  unsigned count = n.size();
  if (cond->getNumArguments() != count || body->getNumArguments() != count ||
      body->getTerminator()->getNumOperands() != count ||
      cond->getTerminator()->getNumOperands() != 1)
    return n.refuse("its functions do not take and return its " + Twine(count) + " values");
  Operation *end = body->getTerminator();
  for (unsigned i = 0; i < count; ++i) {
    invariant.push_back(argumentNumber(end->getOperand(i), *body) == static_cast<int64_t>(i));
    step.push_back(std::nullopt);
    auto node = origin(end->getOperand(i)).getDefiningOp<graph::NodeOp>();
    if (!node || node->getNumOperands() != 2 || !inits[i].known || !inits[i].known->shape.empty())
      continue;
    Value a = node->getOperand(0), b = node->getOperand(1);
    auto amount = [&](Value v) -> std::optional<int64_t> {
      if (auto c = constantOf(v))
        return c;
      int64_t j = argumentNumber(v, *body);
      bool fixed = j >= 0 && argumentNumber(end->getOperand(j), *body) == j && inits[j].known &&
                   inits[j].known->values.size() == 1;
      return fixed ? inits[j].known->values[0].constant() : std::nullopt;
    };
    if (node.isOp("AddV2") || node.isOp("Add")) {
      if (argumentNumber(a, *body) == static_cast<int64_t>(i))
        step[i] = amount(b);
      else if (argumentNumber(b, *body) == static_cast<int64_t>(i))
        step[i] = amount(a);
    } else if (node.isOp("Sub") && argumentNumber(a, *body) == static_cast<int64_t>(i)) {
      if (auto v = amount(b))
        step[i] = -*v;
    }
  }
  return success();
}

std::optional<SizeExpr> Loop::tripOfCompare(graph::NodeOp node, DenseMap<Value, Datum> &scope) {
  StringRef op = node.getOp();
  bool less = op == "Less" || op == "LessEqual",
       orEqual = op == "LessEqual" || op == "GreaterEqual";
  if (!less && op != "Greater" && op != "GreaterEqual")
    return std::nullopt;
  Value counter = node->getOperand(0), limit = node->getOperand(1);
  int64_t i = argumentNumber(counter, *cond);
  if (i < 0 || !step[i]) {
    std::swap(counter, limit);
    less = !less;
    i = argumentNumber(counter, *cond);
  }
  Datum bound = scope.lookup(limit);
  if (i < 0 || !step[i] || !*step[i] || !bound.known || bound.known->values.size() != 1 ||
      less != (*step[i] > 0))
    return std::nullopt;
  const SizeExpr &from = inits[i].known->values[0], &to = bound.known->values[0];
  SizeExpr span = less ? to - from : from - to;
  int64_t by = std::abs(*step[i]);
  return SizeExpr::max(orEqual ? SizeExpr::floorDiv(span, by) + 1 : SizeExpr::ceilDiv(span, by), 0);
}
std::optional<SizeExpr> Loop::tripOf(Value condition, DenseMap<Value, Datum> &scope) {
  auto node = origin(condition).getDefiningOp<graph::NodeOp>();
  if (!node || node->getNumOperands() != 2)
    return std::nullopt;
  if (!node.isOp("LogicalAnd"))
    return tripOfCompare(node, scope);
  auto a = tripOf(node->getOperand(0), scope), b = tripOf(node->getOperand(1), scope);
  auto isTrue = [&](Value v) {
    Datum d = scope.lookup(v);
    return d.known && d.known->values.size() == 1 && d.known->values[0].isConstant(1);
  };
  if (a && isTrue(node->getOperand(1)))
    return a;
  if (b && isTrue(node->getOperand(0)))
    return b;
  return a && b ? std::optional<SizeExpr>(SizeExpr::min(*a, *b)) : std::nullopt;
}
/// Legalizes the condition aside, to see which of its limits are known sizes.
LogicalResult Loop::findTrip() {
  Region aside;
  Block &block = aside.emplaceBlock();
  SmallVector<Datum> values = inits;
  for (unsigned i = 0; i < values.size(); ++i)
    if (!invariant[i] && values[i].type) {
      auto list = values[i].list;
      values[i] = Datum::of(block.addArgument(values[i].type, n.b.loc));
      values[i].list = list;
    }
  size_t before = n.legalizer.refusals();
  {
    OpBuilder::InsertionGuard guard(n.b.b);
    n.b.b.setInsertionPointToEnd(&block);
    DenseMap<Value, Datum> scope;
    n.legalizer.inlineBlock(*cond, values, n.b.b, std::nullopt, &scope);
    trip = tripOf(cond->getTerminator()->getOperand(0), scope);
  }
  n.legalizer.created.clear();
  return success(n.legalizer.refusals() == before);
}

void Loop::reach(Value v, Block &block, llvm::BitVector &arguments) {
  SmallVector<Value> work{v};
  DenseSet<Value> seen;
  while (!work.empty()) {
    Value x = work.pop_back_val();
    if (!seen.insert(x).second)
      continue;
    if (auto a = dyn_cast<BlockArgument>(x)) {
      if (a.getOwner() == &block)
        arguments.set(a.getArgNumber());
    } else if (auto node = x.getDefiningOp<graph::NodeOp>()) {
      llvm::append_range(work, node.getInputs());
    }
  }
}
void Loop::findNeeded() {
  unsigned count = n.size();
  llvm::BitVector want(count);
  for (unsigned i = 0; i < count; ++i)
    if (n.isLive(i))
      want.set(i);
  if (!trip)
    reach(cond->getTerminator()->getOperand(0), *cond, want);
  SmallVector<bool> done(count, false);
  for (bool changed = true; changed;) {
    changed = false;
    for (unsigned i : llvm::make_early_inc_range(want.set_bits()))
      if (!done[i]) {
        done[i] = changed = true;
        reach(body->getTerminator()->getOperand(i), *body, want);
      }
  }
  needed.assign(done.begin(), done.end());
}

SmallVector<Datum> Loop::arguments(ValueRange carriedValues, Value iteration) {
  SmallVector<Datum> values = inits;
  for (auto [k, i] : llvm::enumerate(carried)) {
    auto list = inits[i].list;
    values[i] = Datum::of(carriedValues[k]);
    values[i].list = list;
  }
  for (unsigned i = 0; iteration && i < values.size(); ++i)
    if (step[i] && !invariant[i] && needed[i]) {
      Type e = inits[i].type.getElementType();
      Value v = n.b.cast(iteration, e);
      if (*step[i] != 1)
        v = n.b.mul(v, static_cast<double>(*step[i]));
      const SizeExpr &from = inits[i].known->values[0];
      values[i] = Datum::of(from.isConstant(0) ? v : n.b.add(v, n.b.size(from, e)));
    }
  return values;
}

LogicalResult Loop::fillCond(nn::WhileOp op) {
  Block &block = op.getCond().front();
  OpBuilder::InsertionGuard guard(n.b.b);
  n.b.b.setInsertionPointToEnd(&block);
  auto out = n.legalizer.inlineBlock(*cond, arguments(block.getArguments(), Value()), n.b.b);
  if (out[0].poisoned() || !out[0].type)
    return failure();
  if (out[0].type.getRank() != 0 || !out[0].type.getElementType().isInteger(1))
    return n.refuse("its condition is " + describe(out[0].type) + ", expected a bool");
  nn::YieldOp::create(n.b.b, n.b.loc, n.legalizer.materialize(out[0], n.b.b, n.b.loc));
  return success();
}

FailureOr<bool> Loop::attempt() {
  carried.clear();
  SmallVector<Value> start;
  for (unsigned i = 0; i < n.size(); ++i) {
    bool counter = trip && step[i];
    if (!needed[i] || invariant[i] || counter || !inits[i].type)
      continue;
    carried.push_back(i);
    start.push_back(n.legalizer.materialize(inits[i], n.b.b, n.b.loc));
  }
  Operation *op;
  Region *region;
  Value iteration;
  if (trip) {
    auto loop = nn::ForOp::create(n.b.b, n.b.loc, start, *trip);
    region = &loop.getBody();
    iteration = region->getArgument(0);
    op = loop;
  } else {
    auto loop = nn::WhileOp::create(n.b.b, n.b.loc, start);
    region = &loop.getBody();
    op = loop;
  }
  auto drop = [&] {
    op->erase();
    n.legalizer.created.clear();
  };
  if (!trip && failed(fillCond(cast<nn::WhileOp>(op)))) {
    drop();
    return failure();
  }
  OpBuilder::InsertionGuard guard(n.b.b);
  n.b.b.setInsertionPointToEnd(&region->front());
  auto values = arguments(region->getArguments().drop_front(trip ? 1 : 0), iteration);
  auto out = n.legalizer.inlineBlock(*body, values, n.b.b, ArrayRef<bool>(needed));
  bool agreed = true;
  for (unsigned i = 0; i < n.size(); ++i) {
    if (!needed[i] || invariant[i] || (trip && step[i]))
      continue;
    if (out[i].poisoned()) {
      drop();
      return failure();
    }
    if (!inits[i].type && out[i].type) { // the first write decided the elements
      OpBuilder::InsertionGuard outside(n.b.b);
      n.b.b.setInsertionPoint(op);
      inits[i] = zeros(n, inits[i], out[i].type);
      agreed = false;
    }
  }
  if (!agreed) {
    drop();
    return false;
  }
  SmallVector<Value> yields;
  for (unsigned i : carried) {
    if (failed(conform(n, out[i], inits[i].type, "loop variable " + Twine(i)))) {
      drop();
      return failure();
    }
    yields.push_back(n.legalizer.materialize(out[i], n.b.b, n.b.loc));
  }
  nn::YieldOp::create(n.b.b, n.b.loc, yields);
  giveResults(op, out);
  n.legalizer.created.assign({op});
  return true;
}

void Loop::giveResults(Operation *op, ArrayRef<Datum> out) {
  for (unsigned i = 0; i < n.size(); ++i) {
    if (trip && step[i] && !invariant[i])
      (void)n.give(i, Datum::of(Known::scalar(inits[i].known->values[0] + *trip * *step[i]),
                                inits[i].type.getElementType()));
    else
      (void)n.give(i, inits[i]);
  }
  for (auto [k, i] : llvm::enumerate(carried)) {
    Datum d = Datum::of(op->getResult(k));
    d.list = inits[i].list;
    (void)n.give(i, d);
  }
}

LogicalResult Loop::run() {
  if (failed(read()) || failed(findTrip()))
    return failure();
  findNeeded();
  ++n.legalizer.loopDepth;
  FailureOr<bool> done = false;
  size_t refusals = n.legalizer.refusals();
  for (int round = 0; round < 8 && succeeded(done) && !*done; ++round) {
    n.legalizer.forgetRefusals(refusals);
    done = attempt();
  }
  --n.legalizer.loopDepth;
  if (failed(done))
    return failure();
  return *done ? success() : n.refuse("the types of its variables do not settle");
}
LogicalResult whileLoop(Node &n) { return Loop(n).run(); }

//===-- If and Case -------------------------------------------------------===//

class Branches {
public:
  Branches(Node &n, ArrayRef<Block *> blocks) : n(n), blocks(blocks) {
    for (unsigned i = 1; i < n.size(); ++i)
      arguments.push_back(n.operand(i));
    for (unsigned i = 0; i < n.numOutputs(); ++i)
      wanted.push_back(n.isLive(i));
  }
  SmallVector<Datum> one(unsigned k) {
    return n.legalizer.inlineBlock(*blocks[k], arguments, n.b.b, ArrayRef<bool>(wanted));
  }
  /// Chooses among blocks k and later; `test` makes the condition for one.
  FailureOr<SmallVector<Datum>> choose(unsigned k, llvm::function_ref<Value(unsigned)> test);

private:
  Node &n;
  ArrayRef<Block *> blocks;
  SmallVector<Datum> arguments;
  SmallVector<bool> wanted;
};

FailureOr<SmallVector<Datum>> Branches::choose(unsigned k,
                                               llvm::function_ref<Value(unsigned)> test) {
  if (k + 1 == blocks.size())
    return one(k);
  Value pred = test(k);
  // Filled first, because the results' types come from the branches.
  auto draft = nn::IfOp::create(n.b.b, n.b.loc, TypeRange(), pred);
  Block *then = &draft.getThenRegion().emplaceBlock(),
        *other = &draft.getElseRegion().emplaceBlock();
  OpBuilder::InsertionGuard guard(n.b.b);
  n.b.b.setInsertionPointToEnd(then);
  FailureOr<SmallVector<Datum>> a = one(k);
  n.b.b.setInsertionPointToEnd(other);
  FailureOr<SmallVector<Datum>> b = choose(k + 1, test);
  SmallVector<Datum> results(n.numOutputs());
  SmallVector<Value> yieldA, yieldB;
  SmallVector<Type> types;
  SmallVector<unsigned> numbers;
  bool good = succeeded(b);
  for (unsigned i = 0; good && i < n.numOutputs(); ++i) {
    if (!wanted[i])
      continue;
    Datum &x = (*a)[i], &y = (*b)[i];
    if (x.poisoned() || y.poisoned() || bool(x.list) != bool(y.list)) {
      good = false;
      break;
    }
    bool sameKnown = x.known && y.known && x.type == y.type && x.known->values == y.known->values;
    if (sameKnown || (x.list && !x.type && !y.type)) {
      results[i] = x;
      results[i].value = Value();
      continue;
    }
    n.b.b.setInsertionPointToEnd(then);
    if (!x.type)
      x = zeros(n, x, y.type);
    yieldA.push_back(n.legalizer.materialize(x, n.b.b, n.b.loc));
    n.b.b.setInsertionPointToEnd(other);
    if (!y.type)
      y = zeros(n, y, x.type);
    good = succeeded(conform(n, y, x.type, "result " + Twine(i) + " of the branches"));
    yieldB.push_back(n.legalizer.materialize(y, n.b.b, n.b.loc));
    types.push_back(x.type);
    numbers.push_back(i);
    results[i].list = x.list;
  }
  if (!good) {
    draft.erase();
    n.legalizer.created.clear();
    return failure();
  }
  n.b.b.setInsertionPointToEnd(then);
  nn::YieldOp::create(n.b.b, n.b.loc, yieldA);
  n.b.b.setInsertionPointToEnd(other);
  nn::YieldOp::create(n.b.b, n.b.loc, yieldB);
  n.b.b.setInsertionPoint(draft);
  auto op = nn::IfOp::create(n.b.b, n.b.loc, types, pred);
  op.getThenRegion().takeBody(draft.getThenRegion());
  op.getElseRegion().takeBody(draft.getElseRegion());
  draft.erase();
  n.legalizer.created.assign({op});
  for (auto [r, i] : llvm::enumerate(numbers)) {
    auto list = results[i].list;
    results[i] = Datum::of(op.getResult(r));
    results[i].list = list;
  }
  return results;
}

LogicalResult giveAll(Node &n, const FailureOr<SmallVector<Datum>> &results) {
  if (failed(results))
    return failure();
  for (auto [i, d] : llvm::enumerate(*results)) {
    if (n.isLive(i) && d.poisoned())
      return failure();
    (void)n.give(i, d);
  }
  return success();
}
/// The bodies of branch functions, null after a refusal.
LogicalResult readBranches(Node &n, ArrayRef<FlatSymbolRefAttr> names,
                           SmallVectorImpl<Block *> &blocks) {
  for (FlatSymbolRefAttr name : names) {
    func::FuncOp f = n.legalizer.lookup(name);
    if (!f || f.isExternal())
      return n.refuse("its functions are not in the model");
    Block &block = f.getBody().front();
    if (block.getNumArguments() != n.size() - 1 ||
        block.getTerminator()->getNumOperands() != n.numOutputs())
      return n.refuse("its branches do not take its inputs and return its outputs");
    blocks.push_back(&block);
  }
  return success();
}

LogicalResult ifThenElse(Node &n) {
  SmallVector<Block *> blocks;
  if (failed(readBranches(n, {n.op.funcAttr("then_branch"), n.op.funcAttr("else_branch")}, blocks)))
    return failure();
  Branches branches(n, blocks);
  if (auto known = n.integer(0))
    return giveAll(n, FailureOr<SmallVector<Datum>>(branches.one(*known ? 0 : 1)));
  if (failed(n.needRank(0, 0, "the condition")))
    return failure();
  Value pred = n.in(0);
  if (!n.elem(0).isInteger(1))
    pred = n.b.compare(nn::CompareDirection::ne, pred, n.b.scalar(0, n.elem(0)));
  ++n.legalizer.loopDepth;
  auto results = branches.choose(0, [&](unsigned) { return pred; });
  --n.legalizer.loopDepth;
  return giveAll(n, results);
}
LogicalResult caseOf(Node &n) {
  SmallVector<FlatSymbolRefAttr> names;
  if (auto list = n.op.attrOfType<ArrayAttr>("branches"))
    for (Attribute a : list) {
      auto f = dyn_cast<graph::FuncAttr>(a);
      names.push_back(f ? f.getCallee() : dyn_cast<FlatSymbolRefAttr>(a));
    }
  SmallVector<Block *> blocks;
  if (names.empty() || failed(readBranches(n, names, blocks)))
    return failure();
  Branches branches(n, blocks);
  int64_t last = static_cast<int64_t>(blocks.size()) - 1;
  if (auto known = n.integer(0))
    return giveAll(n, FailureOr<SmallVector<Datum>>(
                          branches.one(*known < 0 || *known > last ? last : *known)));
  if (failed(n.needRank(0, 0, "the branch number")))
    return failure();
  Value index = n.in(0);
  ++n.legalizer.loopDepth;
  auto results = branches.choose(0, [&](unsigned k) {
    return n.b.compare(nn::CompareDirection::eq, index, n.b.scalar(k, n.elem(0)));
  });
  --n.legalizer.loopDepth;
  return giveAll(n, results);
}

const Rule kRules[] = {
    {"While", 0, whileLoop, "shapes of loop variables stay", true},
    {"StatelessWhile", 0, whileLoop, "shapes of loop variables stay", true},
    {"If", 1, ifThenElse, "both branches give one shape", true},
    {"StatelessIf", 1, ifThenElse, "both branches give one shape", true},
    {"Case", 1, caseOf, "all branches give one shape", true},
    {"StatelessCase", 1, caseOf, "all branches give one shape", true},
};
} // namespace

Table legalize::controlRules() { return kRules; }
