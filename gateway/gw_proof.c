/* gateway/gw_proof.c - see gw_proof.h. */
#include "gateway/gw_proof.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "seal/codes.h"
#include "seal/seal_err.h"

#include <stdlib.h>
#include <string.h>

enum { CLOCKS_MS = 60000 }; /* the node's clock may be so far off ours: what it allows a request to be off its own */

static const struct manifest *model_of(const struct gw_proof *p) {
    const struct reqhead *h = &gw_attempt_secrets(p->attempt)->head;
    return record_model(gw_attempt_record(p->attempt), h->model, h->manifest_hash);
}

int gw_proof_accepted(const struct gw_proof *p, const struct frame_accepted *a) {
    const struct manifest *m = model_of(p);
    if (!m || strcmp(a->profile, m->profile) != 0) return BAD_ENGINE;
    return strcmp(a->engine_id, gw_attempt_record(p->attempt)->keys.engine_id) == 0 ? 0 : BAD_ENGINE;
}

/* An answer ends at an id that ends generation, at a stop string of the request, or when it has all tokens that it may have.
 * Whether a stop string is complete only the ids' text says, which only a replay has. */
static int check_stop(const struct gw_proof *p, const struct receipt *r) {
    const struct gen_request *q = &p->asked->gen;
    const struct manifest *m = model_of(p);
    if (!m) return BAD_MANIFEST;
    uint32_t limit = q->context_limit && q->context_limit < m->context ? q->context_limit : m->context;
    uint32_t room = r->prompt_tokens < limit ? limit - r->prompt_tokens : 0, most = q->max_tokens ? q->max_tokens : room;
    if (r->output_tokens > most || r->output_tokens > room) return BAD_COUNTS;
    int right = r->stop == SEAL_STOP_END      ? p->progress->end_id
                : p->progress->end_id         ? 0
                : r->stop == SEAL_STOP_STRING ? q->stop_count > 0
                                              : r->output_tokens == most;
    return right ? 0 : BAD_STOP;
}

/* The keys were valid when the answer began, and it was made now and not at another time. */
static int check_times(const struct gw_proof *p, const struct receipt *r, uint64_t now_ms) {
    int bad = record_verify(gw_attempt_record(p->attempt), r->start_ms / 1000);
    if (bad != 0) return bad;
    if (r->start_ms / 1000 + CLOCKS_MS / 1000 < p->content->time_s) return BAD_TIMES;
    return r->start_ms > now_ms + CLOCKS_MS || r->end_ms > now_ms + CLOCKS_MS ? BAD_TIMES : 0;
}

static int check_usage(const struct gw_proof *p, const struct receipt *r, const struct frame_usage *u) {
    int same = u->output_tokens == r->output_tokens && u->prompt_tokens == r->prompt_tokens &&
               p->progress->prompt_tokens == r->prompt_tokens && u->cached_tokens <= r->prompt_tokens;
    return !same ? BAD_COUNTS : u->stop == r->stop ? 0 : BAD_STOP;
}

static int check_receipt(const struct gw_proof *p, const struct receipt *r) {
    uint8_t ids_chain[32], digests_chain[32], text_hash[32];
    const struct progress *g = p->progress;
    const struct envelope_secrets *secrets = gw_attempt_secrets(p->attempt);
    struct id_list ids = progress_ids(g);
    struct receipt_sampler sampler = RECEIPT_SAMPLER(&p->asked->gen.sampling);
    sampler.seed = p->content->seed; /* drawn here if the app gave none */
    chain_start(ids_chain, p->content->salt);
    chain_start(digests_chain, p->content->salt);
    for (uint32_t i = g->from; i < ids.count; i++) {
        chain_add_id(ids_chain, id_at(&ids, i));
        chain_add_digest(digests_chain, g->digests.data + 32 * (size_t)(i - g->from));
    }
    text_hash_salted(text_hash, p->content->salt, g->text.data + g->text_from, g->text.len - (size_t)g->text_from);
    struct receipt_expect e = {.head = &secrets->head,
                               .header_hash = secrets->header_hash,
                               .record = gw_attempt_record(p->attempt),
                               .salt = p->content->salt,
                               .body = p->content->body,
                               .body_n = p->content->body_n,
                               .prompt_hash = g->prompt_hash,
                               .sampler = &sampler,
                               .seed = p->content->seed,
                               .template_time = p->content->template_time,
                               .text_from = g->text_from,
                               .text_hash = text_hash,
                               .from = g->from,
                               .output_tokens = ids.count,
                               .ids_chain = ids_chain,
                               .digests_chain = digests_chain};
    return receipt_check(r, &e);
}

