/* tests/bench/bench_kl.c - how far logits are from the same weights in double precision: ours, and another engine's.
 *
 *     [LULL_MODELS="a.gguf b.gguf"] [LULL_POSITIONS=512] [LULL_CONTEXT=512] [LULL_SEEDS=4] [PEER_LOGITS="command"] bench_kl
 *
 * Without LULL_MODELS: the small reference model (tests/data) in each type, and the shipped model. The tokens of each model are
 * drawn by itself at temperature 1, LULL_SEEDS times: a few positions make most of a mean, so single runs differ by half, and
 * the ratio of the two distances is printed with its standard error (jackknife over the runs).
 * PEER_LOGITS is called with MODEL ID,ID,... OUT and writes f32 rows to OUT, as `lull logits`
 * does. Prints mean KL divergence (nats, double precision first) and how often the likeliest token is the same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/secret.h"
#include "math/attend.h"
#include "model/engine.h"
#include "model/from_llama2c.h"
#include "model/quantize.h"
#include "model/sampler.h"
#include "tests/bench/ref_f64.h"

struct rows { /* logits of one engine */
    double *l;
    uint32_t n, vocab;
};

static int32_t best(const double *l, uint32_t n) {
    uint32_t at = 0;
    for (uint32_t i = 1; i < n; i++) at = l[i] > l[at] ? i : at;
    return (int32_t)at;
}

static double log_sum(const double *l, uint32_t n) {
    double max = l[best(l, n)], sum = 0;
    for (uint32_t i = 0; i < n; i++) sum += exp(l[i] - max);
    return max + log(sum);
}

/* Mean KL(p || q) and top-1 agreement in percent. */
static void compare(const struct rows *p, const struct rows *q, double *kl, double *top1) {
    *kl = *top1 = 0;
    for (uint32_t t = 0; t < p->n; t++) {
        const double *a = p->l + (size_t)t * p->vocab, *b = q->l + (size_t)t * p->vocab;
        double za = log_sum(a, p->vocab), zb = log_sum(b, p->vocab);
        for (uint32_t i = 0; i < p->vocab; i++) *kl += exp(a[i] - za) * ((a[i] - za) - (b[i] - zb)) / p->n;
        *top1 += (best(a, p->vocab) == best(b, p->vocab)) * 100.0 / p->n;
    }
}

/* Draws the tokens and keeps the logits on the way. */
static int our_rows(struct model *m, uint64_t seed, struct rows *out, int32_t *id) {
    struct engine *e = NULL;
    struct kv_seq seq = {0};
    struct sampler s = {0};
    struct gen_sampling p = GEN_SAMPLING_GREEDY;
    p.temperature = 1, p.seed = seed;
    struct engine_opts o = {.threads = 1, .rows_max = 1, .logits_max = 1, .kv_pages = (out->n + KV_PAGE - 1) / KV_PAGE};
    int r = engine_new(&e, m, &o, NULL);
    if (r == 0) r = kv_seq_init(&seq, out->n);
    if (r == 0) r = kv_seq_reserve(&seq, engine_kv(e), out->n);
    if (r == 0) r = sampler_init(&s, out->vocab, &p, NULL, 0, out->n, NULL);
    id[0] = vocab_bos(model_vocab(m)) >= 0 ? vocab_bos(model_vocab(m)) : 1;
    for (uint32_t t = 0; r == 0 && t < out->n; t++) {
        struct engine_part part = {.seq = &seq, .ids = id + t, .count = 1};
        r = engine_step(e, &part, 1);
        if (r == 0) r = part.err;
        for (uint32_t i = 0; r == 0 && i < out->vocab; i++) out->l[(size_t)t * out->vocab + i] = (double)part.logits[i];
        if (r == 0 && t + 1 < out->n) r = sampler_pick(&s, part.logits, t, 0, &id[t + 1]);
    }
    sampler_release(&s);
    if (e) kv_seq_release(&seq, engine_kv(e));
    engine_free(e);
    return r;
}

static int peer_rows(const char *command, const char *path, const int32_t *id, struct rows *out) {
    char file[128], *cmd = malloc(1024 + 12 * (size_t)out->n);
    size_t count = (size_t)out->n * out->vocab;
    float *l = malloc(count * sizeof *l);
    snprintf(file, sizeof file, "/tmp/lull-peer-logits-%d", (int)getpid());
    int at = snprintf(cmd, 1024, "%s %s ", command, path);
    for (uint32_t t = 0; t < out->n; t++) at += sprintf(cmd + at, "%s%d", t ? "," : "", id[t]);
    sprintf(cmd + at, " %s >/dev/null 2>&1", file);
    FILE *f = system(cmd) == 0 ? fopen(file, "re") : NULL;
    int ok = f && fread(l, sizeof *l, count, f) == count;
    for (size_t i = 0; ok && i < count; i++) out->l[i] = (double)l[i];
    if (f) fclose(f);
    unlink(file);
    free(l), free(cmd);
    return ok;
}

/* Sums over runs. */
enum { RUNS_MAX = 1024 };
struct sums {
    double kl, top, peer_kl, peer_top, both, both_top;
    double run_kl[RUNS_MAX], run_peer_kl[RUNS_MAX];
    int runs, peer_runs;
};

