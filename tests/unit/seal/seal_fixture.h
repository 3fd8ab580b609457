/* tests/unit/seal/seal_fixture.h - nodes, records, envelopes and answers for the tests and fuzz targets of seal/. */
#ifndef TESTS_SEAL_FIXTURE_H
#define TESTS_SEAL_FIXTURE_H

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/secret.h"
#include "seal/hpke.h"
#include "seal/p256.h"
#include "seal/replay_cache.h"
#include "seal/seal_err.h"
#include "seal/stream.h"
#include "seal/transcript.h"

#define FIX __attribute__((unused)) static
enum { FIX_NOW = 1800000000 };

struct fix_node {
    uint8_t identity_secret[64], operator_secret[64], receipt_secret[64];
    struct seal_key key;
    struct record record;
    struct envelope_model model;
    struct envelope_own own;
    struct replay *seen;
};

FIX void fix_manifest(struct manifest *m) {
    *m = (struct manifest){.name = "lull-toy:q8_0", .file_bytes = 19000000, .profile = "C1-f16", .context = 2048};
    memset(m->file_sha256, 0x5a, 32);
}

/* Node number n: everything but the seal key's secret follows from n. Every third has a key of P-256. */
FIX void fix_node(struct fix_node *x, uint8_t n) {
    uint8_t seed[32], op_public[32];
    memset(x, 0, sizeof *x);
    struct keystmt *k = &x->record.keys;
    memset(seed, n, 32);
    sign_keypair(k->identity, x->identity_secret, seed);
    seed[0] ^= 0x40;
    sign_keypair(op_public, x->operator_secret, seed);
    seed[1] ^= 0x40;
    sign_keypair(k->receipt_key, x->receipt_secret, seed);
    if (n % 3 == 2) {
        k->kem = x->key.kem = HPKE_P256;
        (void)p256_keypair(k->seal_key, x->key.secret);
    } else {
        hpke_keypair(k->seal_key, x->key.secret);
    }
    operator_id_of(k->operator_id, op_public);
    strcpy(k->engine_id, "lull-0.1.0");
    k->not_before = FIX_NOW - 100;
    k->not_after = FIX_NOW + 3600;
    x->record.model_count = 1;
    fix_manifest(&x->record.models[0]);
    operator_sign(&x->record.operator, k->identity, FIX_NOW + 86400, x->operator_secret);
    record_sign(&x->record, x->identity_secret);
    keystmt_id(x->key.key_id, k);
    x->model.name = x->record.models[0].name;
    manifest_hash(x->model.manifest_hash, &x->record.models[0]);
    x->own = (struct envelope_own){&x->key, 1, &x->model, 1};
    (void)replay_new(&x->seen, 4096);
}
FIX void fix_node_done(struct fix_node *x) { replay_free(x->seen); }

FIX const uint8_t fix_body[] = "{\"model\":\"lull-toy\",\"messages\":[{\"role\":\"user\",\"content\":\"why is the sky blue\"}]}";
FIX void fix_content(struct content *c) {
    static const uint8_t ids[8] = {0, 0, 0, 7, 0, 0, 1, 2};
    *c = (struct content){.attempt = 1,
                          .time_s = FIX_NOW,
                          .method = "POST",
                          .path = "/v1/chat/completions",
                          .type = "application/json",
                          .body = fix_body,
                          .body_n = sizeof fix_body - 1,
                          .seed = 42,
                          .template_time = FIX_NOW,
                          .deadline_ms = 60000,
                          .so_far = {ids, 2},
                          .text_delivered = 9};
    memset(c->salt, 0x11, 32);
    memset(c->request_id, 0x22, 16);
    memset(c->prompt_hash, 0x33, 32);
}

FIX int fix_seal(struct buf *out, struct envelope_secrets *s, const struct fix_node *nodes, unsigned count,
                 const struct content *c) {
    struct envelope_spec spec = {
        .tier = TIER_SEALED, .model = "lull-toy:q8_0", .manifest_hash = nodes[0].model.manifest_hash, .count = (uint8_t)count};
    for (unsigned i = 0; i < count && i < CANDIDATES_MAX; i++) {
        spec.to[i].key_id = nodes[i].key.key_id;
        spec.to[i].seal_key = nodes[i].record.keys.seal_key;
        spec.to[i].kem = nodes[i].record.keys.kem;
    }
    buf_init(out, ENVELOPE_BYTES_MAX);
    return envelope_seal(out, s, &spec, c);
}
FIX int fix_open(struct fix_node *x, const uint8_t *p, size_t n, uint8_t *plain, size_t cap, struct opened *o) {
    return envelope_open(p, n, &x->own, &x->seen, FIX_NOW + 1, plain, cap, o);
}

