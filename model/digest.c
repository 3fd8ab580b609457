/* model/digest.c - see digest.h. */
#include "model/digest.h"
#include "base/hash.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "rows are hashed as they lie in memory");
_Static_assert(sizeof(float) == 4, "binary32");

void logits_digest(uint8_t out[DIGEST_BYTES], const float *logits, size_t n) { sha256_of(out, logits, n * sizeof *logits); }

void digest_chain_add(uint8_t chain[DIGEST_BYTES], const uint8_t digest[DIGEST_BYTES]) {
    struct sha256 h;
    sha256_init(&h);
    sha256_add(&h, chain, DIGEST_BYTES);
    sha256_add(&h, digest, DIGEST_BYTES);
    sha256_done(&h, chain);
}
