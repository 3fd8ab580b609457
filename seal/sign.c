/* seal/sign.c - see sign.h. */
#include "seal/sign.h"
#include "base/err.h"
#include "base/mem.h"

#include <sodium.h>
#include <string.h>

enum { LABEL_MAX = 32 };

/* label || 0 || bytes, in one piece as libsodium wants it. Returns its length. */
static size_t join(uint8_t out[LABEL_MAX + SIGN_MESSAGE_MAX], const char *label, const void *bytes, size_t n) {
    size_t label_n = strlen(label) + 1;
    memcpy(out, label, label_n);
    if (n) memcpy(out + label_n, bytes, n);
    return label_n + n;
}

void sign_keypair(uint8_t public_key[SIGN_PUBLIC_BYTES], uint8_t secret[SIGN_SECRET_BYTES], const uint8_t seed[SIGN_SEED_BYTES]) {
    crypto_sign_seed_keypair(public_key, secret, seed);
}

int sign_make(uint8_t sig[SIGN_BYTES], const char *label, const void *bytes, size_t n, const uint8_t secret[SIGN_SECRET_BYTES]) {
    uint8_t message[LABEL_MAX + SIGN_MESSAGE_MAX];
    if (n > SIGN_MESSAGE_MAX || strlen(label) >= LABEL_MAX) return ERR_LIMIT;
    crypto_sign_detached(sig, NULL, message, join(message, label, bytes, n), secret);
    return 0;
}

int sign_check(const uint8_t sig[SIGN_BYTES], const char *label, const void *bytes, size_t n,
               const uint8_t public_key[SIGN_PUBLIC_BYTES]) {
    uint8_t message[LABEL_MAX + SIGN_MESSAGE_MAX];
    if (n > SIGN_MESSAGE_MAX || strlen(label) >= LABEL_MAX) return ERR_LIMIT;
    return crypto_sign_verify_detached(sig, message, join(message, label, bytes, n), public_key) ? ERR_AUTH : 0;
}
