/* evidence/tdx.c - see tdx.h. */
#include "evidence/tdx.h"

#include <string.h>

#include "base/hash.h"
#include "evidence/tdx_log.h"
#include "evidence/tdx_pck.h"
#include "evidence/tdx_tcb.h"
#include "evidence/vouched.h"

enum { TUD_BITS = 0xff /* bit 0 DEBUG, the rest reserved and zero */, SEPT_VE_DISABLE = 1 << 28, MIGRATABLE = 1 << 29 };
/* Bits 8 to 31 are what a domain's security rests on: ICSSD 16, SERVTD_EXT 17, LASS 27, SEPT_VE_DISABLE, MIGRATABLE, PKS 30, KL 31. */
#define SECURITY_UNKNOWN UINT64_C(0x07fcff00)

/* Intel's key for its enclaves, as MRSIGNER has it, and the TD quoting enclave's product number: as in Intel's signed identity of it. */
static const uint8_t intel_signer[32] = {0xdc, 0x9e, 0x2a, 0x7c, 0x6f, 0x94, 0x8f, 0x17, 0x47, 0x4e, 0x34,
                                         0xa7, 0xfc, 0x43, 0xed, 0x03, 0x0f, 0x7c, 0x15, 0x63, 0xf1, 0xba,
                                         0xbd, 0xdf, 0x63, 0x40, 0xc8, 0x2e, 0x0e, 0x54, 0xa8, 0xc5};
enum { TD_QE_PRODUCT = 2, SGX_DEBUG = 2 };

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

static int p256_signed(EVP_PKEY *key, const uint8_t *rs, struct ev_bytes message) {
    return key && ev_ecdsa_verify(key, "SHA256", rs, rs + 32, 32, message) == 1;
}

static int qe_signed_by(const struct tdx *t, X509 *cert) {
    return p256_signed(X509_get0_pubkey(cert), t->q.qe_signature, (struct ev_bytes){t->q.qe_report, TDX_QE_REPORT});
}

/* Of those with Intel's extension the one that signed, else the first: in chain another platform's may stand before it. */
static X509 *pick_pck(struct tdx *t) {
    X509 *first = NULL;
    for (unsigned i = t->certs.count; i-- > 0;) {
        if (tdx_pck_read(t->certs.cert[i], &t->pck) == ERR_NOTFOUND) continue;
        first = t->certs.cert[i];
        if (qe_signed_by(t, first)) break;
    }
    return first;
}

