// `plan-program`: actions, buffers and the arena become an rt.program.
#include "compiler/passes/program/Program.h"

#include "compiler/dialects/Rt/Rt.h"
#include "compiler/passes/program/Buffers.h"
#include "mlir/IR/Builders.h"
#include "mlir/Pass/PassRegistry.h"

using namespace mlir;
using namespace ingot;
using namespace ingot::program;
using nn::SizeExpr;
using nn::SizesAttr;

namespace {

/// Constants of all programs of a module, equal ones once.
class DataTable {
public:
  explicit DataTable(ModuleOp module) : module(module) {}
  FlatSymbolRefAttr get(Location loc, ElementsAttr value) {
    FlatSymbolRefAttr &entry = names[value];
    if (!entry) {
      std::string name = "data" + std::to_string(names.size() - 1);
      OpBuilder b = OpBuilder::atBlockEnd(module.getBody());
      rt::DataOp::create(b, loc, name, value);
      entry = FlatSymbolRefAttr::get(module.getContext(), name);
    }
    return entry;
  }

private:
  ModuleOp module;
  DenseMap<Attribute, FlatSymbolRefAttr> names;
};

class Emitter {
public:
  Emitter(func::FuncOp function, const SizeSymbols &symbols, const Actions &actions,
          const Interference &interference, const Buffers &buffers, DataTable &data,
          const PlanOptions &options)
      : function(function), symbols(symbols), actions(actions), interference(interference),
        buffers(buffers), data(data), options(options), b(function.getContext()) {}

  void run() {
    roots = buffers.arena();
    SmallVector<SizeExpr> bytes;
    for (unsigned root : roots)
      bytes.push_back(actions.resources[root].bytes);
    guard = options.debugArena ? 4096 : 0;
    ArenaLayout layout = layOutArena(
        bytes, [&](unsigned i, unsigned j) { return buffers.interfere(roots[i], roots[j]); },
        guard);
    b.setInsertionPoint(function);
    rt::ProgramOp program = createProgram(layout.bytes);
    b.createBlock(&program.getBody());
    for (auto [root, slot] : llvm::zip(roots, layout.slots))
      values[root] = rt::SliceOp::create(b, function.getLoc(), size(slot.offset), size(slot.bytes));
    require();
    emit(actions.body);
  }

private:
  SizesAttr size(const SizeExpr &expr) {
    return SizesAttr::get(b.getContext(), ArrayRef<SizeExpr>(expr));
  }
  ArrayAttr tensorList(bool inputs) {
    SmallVector<Attribute> list;
    unsigned count = inputs ? function.getNumArguments() : function.getNumResults();
    for (unsigned i = 0; i < count; ++i) {
      Attribute name = inputs ? function.getArgAttr(i, nn::kInputAttr)
                              : function.getResultAttr(i, nn::kOutputAttr);
      Type type = inputs ? function.getArgumentTypes()[i] : function.getResultTypes()[i];
      if (name)
        list.push_back(b.getDictionaryAttr(
            {b.getNamedAttr("name", name), b.getNamedAttr("type", TypeAttr::get(type))}));
    }
    return b.getArrayAttr(list);
  }
  rt::ProgramOp createProgram(const SizeExpr &arena) {
    auto strings = [&](ArrayRef<std::string> list) {
      SmallVector<StringRef> refs(list.begin(), list.end());
      return b.getStrArrayAttr(refs);
    };
    StringRef name = function.getSymName();
    auto signature = function->getAttrOfType<StringAttr>(nn::kSignatureAttr);
    auto program = rt::ProgramOp::create(
        b, function.getLoc(), name, signature ? signature.getValue() : name, tensorList(true),
        tensorList(false), strings(symbols.entry), ArrayRef<int64_t>(symbols.bindings),
        strings(symbols.data), SizesAttr::get(b.getContext(), symbols.bounds), size(arena),
        actions.writesState, guard);
    if (Attribute aliases = function->getAttr(nn::kAliasesAttr))
      program->setAttr(nn::kAliasesAttr, aliases);
    return program;
  }

