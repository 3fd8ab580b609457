/* tests/unit/evidence/nitro_scene.h - the real document, and enclaves of a manufacturer of our own whose documents say what we like. */
#ifndef TESTS_NITRO_SCENE_H
#define TESTS_NITRO_SCENE_H

#include "base/hash.h"
#include "evidence/cbor.h"
#include "evidence/nitro.h"
#include "evidence/nitro_doc.h"
#include "evidence/nitro_frame.h"
#include "tests/unit/evidence/maker.h"

/* ---- the real one: made 2025-12-25 16:04:19 UTC, its certificate good from 16:04:16 to 19:04:19 ---- */

enum { REAL_NOW = 1766678700, REAL_FROM = 1766678656, REAL_TO = 1766689459 };
static uint8_t framed_doc[8192], real_doc[8192];
static size_t framed_n, real_n;

/* The file is dstack's frame; the document is what it holds. */
static inline void real_load(void) {
    struct ev_bytes doc;
    framed_n = maker_file("aws-nitro/nitro_attestation.cbor", framed_doc, sizeof framed_doc);
    CHECK_INT(nitro_unframe(&doc, (struct ev_bytes){framed_doc, framed_n}), 0);
    CHECK_INT(doc.n, 4526);
    memcpy(real_doc, doc.p, doc.n);
    real_n = doc.n;
}

static inline void judge_with(struct ev_report *out, const void *doc, size_t n, const void *nonce, size_t nonce_n, int64_t now,
                              const struct nitro_policy *policy, const struct ev_anchors *anchors) {
    /* a copy of exactly n bytes: reading behind the end is then noticed */
    uint8_t *own = malloc(n ? n : 1);
    CHECK(own != NULL);
    if (n) memcpy(own, doc, n);
    struct ev_input in = {.evidence = {own, n}, .nonce = {nonce, nonce_n}, .now = now};
    *out = (struct ev_report){.best = EV_CLASS_NONE};
    nitro_verify_with(&in, policy, anchors, out);
    free(own);
}

static inline void judge_real(struct ev_report *out, const void *doc, size_t n, int64_t now) {
    struct nitro_policy strict;
    struct ev_anchors pinned = ev_pinned(EV_ROOTS_NITRO);
    nitro_policy_strict(&strict);
    judge_with(out, doc, n, NULL, 0, now, &strict, &pinned);
}

/* ---- the twin ---- */

enum { TWIN_NOW = 1800000000, TWIN_CERTS = 3 };
static struct maker_cert twin_root, twin_middle, twin_other_root;
static char twin_pem[2048];
static const char *twin_roots[] = {twin_pem, NULL};
static const char *const no_roots[] = {NULL};
static const struct ev_anchors twin_anchors = {twin_roots, no_roots};

static inline void twin_setup(void) {
    struct maker_opts root = {.name = "twin.nitro-enclaves", .from = TWIN_NOW - 1000000, .to = TWIN_NOW + 1000000, .ca = 1},
                      middle = root;
    middle.name = "zonal";
    maker_make(&twin_root, NULL, &root);
    maker_make(&twin_other_root, NULL, &root); /* the same name, another key */
    maker_make(&twin_middle, &twin_root, &middle);
    maker_pem(&twin_root, twin_pem, sizeof twin_pem);
}

static inline void twin_teardown(void) {
    maker_release(&twin_root);
    maker_release(&twin_other_root);
    maker_release(&twin_middle);
}

enum member_bit {
    M_MODULE = 1,
    M_DIGEST = 2,
    M_TIME = 4,
    M_PCRS = 8,
    M_CERT = 16,
    M_BUNDLE = 32,
    M_KEY = 64,
    M_USER = 128,
    M_NONCE = 256
};

