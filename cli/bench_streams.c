/* cli/bench_streams.c - see bench_streams.h. Prompts are fed one stream after the other, and not counted; then each step takes one
 * token of every stream, with logits, as a node does. Sampling and digests are left out. */
#include "cli/bench_streams.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/model_load.h"
#include "math/kv_page.h"
#include "math/pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RUNS_MAX = 100 };
struct state {
    const struct bench_streams *b;
    struct engine *e;
    struct kv_seq seq[BENCH_STREAMS_MAX];
    int32_t *ids; /* [streams][prompt + gen] */
    uint32_t length;
};

static int step(struct state *s, uint32_t first, uint32_t count, uint32_t at, uint32_t tokens) {
    struct engine_part part[BENCH_STREAMS_MAX];
    for (uint32_t i = 0; i < count; i++)
        part[i] = (struct engine_part){.seq = &s->seq[first + i],
                                       .ids = s->ids + (size_t)(first + i) * s->length + at,
                                       .count = tokens,
                                       .logits_from = at < s->b->prompt ? tokens : tokens - 1};
    int r = engine_step(s->e, part, count);
    for (uint32_t i = 0; r == 0 && i < count; i++) r = part[i].err;
    return r;
}

static int one_run(struct state *s, double *tps) {
    const struct bench_streams *b = s->b;
    int r = 0;
    for (uint32_t i = 0; r == 0 && i < b->streams; i++) {
        kv_seq_clear(&s->seq[i], engine_kv(s->e));
        r = kv_seq_reserve(&s->seq[i], engine_kv(s->e), s->length);
        for (uint32_t at = 0; r == 0 && at < b->prompt; at += b->chunk)
            r = step(s, i, 1, at, b->prompt - at < b->chunk ? b->prompt - at : b->chunk);
    }
    uint64_t start = clock_mono_ns();
    for (uint32_t at = b->prompt; r == 0 && at < s->length; at++) r = step(s, 0, b->streams, at, 1);
    *tps = (double)b->streams * b->gen * 1e9 / (double)(clock_mono_ns() - start + 1);
    return r;
}

static int begin(struct state *s, struct why *why) {
    const struct bench_streams *b = s->b;
    s->length = b->prompt + b->gen;
    if (b->gen == 0 || s->length > model_context(b->m))
        return why_set(why, ERR_USAGE, "--gen: at least 1, and with --prompt at most %u, the model's context",
                       model_context(b->m));
    s->ids = mem_zalloc((size_t)b->streams * s->length, sizeof *s->ids);
    if (!s->ids) return ERR_NOMEM;
    uint64_t state = 1;
    for (size_t i = 0; i < (size_t)b->streams * s->length; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        s->ids[i] = (int32_t)((state >> 33) % model_n_vocab(b->m));
    }
    struct engine_opts eo = {.threads = b->threads,
                             .rows_max = b->chunk > b->streams ? b->chunk : b->streams,
                             .logits_max = b->streams,
                             .kv_pages = b->streams * ((s->length + KV_PAGE - 1) / KV_PAGE),
                             .kv = b->kv};
    int r = engine_new(&s->e, b->m, &eo, why);
    for (uint32_t i = 0; r == 0 && i < b->streams; i++) r = kv_seq_init(&s->seq[i], s->length);
    return r;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int bench_streams_run(struct bench_streams *b, struct why *why) {
    struct state s = {.b = b};
    double tps[RUNS_MAX];
    struct cli_progress progress;
    uint32_t runs = b->runs < RUNS_MAX ? b->runs : RUNS_MAX;
    int r = begin(&s, why);
    cli_progress_start(&progress, "measuring");
    for (uint32_t i = 0; r == 0 && i < runs; i++) {
        r = one_run(&s, &tps[i]);
        cli_progress_show(&progress, i + 1, runs);
    }
    cli_progress_end(&progress);
    if (r == 0) {
        qsort(tps, runs, sizeof *tps, by_value);
        b->total = runs % 2 ? tps[runs / 2] : (tps[runs / 2 - 1] + tps[runs / 2]) / 2;
        b->low = tps[0], b->high = tps[runs - 1];
        b->threads_used = pool_threads(engine_threads(s.e));
        b->kernels = engine_kernels(s.e);
    }
    for (uint32_t i = 0; s.e && i < b->streams; i++) kv_seq_release(&s.seq[i], engine_kv(s.e));
    engine_free(s.e);
    free(s.ids);
    return r;
}

void bench_streams_print(const struct bench_streams *b, int json) {
    const char *name = *model_name(b->m) ? model_name(b->m) : model_arch(b->m);
    struct buf quoted;
    if (!json) {
        printf("%s %s, %s, %s kernels, %u threads\n", name, model_type(b->m), model_profile(b->m, b->kv), b->kernels,
               b->threads_used);
        printf("decode %u of %u streams: %.2f tokens/s in all (%.2f to %.2f)\n", b->gen, b->streams, b->total, b->low, b->high);
        return;
    }
    buf_init(&quoted, 1024);
    if (json_quote(&quoted, name, strlen(name)) == 0)
        printf("{\"streams\":%u,\"total_tps\":%.3f,\"total_min\":%.3f,\"total_max\":%.3f,\"threads\":%u,\"model\":%.*s,\"type\":"
               "\"%s\","
               "\"profile\":\"%s\",\"kernels\":\"%s\",\"prompt\":%u,\"gen\":%u,\"repeat\":%u}\n",
               b->streams, b->total, b->low, b->high, b->threads_used, (int)quoted.len, (const char *)quoted.data,
               model_type(b->m), model_profile(b->m, b->kv), b->kernels, b->prompt, b->gen, b->runs);
    buf_release(&quoted);
}
