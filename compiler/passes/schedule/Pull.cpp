// How each shape operation of nn is pulled: the coordinates at which it needs
// its operands. One rule an operation; the list is at the end of the file.
#include "compiler/passes/schedule/Emitter.h"
#include "compiler/passes/schedule/Loops.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace ingot::nn;

namespace ingot::schedule {
namespace {

Type compute(Operation *op) { return Emitter::computeType(Emitter::elementType(op->getResult(0))); }

Coord minus(Emitter &e, const Coord &x, const Extent &y) {
  if (y.isStatic())
    return e.ir.add(x, Coord(-y.value));
  return e.ir.add(x, e.ir.scale(Coord(y.dynamic), -1));
}
Coord asCoord(const Extent &x) { return x.isStatic() ? Coord(x.value) : Coord(x.dynamic); }

/// An index tensor's value as index (or vector of index), by its signedness.
Value toIndex(Emitter &e, Value v, Type element) {
  Type to =
      Ir::isVector(v) ? Type(e.ir.vectorType(e.ir.b.getIndexType())) : Type(e.ir.b.getIndexType());
  if (element.isUnsignedInteger())
    return arith::IndexCastUIOp::create(e.ir.b, e.ir.loc, to, v);
  return arith::IndexCastOp::create(e.ir.b, e.ir.loc, to, v);
}
/// An index (or vector) as a value of the tensor's compute type.
Value fromIndex(Emitter &e, Value v, Type element) {
  Ir &ir = e.ir;
  auto of = [&](Type t) { return Ir::isVector(v) ? Type(ir.vectorType(t)) : t; };
  Type type = Emitter::computeType(element);
  if (isa<FloatType>(type)) {
    Value i = arith::IndexCastOp::create(ir.b, ir.loc, of(ir.b.getI64Type()), v);
    return arith::SIToFPOp::create(ir.b, ir.loc, of(type), i);
  }
  return arith::IndexCastOp::create(ir.b, ir.loc, of(type), v);
}
/// max/min on indices, scalars or vectors mixed.
Value clampIndex(Emitter &e, Value v, Value lo, Value hi) {
  Value x[] = {v, hi};
  e.ir.unify(x);
  Value r = arith::MinSIOp::create(e.ir.b, e.ir.loc, x[0], x[1]);
  Value y[] = {r, lo};
  e.ir.unify(y);
  return arith::MaxSIOp::create(e.ir.b, e.ir.loc, y[0], y[1]);
}

//===-- Sources -----------------------------------------------------------===//

Value pullConstant(Emitter &e, Operation *op, ArrayRef<Coord> at) {
  auto value = dyn_cast<DenseElementsAttr>(cast<ConstantOp>(op).getValue());
  Type type = compute(op);
  if (value && value.empty())
    return e.ir.zero(type); // nobody reads an element of it
  if (!value || !value.isSplat()) {
    if (!e.unsupported)
      e.unsupported = op;
    return e.ir.zero(type);
  }
  if (isa<FloatType>(type)) {
    APFloat f = value.getSplatValue<APFloat>();
    bool lost;
    f.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &lost);
    return e.ir.constant(type, f.convertToDouble());
  }
  APInt i = value.getSplatValue<APInt>();
  return e.ir.constantInt(type, i.getSExtValue());
}
Value pullIota(Emitter &e, Operation *op, ArrayRef<Coord> at) {
  return fromIndex(e, e.ir.value(at[cast<IotaOp>(op).getDim()]),
                   Emitter::elementType(op->getResult(0)));
}
Value pullSizes(Emitter &e, Operation *op, ArrayRef<Coord> at) {
  auto sizes = cast<SizesOp>(op).getValues().exprs();
  Type element = Emitter::elementType(op->getResult(0));
  auto one = [&](unsigned i) { return fromIndex(e, e.ir.index(e.extent(sizes[i])), element); };
  if (at.empty())
    return one(0);
  if (sizes.empty())
    return e.ir.zero(compute(op));
  Value r = one(sizes.size() - 1);
  for (int64_t i = static_cast<int64_t>(sizes.size()) - 2; i >= 0; --i)
    r = e.pick(e.less(at[0], Coord(i + 1)), compute(op), [&] { return one(i); }, [&] { return r; });
  return r;
}

//===-- Affine ------------------------------------------------------------===//

Value pullBroadcast(Emitter &e, Operation *op, ArrayRef<Coord> at) {
  auto b = cast<BroadcastOp>(op);
  auto from = dimsOf(b.getX()), to = dimsOf(b.getResult());
  Coords x;
  for (auto [i, d] : llvm::enumerate(b.getDims())) {
    if (e.flat)
      break;
    if (from[i].isConstant(1)) {
      x.push_back({});
    } else if (from[i] == to[d] || (from[i].constant() && to[d].constant())) {
      x.push_back(at[d]);
    } else { // found at run time: step 0 or 1
      Value one = arith::CmpIOp::create(e.ir.b, e.ir.loc, arith::CmpIPredicate::ne,
                                        e.ir.index(e.extent(from[i])), e.ir.index(1));
      Value step = arith::SelectOp::create(e.ir.b, e.ir.loc, one, e.ir.index(1), e.ir.index(0));
      x.push_back(e.ir.scale(at[d], Extent(step)));
    }
  }
  if (e.flat) // of a single element, or of the same shape
    return e.eval(b.getX(), elementCount(b.getX().getType()).isConstant(1)
                                ? ArrayRef<Coord>(Coords(x.empty() && !from.empty() ? 1 : 0))
                                : at);
  return e.eval(b.getX(), x);
}
Value pullTranspose(Emitter &e, Operation *op, ArrayRef<Coord> at) {
  auto t = cast<TransposeOp>(op);
  Coords x(at.size());
  for (auto [i, p] : llvm::enumerate(t.getPermutation()))
    x[p] = at[i];
  return e.eval(t.getX(), x);
}
Value pullSlice(Emitter &e, Operation *op, ArrayRef<Coord> at) {
  auto s = cast<SliceOp>(op);
  Coords x;
  for (auto [i, c] : llvm::enumerate(at))
    x.push_back(
        e.ir.add(e.ir.scale(c, s.getStrides()[i]), asCoord(e.extent(s.getStart().expr(i)))));
  return e.eval(s.getX(), x);
}
Value pullReverse(Emitter &e, Operation *op, ArrayRef<Coord> at) {
  auto r = cast<ReverseOp>(op);
  Coords x(at.begin(), at.end());
  auto shape = e.shape(r.getX());
  for (int64_t d : r.getDims())
    x[d] = e.ir.add(e.ir.scale(at[d], -1), e.ir.add(asCoord(shape[d]), Coord(-1)));
  return e.eval(r.getX(), x);
}
Value pullReshape(Emitter &e, Operation *op, ArrayRef<Coord> at) {
  auto r = cast<ReshapeOp>(op);
  if (e.flat)
    return e.eval(r.getX(), at);
  if (const Buffer *buffer = e.bufferOf(r.getX()); buffer && !buffer->shape.empty()) {
    Buffer view = e.makeBuffer(buffer->memref, r.getResult().getType());
    view.written = buffer->written;
    if (!view.shape.empty())
      return e.load(view, at);
  }
  // Dimensions in groups of equal products, from the innermost.
  auto from = dimsOf(r.getX()), to = dimsOf(r.getResult());
  auto fromShape = e.shape(r.getX()), toShape = e.shape(r.getResult());
  Coords x(from.size());
  int64_t i = from.size() - 1, j = to.size() - 1;
  while (i >= 0 || j >= 0) {
    int64_t i1 = i, j1 = j; // groups are (i, i1] and (j, j1]
    SizeExpr a = 1, b = 1;
    do {
      bool takeFrom =
          i >= 0 &&
          (j < 0 || a == b ||
           (a.constant() && b.constant() ? *a.constant() < *b.constant() : i1 - i <= j1 - j));
      if (a == b && i1 == i && j >= 0) { // a fresh group takes one of each
        a = a * (i >= 0 ? from[i] : SizeExpr(1));
        b = b * to[j];
        i = i >= 0 ? i - 1 : i;
        --j;
      } else if (takeFrom)
        a = a * from[i--];
      else
        b = b * to[j--];
    } while (a != b && (i >= 0 || j >= 0));
    if (i1 - i == 1 && j1 - j == 1) {
      x[i1] = at[j1];
      continue;
    }
    Coord linear;
    Extent stride = 1;
    for (int64_t k = j1; k > j; --k) {
      linear = e.ir.add(linear, e.ir.scale(at[k], stride));
      stride = e.ir.mul(stride, toShape[k]);
    }
    for (int64_t k = i1; k > i; --k) {
      if (k == i + 1) {
        x[k] = linear;
        break;
      }
      auto [high, low] = e.split(linear, fromShape[k]);
      x[k] = low;
      linear = high;
    }
  }
  return e.eval(r.getX(), x);
}
Value pullPack(Emitter &e, Operation *op, ArrayRef<Coord> at) {
  auto p = cast<PackOp>(op);
  int64_t dim = p.getDim(), tile = p.getTile();
  Coord n = e.ir.add(e.ir.scale(at.front(), tile), at.back());
  Coords x(at.begin() + 1, at.end() - 1);
  x.insert(x.begin() + dim, n);
  SizeExpr size = dimOf(p.getX().getType(), dim);
  if (SizeExpr::mod(size, tile).isConstant(0))
    return e.eval(p.getX(), x);
  return e.pick(
      e.less(n, asCoord(e.extent(size))), compute(op), [&] { return e.eval(p.getX(), x); },
      [&] { return e.ir.zero(compute(op)); });
}
Value pullUnpack(Emitter &e, Operation *op, ArrayRef<Coord> at) {
  auto u = cast<UnpackOp>(op);
  int64_t dim = u.getDim(), tile = cast<RankedTensorType>(u.getX().getType()).getShape().back();
  auto [panel, lane] = e.split(at[dim], Extent(tile));
  Coords x{panel};
  for (auto [i, c] : llvm::enumerate(at))
    if (static_cast<int64_t>(i) != dim)
      x.push_back(c);
  x.push_back(lane);
  return e.eval(u.getX(), x);
}

//===-- Choices by position -----------------------------------------------===//

Value pullPad(Emitter &e, Operation *op, ArrayRef<Coord> at) {
  auto p = cast<PadOp>(op);
  Ir &ir = e.ir;
  auto shape = e.shape(p.getX());
  Coords x;
  Condition in{true, {}};
  for (auto [i, c] : llvm::enumerate(at)) {
    SizeExpr low = p.getLow().expr(i), high = p.getHigh().expr(i);
    int64_t step = p.getInterior()[i] + 1;
    if (low.isConstant(0) && high.isConstant(0) && step == 1) {
      x.push_back(c);
      continue;
    }
    Coord pos = minus(e, c, e.extent(low));
    if (p.getMode() != PadMode::constant) {
      // |pos|, then n-1 - |n-1 - pos|; symmetric repeats the edge.
      int64_t edge = p.getMode() == PadMode::symmetric;
      Value v = ir.value(pos), last = ir.sub(ir.index(shape[i]), ir.index(1));
      auto two = [&](Value a, Value b, bool larger) -> Value {
        Value y[] = {a, b};
        ir.unify(y);
        return larger ? (Value)arith::MaxSIOp::create(ir.b, ir.loc, y[0], y[1])
                      : (Value)arith::MinSIOp::create(ir.b, ir.loc, y[0], y[1]);
      };
      auto sub = [&](Value a, Value b) -> Value {
        Value y[] = {a, b};
        ir.unify(y);
        return arith::SubIOp::create(ir.b, ir.loc, y[0], y[1]);
      };
      v = two(v, sub(ir.index(-edge), v), true);
      v = two(v, sub(ir.add(ir.mul(last, 2), edge), v), false);
      x.push_back(ir.coord(v));
      continue;
    }
    if (step != 1) {
      // The last element, if there is one, stands at (n - 1) * step.
      Value span = ir.max(ir.add(Value(ir.mul(ir.sub(ir.index(shape[i]), ir.index(1)), step)), 1),
                          ir.index(0));
      auto fixed = constantIndex(span);
      in = e.both(in, e.inside(pos, 0, fixed ? Extent(*fixed) : Extent(span)));
      auto [q, r] = e.split(pos, Extent(step));
      in = e.both(in, e.less(r, Coord(1)));
      x.push_back(q);
      continue;
    }
    in = e.both(in, e.inside(pos, 0, shape[i]));
    x.push_back(pos);
  }
  return e.pick(
      in, compute(op), [&] { return e.eval(p.getX(), x); },
      [&] { return e.eval(p.getValue(), {}); });
}
Value pullConcat(Emitter &e, Operation *op, ArrayRef<Coord> at) {
  auto c = cast<ConcatOp>(op);
  unsigned dim = c.getDim();
  std::function<Value(unsigned, SizeExpr)> from = [&](unsigned i, SizeExpr start) -> Value {
    Value x = c.getXs()[i];
    auto here = [&] {
      Coords y(at.begin(), at.end());
      y[dim] = minus(e, at[dim], e.extent(start));
      return e.eval(x, y);
    };
    if (i + 1 == c.getXs().size())
      return here();
    SizeExpr end = start + dimOf(x.getType(), dim);
    return e.pick(e.less(at[dim], asCoord(e.extent(end))), compute(op), here,
                  [&] { return from(i + 1, end); });
  };
  return from(0, 0);
}

//===-- Positions from data -----------------------------------------------===//

/// `index` made safe for a dimension of size n: out of range raises, clamps or
/// lands on 0 with `in` false.
Value boundedIndex(Emitter &e, Value index, const Extent &n, BoundsMode mode, Condition &in) {
  Ir &ir = e.ir;
  Value last = ir.sub(ir.index(n), ir.index(1));
  if (mode == BoundsMode::clamp)
    return clampIndex(e, index, ir.index(0), last);
  Value v[] = {index, ir.index(n)};
  ir.unify(v);
  // Unsigned comparison finds negative ones too.
  Value outside = arith::CmpIOp::create(ir.b, ir.loc, arith::CmpIPredicate::uge, v[0], v[1]);
  if (mode == BoundsMode::error)
    e.raise(outside, Status::OutOfRange);
  Value zero = ir.index(0);
  Value inside = arith::CmpIOp::create(ir.b, ir.loc, arith::CmpIPredicate::ult, v[0], v[1]);
  in = e.both(in, {std::nullopt, inside});
  return ir.select(outside, zero, v[0]);
}
Value pullTake(Emitter &e, Operation *op, ArrayRef<Coord> at) {
  auto t = cast<TakeOp>(op);
  int64_t axis = t.getAxis(), batch = t.getBatchDims();
  int64_t rank = cast<RankedTensorType>(t.getIndices().getType()).getRank(), own = rank - batch;
  Coords ix(at.begin(), at.begin() + batch);
  ix.append(at.begin() + axis, at.begin() + axis + own);
  Value index = toIndex(e, e.eval(t.getIndices(), ix), Emitter::elementType(t.getIndices()));
  Condition in{true, {}};
  index = boundedIndex(e, index, e.shape(t.getX())[axis], t.getMode(), in);
  Coords x(at.begin(), at.begin() + axis);
  x.push_back(e.ir.coord(index));
  x.append(at.begin() + axis + own, at.end());
  return e.pick(
      in, compute(op), [&] { return e.eval(t.getX(), x); }, [&] { return e.ir.zero(compute(op)); });
}
Value pullGatherNd(Emitter &e, Operation *op, ArrayRef<Coord> at) {
  auto g = cast<GatherNdOp>(op);
  auto type = cast<RankedTensorType>(g.getIndices().getType());
  int64_t k = type.getShape().back(), lead = type.getRank() - 1;
  auto shape = e.shape(g.getX());
  Condition in{true, {}};
  Coords x;
  for (int64_t i = 0; i < k; ++i) {
    Coords ix(at.begin(), at.begin() + lead);
    ix.push_back(Coord(i));
    Value index = toIndex(e, e.eval(g.getIndices(), ix), type.getElementType());
    x.push_back(e.ir.coord(boundedIndex(e, index, shape[i], g.getMode(), in)));
  }
  x.append(at.begin() + lead, at.end());
  return e.pick(
      in, compute(op), [&] { return e.eval(g.getX(), x); }, [&] { return e.ir.zero(compute(op)); });
}
/// Starts of a window, clamped so that it lies inside.
SmallVector<Value> windowStarts(Emitter &e, OperandRange starts, ArrayRef<Extent> shape,
                                ArrayRef<Extent> window) {
  SmallVector<Value> r;
  for (auto [i, s] : llvm::enumerate(starts)) {
    Value last = e.ir.sub(e.ir.index(shape[i]), e.ir.index(window[i]));
    Value v = toIndex(e, e.eval(s, {}), Emitter::elementType(s));
    r.push_back(clampIndex(e, v, e.ir.index(0), last));
  }
  return r;
}
Value pullDynamicSlice(Emitter &e, Operation *op, ArrayRef<Coord> at) {
  auto d = cast<DynamicSliceOp>(op);
  auto starts = windowStarts(e, d.getStarts(), e.shape(d.getX()), e.shape(d.getResult()));
  Coords x;
  for (auto [c, s] : llvm::zip(at, starts))
    x.push_back(e.ir.add(c, e.ir.coord(s)));
  return e.eval(d.getX(), x);
}
Value pullDynamicUpdate(Emitter &e, Operation *op, ArrayRef<Coord> at) {
  auto d = cast<DynamicUpdateSliceOp>(op);
  auto shape = e.shape(d.getX()), window = e.shape(d.getUpdate());
  auto starts = windowStarts(e, d.getStarts(), shape, window);
  Coords u;
  Condition in{true, {}};
  for (auto [i, c] : llvm::enumerate(at)) {
    if (shape[i] == window[i]) {
      u.push_back(c);
      continue;
    }
    Coord pos = minus(e, c, Extent(starts[i]));
    in = e.both(in, e.inside(pos, 0, window[i]));
    u.push_back(pos);
  }
  return e.pick(
      in, compute(op), [&] { return e.eval(d.getUpdate(), u); },
      [&] { return e.eval(d.getX(), at); });
}

//===-- Elementwise and reductions ----------------------------------------===//

Value pullElementwise(Emitter &e, Operation *op, ArrayRef<Coord> at) {
  SmallVector<Value> args;
  for (Value x : op->getOperands()) {
    bool single = e.flat && elementCount(x.getType()).isConstant(1);
    args.push_back(e.eval(
        x, single ? ArrayRef<Coord>(Coords(cast<RankedTensorType>(x.getType()).getRank() ? 1 : 0))
                  : at));
  }
  e.ir.unify(args);
  return findScalarRule(op)(e, op, args);
}
template <unsigned part> Value pullPart(Emitter &e, Operation *op, ArrayRef<Coord> at) {
  return e.evalPart(op->getOperand(0), at, part);
}
Value pullCopy(Emitter &e, Operation *op, ArrayRef<Coord> at) {
  return e.eval(op->getOperand(0), at);
}

} // namespace

