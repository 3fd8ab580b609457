/* Requests through the coordinator: the good path to the last signature, and every way in which it can go wrong. */
#include "tests/unit/coordinator/relay.h"

#include "seal/usage.h"

#include <sys/stat.h>

/* ---- the good path ---- */
TEST(a_sealed_answer_arrives_whole_and_is_countersigned) {
    struct scene s;
    struct node_actor n[3], *list[3] = {&n[0], &n[1], &n[2]};
    struct gateway_actor g;
    struct ask a;
    struct envelope_secrets secrets;
    static struct stream_reader reader;
    scene_init(&s);
    scene_start(&s);
    for (uint8_t i = 0; i < 3; i++) node_up(&n[i], &s, (uint8_t)(i + 1), JOB_ANSWER);
    gateway_up(&g, &s);
    ask_nodes(&a, &g, list, 3, &secrets);
    scene_until(&s, ask_is_closed, &a, 5000);
    CHECK_INT(a.status, 200);
    CHECK(a.ended && a.close_code == H2_OK && strlen(a.job) == 32);

    size_t at = 0, used, frames = 0;
    struct frame f;
    int r;
    stream_reader_start(&reader, &secrets, 0);
    while ((r = stream_read(&reader, a.body.data + at, a.body.len - at, &used, &f)) == 0) at += used, frames++;
    CHECK_INT(r, ERR_MORE);
    CHECK_INT(stream_reader_end(&reader), 0);
    CHECK_INT(a.body.len, STREAM_START_BYTES + frames * 256);

    uint8_t bytes[COUNTERSIGN_BYTES], job[JOB_ID_BYTES];
    struct countersign c;
    CHECK_INT(hex_decode(bytes, sizeof bytes, a.counter, strlen(a.counter)), 0);
    struct reader in = reader_over(bytes, sizeof bytes);
    CHECK_INT(countersign_read(&in, &c), 0);
    CHECK_INT(countersign_check(&c, s.c.public_key), 0);
    CHECK_INT(hex_decode(job, sizeof job, a.job, 32), 0);
    CHECK_MEM(c.job, job, sizeof job);
    CHECK_MEM(c.node, n[reader.candidate].fix.record.keys.identity, 32);
    CHECK_MEM(c.usage.header_hash, secrets.header_hash, 32);
    CHECK_INT(c.frames, frames);
    CHECK_INT(c.bytes, a.body.len);
    struct receipt receipt;
    in = reader_over(reader.receipt, reader.receipt_n);
    CHECK_INT(receipt_read(&in, &receipt), 0);
    CHECK_INT(usage_check_receipt(&c.usage, &receipt), 0);

    CHECK_INT(stored(&s, "SELECT count(*) FROM jobs"), 1);
    CHECK_INT(stored(&s, "SELECT outcome FROM jobs"), OUTCOME_DONE);
    CHECK_INT(stored(&s, "SELECT output_tokens FROM jobs"), 2);
    CHECK_INT(stored(&s, "SELECT frames FROM jobs"), frames);
    CHECK_INT(stored(&s, "SELECT bytes FROM jobs"), a.body.len);
    CHECK_INT(stored(&s, "SELECT size_class FROM jobs"), 1024);
    CHECK_INT(stored(&s, "SELECT first_frame_ms >= start_ms AND end_ms >= first_frame_ms FROM jobs"), 1);
    CHECK_INT(stored(&s, "SELECT length(usage) FROM jobs"), USAGE_BYTES);
    ask_done(&a);
    for (int i = 0; i < 3; i++) node_done(&n[i]);
    gateway_done(&g);
    scene_end(&s);
}

TEST(a_large_envelope_passes_unchanged) {
    struct relay r;
    struct ask a;
    struct envelope_secrets secrets;
    struct buf env;
    relay_up(&r, JOB_RAW);
    seal_for(&env, &secrets, r.list, 1, 5 << 20);
    ask_bytes(&a, &r.g, env.data, env.len);
    scene_until(&r.s, ask_is_closed, &a, 20000);
    CHECK_INT(a.status, 200);
    CHECK_INT(a.body.len, RAW_BYTES);
    CHECK_INT(r.n.jobs[0].env.len, env.len);
    CHECK_MEM(r.n.jobs[0].env.data, env.data, env.len);
    CHECK(a.counter[0] == 0); /* no usage statement, no countersignature */
    CHECK_INT(stored(&r.s, "SELECT outcome FROM jobs"), OUTCOME_UNSTATED);
    buf_release(&env);
    ask_done(&a);
    relay_done(&r);
}

