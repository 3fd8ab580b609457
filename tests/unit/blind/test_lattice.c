/* Masks of mode lattice: end to end over random and extreme weights, noise, uniformity of what is sent, one use of each column.
 */
#include "tests/check.h"

#include <jansson.h>
#include <sodium.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/hash.h"
#include "blind/lattice_params.h"
#include "tests/unit/blind/lattice_util.h"

/* ---- public vectors and parameters ---- */

TEST(public_vectors_match_another_implementation) { /* hashlib's shake_128 in Python: see the rule in lattice_public.h */
    uint32_t v[NTT_N], first[3] = {1573987502, 172819237, 1356488154};
    char hex[65];
    uint8_t digest[32];
    CHECK_INT(lattice_public_draw(v, lattice_manifest, 0x01020304, 5, LATTICE_DRAW_BYTES), 0);
    CHECK_MEM(v, first, sizeof first);
    sha256_of(digest, v, sizeof v);
    hex_encode(hex, digest, 32);
    CHECK_STR(hex, "b719dad971215f1d797b8994a34a03ec5eadaea8b5809a7d80997716d9970df9");
}

TEST(public_vectors_do_not_depend_on_how_much_is_squeezed) {
    uint32_t v[NTT_N], w[NTT_N];
    CHECK_INT(lattice_public_draw(v, lattice_manifest, 7, 0, LATTICE_DRAW_BYTES), 0);
    for (size_t ask = 4; ask < 2000; ask += 250) {
        CHECK_INT(lattice_public_draw(w, lattice_manifest, 7, 0, ask), 0);
        CHECK_MEM(v, w, sizeof v);
    }
    CHECK_INT(lattice_public_draw(w, lattice_manifest, 7, 0, 3), ERR_RANGE);
    CHECK_INT(lattice_public_draw(w, lattice_manifest, 7, 1, LATTICE_DRAW_BYTES), 0);
    CHECK(memcmp(v, w, sizeof v) != 0);
}

TEST(parameters_are_those_that_the_estimate_gives) {
    FILE *f = popen("python3 tools/lattice-estimate.py --json 2>/dev/null", "r");
    json_t *all = f != NULL ? json_loadf(f, 0, NULL) : NULL;
    int rc = f != NULL ? pclose(f) : -1;
    if (WIFEXITED(rc) && WEXITSTATUS(rc) == 127) SKIP("no python3");
    CHECK_INT(rc, 0);
    CHECK(json_is_true(json_object_get(all, "checks_hold")));
    json_t *rows = json_object_get(all, "lull"), *row;
    size_t i;
    CHECK(lattice_params_nth((unsigned)json_array_size(rows)) == NULL);
    json_array_foreach(rows, i, row) {
        const struct lattice_params *p = lattice_params_nth((unsigned)i);
        CHECK_STR(json_string_value(json_object_get(row, "name")), p->name);
        CHECK_INT(json_integer_value(json_object_get(row, "rank")), p->rank);
        CHECK_INT(json_integer_value(json_object_get(row, "classical")), p->core_svp_bits);
        CHECK_INT(json_integer_value(json_object_get(row, "block_size")), p->block_size);
        CHECK(lattice_params_of_rank(p->rank) == p && lattice_params_named(p->name) == p && p->rank <= NTT_RANK_MAX);
    }
    CHECK(lattice_params_named("d4") == NULL && lattice_params_of_rank(4) == NULL);
    json_decref(all);
}

/* ---- one block against another implementation ---- */

static const char *known_name(void) { return "known"; }
static uint32_t known_u32(void) { return 0; }
static void known_bytes(void *const out, const size_t n) {
    for (size_t i = 0; i < n; i++) ((uint8_t *)out)[i] = (uint8_t)(i + 1);
}
static struct randombytes_implementation known = {.implementation_name = known_name, .random = known_u32, .buf = known_bytes};

