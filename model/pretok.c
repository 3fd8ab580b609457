/* model/pretok.c - applies the stages of a family to a text; see pretok.h. */
#include "model/pretok.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "model/pretok_scan.h"

#include <stdlib.h>
#include <string.h>

struct split {
    const struct pretok *t;
    const uint8_t *at; /* where the next word starts in the text */
    int (*word)(void *ctx, const uint8_t *p, size_t n);
    void *ctx;
};

static size_t bytes_of(const pretok_char *c, size_t n) {
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t cp = ch_code(c[i]);
        bytes += c[i] & CH_RAW ? 1 : cp < 0x80 ? 1 : cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
    }
    return bytes;
}

static size_t before_last_blanks(const pretok_char *c, size_t n) {
    while (n && ch_space(c[n - 1])) n--;
    return n;
}

/* Pieces arrive from left to right at every stage, so the text is walked along with the last one. */
static int piece(struct split *s, size_t stage, const pretok_char *c, size_t n) {
    if (n == 0) return 0;
    pretok_match *match = s->t->stage[stage];
    if (!match) {
        const uint8_t *from = s->at;
        s->at += bytes_of(c, n);
        return s->word(s->ctx, from, (size_t)(s->at - from));
    }
    int r = 0;
    size_t from = 0, first = match == scan_blanks_at_end ? before_last_blanks(c, n) : 0;
    for (size_t at = first; r == 0 && at < n;) {
        size_t len = match(c + at, n - at);
        if (len == 0) {
            at++;
            continue;
        }
        r = piece(s, stage + 1, c + from, at - from);
        if (r == 0) r = piece(s, stage + 1, c + at, len);
        from = at += len;
    }
    return r == 0 ? piece(s, stage + 1, c + from, n - from) : r;
}

static size_t decode(pretok_char *c, const uint8_t *text, size_t n) {
    size_t count = 0;
    for (size_t i = 0; i < n;) {
        uint32_t cp = 0xfffd;
        int used = utf8_get(text + i, n - i, &cp);
        if (used < 1) cp = 0xfffd;
        c[count++] = cp | unicode_class_of(cp) << CH_CLASS_SHIFT | (used < 1 ? CH_RAW : 0);
        i += used < 1 ? 1 : (size_t)used;
    }
    return count;
}

int pretok_split(const struct pretok *t, const uint8_t *text, size_t n, int (*word)(void *ctx, const uint8_t *p, size_t n),
                 void *ctx) {
    pretok_char *c = mem_zalloc(n, sizeof *c);
    if (!c) return ERR_NOMEM;
    struct split s = {.t = t, .at = text, .word = word, .ctx = ctx};
    size_t count = decode(c, text, n);
    int r = piece(&s, 0, c, count);
    mem_wipe(c, count * sizeof *c);
    free(c);
    return r;
}
