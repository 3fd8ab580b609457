/* seal/chunk.h - chunked AEAD as in chunked OHTTP (draft-ietf-ohai-chunked-ohttp): ChaCha20-Poly1305 per chunk, nonce =
 * base nonce XOR counter, associated data empty, or "final" for the last chunk, so a cut is always noticed. */
#ifndef SEAL_CHUNK_H
#define SEAL_CHUNK_H

#include <stddef.h>
#include <stdint.h>

enum { CHUNK_TAG_BYTES = 16, CHUNK_KEY_BYTES = 32, CHUNK_NONCE_BYTES = 12, CHUNK_RESPONSE_NONCE_BYTES = 32 };

struct chunk_key { /* secret; wipe with mem_wipe */
    uint8_t key[CHUNK_KEY_BYTES], base_nonce[CHUNK_NONCE_BYTES];
    uint64_t counter;
};
/* A key used for one message alone: base nonce zero, so the nonce is the chunk number. */
void chunk_key_once(struct chunk_key *k, const uint8_t key[CHUNK_KEY_BYTES]);
/* RFC 9458 4.4 with salt = enc || nonce. */
void chunk_key_response(struct chunk_key *k, const uint8_t secret[32], const uint8_t enc[32],
                        const uint8_t nonce[CHUNK_RESPONSE_NONCE_BYTES]);
/* The same schedule for any lengths (published vectors use AES-128's). key_n, nonce_n <= 32. */
void chunk_response_schedule(uint8_t prk[32], uint8_t *key, size_t key_n, uint8_t *nonce, size_t nonce_n, const void *salt,
                             size_t salt_n, const void *secret, size_t secret_n);
void chunk_nonce(uint8_t out[CHUNK_NONCE_BYTES], const uint8_t base[CHUNK_NONCE_BYTES], uint64_t counter);
/* ct holds n + 16 bytes and may be pt itself. */
void chunk_seal(struct chunk_key *k, uint8_t *ct, const uint8_t *pt, size_t n, int final);
/* pt holds n - 16 bytes, may be ct itself. Tries nothing: the caller says whether this chunk must be the final one.
 * ERR_AUTH, ERR_SHORT: the counter stays; pt is zeroed on ERR_AUTH if it is a buffer of its own (libsodium zeroes it in place too). */
int chunk_open(struct chunk_key *k, uint8_t *pt, const uint8_t *ct, size_t n, int final);

#endif
