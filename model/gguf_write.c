/* model/gguf_write.c - see gguf_write.h. The header is gathered in memory, the data goes through a 1 MiB buffer. */
#include "model/gguf_write.h"
#include "base/mem.h"
#include "math/weight.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ALIGNMENT = 32, HEADER_BYTES_MAX = 256 << 20, OUT_BYTES = 1 << 20, PATH_BYTES = 1024 };

struct pending {
    uint64_t bytes;
};
struct gguf_writer {
    char path[PATH_BYTES], temp[PATH_BYTES + 32];
    int fd, err, saved_errno;
    int finished;
    struct buf keys, infos;
    uint64_t key_count, tensor_count;
    uint64_t data_at;            /* where the next declared tensor starts, from the start of the data */
    struct pending *pending;     /* declared tensors */
    size_t pending_cap, current; /* the one being written */
    uint64_t current_done;
    int data_started;
    uint64_t written;
    uint8_t *out;
    size_t out_len;
};

static void fail(struct gguf_writer *w, int err) {
    if (w->err) return;
    w->err = err;
    w->saved_errno = errno;
}

int gguf_writer_new(struct gguf_writer **out, const char *path, struct why *why) {
    struct gguf_writer *w = mem_zalloc(1, sizeof *w);
    if (!w) return ERR_NOMEM;
    w->fd = -1;
    buf_init(&w->keys, HEADER_BYTES_MAX);
    buf_init(&w->infos, HEADER_BYTES_MAX);
    w->out = malloc(OUT_BYTES);
    int r = w->out ? 0 : ERR_NOMEM;
    if (r == 0 && strlen(path) >= sizeof w->path) r = why_set(why, ERR_LIMIT, "%.80s...: path too long", path);
    if (r == 0) {
        snprintf(w->path, sizeof w->path, "%s", path);
        snprintf(w->temp, sizeof w->temp, "%s.%ld.tmp", w->path, (long)getpid());
        w->fd = open(w->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        if (w->fd < 0) r = why_set(why, ERR_IO, "%.200s: %s", w->temp, strerror(errno));
    }
    if (r != 0) {
        if (w->fd < 0) w->temp[0] = 0; /* not ours to remove */
        gguf_writer_free(w);
        return r;
    }
    *out = w;
    return 0;
}

void gguf_writer_free(struct gguf_writer *w) {
    if (!w) return;
    if (w->fd >= 0) close(w->fd);
    if (!w->finished && w->temp[0]) unlink(w->temp);
    buf_release(&w->keys);
    buf_release(&w->infos);
    free(w->pending);
    free(w->out);
    free(w);
}

void gguf_writer_private(struct gguf_writer *w) {
    if (fchmod(w->fd, 0600) != 0) fail(w, ERR_IO);
}

/* ---- header ---- */

static void add(struct gguf_writer *w, struct buf *b, const void *p, size_t n) {
    if (!w->err && buf_add(b, p, n) != 0) fail(w, ERR_NOMEM);
}

static void add_le(struct gguf_writer *w, struct buf *b, uint64_t v, size_t n) {
    uint8_t le[8];
    for (size_t i = 0; i < n; i++, v >>= 8) le[i] = (uint8_t)v;
    add(w, b, le, n);
}

static void add_str(struct gguf_writer *w, struct buf *b, struct gguf_str s) {
    add_le(w, b, s.n, 8);
    add(w, b, s.p, s.n);
}

static void add_key_str(struct gguf_writer *w, struct gguf_str key, enum gguf_type type) {
    if (w->data_started) fail(w, ERR_WRONG_STATE);
    add_str(w, &w->keys, key);
    add_le(w, &w->keys, type, 4);
    w->key_count++;
}
static void add_key(struct gguf_writer *w, const char *key, enum gguf_type type) {
    add_key_str(w, (struct gguf_str){key, strlen(key)}, type);
}

static void add_array(struct gguf_writer *w, const char *key, enum gguf_type elem, size_t count) {
    add_key(w, key, GGUF_ARRAY);
    add_le(w, &w->keys, elem, 4);
    add_le(w, &w->keys, count, 8);
}

void gguf_put_u32(struct gguf_writer *w, const char *key, uint32_t v) {
    add_key(w, key, GGUF_U32);
    add_le(w, &w->keys, v, 4);
}

static void add_f32(struct gguf_writer *w, float v) {
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    add_le(w, &w->keys, bits, 4);
}

void gguf_put_f32(struct gguf_writer *w, const char *key, float v) {
    add_key(w, key, GGUF_F32);
    add_f32(w, v);
}

void gguf_put_bool(struct gguf_writer *w, const char *key, int v) {
    add_key(w, key, GGUF_BOOL);
    add_le(w, &w->keys, v != 0, 1);
}

void gguf_put_str(struct gguf_writer *w, const char *key, struct gguf_str s) {
    add_key(w, key, GGUF_STRING);
    add_str(w, &w->keys, s);
}

void gguf_put_text(struct gguf_writer *w, const char *key, const char *text) {
    gguf_put_str(w, key, (struct gguf_str){text, strlen(text)});
}

void gguf_put_strs(struct gguf_writer *w, const char *key, const struct gguf_str *s, size_t count) {
    add_array(w, key, GGUF_STRING, count);
    for (size_t i = 0; i < count; i++) add_str(w, &w->keys, s[i]);
}

void gguf_put_f32s(struct gguf_writer *w, const char *key, const float *v, size_t count) {
    add_array(w, key, GGUF_F32, count);
    for (size_t i = 0; i < count; i++) add_f32(w, v[i]);
}

void gguf_put_i32s(struct gguf_writer *w, const char *key, const int32_t *v, size_t count) {
    add_array(w, key, GGUF_I32, count);
    for (size_t i = 0; i < count; i++) add_le(w, &w->keys, (uint32_t)v[i], 4);
}

void gguf_put_kv(struct gguf_writer *w, const struct gguf_kv *kv) {
    add_key_str(w, kv->key, kv->type);
    if (kv->type == GGUF_ARRAY) {
        add_le(w, &w->keys, kv->elem, 4);
        add_le(w, &w->keys, kv->count, 8);
    }
    add(w, &w->keys, kv->data, kv->bytes);
}

static uint64_t align_up(uint64_t n) { return (n + ALIGNMENT - 1) & ~(uint64_t)(ALIGNMENT - 1); }

static int remember(struct gguf_writer *w, uint64_t bytes) {
    if (w->tensor_count == w->pending_cap) {
        size_t cap = w->pending_cap ? w->pending_cap * 2 : 256;
        struct pending *more = realloc(w->pending, cap * sizeof *more);
        if (!more) return ERR_NOMEM;
        w->pending = more;
        w->pending_cap = cap;
    }
    w->pending[w->tensor_count++].bytes = bytes;
    return 0;
}

static void declare(struct gguf_writer *w, const char *name, uint32_t type, uint32_t n_dims, const uint64_t dims[3]) {
    const struct weight_type *t = weight_type_of(type);
    size_t row = t && dims[0] <= UINT32_MAX ? weight_row_bytes(t, (uint32_t)dims[0]) : 0;
    uint64_t bytes = 0;
    if (w->data_started) fail(w, ERR_WRONG_STATE);
    if (row == 0 || dims[1] == 0 || dims[2] == 0 || strlen(name) > GGUF_NAME_BYTES_MAX ||
        __builtin_mul_overflow(row, dims[1], &bytes) || __builtin_mul_overflow(bytes, dims[2], &bytes))
        fail(w, ERR_RANGE);
    if (w->err) return;
    add_str(w, &w->infos, (struct gguf_str){name, strlen(name)});
    add_le(w, &w->infos, n_dims, 4);
    for (uint32_t i = 0; i < n_dims; i++) add_le(w, &w->infos, dims[i], 8);
    add_le(w, &w->infos, type, 4);
    add_le(w, &w->infos, w->data_at, 8);
    w->data_at = align_up(w->data_at + bytes);
    if (remember(w, bytes) != 0) fail(w, ERR_NOMEM);
}

void gguf_put_tensor(struct gguf_writer *w, const char *name, uint32_t type, uint32_t n_dims, uint64_t cols, uint64_t rows) {
    if (n_dims < 1 || n_dims > 2 || (n_dims == 1 && rows != 1)) fail(w, ERR_RANGE);
    declare(w, name, type, n_dims, (const uint64_t[3]){cols, rows, 1});
}

void gguf_put_stack(struct gguf_writer *w, const char *name, uint32_t type, uint64_t cols, uint64_t rows, uint64_t depth) {
    declare(w, name, type, 3, (const uint64_t[3]){cols, rows, depth});
}

/* ---- data ---- */

static void flush(struct gguf_writer *w) {
    const uint8_t *p = w->out;
    size_t n = w->out_len;
    while (!w->err && n) {
        ssize_t put = write(w->fd, p, n);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0)
            fail(w, ERR_IO);
        else
            p += put, n -= (size_t)put;
    }
    w->out_len = 0;
}

