/* tests/unit/blind/pair_scene.h - mode `pair` whole: the shipped model prepared for a client, workers in this process, and
 * answers of the client's engine beside those of an engine that has the weights. */
#ifndef TESTS_UNIT_BLIND_PAIR_SCENE_H
#define TESTS_UNIT_BLIND_PAIR_SCENE_H

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/hash.h"
#include "blind/local_link.h"
#include "blind/pair.h"
#include "blind/prepare_model.h"
#include "model/gen.h"
#include "model/model.h"
#include "tests/check.h"

#define PAIRS static __attribute__((unused))
enum { PAIR_WORKERS_MAX = 64, PAIR_IDS_MAX = 512 };
static const char pair_model[] = "models/lull-toy-q8_0.gguf";
PAIRS const char *pair_site_model = pair_model; /* of the next site that is opened */

/* One of a role's list. wrap: stands between it and the client, and says what it likes. */
struct pair_worker {
    enum pair_role role;
    struct blind_local *local;
    void (*wrap)(struct pair_worker *w, struct blind_link *k);
    void *arg;
    int unreachable;
    unsigned links; /* that were opened to it */
};
struct pair_site {
    struct model *weights, *client;
    struct prepared *prepared;
    char dir[64], out[96];
    struct row8 *stacks;
    struct pool *pool[PAIR_ROLES];
    struct blind_worker_opts opts[PAIR_ROLES];
    struct pair_worker worker[PAIR_WORKERS_MAX];
    uint32_t workers;
    struct pair_opts how;
    struct pair *pair;
};

/* The list grows while a client's other thread looks through it. */
static pthread_mutex_t pair_site_lock = PTHREAD_MUTEX_INITIALIZER;

/* Links of all workers of a role tell the same operator, each role one of its own: local workers make theirs up. */
PAIRS void pair_operator_of(enum pair_role role, uint8_t id[32]) { memset(id, 0xa0 + (int)role, 32); }
PAIRS struct pair_worker *pair_site_at(struct pair_site *s, enum pair_role role, uint32_t place) {
    struct pair_worker *found = NULL;
    pthread_mutex_lock(&pair_site_lock);
    for (uint32_t i = 0; i < s->workers && !found; i++)
        if (s->worker[i].role == role && place-- == 0) found = &s->worker[i];
    pthread_mutex_unlock(&pair_site_lock);
    return found;
}
PAIRS int pair_site_open_link(void *state, enum pair_role role, uint32_t place, struct blind_link *out) {
    struct pair_worker *w = pair_site_at(state, role, place);
    if (!w) return ERR_NOTFOUND;
    if (w->unreachable) return ERR_IO;
    int r = blind_local_link(w->local, out);
    if (r != 0) return r;
    w->links++;
    pair_operator_of(role, out->operator_id);
    if (w->wrap) w->wrap(w, out);
    return 0;
}

PAIRS struct pair_worker *pair_site_worker(struct pair_site *s, enum pair_role role) {
    struct pair_worker *w = &s->worker[s->workers];
    CHECK(s->workers < PAIR_WORKERS_MAX);
    *w = (struct pair_worker){.role = role};
    CHECK_INT(blind_local_new(&w->local, &s->opts[role], 0), 0);
    pthread_mutex_lock(&pair_site_lock);
    s->workers++;
    pthread_mutex_unlock(&pair_site_lock);
    return w;
}

/* arith: ARITH_ROW8, or ARITH_ROW8_FOLD for all parties. */
PAIRS void pair_site_open_as(struct pair_site *s, enum model_arith arith) {
    struct why why = {{0}};
    struct prepare_model_opts o = {.name = "lull-toy:latest", .folded = arith == ARITH_ROW8_FOLD};
    struct model_opts packed = {.threads = 1, .arith = arith};
    memset(s, 0, sizeof *s);
    snprintf(s->dir, sizeof s->dir, "/tmp/lull-test-pair-XXXXXX");
    CHECK(mkdtemp(s->dir) != NULL);
    snprintf(s->out, sizeof s->out, "%s/out", s->dir);
    CHECK_INT(prepare_model_dir(s->out, pair_site_model, &o, &why), 0);
    CHECK_INT(prepared_open(&s->prepared, s->out, NULL, &why), 0);
    CHECK_INT(model_open(&s->weights, pair_site_model, &packed, &why), 0);
    uint32_t n = model_linear_count(s->weights);
    CHECK_INT(n, prepared_manifest(s->prepared)->stack_count);
    struct model_opts elsewhere = {
        .threads = 1, .arith = arith, .stacks = STACKS_ELSEWHERE, .linear = prepared_stacks(s->prepared), .linear_count = n};
    CHECK_INT(model_open(&s->client, prepared_client_path(s->prepared), &elsewhere, &why), 0);
    s->stacks = calloc(n, sizeof *s->stacks);
    CHECK(s->stacks != NULL);
    for (uint32_t i = 0; i < n; i++) s->stacks[i] = *model_linear_weights(s->weights, i);
    for (int r = 0; r < PAIR_ROLES; r++) {
        CHECK_INT(pool_new(&s->pool[r], 1, &why), 0);
        s->opts[r] = (struct blind_worker_opts){.stacks = s->stacks, .stack_count = n, .pool = s->pool[r]};
        CHECK_INT(kern_select(&s->opts[r].kern, NULL, &why), 0);
        memcpy(s->opts[r].manifest_hash, prepared_digest(s->prepared), 32);
        uint8_t id[32];
        char text[2 * OPERATOR_PREFIX_BYTES + 1];
        pair_operator_of((enum pair_role)r, id);
        hex_encode(text, id, OPERATOR_PREFIX_BYTES);
        CHECK_INT(operators_list(&s->how.policy, (enum pair_role)r, text, &why), 0);
    }
    s->how.prepared = s->prepared;
    s->how.workers = (struct blind_source){pair_site_open_link, s};
}

