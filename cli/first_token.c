/* cli/first_token.c - see first_token.h. */
#include "cli/first_token.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/ask.h"
#include "model/gen.h"
#include "model/model.h"

/* Sums of two numbers: a dozen prompt tokens, never the same one twice in a row. */
static void prompt_of(uint32_t run, char *out, size_t cap) {
    snprintf(out, cap, "What is %u + %u?", 10 + run * 7 % 90, 10 + run * 13 % 90);
}

struct clocked {
    uint64_t start_ns, first_ns;
};

static void on_text(void *arg, const char *text, size_t n) {
    struct clocked *c = arg;
    (void)text, (void)n;
    if (!c->first_ns) c->first_ns = clock_mono_ns();
}

static int through_gateway(const struct first_token *f, const char *prompt, double *ms, struct why *why) {
    json_t *body = json_pack("{s:s, s:[{s:s, s:s}], s:b, s:i, s:i}", "model", f->model_name, "messages", "role", "user",
                             "content", prompt, "stream", 1, "temperature", 0, "max_tokens", 8);
    struct clocked c = {0};
    struct ask a = {.gateway = f->gateway, .body = body, .on_text = on_text, .arg = &c};
    c.start_ns = clock_mono_ns();
    int r = body ? ask_run(&a, why) : ERR_NOMEM;
    json_decref(body);
    if (r == 0 && !c.first_ns) r = why_set(why, ERR_FORMAT, "an answer without text");
    *ms = (double)(c.first_ns - c.start_ns) / 1e6;
    return r;
}

static int on_engine(struct gen_pool *pool, const char *prompt, double *ms, struct why *why) {
    struct gen_message m = {.role = ROLE_USER, .content = {prompt, strlen(prompt)}};
    struct gen_request r = {.messages = &m, .message_count = 1, .sampling = GEN_SAMPLING_GREEDY, .max_tokens = 8};
    struct gen_event ev[4];
    struct gen *g;
    uint64_t start = clock_mono_ns(), first = 0;
    int e = gen_start(&g, pool, &r, NULL, NULL, NULL, why);
    if (e != 0) return e;
    for (int done = 0; e == 0 && !done;) {
        int n = gen_step(pool, ev, 4);
        if (n < 0) e = n;
        for (int i = 0; i < n; i++) {
            if (ev[i].err) e = ev[i].err;
            if (!first && ev[i].text_len) first = clock_mono_ns();
            done = ev[i].stop != STOP_NONE;
        }
    }
    gen_free(g);
    if (e == 0 && !first) e = why_set(why, ERR_FORMAT, "an answer without text");
    *ms = (double)(first - start) / 1e6;
    return e;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double percentile(double *sorted, uint32_t n, uint32_t percent) { return sorted[(n - 1) * percent / 100]; }

static int interleaved(struct first_token *f, struct gen_pool *pool, double *network, double *local, struct why *why) {
    char prompt[64];
    int r = 0;
    for (uint32_t i = 0; r == 0 && i < f->runs + 5; i++) { /* the first five warm both sides up and are overwritten */
        uint32_t at = i < 5 ? 0 : i - 5;
        prompt_of(i, prompt, sizeof prompt);
        r = through_gateway(f, prompt, &network[at], why);
        if (r == 0) r = on_engine(pool, prompt, &local[at], why);
    }
    if (r != 0) return r;
    qsort(network, f->runs, sizeof *network, by_value);
    qsort(local, f->runs, sizeof *local, by_value);
    f->network_p50 = percentile(network, f->runs, 50), f->network_p99 = percentile(network, f->runs, 99);
    f->local_p50 = percentile(local, f->runs, 50), f->local_p99 = percentile(local, f->runs, 99);
    f->added_p50 = f->network_p50 - f->local_p50;
    f->added_p99 = f->network_p99 - f->local_p99;
    return 0;
}

int first_token_measure(struct first_token *f, struct why *why) {
    if (f->runs < 1 || f->runs > FIRST_TOKEN_RUNS_MAX) return ERR_RANGE;
    double *times = calloc(2 * (size_t)f->runs, sizeof *times);
    struct model *model = NULL;
    struct gen_pool *pool = NULL;
    struct gen_pool_opts po = {.threads = f->threads, .slots = 1};
    int r = times ? model_open(&model, f->model_file, NULL, why) : ERR_NOMEM;
    if (r == 0) r = gen_pool_new(&pool, model, &po, why);
    if (r == 0) r = interleaved(f, pool, times, times + f->runs, why);
    gen_pool_free(pool);
    model_close(model);
    free(times);
    return r;
}
