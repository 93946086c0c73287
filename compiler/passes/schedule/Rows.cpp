// Row kernels (softmax, normalization, statistics): several reductions over the
// inner dimensions of the same rows, then results over rows or whole tensors.
#include "compiler/passes/schedule/Loops.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace ingot::nn;

namespace ingot::schedule {
namespace {

bool isTranscendental(Operation *op) {
  return isa<ExpOp, Expm1Op, LogOp, Log1pOp, TanhOp, SigmoidOp, ErfOp, ErfcOp, PowOp, SinOp, CosOp,
             SoftplusOp>(op);
}

class RowLoops {
public:
  explicit RowLoops(Emitter &e) : e(e), ir(e.ir), body(e.kernel.getBody().front()) {
    for (auto op : body.getOps<ReduceOp>())
      stages.push_back(op);
    space = e.shape(stages[0].getX());
    rowRank = space.size() - stages[0].getDims().size();
  }

  void run(Value lo, Value hi) {
    ir.lanes = e.schedule.lanes;
    // Units cut the row dimensions only.
    forEachUnit(e, e.schedule.units, space, lo, hi, [&](ArrayRef<Range> ranges) {
      Coords row;
      for (unsigned d = 0; d < rowRank; ++d)
        row.push_back(Coord(ranges[d].base));
      for (ReduceOp stage : stages)
        reduceRow(stage, row);
      writeResults(row);
    });
  }

private:
  Emitter &e;
  Ir &ir;
  Block &body;
  SmallVector<ReduceOp> stages;
  SmallVector<Extent> space; // row dimensions, then inner ones
  unsigned rowRank;
  DenseSet<Value> kept; // tensors already stored in a result's row

  /// Loops over the inner dimensions but the last, then lane tiles of that.
  SmallVector<Value>
  inner(unsigned d, Coords at, SmallVector<Value> acc,
        llvm::function_ref<SmallVector<Value>(Coords, int64_t, SmallVector<Value>)> f) {
    if (d + 1 == space.size())
      return carryLaneTiles(e, {Value(), space[d]}, e.schedule.vecs, acc,
                            [&](Coord c, int64_t vecs, SmallVector<Value> a) {
                              Coords p = at;
                              p.push_back(c);
                              return f(p, vecs, a);
                            });
    return ir.loop(ir.index(0), ir.index(space[d]), 1, acc, [&](Value i, ArrayRef<Value> a) {
      Coords p = at;
      p.push_back(Coord(i));
      return inner(d + 1, p, SmallVector<Value>(a), f);
    });
  }
  Coords lanePoint(Coords at, int64_t vec) {
    at.back().offset += vec * ir.lanes;
    at.back().lane = 1;
    return at;
  }

  /// Joins all lanes by halves: the order depends on the vector alone.
  Value horizontal(ReduceKind kind, Type element, Value v) {
    int64_t n = ir.lanes;
    while (n > 1) {
      n /= 2;
      SmallVector<int64_t> low, high;
      for (int64_t i = 0; i < n; ++i) {
        low.push_back(i);
        high.push_back(i + n);
      }
      Value a = vector::ShuffleOp::create(ir.b, ir.loc, v, v, low);
      Value b = vector::ShuffleOp::create(ir.b, ir.loc, v, v, high);
      v = combine(e, kind, element, a, b);
    }
    return vector::ExtractOp::create(ir.b, ir.loc, v, ArrayRef<int64_t>{0});
  }

  /// A tensor that is dear to compute and needed again after this stage is
  /// stored in the row of a result of its type on the way.
  void findKept(ReduceOp stage, SmallVectorImpl<std::pair<Value, unsigned>> &keep) {
    auto reachesPointwise = [&](Value v) {
      SmallVector<Value> work{v};
      DenseSet<Value> seen;
      while (!work.empty()) {
        Value x = work.pop_back_val();
        if (!seen.insert(x).second)
          continue;
        for (Operation *user : x.getUsers()) {
          if (isa<ReduceOp, YieldOp>(user))
            continue;
          if (!user->hasTrait<nn::Elementwise>())
            return false;
          work.push_back(user->getResult(0));
        }
      }
      return true;
    };
    SmallVector<Value> work{stage.getX()};
    DenseSet<Value> seen;
    while (!work.empty()) {
      Value v = work.pop_back_val();
      Operation *op = v.getDefiningOp();
      if (!op || !seen.insert(v).second || kept.count(v) || !op->hasTrait<nn::Elementwise>())
        continue;
      bool again = llvm::any_of(
          v.getUsers(), [&](Operation *u) { return u != stage && !u->isBeforeInBlock(stage); });
      for (unsigned r = 0; again && isTranscendental(op) && r < e.results.size(); ++r) {
        Value result = body.getTerminator()->getOperand(r);
        Type element = Emitter::elementType(v);
        bool taken = llvm::any_of(keep, [&](auto &k) { return k.second == r; }) || !kept.empty();
        if (result.getType() != v.getType() || Emitter::computeType(element) != element || taken ||
            !reachesPointwise(v))
          continue;
        keep.push_back({v, r});
        break;
      }
      for (Value x : op->getOperands())
        work.push_back(x);
    }
  }

  void reduceRow(ReduceOp stage, const Coords &row) {
    ReduceKind kind = stage.getKind();
    Type element = Emitter::elementType(stage.getX());
    SmallVector<std::pair<Value, unsigned>> keep;
    findKept(stage, keep);
    SmallVector<Value> init(e.schedule.vecs, ir.splat(identity(e, kind, element)));
    auto acc = inner(rowRank, row, init, [&](Coords at, int64_t vecs, SmallVector<Value> a) {
      for (int64_t j = 0; j < vecs; ++j) {
        Coords p = lanePoint(at, j);
        for (auto [v, r] : keep)
          e.store(e.results[r], p, e.eval(v, p));
        Value next = ir.splat(combine(e, kind, element, a[j], e.eval(stage.getX(), p)));
        a[j] = ir.mask ? ir.select(ir.mask, next, a[j]) : next;
      }
      return a;
    });
    Value sum = acc[0];
    for (Value x : ArrayRef(acc).drop_front())
      sum = combine(e, kind, element, sum, x);
    e.bind(stage.getResult(), row, horizontal(kind, element, sum));
    for (auto [v, r] : keep) {
      Buffer buffer = e.results[r];
      buffer.written = true;
      e.setBuffer(v, buffer);
      kept.insert(v);
      e.borrowed.insert(r);
    }
  }

  void writeResults(const Coords &row) {
    SmallVector<unsigned> whole, single;
    for (unsigned r = 0; r < e.results.size(); ++r)
      (e.results[r].shape.size() == rowRank ? single : whole).push_back(r);
    e.finish(single, row);
    if (whole.empty())
      return;
    inner(rowRank, row, {}, [&](Coords at, int64_t vecs, SmallVector<Value>) {
      for (int64_t j = 0; j < vecs; ++j)
        e.finish(whole, lanePoint(at, j));
      return SmallVector<Value>();
    });
  }
};

} // namespace

void emitRows(Emitter &e, Value lo, Value hi) { RowLoops(e).run(lo, hi); }

} // namespace ingot::schedule
