/* coordinator/coord.c - the coordinator as a whole: what it is made of, the connections it accepts, its tick, its end. */
#include "coordinator/coord.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/secret.h"
#include "net/httpd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    TICK_MS = 500,
    STORE_ROWS = 4096, /* rows under way; one is about 700 bytes */
    ADDRESSES_MAX = 16384,
    LAST_WORDS_MS = 1000, /* for GOAWAY and the last bytes to leave */
    STORE_STOP_MS = 5000
};

/* ---- connections ---- */
static void on_ready(void *arg, struct h2 *h, enum tls_proto proto) {
    struct peer *p = arg;
    p->proto = proto;
    p->ready = 1;
    if (proto == TLS_NODE) {
        h2_set(h, &node_events, p);
        node_link_start(p);
    } else {
        h2_set(h, &gateway_events, p);
    }
}

static void on_gone(void *arg, struct h2 *h, int err) {
    (void)h;
    log_event(LOG_DEBUG, "link", "no_handshake", LOG_CODE("reason", err_text(err)));
    peer_forget(arg);
}

static const struct h2_events fresh_events = {.on_ready = on_ready, .on_gone = on_gone};

void peer_forget(struct peer *p) {
    struct coord *c = p->c;
    if (p->prev)
        p->prev->next = p->next;
    else
        c->peers = p->next;
    if (p->next) p->next->prev = p->prev;
    limits_link_end(c->limits, p->addr, clock_mono_ms());
    free(p);
    if (c->draining && !c->peers) loop_stop(c->loop);
}

static void on_accept(void *arg, int fd, const struct addr *from) {
    struct coord *c = arg;
    const struct h2_opts opts[TLS_PROTOS] = {
        [TLS_NODE] = {.streams_max = 1024 + 4},
        [TLS_GATEWAY] = {.streams_max = c->o.requests_each + 8},
    };
    uint8_t addr[ADDR_KEY_BYTES];
    addr_key(from, addr);
    if (limits_link_begin(c->limits, addr, clock_mono_ms()) != 0) {
        log_event(LOG_WARN, "link", "too_many", LOG_CODE("reason", "connections of one address"));
        close(fd);
        return;
    }
    struct peer *p = mem_zalloc(1, sizeof *p);
    if (!p) {
        limits_link_end(c->limits, addr, clock_mono_ms());
        close(fd);
        return;
    }
    *p = (struct peer){.c = c, .next = c->peers, .since_ms = clock_mono_ms()};
    memcpy(p->addr, addr, sizeof addr);
    if (p->next) p->next->prev = p;
    c->peers = p;
    if (h2_accept(&p->h, c->loop, c->tls, fd, from, opts, &fresh_events, p) != 0) peer_forget(p);
}

/* ---- time ---- */
static void on_serve(void *arg) { relay_serve_queue(arg); }
static void on_due(void *arg) { relay_serve_queue(arg); }
void coord_serve_soon(struct coord *c) { loop_later(c->loop, &c->serve_later); }

static void close_gateways(struct coord *c, uint32_t limit_ms) {
    for (struct peer *p = c->peers; p; p = p->next)
        if (p->ready && p->proto == TLS_GATEWAY) h2_close(p->h, limit_ms);
}

static void drop_fresh(struct coord *c) {
    for (struct peer *p = c->peers, *next; p; p = next) {
        next = p->next;
        if (p->ready) continue;
        h2_drop(p->h);
        peer_forget(p);
    }
}

static void drain_tick(struct coord *c, uint64_t now_ms) {
    if (c->job_count && now_ms < c->drain_by_ms) return;
    for (struct peer *p = c->peers; p; p = p->next)
        if (p->ready && p->proto == TLS_NODE) node_link_bye(p);
    if (!c->peers || now_ms >= c->drain_by_ms + 2 * LAST_WORDS_MS) loop_stop(c->loop);
}

static void on_tick(void *arg) {
    struct coord *c = arg;
    uint64_t now = clock_mono_ms();
    for (struct peer *p = c->peers; p; p = p->next)
        if (p->ready && p->proto == TLS_NODE) node_link_tick(p, now); /* closes links, but frees none before the next turn */
    relay_tick(c, now);
    tunnel_tick(c, now);
    evidence_relay_tick(c, now);
    if (c->draining) drain_tick(c, now);
    timer_start_ms(c->tick, c->draining ? 20 : TICK_MS);
}

void coord_drain(struct coord *c) {
    if (c->draining) { /* asked twice: at once */
        loop_stop(c->loop);
        return;
    }
    log_event(LOG_INFO, "coordinator", "drains", LOG_COUNT("jobs", c->job_count));
    c->draining = 1;
    c->drain_by_ms = clock_mono_ms() + c->o.drain_ms;
    listener_pause(c->listener, 1);
    drop_fresh(c);
    relay_refuse_queued(c, CODE_DRAINING);
    for (struct peer *p = c->peers; p; p = p->next)
        if (p->ready && p->proto == TLS_NODE) node_link_drain(p);
    close_gateways(c, c->o.drain_ms); /* GOAWAY now; what runs goes on */
    timer_start_ms(c->tick, 1);
}

