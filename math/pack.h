/* math/pack.h - rows of file blocks into packed groups; the layout is drawn in packed.h. */
#ifndef MATH_PACK_H
#define MATH_PACK_H

#include <stddef.h>
#include <stdint.h>

#include "math/weight.h"

/* Bytes of one packed group of 16 rows, a multiple of 64. */
size_t pack_group_bytes(const struct weight_type *t, uint32_t cols);
/* Puts one row into lane r (0..15) of the group at dst, which was zeroed before its first row. */
void pack_row(const struct weight_type *t, uint8_t *dst, const uint8_t *row, uint32_t cols, uint32_t r);

#endif
