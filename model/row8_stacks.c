/* model/row8_stacks.c - see row8_stacks.h and linear.h: what stacks there are, and their rows from the file. */
#include "model/row8_stacks.h"
#include "base/mem.h"
#include "math/float_bits.h"
#include "model/row8_fold.h"

#include <stdlib.h>
#include <string.h>

/* ---- what stacks there are ---- */

static uint32_t count_of(const struct model *m) { return m->hp.n_layer * LINEAR_KINDS + 1; }

size_t row8_stacks_bytes(const struct model *m) { return count_of(m) * sizeof(struct row8_stack); }

int row8_stacks_init(struct model *m, struct why *why) {
    if (m->hp.n_expert) /* whatever is computed elsewhere must not depend on the tokens: row8 exists for that */
        return why_set(why, ERR_UNSUPPORTED,
                       "a mixture of experts cannot be computed with row8: which experts are asked would reveal the tokens");
    if (m->arith == ARITH_ROW8_FOLD && m->hp.longrope_orig && m->hp.n_context > FOLD_CONTEXT_MAX)
        return why_set(why, ERR_UNSUPPORTED, "row8-fold: a context of %u positions does not fit the name of the arithmetic",
                       m->hp.n_context);
    m->stack_count = count_of(m);
    m->stack = arena_take(&m->small, m->stack_count, sizeof *m->stack);
    return m->stack ? 0 : why_set(why, ERR_NOMEM, "no memory for %u stacks", m->stack_count);
}

void row8_stack_add(struct model *m, uint32_t stack, const struct matrix_rows *from, const struct gguf_tensor *t,
                    const struct weight_type *type) {
    struct row8_stack *s = &m->stack[stack];
    s->linear.rows += from->rows;
    s->linear.cols = from->cols;
    if (t)
        s->part[s->parts++] = (struct row8_part){
            .tensor = t, .type = type, .first_row = from->first_row, .rows = from->rows, .cols = from->cols};
}

uint64_t row8_part_bytes(const struct row8_part *p) { return (uint64_t)weight_row_bytes(p->type, p->cols) * p->rows; }

void row8_part_decode(const struct row8_part *p, uint32_t row, float *y) {
    const uint8_t *from = p->tensor->data + ((size_t)p->first_row + row) * weight_row_bytes(p->type, p->cols);
    weight_row_decode(p->type, from, p->cols, y);
}

int row8_stacks_shape(struct model *m, struct why *why) {
    size_t rows = 0;
    for (uint32_t i = 0; i < m->stack_count; i++) {
        struct row8_stack *s = &m->stack[i];
        if (row8_shape(&s->weights, s->linear.rows, s->linear.cols) != 0)
            return why_set(why, ERR_RANGE, "stack %u: %u rows of %u are more than row8 computes", i, s->linear.rows,
                           s->linear.cols);
        s->linear.field = field_of(s->linear.cols);
        rows += s->linear.rows;
        if (m->stacks == STACKS_PACKED) m->packed_bytes += row8_bytes(&s->weights);
    }
    if (m->stacks == STACKS_STREAMED) return 0;
    m->row_scales = mem_zalloc(rows, sizeof *m->row_scales);
    if (!m->row_scales) return why_set(why, ERR_NOMEM, "no memory for the scales of %zu rows", rows);
    float *at = m->row_scales;
    for (uint32_t i = 0; i < m->stack_count; at += m->stack[i++].linear.rows) m->stack[i].linear.row_scale = at;
    return 0;
}

static int set_bound(struct model *m, uint32_t stack, uint64_t norm2_max, struct why *why) {
    struct linear *l = &m->stack[stack].linear;
    l->norm2_max = norm2_max;
    if (row8_bound(l->field, l->cols, norm2_max, &l->t) == 0) return 0;
    return why_set(why, ERR_RANGE, "stack %u: its rows are too long for products modulo %u", stack, l->field->p);
}

static float *scales_of(struct model *m, uint32_t stack) {
    return m->row_scales + (m->stack[stack].linear.row_scale - m->row_scales);
}

int row8_stack_derive(struct model *m, uint32_t stack, struct pool *p, struct why *why) {
    uint64_t norm2_max;
    int r = model_linear_pack(m, stack, p, &m->stack[stack].weights, scales_of(m, stack), &norm2_max, why);
    return r == 0 ? set_bound(m, stack, norm2_max, why) : r;
}

static int take_one(struct model *m, uint32_t stack, const struct linear *from, struct why *why) {
    const struct linear *l = &m->stack[stack].linear;
    if (from->rows != l->rows || from->cols != l->cols)
        return why_set(why, ERR_RANGE, "stack %u elsewhere has %u rows of %u, the model's has %u of %u", stack, from->rows,
                       from->cols, l->rows, l->cols);
    if (from->norm2_max > (uint64_t)127 * 127 * l->cols)
        return why_set(why, ERR_RANGE, "stack %u elsewhere has rows longer than %u integers can be", stack, l->cols);
    for (uint32_t i = 0; i < l->rows; i++) /* a sign bit would be one that no rule gives */
        if (f32_bits(from->row_scale[i]) >= 0x7f800000u)
            return why_set(why, ERR_NONFINITE, "stack %u elsewhere has a scale that is negative, infinite or NaN", stack);
    memcpy(scales_of(m, stack), from->row_scale, l->rows * sizeof(float));
    return set_bound(m, stack, from->norm2_max, why);
}

