/* evidence/tdx.c - see tdx.h. */
#include "evidence/tdx.h"

#include <string.h>

#include "base/hash.h"
#include "evidence/tdx_pck.h"
#include "evidence/tdx_tcb.h"
#include "evidence/vouched.h"

enum { TUD_BITS = 0xff /* bit 0 DEBUG, the rest reserved and zero */, SEPT_VE_DISABLE = 1 << 28 };

/* All that one verification holds. */
struct tdx {
    const struct ev_input *in;
    const struct tdx_policy *policy;
    const struct ev_anchors *anchors;
    struct ev_report *r;
    struct tdx_quote q;
    struct tdx_collateral collateral;
    int has_collateral, vouched;
    struct ev_certs certs;
    X509 *pck_cert; /* of certs */
    struct tdx_pck pck;
};

/* ---- reading ---- */

static int read_quote(struct tdx *t) {
    int e = tdx_quote_read(t->in->evidence, &t->q);
    if (e == ERR_VERSION) return ev_fail(t->r, "version", EV_UNSUPPORTED, "not a quote of version 4 or 5 of a trust domain");
    if (e == ERR_TRAILING)
        return ev_fail(t->r, "format", EV_UNSUPPORTED, "bytes after the quote that are not zero: nobody signed them");
    if (e != 0) return ev_fail(t->r, "format", EV_UNSUPPORTED, "not a TDX quote: %s", err_text(e));
    ev_check(t->r, "format", 1, EV_UNSUPPORTED, " ");
    return ev_check(t->r, "version", 1, EV_UNSUPPORTED, " ");
}

static int read_collateral(struct tdx *t) {
    struct why why = {{0}};
    if (t->in->collateral.n == 0) return 1;
    int e = tdx_collateral_read(t->in->collateral, &t->collateral, &why);
    if (e != 0) return ev_fail(t->r, "format", EV_UNSUPPORTED, "collateral: %.120s", why_text(&why, e));
    t->has_collateral = 1;
    return 1;
}

/* The one certificate with Intel's extension; it need not come first. */
static int find_pck(struct tdx *t) {
    if (!ev_certs_of(&t->certs, t->in, t->r)) return 0;
    struct ev_bytes pem = t->q.chain_pem;
    while (pem.n > 0 && pem.p[pem.n - 1] == 0) pem.n--; /* a C string's end */
    if (ev_certs_add(&t->certs, pem) != 0)
        return ev_fail(t->r, "certificates", EV_UNSUPPORTED, "the quote's own are no certificates in PEM, or too many");
    for (unsigned i = 0; i < t->certs.count; i++) {
        int e = tdx_pck_read(t->certs.cert[i], &t->pck);
        if (e == ERR_NOTFOUND) continue;
        if (e != 0) return ev_fail(t->r, "certificates", EV_INVALID, "a PCK certificate's extension is malformed");
        t->pck_cert = t->certs.cert[i];
        return ev_check(t->r, "certificates", 1, EV_INVALID, " ");
    }
    return ev_fail(t->r, "certificates", EV_INVALID, "no PCK certificate");
}

/* ---- signatures ---- */

static int check_chain(struct tdx *t) {
    struct ev_bytes crls[2];
    unsigned n = 0;
    for (int i = 0; i < 2; i++)
        if (t->has_collateral && t->collateral.crls[i].n) crls[n++] = t->collateral.crls[i];
    if (n == 1) return ev_fail(t->r, "revocation_list", EV_INVALID, "collateral has one revocation list of two");
    return ev_chain_check(t->r, t->pck_cert, &t->certs, t->anchors, t->in->now, crls, n);
}

static int p256_signed(EVP_PKEY *key, const uint8_t *rs, struct ev_bytes message) {
    return key && ev_ecdsa_verify(key, "SHA256", rs, rs + 32, 32, message) == 1;
}

static int on_p256(EVP_PKEY *key) {
    char curve[32];
    size_t n;
    return key && EVP_PKEY_get_group_name(key, curve, sizeof curve, &n) == 1 && strcmp(curve, "prime256v1") == 0;
}

static int check_qe_report_data(struct tdx *t) {
    struct sha256 h;
    uint8_t want[64] = {0};
    struct tdx_qe qe;
    sha256_init(&h);
    sha256_add(&h, t->q.key, 64);
    sha256_add(&h, t->q.qe_auth.p, t->q.qe_auth.n);
    sha256_done(&h, want);
    tdx_qe_read(t->q.qe_report, &qe);
    return ev_check(t->r, "qe_report_data", memcmp(want, qe.report_data, 64) == 0, EV_INVALID,
                    "the enclave's report is for another attestation key");
}

static void check_signatures(struct tdx *t) {
    EVP_PKEY *pck = X509_get0_pubkey(t->pck_cert), *key = ev_ec_key("P-256", t->q.key, t->q.key + 32, 32);
    int good = check_chain(t);
    good &= ev_check(t->r, "qe_signature",
                     on_p256(pck) && p256_signed(pck, t->q.qe_signature, (struct ev_bytes){t->q.qe_report, TDX_QE_REPORT}),
                     EV_INVALID, "the quoting enclave's report is not signed by the PCK certificate");
    good &= check_qe_report_data(t);
    good &= ev_check(t->r, "signature", p256_signed(key, t->q.signature, t->q.signed_part), EV_INVALID,
                     "the quote is not signed by the attestation key");
    EVP_PKEY_free(key);
    t->vouched = good;
}

