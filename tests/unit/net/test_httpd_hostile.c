/* test_httpd_hostile.c - the HTTP server and those who are not welcome: foreign hosts, bodies of two lengths, too much, too slow. */
#include "tests/unit/net/site.h"

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

TESTS_MAIN("httpd_hostile", T(host_and_origin_are_checked_before_any_work),
           T(a_body_length_that_can_be_read_twice_ends_the_connection), T(a_refused_request_is_answered_before_its_body_is_kept),
           T(bodies_connections_and_time_are_bounded), T(keys_bodies_and_counts_have_limits))
