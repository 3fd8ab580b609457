/* The keys that fix the forward pass: what each family reads from them, and what is refused, with the key's name. */
#include "tests/check.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "model/gguf_write.h"
#include "model/hparams.h"

enum kind { U32, F32, BOOL, TEXT, GONE };
struct key {
    const char *name;
    enum kind kind;
    double x;
    const char *text;
};

/* What every family has, in the order written. */
static const struct key common[] = {
    {"embedding_length", U32, 256, NULL},    {"block_count", U32, 12, NULL},
    {"feed_forward_length", U32, 512, NULL}, {"context_length", U32, 8192, NULL},
    {"attention.head_count", U32, 8, NULL},  {"attention.head_count_kv", U32, 2, NULL},
    {"attention.key_length", U32, 64, NULL}, {"attention.value_length", U32, 64, NULL},
    {"rope.freq_base", F32, 1e6, NULL},      {"attention.layer_norm_rms_epsilon", F32, 1e-6, NULL},
};
enum { COMMON = sizeof common / sizeof common[0] };

static void put(struct gguf_writer *w, const char *arch, const struct key *k) {
    char name[96];
    snprintf(name, sizeof name, "%s.%s", arch, k->name);
    switch (k->kind) {
    case U32: gguf_put_u32(w, name, (uint32_t)k->x); break;
    case F32: gguf_put_f32(w, name, (float)k->x); break;
    case BOOL: gguf_put_bool(w, name, k->x != 0); break;
    case TEXT: gguf_put_text(w, name, k->text); break;
    case GONE: break;
    }
}

/* Reads a file with the common keys, of which `own` replaces some and adds others; it ends with a key without a name. */
static int read_keys(const char *arch, const struct key *own, struct hparams *h, struct why *why) {
    struct gguf_writer *w;
    struct gguf g;
    char path[64];
    snprintf(path, sizeof path, "/tmp/lull-test-hparams-%ld", (long)getpid());
    CHECK_INT(gguf_writer_new(&w, path, NULL), 0);
    gguf_put_text(w, "general.architecture", arch);
    for (size_t i = 0; i < COMMON; i++) {
        int replaced = 0;
        for (const struct key *k = own; k && k->name; k++) replaced |= strcmp(k->name, common[i].name) == 0;
        if (!replaced) put(w, arch, &common[i]);
    }
    for (const struct key *k = own; k && k->name; k++) put(w, arch, k);
    CHECK_INT(gguf_writer_finish(w, NULL), 0);
    gguf_writer_free(w);
    CHECK_INT(gguf_open(&g, path, NULL), 0);
    unlink(path);
    *why = (struct why){{0}};
    int r = hparams_read(h, &g, why);
    gguf_close(&g);
    return r;
}

static struct hparams good(const char *arch, const struct key *own) {
    struct hparams h;
    struct why why;
    int r = read_keys(arch, own, &h, &why);
    if (r != 0) printf("# %s: %s\n", arch, why_text(&why, r));
    CHECK_INT(r, 0);
    return h;
}

static void refused(const char *arch, const struct key *own, int err, const char *named) {
    struct hparams h;
    struct why why;
    int r = read_keys(arch, own, &h, &why);
    if (r != err || !strstr(why.text, named)) printf("# %s %s: %d, %s\n", arch, own[0].name, r, why.text);
    CHECK_INT(r, err);
    CHECK(strstr(why.text, named) != NULL);
}

/* ---- every family ---- */

static const struct key moe[] = {{"expert_count", U32, 8, NULL}, {"expert_used_count", U32, 2, NULL}, {0}};
static const struct key *needs(const struct family *f) { return f->experts == EXPERTS_ALWAYS ? moe : NULL; }

TEST(each_family_reads_the_common_keys) {
    for (size_t i = 0; families[i]; i++) {
        struct hparams h = good(families[i]->arch, needs(families[i]));
        CHECK(h.family == families[i]);
        CHECK(h.n_embd == 256 && h.n_layer == 12 && h.n_ff == 512 && h.n_head == 8 && h.n_kv == 2 && h.head_dim == 64);
        CHECK(h.n_context == 8192 && h.rope.n_rot == 64 && h.rope.base == 1e6f);
        CHECK(h.attn_scale == 0.125f && h.residual_scale == 1 && h.logit_scale == 1);
    }
}

