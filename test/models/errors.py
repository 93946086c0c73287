#!/usr/bin/env python3
"""Bad input: each kind gets a message with the file or node at fault, exit
status 1 (2 for wrong usage), no output file, no crash and no hang.

    errors.py --models test/models/goldens --ingot PATH

Uses the standard library only. The last line is `N passed, N failed`.
"""
import argparse
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import npy
from checks import check, finish


class Bad:
    """Runs the command line in a folder and says what is wrong with how it fails."""

    def __init__(self, ingot, folder):
        self.ingot, self.folder = ingot, folder

    def run(self, arguments):
        try:
            return subprocess.run([str(self.ingot)] + [str(a) for a in arguments], capture_output=True, text=True,
                                  errors="replace", timeout=30)
        except subprocess.TimeoutExpired:
            return None

    def expect(self, name, arguments, *words, status=1, outputs=()):
        r = self.run(arguments)
        if r is None:
            return check(name, False, "does not end within 30 s")
        text = r.stderr + r.stdout
        shown = " | ".join(text.strip().splitlines()[:4])[:400]
        if r.returncode != status:
            return check(name, False, f"exit status {r.returncode}, expected {status}: {shown}")
        if status == 1 and "error:" not in r.stderr:
            return check(name, False, f"no 'error:' on standard error: {shown}")
        for w in words:
            if str(w).lower() not in text.lower():
                return check(name, False, f"the message lacks '{w}': {shown}")
        left = [str(o) for o in outputs if o.exists()]
        check(name, not left, f"left behind {left}")

    def compile(self, name, model, *words, options=(), status=1):
        out = self.folder / "out"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        self.expect(name, ["compile", model, "-o", out / "m.so", "--header", out / "m.h", *options], *words, status=status,
                    outputs=[out / "m.so", out / "m.h"])


def node(name, op, inputs=(), **attrs):
    """A NodeDef in text form; attribute values are given in text form too."""
    text = f'node {{ name: "{name}" op: "{op}" '
    text += "".join(f'input: "{i}" ' for i in inputs)
    text += "".join(f'attr {{ key: "{k}" value {{ {v} }} }} ' for k, v in attrs.items())
    return text + "}\n"


FLOAT, INT = "type: DT_FLOAT", "type: DT_INT32"


def shape(*dims):
    return "shape { " + "".join(f"dim {{ size: {d} }} " for d in dims) + "}"


def x(*dims, name="x", dtype=FLOAT):
    return node(name, "Placeholder", dtype=dtype, shape=shape(*dims))


def const(name, dims, values="float_val: 1"):
    dtype = "DT_FLOAT" if "float_val" in values or "content" in values else "DT_INT32"
    return node(name, "Const", dtype=f"type: {dtype}", value=f"tensor {{ dtype: {dtype} tensor_shape "
                f"{{ {''.join(f'dim {{ size: {d} }} ' for d in dims)}}} {values} }}")


