/* math/width.h - a kernel written for a constant number of tokens (1..WIDTH_MAX), chosen by the width at hand. */
#ifndef MATH_WIDTH_H
#define MATH_WIDTH_H

enum { WIDTH_MAX = 12 };
/* Calls fn(WIDTH, ...) with a constant width, so that each width's accumulators live in registers. After lanes_*.h. */
#if CHECKED
#define FOR_WIDTH(width, fn, ...) fn(width, __VA_ARGS__);
#else
#define FOR_WIDTH(width, fn, ...)        \
    switch (width) {                     \
    case 1: fn(1, __VA_ARGS__); break;   \
    case 2: fn(2, __VA_ARGS__); break;   \
    case 3: fn(3, __VA_ARGS__); break;   \
    case 4: fn(4, __VA_ARGS__); break;   \
    case 5: fn(5, __VA_ARGS__); break;   \
    case 6: fn(6, __VA_ARGS__); break;   \
    case 7: fn(7, __VA_ARGS__); break;   \
    case 8: fn(8, __VA_ARGS__); break;   \
    case 9: fn(9, __VA_ARGS__); break;   \
    case 10: fn(10, __VA_ARGS__); break; \
    case 11: fn(11, __VA_ARGS__); break; \
    default: fn(12, __VA_ARGS__); break; \
    }
#endif

#endif
