/* math/ntt_lanes.h - the ring over LANES residues at once. Each ntt_ISA.c defines the operations and includes this:
 *
 *   vu                     LANES residues; vu_load, vu_store, vu_set1, vu_add, vu_sub, vu_min (unsigned), vu_shift_left,
 *                          vu_not_below (1 where a >= b, else 0)
 *   vu_mul, vu_mul_high    low and high half of the 32 x 32 bit products
 *   struct vu_wide         LANES 64-bit numbers in an order of its own; wide_mul, wide_add, wide_low, wide_high, and WIDE_Q, q in
 *                          each upper half
 *   vu_bytes               the low 6 bits of LANES bytes, one byte in each lane
 *   vu_dot2                acc + the sum of two products of signed 16-bit halves, per lane
 *   vu_turn(out, in, s)    transposes LANES rows of LANES, `s` apart in `in` and 16 apart in `out`
 *   PANEL_ROWS             divides 12: rows whose sums fit the registers */
#ifndef MATH_NTT_LANES_H
#define MATH_NTT_LANES_H

#include "math/ntt_kern.h"
#include "math/unroll.h"

/* v - q where v >= q: below, v - q wraps to something larger than v. v < 2q. */
ALWAYS_INLINE vu once_less(vu v) { return vu_min(v, vu_sub(v, vu_set1(NTT_Q))); }
/* a * w mod q for any a < 2^32. */
ALWAYS_INLINE vu mul_factor(vu a, vu w, vu shoup) {
    return once_less(vu_sub(vu_mul(a, w), vu_mul(vu_mul_high(a, shoup), vu_set1(NTT_Q))));
}

/* One level: v[i] and v[i + half] of each block of 2 * half. half is a constant, so that all indices are. */
ALWAYS_INLINE void split(vu v[NTT_SIDE], unsigned half, const struct ntt_factors *f, unsigned column) {
    EACH(i, 8) {
        unsigned block = i / half, at = 2 * half * block + i % half, k = 8 / half + block;
        vu x = v[at], y = mul_factor(v[at + half], vu_load(f->w[k] + column), vu_load(f->shoup[k] + column));
        vu less = vu_sub(x, y);
        v[at] = once_less(vu_add(x, y));
        v[at + half] = vu_min(less, vu_add(less, vu_set1(NTT_Q)));
    }
}
ALWAYS_INLINE void join(vu v[NTT_SIDE], unsigned half, const struct ntt_factors *f, unsigned column) {
    EACH(i, 8) {
        unsigned block = i / half, at = 2 * half * block + i % half, k = 8 / half + block;
        vu x = v[at], y = v[at + half];
        v[at] = once_less(vu_add(x, y));
        v[at + half] = mul_factor(vu_sub(vu_add(x, vu_set1(NTT_Q)), y), vu_load(f->w[k] + column), vu_load(f->shoup[k] + column));
    }
}
/* The last level of all, with 1/256 in both its factors. */
ALWAYS_INLINE void join_last(vu v[NTT_SIDE], const struct ntt_factors *f, unsigned column) {
    vu w0 = vu_load(f->w[0] + column), s0 = vu_load(f->shoup[0] + column);
    vu w1 = vu_load(f->w[1] + column), s1 = vu_load(f->shoup[1] + column);
    EACH(i, 8) {
        vu x = v[i], y = v[i + 8];
        v[i] = mul_factor(vu_add(x, y), w0, s0);
        v[i + 8] = mul_factor(vu_sub(vu_add(x, vu_set1(NTT_Q)), y), w1, s1);
    }
}

