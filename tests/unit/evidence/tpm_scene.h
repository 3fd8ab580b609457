/* tests/unit/evidence/tpm_scene.h - a TPM for tests: an EK with a certificate of our own manufacturer, an AK, a seal key, and what the chip would
 * sign with them. Every field can be changed before it is signed. */
#ifndef TESTS_TPM_SCENE_H
#define TESTS_TPM_SCENE_H

#include <openssl/rsa.h>
#include <sodium.h>

#include "base/hash.h"
#include "base/json.h"
#include "evidence/policy.h"
#include "evidence/tpm_credential.h"
#include "evidence/tpm_member.h"
#include "tests/unit/evidence/maker.h"

enum { SCENE_NOW = 1800000000, SCENE_ATTRIBUTES = 0x50072, SCENE_SEAL_ATTRIBUTES = 0x20032 };

struct tpm_scene {
    /* what a test may change before scene_make */
    uint32_t magic, ak_attributes, seal_attributes, pcr_mask;
    uint16_t type, seal_type, bank, seal_curve, seal_scheme;
    uint64_t firmware;
    uint8_t nonce[32], seal_nonce[32], seal_x_flip, policy_flip, creation_flip, digest_flip, name_flip, ask_auth_value;
    uint32_t seal_pcrs;
    const char *ek_usage, *ek_eku;
    int ek_ca, ek_signer_unknown, activators; /* how many statements by our activators */
    int64_t statement_time, cert_from, cert_to;
    int statement_flip, no_values;
    /* what it makes */
    EVP_PKEY *ak, *seal;
    struct maker_cert root, ek, stranger;
    char root_pem[4096];
    const char *roots[2], *none[1];
    struct tpm_pcrs values;
    uint8_t ak_public[256], seal_public[256], attest[512], sig[128], seal_attest[512], seal_sig[128], creation[256], quote[4096],
        member[8192];
    size_t ak_n, seal_n, attest_n, sig_n, seal_attest_n, seal_sig_n, creation_n, quote_n, member_n;
    uint8_t statements[3 * TPM_STATEMENT_BYTES], activator[3][32];
    struct tpm_policy policy;
    struct snp_policy snp;
};

static inline void scene_init(struct tpm_scene *s) {
    memset(s, 0, sizeof *s);
    s->magic = TPM_MAGIC;
    s->type = TPM_ST_QUOTE;
    s->seal_type = TPM_ST_CREATION;
    s->bank = TPM_ALG_SHA256;
    s->pcr_mask = 0x4ff; /* 0 to 7 and 10 */
    s->seal_pcrs = 0xff;
    s->ask_auth_value = 1;
    s->ak_attributes = SCENE_ATTRIBUTES;
    s->seal_attributes = SCENE_SEAL_ATTRIBUTES;
    s->seal_curve = TPM_CURVE_P256;
    s->seal_scheme = TPM_ALG_NULL;
    s->firmware = 0x0007005500000000;
    memset(s->nonce, 0x11, 32);
    memset(s->seal_nonce, 0x11, 32);
    s->ek_usage = "critical,keyAgreement";
    s->activators = 1;
    s->statement_time = SCENE_NOW - 3600;
    s->cert_from = SCENE_NOW - 1000;
    s->cert_to = SCENE_NOW + 1000;
    tpm_policy_strict(&s->policy);
    snp_policy_strict(&s->snp);
    s->policy.activators.given = 1;
    for (int i = 0; i < 3; i++) {
        uint8_t seed[32] = {(uint8_t)(i + 1)}, secret[64];
        CHECK_INT(crypto_sign_seed_keypair(s->activator[i], secret, seed), 0);
        if (i == 2) break; /* one whom the policy does not name */
        memcpy(s->policy.activators.bytes[i], s->activator[i], 32);
        s->policy.activators.size[i] = 32;
        s->policy.activators.count++;
    }
}

static inline void scene_point(EVP_PKEY *key, uint8_t out[65]) {
    size_t n = 0;
    CHECK(EVP_PKEY_get_octet_string_param(key, "encoded-pub-key", out, 65, &n) == 1 && n == 65);
}

static inline size_t scene_public(uint8_t *out, size_t cap, EVP_PKEY *key, uint32_t attributes, const uint8_t *policy,
                                  uint16_t scheme, uint16_t curve, uint8_t flip) {
    uint8_t p[65];
    struct writer w = writer_over(out, cap);
    scene_point(key, p);
    write_u16(&w, TPM_ALG_ECC);
    write_u16(&w, TPM_ALG_SHA256);
    write_u32(&w, attributes);
    write_block16(&w, policy, policy ? 32 : 0);
    write_u16(&w, TPM_ALG_NULL);
    write_u16(&w, scheme);
    if (scheme != TPM_ALG_NULL) write_u16(&w, TPM_ALG_SHA256);
    write_u16(&w, curve);
    write_u16(&w, TPM_ALG_NULL);
    write_block16(&w, p + 1, 32);
    p[64] ^= flip;
    write_block16(&w, p + 33, 32);
    CHECK(!w.err);
    return w.len;
}

