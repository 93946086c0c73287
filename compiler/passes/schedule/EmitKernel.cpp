// The kernel function: buffers and sizes from the ABI's arrays, the loops that
// the schedule names, the status. Also which buffers may be one.
#include "compiler/passes/schedule/EmitKernel.h"

#include "compiler/passes/schedule/Loops.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace ingot::nn;

namespace ingot::schedule {

SmallVector<std::string> definedSymbols(KernelOp kernel) {
  SmallVector<std::string> names;
  kernel.getBody().walk([&](NonzeroOp op) { names.push_back(op.getSymbol().str()); });
  return names;
}

SmallVector<std::string> kernelSymbols(KernelOp kernel) {
  SmallVector<std::string> order;
  auto defined = definedSymbols(kernel);
  std::set<std::string> seen(defined.begin(), defined.end());
  auto take = [&](const SizeExpr &e) {
    std::set<std::string> names;
    e.symbols(names);
    for (const std::string &n : names)
      if (seen.insert(n).second)
        order.push_back(n);
  };
  auto types = [&](TypeRange range) {
    for (Type t : range)
      if (isa<RankedTensorType>(t))
        for (const SizeExpr &d : dimsOf(t))
          take(d);
  };
  Block &body = kernel.getBody().front();
  types(body.getArgumentTypes());
  body.walk([&](Operation *op) {
    types(op->getOperandTypes());
    types(op->getResultTypes());
    for (NamedAttribute a : op->getAttrs())
      if (auto sizes = dyn_cast<SizesAttr>(a.getValue()))
        for (const SizeExpr &e : sizes.exprs())
          take(e);
  });
  return order;
}

namespace {

/// Operands that may share memory with a result: read only at the point that is
/// stored next, by elementwise operations (a row kernel reads them in earlier
/// passes over the same row too).
SmallVector<int64_t> findInplace(KernelOp kernel, const Schedule &s, const Emitter &e) {
  SmallVector<int64_t> pairs;
  if (s.loops == Schedule::Loops::special) {
    Operation *op = findSpecial(kernel);
    auto x = dyn_cast<BlockArgument>(op->getOperand(0));
    if (isa<DynamicUpdateSliceOp, ScatterOp>(op) && x && x.hasOneUse())
      pairs = {0, static_cast<int64_t>(x.getArgNumber())};
    return pairs;
  }
  if (s.loops == Schedule::Loops::serial || s.rolledEpilogue)
    return pairs;
  Block &body = kernel.getBody().front();
  for (BlockArgument operand : body.getArguments()) {
    bool pointwise = true;
    SmallVector<Value> work{operand};
    DenseSet<Value> seen;
    while (pointwise && !work.empty()) {
      Value v = work.pop_back_val();
      if (!seen.insert(v).second)
        continue;
      for (Operation *user : v.getUsers()) {
        if (isa<YieldOp>(user))
          continue;
        if (isa<ReduceOp>(user) && s.loops == Schedule::Loops::rows)
          continue;
        if (!user->hasTrait<nn::Elementwise>()) {
          pointwise = false;
          break;
        }
        work.push_back(user->getResult(0));
      }
    }
    if (!pointwise || operand.use_empty())
      continue;
    for (auto [r, v] : llvm::enumerate(body.getTerminator()->getOperands()))
      if (v.getType() == operand.getType() && !e.borrowed.count(r))
        pairs.append({static_cast<int64_t>(r), static_cast<int64_t>(operand.getArgNumber())});
  }
  return pairs; // the planner takes those that save a copy
}

/// An operation on complex numbers: kernels only take them apart and together.
Operation *findComplex(KernelOp kernel) {
  auto isComplex = [](Type t) { return isa<ComplexType>(getElementTypeOrSelf(t)); };
  for (Operation &op : kernel.getBody().front())
    if (!isa<RealOp, ImagOp, ComplexOp, YieldOp>(op) &&
        (llvm::any_of(op.getOperandTypes(), isComplex) ||
         llvm::any_of(op.getResultTypes(), isComplex)))
      return &op;
  return nullptr;
}

SizeExpr gridOf(KernelOp kernel, const Schedule &s) {
  SmallVector<SizeExpr> dims;
  if (s.loops == Schedule::Loops::flat)
    dims = {elementCount(kernel.getResult(0).getType())};
  else if (s.loops == Schedule::Loops::rows) {
    for (auto op : kernel.getBody().front().getOps<ReduceOp>())
      dims = dimsOf(op.getX());
  } else
    dims = dimsOf(kernel.getResult(0));
  SizeExpr grid = 1;
  for (const UnitAxis &u : s.units)
    grid = grid * (u.block == 1 ? dims[u.dim] : SizeExpr::ceilDiv(dims[u.dim], u.block));
  return grid;
}

Value loadFrom(OpBuilder &b, Location loc, Value array, int64_t i, Type type) {
  Value at = i ? LLVM::GEPOp::create(b, loc, array.getType(), type, array,
                                     ArrayRef<LLVM::GEPArg>{int32_t(i)})
                     .getResult()
               : array;
  return LLVM::LoadOp::create(b, loc, type, at);
}

} // namespace

FailureOr<EmittedKernel> emitKernel(KernelOp kernel, const Schedule &schedule,
                                    const TargetInfo &target, ModuleOp module, StringRef name) {
  if (Operation *op = findComplex(kernel)) {
    op->emitError("cannot be computed by a kernel: complex numbers must be expanded before")
            .attachNote(kernel.getLoc())
        << "in this kernel";
    return failure();
  }
  MLIRContext *context = kernel.getContext();
  Location loc = kernel.getLoc();
  OpBuilder b(context);
  b.setInsertionPointToEnd(module.getBody());
  Type pointer = LLVM::LLVMPointerType::get(context), i64 = b.getI64Type();
  auto function = func::FuncOp::create(
      b, loc, name,
      FunctionType::get(context, {pointer, pointer, i64, i64, pointer}, {b.getI32Type()}));
  Block *entry = function.addEntryBlock();
  b.setInsertionPointToEnd(entry);

  // Prologue: pointers, sizes, the range of units. `mark` is its last
  // operation: sizes that are needed later are computed before it.
  SmallVector<Value> memrefs, pointers;
  auto memrefOf = [&](Type tensor, int64_t i) {
    Value p = loadFrom(b, loc, entry->getArgument(0), i, pointer);
    pointers.push_back(p);
    Type element = Emitter::storageType(cast<RankedTensorType>(tensor).getElementType());
    auto type = MemRefType::get({ShapedType::kDynamic}, element);
    memrefs.push_back(UnrealizedConversionCastOp::create(b, loc, type, p).getResult(0));
  };
  int64_t position = 0;
  for (Type t : kernel.getBody().front().getArgumentTypes())
    memrefOf(t, position++);
  for (Type t : kernel.getResultTypes())
    memrefOf(t, position++);
  for (size_t i = 0; i < definedSymbols(kernel).size(); ++i)
    pointers.push_back(loadFrom(b, loc, entry->getArgument(0), position++, pointer));
  Value lo = arith::IndexCastOp::create(b, loc, b.getIndexType(), entry->getArgument(2));
  Value hi = arith::IndexCastOp::create(b, loc, b.getIndexType(), entry->getArgument(3));
  SmallVector<std::pair<std::string, Value>> symbols;
  for (auto [i, symbol] : llvm::enumerate(kernelSymbols(kernel))) {
    Value v = loadFrom(b, loc, entry->getArgument(1), i, i64);
    symbols.push_back({symbol, arith::IndexCastOp::create(b, loc, b.getIndexType(), v)});
  }
  Operation *mark = hi.getDefiningOp();
  mark->moveAfter(&entry->back());

  Emitter e(b, kernel, schedule, target, entry, mark);
  e.pointers = pointers;
  for (auto &[symbol, v] : symbols)
    e.setSymbol(symbol, v);
  Block &body = kernel.getBody().front();
  for (auto [i, m] : llvm::enumerate(memrefs)) {
    if (i < body.getNumArguments())
      e.setBuffer(body.getArgument(i), e.makeBuffer(m, body.getArgument(i).getType()));
    else
      e.results.push_back(e.makeBuffer(m, kernel.getResult(i - body.getNumArguments()).getType()));
  }

  switch (schedule.loops) {
  case Schedule::Loops::flat:
    emitFlat(e, lo, hi);
    break;
  case Schedule::Loops::rows:
    emitRows(e, lo, hi);
    break;
  case Schedule::Loops::tile: {
    SmallVector<unsigned> all;
    for (unsigned r = 0; r < e.results.size(); ++r)
      all.push_back(r);
    emitTiles(e, schedule, findRoot(kernel), all, lo, hi);
    break;
  }
  case Schedule::Loops::special:
    emitSpecial(e, lo, hi);
    break;
  case Schedule::Loops::serial:
    emitSerial(e, lo, hi);
    break;
  }
  if (e.unsupported) {
    InFlightDiagnostic d = e.unsupported->emitError("cannot be computed by a kernel yet");
    d.attachNote(loc) << "in this kernel";
    function.erase();
    return failure();
  }
  Value status = e.status
                     ? Value(memref::LoadOp::create(b, loc, e.status, ValueRange{e.ir.index(0)}))
                     : e.ir.constantInt(b.getI32Type(), 0);
  func::ReturnOp::create(b, loc, status);

  function->setAttr("kind", kernel.getKindAttr());
  function->setAttr("schedule", schedule.toAttr(context));
  EmittedKernel r;
  r.function = function;
  r.grid = gridOf(kernel, schedule);
  r.chunk = schedule.chunk;
  r.inplace = findInplace(kernel, schedule, e);
  return r;
}

} // namespace ingot::schedule
