/* AWS Nitro: the real document, the rule for the nonce, policies. What must fail is a table: test_nitro_mutations.c. */
#include "base/json.h"
#include "evidence/policy.h"
#include "tests/unit/evidence/nitro_scene.h"

static struct ev_report r;

static void read_policy(struct nitro_policy *p, const char *text) {
    json_t *j = NULL;
    struct why why = {""};
    CHECK_INT(json_parse(&j, text, strlen(text), NULL), 0);
    CHECK_INT(nitro_policy_read(j, p, &why), 0);
    json_decref(j);
}

#define PCR0                                                                                 \
    "eb7d0dab08ff41546d7e5659aee883af7b32bb2e58e46815b719f9f7bfae7b880188a10d86317e65099237" \
    "40526cf74a"

TEST(the_real_document_is_good_through_the_public_entry) {
    struct ev_input in = {.evidence = {real_doc, real_n}, .policy = ev_policy_strict(), .now = REAL_NOW};
    ev_verify(EV_AWS_NITRO, &in, &r);
    CHECK(maker_judged("real", &r, EV_OK, NULL));
    CHECK_INT(ev_report_class(&r), EV_T2);
    CHECK_STR(report_fact(&r, "module_id"), "i-0827e799ec9232d44-enc019b5640fdf630d6");
    CHECK_STR(report_fact(&r, "timestamp"), "2025-12-25T16:04:19Z");
    CHECK(strncmp(report_fact(&r, "pcr0"), "eb7d0dab08ff41546d7e5659aee883af", 32) == 0 && strlen(report_fact(&r, "pcr0")) == 96);
    CHECK(report_unchecked(&r, "nonce") && report_unchecked(&r, "measurement") && !report_noted_good(&r, "pcrs"));
    static const char *const names[] = {"format",    "cose_algorithm", "certificates", "chain", "dates",
                                        "signature", "digest",         "timestamp",    "debug"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) CHECK(report_noted_good(&r, names[i]));
}

TEST(the_real_document_is_good_in_the_frame_that_dstack_stores_it_in) {
    judge_real(&r, framed_doc, framed_n, REAL_NOW);
    CHECK(maker_judged("framed", &r, EV_OK, NULL));
}

TEST(the_real_document_expires_with_its_certificate) {
    judge_real(&r, real_doc, real_n, REAL_FROM);
    CHECK(maker_judged("first second", &r, EV_OK, NULL));
    judge_real(&r, real_doc, real_n, REAL_TO - 1);
    CHECK(maker_judged("last second", &r, EV_OK, NULL));
    judge_real(&r, real_doc, real_n, REAL_TO + 1);
    CHECK(maker_judged("after", &r, EV_INVALID, "dates"));
    judge_real(&r, real_doc, real_n, REAL_FROM - 1);
    CHECK(maker_judged("before", &r, EV_INVALID, "dates"));
}

TEST(nothing_is_noted_as_good_once_the_chain_is_not) {
    judge_real(&r, real_doc, real_n, REAL_TO + 1);
    static const char *const names[] = {"signature", "digest", "timestamp", "debug", "pcrs", "nonce", "chain"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) CHECK(!report_noted_good(&r, names[i]));
    CHECK_INT(r.facts, 0);
}

