/* model/gguf.h - GGUF v2 and v3 model files: a bounded reader over memory that copies neither strings nor arrays.
 *
 * Stricter than other readers, because files come from strangers: every count is compared with the bytes left before
 * memory is taken, every tensor lies inside the file, in order, without overlap, and names are unique. Nested arrays,
 * split models and big-endian files are refused. Everything below points into the mapped file until gguf_close. */
#ifndef MODEL_GGUF_H
#define MODEL_GGUF_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "model/strmap.h"

enum gguf_type {
    GGUF_U8 = 0,
    GGUF_I8 = 1,
    GGUF_U16 = 2,
    GGUF_I16 = 3,
    GGUF_U32 = 4,
    GGUF_I32 = 5,
    GGUF_F32 = 6,
    GGUF_BOOL = 7,
    GGUF_STRING = 8,
    GGUF_ARRAY = 9,
    GGUF_U64 = 10,
    GGUF_I64 = 11,
    GGUF_F64 = 12,
};
enum {
    GGUF_KV_MAX = 65536,
    GGUF_TENSORS_MAX = 65536,
    GGUF_KEY_BYTES_MAX = 65535,
    GGUF_NAME_BYTES_MAX = 63, /* tensor names */
    GGUF_DIMS_MAX = 4,
};

struct gguf_kv {
    struct gguf_str key;
    enum gguf_type type;
    enum gguf_type elem; /* arrays: type of the elements; else equal to type */
    uint64_t count;      /* arrays: elements; else 1 */
    const uint8_t *data; /* first element; a string starts with its u64 length */
    size_t bytes;
};
struct gguf_tensor_type {
    uint32_t id;
    const char *name;
    uint32_t block_len, block_bytes; /* a row is whole blocks */
};
/* Every type that files have, also those that math/ does not compute with; NULL: no such number. */
const struct gguf_tensor_type *gguf_tensor_type(uint32_t id);

struct gguf_tensor {
    char name[GGUF_NAME_BYTES_MAX + 1];
    uint32_t n_dims;              /* 1..4 */
    uint64_t dims[GGUF_DIMS_MAX]; /* dims[0] = contiguous length of a row; 1 beyond n_dims */
    uint32_t type;                /* gguf_tensor_type() knows it; weight_type_of() need not */
    uint64_t offset;              /* from the start of the file */
    uint64_t bytes;
    const uint8_t *data;
};

struct gguf {
    struct file_map map; /* zero when parsed from memory */
    const uint8_t *file;
    size_t size;
    uint32_t version, alignment;
    struct gguf_kv *kv;
    size_t kv_count;
    struct gguf_tensor *tensor;
    size_t tensor_count;
    struct strmap keys, names;
};

/* Maps and checks a file. ERR_NOTFOUND, ERR_IO, ERR_FORMAT, ERR_SHORT, ERR_LIMIT, ERR_VERSION, ERR_UNSUPPORTED; why names
 * the path and the key or tensor. On failure g is closed. */
int gguf_open(struct gguf *g, const char *path, struct why *why);
/* The same over n bytes of the caller's, who keeps them alive and unchanged. */
int gguf_parse(struct gguf *g, const void *file, size_t n, struct why *why);
void gguf_close(struct gguf *g); /* fine on a zeroed g */

/* Getters. 0: *out is set. ERR_NOTFOUND: no such key; *out keeps its value, so `gguf_optional(gguf_u32(...))` gives a
 * default. ERR_FORMAT: another type. ERR_RANGE: outside [lo, hi]. why names the key in each case. */
int gguf_u32(const struct gguf *g, const char *key, uint32_t lo, uint32_t hi, uint32_t *out, struct why *why);
int gguf_f32(const struct gguf *g, const char *key, float lo, float hi, float *out, struct why *why); /* NaN is ERR_RANGE */
int gguf_bool(const struct gguf *g, const char *key, int *out, struct why *why);
int gguf_text(const struct gguf *g, const char *key, struct gguf_str *out, struct why *why);
static inline int gguf_optional(int r) { return r == ERR_NOTFOUND ? 0 : r; }

/* NULL when absent. Any integer type, u32 or u64 or i32, counts as a count in gguf_u32. */
const struct gguf_kv *gguf_find(const struct gguf *g, const char *key);
const char *gguf_type_name(enum gguf_type t);

/* An array of the wanted element type: 0, ERR_NOTFOUND or ERR_FORMAT. */
int gguf_array(const struct gguf *g, const char *key, enum gguf_type elem, const struct gguf_kv **out, struct why *why);
/* Element i of a numeric array (i < count; the caller checked). Data is unaligned little-endian. */
uint32_t gguf_u32_at(const struct gguf_kv *a, uint64_t i); /* elements of u32 or i32 */
float gguf_f32_at(const struct gguf_kv *a, uint64_t i);
/* Walks an array of strings from first to last; *cursor starts at 0. Returns 0 after the last. */
int gguf_next_str(const struct gguf_kv *a, size_t *cursor, struct gguf_str *out);

/* NULL when absent. */
const struct gguf_tensor *gguf_tensor(const struct gguf *g, const char *name);

#endif
