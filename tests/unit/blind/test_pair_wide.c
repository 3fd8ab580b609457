/* blind: rows over 8192 columns, which compute in the field of p26, on a trained model: the shipped one with its hidden units split up
 * (wide_model.h). It predicts a text as well as the shipped one; answers of mode `pair` are the local engine's, bit for bit, and so are the
 * logits along the text; a flipped bit of a product in that field is caught. */
#include <math.h>

#include "base/file.h"
#include "math/field.h"
#include "model/engine.h"
#include "model/ids.h"
#include "model/vocab.h"
#include "tests/unit/blind/pair_scene.h"
#include "tests/unit/blind/wide_model.h"
#include "tests/unit/model/float_model.h"

enum { WINDOW = 256, WINDOWS = 3, TOKENS = 12, KIND_DOWN = 3 };
static struct pair_site s;
static struct wide wide;
static char path[64];

/* ---- how well a text is predicted, as `lull perplexity` counts: over the second half of each window ---- */

struct reading {
    double sum;         /* of surprises */
    uint8_t digest[32]; /* of all logits */
};
static int one_window(struct engine *e, struct kv_seq *seq, uint32_t vocab, const int32_t *id, double *sum, struct sha256 *all) {
    kv_seq_clear(seq, engine_kv(e));
    int r = kv_seq_reserve(seq, engine_kv(e), WINDOW);
    for (uint32_t at = 0, n; r == 0 && at < WINDOW - 1; at += n) {
        n = WINDOW - 1 - at < PASS_CHUNK ? WINDOW - 1 - at : PASS_CHUNK;
        struct engine_part part = {.seq = seq, .ids = id + at, .count = n, .logits_from = at < WINDOW / 2 ? n : 0};
        r = engine_step(e, &part, 1);
        if (r == 0) r = part.err;
        for (uint32_t i = 0; r == 0 && at >= WINDOW / 2 && i < n; i++) {
            const float *logits = part.logits + (size_t)i * vocab;
            *sum += surprise(logits, vocab, id[at + i + 1]);
            sha256_add(all, logits, vocab * sizeof *logits);
        }
    }
    return r;
}

/* pair NULL: by this processor. */
static struct reading read_text(const struct model *m, struct pair *pair, uint32_t windows) {
    struct reading out = {.sum = 0};
    struct why why = {{0}};
    struct engine *e = NULL;
    struct kv_seq seq;
    struct ids ids;
    struct buf text;
    struct sha256 all;
    struct engine_opts o = {.threads = 2,
                            .rows_max = PASS_CHUNK,
                            .logits_max = PASS_CHUNK,
                            .kv_pages = (WINDOW + KV_PAGE - 1) / KV_PAGE,
                            .linear = pair ? &pair_ops : NULL,
                            .linear_state = pair};
    CHECK_INT(file_read(&text, "tests/data/toy_stories.txt", 1 << 20, NULL), 0);
    ids_init(&ids, 1 << 16);
    CHECK_INT(vocab_encode(model_vocab(m), (const char *)text.data, text.len, 0, &ids, NULL), 0);
    CHECK(ids.count >= WINDOW * windows);
    buf_release(&text);
    CHECK_INT(engine_new(&e, m, &o, &why), 0);
    CHECK_INT(kv_seq_init(&seq, WINDOW), 0);
    sha256_init(&all);
    for (uint32_t w = 0; w < windows; w++) {
        if (pair) pair_prompt(pair, WINDOW - 1);
        CHECK_INT(one_window(e, &seq, model_n_vocab(m), ids.id + (size_t)w * WINDOW, &out.sum, &all), 0);
    }
    sha256_done(&all, out.digest);
    kv_seq_release(&seq, engine_kv(e));
    engine_free(e);
    ids_release(&ids);
    return out;
}
static double perplexity(const struct reading *r, uint32_t windows) { return exp(r->sum / (windows * (WINDOW / 2 - 1))); }

/* ---- a worker that lies about one bit of one product in the wide field ---- */

struct liar {
    struct blind_link inner;
    uint32_t stack[256]; /* by number of the product */
    uint8_t told[BLIND_MESSAGE_MAX];
    unsigned lied;
};
static int liar_send(void *state, const uint8_t *message, size_t n) {
    struct liar *l = state;
    struct blind_message m;
    if (blind_message_read(message, n, 1, &m) == 0 && m.type == BLIND_PRODUCT) l->stack[m.product.seq % 256] = m.product.stack;
    return l->inner.ops->send(l->inner.state, message, n);
}
static int liar_receive(void *state, const uint8_t **message, size_t *n, uint32_t wait_ms) {
    struct liar *l = state;
    struct blind_message m;
    int r = l->inner.ops->receive(l->inner.state, message, n, wait_ms);
    if (r != 0 || l->lied || blind_message_read(*message, *n, 0, &m) != 0 || m.type != BLIND_ANSWER) return r;
    if (l->stack[m.answer.seq % 256] % LINEAR_KINDS != KIND_DOWN) return 0;
    memcpy(l->told, *message, *n);
    l->told[BLIND_ANSWER_HEAD + 3] ^=
        2; /* the highest bit of the first residue is bit 25: this one is its second highest's neighbour */
    l->lied++;
    *message = l->told;
    return 0;
}
static void liar_close(void *state) {
    struct liar *l = state;
    l->inner.ops->close(l->inner.state);
}
static void liar_wrap(struct pair_worker *w, struct blind_link *k) {
    static const struct blind_link_ops ops = {liar_send, liar_receive, liar_close};
    struct liar *l = w->arg;
    l->inner = *k;
    k->ops = &ops;
    k->state = l;
}

