// TensorLists and TensorArrays become tensors with their elements along
// dimension 0. A list whose element shape nobody knows yet has no value: the
// first write decides, and unwritten elements are zeros.
#include "compiler/passes/import/LegalizeRules.h"

using namespace mlir;
using namespace ingot;
using namespace ingot::legalize;

namespace {

Dims elementDims(const Datum &list) {
  Dims d = nn::dimsOf(list.type);
  d.erase(d.begin());
  return d;
}
Dims withLength(const SizeExpr &length, const Dims &element) {
  Dims d{length};
  d.append(element);
  return d;
}
/// A list with this tensor as its elements.
Datum listOf(Value tensor, Type element) {
  Datum d = Datum::of(tensor);
  ListInfo info;
  info.element = element;
  info.length = nn::dimsOf(d.type)[0];
  d.list = std::make_shared<ListInfo>(std::move(info));
  return d;
}
/// A list without elements so far.
Datum freshList(Type element, SizeExpr length,
                std::optional<SmallVector<std::optional<SizeExpr>>> dims) {
  Datum d;
  ListInfo info;
  info.element = element;
  info.length = std::move(length);
  info.dims = std::move(dims);
  d.list = std::make_shared<ListInfo>(std::move(info));
  return d;
}
/// An element shape operand: a vector of sizes, -1 unknown; a scalar -1 is an
/// unknown rank.
std::optional<SmallVector<std::optional<SizeExpr>>> readElementShape(Node &n, unsigned i) {
  const Known *k = i < n.size() ? n.known(i) : nullptr;
  if (!k || k->shape.empty())
    return std::nullopt;
  SmallVector<std::optional<SizeExpr>> r;
  for (const SizeExpr &v : k->values)
    r.push_back(v.isConstant(-1) ? std::optional<SizeExpr>() : v);
  return r;
}
/// All sizes of an element shape, if they are known.
std::optional<Dims> complete(const std::optional<SmallVector<std::optional<SizeExpr>>> &dims) {
  if (!dims)
    return std::nullopt;
  Dims r;
  for (auto &d : *dims) {
    if (!d)
      return std::nullopt;
    r.push_back(*d);
  }
  return r;
}

LogicalResult needList(Node &n, unsigned i) {
  return i < n.size() && n.operand(i).list ? success()
                                           : n.refuse("operand " + Twine(i) + " is no list");
}
/// The list's tensor; a list without elements becomes zeros of `element`.
Value tensorOf(Node &n, unsigned i, const Dims &element) {
  const Datum &d = n.operand(i);
  if (d.type)
    return n.in(i);
  return n.b.full(withLength(d.list->length, element), 0, d.list->element);
}
/// The element shape of a list that is read: its own, or what the operand says.
std::optional<Dims> readShape(Node &n, unsigned list, unsigned shape) {
  if (n.operand(list).type)
    return elementDims(n.operand(list));
  if (auto own = complete(n.operand(list).list->dims))
    return own;
  return complete(readElementShape(n, shape));
}
SmallVector<Value> startsAt(Node &n, Value index, int64_t rank) {
  SmallVector<Value> starts(rank, n.b.scalar(0, Build::elem(index)));
  starts[0] = index;
  return starts;
}

//===-- Single elements ---------------------------------------------------===//

LogicalResult setElement(Node &n, unsigned list, unsigned index, unsigned item) {
  if (failed(needList(n, list)) || failed(n.needRank(index, 0, "the index")))
    return failure();
  const Datum &d = n.operand(list);
  if (d.list->element != n.elem(item))
    return n.refuse("writes " + describe(n.type(item)) + " into a list of another element type");
  Dims element = n.dims(item);
  if (d.type) {
    Dims own = elementDims(d);
    if (own.size() != element.size())
      return n.refuse("writes an element of shape " + describe(element) + " into a list of " +
                      describe(own));
    for (size_t i = 0; i < own.size(); ++i)
      if (failed(n.same(element[i], own[i], "dimension " + Twine(i) + " of the element")))
        return failure();
    element = own;
  }
  auto at = n.integer(index);
  auto length = d.list->length.constant();
  if (at && length && (*at < 0 || *at >= *length))
    return n.refuse("index " + Twine(*at) + " is outside a list of " + Twine(*length));
  Value update = n.b.reshape(n.in(item), withLength(1, element));
  if (length == 1 && at)
    return n.give(listOf(update, d.list->element));
  Value x = tensorOf(n, list, element);
  return n.give(listOf(nn::DynamicUpdateSliceOp::create(n.b.b, n.b.loc, x, update,
                                                        startsAt(n, n.in(index), Build::rank(x))),
                       d.list->element));
}
LogicalResult getElement(Node &n, unsigned list, unsigned index, unsigned shape) {
  if (failed(needList(n, list)) || failed(n.needRank(index, 0, "the index")))
    return failure();
  auto element = readShape(n, list, shape);
  if (!element)
    return n.refuse("reads a list whose element shape is unknown");
  if (!n.operand(list).type)
    return n.give(n.b.full(*element, 0, n.operand(list).list->element));
  Value x = n.in(list);
  Dims sizes = withLength(1, *element);
  auto length = n.operand(list).list->length.constant();
  if (auto at = n.integer(index); at && length) {
    if (*at < 0 || *at >= *length)
      return n.refuse("index " + Twine(*at) + " is outside a list of " + Twine(*length));
    Dims start(sizes.size(), SizeExpr(0));
    start[0] = *at;
    return n.give(n.b.reshape(n.b.slice(x, start, sizes), *element));
  }
  Value part = nn::DynamicSliceOp::create(n.b.b, n.b.loc, nn::tensorType(sizes, Build::elem(x)), x,
                                          startsAt(n, n.in(index), Build::rank(x)));
  return n.give(n.b.reshape(part, *element));
}

//===-- Whole lists -------------------------------------------------------===//

/// Whether an operand is 0, 1, .. length - 1.
bool isWholeRange(Node &n, unsigned i, const SizeExpr &length) {
  if (auto v = n.ints(i)) {
    for (auto [k, x] : llvm::enumerate(*v))
      if (x != static_cast<int64_t>(k))
        return false;
    return length.isConstant(v->size());
  }
  return n.in(i).getDefiningOp<nn::IotaOp>() && n.rank(i) == 1 && n.dims(i)[0] == length;
}
LogicalResult gatherElements(Node &n, unsigned list, unsigned indices, unsigned shape) {
  if (failed(needList(n, list)) || failed(n.needRank(indices, 1, "the indices")))
    return failure();
  auto element = readShape(n, list, shape);
  if (!element)
    return n.refuse("reads a list whose element shape is unknown");
  Value x = tensorOf(n, list, *element);
  if (isWholeRange(n, indices, n.operand(list).list->length))
    return n.give(x);
  return n.give(nn::TakeOp::create(n.b.b, n.b.loc, x, n.in(indices), 0, 0, nn::BoundsMode::error));
}
LogicalResult scatterElements(Node &n, Datum list, unsigned indices, unsigned tensor) {
  if (failed(n.needRank(indices, 1, "the indices")))
    return failure();
  if (n.rank(tensor) < 1 || n.elem(tensor) != list.list->element)
    return n.refuse("scatters " + describe(n.type(tensor)));
  Dims element = n.dims(tensor);
  element.erase(element.begin());
  if (isWholeRange(n, indices, list.list->length))
    return n.give(listOf(n.in(tensor), list.list->element));
  Value x = list.type ? n.legalizer.materialize(list, n.b.b, n.b.loc)
                      : n.b.full(withLength(list.list->length, element), 0, list.list->element);
  Dims at{n.dims(indices)[0], SizeExpr(1)};
  return n.give(
      listOf(nn::ScatterOp::create(n.b.b, n.b.loc, x, n.b.reshape(n.in(indices), at), n.in(tensor),
                                   nn::ScatterKind::update, nn::BoundsMode::error),
             list.list->element));
}

LogicalResult reserve(Node &n) {
  Dims length;
  Type element = n.typeAttr("element_dtype", Type());
  if (!element || failed(n.needSizes(1, "the number of elements", length)))
    return failure();
  return n.give(freshList(element, length[0], readElementShape(n, 0)));
}
LogicalResult emptyList(Node &n) {
  Type element = n.typeAttr("element_dtype", Type());
  if (!element)
    return failure();
  return n.give(freshList(element, 0, readElementShape(n, 0)));
}
LogicalResult fromTensor(Node &n) {
  return n.rank(0) ? n.give(listOf(n.in(0), n.elem(0))) : n.refuse("makes a list of a scalar");
}
LogicalResult stack(Node &n) {
  if (failed(needList(n, 0)))
    return failure();
  auto element = readShape(n, 0, 1);
  if (!element)
    return n.refuse("stacks a list whose element shape is unknown");
  int64_t count = n.intAttr("num_elements", -1);
  if (count >= 0 && failed(n.same(n.operand(0).list->length, count, "the list's length")))
    return failure();
  return n.give(tensorOf(n, 0, *element));
}
LogicalResult setItem(Node &n) {
  if (n.boolAttr("resize_if_index_out_of_bounds", false) && n.operand(0).list) {
    // A list that grows: only to a length known at compile time.
    auto at = n.integer(1);
    auto length = n.operand(0).list->length.constant();
    if (!at || !length)
      return n.refuse("a list that grows by writing at a run-time index");
    if (*at >= *length) {
      Datum grown = n.operand(0);
      if (grown.type) {
        Dims zero(grown.type.getRank(), SizeExpr(0)), more = zero;
        more[0] = *at + 1 - *length;
        grown = listOf(n.b.pad(n.in(0), n.b.scalar(0, grown.list->element), zero, more),
                       grown.list->element);
      } else {
        grown = freshList(grown.list->element, *at + 1, grown.list->dims);
      }
      n.replaceOperand(0, grown);
    }
  }
  return setElement(n, 0, 1, 2);
}
LogicalResult getItem(Node &n) { return getElement(n, 0, 1, 2); }
LogicalResult gatherList(Node &n) { return gatherElements(n, 0, 1, 2); }
LogicalResult scatterList(Node &n) {
  Dims length;
  if (failed(n.needSizes(3, "the number of elements", length)))
    return failure();
  if (length[0].isConstant(-1))
    length[0] = n.dims(1)[0];
  return scatterElements(n, freshList(n.elem(0), length[0], std::nullopt), 1, 0);
}
LogicalResult scatterIntoList(Node &n) {
  if (failed(needList(n, 0)))
    return failure();
  return scatterElements(n, n.operand(0), 2, 1);
}
LogicalResult listLength(Node &n) {
  return failed(needList(n, 0)) ? failure() : n.give(Known::scalar(n.operand(0).list->length));
}
LogicalResult resize(Node &n) {
  Dims size;
  if (failed(needList(n, 0)) || failed(n.needSizes(1, "the size", size)))
    return failure();
  const Datum &d = n.operand(0);
  if (!d.type)
    return n.give(freshList(d.list->element, size[0], d.list->dims));
  auto more = (size[0] - d.list->length).constant();
  if (!more)
    return n.refuse("whether " + d.list->length.str() + " grows or shrinks to " + size[0].str() +
                    " is unknown");
  Dims zero(d.type.getRank(), SizeExpr(0)), high = zero;
  high[0] = *more;
  return n.give(
      listOf(n.b.pad(n.in(0), n.b.scalar(0, d.list->element), zero, high), d.list->element));
}
LogicalResult pushBack(Node &n) {
  if (failed(needList(n, 0)))
    return failure();
  const Datum &d = n.operand(0);
  Dims element = n.dims(1);
  if (d.list->element != n.elem(1) || (d.type && d.type.getRank() != n.rank(1) + 1))
    return n.refuse("pushes " + describe(n.type(1)));
  Value item = n.b.reshape(n.in(1), withLength(1, element));
  if (!d.type && d.list->length.isConstant(0))
    return n.give(listOf(item, d.list->element));
  Dims own = d.type ? elementDims(d) : element;
  for (size_t i = 0; i < own.size(); ++i)
    if (failed(n.same(element[i], own[i], "dimension " + Twine(i) + " of the element")))
      return failure();
  return n.give(listOf(n.b.concat({tensorOf(n, 0, own), n.b.reshape(item, withLength(1, own))}, 0),
                       d.list->element));
}
LogicalResult popBack(Node &n) {
  if (failed(needList(n, 0)))
    return failure();
  auto element = readShape(n, 0, 1);
  const SizeExpr &length = n.operand(0).list->length;
  if (!element || length.isConstant(0))
    return n.refuse("pops from an empty list");
  Value x = tensorOf(n, 0, *element);
  Dims start(element->size() + 1, SizeExpr(0)), last = start;
  last[0] = length - 1;
  (void)n.give(
      0, listOf(n.b.slice(x, start, withLength(length - 1, *element)), n.operand(0).list->element));
  return n.give(1, Datum::of(n.b.reshape(n.b.slice(x, last, withLength(1, *element)), *element)));
}
LogicalResult concatList(Node &n) {
  if (failed(needList(n, 0)))
    return failure();
  auto element = readShape(n, 0, 1);
  if (!element || element->empty())
    return n.refuse("concatenates a list whose element shape is unknown");
  const SizeExpr &length = n.operand(0).list->length;
  Dims dims = *element;
  SizeExpr each = dims[0];
  dims[0] = each * length;
  (void)n.give(0, Datum::of(n.b.reshape(tensorOf(n, 0, *element), dims)));
  if (n.isLive(1))
    (void)n.give(1, Datum::of(n.b.broadcastTo(n.b.size(each, n.b.b.getI64Type()), {length})));
  return success();
}

//===-- TensorArrays ------------------------------------------------------===//

// Operand 0 is the handle; the flow operand carries the elements.
LogicalResult tensorArray(Node &n) {
  Dims size;
  Type element = n.typeAttr("dtype", Type());
  if (!element || failed(n.needSizes(0, "the size", size)))
    return failure();
  std::optional<SmallVector<std::optional<SizeExpr>>> dims;
  if (auto shape = n.op.shapeAttr("element_shape")) {
    dims.emplace();
    for (int64_t d : *shape)
      dims->push_back(d < 0 ? std::optional<SizeExpr>() : SizeExpr(d));
  }
  Datum list = freshList(element, size[0], dims);
  (void)n.give(0, list);
  return n.give(1, list);
}
LogicalResult arrayWrite(Node &n) { return setElement(n, 3, 1, 2); }
LogicalResult arrayRead(Node &n) { return getElement(n, 2, 1, n.size()); }
LogicalResult arrayGather(Node &n) { return gatherElements(n, 2, 1, n.size()); }
LogicalResult arrayScatter(Node &n) {
  if (failed(needList(n, 3)))
    return failure();
  return scatterElements(n, n.operand(3), 1, 2);
}
LogicalResult arraySize(Node &n) {
  return failed(needList(n, 1)) ? failure() : n.give(Known::scalar(n.operand(1).list->length));
}

const Rule kRules[] = {
    {"TensorListReserve", 2, reserve},
    {"EmptyTensorList", 1, emptyList},
    {"TensorListFromTensor", 1, fromTensor},
    {"TensorListStack", 1, stack, "", true},
    {"TensorListGetItem", 2, getItem, "", true},
    {"TensorListSetItem", 3, setItem, "lists that grow: at constant indices", true},
    {"TensorListGather", 2, gatherList, "", true},
    {"TensorListScatterV2", 4, scatterList},
    {"TensorListScatterIntoExistingList", 3, scatterIntoList, "", true},
    {"TensorListLength", 1, listLength, "", true},
    {"TensorListResize", 2, resize, "", true},
    {"TensorListPushBack", 2, pushBack, "not in loops", true},
    {"TensorListPopBack", 1, popBack, "not in loops", true},
    {"TensorListConcat", 1, concatList, "elements of one shape", true},
    {"TensorListConcatV2", 1, concatList, "elements of one shape", true},
    {"TensorArrayV3", 1, tensorArray},
    {"TensorArrayWriteV3", 4, arrayWrite, "", true},
    {"TensorArrayReadV3", 3, arrayRead, "", true},
    {"TensorArrayGatherV3", 3, arrayGather, "", true},
    {"TensorArrayScatterV3", 4, arrayScatter, "", true},
    {"TensorArraySizeV3", 2, arraySize, "", true},
};
} // namespace

Table legalize::listRules() { return kRules; }
