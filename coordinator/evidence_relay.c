/* coordinator/evidence_relay.c - a gateway asks a node what it can show of itself: 32 bytes of the gateway's nonce up (or nothing, for what
 * was made ahead), an envelope down; or a credential for the node's TPM up, the secret that only this TPM finds in it down.
 *
 * The coordinator passes both on unread, and what it learns helps nobody: a nonce, and a secret that shows nothing but that the TPM has
 * found it. What goes up is whole before the node is asked; of what comes down no more is held than one window, as it opens only by what
 * the gateway has taken. Few at once: either keeps a node's chip busy. */
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "coordinator/coord.h"
#include "seal/http_names.h"

#include <stdlib.h>
#include <string.h>

enum {
    ASKS_MAX = 128,
    ASKS_EACH = 16, /* of one address */
    ASKS_NODE = 2,  /* of one node: jobs need its streams */
    LIMIT_MS = 10000
};

/* What goes up and comes down. */
struct terms {
    enum route_kind route;
    int or_nothing; /* up */
    size_t up_min, up_max, down_max;
    const char *type;
};
static const struct terms for_evidence = {ROUTE_EVIDENCE,       1, EVIDENCE_NONCE_BYTES, EVIDENCE_NONCE_BYTES, EVIDENCE_BYTES_MAX,
                                          EVIDENCE_CONTENT_TYPE},
                          for_activation = {ROUTE_ACTIVATE,      0,
                                            ACTIVATE_BYTES_MIN,  ACTIVATE_BYTES_MAX,
                                            ACTIVATE_SECRET_MAX, "application/octet-stream"};

struct evidence_ask {
    struct coord *c;
    const struct terms *terms;
    struct evidence_ask *prev, *next;
    struct h2_stream *gateway; /* NULL: gone */
    struct route_job *way;     /* NULL: not open, or over */
    uint8_t addr[ADDR_KEY_BYTES], node[32], up[ACTIVATE_BYTES_MAX];
    size_t got, down;
    uint64_t begun_ms;
    int accepted;
};

/* ---- the end ---- */

/* Both sides must be gone, or be told by the caller. */
static void ask_free(struct evidence_ask *a) {
    struct coord *c = a->c;
    log_event(LOG_INFO, "evidence", "ended", LOG_ID("node", a->node, 8), LOG_COUNT("bytes", a->down),
              LOG_MS("took", clock_mono_ms() - a->begun_ms));
    if (a->prev)
        a->prev->next = a->next;
    else
        c->evidence = a->next;
    if (a->next) a->next->prev = a->prev;
    c->evidence_count--;
    free(a);
}

static void ask_fail(struct evidence_ask *a, enum code code) {
    if (a->way) route_cancel(a->way);
    if (a->gateway && a->accepted)
        h2_reset(a->gateway, H2_INTERNAL);
    else if (a->gateway)
        gateway_refuse(a->gateway, code);
    ask_free(a);
}

/* ---- the node's side ---- */

static void on_accepted(void *arg) {
    struct evidence_ask *a = arg;
    struct h2_header type = {"content-type", a->terms->type};
    a->accepted = 1;
    if (h2_respond(a->gateway, 200, &(struct h2_headers){&type, 1}) != 0) ask_fail(a, CODE_INTERNAL);
}

static void on_refused(void *arg, enum code code) {
    struct evidence_ask *a = arg;
    a->way = NULL;
    ask_fail(a, code);
}

static void on_node_data(void *arg, const uint8_t *p, size_t n) {
    struct evidence_ask *a = arg;
    a->down += n;
    if (a->down > a->terms->down_max || h2_write(a->gateway, p, n) != 0) ask_fail(a, CODE_TOO_LARGE);
}

static void on_usage(void *arg, const char *hex) { (void)arg, (void)hex; }
static void on_sent_up(void *arg, size_t n) { (void)arg, (void)n; }

/* The gateway hears the end behind what is on its way; its close ends the ask. */
static void on_node_end(void *arg) {
    struct evidence_ask *a = arg;
    a->way = NULL;
    if (h2_end(a->gateway, NULL) != 0) ask_fail(a, CODE_INTERNAL);
}

static void on_node_lost(void *arg) {
    struct evidence_ask *a = arg;
    a->way = NULL;
    ask_fail(a, CODE_BUSY);
}

static const struct route_events way_events = {on_accepted, on_refused,  on_node_data, on_usage,
                                               on_sent_up,  on_node_end, on_node_lost};

/* ---- the gateway's side ---- */

