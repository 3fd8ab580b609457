/* blind: what mode `lattice` costs in quality, on the shipped model: a text teacher-forced through the client and a worker, every product
 * held against the exact one of integers. No sum wraps, the noise is within the theorem's bound and as large as predicted, and the model
 * predicts the text as well as without it. The text: tests/unit/model/test_row8_perplexity.c.
 *
 * LULL_LATTICE_LONG=1 reads it ten times over, under either set of parameters. */
#include "base/file.h"
#include "blind/lattice_params.h"
#include "model/engine.h"
#include "model/ids.h"
#include "model/vocab.h"
#include "tests/unit/blind/lattice_scene.h"
#include "tests/unit/blind/lattice_util.h"
#include "tests/unit/model/float_model.h"

enum { WINDOW = 256, WINDOWS = 8, LONG_ROUNDS = 10 };

/* ---- products held against the exact ones ---- */

struct row_norms { /* of one row of weights */
    double sum, sum_abs, norm2;
};
struct compared {
    struct lattice_site *l;
    struct row_norms *norms[64]; /* [stack][row] */
    int32_t *want;
    size_t want_n;
    uint64_t sums;     /* compared so far */
    double squares;    /* of errors, each over its predicted variance */
    double most_error; /* as a part of its bound; 1 or more would refute the theorem */
    double most_sum;   /* the largest result, as a part of p/2 */
    uint64_t out_of_bound;
};

static void measure_rows(struct compared *c) {
    const struct pair_site *s = &c->l->s;
    for (uint32_t stack = 0; stack < model_linear_count(s->weights); stack++) {
        const struct row8 *m = model_linear_weights(s->weights, stack);
        int8_t *w = malloc(m->cols);
        c->norms[stack] = calloc(m->rows, sizeof *c->norms[stack]);
        CHECK(w && c->norms[stack]);
        for (uint32_t r = 0; r < m->rows; r++) {
            struct row_norms *n = &c->norms[stack][r];
            row8_unpack(m, r, w);
            for (uint32_t j = 0; j < m->cols; j++) {
                n->sum += w[j];
                n->sum_abs += abs(w[j]);
                n->norm2 += (double)w[j] * w[j];
            }
        }
        free(w);
    }
}

static void compared_open(struct compared *c, struct lattice_site *l) {
    *c = (struct compared){.l = l};
    CHECK(model_linear_count(l->s.weights) <= 64);
    measure_rows(c);
}
static void compared_close(struct compared *c) {
    for (int i = 0; i < 64; i++) free(c->norms[i]);
    free(c->want);
}

static void exact_product(struct compared *c, uint32_t stack, uint32_t count, const int32_t *x) {
    const struct row8 *m = model_linear_weights(c->l->s.weights, stack);
    uint32_t digits = row8_token_digits(prepared_stacks(c->l->s.prepared)[stack].t);
    struct row8_cols cols;
    void *mem = aligned_alloc(64, row8_cols_bytes(m->cols, count, digits));
    size_t n = (size_t)count * m->rows;
    if (n > c->want_n) {
        free(c->want);
        c->want = malloc(n * sizeof *c->want);
        c->want_n = n;
    }
    CHECK(mem && c->want);
    row8_cols_init(&cols, m->cols, count, digits, mem);
    for (uint32_t t = 0; t < count; t++) row8_cols_fill(&cols, t, x + (size_t)t * m->cols);
    row8_mul(c->l->how.k, m, 0, m->groups, &cols, c->want, m->rows);
    free(mem);
}

static void compare(struct compared *c, uint32_t stack, uint32_t count, const int32_t *y) {
    const struct linear *l = &prepared_stacks(c->l->s.prepared)[stack];
    double most = element_noise_max(l->field), mean = element_noise_mean(l->field), var = element_noise_variance(l->field);
    double half = (double)(l->field->p / 2);
    for (uint32_t t = 0; t < count; t++)
        for (uint32_t r = 0; r < l->rows; r++) {
            const struct row_norms *n = &c->norms[stack][r];
            size_t at = (size_t)t * l->rows + r;
            double error = (double)y[at] - c->want[at], bound = n->sum_abs * most + 0.5, part = fabs(error) / bound;
            double off = error - n->sum * mean;
            c->squares += off * off / (n->norm2 * var + 1.0 / 12);
            if (part > c->most_error) c->most_error = part;
            if (fabs((double)y[at]) / half > c->most_sum) c->most_sum = fabs((double)y[at]) / half;
            c->out_of_bound += part > 1;
            c->sums++;
        }
}

