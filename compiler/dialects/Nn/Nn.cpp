// Registration, the sizes attribute, and size helpers of tensor types.
#include "compiler/dialects/Nn/Nn.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace ingot::nn;

#include "compiler/dialects/Nn/NnDialect.cpp.inc"
#include "compiler/dialects/Nn/NnEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "compiler/dialects/Nn/NnAttrs.cpp.inc"

void NnDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "compiler/dialects/Nn/NnAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "compiler/dialects/Nn/NnOps.cpp.inc"
      >();
}

//===-- #nn.sizes ---------------------------------------------------------===//

SizesAttr SizesAttr::get(MLIRContext *ctx, llvm::ArrayRef<SizeExpr> sizes) {
  SmallVector<StringAttr> texts;
  for (const SizeExpr &e : sizes)
    texts.push_back(StringAttr::get(ctx, e.str()));
  return get(ctx, texts);
}
SizesAttr SizesAttr::get(MLIRContext *ctx, llvm::ArrayRef<int64_t> sizes) {
  SmallVector<StringAttr> texts;
  for (int64_t v : sizes)
    texts.push_back(StringAttr::get(ctx, std::to_string(v)));
  return get(ctx, texts);
}
SizeExpr SizesAttr::expr(unsigned i) const {
  return SizeExpr::parse(getTexts()[i].getValue()).value_or(SizeExpr());
}
llvm::SmallVector<SizeExpr> SizesAttr::exprs() const {
  llvm::SmallVector<SizeExpr> r;
  for (unsigned i = 0; i < size(); ++i)
    r.push_back(expr(i));
  return r;
}
std::optional<llvm::SmallVector<int64_t>> SizesAttr::constants() const {
  llvm::SmallVector<int64_t> r;
  for (StringAttr t : getTexts()) {
    int64_t v;
    if (t.getValue().getAsInteger(10, v))
      return std::nullopt;
    r.push_back(v);
  }
  return r;
}

Attribute SizesAttr::parse(AsmParser &parser, Type) {
  SmallVector<StringAttr> texts;
  auto element = [&]() -> ParseResult {
    int64_t number;
    if (OptionalParseResult r = parser.parseOptionalInteger(number); r.has_value()) {
      texts.push_back(parser.getBuilder().getStringAttr(std::to_string(number)));
      return *r;
    }
    std::string text;
    auto where = parser.getCurrentLocation();
    if (parser.parseString(&text))
      return failure();
    auto e = SizeExpr::parse(text);
    if (!e)
      return parser.emitError(where, "'" + text + "' is no size expression");
    texts.push_back(parser.getBuilder().getStringAttr(e->str()));
    return success();
  };
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::LessGreater, element))
    return {};
  return get(parser.getContext(), texts);
}
void SizesAttr::print(AsmPrinter &p) const {
  p << "<";
  llvm::interleaveComma(getTexts(), p, [&](StringAttr t) {
    int64_t v;
    if (t.getValue().getAsInteger(10, v))
      p << '"' << t.getValue() << '"';
    else
      p << v;
  });
  p << ">";
}
LogicalResult SizesAttr::verifyEncoding(::mlir::ArrayRef<int64_t> shape, ::mlir::Type,
                                        llvm::function_ref<InFlightDiagnostic()> emitError) const {
  size_t unknown = llvm::count_if(shape, ShapedType::isDynamic);
  if (unknown != getTexts().size())
    return emitError() << "names " << getTexts().size() << " sizes, but the type has " << unknown
                       << " unknown dimensions";
  return success();
}

//===-- Sizes of types ----------------------------------------------------===//

namespace ingot::nn {

llvm::SmallVector<SizeExpr> dimsOf(Type type) {
  auto t = cast<RankedTensorType>(type);
  auto names = dyn_cast_or_null<SizesAttr>(t.getEncoding());
  llvm::SmallVector<SizeExpr> r;
  unsigned next = 0;
  for (int64_t d : t.getShape()) {
    if (!ShapedType::isDynamic(d))
      r.push_back(d);
    else if (names && next < names.size())
      r.push_back(names.expr(next++));
    else
      r.push_back(SizeExpr::symbol("?"));
  }
  return r;
}
SizeExpr dimOf(Type type, int64_t dim) { return dimsOf(type)[dim]; }

RankedTensorType tensorType(llvm::ArrayRef<SizeExpr> dims, Type element) {
  SmallVector<int64_t> shape;
  SmallVector<SizeExpr> names;
  for (const SizeExpr &d : dims) {
    auto c = d.constant();
    shape.push_back(c ? *c : ShapedType::kDynamic);
    if (!c)
      names.push_back(d);
  }
  Attribute encoding;
  if (!names.empty())
    encoding = SizesAttr::get(element.getContext(), names);
  return RankedTensorType::get(shape, element, encoding);
}
SizeExpr elementCount(Type type) {
  SizeExpr n = 1;
  for (const SizeExpr &d : dimsOf(type))
    n = n * d;
  return n;
}
RankedTensorType withElement(Type type, Type element) {
  auto t = cast<RankedTensorType>(type);
  return RankedTensorType::get(t.getShape(), element, t.getEncoding());
}
RankedTensorType plainType(Type type) {
  auto t = cast<RankedTensorType>(type);
  return RankedTensorType::get(t.getShape(), t.getElementType());
}
int64_t elementBytes(Type element) {
  if (auto c = dyn_cast<ComplexType>(element))
    return 2 * elementBytes(c.getElementType());
  return std::max<int64_t>(1, element.getIntOrFloatBitWidth() / 8);
}

FusionClass fusionClass(Operation *op) {
  if (op->hasTrait<Elementwise>())
    return FusionClass::Elementwise;
  if (op->hasTrait<Injective>())
    return FusionClass::Injective;
  if (op->hasTrait<Reduction>())
    return FusionClass::Reduction;
  if (op->hasTrait<Contraction>())
    return FusionClass::Contraction;
  return FusionClass::Opaque;
}

} // namespace ingot::nn
