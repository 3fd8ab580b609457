/* tests/bench/bench_peer.c - prefill and decode against another engine: same machine, same files, same threads, interleaved.
 *
 *     PEER_BENCH="command that takes llama-bench's options" [LULL_MODELS="a.gguf b.gguf"] [LULL_REPEAT=3] bench_peer
 *
 * Without LULL_MODELS it makes files of random weights in the tinyllama-1.1b shape (types in LULL_TYPES, default "q8_0 q4_0"), and
 * removes them. Without PEER_BENCH that column is left out. The first round of each engine warms the file cache and does not count. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROUNDS_MAX = 32, PROMPT = 512, GEN = 64 };
struct series {
    double v[ROUNDS_MAX];
    int n;
};

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(struct series *s) {
    qsort(s->v, (size_t)s->n, sizeof s->v[0], by_value);
    return s->n ? s->v[s->n / 2] : 0;
}

static double spread_percent(const struct series *s) { /* sorted by median() */
    return s->n ? 100 * (s->v[s->n - 1] - s->v[0]) / s->v[s->n / 2] : 0;
}

static json_t *run_json(const char *command) {
    static char out[1 << 20];
    FILE *p = popen(command, "r");
    size_t n = p ? fread(out, 1, sizeof out, p) : 0;
    if (!p || pclose(p) != 0) return NULL;
    return json_loadb(out, n, JSON_DISABLE_EOF_CHECK, NULL);
}

static int one_lull(const char *lull, const char *file, int threads, double *prefill, double *decode) {
    char cmd[1024];
    snprintf(cmd, sizeof cmd, "%s bench %s --threads %d --prompt %d --gen %d --repeat 1 --json 2>/dev/null", lull, file, threads, PROMPT, GEN);
    json_t *j = run_json(cmd);
    *prefill = json_number_value(json_object_get(j, "prefill_tps"));
    *decode = json_number_value(json_object_get(j, "decode_tps"));
    json_decref(j);
    return *prefill > 0 && *decode > 0;
}

static int one_peer(const char *peer, const char *file, int threads, double *prefill, double *decode) {
    char cmd[1024];
    snprintf(cmd, sizeof cmd, "%s -m %s -t %d -p %d -n %d -r 1 -o json 2>/dev/null", peer, file, threads, PROMPT, GEN);
    json_t *j = run_json(cmd), *row;
    size_t i;
    *prefill = *decode = 0;
    json_array_foreach(j, i, row) {
        double tps = json_number_value(json_object_get(row, "avg_ts"));
        if (json_integer_value(json_object_get(row, "n_prompt")) > 0) *prefill = tps;
        else *decode = tps;
    }
    json_decref(j);
    return *prefill > 0 && *decode > 0;
}

static void compare(const char *lull, const char *peer, const char *file, const char *label, int threads, int rounds) {
    struct series ours_p = {0}, ours_d = {0}, peer_p = {0}, peer_d = {0};
    for (int i = 0; i <= rounds && i < ROUNDS_MAX; i++) {
        double p, d;
        if (one_lull(lull, file, threads, &p, &d) && i) ours_p.v[ours_p.n++] = p, ours_d.v[ours_d.n++] = d;
        if (peer && one_peer(peer, file, threads, &p, &d) && i) peer_p.v[peer_p.n++] = p, peer_d.v[peer_d.n++] = d;
    }
    double op = median(&ours_p), od = median(&ours_d), pp = median(&peer_p), pd = median(&peer_d);
    printf("%-28s prefill %8.1f t/s (spread %2.0f %%)  decode %7.2f t/s (spread %2.0f %%)", label, op, spread_percent(&ours_p), od, spread_percent(&ours_d));
    if (peer_p.n) printf("  peer %8.1f (%2.0f %%) %7.2f (%2.0f %%)  ratio %.2f %.2f", pp, spread_percent(&peer_p), pd, spread_percent(&peer_d), op / pp, od / pd);
    printf("\n");
    fflush(stdout);
}

static void made_models(const char *lull, const char *peer, int threads, int rounds) {
    const char *types_env = getenv("LULL_TYPES");
    char types[256], file[256], cmd[1024], label[64];
    snprintf(types, sizeof types, "%s", types_env ? types_env : "q8_0 q4_0");
    const char *tmp = getenv("TMPDIR");
    for (char *type = strtok(types, " "); type; type = strtok(NULL, " ")) {
        snprintf(file, sizeof file, "%.100s/lull-bench-%d-%.20s.gguf", tmp && *tmp ? tmp : "/var/tmp", (int)getpid(), type);
        snprintf(cmd, sizeof cmd, "%s model make --shape tinyllama-1.1b --type %s %s", lull, type, file);
        snprintf(label, sizeof label, "tinyllama-1.1b %s", type);
        if (system(cmd) == 0) compare(lull, peer, file, label, threads, rounds);
        unlink(file);
    }
}

int main(void) {
    const char *lull = getenv("LULL_BIN"), *peer = getenv("PEER_BENCH"), *models = getenv("LULL_MODELS"), *repeat = getenv("LULL_REPEAT");
    int rounds = repeat ? atoi(repeat) : 3, threads = (int)sysconf(_SC_NPROCESSORS_ONLN);
    if (!lull) lull = "build/lull";
    printf("prefill %d, decode %d after it, %d threads, median of %d interleaved rounds after one that warms up%s\n", PROMPT, GEN, threads, rounds,
           peer ? "" : "; no PEER_BENCH, so no peer");
    if (!models) {
        made_models(lull, peer, threads, rounds);
        return 0;
    }
    char *list = strdup(models);
    for (char *file = list ? strtok(list, " ") : NULL; file; file = strtok(NULL, " ")) {
        const char *slash = strrchr(file, '/');
        compare(lull, peer, file, slash ? slash + 1 : file, threads, rounds);
    }
    free(list);
    return 0;
}
