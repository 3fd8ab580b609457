/* tests/bench/bench_math.c - speed of the matrix product: one token (bytes of weights read per second) and many (multiply-add
 * pairs per second), each weight type and kernel; the same of row8's exact products and of what surrounds them; of attention; and of
 * an empty job of the pool.
 *
 *     bench_math [THREADS [ROWS COLS]]
 *
 * The one-token runs walk through several matrices that together exceed the caches, as a decoding engine does. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "math/attend.h"
#include "math/matrix.h"
#include "math/pool.h"
#include "math/row8.h"

enum { MANY = 512, CACHE_BYTES = 192 << 20, RUNS = 3 };

struct job {
    const struct kern *k;
    struct matrix m;
    struct acts a;
    float *y, *x;
    uint8_t bad[MANY];
};

static void product(void *arg, uint32_t g0, uint32_t g1) {
    struct job *j = arg;
    matrix_mul(j->k, &j->m, g0, g1, &j->a, NULL, j->y, j->m.rows);
}
static void nothing(void *arg, unsigned thread, unsigned threads) { (void)arg, (void)thread, (void)threads; }

/* 64-byte aligned; these bytes are harmless numbers in every type, so that nothing underflows (which would be slow) */
static void *room(size_t n) {
    void *p = aligned_alloc(64, (n + 63) & ~(size_t)63);
    if (p == NULL) abort();
    return memset(p, 0x3c, n);
}

/* fn over all groups, again and again, each time with the next of `copies` matrices of `bytes` bytes; *data is where fn finds it. */
static double seconds_per_product(struct pool *pool, pool_range_fn *fn, void *arg, uint32_t groups, uint8_t **data,
                                  uint8_t *weights, size_t bytes, uint32_t copies) {
    double best = 1e9;
    for (int run = 0; run < RUNS; run++) {
        uint32_t times = 0;
        uint64_t start = clock_mono_ns(), now;
        do {
            for (uint32_t c = 0; c < copies; c++) {
                *data = weights + c * bytes;
                pool_range(pool, groups, 0, fn, arg);
            }
            times += copies;
            now = clock_mono_ns();
        } while (now - start < 150000000u);
        double s = (double)(now - start) * 1e-9 / times;
        if (s < best) best = s;
    }
    return best;
}

static void bench_type(struct pool *pool, const struct weight_type *t, uint32_t rows, uint32_t cols) {
    struct job j = {0};
    if (matrix_shape(&j.m, t, rows, cols) != 0) return;
    uint32_t copies = (uint32_t)(CACHE_BYTES / matrix_bytes(&j.m)) + 1;
    uint8_t *weights = room(copies * matrix_bytes(&j.m));
    j.y = room(sizeof(float) * MANY * rows);
    j.x = room(sizeof(float) * MANY * cols);
    void *mem = room(acts_bytes(t->act, cols, MANY));
    for (unsigned i = 0; (j.k = kern_nth(i)) != NULL; i++) {
        if (i == 0 && copies > 1) continue; /* plain C is for checking, not for speed */
        acts_init(&j.a, t->act, cols, 1, mem);
        acts_fill(j.k, &j.a, 0, 1, j.x, cols, j.bad);
        double one = seconds_per_product(pool, product, &j, j.m.groups, &j.m.data, weights, matrix_bytes(&j.m), copies);
        acts_init(&j.a, t->act, cols, MANY, mem);
        acts_fill(j.k, &j.a, 0, MANY, j.x, cols, j.bad);
        double many = seconds_per_product(pool, product, &j, j.m.groups, &j.m.data, weights, matrix_bytes(&j.m), 1);
        printf("%-6s %-11s one token %6.1f GB/s   %d tokens %7.1f Gmul-add/s\n", t->name, kern_name(j.k),
               (double)matrix_bytes(&j.m) / one * 1e-9, MANY, (double)rows * cols * MANY / many * 1e-9);
    }
    free(weights), free(j.y), free(j.x), free(mem);
}

/* ---- row8 ---- */

enum { COLUMNS = 64 };

