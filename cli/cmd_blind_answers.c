/* cli/cmd_blind_answers.c - see cmd_blind_answers.h.
 *
 * Time counts from the first token on: what came before is the prompt's. Bytes are not measured but follow from the columns: each costs the
 * same (docs/blind-numbers.md has a pass of one). */
#include "cli/cmd_blind_answers.h"
#include "cli/model_load.h"
#include "model/gen.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 64, TEXT_MAX = 1 << 20 };

struct answers {
    struct blind_site *site;
    const struct blind_answers_opts *o;
    struct gen_pool *local, *blind;
    struct gen_message message[2 * OPT_LIST_MAX];
    struct buf text[OPT_LIST_MAX]; /* of the answers before the last */
    size_t messages, texts;
    int32_t *ids; /* of the local engine's answer to the last */
    double local_tps[ANSWERS_ROUNDS_MAX], blind_tps[ANSWERS_ROUNDS_MAX];
    uint32_t tokens, prompt, passes, guessed, right;
};

/* One answer on its way. */
struct one {
    struct gen *gen;
    uint32_t tokens, passes; /* passes after the prompt's last */
    struct buf *text;        /* NULL: not wanted */
};

static int take(struct answers *a, struct one *n, const struct gen_event *e, int blind) {
    if (e->err) return e->err;
    if (n->text && buf_add(n->text, e->text, e->text_len) != 0) return ERR_NOMEM;
    if (!blind) a->ids[n->tokens] = e->id;
    int other = blind && a->site->pair && a->ids[n->tokens] != e->id;
    n->tokens++;
    return other ? ERR_INTERNAL : 0;
}

static int steps(struct answers *a, struct one *n, int blind) {
    struct gen_pool *p = blind ? a->blind : a->local;
    struct gen_event e[GEN_GUESSES_MAX + 1];
    while (gen_stop_of(n->gen) == STOP_NONE) {
        int got = gen_step(p, e, gen_pool_events_max(p));
        if (got < 0) return got;
        n->passes += n->tokens > 0;
        for (int i = 0; i < got; i++) {
            int r = take(a, n, &e[i], blind);
            if (r != 0) return r;
        }
    }
    return 0;
}

/* Tokens per second after the first one. */
static int answer(struct answers *a, int blind, struct buf *text, double *tps, struct why *why) {
    struct gen_request q = {
        .messages = a->message, .message_count = a->messages, .sampling = GEN_SAMPLING_GREEDY, .max_tokens = a->o->tokens_max};
    struct one n = {.text = text};
    struct gen_times t = {0};
    int r = gen_start(&n.gen, blind ? a->blind : a->local, &q, NULL, NULL, NULL, why);
    if (r != 0) return r;
    size_t prompt;
    (void)gen_prompt_ids(n.gen, &prompt);
    if (blind) blind_site_prompt(a->site, (uint32_t)prompt);
    r = steps(a, &n, blind);
    gen_times_of(n.gen, &t);
    gen_free(n.gen);
    if (r == ERR_LOST) blind_site_why(a->site, why);
    if (r == ERR_INTERNAL) why_set(why, r, "the answer of mode pair is not the local engine's");
    a->prompt = (uint32_t)prompt, a->tokens = n.tokens, a->passes = n.passes;
    a->guessed = t.guessed, a->right = t.guessed_right;
    if (tps) *tps = n.tokens > 1 ? (n.tokens - 1) * 1e9 / (double)(t.decode_ns + 1) : 0;
    return r;
}

/* What comes before the last question is answered by the local engine. */
static int talk(struct answers *a, struct why *why) {
    const struct opt_list *turns = a->o->turns;
    int r = 0;
    for (size_t i = 0; i < turns->count && r == 0; i++) {
        const char *said = turns->item[i];
        a->message[a->messages++] = (struct gen_message){ROLE_USER, {said, strlen(said)}};
        if (i + 1 == turns->count) break;
        struct buf *b = &a->text[a->texts++];
        buf_init(b, TEXT_MAX);
        r = answer(a, 0, b, NULL, why);
        a->message[a->messages++] = (struct gen_message){ROLE_ASSISTANT, {(const char *)b->data, b->len}};
    }
    return r;
}

