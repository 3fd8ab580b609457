/* math/row8_x86.h - row8's kernels for AVX2, AVX-VNNI and AVX-512 VNNI: row8_*.c. */
#ifndef MATH_ROW8_X86_H
#define MATH_ROW8_X86_H

#include "math/kern_table.h"
#include "math/row8_layout.h"

row8_fn avx2_row8, avxvnni_row8, avx512_row8;

#endif
