// Result types and verifiers of nn operations.
#include "compiler/dialects/Nn/Nn.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace ingot::nn;

#define GET_OP_CLASSES
#include "compiler/dialects/Nn/NnOps.cpp.inc"

namespace {
using Dims = llvm::SmallVector<SizeExpr>;

Type elem(Value v) { return cast<RankedTensorType>(v.getType()).getElementType(); }
int64_t rankOf(Value v) { return cast<RankedTensorType>(v.getType()).getRank(); }
LogicalResult give(SmallVectorImpl<Type> &types, ArrayRef<SizeExpr> dims, Type e) {
  types.push_back(tensorType(dims, e));
  return success();
}
LogicalResult bad(std::optional<Location> loc, const Twine &text) {
  return emitOptionalError(loc, text);
}
bool inRange(ArrayRef<int64_t> dims, int64_t rank) {
  return llvm::all_of(dims, [&](int64_t d) { return d >= 0 && d < rank; });
}
std::string text(ArrayRef<SizeExpr> dims) {
  std::string s = "[";
  for (auto &d : dims)
    s += (s.size() > 1 ? ", " : "") + d.str();
  return s + "]";
}
/// Windows along one dimension.
SizeExpr windowed(const SizeExpr &n, int64_t window, int64_t stride, int64_t dilation, int64_t base,
                  const SizeExpr &low, const SizeExpr &high) {
  SizeExpr spread = base == 1 ? n : SizeExpr::max((n - 1) * base + 1, 0);
  SizeExpr padded = spread + low + high;
  return SizeExpr::max(SizeExpr::floorDiv(padded - ((window - 1) * dilation + 1), stride) + 1, 0);
}
} // namespace

// The declared form takes operands, attributes and properties; every op here
// reads them through its adaptor.
#define INFER_ENTRY(OP)                                                                            \
  static LogicalResult infer(MLIRContext *ctx, std::optional<Location> loc, OP::Adaptor op,        \
                             SmallVectorImpl<Type> &types);                                        \
  LogicalResult OP::inferReturnTypes(                                                              \
      MLIRContext *ctx, std::optional<Location> loc, ValueRange operands, DictionaryAttr attrs,    \
      OpaqueProperties properties, RegionRange regions, SmallVectorImpl<Type> &types) {            \
    return infer(ctx, loc, OP::Adaptor(operands, attrs, properties, regions), types);              \
  }                                                                                                \
  static LogicalResult infer(MLIRContext *ctx, std::optional<Location> loc, OP::Adaptor op,        \
                             SmallVectorImpl<Type> &types)

//===-- Elementwise -------------------------------------------------------===//

#define INFER_TEST(OP)                                                                             \
  INFER_ENTRY(OP) {                                                                                \
    types.push_back(withElement(op.getX().getType(), IntegerType::get(ctx, 1)));                   \
    return success();                                                                              \
  }
INFER_TEST(IsNanOp)
INFER_TEST(IsInfOp)
INFER_TEST(IsFiniteOp)
INFER_ENTRY(CompareOp) {
  types.push_back(withElement(op.getLhs().getType(), IntegerType::get(ctx, 1)));
  return success();
}
INFER_ENTRY(SelectOp) {
  types.push_back(op.getOnTrue().getType());
  return success();
}
LogicalResult SelectOp::verify() {
  if (getOnTrue().getType() != getOnFalse().getType() ||
      withElement(getOnTrue().getType(), IntegerType::get(getContext(), 1)) != getPred().getType())
    return emitOpError("operands need one shape, and both values one type");
  return success();
}
static LogicalResult sameShape(Operation *op) {
  auto x = cast<RankedTensorType>(op->getOperand(0).getType());
  auto r = cast<RankedTensorType>(op->getResult(0).getType());
  if (x.getShape() != r.getShape() || x.getEncoding() != r.getEncoding())
    return op->emitOpError("changes the shape from ") << x << " to " << r;
  return success();
}
LogicalResult CastOp::verify() { return sameShape(*this); }
LogicalResult BitcastOp::verify() {
  if (elementBytes(elem(getX())) != elementBytes(elem(getResult())))
    return emitOpError("needs element types of one width");
  return sameShape(*this);
}
static Type realType(Value x) {
  return withElement(x.getType(), cast<ComplexType>(elem(x)).getElementType());
}
INFER_ENTRY(RealOp) {
  types.push_back(realType(op.getX()));
  return success();
}
INFER_ENTRY(ImagOp) {
  types.push_back(realType(op.getX()));
  return success();
}
INFER_ENTRY(ComplexOp) {
  types.push_back(withElement(op.getRe().getType(), ComplexType::get(elem(op.getRe()))));
  return success();
}
OpFoldResult RealOp::fold(FoldAdaptor) {
  auto pair = getX().getDefiningOp<ComplexOp>();
  return pair ? pair.getRe() : Value();
}
OpFoldResult ImagOp::fold(FoldAdaptor) {
  auto pair = getX().getDefiningOp<ComplexOp>();
  return pair ? pair.getIm() : Value();
}
OpFoldResult ComplexOp::fold(FoldAdaptor) {
  auto re = getRe().getDefiningOp<RealOp>();
  auto im = getIm().getDefiningOp<ImagOp>();
  return re && im && re.getX() == im.getX() ? re.getX() : Value();
}

