#!/usr/bin/env python3
"""Held-out prompts with the answers that are right. As a program: writes arithmetic ones for other tests to use.

A line of the file: {"task": "add" or "subtract", "messages": [...], "expect": the result, "answer": the usual answer}.
An answer is right if the last number in it is the result.
"""

import argparse
import json
import random
import re

import stories
import sums
import talk
import wordgames
from split import is_held_out


def last_number(text):
    """The last integer of a text as written, or None. A minus sign counts unless a digit or word touches it."""
    found = re.findall(r"(?<![\w-])-?\d+|\d+", text)
    return found[-1] if found else None


def conversation(rng, turns):
    """Messages up to the last question; about half of the conversations have a system message."""
    messages = [{"role": "system", "content": rng.choice(talk.SYSTEM)}] if rng.random() < 0.5 else []
    for turn in turns[:-1]:
        messages += [{"role": "user", "content": turn["user"]}, {"role": "assistant", "content": turn["reply"]}]
    return messages + [{"role": "user", "content": turns[-1]["user"]}]


def case(rng, turns):
    return {**turns[-1], "messages": conversation(rng, turns)}


def arithmetic(seed):
    """Every held-out pair of operands in both orders and both operations, each in one wording."""
    rng = random.Random(f"prompts/{seed}")
    pairs = [(a, b) for a in range(100) for b in range(100) if is_held_out("sum", *sums.pair_key(a, b))]
    return [case(rng, [sums.problem(rng, a, b, operation)]) for a, b in pairs for operation in "+-"]


def others(seed, count):
    """count different prompts of each remaining task."""
    rng = random.Random(f"prompts/{seed}")
    makers = [wordgames.reverse, wordgames.count, talk.small_talk, talk.unknown, sums.out_of_reach, talk.name_exchange, stories.story]
    cases = []
    for make in makers:
        seen = {}
        # Small talk has few held-out wordings: stop asking when no new one has come for long.
        for _ in range(count * 20):
            turns = make(rng, True)
            turns = turns if isinstance(turns, list) else [turns]
            seen.setdefault(tuple(t["user"] for t in turns), case(rng, turns))
            if len(seen) == count:
                break
        cases += seen.values()
    return cases


def main():
    parser = argparse.ArgumentParser(description="write held-out arithmetic prompts")
    parser.add_argument("out", help="JSON lines file to write")
    parser.add_argument("--count", type=int, default=240)
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()
    cases = arithmetic(args.seed)
    random.Random(args.seed).shuffle(cases)
    with open(args.out, "w", encoding="utf-8") as f:
        for c in cases[: args.count]:
            line = {"task": c["task"], "messages": c["messages"], "expect": c["expect"], "answer": c["reply"]}
            f.write(json.dumps(line, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
