// Matrix products in float32: a block of threads computes a tile of the result;
// slices of both operands stand in shared memory twice, so that the next one is
// loaded while this one is used. Every sum runs over k in order in one thread, so
// a row's bits do not depend on the other rows.
#include "compiler/passes/schedule/Reduction.h"
#include "compiler/passes/schedule/gpu/GpuEmitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/Sequence.h"

using namespace mlir;
using namespace ingot::nn;

namespace ingot::schedule {
namespace {

/// The dimensions of one operand by what they are in the product.
struct Side {
  Value tensor;
  SmallVector<int64_t> batch, free, contract; // dimensions of the tensor
  SmallVector<Extent> freeSpace;
  Extent freeSize = 1;
  bool contractLast = false; ///< neighbours in memory are neighbours along k
  bool lanes = false;        ///< four of them can be read at once
};

class GpuMatmul {
public:
  GpuMatmul(GpuKernel &k, DotGeneralOp dot) : k(k), e(k.e), ir(k.ir), s(k.schedule), dot(dot) {
    fill(lhs, dot.getLhs(), dot.getLhsBatch(), dot.getLhsContract());
    fill(rhs, dot.getRhs(), dot.getRhsBatch(), dot.getRhsContract());
    auto shape = e.shape(dot.getLhs());
    for (int64_t d : dot.getLhsContract())
      contractSpace.push_back(shape[d]);
    for (int64_t d : dot.getLhsBatch())
      batchSpace.push_back(shape[d]);
    depth = k.product(contractSpace);
    guardDepth = !depth.isStatic() || depth.value == 0 || depth.value % s.tileK;
    for (Side *side : {&lhs, &rhs})
      side->lanes = canVectorize(*side);
  }

  SizeExpr run() {
    Value memoryA = k.shared(2 * s.tileK * pitchA(), f32()),
          memoryB = k.shared(2 * s.tileK * s.tileN, f32());
    locate();
    Value slices = ir.index(ir.ceilDiv(depth, s.tileK)), lastSlice = ir.sub(slices, ir.index(1));
    Value zero = ir.index(0);
    {
      auto a = loadSlice(lhs, s.tileM, rowBase, zero),
           b = loadSlice(rhs, s.tileN, columnBase, zero);
      storeSlice(lhs, s.tileM, pitchA(), memoryA, zero, a);
      storeSlice(rhs, s.tileN, s.tileN, memoryB, zero, b);
      k.barrier();
    }
    ir.lanes = 4;
    SmallVector<Value> init(s.threadM * s.threadN / 4, ir.splat(ir.zero(f32())));
    ir.lanes = 1;
    auto sums = ir.loop(zero, slices, 1, init, [&](Value slice, ArrayRef<Value> acc) {
      Value which = ir.rem(slice, ir.index(2)), other = ir.sub(ir.index(1), which);
      // The last slice is loaded once more in the end: cheaper than a branch.
      Value next = ir.mul(ir.min(ir.add(slice, 1), lastSlice), s.tileK);
      auto a = loadSlice(lhs, s.tileM, rowBase, next),
           b = loadSlice(rhs, s.tileN, columnBase, next);
      SmallVector<Value> sums(acc);
      multiply(memoryA, memoryB, which, sums);
      storeSlice(lhs, s.tileM, pitchA(), memoryA, other, a);
      storeSlice(rhs, s.tileN, s.tileN, memoryB, other, b);
      k.barrier();
      return sums;
    });
    writeTile(sums);
    return grid();
  }

private:
  GpuKernel &k;
  Emitter &e;
  Ir &ir;
  const GpuSchedule &s;
  DotGeneralOp dot;
  Side lhs, rhs;
  SmallVector<Extent> contractSpace, batchSpace;
  Extent depth;
  bool guardDepth;
  Coords batch;                  // of this block
  Value rowBase, columnBase;     // of this block's tile
  Value threadRow, threadColumn; // of this thread in the tile, times 4

  Type f32() { return ir.b.getF32Type(); }
  /// Rows of a slice of the left operand are padded: its columns are written.
  int64_t pitchA() const { return s.tileM + 4; }

