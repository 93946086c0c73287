"""Complex numbers beyond the elementwise table: parts, adjoints, reductions, data
movement, loops, values of many magnitudes, and gradients as TensorFlow writes them."""
import numpy as np
import tensorflow as tf

import values as v
from container import Case

raw = tf.raw_ops
C, Z = np.complex64, np.complex128
REAL = {C: np.float32, Z: np.float64}
OUT = {C: tf.float32, Z: tf.float64}


def near(d, factor=1):
    return {"ulp": 8, "rtol": factor * (4e-6 if d == C else 1e-14)}


def sums(d, scale):
    return {"ulp": 8, "atol": scale * (2e-6 if d == C else 1e-14), "rtol": 1e-6 if d == C else 1e-14}


def part_cases():
    for d in (C, Z):
        n, r = v.name(d), v.rng("parts" + v.name(d))
        build = lambda p, d=d: raw.Complex(real=p["x"], imag=p["y"], Tout=tf.as_dtype(d))
        re, im = v.mixed(REAL[d], 90, "re"), v.mixed(REAL[d], 90, "im")[::-1].copy()
        yield Case(f"Complex/{n}/values", build, [{"x": re, "y": im}], {"x": "?", "y": "?"})
        for sx, sy in [((), (3,)), ((2, 1), (1, 5)), ((3, 4), (4,)), ((0, 2), (1, 2)), ((), ())]:
            yield Case(f"Complex/{n}/broadcast{list(sx)}{list(sy)}".replace(" ", ""), build,
                       [{"x": v.random(REAL[d], sx, r), "y": v.random(REAL[d], sy, r)}])
        yield Case(f"Complex/{n}/unknown", build, [{"x": v.random(REAL[d], sx, r), "y": v.random(REAL[d], sy, r)}
                                                   for sx, sy in [((1, 7), (5, 1)), ((4, 3), (4, 3)), ((13, 33), (1, 1))]],
                   {"x": "nxm", "y": "kxl"})
        for shape in [(), (1,), (17,), (3, 5), (2, 1, 3, 2, 4), (0, 3)]:
            x = v.random(d, shape, r)
            for op in ("Real", "Imag"):
                yield Case(f"{op}/{n}/shape{list(shape)}".replace(" ", ""),
                           lambda p, op=op, d=d: getattr(raw, op)(input=p["x"], Tout=OUT[d]), [{"x": x}])
            yield Case(f"Conj/{n}/shape{list(shape)}".replace(" ", ""), lambda p: raw.Conj(input=p["x"]), [{"x": x}])
        yield Case(f"Conj/{n}/swapped", lambda p, d=d: tf.complex(tf.math.imag(p["x"]), tf.math.real(p["x"])) + tf.math.conj(p["x"]),
                   [{"x": v.random(d, (k, 3), r)} for k in (1, 4, 33)], {"x": "?x3"})


def magnitude_cases():
    """Moduli from where squares underflow to where they overflow, in all directions."""
    for d in (C, Z):
        n, top = v.name(d), 37 if d == C else 300
        angle = np.linspace(-3, 3, 13)
        x = np.concatenate([10.0 ** e * np.exp(1j * angle) for e in np.linspace(-top + 3, top, 12)]).astype(d)
        for op in ("ComplexAbs", "Angle"):
            arg = "x" if op == "ComplexAbs" else "input"
            yield Case(f"{op}/{n}/magnitudes", lambda p, op=op, d=d: getattr(raw, op)(**p, Tout=OUT[d]), [{arg: x}],
                       {arg: "?"}, {"ulp": 4}, truth=d == C)
        # TensorFlow's complex128 logarithm of very small and large numbers is NaN.
        for op in ("Sqrt", "Log1p", "Asinh", "Sign") + (("Log",) if d == C else ()):
            yield Case(f"{op}/{n}/magnitudes", lambda p, op=op: getattr(raw, op)(x=p["x"]), [{"x": x}], {"x": "?"}, near(d), truth=d == C)
        near_one = (1 + np.outer(10.0 ** np.arange(-6, 0), np.exp(1j * angle)).ravel()).astype(d)
        # Where the logarithm is near 0, TensorFlow's has the digits of the modulus.
        lost = lambda op: near(d, 1e5 if d == Z and op in ("Log", "Log1p") else 1)
        for op in ("Log", "Sqrt", "Rsqrt", "Reciprocal", "Tanh", "Sigmoid", "Exp"):
            yield Case(f"{op}/{n}/near1", lambda p, op=op: getattr(raw, op)(x=p["x"]), [{"x": near_one}], {"x": "?"}, lost(op), truth=d == C)
        near_zero = (np.outer(10.0 ** np.arange(-6, 0), np.exp(1j * angle)).ravel()).astype(d)
        for op in ("Expm1", "Log1p", "Sin", "Tan", "Tanh", "Asin", "Atan", "Asinh", "Atanh", "Sinh"):
            yield Case(f"{op}/{n}/near0", lambda p, op=op: getattr(raw, op)(x=p["x"]), [{"x": near_zero}], {"x": "?"}, lost(op), truth=d == C)


