"""The models the project is tested on, built with real TensorFlow and Keras.

Each builder makes the same model in any float dtype from a fixed seed, so that
a float64 twin gives the truth and float32 gives TensorFlow's own error.
`small=True` gives the version checked in for `./dev test quick`.
"""
import numpy as np
import tensorflow as tf
import keras

ZOO = {}


def model(fn):
    ZOO[fn.__name__] = fn
    return fn


def rng(name):
    return np.random.default_rng([ord(c) for c in name])


def build_keras(make, dtype, weights):
    """Builds with `make()` in `dtype` and sets `weights` (None: keep the fresh ones)."""
    keras.backend.clear_session()
    keras.config.set_floatx(dtype)
    keras.utils.set_random_seed(7)
    m = make()
    if weights is not None:
        m.set_weights(weights)
    keras.config.set_floatx("float32")
    return m


def lively(weights, r):
    """Gives every zero-initialized vector (biases) real values."""
    return [w if w.ndim != 1 else (w + r.normal(0, 0.1, w.shape)).astype(w.dtype) for w in weights]


def images(r, n, h, w, c):
    """Smooth blobs, edges and a little noise: closer to pictures than white noise."""
    y, x = np.mgrid[0:h, 0:w] / max(h, w)
    out = np.zeros((n, h, w, c), np.float32)
    for i in range(n):
        for k in range(c):
            img = np.full((h, w), r.uniform(0, 1))
            for _ in range(6):
                cy, cx, s, a = r.uniform(0, 1), r.uniform(0, 1), r.uniform(0.05, 0.4), r.normal(0, 0.6)
                img += a * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * s * s))
            img += r.normal(0, 0.8) * (np.cos(r.uniform(0, 6)) * x + np.sin(r.uniform(0, 6)) * y > r.uniform(0, 1))
            out[i, :, :, k] = img + r.normal(0, 0.05, (h, w))
    return out


class KerasModel:
    """A Keras model, its twin in float64 and the inputs of its cases."""

    def __init__(self, make, feeds, weights=None, prepare=None, rows=True):
        self.make, self.feeds, self.rows = make, feeds, rows
        m = build_keras(make, "float32", weights)
        if weights is None:
            m.set_weights(lively(m.get_weights(), rng("biases")))
        if prepare:
            prepare(m)
        self.f32 = m
        self.weights = m.get_weights()

    def twin(self, dtype):
        return build_keras(self.make, dtype, [w.astype(dtype) for w in self.weights])


@model
def mlp(small):
    n_in, hidden, n_out = (12, 16, 10) if small else (784, 512, 10)

    def make():
        return keras.Sequential([
            keras.Input((n_in,), name="x"),
            keras.layers.Dense(hidden, activation="relu"),
            keras.layers.Dense(hidden, activation="relu"),
            keras.layers.Dense(n_out, name="logits"),
        ], name="mlp")
    r = rng("mlp")
    feeds = {f"b{b}": {"x": r.normal(0, 1, (b, n_in)).astype(np.float32)} for b in (1, 3, 32)}
    return KerasModel(make, feeds)


