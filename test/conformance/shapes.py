"""Ops that compute shapes or move data: always exact, so most cases use one or
two dtypes and spend themselves on ranks, attributes and unknown sizes."""
import numpy as np
import tensorflow as tf

import values as v
from container import Case

raw = tf.raw_ops
F, I, L, H, B = np.float32, np.int32, np.int64, np.float16, np.bool_
DTYPES = [F, np.float64, H, v.BF16, np.int8, I, L, np.uint8, B, np.complex64]
SHAPES = [(), (1,), (0,), (5,), (3, 4), (2, 0, 3), (2, 3, 4), (2, 3, 4, 5), (2, 1, 3, 2, 4)]


def arr(shape, d=F):
    """Distinct values, so that any element in a wrong place shows."""
    n = int(np.prod(shape))
    if np.dtype(d).kind == "b":
        return (np.arange(n) % 3 == 0).reshape(shape)
    return (np.arange(n) % 113 + 1).astype(d).reshape(shape)


def label(*parts):
    return "_".join(str(list(p) if isinstance(p, (tuple, np.ndarray)) else p).replace(" ", "") for p in parts)


def one(op, tag, feeds, spelled=None, runs=None, error=False, **fixed):
    d = v.name(next(iter(feeds.values())).dtype) if feeds else "none"
    return Case(f"{op}/{d}/{tag}", lambda p: getattr(raw, op)(**p, **fixed), runs or [feeds], spelled, error=error)


def shape_cases():
    for s in SHAPES:
        for t in (tf.int32, tf.int64):
            yield one("Shape", label(s, t.name), {"input": arr(s)}, out_type=t)
            yield one("Size", label(s, t.name), {"input": arr(s)}, out_type=t)
        yield one("Rank", label(s), {"input": arr(s)})
    yield one("Shape", "unknown", {"input": arr((3, 4))}, {"input": "nx4xm"},
              [{"input": arr(s)} for s in [(3, 4, 2), (1, 4, 1), (0, 4, 7)]])
    yield one("Size", "unknown", {"input": arr((3, 4))}, {"input": "nx4xm"},
              [{"input": arr(s)} for s in [(3, 4, 2), (1, 4, 1), (0, 4, 7)]])
    yield Case("ShapeN/float32/two", lambda p: raw.ShapeN(input=list(p.values())),
               [{"a": arr((2, 3)), "b": arr((4,))}, {"a": arr((5, 3)), "b": arr((1,))}], {"a": "nx3", "b": "m"})


def reshape_cases():
    for d in DTYPES:
        yield one("Reshape", "dtype", {"tensor": arr((3, 4), d)}, shape=[2, 6])
    for a, b in [((6,), (2, 3)), ((2, 3), (6,)), ((2, 3), (-1,)), ((2, 3), (3, -1)), ((1,), ()), ((), (1, 1)),
                 ((0, 3), (3, 0)), ((0, 3), (5, 0)), ((2, 3, 4), (4, 1, 6)), ((2, 1, 3, 2, 4), (-1, 8))]:
        for t in (I, L):
            yield one("Reshape", label(a, b, v.name(t)), {"tensor": arr(a)}, shape=np.array(b, t))
    runs = [{"tensor": arr((n, 3, 4))} for n in (1, 2, 7, 0)]
    yield one("Reshape", "unknown_flatten", {"tensor": arr((1,))}, {"tensor": "?x3x4"}, runs, shape=[-1, 12])
    yield one("Reshape", "unknown_rows", {"tensor": arr((1,))}, {"tensor": "?x3x4"}, runs[:3], shape=[-1, 4])
    two = [{"x": arr(s)} for s in [(2, 3, 4), (1, 5, 4), (3, 1, 4)]]
    yield Case("Reshape/float32/computed", lambda p: raw.Reshape(tensor=p["x"], shape=tf.stack(
        [tf.shape(p["x"])[0], tf.shape(p["x"])[1] * 4])), two, {"x": "nxmx4"})
    yield Case("Reshape/float32/merged", lambda p: raw.Reshape(tensor=p["x"], shape=tf.stack(
        [tf.shape(p["x"])[0] * tf.shape(p["x"])[1], 4])), two, {"x": "nxmx4"})
    yield Case("Reshape/float32/like_other", lambda p: raw.Reshape(tensor=p["x"], shape=tf.shape(p["y"])),
               [{"x": arr((n, 6)), "y": arr((n, 2, 3))} for n in (1, 4)], {"x": "?x6", "y": "?x2x3"})
    for s, dim in [((3,), 0), ((3,), 1), ((3,), -1), ((), 0), ((2, 3, 4, 5), -3), ((2, 3), -3)]:
        yield one("ExpandDims", label(s, dim), {"input": arr(s)}, axis=dim)
    yield one("ExpandDims", "unknown", {"input": arr((3, 4))}, {"input": "?x4"},
              [{"input": arr((n, 4))} for n in (1, 3)], axis=1)
    for s, dims in [((1, 3, 1), []), ((1, 3, 1), [0]), ((1, 3, 1), [-1]), ((1, 1, 1), []), ((3, 4), []),
                    ((1, 2, 1, 3, 1), [0, 2]), ((1, 0, 1), [0])]:
        yield one("Squeeze", label(s, dims), {"input": arr(s)}, axis=dims)
    yield one("Squeeze", "unknown", {"input": arr((3, 1))}, {"input": "?x1x4x1"},
              [{"input": arr((n, 1, 4, 1))} for n in (1, 3)], axis=[1, 3])


