"""Reductions and arg-reductions by dtype, axes, empty dimensions, NaN and ties."""
import numpy as np
import tensorflow as tf

import values as v
from container import Case
from elementwise import SIGNED

raw = tf.raw_ops
EXACT = {"ulp": 0}
FLOATS, INTS, COMPLEX = v.FLOATS, v.INTS, v.COMPLEX
OPS = {"Sum": v.NUMBERS, "Prod": v.NUMBERS, "Mean": v.NUMBERS, "Max": FLOATS + INTS, "Min": FLOATS + INTS,
       "EuclideanNorm": [np.float32, np.float64]}
AXES = [((7,), [0]), ((3, 5), [0]), ((3, 5), [1]), ((3, 5), [-1]), ((3, 5), [0, 1]), ((3, 5), []), ((), []),
        ((2, 3, 4), [0, 2]), ((2, 3, 4), [-2]), ((2, 3, 4), [2, 1]), ((2, 3, 4, 5), [1, 2]), ((2, 1, 3, 2, 4), [0, 2, 4]),
        ((0, 3), [1]), ((0, 3), [0]), ((3, 0), [1]), ((1, 1), [0, 1]), ((33, 65), [0]), ((33, 65), [1]), ((1000,), [0]),
        ((4, 300), [-1]), ((300, 4), [0]), ((2, 7, 7, 16), [1, 2])]


def rule(op, d, x, axes):
    """Another order of summation is allowed: the bound is that of any order."""
    if op in ("Max", "Min") or np.dtype(d).kind in "biu":
        return EXACT
    eps = float(tf.experimental.numpy.finfo(np.float32).eps) if v.name(d) in ("float16", "bfloat16") else 0
    eps = eps or float(np.finfo(d).eps)
    n = int(np.prod([x.shape[a] for a in axes])) if x.size else 1
    a = np.abs(x[np.isfinite(x)].astype(np.complex128)) if x.size else np.zeros(1)
    top = float(a.max()) if a.size else 0.0
    ulp = 1 if v.name(d) in ("float16", "bfloat16") else 4
    if op == "Prod":
        return {"ulp": ulp + 2 * max(n, 1)}
    return {"ulp": ulp, "atol": eps * top * (n if op == "Sum" else 1) * max(1, np.log2(max(n, 2)))}


def apply(op, axes, keep):
    return lambda p: getattr(raw, op)(input=p["x"], axis=np.array(axes, np.int32), keep_dims=keep)


def data(op, d, shape, r):
    x = v.random(d, shape, r)
    if op == "Prod" and np.dtype(d).kind not in "biu":
        x = (x / 4 + 1).astype(d)
    return x


def reduction_cases():
    for op, dtypes in OPS.items():
        for d in dtypes:
            r = v.rng(op + v.name(d))
            for shape, axes in ([(3, 5), [1]], [(3, 40), [0]], [(70,), [0]]):
                x = data(op, d, shape, r)
                yield Case(f"{op}/{v.name(d)}/{list(shape)}{axes}".replace(" ", ""), apply(op, axes, False), [{"x": x}],
                           rule=rule(op, d, x, axes), truth=v.is_float(d))
        r = v.rng(op)
        for shape, axes in AXES:
            for keep in (False, True):
                x = data(op, np.float32, shape, r)
                yield Case(f"{op}/float32/{list(shape)}{axes}keep={keep}".replace(" ", ""), apply(op, axes, keep), [{"x": x}],
                           rule=rule(op, np.float32, x, axes), truth=True)
        for axes in ([0], [1], [0, 1], [-1]):
            runs = [{"x": data(op, np.float32, s, r)} for s in [(1, 7), (5, 1), (40, 33), (3, 257)]]
            yield Case(f"{op}/float32/unknown{axes}".replace(" ", ""), apply(op, axes, False), runs, {"x": "nxm"},
                       rule(op, np.float32, runs[-1]["x"], [1, 0][:len(axes)]), truth=True)
        s = v.special(np.float32)
        for name, x in (("nan", [1, np.nan, 3]), ("inf", [1, np.inf, 3]), ("both", [np.inf, -np.inf, 3]), ("minus0", [-0.0, -0.0]),
                        ("zeros", [0.0, -0.0]), ("nan_first", [np.nan, 1]), ("all_minus_inf", [-np.inf, -np.inf])):
            x = np.array([x, x[::-1]], np.float32)
            yield Case(f"{op}/float32/{name}", apply(op, [1], False), [{"x": x}], rule={"ulp": 4})
    r = v.rng("all")
    for op in ("All", "Any"):
        for shape, axes in AXES:
            for keep in (False, True):
                yield Case(f"{op}/bool/{list(shape)}{axes}keep={keep}".replace(" ", ""), apply(op, axes, keep),
                           [{"x": np.asarray(r.random(shape) < (0.7 if op == "All" else 0.2))}])


def arg_cases():
    for op in ("ArgMax", "ArgMin"):
        for d in FLOATS + INTS + [np.bool_]:
            r = v.rng(op + v.name(d))
            yield Case(f"{op}/{v.name(d)}/ties", lambda p, op=op: getattr(raw, op)(input=p["x"], dimension=1),
                       [{"x": v.ties(d, (5, 30), r)}])
        r = v.rng(op)
        for shape, dim in [((7,), 0), ((3, 5), 0), ((3, 5), -1), ((2, 3, 4), 1), ((2, 3, 4, 5), -2), ((1, 1), 0)]:
            for t in (tf.int32, tf.int64):
                yield Case(f"{op}/float32/{list(shape)}{dim}{t.name}".replace(" ", ""), lambda p, op=op, dim=dim, t=t: getattr(
                    raw, op)(input=p["x"], dimension=dim, output_type=t), [{"x": v.random(np.float32, shape, r)}])
        x = np.array([[np.nan, 1, 3], [1, np.nan, 3], [-np.inf, np.inf, np.nan], [0.0, -0.0, 0.0]], np.float32)
        yield Case(f"{op}/float32/nan", lambda p, op=op: getattr(raw, op)(input=p["x"], dimension=1), [{"x": x}])
        yield Case(f"{op}/float32/unknown", lambda p, op=op: getattr(raw, op)(input=p["x"], dimension=1),
                   [{"x": v.random(np.float32, s, r)} for s in [(1, 9), (4, 1), (3, 50)]], {"x": "nxm"})


def scan_cases():
    for op in ("Cumsum", "Cumprod"):
        r = v.rng(op)
        for d in (np.float32, np.float64, np.int32, np.int64):
            for shape, axis in [((7,), 0), ((3, 5), 0), ((3, 5), -1), ((2, 3, 4), 1)]:
                for exclusive, reverse in ((False, False), (True, False), (False, True), (True, True)):
                    x = data("Prod" if op == "Cumprod" else "Sum", d, shape, r)
                    yield Case(f"{op}/{v.name(d)}/{list(shape)}{axis}e{exclusive:d}r{reverse:d}".replace(" ", ""),
                               lambda p, op=op, a=axis, e=exclusive, rv=reverse: getattr(raw, op)(
                                   x=p["x"], axis=a, exclusive=e, reverse=rv), [{"x": x}],
                               rule=EXACT if np.dtype(d).kind == "i" else {"ulp": 4, "atol": 1e-6})


def cases():
    yield from reduction_cases()
    yield from arg_cases()
    yield from scan_cases()
