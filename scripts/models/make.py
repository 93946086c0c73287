#!/usr/bin/env python3
"""Makes the test models with TensorFlow: SavedModel, frozen GraphDef, inputs and references.

    make.py --out DIR [--small] [--only NAME ...]

Each model gets DIR/NAME/: saved_model/, frozen.pb, data/*.npy and manifest.json,
which test/models/run.py and the benchmarks read. References of a case are
TensorFlow float32 with oneDNN off (f32) and on (f32_onednn), and the same model
in float64 (f64). oneDNN is chosen when TensorFlow starts, hence the second
process (--onednn) that only adds its references.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

ap = argparse.ArgumentParser()
ap.add_argument("--out", required=True, type=pathlib.Path)
ap.add_argument("--small", action="store_true", help="the small versions that are checked in")
ap.add_argument("--only", nargs="*", help="names of models")
ap.add_argument("--onednn", action="store_true", help="internal: add the references with oneDNN")
args = ap.parse_args()

os.environ["TF_ENABLE_ONEDNN_OPTS"] = "1" if args.onednn else "0"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
import keras
import numpy as np
import tensorflow as tf
import zoo
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

tf.get_logger().setLevel("ERROR")

DTYPES = {"float32": "f32", "float64": "f64", "int32": "i32", "int64": "i64", "bool": "i1"}


def spell(shape, dtype):
    """A type as the command line spells it: ?x28x28x1xf32."""
    dims = [] if shape is None else ["?" if d is None or d < 0 else str(d) for d in shape]
    return "x".join(dims + [DTYPES[tf.as_dtype(dtype).name]])


def save_array(folder, name, value):
    file = re.sub(r"[^A-Za-z0-9_.-]", "_", name) + ".npy"
    np.save(folder / file, np.asarray(value))
    return f"{folder.name}/{file}"


class Writer:
    """One model's folder and manifest."""

    def __init__(self, name):
        self.dir = args.out / name
        shutil.rmtree(self.dir, ignore_errors=True)
        self.data = self.dir / "data"
        self.data.mkdir(parents=True)
        self.manifest = {"name": name, "saved_model": "saved_model", "signatures": {}, "cases": [],
                         "rows": True, "stateful": False, "shapes": []}
        if args.small:
            self.manifest["small"] = True

    def signature(self, name, inputs, outputs):
        self.manifest["signatures"][name] = {
            "inputs": {n: spell(t.shape, t.dtype) for n, t in sorted(inputs.items())},
            "outputs": {n: spell(t.shape, t.dtype) for n, t in sorted(outputs.items())}}

    def case(self, name, signature, feeds, f32, f64):
        self.manifest["cases"].append({
            "name": name, "signature": signature,
            "inputs": {n: save_array(self.data, f"{name}.{n}", v) for n, v in feeds.items()},
            "outputs": {n: {"f32": save_array(self.data, f"{name}.{n}.f32", f32[n]),
                            "f64": save_array(self.data, f"{name}.{n}.f64", f64[n])} for n in f32}})

    def frozen(self, graph_def, feeds, fetches):
        (self.dir / "frozen.pb").write_bytes(graph_def.SerializeToString(deterministic=True))
        self.manifest["frozen"] = {"file": "frozen.pb", "feeds": feeds, "fetches": fetches}

    def finish(self):
        (self.dir / "manifest.json").write_text(json.dumps(self.manifest, indent=1) + "\n")


def freeze(concrete):
    frozen = convert_variables_to_constants_v2(concrete, lower_control_flow=False)
    feeds = {n.name.split(":")[0]: n.name.removesuffix(":0") for n in frozen.inputs}
    return frozen.graph.as_graph_def(), feeds, [t.name.removesuffix(":0") for t in frozen.outputs]


