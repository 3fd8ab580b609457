/* math/ntt.c - tables of the ring, and the calls of the chosen implementation. */
#include "math/ntt.h"

#include <pthread.h>

#include "math/kern_table.h"
#include "math/ntt_kern.h"

static uint32_t mul(uint32_t a, uint32_t b) { return (uint32_t)((uint64_t)a * b % NTT_Q); }

static uint32_t power(uint32_t a, uint32_t e) {
    uint32_t r = 1;
    for (; e != 0; e >>= 1, a = mul(a, a))
        if (e & 1) r = mul(r, a);
    return r;
}

static unsigned bitrev8(unsigned i) { return ntt_bitrev4(i & 15) << 4 | ntt_bitrev4(i >> 4); }

static struct ntt_tables tables;
static pthread_once_t tables_once = PTHREAD_ONCE_INIT;

static void set_factor(struct ntt_factors *f, unsigned row, unsigned column, uint32_t w) {
    f->w[row][column] = w;
    f->shoup[row][column] = (uint32_t)(((uint64_t)w << 32) / NTT_Q);
}

/* Rows 1..15 of both passes, for one column. */
static void fill_column(struct ntt_factors f[2], const uint32_t *psi_bitrev, unsigned column) {
    unsigned r = ntt_bitrev4(column);
    for (unsigned k = 1; k < NTT_SIDE; k++) {
        unsigned level = k < 2 ? 0 : k < 4 ? 1 : k < 8 ? 2 : 3, block = k - (1u << level);
        set_factor(&f[0], k, column, psi_bitrev[k]);
        set_factor(&f[1], k, column, psi_bitrev[((NTT_SIDE + r) << level) + block]);
    }
}

static void fill_tables(void) {
    uint32_t psi = power(31, (NTT_Q - 1) / 512), psi_inverse = power(psi, NTT_Q - 2), n_inverse = power(NTT_N, NTT_Q - 2);
    for (unsigned i = 0; i < NTT_N; i++) {
        tables.psi_bitrev[i] = power(psi, bitrev8(i));
        tables.psi_bitrev_inverse[i] = power(psi_inverse, bitrev8(i));
    }
    for (unsigned column = 0; column < NTT_SIDE; column++) {
        fill_column(tables.forward, tables.psi_bitrev, column);
        fill_column(tables.inverse, tables.psi_bitrev_inverse, column);
        set_factor(&tables.inverse[0], 0, column, n_inverse);
        set_factor(&tables.inverse[0], 1, column, mul(n_inverse, tables.psi_bitrev_inverse[1]));
    }
}

const struct ntt_tables *ntt_tables(void) {
    (void)pthread_once(&tables_once, fill_tables);
    return &tables;
}

void ntt_forward(const struct kern *k, uint32_t a[NTT_N]) { k->ntt->forward(ntt_tables(), a); }
void ntt_inverse(const struct kern *k, uint32_t a[NTT_N]) { k->ntt->inverse(ntt_tables(), a); }

void ntt_prepare(uint32_t *b, size_t n) {
    const uint32_t r = (uint32_t)((1ULL << 32) % NTT_Q), shoup = (uint32_t)(((uint64_t)r << 32) / NTT_Q);
    for (size_t i = 0; i < n; i++) {
        uint32_t quotient = (uint32_t)((uint64_t)b[i] * shoup >> 32), v = b[i] * r - quotient * NTT_Q; /* below 2q */
        b[i] = v - (NTT_Q & (0u - (uint32_t)(v >= NTT_Q)));
    }
}

void ntt_dot(const struct kern *k, uint32_t out[NTT_N], const uint32_t *a, const uint32_t *b, uint32_t rank) {
    k->ntt->dot(out, a, b, rank);
}
void ntt_sum_add(const struct kern *k, uint64_t *acc, const uint32_t *a, size_t n, uint32_t v) { k->ntt->sum_add(acc, a, n, v); }
void ntt_sum_take(const struct kern *k, uint32_t *out, const uint64_t *acc, size_t n) { k->ntt->sum_take(out, acc, n); }
void ntt_add_noise(const struct kern *k, uint32_t a[NTT_N], const uint8_t bytes[NTT_N]) { k->ntt->add_noise(a, bytes); }
void ntt_columns(const struct kern *k, uint32_t out[NTT_N * NTT_BATCH], const uint32_t in[NTT_N * NTT_BATCH]) {
    k->ntt->columns(out, in);
}

int ntt_scale_init(struct ntt_scale *s, uint32_t to, uint32_t from) {
    if (from % 2 == 0 || from < 3 || from > 0x7fffffff || to == 0) return ERR_RANGE;
    uint32_t shift = 0;
    while (from << shift < 1u << 30) shift++;
    if (to >= from << shift) return ERR_RANGE;
    *s = (struct ntt_scale){.to = to, .from = from, .shift = shift, .factor = (uint32_t)(((uint64_t)to << (32 - shift)) / from)};
    return 0;
}

/* Why the estimate of ntt_scale is short by at most one: cutting the factor to an integer loses less than
 * (v << shift) / 2^32 < 1/2, cutting the product less than 1, and rounding adds at most 1/2. */
void ntt_scale_apply(const struct kern *k, const struct ntt_scale *s, uint32_t *out, const uint32_t *in, size_t n) {
    size_t whole = n & ~(size_t)15;
    k->ntt->scale(s, out, in, whole);
    if (whole == n) return;
    uint32_t last[16] = {0};
    for (size_t i = whole; i < n; i++) last[i - whole] = in[i];
    k->ntt->scale(s, last, last, 16);
    for (size_t i = whole; i < n; i++) out[i] = last[i - whole];
    for (volatile uint32_t *p = last; p < last + 16; p++) *p = 0; /* may hold a mask */
}
