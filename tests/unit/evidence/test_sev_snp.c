/* AMD SEV-SNP: the real reports, what is read of them, products, policies. What must fail is a table: test_sev_snp_mutations.c. */
#include "base/json.h"
#include "evidence/policy.h"
#include "tests/unit/evidence/snp_scene.h"

static struct ev_report r;

static int try_policy(struct snp_policy *p, const char *text) {
    json_t *j = NULL;
    struct why why = {""};
    CHECK_INT(json_parse(&j, text, strlen(text), NULL), 0);
    int e = snp_policy_read(j, p, &why);
    CHECK(e == 0 || why.text[0]);
    json_decref(j);
    return e;
}
static void read_policy(struct snp_policy *p, const char *text) { CHECK_INT(try_policy(p, text), 0); }

/* ---- the real ones ---- */

TEST(every_real_report_gets_its_verdict_with_nothing_but_its_leaf) {
    for (size_t i = 0; i < REALS; i++) {
        struct question q = real_question(&reals[i]);
        ask(&r, &q);
        CHECK(maker_judged(reals[i].report, &r, reals[i].verdict, reals[i].factor));
        CHECK(report_noted_good(&r, "chain") && report_noted_good(&r, "signature") && report_noted_good(&r, "signer") &&
              report_noted_good(&r, "tcb_match") && report_noted_good(&r, "product"));
        CHECK_INT(ev_report_class(&r), reals[i].verdict == EV_OK ? EV_T2 : EV_CLASS_NONE);
    }
}

TEST(a_real_report_is_good_through_the_public_entry_and_says_what_it_is) {
    const struct real *m = &reals[REAL_MILAN];
    struct ev_input in = {.evidence = {m->bytes, SNP_REPORT_BYTES},
                          .chain = {{m->cert, m->cert_n}},
                          .chain_count = 1,
                          .policy = ev_policy_strict(),
                          .now = m->now};
    ev_verify(EV_SEV_SNP, &in, &r);
    CHECK(maker_judged("real", &r, EV_OK, NULL));
    CHECK_INT(ev_report_class(&r), EV_T2);
    CHECK_STR(report_fact(&r, "version"), "3");
    CHECK_STR(report_fact(&r, "product"), "Milan-B0");
    CHECK_STR(report_fact(&r, "signer"), "VCEK");
    CHECK_STR(report_fact(&r, "reported_tcb"), "bootloader 4, tee 0, snp 24, microcode 219");
    CHECK_STR(report_fact(&r, "firmware"), "1.55.29");
    CHECK_STR(report_fact(&r, "vmpl"), "0");
    CHECK(strncmp(report_fact(&r, "measurement"), "5feee30d6d7e1a29f403d70a4198237d", 32) == 0);
    CHECK(strncmp(report_fact(&r, "chip_id"), "4ffb5cb4fd594f3fee6528fc3fb10370", 32) == 0);
    CHECK(report_unchecked(&r, "nonce") && report_unchecked(&r, "measurement") && report_unchecked(&r, "tcb_floor"));
    static const char *const names[] = {"format",    "version", "algorithm", "certificates", "product", "chain",  "dates",
                                        "signature", "signer",  "tcb_match", "chip_id",      "debug",   "policy", "vmpl"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) CHECK(report_noted_good(&r, names[i]));
}

TEST(each_report_belongs_to_one_certificate_and_to_no_other) {
    static const char *const certs[] = {
        "vcek_milan.der",    "vcek_trustee.der",      "vlek_trustee.der", "ms_vcek_milan.pem",
        "ms_vcek_genoa.pem", "dstack_vcek_milan.pem", "vcek_turin.der",   "vcek_trustee_invalid_legacy.der",
        "az_vcek_milan.pem"};
    for (size_t i = 0; i < REALS; i++)
        for (size_t k = 0; k < sizeof certs / sizeof *certs; k++) {
            uint8_t cert[8192];
            size_t n = snp_file(certs[k], cert, sizeof cert);
            struct question q = real_question(&reals[i]);
            q.chain[0] = (struct ev_bytes){cert, n};
            ask(&r, &q);
            int own = strcmp(certs[k], reals[i].leaf) == 0;
            CHECK(maker_judged(certs[k], &r, own ? reals[i].verdict : EV_INVALID, own ? reals[i].factor : NULL));
        }
}

