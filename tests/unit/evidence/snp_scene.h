/* tests/unit/evidence/snp_scene.h - the real reports of SEV-SNP with their certificates, and processors of a manufacturer of our own whose
 * reports say what we like. */
#ifndef TESTS_SNP_SCENE_H
#define TESTS_SNP_SCENE_H

#include "base/hash.h"
#include "evidence/sev_snp.h"
#include "tests/unit/evidence/maker.h"

/* ---- the real ones ---- */

enum { JAN_2024 = 1704067200, JUN_2025 = 1750000000, DEC_2025 = 1766678700, JUL_2026 = 1783000000 };

struct real {
    const char *report, *leaf;
    size_t at; /* where the report begins in its file */
    int64_t now;
    enum snp_product product;
    uint32_t version;
    enum ev_verdict verdict; /* under the strict policy */
    const char *factor;
    uint8_t bytes[SNP_REPORT_BYTES], cert[8192];
    size_t cert_n;
};
/* The one of the VLEK was asked for at VMPL 1. */
static struct real reals[] = {
    {"report_v2_milan.hex", "vcek_milan.der", 0, JAN_2024, SNP_MILAN, 2, EV_OK, NULL, {0}, {0}, 0},
    {"report_trustee.bin", "vcek_trustee.der", 0, JAN_2024, SNP_MILAN, 2, EV_OK, NULL, {0}, {0}, 0},
    {"report_vlek_trustee.bin", "vlek_trustee.der", 0, JUN_2025, SNP_MILAN, 3, EV_REFUSED, "vmpl", {0}, {0}, 0},
    {"ms_report_milan.bin", "ms_vcek_milan.pem", 0, JUL_2026, SNP_MILAN, 3, EV_OK, NULL, {0}, {0}, 0},
    {"ms_report_genoa.bin", "ms_vcek_genoa.pem", 0, JUL_2026, SNP_GENOA, 3, EV_OK, NULL, {0}, {0}, 0},
    {"dstack_versioned_attestation.bin", "dstack_vcek_milan.pem", 4, JUL_2026, SNP_MILAN, 3, EV_OK, NULL, {0}, {0}, 0},
    {"az_hcl_report.bin", "az_vcek_milan.pem", 32, JAN_2024, SNP_MILAN, 2, EV_OK, NULL, {0}, {0}, 0},
};
enum { REALS = sizeof reals / sizeof *reals, REAL_V2 = 0, REAL_VLEK = 2, REAL_MILAN = 3, REAL_GENOA = 4 };

static inline size_t snp_file(const char *name, uint8_t *out, size_t cap) {
    char path[128];
    snprintf(path, sizeof path, "sev-snp/%s", name);
    return maker_file(path, out, cap);
}

static inline void reals_load(void) {
    for (size_t i = 0; i < REALS; i++) {
        uint8_t text[8192];
        size_t n = snp_file(reals[i].report, text, sizeof text);
        if (strstr(reals[i].report, ".hex"))
            CHECK_INT(hex_decode(reals[i].bytes, SNP_REPORT_BYTES, (const char *)text, n), 0);
        else {
            CHECK(n >= reals[i].at + SNP_REPORT_BYTES);
            memcpy(reals[i].bytes, text + reals[i].at, SNP_REPORT_BYTES);
        }
        reals[i].cert_n = snp_file(reals[i].leaf, reals[i].cert, sizeof reals[i].cert);
    }
}

/* All that a judgement takes; NULL and zeros are the usual. */
struct question {
    struct ev_bytes report, chain[4];
    unsigned chains;
    struct ev_bytes nonce, crl;
    int64_t now;
    const struct snp_policy *policy;   /* NULL: strict */
    const struct snp_anchors *anchors; /* NULL: pinned */
};
static inline void ask(struct ev_report *out, const struct question *q) {
    /* a copy of exactly so many bytes: reading behind the end is then noticed */
    uint8_t *own = malloc(q->report.n ? q->report.n : 1);
    CHECK(own != NULL);
    if (q->report.n) memcpy(own, q->report.p, q->report.n);
    struct snp_policy strict;
    struct snp_anchors pinned = snp_pinned();
    snp_policy_strict(&strict);
    struct ev_input in = {
        .evidence = {own, q->report.n}, .nonce = q->nonce, .collateral = q->crl, .now = q->now, .chain_count = q->chains};
    memcpy(in.chain, q->chain, sizeof q->chain);
    *out = (struct ev_report){.best = EV_CLASS_NONE};
    sev_snp_verify_with(&in, q->policy ? q->policy : &strict, q->anchors ? q->anchors : &pinned, out);
    free(own);
}

static inline struct question real_question(const struct real *real) {
    return (struct question){
        .report = {real->bytes, SNP_REPORT_BYTES}, .chain = {{real->cert, real->cert_n}}, .chains = 1, .now = real->now};
}

/* ---- the twins ---- */

