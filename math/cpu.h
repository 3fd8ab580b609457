/* math/cpu.h - what this processor can do and its system lets us use (x86-64: cpuid and xgetbv, own code, because compilers'
 * built-in tests do not know all of these names; AArch64: what the system reports). 0 for another architecture's. */
#ifndef MATH_CPU_H
#define MATH_CPU_H

int cpu_has_avx2(void);       /* AVX2, FMA and F16C */
int cpu_has_avxvnni(void);    /* AVX-VNNI, besides the above */
int cpu_has_avx512vnni(void); /* AVX-512 F, BW, DQ, VL and VNNI, besides AVX2 */
int cpu_has_dotprod(void);    /* FEAT_DotProd: sdot */
int cpu_has_i8mm(void);       /* FEAT_I8MM: smmla, besides the above */

#endif
