/* base/utf8.c - see utf8.h. */
#include "base/utf8.h"

/* Bounds of the second byte depend on the first: this is what excludes overlong forms and surrogates. */
static int second_ok(uint8_t first, uint8_t second) {
    uint8_t lo = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    uint8_t hi = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    return second >= lo && second <= hi;
}

int utf8_get(const uint8_t *s, size_t n, uint32_t *cp) {
    if (n == 0) return UTF8_CUT;
    uint8_t first = s[0];
    if (first < 0x80) {
        *cp = first;
        return 1;
    }
    if (first < 0xc2 || first > 0xf4) return UTF8_BAD;
    int len = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    uint32_t v = first & (0x7fu >> len);
    for (int i = 1; i < len; i++) {
        if ((size_t)i >= n) return UTF8_CUT;
        if (i == 1 ? !second_ok(first, s[1]) : (s[i] & 0xc0) != 0x80) return UTF8_BAD;
        v = v << 6 | (s[i] & 0x3fu);
    }
    *cp = v;
    return len;
}

size_t utf8_put(uint8_t out[4], uint32_t cp) {
    if (cp < 0x80) {
        out[0] = (uint8_t)cp;
        return 1;
    }
    size_t len = cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--, cp >>= 6) out[i] = (uint8_t)(0x80 | (cp & 0x3f));
    out[0] = (uint8_t)(0xf00u >> len | cp); /* 0xc0, 0xe0, 0xf0 in the low byte */
    return len;
}

int utf8_valid(const void *s, size_t n) {
    const uint8_t *p = s;
    uint32_t cp;
    while (n) {
        int len = utf8_get(p, n, &cp);
        if (len < 0) return 0;
        p += len;
        n -= (size_t)len;
    }
    return 1;
}
