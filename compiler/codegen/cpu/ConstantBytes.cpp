#include "compiler/codegen/cpu/ConstantBytes.h"

#include "compiler/dialects/Nn/Nn.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;

FailureOr<ArrayRef<char>> ingot::constantBytes(ElementsAttr value, ByteStore &store) {
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(value)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    if (!blob)
      return failure();
    return blob->getData();
  }
  auto dense = dyn_cast<DenseElementsAttr>(value);
  if (!dense || isa<DenseStringElementsAttr>(value))
    return failure();
  Type element = dense.getElementType();
  size_t count = dense.getNumElements();
  if (element.isInteger(1)) {
    std::vector<char> &bytes = store.emplace_back();
    for (bool bit : dense.getValues<bool>())
      bytes.push_back(bit);
    return ArrayRef<char>(bytes);
  }
  ArrayRef<char> raw = dense.getRawData();
  if (!dense.isSplat() || count == 1)
    return raw;
  std::vector<char> &bytes = store.emplace_back(count * raw.size());
  for (size_t i = 0; i < count; ++i)
    std::copy(raw.begin(), raw.end(), bytes.begin() + i * raw.size());
  return ArrayRef<char>(bytes);
}

ElementsAttr ingot::makeConstant(RankedTensorType type, ArrayRef<char> bytes, StringRef name) {
  constexpr size_t inlineBytes = 4096; // above, a dense attribute is hashed too often
  if (type.getElementType().isInteger(1)) {
    SmallVector<bool> bits(bytes.begin(), bytes.end());
    return DenseElementsAttr::get(type, bits);
  }
  if (bytes.size() <= inlineBytes)
    return DenseElementsAttr::getFromRawBuffer(type, bytes);
  return DenseResourceElementsAttr::get(type, name,
                                        HeapAsmResourceBlob::allocateAndCopyWithAlign(bytes, 64));
}
