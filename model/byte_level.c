/* model/byte_level.c - see byte_level.h. */
#include "model/byte_level.h"
#include "base/utf8.h"

static int stands_for_itself(uint32_t c) { return (c >= 0x21 && c <= 0x7e) || (c >= 0xa1 && c <= 0xff && c != 0xad); }

uint32_t byte_level_char(uint8_t byte) {
    if (stands_for_itself(byte)) return byte;
    if (byte <= 0x20) return 0x100u + byte;
    if (byte == 0xad) return 0x143;
    return 0x100u + 0x21u + byte - 0x7f; /* 0x7f..0xa0 follow the 33 bytes up to 0x20 */
}

static int byte_of_char(uint32_t c) {
    if (stands_for_itself(c)) return (int)c;
    if (c >= 0x100 && c <= 0x120) return (int)(c - 0x100);
    if (c >= 0x121 && c <= 0x142) return (int)(c - 0x121 + 0x7f);
    return c == 0x143 ? 0xad : -1;
}

size_t byte_level_encode(const uint8_t *p, size_t n, char *to) {
    size_t len = 0;
    for (size_t i = 0; i < n; i++) len += utf8_put((uint8_t *)to + len, byte_level_char(p[i]));
    return len;
}

int64_t byte_level_decode(struct gguf_str s, uint8_t *to) {
    int64_t len = 0;
    for (size_t i = 0; i < s.n;) {
        uint32_t c;
        int used = utf8_get((const uint8_t *)s.p + i, s.n - i, &c);
        int byte = used > 0 ? byte_of_char(c) : -1;
        if (byte < 0) return -1;
        to[len++] = (uint8_t)byte;
        i += (size_t)used;
    }
    return len;
}
