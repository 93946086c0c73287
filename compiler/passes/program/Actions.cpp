#include "compiler/passes/program/Actions.h"

using namespace mlir;
using namespace ingot;
using namespace ingot::program;
using nn::SizeExpr;

SizeExpr SizeSymbols::bounded(const SizeExpr &size) const {
  return size.substitute([&](StringRef name) -> std::optional<SizeExpr> {
    for (size_t i = 0; i < data.size(); ++i)
      if (data[i] == name)
        return bounds[i];
    return std::nullopt;
  });
}

FailureOr<SizeSymbols> program::collectSymbols(func::FuncOp function) {
  SizeSymbols table;
  int64_t input = 0;
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    if (!function.getArgAttr(i, nn::kInputAttr))
      continue;
    auto type = dyn_cast<RankedTensorType>(function.getArgument(i).getType());
    if (!type)
      return function.emitError() << "argument " << i << " has no ranked tensor type";
    auto dims = nn::dimsOf(type);
    for (size_t d = 0; d < dims.size(); ++d) {
      std::set<std::string> names;
      dims[d].symbols(names);
      if (names.size() != 1 || dims[d] != SizeExpr::symbol(*names.begin()) ||
          llvm::is_contained(table.entry, *names.begin()))
        continue;
      table.entry.push_back(*names.begin());
      table.bindings.append({input, int64_t(d)});
    }
    ++input;
  }
  if (auto bounds = function->getAttrOfType<DictionaryAttr>(nn::kBoundsAttr))
    for (NamedAttribute entry : bounds) {
      auto text = dyn_cast<StringAttr>(entry.getValue());
      auto bound = text ? SizeExpr::parse(text.getValue()) : std::nullopt;
      if (!bound)
        return function.emitError() << "nn.bounds of '" << entry.getName().getValue()
                                    << "' must be a size expression in quotes";
      table.data.push_back(entry.getName().str());
      table.bounds.push_back(*bound);
    }
  if (auto pairs = function->getAttrOfType<ArrayAttr>("nn.requires"))
    for (Attribute entry : pairs) {
      auto pair = dyn_cast<ArrayAttr>(entry);
      SmallVector<SizeExpr> sizes;
      if (pair)
        for (StringRef text : pair.getAsValueRange<StringAttr>())
          if (auto size = SizeExpr::parse(text))
            sizes.push_back(*size);
      std::set<std::string> names;
      for (const SizeExpr &size : sizes)
        size.symbols(names);
      for (const std::string &name : names)
        if (!llvm::is_contained(table.entry, name) && !llvm::is_contained(table.data, name))
          sizes.clear();
      if (sizes.size() != 2)
        return function.emitError() << "nn.requires must list pairs of sizes "
                                       "in known symbols, found "
                                    << entry;
      if (sizes[0] != sizes[1])
        table.required.push_back({sizes[0], sizes[1]});
    }
  // A bound may use data symbols defined before: resolve until none is left.
  for (size_t round = 0; round < table.data.size(); ++round)
    for (SizeExpr &bound : table.bounds)
      bound = table.bounded(bound);
  return table;
}

namespace {

class ActionBuilder {
public:
  ActionBuilder(func::FuncOp function, const SizeSymbols &symbols)
      : function(function), symbols(symbols) {}

  LogicalResult run(Actions &result) {
    out = &result;
    if (failed(addArguments()))
      return failure();
    auto ret = dyn_cast<func::ReturnOp>(function.getBody().front().back());
    if (!ret || !function.getBody().hasOneBlock())
      return function.emitError("expected one block that ends in func.return");
    if (failed(block(function.getBody().front(), result.body)))
      return failure();
    return addReturn(ret, result.body);
  }

private:
  unsigned resource(Type type, Place place = Place::Arena) {
    Resource r;
    r.place = place;
    SizeExpr count = 1;
    for (const SizeExpr &d : nn::dimsOf(type))
      count = count * symbols.bounded(d);
    r.bytes = count * nn::elementBytes(cast<RankedTensorType>(type).getElementType());
    out->resources.push_back(r);
    return out->resources.size() - 1;
  }
  SizeExpr bytesOf(Type type) {
    return nn::elementCount(type) * nn::elementBytes(cast<RankedTensorType>(type).getElementType());
  }
  /// The resource of a value; views share their operand's.
  unsigned of(Value value) { return places.lookup(value); }

  LogicalResult addArguments();
  LogicalResult addReturn(func::ReturnOp ret, std::vector<Action> &into);
  LogicalResult block(Block &block, std::vector<Action> &into);
  LogicalResult operation(Operation &op, std::vector<Action> &into);
  LogicalResult forOp(nn::ForOp op, std::vector<Action> &into);
  LogicalResult whileOp(nn::WhileOp op, std::vector<Action> &into);
  LogicalResult ifOp(nn::IfOp op, std::vector<Action> &into);
  LogicalResult checkSizes(Operation *op, nn::SizesAttr sizes);
  void copy(Operation *op, Type type, unsigned from, unsigned to, std::vector<Action> &into);
  /// targets[i] = values[i] for all i at once: a source that is itself a target
  /// goes through a temporary.
  void parallelCopy(Operation *op, ValueRange values, ArrayRef<unsigned> targets,
                    std::vector<Action> &into);

