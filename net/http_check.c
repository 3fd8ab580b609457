/* net/http_check.c - Host, Origin, bearer, target; see http_check.h. The point of the Host and Origin checks is a web page
 * elsewhere: it can make the user's browser talk to loopback, under its own name (DNS rebinding) or as a foreign origin. */
#include "net/http_check.h"
#include "base/hash.h"
#include "base/mem.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

enum { HOST_BYTES_MAX = 255, ORIGIN_BYTES_MAX = 512 };

/* ---- host ---- */
/* Cuts ":port" and brackets off; 0: malformed. */
static int host_only(const char *value, char out[HOST_BYTES_MAX + 1]) {
    size_t n = strlen(value), len;
    const char *at = value, *rest;
    if (n == 0 || n > HOST_BYTES_MAX) return 0;
    if (value[0] == '[') {
        const char *end = strchr(value, ']');
        if (!end) return 0;
        at = value + 1;
        len = (size_t)(end - at);
        rest = end + 1;
    } else {
        len = strcspn(value, ":");
        rest = value + len;
    }
    if (len == 0) return 0;
    if (rest[0]) {
        size_t digits = strspn(rest + 1, "0123456789");
        if (rest[0] != ':' || digits == 0 || digits > 5 || rest[1 + digits]) return 0;
    }
    memcpy(out, at, len);
    out[len] = 0;
    if (out[len - 1] == '.') out[len - 1] = 0; /* "localhost." is localhost */
    return out[0] != 0;
}

static int ends_with(const char *s, const char *tail) {
    size_t n = strlen(s), t = strlen(tail);
    return n > t && strcasecmp(s + n - t, tail) == 0;
}

static int v4_private(uint32_t a) {
    return a >> 24 == 127 || a >> 24 == 10 || a >> 20 == 0xac1 || a >> 16 == 0xc0a8 || a >> 16 == 0xa9fe || a == 0;
}

static int v6_private(const uint8_t a[16]) {
    static const uint8_t zero[16] = {0}, one[16] = {[15] = 1}, mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (memcmp(a, zero, 16) == 0 || memcmp(a, one, 16) == 0) return 1;
    if ((a[0] & 0xfe) == 0xfc || (a[0] == 0xfe && (a[1] & 0xc0) == 0x80)) return 1; /* unique local, link-local */
    if (memcmp(a, mapped, 12) != 0) return 0;
    return v4_private((uint32_t)a[12] << 24 | (uint32_t)a[13] << 16 | (uint32_t)a[14] << 8 | a[15]);
}

int http_host_allowed(const char *value, const char *own_name, int on_loopback) {
    static const char name_bytes[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-_";
    char host[HOST_BYTES_MAX + 1];
    struct in_addr v4;
    struct in6_addr v6;
    if (!host_only(value, host)) return 0;
    if (value[0] == '[') return inet_pton(AF_INET6, host, &v6) == 1 && v6_private(v6.s6_addr);
    if (inet_pton(AF_INET, host, &v4) == 1) return v4_private(ntohl(v4.s_addr));
    if (host[strspn(host, name_bytes)]) return 0; /* "evil.com .localhost", a folded line, is no name */
    if (strcasecmp(host, "localhost") == 0 || (own_name && own_name[0] && strcasecmp(host, own_name) == 0)) return 1;
    if (strcasecmp(host, "host.docker.internal") == 0 || strcasecmp(host, "host.containers.internal") == 0) return 1;
    if (on_loopback) return ends_with(host, ".localhost");
    return ends_with(host, ".localhost") || ends_with(host, ".local") || ends_with(host, ".internal");
}

/* ---- origin ---- */
static int loopback_name(const char *authority) {
    char host[HOST_BYTES_MAX + 1];
    struct in_addr v4;
    struct in6_addr v6;
    static const uint8_t one[16] = {[15] = 1};
    if (!host_only(authority, host)) return 0;
    if (authority[0] == '[') return inet_pton(AF_INET6, host, &v6) == 1 && memcmp(v6.s6_addr, one, 16) == 0;
    if (inet_pton(AF_INET, host, &v4) == 1) return ntohl(v4.s_addr) >> 24 == 127 || v4.s_addr == 0;
    return strcasecmp(host, "localhost") == 0;
}

int http_origin_allowed(const char *origin) {
    static const char *const apps[] = {"app://", "file://", "tauri://", "vscode-webview://", "vscode-file://"};
    if (strlen(origin) > ORIGIN_BYTES_MAX) return 0;
    for (size_t i = 0; i < sizeof apps / sizeof apps[0]; i++)
        if (strncasecmp(origin, apps[i], strlen(apps[i])) == 0) return 1;
    if (strncasecmp(origin, "http://", 7) == 0) return loopback_name(origin + 7);
    if (strncasecmp(origin, "https://", 8) == 0) return loopback_name(origin + 8);
    return 0;
}

/* ---- the rest ---- */
int http_bearer_matches(const char *value, const char *key) {
    uint8_t a[SHA256_BYTES], b[SHA256_BYTES];
    if (strncasecmp(value, "Bearer ", 7) != 0) return 0;
    value += 7 + strspn(value + 7, " ");
    /* Digests, so that neither the place of a difference nor the key's length shows in the time. */
    sha256_of(a, value, strlen(value));
    sha256_of(b, key, strlen(key));
    int same = mem_equal_ct(a, b, sizeof a);
    mem_wipe(b, sizeof b);
    return same;
}

int http_encoding_compressed(const char *value) { return value[0] != 0 && strcasecmp(value, "identity") != 0; }

int http_target_split(const char *target, char *path, size_t path_cap, const char **query) {
    size_t n = strcspn(target, "?");
    if (target[0] != '/' || n >= path_cap) return 0;
    for (const char *p = target; *p; p++)
        if (*p < 0x21 || *p > 0x7e || *p == '#') return 0;
    memcpy(path, target, n);
    path[n] = 0;
    *query = target[n] == '?' ? target + n + 1 : target + n;
    return 1;
}
