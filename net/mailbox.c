/* net/mailbox.c - the ring of fixed-size messages of loop.h. One job of the loop empties it: it is posted when the first
 * message comes, so a burst costs one wake-up. */
#include "base/mem.h"
#include "net/loop.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct mailbox {
    struct loop *loop;
    void (*on_item)(void *arg, const void *item);
    void *arg;
    size_t item_bytes, items;
    uint8_t *taken; /* the message being read; loop thread only */
    struct loop_job job;
    pthread_mutex_t lock;
    pthread_cond_t room; /* lock */
    uint8_t *ring;       /* lock */
    size_t first, count; /* lock */
    int posted, closed;  /* lock */
    int reading, doomed; /* loop thread only: mailbox_free came from inside on_item */
};

static void release(struct mailbox *m) {
    mem_wipe(m->ring, m->items * m->item_bytes);
    mem_wipe(m->taken, m->item_bytes);
    free(m->ring);
    free(m->taken);
    pthread_cond_destroy(&m->room);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

/* Copies the first message to m->taken; 0 when there is none, and then the job is no longer posted. */
static int take(struct mailbox *m) {
    pthread_mutex_lock(&m->lock);
    int got = m->count > 0;
    if (got) {
        uint8_t *at = m->ring + m->first * m->item_bytes;
        memcpy(m->taken, at, m->item_bytes);
        mem_wipe(at, m->item_bytes);
        m->first = (m->first + 1) % m->items;
        m->count--;
        pthread_cond_signal(&m->room);
    } else {
        m->posted = 0;
    }
    pthread_mutex_unlock(&m->lock);
    return got;
}

static void on_job(struct loop_job *j) {
    struct mailbox *m = (struct mailbox *)(void *)((uint8_t *)j - offsetof(struct mailbox, job));
    m->reading = 1;
    while (!m->doomed && take(m)) m->on_item(m->arg, m->taken);
    m->reading = 0;
    mem_wipe(m->taken, m->item_bytes);
    if (m->doomed) release(m);
}

int mailbox_new(struct mailbox **out, struct loop *l, size_t item_bytes, size_t items,
                void (*on_item)(void *arg, const void *item), void *arg) {
    struct mailbox *m = mem_zalloc(1, sizeof *m);
    if (!m) return ERR_NOMEM;
    *m = (struct mailbox){.loop = l, .on_item = on_item, .arg = arg, .item_bytes = item_bytes, .items = items};
    m->job.fn = on_job;
    m->ring = mem_zalloc(items, item_bytes);
    m->taken = mem_zalloc(1, item_bytes);
    if (!m->ring || !m->taken) {
        free(m->ring);
        free(m->taken);
        free(m);
        return ERR_NOMEM;
    }
    pthread_mutex_init(&m->lock, NULL);
    pthread_cond_init(&m->room, NULL);
    *out = m;
    return 0;
}

void mailbox_free(struct mailbox *m) {
    if (!m) return;
    pthread_mutex_lock(&m->lock);
    m->closed = 1;
    int posted = m->posted;
    pthread_mutex_unlock(&m->lock);
    /* A posted job still names m: then it is the job that frees it, unread messages are not delivered. */
    m->doomed = 1;
    if (!posted && !m->reading) release(m);
}

static void put(struct mailbox *m, const void *item) {
    memcpy(m->ring + ((m->first + m->count) % m->items) * m->item_bytes, item, m->item_bytes);
    m->count++;
    if (m->posted) return;
    m->posted = 1;
    loop_post(m->loop, &m->job);
}

int mailbox_post(struct mailbox *m, const void *item) {
    pthread_mutex_lock(&m->lock);
    int r = m->closed ? ERR_CANCELLED : m->count == m->items ? ERR_BUSY : 0;
    if (r == 0) put(m, item);
    pthread_mutex_unlock(&m->lock);
    return r;
}

int mailbox_post_wait(struct mailbox *m, const void *item) {
    pthread_mutex_lock(&m->lock);
    while (!m->closed && m->count == m->items) pthread_cond_wait(&m->room, &m->lock);
    int r = m->closed ? ERR_CANCELLED : 0;
    if (r == 0) put(m, item);
    pthread_mutex_unlock(&m->lock);
    return r;
}

void mailbox_close(struct mailbox *m) {
    pthread_mutex_lock(&m->lock);
    m->closed = 1;
    pthread_cond_broadcast(&m->room);
    pthread_mutex_unlock(&m->lock);
}
