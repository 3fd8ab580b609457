/* math/kv_page.h - the KV cache's page formats "f16" and "q8" (rule 10): layout, and storing one position.
 *
 * A page holds KV_PAGE consecutive positions of one kv head of one layer.
 * f16, values rounded to fp16:
 *   K: for each 16 positions: head_dim x 16 values (lanes = positions)        KV_PAGE * head_dim * 2 bytes
 *   V: for each position: head_dim values padded with zeros to 16s (lanes = dimensions)
 * q8, blocks of 32 dimensions quantised by rule 2, each with an fp16 scale:
 *   K: for each 16 positions: a group of 16 weight rows as Q8_0 packs them (packed.h), so that its kernels give the scores
 *   V: for each block: KV_PAGE scales, then for each position 32 x int8       head_dim / 32 * KV_V8_BLOCK bytes */
#ifndef MATH_KV_PAGE_H
#define MATH_KV_PAGE_H

#include <stddef.h>
#include <stdint.h>

#include "math/kern.h"

enum { KV_PAGE = 64, HEAD_DIM_MAX = 256 };
enum { KV_V8_SCALES = 2 * KV_PAGE, KV_V8_BLOCK = KV_V8_SCALES + 32 * KV_PAGE };
enum kv_format { KV_F16, KV_Q8, KV_FORMATS };

/* 1 if heads of this size can be stored: 1..HEAD_DIM_MAX, for q8 a multiple of 32. The calls below need it. */
int kv_format_fits(enum kv_format f, uint32_t head_dim);
/* Bytes of one page of one kv head; a multiple of 64. */
size_t kv_page_bytes(enum kv_format f, uint32_t head_dim);
/* Where V begins in it; a multiple of 64 for q8, of 16 for f16. */
size_t kv_values_at(enum kv_format f, uint32_t head_dim);
/* Bytes of 16 positions of K; a multiple of 32. */
size_t kv_keys_bytes(enum kv_format f, uint32_t head_dim);
/* head_dim with the padding of V: what attention computes. */
uint32_t kv_dim_padded(uint32_t head_dim);

/* Stores K (after RoPE) and V of one position (slot = position % KV_PAGE). page is 64-byte aligned. f16: finite values
 * saturate at 65504. 0, or ERR_NONFINITE if a value is NaN or infinite or, in q8, a scale has no finite fp16 (values from
 * 127 * 65520 on); the slot is then of no use. */
int kv_store(const struct kern *k, enum kv_format f, uint8_t *page, uint32_t slot, uint32_t head_dim, const float *key,
             const float *value);

#endif