/* The receipt of an answer with `count` ids and `text` in all, as the node that opened o makes it. */
FIX void fix_receipt(struct receipt *r, const struct fix_node *x, const struct opened *o, const struct id_list *ids,
                     const uint8_t *digests, const char *text) {
    memset(r, 0, sizeof *r);
    memcpy(r->header_hash, o->header_hash, 32);
    memcpy(r->key_id, x->key.key_id, 32);
    body_hash_salted(r->body_hash, o->content.salt, o->content.body, o->content.body_n);
    prompt_hash_salted(r->prompt_hash, o->content.salt, o->content.prompt_hash);
    memcpy(r->manifest_hash, x->model.manifest_hash, 32);
    strcpy(r->engine_id, x->record.keys.engine_id);
    strcpy(r->profile, "C1-f16");
    r->sampler = (struct receipt_sampler){
        .temperature = 0.8f, .top_p = 0.9f, .repeat_penalty = 1, .top_k = 40, .repeat_last_n = 64, .seed = o->content.seed};
    r->template_time = o->content.template_time;
    r->from = o->content.so_far.count;
    r->prompt_tokens = 12;
    r->output_tokens = ids->count;
    r->stop = SEAL_STOP_END;
    r->tier = o->head.tier;
    r->start_ms = FIX_NOW * (uint64_t)1000;
    r->end_ms = r->start_ms + 700;
    chain_start(r->ids_chain, o->content.salt);
    chain_start(r->digests_chain, o->content.salt);
    for (uint32_t i = r->from; i < ids->count; i++) {
        chain_add_id(r->ids_chain, id_at(ids, i));
        chain_add_digest(r->digests_chain, digests + 32 * (size_t)(i - r->from));
    }
    r->text_from = o->content.text_delivered;
    text_hash_salted(r->text_hash, o->content.salt, text + r->text_from, strlen(text) - r->text_from);
    (void)receipt_sign(r, x->receipt_secret);
}

#define FIX_TEXT "the text of six tokens"
enum { FIX_IDS = 6, FIX_FROM = 2 };
FIX const uint8_t fix_ids[4 * FIX_IDS] = {0, 0, 0, 7, 0, 0, 1, 2, 0, 0, 0, 9, 0, 0, 0, 1, 0, 0, 2, 0, 0, 0, 0, 3};

/* A whole RECEIPT file of node x into out; coordinator_secret countersigns, NULL: no countersignature. */
FIX int fix_transcript(struct buf *out, struct fix_node *x, const uint8_t *coordinator_secret) {
    static struct transcript t;
    static uint8_t digests[32 * (FIX_IDS - FIX_FROM)];
    uint8_t plain[4096];
    struct buf env;
    struct envelope_secrets s;
    struct content c;
    struct opened o;
    memset(digests, 0x77, sizeof digests);
    fix_content(&c);
    int r = fix_seal(&env, &s, x, 1, &c);
    if (r == 0) r = fix_open(x, env.data, env.len, plain, sizeof plain, &o);
    buf_release(&env);
    if (r != 0) return r;
    memset(&t, 0, sizeof t);
    t.ids = (struct id_list){fix_ids, FIX_IDS};
    t.digests = digests;
    t.text = (const uint8_t *)FIX_TEXT;
    t.text_n = sizeof FIX_TEXT - 1;
    fix_receipt(&t.receipt, x, &o, &t.ids, digests, FIX_TEXT);
    t.head = s.head;
    t.record = x->record;
    memcpy(t.request_id, c.request_id, 16);
    memcpy(t.salt, c.salt, 32);
    strcpy(t.method, c.method);
    strcpy(t.path, c.path);
    strcpy(t.type, c.type);
    t.body = c.body;
    t.body_n = c.body_n;
    t.seed = c.seed;
    t.template_time = c.template_time;
    memcpy(t.prompt_hash, c.prompt_hash, 32);
    if (coordinator_secret) {
        t.has_countersign = 1;
        r = usage_from_receipt(&t.countersign.usage, &t.receipt, x->receipt_secret);
        memcpy(t.countersign.node, x->record.keys.identity, 32);
        t.countersign.frames = 14;
        t.countersign.bytes = 33 + 14 * 256;
        t.countersign.end_ms = 5;
        if (r == 0) r = countersign_make(&t.countersign, coordinator_secret);
    }
    buf_init(out, TRANSCRIPT_BYTES_MAX);
    return r ? r : transcript_write(out, &t);
}

#endif
