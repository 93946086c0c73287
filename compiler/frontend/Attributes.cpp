// Reading half: messages to attributes. Writing is in AttributeWriter.cpp.
#include "compiler/frontend/Attributes.h"

#include "compiler/dialects/Graph/Graph.h"
#include "compiler/frontend/Types.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace ingot;
using namespace ingot::frontend;

/// No constant of a message can be larger than this when written out.
static constexpr int64_t kMaxConstantBytes = int64_t(1) << 34;

static size_t alignmentOf(Type elementType) {
  unsigned size = dtypeSize(dtypeOf(elementType));
  return isa<ComplexType>(elementType) ? size / 2 : std::max(size, 1u);
}

ElementsAttr frontend::elementsFromBytes(RankedTensorType type, ArrayRef<char> bytes,
                                         std::shared_ptr<const void> owner, StringRef name) {
  Type element = type.getElementType();
  if (static_cast<int64_t>(bytes.size()) < kResourceBytes) {
    if (!element.isInteger(1))
      return DenseElementsAttr::getFromRawBuffer(type, bytes);
    SmallVector<bool> bools(llvm::map_range(bytes, [](char c) { return c != 0; }));
    return DenseElementsAttr::get(type, bools);
  }
  size_t align = alignmentOf(element);
  if (!owner || reinterpret_cast<uintptr_t>(bytes.data()) % align != 0)
    return DenseResourceElementsAttr::get(
        type, name,
        HeapAsmResourceBlob::allocateAndCopyWithAlign(bytes, align,
                                                      /*dataIsMutable=*/false));
  return DenseResourceElementsAttr::get(type, name,
                                        AsmResourceBlob(
                                            bytes, align,
                                            [owner = std::move(owner)](void *, size_t, size_t) {},
                                            /*dataIsMutable=*/false));
}

Attribute AttributeReader::fail(const std::string &why) {
  if (error.empty())
    error = why;
  return Attribute();
}

Attribute AttributeReader::readShape(const proto::TensorShapeProto &shape) {
  if (shape.unknown_rank())
    return UnitAttr::get(context);
  SmallVector<int64_t> dims;
  for (const auto &dim : shape.dim()) {
    if (dim.size() < -1)
      return fail("shape has the dimension " + std::to_string(dim.size()));
    dims.push_back(dim.size());
  }
  return DenseI64ArrayAttr::get(context, dims);
}

template <typename To, typename Field>
static int64_t copyValues(const Field &field, std::string &raw) {
  raw.reserve(field.size() * sizeof(To));
  for (auto from : field) {
    To to = static_cast<To>(from);
    raw.append(reinterpret_cast<const char *>(&to), sizeof to);
  }
  return field.size();
}

/// Writes the typed values of a tensor (`float_val` and so on) as bytes in
/// memory order; returns how many elements they are.
static int64_t valuesToBytes(const proto::TensorProto &t, std::string &raw) {
  switch (t.dtype()) {
  case proto::DT_FLOAT:
    return copyValues<float>(t.float_val(), raw);
  case proto::DT_DOUBLE:
    return copyValues<double>(t.double_val(), raw);
  case proto::DT_HALF:
  case proto::DT_BFLOAT16:
    return copyValues<uint16_t>(t.half_val(), raw);
  case proto::DT_INT4:
  case proto::DT_UINT4:
  case proto::DT_INT8:
  case proto::DT_UINT8:
    return copyValues<uint8_t>(t.int_val(), raw);
  case proto::DT_INT16:
  case proto::DT_UINT16:
    return copyValues<uint16_t>(t.int_val(), raw);
  case proto::DT_INT32:
    return copyValues<int32_t>(t.int_val(), raw);
  case proto::DT_INT64:
    return copyValues<int64_t>(t.int64_val(), raw);
  case proto::DT_UINT32:
    return copyValues<uint32_t>(t.uint32_val(), raw);
  case proto::DT_UINT64:
    return copyValues<uint64_t>(t.uint64_val(), raw);
  case proto::DT_BOOL:
    return copyValues<uint8_t>(t.bool_val(), raw);
  case proto::DT_COMPLEX64:
    return copyValues<float>(t.scomplex_val(), raw) / 2;
  case proto::DT_COMPLEX128:
    return copyValues<double>(t.dcomplex_val(), raw) / 2;
  default: // the float8 family
    raw = t.float8_val();
    return raw.size();
  }
}

static Attribute readStrings(const proto::TensorProto &t, RankedTensorType type, int64_t count) {
  SmallVector<StringRef> strings;
  for (const std::string &s : t.string_val())
    strings.push_back(s);
  if (strings.empty())
    strings.push_back("");
  strings.resize(count, strings.back());
  return DenseStringElementsAttr::get(type, strings);
}

