/* model/digest.h - digests of logits rows and the chain over them (rule 13 of the profile; PROTOCOL.md, Receipts). */
#ifndef MODEL_DIGEST_H
#define MODEL_DIGEST_H

#include <stddef.h>
#include <stdint.h>

enum { DIGEST_BYTES = 32 };

/* SHA-256 over n logits as little-endian binary32, before bias and penalties. */
void logits_digest(uint8_t out[DIGEST_BYTES], const float *logits, size_t n);
/* chain = SHA-256(chain || digest). A chain starts from a salt, or from zeros where nobody needs one. */
void digest_chain_add(uint8_t chain[DIGEST_BYTES], const uint8_t digest[DIGEST_BYTES]);

#endif
