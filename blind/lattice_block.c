/* blind/lattice_block.c - see lattice_block.h. What is made lies column by column, in chunks of columns that are freed as they
 * are used: blocks of a model take a large part of a gigabyte in all, and stacks at different columns hold half of it. */
#include "blind/lattice_block.h"

#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "base/mem.h"
#include "base/secret.h"
#include "blind/lattice_params.h"
#include "blind/lattice_round.h"

enum { CHUNKS = LATTICE_COLUMNS / LATTICE_CHUNK, ELEMENTS = LATTICE_STEP_ELEMENTS, STREAM_SECRET = 0, STREAM_NOISE = 1 };
enum column { COLUMN_GONE, COLUMN_FRESH, COLUMN_SENT };
_Static_assert((int)ELEMENTS == (int)NTT_BATCH, "a step is one batch of ntt_columns");

/* All that a block is made of and with; wiped as soon as it is whole. */
struct maker {
    uint8_t seed[crypto_stream_chacha20_ietf_KEYBYTES];
    uint32_t s[NTT_RANK_MAX * NTT_N]; /* values, as ntt_prepare leaves them */
    uint32_t rows[ELEMENTS * NTT_N], columns[ELEMENTS * NTT_N];
    uint8_t noise[ELEMENTS * NTT_N];
};

struct lattice_block {
    pid_t pid;
    const struct kern *k;
    const struct linear *stack;
    const struct lattice_public *a;
    const uint32_t *hint;
    struct lattice_round round;
    uint32_t term_bytes; /* 3 (p24) or 4: what takes a mask off is below p */
    uint32_t first, done, steps;
    struct maker *maker;    /* NULL when the block is ready */
    uint8_t *chunk[CHUNKS]; /* per chunk: masks u32 [32][cols], then terms [32][rows * term_bytes] */
    uint32_t left[CHUNKS];  /* columns of it that are not gone */
    uint8_t state[LATTICE_COLUMNS];
};

enum { CHUNK_END = 4 };
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "terms are loaded as little-endian words");
static size_t chunk_bytes(const struct linear *s) {
    return LATTICE_CHUNK * ((size_t)s->cols * sizeof(uint32_t) + (size_t)s->rows * s->field->draw_bytes) + CHUNK_END;
}
size_t lattice_block_bytes(const struct linear *stack, uint32_t first) {
    return (CHUNKS - first / LATTICE_CHUNK) * chunk_bytes(stack);
}
static uint32_t steps_of(uint32_t elements) { return (elements + ELEMENTS - 1) / ELEMENTS; }

static uint32_t *masks_of(const struct lattice_block *b, uint32_t t) {
    return (uint32_t *)(void *)b->chunk[t / LATTICE_CHUNK] + (size_t)(t % LATTICE_CHUNK) * b->stack->cols;
}
static uint8_t *terms_of(const struct lattice_block *b, uint32_t t) {
    uint8_t *terms = b->chunk[t / LATTICE_CHUNK] + LATTICE_CHUNK * (size_t)b->stack->cols * sizeof(uint32_t);
    return terms + (size_t)(t % LATTICE_CHUNK) * b->stack->rows * b->term_bytes;
}

/* Four bytes at once where three are meant: a chunk ends with as many bytes as the last load reads too far. */
static uint32_t load_term(const uint8_t *p, uint32_t bytes) {
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return bytes == 3 ? v & 0xffffff : v;
}
static void store_term(uint8_t *p, uint32_t bytes, uint32_t v) {
    p[0] = (uint8_t)v, p[1] = (uint8_t)(v >> 8), p[2] = (uint8_t)(v >> 16);
    if (bytes == 4) p[3] = (uint8_t)(v >> 24);
}

/* ---- making ---- */

/* Each stream of a block's seed has a nonce of its own. */
static void draw(const struct maker *m, uint8_t *out, size_t n, uint32_t stream, uint32_t index) {
    const uint8_t nonce[crypto_stream_chacha20_ietf_NONCEBYTES] = {(uint8_t)stream, (uint8_t)index, (uint8_t)(index >> 8),
                                                                   (uint8_t)(index >> 16), (uint8_t)(index >> 24)};
    crypto_stream_chacha20_ietf(out, n, nonce, m->seed);
}

/* Coefficients -1, 0, 1, each a third: two bits of the stream, taken again when they are 3. What is taken does not show in the
 * time. */
