// Writing half of Attributes.h: attributes to messages.
#include "compiler/dialects/Graph/Graph.h"
#include "compiler/frontend/Attributes.h"
#include "compiler/frontend/Types.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;
using namespace ingot;
using namespace ingot::frontend;

static void writeShape(ArrayRef<int64_t> dims, proto::TensorShapeProto &shape) {
  for (int64_t dim : dims)
    shape.add_dim()->set_size(dim);
}

/// One value that stands for all elements: no bytes to write out.
static bool writeSplat(DenseElementsAttr attr, proto::DataType dtype, proto::TensorProto &t) {
  ArrayRef<char> raw = attr.getRawData();
  auto as = [&](auto value) {
    std::memcpy(&value, raw.data(), std::min(sizeof value, raw.size()));
    return value;
  };
  switch (dtype) {
  case proto::DT_FLOAT:
    t.add_float_val(as(float()));
    return true;
  case proto::DT_DOUBLE:
    t.add_double_val(as(double()));
    return true;
  case proto::DT_INT32:
    t.add_int_val(as(int32_t()));
    return true;
  case proto::DT_INT64:
    t.add_int64_val(as(int64_t()));
    return true;
  case proto::DT_HALF:
  case proto::DT_BFLOAT16:
    t.add_half_val(as(uint16_t()));
    return true;
  case proto::DT_BOOL:
    t.add_bool_val(attr.getSplatValue<bool>());
    return true;
  default:
    return false;
  }
}

static bool writeDense(DenseElementsAttr attr, proto::DataType dtype, proto::TensorProto &t) {
  if (auto strings = dyn_cast<DenseStringElementsAttr>(attr)) {
    if (attr.isSplat()) {
      t.add_string_val(strings.getRawStringData().front().str());
      return true;
    }
    for (StringRef s : strings.getRawStringData())
      t.add_string_val(s.str());
    return true;
  }
  if (attr.isSplat() && attr.getNumElements() > 0 && writeSplat(attr, dtype, t))
    return true;
  std::string &content = *t.mutable_tensor_content();
  if (attr.getElementType().isInteger(1)) {
    for (bool value : attr.getValues<bool>())
      content.push_back(value);
    return true;
  }
  ArrayRef<char> raw = attr.getRawData();
  int64_t copies = attr.isSplat() ? attr.getNumElements() : 1;
  for (int64_t i = 0; i < copies; ++i)
    content.append(raw.data(), raw.size());
  return true;
}

bool frontend::writeTensor(Attribute attr, proto::TensorProto &t) {
  if (auto opaque = dyn_cast<graph::TensorProtoAttr>(attr))
    return t.ParseFromArray(opaque.getBytes().data(), static_cast<int>(opaque.getBytes().size()));
  auto elements = dyn_cast<ElementsAttr>(attr);
  if (!elements)
    return false;
  ShapedType type = elements.getShapedType();
  proto::DataType dtype = dtypeOf(type.getElementType());
  if (dtype == proto::DT_INVALID)
    return false;
  t.set_dtype(dtype);
  writeShape(type.getShape(), *t.mutable_tensor_shape());
  if (auto dense = dyn_cast<DenseElementsAttr>(attr))
    return writeDense(dense, dtype, t);
  auto resource = dyn_cast<DenseResourceElementsAttr>(attr);
  AsmResourceBlob *blob = resource ? resource.getRawHandle().getBlob() : nullptr;
  if (!blob)
    return false;
  t.set_tensor_content(blob->getData().data(), blob->getData().size());
  return true;
}

static bool writeFunc(FlatSymbolRefAttr callee, DictionaryAttr attrs, proto::NameAttrList &func) {
  func.set_name(callee.getValue().str());
  if (!attrs)
    return true;
  for (NamedAttribute attr : attrs)
    if (!writeAttribute(attr.getValue(), (*func.mutable_attr())[attr.getName().str()]))
      return false;
  return true;
}

static bool writeFunc(Attribute attr, proto::NameAttrList &func) {
  if (auto symbol = dyn_cast<FlatSymbolRefAttr>(attr))
    return writeFunc(symbol, DictionaryAttr(), func);
  auto withAttrs = dyn_cast<graph::FuncAttr>(attr);
  return withAttrs && writeFunc(withAttrs.getCallee(), withAttrs.getAttrs(), func);
}

static bool writeListItem(Attribute attr, proto::AttrValue::ListValue &list) {
  if (auto v = dyn_cast<StringAttr>(attr))
    list.add_s(v.getValue().str());
  else if (auto v = dyn_cast<BoolAttr>(attr))
    list.add_b(v.getValue());
  else if (auto v = dyn_cast<IntegerAttr>(attr))
    list.add_i(v.getInt());
  else if (auto v = dyn_cast<FloatAttr>(attr))
    list.add_f(static_cast<float>(v.getValueAsDouble()));
  else if (auto v = dyn_cast<TypeAttr>(attr))
    list.add_type(dtypeOf(v.getValue()));
  else if (auto v = dyn_cast<DenseI64ArrayAttr>(attr))
    writeShape(v.asArrayRef(), *list.add_shape());
  else if (isa<UnitAttr>(attr))
    list.add_shape()->set_unknown_rank(true);
  else if (isa<ElementsAttr, graph::TensorProtoAttr>(attr))
    return writeTensor(attr, *list.add_tensor());
  else
    return writeFunc(attr, *list.add_func());
  return true;
}

bool frontend::writeAttribute(Attribute attr, proto::AttrValue &value) {
  if (auto v = dyn_cast<StringAttr>(attr)) {
    value.set_s(v.getValue().str());
  } else if (auto v = dyn_cast<BoolAttr>(attr)) {
    value.set_b(v.getValue());
  } else if (auto v = dyn_cast<IntegerAttr>(attr)) {
    value.set_i(v.getInt());
  } else if (auto v = dyn_cast<FloatAttr>(attr)) {
    value.set_f(static_cast<float>(v.getValueAsDouble()));
  } else if (auto v = dyn_cast<TypeAttr>(attr)) {
    value.set_type(dtypeOf(v.getValue()));
  } else if (auto v = dyn_cast<DenseI64ArrayAttr>(attr)) {
    writeShape(v.asArrayRef(), *value.mutable_shape());
  } else if (isa<UnitAttr>(attr)) {
    value.mutable_shape()->set_unknown_rank(true);
  } else if (auto v = dyn_cast<graph::PlaceholderAttr>(attr)) {
    value.set_placeholder(v.getName().str());
  } else if (auto v = dyn_cast<ArrayAttr>(attr)) {
    auto &list = *value.mutable_list();
    for (Attribute item : v)
      if (!writeListItem(item, list))
        return false;
  } else if (isa<ElementsAttr, graph::TensorProtoAttr>(attr)) {
    return writeTensor(attr, *value.mutable_tensor());
  } else {
    return writeFunc(attr, *value.mutable_func());
  }
  return true;
}
