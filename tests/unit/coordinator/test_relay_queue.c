/* Requests that wait, are too many, or are not read: the queue, rates, back-pressure, and how a coordinator stops. */
#include "tests/unit/coordinator/relay.h"

#include <malloc.h>

/* ---- the queue ---- */
TEST(one_waits_for_a_slot_and_gets_it) {
    struct relay r;
    struct ask first, second;
    relay_up(&r, JOB_KEEP);
    relay_ask(&r, &first);
    scene_until(&r.s, job_got_all, &r.n, 3000);
    r.n.job = JOB_RAW;
    relay_ask(&r, &second);
    scene_for(&r.s, 100);
    CHECK(r.s.c.queue.count == 1 && !second.status && !r.n.jobs[1].used);
    h2_reset(first.s, H2_CANCEL);
    first.s = NULL;
    scene_until(&r.s, ask_is_closed, &second, 3000);
    CHECK(second.status == 200 && second.ended);
    CHECK_INT(r.s.c.queue.count, 0);
    ask_done(&first), ask_done(&second);
    relay_done(&r);
}

TEST(who_waits_too_long_is_told_busy_and_so_is_who_finds_it_full) {
    struct relay r;
    struct ask first, waits, full;
    scene_init(&r.s);
    r.s.o.queue_ms = 400;
    r.s.o.queue_max = 1;
    relay_start(&r, JOB_KEEP);
    relay_ask(&r, &first);
    scene_until(&r.s, job_got_all, &r.n, 3000);
    uint64_t from = clock_mono_ms();
    relay_ask(&r, &waits);
    scene_for(&r.s, 50);
    relay_ask(&r, &full);
    CHECK_INT(ask_refusal(&r.s, &full, 200), CODE_BUSY);
    CHECK_INT(ask_refusal(&r.s, &waits, 3000), CODE_BUSY);
    uint64_t took = clock_mono_ms() - from;
    CHECK(took >= 390); /* the whole time in the queue, however slow the machine */
    CHECK(first.status == 200 && !first.closed);
    ask_done(&first), ask_done(&waits), ask_done(&full);
    relay_done(&r);
}

TEST(who_leaves_the_queue_is_forgotten) {
    struct relay r;
    struct ask first, waits;
    relay_up(&r, JOB_KEEP);
    relay_ask(&r, &first);
    scene_until(&r.s, job_got_all, &r.n, 3000);
    relay_ask(&r, &waits);
    scene_for(&r.s, 100);
    CHECK_INT(r.s.c.queue.count, 1);
    h2_reset(waits.s, H2_CANCEL);
    waits.s = NULL;
    for (int i = 0; i < 100 && r.s.c.queue.count; i++) scene_for(&r.s, 5);
    CHECK(r.s.c.queue.count == 0 && r.s.c.job_count == 1);
    ask_done(&first), ask_done(&waits);
    relay_done(&r);
}

TEST(the_rate_of_one_address_is_limited) {
    struct scene s;
    struct gateway_actor g;
    struct ask a;
    int rated = 0;
    scene_init(&s);
    s.o.rate_each = 2; /* ten at once */
    scene_start(&s);
    gateway_up(&g, &s);
    for (int i = 0; i < 14; i++) {
        ask_get(&s, &g, &a, PATH_DIRECTORY, NULL);
        rated += strcmp(a.code, "rate") == 0;
        ask_done(&a);
    }
    CHECK(rated >= 3 && rated <= 5);
    gateway_done(&g);
    scene_end(&s);
}

/* ---- back-pressure ---- */
static int flood_stands_still(void *arg) {
    struct node_job *j = arg;
    static size_t last;
    static uint64_t since;
    if (j->sent != last || !since) last = j->sent, since = clock_mono_ms();
    return clock_mono_ms() - since > 400;
}

TEST(a_gateway_that_does_not_read_holds_one_window_each_side) {
    struct relay r;
    struct ask a;
    relay_up(&r, JOB_FLOOD);
    struct envelope_secrets secrets;
    struct buf env;
    seal_for(&env, &secrets, r.list, 1, 0);
    ask_open(&a, &r.g, "POST", PATH_REQUESTS, NULL);
    a.hold = 1;
    CHECK_INT(buf_add(&a.to_send, env.data, env.len), 0);
    ask_push(&a);
    buf_release(&env);
    scene_until(&r.s, job_got_all, &r.n, 3000);
    scene_until(&r.s, flood_stands_still, &r.n.jobs[0], 10000);
    CHECK_INT(a.body.len, H2_WINDOW_DEFAULT);                         /* the gateway's window is full */
    CHECK(r.n.jobs[0].sent <= 2 * (size_t)H2_WINDOW_DEFAULT + 16384); /* and one more is in the coordinator */
    size_t before = mallinfo2().uordblks;
    scene_for(&r.s, 300);
    CHECK(mallinfo2().uordblks < before + 65536); /* nothing grows while it stands still */
    a.hold = 0;
    h2_consume(a.s, a.body.len);
    for (int i = 0; i < 400 && a.body.len < (4u << 20); i++) scene_for(&r.s, 5); /* reading on, all flows again */
    CHECK(a.body.len >= 4u << 20);
    ask_done(&a);
    relay_done(&r);
}

