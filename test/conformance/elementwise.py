"""Elementwise ops: every op by every dtype TensorFlow has it for, on special and
random values, then by shapes: ranks 0 to 5, empty, broadcasting, unknown sizes."""
import numpy as np
import tensorflow as tf

import values as v
from container import Case

raw = tf.raw_ops
FLOATS, INTS, COMPLEX = v.FLOATS, v.INTS, v.COMPLEX
SIGNED = [np.int8, np.int16, np.int32, np.int64]
EXACT = {"ulp": 0}
NEAR = {"ulp": 4}  # own transcendental functions, against TensorFlow or the float64 truth
ZERO = {"ulp": 0, "zero": True}  # exact, but TensorFlow's own dtypes disagree about the sign of a zero
COMPLEX_NEAR = {"ulp": 8, "rtol": 1e-5}
# exp(x) - 1 near 0 cancels in TensorFlow's kernels; its float64 special functions are worse than 4 ulp.
CANCELS = {"ulp": 4, "atol": 5e-7}
ROUGH = {"ulp": 4, "rtol": 2e-6, "atol": 1e-15}
POW = {"ulp": 4, "rtol": 1e-14}  # huge results multiply the error of the logarithm
ROUGH64 = {"ulp": 4, "rtol": 1e-11, "atol": 1e-15}

# op -> (dtypes, rule). Rules are for floats; integers are always exact.
UNARY = {
    "Abs": (FLOATS + SIGNED, EXACT), "Neg": (FLOATS + SIGNED + COMPLEX, EXACT), "Sign": (FLOATS + SIGNED + COMPLEX, NEAR),
    "Square": (v.NUMBERS, {"ulp": 1}), "Sqrt": (FLOATS + COMPLEX, {"ulp": 1}), "Rsqrt": (FLOATS + COMPLEX, NEAR),
    "Reciprocal": (FLOATS + COMPLEX, {"ulp": 1}), "Inv": (FLOATS, {"ulp": 1}),
    "Floor": (FLOATS, EXACT), "Ceil": (FLOATS, EXACT), "Rint": (FLOATS, EXACT), "Round": (FLOATS, EXACT),
    "IsNan": (FLOATS, EXACT), "IsInf": (FLOATS, EXACT), "IsFinite": (FLOATS, EXACT),
    "Relu": (FLOATS + INTS, ZERO), "Relu6": (FLOATS + INTS, ZERO),
    "LogicalNot": ([np.bool_], EXACT), "Invert": (INTS, EXACT), "PopulationCount": (INTS, EXACT),
    "OnesLike": (v.ALL, EXACT), "ZerosLike": (v.ALL, EXACT), "Identity": (v.ALL, EXACT),
    "StopGradient": (v.ALL, EXACT), "Conj": (COMPLEX, EXACT), "Real": (COMPLEX, EXACT), "Imag": (COMPLEX, EXACT),
    "ComplexAbs": (COMPLEX, NEAR), "Angle": (COMPLEX, NEAR),
}
for op in ("Exp Expm1 Log Log1p Sin Cos Tan Sinh Cosh Tanh Asinh Acosh Atanh Asin Acos Atan Sigmoid").split():
    UNARY[op] = (FLOATS + COMPLEX, NEAR)
for op in "Erf Erfc Softplus Softsign LeakyRelu".split():
    UNARY[op] = (FLOATS, NEAR)
for op in "Elu Selu".split():
    UNARY[op] = (FLOATS, CANCELS)
for op in "Erfinv Ndtri Lgamma Digamma".split():
    UNARY[op] = (FLOATS, ROUGH)
FIRST_ARG = {op: "features" for op in "Relu Relu6 Elu Selu Softplus Softsign LeakyRelu".split()}
FIRST_ARG.update({op: "input" for op in "Identity StopGradient Real Imag Conj Angle".split()})

