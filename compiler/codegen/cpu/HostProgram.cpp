// Everything that depends on entry symbols alone (sizes, offsets, addresses) is
// computed once in the entry block; data symbols are loaded where they are
// used.
#include "compiler/codegen/cpu/HostProgram.h"

#include "ingot/ingot.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Pass/PassRegistry.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace ingot;
using nn::SizeExpr;
using nn::SizesAttr;

namespace {

/// Module-level parts that the programs share: strings, sites, declarations.
class HostGlobals {
public:
  HostGlobals(ModuleOp source, StringRef prefix, bool sanitizeAddress)
      : context(source.getContext()), prefix(prefix), sanitizeAddress(sanitizeAddress), b(context) {
    module = ModuleOp::create(source.getLoc());
    ptr = LLVM::LLVMPointerType::get(context);
    i32 = b.getI32Type();
    i64 = b.getI64Type();
    hasDevice = source.lookupSymbol(deviceModuleName()) != nullptr;
    unsigned index = 0;
    for (rt::DataOp data : source.getOps<rt::DataOp>())
      constants[data.getSymName()] = index++;
    index = 0;
    for (nn::VariableOp variable : source.getOps<nn::VariableOp>())
      variables[variable.getSymName()] = index++;
  }

  LLVM::LLVMFuncOp function(Location loc, StringRef name, Type result, ArrayRef<Type> args) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToEnd(module->getBody());
    auto type = LLVM::LLVMFunctionType::get(result, args);
    auto op = LLVM::LLVMFuncOp::create(b, loc, name, type);
    op.setVisibility_(LLVM::Visibility::Hidden);
    return op;
  }
  LLVM::LLVMFuncOp declare(StringRef name, Type result, ArrayRef<Type> args) {
    if (auto found = module->lookupSymbol<LLVM::LLVMFuncOp>(name))
      return found;
    return function(module->getLoc(), name, result, args);
  }

  /// The constant ingot_rt_site of a dispatch; `sizes` of them precede the
  /// cost.
  std::string site(rt::DispatchOp dispatch, unsigned sizes, bool hasCost) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToEnd(module->getBody());
    Location loc = dispatch.getLoc();
    std::string name = siteSymbol(prefix, sites.size());
    StringRef kernel = dispatch.getCallee().getLeafReference().getValue();
    std::string code = kernelSymbol(prefix, kernel);
    declare(code, i32, {ptr, ptr, i64, i64, ptr});
    std::string title = text(kernel), nodes = text(describeNodes(loc));
    std::string cost = hasCost ? costFunction(sizes) : std::string();
    auto type = LLVM::LLVMStructType::getLiteral(context, {ptr, ptr, ptr, ptr, i32, i32});
    b.setInsertionPointToEnd(module->getBody());
    auto global = LLVM::GlobalOp::create(b, loc, type, /*isConstant=*/true, LLVM::Linkage::External,
                                         name, Attribute(), 8);
    global.setVisibility_(LLVM::Visibility::Hidden);
    b.createBlock(&global.getInitializerRegion());
    Value value = LLVM::UndefOp::create(b, loc, type);
    auto insert = [&](Value field, int64_t at) {
      value = LLVM::InsertValueOp::create(b, loc, value, field, ArrayRef<int64_t>{at});
    };
    insert(LLVM::AddressOfOp::create(b, loc, ptr, code), 0);
    insert(LLVM::AddressOfOp::create(b, loc, ptr, title), 1);
    insert(LLVM::AddressOfOp::create(b, loc, ptr, nodes), 2);
    insert(hasCost ? Value(LLVM::AddressOfOp::create(b, loc, ptr, cost))
                   : Value(LLVM::ZeroOp::create(b, loc, ptr)),
           3);
    insert(LLVM::ConstantOp::create(b, loc, i32, b.getI32IntegerAttr(sites.size())), 4);
    insert(LLVM::ConstantOp::create(b, loc, i32, b.getI32IntegerAttr(0)), 5);
    LLVM::ReturnOp::create(b, loc, value);
    sites.push_back(name);
    return name;
  }

  MLIRContext *context;
  StringRef prefix;
  bool sanitizeAddress;
  OpBuilder b;
  OwningOpRef<ModuleOp> module;
  Type ptr, i32, i64;
  llvm::StringMap<unsigned> constants, variables;
  std::vector<std::string> sites;
  bool hasDevice = false; ///< buffers are in the memory of a GPU

  /// A string constant; equal ones once.
  std::string text(StringRef value) {
    auto [entry, isNew] = texts.try_emplace(value, "");
    if (!isNew)
      return entry->second;
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToEnd(module->getBody());
    entry->second = (prefix + "__text" + Twine(texts.size() - 1)).str();
    std::string bytes = value.str() + '\0';
    auto type = LLVM::LLVMArrayType::get(b.getI8Type(), bytes.size());
    LLVM::GlobalOp::create(b, module->getLoc(), type, /*isConstant=*/true, LLVM::Linkage::Internal,
                           entry->second, b.getStringAttr(bytes));
    return entry->second;
  }

