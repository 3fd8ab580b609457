/* Verdicts on nodes' evidence: how long one holds, under which policy, what is refused and for which factor; and the draw among those
 * that have shown something. */
#include "gateway/gw_draw.h"
#include "tests/unit/gateway/shown.h"

#include "base/mem.h"

enum { NOW = 1795600000, NOW_MS = 5000000 };
static uint8_t wire[EV_ENVELOPE_BYTES_MAX + 1];
static struct gw_verdict v;

static struct keystmt keys_of(uint8_t who) {
    struct keystmt k = {.not_before = NOW - 100, .not_after = NOW + 3600};
    memset(k.identity, who, 32);
    memset(k.seal_key, who + 1, 32);
    strcpy(k.engine_id, "lull-test");
    return k;
}
static void nonce_of(uint8_t nonce[32], uint8_t n) { memset(nonce, n, 32); }

/* ---- the cache ---- */

static struct gw_verdict about(uint8_t who, enum ev_class shows, uint64_t until_s, uint64_t until_ms) {
    struct gw_verdict one = {.shows = shows, .until_s = until_s, .until_ms = until_ms};
    memset(one.key_id, who, 32);
    return one;
}
static enum ev_class class_at(const struct gw_verdicts *c, uint8_t who, uint64_t now_s, uint64_t now_ms) {
    uint8_t key[32];
    memset(key, who, 32);
    return gw_verdicts_class(c, key, now_s, now_ms);
}

TEST(a_verdict_ends_with_the_key_statement_and_with_the_policys_max_age) {
    static const uint8_t policy[32] = {7};
    struct gw_verdicts c;
    CHECK_INT(gw_verdicts_init(&c, policy), 0);
    struct gw_verdict one = about(1, EV_T1, 100, 1000), two = about(2, EV_T2, 1000, 50);
    gw_verdicts_put(&c, &one, 0, 0);
    gw_verdicts_put(&c, &two, 0, 0);
    CHECK_INT(class_at(&c, 1, 99, 999), EV_T1);
    CHECK_INT(class_at(&c, 1, 100, 0), EV_CLASS_NONE); /* the key statement is over */
    CHECK_INT(class_at(&c, 2, 0, 49), EV_T2);
    CHECK_INT(class_at(&c, 2, 0, 50), EV_CLASS_NONE); /* max_age is */
    CHECK_INT(class_at(&c, 3, 0, 0), EV_CLASS_NONE);  /* another key */
    gw_verdicts_release(&c);
}

TEST(a_verdict_under_one_policy_is_none_under_another) {
    static const uint8_t policy[32] = {7};
    struct gw_verdicts c;
    CHECK_INT(gw_verdicts_init(&c, policy), 0);
    struct gw_verdict one = about(1, EV_T3, 100, 100);
    gw_verdicts_put(&c, &one, 0, 0);
    c.policy[31] ^= 1;
    CHECK_INT(class_at(&c, 1, 0, 0), EV_CLASS_NONE);
    c.policy[31] ^= 1;
    CHECK_INT(class_at(&c, 1, 0, 0), EV_T3);
    gw_verdicts_release(&c);
}

TEST(a_later_refusal_takes_the_place_of_a_good_verdict) {
    static const uint8_t policy[32] = {7};
    struct gw_verdicts c;
    CHECK_INT(gw_verdicts_init(&c, policy), 0);
    struct gw_verdict good = about(1, EV_T2, 100, 100), bad = about(1, EV_CLASS_NONE, 100, 100);
    gw_verdicts_put(&c, &good, 0, 0);
    gw_verdicts_put(&c, &bad, 0, 0);
    CHECK_INT(class_at(&c, 1, 0, 0), EV_CLASS_NONE);
    CHECK_INT(c.count, 1);
    gw_verdicts_release(&c);
}

TEST(verdicts_are_bounded_and_what_is_over_goes_first) {
    static const uint8_t policy[32] = {7};
    struct gw_verdicts c;
    CHECK_INT(gw_verdicts_init(&c, policy), 0);
    for (uint32_t i = 0; i < VERDICTS_MAX + 500; i++) {
        struct gw_verdict one = about(0, EV_T1, 1000, 1000 + i);
        memcpy(one.key_id, &i, sizeof i);
        if (i == 5) one.until_ms = 10;
        gw_verdicts_put(&c, &one, 0, i == VERDICTS_MAX ? 20 : 0);
        if (i == VERDICTS_MAX) CHECK_MEM(c.list[5].key_id, &i, sizeof i);
    }
    CHECK_INT(c.count, VERDICTS_MAX);
    gw_verdicts_release(&c);
}

