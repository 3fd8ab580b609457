/* AKs: each signature that a TPM makes, each form of key, and an AK that a cloud certified. */
#include "evidence/tpm_ak.h"
#include "tests/unit/evidence/tpm_scene.h"

static struct tpm_scene s;
static struct ev_report r;
static const char message[] = "TPMS_ATTEST";

static size_t sign(EVP_PKEY *key, const char *hash, int padding, int salt, uint8_t *out, size_t cap) {
    EVP_PKEY_CTX *p = NULL;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    size_t n = cap;
    CHECK(ctx && EVP_DigestSignInit_ex(ctx, &p, hash, NULL, NULL, key, NULL) == 1);
    if (padding) CHECK(EVP_PKEY_CTX_set_rsa_padding(p, padding) == 1);
    if (salt) CHECK(EVP_PKEY_CTX_set_rsa_pss_saltlen(p, salt) == 1);
    CHECK(EVP_DigestSign(ctx, out, &n, (const uint8_t *)message, sizeof message) == 1);
    EVP_MD_CTX_free(ctx);
    return n;
}
static int check(EVP_PKEY *key, uint16_t scheme, uint16_t hash, const uint8_t *p, size_t n, size_t half) {
    struct tpm_signature sig = {.scheme = scheme, .hash = hash, .r = {p, half ? half : n}, .s = {p + half, half ? n - half : 0}};
    return tpm_signature_check(key, &sig, (struct ev_bytes){(const uint8_t *)message, sizeof message});
}

TEST(rsa_signatures_of_both_kinds_and_hashes_are_read) {
    uint8_t sig[256];
    EVP_PKEY *key = EVP_RSA_gen(2048), *small = EVP_RSA_gen(1024);
    size_t n = sign(key, "SHA256", RSA_PKCS1_PADDING, 0, sig, sizeof sig);
    CHECK_INT(check(key, TPM_ALG_RSASSA, TPM_ALG_SHA256, sig, n, 0), 1);
    CHECK_INT(check(key, 0, TPM_ALG_SHA256, sig, n, 0), 1);
    CHECK_INT(check(key, TPM_ALG_RSAPSS, TPM_ALG_SHA256, sig, n, 0), 0);
    CHECK_INT(check(key, TPM_ALG_RSASSA, TPM_ALG_SHA384, sig, n, 0), 0);
    CHECK_INT(check(key, TPM_ALG_RSASSA, TPM_ALG_SHA256, sig, n - 1, 0), 0);
    CHECK_INT(check(key, TPM_ALG_RSASSA, TPM_ALG_SHA1, sig, n, 0), ERR_UNSUPPORTED);
    CHECK_INT(check(key, TPM_ALG_ECDSA, TPM_ALG_SHA256, sig, n, 0), ERR_UNSUPPORTED);
    for (int salt = 1; salt < 3; salt++) { /* of the hash's size, and the largest that fits: TPMs do either */
        n = sign(key, "SHA384", RSA_PKCS1_PSS_PADDING, salt == 1 ? RSA_PSS_SALTLEN_DIGEST : RSA_PSS_SALTLEN_MAX, sig, sizeof sig);
        CHECK_INT(check(key, TPM_ALG_RSAPSS, TPM_ALG_SHA384, sig, n, 0), 1);
        CHECK_INT(check(key, 0, TPM_ALG_SHA384, sig, n, 0), 1);
        sig[9] ^= 1;
        CHECK_INT(check(key, TPM_ALG_RSAPSS, TPM_ALG_SHA384, sig, n, 0), 0);
    }
    n = sign(small, "SHA256", RSA_PKCS1_PADDING, 0, sig, sizeof sig);
    CHECK_INT(check(small, TPM_ALG_RSASSA, TPM_ALG_SHA256, sig, n, 0), ERR_UNSUPPORTED);
    EVP_PKEY_free(key);
    EVP_PKEY_free(small);
}

TEST(ecdsa_on_p384_is_read_and_leading_zeros_may_be_left_out) {
    uint8_t sig[96];
    EVP_PKEY *key = EVP_EC_gen("P-384"), *other = EVP_EC_gen("P-521");
    maker_sign(key, message, sizeof message, sig, 48);
    CHECK_INT(check(key, TPM_ALG_ECDSA, TPM_ALG_SHA384, sig, 96, 48), 1);
    CHECK_INT(check(key, TPM_ALG_ECDSA, TPM_ALG_SHA256, sig, 96, 48), 0);
    CHECK_INT(check(other, TPM_ALG_ECDSA, TPM_ALG_SHA384, sig, 96, 48), ERR_UNSUPPORTED);
    for (unsigned i = 0; sig[0] != 0 && i < 20000; i++) maker_sign(key, message, sizeof message, sig, 48); /* once in 256 */
    CHECK_INT(sig[0], 0);
    CHECK_INT(check(key, TPM_ALG_ECDSA, TPM_ALG_SHA384, sig + 1, 95, 47), 1);
    CHECK_INT(check(key, TPM_ALG_ECDSA, TPM_ALG_SHA384, sig, 95, 48), 0);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
}

