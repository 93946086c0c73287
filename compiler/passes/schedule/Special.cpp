// Kernels of one operation that is no function of a point: updates of a part of
// a tensor, scans, the positions of true elements.
#include "compiler/passes/schedule/Loops.h"
#include "compiler/passes/schedule/Scalar.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace ingot::nn;

namespace ingot::schedule {
namespace {

Value integerIndex(Emitter &e, Value tensor, ArrayRef<Coord> at) {
  Value v = e.eval(tensor, at);
  Type index = e.ir.b.getIndexType();
  if (Emitter::elementType(tensor).isUnsignedInteger())
    return arith::IndexCastUIOp::create(e.ir.b, e.ir.loc, index, v);
  return arith::IndexCastOp::create(e.ir.b, e.ir.loc, index, v);
}

/// All points of a shape after `prefix`, lane tiles along its last dimension.
void forEachPoint(Emitter &e, ArrayRef<Extent> shape, Coords prefix,
                  llvm::function_ref<void(const Coords &)> f) {
  Ir &ir = e.ir;
  size_t d = prefix.size();
  if (d == shape.size())
    return f(prefix);
  if (d + 1 == shape.size() && ir.lanes > 1) {
    forEachLaneTile(e, {Value(), shape[d]}, 1, [&](Coord c, int64_t) {
      Coords p = prefix;
      p.push_back(Coord(c.base, c.offset, 1));
      f(p);
    });
    return;
  }
  ir.loop(ir.index(0), ir.index(shape[d]), 1, [&](Value i) {
    Coords p = prefix;
    p.push_back(Coord(i));
    forEachPoint(e, shape, p, f);
  });
}

/// The result starts as x, which it may share its memory with.
void startAs(Emitter &e, Value x) {
  Ir &ir = e.ir;
  const Buffer &result = e.results[0];
  auto copy = [&] {
    forEachPoint(e, result.shape, {}, [&](const Coords &p) { e.store(result, p, e.eval(x, p)); });
  };
  auto argument = dyn_cast<BlockArgument>(x);
  if (!argument)
    return copy();
  Value to = e.pointers[e.kernel.getBody().front().getNumArguments()],
        from = e.pointers[argument.getArgNumber()];
  Value differ = LLVM::ICmpOp::create(ir.b, ir.loc, LLVM::ICmpPredicate::ne, to, from);
  ir.when(differ, copy);
}

void emitUpdate(Emitter &e, DynamicUpdateSliceOp op) {
  Ir &ir = e.ir;
  startAs(e, op.getX());
  auto shape = e.shape(op.getX()), window = e.shape(op.getUpdate());
  SmallVector<Value> starts;
  for (auto [i, s] : llvm::enumerate(op.getStarts())) {
    Value last = ir.sub(ir.index(shape[i]), ir.index(window[i]));
    starts.push_back(ir.max(ir.min(integerIndex(e, s, {}), last), ir.index(0)));
  }
  forEachPoint(e, window, {}, [&](const Coords &p) {
    Coords at;
    for (auto [c, s] : llvm::zip(p, starts))
      at.push_back(ir.add(c, ir.coord(s)));
    e.store(e.results[0], at, e.eval(op.getUpdate(), p));
  });
}

void emitScatter(Emitter &e, ScatterOp op) {
  Ir &ir = e.ir;
  startAs(e, op.getX());
  Buffer result = e.results[0];
  result.written = true;
  auto rows = e.shape(op.getIndices());
  int64_t k = cast<RankedTensorType>(op.getIndices().getType()).getShape().back();
  rows.pop_back();
  Type element = result.element;
  int64_t lanes = ir.lanes;
  ir.lanes = 1;
  forEachPoint(e, rows, {}, [&](const Coords &row) {
    Coords at;
    Value ok;
    for (int64_t i = 0; i < k; ++i) {
      Coords ix = row;
      ix.push_back(Coord(i));
      Value v = integerIndex(e, op.getIndices(), ix), n = ir.index(result.shape[i]);
      if (op.getMode() == BoundsMode::clamp) {
        v = ir.max(ir.min(v, ir.sub(n, ir.index(1))), ir.index(0));
      } else {
        Value in = arith::CmpIOp::create(ir.b, ir.loc, arith::CmpIPredicate::ult, v, n);
        ok = ir.logicalAnd(ok, in);
      }
      at.push_back(Coord(v));
    }
    auto write = [&] {
      ir.lanes = lanes;
      SmallVector<Extent> slice(ArrayRef<Extent>(result.shape).drop_front(k));
      bool scalar = slice.empty();
      if (scalar)
        ir.lanes = 1;
      forEachPoint(e, slice, {}, [&](const Coords &p) {
        Coords to = at, from = row;
        to.append(p.begin(), p.end());
        from.append(p.begin(), p.end());
        Value update = e.eval(op.getUpdates(), from);
        if (op.getKind() == ScatterKind::update)
          return e.store(result, to, update);
        Value v[] = {e.load(result, to), update};
        ir.unify(v);
        bool isUnsigned = element.isUnsignedInteger() || element.isInteger(1);
        Scalar x{&e, v[0], isUnsigned}, y{&e, v[1], isUnsigned}, r = x;
        switch (op.getKind()) {
        case ScatterKind::update:
          break;
        case ScatterKind::add:
          r = x + y;
          break;
        case ScatterKind::sub:
          r = x - y;
          break;
        case ScatterKind::mul:
          r = x * y;
          break;
        case ScatterKind::min:
          r = x.min(y);
          break;
        case ScatterKind::max:
          r = x.max(y);
          break;
        }
        e.store(result, to, r.v);
      });
      ir.lanes = 1;
    };
    if (!ok)
      return write();
    if (op.getMode() == BoundsMode::error) {
      Value bad = arith::XOrIOp::create(ir.b, ir.loc, ok, ir.constantInt(ir.b.getI1Type(), 1));
      e.raise(bad, Status::OutOfRange);
    }
    ir.when(ok, write);
  });
}

void emitScan(Emitter &e, ScanOp op, Value lo, Value hi) {
  Ir &ir = e.ir;
  const Buffer &result = e.results[0];
  int64_t dim = op.getDim(), rank = result.shape.size();
  Type element = result.element;
  if (dim == rank - 1)
    ir.lanes = 1;
  forEachUnit(e, e.schedule.units, result.shape, lo, hi, [&](ArrayRef<Range> ranges) {
    Coords outer;
    for (int64_t d = 0; d < dim; ++d)
      outer.push_back(Coord(ranges[d].base));
    SmallVector<Extent> inner(ArrayRef<Extent>(result.shape).drop_front(dim + 1));
    forEachPoint(e, inner, {}, [&](const Coords &p) {
      Value start = identity(e, op.getKind(), element);
      if (llvm::any_of(p, [](const Coord &c) { return !c.isUniform(); }))
        start = ir.splat(start);
      ir.loop(ir.index(0), ir.index(result.shape[dim]), 1, {start},
              [&](Value i, ArrayRef<Value> acc) {
                if (op.getReverse())
                  i = ir.sub(ir.sub(ir.index(result.shape[dim]), ir.index(1)), i);
                Coords at = outer;
                at.push_back(Coord(i));
                at.append(p.begin(), p.end());
                Value next = combine(e, op.getKind(), element, acc[0], e.eval(op.getX(), at));
                if (Ir::isVector(acc[0]))
                  next = ir.splat(next);
                e.store(result, at, op.getExclusive() ? acc[0] : next);
                return SmallVector<Value>{next};
              });
    });
  });
}

/// The positions of true elements: a vector of elements is one test, then one
/// step for each that is true.
class Nonzero {
public:
  Nonzero(Emitter &e, NonzeroOp op)
      : e(e), ir(e.ir), op(op), shape(e.shape(op.getX())), lanes(shape.empty() ? 1 : ir.lanes) {}

