#!/usr/bin/env python3
"""Trains the model on the rows that corpus.py wrote; writes a checkpoint (f32) and a JSON log beside it.

Several documents share a row; attention stays within each (as rotary positions are relative, every document is
trained as if it stood alone). What the assistant says counts fully in the loss, everything else lightly.
"""

import argparse
import json
import math
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch.nn.attention.flex_attention import create_block_mask

import corpus
from model import Model, Shape

OTHER_WEIGHT = 0.1  # loss weight of tokens that the assistant does not say
BLOCK_MASK = torch.compile(create_block_mask)


def load_rows(path, device):
    """All rows of a corpus file, as int32 [rows, context] on the device."""
    data = np.fromfile(path, dtype="<u2").reshape(-1, corpus.CONTEXT)
    return torch.from_numpy(data.astype(np.int32)).to(device)


def unpack(rows, end_of_text):
    """Splits rows into token ids, loss weights (of predicting that token) and document numbers, each [rows, context]."""
    padding = rows == corpus.PAD
    answer, first = (rows & corpus.ANSWER) != 0, (rows & corpus.FIRST) != 0
    ids = torch.where(padding, end_of_text, rows & corpus.ID_MASK).long()
    weight = torch.where(answer, 1.0, OTHER_WEIGHT)
    weight = torch.where(padding | first, 0.0, weight)  # nothing before a document foretells its first token
    return ids, weight, first.int().cumsum(1)


def loss_of(model, rows, end_of_text, answers_only=False):
    """Mean weighted loss of the rows."""
    ids, weight, doc = unpack(rows, end_of_text)
    if answers_only:
        weight = weight.floor()
    n = ids.shape[1]

    def same_document(b, h, q, k):
        return (q >= k) & (doc[b, q] == doc[b, k])

    mask = BLOCK_MASK(same_document, ids.shape[0], None, n, n, device=ids.device)
    with torch.autocast("cuda", torch.bfloat16):
        logits = model(ids, mask)
    loss = F.cross_entropy(logits[:, :-1].flatten(0, 1).float(), ids[:, 1:].flatten(), reduction="none")
    weight = weight[:, 1:].flatten()
    return (loss * weight).sum() / weight.sum()


@torch.no_grad()
def validate(model, rows, end_of_text, batch):
    """Mean loss of the assistant's tokens over whole batches of the held-out rows."""
    starts = range(0, len(rows) - batch + 1, batch)
    return sum(loss_of(model, rows[i : i + batch], end_of_text, True).item() for i in starts) / len(starts)


def learning_rate(step, steps, peak, warmup=200):
    """Linear warm-up, then a cosine down to 2 % of the peak."""
    if step < warmup:
        return peak * (step + 1) / warmup
    progress = (step - warmup) / max(1, steps - warmup)
    return peak * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress)))


def batches(rows, size, seed):
    """Endless batches: every pass over the rows in a fresh order that the seed fixes."""
    generator = torch.Generator().manual_seed(seed)
    while True:
        order = torch.randperm(len(rows), generator=generator).to(rows.device)
        for start in range(0, len(order) - size + 1, size):
            yield rows[order[start : start + size]]


def optimizer_for(model, peak):
    """AdamW; norms do not decay."""
    matrices = [p for p in model.parameters() if p.dim() == 2]
    norms = [p for p in model.parameters() if p.dim() == 1]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": norms, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=peak, betas=(0.9, 0.95), eps=1e-8, fused=True)


def main():
    parser = argparse.ArgumentParser(description="train lull-toy on one GPU")
    parser.add_argument("train_rows")
    parser.add_argument("held_out_rows")
    parser.add_argument("out", help="checkpoint to write")
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--batch", type=int, default=128, help="rows per step")
    parser.add_argument("--rate", type=float, default=2e-3, help="peak learning rate")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()

    torch.manual_seed(args.seed)
    torch.set_float32_matmul_precision("high")
    shape = Shape()
    end_of_text = shape.vocab - 3  # the specials are the last three tokens
    model = Model(shape).cuda()
    compiled = torch.compile(model)
    optimizer = optimizer_for(model, args.rate)
    train_rows, held_out = load_rows(args.train_rows, "cuda"), load_rows(args.held_out_rows, "cuda")
    parameters = sum(p.numel() for p in model.parameters())
    print(f"train: {parameters} parameters, {len(train_rows)} rows, {args.steps} steps", flush=True)

    log, began, source = [], time.time(), batches(train_rows, args.batch, args.seed)
    for step in range(args.steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, args.steps, args.rate)
        loss = loss_of(compiled, next(source), end_of_text)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if step % 250 == 0 or step == args.steps - 1:
            entry = {"step": step, "train": round(loss.item(), 4), "held_out": round(validate(compiled, held_out, end_of_text, args.batch), 4),
                     "seconds": round(time.time() - began, 1)}
            log.append(entry)
            print("train:", json.dumps(entry), flush=True)
    torch.save({"shape": shape.as_dict(), "weights": model.state_dict()}, args.out)
    with open(args.out + ".log.json", "w", encoding="utf-8") as f:
        json.dump({"arguments": vars(args), "parameters": parameters, "tokens": args.steps * args.batch * corpus.CONTEXT,
                   "device": torch.cuda.get_device_name(), "torch": torch.__version__, "log": log}, f, indent=1)


if __name__ == "__main__":
    main()
