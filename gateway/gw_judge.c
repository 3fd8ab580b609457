/* gateway/gw_judge.c - see gw_judge.h. */
#include "gateway/gw_judge.h"

#include <string.h>

#include "base/hash.h"

static void about(struct gw_verdict *out, const struct keystmt *keys) {
    *out = (struct gw_verdict){.until_s = keys->not_after};
    keystmt_id(out->key_id, keys);
    memcpy(out->identity, keys->identity, sizeof out->identity);
}

/* Each name once; what does not fit is left out. */
static void add_factor(struct gw_verdict *out, const char *name) {
    size_t have = strlen(out->factors), n = strlen(name);
    if (strstr(out->factors, name) || have + 2 + n >= sizeof out->factors) return;
    if (have) memcpy(out->factors + have, ", ", 2), have += 2;
    memcpy(out->factors + have, name, n + 1);
}

static int is_member(const char *name) {
    for (int slot = 0; slot < EV_SLOT_END; slot++)
        if (strcmp(ev_slot_label((enum ev_slot)slot), name) == 0) return 1;
    return 0;
}

/* A member's failure stands in the whole under its label: its own factors say more. */
static void add_failed(struct gw_verdict *out, const struct ev_report *r) {
    for (unsigned i = 0; i < r->factors; i++)
        if (!r->factor[i].ok && !is_member(r->factor[i].name)) add_factor(out, r->factor[i].name);
}

static int left_open(const struct ev_report *r, const char *name) {
    for (unsigned i = 0; i < r->uncheckeds; i++)
        if (strcmp(r->unchecked[i], name) == 0) return 1;
    return 0;
}

/* A release names the program of a confidential machine whole; beside a TPM the boot under it stays open. */
static int released(const struct ev_envelope_report *r, enum ev_kind kind) {
    if (kind != EV_SEV_SNP && kind != EV_TDX && kind != EV_AWS_NITRO) return 0;
    for (unsigned i = 0; i < r->members; i++)
        if (r->member[i].kind == EV_KIND_NONE) return ev_report_verdict(&r->member[i].report) == EV_OK;
    return 0;
}

static int names_what_runs(const struct ev_envelope_report *r) {
    for (unsigned i = 0; i < r->members; i++) {
        const struct ev_member_report *m = &r->member[i];
        if (left_open(&m->report, "pcr_values")) return 0;
        if (left_open(&m->report, "measurement") && !released(r, m->kind)) return 0;
    }
    return r->members > 0;
}

static int is_attested(enum ev_class c) { return c == EV_T1 || c == EV_T2 || c == EV_T3 || c == EV_A2; }

static void conclude(struct gw_verdict *out, const struct ev_envelope_report *r) {
    add_failed(out, &r->whole);
    for (unsigned i = 0; i < r->members; i++) add_failed(out, &r->member[i].report);
    enum ev_class shows = ev_envelope_verdict(r) == EV_OK ? r->shows : EV_CLASS_NONE;
    if (ev_envelope_verdict(r) == EV_OK && !is_attested(shows)) add_factor(out, "class");
    if (ev_envelope_verdict(r) == EV_OK && !names_what_runs(r)) add_factor(out, "measurement");
    if (shows != EV_CLASS_NONE && out->factors[0] == 0) out->shows = shows;
    if (out->shows == EV_CLASS_NONE && out->factors[0] == 0) add_factor(out, "internal");
}

void gw_judge(struct gw_verdict *out, const struct gw_judge_input *in) {
    struct ev_envelope_report *report = ev_envelope_report_new();
    about(out, in->keys);
    sha256_of(out->envelope, in->envelope, in->n);
    out->judged_s = in->now_s;
    if (!report) {
        gw_judge_refuse(out, in->keys, "internal", 1, in->now_ms);
        return;
    }
    struct ev_expected want = {.key_hash = out->key_id,
                               .nonce = in->nonce,
                               .seal_key = in->keys->kem == HPKE_P256 ? in->keys->seal_key : NULL,
                               .operator_id = in->keys->operator_id,
                               .policy = in->policy,
                               .activated = in->activated,
                               .release = in->release,
                               .engine_id = in->keys->engine_id,
                               .log_size_seen = in->log_size_seen,
                               .now = (int64_t)in->now_s};
    if (in->verify)
        ev_envelope_verify_with(in->envelope, in->n, &want, in->verify, report);
    else
        ev_envelope_verify(in->envelope, in->n, &want, report);
    conclude(out, report);
    uint64_t age_ms = report->nonce_time && report->nonce_time < in->now_s ? (in->now_s - report->nonce_time) * 1000 : 0;
    uint64_t good_ms = (uint64_t)in->policy->max_age_s * 1000;
    out->log_size = report->log_size;
    ev_envelope_report_free(report);
    out->until_ms = out->shows == EV_CLASS_NONE ? in->now_ms + VERDICT_REFUSED_MS
                    : in->nonce                 ? in->asked_ms + good_ms
                                                : in->now_ms + (age_ms < good_ms ? good_ms - age_ms : 0);
}

int gw_judge_wants_challenge(const struct gw_verdict *v) { return strcmp(v->factors, "ak_not_activated") == 0; }

void gw_judge_refuse(struct gw_verdict *out, const struct keystmt *keys, const char *factor, int passing, uint64_t now_ms) {
    about(out, keys);
    add_factor(out, factor);
    out->passing = passing;
    out->until_ms = now_ms + (passing ? VERDICT_PASSING_MS : VERDICT_REFUSED_MS);
}