TEST(a_certificate_that_amd_did_not_sign_is_refused) {
    uint8_t cert[8192];
    for (size_t i = 0; i < REALS; i++) {
        struct question q = real_question(&reals[i]);
        q.chain[0] = (struct ev_bytes){cert, snp_file("vcek_trustee_invalid_legacy.der", cert, sizeof cert)};
        q.now = JAN_2024;
        ask(&r, &q);
        CHECK(maker_judged(reals[i].report, &r, EV_INVALID, "chain"));
        CHECK(ev_report_failed(&r, "chip_id") && !report_noted_good(&r, "signature") && r.facts == 0);
    }
}

TEST(the_real_vlek_expires_after_a_year) {
    struct question q = real_question(&reals[REAL_VLEK]);
    struct snp_policy p;
    snp_policy_strict(&p);
    p.vmpl_max = 1; /* where it was asked for */
    q.policy = &p;
    ask(&r, &q);
    CHECK(maker_judged("in time", &r, EV_OK, NULL));
    CHECK_STR(report_fact(&r, "signer"), "VLEK");
    CHECK_STR(report_fact(&r, "cloud"), "CN=cc-us-east-2.amazonaws.com");
    CHECK_STR(report_fact(&r, "certificate_dates"), "2024-12-10 to 2025-12-10");
    CHECK(!report_noted_good(&r, "chip_id"));
    q.now = DEC_2025;
    ask(&r, &q);
    CHECK(maker_judged("expired", &r, EV_INVALID, "dates"));
    q.now = JAN_2024;
    ask(&r, &q);
    CHECK(maker_judged("not yet", &r, EV_INVALID, "dates"));
}

TEST(a_whole_chain_in_any_order_and_form_does_no_harm) {
    uint8_t milan[8192], genoa[8192], turin[2048];
    struct ev_bytes all[3] = {{milan, snp_file("ask_ark_milan.pem", milan, sizeof milan)},
                              {genoa, snp_file("ask_ark_genoa.pem", genoa, sizeof genoa)},
                              {turin, snp_file("vcek_turin.der", turin, sizeof turin)}};
    for (size_t i = 0; i < REALS; i++) {
        struct question q = real_question(&reals[i]);
        q.chain[3] = q.chain[0];
        memcpy(q.chain, all, sizeof all);
        q.chains = 4;
        ask(&r, &q);
        CHECK(maker_judged(reals[i].report, &r, reals[i].verdict, reals[i].factor));
    }
}

TEST(the_real_turin_certificate_is_read_by_turins_rules) {
    uint8_t der[2048];
    size_t n = snp_file("vcek_turin.der", der, sizeof der);
    struct ev_certs certs = {.count = 0};
    struct ev_anchors turin = ev_pinned(EV_ROOTS_AMD_TURIN);
    CHECK_INT(ev_certs_add(&certs, (struct ev_bytes){der, n}), 0);
    r = (struct ev_report){.best = EV_CLASS_NONE};
    CHECK(ev_chain_check(&r, certs.cert[0], &certs, &turin, JUN_2025, NULL, 0));
    ev_certs_release(&certs);
    /* and a Milan's report under it fails for what it is, not for a chip id that is read as DER or of the wrong length */
    struct question q = real_question(&reals[REAL_MILAN]);
    q.chain[0] = (struct ev_bytes){der, n};
    ask(&r, &q);
    CHECK(maker_judged("turin", &r, EV_INVALID, "product"));
    CHECK(report_noted_good(&r, "certificates") && report_noted_good(&r, "chain") && !report_noted_good(&r, "signature"));
}

TEST(the_real_nonce_is_the_whole_of_report_data) {
    struct question q = real_question(&reals[1]);
    q.nonce = (struct ev_bytes){reals[1].bytes + 0x50, 64};
    ask(&r, &q);
    CHECK(maker_judged("64 bytes", &r, EV_OK, NULL));
    CHECK(report_noted_good(&r, "nonce"));
    q.nonce.n = 32; /* this one ends with zeros */
    ask(&r, &q);
    CHECK(maker_judged("32 bytes", &r, EV_OK, NULL));
    q.nonce.n = 31;
    ask(&r, &q);
    CHECK(maker_judged("31 bytes", &r, EV_INVALID, "nonce"));
    q = real_question(&reals[REAL_V2]); /* this one does not */
    q.nonce = (struct ev_bytes){reals[REAL_V2].bytes + 0x50, 32};
    ask(&r, &q);
    CHECK(maker_judged("a beginning", &r, EV_INVALID, "nonce"));
}

