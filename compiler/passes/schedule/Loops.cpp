// Units, lane tiles, and the register tiles of elementwise, window, reduction
// and contraction kernels.
#include "compiler/passes/schedule/Loops.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/Sequence.h"

using namespace mlir;

namespace ingot::schedule {

void forEachUnit(Emitter &e, ArrayRef<UnitAxis> units, ArrayRef<Extent> shape, Value lo, Value hi,
                 llvm::function_ref<void(ArrayRef<Range>)> body) {
  Ir &ir = e.ir;
  SmallVector<Extent> counts;
  for (const UnitAxis &a : units)
    counts.push_back(ir.ceilDiv(shape[a.dim], a.block));
  ir.loop(lo, hi, 1, [&](Value unit) {
    SmallVector<Range> ranges;
    for (const Extent &n : shape)
      ranges.push_back({Value(), n});
    Value rest = unit;
    for (int64_t i = static_cast<int64_t>(units.size()) - 1; i >= 0; --i) {
      const UnitAxis &a = units[i];
      Extent n = shape[a.dim];
      if (counts[i].is(1))
        continue; // the whole dimension, at position 0
      bool slowest =
          llvm::all_of(ArrayRef(counts).take_front(i), [](const Extent &c) { return c.is(1); });
      Value at = slowest ? rest : ir.rem(rest, ir.index(counts[i]));
      if (!slowest)
        rest = ir.div(rest, ir.index(counts[i]));
      Value base = ir.mul(at, a.block);
      Extent size = a.block;
      if (a.block != 1 && (!n.isStatic() || n.value % a.block))
        size = Extent(ir.min(ir.sub(ir.index(n), base), ir.index(a.block)));
      ranges[a.dim] = {base, size};
    }
    body(ranges);
  });
}

SmallVector<Value>
carryLaneTiles(Emitter &e, const Range &range, int64_t vecs, SmallVector<Value> acc,
               llvm::function_ref<SmallVector<Value>(Coord, int64_t, SmallVector<Value>)> body) {
  Ir &ir = e.ir;
  int64_t L = ir.lanes, big = vecs * L;
  // Tiles from..to of a width, counted so that positions are multiples of it.
  auto run = [&](Value base, Value count, int64_t width) {
    if (auto n = constantIndex(count); n && *n <= 1) {
      if (*n == 1)
        acc = body(Coord(base), width / L, acc);
      return;
    }
    acc = ir.loop(ir.index(0), count, 1, acc, [&](Value p, ArrayRef<Value> a) {
      return body(Coord(ir.add(base, ir.mul(p, width))), width / L, SmallVector<Value>(a));
    });
  };
  if (range.size.isStatic()) {
    int64_t n = range.size.value, pos = n / big * big;
    run(range.base, ir.index(n / big), big);
    if (int64_t v = (n - pos) / L) {
      acc = body(Coord(range.base, pos), v, acc);
      pos += v * L;
    }
    if (pos < n)
      acc = ir.withMask(ir.prefixMask(ir.index(n - pos)),
                        [&] { return body(Coord(range.base, pos), 1, acc); });
    return acc;
  }
  Value n = range.size.dynamic;
  Value tiles = ir.div(n, ir.index(big)), done = ir.mul(tiles, big);
  run(range.base, tiles, big);
  Value base = ir.add(range.base, done), left = ir.sub(n, done);
  if (vecs > 1) {
    Value single = ir.div(left, ir.index(L)), taken = ir.mul(single, L);
    run(base, single, L);
    base = ir.add(base, taken);
    left = ir.sub(left, taken);
  }
  Value some = arith::CmpIOp::create(ir.b, ir.loc, arith::CmpIPredicate::sgt, left, ir.index(0));
  auto tail = [&] {
    return ir.withMask(ir.prefixMask(left), [&] { return body(Coord(base), 1, acc); });
  };
  if (acc.empty()) {
    ir.when(some, [&] { tail(); });
    return acc;
  }
  SmallVector<Type> types(llvm::map_range(acc, [](Value v) { return v.getType(); }));
  return ir.branch(some, types, tail, [&] { return acc; });
}
void forEachLaneTile(Emitter &e, const Range &range, int64_t vecs,
                     llvm::function_ref<void(Coord, int64_t)> body) {
  carryLaneTiles(e, range, vecs, {}, [&](Coord c, int64_t v, SmallVector<Value>) {
    body(c, v);
    return SmallVector<Value>();
  });
}

namespace {

class TileLoops {
public:
  TileLoops(Emitter &e, const Schedule &s, Operation *root, ArrayRef<unsigned> results)
      : e(e), ir(e.ir), s(s), root(root), results(results), shape(e.results[results[0]].shape) {
    if (root)
      reduction = normalize(e, root);
  }

  void run(Value lo, Value hi) {
    forEachUnit(e, s.units, shape, lo, hi, [&](ArrayRef<Range> ranges) {
      Coords c;
      for (const Range &r : ranges)
        c.push_back(Coord(r.base));
      nest(0, ranges, c, 1, 1);
    });
  }

private:
  Emitter &e;
  Ir &ir;
  const Schedule &s;
  Operation *root;
  ArrayRef<unsigned> results;
  SmallVector<Extent> shape;
  Reduction reduction;
  bool interior = false; // the rows of the tile being emitted touch no border

