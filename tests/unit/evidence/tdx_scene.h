/* tests/unit/evidence/tdx_scene.h - the real TDX quotes, and platforms of a manufacturer of our own, whose quotes and collateral say what we
 * like and are signed all the same. */
#ifndef TESTS_TDX_SCENE_H
#define TESTS_TDX_SCENE_H

#include <stdlib.h>

#include "base/hash.h"
#include "base/json.h"
#include "evidence/tdx.h"
#include "tests/unit/evidence/maker.h"

enum { SCENE_TEXT_MAX = 16384, SCENE_FILE_MAX = 32768, SCENE_QUOTE_MAX = 12288 };

static inline size_t tdx_file(const char *name, uint8_t *out, size_t cap) {
    char path[128];
    snprintf(path, sizeof path, "tdx/%s", name);
    return maker_file(path, out, cap);
}

/* All that a judgement takes; NULL and zeros are the usual. */
struct question {
    struct ev_bytes quote, chain[2], collateral, nonce;
    unsigned chains;
    int64_t now;
    int enveloped;
    const struct tdx_policy *policy;  /* NULL: strict */
    const struct ev_anchors *anchors; /* NULL: pinned */
};
static inline void ask(struct ev_report *out, const struct question *q) {
    static struct tdx_policy strict;
    struct ev_anchors pinned = ev_pinned(EV_ROOTS_INTEL_SGX);
    /* a copy of exactly so many bytes: reading behind the end is then noticed */
    uint8_t *own = malloc(q->quote.n ? q->quote.n : 1);
    CHECK(own != NULL);
    if (q->quote.n) memcpy(own, q->quote.p, q->quote.n);
    tdx_policy_strict(&strict);
    struct ev_input in = {.evidence = {own, q->quote.n},
                          .collateral = q->collateral,
                          .nonce = q->nonce,
                          .now = q->now,
                          .chain_count = q->chains,
                          .enveloped = q->enveloped};
    memcpy(in.chain, q->chain, sizeof q->chain);
    *out = (struct ev_report){.best = EV_CLASS_NONE};
    tdx_verify_with(&in, q->policy ? q->policy : &strict, q->anchors ? q->anchors : &pinned, out);
    free(own);
}

/* ---- our manufacturer ---- */

enum { TWIN_NOW = 1800000000 }; /* 2027-01-15 */
enum { BODY_10 = 584, BODY_15 = 648, BODY_15_EX = 885 };
/* Offsets in the report of a TD. */
enum {
    TD_SVN = 0,
    TD_SEAM_SIGNER = 64,
    TD_SEAM_ATTR = 112,
    TD_ATTR = 120,
    TD_XFAM = 128,
    TD_MRTD = 136,
    TD_CONFIG = 184,
    TD_RTMR = 328,
    TD_DATA = 520
};
/* Offsets in the report of the quoting enclave. */
enum { QE_MISC = 16, QE_ATTR = 48, QE_SIGNER = 128, QE_PRODUCT = 256, QE_SVN = 258, QE_DATA = 320 };

static struct maker_cert twin_root, twin_ca, twin_tcb, twin_stranger;
static EVP_PKEY *twin_key; /* of attestation */
static char twin_pem[2048];
static const char *twin_roots[2], *const twin_none[] = {NULL};
static struct ev_anchors twin_anchors;

static inline struct maker_opts twin_opts(const char *name, int ca) {
    return (struct maker_opts){.name = name,
                               .curve = "P-256",
                               .from = TWIN_NOW - 1000000,
                               .to = TWIN_NOW + 1000000,
                               .ca = ca,
                               .usage = ca ? "critical,keyCertSign,cRLSign" : NULL};
}

