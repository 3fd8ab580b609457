/* model/gguf.c - see gguf.h: header, keys and tensor infos, read once from front to back.
 *
 * Layout: "GGUF", u32 version, u64 tensors, u64 keys; keys; tensor infos; padding to the alignment; data. */
#include "model/gguf.h"
#include "base/utf8.h"
#include "base/wire.h"
#include "math/weight.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of one element; 0: not a number. */
static size_t type_bytes(uint32_t t) {
    static const uint8_t bytes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
    return t < sizeof bytes ? bytes[t] : 0;
}

const char *gguf_type_name(enum gguf_type t) {
    static const char *const names[] = {"u8",   "i8",     "u16",   "i16", "u32", "i32", "f32",
                                        "bool", "string", "array", "u64", "i64", "f64"};
    return (size_t)t < sizeof names / sizeof names[0] ? names[t] : "unknown";
}

/* A string with its u64 length. */
static struct gguf_str read_str(struct reader *r, uint64_t max) {
    uint64_t n = read_u64_le(r);
    if (!r->err && n > r->left) read_fail(r, ERR_SHORT);
    if (!r->err && n > max) read_fail(r, ERR_LIMIT);
    const uint8_t *p = read_bytes(r, r->err ? 0 : (size_t)n);
    return (struct gguf_str){.p = (const char *)p, .n = r->err ? 0 : (size_t)n};
}

/* Longest part of a name that an error text shows; names are printable by then. */
static int shown(struct gguf_str s) { return s.n > 80 ? 80 : (int)s.n; }

/* Keys and names end up in messages and JSON: UTF-8 without control characters, those of U+0080 to U+009F among them. */
static int printable(struct gguf_str s) {
    for (size_t i = 0; i < s.n; i++) {
        uint8_t byte = (uint8_t)s.p[i], next = i + 1 < s.n ? (uint8_t)s.p[i + 1] : 0;
        if (byte < 0x20 || byte == 0x7f || (byte == 0xc2 && next >= 0x80 && next < 0xa0)) return 0;
    }
    return utf8_valid(s.p, s.n);
}

/* Skips count strings or bools one by one, because their bytes have to be looked at; numbers in one step. */
static void skip_elements(struct reader *r, uint32_t type, uint64_t count) {
    size_t each = type == GGUF_STRING ? 8 : type_bytes(type); /* a string takes at least its length */
    if (count > r->left / each) {
        read_fail(r, ERR_SHORT);
        return;
    }
    if (type == GGUF_STRING) {
        for (uint64_t i = 0; i < count && !r->err; i++) read_str(r, UINT64_MAX);
        return;
    }
    const uint8_t *p = read_bytes(r, (size_t)count * each);
    for (uint64_t i = 0; p && type == GGUF_BOOL && i < count; i++)
        if (p[i] > 1) read_fail(r, ERR_FORMAT);
}

static int read_kv(struct reader *r, struct gguf_kv *kv, uint64_t number, struct why *why) {
    kv->key = read_str(r, GGUF_KEY_BYTES_MAX);
    if (r->err)
        return why_set(why, r->err, "the name of key %" PRIu64 " is cut off or longer than %d bytes", number, GGUF_KEY_BYTES_MAX);
    if (kv->key.n == 0 || !printable(kv->key))
        return why_set(why, ERR_FORMAT, "the name of key %" PRIu64 " is empty or not plain text", number);
    uint32_t type = read_u32_le(r), elem = type;
    uint64_t count = 1;
    if (!r->err && type == GGUF_ARRAY) {
        elem = read_u32_le(r);
        count = read_u64_le(r);
    }
    if (!r->err && (elem > GGUF_F64 || elem == GGUF_ARRAY))
        return why_set(why, ERR_UNSUPPORTED, "key %.*s has value type %" PRIu32 "%s", shown(kv->key), kv->key.p, elem,
                       elem == GGUF_ARRAY ? ", an array inside an array" : ", which is unknown");
    kv->type = type;
    kv->elem = elem;
    kv->count = count;
    kv->data = r->p;
    size_t before = r->left;
    if (!r->err) skip_elements(r, elem, count);
    kv->bytes = before - r->left;
    if (r->err)
        return why_set(why, r->err, "the value of key %.*s %s", shown(kv->key), kv->key.p,
                       r->err == ERR_FORMAT ? "is neither true nor false" : "goes beyond the end of the file");
    return 0;
}

