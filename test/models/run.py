#!/usr/bin/env python3
"""Compiles the test models with `ingot` and holds them to TensorFlow's references.

    run.py --models DIR --ingot build/release/.../ingot [--only NAME ...] [--checked]

For each model and form (SavedModel, frozen GraphDef):
  compile       the command line works and writes the artifact and the header
  reproducible  a second compilation gives the same bytes
  accuracy      error against float64 at most twice TensorFlow's own (both printed)
  threads       the same bits with 1, 2 and 5 threads
  rows          row i of the largest batch has the bits of that row alone
  lively        two inputs give clearly different outputs (else a skipped layer hides)
  cli           `ingot run` gives the bits that the C ABI gives
  vectors       kernels without vectors have under 2 % of the work (their share of
                the time is printed too)
  training      steps of each optimizer beside Keras: in float64 to 1e-9 of each
                variable's norm, in float32 within 3x of TensorFlow's own spread
With --checked, instead: artifacts compiled with --debug-arena and with
--sanitize=address (which a program with AddressSanitizer runs) give the bits of
plain ones for every case and after training steps, and complain of nothing.
Uses the standard library only. The last line is `N passed, N failed`.
"""
import argparse
import array
import filecmp
import json
import math
import pathlib
import re
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import checks
import npy

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def check(name, good, detail=""):
    return checks.check(name, good, detail, always=True)


def run(command, **kw):
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=300, **kw)


def last_lines(r):
    return f"exit status {r.returncode}: " + " | ".join((r.stdout + r.stderr).strip().splitlines()[-4:])


def errors(got, want):
    """Largest and root-mean-square difference, over equal shapes; NaN differs from all but NaN."""
    worst = total = 0.0
    for g, w in zip(got.values(), want.values()):
        d = abs(g - w) if g == g and w == w else (0.0 if (g != g) == (w != w) else math.inf)
        d = 0.0 if g == w else d
        worst, total = max(worst, d), total + d * d
    return worst, math.sqrt(total / max(1, len(want.values())))


def magnitude(a):
    return max((abs(v) for v in a.values()), default=0.0)


