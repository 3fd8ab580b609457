/* blind/roster.c - see roster.h. */
#include "blind/roster.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    uint8_t identity[32];
    uint32_t losses;    /* in a row */
    uint32_t late;      /* how often, in all */
    uint64_t late_ms;   /* when last */
    uint64_t unpaid_ms; /* since when its columns for us are used up; 0: they are not, as far as we know */
    uint64_t too_few;   /* then: so many were left, and did not do */
    int banned;
};
struct roster {
    struct blind_source source;
    pthread_mutex_t lock;
    struct operators policy; /* lock */
    struct entry worker[ROSTER_WORKERS_MAX];
    uint32_t workers;                                     /* lock, with worker[] */
    struct blind_incident incident[ROSTER_INCIDENTS_MAX]; /* a ring: number n at n % ROSTER_INCIDENTS_MAX */
    size_t incidents;                                     /* lock, with incident[] */
    struct {
        int is;
        uint8_t identity[32];
    } unpaid[PAIR_ROLES]; /* lock: nobody serves it, and this worker would */
};

int roster_new(struct roster **out, const struct blind_source *source, const struct operators *policy) {
    *out = NULL;
    struct roster *r = mem_zalloc(1, sizeof *r);
    if (!r) return ERR_NOMEM;
    r->source = *source;
    r->policy = *policy;
    pthread_mutex_init(&r->lock, NULL);
    *out = r;
    return 0;
}

void roster_free(struct roster *r) {
    if (!r) return;
    pthread_mutex_destroy(&r->lock);
    free(r);
}

/* ---- entries and incidents: with the lock held ---- */

/* NULL when there is none and no room for one. */
static struct entry *entry_of(struct roster *r, const uint8_t identity[32]) {
    for (uint32_t i = 0; i < r->workers; i++)
        if (memcmp(r->worker[i].identity, identity, 32) == 0) return &r->worker[i];
    if (r->workers == ROSTER_WORKERS_MAX) return NULL;
    struct entry *e = &r->worker[r->workers++];
    memcpy(e->identity, identity, 32);
    return e;
}

static struct entry *note(struct roster *r, enum pair_role role, const struct blind_link *k, enum blind_fault fault, uint8_t code,
                          uint32_t stack) {
    struct entry *e = entry_of(r, k->identity);
    if (e && fault_accuses(fault)) e->banned = 1;
    if (e && !fault_accuses(fault)) e->losses++;
    if (e && fault == FAULT_LATE) e->late++, e->late_ms = clock_mono_ms();
    if (e && fault == FAULT_QUOTA) e->unpaid_ms = clock_mono_ms();
    struct blind_incident *i = &r->incident[r->incidents++ % ROSTER_INCIDENTS_MAX];
    *i = (struct blind_incident){.role = role, .fault = fault, .code = code, .stack = stack};
    memcpy(i->identity, k->identity, 32);
    memcpy(i->operator_id, k->operator_id, 32);
    return e;
}
/* The oldest one that is kept. */
static size_t oldest(const struct roster *r) {
    return r->incidents < ROSTER_INCIDENTS_MAX ? 0 : r->incidents - ROSTER_INCIDENTS_MAX;
}

void roster_report(struct roster *r, enum pair_role role, const struct conversation *c, enum blind_fault fault, uint8_t code,
                   uint32_t stack) {
    pthread_mutex_lock(&r->lock);
    struct entry *e = note(r, role, &c->link, fault, code, stack);
    if (e && fault == FAULT_QUOTA) e->too_few = c->quota;
    pthread_mutex_unlock(&r->lock);
}

void roster_praise(struct roster *r, const struct conversation *c) {
    pthread_mutex_lock(&r->lock);
    struct entry *e = entry_of(r, c->link.identity);
    if (e) e->losses = 0, e->unpaid_ms = 0;
    pthread_mutex_unlock(&r->lock);
}

void roster_again(struct roster *r) {
    pthread_mutex_lock(&r->lock);
    for (uint32_t i = 0; i < r->workers; i++) r->worker[i].losses = 0;
    pthread_mutex_unlock(&r->lock);
}

size_t roster_incidents(struct roster *r, size_t from, struct blind_incident *out, size_t max) {
    size_t n = 0;
    pthread_mutex_lock(&r->lock);
    if (from < oldest(r)) from = oldest(r);
    for (; n < max && from + n < r->incidents; n++) out[n] = r->incident[(from + n) % ROSTER_INCIDENTS_MAX];
    pthread_mutex_unlock(&r->lock);
    return n;
}

size_t roster_incident_count(struct roster *r) {
    pthread_mutex_lock(&r->lock);
    size_t n = r->incidents;
    pthread_mutex_unlock(&r->lock);
    return n;
}

/* ---- connecting ---- */

static int rests(const struct entry *e, uint32_t answer_ms) {
    if (e->unpaid_ms && clock_mono_ms() - e->unpaid_ms < ROSTER_UNPAID_MS) return 1;
    if (e->late == 0) return 0;
    uint32_t doubled = e->late - 1 < ROSTER_RESTS_DOUBLED ? e->late - 1 : ROSTER_RESTS_DOUBLED;
    return clock_mono_ms() - e->late_ms < (uint64_t)ROSTER_RESTS * answer_ms << doubled;
}

/* Which workers a look through the list takes. */
struct look {
    const struct roster_want *want;
    int resting;        /* these, too */
    uint32_t skipped;   /* that rest */
    uint32_t elsewhere; /* that hold other parts of the model */
    int unpaid;         /* this one would serve, were columns paid for */
    uint8_t unpaid_identity[32];
};

static void note_unpaid(struct look *look, const struct blind_link *k) {
    look->unpaid = 1;
    memcpy(look->unpaid_identity, k->identity, 32);
}

