"""The file of cases that `ingot-conform` reads, for conformance and fuzz tests.

    file   = "INGOTCF1" case*
    case   = u32 length, JSON header, GraphDef bytes, tensor bytes
    header = {"name", "graph": bytes of the GraphDef,
              "feeds": [name...], "shapes": {feed: "nx4xf32"},
              "fetches": [name...], "rules": [{"ulp": 4, "atol": 0}...],
              "runs": [{"feeds": [tensor...], "fetches": [tensor...], "truth": [tensor or null...]} or
                       {"feeds": [...], "error": true}]}
    tensor = {"dtype": "f32", "shape": [2, 3]}; its bytes follow the GraphDef, in
             the order in which the header names tensors, little-endian, i1 as bytes

A case is compiled once and run once for each of `runs`. `fetches` are
TensorFlow's results; `truth`, where present, is a float64 result, and a value
passes if it is within the rule of either. A rule of 0 ulp means the same bits
(any NaN equals any NaN; denormals equal zero); "zero": true lets zeros differ in
sign; "atol" and "rtol" allow a distance. A run with `error` must fail with a status.
"""
import json
import struct

import numpy as np
import tensorflow as tf

MAGIC = b"INGOTCF1"
DTYPES = {"bool": "i1", "int8": "i8", "int16": "i16", "int32": "i32", "int64": "i64", "uint8": "ui8", "uint16": "ui16",
          "uint32": "ui32", "uint64": "ui64", "float16": "f16", "bfloat16": "bf16", "float32": "f32", "float64": "f64",
          "complex64": "c64", "complex128": "c128"}


class Case:
    """A graph built by `build(placeholders) -> [tensors]` and the feeds of its runs.

    `dims[name]` spells the declared shape of a feed: "4x5", "?x5", "nxm", "" for
    rank 0; static shapes of the first run where it is missing. `truth` asks for a
    float64 result; the graph is then built a second time with float64 feeds.
    `rules` is a list of a rule for each result, or makes one of (results, truth).
    """

    def __init__(self, name, build, runs, dims=None, rule=None, truth=False, error=False, rules=None):
        self.name, self.build, self.runs, self.dims = name, build, runs, dims or {}
        self.rule, self.truth, self.error, self.rules = rule or {"ulp": 0}, truth, error, rules


def declared(case, name):
    if name in case.dims:
        return [d for d in case.dims[name].split("x") if d]
    return [str(n) for n in case.runs[0][name].shape]


def wide(value):
    """float64 (or complex128) for a narrower float."""
    if value.dtype.kind == "c":
        return value.astype(np.complex128)
    return value.astype(np.float64) if value.dtype.kind == "f" or value.dtype.name == "bfloat16" else value


def graph_of(case, convert=lambda v: v):
    graph = tf.Graph()
    with graph.as_default():
        feeds = {}
        for name in case.runs[0]:
            shape = [int(d) if d.isdigit() else None for d in declared(case, name)]
            feeds[name] = tf.compat.v1.placeholder(convert(case.runs[0][name]).dtype, shape, name=name)
        out = case.build(feeds)
    return graph, list(out if isinstance(out, (list, tuple)) else [out])


def run_graph(graph, out, runs, convert=lambda v: v):
    with tf.compat.v1.Session(graph=graph, config=CONFIG) as s:
        return [[np.asarray(v) for v in s.run(out, {f"{n}:0": convert(v) for n, v in run.items()})] for run in runs]


CONFIG = tf.compat.v1.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)
CONFIG.graph_options.rewrite_options.disable_meta_optimizer = True
CONFIG.graph_options.optimizer_options.opt_level = -1


def fetch_name(tensor):
    return tensor.name.removesuffix(":0")


def encode(case):
    """The bytes of a case, or None if this TensorFlow cannot run it."""
    try:
        graph, out = graph_of(case)
        results = None if case.error else run_graph(graph, out, case.runs)
        if case.error:
            try:
                run_graph(graph, out, case.runs)
                raise AssertionError(f"{case.name}: TensorFlow reports no error")
            except tf.errors.OpError:
                pass
    except (tf.errors.OpError, TypeError, ValueError):
        return None
    truth = None
    if case.truth:
        try:
            truth = run_graph(*graph_of(case, wide), case.runs, wide)
        except (tf.errors.OpError, TypeError, ValueError):
            pass
    blobs = []

    def tensor(v):
        blobs.append(np.ascontiguousarray(v).tobytes())
        return {"dtype": DTYPES[v.dtype.name], "shape": list(v.shape)}

    runs = []
    for i, feeds in enumerate(case.runs):
        run = {"feeds": [tensor(v) for v in feeds.values()]}
        if case.error:
            run["error"] = True
        else:
            run["fetches"] = [tensor(v) for v in results[i]]
            if truth:
                run["truth"] = [tensor(t) if t.dtype.kind in "fc" else None for t in truth[i]]
        runs.append(run)
    rules = case.rules(results, truth) if callable(case.rules) else case.rules or [case.rule] * len(out)
    graph_bytes = graph.as_graph_def().SerializeToString(deterministic=True)
    header = {"name": case.name, "graph": len(graph_bytes), "feeds": list(case.runs[0]),
              "shapes": {n: "x".join(declared(case, n) + [DTYPES[v.dtype.name]]) for n, v in case.runs[0].items()},
              "fetches": [fetch_name(t) for t in out], "rules": rules, "runs": runs}
    text = json.dumps(header).encode()
    return struct.pack("<I", len(text)) + text + graph_bytes + b"".join(blobs)


def write(path, cases, quiet=False):
    """Writes all cases that TensorFlow runs; returns how many."""
    count, names = 0, set()
    with open(path, "wb") as f:
        f.write(MAGIC)
        for case in cases:
            if case.name in names:
                raise ValueError(f"two cases are called {case.name}")
            names.add(case.name)
            data = encode(case)
            if data:
                f.write(data)
                count += 1
            elif not quiet:
                print(f"TensorFlow has no {case.name}")
    return count