private:
  /// A dispatch's cost stands behind its sizes: {operations, bytes}.
  std::string costFunction(unsigned sizes) {
    std::string name = (prefix + "__cost" + Twine(sizes)).str();
    if (module->lookupSymbol(name))
      return name;
    OpBuilder::InsertionGuard guard(b);
    Location loc = module->getLoc();
    auto op = function(loc, name, LLVM::LLVMVoidType::get(context), {ptr, ptr});
    Block *block = op.addEntryBlock(b);
    b.setInsertionPointToStart(block);
    for (int32_t i = 0; i < 2; ++i) {
      Value from = LLVM::GEPOp::create(b, loc, ptr, i64, block->getArgument(0),
                                       ArrayRef<LLVM::GEPArg>{int32_t(sizes) + i});
      Value to =
          LLVM::GEPOp::create(b, loc, ptr, i64, block->getArgument(1), ArrayRef<LLVM::GEPArg>{i});
      LLVM::StoreOp::create(b, loc, LLVM::LoadOp::create(b, loc, i64, from), to);
    }
    LLVM::ReturnOp::create(b, loc, ValueRange());
    return name;
  }

  llvm::StringMap<std::string> texts;
};

/// One rt.program.
class ProgramEmitter {
public:
  ProgramEmitter(HostGlobals &globals, rt::ProgramOp program)
      : g(globals), b(globals.context), program(program), loc(program.getLoc()) {
    for (auto name : program.getSymbols().getAsValueRange<StringAttr>())
      symbolIndex.try_emplace(name, symbolIndex.size());
    entrySymbols = symbolIndex.size();
    for (auto name : program.getDataSymbols().getAsValueRange<StringAttr>())
      symbolIndex.try_emplace(name, symbolIndex.size());
  }

  LogicalResult run() {
    HostSymbols names = hostSymbols(g.prefix, program);
    emitArena(names.arena);
    emitShapes(names.shapes);
    if (!names.bounds.empty())
      emitBounds(names.bounds);
    return emitProgram(names.program);
  }

private:
  //===-- Sizes -----------------------------------------------------------===//

  Value constant(int64_t value) {
    return arith::ConstantOp::create(b, loc, b.getI64IntegerAttr(value));
  }
  Value element(Value base, Type type, int32_t index) {
    return index ? Value(LLVM::GEPOp::create(b, loc, g.ptr, type, base,
                                             ArrayRef<LLVM::GEPArg>{index}))
                 : base;
  }
  Value loadSymbol(StringRef name) {
    auto found = symbolIndex.find(name);
    if (found == symbolIndex.end()) {
      unknown = name.str();
      return constant(0);
    }
    return LLVM::LoadOp::create(b, loc, g.i64, element(symbols, g.i64, found->second));
  }
  /// The value of a size at the current point.
  Value size(const SizeExpr &expr) {
    std::set<std::string> used;
    expr.symbols(used);
    bool entryOnly = llvm::all_of(used, [&](const std::string &name) {
      auto found = symbolIndex.find(name);
      return found != symbolIndex.end() && found->second < entrySymbols;
    });
    auto load = [&](StringRef name) { return loadSymbol(name); };
    if (!entryOnly || !entryEnd)
      return expr.materialize(b, loc, g.i64, load);
    Value &cached = sizes[expr.str()];
    if (!cached) {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPoint(entryEnd);
      cached = expr.materialize(b, loc, g.i64, load);
    }
    return cached;
  }

  //===-- Functions of sizes ----------------------------------------------===//