BINARY = {
    "AddV2": (v.NUMBERS, EXACT), "Add": (v.NUMBERS, EXACT), "Sub": (v.NUMBERS, EXACT), "Mul": (v.NUMBERS, EXACT),
    "RealDiv": (FLOATS + COMPLEX, EXACT), "Div": (v.NUMBERS, EXACT), "FloorDiv": (FLOATS + INTS, EXACT),
    "TruncateDiv": (INTS, EXACT), "FloorMod": (FLOATS + INTS, EXACT), "Mod": (FLOATS + [np.int32, np.int64], EXACT),
    "TruncateMod": (FLOATS + [np.int32, np.int64], EXACT),
    "Maximum": (FLOATS + INTS, ZERO), "Minimum": (FLOATS + INTS, ZERO),
    "Pow": (FLOATS + [np.int32, np.int64] + COMPLEX, POW), "SquaredDifference": (FLOATS + SIGNED + COMPLEX, {"ulp": 1}),
    "Atan2": (FLOATS, NEAR), "DivNoNan": (FLOATS + COMPLEX, ZERO), "MulNoNan": (FLOATS + COMPLEX, ZERO),
    "Xdivy": (FLOATS + COMPLEX, ZERO), "Xlogy": (FLOATS + COMPLEX, NEAR), "Xlog1py": (FLOATS + COMPLEX, NEAR),
    "NextAfter": ([np.float32, np.float64], EXACT),
    "Equal": (v.ALL, EXACT), "NotEqual": (v.ALL, EXACT),
    "LogicalAnd": ([np.bool_], EXACT), "LogicalOr": ([np.bool_], EXACT),
    "BitwiseAnd": (INTS, EXACT), "BitwiseOr": (INTS, EXACT), "BitwiseXor": (INTS, EXACT),
    "LeftShift": (INTS, EXACT), "RightShift": (INTS, EXACT),
}
for op in ("Less", "LessEqual", "Greater", "GreaterEqual"):
    BINARY[op] = (FLOATS + INTS, EXACT)
DIVIDES = {"Div", "FloorDiv", "TruncateDiv", "FloorMod", "Mod", "TruncateMod"}

GRADIENTS = {  # op -> (names of its two operands, which operand's values are an activation in what range)
    "SigmoidGrad": ("y", "dy", 0.0, 1.0), "TanhGrad": ("y", "dy", -1.0, 1.0), "SqrtGrad": ("y", "dy", 0.1, 9.0),
    "RsqrtGrad": ("y", "dy", 0.1, 9.0), "ReciprocalGrad": ("y", "dy", -3.0, 3.0), "InvGrad": ("y", "dy", -3.0, 3.0),
    "ReluGrad": ("features", "gradients", None, None), "Relu6Grad": ("features", "gradients", None, None),
    "LeakyReluGrad": ("features", "gradients", None, None), "SoftplusGrad": ("features", "gradients", None, None),
    "SoftsignGrad": ("features", "gradients", None, None), "EluGrad": ("outputs", "gradients", None, None),
    "SeluGrad": ("outputs", "gradients", None, None),
}


def rule_for(rule, dtype, op=""):
    d = np.dtype(dtype)
    if d.kind in "biu":
        return EXACT
    if d.kind == "c":
        return EXACT if rule == EXACT and op not in ("Mul", "RealDiv", "Div") else COMPLEX_NEAR
    if v.name(dtype) in ("float16", "bfloat16") and rule["ulp"]:
        return {"ulp": 1}
    return ROUGH64 if rule == ROUGH and v.name(dtype) == "float64" else rule


def apply(op, **fixed):
    def build(p):
        extra = {}
        if op in ("Real", "Imag", "ComplexAbs", "Angle"):
            extra["Tout"] = next(iter(p.values())).dtype.real_dtype
        if op == "NextAfter":
            p = {"x1": p["x"], "x2": p["y"]}
        return getattr(raw, op)(**p, **extra, **fixed)
    return build


def unary_cases():
    for op, (dtypes, rule) in UNARY.items():
        arg = FIRST_ARG.get(op, "x")
        for d in dtypes:
            x = v.mixed(d, 150, op)
            if op == "Erf" and v.name(d) == "float64":
                x = x[~(np.abs(x) > 1e8)]  # TensorFlow gives NaN there, but 1 in float32
            if op == "Abs" and np.dtype(d).kind == "i":
                x = x[x != np.iinfo(d).min]
            yield Case(f"{op}/{v.name(d)}/values", apply(op), [{arg: x}], {arg: "?"}, rule_for(rule, d, op),
                       truth=rule["ulp"] > 0)
        d = dtypes[0]
        r = v.rng(op + " shapes")
        for shape in [(), (1,), (0,), (17,), (3, 5), (2, 0, 3), (2, 3, 4, 5), (2, 1, 3, 2, 4)]:
            x = np.abs(v.random(d, shape, r)) % 1 if v.is_float(d) else v.random(d, shape, r)
            yield Case(f"{op}/{v.name(d)}/shape{list(shape)}".replace(" ", ""), apply(op), [{arg: x}],
                       rule=rule_for(rule, d, op), truth=rule["ulp"] > 0)
        runs = [{arg: np.abs(v.random(d, s, r)) % 1 if v.is_float(d) else v.random(d, s, r)}
                for s in [(1, 7), (5, 1), (0, 3), (13, 33)]]
        yield Case(f"{op}/{v.name(d)}/unknown", apply(op), runs, {arg: "nxm"}, rule_for(rule, d, op), truth=rule["ulp"] > 0)
    for alpha in (0.0, 0.5, 1.0, -0.2, 2.0):
        yield Case(f"LeakyRelu/float32/alpha{alpha}", apply("LeakyRelu", alpha=alpha),
                   [{"features": v.mixed(np.float32, 90, "leaky")}], {"features": "?"})