TEST(a_statement_by_another_key_is_not_countersigned) {
    struct relay r;
    struct ask a;
    relay_up(&r, JOB_FOREIGN_USAGE);
    relay_ask(&r, &a);
    scene_until(&r.s, ask_is_closed, &a, 5000);
    CHECK(a.ended && a.counter[0] == 0);
    CHECK_INT(stored(&r.s, "SELECT outcome FROM jobs"), OUTCOME_UNSTATED);
    CHECK_INT(stored(&r.s, "SELECT output_tokens FROM jobs"), 0);
    ask_done(&a);
    relay_done(&r);
}

/* ---- losses ---- */
TEST(a_lost_node_resets_the_request_at_once) {
    struct relay r;
    struct ask a;
    relay_up(&r, JOB_KEEP);
    relay_ask_served(&r, &a);
    h2_drop(r.n.h);
    r.n.h = NULL;
    scene_until(&r.s, ask_is_closed, &a, 60000); /* how soon is measured by e2e_faults: 5 ms at most */
    CHECK(!a.ended && a.close_code != H2_OK);    /* cannot be taken for an end */
    CHECK_INT(r.s.c.dir.count, 0);
    CHECK_INT(stored(&r.s, "SELECT outcome FROM jobs"), OUTCOME_LOST);
    ask_done(&a);
    relay_done(&r);
}

TEST(a_job_broken_off_by_its_node_is_reset) {
    struct relay r;
    struct ask a;
    relay_up(&r, JOB_KEEP);
    relay_ask_served(&r, &a);
    h2_reset(r.n.jobs[0].s, H2_INTERNAL);
    r.n.jobs[0].s = NULL;
    scene_until(&r.s, ask_is_closed, &a, 2000);
    CHECK(!a.ended && a.close_code != H2_OK);
    CHECK_INT(r.s.c.dir.count, 1);
    CHECK_INT(dir_free(r.s.c.dir.nodes[0]), 1);
    ask_done(&a);
    relay_done(&r);
}

static void gateway_leaves(int whole_link) {
    struct relay r;
    struct ask a;
    relay_up(&r, JOB_KEEP);
    relay_ask_served(&r, &a);
    if (whole_link) {
        h2_drop(r.g.h);
        r.g.h = NULL;
    } else {
        h2_reset(a.s, H2_CANCEL);
        a.s = NULL;
    }
    scene_until(&r.s, job_closed, &r.n, 1000); /* the node stops computing */
    CHECK_INT(r.n.jobs[0].code, H2_CANCEL);
    scene_until(&r.s, no_jobs, &r.s, 1000);
    CHECK_INT(dir_free(r.s.c.dir.nodes[0]), 1);
    CHECK_INT(stored(&r.s, "SELECT outcome FROM jobs"), OUTCOME_CANCELLED);
    ask_done(&a);
    relay_done(&r);
}
TEST(a_cancelled_request_is_cancelled_at_the_node) { gateway_leaves(0); }
TEST(a_lost_gateway_is_cancelled_at_the_node) { gateway_leaves(1); }

/* ---- refusals ---- */
TEST(a_nodes_code_reaches_the_gateway) {
    static const enum code codes[] = {CODE_REFUSED, CODE_BUSY, CODE_DRAINING, CODE_VERSION};
    struct scene s;
    struct gateway_actor g;
    scene_init(&s);
    scene_start(&s);
    gateway_up(&g, &s);
    for (uint8_t i = 0; i < 4; i++) {
        struct node_actor n, *list[1] = {&n};
        struct ask a;
        node_up(&n, &s, (uint8_t)(i + 1), JOB_REFUSE);
        n.refuse_with = codes[i];
        ask_nodes(&a, &g, list, 1, NULL);
        CHECK_INT(ask_refusal(&s, &a, 3000), codes[i]);
        ask_done(&a);
        node_done(&n);
    }
    CHECK_INT(stored(&s, "SELECT count(*) FROM jobs WHERE outcome = 3"), 4);
    gateway_done(&g);
    scene_end(&s);
}

