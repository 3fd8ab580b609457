/* blind/lattice_client.c - see lattice_client.h.
 *
 * `lock` guards the session of slots and the store of masks. The thread that makes masks holds it for about 100 microseconds
 * at a time and lets the caller's thread in between. */
#include "blind/lattice_client.h"
#include "base/clock.h"
#include "base/mem.h"
#include "blind/lattice_fill.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 4, ANSWER_MS = 30000, AHEAD_COLUMNS = 192 };
#define MASKS_BYTES ((size_t)512 << 20)

struct lattice_client {
    struct lattice_store_opts masks;
    struct roster *roster;
    struct asker asker;
    struct pass pass;
    int32_t *zeros; /* a column of padding */

    pthread_mutex_t lock;
    pthread_cond_t work, idle;     /* there are masks to make; all of them are made */
    struct blind_session *session; /* lock */
    struct lattice_store *store;   /* lock: of this session */
    int all_made, stopping;        /* lock */
    struct blind_counts counts;    /* lock */
    atomic_int caller_waits;
    pthread_t thread;
    int started;
};

/* ---- masks ahead ---- */

static void *make_masks(void *arg) {
    struct lattice_client *c = arg;
    pthread_mutex_lock(&c->lock);
    while (!c->stopping) {
        if (!c->store || c->all_made) {
            pthread_cond_wait(&c->work, &c->lock);
            continue;
        }
        if (lattice_store_work(c->store, STEPS) != 1) { /* without memory there is no more to make either */
            c->all_made = 1;
            pthread_cond_broadcast(&c->idle);
            continue;
        }
        pthread_mutex_unlock(&c->lock);
        while (atomic_load(&c->caller_waits)) sched_yield();
        pthread_mutex_lock(&c->lock);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

static void lock(struct lattice_client *c) {
    atomic_store(&c->caller_waits, 1);
    pthread_mutex_lock(&c->lock);
    atomic_store(&c->caller_waits, 0);
}

/* What was used, or is new, makes room for more. */
static void unlock(struct lattice_client *c) {
    if (c->all_made) pthread_cond_signal(&c->work);
    c->all_made = 0;
    pthread_mutex_unlock(&c->lock);
}

/* ---- sessions ---- */

static void end_session(void *owner) {
    struct lattice_client *c = owner;
    lock(c);
    if (c->session) blind_session_end(c->session);
    unlock(c);
}

static int session_goes_on(const struct lattice_client *c, uint32_t first, unsigned stacks) {
    int on = c->session && blind_session_alive(c->session);
    for (unsigned i = 0; i < stacks && on; i++)
        on = blind_session_next(c->session, first + i) < SLOTS_N_MAX - 2 * SLOTS_COLUMNS_MAX;
    return on;
}

/* A fresh session and an empty store: they are made and end together. */
static int new_session(struct lattice_client *c) {
    struct blind_session *session = NULL;
    struct lattice_store *store = NULL;
    int r = blind_session_new(&session, c->masks.linear, c->masks.stacks);
    if (r == 0) r = lattice_store_new(&store, &c->masks);
    if (r != 0) {
        blind_session_free(session);
        return r;
    }
    lattice_store_free(c->store);
    blind_session_free(c->session);
    c->store = store;
    c->session = session;
    c->counts.sessions++;
    pthread_cond_signal(&c->work);
    return 0;
}

/* A connection, and a session that is made for it and ends with it, if not before; to be used for stacks from `first` on. */
static int have_session(struct lattice_client *c, uint32_t first, unsigned stacks) {
    int r = asker_connect(&c->asker);
    lock(c);
    if (r == 0 && !session_goes_on(c, first, stacks)) r = new_session(c);
    unlock(c);
    return r;
}

void lattice_client_settle(struct lattice_client *c) {
    if (have_session(c, 0, 1) != 0) return;
    pthread_mutex_lock(&c->lock);
    while (!c->all_made) pthread_cond_wait(&c->idle, &c->lock);
    pthread_mutex_unlock(&c->lock);
}

/* ---- one round ---- */

static int mask(struct lattice_client *c, const struct asker_part *p, struct slots **ticket) {
    uint32_t cols = c->masks.linear[p->stack].cols;
    uint64_t begun = clock_mono_ns();
    lock(c);
    int r = slots_spend(c->session, p->stack, p->count, ticket);
    for (uint32_t i = 0; i < p->count && r == 0; i++)
        r = lattice_fill(c->session, *ticket, c->store, i < p->wanted ? p->x + (size_t)i * cols : c->zeros);
    c->counts.wait_mask_ns += clock_mono_ns() - begun;
    unlock(c);
    return r;
}

static int open_products(struct lattice_client *c, const struct asker_part *p, const struct asked *k) {
    const struct slots *t = k->ticket;
    int r = 0;
    lock(c);
    for (uint32_t i = 0; i < t->count && r == 0; i++) {
        if (i < p->wanted)
            r = lattice_open(c->session, c->store, &k->wu[i], p->y + (size_t)i * t->linear->rows);
        else
            lattice_store_drop(c->store, t->stack, t->first + i);
    }
    unlock(c);
    return r;
}

/* By the connection that have_session saw, or not at all. */
static int ask(struct lattice_client *c, const struct asker_part *part, unsigned parts, struct slots *const *ticket) {
    struct answer wu[LINEAR_ASKS_MAX][PASS_CHUNK];
    struct asked asked[LINEAR_ASKS_MAX] = {{NULL, NULL}};
    for (unsigned i = 0; i < parts; i++) asked[i] = (struct asked){ticket[i], wu[i]};
    int r = asker_ask(&c->asker, asked, parts);
    if (r != 0) return r;
    for (unsigned i = 0; i < parts && r == 0; i++) r = open_products(c, &part[i], &asked[i]);
    asker_forget(asked, parts);
    return r;
}

static int chunk(void *owner, const struct asker_part *part, unsigned parts) {
    struct lattice_client *c = owner;
    struct slots *ticket[LINEAR_ASKS_MAX] = {NULL};
    int r = have_session(c, part[0].stack, parts);
    for (unsigned i = 0; i < parts && r == 0; i++) r = mask(c, &part[i], &ticket[i]);
    if (r == 0) r = ask(c, part, parts, ticket);
    if (r != 0) end_session(c);
    for (unsigned i = 0; i < parts; i++) slots_free(ticket[i]);
    return r;
}

static int products(void *state, const struct linear_ask *asks, unsigned count) {
    struct lattice_client *c = state;
    return asker_products(&c->asker, &c->pass, chunk, c, asks, count);
}
static int product(void *state, uint32_t stack, uint32_t count, const int32_t *x, int32_t *y) {
    return products(state, &(struct linear_ask){stack, count, x, y}, 1);
}
const struct linear_ops lattice_client_ops = {product, products};

/* ---- what is told ---- */

void lattice_client_prompt(struct lattice_client *c, uint32_t columns) { pass_prompt(&c->pass, columns); }
void lattice_client_why(const struct lattice_client *c, struct why *why) { *why = c->asker.why; }
struct roster *lattice_client_roster(struct lattice_client *c) {
    return c->roster;
}
void lattice_client_count(struct lattice_client *c, struct blind_counts *out) {
    pthread_mutex_lock(&c->lock);
    *out = c->counts;
    pthread_mutex_unlock(&c->lock);
    out->bytes_up = out->up[PAIR_A];
    out->bytes_down = out->down[PAIR_A];
}

size_t lattice_client_held(struct lattice_client *c) {
    pthread_mutex_lock(&c->lock);
    size_t n = c->store ? lattice_store_held(c->store) : 0;
    pthread_mutex_unlock(&c->lock);
    return n;
}

/* ---- birth and death ---- */

static int open_asker(struct lattice_client *c, const struct lattice_client_opts *o) {
    struct asker_opts ao = {.prepared = o->prepared,
                            .roster = c->roster,
                            .role = BLIND_ROLE_LATTICE,
                            .token = o->token,
                            .token_n = o->token_n,
                            .answer_ms = o->answer_ms ? o->answer_ms : ANSWER_MS,
                            .decode_columns = c->pass.decode_columns,
                            .lock = &c->lock,
                            .counts = &c->counts,
                            .lost = end_session,
                            .owner = c};
    return asker_init(&c->asker, &ao);
}

static int set_up(struct lattice_client *c, const struct lattice_client_opts *o) {
    uint32_t cols = 0, stacks = prepared_manifest(o->prepared)->stack_count;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->work, NULL);
    pthread_cond_init(&c->idle, NULL);
    c->masks = (struct lattice_store_opts){.k = o->k,
                                           .linear = prepared_stacks(o->prepared),
                                           .stacks = stacks,
                                           .a = o->a,
                                           .hint = o->hint,
                                           .bytes_max = o->masks_bytes ? o->masks_bytes : MASKS_BYTES,
                                           .ahead_columns = AHEAD_COLUMNS};
    c->pass = (struct pass){.decode_columns = o->decode_columns ? o->decode_columns : 1, .stack_count = stacks};
    for (uint32_t i = 0; i < stacks; i++)
        if (c->masks.linear[i].cols > cols) cols = c->masks.linear[i].cols;
    c->zeros = mem_zalloc(cols, sizeof *c->zeros);
    return c->zeros ? 0 : ERR_NOMEM;
}

int lattice_client_new(struct lattice_client **out, const struct lattice_client_opts *o, struct why *why) {
    *out = NULL;
    if (o->decode_columns > PASS_CHUNK) return why_set(why, ERR_RANGE, "more than %d columns in a pass", PASS_CHUNK);
    if (o->policy.role[PAIR_A].allowed_count == 0) return why_set(why, ERR_PERM, "no operators are listed");
    struct lattice_client *c = mem_zalloc(1, sizeof *c);
    if (!c) return ERR_NOMEM;
    int r = set_up(c, o);
    if (r == 0) r = roster_new(&c->roster, &o->workers, &o->policy);
    if (r == 0) r = open_asker(c, o);
    if (r == 0 && pthread_create(&c->thread, NULL, make_masks, c) != 0) r = ERR_NOMEM;
    c->started = r == 0;
    if (r == 0)
        *out = c;
    else
        lattice_client_free(c);
    return r;
}

void lattice_client_free(struct lattice_client *c) {
    if (!c) return;
    pthread_mutex_lock(&c->lock);
    c->stopping = 1;
    pthread_cond_signal(&c->work);
    pthread_mutex_unlock(&c->lock);
    if (c->started) pthread_join(c->thread, NULL);
    asker_release(&c->asker);
    lattice_store_free(c->store);
    blind_session_free(c->session);
    free(c->zeros);
    roster_free(c->roster);
    pthread_cond_destroy(&c->idle);
    pthread_cond_destroy(&c->work);
    pthread_mutex_destroy(&c->lock);
    free(c);
}
