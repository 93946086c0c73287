// Normal forms of nn's reductions, and the loops that run them for a tile of
// result points with the accumulators in registers. Borders of windows are
// clipped by loop bounds or left out tap by tap; nothing is ever padded.
#include "compiler/passes/schedule/Reduction.h"
#include "compiler/passes/schedule/Scalar.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/TypeSwitch.h"
#include <limits>

using namespace mlir;
using namespace ingot::nn;

namespace ingot::schedule {
namespace {

using Acc = Reduction::Accumulators;

Coord tap(Emitter &e, const Window &w, const Coord &out, const Coord &red) {
  Coord c = e.ir.add(e.ir.scale(out, w.outScale), e.ir.scale(red, w.redScale));
  if (w.low.isStatic())
    c = e.ir.add(c, Coord(-w.low.value));
  else
    c = e.ir.add(c, e.ir.scale(Coord(w.low.dynamic), -1));
  return c;
}
/// Element position of a tap that lies on an element.
Coord element(Emitter &e, const Window &w, const Coord &out, const Coord &red) {
  Coord c = tap(e, w, out, red);
  return w.every == 1 ? c : e.split(c, Extent(w.every)).first;
}
Extent holed(Emitter &e, const Extent &n, int64_t every) {
  if (every == 1)
    return n;
  if (n.isStatic())
    return n.value ? (n.value - 1) * every + 1 : 0;
  return Extent(e.ir.max(e.ir.add(e.ir.mul(e.ir.add(n.dynamic, -1), every), 1), e.ir.index(0)));
}
/// A window, or none at all if no tap can be outside.
Window makeWindow(Emitter &e, int64_t outDim, int64_t outScale, int64_t redScale, int64_t every,
                  const Extent &low, bool padded, const Extent &n) {
  Window w;
  w.outScale = outScale;
  w.redScale = redScale;
  w.every = every;
  w.low = low;
  w.extent = holed(e, n, every);
  w.outDim = padded || every != 1 ? outDim : -1;
  return w;
}

Reduction normalizeReduce(Emitter &e, ReduceOp op) {
  Reduction r;
  auto shape = e.shape(op.getX());
  Type element = Emitter::elementType(op.getX());
  llvm::SmallVector<int64_t> dims(op.getDims());
  llvm::sort(dims);
  for (int64_t d : dims) {
    r.extents.push_back(shape[d]);
    r.windows.push_back({});
  }
  ReduceKind kind = op.getKind();
  r.init.push_back(identity(e, kind, element));
  Value x = op.getX();
  r.step = [=, rank = shape.size()](Emitter &e, ArrayRef<Coord> out, ArrayRef<Coord> red,
                                    ArrayRef<Value> acc) {
    Coords at;
    unsigned o = 0, k = 0;
    for (unsigned d = 0; d < rank; ++d)
      at.push_back(k < dims.size() && dims[k] == d ? red[k++] : out[o++]);
    return Acc{combine(e, kind, element, acc[0], e.eval(x, at))};
  };
  r.join = [=](Emitter &e, ArrayRef<Value> a, ArrayRef<Value> b) {
    return Acc{combine(e, kind, element, a[0], b[0])};
  };
  return r;
}

Reduction normalizeWindow(Emitter &e, ReduceWindowOp op) {
  Reduction r;
  auto shape = e.shape(op.getX());
  Type element = Emitter::elementType(op.getX());
  ReduceKind kind = op.getKind();
  r.init.push_back(identity(e, kind, element));
  llvm::SmallVector<Window> all;
  llvm::SmallVector<int> red; // reduction dim of each dim, or -1
  for (unsigned d = 0; d < shape.size(); ++d) {
    SizeExpr low = op.getPadLow().expr(d), high = op.getPadHigh().expr(d);
    bool padded = !low.isConstant(0) || !high.isConstant(0);
    Window w = makeWindow(e, d, op.getStrides()[d], op.getDilations()[d], op.getBaseDilations()[d],
                          e.extent(low), padded, shape[d]);
    all.push_back(w);
    bool trivial = op.getWindow()[d] == 1 && !padded && w.every == 1;
    red.push_back(trivial ? -1 : static_cast<int>(r.extents.size()));
    if (trivial)
      continue;
    r.extents.push_back(op.getWindow()[d]);
    r.windows.push_back(w);
  }
  Value x = op.getX();
  r.step = [=](Emitter &e, ArrayRef<Coord> out, ArrayRef<Coord> at, ArrayRef<Value> acc) {
    Coords in;
    for (unsigned d = 0; d < all.size(); ++d)
      in.push_back(schedule::element(e, all[d], out[d], red[d] < 0 ? Coord() : at[red[d]]));
    return Acc{combine(e, kind, element, acc[0], e.eval(x, in))};
  };
  r.join = [=](Emitter &e, ArrayRef<Value> a, ArrayRef<Value> b) {
    return Acc{combine(e, kind, element, a[0], b[0])};
  };
  return r;
}

Reduction normalizeArg(Emitter &e, ArgReduceOp op) {
  Reduction r;
  int64_t dim = op.getDim();
  bool isMax = op.getIsMax();
  Type element = Emitter::elementType(op.getX());
  Type indexType = Emitter::computeType(Emitter::elementType(op.getResult()));
  r.extents.push_back(e.shape(op.getX())[dim]);
  r.windows.push_back({});
  r.init = {identity(e, isMax ? ReduceKind::max : ReduceKind::min, element), e.ir.zero(indexType)};
  r.resultOf = 1;
  Value x = op.getX();
  // Strictly better wins, so the first of equals stays and NaN never wins.
  auto better = [=](Emitter &e, Value a, Value b) -> Value {
    if (isa<FloatType>(getElementTypeOrSelf(a.getType())))
      return arith::CmpFOp::create(
          e.ir.b, e.ir.loc, isMax ? arith::CmpFPredicate::OGT : arith::CmpFPredicate::OLT, a, b);
    bool u = element.isUnsignedInteger() || element.isInteger(1);
    using P = arith::CmpIPredicate;
    return arith::CmpIOp::create(e.ir.b, e.ir.loc,
                                 isMax ? (u ? P::ugt : P::sgt) : (u ? P::ult : P::slt), a, b);
  };
  r.step = [=](Emitter &e, ArrayRef<Coord> out, ArrayRef<Coord> red, ArrayRef<Value> acc) {
    Coords at(out.begin(), out.end());
    at.insert(at.begin() + dim, red[0]);
    Value v = e.eval(x, at);
    Value i = e.ir.value(red[0]);
    i = arith::IndexCastOp::create(
        e.ir.b, e.ir.loc, Ir::isVector(i) ? Type(e.ir.vectorType(indexType)) : indexType, i);
    Value a[] = {v, acc[0]};
    e.ir.unify(a);
    Value c = better(e, a[0], a[1]);
    return Acc{e.ir.select(c, a[0], a[1]), e.ir.select(c, i, acc[1])};
  };
  return r;
}

Reduction normalizeDot(Emitter &e, DotGeneralOp op) {
  Reduction r;
  auto lhsShape = e.shape(op.getLhs());
  for (int64_t d : op.getLhsContract()) {
    r.extents.push_back(lhsShape[d]);
    r.windows.push_back({});
  }
  r.init.push_back(e.ir.zero(Emitter::computeType(Emitter::elementType(op.getLhs()))));
  unsigned lhsRank = lhsShape.size(),
           rhsRank = cast<RankedTensorType>(op.getRhs().getType()).getRank();
  // Where each operand dimension comes from: result dim i >= 0, or contracting
  // dim -1 - k.
  llvm::SmallVector<int64_t> lhs(lhsRank, INT64_MIN), rhs(rhsRank, INT64_MIN);
  int64_t next = 0;
  for (auto [l, s] : llvm::zip(op.getLhsBatch(), op.getRhsBatch()))
    lhs[l] = rhs[s] = next++;
  for (auto [k, l] : llvm::enumerate(op.getLhsContract()))
    lhs[l] = -1 - static_cast<int64_t>(k);
  for (auto [k, s] : llvm::enumerate(op.getRhsContract()))
    rhs[s] = -1 - static_cast<int64_t>(k);
  for (auto *map : {&lhs, &rhs})
    for (int64_t &d : *map)
      if (d == INT64_MIN)
        d = next++;
  Value a = op.getLhs(), b = op.getRhs();
  r.step = [=](Emitter &e, ArrayRef<Coord> out, ArrayRef<Coord> red, ArrayRef<Value> acc) {
    auto at = [&](ArrayRef<int64_t> map) {
      Coords c;
      for (int64_t d : map)
        c.push_back(d >= 0 ? out[d] : red[-1 - d]);
      return c;
    };
    return Acc{multiplyAdd(e, e.eval(a, at(lhs)), e.eval(b, at(rhs)), acc[0])};
  };
  r.join = [](Emitter &e, ArrayRef<Value> x, ArrayRef<Value> y) {
    return Acc{combine(e, ReduceKind::sum, x[0].getType(), x[0], y[0])};
  };
  return r;
}

Reduction normalizeConv(Emitter &e, ConvOp op) {
  Reduction r;
  unsigned n = op.getStrides().size();
  auto x = e.shape(op.getX()), f = e.shape(op.getFilter());
  for (unsigned i = 0; i < n; ++i) {
    SizeExpr low = op.getPadLow().expr(i), high = op.getPadHigh().expr(i);
    r.extents.push_back(f[i]);
    r.windows.push_back(makeWindow(e, i + 1, op.getStrides()[i], op.getRhsDilation()[i],
                                   op.getLhsDilation()[i], e.extent(low),
                                   !low.isConstant(0) || !high.isConstant(0), x[i + 1]));
  }
  r.extents.push_back(f[n]);
  r.windows.push_back({});
  r.init.push_back(e.ir.zero(Emitter::computeType(Emitter::elementType(op.getX()))));
  int64_t groups = op.getGroups();
  Extent perGroup = groups == 1 ? f[n + 1] : Extent(f[n + 1].value / groups), channels = f[n];
  Value in = op.getX(), filter = op.getFilter();
  auto windows = r.windows;
  r.step = [=](Emitter &e, ArrayRef<Coord> out, ArrayRef<Coord> red, ArrayRef<Value> acc) {
    Coords ix{out[0]}, fx;
    for (unsigned i = 0; i < n; ++i) {
      ix.push_back(element(e, windows[i], out[i + 1], red[i]));
      fx.push_back(red[i]);
    }
    Coord c = red[n];
    if (groups != 1)
      c = e.ir.add(c, e.ir.scale(e.split(out[n + 1], perGroup).first, channels));
    ix.push_back(c);
    fx.push_back(red[n]);
    fx.push_back(out[n + 1]);
    return Acc{multiplyAdd(e, e.eval(in, ix), e.eval(filter, fx), acc[0])};
  };
  return r;
}

Reduction normalizeFilterGrad(Emitter &e, ConvFilterGradOp op) {
  Reduction r;
  unsigned n = op.getStrides().size();
  auto x = e.shape(op.getX()), g = e.shape(op.getGrad()), f = e.shape(op.getResult());
  r.extents.push_back(x[0]);
  r.windows.push_back({});
  for (unsigned i = 0; i < n; ++i) {
    SizeExpr low = op.getPadLow().expr(i), high = op.getPadHigh().expr(i);
    r.extents.push_back(g[i + 1]);
    r.windows.push_back(makeWindow(e, i, op.getRhsDilation()[i], op.getStrides()[i], 1,
                                   e.extent(low), !low.isConstant(0) || !high.isConstant(0),
                                   x[i + 1]));
  }
  r.init.push_back(e.ir.zero(Emitter::computeType(Emitter::elementType(op.getX()))));
  int64_t groups = op.getGroups();
  Extent perGroup = groups == 1 ? f[n + 1] : Extent(f[n + 1].value / groups), channels = f[n];
  Value in = op.getX(), grad = op.getGrad();
  auto windows = r.windows;
  r.step = [=](Emitter &e, ArrayRef<Coord> out, ArrayRef<Coord> red, ArrayRef<Value> acc) {
    Coords ix{red[0]}, gx{red[0]};
    for (unsigned i = 0; i < n; ++i) {
      ix.push_back(element(e, windows[i + 1], out[i], red[i + 1]));
      gx.push_back(red[i + 1]);
    }
    Coord c = out[n];
    if (groups != 1)
      c = e.ir.add(c, e.ir.scale(e.split(out[n + 1], perGroup).first, channels));
    ix.push_back(c);
    gx.push_back(out[n + 1]);
    return Acc{multiplyAdd(e, e.eval(in, ix), e.eval(grad, gx), acc[0])};
  };
  return r;
}

//===-- Loops -------------------------------------------------------------===//

/// One nest of reduction loops over the points of a tile.
class Nest {
public:
  Nest(Emitter &e, const Reduction &r, const Tile &tile)
      : e(e), r(r), tile(tile), red(r.extents.size()) {}

