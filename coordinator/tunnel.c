/* coordinator/tunnel.c - worker sessions: a stream between a gateway and the node that it names, open both ways until one side ends.
 *
 * What passes is sealed to the node; the coordinator sees sizes and times. Nothing is kept but what is on its way: one side's window
 * opens only by what the other side has taken, so a slow end slows the other and takes one window of memory each way. */
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "coordinator/coord.h"
#include "coordinator/places.h"
#include "seal/http_names.h"

#include <stdlib.h>
#include <string.h>

enum {
    IDLE_MS = 600000, /* nothing passed either way */
    STALL_MS = 60000, /* something waits, and the side that it is for takes none of it */
    BEGIN_MS = 10000  /* for the node to accept */
};

struct way_bytes { /* one direction */
    uint64_t bytes, waiting, moved_ms;
    uint64_t worth_ms; /* when PLACES_WORTH bytes more had come */
};
struct tunnel {
    struct coord *c;
    struct tunnel *prev, *next;
    struct h2_stream *gateway; /* NULL: gone */
    struct route_job *way;     /* NULL: over */
    uint8_t addr[ADDR_KEY_BYTES], node[32];
    uint64_t begun_ms;
    struct way_bytes up, down;
    int accepted;
};

/* ---- bytes ---- */

static void came(struct way_bytes *w, size_t n) {
    if (!w->waiting) w->moved_ms = clock_mono_ms();
    if (w->bytes / PLACES_WORTH != (w->bytes + n) / PLACES_WORTH) w->worth_ms = clock_mono_ms();
    w->bytes += n;
    w->waiting += n;
}

static void went(struct way_bytes *w, size_t n) {
    w->moved_ms = clock_mono_ms();
    w->waiting -= n < w->waiting ? n : w->waiting;
}

/* ---- the end ---- */

/* Both sides must be gone, or be told by the caller. */
static void tunnel_free(struct tunnel *t) {
    struct coord *c = t->c;
    log_event(LOG_INFO, "blind", "ended", LOG_ID("node", t->node, 8), LOG_COUNT("up", t->up.bytes),
              LOG_COUNT("down", t->down.bytes), LOG_MS("took", clock_mono_ms() - t->begun_ms));
    limits_request_end(c->limits, t->addr, clock_mono_ms());
    if (t->prev)
        t->prev->next = t->next;
    else
        c->tunnels = t->next;
    if (t->next) t->next->prev = t->prev;
    c->tunnel_count--;
    free(t);
}

static void tunnel_fail(struct tunnel *t, enum code code) {
    if (t->way) route_cancel(t->way);
    if (t->gateway && t->accepted)
        h2_reset(t->gateway, H2_INTERNAL);
    else if (t->gateway)
        gateway_refuse(t->gateway, code);
    tunnel_free(t);
}

/* ---- the node's side ---- */

static void on_accepted(void *arg) {
    struct tunnel *t = arg;
    struct h2_header type = {"content-type", "application/octet-stream"};
    t->accepted = 1;
    int r = h2_stream_widen(t->gateway, ROUTE_BLIND_WINDOW, ROUTE_BLIND_WRITE);
    if (r == 0) r = h2_respond(t->gateway, 200, &(struct h2_headers){&type, 1});
    if (r != 0) tunnel_fail(t, CODE_INTERNAL);
}

static void on_refused(void *arg, enum code code) {
    struct tunnel *t = arg;
    t->way = NULL;
    tunnel_fail(t, code);
}

static void on_node_data(void *arg, const uint8_t *p, size_t n) {
    struct tunnel *t = arg;
    came(&t->down, n);
    if (h2_write(t->gateway, p, n) != 0) tunnel_fail(t, CODE_INTERNAL);
}

static void on_usage(void *arg, const char *hex) { (void)arg, (void)hex; }

static void on_sent_up(void *arg, size_t n) {
    struct tunnel *t = arg;
    went(&t->up, n);
    if (t->gateway) h2_consume(t->gateway, n);
}