struct twin {
    struct maker_opts leaf;
    const char *module_id, *digest;
    uint64_t timestamp_ms;
    int pcr[NITRO_PCRS + 1]; /* the byte that fills it; -1: absent; the last is numbered 32 */
    size_t pcr_bytes[NITRO_PCRS + 1];
    int pcr_twice;                                /* -1, or the index that comes twice */
    struct ev_bytes public_key, user_data, nonce; /* p NULL: null */
    unsigned drop, twice;                         /* bits of members */
    int text_in_place_of;                         /* the bit of a member that is a text, whatever it should be */
    int unknown, indefinite;                      /* a member more; the payload's map */
    int tagged, tag, unprotected, no_middle, stranger_root, bundle_empty;
    unsigned bundle_more; /* the middle this often again */
    int pad_cert;         /* the certificate has bytes behind it */
    int64_t alg;
    const char *protected_hex; /* in place of {1: alg} */
    const char *context;       /* "Signature1" */
    const char *aad;
    int other_key; /* signed by a key that is not the certificate's */
    size_t signature_bytes, trailing;
};

static inline struct twin twin_default(void) {
    struct twin t = {.leaf = {.name = "i-0-enc0", .from = TWIN_NOW - 100, .to = TWIN_NOW + 10800, .ca = 0},
                     .module_id = "i-0-enc0",
                     .digest = "SHA384",
                     .timestamp_ms = (uint64_t)TWIN_NOW * 1000 - 500,
                     .pcr_twice = -1,
                     .alg = -35,
                     .tag = 18,
                     .context = "Signature1",
                     .aad = "",
                     .signature_bytes = 96};
    for (int i = 0; i <= NITRO_PCRS; i++) {
        t.pcr[i] = i < 16 ? (i < 5 ? i + 1 : 0) : -1;
        t.pcr_bytes[i] = 48;
    }
    return t;
}

static inline void put_pcrs(struct writer *w, const struct twin *t) {
    uint64_t count = t->pcr_twice >= 0;
    for (int i = 0; i <= NITRO_PCRS; i++) count += t->pcr[i] >= 0;
    cbor_put_map(w, count);
    for (int i = 0; i <= NITRO_PCRS; i++)
        for (int again = 0; t->pcr[i] >= 0 && again <= (t->pcr_twice == i); again++) {
            uint8_t v[80];
            memset(v, t->pcr[i], sizeof v);
            cbor_put_uint(w, (uint64_t)i);
            cbor_put_bytes(w, v, t->pcr_bytes[i]);
        }
}

static inline void put_bundle(struct writer *w, const struct twin *t) {
    if (t->bundle_empty) {
        cbor_put_array(w, 0);
        return;
    }
    const struct maker_cert *root = t->stranger_root ? &twin_other_root : &twin_root;
    cbor_put_array(w, 1u + !t->no_middle + t->bundle_more);
    cbor_put_bytes(w, root->der, root->n);
    for (unsigned i = 0; i < !t->no_middle + t->bundle_more; i++) cbor_put_bytes(w, twin_middle.der, twin_middle.n);
}

static inline void put_given(struct writer *w, struct ev_bytes v) {
    if (v.p)
        cbor_put_bytes(w, v.p, v.n);
    else
        cbor_put_null(w);
}

static inline void put_member(struct writer *w, const struct twin *t, unsigned bit, const struct maker_cert *leaf) {
    static const char *const names[] = {"module_id", "digest",     "timestamp", "pcrs", "certificate",
                                        "cabundle",  "public_key", "user_data", "nonce"};
    int i = 0;
    while (1u << i != bit) i++;
    cbor_put_text(w, names[i]);
    if ((unsigned)t->text_in_place_of == bit) {
        cbor_put_text(w, "text");
        return;
    }
    uint8_t cert[8400] = {0};
    memcpy(cert, leaf->der, leaf->n);
    switch (bit) {
    case M_MODULE: cbor_put_text(w, t->module_id); break;
    case M_DIGEST: cbor_put_text(w, t->digest); break;
    case M_TIME: cbor_put_uint(w, t->timestamp_ms); break;
    case M_PCRS: put_pcrs(w, t); break;
    case M_CERT: cbor_put_bytes(w, cert, leaf->n + (size_t)t->pad_cert); break;
    case M_BUNDLE: put_bundle(w, t); break;
    case M_KEY: put_given(w, t->public_key); break;
    case M_USER: put_given(w, t->user_data); break;
    default: put_given(w, t->nonce);
    }
}

