// Makes variables explicit. Walking a signature in order, each read becomes the
// variable's current value and each assignment the new current value; values on
// entry are arguments, changed values on exit are results (`ingot.variable`).
// Loops and branches that take a handle get a copy of their functions with the
// variable as a further carried value. `graph.variable` becomes `nn.variable`.
#include "compiler/passes/import/Outline.h"
#include "compiler/passes/import/Passes.h"

#include "compiler/dialects/Graph/Graph.h"
#include "compiler/dialects/Nn/Nn.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace ingot;
using graph::NodeOp;

namespace {

/// Values of variables at one point of one body.
struct State {
  /// Value now, and value on entry of the body, by symbol.
  llvm::MapVector<StringAttr, Value> current, entry;
  llvm::SetVector<StringAttr> changed;
};

bool isLoop(NodeOp node) { return node.isOp("While") || node.isOp("StatelessWhile"); }
bool isIf(NodeOp node) { return node.isOp("If") || node.isOp("StatelessIf"); }
bool isCase(NodeOp node) { return node.isOp("Case") || node.isOp("StatelessCase"); }

/// Rewrites one body; nested bodies are rewritten by nested resolvers.
class BodyResolver {
public:
  /// `entryValue` gives the value of a variable on entry of the body, or null
  /// after a diagnostic.
  using EntryValue = llvm::function_ref<Value(StringAttr, Operation *)>;

  BodyResolver(func::FuncOp func, SymbolTable &symbols, EntryValue entryValue)
      : func(func), symbols(symbols), entryValue(entryValue) {}

  /// The argument is a handle of the variable.
  void bindArgument(unsigned index, StringAttr symbol) {
    handles[func.getArgument(index)] = symbol;
  }
  LogicalResult run();
  StringAttr handleOf(Value value) const { return handles.lookup(value); }

  State state;

private:
  LogicalResult visit(NodeOp node);
  LogicalResult visitHandleUser(NodeOp node, StringAttr symbol);
  LogicalResult readInitialValues(NodeOp node);
  LogicalResult visitLoop(NodeOp node);
  LogicalResult visitBranches(NodeOp node);
  Value read(StringAttr symbol, Operation *user);
  void assign(StringAttr symbol, Value value);
  /// A new node in front of `node`, with its location and name.
  Value create(NodeOp node, StringRef op, ValueRange operands, ArrayRef<NamedAttribute> attrs,
               Type elementType);
  Value constantIndex(NodeOp node, int32_t value);
  LogicalResult scatter(NodeOp node, StringAttr symbol, StringRef op);
  LogicalResult gather(NodeOp node, StringAttr symbol);
  NamedAttribute named(StringRef name, Attribute value) {
    return {StringAttr::get(func.getContext(), name), value};
  }