  LLVM::LLVMFuncOp open(StringRef name, Type result, ArrayRef<Type> args) {
    LLVM::LLVMFuncOp op = g.function(loc, name, result, args);
    b.setInsertionPointToStart(op.addEntryBlock(b));
    return op;
  }
  void emitArena(StringRef name) {
    auto op = open(name, g.i64, {g.ptr});
    symbols = op.getArgument(0);
    LLVM::ReturnOp::create(b, loc, size(program.getArena().expr(0)));
  }
  void emitShapes(StringRef name) {
    auto op = open(name, LLVM::LLVMVoidType::get(g.context), {g.ptr, g.ptr});
    symbols = op.getArgument(0);
    int32_t at = 0;
    for (ArrayAttr list : {program.getInputs(), program.getOutputs()})
      for (auto entry : list.getAsRange<DictionaryAttr>())
        for (const SizeExpr &dim : nn::dimsOf(entry.getAs<TypeAttr>("type").getValue())) {
          Value value = size(dim);
          LLVM::StoreOp::create(b, loc, value, element(op.getArgument(1), g.i64, at++));
        }
    LLVM::ReturnOp::create(b, loc, ValueRange());
  }
  void emitBounds(StringRef name) {
    auto op = open(name, LLVM::LLVMVoidType::get(g.context), {g.ptr});
    symbols = op.getArgument(0);
    for (auto [i, bound] : llvm::enumerate(program.getBounds().exprs())) {
      Value value = size(bound);
      LLVM::StoreOp::create(b, loc, value, element(symbols, g.i64, entrySymbols + i));
    }
    LLVM::ReturnOp::create(b, loc, ValueRange());
  }

  //===-- The program -----------------------------------------------------===//

  LogicalResult emitProgram(StringRef name);
  void openArena();
  void closeArena();
  bool sanitizes() { return g.sanitizeAddress && program.getGuard(); }
  void allow(Value buffer, Value bytes) {
    if (sanitizes())
      poison("__asan_unpoison_memory_region", values.lookup(buffer), bytes);
  }
  void checkGuard(rt::SliceOp slice, unsigned index);
  void poison(StringRef function, Value address, Value bytes) {
    auto callee = g.declare(function, LLVM::LLVMVoidType::get(g.context), {g.ptr, g.i64});
    // From the sanitizer's runtime, which the loading program brings.
    callee.setVisibility_(LLVM::Visibility::Default);
    LLVM::CallOp::create(b, loc, callee, ValueRange{address, bytes});
  }
  LogicalResult emit(Block &block);
  LogicalResult emit(Operation &op);
  LogicalResult source(Operation &op);
  LogicalResult dispatch(rt::DispatchOp op);
  LogicalResult require(rt::RequireOp op);
  /// Ends the program with a status and a message.
  void fail(ingot_status status, StringRef message);
  /// Goes to the exit with a status that is not 0.
  void leaveIfFailed(Value status);
  LogicalResult forLoop(rt::ForOp op);
  LogicalResult whileLoop(rt::WhileOp op);
  LogicalResult branch(rt::IfOp op);
  Value flag(Value buffer) {
    Value byte = LLVM::LoadOp::create(b, loc, b.getI8Type(), values.lookup(buffer));
    Value zero = arith::ConstantOp::create(b, loc, b.getI8IntegerAttr(0));
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, byte, zero);
  }
  Block *newBlock(TypeRange types = {}) {
    OpBuilder::InsertionGuard guard(b);
    Block *block = b.createBlock(&function.getBody(), function.getBody().end());
    for (Type type : types)
      block->addArgument(type, loc);
    return block;
  }

  HostGlobals &g;
  OpBuilder b;
  rt::ProgramOp program;
  Location loc;
  llvm::StringMap<unsigned> symbolIndex; // entry symbols, then data symbols
  unsigned entrySymbols = 0;
  Value symbols; // of the function being emitted
  LLVM::LLVMFuncOp function;
  Operation *entryEnd = nullptr; // what is computed once goes before it
  Block *exit = nullptr;         // takes the status
  Value bufferArray, sizeArray;
  llvm::StringMap<Value> sizes;
  DenseMap<Value, Value> values; // rt buffers to pointers
  std::string unknown;
};