/* ---- the tests ---- */

static void open_wide(void) {
    snprintf(path, sizeof path, "/tmp/lull-test-wide-%d.gguf", (int)getpid());
    wide_write(pair_model, path, &wide);
    pair_site_model = path;
    pair_site_open(&s);
    unlink(path); /* what has it open keeps it */
    pair_site_model = pair_model;
}

TEST(a_model_with_more_units_computes_the_same) {
    struct why why = {{0}};
    struct model *narrow = NULL;
    struct model_opts mo = {.threads = 2, .arith = ARITH_ROW8};
    uint32_t in_p26 = 0;
    open_wide();
    for (uint32_t i = 0; i < model_linear_count(s.weights); i++) {
        const struct linear *l = &prepared_stacks(s.prepared)[i];
        int is_down = i % LINEAR_KINDS == KIND_DOWN && i + 1 < model_linear_count(s.weights);
        CHECK_INT(l->cols, is_down ? wide_units(&wide) : 512);
        CHECK_INT(l->field->p, is_down ? FIELD_P26 : FIELD_P24);
        in_p26 += (uint32_t)is_down;
    }
    CHECK(wide_units(&wide) > 8192 && in_p26 == 6);
    CHECK_INT(model_open(&narrow, pair_model, &mo, &why), 0);
    struct reading as_shipped = read_text(narrow, NULL, WINDOWS), widened = read_text(s.weights, NULL, WINDOWS);
    double shipped = perplexity(&as_shipped, WINDOWS), wider = perplexity(&widened, WINDOWS);
    printf("# perplexity %.5f with %u hidden units, %.5f with %u (%+.3f %%)\n", shipped, wide.narrow, wider, wide_units(&wide),
           100 * (wider / shipped - 1));
    CHECK(fabs(wider / shipped - 1) < 0.002);
    model_close(narrow);
    pair_site_close(&s);
}

TEST(answers_over_wide_rows_equal_the_local_engines) {
    static const char *const prompts[] = {"Tell me a story about a cat.", "What is your name?", "Please calculate 24 + 22."};
    struct blind_counts n;
    open_wide();
    (void)pair_site_worker(&s, PAIR_A);
    (void)pair_site_worker(&s, PAIR_B);
    pair_site_start(&s);
    for (unsigned i = 0; i < sizeof prompts / sizeof *prompts; i++) {
        struct gen_sampling how = GEN_SAMPLING_GREEDY;
        struct pair_answer want, got;
        if (i % 2) how.temperature = 0.9f, how.top_p = 0.95f, how.seed = i;
        CHECK_INT(pair_generate(&s, NULL, prompts[i], &how, TOKENS, &want), 0);
        CHECK_INT(pair_generate(&s, s.pair, prompts[i], &how, TOKENS, &got), 0);
        pair_same_answer(&want, &got);
    }
    struct reading local = read_text(s.weights, NULL, 1), blind = read_text(s.client, s.pair, 1);
    CHECK_MEM(local.digest, blind.digest, 32);
    pair_count(s.pair, &n);
    printf("# %llu products, all verified; the text's perplexity %.5f\n", (unsigned long long)n.products, perplexity(&blind, 1));
    CHECK(n.products > 0 && n.products == n.verified);
    CHECK_INT(roster_incident_count(pair_roster(s.pair)), 0);
    pair_site_close(&s);
}

TEST(a_flipped_bit_of_a_product_over_wide_rows_is_caught) {
    static struct liar liar; /* large */
    const struct gen_sampling greedy = GEN_SAMPLING_GREEDY;
    struct pair_answer want, got;
    struct blind_incident i = {.fault = FAULT_NONE};
    memset(&liar, 0, sizeof liar);
    open_wide();
    struct pair_worker *w = pair_site_worker(&s, PAIR_A);
    w->wrap = liar_wrap;
    w->arg = &liar;
    (void)pair_site_worker(&s, PAIR_A);
    (void)pair_site_worker(&s, PAIR_B);
    pair_site_start(&s);
    CHECK_INT(pair_generate(&s, NULL, "Hi!", &greedy, 4, &want), 0);
    CHECK_INT(pair_generate(&s, s.pair, "Hi!", &greedy, 4, &got), 0);
    pair_same_answer(&want, &got);
    CHECK_INT(liar.lied, 1);
    CHECK_INT(roster_incidents(pair_roster(s.pair), 0, &i, 1), 1);
    CHECK_INT(i.fault, FAULT_PRODUCT);
    CHECK_INT(i.stack % LINEAR_KINDS, KIND_DOWN);
    pair_site_close(&s);
}

TESTS_MAIN("pair_wide", T(a_model_with_more_units_computes_the_same), T(answers_over_wide_rows_equal_the_local_engines),
           T(a_flipped_bit_of_a_product_over_wide_rows_is_caught))
