/* How well row8 predicts: the shipped model's perplexity on held-out stories beside that of the very same weights with float activations
 * (the file's values as F32 matrices, for which profile C1 rounds no activation).
 *
 * tests/data/toy_stories.txt: the first stories in no chat format among tools/train/corpus.py's held-out documents of seed 7. */
#include "tests/check.h"

#include "base/file.h"
#include "model/ids.h"
#include "tests/unit/model/float_model.h"
#include "tests/unit/model/logits.h"

enum { WINDOW = 256, WINDOWS = 8 };

/* As `lull perplexity` counts: the second half of each window. */
static double perplexity(const struct model *m, const struct ids *ids) {
    uint32_t v = model_n_vocab(m), counted = 0;
    double sum = 0;
    for (uint32_t w = 0; w < WINDOWS; w++) {
        const int32_t *id = ids->id + (size_t)w * WINDOW;
        float *rows = all_logits(m, id, WINDOW - 1, (struct setting){.threads = 2, .chunk = 128});
        for (uint32_t i = WINDOW / 2; i < WINDOW - 1; i++, counted++) sum += surprise(rows + (size_t)i * v, v, id[i + 1]);
        free(rows);
    }
    return exp(sum / counted);
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
    struct model *floats = opened(path, ARITH_C1), *row8 = opened(shipped, ARITH_ROW8), *c1 = opened(shipped, ARITH_C1);
    unlink(path);
    CHECK_INT(file_read(&text, "tests/data/toy_stories.txt", 1 << 20, NULL), 0);
    ids_init(&ids, 1 << 16);
    CHECK_INT(vocab_encode(model_vocab(floats), (const char *)text.data, text.len, 0, &ids, NULL), 0);
    CHECK(ids.count >= WINDOW * WINDOWS);
    double want = perplexity(floats, &ids), got = perplexity(row8, &ids), blocks = perplexity(c1, &ids);
    printf("# perplexity with float activations %.5f, row8 %.5f (%+.3f %%), C1's blocks %.5f (%+.3f %%)\n", want, got,
           100 * (got / want - 1), blocks, 100 * (blocks / want - 1));
    CHECK(want > 1.2 && want < 2.5); /* of a model that knows such stories */
    CHECK(fabs(got / want - 1) < 0.005);
    ids_release(&ids);
    buf_release(&text);
    model_close(floats), model_close(row8), model_close(c1);
}

TESTS_MAIN("row8_perplexity", T(perplexity_is_within_half_a_percent_of_float_activations))