  func::FuncOp func;
  SymbolTable &symbols;
  EntryValue entryValue;
  llvm::DenseMap<Value, StringAttr> handles; ///< handles and references
};

Value BodyResolver::read(StringAttr symbol, Operation *user) {
  auto found = state.current.find(symbol);
  if (found != state.current.end())
    return found->second;
  Value value = entryValue(symbol, user);
  if (value) {
    state.entry[symbol] = value;
    state.current[symbol] = value;
  }
  return value;
}

void BodyResolver::assign(StringAttr symbol, Value value) {
  state.current[symbol] = value;
  state.changed.insert(symbol);
}

Value BodyResolver::create(NodeOp node, StringRef op, ValueRange operands,
                           ArrayRef<NamedAttribute> attrs, Type elementType) {
  OpBuilder builder(node);
  return NodeOp::create(builder, node.getLoc(), op, TypeRange(UnrankedTensorType::get(elementType)),
                        operands, attrs, node.getName())
      .getOutput(0);
}

Value BodyResolver::constantIndex(NodeOp node, int32_t value) {
  Builder b(node.getContext());
  Type i32 = b.getI32Type();
  Attribute constant = DenseElementsAttr::get(RankedTensorType::get({}, i32), value);
  return create(node, "Const", {}, {named("dtype", TypeAttr::get(i32)), named("value", constant)},
                i32);
}

LogicalResult BodyResolver::gather(NodeOp node, StringAttr symbol) {
  Value value = read(symbol, node);
  if (!value)
    return failure();
  Type element = graph::elementTypeOf(value);
  Attribute indices = TypeAttr::get(graph::elementTypeOf(node.getInput(1)));
  Value result;
  if (node.isOp("ResourceGatherNd")) {
    result =
        create(node, "GatherNd", {value, node.getInput(1)},
               {named("Tparams", TypeAttr::get(element)), named("Tindices", indices)}, element);
  } else {
    int32_t batchDims = node.intAttr("batch_dims").value_or(0);
    Builder b(node.getContext());
    result = create(node, "GatherV2", {value, node.getInput(1), constantIndex(node, batchDims)},
                    {named("Tparams", TypeAttr::get(element)), named("Tindices", indices),
                     named("Taxis", TypeAttr::get(b.getI32Type())),
                     named("batch_dims", b.getI64IntegerAttr(batchDims))},
                    element);
  }
  node.getOutput(0).replaceAllUsesWith(result);
  return success();
}

/// ResourceScatterX indexes rows; TensorScatterX takes the indices as the last
/// dimension.
LogicalResult BodyResolver::scatter(NodeOp node, StringAttr symbol, StringRef op) {
  Value value = read(symbol, node);
  if (!value)
    return failure();
  Type element = graph::elementTypeOf(value);
  Value indices = node.getInput(1);
  Type index = graph::elementTypeOf(indices);
  if (node.getOp().starts_with("ResourceScatter") && !node.getOp().contains("Nd"))
    indices = create(node, "ExpandDims", {indices, constantIndex(node, -1)},
                     {named("T", TypeAttr::get(index)),
                      named("Tdim", TypeAttr::get(IntegerType::get(node.getContext(), 32)))},
                     index);
  assign(symbol,
         create(node, op, {value, indices, node.getInput(2)},
                {named("T", TypeAttr::get(element)), named("Tindices", TypeAttr::get(index))},
                element));
  return success();
}

LogicalResult BodyResolver::visitHandleUser(NodeOp node, StringAttr symbol) {
  StringRef op = node.getOp();
  // Hands the handle on.
  if (op == "Identity" && isa<graph::ResourceType>(graph::elementTypeOf(node.getOutput(0)))) {
    handles[node.getOutput(0)] = symbol;
    return success();
  }
  if (op == "AssignVariableOp" || op == "Assign") {
    assign(symbol, node.getInput(1));
    if (op == "Assign")
      handles[node.getOutput(0)] = symbol;
    return success();
  }
  StringRef arithmetic = llvm::StringSwitch<StringRef>(op)
                             .Cases({"AssignAddVariableOp", "AssignAdd"}, "AddV2")
                             .Cases({"AssignSubVariableOp", "AssignSub"}, "Sub")
                             .Default("");
  if (!arithmetic.empty()) {
    Value value = read(symbol, node);
    if (!value)
      return failure();
    Type element = graph::elementTypeOf(node.getInput(1));
    assign(symbol, create(node, arithmetic, {value, node.getInput(1)},
                          {named("T", TypeAttr::get(element))}, element));
    if (node->getNumResults() > 0)
      handles[node.getOutput(0)] = symbol;
    return success();
  }
  if (op == "ReadVariableOp") {
    Value value = read(symbol, node);
    if (!value)
      return failure();
    node.getOutput(0).replaceAllUsesWith(value);
    return success();
  }
  if (op == "VarIsInitializedOp" || op == "IsVariableInitialized") {
    Builder b(node.getContext());
    Attribute yes = DenseElementsAttr::get(RankedTensorType::get({}, b.getI1Type()), true);
    node.getOutput(0).replaceAllUsesWith(
        create(node, "Const", {},
               {named("dtype", TypeAttr::get(b.getI1Type())), named("value", yes)}, b.getI1Type()));
    return success();
  }
  if (op == "VariableShape") {
    Value value = read(symbol, node);
    if (!value)
      return failure();
    node.getOutput(0).replaceAllUsesWith(
        create(node, "Shape", {value},
               {named("T", TypeAttr::get(graph::elementTypeOf(value))),
                named("out_type", node.attr("out_type"))},
               node.typeAttr("out_type")));
    return success();
  }
  if (op == "ResourceGather" || op == "ResourceGatherNd")
    return gather(node, symbol);
  StringRef scatterOp =
      llvm::StringSwitch<StringRef>(op)
          .Cases({"ResourceScatterAdd", "ResourceScatterNdAdd"}, "TensorScatterAdd")
          .Cases({"ResourceScatterSub", "ResourceScatterNdSub"}, "TensorScatterSub")
          .Cases({"ResourceScatterUpdate", "ResourceScatterNdUpdate"}, "TensorScatterUpdate")
          .Case("ResourceScatterMin", "TensorScatterMin")
          .Case("ResourceScatterMax", "TensorScatterMax")
          .Default("");
  if (!scatterOp.empty())
    return scatter(node, symbol, scatterOp);
  return node.emitError() << "node '" << node.getName() << "' (" << op << ") uses the variable '"
                          << symbol.getValue() << "' in a way that is not supported";
}

LogicalResult BodyResolver::visit(NodeOp node) {
  if (auto symbol = node->getAttrOfType<FlatSymbolRefAttr>("ingot.variable")) {
    handles[node.getOutput(0)] = symbol.getAttr();
    return success();
  }
  bool usesHandle = llvm::any_of(node.getInputs(), [&](Value v) { return handles.count(v) != 0; });
  if (!usesHandle)
    return success();
  if (isLoop(node))
    return visitLoop(node);
  if (isIf(node) || isCase(node))
    return visitBranches(node);
  // A reference (TensorFlow 1) is read where it is used as data; the target of
  // an assignment is not.
  StringRef op = node.getOp();
  bool isTarget = op.starts_with("Assign") || op == "IsVariableInitialized";
  for (OpOperand &operand : node->getOpOperands()) {
    StringAttr symbol = handles.lookup(operand.get());
    Type element = graph::elementTypeOf(operand.get());
    if (!symbol || isa<graph::ResourceType>(element) ||
        (isTarget && operand.getOperandNumber() == 0))
      continue;
    Value value = read(symbol, node);
    if (!value)
      return failure();
    operand.set(value);
  }
  for (unsigned i = 0, e = node.getInputs().size(); i < e; ++i)
    if (StringAttr symbol = handles.lookup(node.getInput(i))) {
      if (i != 0)
        return node.emitError() << "node '" << node.getName() << "' (" << op
                                << ") uses the variable '" << symbol.getValue()
                                << "' in a way that is not supported";
      return visitHandleUser(node, symbol);
    }
  return success();
}

/// Operands of a loop or branch, split in data and variables.
struct Operands {
  SmallVector<Value> data;
  llvm::SetVector<StringAttr> variables;
};

/// A copy of a body for one call site, its handle arguments replaced by values.
struct Specialized {
  func::FuncOp func;
  SmallVector<StringAttr> resultHandles; ///< by old result; null for data
  llvm::SetVector<StringAttr> changed;
  State state;
};

class Specializer {
public:
  Specializer(NodeOp node, SymbolTable &symbols, ValueRange operands,
              llvm::function_ref<StringAttr(Value)> handleOf)
      : node(node), symbols(symbols), operands(operands), handleOf(handleOf) {
    for (Value operand : operands)
      if (StringAttr symbol = handleOf(operand))
        variables.insert(symbol);
  }

