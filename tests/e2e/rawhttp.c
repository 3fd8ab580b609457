/* tests/e2e/rawhttp.c - see rawhttp.h. */
#include "tests/e2e/rawhttp.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

enum { REPLY_MAX = 16 << 20 };

int raw_connect(const char *at) {
    const char *colon = strrchr(at, ':');
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)(colon ? atoi(colon + 1) : 0))};
    inet_pton(AF_INET, "127.0.0.1", &a.sin_addr);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0) return fd;
    if (fd >= 0) close(fd);
    return -1;
}

int raw_send(int fd, const char *bytes, size_t n) {
    while (n) {
        ssize_t put = send(fd, bytes, n, MSG_NOSIGNAL);
        if (put <= 0) return -1;
        bytes += put;
        n -= (size_t)put;
    }
    return 0;
}

void raw_header(const struct raw_reply *r, const char *name, char *out, size_t cap) {
    size_t n = strlen(name);
    out[0] = 0;
    for (const char *line = r->head; (line = strstr(line, "\r\n")) != NULL;) {
        line += 2;
        if (strncasecmp(line, name, n) != 0 || line[n] != ':') continue;
        const char *value = line + n + 1 + strspn(line + n + 1, " ");
        snprintf(out, cap, "%.*s", (int)strcspn(value, "\r\n"), value);
        return;
    }
}

/* In place; sets whole when the closing chunk was seen. */
static void dechunk(struct raw_reply *r) {
    char *from = r->body, *end = r->body + r->body_len, *to = r->body;
    while (from < end) {
        char *after;
        size_t n = strtoul(from, &after, 16);
        char *data = strstr(after, "\r\n");
        if (!data) break;
        data += 2;
        if (n == 0) {
            r->whole = 1;
            break;
        }
        if (n > (size_t)(end - data)) n = (size_t)(end - data);
        memmove(to, data, n);
        to += n;
        from = data + n + 2;
    }
    r->body_len = (size_t)(to - r->body);
    *to = 0;
}

static void split(struct raw_reply *r, char *all, size_t n) {
    char value[64], *gap = strstr(all, "\r\n\r\n");
    if (!gap || sscanf(all, "HTTP/1.%*d %d", &r->status) != 1) return;
    snprintf(r->head, sizeof r->head, "%.*s\r\n", (int)(gap - all), all);
    r->body_len = n - (size_t)(gap + 4 - all);
    memmove(all, gap + 4, r->body_len + 1);
    raw_header(r, "Transfer-Encoding", value, sizeof value);
    if (strcmp(value, "chunked") == 0)
        dechunk(r);
    else {
        raw_header(r, "Content-Length", value, sizeof value);
        r->whole = value[0] && strtoul(value, NULL, 10) == r->body_len;
    }
}

struct raw_reply raw_exchange(const char *at, const char *bytes, size_t n, int ms) {
    struct raw_reply r = {.body = calloc(1, REPLY_MAX + 1)};
    int fd = r.body ? raw_connect(at) : -1;
    size_t len = 0;
    if (fd < 0) return r;
    (void)raw_send(fd, bytes, n); /* a peer that refuses early may close first: its answer still counts */
    for (uint64_t until = clock_mono_ms() + (uint64_t)ms; len < REPLY_MAX && clock_mono_ms() < until;) {
        struct pollfd f = {.fd = fd, .events = POLLIN};
        if (poll(&f, 1, 100) <= 0) continue;
        ssize_t got = recv(fd, r.body + len, REPLY_MAX - len, 0);
        if (got <= 0) break;
        len += (size_t)got;
    }
    close(fd);
    split(&r, r.body, len);
    return r;
}

struct raw_reply raw_request(const char *at, const char *method, const char *path, const char *extra, const char *body) {
    size_t n = body ? strlen(body) : 0;
    char *all = malloc(n + 2048);
    if (!all) return (struct raw_reply){0};
    int head = snprintf(all, 2048, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n%s", method, path, at, extra);
    if (body) head += snprintf(all + head, 2048 - (size_t)head, "Content-Type: application/json\r\nContent-Length: %zu\r\n", n);
    head += snprintf(all + head, 2048 - (size_t)head, "\r\n");
    if (body) memcpy(all + head, body, n);
    struct raw_reply r = raw_exchange(at, all, (size_t)head + n, 30000);
    free(all);
    return r;
}
