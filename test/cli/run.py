#!/usr/bin/env python3
"""The command line from the outside: what each command prints and writes, its
exit status, and that nothing is left behind when it fails.

    run.py --models test/models/goldens --ingot PATH

Bad models and graphs are the subject of test/models/errors.py. Uses the standard
library only. The last line is `N passed, N failed`.
"""
import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import zipfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "models"))
import npy
from checks import check, finish

STAGES = {
    "graph": "graph.node", "pure": "graph.node", "nn": "nn.dot_general", "train": "nn.dot_general",
    "kernels": "nn.kernel", "loops": "nn.dispatch", "rt": "rt.dispatch", "llvm": "define", "asm": ".text",
}


class Cli:
    def __init__(self, ingot, folder):
        self.ingot, self.folder = ingot.resolve(), folder

    def run(self, *arguments, env=None):
        return subprocess.run([str(self.ingot)] + [str(a) for a in arguments], capture_output=True, text=True,
                              errors="replace", timeout=120, cwd=self.folder, env={**os.environ, **(env or {})})

    def good(self, name, *arguments, words=(), env=None):
        """Status 0, nothing on standard error, these words on standard output."""
        r = self.run(*arguments, env=env)
        missing = [w for w in words if not re.search(w, r.stdout)]
        check(name, r.returncode == 0 and not r.stderr and not missing, f"{r.returncode}, lacks {missing}: {r.stderr}{r.stdout}")
        return r.stdout

    def bad(self, name, *arguments, words=(), status=1, files=()):
        """This status, one message with these words, none of these files."""
        r = self.run(*arguments)
        missing = [w for w in words if w not in r.stderr]
        left = [f for f in files if (self.folder / f).exists()]
        temporary = [f.name for f in self.folder.iterdir() if ".tmp-" in f.name]
        ok = r.returncode == status and not missing and not left and not temporary
        check(name, ok and (status != 1 or "error: " in r.stderr),
              f"{r.returncode}, lacks {missing}, left {left + temporary}: {r.stderr}{r.stdout}")


def general(c):
    c.good("general/help", "--help", words=["compile", "inspect", "run", "bench", "verify", "Exit status"])
    c.good("general/version", "--version", words=[r"^ingot \d+\.\d+\.\d+\n$"])
    for command in ("compile", "inspect", "run", "bench", "verify", "train"):
        c.good(f"general/help_{command}", command, "--help", words=["Usage|OPTIONS"])
    c.bad("general/nothing", status=2)


