/* model/row8_client.c - the client file: a model file without the weights of its stacks (linear.h).
 *
 * Keys and tensors stay in the file's order, data as it is, so the same model file always gives the same bytes. Only the key
 * general.alignment is left out: it is about the container, and this one has the usual alignment. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/gguf_write.h"
#include "model/linear.h"
#include "model/matrix_rows.h"
#include "model/model_parts.h"

enum { PIECE = 1 << 20 };

/* Marks the tensors that are in a stack; token_embd stays, as embeddings are read from it. */
static void mark_stacks(const struct model *m, uint8_t *in_stack) {
    const struct gguf *g = &m->gguf;
    for (uint32_t i = 0; i < m->hp.n_layer; i++) {
        struct layer_matrices all = layer_matrices(m, i);
        for (unsigned k = 0; k < all.count; k++) {
            const struct gguf_tensor *t = gguf_tensor(g, all.matrix[k].from.tensor);
            if (t) in_stack[t - g->tensor] = 1;
        }
    }
    const struct gguf_tensor *output = gguf_tensor(g, "output.weight");
    if (output) in_stack[output - g->tensor] = 1;
}

static void put_header(struct gguf_writer *w, const struct gguf *g, const uint8_t *in_stack) {
    static const char alignment[] = "general.alignment";
    for (size_t i = 0; i < g->kv_count; i++) {
        const struct gguf_str key = g->kv[i].key;
        if (key.n != sizeof alignment - 1 || memcmp(key.p, alignment, key.n) != 0) gguf_put_kv(w, &g->kv[i]);
    }
    for (size_t i = 0; i < g->tensor_count; i++) {
        const struct gguf_tensor *t = &g->tensor[i];
        if (!in_stack[i]) gguf_put_tensor(w, t->name, t->type, t->dims[1] > 1 ? 2 : 1, t->dims[0], t->dims[1]);
    }
}

static void put_data(struct gguf_writer *w, const struct model *m, const uint8_t *in_stack) {
    const struct gguf *g = &m->gguf;
    for (size_t i = 0; i < g->tensor_count; i++) {
        const struct gguf_tensor *t = &g->tensor[i];
        if (in_stack[i]) continue;
        for (uint64_t at = 0; at < t->bytes; at += PIECE)
            gguf_put_data(w, t->data + at, t->bytes - at < PIECE ? (size_t)(t->bytes - at) : PIECE);
        weights_drop(m, t);
    }
}

int model_write_client(const struct model *m, const char *path, struct why *why) {
    struct gguf_writer *w = NULL;
    if (m->hp.n_expert) return why_set(why, ERR_UNSUPPORTED, "a mixture of experts has no client file");
    uint8_t *in_stack = mem_zalloc(m->gguf.tensor_count, 1);
    int r = in_stack ? gguf_writer_new(&w, path, why) : ERR_NOMEM;
    if (r == 0) {
        mark_stacks(m, in_stack);
        gguf_writer_private(w);
        put_header(w, &m->gguf, in_stack);
        put_data(w, m, in_stack);
        r = gguf_writer_finish(w, why);
    }
    gguf_writer_free(w);
    free(in_stack);
    return r;
}
