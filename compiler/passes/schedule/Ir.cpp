// Index arithmetic with constants folded while it is built, vectors and loops.
#include "compiler/passes/schedule/Ir.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace ingot::schedule {
namespace {

/// Distinguishes the kinds of memoised values.
enum Kind : intptr_t {
  Add,
  AddC,
  Sub,
  Mul,
  MulC,
  Min,
  Max,
  Div,
  Rem,
  Splat,
  Iota,
  LaneVector,
  And
};

intptr_t id(Value v) { return reinterpret_cast<intptr_t>(v.getAsOpaquePointer()); }

} // namespace

std::optional<int64_t> constantIndex(Value v) {
  if (auto c = v.getDefiningOp<arith::ConstantIndexOp>())
    return c.value();
  return std::nullopt;
}

Value Ir::memo(Key key, llvm::function_ref<Value()> make) {
  Block *block = b.getInsertionBlock();
  for (Block *at = block; at;) {
    auto it = memos.find(at);
    if (it != memos.end())
      if (auto hit = it->second.find(key); hit != it->second.end())
        return hit->second;
    if (at == entry)
      break;
    Operation *parent = at->getParentOp();
    at = parent ? parent->getBlock() : nullptr;
  }
  Value v = make();
  memos[block].emplace(std::move(key), v);
  return v;
}

Value Ir::entryConstant(Key key, TypedAttr attr) {
  Value &v = constants[key];
  if (!v) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(entry);
    v = arith::ConstantOp::create(b, loc, attr);
  }
  return v;
}

Value Ir::index(int64_t v) { return entryConstant({0, v}, b.getIndexAttr(v)); }
Value Ir::index(const Extent &e) { return e.dynamic ? e.dynamic : index(e.value); }

Value Ir::constantInt(Type type, int64_t v) {
  if (isa<IndexType>(type))
    return index(v);
  return entryConstant({1, v, (intptr_t)type.getAsOpaquePointer()},
                       IntegerAttr::get(type, APInt(type.getIntOrFloatBitWidth(), v,
                                                    /*isSigned=*/true, /*implicitTrunc=*/true)));
}
Value Ir::constant(Type type, double v) {
  if (!isa<FloatType>(type))
    return constantInt(type, static_cast<int64_t>(v));
  int64_t bits = llvm::bit_cast<int64_t>(v);
  return entryConstant({2, bits, (intptr_t)type.getAsOpaquePointer()}, b.getFloatAttr(type, v));
}
Value Ir::zero(Type type) { return constant(type, 0.0); }

Value Ir::add(Value x, Value y) {
  if (!x || !y)
    return x ? x : y;
  auto cx = constantIndex(x), cy = constantIndex(y);
  if (cx && cy)
    return index(*cx + *cy);
  if (cx)
    return add(y, *cx);
  if (cy)
    return add(x, *cy);
  return memo({Add, id(x), id(y)}, [&] { return arith::AddIOp::create(b, loc, x, y); });
}
Value Ir::add(Value x, int64_t c) {
  if (!x)
    return index(c);
  if (!c)
    return x;
  if (auto cx = constantIndex(x))
    return index(*cx + c);
  return memo({AddC, id(x), c}, [&] { return arith::AddIOp::create(b, loc, x, index(c)); });
}
Value Ir::sub(Value x, Value y) {
  if (!y)
    return x ? x : index(0);
  if (!x)
    x = index(0);
  auto cx = constantIndex(x), cy = constantIndex(y);
  if (cx && cy)
    return index(*cx - *cy);
  if (cy)
    return add(x, -*cy);
  return memo({Sub, id(x), id(y)}, [&] { return arith::SubIOp::create(b, loc, x, y); });
}
Value Ir::mul(Value x, int64_t c) {
  if (!x || !c)
    return {};
  if (c == 1)
    return x;
  if (auto cx = constantIndex(x))
    return index(*cx * c);
  return memo({MulC, id(x), c}, [&] { return arith::MulIOp::create(b, loc, x, index(c)); });
}
Value Ir::mul(Value x, Value y) {
  if (!x || !y)
    return {};
  if (auto cy = constantIndex(y))
    return mul(x, *cy);
  if (auto cx = constantIndex(x))
    return mul(y, *cx);
  return memo({Mul, id(x), id(y)}, [&] { return arith::MulIOp::create(b, loc, x, y); });
}
Value Ir::min(Value x, Value y) {
  auto cx = constantIndex(x), cy = constantIndex(y);
  if (x == y)
    return x;
  if (cx && cy)
    return index(std::min(*cx, *cy));
  return memo({Min, id(x), id(y)}, [&] { return arith::MinSIOp::create(b, loc, x, y); });
}
Value Ir::max(Value x, Value y) {
  auto cx = constantIndex(x), cy = constantIndex(y);
  if (x == y)
    return x;
  if (cx && cy)
    return index(std::max(*cx, *cy));
  return memo({Max, id(x), id(y)}, [&] { return arith::MaxSIOp::create(b, loc, x, y); });
}
Value Ir::div(Value x, Value y) {
  auto cx = constantIndex(x), cy = constantIndex(y);
  if (cy && *cy == 1)
    return x;
  if (cx && cy && *cy)
    return index(*cx / *cy);
  return memo({Div, id(x), id(y)}, [&] { return arith::DivUIOp::create(b, loc, x, y); });
}
Value Ir::rem(Value x, Value y) {
  auto cx = constantIndex(x), cy = constantIndex(y);
  if (cy && *cy == 1)
    return index(0);
  if (cx && cy && *cy)
    return index(*cx % *cy);
  return memo({Rem, id(x), id(y)}, [&] { return arith::RemUIOp::create(b, loc, x, y); });
}
Extent Ir::mul(const Extent &x, const Extent &y) {
  if (x.isStatic() && y.isStatic())
    return x.value * y.value;
  if (x.is(0) || y.is(0))
    return 0;
  return Extent(mul(index(x), index(y)));
}
Extent Ir::ceilDiv(const Extent &x, int64_t c) {
  if (x.isStatic())
    return (x.value + c - 1) / c;
  return c == 1 ? x : Extent(div(add(x.dynamic, c - 1), index(c)));
}

