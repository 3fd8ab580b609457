/* evidence/event_log.c - reading a TCG event log, event by event. All little-endian:
 *
 *     record 0   pcr u32 | type u32 = EV_NO_ACTION | SHA-1, 20 zeros | size u32 | "Spec ID Event03\0", class u32, minor, major, errata,
 *                uintn size u8, count u32, count times {alg u16, size u16}, vendor information u8 and so many bytes
 *     others     pcr u32 | type u32 | count u32 | count times {alg u16, digest} | size u32 | data
 *
 * The older form has no such record 0, and every record is like it: {pcr, type, SHA-1, size, data}. Specification: TCG PC Client Platform
 * Firmware Profile, 1.05. */
#include "evidence/event_log.h"

#include <string.h>

static const uint8_t spec_id[16] = "Spec ID Event03";
static const uint8_t locality_id[16] = "StartupLocality";

enum { ALGS_MAX = EVENT_LOG_BANKS_MAX, DIGEST_MAX = TPM_DIGEST_MAX };

static int begins(struct ev_bytes data, const uint8_t id[16]) { return data.n >= 16 && memcmp(data.p, id, 16) == 0; }

/* ---- one record ---- */

static struct ev_bytes read_data(struct reader *r) {
    size_t n = read_u32_le(r);
    const uint8_t *p = read_bytes(r, n);
    return (struct ev_bytes){p, r->err ? 0 : n};
}

static void read_sha1_event(struct reader *r, struct event *e) {
    e->index = read_u32_le(r);
    e->type = read_u32_le(r);
    e->digests = 1;
    e->digest[0].alg = TPM_ALG_SHA1;
    e->digest[0].digest = (struct ev_bytes){read_bytes(r, 20), 20};
    e->data = read_data(r);
}

static size_t bank_size(const struct event_log *log, uint16_t alg) {
    for (unsigned i = 0; i < log->banks; i++)
        if (log->bank[i].alg == alg) return log->bank[i].size;
    return 0;
}

/* Fewer digests than the header has banks are read (firmware lists hashes that it then does not use); a bank twice is not. */
static void read_digests(const struct event_log *log, struct reader *r, struct event *e) {
    uint32_t count = read_u32_le(r);
    if (count > log->banks) read_fail(r, ERR_LIMIT);
    for (unsigned i = 0; i < count && !r->err; i++) {
        uint16_t alg = read_u16_le(r);
        size_t size = bank_size(log, alg);
        if (size == 0 || event_digest(e, alg).n) read_fail(r, ERR_FORMAT);
        e->digest[i].alg = alg;
        e->digest[i].digest = (struct ev_bytes){read_bytes(r, size), size};
        e->digests = i + 1;
    }
}

static void read_event(const struct event_log *log, struct reader *r, struct event *e) {
    *e = (struct event){.number = e->number};
    if (log->sha1_only) {
        read_sha1_event(r, e);
        return;
    }
    e->index = read_u32_le(r);
    e->type = read_u32_le(r);
    read_digests(log, r, e);
    e->data = read_data(r);
}

struct ev_bytes event_digest(const struct event *e, uint16_t alg) {
    for (unsigned i = 0; i < e->digests; i++)
        if (e->digest[i].alg == alg) return e->digest[i].digest;
    return (struct ev_bytes){0};
}

/* ---- the header ---- */

static int read_header(struct event_log *log, struct ev_bytes data, struct why *why) {
    struct reader r = reader_over(data.p, data.n);
    read_bytes(&r, 16 + 4 + 4); /* signature, platform class, versions and the size of its integers */
    uint32_t count = read_u32_le(&r);
    if (r.err || count == 0 || count > ALGS_MAX)
        return why_set(why, ERR_LIMIT, "event log: the header lists %u hashes, and 1 to %d are read", count, ALGS_MAX);
    for (unsigned i = 0; i < count; i++) {
        uint16_t alg = read_u16_le(&r), size = read_u16_le(&r);
        size_t known = tpm_hash_size(alg);
        if (r.err || size == 0 || size > DIGEST_MAX || (known && size != known) || bank_size(log, alg))
            return why_set(why, ERR_FORMAT, "event log: hash %u of the header (%04x) is of %u bytes, or there twice", i, alg,
                           size);
        log->bank[log->banks].alg = alg;
        log->bank[log->banks++].size = size;
    }
    struct reader vendor = read_block8(&r, 255); /* what follows it is nothing that anybody measures */
    if (r.err) return why_set(why, ERR_SHORT, "event log: the header is cut off");
    (void)vendor;
    return 0;
}