static inline void twins_setup(void) {
    struct maker_opts o = twin_opts("Intel SGX Root CA", 1);
    maker_make(&twin_root, NULL, &o);
    maker_make(&twin_stranger, NULL, &o); /* of the same name */
    o = twin_opts("Intel SGX PCK Platform CA", 1);
    maker_make(&twin_ca, &twin_root, &o);
    o = twin_opts("Intel SGX TCB Signing", 0);
    maker_make(&twin_tcb, &twin_root, &o);
    maker_pem(&twin_root, twin_pem, sizeof twin_pem);
    twin_roots[0] = twin_pem;
    twin_anchors = (struct ev_anchors){twin_roots, twin_none};
    twin_key = EVP_EC_gen("P-256");
    CHECK(twin_key != NULL);
}

static inline void twins_teardown(void) {
    maker_release(&twin_root);
    maker_release(&twin_stranger);
    maker_release(&twin_ca);
    maker_release(&twin_tcb);
    EVP_PKEY_free(twin_key);
}

/* r || s over SHA-256. */
static inline void twin_sign(EVP_PKEY *key, const void *p, size_t n, uint8_t out[64]) {
    unsigned char der[256];
    const unsigned char *at = der;
    size_t len = sizeof der;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    CHECK(ctx && EVP_DigestSignInit_ex(ctx, NULL, "SHA256", NULL, NULL, key, NULL) == 1 &&
          EVP_DigestSign(ctx, der, &len, p, n) == 1);
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long)len);
    CHECK(sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, 32) == 32 && BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + 32, 32) == 32);
    ECDSA_SIG_free(sig);
    EVP_MD_CTX_free(ctx);
}

/* ---- one platform, its TD and its collateral ---- */

struct twin {
    int version, td15; /* td15 2: with more about service TDs */
    uint8_t header[48], body[BODY_15_EX], qe[384], auth[32];
    /* of the PCK's certificate */
    uint8_t sgx[16], pce_svn, fmspc[6], pce_id[2], instance[16];
    int components; /* 16; fewer: the last ones are missing */
    struct maker_opts pck;
    const struct maker_cert *pck_issuer;
    EVP_PKEY *qe_signer;    /* NULL: the PCK */
    EVP_PKEY *quote_signer; /* NULL: the attestation key */
    /* of the collateral; empty texts are left out */
    int bare; /* there is none */
    char info[4096], identity[1024];
    const struct maker_cert *info_signer, *identity_signer;
    int info_by_pck, identity_by_pck; /* signed by the PCK, and its certificate and chain beside it */
    int spoil;                        /* 1: the info's bytes change after signing, 2: the identity's */
    int no_crls;
    int64_t crl_until;
    const struct maker_cert *revoked; /* by the root */
    int pck_revoked;
    /* of the finished quote */
    size_t flip, cut, extend;
    uint8_t dirt;
};

/* Replaces the first `from` in a text. */
static inline void twin_swap(char *text, size_t cap, const char *from, const char *to) {
    char copy[4096], *at = strstr(text, from);
    CHECK(at != NULL);
    size_t head = (size_t)(at - text);
    CHECK(snprintf(copy, sizeof copy, "%.*s%s%s", (int)head, text, to, at + strlen(from)) < (int)cap);
    memcpy(text, copy, strlen(copy) + 1);
}
#define SWAP(text, from, to) twin_swap(text, sizeof(text), from, to)

#define TWIN_DATES "\"issueDate\":\"2027-01-01T00:00:00Z\",\"nextUpdate\":\"2027-01-31T00:00:00Z\",\"tcbEvaluationDataNumber\":20"
#define TWIN_MODULE                                                                                                      \
    "\"mrsigner\":\"000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000\"," \
    "\"attributes\":\"0000000000000000\",\"attributesMask\":\"FFFFFFFFFFFFFFFF\""
