/* node/worker.c - see worker.h.
 *
 * The slot table under the lock says which jobs are under way; the thread alone touches the generations. A cancel only sets a
 * mark: the thread frees the generation before its next step, so nothing is computed for it any more. */
#include "node/worker.h"
#include "base/clock.h"
#include "base/mem.h"
#include "seal/idlist.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { MAILBOX_ITEMS = 256 };

struct slot {
    uint64_t job;      /* lock; 0: free */
    struct work *work; /* lock; submitted, not yet started */
    int cancelled;     /* lock */
    struct gen *gen;   /* thread */
};
struct worker {
    struct worker_opts o;
    struct gen_pool *pool; /* thread, once it runs */
    struct mailbox *mail;
    pthread_t thread;
    int started;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    int stopping;     /* lock */
    uint32_t count;   /* slots */
    uint32_t kept;    /* thread: KV pages kept for later prompts, when last looked at */
    uint64_t look_ms; /* thread: when to look for unused ones again */
    struct slot *slots;
    struct gen_event *events;
    uint32_t events_max;
};

void work_free(struct work *w) {
    if (!w) return;
    api_request_free(&w->request);
    if (w->resumed) mem_wipe(w->resumed, w->resumed_count * sizeof *w->resumed);
    free(w->resumed);
    mem_wipe(w, sizeof *w);
    free(w);
}

/* ---- the engine's thread ---- */

static void post(struct worker *x, const struct work_event *e) {
    (void)mailbox_post_wait(x->mail, e); /* ERR_CANCELLED: shutting down, nobody listens */
}

static void post_failed(struct worker *x, uint64_t job, int err) {
    post(x, &(struct work_event){.job = job, .kind = WORK_FAILED, .err = err});
}

static void slot_clear(struct worker *x, struct slot *s) {
    gen_free(s->gen);
    pthread_mutex_lock(&x->lock);
    work_free(s->work);
    *s = (struct slot){0};
    pthread_mutex_unlock(&x->lock);
}

/* Template, tokens, slot of the pool. The prompt's hash is compared before a token is computed. */
static int begin(struct worker *x, struct slot *s, struct work *w, struct work_event *accepted) {
    struct gen_resume resume = {.ids = w->resumed, .count = w->resumed_count};
    static const uint8_t none[sizeof w->cache_salt];
    w->request.gen.cache_salt = memcmp(w->cache_salt, none, sizeof none) != 0 ? w->cache_salt : NULL;
    int r = gen_start(&s->gen, x->pool, &w->request.gen, w->resumed_count ? &resume : NULL, w->salt, s, NULL);
    if (r != 0) return r;
    size_t count;
    const int32_t *ids = gen_prompt_ids(s->gen, &count);
    *accepted = (struct work_event){.job = w->job, .kind = WORK_ACCEPTED, .prompt_tokens = (uint32_t)count};
    prompt_ids_hash(accepted->prompt_hash, ids, count);
    return w->check_prompt_hash && !mem_equal_ct(accepted->prompt_hash, w->prompt_hash, 32) ? ERR_AUTH : 0;
}

/* The part of the resumed ids' text that the client has not got. ERR_RANGE: it claims more than there is. */
static int post_carried(struct worker *x, const struct slot *s, uint64_t job, uint64_t delivered) {
    size_t n;
    const uint8_t *text = gen_resumed_text(s->gen, &n);
    if (delivered > n) return ERR_RANGE;
    for (size_t at = (size_t)delivered; at < n;) {
        struct work_event e = {.job = job, .kind = WORK_CARRY};
        e.text_len = (uint16_t)(n - at < WORK_TEXT_BYTES ? n - at : WORK_TEXT_BYTES);
        memcpy(e.text, text + at, e.text_len);
        post(x, &e);
        at += e.text_len;
        mem_wipe(&e, sizeof e);
    }
    return 0;
}