TEST(a_plain_ecdsa_signature_in_der_is_read_from_files) {
    uint8_t file[1024];
    size_t len = 128;
    scene_init(&s);
    scene_make(&s);
    memcpy(file, s.attest, s.attest_n);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    CHECK(ctx && EVP_DigestSignInit_ex(ctx, NULL, "SHA256", NULL, NULL, s.ak, NULL) == 1 &&
          EVP_DigestSign(ctx, file + s.attest_n, &len, s.attest, s.attest_n) == 1);
    EVP_MD_CTX_free(ctx);
    struct tpm_trust trust = scene_trust(&s);
    struct ev_input in = {
        .evidence = {file, s.attest_n + len}, .key = {s.ak_public, s.ak_n}, .nonce = {s.nonce, 32}, .now = SCENE_NOW};
    memset(&r, 0, sizeof r);
    tpm_quote_verify_with(&in, &trust, &r);
    CHECK(maker_judged("DER", &r, EV_OK, NULL));
    file[in.evidence.n++] = 0;
    memset(&r, 0, sizeof r);
    tpm_quote_verify_with(&in, &trust, &r);
    CHECK(maker_judged("DER and a byte", &r, EV_INVALID, "signature"));
    scene_release(&s);
}

TEST(an_ak_that_a_cloud_certified_needs_no_activation) {
    struct maker_cert cert;
    scene_init(&s);
    scene_make(&s);
    struct maker_opts o = {.name = "ak", .from = SCENE_NOW - 10, .to = SCENE_NOW + 10, .ca = 0, .key = s.ak};
    maker_make(&cert, &s.root, &o);
    struct tpm_trust trust = scene_trust(&s);
    struct ev_input in = {.evidence = {s.quote, s.quote_n},
                          .chain = {{cert.der, cert.n}},
                          .chain_count = 1,
                          .nonce = {s.nonce, 32},
                          .now = SCENE_NOW};
    memset(&r, 0, sizeof r);
    tpm_quote_verify_with(&in, &trust, &r);
    CHECK(maker_judged("certified", &r, EV_OK, NULL));
    for (unsigned i = 0; i < r.uncheckeds; i++) CHECK(strcmp(r.unchecked[i], "ak_not_activated") != 0);
    in.now = SCENE_NOW + 11;
    memset(&r, 0, sizeof r);
    tpm_quote_verify_with(&in, &trust, &r);
    CHECK(maker_judged("expired", &r, EV_INVALID, "dates"));
    memset(cert.der + cert.n, 0, 40); /* as it comes out of NV */
    in.now = SCENE_NOW;
    in.chain[0].n += 40;
    memset(&r, 0, sizeof r);
    tpm_quote_verify_with(&in, &trust, &r);
    CHECK(maker_judged("with zeros behind it", &r, EV_OK, NULL));
    cert.der[cert.n + 20] = 1;
    memset(&r, 0, sizeof r);
    tpm_quote_verify_with(&in, &trust, &r);
    CHECK(maker_judged("with something behind it", &r, EV_UNSUPPORTED, "certificates"));
    maker_release(&cert);
    o.ca = 1;
    o.usage = "critical,digitalSignature,keyCertSign";
    maker_make(&cert, &s.root, &o);
    in.chain[0] = (struct ev_bytes){cert.der, cert.n};
    in.key = (struct ev_bytes){s.ak_public, s.ak_n};
    memset(&r, 0, sizeof r);
    tpm_quote_verify_with(&in, &trust, &r);
    CHECK(maker_judged("a CA as AK", &r, EV_INVALID, "ak_certificate"));
    maker_release(&cert);
    scene_release(&s);
}

TEST(what_is_no_key_is_said_to_be_none) {
    struct tpm_ak ak;
    uint8_t zeros[300] = {0};
    CHECK_INT(tpm_ak_read((struct ev_bytes){zeros, 300}, &ak), ERR_FORMAT);
    CHECK_INT(tpm_ak_read((struct ev_bytes){zeros, 2}, &ak), ERR_FORMAT);
    static const char pem[] = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
    CHECK_INT(tpm_ak_read((struct ev_bytes){(const uint8_t *)pem, sizeof pem - 1}, &ak), ERR_FORMAT);
    EVP_PKEY *small = EVP_RSA_gen(1024);
    uint8_t der[512], *at = der;
    int n = i2d_PUBKEY(small, &at);
    CHECK_INT(tpm_ak_read((struct ev_bytes){der, (size_t)n}, &ak), ERR_UNSUPPORTED);
    CHECK(ak.key == NULL);
    EVP_PKEY_free(small);
}

TESTS_MAIN("tpm_ak", T(rsa_signatures_of_both_kinds_and_hashes_are_read),
           T(ecdsa_on_p384_is_read_and_leading_zeros_may_be_left_out), T(a_plain_ecdsa_signature_in_der_is_read_from_files),
           T(an_ak_that_a_cloud_certified_needs_no_activation), T(what_is_no_key_is_said_to_be_none))
