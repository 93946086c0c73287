"""Contractions, convolutions, pooling, normalization, softmax and losses."""
import numpy as np
import tensorflow as tf

import values as v
from container import Case

raw = tf.raw_ops
F = np.float32


def dot_rule(d, k, scale=4.0):
    """Any order of a sum of k products of values of about this scale."""
    if np.dtype(d).kind in "iu":
        return {"ulp": 0}
    if v.name(d) == "float16":
        return {"ulp": 2, "atol": 2e-3 * scale}
    if v.name(d) == "bfloat16":
        return {"ulp": 2, "atol": 2e-2 * scale}
    eps = 2.0 ** -23 if v.name(d) in ("float32", "complex64") else 2.0 ** -52
    return {"ulp": 4, "atol": eps * scale * max(4, k) * 1.5}


def label(*parts):
    return "_".join(str(list(p) if isinstance(p, tuple) else p).replace(" ", "") for p in parts)


def matmul_cases():
    r = v.rng("matmul")
    for d in v.FLOATS + [np.int32, np.int64] + v.COMPLEX:
        a, b = v.random(d, (5, 7), r), v.random(d, (7, 6), r)
        yield Case(f"MatMul/{v.name(d)}/dtype", lambda p: raw.MatMul(a=p["a"], b=p["b"]), [{"a": a, "b": b}],
                   rule=dot_rule(d, 7), truth=v.is_float(d))
    for m, k, n in [(1, 1, 1), (1, 64, 10), (3, 5, 7), (8, 16, 32), (17, 33, 65), (64, 128, 48), (0, 3, 4), (3, 0, 4), (3, 4, 0),
                    (1, 784, 512), (33, 784, 10), (128, 256, 130)]:
        for ta, tb in ((False, False), (True, False), (False, True), (True, True)):
            a = v.random(F, (k, m) if ta else (m, k), r)
            b = v.random(F, (n, k) if tb else (k, n), r)
            build = lambda p, ta=ta, tb=tb: raw.MatMul(a=p["a"], b=p["b"], transpose_a=ta, transpose_b=tb)
            yield Case(f"MatMul/float32/{m}x{k}x{n}_ta{ta:d}tb{tb:d}", build, [{"a": a, "b": b}], rule=dot_rule(F, k), truth=True)
    for k, n in ((5, 3), (64, 100), (300, 17)):
        w = v.random(F, (k, n), r)
        yield Case(f"MatMul/float32/const{k}x{n}", lambda p, w=w: raw.MatMul(a=p["a"], b=w),
                   [{"a": v.random(F, (b, k), r)} for b in (1, 2, 7, 32, 129)], {"a": f"?x{k}"}, dot_rule(F, k), truth=True)
    yield Case("MatMul/float32/unknown", lambda p: raw.MatMul(a=p["a"], b=p["b"]),
               [{"a": v.random(F, (m, k), r), "b": v.random(F, (k, n), r)} for m, k, n in [(1, 1, 1), (3, 5, 7), (20, 33, 40)]],
               {"a": "mxk", "b": "kxn"}, dot_rule(F, 33), truth=True)
    x = np.array([[1, np.nan], [np.inf, 2]], F)
    yield Case("MatMul/float32/nan", lambda p: raw.MatMul(a=p["a"], b=p["b"]), [{"a": x, "b": np.array([[1, 0], [0, 1]], F)}])
    for sa, sb in [((2, 3, 4), (2, 4, 5)), ((2, 3, 4), (4, 5)), ((1, 3, 4), (6, 4, 5)), ((2, 1, 3, 4), (1, 3, 4, 5)), ((3, 4), (4, 5)),
                   ((0, 3, 4), (0, 4, 5))]:
        for x, y in ((False, False), (True, False), (False, True)):
            a = v.random(F, sa[:-2] + ((sa[-1], sa[-2]) if x else sa[-2:]), r)
            b = v.random(F, sb[:-2] + ((sb[-1], sb[-2]) if y else sb[-2:]), r)
            yield Case(f"BatchMatMulV2/float32/{label(sa, sb)}_x{x:d}y{y:d}", lambda p, x=x, y=y: raw.BatchMatMulV2(
                x=p["a"], y=p["b"], adj_x=x, adj_y=y), [{"a": a, "b": b}], rule=dot_rule(F, 4), truth=True)
    yield Case("BatchMatMulV2/float32/unknown", lambda p: raw.BatchMatMulV2(x=p["a"], y=p["b"], adj_y=True),
               [{"a": v.random(F, (b, t, 8), r), "b": v.random(F, (b, t, 8), r)} for b, t in [(1, 1), (2, 5), (3, 17)]],
               {"a": "batchxlenx8", "b": "batchxlenx8"}, dot_rule(F, 8), truth=True)


