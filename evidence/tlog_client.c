/* evidence/tlog_client.c - the client's rule. See tlog_client.h. */
#include "evidence/tlog_client.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/tlog_checkpoint.h"

enum { HOUR_S = 3600 };

/* What is read of a proof before anything of it is believed. */
struct opened {
    const struct tlog_question *q;
    struct ev_report *r;
    struct tlog_bundle bundle;
    struct tlog_note note;
    struct tlog_checkpoint checkpoint;
    struct tlog_witnessed signers;
    struct tlog_leaf state; /* the state leaf, or the leaf itself when it is one */
    uint64_t state_index;
};

/* ---- syntax ---- */

static int open_proof(struct opened *o, struct tlog_answer *a) {
    struct why why = {{0}};
    int form = tlog_bundle_read(&o->bundle, o->q->bundle.p, o->q->bundle.n, &why);
    if (!ev_check(o->r, "proof_form", form == 0, EV_UNSUPPORTED, "%.120s", why_text(&why, form))) return 0;
    form = tlog_note_read(&o->note, o->bundle.checkpoint);
    if (form == 0) form = tlog_checkpoint_read(&o->checkpoint, o->note.text);
    if (!ev_check(o->r, "checkpoint_form", form == 0, EV_UNSUPPORTED, "the checkpoint is malformed")) return 0;
    form = tlog_leaf_read(&a->leaf, o->bundle.leaf.entry, &why);
    int good = ev_check(o->r, "leaf_form", form == 0, EV_UNSUPPORTED, "%.120s", why_text(&why, form));
    if (o->bundle.has_state) {
        form = tlog_leaf_read(&o->state, o->bundle.state.entry, &why);
        if (form == 0 && o->state.type != TLOG_STATE)
            form = why_set(&why, ERR_FORMAT, "\"state\" holds another leaf than a state");
        good &= ev_check(o->r, "state_form", form == 0, EV_UNSUPPORTED, "%.120s", why_text(&why, form));
        o->state_index = o->bundle.state.index;
    }
    return good;
}

/* ---- who has signed, and when ---- */

static int check_origin(struct opened *o) {
    const char *origin = o->q->trust->origin;
    size_t n = strlen(origin);
    if (!o->q->trust->given || o->q->trust->k == 0) return ev_fail(o->r, "origin", EV_REFUSED, "the policy names no log");
    int same = o->checkpoint.origin.n == n && memcmp(o->checkpoint.origin.p, origin, n) == 0;
    int kept = o->q->kept->size == 0 || strcmp(o->q->kept->origin, origin) == 0;
    return ev_check(o->r, "origin", same && kept, EV_REFUSED,
                    same ? "what was kept is of another log than \"%.80s\"" : "the checkpoint is of another log than \"%.80s\"",
                    origin);
}

static int check_times(struct opened *o) {
    const struct tlog_witnessed *w = &o->signers;
    int64_t now = o->q->now, newest = o->q->kept->newest, oldest = (int64_t)w->time[o->q->trust->k - 1];
    if ((int64_t)w->time[0] > newest) newest = (int64_t)w->time[0];
    if (!ev_check(o->r, "clock", now >= newest, EV_INVALID,
                  "a witness has signed at %" PRId64 ", and it is %" PRId64 " here: set the clock", newest, now))
        return 0; /* by a wrong clock nothing else is judged */
    return ev_check(o->r, "cosigned_age", now - oldest <= TLOG_AGE_S_MAX, EV_REFUSED,
                    "%u witnesses have signed it, the oldest of them %" PRId64 " seconds ago; %d are allowed", o->q->trust->k,
                    now - oldest, TLOG_AGE_S_MAX);
}

static int check_signers(struct opened *o) {
    const struct tlog_witnessed *w = &o->signers;
    unsigned k = o->q->trust->k;
    tlog_witnessed(&o->signers, &o->note, o->q->trust);
    int good = ev_check(o->r, "log_signature", w->log_signed, EV_INVALID, "the log's key has not signed this checkpoint");
    good &= ev_check(o->r, "cosignatures", w->broken == 0, EV_INVALID, "%u signatures by known keys do not verify", w->broken);
    good &= ev_check(o->r, "witnesses", w->count >= k, EV_REFUSED, "%u of the policy's witnesses have signed; %u must", w->count,
                     k);
    return good && check_times(o);
}

/* ---- the same tree as before, grown on ---- */

