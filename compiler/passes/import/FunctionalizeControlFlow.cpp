// TensorFlow 1 control flow (also that of lowered TensorFlow 2 graphs) becomes
// functional: each loop frame (Enter, Merge, LoopCond, Switch, NextIteration,
// Exit) one `While` with two new functions, innermost frames first; then the
// Switch/Merge pairs of every body become `If` (FunctionalizeConds.cpp).
#include "compiler/passes/import/Outline.h"
#include "compiler/passes/import/Passes.h"

#include "mlir/Analysis/TopologicalSortUtils.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace ingot;
using graph::NodeOp;

namespace {

bool isOneOf(Operation *op, StringRef name) {
  auto node = dyn_cast_or_null<NodeOp>(op);
  return node && (node.isOp(name) || node.getOp() == ("Ref" + name).str());
}

/// A loop: one frame name inside one parent frame.
struct Frame {
  std::string name;
  int parent = -1; ///< index of the enclosing frame; -1: the body itself
  SmallVector<NodeOp> enters, exits;
  SmallVector<Operation *> members; ///< all but the exits
  NodeOp loopCond;
};

/// One loop-carried value.
struct LoopVariable {
  mutable NodeOp enter, merge, next, exit;
};

/// Finds and converts the frames of one function.
class LoopFunctionalizer {
public:
  LoopFunctionalizer(func::FuncOp func, SymbolTable &symbols) : func(func), symbols(symbols) {}
  LogicalResult run();

private:
  LogicalResult findFrames();
  LogicalResult convert(int frame);
  /// The node that takes the loop's place, with `operands` as first values.
  NodeOp makeWhile(Frame &frame, StringRef name, func::FuncOp cond, func::FuncOp body,
                   SmallVector<Value> operands);
  LogicalResult findVariables(Frame &frame, SmallVectorImpl<LoopVariable> &vars,
                              SmallVectorImpl<NodeOp> &switches);
  void replace(Frame &frame, ArrayRef<LoopVariable> variables, NodeOp loop);
  int depth(int frame) const { return frame < 0 ? 0 : 1 + depth(frames[frame].parent); }

