// Row kernels (softmax, normalization, sums): the threads of a warp or a block
// share a row; partial results meet by exchanges in a warp and through shared
// memory between warps, in an order that the shape fixes.
#include "compiler/passes/schedule/Reduction.h"
#include "compiler/passes/schedule/gpu/GpuEmitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace ingot::nn;

namespace ingot::schedule {
namespace {

constexpr int64_t warp = 32;

class GpuRows {
public:
  explicit GpuRows(GpuKernel &k) : k(k), e(k.e), ir(k.ir) {
    for (auto op : k.kernel.getBody().front().getOps<ReduceOp>())
      stages.push_back(op);
    auto dims = dimsOf(stages[0].getX());
    unsigned rowRank = dims.size() - stages[0].getDims().size();
    auto space = e.shape(stages[0].getX());
    rowSpace.append(space.begin(), space.begin() + rowRank);
    innerSpace.append(space.begin() + rowRank, space.end());
    for (const SizeExpr &d : ArrayRef(dims).take_front(rowRank))
      rowCount = rowCount * d;
  }

  SizeExpr run() {
    int64_t rowsPerBlock = k.schedule.threads / k.schedule.rowThreads;
    if (rowsPerBlock == 1) {
      lane = k.thread;
      one(k.block);
      return rowCount;
    }
    lane = ir.rem(k.thread, ir.index(k.schedule.rowThreads));
    Value row =
        ir.add(ir.mul(k.block, rowsPerBlock), ir.div(k.thread, ir.index(k.schedule.rowThreads)));
    // All threads of a warp have the same row, so exchanges are complete.
    ir.when(k.isLess(row, ir.index(k.product(rowSpace))), [&] { one(row); });
    return SizeExpr::ceilDiv(rowCount, rowsPerBlock);
  }

private:
  GpuKernel &k;
  Emitter &e;
  Ir &ir;
  SmallVector<ReduceOp> stages;
  SmallVector<Extent> rowSpace, innerSpace;
  SizeExpr rowCount = 1;
  Value lane; // number of the thread in its row

  void one(Value row) {
    ir.lanes = 1;
    Coords at = k.delinearize(Coord(row), rowSpace);
    for (ReduceOp stage : stages)
      reduce(stage, at);
    write(at);
  }

  /// This thread's elements of the row, with values carried along.
  SmallVector<Value>
  elements(const Coords &row, ArrayRef<Value> init,
           llvm::function_ref<SmallVector<Value>(ArrayRef<Coord>, ArrayRef<Value>)> body) {
    int64_t lanes = k.schedule.lanes;
    auto r = ir.loop(ir.mul(lane, lanes), ir.index(k.product(innerSpace)),
                     k.schedule.rowThreads * lanes, init, [&](Value i, ArrayRef<Value> carried) {
                       ir.lanes = lanes;
                       Coords at = row;
                       Coords inner = k.delinearize(Coord(i), innerSpace);
                       at.append(inner.begin(), inner.end());
                       auto next = body(at, carried);
                       ir.lanes = 1;
                       return next;
                     });
    return r;
  }

  void reduce(ReduceOp stage, const Coords &row) {
    ReduceKind kind = stage.getKind();
    Type element = Emitter::elementType(stage.getX());
    int64_t lanes = k.schedule.lanes;
    Value start = identity(e, kind, element);
    if (lanes > 1) {
      ir.lanes = lanes;
      start = ir.splat(start);
      ir.lanes = 1;
    }
    Value acc = elements(row, {start}, [&](ArrayRef<Coord> at, ArrayRef<Value> carried) {
      Value next = combine(e, kind, element, carried[0], e.eval(stage.getX(), at));
      return SmallVector<Value>{lanes > 1 ? ir.splat(next) : next};
    })[0];
    if (lanes > 1) {
      SmallVector<Value> parts;
      for (int64_t i = 0; i < lanes; ++i)
        parts.push_back(vector::ExtractOp::create(ir.b, ir.loc, acc, ArrayRef<int64_t>{i}));
      for (int64_t n = lanes / 2; n; n /= 2)
        for (int64_t i = 0; i < n; ++i)
          parts[i] = combine(e, kind, element, parts[i], parts[i + n]);
      acc = parts[0];
    }
    for (int64_t mask = warp / 2; mask; mask /= 2)
      acc = combine(e, kind, element, acc, k.exchange(acc, mask));
    if (k.schedule.rowThreads > warp)
      acc = acrossWarps(kind, element, acc);
    e.bind(stage.getResult(), row, acc);
  }

  /// Every thread adds up the warps' results itself, in their order.
  Value acrossWarps(ReduceKind kind, Type element, Value acc) {
    int64_t warps = k.schedule.rowThreads / warp;
    Type type = acc.getType(), stored = Emitter::storageType(type);
    Value memory = k.shared(warps, stored); // one a stage: no barrier between them
    Value inWarp = ir.rem(k.thread, ir.index(warp));
    Value first =
        arith::CmpIOp::create(ir.b, ir.loc, arith::CmpIPredicate::eq, inWarp, ir.index(0));
    ir.when(first, [&] {
      Value v = type == stored ? acc : Value(arith::ExtUIOp::create(ir.b, ir.loc, stored, acc));
      memref::StoreOp::create(ir.b, ir.loc, v, memory,
                              ValueRange{ir.div(k.thread, ir.index(warp))});
    });
    k.barrier();
    Value sum;
    for (int64_t w = 0; w < warps; ++w) {
      Value v = memref::LoadOp::create(ir.b, ir.loc, memory, ValueRange{ir.index(w)});
      if (type != stored)
        v = arith::TruncIOp::create(ir.b, ir.loc, type, v);
      sum = sum ? combine(e, kind, element, sum, v) : v;
    }
    return sum;
  }

  void write(const Coords &row) {
    SmallVector<unsigned> whole, single;
    for (unsigned r = 0; r < e.results.size(); ++r)
      (e.results[r].shape.size() == rowSpace.size() ? single : whole).push_back(r);
    if (!single.empty()) {
      Value first =
          arith::CmpIOp::create(ir.b, ir.loc, arith::CmpIPredicate::eq, lane, ir.index(0));
      ir.when(first, [&] { e.finish(single, row); });
    }
    if (whole.empty())
      return;
    elements(row, {}, [&](ArrayRef<Coord> at, ArrayRef<Value>) {
      e.finish(whole, at);
      return SmallVector<Value>();
    });
  }
};

} // namespace

SizeExpr emitGpuRows(GpuKernel &k) { return GpuRows(k).run(); }

} // namespace ingot::schedule