/* SHA-256 of all that a block sends for the inputs of lattice_twin.py, and of what comes back. */
static void block_digests(const struct kern *k, char sent[65], char products[65]) {
    enum { N = 17 };
    struct lattice_case c;
    struct lrng r = {9};
    int8_t w[N * N];
    static uint32_t u[LATTICE_COLUMNS][N];
    static int32_t y[LATTICE_COLUMNS][N];
    uint8_t digest[32];
    for (int i = 0; i < N * N; i++) w[i] = (int8_t)((i / N * 31 + i % N * 17) % 255 - 127);
    CHECK_INT(lattice_case_new(&c, field_of(1), N, N, 5, w, &r), 0);
    struct randombytes_implementation *const usual = &randombytes_sysrandom_implementation;
    CHECK_INT(randombytes_set_implementation(&known), 0);
    struct lattice_block *b = whole_block(&c, k, 0);
    CHECK_INT(randombytes_set_implementation(usual), 0);
    for (uint32_t t = 0; t < LATTICE_COLUMNS; t++) {
        int32_t x[N];
        uint32_t z[N];
        for (uint32_t j = 0; j < N; j++) x[j] = (int32_t)((t * 1009 + j * 7919) % 4001) - 2000;
        CHECK_INT(lattice_block_mask(b, t, x, u[t]), 0);
        worker_product(&c, u[t], z);
        CHECK_INT(lattice_block_unmask(b, t, z, y[t]), 0);
    }
    sha256_of(digest, u, sizeof u);
    hex_encode(sent, digest, 32);
    sha256_of(digest, y, sizeof y);
    hex_encode(products, digest, 32);
    lattice_block_free(b);
    lattice_case_free(&c);
}

TEST(a_block_equals_another_implementation_bit_for_bit) {
    char sent[65], products[65];
    for (unsigned k = 0; kern_nth(k) != NULL; k++) {
        block_digests(kern_nth(k), sent, products);
        CHECK_STR(sent, "55467c336c5fe520e0d0385fabcccef2c6972612c0cd23e70e2223ef6f831a0e");
        CHECK_STR(products, "25c219df256bf4ae82b1ae2ad7a0b3321190e19996629f3736d45a54712a979b");
    }
    FILE *f = popen("python3 tests/unit/blind/lattice_twin.py 2>/dev/null", "r");
    char line[160] = "", want[160];
    CHECK(f != NULL);
    int got = fgets(line, sizeof line, f) != NULL, rc = pclose(f);
    if (WIFEXITED(rc) && WEXITSTATUS(rc) == 127) return; /* no python3; its digests are above */
    snprintf(want, sizeof want, "%s %s\n", sent, products);
    CHECK(got && rc == 0);
    CHECK_STR(line, want);
}

/* ---- noise ---- */

struct statistics {
    double n, mean, square, within[4]; /* of normalised errors: sums, and how many within i + 1 standard deviations */
};

/* One column through mask, worker and unmask; collects the errors, each divided by its predicted deviation. */
static void run_column(const struct lattice_case *c, struct lattice_block *b, uint32_t t, const int32_t *x,
                       struct statistics *s) {
    const struct linear *l = &c->linear;
    uint32_t *u = malloc(l->cols * sizeof *u), *z = malloc(l->rows * sizeof *z);
    int32_t *y = malloc(l->rows * sizeof *y);
    CHECK_INT(lattice_block_mask(b, t, x, u), 0);
    for (uint32_t j = 0; j < l->cols; j++) CHECK(u[j] < l->field->p);
    worker_product(c, u, z);
    CHECK_INT(lattice_block_unmask(b, t, z, y), 0);
    for (uint32_t i = 0; i < l->rows; i++) {
        double sum = 0, absolute = 0, squares = 0, error = (double)(y[i] - true_product(c, i, x));
        for (uint32_t j = 0; j < l->cols; j++) {
            double w = c->w[(size_t)i * l->cols + j];
            sum += w, absolute += fabs(w), squares += w * w;
        }
        if (fabs(error) > absolute * element_noise_max(l->field) + 0.5) fail(); /* a wrap would be off by p */
        double normal = (error - sum * element_noise_mean(l->field)) /
                        sqrt(squares * element_noise_variance(l->field) + 1.0 / 12);
        s->n++, s->mean += normal, s->square += normal * normal;
        for (int k = 0; k < 4; k++) s->within[k] += fabs(normal) < k + 1;
    }
    free(u), free(z), free(y);
}