def compiling(c, models):
    m = models / "mlp" / "saved_model"
    for ending, magic in ((".so", b"\x7fELF"), (".o", b"\x7fELF"), (".a", b"!<arch>\n")):
        out = c.folder / f"mlp{ending}"
        c.good(f"compile/{ending}", "compile", m, "-o", out, words=[re.escape(str(out)), r"\d+ kernels"])
        check(f"compile/{ending}_file", out.exists() and out.read_bytes().startswith(magic))
    c.good("compile/header", "compile", m, "-o", "h.so", "--header", "h.h", "--name", "my_model")
    header = (c.folder / "h.h").read_text() if (c.folder / "h.h").exists() else ""
    check("compile/header_names", "my_model_serving_default" in header, header[:300])
    c.good("compile/weights", "compile", m, "-o", "w.so", "--weights", "w.safetensors", words=["w.safetensors"])
    side = c.folder / "w.safetensors"
    check("compile/weights_file", side.exists() and b"{" in side.read_bytes()[:16])
    a = (c.folder / "h.so").read_bytes() if (c.folder / "h.so").exists() else b""
    c.good("compile/again", "compile", m, "-o", "h.so", "--name", "my_model", "--threads", 1)
    check("compile/same_bytes", a == (c.folder / "h.so").read_bytes(), "another number of threads gave another file")
    other = ["-o", "no.so", "--header", "no.h"]
    left = ["no.so", "no.h", "no.json", "no.safetensors"]
    c.bad("compile/no_output", "compile", m, words=["-o"], status=2)
    c.bad("compile/ending", "compile", m, "-o", "no.txt", words=["no.txt", ".so"], status=2, files=["no.txt"])
    c.bad("compile/report_ending", "compile", m, *other, "--report", "no.txt", words=["no.txt"], status=2, files=left + ["no.txt"])
    c.bad("compile/stage", "compile", m, "--emit", "nonsense", words=["nonsense", "kernels"], status=2)
    c.bad("compile/shape_syntax", "compile", m, *other, "--shape", "x", words=["x", "NAME=SIZES"], status=2, files=left)
    c.bad("compile/loss_missing", "compile", m, *other, "--train", words=["--loss"], status=2, files=left)
    c.bad("compile/signature", "compile", m, *other, "--signature", "nope", words=["nope", "serving_default"], files=left)
    c.bad("compile/tag", "compile", m, *other, "--tag", "nope", words=["nope", "serve"], files=left)
    c.bad("compile/shape", "compile", m, *other, "--shape", "x=3x13", words=["x=3x13", "12"], files=left)
    c.bad("compile/processor", "compile", m, *other, "--mcpu", "nope", words=["nope", "znver4"], files=left)
    c.bad("compile/triple", "compile", m, *other, "--mtriple", "nope", words=["nope", "x86_64"], files=left)
    c.bad("compile/output_folder", "compile", m, "-o", "nowhere/m.so", words=["nowhere/m.so"])
    c.bad("compile/header_folder", "compile", m, "-o", "no.so", "--header", "nowhere/m.h", words=["nowhere/m.h"], files=left)
    c.bad("compile/weights_folder", "compile", m, "-o", "no.so", "--weights", "nowhere/w.safetensors",
          words=["nowhere/w.safetensors"], files=left)
    c.bad("compile/report_folder", "compile", m, *other, "--report", "nowhere/r.json", words=["nowhere/r.json"], files=left)
    c.bad("compile/report_of_failure", "compile", m, "-o", "nowhere/m.so", "--report", "no.json", words=["nowhere"], files=left)
    # A message about the model as a whole names it as a model, not as a node.
    r = c.run("compile", m, *other, "--train", "--loss", "nope")
    check("compile/model_is_no_node", r.returncode == 1 and f"error: {m}: " in r.stderr and "node '" not in r.stderr, r.stderr)


def stages(c, models):
    m = models / "mlp" / "saved_model"
    c.good("stages/help", "compile", "--help", words=list(STAGES))
    for stage, word in STAGES.items():
        text = c.good(f"stages/{stage}", "compile", m, "--emit", stage, "--name", "mlp", words=[re.escape(word)])
        c.good(f"stages/{stage}_file", "compile", m, "--emit", stage, "--name", "mlp", "-o", f"{stage}.txt")
        written = c.folder / f"{stage}.txt"
        check(f"stages/{stage}_same", written.exists() and written.read_text() == text)
    c.good("stages/backtraces", "compile", m, "--emit", "llvm", words=[r"attributes #\d+ = {.* uwtable"])
    c.good("stages/dump", "compile", m, "-o", "dumped.so", env={"INGOT_DUMP_DIR": str(c.folder / "dump")})
    names = {f.name.split(".")[1] for f in (c.folder / "dump").iterdir()} if (c.folder / "dump").exists() else set()
    check("stages/dump_files", names == set(STAGES), sorted(names))