TEST(the_weaker_class_is_told) {
    CHECK_INT(gw_weaker_class(EV_T3, EV_T1), EV_T1);
    CHECK_INT(gw_weaker_class(EV_T1, EV_T2), EV_T1);
    CHECK_INT(gw_weaker_class(EV_A2, EV_T2), EV_A2);
    CHECK_INT(gw_weaker_class(EV_CLASS_NONE, EV_T2), EV_T2);
    CHECK_INT(gw_weaker_class(EV_T2, EV_CLASS_NONE), EV_T2);
}

/* ---- judging ---- */

static struct gw_judge_input input(const struct keystmt *k, const uint8_t nonce[32], size_t n) {
    return (struct gw_judge_input){.envelope = wire,
                                   .n = n,
                                   .keys = k,
                                   .nonce = nonce,
                                   .policy = ev_policy_strict(),
                                   .now_s = NOW,
                                   .now_ms = NOW_MS,
                                   .asked_ms = NOW_MS - 300,
                                   .verify = shown_verify};
}
static void judge(const struct keystmt *k, const uint8_t nonce[32], size_t n) {
    struct gw_judge_input in = input(k, nonce, n);
    gw_judge(&v, &in);
}
static size_t made(int how, const struct keystmt *k, const uint8_t nonce[32]) {
    uint8_t id[32];
    keystmt_id(id, k);
    return shown_make(wire, sizeof wire, how, nonce, id, 1);
}
static void refused_for(const char *factor) {
    CHECK_INT(v.shows, EV_CLASS_NONE);
    CHECK(!v.passing && strstr(v.factors, factor) != NULL);
    CHECK_INT(v.until_ms, NOW_MS + VERDICT_REFUSED_MS);
}

TEST(good_evidence_holds_for_the_key_statement_from_when_it_was_asked_for) {
    uint8_t nonce[32], id[32];
    struct keystmt k = keys_of(1);
    nonce_of(nonce, 9);
    keystmt_id(id, &k);
    judge(&k, nonce, made(SHOWN_GOOD, &k, nonce));
    CHECK_INT(v.shows, EV_T2);
    CHECK_STR(v.factors, "");
    CHECK_MEM(v.key_id, id, 32);
    CHECK_INT(v.until_s, NOW + 3600);
    CHECK_INT(v.until_ms, NOW_MS - 300 + (uint64_t)ev_policy_strict()->max_age_s * 1000);
}

TEST(evidence_of_another_node_or_for_another_nonce_is_refused) {
    uint8_t nonce[32], older[32];
    struct keystmt a = keys_of(1), b = keys_of(2), renewed = keys_of(1);
    nonce_of(nonce, 9);
    nonce_of(older, 8);
    judge(&b, nonce, made(SHOWN_GOOD, &a, nonce)); /* B relays what A made for this very nonce */
    refused_for("nonce");
    judge(&a, nonce, made(SHOWN_GOOD, &a, older)); /* an answer of an earlier ask */
    refused_for("nonce");
    renewed.not_before += 50;
    judge(&renewed, nonce, made(SHOWN_GOOD, &a, nonce)); /* of the key statement before */
    refused_for("nonce");
    judge(&a, nonce, made(SHOWN_GOOD, &a, nonce));
    CHECK_INT(v.shows, EV_T2);
}

TEST(what_the_policy_does_not_want_is_refused_by_name) {
    uint8_t nonce[32];
    struct keystmt k = keys_of(1);
    nonce_of(nonce, 9);
    judge(&k, nonce, made(SHOWN_DEBUG, &k, nonce));
    refused_for("debug");
    CHECK(!strstr(v.factors, "cpu")); /* the member's factors, not its label */
    judge(&k, nonce, made('x', &k, nonce));
    refused_for("signature");
}

TEST(a_policy_that_lets_any_program_run_gives_no_tier_attested) {
    uint8_t nonce[32];
    struct keystmt k = keys_of(1);
    nonce_of(nonce, 9);
    judge(&k, nonce, made(SHOWN_ANY_PROGRAM, &k, nonce));
    refused_for("measurement");
}

TEST(class_t0_is_not_attested_even_where_a_policy_takes_it) {
    static const char text[] = "{\"classes\":[\"T0\",\"T2\"],\"version\":1}";
    uint8_t nonce[32], id[32];
    struct keystmt k = keys_of(1);
    struct why why = {{0}};
    struct ev_policy *p = ev_policy_read(text, sizeof text - 1, &why);
    CHECK(p != NULL);
    nonce_of(nonce, 9);
    keystmt_id(id, &k);
    struct gw_judge_input in = input(&k, nonce, shown_make(wire, sizeof wire, SHOWN_GOOD, nonce, id, 0));
    in.policy = p;
    gw_judge(&v, &in);
    refused_for("class");
    ev_policy_free(p);
}

