/* Policies: what is read, what is refused so that nobody believes that a misspelt member narrows, and whose digest it is. */
#include "base/hash.h"
#include "evidence/policy.h"
#include "evidence/tlog_note.h"
#include "tests/check.h"

#define K1 "\"1111111111111111111111111111111111111111111111111111111111111111\""
#define K2 "\"2222222222222222222222222222222222222222222222222222222222222222\""

/* text must be refused, with a sentence that has `says` in it. */
static void refused(const char *text, const char *says) {
    struct why why = {{0}};
    struct ev_policy *p = ev_policy_read(text, strlen(text), &why);
    if (p || !strstr(why.text, says)) print_message("# %s: \"%s\"\n", text, why.text);
    CHECK(p == NULL);
    CHECK(strstr(why.text, says) != NULL);
}
static struct ev_policy *read(const char *text) {
    struct why why = {{0}};
    struct ev_policy *p = ev_policy_read(text, strlen(text), &why);
    if (!p) print_message("# %s: \"%s\"\n", text, why.text);
    CHECK(p != NULL);
    return p;
}

TEST(the_built_in_accepts_the_classes_of_tier_attested_and_no_others) {
    const struct ev_policy *p = ev_policy_strict();
    char text[64];
    uint8_t digest[32];
    CHECK(p == ev_policy_strict());
    ev_policy_classes(p, text, sizeof text);
    CHECK_STR(text, "T1, T2, T3, A2");
    CHECK(!ev_policy_accepts(p, EV_T0) && !ev_policy_accepts(p, EV_A1) && !ev_policy_accepts(p, EV_CLASS_NONE));
    CHECK(!p->log.given && !p->operators.given && !p->classes_given);
    sha256_of(digest, ev_policy_strict_text(), strlen(ev_policy_strict_text()));
    CHECK_MEM(p->digest, digest, 32);
}

TEST(the_text_of_the_built_in_reads_as_the_built_in) {
    struct ev_policy *p = read(ev_policy_strict_text());
    const struct ev_policy *strict = ev_policy_strict();
    CHECK_MEM(p->digest, strict->digest, 32);
    CHECK(p->classes == strict->classes && p->max_age_s == strict->max_age_s && !p->classes_given && !p->log.given);
    ev_policy_free(p);
}

TEST(all_members_are_read) {
    struct ev_policy *p = read(
        "{\"version\":1,\"max_age\":60,\"classes\":[\"T0\",\"T3\"],\"operators\":[\"00112233445566778899aabbccddeeff\"],"
        "\"log\":{\"origin\":\"log.example/lull\",\"key\":" K1 ",\"witnesses\":[" K1 "," K2 "],\"k\":2}}");
    char text[4];
    CHECK_INT(p->max_age_s, 60);
    CHECK(ev_policy_accepts(p, EV_T0) && ev_policy_accepts(p, EV_T3) && !ev_policy_accepts(p, EV_T2));
    CHECK(p->classes_given);
    ev_policy_classes(p, text, sizeof text);
    CHECK_STR(text, "T0");
    CHECK_INT(p->operators.count, 1);
    CHECK_STR(p->log.origin, "log.example/lull");
    CHECK(p->log.given && p->log.k == 2 && p->log.witnesses == 2 && p->log.witness[1][31] == 0x22);
    ev_policy_free(p);
}

TEST(a_version_that_is_absent_or_unknown_is_refused) {
    refused("{}", "\"version\" is missing");
    refused("{\"version\":2}", "not 1");
    refused("{\"version\":0}", "not 1");
    refused("{\"version\":\"1\"}", "not 1");
    refused("{\"version\":true}", "not 1");
    refused("[]", "object");
    refused("1", "object");
}

TEST(a_member_that_is_not_known_is_refused_and_so_is_one_that_adds_a_root) {
    refused("{\"version\":1,\"max_agee\":60}", "max_agee");
    refused("{\"version\":1,\"roots\":[\"-----BEGIN CERTIFICATE-----\"]}", "\"roots\"");
    refused("{\"version\":1,\"allow_debug\":true}", "allow_debug");
    refused("{\"version\":1,\"log\":{\"origin\":\"a\",\"key\":" K1 ",\"witnesses\":[" K1 "],\"k\":1,\"roots\":[]}}", "\"roots\"");
}

