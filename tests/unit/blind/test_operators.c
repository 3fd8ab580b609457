/* blind: who may be worker A, and who worker B. */
#include "blind/operators.h"
#include "tests/check.h"

static const char op_a[] = "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a", op_b[] = "0B0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b";

static void id(uint8_t out[32], int c) { memset(out, c, 32); }

static void two_lists(struct operators *o) {
    *o = (struct operators){0};
    CHECK(!operators_ready(o));
    CHECK_INT(operators_list(o, PAIR_A, op_a, NULL), 0);
    CHECK(!operators_ready(o));
    CHECK_INT(operators_list(o, PAIR_B, op_b, NULL), 0);
    CHECK(operators_ready(o));
}

static int admit(struct operators *o, enum pair_role role, int identity, int operator_byte, struct why *why) {
    uint8_t who[32], op[32];
    id(who, identity);
    id(op, operator_byte);
    return operators_admit(o, role, who, op, why);
}

TEST(one_operator_is_never_listed_for_both_roles) {
    struct operators o;
    struct why why = {""};
    two_lists(&o);
    CHECK_INT(operators_list(&o, PAIR_B, op_a, &why), ERR_PERM);
    CHECK(strstr(why.text, "both"));
    CHECK_INT(operators_list(&o, PAIR_A, "0b0B0b0b0b0b0b0b0b0b0b0b0b0b0b0b", NULL), ERR_PERM); /* however it is written */
    CHECK_INT(operators_list(&o, PAIR_A, op_a, NULL), 0);
    CHECK_INT(o.role[PAIR_A].allowed_count, 1);
}

TEST(what_is_no_operator_is_refused) {
    struct operators o = {0};
    static const char *const bad[] = {"", "0a", "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0", "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a",
                                      "zz0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) CHECK_INT(operators_list(&o, PAIR_A, bad[i], NULL), ERR_FORMAT);
    CHECK_INT(o.role[PAIR_A].allowed_count, 0);
}

TEST(only_workers_of_listed_operators_are_admitted) {
    struct operators o;
    two_lists(&o);
    CHECK_INT(admit(&o, PAIR_A, 1, 0x0a, NULL), 0);
    CHECK_INT(admit(&o, PAIR_B, 2, 0x0b, NULL), 0);
    CHECK_INT(admit(&o, PAIR_A, 3, 0x0c, NULL), ERR_PERM);
    CHECK_INT(admit(&o, PAIR_A, 3, 0x0b, NULL), ERR_PERM);
    CHECK_INT(admit(&o, PAIR_B, 3, 0x0a, NULL), ERR_PERM);
    CHECK_INT(o.worker_count, 2);
}

TEST(a_worker_never_serves_the_other_role_even_under_another_operator) {
    struct operators o;
    struct why why = {""};
    two_lists(&o);
    CHECK_INT(admit(&o, PAIR_A, 1, 0x0a, NULL), 0);
    CHECK_INT(admit(&o, PAIR_A, 1, 0x0a, NULL), 0);
    CHECK_INT(o.worker_count, 1);
    CHECK_INT(admit(&o, PAIR_B, 1, 0x0b, &why), ERR_PERM); /* b signed for it since */
    CHECK(strstr(why.text, "worker has served A"));
    CHECK_INT(admit(&o, PAIR_B, 2, 0x0b, NULL), 0);
    CHECK_INT(admit(&o, PAIR_A, 2, 0x0a, NULL), ERR_PERM);
}

TEST(an_operator_that_served_a_role_stays_out_of_the_other_when_the_lists_change) {
    struct operators o;
    struct why why = {""};
    two_lists(&o);
    CHECK_INT(admit(&o, PAIR_A, 1, 0x0a, NULL), 0);
    o.role[PAIR_A].allowed_count = o.role[PAIR_B].allowed_count = 0; /* the user's configuration was read anew */
    CHECK_INT(operators_list(&o, PAIR_B, op_a, NULL), 0);
    CHECK_INT(admit(&o, PAIR_B, 7, 0x0a, &why), ERR_PERM);
    CHECK(strstr(why.text, "operator has served A"));
}

TEST(lists_and_workers_are_bounded) {
    struct operators o = {0};
    char text[33];
    for (int i = 0; i <= OPERATORS_MAX; i++) {
        snprintf(text, sizeof text, "%032d", i);
        CHECK_INT(operators_list(&o, PAIR_A, text, NULL), i < OPERATORS_MAX ? 0 : ERR_LIMIT);
    }
    two_lists(&o);
    for (int i = 0; i <= OPERATORS_WORKERS_MAX; i++) {
        uint8_t who[32] = {0}, op[32];
        who[0] = (uint8_t)i;
        who[1] = (uint8_t)(i >> 8);
        id(op, 0x0a);
        CHECK_INT(operators_admit(&o, PAIR_A, who, op, NULL), i < OPERATORS_WORKERS_MAX ? 0 : ERR_LIMIT);
    }
}

TESTS_MAIN("operators", T(one_operator_is_never_listed_for_both_roles), T(what_is_no_operator_is_refused),
           T(only_workers_of_listed_operators_are_admitted), T(a_worker_never_serves_the_other_role_even_under_another_operator),
           T(an_operator_that_served_a_role_stays_out_of_the_other_when_the_lists_change), T(lists_and_workers_are_bounded))
