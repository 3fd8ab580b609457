/* math/unroll.h - what keeps the *_lanes.h files' arrays in registers. */
#ifndef MATH_UNROLL_H
#define MATH_UNROLL_H

#define ALWAYS_INLINE static inline __attribute__((always_inline))
/* A loop with a constant count, unrolled whole, so that arrays indexed by i become registers at every optimisation level. Not
 * where each access is checked by a sanitizer: a file would take minutes to compile. */
#if defined(__has_feature)
#define CHECKED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CHECKED 1
#else
#define CHECKED 0
#endif
#if CHECKED
#define EACH(i, n) for (unsigned i = 0; i < (n); i++)
#elif defined(__clang__)
#define EACH(i, n) _Pragma("clang loop unroll(full)") for (unsigned i = 0; i < (n); i++)
#else
#define EACH(i, n) _Pragma("GCC unroll 16") for (unsigned i = 0; i < (n); i++)
#endif

#endif
