#!/usr/bin/env python3
"""Times one training step beside other engines: same architecture, batch, loss
(sparse cross-entropy on logits), optimizer (Adam) and thread count, engines
taking turns in one run, each in a process of its own.

    training.py --models DIR --ingot PATH [--engines NAME ...] [--only mlp lenet] [--batch 32]

The peers train weights of their own on random data: a time, not a result
(test/models/run.py compares the results of steps with Keras).
"""
import argparse
import ctypes
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

from peers import Engine, processor

PEERS = ["tensorflow", "tensorflow-xla", "torch", "torch-compiled"]
SHAPES = {"mlp": (784,), "lenet": (28, 28, 1)}


def data(model, batch):
    rng = np.random.default_rng(1)
    return rng.standard_normal((batch, *SHAPES[model])).astype(np.float32), rng.integers(0, 10, batch).astype(np.int32)


def ingot(artifact, model, batch):
    """The typed `train` function of the artifact, through ctypes."""
    step = getattr(ctypes.CDLL(artifact), f"{model}_train")
    step.argtypes = [ctypes.c_int64] + 3 * [ctypes.c_void_p]
    x, y = data(model, batch)
    loss = np.zeros((), np.float32)
    pointers = [a.ctypes.data for a in (x, y, loss)]

    def run():
        if step(batch, *pointers):
            raise RuntimeError("the step failed")
        return loss
    return run


def keras_layers(model):
    import keras
    k = keras.layers
    if model == "mlp":
        return [k.Dense(512, "relu"), k.Dense(512, "relu"), k.Dense(10)]
    return [k.Conv2D(6, 5, padding="same", activation="relu"), k.MaxPooling2D(), k.Conv2D(16, 5, activation="relu"),
            k.MaxPooling2D(), k.Flatten(), k.Dense(120, "relu"), k.Dense(84, "relu"), k.Dense(10)]


def tensorflow(model, batch, threads, jit):
    import keras
    import tensorflow as tf
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    net = keras.Sequential([keras.Input(SHAPES[model])] + keras_layers(model))
    optimizer = keras.optimizers.Adam()
    optimizer.build(net.trainable_variables)
    x, y = map(tf.constant, data(model, batch))

    @tf.function(jit_compile=jit)
    def step(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, net(x, training=True)))
        optimizer.apply(tape.gradient(loss, net.trainable_variables), net.trainable_variables)
        return loss
    return lambda: step(x, y).numpy()


def torch(model, batch, threads, compiled):
    import torch as t
    t.set_num_threads(threads)
    nn = t.nn
    if model == "mlp":
        layers = [nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10)]
    else:
        layers = [nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
                  nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)]
    net, loss_of = nn.Sequential(*layers), nn.CrossEntropyLoss()
    optimizer = t.optim.Adam(net.parameters(), fused=True)
    x, y = map(t.from_numpy, data(model, batch))
    if x.dim() == 4:
        x = x.permute(0, 3, 1, 2).contiguous()
    y = y.long()

    def forward(x, y):
        return loss_of(net(x), y)
    if compiled:
        forward = t.compile(forward)

    def run():
        optimizer.zero_grad(set_to_none=True)
        loss = forward(x, y)
        loss.backward()
        optimizer.step()
        return loss.item()
    return run


def worker(engine, model, batch, threads, artifact):
    """The worker's side of the pipe; the protocol is worker.c's."""
    makers = {"ingot": lambda: ingot(artifact, model, batch),
              "tensorflow": lambda: tensorflow(model, batch, threads, False),
              "tensorflow-xla": lambda: tensorflow(model, batch, threads, True),
              "torch": lambda: torch(model, batch, threads, False),
              "torch-compiled": lambda: torch(model, batch, threads, True)}
    run = makers[engine]()
    first = float(run())
    for _ in range(50):
        last = float(run())
    # A step that does not learn is no training step.
    print("ready", f"{first:.3g}->{last:.3g}" if last < first else "inf", flush=True)
    clock = time.perf_counter
    for line in sys.stdin:
        budget, times, start = float(line), [], clock()
        while len(times) < 3 or clock() - start < budget:
            t = clock()
            run()
            times.append(clock() - t)
        times.sort()
        print(f"{times[len(times) // 2]:.9g} {times[0]:.9g} {len(times)}", flush=True)


def compare(opts, model, batch, threads, work):
    artifact = work / f"{model}.so"
    if not artifact.exists():
        saved = opts.models / model / "saved_model"
        r = subprocess.run([opts.ingot, "compile", saved, "--train", "--loss", "sparse_categorical_crossentropy", "--from-logits",
                            "--optimizer", "adam", "-o", artifact], capture_output=True, text=True)
        print(r.stderr, end="", flush=True)
    engines = []
    os.environ["INGOT_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = str(threads)
    for engine in opts.engines:
        command = [sys.executable, __file__, "--worker", engine, model, batch, threads, artifact]
        engines.append(Engine(engine, command, work / f"{engine}.log"))
    for _ in range(opts.rounds):
        for e in engines:
            e.measure(opts.seconds)
    for e in engines:
        e.close()
        if not e.times:
            print(f"  {e.name}: {e.why}")
    rows = sorted(((statistics.median(e.times), e) for e in engines if e.times), key=lambda r: r[0])
    peers = [t for t, e in rows if e.name != "ingot"]
    print(f"{model} training step, batch {batch} threads {threads}")
    for t, e in rows:
        ratio = f"  {t / min(peers):.2f}x of the best peer" if e.name == "ingot" and peers else ""
        print(f"  {e.name:15} {t * 1e3:9.4f} ms  spread {(max(e.times) - min(e.times)) / t:4.0%}  loss {e.error}{ratio}", flush=True)


def main():
    if sys.argv[1:2] == ["--worker"]:
        engine, model, batch, threads, artifact = sys.argv[2:]
        worker(engine, model, int(batch), int(threads), artifact)
        return
    ap = argparse.ArgumentParser()
    ap.add_argument("--models", type=pathlib.Path, required=True)
    ap.add_argument("--ingot", type=pathlib.Path, required=True)
    ap.add_argument("--engines", nargs="*", default=["ingot"] + PEERS)
    ap.add_argument("--only", nargs="*", default=list(SHAPES))
    ap.add_argument("--threads", nargs="*", type=int, default=[1, 2])
    ap.add_argument("--batch", nargs="*", type=int, default=[32])
    ap.add_argument("--rounds", type=int, default=5)
    ap.add_argument("--seconds", type=float, default=0.4, help="of each engine in each round")
    opts = ap.parse_args()
    print(processor(), flush=True)
    with tempfile.TemporaryDirectory(prefix="ingot-bench-") as work:
        for model in opts.only:
            for batch in opts.batch:
                for threads in opts.threads:
                    compare(opts, model, batch, threads, pathlib.Path(work))


main()