//===-- Sources and shapes ------------------------------------------------===//

OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValue(); }
LogicalResult IotaOp::verify() {
  if (!inRange({static_cast<int64_t>(getDim())}, rankOf(getResult())))
    return emitOpError("dim ") << getDim() << " is not a dimension of " << getResult().getType();
  return success();
}
LogicalResult SizesOp::verify() {
  auto t = cast<RankedTensorType>(getResult().getType());
  if (!t.hasStaticShape() || t.getRank() > 1 || t.getNumElements() != getValues().size())
    return emitOpError("gives ") << getValues().size() << " sizes, not " << t;
  return success();
}
LogicalResult BroadcastOp::verify() {
  auto x = dimsOf(getX()), r = dimsOf(getResult());
  auto dims = getDims();
  if (dims.size() != x.size() || !inRange(dims, r.size()) || elem(getX()) != elem(getResult()))
    return emitOpError("dims do not map ") << getX().getType() << " into " << getResult().getType();
  for (auto [i, d] : llvm::enumerate(dims)) {
    if (i && d <= dims[i - 1])
      return emitOpError("dims must increase");
    if (x[i].constant() && r[d].constant() && !x[i].isConstant(1) && x[i] != r[d])
      return emitOpError("cannot broadcast size ") << x[i].str() << " to " << r[d].str();
  }
  return success();
}
LogicalResult ReshapeOp::verify() {
  SizeExpr a = elementCount(getX().getType()), b = elementCount(getResult().getType());
  if (a.constant() && b.constant() && a != b)
    return emitOpError("changes the number of elements from ") << a.str() << " to " << b.str();
  if (elem(getX()) != elem(getResult()))
    return emitOpError("changes the element type");
  return success();
}
OpFoldResult ReshapeOp::fold(FoldAdaptor) {
  if (getX().getType() == getType())
    return getX();
  if (auto inner = getX().getDefiningOp<ReshapeOp>()) {
    getXMutable().assign(inner.getX());
    return getResult();
  }
  return {};
}
INFER_ENTRY(TransposeOp) {
  auto x = dimsOf(op.getX());
  Dims r;
  if (op.getPermutation().size() != x.size() || !inRange(op.getPermutation(), x.size()))
    return bad(loc, "permutation does not fit the rank");
  for (int64_t p : op.getPermutation())
    r.push_back(x[p]);
  return give(types, r, elem(op.getX()));
}
LogicalResult TransposeOp::verify() {
  llvm::SmallVector<bool> seen(getPermutation().size(), false);
  for (int64_t p : getPermutation()) {
    if (seen[p])
      return emitOpError("permutation names dimension ") << p << " twice";
    seen[p] = true;
  }
  return success();
}
OpFoldResult TransposeOp::fold(FoldAdaptor) {
  for (auto [i, p] : llvm::enumerate(getPermutation()))
    if (p != static_cast<int64_t>(i))
      return {};
  return getX();
}
LogicalResult SliceOp::verify() {
  size_t rank = rankOf(getX());
  if (getStart().size() != rank || getStrides().size() != rank ||
      rankOf(getResult()) != static_cast<int64_t>(rank) || elem(getX()) != elem(getResult()))
    return emitOpError("needs one start and one stride a dimension, and keeps the rank");
  auto x = dimsOf(getX()), r = dimsOf(getResult()), s = getStart().exprs();
  for (size_t i = 0; i < rank; ++i) {
    if (!getStrides()[i])
      return emitOpError("has stride 0");
    auto n = x[i].constant(), c = r[i].constant(), b = s[i].constant();
    if (!n || !c || !b || !*c)
      continue;
    int64_t last = *b + (*c - 1) * getStrides()[i];
    if (*b < 0 || *b >= *n || last < 0 || last >= *n)
      return emitOpError("reads outside dimension ") << i << " of size " << *n;
  }
  return success();
}
LogicalResult DynamicSliceOp::verify() {
  if (static_cast<int64_t>(getStarts().size()) != rankOf(getX()) ||
      rankOf(getResult()) != rankOf(getX()))
    return emitOpError("needs one start a dimension and keeps the rank");
  return success();
}
INFER_ENTRY(DynamicUpdateSliceOp) {
  types.push_back(op.getX().getType());
  return success();
}
LogicalResult DynamicUpdateSliceOp::verify() {
  if (static_cast<int64_t>(getStarts().size()) != rankOf(getX()) ||
      rankOf(getUpdate()) != rankOf(getX()) || elem(getX()) != elem(getUpdate()))
    return emitOpError(
        "needs one start a dimension and an update of the same rank and element type");
  return success();
}
INFER_ENTRY(ReverseOp) {
  if (!inRange(op.getDims(), rankOf(op.getX())))
    return bad(loc, "dims do not fit the rank");
  types.push_back(op.getX().getType());
  return success();
}
INFER_ENTRY(PadOp) {
  auto x = dimsOf(op.getX());
  if (op.getLow().size() != x.size() || op.getHigh().size() != x.size() ||
      op.getInterior().size() != x.size())
    return bad(loc, "padding needs one entry a dimension");
  Dims r;
  for (size_t i = 0; i < x.size(); ++i)
    r.push_back(x[i] + op.getLow().expr(i) + op.getHigh().expr(i) +
                SizeExpr::max(x[i] - 1, 0) * op.getInterior()[i]);
  return give(types, r, elem(op.getX()));
}
INFER_ENTRY(ConcatOp) {
  if (op.getXs().empty())
    return bad(loc, "nothing to concatenate");
  Dims r = dimsOf(op.getXs()[0]);
  int64_t d = op.getDim();
  if (!inRange({d}, r.size()))
    return bad(loc, "dim does not fit the rank");
  for (Value v : op.getXs().drop_front()) {
    auto x = dimsOf(v);
    if (x.size() != r.size() || elem(v) != elem(op.getXs()[0]))
      return bad(loc, "operands need one rank and element type");
    for (size_t i = 0; i < x.size(); ++i) {
      if (static_cast<int64_t>(i) == d)
        r[i] = r[i] + x[i];
      else if (x[i].constant() && r[i].constant() && x[i] != r[i])
        return bad(loc,
                   "operands differ in dimension " + Twine(i) + ": " + text(r) + " and " + text(x));
      else if (x[i].constant())
        r[i] = x[i];
    }
  }
  return give(types, r, elem(op.getXs()[0]));
}
INFER_ENTRY(TakeOp) {
  auto x = dimsOf(op.getX()), ix = dimsOf(op.getIndices());
  int64_t axis = op.getAxis(), batch = op.getBatchDims();
  if (!inRange({axis}, x.size()) || batch > axis || batch < 0 ||
      batch > static_cast<int64_t>(ix.size()))
    return bad(loc, "axis or batch_dims do not fit");
  Dims r(x.begin(), x.begin() + axis);
  r.append(ix.begin() + batch, ix.end());
  r.append(x.begin() + axis + 1, x.end());
  return give(types, r, elem(op.getX()));
}
INFER_ENTRY(GatherNdOp) {
  auto x = dimsOf(op.getX()), ix = dimsOf(op.getIndices());
  auto k = ix.empty() ? std::nullopt : ix.back().constant();
  if (!k || *k > static_cast<int64_t>(x.size()))
    return bad(loc, "the last dimension of indices must be known and at most the rank");
  Dims r(ix.begin(), ix.end() - 1);
  r.append(x.begin() + *k, x.end());
  return give(types, r, elem(op.getX()));
}
INFER_ENTRY(ScatterOp) {
  types.push_back(op.getX().getType());
  return success();
}
LogicalResult NonzeroOp::verify() {
  auto r = dimsOf(getResult());
  if (r.size() != 2 || !r[1].isConstant(rankOf(getX())) || r[0].str() != getSymbol())
    return emitOpError("gives a tensor of [") << getSymbol() << ", " << rankOf(getX()) << "]";
  return success();
}

