/* tests/unit/gateway/hostile_net.h - the real gateway on loopback, facing a coordinator and a node that do as a test's script
 * says: TLS, HTTP/2 and seals are real, only what is said in them is made up. All in one loop; the app is a plain socket. */
#ifndef TESTS_GATEWAY_HOSTILE_NET_H
#define TESTS_GATEWAY_HOSTILE_NET_H

#include "tests/check.h"
#include "tests/unit/seal/seal_fixture.h"

#include "base/clock.h"
#include "base/log.h"
#include "gateway/gw_models.h"
#include "gateway/gw_request.h"
#include "net/h2.h"
#include "net/listen.h"
#include "seal/codes.h"
#include "seal/http_names.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <errno.h>
#include <unistd.h>

enum { NET_NODES = 4, NET_JOBS = 256 };
enum dir_mode { DIR_AS_LISTED, DIR_TOO_LONG, DIR_ENDLESS };

struct net;
struct net_job { /* one envelope that the gateway sent */
    struct net *n;
    struct h2_stream *s; /* NULL: closed */
    struct buf env;
};
struct net {
    struct loop *loop;
    struct gateway g;
    struct listener *listener;
    struct tls *tls;
    struct h2 *peer; /* the gateway's link, as the coordinator sees it */
    struct h2_stream *dir;
    char folder[64], where[ADDR_TEXT_BYTES], cert[96], key[96], pin[TLS_PIN_BYTES];
    struct timer *guard, *poll;
    int (*until)(void *arg);
    void *until_arg;
    int late;
    struct fix_node node[NET_NODES];
    const char *bearer; /* the key that the gateway shows, or NULL */
    size_t listed; /* the first so many nodes are in the directory */
    enum dir_mode dir_mode;
    uint64_t dir_sent, dirs_closed, dirs_cancelled, dirs_taken;
    uint8_t secret[64], public_key[32]; /* the coordinator's */
    void (*play)(struct net_job *j);    /* a whole envelope came */
    /* A node's evidence is asked for, or its TPM challenged; NULL: nobody may. */
    void (*evidence)(struct net *n, struct h2_stream *s, const char *identity);
    void (*activate)(struct net *n, struct h2_stream *s, const char *identity);
    struct net_job jobs[NET_JOBS];
    size_t job_count;
};

/* ---- the loop, run until something holds ---- */
FIX void net_late(void *arg) {
    struct net *n = arg;
    n->late = 1;
    loop_stop(n->loop);
}
FIX void net_poll(void *arg) {
    struct net *n = arg;
    if (n->until(n->until_arg))
        loop_stop(n->loop);
    else
        timer_start_us(n->poll, 500);
}
FIX void net_until(struct net *n, int (*until)(void *arg), void *arg, uint64_t ms) {
    n->until = until;
    n->until_arg = arg;
    timer_start_ms(n->guard, ms);
    timer_start_us(n->poll, 1);
    CHECK_INT(loop_run(n->loop), 0);
    timer_stop(n->guard);
    timer_stop(n->poll);
    CHECK(!n->late);
}

