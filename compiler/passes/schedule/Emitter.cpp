// Evaluation, memory accesses and conditions of the pulling emitter.
#include "compiler/passes/schedule/Emitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace ingot::schedule {
namespace {
enum Kind : intptr_t { Eval = 100, Load };

intptr_t id(Value v) { return reinterpret_cast<intptr_t>(v.getAsOpaquePointer()); }

void append(Ir::Key &key, const Coord &c) {
  key.push_back(id(c.base));
  key.push_back(c.offset);
  key.push_back(c.lane);
  key.push_back(id(c.lanes));
}
} // namespace

Emitter::Emitter(OpBuilder &b, nn::KernelOp kernel, const Schedule &schedule,
                 const TargetInfo &target, Block *entry, Operation *prologueEnd)
    : ir(b, kernel.getLoc(), entry), kernel(kernel), schedule(schedule), target(target),
      prologueEnd(prologueEnd) {}

//===-- Sizes -------------------------------------------------------------===//

Extent Emitter::extent(const nn::SizeExpr &e) {
  if (auto c = e.constant())
    return *c;
  std::string text = e.str();
  auto it = extents.find(text);
  if (it != extents.end())
    return it->second;
  OpBuilder::InsertionGuard guard(ir.b);
  ir.b.setInsertionPoint(prologueEnd);
  Value v = e.materialize(ir.b, ir.loc, ir.b.getIndexType(), [&](StringRef name) -> Value {
    auto found = symbols.find(name.str());
    return found == symbols.end() ? ir.index(0) : found->second;
  });
  return extents.emplace(text, Extent(v)).first->second;
}
SmallVector<Extent> Emitter::shape(Type type) {
  SmallVector<Extent> r;
  for (const nn::SizeExpr &d : nn::dimsOf(type))
    r.push_back(extent(d));
  return r;
}

//===-- Types -------------------------------------------------------------===//

Type Emitter::storageType(Type element) {
  if (auto c = dyn_cast<ComplexType>(element))
    return c.getElementType();
  if (auto i = dyn_cast<IntegerType>(element))
    return IntegerType::get(element.getContext(), std::max(8u, i.getWidth()));
  return element;
}
Type Emitter::computeType(Type element) {
  if (auto c = dyn_cast<ComplexType>(element))
    return c.getElementType();
  if (element.isF16() || element.isBF16())
    return Float32Type::get(element.getContext());
  if (auto i = dyn_cast<IntegerType>(element))
    return IntegerType::get(element.getContext(), i.getWidth());
  return element;
}
Value Emitter::widen(Value v, Type element) {
  Type to = computeType(element);
  if (getElementTypeOrSelf(v.getType()) == to)
    return v;
  if (element.isInteger(1)) {
    Value zero = ir.zero(getElementTypeOrSelf(v.getType()));
    if (Ir::isVector(v))
      zero = ir.splat(zero);
    return arith::CmpIOp::create(ir.b, ir.loc, arith::CmpIPredicate::ne, v, zero);
  }
  Type type = Ir::isVector(v) ? Type(ir.vectorType(to)) : to;
  return arith::ExtFOp::create(ir.b, ir.loc, type, v);
}
Value Emitter::narrow(Value v, Type element) {
  Type to = storageType(element);
  if (getElementTypeOrSelf(v.getType()) == to)
    return v;
  Type type = Ir::isVector(v) ? Type(ir.vectorType(to)) : to;
  if (element.isInteger(1))
    return arith::ExtUIOp::create(ir.b, ir.loc, type, v);
  return arith::TruncFOp::create(ir.b, ir.loc, type, v);
}

//===-- Memory ------------------------------------------------------------===//

