/* The ring Z_q[X]/(X^256 + 1): its order of values, schoolbook products, rescaling against 128-bit integers, every kernel against
 * plain C. */
#include "tests/check.h"

#include "math/ntt.h"
#include "math/ntt_rows.h"
#include "math/field.h"
#include "tests/unit/math/math_util.h"

static const struct kern *plain(void) { return kern_nth(0); }

static uint64_t power(uint64_t a, uint64_t e) {
    uint64_t r = 1;
    for (; e != 0; e >>= 1, a = a * a % NTT_Q)
        if (e & 1) r = r * a % NTT_Q;
    return r;
}
static uint32_t residue(struct rng *r) { return (uint32_t)(((uint64_t)rng_u32(r) << 32 | rng_u32(r)) % NTT_Q); }
static void random_element(struct rng *r, uint32_t *a, size_t n) {
    for (size_t i = 0; i < n; i++) a[i] = residue(r);
}
/* Round 0: zeros, 1: all q - 1, 2: alternating, then random with some extremes. */
static void some_element(struct rng *r, uint32_t *a, size_t n, int round) {
    for (size_t i = 0; i < n; i++)
        a[i] = round == 0                            ? 0
               : round == 1 || (round == 2 && i % 2) ? NTT_Q - 1
               : round == 2                          ? 0
               : rng_u32(r) % 8                      ? residue(r)
                                                     : NTT_Q - 1;
}

TEST(values_are_at_the_odd_powers_of_psi) {
    struct rng r = {1};
    uint64_t psi = power(31, (NTT_Q - 1) / 512);
    CHECK_INT(power(psi, 256), NTT_Q - 1); /* so X^256 + 1 is zero at psi and all its odd powers */
    for (unsigned k = 0; kern_nth(k) != NULL; k++) {
        uint32_t a[NTT_N], values[NTT_N];
        random_element(&r, a, NTT_N);
        memcpy(values, a, sizeof a);
        ntt_forward(kern_nth(k), values);
        for (unsigned i = 0; i < NTT_N; i++) {
            uint64_t at = power(psi, 2 * i + 1), sum = 0;
            for (unsigned c = NTT_N; c-- > 0;) sum = (sum * at + a[c]) % NTT_Q;
            CHECK_INT(values[i], sum);
        }
        ntt_inverse(kern_nth(k), values);
        CHECK_MEM(values, a, sizeof a);
    }
}

TEST(products_are_negacyclic) {
    struct rng r = {2};
    for (unsigned k = 0; kern_nth(k) != NULL; k++)
        for (int round = 0; round < 6; round++) {
            uint32_t a[NTT_N], b[NTT_N], want[NTT_N] = {0}, got[NTT_N];
            some_element(&r, a, NTT_N, round), some_element(&r, b, NTT_N, round);
            for (unsigned i = 0; i < NTT_N; i++)
                for (unsigned j = 0; j < NTT_N; j++) {
                    uint64_t v = (uint64_t)a[i] * b[j] % NTT_Q, at = (i + j) % NTT_N;
                    if (i + j >= NTT_N) v = (NTT_Q - v) % NTT_Q;
                    want[at] = (uint32_t)((want[at] + v) % NTT_Q);
                }
            ntt_forward(kern_nth(k), a), ntt_forward(kern_nth(k), b);
            ntt_prepare(b, NTT_N);
            ntt_dot(kern_nth(k), got, a, b, 1);
            ntt_inverse(kern_nth(k), got);
            CHECK_MEM(got, want, sizeof want);
        }
}

TEST(an_inner_product_is_the_sum_of_products_for_every_rank) {
    struct rng r = {3};
    for (unsigned k = 0; kern_nth(k) != NULL; k++)
        for (uint32_t rank = 1; rank <= NTT_RANK_MAX; rank++)
            for (int round = 0; round < 5; round++) {
                uint32_t a[NTT_RANK_MAX * NTT_N], b[NTT_RANK_MAX * NTT_N], want[NTT_N] = {0}, got[NTT_N];
                some_element(&r, a, rank * NTT_N, round), some_element(&r, b, rank * NTT_N, round);
                for (unsigned i = 0; i < rank * NTT_N; i++)
                    want[i % NTT_N] = (uint32_t)((want[i % NTT_N] + (uint64_t)a[i] * b[i]) % NTT_Q);
                ntt_prepare(b, rank * NTT_N);
                ntt_dot(kern_nth(k), got, a, b, rank);
                CHECK_MEM(got, want, sizeof want);
            }
}

