/* Each family's forward pass: equal bits whatever the kernels, threads, chunks and batch; golden digests; tensors of the wrong
 * shape are refused by name; the choice of experts. */
#include "tests/check.h"

#include <math.h>
#include <stdlib.h>

#include "model/hparams.h"
#include "model/make.h"
#include "model/make_parts.h"
#include "model/moe.h"
#include "tests/unit/model/logits.h"

enum { TOKENS = 70 };

TEST(kernels_threads_and_chunks_change_no_bit) {
    for (unsigned i = 0; i < SYNTH_FAMILIES; i++) {
        struct model *m = synth_open(&synth_families[i]);
        int32_t id[TOKENS];
        token_ids(id, TOKENS, model_n_vocab(m), i);
        float *want = all_logits(m, id, TOKENS, (struct setting){kern_nth(0), 1, TOKENS, 0, KV_F16, NULL});
        for (unsigned k = 0; kern_nth(k); k++) {
            static const uint32_t settings[][2] = {{1, 1}, {2, 7}, {3, 64}, {4, 25}, {8, TOKENS}}; /* threads, chunk */
            for (unsigned s = 0; s < sizeof settings / sizeof settings[0]; s++) {
                float *got = all_logits(m, id, TOKENS,
                                        (struct setting){kern_nth(k), settings[s][0], settings[s][1], 0, KV_F16, NULL});
                if (memcmp(got, want, row_bytes(m, TOKENS)) != 0)
                    printf("# %s differs: %s, setting %u\n", synth_families[i].name, kern_name(kern_nth(k)), s);
                CHECK_MEM(got, want, row_bytes(m, TOKENS));
                free(got);
            }
        }
        free(want);
        model_close(m);
    }
}

TEST(batches_change_no_bit) {
    for (unsigned i = 0; i < SYNTH_FAMILIES; i++) {
        struct model *m = synth_open(&synth_families[i]);
        check_batch(m, 2 + i, 2, KV_F16);
        check_batch(m, 16, 2, KV_F16);
        model_close(m);
    }
}

TEST(golden_digests_of_each_family) {
    int differ = 0;
    for (unsigned i = 0; i < SYNTH_FAMILIES; i++) {
        struct model *m = synth_open(&synth_families[i]);
        differ += golden_differs(synth_families[i].name, m, TOKENS, KV_F16);
        model_close(m);
    }
    CHECK_INT(differ, 0);
}

/* `lull model make` has a small shape of every family, and they open. */
TEST(each_family_has_a_shape_that_opens) {
    for (size_t f = 0; families[f]; f++) {
        unsigned shapes = 0;
        for (const struct make_shape *s = make_shapes; s->name; s++) {
            if (strcmp(s->arch, families[f]->arch) != 0 || strncmp(s->name, "tiny-", 5) != 0) continue;
            struct model *m = NULL;
            const char *path = synth_path(s->name);
            CHECK_INT(make_model(s->name, weight_type_of(WEIGHT_Q8_0), 1, path, NULL, NULL), 0);
            CHECK_INT(model_open(&m, path, NULL, NULL), 0);
            unlink(path);
            CHECK_STR(model_arch(m), s->arch);
            CHECK(strstr(make_shape_names, s->name) != NULL);
            model_close(m);
            shapes++;
        }
        CHECK(shapes > 0);
    }
}

/* ---- longrope ---- */

TEST(longrope_follows_the_context_and_says_so) {
    const struct synth *y = &synth_families[6];
    struct model *m = NULL;
    struct model_opts shorter = {.context = 128}, whole = {.context = 5000};
    int32_t id[20];
    const char *path = synth_path("longrope");
    synth_write(y, path);
    CHECK_INT(model_open(&m, path, &whole, NULL), 0);
    token_ids(id, 20, model_n_vocab(m), 1);
    CHECK_INT(model_context(m), 512);
    CHECK_STR(model_profile(m, KV_F16), "C1-f16-c512");
    float *with_long = all_logits(m, id, 20, (struct setting){NULL, 1, 20, 0, KV_F16, NULL});
    model_close(m);
    CHECK_INT(model_open(&m, path, &shorter, NULL), 0);
    unlink(path);
    CHECK_INT(model_context(m), 128);
    CHECK_STR(model_profile(m, KV_F16), "C1-f16-c128");
    float *with_short = all_logits(m, id, 20, (struct setting){NULL, 1, 20, 0, KV_F16, NULL});
    CHECK_MEM(with_short, with_long, row_bytes(m, 1)); /* position 0 does not turn */
    CHECK(memcmp(with_short, with_long, row_bytes(m, 20)) != 0);
    CHECK_INT(golden_differs("phi3-short", m, TOKENS, KV_F16), 0);
    free(with_short);
    free(with_long);
    model_close(m);
}

/* ---- what is refused ---- */

