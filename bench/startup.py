#!/usr/bin/env python3
"""From dlopen to the first result, against a warm call: each in a process of
its own, `--repeat` times, files in the page cache.

    startup.py --models DIR --ingot PATH [--only MODEL ...]

The typed C function is called through ctypes with the inputs of the case of
batch 1; its own default context is made by the first call, as in a program that
does nothing special.
"""
import argparse
import ctypes
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from peers import MODELS, case_of, processor


def child(artifact, model, folder):
    import numpy as np
    manifest = json.loads((folder / "manifest.json").read_text())
    name = case_of(manifest, 1)
    case = next(c for c in manifest["cases"] if c["name"] == name)
    feeds = [np.load(folder / f) for f in case["inputs"].values()]
    outs = [np.zeros_like(np.load(folder / f["f32"])) for f in case["outputs"].values()]
    # Named sizes come first: all unknown sizes of the models timed here are leading dimensions.
    sizes = []
    for feed, text in zip(feeds, manifest["signatures"][case["signature"]]["inputs"].values()):
        sizes += [n for n, dim in zip(feed.shape, text.split("x")) if dim == "?"]
    arguments = [ctypes.c_int64(n) for n in sizes] + [ctypes.c_void_p(a.ctypes.data) for a in feeds + outs]
    clock = time.perf_counter
    start = clock()
    run = getattr(ctypes.CDLL(str(artifact)), f"{model}_serving_default")
    status = run(*arguments)
    first = clock() - start
    times = []
    for _ in range(20):
        t = clock()
        status |= run(*arguments)
        times.append(clock() - t)
    if status:
        sys.exit("the call failed")
    print(first, statistics.median(times))


def main():
    if sys.argv[1:2] == ["--child"]:
        child(pathlib.Path(sys.argv[2]), sys.argv[3], pathlib.Path(sys.argv[4]))
        return
    ap = argparse.ArgumentParser()
    ap.add_argument("--models", type=pathlib.Path, required=True)
    ap.add_argument("--ingot", type=pathlib.Path, required=True)
    ap.add_argument("--only", nargs="*", default=MODELS)
    ap.add_argument("--repeat", type=int, default=15)
    opts = ap.parse_args()
    print(processor(), flush=True)
    with tempfile.TemporaryDirectory(prefix="ingot-bench-") as work:
        for model in opts.only:
            artifact = pathlib.Path(work) / f"{model}.so"
            start = time.time()
            subprocess.run([opts.ingot, "compile", opts.models / model / "saved_model", "-o", artifact], check=True)
            compiled = time.time() - start
            rows = []
            for _ in range(opts.repeat):
                r = subprocess.run([sys.executable, __file__, "--child", artifact, model, opts.models / model],
                                   capture_output=True, text=True, check=True)
                rows.append([float(v) * 1e3 for v in r.stdout.split()])
            first, warm = (statistics.median(c) for c in zip(*rows))
            print(f"{model:9} compile {compiled:6.2f} s  artifact {artifact.stat().st_size / 1e6:7.2f} MB  "
                  f"dlopen to first result {first:8.2f} ms  warm {warm:8.3f} ms  more {first - warm:6.2f} ms", flush=True)


if __name__ == "__main__":
    main()