static void emit(struct gguf_writer *w, const void *data, size_t n) {
    const uint8_t *p = data;
    while (!w->err && n) {
        size_t part = OUT_BYTES - w->out_len < n ? OUT_BYTES - w->out_len : n;
        memcpy(w->out + w->out_len, p, part);
        w->out_len += part;
        w->written += part;
        p += part;
        n -= part;
        if (w->out_len == OUT_BYTES) flush(w);
    }
}

static void emit_padding(struct gguf_writer *w) {
    static const uint8_t zeros[ALIGNMENT];
    emit(w, zeros, (size_t)(align_up(w->written) - w->written));
}

static void start_data(struct gguf_writer *w) {
    struct buf head;
    buf_init(&head, 64);
    add(w, &head, "GGUF", 4);
    add_le(w, &head, 3, 4);
    add_le(w, &head, w->tensor_count, 8);
    add_le(w, &head, w->key_count, 8);
    emit(w, head.data, head.len);
    emit(w, w->keys.data, w->keys.len);
    emit(w, w->infos.data, w->infos.len);
    emit_padding(w);
    buf_release(&head);
    w->data_started = 1;
}

void gguf_put_data(struct gguf_writer *w, const void *p, size_t n) {
    const uint8_t *from = p;
    if (!w->data_started) start_data(w);
    while (!w->err && n) {
        if (w->current == w->tensor_count) {
            fail(w, ERR_TRAILING);
            return;
        }
        uint64_t left = w->pending[w->current].bytes - w->current_done;
        size_t part = left < n ? (size_t)left : n;
        emit(w, from, part);
        from += part;
        n -= part;
        w->current_done += part;
        if (w->current_done == w->pending[w->current].bytes) {
            emit_padding(w);
            w->current++;
            w->current_done = 0;
        }
    }
}

uint64_t gguf_writer_bytes(const struct gguf_writer *w) { return w->written; }

static void sync_folder(const char *path) {
    char copy[PATH_BYTES];
    snprintf(copy, sizeof copy, "%s", path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    (void)fsync(fd); /* some file systems refuse it on folders: the rename has still happened */
    close(fd);
}

int gguf_writer_finish(struct gguf_writer *w, struct why *why) {
    if (!w->data_started) start_data(w);
    if (w->current != w->tensor_count) fail(w, ERR_SHORT);
    flush(w);
    if (!w->err && fsync(w->fd) != 0) fail(w, ERR_IO);
    if (close(w->fd) != 0) fail(w, ERR_IO);
    w->fd = -1;
    if (!w->err && rename(w->temp, w->path) != 0) fail(w, ERR_IO);
    if (w->err == ERR_IO) return why_set(why, w->err, "%.200s: %s", w->path, strerror(w->saved_errno));
    if (w->err) return why_set(why, w->err, "%.200s: cannot be written: %s", w->path, err_text(w->err));
    w->finished = 1;
    sync_folder(w->path);
    return 0;
}
