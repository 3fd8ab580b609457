/* test_httpd.c - the HTTP server with raw sockets as clients: what a well-behaved client sees, and one that leaves or is slow. */
#include "tests/unit/net/site.h"

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
    struct talk t;
    talk_open(&t);
    say(t.fd, "HEAD /a HTTP/1.1\r\nHost: localhost\r\n\r\n");
    CHECK_INT(talk_hear(&t, "\r\n\r\n"), 1);
    CHECK(strstr(t.out, "Content-Length: 12\r\n") != NULL); /* "HEAD /a  0 0" */
    CHECK_INT(strlen(strstr(t.out, "\r\n\r\n")), 4);
    talk_get(&t, "/b"); /* the connection is still in step */
    CHECK_INT(talk_hear(&t, "GET /b"), 1);
    talk_close(&t);
}
TEST(pipelined_requests_are_answered_in_turn) {
    struct talk t;
    talk_open(&t);
    say(t.fd,
        "GET /hold HTTP/1.1\r\nHost: localhost\r\n\r\nGET /two HTTP/1.1\r\nHost: localhost\r\n\r\nPOST /three HTTP/1.1\r\nHost: "
        "localhost\r\nContent-Length: 2\r\n\r\nhi");
    run_ms(&t.s, 50);
    CHECK_INT(t.s.requests, 1); /* the second waits, and the process lives */
    CHECK(t.s.held != NULL);
    site_reply(&t.s, "one");
    CHECK_INT(talk_hear(&t, "POST /three"), 1);
    CHECK(strstr(t.out, "GET /two") != NULL);
    CHECK_INT(t.s.requests, 3);
    talk_close(&t);
}
/* The read bound of a waiting request must be lifted for the next body on the same connection. */
TEST(a_large_body_follows_a_held_request) {
    struct talk t;
    talk_open(&t);
    talk_get(&t, "/hold");
    run_ms(&t.s, 20);
    site_reply(&t.s, "one");
    CHECK_INT(talk_hear(&t, "one"), 1);
    char *body = calloc(1, 200001);
    memset(body, 'x', 200000);
    say(t.fd, "POST /big HTTP/1.1\r\nHost: localhost\r\nContent-Length: 200000\r\n\r\n");
    for (size_t at = 0; at < 200000;) {
        ssize_t n = send(t.fd, body + at, 200000 - at, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0) at += (size_t)n;
        run_ms(&t.s, 1);
    }
    CHECK_INT(talk_hear(&t, "POST /big  200000"), 1);
    free(body);
    talk_close(&t);
}
TEST(a_slow_body_arrives_whole) {
    struct talk t;
    talk_open(&t);
    say(t.fd, "POST /slow HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n");
    for (int i = 0; i < 5; i++) {
        say(t.fd, "z");
        run_ms(&t.s, 10);
    }
    CHECK_INT(talk_hear(&t, "POST /slow  5"), 1);
    talk_close(&t);
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
    struct talk t;
    talk_open(&t);
    talk_get(&t, "/stream");
    CHECK_INT(talk_hear(&t, "data: 1\n\n"), 1);
    CHECK(strstr(t.out, "Transfer-Encoding: chunked") && strstr(t.out, "text/event-stream"));
    CHECK_INT(http_stream_write(t.s.held, "data: 2\n\n", 9), 0);
    http_stream_end(t.s.held);
    t.s.held = NULL;
    CHECK_INT(talk_hear(&t, "\r\n0\r\n\r\n"), 1);
    talk_get(&t, "/after");
    CHECK_INT(talk_hear(&t, "GET /after"), 1);
    talk_close(&t);
}
TEST(an_aborted_stream_does_not_look_whole) {
    struct talk t;
    talk_open(&t);
    talk_get(&t, "/abort");
    CHECK_INT(talk_hear(&t, "0\r\n\r\n"), -1);
    CHECK_INT(errno, ECONNRESET);
    CHECK_INT(t.s.gone, 0);
    talk_close(&t);
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
TEST(a_client_that_waits_is_told_to_continue) {
    struct talk t;
    talk_open(&t);
    say(t.fd, "\r\nPOST / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    CHECK_INT(talk_hear(&t, "100 Continue\r\n\r\n"), 1);
    say(t.fd, "abc");
    CHECK_INT(talk_hear(&t, "POST /  3 96354"), 1);
    talk_close(&t);
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
           T(a_client_that_waits_is_told_to_continue), T(closing_the_server_tells_the_owners_of_live_requests))