  void run() {
    Value count = walk({}, ir.index(0));
    // The pointer after those of the results takes the size.
    LLVM::StoreOp::create(ir.b, ir.loc,
                          arith::IndexCastOp::create(ir.b, ir.loc, ir.b.getI64Type(), count),
                          e.pointers.back());
  }

private:
  Emitter &e;
  Ir &ir;
  NonzeroOp op;
  SmallVector<Extent> shape;
  int64_t lanes;

  /// The number of true elements after those at `at`, of which `count` were before.
  Value walk(Coords at, Value count) {
    ir.lanes = 1;
    if (at.size() == shape.size())
      return one(at, e.eval(op.getX(), at), count);
    if (at.size() + 1 == shape.size() && lanes > 1) {
      ir.lanes = lanes;
      return carryLaneTiles(e, {Value(), shape.back()}, 1, {count},
                            [&](Coord c, int64_t, SmallVector<Value> a) {
                              return SmallVector<Value>{some(at, c, a[0])};
                            })[0];
    }
    return ir.loop(ir.index(0), ir.index(shape[at.size()]), 1, {count},
                   [&](Value i, ArrayRef<Value> a) {
                     Coords next = at;
                     next.push_back(Coord(i));
                     return SmallVector<Value>{walk(next, a[0])};
                   })[0];
  }
  Value some(const Coords &row, const Coord &first, Value count) {
    Coords at = row;
    at.push_back(Coord(first.base, first.offset, 1));
    Value hits = ir.logicalAnd(ir.splat(e.eval(op.getX(), at)), ir.mask);
    Type whole = ir.b.getIntegerType(static_cast<unsigned>(lanes)), i64 = ir.b.getI64Type();
    Value packed = vector::BitCastOp::create(ir.b, ir.loc, VectorType::get({1}, whole), hits);
    Value bits = vector::ExtractOp::create(ir.b, ir.loc, packed, ArrayRef<int64_t>{0});
    if (whole != i64)
      bits = arith::ExtUIOp::create(ir.b, ir.loc, i64, bits);
    Value base = ir.scalar(Coord(first.base, first.offset));
    return forEachBit(bits, count, [&](Value lane, Value before) {
      at.back() = Coord(ir.add(base, lane));
      store(at, before);
    });
  }
  /// Runs `body` with the numbers of the bits that are set, from the lowest, and
  /// the number of those before; returns how many there are then.
  Value forEachBit(Value bits, Value count, llvm::function_ref<void(Value, Value)> body) {
    Type i64 = ir.b.getI64Type(), types[] = {i64, count.getType()};
    Location places[] = {ir.loc, ir.loc};
    auto loop = scf::WhileOp::create(ir.b, ir.loc, types, ValueRange{bits, count});
    OpBuilder::InsertionGuard guard(ir.b);
    Block *test = ir.b.createBlock(&loop.getBefore(), {}, types, places);
    Value more = arith::CmpIOp::create(ir.b, ir.loc, arith::CmpIPredicate::ne, test->getArgument(0),
                                       ir.constantInt(i64, 0));
    scf::ConditionOp::create(ir.b, ir.loc, more, test->getArguments());
    Block *step = ir.b.createBlock(&loop.getAfter(), {}, types, places);
    Value left = step->getArgument(0), before = step->getArgument(1);
    Value lowest = math::CountTrailingZerosOp::create(ir.b, ir.loc, left);
    body(arith::IndexCastOp::create(ir.b, ir.loc, ir.b.getIndexType(), lowest), before);
    Value less = arith::SubIOp::create(ir.b, ir.loc, left, ir.constantInt(i64, 1));
    Value rest = arith::AndIOp::create(ir.b, ir.loc, left, less);
    scf::YieldOp::create(ir.b, ir.loc, ValueRange{rest, ir.add(before, 1)});
    return loop.getResult(1);
  }
  void store(const Coords &at, Value place) {
    for (auto [d, c] : llvm::enumerate(at)) {
      Value i = arith::IndexCastOp::create(ir.b, ir.loc, ir.b.getI64Type(), ir.scalar(c));
      e.store(e.results[0], {Coord(place), Coord(static_cast<int64_t>(d))}, i);
    }
  }
  Value one(const Coords &at, Value hit, Value count) {
    ir.when(hit, [&] { store(at, count); });
    return ir.add(count,
                  arith::IndexCastUIOp::create(ir.b, ir.loc, ir.b.getIndexType(), hit).getResult());
  }
};

} // namespace

Operation *findSpecial(KernelOp kernel) {
  Block &body = kernel.getBody().front();
  if (body.getTerminator()->getNumOperands() != 1)
    return nullptr;
  Operation *op = body.getTerminator()->getOperand(0).getDefiningOp();
  return op && isa<DynamicUpdateSliceOp, ScatterOp, ScanOp, NonzeroOp>(op) ? op : nullptr;
}

void emitSpecial(Emitter &e, Value lo, Value hi) {
  e.ir.lanes = e.schedule.lanes;
  Operation *op = findSpecial(e.kernel);
  if (auto scan = dyn_cast<ScanOp>(op))
    return emitScan(e, scan, lo, hi);
  // One unit: [lo, hi) is [0, 1) or empty.
  e.ir.loop(lo, hi, 1, [&](Value) {
    if (auto update = dyn_cast<DynamicUpdateSliceOp>(op))
      emitUpdate(e, update);
    else if (auto scatter = dyn_cast<ScatterOp>(op))
      emitScatter(e, scatter);
    else
      Nonzero(e, cast<NonzeroOp>(op)).run();
  });
}

//===-- Max pooling backwards ---------------------------------------------===//

namespace {

/// The gradient at one position of x: for every window that covers it, the
/// window's gradient if this position is the window's first maximum.
class MaxPoolGrad {
public:
  MaxPoolGrad(Emitter &e, MaxPoolGradOp op, ArrayRef<Coord> at)
      : e(e), ir(e.ir), op(op), at(at.begin(), at.end()), shape(e.shape(op.getX())),
        windows(e.shape(op.getGrad())),
        vectors(llvm::any_of(at, [](const Coord &c) { return !c.isUniform(); })) {
    for (unsigned d = 0; d < at.size(); ++d)
      low.push_back(e.extent(op.getPadLow().expr(d)));
  }
  Value run() {
    Value zero = ir.zero(Emitter::computeType(Emitter::elementType(op.getGrad())));
    return overWindows(0, {}, ir.index(0), vectors ? ir.splat(zero) : zero);
  }

private:
  Emitter &e;
  Ir &ir;
  MaxPoolGradOp op;
  Coords at;
  SmallVector<Extent> shape, windows, low;
  bool vectors;

