/* evidence/prefetched_make.c - see prefetched_make.h. */
#include "evidence/prefetched_make.h"

#include <string.h>

#include "evidence/cbor.h"
#include "evidence/tlog_checkpoint.h"

enum { SIG_BYTES = 64, COSIG_TIME_BYTES = 8 /* before the signature, in a line of type 4 */ };

/* The log's own line, or NULL. Its name is the origin. */
static const struct tlog_sig *log_line(const struct tlog_note *note, const struct log_policy *trust) {
    uint64_t ignored;
    for (unsigned i = 0; i < note->count; i++) {
        const struct tlog_sig *s = &note->sig[i];
        if (s->name.n != strlen(trust->origin) || memcmp(s->name.p, trust->origin, s->name.n) != 0) continue;
        if (tlog_sig_claims(s, TLOG_SIG_ED25519, trust->key) && s->n == SIG_BYTES &&
            tlog_sig_check(s, note->text, TLOG_SIG_ED25519, trust->key, &ignored) == 0)
            return s;
    }
    return NULL;
}

/* 1: this witness has signed; its newest. */
static int newest_of(const struct tlog_note *note, const uint8_t key[32], struct ev_cosignature *out) {
    int found = 0;
    for (unsigned i = 0; i < note->count; i++) {
        const struct tlog_sig *s = &note->sig[i];
        uint64_t time;
        if (!tlog_sig_claims(s, TLOG_SIG_COSIGNATURE, key) || s->n != COSIG_TIME_BYTES + SIG_BYTES ||
            tlog_sig_check(s, note->text, TLOG_SIG_COSIGNATURE, key, &time) != 0 || (found && time <= out->time))
            continue;
        memcpy(out->key, key, 32);
        memcpy(out->sig, s->bytes + COSIG_TIME_BYTES, SIG_BYTES);
        out->time = time;
        found = 1;
    }
    return found;
}

static void insert_by_key(struct ev_cosignature *list, unsigned n, const struct ev_cosignature *one) {
    for (; n > 0 && memcmp(list[n - 1].key, one->key, 32) > 0; n--) list[n] = list[n - 1];
    list[n] = *one;
}

static unsigned collect(const struct tlog_note *note, const struct log_policy *trust, struct ev_cosignature *list,
                        uint64_t *oldest) {
    unsigned n = 0;
    struct ev_cosignature one = {.time = 0};
    for (unsigned i = 0; i < trust->witnesses; i++) {
        if (!newest_of(note, trust->witness[i], &one)) continue;
        if (n == 0 || one.time < *oldest) *oldest = one.time;
        insert_by_key(list, n++, &one);
    }
    return n;
}

static int write_member(struct buf *out, struct ev_bytes text, const uint8_t log_sig[SIG_BYTES],
                        const struct ev_cosignature *list, unsigned n) {
    buf_init(out, EV_PREFETCHED_BYTES_MAX);
    uint8_t *to = buf_room(out, EV_PREFETCHED_BYTES_MAX);
    struct writer w = writer_over(to, to ? EV_PREFETCHED_BYTES_MAX : 0);
    cbor_put_array(&w, 3);
    cbor_put_bytes(&w, text.p, text.n);
    cbor_put_bytes(&w, log_sig, SIG_BYTES);
    cbor_put_array(&w, n);
    for (unsigned i = 0; i < n; i++) {
        cbor_put_array(&w, 3);
        cbor_put_bytes(&w, list[i].key, 32);
        cbor_put_uint(&w, list[i].time);
        cbor_put_bytes(&w, list[i].sig, SIG_BYTES);
    }
    out->len = w.len;
    return w.err;
}

int ev_prefetched_of_note(struct buf *out, const struct tlog_note *note, const struct log_policy *trust, uint64_t *oldest,
                          struct why *why) {
    struct ev_cosignature list[EV_WITNESSES_MAX];
    struct tlog_checkpoint c;
    *oldest = 0;
    buf_init(out, 0);
    int r = note->text.n > EV_CHECKPOINT_BYTES_MAX ? ERR_LIMIT : tlog_checkpoint_read(&c, note->text);
    if (r == 0 && (c.origin.n != strlen(trust->origin) || memcmp(c.origin.p, trust->origin, c.origin.n) != 0)) r = ERR_FORMAT;
    if (r != 0) return why_set(why, r, "no checkpoint of the log \"%.100s\"", trust->origin);
    const struct tlog_sig *own = log_line(note, trust);
    if (!own) return why_set(why, ERR_AUTH, "the checkpoint is not signed by the log");
    unsigned n = collect(note, trust, list, oldest);
    if (n < trust->k || n == 0)
        return why_set(why, ERR_AUTH, "%u of the given witnesses have signed the checkpoint, and %u must", n, trust->k);
    return write_member(out, note->text, own->bytes, list, n);
}