static int product(void *state, uint32_t stack, uint32_t count, const int32_t *x, int32_t *y) {
    struct compared *c = state;
    int r = lattice_client_ops.product(c->l->client, stack, count, x, y);
    if (r != 0) return r;
    exact_product(c, stack, count, x);
    compare(c, stack, count, y);
    return 0;
}
static int products(void *state, const struct linear_ask *ask, unsigned asks) {
    struct compared *c = state;
    int r = lattice_client_ops.products(c->l->client, ask, asks);
    for (unsigned i = 0; i < asks && r == 0; i++) {
        exact_product(c, ask[i].stack, ask[i].count, ask[i].x);
        compare(c, ask[i].stack, ask[i].count, ask[i].y);
    }
    return r;
}
static const struct linear_ops compared_ops = {product, products};

static void tell(const struct compared *c, const char *what) {
    printf(
        "# %s: %llu sums, none wrapped; error at most %.3f of its bound, rms %.4f of the predicted; largest result %.3f of p/2\n",
        what, (unsigned long long)c->sums, c->most_error, sqrt(c->squares / (double)c->sums), c->most_sum);
}

/* ---- perplexity ---- */

static int one_window(struct engine *e, struct kv_seq *seq, const struct model *m, const int32_t *id, double *sum) {
    uint32_t v = model_n_vocab(m), first = WINDOW / 2;
    kv_seq_clear(seq, engine_kv(e));
    int r = kv_seq_reserve(seq, engine_kv(e), WINDOW);
    for (uint32_t at = 0, n; r == 0 && at < WINDOW - 1; at += n) {
        n = WINDOW - 1 - at < PASS_CHUNK ? WINDOW - 1 - at : PASS_CHUNK;
        struct engine_part part = {.seq = seq, .ids = id + at, .count = n, .logits_from = at < first ? n : 0};
        r = engine_step(e, &part, 1);
        if (r == 0) r = part.err;
        for (uint32_t i = 0; r == 0 && at >= first && i < n; i++)
            *sum += surprise(part.logits + (size_t)i * v, v, id[at + i + 1]);
    }
    return r;
}

/* As `lull perplexity` counts: the second half of each window. c NULL: by this processor. */
static double perplexity(const struct model *m, const struct ids *ids, struct compared *c) {
    struct why why = {{0}};
    struct engine *e = NULL;
    struct kv_seq seq;
    double sum = 0;
    struct engine_opts o = {.threads = 2,
                            .rows_max = PASS_CHUNK,
                            .logits_max = PASS_CHUNK,
                            .kv_pages = (WINDOW + KV_PAGE - 1) / KV_PAGE,
                            .linear = c ? &compared_ops : NULL,
                            .linear_state = c};
    CHECK_INT(engine_new(&e, m, &o, &why), 0);
    CHECK_INT(kv_seq_init(&seq, WINDOW), 0);
    for (uint32_t w = 0; w < WINDOWS; w++) {
        if (c) lattice_client_prompt(c->l->client, WINDOW - 1);
        CHECK_INT(one_window(e, &seq, m, ids->id + (size_t)w * WINDOW, &sum), 0);
    }
    kv_seq_release(&seq, engine_kv(e));
    engine_free(e);
    return exp(sum / (WINDOWS * (WINDOW / 2 - 1)));
}

static void read_text(struct ids *ids, const struct model *m) {
    struct buf text;
    CHECK_INT(file_read(&text, "tests/data/toy_stories.txt", 1 << 20, NULL), 0);
    ids_init(ids, 1 << 16);
    CHECK_INT(vocab_encode(model_vocab(m), (const char *)text.data, text.len, 0, ids, NULL), 0);
    CHECK(ids->count >= WINDOW * WINDOWS);
    buf_release(&text);
}

/* The file's own values, with float activations. */
static double float_perplexity(const struct ids *ids) {
    char path[] = "/tmp/lull-test-floats-XXXXXX";
    struct gguf g;
    struct model *m = NULL;
    struct why why = {{0}};
    int fd = mkstemp(path);
    CHECK(fd >= 0);
    close(fd);
    CHECK_INT(gguf_open(&g, pair_model, &why), 0);
    write_floats(&g, path);
    gguf_close(&g);
    CHECK_INT(model_open(&m, path, NULL, &why), 0);
    unlink(path);
    double p = perplexity(m, ids, NULL);
    model_close(m);
    return p;
}

