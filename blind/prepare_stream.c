/* blind/prepare_stream.c - see prepare_stream.h. */
#include "blind/prepare_stream.h"
#include "blind/merkle.h"
#include "math/row8.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

int prepare_shapes(struct blind_manifest *m, const struct prepare_source *source, struct why *why) {
    int r = blind_manifest_init(m, source->stacks);
    if (r != 0) return why_set(why, r, "prepare: %" PRIu32 " stacks: %s", source->stacks, err_text(r));
    for (uint32_t i = 0; i < m->stack_count; i++) {
        struct blind_stack *s = &m->stacks[i];
        r = source->shape(source->state, i, &s->rows, &s->cols);
        if (r == 0 && (s->rows == 0 || s->rows > ROW8_ROWS_MAX || s->cols == 0 || s->cols > ROW8_COLS_MAX)) r = ERR_RANGE;
        if (r != 0)
            return why_set(why, r, "prepare: stack %" PRIu32 " of %" PRIu32 " rows and %" PRIu32 " columns", i, s->rows, s->cols);
    }
    return 0;
}

struct pass { /* what one pass carries from stack to stack */
    const struct prepare_source *source;
    const struct prepare_opts *o;
    struct check_set *checks;
    int8_t *row; /* the widest stack's columns */
    uint64_t done, all;
    struct why *why;
};

static int stream_row(struct pass *p, uint32_t stack, uint32_t row, const struct blind_stack *s, struct merkle *tree,
                      uint64_t *norm2) {
    float scale;
    int r = p->source->row(p->source->state, stack, row, p->row, &scale, p->why);
    if (r != 0) return r;
    if (!isfinite(scale) || signbit(scale))
        return why_set(p->why, ERR_NONFINITE, "prepare: stack %" PRIu32 ": scale of row %" PRIu32, stack, row);
    uint64_t n2 = row8_norm2(p->row, s->cols);
    if (n2 > *norm2) *norm2 = n2;
    if (p->checks) {
        check_set_scales(p->checks, stack)[row] = scale;
        freivalds_add_row(&p->checks->check[stack], row, p->row);
    }
    p->done += s->cols;
    return merkle_add_row(tree, p->row, s->cols, scale);
}

static int stream_stack(struct pass *p, uint32_t stack, struct blind_stack *s) {
    struct merkle tree;
    uint64_t norm2 = 0;
    merkle_init(&tree);
    if (p->checks) freivalds_draw(&p->checks->check[stack]);
    for (uint32_t row = 0; row < s->rows; row++) {
        int r = stream_row(p, stack, row, s, &tree, &norm2);
        if (r != 0) return r;
        if (p->o->progress && row % 256 == 255) p->o->progress(p->o->arg, p->done, p->all);
    }
    if (p->o->progress) p->o->progress(p->o->arg, p->done, p->all);
    merkle_root(&tree, s->root);
    uint32_t t;
    int r = p->checks ? check_set_norm(p->checks, stack, norm2) : row8_bound(blind_stack_field(s), s->cols, norm2, &t);
    return r == 0 ? 0 : why_set(p->why, r, "prepare: stack %" PRIu32 ": its weights leave the inputs no range", stack);
}

int prepare_weights(struct blind_manifest *m, struct check_set *checks, const struct prepare_source *source,
                    const struct prepare_opts *o, struct why *why) {
    struct pass p = {.source = source, .o = o, .checks = checks, .why = why};
    uint32_t widest = 0;
    for (uint32_t i = 0; i < m->stack_count; i++) {
        if (m->stacks[i].cols > widest) widest = m->stacks[i].cols;
        p.all += (uint64_t)m->stacks[i].rows * m->stacks[i].cols;
    }
    p.row = malloc(widest);
    int r = p.row ? 0 : ERR_NOMEM;
    for (uint32_t i = 0; i < m->stack_count && r == 0; i++) r = stream_stack(&p, i, &m->stacks[i]);
    free(p.row);
    return r;
}
