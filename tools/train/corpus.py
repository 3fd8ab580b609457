#!/usr/bin/env python3
"""The corpus: conversations made by rule from the word lists and grammars beside this file.

document(seed, index, held_out) is a pure function, so the corpus is the same on every machine and for any number of
processes. As a program this writes the training file: rows of CONTEXT little-endian u16, each the token id with
ANSWER set on what the assistant says and FIRST set where a document starts; PAD fills a row. Documents are whole:
none runs over the end of a row.
"""

import argparse
import array
import multiprocessing
import random
import sys
import time

import stories
import sums
import talk
import wordgames
from tokenizer import Tokenizer

CONTEXT = 1024
ANSWER, FIRST, ID_MASK, PAD = 0x8000, 0x4000, 0x3FFF, 0xFFFF
CHUNK = 2000  # documents that one process packs at a time

# Share of each task among the turns, in percent.
TASKS = [
    (25, stories.story), (29, sums.arithmetic), (4, sums.out_of_reach), (12, wordgames.reverse), (10, wordgames.count),
    (13, talk.small_talk), (5, talk.unknown), (2, talk.name_exchange),
]
TURNS = [(60, 1), (22, 2), (12, 3), (6, 4)]
RAW_STORIES = 0.04    # plain text without any chat format
LEADING_END = 0.05    # documents that start with <|endoftext|>, as some programs put a "begin" token first
SYSTEM_MESSAGES = 0.45


def weighted(rng, choices):
    return rng.choices([c for _, c in choices], [w for w, _ in choices])[0]


def turns_of(rng, held_out):
    """The tasks of one conversation, in order. A name that was given is asked for at the end."""
    turns, last = [], []
    for _ in range(weighted(rng, TURNS)):
        task = weighted(rng, TASKS)(rng, held_out)
        if isinstance(task, list) and not last:
            turns.append(task[0])
            last = [task[1]]
        elif not isinstance(task, list):
            turns.append(task)
    return turns + last


def document(seed, index, held_out):
    """One document: {"raw": text} or {"messages": [{role, content}...]}; "lead" asks for <|endoftext|> in front."""
    rng = random.Random(f"{seed}/{index}/{int(held_out)}")
    lead = rng.random() < LEADING_END
    if rng.random() < RAW_STORIES:
        text = stories.story(rng, held_out)["reply"]
        return {"raw": text, "lead": lead or rng.random() < 0.5, "messages": [{"role": "assistant", "content": text}]}
    messages = []
    if rng.random() < SYSTEM_MESSAGES:
        messages.append({"role": "system", "content": rng.choice(talk.SYSTEM)})
    for turn in turns_of(rng, held_out):
        messages.append({"role": "user", "content": turn["user"]})
        messages.append({"role": "assistant", "content": turn["reply"]})
    return {"lead": lead, "messages": messages}


def encode(tokenizer, doc):
    """Token values of a document, at most CONTEXT; turns that do not fit are left out from the end."""
    values = [tokenizer.end_of_text] if doc["lead"] else []
    if "raw" in doc:
        values += [i | ANSWER for i in tokenizer.encode(doc["raw"])][: CONTEXT - 2] + [tokenizer.end_of_text | ANSWER]
    else:
        newline = tokenizer.encode("\n")
        for m in doc["messages"]:
            flag = ANSWER if m["role"] == "assistant" else 0
            turn = [tokenizer.start, *tokenizer.encode(m["role"] + "\n")]
            turn += [i | flag for i in [*tokenizer.encode(m["content"]), tokenizer.end]] + newline
            if len(values) + len(turn) > CONTEXT:
                break
            values += turn
    values[0] |= FIRST
    return values


def pack(documents):
    """Rows of CONTEXT values: each document goes into the current row if it fits, else into a new one."""
    rows, room = array.array("H"), 0
    for values in documents:
        if len(values) > room:
            rows.extend([PAD] * room)
            room = CONTEXT
        rows.extend(values)
        room -= len(values)
    rows.extend([PAD] * room)
    return rows


def packed_chunk(job):
    """Worker: the rows of one run of documents, as bytes."""
    tokenizer_path, seed, first, count, held_out = job
    tokenizer = packed_chunk.__dict__.setdefault("tokenizer", None) or Tokenizer.load(tokenizer_path)
    packed_chunk.tokenizer = tokenizer  # its cache of pieces is worth keeping between chunks
    rows = pack(encode(tokenizer, document(seed, i, held_out)) for i in range(first, first + count))
    if sys.byteorder == "big":
        rows.byteswap()
    return rows.tobytes()


def main():
    parser = argparse.ArgumentParser(description="write the token rows to train or to validate on")
    parser.add_argument("tokenizer")
    parser.add_argument("out")
    parser.add_argument("--documents", type=int, default=1000000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--held-out", action="store_true", help="documents from the held-out side of the split")
    parser.add_argument("--workers", type=int, default=multiprocessing.cpu_count())
    args = parser.parse_args()

    began = time.time()
    jobs = [(args.tokenizer, args.seed, first, min(CHUNK, args.documents - first), args.held_out)
            for first in range(0, args.documents, CHUNK)]
    rows = 0
    with multiprocessing.Pool(args.workers) as pool, open(args.out, "wb") as out:
        for data in pool.imap(packed_chunk, jobs):
            out.write(data)
            rows += len(data) // (2 * CONTEXT)
    print(f"corpus: {args.documents} documents, {rows} rows of {CONTEXT} tokens, {time.time() - began:.0f} s")


if __name__ == "__main__":
    main()
