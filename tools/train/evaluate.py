#!/usr/bin/env python3
"""Answers held-out prompts greedily with the weights of the GGUF file, as quantised, and counts what is right."""

import argparse
import json
from collections import defaultdict

import torch

import gguf_reader
import prompts
from model import Model, Shape
from tokenizer import Tokenizer

MAX_NEW = {"story": 480}
MAX_NEW_ELSE = 64
LONG_STORY = 250  # tokens that a long story must have


def load(path, device):
    """Model and tokenizer from the file."""
    pairs, tensors = gguf_reader.read(path)
    arch = {key.removeprefix("llama."): v for key, v in pairs.items()}
    shape = Shape(vocab=len(pairs["tokenizer.ggml.tokens"]), context=arch["context_length"], width=arch["embedding_length"],
                  layers=arch["block_count"], heads=arch["attention.head_count"], kv_heads=arch["attention.head_count_kv"],
                  head=arch["rope.dimension_count"], ffn=arch["feed_forward_length"], rope_base=arch["rope.freq_base"],
                  norm_eps=arch["attention.layer_norm_rms_epsilon"])
    model = Model(shape)
    model.load_state_dict({name: torch.from_numpy(t.copy()) for name, t in tensors.items()})
    tokenizer = Tokenizer(m.split(" ") for m in pairs["tokenizer.ggml.merges"])
    if tokenizer.tokens != pairs["tokenizer.ggml.tokens"]:
        raise SystemExit("evaluate: the merges do not give the file's tokens")
    return model.to(device).eval(), tokenizer


@torch.no_grad()
def answer(model, tokenizer, conversations, max_new):
    """Greedy answers, as token lists without the end token, and whether each one ended by itself. Rows are padded on
    the right, which a causal model cannot see."""
    device = model.token_embd.weight.device
    given = [tokenizer.chat_prompt(messages) for messages in conversations]
    at = torch.tensor([len(ids) for ids in given], device=device)
    room = min(model.shape.context, max(len(ids) for ids in given) + max_new)
    rows = torch.full((len(given), room), tokenizer.end_of_text, device=device)
    for i, ids in enumerate(given):
        rows[i, : len(ids)] = torch.tensor(ids, device=device)
    ended, every = torch.zeros_like(at, dtype=torch.bool), torch.arange(len(given), device=device)
    start = at.clone()
    while not ended.all() and int((at - start).max()) < max_new and int(at.max()) < room:
        logits = model(rows[:, : int(at.max())])[every, at - 1]
        chosen = logits.argmax(-1)
        ended |= (chosen == tokenizer.end) | (chosen == tokenizer.end_of_text)
        alive = every[~ended]
        rows[alive, at[alive]] = chosen[alive]
        at[alive] += 1
    return [row[s:e].tolist() for row, s, e in zip(rows, start.tolist(), at.tolist())], ended.tolist()


def is_right(case, text, tokens, ended):
    """Whether the answer of one prompt is right."""
    if case["task"] in ("add", "subtract"):
        return prompts.last_number(text) == case["expect"]
    if case["task"] == "story":
        long_enough = len(tokens) >= LONG_STORY if case["length"] == "long" else len(tokens) >= 50
        return ended and long_enough and all(w in text for w in case["words"])
    return text in case.get("accept", [case["reply"]])


def main():
    parser = argparse.ArgumentParser(description="measure a GGUF file of ours on held-out prompts")
    parser.add_argument("model")
    parser.add_argument("--out", help="JSON file for the results and every wrong answer")
    parser.add_argument("--count", type=int, default=300, help="prompts of each task besides arithmetic")
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--batch", type=int, default=100)
    args = parser.parse_args()

    model, tokenizer = load(args.model, args.device)
    by_task = defaultdict(list)
    for c in prompts.arithmetic(args.seed) + prompts.others(args.seed, args.count):
        by_task[c["task"]].append(c)
    results, wrong, samples = {}, [], []
    for task, cases in by_task.items():
        right = 0
        for first in range(0, len(cases), args.batch):
            part = cases[first : first + args.batch]
            tokens, ended = answer(model, tokenizer, [c["messages"] for c in part], MAX_NEW.get(task, MAX_NEW_ELSE))
            for case, ids, done in zip(part, tokens, ended):
                text = tokenizer.decode(ids)
                good = is_right(case, text, ids, done)
                right += good
                shown = {"task": task, "user": case["user"], "answer": text, "tokens": len(ids), "ended": done}
                if not good:
                    wrong.append({**shown, "wanted": case["reply"]})
                elif first == 0:
                    samples.append(shown)
        results[task] = {"right": right, "of": len(cases)}
        print(f"evaluate: {task:10} {right:5} of {len(cases):5}  {100 * right / len(cases):6.2f} %", flush=True)
    if args.out:
        with open(args.out, "w", encoding="utf-8") as f:
            json.dump({"results": results, "wrong": wrong, "samples": samples}, f, indent=1, ensure_ascii=False)


if __name__ == "__main__":
    main()