#define TWIN_SGX   "{\"svn\":7},{\"svn\":7},{\"svn\":2},{\"svn\":2},{\"svn\":3},{\"svn\":1},{\"svn\":0},{\"svn\":5},"
#define TWIN_ZEROS "{\"svn\":0},{\"svn\":0},{\"svn\":0},{\"svn\":0},{\"svn\":0},{\"svn\":0},{\"svn\":0},{\"svn\":0}"
#define TWIN_LEVEL(pce, module, status)                                                                                  \
    "{\"tcb\":{\"sgxtcbcomponents\":[" TWIN_SGX TWIN_ZEROS "],\"pcesvn\":" pce ",\"tdxtcbcomponents\":[{\"svn\":" module \
    "},{\"svn\":0},{\"svn\":4},{\"svn\":0},{\"svn\":0},{\"svn\":0},{\"svn\":0},{\"svn\":0}," TWIN_ZEROS                  \
    "]},\"tcbDate\":\"2026-11-01T00:00:00Z\",\"tcbStatus\":\"" status "\"}"

/* A TD of TDX 1.5's module 1, svn 4, all up to date. */
static inline struct twin twin_of(int version, int td15) {
    static const uint8_t vendor[16] = {0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9,
                                       0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07};
    static const uint8_t signer[32] = {0xdc, 0x9e, 0x2a, 0x7c, 0x6f, 0x94, 0x8f, 0x17, 0x47, 0x4e, 0x34,
                                       0xa7, 0xfc, 0x43, 0xed, 0x03, 0x0f, 0x7c, 0x15, 0x63, 0xf1, 0xba,
                                       0xbd, 0xdf, 0x63, 0x40, 0xc8, 0x2e, 0x0e, 0x54, 0xa8, 0xc5};
    static const uint8_t sgx[16] = {7, 7, 2, 2, 3, 1, 0, 5}, fmspc[6] = {0xb0, 0xc0, 0x6f};
    struct twin t = {.version = version, .td15 = td15, .pck_issuer = &twin_ca, .pce_svn = 13, .components = 16};
    t.pck = twin_opts("Intel SGX PCK Certificate", 0);
    t.info_signer = t.identity_signer = &twin_tcb;
    t.crl_until = TWIN_NOW + 1000;
    t.header[0] = (uint8_t)version;
    t.header[2] = 2;
    t.header[4] = 0x81;
    memcpy(t.header + 12, vendor, sizeof vendor);
    t.body[TD_SVN] = 4, t.body[TD_SVN + 1] = 1, t.body[TD_SVN + 2] = 4;
    t.body[TD_ATTR + 3] = 0x10;
    t.body[TD_XFAM] = 0xe7, t.body[TD_XFAM + 1] = 2, t.body[TD_XFAM + 2] = 6;
    memset(t.body + TD_MRTD, 0xab, 48);
    for (int i = 0; i < 4; i++) memset(t.body + TD_RTMR + 48 * i, 0xc0 + i, 48);
    for (int i = 0; i < 64; i++) t.body[TD_DATA + i] = (uint8_t)(i + 1);
    t.qe[QE_ATTR] = 0x15, t.qe[QE_ATTR + 8] = 0xe7;
    memcpy(t.qe + QE_SIGNER, signer, sizeof signer);
    t.qe[QE_PRODUCT] = 2, t.qe[QE_SVN] = 4;
    for (int i = 0; i < 32; i++) t.auth[i] = (uint8_t)i;
    memcpy(t.sgx, sgx, sizeof sgx);
    memcpy(t.fmspc, fmspc, sizeof fmspc);
    memset(t.instance, 0x5a, sizeof t.instance);
    snprintf(t.info, sizeof t.info, "%s",
             "{\"id\":\"TDX\",\"version\":3," TWIN_DATES
             ",\"fmspc\":\"B0C06F000000\",\"pceId\":\"0000\",\"tcbType\":0,\"tdxModule\":{" TWIN_MODULE
             "},\"tdxModuleIdentities\":[{\"id\":\"TDX_01\"," TWIN_MODULE
             ",\"tcbLevels\":[{\"tcb\":{\"isvsvn\":4},\"tcbStatus\":\"UpToDate\"},{\"tcb\":{\"isvsvn\":2},\"tcbStatus\":"
             "\"OutOfDate\"}]}],"
             "\"tcbLevels\":[" TWIN_LEVEL("13", "5", "UpToDate") "," TWIN_LEVEL("5", "3", "OutOfDate") "]}");
    snprintf(t.identity, sizeof t.identity, "%s",
             "{\"id\":\"TD_QE\",\"version\":2," TWIN_DATES
             ",\"miscselect\":\"00000000\",\"miscselectMask\":\"FFFFFFFF\",\"attributes\":\"11000000000000000000000000000000\","
             "\"attributesMask\":\"FBFFFFFFFFFFFFFF0000000000000000\","
             "\"mrsigner\":\"DC9E2A7C6F948F17474E34A7FC43ED030F7C1563F1BABDDF6340C82E0E54A8C5\",\"isvprodid\":2,"
             "\"tcbLevels\":[{\"tcb\":{\"isvsvn\":4},\"tcbStatus\":\"UpToDate\"},{\"tcb\":{\"isvsvn\":2},\"tcbStatus\":"
             "\"OutOfDate\"}]}");
    return t;
}

