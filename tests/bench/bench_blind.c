/* tests/bench/bench_blind.c - blind computing against the local engine of the same arithmetic, all parties on this machine,
 * over round-trip times that the links make up.
 *
 *     [LULL_SHAPE=llama3.2-1b] [LULL_REPEAT=3] [LULL_LATTICE=1] bench_blind [REPORT.md PLOT.svg]
 *
 * Measures the shipped model and a model of LULL_SHAPE with random weights, which it makes and removes. Every row of the
 * tables is one run of `lull blind bench`, which takes turns between the local engine and the workers. With a report's name
 * the tables go there as Markdown, and tokens per second against round-trip time of the shape into PLOT.svg. Mode lattice is
 * measured with the shape only if LULL_LATTICE is set: its hint takes 3 GB of disk and minutes for each row. Each mode comes as it is
 * and folded; LULL_FOLD=0 leaves folded layers out, LULL_FOLD=only the others. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/plot.h"
#include "tests/bench/series.h"

static const double rtts[] = {0, 0.2, 1, 5, 20}; /* ms */
enum { RTTS = sizeof rtts / sizeof rtts[0], SLOW_GEN = 16, GEN = 32 };

struct setting {
    const char *lull;
    int rounds;
};

/* mode: what `lull blind bench --mode` is given, options behind it. */
static json_t *bench(const struct setting *s, const char *file, const char *mode, double rtt) {
    char cmd[1024];
    snprintf(cmd, sizeof cmd, "%s blind bench %s --mode %s --rtt %g --gen %d --repeat %d --json 2>/dev/null", s->lull, file, mode,
             rtt, rtt > 1 ? SLOW_GEN : GEN, s->rounds);
    return run_json(cmd);
}

static double number(const json_t *j, const char *key) { return json_number_value(json_object_get(j, key)); }

static void table_head(FILE *f, const char *name) {
    fprintf(f,
            "\n## %s\n\n| mode | round trip, ms | tokens/s | local | ratio (least to most) | MB per token, up + down | client, "
            "CPU ms per "
            "token | local, CPU ms | A's | B's | prefill, tokens/s | local | client's own memory, MB | files mapped, MB | "
            "products | verified |\n"
            "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n",
            name);
}

static int is_folded(const json_t *j) { return strstr(json_string_value(json_object_get(j, "profile")), "fold") != NULL; }

static void table_row(FILE *f, const json_t *j) {
    double tokens = number(j, "gen") * number(j, "rounds");
    fprintf(f,
            "| %s%s | %.1f | %.2f | %.2f | %.2f (%.2f to %.2f) | %.3f + %.3f | %.1f | %.1f | %.1f | %.1f | %.1f | %.1f | %.0f | "
            "%.0f | %.0f | %.0f |\n",
            json_string_value(json_object_get(j, "mode")), is_folded(j) ? ", folded" : "", number(j, "rtt_ms"),
            number(j, "tokens_per_s"), number(j, "local_tokens_per_s"), number(j, "ratio_to_local"), number(j, "ratio_min"),
            number(j, "ratio_max"), number(j, "bytes_up") * 1e-6 / tokens, number(j, "bytes_down") * 1e-6 / tokens,
            number(j, "client_cpu_ms_per_token"), number(j, "local_cpu_ms_per_token"), number(j, "a_cpu_ms_per_token"),
            number(j, "b_cpu_ms_per_token"), number(j, "prefill_tps"), number(j, "local_prefill_tps"), number(j, "client_mb"),
            number(j, "client_mapped_mb"), number(j, "products"), number(j, "verified"));
    fflush(f);
}

/* x of a logarithmic axis that has no zero. */
static double plot_x(double rtt) { return rtt > 0 ? rtt : 0.05; }

/* One mode over all round trips, into the table and two lines. 0, or -1 when a run failed. */
static int measure_mode(const struct setting *s, FILE *f, const char *file, const char *mode, struct plot_line *blind,
                        struct plot_line *local) {
    for (int i = 0; i < RTTS; i++) {
        json_t *j = bench(s, file, mode, rtts[i]);
        if (!j) return -1;
        table_row(f, j);
        blind->x[blind->n] = plot_x(rtts[i]);
        blind->y[blind->n++] = number(j, "tokens_per_s");
        if (local->n < RTTS) {
            local->x[local->n] = plot_x(rtts[i]);
            local->y[local->n++] = number(j, "local_tokens_per_s");
        }
        json_decref(j);
    }
    return 0;
}