const Buffer *Emitter::bufferOf(Value tensor) const {
  auto it = buffers.find(tensor);
  return it == buffers.end() ? nullptr : &it->second;
}
Buffer Emitter::makeBuffer(Value memref, Type tensorType) {
  Buffer r;
  r.memref = memref;
  r.element = cast<RankedTensorType>(tensorType).getElementType();
  r.shape = shape(tensorType);
  r.strides.resize(r.shape.size());
  Extent stride = 1;
  for (int64_t d = r.shape.size() - 1; d >= 0; --d) {
    r.strides[d] = stride;
    if (d)
      stride = ir.mul(stride, r.shape[d]);
  }
  return r;
}
Coord Emitter::address(const Buffer &buffer, ArrayRef<Coord> at) {
  if (buffer.shape.empty())
    return {};
  if (flat)
    return at.empty() ? Coord() : at[0];
  Coord sum;
  for (auto [c, stride] : llvm::zip(at, buffer.strides))
    sum = ir.add(sum, ir.scale(c, stride));
  return sum;
}
VectorType Emitter::widened(Type element, int64_t each) {
  return VectorType::get({each * ir.lanes}, element);
}
/// The mask with `each` entries a lane.
Value Emitter::maskOf(int64_t each) {
  if (each == 1)
    return ir.mask;
  SmallVector<int64_t> lanes;
  for (int64_t i = 0; i < each * ir.lanes; ++i)
    lanes.push_back(i / each);
  return vector::ShuffleOp::create(ir.b, ir.loc, ir.mask, ir.mask, lanes);
}
/// Loads at an address in elements of the memref; with contiguous lanes `each`
/// elements a lane.
Value Emitter::loadFrom(const Buffer &buffer, const Coord &a, int64_t each) {
  Type storage = storageType(buffer.element);
  if (a.isUniform())
    return memref::LoadOp::create(ir.b, ir.loc, buffer.memref, ValueRange{ir.scalar(a)});
  Value base = ir.scalar(Coord(a.base, a.offset));
  if (a.lane == each && !a.lanes) {
    VectorType type = widened(storage, each);
    if (!ir.mask)
      return vector::LoadOp::create(ir.b, ir.loc, type, buffer.memref, ValueRange{base});
    Value none = vector::BroadcastOp::create(ir.b, ir.loc, type, ir.zero(storage));
    return vector::MaskedLoadOp::create(ir.b, ir.loc, type, buffer.memref, ValueRange{base},
                                        maskOf(each), none);
  }
  Coord only;
  only.lane = a.lane;
  only.lanes = a.lanes;
  Value mask = ir.mask ? ir.mask : ir.splat(ir.constantInt(ir.b.getI1Type(), 1));
  return vector::GatherOp::create(ir.b, ir.loc, ir.vectorType(storage), buffer.memref,
                                  ValueRange{base}, ir.vector(only), mask,
                                  ir.splat(ir.zero(storage)));
}
Value Emitter::load(const Buffer &buffer, ArrayRef<Coord> at) {
  Coord a = address(buffer, at);
  auto make = [&] { return widen(loadFrom(buffer, a, 1), buffer.element); };
  if (buffer.written)
    return make();
  Ir::Key key{Load, id(buffer.memref), id(a.isUniform() ? Value() : ir.mask), ir.lanes};
  append(key, a);
  return ir.memo(std::move(key), make);
}
Value Emitter::loadPart(const Buffer &buffer, ArrayRef<Coord> at, unsigned part) {
  Coord a = ir.scale(address(buffer, at), 2);
  bool both = a.lane == 2 && !a.lanes; // contiguous: loaded at once, then taken apart
  Coord own = both ? a : ir.add(a, Coord(part));
  Ir::Key key{Load, id(buffer.memref), id(own.isUniform() ? Value() : ir.mask), ir.lanes};
  append(key, own);
  Value v = ir.memo(std::move(key), [&] { return loadFrom(buffer, own, 2); });
  if (!both)
    return v;
  SmallVector<int64_t> lanes;
  for (int64_t i = 0; i < ir.lanes; ++i)
    lanes.push_back(2 * i + part);
  return vector::ShuffleOp::create(ir.b, ir.loc, v, v, lanes);
}
void Emitter::storeTo(const Buffer &buffer, const Coord &a, Value value, int64_t each) {
  if (a.isUniform()) {
    memref::StoreOp::create(ir.b, ir.loc, value, buffer.memref, ValueRange{ir.scalar(a)});
    return;
  }
  Value base = ir.scalar(Coord(a.base, a.offset));
  if (a.lane == each && !a.lanes) {
    if (ir.mask)
      vector::MaskedStoreOp::create(ir.b, ir.loc, buffer.memref, ValueRange{base}, maskOf(each),
                                    value);
    else
      vector::StoreOp::create(ir.b, ir.loc, value, buffer.memref, ValueRange{base});
    return;
  }
  Coord only;
  only.lane = a.lane;
  only.lanes = a.lanes;
  Value mask = ir.mask ? ir.mask : ir.splat(ir.constantInt(ir.b.getI1Type(), 1));
  vector::ScatterOp::create(ir.b, ir.loc, /*resultType=*/Type(), buffer.memref, ValueRange{base},
                            ir.vector(only), mask, value);
}
void Emitter::store(const Buffer &buffer, ArrayRef<Coord> at, Value value) {
  Coord a = address(buffer, at);
  value = narrow(value, buffer.element);
  storeTo(buffer, a, a.isUniform() ? value : ir.splat(value), 1);
}
void Emitter::storeParts(const Buffer &buffer, ArrayRef<Coord> at, Value re, Value im) {
  Coord a = ir.scale(address(buffer, at), 2);
  if (!a.isUniform()) {
    re = ir.splat(re);
    im = ir.splat(im);
  }
  if (a.lane != 2 || a.lanes) {
    storeTo(buffer, a, re, 1);
    storeTo(buffer, ir.add(a, Coord(1)), im, 1);
    return;
  }
  SmallVector<int64_t> lanes;
  for (int64_t i = 0; i < ir.lanes; ++i)
    lanes.append({i, ir.lanes + i});
  storeTo(buffer, a, vector::ShuffleOp::create(ir.b, ir.loc, re, im, lanes), 2);
}

