/* model/byte_level.h - GPT-2's spelling of bytes as printable characters: 0x21..0x7e, 0xa1..0xac and 0xae..0xff stand for
 * themselves, the other 68 bytes, in order, for U+0100..U+0143. */
#ifndef MODEL_BYTE_LEVEL_H
#define MODEL_BYTE_LEVEL_H

#include <stddef.h>
#include <stdint.h>

#include "model/strmap.h"

/* The character of a byte. */
uint32_t byte_level_char(uint8_t byte);
/* Spells n bytes in UTF-8; to has room for 2 n bytes. Returns the length. */
size_t byte_level_encode(const uint8_t *p, size_t n, char *to);
/* Back to bytes; to has room for s.n. Returns the length, or -1 if a character stands for no byte. */
int64_t byte_level_decode(struct gguf_str s, uint8_t *to);

#endif
