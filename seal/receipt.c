/* seal/receipt.c - see receipt.h.
 *
 *     u8 version | header hash 32 | key id 32 | body hash 32 | prompt hash 32 | manifest hash 32 |
 *     u8-text engine id | u8-text profile |
 *     sampler: f32 bits temperature, top-p, min-p, repeat, presence, frequency | u32 top-k | u32 repeat last n | u64 seed |
 *     u64 template time | ids chain 32 | digests chain 32 | text hash 32 | u64 text from | u32 from | u32 prompt tokens | u32 output tokens |
 *     u8 stop | u8 tier | evidence hash 32 | u64 start ms | u64 end ms | signature 64 */
#include "seal/receipt.h"
#include "base/err.h"
#include "seal/codes.h"
#include "seal/idlist.h"
#include "seal/seal_err.h"

#include <string.h>

static void write_f32(struct writer *w, float v) {
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    write_u32(w, bits);
}

static float read_f32(struct reader *r) {
    uint32_t bits = read_u32(r);
    float v;
    if ((bits & 0x7fffffffu) >= 0x7f800000u) { /* no NaN or infinity is ever sampled with */
        read_fail(r, ERR_RANGE);
        bits = 0;
    }
    memcpy(&v, &bits, sizeof v);
    return v;
}

static void sampler_write(struct writer *w, const struct receipt_sampler *s) {
    write_f32(w, s->temperature);
    write_f32(w, s->top_p);
    write_f32(w, s->min_p);
    write_f32(w, s->repeat_penalty);
    write_f32(w, s->presence_penalty);
    write_f32(w, s->frequency_penalty);
    write_u32(w, (uint32_t)s->top_k);
    write_u32(w, (uint32_t)s->repeat_last_n);
    write_u64(w, s->seed);
}

static void sampler_read(struct reader *r, struct receipt_sampler *s) {
    s->temperature = read_f32(r);
    s->top_p = read_f32(r);
    s->min_p = read_f32(r);
    s->repeat_penalty = read_f32(r);
    s->presence_penalty = read_f32(r);
    s->frequency_penalty = read_f32(r);
    s->top_k = (int32_t)read_u32(r);
    s->repeat_last_n = (int32_t)read_u32(r);
    s->seed = read_u64(r);
}

void receipt_signed_bytes(struct writer *w, const struct receipt *r) {
    write_u8(w, RECEIPT_VERSION);
    write_bytes(w, r->header_hash, 32);
    write_bytes(w, r->key_id, 32);
    write_bytes(w, r->body_hash, 32);
    write_bytes(w, r->prompt_hash, 32);
    write_bytes(w, r->manifest_hash, 32);
    write_text8(w, r->engine_id);
    write_text8(w, r->profile);
    sampler_write(w, &r->sampler);
    write_u64(w, r->template_time);
    write_bytes(w, r->ids_chain, 32);
    write_bytes(w, r->digests_chain, 32);
    write_bytes(w, r->text_hash, 32);
    write_u64(w, r->text_from);
    write_u32(w, r->from);
    write_u32(w, r->prompt_tokens);
    write_u32(w, r->output_tokens);
    write_u8(w, r->stop);
    write_u8(w, r->tier);
    write_bytes(w, r->evidence_hash, 32);
    write_u64(w, r->start_ms);
    write_u64(w, r->end_ms);
}

void receipt_write(struct writer *w, const struct receipt *r) {
    receipt_signed_bytes(w, r);
    write_bytes(w, r->sig, SIGN_BYTES);
}

int receipt_read(struct reader *in, struct receipt *out) {
    struct receipt r;
    memset(&r, 0, sizeof r);
    if (read_u8(in) != RECEIPT_VERSION) read_fail(in, ERR_VERSION);
    read_copy(in, r.header_hash, 32);
    read_copy(in, r.key_id, 32);
    read_copy(in, r.body_hash, 32);
    read_copy(in, r.prompt_hash, 32);
    read_copy(in, r.manifest_hash, 32);
    read_text8(in, r.engine_id, sizeof r.engine_id);
    read_text8(in, r.profile, sizeof r.profile);
    sampler_read(in, &r.sampler);
    r.template_time = read_u64(in);
    read_copy(in, r.ids_chain, 32);
    read_copy(in, r.digests_chain, 32);
    read_copy(in, r.text_hash, 32);
    r.text_from = read_u64(in);
    r.from = read_u32(in);
    r.prompt_tokens = read_u32(in);
    r.output_tokens = read_u32(in);
    r.stop = read_u8(in);
    r.tier = read_u8(in);
    read_copy(in, r.evidence_hash, 32);
    r.start_ms = read_u64(in);
    r.end_ms = read_u64(in);
    read_copy(in, r.sig, SIGN_BYTES);
    if (read_end(in) != 0) return in->err;
    if (!wire_id_ok(r.engine_id, sizeof r.engine_id) || !wire_id_ok(r.profile, sizeof r.profile)) return ERR_FORMAT;
    if (r.stop < SEAL_STOP_END || r.stop > SEAL_STOP_LAST || !tier_name(r.tier)) return ERR_RANGE;
    if (r.output_tokens > IDS_MAX || r.prompt_tokens > PROMPT_IDS_MAX || r.from > r.output_tokens) return ERR_RANGE;
    *out = r;
    return 0;
}

