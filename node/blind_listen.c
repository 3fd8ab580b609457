/* node/blind_listen.c - see blind_listen.h. */
#include "node/blind_listen.h"
#include "base/log.h"
#include "net/listen.h"
#include "node/blind_visit.h"
#include "node/node_parts.h"
#include "seal/http_names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    EMPTY_MS = 15000, /* a connection without a session */
    EACH_MIN = 4      /* connections, and sessions, that one address may have on the smallest of nodes */
};

struct direct { /* one connection */
    struct blind_listen *l;
    struct direct *prev, *next;
    struct h2 *h;
    struct timer *empty;
    uint8_t addr[ADDR_KEY_BYTES];
};
struct blind_listen {
    struct node *n;
    struct tls *tls;
    struct listener *listener;
    struct direct *list;
    uint32_t count;
};

static void forget(struct direct *d) {
    if (d->prev)
        d->prev->next = d->next;
    else
        d->l->list = d->next;
    if (d->next) d->next->prev = d->prev;
    d->l->count--;
    timer_free(d->empty);
    free(d);
}

/* Looks again and again: sessions come and go on a connection, and none of them tells it. */
static void on_empty(void *arg) {
    struct direct *d = arg;
    if (h2_stream_count(d->h)) {
        timer_start_ms(d->empty, EMPTY_MS);
        return;
    }
    h2_drop(d->h);
    forget(d);
}

static void on_ready(void *arg, struct h2 *h, enum tls_proto proto) {
    struct direct *d = arg;
    if (proto == TLS_GATEWAY) return;
    h2_drop(h); /* a node that has mistaken us for its coordinator */
    forget(d);
}

/* Streams of one address over all its connections. */
static uint32_t streams_of(const struct blind_listen *l, const uint8_t addr[ADDR_KEY_BYTES]) {
    uint32_t count = 0;
    for (const struct direct *d = l->list; d; d = d->next)
        if (d->h && memcmp(d->addr, addr, ADDR_KEY_BYTES) == 0) count += h2_stream_count(d->h);
    return count;
}

/* No address gets more than a quarter of the seats, this one included. */
static int may_have(const struct blind_listen *l, const uint8_t addr[ADDR_KEY_BYTES]) {
    uint32_t each = l->n->o.blind_sessions / 4;
    return streams_of(l, addr) <= (each > EACH_MIN ? each : EACH_MIN);
}

static void on_request(void *arg, struct h2 *h, struct h2_stream *s, const struct h2_request *r) {
    static const struct h2_stream_events none = {0};
    struct direct *d = arg;
    (void)h;
    if (strcmp(r->method, "POST") == 0 && strcmp(r->path, PATH_BLIND) == 0 && !may_have(d->l, d->addr)) {
        struct h2_header why = {HEADER_CODE, code_name(CODE_RATE)};
        h2_stream_set(s, &none, NULL);
        if (h2_respond(s, (int)code_http_status(CODE_RATE), &(struct h2_headers){&why, 1}) == 0) (void)h2_end(s, NULL);
        return;
    }
    if (strcmp(r->method, "POST") == 0 && strcmp(r->path, PATH_BLIND) == 0) {
        blind_way_begin(d->l->n, s);
        return;
    }
    h2_stream_set(s, &none, NULL);
    if (h2_respond(s, 404, NULL) == 0) (void)h2_end(s, NULL);
}

static void on_gone(void *arg, struct h2 *h, int err) {
    (void)h, (void)err;
    forget(arg);
}

static const struct h2_events events = {.on_ready = on_ready, .on_request = on_request, .on_gone = on_gone};

static uint32_t connections_of(const struct blind_listen *l, const uint8_t addr[ADDR_KEY_BYTES]) {
    uint32_t count = 0;
    for (const struct direct *d = l->list; d; d = d->next) count += memcmp(d->addr, addr, ADDR_KEY_BYTES) == 0;
    return count;
}

