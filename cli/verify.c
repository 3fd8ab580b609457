/* cli/verify.c - see verify.h. A replay rebuilds the prompt from the request body in the file, exactly as a node would, and
 * compares its hash first: then a wrong model or template shows itself as such and not as a wrong token. */
#include "cli/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/request.h"
#include "base/hash.h"
#include "model/gen.h"
#include "model/model.h"
#include "model/replay.h"
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
}

/* The receipt's sampler must be what the request asked for, or the node sampled in its own way. */
static int same_sampler(const struct receipt_sampler *r, const struct gen_sampling *s) {
    return r->temperature == s->temperature && r->top_p == s->top_p && r->min_p == s->min_p && r->repeat_penalty == s->repeat_penalty &&
           r->presence_penalty == s->presence_penalty && r->frequency_penalty == s->frequency_penalty && r->top_k == s->top_k &&
           r->repeat_last_n == s->repeat_last_n && r->seed == s->seed;
}

static int parse_request(struct api_request *q, const struct transcript *t) {
    struct api_error err;
    enum api_endpoint e = api_endpoint_of(t->path);
    int r = e == API_NO_ENDPOINT ? ERR_UNSUPPORTED : api_request_parse(q, e, t->body, t->body_n, &err);
    if (r != 0) return r;
    q->gen.sampling.seed = t->seed;
    q->gen.template_time = t->template_time;
    return same_sampler(&t->receipt.sampler, &q->gen.sampling) ? 0 : BAD_SAMPLER;
}

static int prompt_matches(const struct transcript *t, const int32_t *ids, size_t n) {
    uint8_t hash[32];
    prompt_ids_hash(hash, ids, n);
    return memcmp(hash, t->prompt_hash, 32) == 0;
}

static int replay_answer(struct verdict *v, struct model *m, struct gen_pool *pool, const struct transcript *t, const struct api_request *q, enum kv_format kv,
                         struct why *why) {
    struct gen *g = NULL;
    size_t n;
    int32_t *answer = calloc(t->ids.count ? t->ids.count : 1, sizeof *answer);
    int r = answer ? gen_start(&g, pool, &q->gen, NULL, NULL, NULL, why) : ERR_NOMEM;
    if (r == 0) {
        const int32_t *prompt = gen_prompt_ids(g, &n);
        ids_unpack(answer, &t->ids);
        struct replay in = {.prompt = prompt, .prompt_count = n, .sampling = q->gen.sampling, .bias = q->gen.bias, .bias_count = q->gen.bias_count,
                            .format = q->gen.format, .at_start = gen_at_start(&q->gen),
                            .ids = answer, .count = t->ids.count, .from = t->receipt.from, .salt = t->salt, .digests = t->digests,
                            .chain = t->receipt.digests_chain, .kv = kv};
        struct replay_result out = {0};
        if (!prompt_matches(t, prompt, n)) v->err = BAD_PROMPT_HASH;
        else if (t->ids.count > t->receipt.from) r = replay_run(m, &in, &out, why);
        else out.position = t->ids.count; /* the signer computed nothing: there is nothing to replay */
        v->replayed = r == 0;
        v->mismatch = (uint32_t)out.position;
        if (v->err == 0 && out.verdict == REPLAY_ID) v->err = BAD_IDS_CHAIN;
        else if (v->err == 0 && out.verdict != REPLAY_EXACT) v->err = BAD_DIGEST_CHAIN;
    }
    gen_free(g);
    free(answer);
    return r;
}

static int replay_with(struct verdict *v, const struct transcript *t, const char *path, struct why *why) {
    const struct manifest *named = transcript_model(t);
    struct model_opts mo = {.kernels = getenv("LULL_KERNELS")};
    struct model *m = NULL;
    struct gen_pool *pool = NULL;
    struct api_request q = {0};
    struct gen_pool_opts po = {.slots = 1, .context_max = named ? named->context : 0}; /* makes the prompt, computes nothing */
    enum kv_format kv = KV_F16;
    uint8_t sha[32];
    int r = model_open(&m, path, &mo, why);
    if (r == 0) {
        model_file_sha256(m, sha);
        if (!named || memcmp(sha, named->file_sha256, 32) != 0)
            r = why_set(why, ERR_NOTFOUND, "%s is not the file that the receipt names (another SHA-256)", path);
    }
    if (r == 0) r = model_profile_kv(&kv, m, t->receipt.profile, why);
    if (r == 0) v->err = parse_request(&q, t);
    if (r == 0 && v->err == 0) r = gen_pool_new(&pool, m, &po, why);
    if (r == 0 && v->err == 0) r = replay_answer(v, m, pool, t, &q, kv, why);
    api_request_free(&q);
    gen_pool_free(pool);
    model_close(m);
    return r;
}

int verify_receipt(struct verdict *v, const uint8_t *file, size_t n, const char *model, const uint8_t *pinned, struct why *why) {
    *v = (struct verdict){0};
    struct transcript *t = calloc(1, sizeof *t);
    if (!t) return ERR_NOMEM;
    int r = 0;
    v->err = transcript_read(file, n, t);
    v->readable = v->err == 0;
    if (v->err == 0) {
        fill(v, t);
        v->err = transcript_verify(t, pinned);
    }
    if (v->err == 0 && model) r = replay_with(v, t, model, why);
    mem_wipe(t, sizeof *t);
    free(t);
    return r;
}
