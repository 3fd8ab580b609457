/* math/pack.h - rows of file blocks into packed groups; the layout is drawn in packed.h. */
#ifndef MATH_PACK_H
#define MATH_PACK_H

#include <stddef.h>
#include <stdint.h>

#include "math/weight.h"

/* Bytes of one packed group of 16 rows, a multiple of 64. */
size_t pack_group_bytes(const struct weight_type *t, uint32_t cols);
/* Puts count (1..16) consecutive rows into the lanes of the group at dst, which was zeroed before. */
void pack_rows(const struct weight_type *t, uint8_t *dst, const uint8_t *rows, uint32_t count, uint32_t cols);

#endif
