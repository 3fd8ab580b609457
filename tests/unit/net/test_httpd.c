/* test_httpd.c - the HTTP server with raw sockets as clients: what a well-behaved client sees, and what the others do. */
#include "base/clock.h"
#include "net/httpd.h"
#include "tests/check.h"

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

static void on_gone(void *arg) {
    struct site *s = arg;
    s->gone++;
    s->gone_at_ms = clock_mono_ms();
    s->held = NULL;
}
static void fill(struct site *s) {
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
static void on_writable(void *arg) {
    struct site *s = arg;
    s->writable++;
    fill(s);
}
static void on_request(void *arg, struct http_req *r) {
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
static void on_problem(void *arg, struct http_req *r, enum http_problem p) {
    struct site *s = arg;
    char text[200];
    s->problems++;
    snprintf(text, sizeof text, "{\"error\":\"%s\"}", http_problem_text(p));
    http_reply(r, http_problem_status(p), "application/json", text, strlen(text));
}
static void on_late(void *arg) { loop_stop(((struct site *)arg)->loop); }

static void site_open_with(struct site *s, struct httpd_opts o) {
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
static void site_open(struct site *s, const char *key, int any_host) {
    site_open_with(
        s, (struct httpd_opts){.listen = "127.0.0.1:0", .key = key, .body_max = 300000, .requests_max = 3, .any_host = any_host});
}
static void site_close(struct site *s) {
    httpd_close(s->d);
    timer_free(s->late);
    loop_free(s->loop);
}
static void run_ms(struct site *s, uint64_t ms) {
    timer_start_ms(s->late, ms);
    CHECK_INT(loop_run(s->loop), 0);
}

/* ---- a raw client ---- */
static int client(const struct site *s) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(s->port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    CHECK_INT(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}
static void say(int fd, const char *text) { CHECK_INT(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text)); }
/* Runs the loop until text was received or 2 s went by; everything received is in out. 1: seen, 0: not, -1: end of file. */
static int hear(struct site *s, int fd, const char *text, char *out, size_t cap) {
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
static int exchange(struct site *s, const char *request, const char *expect, char *out, size_t cap) {
    int fd = client(s);
    say(fd, request);
    int r = hear(s, fd, expect, out, cap);
    close(fd);
    run_ms(s, 2);
    return r;
}

TEST(a_request_and_its_answer) {
    struct site s;
    char out[4096];
    site_open(&s, NULL, 0);
    CHECK_INT(exchange(&s, "POST /v1/x?y=1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc", "POST /v1/x y=1 3 96354",
                       out, sizeof out),
              1);
    CHECK(strstr(out, "HTTP/1.1 200 OK\r\n") && strstr(out, "Content-Type: text/plain\r\n"));
    CHECK_INT(exchange(&s, "BREW /pot HTTP/1.1\r\nHost: localhost\r\n\r\n", "/pot", out, sizeof out) != 0, 1);
    CHECK_INT(exchange(&s, "PATCH /p HTTP/1.1\r\nHost: localhost\r\n\r\n", "PATCH /p", out, sizeof out), 1);
    site_close(&s);
}
TEST(head_has_a_length_and_no_body) {
    struct site s;
    char out[4096];
    site_open(&s, NULL, 0);
    int fd = client(&s);
    say(fd, "HEAD /a HTTP/1.1\r\nHost: localhost\r\n\r\n");
    CHECK_INT(hear(&s, fd, "\r\n\r\n", out, sizeof out), 1);
    CHECK(strstr(out, "Content-Length: 12\r\n") != NULL); /* "HEAD /a  0 0" */
    CHECK_INT(strlen(strstr(out, "\r\n\r\n")), 4);
    say(fd, "GET /b HTTP/1.1\r\nHost: localhost\r\n\r\n"); /* the connection is still in step */
    CHECK_INT(hear(&s, fd, "GET /b", out, sizeof out), 1);
    close(fd);
    site_close(&s);
}
TEST(pipelined_requests_are_answered_in_turn) {
    struct site s;
    char out[4096];
    site_open(&s, NULL, 0);
    int fd = client(&s);
    say(fd,
        "GET /hold HTTP/1.1\r\nHost: localhost\r\n\r\nGET /two HTTP/1.1\r\nHost: localhost\r\n\r\nPOST /three HTTP/1.1\r\nHost: "
        "localhost\r\nContent-Length: 2\r\n\r\nhi");
    run_ms(&s, 50);
    CHECK_INT(s.requests, 1); /* the second waits, and the process lives */
    CHECK(s.held != NULL);
    http_reply(s.held, 200, "text/plain", "one", 3);
    s.held = NULL;
    CHECK_INT(hear(&s, fd, "POST /three", out, sizeof out), 1);
    CHECK(strstr(out, "GET /two") != NULL);
    CHECK_INT(s.requests, 3);
    close(fd);
    site_close(&s);
}
/* The read bound of a waiting request must be lifted for the next body on the same connection. */
TEST(a_large_body_follows_a_held_request) {
    struct site s;
    char out[4096];
    site_open(&s, NULL, 0);
    int fd = client(&s);
    say(fd, "GET /hold HTTP/1.1\r\nHost: localhost\r\n\r\n");
    run_ms(&s, 20);
    http_reply(s.held, 200, "text/plain", "one", 3);
    s.held = NULL;
    CHECK_INT(hear(&s, fd, "one", out, sizeof out), 1);
    char *body = calloc(1, 200001);
    memset(body, 'x', 200000);
    say(fd, "POST /big HTTP/1.1\r\nHost: localhost\r\nContent-Length: 200000\r\n\r\n");
    for (size_t at = 0; at < 200000;) {
        ssize_t n = send(fd, body + at, 200000 - at, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0) at += (size_t)n;
        run_ms(&s, 1);
    }
    CHECK_INT(hear(&s, fd, "POST /big  200000", out, sizeof out), 1);
    free(body);
    close(fd);
    site_close(&s);
}
TEST(a_slow_body_arrives_whole) {
    struct site s;
    char out[4096];
    site_open(&s, NULL, 0);
    int fd = client(&s);
    say(fd, "POST /slow HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n");
    for (int i = 0; i < 5; i++) {
        say(fd, "z");
        run_ms(&s, 10);
    }
    CHECK_INT(hear(&s, fd, "POST /slow  5", out, sizeof out), 1);
    close(fd);
    site_close(&s);
}

static void vanish(const char *request, int hard) {
    struct site s;
    site_open(&s, NULL, 0);
    int fd = client(&s);
    say(fd, request);
    run_ms(&s, 30);
    CHECK(s.held != NULL && s.gone == 0);
    struct linger l = {1, 0};
    if (hard) setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof l);
    uint64_t t0 = clock_mono_ms();
    close(fd);
    run_ms(&s, 100);
    CHECK_INT(s.gone, 1);
    CHECK(s.gone_at_ms - t0 <= 20); /* 1-2 ms on an idle machine */
    CHECK_INT(httpd_active(s.d), 0);
    site_close(&s);
}
TEST(a_client_that_leaves_while_queued_is_noticed) {
    vanish("GET /hold HTTP/1.1\r\nHost: localhost\r\n\r\n", 0);
    vanish("GET /hold HTTP/1.1\r\nHost: localhost\r\n\r\n", 1);
    vanish("POST /hold HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx", 0);
}
TEST(a_client_that_leaves_mid_stream_is_noticed) {
    vanish("GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n", 0);
    vanish("GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n", 1);
    vanish("GET /stream HTTP/1.0\r\nHost: localhost\r\n\r\n", 0);
}
TEST(a_stream_is_chunked_and_ends) {
    struct site s;
    char out[4096];
    site_open(&s, NULL, 0);
    int fd = client(&s);
    say(fd, "GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n");
    CHECK_INT(hear(&s, fd, "data: 1\n\n", out, sizeof out), 1);
    CHECK(strstr(out, "Transfer-Encoding: chunked") && strstr(out, "text/event-stream"));
    CHECK_INT(http_stream_write(s.held, "data: 2\n\n", 9), 0);
    http_stream_end(s.held);
    s.held = NULL;
    CHECK_INT(hear(&s, fd, "\r\n0\r\n\r\n", out, sizeof out), 1);
    say(fd, "GET /after HTTP/1.1\r\nHost: localhost\r\n\r\n");
    CHECK_INT(hear(&s, fd, "GET /after", out, sizeof out), 1);
    close(fd);
    site_close(&s);
}
TEST(an_aborted_stream_does_not_look_whole) {
    struct site s;
    char out[4096];
    site_open(&s, NULL, 0);
    int fd = client(&s);
    say(fd, "GET /abort HTTP/1.1\r\nHost: localhost\r\n\r\n");
    CHECK_INT(hear(&s, fd, "0\r\n\r\n", out, sizeof out), -1);
    CHECK_INT(errno, ECONNRESET);
    CHECK_INT(s.gone, 0);
    close(fd);
    site_close(&s);
}
TEST(a_reader_that_stalls_holds_little_and_gets_everything) {
    struct site s;
    static char out[65536];
    size_t total = 0;
    site_open(&s, NULL, 0);
    int fd = client(&s);
    say(fd, "GET /fill HTTP/1.0\r\nHost: localhost\r\n\r\n");
    run_ms(&s, 100);
    CHECK(s.refused > 0 && s.written < 7u << 20); /* the kernel's buffers and 64 KiB of ours */
    for (uint64_t end = clock_mono_ms() + 10000; clock_mono_ms() < end;) {
        run_ms(&s, 1);
        ssize_t n = recv(fd, out, sizeof out, MSG_DONTWAIT);
        if (n == 0) break;
        if (n > 0) total += (size_t)n;
    }
    CHECK(s.writable > 0);
    CHECK(total > 8u << 20);
    close(fd);
    site_close(&s);
}

static void expect_status(struct site *s, const char *request, const char *status) {
    char out[4096];
    int r = exchange(s, request, "\r\n\r\n", out, sizeof out);
    if (r == 0 || strncmp(out, "HTTP/1.1 ", 9) != 0 || strncmp(out + 9, status, 3) != 0) fail_msg("%s: %.40s", request, out);
}
TEST(host_and_origin_are_checked_before_any_work) {
    struct site s;
    site_open(&s, NULL, 0);
    expect_status(&s, "GET / HTTP/1.1\r\nHost: evil.com\r\n\r\n", "403");
    expect_status(&s, "GET / HTTP/1.1\r\n\r\n", "403");
    expect_status(&s, "GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", "403");
    expect_status(&s, "GET http://localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n", "400");
    expect_status(&s, "POST / HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.com\r\nContent-Length: 2\r\n\r\n{}", "403");
    expect_status(&s, "GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: null\r\n\r\n", "403");
    expect_status(&s, "OPTIONS / HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.com\r\n\r\n", "403");
    expect_status(&s, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", "415");
    CHECK_INT(s.requests, 0);
    expect_status(&s, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: identity\r\nContent-Length: 2\r\n\r\n{}", "200");
    char out[4096];
    CHECK_INT(exchange(&s, "OPTIONS /v1/x HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost:3000\r\n\r\n", "\r\n\r\n", out,
                       sizeof out),
              1);
    CHECK(strstr(out, " 204 ") && strstr(out, "Access-Control-Allow-Origin: http://localhost:3000\r\n"));
    CHECK_INT(
        exchange(&s, "GET /a HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost:3000\r\n\r\n", "GET /a", out, sizeof out),
        1);
    CHECK(strstr(out, "Access-Control-Allow-Origin: http://localhost:3000\r\n") != NULL);
    site_close(&s);
    site_open(&s, NULL, 1); /* a public page */
    expect_status(&s, "GET / HTTP/1.1\r\nHost: status.example\r\nOrigin: http://evil.com\r\n\r\n", "200");
    expect_status(&s, "POST / HTTP/1.1\r\nHost: status.example\r\nOrigin: http://evil.com\r\nContent-Length: 0\r\n\r\n", "403");
    site_close(&s);
}
/* Each would leave a proxy and us with different ideas of where the next request begins: what follows is never read as one. */
TEST(a_body_length_that_can_be_read_twice_ends_the_connection) {
#define SMUGGLED                 "GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
#define POSTED(fields)           "POST / HTTP/1.1\r\nHost: localhost\r\n" fields "\r\n" SMUGGLED
#define BODYLESS(method, fields) method " / HTTP/1.1\r\nHost: localhost\r\n" fields "\r\n" SMUGGLED
#define CHUNKED(body)            "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" body SMUGGLED
#define ROW(text) \
    { text, sizeof text - 1 }
    static const struct {
        const char *text;
        size_t n;
    } rows[] = {ROW(POSTED("Content-Length: 0\r\nContent-Length: 35\r\n")),
                ROW(POSTED("Content-Length: 0\r\nContent-Length: 0\r\n")),
                ROW(POSTED("Content-Length: +0\r\n")),
                ROW(POSTED("Content-Length: 0x0\r\n")),
                ROW(POSTED("Content-Length:\r\n")),
                ROW(POSTED("Content-Length: 0, 0\r\n")),
                ROW(POSTED("Content-Length : 35\r\n")),
                ROW(POSTED("Content-Length: 99999999999999999999\r\n")),
                ROW(POSTED("Transfer-Encoding: identity\r\n")),
                ROW(POSTED("Transfer-Encoding: \vchunked\r\n")),
                ROW(POSTED("Transfer-Encoding: chunked, identity\r\n")),
                ROW(POSTED("Content-Length: 0\r\nTransfer-Encoding: identity\r\n")),
                ROW(POSTED("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n")),
                ROW(POSTED("X: a\r\n Content-Length: 4\r\n")),
                ROW(POSTED("X: a\rContent-Length: 4\r\n")),
                ROW(POSTED("X: a\nContent-Length: 4\r\n")),
                ROW(POSTED("Content-Length: 0\0000\r\n")),
                ROW(POSTED("Content-Length\0x: 4\r\n")),
                ROW(POSTED("\0Content-Length: 4\r\n")),
                ROW(BODYLESS("HEAD", "Content-Length: 46\r\n")),
                ROW(BODYLESS("TRACE", "Content-Length: 46\r\n")),
                ROW(BODYLESS("CONNECT", "Content-Length: 46\r\n")),
                ROW(BODYLESS("HEAD", "Transfer-Encoding: chunked\r\n")),
                ROW("POST / HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\nTransfer-Encoding: "
                    "chunked\r\n\r\n0\r\n\r\n" SMUGGLED),
                ROW(CHUNKED("+2\r\n{}\r\n0\r\n\r\n")),
                ROW(CHUNKED("0x2\r\n{}\r\n0\r\n\r\n")),
                ROW(CHUNKED(" 2\r\n{}\r\n0\r\n\r\n")),
                ROW(CHUNKED("2 \r\n{}\r\n0\r\n\r\n")),
                ROW(CHUNKED("2\0\r\n{}\r\n0\r\n\r\n")),
                ROW(CHUNKED("2;x=y\r\n{}\r\n0\r\n\r\n")),
                ROW(CHUNKED("\r\n2\r\n{}\r\n0\r\n\r\n")),
                ROW(CHUNKED("2\n{}\n0\n\n")),
                ROW(CHUNKED("2\r\n{}0\r\n\r\n")),
                ROW(CHUNKED("2\r\n{}XX\r\n0\r\n\r\n")),
                ROW(CHUNKED("10000000000000002\r\n{}\r\n0\r\n\r\n")),
                ROW(CHUNKED("2\r\n{}\r\n0\r\nContent-Length: 50\r\n\r\n"))};
    struct site s;
    char out[4096];
    site_open(&s, NULL, 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int fd = client(&s);
        CHECK_INT(send(fd, rows[i].text, rows[i].n, MSG_NOSIGNAL), (ssize_t)rows[i].n);
        CHECK_INT(hear(&s, fd, "smuggled", out, sizeof out), -1);
        if (strncmp(out, "HTTP/1.1 400", 12) != 0) fail_msg("row %zu: %.60s", i, out);
        CHECK(strstr(out + 1, "HTTP/1.1 ") == NULL); /* one answer */
        close(fd);
    }
    CHECK_INT(s.requests, 0);
    expect_status(&s, "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", "200");
    CHECK_INT(exchange(&s, CHUNKED("2\r\nab\r\n00001\r\nc\r\n0\r\n\r\n"), "/smuggled", out, sizeof out),
              1); /* plain: the next is one */
    CHECK(strstr(out, "POST /  3 96354") != NULL);
    expect_status(&s, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: \t 2 \t\r\n\r\n{}", "200");
    site_close(&s);
}
/* Nobody who may not use the server makes it keep what they send. */
TEST(a_refused_request_is_answered_before_its_body_is_kept) {
    static const char *const heads[] = {"Host: evil.com\r\n",
                                        "Host: localhost\r\nOrigin: http://evil.com\r\n",
                                        "Host: localhost\r\nOrigin: http://localhost\r\nOrigin: http://evil.com\r\n",
                                        "Host: localhost\r\nAuthorization: Bearer wrong\r\n",
                                        "Host: localhost\r\n",
                                        "Host: localhost\r\nAuthorization: Bearer sesame\r\nAuthorization: Bearer wrong\r\n"};
    struct site s;
    char request[300], out[4096];
    site_open(&s, "sesame", 0);
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        int fd = client(&s);
        snprintf(request, sizeof request, "POST / HTTP/1.1\r\n%sContent-Length: 200000\r\n\r\nxxxx", heads[i]);
        say(fd, request);
        CHECK_INT(hear(&s, fd, "\r\n\r\n{", out, sizeof out), 1);
        CHECK(strncmp(out, "HTTP/1.1 40", 11) == 0 && strstr(out, "Connection: close\r\n"));
        close(fd);
    }
    int fd = client(&s); /* too long: said at once, too */
    say(fd, "POST / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer sesame\r\nContent-Length: 300001\r\n\r\nxxxx");
    CHECK_INT(hear(&s, fd, "\r\n\r\n{", out, sizeof out), 1);
    CHECK(strncmp(out, "HTTP/1.1 413", 12) == 0);
    close(fd);
    CHECK_INT(s.requests, 0);
    site_close(&s);
}
TEST(bodies_connections_and_time_are_bounded) {
    static const char head[] = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n";
    struct site s;
    char out[4096];
    int fd[5];
    site_open_with(&s, (struct httpd_opts){
                           .listen = "127.0.0.1:0", .body_max = 10, .buffered_max = 25, .requests_max = 3, .connections_max = 4});
    for (int i = 0; i < 3; i++) {
        fd[i] = client(&s);
        say(fd[i], head);
        say(fd[i], "123456789");
    }
    CHECK_INT(hear(&s, fd[2], "\r\n\r\n", out, sizeof out), 1); /* the third body goes over 25 bytes */
    CHECK(strncmp(out, "HTTP/1.1 503", 12) == 0);
    say(fd[0], "0");
    CHECK_INT(hear(&s, fd[0], "POST /  10", out, sizeof out), 1);
    fd[3] = client(&s);
    fd[4] = client(&s); /* one too many: closed */
    CHECK_INT(hear(&s, fd[4], "HTTP", out, sizeof out), -1);
    CHECK_INT(out[0], 0);
    for (int i = 0; i < 5; i++) close(fd[i]);
    run_ms(&s, 20);
    CHECK_INT(exchange(&s,
                       "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nB\r\n12345678901\r\n0\r\n\r\n",
                       "\r\n\r\n", out, sizeof out),
              1);
    CHECK(strncmp(out, "HTTP/1.1 413", 12) == 0);
    site_close(&s);
    site_open_with(&s, (struct httpd_opts){.listen = "127.0.0.1:0", .head_ms = 60, .body_ms = 200});
    fd[0] = client(&s); /* says nothing */
    fd[1] = client(&s);
    say(fd[1], "GET / HTTP/1.1\r\n");
    for (int i = 0; i < 8; i++) {
        run_ms(&s, 15);
        (void)send(fd[1], "X: y\r\n", 6, MSG_NOSIGNAL); /* each line is in time, the head is not */
    }
    CHECK_INT(hear(&s, fd[0], "x", out, sizeof out), -1);
    CHECK_INT(hear(&s, fd[1], "x", out, sizeof out), -1);
    fd[2] = client(&s);
    say(fd[2], "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n");
    run_ms(&s, 100);
    say(fd[2], "1");
    uint64_t began = clock_mono_ms();
    CHECK_INT(hear(&s, fd[2], "x", out, sizeof out), -1);
    CHECK(clock_mono_ms() - began < 1500);
    for (int i = 0; i < 3; i++) close(fd[i]);
    site_close(&s);
}
TEST(a_client_that_waits_is_told_to_continue) {
    struct site s;
    char out[4096];
    site_open(&s, NULL, 0);
    int fd = client(&s);
    say(fd, "\r\nPOST / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    CHECK_INT(hear(&s, fd, "100 Continue\r\n\r\n", out, sizeof out), 1);
    say(fd, "abc");
    CHECK_INT(hear(&s, fd, "POST /  3 96354", out, sizeof out), 1);
    close(fd);
    site_close(&s);
}
TEST(keys_bodies_and_counts_have_limits) {
    struct site s;
    site_open(&s, "sesame", 0);
    expect_status(&s, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "401");
    expect_status(&s, "GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer wrong\r\n\r\n", "401");
    expect_status(&s, "GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer sesame\r\n\r\n", "200");
    site_close(&s);
    site_open(&s, NULL, 0);
    char *big = calloc(1, 400200);
    strcpy(big, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 300001\r\n\r\n");
    memset(big + strlen(big), 'x', 300001);
    expect_status(&s, big, "413");
    strcpy(big, "GET / HTTP/1.1\r\nHost: localhost\r\nX-Big: ");
    memset(big + strlen(big), 'x', 70000);
    strcpy(big + strlen(big) - 1, "\r\n\r\n");
    char out[2048];
    int r = exchange(&s, big, "\r\n\r\n", out, sizeof out);
    CHECK(r == -1 || strncmp(out, "HTTP/1.1 4", 10) == 0); /* refused before its end */
    free(big);
    int fd[4];
    for (int i = 0; i < 3; i++) {
        fd[i] = client(&s);
        say(fd[i], "GET /hold HTTP/1.1\r\nHost: localhost\r\n\r\n");
    }
    run_ms(&s, 30);
    CHECK_INT(httpd_active(s.d), 3);
    expect_status(&s, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "503");
    for (int i = 0; i < 3; i++) close(fd[i]);
    run_ms(&s, 30);
    CHECK_INT(s.gone, 3);
    expect_status(&s, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "200");
    expect_status(&s, "\x01\x02\x03 garbage\r\n\r\n", "400");
    site_close(&s);
}
TEST(closing_the_server_tells_the_owners_of_live_requests) {
    struct site s;
    site_open(&s, NULL, 0);
    int a = client(&s), b = client(&s);
    say(a, "GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n");
    run_ms(&s, 20);
    say(b, "GET /hold HTTP/1.1\r\nHost: localhost\r\n\r\n");
    run_ms(&s, 20);
    CHECK_INT(httpd_active(s.d), 2);
    httpd_close(s.d);
    s.d = NULL;
    CHECK_INT(s.gone, 2);
    close(a);
    close(b);
    site_close(&s);
}

TESTS_MAIN("httpd", T(a_request_and_its_answer), T(head_has_a_length_and_no_body), T(pipelined_requests_are_answered_in_turn),
           T(a_large_body_follows_a_held_request), T(a_slow_body_arrives_whole), T(a_client_that_leaves_while_queued_is_noticed),
           T(a_client_that_leaves_mid_stream_is_noticed), T(a_stream_is_chunked_and_ends),
           T(an_aborted_stream_does_not_look_whole), T(a_reader_that_stalls_holds_little_and_gets_everything),
           T(host_and_origin_are_checked_before_any_work), T(a_body_length_that_can_be_read_twice_ends_the_connection),
           T(a_refused_request_is_answered_before_its_body_is_kept), T(bodies_connections_and_time_are_bounded),
           T(a_client_that_waits_is_told_to_continue), T(keys_bodies_and_counts_have_limits),
           T(closing_the_server_tells_the_owners_of_live_requests))