/* ---- the coordinator: directory ---- */
FIX size_t net_list(const struct net *n, uint8_t *out, size_t cap) {
    struct writer w = writer_over(out, cap);
    struct dirlist_head head = {.time_ms = clock_unix_s() * 1000, .count = (uint16_t)n->listed};
    memcpy(head.coordinator_key, n->public_key, 32);
    dirlist_write_head(&w, &head);
    for (size_t i = 0; i < n->listed; i++) {
        uint8_t bytes[RECORD_BYTES_MAX];
        struct writer rw = writer_over(bytes, sizeof bytes);
        record_write(&rw, &n->node[i].record);
        struct dirlist_entry e = {.record = bytes, .record_n = rw.len, .slots = 4, .slots_free = 4};
        CHECK_INT(rw.err, 0);
        dirlist_write_entry(&w, &e);
    }
    CHECK_INT(w.err, 0);
    return w.len;
}
/* Zeros behind the list, up to one byte more than any directory may have, or for ever. */
FIX void net_dir_more(struct net *n) {
    static const uint8_t zeros[4096];
    uint64_t all = n->dir_mode == DIR_ENDLESS ? UINT64_MAX : (uint64_t)DIRLIST_BYTES_MAX + 1;
    while (n->dir && n->dir_sent < all) {
        size_t part = all - n->dir_sent < sizeof zeros ? (size_t)(all - n->dir_sent) : sizeof zeros;
        if (h2_write(n->dir, zeros, part) != 0) return;
        n->dir_sent += part;
    }
    if (n->dir) (void)h2_end(n->dir, NULL);
}
FIX void net_dir_writable(void *arg, struct h2_stream *s) {
    (void)s;
    net_dir_more(arg);
}
FIX void net_dir_close(void *arg, struct h2_stream *s, uint32_t code) {
    struct net *n = arg;
    if (n->dir == s) n->dir = NULL;
    n->dirs_closed++;
    if (code == H2_CANCEL) n->dirs_cancelled++;
}
static const struct h2_stream_events net_dir_events = {.on_writable = net_dir_writable, .on_close = net_dir_close};
FIX void net_tell_dir(struct net *n, struct h2_stream *s) {
    static uint8_t bytes[64 * 1024];
    size_t len = net_list(n, bytes, sizeof bytes);
    h2_stream_set(s, &net_dir_events, n);
    CHECK_INT(h2_respond(s, 200, NULL), 0);
    CHECK_INT(h2_write(s, bytes, len), 0);
    if (n->dir_mode == DIR_AS_LISTED) {
        (void)h2_end(s, NULL);
        return;
    }
    n->dir = s;
    n->dir_sent = len;
    net_dir_more(n);
}

/* ---- the coordinator: requests ---- */
FIX void net_job_data(void *arg, struct h2_stream *s, const uint8_t *p, size_t bytes) {
    h2_consume(s, bytes);
    CHECK_INT(buf_add(&((struct net_job *)arg)->env, p, bytes), 0);
}
FIX void net_job_whole(void *arg, struct h2_stream *s) {
    struct net_job *j = arg;
    CHECK_INT(h2_respond(s, 200, NULL), 0);
    j->n->play(j);
}
FIX void net_job_close(void *arg, struct h2_stream *s, uint32_t code) {
    (void)s, (void)code;
    ((struct net_job *)arg)->s = NULL;
}
static const struct h2_stream_events net_job_events = {
    .on_data = net_job_data, .on_end = net_job_whole, .on_close = net_job_close};
FIX void net_request(void *arg, struct h2 *h, struct h2_stream *s, const struct h2_request *r) {
    struct net *n = arg;
    const char *shown = h2_header_get(&r->headers, "authorization");
    (void)h;
    CHECK(n->bearer ? shown && strcmp(shown, n->bearer) == 0 : !shown);
    if (strcmp(r->path, PATH_DIRECTORY) == 0) {
        net_tell_dir(n, s);
        return;
    }
    if (n->evidence && strncmp(r->path, PATH_EVIDENCE "?node=", sizeof PATH_EVIDENCE + 5) == 0) {
        n->evidence(n, s, r->path + sizeof PATH_EVIDENCE + 5);
        return;
    }
    if (n->activate && strncmp(r->path, PATH_ACTIVATE "?node=", sizeof PATH_ACTIVATE + 5) == 0) {
        n->activate(n, s, r->path + sizeof PATH_ACTIVATE + 5);
        return;
    }
    CHECK_STR(r->path, PATH_REQUESTS);
    CHECK(n->job_count < NET_JOBS);
    struct net_job *j = &n->jobs[n->job_count++];
    *j = (struct net_job){.n = n, .s = s};
    buf_init(&j->env, ENVELOPE_BYTES_MAX);
    h2_stream_set(s, &net_job_events, j);
}
FIX void net_ready(void *arg, struct h2 *h, enum tls_proto proto) { (void)arg, (void)h, CHECK_INT(proto, TLS_GATEWAY); }
FIX void net_gone(void *arg, struct h2 *h, int err) {
    (void)h, (void)err;
    ((struct net *)arg)->peer = NULL;
}
static const struct h2_events net_events = {.on_ready = net_ready, .on_request = net_request, .on_gone = net_gone};
FIX void net_accept(void *arg, int fd, const struct addr *peer) {
    struct net *n = arg;
    const struct h2_opts o[TLS_PROTOS] = {{0}, {0}};
    CHECK(n->peer == NULL);
    CHECK_INT(h2_accept(&n->peer, n->loop, n->tls, fd, peer, o, &net_events, n), 0);
}