static inline void put_payload(struct writer *w, const struct twin *t, const struct maker_cert *leaf) {
    unsigned count = (unsigned)(t->unknown != 0);
    for (unsigned bit = 1; bit <= M_NONCE; bit <<= 1) count += (t->drop & bit ? 0u : 1u) + (t->twice & bit ? 1u : 0u);
    if (t->indefinite)
        write_u8(w, 0xbf);
    else
        cbor_put_map(w, count);
    for (unsigned bit = 1; bit <= M_NONCE; bit <<= 1)
        for (int again = !!(t->drop & bit); again <= !!(t->twice & bit); again++) put_member(w, t, bit, leaf);
    if (t->unknown) {
        cbor_put_text(w, "later");
        cbor_put_array(w, 1);
        cbor_put_uint(w, 5);
    }
    if (t->indefinite) write_u8(w, 0xff);
}

static inline size_t twin_doc(const struct twin *t, uint8_t *out, size_t cap) {
    static uint8_t payload[32768], text[32768];
    uint8_t header[64], signature[256] = {0};
    struct maker_cert leaf;
    maker_make(&leaf,
               t->stranger_root && t->no_middle ? &twin_other_root
               : t->no_middle == 2              ? &twin_root
                                                : &twin_middle,
               &t->leaf);
    struct writer p = writer_over(payload, sizeof payload), h = writer_over(header, sizeof header),
                  s = writer_over(text, sizeof text);
    put_payload(&p, t, &leaf);
    if (t->protected_hex) {
        h.len = strlen(t->protected_hex) / 2;
        CHECK_INT(hex_decode(header, h.len, t->protected_hex, 2 * h.len), 0);
    } else {
        cbor_put_map(&h, 1);
        cbor_put_uint(&h, 1);
        cbor_put_int(&h, t->alg);
    }
    cbor_put_array(&s, 4);
    cbor_put_text(&s, t->context);
    cbor_put_bytes(&s, header, h.len);
    cbor_put_bytes(&s, t->aad, strlen(t->aad));
    cbor_put_bytes(&s, payload, p.len);
    CHECK(!p.err && !h.err && !s.err);
    size_t half = t->leaf.curve && strcmp(t->leaf.curve, "P-521") == 0 ? 66 : 48;
    maker_sign(t->other_key ? twin_root.key : leaf.key, text, s.len, signature, half);
    struct writer w = writer_over(out, cap);
    if (t->tagged) cbor_put_tag(&w, (uint64_t)t->tag);
    cbor_put_array(&w, 4);
    cbor_put_bytes(&w, header, h.len);
    cbor_put_map(&w, (uint64_t)t->unprotected);
    if (t->unprotected) {
        cbor_put_uint(&w, 1);
        cbor_put_int(&w, -35);
    }
    cbor_put_bytes(&w, payload, p.len);
    cbor_put_bytes(&w, signature, t->signature_bytes);
    write_zeros(&w, t->trailing);
    CHECK(!w.err);
    maker_release(&leaf);
    return w.len;
}

static inline void judge_twin(struct ev_report *out, const struct twin *t, const char *nonce, const struct nitro_policy *policy,
                              int64_t now) {
    static uint8_t doc[40000];
    size_t n = twin_doc(t, doc, sizeof doc);
    judge_with(out, doc, n, nonce, nonce ? strlen(nonce) : 0, now, policy, &twin_anchors);
}

#endif
