/* seal/chunk.c - see chunk.h. */
#include "seal/chunk.h"
#include "base/err.h"
#include "base/mem.h"
#include "seal/hkdf.h"

#include <sodium.h>
#include <string.h>

static const uint8_t final_aad[] = {'f', 'i', 'n', 'a', 'l'};

void chunk_key_once(struct chunk_key *k, const uint8_t key[CHUNK_KEY_BYTES]) {
    *k = (struct chunk_key){.counter = 0};
    memcpy(k->key, key, CHUNK_KEY_BYTES);
}

void chunk_response_schedule(uint8_t prk[32], uint8_t *key, size_t key_n, uint8_t *nonce, size_t nonce_n, const void *salt,
                             size_t salt_n, const void *secret, size_t secret_n) {
    struct hkdf_part ikm = {secret, secret_n}, for_key = {"key", 3}, for_nonce = {"nonce", 5};
    hkdf_extract(prk, salt, salt_n, &ikm, 1);
    (void)hkdf_expand(key, key_n, prk, &for_key, 1); /* lengths are far below HKDF's limit */
    (void)hkdf_expand(nonce, nonce_n, prk, &for_nonce, 1);
}

void chunk_key_response(struct chunk_key *k, const uint8_t secret[32], const uint8_t enc[32],
                        const uint8_t nonce[CHUNK_RESPONSE_NONCE_BYTES]) {
    uint8_t salt[32 + CHUNK_RESPONSE_NONCE_BYTES], prk[32];
    memcpy(salt, enc, 32);
    memcpy(salt + 32, nonce, CHUNK_RESPONSE_NONCE_BYTES);
    k->counter = 0;
    chunk_response_schedule(prk, k->key, CHUNK_KEY_BYTES, k->base_nonce, CHUNK_NONCE_BYTES, salt, sizeof salt, secret, 32);
    mem_wipe(prk, sizeof prk);
}

void chunk_nonce(uint8_t out[CHUNK_NONCE_BYTES], const uint8_t base[CHUNK_NONCE_BYTES], uint64_t counter) {
    memcpy(out, base, CHUNK_NONCE_BYTES);
    for (int i = 0; i < 8; i++) out[CHUNK_NONCE_BYTES - 1 - i] ^= (uint8_t)(counter >> (8 * i));
}

void chunk_seal(struct chunk_key *k, uint8_t *ct, const uint8_t *pt, size_t n, int final) {
    uint8_t nonce[CHUNK_NONCE_BYTES];
    chunk_nonce(nonce, k->base_nonce, k->counter++);
    crypto_aead_chacha20poly1305_ietf_encrypt(ct, NULL, pt, n, final ? final_aad : NULL, final ? sizeof final_aad : 0, NULL,
                                              nonce, k->key);
}

int chunk_open(struct chunk_key *k, uint8_t *pt, const uint8_t *ct, size_t n, int final) {
    if (n < CHUNK_TAG_BYTES) return ERR_SHORT;
    uint8_t nonce[CHUNK_NONCE_BYTES];
    chunk_nonce(nonce, k->base_nonce, k->counter);
    if (crypto_aead_chacha20poly1305_ietf_decrypt(pt, NULL, NULL, ct, n, final ? final_aad : NULL, final ? sizeof final_aad : 0,
                                                  nonce, k->key) != 0) {
        /* libsodium checks the tag first and leaves ct as it is when pt is another buffer; in place there is nothing to keep */
        if (pt != ct) mem_wipe(pt, n - CHUNK_TAG_BYTES);
        return ERR_AUTH;
    }
    k->counter++;
    return 0;
}
