/* seal/manifest.h - what a served model is: name, file, profile. Its hash is what requests and receipts name. */
#ifndef SEAL_MANIFEST_H
#define SEAL_MANIFEST_H

#include <stddef.h>
#include <stdint.h>

#include "base/wire.h"
#include "seal/names.h"

enum { MANIFEST_VERSION = 1, MANIFEST_BYTES_MAX = 224 };
struct manifest {
    char name[MODEL_NAME_BYTES]; /* full form */
    uint64_t file_bytes;
    uint8_t file_sha256[32];
    char profile[PROFILE_BYTES]; /* "C1-f16" */
    uint32_t context;            /* tokens, 1..2^24 */
};
void manifest_write(struct writer *w, const struct manifest *m);
/* Reads one whole manifest: leftovers are ERR_TRAILING; ERR_VERSION, ERR_FORMAT, ERR_RANGE. */
int manifest_read(struct reader *r, struct manifest *out);
void manifest_hash(uint8_t out[32], const struct manifest *m);

#endif
