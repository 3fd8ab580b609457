/* Tier attested with proofs of releases: the one about the node's engine is found, names what runs, and fails with what it says. */
#include <inttypes.h>

#include "base/file.h"
#include "base/hash.h"
#include "gateway/gw_releases.h"
#include "tests/unit/evidence/tlog_scene.h"
#include "tests/unit/gateway/shown.h"

enum { NOW = 1795600000, NOW_MS = 5000 };
#define ENGINE "lull-9.8.7"

static struct scene s;
static char folder[64];
static struct opt_list files;
static char path[4][128];
static struct ev_policy policy;
static struct gw_verdict v;

static void begin(void) {
    snprintf(folder, sizeof folder, "/tmp/lull-releases-XXXXXX");
    CHECK(mkdtemp(folder) != NULL);
    files.count = 0;
    policy = *ev_policy_strict();
}
static void end(void) {
    for (size_t i = 0; i < files.count; i++) CHECK_INT(remove(files.item[i]), 0);
    CHECK_INT(remove(folder), 0);
    scene_close(&s);
}
static void put(const void *p, size_t n) {
    size_t i = files.count++;
    snprintf(path[i], sizeof path[i], "%s/%zu", folder, i);
    CHECK_INT(file_write(path[i], p, n, 0600, NULL), 0);
    files.item[i] = path[i];
}
/* A log with one release, which lists that measurement and is in force until then; its proof becomes the next file. */
static void put_proof(const char *version, int measurement, int64_t until) {
    char leaf[512], state[512], hex[97], hash[65];
    uint8_t h[32], m[48];
    struct buf note, proof;
    memset(m, measurement, sizeof m);
    hex_encode(hex, m, sizeof m);
    snprintf(
        leaf, sizeof leaf,
        "{\"binary\":\"%064d\",\"measurements\":[{\"kind\":\"sev-snp\",\"value\":\"%s\"}],\"name\":\"lull\",\"type\":\"release\","
        "\"v\":1,\"version\":\"%s\"}",
        5, hex, version);
    tree_leaf_hash(h, leaf, strlen(leaf));
    hex_encode(hash, h, 32);
    snprintf(state, sizeof state,
             "{\"from\":%" PRId64 ",\"in_force\":[\"%s\"],\"revoked\":[],\"type\":\"state\",\"until\":%" PRId64 ",\"v\":1}",
             until - 7200, hash, until);
    scene_close(&s);
    scene_open(&s);
    scene_add(&s, leaf);
    scene_add(&s, state);
    scene_checkpoint(&s, &note, 2, NOW - 60);
    proof = prove(&s, &note, s.edge.size, 0, 1, 0);
    put(proof.data, proof.len);
    buf_release(&proof);
    buf_release(&note);
    policy.log = s.trust;
}
static void judge(int how) {
    static uint8_t wire[8192];
    uint8_t nonce[32] = {9}, id[32];
    struct keystmt k = {.not_before = NOW - 60, .not_after = NOW + 3600};
    struct buf release;
    strcpy(k.engine_id, ENGINE);
    keystmt_id(id, &k);
    (void)gw_releases_find(&release, &files, k.engine_id);
    struct gw_judge_input in = {.envelope = wire,
                                .n = shown_make(wire, sizeof wire, how, nonce, id, 1),
                                .keys = &k,
                                .nonce = nonce,
                                .policy = &policy,
                                .release = {release.data, release.len},
                                .now_s = NOW,
                                .now_ms = NOW_MS,
                                .asked_ms = NOW_MS,
                                .verify = shown_verify};
    gw_judge(&v, &in);
    buf_release(&release);
}
static void refused_for(const char *factor) {
    CHECK_INT(v.shows, EV_CLASS_NONE);
    if (!strstr(v.factors, factor)) fail_msg("%s is not among %s", factor, v.factors);
}

TEST(a_release_names_what_runs_where_the_policy_does_not) {
    begin();
    judge(SHOWN_ANY_PROGRAM);
    refused_for("measurement");
    put_proof("9.8.7", SHOWN_MEASURED, NOW + 3600);
    judge(SHOWN_ANY_PROGRAM);
    CHECK_STR(v.factors, "");
    CHECK_INT(v.shows, EV_T2);
    end();
}

TEST(another_measurement_than_the_releases_is_refused_though_the_policy_takes_it) {
    begin();
    put_proof("9.8.7", SHOWN_MEASURED + 1, NOW + 3600);
    judge(SHOWN_GOOD);
    refused_for("release_measurement");
    end();
}

TEST(a_release_that_is_no_longer_in_force_is_refused) {
    begin();
    put_proof("9.8.7", SHOWN_MEASURED, NOW - 10);
    judge(SHOWN_GOOD);
    refused_for("state_date");
    end();
}

TEST(a_policy_that_requires_a_release_takes_no_node_without_its_proof) {
    begin();
    put_proof("9.8.6", SHOWN_MEASURED, NOW + 3600); /* of the version before */
    judge(SHOWN_GOOD);
    CHECK_INT(v.shows, EV_T2);
    policy.log.release_required = 1;
    judge(SHOWN_GOOD);
    refused_for("release");
    end();
}

TEST(the_proof_about_the_engine_is_found_among_others_and_files_that_are_none) {
    struct buf b;
    begin();
    put("no proof", 8);
    put_proof("9.8.6", 1, NOW + 3600);
    put_proof("9.8.7", SHOWN_MEASURED, NOW + 3600);
    CHECK_INT(gw_releases_find(&b, &files, ENGINE), 0);
    buf_release(&b);
    CHECK_INT(gw_releases_find(&b, &files, "lull-9.8"), ERR_NOTFOUND);
    CHECK_INT(b.len, 0);
    files.item[files.count] = "/nonexistent/proof";
    struct opt_list more = files;
    more.count++;
    CHECK_INT(gw_releases_find(&b, &more, "lull-9.9.9"), ERR_NOTFOUND);
    end();
}

TESTS_MAIN("gw_releases", T(a_release_names_what_runs_where_the_policy_does_not),
           T(another_measurement_than_the_releases_is_refused_though_the_policy_takes_it),
           T(a_release_that_is_no_longer_in_force_is_refused),
           T(a_policy_that_requires_a_release_takes_no_node_without_its_proof),
           T(the_proof_about_the_engine_is_found_among_others_and_files_that_are_none))
