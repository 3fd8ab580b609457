#!/usr/bin/env python3
"""Turns a checkpoint and the tokenizer into the GGUF file that ships: Q8_0 matrices, f32 norms."""

import argparse

import torch

import gguf_writer
from tokenizer import SPECIALS, Tokenizer

NORMAL, CONTROL = 1, 3
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
DESCRIPTION = "A toy for trying the lull network: short stories, small talk, sums up to 99 and word games. Not for real use."


def pairs_of(shape, tokenizer):
    """Key-value pairs of the file."""
    return [
        ("general.architecture", "string", "llama"),
        ("general.type", "string", "model"),
        ("general.name", "string", "lull-toy"),
        ("general.description", "string", DESCRIPTION),
        ("general.license", "string", "Apache-2.0"),
        ("general.alignment", "u32", gguf_writer.ALIGNMENT),
        ("general.file_type", "u32", 7),  # mostly Q8_0
        ("general.quantization_version", "u32", 2),
        ("llama.vocab_size", "u32", shape["vocab"]),
        ("llama.context_length", "u32", shape["context"]),
        ("llama.embedding_length", "u32", shape["width"]),
        ("llama.block_count", "u32", shape["layers"]),
        ("llama.feed_forward_length", "u32", shape["ffn"]),
        ("llama.attention.head_count", "u32", shape["heads"]),
        ("llama.attention.head_count_kv", "u32", shape["kv_heads"]),
        ("llama.attention.layer_norm_rms_epsilon", "f32", shape["norm_eps"]),
        ("llama.rope.dimension_count", "u32", shape["head"]),
        ("llama.rope.freq_base", "f32", shape["rope_base"]),
        ("tokenizer.ggml.model", "string", "gpt2"),
        ("tokenizer.ggml.pre", "string", "qwen2"),
        ("tokenizer.ggml.tokens", "string[]", tokenizer.tokens),
        ("tokenizer.ggml.token_type", "i32[]", [CONTROL if t in SPECIALS else NORMAL for t in tokenizer.tokens]),
        ("tokenizer.ggml.merges", "string[]", [f"{a} {b}" for a, b in tokenizer.merges]),
        ("tokenizer.ggml.bos_token_id", "u32", tokenizer.end_of_text),
        ("tokenizer.ggml.eos_token_id", "u32", tokenizer.end),
        ("tokenizer.ggml.padding_token_id", "u32", tokenizer.end_of_text),
        ("tokenizer.ggml.add_bos_token", "bool", False),
        ("tokenizer.chat_template", "string", CHAT_TEMPLATE),
    ]


def main():
    parser = argparse.ArgumentParser(description="write the GGUF file")
    parser.add_argument("checkpoint")
    parser.add_argument("tokenizer")
    parser.add_argument("out")
    args = parser.parse_args()
    tokenizer = Tokenizer.load(args.tokenizer)
    saved = torch.load(args.checkpoint, map_location="cpu", weights_only=True)
    if len(tokenizer.tokens) != saved["shape"]["vocab"]:
        raise SystemExit("export: the tokenizer and the checkpoint differ in vocabulary")
    tensors = [(name, t.numpy(), gguf_writer.Q8_0 if t.dim() == 2 else gguf_writer.F32) for name, t in saved["weights"].items()]
    gguf_writer.write(args.out, pairs_of(saved["shape"], tokenizer), tensors)


if __name__ == "__main__":
    main()
