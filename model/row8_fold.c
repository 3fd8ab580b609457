/* model/row8_fold.c - see row8_fold.h: which rows are folded, and their values, many at a time. */
#include "model/row8_fold.h"
#include "base/mem.h"
#include "math/fold.h"

#include <stdlib.h>
#include <string.h>

/* ---- which rows ---- */

/* All rows of one stack, each times the first part of the other. */
static uint64_t append(struct row8_stack *to, const struct row8_stack *from, const float *gain, const float *post) {
    uint64_t bytes = 0;
    to->linear.rows += from->linear.rows;
    for (unsigned i = 0; i < from->parts; i++) {
        struct row8_part *p = &to->part[to->parts++];
        *p = from->part[i];
        p->folded = 1;
        p->gain = gain;
        p->post = post;
        bytes += row8_part_bytes(p);
    }
    return bytes;
}

uint64_t row8_fold_stacks(struct model *m) {
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < m->hp.n_layer; i++) {
        struct row8_stack *s = m->stack + i * LINEAR_KINDS;
        const struct layer *y = &m->layer[i];
        bytes += append(&s[LINEAR_OUT], &s[LINEAR_GATE_UP], y->ffn_norm, y->post_attn_norm);
        if (i + 1 < m->hp.n_layer)
            bytes += append(&s[LINEAR_DOWN], &s[LINEAR_KINDS + LINEAR_QKV], m->layer[i + 1].attn_norm, y->post_ffn_norm);
    }
    return bytes;
}

/* ---- one row, plainly ---- */

static void left_row(const struct row8_part *p, uint32_t row, float *left) {
    row8_part_decode(p, row, left);
    for (uint32_t k = 0; k < p->cols; k++) left[k] = left[k] * p->gain[k];
    for (uint32_t k = 0; p->post && k < p->cols; k++) left[k] = left[k] * p->post[k];
}

int row8_fold_row(const struct row8_stack *s, const struct row8_part *p, uint32_t row, float *y) {
    uint32_t cols = s->linear.cols;
    float *left = malloc(p->cols * sizeof *left);
    double *sum = mem_zalloc(cols, sizeof *sum);
    if (left && sum) left_row(p, row, left);
    for (uint32_t k = 0; left && sum && k < p->cols; k++) {
        row8_part_decode(&s->part[0], k, y);
        for (uint32_t j = 0; j < cols; j++) sum[j] += (double)left[k] * (double)y[j];
    }
    for (uint32_t j = 0; left && sum && j < cols; j++) y[j] = (float)sum[j];
    int r = left && sum ? 0 : ERR_NOMEM;
    free(left);
    free(sum);
    return r;
}

/* ---- many rows ---- */

struct row8_folder {
    const struct model *m;
    struct pool *pool;
    uint32_t widest;
    struct fold right; /* the first part of stack `held`, if that has folded rows */
    uint32_t held;
    double *left;   /* [FOLD_BATCH][n_embd], as fold.h has it */
    float *y;       /* [FOLD_BATCH][widest] */
    float *scratch; /* [threads][widest or n_embd] */
    size_t scratch_each;
    int8_t *w; /* [FOLD_BATCH][widest] */
    float scale[FOLD_BATCH];
    /* the batch at hand */
    const struct row8_stack *stack;
    uint32_t first, count, plain; /* its first `plain` rows are not folded */
    uint32_t next, bad;
};

