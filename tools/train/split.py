"""The split into training and held-out content: by a hash of the content, never by its wording or by chance."""

import hashlib

HELD_OUT_OF_256 = 26  # about one in ten


def fingerprint(*content):
    """A number below 2^64 that depends on the content alone."""
    key = "\x1f".join(map(str, content))
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big")


def is_held_out(task, *content):
    """True if this content (operands, words, names ...) belongs to the held-out part and is never trained on."""
    return fingerprint(task, *content) >> 56 < HELD_OUT_OF_256


def draw(rng, held_out, task, make):
    """Calls make(rng) -> (content tuple, result) until the content lies on the wanted side of the split."""
    while True:
        content, result = make(rng)
        if is_held_out(task, *content) == held_out:
            return result
