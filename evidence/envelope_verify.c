/* evidence/envelope_verify.c - see envelope_verify.h. */
#include "evidence/envelope_verify.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "evidence/release_check.h"
#include "evidence/release_measured.h"
#include "evidence/tpm_logs.h"

struct job {
    const struct ev_expected *want;
    ev_verifier *verify;
    struct ev_envelope *envelope;
    struct ev_policy *policy; /* the caller's, but for what only holds for single pieces */
    struct ev_envelope_report *out;
    struct ev_bound bound;
    int bound_known; /* nonce, K and channel are all there */
};

/* ---- what the evidence must be bound to ---- */

static int settle_nonce(struct job *j) {
    struct ev_report *r = &j->out->whole;
    const struct ev_expected *w = j->want;
    if (w->nonce) {
        memcpy(j->bound.nonce, w->nonce, EV_NONCE_BYTES);
        return 1;
    }
    if (!j->envelope->has_nonce)
        return ev_fail(r, "nonce", EV_REFUSED, "none was given, and the envelope carries none: it may be of any age");
    ev_prefetched_nonce(j->bound.nonce, &j->envelope->nonce);
    (void)ev_prefetched_check(r, &j->envelope->nonce, &w->policy->log, w->policy->max_age_s, w->now, w->log_size_seen);
    j->out->nonce_time = ev_prefetched_time(&j->envelope->nonce, &w->policy->log);
    j->out->log_size = j->envelope->nonce.log_size;
    return 1;
}

static int settle_key(struct job *j) {
    if (!ev_check(&j->out->whole, "key_statement", j->want->key_hash != NULL, EV_REFUSED,
                  "none was given: without the node's key statement nothing says whose evidence this is"))
        return 0;
    memcpy(j->bound.key_hash, j->want->key_hash, 32);
    return 1;
}

static int settle_channel(struct job *j) {
    struct ev_report *r = &j->out->whole;
    const struct ev_expected *w = j->want;
    if (w->channel > 1) return ev_fail(r, "channel", EV_REFUSED, "there are channels 0 and 1");
    if (w->channel == 0 && w->tls)
        return ev_fail(
            r, "channel", EV_REFUSED,
            "whoever has a TLS session with the node takes evidence for channel 1 only: other evidence can be relayed");
    if ((w->channel == 1) != (w->x != NULL))
        return ev_fail(r, "channel", EV_REFUSED,
                       "channel 1 goes with the exporter value of its TLS session, channel 0 with none");
    j->bound.channel = (uint8_t)w->channel;
    if (w->x) memcpy(j->bound.x, w->x, 32);
    return ev_check(r, "channel", 1, EV_REFUSED, " ");
}

static void settle_operator(struct job *j) {
    const struct ev_digests *list = &j->want->policy->operators;
    if (!list->given) return;
    ev_check(&j->out->whole, "operator", j->want->operator_id && ev_digests_have(list, j->want->operator_id, 16), EV_REFUSED,
             "the key statement's operator is not one of the policy's");
}

static void without_release(struct job *j) {
    if (j->want->policy->log.release_required)
        ev_fail(&j->out->whole, "release", EV_REFUSED,
                "the policy requires a proof from the log of what runs, and there is none");
    else
        ev_unchecked(&j->out->whole, "release");
}

/* Without members there is nothing to bind: such an envelope shows T0, whatever it says. */
static void settle(struct job *j) {
    const struct ev_policy *policy = j->want->policy;
    if (j->want->release.n == 0 && (j->envelope->members > 0 || policy->log.release_required)) without_release(j);
    if (j->envelope->members > 0) {
        int nonce = settle_nonce(j), key = settle_key(j), channel = settle_channel(j);
        j->bound_known = nonce && key && channel;
    }
    settle_operator(j);
    if (j->envelope->software.n > 0) ev_unchecked(&j->out->whole, "software");
}

/* ---- members ---- */

static int left_unchecked(const struct ev_report *r, const char *name) {
    for (unsigned i = 0; i < r->uncheckeds; i++)
        if (strcmp(r->unchecked[i], name) == 0) return 1;
    return 0;
}

/* The member's own verifier cannot know K: it leaves this to whoever does. */
static void check_seal_key(struct job *j, struct ev_bytes evidence, struct ev_report *r) {
    uint8_t x[32];
    ev_looked_at(r, "seal_key_statement");
    if (tpm_member_seal_key(evidence, x) != 0)
        ev_fail(r, "seal_key_statement", EV_INVALID, "the member has no seal key on P-256");
    else if (!j->want->seal_key)
        ev_fail(r, "seal_key_statement", EV_REFUSED,
                "the key statement has no seal key of the kind that a TPM holds, or is not known");
    else
        ev_check(r, "seal_key_statement", memcmp(x, j->want->seal_key, 32) == 0, EV_INVALID,
                 "the seal key that the TPM holds is not the one in the key statement");
}