/* Sends p (n bytes) as a request and expects the code. */
static void sent_gets(struct scene *s, struct gateway_actor *g, const void *p, size_t n, enum code code) {
    struct ask a;
    ask_bytes(&a, g, p, n);
    CHECK_INT(ask_refusal(s, &a, 3000), code);
    ask_done(&a);
}

TEST(bad_envelopes_are_refused_and_cost_no_slot) {
    struct relay r;
    struct envelope_secrets secrets;
    struct buf env;
    uint8_t junk[3000];
    relay_up(&r, JOB_RAW);
    seal_for(&env, &secrets, r.list, 1, 0);
    random_bytes(junk, sizeof junk);
    junk[0] = 0x7f;
    sent_gets(&r.s, &r.g, junk, sizeof junk, CODE_VERSION);
    junk[0] = env.data[0];
    memset(junk + 1, 0xff, 100);
    struct ask a;
    ask_bytes(&a, &r.g, junk, sizeof junk);
    enum code got = ask_refusal(&r.s, &a, 3000);
    CHECK(got == CODE_BAD_REQUEST || got == CODE_VERSION);
    ask_done(&a);
    sent_gets(&r.s, &r.g, "", 0, CODE_BAD_REQUEST);
    sent_gets(&r.s, &r.g, env.data, 40, CODE_BAD_REQUEST); /* ends within its header */
    CHECK(!r.n.jobs[0].used);
    CHECK_INT(buf_add(&env, "x", 1), 0); /* one byte more than the header says */
    sent_gets(&r.s, &r.g, env.data, env.len, CODE_BAD_REQUEST);
    sent_gets(&r.s, &r.g, env.data, env.len - 2, CODE_BAD_REQUEST); /* and one less */
    scene_until(&r.s, no_jobs, &r.s, 1000);
    CHECK_INT(dir_free(r.s.c.dir.nodes[0]), 1);
    for (int i = 0; i < ACTOR_JOBS; i++) CHECK(!r.n.jobs[i].ended); /* nothing that looked whole reached the node */
    buf_release(&env);
    relay_done(&r);
}

TEST(oversized_requests_are_refused_by_their_length) {
    struct scene s;
    struct gateway_actor g;
    struct ask a;
    char length[32];
    scene_init(&s);
    scene_start(&s);
    gateway_up(&g, &s);
    snprintf(length, sizeof length, "%d", ENVELOPE_BYTES_MAX + 1);
    struct h2_header head = {"content-length", length};
    struct h2_request r = {.method = "POST", .path = PATH_REQUESTS, .headers = {&head, 1}};
    memset(&a, 0, sizeof a);
    CHECK_INT(h2_ask(g.h, &r, &ask_events, &a, &a.s), 0);
    CHECK_INT(ask_refusal(&s, &a, 3000), CODE_TOO_LARGE);
    ask_done(&a);
    gateway_done(&g);
    scene_end(&s);
}

TEST(unknown_candidates_models_and_paths) {
    struct scene s;
    struct node_actor n, stranger, *strangers[1] = {&stranger};
    struct gateway_actor g;
    struct ask a;
    scene_init(&s);
    scene_start(&s);
    gateway_up(&g, &s);
    node_init(&stranger, &s, 9);
    ask_nodes(&a, &g, strangers, 1, NULL);
    CHECK_INT(ask_refusal(&s, &a, 3000), CODE_NO_MODEL); /* nobody here at all */
    ask_done(&a);
    node_up(&n, &s, 1, JOB_RAW);
    ask_nodes(&a, &g, strangers, 1, NULL);
    CHECK_INT(ask_refusal(&s, &a, 3000), CODE_REFUSED); /* served, but by none of these */
    ask_done(&a);
    ask_open(&a, &g, "GET", "/etc/passwd", NULL);
    (void)h2_end(a.s, NULL);
    CHECK_INT(ask_refusal(&s, &a, 3000), CODE_BAD_REQUEST);
    ask_done(&a);
    ask_open(&a, &g, "GET", PATH_DIRECTORY "?model=No%20Name", NULL);
    (void)h2_end(a.s, NULL);
    CHECK_INT(ask_refusal(&s, &a, 3000), CODE_BAD_REQUEST);
    ask_done(&a);
    node_done(&n), node_done(&stranger);
    gateway_done(&g);
    scene_end(&s);
}

