/* cli/cmd_bench.c - `lull bench MODEL`: speed of the whole engine on prompts of random ids, sampling and digests left out.
 *
 * Decode is held against the speed at which the same threads read memory, measured before each run: decode_read_gbps is the bytes
 * of weights, keys and values per token times tokens per second.
 *
 * Prefill: --prompt tokens in steps of --chunk. Decode: --gen single tokens after them. The median of --repeat runs counts, after
 * one short warm-up; min and max are shown beside it. */
#include "base/clock.h"
#include "base/json.h"
#include "base/opt.h"
#include "cli/bench_streams.h"
#include "cli/cli.h"
#include "cli/compute_device.h"
#include "cli/model_load.h"
#include "math/attend.h"
#include "math/pool.h"
#include "math/read_speed.h"
#include "model/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { REPEAT_MAX = 100 };
#define READ_BYTES ((size_t)512 << 20) /* more than any cache */

struct bench {
    struct model *m;
    struct engine *e;
    struct kv_seq seq;
    int32_t *ids; /* prompt + gen */
    uint32_t prompt, gen, chunk, repeat, threads, streams, context;
    int json;
    const char *kv, *arith, *device;
    const struct device_ops *ops;                   /* what device names */
    enum kv_format format;                          /* what kv names */
    enum model_arith arithmetic;                    /* what arith names */
    double prefill[REPEAT_MAX], decode[REPEAT_MAX]; /* tokens per second */
    double read[REPEAT_MAX];                        /* bytes per second */
    float *read_mem;
};

/* Feeds ids [from, to) in steps; the last of each step yields logits, as in use. Nanoseconds, or 0 on failure. */
static uint64_t feed(struct bench *b, uint32_t from, uint32_t to, uint32_t step) {
    uint64_t start = clock_mono_ns();
    for (uint32_t at = from; at < to; at += step) {
        uint32_t n = to - at < step ? to - at : step;
        struct engine_part part = {
            .seq = &b->seq, .ids = b->ids + at, .count = n, .logits_from = at + n == to || step == 1 ? n - 1 : n};
        if (engine_step(b->e, &part, 1) != 0 || part.err != 0) return 0;
    }
    return clock_mono_ns() - start + 1;
}

static int one_run(struct bench *b, uint32_t prompt, uint32_t gen, double *prefill, double *decode) {
    kv_seq_clear(&b->seq, engine_kv(b->e));
    int r = kv_seq_reserve(&b->seq, engine_kv(b->e), prompt + gen);
    uint64_t p = r == 0 && prompt ? feed(b, 0, prompt, b->chunk) : 1, d = r == 0 && gen ? feed(b, prompt, prompt + gen, 1) : 1;
    if (r != 0 || p == 0 || d == 0) return r ? r : ERR_NONFINITE;
    *prefill = prompt * 1e9 / (double)p;
    *decode = gen * 1e9 / (double)d;
    return 0;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}
