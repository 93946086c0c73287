// Every complex value becomes a pair of real ones, so that the stations behind
// know real numbers only. What callers see stays complex: arguments are taken
// apart by nn.real and nn.imag, results put together by nn.complex, which
// kernels fuse as strided loads and stores.
//
// Elementwise functions are in ComplexFunctions.cpp; what moves data does so to
// both parts; products have four real ones; loops carry twice as many values.
#include "compiler/passes/group/ComplexFunctions.h"
#include "compiler/passes/group/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/Sequence.h"

using namespace mlir;
using namespace ingot;
using namespace ingot::nn;

namespace {

bool isComplex(Type type) {
  auto t = dyn_cast<RankedTensorType>(type);
  return t && isa<ComplexType>(t.getElementType());
}
bool isComplex(Value v) { return isComplex(v.getType()); }
bool touchesComplex(Operation *op) {
  auto here = [](Value v) { return isComplex(v); };
  return llvm::any_of(op->getOperands(), here) || llvm::any_of(op->getResults(), here);
}
Type partType(Type type) {
  return withElement(
      type, cast<ComplexType>(cast<RankedTensorType>(type).getElementType()).getElementType());
}

/// Operations that do to each part what they do to a number.
bool isPartwise(Operation *op) {
  if (auto reduce = dyn_cast<ReduceOp>(op))
    return reduce.getKind() == ReduceKind::sum;
  if (auto window = dyn_cast<ReduceWindowOp>(op))
    return window.getKind() == ReduceKind::sum;
  if (auto scan = dyn_cast<ScanOp>(op))
    return scan.getKind() == ReduceKind::sum;
  if (auto scatter = dyn_cast<ScatterOp>(op))
    return llvm::is_contained({ScatterKind::update, ScatterKind::add, ScatterKind::sub},
                              scatter.getKind());
  return isa<BroadcastOp, ReshapeOp, TransposeOp, SliceOp, DynamicSliceOp, DynamicUpdateSliceOp,
             ReverseOp, PadOp, ConcatOp, TakeOp, GatherNdOp, PackOp, UnpackOp, CopyOp, SelectOp,
             NegOp, AddOp, SubOp>(op);
}
bool isBilinear(Operation *op) { return isa<DotGeneralOp, ConvOp, ConvFilterGradOp>(op); }

class Expander {
public:
  LogicalResult run(func::FuncOp f) {
    if (f.isExternal())
      return success();
    LogicalResult r = expand(f.front());
    for (Operation *op : llvm::reverse(dead))
      op->erase();
    return r;
  }

private:
  DenseMap<Value, ComplexPair> pairs;
  /// Replaced operations, users after what they use.
  SmallVector<Operation *> dead;

  /// The parts of a value; those of arguments and constants are read from it.
  ComplexPair partsOf(Value v) {
    if (!isComplex(v))
      return {v, {}};
    ComplexPair &p = pairs[v];
    if (!p.re) {
      OpBuilder b(v.getContext());
      b.setInsertionPointAfterValue(v);
      Build build{b, v.getLoc()};
      p = {build.real(v), build.imag(v)};
    }
    return p;
  }
  SmallVector<ComplexPair> partsOf(ValueRange values) {
    SmallVector<ComplexPair> r;
    for (Value v : values)
      r.push_back(partsOf(v));
    return r;
  }
  /// Complex values as two each.
  SmallVector<Value> flatten(ValueRange values) {
    SmallVector<Value> r;
    for (ComplexPair p : partsOf(values)) {
      r.push_back(p.re);
      if (p.im)
        r.push_back(p.im);
    }
    return r;
  }
  /// Binds values that were flattened.
  void bind(ValueRange old, ValueRange flat) {
    unsigned next = 0;
    for (Value v : old) {
      if (isComplex(v)) {
        pairs[v] = {flat[next], flat[next + 1]};
        next += 2;
      } else {
        v.replaceAllUsesWith(flat[next++]);
      }
    }
  }

