/* Opening models: what is wrong in a file is refused by name, and memory stays near the file's size. */
#include "tests/check.h"

#include <stdlib.h>

#include "base/hash.h"
#include "model/profile.h"
#include "tests/unit/model/synth_model.h"

TEST(unsuitable_files_are_refused_by_name) {
    struct synth good = synth_all[3], y;
    struct why why;
    good.name = "refused";
    CHECK_INT(synth_try(&good, &why), 0);
    y = good, y.arch = "mamba";
    CHECK_INT(synth_try(&y, &why), ERR_UNSUPPORTED);
    CHECK(strstr(why.text, "mamba") != NULL);
    y = good, y.experts = 8;
    CHECK_INT(synth_try(&y, &why), ERR_NOTFOUND);
    CHECK(strstr(why.text, "llama.expert_used_count") != NULL);
    static const char *const parts[] = {"token_embd.weight", "output_norm.weight", "blk.1.attn_k.weight", "blk.0.ffn_norm.weight",
                                        "blk.2.ffn_down.weight"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        y = good, y.leave_out = parts[i];
        CHECK_INT(synth_try(&y, &why), ERR_FORMAT);
        CHECK(strstr(why.text, parts[i]) != NULL);
    }
    y = good, y.extra = "blk.0.attn_sinks.weight";
    CHECK_INT(synth_try(&y, &why), ERR_UNSUPPORTED);
    CHECK(strstr(why.text, "attn_sinks") != NULL);
    y = good, y.arch = "qwen2"; /* wants biases */
    CHECK_INT(synth_try(&y, &why), ERR_FORMAT);
    CHECK(strstr(why.text, "attn_q.bias") != NULL);
    y = good, y.qkv_bias = 1; /* and llama has none: computing without them would be another model */
    CHECK_INT(synth_try(&y, &why), ERR_UNSUPPORTED);
    y = good, y.kv = 3; /* no divisor of 8 */
    CHECK_INT(synth_try(&y, &why), ERR_RANGE);
    y = good, y.arch = "qwen2", y.qkv_bias = 1, y.window = 16;
    CHECK_INT(synth_try(&y, &why), ERR_UNSUPPORTED);
}

TEST(a_shape_that_differs_is_refused_by_name) {
    static const char *const keys[] = {"llama.embedding_length", "llama.feed_forward_length", "llama.attention.head_count",
                                       "llama.attention.key_length"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        struct synth y = synth_all[0];
        struct model *m = NULL;
        struct why why = {{0}};
        const char *path = synth_path("shape");
        synth_write(&y, path);
        struct gguf g;
        CHECK_INT(gguf_open(&g, path, NULL), 0);
        long at = (long)(gguf_find(&g, keys[i])->data - g.file);
        uint32_t value = 0;
        CHECK_INT(gguf_u32(&g, keys[i], 0, UINT32_MAX, &value, NULL), 0);
        gguf_close(&g);
        FILE *f = fopen(path, "r+be");
        value *= 2;
        CHECK(f && fseek(f, at, SEEK_SET) == 0 && fwrite(&value, 4, 1, f) == 1);
        fclose(f);
        CHECK(model_open(&m, path, NULL, &why) < 0);
        CHECK(m == NULL && why.text[0] != 0);
        unlink(path);
    }
}

TEST(nan_in_weights_is_refused) {
    static const char *const names[] = {"output_norm.weight", "blk.1.ffn_up.weight", "token_embd.weight"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct model *m = NULL;
        struct why why = {{0}};
        const char *path = synth_path("nan");
        synth_write(&synth_all[0], path);
        struct gguf g;
        CHECK_INT(gguf_open(&g, path, NULL), 0);
        long at = (long)gguf_tensor(&g, names[i])->offset + 4 * 17;
        gguf_close(&g);
        FILE *f = fopen(path, "r+be");
        const uint32_t nan = 0x7fc00000;
        CHECK(f && fseek(f, at, SEEK_SET) == 0 && fwrite(&nan, 4, 1, f) == 1);
        fclose(f);
        CHECK_INT(model_open(&m, path, NULL, &why), ERR_NONFINITE);
        CHECK(strstr(why.text, names[i]) != NULL);
        unlink(path);
    }
}

TEST(facts_of_a_model) {
    struct model *m = synth_open(&synth_all[4]);
    CHECK_STR(model_arch(m), "llama");
    CHECK_STR(model_name(m), "q4-mixed");
    CHECK_STR(model_profile(m, KV_F16), "C1-f16");
    CHECK_STR(model_profile(m, KV_Q8), "C1-q8");
    CHECK_INT(model_context(m), 512);
    CHECK_INT(model_n_vocab(m), 300);
    uint8_t a[32], b[32];
    model_file_sha256(m, a);
    const char *path = synth_path("facts");
    synth_write(&synth_all[4], path);
    struct file_map map = {0};
    CHECK_INT(file_map_open(&map, path, NULL), 0);
    sha256_of(b, map.data, map.size);
    CHECK_MEM(a, b, 32);
    struct model *again = NULL;
    CHECK_INT(model_open_memory(&again, map.data, map.size, NULL, NULL), 0);
    CHECK_INT(model_weight_bytes(again), model_weight_bytes(m));
    CHECK(model_weight_bytes(m) < model_file_bytes(m) * 11 / 10);
    model_close(again);
    file_map_close(&map);
    unlink(path);
    model_close(m);
}

static long resident_kib(void) {
    long pages = 0, ignored;
    FILE *f = fopen("/proc/self/statm", "re");
    if (!f || fscanf(f, "%ld %ld", &ignored, &pages) != 2) pages = 0;
    if (f) fclose(f);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

TEST(an_open_model_takes_about_its_file_in_memory) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    SKIP("a sanitizer's shadow memory would be counted");
#endif
    struct synth y = {"memory", "llama", WEIGHT_Q8_0, WEIGHT_Q8_0, WEIGHT_Q8_0, 1024, 2816, 4, 8, 4, 64, 8192, 512, .seed = 3};
    struct model *m = NULL;
    const char *path = synth_path(y.name);
    synth_write(&y, path);
    long before = resident_kib();
    CHECK_INT(model_open(&m, path, NULL, NULL), 0);
    long taken = resident_kib() - before, file = (long)(model_file_bytes(m) / 1024);
    unlink(path);
    model_close(m);
    printf("# file %ld KiB, resident %ld KiB more\n", file, taken);
    CHECK(taken < file + file / 10 + 4096); /* huge pages round up */
}

TESTS_MAIN("model", T(unsuitable_files_are_refused_by_name), T(a_shape_that_differs_is_refused_by_name),
           T(nan_in_weights_is_refused), T(facts_of_a_model), T(an_open_model_takes_about_its_file_in_memory))
