/* evidence/release_check.c - see release_check.h. */
#include "evidence/release_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "evidence/release_measured.h"

static void check_engine(const struct release_question *q, const struct tlog_leaf *leaf, struct ev_report *out) {
    char id[2 * TLOG_LEAF_TEXT_MAX + 2];
    snprintf(id, sizeof id, "%s-%s", leaf->name, leaf->version);
    if (!q->engine_id)
        ev_fail(out, "release_engine", EV_REFUSED, "the node's key statement is not known, so neither is its engine");
    else
        ev_check(out, "release_engine", strcmp(id, q->engine_id) == 0, EV_REFUSED,
                 "the key statement names %.40s, the release is %.80s", q->engine_id, id);
}

static void check_measurement(const struct release_question *q, const struct tlog_leaf *leaf, struct ev_report *out) {
    struct why why = {{0}};
    if (q->kind == EV_KIND_NONE) {
        ev_fail(out, "release_measurement", EV_REFUSED, "no member of the envelope names a program");
    } else if (!q->verified) {
        ev_unchecked(out, "release_measurement");
    } else {
        int r = release_measured(leaf, q->kind, q->evidence, &why);
        ev_check(out, "release_measurement", r == 0, r == ERR_NOMEM ? EV_INTERNAL : EV_REFUSED, "%.150s", why_text(&why, r));
    }
}

static void tell(const struct tlog_answer *a, struct ev_report *out) {
    ev_tell(out, "release", "%s %s", a->leaf.name, a->leaf.version);
    ev_tell_hex(out, "binary", a->leaf.digest, sizeof a->leaf.digest);
    ev_tell_hex(out, "leaf", a->leaf.hash.b, sizeof a->leaf.hash.b);
    ev_tell(out, "log_size", "%llu", (unsigned long long)a->next.size);
}

static void judge(const struct release_question *q, struct tlog_answer *a, struct ev_report *out) {
    static const struct tlog_kept first_time;
    const struct tlog_question proof = {.trust = q->log, .kept = &first_time, .bundle = q->proof, .now = q->now};
    if (tlog_judge(&proof, a, out) != 0) ev_fail(out, "proof_form", EV_INTERNAL, "no memory");
    if (q->log_size_seen > 0 && a->next.size > 0)
        ev_check(out, "log_rollback", a->next.size >= q->log_size_seen, EV_REFUSED,
                 "the proof is of a tree of %llu entries, and one of %llu was seen before", (unsigned long long)a->next.size,
                 (unsigned long long)q->log_size_seen);
    if (ev_report_verdict(out) != EV_OK) return;
    if (!ev_check(out, "release_leaf", a->leaf.type == TLOG_RELEASE, EV_REFUSED,
                  "what is proved is a leaf of type %s, no release", tlog_leaf_type_name(a->leaf.type)))
        return;
    check_engine(q, &a->leaf, out);
    check_measurement(q, &a->leaf, out);
    tell(a, out);
}

void release_check(const struct release_question *q, struct ev_report *out) {
    struct tlog_answer *a = mem_zalloc(1, sizeof *a);
    *out = (struct ev_report){.best = EV_CLASS_NONE};
    if (a)
        judge(q, a, out);
    else
        ev_fail(out, "proof_form", EV_INTERNAL, "no memory");
    free(a);
}