LogicalResult ProgramEmitter::emitProgram(StringRef name) {
  SmallVector<Type> args(7, g.ptr);
  function = open(name, g.i32, args);
  symbols = function.getArgument(5);
  unsigned maxBuffers = 1, maxSizes = 1;
  program.walk([&](rt::DispatchOp op) {
    maxBuffers = std::max<unsigned>(maxBuffers, op.getBuffers().size() + op.getDefines().size());
    maxSizes = std::max<unsigned>(maxSizes, op.getSizes().size() + 2);
  });
  bufferArray = LLVM::AllocaOp::create(b, loc, g.ptr, g.ptr, constant(maxBuffers), 16);
  sizeArray = LLVM::AllocaOp::create(b, loc, g.ptr, g.i64, constant(maxSizes), 16);
  Block *start = newBlock();
  exit = newBlock({g.i32});
  entryEnd = LLVM::BrOp::create(b, loc, ValueRange(), start);
  b.setInsertionPointToStart(start);
  openArena();
  if (failed(emit(program.getBody().front())))
    return failure();
  closeArena();
  Value good = arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(0));
  LLVM::BrOp::create(b, loc, good, exit);
  b.setInsertionPointToStart(exit);
  if (sanitizes()) // a failed call leaves here
    poison("__asan_unpoison_memory_region", function.getArgument(6),
           size(program.getArena().expr(0)));
  LLVM::ReturnOp::create(b, loc, exit->getArgument(0));
  // The exit stands last for people who read the code.
  exit->moveBefore(&function.getBody(), function.getBody().end());
  if (!unknown.empty())
    return program.emitError() << "size symbol '" << unknown
                               << "' is neither an entry symbol nor a data symbol";
  return success();
}

/// Debugging: what nobody has written is NaN, and may not be touched.
void ProgramEmitter::openArena() {
  if (!program.getGuard())
    return;
  Value arena = function.getArgument(6), bytes = size(program.getArena().expr(0));
  LLVM::MemsetOp::create(b, loc, arena, arith::ConstantOp::create(b, loc, b.getI8IntegerAttr(-1)),
                         bytes,
                         /*isVolatile=*/false);
  if (sanitizes())
    poison("__asan_poison_memory_region", arena, bytes);
}

/// Fails if a guard was written.
void ProgramEmitter::closeArena() {
  if (sanitizes())
    poison("__asan_unpoison_memory_region", function.getArgument(6),
           size(program.getArena().expr(0)));
  if (program.getGuard())
    for (auto [i, slice] : llvm::enumerate(program.getBody().front().getOps<rt::SliceOp>()))
      checkGuard(slice, i);
}

void ProgramEmitter::fail(ingot_status status, StringRef message) {
  auto callee = g.declare("ingot_rt_fail", g.i32, {g.ptr, g.i32, g.ptr});
  Value code = arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(status));
  Value text = LLVM::AddressOfOp::create(b, loc, g.ptr, g.text(message));
  Value result =
      LLVM::CallOp::create(b, loc, callee, ValueRange{function.getArgument(0), code, text})
          .getResult();
  LLVM::BrOp::create(b, loc, result, exit);
}

LogicalResult ProgramEmitter::require(rt::RequireOp op) {
  SizesAttr pair = op.getSizes();
  Value left = size(pair.expr(0)), right = size(pair.expr(1));
  Value same = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, left, right);
  Block *bad = newBlock(), *next = newBlock();
  LLVM::CondBrOp::create(b, loc, same, next, ValueRange(), bad, ValueRange());
  b.setInsertionPointToStart(bad);
  fail(INGOT_SHAPE_MISMATCH, "the sizes " + pair.getTexts()[0].str() + " and " +
                                 pair.getTexts()[1].str() +
                                 " of the inputs differ, but the model needs them equal");
  b.setInsertionPointToStart(next);
  return success();
}

