/* model/matrix_rows.c - see matrix_rows.h. Names: GGUF's, as llama.cpp's converters write them. */
#include "model/matrix_rows.h"
#include "model/model_parts.h"

#include <stdio.h>
#include <string.h>

void layer_tensor_name(char out[64], uint32_t layer, const char *part, const char *suffix) {
    snprintf(out, 64, "blk.%u.%s.%s", layer, part, suffix);
}

/* part is "name" of blk.N.name.weight; from.tensor is filled in here. */
static void add(struct layer_matrices *s, const char *part, enum linear_kind kind, struct matrix_rows from, struct matrix *to) {
    struct layer_matrix *x = &s->matrix[s->count++];
    *x = (struct layer_matrix){from, to, kind};
    layer_tensor_name(x->from.tensor, s->layer, part, "weight");
}

static void add_attention(struct layer_matrices *s, const struct hparams *h, struct layer *y) {
    uint32_t e = h->n_embd, q = h->n_head * h->head_dim, kv = h->n_kv * h->head_dim, all = q + 2 * kv;
    if (h->family->fused) {
        add(s, "attn_qkv", LINEAR_QKV, (struct matrix_rows){"", e, q, 0, all, 1}, &y->wq);
        add(s, "attn_qkv", LINEAR_QKV, (struct matrix_rows){"", e, kv, q, all, 1}, &y->wk);
        add(s, "attn_qkv", LINEAR_QKV, (struct matrix_rows){"", e, kv, q + kv, all, 1}, &y->wv);
    } else {
        add(s, "attn_q", LINEAR_QKV, (struct matrix_rows){"", e, q, 0, q, 1}, &y->wq);
        add(s, "attn_k", LINEAR_QKV, (struct matrix_rows){"", e, kv, 0, kv, 1}, &y->wk);
        add(s, "attn_v", LINEAR_QKV, (struct matrix_rows){"", e, kv, 0, kv, 1}, &y->wv);
    }
    add(s, "attn_output", LINEAR_OUT, (struct matrix_rows){"", q, e, 0, e, 1}, &y->wo);
}

static void add_experts(struct layer_matrices *s, const struct hparams *h, struct layer *y) {
    uint32_t e = h->n_embd, ff = h->n_ff, n = h->n_expert;
    add(s, "ffn_gate_inp", LINEAR_GATE_UP, (struct matrix_rows){"", e, n, 0, n, 1}, &y->router);
    add(s, "ffn_gate_exps", LINEAR_GATE_UP, (struct matrix_rows){"", e, ff, 0, ff, n}, &y->gate);
    add(s, "ffn_up_exps", LINEAR_GATE_UP, (struct matrix_rows){"", e, ff, 0, ff, n}, &y->up);
    add(s, "ffn_down_exps", LINEAR_DOWN, (struct matrix_rows){"", ff, e, 0, e, n}, &y->down);
}

static void add_ffn(struct layer_matrices *s, const struct hparams *h, struct layer *y) {
    uint32_t e = h->n_embd, ff = h->n_ff;
    if (h->family->fused) {
        add(s, "ffn_up", LINEAR_GATE_UP, (struct matrix_rows){"", e, ff, 0, 2 * ff, 1}, &y->gate);
        add(s, "ffn_up", LINEAR_GATE_UP, (struct matrix_rows){"", e, ff, ff, 2 * ff, 1}, &y->up);
    } else {
        add(s, "ffn_gate", LINEAR_GATE_UP, (struct matrix_rows){"", e, ff, 0, ff, 1}, &y->gate);
        add(s, "ffn_up", LINEAR_GATE_UP, (struct matrix_rows){"", e, ff, 0, ff, 1}, &y->up);
    }
    add(s, "ffn_down", LINEAR_DOWN, (struct matrix_rows){"", ff, e, 0, e, 1}, &y->down);
}

struct layer_matrices layer_matrices(const struct model *m, uint32_t layer) {
    struct layer_matrices s = {.layer = layer};
    struct layer *y = &m->layer[layer];
    add_attention(&s, &m->hp, y);
    (m->hp.n_expert ? add_experts : add_ffn)(&s, &m->hp, y);
    return s;
}

struct matrix_rows output_rows(const struct model *m) {
    struct matrix_rows s = {"token_embd.weight", m->hp.n_embd, m->n_vocab, 0, m->n_vocab, 1};
    if (gguf_tensor(&m->gguf, "output.weight")) memcpy(s.tensor, "output.weight", sizeof "output.weight");
    return s;
}
