/* evidence/nvidia_gpu.c - the checks of nvidia_gpu.h, in its order. */
#include "evidence/nvidia_gpu.h"

#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/hash.h"
#include "base/mem.h"
#include "evidence/nvidia_report.h"
#include "evidence/p384.h"
#include "evidence/vouched.h"

struct check {
    const struct ev_input *in;
    const struct nvidia_policy *policy;
    struct ev_report *out;
    uint8_t *own; /* the report's bytes, if it came in hex */
    struct nvidia_report report;
    struct ev_certs certs;
    X509 *leaf;      /* one of them */
    int leaf_signed; /* the report: 1, 0, or ERR_* */
    int authentic;
};
#define CHECKED(k, ...) ev_check_vouched((k)->out, (k)->authentic, __VA_ARGS__)

/* ---- reading ---- */

/* A report in bytes begins with 11, which is no digit. */
static int bytes_of(struct check *k, struct ev_bytes *out) {
    struct ev_bytes e = k->in->evidence;
    *out = e;
    if (e.n == 0 || e.p[0] < '0') return 0;
    while (e.n > 0 && strchr(" \t\r\n", e.p[e.n - 1]) && e.p[e.n - 1]) e.n--;
    if (e.n % 2 || e.n / 2 > NVIDIA_REPORT_MAX) return ERR_FORMAT;
    k->own = mem_zalloc(1, e.n / 2 + 1);
    if (!k->own) return ERR_NOMEM;
    *out = (struct ev_bytes){k->own, e.n / 2};
    return hex_decode(k->own, e.n / 2, (const char *)e.p, e.n);
}

static int read_report(struct check *k) {
    struct ev_bytes bytes;
    struct why why = {""};
    int r = bytes_of(k, &bytes);
    if (r == ERR_NOMEM) return ev_fail(k->out, "format", EV_INTERNAL, "no memory");
    if (r != 0) return ev_fail(k->out, "format", EV_UNSUPPORTED, "neither a report nor one in hex");
    r = nvidia_report_read(&k->report, bytes, &why);
    return ev_check(k->out, "format", r == 0, EV_UNSUPPORTED, "%s", why.text);
}

/* The GPU's certificate: of those that are no CA's the one whose key signed, else (to say what is wrong with it) the first. */
static void find_leaf(struct check *k) {
    for (unsigned i = 0; i < k->certs.count; i++) {
        X509 *cert = k->certs.cert[i];
        if (X509_check_ca(cert) != 0) continue;
        int good = p384_signed(cert, k->report.signature, k->report.covered);
        if (k->leaf && good != 1) continue;
        k->leaf = cert;
        k->leaf_signed = good;
        if (good == 1) return;
    }
}

static int read_certs(struct check *k) {
    if (!ev_certs_of(&k->certs, k->in, k->out)) return 0;
    if (k->certs.count == 0)
        return ev_fail(k->out, "certificates", EV_UNSUPPORTED, "none came with the report; it needs the GPU's chain");
    find_leaf(k);
    return ev_check(k->out, "certificates", k->leaf && p384_key_in(k->leaf), EV_INVALID, "%s",
                    k->leaf ? "the GPU's key is not on P-384" : "none of a GPU, only of CAs");
}

/* ---- who says it ---- */

static void authenticate(struct check *k, const struct ev_anchors *anchors) {
    int chain = ev_chain_check(k->out, k->leaf, &k->certs, anchors, k->in->now, NULL, 0);
    int good = k->leaf_signed;
    if (good < 0)
        ev_fail(k->out, "signature", EV_INTERNAL, "%s", err_text(good));
    else if (chain || !good)
        ev_check(k->out, "signature", good, EV_INVALID, "it is not the GPU's over this request and response");
    k->authentic = chain && good == 1;
}

static void check_fwid(struct check *k) {
    struct ev_bytes cert, report = k->report.fwid;
    int r = nvidia_cert_fwid(k->leaf, &cert);
    int same = r == 0 && report.n == cert.n && memcmp(report.p, cert.p, cert.n) == 0;
    CHECKED(k, "fwid", same, EV_INVALID, "%s",
            r != 0          ? "the GPU's certificate has no readable firmware id"
            : report.n == 0 ? "the report has no firmware id"
                            : "the firmware of the certificate is not that of the report");
}

static void check_nonce(struct check *k) {
    struct ev_bytes want = k->in->nonce;
    if (want.n == 0) {
        ev_unchecked(k->out, "nonce");
        return;
    }
    CHECKED(k, "nonce", want.n == NVIDIA_NONCE_BYTES && memcmp(want.p, k->report.request_nonce, NVIDIA_NONCE_BYTES) == 0,
            EV_INVALID, "the report was not asked for with our nonce");
}

/* ---- what it says ---- */

struct versions {
    char driver[NVIDIA_VERSION_MAX], vbios[NVIDIA_VERSION_MAX];
};