CONVS = [  # input, filter, strides, padding, dilations
    ((1, 5, 5, 1), (3, 3, 1, 1), 1, "SAME", 1), ((2, 8, 8, 3), (3, 3, 3, 8), 1, "SAME", 1), ((2, 8, 8, 3), (3, 3, 3, 8), 2, "SAME", 1),
    ((2, 9, 7, 3), (3, 3, 3, 8), 2, "VALID", 1), ((1, 7, 7, 16), (1, 1, 16, 32), 1, "VALID", 1), ((1, 8, 8, 16), (1, 1, 16, 24), 2, "SAME", 1),
    ((1, 12, 12, 4), (5, 5, 4, 6), 1, "SAME", 1), ((1, 15, 15, 3), (7, 7, 3, 8), 2, "VALID", 1), ((1, 9, 9, 2), (3, 3, 2, 4), 1, "SAME", 2),
    ((1, 9, 9, 2), (3, 3, 2, 4), 1, "VALID", 2), ((1, 6, 6, 4), (2, 4, 4, 3), 1, "SAME", 1), ((1, 6, 6, 4), (3, 3, 4, 3), 1, [[0, 0], [1, 2], [0, 3], [0, 0]], 1),
    ((2, 4, 4, 8), (3, 3, 4, 6), 1, "SAME", 1), ((2, 4, 4, 8), (3, 3, 2, 8), 1, "SAME", 1), ((0, 5, 5, 2), (3, 3, 2, 4), 1, "SAME", 1),
    ((1, 1, 1, 5), (1, 1, 5, 7), 1, "SAME", 1), ((1, 14, 14, 64), (3, 3, 64, 64), 1, "SAME", 1), ((3, 20, 20, 1), (5, 5, 1, 6), 1, "SAME", 1),
    ((1, 2, 2, 3), (3, 3, 3, 4), 1, "SAME", 1)]


def conv(p_in, w, stride, padding, dilation):
    explicit = [] if isinstance(padding, str) else [n for pair in padding for n in pair]
    return raw.Conv2D(input=p_in, filter=w, strides=[1, stride, stride, 1], padding="EXPLICIT" if explicit else padding,
                      explicit_paddings=explicit, dilations=[1, dilation, dilation, 1])