//===-- Reductions, windows, contractions ---------------------------------===//

INFER_ENTRY(ReduceOp) {
  auto x = dimsOf(op.getX());
  if (!inRange(op.getDims(), x.size()))
    return bad(loc, "dims do not fit the rank");
  Dims r;
  for (size_t i = 0; i < x.size(); ++i)
    if (!llvm::is_contained(op.getDims(), static_cast<int64_t>(i)))
      r.push_back(x[i]);
  return give(types, r, elem(op.getX()));
}
INFER_ENTRY(ReduceWindowOp) {
  auto x = dimsOf(op.getX());
  for (size_t n : {op.getWindow().size(), op.getStrides().size(), op.getDilations().size(),
                   op.getBaseDilations().size(), size_t(op.getPadLow().size()),
                   size_t(op.getPadHigh().size())})
    if (n != x.size())
      return bad(loc, "every window attribute needs one entry a dimension");
  Dims r;
  for (size_t i = 0; i < x.size(); ++i)
    r.push_back(windowed(x[i], op.getWindow()[i], op.getStrides()[i], op.getDilations()[i],
                         op.getBaseDilations()[i], op.getPadLow().expr(i),
                         op.getPadHigh().expr(i)));
  return give(types, r, elem(op.getX()));
}
INFER_ENTRY(DotGeneralOp) {
  auto a = dimsOf(op.getLhs()), b = dimsOf(op.getRhs());
  auto lb = op.getLhsBatch(), rb = op.getRhsBatch(), lc = op.getLhsContract(),
       rc = op.getRhsContract();
  if (lb.size() != rb.size() || lc.size() != rc.size() || !inRange(lb, a.size()) ||
      !inRange(lc, a.size()) || !inRange(rb, b.size()) || !inRange(rc, b.size()))
    return bad(loc, "batch and contracting dimensions do not fit");
  for (auto [l, r] : {std::pair(lb, rb), std::pair(lc, rc)})
    for (auto [i, j] : llvm::zip(l, r))
      if (a[i].constant() && b[j].constant() && a[i] != b[j])
        return bad(loc, "sizes " + a[i].str() + " and " + b[j].str() + " must be equal");
  Dims r;
  for (int64_t i : lb)
    r.push_back(a[i]);
  for (size_t i = 0; i < a.size(); ++i)
    if (!llvm::is_contained(lb, int64_t(i)) && !llvm::is_contained(lc, int64_t(i)))
      r.push_back(a[i]);
  for (size_t i = 0; i < b.size(); ++i)
    if (!llvm::is_contained(rb, int64_t(i)) && !llvm::is_contained(rc, int64_t(i)))
      r.push_back(b[i]);
  return give(types, r, elem(op.getLhs()));
}
INFER_ENTRY(ConvOp) {
  auto x = dimsOf(op.getX()), f = dimsOf(op.getFilter());
  size_t n = op.getStrides().size();
  if (x.size() != n + 2 || f.size() != n + 2 || op.getPadLow().size() != n ||
      op.getPadHigh().size() != n || op.getLhsDilation().size() != n ||
      op.getRhsDilation().size() != n)
    return bad(loc, "conv of " + Twine(n) + " spatial dimensions needs operands of rank " +
                        Twine(n + 2));
  if (x.back().constant() && f[n].constant() &&
      *x.back().constant() != *f[n].constant() * int64_t(op.getGroups()))
    return bad(loc, "input has " + x.back().str() + " channels, the filter needs " + f[n].str() +
                        " x " + Twine(op.getGroups()) + " groups");
  Dims r{x[0]};
  for (size_t i = 0; i < n; ++i) {
    auto w = f[i].constant();
    if (!w)
      return bad(loc, "the filter's window must be known");
    r.push_back(windowed(x[i + 1], *w, op.getStrides()[i], op.getRhsDilation()[i],
                         op.getLhsDilation()[i], op.getPadLow().expr(i), op.getPadHigh().expr(i)));
  }
  r.push_back(f.back());
  return give(types, r, elem(op.getX()));
}

