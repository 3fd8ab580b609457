/* tests/bench/bench_relay.c - what one relayed chunk costs: node -> coordinator-like relay -> gateway, TLS twice, HTTP/2 twice,
 * three processes; against the same frames over two bare TCP hops through a process that only reads and writes.
 *
 * Both are measured in one run, in turns, because an idle machine's cores wake slowly and that is most of a lone frame's time.
 * A frame carries the monotonic time at which its source wrote it. LULL_SECONDS (4) is the length of each measurement. */
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/secret.h"
#include "net/h2.h"
#include "net/listen.h"

enum { FRAME_MAX = 1024, SAMPLES_MAX = 100000, LOST_MS = 600000 /* the gateway's loop rests while the bare hops are measured */ };

struct spec {
    uint32_t rate, bytes, count;
};
struct samples {
    uint32_t us[SAMPLES_MAX];
    uint32_t count;
};

static void die(const char *what) {
    fprintf(stderr, "bench_relay: %s: %s\n", what, strerror(errno));
    exit(1);
}
static void ok(int r, const char *what) {
    if (r == 0) return;
    fprintf(stderr, "bench_relay: %s: %s\n", what, err_text(r));
    exit(1);
}
static int by_value(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}
static uint32_t percentile(const struct samples *s, uint32_t p) {
    return s->count ? s->us[(uint64_t)(s->count - 1) * p / 100] : 0;
}
static void add_sample(struct samples *s, const uint8_t *frame) {
    uint64_t then;
    memcpy(&then, frame, sizeof then);
    if (s->count < SAMPLES_MAX) s->us[s->count++] = (uint32_t)((clock_mono_ns() - then) / 1000);
}
static void stamp(uint8_t *frame) {
    uint64_t now = clock_mono_ns();
    memcpy(frame, &now, sizeof now);
}

/* ---- the bare relay ---- */
static void write_all(int fd, const uint8_t *p, size_t n) {
    while (n) {
        ssize_t w = write(fd, p, n);
        if (w <= 0) _exit(0);
        p += w;
        n -= (size_t)w;
    }
}
static void tcp_pair(int fd[2]) {
    struct sockaddr_storage a = {.ss_family = AF_INET}; /* any address, any port */
    socklen_t len = sizeof(struct sockaddr_in);
    int l = socket(AF_INET, SOCK_STREAM, 0);
    if (l < 0 || bind(l, (struct sockaddr *)&a, len) != 0 || listen(l, 1) != 0) die("listen");
    len = sizeof a;
    if (getsockname(l, (struct sockaddr *)&a, &len) != 0) die("getsockname");
    fd[0] = socket(AF_INET, SOCK_STREAM, 0);
    if (fd[0] < 0 || connect(fd[0], (struct sockaddr *)&a, len) != 0) die("connect");
    fd[1] = accept(l, NULL, NULL);
    if (fd[1] < 0) die("accept");
    close(l);
    addr_nodelay(fd[0]);
    addr_nodelay(fd[1]);
}
static void bare_source(int fd, const struct spec *s) {
    uint8_t frame[FRAME_MAX] = {0};
    uint64_t next = clock_mono_ns();
    for (uint32_t i = 0; i < s->count; i++) {
        next += 1000000000u / s->rate;
        struct timespec at = {.tv_sec = (time_t)(next / 1000000000u), .tv_nsec = (long)(next % 1000000000u)};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
        stamp(frame);
        write_all(fd, frame, s->bytes);
    }
    _exit(0);
}
static void bare_middle(int from, int to) {
    uint8_t in[16384];
    for (ssize_t n; (n = read(from, in, sizeof in)) > 0;) write_all(to, in, (size_t)n);
    _exit(0);
}
static void measure_bare(const struct spec *s, struct samples *out) {
    int a[2], b[2];
    uint8_t frame[FRAME_MAX];
    tcp_pair(a);
    tcp_pair(b);
    pid_t middle = fork();
    if (middle == 0) {
        close(a[0]);
        bare_middle(a[1], b[0]);
    }
    pid_t source = fork();
    if (source == 0) bare_source(a[0], s);
    close(a[0]), close(a[1]), close(b[0]);
    for (size_t have = 0;;) {
        ssize_t n = read(b[1], frame + have, s->bytes - have);
        if (n <= 0) break;
        have += (size_t)n;
        if (have < s->bytes) continue;
        add_sample(out, frame);
        have = 0;
    }
    close(b[1]);
    waitpid(source, NULL, 0);
    waitpid(middle, NULL, 0);
}

