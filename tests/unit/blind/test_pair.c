/* blind: mode `pair` on the shipped model: its answers are the local engine's, bit for bit, and what is sent follows from
 * counts alone. */
#include "tests/unit/blind/pair_scene.h"

static struct pair_site s;

static const char *const prompts[] = {"Please calculate 24 + 22.",
                                      "What's 29-22?",
                                      "Tell me a story about a cat.",
                                      "Hi!",
                                      "What is your name?",
                                      "33 minus 39?",
                                      "Spell the word house backwards.",
                                      "Tell me what 7 plus 86 is.",
                                      "Tell a short story with a dog and a boat.",
                                      "How are you today?"};

static void check_answers(enum model_arith arith) {
    const struct gen_sampling greedy = GEN_SAMPLING_GREEDY;
    struct pair_answer want, got;
    struct blind_counts n;
    pair_site_open_as(&s, arith);
    (void)pair_site_worker(&s, PAIR_A);
    (void)pair_site_worker(&s, PAIR_B);
    pair_site_start(&s);
    for (unsigned i = 0; i < 20; i++) {
        struct gen_sampling how = greedy;
        if (i % 2) how.temperature = 0.9f, how.top_p = 0.95f, how.seed = i;
        CHECK_INT(pair_generate(&s, NULL, prompts[i / 2], &how, 24, &want), 0);
        CHECK_INT(pair_generate(&s, s.pair, prompts[i / 2], &how, 24, &got), 0);
        pair_same_answer(&want, &got);
    }
    pair_count(s.pair, &n);
    printf("# %llu products, %llu up, %llu down, %llu us for B, %llu us for A\n", (unsigned long long)n.products,
           (unsigned long long)(n.up[PAIR_A] + n.up[PAIR_B]), (unsigned long long)(n.down[PAIR_A] + n.down[PAIR_B]),
           (unsigned long long)n.wait_mask_ns / 1000, (unsigned long long)n.wait_data_ns / 1000);
    CHECK(n.products > 0);
    CHECK_INT(n.sessions, 1);
    CHECK_INT(roster_incident_count(pair_roster(s.pair)), 0);
    pair_site_close(&s);
}

TEST(twenty_answers_equal_the_local_engines) { check_answers(ARITH_ROW8); }
TEST(twenty_folded_answers_equal_the_local_folded_engines) { check_answers(ARITH_ROW8_FOLD); }

TESTS_MAIN("pair", T(twenty_answers_equal_the_local_engines), T(twenty_folded_answers_equal_the_local_folded_engines))