  FailureOr<Specialized> run(FlatSymbolRefAttr name);
  /// Ends the copy: data results, then the values of `carried`.
  void finish(Specialized &copy, ArrayRef<StringAttr> carried);

  llvm::SetVector<StringAttr> variables;

private:
  NodeOp node;
  SymbolTable &symbols;
  ValueRange operands;
  llvm::function_ref<StringAttr(Value)> handleOf;
};

FailureOr<Specialized> Specializer::run(FlatSymbolRefAttr name) {
  auto original = name ? symbols.lookup<func::FuncOp>(name.getValue()) : func::FuncOp();
  if (!original || original.getNumArguments() != operands.size()) {
    node.emitError() << "node '" << node.getName() << "' (" << node.getOp()
                     << ") has no matching function " << name;
    return failure();
  }
  Specialized copy;
  copy.func = original.clone();
  symbols.insert(copy.func);
  Block &body = copy.func.getBody().front();
  llvm::DenseMap<StringAttr, Value> entry;
  for (StringAttr symbol : variables) {
    auto *variable = symbols.lookup(symbol);
    Type type = UnrankedTensorType::get(
        cast<ShapedType>(cast<graph::VariableOp>(variable).getType()).getElementType());
    entry[symbol] = body.addArgument(type, node.getLoc());
  }
  auto entryValue = [&](StringAttr symbol, Operation *user) -> Value {
    auto found = entry.find(symbol);
    if (found != entry.end())
      return found->second;
    user->emitError() << "the variable '" << symbol.getValue()
                      << "' is not handed to the loop or branch that uses it";
    return Value();
  };
  BodyResolver resolver(copy.func, symbols, entryValue);
  for (auto [i, operand] : llvm::enumerate(operands))
    if (StringAttr symbol = handleOf(operand))
      resolver.bindArgument(i, symbol);
  if (failed(resolver.run()))
    return failure();
  copy.changed = resolver.state.changed;
  copy.state = resolver.state;
  for (StringAttr symbol : variables)
    if (!copy.state.current.count(symbol))
      copy.state.current[symbol] = entry[symbol];
  for (Value result : body.getTerminator()->getOperands())
    copy.resultHandles.push_back(resolver.handleOf(result));
  return copy;
}

void Specializer::finish(Specialized &copy, ArrayRef<StringAttr> carried) {
  Block &body = copy.func.getBody().front();
  Operation *terminator = body.getTerminator();
  SmallVector<Value> results;
  for (auto [i, result] : llvm::enumerate(terminator->getOperands()))
    if (!copy.resultHandles[i])
      results.push_back(result);
  for (StringAttr symbol : carried)
    results.push_back(copy.state.current[symbol]);
  terminator->setOperands(results);
  // Handle arguments: their users are gone.
  for (unsigned i = operands.size(); i-- > 0;)
    if (handleOf(operands[i])) {
      BlockArgument argument = body.getArgument(i);
      for (Operation *user : llvm::make_early_inc_range(argument.getUsers()))
        user->erase();
      body.eraseArgument(i);
    }
  copy.func.setFunctionType(FunctionType::get(copy.func.getContext(), body.getArgumentTypes(),
                                              ValueRange(results).getTypes()));
  copy.func->removeAttr(copy.func.getArgAttrsAttrName());
  copy.func->removeAttr(copy.func.getResAttrsAttrName());
}

/// A reference that a loop starts with and replaces by other values is data.
LogicalResult BodyResolver::readInitialValues(NodeOp node) {
  FlatSymbolRefAttr name = node.funcAttr("body");
  auto body = name ? symbols.lookup<func::FuncOp>(name.getValue()) : nullptr;
  if (!body)
    return success();
  Block &block = body.getBody().front();
  for (auto [i, value] : llvm::enumerate(node.getInputs())) {
    StringAttr symbol = handles.lookup(value);
    if (!symbol || isa<graph::ResourceType>(graph::elementTypeOf(value)) ||
        i >= block.getNumArguments() ||
        block.getTerminator()->getOperand(i) == block.getArgument(i))
      continue;
    Value current = read(symbol, node);
    if (!current)
      return failure();
    node->setOperand(i, current);
  }
  return success();
}

LogicalResult BodyResolver::visitLoop(NodeOp node) {
  if (failed(readInitialValues(node)))
    return failure();
  auto handleOf = [&](Value value) { return handles.lookup(value); };
  Specializer specializer(node, symbols, node.getInputs(), handleOf);
  auto cond = specializer.run(node.funcAttr("cond"));
  auto body = specializer.run(node.funcAttr("body"));
  if (failed(cond) || failed(body))
    return failure();
  if (!cond->changed.empty())
    return node.emitError() << "the condition of loop '" << node.getName()
                            << "' assigns the variable '" << cond->changed.front().getValue()
                            << "', which is not supported";
  ArrayRef<StringAttr> carried = specializer.variables.getArrayRef();
  SmallVector<Value> operands;
  SmallVector<unsigned> kept; ///< old result number of each data result
  for (auto [i, value] : llvm::enumerate(node.getInputs())) {
    StringAttr symbol = handles.lookup(value);
    if (symbol && body->resultHandles[i] != symbol)
      return node.emitError() << "loop '" << node.getName() << "' exchanges the variable '"
                              << symbol.getValue() << "' for another value";
    if (symbol)
      continue;
    operands.push_back(value);
    kept.push_back(i);
  }
  for (StringAttr symbol : carried) {
    Value value = read(symbol, node);
    if (!value)
      return failure();
    operands.push_back(value);
  }
  specializer.finish(*cond, {});
  specializer.finish(*body, carried);

  OpBuilder builder(node);
  SmallVector<Type> types;
  for (Value operand : operands)
    types.push_back(UnrankedTensorType::get(graph::elementTypeOf(operand)));
  auto loop = NodeOp::create(builder, node.getLoc(), types, node.getOpAttr(), node.getNameAttr(),
                             node.getAttrs(), node.getDeviceAttr(), operands);
  loop.setNodeAttr("cond", FlatSymbolRefAttr::get(cond->func));
  loop.setNodeAttr("body", FlatSymbolRefAttr::get(body->func));
  loop.setNodeAttr("T", typeListAttr(builder.getContext(), types));
  loop.removeNodeAttr("output_shapes");
  for (auto [to, from] : llvm::enumerate(kept))
    node.getOutput(from).replaceAllUsesWith(loop.getOutput(to));
  for (auto [i, value] : llvm::enumerate(node.getInputs()))
    if (StringAttr symbol = handles.lookup(value))
      handles[node.getOutput(i)] = symbol;
  for (auto [i, symbol] : llvm::enumerate(carried))
    if (body->changed.contains(symbol))
      assign(symbol, loop.getOutput(kept.size() + i));
  return success();
}

LogicalResult BodyResolver::visitBranches(NodeOp node) {
  auto handleOf = [&](Value value) { return handles.lookup(value); };
  ValueRange inputs = ValueRange(node.getInputs()).drop_front();
  Specializer specializer(node, symbols, inputs, handleOf);
  SmallVector<FlatSymbolRefAttr> names;
  if (isIf(node)) {
    names = {node.funcAttr("then_branch"), node.funcAttr("else_branch")};
  } else if (auto list = node.attrOfType<ArrayAttr>("branches")) {
    for (Attribute branch : list) {
      auto func = dyn_cast<graph::FuncAttr>(branch);
      names.push_back(func ? func.getCallee() : dyn_cast<FlatSymbolRefAttr>(branch));
    }
  }
  SmallVector<Specialized> branches;
  llvm::SetVector<StringAttr> changed;
  for (FlatSymbolRefAttr name : names) {
    auto branch = specializer.run(name);
    if (failed(branch))
      return failure();
    changed.insert(branch->changed.begin(), branch->changed.end());
    branches.push_back(std::move(*branch));
  }
  if (branches.empty())
    return node.emitError() << "node '" << node.getName() << "' has no branch";
  for (Specialized &branch : branches)
    if (branch.resultHandles != branches[0].resultHandles)
      return node.emitError() << "the branches of '" << node.getName()
                              << "' return different variables";

  SmallVector<Value> operands = {node.getInput(0)};
  for (Value value : inputs)
    if (!handles.lookup(value))
      operands.push_back(value);
  for (StringAttr symbol : specializer.variables) {
    Value value = read(symbol, node);
    if (!value)
      return failure();
    operands.push_back(value);
  }
  SmallVector<Attribute> functions;
  for (Specialized &branch : branches) {
    specializer.finish(branch, changed.getArrayRef());
    functions.push_back(FlatSymbolRefAttr::get(branch.func));
  }
  OpBuilder builder(node);
  SmallVector<Type> types;
  for (Type type : branches[0].func.getResultTypes())
    types.push_back(UnrankedTensorType::get(cast<TensorType>(type).getElementType()));
  auto copy = NodeOp::create(builder, node.getLoc(), types, node.getOpAttr(), node.getNameAttr(),
                             node.getAttrs(), node.getDeviceAttr(), operands);
  if (isIf(node)) {
    copy.setNodeAttr("then_branch", functions[0]);
    copy.setNodeAttr("else_branch", functions[1]);
  } else {
    copy.setNodeAttr("branches", builder.getArrayAttr(functions));
  }
  copy.setNodeAttr(
      "Tin", typeListAttr(builder.getContext(), ValueRange(operands).drop_front().getTypes()));
  copy.setNodeAttr("Tout", typeListAttr(builder.getContext(), types));
  copy.removeNodeAttr("output_shapes");
  unsigned to = 0;
  for (auto [from, symbol] : llvm::enumerate(branches[0].resultHandles)) {
    if (symbol)
      handles[node.getOutput(from)] = symbol;
    else
      node.getOutput(from).replaceAllUsesWith(copy.getOutput(to++));
  }
  for (StringAttr symbol : changed)
    assign(symbol, copy.getOutput(to++));
  return success();
}

LogicalResult BodyResolver::run() {
  Block &body = func.getBody().front();
  SmallVector<NodeOp> nodes(body.getOps<NodeOp>());
  SmallVector<NodeOp> gone;
  for (NodeOp node : nodes) {
    bool usesHandle =
        node->hasAttr("ingot.variable") ||
        llvm::any_of(node.getInputs(), [&](Value v) { return handles.count(v) != 0; });
    if (failed(visit(node)))
      return failure();
    // A reference used as data was replaced by the value it has here.
    bool stillUses = llvm::any_of(node.getInputs(), [&](Value v) { return handles.count(v) != 0; });
    if (usesHandle && (stillUses || node->hasAttr("ingot.variable")))
      gone.push_back(node);
  }
  // A reference that is returned is read at the end.
  Operation *terminator = body.getTerminator();
  for (OpOperand &operand : terminator->getOpOperands()) {
    StringAttr symbol = handles.lookup(operand.get());
    if (!symbol || isa<BlockArgument>(operand.get()) ||
        isa<graph::ResourceType>(graph::elementTypeOf(operand.get())))
      continue;
    Value value = read(symbol, terminator);
    if (!value)
      return failure();
    operand.set(value);
  }
  // Handles may still be returned; the caller drops those results.
  for (NodeOp node : llvm::reverse(gone))
    if (node->use_empty())
      node.erase();
  return success();
}

struct ResolveVariables : PassWrapper<ResolveVariables, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(ResolveVariables)

