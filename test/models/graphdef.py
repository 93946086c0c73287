#!/usr/bin/env python3
"""Stations 1 and 2 against TensorFlow: graphs written back, as read and made
pure, must load in TensorFlow and give the very same bits.

    graphdef.py --opt PATH_OF_INGOT_OPT

Needs TensorFlow. The models are made here: state in loops and branches, tables,
TensorFlow 1 loops and conditionals, nested, lowered and with effects,
partitioned variables. The last line is `N passed, N failed`.
"""
import argparse
import os
import pathlib
import subprocess
import tempfile

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from tensorflow.python.framework.convert_to_constants import (  # noqa: E402
    convert_variables_to_constants_v2)
from checks import check, finish  # noqa: E402

v1 = tf.compat.v1
random = np.random.RandomState(0)


def floats(*shape):
    return random.randn(*shape).astype(np.float32)


class Checker:
    def __init__(self, opt, folder):
        self.opt, self.folder = opt, pathlib.Path(folder)

    def emit(self, model, *options):
        """The GraphDef that ingot-opt writes for a model."""
        out = self.folder / "out.pb"
        result = subprocess.run(
            [self.opt, "--import", str(model), *options, "--emit-graphdef", "-o", str(out)],
            capture_output=True, text=True, timeout=60)
        if result.returncode != 0:
            raise RuntimeError(result.stderr.strip()[:500])
        graph = v1.GraphDef()
        graph.ParseFromString(out.read_bytes())
        return graph

    @staticmethod
    def run(graph_def, feeds, fetches):
        with tf.Graph().as_default():
            v1.import_graph_def(graph_def, name="")
            with v1.Session() as session:
                return session.run(fetches, feeds)

    def check(self, name, expected, model, options, feeds, fetches):
        try:
            actual = self.run(self.emit(model, *options), feeds, fetches)
            good = all(np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
                       for a, b in zip(map(np.asarray, expected), map(np.asarray, actual)))
            detail = "" if good else "results differ"
        except Exception as error:  # a test reports whatever goes wrong
            good, detail = False, str(error)
        check(name, good, detail)


class Stateful(tf.Module):
    """Variables read and written inside loops and branches, and as tables."""

    def __init__(self):
        super().__init__()
        self.v = tf.Variable(tf.ones([3]) * 2, name="v")
        self.n = tf.Variable(0, name="n")
        self.t = tf.Variable(tf.reshape(tf.range(12.0), [6, 2]), name="t")

    @tf.function(input_signature=[tf.TensorSpec([], tf.int32)])
    def loop(self, k):
        i = tf.constant(0)
        while i < k:
            self.v.assign_add(tf.ones([3]) * tf.cast(i, tf.float32))
            if i % 2 == 0:
                self.n.assign_add(1)
                if i > 2:
                    self.v.assign(self.v * 0.5)
            else:
                self.n.assign(self.n * 2)
            for j in tf.range(3):
                self.n.assign_add(j)
            i += 1
        return {"v": self.v.read_value(), "n": self.n.read_value(), "i": i}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.int32)])
    def table(self, ids):
        self.t.scatter_nd_add(ids[:, None], tf.ones([tf.shape(ids)[0], 2]))
        return {"rows": tf.gather(self.t, ids), "all": self.t.read_value()}

    @tf.function(input_signature=[tf.TensorSpec([], tf.int32), tf.TensorSpec([3], tf.float32)])
    def switch(self, k, x):
        def first():
            self.v.assign(x)
            return x * 2

        def second():
            self.n.assign_add(5)
            return x * 3

        y = tf.switch_case(k, {0: first, 1: second}, default=lambda: x)
        tf.debugging.assert_greater(y, -1e9)
        return {"y": y, "v": self.v.read_value(), "n": self.n.read_value()}


def stateful(checker):
    path = str(checker.folder / "stateful")
    module = Stateful()
    tf.saved_model.save(module, path, signatures={
        "loop": module.loop, "table": module.table, "switch": module.switch})
    cases = [("loop", {"k": np.int32(k)}) for k in (0, 1, 7)]
    cases += [("table", {"ids": np.array([1, 3, 3], np.int32)})]
    cases += [("switch", {"k": np.int32(k), "x": floats(3)}) for k in (0, 1, 2)]
    for i, (name, inputs) in enumerate(cases):
        # Each call starts from the saved state.
        call = tf.saved_model.load(path).signatures[name]
        expected = call(**{key: tf.constant(value) for key, value in inputs.items()})
        outputs = sorted(expected)
        checker.check(f"stateful/{name}/{i}", [expected[o].numpy() for o in outputs], path,
                      ["--signature", name, "--simplify-graph"],
                      {f"{key}:0": value for key, value in inputs.items()},
                      [f"{o}:0" for o in outputs])