def conv_cases():
    r = v.rng("conv")
    for s, f, stride, padding, dil in CONVS:
        k = int(np.prod(f[:3]))
        x, w = v.random(F, s, r), v.random(F, f, r, 0.5)
        name = label(s, f, stride, padding, dil)
        yield Case(f"Conv2D/float32/{name}", lambda p, a=(stride, padding, dil): conv(p["x"], p["w"], *a), [{"x": x, "w": w}],
                   rule=dot_rule(F, k), truth=True)
        if s[0] == 0:
            continue
        yield Case(f"Conv2D/float32/{name}_batch", lambda p, w=w, a=(stride, padding, dil): conv(p["x"], w, *a),
                   [{"x": v.random(F, (b,) + s[1:], r)} for b in (1, 3)], {"x": "?x" + "x".join(map(str, s[1:]))},
                   dot_rule(F, k), truth=True)
    w = v.random(F, (3, 3, 3, 8), r, 0.5)
    for padding in ("SAME", "VALID"):
        for stride in (1, 2):
            yield Case(f"Conv2D/float32/unknown_{padding}_{stride}", lambda p, a=(stride, padding, 1): conv(p["x"], w, *a),
                       [{"x": v.random(F, s, r)} for s in [(1, 3, 3, 3), (2, 8, 9, 3), (1, 17, 5, 3)]], {"x": "nxhxwx3"},
                       dot_rule(F, 27), truth=True)
    for d in (np.float64, np.float16, v.BF16):
        x, w2 = v.random(d, (1, 6, 6, 3), r), v.random(d, (3, 3, 3, 4), r, 0.5)
        yield Case(f"Conv2D/{v.name(d)}/dtype", lambda p: conv(p["x"], p["w"], 1, "SAME", 1), [{"x": x, "w": w2}],
                   rule=dot_rule(d, 27), truth=True)
    for s, f, stride, padding in [((1, 6, 6, 4), (3, 3, 4, 1), 1, "SAME"), ((2, 7, 7, 3), (3, 3, 3, 2), 2, "VALID"),
                                  ((1, 8, 8, 16), (3, 3, 16, 1), 2, "SAME"), ((1, 9, 9, 5), (5, 5, 5, 1), 1, "SAME")]:
        yield Case(f"DepthwiseConv2dNative/float32/{label(s, f, stride, padding)}",
                   lambda p, stride=stride, padding=padding: raw.DepthwiseConv2dNative(
                       input=p["x"], filter=p["w"], strides=[1, stride, stride, 1], padding=padding),
                   [{"x": v.random(F, s, r), "w": v.random(F, f, r)}], rule=dot_rule(F, f[0] * f[1]), truth=True)


def pool_cases():
    r = v.rng("pool")
    for op, arg in (("MaxPool", "input"), ("AvgPool", "value")):
        for d in (F, np.float64, np.float16, v.BF16):
            yield pool(op, arg, d, (1, 6, 6, 3), (2, 2), 2, "VALID", r)
        for s, k, stride, padding in [((1, 6, 6, 3), (2, 2), 2, "SAME"), ((2, 7, 7, 3), (3, 3), 2, "SAME"), ((2, 7, 7, 3), (3, 3), 2, "VALID"),
                                      ((1, 5, 6, 16), (3, 2), 1, "SAME"), ((1, 7, 7, 8), (7, 7), 1, "VALID"), ((1, 4, 4, 1), (1, 1), 2, "SAME"),
                                      ((0, 4, 4, 2), (2, 2), 2, "VALID"), ((1, 112, 8, 64), (3, 3), 2, "VALID")]:
            yield pool(op, arg, F, s, k, stride, padding, r)
        yield pool(op, arg, F, (1, 6, 6, 3), (2, 2), 2, "VALID", r, "?x6x6x3", [(1, 6, 6, 3), (4, 6, 6, 3)])
        yield pool(op, arg, F, (1, 6, 6, 3), (3, 3), 2, "SAME", r, "nxhxwx3", [(1, 6, 6, 3), (2, 9, 4, 3), (1, 1, 1, 3)])
    # No NaN in MaxPool: TensorFlow returns it or not by its place in the window.
    x = np.array([-4, 1, 2, 3, -np.inf, np.inf, 0, -0.0] * 2, F).reshape(1, 4, 4, 1)
    for op, arg in (("MaxPool", "input"), ("AvgPool", "value")):
        yield Case(f"{op}/float32/special", lambda p, op=op, arg=arg: getattr(raw, op)(
            **{arg: p["x"]}, ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding="VALID"), [{"x": x}])


def pool(op, arg, d, s, k, stride, padding, r, dims=None, shapes=None):
    tag = f"{label(s, k, stride, padding)}{'_' + dims if dims else ''}"
    return Case(f"{op}/{v.name(d)}/{tag}", lambda p: getattr(raw, op)(
        **{arg: p["x"]}, ksize=[1, *k, 1], strides=[1, stride, stride, 1], padding=padding),
        [{"x": v.random(d, t, r)} for t in (shapes or [s])], {"x": dims} if dims else None,
        {"ulp": 0} if op == "MaxPool" else dot_rule(d, k[0] * k[1], 1.0), truth=op != "MaxPool")


