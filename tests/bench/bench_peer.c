/* tests/bench/bench_peer.c - prefill and decode against another engine: same machine, same files, same threads, interleaved.
 *
 *     PEER_BENCH="command that takes llama-bench's options" [LULL_MODELS="a.gguf b.gguf"] [LULL_TYPES="q8_0 q4_0"]
 *     [LULL_REPEAT=3] [LULL_CONTEXTS="128 512 1024 1920"] bench_peer [REPORT.md PLOT-PREFIX]
 *
 * Without LULL_MODELS it makes files of random weights in the tinyllama-1.1b shape (LULL_TYPES, default "q8_0 q4_0 q4_k_m q6_k"),
 * and removes them. Without PEER_BENCH that column is left out. The first round of each engine warms the file cache and does not
 * count. Decode is 64 tokens after the prompt in both engines, and again from an empty context (ours: after
 * one token), as the peer's tool does by default. With a report's name the tables go there as Markdown, and speed against context length of the first file goes
 * into PLOT-PREFIX-prefill.svg and PLOT-PREFIX-decode.svg. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/plot.h"
#include "tests/bench/series.h"

enum { PROMPT = 512, GEN = 64, GEN_SHORT = 16 };
struct engines {
    const char *lull, *peer; /* commands; peer may be NULL */
    int threads, rounds;
};
/* Of one file: tokens per second, and bytes per second where the engine tells. Ratios are taken within a round, for this machine's speed
 * may change between rounds. */
struct result {
    struct series prefill, decode, empty, peer_prefill, peer_decode, peer_empty, memory, read;
    struct series prefill_ratio, decode_ratio, empty_ratio, share;
};

/* What one run of ours gave; zeros: it failed. */
struct run {
    double prefill, decode, memory, read;
};

static struct run ours(const struct engines *e, const char *file, int prompt, int gen) {
    char cmd[1024];
    snprintf(cmd, sizeof cmd, "%s bench %s --threads %d --prompt %d --gen %d --repeat 1 --json 2>/dev/null", e->lull, file,
             e->threads, prompt, gen);
    json_t *j = run_json(cmd);
    struct run r = {
        json_number_value(json_object_get(j, "prefill_tps")),
        json_number_value(json_object_get(j, "decode_tps")),
        json_number_value(json_object_get(j, "mem_read_gbps")),
        json_number_value(json_object_get(j, "decode_read_gbps")),
    };
    json_decref(j);
    return r;
}

/* One of the peer's tests: `prompt` tokens, or `gen` tokens at a depth. 0 without a peer. */
static double theirs(const struct engines *e, const char *file, int prompt, int gen, int depth) {
    char cmd[1024];
    if (!e->peer) return 0;
    snprintf(cmd, sizeof cmd, "%s -m %s -t %d -p %d -n %d -d %d -r 1 -o json 2>/dev/null", e->peer, file, e->threads, prompt, gen,
             depth);
    json_t *j = run_json(cmd);
    double tps = json_number_value(json_object_get(json_array_get(j, 0), "avg_ts"));
    json_decref(j);
    return tps;
}

/* A round's two values and their quotient; what failed, or was not measured, leaves no trace. */
static void add_pair(struct series *a, double x, struct series *b, double y, struct series *quotient) {
    if (x > 0) series_add(a, x);
    if (y > 0) series_add(b, y);
    if (x > 0 && y > 0) series_add(quotient, x / y);
}

static void measure(const struct engines *e, const char *file, int prompt, int gen, struct result *r) {
    *r = (struct result){.prefill.n = 0};
    for (int i = 0; i <= e->rounds; i++) {
        struct result warm = {.prefill.n = 0}, *to = i ? r : &warm;
        struct run deep = ours(e, file, prompt, gen);
        add_pair(&to->prefill, deep.prefill, &to->peer_prefill, theirs(e, file, prompt, 0, 0), &to->prefill_ratio);
        add_pair(&to->decode, deep.decode, &to->peer_decode, theirs(e, file, 0, gen, prompt), &to->decode_ratio);
        add_pair(&to->empty, ours(e, file, 1, gen).decode, &to->peer_empty, theirs(e, file, 0, gen, 0), &to->empty_ratio);
        add_pair(&to->read, deep.read, &to->memory, deep.memory, &to->share);
    }
}

