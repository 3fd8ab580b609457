#!/usr/bin/env python3
"""A second implementation of one block of masks, from the description in docs/blind-lattice.md alone: test_lattice.c compares.

The generator's 32 bytes are 1, 2, ... 32; W, x and the manifest's digest are those of the test. Prints SHA-256 of all that is sent
(256 columns of 17 u32, little endian) and of all products (256 columns of 17 i32). No dependencies."""
import hashlib
import struct

Q, P, N, RANK, ROWS, COLS = 2013265921, 16711421, 256, 5, 17, 17
MANIFEST, SEED = b"digest of a manifest of a test..", bytes(range(1, 33))
PSI = pow(31, (Q - 1) // 512, Q)


def chacha20(key, nonce, length):
    out = b""
    rotate = lambda v, n: (v << n | v >> (32 - n)) & 0xFFFFFFFF
    for counter in range((length + 63) // 64):
        start = list(struct.unpack("<12I", b"expand 32-byte k" + key) + (counter,) + struct.unpack("<3I", nonce))
        s = start[:]

        def quarter(a, b, c, d):
            for x, y, z, n in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
                s[x] = (s[x] + s[y]) & 0xFFFFFFFF
                s[z] = rotate(s[z] ^ s[x], n)

        for _ in range(10):
            for i in range(4):
                quarter(i, 4 + i, 8 + i, 12 + i)
            for i in range(4):
                quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
        out += struct.pack("<16I", *((a + b) & 0xFFFFFFFF for a, b in zip(s, start)))
    return out[:length]


def stream(kind, index, length):
    return chacha20(SEED, struct.pack("<BI", kind, index) + bytes(7), length)


def public(j, c):
    words = struct.unpack("<500I", hashlib.shake_128(b"lull blind A v1" + MANIFEST + struct.pack("<IB", j, c)).digest(2000))
    return [v & 0x7FFFFFFF for v in words if v & 0x7FFFFFFF < Q][:N]


POWERS = [pow(PSI, i, Q) for i in range(512)]


def values(coefficients):
    return [sum(c * POWERS[(2 * i + 1) * k % 512] for k, c in enumerate(coefficients) if c) % Q for i in range(N)]


def coefficients(vals):
    inverse = pow(N, Q - 2, Q)
    return [sum(v * POWERS[-(2 * i + 1) * k % 512] for i, v in enumerate(vals)) * inverse % Q for k in range(N)]


def rounded(v, to, of):
    return (2 * v * to + of) // (2 * of) % to


def secret():
    out, index = [], 0
    while len(out) < RANK * N:
        for byte in stream(0, index, N):
            out += [bits - 1 for bits in (byte & 3, byte >> 2 & 3, byte >> 4 & 3, byte >> 6) if bits != 3]
        index += 1
    return [out[c * N:(c + 1) * N] for c in range(RANK)]


def main():
    a = [[public(j, c) for c in range(RANK)] for j in range(COLS)]
    w = [[(i * 31 + j * 17) % 255 - 127 for j in range(COLS)] for i in range(ROWS)]
    s = [values(c) for c in secret()]
    product = lambda v: coefficients([sum(v[c][i] * s[c][i] for c in range(RANK)) % Q for i in range(N)])
    noise = [b & 63 for batch in (0, 1) for b in stream(1, batch, min(16, COLS - 16 * batch) * N)]
    masks = [[(v + noise[j * N + t] - 32) % Q for t, v in enumerate(product(a[j]))] for j in range(COLS)]
    hint = [[[sum(w[i][j] * a[j][c][k] for j in range(COLS)) % Q for k in range(N)] for c in range(RANK)] for i in range(ROWS)]
    terms = [[rounded(v, P, Q) for v in product(h)] for h in hint]
    sent, products = b"", b""
    for t in range(N):
        x = [(t * 1009 + j * 7919) % 4001 - 2000 for j in range(COLS)]
        u = [rounded((masks[j][t] + rounded(x[j] % P, Q, P)) % Q, P, Q) for j in range(COLS)]
        y = [(sum(w[i][j] * u[j] for j in range(COLS)) - terms[i][t]) % P for i in range(ROWS)]
        sent += struct.pack("<%dI" % COLS, *u)
        products += struct.pack("<%di" % ROWS, *(v - P if v > P // 2 else v for v in y))
    print(hashlib.sha256(sent).hexdigest(), hashlib.sha256(products).hexdigest())


main()