def transpose_cases():
    for d in DTYPES:
        yield one("Transpose", "dtype", {"x": arr((3, 5), d)}, perm=[1, 0])
    for s, perm in [((), []), ((4,), [0]), ((3, 4), [0, 1]), ((17, 33), [1, 0]), ((2, 3, 4), [2, 0, 1]),
                    ((2, 3, 4), [0, 2, 1]), ((2, 3, 4, 5), [0, 3, 1, 2]), ((2, 3, 4, 5), [0, 2, 3, 1]),
                    ((2, 1, 3, 2, 4), [4, 2, 0, 3, 1]), ((2, 0, 3), [2, 1, 0]), ((1, 64, 64), [0, 2, 1])]:
        yield one("Transpose", label(s, perm), {"x": arr(s)}, perm=perm)
    runs = [{"x": arr(s)} for s in [(2, 3, 4), (1, 1, 4), (5, 0, 4), (3, 17, 4)]]
    yield one("Transpose", "unknown", {"x": arr(())}, {"x": "nxmx4"}, runs, perm=[1, 0, 2])
    yield one("Transpose", "unknown_last", {"x": arr(())}, {"x": "nxmx4"}, runs, perm=[2, 1, 0])
    yield one("InvertPermutation", "five", {"x": np.array([3, 4, 0, 2, 1], I)})


def strided_slice(tag, x, begin, end, strides, dims=None, runs=None, **masks):
    return Case(f"StridedSlice/{v.name(x.dtype)}/{tag}", lambda p: raw.StridedSlice(
        input=p["x"], begin=begin, end=end, strides=strides, **masks), runs or [{"x": x}], dims)