static void draw_secret(struct maker *m, const struct kern *k, uint32_t rank) {
    uint32_t have = 0, need = rank * NTT_N;
    for (uint32_t index = 0; have < need; index++) {
        draw(m, m->noise, NTT_N, STREAM_SECRET, index);
        for (uint32_t i = 0; i < 4 * NTT_N && have < need; i++) {
            uint32_t bits = m->noise[i / 4] >> 2 * (i % 4) & 3;
            if (bits == 3) continue;
            m->s[have++] = bits - 1 + (NTT_Q & (0u - (bits == 0)));
        }
    }
    for (uint32_t c = 0; c < rank; c++) ntt_forward(k, m->s + c * NTT_N);
    ntt_prepare(m->s, need);
}

static void make_masks(struct lattice_block *b, uint32_t j0) {
    struct maker *m = b->maker;
    uint32_t n = b->stack->cols - j0 < ELEMENTS ? b->stack->cols - j0 : ELEMENTS;
    draw(m, m->noise, n * NTT_N, STREAM_NOISE, j0 / ELEMENTS);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t *row = m->rows + i * NTT_N;
        ntt_dot(b->k, row, lattice_public_at(b->a, j0 + i), m->s, b->a->rank);
        ntt_inverse(b->k, row);
        ntt_add_noise(b->k, row, m->noise + i * NTT_N);
    }
    ntt_columns(b->k, m->columns, m->rows);
    for (uint32_t t = b->first; t < LATTICE_COLUMNS; t++)
        memcpy(masks_of(b, t) + j0, m->columns + t * ELEMENTS, n * sizeof(uint32_t));
}

static void make_terms(struct lattice_block *b, uint32_t i0) {
    struct maker *m = b->maker;
    uint32_t n = b->stack->rows - i0 < ELEMENTS ? b->stack->rows - i0 : ELEMENTS, bytes = b->term_bytes;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t *row = m->rows + i * NTT_N;
        ntt_dot(b->k, row, b->hint + (size_t)(i0 + i) * b->a->rank * NTT_N, m->s, b->a->rank);
        ntt_inverse(b->k, row);
    }
    ntt_scale_apply(b->k, &b->round.to_p, m->rows, m->rows, n * NTT_N);
    ntt_columns(b->k, m->columns, m->rows);
    for (uint32_t t = b->first; t < LATTICE_COLUMNS; t++) {
        uint8_t *to = terms_of(b, t) + (size_t)i0 * bytes;
        for (uint32_t i = 0; i < n; i++) store_term(to + (size_t)i * bytes, bytes, m->columns[t * ELEMENTS + i]);
    }
}

static void wipe_column(struct lattice_block *b, uint32_t t) {
    if (b->chunk[t / LATTICE_CHUNK] == NULL) return; /* not taken yet */
    mem_wipe(masks_of(b, t), b->stack->cols * sizeof(uint32_t));
    mem_wipe(terms_of(b, t), (size_t)b->stack->rows * b->term_bytes);
}
static void release_chunk(struct lattice_block *b, uint32_t c) {
    secret_pages_free(b->chunk[c]);
    b->chunk[c] = NULL;
}

/* What is needed no more: all that the block was made with, and columns that were given up meanwhile. */
static void end_making(struct lattice_block *b) {
    secret_pages_free(b->maker);
    b->maker = NULL;
    for (uint32_t t = b->first; t < LATTICE_COLUMNS; t++)
        if (b->state[t] == COLUMN_GONE) wipe_column(b, t);
    for (uint32_t c = 0; c < CHUNKS; c++)
        if (b->left[c] == 0) release_chunk(b, c);
}

/* The first steps take the memory, chunk by chunk: to lock pages is to fill them, some milliseconds for a large stack's. */
static int make_step(struct lattice_block *b) {
    uint32_t first_chunk = b->first / LATTICE_CHUNK, chunks = CHUNKS - first_chunk, step = b->done;
    if (step < chunks) {
        b->chunk[first_chunk + step] = secret_pages(chunk_bytes(b->stack));
        return b->chunk[first_chunk + step] != NULL ? 0 : ERR_NOMEM;
    }
    step -= chunks;
    uint32_t of_masks = steps_of(b->stack->cols);
    if (step < of_masks)
        make_masks(b, step * ELEMENTS);
    else
        make_terms(b, (step - of_masks) * ELEMENTS);
    return 0;
}

int lattice_block_make(struct lattice_block *b, uint32_t steps) {
    if (b->maker == NULL || b->pid != getpid()) return 0;
    for (; steps > 0 && b->done < b->steps; steps--, b->done++) {
        int r = make_step(b);
        if (r != 0) return r;
    }
    if (b->done == b->steps) end_making(b);
    return (int)(b->steps - b->done);
}

uint32_t lattice_block_steps_left(const struct lattice_block *b) { return b->steps - b->done; }

/* ---- its life ---- */