  void fill(Side &side, Value tensor, ArrayRef<int64_t> batchDims, ArrayRef<int64_t> contractDims) {
    side.tensor = tensor;
    side.batch.assign(batchDims.begin(), batchDims.end());
    side.contract.assign(contractDims.begin(), contractDims.end());
    auto shape = e.shape(tensor);
    int64_t rank = shape.size();
    for (int64_t d = 0; d < rank; ++d)
      if (!llvm::is_contained(batchDims, d) && !llvm::is_contained(contractDims, d)) {
        side.free.push_back(d);
        side.freeSpace.push_back(shape[d]);
      }
    side.freeSize = k.product(side.freeSpace);
    side.contractLast = llvm::is_contained(contractDims, rank - 1);
  }
  /// The operand is a buffer (or elementwise of buffers) whose last dimension is
  /// the only one of its kind and that 4 divides.
  bool canVectorize(const Side &side) {
    const auto &dims = side.contractLast ? side.contract : side.free;
    const Extent &n = side.contractLast ? depth : side.freeSize;
    if (dims.size() != 1 || !n.isStatic() || n.value % 4 || n.value == 0)
      return false;
    SmallVector<Value> work{side.tensor};
    while (!work.empty()) {
      Value v = work.pop_back_val();
      if (e.bufferOf(v))
        continue;
      Operation *op = v.getDefiningOp();
      if (!op || !(op->hasTrait<nn::Elementwise>() || isa<ConstantOp>(op)))
        return false;
      work.append(op->operand_begin(), op->operand_end());
    }
    return true;
  }

  SizeExpr grid() {
    auto count = [](Value tensor, ArrayRef<int64_t> dims) {
      SizeExpr n = 1;
      for (int64_t d : dims)
        n = n * dimsOf(tensor)[d];
      return n;
    };
    return count(lhs.tensor, lhs.batch) * SizeExpr::ceilDiv(count(rhs.tensor, rhs.free), s.tileN) *
           SizeExpr::ceilDiv(count(lhs.tensor, lhs.free), s.tileM);
  }

  /// Which tile the block has: rows fastest, so that neighbours share columns of
  /// the right operand, which is the weights.
  void locate() {
    Value rest = k.block;
    Extent tilesM = ir.ceilDiv(lhs.freeSize, s.tileM), tilesN = ir.ceilDiv(rhs.freeSize, s.tileN);
    auto take = [&](const Extent &n, bool last) -> Value {
      if (n.is(1))
        return ir.index(0);
      if (last)
        return rest;
      Value at = ir.rem(rest, ir.index(n));
      rest = ir.div(rest, ir.index(n));
      return at;
    };
    rowBase = ir.mul(take(tilesM, batchSpace.empty() && tilesN.is(1)), s.tileM);
    columnBase = ir.mul(take(tilesN, batchSpace.empty()), s.tileN);
    ir.lanes = 1;
    batch = k.delinearize(Coord(rest), batchSpace);
    int64_t across = s.tileN / s.threadN;
    threadColumn = ir.mul(ir.rem(k.thread, ir.index(across)), 4);
    threadRow = ir.mul(ir.div(k.thread, ir.index(across)), 4);
  }

  //===-- Slices ----------------------------------------------------------===//

  /// Position of the thread's i-th load in a slice: along the free dimension and
  /// along k. Neighbouring threads read neighbouring elements.
  std::pair<Value, Value> place(const Side &side, int64_t width, int64_t i) {
    int64_t step = side.lanes ? 4 : 1;
    Value t = ir.add(k.thread, i * s.threads);
    int64_t inner = (side.contractLast ? s.tileK : width) / step;
    Value fast = ir.mul(ir.rem(t, ir.index(inner)), step), slow = ir.div(t, ir.index(inner));
    return side.contractLast ? std::make_pair(slow, fast) : std::make_pair(fast, slow);
  }
  int64_t loads(const Side &side, int64_t width) {
    return width * s.tileK / s.threads / (side.lanes ? 4 : 1);
  }