int row8_folder_new(struct row8_folder **out, const struct model *m, struct pool *p) {
    struct row8_folder *f = mem_zalloc(1, sizeof *f);
    *out = NULL;
    if (!f) return ERR_NOMEM;
    f->m = m;
    f->pool = p;
    f->held = UINT32_MAX;
    for (uint32_t i = 0; i < m->stack_count; i++)
        if (m->stack[i].linear.cols > f->widest) f->widest = m->stack[i].linear.cols;
    size_t depth = (m->hp.n_embd + FOLD_ROWS - 1) / FOLD_ROWS * FOLD_ROWS;
    f->scratch_each = ((f->widest > m->hp.n_embd ? f->widest : m->hp.n_embd) + 15) & ~(size_t)15;
    f->left = mem_zalloc(FOLD_BATCH * depth, sizeof *f->left);
    f->y = mem_zalloc((size_t)FOLD_BATCH * f->widest, sizeof *f->y);
    f->scratch = mem_zalloc(pool_threads(p) * f->scratch_each, sizeof *f->scratch);
    f->w = mem_zalloc(FOLD_BATCH, f->widest);
    if (f->left && f->y && f->scratch && f->w)
        *out = f;
    else
        row8_folder_free(f);
    return *out ? 0 : ERR_NOMEM;
}

void row8_folder_free(struct row8_folder *f) {
    if (!f) return;
    free(f->right.right);
    free(f->left);
    free(f->y);
    free(f->scratch);
    free(f->w);
    free(f);
}

static uint32_t take(uint32_t *next) { return __atomic_fetch_add(next, 1, __ATOMIC_RELAXED); }

static void decode_right(void *arg, unsigned thread, unsigned threads) {
    struct row8_folder *f = arg;
    float *row = f->scratch + thread * f->scratch_each;
    (void)threads;
    for (uint32_t k; (k = take(&f->next)) < f->right.depth;) {
        row8_part_decode(&f->stack->part[0], k, row);
        fold_right_row(&f->right, k, row);
    }
}

/* The matrix that a stack's folded rows are multiplied by, kept until another stack comes. */
static int hold_right(struct row8_folder *f, uint32_t stack) {
    if (f->held == stack) return 0;
    f->held = UINT32_MAX;
    free(f->right.right);
    fold_shape(&f->right, f->stack->part[0].rows, f->stack->linear.cols);
    f->right.right = mem_zalloc(fold_right_floats(&f->right), sizeof(float));
    if (!f->right.right) return ERR_NOMEM;
    f->next = 0;
    pool_each(f->pool, decode_right, f);
    f->held = stack;
    return 0;
}

/* A folded row's left side, another's values. */
static void decode_rows(void *arg, unsigned thread, unsigned threads) {
    struct row8_folder *f = arg;
    float *left = f->scratch + thread * f->scratch_each;
    (void)threads;
    for (uint32_t i; (i = take(&f->next)) < f->count;) {
        uint32_t row = f->first + i;
        const struct row8_part *p = row8_part_of(f->stack, &row);
        if (!p->folded) {
            row8_part_decode(p, row, f->y + (size_t)i * f->stack->linear.cols);
            continue;
        }
        left_row(p, row, left);
        fold_left_row(&f->right, f->left, i - f->plain, left);
    }
}

static void multiply_panels(void *arg, uint32_t begin, uint32_t end) {
    struct row8_folder *f = arg;
    uint32_t cols = f->stack->linear.cols;
    fold_rows(f->m->kern, &f->right, begin, end, f->left, f->count - f->plain, f->y + (size_t)f->plain * cols, cols);
}