/* ---- birth ---- */
/* The key that countersigns: a seed of 32 bytes in the data folder, made at first start. */
static int load_key(struct coord *c, const char *path, struct why *why) {
    uint8_t fresh[SIGN_SEED_BYTES];
    struct buf b;
    c->secret = secret_alloc(SIGN_SECRET_BYTES);
    if (!c->secret) return ERR_NOMEM;
    int r = file_read_private(&b, path, SIGN_SEED_BYTES, why);
    if (r == ERR_NOTFOUND) {
        random_bytes(fresh, sizeof fresh);
        r = file_write(path, fresh, sizeof fresh, 0600, why);
        mem_wipe(fresh, sizeof fresh);
        if (r == 0) r = file_read(&b, path, SIGN_SEED_BYTES, why);
    }
    if (r != 0) return r;
    if (b.len == SIGN_SEED_BYTES)
        sign_keypair(c->public_key, c->secret, b.data);
    else
        r = why_set(why, ERR_FORMAT, "%s: not a key of %d bytes", path, SIGN_SEED_BYTES);
    buf_release(&b);
    return r;
}

static int load_tls(struct coord *c, const char *folder, struct why *why) {
    char key[600];
    snprintf(c->cert, sizeof c->cert, "%s", c->o.tls_cert ? c->o.tls_cert : "");
    snprintf(key, sizeof key, "%s", c->o.tls_key ? c->o.tls_key : "");
    if (!c->o.tls_cert) {
        snprintf(c->cert, sizeof c->cert, "%.560s/tls.crt", folder);
        snprintf(key, sizeof key, "%.560s/tls.key", folder);
        int r = tls_files_make(c->cert, key, c->o.names.item, c->o.names.count, why);
        if (r < 0) return r;
        c->cert_reissued = r == TLS_FILES_REISSUED;
    }
    int r = file_check(key, 077, why);
    if (r == 0) r = tls_pin_of_file(c->cert, c->pin, why);
    return r == 0 ? tls_server_new(&c->tls, c->cert, key, why) : r;
}

static int open_store(struct coord *c, const char *folder, struct why *why) {
    char path[600];
    struct store_backend b;
    snprintf(path, sizeof path, "%.560s/store.db", folder);
    int r = store_sqlite_open(&b, path, why);
    return r == 0 ? store_start(&c->store, &b, STORE_ROWS, c->o.keep_days, why) : r;
}

static int open_status(struct coord *c, struct why *why) {
    struct why inner = {{0}};
    int r = status_open(c, &inner);
    return r == 0 ? 0 : why_set(why, r, "--status: %.200s (\"--status off\" goes without the page)", why_text(&inner, r));
}

int coord_open(struct coord *c, struct loop *l, const struct config *o, const char *folder, struct why *why) {
    const struct limits_opts limits = {ADDRESSES_MAX, o->links_each, o->requests_each, o->rate_each, 5 * o->rate_each};
    char key[600];
    *c = (struct coord){.o = *o, .loop = l, .started_ms = clock_unix_ms()};
    c->serve_later = (struct later){.fn = on_serve, .arg = c};
    snprintf(key, sizeof key, "%.560s/coordinator.key", folder);
    int r = admit_operators_load(&c->operators, o->admit, why);
    if (r == 0) r = admit_clients_load(&c->clients, o->client_keys, why);
    if (r == 0) r = load_key(c, key, why);
    if (r == 0) r = load_tls(c, folder, why);
    if (r == 0) r = dir_init(&c->dir, o->nodes_max, o->nodes_each);
    if (r == 0) r = queue_init(&c->queue, o->queue_max, o->queue_each, o->queue_ms);
    if (r == 0) r = limits_new(&c->limits, &limits);
    if (r == 0) r = open_store(c, folder, why);
    if (r == 0) r = timer_new(&c->tick, l, on_tick, c);
    if (r == 0) r = timer_new(&c->due, l, on_due, c);
    if (r == 0 && strcmp(o->status, "off") != 0) r = open_status(c, why);
    if (r == 0) r = listener_open(&c->listener, l, o->listen, on_accept, c, why);
    if (r == 0) timer_start_ms(c->tick, TICK_MS);
    return r;
}

uint32_t coord_close(struct coord *c) {
    listener_close(c->listener);
    httpd_close(c->status);
    c->draining = 0; /* the last peer need not stop a loop that no longer runs */
    while (c->peers) {
        struct peer *p = c->peers;
        h2_drop(p->h);
        if (p->ready && p->proto == TLS_NODE) node_link_gone(p);
        peer_forget(p);
    }
    if (c->store) relay_end_all(c);
    tunnel_end_all(c);
    evidence_relay_end_all(c);
    timer_free(c->tick);
    timer_free(c->due);
    uint32_t lost = store_stop(c->store, STORE_STOP_MS);
    limits_free(c->limits);
    queue_release(&c->queue);
    dir_release(&c->dir);
    tls_free(c->tls);
    secret_free(c->secret);
    admit_release(&c->operators);
    admit_release(&c->clients);
    return lost;
}
