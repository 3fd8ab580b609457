/* math/kern.h - which implementation of the canonical arithmetic runs: plain C, AVX2 or AVX-512 VNNI.
 *
 * All of them compute the same function, bit for bit (profile C1: every output has one written order of operations; SIMD
 * lanes and threads hold different outputs). The choice is made once and changes speed only. */
#ifndef MATH_KERN_H
#define MATH_KERN_H

#include "base/err.h"

struct kern; /* a table of functions, see kern_table.h; users of math/ only pass it on */

/* forced NULL or "": the fastest that this processor and its system support. Else "plain", "avx2" or "avx512vnni".
 * 0 with *out set; ERR_USAGE for an unknown name, ERR_UNSUPPORTED for one that cannot run here (why lists the values). */
int kern_select(const struct kern **out, const char *forced, struct why *why);
const char *kern_name(const struct kern *k);
/* The i-th kernel that can run here, plain first; NULL past the last. For tests and benchmarks. */
const struct kern *kern_nth(unsigned i);
/* 1 if this thread rounds to nearest with subnormals kept (MXCSR on x86, FPCR on AArch64): the profile needs it. */
int kern_float_mode_ok(void);

#endif