def product_cases():
    for d in (C, Z):
        n, r = v.name(d), v.rng("products" + v.name(d))
        for ta, tb in ((False, False), (True, False), (False, True), (True, True)):
            for m, k, o in [(1, 1, 1), (5, 7, 6), (17, 33, 20)]:
                a, b = v.random(d, (k, m) if ta else (m, k), r), v.random(d, (o, k) if tb else (k, o), r)
                yield Case(f"MatMul/{n}/{m}x{k}x{o}_ta{ta:d}tb{tb:d}", lambda p, ta=ta, tb=tb: raw.MatMul(
                    a=p["a"], b=p["b"], transpose_a=ta, transpose_b=tb), [{"a": a, "b": b}], rule=sums(d, 4 * k))
        for x, y in ((False, False), (True, False), (False, True), (True, True)):
            a, b = v.random(d, (2, 4, 3) if x else (2, 3, 4), r), v.random(d, (2, 5, 4) if y else (2, 4, 5), r)
            yield Case(f"BatchMatMulV2/{n}/x{x:d}y{y:d}", lambda p, x=x, y=y: raw.BatchMatMulV2(
                x=p["a"], y=p["b"], adj_x=x, adj_y=y), [{"a": a, "b": b}], rule=sums(d, 16))
        yield Case(f"MatMul/{n}/unknown", lambda p: raw.MatMul(a=p["a"], b=p["b"]),
                   [{"a": v.random(d, (m, k), r), "b": v.random(d, (k, o), r)} for m, k, o in [(1, 1, 1), (3, 5, 7), (20, 33, 40)]],
                   {"a": "mxk", "b": "kxn"}, sums(d, 128))
        w = v.random(d, (64, 40), r)
        yield Case(f"MatMul/{n}/constant", lambda p, w=w: raw.MatMul(a=p["a"], b=w),
                   [{"a": v.random(d, (b, 64), r)} for b in (1, 5)], {"a": "?x64"}, sums(d, 256))
        yield Case(f"Einsum/{n}/bik_bkj", lambda p: tf.einsum("bik,bkj->bji", p["a"], p["b"]),
                   [{"a": v.random(d, (2, 3, 4), r), "b": v.random(d, (2, 4, 5), r)}], rule=sums(d, 16))
        yield Case(f"ConjugateTranspose/{n}/3d", lambda p: raw.ConjugateTranspose(x=p["x"], perm=[2, 0, 1]),
                   [{"x": v.random(d, (2, 3, 4), r)}])