static void random_input(struct lrng *r, int32_t *x, uint32_t n, uint32_t max) {
    for (uint32_t j = 0; j < n; j++) x[j] = (int32_t)(lrng_u32(r) % (2 * max + 1)) - (int32_t)max;
}

static void noise_is_as_predicted(const struct kern *k, const struct field *f, uint32_t rank, uint64_t seed, uint32_t columns) {
    struct lrng r = {seed};
    struct lattice_case c;
    struct statistics s = {0};
    int32_t x[210];
    CHECK_INT(lattice_case_new(&c, f, 37, 210, rank, NULL, &r), 0);
    struct lattice_block *b = whole_block(&c, k, 0);
    CHECK(b != NULL);
    for (uint32_t t = 0; t < columns; t++) {
        random_input(&r, x, 210, c.linear.t / 15); /* a norm of about T */
        run_column(&c, b, t, x, &s);
    }
    /* Of n normal deviates: mean 0 +- 1/sqrt(n), square 1 +- sqrt(2/n); columns share their weights, so six deviations are
     * allowed. */
    double n = s.n, six = 6 / sqrt(n);
    CHECK(fabs(s.mean / n) < six);
    CHECK(fabs(s.square / n - 1) < six * sqrt(2));
    CHECK(fabs(s.within[0] / n - 0.6827) < six && fabs(s.within[1] / n - 0.9545) < six && fabs(s.within[2] / n - 0.9973) < six);
    lattice_block_free(b);
    lattice_case_free(&c);
}

TEST(noise_of_p24_is_as_predicted) {
    CHECK(fabs(sqrt(element_noise_variance(field_of(1))) - 0.33) < 0.005);
    for (unsigned k = 0; kern_nth(k) != NULL; k++) noise_is_as_predicted(kern_nth(k), field_of(1), 6, 10 + k, 256);
}
TEST(noise_of_p26_is_as_predicted) {
    CHECK(fabs(sqrt(element_noise_variance(field_p26())) - 0.68) < 0.005);
    for (unsigned k = 0; kern_nth(k) != NULL; k++) noise_is_as_predicted(kern_nth(k), field_p26(), 5, 20 + k, 64);
}

/* With W the identity, an answer is one element's noise and the last rounding: less than 0.77 + 0.5, or 1.58 + 0.5. */
TEST(noise_of_one_element_is_within_its_bound) {
    enum { N = 48 };
    for (int which = 0; which < 2; which++) {
        const struct field *f = which ? field_p26() : field_of(1);
        struct lrng r = {30};
        struct lattice_case c;
        struct statistics s = {0};
        int8_t w[N * N] = {0};
        int32_t x[N];
        const struct kern *k;
        CHECK_INT(kern_select(&k, NULL, NULL), 0);
        for (int i = 0; i < N; i++) w[i * N + i] = 1;
        CHECK_INT(lattice_case_new(&c, f, N, N, 6, w, &r), 0);
        for (int round = 0; round < 4; round++) {
            struct lattice_block *b = whole_block(&c, k, 0);
            for (uint32_t t = 0; t < LATTICE_COLUMNS; t++) {
                random_input(&r, x, N, 65536);
                run_column(&c, b, t, x, &s);
            }
            lattice_block_free(b);
        }
        lattice_case_free(&c);
    }
}

/* The sums alone, in exact integers: for every e, masks and inputs where each rounding is at its worst, 2q n with n the noise of
 * an element. */
