// Builds nn operations with shapes inferred: what legalization rules, gradient
// rules, losses and optimizers are written with.
#ifndef INGOT_DIALECTS_NN_BUILD_H
#define INGOT_DIALECTS_NN_BUILD_H

#include "compiler/dialects/Nn/Nn.h"
#include "mlir/IR/Builders.h"

namespace ingot::nn {

using Dims = llvm::SmallVector<SizeExpr>;

/// The numpy broadcast of two shapes; none if two known sizes cannot meet.
std::optional<Dims> broadcastShapes(llvm::ArrayRef<SizeExpr> x, llvm::ArrayRef<SizeExpr> y);
/// TensorFlow's SAME padding of one dimension: {low, high}.
std::pair<SizeExpr, SizeExpr> samePadding(const SizeExpr &size, int64_t window, int64_t stride,
                                          int64_t dilation);

/// An OpBuilder at a location. Callers have checked shapes: a misuse is a bug of
/// the rule and fails the verifier.
struct Build {
  mlir::OpBuilder &b;
  mlir::Location loc;

  static mlir::Type elem(mlir::Value v) {
    return llvm::cast<mlir::RankedTensorType>(v.getType()).getElementType();
  }
  static int64_t rank(mlir::Value v) {
    return llvm::cast<mlir::RankedTensorType>(v.getType()).getRank();
  }

  mlir::Value constant(mlir::ElementsAttr value) { return ConstantOp::create(b, loc, value); }
  /// A rank-0 constant of this element type (integers are converted from the double).
  mlir::Value scalar(double value, mlir::Type element);
  /// A constant of any shape.
  mlir::Value full(llvm::ArrayRef<SizeExpr> dims, double value, mlir::Type element);
  mlir::Value fullLike(mlir::Value x, double value) { return full(dimsOf(x), value, elem(x)); }
  /// Size expressions as a tensor of rank 1 (or 0).
  mlir::Value sizes(llvm::ArrayRef<SizeExpr> values, mlir::Type element);
  mlir::Value size(const SizeExpr &value, mlir::Type element);

  /// numpy broadcasting to `dims` (x's dimensions are the last ones).
  mlir::Value broadcastTo(mlir::Value x, llvm::ArrayRef<SizeExpr> dims);
  mlir::Value broadcastInDim(mlir::Value x, llvm::ArrayRef<SizeExpr> dims,
                             llvm::ArrayRef<int64_t> map);
  mlir::Value reshape(mlir::Value x, llvm::ArrayRef<SizeExpr> dims);
  mlir::Value transpose(mlir::Value x, llvm::ArrayRef<int64_t> permutation);
  mlir::Value cast(mlir::Value x, mlir::Type element);
  mlir::Value slice(mlir::Value x, llvm::ArrayRef<SizeExpr> start, llvm::ArrayRef<SizeExpr> sizes,
                    llvm::ArrayRef<int64_t> strides = {});
  mlir::Value concat(mlir::ValueRange xs, int64_t dim);
  mlir::Value pad(mlir::Value x, mlir::Value value, llvm::ArrayRef<SizeExpr> low,
                  llvm::ArrayRef<SizeExpr> high, llvm::ArrayRef<int64_t> interior = {},
                  PadMode mode = PadMode::constant);

  template <typename Op> mlir::Value unary(mlir::Value x) {
    return Op::create(b, loc, x.getType(), x);
  }
  /// A binary elementwise operation with numpy broadcasting.
  template <typename Op> mlir::Value binary(mlir::Value x, mlir::Value y) {
    align(x, y);
    return Op::create(b, loc, x.getType(), x, y);
  }
  /// The same with a constant on the right.
  template <typename Op> mlir::Value binary(mlir::Value x, double y) {
    return binary<Op>(x, scalar(y, elem(x)));
  }
  mlir::Value add(mlir::Value x, mlir::Value y) { return binary<AddOp>(x, y); }
  mlir::Value sub(mlir::Value x, mlir::Value y) { return binary<SubOp>(x, y); }
  mlir::Value mul(mlir::Value x, mlir::Value y) { return binary<MulOp>(x, y); }
  mlir::Value div(mlir::Value x, mlir::Value y) { return binary<DivOp>(x, y); }
  mlir::Value mul(mlir::Value x, double y) { return binary<MulOp>(x, y); }
  mlir::Value add(mlir::Value x, double y) { return binary<AddOp>(x, y); }
  mlir::Value compare(CompareDirection direction, mlir::Value x, mlir::Value y);
  mlir::Value select(mlir::Value pred, mlir::Value x, mlir::Value y);
  mlir::Value reduce(ReduceKind kind, mlir::Value x, llvm::ArrayRef<int64_t> dims,
                     bool keepDims = false);
  /// Parts of complex numbers, and numbers of parts. Reals are their own conjugates.
  mlir::Value real(mlir::Value x) { return b.createOrFold<RealOp>(loc, x); }
  mlir::Value imag(mlir::Value x) { return b.createOrFold<ImagOp>(loc, x); }
  mlir::Value complex(mlir::Value re, mlir::Value im) {
    return b.createOrFold<ComplexOp>(loc, re, im);
  }
  mlir::Value conj(mlir::Value x);
  /// [.., M, K] x [.., K, N] with leading dimensions broadcast, either side transposed.
  mlir::Value matmul(mlir::Value x, mlir::Value y, bool transposeX = false,
                     bool transposeY = false);

private:
  void align(mlir::Value &x, mlir::Value &y);
};

} // namespace ingot::nn

#endif // INGOT_DIALECTS_NN_BUILD_H
