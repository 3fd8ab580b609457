/* fuzz_http.c - the texts of an HTTP request that are judged before anything else: Host, Origin, Authorization,
 * Content-Encoding, the target, and HOST:PORT options. Byte 0 picks which. */
#include "base/secret.h"
#include "net/addr.h"
#include "net/http_check.h"

#include <stdlib.h>
#include <string.h>

static void check(int ok) {
    if (!ok) abort();
}
static void one_target(const char *text) {
    char path[64];
    const char *query = NULL;
    if (!http_target_split(text, path, sizeof path, &query)) return;
    size_t n = strlen(path);
    check(path[0] == '/' && n < sizeof path && strncmp(text, path, n) == 0);
    check(text[n] == 0 || (text[n] == '?' && query == text + n + 1));
}
static void one_address(const char *text) {
    char host[ADDR_HOST_BYTES], out[ADDR_TEXT_BYTES], again_host[ADDR_HOST_BYTES];
    uint16_t port, again_port;
    struct addr a, b;
    if (addr_split(text, 0, host, &port) != 0) return;
    check(host[0] && strlen(host) < ADDR_HOST_BYTES);
    if (addr_numeric(&a, host, port) != 0) return;
    addr_text(&a, out); /* what we print, we read */
    check(addr_split(out, 0, again_host, &again_port) == 0 && again_port == port);
    check(addr_numeric(&b, again_host, again_port) == 0 && a.len == b.len && memcmp(&a.sa, &b.sa, a.len) == 0);
}
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static int ready;
    if (!ready && secret_setup() != 0) abort();
    ready = 1;
    if (n < 1) return 0;
    char *text = malloc(n);
    if (!text) return 0;
    memcpy(text, data + 1, n - 1);
    text[n - 1] = 0;
    switch (data[0] % 6) {
    case 0: (void)http_host_allowed(text, "myname"); break;
    case 1:
        if (http_origin_allowed(text)) check(strstr(text, "://") != NULL);
        break;
    case 2:
        if (http_bearer_matches(text, "key")) check(strcmp(text + strlen(text) - 4, " key") == 0);
        break;
    case 3: (void)http_encoding_compressed(text); break;
    case 4: one_target(text); break;
    default: one_address(text); break;
    }
    free(text);
    return 0;
}
