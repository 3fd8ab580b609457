/* evidence/canonical_json.c - see canonical_json.h. */
#include "evidence/canonical_json.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#define INTEGER_MAX ((json_int_t)9007199254740991) /* 2^53 - 1: beyond, a reader that keeps doubles sees another number */

struct out {
    struct buf *b;
    struct why *why;
    int depth; /* json_parse bounds it; a value that came another way is bounded here */
};

static int put_value(struct out *o, const json_t *v);

/* RFC 8785, 3.2.2.2: two-letter escapes where there are any, \u00xx for other control characters, everything else as it is. */
static int put_text(struct out *o, const char *s, size_t n) {
    static const char letter[0x20] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    int r = buf_add(o->b, "\"", 1);
    for (size_t i = 0; i < n && r == 0; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c == '"' || c == '\\')
            r = buf_add(o->b, (const char[]){'\\', (char)c}, 2);
        else if (c >= 0x20)
            r = buf_add(o->b, &c, 1);
        else if (letter[c])
            r = buf_add(o->b, (const char[]){'\\', letter[c]}, 2);
        else
            r = buf_addf(o->b, "\\u%04x", c);
    }
    return r == 0 ? buf_add(o->b, "\"", 1) : r;
}

static int key_allowed(const char *key) {
    for (; *key; key++)
        if (*key < 0x20 || *key > 0x7e) return 0;
    return 1;
}

static int by_key(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

static int put_members(struct out *o, const json_t *obj, const char **keys, size_t n) {
    int r = buf_add(o->b, "{", 1);
    for (size_t i = 0; i < n && r == 0; i++) {
        if (i > 0) r = buf_add(o->b, ",", 1);
        if (r == 0) r = put_text(o, keys[i], strlen(keys[i]));
        if (r == 0) r = buf_add(o->b, ":", 1);
        if (r == 0) r = put_value(o, json_object_get(obj, keys[i]));
    }
    return r == 0 ? buf_add(o->b, "}", 1) : r;
}

static int put_object(struct out *o, const json_t *obj) {
    size_t n = json_object_size(obj), found = 0;
    const char **keys = mem_zalloc(n + 1, sizeof *keys), *key;
    json_t *value;
    int r = keys ? 0 : ERR_NOMEM;
    if (r == 0) {
        json_object_foreach((json_t *)(uintptr_t)obj, key, value) {
            if (!key_allowed(key))
                r = why_set(o->why, ERR_FORMAT, "a key that is not printable ASCII has no canonical form here");
            if (found < n) keys[found++] = key;
        }
    }
    if (r == 0) {
        qsort(keys, found, sizeof *keys, by_key); /* of ASCII, the order of bytes is that of UTF-16 units */
        r = put_members(o, obj, keys, found);
    }
    free(keys);
    return r;
}

static int put_array(struct out *o, const json_t *list) {
    int r = buf_add(o->b, "[", 1);
    for (size_t i = 0; i < json_array_size(list) && r == 0; i++) {
        if (i > 0) r = buf_add(o->b, ",", 1);
        if (r == 0) r = put_value(o, json_array_get(list, i));
    }
    return r == 0 ? buf_add(o->b, "]", 1) : r;
}

static int put_integer(struct out *o, const json_t *v) {
    json_int_t n = json_integer_value(v);
    if (n > INTEGER_MAX || n < -INTEGER_MAX) return why_set(o->why, ERR_FORMAT, "an integer is over 53 bits");
    return buf_addf(o->b, "%lld", (long long)n);
}

static int put_value(struct out *o, const json_t *v) {
    int r = ERR_FORMAT;
    if (++o->depth > JSON_DEPTH_MAX) return why_set(o->why, ERR_FORMAT, "nested more than %d deep", JSON_DEPTH_MAX);
    switch (json_typeof(v)) {
    case JSON_OBJECT: r = put_object(o, v); break;
    case JSON_ARRAY: r = put_array(o, v); break;
    case JSON_STRING: r = put_text(o, json_string_value(v), json_string_length(v)); break;
    case JSON_INTEGER: r = put_integer(o, v); break;
    case JSON_REAL: r = why_set(o->why, ERR_FORMAT, "a number with a fraction or an exponent: only integers are allowed"); break;
    case JSON_TRUE: r = buf_add(o->b, "true", 4); break;
    case JSON_FALSE: r = buf_add(o->b, "false", 5); break;
    case JSON_NULL: r = buf_add(o->b, "null", 4); break;
    }
    o->depth--;
    return r;
}

int canonical_json_of(struct buf *out, const json_t *value, struct why *why) {
    struct out o = {.b = out, .why = why};
    buf_init(out, (size_t)2 * CANONICAL_BYTES_MAX); /* "\u000b" for a byte of the text is six for six: never longer than it was */
    int r = put_value(&o, value);
    if (r != 0) buf_release(out);
    return r;
}

int canonical_json(struct buf *out, const void *text, size_t n, struct why *why) {
    json_t *value;
    size_t at;
    if (n > CANONICAL_BYTES_MAX) return why_set(why, ERR_LIMIT, "over %d bytes", CANONICAL_BYTES_MAX);
    if (json_parse(&value, text, n, &at) != 0)
        return why_set(why, ERR_FORMAT, "not JSON, or a key comes twice: look near byte %zu", at);
    int r = canonical_json_of(out, value, why);
    json_decref(value);
    return r;
}

int canonical_json_check(const void *text, size_t n, struct why *why) {
    struct buf own;
    int r = canonical_json(&own, text, n, why);
    if (r != 0) return r;
    if (own.len != n || memcmp(own.data, text, n) != 0) {
        size_t at = 0, least = own.len < n ? own.len : n;
        while (at < least && own.data[at] == ((const uint8_t *)text)[at]) at++;
        r = why_set(why, ERR_FORMAT, "JSON, but not in canonical form (RFC 8785): it differs from byte %zu on", at);
    }
    buf_release(&own);
    return r;
}

int canonical_json_digest(uint8_t digest[32], const void *text, size_t n, struct why *why) {
    struct buf own;
    int r = canonical_json(&own, text, n, why);
    if (r != 0) return r;
    sha256_of(digest, own.data, own.len);
    buf_release(&own);
    return 0;
}