  /// Checks every assumption whose data symbols are known by now, once.
  void require() {
    for (auto [i, pair] : llvm::enumerate(symbols.required)) {
      std::set<std::string> names;
      pair.first.symbols(names);
      pair.second.symbols(names);
      bool known = llvm::all_of(names, [&](const std::string &name) {
        return !llvm::is_contained(symbols.data, name) || defined.count(name);
      });
      if (known && checked.insert(i).second)
        rt::RequireOp::create(b, function.getLoc(),
                              SizesAttr::get(b.getContext(), {pair.first, pair.second}));
    }
  }

  /// The value of a resource's buffer, named once at the top of the program.
  Value buffer(unsigned resource) {
    unsigned root = buffers.find(resource);
    Value &value = values[root];
    if (value)
      return value;
    OpBuilder::InsertionGuard guard(b);
    Block *top = &b.getInsertionBlock()->getParent()->front();
    while (!isa<rt::ProgramOp>(top->getParentOp()))
      top = top->getParentOp()->getBlock();
    // After the slices, before the first action.
    Block::iterator point = top->begin();
    while (point != top->end() &&
           isa<rt::SliceOp, rt::InputOp, rt::OutputOp, rt::VariableOp, rt::ConstantOp>(*point))
      ++point;
    b.setInsertionPoint(top, point);
    const Resource &place = buffers.place(root);
    Location loc = function.getLoc();
    switch (place.place) {
    case Place::Input:
      value = rt::InputOp::create(b, loc, place.index);
      break;
    case Place::Output:
      value = rt::OutputOp::create(b, loc, place.index);
      break;
    case Place::Variable:
      value = rt::VariableOp::create(b, loc, place.variable.getValue());
      break;
    case Place::Constant:
      value = rt::ConstantOp::create(b, loc, data.get(loc, place.constant));
      break;
    case Place::Arena: // all have a slice
      break;
    }
    return value;
  }

  void emit(const std::vector<Action> &list) {
    for (const Action &action : list) {
      if (options.debugArena)
        begin(action);
      emit(action);
      if (options.debugArena)
        free(action);
    }
  }
  bool inArena(unsigned r) { return buffers.place(r).place == Place::Arena; }
  /// The buffers that an action writes may be touched from here on.
  void begin(const Action &action) {
    if (action.kind != Action::Dispatch && action.kind != Action::Copy)
      return;
    for (unsigned r : action.defs)
      if (inArena(r))
        rt::BeginOp::create(b, action.op->getLoc(), buffer(r), size(actions.resources[r].bytes));
  }
  /// The buffers that nothing reads after an action may not be touched any more.
  void free(const Action &action) {
    auto dead = interference.deadAfter.find(&action);
    if (dead == interference.deadAfter.end())
      return;
    llvm::SmallDenseSet<unsigned> live, done;
    for (unsigned r : interference.liveAfter.find(&action)->second.set_bits())
      live.insert(buffers.find(r));
    for (unsigned r : dead->second)
      if (inArena(r) && !live.contains(buffers.find(r)) && done.insert(buffers.find(r)).second)
        rt::FreeOp::create(b, action.op->getLoc(), buffer(r), size(actions.resources[r].bytes));
  }