struct row8_job {
    const struct kern *k;
    struct row8 m;
    struct row8_cols c;
    const struct field *f;
    int32_t *y;
    uint32_t *z;
};
static void row8_sums(void *arg, uint32_t g0, uint32_t g1) {
    struct row8_job *j = arg;
    row8_mul(j->k, &j->m, g0, g1, &j->c, j->y, j->m.rows);
}
static void row8_residues(void *arg, uint32_t g0, uint32_t g1) {
    struct row8_job *j = arg;
    row8_mul_residues(j->k, &j->m, g0, g1, &j->c, j->f, j->z, j->m.rows);
}

/* One column and many, as integers and as residues, of `digits` digits. The bandwidth to compare with is Q8_0's, of one token. */
static void bench_row8(struct pool *pool, uint32_t rows, uint32_t cols, uint32_t digits) {
    struct row8_job j = {.f = field_of(cols)};
    if (row8_shape(&j.m, rows, cols) != 0) return;
    size_t bytes = row8_bytes(&j.m);
    uint32_t copies = (uint32_t)(CACHE_BYTES / bytes) + 1;
    uint8_t *weights = room(copies * bytes);
    uint8_t *mem = room(row8_cols_bytes(cols, COLUMNS, digits)); /* any bytes are digits */
    j.y = room(sizeof(int32_t) * COLUMNS * rows);
    j.z = room(sizeof(uint32_t) * COLUMNS * rows);
    for (unsigned i = 1; (j.k = kern_nth(i)) != NULL; i++) {
        double s[4];
        for (int many = 0; many < 2; many++) {
            row8_cols_init(&j.c, cols, many ? COLUMNS : 1, digits, mem);
            s[2 * many] = seconds_per_product(pool, row8_sums, &j, j.m.groups, &j.m.data, weights, bytes, many ? 1 : copies);
            s[2 * many + 1] = seconds_per_product(pool, row8_residues, &j, j.m.groups, &j.m.data, weights, bytes,
                                                  many ? 1 : copies);
        }
        double many = (double)rows * cols * COLUMNS * 1e-9;
        printf("row8 %u digits %-11s one column %6.1f GB/s, residues %6.1f GB/s   %d columns %6.1f, residues %6.1f Gmul-add/s\n",
               digits, kern_name(j.k), (double)bytes / s[0] * 1e-9, (double)bytes / s[1] * 1e-9, COLUMNS, many / s[2],
               many / s[3]);
    }
    free(weights), free(mem), free(j.y), free(j.z);
}

static double elapsed(uint64_t start, uint32_t times) { return (double)(clock_mono_ns() - start) * 1e-9 / times; }

/* What a client does for each column beside the product, and for each row of weights when it prepares its checks; one thread. */
static void bench_row8_sides(uint32_t cols) {
    enum { TIMES = 2000 };
    const struct kern *k;
    const struct field *f = field_of(cols);
    float *x = room(sizeof(float) * cols), scale;
    int32_t *q = room(sizeof(int32_t) * cols);
    uint32_t *acc = room(sizeof(uint32_t) * cols), *u = room(sizeof(uint32_t) * cols), sum = 0;
    int8_t *w = room(cols);
    struct row8_cols c;
    row8_cols_init(&c, cols, 1, f->digits, room(row8_cols_bytes(cols, 1, f->digits)));
    (void)kern_select(&k, NULL, NULL);
    for (uint32_t i = 0; i < cols; i++) {
        x[i] = (float)(i % 2000) - 1000.0f;
        acc[i] = u[i] = i * 2654435761u % f->p;
        w[i] = (int8_t)(i % 255 - 127);
    }
    double s[5];
    uint64_t start = clock_mono_ns();
    for (uint32_t i = 0; i < TIMES; i++) (void)row8_token(k, x, cols, 5000, q, &scale);
    s[0] = elapsed(start, TIMES), start = clock_mono_ns();
    for (uint32_t i = 0; i < TIMES; i++) row8_cols_fill_residues(&c, 0, f, u);
    s[1] = elapsed(start, TIMES), start = clock_mono_ns();
    for (uint32_t i = 0; i < TIMES; i++) field_add_scaled(f, acc, u[i % cols], w, cols);
    s[2] = elapsed(start, TIMES), start = clock_mono_ns();
    for (uint32_t i = 0; i < TIMES; i++) sum ^= field_dot(f, acc, u, cols);
    s[3] = elapsed(start, TIMES), start = clock_mono_ns();
    for (uint32_t i = 0; i < TIMES; i++) (void)row8_quantise(k, x, cols, w, &scale);
    s[4] = elapsed(start, TIMES);
    printf("row8, per value of %u: token %.2f ns, digits of a residue %.2f ns, weight %.2f ns; checks: a step %.2f ns, a dot "
           "%.2f ns%s\n",
           cols, s[0] / cols * 1e9, s[1] / cols * 1e9, s[4] / cols * 1e9, s[2] / cols * 1e9, s[3] / cols * 1e9,
           sum == 1 ? "." : "");
    free(x), free(q), free(acc), free(u), free(w), free(c.data);
}