def slice_cases():
    for d in DTYPES:
        yield strided_slice("dtype", arr((5, 6), d), [1, 0], [4, 6], [2, 3])
    cube = arr((5, 6, 7))
    for i, (b, e, st, masks) in enumerate([
            ([0], [3], [1], {}), ([-2], [5], [1], {}), ([4], [0], [-1], {}), ([4], [-9], [-2], {}), ([0], [99], [1], {}),
            ([3], [1], [1], {}), ([0, 0], [5, 3], [2, 2], {}), ([1], [0], [1], {"end_mask": 1}),
            ([9], [-1], [-1], {"begin_mask": 1}), ([2], [3], [1], {"shrink_axis_mask": 1}),
            ([-1], [0], [1], {"shrink_axis_mask": 1}), ([0, 2], [0, 3], [1, 1], {"begin_mask": 1, "end_mask": 1, "shrink_axis_mask": 2}),
            ([0, 0], [0, 2], [1, 1], {"ellipsis_mask": 1}), ([0, 0, 1], [0, 0, 3], [1, 1, 1], {"ellipsis_mask": 1, "new_axis_mask": 2}),
            ([0, 1], [0, 3], [1, 1], {"new_axis_mask": 1}), ([0, 0, 0], [0, 0, 0], [1, 1, 1], {"new_axis_mask": 5, "begin_mask": 2, "end_mask": 2}),
            ([1, 2, 3], [2, 3, 4], [1, 1, 1], {"shrink_axis_mask": 7}), ([5, 6, 7], [0, 0, 0], [-1, -2, -3], {}),
            ([], [], [], {})]):
        yield strided_slice(f"case{i}", cube, np.array(b, I), np.array(e, I), np.array(st, I), **masks)
    yield strided_slice("int64", cube, np.array([1], L), np.array([3], L), np.array([1], L))
    runs = [{"x": arr((n, m, 4))} for n, m in [(3, 5), (1, 1), (8, 2)]]
    for i, (b, e, st, masks) in enumerate([
            ([0], [1], [1], {}), ([0], [-1], [1], {}), ([-1], [0], [1], {"shrink_axis_mask": 1}),
            ([0, -1], [0, 0], [1, 1], {"begin_mask": 1, "end_mask": 1, "shrink_axis_mask": 2}),
            ([0], [0], [2], {"begin_mask": 1, "end_mask": 1}), ([0], [0], [-1], {"begin_mask": 1, "end_mask": 1}),
            ([0, 1], [0, 0], [1, 1], {"begin_mask": 1, "end_mask": 3}), ([0], [2], [1], {})]):
        yield strided_slice(f"unknown{i}", cube, b, e, st, {"x": "nxmx4"}, runs, **masks)
    for s, b, n in [((5,), [1], [3]), ((5, 6), [1, 2], [-1, 3]), ((5, 6), [0, 0], [0, 6]), ((2, 3, 4), [1, 0, 2], [1, -1, -1])]:
        yield one("Slice", label(s, b, n), {"input": arr(s)}, begin=b, size=n)
    yield one("Slice", "unknown", {"input": cube}, {"input": "?x6"}, [{"input": arr((n, 6))} for n in (1, 4)],
              begin=[0, 2], size=[-1, 3])
    for axes in ([0], [1], [0, 2], [-1], []):
        yield one("ReverseV2", label(axes), {"tensor": cube}, axis=np.array(axes, I))


def join_cases():
    def pack(tag, xs, dims=None, runs=None, **kw):
        return Case(f"Pack/{v.name(next(iter(xs.values())).dtype)}/{tag}", lambda p: raw.Pack(values=list(p.values()), **kw),
                    runs or [xs], dims)

    def concat(tag, xs, axis, dims=None, runs=None):
        return Case(f"ConcatV2/{v.name(next(iter(xs.values())).dtype)}/{tag}",
                    lambda p: raw.ConcatV2(values=list(p.values()), axis=axis), runs or [xs], dims)
    for d in DTYPES:
        yield pack("dtype", {"a": arr((2, 3), d), "b": arr((2, 3), d)}, axis=1)
        yield concat("dtype", {"a": arr((2, 3), d), "b": arr((2, 5), d)}, 1)
    for s, axis in [((), 0), ((3,), 0), ((3,), 1), ((3,), -1), ((2, 3), -2), ((0, 2), 1), ((2, 1, 3, 2), 2)]:
        yield pack(label(s, axis), {"a": arr(s), "b": arr(s) + 1, "c": arr(s) + 2}, axis=axis)
    yield pack("one", {"a": arr((3,))}, axis=0)
    runs = [{"a": arr((n, 3)), "b": arr((n, 3)) + 1} for n in (1, 4)]
    yield pack("unknown", runs[0], {"a": "?x3", "b": "?x3"}, runs, axis=1)
    for sa, sb, axis in [((3,), (2,), 0), ((2, 3), (4, 3), 0), ((2, 3), (2, 1), -1), ((2, 0), (2, 3), 1), ((2, 3, 4), (2, 5, 4), 1),
                         ((2, 3, 4, 5), (2, 3, 4, 1), 3), ((0, 3), (0, 3), 0)]:
        yield concat(label(sa, sb, axis), {"a": arr(sa), "b": arr(sb) + 100}, axis)
    yield concat("many", {f"x{i}": arr((2, i)) + i for i in range(1, 9)}, 1)
    runs = [{"a": arr((n, 3)), "b": arr((n, 4)) + 50} for n in (1, 2, 9)]
    yield concat("unknown_features", runs[0], 1, {"a": "?x3", "b": "?x4"}, runs)
    yield concat("unknown_lengths", runs[0], 0, {"a": "nx3", "b": "mx3"},
                 [{"a": arr((n, 3)), "b": arr((m, 3)) + 50} for n, m in [(1, 2), (0, 3), (5, 5)]])
    for d in (F, I, B):
        for s, axis, num in [((6,), 0, 3), ((4, 6), 1, 2), ((4, 6), -2, 4), ((2, 3, 4), 2, 4), ((4, 6), 0, 1)]:
            yield Case(f"Split/{v.name(d)}/{label(s, axis, num)}",
                       lambda p, axis=axis, num=num: raw.Split(axis=axis, value=p["x"], num_split=num), [{"x": arr(s, d)}])
    yield Case("Split/float32/unknown", lambda p: raw.Split(axis=1, value=p["x"], num_split=4),
               [{"x": arr((n, 8))} for n in (1, 5)], {"x": "?x8"})
    for s, sizes, axis in [((6,), [1, 2, 3], 0), ((2, 6), [4, -1], 1), ((2, 6), [0, 6], -1)]:
        yield Case(f"SplitV/float32/{label(s, sizes, axis)}", lambda p, sizes=sizes, axis=axis: raw.SplitV(
            value=p["x"], size_splits=sizes, axis=axis, num_split=len(sizes)), [{"x": arr(s)}])
    for s, axis in [((3,), 0), ((3, 4), 1), ((2, 3, 4), -2)]:
        yield Case(f"Unpack/float32/{label(s, axis)}", lambda p, s=s, axis=axis: raw.Unpack(
            value=p["x"], num=s[axis], axis=axis), [{"x": arr(s)}])


