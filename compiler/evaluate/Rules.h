// What the rules of the evaluator share. One rule an operation; each
// Evaluate*.cpp ends in the list of the operations it covers.
#ifndef INGOT_EVALUATE_RULES_H
#define INGOT_EVALUATE_RULES_H

#include "compiler/evaluate/Evaluate.h"
#include <limits>
#include <memory>

namespace ingot::evaluate {

using TensorRef = std::shared_ptr<const HostTensor>;

/// One evaluation: named sizes, values and the first failure.
class Evaluator {
public:
  explicit Evaluator(const Options &options) : options(options) {
    for (auto &entry : options.sizes)
      sizes[entry.getKey()] = entry.getValue();
  }

  const Options &options;
  llvm::StringMap<int64_t> sizes;
  llvm::DenseMap<mlir::Value, TensorRef> values;
  Status status = Status::Ok;
  std::string message;

  /// Records the first failure; always gives failure.
  mlir::LogicalResult fail(mlir::Operation *op, Status status, const llvm::Twine &text);
  /// The element type that tensors of this type are held in.
  mlir::Type storage(mlir::Type element) const;
  /// The value in the type that it is held in.
  HostTensor stored(const HostTensor &t) const;
  std::optional<int64_t> valueOf(const nn::SizeExpr &e) const;
  /// The sizes of a type, from the named sizes.
  mlir::LogicalResult shapeOf(mlir::Operation *op, mlir::Type type, Shape &shape);
  /// Size expressions of an attribute.
  mlir::LogicalResult sizesOf(mlir::Operation *op, nn::SizesAttr attribute, Shape &values);
  /// Binds the names in a type to the sizes of a value of it, and compares.
  mlir::LogicalResult bind(mlir::Operation *op, mlir::Type type, llvm::ArrayRef<int64_t> dims,
                           const llvm::Twine &what);
  /// Evaluates the operations of a block; `results` are its terminator's operands.
  mlir::LogicalResult runBlock(mlir::Block &block, llvm::ArrayRef<TensorRef> arguments,
                               std::vector<TensorRef> &results);
  mlir::LogicalResult runOp(mlir::Operation *op);
};

using Inputs = llvm::ArrayRef<TensorRef>;
using Outputs = std::vector<HostTensor>;
/// Appends one tensor a result.
using Rule = mlir::LogicalResult (*)(Evaluator &, mlir::Operation *, Inputs, Outputs &);
using Rules = llvm::DenseMap<mlir::TypeID, Rule>;

void addElementwiseRules(Rules &rules);
void addShapeRules(Rules &rules);
void addIndexRules(Rules &rules);
void addReduceRules(Rules &rules);
void addContractRules(Rules &rules);

template <typename Op> void addRule(Rules &rules, Rule rule) {
  rules[mlir::TypeID::get<Op>()] = rule;
}

/// Row-major strides in elements.
inline Shape stridesOf(llvm::ArrayRef<int64_t> dims) {
  Shape r(dims.size(), 1);
  for (int64_t i = static_cast<int64_t>(dims.size()) - 2; i >= 0; --i)
    r[i] = r[i + 1] * dims[i + 1];
  return r;
}
/// Calls `f(index, linear)` for every index of the shape in row-major order.
template <typename F> void forEachIndex(llvm::ArrayRef<int64_t> dims, F f) {
  int64_t n = countOf(dims);
  Shape index(dims.size(), 0);
  for (int64_t linear = 0; linear < n; ++linear) {
    f(llvm::ArrayRef<int64_t>(index), linear);
    for (int64_t d = static_cast<int64_t>(dims.size()) - 1; d >= 0; --d) {
      if (++index[d] < dims[d])
        break;
      index[d] = 0;
    }
  }
}
inline int64_t linearOf(llvm::ArrayRef<int64_t> index, llvm::ArrayRef<int64_t> strides) {
  int64_t r = 0;
  for (size_t i = 0; i < index.size(); ++i)
    r += index[i] * strides[i];
  return r;
}
/// The type that sums and functions of T are computed in.
template <typename T, bool = isReal<T>, bool = isComplex<T>> struct WideOf {
  using type = T;
};
template <typename T> struct WideOf<T, true, false> {
  using type = double;
};
template <typename T> struct WideOf<T, false, true> {
  using type = std::complex<double>;
};
template <typename T> using Wide = typename WideOf<T>::type;

/// Integer arithmetic that wraps.
template <typename T> T wrapAdd(T a, T b) {
  if constexpr (std::is_integral_v<T>)
    return static_cast<T>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
  else
    return a + b;
}
template <typename T> T wrapSub(T a, T b) {
  if constexpr (std::is_integral_v<T>)
    return static_cast<T>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
  else
    return a - b;
}
template <typename T> T wrapMul(T a, T b) {
  if constexpr (std::is_integral_v<T>)
    return static_cast<T>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
  else
    return a * b;
}
/// Larger and smaller; NaN if either is.
template <typename T> T maxOf(T a, T b) {
  if (a != a)
    return a;
  return b != b || b > a ? b : a;
}
template <typename T> T minOf(T a, T b) {
  if (a != a)
    return a;
  return b != b || b < a ? b : a;
}

/// The identity of a reduction, and its step, on values of T.
template <typename T> T identityOf(nn::ReduceKind kind) {
  switch (kind) {
  case nn::ReduceKind::sum:
  case nn::ReduceKind::any:
    return T(0);
  case nn::ReduceKind::prod:
  case nn::ReduceKind::all:
    return T(1);
  case nn::ReduceKind::max:
    if constexpr (isReal<T>)
      return -std::numeric_limits<T>::infinity();
    else if constexpr (!isComplex<T>)
      return std::numeric_limits<T>::lowest();
    break;
  case nn::ReduceKind::min:
    if constexpr (isReal<T>)
      return std::numeric_limits<T>::infinity();
    else if constexpr (!isComplex<T>)
      return std::numeric_limits<T>::max();
    break;
  }
  return T(0);
}
template <typename T> T combine(nn::ReduceKind kind, T a, T b) {
  switch (kind) {
  case nn::ReduceKind::sum:
    return wrapAdd(a, b);
  case nn::ReduceKind::prod:
    return wrapMul(a, b);
  case nn::ReduceKind::max:
    if constexpr (!isComplex<T>)
      return maxOf(a, b);
    break;
  case nn::ReduceKind::min:
    if constexpr (!isComplex<T>)
      return minOf(a, b);
    break;
  case nn::ReduceKind::all:
    return T(a != T(0) && b != T(0));
  case nn::ReduceKind::any:
    return T(a != T(0) || b != T(0));
  }
  return a;
}

} // namespace ingot::evaluate

#endif // INGOT_EVALUATE_RULES_H