def make_keras(w, m):
    path = str(w.dir / "saved_model")
    m.f32.export(path, verbose=False)
    loaded = tf.saved_model.load(path)
    sig = loaded.signatures["serving_default"]
    w.signature("serving_default", sig.structured_input_signature[1], sig.structured_outputs)
    out = list(sig.structured_outputs)[0]
    key = list(sig.structured_input_signature[1])[0]
    m64 = m.twin("float64")
    for name, feeds in m.feeds.items():
        x = list(feeds.values())[0]
        x64 = x.astype(np.float64) if x.dtype == np.float32 else x
        w.case(name, "serving_default", {key: x}, {out: sig(**{key: tf.constant(x)})[out].numpy()},
               {out: np.concatenate([m64(x64[i:i + 8]).numpy() for i in range(0, len(x), 8)])})
    spec = tf.TensorSpec(m.f32.inputs[0].shape, m.f32.inputs[0].dtype, name=key)
    concrete = tf.function(lambda x: m.f32(x, training=False)).get_concrete_function(spec)
    graph_def, feeds, fetches = freeze(concrete)
    w.frozen(graph_def, {key: list(feeds.values())[0]}, {out: fetches[0]})
    w.manifest["rows"] = m.rows
    w.manifest["parameters"] = int(sum(v.size for v in m.weights))


OPTIMIZERS = {
    "adam": (["--optimizer", "adam", "--learning-rate", "0.001"], lambda: keras.optimizers.Adam(1e-3)),
    "sgd": (["--optimizer", "sgd", "--learning-rate", "0.01", "--momentum", "0.9"],
            lambda: keras.optimizers.SGD(1e-2, momentum=0.9)),
}


def train(m, dtype, optimizer, xs, ys):
    """Trains a twin over the batches `xs`, dropout off; the variables and losses after it."""
    twin = m.twin(dtype)
    keras.config.set_floatx(dtype)  # the optimizer's learning rate has this type
    opt = OPTIMIZERS[optimizer][1]()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    @tf.function
    def step(x, y):
        with tf.GradientTape() as tape:
            value = loss(y, twin(x, training=False))
        opt.apply_gradients(zip(tape.gradient(value, twin.trainable_variables), twin.trainable_variables))
        return value
    opt.build(twin.trainable_variables)
    losses = [step(tf.constant(x, dtype), tf.constant(y)).numpy() for x, y in zip(xs, ys)]
    keras.config.set_floatx("float32")
    return {"loss": np.array(losses)} | {f"v{i}": v.numpy() for i, v in enumerate(twin.trainable_variables)}


def make_training(w, name, m):
    """References of training: steps with each optimizer in float64 and float32."""
    steps, batch = (12, 8) if args.small else (50, 32)
    r = zoo.rng(name + " training")
    shape = m.f32.inputs[0].shape[1:]
    xs = (zoo.images(r, steps * batch, *shape) if len(shape) == 3 else
          r.normal(0, 1, (steps * batch, *shape))).astype(np.float32).reshape(steps, batch, *shape)
    # Labels that depend on the input, so that there is something to learn.
    ys = np.argmax(xs.reshape(steps, batch, -1)[:, :, :10], -1).astype(np.int32)
    m.twin("float64").export(str(w.dir / "saved_model_f64"), verbose=False)
    w.manifest["training"] = {
        "loss": "sparse_categorical_crossentropy", "saved_model_f64": "saved_model_f64",
        "x": save_array(w.data, "train.x", xs), "y": save_array(w.data, "train.y", ys),
        "names": [v.path for v in m.f32.trainable_variables],
        "optimizers": {o: {"options": options, "f32": {}, "f64": {}, "f32_onednn": {}}
                       for o, (options, _) in OPTIMIZERS.items()}}
    for o, entry in w.manifest["training"]["optimizers"].items():
        for dtype, key in (("float64", "f64"), ("float32", "f32")):
            for n, v in train(m, dtype, o, xs, ys).items():
                entry[key][n] = save_array(w.data, f"train.{o}.{n}.{key}", v)


