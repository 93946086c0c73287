// Pulls values of nn tensors at coordinates. Fusion is recursion: the value of
// an operation at a point is its scalar definition applied to the values of its
// operands at the points they are needed, down to loads from buffers.
#ifndef INGOT_COMPILER_PASSES_SCHEDULE_EMITTER_H
#define INGOT_COMPILER_PASSES_SCHEDULE_EMITTER_H

#include "compiler/codegen/cpu/TargetInfo.h"
#include "compiler/dialects/Nn/Nn.h"
#include "compiler/passes/schedule/Ir.h"
#include "compiler/passes/schedule/Schedule.h"
#include "mlir/IR/TypeUtilities.h"

namespace ingot::schedule {

/// A tensor in memory, dense and row-major. Complex numbers are two elements of
/// the memref each.
struct Buffer {
  mlir::Value memref; ///< 1-D
  mlir::Type element; ///< of the tensor, not of the memref
  llvm::SmallVector<Extent> shape, strides;
  /// The kernel writes it: loads are not memoised.
  bool written = false;
};

/// A condition that may be known while emitting; a vector where it differs by
/// lane.
struct Condition {
  std::optional<bool> known;
  mlir::Value value;
};

/// Status codes of kernels, as in include/ingot/ingot.h.
enum class Status : int32_t { OutOfRange = 4, DivideByZero = 5, InvalidArgument = 1 };

class Emitter {
public:
  Emitter(mlir::OpBuilder &b, nn::KernelOp kernel, const Schedule &schedule,
          const TargetInfo &target, mlir::Block *entry, mlir::Operation *prologueEnd);

  Ir ir;
  nn::KernelOp kernel;
  const Schedule &schedule;
  const TargetInfo &target;
  /// The buffers' pointers as the caller gave them: operands, results, sizes
  /// that the kernel defines.
  llvm::SmallVector<mlir::Value> pointers;
  /// Buffers of results, in order.
  llvm::SmallVector<Buffer> results;
  /// Results that hold something else on the way: their memory is no operand's.
  llvm::SmallDenseSet<unsigned> borrowed;
  /// Coordinates are one index over all elements (see isFlat).
  bool flat = false;

  // Sizes.
  void setSymbol(llvm::StringRef name, mlir::Value size) { symbols[name.str()] = size; }
  Extent extent(const nn::SizeExpr &e);
  llvm::SmallVector<Extent> shape(mlir::Type type);
  llvm::SmallVector<Extent> shape(mlir::Value v) { return shape(v.getType()); }

  // Values.
  void setBuffer(mlir::Value tensor, Buffer buffer) { buffers[tensor] = std::move(buffer); }
  const Buffer *bufferOf(mlir::Value tensor) const;
  Buffer makeBuffer(mlir::Value memref, mlir::Type tensorType);
  /// The value of `tensor` at `at`: a scalar if the position is uniform.
  mlir::Value eval(mlir::Value tensor, llvm::ArrayRef<Coord> at);
  /// From now on `tensor` has this value at exactly these coordinates.
  void bind(mlir::Value tensor, llvm::ArrayRef<Coord> at, mlir::Value value);
  void unbind(mlir::Value tensor) { bound.erase(tensor); }
  /// From now on `tensor` is read from this buffer, or no longer.
  mlir::Value load(const Buffer &buffer, llvm::ArrayRef<Coord> at);
  void store(const Buffer &buffer, llvm::ArrayRef<Coord> at, mlir::Value value);
  /// The real (0) or imaginary (1) part of a complex tensor.
  mlir::Value evalPart(mlir::Value tensor, llvm::ArrayRef<Coord> at, unsigned part);
  /// Computes these results of the kernel at `at`, then stores them: a result may
  /// share its memory with an operand.
  void finish(llvm::ArrayRef<unsigned> which, llvm::ArrayRef<Coord> at);

  // Conditions.
  Condition less(const Coord &x, const Coord &y); // x < y, signed
  Condition both(const Condition &x, const Condition &y);
  /// lo <= x < hi
  Condition inside(const Coord &x, const Extent &lo, const Extent &hi);
  /// yes() where the condition holds, else no(); only what is needed is
  /// emitted, and loads happen only where their side is taken.
  mlir::Value pick(const Condition &c, mlir::Type type, llvm::function_ref<mlir::Value()> yes,
                   llvm::function_ref<mlir::Value()> no);
  /// Reports `status` if the condition (scalar or vector) holds in a lane that
  /// exists.
  void raise(mlir::Value condition, Status status);

  /// Quotient and remainder by a constant or a size of a coordinate >= 0.
  std::pair<Coord, Coord> split(const Coord &c, const Extent &by);
  /// x / by if that is exact as far as can be seen.
  std::optional<mlir::Value> exactDiv(mlir::Value x, int64_t by);

  static mlir::Type storageType(mlir::Type element);
  static mlir::Type computeType(mlir::Type element);
  static mlir::Type elementType(mlir::Value tensor) {
    return llvm::cast<mlir::RankedTensorType>(tensor.getType()).getElementType();
  }
  /// Memory cell of the status, null if nothing can fail.
  mlir::Value status;
  /// First operation that could not be emitted.
  mlir::Operation *unsupported = nullptr;
  mlir::Operation *getPrologueEnd() const { return prologueEnd; }

private:
  struct Bound {
    Coords at;
    mlir::Value value;
  };
  mlir::Operation *prologueEnd;
  llvm::DenseMap<mlir::Value, Buffer> buffers;
  llvm::DenseMap<mlir::Value, Bound> bound;
  std::map<std::string, mlir::Value, std::less<>> symbols;
  std::map<std::string, Extent> extents;
  int64_t epoch = 0;

  Coord address(const Buffer &buffer, llvm::ArrayRef<Coord> at);
  mlir::Value loadFrom(const Buffer &buffer, const Coord &a, int64_t each);
  void storeTo(const Buffer &buffer, const Coord &a, mlir::Value value, int64_t each);
  mlir::Value loadPart(const Buffer &buffer, llvm::ArrayRef<Coord> at, unsigned part);
  void storeParts(const Buffer &buffer, llvm::ArrayRef<Coord> at, mlir::Value re, mlir::Value im);
  mlir::Value maskOf(int64_t each);
  mlir::VectorType widened(mlir::Type element, int64_t each);
  mlir::Value widen(mlir::Value v, mlir::Type element);
  mlir::Value narrow(mlir::Value v, mlir::Type element);
};

/// How the value of one operation is pulled.
using PullRule = mlir::Value (*)(Emitter &, mlir::Operation *, llvm::ArrayRef<Coord>);
/// Null if there is none. Elementwise operations share one rule.
PullRule findPullRule(mlir::Operation *op);

/// Scalar definition of an elementwise operation; arguments are all scalars or
/// all vectors of compute types. Null if there is none.
using ScalarRule = mlir::Value (*)(Emitter &, mlir::Operation *, mlir::ValueRange);
ScalarRule findScalarRule(mlir::Operation *op);

} // namespace ingot::schedule

#endif // INGOT_COMPILER_PASSES_SCHEDULE_EMITTER_H