  void nest(unsigned level, ArrayRef<Range> ranges, const Coords &at, int64_t rows, int64_t vecs) {
    if (level == s.order.size())
      return tile(at, rows, vecs);
    int64_t d = s.order[level];
    auto next = [&](Coord c, int64_t r, int64_t v) {
      Coords p = at;
      p[d] = c;
      nest(level + 1, ranges, p, r, v);
    };
    const Range &range = ranges[d];
    if (d == s.rowDim)
      return rowTiles(range, [&](Coord c, int64_t r) { next(c, r, vecs); });
    if (d == s.laneDim)
      return forEachLaneTile(e, range, tileVecs(range, rows),
                             [&](Coord c, int64_t v) { next(c, rows, v); });
    if (range.size.is(1))
      return next(Coord(range.base), rows, vecs);
    ir.loop(ir.index(0), ir.index(range.size), 1,
            [&](Value i) { next(Coord(ir.add(range.base, i)), rows, vecs); });
  }

  /// Vectors of a tile: more where few rows are left (a batch of one), so that
  /// there are accumulators enough to hide an FMA's latency.
  int64_t tileVecs(const Range &range, int64_t rows) {
    int64_t vecs = s.vecs, wanted = e.target.fmaPorts * e.target.fmaLatency * 2;
    if (root && s.rowDim >= 0 && range.size.isStatic())
      while (rows * vecs * 2 <= wanted && vecs * 2 * ir.lanes <= range.size.value)
        vecs *= 2;
    return vecs;
  }

  /// Rows whose taps all lie inside, as positions of the row dimension; null if
  /// no window needs it.
  std::optional<std::pair<Value, Value>> interiorRows() {
    std::optional<std::pair<Value, Value>> r;
    for (auto [w, n] : llvm::zip(reduction.windows, reduction.extents)) {
      if (w.outDim != s.rowDim || w.outDim < 0 || w.every != 1)
        continue;
      auto ceil = [&](Value x) { return ir.div(ir.add(x, w.outScale - 1), ir.index(w.outScale)); };
      Value zero = ir.index(0);
      Value first = ceil(ir.max(ir.index(w.low), zero));
      // out * outScale + (n - 1) * redScale - low < extent
      Value room =
          ir.sub(ir.add(ir.index(w.extent), ir.index(w.low)),
                 ir.add(ir.index(0),
                        ir.scalar(ir.scale(
                            ir.add(n.isStatic() ? Coord(n.value) : Coord(n.dynamic), Coord(-1)),
                            w.redScale))));
      Value end = ceil(ir.max(room, zero));
      r = r ? std::pair(ir.max(r->first, first), ir.min(r->second, end)) : std::pair(first, end);
    }
    return r;
  }

  void rowTiles(const Range &range, llvm::function_ref<void(Coord, int64_t)> body) {
    auto inner = interiorRows();
    if (!inner)
      return range.size.isStatic() ? balanced(range, 0, INT64_MAX, body)
                                   : strips(range.base ? range.base : ir.index(0),
                                            ir.add(range.base, range.size.dynamic), body);
    auto first = constantIndex(inner->first), end = constantIndex(inner->second);
    if (!range.base && range.size.isStatic() && first && end)
      return balanced(range, *first, *end, body);
    // Unknown sizes: border rows one by one, whose windows clip by bounds.
    Value lo = range.base ? range.base : ir.index(0), hi = ir.add(lo, ir.index(range.size));
    Value a = ir.min(ir.max(inner->first, lo), hi), b = ir.min(ir.max(inner->second, a), hi);
    ir.loop(lo, a, 1, [&](Value i) { body(Coord(i), 1); });
    interior = true;
    strips(a, b, body);
    interior = false;
    ir.loop(b, hi, 1, [&](Value i) { body(Coord(i), 1); });
  }
  /// Strips of nearly equal height; those that touch a border stand at constant
  /// positions, where each tap is decided while emitting.
  void balanced(const Range &range, int64_t first, int64_t end,
                llvm::function_ref<void(Coord, int64_t)> body) {
    int64_t n = range.size.value;
    if (!n)
      return;
    int64_t count = (n + s.rows - 1) / s.rows, big = (n + count - 1) / count;
    int64_t bigs = n - (big - 1) * count, pos = 0;
    for (auto [height, number] : {std::pair(big, bigs), std::pair(big - 1, count - bigs)}) {
      if (!height)
        continue;
      auto inside = [&, h = height](int64_t i) {
        return pos + i * h >= first && pos + (i + 1) * h <= end;
      };
      for (int64_t i = 0; i < number;) {
        int64_t run = 0;
        while (i + run < number && inside(i + run))
          ++run;
        if (run <= 1) {
          body(Coord(range.base, pos + i * height), height);
          ++i;
          continue;
        }
        int64_t start = pos + i * height, h = height;
        interior = true;
        ir.loop(ir.index(0), ir.index(run), 1,
                [&](Value p) { body(Coord(ir.add(range.base, ir.mul(p, h)), start), h); });
        interior = false;
        i += run;
      }
      pos += number * height;
    }
  }
  /// An unknown number of rows: full strips, then 8, 4, 2 and 1.
  void strips(Value lo, Value hi, llvm::function_ref<void(Coord, int64_t)> body) {
    SmallVector<int64_t> heights{s.rows};
    int64_t power = 1;
    while (power * 2 < s.rows)
      power *= 2;
    for (; power >= 1 && s.rows > 1; power /= 2)
      heights.push_back(power);
    Value at = lo;
    for (int64_t h : heights) {
      Value count = ir.div(ir.sub(hi, at), ir.index(h));
      ir.loop(ir.index(0), count, 1, [&](Value p) { body(Coord(ir.add(at, ir.mul(p, h))), h); });
      at = ir.add(at, ir.mul(count, h));
    }
  }

