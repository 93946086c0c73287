#!/usr/bin/env python3
"""Plants mistakes in the compiler, one at a time, and sees that a suite notices.

    run.py [--only NAME ...] [--check]

Each NAME.patch here begins with lines such as

    What: the arena frees a buffer one operation too early
    Suite: models --only lenet

and goes on as `git diff` prints. The suite (`lit`, `unit`, `models ARGUMENTS`,
`conformance ARGUMENTS`) must pass without the patch and fail with it. Work is
done in a copy under build/mutants. `--check` only sees whether all patches
still apply. The last line is `N passed, N failed`.
"""
import argparse
import filecmp
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
COPY = ROOT / "build" / "mutants"


def run(command, **kw):
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, **kw)


class Mutant:
    def __init__(self, path):
        text = path.read_text()
        head = dict(re.findall(r"^(What|Suite): (.*)$", text, re.M))
        self.name, self.path, self.what, self.suite = path.stem, path, head["What"], head["Suite"]

    def apply(self, where, *options):
        return run(["git", "apply", *options, self.path], cwd=where)


def prepare():
    """A copy of the tracked files; unchanged ones keep their times, so that builds are short."""
    COPY.mkdir(parents=True, exist_ok=True)
    files = set(filter(None, run(["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT).stdout.split("\0")))
    for f in COPY.rglob("*"):
        name = str(f.relative_to(COPY))
        if f.is_file() and name.split("/")[0] not in ("build", ".git") and name not in files:
            f.unlink()
    for f in files:
        source, target = ROOT / f, COPY / f
        if source.is_file() and not (target.exists() and filecmp.cmp(source, target, shallow=False)):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    if not (COPY / ".git").exists():
        run(["git", "init", "-q"], cwd=COPY)
    subprocess.run(["cmake", "--preset", "release"], cwd=COPY, check=True, stdout=subprocess.DEVNULL)


def build():
    return run(["ninja", "-C", COPY / "build" / "release"])


def suite(text):
    """Whether the suite passes, and its last lines."""
    name, *arguments = shlex.split(text)
    ingot = COPY / "build/release/tools/ingot/ingot"
    python = ROOT / ".venv/bin/python"
    if name in ("lit", "unit"):
        command = [COPY / "dev", "test", name]
    elif name == "models":
        command = ["python3", COPY / "test/models/run.py", "--models", COPY / "test/models/goldens", "--ingot", ingot, *arguments]
    elif name == "conformance":
        command = [python if python.exists() else "python3", ROOT / "test/conformance/run.py", "--cache", ROOT / ".cache/conformance",
                   "--runner", COPY / "build/release/test/conformance/ingot-conform", *arguments]
    else:
        raise SystemExit(f"no suite {name}")
    r = run(command, cwd=COPY, timeout=1200)
    lines = (r.stdout + r.stderr).strip().splitlines()
    reds = [l for l in lines if l.startswith(("FAIL", "MISMATCH", "CRASHED", "failed:"))]
    return r.returncode == 0, (reds or lines or ["no output"])[0][:160]


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--only", nargs="*")
    ap.add_argument("--check", action="store_true")
    opts = ap.parse_args()
    mutants = [Mutant(p) for p in sorted(HERE.glob("*.patch")) if not opts.only or p.stem in opts.only]
    good, bad = 0, []

    def note(name, ok, detail):
        nonlocal good
        good += ok
        if not ok:
            bad.append(name)
        print(f"{'ok  ' if ok else 'FAIL'} {name}: {detail}", flush=True)
    if opts.check:
        for m in mutants:
            r = m.apply(ROOT, "--check")
            note(m.name, r.returncode == 0, "applies" if r.returncode == 0 else r.stderr.strip())
    else:
        prepare()
        r = build()
        if r.returncode:
            note("build", False, r.stdout[-400:])
            mutants = []
        for text in sorted({m.suite for m in mutants}):
            ok, line = suite(text)
            note(f"baseline {text}", ok, "passes" if ok else line)
        for m in mutants:
            r = m.apply(COPY)
            if r.returncode:
                note(m.name, False, r.stderr.strip())
                continue
            r = build()
            ok, line = suite(m.suite) if r.returncode == 0 else (False, "")
            if r.returncode:
                note(m.name, False, "does not build: " + r.stdout[-300:])
            else:
                note(m.name, not ok, f"seen: {line}" if not ok else f"NOT SEEN by {m.suite}: {m.what}")
            m.apply(COPY, "-R")
    print(f"{good} passed, {len(bad)} failed")
    sys.exit(1 if bad else 0)


main()
