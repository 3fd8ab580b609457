/* gateway/blind_gate.c - the caller's side of a link to a blind worker: seals what it sends, opens what came, waits. See blind_gate.h. */
#include "gateway/blind_gate.h"
#include "base/clock.h"
#include "base/secret.h"

#include <stdlib.h>
#include <string.h>

void gate_free(struct gate *g) {
    if (g->own) h2_drop(g->own);
    tls_free(g->tls);
    secret_free(g->session);
    buf_release(&g->rx);
    buf_release(&g->in);
    buf_release(&g->out);
    pthread_cond_destroy(&g->news_cond);
    pthread_mutex_destroy(&g->lock);
    free(g);
}

/* ---- the caller's thread ---- */

void gate_post(struct gate *g) {
    if (g->posted) return;
    g->posted = 1;
    loop_post(g->d.loop, &g->job);
}

/* Until something is new, or a point in time. ERR_TIME. Lock held. */
static int wait_until(struct gate *g, uint64_t at_ms) {
    struct timespec at = {.tv_sec = (time_t)(at_ms / 1000), .tv_nsec = (long)(at_ms % 1000) * 1000000};
    return pthread_cond_timedwait(&g->news_cond, &g->lock, &at) == 0 ? 0 : ERR_TIME;
}

enum { SEND_MS = 60000 }; /* a worker that takes nothing for so long is as good as gone */

static int on_send(void *state, const uint8_t *message, size_t n) {
    struct gate *g = state;
    uint64_t until = clock_mono_ms() + SEND_MS;
    int r = g->session->err;
    pthread_mutex_lock(&g->lock);
    while (r == 0 && !g->lost && n + SESSION_OVERHEAD > GATE_OUT_MAX - g->out.len) r = wait_until(g, until);
    uint8_t *chunk = r == 0 && !g->lost ? buf_room(&g->out, n + SESSION_OVERHEAD) : NULL;
    if (chunk) r = session_seal(g->session, chunk, message, n, blind_message_final(message, n));
    if (chunk && r == 0) {
        g->out.len += n + SESSION_OVERHEAD;
        gate_post(g);
    }
    pthread_mutex_unlock(&g->lock);
    return chunk && r == 0 ? 0 : ERR_IO;
}

/* Moves what came behind what is in rx. ERR_MORE: nothing came in time. */
static int take_bytes(struct gate *g, uint64_t until_ms) {
    int r = 0;
    pthread_mutex_lock(&g->lock);
    while (g->in.len == 0 && !g->lost && r == 0) r = wait_until(g, until_ms);
    if (g->in.len) {
        r = buf_add(&g->rx, g->in.data, g->in.len) == 0 ? 0 : ERR_IO;
        g->taken += g->in.len;
        g->in.len = 0;
        gate_post(g);
    } else {
        r = g->lost ? ERR_IO : ERR_MORE;
    }
    pthread_mutex_unlock(&g->lock);
    return r;
}

static void forget_opened(struct gate *g) {
    if (!g->opened) return;
    mem_wipe(g->rx.data, g->opened);
    buf_drop(&g->rx, g->opened);
    g->opened = 0;
}

/* The next message out of what is there. */
static int open_next(struct gate *g, const uint8_t **message, size_t *n) {
    uint8_t *opened;
    size_t used;
    int final;
    if (!g->replied) {
        if (g->rx.len < SESSION_REPLY_BYTES) return ERR_MORE;
        if (session_reply(g->session, g->rx.data) != 0) return ERR_IO;
        buf_drop(&g->rx, SESSION_REPLY_BYTES);
        g->replied = 1;
    }
    int r = session_open(g->session, g->rx.data, g->rx.len, SESSION_MESSAGE_MAX, &used, &opened, n, &final);
    if (r == ERR_MORE) return r;
    if (r != 0 || final != blind_message_final(opened, *n)) return ERR_IO;
    g->opened = used;
    *message = opened;
    return 0;
}

static int on_receive(void *state, const uint8_t **message, size_t *n, uint32_t wait_ms) {
    struct gate *g = state;
    uint64_t until = clock_mono_ms() + wait_ms;
    forget_opened(g);
    for (;;) {
        int r = open_next(g, message, n);
        if (r == ERR_MORE)
            r = take_bytes(g, until);
        else
            return r;
        if (r != 0) return r;
    }
}

static void on_link_close(void *state) {
    struct gate *g = state;
    pthread_mutex_lock(&g->lock);
    g->closed = 1;
    gate_post(g);
    pthread_mutex_unlock(&g->lock);
}

const struct blind_link_ops gate_ops = {on_send, on_receive, on_link_close};

int gate_new(struct gate **out, const struct blind_dialer *d, const struct keystmt *worker) {
    uint8_t start[SESSION_START_BYTES];
    pthread_condattr_t attr;
    struct gate *g = mem_zalloc(1, sizeof *g);
    if (!g) return ERR_NOMEM;
    g->d = *d;
    pthread_mutex_init(&g->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&g->news_cond, &attr);
    pthread_condattr_destroy(&attr);
    buf_init(&g->rx, GATE_RX_MAX);
    buf_init(&g->in, GATE_IN_MAX);
    buf_init(&g->out, GATE_OUT_MAX);
    keystmt_id(g->key_id, worker);
    g->session = secret_alloc(sizeof *g->session);
    int r = g->session ? session_start(g->session, worker, start) : ERR_NOMEM;
    if (r == 0) r = buf_add(&g->out, start, sizeof start);
    if (r == 0)
        *out = g;
    else
        gate_free(g);
    return r;
}
