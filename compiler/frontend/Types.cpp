// One table of dtypes: number, MLIR type, size. See Types.h.
#include "compiler/frontend/Types.h"

#include "compiler/dialects/Graph/Graph.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace ingot;

namespace {

/// Numbers of reference dtypes are those of the dtype itself plus 100.
constexpr int kRefOffset = 100;

struct NamedDtype {
  proto::DataType dtype;
  const char *name;
  unsigned size;
};

/// Dtypes that stay opaque: the compiler has no element type for them.
constexpr NamedDtype kOpaque[] = {
    {proto::DT_QINT8, "qint8", 1},   {proto::DT_QUINT8, "quint8", 1},
    {proto::DT_QINT16, "qint16", 2}, {proto::DT_QUINT16, "quint16", 2},
    {proto::DT_QINT32, "qint32", 4}, {proto::DT_INT2, "int2", 1},
    {proto::DT_UINT2, "uint2", 1},   {proto::DT_FLOAT4_E2M1FN, "f4E2M1FN", 1},
};

} // namespace

Type frontend::elementType(MLIRContext *context, proto::DataType dtype) {
  Builder b(context);
  if (dtype > kRefOffset) {
    Type inner = elementType(context, static_cast<proto::DataType>(dtype - kRefOffset));
    return inner && dtype < 2 * kRefOffset ? graph::RefType::get(context, inner) : Type();
  }
  auto ui = [&](unsigned width) { return b.getIntegerType(width, false); };
  switch (dtype) {
  case proto::DT_FLOAT:
    return b.getF32Type();
  case proto::DT_DOUBLE:
    return b.getF64Type();
  case proto::DT_HALF:
    return b.getF16Type();
  case proto::DT_BFLOAT16:
    return b.getBF16Type();
  case proto::DT_INT4:
    return b.getIntegerType(4);
  case proto::DT_INT8:
    return b.getI8Type();
  case proto::DT_INT16:
    return b.getI16Type();
  case proto::DT_INT32:
    return b.getI32Type();
  case proto::DT_INT64:
    return b.getI64Type();
  case proto::DT_UINT4:
    return ui(4);
  case proto::DT_UINT8:
    return ui(8);
  case proto::DT_UINT16:
    return ui(16);
  case proto::DT_UINT32:
    return ui(32);
  case proto::DT_UINT64:
    return ui(64);
  case proto::DT_BOOL:
    return b.getI1Type();
  case proto::DT_COMPLEX64:
    return ComplexType::get(b.getF32Type());
  case proto::DT_COMPLEX128:
    return ComplexType::get(b.getF64Type());
  case proto::DT_FLOAT8_E5M2:
    return Float8E5M2Type::get(context);
  case proto::DT_FLOAT8_E4M3FN:
    return Float8E4M3FNType::get(context);
  case proto::DT_FLOAT8_E4M3FNUZ:
    return Float8E4M3FNUZType::get(context);
  case proto::DT_FLOAT8_E4M3B11FNUZ:
    return Float8E4M3B11FNUZType::get(context);
  case proto::DT_FLOAT8_E5M2FNUZ:
    return Float8E5M2FNUZType::get(context);
  case proto::DT_STRING:
    return graph::StringType::get(context);
  case proto::DT_RESOURCE:
    return graph::ResourceType::get(context);
  case proto::DT_VARIANT:
    return graph::VariantType::get(context);
  default:
    for (const NamedDtype &entry : kOpaque)
      if (entry.dtype == dtype)
        return graph::DtypeType::get(context, entry.name);
    return Type();
  }
}

static proto::DataType integerDtype(IntegerType type) {
  bool isUnsigned = type.isUnsigned();
  switch (type.getWidth()) {
  case 1:
    return proto::DT_BOOL;
  case 4:
    return isUnsigned ? proto::DT_UINT4 : proto::DT_INT4;
  case 8:
    return isUnsigned ? proto::DT_UINT8 : proto::DT_INT8;
  case 16:
    return isUnsigned ? proto::DT_UINT16 : proto::DT_INT16;
  case 32:
    return isUnsigned ? proto::DT_UINT32 : proto::DT_INT32;
  case 64:
    return isUnsigned ? proto::DT_UINT64 : proto::DT_INT64;
  default:
    return proto::DT_INVALID;
  }
}

