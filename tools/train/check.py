#!/usr/bin/env python3
"""Self-check of the generator, the tokenizer and the packing; needs only the standard library. Exits 1 on a failure."""

import random
import re
import sys

import corpus
import prompts
import sums
from split import is_held_out
from tokenizer import Tokenizer, pieces, train

# What the qwen2 expression makes of texts, worked out by hand from its alternatives.
PIECES = {
    "Hello world": ["Hello", " world"],
    "12+345": ["1", "2", "+", "3", "4", "5"],
    "it's I'LL x's": ["it", "'s", " I", "'LL", " x", "'s"],
    "'tis": ["'t", "is"],
    "a  b": ["a", " ", " b"],
    "a   b": ["a", "  ", " b"],
    "a 1": ["a", " ", "1"],
    "end  \n\n  x": ["end", "  \n\n", " ", " x"],
    "end \n ": ["end", " \n", " "],
    " ...\n\nok": [" ...\n\n", "ok"],
    "(word)": ["(word", ")"],
    "\tx\u3000y": ["\tx", "\u3000y"],
    "caf\u00e9 \U0001f60a!": ["caf\u00e9", " \U0001f60a!"],
}


def check(name, good):
    print(("ok   " if good else "FAIL ") + name)
    return bool(good)


def right_answer(user, reply):
    """Works out sums in digits and both word games from the texts alone; None if the turn is something else."""
    if m := re.fullmatch(r"(\d+) ([+-]) (\d+) = (-?\d+)\.", reply):
        a, b, result = int(m[1]), int(m[3]), int(m[4])
        same_operands = sorted(re.findall(r"\d+", user)) in (sorted([m[1], m[3]]), [])
        return same_operands and result == (a + b if m[2] == "+" else a - b)
    if m := re.fullmatch(r"There (?:is|are) (\d+) words?\.", reply):
        given = re.search(r'"(.*)"|: (.*)|\? (.*)|^(.*)\n', user, re.DOTALL)
        return len(next(g for g in given.groups() if g is not None).split()) == int(m[1])
    return None


def leaks(rng, count):
    """Held-out operand pairs among the sums made for training."""
    problems = [sums.arithmetic(rng, False)["reply"] for _ in range(count)]
    return sum(is_held_out("sum", *sums.pair_key(*map(int, re.findall(r"\d+", p)[:2]))) for p in problems)


def main():
    documents = [corpus.document(1, i, False) for i in range(3000)]
    texts = [m["content"] for d in documents for m in d["messages"]]
    merges = train(texts, 1024)
    tokenizer = Tokenizer(merges)
    encoded = [corpus.encode(tokenizer, d) for d in documents]
    rows = corpus.pack(encoded)
    turns = [(u["content"], a["content"]) for d in documents for u, a in zip(d["messages"], d["messages"][1:]) if u["role"] == "user"]
    judged = [(u, a, right_answer(u, a)) for u, a in turns]
    for user, reply, right in judged:
        if right is False:
            print("     wrong:", repr(user), repr(reply))
    every_byte = "".join(map(chr, range(0x250))) + "\u20ac\U0001f600"
    results = [
        check("the same seed gives the same document", documents[17] == corpus.document(1, 17, False)),
        check("another seed gives another document", documents[17] != corpus.document(2, 17, False)),
        check("generated answers are right", sum(r is not None for *_, r in judged) > 1000 and all(r is not False for *_, r in judged)),
        check("no held-out pair in training sums", leaks(random.Random(1), 20000) == 0),
        check("held-out prompts are held out", all(is_held_out("sum", *sums.pair_key(*map(int, re.findall(r"\d+", c["reply"])[:2])))
                                                   for c in prompts.arithmetic(1))),
        check("pieces", all(pieces(text) == wanted for text, wanted in PIECES.items())),
        check("vocabulary has the wanted size and no doubles", len(tokenizer.tokens) == len(set(tokenizer.tokens)) == 1024),
        check("decoding undoes encoding", all(tokenizer.decode(tokenizer.encode(t)) == t for t in [*texts[:500], every_byte])),
        check("special tokens in a text stay text", tokenizer.end not in tokenizer.encode("<|im_end|>")),
        check("rows are whole and hold every document", len(rows) % corpus.CONTEXT == 0
              and sum(v != corpus.PAD for v in rows) == sum(map(len, encoded))),
        check("each row starts with a document", all(rows[i] & corpus.FIRST for i in range(0, len(rows), corpus.CONTEXT))),
        check("last number of an answer", [prompts.last_number(t) for t in ("3 - 8 = -5.", "12-30", "none")] == ["-5", "30", None]),
    ]
    sys.exit(not all(results))


if __name__ == "__main__":
    main()
