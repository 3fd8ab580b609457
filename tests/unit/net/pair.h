/* tests/unit/net/pair.h - two ends of a link on loopback, in one loop: what the link tests stand on. */
#ifndef TESTS_NET_PAIR_H
#define TESTS_NET_PAIR_H

#include "base/clock.h"
#include "net/h2.h"
#include "net/listen.h"
#include "tests/check.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct end { /* one side */
    struct h2 *h;
    int ready, gone, gone_err, goaway;
    const char *gone_text;
    char gone_names[128];
    enum tls_proto proto;
    void (*serve)(struct end *e, struct h2_stream *s, const struct h2_request *r);
    void *arg;
};

struct pair {
    char dir[64], cert[96], key[96], where[ADDR_TEXT_BYTES];
    struct loop *loop;
    struct tls *server_tls, *client_tls;
    struct listener *listener;
    struct h2_opts server_opts[TLS_PROTOS], client_opts;
    struct end dialled, accepted;
    struct timer *guard;
    int timed_out;
    int (*until)(void *arg); /* pair_run_until's */
    void *until_arg;
    struct timer *poll;
};

static inline void end_ready(void *arg, struct h2 *h, enum tls_proto proto) {
    struct end *e = arg;
    e->h = h;
    e->ready = 1;
    e->proto = proto;
}
static inline void end_request(void *arg, struct h2 *h, struct h2_stream *s, const struct h2_request *r) {
    struct end *e = arg;
    (void)h;
    if (e->serve) e->serve(e, s, r);
}
static inline void end_goaway(void *arg, struct h2 *h) {
    (void)h;
    ((struct end *)arg)->goaway = 1;
}
static inline void end_gone(void *arg, struct h2 *h, int err) {
    struct end *e = arg;
    e->gone = 1;
    e->gone_err = err;
    e->gone_text = h2_gone_text(h, err);
    snprintf(e->gone_names, sizeof e->gone_names, "%s", h2_gone_names(h));
    e->h = NULL;
}
static const struct h2_events end_events = {end_ready, end_request, end_goaway, NULL, end_gone};

static inline void pair_accept(void *arg, int fd, const struct addr *peer) {
    struct pair *p = arg;
    CHECK_INT(h2_accept(&p->accepted.h, p->loop, p->server_tls, fd, peer, p->server_opts, &end_events, &p->accepted), 0);
}
static inline void pair_late(void *arg) {
    struct pair *p = arg;
    p->timed_out = 1;
    loop_stop(p->loop);
}
static inline void pair_poll(void *arg) {
    struct pair *p = arg;
    if (p->until(p->until_arg)) {
        loop_stop(p->loop);
        return;
    }
    timer_start_us(p->poll, 200);
}

static inline void pair_init(struct pair *p) {
    memset(p, 0, sizeof *p);
    snprintf(p->dir, sizeof p->dir, "/tmp/lull-net-XXXXXX");
    CHECK(mkdtemp(p->dir) != NULL);
    snprintf(p->cert, sizeof p->cert, "%s/tls.crt", p->dir);
    snprintf(p->key, sizeof p->key, "%s/tls.key", p->dir);
    struct why why = {""};
    CHECK_INT(tls_files_make(p->cert, p->key, NULL, 0, &why), 0);
    CHECK_INT(loop_new(&p->loop), 0);
    CHECK_INT(tls_server_new(&p->server_tls, p->cert, p->key, &why), 0);
    CHECK_INT(listener_open(&p->listener, p->loop, "127.0.0.1:0", pair_accept, p, &why), 0);
    listener_addr(p->listener, p->where);
    CHECK_INT(timer_new(&p->guard, p->loop, pair_late, p), 0);
    CHECK_INT(timer_new(&p->poll, p->loop, pair_poll, p), 0);
}

static inline void pair_dial(struct pair *p, enum tls_proto proto) {
    struct tls_client_opts o = {.proto = proto, .ca_file = p->cert};
    struct why why = {""};
    CHECK_INT(tls_client_new(&p->client_tls, &o, &why), 0);
    CHECK_INT(h2_dial(&p->dialled.h, p->loop, p->client_tls, p->where, &p->client_opts, &end_events, &p->dialled), 0);
}

/* Runs the loop until the condition holds; fails the test after ms. */
static inline void pair_run_until(struct pair *p, int (*until)(void *arg), void *arg, uint64_t ms) {
    p->until = until;
    p->until_arg = arg;
    timer_start_ms(p->guard, ms);
    timer_start_us(p->poll, 1);
    CHECK_INT(loop_run(p->loop), 0);
    timer_stop(p->guard);
    timer_stop(p->poll);
    CHECK(!p->timed_out);
}

static inline int pair_never(void *arg) { return (void)arg, 0; }
/* Runs the loop for ms, whatever happens. */
static inline void pair_run_for(struct pair *p, uint64_t ms) {
    p->until = pair_never;
    timer_start_ms(p->guard, ms);
    CHECK_INT(loop_run(p->loop), 0);
    p->timed_out = 0;
}

static inline int pair_both_ready(void *arg) {
    struct pair *p = arg;
    return p->dialled.ready && p->accepted.ready;
}
static inline int pair_both_gone(void *arg) {
    struct pair *p = arg;
    return p->dialled.gone && p->accepted.gone;
}
static inline void pair_up(struct pair *p, enum tls_proto proto) {
    pair_init(p);
    pair_dial(p, proto);
    pair_run_until(p, pair_both_ready, p, 5000);
}

static inline void pair_release(struct pair *p) {
    if (p->dialled.h) h2_drop(p->dialled.h);
    if (p->accepted.h) h2_drop(p->accepted.h);
    timer_free(p->guard);
    timer_free(p->poll);
    listener_close(p->listener);
    loop_free(p->loop);
    tls_free(p->client_tls);
    tls_free(p->server_tls);
    unlink(p->cert);
    unlink(p->key);
    rmdir(p->dir);
}

#endif
