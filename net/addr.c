/* net/addr.c - address texts; see addr.h. Look-ups are in lookup.c. */
#include "net/addr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>

static int port_read(const char *s, uint16_t *port) {
    uint32_t v = 0;
    size_t n = strlen(s);
    if (n == 0 || n > 5) return ERR_FORMAT;
    for (size_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9') return ERR_FORMAT;
        v = v * 10 + (uint32_t)(s[i] - '0');
    }
    if (v > 65535) return ERR_FORMAT;
    *port = (uint16_t)v;
    return 0;
}

int addr_split(const char *text, uint16_t port_default, char host[ADDR_HOST_BYTES], uint16_t *port) {
    const char *end, *rest;
    if (text[0] == '[') {
        text++;
        end = strchr(text, ']');
        if (!end) return ERR_FORMAT;
        rest = end + 1;
    } else {
        end = strchr(text, ':');
        if (end && strchr(end + 1, ':')) return ERR_FORMAT; /* a bare IPv6 address needs its brackets */
        if (!end) end = text + strlen(text);
        rest = end;
    }
    size_t n = (size_t)(end - text);
    if (n == 0 || n >= ADDR_HOST_BYTES) return ERR_FORMAT;
    memcpy(host, text, n);
    host[n] = 0;
    if (rest[0] == ':') return port_read(rest + 1, port);
    if (rest[0] || port_default == 0) return ERR_FORMAT;
    *port = port_default;
    return 0;
}

int addr_numeric(struct addr *a, const char *host, uint16_t port) {
    memset(a, 0, sizeof *a);
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)&a->sa;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)&a->sa;
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        a->len = sizeof *v4;
        return 0;
    }
    if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        a->len = sizeof *v6;
        return 0;
    }
    return ERR_FORMAT;
}

void addr_text(const struct addr *a, char out[ADDR_TEXT_BYTES]) {
    char host[INET6_ADDRSTRLEN] = "";
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)&a->sa;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)&a->sa;
    if (a->sa.ss_family == AF_INET && inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host))
        snprintf(out, ADDR_TEXT_BYTES, "%s:%u", host, (unsigned)ntohs(v4->sin_port));
    else if (a->sa.ss_family == AF_INET6 && inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host))
        snprintf(out, ADDR_TEXT_BYTES, "[%s]:%u", host, (unsigned)ntohs(v6->sin6_port));
    else
        snprintf(out, ADDR_TEXT_BYTES, "?");
}

static const uint8_t v4_mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* The whole address as 16 bytes. */
static void addr_16(const struct addr *a, uint8_t out[16]) {
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)&a->sa;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)&a->sa;
    memset(out, 0, 16);
    if (a->sa.ss_family == AF_INET6) {
        memcpy(out, &v6->sin6_addr, 16);
    } else if (a->sa.ss_family == AF_INET) {
        memcpy(out, v4_mapped, 12);
        memcpy(out + 12, &v4->sin_addr, 4);
    }
}

void addr_key(const struct addr *a, uint8_t out[ADDR_KEY_BYTES]) {
    addr_16(a, out);
    if (memcmp(out, v4_mapped, 12) != 0) memset(out + 8, 0, 8);
}

int addr_is_loopback(const struct addr *a) {
    uint8_t b[16];
    static const uint8_t one[16] = {[15] = 1};
    addr_16(a, b);
    return (memcmp(b, v4_mapped, 12) == 0 && b[12] == 127) || memcmp(b, one, 16) == 0;
}

void addr_nodelay(int fd) {
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}
