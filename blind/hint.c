/* blind/hint.c - see hint.h. The head is never trusted: it must be, byte for byte, the one that follows from what the caller
 * knows, but for the digests in it. */
#include "blind/hint.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/wire.h"
#include "blind/lattice_params.h"
#include "math/ntt.h"
#include "math/row8.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "a hint's values are used where they lie in the file");

static const char magic[8] = {'l', 'u', 'l', 'l', 'h', 'i', 'n', 't'};

static uint64_t aligned_up(uint64_t n) { return (n + HINT_ALIGN - 1) / HINT_ALIGN * HINT_ALIGN; }
static uint64_t data_bytes(const struct hint_id *id, uint32_t stack) {
    return (uint64_t)id->linear[stack].rows * id->rank * NTT_N * sizeof(uint32_t);
}
size_t hint_head_bytes(uint32_t stacks) { return (size_t)aligned_up(HINT_HEAD_BYTES + (uint64_t)stacks * HINT_STACK_BYTES); }

int hint_layout(const struct hint_id *id, uint64_t *offset, uint64_t *size) {
    if (id->stacks == 0 || id->stacks > HINT_STACKS_MAX || id->rank == 0 || id->rank > NTT_RANK_MAX) return ERR_RANGE;
    uint64_t at = hint_head_bytes(id->stacks);
    for (uint32_t i = 0; i < id->stacks; i++) {
        const struct linear *l = &id->linear[i];
        if (l->rows == 0 || l->rows > ROW8_ROWS_MAX || l->cols == 0 || l->cols > ROW8_COLS_MAX) return ERR_RANGE;
        offset[i] = at;
        at += aligned_up(data_bytes(id, i)); /* below 2^12 * 2^33 in all */
    }
    *size = at;
    return 0;
}

void hint_write_head(uint8_t *head, const struct hint_id *id, const uint64_t *offset, uint64_t size, const uint8_t *digests) {
    struct writer w = writer_over(head, hint_head_bytes(id->stacks));
    write_bytes(&w, magic, sizeof magic);
    write_u32_le(&w, HINT_VERSION);
    write_u32_le(&w, id->rank);
    write_u32_le(&w, id->stacks);
    write_u32_le(&w, NTT_Q);
    write_bytes(&w, id->manifest, 32);
    write_u64_le(&w, size);
    for (uint32_t i = 0; i < id->stacks; i++) {
        write_u32_le(&w, id->linear[i].rows);
        write_u32_le(&w, id->linear[i].cols);
        write_u64_le(&w, offset[i]);
        write_bytes(&w, digests + 32 * (size_t)i, 32);
    }
    write_zeros(&w, w.cap - w.len);
}

/* ---- opening ---- */

/* The fields one by one, so that a refusal says what is wrong; what this leaves out, the comparison of the whole head finds. */
static int check_fields(struct reader *in, const struct hint_id *id, uint64_t size, const char *path, struct why *why) {
    uint8_t start[8], manifest[32];
    read_copy(in, start, sizeof start);
    uint32_t version = read_u32_le(in), rank = read_u32_le(in), stacks = read_u32_le(in), q = read_u32_le(in);
    read_copy(in, manifest, sizeof manifest);
    uint64_t bytes = read_u64_le(in);
    if (in->err != 0) return why_set(why, ERR_SHORT, "%s: too short for a hint", path);
    if (memcmp(start, magic, sizeof magic) != 0) return why_set(why, ERR_FORMAT, "%s: not a hint file", path);
    if (version != HINT_VERSION)
        return why_set(why, ERR_VERSION, "%s: hint of version %" PRIu32 ", not %d", path, version, HINT_VERSION);
    if (memcmp(manifest, id->manifest, 32) != 0)
        return why_set(why, ERR_AUTH, "%s: hint of another model (its manifest's digest differs); make or fetch this model's",
                       path);
    if (rank != id->rank || q != NTT_Q)
        return why_set(why, ERR_RANGE,
                       "%s: hint of rank %" PRIu32 ", modulus %" PRIu32 "; rank %" PRIu32 ", modulus %d are asked for", path,
                       rank, q, id->rank, NTT_Q);
    if (stacks != id->stacks)
        return why_set(why, ERR_RANGE, "%s: hint of %" PRIu32 " stacks; the model has %" PRIu32, path, stacks, id->stacks);
    if (bytes != size) return why_set(why, ERR_FORMAT, "%s: its head gives a wrong size", path);
    return 0;
}

static int check_shapes(struct reader *in, const struct hint_id *id, const char *path, struct why *why) {
    for (uint32_t i = 0; i < id->stacks; i++) {
        uint32_t rows = read_u32_le(in), cols = read_u32_le(in);
        (void)read_u64_le(in);
        (void)read_bytes(in, 32);
        if (in->err != 0) return why_set(why, ERR_SHORT, "%s: cut short in its head", path);
        if (rows != id->linear[i].rows || cols != id->linear[i].cols)
            return why_set(why, ERR_RANGE,
                           "%s: stack %" PRIu32 " has %" PRIu32 " rows, %" PRIu32 " columns; the model's has %" PRIu32
                           ", %" PRIu32,
                           path, i, rows, cols, id->linear[i].rows, id->linear[i].cols);
    }
    return 0;
}

