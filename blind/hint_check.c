/* blind/hint_check.c - see hint_check.h. */
#include "blind/hint_check.h"

#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "math/row8.h"

enum { VECTORS = 3, SUMS = NTT_RANK_MAX * NTT_N };

struct vectors {          /* of one stack */
    uint32_t *v[VECTORS]; /* [rows], residues */
    int64_t *vw[VECTORS]; /* [cols], v^T W, not reduced: at most 2^20 rows of 127 q < 2^38 */
};
struct hint_check {
    const struct linear *linear;
    uint32_t stacks;
    uint8_t *memory; /* all vectors, secret */
    struct vectors of[];
};

/* n uniform residues: 31 bits of 4 bytes, drawn again when they are q or more. */
static void draw_residues(uint32_t *v, uint32_t n) {
    random_bytes(v, n * sizeof *v);
    for (uint32_t i = 0; i < n; i++)
        while ((v[i] &= 0x7fffffff) >= NTT_Q) random_bytes(&v[i], sizeof v[i]);
}

static size_t stack_bytes(const struct linear *l) {
    return VECTORS * (((size_t)l->rows + 1) / 2 * 2 * sizeof(uint32_t) + (size_t)l->cols * sizeof(int64_t));
}

int hint_check_new(struct hint_check **out, const struct linear *linear, uint32_t stacks) {
    *out = NULL;
    if (stacks == 0 || stacks > HINT_STACKS_MAX) return ERR_RANGE;
    size_t bytes = 0;
    for (uint32_t i = 0; i < stacks; i++) {
        if (linear[i].rows == 0 || linear[i].rows > ROW8_ROWS_MAX || linear[i].cols == 0 || linear[i].cols > ROW8_COLS_MAX)
            return ERR_RANGE;
        bytes += stack_bytes(&linear[i]);
    }
    struct hint_check *c = calloc(1, sizeof *c + stacks * sizeof *c->of);
    uint8_t *at = c != NULL ? secret_pages(bytes) : NULL;
    if (at == NULL) {
        free(c);
        return ERR_NOMEM;
    }
    c->linear = linear, c->stacks = stacks, c->memory = at;
    for (uint32_t i = 0; i < stacks; i++)
        for (int k = 0; k < VECTORS; k++) {
            c->of[i].v[k] = (uint32_t *)(void *)at;
            at += ((size_t)linear[i].rows + 1) / 2 * 2 * sizeof(uint32_t);
            c->of[i].vw[k] = (int64_t *)(void *)at;
            at += (size_t)linear[i].cols * sizeof(int64_t);
            draw_residues(c->of[i].v[k], linear[i].rows);
        }
    *out = c;
    return 0;
}

void hint_check_free(struct hint_check *c) {
    if (c == NULL) return;
    secret_pages_free(c->memory);
    free(c);
}

int hint_check_rows(struct hint_check *c, uint32_t stack, uint32_t first, uint32_t count, const int8_t *w) {
    if (stack >= c->stacks || first > c->linear[stack].rows || count > c->linear[stack].rows - first) return ERR_RANGE;
    uint32_t cols = c->linear[stack].cols;
    for (uint32_t r = 0; r < count; r++, w += cols)
        for (int k = 0; k < VECTORS; k++) {
            int64_t v = c->of[stack].v[k][first + r], *sum = c->of[stack].vw[k];
            for (uint32_t j = 0; j < cols; j++) sum[j] += v * w[j];
        }
    return 0;
}

struct sides {
    uint64_t left[SUMS], right[SUMS]; /* sums of ntt_sum_add */
    uint32_t l[SUMS], r[SUMS];
};

static int one_vector(const struct vectors *of, int k, struct sides *s, const struct kern *kern, const uint32_t *h,
                      const struct lattice_public *a, const struct linear *linear) {
    size_t n = (size_t)a->rank * NTT_N;
    memset(s, 0, sizeof *s);
    for (uint32_t i = 0; i < linear->rows; i++) {
        uint32_t v = of->v[k][i];
        ntt_prepare(&v, 1);
        ntt_sum_add(kern, s->left, h + i * n, n, v);
    }
    for (uint32_t j = 0; j < linear->cols; j++) {
        int64_t rest = of->vw[k][j] % NTT_Q;
        uint32_t v = (uint32_t)(rest < 0 ? rest + NTT_Q : rest);
        ntt_prepare(&v, 1);
        ntt_sum_add(kern, s->right, lattice_public_at(a, j), n, v);
    }
    ntt_sum_take(kern, s->l, s->left, n);
    ntt_sum_take(kern, s->r, s->right, n);
    return memcmp(s->l, s->r, n * sizeof *s->l) == 0;
}

int hint_check_stack(struct hint_check *c, const struct kern *k, const struct hint *h, const struct lattice_public *a,
                     uint32_t stack, struct why *why) {
    if (stack >= c->stacks || h->stacks != c->stacks || a->rank != h->rank || a->cols < c->linear[stack].cols)
        return why_set(why, ERR_RANGE, "hint: not of these stacks");
    struct sides *s = secret_pages(sizeof *s);
    if (s == NULL) return ERR_NOMEM;
    int same = 1;
    for (int i = 0; i < VECTORS; i++) same &= one_vector(&c->of[stack], i, s, k, hint_stack(h, stack), a, &c->linear[stack]);
    secret_pages_free(s);
    return same ? 0 : why_set(why, ERR_AUTH, "hint: stack %u is not the product of this model's weights", stack);
}
