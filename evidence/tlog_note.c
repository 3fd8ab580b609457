/* evidence/tlog_note.c - reading notes. Keys and signatures are in tlog_sign.c. See tlog_note.h. */
#include "evidence/tlog_note.h"

#include <string.h>

#include "base/base64.h"
#include "base/utf8.h"

static const char dash[] = "\xe2\x80\x94 "; /* U+2014 and a space */
enum { DASH_BYTES = 4 };

/* White_Space of Unicode beyond ASCII; s is valid UTF-8. */
static int has_wide_space(const char *s, size_t n) {
    static const char *const spaces[] = {"\xc2\x85",     "\xc2\xa0",     "\xe1\x9a\x80", "\xe2\x80\xa8",
                                         "\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80"};
    for (size_t i = 0; i < sizeof spaces / sizeof *spaces; i++)
        if (memmem(s, n, spaces[i], strlen(spaces[i]))) return 1;
    for (size_t i = 0; i + 2 < n; i++) /* U+2000..U+200A */
        if (memcmp(s + i, "\xe2\x80", 2) == 0 && (uint8_t)s[i + 2] >= 0x80 && (uint8_t)s[i + 2] <= 0x8a) return 1;
    return 0;
}

int tlog_name_is_good(const char *name, size_t n) {
    if (n == 0 || n > TLOG_NAME_BYTES_MAX || !utf8_valid(name, n)) return 0;
    for (size_t i = 0; i < n; i++)
        if ((uint8_t)name[i] <= 0x20 || name[i] == '+' || name[i] == 0x7f) return 0;
    return !has_wide_space(name, n);
}

/* line: without its newline. */
static int read_line(struct tlog_sig *s, struct ev_bytes line) {
    uint8_t value[TLOG_SIG_BYTES_MAX];
    size_t got = 0;
    const char *text = (const char *)line.p;
    if (line.n < DASH_BYTES || memcmp(text, dash, DASH_BYTES) != 0) return ERR_FORMAT;
    const char *name = text + DASH_BYTES, *space = memchr(name, ' ', line.n - DASH_BYTES);
    if (!space || !tlog_name_is_good(name, (size_t)(space - name))) return ERR_FORMAT;
    const char *base64 = space + 1;
    size_t n = line.n - (size_t)(base64 - text);
    if (base64_read(value, sizeof value, &got, base64, n, BASE64_PLAIN) != 0) return ERR_FORMAT;
    if (got <= sizeof s->id) return ERR_FORMAT;
    *s = (struct tlog_sig){.line = {line.p, line.n + 1}, .name = {(const uint8_t *)name, (size_t)(space - name)}};
    memcpy(s->id, value, sizeof s->id);
    s->n = got - sizeof s->id;
    memcpy(s->bytes, value + sizeof s->id, s->n < sizeof s->bytes ? s->n : sizeof s->bytes);
    return 0;
}

static int check_characters(struct ev_bytes bytes) {
    for (size_t i = 0; i < bytes.n; i++)
        if (bytes.p[i] < 0x20 && bytes.p[i] != '\n') return ERR_FORMAT;
    return utf8_valid((const char *)bytes.p, bytes.n) ? 0 : ERR_FORMAT;
}

int tlog_note_read(struct tlog_note *out, struct ev_bytes bytes) {
    if (bytes.n > TLOG_NOTE_BYTES_MAX) return ERR_LIMIT;
    if (bytes.n < 2 || bytes.p[bytes.n - 1] != '\n' || check_characters(bytes) != 0) return ERR_FORMAT;
    size_t at = bytes.n - 1; /* the last empty line: a newline right behind a newline */
    while (at > 0 && !(bytes.p[at] == '\n' && bytes.p[at - 1] == '\n')) at--;
    if (at == 0) return ERR_FORMAT;
    out->text = (struct ev_bytes){bytes.p, at};
    out->count = 0;
    for (at++; at < bytes.n;) {
        const uint8_t *end = memchr(bytes.p + at, '\n', bytes.n - at);
        struct ev_bytes line = {bytes.p + at, (size_t)(end - (bytes.p + at))};
        if (out->count == TLOG_SIGS_MAX) return ERR_LIMIT;
        int r = read_line(&out->sig[out->count++], line);
        if (r != 0) return r;
        at += line.n + 1;
    }
    return out->count > 0 ? 0 : ERR_FORMAT;
}