  void emit(const Action &action) {
    Location loc = action.op->getLoc();
    switch (action.kind) {
    case Action::Dispatch:
      return emitDispatch(action, cast<nn::DispatchOp>(action.op));
    case Action::Copy: {
      Value from = buffer(action.uses[0]), to = buffer(action.defs[0]);
      if (from != to && !action.copyBytes.isConstant(0))
        rt::CopyOp::create(b, loc, from, to, size(action.copyBytes));
      return;
    }
    case Action::For: {
      Value counter = action.defs.empty() ? Value() : buffer(action.defs[0]);
      auto loop = rt::ForOp::create(b, loc, counter, cast<nn::ForOp>(action.op).getTrip());
      return emitRegion(loop.getBody(), action.first);
    }
    case Action::While: {
      auto loop = rt::WhileOp::create(b, loc);
      Value flag = buffer(action.flag);
      emitRegion(loop.getCond(), action.first);
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToEnd(&loop.getCond().front());
      rt::ConditionOp::create(b, loc, flag);
      return emitRegion(loop.getBody(), action.second);
    }
    case Action::If: {
      auto branch = rt::IfOp::create(b, loc, buffer(action.uses[0]));
      emitRegion(branch.getThenRegion(), action.first);
      return emitRegion(branch.getElseRegion(), action.second);
    }
    }
  }
  void emitRegion(Region &region, const std::vector<Action> &list) {
    OpBuilder::InsertionGuard guard(b);
    b.createBlock(&region);
    emit(list);
  }
  void emitDispatch(const Action &action, nn::DispatchOp op) {
    SmallVector<Value> operands;
    for (unsigned r : action.uses)
      operands.push_back(buffer(r));
    for (unsigned r : action.defs)
      operands.push_back(buffer(r));
    ArrayAttr defines = op.getDefines().value_or(b.getArrayAttr({}));
    auto dispatch = rt::DispatchOp::create(b, op.getLoc(), operands, op.getCallee(), op.getSizes(),
                                           op.getGrid(), op.getChunk(), op.getScratch(), defines);
    // What the report and the trace say of it (FLOPs, bytes) goes along.
    for (NamedAttribute attribute : op->getDiscardableAttrs())
      dispatch->setDiscardableAttr(attribute.getName(), attribute.getValue());
    for (StringRef name : defines.getAsValueRange<StringAttr>())
      defined.insert(name.str());
    if (!defines.empty())
      require();
    if (op->hasAttr("bytes"))
      return;
    SizeExpr bytes;
    for (auto list : {TypeRange(op.getInputs().getTypes()), TypeRange(op.getResultTypes())})
      for (Type type : list)
        bytes = bytes + nn::elementCount(type) *
                            nn::elementBytes(cast<RankedTensorType>(type).getElementType());
    dispatch->setDiscardableAttr("bytes", size(bytes));
  }

  func::FuncOp function;
  const SizeSymbols &symbols;
  const Actions &actions;
  const Interference &interference;
  const Buffers &buffers;
  DataTable &data;
  const PlanOptions &options;
  OpBuilder b;
  std::set<std::string> defined; // data symbols so far
  std::set<size_t> checked;      // of symbols.required
  SmallVector<unsigned> roots;
  int64_t guard = 0;
  DenseMap<unsigned, Value> values;
};

struct PlanProgramPass : PassWrapper<PlanProgramPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(PlanProgramPass)
  PlanProgramPass() = default;
  PlanProgramPass(const PlanProgramPass &other) : PassWrapper(other) {}
  explicit PlanProgramPass(const PlanOptions &options) { debugArena = options.debugArena; }
  StringRef getArgument() const final { return "plan-program"; }
  StringRef getDescription() const final {
    return "Plan buffers and the arena: signature functions become rt.program";
  }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<rt::RtDialect, nn::NnDialect, func::FuncDialect>();
  }
  void runOnOperation() override {
    PlanOptions options;
    options.debugArena = debugArena;
    if (failed(planPrograms(getOperation(), options)))
      signalPassFailure();
  }
  Option<bool> debugArena{*this, "debug-arena", llvm::cl::init(false),
                          llvm::cl::desc("Guarded buffers, freed ones filled with NaN")};
};

} // namespace

LogicalResult ingot::planPrograms(ModuleOp module, const PlanOptions &options) {
  DataTable data(module);
  for (func::FuncOp function : llvm::make_early_inc_range(module.getOps<func::FuncOp>())) {
    if (function.isExternal() || !function.getBody().hasOneBlock())
      return function.emitError("cannot be planned: a signature function has one block");
    FailureOr<SizeSymbols> symbols = collectSymbols(function);
    if (failed(symbols))
      return failure();
    FailureOr<Actions> actions = buildActions(function, *symbols);
    if (failed(actions))
      return failure();
    Interference interference(*actions, options.debugArena);
    Buffers buffers(*actions, interference);
    Emitter(function, *symbols, *actions, interference, buffers, data, options).run();
    function.erase();
  }
  return success();
}

std::unique_ptr<Pass> ingot::createPlanProgramPass(const PlanOptions &options) {
  return std::make_unique<PlanProgramPass>(options);
}

void ingot::registerProgramPasses() { PassRegistration<PlanProgramPass>(); }