enum { TWIN_NOW = 1800000000, TWIN_EXTENSIONS = 14 };
static struct maker_cert twin_ark[SNP_PRODUCTS], twin_ask[SNP_PRODUCTS][2]; /* of VCEKs, of VLEKs */
static char twin_pem[SNP_PRODUCTS][2048], twin_pem_ask[SNP_PRODUCTS][2][2048];
static const char *twin_roots[SNP_PRODUCTS][2], *twin_middles[SNP_PRODUCTS][3];
static struct snp_anchors twin_anchors;

static inline void twins_setup(void) {
    static const char *const names[SNP_PRODUCTS] = {"Milan", "Genoa", "Turin"};
    for (int p = 0; p < SNP_PRODUCTS; p++) {
        char ark[32], ask_name[2][32];
        snprintf(ark, sizeof ark, "ARK-%s", names[p]);
        snprintf(ask_name[0], sizeof ask_name[0], "SEV-%s", names[p]);
        snprintf(ask_name[1], sizeof ask_name[1], "SEV-VLEK-%s", names[p]);
        struct maker_opts o = {
            .name = ark, .from = TWIN_NOW - 1000000, .to = TWIN_NOW + 1000000, .ca = 1, .usage = "critical,keyCertSign,cRLSign"};
        maker_make(&twin_ark[p], NULL, &o);
        maker_pem(&twin_ark[p], twin_pem[p], sizeof twin_pem[p]);
        for (int i = 0; i < 2; i++) {
            o.name = ask_name[i];
            maker_make(&twin_ask[p][i], &twin_ark[p], &o);
            maker_pem(&twin_ask[p][i], twin_pem_ask[p][i], sizeof twin_pem_ask[p][i]);
            twin_middles[p][i] = twin_pem_ask[p][i];
        }
        twin_roots[p][0] = twin_pem[p];
        twin_anchors.product[p] = (struct ev_anchors){twin_roots[p], twin_middles[p]};
    }
}

static inline void twins_teardown(void) {
    for (int p = 0; p < SNP_PRODUCTS; p++) {
        maker_release(&twin_ark[p]);
        maker_release(&twin_ask[p][0]);
        maker_release(&twin_ask[p][1]);
    }
}

struct twin_extension {
    char oid[40];
    uint8_t bytes[80];
    size_t n;
    int times; /* 0: absent */
};
struct twin {
    enum snp_product product;
    enum snp_key key;
    uint8_t report[SNP_REPORT_BYTES];
    struct twin_extension extension[TWIN_EXTENSIONS];
    unsigned extensions;
    struct maker_opts leaf;
    const struct maker_cert *issuer;
    int other_key; /* signed by a key that is not the certificate's */
    int unsigned_; /* r and s stay zero */
    size_t flip;   /* where a byte changes after signing */
    uint8_t dirt;  /* what is xored to it */
};

static inline void twin_extend(struct twin *t, const char *oid, const void *p, size_t n) {
    CHECK(t->extensions < TWIN_EXTENSIONS && n <= sizeof t->extension[0].bytes);
    struct twin_extension *e = &t->extension[t->extensions++];
    snprintf(e->oid, sizeof e->oid, "1.3.6.1.4.1.3704.1.%s", oid);
    memcpy(e->bytes, p, n);
    e->n = n;
    e->times = 1;
}
static inline struct twin_extension *twin_extension(struct twin *t, const char *oid) {
    for (unsigned i = 0; i < t->extensions; i++)
        if (strcmp(t->extension[i].oid + strlen("1.3.6.1.4.1.3704.1."), oid) == 0) return &t->extension[i];
    fail_msg("no extension %s", oid);
    return t->extension; /* not reached, which gcc does not know */
}
static inline void twin_set(struct twin *t, const char *oid, const void *p, size_t n) {
    struct twin_extension *e = twin_extension(t, oid);
    memcpy(e->bytes, p, n);
    e->n = n;
}
static inline void twin_text(struct twin *t, const char *oid, const char *text) {
    uint8_t der[80] = {0x16, (uint8_t)strlen(text)};
    memcpy(der + 2, text, strlen(text));
    twin_extend(t, oid, der, 2 + strlen(text));
}
static inline void twin_number(struct twin *t, const char *oid, uint8_t v) {
    uint8_t small[3] = {2, 1, v}, large[4] = {2, 2, 0, v};
    twin_extend(t, oid, v < 128 ? small : large, v < 128 ? 3 : 4);
}

/* The same TCB at four places of the report and in the certificate. */
static inline void twin_tcb(struct twin *t, const uint8_t tcb[8]) {
    static const size_t at[] = {0x38, 0x180, 0x1e0, 0x1f0};
    for (int i = 0; i < 4; i++) memcpy(t->report + at[i], tcb, 8);
}

