/* evidence/tpm_logs.c - see tpm_logs.h. */
#include "evidence/tpm_logs.h"

#include <string.h>

#include "evidence/event_log.h"

void ev_looked_at(struct ev_report *r, const char *name) {
    unsigned kept = 0;
    for (unsigned i = 0; i < r->uncheckeds; i++)
        if (strcmp(r->unchecked[i], name) != 0) r->unchecked[kept++] = r->unchecked[i];
    r->uncheckeds = kept;
}

static int noted_good(const struct ev_report *r, const char *name) {
    int good = 0;
    for (unsigned i = 0; i < r->factors; i++)
        if (strcmp(r->factor[i].name, name) == 0) {
            if (!r->factor[i].ok) return 0;
            good = 1;
        }
    return good;
}

/* ---- the boot ---- */

static void check_event_log(struct ev_report *r, struct ev_bytes text, const struct tpm_pcrs *quoted) {
    struct event_log log;
    struct why why = {""};
    uint32_t mask = tpm_selection_union(&quoted->select) & ~(1u << TPM_PCR_IMA) & 0xffff; /* 16 on: not the firmware's */
    int e = event_log_read(&log, text, EVENT_LOG_TPM, &why);
    if (e != 0) {
        ev_fail(r, "event_log", EV_UNSUPPORTED, "%.150s", why_text(&why, e));
        return;
    }
    e = event_log_explains(&log, quoted, mask, &why);
    ev_check(r, "event_log", e == 0, EV_INVALID, "%.150s", why_text(&why, e));
    ev_tell(r, "event_log", "%u events", log.count);
}

/* ---- what ran ---- */

static void check_aggregate(struct ev_report *r, const struct ima_log *log, const struct tpm_pcrs *quoted, int *good) {
    struct why why = {""};
    int e = ima_boot_aggregate(log, quoted, &why);
    *good = e == 0;
    if (e == ERR_NOTFOUND)
        ev_unchecked(r, "boot_aggregate");
    else
        ev_check(r, "boot_aggregate", e == 0, EV_INVALID, "%.150s", why_text(&why, e));
}

static void check_entries(struct ev_report *r, const struct ima_log *log, const struct ima_match *match, int aggregate_good,
                          const struct ima_policy *policy) {
    struct ima_sorted list = ima_policy_sorted(policy);
    struct ima_judgement found;
    char path[100];
    if (!policy->given) {
        ev_unchecked(r, "ima_entries");
        return;
    }
    ima_log_judge(log, match->entries, aggregate_good, ima_allows_sorted, &list, &found);
    if (found.unknown > 0)
        ima_path_text(&found.first, path, sizeof path);
    else
        path[0] = 0;
    ev_check(r, "ima_entries", found.unknown == 0, EV_REFUSED, "%u of %u are not in the policy, the first: %s", found.unknown,
             match->entries, path);
}

/* The bank that has PCR 10; the first, if several have. */
static int quoted_ima(const struct tpm_pcrs *quoted, uint16_t *alg) {
    for (unsigned i = 0; i < quoted->select.banks; i++) {
        int at = tpm_pcrs_at(quoted, quoted->select.bank[i].alg, TPM_PCR_IMA);
        *alg = quoted->select.bank[i].alg;
        if (at >= 0) return at;
    }
    return -1;
}

static void check_ima_log(struct ev_report *r, struct ev_bytes text, const struct tpm_pcrs *quoted,
                          const struct ima_policy *policy) {
    struct ima_log log;
    struct ima_match match;
    struct why why = {""};
    uint16_t alg = 0;
    int aggregate_good, at = quoted_ima(quoted, &alg);
    if (at < 0) {
        ev_fail(r, "ima_log", EV_REFUSED, "PCR 10 is not among the quoted ones: nothing says that the list is true");
        return;
    }
    int e = ima_log_read(&log, text, &why);
    if (e != 0) {
        ev_fail(r, "ima_log", e == ERR_AUTH ? EV_INVALID : EV_UNSUPPORTED, "%.150s", why_text(&why, e));
        return;
    }
    e = ima_log_match(&log, alg, (struct ev_bytes){quoted->value[at], tpm_hash_size(alg)}, &match);
    if (!ev_check(r, "ima_log", e == 0, EV_INVALID, "no beginning of the list gives the quoted PCR 10")) return;
    ev_tell(r, "ima_log", "%u entries, %u of them quoted", log.count, match.entries);
    check_aggregate(r, &log, quoted, &aggregate_good);
    check_entries(r, &log, &match, aggregate_good, policy);
}

void tpm_logs_check(struct ev_report *r, const struct tpm_member *m, const struct ima_policy *policy) {
    struct tpm_container c;
    struct tpm_pcrs quoted;
    if (policy->given && m->ima_log.n == 0)
        ev_fail(r, "ima_log", EV_REFUSED, "the policy names the programs that may run, and there is no list of those that ran");
    if (!noted_good(r, "signature") || !noted_good(r, "pcr_digest")) return;
    if (tpm_container_read(m->quote, &c, NULL) == 0 && tpm_container_pcrs(&c, &quoted) == 0) {
        ev_looked_at(r, "event_log");
        ev_looked_at(r, "ima_log");
        if (m->event_log.n > 0) check_event_log(r, m->event_log, &quoted);
        if (m->ima_log.n > 0) check_ima_log(r, m->ima_log, &quoted, policy);
    }
    tpm_container_release(&c);
}
