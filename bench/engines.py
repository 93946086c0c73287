"""One engine in a process of its own, timed by peers.py through a pipe:
engines.py ENGINE MODEL_DIR CASE THREADS; the protocol is worker.c's.

Each engine is used by its own fast path: outputs bound where it has that,
static shapes where it wants them, its thread count set through its own API.
"""
import json
import os
import pathlib
import sys
import time

import numpy as np


def tensorflow(folder, manifest, feeds, threads, jit):
    import tensorflow as tf
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    loaded = tf.saved_model.load(str(folder / "saved_model"))
    sig = loaded.signatures["serving_default"]
    args = {n: tf.constant(v) for n, v in feeds.items()}
    name = list(sig.structured_outputs)[0]
    fn = tf.function(lambda **kw: sig(**kw)[name], jit_compile=jit, autograph=False).get_concrete_function(
        **{n: tf.TensorSpec(v.shape, v.dtype, name=n) for n, v in args.items()})
    return lambda: fn(**args).numpy()


def openvino(folder, manifest, feeds, threads):
    import openvino as ov
    model = ov.convert_model(str(folder / "saved_model"))
    model.reshape({n: list(v.shape) for n, v in feeds.items()})
    compiled = ov.Core().compile_model(model, "CPU", {
        "INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"})
    request = compiled.create_infer_request()
    for n, v in feeds.items():
        request.set_tensor(n, ov.Tensor(v, shared_memory=True))
    out = request.get_output_tensor(0)

    def run():
        request.infer()
        return out.data
    return run


def onnx_model(folder, manifest, feeds):
    path = folder / "model.onnx"
    if not path.exists():
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
        import tensorflow as tf
        import tf2onnx
        graph = tf.compat.v1.GraphDef()
        graph.ParseFromString((folder / "frozen.pb").read_bytes())
        frozen = manifest["frozen"]
        tf2onnx.convert.from_graph_def(graph, input_names=[f"{n}:0" for n in frozen["feeds"].values()],
                                       output_names=[f"{n}:0" for n in frozen["fetches"].values()], opset=17,
                                       output_path=str(path))
        # In a process of its own, so that TensorFlow's threads do not disturb the timing.
        os.execv(sys.executable, [sys.executable] + sys.argv)
    return path


def onnxruntime(folder, manifest, feeds, threads):
    path = onnx_model(folder, manifest, feeds)
    import onnxruntime as ort
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    binding = session.io_binding()
    for n, v in feeds.items():
        binding.bind_ortvalue_input(f"{manifest['frozen']['feeds'][n]}:0", ort.OrtValue.ortvalue_from_numpy(v))
    binding.bind_output(session.get_outputs()[0].name)

    def run():
        session.run_with_iobinding(binding)
        return binding
    run.result = lambda: binding.copy_outputs_to_cpu()[0]
    return run


def litert(folder, manifest, feeds, threads):
    path = folder / "model.tflite"
    if not path.exists():
        import tensorflow as tf
        path.write_bytes(tf.lite.TFLiteConverter.from_saved_model(str(folder / "saved_model")).convert())
        os.execv(sys.executable, [sys.executable] + sys.argv)
    from ai_edge_litert.interpreter import Interpreter
    interpreter = Interpreter(str(path), num_threads=threads)
    details = interpreter.get_input_details()
    for d, v in zip(details, feeds.values()):
        interpreter.resize_tensor_input(d["index"], v.shape)
    interpreter.allocate_tensors()
    for d, v in zip(interpreter.get_input_details(), feeds.values()):
        interpreter.set_tensor(d["index"], v)
    out = interpreter.get_output_details()[0]["index"]
    run = interpreter.invoke
    return lambda: run(), lambda: interpreter.get_tensor(out)


def torch(folder, manifest, feeds, threads):
    """The same architecture with weights of its own: a time, not a result."""
    import torch as t
    t.set_num_threads(threads)
    nn = t.nn

    class Lstm(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.lstm, self.dense = nn.Embedding(1000, 64), nn.LSTM(64, 128, batch_first=True), nn.Linear(128, 10)

        def forward(self, x):
            return self.dense(self.lstm(self.embed(x))[0][:, -1])

    class Block(nn.Module):
        def __init__(self, cin, mid, stride):
            super().__init__()
            def unit(i, o, k, s=1, relu=True):
                return nn.Sequential(nn.Conv2d(i, o, k, s, k // 2), nn.BatchNorm2d(o), nn.ReLU() if relu else nn.Identity())
            self.body = nn.Sequential(unit(cin, mid, 1, stride), unit(mid, mid, 3), unit(mid, 4 * mid, 1, relu=False))
            self.skip = nn.Identity() if cin == 4 * mid else unit(cin, 4 * mid, 1, stride, False)

        def forward(self, x):
            return t.relu(self.body(x) + self.skip(x))

    def resnet():
        layers, cin = [nn.Conv2d(3, 64, 7, 2, 3), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)], 64
        for mid, count, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
            for i in range(count):
                layers.append(Block(cin, mid, stride if i == 0 else 1))
                cin = 4 * mid
        return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2048, 1000))
    makers = {
        "mlp": lambda: nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10)),
        "lenet": lambda: nn.Sequential(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(),
                                       nn.MaxPool2d(2), nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(),
                                       nn.Linear(84, 10)),
        "resnet50": resnet, "lstm": Lstm}
    x = t.from_numpy(list(feeds.values())[0].copy())
    if x.dim() == 4:
        x = x.permute(0, 3, 1, 2).contiguous(memory_format=t.channels_last)
    model = makers[manifest["name"]]().eval()
    with t.inference_mode():
        model = t.jit.freeze(t.jit.trace(model, x))

    def run():
        with t.inference_mode():
            return model(x)
    return run


ENGINES = {"openvino": openvino, "onnxruntime": onnxruntime, "litert": litert, "torch": torch,
           "tensorflow": lambda *a: tensorflow(*a, False), "tensorflow-xla": lambda *a: tensorflow(*a, True)}


def main():
    engine, folder, case, threads = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    manifest = json.loads((folder / "manifest.json").read_text())
    case = next(c for c in manifest["cases"] if c["name"] == case)
    feeds = {n: np.load(folder / f) for n, f in case["inputs"].items()}
    made = ENGINES[engine](folder, manifest, feeds, threads)
    run, result = made if isinstance(made, tuple) else (made, getattr(made, "result", None))
    got = run()
    got = np.asarray(result() if result else got)
    want = np.load(folder / list(case["outputs"].values())[0]["f32"])
    error = "-" if engine == "torch" else f"{np.abs(got - want).max():.3g}" if got.shape == want.shape else "inf"
    print("ready", error, flush=True)
    clock = time.perf_counter
    for line in sys.stdin:
        budget, times, start = float(line), [], clock()
        while len(times) < 3 or clock() - start < budget:
            t = clock()
            run()
            times.append(clock() - t)
        times.sort()
        print(f"{times[len(times) // 2]:.9g} {times[0]:.9g} {len(times)}", flush=True)


main()
