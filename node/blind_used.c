/* node/blind_used.c - see blind_used.h. */
#include "node/blind_used.h"
#include "base/hash.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX = 64 + 1 + 20 + 1, FILE_MAX = BLIND_ACCOUNTS_MAX * LINE_MAX, PATH_BYTES = 600 };
#define FILE_NAME "blind.used"

static void name_of(char hex[65], const struct blind_account *a) {
    uint8_t hash[SHA256_BYTES];
    sha256_joined(hash, "lull blind account", a->token, a->token_n, NULL, 0);
    hex_encode(hex, hash, sizeof hash);
}

/* Another number, as good as always, whenever one of them has changed. */
static uint64_t state_of(const struct blind_accounts *a) {
    uint64_t sum = 0;
    for (size_t i = 0; i < a->count; i++) sum = sum * 0x9e3779b97f4a7c15u + atomic_load(&a->list[i].used);
    return sum;
}

/* ---- reading ---- */

static void restore(struct blind_accounts *a, const char *name, uint64_t used) {
    char hex[65];
    for (size_t i = 0; i < a->count; i++) {
        name_of(hex, &a->list[i]);
        if (memcmp(hex, name, 64) == 0) atomic_store(&a->list[i].used, used);
    }
}

/* "ACCOUNT COLUMNS" of n characters. */
static int line_read(struct blind_accounts *a, const char *text, size_t n) {
    uint64_t used = 0;
    if (n < 66 || n >= LINE_MAX || text[64] != ' ') return ERR_FORMAT;
    for (size_t i = 65; i < n; i++) {
        if (text[i] < '0' || text[i] > '9' || used > (UINT64_MAX - 9) / 10) return ERR_FORMAT;
        used = used * 10 + (uint64_t)(text[i] - '0');
    }
    restore(a, text, used);
    return 0;
}

int blind_used_read(struct blind_accounts *a, const struct data_dir *dir, struct why *why) {
    char path[PATH_BYTES];
    struct buf b = {0};
    if (!a->list) return 0;
    int r = data_dir_file(dir, FILE_NAME, path, sizeof path);
    if (r == 0) r = file_read_private(&b, path, FILE_MAX, why);
    if (r == ERR_NOTFOUND) return 0;
    for (size_t at = 0, line = 1; r == 0 && at < b.len; line++) {
        const char *start = (const char *)b.data + at, *end = memchr(start, '\n', b.len - at);
        size_t n = end ? (size_t)(end - start) : b.len - at;
        if (line_read(a, start, n) != 0)
            r = why_set(why, ERR_FORMAT,
                        "%s:%zu: not an account and a number: what clients have used is not known; without this file all "
                        "is taken for unused",
                        path, line);
        at += n + 1;
    }
    buf_release(&b);
    a->used_kept = state_of(a); /* a file that cannot be read is not written over, either */
    return r;
}

/* ---- writing ---- */

int blind_used_write(struct blind_accounts *a, const struct data_dir *dir, struct why *why) {
    char path[PATH_BYTES], hex[65];
    struct buf b;
    uint64_t now = state_of(a);
    if (!a->list || now == a->used_kept) return 0;
    buf_init(&b, FILE_MAX);
    int r = data_dir_file(dir, FILE_NAME, path, sizeof path);
    for (size_t i = 0; r == 0 && i < a->count; i++) {
        name_of(hex, &a->list[i]);
        r = buf_addf(&b, "%s %llu\n", hex, (unsigned long long)atomic_load(&a->list[i].used));
    }
    if (r == 0) r = file_write(path, b.data, b.len, 0600, why);
    if (r == 0) a->used_kept = now;
    buf_release(&b);
    return r;
}
