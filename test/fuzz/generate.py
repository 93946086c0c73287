"""Random valid graphs of 5 to 30 ops: unknown sizes, broadcasting, loops,
branches, reductions, contractions, two outputs and gradients.

A graph is a function of its seed alone. Sizes are spelled as Python expressions
over n and m ("n", "n+m", "3"), equal text meaning equal size. Values stay
around 1 so that float32 differences stay small; comparisons are made only on
values that every correct compiler computes bit for bit.
"""
import numpy as np
import tensorflow as tf

from container import Case

SIZES = [{"n": 3, "m": 5}, {"n": 1, "m": 4}, {"n": 7, "m": 2}, {"n": 17, "m": 1}]


class Value:
    def __init__(self, tensor, shape, exact):
        self.tensor, self.shape, self.exact = tensor, tuple(str(s) for s in shape), exact

    @property
    def rank(self):
        return len(self.shape)

    def static(self, i):
        return int(self.shape[i]) if self.shape[i].isdigit() else None


def elements(shape, sizes):
    return int(np.prod([eval(d, dict(sizes)) for d in shape])) if shape else 1


class Generator:
    def __init__(self, seed):
        self.seed = seed
        self.r = np.random.default_rng(seed)
        self.pool = []
        self.ops = []

    def pick(self, want=lambda v: True):
        good = [v for v in self.pool if want(v)]
        if not good:
            return None
        # Prefer late values, so that graphs grow deep and not only wide.
        weights = np.arange(1, len(good) + 1, dtype=float)
        return good[self.r.choice(len(good), p=weights / weights.sum())]

    def constant(self, shape, scale=1.0):
        return tf.constant(self.r.normal(0, scale, shape), self.dtype)

    # Each op returns a Value or None where nothing in the pool suits it.
    def unary(self):
        v = self.pick()
        smooth = {"Tanh": tf.tanh, "Sigmoid": tf.sigmoid, "Sin": tf.sin, "Softplus": tf.nn.softplus, "Erf": tf.math.erf,
                  "Gauss": lambda x: tf.exp(-x * x), "Rsqrt": lambda x: tf.math.rsqrt(x * x + 1),
                  "Log1p": lambda x: tf.math.log1p(tf.abs(x)), "Elu": tf.nn.elu}
        exact = {"Relu": tf.nn.relu, "Abs": tf.abs, "Neg": tf.negative, "Relu6": tf.nn.relu6}
        if self.r.random() < 0.3:
            name = self.r.choice(list(exact))
            return Value(exact[name](v.tensor), v.shape, v.exact)
        name = self.r.choice(list(smooth))
        return Value(smooth[name](v.tensor), v.shape, False)

    def binary(self):
        a = self.pick()

        def fits(b):
            short = min(a.rank, b.rank)
            return all(x == y or x == "1" or y == "1" for x, y in zip(a.shape[a.rank - short:], b.shape[b.rank - short:]))
        b = self.pick(fits)
        shape, short = [], max(a.rank, b.rank)
        for x, y in zip(("1",) * (short - a.rank) + a.shape, ("1",) * (short - b.rank) + b.shape):
            shape.append(y if x == "1" else x)
        k = self.r.integers(6)
        if k < 2:
            return Value(a.tensor + b.tensor if k else a.tensor - b.tensor, shape, False)
        if k == 2:
            return Value(tf.tanh(a.tensor) * b.tensor, shape, False)
        if k == 3:
            return Value((tf.maximum if self.r.random() < 0.5 else tf.minimum)(a.tensor, b.tensor), shape, a.exact and b.exact)
        if k == 4:
            return Value(a.tensor / (b.tensor * b.tensor + 1), shape, False)
        return Value(tf.math.squared_difference(tf.tanh(a.tensor), tf.tanh(b.tensor)), shape, False)

    def scalar(self):
        v = self.pick()
        c = np.float64(round(self.r.normal(), 2))
        return Value(v.tensor * c if self.r.random() < 0.5 else v.tensor + c, v.shape, False)

    def select(self):
        test = self.pick(lambda v: v.exact)
        if test is None:
            return None
        other = self.pick(lambda v: v.shape == test.shape)
        c = test.tensor > np.float64(round(self.r.normal(), 2))
        if self.r.random() < 0.3:
            c = tf.logical_not(c)
        return Value(tf.where(c, other.tensor, tf.zeros_like(other.tensor) if self.r.random() < 0.5 else -other.tensor),
                     test.shape, other.exact)

    def reduce(self):
        v = self.pick(lambda v: v.rank > 0)
        if v is None:
            return None
        count = 1 if self.r.random() < 0.7 else int(self.r.integers(1, v.rank + 1))
        axes = sorted(int(a) for a in self.r.choice(v.rank, count, replace=False))
        keep = bool(self.r.random() < 0.4)
        shape = [("1" if i in axes else s) for i, s in enumerate(v.shape) if keep or i not in axes]
        k = self.r.integers(4)
        fn = [tf.reduce_mean, tf.reduce_max, tf.reduce_min, tf.reduce_sum][k]
        t = fn(tf.tanh(v.tensor) if k == 3 else v.tensor, axis=[a - v.rank if self.r.random() < 0.3 else a for a in axes],
               keepdims=keep)
        return Value(t, shape, v.exact and k in (1, 2))

    def softmax(self):
        v = self.pick(lambda v: v.rank > 0)
        return v and Value(tf.nn.softmax(v.tensor), v.shape, False)

    def matmul(self):
        v = self.pick(lambda v: v.rank == 2 and v.static(1))
        if v is None:
            return None
        n = int(self.r.choice([1, 3, 8, 17, 32]))
        w = self.constant((v.static(1), n), v.static(1) ** -0.5)
        t = tf.matmul(v.tensor, w)
        if self.r.random() < 0.6:
            t = tf.nn.bias_add(t, self.constant((n,)))
        return Value(t, (v.shape[0], n), False)

    def matmul_two(self):
        a = self.pick(lambda v: v.rank >= 2)
        b = a and self.pick(lambda v: v.rank == a.rank and v.shape[:-2] == a.shape[:-2] and v.shape[-1] == a.shape[-1])
        if b is None:
            return None
        return Value(tf.tanh(tf.matmul(tf.tanh(a.tensor), tf.tanh(b.tensor), transpose_b=True) * 0.3),
                     a.shape[:-1] + (b.shape[-2],), False)

    def conv(self):
        v = self.pick(lambda v: v.rank == 4 and v.static(3) and v.static(1) and v.static(2))
        if v is None:
            return None
        k, c, s = int(self.r.choice([1, 2, 3])), int(self.r.choice([1, 4, 8])), int(self.r.choice([1, 1, 2]))
        h, w = v.static(1), v.static(2)
        padding = "SAME" if self.r.random() < 0.6 or min(h, w) < k else "VALID"
        out = [-(-d // s) if padding == "SAME" else -(-(d - k + 1) // s) for d in (h, w)]
        f = self.constant((k, k, v.static(3), c), (k * k * v.static(3)) ** -0.5)
        t = tf.nn.conv2d(v.tensor, f, s, padding)
        if self.r.random() < 0.5:
            t = tf.nn.relu(tf.nn.bias_add(t, self.constant((c,))))
        return Value(t, (v.shape[0], *out, c), False)

    def pooling(self):
        v = self.pick(lambda v: v.rank == 4 and v.static(1) and v.static(2) and min(v.static(1), v.static(2)) >= 2)
        if v is None:
            return None
        best = self.r.random() < 0.5
        fn = tf.nn.max_pool2d if best else tf.nn.avg_pool2d
        return Value(fn(v.tensor, 2, 2, "VALID"), (v.shape[0], v.static(1) // 2, v.static(2) // 2, v.shape[3]), v.exact and best)

    def transpose(self):
        v = self.pick(lambda v: v.rank > 1)
        if v is None:
            return None
        perm = self.r.permutation(v.rank)
        return Value(tf.transpose(v.tensor, perm), [v.shape[p] for p in perm], v.exact)

    def reshape(self):
        """Merges two neighbouring static dims, or splits one, or flattens behind the first."""
        v = self.pick(lambda v: v.rank >= 2)
        if v is None:
            return None
        i = int(self.r.integers(v.rank - 1))
        if v.static(i) is None and v.static(i + 1) is None:
            shape = tf.shape(v.tensor)
            merged = [shape[k] for k in range(i)] + [shape[i] * shape[i + 1]] + [shape[k] for k in range(i + 2, v.rank)]
            return Value(tf.reshape(v.tensor, tf.stack(merged)),
                         v.shape[:i] + (f"({v.shape[i]})*({v.shape[i + 1]})",) + v.shape[i + 2:], v.exact)
        product = f"({v.shape[i]})*({v.shape[i + 1]})"
        if v.static(i) and v.static(i + 1):
            product = str(v.static(i) * v.static(i + 1))
        shape = v.shape[:i] + (product,) + v.shape[i + 2:]
        if sum(not s.isdigit() for s in shape) > 1:
            return None
        return Value(tf.reshape(v.tensor, [int(s) if s.isdigit() else -1 for s in shape]), shape, v.exact)

    def expand(self):
        v = self.pick(lambda v: v.rank < 4)
        if v is None:
            return None
        i = int(self.r.integers(v.rank + 1))
        return Value(tf.expand_dims(v.tensor, i), v.shape[:i] + ("1",) + v.shape[i:], v.exact)

    def squeeze(self):
        v = self.pick(lambda v: "1" in v.shape)
        if v is None:
            return None
        i = v.shape.index("1")
        return Value(tf.squeeze(v.tensor, [i]), v.shape[:i] + v.shape[i + 1:], v.exact)

    def slice(self):
        v = self.pick(lambda v: any(s.isdigit() and int(s) > 1 for s in v.shape))
        if v is None:
            return None
        i = next(k for k in self.r.permutation(v.rank) if v.static(k) and v.static(k) > 1)
        size, step = v.static(i), int(self.r.choice([1, 1, 2, -1]))
        a = int(self.r.integers(0, size - 1))
        index = [slice(None)] * v.rank
        index[i] = slice(a, None, step) if step > 0 else slice(None, None, -1)
        out = len(range(size)[index[i]])
        return Value(v.tensor[tuple(index)], v.shape[:i] + (out,) + v.shape[i + 1:], v.exact)

    def pad(self):
        v = self.pick(lambda v: 0 < v.rank and any(s.isdigit() for s in v.shape))
        if v is None:
            return None
        pads, shape = [], []
        for i, s in enumerate(v.shape):
            p = [int(x) for x in self.r.integers(0, 3, 2)] if s.isdigit() else [0, 0]
            pads.append(p)
            shape.append(str(int(s) + sum(p)) if s.isdigit() else s)
        return Value(tf.pad(v.tensor, pads), shape, v.exact)

    def tile(self):
        v = self.pick(lambda v: 0 < v.rank <= 3 and any(s.isdigit() and int(s) < 9 for s in v.shape))
        if v is None:
            return None
        i = next(k for k in self.r.permutation(v.rank) if v.static(k) and v.static(k) < 9)
        times = [1] * v.rank
        times[i] = int(self.r.integers(2, 4))
        return Value(tf.tile(v.tensor, times), v.shape[:i] + (v.static(i) * times[i],) + v.shape[i + 1:], v.exact)

    def concat(self):
        a = self.pick(lambda v: v.rank > 0)
        if a is None:
            return None
        axis = int(self.r.integers(a.rank))
        b = self.pick(lambda v: v.rank == a.rank and all(i == axis or x == y for i, (x, y) in enumerate(zip(a.shape, v.shape))))
        if len(a.shape[axis] + b.shape[axis]) > 60:
            return None
        size = f"{a.shape[axis]}+{b.shape[axis]}"
        if a.static(axis) is not None and b.static(axis) is not None:
            size = str(a.static(axis) + b.static(axis))
        return Value(tf.concat([a.tensor, b.tensor], axis), a.shape[:axis] + (size,) + a.shape[axis + 1:], a.exact and b.exact)

    def split(self):
        v = self.pick(lambda v: any(s.isdigit() and int(s) % 2 == 0 and int(s) > 0 for s in v.shape))
        if v is None:
            return None
        i = next(k for k in range(v.rank) if v.static(k) and v.static(k) % 2 == 0)
        parts = tf.split(v.tensor, 2, axis=i)
        return Value(parts[0] - tf.tanh(parts[1]), v.shape[:i] + (v.static(i) // 2,) + v.shape[i + 1:], False)

    def gather(self):
        v = self.pick(lambda v: any(s.isdigit() for s in v.shape))
        if v is None:
            return None
        i = next(k for k in self.r.permutation(v.rank) if v.static(k))
        index = self.r.integers(0, v.static(i), int(self.r.integers(1, 6)))
        return Value(tf.gather(v.tensor, index.astype(np.int32), axis=i), v.shape[:i] + (len(index),) + v.shape[i + 1:], v.exact)

    def loop(self):
        v = self.pick()
        steps, c = int(self.r.integers(0, 6)), self.constant((), 0.5)
        other = self.pick(lambda u: u.shape == v.shape)

        def body(i, x):
            return i + 1, tf.tanh(x * c + other.tensor * 0.5)
        _, t = tf.while_loop(lambda i, x: i < steps, body, (tf.constant(0), v.tensor),
                             shape_invariants=(tf.TensorShape([]), v.tensor.shape))
        return Value(t, v.shape, False)

    def loop_matmul(self):
        """A recurrent cell: the state has the sizes of a value, the weights are constant."""
        v = self.pick(lambda v: v.rank == 2 and v.static(1) and v.static(1) < 64)
        if v is None:
            return None
        k = v.static(1)
        w = self.constant((k, k), k ** -0.5)

        def body(i, x):
            return i + 1, tf.tanh(tf.matmul(x, w) + v.tensor)
        _, t = tf.while_loop(lambda i, x: i < 4, body, (tf.constant(0), v.tensor),
                             shape_invariants=(tf.TensorShape([]), v.tensor.shape))
        return Value(t, v.shape, False)

    def cond(self):
        test, v = self.pick(lambda v: v.exact and v.rank == 0), self.pick()
        pred = test.tensor > 0 if test else tf.size(v.tensor) > int(self.r.integers(0, 20))
        t = tf.cond(pred, lambda: tf.sin(v.tensor), lambda: v.tensor * 0.5 - 1)
        return Value(t, v.shape, False)

    def complex(self):
        """A complex number of two values, some of what can be done with it, and a part of that."""
        a = self.pick()
        b = self.pick(lambda v: v.shape == a.shape)
        z, shape = tf.complex(tf.tanh(a.tensor), tf.tanh(b.tensor)), a.shape
        point = tf.complex(self.constant((), 0.5), self.constant((), 0.5))
        functions = [tf.exp, tf.tanh, tf.sigmoid, tf.sin, lambda z: z * tf.math.conj(z) + point, lambda z: 1 / (z + 2.5),
                     lambda z: tf.sqrt(z + 2.5), lambda z: tf.math.log(z + 2.5), lambda z: z * point - tf.square(z)]
        z = functions[self.r.integers(len(functions))](z)
        k = self.r.integers(6)
        if k == 0 and a.rank > 0:
            i = int(self.r.integers(a.rank))
            z, shape = tf.reduce_mean(z, i), shape[:i] + shape[i + 1:]
        elif k == 1 and a.rank > 1:
            perm = self.r.permutation(a.rank)
            z, shape = tf.transpose(z, perm), tuple(shape[p] for p in perm)
        elif k == 2 and a.rank == 2 and a.static(1):
            w = tf.complex(self.constant((a.static(1), 3), 0.3), self.constant((a.static(1), 3), 0.3))
            z, shape = tf.matmul(z, w), (shape[0], "3")
        elif k == 3:
            z = tf.while_loop(lambda i, z: i < 3, lambda i, z: (i + 1, tf.tanh(z * point)), (tf.constant(0), z),
                              shape_invariants=(tf.TensorShape([]), z.shape))[1]
            self.ops.append("loop")
        part = [tf.math.real, tf.math.imag, tf.abs][self.r.integers(3)]
        return Value(part(z), shape, False)

    WEIGHTS = {"unary": 6, "binary": 8, "scalar": 2, "select": 2, "reduce": 3, "softmax": 1, "matmul": 3, "matmul_two": 1, "conv": 3,
               "pooling": 2, "transpose": 2, "reshape": 2, "expand": 1, "squeeze": 1, "slice": 2, "pad": 1, "tile": 1, "concat": 2,
               "split": 1, "gather": 1, "loop": 1, "loop_matmul": 1, "cond": 1}

    def grow(self, count):
        weights = dict(self.WEIGHTS, complex=5) if self.seed % 8 == 5 else self.WEIGHTS
        names = list(weights)
        p = np.array([weights[n] for n in names], float)
        while len(self.ops) < count:
            name = str(self.r.choice(names, p=p / p.sum()))
            v = getattr(self, name)()
            # Small enough to run in a moment whatever n and m are.
            if v is None or v.rank > 5 or max(elements(v.shape, s) for s in SIZES) > 20000:
                continue
            if min(elements(v.shape, s) for s in SIZES) == 0:
                continue
            self.ops.append(name)
            self.pool.append(v)

    def inputs(self):
        shapes = [["n", "m"], ["n", "8"], ["n", "6", "6", "4"], ["m"], ["n", "m", "4"], [], ["4", "6"], ["1", "m"], ["n", "1"]]
        count = int(self.r.integers(1, 4))
        return {f"x{i}": shapes[k] for i, k in enumerate(self.r.choice(len(shapes), count, replace=False))}

    def case(self):
        feeds = self.inputs()
        count = int(self.r.integers(5, 31))
        gradient = self.r.random() < 0.25
        frames = self.r.random() < 0.2
        data = np.random.default_rng(self.seed + 10**6)
        state = self.r.bit_generator.state
        runs = [{n: np.asarray(data.normal(0, 1, [eval(d, dict(s)) for d in shape])).astype(np.float32)
                 for n, shape in feeds.items()} for s in SIZES]

        def build(p):
            # Called once in float32 and once in float64: the same draws both times.
            self.r.bit_generator.state = state
            self.dtype = next(iter(p.values())).dtype
            self.pool = [Value(p[n], shape, True) for n, shape in feeds.items()]
            self.ops = []
            v1 = tf.compat.v1
            v1.disable_control_flow_v2() if frames else v1.enable_control_flow_v2()
            try:
                self.grow(count)
                out = [self.pool[-1].tensor, self.pool[int(self.r.integers(len(feeds), len(self.pool)))].tensor]
                # Through loops and branches TensorFlow's gradients need stacks of unknown length.
                if gradient and not {"loop", "loop_matmul", "cond"} & set(self.ops):
                    loss = tf.reduce_sum(tf.tanh(out[0]))
                    out += [g for g in tf.gradients(loss, list(p.values())) if g is not None]
            finally:
                v1.enable_control_flow_v2()
            return [tf.identity(t, name=f"out{i}") for i, t in enumerate(out)]
        return Case(f"fuzz/{self.seed}", build, runs, {n: "x".join(s) for n, s in feeds.items()}, truth=True, rules=tolerances)


def tolerances(results, truth):
    """Eight times TensorFlow's own error, and a floor for cases where it is lucky."""
    rules = []
    for i in range(len(results[0])):
        error = top = 0.0
        for got, want in zip(results, truth or results):
            if got[i].size:
                error = max(error, float(np.abs(got[i] - want[i]).max()))
                top = max(top, float(np.abs(want[i]).max()))
        rules.append({"ulp": 4, "atol": 8 * error + 2e-5 * top})
    return rules


def case(seed):
    return Generator(seed).case()
