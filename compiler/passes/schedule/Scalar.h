// A small expression language on scalars or vectors of one kernel, for writing
// scalar definitions as formulas.
#ifndef INGOT_COMPILER_PASSES_SCHEDULE_SCALAR_H
#define INGOT_COMPILER_PASSES_SCHEDULE_SCALAR_H

#include "compiler/passes/schedule/Emitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

namespace ingot::schedule {

/// A value and the emitter it lives in; operators build arith operations.
/// Integers are signless: `isUnsigned` says how they compare and divide.
struct Scalar {
  Emitter *e = nullptr;
  mlir::Value v;
  bool isUnsigned = false;

  mlir::Type type() const { return v.getType(); }
  mlir::Type element() const { return mlir::getElementTypeOrSelf(v.getType()); }
  bool isFloat() const { return llvm::isa<mlir::FloatType>(element()); }
  unsigned width() const { return element().getIntOrFloatBitWidth(); }
  Scalar with(mlir::Value x) const { return {e, x, isUnsigned}; }
  /// The constant c of this value's type.
  Scalar k(double c) const;
  Scalar kInt(int64_t c) const;
  /// The type with another element type.
  mlir::Type as(mlir::Type element) const;

  template <typename Op> Scalar unary() const { return with(Op::create(e->ir.b, e->ir.loc, v)); }
  template <typename Op> Scalar binary(Scalar y) const {
    return with(Op::create(e->ir.b, e->ir.loc, v, y.v));
  }
  template <typename Op> Scalar convert(mlir::Type element) const {
    return with(Op::create(e->ir.b, e->ir.loc, as(element), v));
  }
  Scalar cmp(mlir::arith::CmpFPredicate p, Scalar y) const {
    return with(mlir::arith::CmpFOp::create(e->ir.b, e->ir.loc, p, v, y.v));
  }
  Scalar cmp(mlir::arith::CmpIPredicate p, Scalar y) const {
    return with(mlir::arith::CmpIOp::create(e->ir.b, e->ir.loc, p, v, y.v));
  }
  Scalar lt(Scalar y) const;
  Scalar gt(Scalar y) const { return y.lt(*this); }
  Scalar eq(Scalar y) const;
  Scalar ne(Scalar y) const;
  /// this ? x : y
  Scalar select(Scalar x, Scalar y) const { return x.with(e->ir.select(v, x.v, y.v)); }
  Scalar abs() const;
  Scalar max(Scalar y) const; ///< NaN if either is
  Scalar min(Scalar y) const;
};

Scalar operator+(Scalar x, Scalar y);
Scalar operator-(Scalar x, Scalar y);
Scalar operator*(Scalar x, Scalar y);
/// Floats only; integers divide by divide().
Scalar operator/(Scalar x, Scalar y);
Scalar operator-(Scalar x);
Scalar operator&(Scalar x, Scalar y);
Scalar operator|(Scalar x, Scalar y);
Scalar operator^(Scalar x, Scalar y);
/// c[0] + x c[1] + ...
Scalar polynomial(Scalar x, llvm::ArrayRef<double> c);

} // namespace ingot::schedule

#endif // INGOT_COMPILER_PASSES_SCHEDULE_SCALAR_H