/* Rows of a table. */
struct variant {
    const char *mode, *name;
    int lattice, folded;
};
static const struct variant variants[] = {{"pair", "pair", 0, 0},
                                          {"pair --fold", "pair, folded", 0, 1},
                                          {"lattice", "lattice", 1, 0},
                                          {"lattice --fold", "lattice, folded", 1, 1}};

static int wanted(const struct variant *v, int lattice) {
    const char *fold = getenv("LULL_FOLD");
    if (v->lattice && !lattice) return 0;
    if (fold && strcmp(fold, "only") == 0) return v->folded;
    return !v->folded || !fold || strcmp(fold, "0") != 0;
}

/* Local is the first variant's: a folded one's is of its own arithmetic, and stands in the table. */
static int measure(const struct setting *s, FILE *f, const char *file, const char *name, int lattice, struct plot *p) {
    struct plot_line *local = &p->line[0];
    int r = 0;
    *p = (struct plot){.title = "blind computing: tokens per second against round-trip time",
                       .x_label = "round trip to each worker, ms (0 stands at 0.05)",
                       .y_label = "tokens/s",
                       .lines = 1,
                       .line = {{.name = "local", .dashed = 1}}};
    table_head(f, name);
    for (size_t i = 0; i < sizeof variants / sizeof variants[0] && r == 0; i++) {
        if (!wanted(&variants[i], lattice)) continue;
        p->line[p->lines].name = variants[i].name;
        r = measure_mode(s, f, file, variants[i].mode, &p->line[p->lines++], local);
    }
    return r;
}

static void say_conditions(FILE *f, const struct setting *s) {
    char day[32], cpu[128] = "unknown processor", line[256];
    double load[3] = {0};
    time_t now = time(NULL);
    strftime(day, sizeof day, "%Y-%m-%d", gmtime(&now));
    FILE *info = fopen("/proc/cpuinfo", "r");
    while (info && fgets(line, sizeof line, info))
        if (sscanf(line, "model name : %127[^\n]", cpu) == 1) break;
    if (info) fclose(info);
    if (getloadavg(load, 3) != 3) load[0] = -1;
    fprintf(f,
            "# Blind computing: numbers\n\nExperimental construction, not yet reviewed. Written by `make bench-blind` on %s: %s, "
            "%ld cores, load "
            "%.1f at the start. The client, both workers and the local engine share these cores, and the workers and the local "
            "engine the "
            "weights in memory; sessions are sealed as over a network. Local is the engine of the same arithmetic (`--arith "
            "row8`, or `row8-fold` where layers are folded), in "
            "turns with the workers; medians of %d rounds. Ratios are taken within a round. The processor times do not depend on "
            "what else "
            "the machine does, the speeds do. B works ahead on many columns at once, so that it reads the weights less often "
            "than A.\n",
            day, cpu, sysconf(_SC_NPROCESSORS_ONLN), load[0], s->rounds);
}

static int all(const struct setting *s, FILE *f, const char *shape, const char *plot_path) {
    char file[64] = "/tmp/lull-bench-blind-XXXXXX", cmd[256];
    struct plot p;
    int r = measure(s, f, "models/lull-toy-q8_0.gguf", "The shipped model", 1, &p), fd = mkstemp(file);
    if (fd < 0) return -1;
    close(fd);
    snprintf(cmd, sizeof cmd, "%s model make --force --shape %s %s 2>/dev/null", s->lull, shape, file);
    if (r == 0) r = system(cmd) == 0 ? 0 : -1;
    if (r == 0) r = measure(s, f, file, shape, getenv("LULL_LATTICE") != NULL, &p);
    unlink(file);
    if (r == 0 && plot_path && plot_write(&p, plot_path) != 0) r = -1;
    const char *name = plot_path ? strrchr(plot_path, '/') : NULL;
    if (r == 0 && plot_path) fprintf(f, "\n![tokens per second against round-trip time](%s)\n", name ? name + 1 : plot_path);
    return r;
}

int main(int argc, char **argv) {
    const char *lull = getenv("LULL_BIN"), *shape = getenv("LULL_SHAPE"), *repeat = getenv("LULL_REPEAT");
    struct setting s = {lull ? lull : "build/lull", repeat ? atoi(repeat) : 3};
    FILE *f = argc > 2 ? fopen(argv[1], "we") : stdout;
    if (!f) {
        fprintf(stderr, "bench_blind: %s cannot be written\n", argv[1]);
        return 1;
    }
    say_conditions(f, &s);
    int r = all(&s, f, shape ? shape : "llama3.2-1b", argc > 2 ? argv[2] : NULL);
    if (f != stdout && fclose(f) != 0) r = -1;
    if (r != 0) fprintf(stderr, "bench_blind: a run failed\n");
    return r != 0;
}
