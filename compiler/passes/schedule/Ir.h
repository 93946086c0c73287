// The builder of kernel bodies: index arithmetic, vectors, masks and loops.
//
// Everything is memoised per block while it is emitted, so that the IR comes
// out free of common subexpressions and small; kernels need no clean-up passes.
#ifndef INGOT_COMPILER_PASSES_SCHEDULE_IR_H
#define INGOT_COMPILER_PASSES_SCHEDULE_IR_H

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"
#include <map>
#include <vector>

namespace ingot::schedule {

/// A size: a constant, or an index value of the kernel function.
struct Extent {
  int64_t value = 0;
  mlir::Value dynamic;

  Extent() = default;
  Extent(int64_t v) : value(v) {}
  explicit Extent(mlir::Value v) : dynamic(v) {}
  bool isStatic() const { return !dynamic; }
  bool is(int64_t v) const { return !dynamic && value == v; }
  bool operator==(const Extent &o) const {
    return dynamic == o.dynamic && (dynamic || value == o.value);
  }
};

/// A position along one dimension: base + offset + lane * (0, 1, ..., L-1)
/// (+ lanes, for positions that are no linear function of the lane number).
/// A null base is 0. Offsets stay apart so that they become displacements.
struct Coord {
  mlir::Value base;
  int64_t offset = 0;
  int64_t lane = 0;
  mlir::Value lanes; ///< vector of index, or null

  Coord() = default;
  Coord(int64_t offset) : offset(offset) {}
  Coord(mlir::Value base, int64_t offset = 0, int64_t lane = 0)
      : base(base), offset(offset), lane(lane) {}
  /// The same for all lanes.
  bool isUniform() const { return !lane && !lanes; }
  bool isStatic() const { return !base && isUniform(); }
  bool operator==(const Coord &o) const {
    return base == o.base && offset == o.offset && lane == o.lane && lanes == o.lanes;
  }
};
using Coords = llvm::SmallVector<Coord, 6>;

/// Builds one kernel function. The insertion point only ever moves forward
/// (constants go to the entry block), so a memoised value of an enclosing block
/// is always available.
class Ir {
public:
  Ir(mlir::OpBuilder &b, mlir::Location loc, mlir::Block *entry) : b(b), loc(loc), entry(entry) {}

  mlir::OpBuilder &b;
  mlir::Location loc;
  /// Lanes of the vectors being emitted and, in a tail tile or under a guard,
  /// the mask of those that exist.
  int64_t lanes = 1;
  mlir::Value mask;

  // Index values. Null operands of add and mul stand for 0.
  mlir::Value index(int64_t v);
  mlir::Value index(const Extent &e);
  mlir::Value add(mlir::Value x, mlir::Value y);
  mlir::Value add(mlir::Value x, int64_t c);
  mlir::Value sub(mlir::Value x, mlir::Value y);
  mlir::Value mul(mlir::Value x, mlir::Value y);
  mlir::Value mul(mlir::Value x, int64_t c);
  mlir::Value min(mlir::Value x, mlir::Value y);
  mlir::Value max(mlir::Value x, mlir::Value y);
  /// Quotient and remainder of values that are not negative.
  mlir::Value div(mlir::Value x, mlir::Value y);
  mlir::Value rem(mlir::Value x, mlir::Value y);
  Extent mul(const Extent &x, const Extent &y);
  Extent ceilDiv(const Extent &x, int64_t c);

  // Coordinates.
  Coord add(const Coord &x, const Coord &y);
  Coord scale(const Coord &x, int64_t c);
  Coord scale(const Coord &x, const Extent &e);
  /// The position as an index (uniform coordinates only).
  mlir::Value scalar(const Coord &c);
  /// The position of every lane as a vector of index.
  mlir::Value vector(const Coord &c);
  /// Index or vector of index, whichever the coordinate needs.
  mlir::Value value(const Coord &c);
  /// The coordinate that `v` (an index or a vector of index) names.
  Coord coord(mlir::Value v);

  // Vectors.
  mlir::VectorType vectorType(mlir::Type element) {
    return mlir::VectorType::get({lanes}, element);
  }
  /// `v` for all lanes; vectors stay as they are.
  mlir::Value splat(mlir::Value v);
  /// Makes all values vectors if one of them is.
  void unify(llvm::MutableArrayRef<mlir::Value> values);
  static bool isVector(mlir::Value v) { return llvm::isa<mlir::VectorType>(v.getType()); }
  /// A constant scalar of an integer, index or float type.
  mlir::Value constant(mlir::Type type, double v);
  mlir::Value constantInt(mlir::Type type, int64_t v);
  mlir::Value zero(mlir::Type type);
  /// Mask of the first n lanes.
  mlir::Value prefixMask(mlir::Value n);
  mlir::Value logicalAnd(mlir::Value x, mlir::Value y);
  /// select that takes scalars and vectors in any mixture.
  mlir::Value select(mlir::Value c, mlir::Value x, mlir::Value y);

  // Loops.
  using Body = llvm::function_ref<void(mlir::Value)>;
  using CarryBody =
      llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::Value, llvm::ArrayRef<mlir::Value>)>;
  void loop(mlir::Value lo, mlir::Value hi, int64_t step, Body body);
  llvm::SmallVector<mlir::Value> loop(mlir::Value lo, mlir::Value hi, int64_t step,
                                      llvm::ArrayRef<mlir::Value> init, CarryBody body);
  /// Values of the branch taken.
  llvm::SmallVector<mlir::Value> branch(mlir::Value condition, mlir::TypeRange types,
                                        llvm::function_ref<llvm::SmallVector<mlir::Value>()> yes,
                                        llvm::function_ref<llvm::SmallVector<mlir::Value>()> no);
  /// Statement form.
  void when(mlir::Value condition, llvm::function_ref<void()> yes);

  /// The memoised value for `key` in this block or one around it, else make().
  using Key = std::vector<intptr_t>;
  mlir::Value memo(Key key, llvm::function_ref<mlir::Value()> make);
  /// Runs `f` with another mask (null: all lanes) and puts the old one back.
  template <typename F> auto withMask(mlir::Value m, F f) {
    struct Restore {
      Ir &ir;
      mlir::Value old;
      ~Restore() { ir.mask = old; }
    } restore{*this, mask};
    mask = m;
    return f();
  }
  mlir::Block *getEntry() const { return entry; }

private:
  mlir::Block *entry;
  llvm::DenseMap<mlir::Block *, std::map<Key, mlir::Value>> memos;
  std::map<Key, mlir::Value> constants;
  mlir::Value entryConstant(Key key, mlir::TypedAttr attr);
};

/// The constant an index value is, if it is one.
std::optional<int64_t> constantIndex(mlir::Value v);

} // namespace ingot::schedule

#endif // INGOT_COMPILER_PASSES_SCHEDULE_IR_H
