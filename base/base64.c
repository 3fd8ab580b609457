/* base/base64.c - see base64.h. */
#include "base/base64.h"

#include <sodium.h>

#include "base/err.h"

static int is_digit(unsigned char c, enum base64_form form) {
    if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) return 1;
    return form == BASE64_PLAIN ? c == '+' || c == '/' || c == '=' : c == '-' || c == '_';
}

int base64_read(uint8_t *out, size_t cap, size_t *n, const char *text, size_t text_n, enum base64_form form) {
    int variant = form == BASE64_PLAIN ? sodium_base64_VARIANT_ORIGINAL : sodium_base64_VARIANT_URLSAFE_NO_PADDING;
    const char *end = text;
    *n = 0;
    for (size_t i = 0; i < text_n; i++)
        if (!is_digit((unsigned char)text[i], form)) return ERR_FORMAT;
    return sodium_base642bin(out, cap, text, text_n, NULL, n, &end, variant) == 0 && end == text + text_n ? 0 : ERR_FORMAT;
}
