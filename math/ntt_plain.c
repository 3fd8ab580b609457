/* math/ntt_plain.c - the ring in plain C: the textbook loops, which say what the other implementations compute. */
#include "math/ntt_kern.h"

/* 1 as all ones: a choice without a branch. */
static uint32_t mask_if(uint32_t condition) { return 0u - condition; }
static uint32_t once_less(uint32_t v) { return v - (NTT_Q & mask_if(v >= NTT_Q)); } /* v < 2q */
static uint32_t add(uint32_t a, uint32_t b) { return once_less(a + b); }
static uint32_t sub(uint32_t a, uint32_t b) { return once_less(a + NTT_Q - b); }

/* v / 2^32 mod q for v < 2^32 q. */
static uint32_t montgomery(uint64_t v) {
    uint32_t m = (uint32_t)v * NTT_QINV, r = (uint32_t)(v >> 32) - (uint32_t)((uint64_t)m * NTT_Q >> 32);
    return r + (NTT_Q & mask_if(r >> 31)); /* -q < r < q */
}
/* a * b mod q, both public or secret: (a * b / 2^32) * (2^64 mod q) / 2^32. */
static uint32_t mul(uint32_t a, uint32_t b) {
    const uint32_t square = (uint32_t)((1ULL << 32) % NTT_Q * ((1ULL << 32) % NTT_Q) % NTT_Q);
    return montgomery((uint64_t)montgomery((uint64_t)a * b) * square);
}

static unsigned bitrev8(unsigned i) { return ntt_bitrev4(i & 15) << 4 | ntt_bitrev4(i >> 4); }

static void reorder(uint32_t *a) {
    for (unsigned i = 0; i < NTT_N; i++) {
        unsigned j = bitrev8(i);
        if (j <= i) continue;
        uint32_t keep = a[i];
        a[i] = a[j];
        a[j] = keep;
    }
}

/* Each level splits a polynomial mod X^2m - w^2 into those mod X^m - w and X^m + w. */
static void forward(const struct ntt_tables *t, uint32_t *a) {
    unsigned k = 1;
    for (unsigned half = NTT_N / 2; half >= 1; half /= 2)
        for (unsigned start = 0; start < NTT_N; start += 2 * half) {
            uint32_t w = t->psi_bitrev[k++];
            for (unsigned i = start; i < start + half; i++) {
                uint32_t x = a[i], y = mul(a[i + half], w);
                a[i] = add(x, y);
                a[i + half] = sub(x, y);
            }
        }
    reorder(a);
}

static void inverse(const struct ntt_tables *t, uint32_t *a) {
    reorder(a);
    for (unsigned half = 1; half <= NTT_N / 2; half *= 2) {
        unsigned k = NTT_N / 2 / half;
        for (unsigned start = 0; start < NTT_N; start += 2 * half) {
            uint32_t w = t->psi_bitrev_inverse[k++];
            for (unsigned i = start; i < start + half; i++) {
                uint32_t x = a[i], y = a[i + half];
                a[i] = add(x, y);
                a[i + half] = mul(sub(x, y), w);
            }
        }
    }
    for (unsigned i = 0; i < NTT_N; i++) a[i] = mul(a[i], t->inverse[0].w[0][0]);
}

/* v - 2^32 q where that is not negative; v < 2^32 * 2q. As 4.26 q^2 < 2^32 * 2q, two products fit between two of these. */
static uint64_t fold(uint64_t v) { return v - ((uint64_t)(NTT_Q & mask_if((uint32_t)(v >> 32) >= NTT_Q)) << 32); }

static void dot(uint32_t *out, const uint32_t *a, const uint32_t *b, uint32_t rank) {
    for (unsigned i = 0; i < NTT_N; i++) {
        uint64_t sum = 0;
        for (uint32_t c = 0; c < rank; c++) sum = fold(sum + (uint64_t)a[c * NTT_N + i] * b[c * NTT_N + i]);
        out[i] = montgomery(sum);
    }
}

static void sum_add(uint64_t *acc, const uint32_t *a, size_t n, uint32_t v) {
    for (size_t i = 0; i < n; i++) acc[i] = fold(acc[i] + (uint64_t)a[i] * v);
}
static void sum_take(uint32_t *out, const uint64_t *acc, size_t n) {
    for (size_t i = 0; i < n; i++) out[i] = montgomery(acc[i]);
}

static void add_noise(uint32_t *a, const uint8_t *bytes) {
    for (unsigned i = 0; i < NTT_N; i++) a[i] = sub(add(a[i], bytes[i] & 63u), 32);
}

static void columns(uint32_t *out, const uint32_t *in) {
    for (unsigned t = 0; t < NTT_N; t++)
        for (unsigned r = 0; r < NTT_BATCH; r++) out[t * NTT_BATCH + r] = in[r * NTT_N + t];
}

static void scale(const struct ntt_scale *s, uint32_t *out, const uint32_t *in, size_t n) {
    for (size_t i = 0; i < n; i++) {
        uint32_t estimate = (uint32_t)((uint64_t)(in[i] << s->shift) * s->factor >> 32);
        uint32_t rest = in[i] * s->to + s->from / 2 - estimate * s->from; /* below 2 from, so 32 bits hold it */
        uint32_t v = estimate + (rest >= s->from);
        out[i] = v - (s->to & mask_if(v == s->to));
    }
}

static void panel(const int16_t *p, uint32_t pairs, const int16_t *w, size_t stride, uint32_t rows, int64_t *sum) {
    for (uint32_t r = 0; r < rows; r++)
        for (uint32_t i = 0; i < NTT_SIDE; i++) {
            int64_t low = 0, high = 0;
            for (uint32_t k = 0; k < pairs; k++) {
                const int16_t *line = p + 64 * (size_t)k + 2 * i, *wk = w + r * stride + 2 * (size_t)k;
                low += line[0] * wk[0] + line[1] * wk[1];
                high += line[32] * wk[0] + line[33] * wk[1];
            }
            sum[r * NTT_SIDE + i] += low + high * 65536;
        }
}

const struct ntt_kern ntt_plain = {forward, inverse, dot, sum_add, sum_take, add_noise, columns, scale, panel};