TEST(noise_bound_holds_for_all_extremes) {
    struct lrng r = {31};
    for (int which = 0; which < 2; which++) {
        uint32_t p = which ? FIELD_P26 : FIELD_P24;
        struct ntt_scale to_q, to_p;
        int64_t bound = 65 * (int64_t)p + NTT_Q, worst = 0; /* 2q (32 p/q + p/2q + 1/2) */
        CHECK_INT(ntt_scale_init(&to_q, NTT_Q, p) | ntt_scale_init(&to_p, p, NTT_Q), 0);
        for (int round = 0; round < 20000; round++) {
            int32_t half = (int32_t)(p / 2), x = round % 4 == 0   ? half
                                                 : round % 4 == 1 ? -half
                                                                  : (int32_t)(lrng_u32(&r) % p) - half;
            uint32_t residue = (uint32_t)(x < 0 ? x + (int32_t)p : x), shifted;
            ntt_scale_apply(kern_nth(0), &to_q, &shifted, &residue, 1);
            uint64_t turn = (2 * (uint64_t)(lrng_u32(&r) % p) + 1) * NTT_Q /
                            (2 * (uint64_t)p); /* where R_qp goes to the next residue */
            for (int e = -32; e < 32; e++) {
                uint32_t product =
                    (uint32_t)((turn + 2 * (uint64_t)NTT_Q - shifted - (uint64_t)(int64_t)e + (unsigned)round % 3) % NTT_Q);
                uint32_t v = (uint32_t)(((uint64_t)product + NTT_Q + shifted + (uint64_t)(int64_t)e) % NTT_Q), u;
                ntt_scale_apply(kern_nth(0), &to_p, &u, &v, 1);
                __int128 pq = (__int128)p * NTT_Q, n = 2 * (__int128)NTT_Q * ((int64_t)u - x) - 2 * (__int128)p * product;
                n = ((n % (2 * pq)) + 3 * pq) % (2 * pq) - pq; /* balanced mod 2pq */
                int64_t size = (int64_t)(n < 0 ? -n : n);
                if (size > worst) worst = size;
            }
        }
        CHECK(worst <= bound);
        CHECK(worst > bound - 2 * (int64_t)p); /* and it is nearly reached: the extremes were there */
    }
}

/* An input as long as it may be, along the longest row, whose weights are all +-127: the largest sums there can be. */
TEST(inputs_along_the_longest_row_do_not_wrap) {
    enum { COLS = 512, ROWS = 4 };
    for (int which = 0; which < 2; which++) {
        const struct field *f = which ? field_p26() : field_of(1);
        struct lrng r = {40};
        struct lattice_case c;
        struct statistics s = {0};
        static int8_t w[ROWS * COLS];
        int32_t x[COLS];
        const struct kern *k;
        CHECK_INT(kern_select(&k, NULL, NULL), 0);
        for (int i = 0; i < ROWS * COLS; i++)
            w[i] = (int8_t)(i < COLS       ? 127
                            : i < 2 * COLS ? -127
                            : i < 3 * COLS ? (i % 2 ? 127 : -127)
                                           : (int)(lrng_u32(&r) % 255) - 127);
        CHECK_INT(lattice_case_new(&c, f, ROWS, COLS, 6, w, &r), 0);
        struct lattice_block *b = whole_block(&c, k, 0);
        for (uint32_t t = 0; t < LATTICE_COLUMNS; t++) {
            const int8_t *along = w + t % ROWS * COLS;
            double norm = sqrt((double)row8_norm2(along, COLS)), sign = t / ROWS % 2 ? -1 : 1;
            for (int j = 0; j < COLS; j++) x[j] = (int32_t)nearbyint(sign * c.linear.t * along[j] / norm);
            run_column(&c, b, t, x, &s);
        }
        lattice_block_free(b);
        lattice_case_free(&c);
    }
}

/* ---- what is sent ---- */

/* Chi-square of the upper bits of what is sent, 64 cells: the masks hide even an input that is at its largest everywhere. */
TEST(what_is_sent_is_uniform_whatever_the_input) {
    enum { COLS = 320, CELLS = 64 };
    struct lrng r = {50};
    struct lattice_case c;
    const struct kern *k;
    CHECK_INT(kern_select(&k, NULL, NULL), 0);
    CHECK_INT(lattice_case_new(&c, field_of(1), 1, COLS, 6, NULL, &r), 0);
    for (int which = 0; which < 3; which++) {
        struct lattice_block *b = whole_block(&c, k, 0);
        double count[CELLS] = {0}, expect = 256.0 * COLS / CELLS, chi2 = 0;
        int32_t x[COLS];
        uint32_t u[COLS];
        for (uint32_t t = 0; t < 256; t++) {
            for (int j = 0; j < COLS; j++) x[j] = which == 0 ? 0 : which == 1 ? FIELD_P24 / 2 : (int32_t)(t % 2) * 60000 - 30000;
            CHECK_INT(lattice_block_mask(b, t, x, u), 0);
            for (int j = 0; j < COLS; j++) count[(uint64_t)u[j] * CELLS / FIELD_P24]++;
        }
        for (int i = 0; i < CELLS; i++) chi2 += (count[i] - expect) * (count[i] - expect) / expect;
        CHECK(chi2 > 15 && chi2 < 150); /* 63 degrees of freedom: outside once in 10^8 */
        lattice_block_free(b);
    }
    lattice_case_free(&c);
}

