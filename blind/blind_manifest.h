/* blind/blind_manifest.h - what a model is to blind computing: the integers that its workers multiply by, and all else the client uses.
 *
 * Its digest is SHA-256 of its bytes: what clients and workers agree on. Format in PROTOCOL.md's conventions (big endian), at most
 * BLIND_MANIFEST_BYTES_MAX:
 *     u8 version 1 | text8 model name, full form | u64 bytes of the model file | SHA-256 of the model file | text8 profile |
 *     u64 bytes of the client file | SHA-256 of the client file | u16 stacks | stacks x (u32 rows | u32 cols | u32 p | root 32)
 * The client file is the GGUF that holds everything but the stacks' weights: norms, embeddings, tokenizer, template, and the metadata that
 * RoPE's constants follow from. It is a function of the model file, so its hash covers all of them. A root covers a stack's integers and
 * the scale of each row (merkle_add_row), rows in order. */
#ifndef BLIND_BLIND_MANIFEST_H
#define BLIND_BLIND_MANIFEST_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/wire.h"
#include "math/field.h"
#include "seal/names.h"

enum {
    BLIND_MANIFEST_VERSION = 1,
    BLIND_MANIFEST_STACKS_MAX = 4 * 512 + 1, /* model/linear.h numbers them; as many as the layers of model/hparams.h allow */
    BLIND_MANIFEST_BYTES_MAX = 1 + MODEL_NAME_BYTES + 8 + 32 + PROFILE_BYTES + 8 + 32 + 2 + BLIND_MANIFEST_STACKS_MAX * 44
};

struct blind_stack {
    uint32_t rows, cols;
    uint8_t root[32];
};
struct blind_manifest {
    char name[MODEL_NAME_BYTES];
    uint64_t file_bytes;
    uint8_t file_sha256[32];
    char profile[PROFILE_BYTES]; /* "C1-row8-f16" */
    uint64_t client_bytes;
    uint8_t client_sha256[32];
    uint32_t stack_count;
    struct blind_stack *stacks; /* owned; [stack_count] */
};
/* Room for stacks that the caller fills in; the rest is zero. ERR_RANGE: not 4 * layers + 1; ERR_NOMEM. */
int blind_manifest_init(struct blind_manifest *m, uint32_t stack_count);
void blind_manifest_release(struct blind_manifest *m); /* fine on a zeroed one */
/* The field of a stack (p follows from cols). */
const struct field *blind_stack_field(const struct blind_stack *s);

/* 1: of profile C1-row8-fold, whose passes ask for two stacks at once (model/row8_fold.h). */
int blind_manifest_folded(const struct blind_manifest *m);

/* What a reader asks of the fields: 0, ERR_FORMAT, ERR_RANGE, ERR_UNSUPPORTED (a profile that is not of row8). */
int blind_manifest_check(const struct blind_manifest *m, struct why *why);
void blind_manifest_write(struct writer *w, const struct blind_manifest *m);
/* One whole manifest. *out is set only on success and then the caller's to release. ERR_VERSION, ERR_SHORT, ERR_TRAILING, ERR_NOMEM, and
 * those of blind_manifest_check. */
int blind_manifest_read(struct reader *r, struct blind_manifest *out, struct why *why);
/* ERR_NOMEM. */
int blind_manifest_digest(const struct blind_manifest *m, uint8_t digest[32]);
/* 0, or ERR_AUTH: `other` is not the manifest `m`; why says where they differ first: another model file, profile, client file, number of
 * stacks, or the shape or weights of which stack. Names may differ. */
int blind_manifest_same(const struct blind_manifest *m, const struct blind_manifest *other, struct why *why);

#endif