  /// Dimension d of the window position: tap k of it lies on `at`.
  Value overWindows(unsigned d, Coords out, Value tap, Value acc) {
    if (d == at.size())
      return add(out, tap, acc);
    int64_t n = op.getWindow()[d], s = op.getStrides()[d];
    if (n == 1 && s == 1 && low[d].is(0)) {
      out.push_back(at[d]);
      return overWindows(d + 1, out, ir.mul(tap, n), acc);
    }
    return ir.loop(ir.index(0), ir.index(n), 1, {acc}, [&](Value k, ArrayRef<Value> a) {
      Value p = ir.sub(ir.add(ir.scalar(at[d]), ir.index(low[d])), k);
      Value in = arith::CmpIOp::create(ir.b, ir.loc, arith::CmpIPredicate::sge, p, ir.index(0));
      // A negative numerator fails already; keep it defined.
      Value o = ir.div(ir.max(p, ir.index(0)), ir.index(s));
      Value exact = arith::CmpIOp::create(ir.b, ir.loc, arith::CmpIPredicate::eq,
                                          ir.add(Value(ir.mul(o, s)), int64_t(0)), p);
      Value exists =
          arith::CmpIOp::create(ir.b, ir.loc, arith::CmpIPredicate::slt, o, ir.index(windows[d]));
      Value ok = ir.logicalAnd(ir.logicalAnd(in, exact), exists);
      return ir.branch(
          ok, a[0].getType(),
          [&] {
            Coords next = out;
            next.push_back(Coord(o));
            return SmallVector<Value>{overWindows(
                d + 1, next, ir.add(ir.add(Value(ir.mul(tap, n)), int64_t(0)), k), a[0])};
          },
          [&] { return SmallVector<Value>{a[0]}; });
    })[0];
  }
  Value add(const Coords &out, Value tap, Value acc) {
    Type i64 = ir.b.getI64Type();
    Value best = identity(e, ReduceKind::max, Emitter::elementType(op.getX())),
          none = ir.constantInt(i64, -1);
    if (vectors) {
      best = ir.splat(best);
      none = ir.splat(none);
    }
    SmallVector<Value> found = firstMaximum(0, out, {}, ir.index(0), {best, none});
    Value mine = arith::IndexCastOp::create(ir.b, ir.loc, i64, tap);
    Value v[] = {found[1], mine};
    ir.unify(v);
    Value here = arith::CmpIOp::create(ir.b, ir.loc, arith::CmpIPredicate::eq, v[0], v[1]);
    Value grad = e.eval(op.getGrad(), out);
    Value sum = combine(e, ReduceKind::sum, Emitter::elementType(op.getGrad()), acc, grad);
    return ir.select(here, sum, acc);
  }
  /// (value, tap) of the first largest element of the window at `out`.
  SmallVector<Value> firstMaximum(unsigned d, const Coords &out, Coords pos, Value tap,
                                  SmallVector<Value> best) {
    if (d == at.size()) {
      Value x = e.eval(op.getX(), pos);
      Scalar v{&e, vectors ? ir.splat(x) : x, Emitter::elementType(op.getX()).isUnsignedInteger()};
      Scalar old = v.with(best[0]), index{&e, best[1]};
      Scalar better = old.lt(v) | index.lt(index.kInt(0));
      Value t = arith::IndexCastOp::create(ir.b, ir.loc, ir.b.getI64Type(), tap);
      return {ir.select(better.v, v.v, best[0]),
              ir.select(better.v, vectors ? ir.splat(t) : t, best[1])};
    }
    int64_t n = op.getWindow()[d], s = op.getStrides()[d];
    if (n == 1 && s == 1 && low[d].is(0)) {
      pos.push_back(out[d]);
      return firstMaximum(d + 1, out, pos, tap, best);
    }
    return ir.loop(ir.index(0), ir.index(n), 1, best, [&](Value j, ArrayRef<Value> b) {
      Value q = ir.sub(ir.add(ir.scalar(ir.scale(out[d], s)), j), ir.index(low[d]));
      Value in =
          arith::CmpIOp::create(ir.b, ir.loc, arith::CmpIPredicate::ult, q, ir.index(shape[d]));
      SmallVector<Type> types(llvm::map_range(b, [](Value v) { return v.getType(); }));
      return ir.branch(
          in, types,
          [&] {
            Coords next = pos;
            next.push_back(Coord(q));
            return firstMaximum(d + 1, out, next,
                                ir.add(ir.add(Value(ir.mul(tap, n)), int64_t(0)), j),
                                SmallVector<Value>(b));
          },
          [&] { return SmallVector<Value>(b); });
    });
  }
};

} // namespace

Value pullMaxPoolGrad(Emitter &e, Operation *op, ArrayRef<Coord> at) {
  return MaxPoolGrad(e, cast<MaxPoolGradOp>(op), at).run();
}

} // namespace ingot::schedule
