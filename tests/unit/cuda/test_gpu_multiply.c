/* Products on the GPU, both ways, against the plain C of math/: equal bits for every type, odd shapes, one token and many; values
 * from tiny to huge, zeros and a NaN. */
#include "tests/unit/cuda/gpu_test.h"

#include "cuda/kernels.h"
#include "math/kern.h"
#include "math/matrix.h"
#include "math/vec.h"
#include "tests/unit/model/synth_model.h"

enum { TOKENS_MAX = 70 };
static const uint32_t types[] = {WEIGHT_F32,  WEIGHT_F16,  WEIGHT_BF16, WEIGHT_Q8_0, WEIGHT_Q4_0,
                                 WEIGHT_Q5_0, WEIGHT_Q4_K, WEIGHT_Q5_K, WEIGHT_Q6_K};

static void *room(size_t n) {
    void *p = aligned_alloc(64, (n + 63) & ~(size_t)63);
    CHECK(p != NULL);
    return memset(p, 0, n);
}

/* Any codes and scales of sub-blocks, the extremes too; only the fp16 scales are tame. */
static void any_block(const struct weight_type *t, uint8_t *b, uint64_t *s) {
    synth_block(t->id, b, 0.1f, s);
    if (t->block_len == 1) return;
    uint32_t from = t->id == WEIGHT_Q4_K || t->id == WEIGHT_Q5_K ? 4 : t->id == WEIGHT_Q6_K ? 0 : 2;
    uint32_t to = t->id == WEIGHT_Q6_K ? 208 : t->block_bytes;
    uint64_t how = synth_next(s) % 8;
    for (uint32_t i = from; i < to; i++) b[i] = how == 0 ? 0 : how == 1 ? 0xff : how == 2 ? 0x80 : (uint8_t)synth_next(s);
}

static struct matrix random_matrix(uint32_t type, uint32_t rows, uint32_t cols, uint64_t *s) {
    struct matrix m;
    const struct weight_type *t = weight_type_of(type);
    CHECK_INT(matrix_shape(&m, t, rows, cols), 0);
    size_t row = weight_row_bytes(t, cols);
    uint8_t *file = room(rows * row);
    for (size_t i = 0; i < rows * row / t->block_bytes; i++) any_block(t, file + i * t->block_bytes, s);
    m.data = room(matrix_bytes(&m));
    CHECK_INT(matrix_pack(&m, 0, m.groups, file), 0);
    free(file);
    return m;
}

/* Blocks of very different sizes, and some of nothing but zeros. */
static void random_acts(float *x, size_t n, uint64_t *s) {
    for (size_t i = 0; i < n; i++) {
        int e = (int)(i / 32 % 13) * 6 - 36;
        x[i] = i / 32 % 17 == 3 ? 0.0f : ldexpf(synth_normal(s), e);
    }
}