TEST(fields_are_read_from_where_they_are) {
    struct snp_report s;
    CHECK_INT(snp_report_read(&s, (struct ev_bytes){reals[REAL_VLEK].bytes, SNP_REPORT_BYTES}), 0);
    CHECK_INT(s.version, 3);
    CHECK_INT(s.vmpl, 1);
    CHECK_INT(s.signing_key, SNP_KEY_VLEK);
    CHECK(s.policy == 0x30000 && s.platform_info == 0x27 && !s.chip_key_masked && !s.author_key && s.signature_clean);
    CHECK(s.cpu_family == 0x19 && s.cpu_model == 1 && s.cpu_stepping == 1);
    CHECK(s.reported_tcb[7] == 0xd9 && s.committed_tcb[7] == 0xdb && s.current_tcb[7] == 0xdc && s.launch_tcb[7] == 0xdb);
    CHECK(s.current.major == 1 && s.current.minor == 55 && s.current.build == 29 && s.committed.build == 29);
    uint8_t numbered[SNP_REPORT_BYTES];
    for (size_t i = 0; i < sizeof numbered; i++) numbered[i] = (uint8_t)(i % 251);
    memcpy(numbered, "\5\0\0\0", 4);
    CHECK_INT(snp_report_read(&s, (struct ev_bytes){numbered, sizeof numbered}), 0);
    static const struct {
        size_t field, at;
    } all[] = {
        {offsetof(struct snp_report, family_id), 0x10},
        {offsetof(struct snp_report, image_id), 0x20},
        {offsetof(struct snp_report, current_tcb), 0x38},
        {offsetof(struct snp_report, report_data), 0x50},
        {offsetof(struct snp_report, measurement), 0x90},
        {offsetof(struct snp_report, host_data), 0xc0},
        {offsetof(struct snp_report, id_key_digest), 0xe0},
        {offsetof(struct snp_report, author_key_digest), 0x110},
        {offsetof(struct snp_report, report_id), 0x140},
        {offsetof(struct snp_report, report_id_ma), 0x160},
        {offsetof(struct snp_report, reported_tcb), 0x180},
        {offsetof(struct snp_report, cpu_family), 0x188},
        {offsetof(struct snp_report, chip_id), 0x1a0},
        {offsetof(struct snp_report, committed_tcb), 0x1e0},
        {offsetof(struct snp_report, current.build), 0x1e8},
        {offsetof(struct snp_report, committed.build), 0x1ec},
        {offsetof(struct snp_report, launch_tcb), 0x1f0},
        {offsetof(struct snp_report, launch_mitigations), 0x1f8},
        {offsetof(struct snp_report, current_mitigations), 0x200},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) CHECK_INT(((const uint8_t *)&s)[all[i].field], all[i].at % 251);
    CHECK(s.r[0] == (0x2a0 + 47) % 251 && s.s[0] == (0x2a0 + 72 + 47) % 251 && !s.signature_clean);
    numbered[0] = 4; /* what a version has reserved is not read, whatever stands there */
    CHECK_INT(snp_report_read(&s, (struct ev_bytes){numbered, sizeof numbered}), 0);
    CHECK(s.cpu_family && s.launch_mitigations == 0 && s.current_mitigations == 0);
    numbered[0] = 2;
    CHECK_INT(snp_report_read(&s, (struct ev_bytes){numbered, sizeof numbered}), 0);
    CHECK(s.cpu_family == 0 && s.cpu_model == 0 && s.cpu_stepping == 0);
}

