// Elementwise operations: one record each. Scalar semantics are in
// Elementwise.cpp, the evaluator in Evaluate*.cpp, gradients in passes/train.
#ifndef INGOT_DIALECTS_NN_NNELEMENTWISE
#define INGOT_DIALECTS_NN_NNELEMENTWISE

include "compiler/dialects/Nn/NnBase.td"

class Nn_Unary<string mnemonic, string text, Type T = Nn_Tensor>
    : Nn_PureOp<mnemonic, [Nn_Elementwise, SameOperandsAndResultType]> {
  let summary = text;
  let arguments = (ins T:$x);
  let results = (outs T:$result);
  let assemblyFormat = "$x attr-dict `:` type($x)";
}
class Nn_Binary<string mnemonic, string text, Type T = Nn_Tensor, list<Trait> traits = []>
    : Nn_PureOp<mnemonic, !listconcat([Nn_Elementwise, SameOperandsAndResultType], traits)> {
  let summary = text;
  let arguments = (ins T:$lhs, T:$rhs);
  let results = (outs T:$result);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` type($lhs)";
}
class Nn_Test<string mnemonic, string text>
    : Nn_InferredOp<mnemonic, [Nn_Elementwise]> {
  let summary = text;
  let arguments = (ins Nn_Tensor:$x);
  let results = (outs Nn_BoolTensor:$result);
}

def Nn_AbsOp : Nn_PureOp<"abs", [Nn_Elementwise]> {
  let summary = "|x|; the least integer stays itself; complex gives its real type";
  let arguments = (ins Nn_Tensor:$x);
  let results = (outs Nn_Tensor:$result);
}
def Nn_NegOp : Nn_Unary<"neg", "-x, integers wrap">;
def Nn_SignOp : Nn_Unary<"sign", "-1, 0 or 1; NaN stays">;
def Nn_SquareOp : Nn_Unary<"square", "x * x">;
def Nn_ReciprocalOp : Nn_Unary<"reciprocal", "1 / x">;
def Nn_SqrtOp : Nn_Unary<"sqrt", "square root", Nn_FloatTensor>;
def Nn_RsqrtOp : Nn_Unary<"rsqrt", "1 / sqrt(x)", Nn_FloatTensor>;
def Nn_ExpOp : Nn_Unary<"exp", "e^x", Nn_FloatTensor>;
def Nn_Expm1Op : Nn_Unary<"expm1", "e^x - 1, exact near 0", Nn_FloatTensor>;
def Nn_LogOp : Nn_Unary<"log", "natural logarithm", Nn_FloatTensor>;
def Nn_Log1pOp : Nn_Unary<"log1p", "log(1 + x), exact near 0", Nn_FloatTensor>;
def Nn_SinOp : Nn_Unary<"sin", "sine", Nn_FloatTensor>;
def Nn_CosOp : Nn_Unary<"cos", "cosine", Nn_FloatTensor>;
def Nn_TanOp : Nn_Unary<"tan", "tangent", Nn_FloatTensor>;
def Nn_AsinOp : Nn_Unary<"asin", "arc sine", Nn_FloatTensor>;
def Nn_AcosOp : Nn_Unary<"acos", "arc cosine", Nn_FloatTensor>;
def Nn_AtanOp : Nn_Unary<"atan", "arc tangent", Nn_FloatTensor>;
def Nn_SinhOp : Nn_Unary<"sinh", "hyperbolic sine", Nn_FloatTensor>;
def Nn_CoshOp : Nn_Unary<"cosh", "hyperbolic cosine", Nn_FloatTensor>;
def Nn_AsinhOp : Nn_Unary<"asinh", "inverse hyperbolic sine", Nn_FloatTensor>;
def Nn_AcoshOp : Nn_Unary<"acosh", "inverse hyperbolic cosine", Nn_FloatTensor>;
def Nn_AtanhOp : Nn_Unary<"atanh", "inverse hyperbolic tangent", Nn_FloatTensor>;
def Nn_TanhOp : Nn_Unary<"tanh", "hyperbolic tangent", Nn_FloatTensor>;
def Nn_SigmoidOp : Nn_Unary<"sigmoid", "1 / (1 + e^-x)", Nn_FloatTensor>;
def Nn_SoftplusOp : Nn_Unary<"softplus", "log(1 + e^x)", Nn_FloatTensor>;
def Nn_SoftsignOp : Nn_Unary<"softsign", "x / (1 + |x|)", Nn_FloatTensor>;
def Nn_ReluOp : Nn_Unary<"relu", "x where x > 0 or NaN, else 0">;
def Nn_Relu6Op : Nn_Unary<"relu6", "min(relu(x), 6)">;
def Nn_EluOp : Nn_Unary<"elu", "x where x > 0, else e^x - 1", Nn_FloatTensor>;
def Nn_SeluOp : Nn_Unary<"selu", "scaled elu with TensorFlow's constants", Nn_FloatTensor>;
def Nn_LeakyReluOp : Nn_PureOp<"leaky_relu", [Nn_Elementwise, SameOperandsAndResultType]> {
  let summary = "x where x > 0, else alpha * x";
  let arguments = (ins Nn_FloatTensor:$x, F64Attr:$alpha);
  let results = (outs Nn_FloatTensor:$result);
  let assemblyFormat = "$x attr-dict `:` type($x)";
}
def Nn_ErfOp : Nn_Unary<"erf", "error function", Nn_FloatTensor>;
def Nn_ErfcOp : Nn_Unary<"erfc", "1 - erf(x)", Nn_FloatTensor>;
def Nn_ErfinvOp : Nn_Unary<"erfinv", "inverse error function", Nn_FloatTensor>;
def Nn_NdtriOp : Nn_Unary<"ndtri", "inverse of the normal distribution function", Nn_FloatTensor>;
def Nn_LgammaOp : Nn_Unary<"lgamma", "log |gamma(x)|", Nn_FloatTensor>;
def Nn_DigammaOp : Nn_Unary<"digamma", "derivative of lgamma", Nn_FloatTensor>;
def Nn_FloorOp : Nn_Unary<"floor", "largest integer not above x">;
def Nn_CeilOp : Nn_Unary<"ceil", "least integer not below x">;
def Nn_RoundOp : Nn_Unary<"round", "nearest integer, ties to even">;
def Nn_NotOp : Nn_Unary<"not", "logical not of bools, bitwise not of integers", Nn_IntTensor>;

def Nn_IsNanOp : Nn_Test<"is_nan", "x is NaN">;
def Nn_IsInfOp : Nn_Test<"is_inf", "x is +-infinity">;
def Nn_IsFiniteOp : Nn_Test<"is_finite", "x is neither NaN nor infinite">;

def Nn_AddOp : Nn_Binary<"add", "lhs + rhs, integers wrap", Nn_Tensor, [Commutative]>;
def Nn_SubOp : Nn_Binary<"sub", "lhs - rhs, integers wrap">;
def Nn_MulOp : Nn_Binary<"mul", "lhs * rhs, integers wrap", Nn_Tensor, [Commutative]>;
def Nn_DivOp : Nn_Binary<"div", "floats: IEEE; integers: toward zero, x / 0 is a run-time error (result 0)">;
def Nn_FloorDivOp : Nn_Binary<"floor_div", "floor(lhs / rhs); integers: x / 0 is a run-time error (result 0)">;
def Nn_ModOp : Nn_Binary<"mod", "remainder with the divisor's sign (TensorFlow FloorMod); integers: x mod 0 is a run-time error (result 0)">;
def Nn_RemOp : Nn_Binary<"rem", "remainder with the dividend's sign (TensorFlow TruncateMod); integers: x rem 0 is a run-time error (result 0)">;
def Nn_PowOp : Nn_Binary<"pow", "lhs^rhs; a negative integer exponent is a run-time error (result 0)">;
def Nn_MaxOp : Nn_Binary<"max", "larger; NaN if either is NaN", Nn_Tensor, [Commutative]>;
def Nn_MinOp : Nn_Binary<"min", "smaller; NaN if either is NaN", Nn_Tensor, [Commutative]>;
def Nn_Atan2Op : Nn_Binary<"atan2", "angle of (rhs, lhs)", Nn_FloatTensor>;
def Nn_SquaredDifferenceOp : Nn_Binary<"squared_difference", "(lhs - rhs)^2">;
def Nn_DivNoNanOp : Nn_Binary<"div_no_nan", "0 where rhs is 0, else lhs / rhs", Nn_FloatTensor>;
def Nn_MulNoNanOp : Nn_Binary<"mul_no_nan", "0 where rhs is 0, else lhs * rhs", Nn_FloatTensor>;
def Nn_XlogyOp : Nn_Binary<"xlogy", "0 where lhs is 0, else lhs * log(rhs)", Nn_FloatTensor>;
def Nn_Xlog1pyOp : Nn_Binary<"xlog1py", "0 where lhs is 0, else lhs * log1p(rhs)", Nn_FloatTensor>;
def Nn_XdivyOp : Nn_Binary<"xdivy", "0 where lhs is 0, else lhs / rhs", Nn_FloatTensor>;
def Nn_NextAfterOp : Nn_Binary<"next_after", "next float from lhs towards rhs", Nn_FloatTensor>;
def Nn_AndOp : Nn_Binary<"and", "logical/bitwise and", Nn_IntTensor, [Commutative]>;
def Nn_OrOp : Nn_Binary<"or", "logical/bitwise or", Nn_IntTensor, [Commutative]>;
def Nn_XorOp : Nn_Binary<"xor", "logical/bitwise exclusive or", Nn_IntTensor, [Commutative]>;
def Nn_ShiftLeftOp : Nn_Binary<"shift_left", "shift amount clamped to [0, width-1] as TensorFlow does", Nn_IntTensor>;
def Nn_ShiftRightOp : Nn_Binary<"shift_right", "arithmetic for signed, logical for unsigned; amount clamped", Nn_IntTensor>;

def Nn_CompareOp : Nn_InferredOp<"compare", [Nn_Elementwise, SameTypeOperands]> {
  let summary = "IEEE comparison: every one with a NaN is false but ne";
  let arguments = (ins Nn_Tensor:$lhs, Nn_Tensor:$rhs, Nn_CompareDirection:$direction);
  let results = (outs Nn_BoolTensor:$result);
  let assemblyFormat = "$direction $lhs `,` $rhs attr-dict `:` functional-type(operands, results)";
}
def Nn_SelectOp : Nn_InferredOp<"select", [Nn_Elementwise]> {
  let summary = "on_true where pred, else on_false; all of one shape";
  let arguments = (ins Nn_BoolTensor:$pred, Nn_Tensor:$on_true, Nn_Tensor:$on_false);
  let results = (outs Nn_Tensor:$result);
  let hasVerifier = 1;
}
def Nn_ClampOp : Nn_PureOp<"clamp", [Nn_Elementwise, SameOperandsAndResultType]> {
  let summary = "min(max(x, low), high)";
  let arguments = (ins Nn_Tensor:$low, Nn_Tensor:$x, Nn_Tensor:$high);
  let results = (outs Nn_Tensor:$result);
}
def Nn_CastOp : Nn_PureOp<"cast", [Nn_Elementwise]> {
  let summary = "another element type, with TensorFlow's CPU rules";
  let description = [{
    float to int truncates; NaN and out of range give the least value for i32 and i64
    and go through i32 for narrower ones; int to int wraps; x to bool is x != 0;
    f64 to f16 and bf16 rounds through f32.
  }];
  let arguments = (ins Nn_Tensor:$x);
  let results = (outs Nn_Tensor:$result);
  let hasVerifier = 1;
}
def Nn_BitcastOp : Nn_PureOp<"bitcast", [Nn_Elementwise]> {
  let summary = "the same bits as another element type of equal width";
  let arguments = (ins Nn_Tensor:$x);
  let results = (outs Nn_Tensor:$result);
  let hasVerifier = 1;
}

// Complex numbers as pairs of reals. Kernels read and write complex tensors
// through these alone (see passes/group/ExpandComplex.cpp).
class Nn_Part<string mnemonic, string text> : Nn_InferredOp<mnemonic, [Nn_Elementwise]> {
  let summary = text;
  let arguments = (ins Nn_ComplexTensor:$x);
  let results = (outs Nn_RealTensor:$result);
  let hasFolder = 1;
}
def Nn_RealOp : Nn_Part<"real", "the real part">;
def Nn_ImagOp : Nn_Part<"imag", "the imaginary part">;
def Nn_ComplexOp : Nn_InferredOp<"complex", [Nn_Elementwise, SameTypeOperands]> {
  let summary = "re + i im";
  let arguments = (ins Nn_RealTensor:$re, Nn_RealTensor:$im);
  let results = (outs Nn_ComplexTensor:$result);
  let hasFolder = 1;
}

#endif // INGOT_DIALECTS_NN_NNELEMENTWISE