TEST(a_value_of_another_type_or_out_of_range_is_refused) {
    static const char *const bad[][2] = {
        {"{\"version\":1,\"max_age\":0}", "max_age"},
        {"{\"version\":1,\"max_age\":86401}", "max_age"}, /* cannot be made laxer */
        {"{\"version\":1,\"max_age\":\"60\"}", "max_age"},
        {"{\"version\":1,\"max_age\":null}", "max_age"},
        {"{\"version\":1,\"max_age\":1.5}", "fraction"},
        {"{\"version\":1,\"version\":1}", "twice"},
        {"{\"version\":1,\"classes\":[]}", "classes"},
        {"{\"version\":1,\"classes\":\"T1\"}", "classes"},
        {"{\"version\":1,\"classes\":[\"T9\"]}", "classes"},
        {"{\"version\":1,\"classes\":[\"none\"]}", "classes"},
        {"{\"version\":1,\"classes\":[\"T1\\u0000\"]}", "classes"},
        {"{\"version\":1,\"operators\":[]}", "operators"},
        {"{\"version\":1,\"operators\":[\"0011\"]}", "operators"},
        {"{\"version\":1,\"operators\":[\"00112233445566778899AABBCCDDEEFF\"]}", "operators"},
        {"{\"version\":1,\"log\":null}", "log"},
        {"{\"version\":1,\"log\":{}}", "origin"},
        {"{\"version\":1,\"log\":{\"origin\":\"a b\",\"key\":" K1 ",\"witnesses\":[" K1 "],\"k\":1}}", "origin"},
        {"{\"version\":1,\"log\":{\"origin\":\"a\",\"key\":\"11\",\"witnesses\":[" K1 "],\"k\":1}}", "key"},
        {"{\"version\":1,\"log\":{\"origin\":\"a\",\"key\":" K1 ",\"k\":1}}", "witnesses"},
        {"{\"version\":1,\"log\":{\"origin\":\"a\",\"key\":" K1 ",\"witnesses\":[" K1 "]}}", "\"k\""},
        {"{\"version\":1,\"log\":{\"origin\":\"a\",\"key\":" K1 ",\"witnesses\":[" K1 "],\"k\":0}}", "\"k\""},
        {"{\"version\":1,\"log\":{\"origin\":\"a\",\"key\":" K1 ",\"witnesses\":[" K1 "],\"k\":2}}", "\"k\""},
        {"{\"version\":1,\"log\":{\"origin\":\"a\",\"key\":" K1 ",\"witnesses\":[" K1 "," K1 "],\"k\":2}}", "twice"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) refused(bad[i][0], bad[i][1]);
}

/* Keys as `lull log` prints them: of C2SP's examples, and the same in digits. */
TEST(keys_of_a_log_are_taken_as_the_log_prints_them) {
    char text[1024], log_key[256], witness[256], hex[2][65];
    struct tlog_key k[2];
    uint8_t seed[2][32] = {{1}, {2}};
    CHECK_INT(tlog_key_of(&k[0], "log.example/lull", TLOG_SIG_ED25519, seed[0]), 0);
    CHECK_INT(tlog_key_of(&k[1], "witness.example", TLOG_SIG_COSIGNATURE, seed[1]), 0);
    CHECK_INT(tlog_vkey_text(log_key, &k[0]), 0);
    CHECK_INT(tlog_vkey_text(witness, &k[1]), 0);
    for (int i = 0; i < 2; i++) hex_encode(hex[i], k[i].key, 32);
#define LOG "{\"version\":1,\"log\":{\"origin\":\"%s\",\"key\":\"%s\",\"witnesses\":[\"%s\"],\"k\":1}}"
    snprintf(text, sizeof text, LOG, "log.example/lull", log_key, witness);
    struct ev_policy *p = read(text);
    CHECK(p && p->log.given && memcmp(p->log.key, k[0].key, 32) == 0 && memcmp(p->log.witness[0], k[1].key, 32) == 0);
    ev_policy_free(p);
    snprintf(text, sizeof text, LOG, "log.example/lull", hex[0], witness);
    p = read(text);
    CHECK(p && memcmp(p->log.key, k[0].key, 32) == 0 && memcmp(p->log.witness[0], k[1].key, 32) == 0);
    ev_policy_free(p);
    snprintf(text, sizeof text, LOG, "log.example/other", log_key, witness); /* another log's */
    refused(text, "key");
    snprintf(text, sizeof text, LOG, "log.example/lull", witness, witness); /* a witness is no log */
    refused(text, "key");
    snprintf(text, sizeof text, LOG, "log.example/lull", log_key, log_key); /* nor a log a witness */
    refused(text, "witnesses");
    log_key[strlen(log_key) - 2] ^= 1; /* its id is another key's */
    snprintf(text, sizeof text, LOG, "log.example/lull", log_key, witness);
    refused(text, "key");
}

TEST(two_spellings_of_one_policy_have_one_digest) {
    struct ev_policy *a = read("{\"version\":1,\"max_age\":60}"), *b = read("{ \"max_age\": 60,\n  \"version\": 1 }\n"),
                     *c = read("{\"version\":1,\"max_age\":61}");
    CHECK_MEM(a->digest, b->digest, 32);
    CHECK(memcmp(a->digest, c->digest, 32) != 0);
    ev_policy_free(a);
    ev_policy_free(b);
    ev_policy_free(c);
}

TEST(a_policy_over_its_limit_is_refused) {
    static char big[EV_POLICY_BYTES_MAX + 1];
    struct why why = {{0}};
    memset(big, ' ', sizeof big);
    memcpy(big, "{\"version\":1}", 13);
    CHECK(ev_policy_read(big, sizeof big, &why) == NULL);
    CHECK(strstr(why.text, "over") != NULL);
    struct ev_policy *p = ev_policy_read(big, sizeof big - 1, &why);
    CHECK(p != NULL);
    ev_policy_free(p);
}

TEST(a_kind_that_there_is_not_is_unsupported) {
    static struct ev_report r;
    const struct ev_input in = {.policy = ev_policy_strict()};
    ev_verify(EV_KIND_NONE, &in, &r);
    CHECK_INT(ev_report_verdict(&r), EV_UNSUPPORTED);
    CHECK(ev_report_failed(&r, "kind") != NULL);
    ev_verify((enum ev_kind)99, &in, &r);
    CHECK_INT(ev_report_verdict(&r), EV_UNSUPPORTED);
}

TESTS_MAIN("policy", T(the_built_in_accepts_the_classes_of_tier_attested_and_no_others),
           T(the_text_of_the_built_in_reads_as_the_built_in), T(all_members_are_read),
           T(a_version_that_is_absent_or_unknown_is_refused),
           T(a_member_that_is_not_known_is_refused_and_so_is_one_that_adds_a_root),
           T(a_value_of_another_type_or_out_of_range_is_refused), T(keys_of_a_log_are_taken_as_the_log_prints_them),
           T(two_spellings_of_one_policy_have_one_digest), T(a_policy_over_its_limit_is_refused),
           T(a_kind_that_there_is_not_is_unsupported))
