"""One-op and small graphs for rules that the other groups leave out: indexing,
blocks, lists, loops and branches, depthwise and 3-d convolutions, einsum."""
import numpy as np
import tensorflow as tf

import values as v
from container import Case

raw = tf.raw_ops
F = np.float32
NEAR = {"ulp": 8, "atol": 2e-5}


def one(name, build, rule=None, dims=None, **feeds):
    return Case(name, build, [feeds], dims, rule)


def index_cases():
    r = v.rng("index")
    x = v.random(F, (4, 6, 5), r)
    yield one("Gather/float32/rows", lambda p: raw.Gather(params=p["x"], indices=p["i"]), x=x, i=np.array([[3, 0], [1, 1]], np.int32))
    yield one("GatherV2/float32/batch", lambda p: raw.GatherV2(params=p["x"], indices=p["i"], axis=2, batch_dims=1),
              x=x, i=np.array([[0, 4], [1, 1], [2, 3], [4, 0]], np.int64))
    yield one("GatherNd/float32/pairs", lambda p: raw.GatherNd(params=p["x"], indices=p["i"]), x=x,
              i=np.array([[[3, 0], [1, 5]]], np.int32))
    yield one("ScatterNd/float32/rows", lambda p: raw.ScatterNd(indices=p["i"], updates=p["u"], shape=[5, 3]),
              i=np.array([[1], [4], [1]], np.int32), u=v.random(F, (3, 3), r))
    for op in ("Update", "Add", "Sub", "Max", "Min"):
        f = getattr(raw, "TensorScatter" + op)
        yield one(f"TensorScatter{op}/float32/rows", lambda p, f=f: f(tensor=p["t"], indices=p["i"], updates=p["u"]),
                  t=v.random(F, (5, 3), r), i=np.array([[1], [4], [0]], np.int32), u=v.random(F, (3, 3), r))
    yield one("UnsortedSegmentSum/float32/2d", lambda p: raw.UnsortedSegmentSum(data=p["x"], segment_ids=p["s"], num_segments=4),
              rule=NEAR,
              x=v.random(F, (2, 3, 2), r), s=np.array([[0, 3, -1], [3, 3, 1]], np.int32))
    for axes in ([0], [1, 2], [-1], []):
        yield one(f"ReverseV2/float32/{axes}".replace(" ", ""), lambda p, a=axes: raw.ReverseV2(tensor=p["x"], axis=np.array(a, np.int32)), x=x)
    yield one("Roll/float32/two", lambda p: raw.Roll(input=p["x"], shift=[2, -1], axis=[0, 1]), x=x)
    for ex in (False, True):
        for rev in (False, True):
            for axis in (0, -1):
                for op, key in ((raw.Cumsum, "Cumsum"), (raw.Cumprod, "Cumprod")):
                    yield one(f"{key}/float32/{axis}_e{ex:d}r{rev:d}", lambda p, op=op, axis=axis, ex=ex, rev=rev: op(
                        x=p["x"], axis=axis, exclusive=ex, reverse=rev), rule=NEAR, x=x)
    for lo, hi in ((-1, 0), (0, -1), (1, 1), (0, 0), (-1, -1), (2, 0)):
        yield one(f"MatrixBandPart/float32/{lo}_{hi}", lambda p, lo=lo, hi=hi: raw.MatrixBandPart(
            input=p["x"], num_lower=lo, num_upper=hi), x=x)
    yield Case("MatrixBandPart/bool/unknown", lambda p: raw.MatrixBandPart(input=tf.fill([tf.shape(p["x"])[1]] * 2, True), num_lower=-1, num_upper=0),
               [{"x": v.random(F, (2, n), r)} for n in (1, 4, 9)], {"x": "?x?"})
    for mode in ("REFLECT", "SYMMETRIC"):
        yield one(f"MirrorPad/float32/{mode}", lambda p, m=mode: raw.MirrorPad(input=p["x"], paddings=[[1, 2], [0, 3], [2, 2]], mode=m), x=x)
    yield one("PadV2/int32/value", lambda p: raw.PadV2(input=p["x"], paddings=[[1, 0], [2, 1]], constant_values=7), x=v.random(np.int32, (2, 3), r))
    for block, pads in (([2, 2], [[0, 0], [0, 0]]), ([2, 3], [[1, 1], [1, 1]]), ([1, 2], [[0, 1], [2, 1]])):
        w = v.random(F, (2, 4, 4 if block[1] != 2 or pads[1][0] == 0 else 5, 3), r)
        yield one(f"SpaceToBatchND/float32/{block}_{pads}".replace(" ", ""), lambda p, b=block, q=pads: raw.SpaceToBatchND(
            input=p["x"], block_shape=b, paddings=q), x=w)
    for block, crops in (([2, 2], [[0, 0], [0, 0]]), ([2, 2], [[1, 0], [0, 2]])):
        yield one(f"BatchToSpaceND/float32/{block}_{crops}".replace(" ", ""), lambda p, b=block, q=crops: raw.BatchToSpaceND(
            input=p["x"], block_shape=b, crops=q), x=v.random(F, (8, 3, 2, 3), r))
    yield one("SpaceToDepth/float32/2", lambda p: raw.SpaceToDepth(input=p["x"], block_size=2), x=v.random(F, (2, 4, 6, 3), r))
    yield one("DepthToSpace/float32/2", lambda p: raw.DepthToSpace(input=p["x"], block_size=2), x=v.random(F, (2, 2, 3, 8), r))
    yield one("LinSpace/float32/5", lambda p: raw.LinSpace(start=p["a"], stop=p["b"], num=5), rule=NEAR, a=F(1.5), b=F(9))
    yield one("Bitcast/float32/int32", lambda p: raw.Bitcast(input=p["x"], type=tf.int32), x=x)
    yield one("Bucketize/float32/three", lambda p: raw.Bucketize(input=p["x"], boundaries=[-1.0, 0.5, 2.0]), x=x)
    yield one("StridedSlice/float32/runtime", lambda p: p["x"][p["i"]], x=x, i=np.int32(-2))
    yield one("StridedSlice/float32/runtime1", lambda p: p["x"][:, p["i"]], x=x, i=np.int32(3))
    yield one("StridedSliceGrad/float32/steps", lambda p: raw.StridedSliceGrad(
        shape=[7, 6], begin=[1, 5], end=[7, 0], strides=[2, -2], dy=p["g"]), g=v.random(F, (3, 3), r))
    yield one("StridedSliceGrad/float32/shrink", lambda p: raw.StridedSliceGrad(
        shape=[7, 6], begin=[3, 1], end=[4, 5], strides=[1, 1], dy=p["g"], shrink_axis_mask=1), g=v.random(F, (4,), r))
    yield one("InvertPermutation/int32/runtime", lambda p: raw.InvertPermutation(x=p["x"]), x=np.array([2, 0, 3, 1], np.int32))
    yield one("EuclideanNorm/float32/1", lambda p: raw.EuclideanNorm(input=p["x"], axis=[1]), rule=NEAR, x=x)
    yield one("LRN/float32/2", lambda p: raw.LRN(input=p["x"], depth_radius=2, bias=1.0, alpha=0.5, beta=0.75), rule=NEAR, x=v.random(F, (2, 3, 3, 7), r))
    yield one("BroadcastGradientArgs/int32/pair", lambda p: raw.BroadcastGradientArgs(s0=tf.shape(p["x"]), s1=[6, 1]), x=x)
    yield one("DynamicStitch/int32/shape", lambda p: raw.DynamicStitch(indices=[[0, 1, 2], [1]], data=[tf.shape(p["x"]), [1]]), x=x)
    yield one("ConcatOffset/int32/two", lambda p: raw.ConcatOffset(concat_dim=1, shape=[tf.shape(p["x"]), [4, 2, 5]]), x=x)
    yield Case("Repeat/float32/unknown", lambda p: tf.repeat(p["x"], 3, axis=1), [{"x": v.random(F, (b, 5), r)} for b in (1, 4)], {"x": "?x5"})
    yield Case("FloatSizes/float32/unknown", lambda p: tf.zeros(tf.cast(tf.math.ceil(tf.cast([5, 7], tf.float32) / 2.0), tf.int32)) + p["x"],
               [{"x": F(2)}])
    yield one("Cross/float32/first", lambda p: raw.Cross(a=p["a"], b=p["b"]), rule=NEAR,
              a=v.random(F, (2, 3), r), b=v.random(F, (2, 3), r))
    scores = np.array([[.1, .7, .2], [.4, .3, .3], [1, 1, 2], [np.nan, 1, 0], [1, np.inf, 0], [3, 2, 1]], F)
    for k in (-1, 0, 1, 2, 5):
        for dtype in (np.int32, np.int64):
            yield one(f"InTopKV2/{dtype.__name__}/{k}", lambda p: raw.InTopKV2(predictions=p["x"], targets=p["t"], k=p["k"]),
                      x=scores, t=np.array([1, 2, 0, 1, 2, 3], dtype), k=dtype(k))
    yield Case("InTopKV2/int32/unknown", lambda p: raw.InTopKV2(predictions=p["x"], targets=p["t"], k=2),
               [{"x": v.random(F, (b, c), r), "t": np.arange(b, dtype=np.int32) - 1} for b, c in ((4, 3), (1, 1), (0, 5), (6, 9))],
               {"x": "?x?", "t": "?"})