int lattice_block_new(struct lattice_block **out, const struct kern *k, const struct linear *stack,
                      const struct lattice_public *a, const uint32_t *hint, uint32_t first) {
    *out = NULL;
    if (lattice_params_of_rank(a->rank) == NULL || stack->rows == 0 || stack->cols == 0 || stack->cols > a->cols ||
        first >= LATTICE_COLUMNS)
        return ERR_RANGE;
    struct lattice_block *b = secret_pages(sizeof *b);
    if (b == NULL) return ERR_NOMEM;
    *b = (struct lattice_block){.pid = getpid(), .k = k, .stack = stack, .a = a, .hint = hint, .first = first};
    b->term_bytes = stack->field->draw_bytes;
    b->steps = CHUNKS - first / LATTICE_CHUNK + steps_of(stack->cols) + steps_of(stack->rows);
    for (uint32_t c = first / LATTICE_CHUNK; c < CHUNKS; c++) b->left[c] = LATTICE_CHUNK;
    b->left[first / LATTICE_CHUNK] -= first % LATTICE_CHUNK;
    memset(b->state + first, COLUMN_FRESH, LATTICE_COLUMNS - first);
    int r = lattice_round_init(&b->round, NTT_Q, stack->field->p);
    b->maker = secret_pages(sizeof *b->maker);
    if (r == 0 && b->maker == NULL) r = ERR_NOMEM;
    if (r != 0) {
        lattice_block_free(b);
        return r;
    }
    random_bytes(b->maker->seed, sizeof b->maker->seed);
    draw_secret(b->maker, k, a->rank);
    *out = b;
    return 0;
}

void lattice_block_free(struct lattice_block *b) {
    if (b == NULL) return;
    for (uint32_t c = 0; c < CHUNKS; c++) secret_pages_free(b->chunk[c]);
    secret_pages_free(b->maker);
    secret_pages_free(b);
}

size_t lattice_block_held(const struct lattice_block *b) {
    size_t n = 0;
    for (uint32_t c = 0; c < CHUNKS; c++)
        if (b->chunk[c] != NULL || (b->maker != NULL && c >= b->first / LATTICE_CHUNK)) n += chunk_bytes(b->stack);
    return n;
}

int lattice_block_spent(const struct lattice_block *b) {
    uint32_t left = 0;
    for (uint32_t c = 0; c < CHUNKS; c++) left += b->left[c];
    return left == 0;
}

void lattice_block_drop(struct lattice_block *b, uint32_t t) {
    if (b->pid != getpid() || t >= LATTICE_COLUMNS || b->state[t] == COLUMN_GONE) return;
    uint32_t c = t / LATTICE_CHUNK;
    wipe_column(b, t);
    b->state[t] = COLUMN_GONE;
    if (--b->left[c] == 0 && b->maker == NULL) release_chunk(b, c); /* while a block is made its chunks are written */
}

/* ---- use ---- */

static int column_in(const struct lattice_block *b, uint32_t t, enum column state) {
    if (b->pid != getpid() || b->maker != NULL) return ERR_WRONG_STATE;
    if (t >= LATTICE_COLUMNS) return ERR_RANGE;
    return b->state[t] == state ? 0 : ERR_WRONG_STATE;
}

int lattice_block_mask(struct lattice_block *b, uint32_t t, const int32_t *x, uint32_t *u) {
    int r = column_in(b, t, COLUMN_FRESH);
    if (r != 0) return r;
    uint32_t n = b->stack->cols, *mask = masks_of(b, t);
    b->state[t] = COLUMN_SENT; /* spent, whatever comes of it */
    r = lattice_round_send(b->k, &b->round, x, mask, u, n);
    mem_wipe(mask, n * sizeof *mask);
    if (r != 0) lattice_block_drop(b, t);
    return r;
}

int lattice_block_unmask(struct lattice_block *b, uint32_t t, const uint32_t *z, int32_t *y) {
    int r = column_in(b, t, COLUMN_SENT);
    if (r != 0) return r;
    uint32_t p = b->stack->field->p, bytes = b->term_bytes;
    const uint8_t *term = terms_of(b, t);
    for (uint32_t i = 0; i < b->stack->rows; i++)
        if (z[i] >= p) return ERR_RANGE; /* residues of a worker, no secret */
    for (uint32_t i = 0; i < b->stack->rows; i++) {
        uint32_t v = z[i] + p - load_term(term + (size_t)i * bytes, bytes);
        v -= p & (0u - (uint32_t)(v >= p));
        y[i] = (int32_t)(v - (p & (0u - (uint32_t)(v > p / 2))));
    }
    lattice_block_drop(b, t);
    return 0;
}