static void start_one(struct worker *x, struct slot *s, struct work *w) {
    struct work_event accepted;
    uint64_t job = w->job, delivered = w->text_delivered;
    int r = begin(x, s, w, &accepted);
    work_free(w);
    if (r == 0) {
        post(x, &accepted);
        r = post_carried(x, s, job, delivered);
    }
    if (r == 0) return;
    slot_clear(x, s);
    post_failed(x, job, r);
}

/* Frees what was cancelled and starts what was submitted. Returns how many generations are in the pool. */
static uint32_t settle(struct worker *x) {
    uint32_t active = 0;
    for (uint32_t i = 0; i < x->count; i++) {
        struct slot *s = &x->slots[i];
        pthread_mutex_lock(&x->lock);
        int drop = s->job && s->cancelled;
        struct work *w = drop ? NULL : s->work;
        if (w) s->work = NULL;
        pthread_mutex_unlock(&x->lock);
        if (drop)
            slot_clear(x, s);
        else if (w)
            start_one(x, s, w);
        active += s->gen != NULL;
    }
    return active;
}

static void post_token(struct worker *x, uint64_t job, const struct gen_event *g) {
    struct work_event e = {.job = job, .kind = WORK_TOKEN, .position = g->position, .id = g->id, .is_end = g->is_end};
    memcpy(e.digest, g->logits_digest, sizeof e.digest);
    size_t at = 0;
    do {
        size_t n = g->text_len - at < WORK_TEXT_BYTES ? g->text_len - at : WORK_TEXT_BYTES;
        e.text_len = (uint16_t)n;
        if (n) memcpy(e.text, g->text + at, n);
        post(x, &e);
        at += n;
        e.kind = WORK_TEXT;
    } while (at < g->text_len);
    mem_wipe(&e, sizeof e);
}

static void on_gen_event(struct worker *x, const struct gen_event *g) {
    struct slot *s = g->user;
    uint64_t job = s->job; /* only this thread changes it while gen is set */
    if (g->err) {
        slot_clear(x, s);
        post_failed(x, job, g->err);
        return;
    }
    if (g->id >= 0) post_token(x, job, g); /* none when the resumed ids were the whole answer already */
    if (g->stop == STOP_NONE) return;
    struct work_event done = {.job = job, .kind = WORK_DONE, .stop = g->stop};
    gen_times_of(s->gen, &done.times);
    size_t prompt; /* a resumed answer's ids may come from kept pages too; the usage counts the prompt's */
    (void)gen_prompt_ids(s->gen, &prompt);
    if (done.times.cached_tokens > prompt) done.times.cached_tokens = (uint32_t)prompt;
    slot_clear(x, s);
    post(x, &done);
}

static void fail_all(struct worker *x, int err) {
    for (uint32_t i = 0; i < x->count; i++) {
        struct slot *s = &x->slots[i];
        uint64_t job = s->job;
        if (!s->gen) continue;
        slot_clear(x, s);
        post_failed(x, job, err);
    }
}

static int any_news(const struct worker *x) { /* lock held */
    if (x->stopping) return 1;
    for (uint32_t i = 0; i < x->count; i++)
        if (x->slots[i].work || (x->slots[i].job && x->slots[i].cancelled)) return 1;
    return 0;
}

/* Kept pages that nobody came back for are wiped, also while nothing else happens. */
static void look_after_kept(struct worker *x, uint32_t active) {
    uint64_t now = clock_mono_ms();
    if (active && now < x->look_ms) return;
    x->kept = gen_pool_expire(x->pool, x->o.keep_ms);
    x->look_ms = now + x->o.keep_ms / 8 + 1;
}

/* Until there is something to do, or kept pages are to be looked at. Lock held. */
static void wait_for_news(struct worker *x) {
    struct timespec at = {.tv_sec = (time_t)(x->look_ms / 1000), .tv_nsec = (long)(x->look_ms % 1000) * 1000000};
    while (!any_news(x))
        if (!x->kept)
            pthread_cond_wait(&x->wake, &x->lock);
        else if (pthread_cond_timedwait(&x->wake, &x->lock, &at) != 0)
            return;
}