static int find_pck(struct tdx *t) {
    if (!ev_certs_of(&t->certs, t->in, t->r)) return 0;
    struct ev_bytes pem = t->q.chain_pem;
    while (pem.n > 0 && pem.p[pem.n - 1] == 0) pem.n--; /* a C string's end */
    if (ev_certs_add(&t->certs, pem) != 0)
        return ev_fail(t->r, "certificates", EV_UNSUPPORTED, "the quote's own are no certificates in PEM, or too many");
    t->pck_cert = pick_pck(t);
    if (!t->pck_cert) return ev_fail(t->r, "certificates", EV_INVALID, "no PCK certificate");
    return ev_check(t->r, "certificates", tdx_pck_read(t->pck_cert, &t->pck) == 0, EV_INVALID,
                    "a PCK certificate's extension is malformed");
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

static int on_p256(EVP_PKEY *key) {
    char curve[32];
    size_t n;
    return key && EVP_PKEY_get_group_name(key, curve, sizeof curve, &n) == 1 && strcmp(curve, "prime256v1") == 0;
}

static int qe_report_data_good(const struct tdx *t) {
    struct sha256 h;
    uint8_t want[64] = {0};
    struct tdx_qe qe;
    sha256_init(&h);
    sha256_add(&h, t->q.key, 64);
    sha256_add(&h, t->q.qe_auth.p, t->q.qe_auth.n);
    sha256_done(&h, want);
    tdx_qe_read(t->q.qe_report, &qe);
    return memcmp(want, qe.report_data, 64) == 0;
}

/* Whoever has a machine can have its PCK vouch for an enclave of their own, which then signs what they like. So the enclave must be
 * Intel's whether or not there is collateral; what only Intel's identity of it can say, tdx_tcb_judge asks. */
static int qe_is_intels(const struct tdx *t) {
    struct tdx_qe qe;
    tdx_qe_read(t->q.qe_report, &qe);
    return memcmp(qe.mr_signer, intel_signer, sizeof intel_signer) == 0 && qe.prod_id == TD_QE_PRODUCT &&
           !(qe.attributes[0] & SGX_DEBUG);
}

/* Notes it; what comes after is vouched for only when this was good too. */
static void step(struct tdx *t, const char *name, int good, const char *why) {
    ev_check_vouched(t->r, t->vouched, name, good, EV_INVALID, "%s", why);
    t->vouched = t->vouched && good;
}

static void check_signatures(struct tdx *t) {
    EVP_PKEY *pck = X509_get0_pubkey(t->pck_cert), *key = ev_ec_key("P-256", t->q.key, t->q.key + 32, 32);
    t->vouched = check_chain(t);
    step(t, "qe_signature", on_p256(pck) && qe_signed_by(t, t->pck_cert),
         "the quoting enclave's report is not signed by the PCK certificate");
    step(t, "qe_report_data", qe_report_data_good(t), "the enclave's report is for another attestation key");
    step(t, "qe_identity", qe_is_intels(t), "the enclave that signed is not Intel's TD quoting enclave");
    step(t, "signature", p256_signed(key, t->q.signature, t->q.signed_part), "the quote is not signed by the attestation key");
    EVP_PKEY_free(key);
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

/* NULL: nothing is wrong with them by themselves. What may migrate may get to a machine that nobody has seen. */
static const char *attributes_wrong(const struct tdx *t, uint64_t a) {
    if (a & SECURITY_UNKNOWN) return "attributes that its security rests on and that are not known here";
    if (a & MIGRATABLE) return "a migration domain may have its memory";
    if (t->policy->td_attributes.given)
        return ev_digests_have(&t->policy->td_attributes, t->q.body.td_attributes, 8) ? NULL : "none that the policy allows";
    return a & SEPT_VE_DISABLE ? NULL : "SEPT_VE_DISABLE is not set: the host can inject exceptions";
}

/* The TDX module's signer and attributes: zeros are Intel's, in production. With collateral its TCB info says so too. */
static void judge_module(struct tdx *t) {
    static const uint8_t zeros[TDX_MR];
    if (memcmp(t->q.body.mr_signer_seam, zeros, TDX_MR) != 0 || memcmp(t->q.body.seam_attributes, zeros, 8) != 0)
        ev_check_vouched(t->r, t->vouched, "tcb_module", 0, EV_INVALID, "the TDX module is not Intel's, or is one for debugging");
}

static void judge_attributes(struct tdx *t) {
    uint64_t a = le64(t->q.body.td_attributes);
    ev_check_vouched(t->r, t->vouched, "debug", (a & TUD_BITS) == 0, EV_REFUSED,
                     "the host can debug this trust domain (TUD is 0x%02x)", (unsigned)(a & TUD_BITS));
    const char *wrong = attributes_wrong(t, a);
    ev_check_vouched(t->r, t->vouched, "td_attributes", wrong == NULL, EV_REFUSED, "%s", wrong ? wrong : " ");
}

static void judge_measurements(struct tdx *t) {
    static const char *const rtmr[TDX_RTMRS] = {"rtmr0", "rtmr1", "rtmr2", "rtmr3"};
    const struct tdx_body *b = &t->q.body;
    /* who brings firmware of their own extends what they like, and who brings a kernel puts any program into RTMR 3 */
    int named = t->policy->mrtd.given && t->policy->rtmr[1].given && t->policy->rtmr[2].given;
    listed(t, "xfam", &t->policy->xfam, b->xfam, 8);
    listed(t, "mrtd", &t->policy->mrtd, b->mr_td, TDX_MR);
    for (int i = 0; i < TDX_RTMRS; i++) listed(t, rtmr[i], &t->policy->rtmr[i], b->rtmr[i], TDX_MR);
    listed(t, "mr_config", &t->policy->mr_config, b->mr_config_id, TDX_MR);
    listed(t, "fmspc", &t->policy->fmspc, t->pck.fmspc, sizeof t->pck.fmspc);
    listed(t, "platform_allowed", &t->policy->platforms, t->pck.platform_instance.p, t->pck.platform_instance.n);
    if (!named) ev_unchecked(t->r, "measurement");
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
        if (t->collateral.crls[0].n == 0 && t->policy->collateral_required)
            ev_fail(t->r, "collateral", EV_REFUSED, "the policy requires it, and it has no revocation lists");
        else if (t->collateral.crls[0].n == 0)
            ev_unchecked(t->r, "revocation");
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
        check_signatures(&t);
        judge_module(&t);
        judge_level(&t);
        judge_attributes(&t);
        judge_measurements(&t);
        tdx_log_check(out, t.vouched, in->event_log, &t.q.body, policy);
        judge_nonce(&t);
        if (t.vouched) tell(&t);
    }
    tdx_collateral_release(&t.collateral);
    ev_certs_release(&t.certs);
}