proto::DataType frontend::dtypeOf(Type type) {
  if (auto ref = dyn_cast<graph::RefType>(type)) {
    proto::DataType inner = dtypeOf(ref.getElementType());
    return inner == proto::DT_INVALID ? inner : static_cast<proto::DataType>(inner + kRefOffset);
  }
  if (auto integer = dyn_cast<IntegerType>(type))
    return integerDtype(integer);
  if (auto opaque = dyn_cast<graph::DtypeType>(type)) {
    for (const NamedDtype &entry : kOpaque)
      if (opaque.getName() == entry.name)
        return entry.dtype;
    return proto::DT_INVALID;
  }
  if (auto complex = dyn_cast<ComplexType>(type))
    return complex.getElementType().isF32() ? proto::DT_COMPLEX64 : proto::DT_COMPLEX128;
  if (isa<graph::StringType>(type))
    return proto::DT_STRING;
  if (isa<graph::ResourceType>(type))
    return proto::DT_RESOURCE;
  if (isa<graph::VariantType>(type))
    return proto::DT_VARIANT;
  if (type.isF32())
    return proto::DT_FLOAT;
  if (type.isF64())
    return proto::DT_DOUBLE;
  if (type.isF16())
    return proto::DT_HALF;
  if (type.isBF16())
    return proto::DT_BFLOAT16;
  if (isa<Float8E5M2Type>(type))
    return proto::DT_FLOAT8_E5M2;
  if (isa<Float8E4M3FNType>(type))
    return proto::DT_FLOAT8_E4M3FN;
  if (isa<Float8E4M3FNUZType>(type))
    return proto::DT_FLOAT8_E4M3FNUZ;
  if (isa<Float8E4M3B11FNUZType>(type))
    return proto::DT_FLOAT8_E4M3B11FNUZ;
  if (isa<Float8E5M2FNUZType>(type))
    return proto::DT_FLOAT8_E5M2FNUZ;
  return proto::DT_INVALID;
}

unsigned frontend::dtypeSize(proto::DataType dtype) {
  switch (dtype) {
  case proto::DT_BOOL:
  case proto::DT_INT4:
  case proto::DT_UINT4:
  case proto::DT_INT8:
  case proto::DT_UINT8:
  case proto::DT_FLOAT8_E5M2:
  case proto::DT_FLOAT8_E4M3FN:
  case proto::DT_FLOAT8_E4M3FNUZ:
  case proto::DT_FLOAT8_E4M3B11FNUZ:
  case proto::DT_FLOAT8_E5M2FNUZ:
    return 1;
  case proto::DT_INT16:
  case proto::DT_UINT16:
  case proto::DT_HALF:
  case proto::DT_BFLOAT16:
    return 2;
  case proto::DT_INT32:
  case proto::DT_UINT32:
  case proto::DT_FLOAT:
    return 4;
  case proto::DT_INT64:
  case proto::DT_UINT64:
  case proto::DT_DOUBLE:
  case proto::DT_COMPLEX64:
    return 8;
  case proto::DT_COMPLEX128:
    return 16;
  default:
    return 0;
  }
}

std::optional<int64_t> frontend::checkedNumElements(llvm::ArrayRef<int64_t> dims,
                                                    int64_t elementSize) {
  constexpr int64_t kLimit = int64_t(1) << 62;
  int64_t total = 1;
  bool empty = false;
  for (int64_t dim : dims) {
    if (dim < 0)
      return std::nullopt;
    empty |= dim == 0;
  }
  if (empty)
    return 0;
  for (int64_t dim : dims) {
    if (total > kLimit / dim)
      return std::nullopt;
    total *= dim;
  }
  if (total > kLimit / elementSize)
    return std::nullopt;
  return total;
}
