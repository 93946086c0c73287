"""Reads and writes .npy files with the standard library alone, so that the
quick tests need no Python package."""
import array
import ast
import struct

CODES = {"<f4": "f", "<f8": "d", "<i4": "i", "<i8": "q", "|b1": "B", "|i1": "b", "|u1": "B", "<i2": "h", "<u2": "H",
         "<u4": "I", "<u8": "Q"}


class Array:
    def __init__(self, descr, shape, data):
        self.descr, self.shape, self.data = descr, tuple(shape), data

    @property
    def floating(self):
        return self.descr in ("<f4", "<f8")

    def values(self):
        a = array.array(CODES[self.descr])
        a.frombytes(self.data)
        return a

    def row(self, i):
        """Row i of the leading dimension, as a batch of one."""
        size = len(self.data) // self.shape[0] if self.shape[0] else 0
        return Array(self.descr, (1,) + self.shape[1:], self.data[i * size:(i + 1) * size])


def load(path):
    with open(path, "rb") as f:
        head = f.read(10)
        if head[:6] != b"\x93NUMPY":
            raise ValueError(f"{path} is not a .npy file")
        length = struct.unpack("<H", head[8:10])[0]
        info = ast.literal_eval(f.read(length).decode())
        if info["fortran_order"]:
            raise ValueError(f"{path} is in Fortran order")
        return Array(info["descr"], info["shape"], f.read())


def save(path, a):
    shape = "(" + "".join(f"{n}, " for n in a.shape) + ")"
    text = f"{{'descr': '{a.descr}', 'fortran_order': False, 'shape': {shape}, }}"
    text += " " * (-(10 + len(text) + 1) % 64) + "\n"
    with open(path, "wb") as f:
        f.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode() + a.data)
