/* evidence/apple_se.c - see apple_se.h. */
#include "evidence/apple_se.h"

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <string.h>

#include "base/hash.h"

enum { HALF = 32, SPKI_BYTES = 91 };

/* SubjectPublicKeyInfo of a point on P-256 has one spelling in DER (RFC 5480): this, then x || y. */
static const uint8_t spki_head[SPKI_BYTES - 2 * HALF] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                                         0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                                         0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};

int apple_se_point(struct ev_bytes key, uint8_t point[64]) {
    size_t head = key.n - 2 * HALF;
    if (key.n != 2 * HALF && !(key.n == 2 * HALF + 1 && key.p[0] == 4) &&
        !(key.n == SPKI_BYTES && memcmp(key.p, spki_head, sizeof spki_head) == 0))
        return ERR_FORMAT;
    EVP_PKEY *made = ev_ec_key("P-256", key.p + head, key.p + head + HALF, HALF);
    if (!made) return ERR_FORMAT;
    EVP_PKEY_free(made);
    memcpy(point, key.p + head, 2 * HALF);
    return 0;
}

int apple_se_digest_is(const uint8_t point[64], const uint8_t value[32]) {
    uint8_t spki[SPKI_BYTES], digest[SHA256_BYTES];
    memcpy(spki, spki_head, sizeof spki_head);
    memcpy(spki + sizeof spki_head, point, 2 * HALF);
    static const size_t spellings[] = {2 * HALF, 2 * HALF + 1, SPKI_BYTES}; /* each is an end of the longest */
    for (int i = 0; i < 3; i++) {
        sha256_of(digest, spki + SPKI_BYTES - spellings[i], spellings[i]);
        if (memcmp(digest, value, sizeof digest) == 0) return 1;
    }
    return 0;
}

/* r and s of 32 bytes each. What OpenSSL writes again must be what was given: other spellings and what follows are refused. */
static int read_signature(struct ev_bytes der, uint8_t r[HALF], uint8_t s[HALF]) {
    if (der.n == 0 || der.n > APPLE_SE_SIGNATURE_MAX) return 0;
    const unsigned char *at = der.p;
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long)der.n);
    unsigned char *again = NULL;
    int n = sig ? i2d_ECDSA_SIG(sig, &again) : 0;
    int good = n > 0 && (size_t)n == der.n && memcmp(again, der.p, der.n) == 0 &&
               BN_bn2binpad(ECDSA_SIG_get0_r(sig), r, HALF) == HALF && BN_bn2binpad(ECDSA_SIG_get0_s(sig), s, HALF) == HALF;
    OPENSSL_free(again);
    ECDSA_SIG_free(sig);
    ERR_clear_error();
    return good;
}

int apple_se_verify(struct ev_bytes key, struct ev_bytes message, struct ev_bytes signature) {
    uint8_t point[2 * HALF], r[HALF], s[HALF];
    if (apple_se_point(key, point) != 0) return ERR_FORMAT;
    if (!read_signature(signature, r, s)) return 0;
    EVP_PKEY *made = ev_ec_key("P-256", point, point + HALF, HALF);
    if (!made) return ERR_NOMEM;
    int good = ev_ecdsa_verify(made, "SHA256", r, s, HALF, message);
    EVP_PKEY_free(made);
    return good;
}
