/* gateway/gw_blind_engine.c - see gw_blind_engine.h. */
#include "gateway/gw_blind_engine.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "gateway/gw_blind_kept.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAILBOX_ITEMS = 64,
    LOST_START_MS = 5000,    /* nobody serves a role: so long a new answer waits for somebody */
    LOST_RUNNING_MS = 60000, /* and one that has begun */
    AGAIN_MS = 250
};

struct gw_blind_engine {
    struct gw_blind_engine_opts o;
    struct mailbox *mail;
    pthread_t thread;
    int started;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    int stopping;               /* lock */
    struct gw_blind_work *head; /* lock; oldest first */
    uint32_t queued;            /* lock; with the one being made */
    uint64_t running;           /* lock; its job, 0: none */
    int cancelled;              /* lock; that one */
    uint32_t kept_shown;        /* lock; how many are kept */
    /* the thread's */
    struct gw_blind_kept kept;
    struct sha256 text; /* of the answer so far */
    struct gw_blind_account account;
    struct blind_counts before;
    size_t incidents_seen;
    uint32_t tokens;
};

void gw_blind_work_free(struct gw_blind_work *w) {
    if (!w) return;
    api_request_free(&w->request);
    mem_wipe(w, sizeof *w);
    free(w);
}

/* ---- who serves, and what went wrong with whom ---- */

static void tell_incident(struct gw_blind_engine *x, const struct blind_incident *i) {
    if (gw_blind_account_incident(&x->account, i) > 1) return; /* once for each answer is enough */
    log_event(fault_accuses(i->fault) ? LOG_WARN : LOG_INFO, "blind", fault_accuses(i->fault) ? "worker banned" : "worker lost",
              LOG_ID("worker", i->identity, 32), LOG_CODE("role", x->o.client->role[i->role]),
              LOG_CODE("what", fault_text(i->fault)), LOG_NAME("model", x->o.model));
}

/* After every step: those that served it, and those that failed in it. Who did neither touched nothing of the answer. */
static void look(struct gw_blind_engine *x) {
    struct roster *roster = x->o.client->roster(x->o.client_state);
    struct blind_counts now;
    struct blind_incident i;
    uint8_t operator_id[32];
    size_t all = roster_incident_count(roster);
    if (all - x->incidents_seen > ROSTER_INCIDENTS_MAX) x->incidents_seen = all - ROSTER_INCIDENTS_MAX;
    for (; x->incidents_seen < all && roster_incidents(roster, x->incidents_seen, &i, 1) == 1; x->incidents_seen++)
        tell_incident(x, &i);
    x->o.client->count(x->o.client_state, &now);
    for (int role = 0; role < PAIR_ROLES; role++)
        for (uint32_t k = 0; k < now.served[role]; k++)
            if (x->o.operator_of(x->o.operator_arg, now.serving[role][k], operator_id))
                gw_blind_account_worker(&x->account, (enum pair_role)role, now.serving[role][k], operator_id);
}

static void account_begin(struct gw_blind_engine *x) {
    x->account = (struct gw_blind_account){.pass_columns = x->o.pass_columns};
    x->tokens = 0;
    sha256_init(&x->text);
    x->o.client->count(x->o.client_state, &x->before);
}

static void account_end(struct gw_blind_engine *x) {
    struct blind_counts now;
    x->o.client->count(x->o.client_state, &now);
    x->account.products = now.products - x->before.products;
    x->account.verified = now.verified - x->before.verified;
    x->account.bytes_up = now.bytes_up - x->before.bytes_up;
    x->account.bytes_down = now.bytes_down - x->before.bytes_down;
    x->account.sessions = now.sessions - x->before.sessions;
}

/* ---- events ---- */

static void post(struct gw_blind_engine *x, struct gw_blind_event *e) {
    (void)mailbox_post_wait(x->mail, e); /* ERR_CANCELLED: shutting down, nobody listens */
    mem_wipe(e, sizeof *e);
}

static void post_text(struct gw_blind_engine *x, uint64_t job, const struct gen_event *g) {
    for (size_t at = 0; at < g->text_len;) {
        struct gw_blind_event e = {.job = job, .kind = BLIND_EVENT_TEXT, .tokens = x->tokens};
        size_t n = g->text_len - at < sizeof e.text ? g->text_len - at : sizeof e.text;
        e.text_len = (uint16_t)n;
        memcpy(e.text, g->text + at, n);
        at += n;
        post(x, &e);
    }
}