/* ---- what is said ---- */

static uint64_t le64(const uint8_t *p) {
    uint64_t v = 0;
    for (int i = 7; i >= 0; i--) v = v << 8 | p[i];
    return v;
}

static void listed(struct tdx *t, const char *name, const struct ev_digests *list, const uint8_t *p, size_t n) {
    if (list->given)
        ev_check_vouched(t->r, t->vouched, name, ev_digests_have(list, p, n), EV_REFUSED, "none that the policy allows");
}

static void judge_attributes(struct tdx *t) {
    uint64_t a = le64(t->q.body.td_attributes);
    ev_check_vouched(t->r, t->vouched, "debug", (a & TUD_BITS) == 0, EV_REFUSED,
                     "the host can debug this trust domain (TUD is 0x%02x)", (unsigned)(a & TUD_BITS));
    int good = t->policy->td_attributes.given ? ev_digests_have(&t->policy->td_attributes, t->q.body.td_attributes, 8)
                                              : (a & SEPT_VE_DISABLE) != 0;
    ev_check_vouched(t->r, t->vouched, "td_attributes", good, EV_REFUSED,
                     t->policy->td_attributes.given ? "none that the policy allows"
                                                    : "SEPT_VE_DISABLE is not set: the host can inject exceptions");
}

static void judge_measurements(struct tdx *t) {
    static const char *const rtmr[TDX_RTMRS] = {"rtmr0", "rtmr1", "rtmr2", "rtmr3"};
    const struct tdx_body *b = &t->q.body;
    int any = t->policy->mrtd.given;
    listed(t, "xfam", &t->policy->xfam, b->xfam, 8);
    listed(t, "mrtd", &t->policy->mrtd, b->mr_td, TDX_MR);
    for (int i = 0; i < TDX_RTMRS; i++) {
        any |= t->policy->rtmr[i].given;
        listed(t, rtmr[i], &t->policy->rtmr[i], b->rtmr[i], TDX_MR);
    }
    listed(t, "mr_config", &t->policy->mr_config, b->mr_config_id, TDX_MR);
    listed(t, "fmspc", &t->policy->fmspc, t->pck.fmspc, sizeof t->pck.fmspc);
    listed(t, "platform_allowed", &t->policy->platforms, t->pck.platform_instance.p, t->pck.platform_instance.n);
    if (!any) ev_unchecked(t->r, "measurement");
}

static void judge_nonce(struct tdx *t) {
    uint8_t want[TDX_REPORT_DATA] = {0};
    size_t n = t->in->nonce.n;
    if (n == 0) {
        ev_unchecked(t->r, "nonce");
        return;
    }
    if (n <= sizeof want) memcpy(want, t->in->nonce.p, n);
    ev_check_vouched(t->r, t->vouched, "nonce", n <= sizeof want && memcmp(want, t->q.body.report_data, sizeof want) == 0,
                     EV_INVALID, "REPORTDATA is not what was asked for");
}

static void tell(struct tdx *t) {
    const struct tdx_body *b = &t->q.body;
    ev_tell(t->r, "version", "%u, TDX %s", t->q.version, b->mr_service_td ? "1.5" : "1.0");
    ev_tell_hex(t->r, "mrtd", b->mr_td, TDX_MR);
    for (int i = 0; i < TDX_RTMRS; i++)
        ev_tell_hex(t->r, (const char *const[]){"rtmr0", "rtmr1", "rtmr2", "rtmr3"}[i], b->rtmr[i], TDX_MR);
    ev_tell_hex(t->r, "td_attributes", b->td_attributes, 8);
    ev_tell_hex(t->r, "xfam", b->xfam, 8);
    ev_tell_hex(t->r, "tee_tcb_svn", b->tee_tcb_svn, TDX_SVN);
    ev_tell_hex(t->r, "report_data", b->report_data, TDX_REPORT_DATA);
    ev_tell_hex(t->r, "fmspc", t->pck.fmspc, sizeof t->pck.fmspc);
}

static void judge_level(struct tdx *t) {
    if (t->has_collateral) {
        tdx_tcb_judge(t->r, t->vouched, &t->q, &t->pck, &t->collateral, t->policy, t->anchors, t->in->now);
        if (t->collateral.crls[0].n == 0) ev_unchecked(t->r, "revocation");
    } else if (t->policy->collateral_required) {
        ev_fail(t->r, "collateral", EV_REFUSED, "the policy requires it, and there is none");
    } else {
        ev_unchecked(t->r, "collateral");
    }
}

void tdx_verify_with(const struct ev_input *in, const struct tdx_policy *policy, const struct ev_anchors *anchors,
                     struct ev_report *out) {
    struct tdx t = {.in = in, .policy = policy, .anchors = anchors, .r = out};
    out->best = EV_T2;
    if (read_quote(&t) && read_collateral(&t) && find_pck(&t)) {
        tell(&t);
        check_signatures(&t);
        judge_level(&t);
        judge_attributes(&t);
        judge_measurements(&t);
        judge_nonce(&t);
    }
    tdx_collateral_release(&t.collateral);
    ev_certs_release(&t.certs);
}
