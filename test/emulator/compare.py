"""compare.py GOT FLOAT64 FLOAT32: .npy files. The error of GOT against the float64
result is at most twice that of TensorFlow's float32 (and never judged below a few
units in the last place). Uses the standard library only."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "models"))
import npy

got, exact, theirs = (npy.load(path) for path in sys.argv[1:4])
if got.shape != exact.shape:
    sys.exit(f"shape {got.shape}, expected {exact.shape}")
error = max((abs(a - b) for a, b in zip(got.values(), exact.values())), default=0.0)
other = max((abs(a - b) for a, b in zip(theirs.values(), exact.values())), default=0.0)
scale = max((abs(b) for b in exact.values()), default=1.0)
print(f"error {error:.3g}, TensorFlow's {other:.3g}")
if not error <= max(2 * other, 4 * 2.0**-24 * scale):
    sys.exit("the error is too large")