static void cell(FILE *f, struct series *s) {
    if (series_median(s) > 0)
        fprintf(f, " %.1f (%.0f %%) |", series_median(s), series_spread(s));
    else
        fprintf(f, " - |");
}
static void ratio(FILE *f, struct series *s) {
    if (series_median(s) > 0)
        fprintf(f, " %.2f (%.0f %%) |", series_median(s), series_spread(s));
    else
        fprintf(f, " - |");
}

static void heading(FILE *f) {
    fprintf(f,
            "| file | prefill %d | peer | ratio | decode %d after it | peer | ratio | from empty | peer | ratio | decode reads "
            "GB/s | memory gives GB/s | share |\n",
            PROMPT, GEN);
    fprintf(f, "|---|---|---|---|---|---|---|---|---|---|---|---|---|\n");
}

static void row(FILE *f, const char *label, struct result *r) {
    fprintf(f, "| %s |", label);
    cell(f, &r->prefill), cell(f, &r->peer_prefill), ratio(f, &r->prefill_ratio);
    cell(f, &r->decode), cell(f, &r->peer_decode), ratio(f, &r->decode_ratio);
    cell(f, &r->empty), cell(f, &r->peer_empty), ratio(f, &r->empty_ratio);
    cell(f, &r->read), cell(f, &r->memory), ratio(f, &r->share);
    fprintf(f, "\n");
    fflush(f);
}

static void point(struct plot_line *l, double x, struct series *s) {
    if (s->n && l->n < PLOT_POINTS) l->x[l->n] = x, l->y[l->n++] = series_median(s);
}

/* Speed against context length. */
static void by_context(const struct engines *e, const char *file, const char *label, const char *prefix, FILE *f) {
    const char *wanted = getenv("LULL_CONTEXTS");
    char list[128], path[512], title[2][128];
    struct plot prefill = {
        title[0], "tokens of prompt", "tokens/s", e->peer ? 2 : 1, {{.name = "lull"}, {.name = "llama.cpp", .dashed = 1}}};
    struct plot decode = {
        title[1], "tokens before", "tokens/s", e->peer ? 2 : 1, {{.name = "lull"}, {.name = "llama.cpp", .dashed = 1}}};
    snprintf(title[0], sizeof title[0], "prefill, %.60s, %d threads", label, e->threads);
    snprintf(title[1], sizeof title[1], "decode, %.60s, %d threads", label, e->threads);
    snprintf(list, sizeof list, "%s", wanted ? wanted : "128 512 1024 1920");
    fprintf(f, "\n| context | prefill | peer | ratio | decode %d after it | peer | ratio |\n|---|---|---|---|---|---|---|\n",
            GEN_SHORT);
    for (char *at = strtok(list, " "); at; at = strtok(NULL, " ")) {
        struct result r;
        int n = atoi(at);
        if (n < 1) continue;
        measure(e, file, n, GEN_SHORT, &r);
        fprintf(f, "| %d |", n);
        cell(f, &r.prefill), cell(f, &r.peer_prefill), ratio(f, &r.prefill_ratio);
        cell(f, &r.decode), cell(f, &r.peer_decode), ratio(f, &r.decode_ratio);
        fprintf(f, "\n");
        fflush(f);
        point(&prefill.line[0], n, &r.prefill), point(&prefill.line[1], n, &r.peer_prefill);
        point(&decode.line[0], n, &r.decode), point(&decode.line[1], n, &r.peer_decode);
    }
    snprintf(path, sizeof path, "%.480s-prefill.svg", prefix);
    if (plot_write(&prefill, path) != 0) fprintf(stderr, "bench_peer: %s: not written\n", path);
    snprintf(path, sizeof path, "%.480s-decode.svg", prefix);
    if (plot_write(&decode, path) != 0) fprintf(stderr, "bench_peer: %s: not written\n", path);
}

/* The first line that a command prints, for the conditions. */
static void first_line(const char *command, char *out, size_t cap) {
    FILE *p = popen(command, "r");
    out[0] = 0;
    if (p && fgets(out, (int)cap, p)) out[strcspn(out, "\n")] = 0;
    if (p) pclose(p);
}