static void post_done(struct gw_blind_engine *x, uint64_t job, const struct gen *g, enum gen_stop stop) {
    struct gw_blind_event e = {.job = job, .kind = BLIND_EVENT_DONE, .tokens = x->tokens, .stop = stop};
    gen_times_of(g, &e.times);
    account_end(x);
    e.account = x->account;
    post(x, &e);
}

static void post_failed(struct gw_blind_engine *x, uint64_t job, int err) {
    struct gw_blind_event e = {.job = job, .kind = BLIND_EVENT_FAILED, .err = err, .tokens = x->tokens};
    struct why why = {{0}};
    if (err == ERR_LOST) x->o.client->why(x->o.client_state, &why);
    snprintf(e.why, sizeof e.why, "%.*s", (int)sizeof e.why - 1, why.text);
    post(x, &e);
}

/* ---- one answer ---- */

static int given_up(struct gw_blind_engine *x) {
    pthread_mutex_lock(&x->lock);
    int r = x->stopping || x->cancelled;
    pthread_mutex_unlock(&x->lock);
    return r;
}

/* Nobody serves a role at present: somebody may come back. ERR_LOST when it has lasted too long. */
static int wait_for_workers(struct gw_blind_engine *x, uint64_t *lost_since_ms) {
    uint64_t now = clock_mono_ms(), until = now + AGAIN_MS;
    struct timespec at = {.tv_sec = (time_t)(until / 1000), .tv_nsec = (long)(until % 1000) * 1000000};
    if (*lost_since_ms == 0) *lost_since_ms = now;
    enum pair_role role;
    uint8_t identity[32]; /* where somebody has to pay first, waiting long is of no use */
    int long_wait = x->tokens && !roster_unpaid(x->o.client->roster(x->o.client_state), &role, identity);
    if (now - *lost_since_ms >= (long_wait ? LOST_RUNNING_MS : LOST_START_MS)) return ERR_LOST;
    pthread_mutex_lock(&x->lock);
    while (!x->stopping && !x->cancelled)
        if (pthread_cond_timedwait(&x->wake, &x->lock, &at) != 0) break;
    pthread_mutex_unlock(&x->lock);
    return 0;
}

/* 1: that was the last one. */
static int on_token(struct gw_blind_engine *x, uint64_t job, struct gen *g, const struct gen_event *e) {
    if (e->err) return e->err;
    x->tokens = e->position + 1;
    sha256_add(&x->text, e->text, e->text_len);
    post_text(x, job, e);
    if (e->stop == STOP_NONE) return 0;
    post_done(x, job, g, e->stop);
    return 1;
}

/* The tokens of one pass: one, and one more for each guess that was right. */
static int on_step(struct gw_blind_engine *x, uint64_t job, struct gen *g, const struct gen_event *e, int count) {
    int r = 0;
    if (count) x->account.passes += x->tokens > 0; /* the first id comes with the prompt's last pass */
    for (int i = 0; i < count && r == 0; i++) r = on_token(x, job, g, &e[i]);
    return r;
}

/* 0: done. ERR_CANCELLED: nobody wants it any more. */
static int make(struct gw_blind_engine *x, uint64_t job, struct gen *g) {
    uint64_t lost_since_ms = 0;
    for (;;) {
        struct gen_event e[GEN_GUESSES_MAX + 1];
        if (given_up(x)) return ERR_CANCELLED;
        (void)gw_blind_kept_expire(&x->kept, clock_mono_ms());
        int n = gen_step(x->o.pool, e, gen_pool_events_max(x->o.pool));
        look(x);
        if (n == ERR_LOST) { /* no id has gone on: the same step can be made again */
            if ((n = wait_for_workers(x, &lost_since_ms)) != 0) return n;
            continue;
        }
        if (n < 0) return n;
        lost_since_ms = 0;
        int r = on_step(x, job, g, e, n);
        if (r != 0) return r < 0 ? r : 0;
    }
}

