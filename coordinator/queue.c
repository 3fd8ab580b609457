/* coordinator/queue.c - see queue.h. All wait the same time, so order of arrival is order of deadlines. */
#include "coordinator/queue.h"
#include "base/err.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

struct lane {
    uint8_t addr[16];
    struct waiter *head, *tail;
    uint32_t count;
    struct lane *prev, *next; /* ring of lanes in use; next alone: list of unused ones */
};

int queue_init(struct queue *q, uint32_t max, uint32_t lane_max, uint64_t wait_ms) {
    *q = (struct queue){.max = max, .lane_max = lane_max, .wait_ms = wait_ms};
    q->lanes = mem_zalloc(max, sizeof *q->lanes); /* at worst every waiter has a lane to itself */
    if (!q->lanes) return ERR_NOMEM;
    for (uint32_t i = 0; i < max; i++) {
        q->lanes[i].next = q->unused;
        q->unused = &q->lanes[i];
    }
    return 0;
}

void queue_release(struct queue *q) {
    free(q->lanes);
    *q = (struct queue){0};
}

int queue_has(const struct waiter *w) { return w->lane != NULL; }

static struct lane *lane_find(const struct queue *q, const uint8_t addr[16]) {
    struct lane *l = q->turn;
    if (!l) return NULL;
    do {
        if (memcmp(l->addr, addr, 16) == 0) return l;
        l = l->next;
    } while (l != q->turn);
    return NULL;
}

static struct lane *lane_open(struct queue *q, const uint8_t addr[16]) {
    struct lane *l = q->unused;
    q->unused = l->next;
    *l = (struct lane){.prev = l, .next = l};
    memcpy(l->addr, addr, 16);
    if (!q->turn)
        q->turn = l;
    else { /* at the end of the ring: just before the lane whose turn it is */
        l->next = q->turn;
        l->prev = q->turn->prev;
        l->prev->next = l->next->prev = l;
    }
    return l;
}

static void lane_close(struct queue *q, struct lane *l) {
    if (q->turn == l) q->turn = l->next == l ? NULL : l->next;
    l->prev->next = l->next;
    l->next->prev = l->prev;
    l->next = q->unused;
    q->unused = l;
}

int queue_add(struct queue *q, struct waiter *w, const uint8_t addr[16], uint64_t now_ms) {
    if (q->count == q->max) return ERR_BUSY;
    struct lane *l = lane_find(q, addr);
    if (l && l->count >= q->lane_max) return ERR_LIMIT;
    if (!l && q->lane_max == 0) return ERR_LIMIT;
    if (!l) l = lane_open(q, addr);
    *w = (struct waiter){.lane = l, .prev = l->tail, .older = q->newest, .deadline_ms = now_ms + q->wait_ms};
    if (l->tail)
        l->tail->next = w;
    else
        l->head = w;
    l->tail = w;
    l->count++;
    if (q->newest)
        q->newest->newer = w;
    else
        q->oldest = w;
    q->newest = w;
    q->count++;
    return 0;
}

void queue_remove(struct queue *q, struct waiter *w) {
    struct lane *l = w->lane;
    if (!l) return;
    if (w->prev)
        w->prev->next = w->next;
    else
        l->head = w->next;
    if (w->next)
        w->next->prev = w->prev;
    else
        l->tail = w->prev;
    if (w->older)
        w->older->newer = w->newer;
    else
        q->oldest = w->newer;
    if (w->newer)
        w->newer->older = w->older;
    else
        q->newest = w->older;
    *w = (struct waiter){.lane = NULL};
    q->count--;
    if (--l->count == 0) lane_close(q, l);
}

/* The lane served goes behind all others; lanes passed over keep their places before it. */
static void lane_served(struct queue *q, struct lane *l) {
    if (q->turn == l) {
        q->turn = l->next;
        return;
    }
    l->prev->next = l->next;
    l->next->prev = l->prev;
    l->next = q->turn;
    l->prev = q->turn->prev;
    l->prev->next = l->next->prev = l;
}

struct waiter *queue_next(struct queue *q, int (*can)(void *arg, struct waiter *w), void *arg) {
    struct lane *l = q->turn;
    if (!l) return NULL;
    do {
        for (struct waiter *w = l->head; w; w = w->next) {
            if (!can(arg, w)) continue;
            lane_served(q, l);
            queue_remove(q, w);
            return w;
        }
        l = l->next;
    } while (l != q->turn);
    return NULL;
}

struct waiter *queue_expired(struct queue *q, uint64_t now_ms) {
    struct waiter *w = q->oldest;
    if (!w || w->deadline_ms > now_ms) return NULL;
    queue_remove(q, w);
    return w;
}

uint64_t queue_due_ms(const struct queue *q, uint64_t now_ms) {
    if (!q->oldest) return UINT64_MAX;
    return q->oldest->deadline_ms > now_ms ? q->oldest->deadline_ms - now_ms : 0;
}