def reduction_cases():
    for d in (C, Z):
        n, r = v.name(d), v.rng("reductions" + v.name(d))
        for op in ("Sum", "Mean", "Prod", "EuclideanNorm"):
            for shape, axes in [((7,), [0]), ((3, 5), [1]), ((3, 5), [0]), ((2, 3, 4), [0, 2]), ((2, 3, 4), [0, 1, 2]),
                                ((4, 300), [-1]), ((0, 3), [0]), ((0, 3), [1])]:
                x = v.random(d, shape, r)
                if op == "Prod":
                    x = (x / np.maximum(np.abs(x), 1e-3) * (1 + 0.01 * r.normal(size=shape))).astype(d)
                if op == "Mean" and not x.size:
                    continue
                yield Case(f"{op}/{n}/{list(shape)}{axes}".replace(" ", "") + "c", lambda p, op=op, axes=axes: getattr(raw, op)(
                    input=p["x"], axis=np.array(axes, np.int32)), [{"x": x}], rule=sums(d, 300 if op in ("Sum", "Prod") else 8))
            scale = lambda x, op=op: x / np.abs(x) if op == "Prod" else x
            yield Case(f"{op}/{n}/unknown", lambda p, op=op: getattr(raw, op)(input=p["x"], axis=[1]),
                       [{"x": scale(v.random(d, s, r)).astype(d)} for s in [(1, 7), (5, 1), (4, 33)]], {"x": "nxm"}, sums(d, 64))
        for op in ("Cumsum", "Cumprod"):
            for e, rv in ((False, False), (True, False), (False, True), (True, True)):
                for axis in (0, 1):
                    x = v.random(d, (4, 5, 3), r)
                    yield Case(f"{op}/{n}/{axis}e{e:d}r{rv:d}", lambda p, op=op, axis=axis, e=e, rv=rv: getattr(raw, op)(
                        x=p["x"], axis=axis, exclusive=e, reverse=rv), [{"x": x}], rule=near(d, 4))


def movement_cases():
    for d in (C, Z):
        n, r = v.name(d), v.rng("movement" + v.name(d))
        x = v.random(d, (3, 4, 5), r)
        i = np.array([[2, 0], [1, 1]], np.int32)
        for name, f in {
            "Transpose": lambda p: tf.transpose(p["x"], [2, 0, 1]),
            "Concat": lambda p: tf.concat([p["x"], tf.math.conj(p["x"])], 1),
            "Pack": lambda p: tf.stack([p["x"], -p["x"]], axis=-1),
            "StridedSlice": lambda p: p["x"][::-1, 1:, ::2],
            "Pad": lambda p: tf.pad(p["x"], [[1, 0], [0, 2], [1, 1]], constant_values=tf.constant(1 - 2j, p["x"].dtype)),
            "Tile": lambda p: tf.tile(p["x"], [1, 2, 1]),
            "Gather": lambda p: tf.gather(p["x"], i, axis=1),
            "Split": lambda p: tf.split(p["x"], [1, 2, 1], axis=1),
            "Reverse": lambda p: tf.reverse(p["x"], [0, 2]),
            "Reshape": lambda p: tf.reshape(p["x"], [5, -1]) * tf.constant(2 + 1j, p["x"].dtype),
            "Identity": lambda p: [tf.identity(p["x"]), tf.reshape(p["x"], [12, 5])],
            "Constant": lambda p: p["x"] + tf.constant((np.arange(20) + 1j * np.arange(20)[::-1]).reshape(4, 5), p["x"].dtype),
            "Fill": lambda p: tf.fill([3, 4, 5], tf.constant(1j, p["x"].dtype)) + p["x"],
            "Roll": lambda p: tf.roll(p["x"], [1, 2], [0, 2]),
            "ScatterUpdate": lambda p: tf.tensor_scatter_nd_update(p["x"], [[1], [0]], p["x"][:2] * 2),
            "ScatterAdd": lambda p: tf.tensor_scatter_nd_add(p["x"], [[1], [1]], p["x"][:2]),
            "AddN": lambda p: tf.add_n([p["x"], p["x"], tf.math.conj(p["x"])]),
            "Where": lambda p: tf.where(tf.math.real(p["x"]) > 0, p["x"], tf.math.conj(p["x"])),
            "BandPart": lambda p: raw.MatrixBandPart(input=p["x"], num_lower=1, num_upper=0),
        }.items():
            yield Case(f"{name}/{n}/moves", f, [{"x": x}])
            yield Case(f"{name}/{n}/movesBatch", f, [{"x": v.random(d, (3, 4, 5), r)}], {"x": "?x4x5"}) if name not in (
                "Fill", "Reshape", "Roll") else Case(f"{name}/{n}/movesOnce", f, [{"x": x}])


