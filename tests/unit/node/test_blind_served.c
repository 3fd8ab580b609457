/* node: models that are computed blindly: the shipped one whole and in part, and what is refused. */
#include <stdlib.h>
#include <unistd.h>

#include "blind/prepare_model.h"
#include "math/weight.h"
#include "model/linear.h"
#include "model/make.h"
#include "model/model.h"
#include "node/blind_served.h"
#include "tests/check.h"

static const char shipped[] = "models/lull-toy-q8_0.gguf";
static struct data_dir dir = {.lock_fd = -1};

static int folded;
static int open_with(struct blind_served *s, const char *spec, const char *layers, struct why *why) {
    struct blind_served_opts o = {.threads = 1, .sessions = 2, .folded = folded, .layers = layers};
    *why = (struct why){{0}};
    return blind_served_open(s, spec, &o, &dir, why);
}

static void check_stacks(void) {
    struct blind_served s;
    struct why why;
    struct model *m;
    struct model_opts mo = {.threads = 1, .arith = folded ? ARITH_ROW8_FOLD : ARITH_ROW8, .stacks = STACKS_PACKED};
    struct prepare_model_opts po = {.name = "lull-toy:q8_0"};
    struct blind_manifest manifest;
    uint8_t digest[32];
    if (access(shipped, R_OK) != 0) SKIP("models/lull-toy-q8_0.gguf is not here");
    CHECK_INT(open_with(&s, shipped, NULL, &why), 0);
    CHECK_STR(s.entry.name, "lull-toy:q8_0");
    CHECK_STR(s.entry.at, "");
    CHECK_INT(model_open(&m, shipped, &mo, &why), 0);
    CHECK_INT(prepare_model_manifest(&manifest, m, &po, dir.path, &why), 0);
    CHECK_INT(blind_manifest_digest(&manifest, digest), 0);
    CHECK_MEM(s.entry.manifest_hash, digest, 32);
    CHECK_INT(s.stack_count, model_linear_count(m));
    for (uint32_t i = 0; i < s.stack_count; i++) {
        const struct row8 *want = model_linear_weights(m, i);
        CHECK_INT(s.stacks[i].rows, want->rows);
        CHECK_INT(s.stacks[i].cols, want->cols);
        CHECK_MEM(s.stacks[i].data, want->data, row8_bytes(want));
    }
    blind_manifest_release(&manifest);
    model_close(m);
    blind_served_close(&s);
}

TEST(the_stacks_are_the_models_and_the_digest_is_the_manifests) { check_stacks(); }
TEST(the_same_of_folded_layers) {
    folded = 1;
    check_stacks();
    folded = 0;
}

/* Rows of stacks that are not held come from the file, and are the same. */
TEST(the_digest_is_the_same_whatever_is_held) {
    struct blind_served whole, part;
    struct why why;
    if (access(shipped, R_OK) != 0) SKIP("models/lull-toy-q8_0.gguf is not here");
    for (folded = 0; folded < 2; folded++) {
        CHECK_INT(open_with(&whole, shipped, NULL, &why), 0);
        CHECK_INT(open_with(&part, shipped, "2-3", &why), 0);
        CHECK_MEM(whole.entry.manifest_hash, part.entry.manifest_hash, 32);
        blind_served_close(&part);
        blind_served_close(&whole);
    }
    folded = 0;
}

TEST(some_layers_alone_are_held_and_the_last_brings_the_output_matrix) {
    struct blind_served s;
    struct why why;
    uint32_t count = 0;
    if (access(shipped, R_OK) != 0) SKIP("models/lull-toy-q8_0.gguf is not here");
    CHECK_INT(open_with(&s, "models/lull-toy-q8_0.gguf=part:of-it", "1-2", &why), 0);
    CHECK_STR(s.entry.name, "part:of-it");
    for (uint32_t i = 0; i < s.stack_count; i++) CHECK_INT(s.stacks[i].data != NULL, i >= 4 && i < 12);
    count = s.stack_count;
    blind_served_close(&s);
    char last[16];
    snprintf(last, sizeof last, "%u-%u", count / 4 - 1, count / 4 - 1);
    CHECK_INT(open_with(&s, shipped, last, &why), 0);
    for (uint32_t i = 0; i < s.stack_count; i++) CHECK_INT(s.stacks[i].data != NULL, i >= count - 5);
    blind_served_close(&s);
}

TEST(layers_that_are_none_are_refused) {
    static const char *const bad[] = {"", "1", "2-1", "0-", "-1", "a-b", "0-1x", "0-1000000", "0-99"};
    struct blind_served s;
    struct why why;
    if (access(shipped, R_OK) != 0) SKIP("models/lull-toy-q8_0.gguf is not here");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_INT(open_with(&s, shipped, bad[i], &why), ERR_USAGE);
        CHECK(strstr(why.text, "--blind-layers") != NULL);
    }
}

TEST(a_mixture_of_experts_is_refused_with_the_reason) {
    struct blind_served s;
    struct why why = {{0}};
    char path[600];
    snprintf(path, sizeof path, "%s/moe.gguf", dir.path);
    CHECK_INT(make_model("tiny-mixtral", weight_type_of(WEIGHT_Q8_0), 1, path, NULL, &why), 0);
    CHECK_INT(open_with(&s, path, NULL, &why), ERR_UNSUPPORTED);
    CHECK(strstr(why.text, "expert") != NULL);
    unlink(path);
}

TEST(no_file_and_no_name_are_refused) {
    struct blind_served s;
    struct why why;
    CHECK(open_with(&s, "/nonexistent.gguf", NULL, &why) < 0);
    CHECK(strstr(why.text, "nonexistent") != NULL);
    if (access(shipped, R_OK) != 0) SKIP("models/lull-toy-q8_0.gguf is not here");
    CHECK_INT(open_with(&s, "models/lull-toy-q8_0.gguf=No Name", NULL, &why), ERR_USAGE);
}

int main(void) {
    const struct CMUnitTest all[] = {T(the_stacks_are_the_models_and_the_digest_is_the_manifests),
                                     T(the_same_of_folded_layers),
                                     T(the_digest_is_the_same_whatever_is_held),
                                     T(some_layers_alone_are_held_and_the_last_brings_the_output_matrix),
                                     T(layers_that_are_none_are_refused),
                                     T(a_mixture_of_experts_is_refused_with_the_reason),
                                     T(no_file_and_no_name_are_refused)};
    if (secret_setup() != 0) return 99;
    snprintf(dir.path, sizeof dir.path, "/tmp/lull-blind-XXXXXX");
    if (!mkdtemp(dir.path)) return 99;
    cmocka_set_message_output(CM_OUTPUT_TAP);
    int r = cmocka_run_group_tests_name("blind_served", all, NULL, NULL) != 0;
    return rmdir(dir.path) != 0 || r;
}
