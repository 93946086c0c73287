#!/usr/bin/env bash
# Compiles the digits model and uses it from main.c: demo.sh PATH/TO/ingot
set -euo pipefail
ingot=$1
here=$(dirname "$(readlink -f "$0")")
model=$here/../../test/models/goldens/digits
out=$(dirname "$ingot")/demo
mkdir -p "$out"
cd "$out"

show() { printf '\n$ %s\n' "$*"; "$@"; }

# The held-out digits: 64 pixels and a label a row.
python3 - "$model" heldout.bin <<'PY'
import struct, sys, zipfile
data = {}
with zipfile.ZipFile(sys.argv[1] + "/test.npz") as z:
    for name in ("x", "y"):
        raw = z.read(name + ".npy")
        data[name] = raw[10 + struct.unpack("<H", raw[8:10])[0]:]
with open(sys.argv[2], "wb") as f:
    for i in range(len(data["y"]) // 4):
        f.write(data["x"][64 * i:64 * i + 64] + data["y"][4 * i:4 * i + 1])
PY

ln -sfn "$model/saved_model" digits
ln -sf "$ingot" ingot
PATH=$out:$PATH
show ingot inspect digits
show ingot compile digits -o digits.so --header digits.h
show ls -l digits.so digits.h
show nm -D -u digits.so
show cc -O2 "$here/main.c" -I. ./digits.so '-Wl,-rpath,$ORIGIN' -o digits-app
show ./digits-app heldout.bin
show ingot bench digits.so
show ingot compile digits --train --loss sparse_categorical_crossentropy --from-logits --learning-rate 0.0001 -o net.so
show ingot train net.so --data "$model/train.npz" --validation "$model/test.npz" --epochs 1 --batch 32
