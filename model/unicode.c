/* model/unicode.c - see unicode.h. */
#include "model/unicode.h"

unsigned unicode_class_of(uint32_t cp) {
    if (cp > 0x10ffff) return UC_OTHER;
    unsigned lo = 0, hi = unicode_range_count; /* the range that holds cp is in [lo, hi) */
    while (hi - lo > 1) {
        unsigned mid = lo + (hi - lo) / 2;
        if (unicode_ranges[mid] >> 8 <= cp)
            lo = mid;
        else
            hi = mid;
    }
    return unicode_ranges[lo] & 0xff;
}