/* ---- the gateway ---- */
FIX void net_directory(void *arg, const uint8_t *body, size_t len) {
    struct net *n = arg;
    n->dirs_taken++;
    if (gw_dir_take(&n->g.dir, body, len, clock_unix_s()) != 0) return;
    if (!n->g.link_up_ms) n->g.link_up_ms = clock_mono_ms();
    gw_requests_wake(&n->g);
}
FIX void net_down(void *arg, int err) {
    (void)err;
    gw_dir_stale(&((struct net *)arg)->g.dir);
}
FIX void net_gateway_open(struct net *n) {
    struct why why = {{0}};
    struct gateway *g = &n->g;
    struct gw_link_opts k = {.where = n->where, .pin = n->pin, .bearer = n->bearer, .on_directory = net_directory, .on_down = net_down, .arg = n};
    struct httpd_opts h = {.listen = "127.0.0.1:0", .on_request = gw_on_request, .on_problem = gw_on_problem, .arg = g};
    g->o = (struct gw_opts){.coordinator = n->where, .candidates = 3, .max_queue = 16};
    g->loop = n->loop;
    CHECK_INT(pins_open(&g->pins, NULL, &why), 0);
    CHECK_INT(gw_dir_init(&g->dir), 0);
    gw_receipts_init(&g->receipts, NULL);
    CHECK_INT(gw_link_open(&g->link, n->loop, &k, &why), 0);
    CHECK_INT(httpd_open(&g->http, n->loop, &h, &why), 0);
}

/* Signs the node's record anew, valid around now. */
FIX void net_sign(struct fix_node *x) {
    struct record *r = &x->record;
    uint64_t now = clock_unix_s();
    r->keys.not_before = now - 20;
    r->keys.not_after = now + 3600;
    operator_sign(&r->operator, r->keys.identity, now + 86400, x->operator_secret);
    CHECK_INT(record_sign(r, x->identity_secret), 0);
    keystmt_id(x->key.key_id, &r->keys);
}
FIX int net_has_list(void *arg) { return ((struct net *)arg)->g.dir.fresh; }