PAIRS void pair_site_open(struct pair_site *s) { pair_site_open_as(s, ARITH_ROW8); }

/* A pool serves one worker at a time: several workers of a role need one each, or to take turns. */
PAIRS void pair_site_start(struct pair_site *s) {
    struct why why = {{0}};
    CHECK_INT(pair_new(&s->pair, &s->how, &why), 0);
}
PAIRS void pair_site_stop(struct pair_site *s) {
    pair_free(s->pair);
    s->pair = NULL;
    for (uint32_t i = 0; i < s->workers; i++) blind_local_free(s->worker[i].local);
    s->workers = 0;
}

PAIRS void pair_site_close(struct pair_site *s) {
    static const char *const names[] = {PREPARED_MANIFEST, PREPARED_CHECKS, PREPARED_CLIENT};
    char path[160];
    pair_site_stop(s);
    for (int r = 0; r < PAIR_ROLES; r++) pool_free(s->pool[r]);
    free(s->stacks);
    model_close(s->client);
    model_close(s->weights);
    prepared_close(s->prepared);
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", s->out, names[i]);
        unlink(path);
    }
    rmdir(s->out);
    CHECK_INT(rmdir(s->dir), 0);
}

/* ---- answers ---- */

struct pair_answer {
    int32_t ids[PAIR_IDS_MAX];
    uint32_t count;
    uint8_t chain[32]; /* digests of all logits */
};
/* p NULL: by the engine that has the weights. Returns what failed, or 0. */
PAIRS int pair_generate(struct pair_site *s, struct pair *p, const char *prompt, const struct gen_sampling *how, uint32_t tokens,
                        struct pair_answer *out) {
    static const uint8_t zeros[32];
    struct why why = {{0}};
    struct gen_pool_opts o = {
        .threads = 1, .slots = 1, .context_max = 512, .prefill_chunk = 64, .linear = p ? &pair_ops : NULL, .linear_state = p};
    struct gen_message m = {ROLE_USER, {prompt, strlen(prompt)}};
    struct gen_request q = {.messages = &m, .message_count = 1, .sampling = *how, .max_tokens = tokens};
    struct gen_pool *pool = NULL;
    struct gen *g = NULL;
    struct gen_event ev = {0};
    size_t prompt_ids;
    memset(out, 0, sizeof *out);
    CHECK_INT(gen_pool_new(&pool, p ? s->client : s->weights, &o, &why), 0);
    CHECK_INT(gen_start(&g, pool, &q, NULL, zeros, NULL, &why), 0);
    (void)gen_prompt_ids(g, &prompt_ids);
    if (p) pair_prompt(p, (uint32_t)prompt_ids);
    int n = 0;
    while (n >= 0 && ev.stop == STOP_NONE) {
        n = gen_step(pool, &ev, 1);
        if (n > 0) CHECK_INT(ev.err, 0);
        if (n > 0 && ev.id >= 0 && out->count < PAIR_IDS_MAX) out->ids[out->count++] = ev.id;
    }
    gen_digest_chain(g, out->chain);
    gen_pool_free(pool);
    return n < 0 ? n : 0;
}
PAIRS void pair_same_answer(const struct pair_answer *a, const struct pair_answer *b) {
    CHECK(a->count > 0);
    CHECK_INT(a->count, b->count);
    CHECK_MEM(a->ids, b->ids, a->count * sizeof a->ids[0]);
    CHECK_MEM(a->chain, b->chain, 32);
}

#endif