/* x, or silu(x) * up, times two matrices in one launch. */
static void check_product(const struct matrix *m, const float *x, const float *up, const float *bias, uint32_t tokens, int wide) {
    const struct kern *plain = kern_nth(0);
    enum act_kind kind = m[0].type->act;
    uint32_t cols = m[0].cols;
    size_t n = (size_t)tokens * cols * sizeof(float), act_rows = (size_t)GPU_TOKENS_ALIGN * 2 * (cols / 32 + 1);
    uint8_t *bad = room(tokens), *gpu_bad = on_gpu(bad, tokens), got_bad[TOKENS_MAX];
    struct gpu_acts acts = {on_gpu(NULL, act_rows * 32), on_gpu(NULL, act_rows * 4), on_gpu(NULL, act_rows * 4)};
    float *gx = on_gpu(x, n), *gup = up ? on_gpu(up, n) : NULL, *in = room(n);
    memcpy(in, x, n);
    if (up) vec_swiglu(plain, in, x, up, (size_t)tokens * cols);
    struct gpu_multiply_job job = {.kind = m[0].type->kernel, .cols = cols, .tokens = tokens, .acts = acts, .x = gx};
    for (int i = 0; i < 2; i++)
        job.p[job.count++] = (struct gpu_product){.w = on_gpu(m[i].data, matrix_bytes(&m[i])),
                                                  .bias = i ? NULL : on_gpu(bias, m[i].rows * sizeof(float)),
                                                  .y = on_gpu(NULL, (size_t)tokens * m[i].rows * sizeof(float)),
                                                  .group_bytes = m[i].group_bytes,
                                                  .rows = m[i].rows,
                                                  .groups = m[i].groups};
    if (kind != ACT_F32)
        gpu_quantise(NULL, kind, acts, gx, gup, cols, tokens, NULL, gpu_bad);
    else if (up)
        gpu_swiglu(NULL, gx, gup, (size_t)tokens * cols);
    gpu_multiply(NULL, &job, wide);
    struct acts a;
    void *mem = room(acts_bytes(kind, cols, tokens));
    acts_init(&a, kind, cols, tokens, mem);
    acts_fill(plain, &a, 0, tokens, in, cols, bad);
    from_gpu(got_bad, gpu_bad, tokens);
    CHECK_MEM(got_bad, bad, tokens);
    for (int i = 0; i < 2; i++) {
        size_t bytes = (size_t)tokens * m[i].rows * sizeof(float);
        float *want = room(bytes), *got = room(bytes);
        matrix_mul(plain, &m[i], 0, m[i].groups, &a, i ? NULL : bias, want, m[i].rows);
        from_gpu(got, job.p[i].y, bytes);
        for (uint32_t t = 0; t < tokens; t++)
            if (!bad[t]) CHECK_MEM(got + (size_t)t * m[i].rows, want + (size_t)t * m[i].rows, m[i].rows * sizeof(float));
        free(want);
        free(got);
        cudaFree((void *)(uintptr_t)job.p[i].w);
        cudaFree((void *)(uintptr_t)job.p[i].bias);
        cudaFree(job.p[i].y);
    }
    cudaFree(acts.q), cudaFree(acts.scale), cudaFree(acts.sum), cudaFree(gx), cudaFree(gup), cudaFree(gpu_bad);
    free(in), free(mem), free(bad);
}

static void check_type(uint32_t type, int nan) {
    uint64_t s = type;
    uint32_t block = weight_type_of(type)->block_len;
    static const uint32_t tokens[] = {1, 2, 5, 8, 9, 33, 70};
    for (uint32_t shape = 0; shape < 3; shape++) {
        uint32_t cols = block == 1 ? (uint32_t[]){72, 300, 2100}[shape] : block * (uint32_t[]){1, 3, 2304 / block + 1}[shape];
        struct matrix m[2] = {random_matrix(type, 16 * shape + 9, cols, &s), random_matrix(type, 75, cols, &s)};
        float *x = room(sizeof(float) * TOKENS_MAX * cols), *up = room(sizeof(float) * TOKENS_MAX * cols), bias[64];
        random_acts(x, (size_t)TOKENS_MAX * cols, &s);
        random_acts(up, (size_t)TOKENS_MAX * cols, &s);
        if (nan) x[cols + 1] = NAN, x[4 * (size_t)cols] = INFINITY;
        for (unsigned i = 0; i < 64; i++) bias[i] = synth_normal(&s);
        for (unsigned i = 0; i < sizeof tokens / sizeof tokens[0]; i++)
            for (int wide = 0; wide < 2; wide++) {
                check_product(m, x, NULL, bias, tokens[i], wide);
                check_product(m, x, up, bias, tokens[i], wide);
            }
        free(x), free(up), free(m[0].data), free(m[1].data);
    }
}

TEST(every_type_gives_the_bits_of_plain_c) {
    NEEDS_GPU();
    for (unsigned i = 0; i < sizeof types / sizeof types[0]; i++) {
        printf("# %s\n", weight_type_of(types[i])->name);
        check_type(types[i], 0);
    }
}

TEST(a_token_that_is_not_finite_is_named) {
    NEEDS_GPU();
    check_type(WEIGHT_Q8_0, 1);
    check_type(WEIGHT_Q6_K, 1);
}

TEST(every_type_of_the_table_is_computed_or_refused) {
    unsigned count = 0;
    for (size_t i = 0; weight_type_nth(i); i++) count += gpu_multiply_supported(weight_type_nth(i)->kernel) != 0;
    CHECK_INT(count, sizeof types / sizeof types[0]);
}

TESTS_MAIN("gpu_multiply", T(every_type_gives_the_bits_of_plain_c), T(a_token_that_is_not_finite_is_named),
           T(every_type_of_the_table_is_computed_or_refused))
