/* model/gguf_values.c - typed access to the keys of a GGUF file; see gguf.h. */
#include "model/gguf.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static uint64_t load_le(const uint8_t *p, size_t n) {
    uint64_t v = 0;
    for (size_t i = n; i-- > 0;) v = v << 8 | p[i];
    return v;
}

const struct gguf_kv *gguf_find(const struct gguf *g, const char *key) {
    int64_t i = strmap_find(&g->keys, key, strlen(key));
    return i < 0 ? NULL : &g->kv[i];
}

/* 1 and *v if kv is an integer; negative ones saturate above every bound. */
static int integer_of(const struct gguf_kv *kv, uint64_t *v) {
    switch (kv->type) {
    case GGUF_U8: *v = kv->data[0]; return 1;
    case GGUF_U16: *v = load_le(kv->data, 2); return 1;
    case GGUF_U32: *v = load_le(kv->data, 4); return 1;
    case GGUF_U64: *v = load_le(kv->data, 8); return 1;
    case GGUF_I8: *v = kv->data[0] & 0x80 ? UINT64_MAX : kv->data[0]; return 1;
    case GGUF_I16: *v = kv->data[1] & 0x80 ? UINT64_MAX : load_le(kv->data, 2); return 1;
    case GGUF_I32: *v = kv->data[3] & 0x80 ? UINT64_MAX : load_le(kv->data, 4); return 1;
    case GGUF_I64: *v = kv->data[7] & 0x80 ? UINT64_MAX : load_le(kv->data, 8); return 1;
    default: return 0;
    }
}

static int missing(const char *key, struct why *why) { return why_set(why, ERR_NOTFOUND, "key %.80s is missing", key); }

static int mistyped(const char *key, const struct gguf_kv *kv, const char *wanted, struct why *why) {
    if (kv->type == GGUF_ARRAY)
        return why_set(why, ERR_FORMAT, "key %.80s is an array of %s; %s is expected", key, gguf_type_name(kv->elem), wanted);
    return why_set(why, ERR_FORMAT, "key %.80s is of type %s; %s is expected", key, gguf_type_name(kv->type), wanted);
}

int gguf_u32(const struct gguf *g, const char *key, uint32_t lo, uint32_t hi, uint32_t *out, struct why *why) {
    const struct gguf_kv *kv = gguf_find(g, key);
    uint64_t v;
    if (!kv) return missing(key, why);
    if (!integer_of(kv, &v)) return mistyped(key, kv, "an integer", why);
    if (v < lo || v > hi) return why_set(why, ERR_RANGE, "key %.80s must be from %" PRIu32 " to %" PRIu32, key, lo, hi);
    *out = (uint32_t)v;
    return 0;
}

int gguf_f32(const struct gguf *g, const char *key, float lo, float hi, float *out, struct why *why) {
    const struct gguf_kv *kv = gguf_find(g, key);
    if (!kv) return missing(key, why);
    float v;
    if (kv->type == GGUF_F32)
        v = gguf_f32_at(kv, 0);
    else if (kv->type == GGUF_F64) {
        uint64_t bits = load_le(kv->data, 8);
        double d;
        memcpy(&d, &bits, sizeof d);
        v = (float)d;
    } else
        return mistyped(key, kv, "a real number", why);
    if (!(v >= lo && v <= hi)) return why_set(why, ERR_RANGE, "key %.80s must be from %g to %g", key, (double)lo, (double)hi);
    *out = v;
    return 0;
}

int gguf_bool(const struct gguf *g, const char *key, int *out, struct why *why) {
    const struct gguf_kv *kv = gguf_find(g, key);
    if (!kv) return missing(key, why);
    if (kv->type != GGUF_BOOL) return mistyped(key, kv, "a bool", why);
    *out = kv->data[0];
    return 0;
}

int gguf_text(const struct gguf *g, const char *key, struct gguf_str *out, struct why *why) {
    const struct gguf_kv *kv = gguf_find(g, key);
    size_t cursor = 0;
    if (!kv) return missing(key, why);
    if (kv->type != GGUF_STRING) return mistyped(key, kv, "a string", why);
    gguf_next_str(kv, &cursor, out);
    return 0;
}

int gguf_array(const struct gguf *g, const char *key, enum gguf_type elem, const struct gguf_kv **out, struct why *why) {
    const struct gguf_kv *kv = gguf_find(g, key);
    if (!kv) return missing(key, why);
    if (kv->type != GGUF_ARRAY || kv->elem != elem) {
        char wanted[32];
        snprintf(wanted, sizeof wanted, "an array of %s", gguf_type_name(elem));
        return mistyped(key, kv, wanted, why);
    }
    *out = kv;
    return 0;
}

uint32_t gguf_u32_at(const struct gguf_kv *a, uint64_t i) { return (uint32_t)load_le(a->data + 4 * i, 4); }

float gguf_f32_at(const struct gguf_kv *a, uint64_t i) {
    uint32_t bits = gguf_u32_at(a, i);
    float v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

int gguf_next_str(const struct gguf_kv *a, size_t *cursor, struct gguf_str *out) {
    if (*cursor >= a->bytes) return 0;
    size_t n = (size_t)load_le(a->data + *cursor, 8); /* the reader has checked every length */
    *out = (struct gguf_str){.p = (const char *)a->data + *cursor + 8, .n = n};
    *cursor += 8 + n;
    return 1;
}
