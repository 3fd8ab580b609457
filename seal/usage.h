/* seal/usage.h - the usage statement, which the node signs for the coordinator in clear, and the coordinator's countersignature.
 * Neither says anything of content: counts, times, hashes of ciphertext and of the (sealed) receipt. */
#ifndef SEAL_USAGE_H
#define SEAL_USAGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/wire.h"
#include "seal/receipt.h"

enum { USAGE_VERSION = 1, USAGE_BYTES = 189, COUNTERSIGN_VERSION = 1, COUNTERSIGN_BYTES = 368, JOB_ID_BYTES = 16 };

struct usage {
    uint8_t header_hash[32], key_id[32];
    uint32_t from, prompt_tokens, output_tokens; /* as in the receipt */
    uint64_t start_ms, end_ms;
    uint8_t receipt_hash[32]; /* SHA-256 of the signed receipt */
    uint8_t sig[SIGN_BYTES];  /* by the receipt key */
};
/* Fills u from a signed receipt and signs it. */
int usage_from_receipt(struct usage *u, const struct receipt *r, const uint8_t receipt_secret[SIGN_SECRET_BYTES]);
void usage_write(struct writer *w, const struct usage *u);
int usage_read(struct reader *in, struct usage *out);
int usage_check(const struct usage *u, const uint8_t receipt_key[32]);   /* BAD_USAGE_SIG */
int usage_check_receipt(const struct usage *u, const struct receipt *r); /* BAD_USAGE_RECEIPT: another receipt or numbers */

struct countersign {
    struct usage usage;
    uint8_t job[JOB_ID_BYTES];
    uint8_t node[32];          /* identity */
    uint64_t frames, bytes;    /* of the response as relayed, start bytes included in bytes */
    uint64_t start_ms, end_ms; /* by the coordinator's clock */
    uint8_t coordinator[32];   /* Ed25519 public key */
    uint8_t sig[SIGN_BYTES];
};
int countersign_make(struct countersign *c, const uint8_t coordinator_secret[SIGN_SECRET_BYTES]); /* fills coordinator and sig */
void countersign_write(struct writer *w, const struct countersign *c);
int countersign_read(struct reader *in, struct countersign *out);
/* pinned (32 bytes) may be NULL: any coordinator. BAD_COUNTER_KEY, BAD_COUNTERSIG, BAD_TIMES. */
int countersign_check(const struct countersign *c, const uint8_t *pinned);

#endif