void ProgramEmitter::checkGuard(rt::SliceOp slice, unsigned index) {
  Value end = arith::AddIOp::create(b, loc, size(slice.getOffset().expr(0)),
                                    size(slice.getBytes().expr(0)));
  Block *head = newBlock({g.i64}), *body = newBlock(), *bad = newBlock(), *next = newBlock();
  LLVM::BrOp::create(b, loc, constant(0), head);
  b.setInsertionPointToStart(head);
  Value i = head->getArgument(0);
  Value more =
      arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, i, constant(program.getGuard()));
  LLVM::CondBrOp::create(b, loc, more, body, ValueRange(), next, ValueRange());
  b.setInsertionPointToStart(body);
  Value offset = arith::AddIOp::create(b, loc, end, i);
  Value at = LLVM::GEPOp::create(b, loc, g.ptr, b.getI8Type(), function.getArgument(6),
                                 ArrayRef<LLVM::GEPArg>{offset});
  Value byte = LLVM::LoadOp::create(b, loc, b.getI8Type(), at);
  Value whole = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, byte,
                                      arith::ConstantOp::create(b, loc, b.getI8IntegerAttr(-1)));
  Value following = arith::AddIOp::create(b, loc, i, constant(1));
  LLVM::CondBrOp::create(b, loc, whole, head, following, bad, ValueRange());
  b.setInsertionPointToStart(bad);
  fail(INGOT_FAILED,
       ("a kernel wrote behind buffer " + Twine(index) + " of the arena; see --emit rt").str());
  b.setInsertionPointToStart(next);
}

LogicalResult ProgramEmitter::emit(Block &block) {
  for (Operation &op : block)
    if (failed(emit(op)))
      return failure();
  return success();
}

LogicalResult ProgramEmitter::source(Operation &op) {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(entryEnd);
  auto load = [&](unsigned argument, int64_t index) -> Value {
    return LLVM::LoadOp::create(b, loc, g.ptr,
                                element(function.getArgument(argument), g.ptr, index));
  };
  auto numbered = [&](const llvm::StringMap<unsigned> &table, StringRef name, unsigned argument,
                      StringRef what) -> FailureOr<Value> {
    auto found = table.find(name);
    if (found == table.end())
      return op.emitError() << "names @" << name << ", which is no " << what << " of the module";
    return load(argument, found->second);
  };
  FailureOr<Value> value = failure();
  if (auto slice = dyn_cast<rt::SliceOp>(op)) {
    Value offset = size(slice.getOffset().expr(0));
    value = Value(LLVM::GEPOp::create(b, loc, g.ptr, b.getI8Type(), function.getArgument(6),
                                      ArrayRef<LLVM::GEPArg>{offset}));
  } else if (auto input = dyn_cast<rt::InputOp>(op)) {
    value = load(1, input.getIndex());
  } else if (auto output = dyn_cast<rt::OutputOp>(op)) {
    value = load(2, output.getIndex());
  } else if (auto variable = dyn_cast<rt::VariableOp>(op)) {
    value = numbered(g.variables, variable.getVariable(), 3, "nn.variable");
  } else if (auto data = dyn_cast<rt::ConstantOp>(op)) {
    value = numbered(g.constants, data.getData(), 4, "rt.data");
  }
  if (failed(value))
    return failure();
  values[op.getResult(0)] = *value;
  return success();
}

LogicalResult ProgramEmitter::emit(Operation &op) {
  if (isa<rt::SliceOp, rt::InputOp, rt::OutputOp, rt::VariableOp, rt::ConstantOp>(op))
    return source(op);
  if (auto call = dyn_cast<rt::DispatchOp>(op))
    return dispatch(call);
  if (g.hasDevice && !isa<rt::CopyOp>(op))
    return op.emitError("control flow and debug arenas have no GPU program yet; "
                        "compile this model with --target cpu");
  if (auto copy = dyn_cast<rt::CopyOp>(op)) {
    if (g.hasDevice) {
      auto callee = g.declare("ingot_rt_copy", g.i32, {g.ptr, g.ptr, g.ptr, g.i64});
      Value status = LLVM::CallOp::create(
                         b, loc, callee,
                         ValueRange{function.getArgument(0), values.lookup(copy.getTarget()),
                                    values.lookup(copy.getSource()), size(copy.getBytes().expr(0))})
                         .getResult();
      leaveIfFailed(status);
      return success();
    }
    LLVM::MemcpyOp::create(b, loc, values.lookup(copy.getTarget()), values.lookup(copy.getSource()),
                           size(copy.getBytes().expr(0)),
                           /*isVolatile=*/false);
    return success();
  }
  if (auto begin = dyn_cast<rt::BeginOp>(op)) {
    allow(begin.getBuffer(), size(begin.getBytes().expr(0)));
    return success();
  }
  if (auto free = dyn_cast<rt::FreeOp>(op)) { // all bits set is NaN in every float type
    Value ones = arith::ConstantOp::create(b, loc, b.getI8IntegerAttr(-1));
    Value buffer = values.lookup(free.getBuffer()), bytes = size(free.getBytes().expr(0));
    LLVM::MemsetOp::create(b, loc, buffer, ones, bytes, /*isVolatile=*/false);
    if (sanitizes())
      poison("__asan_poison_memory_region", buffer, bytes);
    return success();
  }
  if (auto requirement = dyn_cast<rt::RequireOp>(op))
    return require(requirement);
  if (auto loop = dyn_cast<rt::ForOp>(op))
    return forLoop(loop);
  if (auto loop = dyn_cast<rt::WhileOp>(op))
    return whileLoop(loop);
  if (auto test = dyn_cast<rt::IfOp>(op))
    return branch(test);
  if (isa<rt::ConditionOp>(op)) // read by whileLoop
    return success();
  return op.emitError() << "has no lowering to a host program";
}