def fill_cases():
    for d in DTYPES:
        yield one("Pad", "dtype", {"input": arr((2, 3), d)}, paddings=[[1, 0], [0, 2]])
        yield one("Tile", "dtype", {"input": arr((2, 3), d)}, multiples=[2, 3])
        yield one("BroadcastTo", "dtype", {"input": arr((1, 3), d)}, shape=[4, 3])
        yield one("Fill", "dtype", {"value": arr((), d)}, dims=[2, 3])
    for s, p in [((), np.zeros((0, 2), I)), ((3,), [[2, 1]]), ((3, 4), [[0, 0], [0, 0]]), ((0, 2), [[1, 1], [0, 0]]),
                 ((2, 3, 4), [[1, 1], [0, 2], [3, 0]]), ((1, 5, 5, 2), [[0, 0], [3, 3], [3, 3], [0, 0]]),
                 ((2, 1, 3, 2, 4), [[0, 1]] * 5)]:
        yield one("Pad", label(s, np.array(p).ravel()), {"input": arr(s)}, paddings=np.array(p, I))
        yield one("PadV2", label(s, np.array(p).ravel()), {"input": arr(s)}, paddings=np.array(p, I), constant_values=F(-7.5))
        if min(s, default=0) > 3:
            for mode in ("REFLECT", "SYMMETRIC"):
                yield one("MirrorPad", label(s, np.array(p).ravel(), mode), {"input": arr(s)}, paddings=np.array(p, I), mode=mode)
    yield one("Pad", "unknown", {"input": arr((2, 3))}, {"input": "?x3xm"},
              [{"input": arr(s)} for s in [(1, 3, 2), (4, 3, 5)]], paddings=[[0, 0], [1, 1], [2, 3]])
    for s, m in [((3,), [2]), ((2, 3), [1, 1]), ((2, 3), [0, 2]), ((1, 3), [4, 1]), ((2, 1, 3), [1, 5, 2]), ((), np.zeros(0, I))]:
        yield one("Tile", label(s, m), {"input": arr(s)}, multiples=np.array(m, I))
    yield one("Tile", "unknown", {"input": arr((2, 3))}, {"input": "?x3"}, [{"input": arr((n, 3))} for n in (1, 4)],
              multiples=[2, 3])
    yield Case("Tile/float32/computed", lambda p: raw.Tile(input=p["x"], multiples=tf.stack([1, tf.shape(p["y"])[0]])),
               [{"x": arr((n, 3)), "y": arr((m,))} for n, m in [(1, 2), (4, 3)]], {"x": "nx3", "y": "m"})
    for a, b in [((), (3,)), ((1,), (4,)), ((3,), (2, 3)), ((2, 1, 4), (2, 3, 4)), ((1, 1), (0, 5)), ((2, 3), (2, 3))]:
        yield one("BroadcastTo", label(a, b), {"input": arr(a)}, shape=np.array(b, I))
    yield Case("BroadcastTo/float32/computed", lambda p: raw.BroadcastTo(input=p["x"], shape=tf.shape(p["y"])),
               [{"x": arr((1, 3)), "y": arr((n, 3))} for n in (1, 4)], {"x": "1x3", "y": "?x3"})
    for s in [(), (3,), (2, 3), (0,), (2, 1, 3)]:
        yield one("Fill", label(s), {"value": np.asarray(F(2.5))}, dims=np.array(s, I))
    yield Case("Fill/float32/computed", lambda p: raw.Fill(dims=tf.shape(p["x"]), value=np.float32(3)),
               [{"x": arr((n, 4))} for n in (1, 5)], {"x": "?x4"})
    for d, (a, b, c) in [(d, r) for d in (I, L, F, np.float64) for r in [(0, 5, 1), (3, 10, 2), (5, 0, -1), (0, 0, 1), (-3, 4, 3)]]:
        yield Case(f"Range/{v.name(d)}/{a}_{b}_{c}", lambda p, t=(a, b, c), d=d: raw.AddV2(
            x=raw.Range(start=d(t[0]), limit=d(t[1]), delta=d(t[2])), y=p["x"]), [{"x": np.asarray(d(1))}], rule={"ulp": 1})
    yield Case("Range/int32/unknown", lambda p: raw.Range(start=0, limit=tf.shape(p["x"])[0], delta=1),
               [{"x": arr((n, 4))} for n in (1, 5)], {"x": "?x4"})
    for on, off, axis in [(1.0, 0.0, -1), (2.0, -1.0, 0), (5.0, 0.5, 1)]:
        yield Case(f"OneHot/int32/{on}_{off}_{axis}", lambda p, o=on, f=off, a=axis: raw.OneHot(
            indices=p["x"], depth=4, on_value=np.float32(o), off_value=np.float32(f), axis=a),
            [{"x": np.array([[0, 3, 4], [-1, 2, 1]], I)}])


