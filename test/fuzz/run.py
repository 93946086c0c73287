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
    ap.add_argument("--engine", default="compiled", help="as ingot-conform takes it; address brings AddressSanitizer along")
    ap.add_argument("--only", nargs="*", default=[], help="prefixes of names: fuzz/1 is 1, 10, 11...")
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
        command = [opts.runner, "--known", HERE / "known.txt", "--engine", opts.engine, path]
        command += [f"--only={p}" for p in opts.only]
        if opts.engine == "address":
            library = subprocess.run(["clang-22", "-print-file-name=libclang_rt.asan-x86_64.so"], capture_output=True, text=True)
            os.environ.update(LD_PRELOAD=library.stdout.strip(), ASAN_OPTIONS="detect_leaks=0")
        sys.exit(subprocess.run(command).returncode)


main()