static void *run(void *arg) {
    struct worker *x = arg;
    for (;;) {
        uint32_t active = settle(x);
        look_after_kept(x, active);
        pthread_mutex_lock(&x->lock);
        if (!active) wait_for_news(x);
        int stopping = x->stopping;
        pthread_mutex_unlock(&x->lock);
        if (stopping) return NULL;
        if (!active) continue;
        int n = gen_step(x->pool, x->events, x->events_max);
        if (n < 0) fail_all(x, n);
        for (int i = 0; i < n; i++) on_gen_event(x, &x->events[i]);
    }
}

/* ---- any thread ---- */

int worker_submit(struct worker *x, struct work *w) {
    int r = ERR_BUSY;
    pthread_mutex_lock(&x->lock);
    for (uint32_t i = 0; i < x->count && r != 0; i++) {
        if (x->slots[i].job) continue;
        x->slots[i].job = w->job;
        x->slots[i].work = w;
        r = 0;
    }
    pthread_cond_signal(&x->wake);
    pthread_mutex_unlock(&x->lock);
    return r;
}

void worker_cancel(struct worker *x, uint64_t job) {
    pthread_mutex_lock(&x->lock);
    for (uint32_t i = 0; i < x->count; i++)
        if (job && x->slots[i].job == job) x->slots[i].cancelled = 1;
    pthread_cond_signal(&x->wake);
    pthread_mutex_unlock(&x->lock);
}

uint32_t worker_free_slots(struct worker *x) {
    uint32_t n = 0;
    pthread_mutex_lock(&x->lock);
    for (uint32_t i = 0; i < x->count; i++) n += x->slots[i].job == 0;
    pthread_mutex_unlock(&x->lock);
    return n;
}

static void on_item(void *arg, const void *item) {
    struct worker *x = arg;
    x->o.on_event(x->o.arg, item);
}

int worker_new(struct worker **out, const struct worker_opts *o, struct why *why) {
    struct worker *x = mem_zalloc(1, sizeof *x);
    *out = NULL;
    if (!x) return ERR_NOMEM;
    x->o = *o;
    x->count = o->pool.slots;
    pthread_mutex_init(&x->lock, NULL);
    if (x->o.keep_ms == 0) x->o.keep_ms = KEEP_MS;
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&x->wake, &attr);
    pthread_condattr_destroy(&attr);
    int r = gen_pool_new(&x->pool, o->model, &o->pool, why);
    if (r == 0) {
        x->events_max = gen_pool_events_max(x->pool);
        x->slots = mem_zalloc(x->count, sizeof *x->slots);
        x->events = mem_zalloc(x->events_max, sizeof *x->events);
        if (!x->slots || !x->events) r = ERR_NOMEM;
    }
    if (r == 0) r = mailbox_new(&x->mail, o->loop, sizeof(struct work_event), MAILBOX_ITEMS, on_item, x);
    if (r == 0 && pthread_create(&x->thread, NULL, run, x) != 0) r = why_set(why, ERR_NOMEM, "no thread for the engine");
    if (r == 0)
        x->started = 1, *out = x;
    else
        worker_free(x);
    return r;
}

void worker_free(struct worker *x) {
    if (!x) return;
    pthread_mutex_lock(&x->lock);
    x->stopping = 1;
    pthread_cond_signal(&x->wake);
    pthread_mutex_unlock(&x->lock);
    if (x->mail) mailbox_close(x->mail); /* a thread that waits for room gets away */
    if (x->started) pthread_join(x->thread, NULL);
    for (uint32_t i = 0; x->slots && i < x->count; i++) slot_clear(x, &x->slots[i]);
    mailbox_free(x->mail);
    gen_pool_free(x->pool);
    free(x->slots);
    free(x->events);
    pthread_cond_destroy(&x->wake);
    pthread_mutex_destroy(&x->lock);
    free(x);
}