static inline void scene_head(struct writer *w, const struct tpm_scene *s, uint16_t type, const uint8_t *nonce) {
    uint8_t signer[34] = {0, 0x0b, 7};
    write_u32(w, s->magic);
    write_u16(w, type);
    write_block16(w, signer, sizeof signer);
    write_block16(w, nonce, 32);
    write_u64(w, 123456);
    write_u32(w, 5);
    write_u32(w, 1);
    write_u8(w, 1);
    write_u64(w, s->firmware);
}

/* TPMT_SIGNATURE, ECDSA with SHA-256. */
static inline size_t scene_sign(uint8_t *out, size_t cap, EVP_PKEY *key, const uint8_t *p, size_t n) {
    unsigned char der[128], r[32], t[32];
    const unsigned char *at = der;
    size_t len = sizeof der;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    CHECK(ctx && EVP_DigestSignInit_ex(ctx, NULL, "SHA256", NULL, NULL, key, NULL) == 1 &&
          EVP_DigestSign(ctx, der, &len, p, n) == 1);
    EVP_MD_CTX_free(ctx);
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long)len);
    CHECK(sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), r, 32) == 32 && BN_bn2binpad(ECDSA_SIG_get0_s(sig), t, 32) == 32);
    ECDSA_SIG_free(sig);
    struct writer w = writer_over(out, cap);
    write_u16(&w, TPM_ALG_ECDSA);
    write_u16(&w, TPM_ALG_SHA256);
    write_block16(&w, r, 32);
    write_block16(&w, t, 32);
    CHECK(!w.err);
    return w.len;
}

static inline void scene_quote(struct tpm_scene *s) {
    uint8_t digest[64];
    s->values.select = tpm_selection_of(s->bank, s->pcr_mask);
    for (unsigned i = 0; i < TPM_PCRS_MAX; i++) memset(s->values.value[i], (int)(0x40 + i), 64);
    CHECK_INT(tpm_pcrs_digest(TPM_ALG_SHA256, &s->values, digest), 0);
    digest[3] ^= s->digest_flip;
    struct writer w = writer_over(s->attest, sizeof s->attest);
    scene_head(&w, s, s->type, s->nonce);
    tpm_selection_write(&w, &s->values.select);
    write_block16(&w, digest, 32);
    CHECK(!w.err);
    s->attest_n = w.len;
    s->sig_n = scene_sign(s->sig, sizeof s->sig, s->ak, s->attest, s->attest_n);
    w = writer_over(s->quote, sizeof s->quote);
    tpm_quote_wire_write(&w, (struct ev_bytes){s->attest, s->attest_n}, (struct ev_bytes){s->sig, s->sig_n},
                         s->no_values ? NULL : &s->values);
    s->quote_n = w.len;
}

static inline void scene_seal(struct tpm_scene *s) {
    struct tpm_selection boot = tpm_selection_of(s->bank, s->seal_pcrs & s->pcr_mask);
    struct tpm_pcrs part;
    uint8_t policy[32] = {0}, name[34], hash[32];
    CHECK_INT(tpm_pcrs_take(&s->values, &boot, &part), 0);
    CHECK_INT(tpm_policy_pcr(policy, &part), 0);
    if (s->ask_auth_value) tpm_policy_auth_value(policy);
    policy[0] ^= s->policy_flip;
    s->seal_n = scene_public(s->seal_public, sizeof s->seal_public, s->seal, s->seal_attributes, policy, s->seal_scheme,
                             s->seal_curve, s->seal_x_flip);
    struct writer w = writer_over(s->creation, sizeof s->creation);
    write_u32(&w, 0);
    write_block16(&w, "", 0);
    write_u8(&w, 1);
    write_u16(&w, TPM_ALG_SHA256);
    write_block16(&w, (uint8_t[34]){0, 0x0b, 3}, 34);
    write_block16(&w, (uint8_t[34]){0, 0x0b, 4}, 34);
    write_block16(&w, "", 0);
    s->creation_n = w.len;
    sha256_of(hash, s->creation, s->creation_n);
    hash[1] ^= s->creation_flip;
    name[0] = 0, name[1] = 0x0b;
    sha256_of(name + 2, s->seal_public, s->seal_n);
    name[9] ^= s->name_flip;
    w = writer_over(s->seal_attest, sizeof s->seal_attest);
    scene_head(&w, s, s->seal_type, s->seal_nonce);
    write_block16(&w, name, sizeof name);
    write_block16(&w, hash, sizeof hash);
    CHECK(!w.err);
    s->seal_attest_n = w.len;
    s->seal_sig_n = scene_sign(s->seal_sig, sizeof s->seal_sig, s->ak, s->seal_attest, s->seal_attest_n);
}