static int read_kvs(struct gguf *g, struct reader *r, uint64_t count, struct why *why) {
    if (count > GGUF_KV_MAX || count > r->left / 13) /* the shortest: length, type, one byte */
        return why_set(why, ERR_LIMIT, "%" PRIu64 " keys are announced, more than the file can hold or than %d", count,
                       GGUF_KV_MAX);
    g->kv = mem_zalloc((size_t)count, sizeof *g->kv);
    int e = g->kv ? strmap_init(&g->keys, (size_t)count) : ERR_NOMEM;
    for (uint64_t i = 0; e == 0 && i < count; i++) {
        struct gguf_kv *kv = &g->kv[i];
        e = read_kv(r, kv, i, why);
        if (e == 0 && strmap_add(&g->keys, kv->key.p, kv->key.n, (uint32_t)i) != 0)
            e = why_set(why, ERR_FORMAT, "key %.*s is there twice", shown(kv->key), kv->key.p);
        g->kv_count += e == 0;
    }
    return e;
}

/* The file refuses itself as a whole for two reasons that stand in its keys. */
static int check_general(struct gguf *g, struct why *why) {
    g->alignment = 32;
    int e = gguf_optional(gguf_u32(g, "general.alignment", 1, 1 << 20, &g->alignment, why));
    if (e == 0 && (g->alignment & (g->alignment - 1)) != 0)
        e = why_set(why, ERR_RANGE, "key general.alignment: %" PRIu32 " is not a power of two", g->alignment);
    uint32_t parts = 1;
    if (e == 0) e = gguf_optional(gguf_u32(g, "split.count", 0, UINT32_MAX, &parts, why));
    if (e == 0 && parts > 1)
        e = why_set(why, ERR_UNSUPPORTED,
                    "this is one of %" PRIu32 " parts of a split model; join them first (llama-gguf-split --merge)", parts);
    return e;
}

/* Rows, columns and bytes of a tensor, checked against overflow; the offset is checked by the caller. */
static int size_tensor(struct gguf_tensor *t, struct why *why) {
    const struct gguf_tensor_type *wt = gguf_tensor_type(t->type);
    if (!wt) return why_set(why, ERR_UNSUPPORTED, "tensor %s has weight type %" PRIu32 ", which is not known", t->name, t->type);
    uint64_t row = t->dims[0] <= UINT32_MAX && t->dims[0] % wt->block_len == 0 ? t->dims[0] / wt->block_len * wt->block_bytes : 0;
    if (row == 0)
        return why_set(why, ERR_FORMAT, "tensor %s: rows of %" PRIu64 " values do not fit type %s", t->name, t->dims[0],
                       wt->name);
    uint64_t values = t->dims[0], bytes = row;
    for (uint32_t d = 1; d < t->n_dims; d++)
        if (t->dims[d] == 0 || __builtin_mul_overflow(values, t->dims[d], &values) ||
            __builtin_mul_overflow(bytes, t->dims[d], &bytes) || values > INT64_MAX)
            return why_set(why, ERR_RANGE, "tensor %s: dimension %" PRIu32 " is 0 or too large", t->name, d);
    t->bytes = bytes;
    return 0;
}

static int read_tensor(struct reader *r, struct gguf_tensor *t, uint64_t number, struct why *why) {
    struct gguf_str name = read_str(r, GGUF_NAME_BYTES_MAX);
    if (r->err)
        return why_set(why, r->err, "the name of tensor %" PRIu64 " is cut off or longer than %d bytes", number,
                       GGUF_NAME_BYTES_MAX);
    if (name.n == 0 || !printable(name))
        return why_set(why, ERR_FORMAT, "the name of tensor %" PRIu64 " is empty or not plain text", number);
    memcpy(t->name, name.p, name.n);
    t->n_dims = read_u32_le(r);
    if (!r->err && (t->n_dims < 1 || t->n_dims > GGUF_DIMS_MAX))
        return why_set(why, ERR_RANGE, "tensor %s has %" PRIu32 " dimensions; 1 to %d are possible", t->name, t->n_dims,
                       GGUF_DIMS_MAX);
    for (uint32_t d = 0; d < GGUF_DIMS_MAX; d++) t->dims[d] = d < t->n_dims ? read_u64_le(r) : 1;
    t->type = read_u32_le(r);
    t->offset = read_u64_le(r);
    if (r->err) return why_set(why, r->err, "the header of tensor %s is cut off", t->name);
    return size_tensor(t, why);
}