/* ---- the node: serves frames at the asked rate ---- */
struct node_stream {
    struct h2_stream *s;
    struct timer *timer;
    struct spec spec;
    uint64_t next_us;
};
static void node_tick(void *arg) {
    struct node_stream *n = arg;
    uint8_t frame[FRAME_MAX] = {0};
    stamp(frame);
    ok(h2_write(n->s, frame, n->spec.bytes), "node write");
    if (--n->spec.count == 0) {
        (void)h2_end(n->s, NULL);
        return;
    }
    uint64_t now = clock_mono_us();
    n->next_us += 1000000u / n->spec.rate;
    timer_start_us(n->timer, n->next_us > now ? n->next_us - now : 0);
}
static void node_close(void *arg, struct h2_stream *s, uint32_t code) {
    struct node_stream *n = arg;
    (void)s, (void)code;
    timer_free(n->timer);
    free(n);
}
static const struct h2_stream_events node_stream_events = {.on_close = node_close};
static struct loop *loop; /* each process has its own */

static void node_request(void *arg, struct h2 *h, struct h2_stream *s, const struct h2_request *r) {
    struct node_stream *n = calloc(1, sizeof *n);
    (void)arg, (void)h;
    if (!n || sscanf(r->path, "/%u/%u/%u", &n->spec.rate, &n->spec.bytes, &n->spec.count) != 3) exit(1);
    n->s = s;
    n->next_us = clock_mono_us() + 1000;
    ok(timer_new(&n->timer, loop, node_tick, n), "timer");
    h2_stream_set(s, &node_stream_events, n);
    ok(h2_respond(s, 200, &(struct h2_headers){NULL, 0}), "respond");
    timer_start_us(n->timer, 1000);
}
static void ignore_ready(void *arg, struct h2 *h, enum tls_proto proto) { (void)arg, (void)h, (void)proto; }
static void stop_gone(void *arg, struct h2 *h, int err) {
    (void)arg, (void)h, (void)err;
    loop_stop(loop);
}
static const struct h2_events node_events = {.on_ready = ignore_ready, .on_request = node_request, .on_gone = stop_gone};

/* ---- the relay: a gateway's request goes to the node's link, bytes come back under both links' flow control ---- */
static struct h2 *node_link;
struct relay {
    struct h2_stream *from, *to; /* node's, gateway's */
};
static void relay_data(void *arg, struct h2_stream *s, const uint8_t *p, size_t n) {
    struct relay *r = arg;
    (void)s;
    ok(r->to ? h2_write(r->to, p, n) : 0, "relay write");
}
static void relay_end(void *arg, struct h2_stream *s) {
    struct relay *r = arg;
    (void)s;
    if (r->to) (void)h2_end(r->to, NULL);
}
static void relay_from_close(void *arg, struct h2_stream *s, uint32_t code) {
    struct relay *r = arg;
    (void)s, (void)code;
    r->from = NULL;
    if (!r->to) free(r);
}
static void relay_sent(void *arg, struct h2_stream *s, size_t n) {
    struct relay *r = arg;
    (void)s;
    if (r->from) h2_consume(r->from, n);
}
static void relay_to_close(void *arg, struct h2_stream *s, uint32_t code) {
    struct relay *r = arg;
    (void)s, (void)code;
    r->to = NULL;
    if (!r->from) free(r);
}
static const struct h2_stream_events from_events = {.on_data = relay_data, .on_end = relay_end, .on_close = relay_from_close};
static const struct h2_stream_events to_events = {.on_sent = relay_sent, .on_close = relay_to_close};

