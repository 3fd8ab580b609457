/* gateway/gw_blind_workers.c - see gw_blind_workers.h. */
#include "gateway/gw_blind_workers.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/secret.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { LISTED_MAX = 256, OPENED_MAX = 256, SLICE_MS = 100 };

struct found {
    struct keystmt keys;
    struct worker_entry entry;
    uint8_t rank[32]; /* places follow it: a function of the identity and a secret of this process */
};
struct gw_blind_workers {
    struct blind_net *net;
    uint8_t manifest[32], secret[32];
    struct operators policy;
    int direct;
    _Atomic int stopping;
    pthread_mutex_t lock;
    struct record *records; /* lock; [LISTED_MAX], what the directory says */
    struct {
        struct found *list; /* lock; [LISTED_MAX] */
        size_t count;
    } role[PAIR_ROLES];
    struct {
        uint8_t identity[32], operator_id[32];
    } opened[OPENED_MAX]; /* lock; a ring */
    size_t opened_count;
};

/* ---- a link that ends when the gateway does ---- */

struct watched {
    struct blind_link inner;
    struct gw_blind_workers *w;
};

static int on_send(void *state, const uint8_t *message, size_t n) {
    struct watched *k = state;
    return atomic_load(&k->w->stopping) ? ERR_IO : k->inner.ops->send(k->inner.state, message, n);
}

static int on_receive(void *state, const uint8_t **message, size_t *n, uint32_t wait_ms) {
    struct watched *k = state;
    for (;;) {
        uint32_t slice = wait_ms < SLICE_MS ? wait_ms : SLICE_MS;
        if (atomic_load(&k->w->stopping)) return ERR_IO;
        int r = k->inner.ops->receive(k->inner.state, message, n, slice);
        if (r != ERR_MORE || wait_ms <= slice) return r;
        wait_ms -= slice;
    }
}

static void on_close(void *state) {
    struct watched *k = state;
    k->inner.ops->close(k->inner.state);
    free(k);
}

static const struct blind_link_ops watched_ops = {on_send, on_receive, on_close};

/* ---- the list of a role ---- */

static int may_serve(const struct gw_blind_workers *w, enum pair_role role, const uint8_t operator_id[32]) {
    for (uint32_t i = 0; i < w->policy.role[role].allowed_count; i++)
        if (memcmp(w->policy.role[role].allowed[i], operator_id, OPERATOR_PREFIX_BYTES) == 0) return 1;
    return 0;
}

static int by_rank(const void *a, const void *b) {
    return memcmp(((const struct found *)a)->rank, ((const struct found *)b)->rank, 32);
}

/* Lock held. */
static void look(struct gw_blind_workers *w, enum pair_role role) {
    size_t listed = blind_net_workers(w->net, w->manifest, w->records, LISTED_MAX);
    w->role[role].count = 0;
    for (size_t i = 0; i < listed; i++) {
        const struct record *r = &w->records[i];
        if (!may_serve(w, role, r->keys.operator_id)) continue;
        struct found *f = &w->role[role].list[w->role[role].count++];
        f->keys = r->keys;
        f->entry = *record_worker(r, w->manifest); /* it was listed for that */
        sha256_joined(f->rank, "lull blind order", w->secret, sizeof w->secret, r->keys.identity, 32);
    }
    qsort(w->role[role].list, w->role[role].count, sizeof *w->role[role].list, by_rank);
}

size_t gw_blind_workers_count(struct gw_blind_workers *w, enum pair_role role) {
    size_t count = 0;
    pthread_mutex_lock(&w->lock); /* the role's list stays: somebody may be going through its places */
    size_t listed = blind_net_workers(w->net, w->manifest, w->records, LISTED_MAX);
    for (size_t i = 0; i < listed; i++) count += (size_t)may_serve(w, role, w->records[i].keys.operator_id);
    pthread_mutex_unlock(&w->lock);
    return count;
}

