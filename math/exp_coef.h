/* math/exp_coef.h - constants of rule 8, shared by the scalar and the SIMD forms. Coefficients of exp: ARM
 * optimized-routines (MIT), vector expf. */
#ifndef MATH_EXP_COEF_H
#define MATH_EXP_COEF_H

#define EXP_MIN     -87.0f
#define EXP_MAX     88.0f
#define EXP_INV_LN2 0x1.715476p+0f
#define EXP_SHIFT   0x1.8p23f /* adding it rounds to an integer, ties to even */
#define EXP_LN2_HI  0x1.62e4p-1f
#define EXP_LN2_LO  0x1.7f7d1cp-20f
#define EXP_C0      0x1.ffffecp-1f
#define EXP_C1      0x1.fffdb6p-2f
#define EXP_C2      0x1.555e66p-3f
#define EXP_C3      0x1.573e2ep-5f
#define EXP_C4      0x1.0e4020p-7f
#define GELU_CUBE   0x1.6e4e26p-5f  /* 0.044715 */
#define GELU_SLOPE  -0x1.988454p+0f /* -2 * sqrt(2/pi) */

#endif