/* Each number too large, too small, absent, and of another type, in each family. */
TEST(each_key_is_checked_in_each_family) {
    static const struct {
        const char *name;
        int needed;
        enum kind kind;
        double over;
    } cases[] = {{"embedding_length", 1, U32, WIDTH_MAX + 1},
                 {"block_count", 1, U32, LAYERS_MAX + 1},
                 {"feed_forward_length", 1, U32, WIDTH_MAX + 1},
                 {"attention.head_count", 1, U32, HEADS_MAX + 1},
                 {"attention.head_count_kv", 0, U32, 3},
                 {"attention.key_length", 0, U32, HEAD_DIM_MAX + 1},
                 {"rope.freq_base", 0, F32, 1e20},
                 {"attention.layer_norm_rms_epsilon", 1, F32, 2}};
    for (size_t i = 0; families[i]; i++)
        for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
            const char *arch = families[i]->arch;
            const struct key *n = needs(families[i]);
            char named[96];
            snprintf(named, sizeof named, "%s.%s", arch, cases[c].name);
            struct key own[4] = {{cases[c].name, cases[c].kind, cases[c].over, NULL}, {0}};
            if (n) own[1] = n[0], own[2] = n[1];
            refused(arch, own, ERR_RANGE, named);
            own[0].kind = TEXT, own[0].text = "many";
            refused(arch, own, ERR_FORMAT, named);
            own[0].kind = cases[c].kind, own[0].x = cases[c].kind == U32 ? 0 : -1;
            refused(arch, own, ERR_RANGE, named);
            own[0].kind = GONE;
            if (cases[c].needed) refused(arch, own, ERR_NOTFOUND, named);
        }
}

TEST(an_unknown_architecture_is_refused_by_name) {
    struct hparams h;
    struct why why;
    CHECK_INT(read_keys("mamba", NULL, &h, &why), ERR_UNSUPPORTED);
    CHECK(strstr(why.text, "\"mamba\"") && strstr(why.text, "llama, qwen2") && strstr(why.text, "granite"));
}

/* ---- windows, scales, caps ---- */

static uint32_t window(const struct hparams *h, uint32_t layer) { return hparams_layer(h, layer).window; }
static enum rope_table table(const struct hparams *h, uint32_t layer) { return hparams_layer(h, layer).table; }

TEST(windows_by_layer) {
    static const struct key w100[] = {{"attention.sliding_window", U32, 100, NULL}, {0}};
    static const struct key wide[] = {{"attention.sliding_window", U32, 8192, NULL}, {0}};
    struct hparams h = good("llama", w100);
    CHECK(window(&h, 0) == 100 && window(&h, 11) == 100);
    h = good("phi3", w100);
    CHECK(window(&h, 0) == 100 && window(&h, 1) == 100);
    h = good("gemma2", w100);
    CHECK(window(&h, 0) == 100 && window(&h, 1) == 0 && window(&h, 10) == 100 && window(&h, 11) == 0);
    h = good("gemma2", NULL);
    CHECK(window(&h, 0) == 4096 && window(&h, 1) == 0);
    h = good("gemma3", w100);
    for (uint32_t i = 0; i < 12; i++) {
        int global = i == 5 || i == 11;
        CHECK_INT(window(&h, i), global ? 0 : 100);
        CHECK_INT(table(&h, i), global ? ROPE_TABLE_MAIN : ROPE_TABLE_LOCAL);
    }
    CHECK(h.rope_local.base == 10000 && h.rope_local.n_rot == 64 && h.rope_local.scaling == ROPE_NONE);
    h = good("gemma3", NULL);
    CHECK(window(&h, 0) == 0 && table(&h, 0) == ROPE_TABLE_MAIN);
    static const char *const without[] = {"qwen2", "qwen3", "gemma", "smollm3", "granite"};
    for (size_t i = 0; i < sizeof without / sizeof without[0]; i++) {
        refused(without[i], w100, ERR_UNSUPPORTED, "attention.sliding_window");
        h = good(without[i], wide);
        CHECK_INT(window(&h, 0), 0);
    }
    static const struct key text[] = {{"attention.sliding_window", TEXT, 0, "all"}, {0}};
    refused("gemma2", text, ERR_FORMAT, "gemma2.attention.sliding_window");
    static const struct key pattern[] = {{"attention.sliding_window_pattern", U32, 4, NULL}, {0}};
    refused("gemma3", pattern, ERR_RANGE, "gemma3.attention.sliding_window_pattern");
}

TEST(layers_without_rope) {
    struct hparams h = good("smollm3", NULL);
    for (uint32_t i = 0; i < 12; i++) CHECK_INT(table(&h, i), i % 4 == 3 ? ROPE_TABLE_NONE : ROPE_TABLE_MAIN);
}

