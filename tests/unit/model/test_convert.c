/* Converters: quantisers against the values they encode, llama2.c files whole and broken, synthetic models. */
#include "tests/check.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "model/from_llama2c.h"
#include "model/gguf.h"
#include "model/make.h"
#include "model/quantize.h"
#include "model/vocab.h"

#define STORIES "tests/data/stories260K/"

static void temp_path(char out[80], const char *what) { snprintf(out, 80, "/tmp/lull-convert-%s-%ld", what, (long)getpid()); }

static double error_of(const struct weight_type *t, const float *x, uint32_t n) {
    uint8_t row[4096];
    float back[512];
    double error = 0, size = 0;
    quantize_row(t, x, n, row);
    weight_row_decode(t, row, n, back);
    for (uint32_t i = 0; i < n; i++) {
        error += (double)(x[i] - back[i]) * (double)(x[i] - back[i]);
        size += (double)x[i] * (double)x[i];
    }
    return sqrt(error / size);
}

TEST(quantised_rows_are_close) {
    static const struct {
        const char *name;
        double most; /* relative error of normal values */
    } rows[] = {{"f32", 0},    {"f16", 4e-4},  {"bf16", 3e-3}, {"q8_0", 0.007}, {"q6_k", 0.022}, {"q4_0", 0.1},
                {"q4_1", 0.1}, {"q5_0", 0.05}, {"q5_1", 0.05}, {"iq4_nl", 0.1}, {"mxfp4", 0.15}, {"q2_k", 0.4},
                {"q3_k", 0.2}, {"q4_k", 0.1},  {"q5_k", 0.05}, {"iq4_xs", 0.1}};
    float x[512];
    uint64_t s = 3;
    for (int i = 0; i < 512; i++) {
        float sum = 0;
        for (int k = 0; k < 12; k++) {
            s = s * 6364136223846793005u + 1442695040888963407u;
            sum += (float)(s >> 40) * 0x1p-24f - 0.5f;
        }
        x[i] = sum;
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        double e = error_of(quantize_type(rows[i].name), x, 512);
        printf("# %s %.5f\n", rows[i].name, e);
        CHECK(e <= rows[i].most);
    }
}

TEST(rows_of_zeros_and_extremes_survive) {
    static const char *const names[] = {"f32",  "f16",    "bf16",  "q8_0", "q6_k", "q4_0", "q4_1", "q5_0",
                                        "q5_1", "iq4_nl", "mxfp4", "q2_k", "q3_k", "q4_k", "q5_k", "iq4_xs"};
    for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) {
        const struct weight_type *t = quantize_type(names[k]);
        float x[256] = {0}, back[256];
        uint8_t row[1024];
        quantize_row(t, x, 256, row);
        weight_row_decode(t, row, 256, back);
        for (int i = 0; i < 256; i++) CHECK(back[i] == 0);
        for (int i = 0; i < 256; i++) x[i] = i % 2 ? 3e38f : -3e38f;
        quantize_row(t, x, 256, row);
        CHECK(t->id == WEIGHT_BF16 || t->id == WEIGHT_F32 || weight_rows_check(t, row, 1, 256) == 0);
        for (int i = 0; i < 256; i++) x[i] = 1e-40f;
        quantize_row(t, x, 256, row);
        CHECK_INT(weight_rows_check(t, row, 1, 256), 0);
    }
    CHECK(quantize_type("Q8_0") == NULL && quantize_type("") == NULL);
}

