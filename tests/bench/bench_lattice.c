/* bench_lattice.c - mode lattice of blind computing, processor time on one core: transforms, masks of a block and what takes them
 * off, masking and unmasking of a token, and the making of a hint.
 *
 *     bench_lattice [RANK]
 *
 * Shape: 16 layers of 2048 (query 2048, keys and values 512 each, feed-forward 8192) and an output matrix of 128256 rows, 1.2e9
 * weights. Stacks of one layer and 16384 rows of the output matrix are run and counted as often as the model has them; each stack
 * has a hint of its own in memory, more than the caches hold. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/secret.h"
#include "blind/hint_build.h"
#include "blind/hint_check.h"
#include "blind/lattice_block.h"
#include "math/ntt_rows.h"

enum { LAYERS = 16, HEAD_ROWS = 128256, HEAD_PART = 16384, PARTS = 5, COLS_MAX = 8192 };
static const struct {
    const char *name;
    uint32_t rows, cols;
    double times; /* in the model */
} parts[PARTS] = {{"q|k|v", 3072, 2048, LAYERS},
                  {"attention output", 2048, 2048, LAYERS},
                  {"gate|up", 16384, 2048, LAYERS},
                  {"down", 2048, 8192, LAYERS},
                  {"output matrix", HEAD_PART, 2048, (double)HEAD_ROWS / HEAD_PART}};

static void *room(size_t n) {
    void *p = aligned_alloc(64, (n + 63) & ~(size_t)63);
    if (p == NULL) abort();
    return memset(p, 0x3c, n);
}
/* This process's own time: other work on the machine then slows the caches, but not the clock. */
static uint64_t cpu_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
static double seconds_since(uint64_t start) { return (double)(cpu_ns() - start) * 1e-9; }

/* ---- the ring ---- */

static void bench_ring(const struct kern *k, uint32_t rank) {
    enum { TIMES = 20000 };
    static uint32_t a[NTT_RANK_MAX * NTT_N], b[NTT_RANK_MAX * NTT_N], c[NTT_BATCH * NTT_N], d[NTT_BATCH * NTT_N];
    for (unsigned i = 0; i < NTT_RANK_MAX * NTT_N; i++) a[i] = i * 7919, b[i] = i * 104729;
    double best[4] = {1, 1, 1, 1};
    for (int run = 0; run < 3; run++) {
        double s[4];
        uint64_t start = cpu_ns();
        for (int i = 0; i < TIMES; i++) ntt_forward(k, a);
        s[0] = seconds_since(start), start = cpu_ns();
        for (int i = 0; i < TIMES; i++) ntt_inverse(k, a);
        s[1] = seconds_since(start), start = cpu_ns();
        for (int i = 0; i < TIMES; i++) ntt_dot(k, c, a, b, rank);
        s[2] = seconds_since(start), start = cpu_ns();
        for (int i = 0; i < TIMES / NTT_BATCH; i++) ntt_columns(k, d, c);
        s[3] = seconds_since(start);
        for (int i = 0; i < 4; i++)
            if (s[i] < best[i]) best[i] = s[i];
    }
    printf("%-11s forward %6.0f ns   inverse %6.0f ns   inner product of rank %u %6.0f ns   into columns %4.0f ns\n",
           kern_name(k), best[0] / TIMES * 1e9, best[1] / TIMES * 1e9, rank, best[2] / TIMES * 1e9, best[3] / TIMES * 1e9);
}

/* ---- blocks ---- */

struct times {
    double make, mask, unmask; /* seconds: of a block, of a column */
    double bytes;              /* of a whole block */
};