/* Lock held. */
static void remember(struct gw_blind_workers *w, const struct keystmt *k) {
    size_t kept = w->opened_count < OPENED_MAX ? w->opened_count : OPENED_MAX;
    for (size_t i = 0; i < kept; i++)
        if (memcmp(w->opened[i].identity, k->identity, 32) == 0) return;
    memcpy(w->opened[w->opened_count % OPENED_MAX].identity, k->identity, 32);
    memcpy(w->opened[w->opened_count % OPENED_MAX].operator_id, k->operator_id, 32);
    w->opened_count++;
}

int gw_blind_workers_operator(struct gw_blind_workers *w, const uint8_t identity[32], uint8_t operator_id[32]) {
    int found = 0;
    pthread_mutex_lock(&w->lock);
    size_t kept = w->opened_count < OPENED_MAX ? w->opened_count : OPENED_MAX;
    for (size_t i = 0; i < kept && !found; i++)
        if (memcmp(w->opened[i].identity, identity, 32) == 0) {
            memcpy(operator_id, w->opened[i].operator_id, 32);
            found = 1;
        }
    pthread_mutex_unlock(&w->lock);
    return found;
}

/* ---- struct blind_source ---- */

static int dial(struct gw_blind_workers *w, const struct found *f, struct watched *k) {
    const struct blind_dialer *d = blind_net_dialer(w->net);
    if (w->direct && f->entry.at[0]) return blind_dial_direct(&k->inner, d, &f->keys, &f->entry);
    return blind_dial(&k->inner, d, &f->keys);
}

/* Place 0 begins a new round, with whoever is listed then. */
static int on_open(void *state, enum pair_role role, uint32_t place, struct blind_link *out) {
    struct gw_blind_workers *w = state;
    struct found f;
    if (atomic_load(&w->stopping)) return ERR_NOTFOUND;
    pthread_mutex_lock(&w->lock);
    if (place == 0) look(w, role);
    int there = place < w->role[role].count;
    if (there) {
        f = w->role[role].list[place];
        remember(w, &f.keys);
    }
    pthread_mutex_unlock(&w->lock);
    if (!there) return ERR_NOTFOUND;
    struct watched *k = mem_zalloc(1, sizeof *k);
    if (!k) return ERR_NOMEM;
    k->w = w;
    int r = dial(w, &f, k);
    if (r != 0) {
        free(k);
        return r;
    }
    *out = k->inner; /* and with it who is at the other end */
    out->ops = &watched_ops;
    out->state = k;
    return 0;
}

struct blind_source gw_blind_workers_source(struct gw_blind_workers *w) {
    return (struct blind_source){.open = on_open, .state = w};
}

void gw_blind_workers_stop(struct gw_blind_workers *w) { atomic_store(&w->stopping, 1); }

/* ---- life ---- */

int gw_blind_workers_new(struct gw_blind_workers **out, struct blind_net *net, const uint8_t manifest[32],
                         const struct operators *policy, int direct) {
    struct gw_blind_workers *w = mem_zalloc(1, sizeof *w);
    *out = NULL;
    if (!w) return ERR_NOMEM;
    w->net = net;
    w->policy = *policy;
    w->direct = direct;
    memcpy(w->manifest, manifest, 32);
    random_bytes(w->secret, sizeof w->secret);
    pthread_mutex_init(&w->lock, NULL);
    w->records = mem_zalloc(LISTED_MAX, sizeof *w->records);
    for (int role = 0; role < PAIR_ROLES; role++) w->role[role].list = mem_zalloc(LISTED_MAX, sizeof *w->role[role].list);
    if (w->records && w->role[PAIR_A].list && w->role[PAIR_B].list) {
        *out = w;
        return 0;
    }
    gw_blind_workers_free(w);
    return ERR_NOMEM;
}

void gw_blind_workers_free(struct gw_blind_workers *w) {
    if (!w) return;
    free(w->records);
    for (int role = 0; role < PAIR_ROLES; role++) free(w->role[role].list);
    pthread_mutex_destroy(&w->lock);
    free(w);
}