TEST(types_fall_back_when_rows_do_not_fit) {
    CHECK_INT(quantize_fit(quantize_type("q4_0"), 2048, 1)->id, WEIGHT_Q6_K);
    CHECK_INT(quantize_fit(quantize_type("q4_0"), 896, 1)->id, WEIGHT_Q8_0);
    CHECK_INT(quantize_fit(quantize_type("q4_0"), 896, 0)->id, WEIGHT_Q4_0);
    CHECK_INT(quantize_fit(quantize_type("q8_0"), 172, 0)->id, WEIGHT_F16);
    CHECK_INT(quantize_fit(quantize_type("q6_k"), 172, 1)->id, WEIGHT_F16);
    CHECK_INT(quantize_fit(quantize_type("f32"), 7, 1)->id, WEIGHT_F32);
    CHECK_INT(quantize_fit(quantize_type("q4_k"), 896, 0)->id, WEIGHT_Q5_0);
    CHECK_INT(quantize_fit(quantize_type("q5_k"), 896, 0)->id, WEIGHT_Q5_1);
    CHECK_INT(quantize_fit(quantize_type("q3_k"), 896, 0)->id, WEIGHT_IQ4_NL);
    CHECK_INT(quantize_fit(quantize_type("iq4_xs"), 40, 0)->id, WEIGHT_F16);
    CHECK_INT(quantize_fit(quantize_type("q4_k"), 256, QUANTIZE_HEAD)->id, WEIGHT_Q4_K);
    CHECK_INT(quantize_fit(quantize_type("q4_k_m"), 256, QUANTIZE_MATRIX)->id, WEIGHT_Q4_K);
    CHECK_INT(quantize_fit(quantize_type("q4_k_m"), 256, QUANTIZE_HEAD)->id, WEIGHT_Q6_K);
    CHECK_INT(quantize_fit(quantize_type("q4_k_m"), 896, QUANTIZE_MORE)->id, WEIGHT_Q8_0);
    unsigned more = 0;
    for (uint32_t l = 0; l < 22; l++) more += (unsigned)quantize_more_bits(l, 22) << l;
    CHECK_INT(more, 0x392493); /* of 22 layers: 0, 1, 4, 7, 10, 13, 16, 19, 20, 21 */
}

TEST(both_containers_give_the_same_file) {
    char a[80], b[80];
    struct buf x, y;
    struct why why = {{0}};
    temp_path(a, "v0");
    temp_path(b, "v1");
    CHECK_INT(from_llama2c(STORIES "stories260K.bin", STORIES "tok512.bin", a, quantize_type("f32"), NULL, &why), 0);
    CHECK_INT(from_llama2c(STORIES "stories260K.v1.bin", STORIES "tok512.bin", b, quantize_type("f32"), NULL, &why), 0);
    CHECK(file_read(&x, a, 4 << 20, &why) == 0 && file_read(&y, b, 4 << 20, &why) == 0);
    CHECK(x.len == y.len && memcmp(x.data, y.data, x.len) == 0);
    buf_release(&x);
    buf_release(&y);
    unlink(a);
    unlink(b);
}

TEST(a_converted_vocabulary_encodes) {
    char path[80];
    struct gguf g;
    struct vocab *v;
    struct ids l;
    struct why why = {{0}};
    temp_path(path, "vocab");
    CHECK_INT(from_llama2c(STORIES "stories260K.bin", STORIES "tok512.bin", path, quantize_type("q8_0"), NULL, &why), 0);
    CHECK_INT(gguf_open(&g, path, &why), 0);
    CHECK_INT(gguf_tensor(&g, "blk.0.ffn_down.weight")->type, WEIGHT_F16); /* rows of 172 */
    CHECK_INT(gguf_tensor(&g, "blk.0.attn_q.weight")->type, WEIGHT_Q8_0);
    CHECK_INT(vocab_open(&v, &g, &why), 0);
    ids_init(&l, 100);
    CHECK_INT(vocab_encode(v, "Once upon a time", 16, VOCAB_BOS, &l, &why), 0);
    const int32_t want[] = {1, 403, 407, 261, 378}; /* llama2.c's own tokenizer */
    CHECK_INT(l.count, 5);
    CHECK_MEM(l.id, want, sizeof want);
    ids_release(&l);
    vocab_close(v);
    gguf_close(&g);
    unlink(path);
}

/* Writes n bytes of the checkpoint, one byte changed, and converts; nothing may appear. */
static int convert_broken(const struct buf *b, size_t n, size_t at, uint8_t byte) {
    char in[80], out[80];
    struct why why = {{0}};
    uint8_t *copy = malloc(n + 1);
    temp_path(in, "broken");
    temp_path(out, "never");
    memcpy(copy, b->data, n < b->len ? n : b->len);
    if (n > b->len) copy[b->len] = 0;
    if (at < n) copy[at] = byte;
    CHECK_INT(file_write(in, copy, n, 0600, &why), 0);
    int r = from_llama2c(in, STORIES "tok512.bin", out, quantize_type("f32"), NULL, &why);
    CHECK(r == 0 || access(out, F_OK) != 0);
    CHECK(r == 0 || strstr(why.text, r == ERR_NONFINITE ? "finite" : in) != NULL);
    unlink(in);
    unlink(out);
    free(copy);
    return r;
}

