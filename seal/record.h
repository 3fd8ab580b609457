/* seal/record.h - a node's record: key statement, model manifests, blind workers, evidence hash, operator's signature, identity's signature.
 *
 * Gateways trust a record only after record_verify; coordinators relay the very bytes that the node sent. */
#ifndef SEAL_RECORD_H
#define SEAL_RECORD_H

#include "seal/keystmt.h"
#include "seal/manifest.h"
#include "seal/sign.h"
#include "seal/worker_entry.h"

/* A record without blind workers is of version 1, one with them of version 2: each has one spelling, and nodes that have none can be
 * read by whoever knows nothing of them. */
enum { RECORD_VERSION = 1, RECORD_VERSION_WORKERS = 2, RECORD_MODELS_MAX = 16, RECORD_BYTES_MAX = 4608 };

struct operator_stmt { /* "I answer for this identity until not_after": what makes an operator more than a claim */
    uint8_t operator_key[32];
    uint64_t not_after; /* unix seconds */
    uint8_t sig[SIGN_BYTES];
};
/* Fills out for identity. Needs the operator's own secret key (SIGN_SECRET_BYTES). */
void operator_sign(struct operator_stmt *out, const uint8_t identity[32], uint64_t not_after, const uint8_t operator_secret[64]);
void operator_id_of(uint8_t out[32], const uint8_t operator_key[32]);
enum { OPERATOR_TEXT_BYTES = 33 };
void operator_text(char out[OPERATOR_TEXT_BYTES], const uint8_t operator_id[32]); /* what people see and pin: 16 bytes in hex */

struct record {
    struct keystmt keys;
    uint8_t model_count; /* names distinct; with workers at least 1, at most RECORD_MODELS_MAX */
    struct manifest models[RECORD_MODELS_MAX];
    uint8_t worker_count; /* names distinct */
    struct worker_entry workers[RECORD_MODELS_MAX];
    uint8_t evidence_hash[32]; /* zeros: no evidence */
    struct operator_stmt operator;
    uint8_t sig[SIGN_BYTES]; /* by keys.identity over all before it */
};
/* The bytes that the identity signs (without label): the record up to its signature. */
void record_signed_bytes(struct writer *w, const struct record *r);
/* The whole record. */
void record_write(struct writer *w, const struct record *r);
/* Reads a whole record; syntax only. ERR_VERSION, ERR_FORMAT, ERR_RANGE, ERR_LIMIT, ERR_TRAILING, ERR_SHORT, ERR_EXISTS (a name twice). */
int record_read(struct reader *in, struct record *out);
/* Reads the unsigned part alone, as record_signed_bytes wrote it: what the signer process is asked to sign. */
int record_read_unsigned(struct reader *in, struct record *out);
/* Signs r in place with the identity's secret key. ERR_AUTH when it is not the key of keys.identity. */
int record_sign(struct record *r, const uint8_t identity_secret[SIGN_SECRET_BYTES]);
/* Every signature and time: 0 or the first failing check, in this order: BAD_IDENTITY_SIG, BAD_OPERATOR_ID, BAD_OPERATOR_SIG,
 * BAD_OPERATOR_EXPIRED, BAD_KEY_LIFETIME, BAD_KEY_NOT_YET, BAD_KEY_EXPIRED. */
int record_verify(const struct record *r, uint64_t now_s);
/* The model of that full name, or NULL. hash (may be NULL: any) must equal the manifest's hash. */
const struct manifest *record_model(const struct record *r, const char *name, const uint8_t *hash);
/* The blind worker of that blind manifest, or NULL. */
const struct worker_entry *record_worker(const struct record *r, const uint8_t manifest_hash[32]);

/* Link proof: the identity's signature over the TLS exporter value of this very connection ("EXPORTER-lull-link", 32 bytes). */
enum { LINK_EXPORTER_BYTES = 32 };
#define LINK_EXPORTER_LABEL "EXPORTER-lull-link"
int link_proof_make(uint8_t sig[SIGN_BYTES], const uint8_t exporter[LINK_EXPORTER_BYTES], const uint8_t identity_secret[64]);
int link_proof_check(const uint8_t sig[SIGN_BYTES], const uint8_t exporter[LINK_EXPORTER_BYTES],
                     const uint8_t identity[32]); /* BAD_LINK_PROOF */

#endif
