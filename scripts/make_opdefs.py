#!/usr/bin/env python3
"""Write compiler/frontend/opdefs.pb: the signatures of all TensorFlow ops.

A GraphDef names neither the outputs of an op nor its default attributes, so
the compiler carries them. Documentation is stripped and ops are sorted by
name: the same TensorFlow wheel gives the same bytes.
Usage: make_opdefs.py [OUT]   (with the pinned TensorFlow in the environment)
"""
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
from tensorflow.core.framework import op_def_pb2  # noqa: E402
from tensorflow.python.client import pywrap_tf_session  # noqa: E402


def main() -> None:
    here = os.path.dirname(os.path.abspath(__file__))
    out = sys.argv[1] if len(sys.argv) > 1 else os.path.join(
        here, "..", "compiler", "frontend", "opdefs.pb")
    ops = op_def_pb2.OpList()
    ops.ParseFromString(pywrap_tf_session.TF_GetBuffer(
        pywrap_tf_session.TF_GetAllOpList()))
    stripped = op_def_pb2.OpList()
    for op in sorted(ops.op, key=lambda op: op.name):
        op.ClearField("summary")
        op.ClearField("description")
        op.ClearField("deprecation")
        for arg in list(op.input_arg) + list(op.output_arg):
            arg.ClearField("description")
            arg.ClearField("experimental_full_type")
        for attr in op.attr:
            attr.ClearField("description")
            attr.ClearField("allowed_values")
            attr.ClearField("has_minimum")
            attr.ClearField("minimum")
        stripped.op.append(op)
    with open(out, "wb") as f:
        f.write(stripped.SerializeToString(deterministic=True))
    print(f"{len(stripped.op)} ops, {os.path.getsize(out)} bytes: {out}")


if __name__ == "__main__":
    main()