def reports(c, models):
    m = models / "mlp" / "saved_model"
    c.good("report/json", "compile", m, "-o", "mlp.so", "--report", "r.json")
    kernels = json.loads((c.folder / "r.json").read_text())["kernels"]
    matmul = [k for k in kernels if k["kind"] == "contraction"]
    check("report/kernels", len(matmul) == 3, kernels)
    check("report/fields", all(k["schedule"] and k["nodes"] and k["vector_bytes"] and "batch" in k["flops"] and "batch" in k["bytes"]
                               for k in matmul), matmul[:1])
    c.good("report/html", "compile", m, "-o", "mlp.so", "--report", "r.html")
    page = (c.folder / "r.html").read_text()
    check("report/html_rows", page.count("<tr>") == len(kernels) + 1, page[:300])
    c.good("inspect/mlp", "inspect", m, words=["signature serving_default", r"input +x: batchx12xf32", r"MatMul .* supported",
                                              r"parameters \d+", r"FLOPs of a call: \d+\*batch"])
    node = 'node {{ name: "{}" op: "{}" {} attr {{ key: "{}" value {{ type: {} }} }} }}\n'
    (c.folder / "text.pbtxt").write_text(node.format("words", "Placeholder", "", "dtype", "DT_STRING") +
                                         node.format("low", "StringLower", 'input: "words"', "", "DT_STRING").replace(
                                             'attr { key: "" value { type: DT_STRING } }', ""))
    c.good("inspect/strings", "inspect", "text.pbtxt", "--shape", "words=batch", "--fetch", "low",
           words=[r"words: batchxstring\n", r"low: string of unknown shape\n", "StringLower .*NOT SUPPORTED"])
    c.bad("compile/strings", "compile", "text.pbtxt", "--shape", "words=batch", "--fetch", "low", "-o", "no.so",
          words=["signature 'serving_default'", "'words'", "strings"], files=["no.so"])
    c.bad("inspect/missing", "inspect", "nothing.pb", words=["nothing.pb"])


def running(c, models):
    so = c.folder / "mlp.so"
    x = models / "mlp" / "data" / "b3.x.npy"
    c.good("run/npy", "run", so, "--input", f"x=@{x}", "--output", "out", words=[r"^\S+: 3x10xf32 = \["])
    made = list((c.folder / "out").glob("*.npy"))
    if check("run/output", len(made) == 1, made):
        a = npy.load(made[0])
        check("run/output_shape", a.shape == (3, 10) and a.descr == "<f4", (a.shape, a.descr))
    c.good("run/value", "run", so, "--input", "x=2x12xf32=0.5", "--threads", 1, words=[": 2x10xf32 = "])
    c.good("run/empty_batch", "run", so, "--input", "x=0x12xf32=1", words=[r": 0x10xf32 = \[\]"])
    same = {c.run("run", so, "--input", f"x=@{x}", "--threads", n).stdout for n in (1, 2, 5)}
    check("run/threads_agree", len(same) == 1, same)
    c.bad("run/twice", "run", so, "--input", "x=2x12xf32=1", "--input", "x=2x12xf32=2", words=["x", "twice"])
    c.bad("run/unknown_input", "run", so, "--input", "z=2x12xf32=1", words=["'z'", "x"])
    c.bad("run/count", "run", so, "--input", "x=2x12xf32=1,2,3", words=["3 values", "24"])
    c.bad("run/no_equals", "run", so, "--input", "x", words=["NAME="])
    c.bad("run/shape", "run", so, "--input", "x=2x13xf32=1", words=["'x'", "13", "12"])
    c.bad("run/dtype", "run", so, "--input", "x=2x12xi32=1", words=["'x'", "f32"])
    c.bad("run/output_folder", "run", so, "--input", "x=1x12xf32=1", "--output", "/proc/nowhere", words=["/proc/nowhere"])
    c.good("run/random", "run", so, "--input", "x=random", words=[": 1x10xf32 = "])
    c.bad("run/no_tensor", "run", so, "--input", "x=nonsense", words=["nonsense", "@file.npy", "random"])
    c.bad("run/no_artifact", "run", models / "mlp" / "saved_model", words=["saved_model", "ingot compile"])
    c.bad("run/archive", "run", "mlp.a", words=["mlp.a: is no shared object", "ingot compile"])
    c.bad("run/missing", "run", "nothing.so", words=["nothing.so: No such file"])
    text = c.good("bench/table", "bench", so, "--seconds", 0.05, "--size", "batch=8", "--threads", 1,
                  words=["median", "GFLOP/s", "% peak", "GB/s", "all kernels"])
    rates = [float(line.split()[3]) for line in text.splitlines() if "(" in line and "MatMul" in line]
    check("bench/rates", len(rates) == 3 and all(r > 0 for r in rates), text)
    text = c.good("bench/json", "bench", so, "--seconds", 0.05, "--json")
    j = json.loads(text)
    check("bench/json_fields", j["median_ms"] > 0 and j["peak_gflops"] > 0 and all(k["flops"] > 0 and k["bytes"] > 0 for k in j["kernels"]), j)
    # Sizes of the inputs that are given hold for the random ones.
    c.good("bench/pair", "compile", models / "two_sizes" / "saved_model", "-o", "pair.so")
    c.good("bench/given_sizes", "bench", "pair.so", "--input", "a=5x3xf32=1", "--seconds", 0.05, words=["all kernels"])
    c.good("run/given_sizes", "run", "pair.so", "--input", "a=5x3xf32=1", "--input", "b=random", words=["sum: 5x3xf32"])
    c.bad("bench/size_name", "bench", so, "--size", "nope=3", words=["nope"])
    c.bad("bench/size_value", "bench", so, "--size", "batch=many", words=["batch=many"])
    trace = c.folder / "trace.json"
    c.good("run/trace", "run", so, "--input", "x=1x12xf32=1", env={"INGOT_TRACE": str(trace)})
    check("run/trace_file", trace.exists() and "contraction" in trace.read_text())


