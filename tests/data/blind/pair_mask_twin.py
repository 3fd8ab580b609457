#!/usr/bin/env python3
"""A second implementation of mode `pair`'s masks, from the definitions alone: ChaCha20's block function (RFC 8439, 2.3) and
HKDF-SHA256 (RFC 5869) over hmac, nothing shared with the program. Prints the table of vectors in
tests/unit/blind/test_pair_mask.c.

The session mask key is 00 01 .. 1f. Each row: stack, n, columns; first and last element; the last element that was drawn anew
(columns: none) and its value; how many replacements were refused in their turn; SHA-256 of all elements as u32, little endian."""
import hashlib
import hmac
import struct

P24, P26 = 16711421, 67108859
CASES = [(0, 0, 1), (0, 0, 2048), (3, 63, 2048), (3, 64, 2048), (1, 2, 8192), (64, 1000003, 8192), (7, 0, 8193), (5, 2637, 16000)]


def rotate(v, n):
    return ((v << n) | (v >> (32 - n))) & 0xFFFFFFFF


def quarter(s, a, b, c, d):
    for x, y, z, n in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
        s[x] = (s[x] + s[y]) & 0xFFFFFFFF
        s[z] = rotate(s[z] ^ s[x], n)


def block(key, counter, nonce):
    start = list(struct.unpack("<4I8I", b"expand 32-byte k" + key)) + [counter] + list(struct.unpack("<3I", nonce))
    s = start[:]
    for _ in range(10):
        for a in range(4):
            quarter(s, a, a + 4, a + 8, a + 12)
        for a in range(4):
            quarter(s, a, (a + 1) % 4 + 4, (a + 2) % 4 + 8, (a + 3) % 4 + 12)
    return struct.pack("<16I", *[(x + y) & 0xFFFFFFFF for x, y in zip(s, start)])


def batch_key(session_key, b):
    prk = hmac.new(bytes(32), session_key, hashlib.sha256).digest()
    return hmac.new(prk, b"lull pair v1" + struct.pack("<I", b) + b"\x01", hashlib.sha256).digest()


def draws(key, stack, n, word, p26):
    def stream():
        counter = 0
        while True:
            yield from block(key, counter, struct.pack("<3I", stack, n, word))
            counter += 1

    s = stream()
    size, keep = (4, 2**26 - 1) if p26 else (3, 2**24 - 1)
    while True:
        yield int.from_bytes(bytes(next(s) for _ in range(size)), "little") & keep


def mask(session_key, stack, n, cols):
    p26 = cols > 8192
    p = P26 if p26 else P24
    key = batch_key(session_key, n // 64)
    first, second = draws(key, stack, n, 0, p26), draws(key, stack, n, 1, p26)
    r = [next(first) for _ in range(cols)]
    again = [j for j in range(cols) if r[j] >= p]
    refused = 0
    for j in again:
        r[j] = next(second)
        while r[j] >= p:
            refused += 1
            r[j] = next(second)
    return r, again, refused


# RFC 8439, 2.3.2
assert block(bytes(range(32)), 1, bytes.fromhex("000000090000004a00000000")).hex().startswith("10f1e7e4d13b5915500fdd1fa32071c4")
for stack, n, cols in CASES:
    r, again, refused = mask(bytes(range(32)), stack, n, cols)
    last = again[-1] if again else cols
    digest = hashlib.sha256(struct.pack("<%dI" % cols, *r)).hexdigest()
    print('    {%d, %d, %d, %d, %d, %d, %d, %d, "%s"},' % (stack, n, cols, r[0], r[-1], last, r[last] if again else 0, refused, digest))