def files(b, goldens):
    """Whole files that are not what they should be."""
    frozen = (goldens / "mlp" / "frozen.pb").read_bytes()
    cut = ["--feed", "x", "--fetch", "Identity"]
    f = b.folder / "model.pb"

    def bad_file(name, data, *words):
        f.write_bytes(data)
        b.compile(f"file/{name}", f, "model.pb", *words, options=cut)
    bad_file("empty", b"")
    bad_file("text", b"this is not a model\n")
    bad_file("random", random.Random(1).randbytes(4000))
    for n in (10, len(frozen) // 2, len(frozen) - 1):
        bad_file(f"truncated{n}", frozen[:n])
    bad_file("elf", b"\x7fELF" + bytes(60))
    b.compile("file/missing", b.folder / "none.pb", "none.pb")
    empty = b.folder / "empty_folder"
    empty.mkdir()
    b.compile("file/empty_folder", empty, "empty_folder")
    text = b.folder / "broken.pbtxt"
    text.write_text('node { name: "x" op: ')
    b.compile("file/broken_text", text, "broken.pbtxt")
    # One flipped byte anywhere: a message or a valid model, never a crash.
    r = random.Random(2)
    crashes = []
    for i in range(40):
        data = bytearray(frozen)
        data[r.randrange(min(len(data), 3000))] ^= 1 << r.randrange(8)
        f.write_bytes(data)
        result = b.run(["compile", f, "-o", b.folder / "flip.so", *cut])
        if result is None or result.returncode not in (0, 1):
            crashes.append(f"flip {i}: {'hang' if result is None else result.returncode}")
    check("file/flipped_bytes", not crashes, ", ".join(crashes))


def saved_models(b, goldens):
    def copy(name):
        to = b.folder / name
        shutil.copytree(goldens / "mlp" / "saved_model", to)
        return to
    m = copy("wrong_tag")
    b.compile("saved_model/wrong_tag", m, "train_tag", "serve", options=["--tag", "train_tag"])
    b.compile("saved_model/wrong_signature", m, "no_such", "serving_default", options=["--signature", "no_such"])
    b.compile("saved_model/wrong_shape_name", m, "no_such", options=["--shape", "no_such=3x12"])
    b.compile("saved_model/wrong_shape", m, "x", options=["--shape", "x=?x13"])
    b.compile("saved_model/wrong_rank", m, "x", options=["--shape", "x=3x12x1"])
    m = copy("missing_shard")
    (m / "variables" / "variables.data-00000-of-00001").unlink()
    b.compile("saved_model/missing_shard", m, "variables.data-00000-of-00001")
    m = copy("short_shard")
    data = m / "variables" / "variables.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:100])
    b.compile("saved_model/short_shard", m, "variables.data-00000-of-00001")
    m = copy("wrong_crc")
    data = m / "variables" / "variables.data-00000-of-00001"
    raw = bytearray(data.read_bytes())
    for i in range(0, len(raw) - 2000, 64):  # every tensor, but not the object graph at the end
        raw[i] ^= 1
    data.write_bytes(raw)
    b.compile("saved_model/wrong_crc", m, "crc")
    m = copy("missing_index")
    (m / "variables" / "variables.index").unlink()
    b.compile("saved_model/missing_index", m, "no value", "checkpoint")
    m = copy("broken_index")
    index = m / "variables" / "variables.index"
    index.write_bytes(index.read_bytes()[:-20])
    b.compile("saved_model/broken_index", m, "variables.index")
    m = copy("truncated_pb")
    pb = m / "saved_model.pb"
    pb.write_bytes(pb.read_bytes()[:5000])
    b.compile("saved_model/truncated", m, "saved_model.pb")


def graphs(b):
    def graph(name, text, fetch, *words, feeds=("x",), options=()):
        f = b.folder / f"{name}.pbtxt"
        f.write_text(text)
        cut = [a for n in feeds for a in ("--feed", n)] + ["--fetch", fetch]
        b.compile(f"graph/{name}", f, *words, options=cut + list(options))
    relu = node("y", "Relu", ["x"], T=FLOAT)
    graph("no_such_fetch", x(-1, 3) + relu, "nowhere", "nowhere")
    graph("no_such_feed", x(-1, 3) + relu, "y", "nowhere", feeds=("nowhere",))
    graph("cycle", x(-1, 3) + node("a", "AddV2", ["x", "b"], T=FLOAT) + node("b", "Relu", ["a"], T=FLOAT), "b", "cycl")
    graph("missing_input", x(-1, 3) + node("y", "AddV2", ["x", "gone"], T=FLOAT), "y", "y", "gone")
    graph("duplicate_name", x(-1, 3) + relu + relu, "y", "y")
    graph("unknown_op", x(-1, 3) + node("y", "NoSuchOpAtAll", ["x"]), "y", "NoSuchOpAtAll", "y")
    graph("too_few_inputs", x(-1, 3) + node("y", "AddV2", ["x"], T=FLOAT), "y", "y")
    graph("too_many_inputs", x(-1, 3) + node("y", "Relu", ["x", "x"], T=FLOAT), "y", "y")
    graph("missing_attribute", x(-1, 3) + node("y", "Cast", ["x"], SrcT=FLOAT), "y", "y", "DstT")
    graph("wrong_attribute_kind", x(-1, 3) + node("y", "Relu", ["x"], T="i: 3"), "y", "y", "T")
    graph("no_such_output", x(-1, 3) + relu + node("z", "Relu", ["y:7"], T=FLOAT), "z", "y:7")
    graph("dtype_mismatch", x(-1, 3) + x(3, name="i", dtype=INT) + node("y", "AddV2", ["x", "i"], T=FLOAT), "y", "y",
          feeds=("x", "i"))
    graph("matmul_sizes", x(-1, 3) + const("w", [4, 5]) + node("y", "MatMul", ["x", "w"], T=FLOAT), "y", "y", "3", "4")
    graph("broadcast_sizes", x(-1, 3) + const("w", [4]) + node("y", "AddV2", ["x", "w"], T=FLOAT), "y", "y", "3", "4")
    graph("reshape_count", x(4, 3) + const("s", [2], "int_val: 5 int_val: 2") +
          node("y", "Reshape", ["x", "s"], T=FLOAT, Tshape=INT), "y", "y")
    graph("conv_channels", x(-1, 8, 8, 3) + const("w", [3, 3, 4, 5]) + node(
        "y", "Conv2D", ["x", "w"], T=FLOAT, strides="list { i: 1 i: 1 i: 1 i: 1 }", padding='s: "SAME"'), "y", "y")
    graph("concat_axis", x(-1, 3) + const("a", [], "int_val: 9") +
          node("y", "ConcatV2", ["x", "x", "a"], T=FLOAT, N="i: 2", Tidx=INT), "y", "y")
    graph("huge_constant", x(-1, 3) + const("w", [1 << 40, 1 << 40]) + node("y", "AddV2", ["x", "w"], T=FLOAT), "y", "w")
    graph("huge_placeholder", x(1 << 62, 1 << 62) + relu, "y", "x")
    graph("negative_size", x(-5, 3) + relu, "y", "x")
    graph("short_constant", x(-1, 3) + const("w", [3], r'tensor_content: "\000\000\200?"') +
          node("y", "AddV2", ["x", "w"], T=FLOAT), "y", "w")
    graph("rank_99", x(*([1] * 99)) + relu, "y", "x")
    graph("all_unsupported_at_once", x(-1, 3, 3) + node("first", "SelfAdjointEigV2", ["x"], T=FLOAT, compute_v="b: true") +
          node("second", "MatrixExponential", ["first:1"], T=FLOAT) + node("y", "Relu", ["second"], T=FLOAT), "y",
          "first", "SelfAdjointEigV2", "second", "MatrixExponential")
    body = ('library { function { signature { name: "f" input_arg { name: "a" type: DT_FLOAT } output_arg { name: "r" type: DT_FLOAT } } '
            'node_def { name: "c" op: "PartitionedCall" input: "a" attr { key: "f" value { func { name: "f" } } } '
            'attr { key: "Tin" value { list { type: DT_FLOAT } } } attr { key: "Tout" value { list { type: DT_FLOAT } } } } '
            'ret { key: "r" value: "c:output:0" } } }\n')
    call = node("y", "PartitionedCall", ["x"], f='func { name: "f" }', Tin="list { type: DT_FLOAT }", Tout="list { type: DT_FLOAT }")
    graph("recursion", x(-1, 3) + call + body, "y", "recurs")
    graph("missing_function", x(-1, 3) + call, "y", "f", "y")


def usage(b, goldens):
    model = goldens / "mlp" / "saved_model"
    b.expect("usage/no_command", [], status=2)
    b.expect("usage/unknown_command", ["compose"], status=2)
    b.expect("usage/unknown_option", ["compile", model, "--no-such-option"], status=2)
    b.expect("usage/no_model", ["compile"], status=2)
    b.expect("usage/unknown_stage", ["compile", model, "--emit", "nonsense"], "nonsense", status=2)
    b.expect("usage/no_such_folder", ["compile", model, "-o", b.folder / "no" / "such" / "m.so"], "no/such")


def running(b, goldens):
    so = b.folder / "mlp.so"
    r = b.run(["compile", goldens / "mlp" / "saved_model", "-o", so])
    if r is None or r.returncode:
        return check("run/compile", False, r.stderr[:300] if r else "hang")
    good = npy.load(goldens / "mlp" / "data" / "b3.x.npy")

    def array(name, a):
        npy.save(b.folder / f"{name}.npy", a)
        return f"x=@{b.folder}/{name}.npy"
    size = struct.calcsize("f")
    b.expect("run/wrong_size", ["run", so, "--input", array("size", npy.Array("<f4", (3, 11), good.data[:3 * 11 * size]))], "x", "12", "11")
    b.expect("run/wrong_rank", ["run", so, "--input", array("rank", npy.Array("<f4", (36,), good.data))], "x")
    b.expect("run/wrong_dtype", ["run", so, "--input", array("dtype", npy.Array("<i4", (3, 12), good.data))], "x", "f32")
    b.expect("run/missing_input", ["run", so], "x")
    b.expect("run/unknown_input", ["run", so, "--input", "x=3x12xf32=0.5", "--input", "z=3x12xf32=0.5"], "'z'")
    b.expect("run/unknown_signature", ["run", so, "--signature", "nope", "--input", "x=3x12xf32=0.5"], "nope")
    b.expect("run/bad_value", ["run", so, "--input", "x=3x12xf32=hello"], "hello")
    short = b.folder / "short.npy"
    short.write_bytes((goldens / "mlp" / "data" / "b3.x.npy").read_bytes()[:-8])
    b.expect("run/truncated_npy", ["run", so, "--input", f"x=@{short}"], "short.npy")
    b.expect("run/no_npy", ["run", so, "--input", f"x=@{b.folder}/none.npy"], "none.npy")
    b.expect("run/not_an_artifact", ["run", goldens / "mlp" / "frozen.pb"], "frozen.pb")
    b.expect("run/no_artifact", ["run", b.folder / "none.so"], "none.so")


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--models", type=pathlib.Path, required=True)
    ap.add_argument("--ingot", type=pathlib.Path, required=True)
    opts = ap.parse_args()
    opts.models = opts.models.resolve()
    with tempfile.TemporaryDirectory(prefix="ingot-errors-") as tmp:
        b = Bad(opts.ingot, pathlib.Path(tmp))
        files(b, opts.models)
        saved_models(b, opts.models)
        graphs(b)
        usage(b, opts.models)
        running(b, opts.models)
    finish()


main()