/* Goes on with c, if it is one; other conversations make room if need be. */
static int start(struct gw_blind_engine *x, const struct gw_blind_work *w, struct gw_conversation *c, struct gen **g) {
    uint32_t most = c->answers ? c->answer[c->answers - 1].ids : 0;
    int r;
    do r = gen_start_after(g, x->o.pool, &w->request.gen, &c->past, most, NULL, NULL);
    while (r == ERR_BUSY && gw_blind_kept_drop(&x->kept));
    return r;
}

/* Only what is not kept goes out. */
static void accept(struct gw_blind_engine *x, uint64_t job, const struct gen *g, const struct gen_times *t) {
    size_t count;
    (void)gen_prompt_ids(g, &count);
    uint32_t new_columns = (uint32_t)count - t->cached_tokens;
    x->o.client->prompt(x->o.client_state, new_columns);
    x->account.prompt_padded = (new_columns + PASS_CHUNK - 1) / PASS_CHUNK * PASS_CHUNK;
    x->account.kept = t->cached_tokens;
    struct gw_blind_event e = {.job = job, .kind = BLIND_EVENT_ACCEPTED, .prompt_tokens = (uint32_t)count};
    post(x, &e);
}

/* The answer is a turn of its conversation, if there is a whole one; else that stays as it was before. Wipes what is not kept. */
static void keep(struct gw_blind_engine *x, struct gw_conversation *c, struct gen *g, uint8_t at[SHA256_BYTES], int whole) {
    uint8_t text[SHA256_BYTES];
    sha256_done(&x->text, text);
    c->past = gen_leave(g, whole ? UINT32_MAX : x->account.kept);
    if (whole && c->past) {
        gw_blind_kept_answered(at, text);
        gw_conversation_add(c, at, gen_past_ids(c->past));
    }
    mem_wipe(text, sizeof text);
}

static void answer(struct gw_blind_engine *x, const struct gw_blind_work *w) {
    int keeps = w->request.endpoint != API_GENERATE && gw_blind_kept_takes(&x->kept, &w->request.gen);
    struct gw_conversation c = {.past = NULL};
    uint8_t at[SHA256_BYTES] = {0};
    struct gen_times times = {0};
    struct gen *g = NULL;
    account_begin(x);
    if (keeps) gw_blind_kept_find(&x->kept, &w->request.gen, at, &c);
    int r = start(x, w, &c, &g);
    if (r == 0) {
        gen_times_of(g, &times);
        gw_conversation_cut(&c, times.cached_tokens);
        accept(x, w->job, g, &times);
        r = make(x, w->job, g);
        if (keeps)
            keep(x, &c, g, at, r == 0);
        else
            gen_free(g); /* wipes keys and values */
    }
    gw_blind_kept_put(&x->kept, &c, clock_mono_ms());
    mem_wipe(at, sizeof at);
    if (r != 0 && r != ERR_CANCELLED) post_failed(x, w->job, r);
}

/* What is kept goes in time even if nobody asks; megabytes are wiped, so without the lock. When there is more to do: 0, never. */
static uint64_t expire(struct gw_blind_engine *x) {
    uint64_t due = gw_blind_kept_expire(&x->kept, clock_mono_ms());
    pthread_mutex_lock(&x->lock);
    x->kept_shown = x->kept.count;
    pthread_mutex_unlock(&x->lock);
    return due;
}

static void wait_for_work(struct gw_blind_engine *x) {
    uint64_t due = expire(x);
    struct timespec at = {.tv_sec = (time_t)(due / 1000), .tv_nsec = (long)(due % 1000) * 1000000};
    pthread_mutex_lock(&x->lock);
    int timed_out = 0;
    while (!x->stopping && !x->head && !timed_out)
        timed_out = due ? pthread_cond_timedwait(&x->wake, &x->lock, &at) != 0 : pthread_cond_wait(&x->wake, &x->lock);
    pthread_mutex_unlock(&x->lock);
}

/* NULL: there is none, as nobody has asked for a while, or it all ends. */
static struct gw_blind_work *next_work(struct gw_blind_engine *x, int *stopping) {
    wait_for_work(x);
    pthread_mutex_lock(&x->lock);
    *stopping = x->stopping;
    struct gw_blind_work *w = x->stopping ? NULL : x->head;
    if (w) {
        x->head = w->next;
        x->running = w->job;
        x->cancelled = 0;
    }
    pthread_mutex_unlock(&x->lock);
    return w;
}