def nested(checker):
    """Loops in loops with conditionals, as functions and lowered to frames."""
    @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32), tf.TensorSpec([], tf.int32)])
    def model(x, k):
        acc = tf.zeros_like(x)
        i = tf.constant(0)
        while i < k:
            j = tf.constant(0)
            while j < i:
                if tf.reduce_sum(acc) > 0.0:
                    acc = acc - x
                else:
                    acc = acc + 2.0 * x
                j += 1
            if i % 3 == 1:
                acc *= 1.5
            i += 1
            if tf.reduce_max(acc) > 100.0:
                break
        return acc

    for lowered in (True, False):
        frozen = convert_variables_to_constants_v2(
            model.get_concrete_function(), lower_control_flow=lowered)
        path = checker.folder / "nested.pb"
        path.write_bytes(frozen.graph.as_graph_def().SerializeToString())
        inputs, output = [t.name for t in frozen.inputs], frozen.outputs[0].name
        for mode in ([], ["--simplify-graph"]):
            for k in (0, 1, 5, 9):
                x = floats(2, 4)
                checker.check(
                    f"nested/{'frames' if lowered else 'functions'}/{'pure' if mode else 'read'}/{k}",
                    [model(x, k).numpy()], path, ["--fetch", output.split(":")[0], *mode],
                    {inputs[0]: x, inputs[1]: np.int32(k)}, [output])


def tf1(checker, name, build, cases):
    """A TensorFlow 1 SavedModel with variables; outputs are o0, o1..."""
    path = str(checker.folder / name)
    with v1.Graph().as_default() as graph, v1.Session() as session:
        outputs = build()
        session.run(v1.global_variables_initializer())
        inputs = {node.name: graph.get_tensor_by_name(node.name + ":0")
                  for node in graph.as_graph_def().node if node.op == "Placeholder"}
        signature = v1.saved_model.build_signature_def(
            {key: v1.saved_model.build_tensor_info(t) for key, t in inputs.items()},
            {f"o{i}": v1.saved_model.build_tensor_info(t) for i, t in enumerate(outputs)}, "predict")
        builder = v1.saved_model.Builder(path)
        builder.add_meta_graph_and_variables(session, ["serve"], {"serving_default": signature})
        builder.save()
    names = [f"o{i}" for i in range(len(outputs))]
    for i, feeds in enumerate(cases):
        feeds = {f"{key}:0": value for key, value in feeds.items()}
        with v1.Graph().as_default(), v1.Session() as session:
            meta = v1.saved_model.load(session, ["serve"], path)
            infos = meta.signature_def["serving_default"].outputs
            expected = session.run([infos[o].name for o in names], feeds)
        checker.check(f"tf1/{name}/{i}", expected, path, ["--simplify-graph"], feeds,
                      [f"{o}:0" for o in names])


def loop_with_state():
    x = v1.placeholder(tf.float32, [2, 3], name="x")
    k = v1.placeholder(tf.int32, [], name="k")
    w = v1.get_variable("w", [3, 3], use_resource=False)
    c = v1.get_variable("c", [], initializer=v1.zeros_initializer(), use_resource=True)

    def body(i, a):
        with tf.control_dependencies([c.assign_add(1.0)]):
            a = v1.cond(tf.equal(i % 2, 0), lambda: tf.matmul(a, w), lambda: a + c)
        return i + 1, a

    # One iteration at a time: TensorFlow's own order is not defined otherwise.
    i, y = v1.while_loop(lambda i, a: i < k, body, [tf.constant(0), x], parallel_iterations=1)
    with tf.control_dependencies([y]):
        return y, i, c.read_value()


def conditional_state():
    x = v1.placeholder(tf.float32, [3], name="x")
    p = v1.placeholder(tf.bool, [], name="p")
    q = v1.placeholder(tf.bool, [], name="q")
    n = v1.get_variable("n", [3], initializer=v1.ones_initializer(), use_resource=False)

    def then():
        a = v1.assign_add(n, x)
        return v1.cond(q, lambda: a * 2.0, lambda: tf.identity(x))

    y = v1.cond(p, then, lambda: v1.assign(n, x * 3.0) + 0.0)
    with tf.control_dependencies([y]):
        r = tf.identity(n.read_value())
    return y, r, v1.cond(p, lambda: y + 1.0, lambda: y - 1.0)


def partitioned():
    x = v1.placeholder(tf.float32, [None, 3], name="x")
    parts = v1.get_variable("part", [4, 3], partitioner=v1.fixed_size_partitioner(2),
                            use_resource=False)
    return (tf.matmul(x, tf.transpose(tf.convert_to_tensor(parts))),)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--opt", required=True)
    with tempfile.TemporaryDirectory(prefix="ingot-graphdef-") as folder:
        checker = Checker(parser.parse_args().opt, folder)
        stateful(checker)
        nested(checker)
        v1.disable_control_flow_v2()
        tf1(checker, "loop", loop_with_state,
            [{"x": floats(2, 3), "k": np.int32(k)} for k in (0, 1, 4)])
        tf1(checker, "conditional", conditional_state,
            [{"x": floats(3), "p": p, "q": q} for p in (True, False) for q in (True, False)])
        tf1(checker, "partitioned", partitioned, [{"x": floats(2, 3)}])
    finish()


main()