Coord Ir::add(const Coord &x, const Coord &y) {
  Coord r(add(x.base, y.base), x.offset + y.offset, x.lane + y.lane);
  if (!x.base && !y.base)
    r.base = {};
  r.lanes = x.lanes && y.lanes ? add(x.lanes, y.lanes) : x.lanes ? x.lanes : y.lanes;
  return r;
}
Coord Ir::scale(const Coord &x, int64_t c) {
  if (!c)
    return {};
  Coord r(mul(x.base, c), x.offset * c, x.lane * c);
  if (x.lanes)
    r.lanes = c == 1 ? x.lanes : memo({MulC, id(x.lanes), c}, [&] {
      return arith::MulIOp::create(b, loc, x.lanes, splat(index(c)));
    });
  return r;
}
Coord Ir::scale(const Coord &x, const Extent &e) {
  if (e.isStatic())
    return scale(x, e.value);
  Coord r;
  if (x.base || x.offset)
    r.base = mul(add(x.base, x.offset), e.dynamic);
  if (!x.isUniform()) {
    Coord only;
    only.lane = x.lane;
    only.lanes = x.lanes;
    Value v = vector(only), s = splat(e.dynamic);
    r.lanes = memo({Mul, id(v), id(s)}, [&] { return arith::MulIOp::create(b, loc, v, s); });
  }
  return r;
}
Value Ir::scalar(const Coord &c) {
  assert(c.isUniform() && "a position that differs by lane");
  return c.base ? add(c.base, c.offset) : index(c.offset);
}
Value Ir::vector(const Coord &c) {
  Value v;
  if (c.lane) {
    SmallVector<int64_t> steps;
    for (int64_t i = 0; i < lanes; ++i)
      steps.push_back(i * c.lane);
    v = entryConstant({3, lanes, c.lane}, DenseElementsAttr::get(vectorType(b.getIndexType()),
                                                                 ArrayRef<int64_t>(steps)));
  }
  auto join = [&](Value x) {
    v = v ? memo({Add, id(v), id(x)}, [&] { return arith::AddIOp::create(b, loc, v, x); }) : x;
  };
  if (c.lanes)
    join(c.lanes);
  if (c.base || c.offset || !v)
    join(splat(scalar(Coord(c.base, c.offset))));
  return v;
}
Value Ir::value(const Coord &c) { return c.isUniform() ? scalar(c) : vector(c); }
Coord Ir::coord(Value v) {
  Coord c;
  if (isVector(v))
    c.lanes = v;
  else if (auto k = constantIndex(v))
    c.offset = *k;
  else
    c.base = v;
  return c;
}

Value Ir::splat(Value v) {
  if (isVector(v))
    return v;
  return memo({Splat, id(v), lanes},
              [&] { return vector::BroadcastOp::create(b, loc, vectorType(v.getType()), v); });
}
void Ir::unify(MutableArrayRef<Value> values) {
  if (llvm::any_of(values, isVector))
    for (Value &v : values)
      v = splat(v);
}
Value Ir::prefixMask(Value n) {
  return vector::CreateMaskOp::create(b, loc, vectorType(b.getI1Type()), ValueRange{n});
}
Value Ir::logicalAnd(Value x, Value y) {
  if (!x || !y)
    return x ? x : y;
  Value v[] = {x, y};
  unify(v);
  return memo({And, id(v[0]), id(v[1])}, [&] { return arith::AndIOp::create(b, loc, v[0], v[1]); });
}
Value Ir::select(Value c, Value x, Value y) {
  if (x == y)
    return x;
  Value v[] = {x, y};
  unify(v);
  if (isVector(c)) {
    v[0] = splat(v[0]);
    v[1] = splat(v[1]);
  }
  return arith::SelectOp::create(b, loc, c, v[0], v[1]);
}

void Ir::loop(Value lo, Value hi, int64_t step, Body body) {
  auto f = scf::ForOp::create(b, loc, lo, hi, index(step));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(f.getBody());
  body(f.getInductionVar());
}
SmallVector<Value> Ir::loop(Value lo, Value hi, int64_t step, ArrayRef<Value> init,
                            CarryBody body) {
  auto f = scf::ForOp::create(b, loc, lo, hi, index(step), init);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(f.getBody());
  SmallVector<Value> args(f.getRegionIterArgs());
  SmallVector<Value> next = body(f.getInductionVar(), args);
  if (!init.empty())
    scf::YieldOp::create(b, loc, next);
  return SmallVector<Value>(f.getResults());
}
SmallVector<Value> Ir::branch(Value condition, TypeRange types,
                              llvm::function_ref<SmallVector<Value>()> yes,
                              llvm::function_ref<SmallVector<Value>()> no) {
  auto f = scf::IfOp::create(b, loc, types, condition, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(f.thenBlock());
  SmallVector<Value> r = yes();
  scf::YieldOp::create(b, loc, r);
  b.setInsertionPointToStart(f.elseBlock());
  r = no();
  scf::YieldOp::create(b, loc, r);
  return SmallVector<Value>(f.getResults());
}
void Ir::when(Value condition, llvm::function_ref<void()> yes) {
  auto f = scf::IfOp::create(b, loc, condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(f.thenBlock());
  yes();
}

} // namespace ingot::schedule
