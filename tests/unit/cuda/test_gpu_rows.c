/* Norms, heads and attention on the GPU against the plain C of math/: equal bits, equal pages, and what is not finite is named. */
#include "tests/unit/cuda/gpu_test.h"

#include "cuda/kernels.h"
#include "math/attend.h"
#include "math/kern.h"
#include "math/rope.h"
#include "math/vec.h"
#include "tests/unit/model/synth_model.h"

static float *numbers(size_t n, float scale, uint64_t *s) {
    float *x = malloc(n * sizeof *x);
    for (size_t i = 0; i < n; i++) x[i] = scale * synth_normal(s);
    return x;
}

TEST(norm_with_and_without_a_sum) {
    NEEDS_GPU();
    static const uint32_t widths[] = {1, 63, 64, 72, 896, 4096, 16384};
    enum { ROWS = 5 };
    const uint32_t map[] = {4, 0, 2}, *gmap = on_gpu(map, sizeof map);
    const struct kern *k = kern_nth(0);
    uint64_t s = 1;
    for (unsigned i = 0; i < sizeof widths / sizeof widths[0]; i++)
        for (int add = 0; add < 2; add++) {
            uint32_t n = widths[i];
            size_t bytes = ROWS * n * sizeof(float);
            float *x = numbers(ROWS * n, 3, &s), *a = numbers(ROWS * n, 2, &s), *w = numbers(n, 1, &s), *h = malloc(bytes);
            float *gx = on_gpu(x, bytes), *ga = on_gpu(a, bytes), *gw = on_gpu(w, n * sizeof(float)), *gh = on_gpu(NULL, bytes);
            gpu_norm(NULL, gh, gx, add ? ga : NULL, gw, gmap, n, 3, 1e-5f);
            for (uint32_t r = 0; r < 3; r++) {
                if (add) vec_add(k, x + map[r] * n, x + map[r] * n, a + map[r] * n, n);
                vec_rmsnorm(k, h + r * n, x + map[r] * n, w, n, 1e-5f);
            }
            from_gpu(a, gh, bytes);
            CHECK_MEM(a, h, 3 * n * sizeof(float));
            from_gpu(a, gx, bytes);
            CHECK_MEM(a, x, bytes);
            free(x), free(a), free(w), free(h), cudaFree(gx), cudaFree(ga), cudaFree(gw), cudaFree(gh);
        }
    cudaFree((void *)(uintptr_t)gmap);
}

/* ---- heads into pages, then attention over them ---- */

enum { HEADS = 6, KV = 2, PAGES = 13, POSITIONS = (PAGES - 1) * KV_PAGE };

struct world {
    uint32_t dim, rows, window;
    enum rope_pairs pairs;
    float *q, *k, *v, *cos, *sin, *norm;
    uint8_t *page_memory;
    const uint8_t *page[PAGES];
    uint32_t number[PAGES], *position, *first;
    size_t head_bytes;
};

static void world_make(struct world *w, uint64_t *s, uint32_t positions) {
    const struct rope_params params = {.n_rot = w->dim / 4 * 2, .base = 10000};
    struct rope rope;
    CHECK_INT(rope_init(&rope, &params), 0);
    w->rows = positions;
    w->head_bytes = kv_page_bytes(KV_F16, w->dim);
    w->page_memory = aligned_alloc(64, PAGES * KV * w->head_bytes);
    memset(w->page_memory, 0, PAGES * KV * w->head_bytes);
    w->q = numbers((size_t)positions * HEADS * w->dim, 2, s);
    w->k = numbers((size_t)positions * KV * w->dim, 2, s);
    w->v = numbers((size_t)positions * KV * w->dim, 40000, s); /* some beyond fp16 */
    w->norm = numbers(w->dim, 1, s);
    w->cos = malloc(sizeof(float) * positions * (params.n_rot / 2));
    w->sin = malloc(sizeof(float) * positions * (params.n_rot / 2));
    w->position = malloc(sizeof(uint32_t) * positions);
    w->first = calloc(positions, sizeof(uint32_t));
    for (uint32_t p = 0; p < positions; p++) {
        w->position[p] = p;
        rope_row(&rope, p, w->cos + p * (params.n_rot / 2), w->sin + p * (params.n_rot / 2));
    }
    for (uint32_t i = 0; i < PAGES; i++) {
        w->number[i] = (i * 5 + 2) % PAGES; /* in no order */
        w->page[i] = w->page_memory + w->number[i] * KV * w->head_bytes;
    }
}
static void world_free(struct world *w) {
    free(w->q), free(w->k), free(w->v), free(w->norm), free(w->cos), free(w->sin), free(w->position), free(w->first);
    free(w->page_memory);
}

