/* base/base64.h - strict base64 (RFC 4648) out of hostile text.
 *
 * libsodium's decoder (seen with Debian 12's 1.0.18) takes some bytes from 0x80 up for digits, so a value would have more than
 * one spelling: characters are looked at here first. */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include <stddef.h>
#include <stdint.h>

enum base64_form { BASE64_PLAIN /* section 4, padded */, BASE64_URL /* section 5, without padding */ };
/* All of text, without blanks, bits left over being zero: 0 and *n bytes in out. ERR_FORMAT: also over cap bytes. */
int base64_read(uint8_t *out, size_t cap, size_t *n, const char *text, size_t text_n, enum base64_form form);

#endif