/* No address takes more than a quarter of them, or it could keep all others out. */
static int has_room(const struct blind_listen *l, const uint8_t addr[ADDR_KEY_BYTES]) {
    uint32_t all = 2 * l->n->o.blind_sessions, each = all / 4 > EACH_MIN ? all / 4 : EACH_MIN;
    return l->count < all && connections_of(l, addr) < each;
}

static void on_accept(void *arg, int fd, const struct addr *peer) {
    struct blind_listen *l = arg;
    const struct h2_opts o = {.streams_max = 4}; /* one session is usual */
    const struct h2_opts opts[TLS_PROTOS] = {[TLS_NODE] = o, [TLS_GATEWAY] = o};
    uint8_t addr[ADDR_KEY_BYTES];
    addr_key(peer, addr);
    struct direct *d = has_room(l, addr) ? mem_zalloc(1, sizeof *d) : NULL;
    if (!d || timer_new(&d->empty, l->n->loop, on_empty, d) != 0) {
        log_event(LOG_WARN, "blind", "too_many_connections", LOG_COUNT("now", l->count));
        free(d);
        close(fd);
        return;
    }
    d->l = l;
    memcpy(d->addr, addr, sizeof d->addr);
    d->next = l->list;
    if (d->next) d->next->prev = d;
    l->list = d;
    l->count++;
    timer_start_ms(d->empty, EMPTY_MS);
    if (h2_accept(&d->h, l->n->loop, l->tls, fd, peer, opts, &events, d) != 0) forget(d);
}

/* tls.crt and tls.key in the data folder, and what clients know them by. */
static int load_tls(struct blind_listen *l, uint8_t pin[32], struct why *why) {
    char cert[600], key[600], text[TLS_PIN_BYTES];
    int r = data_dir_file(&l->n->dir, "tls.crt", cert, sizeof cert);
    if (r == 0) r = data_dir_file(&l->n->dir, "tls.key", key, sizeof key);
    if (r == 0) r = tls_files_make(cert, key, NULL, 0, why);
    if (r >= 0) r = tls_pin_of_file(cert, text, why);
    if (r == 0) r = hex_decode(pin, 32, text + strlen("sha256:"), 64);
    return r == 0 ? tls_server_new(&l->tls, cert, key, why) : r;
}

static int announce(const struct blind_listen *l, char at[WORKER_AT_BYTES], struct why *why) {
    char own[ADDR_TEXT_BYTES], host[ADDR_HOST_BYTES];
    uint16_t port;
    listener_addr(l->listener, own);
    const char *text = l->n->o.blind_announce ? l->n->o.blind_announce : own;
    if (addr_split(text, 0, host, &port) != 0 || strlen(text) >= WORKER_AT_BYTES || !wire_id_ok(text, WORKER_AT_BYTES))
        return why_set(why, ERR_USAGE, "--blind-announce: \"%.80s\" is no HOST:PORT of at most %d characters", text,
                       WORKER_AT_BYTES - 1);
    memcpy(at, text, strlen(text) + 1);
    log_event(LOG_INFO, "blind", "listens", LOG_NAME("at", own));
    return 0;
}

int blind_listen_open(struct blind_listen **out, struct node *n, char at[WORKER_AT_BYTES], uint8_t pin[32], struct why *why) {
    struct why inner = {{0}};
    struct blind_listen *l = mem_zalloc(1, sizeof *l);
    *out = NULL;
    if (!l) return ERR_NOMEM;
    l->n = n;
    int r = load_tls(l, pin, why);
    if (r == 0 && (r = listener_open(&l->listener, n->loop, n->o.blind_listen, on_accept, l, &inner)) != 0)
        r = why_set(why, r, "--blind-listen: %.250s", why_text(&inner, r));
    if (r == 0) r = announce(l, at, why);
    if (r == 0)
        *out = l;
    else
        blind_listen_close(l);
    return r;
}

void blind_listen_pause(struct blind_listen *l) {
    if (l) listener_pause(l->listener, 1);
}

void blind_listen_close(struct blind_listen *l) {
    if (!l) return;
    listener_close(l->listener);
    while (l->list) {
        h2_drop(l->list->h);
        forget(l->list);
    }
    tls_free(l->tls);
    free(l);
}
