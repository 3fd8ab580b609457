"""Reads back what gguf_writer.py writes: F32 and Q8_0 tensors and the key-value pairs. For files of our own only."""

import struct

import numpy as np

import gguf_writer as w

LAYOUT_OF = {number: layout for number, layout in w.SCALARS.values()}


class Reader:
    """A position in the bytes of the file."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, layout):
        values = struct.unpack_from(layout, self.data, self.at)
        self.at += struct.calcsize(layout)
        return values if len(values) > 1 else values[0]

    def string(self):
        n = self.take("<Q")
        self.at += n
        return self.data[self.at - n : self.at].decode()

    def value(self, number):
        if number == w.STRING:
            return self.string()
        if number == w.ARRAY:
            item, count = self.take("<IQ")
            return [self.value(item) for _ in range(count)]
        return self.take(LAYOUT_OF[number])


def from_q8_0(data, count):
    """count values as f32: scale * byte."""
    blocks = np.frombuffer(data, dtype=[("scale", "<f2"), ("values", "i1", 32)], count=count // 32)
    return (blocks["scale"].astype(np.float32)[:, None] * blocks["values"]).reshape(-1)


def read(path):
    """(pairs {key: value}, tensors {name: f32 array})."""
    with open(path, "rb") as f:
        r = Reader(f.read())
    magic, version, tensor_count, pair_count = r.take("<4sIQQ")
    if magic != b"GGUF" or version != 3:
        raise ValueError("not a GGUF file of version 3")
    pairs = {}
    for _ in range(pair_count):
        key = r.string()
        pairs[key] = r.value(r.take("<I"))
    described = []
    for _ in range(tensor_count):
        name, dims = r.string(), r.take("<I")
        shape = [r.take("<Q") for _ in range(dims)][::-1]
        described.append((name, shape, *r.take("<IQ")))
    start = r.at + -r.at % w.ALIGNMENT
    tensors = {}
    for name, shape, kind, offset in described:
        count, data = int(np.prod(shape)), memoryview(r.data)[start + offset :]
        flat = from_q8_0(data, count) if kind == w.Q8_0 else np.frombuffer(data, "<f4", count)
        tensors[name] = flat.reshape(shape)
    return pairs, tensors
