/* fuzz_http.c - the texts of an HTTP request that are judged before anything else: Host, Origin, Authorization,
 * Content-Encoding, the target, and HOST:PORT options. Byte 0 picks which; then heads and chunked bodies. */
#include "base/secret.h"
#include "net/addr.h"
#include "net/http_check.h"
#include "net/http_head.h"

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
/* A head is found at the same place however it arrives; its texts end inside it. */
static void one_head(char *text, size_t n) {
    static struct http_head h;
    size_t from = 0, bytewise = 0;
    int length = http_head_find((const uint8_t *)text, n, &from), again = 0;
    for (size_t k = 1; k <= n && again == 0; k++) again = http_head_find((const uint8_t *)text, k, &bytewise);
    check(length == again);
    if (length <= 0) return;
    check((size_t)length <= n && memcmp(text + length - 4, "\r\n\r\n", 4) == 0);
    if (http_head_parse(&h, text, (size_t)length) != 0) return;
    check(h.count <= HTTP_FIELDS_MAX && !(h.chunked && h.length));
    for (size_t i = 0; i < h.count; i++)
        check(h.field[i].value + strlen(h.field[i].value) < text + length && !strpbrk(h.field[i].value, "\r\n"));
}
/* Cut anywhere, a chunked body has the same bytes. */
static void one_body(const uint8_t *p, size_t n) {
    struct http_chunks whole = {0}, bytes = {0};
    const uint8_t *data;
    size_t used, data_n, at = 0, sum = 0, sum_bytes = 0;
    int r = 0, r_bytes = 0;
    for (; r == 0 && at < n; at += used, sum += data_n) r = http_chunks_take(&whole, p + at, n - at, &used, &data, &data_n);
    for (size_t i = 0; r_bytes == 0 && i < n; i += used, sum_bytes += data_n)
        r_bytes = http_chunks_take(&bytes, p + i, 1, &used, &data, &data_n);
    check(r == r_bytes && at <= n);
    if (r >= 0) check(sum == sum_bytes);
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
    switch (data[0] % 8) {
    case 0: (void)http_host_allowed(text, "myname", n & 1); break;
    case 1:
        if (http_origin_allowed(text)) check(strstr(text, "://") != NULL);
        break;
    case 2:
        if (http_bearer_matches(text, "key")) check(strcmp(text + strlen(text) - 4, " key") == 0);
        break;
    case 3: (void)http_encoding_compressed(text); break;
    case 4: one_target(text); break;
    case 5: one_head(text, n - 1); break;
    case 6: one_body((const uint8_t *)text, n - 1); break;
    default: one_address(text); break;
    }
    free(text);
    return 0;
}