int receipt_sign(struct receipt *r, const uint8_t receipt_secret[SIGN_SECRET_BYTES]) {
    uint8_t bytes[RECEIPT_BYTES_MAX];
    struct writer w = writer_over(bytes, sizeof bytes);
    receipt_signed_bytes(&w, r);
    return w.err ? w.err : sign_make(r->sig, LABEL_RECEIPT, bytes, w.len, receipt_secret);
}

int receipt_sampler_same(const struct receipt_sampler *a, const struct receipt_sampler *b) {
    return a->temperature == b->temperature && a->top_p == b->top_p && a->min_p == b->min_p &&
           a->repeat_penalty == b->repeat_penalty && a->presence_penalty == b->presence_penalty &&
           a->frequency_penalty == b->frequency_penalty && a->top_k == b->top_k && a->repeat_last_n == b->repeat_last_n &&
           a->seed == b->seed;
}

static int same(const uint8_t *a, const uint8_t *b) { return memcmp(a, b, 32) == 0; }

static int is_candidate(const struct reqhead *h, const uint8_t key_id[32]) {
    for (unsigned i = 0; i < h->count; i++)
        if (same(h->key_id[i], key_id)) return 1;
    return 0;
}

/* Who made it: the request it answers, the key, the signature. */
static int check_maker(const struct receipt *r, const struct receipt_expect *e) {
    uint8_t key_id[32], bytes[RECEIPT_BYTES_MAX];
    struct writer w = writer_over(bytes, sizeof bytes);
    if (!same(r->header_hash, e->header_hash)) return BAD_HEADER_HASH;
    keystmt_id(key_id, &e->record->keys);
    if (!same(r->key_id, key_id) || !is_candidate(e->head, key_id)) return BAD_KEY_ID;
    receipt_signed_bytes(&w, r);
    if (w.err || sign_check(r->sig, LABEL_RECEIPT, bytes, w.len, e->record->keys.receipt_key) != 0) return BAD_RECEIPT_SIG;
    return 0;
}

/* With what: model, engine, tier, evidence. */
static int check_means(const struct receipt *r, const struct receipt_expect *e) {
    const struct manifest *m = record_model(e->record, e->head->model, r->manifest_hash);
    if (!same(r->manifest_hash, e->head->manifest_hash) || !m) return BAD_MANIFEST;
    if (strcmp(r->engine_id, e->record->keys.engine_id) != 0 || strcmp(r->profile, m->profile) != 0) return BAD_ENGINE;
    if (r->tier != e->head->tier) return BAD_TIER;
    return same(r->evidence_hash, e->record->evidence_hash) ? 0 : BAD_EVIDENCE;
}

/* About what: body, prompt, sampler, answer. */
static int check_answer(const struct receipt *r, const struct receipt_expect *e) {
    uint8_t hash[32];
    body_hash_salted(hash, e->salt, e->body, e->body_n);
    if (!same(r->body_hash, hash)) return BAD_BODY_HASH;
    prompt_hash_salted(hash, e->salt, e->prompt_hash);
    if (!same(r->prompt_hash, hash)) return BAD_PROMPT_HASH;
    if (r->sampler.seed != e->seed || r->template_time != e->template_time) return BAD_SAMPLER;
    if (e->sampler && !receipt_sampler_same(&r->sampler, e->sampler)) return BAD_SAMPLER;
    if (r->from != e->from || r->output_tokens != e->output_tokens || r->from > r->output_tokens) return BAD_COUNTS;
    if (!same(r->ids_chain, e->ids_chain)) return BAD_IDS_CHAIN;
    if (!same(r->digests_chain, e->digests_chain)) return BAD_DIGEST_CHAIN;
    if (r->text_from != e->text_from || !same(r->text_hash, e->text_hash)) return BAD_TEXT;
    return r->end_ms >= r->start_ms ? 0 : BAD_TIMES;
}

int receipt_check(const struct receipt *r, const struct receipt_expect *e) {
    int bad = check_maker(r, e);
    if (bad == 0) bad = check_means(r, e);
    return bad ? bad : check_answer(r, e);
}
