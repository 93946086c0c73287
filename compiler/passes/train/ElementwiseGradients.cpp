// Gradients of elementwise operations, as TensorFlow registers them: a line
// each in the lists at the end. `x`, `y` are operands and result (binary: `x`,
// `y` operands, `z` result), `dy` or `dz` the gradient of the result.
#include "compiler/passes/train/GradientRules.h"
#include <cmath>

using namespace mlir;
using namespace ingot::nn;

namespace ingot::train {
namespace {

/// Formulas of values: what the tables are written in.
struct Expr {
  Build *b;
  Value v;
  Expr operator+(const Expr &o) const { return {b, b->add(v, o.v)}; }
  Expr operator-(const Expr &o) const { return {b, b->sub(v, o.v)}; }
  Expr operator*(const Expr &o) const { return {b, b->mul(v, o.v)}; }
  Expr operator/(const Expr &o) const { return {b, b->div(v, o.v)}; }
  Expr operator+(double o) const { return {b, b->add(v, o)}; }
  Expr operator*(double o) const { return {b, b->mul(v, o)}; }
  Expr operator-() const { return {b, b->unary<NegOp>(v)}; }
};
Expr operator-(double a, const Expr &x) {
  return {x.b, x.b->sub(x.b->scalar(a, Build::elem(x.v)), x.v)};
}
Expr operator/(double a, const Expr &x) {
  return {x.b, x.b->div(x.b->scalar(a, Build::elem(x.v)), x.v)};
}
template <typename Op> Expr apply(const Expr &x) { return {x.b, x.b->unary<Op>(x.v)}; }
template <typename Op> Expr apply(const Expr &x, const Expr &y) {
  return {x.b, x.b->binary<Op>(x.v, y.v)};
}
Expr square(const Expr &x) { return apply<SquareOp>(x); }
Value test(CompareDirection direction, const Expr &x, double y) {
  return x.b->compare(direction, x.v, x.b->scalar(y, Build::elem(x.v)));
}
Value test(CompareDirection direction, const Expr &x, const Expr &y) {
  return x.b->compare(direction, x.v, y.v);
}
Expr select(Value pred, const Expr &x, const Expr &y) { return {x.b, x.b->select(pred, x.v, y.v)}; }
Expr zero(const Expr &x) { return {x.b, x.b->fullLike(x.v, 0)}; }
/// 1 where the test holds, else 0, in x's type.
Expr mask(Value pred, const Expr &x) { return {x.b, x.b->cast(pred, Build::elem(x.v))}; }
/// 0 where dy is 0, whatever x is.
Expr times(const Expr &x, const Expr &dy) { return apply<MulNoNanOp>(x, dy); }
constexpr auto gt = CompareDirection::gt, lt = CompareDirection::lt, ge = CompareDirection::ge,
               le = CompareDirection::le, ne = CompareDirection::ne;
constexpr double kSqrtPi = 1.7724538509055160273, kPi = 3.14159265358979323846;

void addUnary(GradientRules &rules) {
#define UNARY(OP, FORMULA)                                                                         \
  addGradient<OP>(rules, [](Gradient &g, Build &b, Operation *op, Value grad) {                    \
    Expr x{&b, op->getOperand(0)}, y{&b, op->getResult(0)}, dy{&b, grad};                          \
    (void)x;                                                                                       \
    (void)y;                                                                                       \
    g.add(b, x.v, (FORMULA).v);                                                                    \
    return success();                                                                              \
  })
  UNARY(NegOp, -dy);
  UNARY(SquareOp, dy * (x * 2.0));
  UNARY(ReciprocalOp, -times(square(y), dy));
  UNARY(SqrtOp, times(0.5 / y, dy));
  UNARY(RsqrtOp, times(square(y) * y * -0.5, dy));
  UNARY(ExpOp, dy * y);
  UNARY(Expm1Op, dy * apply<ExpOp>(x));
  UNARY(LogOp, dy / x);
  UNARY(Log1pOp, dy / (x + 1.0));
  UNARY(SinOp, dy * apply<CosOp>(x));
  UNARY(CosOp, -(dy * apply<SinOp>(x)));
  UNARY(TanOp, dy / square(apply<CosOp>(x)));
  UNARY(AsinOp, dy / apply<SqrtOp>(1.0 - square(x)));
  UNARY(AcosOp, -(dy / apply<SqrtOp>(1.0 - square(x))));
  UNARY(AtanOp, dy / (square(x) + 1.0));
  UNARY(SinhOp, dy * apply<CoshOp>(x));
  UNARY(CoshOp, dy * apply<SinhOp>(x));
  UNARY(AsinhOp, dy / apply<CoshOp>(y));
  UNARY(AcoshOp, dy / apply<SinhOp>(y));
  UNARY(AtanhOp, dy / (1.0 - square(x)));
  UNARY(TanhOp, dy * (1.0 - square(y)));
  UNARY(SigmoidOp, dy * y * (1.0 - y));
  UNARY(SoftplusOp, dy / (apply<ExpOp>(-x) + 1.0));
  UNARY(SoftsignOp, dy / square(apply<AbsOp>(x) + 1.0));
  UNARY(ReluOp, dy * mask(test(gt, y, 0), dy));
  UNARY(Relu6Op, dy * mask(AndOp::create(b.b, b.loc, test(gt, y, 0), test(lt, y, 6)), dy));
  UNARY(EluOp, select(test(lt, y, 0), dy * (y + 1.0), dy));
  UNARY(SeluOp, select(test(lt, y, 0), dy * (y + 1.7580993408473768), dy * 1.0507009873554805));
  UNARY(LeakyReluOp,
        select(test(gt, x, 0), dy, dy * cast<LeakyReluOp>(op).getAlpha().convertToDouble()));
  UNARY(ErfOp, dy * apply<ExpOp>(-square(x)) * (2 / kSqrtPi));
  UNARY(ErfcOp, dy * apply<ExpOp>(-square(x)) * (-2 / kSqrtPi));
  UNARY(ErfinvOp, dy * apply<ExpOp>(square(y)) * (kSqrtPi / 2));
  UNARY(NdtriOp, dy * apply<ExpOp>(square(y) * 0.5) * std::sqrt(2 * kPi));
  UNARY(LgammaOp, dy * apply<DigammaOp>(x));
  UNARY(CopyOp, dy);
#undef UNARY
}

/// Adds to both operands; a gradient that nothing needs is not built.
template <typename F, typename G>
LogicalResult both(Gradient &g, Build &b, Operation *op, F dx, G dy) {
  if (g.needs(op->getOperand(0)))
    g.add(b, op->getOperand(0), dx().v);
  if (g.needs(op->getOperand(1)))
    g.add(b, op->getOperand(1), dy().v);
  return success();
}
/// d pow / d exponent: 0 where the base is not positive (if complex, where it is 0).
Expr logOrZero(const Expr &x) {
  Value defined = test(isa<ComplexType>(Build::elem(x.v)) ? ne : gt, x, 0);
  Expr safe = select(defined, x, Expr{x.b, x.b->fullLike(x.v, 1)});
  return select(defined, apply<LogOp>(safe), zero(x));
}

/// What of a gradient meets a result that is always real.
Expr realPart(const Expr &dz) {
  if (!isa<ComplexType>(Build::elem(dz.v)))
    return dz;
  Value re = dz.b->real(dz.v);
  return {dz.b, dz.b->complex(re, dz.b->fullLike(re, 0))};
}

void addBinary(GradientRules &rules) {
#define BINARY(OP, DX, DY)                                                                         \
  addGradient<OP>(rules, [](Gradient &g, Build &b, Operation *op, Value grad) {                    \
    Expr x{&b, op->getOperand(0)}, y{&b, op->getOperand(1)}, z{&b, op->getResult(0)},              \
        dz{&b, grad};                                                                              \
    (void)x;                                                                                       \
    (void)y;                                                                                       \
    (void)z;                                                                                       \
    return both(g, b, op, [&] { return DX; }, [&] { return DY; });                                 \
  })
  BINARY(AddOp, dz, dz);
  BINARY(SubOp, dz, -dz);
  BINARY(MulOp, dz * y, dz * x);
  BINARY(DivOp, dz / y, dz * ((-x / y) / y));
  BINARY(ModOp, dz, dz * -apply<FloorDivOp>(x, y));
  BINARY(PowOp, dz * y * apply<PowOp>(x, y + -1.0), dz * z * logOrZero(x));
  BINARY(MaxOp, select(test(ge, x, y), dz, zero(dz)), select(test(ge, x, y), zero(dz), dz));
  BINARY(MinOp, select(test(le, x, y), dz, zero(dz)), select(test(le, x, y), zero(dz), dz));
  BINARY(Atan2Op, y * (dz / (square(x) + square(y))), -x * (dz / (square(x) + square(y))));
  BINARY(SquaredDifferenceOp, realPart(dz) * (x - y) * 2.0, realPart(dz) * (x - y) * -2.0);
  BINARY(DivNoNanOp, apply<DivNoNanOp>(dz, y), dz * apply<DivNoNanOp>(apply<DivNoNanOp>(-x, y), y));
  BINARY(MulNoNanOp, apply<MulNoNanOp>(dz, y), apply<MulNoNanOp>(x, dz));
  BINARY(XlogyOp, apply<XlogyOp>(mask(test(ne, x, 0), x), y) * dz, apply<XdivyOp>(x, y) * dz);
  BINARY(Xlog1pyOp, apply<Xlog1pyOp>(mask(test(ne, x, 0), x), y) * dz,
         apply<XdivyOp>(x, y + 1.0) * dz);
  BINARY(XdivyOp, apply<XdivyOp>(mask(test(ne, x, 0), x), y) * dz,
         apply<XdivyOp>(-x, square(y)) * dz);
  BINARY(NextAfterOp, dz, zero(dz));
#undef BINARY
}

void clampGradient(Gradient &g, Build &b, ClampOp op, Value grad) {
  Expr low{&b, op.getLow()}, x{&b, op.getX()}, high{&b, op.getHigh()}, dy{&b, grad};
  Value below = test(lt, x, low), above = test(gt, x, high);
  if (g.needs(x.v))
    g.add(b, x.v, select(below, zero(dy), select(above, zero(dy), dy)).v);
  if (g.needs(low.v))
    g.add(b, low.v, select(below, dy, zero(dy)).v);
  if (g.needs(high.v))
    g.add(b, high.v, select(above, dy, zero(dy)).v);
}
void selectGradient(Gradient &g, Build &b, SelectOp op, Value grad) {
  Expr dy{&b, grad};
  if (g.needs(op.getOnTrue()))
    g.add(b, op.getOnTrue(), select(op.getPred(), dy, zero(dy)).v);
  if (g.needs(op.getOnFalse()))
    g.add(b, op.getOnFalse(), select(op.getPred(), zero(dy), dy).v);
}
void castGradient(Gradient &g, Build &b, CastOp op, Value dy) {
  g.add(b, op.getX(), b.cast(dy, Build::elem(op.getX())));
}
void absGradient(Gradient &g, Build &b, AbsOp op, Value grad) {
  Expr x{&b, op.getX()}, y{&b, op.getResult()}, dy{&b, grad};
  if (x.v.getType() == y.v.getType())
    return g.add(b, x.v, (dy * apply<SignOp>(x)).v);
  auto along = [&](Value part) { return apply<DivNoNanOp>(dy * Expr{&b, part}, y).v; };
  g.add(b, x.v, b.complex(along(b.real(x.v)), along(b.imag(x.v))));
}
void realGradient(Gradient &g, Build &b, RealOp op, Value dy) {
  g.add(b, op.getX(), b.complex(dy, b.fullLike(dy, 0)));
}
void imagGradient(Gradient &g, Build &b, ImagOp op, Value dy) {
  g.add(b, op.getX(), b.complex(b.fullLike(dy, 0), dy));
}
void complexGradient(Gradient &g, Build &b, ComplexOp op, Value dy) {
  if (g.needs(op.getRe()))
    g.add(b, op.getRe(), b.real(dy));
  if (g.needs(op.getIm()))
    g.add(b, op.getIm(), b.imag(dy));
}
/// Piecewise constant: the gradient is 0 everywhere it exists.
LogicalResult constantGradient(Gradient &, Build &, Operation *, Value) { return success(); }

} // namespace

void addElementwiseGradients(GradientRules &rules) {
  addUnary(rules);
  addBinary(rules);
  addGradient<ClampOp, clampGradient>(rules);
  addGradient<SelectOp, selectGradient>(rules);
  addGradient<CastOp, castGradient>(rules);
  addGradient<AbsOp, absGradient>(rules);
  addGradient<RealOp, realGradient>(rules);
  addGradient<ImagOp, imagGradient>(rules);
  addGradient<ComplexOp, complexGradient>(rules);
  addGradient<SignOp>(rules, constantGradient);
  addGradient<FloorOp>(rules, constantGradient);
  addGradient<CeilOp>(rules, constantGradient);
  addGradient<RoundOp>(rules, constantGradient);
  addGradient<FloorDivOp>(rules, constantGradient);
}

} // namespace ingot::train