int row8_stacks_take(struct model *m, const struct linear *l, uint32_t count, struct why *why) {
    if (count != m->stack_count)
        return why_set(why, ERR_RANGE, "%u stacks are elsewhere, the model has %u", count, m->stack_count);
    int r = 0;
    for (uint32_t i = 0; r == 0 && i < count; i++) r = take_one(m, i, &l[i], why);
    return r;
}

/* ---- linear.h ---- */

uint32_t model_linear_count(const struct model *m) { return m->stack_count; }
struct linear model_linear(const struct model *m, uint32_t stack) {
    return m->stack[stack].linear;
}
const struct row8 *model_linear_weights(const struct model *m, uint32_t stack) { return &m->stack[stack].weights; }

const struct row8_part *row8_part_of(const struct row8_stack *s, uint32_t *row) {
    for (unsigned i = 0; i < s->parts; *row -= s->part[i++].rows)
        if (*row < s->part[i].rows) return &s->part[i];
    return NULL;
}

int model_linear_row(const struct model *m, uint32_t stack, uint32_t row, float *scratch, int8_t *w, float *scale) {
    const struct row8_stack *s = &m->stack[stack];
    const struct row8_part *p = row8_part_of(s, &row);
    if (!p) return ERR_WRONG_STATE;
    if (!p->folded)
        row8_part_decode(p, row, scratch);
    else if (row8_fold_row(s, p, row, scratch) != 0)
        return ERR_NOMEM;
    return row8_quantise(m->kern, scratch, s->linear.cols, w, scale);
}

void model_linear_drop(const struct model *m, uint32_t stack) {
    for (unsigned i = 0; i < m->stack[stack].parts; i++) weights_drop(m, m->stack[stack].part[i].tensor);
}

/* ---- packing ---- */

struct pack_job {
    const struct model *m;
    uint32_t stack;
    const struct row8 *to;
    float *row_scale; /* NULL: nobody asks */
    uint8_t *scratch; /* scratch_each bytes a thread: a row of floats, then a group of integers */
    size_t scratch_each;
    uint32_t next;                    /* group; taken by whichever thread is free */
    uint64_t norm2[POOL_THREADS_MAX]; /* largest, by thread */
    uint32_t bad_row;                 /* UINT32_MAX: none */
};

static void pack_group(struct pack_job *j, unsigned thread, uint32_t group, float *y, int8_t *w) {
    uint32_t cols = j->to->cols, first = group * ROW8_GROUP;
    uint32_t count = j->to->rows - first < ROW8_GROUP ? j->to->rows - first : ROW8_GROUP;
    for (uint32_t i = 0; i < count; i++) {
        float scale;
        int8_t *row = w + (size_t)i * cols;
        if (model_linear_row(j->m, j->stack, first + i, y, row, &scale) != 0) {
            __atomic_store_n(&j->bad_row, first + i, __ATOMIC_RELAXED);
            return;
        }
        if (j->row_scale) j->row_scale[first + i] = scale;
        uint64_t norm2 = row8_norm2(row, cols);
        if (norm2 > j->norm2[thread]) j->norm2[thread] = norm2;
    }
    row8_pack(j->to, first, count, w);
}

static void pack_thread(void *arg, unsigned thread, unsigned threads) {
    struct pack_job *j = arg;
    float *y = (float *)(void *)(j->scratch + thread * j->scratch_each);
    (void)threads;
    for (uint32_t g; (g = __atomic_fetch_add(&j->next, 1, __ATOMIC_RELAXED)) < j->to->groups;)
        pack_group(j, thread, g, y, (int8_t *)(y + j->to->cols));
}

int model_linear_pack(const struct model *m, uint32_t stack, struct pool *p, const struct row8 *to, float *row_scale,
                      uint64_t *norm2_max, struct why *why) {
    const struct row8_stack *s = &m->stack[stack];
    struct pack_job j = {.m = m, .stack = stack, .to = to, .row_scale = row_scale, .bad_row = UINT32_MAX};
    if (s->parts == 0) return why_set(why, ERR_WRONG_STATE, "the weights of the stacks are elsewhere");
    if (s->part[s->parts - 1].folded) return row8_fold_pack(m, stack, p, to, row_scale, norm2_max, why);
    j.scratch_each = ((size_t)s->linear.cols * (sizeof(float) + ROW8_GROUP) + 63) & ~(size_t)63;
    j.scratch = mem_zalloc(pool_threads(p), j.scratch_each);
    if (!j.scratch) return why_set(why, ERR_NOMEM, "no memory to pack a stack");
    pool_each(p, pack_thread, &j);
    free(j.scratch);
    if (j.bad_row != UINT32_MAX)
        return why_set(why, ERR_NONFINITE, "tensor %s holds a value that is NaN or infinite",
                       row8_part_of(s, &j.bad_row)->tensor->name);
    if (norm2_max) *norm2_max = 0;
    for (unsigned i = 0; norm2_max && i < pool_threads(p); i++)
        if (j.norm2[i] > *norm2_max) *norm2_max = j.norm2[i];
    return 0;
}