TEST(no_envelope_an_oversized_one_and_every_cut_of_one_are_refused) {
    uint8_t nonce[32];
    struct keystmt k = keys_of(1);
    nonce_of(nonce, 9);
    judge(&k, nonce, 0);
    refused_for("envelope");
    size_t n = made(SHOWN_GOOD, &k, nonce);
    for (size_t cut = 1; cut < n; cut++) {
        judge(&k, nonce, cut);
        CHECK_INT(v.shows, EV_CLASS_NONE);
    }
    judge(&k, nonce, sizeof wire);
    refused_for("envelope");
}

TEST(the_roots_are_the_pinned_ones_unless_a_test_says_otherwise) {
    uint8_t nonce[32];
    struct keystmt k = keys_of(1);
    nonce_of(nonce, 9);
    struct gw_judge_input in = input(&k, nonce, made(SHOWN_GOOD, &k, nonce));
    in.verify = NULL;
    gw_judge(&v, &in);
    CHECK_INT(v.shows, EV_CLASS_NONE);
    CHECK(v.factors[0] != 0);
}

/* ---- the draw ---- */

static uint32_t first(void *arg, uint32_t below) { return (void)arg, (void)below, 0; }

TEST(only_nodes_with_a_verdict_are_drawn_and_tier_sealed_needs_none) {
    static const uint8_t policy[32] = {7};
    static struct progress p;
    struct gw_policy any = {.node_count = 0};
    struct gw_verdicts c;
    struct gw_dir d;
    const struct gw_node *out[CANDIDATES_MAX];
    uint8_t manifest[32];
    CHECK_INT(gw_dir_init(&d), 0);
    CHECK_INT(gw_verdicts_init(&c, policy), 0);
    progress_init(&p, 0, 60000, 0);
    for (uint8_t i = 0; i < 4; i++) {
        struct record *r = &d.nodes[i].record;
        r->keys = keys_of((uint8_t)(i + 1));
        r->model_count = 1;
        r->models[0] = (struct manifest){.file_bytes = 5, .context = 128};
        strcpy(r->models[0].name, "m:latest");
        strcpy(r->models[0].profile, "C1-f16");
        keystmt_id(d.nodes[i].key_id, &r->keys);
    }
    manifest_hash(manifest, &d.nodes[0].record.models[0]);
    d.count = 4, d.fresh = 1;
    struct gw_wish w = {
        .model = "m:latest", .manifest = manifest, .policy = &any, .progress = &p, .want = 3, .now_s = NOW, .now_ms = NOW_MS};
    CHECK_INT(gw_draw(&d, &w, first, NULL, out), 3);
    w.verdicts = &c;
    CHECK_INT(gw_draw(&d, &w, first, NULL, out), 0);
    for (int i = 0; i < 3; i++) { /* node 0 refused, node 1 good, node 2 good until now */
        struct gw_verdict one = {
            .shows = i ? EV_T2 : EV_CLASS_NONE, .until_s = NOW + 5, .until_ms = i == 2 ? NOW_MS : NOW_MS + 5};
        memcpy(one.key_id, d.nodes[i].key_id, 32);
        gw_verdicts_put(&c, &one, NOW, 0);
    }
    CHECK_INT(gw_draw(&d, &w, first, NULL, out), 1);
    CHECK(out[0] == &d.nodes[1]);
    progress_release(&p);
    gw_verdicts_release(&c);
    gw_dir_release(&d);
}

TESTS_MAIN("gw_verdicts", T(a_verdict_ends_with_the_key_statement_and_with_the_policys_max_age),
           T(a_verdict_under_one_policy_is_none_under_another), T(a_later_refusal_takes_the_place_of_a_good_verdict),
           T(verdicts_are_bounded_and_what_is_over_goes_first), T(the_weaker_class_is_told),
           T(good_evidence_holds_for_the_key_statement_from_when_it_was_asked_for),
           T(evidence_of_another_node_or_for_another_nonce_is_refused), T(what_the_policy_does_not_want_is_refused_by_name),
           T(a_policy_that_lets_any_program_run_gives_no_tier_attested), T(class_t0_is_not_attested_even_where_a_policy_takes_it),
           T(no_envelope_an_oversized_one_and_every_cut_of_one_are_refused),
           T(the_roots_are_the_pinned_ones_unless_a_test_says_otherwise),
           T(only_nodes_with_a_verdict_are_drawn_and_tier_sealed_needs_none))
