/* gateway/blind_net.c - see blind_net.h. The directory is the thread's; readers take it under the lock. */
#include "gateway/blind_net.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "gateway/gw_link.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct blind_net {
    struct loop *loop;
    struct gw_link *link;
    struct blind_dialer dialer;
    pthread_t thread;
    int started;
    struct loop_job stop;
    pthread_mutex_t lock;
    pthread_cond_t news_cond;
    struct gw_dir dir; /* lock */
};

/* ---- the loop's thread ---- */

static struct h2 *coordinator_of(void *arg) { return gw_link_h2(((struct blind_net *)arg)->link); }

static void on_directory(void *arg, const uint8_t *body, size_t bytes) {
    struct blind_net *n = arg;
    pthread_mutex_lock(&n->lock);
    int r = gw_dir_take(&n->dir, body, bytes, clock_unix_s());
    pthread_cond_broadcast(&n->news_cond);
    pthread_mutex_unlock(&n->lock);
    if (r != 0) log_event(LOG_WARN, "directory", "malformed", LOG_CODE("reason", err_text(r)));
}

static void on_down(void *arg, int err) {
    struct blind_net *n = arg;
    (void)err;
    pthread_mutex_lock(&n->lock);
    gw_dir_stale(&n->dir);
    pthread_mutex_unlock(&n->lock);
}

static void on_stop(struct loop_job *j) {
    loop_stop(((struct blind_net *)(void *)((uint8_t *)j - offsetof(struct blind_net, stop)))->loop);
}

static void *run(void *arg) {
    (void)loop_run(((struct blind_net *)arg)->loop);
    return NULL;
}

/* ---- any thread ---- */

int blind_net_open(struct blind_net **out, const struct blind_net_opts *o, struct why *why) {
    pthread_condattr_t attr;
    struct blind_net *n = mem_zalloc(1, sizeof *n);
    *out = NULL;
    if (!n) return ERR_NOMEM;
    pthread_mutex_init(&n->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&n->news_cond, &attr);
    pthread_condattr_destroy(&attr);
    n->stop.fn = on_stop;
    struct gw_link_opts k = {.where = o->coordinator,
                             .ca_file = o->ca,
                             .pin = o->pin,
                             .bearer = o->bearer,
                             .on_directory = on_directory,
                             .on_down = on_down,
                             .arg = n};
    int r = gw_dir_init(&n->dir);
    if (r == 0) r = loop_new(&n->loop);
    if (r == 0) r = gw_link_open(&n->link, n->loop, &k, why);
    if (r == 0) n->dialer = (struct blind_dialer){.loop = n->loop, .coordinator = coordinator_of, .bearer = o->bearer, .arg = n};
    if (r == 0 && pthread_create(&n->thread, NULL, run, n) != 0) r = why_set(why, ERR_NOMEM, "no thread for the network");
    if (r == 0)
        n->started = 1, *out = n;
    else
        blind_net_close(n);
    return r;
}

void blind_net_close(struct blind_net *n) {
    if (!n) return;
    if (n->started) {
        loop_post(n->loop, &n->stop);
        pthread_join(n->thread, NULL);
    }
    gw_link_close(n->link);
    loop_free(n->loop);
    gw_dir_release(&n->dir);
    pthread_cond_destroy(&n->news_cond);
    pthread_mutex_destroy(&n->lock);
    free(n);
}

/* Lock held. */
static size_t workers_of(const struct blind_net *n, const uint8_t manifest_hash[32], struct record *out, size_t max) {
    size_t count = 0;
    for (size_t i = 0; n->dir.fresh && i < n->dir.count && count < max; i++)
        if (record_worker(&n->dir.nodes[i].record, manifest_hash)) out[count++] = n->dir.nodes[i].record;
    return count;
}

size_t blind_net_workers(struct blind_net *n, const uint8_t manifest_hash[32], struct record *out, size_t max) {
    pthread_mutex_lock(&n->lock);
    size_t count = workers_of(n, manifest_hash, out, max);
    pthread_mutex_unlock(&n->lock);
    return count;
}

size_t blind_net_wait(struct blind_net *n, const uint8_t manifest_hash[32], struct record *out, size_t want, uint32_t wait_ms) {
    uint64_t until = clock_mono_ms() + wait_ms;
    struct timespec at = {.tv_sec = (time_t)(until / 1000), .tv_nsec = (long)(until % 1000) * 1000000};
    size_t count;
    pthread_mutex_lock(&n->lock);
    while ((count = workers_of(n, manifest_hash, out, want)) < want)
        if (pthread_cond_timedwait(&n->news_cond, &n->lock, &at) != 0) break;
    pthread_mutex_unlock(&n->lock);
    return count;
}

const struct blind_dialer *blind_net_dialer(const struct blind_net *n) { return &n->dialer; }