TEST(keys_that_others_can_read_are_refused) {
    static const char *const names[] = {"coordinator.key", "tls.key"};
    struct scene s;
    struct why why = {{0}};
    char path[96];
    scene_init(&s);
    scene_start(&s); /* makes them */
    (void)coord_close(&s.c);
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", s.dir, names[i]);
        CHECK_INT(chmod(path, 0644), 0);
        CHECK_INT(coord_open(&s.c, s.loop, &s.o, s.dir, &why), ERR_PERM);
        CHECK(strstr(why.text, names[i]) && strstr(why.text, "chmod 600"));
        (void)coord_close(&s.c);
        CHECK_INT(chmod(path, 0600), 0);
    }
    CHECK_INT(coord_open(&s.c, s.loop, &s.o, s.dir, &why), 0);
    scene_end(&s);
}

TEST(clients_need_a_key_when_there_is_a_list) {
    struct scene s;
    struct gateway_actor g;
    struct ask a;
    char path[96];
    struct why why = {{0}};
    scene_init(&s);
    snprintf(path, sizeof path, "%s/clients", s.dir);
    CHECK_INT(file_write(path, "the-only-key\n", 13, 0600, &why), 0);
    s.o.client_keys = path;
    scene_start(&s);
    gateway_up(&g, &s);
    const char *keys[] = {NULL, "Bearer another-key", "Bearer the-only-key"};
    for (int i = 0; i < 3; i++) {
        ask_get(&s, &g, &a, PATH_DIRECTORY, keys[i]);
        CHECK_INT(a.status, i == 2 ? 200 : (int)code_http_status(CODE_REFUSED));
        ask_done(&a);
    }
    gateway_done(&g);
    scene_end(&s);
}

/* ---- directory ---- */
TEST(the_directory_shows_verifiable_records_with_load) {
    struct scene s;
    struct node_actor n[2];
    struct gateway_actor g;
    struct ask a;
    scene_init(&s);
    scene_start(&s);
    for (uint8_t i = 0; i < 2; i++) node_up(&n[i], &s, (uint8_t)(i + 1), JOB_KEEP);
    gateway_up(&g, &s);
    const char *paths[] = {PATH_DIRECTORY, PATH_DIRECTORY "?model=lull-toy:q8_0", PATH_DIRECTORY "?model=other"};
    for (int i = 0; i < 3; i++) {
        struct dirlist_head head;
        ask_get(&s, &g, &a, paths[i], NULL);
        CHECK(a.status == 200 && a.ended);
        struct reader r = reader_over(a.body.data, a.body.len);
        CHECK_INT(dirlist_read_head(&r, &head), 0);
        CHECK_INT(head.count, i == 2 ? 0 : 2);
        CHECK_MEM(head.coordinator_key, s.c.public_key, 32);
        for (unsigned k = 0; k < head.count; k++) {
            struct dirlist_entry e;
            struct record rec;
            CHECK_INT(dirlist_read_entry(&r, &e), 0);
            struct reader rr = reader_over(e.record, e.record_n);
            CHECK_INT(record_read(&rr, &rec), 0);
            CHECK_INT(record_verify(&rec, clock_unix_s()), 0);
            CHECK(e.slots == 1 && e.slots_free == 1 && e.load_permille == 100);
        }
        CHECK_INT(read_end(&r), 0);
        ask_done(&a);
    }
    for (int i = 0; i < 2; i++) node_done(&n[i]);
    gateway_done(&g);
    scene_end(&s);
}

TESTS_MAIN("relay", T(a_sealed_answer_arrives_whole_and_is_countersigned), T(a_large_envelope_passes_unchanged),
           T(a_statement_by_another_key_is_not_countersigned), T(a_lost_node_resets_the_request_at_once),
           T(a_job_broken_off_by_its_node_is_reset), T(a_cancelled_request_is_cancelled_at_the_node),
           T(a_lost_gateway_is_cancelled_at_the_node), T(a_nodes_code_reaches_the_gateway),
           T(bad_envelopes_are_refused_and_cost_no_slot), T(oversized_requests_are_refused_by_their_length),
           T(unknown_candidates_models_and_paths), T(keys_that_others_can_read_are_refused),
           T(clients_need_a_key_when_there_is_a_list), T(the_directory_shows_verifiable_records_with_load))
