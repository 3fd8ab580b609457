/* Directory, pins and the draw of candidates: what the gateway believes, remembers and picks. */
#include "gateway/gw_draw.h"
#include "gateway/gw_pins.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "tests/check.h"

#include <stdlib.h>
#include <unistd.h>

enum { NOW = 1000000 };

/* ---- nodes with real signatures ---- */

struct made {
    struct record r;
    uint8_t bytes[RECORD_BYTES_MAX];
    size_t n;
};
static void make_node(struct made *m, uint8_t who, uint8_t operator, const char * model, uint8_t file) {
    uint8_t seed[32] = {who}, op_seed[32] = {operator, 9 }, secret[64], op_secret[64], op_public[32];
    *m = (struct made){0};
    struct record *r = &m->r;
    sign_keypair(r->keys.identity, secret, seed);
    sign_keypair(op_public, op_secret, op_seed);
    operator_id_of(r->keys.operator_id, op_public);
    r->keys.seal_key[0] = who, r->keys.receipt_key[0] = who;
    strcpy(r->keys.engine_id, "lull-test");
    r->keys.not_before = NOW - 100, r->keys.not_after = NOW + 3600;
    r->model_count = 1;
    r->models[0] = (struct manifest){.file_bytes = 5, .context = 128, .file_sha256 = {file}};
    strcpy(r->models[0].name, model);
    strcpy(r->models[0].profile, "C1-f16");
    operator_sign(&r->operator, r->keys.identity, NOW + 7200, op_secret);
    CHECK_INT(record_sign(r, secret), 0);
    struct writer w = writer_over(m->bytes, sizeof m->bytes);
    record_write(&w, r);
    CHECK_INT(w.err, 0);
    m->n = w.len;
}

static uint8_t body[1 << 18];
static size_t directory(struct made *const *list, size_t count) {
    struct writer w = writer_over(body, sizeof body);
    struct dirlist_head h = {.time_ms = 1, .coordinator_key = {7}, .count = (uint16_t)count};
    dirlist_write_head(&w, &h);
    for (size_t i = 0; i < count; i++) {
        struct dirlist_entry e = {.record = list[i]->bytes, .record_n = list[i]->n, .slots = 4, .slots_free = 2};
        dirlist_write_entry(&w, &e);
    }
    CHECK_INT(w.err, 0);
    return w.len;
}

TEST(verified_records_are_taken_others_are_counted) {
    static struct made a, b, c;
    struct gw_dir d;
    CHECK_INT(gw_dir_init(&d), 0);
    make_node(&a, 1, 1, "m:latest", 1);
    make_node(&b, 2, 1, "m:latest", 1);
    make_node(&c, 3, 1, "m:latest", 1);
    b.bytes[b.n - 1] ^= 1; /* its signature */
    CHECK_INT(gw_dir_take(&d, body, directory((struct made *[]){&a, &b, &c}, 3), NOW), 0);
    CHECK(d.count == 2 && d.refused == 1 && d.fresh && d.coordinator_key[0] == 7);
    CHECK(gw_dir_has_model(&d, "m:latest") && !gw_dir_has_model(&d, "m:other"));
    gw_dir_stale(&d);
    CHECK(!d.fresh && d.count == 2);
    gw_dir_release(&d);
}

TEST(a_known_record_is_still_checked_for_time) {
    static struct made a;
    struct gw_dir d;
    CHECK_INT(gw_dir_init(&d), 0);
    make_node(&a, 1, 1, "m:latest", 1);
    size_t n = directory((struct made *[]){&a}, 1);
    CHECK_INT(gw_dir_take(&d, body, n, NOW), 0);
    CHECK_INT(gw_dir_take(&d, body, n, NOW + 3599), 0);
    CHECK_INT(d.count, 1);
    CHECK_INT(gw_dir_take(&d, body, n, NOW + 3600), 0);
    CHECK(d.count == 0 && d.refused == 1);
    gw_dir_release(&d);
}

TEST(of_two_records_of_one_identity_the_newer_stays) {
    static struct made old, new;
    uint8_t seed[32] = {1}, secret[64], public[32];
    struct gw_dir d;
    CHECK_INT(gw_dir_init(&d), 0);
    make_node(&old, 1, 1, "m:latest", 1);
    make_node(&new, 1, 1, "m:latest", 1);
    sign_keypair(public, secret, seed);
    new.r.keys.not_before += 50;
    CHECK_INT(record_sign(&new.r, secret), 0);
    struct writer w = writer_over(new.bytes, sizeof new.bytes);
    record_write(&w, &new.r);
    for (int order = 0; order < 2; order++) {
        size_t n = directory(order ? (struct made *[]){&new, &old} : (struct made *[]){&old, &new}, 2);
        CHECK_INT(gw_dir_take(&d, body, n, NOW), 0);
        CHECK(d.count == 1 && d.nodes[0].record.keys.not_before == NOW - 50);
    }
    gw_dir_release(&d);
}

