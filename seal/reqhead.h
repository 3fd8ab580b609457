/* seal/reqhead.h - request header H: all that a coordinator can read of a request. SHA-256(H) is in every HPKE info, so no
 * bit of it can change without every candidate refusing. */
#ifndef SEAL_REQHEAD_H
#define SEAL_REQHEAD_H

#include <stddef.h>
#include <stdint.h>

#include "base/wire.h"
#include "seal/names.h"

enum {
    REQHEAD_VERSION = 1,
    REQHEAD_BYTES_MAX = 512,
    CANDIDATES_MAX = 8,
    FRAME_BYTES_DEFAULT = 256,
    FRAME_BYTES_MIN = 128,
    FRAME_BYTES_MAX = 4096,
    SIZE_CLASS_STEP = 256 * 1024,
    SIZE_CLASS_MAX = 9 * 1024 * 1024
};
struct reqhead {
    uint8_t tier;                 /* TIER_SEALED or TIER_ATTESTED: the least that the request accepts */
    char model[MODEL_NAME_BYTES]; /* full form */
    uint8_t manifest_hash[32];
    uint32_t size_class;                /* bytes of padded content: 1, 4, 16, 64, 256 KiB, or a multiple of 256 KiB */
    uint16_t frame_bytes;               /* of the response, on the wire: 128..4096 */
    uint8_t count;                      /* candidates, 1..8 */
    uint8_t key_id[CANDIDATES_MAX][32]; /* distinct */
    uint8_t body_hash[32];              /* SHA-256 of the body's ciphertext */
};
/* The smallest class that holds n bytes, or 0 when none does. */
uint32_t size_class_for(size_t n);
int size_class_ok(uint32_t bytes);
size_t reqhead_bytes(const struct reqhead *h);
void reqhead_write(struct writer *w, const struct reqhead *h);
/* Reads H from the front of r and leaves what follows. ERR_SHORT, ERR_VERSION (version or suite), ERR_FORMAT, ERR_RANGE,
 * ERR_EXISTS (a key id twice). */
int reqhead_read(struct reader *r, struct reqhead *out);

#endif
