// The kernel function, and the elementwise loops.
#include "compiler/passes/schedule/gpu/GpuEmitter.h"

#include "compiler/passes/schedule/EmitKernel.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "llvm/ADT/Sequence.h"

using namespace mlir;
using namespace ingot::nn;

namespace ingot::schedule {

//===-- Common parts ------------------------------------------------------===//

Coords GpuKernel::delinearize(Coord position, ArrayRef<Extent> space) {
  Coords at(space.size());
  int64_t lane = ir.lanes > 1;
  for (int64_t d = static_cast<int64_t>(space.size()) - 1; d >= 0; --d) {
    if (d == 0) {
      at[0] = position;
    } else {
      auto [high, low] = e.split(position, space[d]);
      at[d] = low;
      position = high;
    }
  }
  if (!at.empty())
    at.back().lane = lane;
  return at;
}
Extent GpuKernel::product(ArrayRef<Extent> space) {
  Extent n = 1;
  for (const Extent &x : space)
    n = ir.mul(n, x);
  return n;
}
Value GpuKernel::shared(int64_t elements, Type element) {
  auto space = gpu::AddressSpaceAttr::get(function.getContext(), gpu::AddressSpace::Workgroup);
  return function.addWorkgroupAttribution(MemRefType::get({elements}, element, AffineMap(), space),
                                          ir.loc);
}
void GpuKernel::barrier() { gpu::BarrierOp::create(ir.b, ir.loc); }
Value GpuKernel::isLess(Value x, Value y) {
  return arith::CmpIOp::create(ir.b, ir.loc, arith::CmpIPredicate::slt, x, y);
}

Value GpuKernel::exchange(Value v, int64_t mask) {
  OpBuilder &b = ir.b;
  Location loc = ir.loc;
  Type type = v.getType(), i32 = b.getI32Type(), i64 = b.getI64Type();
  auto swap = [&](Value x) -> Value {
    return gpu::ShuffleOp::create(b, loc, x, ir.constantInt(i32, mask), ir.constantInt(i32, 32),
                                  gpu::ShuffleMode::XOR)
        .getShuffleResult();
  };
  unsigned width = type.getIntOrFloatBitWidth();
  if (width == 32)
    return swap(v);
  if (width < 32) { // integers only: halves are computed in float32
    Value wide = arith::ExtUIOp::create(b, loc, i32, v);
    return arith::TruncIOp::create(b, loc, type, swap(wide));
  }
  Value bits = type.isF64() ? Value(arith::BitcastOp::create(b, loc, i64, v)) : v;
  Value half = ir.constantInt(i64, 32);
  Value low = swap(arith::TruncIOp::create(b, loc, i32, bits));
  Value high = arith::ShRUIOp::create(b, loc, bits, half);
  high = swap(arith::TruncIOp::create(b, loc, i32, high));
  high = arith::ShLIOp::create(b, loc, arith::ExtUIOp::create(b, loc, i64, high), half);
  Value joined = arith::OrIOp::create(b, loc, high, arith::ExtUIOp::create(b, loc, i64, low));
  return type.isF64() ? Value(arith::BitcastOp::create(b, loc, type, joined)) : joined;
}

//===-- Elementwise -------------------------------------------------------===//

/// Runs `body` on this thread's part of n elements: once with all lanes, or for
/// the elements that are left one by one.
static SizeExpr forEachPoint(GpuKernel &k, const SizeExpr &count, const Extent &n,
                             llvm::function_ref<void(Coord)> body) {
  Ir &ir = k.ir;
  int64_t lanes = k.schedule.lanes, perBlock = k.schedule.threads * lanes;
  Value first = ir.mul(ir.add(ir.mul(k.block, k.schedule.threads), k.thread), lanes);
  Value end = ir.index(n);
  auto whole = [&] {
    ir.lanes = lanes;
    body(Coord(first));
    ir.lanes = 1;
  };
  auto rest = [&] { ir.loop(first, end, 1, [&](Value i) { body(Coord(i)); }); };
  if (n.isStatic() && n.value % perBlock == 0) {
    whole();
  } else if (lanes == 1 || (n.isStatic() && n.value % lanes == 0)) {
    ir.when(k.isLess(first, end), whole);
  } else {
    ir.when(k.isLess(ir.add(first, lanes - 1), end), whole);
    ir.when(k.isLess(end, ir.add(first, lanes)), rest);
  }
  return SizeExpr::ceilDiv(count, perBlock);
}

static void storeAll(GpuKernel &k, ArrayRef<Coord> at) {
  k.e.finish(llvm::to_vector(llvm::seq<unsigned>(0, k.e.results.size())), at);
}

SizeExpr emitGpuFlat(GpuKernel &k) {
  SizeExpr count = elementCount(k.kernel.getResult(0).getType());
  k.e.flat = true;
  return forEachPoint(k, count, k.e.extent(count), [&](Coord c) {
    c.lane = k.ir.lanes > 1;
    storeAll(k, {c});
  });
}

SizeExpr emitGpuPoints(GpuKernel &k) {
  auto space = k.e.shape(k.kernel.getResult(0));
  SizeExpr count = elementCount(k.kernel.getResult(0).getType());
  return forEachPoint(k, count, k.product(space),
                      [&](Coord c) { storeAll(k, k.delinearize(c, space)); });
}

//===-- The function ------------------------------------------------------===//

FailureOr<EmittedGpuKernel> emitGpuKernel(KernelOp kernel, const GpuSchedule &schedule,
                                          gpu::GPUModuleOp module, StringRef name) {
  MLIRContext *context = kernel.getContext();
  Location loc = kernel.getLoc();
  OpBuilder b(context);
  b.setInsertionPointToEnd(module.getBody());
  auto symbols = kernelSymbols(kernel);
  Type pointer = LLVM::LLVMPointerType::get(context, 1);
  Block &body = kernel.getBody().front();
  SmallVector<Type> tensors(body.getArgumentTypes());
  tensors.append(kernel.result_type_begin(), kernel.result_type_end());
  SmallVector<Type> arguments(tensors.size(), pointer);
  arguments.append(symbols.size(), b.getI64Type());
  auto function = gpu::GPUFuncOp::create(b, loc, name, FunctionType::get(context, arguments, {}));
  function->setAttr(gpu::GPUDialect::getKernelFuncAttrName(), b.getUnitAttr());
  function.setKnownBlockSizeAttr(
      b.getDenseI32ArrayAttr({static_cast<int32_t>(schedule.threads), 1, 1}));
  function->setAttr("kind", kernel.getKindAttr());
  function->setAttr("schedule", schedule.toAttr(context));
  Block *entry = &function.getBody().front();
  b.setInsertionPointToEnd(entry);

  SmallVector<Value> memrefs;
  for (Type t : tensors) {
    Type element = Emitter::storageType(cast<RankedTensorType>(t).getElementType());
    auto type =
        MemRefType::get({ShapedType::kDynamic}, element, AffineMap(), b.getI64IntegerAttr(1));
    memrefs.push_back(
        UnrealizedConversionCastOp::create(b, loc, type, entry->getArgument(memrefs.size()))
            .getResult(0));
  }
  SmallVector<Value> sizes;
  for (size_t i = 0; i < symbols.size(); ++i)
    sizes.push_back(arith::IndexCastOp::create(b, loc, b.getIndexType(),
                                               entry->getArgument(memrefs.size() + i)));
  Value block = gpu::BlockIdOp::create(b, loc, gpu::Dimension::x);
  auto thread = gpu::ThreadIdOp::create(b, loc, gpu::Dimension::x);

  // The shared emitter asks the schedule and the processor for nothing here.
  Schedule unused;
  TargetInfo noProcessor;
  Emitter e(b, kernel, unused, noProcessor, entry, thread);
  for (auto [symbol, v] : llvm::zip(symbols, sizes))
    e.setSymbol(symbol, v);
  for (auto [i, m] : llvm::enumerate(memrefs)) {
    if (i < body.getNumArguments())
      e.setBuffer(body.getArgument(i), e.makeBuffer(m, body.getArgument(i).getType()));
    else
      e.results.push_back(e.makeBuffer(m, kernel.getResult(i - body.getNumArguments()).getType()));
  }
  GpuKernel k{e, e.ir, kernel, schedule, function, block, thread};
  EmittedGpuKernel r;
  r.function = function;
  switch (schedule.loops) {
  case GpuSchedule::Loops::flat:
    r.grid = emitGpuFlat(k);
    break;
  case GpuSchedule::Loops::points:
    r.grid = emitGpuPoints(k);
    break;
  case GpuSchedule::Loops::rows:
    r.grid = emitGpuRows(k);
    break;
  case GpuSchedule::Loops::matmul:
    r.grid = emitGpuMatmul(k);
    break;
  }
  gpu::ReturnOp::create(b, loc);
  if (e.unsupported || e.status) {
    Operation *where = e.unsupported ? e.unsupported : kernel.getOperation();
    where->emitError() << (e.unsupported
                               ? "cannot be computed by a GPU kernel yet"
                               : "has run-time checks, which GPU kernels cannot report yet")
                       << "; compile this model with --target cpu";
    function.erase();
    return failure();
  }
  return r;
}

} // namespace ingot::schedule
