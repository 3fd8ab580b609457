/* evidence/tlog_checkpoint.c - see tlog_checkpoint.h. */
#include "evidence/tlog_checkpoint.h"

#include <inttypes.h>
#include <string.h>

int tlog_number_read(uint64_t *out, const char *text, size_t n) {
    uint64_t v = 0;
    if (n == 0 || n > 19 || (text[0] == '0' && n > 1)) return ERR_FORMAT; /* 19 digits stay below 2^64 */
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9') return ERR_FORMAT;
        v = v * 10 + (uint64_t)(text[i] - '0');
    }
    if (v > TLOG_SIZE_MAX) return ERR_FORMAT;
    *out = v;
    return 0;
}

/* One line without its newline, which is there; empty when there is none. */
static struct ev_bytes next_line(struct ev_bytes *text) {
    const uint8_t *end = text->n ? memchr(text->p, '\n', text->n) : NULL;
    struct ev_bytes line = {text->p, end ? (size_t)(end - text->p) : 0};
    if (!end) return (struct ev_bytes){0};
    text->p = end + 1;
    text->n -= line.n + 1;
    return line;
}

int tlog_checkpoint_read(struct tlog_checkpoint *out, struct ev_bytes text) {
    struct tlog_checkpoint c;
    if (text.n > TLOG_TEXT_BYTES_MAX) return ERR_LIMIT;
    c.origin = next_line(&text);
    struct ev_bytes size = next_line(&text), root = next_line(&text);
    if (c.origin.n == 0 || tlog_number_read(&c.size, (const char *)size.p, size.n) != 0 ||
        tlog_hash_read(&c.root, (const char *)root.p, root.n) != 0)
        return ERR_FORMAT;
    while (text.n > 0)
        if (next_line(&text).n == 0) return ERR_FORMAT;
    *out = c;
    return 0;
}

int tlog_checkpoint_text(struct buf *b, const char *origin, uint64_t size, const struct tlog_hash *root) {
    char base64[TLOG_BASE64_BYTES + 1];
    tlog_hash_text(base64, root);
    buf_init(b, TLOG_NOTE_BYTES_MAX);
    return buf_addf(b, "%s\n%" PRIu64 "\n%s\n", origin, size, base64);
}

/* Newest first; times has room for one more. */
static void insert(uint64_t *times, unsigned n, uint64_t t) {
    for (; n > 0 && times[n - 1] < t; n--) times[n] = times[n - 1];
    times[n] = t;
}

void tlog_witnessed(struct tlog_witnessed *out, const struct tlog_note *note, const struct log_policy *trust) {
    struct tlog_witnessed w = {.log_signed = 0};
    size_t origin_n = strlen(trust->origin);
    uint64_t at;
    for (unsigned i = 0; i < note->count; i++) {
        const struct tlog_sig *s = &note->sig[i];
        int named = s->name.n == origin_n && memcmp(s->name.p, trust->origin, origin_n) == 0;
        if (!named || !tlog_sig_claims(s, TLOG_SIG_ED25519, trust->key)) continue;
        if (tlog_sig_check(s, note->text, TLOG_SIG_ED25519, trust->key, &at) == 0)
            w.log_signed = 1;
        else
            w.broken++;
    }
    for (unsigned k = 0; k < trust->witnesses; k++) {
        uint64_t newest = 0;
        int has = 0;
        for (unsigned i = 0; i < note->count; i++) {
            if (!tlog_sig_claims(&note->sig[i], TLOG_SIG_COSIGNATURE, trust->witness[k])) continue;
            if (tlog_sig_check(&note->sig[i], note->text, TLOG_SIG_COSIGNATURE, trust->witness[k], &at) != 0)
                w.broken++;
            else if (!has || at > newest)
                newest = at, has = 1;
        }
        if (has) insert(w.time, w.count++, newest);
    }
    *out = w;
}
