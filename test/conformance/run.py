#!/usr/bin/env python3
"""Conformance: one-op graphs in TensorFlow and through Ingot.

    run.py --cache DIR --runner PATH/ingot-conform [--only PREFIX ...]

TensorFlow (oneDNN off) makes each group's file of cases once, until a source
here changes. `known.txt` lists the cases that Ingot still refuses: one of them
that passes, or any other that is refused, is a failure.
The last line is `N passed, N failed`.
"""
import argparse
import hashlib
import importlib
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
GROUPS = ["elementwise", "complexes", "shapes", "reductions", "nn", "rules"]


def make(cache, group):
    """The group's file of cases; made by a process of its own so that groups are independent."""
    sources = [HERE / f for f in ("container.py", "values.py", f"{group}.py", "elementwise.py")]
    key = hashlib.sha256(b"".join(p.read_bytes() for p in sources)).hexdigest()[:16]
    path = cache / f"{group}-{key}.cases"
    if not path.exists():
        for old in cache.glob(f"{group}-*.cases"):
            old.unlink()
        part = path.with_suffix(".part")
        code = (f"import container, {group}; n = container.write({str(part)!r}, {group}.cases(), quiet=True); "
                f"print('{group}:', n, 'cases made')")
        env = dict(os.environ, TF_ENABLE_ONEDNN_OPTS="0", TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="-1",
                   PYTHONPATH=str(HERE))
        subprocess.run([sys.executable, "-c", code], env=env, cwd=HERE, check=True)
        part.rename(path)
    return path


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--cache", type=pathlib.Path, required=True)
    ap.add_argument("--runner", type=pathlib.Path)
    ap.add_argument("--only", nargs="*", default=[], help="prefixes of case names")
    ap.add_argument("--groups", nargs="*", default=GROUPS)
    opts = ap.parse_args()
    opts.cache = opts.cache.resolve()  # cases are made in another folder
    opts.cache.mkdir(parents=True, exist_ok=True)
    files = [make(opts.cache, g) for g in opts.groups]
    if not opts.runner:
        return
    command = [opts.runner, "--known", HERE / "known.txt"] + [f"--only={p}" for p in opts.only] + files
    sys.exit(subprocess.run([str(c) for c in command]).returncode)


main()