TEST(many_requests_over_few_slots_all_end) {
    enum { ASKS = 14 };
    struct scene s;
    struct node_actor n[2], *list[2] = {&n[0], &n[1]};
    struct gateway_actor g;
    static struct ask a[ASKS];
    scene_init(&s);
    scene_start(&s);
    for (uint8_t i = 0; i < 2; i++) node_up(&n[i], &s, (uint8_t)(i + 1), JOB_ANSWER);
    gateway_up(&g, &s);
    for (int i = 0; i < ASKS; i++) ask_nodes(&a[i], &g, list, 2, NULL);
    for (int i = 0; i < ASKS; i++) {
        scene_until(&s, ask_is_closed, &a[i], 5000);
        CHECK(a[i].status == 200 && a[i].ended && a[i].counter[0]);
        ask_done(&a[i]);
    }
    scene_until(&s, no_jobs, &s, 1000);
    CHECK_INT(n[0].jobs[0].used && n[1].jobs[0].used, 1);
    CHECK_INT(stored(&s, "SELECT count(*) FROM jobs WHERE outcome = 1"), ASKS);
    for (int i = 0; i < 2; i++) node_done(&n[i]);
    gateway_done(&g);
    scene_end(&s);
}

/* ---- stopping ---- */
TEST(draining_ends_what_runs_and_refuses_what_waits) {
    struct relay r;
    struct ask runs, waits;
    relay_up(&r, JOB_KEEP);
    relay_ask_served(&r, &runs);
    relay_ask(&r, &waits);
    scene_for(&r.s, 50);
    coord_drain(&r.s.c);
    CHECK_INT(ask_refusal(&r.s, &waits, 2000), CODE_DRAINING);
    CHECK(r.g.goaway && r.n.told_to_drain && !runs.closed);
    CHECK_INT(h2_end(r.n.jobs[0].s, NULL), 0);  /* the running job comes to its end */
    scene_until(&r.s, scene_never, NULL, 4000); /* and then the coordinator stops the loop itself */
    CHECK(runs.ended && r.n.gone && r.g.gone);
    CHECK_INT(r.s.c.job_count, 0);
    ask_done(&runs), ask_done(&waits);
    relay_done(&r);
}

TEST(a_job_that_does_not_end_is_cut_at_the_bound) {
    struct relay r;
    struct ask a;
    scene_init(&r.s);
    r.s.o.drain_ms = 300;
    relay_start(&r, JOB_KEEP);
    relay_ask_served(&r, &a);
    coord_drain(&r.s.c);
    scene_until(&r.s, scene_never, NULL, 60000); /* the coordinator stops, though the job never ends */
    CHECK_INT(stored(&r.s, "SELECT count(*) FROM jobs"), 1);
    ask_done(&a);
    relay_done(&r);
}

TEST(a_restarted_coordinator_knows_its_key_and_its_sums) {
    struct relay r;
    struct ask a;
    uint8_t key[32];
    relay_up(&r, JOB_ANSWER);
    relay_ask(&r, &a);
    scene_until(&r.s, ask_is_closed, &a, 5000);
    memcpy(key, r.s.c.public_key, 32);
    ask_done(&a);
    CHECK_INT(coord_close(&r.s.c), 0);
    scene_until(&r.s, node_is_gone, &r.n, 2000);
    scene_until(&r.s, gw_is_gone, &r.g, 2000);
    for (int p = 0; p < TLS_PROTOS; p++) tls_free(r.s.tls[p]);
    scene_start(&r.s);
    CHECK_MEM(key, r.s.c.public_key, 32);
    struct store_totals t;
    store_totals(r.s.c.store, &t);
    CHECK(t.ever.jobs == 1 && t.ever.output_tokens == 2 && t.nodes_known == 1);
    node_dial(&r.n);
    scene_until(&r.s, node_serves, &r.n, 3000);
    relay_done(&r);
}

TESTS_MAIN("relay_queue", T(one_waits_for_a_slot_and_gets_it), T(who_waits_too_long_is_told_busy_and_so_is_who_finds_it_full),
           T(who_leaves_the_queue_is_forgotten), T(the_rate_of_one_address_is_limited),
           T(a_gateway_that_does_not_read_holds_one_window_each_side), T(many_requests_over_few_slots_all_end),
           T(draining_ends_what_runs_and_refuses_what_waits), T(a_job_that_does_not_end_is_cut_at_the_bound),
           T(a_restarted_coordinator_knows_its_key_and_its_sums))
