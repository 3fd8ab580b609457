/* cli/verify.c - see verify.h. A replay rebuilds the prompt from the request body in the file, exactly as a node would, and
 * compares its hash first: then a wrong model or template shows itself as such and not as a wrong token. */
#include "cli/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/request.h"
#include "base/hash.h"
#include "cli/replay_answer.h"
#include "model/gen.h"
#include "model/model.h"
#include "model/replay.h"
#include "seal/codes.h"
#include "seal/seal_err.h"
#include "seal/transcript.h"

static void fill(struct verdict *v, const struct transcript *t) {
    v->from = t->receipt.from;
    v->tokens = t->ids.count;
    v->mismatch = t->ids.count;
    snprintf(v->model, sizeof v->model, "%s", t->head.model);
    snprintf(v->profile, sizeof v->profile, "%s", t->receipt.profile);
    hex_encode(v->node, t->record.keys.identity, 32);
    v->has_countersign = t->has_countersign;
    if (t->has_countersign) memcpy(v->coordinator, t->countersign.coordinator, 32);
    _Static_assert((int)TRANSCRIPT_CLASSES == (int)EV_A2, "a file's class is an ev_class");
    v->shown = (enum ev_class)t->shown.class_number;
    memcpy(v->shown_policy, t->shown.policy, 32);
    memcpy(v->shown_envelope, t->shown.envelope, 32);
    v->shown_s = t->shown.judged_s;
}

/* The receipt's sampler must be what the request asked for, or the node sampled in its own way. */
static int parse_request(struct api_request *q, const struct transcript *t) {
    struct api_error err;
    enum api_endpoint e = api_endpoint_of(t->path);
    int r = e == API_NO_ENDPOINT ? ERR_UNSUPPORTED : api_request_parse(q, e, t->body, t->body_n, &err);
    if (r != 0) return r;
    q->gen.sampling.seed = t->seed;
    q->gen.template_time = t->template_time;
    return receipt_sampler_same(&t->receipt.sampler, &RECEIPT_SAMPLER(&q->gen.sampling)) ? 0 : BAD_SAMPLER;
}

static int prompt_matches(const struct transcript *t, const int32_t *ids, size_t n) {
    uint8_t hash[32];
    prompt_ids_hash(hash, ids, n);
    return memcmp(hash, t->prompt_hash, 32) == 0;
}

static uint8_t seal_stop_of(enum gen_stop s) {
    return s == STOP_END ? SEAL_STOP_END : s == STOP_STRING ? SEAL_STOP_STRING : s == STOP_LENGTH ? SEAL_STOP_LENGTH : 0;
}

/* What these ids say, by the rules that made the answer: its text, byte for byte, and that it was over at the last id, for the
 * receipt's reason, and not before. Nothing is computed: it is an answer to go on with that has nothing left to do. */
static int check_text(struct verdict *v, struct gen_pool *pool, const struct transcript *t, const struct api_request *q,
                      const int32_t *answer, struct why *why) {
    struct gen *g = NULL;
    struct gen_resume whole = {.ids = answer, .count = t->ids.count};
    size_t n;
    int r = gen_start(&g, pool, &q->gen, &whole, NULL, NULL, why);
    if (r == ERR_RANGE) { /* it was over before the last id, or could not have these ids */
        v->err = BAD_STOP;
        return 0;
    }
    if (r != 0) return r;
    const uint8_t *text = gen_resumed_text(g, &n);
    if (n != t->text_n || (n && memcmp(text, t->text, n) != 0))
        v->err = BAD_TEXT;
    else if (seal_stop_of(gen_stop_of(g)) != t->receipt.stop)
        v->err = BAD_STOP;
    gen_free(g);
    return 0;
}

static int replay_answer(struct verdict *v, struct model *m, struct gen_pool *pool, const struct transcript *t,
                         const struct api_request *q, const struct replay_how *how, enum kv_format kv, struct why *why) {
    struct gen *g = NULL;
    size_t n;
    int32_t *answer = calloc(t->ids.count ? t->ids.count : 1, sizeof *answer);
    int r = answer ? gen_start(&g, pool, &q->gen, NULL, NULL, NULL, why) : ERR_NOMEM;
    if (r == 0) {
        const int32_t *prompt = gen_prompt_ids(g, &n);
        ids_unpack(answer, &t->ids);
        struct replay in = {.prompt = prompt,
                            .prompt_count = n,
                            .sampling = q->gen.sampling,
                            .bias = q->gen.bias,
                            .bias_count = q->gen.bias_count,
                            .format = q->gen.format,
                            .at_start = gen_at_start(&q->gen),
                            .ids = answer,
                            .count = t->ids.count,
                            .from = t->receipt.from,
                            .salt = t->salt,
                            .digests = t->digests,
                            .chain = t->receipt.digests_chain,
                            .kv = kv,
                            .threads = how->threads};
        if (!prompt_matches(t, prompt, n))
            v->err = BAD_PROMPT_HASH;
        else if (n != t->receipt.prompt_tokens)
            v->err = BAD_COUNTS;
        else if (t->ids.count > t->receipt.from)
            r = replay_pass(v, m, &in, why);
        else
            v->mismatch = t->ids.count; /* the signer computed nothing: there is nothing to replay */
        v->replayed = r == 0;
        gen_free(g);
    }
    if (r == 0 && v->err == 0) r = check_text(v, pool, t, q, answer, why);
    free(answer);
    return r;
}

static int replay_with(struct verdict *v, const struct transcript *t, const struct api_request *q, const struct replay_how *how,
                       struct why *why) {
    const struct manifest *named = transcript_model(t);
    struct model *m = NULL;
    struct gen_pool *pool = NULL;
    struct gen_pool_opts po = {
        .threads = 1, .slots = 1, .context_max = named ? named->context : 0}; /* makes the prompt, computes nothing */
    enum kv_format kv = KV_F16;
    uint8_t sha[32];
    int r = replay_open(&m, &kv, how, t->receipt.profile, why);
    if (r == 0) {
        model_file_sha256(m, sha);
        if (!named || memcmp(sha, named->file_sha256, 32) != 0)
            r = why_set(why, ERR_NOTFOUND, "%s is not the file that the receipt names (another SHA-256)", how->model);
    }
    if (r == 0) r = gen_pool_new(&pool, m, &po, why);
    if (r == 0) r = replay_answer(v, m, pool, t, q, how, kv, why);
    gen_pool_free(pool);
    model_close(m);
    return r;
}

int verify_receipt(struct verdict *v, const uint8_t *file, size_t n, const struct replay_how *how, const uint8_t *pinned,
                   struct why *why) {
    *v = (struct verdict){0};
    struct api_request q = {0};
    struct transcript *t = calloc(1, sizeof *t);
    if (!t) return ERR_NOMEM;
    int r = 0;
    v->err = transcript_read(file, n, t);
    v->readable = v->err == 0;
    if (v->err == 0) {
        fill(v, t);
        v->err = transcript_verify(t, pinned);
    }
    if (v->err == 0) v->err = parse_request(&q, t);
    if (v->err == 0 && how) r = replay_with(v, t, &q, how, why);
    api_request_free(&q);
    mem_wipe(t, sizeof *t);
    free(t);
    return r;
}
