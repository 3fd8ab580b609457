/* evidence/nitro.c - the checks of nitro.h, in its order. */
#include "evidence/nitro.h"

#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/hash.h"
#include "base/mem.h"
#include "evidence/cbor.h"
#include "evidence/nitro_doc.h"
#include "evidence/nitro_frame.h"
#include "evidence/p384.h"
#include "evidence/vouched.h"

/* PCR 0 is the image whole, 8 who signed it; the rest is parts of it, which machine it is, and what a program put there itself. */
enum { NAMES_PROGRAM = 1 << 0 | 1 << 8 };

struct check {
    const struct ev_input *in;
    const struct nitro_policy *policy;
    struct ev_report *out;
    struct nitro_cose cose;
    struct nitro_doc doc;
    struct ev_certs certs; /* the leaf, then the bundle */
    int authentic;         /* chain and signature are good: from here on what is good may be noted */
};

#define CHECKED(k, ...) ev_check_vouched((k)->out, (k)->authentic, __VA_ARGS__)

/* ---- who says it ---- */

static int read_document(struct check *k) {
    struct why why = {""};
    struct ev_bytes doc;
    if (k->in->evidence.n > NITRO_BYTES_MAX) return ev_fail(k->out, "format", EV_UNSUPPORTED, "over %d bytes", NITRO_BYTES_MAX);
    if (nitro_unframe(&doc, k->in->evidence) != 0)
        return ev_fail(k->out, "format", EV_UNSUPPORTED, "it begins as dstack's frame of a document, and is none");
    if (nitro_cose_read(&k->cose, doc, &why) != 0 || nitro_doc_read(&k->doc, k->cose.payload, &why) != 0)
        return ev_fail(k->out, "format", EV_UNSUPPORTED, "%s", why.text);
    ev_check(k->out, "format", 1, EV_UNSUPPORTED, " ");
    return ev_check(k->out, "cose_algorithm", nitro_is_es384(k->cose.protected_header), EV_UNSUPPORTED,
                    "the protected header does not say ES384 (-35) and nothing else");
}

static int read_certs(struct check *k) {
    int r = ev_certs_add(&k->certs, k->doc.certificate);
    for (unsigned i = 0; i < k->doc.bundle_count && r == 0; i++) r = ev_certs_add(&k->certs, k->doc.bundle[i]);
    if (r != 0) return ev_fail(k->out, "certificates", EV_UNSUPPORTED, "certificate or cabundle: no certificate in DER");
    X509 *leaf = k->certs.cert[0];
    int signs = X509_get_extension_flags(leaf) & EXFLAG_KUSAGE ? (X509_get_key_usage(leaf) & KU_DIGITAL_SIGNATURE) != 0 : 1;
    return ev_check(k->out, "certificates", X509_check_ca(leaf) == 0 && signs && p384_key_in(leaf), EV_INVALID,
                    "the document's certificate is a CA's, or not for signatures, or its key is not on P-384");
}

/* Sig_structure of RFC 9052, 4.4: what is signed in place of the document. */
static int signature_good(const struct check *k) {
    size_t cap = 64 + k->cose.protected_header.n + k->cose.payload.n;
    uint8_t *text = mem_zalloc(1, cap);
    if (!text) return ERR_NOMEM;
    struct writer w = writer_over(text, cap);
    cbor_put_array(&w, 4);
    cbor_put_text(&w, "Signature1");
    cbor_put_bytes(&w, k->cose.protected_header.p, k->cose.protected_header.n);
    cbor_put_bytes(&w, NULL, 0);
    cbor_put_bytes(&w, k->cose.payload.p, k->cose.payload.n);
    int r = w.err ? ERR_INTERNAL : p384_signed(k->certs.cert[0], k->cose.signature, (struct ev_bytes){text, w.len});
    free(text);
    return r;
}

static void authenticate(struct check *k, const struct ev_anchors *anchors) {
    struct ev_certs others = k->certs;
    int chain = ev_chain_check(k->out, k->certs.cert[0], &others, anchors, k->in->now, NULL, 0);
    int good = signature_good(k);
    if (good < 0)
        ev_fail(k->out, "signature", EV_INTERNAL, "%s", err_text(good));
    else if (chain || !good)
        ev_check(k->out, "signature", good, EV_INVALID, "it is not the certificate's over this document");
    k->authentic = chain && good == 1;
}

/* ---- what it says ---- */

static void check_digest(struct check *k) {
    CHECKED(k, "digest", cbor_text_is(k->doc.digest, "SHA384"), EV_UNSUPPORTED, "the PCRs are not of SHA384");
}

/* Seconds from 1970 to an ASN.1 time are asked of OpenSSL by comparing, so that no calendar of ours can be wrong. */
static int within_leaf(const X509 *leaf, int64_t at) {
    time_t late = (time_t)(at + NITRO_SLACK_S), early = (time_t)(at - NITRO_SLACK_S);
    return X509_cmp_time(X509_get0_notBefore(leaf), &late) < 0 && X509_cmp_time(X509_get0_notAfter(leaf), &early) > 0;
}

static void check_timestamp(struct check *k) {
    int64_t at = (int64_t)(k->doc.timestamp_ms / 1000), max = k->policy->max_age_s, now = k->in->now;
    int64_t age = now > at ? now - at : 0; /* at is not negative, now may be anything */
    if (!within_leaf(k->certs.cert[0], at))
        CHECKED(k, "timestamp", 0, EV_INVALID, "the document was not made while its certificate was valid");
    else if (max > 0 && at - NITRO_SLACK_S > now)
        CHECKED(k, "timestamp", 0, EV_INVALID, "the document is from the future: %lld, and it is %lld", (long long)at,
                (long long)now);
    else
        CHECKED(k, "timestamp", max == 0 || age <= max, EV_REFUSED, "%lld s old; the policy takes %lld", (long long)age,
                (long long)max);
}