  SmallVector<Value> loadSlice(const Side &side, int64_t width, Value base, Value slice) {
    SmallVector<Value> values;
    int64_t lanes = side.lanes ? 4 : 1;
    for (int64_t i = 0; i < loads(side, width); ++i) {
      auto [free, inner] = place(side, width, i);
      Value f = ir.add(base, free), c = ir.add(slice, inner);
      // Beyond the operand the last element stands in: those results are dropped.
      if (!side.freeSize.isStatic() || side.freeSize.value % width)
        f = ir.min(f, ir.sub(ir.index(side.freeSize), ir.index(side.contractLast ? 1 : lanes)));
      auto load = [&]() -> Value {
        ir.lanes = 1;
        Coords at(cast<RankedTensorType>(side.tensor.getType()).getRank());
        for (auto [d, x] : llvm::zip(side.batch, batch))
          at[d] = x;
        for (auto [d, x] : llvm::zip(side.free, k.delinearize(Coord(f), side.freeSpace)))
          at[d] = x;
        for (auto [d, x] : llvm::zip(side.contract, k.delinearize(Coord(c), contractSpace)))
          at[d] = x;
        if (lanes > 1)
          at.back().lane = 1;
        ir.lanes = lanes;
        Value v = e.eval(side.tensor, at);
        if (lanes > 1)
          v = ir.splat(v);
        ir.lanes = 1;
        return v;
      };
      if (!guardDepth) {
        values.push_back(load());
        continue;
      }
      ir.lanes = lanes;
      Value type = lanes > 1 ? ir.splat(ir.zero(f32())) : ir.zero(f32());
      ir.lanes = 1;
      values.push_back(ir.branch(
          k.isLess(c, ir.index(depth)), {type.getType()},
          [&] { return SmallVector<Value>{load()}; }, [&] { return SmallVector<Value>{type}; })[0]);
    }
    return values;
  }

  void storeSlice(const Side &side, int64_t width, int64_t pitch, Value memory, Value which,
                  ArrayRef<Value> values) {
    for (int64_t i = 0; i < static_cast<int64_t>(values.size()); ++i) {
      auto [free, inner] = place(side, width, i);
      Value row = ir.add(ir.mul(which, s.tileK * pitch), ir.mul(inner, pitch));
      Value at = ir.add(row, free);
      if (!at)
        at = ir.index(0);
      if (!side.lanes) {
        memref::StoreOp::create(ir.b, ir.loc, values[i], memory, ValueRange{at});
      } else if (!side.contractLast) {
        vector::StoreOp::create(ir.b, ir.loc, values[i], memory, ValueRange{at});
      } else {
        for (int64_t l = 0; l < 4; ++l) {
          Value x = vector::ExtractOp::create(ir.b, ir.loc, values[i], ArrayRef<int64_t>{l});
          memref::StoreOp::create(ir.b, ir.loc, x, memory, ValueRange{ir.add(at, l * pitch)});
        }
      }
    }
  }

  //===-- Products --------------------------------------------------------===//

  /// Rows and columns of a thread lie in groups of 4, spread over the tile, so
  /// that a warp's reads of shared memory meet different banks.
  void multiply(Value memoryA, Value memoryB, Value which, SmallVector<Value> &sums) {
    ir.lanes = 4;
    VectorType type = ir.vectorType(f32());
    int64_t groupsM = s.threadM / 4, groupsN = s.threadN / 4;
    Value a0 = ir.add(ir.mul(which, s.tileK * pitchA()), threadRow);
    Value b0 = ir.add(ir.mul(which, s.tileK * s.tileN), threadColumn);
    for (int64_t c = 0; c < s.tileK; ++c) {
      SmallVector<Value> a, b;
      for (int64_t g = 0; g < groupsM; ++g)
        a.push_back(
            vector::LoadOp::create(ir.b, ir.loc, type, memoryA,
                                   ValueRange{ir.add(a0, c * pitchA() + g * s.tileM / groupsM)}));
      for (int64_t g = 0; g < groupsN; ++g)
        b.push_back(
            vector::LoadOp::create(ir.b, ir.loc, type, memoryB,
                                   ValueRange{ir.add(b0, c * s.tileN + g * s.tileN / groupsN)}));
      for (int64_t m = 0; m < s.threadM; ++m) {
        Value x =
            ir.splat(vector::ExtractOp::create(ir.b, ir.loc, a[m / 4], ArrayRef<int64_t>{m % 4}));
        for (int64_t g = 0; g < groupsN; ++g) {
          Value &sum = sums[m * groupsN + g];
          sum = multiplyAdd(e, x, b[g], sum);
        }
      }
    }
    ir.lanes = 1;
  }

