// Tensors of the reference evaluator: an element type, sizes and plain bytes.
//
// Element access goes through compute types (`read<T>`, `fromValues<T>`): f16
// and bf16 are computed as float and rounded, so rules are written once a
// compute type and the 16-bit formats appear here only.
#ifndef INGOT_EVALUATE_HOSTTENSOR_H
#define INGOT_EVALUATE_HOSTTENSOR_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/SmallVector.h"
#include <complex>
#include <cstdint>
#include <cstring>
#include <optional>
#include <vector>

namespace ingot::evaluate {

using Shape = llvm::SmallVector<int64_t, 6>;

/// Bytes of one element (i1 takes one byte).
int64_t elementBytes(mlir::Type element);
/// Product of the sizes.
int64_t countOf(llvm::ArrayRef<int64_t> dims);
float halfToFloat(uint16_t bits);
uint16_t floatToHalf(float value);
float bfloatToFloat(uint16_t bits);
uint16_t floatToBfloat(float value);

/// A dense row-major tensor in host memory.
struct HostTensor {
  mlir::Type dtype;
  Shape dims;
  std::vector<char> bytes;

  HostTensor() = default;
  /// Zeros.
  HostTensor(mlir::Type dtype, llvm::ArrayRef<int64_t> dims)
      : dtype(dtype), dims(dims.begin(), dims.end()), bytes(countOf(dims) * elementBytes(dtype)) {}

  int64_t count() const { return countOf(dims); }
  int64_t rank() const { return dims.size(); }
  int64_t elementSize() const { return elementBytes(dtype); }
  template <typename T> const T *data() const { return reinterpret_cast<const T *>(bytes.data()); }
  template <typename T> T *data() { return reinterpret_cast<T *>(bytes.data()); }

  /// All elements as T, converted as C++ converts (complex to real drops the
  /// imaginary part).
  template <typename T> std::vector<T> read() const;
  /// A tensor of these elements, rounded to `dtype`.
  template <typename T>
  static HostTensor fromValues(mlir::Type dtype, llvm::ArrayRef<int64_t> dims,
                               const std::vector<T> &values);

  /// The value of a constant or variable; none for an attribute kind that
  /// carries no elements. Resources are copied.
  static std::optional<HostTensor> fromAttribute(mlir::ElementsAttr attribute);
  /// A dense attribute of a static type without names.
  mlir::ElementsAttr toAttribute() const;
};

/// Calls `f` with a value-initialized element of the compute type: bool, an
/// integer, float (f16, bf16, f32), double or a complex.
template <typename F> auto dispatch(mlir::Type type, F f) {
  if (type.isF64())
    return f(double());
  if (llvm::isa<mlir::FloatType>(type))
    return f(float());
  if (auto c = llvm::dyn_cast<mlir::ComplexType>(type)) {
    if (c.getElementType().isF64())
      return f(std::complex<double>());
    return f(std::complex<float>());
  }
  bool isUnsigned = type.isUnsignedInteger();
  switch (type.getIntOrFloatBitWidth()) {
  case 1:
    return f(bool());
  case 8:
    return isUnsigned ? f(uint8_t()) : f(int8_t());
  case 16:
    return isUnsigned ? f(uint16_t()) : f(int16_t());
  case 32:
    return isUnsigned ? f(uint32_t()) : f(int32_t());
  default:
    return isUnsigned ? f(uint64_t()) : f(int64_t());
  }
}

template <typename T> struct IsComplex : std::false_type {};
template <typename T> struct IsComplex<std::complex<T>> : std::true_type {};
template <typename T> constexpr bool isComplex = IsComplex<T>::value;
template <typename T> constexpr bool isReal = std::is_floating_point_v<T>;

template <typename T, typename S> T convertElement(S v) {
  if constexpr (isComplex<S> && !isComplex<T>)
    return static_cast<T>(v.real());
  else if constexpr (isComplex<T> && !isComplex<S>)
    return T(static_cast<typename T::value_type>(v), 0);
  else
    return static_cast<T>(v);
}

template <typename T> std::vector<T> HostTensor::read() const {
  std::vector<T> r(count());
  if (dtype.isF16() || dtype.isBF16()) {
    auto *p = data<uint16_t>();
    for (size_t i = 0; i < r.size(); ++i)
      r[i] = convertElement<T>(dtype.isF16() ? halfToFloat(p[i]) : bfloatToFloat(p[i]));
    return r;
  }
  dispatch(dtype, [&](auto zero) {
    using S = decltype(zero);
    auto *p = data<S>();
    for (size_t i = 0; i < r.size(); ++i)
      r[i] = convertElement<T>(p[i]);
  });
  return r;
}

template <typename T>
HostTensor HostTensor::fromValues(mlir::Type dtype, llvm::ArrayRef<int64_t> dims,
                                  const std::vector<T> &values) {
  HostTensor r(dtype, dims);
  if (dtype.isF16() || dtype.isBF16()) {
    auto *p = r.data<uint16_t>();
    for (size_t i = 0; i < values.size(); ++i) {
      float v = convertElement<float>(values[i]);
      p[i] = dtype.isF16() ? floatToHalf(v) : floatToBfloat(v);
    }
    return r;
  }
  dispatch(dtype, [&](auto zero) {
    using S = decltype(zero);
    auto *p = r.data<S>();
    for (size_t i = 0; i < values.size(); ++i)
      p[i] = convertElement<S>(T(values[i]));
  });
  return r;
}

} // namespace ingot::evaluate

#endif // INGOT_EVALUATE_HOSTTENSOR_H
