/* seal/usage.c - see usage.h.
 *
 *     usage          u8 version | header hash 32 | key id 32 | u32 from | u32 prompt tokens | u32 output tokens |
 *                    u64 start ms | u64 end ms | receipt hash 32 | signature 64
 *     countersign    u8 version | u16-block usage | job 16 | node identity 32 | u64 frames | u64 bytes |
 *                    u64 start ms | u64 end ms | coordinator key 32 | signature 64 */
#include "seal/usage.h"
#include "base/err.h"
#include "base/hash.h"
#include "seal/idlist.h"
#include "seal/seal_err.h"

#include <string.h>

static void usage_signed_bytes(struct writer *w, const struct usage *u) {
    write_u8(w, USAGE_VERSION);
    write_bytes(w, u->header_hash, 32);
    write_bytes(w, u->key_id, 32);
    write_u32(w, u->from);
    write_u32(w, u->prompt_tokens);
    write_u32(w, u->output_tokens);
    write_u64(w, u->start_ms);
    write_u64(w, u->end_ms);
    write_bytes(w, u->receipt_hash, 32);
}

void usage_write(struct writer *w, const struct usage *u) {
    usage_signed_bytes(w, u);
    write_bytes(w, u->sig, SIGN_BYTES);
}

int usage_read(struct reader *in, struct usage *out) {
    struct usage u;
    memset(&u, 0, sizeof u);
    if (read_u8(in) != USAGE_VERSION) read_fail(in, ERR_VERSION);
    read_copy(in, u.header_hash, 32);
    read_copy(in, u.key_id, 32);
    u.from = read_u32(in);
    u.prompt_tokens = read_u32(in);
    u.output_tokens = read_u32(in);
    u.start_ms = read_u64(in);
    u.end_ms = read_u64(in);
    read_copy(in, u.receipt_hash, 32);
    read_copy(in, u.sig, SIGN_BYTES);
    if (read_end(in) != 0) return in->err;
    if (u.output_tokens > IDS_MAX || u.prompt_tokens > PROMPT_IDS_MAX || u.from > u.output_tokens) return ERR_RANGE;
    *out = u;
    return 0;
}

static void receipt_facts(struct usage *u, const struct receipt *r) {
    uint8_t bytes[RECEIPT_BYTES_MAX];
    struct writer w = writer_over(bytes, sizeof bytes);
    receipt_write(&w, r);
    memcpy(u->header_hash, r->header_hash, 32);
    memcpy(u->key_id, r->key_id, 32);
    u->from = r->from;
    u->prompt_tokens = r->prompt_tokens;
    u->output_tokens = r->output_tokens;
    u->start_ms = r->start_ms;
    u->end_ms = r->end_ms;
    sha256_of(u->receipt_hash, bytes, w.len);
}

int usage_from_receipt(struct usage *u, const struct receipt *r, const uint8_t receipt_secret[SIGN_SECRET_BYTES]) {
    uint8_t bytes[USAGE_BYTES];
    struct writer w = writer_over(bytes, sizeof bytes);
    receipt_facts(u, r);
    usage_signed_bytes(&w, u);
    return w.err ? w.err : sign_make(u->sig, LABEL_USAGE, bytes, w.len, receipt_secret);
}

int usage_check(const struct usage *u, const uint8_t receipt_key[32]) {
    uint8_t bytes[USAGE_BYTES];
    struct writer w = writer_over(bytes, sizeof bytes);
    usage_signed_bytes(&w, u);
    return sign_check(u->sig, LABEL_USAGE, bytes, w.len, receipt_key) ? BAD_USAGE_SIG : 0;
}

int usage_check_receipt(const struct usage *u, const struct receipt *r) {
    struct usage said = *u;
    uint8_t a[USAGE_BYTES], b[USAGE_BYTES];
    struct writer wa = writer_over(a, sizeof a), wb = writer_over(b, sizeof b);
    receipt_facts(&said, r);
    usage_signed_bytes(&wa, u);
    usage_signed_bytes(&wb, &said);
    return memcmp(a, b, wa.len) == 0 ? 0 : BAD_USAGE_RECEIPT;
}

static void countersign_signed_bytes(struct writer *w, const struct countersign *c) {
    uint8_t usage[USAGE_BYTES];
    struct writer u = writer_over(usage, sizeof usage);
    usage_write(&u, &c->usage);
    write_u8(w, COUNTERSIGN_VERSION);
    write_block16(w, usage, u.len);
    write_bytes(w, c->job, JOB_ID_BYTES);
    write_bytes(w, c->node, 32);
    write_u64(w, c->frames);
    write_u64(w, c->bytes);
    write_u64(w, c->start_ms);
    write_u64(w, c->end_ms);
    write_bytes(w, c->coordinator, 32);
}

void countersign_write(struct writer *w, const struct countersign *c) {
    countersign_signed_bytes(w, c);
    write_bytes(w, c->sig, SIGN_BYTES);
}

int countersign_read(struct reader *in, struct countersign *out) {
    struct countersign c;
    memset(&c, 0, sizeof c);
    if (read_u8(in) != COUNTERSIGN_VERSION) read_fail(in, ERR_VERSION);
    struct reader usage = read_block16(in, USAGE_BYTES);
    int e = in->err ? in->err : usage_read(&usage, &c.usage);
    if (e) read_fail(in, e);
    read_copy(in, c.job, JOB_ID_BYTES);
    read_copy(in, c.node, 32);
    c.frames = read_u64(in);
    c.bytes = read_u64(in);
    c.start_ms = read_u64(in);
    c.end_ms = read_u64(in);
    read_copy(in, c.coordinator, 32);
    read_copy(in, c.sig, SIGN_BYTES);
    if (read_end(in) != 0) return in->err;
    *out = c;
    return 0;
}

int countersign_make(struct countersign *c, const uint8_t coordinator_secret[SIGN_SECRET_BYTES]) {
    uint8_t bytes[COUNTERSIGN_BYTES];
    struct writer w = writer_over(bytes, sizeof bytes);
    memcpy(c->coordinator, coordinator_secret + SIGN_SEED_BYTES, 32);
    countersign_signed_bytes(&w, c);
    return w.err ? w.err : sign_make(c->sig, LABEL_COUNTERSIGN, bytes, w.len, coordinator_secret);
}

int countersign_check(const struct countersign *c, const uint8_t *pinned) {
    uint8_t bytes[COUNTERSIGN_BYTES];
    struct writer w = writer_over(bytes, sizeof bytes);
    if (pinned && memcmp(pinned, c->coordinator, 32) != 0) return BAD_COUNTER_KEY;
    countersign_signed_bytes(&w, c);
    if (w.err || sign_check(c->sig, LABEL_COUNTERSIGN, bytes, w.len, c->coordinator) != 0) return BAD_COUNTERSIG;
    return c->end_ms >= c->start_ms ? 0 : BAD_TIMES;
}
