/* blind/local_link.c - see local_link.h. What a network would carry is sealed and opened on the link's own thread, at both ends. */
#include "blind/local_link.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/secret.h"
#include "blind/worker_thread.h"
#include "seal/hpke.h"
#include "seal/replay_cache.h"
#include "seal/session.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { SESSIONS_MAX = 1 << 16 };
struct blind_local {
    struct blind_thread *thread;
    struct keystmt keys;  /* made up, but for the seal key */
    struct seal_key *key; /* guarded */
    pthread_mutex_t lock;
    struct replay *seen; /* lock */
    uint32_t delay_us;
};
struct link {
    struct blind_seat *seat;
    struct session *client, *worker; /* guarded */
    uint32_t delay_us;
    struct buf wire; /* one chunk as it would travel */
    int dead;
    pthread_mutex_t lock;
    pthread_cond_t news_cond;
    int news; /* lock */
};

/* ---- the worker ---- */

static void make_up_keys(struct blind_local *l) {
    memset(l->key, 0, sizeof *l->key);
    hpke_keypair(l->keys.seal_key, l->key->secret);
    random_bytes(l->keys.identity, sizeof l->keys.identity);
    random_bytes(l->keys.operator_id, sizeof l->keys.operator_id);
    memcpy(l->keys.engine_id, "local", sizeof "local");
    l->keys.not_after = UINT64_MAX;
    keystmt_id(l->key->key_id, &l->keys);
}

int blind_local_new(struct blind_local **out, const struct blind_worker_opts *o, uint32_t delay_us) {
    struct blind_local *l = mem_zalloc(1, sizeof *l);
    *out = NULL;
    if (!l) return ERR_NOMEM;
    pthread_mutex_init(&l->lock, NULL);
    l->delay_us = delay_us;
    l->key = secret_alloc(sizeof *l->key);
    int r = l->key ? replay_new(&l->seen, SESSIONS_MAX) : ERR_NOMEM;
    if (r == 0) make_up_keys(l);
    if (r == 0) r = blind_thread_new(&l->thread, o, delay_us);
    if (r == 0)
        *out = l;
    else
        blind_local_free(l);
    return r;
}

