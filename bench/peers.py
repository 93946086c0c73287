#!/usr/bin/env python3
"""Times Ingot beside other engines: same models, inputs and thread counts,
engines taking turns in one run, each in a process of its own.

    peers.py --models DIR --ingot PATH [--engines NAME ...] [--only MODEL ...] [--threads 1 2] [--batch 1]

Machines differ by 2x from one to the next, so only the ratios of one run count:
they are Ingot's median over the best peer's.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
MODELS = ["mlp", "lenet", "lstm", "resnet50"]
PEERS = ["openvino", "onnxruntime", "litert", "torch", "tensorflow", "tensorflow-xla"]


def processor():
    for line in open("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return "unknown processor"


class Engine:
    """A worker process; None times once it has failed."""

    def __init__(self, name, command, log):
        self.name, self.times, self.error = name, [], "?"
        self.log = open(log, "w+")
        self.process = subprocess.Popen([str(c) for c in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.log, text=True)
        self.alive = True
        line = self.read(lambda l: l.startswith("ready"))
        if line:
            self.error = line.split()[1]

    def read(self, wanted):
        for line in self.process.stdout:
            if wanted(line):
                return line
        self.alive = False
        self.log.seek(0)
        self.why = (self.log.read().strip().splitlines() or ["no output"])[-1][:100]
        return None

    def measure(self, seconds):
        if not self.alive:
            return
        try:
            self.process.stdin.write(f"{seconds}\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        line = self.read(lambda l: l[0].isdigit())
        if line:
            self.times.append(float(line.split()[0]))

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def case_of(manifest, batch):
    names = [c["name"] for c in manifest["cases"]]
    good = [n for n in names if n == f"b{batch}" or n.startswith(f"b{batch}_")]
    return good[-1]  # the LSTM's longest


def compare(opts, model, threads, batch, work):
    folder = opts.models / model
    manifest = json.loads((folder / "manifest.json").read_text())
    name = case_of(manifest, batch)
    case = next(c for c in manifest["cases"] if c["name"] == name)
    engines = []
    for engine in opts.engines:
        if engine == "ingot":
            so = work / f"{model}.so"
            if not so.exists():
                start = time.time()
                r = subprocess.run([opts.ingot, "compile", folder / "saved_model", "-o", so], capture_output=True, text=True)
                print(f"{model}: compiled in {time.time() - start:.2f} s" if r.returncode == 0 else r.stderr, flush=True)
            reference = folder / list(case["outputs"].values())[0]["f32"]
            command = [work / "worker", so, threads, reference] + [f"{n}={folder / f}" for n, f in case["inputs"].items()]
        else:
            command = [sys.executable, HERE / "engines.py", engine, folder, name, threads]
        engines.append(Engine(engine, command, work / f"{engine}.log"))
    for _ in range(opts.rounds):
        for e in engines:
            e.measure(opts.seconds)
    rows = []
    for e in engines:
        e.close()
        if e.times:
            rows.append((statistics.median(e.times), e))
        else:
            print(f"  {e.name}: {e.why}")
    peers = [t for t, e in rows if e.name != "ingot"]
    print(f"{model} batch {batch} threads {threads} ({name})")
    for t, e in sorted(rows, key=lambda r: r[0]):
        spread = (max(e.times) - min(e.times)) / t
        ratio = f"  {t / min(peers):.2f}x of the best peer" if e.name == "ingot" and peers else ""
        print(f"  {e.name:15} {t * 1e3:9.4f} ms  spread {spread:4.0%}  max error {e.error}{ratio}", flush=True)
    return {"model": model, "batch": batch, "threads": threads, "ms": {e.name: t * 1e3 for t, e in rows}}


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--models", type=pathlib.Path, required=True)
    ap.add_argument("--ingot", type=pathlib.Path, required=True)
    ap.add_argument("--engines", nargs="*", default=["ingot"] + PEERS)
    ap.add_argument("--only", nargs="*", default=MODELS)
    ap.add_argument("--threads", nargs="*", type=int, default=[1, 2])
    ap.add_argument("--batch", nargs="*", type=int, default=[1])
    ap.add_argument("--rounds", type=int, default=5)
    ap.add_argument("--seconds", type=float, default=0.4, help="of each engine in each round")
    ap.add_argument("--json", type=pathlib.Path)
    opts = ap.parse_args()
    print(processor(), flush=True)
    results = []
    with tempfile.TemporaryDirectory(prefix="ingot-bench-") as work:
        work = pathlib.Path(work)
        if "ingot" in opts.engines:
            subprocess.run(["cc", "-O2", "-std=c11", f"-I{HERE.parent}/include", HERE / "worker.c", "-o", work / "worker", "-ldl", "-lm"],
                           check=True)
        for model in opts.only:
            for batch in opts.batch:
                for threads in opts.threads:
                    results.append(compare(opts, model, threads, batch, work))
    if opts.json:
        opts.json.write_text(json.dumps({"processor": processor(), "results": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