static double median(double *v, uint32_t n) {
    qsort(v, n, sizeof *v, by_value);
    return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

/* What one token reads, the mean over those that were decoded; in 10^9 bytes. */
static double gb_per_token(const struct bench *b) { return (double)engine_token_bytes(b->e, b->prompt + b->gen / 2) * 1e-9; }

static void report(struct bench *b) {
    double p = median(b->prefill, b->repeat), d = median(b->decode, b->repeat), mem = median(b->read, b->repeat) * 1e-9;
    double used = b->gen ? d * gb_per_token(b) : 0;
    const double *ps = b->prefill, *ds = b->decode;
    uint32_t last = b->repeat - 1;
    const char *name = *model_name(b->m) ? model_name(b->m) : model_arch(b->m);
    if (!b->json) {
        printf("%s %s, %s, %s kernels, %u threads\n", name, model_type(b->m), model_profile(b->m, b->format),
               engine_kernels(b->e), b->threads);
        printf("prefill %u: %.1f tokens/s (%.1f to %.1f)\n", b->prompt, p, ps[0], ps[last]);
        printf("decode %u: %.2f tokens/s (%.2f to %.2f)\n", b->gen, d, ds[0], ds[last]);
        if (b->ops)
            printf("memory: decode reads %.1f GB/s\n", used); /* of the device's */
        else
            printf("memory: decode reads %.1f GB/s, these threads can read %.1f GB/s (%.0f %%)\n", used, mem, 100 * used / mem);
        return;
    }
    struct buf quoted;
    buf_init(&quoted, 1024);
    if (json_quote(&quoted, name, strlen(name)) == 0)
        printf("{\"prefill_tps\":%.2f,\"decode_tps\":%.3f,\"prefill_min\":%.2f,\"prefill_max\":%.2f,\"decode_min\":%.3f,\"decode_"
               "max\":%.3f,"
               "\"mem_read_gbps\":%.2f,\"decode_read_gbps\":%.2f,"
               "\"threads\":%u,\"model\":%.*s,\"type\":\"%s\",\"profile\":\"%s\",\"kernels\":\"%s\",\"prompt\":%u,\"gen\":%u,"
               "\"repeat\":%u}\n",
               p, d, ps[0], ps[last], ds[0], ds[last], mem, used, b->threads, (int)quoted.len, (const char *)quoted.data,
               model_type(b->m), model_profile(b->m, b->format), engine_kernels(b->e), b->prompt, b->gen, b->repeat);
    buf_release(&quoted);
}

/* Written once, or every page would be the one page of zeros. */
static int read_room(struct bench *b) {
    void *mem = mmap(NULL, READ_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mem == MAP_FAILED) return ERR_NOMEM;
    (void)madvise(mem, READ_BYTES, MADV_HUGEPAGE); /* as the weights are */
    b->read_mem = memset(mem, 1, READ_BYTES);      /* small numbers */
    return 0;
}

static int bench_all(struct bench *b, struct why *why) {
    uint32_t positions = b->prompt + b->gen;
    if (positions == 0 || positions > model_context(b->m))
        return why_set(why, ERR_USAGE, "--prompt and --gen: together 1 to %u tokens, the model's context", model_context(b->m));
    b->ids = mem_zalloc(positions, sizeof *b->ids);
    if (!b->ids) return ERR_NOMEM;
    uint64_t state = 1; /* ids need no quality, only variety: a 64-bit linear congruence */
    for (uint32_t i = 0; i < positions; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        b->ids[i] = (int32_t)((state >> 33) % model_n_vocab(b->m));
    }
    struct engine_opts eo = {.threads = b->threads,
                             .rows_max = b->chunk,
                             .logits_max = 1,
                             .kv_pages = (positions + KV_PAGE - 1) / KV_PAGE,
                             .kv = b->format,
                             .device = b->ops};
    int r = engine_new(&b->e, b->m, &eo, why);
    if (r == 0) r = kv_seq_init(&b->seq, positions);
    if (r == 0) b->threads = pool_threads(engine_threads(b->e));
    if (r == 0) r = read_room(b);
    double ignored[2];
    if (r == 0) r = one_run(b, b->prompt < 32 ? b->prompt : 32, b->gen < 4 ? b->gen : 4, &ignored[0], &ignored[1]);
    struct cli_progress progress;
    cli_progress_start(&progress, "measuring");
    for (uint32_t i = 0; r == 0 && i < b->repeat; i++) {
        b->read[i] = read_speed(engine_threads(b->e), engine_kern(b->e), b->read_mem, READ_BYTES, 4);
        r = one_run(b, b->prompt, b->gen, &b->prefill[i], &b->decode[i]);
        cli_progress_show(&progress, i + 1, b->repeat);
    }
    cli_progress_end(&progress);
    if (r == 0) report(b);
    return r;
}

static int bench_together(const struct bench *b, struct why *why) {
    struct bench_streams s = {.m = b->m,
                              .kv = b->format,
                              .threads = b->threads,
                              .streams = b->streams,
                              .prompt = b->prompt,
                              .gen = b->gen,
                              .chunk = b->chunk,
                              .runs = b->repeat};
    int r = bench_streams_run(&s, why);
    if (r == 0) bench_streams_print(&s, b->json);
    return r;
}

int cmd_bench(int argc, char **argv) {
    static struct bench b = {.prompt = 512, .gen = 64, .chunk = 128, .repeat = 3, .kv = "f16", .arith = "c1", .device = "cpu"};
    static const struct opt opts[] = {
        {"threads", OPT_U32, &b.threads, "N", "compute threads; 0: one per core", 0, 256},
        {"prompt", OPT_U32, &b.prompt, "N", "tokens of prefill", 0, 1 << 20},
        {"gen", OPT_U32, &b.gen, "N", "tokens of decode, after the prompt", 0, 1 << 20},
        {"context", OPT_U32, &b.context, "N", "tokens the model is opened for (longrope depends on it); 0: the model's", 0, 0},
        {"chunk", OPT_U32, &b.chunk, "N", "tokens of one prefill step", 1, 1024},
        {"streams", OPT_U32, &b.streams, "N", "decode this many answers together instead", 1, BENCH_STREAMS_MAX},
        {"repeat", OPT_U32, &b.repeat, "N", "runs; the median counts", 1, REPEAT_MAX},
        {"arith", OPT_TEXT, &b.arith, "NAME", cli_arith_help, 0, 0},
        {"kv", OPT_TEXT, &b.kv, "FORMAT",
         "keys and values in the cache: f16 or q8, half the memory; part of the arithmetic profile", 0, 0},
        {"device", OPT_TEXT, &b.device, "DEVICE", compute_device_help, 0, 0},
        {"json", OPT_FLAG, &b.json, NULL, "one line of JSON", 0, 0},
        {0},
    };
    struct command_line c = {"bench", "MODEL", "Measures prefill and decode; sampling and digests are left out.", opts, 1, 1,
                             {0},     0};
    struct why why = {{0}};
    int r = opt_parse(&c, argc, argv, &why);
    if (r == OPT_HELP_SHOWN) return EXIT_OK;
    if (r == 0) r = kv_format_of(&b.format, b.kv, &why);
    if (r == 0) r = model_arith_of(&b.arithmetic, b.arith, &why);
    if (r == 0) r = compute_device_of(&b.ops, b.device, &why);
    if (r == 0 && b.ops && b.streams) r = why_set(&why, ERR_USAGE, "--streams: measures the processor only");
    if (r == 0) {
        struct model_opts mo = {.threads = b.threads, .context = b.context, .arith = b.arithmetic};
        int status = cli_model_open(&b.m, "bench", c.args[0], &mo);
        if (status != EXIT_OK) return status;
        r = b.streams ? bench_together(&b, &why) : bench_all(&b, &why);
        if (b.e) kv_seq_release(&b.seq, engine_kv(b.e));
        engine_free(b.e);
        if (b.read_mem) munmap(b.read_mem, READ_BYTES);
        free(b.ids);
        model_close(b.m);
    }
    if (r != 0) fprintf(stderr, "lull bench: %s\n", why_text(&why, r));
    return r == 0 ? EXIT_OK : r == ERR_USAGE ? EXIT_USAGE : EXIT_FAILED;
}