TEST(processors_and_names_give_the_product) {
    static const struct {
        unsigned family, model;
        enum snp_product product;
    } cpus[] = {{0x19, 0x00, SNP_MILAN},        {0x19, 0x01, SNP_MILAN},        {0x19, 0x0f, SNP_MILAN},
                {0x19, 0x11, SNP_GENOA},        {0x19, 0xa0, SNP_GENOA},        {0x19, 0xaf, SNP_GENOA},
                {0x1a, 0x02, SNP_TURIN},        {0x1a, 0x11, SNP_TURIN},        {0x19, 0x20, SNP_PRODUCT_NONE},
                {0x1a, 0x20, SNP_PRODUCT_NONE}, {0x17, 0x31, SNP_PRODUCT_NONE}, {0, 0, SNP_PRODUCT_NONE}};
    for (size_t i = 0; i < sizeof cpus / sizeof *cpus; i++)
        CHECK_INT(snp_product_of_cpu(cpus[i].family, cpus[i].model), cpus[i].product);
    static const struct {
        const char *name;
        enum snp_product product;
    } names[] = {{"Milan", SNP_MILAN},   {"Milan-B0", SNP_MILAN},    {"Genoa-B1", SNP_GENOA},        {"Bergamo-A2", SNP_GENOA},
                 {"Siena", SNP_GENOA},   {"Turin-C1", SNP_TURIN},    {"Milanese", SNP_PRODUCT_NONE}, {"milan", SNP_PRODUCT_NONE},
                 {"", SNP_PRODUCT_NONE}, {"Mila", SNP_PRODUCT_NONE}, {"Venice", SNP_PRODUCT_NONE}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        CHECK_INT(snp_product_named((struct ev_bytes){(const uint8_t *)names[i].name, strlen(names[i].name)}), names[i].product);
}

static void pinned_has(const char *const *pem, const X509 *cert) {
    uint8_t want[32], have[32];
    int found = 0;
    ev_cert_digest(cert, want);
    for (; *pem; pem++) {
        struct ev_certs c = {.count = 0};
        CHECK_INT(ev_certs_add(&c, (struct ev_bytes){(const uint8_t *)*pem, strlen(*pem)}), 0);
        ev_cert_digest(c.cert[0], have);
        found |= memcmp(want, have, 32) == 0;
        ev_certs_release(&c);
    }
    CHECK(found);
}

TEST(what_is_pinned_is_what_amd_published) {
    static const struct {
        const char *file;
        enum snp_product product;
    } all[] = {{"ask_ark_milan.pem", SNP_MILAN},
               {"asvk_ark_milan.pem", SNP_MILAN},
               {"ask_ark_genoa.pem", SNP_GENOA},
               {"ask_ark_turin.pem", SNP_TURIN}};
    struct snp_anchors pinned = snp_pinned();
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        uint8_t text[8192];
        struct ev_certs c = {.count = 0};
        CHECK_INT(ev_certs_add(&c, (struct ev_bytes){text, snp_file(all[i].file, text, sizeof text)}), 0);
        CHECK_INT(c.count, 2);
        pinned_has(pinned.product[all[i].product].intermediates, c.cert[0]);
        pinned_has(pinned.product[all[i].product].roots, c.cert[1]);
        ev_certs_release(&c);
    }
}

/* ---- the twins ---- */

TEST(an_intermediate_that_is_not_pinned_may_be_brought_along) {
    static const char *const none[] = {NULL};
    struct snp_anchors roots_only = twin_anchors;
    for (int p = 0; p < SNP_PRODUCTS; p++) roots_only.product[p].intermediates = none;
    for (int key = 0; key < 2; key++) {
        struct twin t = twin_of(SNP_GENOA, (enum snp_key)key, 3);
        struct question q = {.anchors = &roots_only};
        judge_twin(&r, &t, &q);
        CHECK(maker_judged("not there", &r, EV_INVALID, "chain"));
        q.chain[q.chains++] = (struct ev_bytes){twin_ask[SNP_GENOA][key].der, twin_ask[SNP_GENOA][key].n};
        judge_twin(&r, &t, &q);
        CHECK(maker_judged("brought", &r, EV_OK, NULL));
    }
}

TEST(twins_of_each_product_key_and_version_are_good) {
    for (int p = 0; p < SNP_PRODUCTS; p++)
        for (int key = 0; key < 2; key++)
            for (uint8_t version = 2; version <= 5; version++) {
                struct twin t = twin_of((enum snp_product)p, (enum snp_key)key, version);
                judge_twin(&r, &t, NULL);
                CHECK(maker_judged("twin", &r, EV_OK, NULL));
                CHECK_INT(report_noted_good(&r, "chip_id"), key == SNP_KEY_VCEK);
            }
    CHECK_STR(report_fact(&r, "reported_tcb"), "fmc 1, bootloader 3, tee 2, snp 4, microcode 73");
    CHECK_STR(report_fact(&r, "mitigations"), "launch 0x3, current 0x3");
}

