/* evidence/tdx_tcb.c - see tdx_tcb.h. */
#include "evidence/tdx_tcb.h"

#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/vouched.h"

/* ---- what Intel signed ---- */

/* Under Intel's one root stand the certificates of every platform's PCK too, and PCKs have been taken out of platforms: a good chain alone
 * does not say who may speak of levels. */
static int is_tcb_signer(X509 *cert) {
    char name[64] = "";
    int n = X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, name, sizeof name);
    return n > 0 && (size_t)n == strlen(name) && strstr(name, "SGX TCB Signing") != NULL && X509_check_ca(cert) == 0;
}

/* The first certificate of the text signs; a chain of its own report, since only whether it is good counts here. With the root's revocation
 * list, when there is one: it covers the whole of such a chain. */
static int signed_by_intel(const struct tdx_collateral *c, const struct tdx_signed *s, const struct ev_anchors *anchors,
                           int64_t now) {
    struct ev_certs certs = {.count = 0};
    struct ev_report scratch = {.factors = 0};
    int good = s->issuers.n > 0 && ev_certs_add(&certs, s->issuers) == 0 && certs.count > 0 && is_tcb_signer(certs.cert[0]) &&
               ev_chain_check(&scratch, certs.cert[0], &certs, anchors, now, &c->crls[1], c->crls[1].n > 0);
    if (good)
        good = ev_ecdsa_verify(X509_get0_pubkey(certs.cert[0]), "SHA256", s->signature, s->signature + 32, 32, s->text) == 1;
    ev_certs_release(&certs);
    return good;
}

static int in_date(const struct tdx_window *w, int64_t now) { return now >= w->issued && now <= w->next; }

/* ---- levels ---- */

static int at_least(const uint8_t *have, const uint8_t *want, size_t from) {
    for (size_t i = from; i < 16; i++)
        if (have[i] < want[i]) return 0;
    return 1;
}

/* Of TDX 1.5 on, the first two components are the module's, which has levels of its own. TDX_STATUSES: none of the list. */
static enum tdx_status platform_status(const struct tdx_tcb_info *t, const struct tdx_pck *pck, const uint8_t svn[16]) {
    for (unsigned i = 0; i < t->levels; i++) {
        const struct tdx_level *l = &t->level[i];
        if (at_least(pck->component, l->sgx, 0) && pck->pce_svn >= l->pce_svn && at_least(svn, l->tdx, svn[1] > 0 ? 2 : 0))
            return l->status;
    }
    return TDX_STATUSES;
}

static enum tdx_status svn_status(const struct tdx_svn_level *level, unsigned levels, uint16_t svn) {
    for (unsigned i = 0; i < levels; i++)
        if (svn >= level[i].svn) return level[i].status;
    return TDX_STATUSES;
}

static const struct tdx_module *module_of(const struct tdx_tcb_info *t, const uint8_t svn[16]) {
    char id[16];
    if (svn[1] == 0) return &t->module[0];
    snprintf(id, sizeof id, "TDX_%02X", svn[1]);
    for (unsigned i = 1; i < t->modules; i++)
        if (strcmp(t->module[i].id, id) == 0) return &t->module[i];
    return NULL;
}

static int masked_equal(const uint8_t *have, const uint8_t *want, const uint8_t *mask, size_t n) {
    for (size_t i = 0; i < n; i++)
        if ((have[i] & mask[i]) != want[i]) return 0;
    return 1;
}

/* ---- judging ---- */

struct judged { /* large, so not on the stack */
    struct tdx_tcb_info tcb;
    struct tdx_qe_identity qe;
};

static int judge_module(struct ev_report *r, int vouched, const struct tdx_quote *q, const struct tdx_tcb_info *t,
                        enum tdx_status *s) {
    const uint8_t *svn = q->body.tee_tcb_svn;
    const struct tdx_module *m = module_of(t, svn);
    *s = TDX_UP_TO_DATE; /* of TDX 1.0 the platform's levels say it all */
    if (!m) return ev_check_vouched(r, vouched, "tcb_module", 0, EV_INVALID, "Intel lists no TDX module of version %u", svn[1]);
    int genuine = memcmp(m->mr_signer, q->body.mr_signer_seam, sizeof m->mr_signer) == 0 &&
                  masked_equal(q->body.seam_attributes, m->attributes, m->mask, sizeof m->mask);
    if (svn[1] > 0) *s = svn_status(m->level, m->levels, svn[0]);
    return ev_check_vouched(r, vouched, "tcb_module", genuine && *s != TDX_STATUSES, EV_INVALID,
                            genuine ? "the TDX module is older than all that Intel lists"
                                    : "the TDX module's signer or attributes are not Intel's");
}

