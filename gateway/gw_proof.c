/* gateway/gw_proof.c - see gw_proof.h. */
#include "gateway/gw_proof.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "seal/seal_err.h"

#include <stdlib.h>
#include <string.h>

int gw_proof_check(const struct gw_proof *p, const uint8_t *bytes, size_t n, struct receipt *out) {
    uint8_t ids_chain[32], digests_chain[32], text_hash[32];
    const struct progress *g = p->progress;
    const struct envelope_secrets *secrets = gw_attempt_secrets(p->attempt);
    struct id_list ids = progress_ids(g);
    struct reader in = reader_over(bytes, n);
    int r = receipt_read(&in, out);
    if (r != 0) return r;
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
                               .seed = p->content->seed,
                               .template_time = p->content->template_time,
                               .text_from = g->text_from,
                               .text_hash = text_hash,
                               .from = g->from,
                               .output_tokens = ids.count,
                               .ids_chain = ids_chain,
                               .digests_chain = digests_chain};
    return receipt_check(out, &e);
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
    int r = transcript_write(out, t);
    mem_wipe(t, sizeof *t);
    free(t);
    return r;
}