class Form:
    """One model in one form, with its artifact and the calls on it."""

    def __init__(self, opts, folder, manifest, form, work):
        self.opts, self.folder, self.manifest, self.form, self.work = opts, folder, manifest, form, work
        self.program = opts.replay
        self.name = f"{manifest['name']}/{form}"
        frozen = manifest.get("frozen", {})
        self.feeds = frozen["feeds"] if form == "frozen" else {}
        self.fetches = frozen["fetches"] if form == "frozen" else {}
        self.so = work / "model.so"

    def compile(self, out, *options):
        out.mkdir(parents=True, exist_ok=True)
        c = [self.opts.ingot, "compile", self.folder / ("frozen.pb" if self.form == "frozen" else "saved_model"),
             "-o", out / "model.so", "--header", out / "model.h", "--report", out / "report.json", *options]
        for shape in self.manifest["shapes"]:
            name, dims = shape.split("=")
            c += ["--shape", f"{self.feeds.get(name, name)}={dims}"]
        for n in self.feeds.values():
            c += ["--feed", n]
        for n in self.fetches.values():
            c += ["--fetch", n]
        return run(c)

    def call_line(self, case, inputs, prefix):
        sig = "-" if self.form == "frozen" else case["signature"]
        return "\t".join([sig, str(prefix)] + [f"{self.feeds.get(n, n)}={f}" for n, f in inputs.items()])

    def output(self, prefix, name):
        name = re.sub(r"[:/]", "_", self.fetches.get(name, name))
        return npy.load(f"{prefix}.{name}.npy")

    def replay(self, lines, threads):
        return run([self.program, self.so, threads], input="\n".join(lines) + "\n")

    def inputs(self, case):
        return {n: self.folder / f for n, f in case["inputs"].items()}

    def all_cases(self, tag, threads):
        """Runs every case in order in one process; returns prefix by case, or None."""
        prefixes = {c["name"]: self.work / f"{tag}.{c['name']}" for c in self.manifest["cases"]}
        r = self.replay([self.call_line(c, self.inputs(c), prefixes[c["name"]]) for c in self.manifest["cases"]], threads)
        return (prefixes if r.returncode == 0 else None), last_lines(r)

    def accuracy(self, prefixes):
        # TensorFlow's error over all cases of an output: of one row alone it is luck.
        own = {}
        for c in self.manifest["cases"]:
            for n, refs in c["outputs"].items():
                truth = npy.load(self.folder / refs["f64"])
                if not truth.floating:
                    continue
                for k in ("f32", "f32_onednn"):
                    e = errors(npy.load(self.folder / refs[k]), truth)
                    own[n] = tuple(map(max, own.get(n, (0.0, 0.0)), e))
        for c in self.manifest["cases"]:
            for n, refs in c["outputs"].items():
                test = f"{self.name}/accuracy/{c['name']}.{n}"
                got, f32 = self.output(prefixes[c["name"]], n), npy.load(self.folder / refs["f32"])
                if got.shape != f32.shape or got.descr != f32.descr:
                    check(test, False, f"found {got.descr}{got.shape}, expected {f32.descr}{f32.shape}")
                elif not f32.floating:
                    check(test, got.data == f32.data, f"{f32.descr} exact")
                else:
                    truth = npy.load(self.folder / refs["f64"])
                    e, floor = errors(got, truth), 4 * 2.0 ** -24 * magnitude(truth)
                    good = all(a <= 2 * t + floor for a, t in zip(e, own[n]))
                    check(test, good, f"max error {e[0]:.3g} (TensorFlow {own[n][0]:.3g}), "
                                      f"rms {e[1]:.3g} (TensorFlow {own[n][1]:.3g})")

    def same(self, test, a, b):
        for c in self.manifest["cases"]:
            for n in c["outputs"]:
                x, y = self.output(a[c["name"]], n), self.output(b[c["name"]], n)
                if (x.shape, x.data) != (y.shape, y.data):
                    return check(test, False, f"case {c['name']}, output {n}: other bits; "
                                              f"max difference {errors(x, y)[0]:.3g}")
        return check(test, True)

    def biggest(self):
        return max(self.manifest["cases"],
                   key=lambda c: max(npy.load(p).shape[:1] or (0,) for p in self.inputs(c).values()))

    def rows(self, prefixes):
        case = self.biggest()
        sig = self.manifest["signatures"][case["signature"]]
        arrays = {n: npy.load(p) for n, p in self.inputs(case).items()}
        batched = [n for n in arrays if sig["inputs"][n].startswith("?x")]
        count = arrays[batched[0]].shape[0]
        picks, lines = sorted({0, 1, count // 2 + 1, count - 1}), []
        for i in picks:
            files = self.inputs(case)
            for n in batched:
                files[n] = self.work / f"row{i}.{n}.npy"
                npy.save(files[n], arrays[n].row(i))
            lines.append(self.call_line(case, files, self.work / f"row{i}"))
        r = self.replay(lines, 1)
        if r.returncode:
            return check(f"{self.name}/rows", False, last_lines(r))
        for i in picks:
            for n in case["outputs"]:
                if not sig["outputs"][n].startswith("?x"):
                    continue
                alone, whole = self.output(self.work / f"row{i}", n), self.output(prefixes[case["name"]], n)
                if alone.data != whole.row(i).data:
                    return check(f"{self.name}/rows", False, f"row {i} of {case['name']}, output {n}: other bits "
                                 f"than alone; max difference {errors(whole.row(i), alone)[0]:.3g}")
        return check(f"{self.name}/rows", True)

    def lively(self, prefixes):
        case = self.biggest()
        worst = math.inf
        for n in case["outputs"]:
            y = self.output(prefixes[case["name"]], n)
            if y.floating and len(y.shape) > 1:
                a, b = y.row(0), y.row(y.shape[0] - 1)
                norm = math.sqrt(sum(v * v for v in a.values())) or 1.0
                diff = math.sqrt(sum((u - v) ** 2 for u, v in zip(a.values(), b.values())))
                worst = min(worst, diff / norm)
        check(f"{self.name}/lively", worst > 0.05, f"relative difference {worst:.3g}")

    def cli(self, prefixes):
        """The command line on the first case (of a fresh state, like the replay's first)."""
        case, out = self.manifest["cases"][0], self.work / "cli"
        c = [self.opts.ingot, "run", self.so, "--output", out]
        if self.form != "frozen" and case["signature"] != "serving_default":
            c += ["--signature", case["signature"]]
        for n, p in self.inputs(case).items():
            c += ["--input", f"{self.feeds.get(n, n)}=@{p}"]
        r = run(c)
        if r.returncode:
            return check(f"{self.name}/cli", False, last_lines(r))
        for n in case["outputs"]:
            file = re.sub(r"[^A-Za-z0-9_.-]", "_", self.fetches.get(n, n)) + ".npy"
            if not (out / file).exists():
                return check(f"{self.name}/cli", False, f"no {file} in --output")
            a, b = npy.load(out / file), self.output(prefixes[case["name"]], n)
            if (a.shape, a.descr, a.data) != (b.shape, b.descr, b.data):
                return check(f"{self.name}/cli", False, f"output {n} differs from the C ABI's")
        return check(f"{self.name}/cli", True)

    def vectors(self):
        """Work as counted, not timed: a step does an operation and moves a word for each lane of its kernel. A kernel
        of single elements (a loop's counter) has nothing to take lanes for."""
        kernels = {k["name"]: k for k in json.loads((self.work / "report.json").read_text())["kernels"]}
        single = {n for n, k in kernels.items() if k["schedule"] == '{loops = "flat"}'}
        scalar = {n for n, k in kernels.items() if k["vector_bytes"] == 0} - single
        case = self.biggest()
        c = [self.opts.ingot, "bench", self.so, "--json", "--seconds", "0.02", "--threads", "1"]
        if self.form != "frozen" and case["signature"] != "serving_default":
            c += ["--signature", case["signature"]]
        for n, p in self.inputs(case).items():
            c += ["--input", f"{self.feeds.get(n, n)}=@{p}"]
        r = run(c)
        if r.returncode:
            return check(f"{self.name}/vectors", False, last_lines(r))
        rows = json.loads(r.stdout)["kernels"]

        def share(value, names):
            return 100 * sum(value(k) for k in rows if k["name"] in names) / max(1e-9, sum(map(value, rows)))

        def steps(k):
            lanes = max(4, kernels[k["name"]]["vector_bytes"]) / 4
            return (k["flops"] / 2 + k["bytes"] / 4) / lanes
        work = share(steps, scalar)
        check(f"{self.name}/vectors", work < 2, f"scalar kernels: {len(scalar)} of {len(kernels)}, {work:.2f} % of the work, "
              f"{share(lambda k: k['us'], scalar):.2f} % of the time; of single elements: {len(single)}, "
              f"{share(lambda k: k['us'], single):.2f} % of the time")

    def test(self):
        start = time.time()
        r = self.compile(self.work)
        seconds = time.time() - start
        good = r.returncode == 0 and self.so.exists() and (self.work / "model.h").exists()
        size = f"{self.so.stat().st_size / 1e6:.2f} MB" if self.so.exists() else ""
        if not check(f"{self.name}/compile", good, f"{seconds:.2f} s, {size}" if good else last_lines(r)):
            return
        self.compile(self.work / "again")
        same = all((self.work / "again" / f).exists() and filecmp.cmp(self.work / f, self.work / "again" / f, False)
                   for f in ("model.so", "model.h"))
        check(f"{self.name}/reproducible", same, "" if same else "two compilations differ")
        prefixes, why = self.all_cases("t1", 1)
        if not prefixes:
            check(f"{self.name}/run", False, why)
            return
        self.accuracy(prefixes)
        for threads in (2, 5):
            other, why = self.all_cases(f"t{threads}", threads)
            test = f"{self.name}/threads{threads}"
            self.same(test, prefixes, other) if other else check(test, False, why)
        if self.manifest["rows"]:
            self.rows(prefixes)
        self.lively(prefixes)
        self.cli(prefixes)
        self.vectors()

    def checked(self):
        r = self.compile(self.work)
        plain, why = self.all_cases("plain", 1) if r.returncode == 0 else (None, last_lines(r))
        if not check(f"{self.name}/plain", plain is not None, "" if plain else why):
            return
        for kind, flag in CHECKS.items():
            out = self.work / kind
            r = self.compile(out, flag)
            if not check(f"{self.name}/{kind}/compile", r.returncode == 0, "" if r.returncode == 0 else last_lines(r)):
                continue
            self.so, self.program = out / "model.so", self.opts.checker
            for threads in (1, 5):
                other, why = self.all_cases(f"{kind}{threads}", threads)
                test = f"{self.name}/{kind}/threads{threads}"
                self.same(test, plain, other) if other else check(test, False, why)


CHECKS = {"arena": "--debug-arena", "address": "--sanitize=address"}


def distance(a, b):
    """Norm of the difference over the norm of `b`."""
    norm = math.sqrt(sum(v * v for v in b.values())) or 1.0
    return math.sqrt(sum((u - v) ** 2 for u, v in zip(a.values(), b.values()))) / norm


class Training:
    """Training steps of one model and optimizer, in float64 or float32."""

    def __init__(self, opts, folder, manifest, optimizer, key, work):
        self.opts, self.folder, self.t, self.key, self.work = opts, folder, manifest["training"], key, work
        self.entry = self.t["optimizers"][optimizer]
        self.name = f"{manifest['name']}/training/{optimizer}/{key}"

    def reference(self, kind, name):
        return npy.load(self.folder / self.entry[kind][name])

    def tolerance(self, names):
        if self.key == "f64":
            return 1e-9
        spread = [distance(self.reference("f32", n), self.reference(k, n)) for n in names for k in ("f32_onednn", "f64")]
        return 3 * max(spread)

    def steps(self, so, program, *options):
        """Trains a new artifact; its variables or why not."""
        model = self.folder / ("saved_model" if self.key == "f32" else self.t["saved_model_f64"])
        r = run([self.opts.ingot, "compile", model, "--train", "--loss", self.t["loss"], "--from-logits",
                 *self.entry["options"], "-o", so, *options])
        if r.returncode:
            return None, "compile: " + last_lines(r)
        for old in self.work.glob("variables.*.npy"):
            old.unlink()
        r = run([program, so, 1], input="\n".join(self.lines()) + "\n")
        if r.returncode:
            return None, last_lines(r)
        return [npy.load(f) for f in sorted(self.work.glob("variables.*.npy"), key=lambda f: int(f.name.split(".")[1]))], ""

    def checked(self):
        plain, why = self.steps(self.work / "plain.so", self.opts.replay)
        if not check(f"{self.name}/plain", plain is not None, why):
            return
        for kind, flag in CHECKS.items():
            found, why = self.steps(self.work / f"{kind}.so", self.opts.checker, flag)
            same = found is not None and [v.data for v in found] == [v.data for v in plain]
            check(f"{self.name}/{kind}", same, why or "" if same else why or "variables differ from the plain artifact's")

    def lines(self):
        """One call for each batch, then the variables. Inputs by position: the model's, the labels."""
        x, y = npy.load(self.folder / self.t["x"]), npy.load(self.folder / self.t["y"])
        if self.key == "f64":
            wide = array.array("d", x.values())
            x = npy.Array("<f8", x.shape, wide.tobytes())
        for i in range(x.shape[0]):
            for n, a in (("x", x), ("y", y)):
                row = a.row(i)
                npy.save(self.work / f"{n}{i}.npy", npy.Array(row.descr, row.shape[1:], row.data))
            yield "\t".join(["train", str(self.work / f"step{i}"), f"#0={self.work}/x{i}.npy", f"#1={self.work}/y{i}.npy"])
        yield f"@variables\t{self.work}/variables"

    def test(self):
        found, why = self.steps(self.work / "model.so", self.opts.replay)
        if not check(f"{self.name}/steps", found is not None, why):
            return
        names = [n for n in self.entry["f64"] if n != "loss"]
        bound = self.tolerance(names)
        for n, label in zip(names, self.t["names"]):
            want = self.reference("f64", n)
            # The artifact's names are its own: the variable meant is the nearest of that shape.
            near = min((distance(v, want) for v in found if v.shape == want.shape and v.floating), default=math.inf)
            check(f"{self.name}/{label}", near <= bound, f"relative difference {near:.3g}, allowed {bound:.3g}")


def train_digits(opts, folder, work):
    """From random weights to 98 % of the held-out digits by `ingot train` alone."""
    so = work / "digits.so"
    r = run([opts.ingot, "compile", folder / "saved_model_untrained", "--train", "--loss",
             "sparse_categorical_crossentropy", "--from-logits", "--optimizer", "adam", "-o", so])
    if not check("digits/train/compile", r.returncode == 0, "" if r.returncode == 0 else last_lines(r)):
        return
    r = run([opts.ingot, "train", so, "--data", folder / "train.npz", "--validation", folder / "test.npz",
             "--epochs", "25", "--batch", "32"])
    found = [float(a) for a in re.findall(r"val_accuracy ([0-9.]+)", r.stdout)]
    good = r.returncode == 0 and len(found) > 1 and found[0] < 0.5 and found[-1] >= 0.98
    check("digits/train/accuracy", good, f"{found[0]} before, {found[-1]} after" if found else last_lines(r))


def train_all(opts, folder, manifest, tmp):
    for optimizer in manifest["training"]["optimizers"]:
        for key in ("f32",) if opts.checked else ("f64", "f32"):
            work = tmp / folder.name / f"train-{optimizer}-{key}"
            work.mkdir(parents=True)
            training = Training(opts, folder, manifest, optimizer, key, work)
            try:
                training.checked() if opts.checked else training.test()
            except (OSError, ValueError, subprocess.TimeoutExpired) as e:
                check(f"{folder.name}/training/{optimizer}/{key}", False, f"{type(e).__name__}: {e}")


def build_replay(opts, tmp):
    """The program that calls artifacts, and with --checked one with AddressSanitizer."""
    opts.replay, opts.checker = tmp / "replay", tmp / "checker"
    wanted = [["cc", "-O1", "-o", opts.replay]]
    if opts.checked:
        wanted.append(["clang-22", "-fsanitize=address", "-O1", "-g1", "-o", opts.checker])
    for command in wanted:
        r = run([*command, "-std=c11", f"-I{ROOT}/include", HERE / "replay.c", "-ldl"])
        if not check(f"{command[-1].name} builds", r.returncode == 0, r.stderr):
            print("0 passed, 1 failed")
            sys.exit(1)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--models", type=pathlib.Path, required=True)
    ap.add_argument("--ingot", type=pathlib.Path, required=True)
    ap.add_argument("--only", nargs="*")
    ap.add_argument("--forms", nargs="*", default=["saved_model", "frozen"])
    ap.add_argument("--no-training", action="store_true")
    ap.add_argument("--checked", action="store_true", help="with --debug-arena and --sanitize=address instead")
    opts = ap.parse_args()
    with tempfile.TemporaryDirectory(prefix="ingot-models-") as tmp:
        tmp = pathlib.Path(tmp)
        build_replay(opts, tmp)
        for folder in sorted(p.parent for p in opts.models.glob("*/manifest.json")):
            if opts.only and folder.name not in opts.only:
                continue
            manifest = json.loads((folder / "manifest.json").read_text())
            for form in opts.forms:
                if form == "frozen" and "frozen" not in manifest:
                    continue
                work = tmp / folder.name / form
                work.mkdir(parents=True)
                try:
                    model = Form(opts, folder, manifest, form, work)
                    model.checked() if opts.checked else model.test()
                except (OSError, ValueError, subprocess.TimeoutExpired) as e:
                    check(f"{folder.name}/{form}", False, f"{type(e).__name__}: {e}")
            if "training" in manifest and not opts.no_training:
                train_all(opts, folder, manifest, tmp)
            if folder.name == "digits" and not opts.no_training and not opts.checked:
                train_digits(opts, folder, tmp / "digits")
    checks.finish()


main()
