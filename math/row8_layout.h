/* math/row8_layout.h - the byte layout of row8's packed groups and panels, shared by packers and kernels. Private to math/.
 *
 * A group is 16 rows: per k-group (4 consecutive columns) a line of 64 bytes, 4 for each row. A byte is weight + 128, as vpdpbusd takes
 * one operand unsigned: with it being the weights, the other is read from memory and spread by the same instruction.
 *
 * A panel is what one kernel call multiplies by: a whole number of columns whose digits are at most ROW8_PANEL in all, w of them. It
 * is a row of w i32, -128 times the sum of a digit's bytes (what the + 128 of the weights adds, to be taken off again), then for each
 * k-group w dwords: 4 consecutive bytes of a digit each. All but the last panel of a batch are of the same width. */
#ifndef MATH_ROW8_LAYOUT_H
#define MATH_ROW8_LAYOUT_H

#include "math/row8.h"

enum { ROW8_LINE = 64, ROW8_PANEL = 12, ROW8_ZERO = 128 }; /* the byte of weight 0 */

static inline uint32_t row8_lines(uint32_t cols) { return cols / 4 + (cols % 4 != 0); }

/* Columns of the panel that starts at column `first`. */
static inline uint32_t row8_panel_columns(const struct row8_cols *c, uint32_t first) {
    uint32_t most = ROW8_PANEL / c->digits;
    return c->count - first < most ? c->count - first : most;
}

/* The plain kernel, see kern_table.h. */
void plain_row8(const uint8_t *group, uint32_t lines, const uint8_t *panel, uint32_t width, int32_t *out);

#endif