/* Attention of the last `tokens` of `context` positions, one kv head of 64 dimensions shared by 8 query heads, one thread. */
static void bench_attention(enum kv_format f, uint32_t tokens, uint32_t context) {
    enum { DIM = 64, HEADS = 8 };
    uint32_t pages = (context + KV_PAGE - 1) / KV_PAGE;
    const uint8_t **table = malloc(pages * sizeof *table);
    uint8_t *mem = room(pages * kv_page_bytes(f, DIM));
    float *q = room(sizeof(float) * tokens * HEADS * DIM), *out = room(sizeof(float) * tokens * HEADS * DIM);
    for (uint32_t p = 0; p < pages; p++) table[p] = mem + p * kv_page_bytes(f, DIM);
    struct attend a = {f, DIM, HEADS, tokens, context - tokens, 0, 0.125f, 0.0f, q, HEADS * DIM, out, HEADS * DIM, table, 0};
    for (unsigned i = 1; kern_nth(i) != NULL; i++) {
        const struct kern *k = kern_nth(
            i); /* asks the processor what it can do, which traps on a virtual machine: not to be timed */
        uint64_t start = clock_mono_ns();
        uint32_t times = 0;
        while (clock_mono_ns() - start < 200000000u) times++, (void)attend(k, &a);
        double s = (double)(clock_mono_ns() - start) * 1e-9 / times;
        printf("attention %s, %u token(s) at %u positions, %-11s %9.1f us, %6.1f Gmul-add/s\n", f == KV_Q8 ? "q8 " : "f16",
               tokens, context, kern_name(k), s * 1e6, 2.0 * HEADS * DIM * tokens * (context - tokens / 2.0) / s * 1e-9);
    }
    free(table), free(mem), free(q), free(out);
}

int main(int argc, char **argv) {
    unsigned threads = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
    uint32_t rows = argc > 3 ? (uint32_t)strtoul(argv[2], NULL, 10) : 5632,
             cols = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 2048;
    struct pool *pool;
    if (pool_new(&pool, threads, NULL) != 0) return 1;
    printf("# %u threads, %u x %u, best of %d runs\n", pool_threads(pool), rows, cols, RUNS);
    for (size_t i = 0; weight_type_nth(i) != NULL; i++) bench_type(pool, weight_type_nth(i), rows, cols);
    for (uint32_t digits = 2; digits <= field_of(cols)->digits; digits++) bench_row8(pool, rows, cols, digits);
    bench_row8_sides(cols);
    for (int f = 0; f < KV_FORMATS; f++) {
        bench_attention((enum kv_format)f, 1, 2048);
        bench_attention((enum kv_format)f, 64, 2048);
    }
    uint64_t start = clock_mono_ns();
    for (int i = 0; i < 20000; i++) pool_each(pool, nothing, NULL);
    printf("pool: an empty job takes %.2f us\n", (double)(clock_mono_ns() - start) * 1e-3 / 20000);
    pool_free(pool);
    return 0;
}