//===-- Layout ------------------------------------------------------------===//

INFER_ENTRY(PackOp) {
  auto x = dimsOf(op.getX());
  int64_t d = op.getDim();
  if (!inRange({d}, x.size()) || int64_t(op.getTile()) < 1)
    return bad(loc, "dim or tile does not fit");
  Dims r{SizeExpr::ceilDiv(x[d], int64_t(op.getTile()))};
  for (size_t i = 0; i < x.size(); ++i)
    if (int64_t(i) != d)
      r.push_back(x[i]);
  r.push_back(int64_t(op.getTile()));
  return give(types, r, elem(op.getX()));
}
LogicalResult UnpackOp::verify() {
  if (rankOf(getX()) != rankOf(getResult()) + 1)
    return emitOpError("takes one dimension away");
  return success();
}

//===-- Control flow and kernels ------------------------------------------===//

void ForOp::build(OpBuilder &b, OperationState &state, ValueRange inits, SizeExpr trip) {
  build(b, state, inits.getTypes(), inits,
        SizesAttr::get(b.getContext(), ArrayRef<SizeExpr>(trip)));
  Block &body = state.regions.front()->emplaceBlock();
  body.addArgument(RankedTensorType::get({}, b.getI32Type()), state.location);
  for (Value v : inits)
    body.addArgument(v.getType(), state.location);
}
void WhileOp::build(OpBuilder &b, OperationState &state, ValueRange inits) {
  build(b, state, inits.getTypes(), inits);
  for (auto &region : state.regions) {
    Block &block = region->emplaceBlock();
    for (Value v : inits)
      block.addArgument(v.getType(), state.location);
  }
}
static LogicalResult verifyRegion(Operation *op, Region &region, TypeRange arguments,
                                  TypeRange results, StringRef what) {
  Block &block = region.front();
  if (TypeRange(block.getArgumentTypes()) != arguments)
    return op->emitOpError(what) << " takes other types than the operation carries";
  auto yield = block.empty() ? YieldOp() : dyn_cast<YieldOp>(block.back());
  if (!yield || TypeRange(yield.getOperandTypes()) != results)
    return op->emitOpError(what) << " yields other types than expected";
  return success();
}
LogicalResult ForOp::verify() {
  SmallVector<Type> arguments{RankedTensorType::get({}, IntegerType::get(getContext(), 32))};
  llvm::append_range(arguments, getInits().getTypes());
  if (getTrip().size() != 1 || getInits().getTypes() != getResultTypes())
    return emitOpError("needs one trip count and results of the carried types");
  return verifyRegion(*this, getBody(), arguments, getResultTypes(), "body");
}
LogicalResult WhileOp::verify() {
  if (getInits().getTypes() != getResultTypes())
    return emitOpError("needs results of the carried types");
  Type flag = RankedTensorType::get({}, IntegerType::get(getContext(), 1));
  if (failed(verifyRegion(*this, getCond(), getResultTypes(), flag, "cond")))
    return failure();
  return verifyRegion(*this, getBody(), getResultTypes(), getResultTypes(), "body");
}
LogicalResult IfOp::verify() {
  if (failed(verifyRegion(*this, getThenRegion(), {}, getResultTypes(), "then")))
    return failure();
  return verifyRegion(*this, getElseRegion(), {}, getResultTypes(), "else");
}
LogicalResult KernelOp::verify() {
  return verifyRegion(*this, getBody(), getInputs().getTypes(), getResultTypes(), "body");
}
LogicalResult DispatchOp::verify() {
  auto pairs = getInplace();
  if (pairs.size() % 2 || getGrid().size() != 1 || getScratch().size() != 1 ||
      int64_t(getChunk()) < 1)
    return emitOpError(
        "needs one grid, one scratch size, a chunk of 1 or more and pairs in inplace");
  for (size_t i = 0; i < pairs.size(); i += 2)
    if (pairs[i] < 0 || pairs[i] >= int64_t(getNumResults()) || pairs[i + 1] < 0 ||
        pairs[i + 1] >= int64_t(getInputs().size()))
      return emitOpError("inplace names result ")
             << pairs[i] << " and operand " << pairs[i + 1] << ", which do not exist";
  return success();
}