/* Four levels down a square's columns; row r of the result is stored as row bitrev4(r). */
ALWAYS_INLINE void forward_pass(uint32_t *out, const uint32_t *in, const struct ntt_factors *f) {
    for (unsigned column = 0; column < NTT_SIDE; column += LANES) {
        vu v[NTT_SIDE];
        EACH(r, NTT_SIDE) v[r] = vu_load(in + NTT_SIDE * r + column);
        split(v, 8, f, column);
        split(v, 4, f, column);
        split(v, 2, f, column);
        split(v, 1, f, column);
        EACH(r, NTT_SIDE) vu_store(out + NTT_SIDE * ntt_bitrev4(r) + column, v[r]);
    }
}
ALWAYS_INLINE void inverse_pass(uint32_t *out, const uint32_t *in, const struct ntt_factors *f, int last) {
    for (unsigned column = 0; column < NTT_SIDE; column += LANES) {
        vu v[NTT_SIDE];
        EACH(r, NTT_SIDE) v[r] = vu_load(in + NTT_SIDE * ntt_bitrev4(r) + column);
        join(v, 1, f, column);
        join(v, 2, f, column);
        join(v, 4, f, column);
        if (last)
            join_last(v, f, column);
        else
            join(v, 8, f, column);
        EACH(r, NTT_SIDE) vu_store(out + NTT_SIDE * r + column, v[r]);
    }
}

/* 16 rows of 16, `stride` apart, into a dense square. */
ALWAYS_INLINE void turn_square(uint32_t *out, const uint32_t *in, size_t stride) {
    for (unsigned r = 0; r < NTT_SIDE; r += LANES)
        for (unsigned c = 0; c < NTT_SIDE; c += LANES) vu_turn(out + NTT_SIDE * c + r, in + stride * r + c, stride);
}

/* The scratch of a transform may hold a secret: nothing of it stays on the stack. */
ALWAYS_INLINE void wipe_square(uint32_t *s) {
    for (unsigned i = 0; i < NTT_N; i += LANES) vu_store(s + i, vu_set1(0));
    __asm__ volatile("" : : "r"(s) : "memory"); /* the stores have a reader, so they are made */
}
static void lanes_forward(const struct ntt_tables *t, uint32_t *a) {
    uint32_t s[NTT_N] __attribute__((aligned(64)));
    forward_pass(a, a, &t->forward[0]);
    turn_square(s, a, NTT_SIDE);
    forward_pass(a, s, &t->forward[1]);
    wipe_square(s);
}
static void lanes_inverse(const struct ntt_tables *t, uint32_t *a) {
    uint32_t s[NTT_N] __attribute__((aligned(64)));
    inverse_pass(s, a, &t->inverse[1], 0);
    turn_square(a, s, NTT_SIDE);
    wipe_square(s);
    inverse_pass(a, a, &t->inverse[0], 1);
}

/* v - 2^32 q where that is not negative, v < 2^32 * 2q: lower halves keep their value, so a minimum of 32-bit halves does it. */
ALWAYS_INLINE struct vu_wide fold(struct vu_wide v) {
    return (struct vu_wide){vu_min(v.a, vu_sub(v.a, WIDE_Q)), vu_min(v.b, vu_sub(v.b, WIDE_Q))};
}
/* v / 2^32 mod q for v < 2^32 q. */
ALWAYS_INLINE vu montgomery(struct vu_wide v) {
    vu m = vu_mul(wide_low(v), vu_set1(NTT_QINV)), r = vu_sub(wide_high(v), vu_mul_high(m, vu_set1(NTT_Q)));
    return vu_min(r, vu_add(r, vu_set1(NTT_Q)));
}

/* Two products fit between two folds: 2^32 q + 2 q^2 < 2^32 * 2q. */
static void lanes_dot(uint32_t *out, const uint32_t *a, const uint32_t *b, uint32_t rank) {
    for (unsigned i = 0; i < NTT_N; i += LANES) {
        struct vu_wide sum = wide_mul(vu_load(a + i), vu_load(b + i));
        for (uint32_t c = 1; c < rank; c++) {
            if (c % 2 == 0) sum = fold(sum);
            sum = wide_add(sum, wide_mul(vu_load(a + c * NTT_N + i), vu_load(b + c * NTT_N + i)));
        }
        vu_store(out + i, montgomery(fold(sum)));
    }
}