void ProgramEmitter::leaveIfFailed(Value status) {
  Value zero = arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(0));
  Value bad = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, status, zero);
  Block *next = newBlock();
  LLVM::CondBrOp::create(b, loc, bad, exit, status, next, ValueRange());
  b.setInsertionPointToStart(next);
}

LogicalResult ProgramEmitter::dispatch(rt::DispatchOp op) {
  int32_t at = 0;
  for (Value buffer : op.getBuffers())
    LLVM::StoreOp::create(b, loc, values.lookup(buffer), element(bufferArray, g.ptr, at++));
  for (auto name : op.getDefines().getAsValueRange<StringAttr>()) {
    auto found = symbolIndex.find(name);
    if (found == symbolIndex.end())
      return op.emitError() << "defines '" << name << "', which is no data symbol of the program";
    LLVM::StoreOp::create(b, loc, element(symbols, g.i64, found->second),
                          element(bufferArray, g.ptr, at++));
  }
  auto flops = op->getAttrOfType<SizesAttr>("flops");
  auto bytes = op->getAttrOfType<SizesAttr>("bytes");
  bool hasCost = bytes && bytes.size() == 1;
  SmallVector<SizeExpr> all = op.getSizes().exprs();
  unsigned count = all.size();
  if (hasCost)
    all.append({flops && flops.size() == 1 ? flops.expr(0) : SizeExpr(), bytes.expr(0)});
  at = 0;
  for (const SizeExpr &expr : all)
    LLVM::StoreOp::create(b, loc, size(expr), element(sizeArray, g.i64, at++));
  std::string site = g.site(op, count, hasCost);
  Value sizeOperand = all.empty() ? Value(LLVM::ZeroOp::create(b, loc, g.ptr)) : Value(sizeArray);
  auto callee =
      g.declare("ingot_rt_dispatch", g.i32, {g.ptr, g.ptr, g.ptr, g.ptr, g.i64, g.i64, g.i64});
  Value address = LLVM::AddressOfOp::create(b, loc, g.ptr, site);
  Value status =
      LLVM::CallOp::create(b, loc, callee,
                           ValueRange{function.getArgument(0), address, bufferArray, sizeOperand,
                                      size(op.getGrid().expr(0)), constant(op.getChunk()),
                                      size(op.getScratch().expr(0))})
          .getResult();
  leaveIfFailed(status);
  return success();
}

LogicalResult ProgramEmitter::forLoop(rt::ForOp op) {
  Value trip = size(op.getTrip().expr(0));
  Block *head = newBlock({g.i64}), *body = newBlock(), *next = newBlock();
  LLVM::BrOp::create(b, loc, constant(0), head);
  b.setInsertionPointToStart(head);
  Value i = head->getArgument(0);
  Value more = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, i, trip);
  LLVM::CondBrOp::create(b, loc, more, body, ValueRange(), next, ValueRange());
  b.setInsertionPointToStart(body);
  if (op.getCounter()) {
    allow(op.getCounter(), constant(4));
    Value count = arith::TruncIOp::create(b, loc, g.i32, i);
    LLVM::StoreOp::create(b, loc, count, values.lookup(op.getCounter()));
  }
  if (failed(emit(op.getBody().front())))
    return failure();
  Value following = arith::AddIOp::create(b, loc, i, constant(1));
  LLVM::BrOp::create(b, loc, following, head);
  b.setInsertionPointToStart(next);
  return success();
}