TEST(floors_hold_for_each_part_of_each_tcb) {
    static const struct {
        enum snp_product product;
        const char *floor;
        int bytes[5];
    } all[] = {{SNP_MILAN, "{\"milan\":{\"bootloader\":4,\"tee\":1,\"snp\":24,\"microcode\":219}}", {0, 1, 6, 7, -1}},
               {SNP_GENOA,
                "{\"milan\":{\"snp\":255},\"genoa\":{\"bootloader\":10,\"tee\":2,\"snp\":23,\"microcode\":84}}",
                {0, 1, 6, 7, -1}},
               {SNP_TURIN, "{\"turin\":{\"fmc\":1,\"bootloader\":3,\"tee\":2,\"snp\":4,\"microcode\":73}}", {0, 1, 2, 3, 7}}};
    static const size_t places[] = {0x38, 0x180, 0x1e0, 0x1f0};
    for (size_t i = 0; i < 3; i++) {
        struct snp_policy p;
        struct question q = {.policy = &p};
        char text[256];
        snprintf(text, sizeof text, "{\"tcb_floor\":%s}", all[i].floor);
        read_policy(&p, text);
        struct twin t = twin_of(all[i].product, SNP_KEY_VCEK, 3);
        judge_twin(&r, &t, &q);
        CHECK(maker_judged("just the floor", &r, EV_OK, NULL));
        CHECK(report_noted_good(&r, "tcb_floor") && !report_unchecked(&r, "tcb_floor"));
        for (size_t where = 0; where < 4; where++)
            for (int b = 0; b < 5 && all[i].bytes[b] >= 0; b++) {
                t = twin_of(all[i].product, SNP_KEY_VCEK, 3);
                t.report[places[where] + (size_t)all[i].bytes[b]]--;
                judge_twin(&r, &t, &q);
                CHECK(ev_report_failed(&r, "tcb_floor"));
                CHECK_INT(ev_report_verdict(&r), where == 1 ? EV_INVALID : EV_REFUSED); /* 1: the certificate's no longer */
            }
    }
}

TEST(a_floor_for_another_product_is_no_floor) {
    struct snp_policy p;
    struct question q = {.policy = &p};
    read_policy(&p, "{\"tcb_floor\":{\"milan\":{\"snp\":1}}}");
    struct twin t = twin_of(SNP_GENOA, SNP_KEY_VCEK, 3);
    judge_twin(&r, &t, &q);
    CHECK(maker_judged("genoa", &r, EV_REFUSED, "tcb_floor"));
}

#define AB16 "abababababababababababababababab"
#define CD16 "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"

TEST(policies_list_measurements_host_data_and_chips) {
    struct snp_policy p;
    struct question q = {.policy = &p};
    struct twin t = twin_of(SNP_TURIN, SNP_KEY_VCEK, 5);
    read_policy(&p,
                "{\"measurements\":[\"" AB16 AB16 AB16 "\"],\"host_data\":[\"" CD16 CD16 "\"],\"chips\":[\"0205060708090a0b\"]}");
    judge_twin(&r, &t, &q);
    CHECK(maker_judged("listed", &r, EV_OK, NULL));
    CHECK(report_noted_good(&r, "measurement") && report_noted_good(&r, "host_data") && report_noted_good(&r, "chip_allowed") &&
          !report_unchecked(&r, "measurement"));
    t.report[0x90] ^= 1, t.report[0xc0] ^= 1;
    judge_twin(&r, &t, &q);
    CHECK(maker_judged("other", &r, EV_REFUSED, "measurement"));
    CHECK(ev_report_failed(&r, "host_data"));
    read_policy(&p, "{\"chips\":[\"0205060708090a0c\"]}");
    judge_twin(&r, &t, &q);
    CHECK(maker_judged("other chip", &r, EV_REFUSED, "chip_allowed"));
}

