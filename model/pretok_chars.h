/* model/pretok_chars.h - how a character is packed into a pretok_char, and questions about it. */
#ifndef MODEL_PRETOK_CHARS_H
#define MODEL_PRETOK_CHARS_H

#include "model/pretok.h"
#include "model/unicode.h"

/* bits 0..20 code point, 21..24 class, 25 White_Space, 26: one byte that is no UTF-8 */
enum { CH_CLASS_SHIFT = 21, CH_RAW = 1 << 26 };

static inline uint32_t ch_code(pretok_char c) { return c & 0x1fffff; }
static inline unsigned ch_class(pretok_char c) { return c >> CH_CLASS_SHIFT & UC_CLASS_MASK; }
static inline int ch_space(pretok_char c) { return (c >> CH_CLASS_SHIFT & UC_SPACE) != 0; }
static inline int ch_letter(pretok_char c) { return ch_class(c) >= UC_LU && ch_class(c) <= UC_LO; }
static inline int ch_mark(pretok_char c) { return ch_class(c) == UC_M; }
static inline int ch_number(pretok_char c) { return ch_class(c) == UC_N; }
static inline int ch_punct(pretok_char c) { return ch_class(c) == UC_P; }
static inline int ch_symbol(pretok_char c) { return ch_class(c) == UC_S; }
static inline int ch_newline(pretok_char c) { return ch_code(c) == '\r' || ch_code(c) == '\n'; }

#endif