PullRule findPullRule(Operation *op) {
  static const llvm::StringMap<PullRule> rules = {
      {"nn.broadcast", pullBroadcast},
      {"nn.concat", pullConcat},
      {"nn.constant", pullConstant},
      {"nn.copy", pullCopy},
      {"nn.dynamic_slice", pullDynamicSlice},
      {"nn.dynamic_update_slice", pullDynamicUpdate},
      {"nn.gather_nd", pullGatherNd},
      {"nn.imag", pullPart<1>},
      {"nn.iota", pullIota},
      {"nn.max_pool_grad", pullMaxPoolGrad},
      {"nn.pack", pullPack},
      {"nn.pad", pullPad},
      {"nn.real", pullPart<0>},
      {"nn.reshape", pullReshape},
      {"nn.reverse", pullReverse},
      {"nn.sizes", pullSizes},
      {"nn.slice", pullSlice},
      {"nn.take", pullTake},
      {"nn.transpose", pullTranspose},
      {"nn.unpack", pullUnpack},
  };
  auto it = rules.find(op->getName().getStringRef());
  if (it != rules.end())
    return it->second;
  if (op->hasTrait<nn::Elementwise>() && findScalarRule(op))
    return pullElementwise;
  if (isReduction(op))
    return pullReduction;
  return nullptr;
}

} // namespace ingot::schedule