def program_cases():
    for d in (C, Z):
        n, r = v.name(d), v.rng("programs" + v.name(d))
        c = (r.uniform(-1, 0.3, (5, 7)) + 1j * r.uniform(-0.7, 0.7, (5, 7))).astype(d)

        def orbit(p):
            step = lambda i, z: (i + 1, tf.where(tf.abs(z) < 4, z * z + p["c"], z))
            return tf.while_loop(lambda i, z: i < 6, step, [0, tf.zeros_like(p["c"])])[1]
        yield Case(f"While/{n}/orbit", orbit, [{"c": c}], rule=near(d, 50))
        yield Case(f"While/{n}/untilLarge", lambda p: tf.while_loop(lambda z: tf.reduce_sum(tf.abs(z)) < 50., lambda z: z * (1.5 + 0.5j), [p["c"]])
                   if p["c"].dtype == tf.complex64 else tf.while_loop(
                       lambda z: tf.reduce_sum(tf.abs(z)) < tf.constant(50., tf.float64), lambda z: z * (1.5 + 0.5j), [p["c"]]),
                   [{"c": c}], rule=near(d, 4))
        yield Case(f"If/{n}/both", lambda p: tf.cond(tf.math.real(p["a"]) > 0, lambda: p["x"] * p["a"], lambda: tf.math.conj(p["x"])),
                   [{"a": d(a), "x": v.random(d, (k, 3), r)} for a in (1 + 1j, -1) for k in (1, 4)], {"x": "?x3", "a": ""}, near(d))
        w = v.random(d, (4, 4), r, 0.5)

        def cell(p):
            steps = tf.transpose(p["x"], [1, 0, 2])
            h = tf.scan(lambda h, x: tf.tanh(tf.matmul(h, tf.constant(w)) + x), steps, tf.zeros_like(p["x"][:, 0]))
            return h[-1]
        yield Case(f"While/{n}/recurrent", cell, [{"x": v.random(d, (b, 5, 4), r, 0.3)} for b in (1, 3)], {"x": "?x5x4"}, near(d, 16))


def gradient_cases():
    """Graphs that TensorFlow's differentiation makes of complex functions."""
    f = {
        "mul": lambda z: z * tf.math.conj(z) * (1 + 2j), "div": lambda z: (1 - 1j) / z, "square": lambda z: z ** 2,
        "exp": tf.exp, "log": tf.math.log, "sqrt": tf.sqrt, "rsqrt": tf.math.rsqrt, "tanh": tf.tanh, "sigmoid": tf.sigmoid,
        "sin": tf.sin, "reciprocal": tf.math.reciprocal, "abs": lambda z: tf.complex(tf.abs(z), tf.math.angle(z)),
        "parts": lambda z: tf.complex(tf.math.imag(z), 2 * tf.math.real(z)), "pow": lambda z: z ** (0.5 + 0.3j),
        "sum": lambda z: tf.reduce_mean(z, 0),
        "matmul": lambda z: tf.matmul(z, z, transpose_b=True), "cumsum": lambda z: tf.cumsum(z, 1),
    }
    for d in (C, Z):
        n, r = v.name(d), v.rng("gradients" + v.name(d))
        x = (v.random(d, (3, 4), r, 0.3) + 1 + 0.5j).astype(d)
        for name, g in f.items():
            def build(p, g=g):
                y = g(p["x"])
                seed = tf.complex(tf.ones_like(tf.math.real(y)), -0.5 * tf.ones_like(tf.math.real(y)))
                return tf.gradients(y, p["x"], grad_ys=seed)
            yield Case(f"Gradients/{n}/{name}", build, [{"x": x}], {"x": "?x4"}, near(d, 8))


def cases():
    yield from part_cases()
    yield from magnitude_cases()
    yield from product_cases()
    yield from reduction_cases()
    yield from movement_cases()
    yield from program_cases()
    yield from gradient_cases()