static int judge_qe(struct ev_report *r, int vouched, const struct tdx_quote *q, const struct tdx_qe_identity *id,
                    enum tdx_status *s) {
    struct tdx_qe qe;
    tdx_qe_read(q->qe_report, &qe);
    *s = svn_status(id->level, id->levels, qe.svn);
    int same = masked_equal(qe.misc_select, id->misc_select, id->misc_mask, 4) &&
               masked_equal(qe.attributes, id->attributes, id->attributes_mask, 16) &&
               memcmp(qe.mr_signer, id->mr_signer, 32) == 0 && qe.prod_id == id->prod_id && *s != TDX_STATUSES;
    return ev_check_vouched(r, vouched, "qe_identity", same, EV_INVALID,
                            "the enclave that signed is not Intel's quoting enclave");
}

/* Both texts genuine, in date and readable; tcb for this platform. */
static int judge_texts(struct ev_report *r, int vouched, const struct tdx_collateral *c, const struct tdx_pck *pck,
                       const struct ev_anchors *anchors, int64_t now, struct judged *j) {
    int good = signed_by_intel(c, &c->tcb_info, anchors, now);
    if (!good)
        ev_fail(r, "tcb_info", EV_INVALID, "not signed by Intel, or its signer is out of date");
    else if (tdx_tcb_info_read(c->tcb_info.text, &j->tcb) != 0)
        good = ev_fail(r, "tcb_info", EV_UNSUPPORTED, "not TDX TCB info of version 3");
    else if (!in_date(&j->tcb.window, now))
        good = ev_fail(r, "tcb_info", EV_INVALID, "issued later, or its next update was due before the time asked about");
    else if (memcmp(j->tcb.fmspc, pck->fmspc, 6) != 0 || memcmp(j->tcb.pce_id, pck->pce_id, 2) != 0)
        good = ev_fail(r, "tcb_info", EV_INVALID, "of another kind of platform (FMSPC or PCE) than the PCK certificate");
    else /* the platform is what the PCK certificate says it is */
        ev_check_vouched(r, vouched, "tcb_info", 1, EV_INVALID, " ");
    int qe = signed_by_intel(c, &c->qe_identity, anchors, now);
    if (!qe)
        ev_fail(r, "qe_identity", EV_INVALID, "not signed by Intel, or its signer is out of date");
    else if (tdx_qe_identity_read(c->qe_identity.text, &j->qe) != 0)
        qe = ev_fail(r, "qe_identity", EV_UNSUPPORTED, "not a TD quoting enclave's identity of version 2");
    else if (!in_date(&j->qe.window, now))
        qe = ev_fail(r, "qe_identity", EV_INVALID, "issued later, or its next update was due before the time asked about");
    return good && qe;
}

/* A part below the platform is up to date, out of date or revoked. Out of date on a platform that also needs configuring is both. */
static enum tdx_status joined(enum tdx_status platform, enum tdx_status part) {
    int configure = platform == TDX_CONFIGURATION_NEEDED || platform == TDX_CONFIGURATION_AND_SW_HARDENING_NEEDED;
    if (part == TDX_OUT_OF_DATE && configure) return TDX_OUT_OF_DATE_CONFIGURATION_NEEDED;
    return platform > part ? platform : part;
}

void tdx_tcb_judge(struct ev_report *r, int vouched, const struct tdx_quote *q, const struct tdx_pck *pck,
                   const struct tdx_collateral *c, const struct tdx_policy *policy, const struct ev_anchors *anchors,
                   int64_t now) {
    struct judged *j = calloc(1, sizeof *j);
    if (!j) {
        ev_fail(r, "tcb_info", EV_INTERNAL, "no memory");
        return;
    }
    if (judge_texts(r, vouched, c, pck, anchors, now, j)) {
        enum tdx_status module, qe, platform = platform_status(&j->tcb, pck, q->body.tee_tcb_svn);
        int genuine = judge_qe(r, vouched, q, &j->qe, &qe);
        genuine = judge_module(r, vouched, q, &j->tcb, &module) && genuine;
        vouched = vouched && genuine; /* levels of something else than what signed say nothing */
        enum tdx_status all = joined(joined(platform, module), qe);
        if (all == TDX_STATUSES)
            ev_check_vouched(r, vouched, "tcb_status", 0, EV_REFUSED, "the platform is at no level that Intel lists");
        else
            ev_check_vouched(r, vouched, "tcb_status", policy->statuses >> all & 1, EV_REFUSED,
                             "%s: platform %s, module %s, enclave %s", tdx_status_name(all), tdx_status_name(platform),
                             tdx_status_name(module), tdx_status_name(qe));
        if (vouched && all != TDX_STATUSES) ev_tell(r, "tcb_status", "%s", tdx_status_name(all));
        int64_t least = j->tcb.window.evaluation < j->qe.window.evaluation ? j->tcb.window.evaluation : j->qe.window.evaluation;
        if (policy->evaluation_min > 0)
            ev_check_vouched(r, vouched, "tcb_evaluation", least >= policy->evaluation_min, EV_REFUSED,
                             "evaluation data %lld is under the policy's %lld", (long long)least,
                             (long long)policy->evaluation_min);
    }
    free(j);
}
