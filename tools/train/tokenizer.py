#!/usr/bin/env python3
"""Byte-level BPE: training, encoding and decoding.

Bytes are written with the GPT-2 alphabet (each byte is one printable character), text is first cut by the scanner
that GGUF files call pre-tokenizer "qwen2", and a piece is merged by rank alone: the pair with the lowest rank first,
the leftmost of equals. Token ids: 0..255 the bytes in alphabet order, then the tokens that merges make, then the special tokens.
"""

import argparse
import json
import unicodedata
from collections import Counter, defaultdict

SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
# White_Space of the Unicode character database.
SPACES = set("\t\n\x0b\x0c\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000") | {chr(c) for c in range(0x2000, 0x200B)}
CONTRACTIONS = ("re", "ve", "ll", "s", "t", "m", "d")


def byte_alphabet():
    """List of 256 characters, one per byte; printable Latin-1 stands for itself, the others are moved to U+0100 on."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    moved = iter(range(0x100, 0x200))
    return [chr(b) if b in printable else chr(next(moved)) for b in range(256)]


ALPHABET = byte_alphabet()
BYTE_OF = {c: b for b, c in enumerate(ALPHABET)}
# Ids follow the order of the characters, as in published byte-level vocabularies.
BASE_TOKENS = sorted(ALPHABET)


def is_letter(c):
    return c.isascii() and c.isalpha() or not c.isascii() and unicodedata.category(c)[0] == "L"


def is_number(c):
    return c.isascii() and c.isdigit() or not c.isascii() and unicodedata.category(c)[0] == "N"


def run_end(text, at, test):
    """First position from `at` on where test fails."""
    while at < len(text) and test(text[at]):
        at += 1
    return at


def piece_end(text, at):
    """End of the piece that starts at `at`: the alternatives of the qwen2 expression in their order."""
    c = text[at]
    if c == "'":
        for suffix in CONTRACTIONS:
            if text[at + 1 : at + 1 + len(suffix)].translate(ASCII_LOWER) == suffix:
                return at + 1 + len(suffix)
    # [^\r\n\p{L}\p{N}]?\p{L}+
    letters_from = at if is_letter(c) or is_number(c) or c in "\r\n" else at + 1
    end = run_end(text, letters_from, is_letter)
    if end > letters_from:
        return end
    if is_number(c):
        return at + 1
    # " ?[^\s\p{L}\p{N}]+[\r\n]*"
    symbols_from = at + (c == " ")
    end = run_end(text, symbols_from, lambda x: x not in SPACES and not is_letter(x) and not is_number(x))
    if end > symbols_from:
        return run_end(text, end, lambda x: x in "\r\n")
    # Only white space is left: \s*[\r\n]+ | \s+(?!\S) | \s+
    end = run_end(text, at, lambda x: x in SPACES)
    line_end = max(text.rfind("\r", at, end), text.rfind("\n", at, end)) + 1
    if line_end > at:
        return line_end
    return end - 1 if end < len(text) and end - at > 1 else end


ASCII_LOWER = {c: c + 32 for c in range(ord("A"), ord("Z") + 1)}


def pieces(text):
    """The pieces of a text, in order; their concatenation is the text."""
    at, out = 0, []
    while at < len(text):
        end = piece_end(text, at)
        out.append(text[at:end])
        at = end
    return out


def to_alphabet(text):
    """UTF-8 bytes of the text as a string of byte characters."""
    return "".join(ALPHABET[b] for b in text.encode())


def train(texts, vocabulary_size):
    """Learns the merges; ties go to the alphabetically first pair, so the result depends on the texts alone."""
    words = Counter(to_alphabet(p) for text in texts for p in pieces(text))
    split = [list(w) for w in words]
    counts = list(words.values())
    pair_count, where = Counter(), defaultdict(set)
    for index, word in enumerate(split):
        for pair in zip(word, word[1:]):
            pair_count[pair] += counts[index]
            where[pair].add(index)
    merges, made = [], set()
    while len(made) < vocabulary_size - 256 - len(SPECIALS):
        if not pair_count:
            raise SystemExit("tokenizer: too little text for a vocabulary of this size")
        best = min(pair_count, key=lambda p: (-pair_count[p], p))
        merges.append(best)
        made.add(best[0] + best[1])
        for index in where.pop(best):
            old = split[index]
            for pair in zip(old, old[1:]):
                pair_count[pair] -= counts[index]
                if pair_count[pair] <= 0:
                    del pair_count[pair]
            split[index] = new = merged(old, best)
            for pair in zip(new, new[1:]):
                pair_count[pair] += counts[index]
                where[pair].add(index)
    return merges


def merged(symbols, pair):
    """Symbols with every occurrence of the pair joined, from the left."""
    out, at = [], 0
    while at < len(symbols):
        if tuple(symbols[at : at + 2]) == pair:
            out.append(symbols[at] + symbols[at + 1])
            at += 2
        else:
            out.append(symbols[at])
            at += 1
    return out


class Tokenizer:
    """Encodes and decodes with the merges of one vocabulary."""

    def __init__(self, merges):
        self.merges = [tuple(m) for m in merges]
        self.rank = {pair: i for i, pair in enumerate(self.merges)}
        # Two merges may spell the same token ("a"+"bc", "ab"+"c"); it gets one id, by the first of them.
        self.tokens = list(dict.fromkeys(BASE_TOKENS + [a + b for a, b in self.merges])) + SPECIALS
        self.id_of = {t: i for i, t in enumerate(self.tokens)}
        self.end_of_text, self.start, self.end = (self.id_of[s] for s in SPECIALS)
        self.cache = {}

    @classmethod
    def load(cls, path):
        with open(path, encoding="utf-8") as f:
            return cls(json.load(f)["merges"])

    def save(self, path):
        with open(path, "w", encoding="utf-8") as f:
            json.dump({"merges": self.merges}, f, ensure_ascii=False, indent=0)

    def encode_piece(self, piece):
        """Ids of one piece."""
        symbols = list(to_alphabet(piece))
        while len(symbols) > 1:
            best = min(zip(symbols, symbols[1:]), key=lambda p: self.rank.get(p, len(self.rank)))
            if best not in self.rank:
                break
            symbols = merged(symbols, best)
        return [self.id_of[s] for s in symbols]

    def encode(self, text):
        """Ids of a text; special tokens in it are plain text."""
        ids = []
        for piece in pieces(text):
            if piece not in self.cache:
                self.cache[piece] = self.encode_piece(piece)
            ids += self.cache[piece]
        return ids

    def decode(self, ids):
        """Text of the ids; special tokens print nothing."""
        special = {self.end_of_text, self.start, self.end}
        data = bytes(BYTE_OF[c] for i in ids if i not in special for c in self.tokens[i])
        return data.decode(errors="replace")

    def chat_prompt(self, messages):
        """ChatML ids of the messages [{role, content}] and the header of the answer to come."""
        ids = []
        for m in messages:
            ids += [self.start, *self.encode(m["role"] + "\n" + m["content"]), self.end, *self.encode("\n")]
        return ids + [self.start, *self.encode("assistant\n")]


def main():
    parser = argparse.ArgumentParser(description="train the tokenizer on a sample of the corpus")
    parser.add_argument("out", help="file to write, JSON")
    parser.add_argument("--size", type=int, default=4096, help="tokens in all, specials included")
    parser.add_argument("--documents", type=int, default=60000, help="conversations to learn from")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    import corpus  # only here: the corpus module uses this one for its own encoding

    texts = (m["content"] for i in range(args.documents) for m in corpus.document(args.seed, i, held_out=False)["messages"])
    Tokenizer(train(texts, args.size)).save(args.out)


if __name__ == "__main__":
    main()
