/* cuda/codes.cuh - packed groups (math/packed.h) as a GPU thread reads them: dwords of 4 columns of one row. */
#ifndef CUDA_CODES_CUH
#define CUDA_CODES_CUH

#include <stdint.h>

#include "math/packed.h"

/* Sizes of a kind at compile time; packed.h has the same as functions. */
template <int KIND> struct kind_of {
    static constexpr int IS_256 = KIND == WK_Q4_K || KIND == WK_Q5_K || KIND == WK_Q6_K;
    static constexpr int SUB_IS_16 = KIND == WK_Q6_K;
    static constexpr int HAS_MINIMUM = KIND == WK_Q4_K || KIND == WK_Q5_K;
    static constexpr int FIVE = KIND == WK_Q5_0 || KIND == WK_Q5_K;
    static constexpr uint32_t BLOCK = IS_256 ? 256 : 32, PARTS = IS_256 ? 8 : 1;
    static constexpr uint32_t PART = KIND == WK_Q8_0 ? 512 : KIND == WK_Q6_K ? 384 : FIVE ? 320 : 256; /* bytes of 32 columns */
    static constexpr uint32_t SCALES = IS_256 ? 256 : 0, BODY = SCALES + PARTS * PART;
    static constexpr uint32_t ZERO = KIND == WK_Q8_0   ? 128
                                     : KIND == WK_Q4_0 ? 8
                                     : KIND == WK_Q5_0 ? 16
                                     : KIND == WK_Q6_K ? 32
                                                       : 0;
};

template <int KIND> static __device__ __forceinline__ size_t scales_of(uint32_t b) {
    typedef kind_of<KIND> K;
    if (K::HAS_MINIMUM) return (size_t)b * (PACK_SCALE_LINE + K::BODY);
    return (size_t)(b / 2) * (PACK_SCALE_LINE + 2 * K::BODY) + (b & 1) * 32;
}
template <int KIND> static __device__ __forceinline__ size_t body_of(uint32_t b) {
    typedef kind_of<KIND> K;
    if (K::HAS_MINIMUM) return (size_t)b * (PACK_SCALE_LINE + K::BODY) + PACK_SCALE_LINE;
    return (size_t)(b / 2) * (PACK_SCALE_LINE + 2 * K::BODY) + PACK_SCALE_LINE + (b & 1) * K::BODY;
}

/* Four weights as signed bytes: k-group g of a part; line: the row's dword of the part's first line. In memory lines are LINE dwords
 * apart, where they were read ahead, 1. */
enum { LINE = 16 };
template <int KIND, int APART> static __device__ __forceinline__ int weights_of(const uint32_t *line, uint32_t g) {
    typedef kind_of<KIND> K;
    uint32_t half = g / 4, in = g % 4, code;
    if (KIND == WK_Q8_0) return (int)(line[APART * g] ^ 0x80808080u);
    if (KIND == WK_Q6_K) {
        line += 3 * APART * half;
        code = (line[APART * (in / 2)] >> in % 2 * 4 & 0x0f0f0f0fu) | (line[2 * APART] >> 2 * in & 0x03030303u) << 4;
    } else {
        code = line[APART * in] >> 4 * half & 0x0f0f0f0fu;
        if (K::FIVE) code |= (line[4 * APART] >> g & 0x01010101u) << 4;
    }
    if (K::ZERO == 0) return (int)code;
    return (int)(((code | 0x80808080u) - K::ZERO * 0x01010101u) ^ 0x80808080u); /* no byte borrows from the next */
}

#endif