/* The first row counts: what is wrong with a matrix shows in all that is multiplied by it, too. */
static void note_bad(struct row8_folder *f, uint32_t i) {
    uint32_t bad = __atomic_load_n(&f->bad, __ATOMIC_RELAXED);
    while (i < bad && !__atomic_compare_exchange_n(&f->bad, &bad, i, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {}
}

static void quantise_rows(void *arg, uint32_t begin, uint32_t end) {
    struct row8_folder *f = arg;
    uint32_t cols = f->stack->linear.cols;
    for (uint32_t i = begin; i < end; i++)
        if (row8_quantise(f->m->kern, f->y + (size_t)i * cols, cols, f->w + (size_t)i * cols, &f->scale[i]) != 0) note_bad(f, i);
}

/* How many of the batch's rows come before the stack's first folded one. */
static uint32_t plain_rows(const struct row8_folder *f) {
    uint32_t rows = 0;
    for (unsigned i = 0; i < f->stack->parts && !f->stack->part[i].folded; i++) rows += f->stack->part[i].rows;
    if (rows <= f->first) return 0;
    return rows - f->first < f->count ? rows - f->first : f->count;
}

int row8_folder_rows(struct row8_folder *f, uint32_t stack, uint32_t first, uint32_t count, const int8_t **w, const float **scale,
                     uint32_t *bad) {
    f->stack = &f->m->stack[stack];
    f->first = first;
    f->count = count;
    f->plain = plain_rows(f);
    f->bad = UINT32_MAX;
    int r = f->plain < count ? hold_right(f, stack) : 0;
    if (r != 0) return r;
    f->next = 0;
    pool_each(f->pool, decode_rows, f);
    if (f->plain < count) pool_range(f->pool, f->right.panels, 1, multiply_panels, f);
    pool_range(f->pool, count, 4, quantise_rows, f);
    *w = f->w;
    *scale = f->scale;
    *bad = f->bad;
    return f->bad == UINT32_MAX ? 0 : ERR_NONFINITE;
}

/* ---- packing ---- */

struct pack_job {
    const struct row8 *to;
    const int8_t *w;
    uint32_t first, count;
    uint64_t norm2[FOLD_BATCH / ROW8_GROUP];
};

static void pack_groups(void *arg, uint32_t begin, uint32_t end) {
    struct pack_job *j = arg;
    for (uint32_t g = begin; g < end; g++) {
        uint32_t at = g * ROW8_GROUP, rows = j->count - at < ROW8_GROUP ? j->count - at : ROW8_GROUP;
        const int8_t *w = j->w + (size_t)at * j->to->cols;
        row8_pack(j->to, j->first + at, rows, w);
        for (uint32_t i = 0; i < rows; i++) {
            uint64_t n = row8_norm2(w + (size_t)i * j->to->cols, j->to->cols);
            if (n > j->norm2[g]) j->norm2[g] = n;
        }
    }
}

static int refuse(const struct model *m, uint32_t stack, uint32_t row, struct why *why) {
    const struct row8_part *p = row8_part_of(&m->stack[stack], &row);
    const char *where = p->folded ? " when it is folded" : "";
    return why_set(why, ERR_NONFINITE, "tensor %s holds a value that is NaN or infinite%s", p->tensor->name, where);
}

/* Rows from j->first on, and their scales unless NULL. */
static int pack_batch(struct row8_folder *f, uint32_t stack, struct pack_job *j, float *row_scale, struct why *why) {
    const float *scale;
    uint32_t bad;
    int r = row8_folder_rows(f, stack, j->first, j->count, &j->w, &scale, &bad);
    if (r == ERR_NONFINITE) return refuse(f->m, stack, j->first + bad, why);
    if (r != 0) return r;
    if (row_scale) memcpy(row_scale + j->first, scale, j->count * sizeof *scale);
    pool_range(f->pool, (j->count + ROW8_GROUP - 1) / ROW8_GROUP, 1, pack_groups, j);
    return 0;
}

int row8_fold_pack(const struct model *m, uint32_t stack, struct pool *p, const struct row8 *to, float *row_scale,
                   uint64_t *norm2_max, struct why *why) {
    struct row8_folder *f = NULL;
    uint64_t most = 0;
    int r = row8_folder_new(&f, m, p);
    for (uint32_t at = 0; r == 0 && at < to->rows; at += FOLD_BATCH) {
        struct pack_job j = {.to = to, .first = at, .count = to->rows - at < FOLD_BATCH ? to->rows - at : FOLD_BATCH};
        r = pack_batch(f, stack, &j, row_scale, why);
        for (uint32_t g = 0; g < FOLD_BATCH / ROW8_GROUP; g++)
            if (j.norm2[g] > most) most = j.norm2[g];
    }
    row8_folder_free(f);
    if (r == ERR_NOMEM) return why_set(why, r, "no memory to fold a stack");
    if (r == 0 && norm2_max) *norm2_max = most;
    return r;
}
