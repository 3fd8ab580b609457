/* blind/lattice_store.c - see lattice_store.h. */
#include "blind/lattice_store.h"

#include <stdlib.h>

#include "base/mem.h"

enum { BLOCKS = 4, STEPS_ALL = 1 << 30, N_MAX = 1 << 30 }; /* blocks of a stack: of unanswered columns, in use, ahead */

struct held {
    uint64_t index;
    struct lattice_block *block; /* NULL: a free place */
};
struct stack {
    uint32_t offset;
    uint64_t next; /* position, n + offset, of the first column that was not used or passed over */
    struct held held[BLOCKS];
};
struct lattice_store {
    struct lattice_store_opts o;
    struct stack of[];
};

int lattice_store_new(struct lattice_store **out, const struct lattice_store_opts *o) {
    *out = NULL;
    if (o->stacks == 0 || o->stacks > HINT_STACKS_MAX || o->ahead_columns > LATTICE_COLUMNS || o->hint->stacks != o->stacks ||
        o->hint->rank != o->a->rank)
        return ERR_RANGE;
    for (uint32_t i = 0; i < o->stacks; i++)
        if (o->linear[i].cols > o->a->cols) return ERR_RANGE;
    struct lattice_store *s = mem_zalloc(1, sizeof *s + o->stacks * sizeof *s->of);
    if (s == NULL) return ERR_NOMEM;
    s->o = *o;
    for (uint32_t i = 0; i < o->stacks; i++) {
        s->of[i].offset = (uint32_t)((uint64_t)LATTICE_COLUMNS * i / o->stacks);
        s->of[i].next = s->of[i].offset;
    }
    *out = s;
    return 0;
}

void lattice_store_free(struct lattice_store *s) {
    if (s == NULL) return;
    for (uint32_t i = 0; i < s->o.stacks; i++)
        for (int b = 0; b < BLOCKS; b++) lattice_block_free(s->of[i].held[b].block);
    free(s);
}

size_t lattice_store_held(const struct lattice_store *s) {
    size_t n = 0;
    for (uint32_t i = 0; i < s->o.stacks; i++)
        for (int b = 0; b < BLOCKS; b++)
            if (s->of[i].held[b].block != NULL) n += lattice_block_held(s->of[i].held[b].block);
    return n;
}

static struct held *find(struct stack *s, uint64_t index) {
    for (int b = 0; b < BLOCKS; b++)
        if (s->held[b].block != NULL && s->held[b].index == index) return &s->held[b];
    return NULL;
}

static int ready(struct stack *s, uint64_t index) {
    struct held *h = find(s, index);
    return h != NULL && lattice_block_steps_left(h->block) == 0;
}

/* A block's first column: a session's first block lacks those before the offset. */
static uint32_t first_of(const struct stack *s, uint64_t index) {
    return s->next / LATTICE_COLUMNS == index ? (uint32_t)(s->next % LATTICE_COLUMNS) : 0;
}

/* The block, begun if it is not there yet. ERR_BUSY: all places hold blocks whose answers are outstanding. */
static int begin(struct lattice_store *s, uint32_t stack, uint64_t index, struct held **out) {
    struct stack *of = &s->of[stack];
    *out = find(of, index);
    if (*out != NULL) return 0;
    for (int b = 0; b < BLOCKS; b++) {
        struct held *h = &of->held[b];
        if (h->block != NULL) continue;
        int r = lattice_block_new(&h->block, s->o.k, &s->o.linear[stack], s->o.a, hint_stack(s->o.hint, stack),
                                  first_of(of, index));
        if (r == 0) h->index = index, *out = h;
        return r;
    }
    return ERR_BUSY;
}

static void release_if_spent(struct held *h) {
    if (h == NULL || !lattice_block_spent(h->block)) return;
    lattice_block_free(h->block);
    *h = (struct held){0};
}

/* ---- work ---- */

/* The first block that is not ready of those in use and ahead, and the columns left before it is needed. 0: there is none. */
static int wanted(struct lattice_store *s, uint32_t stack, uint64_t *index, uint32_t *left) {
    struct stack *of = &s->of[stack];
    *index = of->next / LATTICE_COLUMNS;
    *left = 0;
    if (!ready(of, *index)) return 1;
    *left = LATTICE_COLUMNS - (uint32_t)(of->next % LATTICE_COLUMNS);
    *index += 1;
    return *left <= s->o.ahead_columns && !ready(of, *index);
}

