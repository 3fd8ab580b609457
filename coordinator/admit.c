/* coordinator/admit.c - see admit.h. */
#include "coordinator/admit.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { KEY_MIN = 8, KEY_MAX = 256 };
typedef int read_entry(uint8_t *out, const char *text, size_t n);

static int read_operator(uint8_t *out, const char *text, size_t n) { return hex_decode(out, ADMIT_OPERATOR_BYTES, text, n); }

static int read_key(uint8_t *out, const char *text, size_t n) {
    if (n < KEY_MIN || n > KEY_MAX) return ERR_FORMAT;
    for (size_t i = 0; i < n; i++)
        if (text[i] <= ' ' || text[i] > '~') return ERR_FORMAT;
    sha256_joined(out, "lull client key", text, n, NULL, 0);
    return 0;
}

static int by_16(const void *a, const void *b) { return memcmp(a, b, ADMIT_OPERATOR_BYTES); }
static int by_32(const void *a, const void *b) { return memcmp(a, b, SHA256_BYTES); }

static int load_lines(struct admit_list *l, const char *text, size_t n, const char *path, read_entry *entry, const char *what,
                      struct why *why) {
    for (size_t at = 0, line = 1; at < n; line++) {
        const char *start = text + at, *end = memchr(start, '\n', n - at);
        size_t len = end ? (size_t)(end - start) : n - at;
        at += len + 1;
        const char *comment = memchr(start, '#', len);
        if (comment) len = (size_t)(comment - start);
        while (len && (start[len - 1] == ' ' || start[len - 1] == '\t' || start[len - 1] == '\r')) len--;
        while (len && (*start == ' ' || *start == '\t')) start++, len--;
        if (len == 0) continue;
        if (l->count == ADMIT_ENTRIES_MAX) return why_set(why, ERR_LIMIT, "%s: more than %d entries", path, ADMIT_ENTRIES_MAX);
        if (entry(l->ids + l->count * l->size, start, len) != 0)
            return why_set(why, ERR_FORMAT, "%s:%zu: not %s", path, line, what); /* the text may be a secret: not shown */
        l->count++;
    }
    return 0;
}

static size_t lines_in(const struct buf *b) {
    size_t lines = 1;
    for (size_t i = 0; i < b->len; i++) lines += b->data[i] == '\n';
    return lines < ADMIT_ENTRIES_MAX ? lines : ADMIT_ENTRIES_MAX;
}

static int load(struct admit_list *l, const char *path, size_t size, read_entry *entry, const char *what, struct why *why) {
    *l = (struct admit_list){.size = size};
    if (!path) return 0;
    struct buf b;
    int r = file_read(&b, path, ADMIT_FILE_MAX, why);
    if (r != 0) return r;
    l->limited = 1;
    l->ids = mem_zalloc(lines_in(&b), size);
    r = l->ids ? load_lines(l, (const char *)b.data, b.len, path, entry, what, why) : ERR_NOMEM;
    buf_release(&b);
    if (r == 0) qsort(l->ids, l->count, size, size == SHA256_BYTES ? by_32 : by_16);
    if (r != 0) admit_release(l);
    return r;
}

int admit_operators_load(struct admit_list *l, const char *path, struct why *why) {
    return load(l, path, ADMIT_OPERATOR_BYTES, read_operator, "an operator id of 32 hex digits", why);
}

int admit_clients_load(struct admit_list *l, const char *path, struct why *why) {
    return load(l, path, SHA256_BYTES, read_key, "a key of 8 to 256 printable characters", why);
}

void admit_release(struct admit_list *l) {
    free(l->ids);
    *l = (struct admit_list){0};
}

int admit_operator(const struct admit_list *l, const uint8_t operator_id[32]) {
    return !l->limited || bsearch(operator_id, l->ids, l->count, l->size, by_16) != NULL;
}

int admit_client(const struct admit_list *l, const char *authorization) {
    uint8_t hash[SHA256_BYTES];
    if (!l->limited) return 1;
    if (!authorization || strncasecmp(authorization, "bearer ", 7) != 0) return 0;
    const char *key = authorization + 7;
    while (*key == ' ') key++;
    return read_key(hash, key, strlen(key)) == 0 && bsearch(hash, l->ids, l->count, l->size, by_32) != NULL;
}
