"""Writes GGUF version 3: a header, typed key-value pairs, tensor descriptions, then the aligned tensor data."""

import struct

import numpy as np

ALIGNMENT = 32
F32, Q8_0 = 0, 8
SCALARS = {"u32": (4, "<I"), "i32": (5, "<i"), "f32": (6, "<f"), "bool": (7, "<?")}
STRING, ARRAY = 8, 9


def string(text):
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def value(kind, v):
    """Type number and bytes of one value; kind is a scalar's name, "string", or either with "[]" behind it."""
    if kind.endswith("[]"):
        items = [value(kind[:-2], item) for item in v]
        return ARRAY, struct.pack("<IQ", items[0][0], len(items)) + b"".join(data for _, data in items)
    if kind == "string":
        return STRING, string(v)
    number, layout = SCALARS[kind]
    return number, struct.pack(layout, v)


def to_q8_0(x):
    """Blocks of 32 values as one f16 scale and 32 signed bytes: scale = max |x| / 127, rounded half away from zero."""
    blocks = np.ascontiguousarray(x, dtype=np.float32).reshape(-1, 32)
    scale = np.abs(blocks).max(axis=1, keepdims=True) / np.float32(127)
    inverse = np.divide(np.float32(1), scale, out=np.zeros_like(scale), where=scale > 0)
    scaled = blocks * inverse
    out = np.empty(len(blocks), dtype=[("scale", "<f2"), ("values", "i1", 32)])
    out["scale"] = scale[:, 0]
    out["values"] = np.copysign(np.floor(np.abs(scaled) + np.float32(0.5)), scaled)
    return out.tobytes()


def write(path, pairs, tensors):
    """pairs: [(key, kind, value)]; tensors: [(name, f32 array, F32 or Q8_0)]. An array's rows are contiguous in the file."""
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(pairs))
    for key, kind, v in pairs:
        number, data = value(kind, v)
        head += string(key) + struct.pack("<I", number) + data
    blobs, offset = [], 0
    for name, array, kind in tensors:
        blob = to_q8_0(array) if kind == Q8_0 else array.astype("<f4").tobytes()
        dims = array.shape[::-1]  # the first dimension is the contiguous one
        head += string(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, kind, offset)
        blob += bytes(-len(blob) % ALIGNMENT)
        blobs.append(blob)
        offset += len(blob)
    head += bytes(-len(head) % ALIGNMENT)
    with open(path, "wb") as f:
        f.write(head)
        f.writelines(blobs)