/* Standard error of the ratio of the two sums: each run is left out once (Efron, The Jackknife, 1982, chapter 3). */
static double ratio_error(const struct sums *s) {
    int n = s->runs;
    double mean = 0, square = 0;
    if (n < 2) return 0;
    for (int i = 0; i < n; i++) mean += (s->kl - s->run_kl[i]) / (s->peer_kl - s->run_peer_kl[i]) / n;
    for (int i = 0; i < n; i++) square += pow((s->kl - s->run_kl[i]) / (s->peer_kl - s->run_peer_kl[i]) - mean, 2);
    return sqrt(square * (n - 1) / n);
}

static uint32_t setting(const char *name, uint32_t otherwise) {
    const char *s = getenv(name);
    return s ? (uint32_t)atoi(s) : otherwise;
}

static int one_run(struct model *m, const char *path, uint64_t seed, uint32_t n, struct sums *sum) {
    const char *peer = getenv("PEER_LOGITS");
    uint32_t vocab = model_n_vocab(m);
    struct rows ours = {malloc((size_t)n * vocab * 8), n, vocab}, theirs = {malloc((size_t)n * vocab * 8), n, vocab};
    int32_t *id = malloc(n * sizeof *id);
    int r = our_rows(m, seed, &ours, id);
    struct rows ref = {r == 0 ? ref_logits(path, id, n, setting("LULL_CONTEXT", 0)) : NULL, n, vocab};
    double kl, top;
    if (ref.l) {
        compare(&ref, &ours, &kl, &top);
        sum->run_kl[sum->runs++] = kl;
        sum->kl += kl, sum->top += top;
    }
    if (ref.l && peer && peer_rows(peer, path, id, &theirs)) {
        compare(&ref, &theirs, &kl, &top);
        sum->run_peer_kl[sum->peer_runs++] = kl;
        sum->peer_kl += kl, sum->peer_top += top;
        compare(&theirs, &ours, &kl, &top);
        sum->both += kl, sum->both_top += top;
    }
    r = ref.l == NULL;
    free(ours.l), free(theirs.l), free(ref.l), free(id);
    return r;
}

static int one_model(const char *path, const char *label) {
    struct model *m = NULL;
    struct why why = {{0}};
    struct model_opts mo = {.context = setting("LULL_CONTEXT", 0)};
    int r = model_open(&m, path, &mo, &why);
    if (r != 0) {
        fprintf(stderr, "bench_kl: %s\n", why_text(&why, r));
        return 1;
    }
    uint32_t n = setting("LULL_POSITIONS", 512), runs = setting("LULL_SEEDS", 4);
    if (n == 0 || n > model_context(m)) n = model_context(m);
    static struct sums s;
    memset(&s, 0, sizeof s);
    if (runs > RUNS_MAX) runs = RUNS_MAX;
    for (uint32_t i = 1; r == 0 && i <= runs; i++) r = one_run(m, path, i, n, &s);
    if (s.runs) printf("| %s | %s | %d x %u | %.2e | %.1f |", label, model_type(m), s.runs, n, s.kl / s.runs, s.top / s.runs);
    if (s.runs && s.peer_runs == s.runs)
        printf(" %.2e | %.1f | %.2f +- %.2f | %.2e | %.1f |\n", s.peer_kl / s.runs, s.peer_top / s.runs, s.kl / s.peer_kl,
               ratio_error(&s), s.both / s.runs, s.both_top / s.runs);
    else if (s.runs)
        printf(" - | - | - | - | - |\n");
    fflush(stdout);
    model_close(m);
    return r;
}

static int default_models(void) {
    static const char *const types[] = {"f32", "f16", "bf16", "q8_0", "q4_0"};
    char path[128];
    int bad = 0;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        snprintf(path, sizeof path, "/tmp/lull-kl-%d.gguf", (int)getpid());
        if (from_llama2c("tests/data/stories260K/stories260K.bin", "tests/data/stories260K/tok512.bin", path,
                         quantize_type(types[i]), NULL, NULL) != 0)
            return 1;
        bad |= one_model(path, "stories260K");
        unlink(path);
    }
    return bad | one_model("models/lull-toy-q8_0.gguf", "lull-toy");
}

int main(void) {
    const char *models = getenv("LULL_MODELS");
    if (secret_setup() != 0) return 1;
    printf("| model | type | positions | ours to f64: KL | top-1 %% | peer to f64: KL | top-1 %% | ours/peer | peer to ours: KL "
           "| top-1 %% |\n");
    printf("|---|---|---|---|---|---|---|---|---|---|\n");
    if (!models) return default_models();
    int bad = 0;
    char *list = strdup(models);
    for (char *save = NULL, *at = strtok_r(list, " ", &save); at; at = strtok_r(NULL, " ", &save)) {
        char *slash = strrchr(at, '/'), label[64];
        snprintf(label, sizeof label, "%.50s", slash ? slash + 1 : at);
        label[strcspn(label, ".")] = 0;
        bad |= one_model(at, label);
    }
    free(list);
    return bad;
}
