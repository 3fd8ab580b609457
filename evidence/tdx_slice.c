/* evidence/tdx_slice.c - see tdx_slice.h. One pass, no recursion: a counter of brackets, each kept on a small stack. */
#include "evidence/tdx_slice.h"

#include <string.h>

struct scan {
    const uint8_t *p, *end;
};

static void blanks(struct scan *s) {
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r')) s->p++;
}

static int take(struct scan *s, uint8_t c) {
    blanks(s);
    if (s->p == s->end || *s->p != c) return ERR_FORMAT;
    s->p++;
    return 0;
}

/* What is between the quotes; *plain 0: it has escapes, so it is not what it looks like. */
static int text_of(struct scan *s, struct ev_bytes *out, int *plain) {
    int e = take(s, '"');
    const uint8_t *start = s->p;
    *plain = 1;
    if (e != 0) return e;
    for (; s->p < s->end && *s->p != '"'; s->p++) {
        if (*s->p < 0x20) return ERR_FORMAT;
        if (*s->p != '\\') continue;
        *plain = 0;
        if (++s->p == s->end) return ERR_FORMAT;
    }
    if (s->p == s->end) return ERR_FORMAT;
    *out = (struct ev_bytes){start, (size_t)(s->p - start)};
    s->p++;
    return 0;
}

static int skip_text(struct scan *s) {
    struct ev_bytes ignored;
    int plain;
    return text_of(s, &ignored, &plain);
}

/* An object or array, at its opening bracket. */
static int skip_nested(struct scan *s) {
    char closing[TDX_SLICE_DEPTH_MAX];
    size_t depth = 0;
    do {
        if (s->p == s->end) return ERR_FORMAT;
        uint8_t c = *s->p;
        if (c == '"') {
            if (skip_text(s) != 0) return ERR_FORMAT;
            continue;
        }
        if (c == '{' || c == '[') {
            if (depth == TDX_SLICE_DEPTH_MAX) return ERR_LIMIT;
            closing[depth++] = c == '{' ? '}' : ']';
        } else if (c == '}' || c == ']') {
            if (closing[--depth] != (char)c) return ERR_FORMAT;
        }
        s->p++;
    } while (depth > 0);
    return 0;
}

static int skip_value(struct scan *s, struct ev_bytes *out) {
    blanks(s);
    const uint8_t *start = s->p;
    int e = 0;
    if (s->p == s->end) return ERR_FORMAT;
    if (*s->p == '"')
        e = skip_text(s);
    else if (*s->p == '{' || *s->p == '[')
        e = skip_nested(s);
    else
        while (s->p < s->end && !strchr(",}] \t\r\n", *s->p)) s->p++; /* a NUL ends it too: strchr finds it */
    *out = (struct ev_bytes){start, (size_t)(s->p - start)};
    return e != 0 ? e : out->n > 0 ? 0 : ERR_FORMAT;
}

static int one_member(struct scan *s, const char *member, struct ev_bytes *out) {
    struct ev_bytes name, value = {NULL, 0};
    int plain = 0, e = text_of(s, &name, &plain);
    if (e == 0 && !plain) e = ERR_FORMAT;
    if (e == 0) e = take(s, ':');
    if (e == 0) e = skip_value(s, &value);
    if (e != 0 || name.n != strlen(member) || memcmp(name.p, member, name.n) != 0) return e;
    if (out->p) return ERR_FORMAT;
    *out = value;
    return 0;
}

int tdx_collateral_slice(struct ev_bytes text, const char *member, struct ev_bytes *out) {
    struct scan s = {text.p, text.p + text.n};
    struct ev_bytes found = {NULL, 0};
    *out = found;
    if (text.n == 0) return ERR_FORMAT;
    int e = take(&s, '{');
    if (e == 0 && take(&s, '}') != 0) {
        do e = one_member(&s, member, &found);
        while (e == 0 && take(&s, ',') == 0);
        if (e == 0) e = take(&s, '}');
    }
    blanks(&s);
    if (e == 0 && s.p != s.end) e = ERR_FORMAT;
    if (e == 0 && !found.p) e = ERR_NOTFOUND;
    if (e == 0) *out = found;
    return e;
}
