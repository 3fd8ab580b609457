/* The compute threads: every thread runs once, every item once, results do not depend on the number of threads, idle is idle. */
#include "tests/check.h"

#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "math/matrix.h"
#include "math/pool.h"
#include "tests/unit/math/block_ref.h"

struct count {
    unsigned per_thread[64];
    uint32_t items[1000];
    unsigned threads;
};
static void each(void *arg, unsigned thread, unsigned threads) {
    struct count *c = arg;
    c->per_thread[thread]++; /* not atomic: nobody else has this element */
    if (thread == 0) c->threads = threads;
}
static void range(void *arg, uint32_t begin, uint32_t end) {
    struct count *c = arg;
    for (uint32_t i = begin; i < end; i++) c->items[i]++;
}

TEST(every_thread_and_every_item_runs_exactly_once) {
    for (unsigned n = 1; n <= 8; n++) {
        struct pool *p;
        struct count c = {0};
        CHECK_INT(pool_new(&p, n, NULL), 0);
        CHECK_INT(pool_threads(p), n);
        for (int job = 0; job < 300; job++) {
            pool_each(p, each, &c);
            pool_range(p, 1000, (uint32_t)job % 70, range, &c);
            if (job % 100 == 50) usleep(3000); /* long enough that workers sleep */
        }
        for (unsigned i = 0; i < n; i++) CHECK_INT(c.per_thread[i], 300);
        for (unsigned i = 0; i < 1000; i++) CHECK_INT(c.items[i], 300);
        CHECK_INT(c.threads, n);
        pool_range(p, 0, 0, range, &c);
        pool_free(p);
    }
    pool_free(NULL);
}

struct product {
    const struct kern *k;
    struct matrix m;
    struct acts a;
    float *y;
};
static void multiply(void *arg, uint32_t g0, uint32_t g1) {
    struct product *p = arg;
    matrix_mul(p->k, &p->m, g0, g1, &p->a, NULL, p->y, p->m.rows);
}

TEST(a_product_does_not_depend_on_the_number_of_threads) {
    enum { ROWS = 333, COLS = 256, TOKENS = 29 };
    const struct weight_type *t = weight_type_of(WEIGHT_Q8_0);
    struct rng r = {21};
    struct product p = {0};
    uint64_t first = 0;
    uint8_t *rows = malloc(ROWS * weight_row_bytes(t, COLS)), bad[TOKENS] = {0};
    float *x = malloc(sizeof(float) * COLS * TOKENS);
    rng_rows(&r, rows, ROWS * COLS / 32, 34, t->id);
    rng_fill(&r, x, COLS * TOKENS, 1.0f);
    CHECK_INT(matrix_shape(&p.m, t, ROWS, COLS), 0);
    p.m.data = aligned(matrix_bytes(&p.m));
    CHECK_INT(matrix_pack(&p.m, 0, p.m.groups, rows), 0);
    acts_init(&p.a, t->act, COLS, TOKENS, aligned(acts_bytes(t->act, COLS, TOKENS)));
    p.y = malloc(sizeof(float) * ROWS * TOKENS);
    for (unsigned k = 0; (p.k = kern_nth(k)) != NULL; k++)
        for (unsigned n = 1; n <= 8; n++) {
            struct pool *pool;
            CHECK_INT(pool_new(&pool, n, NULL), 0);
            memset(p.y, 0x33, sizeof(float) * ROWS * TOKENS);
            acts_fill(p.k, &p.a, 0, TOKENS, x, COLS, bad);
            pool_range(pool, p.m.groups, n % 3, multiply, &p);
            uint64_t h = digest(p.y, sizeof(float) * ROWS * TOKENS, 0);
            if (first == 0) first = h;
            CHECK(h == first);
            pool_free(pool);
        }
    free(rows), free(x), free(p.y), free(p.m.data), free(p.a.data);
}

TEST(an_idle_pool_uses_no_processor_time) {
    struct pool *p;
    struct count c = {0};
    struct timespec a, b;
    CHECK_INT(pool_new(&p, 2, NULL), 0);
    pool_each(p, each, &c);
    usleep(20000);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
    usleep(200000);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
    CHECK((b.tv_sec - a.tv_sec) * 1000000000L + b.tv_nsec - a.tv_nsec < 10000000L);
    pool_free(p);
}

TEST(too_many_threads_are_refused) {
    struct pool *p = NULL;
    struct why why;
    CHECK_INT(pool_new(&p, POOL_THREADS_MAX + 1, &why), ERR_RANGE);
    CHECK(p == NULL);
    CHECK_INT(pool_new(&p, 0, &why), 0);
    CHECK(pool_threads(p) >= 1);
    pool_free(p);
}

TESTS_MAIN("pool", T(every_thread_and_every_item_runs_exactly_once), T(a_product_does_not_depend_on_the_number_of_threads),
           T(an_idle_pool_uses_no_processor_time), T(too_many_threads_are_refused))