COMPLEX_GRAPH = """
node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_COMPLEX64 } }
  attr { key: "shape" value { shape { dim { size: -1 } } } } }
node { name: "i" op: "Const" attr { key: "dtype" value { type: DT_COMPLEX64 } }
  attr { key: "value" value { tensor { dtype: DT_COMPLEX64 tensor_shape { } scomplex_val: [0, 1] } } } }
node { name: "turned" op: "Mul" input: "x" input: "i" attr { key: "T" value { type: DT_COMPLEX64 } } }
node { name: "y" op: "Conj" input: "turned" attr { key: "T" value { type: DT_COMPLEX64 } } }
"""


def complex_numbers(c):
    (c.folder / "turn.pbtxt").write_text(COMPLEX_GRAPH)
    c.good("complex/compile", "compile", "turn.pbtxt", "-o", "turn.so", "--header", "turn.h")
    header = (c.folder / "turn.h").read_text() if (c.folder / "turn.h").exists() else ""
    check("complex/header", "c64, real and imaginary part in turn" in header and "const float *x" in header, header[-1500:])
    c.good("complex/values", "run", "turn.so", "--input", "x=3xc64=1-2j,3j,4", "--output", "turned",
           words=[re.escape("3xc64 = [2-1j, -3-0j, 0-4j]")])
    made = list((c.folder / "turned").glob("*.npy"))
    if check("complex/output", len(made) == 1, made):
        a = npy.load(made[0])
        check("complex/npy", a.descr == "<c8" and len(a.data) == 24, a.descr)
        c.good("complex/from_npy", "run", "turn.so", "--input", f"x=@{made[0]}", words=[re.escape("[1-2j, 0+3j, 4-0j]")])
    c.good("complex/random", "run", "turn.so", "--input", "x=5xc64=random", words=[r"5xc64 = \["])
    (c.folder / "four.pbtxt").write_text(COMPLEX_GRAPH.replace("size: -1", "size: 4"))
    c.good("complex/static", "compile", "four.pbtxt", "-o", "four.so")
    c.good("complex/static_bench", "bench", "four.so", "--seconds", 0.05, words=["median"])
    c.good("complex/inspect", "inspect", "four.pbtxt", words=["input +x: 4xc64", "output +y: 4xc64"])
    c.good("complex/verify", "verify", "turn.pbtxt", "--all", words=["ok"])
    c.bad("complex/number", "run", "turn.so", "--input", "x=1xc64=1+2", words=["no number", "1+2"])


