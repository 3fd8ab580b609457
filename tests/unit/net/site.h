/* tests/unit/net/site.h - an HTTP server for the tests, whose paths say what becomes of a request, and raw sockets as clients. */
#ifndef TESTS_NET_SITE_H
#define TESTS_NET_SITE_H

#include "tests/check.h"

#include "base/clock.h"
#include "net/httpd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct site {
    struct loop *loop;
    struct httpd *d;
    struct timer *late;
    uint16_t port;
    struct http_req *held; /* a request that is not answered at once */
    int gone, requests, problems, writable, filling;
    uint64_t gone_at_ms;
    size_t written, refused;
};

static inline void on_gone(void *arg) {
    struct site *s = arg;
    s->gone++;
    s->gone_at_ms = clock_mono_ms();
    s->held = NULL;
}
static inline void fill(struct site *s) {
    static const uint8_t block[8192];
    while (s->filling) {
        int e = http_stream_write(s->held, block, sizeof block);
        if (e == ERR_BUSY) {
            s->refused++;
            return;
        }
        CHECK_INT(e, 0);
        s->written += sizeof block;
        if (s->written >= 8u << 20) {
            s->filling = 0;
            http_stream_end(s->held);
            s->held = NULL;
        }
    }
}
static inline void on_writable(void *arg) {
    struct site *s = arg;
    s->writable++;
    fill(s);
}
static inline void on_request(void *arg, struct http_req *r) {
    struct site *s = arg;
    char text[300];
    size_t n;
    const uint8_t *body = http_req_body(r, &n);
    s->requests++;
    const char *path = http_req_path(r);
    CHECK(http_req_find(s->d, http_req_id(r)) == r);
    if (strcmp(path, "/hold") == 0 || strcmp(path, "/stream") == 0 || strcmp(path, "/fill") == 0) {
        s->held = r;
        http_req_watch(r, on_gone, on_writable, s);
        if (strcmp(path, "/hold") == 0) return;
        http_stream_begin(r, 200, "text/event-stream");
        CHECK_INT(http_stream_write(r, "data: 1\n\n", 9), 0);
        if (strcmp(path, "/fill") != 0) return;
        s->filling = 1;
        fill(s);
        return;
    }
    if (strcmp(path, "/abort") == 0) {
        http_stream_begin(r, 200, "text/event-stream");
        CHECK_INT(http_stream_write(r, "data: 1\n\n", 9), 0);
        http_abort(r);
        return;
    }
    uint32_t sum = 0;
    for (size_t i = 0; i < n; i++) sum = sum * 31 + body[i];
    snprintf(text, sizeof text, "%s %s %s %zu %u", http_req_method(r), path, http_req_query(r), n, (unsigned)sum);
    http_reply(r, 200, "text/plain", text, strlen(text));
}
static inline void on_problem(void *arg, struct http_req *r, enum http_problem p) {
    struct site *s = arg;
    char text[200];
    s->problems++;
    snprintf(text, sizeof text, "{\"error\":\"%s\"}", http_problem_text(p));
    http_reply(r, http_problem_status(p), "application/json", text, strlen(text));
}
static inline void on_late(void *arg) { loop_stop(((struct site *)arg)->loop); }

static inline void site_open_with(struct site *s, struct httpd_opts o) {
    memset(s, 0, sizeof *s);
    char text[ADDR_TEXT_BYTES];
    struct why why = {""};
    o.on_request = on_request;
    o.on_problem = on_problem;
    o.arg = s;
    CHECK_INT(loop_new(&s->loop), 0);
    CHECK_INT(timer_new(&s->late, s->loop, on_late, s), 0);
    CHECK_INT(httpd_open(&s->d, s->loop, &o, &why), 0);
    httpd_addr(s->d, text);
    s->port = (uint16_t)atoi(strrchr(text, ':') + 1);
}
static inline void site_open(struct site *s, const char *key, int any_host) {
    site_open_with(
        s, (struct httpd_opts){.listen = "127.0.0.1:0", .key = key, .body_max = 300000, .requests_max = 3, .any_host = any_host});
}
static inline void site_close(struct site *s) {
    httpd_close(s->d);
    timer_free(s->late);
    loop_free(s->loop);
}
static inline void run_ms(struct site *s, uint64_t ms) {
    timer_start_ms(s->late, ms);
    CHECK_INT(loop_run(s->loop), 0);
}

/* ---- a raw client ---- */
static inline int client(const struct site *s) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(s->port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    CHECK_INT(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}
static inline void say(int fd, const char *text) { CHECK_INT(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text)); }
/* Runs the loop until text was received or 2 s went by; everything received is in out. 1: seen, 0: not, -1: end of file. */
static inline int hear(struct site *s, int fd, const char *text, char *out, size_t cap) {
    size_t n = 0;
    out[0] = 0;
    for (uint64_t end = clock_mono_ms() + 2000; clock_mono_ms() < end;) {
        run_ms(s, 2);
        ssize_t got = recv(fd, out + n, cap - 1 - n, MSG_DONTWAIT);
        if (got == 0) return -1;
        if (got < 0 && errno != EAGAIN) return -1;
        if (got > 0) n += (size_t)got;
        out[n] = 0;
        if (strstr(out, text)) return 1;
    }
    return 0;
}
static inline int exchange(struct site *s, const char *request, const char *expect, char *out, size_t cap) {
    int fd = client(s);
    say(fd, request);
    int r = hear(s, fd, expect, out, cap);
    close(fd);
    run_ms(s, 2);
    return r;
}
static inline void expect_status(struct site *s, const char *request, const char *status) {
    char out[4096];
    int r = exchange(s, request, "\r\n\r\n", out, sizeof out);
    if (r == 0 || strncmp(out, "HTTP/1.1 ", 9) != 0 || strncmp(out + 9, status, 3) != 0) fail_msg("%s: %.40s", request, out);
}

/* ---- one client of one site ---- */
struct talk {
    struct site s;
    int fd;
    char out[4096];
};
static inline void talk_open(struct talk *t) {
    site_open(&t->s, NULL, 0);
    t->fd = client(&t->s);
}
static inline void talk_close(struct talk *t) {
    close(t->fd);
    site_close(&t->s);
}
static inline void talk_get(struct talk *t, const char *path) {
    char text[128];
    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
    say(t->fd, text);
}
static inline int talk_hear(struct talk *t, const char *text) { return hear(&t->s, t->fd, text, t->out, sizeof t->out); }
/* Answers the request that the site holds. */
static inline void site_reply(struct site *s, const char *text) {
    http_reply(s->held, 200, "text/plain", text, strlen(text));
    s->held = NULL;
}

#endif