def softmax_cases():
    r = v.rng("softmax")
    for op in ("Softmax", "LogSoftmax"):
        for d in v.FLOATS:
            yield Case(f"{op}/{v.name(d)}/dtype", lambda p, op=op: getattr(raw, op)(logits=p["x"]), [{"x": v.random(d, (4, 10), r)}],
                       rule=dot_rule(d, 10, 1.0) | {"ulp": 8}, truth=True)
        for s in [(1,), (10,), (3, 1), (3, 17), (0, 5), (2, 3, 4), (2, 3, 4, 5), (5, 1000)]:
            yield Case(f"{op}/float32/{label(s)}", lambda p, op=op: getattr(raw, op)(logits=p["x"]), [{"x": v.random(F, s, r, 5.0)}],
                       rule={"ulp": 8, "atol": 1e-6 if op == "LogSoftmax" else 1e-9}, truth=True)
        yield Case(f"{op}/float32/unknown", lambda p, op=op: getattr(raw, op)(logits=p["x"]),
                   [{"x": v.random(F, s, r, 5.0)} for s in [(1, 1), (3, 10), (2, 65)]], {"x": "nxm"}, {"ulp": 8, "atol": 1e-6}, truth=True)
        x = np.array([[1, 2, np.nan], [np.inf, 1, 2], [-np.inf, 1, 2], [-np.inf, -np.inf, -np.inf], [1e30, -1e30, 0], [100, 0, -100]], F)
        yield Case(f"{op}/float32/special", lambda p, op=op: getattr(raw, op)(logits=p["x"]), [{"x": x}], rule={"ulp": 8, "atol": 1e-9})
    for b, n in ((1, 2), (5, 10), (32, 100)):
        x = v.random(F, (b, n), r, 3.0)
        yield Case(f"SparseSoftmaxCrossEntropyWithLogits/float32/{b}x{n}",
                   lambda p: list(raw.SparseSoftmaxCrossEntropyWithLogits(features=p["x"], labels=p["y"])),
                   [{"x": x, "y": r.integers(0, n, b)}], rule={"ulp": 8, "atol": 1e-6}, truth=True)
        y = np.abs(v.random(F, (b, n), r))
        yield Case(f"SoftmaxCrossEntropyWithLogits/float32/{b}x{n}",
                   lambda p: list(raw.SoftmaxCrossEntropyWithLogits(features=p["x"], labels=p["y"])),
                   [{"x": x, "y": (y / y.sum(1, keepdims=True)).astype(F)}], rule={"ulp": 8, "atol": 2e-6}, truth=True)
    for s in [(3,), (4, 5)]:
        yield Case(f"L2Loss/float32/{label(s)}", lambda p: raw.L2Loss(t=p["x"]), [{"x": v.random(F, s, r)}], rule={"ulp": 4}, truth=True)


