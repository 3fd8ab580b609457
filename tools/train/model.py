"""The network: llama architecture in PyTorch, with tied embeddings and tensor names as in GGUF files."""

from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.attention.flex_attention import flex_attention


@dataclass
class Shape:
    """Sizes; rows, key/value width and vocabulary are multiples of 256 so that every block format fits."""

    vocab: int = 4096
    context: int = 1024
    width: int = 512
    layers: int = 6
    heads: int = 8
    kv_heads: int = 4
    head: int = 64
    ffn: int = 1024
    rope_base: float = 10000.0
    norm_eps: float = 1e-5

    def as_dict(self):
        return asdict(self)


class RMSNorm(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(shape.width))
        self.eps = shape.norm_eps

    def forward(self, x):
        y = x.float()
        y = y * torch.rsqrt(y.square().mean(-1, keepdim=True) + self.eps)
        return (y * self.weight).to(x.dtype)


def rope_table(shape, device):
    """cos and sin [context, head / 2]; pair i turns by position * base^(-2i / head)."""
    frequency = shape.rope_base ** (-torch.arange(0, shape.head, 2, device=device, dtype=torch.float64) / shape.head)
    angle = torch.arange(shape.context, device=device, dtype=torch.float64)[:, None] * frequency
    return angle.cos().float(), angle.sin().float()


def rotate(x, cos, sin):
    """Turns the adjacent pairs (2i, 2i+1) of x [batch, heads, positions, head], the pairing of arch "llama"."""
    even, odd = x.float().unflatten(-1, (-1, 2)).unbind(-1)
    return torch.stack([even * cos - odd * sin, even * sin + odd * cos], -1).flatten(-2).to(x.dtype)


class Block(nn.Module):
    """Attention and SwiGLU, each behind a norm and added to the stream."""

    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        kv_width = shape.kv_heads * shape.head
        self.attn_norm, self.ffn_norm = RMSNorm(shape), RMSNorm(shape)
        self.attn_q = nn.Linear(shape.width, shape.heads * shape.head, bias=False)
        self.attn_k = nn.Linear(shape.width, kv_width, bias=False)
        self.attn_v = nn.Linear(shape.width, kv_width, bias=False)
        self.attn_output = nn.Linear(shape.heads * shape.head, shape.width, bias=False)
        self.ffn_gate = nn.Linear(shape.width, shape.ffn, bias=False)
        self.ffn_up = nn.Linear(shape.width, shape.ffn, bias=False)
        self.ffn_down = nn.Linear(shape.ffn, shape.width, bias=False)

    def attend(self, x, cos, sin, mask):
        def split(y):
            return y.unflatten(-1, (-1, self.shape.head)).transpose(1, 2)

        q, k, v = split(self.attn_q(x)), split(self.attn_k(x)), split(self.attn_v(x))
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        if mask is None:
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        else:
            y = flex_attention(q, k, v, block_mask=mask, enable_gqa=True)
        return self.attn_output(y.transpose(1, 2).flatten(-2))

    def forward(self, x, cos, sin, mask):
        x = x + self.attend(self.attn_norm(x), cos, sin, mask)
        y = self.ffn_norm(x)
        return x + self.ffn_down(F.silu(self.ffn_gate(y)) * self.ffn_up(y))


class Model(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        self.token_embd = nn.Embedding(shape.vocab, shape.width)
        self.blk = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.output_norm = RMSNorm(shape)
        cos, sin = rope_table(shape, "cpu")
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        for name, p in self.named_parameters():
            if p.dim() == 2:
                # What writes into the stream starts smaller, so that depth does not blow it up.
                out = name.endswith(("attn_output.weight", "ffn_down.weight"))
                nn.init.normal_(p, std=0.02 / (2 * shape.layers) ** 0.5 if out else 0.02)

    def forward(self, ids, mask=None):
        """Logits [batch, positions, vocab] for ids [batch, positions]; causal, and within documents if mask is given."""
        n = ids.shape[1]
        cos, sin = self.cos[:n], self.sin[:n]
        x = self.token_embd(ids)
        for block in self.blk:
            x = block(x, cos, sin, mask)
        return F.linear(self.output_norm(x), self.token_embd.weight)