static int read_tensors(struct gguf *g, struct reader *r, uint64_t count, struct why *why) {
    if (count > GGUF_TENSORS_MAX || count > r->left / 33) /* the shortest: name of one byte, one dimension */
        return why_set(why, ERR_LIMIT, "%" PRIu64 " tensors are announced, more than the file can hold or than %d", count,
                       GGUF_TENSORS_MAX);
    g->tensor = mem_zalloc((size_t)count, sizeof *g->tensor);
    int e = g->tensor ? strmap_init(&g->names, (size_t)count) : ERR_NOMEM;
    for (uint64_t i = 0; e == 0 && i < count; i++) {
        struct gguf_tensor *t = &g->tensor[i];
        e = read_tensor(r, t, i, why);
        if (e == 0 && strmap_add(&g->names, t->name, strlen(t->name), (uint32_t)i) != 0)
            e = why_set(why, ERR_FORMAT, "tensor %s is there twice", t->name);
        g->tensor_count += e == 0;
    }
    return e;
}

/* n rounded up to a power of two, which never overflows for sizes inside a file. */
static uint64_t align_up(uint64_t n, uint64_t to) { return (n + to - 1) & ~(to - 1); }

/* Tensors follow each other in file order, each padded to the alignment: so they cannot overlap or reach outside. */
static int place_tensors(struct gguf *g, size_t header, struct why *why) {
    uint64_t start = align_up(header, g->alignment), at = 0;
    if (g->tensor_count && start > g->size) return why_set(why, ERR_SHORT, "the file ends before its tensor data");
    for (size_t i = 0; i < g->tensor_count; i++) {
        struct gguf_tensor *t = &g->tensor[i];
        if (t->offset != at)
            return why_set(why, ERR_FORMAT, "tensor %s starts at %" PRIu64 " of the data; %" PRIu64 " is expected", t->name,
                           t->offset, at);
        if (at > g->size - start || t->bytes > g->size - start - at)
            return why_set(why, ERR_SHORT, "tensor %s goes beyond the end of the file", t->name);
        t->offset = start + at;
        t->data = g->file + t->offset;
        at = align_up(at + t->bytes, g->alignment);
    }
    return 0;
}

static int parse(struct gguf *g, struct why *why) {
    struct reader r = reader_over(g->file, g->size);
    const uint8_t *magic = read_bytes(&r, 4);
    if (!magic || memcmp(magic, "GGUF", 4) != 0) return why_set(why, ERR_FORMAT, "not a GGUF file");
    g->version = read_u32_le(&r);
    uint64_t tensors = read_u64_le(&r), keys = read_u64_le(&r);
    if (r.err) return why_set(why, r.err, "the file ends inside its header");
    if (g->version != 0 && (g->version & 0xffff) == 0) return why_set(why, ERR_UNSUPPORTED, "a big-endian GGUF file");
    if (g->version != 2 && g->version != 3)
        return why_set(why, ERR_VERSION, "GGUF version %" PRIu32 "; 2 and 3 are supported", g->version);
    int e = read_kvs(g, &r, keys, why);
    if (e == 0) e = check_general(g, why);
    if (e == 0) e = read_tensors(g, &r, tensors, why);
    if (e == 0) e = place_tensors(g, g->size - r.left, why);
    return e;
}

int gguf_parse(struct gguf *g, const void *file, size_t n, struct why *why) {
    *g = (struct gguf){.file = file, .size = n};
    int e = parse(g, why);
    if (e != 0) gguf_close(g);
    return e;
}

int gguf_open(struct gguf *g, const char *path, struct why *why) {
    struct file_map map;
    struct why inner = {{0}};
    *g = (struct gguf){0};
    int e = file_map_open(&map, path, why);
    if (e != 0) return e;
    e = gguf_parse(g, map.data, map.size, &inner);
    if (e != 0) {
        file_map_close(&map);
        return why_set(why, e, "%.100s: %.200s", path, why_text(&inner, e));
    }
    g->map = map;
    return 0;
}

void gguf_close(struct gguf *g) {
    free(g->kv);
    free(g->tensor);
    strmap_release(&g->keys);
    strmap_release(&g->names);
    file_map_close(&g->map);
    *g = (struct gguf){0};
}

const struct gguf_tensor *gguf_tensor(const struct gguf *g, const char *name) {
    int64_t i = strmap_find(&g->names, name, strlen(name));
    return i < 0 ? NULL : &g->tensor[i];
}
