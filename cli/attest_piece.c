/* cli/attest_piece.c - see attest_piece.h. */
#include "cli/attest_piece.h"

#include <string.h>

#include "evidence/event_log.h"

enum { CERTIFICATE_FILE_BYTES_MAX = 128 << 10 };

int piece_file(struct buf *b, const char *path, size_t max, int hex, struct ev_report *r, struct why *why) {
    struct why own = {{0}};
    buf_init(b, 0);
    if (!path) return 0;
    int e = hex ? attest_evidence_file(b, path, max, &own) : attest_file(b, path, max, &own);
    if (e == ERR_LIMIT) {
        ev_fail(r, "size", EV_UNSUPPORTED, "a file is over %zu bytes", max);
        return 0;
    }
    return e == 0 ? 0 : why_set(why, e, "%.300s", why_text(&own, e));
}

/* An empty file would count as none given: a download that failed would take a check away. */
static void refuse_empty(struct ev_report *r, const char *factor, const char *path, const struct buf *b) {
    if (path && b->len == 0 && r->factors == 0) ev_fail(r, factor, EV_UNSUPPORTED, "an empty file was given");
}

int piece_read(struct piece *p, const struct piece_names *names, struct ev_report *r, struct why *why) {
    memset(p, 0, sizeof *p);
    int e = piece_file(&p->evidence, names->evidence, ATTEST_FILE_BYTES_MAX, 1, r, why);
    if (e == 0) e = piece_file(&p->key, names->key, CERTIFICATE_FILE_BYTES_MAX, 0, r, why);
    if (e == 0) e = piece_file(&p->collateral, names->collateral, ATTEST_FILE_BYTES_MAX, 0, r, why);
    if (e == 0) e = piece_file(&p->event_log, names->event_log, EVENT_LOG_BYTES_MAX, 0, r, why);
    for (size_t i = 0; i < names->chain.count && e == 0; i++)
        e = piece_file(&p->chain[p->chains++], names->chain.item[i], CERTIFICATE_FILE_BYTES_MAX, 0, r, why);
    if (e == 0 && p->chains > EV_CHAIN_MAX)
        ev_fail(r, "certificates", EV_UNSUPPORTED, "over %d files of certificates", EV_CHAIN_MAX);
    if (e == 0) {
        refuse_empty(r, "key", names->key, &p->key);
        refuse_empty(r, "collateral", names->collateral, &p->collateral);
        refuse_empty(r, "event_log", names->event_log, &p->event_log);
    }
    return e;
}

void piece_release(struct piece *p) {
    buf_release(&p->evidence);
    buf_release(&p->key);
    buf_release(&p->collateral);
    buf_release(&p->event_log);
    for (unsigned i = 0; i < p->chains; i++) buf_release(&p->chain[i]);
}

static struct ev_bytes bytes_of(const struct buf *b) { return (struct ev_bytes){b->data, b->len}; }

struct ev_input piece_input(const struct piece *p, const struct ev_policy *policy, int64_t at) {
    struct ev_input in = {.evidence = bytes_of(&p->evidence),
                          .key = bytes_of(&p->key),
                          .collateral = bytes_of(&p->collateral),
                          .event_log = bytes_of(&p->event_log),
                          .policy = policy,
                          .now = at};
    for (unsigned i = 0; i < p->chains && i < EV_CHAIN_MAX; i++) in.chain[in.chain_count++] = bytes_of(&p->chain[i]);
    return in;
}

int piece_names_check(const struct piece_names *names, struct why *why) {
    enum ev_kind kind = names->kind ? ev_kind_named(names->kind) : EV_KIND_NONE;
    if (kind == EV_TDX || (kind != EV_KIND_NONE && !names->event_log)) return 0;
    if (kind != EV_KIND_NONE)
        return why_set(why, ERR_USAGE, "--event-log goes with --kind tdx: a TPM's logs are in its member of an envelope");
    return why_set(why, ERR_USAGE, "--kind: sev-snp, tdx, tpm-quote, apple-mda, nvidia-gpu or aws-nitro");
}
