/* cli/cmd_blind_bench.c - `lull blind bench`: tokens per second of blind computing with all parties on this machine, held
 * against the local engine of the same arithmetic.
 *
 * Prompts are random ids. Each round decodes --gen tokens with the local engine, then with workers, so that both see the same
 * machine. What is counted of bytes and processor time is decoding, after --warm tokens that nobody counts: then as much is
 * ordered from B as is used. With --ask whole answers are measured instead (cli/cmd_blind_answers.h). */
#include "cli/cmd_blind_bench.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/opt.h"
#include "blind/lattice_params.h"
#include "cli/cli.h"
#include "cli/cmd_blind_answers.h"
#include "cli/cmd_blind_site.h"
#include "cli/model_load.h"
#include "model/make.h"
#include "model/quantize.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROUNDS_MAX = 64, CHUNK = 64 };

struct bench {
    const char *mode, *shape, *path, *params;
    uint32_t rank;  /* 0: pair */
    char made[128]; /* the file of --shape */
    uint32_t threads, threads_b, prompt, warm, gen, rounds, ahead_mb;
    double rtt_ms;
    int json, folded;
    uint32_t guess;
    struct opt_list ask;
    struct blind_site site;
    int32_t *ids;
    double local[ROUNDS_MAX], blind[ROUNDS_MAX], local_prefill[ROUNDS_MAX], blind_prefill[ROUNDS_MAX], ratio[ROUNDS_MAX];
    uint64_t bytes_up, bytes_down, client_ns, worker_ns[PAIR_ROLES], local_ns, wait_a_ns, wait_b_ns; /* of all that was decoded */
};

/* Feeds ids [from, to); the last of each step yields logits, as in use. */
static int feed(struct bench *b, struct engine *e, struct kv_seq *seq, uint32_t from, uint32_t to, uint32_t step, double *tps) {
    uint64_t start = clock_mono_ns();
    for (uint32_t at = from; at < to; at += step) {
        uint32_t n = to - at < step ? to - at : step;
        struct engine_part part = {
            .seq = seq, .ids = b->ids + at, .count = n, .logits_from = at + n == to || step == 1 ? n - 1 : n};
        int r = engine_step(e, &part, 1);
        if (r == 0) r = part.err;
        if (r != 0) return r;
    }
    if (tps) *tps = (to - from) * 1e9 / (double)(clock_mono_ns() - start + 1);
    return 0;
}

static int one_answer(struct bench *b, int blind, double *prefill, double *decode) {
    struct engine *e = blind ? b->site.blind : b->site.local;
    struct kv_seq *seq = blind ? &b->site.blind_seq : &b->site.local_seq;
    uint32_t counted = b->prompt + b->warm, all = counted + b->gen;
    struct blind_counts before, after;
    kv_seq_clear(seq, engine_kv(e));
    int r = kv_seq_reserve(seq, engine_kv(e), all);
    if (blind) blind_site_prompt(&b->site, b->prompt);
    if (r == 0) r = feed(b, e, seq, 0, b->prompt, CHUNK, prefill);
    if (r == 0) r = feed(b, e, seq, b->prompt, counted, 1, NULL);
    if (blind) blind_site_settle(&b->site);
    uint64_t client = blind_site_client_ns(&b->site), workers[PAIR_ROLES];
    for (int i = 0; i < PAIR_ROLES; i++) workers[i] = blind_site_worker_ns(&b->site, (enum pair_role)i);
    blind_site_count(&b->site, &before);
    if (r == 0) r = feed(b, e, seq, counted, all, 1, decode);
    if (blind) blind_site_settle(&b->site); /* what was ordered for later counts too */
    blind_site_count(&b->site, &after);
    client = blind_site_client_ns(&b->site) - client;
    if (!blind) b->local_ns += client;
    if (!blind || r != 0) return r;
    b->client_ns += client;
    for (int i = 0; i < PAIR_ROLES; i++) b->worker_ns[i] += blind_site_worker_ns(&b->site, (enum pair_role)i) - workers[i];
    b->bytes_up += after.bytes_up - before.bytes_up;
    b->bytes_down += after.bytes_down - before.bytes_down;
    b->wait_a_ns += after.wait_data_ns - before.wait_data_ns;
    b->wait_b_ns += after.wait_mask_ns - before.wait_mask_ns;
    return 0;
}

