/* math/float_bits.h - binary32 as bits, and the exact conversions from and to fp16 and bf16, in integer arithmetic, so that
 * they do not depend on the machine. SIMD kernels use the instructions that give the same values. */
#ifndef MATH_FLOAT_BITS_H
#define MATH_FLOAT_BITS_H

#include <stdint.h>
#include <string.h>

static inline uint32_t f32_bits(float x) {
    uint32_t b;
    memcpy(&b, &x, sizeof b);
    return b;
}
static inline float f32_from_bits(uint32_t b) {
    float x;
    memcpy(&x, &b, sizeof x);
    return x;
}
/* 1 for NaN and infinities. Tested as integers: float comparisons treat NaN differently from one instruction set to another. */
static inline int f32_not_finite(float x) { return (f32_bits(x) & 0x7fffffffu) >= 0x7f800000u; }
static inline int f16_not_finite(uint16_t h) { return (h & 0x7c00u) == 0x7c00u; }

/* fp16 (IEEE 754 binary16) to binary32, exact, subnormals and infinities kept. */
static inline float f16_to_f32(uint16_t h) {
    uint32_t sign = (uint32_t)(h & 0x8000u) << 16, mag = h & 0x7fffu;
    if (mag >= 0x7c00u) return f32_from_bits(sign | 0x7f800000u | (mag & 0x3ffu) << 13);
    if (mag >= 0x400u) return f32_from_bits(sign | ((mag << 13) + 0x38000000u));
    float x = (float)(int32_t)mag * 0x1p-24f; /* both steps exact: at most 10 bits */
    return f32_from_bits(sign | f32_bits(x));
}
/* bf16 is the upper half of binary32. */
static inline float bf16_to_f32(uint16_t h) { return f32_from_bits((uint32_t)h << 16); }

/* A finite binary32 to fp16, round to nearest even; beyond the range it saturates to +-65504 (rule 10 of the profile). */
static inline uint16_t f32_to_f16_sat(float x) {
    uint32_t b = f32_bits(x), sign = b >> 16 & 0x8000u, mag = b & 0x7fffffffu;
    if (mag >= 0x477ff000u) return (uint16_t)(sign | 0x7bffu); /* 65520 and more would round to infinity */
    if (mag < 0x38800000u) {                                   /* below 2^-14: subnormal, a multiple of 2^-24 */
        uint32_t e = mag >> 23, m = (mag & 0x7fffffu) | 0x800000u;
        if (e < 102) return (uint16_t)sign; /* below 2^-25, or exactly it with ties to even: zero */
        uint32_t shift = 126 - e, half = 1u << (shift - 1), rest = m & ((1u << shift) - 1), q = m >> shift;
        if (rest > half || (rest == half && (q & 1u))) q++;
        return (uint16_t)(sign | q);
    }
    uint32_t r = mag + 0xfffu + (mag >> 13 & 1u);
    return (uint16_t)(sign | ((r - 0x38000000u) >> 13));
}

#endif
