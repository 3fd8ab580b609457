/* A roster that lives as long as a gateway: what went wrong last is what it can name. */
#include "blind/roster.h"
#include "tests/check.h"

static int nobody(void *state, enum pair_role role, uint32_t place, struct blind_link *out) {
    (void)state, (void)role, (void)place, (void)out;
    return ERR_NOTFOUND;
}

TEST(after_any_number_of_lost_connections_the_next_liar_is_named) {
    const struct blind_source source = {nobody, NULL};
    static const struct operators policy;
    struct conversation lost = {.link.identity = {1}}, liar = {.link.identity = {2}};
    struct blind_incident i[2];
    struct roster *r;
    struct why why = {{0}};
    CHECK_INT(roster_new(&r, &source, &policy), 0);
    for (int k = 0; k < 3 * ROSTER_INCIDENTS_MAX; k++) roster_report(r, PAIR_A, &lost, FAULT_LINK, 0, UINT32_MAX);
    roster_report(r, PAIR_A, &liar, FAULT_PRODUCT, 0, 7);
    size_t all = roster_incident_count(r);
    CHECK_INT(all, 3 * ROSTER_INCIDENTS_MAX + 1);
    CHECK_INT(roster_incidents(r, all - 1, i, 2), 1);
    CHECK_INT(i[0].fault, FAULT_PRODUCT);
    CHECK_INT(i[0].identity[0], 2);
    CHECK_INT(i[0].stack, 7);
    CHECK_INT(roster_incidents(r, all, i, 2), 0);
    CHECK_INT(roster_incidents(r, 0, i, 1), 1); /* the oldest one kept */
    CHECK_INT(i[0].fault, FAULT_LINK);
    struct conversation c = {.open = 0};
    static const struct conversation_opts hello;
    struct roster_want want = {.role = PAIR_A, .hello = &hello};
    CHECK_INT(roster_connect(r, &want, &c, &why), ERR_LOST);
    CHECK(strstr(why.text, "a wrong product") != NULL);
    roster_free(r);
}

TESTS_MAIN("roster", T(after_any_number_of_lost_connections_the_next_liar_is_named))