TEST(the_real_user_data_is_the_binding_when_there_is_no_nonce) {
    uint8_t want[64] = {0}; /* SHA-256 of nothing, then zeros */
    sha256_of(want, NULL, 0);
    struct nitro_policy p;
    struct ev_anchors pinned = ev_pinned(EV_ROOTS_NITRO);
    nitro_policy_strict(&p);
    judge_with(&r, real_doc, real_n, want, 64, REAL_NOW, &p, &pinned);
    CHECK(maker_judged("user data", &r, EV_OK, NULL));
    CHECK(report_noted_good(&r, "nonce"));
    judge_with(&r, real_doc, real_n, want, 32, REAL_NOW, &p, &pinned);
    CHECK(maker_judged("a prefix", &r, EV_INVALID, "nonce"));
    read_policy(&p, "{\"binding\":\"nonce\"}");
    judge_with(&r, real_doc, real_n, want, 64, REAL_NOW, &p, &pinned);
    CHECK(maker_judged("only nonce", &r, EV_INVALID, "nonce"));
    read_policy(&p, "{\"binding\":\"user_data\",\"pcrs\":{\"0\":[\"" PCR0 "\"]}}");
    judge_with(&r, real_doc, real_n, want, 64, REAL_NOW, &p, &pinned);
    CHECK(maker_judged("only user data, and a PCR", &r, EV_OK, NULL));
    CHECK(!report_unchecked(&r, "measurement") && report_noted_good(&r, "pcrs"));
}

/* An enclave that signs any nonce it is sent must not thereby sign somebody's binding value, nor the other way round. */
TEST(a_value_in_the_other_place_is_no_nonce) {
    struct twin t = twin_default();
    struct nitro_policy p;
    nitro_policy_strict(&p);
    t.nonce = (struct ev_bytes){(const uint8_t *)"chosen", 6};
    t.user_data = (struct ev_bytes){(const uint8_t *)"bound", 5};
    judge_twin(&r, &t, "chosen", &p, TWIN_NOW);
    CHECK(maker_judged("nonce", &r, EV_OK, NULL));
    judge_twin(&r, &t, "bound", &p, TWIN_NOW);
    CHECK(maker_judged("user data beside a nonce", &r, EV_INVALID, "nonce"));
    p.binding = NITRO_USER_DATA;
    judge_twin(&r, &t, "bound", &p, TWIN_NOW);
    CHECK(maker_judged("user data by policy", &r, EV_OK, NULL));
    judge_twin(&r, &t, "chosen", &p, TWIN_NOW);
    CHECK(maker_judged("nonce where the policy takes user data", &r, EV_INVALID, "nonce"));
    t.nonce.n = 0;
    p.binding = NITRO_NONCE_ELSE_USER_DATA;
    judge_twin(&r, &t, "bound", &p, TWIN_NOW);
    CHECK(maker_judged("an empty nonce", &r, EV_OK, NULL));
}

TEST(genuine_documents_come_in_several_spellings) {
    struct nitro_policy p;
    nitro_policy_strict(&p);
    for (int i = 0; i < 6; i++) {
        struct twin t = twin_default();
        static const uint8_t most[1024];
        if (i == 1) t.tagged = 1;
        if (i == 2) t.indefinite = t.unknown = 1;
        if (i == 3) t.drop = M_KEY | M_USER | M_NONCE;
        if (i == 4) t.no_middle = 2;
        if (i == 5) t.public_key = t.user_data = (struct ev_bytes){most, 1024};
        for (int k = 16; k < 32 && i == 5; k++) t.pcr[k] = k;
        judge_twin(&r, &t, NULL, &p, TWIN_NOW);
        CHECK(maker_judged("spelling", &r, EV_OK, NULL));
        CHECK_INT(ev_report_class(&r), EV_T2);
    }
}

TEST(policies_name_pcrs_and_an_age) {
    struct nitro_policy p;
    char text[600], one[97], two[97];
    for (int i = 0; i < 48; i++) snprintf(one + 2 * i, 3, "01"), snprintf(two + 2 * i, 3, "02");
    struct twin t = twin_default();
    snprintf(text, sizeof text, "{\"pcrs\":{\"0\":[\"%s\",\"%s\"],\"1\":[\"%s\"]},\"max_age\":60}", two, one, two);
    read_policy(&p, text);
    judge_twin(&r, &t, NULL, &p, TWIN_NOW);
    CHECK(maker_judged("the policy's values", &r, EV_OK, NULL));
    judge_twin(&r, &t, NULL, &p, TWIN_NOW + 60);
    CHECK(maker_judged("one second too old", &r, EV_REFUSED, "timestamp"));
    judge_twin(&r, &t, NULL, &p, TWIN_NOW + 59);
    CHECK(maker_judged("just not too old", &r, EV_OK, NULL));
    t.timestamp_ms += 302 * 1000;
    judge_twin(&r, &t, NULL, &p, TWIN_NOW);
    CHECK(maker_judged("from the future", &r, EV_INVALID, "timestamp"));
    t = twin_default();
    t.pcr[1] = 1;
    judge_twin(&r, &t, NULL, &p, TWIN_NOW);
    CHECK(maker_judged("a value of another PCR", &r, EV_REFUSED, "pcrs"));
}