TEST(every_kernel_gives_plain_c_s_bits) {
    struct rng r = {4};
    for (unsigned k = 1; kern_nth(k) != NULL; k++)
        for (int round = 0; round < 40; round++) {
            uint32_t a[16 * NTT_N], b[16 * NTT_N], c[16 * NTT_N], d[16 * NTT_N];
            uint8_t bytes[NTT_N];
            some_element(&r, a, 16 * NTT_N, round);
            memcpy(b, a, sizeof a);
            for (unsigned i = 0; i < NTT_N; i++) bytes[i] = (uint8_t)rng_u32(&r);
            ntt_forward(plain(), a), ntt_forward(kern_nth(k), b);
            CHECK_MEM(a, b, sizeof a);
            ntt_inverse(plain(), a + NTT_N), ntt_inverse(kern_nth(k), b + NTT_N);
            CHECK_MEM(a, b, sizeof a);
            ntt_add_noise(plain(), a, bytes), ntt_add_noise(kern_nth(k), b, bytes);
            CHECK_MEM(a, b, sizeof a);
            ntt_columns(plain(), c, a), ntt_columns(kern_nth(k), d, a);
            CHECK_MEM(c, d, sizeof c);
        }
}

TEST(noise_is_the_low_six_bits_less_32) {
    for (unsigned k = 0; kern_nth(k) != NULL; k++)
        for (unsigned start = 0; start < 4; start++) {
            uint32_t a[NTT_N];
            uint8_t bytes[NTT_N];
            const uint32_t from[4] = {0, 20, NTT_Q - 1, NTT_Q / 2};
            for (unsigned i = 0; i < NTT_N; i++) a[i] = from[start], bytes[i] = (uint8_t)i;
            ntt_add_noise(kern_nth(k), a, bytes);
            for (unsigned i = 0; i < NTT_N; i++) CHECK_INT(a[i], ((int64_t)from[start] + (int)(i % 64) - 32 + NTT_Q) % NTT_Q);
        }
}

TEST(sums_of_many_multiples_do_not_overflow) {
    struct rng r = {5};
    for (unsigned k = 0; kern_nth(k) != NULL; k++) {
        uint32_t a[64], want[64] = {0}, got[64];
        uint64_t acc[64] __attribute__((aligned(64))) = {0};
        for (int round = 0; round < 3000; round++) {
            uint32_t v = round % 3 ? residue(&r) : NTT_Q - 1;
            some_element(&r, a, 64, round < 1000 ? 1 : 3);
            for (int i = 0; i < 64; i++) want[i] = (uint32_t)((want[i] + (uint64_t)a[i] * v) % NTT_Q);
            ntt_prepare(&v, 1);
            ntt_sum_add(kern_nth(k), acc, a, 64, v);
        }
        ntt_sum_take(kern_nth(k), got, acc, 64);
        CHECK_MEM(got, want, sizeof want);
    }
}

/* ---- rescaling ---- */

static uint32_t scale_ref(uint32_t to, uint32_t from, uint32_t v) {
    return (uint32_t)((2 * (unsigned __int128)v * to + from) / (2 * (unsigned __int128)from) % to);
}

TEST(rescaling_small_moduli_is_right_for_every_value) {
    for (unsigned k = 0; kern_nth(k) != NULL; k++)
        for (uint32_t from = 3; from < 80; from += 2)
            for (uint32_t to = 1; to < 120; to++) {
                struct ntt_scale s;
                uint32_t in[80], out[80];
                CHECK_INT(ntt_scale_init(&s, to, from), 0);
                for (uint32_t v = 0; v < from; v++) in[v] = v;
                ntt_scale_apply(kern_nth(k), &s, out, in, from);
                for (uint32_t v = 0; v < from; v++) CHECK_INT(out[v], scale_ref(to, from, v));
            }
}

static void check_scale(const struct kern *k, const struct ntt_scale *s, const uint32_t *in, size_t n) {
    static uint32_t out[4096];
    ntt_scale_apply(k, s, out, in, n);
    for (size_t i = 0; i < n; i++)
        if (out[i] != scale_ref(s->to, s->from, in[i])) fail();
}

TEST(rescaling_between_q_and_p_is_right_where_rounding_turns) {
    const uint32_t primes[2] = {FIELD_P24, FIELD_P26};
    struct rng r = {6};
    for (int i = 0; i < 4; i++) {
        struct ntt_scale s;
        uint32_t p = primes[i / 2], to = i % 2 ? p : NTT_Q, from = i % 2 ? NTT_Q : p, in[4096];
        CHECK_INT(ntt_scale_init(&s, to, from), 0);
        for (unsigned k = 0; kern_nth(k) != NULL; k++)
            for (int round = 0; round < 50; round++) {
                for (int n = 0; n < 4096; n++) {
                    uint64_t half = 2 * (uint64_t)(rng_u32(&r) % p) +
                                    1; /* the values beside half * from / (2 to) round differently */
                    uint64_t at = n < 8    ? (uint64_t)n
                                  : n < 16 ? from - 16 + (uint64_t)n
                                           : half * from / (2 * (uint64_t)to) + (unsigned)n % 2;
                    in[n] = (uint32_t)(at < from ? at : from - 1);
                }
                check_scale(kern_nth(k), &s, in, round == 0 ? 4096 - 5 : 4096);
            }
    }
}

