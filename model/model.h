/* model/model.h - an opened model: checked file, packed weights, vocabulary, chat template. Read-only once open; any number of
 * threads and pools may share it. */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/profile.h"
#include "model/template.h"
#include "model/vocab.h"

struct model;
struct linear; /* model/linear.h */

/* Where the stacks of a model of ARITH_ROW8 or ARITH_ROW8_FOLD are, its large products. */
enum model_stacks {
    STACKS_PACKED,    /* here, ready for products */
    STACKS_STREAMED,  /* in the file: for model_linear_row and model_linear_pack. No engine takes such a model */
    STACKS_ELSEWHERE, /* not in the file, which is a client file (model_write_client): an engine needs linear_ops */
};

struct model_opts {
    unsigned threads;            /* that pack the weights; 0: one per core */
    uint32_t context;            /* positions that sessions may use; 0, or more than the model was trained for: as many as that */
    const char *kernels;         /* as kern_select takes it (LULL_KERNELS); NULL: the fastest */
    enum model_arith arith;      /* of the linear layers; part of the profile */
    enum model_stacks stacks;    /* only with stacks */
    const struct linear *linear; /* STACKS_ELSEWHERE: rows, cols, norm2_max and row_scale of each stack; copied */
    uint32_t linear_count;
    /* Called from the opening thread after each tensor; NULL: silent. */
    void (*progress)(void *arg, uint64_t bytes_done, uint64_t bytes_all);
    void *arg;
};
/* Maps the file, checks it, packs the weights. o may be NULL. Memory: about the file's size; its own pages are given back to
 * the system while packing. why names the path and what was wrong: ERR_UNSUPPORTED (architecture, tensor type, experts,
 * tokenizer; experts with ARITH_ROW8), ERR_FORMAT (missing, unknown or wrongly shaped tensors), ERR_RANGE (stacks that are not the
 * model's), ERR_NONFINITE, and what gguf_open returns. With ARITH_ROW8 packed weights take a byte each, whatever the file's types. */
int model_open(struct model **out, const char *path, const struct model_opts *o, struct why *why);
/* The same over a file image in memory, which must stay as it is until model_close. For tests. */
int model_open_memory(struct model **out, const void *file, size_t n, const struct model_opts *o, struct why *why);
void model_close(struct model *m); /* NULL is fine */

const struct vocab *model_vocab(const struct model *m);
const struct chat_template *model_template(const struct model *m);
uint32_t model_n_vocab(const struct model *m);
uint32_t model_context(const struct model *m); /* positions it was trained for, or what model_opts allow of them */
/* What is served or run when nobody says: at most 8192 of them, since the cache of a long context takes more memory than most
 * models' weights. The same on every machine, for it is part of what a node promises. */
uint32_t model_context_usual(const struct model *m);
uint64_t model_file_bytes(const struct model *m);
uint64_t model_weight_bytes(const struct model *m); /* packed, in memory */
uint64_t model_parameters(const struct model *m);   /* elements of all tensors */
const char *model_name(const struct model *m);      /* general.name as printable UTF-8, at most 95 bytes; "" when absent */
const char *model_arch(const struct model *m);
const char *
model_type(const struct model *m); /* the type that most weights of the file have: "Q8_0"; of a client file, its embeddings */
enum model_arith model_arith(const struct model *m);
/* SHA-256 of the whole file. Reads it all (about 1 GB/s): callers keep the result. */
void model_file_sha256(const struct model *m, uint8_t out[32]);

#endif