static void check_tpm_member(struct job *j, struct ev_bytes evidence, struct ev_report *r) {
    struct tpm_member m;
    check_seal_key(j, evidence, r);
    if (tpm_member_read(evidence, &m) == 0) tpm_logs_check(r, &m, &j->policy->ima);
}

/* A quote in another form (Azure's, with its HCL report) has no place for logs: it must not be the way around a policy that names programs. */
static void check_other_quote(struct job *j, struct ev_report *r) {
    if (j->policy->ima.given)
        ev_fail(r, "ima_log", EV_REFUSED,
                "the policy names the programs that may run, and a quote in this form has no list of those that ran");
}

static void verify_part(struct job *j, const struct ev_member *m, unsigned part, struct ev_bytes nonce) {
    const struct ev_part *p = &m->part[part];
    struct ev_member_report *r = &j->out->member[j->out->members++];
    struct ev_input in = {.evidence = p->evidence,
                          .key = p->key,
                          .collateral = p->collateral,
                          .event_log = p->event_log,
                          .nonce = nonce,
                          .policy = j->policy,
                          .now = j->want->now,
                          .enveloped = 1};
    _Static_assert((int)EV_ENVELOPE_CERTS_MAX <= (int)EV_CHAIN_MAX, "an input takes what an envelope carries");
    for (unsigned i = 0; i < p->certs; i++) in.chain[in.chain_count++] = p->cert[i];
    r->label = ev_slot_label(ev_slot_of(m->kind));
    r->kind = m->kind;
    r->part = part;
    j->verify(m->kind, &in, j->want->activated, &r->report);
    if (m->kind == EV_TPM_QUOTE) {
        if (tpm_member_looks(p->evidence))
            check_tpm_member(j, p->evidence, &r->report);
        else
            check_other_quote(j, &r->report);
    }
    if (nonce.n > 0 && left_unchecked(&r->report, "nonce")) /* a verifier that overlooks what it was given is a bug of ours */
        ev_fail(&r->report, "binding", EV_INTERNAL, "the binding value was not compared with anything");
    enum ev_verdict v = ev_report_verdict(&r->report);
    ev_check(&j->out->whole, r->label, v == EV_OK, v, "its evidence (%s) is %s", ev_kind_name(m->kind), ev_verdict_name(v));
}

static const char *fact_of(const struct ev_report *r, const char *name) {
    for (unsigned i = 0; i < r->facts; i++)
        if (strcmp(r->fact[i].name, name) == 0) return r->fact[i].text;
    return NULL;
}

/* Two reports of one GPU are not two GPUs. Its verifier tells the key that signed; certificates alone would not do, as they come in any
 * order. Where it tells none, the part is bad in any case. first: the report of part 0. */
static void check_gpus(struct job *j, unsigned parts, const struct ev_member_report *first) {
    int twice = 0, all = 1;
    for (unsigned i = 0; i < parts; i++) {
        const char *a = fact_of(&first[i].report, "gpu"), *b;
        all &= a != NULL;
        for (unsigned k = 0; k < i; k++) twice |= a && (b = fact_of(&first[k].report, "gpu")) && strcmp(a, b) == 0;
    }
    if (twice || all) ev_check(&j->out->whole, "gpu_twice", !twice, EV_INVALID, "two parts of the member gpu are of one GPU");
}

static void verify_member(struct job *j, unsigned index) {
    const struct ev_member *m = &j->envelope->member[index];
    struct ev_made before[EV_MEMBERS_MAX];
    uint8_t b[EV_BINDING_BYTES], digest[32];
    struct ev_bytes nonce = {0};
    for (unsigned i = 0; i < index; i++) {
        before[i].kind = j->envelope->member[i].kind;
        memcpy(before[i].digest, j->envelope->member[i].digest, 32);
    }
    if (j->bound_known) {
        ev_binding_long(b, &j->bound, m->kind, before, index);
        ev_binding_short(digest, b);
        nonce = ev_binding_size(m->kind) == 32 ? (struct ev_bytes){digest, 32} : (struct ev_bytes){b, sizeof b};
    }
    const struct ev_member_report *first = &j->out->member[j->out->members];
    for (unsigned p = 0; p < m->parts; p++) verify_part(j, m, p, nonce);
    if (m->kind == EV_NVIDIA_GPU) check_gpus(j, m->parts, first);
}

/* ---- what runs ---- */

/* The processor's word on what it runs comes before a TPM's; they may be one after the other, since a label is there once. */
static const struct ev_member *naming_member(const struct ev_envelope *e) {
    const struct ev_member *found = NULL;
    for (unsigned i = 0; i < e->members; i++)
        if (release_names_program(e->member[i].kind) && (!found || found->kind == EV_TPM_QUOTE)) found = &e->member[i];
    return found;
}

static int verified(const struct ev_envelope_report *r, enum ev_kind kind) {
    for (unsigned i = 0; i < r->members; i++)
        if (r->member[i].kind == kind) return ev_report_verdict(&r->member[i].report) == EV_OK;
    return 0;
}