int gw_proof_check(const struct gw_proof *p, const struct frame_usage *usage, uint64_t now_ms, const uint8_t *bytes, size_t n,
                   struct receipt *out) {
    struct reader in = reader_over(bytes, n);
    int r = receipt_read(&in, out);
    if (r == 0) r = check_receipt(p, out);
    if (r == 0) r = check_times(p, out, now_ms);
    if (r == 0) r = check_usage(p, out, usage);
    return r == 0 ? check_stop(p, out) : r;
}

/* 0, or what is wrong. The counts are the gateway's own: a coordinator that bills others is disputed. */
static int check_countersign(const struct gw_proof *p, const struct receipt *receipt, const struct countersign *c) {
    uint64_t frames, bytes;
    const struct record *node = gw_attempt_record(p->attempt);
    gw_attempt_counts(p->attempt, &frames, &bytes);
    int r = countersign_check(c, p->coordinator_key);
    if (r == 0) r = usage_check(&c->usage, node->keys.receipt_key);
    if (r == 0) r = usage_check_receipt(&c->usage, receipt);
    if (r == 0 && memcmp(c->node, node->keys.identity, 32) != 0) r = BAD_COUNTER_NODE;
    if (r == 0 && (c->frames != frames || c->bytes != bytes)) r = BAD_COUNTS;
    return r;
}

static int read_countersign(const char *hex, struct countersign *out) {
    uint8_t raw[COUNTERSIGN_BYTES];
    if (hex_decode(raw, sizeof raw, hex, strlen(hex)) != 0) return ERR_FORMAT;
    struct reader in = reader_over(raw, sizeof raw);
    return countersign_read(&in, out);
}

int gw_proof_file(const struct gw_proof *p, const struct receipt *receipt, const char *countersign, struct buf *out,
                  int *disputed) {
    const struct content *c = p->content;
    struct transcript *t = mem_zalloc(1, sizeof *t);
    *disputed = 0;
    if (!t) return ERR_NOMEM;
    t->receipt = *receipt;
    t->head = gw_attempt_secrets(p->attempt)->head;
    t->record = *gw_attempt_record(p->attempt);
    if (countersign) {
        *disputed = read_countersign(countersign, &t->countersign);
        if (*disputed == 0) *disputed = check_countersign(p, receipt, &t->countersign);
        t->has_countersign = *disputed == 0 || *disputed == BAD_COUNTS;
    }
    memcpy(t->request_id, c->request_id, sizeof t->request_id);
    memcpy(t->salt, c->salt, sizeof t->salt);
    memcpy(t->method, c->method, sizeof t->method);
    memcpy(t->path, c->path, sizeof t->path);
    memcpy(t->type, c->type, sizeof t->type);
    t->body = c->body;
    t->body_n = c->body_n;
    t->seed = c->seed;
    t->template_time = c->template_time;
    memcpy(t->prompt_hash, p->progress->prompt_hash, 32);
    t->ids = progress_ids(p->progress);
    t->digests = p->progress->digests.data;
    t->text = p->progress->text.data;
    t->text_n = (uint32_t)p->progress->text.len;
    t->shown = *p->shown;
    int r = transcript_write(out, t);
    mem_wipe(t, sizeof *t);
    free(t);
    return r;
}
