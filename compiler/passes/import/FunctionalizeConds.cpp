// Switch/Merge pairs to `If`. Each value has a state: the conditions (predicate
// and branch) under which it is alive. A Switch adds a condition, a Merge takes
// one away. Merges of one predicate form one `If`, unless one needs the result
// of another; the innermost go first.
#include "compiler/passes/import/Outline.h"

#include "mlir/Analysis/TopologicalSortUtils.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace ingot;
using graph::NodeOp;

namespace {

bool isSwitch(Operation *op) {
  auto node = dyn_cast_or_null<NodeOp>(op);
  return node && (node.isOp("Switch") || node.isOp("RefSwitch"));
}
bool isMerge(Operation *op) {
  auto node = dyn_cast_or_null<NodeOp>(op);
  return node && (node.isOp("Merge") || node.isOp("RefMerge"));
}

/// The predicate behind copies of it.
Value predicateOf(NodeOp node) {
  Value predicate = node.getInput(1);
  while (auto source = predicate.getDefiningOp<NodeOp>()) {
    if (!source.isOp("Identity"))
      break;
    predicate = source.getInput(0);
  }
  return predicate;
}

struct Condition {
  Value predicate;
  bool branch;
  bool operator==(const Condition &other) const {
    return predicate == other.predicate && branch == other.branch;
  }
};

/// Conditions in the order in which they were entered.
using Conditions = SmallVector<Condition, 4>;

/// Merges that become one `If`.
struct Join {
  Value predicate;
  Conditions outer;
  SmallVector<NodeOp> merges;
};

class CondFunctionalizer {
public:
  CondFunctionalizer(func::FuncOp func, SymbolTable &symbols) : func(func), symbols(symbols) {}
  LogicalResult run();

private:
  LogicalResult computeStates();
  LogicalResult visitMerge(NodeOp merge);
  Conditions stateOf(Value value) const {
    if (auto found = switchStates.find(value); found != switchStates.end())
      return found->second;
    return states.lookup(value.getDefiningOp());
  }
  std::vector<Join> groupMerges();
  bool dependsOn(NodeOp node, ArrayRef<NodeOp> sources);
  LogicalResult convert(Join &join);
  GraphSlice sliceOf(const Join &join, bool branch);
  Value inputOf(NodeOp merge, const Join &join, bool branch);

