/* evidence/prefetched.c - see prefetched.h. */
#include "evidence/prefetched.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/hash.h"
#include "evidence/cbor.h"

/* ---- reading ---- */

/* One line without its newline; the rest moves on. n 0 at the end: an empty line is no line of a checkpoint. */
static struct ev_bytes line_of(struct ev_bytes *text) {
    const uint8_t *end = text->n ? memchr(text->p, '\n', text->n) : NULL;
    if (!end) return (struct ev_bytes){0};
    struct ev_bytes line = {text->p, (size_t)(end - text->p)};
    text->p = end + 1;
    text->n -= line.n + 1;
    return line;
}

/* Decimal without leading zeros, as the checkpoint writes its size. */
static int read_size(struct ev_bytes line, uint64_t *out) {
    if (line.n == 0 || line.n > 19 || (line.p[0] == '0' && line.n > 1)) return ERR_FORMAT;
    *out = 0;
    for (size_t i = 0; i < line.n; i++) {
        if (line.p[i] < '0' || line.p[i] > '9') return ERR_FORMAT;
        *out = *out * 10 + (uint64_t)(line.p[i] - '0');
    }
    return 0;
}

static int read_root(struct ev_bytes line) {
    uint8_t root[32];
    size_t n;
    return line.n == 44 && base64_read(root, sizeof root, &n, (const char *)line.p, line.n, BASE64_PLAIN) == 0 && n == 32
               ? 0
               : ERR_FORMAT;
}

static int read_body(struct ev_prefetched *p) {
    struct ev_bytes text = p->body;
    struct ev_bytes origin = line_of(&text), size = line_of(&text), root = line_of(&text);
    if (origin.n == 0 || read_size(size, &p->log_size) != 0 || read_root(root) != 0) return ERR_FORMAT;
    while (text.n > 0)
        if (line_of(&text).n == 0) return ERR_FORMAT; /* extension lines: none empty, the last one ended */
    return 0;
}

static void read_fixed(struct cbor *c, uint8_t *out, size_t n) {
    struct ev_bytes b = cbor_bytes(c, n);
    if (b.n != n)
        cbor_fail(c, ERR_FORMAT);
    else
        memcpy(out, b.p, n);
}

static void read_cosignature(struct cbor *c, struct ev_prefetched *p) {
    struct cbor_list list = cbor_array(c);
    struct ev_cosignature *s = &p->cosignature[p->count];
    if (list.left != 3) cbor_fail(c, ERR_FORMAT);
    if (cbor_next(c, &list)) read_fixed(c, s->key, 32);
    if (cbor_next(c, &list)) s->time = cbor_uint(c);
    if (cbor_next(c, &list)) read_fixed(c, s->sig, 64);
    (void)cbor_next(c, &list);
    if (s->time > INT64_MAX) cbor_fail(c, ERR_RANGE);
    if (p->count > 0 && memcmp(s[-1].key, s->key, 32) >= 0) cbor_fail(c, ERR_FORMAT);
    p->count++;
}

int ev_prefetched_read(struct ev_prefetched *p, struct ev_bytes bytes) {
    struct cbor c = cbor_over(bytes.p, bytes.n, CBOR_DETERMINISTIC);
    *p = (struct ev_prefetched){.count = 0};
    struct cbor_list all = cbor_array(&c), list = {0};
    if (all.left != 3) cbor_fail(&c, ERR_FORMAT);
    if (cbor_next(&c, &all)) p->body = cbor_bytes(&c, EV_CHECKPOINT_BYTES_MAX);
    if (cbor_next(&c, &all)) read_fixed(&c, p->log_sig, 64);
    if (cbor_next(&c, &all)) list = cbor_array(&c);
    if (list.left > EV_WITNESSES_MAX) cbor_fail(&c, ERR_LIMIT);
    while (cbor_next(&c, &list)) read_cosignature(&c, p);
    (void)cbor_next(&c, &all);
    int r = cbor_end(&c);
    if (r == 0 && p->count == 0) r = ERR_FORMAT;
    return r == 0 ? read_body(p) : r;
}

/* ---- the nonce ---- */

static void put_u64(uint8_t out[8], uint64_t v) {
    for (int i = 7; i >= 0; i--, v >>= 8) out[i] = (uint8_t)v;
}