  Coords point(const Coords &at, int64_t row, int64_t vec) {
    Coords p = at;
    if (s.rowDim >= 0)
      p[s.rowDim].offset += row;
    if (s.laneDim >= 0) {
      p[s.laneDim].offset += vec * ir.lanes;
      p[s.laneDim].lane = 1;
    }
    return p;
  }
  void finish(const Coords &p) { e.finish(results, p); }
  void tile(const Coords &at, int64_t rows, int64_t vecs) {
    if (s.laneDim < 0)
      vecs = 1;
    Tile t;
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < vecs; ++j)
        t.points.push_back(point(at, i, j));
    if (!root) {
      for (const Coords &p : t.points)
        finish(p);
      return;
    }
    if (interior)
      t.interior.insert(s.rowDim);
    SmallVector<Value> acc = reduceTile(e, reduction, t);
    unsigned width = reduction.init.size();
    Value tensor = root->getResult(0);
    if (!s.rolledEpilogue) {
      for (auto [i, p] : llvm::enumerate(t.points)) {
        e.bind(tensor, p, acc[i * width + reduction.resultOf]);
        finish(p);
      }
      e.unbind(tensor);
      return;
    }
    // The tile is hot in the first cache level: a loop over its rows is smaller
    // than code for each row and as fast.
    Buffer parked = e.results[results[0]];
    parked.written = true;
    for (auto [i, p] : llvm::enumerate(t.points))
      e.store(parked, p, acc[i * width + reduction.resultOf]);
    auto oneRow = [&](const Coord &row) {
      for (int64_t j = 0; j < vecs; ++j) {
        Coords p = point(at, 0, j);
        if (s.rowDim >= 0)
          p[s.rowDim] = row;
        e.bind(tensor, p, e.load(parked, p));
        finish(p);
      }
    };
    if (s.rowDim < 0 || rows == 1)
      oneRow(s.rowDim < 0 ? Coord() : at[s.rowDim]);
    else
      ir.loop(ir.index(0), ir.index(rows), 1, [&](Value r) {
        const Coord &c = at[s.rowDim];
        oneRow(Coord(ir.add(c.base, r), c.offset));
      });
    e.unbind(tensor);
  }
};

} // namespace

void emitTiles(Emitter &e, const Schedule &s, Operation *root, ArrayRef<unsigned> results, Value lo,
               Value hi) {
  e.ir.lanes = s.laneDim < 0 ? 1 : s.lanes;
  TileLoops(e, s, root, results).run(lo, hi);
}

void emitFlat(Emitter &e, Value lo, Value hi) {
  const Schedule &s = e.schedule;
  Ir &ir = e.ir;
  ir.lanes = s.lanes;
  e.flat = true;
  auto all = llvm::to_vector(llvm::seq<unsigned>(0, e.results.size()));
  Extent count = 1;
  for (const Extent &n : e.results[0].shape)
    count = ir.mul(count, n);
  if (s.lanes == 1 && count.is(1)) { // single elements: scalar code
    ir.loop(lo, hi, 1, [&](Value) { e.finish(all, Coords(1)); });
    return;
  }
  forEachUnit(e, s.units, {count}, lo, hi, [&](ArrayRef<Range> ranges) {
    forEachLaneTile(e, ranges[0], s.vecs, [&](Coord c, int64_t vecs) {
      for (int64_t j = 0; j < vecs; ++j) {
        Coord p(c.base, c.offset + j * ir.lanes, 1);
        e.finish(all, p);
      }
    });
  });
}

void emitSerial(Emitter &e, Value lo, Value hi) {
  for (unsigned r = 0; r < e.results.size(); ++r) {
    Schedule s;
    s.loops = Schedule::Loops::tile;
    s.lanes = e.schedule.lanes;
    int64_t rank = e.results[r].shape.size();
    s.laneDim = s.lanes > 1 ? rank - 1 : -1;
    for (int64_t d = 0; d < rank; ++d)
      s.order.push_back(d);
    // One unit: [lo, hi) is [0, 1) or empty.
    unsigned results[] = {r};
    emitTiles(e, s, nullptr, results, lo, hi);
  }
}

} // namespace ingot::schedule
