/* base/utf8.h - UTF-8 (RFC 3629) one code point at a time; overlong forms, surrogates and values over U+10FFFF are invalid. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

enum { UTF8_BAD = -1, UTF8_CUT = -2 };
/* Decodes the code point at s[0..n). Returns its length 1..4 and sets *cp; UTF8_CUT when n bytes are a valid beginning
 * that ends too early (n may be 0); UTF8_BAD when no continuation can make it valid. */
int utf8_get(const uint8_t *s, size_t n, uint32_t *cp);
/* Writes cp (a Unicode scalar value) to out and returns its length 1..4. */
size_t utf8_put(uint8_t out[4], uint32_t cp);
/* 1 if all n bytes are valid UTF-8. */
int utf8_valid(const void *s, size_t n);

#endif