def operands(op, d):
    unsigned = np.dtype(d).kind == "u"
    if op in DIVIDES and np.dtype(d).kind in "iu":
        low = np.iinfo(d).min
        return v.pairs(d, op, lambda a, b: (b != 0) & ((a != low) | (unsigned | (b.astype(object) != -1)).astype(bool)))
    if op == "Pow" and np.dtype(d).kind in "iu":
        return v.pairs(d, op, lambda a, b: b >= 0)
    if op in ("LeftShift", "RightShift"):
        bits = np.dtype(d).itemsize * 8
        return v.pairs(d, op, lambda a, b: (b >= 0) & (b < bits))
    return v.pairs(d, op)


BROADCASTS = [((), (4, 3)), ((4, 3), ()), ((3,), (4, 3)), ((4, 1), (1, 3)), ((4, 1), (3,)), ((1, 1), (4, 3)),
              ((2, 3, 1, 5), (4, 5)), ((1, 3, 1, 5, 1), (2, 1, 4, 1, 6)), ((0, 3), (1, 3)), ((1,), (0,)), ((), ())]


def tame(d, shape, r):
    """Operands on which no op divides by zero or overflows."""
    x = np.abs(v.random(d, shape, r)) if np.dtype(d).kind not in "bc" else v.random(d, shape, r)
    return x if np.dtype(d).kind in "bc" else (x % 3 + 1).astype(d)


def binary_cases():
    for op, (dtypes, rule) in BINARY.items():
        for d in dtypes:
            a, b = operands(op, d)
            yield Case(f"{op}/{v.name(d)}/values", apply(op), [{"x": a, "y": b}], {"x": "?", "y": "?"},
                       rule_for(rule, d, op), truth=rule["ulp"] > 0)
        d = dtypes[0]
        r = v.rng(op + " shapes")
        for sa, sb in BROADCASTS:
            yield Case(f"{op}/{v.name(d)}/broadcast{list(sa)}{list(sb)}".replace(" ", ""), apply(op),
                       [{"x": tame(d, sa, r), "y": tame(d, sb, r)}], rule=rule_for(rule, d, op), truth=rule["ulp"] > 0)
        runs = [{"x": tame(d, sa, r), "y": tame(d, sb, r)}
                for sa, sb in [((5, 4), (5, 4)), ((1, 4), (6, 4)), ((6, 1), (1, 7)), ((1, 1), (3, 2)), ((0, 2), (1, 2))]]
        yield Case(f"{op}/{v.name(d)}/unknown", apply(op), runs, {"x": "nxm", "y": "kxl"}, rule_for(rule, d, op),
                   truth=rule["ulp"] > 0)
        runs = [{"x": tame(d, (b, 6), r), "y": tame(d, (6,), r)} for b in (1, 3, 32)]
        yield Case(f"{op}/{v.name(d)}/batch", apply(op), runs, {"x": "?x6"}, rule_for(rule, d, op), truth=rule["ulp"] > 0)
    for op in sorted(DIVIDES):
        for d in (np.int32, np.int64):
            yield Case(f"{op}/{v.name(d)}/zero", apply(op), [{"x": np.array([4, 5], d), "y": np.array([2, 0], d)}],
                       error=True)


def gradient_cases():
    for op, (a, b, low, high) in GRADIENTS.items():
        for d in v.FLOATS:
            if low is None:
                x, y = v.pairs(d, op)
                y = np.where(np.abs(y.astype(np.float64)) > 1e30, d(1), y)
            else:
                r = v.rng(op)
                x = np.concatenate([[low, high], r.uniform(low, high, 98)]).astype(d)
                y = np.concatenate([v.special(d), v.random(d, (100,), r)])[:100].astype(d)
                y = np.where(np.abs(y.astype(np.float64)) > 1e30, d(1), y)  # the order of products decides about overflow
            rule = ZERO if op in ("ReluGrad", "Relu6Grad", "LeakyReluGrad") else CANCELS if op == "SoftplusGrad" else NEAR
            yield Case(f"{op}/{v.name(d)}/values", apply(op), [{a: x, b: y}], {a: "?", b: "?"}, rule_for(rule, d, op),
                       truth=rule["ulp"] > 0)