static void end_work(struct gw_blind_engine *x, struct gw_blind_work *w) {
    if (!w) return;
    gw_blind_work_free(w);
    pthread_mutex_lock(&x->lock);
    x->running = 0;
    x->queued--;
    pthread_mutex_unlock(&x->lock);
}

static void *run(void *arg) {
    struct gw_blind_engine *x = arg;
    int stopping = 0;
    while (!stopping) {
        struct gw_blind_work *w = next_work(x, &stopping);
        if (w) answer(x, w);
        end_work(x, w);
    }
    gw_blind_kept_release(&x->kept);
    return NULL;
}

/* ---- any thread ---- */

int gw_blind_engine_submit(struct gw_blind_engine *x, struct gw_blind_work *w) {
    int r = 0;
    w->next = NULL;
    pthread_mutex_lock(&x->lock);
    if (x->queued >= x->o.queue_max) {
        r = ERR_BUSY;
    } else {
        struct gw_blind_work **at = &x->head;
        while (*at) at = &(*at)->next;
        *at = w;
        x->queued++;
        pthread_cond_signal(&x->wake);
    }
    pthread_mutex_unlock(&x->lock);
    return r;
}

void gw_blind_engine_cancel(struct gw_blind_engine *x, uint64_t job) {
    struct gw_blind_work *drop = NULL;
    if (!x) return;
    pthread_mutex_lock(&x->lock);
    if (job && x->running == job) x->cancelled = 1;
    for (struct gw_blind_work **at = &x->head; *at; at = &(*at)->next)
        if ((*at)->job == job) {
            drop = *at;
            *at = drop->next;
            x->queued--;
            break;
        }
    pthread_cond_signal(&x->wake);
    pthread_mutex_unlock(&x->lock);
    gw_blind_work_free(drop);
}

uint32_t gw_blind_engine_queued(struct gw_blind_engine *x) {
    pthread_mutex_lock(&x->lock);
    uint32_t n = x->queued;
    pthread_mutex_unlock(&x->lock);
    return n;
}

uint32_t gw_blind_engine_kept(struct gw_blind_engine *x) {
    pthread_mutex_lock(&x->lock);
    uint32_t n = x->kept_shown;
    pthread_mutex_unlock(&x->lock);
    return n;
}

static void on_item(void *arg, const void *item) {
    struct gw_blind_engine *x = arg;
    x->o.on_event(x->o.arg, item);
}

int gw_blind_engine_new(struct gw_blind_engine **out, const struct gw_blind_engine_opts *o, struct why *why) {
    struct gw_blind_engine *x = mem_zalloc(1, sizeof *x);
    pthread_condattr_t attr;
    *out = NULL;
    if (!x) return ERR_NOMEM;
    x->o = *o;
    if (x->o.pass_columns == 0) x->o.pass_columns = 1;
    gw_blind_kept_init(&x->kept, o->keep, o->keep_ms);
    pthread_mutex_init(&x->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&x->wake, &attr);
    pthread_condattr_destroy(&attr);
    int r = mailbox_new(&x->mail, o->loop, sizeof(struct gw_blind_event), MAILBOX_ITEMS, on_item, x);
    if (r == 0 && pthread_create(&x->thread, NULL, run, x) != 0) r = why_set(why, ERR_NOMEM, "no thread for tier blind");
    x->started = r == 0;
    if (r == 0)
        *out = x;
    else
        gw_blind_engine_free(x);
    return r;
}

void gw_blind_engine_free(struct gw_blind_engine *x) {
    if (!x) return;
    pthread_mutex_lock(&x->lock);
    x->stopping = 1;
    pthread_cond_signal(&x->wake);
    pthread_mutex_unlock(&x->lock);
    if (x->mail) mailbox_close(x->mail); /* a thread that waits for room gets away */
    if (x->started) pthread_join(x->thread, NULL);
    for (struct gw_blind_work *w = x->head, *next; w; w = next) {
        next = w->next;
        gw_blind_work_free(w);
    }
    mailbox_free(x->mail);
    pthread_cond_destroy(&x->wake);
    pthread_mutex_destroy(&x->lock);
    free(x);
}
