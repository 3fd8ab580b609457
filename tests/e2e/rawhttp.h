/* tests/e2e/rawhttp.h - HTTP/1.1 by hand, so that tests can send what no client library would. */
#ifndef TESTS_E2E_RAWHTTP_H
#define TESTS_E2E_RAWHTTP_H

#include <stddef.h>

struct raw_reply {
    int status;      /* 0: no HTTP answer came */
    char head[4096]; /* status line and headers */
    char *body;      /* NUL-terminated, de-chunked; free() it */
    size_t body_len;
    int whole; /* the last chunk, or content-length bytes, came */
};
/* Connects to "127.0.0.1:PORT"; -1 on failure. */
int raw_connect(const char *at);
int raw_send(int fd, const char *bytes, size_t n);
/* Sends bytes and reads until the peer closes or ms pass (say "Connection: close"). */
struct raw_reply raw_exchange(const char *at, const char *bytes, size_t n, int ms);
/* method, path, extra header lines ("X: y\r\n" each, or ""), JSON body or NULL. Host and Content-Length are added. */
struct raw_reply raw_request(const char *at, const char *method, const char *path, const char *extra, const char *body);
/* Value of a header (any case) into out; "" when absent. */
void raw_header(const struct raw_reply *r, const char *name, char *out, size_t cap);

#endif