def make_module(w, m):
    m32, m64 = m.cls(tf.float32), m.cls(tf.float64)
    tf.saved_model.save(m32, str(w.dir / "saved_model"), signatures=m32.functions)
    loaded = tf.saved_model.load(str(w.dir / "saved_model"))
    for name in m32.functions:
        sig = loaded.signatures[name]
        w.signature(name, sig.structured_input_signature[1], sig.structured_outputs)
    for name, sig, feeds in m.calls:
        f32 = loaded.signatures[sig](**{n: tf.constant(v) for n, v in feeds.items()})
        f64 = m64.functions[sig](**{n: tf.constant(v, tf.float64) for n, v in feeds.items()})
        w.case(name, sig, feeds, {n: v.numpy() for n, v in f32.items()}, {n: v.numpy() for n, v in f64.items()})
    extra = dict(m.manifest)
    if extra.pop("frozen", True):
        fn = m32.functions["serving_default"].get_concrete_function()
        graph_def, feeds, fetches = freeze(fn)
        w.frozen(graph_def, feeds, dict(zip(sorted(fn.structured_outputs), fetches)))
    w.manifest.update(extra)


def make_tf1(w, m):
    tf1 = tf.compat.v1
    graphs = {d: zoo.tf1_graph(d, False) for d in (tf.float32, tf.float64)}

    def run(dtype, feeds):
        with tf1.Session(graph=graphs[dtype]) as s:
            cast = {f"{n}:0": v.astype(dtype.as_numpy_dtype) if v.dtype == np.float32 else v for n, v in feeds.items()}
            return {"y": s.run("y:0", cast)}
    for name, feeds in m.feeds.items():
        w.case(name, "serving_default", feeds, run(tf.float32, feeds), run(tf.float64, feeds))
    w.frozen(graphs[tf.float32].as_graph_def(), m.feed_nodes, m.fetch_nodes)
    g = zoo.tf1_graph(tf.float32, True)
    tensors = [{n: g.get_tensor_by_name(f"{n}:0") for n in group} for group in (m.feed_nodes, m.fetch_nodes)]
    w.signature("serving_default", *tensors)
    with g.as_default():
        init = tf1.global_variables_initializer()
    with tf1.Session(graph=g) as s:
        s.run(init)
        tf1.saved_model.simple_save(s, str(w.dir / "saved_model"), *tensors)


def add_onednn(folder):
    """Second process: the float32 references with oneDNN, from the SavedModel."""
    manifest = json.loads((folder / "manifest.json").read_text())
    loaded = tf.saved_model.load(str(folder / "saved_model"))
    for case in manifest["cases"]:
        feeds = {n: tf.constant(np.load(folder / f)) for n, f in case["inputs"].items()}
        for n, v in loaded.signatures[case["signature"]](**feeds).items():
            case["outputs"][n]["f32_onednn"] = save_array(folder / "data", f"{case['name']}.{n}.f32_onednn", v.numpy())
    if "training" in manifest:
        t, m = manifest["training"], zoo.ZOO[folder.name](args.small)
        for o, entry in t["optimizers"].items():
            for n, v in train(m, "float32", o, np.load(folder / t["x"]), np.load(folder / t["y"])).items():
                entry["f32_onednn"][n] = save_array(folder / "data", f"train.{o}.{n}.f32_onednn", v)
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")


def make(name):
    start = time.time()
    m = zoo.ZOO[name](args.small)
    if m is None:
        return
    w = Writer(name)
    if isinstance(m, zoo.KerasModel):
        make_keras(w, m)
        if name in ("mlp", "lenet"):
            make_training(w, name, m)
        if name == "digits":  # as it was before training, to be trained by Ingot
            zoo.build_keras(m.make, "float32", None).export(str(w.dir / "saved_model_untrained"), verbose=False)
    elif isinstance(m, zoo.ModuleModel):
        make_module(w, m)
    else:
        make_tf1(w, m)
    w.finish()
    print(f"{name}: {time.time() - start:.1f} s", flush=True)


def main():
    names = args.only or list(zoo.ZOO)
    if args.onednn:
        for name in names:
            if (args.out / name / "manifest.json").exists():
                add_onednn(args.out / name)
        return
    args.out.mkdir(parents=True, exist_ok=True)
    for name in names:
        make(name)
    if "digits" in names:
        for part, (x, y) in zip(("train", "test"), zoo.digits_data()):
            np.savez(args.out / "digits" / f"{part}.npz", x=x[..., 0].astype(np.uint8)[..., None], y=y)
    subprocess.run([sys.executable, __file__, "--onednn", "--out", args.out, *(["--small"] if args.small else []),
                    "--only", *names], check=True)


main()
