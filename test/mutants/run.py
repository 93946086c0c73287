#!/usr/bin/env python3
"""Plants mistakes in the compiler, one at a time, and sees that a suite notices.

    run.py [--only NAME ...] [--check]

mutants.py lists the mistakes. Their suite (`lit`, `unit`, `errors`, `models
ARGUMENTS`, `conformance ARGUMENTS`) must pass without the mistake and fail with
it. Work is done in a copy under build/mutants. `--check` only sees whether each
place is still there. The last line is `N passed, N failed`.
"""
import argparse
import filecmp
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

from mutants import MUTANTS

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
COPY = ROOT / "build" / "mutants"


def run(command, **kw):
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, **kw)


class Mutant:
    def __init__(self, name, what, file, old, new, suite):
        self.name, self.what, self.file, self.old, self.new, self.suite = name, what, file, old, new, suite

    def planted(self, root):
        """The file's text with the mistake, or None if its place is not there exactly once."""
        text = (root / self.file).read_text() if (root / self.file).exists() else ""
        pattern = r"\s+".join(re.escape(word) for word in self.old.split())
        found = list(re.finditer(pattern, text))
        if len(found) != 1:
            return None
        return text[:found[0].start()] + self.new + text[found[0].end():]


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
    elif name == "errors":
        command = ["python3", COPY / "test/models/errors.py", "--models", COPY / "test/models/goldens", "--ingot", ingot]
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
    mutants = [m for m in (Mutant(*row) for row in MUTANTS) if not opts.only or m.name in opts.only]
    good, bad = 0, []

    def note(name, ok, detail):
        nonlocal good
        good += ok
        if not ok:
            bad.append(name)
        print(f"{'ok  ' if ok else 'FAIL'} {name}: {detail}", flush=True)
    if opts.check:
        for m in mutants:
            note(m.name, m.planted(ROOT) is not None, f"place in {m.file}")
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
            path, text = COPY / m.file, m.planted(COPY)
            if text is None:
                note(m.name, False, f"its place in {m.file} is gone")
                continue
            original = path.read_text()
            path.write_text(text)
            r = build()
            if r.returncode:
                note(m.name, False, "does not build: " + r.stdout[-300:])
            else:
                ok, line = suite(m.suite)
                note(m.name, not ok, f"seen: {line}" if not ok else f"NOT SEEN by {m.suite}: {m.what}")
            path.write_text(original)
    print(f"{good} passed, {len(bad)} failed")
    sys.exit(1 if bad else 0)


main()