/* What gpu_heads does, by math/. */
static void heads_here(struct world *w, int normed) {
    const struct kern *k = kern_nth(0);
    uint32_t n_rot = w->dim / 4 * 2;
    for (uint32_t r = 0; r < w->rows; r++)
        for (uint32_t h = 0; h < HEADS + KV; h++) {
            float *head = h < HEADS ? w->q + (r * HEADS + h) * (size_t)w->dim : w->k + (r * KV + h - HEADS) * (size_t)w->dim;
            if (normed) vec_rmsnorm(k, head, head, w->norm, w->dim, 1e-6f);
            rope_apply(k, head, n_rot, w->pairs, w->cos + r * (n_rot / 2), w->sin + r * (n_rot / 2));
            if (h < HEADS) continue;
            uint8_t *page = w->page_memory + (w->page[w->position[r] / KV_PAGE] - w->page_memory) + (h - HEADS) * w->head_bytes;
            size_t at = (r * KV + h - HEADS) * (size_t)w->dim;
            CHECK_INT(kv_store(k, KV_F16, page, w->position[r] % KV_PAGE, w->dim, head, w->v + at), 0);
        }
}

static void attend_here(const struct world *w, float *out) {
    for (uint32_t kv = 0; kv < KV; kv++) {
        size_t at = (size_t)kv * (HEADS / KV) * w->dim;
        const struct attend a = {.format = KV_F16,
                                 .head_dim = w->dim,
                                 .heads = HEADS / KV,
                                 .tokens = w->rows,
                                 .window = w->window,
                                 .scale = 0.125f,
                                 .q = w->q + at,
                                 .q_stride = (size_t)HEADS * w->dim,
                                 .out = out + at,
                                 .out_stride = (size_t)HEADS * w->dim,
                                 .pages = w->page,
                                 .page_offset = kv * w->head_bytes};
        CHECK_INT(attend(kern_nth(0), &a), 0);
    }
}

static void check_world(struct world w, int normed, uint32_t positions, uint32_t rows_a_launch) {
    uint64_t s = w.dim + positions;
    world_make(&w, &s, positions);
    uint32_t n_rot = w.dim / 4 * 2;
    size_t qn = (size_t)positions * HEADS * w.dim * 4, kn = (size_t)positions * KV * w.dim * 4,
           rn = positions * (size_t)n_rot * 2;
    size_t memory = PAGES * KV * w.head_bytes, chunks = positions / KV_CHUNK + 2;
    struct gpu_heads_job h = {.q = on_gpu(w.q, qn),
                              .k = on_gpu(w.k, kn),
                              .v = on_gpu(w.v, kn),
                              .cos = on_gpu(w.cos, rn),
                              .sin = on_gpu(w.sin, rn),
                              .n_head = HEADS,
                              .n_kv = KV,
                              .head_dim = w.dim,
                              .n_rot = n_rot,
                              .half = w.pairs == ROPE_PAIRS_HALF,
                              .eps = 1e-6f};
    if (normed) h.q_norm = h.k_norm = on_gpu(w.norm, w.dim * 4);
    struct gpu_pages p = {.base = on_gpu(w.page_memory, memory),
                          .page_bytes = KV * w.head_bytes,
                          .head_bytes = w.head_bytes,
                          .number = on_gpu(w.number, sizeof w.number),
                          .first = on_gpu(w.first, positions * 4),
                          .position = on_gpu(w.position, positions * 4)};
    uint8_t *bad = calloc(positions, 1), *gbad = on_gpu(bad, positions);
    float *out = on_gpu(NULL, qn), *parts = on_gpu(NULL, rows_a_launch * HEADS * chunks * (2 + w.dim) * 4), *want = malloc(qn);
    gpu_heads(NULL, &h, &p, positions, gbad);
    uint32_t most = gpu_attend_tokens(HEADS, KV), *tile = malloc(positions * 8), tiles = 0;
    for (uint32_t r = 0; r < positions; r += tile[2 * tiles - 1]) {
        uint32_t end = (r / rows_a_launch + 1) * rows_a_launch, left = (end < positions ? end : positions) - r;
        tile[2 * tiles] = r;
        tile[2 * tiles++ + 1] = left < most ? left : most;
    }
    uint32_t *gtile = on_gpu(tile, tiles * 8);
    for (uint32_t t = 0; t < tiles;) {
        struct gpu_attend_job a = {h.q, out, HEADS, KV,          w.dim, w.window,         0.125f, gtile,
                                   t,   0,   0,     tile[2 * t], 0,     (uint32_t)chunks, parts};
        for (; t < tiles && a.rows < rows_a_launch; t++, a.tiles++) {
            a.rows += tile[2 * t + 1];
            a.tile_most = tile[2 * t + 1] > a.tile_most ? tile[2 * t + 1] : a.tile_most;
        }
        gpu_attend(NULL, &a, &p, gbad);
    }
    free(tile);
    cudaFree(gtile);
    heads_here(&w, normed);
    attend_here(&w, want);
    uint8_t *pages = malloc(memory);
    float *got = malloc(qn);
    from_gpu(got, h.q, qn);
    CHECK_MEM(got, w.q, qn);
    from_gpu(pages, p.base, memory);
    CHECK_MEM(pages, w.page_memory, memory);
    from_gpu(got, out, qn);
    CHECK_MEM(got, want, qn);
    from_gpu(pages, gbad, positions);
    CHECK_MEM(pages, bad, positions);
    void *all[] = {h.q,
                   (void *)(uintptr_t)h.k,
                   (void *)(uintptr_t)h.v,
                   (void *)(uintptr_t)h.cos,
                   (void *)(uintptr_t)h.sin,
                   p.base,
                   (void *)(uintptr_t)p.number,
                   (void *)(uintptr_t)p.first,
                   (void *)(uintptr_t)p.position,
                   gbad,
                   out,
                   parts};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) cudaFree(all[i]);
    free(bad), free(want), free(pages), free(got);
    world_free(&w);
}

