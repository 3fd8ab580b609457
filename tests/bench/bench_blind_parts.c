/* bench_blind_parts - what a client of blind computing spends beside the workers: packing, masks, checks, and setting up.
 *
 * Prints one line per part: the best of several runs on one thread. A token's columns of the Llama-3.2-1B shape are 231,424 inputs and
 * 505,088 rows, twice the checks and masks of it in mode `pair`. */
#include "base/clock.h"
#include "base/secret.h"
#include "blind/freivalds.h"
#include "blind/merkle.h"
#include "blind/pair_mask.h"
#include "blind/residues.h"

#include <stdio.h>
#include <stdlib.h>

enum { N = 1 << 20, RUNS = 20, WIDE = 2048, ROWS = 256 };

struct scene {
    const struct field *f;
    uint32_t *a, *b;
    uint8_t *bytes;
    struct freivalds check;
    uint32_t *words;
    int8_t row[WIDE];
};

static void run_pack(struct scene *s) { (void)residues_pack(s->f, s->bytes, s->a, N); }
static void run_unpack(struct scene *s) { (void)residues_unpack(s->f, s->b, N, s->bytes, residues_bytes(s->f, N)); }
static void run_mask(struct scene *s) {
    static const uint8_t key[PAIR_KEY_BYTES] = {1};
    for (uint32_t n = 0; n < N / WIDE; n++) pair_mask(s->f, key, 0, n, s->b + (size_t)n * WIDE, WIDE);
}
static void run_check(struct scene *s) {
    uint32_t want[FREIVALDS_VECTORS], sum[FREIVALDS_VECTORS] = {0};
    freivalds_expect(&s->check, s->a, want);
    freivalds_sum(&s->check, 0, N / 2, s->a, sum);
}
static void run_add_rows(struct scene *s) {
    for (uint32_t i = 0; i < ROWS; i++) freivalds_add_row(&s->check, i, s->row);
}
static void run_merkle(struct scene *s) {
    struct merkle m;
    merkle_init(&m);
    for (uint32_t i = 0; i < ROWS; i++) (void)merkle_add_row(&m, s->row, WIDE, 1.0f);
}

static void measure(const char *what, void (*run)(struct scene *s), struct scene *s, double things, double bytes) {
    double best = 1e30;
    for (int i = 0; i < RUNS; i++) {
        uint64_t from = clock_mono_ns();
        run(s);
        double ns = (double)(clock_mono_ns() - from);
        if (ns < best) best = ns;
    }
    printf("blind, %u bits, %s: %.3f ns each", s->f->wire_bits, what, best / things);
    printf(bytes > 0 ? ", %.2f GB/s\n" : "\n", bytes / best);
}

static int scene_open(struct scene *s, const struct field *f) {
    *s = (struct scene){
        .f = f, .a = malloc(N * sizeof *s->a), .b = malloc(N * sizeof *s->b), .bytes = malloc(residues_bytes(f, N))};
    s->words = calloc(freivalds_words(N / 2, N / 2), sizeof *s->words);
    if (!s->a || !s->b || !s->bytes || !s->words) return -1;
    for (uint32_t i = 0; i < N; i++) s->a[i] = s->b[i] = i * 2654435761u % f->p;
    for (uint32_t i = 0; i < WIDE; i++) s->row[i] = (int8_t)((int)(i * 7919u % 255) - 127);
    freivalds_place(&s->check, f, N / 2, N / 2, s->words);
    freivalds_draw(&s->check);
    return 0;
}

int main(void) {
    if (secret_setup() != 0) return 1;
    const struct field *const fields[] = {field_of(1), field_of(FIELD_P24_COLS + 1)};
    for (int i = 0; i < 2; i++) {
        struct scene s;
        int r = scene_open(&s, fields[i]);
        if (r == 0) {
            double wire = (double)residues_bytes(s.f, N);
            measure("residues packed", run_pack, &s, N, wire);
            measure("residues unpacked", run_unpack, &s, N, wire);
            measure("mask elements", run_mask, &s, N, 0);
            measure("rows and columns checked", run_check, &s, N, 0);
            s.check.cols = WIDE; /* t's rows lie closer then; only the time matters */
            measure("weights into t", run_add_rows, &s, (double)ROWS * WIDE, 0);
            measure("weights hashed", run_merkle, &s, (double)ROWS * WIDE, 0);
        }
        free(s.a);
        free(s.b);
        free(s.bytes);
        free(s.words);
        if (r != 0) return 1;
    }
    return 0;
}
