// 16-bit formats and the way between host tensors and attributes.
#include "compiler/evaluate/HostTensor.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/APFloat.h"

using namespace mlir;

namespace ingot::evaluate {

int64_t elementBytes(Type element) {
  if (auto c = dyn_cast<ComplexType>(element))
    return 2 * elementBytes(c.getElementType());
  return std::max<int64_t>(1, element.getIntOrFloatBitWidth() / 8);
}
int64_t countOf(ArrayRef<int64_t> dims) {
  int64_t n = 1;
  for (int64_t d : dims)
    n *= d;
  return n;
}

float halfToFloat(uint16_t bits) {
  llvm::APFloat v(llvm::APFloat::IEEEhalf(), llvm::APInt(16, bits));
  bool lossy;
  v.convert(llvm::APFloat::IEEEsingle(), llvm::APFloat::rmNearestTiesToEven, &lossy);
  return v.convertToFloat();
}
uint16_t floatToHalf(float value) {
  llvm::APFloat v(value);
  bool lossy;
  v.convert(llvm::APFloat::IEEEhalf(), llvm::APFloat::rmNearestTiesToEven, &lossy);
  return static_cast<uint16_t>(v.bitcastToAPInt().getZExtValue());
}
float bfloatToFloat(uint16_t bits) {
  uint32_t wide = static_cast<uint32_t>(bits) << 16;
  float r;
  std::memcpy(&r, &wide, 4);
  return r;
}
uint16_t floatToBfloat(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  if (value != value)
    return static_cast<uint16_t>((bits >> 16) | 0x40); // keep it a quiet NaN
  return static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

std::optional<HostTensor> HostTensor::fromAttribute(ElementsAttr attribute) {
  auto type = cast<ShapedType>(attribute.getType());
  HostTensor r(type.getElementType(), type.getShape());
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(attribute)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    if (!blob || blob->getData().size() != r.bytes.size())
      return std::nullopt;
    std::memcpy(r.bytes.data(), blob->getData().data(), r.bytes.size());
    return r;
  }
  auto dense = dyn_cast<DenseElementsAttr>(attribute);
  if (!dense)
    return std::nullopt;
  if (r.dtype.isInteger(1)) {
    for (auto [i, v] : llvm::enumerate(dense.getValues<bool>()))
      r.bytes[i] = v;
    return r;
  }
  ArrayRef<char> raw = dense.getRawData();
  int64_t size = r.elementSize();
  for (int64_t i = 0, n = r.count(); i < n; ++i)
    std::memcpy(r.bytes.data() + i * size, raw.data() + (dense.isSplat() ? 0 : i * size), size);
  return r;
}

ElementsAttr HostTensor::toAttribute() const {
  auto type = RankedTensorType::get(dims, dtype);
  if (dtype.isInteger(1))
    return DenseElementsAttr::get(type, ArrayRef<bool>(data<bool>(), bytes.size()));
  return DenseElementsAttr::getFromRawBuffer(type, bytes);
}

} // namespace ingot::evaluate