def bias_cases():
    r = v.rng("bias")
    for d in v.FLOATS + [np.int32, np.int64]:
        yield Case(f"BiasAdd/{v.name(d)}/dtype", lambda p: raw.BiasAdd(value=p["x"], bias=p["b"]),
                   [{"x": v.random(d, (3, 5), r), "b": v.random(d, (5,), r)}])
    for s in [(3, 5), (2, 3, 5), (2, 3, 4, 5), (2, 1, 3, 4, 5), (0, 5)]:
        yield Case(f"BiasAdd/float32/{label(s)}", lambda p: raw.BiasAdd(value=p["x"], bias=p["b"]),
                   [{"x": v.random(F, s, r), "b": v.random(F, s[-1:], r)}])
        if len(s) > 2:
            yield Case(f"BiasAdd/float32/{label(s)}_NCHW", lambda p: raw.BiasAdd(value=p["x"], bias=p["b"], data_format="NCHW"),
                       [{"x": v.random(F, s, r), "b": v.random(F, s[1:2], r)}])
    yield Case("BiasAdd/float32/unknown", lambda p: raw.BiasAdd(value=p["x"], bias=p["b"]),
               [{"x": v.random(F, (n, m, 5), r), "b": v.random(F, (5,), r)} for n, m in [(1, 1), (3, 4)]], {"x": "nxmx5"})
    for d in (F,):
        for training in (False, True):
            x, c = v.random(d, (2, 4, 5, 6), r), (6,)
            feeds = {"x": x, "scale": v.random(F, c, r), "offset": v.random(F, c, r)}
            if not training:
                feeds |= {"mean": v.random(F, c, r), "variance": np.abs(v.random(F, c, r)) + F(0.1)}
            yield Case(f"FusedBatchNormV3/float32/training={training}", lambda p, t=training: list(raw.FusedBatchNormV3(
                x=p["x"], scale=p["scale"], offset=p["offset"], mean=p.get("mean", np.zeros(0, F)),
                variance=p.get("variance", np.zeros(0, F)), epsilon=1e-3, is_training=t))[:3 if training else 1],
                [feeds], rule={"ulp": 16, "atol": 2e-5})


def backward_cases():
    r = v.rng("backward")
    for s, f, stride, padding, dil in CONVS[:8] + CONVS[10:11] + CONVS[16:17]:
        x, w = v.random(F, s, r), v.random(F, f, r, 0.5)
        out = conv(tf.constant(x), tf.constant(w), stride, padding, dil).shape.as_list()
        dy = v.random(F, out, r)
        kw = {"strides": [1, stride, stride, 1], "padding": padding, "dilations": [1, dil, dil, 1]}
        yield Case(f"Conv2DBackpropInput/float32/{label(s, f, stride, padding)}", lambda p, s=s, kw=kw: raw.Conv2DBackpropInput(
            input_sizes=s, filter=p["w"], out_backprop=p["dy"], **kw), [{"w": w, "dy": dy}], rule=dot_rule(F, int(np.prod(f))), truth=True)
        yield Case(f"Conv2DBackpropFilter/float32/{label(s, f, stride, padding)}", lambda p, f=f, kw=kw: raw.Conv2DBackpropFilter(
            input=p["x"], filter_sizes=f, out_backprop=p["dy"], **kw), [{"x": x, "dy": dy}],
            rule=dot_rule(F, int(np.prod(out[:3])), 8.0), truth=True)
    for s, k, stride, padding in [((1, 6, 6, 3), 2, 2, "VALID"), ((2, 7, 7, 3), 3, 2, "SAME"), ((1, 5, 5, 2), 3, 1, "SAME")]:
        x = v.ties(F, s, r)
        kw = {"ksize": [1, k, k, 1], "strides": [1, stride, stride, 1], "padding": padding}
        y = raw.MaxPool(input=x, **kw).numpy()
        dy = v.random(F, y.shape, r)
        yield Case(f"MaxPoolGrad/float32/{label(s, k, stride, padding)}", lambda p, kw=kw: raw.MaxPoolGrad(
            orig_input=p["x"], orig_output=p["y"], grad=p["dy"], **kw), [{"x": x, "y": y, "dy": dy}], rule={"ulp": 4, "atol": 1e-6})
        yield Case(f"AvgPoolGrad/float32/{label(s, k, stride, padding)}", lambda p, kw=kw, s=s: raw.AvgPoolGrad(
            orig_input_shape=np.array(s, np.int32), grad=p["dy"], **kw), [{"dy": dy}], rule={"ulp": 4, "atol": 1e-6})
    for s in [(3, 5), (2, 3, 4, 5)]:
        yield Case(f"BiasAddGrad/float32/{label(s)}", lambda p: raw.BiasAddGrad(out_backprop=p["dy"]), [{"dy": v.random(F, s, r)}],
                   rule=dot_rule(F, 24))


def cases():
    for group in (matmul_cases, conv_cases, pool_cases, softmax_cases, bias_cases, backward_cases):
        yield from group()