TEST(rescaling_refuses_what_its_estimate_is_not_proven_for) {
    struct ntt_scale s;
    CHECK_INT(ntt_scale_init(&s, 5, 4), ERR_RANGE);
    CHECK_INT(ntt_scale_init(&s, 5, 1), ERR_RANGE);
    CHECK_INT(ntt_scale_init(&s, 0, 7), ERR_RANGE);
    CHECK_INT(ntt_scale_init(&s, 5, 0x80000001u), ERR_RANGE);
    CHECK_INT(ntt_scale_init(&s, 0xffffffffu, 3), ERR_RANGE);
}

/* ---- rows ---- */

static void rows_case(const struct kern *k, uint32_t rows, uint32_t cols, uint32_t rank, struct rng *r, int extreme) {
    struct ntt_rows m;
    CHECK_INT(ntt_rows_shape(&m, cols + 3, rank), 0);
    size_t n = (size_t)rank * NTT_N;
    uint32_t *a = aligned((cols + 3) * n * sizeof *a), *out = aligned(rows * n * sizeof *out);
    int16_t *wide = aligned(ntt_rows_wide_bytes(cols));
    int8_t *w = aligned((size_t)rows * cols);
    m.data = aligned(ntt_rows_bytes(&m));
    for (size_t i = 0; i < (cols + 3) * n; i++)
        a[i] = !extreme ? residue(r) : i % n == 0 ? NTT_Q / 2 : i % n == 1 ? NTT_Q / 2 + 1 : i % n == 2 ? 0x8000 : residue(r);
    for (size_t i = 0; i < (size_t)rows * cols; i++)
        w[i] = (int8_t)(extreme ? (i / cols % 2 ? 127 : -127) : (int)(rng_u32(r) % 255) - 127);
    for (uint32_t j = 0; j < cols + 3; j++) ntt_rows_fill(&m, j, a + j * n);
    ntt_rows_widen(wide, w, rows, cols);
    ntt_rows_mul(k, &m, 0, m.panels / 2, wide, rows, cols, out);
    ntt_rows_mul(k, &m, m.panels / 2, m.panels, wide, rows, cols, out);
    for (uint32_t row = 0; row < rows; row++)
        for (size_t i = 0; i < n; i += i < 4 ? 1 : 37) {
            int64_t sum = 0;
            for (uint32_t j = 0; j < cols; j++) sum = (sum + (int64_t)w[(size_t)row * cols + j] * a[j * n + i]) % NTT_Q;
            if (out[row * n + i] != (uint32_t)(sum < 0 ? sum + NTT_Q : sum)) fail();
        }
    free(a), free(out), free(wide), free(w), free(m.data);
}

TEST(rows_times_public_vectors_match_integer_sums) {
    struct rng r = {7};
    for (unsigned k = 0; kern_nth(k) != NULL; k++) {
        rows_case(kern_nth(k), 1, 1, 1, &r, 0);
        rows_case(kern_nth(k), 13, 31, 2, &r, 0);
        rows_case(kern_nth(k), NTT_ROWS_MAX, 96, 1, &r, 0);
        rows_case(kern_nth(k), 5, 1025, 1, &r, 0);
        rows_case(kern_nth(k), 2, 1536, 1, &r, 1); /* sums of 512 columns at their bound */
    }
}

TEST(shapes_of_rows_are_bounded) {
    struct ntt_rows m;
    CHECK_INT(ntt_rows_shape(&m, 0, 6), ERR_RANGE);
    CHECK_INT(ntt_rows_shape(&m, NTT_COLS_MAX + 1, 6), ERR_RANGE);
    CHECK_INT(ntt_rows_shape(&m, 8, 0), ERR_RANGE);
    CHECK_INT(ntt_rows_shape(&m, 8, NTT_RANK_MAX + 1), ERR_RANGE);
}

/* The order on disk and on the wire: what another implementation must get for X + 2. */
TEST(order_of_values_is_pinned) {
    uint32_t a[NTT_N] = {2, 1};
    uint64_t psi = power(31, (NTT_Q - 1) / 512);
    ntt_forward(plain(), a);
    CHECK_INT(psi, 1753498361);
    for (unsigned i = 0; i < NTT_N; i++) CHECK_INT(a[i], (2 + power(psi, 2 * i + 1)) % NTT_Q);
}

TESTS_MAIN("ntt", T(values_are_at_the_odd_powers_of_psi), T(products_are_negacyclic),
           T(an_inner_product_is_the_sum_of_products_for_every_rank), T(every_kernel_gives_plain_c_s_bits),
           T(noise_is_the_low_six_bits_less_32), T(sums_of_many_multiples_do_not_overflow),
           T(rescaling_small_moduli_is_right_for_every_value), T(rescaling_between_q_and_p_is_right_where_rounding_turns),
           T(rescaling_refuses_what_its_estimate_is_not_proven_for), T(rows_times_public_vectors_match_integer_sums),
           T(shapes_of_rows_are_bounded), T(order_of_values_is_pinned))