  LogicalResult expand(Block &block) {
    for (Operation &op : llvm::make_early_inc_range(block))
      if (failed(expand(&op)))
        return failure();
    return success();
  }
  LogicalResult expand(Operation *op) {
    OpBuilder b(op);
    if (isa<func::ReturnOp>(op)) {
      Build build{b, op->getLoc()};
      for (OpOperand &o : op->getOpOperands())
        if (isComplex(o.get()) && !isBoundary(o.get())) {
          ComplexPair p = partsOf(o.get());
          o.set(build.complex(p.re, p.im));
        }
      return success();
    }
    if (auto yield = dyn_cast<YieldOp>(op)) {
      if (touchesComplex(op))
        yield.getValuesMutable().assign(flatten(op->getOperands()));
      return success();
    }
    if (op->getNumRegions())
      return isa<KernelOp>(op) ? success() : expandRegions(b, op);
    if (!touchesComplex(op) || isa<ConstantOp>(op))
      return success();
    auto parts = expandValue(b, op);
    if (failed(parts))
      return op->emitOpError("is not defined for complex numbers");
    if (!isComplex(op->getResult(0)))
      op->getResult(0).replaceAllUsesWith(parts->re);
    else
      pairs[op->getResult(0)] = *parts;
    dead.push_back(op);
    return success();
  }
  /// Values that stay complex: callers and files have them so.
  static bool isBoundary(Value v) {
    auto argument = dyn_cast<BlockArgument>(v);
    return argument ? isa<func::FuncOp>(argument.getOwner()->getParentOp())
                    : isa<ConstantOp>(v.getDefiningOp());
  }

  FailureOr<ComplexPair> expandValue(OpBuilder &b, Operation *op) {
    Build build{b, op->getLoc()};
    if (isPartwise(op))
      return ComplexPair{onPart(b, op, false), onPart(b, op, true)};
    if (isBilinear(op))
      return product(build, op);
    if (auto reduce = dyn_cast<ReduceOp>(op); reduce && reduce.getKind() == ReduceKind::prod)
      return productOver(build, reduce);
    if (auto scan = dyn_cast<ScanOp>(op); scan && scan.getKind() == ReduceKind::prod)
      return products(build, scan);
    if (ComplexRule rule = findComplexRule(op))
      return rule(build, op, partsOf(op->getOperands()));
    return failure();
  }

  /// The operation on one part of its complex operands.
  Value onPart(OpBuilder &b, Operation *op, bool imaginary) {
    SmallVector<Value> operands;
    for (ComplexPair p : partsOf(op->getOperands()))
      operands.push_back(imaginary && p.im ? p.im : p.re);
    return on(b, op, operands);
  }
  Value on(OpBuilder &b, Operation *op, ValueRange operands) {
    return b
        .create(op->getLoc(), op->getName().getIdentifier(), operands,
                {partType(op->getResult(0).getType())}, op->getAttrs())
        ->getResult(0);
  }
  ComplexPair product(Build &b, Operation *op) {
    ComplexPair x = partsOf(op->getOperand(0)), y = partsOf(op->getOperand(1));
    auto real = [&](Value u, Value v) { return on(b.b, op, {u, v}); };
    return {b.sub(real(x.re, y.re), real(x.im, y.im)), b.add(real(x.re, y.im), real(x.im, y.re))};
  }

  //===-- Products along dimensions: loops, as no real operation has pairs ---===//