TEST(tensors_that_are_missing_or_misshapen_are_refused_by_name) {
    static const struct {
        const char *family, *tensor;
    } cases[] = {{"mixtral", "blk.1.ffn_gate_inp.weight"},   {"mixtral", "blk.0.ffn_gate_exps.weight"},
                 {"mixtral", "blk.0.ffn_up_exps.weight"},    {"qwen3moe", "blk.1.ffn_down_exps.weight"},
                 {"qwen3moe", "blk.0.attn_q_norm.weight"},   {"gemma2", "blk.2.post_attention_norm.weight"},
                 {"gemma3", "blk.6.post_ffw_norm.weight"},   {"gemma3", "blk.0.attn_k_norm.weight"},
                 {"phi3", "blk.1.attn_qkv.weight"},          {"phi3", "blk.0.ffn_up.weight"},
                 {"phi3-long", "rope_factors_short.weight"}, {"phi3-long", "rope_factors_long.weight"},
                 {"smollm3", "blk.3.attn_output.weight"},    {"granite", "blk.0.ffn_gate.weight"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (unsigned f = 0; f < SYNTH_FAMILIES; f++) {
            if (strcmp(synth_families[f].name, cases[i].family) != 0) continue;
            struct synth y = synth_families[f];
            struct why why;
            y.misshapen = cases[i].tensor;
            CHECK_INT(synth_try(&y, &why), ERR_FORMAT);
            CHECK(strstr(why.text, cases[i].tensor) != NULL);
            y.misshapen = NULL, y.leave_out = cases[i].tensor;
            CHECK_INT(synth_try(&y, &why), ERR_FORMAT);
            CHECK(strstr(why.text, cases[i].tensor) != NULL);
        }
}

TEST(a_number_of_experts_that_differs_is_refused) {
    struct synth y = synth_families[0];
    struct why why;
    y.key[0] = (struct synth_key){"expert_shared_count", 1, 0};
    CHECK_INT(synth_try(&y, &why), ERR_UNSUPPORTED);
    CHECK(strstr(why.text, "llama.expert_shared_count") != NULL);
    y = synth_families[0], y.extra = "blk.0.ffn_up_shexp.weight";
    CHECK_INT(synth_try(&y, &why), ERR_UNSUPPORTED);
    y = synth_families[0], y.used = 6;
    CHECK_INT(synth_try(&y, &why), ERR_RANGE);
    y = synth_families[0], y.experts = 0; /* keys of a mixture without experts: the tensors of a plain model */
    CHECK_INT(synth_try(&y, &why), 0);
}

/* ---- the choice of experts ---- */

static void check_choice(const float *l, uint32_t n, uint32_t used, const uint32_t *want) {
    uint32_t id[EXPERTS_USED_MAX];
    float w[EXPERTS_USED_MAX], sum = 0;
    CHECK_INT(moe_choose(l, n, used, id, w), 0);
    for (uint32_t i = 0; i < used; i++) {
        CHECK_INT(id[i], want[i]);
        CHECK(w[i] > 0);
        sum += w[i];
    }
    CHECK(fabsf(sum - 1) < 1e-6f);
}

TEST(ties_go_to_the_lower_expert) {
    static const float equal[6] = {1, 1, 1, 1, 1, 1}, zeros[4] = {-0.0f, 0.0f, -1, 0.0f};
    static const float late[6] = {0, 3, 2, 3, 2, 3}, rising[5] = {-5, -4, -3, -2, -1};
    check_choice(equal, 6, 3, (const uint32_t[]){0, 1, 2});
    check_choice(zeros, 4, 2, (const uint32_t[]){0, 1});
    check_choice(late, 6, 2, (const uint32_t[]){1, 3});
    check_choice(late, 6, 4, (const uint32_t[]){1, 2, 3, 5});
    check_choice(rising, 5, 2, (const uint32_t[]){3, 4});
    check_choice(rising, 5, 5, (const uint32_t[]){0, 1, 2, 3, 4});
    check_choice(rising, 5, 1, (const uint32_t[]){4});
    uint32_t id[2];
    float w[2];
    CHECK_INT(moe_choose(equal, 6, 2, id, w), 0);
    CHECK(w[0] == 0.5f && w[1] == 0.5f);
}

TEST(the_choice_agrees_with_sorting) {
    uint64_t s = 5;
    for (int round = 0; round < 2000; round++) {
        uint32_t n = 1 + (uint32_t)(synth_next(&s) % 40), used = 1 + (uint32_t)(synth_next(&s) % n), id[EXPERTS_USED_MAX];
        float l[40], w[EXPERTS_USED_MAX];
        for (uint32_t i = 0; i < n; i++) l[i] = (float)(synth_next(&s) % 7); /* many ties */
        CHECK_INT(moe_choose(l, n, used, id, w), 0);
        for (uint32_t i = 0, at = 0; i < n; i++) {
            uint32_t ahead = 0;
            for (uint32_t k = 0; k < n; k++) ahead += l[k] > l[i] || (l[k] == l[i] && k < i);
            int chosen = at < used && id[at] == i;
            CHECK_INT(chosen, ahead < used);
            at += (uint32_t)chosen;
        }
    }
}

TEST(logits_that_are_not_finite_are_an_error) {
    static const float bad[][3] = {{0, NAN, 1}, {INFINITY, 0, 1}, {0, 1, -INFINITY}};
    for (size_t i = 0; i < 3; i++) {
        uint32_t id[2];
        float w[2];
        CHECK_INT(moe_choose(bad[i], 3, 2, id, w), ERR_NONFINITE);
        CHECK(id[0] == 0 && id[1] == 1 && w[0] == 0 && w[1] == 0);
    }
}

TESTS_MAIN("families", T(kernels_threads_and_chunks_change_no_bit), T(batches_change_no_bit), T(golden_digests_of_each_family),
           T(each_family_has_a_shape_that_opens), T(longrope_follows_the_context_and_says_so),
           T(tensors_that_are_missing_or_misshapen_are_refused_by_name), T(a_number_of_experts_that_differs_is_refused),
           T(ties_go_to_the_lower_expert), T(the_choice_agrees_with_sorting), T(logits_that_are_not_finite_are_an_error))
