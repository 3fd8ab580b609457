/* tests/unit/evidence/apple_scene.h - devices of a manufacturer of our own, whose certificates say what we like, in the encodings of real ones
 * (tests/data/evidence/apple-mda). */
#ifndef TESTS_APPLE_SCENE_H
#define TESTS_APPLE_SCENE_H

#include "base/hash.h"
#include "evidence/apple_mda.h"
#include "evidence/apple_se.h"
#include "evidence/cbor.h"
#include "tests/unit/evidence/maker.h"

enum { TWIN_NOW = 1800000000 };
static struct maker_cert twin_root, twin_sub, twin_other_root, twin_other_sub, twin_not_ca;
static struct maker_cert se_key, se_other; /* only their keys are used */
static char twin_pem[2048];
static const char *twin_roots[] = {twin_pem, NULL};
static const char *const no_roots[] = {NULL};
static const struct ev_anchors twin_anchors = {twin_roots, no_roots};

/* ---- keys of the Secure Enclave ---- */

static inline struct ev_bytes se_public(const struct maker_cert *c, uint8_t out[65]) {
    size_t n = 0;
    CHECK(EVP_PKEY_get_octet_string_param(c->key, "encoded-pub-key", out, 65, &n) == 1 && n == 65 && out[0] == 4);
    return (struct ev_bytes){out, 65};
}
static inline struct ev_bytes se_spki(const struct maker_cert *c, uint8_t out[128]) {
    unsigned char *at = out;
    int n = i2d_PUBKEY(c->key, NULL);
    CHECK(n > 0 && n <= 128);
    return (struct ev_bytes){out, (size_t)i2d_PUBKEY(c->key, &at)};
}
static inline struct ev_bytes se_sign(const struct maker_cert *c, const void *p, size_t n, uint8_t out[80]) {
    size_t len = 80;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    CHECK(ctx && EVP_DigestSignInit_ex(ctx, NULL, "SHA256", NULL, NULL, c->key, NULL) == 1 &&
          EVP_DigestSign(ctx, out, &len, p, n) == 1);
    EVP_MD_CTX_free(ctx);
    return (struct ev_bytes){out, len};
}

/* ---- certificates ---- */

static inline void twin_setup(void) {
    struct maker_opts root = {.name = "Twin Attestation Root CA", .from = TWIN_NOW - 1000000, .to = TWIN_NOW + 1000000, .ca = 1},
                      sub = root, end = root, key = root;
    sub.name = "Twin Attestation Sub CA 1";
    end.name = "a device";
    end.ca = 0;
    key.curve = "P-256";
    maker_make(&twin_root, NULL, &root);
    maker_make(&twin_sub, &twin_root, &sub);
    maker_make(&twin_other_root, NULL, &root); /* the same names, other keys */
    maker_make(&twin_other_sub, &twin_other_root, &sub);
    maker_make(&twin_not_ca, &twin_sub, &end); /* a device whose owner has its key */
    maker_make(&se_key, NULL, &key);
    maker_make(&se_other, NULL, &key);
    maker_pem(&twin_root, twin_pem, sizeof twin_pem);
}
static inline void twin_teardown(void) {
    struct maker_cert *all[] = {&twin_root, &twin_sub, &twin_other_root, &twin_other_sub, &twin_not_ca, &se_key, &se_other};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) maker_release(all[i]);
}

/* Extensions of the leaf by their end of the OID. */
enum twin_ext { SERIAL, UDID, UPDATE_ID, OS, SEP_OS, LLB, FRESHNESS, SIP, BOOT, KEXTS, TWIN_EXTS };
enum twin_form { FORM_DER, FORM_PEM, FORM_WEBAUTHN };

struct twin {
    struct maker_opts leaf;
    const struct maker_cert *issuer;
    struct ev_bytes ext[TWIN_EXTS]; /* p NULL: absent */
    unsigned twice;                 /* bits of ext */
    const char *eku;                /* "": none */
    enum twin_form form;
    int root_too, sub_first, no_sub; /* what is given beside the leaf; with the root or the sub CA in place of others */
    const struct maker_cert *beside; /* in place of the sub CA */
    int chain;                       /* the sub CA is in in->chain and not in the evidence */
    size_t trailing;
};
#define EXT(text) ((struct ev_bytes){(const uint8_t *)(text), sizeof(text) - 1})

