/* blind: slots are spent once, and what is sent for one is written once: over errors, ended sessions and forks. */
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "blind/pair_fill.h"
#include "blind/residues.h"
#include "tests/unit/blind/slots_scene.h"

static void random_column(uint32_t stack, uint32_t *u) {
    random_bytes(u, linear[stack].cols * sizeof *u);
    for (uint32_t j = 0; j < linear[stack].cols; j++) u[j] %= linear[stack].field->p;
}

TEST(numbers_of_a_stack_only_grow) {
    struct blind_session *s = session_open();
    uint32_t next[STACKS] = {0};
    for (uint32_t i = 0; i < 300; i++) {
        struct slots *t;
        uint32_t stack = i % STACKS, count = i % 7 + 1;
        CHECK_INT(blind_session_next(s, stack), next[stack]);
        CHECK_INT(slots_spend(s, stack, count, &t), 0);
        CHECK(t->stack == stack && t->first == next[stack] && t->count == count && t->filled == 0);
        next[stack] += count;
        slots_free(t); /* sent or not: it is gone */
    }
    blind_session_free(s);
}

TEST(what_cannot_be_spent_is_refused_and_changes_nothing) {
    struct blind_session *s = session_open();
    struct slots *t;
    CHECK_INT(slots_spend(s, STACKS, 1, &t), ERR_RANGE);
    CHECK_INT(slots_spend(s, 0, 0, &t), ERR_RANGE);
    CHECK_INT(slots_spend(s, 0, SLOTS_COLUMNS_MAX + 1, &t), ERR_RANGE);
    CHECK(t == NULL);
    CHECK_INT(blind_session_next(s, 0), 0);
    s->next[0] = SLOTS_N_MAX - 2;
    CHECK_INT(slots_spend(s, 0, 3, &t), ERR_LIMIT);
    CHECK_INT(slots_spend(s, 0, 2, &t), 0);
    slots_free(t);
    CHECK_INT(slots_spend(s, 0, 1, &t), ERR_LIMIT);
    CHECK_INT(blind_session_next(s, 0), SLOTS_N_MAX);
    CHECK_INT(slots_spend(s, 1, 1, &t), 0);
    slots_free(t);
    blind_session_free(s);
}

TEST(shapes_that_no_model_has_make_no_session) {
    struct blind_session *s;
    struct linear bad = {.rows = 1, .cols = 0};
    CHECK_INT(blind_session_new(&s, &bad, 1), ERR_RANGE);
    bad.cols = 65537;
    CHECK_INT(blind_session_new(&s, &bad, 1), ERR_RANGE);
    CHECK_INT(blind_session_new(&s, linear, 0), ERR_RANGE);
    CHECK_INT(blind_session_new(&s, linear, 3000), ERR_RANGE);
    CHECK(s == NULL);
}

TEST(a_column_is_written_once_and_nothing_can_be_sent_before_all_are) {
    static uint32_t u[COLS_MAX], back[COLS_MAX];
    struct blind_session *s = session_open(), *other = session_open();
    for (uint32_t stack = 0; stack < STACKS; stack++) {
        struct slots *t;
        const uint8_t *bytes;
        size_t n;
        CHECK_INT(slots_spend(s, stack, 2, &t), 0);
        for (int i = 0; i < 2; i++) {
            CHECK_INT(slots_bytes(t, &bytes, &n), ERR_WRONG_STATE);
            CHECK(bytes == NULL && n == 0);
            CHECK_INT(slots_column(t, 0, back), ERR_WRONG_STATE);
            random_column(stack, u);
            CHECK_INT(slots_fill(other, t, u), ERR_WRONG_STATE);
            CHECK_INT(slots_fill(s, t, u), 0);
        }
        CHECK_INT(slots_fill(s, t, u), ERR_WRONG_STATE);
        CHECK_INT(slots_bytes(t, &bytes, &n), 0);
        CHECK_INT(n, 2 * residues_bytes(linear[stack].field, linear[stack].cols));
        CHECK_INT(slots_column(t, 1, back), 0);
        CHECK_MEM(back, u, linear[stack].cols * sizeof *u);
        CHECK_INT(slots_column(t, 2, back), ERR_RANGE);
        slots_free(t);
    }
    blind_session_free(s);
    blind_session_free(other);
}

