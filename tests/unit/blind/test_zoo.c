/* blind: a zoo of dishonest workers in either role of mode `pair`: each is caught and named, and an honest one of its role
 * completes the answer, which is the local engine's. */
#include "tests/unit/blind/dishonest.h"

enum { TOKENS = 24, HONEST_BEFORE = 40, LATE_MS = 3000 };
static struct pair_site s;
static struct pair_answer want;
static const char prompt[] = "Tell me a story about a cat.";

/* What each lie is called when it is found out; two are possible where chance decides. */
static const struct zoo {
    const char *name;
    enum lie lie;
    enum blind_fault fault, or ;
    unsigned when; /* answers that are honest before; 0: HONEST_BEFORE, which is after the prompt */
} zoo[] = {
    {"bit flip", LIE_BIT_FLIP, FAULT_PRODUCT, FAULT_RESIDUE, 0},
    {"swapped columns", LIE_SWAP_COLUMNS, FAULT_PRODUCT, FAULT_NONE, 0},
    {"old rows", LIE_OLD_ROWS, FAULT_PRODUCT, FAULT_NONE, 0},
    {"old message", LIE_OLD_MESSAGE, FAULT_PLACE, FAULT_NONE, 0},
    {"zeros", LIE_ZERO, FAULT_PRODUCT, FAULT_NONE, 0},
    {"plus p", LIE_ADD_P, FAULT_RESIDUE, FAULT_NONE, 0},
    {"p", LIE_OVER_P, FAULT_RESIDUE, FAULT_NONE, 0},
    {"lazy rows", LIE_LAZY_ROWS, FAULT_PRODUCT, FAULT_NONE, 0},
    {"another layer", LIE_OTHER_STACK, FAULT_PRODUCT, FAULT_NONE, 0},
    {"cut", LIE_CUT, FAULT_RESIDUE, FAULT_UNREADABLE, 0},
    {"fewer columns", LIE_FEWER_COLUMNS, FAULT_PLACE, FAULT_NONE, 5},
    {"twice", LIE_TWICE, FAULT_PLACE, FAULT_NONE, 0},
    {"silence", LIE_SILENCE, FAULT_LATE, FAULT_NONE, 0},
    {"late", LIE_LATE, FAULT_LATE, FAULT_NONE, 0},
    {"garbage", LIE_GARBAGE, FAULT_UNREADABLE, FAULT_RESIDUE, 0},
    {"error", LIE_ERROR, FAULT_REFUSED, FAULT_NONE, 0},
    {"draining", LIE_DRAINING, FAULT_AWAY, FAULT_NONE, 0},
    {"hangs up", LIE_HANG_UP, FAULT_LINK, FAULT_NONE, 0},
};
enum { ANIMALS = sizeof zoo / sizeof zoo[0] };

static void identity_of(const struct pair_worker *w, uint8_t id[32]) {
    struct blind_link k;
    CHECK_INT(blind_local_link(w->local, &k), 0);
    memcpy(id, k.identity, 32);
    k.ops->close(k.state);
}

static void local_answer(void) {
    const struct gen_sampling greedy = GEN_SAMPLING_GREEDY;
    if (!want.count) CHECK_INT(pair_generate(&s, NULL, prompt, &greedy, TOKENS, &want), 0);
}

/* The liar is first of its list; honest ones stand behind it and in the other role. */
static void one_liar(enum pair_role role, const struct zoo *z, unsigned when) {
    const struct gen_sampling greedy = GEN_SAMPLING_GREEDY;
    struct dishonest d = {.lie = z->lie, .when = when, .stack_count = prepared_manifest(s.prepared)->stack_count};
    struct pair_answer got;
    struct blind_incident i[4];
    uint8_t liar[32];
    struct blind_counts c;
    struct pair_worker *w = pair_site_worker(&s, role);
    w->wrap = dishonest_wrap;
    w->arg = &d;
    identity_of(w, liar);
    (void)pair_site_worker(&s, role);
    (void)pair_site_worker(&s, role == PAIR_A ? PAIR_B : PAIR_A);
    s.how.answer_ms = z->fault == FAULT_LATE ? LATE_MS : 0;
    pair_site_start(&s);
    CHECK_INT(pair_generate(&s, s.pair, prompt, &greedy, TOKENS, &got), 0);
    printf("# %s, %c: told %u times\n", z->name, role == PAIR_A ? 'A' : 'B', d.lied);
    CHECK(d.lied > 0);
    pair_same_answer(&want, &got);
    size_t n = roster_incidents(pair_roster(s.pair), 0, i, 4);
    CHECK(n >= 1);
    for (size_t k = 0; k < n; k++) {
        CHECK(i[k].fault == z->fault || (z->or &&i[k].fault == z->or));
        CHECK_INT(i[k].role, role);
        CHECK_MEM(i[k].identity, liar, 32);
    }
    if (fault_accuses(z->fault) || z->fault == FAULT_LATE) CHECK_INT(n, 1); /* never asked again; or not while it rests */
    pair_count(s.pair, &c);
    CHECK_INT(c.served[role], 1);
    if (fault_accuses(z->fault) || z->fault == FAULT_LATE) CHECK(memcmp(c.serving[role][0], liar, 32) != 0);
    pair_site_stop(&s);
}