def gather_cases():
    for d in DTYPES:
        yield one("GatherV2", "dtype", {"params": arr((5, 3), d), "indices": np.array([4, 0, 0, 2], I)}, axis=0)
    for s, ind, axis, bd in [((5,), np.array(2), 0, 0), ((5, 3), np.array([[1, 0], [4, 4]]), 0, 0), ((5, 3), np.array([2, 0]), 1, 0),
                             ((5, 3), np.array([2, 0]), -1, 0), ((2, 3, 4), np.array([3, 1, 0]), 2, 0),
                             ((2, 3, 4), np.array([[0, 2], [1, 1]]), 1, 1), ((5, 3), np.zeros(0, L), 0, 0),
                             ((2, 3, 4), np.array([[2], [0]]), -2, 1)]:
        for t in (I, L):
            yield one("GatherV2", label(s, ind.shape, axis, bd, v.name(t)), {"params": arr(s), "indices": ind.astype(t)},
                      axis=axis, batch_dims=bd)
    yield one("GatherV2", "unknown", {"params": arr((7, 3)), "indices": np.array([1], I)}, {"params": "7x3", "indices": "nxm"},
              [{"params": arr((7, 3)), "indices": v.rng("g").integers(0, 7, s).astype(I)} for s in [(1, 1), (3, 4), (0, 2)]], axis=0)
    yield one("GatherV2", "out_of_range", {"params": arr((5, 3)), "indices": np.array([1, 5], I)}, axis=0, error=True)
    yield one("GatherV2", "negative", {"params": arr((5, 3)), "indices": np.array([1, -1], I)}, axis=0, error=True)
    for s, ind in [((5, 3), [[1], [4]]), ((5, 3), [[1, 2], [4, 0], [0, 0]]), ((2, 3, 4), [[[1, 2]], [[0, 0]]])]:
        yield one("GatherNd", label(s, np.shape(ind)), {"params": arr(s), "indices": np.array(ind, I)})
    for s in [(7,), (3, 4), (2, 3, 2)]:
        x = (arr(s) % 3 == 0)
        yield one("Where", label(s), {"condition": x})
    yield one("Where", "float", {"condition": np.array([[0.0, -0.0, 2], [np.nan, -1, 0]], F)})
    yield one("Where", "none", {"condition": np.zeros((3, 2), B)})
    yield Case("Where/float32/unknown", lambda p: raw.Where(condition=raw.Greater(x=p["x"], y=2.0)),
               [{"x": v.random(F, s, v.rng("w"))} for s in [(3, 4), (1, 1), (0, 4), (20, 30)]], {"x": "nxm"})


def cases():
    for group in (shape_cases, reshape_cases, transpose_cases, slice_cases, join_cases, fill_cases, gather_cases):
        yield from group()