TEST(heads_pages_and_attention) {
    NEEDS_GPU();
    static const uint32_t dims[] = {24, 64, 80, 128, 256};
    for (unsigned i = 0; i < sizeof dims / sizeof dims[0]; i++) {
        check_world((struct world){.dim = dims[i], .pairs = ROPE_PAIRS_HALF}, 1, 70, 70);
        check_world((struct world){.dim = dims[i], .pairs = ROPE_PAIRS_NEXT}, 0, POSITIONS, 100);
        check_world((struct world){.dim = dims[i], .pairs = ROPE_PAIRS_NEXT, .window = 300}, 0, 600, 64);
    }
}

/* The second row's key and the third row's value are not finite; row 4 meets what row 1 stored, in its scores. */
TEST(what_is_not_finite_is_named) {
    NEEDS_GPU();
    struct world w = {.dim = 64, .pairs = ROPE_PAIRS_HALF};
    uint64_t s = 7;
    enum { ROWS = 4 };
    world_make(&w, &s, ROWS);
    w.k[1 * KV * 64 + 3] = NAN;
    w.v[2 * KV * 64 + 64] = INFINITY;
    struct gpu_heads_job h = {.q = on_gpu(w.q, ROWS * HEADS * 256),
                              .k = on_gpu(w.k, ROWS * KV * 256),
                              .v = on_gpu(w.v, ROWS * KV * 256),
                              .n_head = HEADS,
                              .n_kv = KV,
                              .head_dim = 64,
                              .eps = 1e-6f};
    struct gpu_pages p = {.base = on_gpu(w.page_memory, PAGES * KV * w.head_bytes),
                          .page_bytes = KV * w.head_bytes,
                          .head_bytes = w.head_bytes,
                          .number = on_gpu(w.number, sizeof w.number),
                          .first = on_gpu(w.first, ROWS * 4),
                          .position = on_gpu(w.position, ROWS * 4)};
    uint8_t bad[ROWS] = {0}, *gbad = on_gpu(bad, ROWS);
    gpu_heads(NULL, &h, &p, ROWS, gbad);
    from_gpu(bad, gbad, ROWS);
    CHECK_INT(bad[0], 0);
    CHECK_INT(bad[1], 1);
    CHECK_INT(bad[2], 1);
    CHECK_INT(bad[3], 0);
    world_free(&w);
}

TESTS_MAIN("gpu_rows", T(norm_with_and_without_a_sum), T(heads_pages_and_attention), T(what_is_not_finite_is_named))