static int all_zero(struct ev_bytes v) {
    for (size_t i = 0; i < v.n; i++)
        if (v.p[i]) return 0;
    return 1;
}

/* In debug mode the hypervisor gives PCR 0, 1 and 2 as zeros, whatever runs. One that is absent cannot be looked at. */
static void check_debug(struct check *k) {
    int bad = -1;
    for (int i = 2; i >= 0; i--)
        if (all_zero(k->doc.pcr[i])) bad = i;
    CHECKED(k, "debug", bad < 0, EV_REFUSED, "PCR %d is %s: a debug enclave", bad,
            bad >= 0 && k->doc.pcr[bad].n ? "zero" : "absent");
}

static int value_allowed(const struct nitro_policy *p, unsigned index, struct ev_bytes v) {
    for (unsigned i = 0; i < p->count; i++)
        if (p->value[i].index == index && v.n == NITRO_PCR_BYTES && memcmp(p->value[i].value, v.p, v.n) == 0) return 1;
    return 0;
}

/* SHA384's 48 bytes in each, and the policy's values. */
static void check_pcrs(struct check *k) {
    for (unsigned i = 0; i < NITRO_PCRS; i++) {
        struct ev_bytes v = k->doc.pcr[i];
        if (v.n != 0 && v.n != NITRO_PCR_BYTES) {
            CHECKED(k, "pcrs", 0, EV_UNSUPPORTED, "PCR %u has %zu bytes, which is no SHA384", i, v.n);
            return;
        }
        if ((k->policy->named >> i & 1) && !value_allowed(k->policy, i, v)) {
            CHECKED(k, "pcrs", 0, EV_REFUSED, "PCR %u is %s", i,
                    v.n ? "none of the policy's values" : "absent, and the policy names it");
            return;
        }
    }
    if (!(k->policy->named & NAMES_PROGRAM)) ev_unchecked(k->out, "measurement");
    if (k->policy->named) CHECKED(k, "pcrs", 1, EV_REFUSED, " "); /* of the right size is not yet good */
}

static void check_nonce(struct check *k) {
    struct ev_bytes want = k->in->nonce, have = k->doc.nonce;
    const char *where = "nonce";
    if (want.n == 0) {
        ev_unchecked(k->out, "nonce");
        return;
    }
    if (k->policy->binding == NITRO_USER_DATA || (k->policy->binding == NITRO_NONCE_ELSE_USER_DATA && have.n == 0)) {
        have = k->doc.user_data;
        where = "user_data";
    }
    CHECKED(k, "nonce", have.n == want.n && memcmp(have.p, want.p, want.n) == 0, EV_INVALID, "the document's %s is %s", where,
            have.n ? "another than was asked for" : "empty");
}

/* ---- facts ---- */

static void tell_text(struct ev_report *r, const char *name, struct ev_bytes text) {
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] < 0x20 || text.p[i] > 0x7e) {
            ev_tell_hex(r, name, text.p, text.n);
            return;
        }
    ev_tell(r, name, "%.*s", (int)text.n, (const char *)text.p);
}

static void tell_time(struct ev_report *r, int64_t at) {
    time_t t = (time_t)at;
    struct tm tm;
    char text[64] = "";
    if (gmtime_r(&t, &tm)) strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    ev_tell(r, "timestamp", "%s", text);
}

static void tell(const struct check *k) {
    static const char *const names[NITRO_PCRS] = {
        "pcr0",  "pcr1",  "pcr2",  "pcr3",  "pcr4",  "pcr5",  "pcr6",  "pcr7",  "pcr8",  "pcr9",  "pcr10",
        "pcr11", "pcr12", "pcr13", "pcr14", "pcr15", "pcr16", "pcr17", "pcr18", "pcr19", "pcr20", "pcr21",
        "pcr22", "pcr23", "pcr24", "pcr25", "pcr26", "pcr27", "pcr28", "pcr29", "pcr30", "pcr31",
    };
    const struct nitro_doc *d = &k->doc;
    tell_text(k->out, "module_id", d->module_id);
    tell_time(k->out, (int64_t)(d->timestamp_ms / 1000));
    for (unsigned i = 0; i < NITRO_PCRS; i++)
        if (!all_zero(d->pcr[i])) ev_tell_hex(k->out, names[i], d->pcr[i].p, d->pcr[i].n);
    if (d->nonce.n) ev_tell_hex(k->out, "nonce", d->nonce.p, d->nonce.n);
    if (d->user_data.n) ev_tell_hex(k->out, "user_data", d->user_data.p, d->user_data.n);
    if (d->public_key.n) {
        uint8_t digest[SHA256_BYTES];
        sha256_of(digest, d->public_key.p, d->public_key.n);
        ev_tell_hex(k->out, "public_key_sha256", digest, sizeof digest);
    }
}

void nitro_verify_with(const struct ev_input *in, const struct nitro_policy *policy, const struct ev_anchors *anchors,
                       struct ev_report *out) {
    struct check k = {.in = in, .policy = policy, .out = out};
    out->best = EV_T2;
    if (read_document(&k) && read_certs(&k)) {
        authenticate(&k, anchors);
        check_digest(&k);
        check_timestamp(&k);
        check_debug(&k);
        check_pcrs(&k);
        check_nonce(&k);
        if (k.authentic) tell(&k);
    }
    ev_certs_release(&k.certs);
}
