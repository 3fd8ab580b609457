/* Which of a network's models a user means, and how they are listed. */
#include "cli/served_models.h"
#include "tests/check.h"

static const char *meant(const char *const *list, const char *asked) {
    static char out[64];
    json_t *names = json_array();
    for (; *list; list++) json_array_append_new(names, json_string(*list));
    const char *m = served_model_meant(names, asked);
    snprintf(out, sizeof out, "%s", m ? m : "");
    json_decref(names);
    return out;
}
#define LIST(...) \
    (const char *const[]) { __VA_ARGS__, NULL }

TEST(a_name_stands_for_itself_or_the_only_one_before_its_colon) {
    CHECK_STR(meant(LIST("a:q4", "a:q8", "b:q8"), "a:q8"), "a:q8");
    CHECK_STR(meant(LIST("a:q4", "a:q8", "b:q8"), "b"), "b:q8");
    CHECK_STR(meant(LIST("a:q4", "a:q8", "b:q8"), "a"), "");
    CHECK_STR(meant(LIST("ab:q8"), "a"), "");
    CHECK_STR(meant(LIST("a:q8"), "a:q4"), "");
}

TEST(without_a_name_the_only_one_is_meant) {
    CHECK_STR(meant(LIST("a:q8"), NULL), "a:q8");
    CHECK_STR(meant(LIST("a:q8", "b:q8"), NULL), "");
    CHECK_STR(meant(LIST(NULL), NULL), "");
}

TEST(long_lists_are_cut_and_counted) {
    char text[1024], small[16];
    json_t *names = json_array();
    for (int i = 0; i < 10; i++) json_array_append_new(names, json_sprintf("m%d:q8", i));
    served_models_text(names, text, sizeof text);
    CHECK_STR(text, "m0:q8, m1:q8, m2:q8, m3:q8, m4:q8, m5:q8, m6:q8, m7:q8 and 2 more");
    served_models_text(names, small, sizeof small);
    CHECK_STR(small, "m0:q8, m1:q8, m");
    json_array_clear(names);
    served_models_text(names, text, sizeof text);
    CHECK_STR(text, "nothing now");
    json_decref(names);
}

TESTS_MAIN("served_models", T(a_name_stands_for_itself_or_the_only_one_before_its_colon), T(without_a_name_the_only_one_is_meant),
           T(long_lists_are_cut_and_counted))
