/* evidence/tpm_credential.c - see tpm_credential.h. */
#include "evidence/tpm_credential.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/secret.h"
#include "evidence/tpm_key.h"

/* ---- key derivation ---- */

static int hmac(uint8_t out[32], const uint8_t key[32], const void *p, size_t n) {
    unsigned made = 0;
    return HMAC(EVP_sha256(), key, 32, p, n, out, &made) && made == 32 ? 0 : ERR_INTERNAL;
}

int tpm_kdfa(uint8_t out[32], const uint8_t key[32], const char *label, struct ev_bytes u, uint32_t bits) {
    uint8_t in[4 + 16 + TPM_NAME_BYTES + 4];
    struct writer w = writer_over(in, sizeof in);
    write_u32(&w, 1); /* the only block that up to 256 bits need */
    write_bytes(&w, label, strlen(label) + 1);
    write_bytes(&w, u.p, u.n);
    write_u32(&w, bits);
    return w.err || bits > 256 ? ERR_LIMIT : hmac(out, key, in, w.len);
}

void tpm_kdfe(uint8_t out[32], const uint8_t z[32], const char *label, const uint8_t u[32], const uint8_t v[32]) {
    static const uint8_t one[4] = {0, 0, 0, 1};
    struct sha256 h;
    sha256_init(&h);
    sha256_add(&h, one, sizeof one);
    sha256_add(&h, z, 32);
    sha256_add(&h, label, strlen(label) + 1);
    sha256_add(&h, u, 32);
    sha256_add(&h, v, 32);
    sha256_done(&h, out);
}

/* ---- the credential ---- */

/* AES-128 in CFB with an IV of zeros: the key serves once. */
static int encrypt(uint8_t *out, const uint8_t key[16], const uint8_t *p, int n) {
    static const uint8_t iv[16];
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int made = 0;
    int good = ctx && EVP_EncryptInit_ex(ctx, EVP_aes_128_cfb128(), NULL, key, iv) == 1 &&
               EVP_EncryptUpdate(ctx, out, &made, p, n) == 1 && made == n;
    EVP_CIPHER_CTX_free(ctx);
    return good ? 0 : ERR_INTERNAL;
}

int tpm_credential_blob(uint8_t out[TPM_CREDENTIAL_BYTES], const uint8_t seed[32], const uint8_t ak_name[TPM_NAME_BYTES],
                        const uint8_t secret[TPM_SECRET_BYTES]) {
    uint8_t plain[2 + TPM_SECRET_BYTES] = {0, TPM_SECRET_BYTES}, sealed[sizeof plain + TPM_NAME_BYTES], key[32], mac[32];
    memcpy(plain + 2, secret, TPM_SECRET_BYTES);
    int r = tpm_kdfa(key, seed, "STORAGE", (struct ev_bytes){ak_name, TPM_NAME_BYTES}, 128);
    if (r == 0) r = encrypt(sealed, key, plain, (int)sizeof plain);
    memcpy(sealed + sizeof plain, ak_name, TPM_NAME_BYTES);
    if (r == 0) r = tpm_kdfa(key, seed, "INTEGRITY", (struct ev_bytes){0}, 256);
    if (r == 0) r = hmac(mac, key, sealed, sizeof sealed);
    struct writer w = writer_over(out, TPM_CREDENTIAL_BYTES);
    write_u16(&w, TPM_CREDENTIAL_BYTES - 2);
    write_block16(&w, mac, sizeof mac);
    write_bytes(&w, sealed, sizeof plain);
    mem_wipe(plain, sizeof plain);
    mem_wipe(key, sizeof key);
    return r == 0 ? w.err : r;
}

/* ---- sharing the seed ---- */

static const char identity[] = "IDENTITY"; /* its NUL belongs to the label */