@model
def lenet(small):
    side, c1, c2, d1, d2 = (12, 4, 6, 20, 16) if small else (28, 6, 16, 120, 84)

    def make():
        layers = keras.layers
        return keras.Sequential([
            keras.Input((side, side, 1), name="image"),
            layers.Conv2D(c1, 5, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(c2, 5 if not small else 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(d1, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(d2, activation="relu"),
            layers.Dense(10, name="logits"),
        ], name="lenet")
    r = rng("lenet")
    feeds = {f"b{b}": {"image": images(r, b, side, side, 1)} for b in (1, 3, 32)}
    return KerasModel(make, feeds)


def digits_data():
    """scikit-learn's 1,797 real 8x8 digits, shuffled once; the last 397 are held out."""
    from sklearn.datasets import load_digits
    d = load_digits()
    order = rng("digits split").permutation(len(d.target))
    x, y = d.images[order].astype(np.float32)[..., None], d.target[order].astype(np.int32)
    return (x[:1400], y[:1400]), (x[1400:], y[1400:])


@model
def digits(small):
    """A small CNN trained here; pixel values 0..16 go in, the rescaling is part of the model."""
    def make():
        layers = keras.layers
        return keras.Sequential([
            keras.Input((8, 8, 1), name="image"),
            layers.Rescaling(1 / 16),
            layers.Conv2D(12, 3, padding="same", activation="relu"),
            layers.Conv2D(16, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(40, activation="relu"),
            layers.Dense(10, name="logits"),
        ], name="digits")
    (x, y), (xt, yt) = digits_data()

    def train(m):
        # By hand and on one shuffle of our own: Keras' fit draws from global state.
        opt = keras.optimizers.Adam(2e-3)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        r = rng("digits order")

        @tf.function
        def step(xb, yb):
            with tf.GradientTape() as tape:
                l = loss(yb, m(xb, training=True))
            opt.apply_gradients(zip(tape.gradient(l, m.trainable_variables), m.trainable_variables))
        for epoch in range(30):
            if epoch == 20:
                opt.learning_rate = 5e-4
            order = r.permutation(len(x))
            for i in range(0, len(x) - 49, 50):
                step(x[order[i:i + 50]], y[order[i:i + 50]])
        acc = float(np.mean(np.argmax(m(xt).numpy(), 1) == yt))
        print(f"digits: held-out accuracy {acc:.4f}")
        if acc < 0.98:
            raise SystemExit("digits: the trained model is worse than 98 %")
    feeds = {f"b{b}": {"image": xt[:b]} for b in (1, 3, 32)}
    return KerasModel(make, feeds, prepare=train)


@model
def resnet50(small):
    if small:
        return None

    def make():
        return keras.applications.ResNet50(
            weights=None, classifier_activation=None, input_tensor=keras.Input((224, 224, 3), name="input"))
    r = rng("resnet50")

    def calibrate(m):
        # Random weights make deep nets forget their input. Real gammas and
        # betas, and BatchNorm statistics of data, keep every layer visible.
        for layer in m.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                n = layer.gamma.shape[0]
                lo, hi = (0.3, 0.8) if layer.name.endswith("_3_bn") else (0.7, 1.3)
                layer.gamma.assign(r.uniform(lo, hi, n))
                layer.beta.assign(r.normal(0, 0.2, n))
                layer.momentum = 0.0
        m(images(r, 16, 224, 224, 3), training=True)
    feeds = {f"b{b}": {"input": images(r, b, 224, 224, 3)} for b in (1, 3, 32)}
    return KerasModel(make, feeds, prepare=calibrate)


@model
def lstm(small):
    words, dim, units = (50, 8, 16) if small else (1000, 64, 128)

    def make():
        return keras.Sequential([
            keras.Input((None,), dtype="int32", name="tokens"),
            keras.layers.Embedding(words, dim, mask_zero=True),
            keras.layers.LSTM(units),
            keras.layers.Dense(10, name="logits"),
        ], name="lstm")
    r = rng("lstm")

    def tokens(b, t):
        x = r.integers(1, words, (b, t)).astype(np.int32)
        for i in range(1, b):  # padding, as a masked model meets it; row 0 is full
            x[i, r.integers(1, t + 1):] = 0
        if b > 2:  # and a hole in the middle, which a mask must skip too
            x[2, t // 2] = 0
        return x
    shapes = [(1, 1), (1, 80), (3, 7), (32, 1), (32, 80)] if not small else [(1, 1), (3, 7), (32, 20)]
    feeds = {f"b{b}_t{t}": {"tokens": tokens(b, t)} for b, t in shapes}
    made = KerasModel(make, feeds, prepare=lambda m: m.layers[0].set_weights(
        [r.normal(0, 0.7, (words, dim)).astype(np.float32)]))
    return made


class Counter(tf.Module):
    """Two signatures on shared weights, and a variable that a call changes."""

    def __init__(self, dtype, n=16):
        super().__init__()
        r = rng("counter")
        self.w = tf.Variable(r.normal(0, 0.5, (n, 8)), dtype=dtype, name="w")
        self.b = tf.Variable(r.normal(0, 0.5, 8), dtype=dtype, name="b")
        self.calls = tf.Variable(0, dtype=tf.int64, trainable=False, name="calls")
        spec = tf.TensorSpec((None, n), dtype, name="x")
        self.functions = {
            "predict": tf.function(self.predict, input_signature=[spec]),
            "embed": tf.function(self.embed, input_signature=[spec]),
        }

    def predict(self, x):
        self.calls.assign_add(1)
        return {"y": tf.nn.relu(x @ self.w + self.b), "calls": self.calls.read_value()}

    def embed(self, x):
        return {"z": tf.tanh(x @ self.w)}


class TwoSizes(tf.Module):
    """Two inputs whose sizes have nothing to do with each other, and a data-dependent size."""

    def __init__(self, dtype):
        super().__init__()
        specs = [tf.TensorSpec((None, None), dtype, name=n) for n in "ab"]
        self.functions = {"serving_default": tf.function(self.add, input_signature=specs)}

    def add(self, a, b):
        x = a + b
        return {"sum": x, "positive": tf.where(x > 0)}


class ModuleModel:
    """A tf.Module by class, with cases that name the signature they call, in order."""

    def __init__(self, cls, calls, **manifest):
        self.cls, self.calls, self.manifest = cls, calls, manifest


@model
def counter(small):
    r = rng("counter feeds")
    calls = []
    for i, (sig, b) in enumerate([("predict", 1), ("embed", 3), ("predict", 3), ("predict", 32), ("embed", 32)]):
        calls.append((f"{i}_{sig}_b{b}", sig, {"x": r.normal(0, 1, (b, 16)).astype(np.float32)}))
    return ModuleModel(Counter, calls, stateful=True, frozen=False)


@model
def two_sizes(small):
    r = rng("two sizes")
    calls = []
    for sa, sb in [((5, 4), (5, 4)), ((1, 4), (6, 4)), ((3, 1), (1, 7)), ((2, 3), (1, 1)), ((1, 1), (1, 1)),
                   ((32, 9), (32, 1))]:
        name = "x".join(map(str, sa)) + "_" + "x".join(map(str, sb))
        calls.append((name, "serving_default", {"a": r.normal(0, 1, sa).astype(np.float32),
                                                "b": r.normal(0, 1, sb).astype(np.float32)}))
    return ModuleModel(TwoSizes, calls, shapes=["a=nxk", "b=mxl"], rows=False)


def tf1_graph(dtype, variables):
    """TensorFlow 1: placeholders, v1 while_loop and cond; weights as ref variables or constants."""
    tf1 = tf.compat.v1
    r = rng("tf1")
    g = tf.Graph()
    with g.as_default():
        tf1.disable_control_flow_v2()
        weight = ((lambda v, name: tf1.get_variable(name, initializer=tf.constant(v, dtype), use_resource=False))
                  if variables else (lambda v, name: tf.constant(v, dtype, name=name)))
        x = tf1.placeholder(dtype, (None, 8), name="x")
        steps = tf1.placeholder(tf.int32, (), name="steps")
        t = tf1.placeholder(dtype, (), name="t")
        w = weight(r.normal(0, 0.5, (8, 12)), "w")
        u = weight(r.normal(0, 0.4, (12, 12)), "u")
        b = weight(r.normal(0, 0.3, 12), "b")
        h = tf1.matmul(x, w, name="h")
        _, h = tf1.while_loop(lambda i, h: i < steps, lambda i, h: (i + 1, tf.tanh(tf.matmul(h, u) + b)),
                              (tf.constant(0), h), name="loop")
        y = tf1.cond(t > 0.5, lambda: h * 2.0 + 1.0, lambda: h - t, name="choice")
        tf.identity(y, name="y")
        tf1.enable_control_flow_v2()
    return g


class Tf1Model:
    feed_nodes, fetch_nodes = {"x": "x", "steps": "steps", "t": "t"}, {"y": "y"}

    def __init__(self):
        r = rng("tf1 feeds")
        self.feeds = {}
        for b, steps, t in [(1, 3, 0.9), (3, 0, 0.1), (32, 7, 0.2), (3, 50, 1.0)]:
            self.feeds[f"b{b}_s{steps}"] = {"x": r.normal(0, 1, (b, 8)).astype(np.float32),
                                            "steps": np.int32(steps), "t": np.float32(t)}


@model
def tf1(small):
    return Tf1Model()