//===-- Evaluation --------------------------------------------------------===//

void Emitter::bind(Value tensor, ArrayRef<Coord> at, Value value) {
  bound[tensor] = {Coords(at.begin(), at.end()), value};
  ++epoch;
}
Value Emitter::eval(Value tensor, ArrayRef<Coord> at) {
  if (auto it = bound.find(tensor); it != bound.end() && ArrayRef<Coord>(it->second.at) == at)
    return it->second.value;
  if (const Buffer *buffer = bufferOf(tensor))
    return load(*buffer, at);
  Operation *op = tensor.getDefiningOp();
  PullRule rule = op ? findPullRule(op) : nullptr;
  if (!rule) {
    if (!unsupported)
      unsupported = op;
    return ir.zero(computeType(elementType(tensor)));
  }
  Ir::Key key{Eval, id(tensor), id(ir.mask), ir.lanes, epoch};
  for (const Coord &c : at)
    append(key, c);
  return ir.memo(std::move(key), [&] { return rule(*this, op, at); });
}
Value Emitter::evalPart(Value tensor, ArrayRef<Coord> at, unsigned part) {
  if (const Buffer *buffer = bufferOf(tensor))
    return loadPart(*buffer, at, part);
  if (auto pair = tensor.getDefiningOp<nn::ComplexOp>())
    return eval(pair->getOperand(part), at);
  if (!unsupported)
    unsupported = tensor.getDefiningOp();
  return ir.zero(computeType(elementType(tensor)));
}
void Emitter::finish(ArrayRef<unsigned> which, ArrayRef<Coord> at) {
  OperandRange tensors = kernel.getBody().front().getTerminator()->getOperands();
  auto isComplex = [&](unsigned r) { return isa<ComplexType>(results[r].element); };
  SmallVector<std::pair<Value, Value>> values;
  for (unsigned r : which)
    if (isComplex(r)) {
      Value re = evalPart(tensors[r], at, 0);
      values.push_back({re, evalPart(tensors[r], at, 1)});
    } else {
      values.push_back({eval(tensors[r], at), {}});
    }
  for (auto [r, v] : llvm::zip(which, values))
    if (isComplex(r))
      storeParts(results[r], at, v.first, v.second);
    else
      store(results[r], at, v.first);
}

//===-- Conditions --------------------------------------------------------===//