static int check_head(const struct hint *h, const struct hint_id *id, uint64_t size, const char *path, struct why *why) {
    struct reader in = reader_over(h->map.data, h->map.size);
    int r = check_fields(&in, id, size, path, why);
    if (r == 0) r = check_shapes(&in, id, path, why);
    if (r != 0) return r;
    if (h->map.size != size)
        return why_set(why, h->map.size < size ? ERR_SHORT : ERR_TRAILING, "%s: %zu bytes; a hint of this model has %" PRIu64,
                       path, h->map.size, size);
    size_t n = hint_head_bytes(id->stacks);
    uint8_t *want = malloc(n), *digests = malloc(32 * (size_t)id->stacks);
    if (want != NULL && digests != NULL) {
        for (uint32_t i = 0; i < id->stacks; i++)
            memcpy(digests + 32 * (size_t)i, h->map.data + HINT_HEAD_BYTES + (size_t)i * HINT_STACK_BYTES + 16, 32);
        hint_write_head(want, id, h->offset, size, digests);
        if (memcmp(want, h->map.data, n) != 0) r = why_set(why, ERR_FORMAT, "%s: damaged head", path);
    } else {
        r = ERR_NOMEM;
    }
    free(want);
    free(digests);
    return r;
}

struct checking {
    const struct hint *h;
    const struct hint_id *id;
    const char *path;
    struct why *why;
    atomic_uint bad; /* 1 + the stack that was found bad last */
    atomic_int err;
};

/* q itself and above would break the bounds of the kernels' sums. */
static int values_below_q(const uint32_t *v, uint64_t n) {
    uint32_t over = 0;
    for (uint64_t i = 0; i < n; i++) over |= v[i] | ((NTT_Q - 1) - v[i]); /* the top bit: v >= 2^31, or v >= q */
    return over >> 31 == 0;
}

static void check_data(void *arg, uint32_t begin, uint32_t end) {
    struct checking *c = arg;
    for (uint32_t i = begin; i < end; i++) {
        const uint8_t *data = c->h->map.data + c->h->offset[i],
                      *want = c->h->map.data + HINT_HEAD_BYTES + (size_t)i * HINT_STACK_BYTES + 16;
        uint64_t n = data_bytes(c->id, i);
        uint8_t digest[32], rest = 0;
        sha256_of(digest, data, (size_t)n);
        for (uint64_t at = n; at < aligned_up(n); at++) rest |= data[at];
        int r = memcmp(digest, want, 32) != 0 ? ERR_AUTH : rest != 0 ? ERR_FORMAT : 0;
        if (r == 0 && !values_below_q(hint_stack(c->h, i), n / sizeof(uint32_t))) r = ERR_RANGE;
        if (r == 0) continue;
        atomic_store(&c->err, r);
        atomic_store(&c->bad, i + 1);
    }
}

static int check_stacks(const struct hint *h, const struct hint_id *id, struct pool *pool, const char *path, struct why *why) {
    struct checking c = {.h = h, .id = id, .path = path, .why = why};
    if (pool != NULL)
        pool_range(pool, id->stacks, 1, check_data, &c);
    else
        check_data(&c, 0, id->stacks);
    unsigned bad = atomic_load(&c.bad);
    int r = atomic_load(&c.err);
    if (r == 0) return 0;
    const char *what = r == ERR_AUTH ? "its data do not match their digest" : "values or padding that no hint has";
    return why_set(why, r, "%s: stack %u: %s; make or fetch the hint again", path, bad - 1, what);
}

int hint_open(struct hint *h, const char *path, const struct hint_id *id, const uint8_t *kept, struct pool *pool,
              struct why *why) {
    uint64_t size = 0;
    *h = (struct hint){.rank = id->rank, .stacks = id->stacks};
    h->offset = id->stacks <= HINT_STACKS_MAX ? mem_zalloc(id->stacks, sizeof *h->offset) : NULL;
    int r = h->offset == NULL ? why_set(why, ERR_NOMEM, "%s: no memory, or too many stacks", path)
                              : hint_layout(id, h->offset, &size);
    if (r == ERR_RANGE) why_set(why, r, "%s: no hint can have these shapes", path);
    if (r == 0) r = file_map_open(&h->map, path, why);
    if (r == 0) r = check_head(h, id, size, path, why);
    if (r == 0) {
        sha256_of(h->digest, h->map.data, hint_head_bytes(id->stacks));
        if (kept != NULL && memcmp(kept, h->digest, 32) != 0)
            r = why_set(why, ERR_AUTH, "%s: not the hint that was checked when it was made or fetched", path);
    }
    if (r == 0) r = check_stacks(h, id, pool, path, why);
    if (r != 0) hint_close(h);
    return r;
}

int hint_rank_of(const char *path, uint32_t *rank, struct why *why) {
    struct file_map map;
    uint8_t start[8];
    int r = file_map_open(&map, path, why);
    if (r != 0) return r;
    struct reader in = reader_over(map.data, map.size);
    read_copy(&in, start, sizeof start);
    uint32_t version = read_u32_le(&in), named = read_u32_le(&in);
    if (in.err != 0)
        r = why_set(why, ERR_SHORT, "%s: too short for a hint", path);
    else if (memcmp(start, magic, sizeof magic) != 0)
        r = why_set(why, ERR_FORMAT, "%s: not a hint file", path);
    else if (version != HINT_VERSION)
        r = why_set(why, ERR_VERSION, "%s: hint of version %" PRIu32 ", not %d", path, version, HINT_VERSION);
    else if (lattice_params_of_rank(named) == NULL)
        r = why_set(why, ERR_RANGE, "%s: hint of rank %" PRIu32 ", which no parameters have", path, named);
    else
        *rank = named;
    file_map_close(&map);
    return r;
}

void hint_close(struct hint *h) {
    file_map_close(&h->map);
    free(h->offset);
    *h = (struct hint){0};
}