int lattice_store_work(struct lattice_store *s, uint32_t steps) {
    size_t held = lattice_store_held(s);
    uint32_t best = s->o.stacks, least = LATTICE_COLUMNS + 1;
    uint64_t which = 0;
    for (uint32_t i = 0; i < s->o.stacks; i++) {
        uint64_t index;
        uint32_t left;
        if (!wanted(s, i, &index, &left) || left >= least) continue;
        size_t more = find(&s->of[i], index) == NULL ? lattice_block_bytes(&s->o.linear[i], first_of(&s->of[i], index)) : 0;
        if (more > 0 && (held > s->o.bytes_max || more > s->o.bytes_max - held)) continue;
        best = i, least = left, which = index;
    }
    if (best == s->o.stacks) return 0;
    struct held *h;
    int r = begin(s, best, which, &h);
    if (r == ERR_BUSY) return 0;
    if (r != 0) return r;
    r = lattice_block_make(h->block, steps);
    return r < 0 ? r : 1;
}

int lattice_store_prepare(struct lattice_store *s, uint32_t stack, uint32_t n, uint32_t count) {
    if (stack >= s->o.stacks || n > N_MAX || count == 0 || count > LATTICE_COLUMNS) return ERR_RANGE;
    uint64_t at = (uint64_t)n + s->of[stack].offset;
    if (at < s->of[stack].next) return ERR_WRONG_STATE;
    for (uint64_t index = at / LATTICE_COLUMNS; index <= (at + count - 1) / LATTICE_COLUMNS; index++) {
        struct held *h;
        int r = begin(s, stack, index, &h);
        if (r != 0) return r;
        r = lattice_block_make(h->block, STEPS_ALL);
        if (r < 0) return r;
    }
    return 0;
}

/* ---- use ---- */

/* Gives up positions [next, at). */
static void pass_over(struct stack *s, uint64_t at) {
    for (int b = 0; b < BLOCKS && s->next < at; b++) {
        if (s->held[b].block == NULL) continue;
        for (uint32_t t = 0; t < LATTICE_COLUMNS; t++) {
            uint64_t position = s->held[b].index * LATTICE_COLUMNS + t;
            if (position >= s->next && position < at) lattice_block_drop(s->held[b].block, t);
        }
        release_if_spent(&s->held[b]);
    }
}

int lattice_store_mask(struct lattice_store *s, uint32_t stack, uint32_t n, const int32_t *x, uint32_t *u) {
    if (stack >= s->o.stacks || n > N_MAX) return ERR_RANGE;
    struct stack *of = &s->of[stack];
    uint64_t at = (uint64_t)n + of->offset;
    if (at < of->next) return ERR_WRONG_STATE;
    pass_over(of, at);
    of->next = at;
    int r = lattice_store_prepare(s, stack, n, 1);
    if (r != 0) return r;
    struct held *h = find(of, at / LATTICE_COLUMNS);
    of->next = at + 1; /* spent before anything is made with it, and whatever comes of that */
    r = lattice_block_mask(h->block, (uint32_t)(at % LATTICE_COLUMNS), x, u);
    release_if_spent(h);
    return r;
}

int lattice_store_unmask(struct lattice_store *s, uint32_t stack, uint32_t n, const uint32_t *z, int32_t *y) {
    if (stack >= s->o.stacks || n > N_MAX) return ERR_RANGE;
    uint64_t at = (uint64_t)n + s->of[stack].offset;
    struct held *h = find(&s->of[stack], at / LATTICE_COLUMNS);
    if (h == NULL) return ERR_WRONG_STATE;
    int r = lattice_block_unmask(h->block, (uint32_t)(at % LATTICE_COLUMNS), z, y);
    release_if_spent(h);
    return r;
}

void lattice_store_drop(struct lattice_store *s, uint32_t stack, uint32_t n) {
    if (stack >= s->o.stacks || n > N_MAX) return;
    uint64_t at = (uint64_t)n + s->of[stack].offset;
    struct held *h = at < s->of[stack].next ? find(&s->of[stack], at / LATTICE_COLUMNS) : NULL;
    if (h == NULL) return;
    lattice_block_drop(h->block, (uint32_t)(at % LATTICE_COLUMNS));
    release_if_spent(h);
}
