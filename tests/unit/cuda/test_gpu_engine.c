/* The whole forward pass on the GPU: the bits of the CPU for every model it takes, whatever the chunks and the batch; the shipped
 * model; answers; pages that are wiped; and what it does not compute is refused by name. */
#include "tests/unit/cuda/gpu_test.h"

#include "cuda/gpu.h"
#include "model/gen.h"
#include "tests/unit/model/logits.h"

static void check_model(const struct model *m, const char *name, uint32_t tokens) {
    static const uint32_t chunks[] = {1, 3, 7, 64, 100, 350};
    size_t bytes = (size_t)tokens * model_n_vocab(m) * sizeof(float);
    int32_t *id = malloc(tokens * sizeof *id);
    token_ids(id, tokens, model_n_vocab(m), tokens);
    float *want = all_logits(m, id, tokens, (struct setting){NULL, 2, tokens, 0, KV_F16, NULL});
    for (unsigned i = 0; i < sizeof chunks / sizeof chunks[0]; i++) {
        float *got = all_logits(m, id, tokens, (struct setting){NULL, 2, chunks[i], 0, KV_F16, &gpu_device});
        if (memcmp(got, want, bytes) != 0) printf("# %s differs, chunks of %u\n", name, chunks[i]);
        CHECK_MEM(got, want, bytes);
        free(got);
    }
    free(want);
    free(id);
}

TEST(every_model_gives_the_bits_of_the_processor) {
    NEEDS_GPU();
    static const struct synth k_quants[] = {
        {"q4_k-q6_k", "llama", WEIGHT_Q4_K, WEIGHT_Q6_K, WEIGHT_Q6_K, 256, 512, 2, 4, 2, 64, 300, 512, .seed = 41},
        {"q5_k-q5_0", "qwen2", WEIGHT_Q5_K, WEIGHT_Q5_0, WEIGHT_Q8_0, 256, 288, 2, 4, 1, 64, 280, 512, .qkv_bias = 1, .seed = 42},
    };
    for (unsigned i = 0; i < SYNTH_ALL + 2; i++) {
        const struct synth *y = i < SYNTH_ALL ? &synth_all[i] : &k_quants[i - SYNTH_ALL];
        struct model *m = synth_open(y);
        check_model(m, y->name, 350);
        model_close(m);
    }
}

TEST(the_shipped_model_gives_the_bits_of_the_processor) {
    NEEDS_GPU();
    struct model *m = NULL;
    CHECK_INT(model_open(&m, "models/lull-toy-q8_0.gguf", NULL, NULL), 0);
    check_model(m, "lull-toy", 333);
    model_close(m);
}

/* Sequences of different lengths in one step, some of them in chunks; the pages of one are then used by another. */
TEST(a_batch_changes_no_bit) {
    NEEDS_GPU();
    enum { SEQUENCES = 9 };
    struct model *m = synth_open(&synth_all[3]);
    static struct batch b;
    batch_init(&b, m, SEQUENCES, (struct setting){.threads = 1, .device = &gpu_device});
    for (uint64_t round = 0; round < 2; round++) {
        batch_run(&b, round);
        for (uint32_t i = SEQUENCES; i-- > 0;) kv_seq_clear(&b.seq[i], engine_kv(b.e));
    }
    batch_done(&b);
    model_close(m);
}

/* ---- answers ---- */

struct told {
    char text[4096];
    size_t length;
    uint8_t chain[32];
};

static struct told answer(struct model *m, const struct device_ops *device, uint32_t chunk) {
    static const uint8_t zeros[32];
    struct told t = {.length = 0};
    struct gen_pool_opts po = {.threads = 2, .slots = 1, .context_max = 400, .prefill_chunk = chunk, .device = device};
    struct gen_request req = {.raw = 1,
                              .text = {"Once upon a time there was", 26},
                              .max_tokens = 60,
                              .sampling = {.temperature = 0.8f, .top_p = 0.95f, .repeat_penalty = 1, .seed = 5}};
    struct gen_pool *p = NULL;
    struct gen *g = NULL;
    CHECK_INT(gen_pool_new(&p, m, &po, NULL), 0);
    CHECK_INT(gen_start(&g, p, &req, NULL, zeros, NULL, NULL), 0);
    for (enum gen_stop stop = STOP_NONE; stop == STOP_NONE;) {
        struct gen_event ev;
        int n = gen_step(p, &ev, 1);
        CHECK(n >= 0);
        if (n == 0) continue;
        CHECK_INT(ev.err, 0);
        CHECK(t.length + ev.text_len < sizeof t.text);
        memcpy(t.text + t.length, ev.text, ev.text_len);
        t.length += ev.text_len;
        stop = ev.stop;
    }
    gen_digest_chain(g, t.chain);
    gen_pool_free(p);
    return t;
}

TEST(an_answer_is_the_same_with_its_digests) {
    NEEDS_GPU();
    struct model *m = NULL;
    CHECK_INT(model_open(&m, "models/lull-toy-q8_0.gguf", NULL, NULL), 0);
    struct told want = answer(m, NULL, 0), got = answer(m, &gpu_device, 0), small = answer(m, &gpu_device, 2);
    CHECK(want.length > 50);
    CHECK_INT(got.length, want.length);
    CHECK_MEM(got.text, want.text, want.length);
    CHECK_MEM(got.chain, want.chain, 32);
    CHECK_MEM(small.chain, want.chain, 32);
    model_close(m);
}

TEST(what_it_does_not_compute_is_refused_by_name) {
    NEEDS_GPU();
    static const char *const said[] = {"experts", "experts", "GELU", "norms behind", "norms behind",
                                       NULL,      NULL,      NULL,   "residuals"};
    for (unsigned i = 0; i < SYNTH_FAMILIES; i++) {
        struct model *m = synth_open(&synth_families[i]);
        if (!said[i]) {
            check_model(m, synth_families[i].name, 100);
            model_close(m);
            continue;
        }
        struct engine *e = NULL;
        struct why why = {{0}};
        struct engine_opts o = {.threads = 1, .rows_max = 8, .logits_max = 1, .kv_pages = 1, .device = &gpu_device};
        CHECK_INT(engine_new(&e, m, &o, &why), ERR_UNSUPPORTED);
        CHECK(strstr(why.text, said[i]) != NULL);
        model_close(m);
    }
    struct model *m = synth_open(&synth_all[3]);
    struct engine *e = NULL;
    struct why why = {{0}};
    struct engine_opts o = {.threads = 1, .rows_max = 8, .logits_max = 1, .kv_pages = 1, .kv = KV_Q8, .device = &gpu_device};
    CHECK_INT(engine_new(&e, m, &o, &why), ERR_UNSUPPORTED);
    CHECK(strstr(why.text, "q8") != NULL);
    model_close(m);
}

TESTS_MAIN("gpu_engine", T(every_model_gives_the_bits_of_the_processor), T(the_shipped_model_gives_the_bits_of_the_processor),
           T(a_batch_changes_no_bit), T(an_answer_is_the_same_with_its_digests), T(what_it_does_not_compute_is_refused_by_name))