static int measure(struct bench *b, struct why *why) {
    struct cli_progress progress;
    int r = 0;
    cli_progress_start(&progress, "measuring");
    for (uint32_t i = 0; i < b->rounds && r == 0; i++) {
        r = one_answer(b, 0, &b->local_prefill[i], &b->local[i]);
        if (r == 0) r = one_answer(b, 1, &b->blind_prefill[i], &b->blind[i]);
        b->ratio[i] = b->blind[i] / b->local[i];
        cli_progress_show(&progress, i + 1, b->rounds);
    }
    cli_progress_end(&progress);
    if (r == ERR_LOST) blind_site_why(&b->site, why);
    return r;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}
static double median(double *v, uint32_t n) {
    qsort(v, n, sizeof *v, by_value);
    return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

static void report(struct bench *b) {
    struct blind_counts n;
    struct blind_site_memory memory = blind_site_memory_now();
    double tokens = (double)b->gen * b->rounds, blind = median(b->blind, b->rounds), local = median(b->local, b->rounds);
    double ratio = median(b->ratio, b->rounds), bytes = (double)(b->bytes_up + b->bytes_down) / tokens;
    double pb = median(b->blind_prefill, b->rounds), pl = median(b->local_prefill, b->rounds);
    const char *name = *model_name(b->site.weights) ? model_name(b->site.weights) : model_arch(b->site.weights);
    blind_site_count(&b->site, &n);
    if (!b->json) {
        printf("%s, mode %s%s, round trip %.1f ms (experimental construction, not yet reviewed)\n", name, b->mode,
               b->folded ? ", folded" : "", b->rtt_ms);
        printf("decode %.2f tokens/s, local %.2f: %.2f of it (%.2f to %.2f)\n", blind, local, ratio, b->ratio[0],
               b->ratio[b->rounds - 1]);
        printf("prefill %.1f tokens/s, local %.1f\n", pb, pl);
        printf("%.3f MB per token; the client works %.1f ms per token; %" PRIu64 " products, %" PRIu64 " verified\n",
               bytes * 1e-6, (double)b->client_ns * 1e-6 / tokens, n.products, n.verified);
        return;
    }
    struct buf q;
    buf_init(&q, 1024);
    if (json_quote(&q, name, strlen(name)) == 0)
        printf("{\"mode\":\"%s\",\"profile\":\"%s\",\"tokens_per_s\":%.3f,\"bytes_per_token\":%.0f,\"bytes_up\":%" PRIu64
               ",\"bytes_down\":%" PRIu64 ",\"client_cpu_ms_per_token\":%.2f,\"products\":%" PRIu64 ",\"verified\":%" PRIu64
               ",\"ratio_to_local\":%.3f,\"ratio_min\":%.3f,\"ratio_max\":%.3f,\"local_tokens_per_s\":%.3f,"
               "\"local_cpu_ms_per_token\":%.2f,\"a_cpu_ms_per_token\":%.2f,\"b_cpu_ms_per_token\":%.2f,\"wait_a_ms_per_token\":%"
               ".2f,"
               "\"wait_b_ms_per_token\":%.2f,\"prefill_tps\":%.2f,\"local_prefill_tps\":%.2f,\"client_mb\":%.1f,"
               "\"client_mapped_mb\":%.1f,\"rtt_ms\":%.2f,"
               "\"threads\":%u,\"threads_b\":%u,\"prompt\":%u,\"warm\":%u,\"gen\":%u,\"rounds\":%u,\"sessions\":%" PRIu64
               ",\"model\":%.*s,\"kernels\":\"%s\"}\n",
               b->mode, model_profile(b->site.weights, KV_F16), blind, bytes, b->bytes_up, b->bytes_down,
               (double)b->client_ns * 1e-6 / tokens, n.products, n.verified, ratio, b->ratio[0], b->ratio[b->rounds - 1], local,
               (double)b->local_ns * 1e-6 / tokens, (double)b->worker_ns[PAIR_A] * 1e-6 / tokens,
               (double)b->worker_ns[PAIR_B] * 1e-6 / tokens, (double)b->wait_a_ns * 1e-6 / tokens,
               (double)b->wait_b_ns * 1e-6 / tokens, pb, pl, ((double)memory.own - (double)b->site.memory_before.own) * 1e-6,
               ((double)memory.mapped - (double)b->site.memory_before.mapped) * 1e-6, b->rtt_ms,
               pool_threads(engine_threads(b->site.local)), b->rank ? 0 : pool_threads(b->site.pool[PAIR_B]), b->prompt, b->warm,
               b->gen, b->rounds, n.sessions, (int)q.len, (const char *)q.data, engine_kernels(b->site.local));
    buf_release(&q);
}

/* ---- from options to a site ---- */

static void show(void *arg, uint64_t done, uint64_t all) { cli_progress_show(arg, done, all); }

static int make_shape(struct bench *b, struct why *why) {
    const char *tmp = getenv("TMPDIR");
    struct cli_progress progress;
    struct convert_watch watch = {show, &progress};
    if (snprintf(b->made, sizeof b->made, "%s/lull-blind-shape-%ld.gguf", tmp ? tmp : "/tmp", (long)getpid()) >=
        (int)sizeof b->made)
        return why_set(why, ERR_LIMIT, "TMPDIR: too long a path");
    cli_progress_start(&progress, "making the model");
    int r = make_model(b->shape, quantize_type("q8_0"), 1, b->made, &watch, why);
    cli_progress_end(&progress);
    b->path = b->made;
    return r;
}

static int whole_answers(struct bench *b, struct why *why) {
    struct blind_answers_opts o = {.turns = &b->ask,
                                   .tokens_max = b->gen,
                                   .rounds = b->rounds,
                                   .guess = b->guess,
                                   .threads = b->threads,
                                   .mode = b->mode,
                                   .rtt_ms = b->rtt_ms,
                                   .json = b->json};
    return blind_answers_run(&b->site, &o, why);
}

static int random_ids(struct bench *b, uint32_t positions, struct why *why) {
    b->ids = mem_zalloc(positions, sizeof *b->ids);
    if (!b->ids) return ERR_NOMEM;
    uint64_t state = 1; /* ids need no quality, only variety: a 64-bit linear congruence */
    for (uint32_t i = 0; i < positions; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        b->ids[i] = (int32_t)((state >> 33) % model_n_vocab(b->site.weights));
    }
    int r = measure(b, why);
    if (r == 0) report(b);
    free(b->ids);
    return r;
}

static int run(struct bench *b, struct why *why) {
    uint32_t positions = b->prompt + b->warm + b->gen;
    struct blind_site_opts so = {.lattice = b->rank != 0,
                                 .folded = b->folded,
                                 .rank = b->rank,
                                 .model = b->path,
                                 .positions = positions,
                                 .threads = b->threads,
                                 .threads_b = b->threads_b,
                                 .rtt_us = (uint32_t)(b->rtt_ms * 1000),
                                 .decode_columns = 1 + b->guess,
                                 .ahead_bytes = (size_t)b->ahead_mb << 20};
    int r = blind_site_open(&b->site, &so, why);
    if (r == 0 && positions > model_context(b->site.weights))
        r = why_set(why, ERR_USAGE, "--prompt, --warm and --gen: together at most %u, the model's context",
                    model_context(b->site.weights));
    if (r == 0) r = b->ask.count ? whole_answers(b, why) : random_ids(b, positions, why);
    blind_site_close(&b->site);
    return r;
}

int cmd_blind_bench(int argc, char **argv) {
    static struct bench b = {.mode = "pair", .params = "d6", .prompt = 64, .warm = 24, .gen = 32, .rounds = 3, .threads_b = 1};
    static const struct opt opts[] = {
        {"mode", OPT_TEXT, &b.mode, "MODE", "pair or lattice (pair)", 0, 0},
        {"fold", OPT_FLAG, &b.folded, NULL, "folded layers: half as many round trips, about twice the weights", 0, 0},
        {"params", OPT_TEXT, &b.params, "NAME", "of lattice: d6, or d5, faster and weaker (d6)", 0, 0},
        {"shape", OPT_TEXT, &b.shape, "SHAPE", "a model of this shape with random weights, instead of MODEL", 0, 0},
        {"rtt", OPT_REAL, &b.rtt_ms, "MS", "round trip to the workers in milliseconds (0)", 0, 10000},
        {"prompt", OPT_U32, &b.prompt, "N", "tokens of prompt (64)", 1, 1 << 20},
        {"warm", OPT_U32, &b.warm, "N", "tokens after it that are not counted (24)", 0, 1 << 20},
        {"gen", OPT_U32, &b.gen, "N", "tokens that are counted (32)", 1, 1 << 20},
        {"repeat", OPT_U32, &b.rounds, "N", "rounds; the median counts (3)", 1, ROUNDS_MAX},
        {"threads", OPT_U32, &b.threads, "N", "threads of the client and of A; 0: one per core (0)", 0, 256},
        {"threads-b", OPT_U32, &b.threads_b, "N", "threads of B, which works ahead (1)", 1, 256},
        {"ahead-mb", OPT_U32, &b.ahead_mb, "N", "memory for what is ready ahead of its use, in MiB; 0: 64, lattice 512 (0)", 0,
         1 << 16},
        {"ask", OPT_LIST, &b.ask, "TEXT",
         "measure the answer to TEXT, of --gen tokens at most, instead of random ids; again: what is asked after that answer, "
         "whose "
         "answer is then measured",
         0, 0},
        {"guess", OPT_U32, &b.guess, "K", "of --ask: K guessed tokens go along in every pass (0)", 0, 7},
        {"json", OPT_FLAG, &b.json, NULL, "one line of JSON", 0, 0},
        {0},
    };
    struct command_line c = {
        .command = "blind bench",
        .arguments = "[MODEL]",
        .about = "Measures blind computing (experimental construction, not yet reviewed), all parties on this machine.",
        .opts = opts,
        .args_min = 0,
        .args_max = 1};
    struct why why = {{0}};
    int r = opt_parse(&c, argc, argv, &why);
    if (r == OPT_HELP_SHOWN) return EXIT_OK;
    b.path = c.arg_count ? c.args[0] : NULL;
    int lattice = strcmp(b.mode, "lattice") == 0;
    if (r == 0 && !lattice && strcmp(b.mode, "pair") != 0) r = why_set(&why, ERR_USAGE, "--mode: is pair or lattice");
    const struct lattice_params *lp = lattice_params_named(b.params);
    if (r == 0 && !lp) r = why_set(&why, ERR_USAGE, "--params: is d6 or d5");
    b.rank = r == 0 && lattice ? lp->rank : 0;
    if (r == 0 && b.guess && !b.ask.count)
        r = why_set(&why, ERR_USAGE, "--guess: with --ask TEXT alone; random ids repeat nothing");
    if (r == 0 && !b.path == !b.shape) r = why_set(&why, ERR_USAGE, "either MODEL or --shape");
    if (r == 0 && b.shape) r = make_shape(&b, &why);
    if (r == 0) r = run(&b, &why);
    if (b.made[0]) unlink(b.made);
    if (r != 0) fprintf(stderr, "lull blind bench: %s\n", why_text(&why, r));
    return r == 0 ? EXIT_OK : r == ERR_USAGE ? EXIT_USAGE : EXIT_FAILED;
}