  StringRef getArgument() const override { return "resolve-variables"; }
  StringRef getDescription() const override {
    return "Turn variables into arguments, results and carried values";
  }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<nn::NnDialect>();
  }

  void runOnOperation() override {
    ModuleOp module = getOperation();
    SymbolTable symbols(module);
    SmallVector<func::FuncOp> signatures;
    for (auto func : module.getOps<func::FuncOp>())
      if (func.isPublic() && !func.isExternal())
        signatures.push_back(func);
    for (func::FuncOp func : signatures)
      if (failed(resolve(func, symbols)))
        return signalPassFailure();
    // Functions that still take handles are the originals of copies.
    for (auto func : llvm::make_early_inc_range(module.getOps<func::FuncOp>()))
      if (func.isPrivate() &&
          llvm::any_of(func.getArgumentTypes(),
                       [](Type t) {
                         auto tensor = dyn_cast<TensorType>(t);
                         return tensor && isa<graph::ResourceType>(tensor.getElementType());
                       }) &&
          SymbolTable::symbolKnownUseEmpty(func, module))
        func.erase();
    for (auto variable : llvm::make_early_inc_range(module.getOps<graph::VariableOp>())) {
      OpBuilder builder(variable);
      if (auto value = variable.getValue())
        nn::VariableOp::create(builder, variable.getLoc(), variable.getSymNameAttr(), *value,
                               variable.getTrainableAttr());
      variable.erase();
    }
  }

  LogicalResult resolve(func::FuncOp func, SymbolTable &symbols) {
    auto entryValue = [&](StringAttr symbol, Operation *user) -> Value {
      auto variable = symbols.lookup<graph::VariableOp>(symbol);
      if (!variable || !variable.getValue()) {
        user->emitError() << "the variable '" << symbol.getValue()
                          << "' has no value in the model: give a SavedModel "
                             "with its checkpoint, or freeze the graph";
        return Value();
      }
      unsigned index = func.getNumArguments();
      DictionaryAttr attrs = DictionaryAttr::get(
          func.getContext(), {NamedAttribute(StringAttr::get(func.getContext(), "ingot.variable"),
                                             FlatSymbolRefAttr::get(symbol))});
      ShapedType type = variable.getValue()->getShapedType();
      if (failed(func.insertArgument(index, type, attrs, variable.getLoc())))
        return Value();
      return func.getArgument(index);
    };
    BodyResolver resolver(func, symbols, entryValue);
    if (failed(resolver.run()))
      return failure();
    updateResultTypes(func);
    Operation *terminator = func.getBody().front().getTerminator();
    for (Value value : terminator->getOperands())
      if (isa<graph::ResourceType>(graph::elementTypeOf(value)))
        return func.emitError() << "signature '" << func.getName()
                                << "' returns the handle of a variable";
    for (StringAttr symbol : resolver.state.changed) {
      // A result whose type is that of the value on entry.
      if (!resolver.state.entry.count(symbol) && !entryValue(symbol, terminator))
        return failure();
      Value value = resolver.state.current[symbol];
      unsigned index = func.getNumResults();
      DictionaryAttr attrs = DictionaryAttr::get(
          func.getContext(), {NamedAttribute(StringAttr::get(func.getContext(), "ingot.variable"),
                                             FlatSymbolRefAttr::get(symbol))});
      if (failed(func.insertResult(index, value.getType(), attrs)))
        return failure();
      terminator->insertOperands(terminator->getNumOperands(), value);
    }
    return success();
  }
};

} // namespace

std::unique_ptr<Pass> ingot::createResolveVariablesPass() {
  return std::make_unique<ResolveVariables>();
}