  SmallVector<Value> run(unsigned k, SmallVector<Value> acc, SmallVector<bool> active) {
    if (k == r.extents.size())
      return step(std::move(acc), active);
    const Window &w = r.windows[k];
    const Extent &n = r.extents[k];
    Value lo = e.ir.index(0), hi = e.ir.index(n);
    if (w.outDim >= 0 && (!tile.interior.count(w.outDim) || w.every != 1)) {
      bool lanes = llvm::any_of(tile.points, [&](auto &p) { return !p[w.outDim].isUniform(); });
      bool same = llvm::all_of(tile.points,
                               [&](auto &p) { return p[w.outDim] == tile.points[0][w.outDim]; });
      bool fixed = llvm::all_of(tile.points, [&](auto &p) { return p[w.outDim].isStatic(); });
      bool constants = n.isStatic() && w.low.isStatic() && w.extent.isStatic();
      if (w.every != 1 && same && !lanes && w.redScale == 1)
        return strided(k, std::move(acc), active);
      if (lanes || w.every != 1 || (!same && !(fixed && constants)))
        return guarded(k, std::move(acc), active);
      if (!fixed || !constants)
        clip(w, tile.points[0][w.outDim], lo, hi);
      else if (!allInside(k))
        return unrolled(k, std::move(acc), active);
    }
    if (n.isStatic() && n.value * below(k) <= 4 && constantIndex(lo) && constantIndex(hi)) {
      for (int64_t i = 0; i < n.value; ++i) {
        red[k] = Coord(i);
        acc = run(k + 1, std::move(acc), active);
      }
      return acc;
    }
    return loop(k, lo, hi, std::move(acc), active);
  }

private:
  Emitter &e;
  const Reduction &r;
  const Tile &tile;
  Coords red;