static void relay_request(void *arg, struct h2 *h, struct h2_stream *s, const struct h2_request *q) {
    struct relay *r = calloc(1, sizeof *r);
    (void)arg, (void)h;
    if (!r || !node_link) exit(1);
    r->to = s;
    h2_stream_set(s, &to_events, r);
    ok(h2_respond(s, 200, &(struct h2_headers){NULL, 0}), "respond");
    struct h2_request ask = {.method = "POST", .path = q->path};
    ok(h2_ask(node_link, &ask, &from_events, r, &r->from), "ask");
    (void)h2_end(r->from, NULL);
}
static int ready_fd;
static void relay_ready(void *arg, struct h2 *h, enum tls_proto proto) {
    (void)arg;
    if (proto != TLS_NODE) return;
    node_link = h;
    if (write(ready_fd, "r", 1) != 1) exit(1);
}
static const struct h2_events relay_events = {.on_ready = relay_ready, .on_request = relay_request, .on_gone = stop_gone};
static struct tls *server_tls;
static void relay_accept(void *arg, int fd, const struct addr *peer) {
    static const struct h2_opts opts[TLS_PROTOS] = {{.lost_after_ms = LOST_MS}, {.lost_after_ms = LOST_MS}};
    struct h2 *h;
    (void)arg;
    ok(h2_accept(&h, loop, server_tls, fd, peer, opts, &relay_events, NULL), "accept");
}

/* ---- the gateway: this process ---- */
struct gateway {
    struct h2 *h;
    struct spec spec;
    struct samples *out;
    size_t have;
    uint8_t frame[FRAME_MAX];
};
static void gateway_data(void *arg, struct h2_stream *s, const uint8_t *p, size_t n) {
    struct gateway *g = arg;
    h2_consume(s, n);
    while (n) {
        size_t k = g->spec.bytes - g->have < n ? g->spec.bytes - g->have : n;
        memcpy(g->frame + g->have, p, k);
        g->have += k;
        p += k;
        n -= k;
        if (g->have < g->spec.bytes) return;
        add_sample(g->out, g->frame);
        g->have = 0;
    }
}
static void gateway_close(void *arg, struct h2_stream *s, uint32_t code) {
    (void)arg, (void)s;
    if (code != H2_OK) ok(ERR_LOST, "stream");
    loop_stop(loop);
}
static const struct h2_stream_events gateway_stream = {.on_data = gateway_data, .on_close = gateway_close};
static void gateway_ready(void *arg, struct h2 *h, enum tls_proto proto) {
    (void)arg, (void)h, (void)proto;
    loop_stop(loop);
}
static void gateway_gone(void *arg, struct h2 *h, int err) {
    (void)arg, (void)h;
    ok(err ? err : ERR_LOST, "link");
}
static const struct h2_events gateway_events = {.on_ready = gateway_ready, .on_gone = gateway_gone};

static void measure_relay(struct gateway *g, const struct spec *s, struct samples *out) {
    char path[64];
    struct h2_stream *stream;
    snprintf(path, sizeof path, "/%u/%u/%u", s->rate, s->bytes, s->count);
    g->spec = *s;
    g->out = out;
    g->have = 0;
    struct h2_request r = {.method = "POST", .path = path};
    ok(h2_ask(g->h, &r, &gateway_stream, g, &stream), "ask");
    (void)h2_end(stream, NULL);
    (void)loop_run(loop);
}