  /// x[i] along dimension 0.
  static Value element(Build &b, Value x, Value i) {
    Dims dims = dimsOf(x);
    SmallVector<Value> starts(dims.size(), b.scalar(0, b.b.getI32Type()));
    starts[0] = i;
    dims[0] = 1;
    Value part = DynamicSliceOp::create(b.b, b.loc, tensorType(dims, Build::elem(x)), x, starts);
    return b.reshape(part, ArrayRef(dims).drop_front());
  }
  static Value withElementAt(Build &b, Value x, Value i, Value value) {
    Dims dims = dimsOf(x);
    SmallVector<Value> starts(dims.size(), b.scalar(0, b.b.getI32Type()));
    starts[0] = i;
    dims[0] = 1;
    return DynamicUpdateSliceOp::create(b.b, b.loc, x, b.reshape(value, dims), starts);
  }
  ComplexPair productOver(Build &b, ReduceOp op) {
    ComplexPair x = partsOf(op.getX());
    Dims dims = dimsOf(x.re), kept = dimsOf(op.getResult()), whole{SizeExpr(1)};
    SmallVector<int64_t> order(op.getDims());
    for (int64_t d : order)
      whole[0] = whole[0] * dims[d];
    for (int64_t d : llvm::seq<int64_t>(0, dims.size()))
      if (!llvm::is_contained(op.getDims(), d))
        order.push_back(d);
    llvm::append_range(whole, kept);
    for (Value *v : {&x.re, &x.im})
      *v = b.reshape(b.transpose(*v, order), whole);
    Value one = b.full(kept, 1, Build::elem(x.re)), zero = b.full(kept, 0, Build::elem(x.re));
    auto loop = ForOp::create(b.b, b.loc, ValueRange{one, zero}, whole[0]);
    Block &body = loop.getBody().front();
    OpBuilder inner = OpBuilder::atBlockEnd(&body);
    Build in{inner, b.loc};
    Value i = body.getArgument(0);
    ComplexPair r = multiply(in, {body.getArgument(1), body.getArgument(2)},
                             {element(in, x.re, i), element(in, x.im, i)});
    YieldOp::create(inner, b.loc, ValueRange{r.re, r.im});
    return {loop.getResult(0), loop.getResult(1)};
  }
  ComplexPair products(Build &b, ScanOp op) {
    ComplexPair x = partsOf(op.getX());
    auto order = llvm::to_vector(llvm::seq<int64_t>(0, Build::rank(x.re)));
    std::swap(order[0], order[op.getDim()]); // its own inverse
    x = {b.transpose(x.re, order), b.transpose(x.im, order)};
    Dims dims = dimsOf(x.re);
    Type element = Build::elem(x.re);
    ArrayRef<SizeExpr> one = ArrayRef(dims).drop_front();
    Value inits[] = {b.full(one, 1, element), b.full(one, 0, element), b.full(dims, 0, element),
                     b.full(dims, 0, element)};
    auto loop = ForOp::create(b.b, b.loc, ValueRange(inits), dims[0]);
    Block &body = loop.getBody().front();
    OpBuilder inner = OpBuilder::atBlockEnd(&body);
    Build in{inner, b.loc};
    Value i = body.getArgument(0);
    if (op.getReverse())
      i = in.sub(in.size(dims[0] - 1, inner.getI32Type()), i);
    ComplexPair before{body.getArgument(1), body.getArgument(2)};
    ComplexPair next =
        multiply(in, before, {this->element(in, x.re, i), this->element(in, x.im, i)});
    ComplexPair put = op.getExclusive() ? before : next;
    YieldOp::create(inner, b.loc,
                    ValueRange{next.re, next.im, withElementAt(in, body.getArgument(3), i, put.re),
                               withElementAt(in, body.getArgument(4), i, put.im)});
    return {b.transpose(loop.getResult(2), order), b.transpose(loop.getResult(3), order)};
  }

  //===-- Control flow ------------------------------------------------------===//

  /// Loops and branches with pairs in the place of complex values.
  LogicalResult expandRegions(OpBuilder &b, Operation *op) {
    Operation *made = op;
    if (touchesComplex(op)) {
      SmallVector<Type> types;
      for (Type t : op->getResultTypes())
        types.append(isComplex(t) ? 2 : 1, isComplex(t) ? partType(t) : t);
      OperationState state(op->getLoc(), op->getName(), flatten(op->getOperands()), types,
                           op->getAttrs());
      for (unsigned i = 0; i < op->getNumRegions(); ++i)
        state.addRegion();
      made = b.create(state);
      dead.push_back(op);
      for (auto [from, to] : llvm::zip(op->getRegions(), made->getRegions())) {
        Block &block = to.emplaceBlock(), &old = from.front();
        SmallVector<Value> flat;
        for (BlockArgument a : old.getArguments()) {
          Type t = a.getType();
          for (int i = 0; i < (isComplex(t) ? 2 : 1); ++i)
            flat.push_back(block.addArgument(isComplex(t) ? partType(t) : t, a.getLoc()));
        }
        bind(old.getArguments(), flat);
        block.getOperations().splice(block.end(), old.getOperations());
      }
      bind(op->getResults(), made->getResults());
    }
    for (Region &region : made->getRegions())
      if (failed(expand(region.front())))
        return failure();
    return success();
  }
};

struct ExpandComplexPass : PassWrapper<ExpandComplexPass, OperationPass<func::FuncOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(ExpandComplexPass)
  StringRef getArgument() const override { return "expand-complex"; }
  StringRef getDescription() const override {
    return "Turn complex numbers into pairs of real ones";
  }
  void runOnOperation() override {
    if (failed(Expander().run(getOperation())))
      signalPassFailure();
  }
};

} // namespace

std::unique_ptr<Pass> ingot::createExpandComplexPass() {
  return std::make_unique<ExpandComplexPass>();
}