TEST(a_malformed_directory_changes_nothing) {
    static struct made a, b;
    struct gw_dir d;
    CHECK_INT(gw_dir_init(&d), 0);
    make_node(&a, 1, 1, "m:latest", 1);
    make_node(&b, 2, 1, "m:latest", 1);
    size_t n = directory((struct made *[]){&a, &b}, 2);
    CHECK_INT(gw_dir_take(&d, body, n, NOW), 0);
    uint8_t identity[32];
    memcpy(identity, d.nodes[0].record.keys.identity, 32);
    for (size_t cut = 0; cut < n; cut++) CHECK(gw_dir_take(&d, body, cut, NOW) < 0);
    body[n] = 0;
    CHECK(gw_dir_take(&d, body, n + 1, NOW) < 0);
    CHECK(d.count == 2 && memcmp(identity, d.nodes[0].record.keys.identity, 32) == 0);
    gw_dir_release(&d);
}

/* ---- pins ---- */

static int conflicts;
static void on_conflict(const char *name) {
    CHECK_STR(name, "m:latest");
    conflicts++;
}

TEST(the_first_manifest_of_a_name_is_kept_over_restarts) {
    static struct made a, b;
    char path[] = "/tmp/lull-pins-XXXXXX";
    int fd = mkstemp(path);
    CHECK(fd >= 0);
    close(fd);
    unlink(path);
    struct gw_dir d;
    struct pins p;
    struct why why = {{0}};
    static const struct gw_policy any, nobody = {.node_count = 1};
    uint8_t hash[32], other[32];
    CHECK_INT(gw_dir_init(&d), 0);
    make_node(&a, 1, 1, "m:latest", 1);
    make_node(&b, 2, 1, "m:latest", 2); /* another file under that name */
    manifest_hash(hash, &a.r.models[0]);
    CHECK_INT(pins_open(&p, path, &why), 0);
    CHECK_INT(gw_dir_take(&d, body, directory((struct made *[]){&a}, 1), NOW), 0);
    pins_compare(&p, &d, &any, on_conflict);
    CHECK(p.count == 0 && conflicts == 0); /* being listed pins nothing */
    CHECK_INT(pins_add(&p, "m:latest", hash, &why), 0);
    CHECK_INT(gw_dir_take(&d, body, directory((struct made *[]){&b, &a}, 2), NOW), 0);
    for (int i = 0; i < 3; i++) pins_compare(&p, &d, i ? &any : &nobody, on_conflict);
    CHECK_INT(conflicts, 1);
    manifest_hash(other, &b.r.models[0]);
    CHECK_INT(pins_add(&p, "m:latest", other, &why), 0); /* it stays what it was */
    pins_close(&p);
    CHECK_INT(pins_open(&p, path, &why), 0);
    CHECK(p.count == 1 && pins_find(&p, "m:latest") && memcmp(pins_find(&p, "m:latest")->manifest, hash, 32) == 0 &&
          !pins_find(&p, "m:q8_0"));
    CHECK_INT(pins_forget(&p, "m:q8_0", &why), ERR_NOTFOUND);
    CHECK_INT(pins_forget(&p, "m:latest", &why), 0);
    pins_close(&p);
    CHECK_INT(pins_open(&p, path, &why), 0);
    CHECK_INT(p.count, 0);
    pins_close(&p);
    gw_dir_release(&d);
    unlink(path);
}

TEST(a_damaged_pins_file_is_named_with_its_line) {
    static const char *const bad[] = {"m:latest\n", "m:latest zz\n", "NAME 00\n", " 00\n", "# fine\n\nm:latest 0\n"};
    char path[] = "/tmp/lull-pins-XXXXXX";
    int fd = mkstemp(path);
    CHECK(fd >= 0);
    close(fd);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct pins p;
        struct why why = {{0}};
        CHECK_INT(file_write(path, bad[i], strlen(bad[i]), 0600, &why), 0);
        CHECK_INT(pins_open(&p, path, &why), ERR_FORMAT);
        CHECK(strstr(why.text, i == 4 ? ":3:" : ":1:") != NULL);
        CHECK(p.list == NULL);
    }
    unlink(path);
}

/* ---- the draw ---- */

static uint32_t dice(void *arg, uint32_t below) {
    uint64_t *x = arg;
    *x = *x * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*x >> 33) % below;
}

enum { MANY = 40 };
static struct gw_dir dir;
static uint8_t manifest[32];
static struct progress progress;
static struct gw_policy policy;
static uint64_t state;

/* 40 nodes of five operators; every fourth serves another file. */
static void many_nodes(void) {
    static struct made m;
    if (!dir.nodes) CHECK_INT(gw_dir_init(&dir), 0);
    for (uint8_t i = 0; i < MANY; i++) {
        make_node(&m, (uint8_t)(i + 1), (uint8_t)(i % 5), "m:latest", i % 4 == 3);
        dir.nodes[i].record = m.r;
        if (i == 0) manifest_hash(manifest, &m.r.models[0]);
    }
    dir.count = MANY;
    dir.fresh = 1;
    progress_release(&progress);
    progress_init(&progress, 0, 1000, 0);
    policy = (struct gw_policy){.operator_count = 0};
    state = 1;
}
static size_t pick(size_t want, const struct gw_node *out[CANDIDATES_MAX]) {
    struct gw_wish w = {
        .model = "m:latest", .manifest = manifest, .policy = &policy, .progress = &progress, .want = want, .now_s = NOW};
    return gw_draw(&dir, &w, dice, &state, out);
}