/* ---- three processes ---- */
static struct h2 *dial(const char *where, const char *cert, enum tls_proto proto, const struct h2_events *ev, void *arg) {
    struct tls_client_opts o = {.proto = proto, .ca_file = cert};
    struct h2_opts opts = {.trust_resets = proto == TLS_NODE, .lost_after_ms = LOST_MS};
    struct tls *t;
    struct h2 *h;
    ok(tls_client_new(&t, &o, NULL), "tls");
    ok(h2_dial(&h, loop, t, where, &opts, ev, arg), "dial");
    return h;
}
static pid_t start_relay(const char *cert, const char *key, char where[ADDR_TEXT_BYTES], int ready[2]) {
    int at[2];
    if (pipe(at) != 0 || pipe(ready) != 0) die("pipe");
    pid_t pid = fork();
    if (pid == 0) {
        struct listener *l;
        char text[ADDR_TEXT_BYTES] = "";
        ready_fd = ready[1];
        ok(loop_new(&loop), "loop");
        ok(tls_server_new(&server_tls, cert, key, NULL), "tls");
        ok(listener_open(&l, loop, "127.0.0.1:0", relay_accept, NULL, NULL), "listen");
        listener_addr(l, text);
        if (write(at[1], text, sizeof text) != (ssize_t)sizeof text) exit(1);
        (void)loop_run(loop);
        _exit(0);
    }
    if (read(at[0], where, ADDR_TEXT_BYTES) != ADDR_TEXT_BYTES) die("relay");
    close(at[0]), close(at[1]);
    return pid;
}
static pid_t start_node(const char *where, const char *cert, int ready) {
    char c;
    pid_t pid = fork();
    if (pid == 0) {
        ok(loop_new(&loop), "loop");
        (void)dial(where, cert, TLS_NODE, &node_events, NULL);
        (void)loop_run(loop);
        _exit(0);
    }
    if (read(ready, &c, 1) != 1) die("node");
    return pid;
}
static void report(const struct spec *s, struct samples *bare, struct samples *relay) {
    qsort(bare->us, bare->count, sizeof bare->us[0], by_value);
    qsort(relay->us, relay->count, sizeof relay->us[0], by_value);
    double b50 = percentile(bare, 50) / 1000.0, b99 = percentile(bare, 99) / 1000.0;
    double r50 = percentile(relay, 50) / 1000.0, r99 = percentile(relay, 99) / 1000.0;
    printf("%6u/s %5u B   bare p50 %6.3f p99 %6.3f   relayed p50 %6.3f p99 %6.3f   added p50 %6.3f p99 %6.3f ms\n", s->rate,
           s->bytes, b50, b99, r50, r99, r50 - b50, r99 - b99);
}
int main(void) {
    static const struct spec specs[] = {{50, 256, 0}, {50, 1024, 0}, {1000, 256, 0}, {1000, 1024, 0}};
    static struct samples bare, relay;
    const char *text = getenv("LULL_SECONDS");
    uint32_t seconds = text ? (uint32_t)atoi(text) : 4;
    char dir[] = "/tmp/lull-bench-XXXXXX", cert[64], key[64], where[ADDR_TEXT_BYTES];
    int ready[2];
    if (secret_setup() != 0 || !mkdtemp(dir)) die("start");
    snprintf(cert, sizeof cert, "%s/tls.crt", dir);
    snprintf(key, sizeof key, "%s/tls.key", dir);
    ok(tls_files_make(cert, key, NULL, 0, NULL), "certificate");
    pid_t r = start_relay(cert, key, where, ready), n = start_node(where, cert, ready[0]);
    static struct gateway g;
    ok(loop_new(&loop), "loop");
    g.h = dial(where, cert, TLS_GATEWAY, &gateway_events, &g);
    (void)loop_run(loop);
    printf("one frame, node to gateway, three processes on loopback, %u s each, two rounds in turns:\n", 2 * seconds);
    for (size_t i = 0; i < sizeof specs / sizeof specs[0]; i++) {
        struct spec s = specs[i];
        s.count = s.rate * seconds;
        bare.count = relay.count = 0;
        for (int round = 0; round < 2; round++) {
            measure_bare(&s, &bare);
            measure_relay(&g, &s, &relay);
        }
        report(&s, &bare, &relay);
    }
    kill(n, SIGKILL), kill(r, SIGKILL);
    waitpid(n, NULL, 0), waitpid(r, NULL, 0);
    unlink(cert), unlink(key), rmdir(dir);
    return 0;
}