/* The gateway hears the end behind what is on its way; its close ends the tunnel. */
static void on_node_end(void *arg) {
    struct tunnel *t = arg;
    t->way = NULL;
    if (h2_end(t->gateway, NULL) != 0) tunnel_fail(t, CODE_INTERNAL);
}

static void on_node_lost(void *arg) {
    struct tunnel *t = arg;
    t->way = NULL;
    tunnel_fail(t, CODE_BUSY);
}

static const struct route_events way_events = {on_accepted, on_refused,  on_node_data, on_usage,
                                               on_sent_up,  on_node_end, on_node_lost};

/* ---- the gateway's side ---- */

static void on_gateway_data(void *arg, struct h2_stream *s, const uint8_t *p, size_t n) {
    struct tunnel *t = arg;
    came(&t->up, n);
    if (!t->way)
        h2_consume(s, n); /* the node has ended: nobody wants the rest */
    else if (route_write(t->way, p, n) != 0)
        tunnel_fail(t, CODE_INTERNAL);
}

static void on_gateway_end(void *arg, struct h2_stream *s) {
    struct tunnel *t = arg;
    (void)s;
    if (t->way && route_end(t->way) != 0) tunnel_fail(t, CODE_INTERNAL);
}

static void on_sent_down(void *arg, struct h2_stream *s, size_t n) {
    struct tunnel *t = arg;
    (void)s;
    went(&t->down, n);
    if (t->way) route_consume(t->way, n);
}

static void on_gateway_close(void *arg, struct h2_stream *s, uint32_t code) {
    struct tunnel *t = arg;
    (void)s, (void)code;
    t->gateway = NULL;
    if (t->way) route_cancel(t->way);
    t->way = NULL;
    tunnel_free(t);
}

static const struct h2_stream_events gateway_stream_events = {
    .on_data = on_gateway_data, .on_end = on_gateway_end, .on_sent = on_sent_down, .on_close = on_gateway_close};

/* ---- begin ---- */

/* The node whose key the header names. */
static enum code find_node(const struct coord *c, const struct h2_request *r, struct dir_node **node) {
    const char *hex = h2_header_get(&r->headers, HEADER_KEY);
    uint8_t key[32];
    if (!hex || hex_decode(key, sizeof key, hex, strlen(hex)) != 0) return CODE_BAD_REQUEST;
    const struct dir_record *record = dir_by_key(&c->dir, key);
    if (!record || clock_unix_s() >= record->not_after) return CODE_REFUSED;
    *node = record->node;
    return (*node)->draining || (*node)->reason == REASON_DRAINING ? CODE_DRAINING : CODE_NONE;
}

static enum code open_way(struct tunnel *t, struct dir_node *node) {
    int r = route_open(node->route, ROUTE_BLIND, &way_events, t, &t->way);
    if (r != 0) t->way = NULL;
    return r == 0 ? CODE_NONE : r == ERR_NOMEM ? CODE_INTERNAL : CODE_BUSY;
}

static uint64_t worth_ms(const struct tunnel *t) {
    uint64_t last = t->up.worth_ms > t->down.worth_ms ? t->up.worth_ms : t->down.worth_ms;
    return last > t->begun_ms ? last : t->begun_ms;
}

/* The sessions that places are counted of: all of them, or those to one node. */
struct crowd {
    struct place place[128];
    struct tunnel *holder[128];
    uint32_t count;
};
static void crowd_of(struct crowd *k, const struct coord *c, const uint8_t *node /* NULL: all */) {
    k->count = 0;
    for (struct tunnel *t = c->tunnels; t && k->count < sizeof k->holder / sizeof *k->holder; t = t->next) {
        if (node && memcmp(t->node, node, 32) != 0) continue;
        k->holder[k->count] = t;
        k->place[k->count].moved_ms = worth_ms(t);
        memcpy(k->place[k->count++].addr, t->addr, ADDR_KEY_BYTES);
    }
}