ALWAYS_INLINE struct vu_wide wide_load(const uint64_t *p) {
    const uint32_t *half = (const uint32_t *)(const void *)p;
    return (struct vu_wide){vu_load(half), vu_load(half + LANES)};
}
ALWAYS_INLINE void wide_store(uint64_t *p, struct vu_wide v) {
    uint32_t *half = (uint32_t *)(void *)p;
    vu_store(half, v.a), vu_store(half + LANES, v.b);
}
static void lanes_sum_add(uint64_t *acc, const uint32_t *a, size_t n, uint32_t v) {
    for (size_t i = 0; i < n; i += LANES)
        wide_store(acc + i, fold(wide_add(wide_load(acc + i), wide_mul(vu_load(a + i), vu_set1(v)))));
}
static void lanes_sum_take(uint32_t *out, const uint64_t *acc, size_t n) {
    for (size_t i = 0; i < n; i += LANES) vu_store(out + i, montgomery(wide_load(acc + i)));
}

static void lanes_add_noise(uint32_t *a, const uint8_t *bytes) {
    for (unsigned i = 0; i < NTT_N; i += LANES) {
        vu more = once_less(vu_add(vu_load(a + i), vu_bytes(bytes + i))), less = vu_sub(more, vu_set1(32));
        vu_store(a + i, vu_min(less, vu_add(less, vu_set1(NTT_Q))));
    }
}

static void lanes_columns(uint32_t *out, const uint32_t *in) {
    for (unsigned t = 0; t < NTT_N; t += NTT_SIDE) turn_square(out + NTT_BATCH * t, in + t, NTT_N);
}

static void lanes_scale(const struct ntt_scale *s, uint32_t *out, const uint32_t *in, size_t n) {
    vu to = vu_set1(s->to), from = vu_set1(s->from), half = vu_set1(s->from / 2), factor = vu_set1(s->factor);
    for (size_t i = 0; i < n; i += LANES) {
        vu v = vu_load(in + i), estimate = vu_mul_high(vu_shift_left(v, s->shift), factor);
        vu rest = vu_sub(vu_add(vu_mul(v, to), half), vu_mul(estimate, from)); /* below 2 from */
        v = vu_add(estimate, vu_not_below(rest, from));
        vu_store(out + i, vu_min(v, vu_sub(v, to)));
    }
}

/* PANEL_ROWS rows times LANES values of a panel; at most 256 pairs, so that 2 * 127 * 2^15 * 256 < 2^31 bounds each sum. */
ALWAYS_INLINE void panel_block(const int16_t *p, uint32_t pairs, const int16_t *w, size_t stride, int64_t *sum) {
    vu low[PANEL_ROWS], high[PANEL_ROWS];
    EACH(r, PANEL_ROWS) low[r] = high[r] = vu_set1(0);
    for (uint32_t k = 0; k < pairs; k++) {
        const uint32_t *line = (const uint32_t *)(const void *)(p + 64 * (size_t)k);
        vu a_low = vu_load(line), a_high = vu_load(line + NTT_SIDE);
        EACH(r, PANEL_ROWS) {
            uint32_t pair;
            __builtin_memcpy(&pair, w + r * stride + 2 * (size_t)k, sizeof pair);
            vu both = vu_set1(pair);
            low[r] = vu_dot2(low[r], a_low, both);
            high[r] = vu_dot2(high[r], a_high, both);
        }
    }
    EACH(r, PANEL_ROWS) {
        uint32_t l[LANES], h[LANES];
        vu_store(l, low[r]), vu_store(h, high[r]);
        for (unsigned i = 0; i < LANES; i++) sum[r * NTT_SIDE + i] += (int32_t)l[i] + (int64_t)(int32_t)h[i] * 65536;
    }
}
static void lanes_panel(const int16_t *p, uint32_t pairs, const int16_t *w, size_t stride, uint32_t rows, int64_t *sum) {
    for (uint32_t r = 0; r < rows; r += PANEL_ROWS)
        for (unsigned i = 0; i < NTT_SIDE; i += LANES)
            panel_block(p + 2 * i, pairs, w + r * stride, stride, sum + (size_t)r * NTT_SIDE + i);
}

#define NTT_LANES_TABLE                                                                                                      \
    {                                                                                                                        \
        lanes_forward, lanes_inverse, lanes_dot, lanes_sum_add, lanes_sum_take, lanes_add_noise, lanes_columns, lanes_scale, \
            lanes_panel                                                                                                      \
    }

#endif