static void on_gateway_data(void *arg, struct h2_stream *s, const uint8_t *p, size_t n) {
    struct evidence_ask *a = arg;
    h2_consume(s, n);
    if (n > a->terms->up_max - a->got) {
        ask_fail(a, CODE_BAD_REQUEST);
        return;
    }
    memcpy(a->up + a->got, p, n);
    a->got += n;
}

/* The node may have left since: it is looked up when there is something to ask it. */
static enum code ask_node(struct evidence_ask *a) {
    struct dir_node *node = dir_by_identity(&a->c->dir, a->node);
    if (!node) return CODE_NO_MODEL;
    if (route_open(node->route, a->terms->route, &way_events, a, &a->way) != 0) {
        a->way = NULL;
        return CODE_BUSY;
    }
    if (a->got && route_write(a->way, a->up, a->got) != 0) return CODE_INTERNAL;
    return route_end(a->way) == 0 ? CODE_NONE : CODE_INTERNAL;
}

static void on_gateway_end(void *arg, struct h2_stream *s) {
    struct evidence_ask *a = arg;
    (void)s;
    int enough = a->got >= a->terms->up_min || (a->got == 0 && a->terms->or_nothing);
    enum code code = enough ? ask_node(a) : CODE_BAD_REQUEST;
    if (code != CODE_NONE) ask_fail(a, code);
}

static void on_sent_down(void *arg, struct h2_stream *s, size_t n) {
    struct evidence_ask *a = arg;
    (void)s;
    if (a->way) route_consume(a->way, n);
}

static void on_gateway_close(void *arg, struct h2_stream *s, uint32_t code) {
    struct evidence_ask *a = arg;
    (void)s, (void)code;
    if (a->way) route_cancel(a->way);
    ask_free(a);
}

static const struct h2_stream_events gateway_stream_events = {
    .on_data = on_gateway_data, .on_end = on_gateway_end, .on_sent = on_sent_down, .on_close = on_gateway_close};

/* ---- begin ---- */

/* The identity in the path's query, which is node= and nothing else. */
static enum code find_node(const struct coord *c, const char *path, uint8_t identity[32]) {
    const char *query = strchr(path, '?');
    if (!query || strncmp(query + 1, "node=", 5) != 0) return CODE_BAD_REQUEST;
    query += 6;
    if (hex_decode(identity, 32, query, strlen(query)) != 0) return CODE_BAD_REQUEST;
    return dir_by_identity(&c->dir, identity) ? CODE_NONE : CODE_NO_MODEL;
}

static enum code too_many(const struct coord *c, const uint8_t addr[ADDR_KEY_BYTES], const uint8_t identity[32]) {
    uint32_t each = 0, node = 0;
    for (const struct evidence_ask *a = c->evidence; a; a = a->next) {
        each += memcmp(a->addr, addr, ADDR_KEY_BYTES) == 0;
        node += memcmp(a->node, identity, 32) == 0;
    }
    return each >= ASKS_EACH ? CODE_RATE : node >= ASKS_NODE || c->evidence_count >= ASKS_MAX ? CODE_BUSY : CODE_NONE;
}

void evidence_relay_begin(struct peer *gateway, struct h2_stream *s, const struct h2_request *r, int activation) {
    struct coord *c = gateway->c;
    uint8_t identity[32];
    uint64_t now = clock_mono_ms();
    enum code code = c->draining ? CODE_DRAINING : find_node(c, r->path, identity);
    if (code == CODE_NONE) code = too_many(c, gateway->addr, identity);
    if (code == CODE_NONE && limits_ask(c->limits, gateway->addr, now) != 0) code = CODE_RATE;
    struct evidence_ask *a = code == CODE_NONE ? mem_zalloc(1, sizeof *a) : NULL;
    if (!a) {
        gateway_refuse(s, code == CODE_NONE ? CODE_INTERNAL : code);
        return;
    }
    *a = (struct evidence_ask){
        .c = c, .terms = activation ? &for_activation : &for_evidence, .next = c->evidence, .gateway = s, .begun_ms = now};
    memcpy(a->addr, gateway->addr, sizeof a->addr);
    memcpy(a->node, identity, sizeof a->node);
    if (a->next) a->next->prev = a;
    c->evidence = a;
    c->evidence_count++;
    h2_stream_set(s, &gateway_stream_events, a);
}

/* ---- time ---- */

void evidence_relay_tick(struct coord *c, uint64_t now_ms) {
    for (struct evidence_ask *a = c->evidence, *next; a; a = next) {
        next = a->next; /* ask_fail frees a alone */
        if (now_ms - a->begun_ms > LIMIT_MS) ask_fail(a, CODE_DEADLINE);
    }
}

void evidence_relay_end_all(struct coord *c) {
    while (c->evidence) ask_fail(c->evidence, CODE_DRAINING);
}
