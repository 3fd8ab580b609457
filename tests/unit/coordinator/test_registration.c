/* Nodes at the door: who is let in, who is not, and what becomes of those who fall silent or come twice. */
#include "tests/unit/coordinator/scene.h"

static int is_refused(void *arg) {
    struct node_actor *n = arg;
    return n->refused && n->gone;
}
static int is_listed(const struct node_actor *n) { return dir_by_identity(&n->s->c.dir, n->fix.record.keys.identity) != NULL; }
static int is_unlisted(void *arg) { return !is_listed(arg); }

static void refused_with(enum reg_mode mode, enum code code) {
    struct scene s;
    struct node_actor n;
    scene_init(&s);
    scene_start(&s);
    node_init(&n, &s, 1);
    n.reg = mode;
    node_dial(&n);
    scene_until(&s, is_refused, &n, 8000);
    CHECK_INT(n.refused, code);
    CHECK(!n.welcomed);
    CHECK_INT(s.c.dir.count, 0);
    node_done(&n);
    scene_end(&s);
}

TEST(a_registered_node_is_welcomed_and_listed) {
    struct scene s;
    struct node_actor n;
    scene_init(&s);
    scene_start(&s);
    node_up(&n, &s, 1, JOB_ANSWER);
    const struct dir_node *d = dir_by_identity(&s.c.dir, n.fix.record.keys.identity);
    CHECK_INT(dir_free(d), 1);
    CHECK_MEM(d->operator_id, n.fix.record.keys.operator_id, 32);
    h2_drop(n.h);
    n.h = NULL;
    scene_until(&s, is_unlisted, &n, 1000);
    node_done(&n);
    scene_end(&s);
}

TEST(a_wrong_link_proof_is_refused) { refused_with(REG_BAD_PROOF, CODE_REFUSED); }
TEST(garbage_is_refused) { refused_with(REG_GARBAGE, CODE_BAD_REQUEST); }
TEST(an_oversized_record_is_refused) { refused_with(REG_HUGE, CODE_BAD_REQUEST); }
TEST(a_heartbeat_before_the_proof_is_refused) { refused_with(REG_EARLY_BEAT, CODE_BAD_REQUEST); }
TEST(a_node_that_does_not_register_is_sent_away) { refused_with(REG_NEVER, CODE_DEADLINE); }

TEST(a_replayed_registration_is_refused_and_disturbs_nobody) {
    struct scene s;
    struct node_actor n, thief;
    scene_init(&s);
    scene_start(&s);
    node_up(&n, &s, 1, JOB_ANSWER);
    node_init(&thief, &s, 1); /* has seen every byte that n sent, but its own connection exports another value */
    thief.fix.record = n.fix.record;
    memcpy(thief.proof, n.proof, SIGN_BYTES);
    thief.reg = REG_REPLAYED;
    node_dial(&thief);
    scene_until(&s, is_refused, &thief, 3000);
    CHECK_INT(thief.refused, CODE_REFUSED);
    CHECK(is_listed(&n) && !n.gone);
    node_done(&thief);
    node_done(&n);
    scene_end(&s);
}

TEST(a_copied_operator_id_is_refused) {
    struct scene s;
    struct node_actor n, other;
    scene_init(&s);
    scene_start(&s);
    node_init(&n, &s, 1);
    node_init(&other, &s, 2);
    /* Another operator's statement, for another identity, under a record that is signed rightly otherwise. */
    n.fix.record.operator= other.fix.record.operator;
    memcpy(n.fix.record.keys.operator_id, other.fix.record.keys.operator_id, 32);
    CHECK_INT(record_sign(&n.fix.record, n.fix.identity_secret), 0);
    node_dial(&n);
    scene_until(&s, is_refused, &n, 3000);
    CHECK_INT(n.refused, CODE_REFUSED);
    node_done(&n), node_done(&other);
    scene_end(&s);
}

static int clock_case(int64_t ahead_s) { /* 1: welcomed */
    struct scene s;
    struct node_actor n;
    scene_init(&s);
    scene_start(&s);
    node_init(&n, &s, 1);
    node_sign(&n, (uint64_t)((int64_t)clock_unix_s() + ahead_s));
    node_dial(&n);
    int welcomed = 0;
    for (int i = 0; i < 300 && !n.refused && !welcomed; i++) {
        scene_for(&s, 10);
        welcomed = node_serves(&n);
    }
    CHECK(welcomed || n.refused == CODE_REFUSED);
    node_done(&n);
    scene_end(&s);
    return welcomed;
}
TEST(a_clock_may_be_30_seconds_off) {
    CHECK(clock_case(20));
    CHECK(!clock_case(60));
    CHECK(!clock_case(-3700)); /* its key is over */
}

TEST(a_second_registration_with_proof_replaces_the_first) {
    struct scene s;
    struct node_actor n, again;
    scene_init(&s);
    scene_start(&s);
    node_up(&n, &s, 1, JOB_ANSWER);
    node_init(&again, &s, 1); /* the same identity, restarted: new keys, new connection */
    node_dial(&again);
    scene_until(&s, node_serves, &again, 3000);
    scene_until(&s, node_is_gone, &n, 1000);
    CHECK_INT(s.c.dir.count, 1);
    CHECK(dir_by_key(&s.c.dir, n.fix.key.key_id) == NULL);
    CHECK(dir_by_key(&s.c.dir, again.fix.key.key_id) != NULL);
    node_done(&n), node_done(&again);
    scene_end(&s);
}