Attribute AttributeReader::readTensor(const proto::TensorProto &t, StringRef name) {
  Type element = elementType(context, t.dtype());
  unsigned size = dtypeSize(t.dtype());
  if (!element)
    return fail("constant has the unknown dtype " + std::to_string(static_cast<int>(t.dtype())));
  bool isString = t.dtype() == proto::DT_STRING;
  if (size == 0 && !isString)
    return graph::TensorProtoAttr::get(context, t.SerializeAsString());

  Attribute shape = readShape(t.tensor_shape());
  auto dims = dyn_cast_or_null<DenseI64ArrayAttr>(shape);
  if (!dims)
    return fail("constant has no static shape");
  auto count = checkedNumElements(dims, std::max(size, 1u));
  if (!count || *count * std::max<int64_t>(size, 1) > kMaxConstantBytes)
    return fail("constant has a negative or far too large dimension");
  auto type = RankedTensorType::get(dims.asArrayRef(), element);
  if (isString) {
    if (t.string_val_size() > *count || *count > (1 << 24))
      return fail("constant has " + std::to_string(t.string_val_size()) + " strings for " +
                  std::to_string(*count) + " elements");
    return readStrings(t, type, *count);
  }

  int64_t bytes = *count * size;
  if (!t.tensor_content().empty()) {
    if (static_cast<int64_t>(t.tensor_content().size()) != bytes)
      return fail("constant has " + std::to_string(t.tensor_content().size()) +
                  " bytes of content, its shape needs " + std::to_string(bytes));
    return elementsFromBytes(type, t.tensor_content(), owner, name);
  }
  std::string raw;
  int64_t given = valuesToBytes(t, raw);
  if (given > *count)
    return fail("constant has " + std::to_string(given) + " values for " + std::to_string(*count) +
                " elements");
  if (given == 0)
    raw.assign(size, '\0');
  if (*count == 0)
    raw.clear();
  if (given <= 1 && *count != 0) {
    if (element.isInteger(1))
      return DenseElementsAttr::get(type, ArrayRef<bool>(raw[0] != 0));
    return DenseElementsAttr::getFromRawBuffer(type, raw);
  }
  // TensorFlow repeats the last value.
  std::string last = raw.substr(raw.size() - std::min<size_t>(size, raw.size()));
  raw.reserve(bytes);
  while (static_cast<int64_t>(raw.size()) < bytes)
    raw += last;
  return elementsFromBytes(type, raw, nullptr, name);
}

Attribute AttributeReader::readFunc(const proto::NameAttrList &func, StringRef name) {
  auto callee = FlatSymbolRefAttr::get(context, func.name());
  if (func.attr().empty())
    return callee;
  NamedAttrList attrs;
  for (const auto &[key, value] : func.attr()) {
    Attribute attr = read(value, name);
    if (!attr)
      return attr;
    attrs.set(key, attr);
  }
  return graph::FuncAttr::get(context, callee, attrs.getDictionary(context));
}

Attribute AttributeReader::readList(const proto::AttrValue::ListValue &list, StringRef name) {
  Builder b(context);
  SmallVector<Attribute> items;
  for (const std::string &s : list.s())
    items.push_back(b.getStringAttr(s));
  for (int64_t i : list.i())
    items.push_back(b.getI64IntegerAttr(i));
  for (float f : list.f())
    items.push_back(b.getF32FloatAttr(f));
  for (bool v : list.b())
    items.push_back(b.getBoolAttr(v));
  for (int dtype : list.type()) {
    Type type = elementType(context, static_cast<proto::DataType>(dtype));
    if (!type)
      return fail("unknown dtype " + std::to_string(dtype));
    items.push_back(TypeAttr::get(type));
  }
  for (const auto &shape : list.shape())
    items.push_back(readShape(shape));
  for (const auto &tensor : list.tensor())
    items.push_back(readTensor(tensor, name));
  for (const auto &func : list.func())
    items.push_back(readFunc(func, name));
  if (llvm::is_contained(items, Attribute()))
    return Attribute();
  return b.getArrayAttr(items);
}

Attribute AttributeReader::read(const proto::AttrValue &value, StringRef name) {
  Builder b(context);
  switch (value.value_case()) {
  case proto::AttrValue::kList:
    return readList(value.list(), name);
  case proto::AttrValue::kS:
    return b.getStringAttr(value.s());
  case proto::AttrValue::kI:
    return b.getI64IntegerAttr(value.i());
  case proto::AttrValue::kF:
    return b.getF32FloatAttr(value.f());
  case proto::AttrValue::kB:
    return b.getBoolAttr(value.b());
  case proto::AttrValue::kType: {
    Type type = elementType(context, value.type());
    return type ? Attribute(TypeAttr::get(type))
                : fail("unknown dtype " + std::to_string(static_cast<int>(value.type())));
  }
  case proto::AttrValue::kShape:
    return readShape(value.shape());
  case proto::AttrValue::kTensor:
    return readTensor(value.tensor(), name);
  case proto::AttrValue::kPlaceholder:
    return graph::PlaceholderAttr::get(context, value.placeholder());
  case proto::AttrValue::kFunc:
    return readFunc(value.func(), name);
  case proto::AttrValue::VALUE_NOT_SET:
    return fail("has no value");
  }
  return fail("is of an unknown kind");
}