static struct times time_part(const struct kern *k, int part, const struct lattice_public *a, const uint32_t *hint) {
    struct linear l = {.rows = parts[part].rows, .cols = parts[part].cols, .field = field_of(parts[part].cols)};
    struct times best = {1e9, 1e9, 1e9, (double)lattice_block_bytes(&l, 0)};
    int32_t *x = room(l.cols * sizeof *x), *y = room(l.rows * sizeof *y);
    uint32_t *u = room(l.cols * sizeof *u), *z = room(l.rows * sizeof *z);
    for (uint32_t j = 0; j < l.cols; j++) x[j] = (int32_t)(j % 501) - 250;
    for (uint32_t i = 0; i < l.rows; i++) z[i] = i * 251 % l.field->p;
    for (int run = 0; run < 3; run++) {
        struct lattice_block *b;
        uint64_t start = cpu_ns();
        if (lattice_block_new(&b, k, &l, a, hint, 0) != 0) abort();
        while (lattice_block_make(b, 64) > 0) {}
        if (lattice_block_steps_left(b) != 0) abort();
        double make = seconds_since(start), mask = 0, unmask = 0;
        for (uint32_t t = 0; t < LATTICE_COLUMNS; t++) {
            start = cpu_ns();
            if (lattice_block_mask(b, t, x, u) != 0) abort();
            mask += seconds_since(start), start = cpu_ns();
            if (lattice_block_unmask(b, t, z, y) != 0) abort();
            unmask += seconds_since(start);
        }
        lattice_block_free(b);
        if (make < best.make) best.make = make;
        if (mask / LATTICE_COLUMNS < best.mask) best.mask = mask / LATTICE_COLUMNS;
        if (unmask / LATTICE_COLUMNS < best.unmask) best.unmask = unmask / LATTICE_COLUMNS;
    }
    free(x), free(y), free(u), free(z);
    return best;
}

static void bench_blocks(const struct kern *k, const struct lattice_public *a, uint32_t rank) {
    size_t hints = 0, at = 0;
    struct times all = {0};
    for (int i = 0; i < PARTS; i++) hints += (size_t)parts[i].rows * rank * NTT_N;
    uint32_t *hint = room(hints * sizeof *hint);
    for (size_t i = 0; i < hints; i++) hint[i] = (uint32_t)(i * 2654435761u % NTT_Q);
    for (int i = 0; i < PARTS; i++) {
        struct times t = time_part(k, i, a, hint + at);
        printf("  %-17s %6u x %4u   block of 256 columns %7.1f ms, %5.2f us per row and column of it\n", parts[i].name,
               parts[i].rows, parts[i].cols, t.make * 1e3, t.make / (parts[i].rows + parts[i].cols) * 1e6);
        all.make += t.make * parts[i].times, all.mask += t.mask * parts[i].times, all.unmask += t.unmask * parts[i].times;
        all.bytes += t.bytes * parts[i].times;
        at += (size_t)parts[i].rows * rank * NTT_N;
    }
    printf("%-11s rank %u, whole model: masks %.2f ms per token (%.2f s per 256), masking %.2f ms, unmasking %.2f ms; blocks "
           "%.2f GB\n",
           kern_name(k), rank, all.make / LATTICE_COLUMNS * 1e3, all.make, all.mask * 1e3, all.unmask * 1e3, all.bytes * 1e-9);
    free(hint);
}

/* ---- hints ---- */

struct job {
    struct ntt_rows a;
    int16_t *wide;
    uint32_t rows, *out;
};
static void bench_hint(const struct kern *k, const struct lattice_public *public, uint32_t cols) {
    struct job j = {.rows = NTT_ROWS_MAX};
    if (ntt_rows_shape(&j.a, cols, public->rank) != 0) abort();
    j.a.data = room(ntt_rows_bytes(&j.a));
    j.wide = room(ntt_rows_wide_bytes(cols));
    j.out = room((size_t)NTT_ROWS_MAX * public->rank * NTT_N * sizeof *j.out);
    int8_t *w = room((size_t)NTT_ROWS_MAX * cols);
    for (uint32_t c = 0; c < cols; c++) ntt_rows_fill(&j.a, c, lattice_public_at(public, c));
    double best = 1e9;
    for (int run = 0; run < 3; run++) {
        uint64_t start = cpu_ns();
        ntt_rows_widen(j.wide, w, j.rows, cols);
        ntt_rows_mul(k, &j.a, 0, j.a.panels, j.wide, j.rows, cols, j.out);
        double s = seconds_since(start);
        if (s < best) best = s;
    }
    double weights = (double)j.rows * cols;
    printf("%-11s hint of rank %u, rows of %4u weights: %5.1f s per 1e9 weights (%.0f G multiply-adds/s mod q)\n", kern_name(k),
           public->rank, cols, best / weights * 1e9, weights * public->rank * NTT_N / best * 1e-9);
    free(j.a.data), free(j.wide), free(j.out), free(w);
}

