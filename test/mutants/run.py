#!/usr/bin/env python3
"""Plants mistakes in the compiler and sees that a suite notices each.

    run.py [--only NAME ...] [--all-suites] [--fresh] [--check]

mutants.py lists the mistakes and the suites that may notice, the cheapest first:
they run in that order until one fails. Each of them must pass without the
mistake. Nothing in the tree is changed: a mistake is compiled from a file of its
own and linked in front of the library that holds the right one, so it costs one
file, one link and the suite up to its first failure; what a round needs is one
ninja build. What is known of unchanged sources is not run again: an interrupted
run goes on where it was (`--fresh` forgets). `--all-suites` runs all suites of a
mistake; `--check` only sees whether each place is still there. The last line is
`N passed, N failed`.
"""
import argparse
import hashlib
import json
import os
import pathlib
import re
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import time

from mutants import INCLUDED, MUTANTS

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD = ROOT / "build" / "release"
WORK = ROOT / "build" / "mutants"
RESULTS = WORK / "results.json"
LIT = "/usr/lib/llvm-22/bin/lit"
UNIT = {name: f"ingot-unit-{name}" for name in
        ("artifact", "codegen", "frontend", "gpu", "program", "runtime", "schedule", "verify", "nn")}
UNIT |= {name: f"ingot_{name}_tests" for name in ("evaluate", "group", "train", "training")}