TEST(scales_and_caps) {
    static const struct key caps[] = {{"attn_logit_softcapping", F32, 40, NULL}, {"final_logit_softcapping", F32, 20, NULL}, {0}};
    static const struct key scales[] = {{"embedding_scale", F32, 12, NULL},
                                        {"residual_scale", F32, 0.25, NULL},
                                        {"attention.scale", F32, 0.5, NULL},
                                        {"logit_scale", F32, 8, NULL},
                                        {0}};
    struct hparams h = good("gemma2", NULL);
    CHECK(h.attn_softcap == 50 && h.final_softcap == 30 && h.embd_scale == 16);
    h = good("gemma2", caps);
    CHECK(h.attn_softcap == 40 && h.final_softcap == 20);
    h = good("gemma3", NULL);
    CHECK(h.attn_softcap == 0 && h.final_softcap == 0 && h.embd_scale == 16);
    h = good("granite", scales);
    CHECK(h.embd_scale == 12 && h.residual_scale == 0.25f && h.attn_scale == 0.5f && h.logit_scale == 8);
    for (size_t i = 0; i < 4; i++) {
        struct key one[2] = {scales[i], {0}};
        refused("llama", one, ERR_UNSUPPORTED, scales[i].name);
        one[0].kind = TEXT, one[0].text = "x";
        refused("granite", one, ERR_FORMAT, scales[i].name);
        one[0].kind = F32, one[0].x = -1;
        refused("granite", one, ERR_RANGE, scales[i].name);
        one[0].x = NAN;
        refused("granite", one, ERR_RANGE, scales[i].name);
        one[0].x = 0; /* none */
        (void)good("llama", one);
    }
    static const struct key capped[] = {{"attn_logit_softcapping", F32, 40, NULL}, {0}};
    refused("gemma3", capped, ERR_UNSUPPORTED, "gemma3.attn_logit_softcapping");
    refused("qwen3", capped, ERR_UNSUPPORTED, "qwen3.attn_logit_softcapping");
    static const struct key no_cap[] = {{"final_logit_softcapping", F32, -1, NULL}, {0}};
    refused("gemma2", no_cap, ERR_RANGE, "gemma2.final_logit_softcapping");
    static const struct key still[] = {{"rope.scaling.finetuned", BOOL, 0, NULL}, {0}};
    refused("granite", still, ERR_UNSUPPORTED, "granite.rope.scaling.finetuned");
}

TEST(the_27b_models_scale_by_the_width_per_head) {
    static const struct key g2[] = {{"block_count", U32, 46, NULL},
                                    {"embedding_length", U32, 4608, NULL},
                                    {"attention.head_count", U32, 32, NULL},
                                    {"attention.head_count_kv", U32, 16, NULL},
                                    {"attention.key_length", U32, 128, NULL},
                                    {"attention.value_length", U32, 128, NULL},
                                    {0}};
    static const struct key g3[] = {{"block_count", U32, 62, NULL},
                                    {"embedding_length", U32, 5376, NULL},
                                    {"attention.head_count", U32, 32, NULL},
                                    {"attention.head_count_kv", U32, 16, NULL},
                                    {"attention.key_length", U32, 128, NULL},
                                    {"attention.value_length", U32, 128, NULL},
                                    {0}};
    CHECK(good("gemma2", g2).attn_scale == 1.0f / 12.0f);
    CHECK(good("gemma3", g3).attn_scale == 1.0f / sqrtf(168));
}

/* ---- experts ---- */

