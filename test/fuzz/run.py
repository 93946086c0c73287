#!/usr/bin/env python3
"""Random graphs in TensorFlow and through Ingot: run.py --count N --runner ingot-conform.

Seeds start at --seed, so a failure `fuzz/SEED` is repeated by `--seed SEED --count 1`.
The last line is `N passed, N failed`.
"""
import argparse
import hashlib
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "conformance"))


def make(path, first, count):
    os.environ.update(TF_ENABLE_ONEDNN_OPTS="0", TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="-1")
    import tensorflow as tf
    import container
    import generate
    tf.get_logger().setLevel("ERROR")
    made = container.write(path, (generate.case(s) for s in range(first, first + count)))
    print(f"{made} of {count} graphs made")


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--count", type=int, default=300)
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--cache", type=pathlib.Path, required=True)
    ap.add_argument("--runner", type=pathlib.Path)
    opts = ap.parse_args()
    opts.cache.mkdir(parents=True, exist_ok=True)
    sources = [HERE / "generate.py", HERE.parent / "conformance" / "container.py"]
    key = hashlib.sha256(b"".join(p.read_bytes() for p in sources)).hexdigest()[:16]
    path = opts.cache / f"{opts.seed}-{opts.count}-{key}.cases"
    if not path.exists():
        for old in opts.cache.glob(f"{opts.seed}-{opts.count}-*"):
            old.unlink()
        part = path.with_suffix(".part")
        make(part, opts.seed, opts.count)
        part.rename(path)
    if opts.runner:
        sys.exit(subprocess.run([opts.runner, "--known", HERE / "known.txt", path]).returncode)


main()
