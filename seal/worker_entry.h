/* seal/worker_entry.h - what a record says of a model whose products a node computes blindly (PROTOCOL.md, Blind workers). */
#ifndef SEAL_WORKER_ENTRY_H
#define SEAL_WORKER_ENTRY_H

#include <stddef.h>
#include <stdint.h>

#include "base/wire.h"
#include "seal/names.h"

enum { WORKER_ENTRY_VERSION = 1, WORKER_ENTRY_BYTES_MAX = 256, WORKER_AT_BYTES = 61 };
struct worker_entry {
    char name[MODEL_NAME_BYTES]; /* full form */
    uint8_t manifest_hash[32];   /* of the blind manifest, which is what clients go by */
    char at[WORKER_AT_BYTES];    /* HOST:PORT where the worker listens itself, or "": only through the coordinator */
    uint8_t at_pin[32];          /* SHA-256 of the public key info of its certificate there; zeros without an address */
};
void worker_entry_write(struct writer *w, const struct worker_entry *e);
/* Reads one whole entry: ERR_VERSION, ERR_FORMAT, ERR_RANGE (a pin without an address), ERR_TRAILING, ERR_SHORT, ERR_LIMIT. */
int worker_entry_read(struct reader *r, struct worker_entry *out);

#endif
