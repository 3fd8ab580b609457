/* What a name that an app wrote stands for, and what it is told when it stands for nothing. */
#include "gateway/gw_models.h"
#include "tests/check.h"

static struct gateway g;

/* One node that serves these names, each its own file. */
static void serve(const char *const *names) {
    gw_dir_release(&g.dir);
    memset(&g, 0, sizeof g);
    CHECK_INT(gw_dir_init(&g.dir), 0);
    struct gw_node *n = &g.dir.nodes[0];
    g.dir.count = 1;
    g.dir.fresh = 1;
    for (int k = 0; names[k]; k++, n->record.model_count++) {
        snprintf(n->record.models[k].name, sizeof n->record.models[k].name, "%s", names[k]);
        memset(n->model_hash[k], k + 1, 32);
    }
}
#define SERVE(...) serve((const char *const[]){__VA_ARGS__, NULL})

static const char *resolved(const char *name) {
    static char full[API_MODEL_CAP];
    snprintf(full, sizeof full, "%s", name);
    return gw_models_resolve(&g, full) == 0 ? full : "";
}

TEST(latest_is_the_only_model_of_that_name) {
    SERVE("toy:q8_0", "two:q4_0", "two:q8_0", "toys:f16");
    CHECK_STR(resolved("toy:latest"), "toy:q8_0");
    CHECK_STR(resolved("toy:q8_0"), "toy:q8_0");
    CHECK_STR(resolved("two:latest"), "");
    CHECK_STR(resolved("toy:q4_0"), "");
    CHECK_STR(resolved("to:latest"), "");
    SERVE("toy:latest", "toy:q8_0");
    CHECK_STR(resolved("toy:latest"), "toy:latest");
}

TEST(a_missing_model_is_told_with_those_there_are) {
    struct api_error e;
    SERVE("b:q8_0", "a:q8_0");
    gw_models_missing(&g, "c", &e);
    CHECK_INT(e.code, API_NO_MODEL);
    CHECK_STR(e.message, "model 'c' not found; this network serves: a:q8_0, b:q8_0");
    SERVE(NULL);
    gw_models_missing(&g, "", &e);
    CHECK_STR(e.message, "model not found; this network serves no model now");
}

TEST(a_long_list_is_cut_at_whole_names) {
    struct api_error e;
    char asked[API_MODEL_CAP], longest[8][MODEL_NAME_BYTES + 8];
    memset(asked, 'x', sizeof asked - 1);
    asked[sizeof asked - 1] = 0;
    for (int i = 0; i < 8; i++) snprintf(longest[i], sizeof longest[i], "%d%061d:%062d", i, 0, 0);
    SERVE(longest[0], longest[1], longest[2], longest[3], longest[4], longest[5], longest[6]);
    gw_models_missing(&g, asked, &e);
    CHECK(strlen(e.message) < sizeof e.message - 1);
    CHECK(strstr(e.message, " and 6 more") != NULL);
    gw_dir_release(&g.dir);
}

TESTS_MAIN("gw_models", T(latest_is_the_only_model_of_that_name), T(a_missing_model_is_told_with_those_there_are),
           T(a_long_list_is_cut_at_whole_names))
