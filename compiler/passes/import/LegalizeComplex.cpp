// Ops between complex numbers and their parts. Everything else takes complex
// operands by the same rules as real ones.
#include "compiler/passes/import/LegalizeRules.h"

using namespace mlir;
using namespace ingot;
using namespace ingot::legalize;

namespace {

LogicalResult needComplex(Node &n) {
  if (!isa<ComplexType>(n.elem(0)))
    return n.refuse("takes complex numbers, has " + describe(n.type(0)));
  return success();
}
LogicalResult real(Node &n) {
  return failed(needComplex(n)) ? failure() : n.give(n.b.real(n.in(0)));
}
LogicalResult imag(Node &n) {
  return failed(needComplex(n)) ? failure() : n.give(n.b.imag(n.in(0)));
}
LogicalResult conj(Node &n) { return n.give(n.b.conj(n.in(0))); }
LogicalResult complexAbs(Node &n) {
  if (failed(needComplex(n)))
    return failure();
  Type real = cast<ComplexType>(n.elem(0)).getElementType();
  return n.give(nn::AbsOp::create(n.b.b, n.b.loc, nn::withElement(n.type(0), real), n.in(0)));
}
LogicalResult angle(Node &n) {
  if (failed(needComplex(n)))
    return failure();
  return n.give(n.b.binary<nn::Atan2Op>(n.b.imag(n.in(0)), n.b.real(n.in(0))));
}
LogicalResult makeComplex(Node &n) {
  if (n.elem(0) != n.elem(1) || !isa<FloatType>(n.elem(0)))
    return n.refuse("takes two floats of one type, has " + describe(n.type(0)) + " and " +
                    describe(n.type(1)));
  if (failed(n.needBroadcast(0, 1)))
    return failure();
  auto dims = nn::broadcastShapes(n.dims(0), n.dims(1));
  return n.give(n.b.complex(n.b.broadcastTo(n.in(0), *dims), n.b.broadcastTo(n.in(1), *dims)));
}

const Rule kRules[] = {
    {"Angle", 1, angle}, {"Complex", 2, makeComplex}, {"ComplexAbs", 1, complexAbs},
    {"Conj", 1, conj},   {"Imag", 1, imag},           {"Real", 1, real},
};
} // namespace

Table legalize::complexRules() { return kRules; }