/* A hint's file from rows that are there, and the check of a fetched one, for a stack of 4096 x 2048. */
static void bench_hint_file(const struct kern *k, const struct lattice_public *public) {
    enum { ROWS = 4096, COLS = 2048 };
    struct linear l = {.rows = ROWS, .cols = COLS, .field = field_of(COLS)};
    struct hint_id id = {.rank = public->rank, .stacks = 1, .linear = &l};
    struct hint_build *b;
    struct hint_check *c;
    struct hint h;
    uint8_t digest[32];
    char dir[] = "/tmp/lull-bench-XXXXXX", path[64];
    int8_t *w = room((size_t)ROWS * COLS);
    if (mkdtemp(dir) == NULL) abort();
    snprintf(path, sizeof path, "%s/hint", dir);
    if (hint_build_open(&b, path, &id, public, k, NULL, NULL) != 0) abort();
    double giga = ROWS * (double)COLS * 1e-9;
    uint64_t start = cpu_ns();
    if (hint_build_rows(b, 0, 0, ROWS, w, NULL) != 0 || hint_build_finish(b, digest, NULL) != 0) abort();
    double made = seconds_since(start);
    hint_build_close(b);
    start = cpu_ns();
    if (hint_open(&h, path, &id, digest, NULL, NULL) != 0) abort();
    double opened = seconds_since(start);
    if (hint_check_new(&c, &l, 1) != 0) abort();
    start = cpu_ns();
    if (hint_check_rows(c, 0, 0, ROWS, w) != 0) abort();
    double streamed = seconds_since(start);
    start = cpu_ns();
    if (hint_check_stack(c, k, &h, public, 0, NULL) != 0) abort();
    printf("%-11s hint's file, per 1e9 weights in rows of %d: made, hashed and written %.1f s; opened %.2f s (%.1f GB); checked "
           "%.1f s with "
           "the weights, %.1f s with the hint\n",
           kern_name(k), COLS, made / giga, opened / giga, (double)h.map.size / giga * 1e-9, streamed / giga,
           seconds_since(start) / giga);
    hint_check_free(c);
    hint_close(&h);
    unlink(path), rmdir(dir);
    free(w);
}

int main(int argc, char **argv) {
    uint32_t rank = argc > 1 ? (uint32_t)atoi(argv[1]) : 6;
    static const uint8_t manifest[32] = {1, 2, 3};
    struct lattice_public a;
    const struct kern *k, *fastest;
    if (rank == 0 || rank > NTT_RANK_MAX || secret_setup() != 0) return 2;
    uint64_t start = cpu_ns();
    if (lattice_public_new(&a, manifest, COLS_MAX, rank, NULL) != 0 || kern_select(&fastest, NULL, NULL) != 0) return 2;
    printf("public vectors of %d columns: %.2f s\n", COLS_MAX, seconds_since(start));
    for (unsigned i = 0; (k = kern_nth(i)) != NULL; i++) bench_ring(k, rank);
    for (unsigned i = 1; (k = kern_nth(i)) != NULL; i++) {
        bench_hint(k, &a, 2048);
        bench_hint(k, &a, 8192);
    }
    bench_hint_file(fastest, &a);
    for (unsigned i = 1; (k = kern_nth(i)) != NULL; i++) bench_blocks(k, &a, rank);
    lattice_public_free(&a);
    return 0;
}