  SmallVector<Value> step(SmallVector<Value> acc, ArrayRef<bool> active) {
    unsigned width = r.init.size();
    for (unsigned p = 0; p < tile.points.size(); ++p) {
      if (!active[p])
        continue;
      Acc next = r.step(e, tile.points[p], red, ArrayRef<Value>(acc).slice(p * width, width));
      for (unsigned i = 0; i < width; ++i)
        acc[p * width + i] = Ir::isVector(acc[p * width + i]) ? e.ir.splat(next[i]) : next[i];
    }
    return acc;
  }
  SmallVector<Value> loop(unsigned k, Value lo, Value hi, SmallVector<Value> acc,
                          ArrayRef<bool> active, int64_t step = 1) {
    return e.ir.loop(lo, hi, step, acc, [&](Value i, ArrayRef<Value> a) {
      red[k] = Coord(i);
      return run(k + 1, SmallVector<Value>(a), SmallVector<bool>(active));
    });
  }
  /// Only every so many taps meet an element: a loop over those alone, for one
  /// position of the window.
  SmallVector<Value> strided(unsigned k, SmallVector<Value> acc, ArrayRef<bool> active) {
    Ir &ir = e.ir;
    const Window &w = r.windows[k];
    Value x = ir.scalar(tap(e, w, tile.points[0][w.outDim], Coord()));
    Value before = ir.sub(ir.index(0), x); // distance to the first element
    // The first tap on an element; the offset keeps the dividend positive.
    Value phase = ir.rem(ir.add(before, w.every << 32), ir.index(w.every));
    Value lo = ir.max(before, phase);
    Value hi = ir.min(ir.index(r.extents[k]), ir.sub(ir.index(w.extent), x));
    return loop(k, lo, hi, std::move(acc), active, w.every);
  }
  static bool isInside(const Window &w, const Coords &point, int64_t i) {
    int64_t x = point[w.outDim].offset * w.outScale + i * w.redScale - w.low.value;
    return x >= 0 && x < w.extent.value;
  }
  bool allInside(unsigned k) {
    for (const Coords &p : tile.points)
      for (int64_t i : {int64_t(0), r.extents[k].value - 1})
        if (!isInside(r.windows[k], p, i))
          return false;
    return true;
  }
  /// Bounds of the taps inside, for one position of the window.
  void clip(const Window &w, const Coord &out, Value &lo, Value &hi) {
    Ir &ir = e.ir;
    Value x = ir.scalar(tap(e, w, out, Coord())); // position of tap 0
    auto taps = [&](Value distance) {             // ceil(max(distance, 0) / redScale)
      Value d = ir.max(distance, ir.index(0));
      return ir.div(ir.add(d, w.redScale - 1), ir.index(w.redScale));
    };
    Value first = taps(ir.sub(ir.index(0), x)), end = taps(ir.sub(ir.index(w.extent), x));
    lo = ir.max(lo, first);
    hi = ir.min(hi, end);
  }
  /// Steps of all loops inside loop k; many if that is not known.
  int64_t below(unsigned k) {
    int64_t steps = 1;
    for (const Extent &n : ArrayRef(r.extents).drop_front(k + 1)) {
      if (!n.isStatic() || n.value > 64)
        return 64;
      steps *= n.value;
    }
    return steps;
  }
  /// Points of `active` for which tap i lies inside.
  SmallVector<bool> insideAt(const Window &w, ArrayRef<bool> active, int64_t i) {
    SmallVector<bool> in(active);
    for (unsigned p = 0; p < tile.points.size(); ++p)
      in[p] = in[p] && isInside(w, tile.points[p], i);
    return in;
  }
  /// A border tile: taps that some points lack stand alone, without those
  /// points; taps that all have stay a loop.
  SmallVector<Value> unrolled(unsigned k, SmallVector<Value> acc, SmallVector<bool> active) {
    const Window &w = r.windows[k];
    int64_t n = r.extents[k].value;
    for (int64_t i = 0; i < n;) {
      SmallVector<bool> in = insideAt(w, active, i);
      int64_t end = i + 1;
      while (in == active && end < n && insideAt(w, active, end) == active)
        ++end;
      if (end - i > 1 && (end - i) * below(k) > 4) {
        acc = loop(k, e.ir.index(i), e.ir.index(end), std::move(acc), active);
        i = end;
        continue;
      }
      if (llvm::is_contained(in, true)) {
        red[k] = Coord(i);
        acc = run(k + 1, std::move(acc), in);
      }
      ++i;
    }
    return acc;
  }
  /// Every tap under a condition of its own, point by point.
  SmallVector<Value> guarded(unsigned k, SmallVector<Value> acc, ArrayRef<bool> active) {
    const Window &w = r.windows[k];
    unsigned width = r.init.size();
    return e.ir.loop(
        e.ir.index(0), e.ir.index(r.extents[k]), 1, acc, [&](Value i, ArrayRef<Value> args) {
          SmallVector<Value> a(args);
          red[k] = Coord(i);
          for (unsigned p = 0; p < tile.points.size(); ++p) {
            if (!active[p])
              continue;
            Coord at = tap(e, w, tile.points[p][w.outDim], red[k]);
            Condition in = e.inside(at, 0, w.extent);
            if (w.every != 1) {
              // Negative positions fail already; keep the remainder well
              // defined.
              Coord shifted = e.ir.add(at, Coord(w.every * (int64_t(1) << 32)));
              in = e.both(in, e.less(e.split(shifted, Extent(w.every)).second, Coord(1)));
            }
            SmallVector<Value> old(a.begin() + p * width, a.begin() + (p + 1) * width);
            auto taken = [&] {
              SmallVector<bool> one(tile.points.size(), false);
              one[p] = true;
              SmallVector<Value> next = run(k + 1, a, one);
              return SmallVector<Value>(next.begin() + p * width, next.begin() + (p + 1) * width);
            };
            SmallVector<Value> next;
            if (in.known)
              next = *in.known ? taken() : old;
            else if (Ir::isVector(in.value)) {
              next = e.ir.withMask(e.ir.logicalAnd(e.ir.mask, in.value), taken);
              for (unsigned j = 0; j < width; ++j)
                next[j] = e.ir.select(in.value, next[j], old[j]);
            } else {
              SmallVector<Type> types(llvm::map_range(old, [](Value v) { return v.getType(); }));
              next = e.ir.branch(in.value, types, taken, [&] { return old; });
            }
            std::copy(next.begin(), next.end(), a.begin() + p * width);
          }
          return a;
        });
  }
};

} // namespace

bool isReduction(Operation *op) {
  return isa<ReduceOp, ReduceWindowOp, ArgReduceOp, DotGeneralOp, ConvOp, ConvFilterGradOp>(op);
}

Reduction normalize(Emitter &e, Operation *op) {
  Reduction r = llvm::TypeSwitch<Operation *, Reduction>(op)
                    .Case([&](ReduceOp o) { return normalizeReduce(e, o); })
                    .Case([&](ReduceWindowOp o) { return normalizeWindow(e, o); })
                    .Case([&](ArgReduceOp o) { return normalizeArg(e, o); })
                    .Case([&](DotGeneralOp o) { return normalizeDot(e, o); })
                    .Case([&](ConvOp o) { return normalizeConv(e, o); })
                    .Case([&](ConvFilterGradOp o) { return normalizeFilterGrad(e, o); });
  r.op = op;
  return r;
}

SmallVector<Value> reduceTile(Emitter &e, const Reduction &r, const Tile &tile) {
  SmallVector<Value> acc;
  for (const Coords &p : tile.points)
    for (Value v : r.init)
      acc.push_back(llvm::any_of(p, [](const Coord &c) { return !c.isUniform(); }) ? e.ir.splat(v)
                                                                                   : v);
  return Nest(e, r, tile).run(0, std::move(acc), SmallVector<bool>(tile.points.size(), true));
}

Value pullReduction(Emitter &e, Operation *op, ArrayRef<Coord> at) {
  Reduction r = normalize(e, op);
  Tile tile;
  tile.points.push_back(Coords(at.begin(), at.end()));
  return reduceTile(e, r, tile)[r.resultOf];
}

Value combine(Emitter &e, ReduceKind kind, Type element, Value acc, Value value) {
  Value v[] = {acc, value};
  e.ir.unify(v);
  OpBuilder &b = e.ir.b;
  Location loc = e.ir.loc;
  bool isFloat = isa<FloatType>(element),
       isUnsigned = element.isUnsignedInteger() || element.isInteger(1);
  switch (kind) {
  case ReduceKind::sum:
    return isFloat ? (Value)arith::AddFOp::create(b, loc, v[0], v[1])
                   : (Value)arith::AddIOp::create(b, loc, v[0], v[1]);
  case ReduceKind::prod:
    return isFloat ? (Value)arith::MulFOp::create(b, loc, v[0], v[1])
                   : (Value)arith::MulIOp::create(b, loc, v[0], v[1]);
  case ReduceKind::max:
    return isFloat      ? Scalar{&e, v[0]}.max({&e, v[1]}).v
           : isUnsigned ? (Value)arith::MaxUIOp::create(b, loc, v[0], v[1])
                        : (Value)arith::MaxSIOp::create(b, loc, v[0], v[1]);
  case ReduceKind::min:
    return isFloat      ? Scalar{&e, v[0]}.min({&e, v[1]}).v
           : isUnsigned ? (Value)arith::MinUIOp::create(b, loc, v[0], v[1])
                        : (Value)arith::MinSIOp::create(b, loc, v[0], v[1]);
  case ReduceKind::all:
    return arith::AndIOp::create(b, loc, v[0], v[1]);
  case ReduceKind::any:
    return arith::OrIOp::create(b, loc, v[0], v[1]);
  }
  return acc;
}
Value identity(Emitter &e, ReduceKind kind, Type element) {
  Type type = Emitter::computeType(element);
  switch (kind) {
  case ReduceKind::sum:
  case ReduceKind::any:
    return e.ir.zero(type);
  case ReduceKind::prod:
    return e.ir.constant(type, 1);
  case ReduceKind::all:
    return e.ir.constantInt(type, -1);
  case ReduceKind::max:
  case ReduceKind::min:
    break;
  }
  bool isMax = kind == ReduceKind::max;
  if (isa<FloatType>(type)) {
    double inf = std::numeric_limits<double>::infinity();
    return e.ir.constant(type, isMax ? -inf : inf);
  }
  unsigned width = type.getIntOrFloatBitWidth();
  APInt v = element.isUnsignedInteger() || element.isInteger(1)
                ? (isMax ? APInt::getMinValue(width) : APInt::getMaxValue(width))
                : (isMax ? APInt::getSignedMinValue(width) : APInt::getSignedMaxValue(width));
  return e.ir.constantInt(type, v.getSExtValue());
}
Value multiplyAdd(Emitter &e, Value x, Value y, Value acc) {
  Value v[] = {x, y, acc};
  e.ir.unify(v);
  if (isa<FloatType>(getElementTypeOrSelf(acc.getType())))
    return math::FmaOp::create(e.ir.b, e.ir.loc, v[0], v[1], v[2]);
  Value product = arith::MulIOp::create(e.ir.b, e.ir.loc, v[0], v[1]);
  return arith::AddIOp::create(e.ir.b, e.ir.loc, v[2], product);
}

} // namespace ingot::schedule
