/* blind: how many columns go out for a pass: by the padded length of the prompt and the number of passes alone. */
#include "blind/pass.h"
#include "tests/check.h"

enum { STACKS = 9, HEAD = STACKS - 1 };

static uint32_t sent(struct pass *p, uint32_t stack, uint32_t count) {
    pass_begin(p, stack, count);
    return pass_padded(p, stack, count);
}

TEST(every_chunk_of_a_prompt_is_filled_up_and_what_follows_is_not) {
    struct pass p = {.decode_columns = 1, .stack_count = STACKS};
    pass_prompt(&p, 65);
    CHECK_INT(sent(&p, 0, 64), 64);
    CHECK_INT(sent(&p, 5, 64), 64);
    CHECK_INT(sent(&p, 0, 1), 64); /* the prompt's last column is no token of the answer */
    CHECK_INT(sent(&p, 5, 1), 64);
    CHECK_INT(sent(&p, HEAD, 1), 1);
    CHECK_INT(sent(&p, 0, 1), 1);
    CHECK_INT(sent(&p, 5, 1), 1);
    CHECK_INT(sent(&p, HEAD, 1), 1);
}

TEST(a_pass_that_failed_counts_its_columns_again) {
    struct pass p = {.decode_columns = 1, .stack_count = STACKS};
    pass_prompt(&p, 65);
    (void)sent(&p, 0, 64);
    pass_failed(&p);
    CHECK_INT(p.prompt_left, 65);
    (void)sent(&p, 0, 64);
    CHECK_INT(sent(&p, 0, 1), 64);
    CHECK_INT(p.prompt_left, 0);
}

TEST(passes_of_several_columns_are_filled_up_to_their_number) {
    struct pass p = {.decode_columns = 4, .stack_count = STACKS};
    for (uint32_t n = 1; n <= 4; n++) CHECK_INT(sent(&p, 0, n), 4);
    CHECK_INT(sent(&p, 0, 5), 64); /* more than a pass has is taken for a prompt */
    CHECK_INT(sent(&p, 0, 65), 128);
    CHECK_INT(sent(&p, HEAD, 65), 128);
}

TESTS_MAIN("pair_pass", T(every_chunk_of_a_prompt_is_filled_up_and_what_follows_is_not),
           T(a_pass_that_failed_counts_its_columns_again), T(passes_of_several_columns_are_filled_up_to_their_number))
