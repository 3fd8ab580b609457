/* cli/cmd_perplexity.c - `lull perplexity MODEL FILE`: how surprised a model is by a text.
 *
 * The text's tokens are cut into windows of --context tokens, an incomplete last one left out; each window starts anew, its
 * first token replaced by BOS if the vocabulary wants one. The tokens of a window's second half count, so that each has at
 * least half a window before it. exp of their mean negative log probability is the perplexity (the convention of llama.cpp's
 * llama-perplexity, so the two can be compared). Its standard error treats tokens as independent. */
#include "base/file.h"
#include "base/opt.h"
#include "cli/cli.h"
#include "cli/model_load.h"
#include "math/attend.h"
#include "model/engine.h"
#include "model/ids.h"
#include "model/vocab.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_A_STEP = 64 };

struct perplexity {
    struct model *m;
    struct engine *e;
    struct kv_seq seq;
    struct ids ids;
    uint32_t window, windows; /* tokens of one; 0 windows: as many as there are */
    uint64_t counted;
    double sum, squares; /* of negative log probabilities */
};

/* -ln of the probability that these logits give to id. */
static double surprise(const float *l, uint32_t n, int32_t id) {
    double max = (double)l[0], sum = 0;
    for (uint32_t i = 1; i < n; i++) max = (double)l[i] > max ? (double)l[i] : max;
    for (uint32_t i = 0; i < n; i++) sum += exp((double)l[i] - max);
    return log(sum) + max - (double)l[id];
}

static int one_window(struct perplexity *p, int32_t *id) {
    const struct vocab *v = model_vocab(p->m);
    const uint32_t first = p->window / 2; /* its logits are the first that count, for the token after it */
    kv_seq_clear(&p->seq, engine_kv(p->e));
    int r = kv_seq_reserve(&p->seq, engine_kv(p->e), p->window);
    if (vocab_adds_bos(v) && vocab_bos(v) >= 0) id[0] = vocab_bos(v);
    for (uint32_t at = 0, n; r == 0 && at < p->window - 1; at += n) {
        n = p->window - 1 - at < ROWS_A_STEP ? p->window - 1 - at : ROWS_A_STEP;
        if (at < first && at + n > first) n = first - at;
        struct engine_part part = {.seq = &p->seq, .ids = id + at, .count = n, .logits_from = at < first ? n : 0};
        r = engine_step(p->e, &part, 1);
        if (r == 0) r = part.err;
        for (uint32_t i = 0; r == 0 && at >= first && i < n; i++) {
            double s = surprise(part.logits + (size_t)i * model_n_vocab(p->m), model_n_vocab(p->m), id[at + i + 1]);
            p->sum += s, p->squares += s * s, p->counted++;
        }
    }
    return r;
}

static int read_tokens(struct perplexity *p, const char *path, struct why *why) {
    struct buf text;
    ids_init(&p->ids, VOCAB_TEXT_BYTES_MAX + 1);
    int r = file_read(&text, path, VOCAB_TEXT_BYTES_MAX, why);
    if (r == 0) r = vocab_encode(model_vocab(p->m), (const char *)text.data, text.len, VOCAB_BOS, &p->ids, why);
    buf_release(&text);
    uint64_t fit = p->ids.count / p->window;
    if (r == 0 && fit == 0)
        return why_set(why, ERR_RANGE,
                       "%.200s: has %zu tokens, less than one window of %u; use a longer text or a smaller --context", path,
                       p->ids.count, p->window);
    if (p->windows == 0 || p->windows > fit) p->windows = (uint32_t)fit;
    return r;
}

static int measure(struct perplexity *p, const char *path, uint32_t threads, enum kv_format kv, struct why *why) {
    struct engine_opts eo = {.threads = threads,
                             .rows_max = ROWS_A_STEP,
                             .logits_max = ROWS_A_STEP,
                             .kv_pages = (p->window + KV_PAGE - 1) / KV_PAGE,
                             .kv = kv};
    struct cli_progress progress;
    if (p->window > model_context(p->m)) return why_set(why, ERR_RANGE, "--context: the model has %u", model_context(p->m));
    int r = read_tokens(p, path, why);
    if (r == 0) r = engine_new(&p->e, p->m, &eo, why);
    if (r == 0) r = kv_seq_init(&p->seq, p->window);
    cli_progress_start(&progress, "reading");
    for (uint32_t i = 0; r == 0 && i < p->windows; i++) {
        r = one_window(p, p->ids.id + (size_t)i * p->window);
        cli_progress_show(&progress, i + 1, p->windows);
    }
    cli_progress_end(&progress);
    if (p->e) kv_seq_release(&p->seq, engine_kv(p->e));
    engine_free(p->e);
    return r;
}

static void print(const struct perplexity *p, enum kv_format kv, int json) {
    double n = (double)p->counted, mean = p->sum / n, variance = p->counted > 1 ? (p->squares / n - mean * mean) / (n - 1) : 0;
    double ppl = exp(mean), error = ppl * sqrt(variance > 0 ? variance : 0);
    if (json)
        printf("{\"perplexity\":%.6f,\"standard_error\":%.6f,\"tokens\":%llu,\"windows\":%u,\"context\":%u,\"type\":\"%s\","
               "\"profile\":\"%s\"}\n",
               ppl, error, (unsigned long long)p->counted, p->windows, p->window, model_type(p->m), model_profile(p->m, kv));
    else
        printf("perplexity %.4f +- %.4f over %llu tokens (%u windows of %u)\n", ppl, error, (unsigned long long)p->counted,
               p->windows, p->window);
}

int cmd_perplexity(int argc, char **argv) {
    static struct model_opts o;
    static int json;
    static const char *kv = "f16", *arith = "c1";
    static struct perplexity p = {.window = 512};
    enum kv_format format = KV_F16;
    static const struct opt opts[] = {
        {"context", OPT_U32, &p.window, "N", "tokens of a window; those of its second half count (512)", 4, 1 << 20},
        {"windows", OPT_U32, &p.windows, "N", "stop after so many; 0: all (0)", 0, 1 << 30},
        {"arith", OPT_TEXT, &arith, "NAME", cli_arith_help, 0, 0},
        {"kv", OPT_TEXT, &kv, "FORMAT", "keys and values in the cache: f16 or q8 (f16)", 0, 0},
        {"threads", OPT_U32, &o.threads, "N", "compute threads; 0: one per core (0)", 0, 256},
        {"json", OPT_FLAG, &json, NULL, "one JSON object", 0, 0},
        {0},
    };
    struct command_line c = {"perplexity", "MODEL FILE", "Measures how well a model predicts a text.", opts, 2, 2, {0}, 0};
    struct why why = {{0}};
    int r = opt_parse(&c, argc, argv, &why);
    if (r == OPT_HELP_SHOWN) return EXIT_OK;
    if (r == 0) r = kv_format_of(&format, kv, &why);
    if (r == 0) r = model_arith_of(&o.arith, arith, &why);
    if (r == 0) {
        o.context = p.window;
        int status = cli_model_open(&p.m, "perplexity", c.args[0], &o);
        if (status != EXIT_OK) return status;
        r = measure(&p, c.args[1], o.threads, format, &why);
        if (r == 0) print(&p, format, json);
        ids_release(&p.ids);
        model_close(p.m);
    }
    if (r != 0) fprintf(stderr, "lull perplexity: %s\n", why_text(&why, r));
    return r == 0 ? EXIT_OK : r == ERR_USAGE || r == ERR_RANGE ? EXIT_USAGE : EXIT_FAILED;
}
