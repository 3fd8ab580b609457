/* evidence/tlog_kept.c - what a client keeps of a log, as text. See tlog_client.h. */
#include <inttypes.h>
#include <string.h>

#include "evidence/tlog_checkpoint.h"
#include "evidence/tlog_client.h"

static const char first_line[] = "lull log kept v1";
enum { LINES = 6 };

int tlog_kept_text(struct buf *b, const struct tlog_kept *k) {
    char root[TLOG_BASE64_BYTES + 1];
    tlog_hash_text(root, &k->root);
    buf_init(b, TLOG_KEPT_BYTES_MAX);
    return buf_addf(b, "%s\n%s\n%" PRIu64 "\n%s\n%" PRId64 "\n%" PRIu64 "\n", first_line, k->origin, k->size, root, k->newest,
                    k->states);
}

/* Exactly LINES lines. */
static int split(struct ev_bytes line[LINES], struct ev_bytes text) {
    for (int i = 0; i < LINES; i++) {
        const uint8_t *end = text.n ? memchr(text.p, '\n', text.n) : NULL;
        if (!end) return ERR_FORMAT;
        line[i] = (struct ev_bytes){text.p, (size_t)(end - text.p)};
        text.p = end + 1;
        text.n -= line[i].n + 1;
    }
    return text.n == 0 ? 0 : ERR_FORMAT;
}

static int number(uint64_t *out, struct ev_bytes line) { return tlog_number_read(out, (const char *)line.p, line.n); }

int tlog_kept_read(struct tlog_kept *out, struct ev_bytes text) {
    struct tlog_kept k = {.size = 0};
    struct ev_bytes line[LINES];
    uint64_t newest;
    int r = text.n > TLOG_KEPT_BYTES_MAX ? ERR_FORMAT : split(line, text);
    if (r != 0) return r;
    if (line[0].n != strlen(first_line) || memcmp(line[0].p, first_line, line[0].n) != 0) return ERR_VERSION;
    if (line[1].n == 0 || line[1].n > EV_ORIGIN_BYTES_MAX || memchr(line[1].p, 0, line[1].n)) return ERR_FORMAT;
    memcpy(k.origin, line[1].p, line[1].n);
    if (number(&k.size, line[2]) != 0 || tlog_hash_read(&k.root, (const char *)line[3].p, line[3].n) != 0 ||
        number(&newest, line[4]) != 0 || number(&k.states, line[5]) != 0 || k.states > k.size)
        return ERR_FORMAT;
    k.newest = (int64_t)newest;
    *out = k;
    return 0;
}
