/* seal/names.c - see names.h. */
#include "seal/names.h"
#include "base/err.h"

#include <stdio.h>
#include <string.h>

enum { PART_MAX = 64 };

static int starts_part(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

/* Length of the [a-z0-9][a-z0-9._-]{0,63} at s, 0 when there is none; longer runs give 0 too. */
static size_t part_length(const char *s) {
    if (!starts_part(s[0])) return 0;
    size_t n = 1;
    while (n <= PART_MAX && (starts_part(s[n]) || s[n] == '.' || s[n] == '_' || s[n] == '-')) n++;
    return n <= PART_MAX ? n : 0;
}

int model_name_full(char out[MODEL_NAME_BYTES], const char *text) {
    size_t name = part_length(text), tag = 0;
    const char *rest = text + name;
    int ok = name > 0 && (*rest == 0 || *rest == ':');
    if (ok && *rest == ':') {
        tag = part_length(rest + 1);
        ok = tag > 0 && rest[1 + tag] == 0;
    }
    out[0] = 0;
    if (!ok) return ERR_FORMAT;
    snprintf(out, MODEL_NAME_BYTES, "%s%s", text, tag ? "" : ":latest");
    return 0;
}

int model_name_is_full(const char *text) {
    char full[MODEL_NAME_BYTES];
    return model_name_full(full, text) == 0 && strcmp(full, text) == 0;
}

int wire_id_ok(const char *text, size_t cap) {
    size_t n = 0;
    for (; text[n] && n < cap; n++)
        if (text[n] < 0x21 || text[n] > 0x7e) return 0;
    return n >= 1 && n < cap;
}