static void all_liars(enum pair_role role) {
    pair_site_open(&s);
    local_answer();
    for (unsigned i = 0; i < ANIMALS; i++) one_liar(role, &zoo[i], zoo[i].when ? zoo[i].when : HONEST_BEFORE);
    pair_site_close(&s);
}

/* Two products to a round: the liar is honest in the first of them. Those that only let time pass are left to the others. */
TEST(every_dishonest_a_of_folded_rounds_is_named_and_replaced) {
    const struct gen_sampling greedy = GEN_SAMPLING_GREEDY;
    struct pair_answer unfolded = want;
    pair_site_open_as(&s, ARITH_ROW8_FOLD);
    CHECK_INT(pair_generate(&s, NULL, prompt, &greedy, TOKENS, &want), 0);
    for (unsigned i = 0; i < ANIMALS; i++)
        if (zoo[i].fault != FAULT_LATE) one_liar(PAIR_A, &zoo[i], (zoo[i].when ? zoo[i].when : HONEST_BEFORE) + i % 2);
    pair_site_close(&s);
    want = unfolded;
}

TEST(every_dishonest_a_is_named_and_replaced) { all_liars(PAIR_A); }
TEST(every_dishonest_b_is_named_and_replaced) { all_liars(PAIR_B); }

/* The roles take turns at lying: one worker of each kind, all of them before the honest ones. */
TEST(a_whole_zoo_in_both_roles_is_worked_through) {
    const struct gen_sampling greedy = GEN_SAMPLING_GREEDY;
    static struct dishonest d[2][ANIMALS];
    struct pair_answer got;
    unsigned liars = 0, accused = 0;
    pair_site_open(&s);
    local_answer();
    for (unsigned r = 0; r < 2; r++)
        for (unsigned i = 0; i < ANIMALS; i++) {
            if (!fault_accuses(zoo[i].fault)) continue;
            d[r][i] = (struct dishonest){
                .lie = zoo[i].lie, .when = 3 + i, .stack_count = prepared_manifest(s.prepared)->stack_count};
            struct pair_worker *w = pair_site_worker(&s, (enum pair_role)r);
            w->wrap = dishonest_wrap;
            w->arg = &d[r][i];
            liars++;
        }
    (void)pair_site_worker(&s, PAIR_A);
    (void)pair_site_worker(&s, PAIR_B);
    s.how.answer_ms = 0;
    pair_site_start(&s);
    CHECK_INT(pair_generate(&s, s.pair, prompt, &greedy, TOKENS, &got), 0);
    pair_same_answer(&want, &got);
    for (unsigned r = 0; r < 2; r++)
        for (unsigned i = 0; i < ANIMALS; i++) accused += d[r][i].lied > 0;
    printf("# %u liars, %u got to lie, %zu incidents\n", liars, accused, roster_incident_count(pair_roster(s.pair)));
    CHECK_INT(roster_incident_count(pair_roster(s.pair)), accused);
    pair_site_close(&s);
}

/* Nobody honest is left: the product fails, says so, and nothing wrong was used. Once there is somebody, the same step goes
 * on. */
TEST(without_an_honest_worker_the_answer_stops_and_can_go_on_later) {
    const struct gen_sampling greedy = GEN_SAMPLING_GREEDY;
    struct pair_answer got;
    struct why why = {{0}};
    for (int role = 0; role < 2; role++) {
        struct dishonest d = {.lie = LIE_ZERO, .when = 30};
        pair_site_open(&s);
        local_answer();
        s.how.answer_ms = 0;
        struct pair_worker *w = pair_site_worker(&s, (enum pair_role)role);
        w->wrap = dishonest_wrap;
        w->arg = &d;
        (void)pair_site_worker(&s, role == PAIR_A ? PAIR_B : PAIR_A);
        pair_site_start(&s);
        CHECK_INT(pair_generate(&s, s.pair, prompt, &greedy, TOKENS, &got), ERR_LOST);
        CHECK(got.count < want.count);
        CHECK_MEM(got.ids, want.ids, got.count * sizeof got.ids[0]);
        pair_why(s.pair, &why);
        CHECK(strstr(why.text, role == 0 ? "for A" : "for B") != NULL);
        CHECK(strstr(why.text, "wrong product") != NULL);
        (void)pair_site_worker(&s, (enum pair_role)role);
        CHECK_INT(pair_generate(&s, s.pair, prompt, &greedy, TOKENS, &got), 0);
        pair_same_answer(&want, &got);
        pair_site_close(&s);
    }
}

TESTS_MAIN("zoo", T(every_dishonest_a_is_named_and_replaced), T(every_dishonest_b_is_named_and_replaced),
           T(every_dishonest_a_of_folded_rounds_is_named_and_replaced), T(a_whole_zoo_in_both_roles_is_worked_through),
           T(without_an_honest_worker_the_answer_stops_and_can_go_on_later))
