/* The app's side over a real socket: a slow reader holds the answer up and gets every byte of it; half characters wait. */
#include "gateway/gw_out.h"
#include "base/err.h"
#include "base/json.h"
#include "base/secret.h"
#include "tests/check.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TEXT_BYTES = 6 << 20, PIECE = 997 };
static struct loop *loop;
static struct gw_out out;
static size_t produced, most_pending;
static int was_behind;
static enum api_finish finish;
static int fail_at_end;

/* Text that shows any lost, doubled or swapped piece; with characters of two to four bytes, so that pieces cut through them. */
static uint8_t *text;
static void make_text(void) {
    static const char *const some[] = {"a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\n", "\""};
    size_t n = 0;
    text = malloc(TEXT_BYTES + 8);
    CHECK(text != NULL);
    for (uint32_t i = 0; n < TEXT_BYTES; i++) {
        const char *s = some[(i * 2654435761u >> 16) % 6];
        memcpy(text + n, s, strlen(s));
        n += strlen(s);
    }
    produced = 0;
}

static void produce(void) {
    while (out.http && !gw_out_behind(&out) && produced < TEXT_BYTES && !out.ending) {
        size_t n = TEXT_BYTES - produced < PIECE ? TEXT_BYTES - produced : PIECE;
        if (gw_out_text(&out, text + produced, n, 0) != 0) loop_stop(loop);
        produced += n;
        if (out.pending.len > most_pending) most_pending = out.pending.len;
    }
    was_behind |= gw_out_behind(&out);
    if (!out.http || out.ending || produced < TEXT_BYTES) return;
    struct api_usage u = {.output_tokens = 1};
    struct api_error e = {.code = API_LOST};
    if (fail_at_end)
        gw_out_error(&out, &e, 1);
    else if (gw_out_end(&out, finish, &u) != 0)
        loop_stop(loop);
}
static void on_writable(void *arg) {
    (void)arg;
    gw_out_writable(&out);
    produce();
}
static void on_gone(void *arg) {
    (void)arg;
    out.http = NULL;
}
static int streaming;
static void on_request(void *arg, struct http_req *r) {
    struct api_request q = {.endpoint = API_V1_CHAT, .stream = streaming};
    struct api_reply reply;
    (void)arg;
    strcpy(q.asked, "m");
    reply_init(&reply, &q, (const uint8_t *)"0123456789abcdef", "here");
    gw_out_init(&out, r, &reply);
    http_req_watch(r, on_gone, on_writable, NULL);
    produce();
}
static void on_problem(void *arg, struct http_req *r, enum http_problem p) {
    (void)arg;
    http_reply(r, http_problem_status(p), "text/plain", "", 0);
}

/* ---- a client on its own thread that takes its time ---- */

static uint8_t *got;
static size_t got_n;
static uint16_t port;
static void stop_loop(struct loop_job *j) {
    (void)j;
    loop_stop(loop);
}
static struct loop_job client_done;
static void *client(void *arg) {
    static const char ask[] =
        "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), small = 4096;
    ssize_t n = -1;
    (void)arg;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0 && write(fd, ask, sizeof ask - 1) > 0) {
        usleep(300000); /* the answer has to wait */
        while ((n = read(fd, got + got_n, (64u << 20) - got_n)) > 0) got_n += (size_t)n;
    }
    close(fd);
    loop_post(loop, &client_done);
    return NULL;
}

static void exchange(void) {
    struct httpd *h;
    struct why why = {{0}};
    char at[ADDR_TEXT_BYTES];
    pthread_t thread;
    struct httpd_opts o = {.listen = "127.0.0.1:0", .on_request = on_request, .on_problem = on_problem};
    make_text();
    got = malloc(64u << 20);
    CHECK(got != NULL);
    got_n = 0, most_pending = 0, was_behind = 0;
    CHECK_INT(loop_new(&loop), 0);
    CHECK_INT(httpd_open(&h, loop, &o, &why), 0);
    httpd_addr(h, at);
    port = (uint16_t)atoi(strrchr(at, ':') + 1);
    client_done = (struct loop_job){.fn = stop_loop};
    CHECK_INT(pthread_create(&thread, NULL, client, NULL), 0);
    CHECK_INT(loop_run(loop), 0); /* until the client has read to the end */
    CHECK(out.ending || !out.reply.stream);
    CHECK(out.http == NULL);
    httpd_close(h);
    pthread_join(thread, NULL);
    loop_free(loop);
}

