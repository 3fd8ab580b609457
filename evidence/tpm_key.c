/* evidence/tpm_key.c - see tpm_key.h. */
#include "evidence/tpm_key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

#include "base/hash.h"
#include "evidence/x509.h"

/* ---- keys ---- */

int tpm_key_allowed(EVP_PKEY *key) {
    char curve[32] = "";
    size_t n;
    int bits = EVP_PKEY_get_bits(key);
    if (EVP_PKEY_is_a(key, "RSA")) return bits >= 2048 && bits <= 4096;
    if (!EVP_PKEY_is_a(key, "EC") || EVP_PKEY_get_group_name(key, curve, sizeof curve, &n) != 1) return 0;
    return strcmp(curve, "prime256v1") == 0 || strcmp(curve, "P-256") == 0 || strcmp(curve, "secp384r1") == 0 ||
           strcmp(curve, "P-384") == 0;
}

EVP_PKEY *tpm_rsa_key(struct ev_bytes modulus, struct ev_bytes exponent) {
    EVP_PKEY *key = NULL;
    if (modulus.n < 256 || modulus.n > TPM_RSA_BYTES_MAX || exponent.n == 0 || exponent.n > 8) return NULL;
    BIGNUM *n = BN_bin2bn(modulus.p, (int)modulus.n, NULL), *e = BN_bin2bn(exponent.p, (int)exponent.n, NULL);
    OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
    OSSL_PARAM *params = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    int sound = n && e && BN_is_odd(n) && BN_is_odd(e) && !BN_is_one(e);
    if (sound && b && ctx && OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
        OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, e) == 1 && (params = OSSL_PARAM_BLD_to_param(b)) != NULL &&
        EVP_PKEY_fromdata_init(ctx) == 1 && EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
        key = NULL;
    if (key && !tpm_key_allowed(key)) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(b);
    EVP_PKEY_CTX_free(ctx);
    BN_free(n);
    BN_free(e);
    ERR_clear_error();
    return key;
}

/* A TPM2B may leave out leading zeros. Right-aligned in n bytes; 0: longer than that. */
static int padded(uint8_t *out, size_t n, struct ev_bytes v) {
    while (v.n > n && v.p[0] == 0) v.p++, v.n--;
    if (v.n > n) return 0;
    memset(out, 0, n - v.n);
    if (v.n) memcpy(out + (n - v.n), v.p, v.n);
    return 1;
}

static EVP_PKEY *point_key(const struct tpm_public *p) {
    size_t n = p->curve == TPM_CURVE_P256 ? 32 : p->curve == TPM_CURVE_P384 ? 48 : 0;
    uint8_t x[48], y[48];
    if (n == 0 || !padded(x, n, p->x) || !padded(y, n, p->y)) return NULL;
    return ev_ec_key(n == 32 ? "P-256" : "P-384", x, y, n);
}

EVP_PKEY *tpm_public_key(const struct tpm_public *p) {
    if (p->type == TPM_ALG_ECC) return point_key(p);
    if (p->type != TPM_ALG_RSA) return NULL;
    uint32_t e = p->exponent ? p->exponent : 65537; /* 0 stands for it */
    uint8_t exponent[4] = {(uint8_t)(e >> 24), (uint8_t)(e >> 16), (uint8_t)(e >> 8), (uint8_t)e};
    return tpm_rsa_key(p->x, (struct ev_bytes){exponent, sizeof exponent});
}

int tpm_key_digest(EVP_PKEY *key, uint8_t out[32]) {
    unsigned char *der = NULL;
    int n = i2d_PUBKEY(key, &der);
    memset(out, 0, 32);
    if (n > 0) sha256_of(out, der, (size_t)n);
    OPENSSL_free(der);
    return n > 0 ? 0 : ERR_INTERNAL;
}

/* ---- signatures ---- */

static int check_rsa(EVP_PKEY *key, int padding, const char *hash, struct ev_bytes sig, struct ev_bytes message) {
    EVP_PKEY_CTX *p = NULL; /* the digest context's own */
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int good = ctx && sig.n == (size_t)EVP_PKEY_get_size(key) &&
               EVP_DigestVerifyInit_ex(ctx, &p, hash, NULL, NULL, key, NULL) == 1 &&
               EVP_PKEY_CTX_set_rsa_padding(p, padding) == 1 &&
               (padding != RSA_PKCS1_PSS_PADDING || EVP_PKEY_CTX_set_rsa_pss_saltlen(p, RSA_PSS_SALTLEN_AUTO) == 1) &&
               EVP_DigestVerify(ctx, sig.p, sig.n, message.p, message.n) == 1;
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return good;
}

static int check_ecdsa(EVP_PKEY *key, const char *hash, const struct tpm_signature *sig, struct ev_bytes message) {
    uint8_t r[48], s[48];
    size_t n = EVP_PKEY_get_bits(key) == 256 ? 32 : 48;
    if (!padded(r, n, sig->r) || !padded(s, n, sig->s)) return 0;
    return ev_ecdsa_verify(key, hash, r, s, n, message);
}

int tpm_signature_check(EVP_PKEY *key, const struct tpm_signature *sig, struct ev_bytes message) {
    int rsa = EVP_PKEY_is_a(key, "RSA");
    if (!tpm_key_allowed(key) || (sig->hash != TPM_ALG_SHA256 && sig->hash != TPM_ALG_SHA384)) return ERR_UNSUPPORTED;
    const char *hash = tpm_hash_name(sig->hash);
    switch (sig->scheme) {
    case TPM_ALG_RSASSA: return rsa ? check_rsa(key, RSA_PKCS1_PADDING, hash, sig->r, message) : ERR_UNSUPPORTED;
    case TPM_ALG_RSAPSS: return rsa ? check_rsa(key, RSA_PKCS1_PSS_PADDING, hash, sig->r, message) : ERR_UNSUPPORTED;
    case TPM_ALG_ECDSA: return rsa ? ERR_UNSUPPORTED : check_ecdsa(key, hash, sig, message);
    case 0: /* either is a signature by this key over these bytes */
        return rsa ? check_rsa(key, RSA_PKCS1_PADDING, hash, sig->r, message) ||
                         check_rsa(key, RSA_PKCS1_PSS_PADDING, hash, sig->r, message)
                   : ERR_UNSUPPORTED;
    default: return ERR_UNSUPPORTED;
    }
}