/* PCR 4 is which machine it is, 16 and on are the program's own to fill: a policy of them says nothing of what runs. */
TEST(what_runs_is_named_by_the_image_or_by_who_signed_it) {
    static const struct {
        const char *pcr;
        int named;
    } rows[] = {{"0", 1}, {"8", 1}, {"1", 0}, {"3", 0}, {"4", 0}, {"16", 0}};
    struct nitro_policy p;
    char text[200], one[97];
    for (int i = 0; i < 48; i++) snprintf(one + 2 * i, 3, "01");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct twin t = twin_default();
        t.pcr[atoi(rows[i].pcr)] = 1;
        snprintf(text, sizeof text, "{\"pcrs\":{\"%s\":[\"%s\"]}}", rows[i].pcr, one);
        read_policy(&p, text);
        judge_twin(&r, &t, NULL, &p, TWIN_NOW);
        CHECK(maker_judged("one PCR", &r, EV_OK, NULL));
        CHECK(report_noted_good(&r, "pcrs"));
        CHECK_INT(report_unchecked(&r, "measurement"), !rows[i].named);
    }
}

TEST(a_policy_that_is_none_is_refused) {
    static const char *const bad[] = {
        "[]",
        "{\"pcr\":{}}",
        "{\"pcrs\":{}}",
        "{\"pcrs\":[]}",
        "{\"pcrs\":{\"0\":[]}}",
        "{\"pcrs\":{\"0\":[\"00\"]}}",
        "{\"pcrs\":{\"00\":[\"" PCR0 "\"]}}",
        "{\"pcrs\":{\"32\":[\"" PCR0 "\"]}}",
        "{\"pcrs\":{\"-1\":[\"" PCR0 "\"]}}",
        "{\"pcrs\":{\"0\":\"" PCR0 "\"}}",
        "{\"binding\":\"either\"}",
        "{\"binding\":1}",
        "{\"max_age\":0}",
        "{\"max_age\":86401}",
        "{\"debug\":true}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        json_t *j = NULL;
        struct nitro_policy p;
        struct why why = {""};
        CHECK_INT(json_parse(&j, bad[i], strlen(bad[i]), NULL), 0);
        CHECK(nitro_policy_read(j, &p, &why) != 0 && why.text[0]);
        json_decref(j);
    }
}

int main(void) {
    const struct CMUnitTest all[] = {T(the_real_document_is_good_through_the_public_entry),
                                     T(the_real_document_is_good_in_the_frame_that_dstack_stores_it_in),
                                     T(the_real_document_expires_with_its_certificate),
                                     T(nothing_is_noted_as_good_once_the_chain_is_not),
                                     T(the_real_user_data_is_the_binding_when_there_is_no_nonce),
                                     T(a_value_in_the_other_place_is_no_nonce),
                                     T(genuine_documents_come_in_several_spellings),
                                     T(policies_name_pcrs_and_an_age),
                                     T(what_runs_is_named_by_the_image_or_by_who_signed_it),
                                     T(a_policy_that_is_none_is_refused)};
    real_load();
    twin_setup();
    cmocka_set_message_output(CM_OUTPUT_TAP);
    int bad = cmocka_run_group_tests_name("nitro", all, NULL, NULL);
    twin_teardown();
    return bad != 0;
}
