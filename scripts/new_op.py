#!/usr/bin/env python3
"""Starts a new TensorFlow op: `./dev new-op NAME [--family F] [--unary OP | --binary OP]`.

Adds to the family's file the op's record and, unless an nn operation is named, a
rule that refuses until it is written; a lit test with one node of the op as
TensorFlow declares it; and a conformance case. Then docs/adding-an-op.md says what
is left. With --unary or --binary (an nn operation such as ExpOp) nothing is.
"""
import argparse
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FAMILIES = {"elementwise": "Elementwise", "shape": "Shape", "index": "Index", "math": "Math", "conv": "Conv",
            "gradient": "Grads", "list": "Lists", "control": "Control"}


def fields(data):
    """Fields of a protobuf message as (number, value)."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        key = varint()
        if key & 7 == 0:
            yield key >> 3, varint()
        elif key & 7 == 2:
            size = varint()
            yield key >> 3, data[at:at + size]
            at += size
        else:
            at += 8 if key & 7 == 1 else 4


def usual_type(attr):
    """The type attribute's default, else DT_FLOAT (what is allowed is not in opdefs.pb)."""
    return dict(fields(attr[3]))[6] if 3 in attr else 1


class OpDef:
    """The part of an OpDef that a test needs."""

    def __init__(self, data):
        self.inputs, self.outputs, self.attrs, self.types = [], [], [], {}
        for number, value in fields(data):
            if number == 1:
                self.name = value.decode()
            elif number in (2, 3):
                arg = dict(fields(value))
                (self.inputs if number == 2 else self.outputs).append(
                    (arg[1].decode(), arg.get(3, 0), arg.get(4, b"").decode()))
            elif number == 4:
                attr = dict(fields(value))
                self.attrs.append((attr[1].decode(), attr[2].decode(), 3 in attr))
                if attr[2] == b"type":
                    self.types[attr[1].decode()] = usual_type(attr)


def find_op(name):
    for number, value in fields((ROOT / "compiler/frontend/opdefs.pb").read_bytes()):
        if number == 1:
            op = OpDef(value)
            if op.name == name:
                return op
    return None


DTYPES = {1: "f32", 2: "f64", 3: "i32", 4: "ui8", 5: "i16", 6: "i8", 8: "complex<f32>", 9: "i64", 10: "i1", 17: "ui16",
          19: "f16"}


NUMPY = {"f32": "F", "f64": "np.float64", "i32": "np.int32", "i64": "np.int64", "i1": "np.bool_"}


def element(op, arg):
    return DTYPES.get(op.types.get(arg[2], 1) if arg[2] else arg[1], "f32")


def lit_test(op, check):
    values = [f"%{chr(97 + i)}" for i in range(len(op.inputs))]
    types = [f"tensor<?x3x{element(op, a)}>" for a in op.inputs]
    results = [f"tensor<*x{element(op, a)}>" for a in op.outputs]
    arguments = ", ".join(f'{v}: {t} {{ingot.input = "{a[0]}"}}' for v, t, a in zip(values, types, op.inputs))
    names = ", ".join(f"%r#{i}" for i in range(len(results))) if len(results) > 1 else "%r"
    count = f":{len(results)}" if len(results) > 1 else ""
    attrs = ", ".join(f"{n} = {DTYPES.get(t, 'f32')}" for n, t in op.types.items())
    todo = "".join(f"// Attribute {n}: {kind}, {'has a default' if d else 'must be given'}\n"
                   for n, kind, d in op.attrs if kind != "type")
    return (f"// RUN: ingot-opt %s --legalize-graph-to-nn | FileCheck %s\n\n{todo}// CHECK-LABEL: func.func @op\n"
            f"// CHECK: {check}\n"
            f"func.func @op({arguments}) -> ({', '.join(results)}) {{\n"
            f'  %r{count} = graph.node "{op.name}"({", ".join(values)}) "op" {{{attrs}}} : ({", ".join(types)}) -> '
            f"({', '.join(results)})\n  return {names} : {', '.join(results)}\n}}\n")


def snake(name):
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def add_rule(path, op, record, rule):
    for other in path.parent.glob("Legalize*.cpp"):
        if f'"{op.name}"' in other.read_text():
            sys.exit(f"{other.relative_to(ROOT)} has a rule for {op.name} already")
    text = path.read_text()
    table = text.index("const Rule kRules[]")
    end = text.index("};", table)
    path.write_text(text[:table] + rule + text[table:end] + record + text[end:])


def add_case(op):
    path = ROOT / "test/conformance/rules.py"
    text = path.read_text()
    feeds = ", ".join(f"{a[0]}=v.random({NUMPY.get(element(op, a), 'F')}, (2, 3), r)" for a in op.inputs)
    call = ", ".join(f'{a[0]}=p["{a[0]}"]' for a in op.inputs)
    case = (f'    yield one("{op.name}/float32/first", lambda p: raw.{op.name}({call}), rule=NEAR,\n'
            f"              {feeds})\n")
    at = text.index("\n\n\ndef math_cases")
    path.write_text(text[:at] + "\n" + case.rstrip("\n") + text[at:])


def main():
    ap = argparse.ArgumentParser(prog="./dev new-op", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("name", help="TensorFlow's name of the op, such as Cross")
    ap.add_argument("--family", choices=sorted(FAMILIES), help="the rule's file (elementwise with --unary/--binary, else math)")
    ap.add_argument("--unary", metavar="OP", help="the nn operation that is this op, such as ExpOp")
    ap.add_argument("--binary", metavar="OP", help="the same with two operands that broadcast")
    opts = ap.parse_args()
    op = find_op(opts.name)
    if not op:
        sys.exit(f"TensorFlow has no op called {opts.name} (compiler/frontend/opdefs.pb)")
    nn = opts.unary or opts.binary
    family = FAMILIES[opts.family or ("elementwise" if nn else "math")]
    path = ROOT / f"compiler/passes/import/Legalize{family}.cpp"
    function = op.name[0].lower() + op.name[1:]
    if nn:
        mnemonic = re.search(rf"def Nn_{nn} : \w+<\"(\w+)\"", "".join(
            p.read_text() for p in sorted((ROOT / "compiler/dialects/Nn").glob("*.td"))))
        if not mnemonic:
            sys.exit(f"nn has no operation {nn} (compiler/dialects/Nn/NnElementwise.td)")
        add_rule(path, op, f'    {"UNARY" if opts.unary else "BINARY"}("{op.name}", {nn}),\n', "")
        check = f"nn.{mnemonic[1]}"
    else:
        rule = (f"/// Operands: {', '.join(a[0] for a in op.inputs) or 'none'}.\n"
                f"LogicalResult {function}(Node &n) {{\n  return n.refuse(\"this rule is not written yet\");\n}}\n\n")
        add_rule(path, op, f'    {{"{op.name}", {len(op.inputs)}, {function}}},\n', rule)
        check = "nn."
    test = ROOT / f"test/lit/legalize/{snake(op.name).replace('_', '-')}.mlir"
    if not test.exists():
        test.write_text(lit_test(op, check))
    add_case(op)
    print(f"{path.relative_to(ROOT)}: {'record' if nn else 'record and rule ' + function}\n{test.relative_to(ROOT)}\n"
          f"test/conformance/rules.py: case {op.name}/float32/first\n"
          "next: docs/adding-an-op.md; then build, run\n"
          "  build/release/tools/ingot-opsdoc/ingot-opsdoc > docs/ops.md\n  ./dev test lit conformance")


if __name__ == "__main__":
    main()