TEST(a_renewal_on_the_same_link_keeps_two_keys) {
    struct scene s;
    struct node_actor n;
    scene_init(&s);
    scene_start(&s);
    node_up(&n, &s, 1, JOB_ANSWER);
    uint8_t first[32];
    memcpy(first, n.fix.key.key_id, 32);
    for (uint64_t i = 0; i < 2; i++) {
        node_sign(&n, clock_unix_s() - 50 + i); /* other times: another key id */
        int before = n.welcomed;
        node_register(&n);
        for (int k = 0; k < 100 && n.welcomed == before; k++) scene_for(&s, 10);
        CHECK(n.welcomed > before);
        CHECK((dir_by_key(&s.c.dir, first) != NULL) == (i == 0));
    }
    CHECK_INT(s.c.dir.count, 1);
    node_done(&n);
    scene_end(&s);
}

TEST(only_admitted_operators_may_come) {
    struct scene s;
    struct node_actor in, out;
    char path[96], text[80];
    struct why why = {{0}};
    scene_init(&s);
    node_init(&in, &s, 1), node_init(&out, &s, 2);
    operator_text(text, in.fix.record.keys.operator_id);
    snprintf(path, sizeof path, "%s/admit", s.dir);
    CHECK_INT(file_write(path, text, strlen(text), 0600, &why), 0);
    s.o.admit = path;
    scene_start(&s);
    node_dial(&in), node_dial(&out);
    scene_until(&s, node_serves, &in, 3000);
    scene_until(&s, is_refused, &out, 3000);
    CHECK_INT(out.refused, CODE_REFUSED);
    node_done(&in), node_done(&out);
    scene_end(&s);
}

/* One node that serves, and a second one that dials. */
struct two {
    struct scene s;
    struct node_actor first, second;
};
static void two_start(struct two *t) { /* after scene_init */
    scene_start(&t->s);
    node_up(&t->first, &t->s, 1, JOB_ANSWER);
    node_init(&t->second, &t->s, 2);
    node_dial(&t->second);
}
static void two_done(struct two *t) {
    node_done(&t->first), node_done(&t->second);
    scene_end(&t->s);
}

TEST(full_directories_say_busy) {
    struct two t;
    scene_init(&t.s);
    t.s.o.nodes_max = 1;
    two_start(&t);
    scene_until(&t.s, is_refused, &t.second, 3000);
    CHECK_INT(t.second.refused, CODE_BUSY);
    two_done(&t);
}

TEST(too_many_links_of_one_address_are_closed) {
    struct two t;
    scene_init(&t.s);
    t.s.o.links_each = 1;
    two_start(&t);
    scene_until(&t.s, node_is_gone, &t.second, 3000);
    CHECK(!t.second.ready);
    CHECK(is_listed(&t.first));
    two_done(&t);
}

TEST(a_node_without_heartbeats_is_out) {
    struct scene s;
    struct node_actor n;
    scene_init(&s);
    scene_start(&s);
    node_up(&n, &s, 1, JOB_ANSWER); /* one heartbeat, then none; its link stays alive */
    uint64_t from = clock_mono_ms();
    scene_until(&s, is_unlisted, &n, 60000);
    CHECK(clock_mono_ms() - from > 5000); /* not before two could have come */
    node_done(&n);
    scene_end(&s);
}

TEST(a_leaving_node_gets_nothing_new_and_goes_in_order) {
    struct scene s;
    struct node_actor n;
    scene_init(&s);
    scene_start(&s);
    node_up(&n, &s, 1, JOB_ANSWER);
    struct dir_node *d = dir_by_identity(&s.c.dir, n.fix.record.keys.identity);
    node_say(&n, &(struct link_message){.type = LINK_DRAIN, .code = REASON_DRAINING});
    for (int i = 0; i < 100 && !d->draining; i++) scene_for(&s, 5);
    CHECK_INT(dir_free(d), 0);
    node_say(&n, &(struct link_message){.type = LINK_DRAINED});
    scene_until(&s, node_is_gone, &n, 3000);
    CHECK_INT(s.c.dir.count, 0);
    node_done(&n);
    scene_end(&s);
}

TESTS_MAIN("registration", T(a_registered_node_is_welcomed_and_listed), T(a_wrong_link_proof_is_refused), T(garbage_is_refused),
           T(an_oversized_record_is_refused), T(a_heartbeat_before_the_proof_is_refused),
           T(a_node_that_does_not_register_is_sent_away), T(a_replayed_registration_is_refused_and_disturbs_nobody),
           T(a_copied_operator_id_is_refused), T(a_clock_may_be_30_seconds_off),
           T(a_second_registration_with_proof_replaces_the_first), T(a_renewal_on_the_same_link_keeps_two_keys),
           T(only_admitted_operators_may_come), T(full_directories_say_busy), T(too_many_links_of_one_address_are_closed),
           T(a_node_without_heartbeats_is_out), T(a_leaving_node_gets_nothing_new_and_goes_in_order))