static inline struct twin twin_default(void) {
    static uint8_t fresh[32];
    uint8_t point[65];
    struct ev_bytes key = se_public(&se_key, point);
    sha256_of(fresh, key.p, key.n);
    return (struct twin){
        .leaf = {.name = "0123456789abcdef", .from = TWIN_NOW - 1000, .to = TWIN_NOW + 90 * 86400, .usage = "digitalSignature"},
        .issuer = &twin_sub,
        .beside = &twin_sub,
        .eku = "1.2.840.113635.100.4.24",
        .ext = {[SERIAL] = EXT("C02TWIN00001"),
                [UDID] = EXT("00008103-000A00000000001E"),
                [UPDATE_ID] = EXT("J413AP"),
                [OS] = EXT("15.4"),
                [SEP_OS] = EXT("15.4"),
                [LLB] = EXT("15.0.1"),
                [FRESHNESS] = {fresh, 32},
                [SIP] = EXT("\2\1\0"),
                [BOOT] = EXT("Full Security"),
                [KEXTS] = EXT("\2\1\0")}};
}

static inline void twin_leaf(const struct twin *t, struct maker_cert *out) {
    static const char *const ends[TWIN_EXTS] = {"9.1", "9.2", "9.4", "10.1", "10.2", "10.3", "11.1", "13.1", "13.2", "13.3"};
    char oid[64];
    maker_make(out, t->issuer, &t->leaf);
    for (int i = 0; i < TWIN_EXTS; i++)
        for (unsigned n = 0; t->ext[i].p && n <= (t->twice >> i & 1); n++) {
            snprintf(oid, sizeof oid, "1.2.840.113635.100.8.%s", ends[i]);
            maker_extend_raw(out->cert, oid, t->ext[i].p, t->ext[i].n);
        }
    if (t->eku[0]) maker_extend(out->cert, NID_ext_key_usage, t->eku);
    CHECK(X509_sign(out->cert, t->issuer->key, EVP_sha384()) > 0);
    unsigned char *at = out->der;
    out->n = (size_t)i2d_X509(out->cert, &at);
    CHECK(out->n <= sizeof out->der);
}

/* The evidence in the form that t says. */
static inline size_t twin_evidence(const struct twin *t, const struct maker_cert *leaf, uint8_t *out, size_t cap) {
    const struct maker_cert *all[4];
    size_t count = 0;
    if (t->sub_first) all[count++] = t->beside;
    all[count++] = leaf;
    if (!t->sub_first && !t->no_sub && !t->chain) all[count++] = t->beside;
    if (t->root_too) all[count++] = &twin_root;
    struct writer w = writer_over(out, cap);
    char pem[8192];
    if (t->form == FORM_WEBAUTHN) {
        cbor_put_map(&w, 2);
        cbor_put_text(&w, "fmt");
        cbor_put_text(&w, "apple");
        cbor_put_text(&w, "attStmt");
        cbor_put_map(&w, 1);
        cbor_put_text(&w, "x5c");
        cbor_put_array(&w, count);
    }
    for (size_t i = 0; i < count; i++)
        if (t->form == FORM_WEBAUTHN) {
            cbor_put_bytes(&w, all[i]->der, all[i]->n);
        } else if (t->form == FORM_DER) {
            write_bytes(&w, all[i]->der, all[i]->n);
        } else {
            maker_pem(all[i], pem, sizeof pem);
            write_bytes(&w, pem, strlen(pem));
        }
    write_zeros(&w, t->trailing);
    CHECK_INT(w.err, 0);
    return w.len;
}

/* What the caller knows. */
struct asked {
    struct ev_bytes key, nonce, signature;
    int enveloped;
    int64_t now; /* 0: TWIN_NOW */
};

static inline void judge_bytes(struct ev_report *out, const uint8_t *p, size_t n, struct ev_bytes chain, const struct asked *a,
                               const struct apple_policy *policy, const struct ev_anchors *anchors) {
    uint8_t *own = malloc(n ? n : 1);
    CHECK(own != NULL);
    if (n) memcpy(own, p, n);
    struct ev_input in = {.evidence = {own, n},
                          .chain = {chain},
                          .chain_count = chain.n > 0,
                          .key = a->key,
                          .nonce = a->nonce,
                          .collateral = a->signature,
                          .enveloped = a->enveloped,
                          .now = a->now ? a->now : TWIN_NOW};
    *out = (struct ev_report){.best = EV_CLASS_NONE};
    apple_mda_verify_with(&in, policy, anchors, out);
    free(own);
}

static inline void judge_twin(struct ev_report *out, const struct twin *t, const struct asked *a,
                              const struct apple_policy *policy) {
    static uint8_t text[65536];
    static struct maker_cert leaf;
    twin_leaf(t, &leaf);
    size_t n = twin_evidence(t, &leaf, text, sizeof text);
    judge_bytes(out, text, n, t->chain ? (struct ev_bytes){t->beside->der, t->beside->n} : (struct ev_bytes){0}, a, policy,
                &twin_anchors);
    maker_release(&leaf);
}

#endif
