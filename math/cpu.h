/* math/cpu.h - what this processor can do and its system lets us use (cpuid and xgetbv; own code, because compilers'
 * built-in tests do not know all of these names). Always 0 elsewhere than on x86-64. */
#ifndef MATH_CPU_H
#define MATH_CPU_H

int cpu_has_avx2(void);       /* AVX2, FMA and F16C */
int cpu_has_avx512vnni(void); /* AVX-512 F, BW, DQ, VL and VNNI, besides the above */

#endif