static int measure(struct answers *a, struct why *why) {
    struct cli_progress progress;
    int r = 0;
    cli_progress_start(&progress, "measuring");
    for (uint32_t i = 0; i < a->o->rounds && r == 0; i++) {
        r = answer(a, 0, NULL, &a->local_tps[i], why);
        if (r == 0) r = answer(a, 1, NULL, &a->blind_tps[i], why);
        cli_progress_show(&progress, i + 1, a->o->rounds);
    }
    cli_progress_end(&progress);
    return r;
}

/* ---- what is told ---- */

static int by_value(const void *x, const void *y) {
    double a = *(const double *)x, b = *(const double *)y;
    return (a > b) - (a < b);
}
static double median(double *v, uint32_t n) {
    qsort(v, n, sizeof *v, by_value);
    return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

static void report(struct answers *a) {
    const struct blind_answers_opts *o = a->o;
    double blind = median(a->blind_tps, o->rounds), local = median(a->local_tps, o->rounds);
    double columns = a->tokens > 1 ? (double)a->passes * (1 + o->guess) / (a->tokens - 1) : 0;
    if (o->json)
        printf("{\"mode\":\"%s\",\"guess\":%u,\"rtt_ms\":%.2f,\"turns\":%zu,\"prompt\":%u,\"tokens\":%u,\"passes\":%u,\"columns_"
               "per_pass\":%u,"
               "\"columns_per_token\":%.3f,\"guessed\":%u,\"guessed_right\":%u,\"tokens_per_s\":%.3f,\"tokens_per_s_min\":%.3f,"
               "\"tokens_per_s_max\":%.3f,\"local_tokens_per_s\":%.3f,\"rounds\":%u}\n",
               o->mode, o->guess, o->rtt_ms, o->turns->count, a->prompt, a->tokens, a->passes, 1 + o->guess, columns, a->guessed,
               a->right, blind, a->blind_tps[0], a->blind_tps[o->rounds - 1], local, o->rounds);
    else
        printf("mode %s, round trip %.1f ms, %u guesses (experimental construction, not yet reviewed)\n"
               "%u tokens in %u passes of %u columns after the prompt's: %.2f columns per token; %u of %u guesses were right\n"
               "decode %.2f tokens/s (%.2f to %.2f), local %.2f\n",
               o->mode, o->rtt_ms, o->guess, a->tokens, a->passes, 1 + o->guess, columns, a->right, a->guessed, blind,
               a->blind_tps[0], a->blind_tps[o->rounds - 1], local);
}

/* ---- from options to pools ---- */

static int open_pools(struct answers *a, struct why *why) {
    struct blind_site *s = a->site;
    struct gen_pool_opts po = {.threads = a->o->threads, .slots = 1, .prefill_chunk = CHUNK};
    int r = gen_pool_new(&a->local, s->weights, &po, why);
    po.linear = s->lattice ? &lattice_client_ops : &pair_ops;
    po.linear_state = s->lattice ? (void *)s->lattice : (void *)s->pair;
    po.guesses = a->o->guess;
    po.guess_always = 1;
    if (r == 0) r = gen_pool_new(&a->blind, s->client, &po, why);
    a->ids = r == 0 ? mem_zalloc((size_t)a->o->tokens_max + 1, sizeof *a->ids) : NULL;
    return r == 0 && !a->ids ? ERR_NOMEM : r;
}

int blind_answers_run(struct blind_site *s, const struct blind_answers_opts *o, struct why *why) {
    struct answers *a = mem_zalloc(1, sizeof *a);
    if (!a) return ERR_NOMEM;
    a->site = s;
    a->o = o;
    int r = open_pools(a, why);
    if (r == 0) r = talk(a, why);
    if (r == 0) r = measure(a, why);
    if (r == 0) report(a);
    for (size_t i = 0; i < a->texts; i++) buf_release(&a->text[i]);
    gen_pool_free(a->blind);
    gen_pool_free(a->local);
    free(a->ids);
    free(a);
    return r;
}