TEST(broken_checkpoints_are_refused) {
    struct buf b;
    struct why why = {{0}};
    CHECK_INT(file_read(&b, STORIES "stories260K.bin", 4 << 20, &why), 0);
    CHECK_INT(convert_broken(&b, b.len, SIZE_MAX, 0), 0);
    CHECK_INT(convert_broken(&b, b.len - 1, SIZE_MAX, 0), ERR_SHORT);
    CHECK_INT(convert_broken(&b, b.len + 1, SIZE_MAX, 0), ERR_TRAILING);
    CHECK_INT(convert_broken(&b, 20, SIZE_MAX, 0), ERR_SHORT);
    for (size_t field = 0; field < 7; field++) CHECK(convert_broken(&b, b.len, 4 * field + 3, 0x7f) < 0); /* enormous */
    for (size_t field = 0; field < 5; field++) CHECK(convert_broken(&b, b.len, 4 * field, 0) < 0);        /* zero */
    CHECK(convert_broken(&b, b.len, 23, 0x80) < 0); /* the vocabulary turned into an enormous negative one */
    b.data[1000] = b.data[1001] = 0;
    b.data[1002] = 0xc0;
    CHECK_INT(convert_broken(&b, b.len, 1003, 0x7f), ERR_NONFINITE);
    buf_release(&b);
}

TEST(synthetic_models_open_and_repeat) {
    static const char *const types[] = {"q8_0", "q4_0", "q6_k", "f16", "bf16", "f32"};
    char path[80];
    struct why why = {{0}};
    temp_path(path, "tiny");
    for (size_t i = 0; i < 6; i++) {
        uint8_t digest[2][32];
        for (uint64_t seed = 1; seed <= 2; seed++) {
            struct gguf g;
            struct vocab *v;
            CHECK_INT(make_model("tiny", quantize_type(types[i]), seed, path, NULL, &why), 0);
            CHECK_INT(gguf_open(&g, path, &why), 0);
            CHECK_INT(vocab_open(&v, &g, &why), 0);
            CHECK_INT(vocab_size(v), 512);
            for (size_t t = 0; t < g.tensor_count; t++)
                CHECK_INT(weight_rows_check(weight_type_of(g.tensor[t].type), g.tensor[t].data, (uint32_t)g.tensor[t].dims[1],
                                            (uint32_t)g.tensor[t].dims[0]),
                          0);
            sha256_of(digest[seed - 1], g.file, g.size);
            vocab_close(v);
            gguf_close(&g);
        }
        CHECK(memcmp(digest[0], digest[1], 32) != 0);
        struct gguf g;
        CHECK_INT(make_model("tiny", quantize_type(types[i]), 1, path, NULL, &why), 0);
        CHECK_INT(gguf_open(&g, path, &why), 0);
        sha256_of(digest[1], g.file, g.size);
        gguf_close(&g);
        CHECK_MEM(digest[0], digest[1], 32);
    }
    unlink(path);
    CHECK(make_model("huge", quantize_type("f16"), 1, path, NULL, &why) == ERR_NOTFOUND && strstr(why.text, "tinyllama-1.1b"));
}

/* Vocabularies of the large shapes, without writing the weights of those: the smallest of them takes 350 MB. */
TEST(qwen_shape_has_biases_and_its_vocabulary) {
    char path[80];
    struct gguf g;
    struct vocab *v;
    struct why why = {{0}};
    if (!getenv("LULL_TEST_LARGE")) SKIP("350 MB; set LULL_TEST_LARGE");
    temp_path(path, "qwen");
    CHECK_INT(make_model("qwen2.5-0.5b", quantize_type("q4_0"), 1, path, NULL, &why), 0);
    CHECK_INT(gguf_open(&g, path, &why), 0);
    CHECK_INT(vocab_open(&v, &g, &why), 0);
    CHECK(gguf_tensor(&g, "blk.23.attn_k.bias") && gguf_tensor(&g, "token_embd.weight")->type == WEIGHT_Q8_0);
    CHECK(vocab_find(v, "<|im_end|>", 10) == 151645 && vocab_eos(v) == 151645 && !vocab_adds_bos(v));
    vocab_close(v);
    gguf_close(&g);
    unlink(path);
}

TESTS_MAIN("convert", T(quantised_rows_are_close), T(rows_of_zeros_and_extremes_survive), T(types_fall_back_when_rows_do_not_fit),
           T(both_containers_give_the_same_file), T(a_converted_vocabulary_encodes), T(broken_checkpoints_are_refused),
           T(synthetic_models_open_and_repeat), T(qwen_shape_has_biases_and_its_vocabulary))