static inline void scene_certificates(struct tpm_scene *s) {
    struct maker_opts root = {.name = "root", .from = s->cert_from, .to = s->cert_to, .ca = 1};
    struct maker_opts ek = {
        .name = "ek", .curve = "P-256", .from = s->cert_from, .to = s->cert_to, .ca = s->ek_ca, .usage = s->ek_usage};
    static const uint8_t eku_ek[] = {0x30, 0x07, 0x06, 0x05, 0x67, 0x81, 0x05, 0x08, 0x01},
                         eku_ak[] = {0x30, 0x07, 0x06, 0x05, 0x67, 0x81, 0x05, 0x08, 0x03};
    if (s->ek_eku) {
        ek.oid = "2.5.29.37";
        ek.ext = strcmp(s->ek_eku, "ak") == 0 ? eku_ak : eku_ek;
        ek.ext_n = sizeof eku_ek;
    }
    maker_make(&s->root, NULL, &root);
    root.name = "stranger";
    maker_make(&s->stranger, NULL, &root);
    maker_make(&s->ek, s->ek_signer_unknown ? &s->stranger : &s->root, &ek);
    maker_pem(&s->root, s->root_pem, sizeof s->root_pem);
    s->roots[0] = s->root_pem;
}

static inline void scene_statements(struct tpm_scene *s) {
    uint8_t ek[32], name[34], public_key[32], secret[64];
    struct tpm_public p;
    CHECK_INT(tpm_key_digest(s->ek.key, ek), 0);
    CHECK_INT(tpm_public_of((struct ev_bytes){s->ak_public, s->ak_n}, &p), 0);
    CHECK_INT(tpm_name(&p, name), 0);
    for (int i = 0; i < s->activators; i++) {
        uint8_t seed[32] = {(uint8_t)(i + 1)};
        crypto_sign_seed_keypair(public_key, secret, seed);
        CHECK_INT(tpm_statement_make(s->statements + i * TPM_STATEMENT_BYTES, ek, name, s->statement_time, secret), 0);
    }
    if (s->statement_flip) s->statements[s->statement_flip - 1] ^= 1;
}

static inline void scene_pack(struct tpm_scene *s) {
    struct tpm_member m = {.quote = {s->quote, s->quote_n},
                           .ak = {s->ak_public, s->ak_n},
                           .seal = {{s->seal_attest, s->seal_attest_n},
                                    {s->seal_sig, s->seal_sig_n},
                                    {s->seal_public, s->seal_n},
                                    {s->creation, s->creation_n}},
                           .statements = (unsigned)s->activators,
                           .statement = s->statements};
    struct writer w = writer_over(s->member, sizeof s->member);
    tpm_member_write(&w, &m);
    CHECK(!w.err);
    s->member_n = w.len;
}

static inline void scene_make(struct tpm_scene *s) {
    s->ak = EVP_EC_gen("P-256");
    s->seal = EVP_EC_gen("P-256");
    CHECK(s->ak && s->seal);
    s->ak_n = scene_public(s->ak_public, sizeof s->ak_public, s->ak, s->ak_attributes, NULL, TPM_ALG_ECDSA, TPM_CURVE_P256, 0);
    scene_quote(s);
    scene_seal(s);
    scene_certificates(s);
    scene_statements(s);
    scene_pack(s);
}

static inline struct tpm_trust scene_trust(const struct tpm_scene *s) {
    return (struct tpm_trust){.policy = &s->policy, .roots = {s->roots, s->none}, .snp = &s->snp, .snp_roots = snp_pinned()};
}
static inline struct ev_input scene_input(const struct tpm_scene *s) {
    return (struct ev_input){.evidence = {s->member, s->member_n},
                             .chain = {{s->ek.der, s->ek.n}},
                             .chain_count = 1,
                             .nonce = {s->nonce, 32},
                             .policy = ev_policy_strict(),
                             .now = SCENE_NOW,
                             .enveloped = 1};
}
static inline void scene_judge(const struct tpm_scene *s, struct ev_report *r) {
    struct tpm_trust trust = scene_trust(s);
    struct ev_input in = scene_input(s);
    memset(r, 0, sizeof *r);
    tpm_quote_verify_with(&in, &trust, r);
}
static inline void scene_release(struct tpm_scene *s) {
    EVP_PKEY_free(s->ak);
    EVP_PKEY_free(s->seal);
    maker_release(&s->root);
    maker_release(&s->stranger);
    maker_release(&s->ek);
}

#endif