static int is_beside(const struct roster_want *want, const uint8_t identity[32]) {
    for (uint32_t i = 0; i < want->beside_count; i++)
        if (memcmp(want->beside[i], identity, 32) == 0) return 1;
    return 0;
}

/* 1: this worker may be greeted for the role. Only the first refusal of an operator is an incident: then it is banned. */
static int admit(struct roster *r, struct look *look, const struct blind_link *k) {
    enum pair_role role = look->want->role;
    uint32_t answer_ms = look->want->hello->wait_ms;
    if (is_beside(look->want, k->identity)) return 0;
    pthread_mutex_lock(&r->lock);
    struct entry *e = entry_of(r, k->identity);
    int may = e && !e->banned && e->losses < ROSTER_LOSSES;
    if (e && !e->banned && !may && e->unpaid_ms) note_unpaid(look, k);
    if (may && !look->resting && rests(e, answer_ms)) {
        look->skipped++;
        may = 0;
    }
    if (may && operators_admit(&r->policy, role, k->identity, k->operator_id, NULL) != 0) {
        note(r, role, k, FAULT_POLICY, 0, UINT32_MAX);
        may = 0;
    }
    pthread_mutex_unlock(&r->lock);
    return may;
}

/* It did not do with as many columns before: no masks are made for it, and paid for at B, to learn that again. */
static int still_unpaid(struct roster *r, const struct conversation *c) {
    pthread_mutex_lock(&r->lock);
    const struct entry *e = entry_of(r, c->link.identity);
    int still = e && e->unpaid_ms && c->quota <= e->too_few;
    pthread_mutex_unlock(&r->lock);
    return still;
}

static int greet(struct roster *r, struct look *look, struct blind_link *k, struct conversation *c) {
    enum blind_fault fault;
    uint8_t code;
    if (!admit(r, look, k)) {
        k->ops->close(k->state);
        return ERR_PERM;
    }
    int e = conversation_open(c, k, look->want->hello, &fault, &code);
    if (e == ERR_NOTFOUND) {
        look->elsewhere++;
        return e;
    }
    if (e == 0 && still_unpaid(r, c)) {
        fault = FAULT_QUOTA, code = BLIND_CODE_QUOTA;
        e = ERR_LOST;
        conversation_close(c);
    }
    if (e != 0) roster_report(r, look->want->role, c, fault, code, UINT32_MAX);
    if (e != 0 && fault == FAULT_QUOTA) note_unpaid(look, k);
    return e;
}

static int nobody_left(struct roster *r, const struct look *look, const struct conversation *c, uint32_t places,
                       uint32_t unreached, struct why *why) {
    enum pair_role role = look->want->role;
    const char *of = c->role == BLIND_ROLE_LATTICE ? "" : role == PAIR_A ? " for A" : " for B";
    char name[9] = "";
    const char *last = "accused of nothing";
    pthread_mutex_lock(&r->lock);
    for (size_t n = oldest(r); n < r->incidents; n++) {
        const struct blind_incident *i = &r->incident[n % ROSTER_INCIDENTS_MAX];
        if (i->role == role) {
            hex_encode(name, i->identity, 4);
            last = fault_text(i->fault);
        }
    }
    pthread_mutex_unlock(&r->lock);
    if (places == 0 && !*name)
        return why_set(
            why, ERR_LOST,
            "no worker is left%s: none of the listed operators offers this model in this arithmetic (a folder made with --fold "
            "needs workers with --blind-fold, and the other way round; the model file must be the very same)",
            of);
    if (look->elsewhere + look->want->beside_count > 0)
        return why_set(why, ERR_LOST,
                       "no worker is left%s that holds number %u of the %u products of a pass: %u known, %u not reached, %u hold "
                       "other parts of the model (--blind-layers)",
                       of, look->want->hello->from, look->want->hello->stack_count, places, unreached,
                       look->elsewhere + look->want->beside_count);
    return why_set(why, ERR_LOST, "no worker is left%s: %u known, %u not reached; last, %s%s: %s", of, places, unreached,
                   *name ? "worker " : "nobody", name, last);
}

/* What the look through the list has found. */
static void keep_unpaid(struct roster *r, const struct look *look, int found) {
    pthread_mutex_lock(&r->lock);
    r->unpaid[look->want->role].is = !found && look->unpaid;
    memcpy(r->unpaid[look->want->role].identity, look->unpaid_identity, 32);
    pthread_mutex_unlock(&r->lock);
}

int roster_unpaid(struct roster *r, enum pair_role *role, uint8_t identity[32]) {
    int found = 0;
    pthread_mutex_lock(&r->lock);
    for (int k = 0; k < PAIR_ROLES && !found; k++) {
        if (!r->unpaid[k].is) continue;
        *role = (enum pair_role)k;
        memcpy(identity, r->unpaid[k].identity, 32);
        found = 1;
    }
    pthread_mutex_unlock(&r->lock);
    return found;
}

int roster_connect(struct roster *r, const struct roster_want *want, struct conversation *c, struct why *why) {
    struct look look = {.want = want};
    uint32_t place, unreached;
    do {
        place = unreached = look.elsewhere = 0;
        look.resting = look.skipped > 0;
        look.skipped = 0;
        for (; place < ROSTER_PLACES_MAX; place++) {
            struct blind_link k;
            int e = r->source.open(r->source.state, want->role, place, &k);
            if (e == ERR_NOTFOUND) break;
            if (e == 0 && greet(r, &look, &k, c) == 0) {
                keep_unpaid(r, &look, 1);
                return 0;
            }
            unreached += e != 0;
        }
    } while (look.skipped > 0); /* nobody else serves: those that rest are tried too */
    keep_unpaid(r, &look, 0);
    return nobody_left(r, &look, c, place, unreached, why);
}
