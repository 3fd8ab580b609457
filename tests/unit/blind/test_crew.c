/* blind: workers that hold parts of the model and serve a role together. */
#include "blind/pair_parts.h"
#include "tests/unit/blind/pair_scene.h"
#include "tests/unit/blind/send_log.h"

static struct pair_site s;
static const char prompt[] = "How are you today?";
enum { TOKENS = 12, PARTS_MAX = 32 };

/* A pool serves one worker at a time, and here several work at once. */
static struct pool *pools[PARTS_MAX];
static struct row8 *parts[PARTS_MAX];
static uint32_t made;

static uint32_t stack_count(void) { return model_linear_count(s.weights); }

/* The stacks that `holds` says, of all that there are. */
static struct pair_worker *part(enum pair_role role, int (*holds)(uint32_t stack)) {
    struct blind_worker_opts whole = s.opts[role];
    struct why why = {{0}};
    uint32_t n = stack_count();
    CHECK(made < PARTS_MAX);
    CHECK_INT(pool_new(&pools[made], 1, &why), 0);
    parts[made] = malloc(n * sizeof **parts);
    CHECK(parts[made] != NULL);
    memcpy(parts[made], s.stacks, n * sizeof **parts);
    for (uint32_t i = 0; i < n; i++)
        if (!holds(i)) parts[made][i].data = NULL;
    s.opts[role].pool = pools[made];
    s.opts[role].stacks = parts[made];
    made++;
    struct pair_worker *w = pair_site_worker(&s, role);
    s.opts[role] = whole;
    return w;
}
static void stop(void) {
    pair_site_stop(&s);
    while (made > 0) {
        pool_free(pools[--made]);
        free(parts[made]);
    }
}

enum { SPLIT = 9 }; /* in the middle of a round of folded layers */
static int first_part(uint32_t i) { return i < SPLIT; }
static int second_part(uint32_t i) { return i >= SPLIT; }
static int middle(uint32_t i) { return i >= 6 && i < 16; }
static int all_of_it(uint32_t i) { return i < UINT32_MAX; }
static uint32_t only;
static int crumb(uint32_t i) { return i == only; }
/* As much as joins, and beyond that every second one. */
static uint32_t least(void) { return (stack_count() + CREW_MAX - 1) / CREW_MAX; }
static int comb(uint32_t i) { return i < least() || i % 2 == 0; }

static struct blind_counts counts(void) {
    struct blind_counts n;
    pair_count(s.pair, &n);
    return n;
}
static void check_answers(void) {
    const struct gen_sampling greedy = GEN_SAMPLING_GREEDY;
    struct pair_answer want, got;
    CHECK_INT(pair_generate(&s, NULL, prompt, &greedy, TOKENS, &want), 0);
    CHECK_INT(pair_generate(&s, s.pair, prompt, &greedy, TOKENS, &got), 0);
    pair_same_answer(&want, &got);
    struct blind_counts n = counts();
    CHECK(n.products >= n.verified && n.verified > 0);
}
static struct blind_incident incident(size_t i) {
    struct blind_incident out = {.fault = FAULT_NONE};
    CHECK_INT(roster_incidents(pair_roster(s.pair), i, &out, 1), 1);
    return out;
}
static uint64_t columns_of(const struct pair_worker *w) {
    struct blind_worker_counts c;
    blind_local_counts(w->local, &c);
    return c.columns;
}
static void start(void) {
    s.how.answer_ms = 5000;
    pair_site_start(&s);
}

TEST(parts_that_make_up_the_model_answer_as_one) {
    static const enum model_arith arith[] = {ARITH_ROW8, ARITH_ROW8_FOLD};
    for (size_t i = 0; i < 2; i++) {
        pair_site_open_as(&s, arith[i]);
        for (int role = 0; role < PAIR_ROLES; role++) {
            (void)part((enum pair_role)role, second_part);
            (void)part((enum pair_role)role, first_part);
        }
        start();
        check_answers();
        CHECK_INT(roster_incident_count(pair_roster(s.pair)), 0);
        for (int role = 0; role < PAIR_ROLES; role++) CHECK_INT(counts().served[role], 2);
        for (uint32_t k = 0; k < s.workers; k++) {
            CHECK(columns_of(&s.worker[k]) > 0);
            CHECK(s.worker[k].links <= 2); /* of the second part it was learnt once that it does not begin the model */
        }
        CHECK_INT(counts().sessions, 1);
        stop();
        pair_site_close(&s);
    }
}