/* Coordinator and nodes; the gateway comes with net_start. */
FIX void net_init(struct net *n, size_t listed) {
    struct why why = {{0}};
    uint8_t seed[32];
    memset(n, 0, sizeof *n);
    memset(seed, 0x99, sizeof seed);
    sign_keypair(n->public_key, n->secret, seed);
    snprintf(n->folder, sizeof n->folder, "/tmp/lull-hostile-XXXXXX");
    CHECK(mkdtemp(n->folder) != NULL);
    snprintf(n->cert, sizeof n->cert, "%s/tls.crt", n->folder);
    snprintf(n->key, sizeof n->key, "%s/tls.key", n->folder);
    CHECK_INT(log_setup("error", NULL), 0);
    CHECK_INT(loop_new(&n->loop), 0);
    CHECK_INT(timer_new(&n->guard, n->loop, net_late, n), 0);
    CHECK_INT(timer_new(&n->poll, n->loop, net_poll, n), 0);
    CHECK_INT(tls_files_make(n->cert, n->key, NULL, 0, &why), 0);
    CHECK_INT(tls_pin_of_file(n->cert, n->pin, &why), 0);
    CHECK_INT(tls_server_new(&n->tls, n->cert, n->key, &why), 0);
    CHECK_INT(listener_open(&n->listener, n->loop, "127.0.0.1:0", net_accept, n, &why), 0);
    listener_addr(n->listener, n->where);
    n->listed = listed;
    for (uint8_t i = 0; i < NET_NODES; i++) {
        fix_node(&n->node[i], (uint8_t)(i + 1));
        net_sign(&n->node[i]);
    }
}
FIX void net_start(struct net *n) {
    net_gateway_open(n);
    net_until(n, net_has_list, n, 5000);
}
FIX void net_end(struct net *n) {
    gw_requests_fail(&n->g, API_DRAINING);
    httpd_close(n->g.http);
    gw_evidence_close(n->g.evidence);
    gw_link_close(n->g.link);
    if (n->peer) h2_drop(n->peer);
    listener_close(n->listener);
    timer_free(n->guard);
    timer_free(n->poll);
    loop_free(n->loop);
    tls_free(n->tls);
    gw_receipts_release(&n->g.receipts);
    pins_close(&n->g.pins);
    gw_dir_release(&n->g.dir);
    for (size_t i = 0; i < NET_NODES; i++) fix_node_done(&n->node[i]);
    for (size_t i = 0; i < n->job_count; i++) buf_release(&n->jobs[i].env);
    (void)unlink(n->cert);
    (void)unlink(n->key);
    CHECK_INT(rmdir(n->folder), 0);
}

/* ---- the app: one streaming chat request ---- */
struct app {
    int fd, status, closed;
    size_t len;
    char text[65536]; /* all that came, headers too, chunk sizes in between */
};
FIX int app_is_done(void *arg) {
    struct app *a = arg;
    ssize_t n;
    while ((n = recv(a->fd, a->text + a->len, sizeof a->text - 1 - a->len, MSG_DONTWAIT)) > 0) a->len += (size_t)n;
    CHECK(a->len < sizeof a->text - 1);
    a->text[a->len] = 0;
    return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}
/* more: header lines, each with its end. */
FIX void app_send_with(struct app *a, struct net *n, const char *seconds, const char *more) {
    static const char body[] =
        "{\"model\":\"lull-toy:q8_0\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"why\"}]}";
    char at[ADDR_TEXT_BYTES], head[512];
    memset(a, 0, sizeof *a);
    httpd_addr(n->g.http, at);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(strrchr(at, ':') + 1))};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    a->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(a->fd >= 0);
    CHECK_INT(connect(a->fd, (struct sockaddr *)&to, sizeof to), 0);
    int len = snprintf(head, sizeof head,
                       "POST /v1/chat/completions HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nX-Stainless-Timeout: %s\r\n"
                       "%sContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                       at, seconds, more, sizeof body - 1, body);
    CHECK_INT(send(a->fd, head, (size_t)len, MSG_NOSIGNAL), len);
}
FIX void app_send(struct app *a, struct net *n, const char *seconds) { app_send_with(a, n, seconds, ""); }
FIX void app_wait(struct app *a, struct net *n) {
    net_until(n, app_is_done, a, 6000);
    CHECK_INT(close(a->fd), 0);
    CHECK(a->len > 12 && memcmp(a->text, "HTTP/1.1 ", 9) == 0);
    a->status = atoi(a->text + 9);
}
/* Sends, waits for the end of the answer, and closes. */
FIX void app_ask(struct app *a, struct net *n, const char *seconds) {
    app_send(a, n, seconds);
    app_wait(a, n);
}
FIX int app_has(const struct app *a, const char *what) { return strstr(a->text, what) != NULL; }
/* An error object, and nothing that looks like the end of an answer. */
FIX void app_got_error(const struct app *a) {
    CHECK(app_has(a, "\"error\""));
    CHECK(!app_has(a, "[DONE]"));
    CHECK(!app_has(a, "\"finish_reason\":\"stop\""));
}

#endif