TEST(blocks_have_secrets_of_their_own) {
    struct lrng r = {51};
    struct lattice_case c;
    int32_t x[64] = {0};
    uint32_t u[64], v[64], same = 0;
    CHECK_INT(lattice_case_new(&c, field_of(1), 1, 64, 6, NULL, &r), 0);
    struct lattice_block *a = whole_block(&c, kern_nth(0), 0), *b = whole_block(&c, kern_nth(0), 0);
    for (uint32_t t = 0; t < 256; t++) {
        CHECK_INT(lattice_block_mask(a, t, x, u) | lattice_block_mask(b, t, x, v), 0);
        for (int j = 0; j < 64; j++) same += u[j] == v[j];
    }
    CHECK(same < 8); /* of 16384, by chance 0.001 */
    lattice_block_free(a), lattice_block_free(b);
    lattice_case_free(&c);
}

/* ---- one use of each column ---- */

TEST(a_column_is_masked_once_and_unmasked_once) {
    struct lrng r = {60};
    struct lattice_case c;
    int32_t x[20] = {1, -2, 3}, y[18];
    uint32_t u[20], again[20], z[18];
    CHECK_INT(lattice_case_new(&c, field_of(1), 18, 20, 6, NULL, &r), 0);
    struct lattice_block *b;
    CHECK_INT(lattice_block_new(&b, kern_nth(0), &c.linear, &c.a, c.hint, 5), 0);
    CHECK_INT(lattice_block_mask(b, 9, x, u), ERR_WRONG_STATE); /* not ready */
    uint32_t left = lattice_block_steps_left(b);
    CHECK_INT(left, 8 + 2 + 2);
    for (; left > 0; left--) CHECK_INT(lattice_block_make(b, 1), left - 1);
    CHECK_INT(lattice_block_held(b), lattice_block_bytes(&c.linear, 5));
    CHECK_INT(lattice_block_mask(b, 4, x, u), ERR_WRONG_STATE); /* not kept */
    CHECK_INT(lattice_block_mask(b, 256, x, u), ERR_RANGE);
    CHECK_INT(lattice_block_unmask(b, 9, z, y), ERR_WRONG_STATE); /* nothing was sent */
    CHECK_INT(lattice_block_mask(b, 9, x, u), 0);
    CHECK_INT(lattice_block_mask(b, 9, x, again), ERR_WRONG_STATE);
    worker_product(&c, u, z);
    uint32_t keep = z[17];
    z[17] = FIELD_P24;
    CHECK_INT(lattice_block_unmask(b, 9, z, y), ERR_RANGE);
    z[17] = keep;
    CHECK_INT(lattice_block_unmask(b, 9, z, y), 0);
    CHECK_INT(lattice_block_unmask(b, 9, z, y), ERR_WRONG_STATE);
    x[7] = FIELD_P24 / 2 + 1;
    CHECK_INT(lattice_block_mask(b, 10, x, u), ERR_RANGE);
    for (int j = 0; j < 20; j++) CHECK_INT(u[j], 0);
    x[7] = 0;
    CHECK_INT(lattice_block_mask(b, 10, x, u), ERR_WRONG_STATE); /* lost */
    x[7] = INT32_MIN;
    CHECK_INT(lattice_block_mask(b, 11, x, u), ERR_RANGE);
    lattice_block_free(b);
    lattice_case_free(&c);
}

