/* model/gguf_write.h - writes GGUF v3 files: keys, then tensor headers, then data streamed in the same order.
 *
 * The file appears under its name only when it is complete (temporary file, fsync, rename). Errors stick: puts may be
 * called straight down and checked once, by gguf_writer_finish. */
#ifndef MODEL_GGUF_WRITE_H
#define MODEL_GGUF_WRITE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/gguf.h"

struct gguf_writer;
/* ERR_IO, ERR_LIMIT (path too long), ERR_NOMEM. */
int gguf_writer_new(struct gguf_writer **out, const char *path, struct why *why);
void gguf_writer_free(struct gguf_writer *w); /* removes the temporary file unless finished; NULL is fine */

/* Only the owner may read the file (mode 0600). */
void gguf_writer_private(struct gguf_writer *w);

void gguf_put_u32(struct gguf_writer *w, const char *key, uint32_t v);
void gguf_put_f32(struct gguf_writer *w, const char *key, float v);
void gguf_put_bool(struct gguf_writer *w, const char *key, int v);
void gguf_put_text(struct gguf_writer *w, const char *key, const char *text);
void gguf_put_str(struct gguf_writer *w, const char *key, struct gguf_str s);
void gguf_put_strs(struct gguf_writer *w, const char *key, const struct gguf_str *s, size_t count);
void gguf_put_f32s(struct gguf_writer *w, const char *key, const float *v, size_t count);
void gguf_put_i32s(struct gguf_writer *w, const char *key, const int32_t *v, size_t count);
/* A key of another file, as it is. */
void gguf_put_kv(struct gguf_writer *w, const struct gguf_kv *kv);

/* Declares the next tensor: rows x cols of a type of the weight table (rows 1 and n_dims 1 for vectors). */
void gguf_put_tensor(struct gguf_writer *w, const char *name, uint32_t type, uint32_t n_dims, uint64_t cols, uint64_t rows);
/* The same for `depth` matrices of one shape in one tensor: the experts of a layer. */
void gguf_put_stack(struct gguf_writer *w, const char *name, uint32_t type, uint64_t cols, uint64_t rows, uint64_t depth);
/* The next n bytes of tensor data; tensors follow each other in the order declared, padding is added here. The first call
 * ends the header. */
void gguf_put_data(struct gguf_writer *w, const void *p, size_t n);
uint64_t gguf_writer_bytes(const struct gguf_writer *w); /* written so far */
/* Checks that every tensor is complete, then makes the file appear. Returns the first error of any call. */
int gguf_writer_finish(struct gguf_writer *w, struct why *why);

#endif
