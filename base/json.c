/* base/json.c - see json.h. */
#include "base/json.h"
#include "base/err.h"
#include "base/utf8.h"

#include <string.h>

/* jansson nests to 2048, which is deep for a small stack: count brackets outside strings first. */
static int too_deep(const uint8_t *s, size_t n) {
    int depth = 0, in_string = 0;
    for (size_t i = 0; i < n; i++) {
        if (in_string) {
            if (s[i] == '\\')
                i++;
            else if (s[i] == '"')
                in_string = 0;
        } else if (s[i] == '"')
            in_string = 1;
        else if (s[i] == '{' || s[i] == '[') {
            if (++depth > JSON_DEPTH_MAX) return 1;
        } else if (s[i] == '}' || s[i] == ']')
            depth--;
    }
    return 0;
}

int json_has_over(const void *text, size_t n, size_t values) {
    const uint8_t *s = text;
    size_t found = 1;
    int in_string = 0;
    for (size_t i = 0; i < n && found <= values; i++) {
        if (in_string && s[i] == '\\')
            i++;
        else if (s[i] == '"')
            in_string = !in_string;
        else if (!in_string)
            found += s[i] == '{' || s[i] == '[' || s[i] == ',';
    }
    return found > values;
}

int json_parse(json_t **out, const void *text, size_t n, size_t *pos) {
    json_error_t e = {0};
    *out = NULL;
    if (pos) *pos = 0;
    if (too_deep(text, n)) return ERR_FORMAT;
    *out = json_loadb(text, n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY, &e);
    if (pos && !*out) *pos = e.position < 0 ? 0 : (size_t)e.position;
    explicit_bzero(&e, sizeof e); /* its text quotes the input */
    return *out ? 0 : ERR_FORMAT;
}

static int add(const char *p, size_t n, void *b) { return buf_add(b, p, n) == 0 ? 0 : -1; }

int json_print(struct buf *b, const json_t *j, size_t max) {
    buf_init(b, max);
    if (json_dump_callback(j, add, b, JSON_COMPACT | JSON_ENCODE_ANY) == 0) return 0;
    buf_release(b);
    return ERR_NOMEM;
}

static const json_t *member(const json_t *obj, const char *key) {
    const json_t *v = json_object_get(obj, key);
    return json_is_null(v) ? NULL : v;
}

enum json_got json_get_int(const json_t *obj, const char *key, int64_t lo, int64_t hi, int64_t *out) {
    const json_t *v = member(obj, key);
    if (!v) return JSON_ABSENT;
    if (!json_is_integer(v)) return JSON_WRONG;
    int64_t got = json_integer_value(v);
    if (got < lo || got > hi) return JSON_WRONG;
    *out = got;
    return JSON_OK;
}

enum json_got json_get_real(const json_t *obj, const char *key, double lo, double hi, double *out) {
    const json_t *v = member(obj, key);
    if (!v) return JSON_ABSENT;
    if (!json_is_number(v)) return JSON_WRONG;
    double got = json_number_value(v);
    if (!(got >= lo && got <= hi)) return JSON_WRONG;
    *out = got;
    return JSON_OK;
}

enum json_got json_get_bool(const json_t *obj, const char *key, int *out) {
    const json_t *v = member(obj, key);
    if (!v) return JSON_ABSENT;
    if (!json_is_boolean(v)) return JSON_WRONG;
    *out = json_is_true(v);
    return JSON_OK;
}

enum json_got json_get_str(const json_t *obj, const char *key, const char **out, size_t *len) {
    const json_t *v = member(obj, key);
    if (!v) return JSON_ABSENT;
    if (!json_is_string(v)) return JSON_WRONG;
    *out = json_string_value(v);
    *len = json_string_length(v);
    return JSON_OK;
}

static int quote_ascii(struct buf *b, uint8_t c) {
    static const char short_for[] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r', ['"'] = '"', ['\\'] = '\\'};
    if (c < sizeof short_for && short_for[c]) return buf_add(b, (const char[]){'\\', short_for[c]}, 2);
    if (c < 0x20 || c == 0x7f) return buf_addf(b, "\\u%04x", c);
    return buf_add(b, &c, 1);
}

int json_quote(struct buf *b, const char *s, size_t n) {
    int r = buf_add(b, "\"", 1);
    for (size_t i = 0; r == 0 && i < n;) {
        uint32_t cp;
        int len = utf8_get((const uint8_t *)s + i, n - i, &cp);
        if (len == 1)
            r = quote_ascii(b, (uint8_t)cp);
        else if (len > 1)
            r = buf_add(b, s + i, (size_t)len);
        else
            r = buf_add(b, "\xef\xbf\xbd", 3);
        i += len > 0 ? (size_t)len : 1;
    }
    return r == 0 ? buf_add(b, "\"", 1) : r;
}
