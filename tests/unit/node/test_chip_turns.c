/* How often strangers may keep the TPM busy: so many times in a while, and for a fifth of the time at most. */
#include "node/chip_turns.h"
#include "tests/check.h"

TEST(so_many_turns_are_taken_in_a_while_and_no_more) {
    struct chip_turns t = {.rest_until_ms = 0};
    for (uint64_t i = 0; i < CHIP_BURST; i++) CHECK(chip_turns_take(&t, 1000 + i));
    CHECK(!chip_turns_take(&t, 1500));
    CHECK(!chip_turns_take(&t, 999 + CHIP_SPAN_MS));
    CHECK(chip_turns_take(&t, 1000 + CHIP_SPAN_MS));
    CHECK(!chip_turns_take(&t, 1000 + CHIP_SPAN_MS));
}

/* However slow it is, four fifths of its time are the requests'. */
TEST(a_slow_chip_rests_four_times_as_long_as_it_was_busy) {
    struct chip_turns t = {.rest_until_ms = 0};
    uint64_t busy = 0, now = 1000, end = 601000;
    for (; now < end; now += 100) {
        if (!chip_turns_take(&t, now)) continue;
        chip_turns_done(&t, now, now + 900);
        busy += 900;
        now += 900;
    }
    CHECK(busy > (end - 1000) / 6 && busy <= (end - 1000) / 5 + 900);
}

TEST(a_quick_chip_is_held_up_by_nothing_but_the_number) {
    struct chip_turns t = {.rest_until_ms = 0};
    for (uint64_t i = 0; i < CHIP_BURST; i++) {
        CHECK(chip_turns_take(&t, 1000 + 200 * i));
        chip_turns_done(&t, 1000 + 200 * i, 1030 + 200 * i);
    }
}

TESTS_MAIN("chip_turns", T(so_many_turns_are_taken_in_a_while_and_no_more),
           T(a_slow_chip_rests_four_times_as_long_as_it_was_busy), T(a_quick_chip_is_held_up_by_nothing_but_the_number))