TEST(a_column_that_cannot_be_written_spoils_its_ticket_and_keeps_its_slots) {
    uint32_t u[12] = {0};
    const uint8_t *bytes;
    size_t n;
    struct blind_session *s = session_open();
    struct slots *t;
    CHECK_INT(slots_spend(s, 0, 2, &t), 0);
    CHECK_INT(slots_fill(s, t, u), 0);
    u[3] = FIELD_P24;
    CHECK_INT(slots_fill(s, t, u), ERR_RANGE);
    u[3] = 0;
    CHECK_INT(slots_fill(s, t, u), ERR_WRONG_STATE);
    CHECK_INT(slots_bytes(t, &bytes, &n), ERR_WRONG_STATE);
    slots_free(t);
    CHECK_INT(slots_spend(s, 0, 1, &t), 0);
    CHECK_INT(t->first, 2);
    slots_free(t);
    blind_session_free(s);
}

TEST(two_sessions_share_neither_name_nor_keys) {
    struct blind_session *a = session_open(), *b = session_open();
    uint8_t name_a[SLOTS_SESSION_BYTES], name_b[SLOTS_SESSION_BYTES], key_a[32], key_b[32];
    blind_session_name(a, name_a);
    blind_session_name(b, name_b);
    CHECK_INT(pair_order_key(a, 0, key_a), 0);
    CHECK_INT(pair_order_key(b, 0, key_b), 0);
    CHECK(memcmp(name_a, name_b, sizeof name_a) != 0 && memcmp(key_a, key_b, 32) != 0);
    CHECK_INT(pair_order_key(a, 1, key_b), 0);
    CHECK(memcmp(key_a, key_b, 32) != 0);
    blind_session_free(a);
    blind_session_free(b);
}

TEST(a_session_that_ended_spends_and_fills_nothing_but_its_bytes_stay) {
    uint32_t u[12] = {1, 2, 3};
    const uint8_t *bytes;
    size_t n;
    struct blind_session *s = session_open();
    struct slots *whole, *empty, *none;
    CHECK_INT(slots_spend(s, 0, 1, &whole), 0);
    CHECK_INT(slots_fill(s, whole, u), 0);
    CHECK_INT(slots_spend(s, 0, 1, &empty), 0);
    blind_session_end(s);
    CHECK(!blind_session_alive(s));
    CHECK_INT(slots_spend(s, 0, 1, &none), ERR_WRONG_STATE);
    CHECK_INT(slots_fill(s, empty, u), ERR_WRONG_STATE);
    CHECK_INT(slots_bytes(whole, &bytes, &n), 0);
    blind_session_free(s);
    CHECK_INT(slots_bytes(whole, &bytes, &n), 0); /* resent elsewhere, after the session */
    CHECK_INT(slots_column(whole, 0, u), 0);
    slots_free(whole);
    slots_free(empty);
}

/* In the child of a fork: 0 when nothing of the session is there. */
static int child_of_fork(struct blind_session *s, struct slots *empty) {
    uint32_t u[12] = {0};
    uint8_t key[32];
    struct slots *t;
    int r = 0;
    r |= blind_session_alive(s) << 0;
    r |= (slots_spend(s, 0, 1, &t) != ERR_WRONG_STATE) << 1;
    r |= (slots_fill(s, empty, u) != ERR_WRONG_STATE) << 2;
    r |= (pair_order_key(s, 0, key) != ERR_WRONG_STATE) << 3;
    const uint8_t *p = (const uint8_t *)s;
    for (size_t i = 0; i < sizeof *s + STACKS * sizeof *s->next; i++) r |= (p[i] != 0) << 4;
    blind_session_free(s); /* may not crash */
    return r;
}

TEST(a_forked_child_has_no_session) {
    struct blind_session *s = session_open();
    struct slots *empty, *next;
    CHECK_INT(slots_spend(s, 0, 1, &empty), 0);
    pid_t pid = fork();
    if (pid == 0) _exit(child_of_fork(s, empty));
    int status;
    CHECK_INT(waitpid(pid, &status, 0), pid);
    CHECK(WIFEXITED(status));
    CHECK_INT(WEXITSTATUS(status), 0);
    CHECK_INT(slots_spend(s, 0, 1, &next), 0); /* the parent's goes on */
    CHECK_INT(next->first, 1);
    slots_free(next);
    slots_free(empty);
    blind_session_free(s);
}

TESTS_MAIN("slots", T(numbers_of_a_stack_only_grow), T(what_cannot_be_spent_is_refused_and_changes_nothing),
           T(shapes_that_no_model_has_make_no_session), T(a_column_is_written_once_and_nothing_can_be_sent_before_all_are),
           T(a_column_that_cannot_be_written_spoils_its_ticket_and_keeps_its_slots), T(two_sessions_share_neither_name_nor_keys),
           T(a_session_that_ended_spends_and_fills_nothing_but_its_bytes_stay), T(a_forked_child_has_no_session))