TEST(keys_of_experts) {
    static const struct key all[] = {{"expert_count", U32, 16, NULL},
                                     {"expert_used_count", U32, 4, NULL},
                                     {"expert_feed_forward_length", U32, 96, NULL},
                                     {"feed_forward_length", GONE, 0, NULL},
                                     {"expert_weights_norm", BOOL, 1, NULL},
                                     {"expert_weights_scale", F32, 1, NULL},
                                     {"expert_gating_func", U32, 1, NULL},
                                     {0}};
    struct hparams h = good("qwen3moe", all);
    CHECK(h.n_expert == 16 && h.n_expert_used == 4 && h.n_ff == 96);
    h = good("llama", moe);
    CHECK(h.n_expert == 8 && h.n_expert_used == 2 && h.n_ff == 512);
    refused("gemma2", moe, ERR_UNSUPPORTED, "gemma2.expert_count");
    static const struct {
        struct key key;
        int err;
    } cases[] = {{{"expert_count", U32, 0, NULL}, ERR_RANGE},
                 {{"expert_count", U32, EXPERTS_MAX + 1, NULL}, ERR_RANGE},
                 {{"expert_count", GONE, 0, NULL}, ERR_NOTFOUND},
                 {{"expert_used_count", U32, 0, NULL}, ERR_RANGE},
                 {{"expert_used_count", U32, 17, NULL}, ERR_RANGE},
                 {{"expert_used_count", GONE, 0, NULL}, ERR_NOTFOUND},
                 {{"expert_used_count", TEXT, 0, "two"}, ERR_FORMAT},
                 {{"expert_feed_forward_length", U32, WIDTH_MAX + 1, NULL}, ERR_RANGE},
                 {{"expert_weights_norm", BOOL, 0, NULL}, ERR_UNSUPPORTED},
                 {{"expert_weights_scale", F32, 2.5, NULL}, ERR_UNSUPPORTED},
                 {{"expert_gating_func", U32, 2, NULL}, ERR_UNSUPPORTED}};
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        struct key own[8];
        memcpy(own, all, sizeof all);
        for (size_t i = 0; own[i].name; i++)
            if (strcmp(own[i].name, cases[c].key.name) == 0) own[i] = cases[c].key;
        refused("qwen3moe", own, cases[c].err, cases[c].key.name);
    }
    static const struct key widthless[] = {
        {"expert_count", U32, 8, NULL}, {"expert_used_count", U32, 2, NULL}, {"feed_forward_length", GONE, 0, NULL}, {0}};
    refused("qwen3moe", widthless, ERR_NOTFOUND, "qwen3moe.feed_forward_length");
    static const struct key shared[] = {
        {"expert_count", U32, 8, NULL}, {"expert_used_count", U32, 2, NULL}, {"expert_shared_count", U32, 1, NULL}, {0}};
    refused("llama", shared, ERR_UNSUPPORTED, "llama.expert_shared_count");
}

/* ---- RoPE ---- */

TEST(rope_scalings) {
    struct key k[6] = {{"rope.scaling.type", TEXT, 0, "linear"}, {"rope.scaling.factor", F32, 4, NULL}, {0}};
    CHECK(good("llama", k).rope.scaling == ROPE_LINEAR && good("gemma3", k).rope.factor == 4);
    k[0].text = "none";
    CHECK_INT(good("llama", k).rope.scaling, ROPE_NONE);
    k[0].kind = GONE; /* a factor alone is linear */
    CHECK_INT(good("llama", k).rope.scaling, ROPE_LINEAR);
    k[1].kind = GONE;
    CHECK_INT(good("llama", k).rope.scaling, ROPE_NONE);
    k[0] = (struct key){"rope.scaling.type", TEXT, 0, "yarn"}, k[1].kind = F32;
    refused("llama", k, ERR_NOTFOUND, "llama.rope.scaling.original_context_length");
    k[2] = (struct key){"rope.scaling.original_context_length", U32, 2048, NULL};
    struct hparams h = good("qwen3", k);
    CHECK(h.rope.scaling == ROPE_YARN && h.rope.n_orig == 2048 && h.rope.factor == 4);
    k[3] = (struct key){"rope.scaling.yarn_log_multiplier", F32, 0.1, NULL};
    refused("llama", k, ERR_UNSUPPORTED, "yarn_log_multiplier");
    k[3].name = NULL, k[2].x = 0;
    refused("llama", k, ERR_RANGE, "llama.rope.scaling.original_context_length");
    k[2].x = 2048, k[0].text = "longrope", k[1].kind = GONE;
    CHECK_INT(good("phi3", k).longrope_orig, 2048);
    k[1].kind = F32;
    refused("phi3", k, ERR_UNSUPPORTED, "phi3.rope.scaling.factor");
    k[0].text = "dynamic";
    refused("llama", k, ERR_UNSUPPORTED, "llama.rope.scaling.type");
    k[0].kind = U32;
    refused("llama", k, ERR_FORMAT, "llama.rope.scaling.type");
    struct key turns[2] = {{"rope.dimension_count", U32, 65, NULL}, {0}};
    refused("phi3", turns, ERR_RANGE, "phi3.rope.dimension_count");
    turns[0].x = 31;
    refused("phi3", turns, ERR_RANGE, "odd");
    turns[0].x = 48;
    CHECK_INT(good("phi3", turns).rope.n_rot, 48);
}

TESTS_MAIN("hparams", T(each_family_reads_the_common_keys), T(each_key_is_checked_in_each_family),
           T(an_unknown_architecture_is_refused_by_name), T(windows_by_layer), T(layers_without_rope), T(scales_and_caps),
           T(the_27b_models_scale_by_the_width_per_head), T(keys_of_experts), T(rope_scalings))