TEST(parts_that_overlap_serve_too_and_who_has_the_whole_needs_nobody) {
    pair_site_open(&s);
    (void)part(PAIR_A, middle);
    (void)part(PAIR_A, second_part);
    (void)part(PAIR_A, first_part);
    (void)part(PAIR_B, all_of_it);
    (void)part(PAIR_B, first_part);
    start();
    check_answers();
    CHECK_INT(roster_incident_count(pair_roster(s.pair)), 0);
    CHECK(counts().served[PAIR_A] >= 2);
    CHECK_INT(counts().served[PAIR_B], 1);
    CHECK_INT(s.worker[4].links, 0);
    stop();
    pair_site_close(&s);
}

/* What a part may still be asked for is held against what it holds. */
TEST(a_part_is_paid_by_its_own_products) {
    pair_site_open(&s);
    s.opts[PAIR_A].columns_quota = SPLIT;
    (void)part(PAIR_A, first_part);
    s.opts[PAIR_A].columns_quota = 0;
    (void)part(PAIR_A, second_part);
    (void)part(PAIR_B, all_of_it);
    start();
    int32_t x[512] = {1}, *y = calloc(8192, sizeof *y);
    CHECK(y != NULL && s.weights && model_linear(s.weights, 0).cols <= 512 && model_linear(s.weights, 0).rows <= 8192);
    CHECK_INT(pair_ops.product(s.pair, 0, 1, x, y), 0);
    CHECK_INT(counts().served[PAIR_A], 2);
    CHECK_INT(roster_incident_count(pair_roster(s.pair)), 0);
    free(y);
    stop();
    pair_site_close(&s);
}

TEST(what_nobody_holds_is_said_and_nothing_is_sent) {
    struct why why = {{0}};
    int32_t x[512] = {1}, *y = calloc(8192, sizeof *y);
    CHECK(y != NULL);
    pair_site_open(&s);
    struct pair_worker *a = part(PAIR_A, first_part);
    (void)part(PAIR_B, all_of_it);
    start();
    CHECK_INT(pair_ops.product(s.pair, 0, 1, x, y), ERR_LOST);
    pair_why(s.pair, &why);
    if (!strstr(why.text, "for A") || !strstr(why.text, "number 9 of") || !strstr(why.text, "1 known")) fail_msg("%s", why.text);
    CHECK_INT(columns_of(a), 0);
    CHECK_INT(counts().sessions, 0);
    CHECK_INT(roster_incident_count(pair_roster(s.pair)), 0);
    (void)part(PAIR_A, second_part); /* somebody comes: the same pass goes on */
    CHECK_INT(pair_ops.product(s.pair, 0, 1, x, y), 0);
    free(y);
    stop();
    pair_site_close(&s);
}

/* A comb and those that fill its gaps are more than a crew. */
static void comb_and_crumbs(enum pair_role role) {
    only = 0;
    (void)part(role, crumb); /* too small to join */
    (void)part(role, comb);
    for (only = least() | 1; only < stack_count(); only += 2) (void)part(role, crumb);
}

TEST(crumbs_keep_nobody_from_being_served) {
    int32_t x[512] = {1}, *y = calloc(8192, sizeof *y);
    CHECK(y != NULL);
    pair_site_open(&s);
    CHECK(stack_count() / 2 - least() / 2 > CREW_MAX); /* gaps */
    comb_and_crumbs(PAIR_A);
    comb_and_crumbs(PAIR_B);
    start();
    CHECK_INT(pair_ops.product(s.pair, 0, 1, x, y), ERR_LOST);
    CHECK_INT(counts().sessions, 0);
    (void)part(PAIR_A, all_of_it);
    (void)part(PAIR_B, all_of_it);
    check_answers();
    for (int role = 0; role < PAIR_ROLES; role++) CHECK_INT(counts().served[role], 1);
    CHECK_INT(roster_incident_count(pair_roster(s.pair)), 0);
    free(y);
    stop();
    pair_site_close(&s);
}

/* ---- a part is lost ---- */

/* The connection breaks at its n-th message, once. */
struct breaking {
    struct blind_link inner;
    unsigned sent, at;
};
static struct breaking breaking;
static int breaking_send(void *state, const uint8_t *message, size_t n) {
    struct breaking *b = state;
    return ++b->sent == b->at ? ERR_IO : b->inner.ops->send(b->inner.state, message, n);
}
static int breaking_receive(void *state, const uint8_t **message, size_t *n, uint32_t wait_ms) {
    struct breaking *b = state;
    return b->inner.ops->receive(b->inner.state, message, n, wait_ms);
}
static void breaking_close(void *state) {
    struct breaking *b = state;
    b->inner.ops->close(b->inner.state);
}
static const struct blind_link_ops breaking_ops = {breaking_send, breaking_receive, breaking_close};
static void breaking_wrap(struct pair_worker *w, struct blind_link *k) {
    if (w->links > 1) return;
    breaking.inner = *k;
    breaking.sent = 0;
    k->ops = &breaking_ops;
    k->state = &breaking;
}