static inline struct twin twin_of(enum snp_product product, enum snp_key key, uint8_t version) {
    static const char *const text[SNP_PRODUCTS] = {"Milan-B0", "Genoa", "Turin"};
    static const uint8_t cpu[SNP_PRODUCTS][3] = {{0x19, 1, 1}, {0x19, 0x11, 1}, {0x1a, 2, 1}};
    /* written out by hand, once more, so that an error in the verifier's table is noticed */
    static const uint8_t tcb[SNP_PRODUCTS][8] = {
        {4, 1, 0, 0, 0, 0, 24, 219}, {10, 2, 0, 0, 0, 0, 23, 84}, {1, 3, 2, 4, 0, 0, 0, 73}};
    struct twin t = {.product = product, .key = key, .issuer = &twin_ask[product][key == SNP_KEY_VLEK]};
    t.leaf = (struct maker_opts){.name = key == SNP_KEY_VCEK ? "SEV-VCEK" : "SEV-VLEK",
                                 .from = TWIN_NOW - 1000,
                                 .to = TWIN_NOW + 1000,
                                 .ca = -1,
                                 .usage = ""};
    t.report[0] = version;
    t.report[0x0a] = 3; /* policy: SMT allowed, bit 17 */
    t.report[0x34] = 1;
    t.report[0x48] = (uint8_t)(key << 2);
    for (int i = 0; i < 64; i++) t.report[0x50 + i] = (uint8_t)(i + 1);
    memset(t.report + 0x90, 0xab, 48);
    memset(t.report + 0xc0, 0xcd, 32);
    if (version >= 3) memcpy(t.report + 0x188, cpu[product], 3);
    for (int i = 0; i < (product == SNP_TURIN ? 8 : 64) && key == SNP_KEY_VCEK; i++)
        t.report[0x1a0 + i] = (uint8_t)(i == 0 ? 2 : 4 + i);
    if (version >= 5) t.report[0x1f8] = t.report[0x200] = 3;
    twin_tcb(&t, tcb[product]);
    int turin = product == SNP_TURIN;
    const uint8_t *v = tcb[product];
    twin_number(&t, "1", (uint8_t)turin);
    twin_text(&t, "2", text[product]);
    twin_number(&t, "3.1", v[turin ? 1 : 0]);
    twin_number(&t, "3.2", v[turin ? 2 : 1]);
    twin_number(&t, "3.3", v[turin ? 3 : 6]);
    twin_number(&t, "3.8", v[7]);
    if (turin) twin_number(&t, "3.9", v[0]);
    if (key == SNP_KEY_VCEK)
        twin_extend(&t, "4", t.report + 0x1a0, turin ? 8 : 64);
    else
        twin_text(&t, "5", "CN=cloud.example");
    return t;
}

/* The certificate, with the extensions. */
static inline void twin_leaf(struct twin *t, struct maker_cert *out) {
    maker_make(out, t->issuer, &t->leaf);
    for (unsigned i = 0; i < t->extensions; i++)
        for (int k = 0; k < t->extension[i].times; k++)
            maker_extend_raw(out->cert, t->extension[i].oid, t->extension[i].bytes, t->extension[i].n);
    CHECK(X509_sign(out->cert, t->issuer->key, EVP_sha384()) > 0);
    unsigned char *at = out->der;
    int n = i2d_X509(out->cert, NULL);
    CHECK(n > 0 && (size_t)n <= sizeof out->der);
    out->n = (size_t)i2d_X509(out->cert, &at);
}

static inline void twin_sign(struct twin *t, EVP_PKEY *key) {
    uint8_t big[2 * SNP_SCALAR_BYTES];
    maker_sign(key, t->report, SNP_SIGNED_BYTES, big, SNP_SCALAR_BYTES);
    memset(t->report + SNP_SIGNED_BYTES, 0, SNP_REPORT_BYTES - SNP_SIGNED_BYTES);
    for (size_t i = 0; i < SNP_SCALAR_BYTES; i++) {
        t->report[SNP_SIGNED_BYTES + i] = big[SNP_SCALAR_BYTES - 1 - i];
        t->report[SNP_SIGNED_BYTES + 72 + i] = big[2 * SNP_SCALAR_BYTES - 1 - i];
    }
}

/* q: nonce, policy and crl are taken from it when it is not NULL; the rest is the twin's. */
static inline void judge_twin(struct ev_report *out, struct twin *t, const struct question *q) {
    struct maker_cert leaf;
    struct question all = q ? *q : (struct question){0};
    twin_leaf(t, &leaf);
    if (!t->unsigned_) twin_sign(t, t->other_key ? twin_ark[t->product].key : leaf.key);
    t->report[t->flip] ^= t->dirt;
    all.report = (struct ev_bytes){t->report, SNP_REPORT_BYTES};
    all.chain[all.chains++] = (struct ev_bytes){leaf.der, leaf.n};
    if (!all.anchors) all.anchors = &twin_anchors;
    if (!all.now) all.now = TWIN_NOW;
    ask(out, &all);
    maker_release(&leaf);
}

#endif
