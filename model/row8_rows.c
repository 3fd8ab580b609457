/* model/row8_rows.c - linear_rows of linear.h: a stack's rows in order, folded ones many at a time. */
#include <stdlib.h>

#include "base/mem.h"
#include "model/row8_fold.h"

struct linear_rows {
    const struct model *m;
    float *scratch; /* the widest stack's columns */
    int8_t *w;
    struct row8_folder *folder;   /* NULL: nothing to fold */
    uint32_t stack, first, count; /* what it has */
    const int8_t *rows;
    const float *scales;
};

int linear_rows_new(struct linear_rows **out, const struct model *m, struct pool *p) {
    struct linear_rows *r = mem_zalloc(1, sizeof *r);
    uint32_t widest = 0;
    *out = NULL;
    if (!r) return ERR_NOMEM;
    r->m = m;
    for (uint32_t i = 0; i < m->stack_count; i++)
        if (m->stack[i].linear.cols > widest) widest = m->stack[i].linear.cols;
    r->scratch = mem_zalloc(widest, sizeof *r->scratch);
    r->w = mem_zalloc(widest, 1);
    int e = r->scratch && r->w ? 0 : ERR_NOMEM;
    if (e == 0 && m->arith == ARITH_ROW8_FOLD && m->stacks == STACKS_STREAMED) e = row8_folder_new(&r->folder, m, p);
    if (e == 0)
        *out = r;
    else
        linear_rows_free(r);
    return e;
}

void linear_rows_free(struct linear_rows *r) {
    if (!r) return;
    row8_folder_free(r->folder);
    free(r->scratch);
    free(r->w);
    free(r);
}

static int packed_row(struct linear_rows *r, uint32_t stack, uint32_t row, float *scale) {
    row8_unpack(&r->m->stack[stack].weights, row, r->w);
    *scale = r->m->stack[stack].linear.row_scale[row];
    return 0;
}

/* From the batch that it is in, which is made when its first row is asked for. */
static int folded_row(struct linear_rows *r, uint32_t stack, uint32_t row, const int8_t **w, float *scale) {
    const struct linear *l = &r->m->stack[stack].linear;
    if (!r->count || r->stack != stack || row < r->first || row >= r->first + r->count) {
        uint32_t first = row - row % FOLD_BATCH, count = l->rows - first < FOLD_BATCH ? l->rows - first : FOLD_BATCH, bad;
        r->count = 0;
        int e = row8_folder_rows(r->folder, stack, first, count, &r->rows, &r->scales, &bad);
        if (e != 0) return e;
        r->stack = stack;
        r->first = first;
        r->count = count;
    }
    *w = r->rows + (size_t)(row - r->first) * l->cols;
    *scale = r->scales[row - r->first];
    return 0;
}

int linear_rows_get(struct linear_rows *r, uint32_t stack, uint32_t row, const int8_t **w, float *scale) {
    const struct row8_stack *s = &r->m->stack[stack];
    *w = r->w;
    if (s->weights.data) return packed_row(r, stack, row, scale);
    if (r->folder && s->parts && s->part[s->parts - 1].folded) return folded_row(r, stack, row, w, scale);
    return model_linear_row(r->m, stack, row, r->scratch, r->w, scale);
}