  func::FuncOp function;
  const SizeSymbols &symbols;
  Actions *out = nullptr;
  DenseMap<Value, unsigned> places;
  DenseMap<Attribute, unsigned> constants;
  llvm::StringMap<unsigned> variables;
};

LogicalResult ActionBuilder::addArguments() {
  std::set<llvm::StringRef> updated;
  for (unsigned i = 0; i < function.getNumResults(); ++i)
    if (auto variable = function.getResultAttrOfType<FlatSymbolRefAttr>(i, nn::kVariableAttr))
      updated.insert(variable.getValue());
  out->writesState = !updated.empty();
  int64_t input = 0;
  for (BlockArgument arg : function.getArguments()) {
    unsigned i = arg.getArgNumber();
    if (!isa<RankedTensorType>(arg.getType()))
      return function.emitError() << "argument " << i << " has no ranked tensor type";
    if (function.getArgAttr(i, nn::kInputAttr)) {
      unsigned r = resource(arg.getType(), Place::Input);
      out->resources[r].index = input++;
      out->resources[r].readOnly = true;
      places[arg] = r;
    } else if (auto name = function.getArgAttrOfType<FlatSymbolRefAttr>(i, nn::kVariableAttr)) {
      unsigned r = resource(arg.getType(), Place::Variable);
      out->resources[r].variable = name.getAttr();
      out->resources[r].readOnly = !updated.count(name.getValue());
      places[arg] = r;
      variables[name.getValue()] = r;
    } else {
      return function.emitError() << "argument " << i
                                  << " is neither an ingot.input nor an ingot.variable";
    }
  }
  return success();
}

LogicalResult ActionBuilder::addReturn(func::ReturnOp ret, std::vector<Action> &into) {
  SmallVector<unsigned> targets;
  int64_t output = 0;
  for (unsigned i = 0; i < ret.getNumOperands(); ++i) {
    Type type = ret.getOperand(i).getType();
    if (function.getResultAttr(i, nn::kOutputAttr)) {
      unsigned r = resource(type, Place::Output);
      out->resources[r].index = output++;
      targets.push_back(r);
    } else if (auto name = function.getResultAttrOfType<FlatSymbolRefAttr>(i, nn::kVariableAttr)) {
      auto [entry, isNew] = variables.try_emplace(name.getValue(), 0);
      if (isNew) { // written, never read
        entry->second = resource(type, Place::Variable);
        out->resources[entry->second].variable = name.getAttr();
      }
      if (llvm::is_contained(targets, entry->second))
        return function.emitError() << "variable @" << name.getValue() << " is two results";
      targets.push_back(entry->second);
    } else {
      return function.emitError() << "result " << i
                                  << " is neither an ingot.output nor an ingot.variable";
    }
  }
  parallelCopy(ret, ret.getOperands(), targets, into);
  out->liveAtExit = targets;
  return success();
}

void ActionBuilder::copy(Operation *op, Type type, unsigned from, unsigned to,
                         std::vector<Action> &into) {
  Action action{Action::Copy, op, {from}, {to}, {}, {}, 0, bytesOf(type)};
  into.push_back(std::move(action));
}

void ActionBuilder::parallelCopy(Operation *op, ValueRange values, ArrayRef<unsigned> targets,
                                 std::vector<Action> &into) {
  SmallVector<unsigned> sources;
  for (auto [value, target] : llvm::zip(values, targets)) {
    unsigned source = of(value);
    if (source != target && llvm::is_contained(targets, source)) {
      unsigned temporary = resource(value.getType());
      copy(op, value.getType(), source, temporary, into);
      source = temporary;
    }
    sources.push_back(source);
  }
  for (auto [value, source, target] : llvm::zip(values, sources, targets))
    if (source != target)
      copy(op, value.getType(), source, target, into);
}

LogicalResult ActionBuilder::checkSizes(Operation *op, nn::SizesAttr sizes) {
  std::set<std::string> names;
  for (const SizeExpr &size : sizes.exprs())
    size.symbols(names);
  for (const std::string &name : names)
    if (!llvm::is_contained(symbols.entry, name) && !llvm::is_contained(symbols.data, name))
      return op->emitError() << "size symbol '" << name
                             << "' is not bound by an input's dimension and has no nn.bounds";
  return success();
}

LogicalResult ActionBuilder::block(Block &block, std::vector<Action> &into) {
  for (Operation &op : block)
    if (!op.hasTrait<OpTrait::IsTerminator>() && failed(operation(op, into)))
      return failure();
  return success();
}

LogicalResult ActionBuilder::operation(Operation &op, std::vector<Action> &into) {
  if (auto reshape = dyn_cast<nn::ReshapeOp>(op)) {
    places[reshape.getResult()] = of(reshape.getX());
    return success();
  }
  if (auto constant = dyn_cast<nn::ConstantOp>(op)) {
    auto [entry, isNew] = constants.try_emplace(constant.getValue(), 0);
    if (isNew) {
      entry->second = resource(constant.getType(), Place::Constant);
      out->resources[entry->second].constant = constant.getValue();
      out->resources[entry->second].readOnly = true;
    }
    places[constant.getResult()] = entry->second;
    return success();
  }
  if (auto copyOp = dyn_cast<nn::CopyOp>(op)) {
    unsigned r = resource(copyOp.getType());
    copy(&op, copyOp.getType(), of(copyOp.getX()), r, into);
    places[copyOp.getResult()] = r;
    return success();
  }
  if (auto dispatch = dyn_cast<nn::DispatchOp>(op)) {
    if (failed(checkSizes(&op, dispatch.getSizes())) ||
        failed(checkSizes(&op, dispatch.getGrid())) ||
        failed(checkSizes(&op, dispatch.getScratch())))
      return failure();
    Action action{Action::Dispatch, &op, {}, {}, {}, {}, 0, {}};
    for (Value operand : dispatch.getInputs())
      action.uses.push_back(of(operand));
    for (Value result : dispatch.getResults()) {
      places[result] = resource(result.getType());
      action.defs.push_back(of(result));
    }
    into.push_back(std::move(action));
    return success();
  }
  if (auto loop = dyn_cast<nn::ForOp>(op))
    return forOp(loop, into);
  if (auto loop = dyn_cast<nn::WhileOp>(op))
    return whileOp(loop, into);
  if (auto branch = dyn_cast<nn::IfOp>(op))
    return ifOp(branch, into);
  return op.emitError() << "cannot be planned: expected nn.dispatch, nn.constant, nn.reshape, "
                           "nn.copy, nn.for, nn.while or nn.if";
}

LogicalResult ActionBuilder::forOp(nn::ForOp op, std::vector<Action> &into) {
  if (failed(checkSizes(op, op.getTrip())))
    return failure();
  Block &body = op.getBody().front();
  SmallVector<unsigned> carried;
  for (auto [i, init] : llvm::enumerate(op.getInits())) {
    carried.push_back(resource(init.getType()));
    places[body.getArgument(i + 1)] = places[op.getResult(i)] = carried.back();
  }
  parallelCopy(op, op.getInits(), carried, into);
  Action action{Action::For, op, {}, {}, {}, {}, 0, {}};
  if (!body.getArgument(0).use_empty()) {
    places[body.getArgument(0)] = resource(body.getArgument(0).getType());
    action.defs.push_back(of(body.getArgument(0)));
  }
  if (failed(block(body, action.first)))
    return failure();
  parallelCopy(op, body.getTerminator()->getOperands(), carried, action.first);
  into.push_back(std::move(action));
  return success();
}

LogicalResult ActionBuilder::whileOp(nn::WhileOp op, std::vector<Action> &into) {
  Block &cond = op.getCond().front(), &body = op.getBody().front();
  SmallVector<unsigned> carried;
  for (auto [i, init] : llvm::enumerate(op.getInits())) {
    carried.push_back(resource(init.getType()));
    places[cond.getArgument(i)] = places[body.getArgument(i)] = places[op.getResult(i)] =
        carried.back();
  }
  parallelCopy(op, op.getInits(), carried, into);
  Action action{Action::While, op, {}, {}, {}, {}, 0, {}};
  if (failed(block(cond, action.first)))
    return failure();
  action.flag = of(cond.getTerminator()->getOperand(0));
  if (failed(block(body, action.second)))
    return failure();
  parallelCopy(op, body.getTerminator()->getOperands(), carried, action.second);
  into.push_back(std::move(action));
  return success();
}

LogicalResult ActionBuilder::ifOp(nn::IfOp op, std::vector<Action> &into) {
  SmallVector<unsigned> results;
  for (Value result : op.getResults()) {
    results.push_back(resource(result.getType()));
    places[result] = results.back();
  }
  Action action{Action::If, op, {of(op.getPred())}, {}, {}, {}, 0, {}};
  for (auto [region, actions] :
       {std::pair<Region *, std::vector<Action> *>{&op.getThenRegion(), &action.first},
        {&op.getElseRegion(), &action.second}}) {
    Block &branch = region->front();
    if (failed(block(branch, *actions)))
      return failure();
    parallelCopy(op, branch.getTerminator()->getOperands(), results, *actions);
  }
  into.push_back(std::move(action));
  return success();
}

} // namespace

FailureOr<Actions> program::buildActions(func::FuncOp function, const SizeSymbols &symbols) {
  Actions actions;
  if (failed(ActionBuilder(function, symbols).run(actions)))
    return failure();
  return actions;
}