  //===-- Results ---------------------------------------------------------===//

  void writeTile(ArrayRef<Value> sums) {
    int64_t groupsM = s.threadM / 4, groupsN = s.threadN / 4;
    bool guardM = !lhs.freeSize.isStatic() || lhs.freeSize.value % s.tileM;
    bool guardN = !rhs.freeSize.isStatic() || rhs.freeSize.value % s.tileN;
    bool lanes = rhs.free.size() == 1 && rhs.freeSize.isStatic() && rhs.freeSize.value % 4 == 0 &&
                 epilogueHasLanes();
    for (int64_t m = 0; m < s.threadM; ++m) {
      Value row = ir.add(ir.add(rowBase, threadRow), m / 4 * (s.tileM / groupsM) + m % 4);
      auto writeRow = [&] {
        for (int64_t g = 0; g < groupsN; ++g) {
          Value column = ir.add(ir.add(columnBase, threadColumn), g * (s.tileN / groupsN));
          Value sum = sums[m * groupsN + g];
          for (int64_t l = 0; l < (lanes ? 1 : 4); ++l) {
            Value at = ir.add(column, l);
            auto write = [&] { writePoint(row, at, lanes, sum, l); };
            if (guardN)
              ir.when(k.isLess(at, ir.index(rhs.freeSize)), write);
            else
              write();
          }
        }
      };
      if (guardM)
        ir.when(k.isLess(row, ir.index(lhs.freeSize)), writeRow);
      else
        writeRow();
    }
  }
  void writePoint(Value row, Value column, bool lanes, Value sum, int64_t l) {
    ir.lanes = 1;
    Coords at = batch, rows = k.delinearize(Coord(row), lhs.freeSpace);
    at.append(rows.begin(), rows.end());
    ir.lanes = lanes ? 4 : 1;
    Coords columns = k.delinearize(Coord(column), rhs.freeSpace);
    at.append(columns.begin(), columns.end());
    if (!lanes)
      sum = vector::ExtractOp::create(ir.b, ir.loc, sum, ArrayRef<int64_t>{l});
    e.bind(dot.getResult(), at, sum);
    e.finish(llvm::to_vector(llvm::seq<unsigned>(0, e.results.size())), at);
    ir.lanes = 1;
  }
  /// Four columns can be finished at once: see hasLanes of the policy.
  bool epilogueHasLanes() {
    SmallVector<Value> work(k.yields().begin(), k.yields().end());
    while (!work.empty()) {
      Value v = work.pop_back_val();
      Operation *op = v.getDefiningOp();
      if (v == dot.getResult() || e.bufferOf(v) || !op || isa<ConstantOp>(op))
        continue;
      if (auto b = dyn_cast<BroadcastOp>(op)) {
        auto from = dimsOf(b.getX());
        for (auto [i, d] : llvm::enumerate(b.getDims()))
          if (!from[i].isConstant(1) && from[i] != dimsOf(b.getResult())[d])
            return false;
      } else if (!op->hasTrait<nn::Elementwise>()) {
        return false;
      }
      work.append(op->operand_begin(), op->operand_end());
    }
    return true;
  }
};

} // namespace

SizeExpr emitGpuMatmul(GpuKernel &k) { return GpuMatmul(k, findMatmul(k.kernel)).run(); }

} // namespace ingot::schedule
