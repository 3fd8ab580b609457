/* tests/bench/bench_replay.c - how long an answer takes to make and to compute again: seconds of the steps that made it (prompt, tokens,
 * sampling, digests), of the replay that compares every id and digest, and their ratio. Loading the model is in neither.
 *
 *     [LULL_MODELS="a.gguf b.gguf"] [LULL_RUNS=5] [LULL_TOKENS=200] [LULL_THREADS=0] bench_replay
 *
 * Without LULL_MODELS: the shipped model, which is too small to say much. Each round makes one answer and replays it; a first round
 * that warms up does not count. Greedy and sampled answers: the sampler's own work is part of both sides. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/secret.h"
#include "model/engine.h"
#include "model/gen.h"
#include "model/replay.h"
#include "tests/bench/series.h"

enum { TOKENS_MAX = 4096 };
struct bench {
    struct model *m;
    struct gen_pool *pool;
    uint32_t tokens, threads;
    struct gen_bias end[GEN_BIAS_MAX]; /* ids that would end the answer */
    size_t ends;
    /* the answer */
    int32_t id[TOKENS_MAX];
    uint8_t digest[TOKENS_MAX][DIGEST_BYTES];
    size_t prompt_tokens;
    struct series made, replayed, ratio;
};

static const uint8_t salt[DIGEST_BYTES];
static const char text[] = "The sea was calm that morning, and the old man went down to his boat as he did every day.";

static void forbid_ends(struct bench *b) {
    const struct vocab *v = model_vocab(b->m);
    for (int32_t id = 0; id < (int32_t)model_n_vocab(b->m) && b->ends < GEN_BIAS_MAX; id++)
        if (vocab_is_eog(v, id)) b->end[b->ends++] = (struct gen_bias){id, -1e30f};
}

static int make_answer(struct bench *b, const struct gen *g, double *seconds) {
    struct gen_event ev = {.stop = STOP_NONE};
    struct gen_times t;
    while (ev.stop == STOP_NONE) {
        int n = gen_step(b->pool, &ev, 1);
        if (n < 0 || ev.err) return n < 0 ? n : ev.err;
        if (n == 0) continue;
        b->id[ev.position] = ev.id;
        memcpy(b->digest[ev.position], ev.logits_digest, DIGEST_BYTES);
    }
    gen_times_of(g, &t);
    *seconds = (double)(t.prefill_ns + t.decode_ns) * 1e-9;
    return 0;
}

static int one_round(struct bench *b, const struct gen_sampling *how, double *made, double *replayed) {
    struct gen_request q = {.raw = 1,
                            .text = {text, sizeof text - 1},
                            .sampling = *how,
                            .bias = b->end,
                            .bias_count = b->ends,
                            .max_tokens = b->tokens};
    struct gen *g;
    struct why why = {{0}};
    int r = gen_start(&g, b->pool, &q, NULL, salt, NULL, &why);
    if (r == 0) r = make_answer(b, g, made);
    struct replay in = {.sampling = *how,
                        .bias = b->end,
                        .bias_count = b->ends,
                        .ids = b->id,
                        .count = b->tokens,
                        .salt = salt,
                        .digests = b->digest[0],
                        .threads = b->threads};
    struct replay_result out = {.verdict = REPLAY_EXACT};
    if (r == 0) {
        in.prompt = gen_prompt_ids(g, &b->prompt_tokens), in.prompt_count = b->prompt_tokens;
        uint64_t start = clock_mono_ns();
        r = replay_run(b->m, &in, &out, &why);
        *replayed = (double)(clock_mono_ns() - start) * 1e-9;
    }
    gen_free(g);
    if (r == 0 && out.verdict != REPLAY_EXACT)
        r = why_set(&why, ERR_INTERNAL, "the replay differs at position %zu", out.position);
    if (r != 0) fprintf(stderr, "bench_replay: %s\n", why_text(&why, r));
    return r;
}

static int kind(struct bench *b, const char *label, const char *name, const struct gen_sampling *how, int rounds) {
    int r = 0;
    b->made.n = b->replayed.n = b->ratio.n = 0;
    for (int i = 0; r == 0 && i <= rounds; i++) {
        double made = 0, replayed = 0;
        r = one_round(b, how, &made, &replayed);
        if (i == 0) continue;
        series_add(&b->made, made);
        series_add(&b->replayed, replayed);
        series_add(&b->ratio, replayed / made);
    }
    if (r == 0)
        printf("| %s | %s | %zu | %u | %.3f (%.0f %%) | %.3f (%.0f %%) | %.3f (%.0f %%) |\n", label, name, b->prompt_tokens,
               b->tokens, series_median(&b->made), series_spread(&b->made), series_median(&b->replayed),
               series_spread(&b->replayed), series_median(&b->ratio), series_spread(&b->ratio));
    fflush(stdout);
    return r;
}

static int one_model(const char *path, uint32_t tokens, uint32_t threads, int rounds) {
    static struct bench b;
    struct why why = {{0}};
    struct model_opts mo = {.threads = threads, .kernels = getenv("LULL_KERNELS")};
    const char *slash = strrchr(path, '/'), *label = slash ? slash + 1 : path;
    b = (struct bench){.tokens = tokens, .threads = threads};
    int r = model_open(&b.m, path, &mo, &why);
    struct gen_pool_opts po = {.threads = threads, .slots = 1, .context_max = r == 0 ? model_context_usual(b.m) : 0};
    if (r == 0) r = gen_pool_new(&b.pool, b.m, &po, &why);
    if (r != 0) fprintf(stderr, "bench_replay: %s\n", why_text(&why, r));
    struct gen_sampling greedy = GEN_SAMPLING_GREEDY, drawn = greedy;
    drawn.temperature = 0.8f, drawn.top_p = 0.95f, drawn.seed = 7;
    if (r == 0) forbid_ends(&b);
    if (r == 0) r = kind(&b, label, "greedy", &greedy, rounds);
    if (r == 0) r = kind(&b, label, "temperature 0.8, top_p 0.95", &drawn, rounds);
    gen_pool_free(b.pool);
    model_close(b.m);
    return r;
}

static uint32_t number(const char *name, uint32_t otherwise, uint32_t most) {
    const char *text_of = getenv(name);
    unsigned long n = text_of ? strtoul(text_of, NULL, 10) : otherwise;
    return n > most ? most : (uint32_t)n;
}

int main(void) {
    const char *models = getenv("LULL_MODELS");
    uint32_t rounds = number("LULL_RUNS", 5, SERIES_MAX), tokens = number("LULL_TOKENS", 200, TOKENS_MAX);
    uint32_t threads = number("LULL_THREADS", 0, 256);
    char list[4096], day[32];
    time_t now = time(NULL);
    struct tm t;
    int r = secret_setup();
    strftime(day, sizeof day, "%Y-%m-%d", gmtime_r(&now, &t));
    printf(
        "Replays, %s, lull " LULL_VERSION
        ", %u threads (0: one per core), keys and values f16: medians of %u rounds, in brackets the "
        "spread.\n\n| file | sampling | prompt | tokens | made in s | replayed in s | ratio |\n|---|---|---|---|---|---|---|\n",
        day, threads, rounds);
    snprintf(list, sizeof list, "%s", models ? models : "models/lull-toy-q8_0.gguf");
    for (char *save = NULL, *at = strtok_r(list, " ", &save); r == 0 && at; at = strtok_r(NULL, " ", &save))
        r = one_model(at, tokens ? tokens : 1, threads, (int)rounds);
    return r == 0 ? 0 : 1;
}