/* The chunks' payloads put together (chunked transfer coding taken off), then each event's text. */
static size_t unchunk(void) {
    uint8_t *p = memmem(got, got_n, "\r\n\r\n", 4);
    CHECK(p != NULL);
    size_t n = 0;
    for (p += 4; p < got + got_n;) {
        char *end;
        size_t size = strtoul((char *)p, &end, 16);
        p = (uint8_t *)end + 2;
        if (size == 0) break;
        CHECK(p + size + 2 <= got + got_n);
        memmove(got + n, p, size);
        n += size;
        p += size + 2;
    }
    return n;
}

static void check_stream(int whole) {
    size_t n = unchunk(), at = 0;
    int done = 0, failed = 0;
    for (uint8_t *line = got; line < got + n;) {
        uint8_t *end = memmem(line, (size_t)(got + n - line), "\n\n", 2);
        CHECK(end != NULL);
        json_t *j = NULL;
        if (end - line == 12)
            done = 1;
        else
            CHECK_INT(json_parse(&j, line + 6, (size_t)(end - line - 6), NULL), 0);
        const json_t *delta = json_object_get(json_array_get(json_object_get(j, "choices"), 0), "delta");
        const json_t *s = json_object_get(delta, "content");
        if (json_object_get(j, "error")) failed = 1;
        if (s) {
            CHECK(at + json_string_length(s) <= TEXT_BYTES + 4);
            CHECK_MEM(json_string_value(s), text + at, json_string_length(s));
            at += json_string_length(s);
        }
        json_decref(j);
        line = end + 2;
    }
    CHECK_INT(done, whole);
    CHECK_INT(failed, !whole);
    if (whole)
        CHECK(at >= TEXT_BYTES);
    else
        CHECK(at >= TEXT_BYTES - 3); /* the last character may be half */
}

TEST(a_slow_reader_gets_every_byte_and_bounds_what_waits) {
    streaming = 1, fail_at_end = 0;
    exchange();
    CHECK(was_behind);
    CHECK(most_pending < 65536);
    check_stream(1);
    gw_out_release(&out);
    free(got), free(text);
}

TEST(an_error_comes_after_the_text_and_without_done) {
    streaming = 1, fail_at_end = 1;
    exchange();
    check_stream(0);
    gw_out_release(&out);
    free(got), free(text);
}

TEST(a_whole_body_is_one_json) {
    streaming = 0, fail_at_end = 0, finish = API_FINISH_LENGTH;
    exchange();
    uint8_t *p = memmem(got, got_n, "\r\n\r\n", 4);
    json_t *j;
    CHECK(p != NULL);
    CHECK_INT(json_parse(&j, p + 4, (size_t)(got + got_n - p - 4), NULL), 0);
    const json_t *c = json_array_get(json_object_get(j, "choices"), 0),
                 *s = json_object_get(json_object_get(c, "message"), "content");
    CHECK(json_string_length(s) >= TEXT_BYTES && memcmp(json_string_value(s), text, TEXT_BYTES - 4) == 0);
    CHECK_STR(json_string_value(json_object_get(c, "finish_reason")), "length");
    json_decref(j);
    gw_out_release(&out);
    free(got), free(text);
}

TESTS_MAIN("gateway out", T(a_slow_reader_gets_every_byte_and_bounds_what_waits),
           T(an_error_comes_after_the_text_and_without_done), T(a_whole_body_is_one_json))
