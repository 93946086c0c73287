"""Values that show mistakes: zeros of both signs, infinities, NaN, ties, limits."""
import numpy as np
import tensorflow as tf

BF16 = tf.bfloat16.as_numpy_dtype
FLOATS = [np.float32, np.float64, np.float16, BF16]
INTS = [np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64]
COMPLEX = [np.complex64, np.complex128]
NUMBERS = FLOATS + INTS + COMPLEX
ALL = NUMBERS + [np.bool_]


def name(dtype):
    return np.dtype(dtype).name


def is_float(dtype):
    return np.dtype(dtype).kind == "f" or name(dtype) == "bfloat16"


def rng(text):
    return np.random.default_rng([ord(c) for c in text])


def special(dtype):
    """Every value that is treated specially somewhere; no denormals (TensorFlow flushes them)."""
    d = np.dtype(dtype)
    if d.kind == "b":
        return np.array([False, True, True, False])
    if is_float(dtype):
        v = [0.0, -0.0, 1, -1, np.inf, -np.inf, np.nan, 0.5, -0.5, 1.5, -1.5, 2.5, -2.5, 3.5, 0.49999997, 2, -2, 3, 7,
             -7, 0.1, -0.1, 1e-3, -1e-3, 3.1415927, -3.1415927, 10.3, -10.3, 20, -20, 88.5, -86.5, 100, -100, 1000]
        info = tf.dtypes.as_dtype(dtype)
        v += [info.max, info.min, 0.999, 1.001, -0.999]
        if name(dtype) in ("float32", "float64", "bfloat16"):
            v += [1e-20, 1e20, -1e30, 1e10, 123456.7, 2147483648.0, -2147483648.0, 9.3e18, 16777217.0, 4294967296.0]
        with np.errstate(over="ignore"):
            return np.array(v, np.float64).astype(dtype)
    if d.kind == "c":
        # No -0 imaginary part: it chooses a side of a branch cut, where TensorFlow's libraries differ.
        r = [0.0, 1, -1, 0.5, -2.5, 3, 10, 1e-3]
        return np.array([complex(a, b) for a in r for b in r]).astype(dtype)
    info = np.iinfo(dtype)
    v = [0, 1, 2, 3, 5, 7, 8, 15, 16, 31, 63, 64, 100, info.max, info.max - 1, info.min, info.min + 1, info.max // 2]
    v += [x for x in (-1, -2, -3, -7, -8, -16, -100) if x >= info.min]
    return np.array(v, dtype)


def random(dtype, shape, r, scale=2.0):
    """Ordinary values of any dtype; no zeros are avoided and none are special."""
    d = np.dtype(dtype)
    if d.kind == "b":
        return r.random(shape) < 0.5
    if is_float(dtype):
        return (r.normal(0, scale, shape)).astype(dtype)
    if d.kind == "c":
        return (r.normal(0, scale, shape) + 1j * r.normal(0, scale, shape)).astype(dtype)
    low = 0 if d.kind == "u" else -9
    return r.integers(low, 10, shape).astype(dtype)


def ties(dtype, shape, r):
    """Few distinct values, so that maxima and minima are not unique."""
    if np.dtype(dtype).kind == "b":
        return r.random(shape) < 0.5
    return r.integers(0, 4, shape).astype(dtype)


def mixed(dtype, count, text):
    """The special values, then random ones over many magnitudes, `count` in all."""
    r = rng(text)
    s = special(dtype)
    rest = random(dtype, (max(0, count - len(s)),), r)
    if is_float(dtype):
        rest = (rest.astype(np.float64) * 10.0 ** r.integers(-3, 3, rest.shape)).astype(dtype)
    return np.concatenate([s, rest])[:max(count, len(s))]


def pairs(dtype, text, keep=lambda a, b: np.ones(a.shape, bool)):
    """All pairs of special values (thinned for complex), and random pairs."""
    s = special(dtype)
    if np.dtype(dtype).kind == "c":
        s = s[::5]
    a, b = (m.ravel() for m in np.meshgrid(s, s))
    r = rng(text)
    a = np.concatenate([a, random(dtype, (61,), r)])
    b = np.concatenate([b, random(dtype, (61,), r)])
    ok = keep(a, b)
    return a[ok], b[ok]