TEST(policies_ask_for_bits) {
    struct snp_policy p;
    struct question q = {.policy = &p};
    struct twin t = twin_of(SNP_MILAN, SNP_KEY_VCEK, 3);
    t.report[0x40] = 0x25;
    read_policy(&p,
                "{\"guest_policy\":{\"must_be_one\":[16],\"must_be_zero\":[20,21]},\"platform_info\":{\"must_be_one\":[0,5]}}");
    judge_twin(&r, &t, &q);
    CHECK(maker_judged("as asked", &r, EV_OK, NULL));
    CHECK(report_noted_good(&r, "platform"));
    read_policy(&p, "{\"guest_policy\":{\"must_be_zero\":[16]}}");
    judge_twin(&r, &t, &q);
    CHECK(maker_judged("SMT", &r, EV_REFUSED, "policy"));
    read_policy(&p, "{\"guest_policy\":{\"must_be_one\":[24]}}");
    judge_twin(&r, &t, &q);
    CHECK(maker_judged("no ciphertext hiding", &r, EV_REFUSED, "policy"));
    read_policy(&p, "{\"platform_info\":{\"must_be_zero\":[0]}}");
    judge_twin(&r, &t, &q);
    CHECK(maker_judged("SMT on", &r, EV_REFUSED, "platform"));
    read_policy(&p, "{\"platform_info\":{\"must_be_one\":[4]}}");
    judge_twin(&r, &t, &q);
    CHECK(maker_judged("no ciphertext hiding there", &r, EV_REFUSED, "platform"));
}

TEST(a_lower_level_is_taken_only_of_a_named_measurement) {
    struct snp_policy p;
    struct question q = {.policy = &p};
    struct twin t = twin_of(SNP_GENOA, SNP_KEY_VCEK, 3);
    t.report[0x30] = 2;
    CHECK(try_policy(&p, "{\"vmpl_max\":2}") != 0);
    read_policy(&p, "{\"vmpl_max\":2,\"measurements\":[\"" AB16 AB16 AB16 "\"]}");
    judge_twin(&r, &t, &q);
    CHECK(maker_judged("level 2", &r, EV_OK, NULL));
    t.report[0x30] = 3;
    judge_twin(&r, &t, &q);
    CHECK(maker_judged("level 3", &r, EV_REFUSED, "vmpl"));
    read_policy(&p, "{\"vmpl_max\":3,\"measurements\":[\"" AB16 AB16 AB16 "\"]}");
    memset(t.report + 0x30, 0xff, 4);
    judge_twin(&r, &t, &q);
    CHECK(maker_judged("asked for by the host", &r, EV_REFUSED, "vmpl"));
    p.vmpl_max = INT64_MAX; /* no policy's text gives this */
    judge_twin(&r, &t, &q);
    CHECK(maker_judged("asked for by the host, of a caller that asks for nothing", &r, EV_REFUSED, "vmpl"));
}

TEST(a_policy_that_is_none_is_refused) {
    static const char *const bad[] = {
        "[]",
        "{\"measurement\":[]}",
        "{\"measurements\":[]}",
        "{\"measurements\":[\"ab\"]}",
        "{\"chips\":[\"abcd\"]}",
        "{\"chips\":\"0205060708090a0b\"}",
        "{\"tcb_floor\":{}}",
        "{\"tcb_floor\":[]}",
        "{\"tcb_floor\":{\"rome\":{\"snp\":1}}}",
        "{\"tcb_floor\":{\"milan\":{}}}",
        "{\"tcb_floor\":{\"milan\":{\"fmc\":1}}}",
        "{\"tcb_floor\":{\"milan\":{\"snp\":256}}}",
        "{\"tcb_floor\":{\"milan\":{\"snp\":-1}}}",
        "{\"tcb_floor\":{\"milan\":{\"snp\":\"1\"}}}",
        "{\"guest_policy\":{\"must_be_one\":[]}}",
        "{\"guest_policy\":{\"must_be_one\":[64]}}",
        "{\"guest_policy\":{\"must_be_one\":[-1]}}",
        "{\"guest_policy\":{\"must_be_one\":[\"1\"]}}",
        "{\"guest_policy\":{\"must_be_one\":[16],\"must_be_zero\":[16]}}",
        "{\"guest_policy\":{\"debug\":true}}",
        "{\"platform_info\":{\"must\":[1]}}",
        "{\"vmpl_max\":4}",
        "{\"vmpl_max\":1}",
        "{\"debug\":true}",
        "{\"roots\":[]}",
    };
    struct snp_policy p;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (try_policy(&p, bad[i]) == 0) fail_msg("%s was taken", bad[i]);
    struct why why = {""};
    static const char whole[] = "{\"version\":1,\"sev_snp\":{\"tcb_floor\":{\"milan\":{\"snp\":23}}}}";
    struct ev_policy *all = ev_policy_read(whole, sizeof whole - 1, &why);
    CHECK(all && all->snp.floor_given[SNP_MILAN] && all->snp.floor[SNP_MILAN][6] == 23);
    ev_policy_free(all);
    CHECK(ev_policy_read("{\"version\":1,\"sev_snp\":{\"debug\":1}}", 35, &why) == NULL);
}