TEST(the_draw_is_uniform_distinct_and_of_one_file) {
    const struct gw_node *out[CANDIDATES_MAX];
    unsigned seen[MANY] = {0};
    many_nodes();
    for (int run = 0; run < 3000; run++) {
        CHECK_INT(pick(3, out), 3);
        CHECK(out[0] != out[1] && out[1] != out[2] && out[0] != out[2]);
        for (int i = 0; i < 3; i++) seen[out[i] - dir.nodes]++;
    }
    for (int i = 0; i < MANY; i++) CHECK(i % 4 == 3 ? seen[i] == 0 : seen[i] > 200 && seen[i] < 400); /* 300 expected */
    CHECK_INT(pick(8, out), 8);
    dir.fresh = 0;
    CHECK_INT(pick(3, out), 0);
}

TEST(pinned_operators_and_nodes_are_a_limit) {
    const struct gw_node *out[CANDIDATES_MAX];
    many_nodes();
    memcpy(policy.operators[0], dir.nodes[2].record.keys.operator_id, OPERATOR_PIN_BYTES);
    policy.operator_count = 1;
    memcpy(policy.nodes[0], dir.nodes[0].record.keys.identity, 32);
    policy.node_count = 1;
    for (int run = 0; run < 200; run++) {
        size_t n = pick(8, out);
        CHECK_INT(n, 7); /* nodes 2, 12, 17, 22, 32, 37 of the operator (7 and 27 serve another file), and node 0 */
        for (size_t i = 0; i < n; i++) CHECK((out[i] - dir.nodes) % 5 == 2 || out[i] == dir.nodes);
    }
}

TEST(those_who_know_the_prompt_come_first_who_failed_comes_last) {
    const struct gw_node *out[CANDIDATES_MAX];
    uint8_t asked[3][32];
    many_nodes();
    for (int i = 0; i < 3; i++) memcpy(asked[i], dir.nodes[4 * i].record.keys.identity, 32);
    progress_sent(&progress, 0, (const uint8_t(*)[32])asked, 3);
    progress_lost(&progress, 0, asked[0], CAUSE_LOST, API_LOST);
    for (int run = 0; run < 100; run++) {
        CHECK_INT(pick(2, out), 2);
        for (int i = 0; i < 2; i++) CHECK(out[i] == &dir.nodes[4] || out[i] == &dir.nodes[8]);
        CHECK_INT(pick(8, out), 8);
        for (int i = 0; i < 8; i++) CHECK(out[i] != &dir.nodes[0]);
    }
    dir.count = 1; /* only the one that failed is left: better than nobody */
    CHECK_INT(pick(3, out), 1);
    progress_sent(&progress, 0, (const uint8_t(*)[32])asked, 3);
    progress_lost(&progress, 0, asked[0], CAUSE_BAD, API_BAD_ANSWER);
    CHECK_INT(pick(3, out), 0); /* but not one that answered wrongly */
}

TEST(no_more_than_sixteen_identities_ever) {
    const struct gw_node *out[CANDIDATES_MAX];
    many_nodes();
    for (int round = 0; round < 12; round++) {
        uint8_t ids[CANDIDATES_MAX][32];
        size_t n = pick(5, out);
        for (size_t i = 0; i < n; i++) memcpy(ids[i], out[i]->record.keys.identity, 32);
        if (n == 0) break;
        uint32_t before = progress.tried_count;
        progress_sent(&progress, 0, (const uint8_t(*)[32])ids, n);
        CHECK(progress.tried_count >= before && progress.tried_count <= PROGRESS_IDENTITIES_MAX);
        for (size_t i = 0; i < n; i++) { /* all of them turn out bad: the next round needs new ones */
            progress_lost(&progress, 0, ids[i], CAUSE_BAD, API_BAD_ANSWER);
            progress.state = PROGRESS_RUN, progress.fails = 0;
        }
    }
    CHECK_INT(progress.tried_count, PROGRESS_IDENTITIES_MAX);
    CHECK_INT(pick(5, out), 0);
    progress_release(&progress);
    gw_dir_release(&dir);
}

TESTS_MAIN("gateway choice", T(verified_records_are_taken_others_are_counted), T(a_known_record_is_still_checked_for_time),
           T(of_two_records_of_one_identity_the_newer_stays), T(a_malformed_directory_changes_nothing),
           T(the_first_manifest_of_a_name_is_kept_over_restarts), T(a_damaged_pins_file_is_named_with_its_line),
           T(the_draw_is_uniform_distinct_and_of_one_file), T(pinned_operators_and_nodes_are_a_limit),
           T(those_who_know_the_prompt_come_first_who_failed_comes_last), T(no_more_than_sixteen_identities_ever))