Condition Emitter::less(const Coord &x, const Coord &y) {
  if (x.isUniform() && y.isUniform()) {
    if (x.base == y.base)
      return {x.offset < y.offset, {}};
    return {std::nullopt, arith::CmpIOp::create(ir.b, ir.loc, arith::CmpIPredicate::slt,
                                                ir.scalar(x), ir.scalar(y))};
  }
  return {std::nullopt, arith::CmpIOp::create(ir.b, ir.loc, arith::CmpIPredicate::slt,
                                              ir.splat(ir.value(x)), ir.splat(ir.value(y)))};
}
Condition Emitter::both(const Condition &x, const Condition &y) {
  if (x.known)
    return *x.known ? y : x;
  if (y.known)
    return *y.known ? x : y;
  return {std::nullopt, ir.logicalAnd(x.value, y.value)};
}
Condition Emitter::inside(const Coord &x, const Extent &lo, const Extent &hi) {
  return both(less(lo.isStatic() ? Coord(lo.value - 1) : Coord(lo.dynamic, -1), x),
              less(x, hi.isStatic() ? Coord(hi.value) : Coord(hi.dynamic)));
}
Value Emitter::pick(const Condition &c, Type type, llvm::function_ref<Value()> yes,
                    llvm::function_ref<Value()> no) {
  if (c.known)
    return *c.known ? yes() : no();
  if (Ir::isVector(c.value)) {
    Value x = ir.withMask(ir.logicalAnd(ir.mask, c.value), yes);
    Value flipped =
        arith::XOrIOp::create(ir.b, ir.loc, c.value, ir.splat(ir.constantInt(ir.b.getI1Type(), 1)));
    Value y = ir.withMask(ir.logicalAnd(ir.mask, flipped), no);
    return ir.select(c.value, x, y);
  }
  // Whether the branches give a scalar or a vector is known only afterwards.
  auto branch = scf::IfOp::create(ir.b, ir.loc, TypeRange{type}, c.value, true);
  Value values[2];
  bool vectors = false;
  for (bool side : {true, false}) {
    OpBuilder::InsertionGuard guard(ir.b);
    ir.b.setInsertionPointToStart(side ? branch.thenBlock() : branch.elseBlock());
    values[!side] = side ? yes() : no();
    vectors |= Ir::isVector(values[!side]);
  }
  for (bool side : {true, false}) {
    OpBuilder::InsertionGuard guard(ir.b);
    ir.b.setInsertionPointToEnd(side ? branch.thenBlock() : branch.elseBlock());
    Value v = values[!side];
    if (vectors && !Ir::isVector(v))
      v = vector::BroadcastOp::create(ir.b, ir.loc, ir.vectorType(type), v);
    scf::YieldOp::create(ir.b, ir.loc, v);
  }
  if (vectors)
    branch->getResult(0).setType(ir.vectorType(type));
  return branch->getResult(0);
}
void Emitter::raise(Value condition, Status code) {
  Value any = condition;
  if (Ir::isVector(any)) {
    any = ir.logicalAnd(any, ir.mask);
    any = vector::ReductionOp::create(ir.b, ir.loc, vector::CombiningKind::OR, any);
  } else if (ir.mask) {
    // A uniform condition counts only where some lane exists.
    any = arith::AndIOp::create(
        ir.b, ir.loc, any,
        vector::ReductionOp::create(ir.b, ir.loc, vector::CombiningKind::OR, ir.mask));
  }
  Type i32 = ir.b.getI32Type();
  if (!status) {
    OpBuilder::InsertionGuard guard(ir.b);
    ir.b.setInsertionPoint(prologueEnd);
    status = memref::AllocaOp::create(ir.b, ir.loc, MemRefType::get({1}, i32));
    memref::StoreOp::create(ir.b, ir.loc, ir.constantInt(i32, 0), status, ValueRange{ir.index(0)});
  }
  Value old = memref::LoadOp::create(ir.b, ir.loc, status, ValueRange{ir.index(0)});
  Value next = arith::SelectOp::create(ir.b, ir.loc, any,
                                       ir.constantInt(i32, static_cast<int32_t>(code)), old);
  memref::StoreOp::create(ir.b, ir.loc, next, status, ValueRange{ir.index(0)});
}

//===-- Splitting ---------------------------------------------------------===//

std::optional<Value> Emitter::exactDiv(Value x, int64_t by) {
  if (!x || by == 1)
    return x;
  if (auto c = constantIndex(x)) {
    if (*c % by)
      return std::nullopt;
    return ir.index(*c / by);
  }
  if (auto mul = x.getDefiningOp<arith::MulIOp>())
    if (auto c = constantIndex(mul.getRhs()); c && *c % by == 0)
      return ir.mul(mul.getLhs(), *c / by);
  if (auto add = x.getDefiningOp<arith::AddIOp>()) {
    auto l = exactDiv(add.getLhs(), by);
    auto r = l ? exactDiv(add.getRhs(), by) : std::nullopt;
    if (l && r)
      return ir.add(*l, *r);
  }
  return std::nullopt;
}
std::pair<Coord, Coord> Emitter::split(const Coord &c, const Extent &by) {
  if (by.is(1))
    return {c, Coord()};
  if (by.isStatic() && by.value > 0 && !c.lanes && c.offset >= 0) {
    int64_t t = by.value;
    auto q = exactDiv(c.base, t);
    int64_t room = c.offset % t + c.lane * (ir.lanes - 1);
    if (q && room >= 0 && room < t) {
      Coord high(*q, c.offset / t), low;
      low.offset = c.offset % t;
      low.lane = c.lane;
      return {high, low};
    }
    // Aligned vectors do not cross a multiple of t.
    if (c.lane == 1 && t % ir.lanes == 0 && c.offset % ir.lanes == 0 &&
        exactDiv(c.base, ir.lanes)) {
      Value at = ir.scalar(Coord(c.base, c.offset));
      return {Coord(ir.div(at, ir.index(t))), Coord(ir.rem(at, ir.index(t)), 0, 1)};
    }
  }
  if (c.isUniform()) {
    Value at = ir.scalar(c), n = ir.index(by);
    return {ir.coord(ir.div(at, n)), ir.coord(ir.rem(at, n))};
  }
  Value at = ir.vector(c), n = ir.splat(ir.index(by));
  return {ir.coord(arith::DivUIOp::create(ir.b, ir.loc, at, n)),
          ir.coord(arith::RemUIOp::create(ir.b, ir.loc, at, n))};
}

} // namespace ingot::schedule
