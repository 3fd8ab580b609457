/* How well row8 and row8-fold predict: the shipped model's perplexity on held-out stories beside that of the very same weights with float
 * activations (the file's values as F32 matrices, for which profile C1 rounds no activation), and how far their distributions are from
 * its (mean KL).
 *
 * tests/data/toy_stories.txt: the first stories in no chat format among tools/train/corpus.py's held-out documents of seed 7. */
#include "tests/check.h"

#include "base/file.h"
#include "model/ids.h"
#include "tests/unit/model/float_model.h"
#include "tests/unit/model/logits.h"

enum { WINDOW = 256, WINDOWS = 8 };

/* The second half of each window, as `lull perplexity` counts, of one model beside another. */
struct quality {
    double perplexity, kl; /* kl: mean over positions, of the other's distribution to this one's */
};

static double log_sum(const float *l, uint32_t n) { return surprise(l, n, 0) + (double)l[0]; }

static double divergence(const float *p, const float *q, uint32_t n) {
    double sum = 0, all_p = log_sum(p, n), all_q = log_sum(q, n);
    for (uint32_t i = 0; i < n; i++) {
        double lp = (double)p[i] - all_p, lq = (double)q[i] - all_q;
        sum += exp(lp) * (lp - lq);
    }
    return sum;
}

static struct quality measure(const struct model *m, const struct model *beside, const struct ids *ids) {
    uint32_t v = model_n_vocab(m), counted = 0;
    double sum = 0, kl = 0;
    for (uint32_t w = 0; w < WINDOWS; w++) {
        const int32_t *id = ids->id + (size_t)w * WINDOW;
        float *rows = all_logits(m, id, WINDOW - 1, (struct setting){.threads = 2, .chunk = 128});
        float *want = all_logits(beside, id, WINDOW - 1, (struct setting){.threads = 2, .chunk = 128});
        for (uint32_t i = WINDOW / 2; i < WINDOW - 1; i++, counted++) {
            sum += surprise(rows + (size_t)i * v, v, id[i + 1]);
            kl += divergence(want + (size_t)i * v, rows + (size_t)i * v, v);
        }
        free(rows), free(want);
    }
    return (struct quality){exp(sum / counted), kl / counted};
}

static struct model *opened(const char *path, enum model_arith arith) {
    struct model *m = NULL;
    struct why why = {{0}};
    int r = model_open(&m, path, &(struct model_opts){.arith = arith}, &why);
    if (r != 0) printf("# %s\n", why.text);
    CHECK_INT(r, 0);
    return m;
}

TEST(perplexity_is_within_half_a_percent_of_float_activations) {
    static const char shipped[] = "models/lull-toy-q8_0.gguf";
    if (access(shipped, R_OK) != 0) SKIP("models/lull-toy-q8_0.gguf is not here");
    struct gguf g;
    struct buf text;
    struct ids ids;
    const char *path = synth_path("floats");
    CHECK_INT(gguf_open(&g, shipped, NULL), 0);
    write_floats(&g, path);
    gguf_close(&g);
    struct model *floats = opened(path, ARITH_C1);
    unlink(path);
    CHECK_INT(file_read(&text, "tests/data/toy_stories.txt", 1 << 20, NULL), 0);
    ids_init(&ids, 1 << 16);
    CHECK_INT(vocab_encode(model_vocab(floats), (const char *)text.data, text.len, 0, &ids, NULL), 0);
    CHECK(ids.count >= WINDOW * WINDOWS);
    double want = measure(floats, floats, &ids).perplexity;
    printf("# perplexity with float activations %.5f\n", want);
    CHECK(want > 1.2 && want < 2.5); /* of a model that knows such stories */
    for (int a = 0; a < ARITHS; a++) {
        static const char *const names[ARITHS] = {"C1's blocks", "row8", "row8-fold"};
        struct model *m = opened(shipped, (enum model_arith)a);
        struct quality q = measure(m, floats, &ids);
        printf("# %s: perplexity %.5f (%+.3f %%), mean KL to float activations %.6f\n", names[a], q.perplexity,
               100 * (q.perplexity / want - 1), q.kl);
        CHECK(fabs(q.perplexity / want - 1) < 0.005);
        CHECK(q.kl < 0.001);
        model_close(m);
    }
    ids_release(&ids);
    buf_release(&text);
    model_close(floats);
}

TESTS_MAIN("row8_perplexity", T(perplexity_is_within_half_a_percent_of_float_activations))