/* ---- DER of the PCK's extension ---- */

static inline size_t der_put(uint8_t *out, uint8_t tag, const void *p, size_t n) {
    size_t head = n < 128 ? 2 : n < 256 ? 3 : 4;
    memmove(out + head, p, n);
    out[0] = tag;
    if (head == 2) out[1] = (uint8_t)n;
    if (head == 3) out[1] = 0x81, out[2] = (uint8_t)n;
    if (head == 4) out[1] = 0x82, out[2] = (uint8_t)(n >> 8), out[3] = (uint8_t)n;
    return head + n;
}

/* SEQUENCE {1.2.840.113741.1.13.1[.a].b, tag value}; a 0: without. */
static inline size_t der_pair(uint8_t *out, unsigned a, unsigned b, uint8_t tag, const void *p, size_t n) {
    uint8_t in[1024], id[16] = {0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01};
    size_t id_n = 9, at;
    if (a) id[id_n++] = (uint8_t)a;
    id[id_n++] = (uint8_t)b;
    at = der_put(in, 6, id, id_n);
    at += der_put(in + at, tag, p, n);
    return der_put(out, 0x30, in, at);
}

static inline size_t twin_extension(const struct twin *t, uint8_t *out) {
    uint8_t tcb[768], all[1024], number[2] = {0};
    size_t n = 0, at = 0;
    for (unsigned i = 0; i < 17; i++) {
        uint8_t v = i < 16 ? t->sgx[i] : t->pce_svn;
        if (i < 16 && (int)i >= t->components) continue;
        number[1] = v;
        n += der_pair(tcb + n, 2, i + 1, 2, v < 128 ? number + 1 : number, v < 128 ? 1 : 2);
    }
    n += der_pair(tcb + n, 2, 18, 4, t->sgx, 16);
    at += der_pair(all + at, 0, 1, 4, t->instance, 16);
    at += der_pair(all + at, 0, 2, 0x30, tcb, n);
    at += der_pair(all + at, 0, 3, 4, t->pce_id, 2);
    at += der_pair(all + at, 0, 4, 4, t->fmspc, 6);
    at += der_pair(all + at, 0, 6, 4, t->instance, 16);
    return der_put(out, 0x30, all, at);
}

/* ---- the quote ---- */

static inline size_t put_le(uint8_t *out, size_t v, int n) {
    for (int i = 0; i < n; i++) out[i] = (uint8_t)(v >> 8 * i);
    return (size_t)n;
}

static inline void twin_pck(const struct twin *t, struct maker_cert *out) {
    uint8_t ext[1024];
    struct maker_opts o = t->pck;
    if (!o.oid) {
        o.oid = "1.2.840.113741.1.13.1";
        o.ext = ext;
        o.ext_n = twin_extension(t, ext);
    }
    maker_make(out, t->pck_issuer, &o);
}