static void check_release(struct job *j) {
    const struct ev_member *m = naming_member(j->envelope);
    struct release_question q = {.log = &j->want->policy->log,
                                 .proof = j->want->release,
                                 .engine_id = j->want->engine_id,
                                 .log_size_seen = j->want->log_size_seen,
                                 .now = j->want->now};
    if (m) {
        q.kind = m->kind;
        q.evidence = m->part[0].evidence;
        q.verified = verified(j->out, m->kind);
    }
    struct ev_member_report *r = &j->out->member[j->out->members++];
    r->label = "release";
    r->kind = EV_KIND_NONE;
    release_check(&q, &r->report);
    enum ev_verdict v = ev_report_verdict(&r->report);
    ev_check(&j->out->whole, "release", v == EV_OK, v, "that it runs this release is %s", ev_verdict_name(v));
}

/* ---- the class ---- */

static int rank(enum ev_class c) {
    static const enum ev_class order[] = {EV_CLASS_NONE, EV_T0, EV_A1, EV_A2, EV_T1, EV_T2, EV_T3};
    for (int i = 0; i < (int)(sizeof order / sizeof *order); i++)
        if (order[i] == c) return i;
    return 0;
}

/* A GPU counts only beside a confidential CPU whose L covers it, which the binding has shown; a Nitro enclave has no GPU. */
static enum ev_class class_of(const struct ev_envelope_report *r) {
    enum ev_class best = EV_T0;
    int gpu = 0, host = 0;
    for (unsigned i = 0; i < r->members; i++) {
        const struct ev_member_report *m = &r->member[i];
        gpu |= m->kind == EV_NVIDIA_GPU;
        host |= m->report.best == EV_T2 && m->kind != EV_AWS_NITRO;
        if (m->kind != EV_NVIDIA_GPU && rank(m->report.best) > rank(best)) best = m->report.best;
    }
    return best == EV_T2 && gpu && host ? EV_T3 : best;
}

static void judge(struct job *j) {
    struct ev_report *whole = &j->out->whole;
    char accepted[64];
    if (ev_report_verdict(whole) != EV_OK) return;
    j->out->shows = class_of(j->out);
    whole->best = j->out->shows;
    ev_policy_classes(j->want->policy, accepted, sizeof accepted);
    ev_check(whole, "class", ev_policy_accepts(j->want->policy, j->out->shows), EV_REFUSED,
             "it shows %s, and the policy accepts %s", ev_class_name(j->out->shows), accepted);
}

/* ---- the whole ---- */

static int open_envelope(struct job *j, const void *p, size_t n) {
    struct ev_report *r = &j->out->whole;
    struct why why = {{0}};
    j->envelope = mem_zalloc(1, sizeof *j->envelope);
    j->policy = mem_zalloc(1, sizeof *j->policy);
    if (!j->envelope || !j->policy) return ev_fail(r, "envelope", EV_INTERNAL, "no memory");
    *j->policy = *j->want->policy;
    j->policy->nitro.binding = NITRO_USER_DATA; /* what an enclave's clients chose as its nonce must not pass for B (nitro.h) */
    int e = ev_envelope_read(j->envelope, p, n, &why);
    return ev_check(r, "envelope", e == 0, e == ERR_NOMEM ? EV_INTERNAL : EV_UNSUPPORTED, "%.150s", why_text(&why, e));
}

void ev_envelope_verify_with(const void *p, size_t n, const struct ev_expected *want, ev_verifier *verify,
                             struct ev_envelope_report *out) {
    struct job j = {.want = want, .verify = verify, .out = out};
    memset(out, 0, sizeof *out);
    if (open_envelope(&j, p, n)) {
        settle(&j);
        for (unsigned i = 0; i < j.envelope->members; i++) verify_member(&j, i);
        if (want->release.n > 0) check_release(&j);
        judge(&j);
    }
    if (j.envelope) ev_envelope_release(j.envelope);
    free(j.envelope);
    free(j.policy);
}

static void by_pinned_roots(enum ev_kind kind, const struct ev_input *in, const struct tpm_activated *activated,
                            struct ev_report *out) {
    if (kind == EV_TPM_QUOTE && tpm_member_looks(in->evidence)) { /* what the caller has challenged has no place in an input */
        struct tpm_trust trust = tpm_trust_pinned(in->policy);
        *out = (struct ev_report){.best = EV_CLASS_NONE};
        tpm_member_verify_with(in, &trust, activated, out);
    } else
        ev_verify(kind, in, out);
}

void ev_envelope_verify(const void *p, size_t n, const struct ev_expected *want, struct ev_envelope_report *out) {
    ev_envelope_verify_with(p, n, want, by_pinned_roots, out);
}

enum ev_verdict ev_envelope_verdict(const struct ev_envelope_report *r) { return ev_report_verdict(&r->whole); }

struct ev_envelope_report *ev_envelope_report_new(void) {
    return mem_zalloc(1, sizeof(struct ev_envelope_report));
}
void ev_envelope_report_free(struct ev_envelope_report *r) { free(r); }