def verifying(c, models):
    for name, sizes in (("mlp", ["batch=3"]), ("counter", ["batch=5"]), ("digits", ["batch=1"])):
        m = models / name / "saved_model"
        arguments = [a for s in sizes for a in ("--size", s)]
        if m.exists():
            c.good(f"verify/{name}", "verify", m, "--all", *arguments, words=["signature", "ok", "contraction_0"])
    m = models / "mlp" / "saved_model"
    c.good("verify/input", "verify", m, "--input", f"x=@{models / 'mlp' / 'data' / 'b3.x.npy'}", words=["3x10xf32"])
    c.good("verify/no_group", "verify", m, "--no-group", "--all", words=["elementwise_1"])
    c.bad("verify/dtype", "verify", m, "--input", "x=3x12xi32=1", words=["'x'", "f32"])
    c.bad("verify/shape", "verify", m, "--input", "x=3x13xf32=1", words=["'x'", "13"])
    c.bad("verify/missing", "verify", "nothing.pb", words=["nothing.pb"])


def write_npz(path, arrays):
    with zipfile.ZipFile(path, "w") as z:
        for name, a in arrays.items():
            npy.save(path.with_suffix(".npy"), a)
            z.write(path.with_suffix(".npy"), f"{name}.npy")


def training(c, models):
    m = models / "digits" / "saved_model"
    data = models / "digits" / "train.npz"
    c.good("train/compile", "compile", m, "-o", "net.so", "--train", "--loss", "sparse_categorical_crossentropy", "--from-logits")
    c.good("train/epoch", "train", "net.so", "--data", data, "--save", "w.npz", words=[r"epoch 1/1  loss \d", r"w\.npz: \d+ variables"])
    # The trained weights in an artifact for inference give what the trained one gives.
    c.good("train/load", "compile", m, "-o", "new.so", "--load", "w.npz")
    x = "image=4x8x8x1xf32=random"
    old = c.run("run", "net.so", "--signature", "infer", "--input", x).stdout
    new = c.run("run", "new.so", "--input", x).stdout
    check("train/load_changes", new.startswith("output_0: 4x10xf32") and new != old, new)
    out = c.good("train/same", "train", "net.so", "--data", data, "--load", "w.npz", "--epochs", 0, "--save", "again.npz")
    check("train/same_bytes", (c.folder / "w.npz").read_bytes() == (c.folder / "again.npz").read_bytes(), out)
    c.good("train/verify", "compile", m, "-o", "new.a", "--load", "again.npz")
    some = npy.Array("<f4", (2,), b"\0" * 8)
    write_npz(c.folder / "some.npz", {"conv2d/kernel": some})
    c.bad("train/load_lacks", "compile", m, "-o", "no.so", "--load", "some.npz", words=["--load", "variable"], files=["no.so"])
    c.bad("train/load_missing", "compile", m, "-o", "no.so", "--load", "nothing.npz", words=["nothing.npz"], files=["no.so"])
    c.bad("train/no_train", "train", "mlp.so", "--data", data, words=["--train"])
    c.bad("train/data", "train", "net.so", "--data", "some.npz", words=["some.npz", "'image'", "conv2d/kernel"])
    c.bad("train/save_folder", "train", "net.so", "--data", data, "--save", "nowhere/w.npz", words=["nowhere/w.npz"])
    write_npz(c.folder / "labels.npz", {"image": npy.Array("|u1", (2, 8, 8), b"\1" * 128), "y": npy.Array("<i4", (2,), b"\x63\0\0\0" * 2)})
    c.bad("train/label", "train", "net.so", "--data", "labels.npz", "--save", "no.npz", words=["labels.npz", "loss", "label"],
          files=["no.npz"])


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--models", type=pathlib.Path, required=True)
    ap.add_argument("--ingot", type=pathlib.Path, required=True)
    opts = ap.parse_args()
    models = opts.models.resolve()
    with tempfile.TemporaryDirectory(prefix="ingot-cli-") as tmp:
        c = Cli(opts.ingot, pathlib.Path(tmp).resolve())
        general(c)
        compiling(c, models)
        stages(c, models)
        reports(c, models)
        running(c, models)
        complex_numbers(c)
        training(c, models)
        verifying(c, models)
    finish()


main()