  func::FuncOp func;
  SymbolTable &symbols;
  llvm::DenseMap<Operation *, Conditions> states;
  llvm::DenseMap<Value, Conditions> switchStates; ///< of a Switch's outputs
  llvm::DenseMap<Operation *, Condition> merged;  ///< what a Merge takes away
};

LogicalResult CondFunctionalizer::visitMerge(NodeOp merge) {
  if (merge.getInputs().size() != 2)
    return merge.emitError() << "node '" << merge.getName() << "' (Merge) has "
                             << merge.getInputs().size()
                             << " inputs, expected the two of a conditional";
  Conditions a = stateOf(merge.getInput(0)), b = stateOf(merge.getInput(1));
  // The innermost condition that both have with different branches.
  for (const Condition &condition : llvm::reverse(a)) {
    Condition other{condition.predicate, !condition.branch};
    if (!llvm::is_contained(b, other))
      continue;
    merged[merge] = condition;
    Conditions state;
    for (const Condition &kept : a)
      if (!(kept == condition))
        state.push_back(kept);
    states[merge] = state;
    return success();
  }
  return merge.emitError() << "node '" << merge.getName()
                           << "' (Merge) does not join the two branches of a "
                              "conditional";
}

LogicalResult CondFunctionalizer::computeStates() {
  for (Operation &op : func.getBody().front()) {
    if (isMerge(&op)) {
      if (failed(visitMerge(cast<NodeOp>(op))))
        return failure();
      continue;
    }
    Conditions state;
    for (Value operand : op.getOperands())
      for (const Condition &condition : stateOf(operand)) {
        if (llvm::is_contained(state, condition))
          continue;
        if (llvm::is_contained(state, Condition{condition.predicate, !condition.branch}))
          return op.emitError() << "node '" << graph::nodeNameOf(op.getLoc())
                                << "' depends on both branches of a "
                                   "conditional: it never runs";
        state.push_back(condition);
      }
    if (op.hasTrait<OpTrait::IsTerminator>() && !state.empty())
      return op.emitError() << "a result of '" << func.getName()
                            << "' exists only under a condition: a Merge is "
                               "missing";
    if (isSwitch(&op)) {
      auto node = cast<NodeOp>(op);
      for (bool branch : {false, true}) {
        Conditions inner = state;
        inner.push_back({predicateOf(node), branch});
        switchStates[node.getOutput(branch)] = inner;
      }
    }
    states[&op] = state;
  }
  return success();
}

bool CondFunctionalizer::dependsOn(NodeOp node, ArrayRef<NodeOp> sources) {
  llvm::SmallPtrSet<Operation *, 32> wanted(sources.begin(), sources.end()), seen;
  SmallVector<Operation *> work = {node};
  while (!work.empty()) {
    Operation *op = work.pop_back_val();
    for (Value operand : op->getOperands()) {
      Operation *source = operand.getDefiningOp();
      if (!source || !seen.insert(source).second)
        continue;
      if (wanted.contains(source))
        return true;
      work.push_back(source);
    }
  }
  return false;
}

std::vector<Join> CondFunctionalizer::groupMerges() {
  std::vector<Join> joins;
  for (auto node : func.getOps<NodeOp>()) {
    if (!isMerge(node))
      continue;
    Value predicate = merged[node].predicate;
    Conditions &outer = states[node];
    auto fits = [&](Join &join) { return join.predicate == predicate && join.outer == outer; };
    // The newest group of that predicate, if this merge does not need it.
    auto newest = std::find_if(joins.rbegin(), joins.rend(), fits);
    if (newest != joins.rend() && !dependsOn(node, newest->merges))
      newest->merges.push_back(node);
    else
      joins.push_back({predicate, outer, {node}});
  }
  llvm::stable_sort(joins,
                    [](const Join &a, const Join &b) { return a.outer.size() > b.outer.size(); });
  return joins;
}

GraphSlice CondFunctionalizer::sliceOf(const Join &join, bool branch) {
  Condition condition{join.predicate, branch};
  auto inside = [this, condition](Operation *op) {
    return op && llvm::is_contained(states.lookup(op), condition);
  };
  auto keyOf = [inside, condition](Value value) -> Value {
    Operation *source = value.getDefiningOp();
    if (inside(source))
      return Value();
    // The Switch of this conditional hands its input in.
    if (isSwitch(source) && predicateOf(cast<NodeOp>(source)) == condition.predicate)
      return source->getOperand(0);
    return value;
  };
  return GraphSlice(keyOf, inside);
}

/// The input of a merge that comes from one branch.
Value CondFunctionalizer::inputOf(NodeOp merge, const Join &join, bool branch) {
  Condition condition{join.predicate, branch};
  for (Value input : merge.getInputs())
    if (llvm::is_contained(stateOf(input), condition))
      return input;
  return Value();
}

/// Constants 0 and 1 for the second output of a merge: which input it took.
static Value valueIndex(OpBuilder &builder, NodeOp merge, int32_t index) {
  Type type = builder.getI32Type();
  return NodeOp::create(
             builder, merge.getLoc(), "Const", TypeRange(UnrankedTensorType::get(type)),
             ValueRange(),
             {builder.getNamedAttr("dtype", TypeAttr::get(type)),
              builder.getNamedAttr("value",
                                   DenseElementsAttr::get(RankedTensorType::get({}, type), index))},
             merge.getName())
      .getOutput(0);
}

LogicalResult CondFunctionalizer::convert(Join &join) {
  NodeOp first = join.merges.front();
  OpBuilder builder(func.getBody().front().getTerminator());
  llvm::SetVector<Value> keys;
  GraphSlice slices[2] = {sliceOf(join, false), sliceOf(join, true)};
  SmallVector<Value> roots[2];
  SmallVector<Value> replaced; ///< what each result stands for
  for (NodeOp merge : join.merges) {
    replaced.push_back(merge.getOutput(0));
    for (bool branch : {false, true})
      roots[branch].push_back(inputOf(merge, join, branch));
  }
  for (bool branch : {false, true})
    slices[branch].collect(roots[branch], keys);

  std::string name = first.getName().rsplit('/').first.str();
  func::FuncOp funcs[2];
  for (bool branch : {false, true})
    funcs[branch] = slices[branch].build(name + (branch ? "_then" : "_else"), first.getLoc(),
                                         roots[branch], keys, symbols);
  for (NodeOp merge : join.merges) {
    if (merge.getOutputs().size() < 2 || merge.getOutput(1).use_empty())
      continue;
    replaced.push_back(merge.getOutput(1));
    for (bool branch : {false, true}) {
      Operation *terminator = funcs[branch].getBody().front().getTerminator();
      OpBuilder inner(terminator);
      int32_t index = merge.getInput(1) == inputOf(merge, join, branch);
      terminator->insertOperands(terminator->getNumOperands(), valueIndex(inner, merge, index));
      funcs[branch].setFunctionType(
          inner.getFunctionType(funcs[branch].getArgumentTypes(), terminator->getOperandTypes()));
    }
  }

  SmallVector<Value> operands = {join.predicate};
  llvm::append_range(operands, keys);
  SmallVector<Type> types = unrankedTypes(ValueRange(replaced).getTypes());
  MLIRContext *context = builder.getContext();
  SmallVector<NamedAttribute> attrs = {
      builder.getNamedAttr("Tcond", TypeAttr::get(graph::elementTypeOf(join.predicate))),
      builder.getNamedAttr("Tin", typeListAttr(context, ValueRange(keys.getArrayRef()).getTypes())),
      builder.getNamedAttr("Tout", typeListAttr(context, types)),
      builder.getNamedAttr("then_branch", FlatSymbolRefAttr::get(funcs[true])),
      builder.getNamedAttr("else_branch", FlatSymbolRefAttr::get(funcs[false]))};
  // Order against what the branches and the merges wait for.
  for (GraphSlice &slice : slices)
    for (Value control : slice.controls)
      if (!isSwitch(control.getDefiningOp()) && !llvm::is_contained(operands, control))
        operands.push_back(control);
  for (NodeOp merge : join.merges)
    llvm::append_range(operands, merge.getControlInputs());
  types.push_back(graph::ControlType::get(context));
  auto node = NodeOp::create(builder, NameLoc::get(builder.getStringAttr(name)), types,
                             builder.getStringAttr("If"), builder.getStringAttr(name),
                             builder.getDictionaryAttr(attrs), StringAttr(), operands);
  states[node] = join.outer;
  for (auto [i, value] : llvm::enumerate(replaced))
    value.replaceAllUsesWith(node.getOutput(i));
  for (NodeOp merge : join.merges) {
    if (Value control = merge.getControl())
      control.replaceAllUsesWith(node.getControl());
    states.erase(merge);
    merge.erase();
  }
  // What moved is gone unless something else needs it as well.
  for (GraphSlice &slice : slices) {
    auto moved = llvm::to_vector(slice.nodes);
    llvm::sort(moved, [](Operation *a, Operation *b) { return b->isBeforeInBlock(a); });
    for (Operation *op : moved)
      if (op->use_empty()) {
        states.erase(op);
        op->erase();
      }
  }
  if (!sortTopologically(&func.getBody().front()))
    return func.emitError() << "conditional '" << name << "' depends on its own result";
  return success();
}

LogicalResult CondFunctionalizer::run() {
  if (failed(computeStates()))
    return failure();
  auto joins = groupMerges();
  for (Join &join : joins)
    if (failed(convert(join)))
      return failure();
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(func.getBody().front()))) {
    if (states.lookup(&op).empty() && !isSwitch(&op))
      continue;
    if (!op.use_empty())
      return op.emitError() << "node '" << graph::nodeNameOf(op.getLoc())
                            << "' runs only under a condition, but what needs "
                               "it always runs: a Merge is missing";
    op.erase();
  }
  return success();
}

} // namespace

LogicalResult ingot::functionalizeConds(func::FuncOp func, SymbolTable &symbols) {
  return CondFunctionalizer(func, symbols).run();
}