TEST(a_part_that_is_lost_comes_back_and_the_answer_is_the_same) {
    for (int role = 0; role < PAIR_ROLES; role++)
        for (breaking.at = 3; breaking.at < 60; breaking.at += 28) {
            pair_site_open(&s);
            part((enum pair_role)role, first_part)->wrap = breaking_wrap;
            struct pair_worker *other = part((enum pair_role)role, second_part);
            (void)part(role == PAIR_A ? PAIR_B : PAIR_A, all_of_it);
            start();
            check_answers();
            CHECK_INT(roster_incident_count(pair_roster(s.pair)), role == PAIR_B && breaking.sent < breaking.at ? 0 : 1);
            if (breaking.sent >= breaking.at) {
                CHECK_INT(incident(0).fault, FAULT_LINK);
                CHECK_INT(incident(0).role, role);
                CHECK_INT(counts().sessions, role == PAIR_A ? 2 : 1);
                CHECK_INT(other->links, role == PAIR_A ? 2 : 1); /* of B the others stay as they are */
            }
            CHECK_INT(counts().served[role], 2);
            stop();
            pair_site_close(&s);
        }
}

/* One part is gone for good while others owe answers, and what is left to fill its place makes too many parts: whoever has the whole takes
 * over all, and what was asked of those parts is asked of it. */
static int all_but_six(uint32_t i) { return i < 5 || i > 15 || i % 2 == 0; }
static void gone_wrap(struct pair_worker *w, struct blind_link *k) {
    breaking_wrap(w, k);
    w->unreachable = 1;
}

TEST(a_crew_that_would_be_too_many_gives_way_to_one_with_the_whole) {
    for (int role = 0; role < PAIR_ROLES; role++)
        for (breaking.at = 3; breaking.at < 9; breaking.at++) {
            pair_site_open(&s);
            CHECK(stack_count() > 20);
            part((enum pair_role)role, all_but_six)->wrap = gone_wrap;
            for (only = 5; only < stack_count(); only += 2) (void)part((enum pair_role)role, crumb);
            (void)part((enum pair_role)role, comb);
            (void)part((enum pair_role)role, all_of_it);
            (void)part(role == PAIR_A ? PAIR_B : PAIR_A, all_of_it);
            start();
            check_answers();
            if (breaking.sent >= breaking.at) CHECK_INT(counts().served[role], 1);
            CHECK(roster_incident_count(pair_roster(s.pair)) <= 1);
            stop();
            pair_site_close(&s);
        }
}

/* ---- no mask over two connections ---- */

static struct send_log sent;
static uint64_t sessions(void) { return counts().sessions; }
static void log_wrap(struct pair_worker *w, struct blind_link *k) {
    (void)w;
    send_log_wrap(&sent, k);
}
TEST(what_was_masked_for_a_crew_goes_over_no_other_connection) {
    static const unsigned fatal[] = {2, 5, 6, 7, 11, 0};
    sent = (struct send_log){.fatal = fatal, .sessions = sessions, .crew = 1};
    pair_site_open(&s);
    for (int i = 0; i < 2; i++) { /* of each part two, for three deaths in a row */
        part(PAIR_A, first_part)->wrap = log_wrap;
        part(PAIR_A, second_part)->wrap = log_wrap;
    }
    (void)part(PAIR_B, all_of_it);
    start();
    int32_t *x = calloc(64 * 4096, sizeof *x), *y = calloc((size_t)64 * 8192, sizeof *y);
    CHECK(x && y);
    for (uint32_t i = 0; i < 10; i++) CHECK_INT(pair_ops.product(s.pair, i % 2 ? SPLIT : 0, i % 3 ? 1 : 3, x, y), 0);
    CHECK_INT(sessions(), 6);
    CHECK_INT(roster_incident_count(pair_roster(s.pair)), 5);
    send_log_check(&sent);
    free(x);
    free(y);
    stop();
    pair_site_close(&s);
}

TESTS_MAIN("crew", T(parts_that_make_up_the_model_answer_as_one),
           T(parts_that_overlap_serve_too_and_who_has_the_whole_needs_nobody), T(a_part_is_paid_by_its_own_products),
           T(what_nobody_holds_is_said_and_nothing_is_sent), T(crumbs_keep_nobody_from_being_served),
           T(a_part_that_is_lost_comes_back_and_the_answer_is_the_same),
           T(a_crew_that_would_be_too_many_gives_way_to_one_with_the_whole),
           T(what_was_masked_for_a_crew_goes_over_no_other_connection))