static inline size_t twin_chain(const struct maker_cert *pck, char *out, size_t cap) {
    maker_pem(pck, out, cap);
    maker_pem(&twin_ca, out + strlen(out), cap - strlen(out));
    maker_pem(&twin_root, out + strlen(out), cap - strlen(out));
    return strlen(out) + 1; /* with its NUL, as real ones have */
}

/* The certification data, with the enclave's report and the PCK's chain. */
static inline size_t twin_certification(const struct twin *t, const uint8_t key[64], const struct maker_cert *pck, uint8_t *out) {
    uint8_t qe[384], both[64 + sizeof t->auth], digest[32];
    char pem[8192];
    size_t at = 0, pem_n = twin_chain(pck, pem, sizeof pem);
    memcpy(qe, t->qe, sizeof qe);
    memcpy(both, key, 64);
    memcpy(both + 64, t->auth, sizeof t->auth);
    sha256_of(digest, both, sizeof both);
    for (int i = 0; i < 32; i++) qe[QE_DATA + i] ^= digest[i]; /* what a test put there changes it */
    memcpy(out, qe, sizeof qe), at = sizeof qe;
    twin_sign(t->qe_signer ? t->qe_signer : pck->key, qe, sizeof qe, out + at), at += 64;
    at += put_le(out + at, sizeof t->auth, 2);
    memcpy(out + at, t->auth, sizeof t->auth), at += sizeof t->auth;
    at += put_le(out + at, 5, 2);
    at += put_le(out + at, pem_n, 4);
    memcpy(out + at, pem, pem_n);
    return at + pem_n;
}

static inline size_t twin_quote(const struct twin *t, const struct maker_cert *pck, uint8_t *out) {
    uint8_t point[65], certification[SCENE_QUOTE_MAX];
    size_t at = 48, n, body = t->td15 == 2 ? BODY_15_EX : t->td15 ? BODY_15 : BODY_10;
    memcpy(out, t->header, 48);
    if (t->version == 5) at += put_le(out + at, 2 + (size_t)t->td15, 2), at += put_le(out + at, body, 4);
    memcpy(out + at, t->body, body), at += body;
    CHECK(EVP_PKEY_get_octet_string_param(twin_key, "pub", point, sizeof point, &n) == 1 && n == 65);
    n = twin_certification(t, point + 1, pck, certification);
    size_t signed_n = at;
    at += put_le(out + at, 64 + 64 + 6 + n, 4);
    twin_sign(t->quote_signer ? t->quote_signer : twin_key, out, signed_n, out + at), at += 64;
    memcpy(out + at, point + 1, 64), at += 64;
    at += put_le(out + at, 6, 2);
    at += put_le(out + at, n, 4);
    memcpy(out + at, certification, n);
    at += n;
    if (t->dirt) out[t->flip] ^= t->dirt;
    memset(out + at, 0x20, t->extend);
    return at + t->extend - t->cut;
}

/* ---- the collateral ---- */