static void read_by_lattice(enum model_arith arith, uint32_t rank, int rounds, double floats, double row8,
                            const struct ids *ids) {
    static struct lattice_site l; /* large */
    struct compared c;
    struct blind_counts n;
    lattice_site_open_as(&l, rank, arith);
    (void)pair_site_worker(&l.s, PAIR_A);
    lattice_site_start(&l);
    compared_open(&c, &l);
    double least = INFINITY, most = 0;
    for (int i = 0; i < rounds; i++) {
        double got = perplexity(l.s.client, ids, &c);
        least = got < least ? got : least;
        most = got > most ? got : most;
        CHECK(fabs(got / row8 - 1) < 0.005);
        CHECK(fabs(got / floats - 1) < 0.005);
    }
    printf("# %s, %d readings: perplexity %.5f to %.5f (%+.3f to %+.3f %%); row8 %.5f, float activations %.5f\n",
           lattice_params_of_rank(rank)->name, rounds, least, most, 100 * (least / row8 - 1), 100 * (most / row8 - 1), row8,
           floats);
    tell(&c, "text");
    CHECK_INT(c.out_of_bound, 0);
    CHECK(c.most_error > 0 && c.most_error < 1);
    CHECK(c.most_sum < 1);
    CHECK(fabs(sqrt(c.squares / (double)c.sums) - 1) < 0.01);
    lattice_client_count(l.client, &n);
    CHECK_INT(n.products, n.verified);
    CHECK_INT(n.sessions, 1);
    compared_close(&c);
    lattice_site_close(&l);
}

static void check_text(enum model_arith arith) {
    static struct pair_site s;
    struct ids ids;
    int is_long = getenv("LULL_LATTICE_LONG") != NULL;
    pair_site_open_as(&s, arith);
    read_text(&ids, s.weights);
    double row8 = perplexity(s.weights, &ids, NULL), floats = float_perplexity(&ids);
    pair_site_close(&s);
    CHECK(floats > 1.2 && floats < 2.5); /* of a model that knows such stories */
    read_by_lattice(arith, 6, is_long ? LONG_ROUNDS : 1, floats, row8, &ids);
    if (is_long) read_by_lattice(arith, 5, LONG_ROUNDS, floats, row8, &ids);
    ids_release(&ids);
}

TEST(a_text_is_predicted_as_well_as_without_noise_and_no_sum_wraps) { check_text(ARITH_ROW8); }
TEST(a_text_is_predicted_as_well_folded_and_no_sum_wraps) { check_text(ARITH_ROW8_FOLD); }

/* ---- the worst input ---- */

static uint32_t longest_row(const struct compared *c, uint32_t stack, uint32_t rows) {
    uint32_t best = 0;
    for (uint32_t r = 1; r < rows; r++)
        if (c->norms[stack][r].norm2 > c->norms[stack][best].norm2) best = r;
    return best;
}

/* Of all inputs that the bound allows, the one along a row makes the largest sum of it. */
static void along_the_longest_row(struct compared *c, uint32_t stack) {
    enum { COLUMNS = 8 };
    const struct linear *l = &prepared_stacks(c->l->s.prepared)[stack];
    uint32_t row = longest_row(c, stack, l->rows);
    int32_t *x = malloc((size_t)COLUMNS * l->cols * sizeof *x), *y = malloc((size_t)COLUMNS * l->rows * sizeof *y);
    int8_t *w = malloc(l->cols);
    CHECK(x && y && w);
    row8_unpack(model_linear_weights(c->l->s.weights, stack), row, w);
    double length = (double)l->t / sqrt(c->norms[stack][row].norm2);
    for (uint32_t t = 0; t < COLUMNS; t++)
        for (uint32_t j = 0; j < l->cols; j++) x[(size_t)t * l->cols + j] = (int32_t)nearbyint((t % 2 ? -length : length) * w[j]);
    lattice_client_prompt(c->l->client, COLUMNS);
    CHECK_INT(product(c, stack, COLUMNS, x, y), 0);
    for (uint32_t t = 0; t < COLUMNS; t++) {
        int32_t sum = y[(size_t)t * l->rows + row];
        CHECK((sum > 0) == (t % 2 == 0)); /* a wrap would show as the other sign */
        CHECK((uint32_t)abs(sum) < l->field->p / 2);
    }
    free(x), free(y), free(w);
}

TEST(inputs_along_the_longest_row_come_near_the_end_of_the_field_and_do_not_wrap) {
    static struct lattice_site l;
    struct compared c;
    lattice_site_open(&l, 6);
    (void)pair_site_worker(&l.s, PAIR_A);
    lattice_site_start(&l);
    compared_open(&c, &l);
    for (uint32_t stack = 0; stack < prepared_manifest(l.s.prepared)->stack_count; stack++) along_the_longest_row(&c, stack);
    tell(&c, "longest rows");
    CHECK_INT(c.out_of_bound, 0);
    CHECK(c.most_error < 1);
    CHECK(c.most_sum > 0.9 && c.most_sum < 1); /* else the input was not the worst one */
    compared_close(&c);
    lattice_site_close(&l);
}

TESTS_MAIN("lattice_quality", T(a_text_is_predicted_as_well_as_without_noise_and_no_sum_wraps),
           T(a_text_is_predicted_as_well_folded_and_no_sum_wraps),
           T(inputs_along_the_longest_row_come_near_the_end_of_the_field_and_do_not_wrap))
