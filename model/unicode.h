/* model/unicode.h - the character classes that pre-tokenizers need, from a table that is part of the program. */
#ifndef MODEL_UNICODE_H
#define MODEL_UNICODE_H

#include <stdint.h>

enum unicode_class {
    UC_OTHER = 0,
    UC_LU = 1,
    UC_LL = 2,
    UC_LT = 3,
    UC_LM = 4,
    UC_LO = 5,
    UC_M = 6,
    UC_N = 7,
    UC_P = 8,
    UC_S = 9,
    UC_CLASS_MASK = 15,
    UC_SPACE = 16, /* White_Space; comes beside the class */
};
/* Class of a code point, with UC_SPACE. Above U+10FFFF: UC_OTHER. */
unsigned unicode_class_of(uint32_t cp);

extern const uint32_t unicode_ranges[]; /* first code point << 8 | class, ascending, the first for U+0000 */
extern const unsigned unicode_range_count;

#endif