static int share_rsa(struct tpm_challenge *out, EVP_PKEY *ek, const uint8_t seed[32]) {
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, ek, NULL);
    size_t n = sizeof out->encrypted - 2;
    char *label = OPENSSL_memdup(identity, sizeof identity);
    int good = ctx && label && EVP_PKEY_encrypt_init(ctx) == 1 &&
               EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
               EVP_PKEY_CTX_set_rsa_oaep_md(ctx, EVP_sha256()) == 1 && EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha256()) == 1;
    if (good && EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, label, (int)sizeof identity) == 1)
        label = NULL; /* the context's now */
    else
        good = 0;
    good = good && EVP_PKEY_encrypt(ctx, out->encrypted + 2, &n, seed, 32) == 1;
    out->encrypted[0] = (uint8_t)(n >> 8);
    out->encrypted[1] = (uint8_t)n;
    out->encrypted_n = n + 2;
    OPENSSL_free(label);
    EVP_PKEY_CTX_free(ctx);
    return good ? 0 : ERR_INTERNAL;
}

/* 04 || x || y. */
static int point(EVP_PKEY *key, uint8_t out[65]) {
    size_t n = 0;
    return EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, out, 65, &n) == 1 && n == 65 && out[0] == 4
               ? 0
               : ERR_INTERNAL;
}

static int shared_x(EVP_PKEY *own, EVP_PKEY *other, uint8_t out[32]) {
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);
    size_t n = 32;
    int good = ctx && EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer(ctx, other) == 1 &&
               EVP_PKEY_derive(ctx, out, &n) == 1 && n == 32;
    EVP_PKEY_CTX_free(ctx);
    return good ? 0 : ERR_INTERNAL;
}

/* The seed is not sent: it follows from an ephemeral key's point, which is. */
static int share_ecc(struct tpm_challenge *out, EVP_PKEY *ek, uint8_t seed[32]) {
    EVP_PKEY *own = EVP_EC_gen("P-256");
    uint8_t mine[65], theirs[65], z[32] = {0};
    int r = own ? point(own, mine) : ERR_INTERNAL;
    if (r == 0) r = point(ek, theirs);
    if (r == 0) r = shared_x(own, ek, z);
    if (r == 0) tpm_kdfe(seed, z, identity, mine + 1, theirs + 1);
    struct writer w = writer_over(out->encrypted, sizeof out->encrypted);
    write_u16(&w, 2 * (2 + 32));
    write_block16(&w, mine + 1, 32);
    write_block16(&w, mine + 33, 32);
    out->encrypted_n = w.len;
    EVP_PKEY_free(own);
    mem_wipe(z, sizeof z);
    return r == 0 ? w.err : r;
}

/* ---- the challenge ---- */

int tpm_challenge_make(struct tpm_challenge *out, EVP_PKEY *ek, const uint8_t ak_name[TPM_NAME_BYTES]) {
    uint8_t seed[32];
    int rsa = EVP_PKEY_is_a(ek, "RSA"), bits = EVP_PKEY_get_bits(ek);
    memset(out, 0, sizeof *out);
    if (!tpm_key_allowed(ek) || bits != (rsa ? 2048 : 256)) return ERR_UNSUPPORTED;
    memcpy(out->ak_name, ak_name, TPM_NAME_BYTES);
    random_bytes(out->secret, sizeof out->secret);
    random_bytes(seed, sizeof seed);
    int r = tpm_key_digest(ek, out->ek_digest);
    if (r == 0) r = rsa ? share_rsa(out, ek, seed) : share_ecc(out, ek, seed);
    if (r == 0) r = tpm_credential_blob(out->credential, seed, ak_name, out->secret);
    mem_wipe(seed, sizeof seed);
    if (r != 0) tpm_challenge_wipe(out);
    ERR_clear_error();
    return r;
}

int tpm_challenge_answered(const struct tpm_challenge *c, const void *answer, size_t n) {
    return n == sizeof c->secret && mem_equal_ct(c->secret, answer, n);
}

void tpm_challenge_wipe(struct tpm_challenge *c) { mem_wipe(c, sizeof *c); }