def math_cases():
    r = v.rng("math")
    for eq, a, b in (("ab,bc->ac", (3, 4), (4, 5)), ("abc,cde->abde", (2, 3, 4), (4, 2, 5)), ("abcd,cde->abe", (2, 3, 4, 5), (4, 5, 6)),
                     ("BTNH,BSNH->BNTS", (2, 3, 2, 4), (2, 5, 2, 4)), ("BNTS,BSNH->BTNH", (2, 2, 3, 5), (2, 5, 2, 4)), ("ab,c->abc", (2, 3), (4,)),
                     ("...ij,...jk->...ik", (2, 3, 4), (2, 4, 5)), ("ij,ik->i", (3, 4), (3, 5)), ("i,i->", (6,), (6,))):
        yield one(f"Einsum/float32/{eq}", lambda p, eq=eq: raw.Einsum(inputs=[p["a"], p["b"]], equation=eq), rule=NEAR,
                  a=v.random(F, a, r), b=v.random(F, b, r))
    yield one("Einsum/float32/abc->cb", lambda p: raw.Einsum(inputs=[p["a"]], equation="abc->cb"), rule=NEAR, a=v.random(F, (2, 3, 4), r))
    x = v.random(F, (2, 7, 6, 4), r)
    for pad in ("SAME", "VALID"):
        for s in (1, 2):
            w = v.random(F, (3, 2, 4, 3), r)
            key = f"{pad}_s{s}"
            yield one(f"DepthwiseConv2dNative/float32/rules_{key}", lambda p, s=s, pad=pad: raw.DepthwiseConv2dNative(
                input=p["x"], filter=p["w"], strides=[1, s, s, 1], padding=pad), rule=NEAR, x=x, w=w)
            oh, ow = (((7 + s - 1) // s, (6 + s - 1) // s) if pad == "SAME" else ((7 - 3) // s + 1, (6 - 2) // s + 1))
            g = v.random(F, (2, oh, ow, 12), r)
            yield one(f"DepthwiseConv2dNativeBackpropInput/float32/{key}", lambda p, s=s, pad=pad: raw.DepthwiseConv2dNativeBackpropInput(
                input_sizes=[2, 7, 6, 4], filter=p["w"], out_backprop=p["g"], strides=[1, s, s, 1], padding=pad), rule=NEAR, w=w, g=g)
            yield one(f"DepthwiseConv2dNativeBackpropFilter/float32/{key}", lambda p, s=s, pad=pad: raw.DepthwiseConv2dNativeBackpropFilter(
                input=p["x"], filter_sizes=[3, 2, 4, 3], out_backprop=p["g"], strides=[1, s, s, 1], padding=pad),
                rule={"ulp": 8, "atol": 2e-4}, x=x, g=g)
            c = v.random(F, (2, 5, 6, 7, 3), r)
            yield one(f"Conv3D/float32/{key}", lambda p, s=s, pad=pad: raw.Conv3D(input=p["x"], filter=p["w"], strides=[1, s, s, s, 1], padding=pad),
                      rule={"ulp": 8, "atol": 1e-4}, x=c, w=v.random(F, (2, 3, 2, 3, 4), r))
            for op in ("MaxPool3D", "AvgPool3D"):
                f = getattr(raw, op)
                yield one(f"{op}/float32/{key}", lambda p, f=f, s=s, pad=pad: f(input=p["x"], ksize=[1, 2, 3, 2, 1], strides=[1, s, s, s, 1], padding=pad),
                          rule=NEAR, x=c)
            yield one(f"AvgPoolGrad/float32/rules_{key}", lambda p, s=s, pad=pad: raw.AvgPoolGrad(
                orig_input_shape=[2, 7, 6, 4], grad=p["g"], ksize=[1, 3, 2, 1], strides=[1, s, s, 1], padding=pad), rule=NEAR,
                g=v.random(F, (2, oh, ow, 4), r))
    yield one("Conv2D/float32/groups", lambda p: raw.Conv2D(input=p["x"], filter=p["w"], strides=[1, 1, 1, 1], padding="SAME"), rule=NEAR,
              x=x, w=v.random(F, (3, 3, 2, 6), r))
    y = v.random(F, (3, 4, 5, 6), r)
    stats = dict(s=v.random(F, (6,), r), m=v.random(F, (6,), r), q=np.abs(v.random(F, (6,), r)) + F(0.1))
    for train in (False, True):
        yield one(f"FusedBatchNormGradV3/float32/train{train:d}", lambda p, t=train: [raw.FusedBatchNormGradV3(
            y_backprop=p["g"], x=p["x"], scale=p["s"], reserve_space_1=p["m"] if not t else tf.reduce_mean(p["x"], [0, 1, 2]),
            reserve_space_2=p["q"] if not t else tf.math.reduce_variance(p["x"], [0, 1, 2]), reserve_space_3=[], epsilon=1e-3,
            is_training=t)[i] for i in range(3)], rule={"ulp": 16, "atol": 2e-4}, g=v.random(F, y.shape, r), x=y, **stats)


def control_cases():
    r = v.rng("control")

    def rnn(p, stack):
        x = tf.transpose(p["x"], [1, 0, 2])
        n = tf.shape(x)[0]
        ta = tf.TensorArray(tf.float32, size=n).unstack(x)
        out = tf.TensorArray(tf.float32, size=n)
        h = tf.zeros([tf.shape(p["x"])[0], 3])
        def body(i, h, out):
            h = tf.tanh(tf.matmul(ta.read(i), p["w"]) + h)
            return i + 1, h, out.write(i, h)
        _, h, out = tf.while_loop(lambda i, *_: i < n, body, [0, h, out])
        return out.stack() if stack else h

    w = v.random(F, (4, 3), r)
    runs = [{"x": v.random(F, (b, t, 4), r), "w": w} for b, t in ((1, 1), (3, 7), (2, 20))]

    def v2(f):
        def build(p):
            tf.compat.v1.enable_control_flow_v2()
            try:
                return f(p)
            finally:
                tf.compat.v1.disable_control_flow_v2()
        return build

    for way, wrap in (("v1", lambda f: f), ("v2", v2)):
        yield Case(f"While/{way}/last", wrap(lambda p: rnn(p, False)), runs, {"x": "?xlenx4", "w": "4x3"}, NEAR)
        yield Case(f"While/{way}/stack", wrap(lambda p: rnn(p, True)), runs, {"x": "?xlenx4", "w": "4x3"}, NEAR)
        yield Case(f"While/{way}/steps", wrap(lambda p: tf.while_loop(lambda i, a: i < p["n"], lambda i, a: (i + 1, a * 1.5 + 1.0), [0, p["x"]])),
                   [{"n": np.int32(n), "x": v.random(F, (4,), r)} for n in (0, 1, 5)], rule=NEAR)
        yield Case(f"While/{way}/condition", wrap(lambda p: tf.while_loop(lambda a: tf.reduce_sum(a) < 100.0, lambda a: a * 2.0, [p["x"]])),
                   [{"x": np.array([a, 1, 2], F)} for a in (0.5, 200, 3)], rule=NEAR)
        yield Case(f"While/{way}/down", wrap(lambda p: tf.while_loop(lambda i, a: i > 0, lambda i, a: (i - 2, a + tf.cast(i, tf.float32)), [7, p["x"]])),
                   [{"x": v.random(F, (4,), r)}], rule=NEAR)
        yield Case(f"If/{way}/both", wrap(lambda p: tf.cond(p["p"] > 0.0, lambda: p["x"] * 2.0, lambda: p["x"] - p["p"])),
                   [{"p": F(a), "x": v.random(F, (b, 3), r)} for a in (1, -1) for b in (1, 4)], {"x": "?x3", "p": ""}, NEAR)
        yield Case(f"If/{way}/inWhile", wrap(lambda p: tf.while_loop(lambda i, a: i < 6, lambda i, a: (i + 1, tf.cond(
            tf.equal(i % 2, 0), lambda: a * 2.0, lambda: a + 1.0)), [0, p["x"]])), [{"x": v.random(F, (4,), r)}], rule=NEAR)
        # What can fail runs only where the model runs it.
        yield Case(f"While/{way}/failing", wrap(lambda p: tf.while_loop(lambda i, a: i < p["n"], lambda i, a: (
            i + 1, a + p["x"] // p["d"] + tf.gather(p["x"], p["d"])), [0, p["x"]])),
                   [{"n": np.int32(n), "d": np.int32(d), "x": np.array([5, -7, 9], np.int32)} for n, d in ((0, 0), (2, 2), (0, 9))])
        yield Case(f"If/{way}/failing", wrap(lambda p: tf.cond(
            p["p"] > 0.0, lambda: p["x"] + tf.constant([6, 4]) // tf.constant([0, 2]), lambda: p["x"])),
                   [{"p": F(a), "x": np.array([1, 2], np.int32)} for a in (-1, 1)])
        yield Case(f"Case/{way}/three", wrap(lambda p: tf.switch_case(p["i"], [lambda: p["x"] * 2.0, lambda: p["x"] + 1.0, lambda: -p["x"]])),
                   [{"i": np.int32(i), "x": v.random(F, (4,), r)} for i in (-1, 0, 1, 2, 9)], rule=NEAR)
        yield Case(f"While/{way}/nested", wrap(lambda p: tf.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, tf.while_loop(
            lambda j, b: j < i, lambda j, b: (j + 1, b * 1.5), [0, a])[1] + 1.0), [0, p["x"]])), [{"x": v.random(F, (4,), r)}], rule=NEAR)


def cases():
    yield from index_cases()
    yield from math_cases()
    yield from control_cases()