static void conditions(FILE *f, const struct engines *e) {
    char day[32], cpu[128], version[256] = "", cmd[512];
    time_t now = time(NULL);
    struct tm t;
    strftime(day, sizeof day, "%Y-%m-%d", gmtime_r(&now, &t));
    first_line("sed -n 's/^model name[^:]*: //p' /proc/cpuinfo", cpu, sizeof cpu);
    snprintf(cmd, sizeof cmd, "%.400s --version 2>&1 | grep -i version", e->peer ? e->peer : "true");
    if (e->peer) first_line(cmd, version, sizeof version);
    snprintf(cmd, sizeof cmd, "%.400s version", e->lull);
    char mine[64];
    first_line(cmd, mine, sizeof mine);
    fprintf(f,
            "%s, %s, %d threads, %s%s%s. Medians of %d interleaved rounds after one that warms up; in brackets the spread, "
            "(largest - smallest) / median. A ratio is the median of the rounds' ratios.\n\n",
            day, cpu, e->threads, mine, e->peer ? "; peer: llama.cpp, " : "; no peer was given", version, e->rounds);
    fprintf(f,
            "Commands, for each file: `lull bench FILE --threads %d --prompt %d --gen %d --repeat 1 --json`, and `--prompt 1` "
            "(from empty)",
            e->threads, PROMPT, GEN);
    if (e->peer)
        fprintf(f, ", `llama-bench -m FILE -t %d -r 1` with `-p %d -n 0`, `-p 0 -n %d -d %d` and (from empty) `-p 0 -n %d -d 0`",
                e->threads, PROMPT, GEN, PROMPT, GEN);
    fprintf(f, ". Speeds in tokens/s. Other figures: [engine](benchmarks-engine.md), [GPU](benchmarks-gpu.md), "
               "[network](benchmarks-network.md), [verdicts on evidence](benchmarks-evidence.md).\n\n");
}

static void one_file(const struct engines *e, const char *file, const char *label, FILE *f) {
    struct result r;
    measure(e, file, PROMPT, GEN, &r);
    row(f, label, &r);
    if (f != stdout) row(stdout, label, &r);
}

static int make_file(const struct engines *e, const char *type, char *file, size_t cap) {
    char cmd[512];
    const char *tmp = getenv("TMPDIR");
    snprintf(file, cap, "%.100s/lull-bench-%d-%.20s.gguf", tmp && *tmp ? tmp : "/var/tmp", (int)getpid(), type);
    snprintf(cmd, sizeof cmd, "%.100s model make --shape tinyllama-1.1b --type %.20s %.200s", e->lull, type, file);
    return system(cmd) == 0;
}

int main(int argc, char **argv) {
    const char *models = getenv("LULL_MODELS"), *types = getenv("LULL_TYPES"), *repeat = getenv("LULL_REPEAT"),
               *lull = getenv("LULL_BIN");
    struct engines e = {lull ? lull : "build/lull", getenv("PEER_BENCH"), (int)sysconf(_SC_NPROCESSORS_ONLN),
                        repeat ? atoi(repeat) : 3};
    FILE *f = argc > 2 ? fopen(argv[1], "we") : stdout;
    char list[4096], file[256], label[128], kept[256] = "", kept_label[128] = "";
    if (!f) {
        fprintf(stderr, "bench_peer: %s cannot be written\n", argv[1]);
        return 1;
    }
    conditions(f, &e);
    heading(f);
    snprintf(list, sizeof list, "%s", models ? models : types ? types : "q8_0 q4_0 q4_k_m q6_k");
    for (char *save = NULL, *at = strtok_r(list, " ", &save); at; at = strtok_r(NULL, " ", &save)) {
        const char *slash = strrchr(at, '/');
        snprintf(file, sizeof file, "%.250s", at);
        snprintf(label, sizeof label, models ? "%.100s" : "tinyllama-1.1b %.60s", models && slash ? slash + 1 : at);
        if (!models && !make_file(&e, at, file, sizeof file)) continue;
        one_file(&e, file, label, f);
        if (!kept[0]) {
            memcpy(kept, file, sizeof kept);
            memcpy(kept_label, label, sizeof kept_label);
        } else if (!models)
            unlink(file);
    }
    if (argc > 2 && kept[0]) by_context(&e, kept, kept_label, argv[2], f);
    if (!models && kept[0]) unlink(kept);
    return f == stdout || fclose(f) == 0 ? 0 : 1;
}