TEST(memory_is_given_back_as_columns_are_used) {
    struct lrng r = {61};
    struct lattice_case c;
    int32_t x[20] = {0}, y[18];
    uint32_t u[20], z[18];
    CHECK_INT(lattice_case_new(&c, field_of(1), 18, 20, 5, NULL, &r), 0);
    struct lattice_block *b;
    CHECK_INT(lattice_block_new(&b, kern_nth(0), &c.linear, &c.a, c.hint, 40), 0);
    lattice_block_drop(b, 70); /* while it is made */
    for (uint32_t t = 96; t < 128; t++) lattice_block_drop(b, t);
    while (lattice_block_make(b, 1) > 0) {}
    size_t chunk = lattice_block_bytes(&c.linear, 0) / 8;
    CHECK_INT(lattice_block_held(b), 6 * chunk);
    CHECK_INT(lattice_block_mask(b, 70, x, u), ERR_WRONG_STATE);
    for (uint32_t t = 40; t < 256; t++) {
        if (t == 70 || (t >= 96 && t < 128)) continue;
        CHECK(!lattice_block_spent(b));
        CHECK_INT(lattice_block_mask(b, t, x, u), 0);
        worker_product(&c, u, z);
        CHECK_INT(lattice_block_unmask(b, t, z, y), 0);
        uint32_t gone = (t + 1) / 32 - 1; /* chunks of the seven */
        CHECK_INT(lattice_block_held(b), (7 - gone - (t < 96)) * chunk);
    }
    CHECK(lattice_block_spent(b));
    CHECK_INT(lattice_block_held(b), 0);
    lattice_block_free(b);
    lattice_case_free(&c);
}

TEST(a_forked_child_has_no_masks) {
    struct lrng r = {62};
    struct lattice_case c;
    int32_t x[20] = {0}, y[18];
    uint32_t u[20], z[18] = {0};
    CHECK_INT(lattice_case_new(&c, field_of(1), 18, 20, 5, NULL, &r), 0);
    struct lattice_block *b = whole_block(&c, kern_nth(0), 0);
    CHECK_INT(lattice_block_mask(b, 1, x, u), 0);
    pid_t child = fork();
    if (child == 0) {
        int refused = lattice_block_mask(b, 0, x, u) == ERR_WRONG_STATE && lattice_block_unmask(b, 1, z, y) == ERR_WRONG_STATE &&
                      lattice_block_make(b, 1) == 0;
        lattice_block_drop(b, 3);
        _exit(refused ? 0 : 1);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK_INT(lattice_block_mask(b, 0, x, u), 0);
    lattice_block_free(b);
    lattice_case_free(&c);
}

TEST(shapes_that_no_block_can_have_are_refused) {
    struct lrng r = {63};
    struct lattice_case c;
    struct lattice_block *b;
    CHECK_INT(lattice_case_new(&c, field_of(1), 2, 20, 5, NULL, &r), 0);
    CHECK_INT(lattice_block_new(&b, kern_nth(0), &c.linear, &c.a, c.hint, 256), ERR_RANGE);
    c.a.rank = 4; /* nobody has estimated that */
    CHECK_INT(lattice_block_new(&b, kern_nth(0), &c.linear, &c.a, c.hint, 0), ERR_RANGE);
    c.a.rank = 5;
    c.linear.cols = 21; /* more than there are public vectors */
    CHECK_INT(lattice_block_new(&b, kern_nth(0), &c.linear, &c.a, c.hint, 0), ERR_RANGE);
    CHECK(b == NULL);
    lattice_block_free(NULL);
    lattice_case_free(&c);
}

TESTS_MAIN("lattice", T(public_vectors_match_another_implementation), T(public_vectors_do_not_depend_on_how_much_is_squeezed),
           T(parameters_are_those_that_the_estimate_gives), T(a_block_equals_another_implementation_bit_for_bit),
           T(noise_of_p24_is_as_predicted), T(noise_of_p26_is_as_predicted), T(noise_of_one_element_is_within_its_bound),
           T(noise_bound_holds_for_all_extremes), T(inputs_along_the_longest_row_do_not_wrap),
           T(what_is_sent_is_uniform_whatever_the_input), T(blocks_have_secrets_of_their_own),
           T(a_column_is_masked_once_and_unmasked_once), T(memory_is_given_back_as_columns_are_used),
           T(a_forked_child_has_no_masks), T(shapes_that_no_block_can_have_are_refused))