void blind_local_free(struct blind_local *l) {
    if (!l) return;
    blind_thread_free(l->thread);
    replay_free(l->seen);
    secret_free(l->key);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

void blind_local_counts(struct blind_local *l, struct blind_worker_counts *out) { blind_thread_count(l->thread, out); }

/* ---- a link ---- */

static void on_wake(void *arg) {
    struct link *k = arg;
    pthread_mutex_lock(&k->lock);
    k->news = 1;
    pthread_cond_signal(&k->news_cond);
    pthread_mutex_unlock(&k->lock);
}

/* Until on_wake, or a point in time. 1: in time. */
static int wait_until(struct link *k, uint64_t at_us) {
    struct timespec at = {.tv_sec = (time_t)(at_us / 1000000), .tv_nsec = (long)(at_us % 1000000) * 1000};
    int r = 0;
    pthread_mutex_lock(&k->lock);
    while (!k->news && r == 0) r = pthread_cond_timedwait(&k->news_cond, &k->lock, &at);
    k->news = 0;
    pthread_mutex_unlock(&k->lock);
    return r == 0;
}

static void forget_wire(struct link *k) {
    if (k->wire.data) mem_wipe(k->wire.data, k->wire.len);
    k->wire.len = 0;
}

/* Seals with `from`, opens with `to`: the message is then in k->wire. */
static int across(struct link *k, struct session *from, struct session *to, const uint8_t *message, size_t n, uint8_t **opened,
                  size_t *opened_n) {
    size_t used;
    int final;
    forget_wire(k);
    uint8_t *wire = buf_room(&k->wire, n + SESSION_OVERHEAD);
    if (wire) k->wire.len = n + SESSION_OVERHEAD;
    int r = wire ? session_seal(from, wire, message, n, blind_message_final(message, n)) : ERR_NOMEM;
    if (r == 0) r = session_open(to, wire, n + SESSION_OVERHEAD, SESSION_MESSAGE_MAX, &used, opened, opened_n, &final);
    return r;
}

static int on_send(void *state, const uint8_t *message, size_t n) {
    struct link *k = state;
    uint8_t *opened;
    size_t opened_n;
    int r = k->dead ? ERR_IO : across(k, k->client, k->worker, message, n, &opened, &opened_n);
    while (r == 0 && (r = blind_seat_put(k->seat, opened, opened_n)) == ERR_BUSY) {
        (void)wait_until(k, clock_mono_us() + 100000);
        r = 0;
    }
    forget_wire(k);
    if (r != 0) k->dead = 1;
    return r == 0 ? 0 : ERR_IO;
}

/* 0: the next answer has arrived; ERR_MORE: not until then. */
static int arrive(struct link *k, uint64_t until_us) {
    for (;;) {
        uint64_t since_us = 0, now = clock_mono_us();
        size_t n = blind_seat_next(k->seat, &since_us);
        uint64_t due = since_us + k->delay_us;
        if (n && now >= due) return 0;
        if (now >= until_us) return ERR_MORE;
        (void)wait_until(k, n && due < until_us ? due : until_us);
    }
}

static int on_receive(void *state, const uint8_t **message, size_t *n, uint32_t wait_ms) {
    struct link *k = state;
    struct blind_out out = {0};
    uint8_t *opened;
    forget_wire(k);
    if (k->dead) return ERR_IO;
    int r = arrive(k, clock_mono_us() + (uint64_t)wait_ms * 1000);
    if (r == 0 || blind_seat_next(k->seat, NULL) == 0) r = blind_seat_take(k->seat, &out); /* says too when there will be none */
    if (r == ERR_MORE) return r;
    if (r == 0) r = across(k, k->worker, k->client, out.message, out.n, &opened, n);
    k->dead = r != 0 || out.final;
    blind_out_free(&out);
    if (r == 0) *message = opened;
    return r == 0 ? 0 : ERR_IO;
}

static void on_close(void *state) {
    struct link *k = state;
    blind_seat_close(k->seat);
    secret_free(k->client);
    secret_free(k->worker);
    buf_release(&k->wire);
    pthread_cond_destroy(&k->news_cond);
    pthread_mutex_destroy(&k->lock);
    free(k);
}

static const struct blind_link_ops local_ops = {on_send, on_receive, on_close};

static int shake_hands(struct blind_local *l, struct link *k) {
    uint8_t start[SESSION_START_BYTES], reply[SESSION_REPLY_BYTES];
    int r = session_start(k->client, &l->keys, start);
    pthread_mutex_lock(&l->lock);
    if (r == 0) r = session_accept(k->worker, start, l->key, 1, &l->seen, reply);
    pthread_mutex_unlock(&l->lock);
    return r == 0 ? session_reply(k->client, reply) : r;
}

int blind_local_link(struct blind_local *l, struct blind_link *out) {
    struct link *k = mem_zalloc(1, sizeof *k);
    pthread_condattr_t attr;
    if (!k) return ERR_NOMEM;
    pthread_mutex_init(&k->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&k->news_cond, &attr);
    pthread_condattr_destroy(&attr);
    buf_init(&k->wire, SESSION_MESSAGE_MAX + SESSION_OVERHEAD);
    k->delay_us = l->delay_us;
    k->client = secret_alloc(sizeof *k->client);
    k->worker = secret_alloc(sizeof *k->worker);
    int r = k->client && k->worker ? shake_hands(l, k) : ERR_NOMEM;
    if (r == 0) r = blind_seat_open(&k->seat, l->thread, NULL, on_wake, k);
    if (r != 0) {
        on_close(k);
        return r;
    }
    *out = (struct blind_link){.ops = &local_ops, .state = k};
    memcpy(out->identity, l->keys.identity, 32);
    memcpy(out->operator_id, l->keys.operator_id, 32);
    return 0;
}