def run(command, timeout=None, **kw):
    """Like subprocess.run, but what the command has started ends with it; -1000 as status if it did not end."""
    def limit():
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    p = subprocess.Popen([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                         errors="replace", start_new_session=True, preexec_fn=limit, **kw)
    try:
        out, _ = p.communicate(timeout=timeout)
        return p.returncode, out
    except subprocess.TimeoutExpired:
        os.killpg(p.pid, signal.SIGKILL)
        p.communicate()
        return -1000, f"does not end within {timeout:.0f} s"
    except BaseException:
        os.killpg(p.pid, signal.SIGKILL)
        raise


class Mutant:
    def __init__(self, name, what, file, old, new, *suites):
        self.name, self.what, self.file, self.old, self.new, self.suites = name, what, file, old, new, suites
        self.folder = WORK / name

    def planted(self):
        """The file's text with the mistake, or None if its place is not there exactly once."""
        text = (ROOT / self.file).read_text() if (ROOT / self.file).exists() else ""
        pattern = r"\s+".join(re.escape(word) for word in self.old.split())
        found = list(re.finditer(pattern, text))
        if len(found) != 1:
            return None
        return text[:found[0].start()] + self.new + text[found[0].end():]


class Suite:
    """What one line of mutants.py stands for: a program and a command that fails if it notices."""

    def __init__(self, text):
        self.text = text
        name, *self.arguments = shlex.split(text)
        self.name = name
        if name == "unit":
            target = UNIT[self.arguments[0]]
            self.program = f"test/unit/{self.arguments[0]}/{target}"
        elif name == "lit":
            self.program = "tools/ingot-opt/ingot-opt"
        elif name in ("errors", "cli", "models"):
            self.program = "tools/ingot/ingot"
        elif name == "conformance":
            self.program = "test/conformance/ingot-conform"
        else:
            raise SystemExit(f"no suite {name}")
        self.target = pathlib.Path(self.program).name
        self.folders = {"unit": [], "errors": ["models"], "cli": ["cli", "models/goldens"]}.get(name, [name])

    def command(self, program):
        models = ["--models", ROOT / "test/models/goldens", "--ingot", program]
        if self.name == "unit":
            return [program, "--gtest_brief=1", "--gtest_fail_fast", *[f"--gtest_filter={f}" for f in self.arguments[1:]]]
        if self.name == "lit":
            return ["python3", LIT, "-v", "--max-failures=1", *[BUILD / "test/lit" / a for a in self.arguments]]
        if self.name == "models":
            return ["python3", ROOT / "test/models/run.py", *models, *self.arguments]
        if self.name == "errors":
            return ["python3", ROOT / "test/models/errors.py", *models]
        if self.name == "cli":
            return ["python3", ROOT / "test/cli/run.py", *models]
        python = ROOT / ".venv/bin/python"
        return [python if python.exists() else "python3", ROOT / "test/conformance/run.py", "--cache",
                ROOT / ".cache/conformance", "--runner", program, *self.arguments]

    def run(self, program, timeout):
        """Whether it passes, and the line that says what it has noticed."""
        status, out = run(self.command(program), timeout, cwd=ROOT, env={**os.environ, "INGOT_LIT_TOOLS": str(program.parent)})
        lines = [l.strip() for l in out.splitlines() if l.strip()]
        reds = [l for l in lines if re.match(r"FAIL|MISMATCH|CRASHED|failed:|\[  FAILED|.*error:", l)]
        reds += [l for l in lines if re.match(r".*: Failure$", l)]
        if status < 0 and status != -1000:
            reds.insert(0, f"signal {-status}; {lines[-1] if lines else 'no output'}")
        return status == 0, (reds or lines[-1:] or ["no output"])[0].replace(str(ROOT) + "/", "")[:160]


class Builder:
    """A ninja file beside the tree's: mistakes as objects, and programs linked with them."""

    def __init__(self):
        commands = json.loads((BUILD / "compile_commands.json").read_text())
        self.compile = {os.path.relpath(c["file"], ROOT): c["command"] for c in commands}
        self.links = {}
        self.tree, self.rules = [(BUILD / f).read_text() for f in ("build.ninja", "CMakeFiles/rules.ninja")]
        ccache = shutil.which("ccache")
        self.launcher = ccache + " " if ccache else ""
        self.lines = [f"builddir = {WORK}", "rule command", "  command = cd " + shlex.quote(str(BUILD)) + " && $line", "  description = $text",
                      "rule compile", "  command = cd " + shlex.quote(str(BUILD)) + " && $line",
                      "  description = $text", "  deps = gcc", "  depfile = $out.d"]
        self.seen = set()

    def link(self, program):
        """The command that links a program of the tree, from the tree's own ninja file."""
        if program not in self.links:
            rule, inputs, variables = re.search(rf"^build {re.escape(program)}: (\S+) (.*)\n((?:  .*\n)+)", self.tree, re.M).groups()
            values = dict(re.findall(r"^  (\w+) = (.*)$", variables, re.M), **{"in": inputs.split(" | ")[0].split(" || ")[0]})
            line = re.search(rf"^rule {rule}\n(?:  .*\n)*?  command = (.*)\n", self.rules, re.M).group(1)
            self.links[program] = re.sub(r"\$(\w+)", lambda v: values.get(v.group(1), ""), line)
        return self.links[program]

    def edge(self, rule, out, inputs, line, text):
        if out in self.seen:
            return
        self.seen.add(out)
        self.lines += [f"build {out}: {rule} {' '.join(map(str, inputs))}",
                       "  line = " + line.replace("$", "$$"), "  text = " + text]

    def add(self, m, suite):
        """The program that this suite runs with the mistake in it."""
        source = m.folder / m.file
        if not source.exists() or source.read_text() != m.planted():
            source.parent.mkdir(parents=True, exist_ok=True)
            source.write_text(m.planted())
        unit = INCLUDED.get(m.file, m.file)  # a file that another one includes is compiled there
        original = re.search(r" -o (\S+) ", self.compile[unit]).group(1)
        given = source if unit == m.file else ROOT / unit
        object_ = m.folder / "mistake.o"
        line = self.compile[unit].replace(f" -o {original} -c {ROOT / unit}", f" -o {object_} -c {given}")
        first, rest = line.split(" ", 1)
        line = f"{self.launcher}{first} -MD -MF {object_}.d -I{m.folder} -iquote {(ROOT / m.file).parent} {rest}"
        self.edge("compile", object_, [given, source], line, f"Compiling {m.name}")
        program = m.folder / suite.target
        link = self.link(suite.program)
        if f" {original} " in link:
            link = link.replace(f" {original} ", f" {object_} ")
        else:
            link = link.replace(f" -o {suite.program} ", f" {object_} -o {suite.program} ")
        link = link.replace(f" -o {suite.program} ", f" -o {program} ")
        self.edge("command", program, [object_, BUILD / suite.program], link, f"Linking {m.name}")
        return program

    def build(self):
        """What went wrong, by mutant."""
        file = WORK / "build.ninja"
        file.write_text("\n".join(self.lines) + "\n")
        p = subprocess.Popen(["ninja", "-f", file, "-k", "0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        out = ""
        for line in p.stdout:
            out += line
            if line.startswith("["):
                print(line.strip(), flush=True)
        p.wait()
        return {m.group(1): m.group(2) for m in
                re.finditer(r"FAILED:[^\n]*/mutants/(\w+)/[^\n]*\n(?:.*?)((?:[^\n]*error:)[^\n]*)", out, re.S)}


class Session:
    """What is known, kept after each step: of a suite's program and files, and of a mistake."""

    def __init__(self, fresh):
        self.digests = {}
        try:
            self.known = {} if fresh else json.loads(RESULTS.read_text())
        except (OSError, ValueError):
            self.known = {}

    def digest(self, suite):
        """Of what the suite is made of."""
        if suite.text not in self.digests:
            files = [BUILD / suite.program] + [f for folder in suite.folders for f in sorted((ROOT / "test" / folder).rglob("*"))]
            digest = hashlib.sha256(suite.text.encode())
            for f in files:
                if f.is_file() and f.suffix != ".pyc":
                    digest.update(hashlib.sha256(f.read_bytes()).digest())
            self.digests[suite.text] = digest.hexdigest()
        return self.digests[suite.text]

    def key(self, suite, what):
        return hashlib.sha256((self.digest(suite) + what).encode()).hexdigest()[:20]

    def get(self, m, suite):
        return self.known.get(self.key(suite, m.planted()))

    def save(self, key, value):
        self.known[key] = value
        part = RESULTS.with_suffix(".part")
        part.write_text(json.dumps(self.known))
        part.rename(RESULTS)

    def baseline(self, suite):
        """[seconds without a mistake, what is wrong or ""]."""
        key = self.key(suite, "baseline")
        if key in self.known:
            return self.known[key]
        start = time.time()
        good, line = suite.run(BUILD / suite.program, 1200)
        result = [time.time() - start, "" if good else line]
        if good:
            self.save(key, result)
        return result

    def try_suite(self, m, suite, program):
        """[whether it noticed, what it says, seconds]."""
        start = time.time()
        passes, line = suite.run(program, 60 + 10 * self.baseline(suite)[0])
        result = [not passes, line, time.time() - start]
        self.save(self.key(suite, m.planted()), result)
        return result


class Report:
    def __init__(self):
        self.good, self.bad, self.start = 0, [], time.time()

    def note(self, name, ok, detail):
        self.good += ok
        if not ok:
            self.bad.append(name)
        print(f"{'ok  ' if ok else 'FAIL'} [{(time.time() - self.start) / 60:.1f} min] {name}: {detail}", flush=True)

    def finish(self):
        for name in self.bad:
            print(f"failed: {name}")
        print(f"{self.good} passed, {len(self.bad)} failed")
        sys.exit(1 if self.bad else 0)


def rounds(mutants, suites, session, report, all_suites):
    """A suite of each mutant that is left, once it is known to pass without it; then the next one."""
    history = {m.name: [] for m in mutants}
    left = mutants
    for number in range(max((len(m.suites) for m in mutants), default=0)):
        left = [m for m in left if number < len(m.suites)]
        for text in sorted({m.suites[number] for m in left}):
            seconds, line = session.baseline(suites[text])
            report.note(f"baseline {text}", not line, line or f"passes in {seconds:.1f} s")
            if line:  # says nothing about mistakes
                left = [m for m in left if m.suites[number] != text]
        builder, programs = Builder(), {}
        for m in left:
            if session.get(m, suites[m.suites[number]]) is None:
                programs[m.name] = builder.add(m, suites[m.suites[number]])
        print(f"round {number + 1}: {len(left)} mistakes, {len(programs)} to build", flush=True)
        broken = builder.build() if programs else {}
        following = []
        for i, m in enumerate(left):
            suite = suites[m.suites[number]]
            if m.name in programs and not programs[m.name].exists():
                report.note(m.name, False, f"does not build: {broken.get(m.name, 'see ninja')}")
                continue
            seen, line, seconds = session.get(m, suite) or session.try_suite(m, suite, programs[m.name])
            history[m.name].append(f"{'seen' if seen else 'not seen'} by {suite.text} ({seconds:.1f} s)")
            ended = number + 1 == len(m.suites)
            if m.name in programs:
                programs[m.name].unlink()  # 82 compilers would fill the disk
            if seen and not all_suites or ended:
                ok = any(h.startswith("seen") for h in history[m.name])
                report.note(f"{i + 1}/{len(left)} {m.name}", ok, ", ".join(history[m.name]) +
                            (f": {line}" if seen else "" if ok else f": SURVIVES, {m.what}"))
            else:
                following.append(m)
        left = following


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--only", nargs="*")
    ap.add_argument("--check", action="store_true")
    ap.add_argument("--fresh", action="store_true")
    ap.add_argument("--all-suites", action="store_true")
    opts = ap.parse_args()
    report = Report()
    mutants = [m for m in (Mutant(*row) for row in MUTANTS) if not opts.only or m.name in opts.only]
    if opts.check:
        for m in mutants:
            report.note(m.name, m.planted() is not None, f"place in {m.file}")
        report.finish()
    for m in mutants:
        if m.planted() is None:
            report.note(m.name, False, f"its place in {m.file} is gone")
    mutants = [m for m in mutants if m.planted() is not None]
    WORK.mkdir(parents=True, exist_ok=True)
    if not (BUILD / "build.ninja").exists():
        subprocess.run(["cmake", "--preset", "release"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    suites = {text: Suite(text) for m in mutants for text in m.suites}
    extra = {"ingot", "ingot-opsdoc", "ingot_stub_driver"} if any(s.name == "lit" for s in suites.values()) else set()
    status, out = run(["ninja", "-C", BUILD, *sorted({s.target for s in suites.values()} | extra)])
    if status:
        report.note("build", False, out[-400:])
        report.finish()
    rounds(mutants, suites, Session(opts.fresh), report, opts.all_suites)
    report.finish()


main()