static int check_growth(struct opened *o) {
    const struct tlog_kept *kept = o->q->kept;
    const struct tlog_checkpoint *now = &o->checkpoint;
    static const struct tlog_proof none;
    if (kept->size == 0) return 1;
    if (!ev_check(o->r, "log_rollback", now->size >= kept->size, EV_REFUSED,
                  "the log has %" PRIu64 " entries here, and had %" PRIu64 " before", now->size, kept->size))
        return 0;
    int needed = now->size > kept->size;
    if (needed && (!o->bundle.has_consistency || o->bundle.from != kept->size))
        return ev_fail(o->r, "consistency", EV_REFUSED,
                       "no proof from the %" PRIu64 " entries that were seen: lull log prove --from %" PRIu64, kept->size,
                       kept->size);
    int r = tlog_consistency_check(kept->size, &kept->root, now->size, &now->root, needed ? &o->bundle.consistency : &none);
    return ev_check(o->r, "consistency", r == 0, EV_INVALID,
                    "this tree is not the one seen before, grown on: the log shows two histories");
}

static void keep_checkpoint(const struct opened *o, struct tlog_kept *next) {
    memcpy(next->origin, o->q->trust->origin, sizeof next->origin);
    next->size = o->checkpoint.size;
    next->root = o->checkpoint.root;
    if ((int64_t)o->signers.time[0] > next->newest) next->newest = (int64_t)o->signers.time[0];
}

/* ---- the leaf, and what the state says of it ---- */

static int check_place(struct opened *o, const char *factor, const struct tlog_leaf *leaf, const struct tlog_placed *at) {
    int r = tlog_inclusion_check(&leaf->hash, at->index, o->checkpoint.size, &o->checkpoint.root, &at->proof);
    return ev_check(o->r, factor, r == 0, EV_INVALID, "the entry is not number %" PRIu64 " of this log", at->index);
}

static int check_state(struct opened *o, struct tlog_kept *next) {
    const struct tlog_leaf *s = &o->state;
    int64_t now = o->q->now;
    if (!ev_check(o->r, "state", o->state_index + 1 >= o->q->kept->states, EV_REFUSED, "a newer state has been seen, at %" PRIu64,
                  o->q->kept->states - 1))
        return 0;
    next->states = o->state_index + 1;
    return ev_check(o->r, "state_date", now >= s->from && now <= s->until, EV_REFUSED,
                    "the state holds from %" PRId64 " to %" PRId64 ", and it is %" PRId64, s->from, s->until, now);
}

static void check_force(struct opened *o, const struct tlog_leaf *leaf) {
    enum tlog_standing says = tlog_state_says(&o->state, &leaf->hash);
    ev_check(o->r, "in_force", says == TLOG_IN_FORCE, EV_REFUSED,
             says == TLOG_REVOKED ? "the state lists this leaf as revoked" : "the state does not list this leaf as in force");
    if (leaf->type != TLOG_NODES) return;
    int64_t hour = o->q->now / HOUR_S;
    ev_check(o->r, "hour", leaf->hour == hour || leaf->hour == hour - 1, EV_REFUSED,
             "nodes of hour %" PRId64 ", and it is hour %" PRId64, leaf->hour, hour);
}

static void check_leaf(struct opened *o, struct tlog_answer *a) {
    const struct tlog_leaf *leaf = &a->leaf;
    int placed = check_place(o, "inclusion", leaf, &o->bundle.leaf);
    a->index = o->bundle.leaf.index;
    if (leaf->type == TLOG_STATE) { /* a state speaks for itself while it is in date */
        o->state = *leaf;
        o->state_index = o->bundle.leaf.index;
        if (placed) check_state(o, &a->next);
        return;
    }
    if (!o->bundle.has_state) {
        ev_fail(o->r, "state", EV_REFUSED, "nothing is in force without a state leaf in date");
        return;
    }
    if (check_place(o, "state_inclusion", &o->state, &o->bundle.state) && check_state(o, &a->next)) check_force(o, leaf);
}

int tlog_judge(const struct tlog_question *q, struct tlog_answer *a, struct ev_report *out) {
    struct opened *o = mem_zalloc(1, sizeof *o);
    if (!o) return ERR_NOMEM;
    memset(out, 0, sizeof *out);
    memset(a, 0, sizeof *a);
    a->next = *q->kept;
    o->q = q;
    o->r = out;
    if (open_proof(o, a) && check_origin(o) && check_signers(o) && check_growth(o)) {
        keep_checkpoint(o, &a->next);
        check_leaf(o, a);
    }
    tlog_bundle_release(&o->bundle);
    free(o);
    return 0;
}