LogicalResult ProgramEmitter::whileLoop(rt::WhileOp op) {
  Block *head = newBlock(), *body = newBlock(), *next = newBlock();
  LLVM::BrOp::create(b, loc, ValueRange(), head);
  b.setInsertionPointToStart(head);
  Block &cond = op.getCond().front();
  if (failed(emit(cond)))
    return failure();
  Value more = flag(cast<rt::ConditionOp>(cond.back()).getFlag());
  LLVM::CondBrOp::create(b, loc, more, body, ValueRange(), next, ValueRange());
  b.setInsertionPointToStart(body);
  if (failed(emit(op.getBody().front())))
    return failure();
  LLVM::BrOp::create(b, loc, ValueRange(), head);
  b.setInsertionPointToStart(next);
  return success();
}

LogicalResult ProgramEmitter::branch(rt::IfOp op) {
  Block *yes = newBlock(), *no = newBlock(), *next = newBlock();
  LLVM::CondBrOp::create(b, loc, flag(op.getFlag()), yes, ValueRange(), no, ValueRange());
  for (auto [block, region] :
       {std::pair<Block *, Region *>{yes, &op.getThenRegion()}, {no, &op.getElseRegion()}}) {
    b.setInsertionPointToStart(block);
    if (failed(emit(region->front())))
      return failure();
    LLVM::BrOp::create(b, loc, ValueRange(), next);
  }
  b.setInsertionPointToStart(next);
  return success();
}

void collectNodes(Location location, SmallVectorImpl<StringRef> &names) {
  if (auto name = dyn_cast<NameLoc>(location)) {
    if (!llvm::is_contained(names, name.getName().getValue()))
      names.push_back(name.getName().getValue());
  } else if (auto fused = dyn_cast<FusedLoc>(location)) {
    for (Location part : fused.getLocations())
      collectNodes(part, names);
  } else if (auto call = dyn_cast<CallSiteLoc>(location)) {
    collectNodes(call.getCallee(), names);
  }
}

struct RtToLlvmPass : PassWrapper<RtToLlvmPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(RtToLlvmPass)
  StringRef getArgument() const final { return "rt-to-llvm"; }
  StringRef getDescription() const final {
    return "Lower rt.program to host functions in the LLVM dialect";
  }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<LLVM::LLVMDialect, arith::ArithDialect>();
  }
  void runOnOperation() override {
    FailureOr<HostModule> host = emitHostPrograms(getOperation(), "model");
    if (failed(host))
      return signalPassFailure();
    getOperation().getBodyRegion().takeBody(host->module->getBodyRegion());
  }
};

} // namespace

std::string ingot::makeIdentifier(StringRef text) {
  std::string result;
  for (char c : text)
    result += llvm::isAlnum(c) ? c : '_';
  if (result.empty() || llvm::isDigit(result[0]))
    result.insert(0, "_");
  return result;
}

HostSymbols ingot::hostSymbols(StringRef prefix, rt::ProgramOp program) {
  // The symbol name is unique in the module; a signature's name might not be an
  // identifier and two might become the same one.
  std::string base = (prefix + "__" + makeIdentifier(program.getSymName())).str();
  HostSymbols names{base + "_program", base + "_arena_bytes", base + "_shapes", ""};
  if (!program.getDataSymbols().empty())
    names.bounds = base + "_bounds";
  return names;
}
std::string ingot::kernelSymbol(StringRef prefix, StringRef kernel) {
  return (prefix + "__k_" + makeIdentifier(kernel)).str();
}
std::string ingot::siteSymbol(StringRef prefix, unsigned index) {
  return (prefix + "__site" + Twine(index)).str();
}

std::string ingot::describeNodes(Location location) {
  SmallVector<StringRef> names;
  collectNodes(location, names);
  return llvm::join(names, ", ");
}

FailureOr<HostModule> ingot::emitHostPrograms(ModuleOp module, StringRef prefix,
                                              bool sanitizeAddress) {
  HostGlobals globals(module, prefix, sanitizeAddress);
  for (rt::ProgramOp program : module.getOps<rt::ProgramOp>())
    if (failed(ProgramEmitter(globals, program).run()))
      return failure();
  HostModule result;
  result.module = std::move(globals.module);
  result.sites = std::move(globals.sites);
  return result;
}

std::unique_ptr<Pass> ingot::createRtToLlvmPass() { return std::make_unique<RtToLlvmPass>(); }