static int set_holds(const struct nvidia_set *s, const struct versions *v) {
    return (!s->driver[0] || strcasecmp(s->driver, v->driver) == 0) && (!s->vbios[0] || strcasecmp(s->vbios, v->vbios) == 0);
}

static int golden_met(const struct nvidia_policy *p, unsigned set, uint8_t index, struct ev_bytes have) {
    for (unsigned i = 0; i < p->count; i++) {
        const struct nvidia_golden *g = &p->golden[i];
        if (g->set == set && g->index == index && have.n == sizeof g->digest && memcmp(g->digest, have.p, have.n) == 0) return 1;
    }
    return 0;
}

/* The first index at which the report does not meet a set that holds; 0: none. */
static unsigned first_unmet(const struct check *k, const struct versions *v) {
    const struct nvidia_policy *p = k->policy;
    for (unsigned i = 0; i < p->count; i++) {
        uint8_t index = p->golden[i].index;
        if (!set_holds(&p->set[p->golden[i].set], v) || (p->index_9_exempt && index == NVIDIA_INDEX_EXEMPT)) continue;
        if (!golden_met(p, p->golden[i].set, index, k->report.measurement[index])) return index;
    }
    return 0;
}

static void check_measurements(struct check *k, const struct versions *v) {
    const struct nvidia_policy *p = k->policy;
    int driver = 0, vbios = 0;
    if (p->sets == 0) {
        ev_unchecked(k->out, "measurement");
        return;
    }
    for (unsigned i = 0; i < p->sets; i++) {
        driver |= set_holds(&p->set[i], v) && p->set[i].driver[0];
        vbios |= set_holds(&p->set[i], v) && p->set[i].vbios[0];
    }
    if (!driver || !vbios) {
        CHECKED(k, "measurements", 0, EV_REFUSED, "the policy has no golden digests for this %s", driver ? "VBIOS" : "driver");
        return;
    }
    unsigned index = first_unmet(k, v);
    CHECKED(k, "measurements", index == 0, EV_REFUSED, "number %u is %s", index,
            k->report.measurement[index].n ? "none of the policy's golden digests" : "not in the report");
}

static void check_version(struct check *k, const char *name, int readable, const char *version,
                          const struct nvidia_versions *list) {
    unsigned i = 0;
    while (i < list->count && strcasecmp(list->text[i], version) != 0) i++;
    if (!readable)
        CHECKED(k, name, 0, EV_INVALID, "the report names no version of it: it is none of a GPU");
    else if (!list->given)
        ev_unchecked(k->out, name);
    else
        CHECKED(k, name, i < list->count, EV_REFUSED, "%s is not in the policy's list", version);
}

/* ---- facts ---- */

static void tell_leaf(struct check *k) {
    char name[64] = "";
    uint8_t digest[SHA256_BYTES];
    unsigned char *spki = NULL;
    X509_NAME_get_text_by_NID(X509_get_subject_name(k->leaf), NID_commonName, name, sizeof name);
    ev_tell(k->out, "model", "%s", name);
    /* the key is the GPU's own: by it two reports of one GPU are known */
    int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(k->leaf), &spki);
    if (n > 0) {
        sha256_of(digest, spki, (size_t)n);
        ev_tell_hex(k->out, "gpu", digest, sizeof digest);
    }
    OPENSSL_free(spki);
}

static void tell(struct check *k, const struct versions *v) {
    const struct nvidia_report *r = &k->report;
    tell_leaf(k);
    ev_tell(k->out, "driver", "%s", v->driver);
    ev_tell(k->out, "vbios", "%s", v->vbios);
    if (r->fwid.n) ev_tell_hex(k->out, "fwid", r->fwid.p, r->fwid.n);
    if (r->board.n) ev_tell_hex(k->out, "board", r->board.p, r->board.n);
    char project[NVIDIA_VERSION_MAX];
    if (nvidia_text(project, r->project)) ev_tell(k->out, "project", "%s", project);
    ev_tell(k->out, "measurements", "%u", r->measurements);
}

void nvidia_gpu_verify_with(const struct ev_input *in, const struct nvidia_policy *policy, const struct ev_anchors *anchors,
                            struct ev_report *out) {
    struct check k = {.in = in, .policy = policy, .out = out};
    out->best = EV_CLASS_NONE;
    if (read_report(&k) && read_certs(&k)) {
        struct versions v;
        int driver = nvidia_text(v.driver, k.report.driver), vbios = nvidia_vbios_text(v.vbios, k.report.vbios);
        authenticate(&k, anchors);
        check_fwid(&k);
        check_nonce(&k);
        check_measurements(&k, &v);
        check_version(&k, "driver", driver, v.driver, &policy->drivers);
        check_version(&k, "vbios", vbios, v.vbios, &policy->vbioses);
        ev_unchecked(out, "revocation");
        if (k.authentic) tell(&k, &v);
    }
    ev_certs_release(&k.certs);
    free(k.own);
}