void ev_prefetched_nonce(uint8_t nonce[32], const struct ev_prefetched *p) {
    struct sha256 h;
    uint8_t time[8];
    sha256_init(&h);
    sha256_add(&h, "lull nonce v1", 13);
    sha256_add(&h, p->body.p, p->body.n);
    for (unsigned i = 0; i < p->count; i++) {
        put_u64(time, p->cosignature[i].time);
        sha256_add(&h, time, 8);
        sha256_add(&h, p->cosignature[i].sig, 64);
    }
    sha256_done(&h, nonce);
}

/* ---- checking ---- */

static int cosigned(const struct ev_prefetched *p, const struct ev_cosignature *s) {
    uint8_t text[64 + EV_CHECKPOINT_BYTES_MAX];
    int n = snprintf((char *)text, 64, "cosignature/v1\ntime %" PRIu64 "\n", s->time);
    memcpy(text + n, p->body.p, p->body.n);
    return crypto_sign_verify_detached(s->sig, text, (size_t)n + p->body.n, s->key) == 0;
}

static int is_witness(const struct log_policy *policy, const uint8_t key[32]) {
    for (unsigned i = 0; i < policy->witnesses; i++)
        if (memcmp(policy->witness[i], key, 32) == 0) return 1;
    return 0;
}

static int newest_first(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? 1 : x > y ? -1 : 0;
}

static int check_origin(struct ev_report *r, const struct ev_prefetched *p, const struct log_policy *policy) {
    size_t n = strlen(policy->origin);
    if (!policy->given)
        return ev_fail(r, "nonce_log", EV_REFUSED, "the nonce is a log's checkpoint, and the policy names no log");
    return ev_check(r, "nonce_log", p->body.n > n && memcmp(p->body.p, policy->origin, n) == 0 && p->body.p[n] == '\n',
                    EV_REFUSED, "the checkpoint is of another log than \"%.80s\"", policy->origin);
}

/* Times of the policy's witnesses, newest first. */
static unsigned times_of(const struct ev_prefetched *p, const struct log_policy *policy, uint64_t times[EV_WITNESSES_MAX]) {
    unsigned n = 0;
    for (unsigned i = 0; i < p->count; i++)
        if (is_witness(policy, p->cosignature[i].key)) times[n++] = p->cosignature[i].time;
    qsort(times, n, sizeof *times, newest_first);
    return n;
}

uint64_t ev_prefetched_time(const struct ev_prefetched *p, const struct log_policy *policy) {
    uint64_t times[EV_WITNESSES_MAX];
    unsigned n = times_of(p, policy, times);
    return policy->k > 0 && n >= policy->k ? times[policy->k - 1] : 0;
}

static int check_times(struct ev_report *r, const uint64_t *times, unsigned k, int64_t max_age_s, int64_t now) {
    int64_t newest = (int64_t)times[0], oldest = (int64_t)times[k - 1];
    if (!ev_check(r, "nonce_time", newest <= now, EV_INVALID,
                  "a witness signed at %" PRId64 ", after the time %" PRId64 " given here", newest, now))
        return 0;
    return ev_check(r, "nonce_age", now - oldest <= max_age_s, EV_REFUSED,
                    "made from a checkpoint of %" PRId64 " seconds ago; %" PRId64 " are allowed", now - oldest, max_age_s);
}

int ev_prefetched_check(struct ev_report *r, const struct ev_prefetched *p, const struct log_policy *policy, int64_t max_age_s,
                        int64_t now, uint64_t log_size_seen) {
    uint64_t times[EV_WITNESSES_MAX];
    unsigned bad = 0;
    if (!check_origin(r, p, policy)) return 0;
    int good = ev_check(r, "log_signature", crypto_sign_verify_detached(p->log_sig, p->body.p, p->body.n, policy->key) == 0,
                        EV_INVALID, "the log's signature over the checkpoint does not verify");
    for (unsigned i = 0; i < p->count; i++) bad += !cosigned(p, &p->cosignature[i]);
    good &= ev_check(r, "cosignatures", bad == 0, EV_INVALID, "%u of %u cosignatures do not verify", bad, p->count);
    if (!good) return 0; /* times that nobody signed are not looked at */
    unsigned n = times_of(p, policy, times);
    good = ev_check(r, "witnesses", n >= policy->k, EV_REFUSED, "%u of the policy's witnesses have signed; %u must", n,
                    policy->k);
    if (n >= policy->k) good &= check_times(r, times, policy->k, max_age_s, now);
    return good & ev_check(r, "log_rollback", p->log_size >= log_size_seen, EV_REFUSED,
                           "the log has %" PRIu64 " entries here, and had %" PRIu64 " before", p->log_size, log_size_seen);
}