/* ---- for evidence that has a report inside ---- */

TEST(a_report_inside_other_evidence_leaves_its_data_to_the_caller) {
    const struct real *m = &reals[1];
    struct snp_anchors pinned = snp_pinned();
    struct snp_policy p;
    struct snp_report parsed;
    snp_policy_strict(&p);
    struct ev_input in = {.evidence = {(const uint8_t *)"HCLA", 4},
                          .nonce = {(const uint8_t *)"of the quote", 12},
                          .chain = {{m->cert, m->cert_n}},
                          .chain_count = 1,
                          .now = m->now};
    struct ev_bytes bytes = {m->bytes, SNP_REPORT_BYTES}, data = {m->bytes + 0x50, 32}, none = {NULL, 0};
    r = (struct ev_report){.best = EV_T1};
    CHECK_INT(sev_snp_verify_report(&in, bytes, NULL, &p, &pinned, &r, &parsed), 1);
    CHECK(maker_judged("data not looked at", &r, EV_OK, NULL));
    CHECK(r.best == EV_T1 && !report_unchecked(&r, "nonce") && !report_noted_good(&r, "nonce"));
    CHECK_MEM(parsed.report_data, data.p, 32);
    r = (struct ev_report){.best = EV_T1};
    CHECK_INT(sev_snp_verify_report(&in, bytes, &data, &p, &pinned, &r, NULL), 1);
    CHECK(report_noted_good(&r, "nonce"));
    r = (struct ev_report){.best = EV_T1};
    CHECK_INT(sev_snp_verify_report(&in, bytes, &none, &p, &pinned, &r, NULL), 1);
    CHECK(report_unchecked(&r, "nonce"));
    r = (struct ev_report){.best = EV_T1};
    CHECK_INT(sev_snp_verify_report(&in, bytes, &in.nonce, &p, &pinned, &r, NULL), 1);
    CHECK(maker_judged("other data", &r, EV_INVALID, "nonce"));
    in.now = 0;
    r = (struct ev_report){.best = EV_T1};
    CHECK_INT(sev_snp_verify_report(&in, bytes, NULL, &p, &pinned, &r, &parsed), 0);
}

int main(void) {
    const struct CMUnitTest all[] = {T(every_real_report_gets_its_verdict_with_nothing_but_its_leaf),
                                     T(a_real_report_is_good_through_the_public_entry_and_says_what_it_is),
                                     T(each_report_belongs_to_one_certificate_and_to_no_other),
                                     T(a_certificate_that_amd_did_not_sign_is_refused),
                                     T(the_real_vlek_expires_after_a_year),
                                     T(a_whole_chain_in_any_order_and_form_does_no_harm),
                                     T(the_real_turin_certificate_is_read_by_turins_rules),
                                     T(what_is_pinned_is_what_amd_published),
                                     T(an_intermediate_that_is_not_pinned_may_be_brought_along),
                                     T(the_real_nonce_is_the_whole_of_report_data),
                                     T(fields_are_read_from_where_they_are),
                                     T(processors_and_names_give_the_product),
                                     T(twins_of_each_product_key_and_version_are_good),
                                     T(floors_hold_for_each_part_of_each_tcb),
                                     T(a_floor_for_another_product_is_no_floor),
                                     T(policies_list_measurements_host_data_and_chips),
                                     T(policies_ask_for_bits),
                                     T(a_lower_level_is_taken_only_of_a_named_measurement),
                                     T(a_policy_that_is_none_is_refused),
                                     T(a_report_inside_other_evidence_leaves_its_data_to_the_caller)};
    reals_load();
    twins_setup();
    cmocka_set_message_output(CM_OUTPUT_TAP);
    int bad = cmocka_run_group_tests_name("sev_snp", all, NULL, NULL);
    twins_teardown();
    return bad != 0;
}