static inline void twin_crl(const struct maker_cert *by, const X509 *revoked, int64_t until, json_t *all, const char *key) {
    static char hex[4096];
    uint8_t der[1024], *at = der;
    X509_CRL *crl = X509_CRL_new();
    ASN1_TIME *from = ASN1_TIME_set(NULL, (time_t)(TWIN_NOW - 5000)), *to = ASN1_TIME_set(NULL, (time_t)until);
    CHECK(crl && from && to && X509_CRL_set_version(crl, 1) == 1);
    CHECK(X509_CRL_set_issuer_name(crl, X509_get_subject_name(by->cert)) == 1);
    CHECK(X509_CRL_set1_lastUpdate(crl, from) == 1 && X509_CRL_set1_nextUpdate(crl, to) == 1);
    if (revoked) {
        X509_REVOKED *one = X509_REVOKED_new();
        ASN1_INTEGER *serial = ASN1_INTEGER_dup(X509_get0_serialNumber(revoked));
        CHECK(one && X509_REVOKED_set_serialNumber(one, serial) == 1 && X509_REVOKED_set_revocationDate(one, from) == 1);
        CHECK(X509_CRL_add0_revoked(crl, one) == 1);
        ASN1_INTEGER_free(serial);
    }
    CHECK(X509_CRL_sign(crl, by->key, EVP_sha256()) > 0);
    int n = i2d_X509_CRL(crl, NULL);
    CHECK(n > 0 && n < (int)sizeof der);
    (void)i2d_X509_CRL(crl, &at);
    hex_encode(hex, der, (size_t)n);
    CHECK(json_object_set_new(all, key, json_string(hex)) == 0);
    ASN1_TIME_free(from);
    ASN1_TIME_free(to);
    X509_CRL_free(crl);
}

static inline void twin_signed(json_t *all, const char *key, const char *text, const struct maker_cert *by,
                               const struct maker_cert *pck, int spoil) {
    char name[64], hex[129], pem[8192], now[4096];
    uint8_t sig[64];
    if (!*text) return;
    twin_sign(pck ? pck->key : by->key, text, strlen(text), sig);
    hex_encode(hex, sig, sizeof sig);
    snprintf(now, sizeof now, "%s", text);
    if (spoil) now[strlen(now) - 1] = ' ', strcat(now, "}"); /* the same JSON, in other bytes */
    CHECK(json_object_set_new(all, key, json_string(now)) == 0);
    snprintf(name, sizeof name, "%s_signature", key);
    CHECK(json_object_set_new(all, name, json_string(hex)) == 0);
    if (pck)
        (void)twin_chain(pck, pem, sizeof pem);
    else {
        maker_pem(by, pem, sizeof pem);
        maker_pem(&twin_root, pem + strlen(pem), sizeof pem - strlen(pem));
    }
    snprintf(name, sizeof name, "%s_issuer_chain", key);
    CHECK(json_object_set_new(all, name, json_string(pem)) == 0);
}

/* Text to be freed. */
static inline char *twin_collateral(const struct twin *t, const struct maker_cert *pck) {
    json_t *all = json_object();
    CHECK(all != NULL);
    if (!t->no_crls) {
        twin_crl(&twin_root, t->revoked ? t->revoked->cert : NULL, t->crl_until, all, "root_ca_crl");
        twin_crl(&twin_ca, t->pck_revoked ? pck->cert : NULL, t->crl_until, all, "pck_crl");
    }
    twin_signed(all, "tcb_info", t->info, t->info_signer, t->info_by_pck ? pck : NULL, t->spoil == 1);
    twin_signed(all, "qe_identity", t->identity, t->identity_signer, t->identity_by_pck ? pck : NULL, t->spoil == 2);
    char *text = json_dumps(all, JSON_COMPACT);
    CHECK(text != NULL);
    json_decref(all);
    return text;
}

/* q: nonce, policy, now, enveloped are taken from it; the rest is the twin's. */
static inline void judge_twin(struct ev_report *out, const struct twin *t, const struct question *q) {
    static uint8_t quote[SCENE_QUOTE_MAX];
    struct maker_cert pck;
    struct question all = *q;
    twin_pck(t, &pck);
    char *text = t->bare ? NULL : twin_collateral(t, &pck);
    all.quote = (struct ev_bytes){quote, twin_quote(t, &pck, quote)};
    if (text) all.collateral = (struct ev_bytes){(const uint8_t *)text, strlen(text)};
    if (!all.anchors) all.anchors = &twin_anchors;
    if (!all.now) all.now = TWIN_NOW;
    ask(out, &all);
    free(text);
    maker_release(&pck);
}

#endif