def cast_cases():
    for source in v.ALL:
        for target in v.ALL:
            x = v.mixed(source, 120, "cast")
            if (v.is_float(source) or np.dtype(source).kind == "c") and np.dtype(target).kind in "iu":
                # Out of range TensorFlow's result depends on the vector path, but for int32 and int64.
                info = np.iinfo(target)
                wide = x.real.astype(np.float64)
                limit = 2.0 ** (np.dtype(target).itemsize * 8 - (np.dtype(target).kind == "i"))
                inside = (wide > (-1.0 if info.min == 0 else -limit)) & (wide < limit)
                x = x[inside] if v.name(target) not in ("int32", "int64") else x
            yield Case(f"Cast/{v.name(source)}/{v.name(target)}", apply("Cast", DstT=tf.as_dtype(target)), [{"x": x}],
                       {"x": "?"})
    for truncate in (False, True):
        yield Case(f"Cast/float32/bfloat16/truncate={truncate}",
                   apply("Cast", DstT=tf.bfloat16, Truncate=truncate), [{"x": v.mixed(np.float32, 120, "t")}])


def select_cases():
    for d in v.ALL:
        s = v.special(d)
        c = np.arange(len(s)) % 3 == 0
        yield Case(f"SelectV2/{v.name(d)}/values", apply("SelectV2"), [{"condition": c, "t": s, "e": s[::-1].copy()}],
                   {"condition": "?", "t": "?", "e": "?"})
    r = v.rng("select")
    for sc, st, se in [((), (3,), (3,)), ((4, 1), (3,), ()), ((2, 1, 4), (3, 1), (1, 1, 4)), ((0,), (1,), ()), ((), (), ())]:
        yield Case(f"SelectV2/float32/broadcast{list(sc)}{list(st)}{list(se)}".replace(" ", ""), apply("SelectV2"),
                   [{"condition": np.asarray(r.random(sc) < 0.5), "t": v.random(np.float32, st, r),
                     "e": v.random(np.float32, se, r)}])
    yield Case("SelectV2/float32/unknown", apply("SelectV2"),
               [{"condition": r.random((n, 1)) < 0.5, "t": v.random(np.float32, (m, k), r), "e": v.random(np.float32, (k,), r)}
                for n, m, k in [(4, 4, 3), (1, 4, 3), (4, 1, 5)]], {"condition": "nx1", "t": "mxk", "e": "k"})
    for sc, s in [((4,), (4, 3)), ((4, 3), (4, 3)), ((), (4, 3)), ((0,), (0, 2))]:
        yield Case(f"Select/float32/{list(sc)}{list(s)}".replace(" ", ""), apply("Select"),
                   [{"condition": np.asarray(r.random(sc) < 0.5), "x": v.random(np.float32, s, r),
                     "y": v.random(np.float32, s, r)}])
    for d in (np.float32, np.float64, np.int32, np.int64, np.uint8):
        x = v.mixed(d, 60, "clip")
        for low, high in ((1, 5), (0, 100), (3, 3)):
            yield Case(f"ClipByValue/{v.name(d)}/{low}_{high}", apply("ClipByValue"),
                       [{"t": x, "clip_value_min": np.asarray(low, d), "clip_value_max": np.asarray(high, d)}], rule=ZERO)
    for d in (np.float32, np.int32, np.float16):
        for n in (1, 2, 5):
            xs = {f"i{k}": v.random(d, (3, 4), r) for k in range(n)}
            yield Case(f"AddN/{v.name(d)}/{n}", lambda p: raw.AddN(inputs=list(p.values())), [xs],
                       rule={"ulp": 2, "atol": 4e-3 if v.name(d) == "float16" else 0}
                       if v.is_float(d) else EXACT)
    for a, b in ((np.float32, np.int32), (np.int32, np.float32), (np.float64, np.int64), (np.float16, np.int16)):
        yield Case(f"Bitcast/{v.name(a)}/{v.name(b)}", apply("Bitcast", type=tf.as_dtype(b)),
                   [{"input": v.mixed(a, 60, "bits")}])


def cases():
    yield from unary_cases()
    yield from binary_cases()
    yield from gradient_cases()
    yield from cast_cases()
    yield from select_cases()
