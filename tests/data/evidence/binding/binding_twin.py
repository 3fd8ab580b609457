#!/usr/bin/env python3
"""A second implementation of what evidence is bound to (evidence/binding.h, evidence/prefetched.h), written from the
formulas alone, with Ed25519 from RFC 8032, 5.1. It made the files beside it:

    python3 binding_twin.py

bindings.txt    one case a line: kind channel nonce key_hash x made B SHA-256(B), made = kind:digest,... or -
checkpoint.cbor a prefetched nonce with three witnesses; checkpoint.txt its nonce, keys and times
"""
import hashlib
import os

here = os.path.dirname(os.path.abspath(__file__))
P = 2**255 - 19
Q = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def recover_x(y):
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    return x if x % 2 == 0 else P - x


GY = 4 * pow(5, P - 2, P) % P
G = (recover_x(GY), GY)


def plus(a, b):
    t = D * a[0] * b[0] * a[1] * b[1] % P
    return ((a[0] * b[1] + a[1] * b[0]) * pow(1 + t, P - 2, P) % P,
            (a[1] * b[1] + a[0] * b[0]) * pow(1 - t, P - 2, P) % P)


def times(n, point):
    total = (0, 1)
    while n:
        if n & 1:
            total = plus(total, point)
        point = plus(point, point)
        n >>= 1
    return total


def packed(point):
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


def number(*parts):
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little")


def keys(seed):
    half = hashlib.sha512(seed).digest()
    scalar = int.from_bytes(half[:32], "little") & ~7 & (1 << 254) - 1 | 1 << 254
    return scalar, half[32:], packed(times(scalar, G))


def sign(seed, message):
    scalar, prefix, public = keys(seed)
    r = number(prefix, message) % Q
    point = packed(times(r, G))
    s = (r + number(point, public, message) * scalar) % Q
    return point + s.to_bytes(32, "little")


def sha(data):
    return hashlib.sha256(data).digest()


def bound(kind, channel, nonce, key_hash, made, x):
    before = sha(b"".join(bytes([k]) + d for k, d in made))
    return hashlib.sha512(b"lull evidence v1" + bytes([kind, channel]) + nonce + key_hash + before + x).digest()


def head(major, n):
    for size, mark in ((0, None), (1, 24), (2, 25), (4, 26), (8, 27)):
        if size == 0 and n < 24:
            return bytes([major << 5 | n])
        if size and n < 1 << 8 * size:
            return bytes([major << 5 | mark]) + n.to_bytes(size, "big")


def blob(data):
    return head(2, len(data)) + data


def bindings():
    cases = []
    nonce, key_hash, exporter = sha(b"nonce"), sha(b"key statement"), sha(b"exporter")
    gpu, tpm, cpu = (5, sha(b"gpu member")), (3, sha(b"tpm member")), (1, sha(b"cpu member"))
    for channel, x in ((0, bytes(32)), (1, exporter)):
        for kind, made in ((5, []), (3, [gpu]), (1, [gpu, tpm]), (2, [gpu]), (6, []), (4, [gpu, tpm, cpu]), (1, [])):
            b = bound(kind, channel, nonce, key_hash, made, x)
            cases.append(" ".join([str(kind), str(channel), nonce.hex(), key_hash.hex(), x.hex(),
                                   ",".join("%d:%s" % (k, d.hex()) for k, d in made) or "-", b.hex(), sha(b).hex()]))
    return "\n".join(cases) + "\n"


def checkpoint():
    root = sha(b"root")
    import base64
    body = b"log.example/lull\n1234\n" + base64.b64encode(root) + b"\n"
    log_seed = sha(b"log")
    stamps = []
    for i, when in enumerate((1795600000, 1795600030, 1795600010)):
        seed = sha(b"witness %d" % i)
        stamps.append((keys(seed)[2], when, sign(seed, b"cosignature/v1\ntime %d\n" % when + body)))
    stamps.sort()
    out = head(4, 3) + blob(body) + blob(sign(log_seed, body)) + head(4, len(stamps))
    covered = b"lull nonce v1" + body
    for key, when, sig in stamps:
        out += head(4, 3) + blob(key) + head(0, when) + blob(sig)
        covered += when.to_bytes(8, "big") + sig
    lines = ["nonce " + sha(covered).hex(), "log " + keys(log_seed)[2].hex()]
    lines += ["witness %s %d" % (key.hex(), when) for key, when, _ in stamps]
    return out, "\n".join(lines) + "\n"


if __name__ == "__main__":
    data, text = checkpoint()
    open(os.path.join(here, "bindings.txt"), "w").write(bindings())
    open(os.path.join(here, "checkpoint.cbor"), "wb").write(data)
    open(os.path.join(here, "checkpoint.txt"), "w").write(text)