static int ask_place(const struct coord *c, const struct places_rule *rule, const uint8_t *node, const uint8_t *addr,
                     uint64_t now_ms, struct tunnel **leaves) {
    struct crowd k;
    uint32_t victim = 0;
    crowd_of(&k, c, node);
    int r = places_ask(rule, k.place, k.count, addr, now_ms, &victim);
    *leaves = r == 1 ? k.holder[victim] : NULL;
    return r;
}

/* A place for addr at that node: a free one, or that of whoever has to give it up. Who leaves the node makes place in all, too. */
static enum code find_place(const struct coord *c, const uint8_t *node, const uint8_t *addr, uint64_t now_ms,
                            struct tunnel **leaves) {
    struct tunnel *elsewhere = NULL;
    int at_node = ask_place(c, &PLACES_AT_NODE, node, addr, now_ms, leaves);
    int in_all = ask_place(c, &PLACES_IN_ALL, NULL, addr, now_ms, &elsewhere);
    if (at_node == ERR_LIMIT || in_all == ERR_LIMIT) return CODE_RATE;
    if (at_node < 0 || (in_all < 0 && !*leaves)) return CODE_BUSY;
    if (!*leaves) *leaves = elsewhere;
    return CODE_NONE;
}

void tunnel_begin(struct peer *gateway, struct h2_stream *s, const struct h2_request *r) {
    struct coord *c = gateway->c;
    struct dir_node *node = NULL;
    struct tunnel *leaves = NULL;
    uint64_t now = clock_mono_ms();
    enum code code = c->draining ? CODE_DRAINING : find_node(c, r, &node);
    if (code == CODE_NONE) code = find_place(c, node->identity, gateway->addr, now, &leaves);
    if (code == CODE_NONE && limits_request_begin(c->limits, gateway->addr, now) != 0) code = CODE_RATE;
    if (code != CODE_NONE) {
        gateway_refuse(s, code);
        return;
    }
    struct tunnel *t = mem_zalloc(1, sizeof *t);
    if (!t) {
        limits_request_end(c->limits, gateway->addr, now);
        gateway_refuse(s, CODE_INTERNAL);
        return;
    }
    if (leaves) {
        log_event(LOG_INFO, "blind", "made_place", LOG_ID("node", leaves->node, 8), LOG_MS("idle", now - worth_ms(leaves)));
        tunnel_fail(leaves, CODE_BUSY);
    }
    *t = (struct tunnel){.c = c, .next = c->tunnels, .gateway = s, .begun_ms = now, .up.moved_ms = now, .down.moved_ms = now};
    memcpy(t->addr, gateway->addr, sizeof t->addr);
    memcpy(t->node, node->identity, sizeof t->node);
    if (t->next) t->next->prev = t;
    c->tunnels = t;
    c->tunnel_count++;
    h2_stream_set(s, &gateway_stream_events, t);
    log_event(LOG_INFO, "blind", "began", LOG_ID("node", t->node, 8));
    code = open_way(t, node);
    if (code != CODE_NONE) tunnel_fail(t, code);
}

/* ---- time ---- */

static int too_long(const struct tunnel *t, uint64_t now_ms) {
    uint64_t last = t->up.moved_ms > t->down.moved_ms ? t->up.moved_ms : t->down.moved_ms;
    if (!t->accepted && now_ms - t->begun_ms > BEGIN_MS) return 1;
    if (t->up.waiting && now_ms - t->up.moved_ms > STALL_MS) return 1;
    return (t->down.waiting && now_ms - t->down.moved_ms > STALL_MS) || now_ms - last > IDLE_MS;
}

void tunnel_tick(struct coord *c, uint64_t now_ms) {
    for (struct tunnel *t = c->tunnels, *next; t; t = next) {
        next = t->next; /* tunnel_fail frees t alone */
        if (too_long(t, now_ms)) tunnel_fail(t, CODE_DEADLINE);
    }
}

void tunnel_end_all(struct coord *c) {
    while (c->tunnels) tunnel_fail(c->tunnels, CODE_DRAINING);
}