  func::FuncOp func;
  SymbolTable &symbols;
  std::vector<Frame> frames;
  llvm::DenseMap<Operation *, int> frameOf; ///< of a node's results
  llvm::StringMap<NodeOp> byName;
};

LogicalResult LoopFunctionalizer::findFrames() {
  std::map<std::pair<int, std::string>, int> known;
  for (Operation &op : func.getBody().front()) {
    auto node = dyn_cast<NodeOp>(op);
    if (node)
      byName[node.getName()] = node;
    int inner = -1;
    for (Value operand : op.getOperands()) {
      Operation *source = operand.getDefiningOp();
      auto found = source ? frameOf.find(source) : frameOf.end();
      if (found != frameOf.end() && depth(found->second) > depth(inner))
        inner = found->second;
    }
    if (node && isOneOf(node, "Enter")) {
      StringRef name = node.stringAttr("frame_name").value_or("");
      auto [entry, isNew] = known.try_emplace({inner, name.str()}, frames.size());
      if (isNew) {
        frames.emplace_back();
        frames.back().name = name.str();
        frames.back().parent = inner;
      }
      inner = entry->second;
      frames[inner].enters.push_back(node);
    }
    if (inner < 0)
      continue;
    Frame &frame = frames[inner];
    if (node && isOneOf(node, "Exit")) {
      frame.exits.push_back(node);
      frameOf[&op] = frame.parent;
      if (frame.parent >= 0)
        frames[frame.parent].members.push_back(&op);
      continue;
    }
    if (op.hasTrait<OpTrait::IsTerminator>())
      return op.emitError() << "the value of loop '" << frame.name
                            << "' leaves it without an Exit node";
    if (node && node.isOp("LoopCond")) {
      if (frame.loopCond)
        return node.emitError() << "loop '" << frame.name << "' has two LoopCond nodes";
      frame.loopCond = node;
    }
    frameOf[&op] = inner;
    frame.members.push_back(&op);
  }
  return success();
}

LogicalResult LoopFunctionalizer::findVariables(Frame &frame,
                                                SmallVectorImpl<LoopVariable> &variables,
                                                SmallVectorImpl<NodeOp> &switches) {
  llvm::DenseMap<Operation *, unsigned> byMerge;
  for (NodeOp enter : frame.enters) {
    if (enter.boolAttr("is_constant").value_or(false))
      continue;
    LoopVariable variable;
    variable.enter = enter;
    for (Operation *user : enter.getOutput(0).getUsers())
      if (isOneOf(user, "Merge"))
        variable.merge = cast<NodeOp>(user);
    graph::BackedgeOp back;
    if (variable.merge)
      for (Value input : variable.merge.getInputs())
        if (auto op = input.getDefiningOp<graph::BackedgeOp>())
          back = op;
    variable.next = back ? byName.lookup(back.getNode()) : NodeOp();
    if (!variable.next || !isOneOf(variable.next, "NextIteration"))
      return enter.emitError() << "loop '" << frame.name << "': node '" << enter.getName()
                               << "' starts no loop variable (Merge and NextIteration expected)";
    byMerge[variable.merge] = variables.size();
    variables.push_back(variable);
  }
  for (Operation *member : frame.members) {
    auto node = dyn_cast<NodeOp>(member);
    if (!node || !isOneOf(node, "Switch") || node.getInput(1).getDefiningOp() != frame.loopCond)
      continue;
    auto merge = byMerge.find(node.getInput(0).getDefiningOp());
    if (merge == byMerge.end())
      return node.emitError() << "loop '" << frame.name << "': node '" << node.getName()
                              << "' switches no loop variable";
    switches.push_back(node);
    for (Operation *user : node.getOutput(0).getUsers())
      if (isOneOf(user, "Exit"))
        variables[merge->second].exit = cast<NodeOp>(user);
  }
  return success();
}

/// `a/b/while/LoopCond` and `a/b/while/LoopCond/_7` give `a/b/while`.
static std::string loopName(NodeOp loopCond) {
  StringRef name = loopCond.getName();
  return name.take_front(name.find("/LoopCond")).str();
}

void LoopFunctionalizer::replace(Frame &frame, ArrayRef<LoopVariable> variables, NodeOp loop) {
  for (auto [i, variable] : llvm::enumerate(variables))
    if (NodeOp exit = variable.exit)
      exit.getOutput(0).replaceAllUsesWith(loop.getOutput(i));
  for (NodeOp exit : frame.exits)
    if (Value control = exit.getControl())
      control.replaceAllUsesWith(loop.getControl());
  llvm::SmallPtrSet<Operation *, 16> gone;
  gone.insert(frame.exits.begin(), frame.exits.end());
  gone.insert(frame.members.begin(), frame.members.end());
  for (const LoopVariable &variable : variables)
    for (Value input : variable.merge->getOperands())
      if (auto back = input.getDefiningOp<graph::BackedgeOp>())
        gone.insert(back);
  if (frame.parent >= 0) {
    auto &siblings = frames[frame.parent].members;
    llvm::erase_if(siblings, [&](Operation *op) { return gone.contains(op); });
    siblings.push_back(loop);
    frameOf[loop] = frame.parent;
  }
  for (Operation *op : gone)
    op->dropAllReferences();
  for (Operation *op : gone) {
    if (auto node = dyn_cast<NodeOp>(op))
      byName.erase(node.getName());
    frameOf.erase(op);
    op->dropAllUses();
    op->erase();
  }
}

LogicalResult LoopFunctionalizer::convert(int index) {
  Frame &frame = frames[index];
  if (!frame.loopCond)
    return func.emitError() << "loop '" << frame.name << "' has no LoopCond node";
  SmallVector<LoopVariable> variables;
  SmallVector<NodeOp> switches;
  if (failed(findVariables(frame, variables, switches)))
    return failure();

  // Arguments of both functions: the variables (keyed by their merges), then
  // constants of the loop (keyed by their enters).
  llvm::DenseSet<Value> merges, constants;
  llvm::DenseMap<Value, Value> initial;
  llvm::SetVector<Value> keys;
  for (LoopVariable &variable : variables) {
    Value merge = variable.merge.getOutput(0);
    merges.insert(merge);
    initial[merge] = variable.enter.getInput(0);
    keys.insert(merge);
  }
  for (NodeOp enter : frame.enters) {
    if (!enter.boolAttr("is_constant").value_or(false))
      continue;
    constants.insert(enter.getOutput(0));
    initial[enter.getOutput(0)] = enter.getInput(0);
  }
  llvm::SmallPtrSet<Operation *, 16> borders(switches.begin(), switches.end());
  borders.insert(frame.enters.begin(), frame.enters.end());
  for (LoopVariable &variable : variables)
    borders.insert(variable.merge);
  borders.insert(frame.loopCond);
  auto inFrame = [&](Operation *op) {
    auto found = frameOf.find(op);
    return found != frameOf.end() && found->second == index;
  };
  auto keyOf = [&](Value value) -> Value {
    Operation *source = value.getDefiningOp();
    if (merges.contains(value) || constants.contains(value))
      return value;
    if (source && llvm::is_contained(switches, source))
      return source->getOperand(0); // the value of the variable
    return source && inFrame(source) ? Value() : value;
  };
  auto moves = [&](Operation *op) { return inFrame(op) && !borders.contains(op); };

  SmallVector<Value> condRoots = {frame.loopCond.getInput(0)}, bodyRoots;
  GraphSlice cond(keyOf, moves), body(keyOf, moves);
  for (LoopVariable &variable : variables) {
    bodyRoots.push_back(variable.next.getInput(0));
    // Effects that an iteration waits for.
    for (Value control : variable.next.getControlInputs())
      body.collect(control, keys);
  }
  cond.collect(condRoots, keys);
  body.collect(bodyRoots, keys);
  for (Value key : keys.getArrayRef().drop_front(variables.size()))
    bodyRoots.push_back(key);

  std::string name = loopName(frame.loopCond);
  Location loc = frame.loopCond.getLoc();
  auto condFunc = cond.build(name + "_cond", loc, condRoots, keys, symbols);
  auto bodyFunc = body.build(name + "_body", loc, bodyRoots, keys, symbols);

  SmallVector<Value> operands;
  for (Value key : keys)
    operands.push_back(initial.count(key) ? initial[key] : key);
  NodeOp loop = makeWhile(frame, name, condFunc, bodyFunc, operands);
  replace(frame, variables, loop);
  if (!sortTopologically(&func.getBody().front()))
    return loop.emitError() << "loop '" << name << "' depends on its own result";
  return success();
}

NodeOp LoopFunctionalizer::makeWhile(Frame &frame, StringRef name, func::FuncOp cond,
                                     func::FuncOp body, SmallVector<Value> operands) {
  OpBuilder builder(func.getBody().front().getTerminator());
  SmallVector<Type> types = unrankedTypes(ValueRange(operands).getTypes());
  ArrayAttr typeList = typeListAttr(builder.getContext(), types);
  for (NodeOp enter : frame.enters)
    llvm::append_range(operands, enter.getControlInputs());
  types.push_back(graph::ControlType::get(builder.getContext()));
  return NodeOp::create(
      builder, NameLoc::get(builder.getStringAttr(name)), types, builder.getStringAttr("While"),
      builder.getStringAttr(name),
      builder.getDictionaryAttr({builder.getNamedAttr("T", typeList),
                                 builder.getNamedAttr("body", FlatSymbolRefAttr::get(body)),
                                 builder.getNamedAttr("cond", FlatSymbolRefAttr::get(cond))}),
      StringAttr(), operands);
}

LogicalResult LoopFunctionalizer::run() {
  if (failed(findFrames()))
    return failure();
  auto order = llvm::to_vector(llvm::seq<int>(0, frames.size()));
  llvm::stable_sort(order, [&](int a, int b) { return depth(a) > depth(b); });
  for (int frame : order)
    if (failed(convert(frame)))
      return failure();
  for (auto back : func.getOps<graph::BackedgeOp>())
    return back.emitError() << "node '" << back.getNode() << "' is the NextIteration of no loop";
  return success();
}

struct FunctionalizeControlFlow : PassWrapper<FunctionalizeControlFlow, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(FunctionalizeControlFlow)

  StringRef getArgument() const override { return "functionalize-control-flow"; }
  StringRef getDescription() const override {
    return "Turn TensorFlow 1 loops and conditionals into While and If";
  }

  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    SmallVector<func::FuncOp> funcs;
    for (auto func : getOperation().getOps<func::FuncOp>())
      if (!func.isExternal() && usesFrames(func))
        funcs.push_back(func);
    for (func::FuncOp func : funcs)
      if (failed(LoopFunctionalizer(func, symbols).run()))
        return signalPassFailure();
    // Bodies of the new loops hold conditionals too.
    for (auto func : llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>()))
      if (!func.isExternal() && usesFrames(func) && failed(functionalizeConds(func, symbols)))
        return signalPassFailure();
  }

  static bool usesFrames(func::FuncOp func) {
    return llvm::any_of(func.getBody().front(), [](Operation &op) {
      return isOneOf(&op, "Enter") || isOneOf(&op, "Switch") || isOneOf(&op, "Merge") ||
             isa<graph::BackedgeOp>(op);
    });
  }
};

} // namespace

std::unique_ptr<Pass> ingot::createFunctionalizeControlFlowPass() {
  return std::make_unique<FunctionalizeControlFlow>();
}