/* 0, with r behind the header; a log that begins otherwise is of the older form. */
static int read_first(struct event_log *log, struct reader *r, struct why *why) {
    struct reader ahead = *r;
    struct event first = {0};
    read_sha1_event(&ahead, &first);
    if (ahead.err) return why_set(why, ahead.err, "event log: it is cut off in its first record");
    if (first.type == EV_NO_ACTION_TYPE && begins(first.data, spec_id)) {
        *r = ahead;
        return read_header(log, first.data, why);
    }
    if (log->of == EVENT_LOG_CC) return why_set(why, ERR_FORMAT, "event log: it does not begin with \"Spec ID Event03\"");
    log->sha1_only = 1;
    log->banks = 1;
    log->bank[0].alg = TPM_ALG_SHA1;
    log->bank[0].size = 20;
    return 0;
}

/* ---- all of it ---- */

/* How many bytes at the end may be padding: from an event's end on, all that is left within them is. Counted once, so that a log made
 * of zeros costs no more than another. */
static size_t padding_of(struct ev_bytes text) {
    uint8_t byte = text.p[text.n - 1];
    size_t n = 0;
    if (byte != 0 && byte != 0xff) return 0;
    while (n < text.n && text.p[text.n - 1 - n] == byte) n++;
    return n;
}

/* What is not measured may be for any register: Windows writes ffffffff there. */
static int is_register(enum event_log_of of, const struct event *e) {
    if (e->type == EV_NO_ACTION_TYPE) return 1;
    return of == EVENT_LOG_TPM ? e->index < EVENT_REGISTERS : e->index > 0 && e->index < CC_REGISTERS;
}

/* What PCR 0 begins with must be known before anything extends it. */
static int read_locality(struct event_log *log, const struct event *e, int *extended, int *said, struct why *why) {
    static const uint32_t hcrtm = 0x80000010; /* EV_EFI_HCRTM_EVENT */
    if (log->of != EVENT_LOG_TPM || e->index != 0) return 0;
    if (e->type != EV_NO_ACTION_TYPE) {
        if (!*extended && e->type == hcrtm) log->startup_locality = 4; /* made before the TPM's startup */
        *extended = 1;
        return 0;
    }
    if (!begins(e->data, locality_id)) return 0;
    uint8_t value = e->data.n == 17 ? e->data.p[16] : 0xff;
    if (*said || *extended || (value != 0 && value != 3 && value != 4))
        return why_set(why, ERR_FORMAT, "event log: event %u: a StartupLocality twice, late, or other than 0, 3 and 4",
                       e->number);
    *said = 1;
    log->startup_locality = value;
    return 0;
}

static int read_all(struct event_log *log, struct reader *r, size_t padding, struct why *why) {
    const uint8_t *from = r->p;
    int extended = 0, said = 0, e = 0;
    while (e == 0 && r->left > padding) {
        struct event event = {.number = log->count};
        if (log->count == EVENT_LOG_EVENTS_MAX) return why_set(why, ERR_LIMIT, "event log: over %d events", EVENT_LOG_EVENTS_MAX);
        read_event(log, r, &event);
        if (r->err) return why_set(why, r->err, "event log: event %u is %s", log->count, err_text(r->err));
        if (!is_register(log->of, &event))
            return why_set(why, ERR_RANGE, "event log: event %u is for register %u", log->count, event.index);
        e = read_locality(log, &event, &extended, &said, why);
        log->count++;
    }
    log->events = (struct ev_bytes){from, (size_t)(r->p - from)};
    if (e == 0 && log->count == 0 && log->sha1_only) return why_set(why, ERR_FORMAT, "event log: it is no log, or an empty one");
    return e;
}

int event_log_read(struct event_log *out, struct ev_bytes text, enum event_log_of of, struct why *why) {
    struct event_log log = {.of = of};
    *out = log;
    if (text.n > EVENT_LOG_BYTES_MAX) return why_set(why, ERR_LIMIT, "event log: over %d bytes", EVENT_LOG_BYTES_MAX);
    if (text.n == 0) return why_set(why, ERR_SHORT, "event log: it is empty");
    struct reader r = reader_over(text.p, text.n);
    int e = read_first(&log, &r, why);
    if (e == 0) e = read_all(&log, &r, padding_of(text), why);
    if (e == 0) *out = log;
    return e;
}

struct event_walk event_walk_over(const struct event_log *log) {
    return (struct event_walk){.log = log, .in = reader_over(log->events.p, log->events.n)};
}

int event_next(struct event_walk *w, struct event *out) {
    if (w->in.left == 0) return 0;
    out->number = w->number++;
    read_event(w->log, &w->in, out);
    return w->in.err == 0; /* event_log_read has read the same bytes, so it is */
}
