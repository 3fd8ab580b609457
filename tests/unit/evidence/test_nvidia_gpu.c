/* NVIDIA GPUs: the real report, what others read in it, chains and their order, golden digests. What must fail is a table:
 * test_nvidia_gpu_mutations.c. */
#include "base/json.h"
#include "evidence/policy.h"
#include "tests/unit/evidence/nvidia_scene.h"

static struct ev_report r;

static int read_policy(struct nvidia_policy *p, const char *text) {
    json_t *j = NULL;
    struct why why = {""};
    CHECK_INT(json_parse(&j, text, strlen(text), NULL), 0);
    int e = nvidia_policy_read(j, p, &why);
    CHECK((e == 0) == (why.text[0] == 0));
    json_decref(j);
    return e;
}

TEST(the_real_report_is_good_through_the_public_entry) {
    struct ev_input in = {.evidence = {real_hex, real_hex_n},
                          .chain = {{real_chain, real_chain_n}},
                          .chain_count = 1,
                          .nonce = {fixed_nonce, 32},
                          .policy = ev_policy_strict(),
                          .now = GPU_NOW};
    ev_verify(EV_NVIDIA_GPU, &in, &r);
    CHECK(maker_judged("real", &r, EV_OK, NULL));
    CHECK_INT(ev_report_class(&r), EV_CLASS_NONE); /* a GPU alone shows nothing */
    static const char *const names[] = {"format", "certificates", "chain", "dates", "signature", "fwid", "nonce"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) CHECK(report_noted_good(&r, names[i]));
    CHECK(report_unchecked(&r, "measurement") && report_unchecked(&r, "driver") && report_unchecked(&r, "vbios") &&
          report_unchecked(&r, "revocation") && !report_unchecked(&r, "nonce"));
}

/* As trustee reads the same report (vectors of confidential-containers/trustee, verifier/test_data/nvidia). */
TEST(the_real_report_says_what_others_read_in_it) {
    judge_real(&r, real_report, REPORT_BYTES, GPU_NOW);
    CHECK(maker_judged("bytes", &r, EV_OK, NULL));
    CHECK_STR(report_fact(&r, "driver"), "550.90.07");
    CHECK_STR(report_fact(&r, "vbios"), "96.00.9F.00.01");
    CHECK_STR(report_fact(&r, "board"), "b1030000");
    CHECK_STR(report_fact(&r, "model"), "GH100 A01 GSP FMC LF");
    CHECK_STR(report_fact(&r, "fwid"),
              "f5c384aebb579217a2c66b17ed0f28e6a9b8d639041acd7b4721cec004f7275494ba94bb5cdfdb3055ee051762b1f75d");
    struct nvidia_report report;
    CHECK_INT(nvidia_report_read(&report, (struct ev_bytes){real_report, REPORT_BYTES}, NULL), 0);
    CHECK_INT(report.measurements, 64);
    uint8_t want[48];
    CHECK_INT(hex_decode(want, 48,
                         "8048dfd18fe229bf16eb9d30cca0f11a24dafe6eb731de1462984645a0b189b77c4e4e17de727a5e19e3d07de51da338", 96),
              0);
    CHECK_MEM(report.measurement[2].p, want, 48);
    CHECK(report.measurement[0].n == 0 && report.measurement[65].n == 0 && report.measurement[64].n == 48);
}

/* nvtrust's sample asks every GPU with one nonce, so anybody has a report for it. */
TEST(the_fixed_nonce_of_nvtrust_is_refused_when_ours_is_another) {
    uint8_t ours[32] = {1, 2, 3};
    struct ev_anchors pinned = ev_pinned(EV_ROOTS_NVIDIA);
    struct ev_bytes chain = {real_chain, real_chain_n};
    judge_gpu(&r, real_report, REPORT_BYTES, chain, (struct ev_bytes){ours, 32}, &no_policy, &pinned, GPU_NOW);
    CHECK(maker_judged("ours", &r, EV_INVALID, "nonce"));
    /* the nonce that the GPU made up itself is no answer to ours either */
    judge_gpu(&r, real_report, REPORT_BYTES, chain, (struct ev_bytes){real_report + AT_GPU_NONCE, 32}, &no_policy, &pinned,
              GPU_NOW);
    CHECK(maker_judged("the GPU's", &r, EV_INVALID, "nonce"));
    for (size_t n = 1; n < 32; n += 10) {
        judge_gpu(&r, real_report, REPORT_BYTES, chain, (struct ev_bytes){fixed_nonce, n}, &no_policy, &pinned, GPU_NOW);
        CHECK(maker_judged("its beginning", &r, EV_INVALID, "nonce"));
    }
    judge_gpu(&r, real_report, REPORT_BYTES, chain, (struct ev_bytes){0}, &no_policy, &pinned, GPU_NOW);
    CHECK(maker_judged("none", &r, EV_OK, NULL));
    CHECK(report_unchecked(&r, "nonce"));
}

TEST(certificates_may_come_in_any_order_and_one_by_one) {
    struct ev_certs c = {.count = 0};
    struct ev_anchors pinned = ev_pinned(EV_ROOTS_NVIDIA);
    static uint8_t der[5][4096];
    CHECK_INT(ev_certs_add(&c, (struct ev_bytes){real_chain, real_chain_n}), 0);
    CHECK_INT(c.count, 5);
    for (int order = 0; order < 3; order++) {
        struct ev_input in = {.evidence = {real_report, REPORT_BYTES}, .nonce = {fixed_nonce, 32}, .now = GPU_NOW};
        for (unsigned i = 0; i < 5; i++) {
            unsigned from = order == 0 ? i : order == 1 ? 4 - i : (i + 2) % 5;
            unsigned char *at = der[i];
            int n = i2d_X509(c.cert[from], &at);
            if (order == 1 && from == 4) continue; /* the root need not come along */
            in.chain[in.chain_count++] = (struct ev_bytes){der[i], (size_t)n};
        }
        r = (struct ev_report){.best = EV_CLASS_NONE};
        nvidia_gpu_verify_with(&in, &no_policy, &pinned, &r);
        CHECK(maker_judged("order", &r, EV_OK, NULL));
    }
    ev_certs_release(&c);
}

TEST(hex_may_be_upper_case_and_end_in_white_space) {
    static char text[2 * REPORT_BYTES + 8];
    for (size_t i = 0; i < 2 * REPORT_BYTES; i++) text[i] = real_hex[i] >= 'a' ? (char)(real_hex[i] - 32) : (char)real_hex[i];
    memcpy(text + 2 * REPORT_BYTES, " \r\n\n", 4);
    judge_real(&r, text, 2 * REPORT_BYTES + 4, GPU_NOW);
    CHECK(maker_judged("hex", &r, EV_OK, NULL));
}

TEST(the_firmware_id_of_blackwell_certificates_is_read) {
    /* SEQUENCE {[0] vendor, [3] svn, [6] {SEQUENCE {sha384, digest}}, [7] flags} */
    uint8_t ext[128];
    struct writer w = writer_over(ext, sizeof ext);
    static const uint8_t head[] = {0x30, 0x51, 0x80, 0x06, 'N',  'V',  'I',  'D',  'I',  'A',  0x83, 0x01, 0x02, 0xa6, 0x3f,
                                   0x30, 0x3d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x04, 0x30};
    write_bytes(&w, head, sizeof head);
    write_bytes(&w, real_report + opaque_at(20), 48);
    write_bytes(&w, "\x87\x03\x04\x05\x06", 5);
    ext[1] = (uint8_t)(w.len - 2);
    struct maker_opts o = gpu_leaf_opts();
    o.oid = "2.23.133.5.4.1.1";
    o.ext = ext;
    o.ext_n = w.len;
    for (int wrong = 0; wrong < 2; wrong++) {
        static uint8_t report[REPORT_BYTES];
        struct maker_cert leaf;
        ext[w.len - 6] ^= (uint8_t)wrong;
        maker_make(&leaf, &gpu_middle, &o);
        memcpy(report, real_report, REPORT_BYTES);
        gpu_sign(&leaf, report, REPORT_BYTES);
        judge_gpu(&r, report, REPORT_BYTES, gpu_chain_of(&leaf), (struct ev_bytes){fixed_nonce, 32}, &no_policy, &gpu_anchors,
                  GPU_NOW);
        CHECK(maker_judged("Blackwell", &r, wrong ? EV_INVALID : EV_OK, wrong ? "fwid" : NULL));
        maker_release(&leaf);
    }
}

/* ---- policies ---- */

static char policy_text[40000];

/* Golden digests of the real report: even indexes for its driver, odd ones (all of them, or but for 9) for its VBIOS. */
static const char *golden(const char *driver, const char *vbios, const char *more, unsigned wrong_index) {
    char *at = policy_text;
    at += sprintf(at, "{%s\"golden\":[{\"driver\":\"%s\",\"digests\":{", more, driver);
    for (int half = 0; half < 2; half++) {
        for (unsigned i = half ? 1 : 2; i <= 64; i += 2) {
            char hex[97];
            hex_encode(hex, real_report + AT_BLOCKS + (i - 1) * BLOCK_BYTES + 7, 48);
            if (i == wrong_index) hex[95] = hex[95] == '0' ? '1' : '0';
            at += sprintf(at, "%s\"%u\":[\"%s\"]", i < 3 ? "" : ",", i, hex);
        }
        at += half ? sprintf(at, "}}]}") : sprintf(at, "}},{\"vbios\":\"%s\",\"digests\":{", vbios);
    }
    return policy_text;
}

static void judged_by(const char *what, const char *policy, enum ev_verdict want, const char *factor) {
    static struct nvidia_policy p;
    struct ev_anchors pinned = ev_pinned(EV_ROOTS_NVIDIA);
    CHECK_INT(read_policy(&p, policy), 0);
    judge_gpu(&r, real_report, REPORT_BYTES, (struct ev_bytes){real_chain, real_chain_n}, (struct ev_bytes){fixed_nonce, 32}, &p,
              &pinned, GPU_NOW);
    CHECK(maker_judged(what, &r, want, factor));
}

/* Verified is not validated: a genuine signature over unknown firmware. */
TEST(measurements_are_compared_with_golden_digests_of_driver_and_vbios) {
    judged_by("all met", golden("550.90.07", "96.00.9f.00.01", "", 0), EV_OK, NULL);
    CHECK(report_noted_good(&r, "measurements") && !report_unchecked(&r, "measurement"));
    for (unsigned i = 1; i <= 64; i += 7)
        judged_by("one digest is another", golden("550.90.07", "96.00.9F.00.01", "", i), EV_REFUSED, "measurements");
    judged_by("another driver", golden("550.90.08", "96.00.9F.00.01", "", 0), EV_REFUSED, "measurements");
    judged_by("another VBIOS", golden("550.90.07", "96.00.9F.00.02", "", 0), EV_REFUSED, "measurements");
    judged_by("number 9", golden("550.90.07", "96.00.9F.00.01", "", 9), EV_REFUSED, "measurements");
    judged_by("number 9, exempt", golden("550.90.07", "96.00.9F.00.01", "\"index_9_exempt\":true,", 9), EV_OK, NULL);
    judged_by("number 11, with 9 exempt", golden("550.90.07", "96.00.9F.00.01", "\"index_9_exempt\":true,", 11), EV_REFUSED,
              "measurements");
    judged_by("number 9, not exempt", golden("550.90.07", "96.00.9F.00.01", "\"index_9_exempt\":false,", 9), EV_REFUSED,
              "measurements");
}

TEST(drivers_and_vbioses_are_those_of_the_policy) {
    judged_by("listed", "{\"drivers\":[\"570.1\",\"550.90.07\"],\"vbioses\":[\"96.00.9f.00.01\"]}", EV_OK, NULL);
    CHECK(report_noted_good(&r, "driver") && report_noted_good(&r, "vbios"));
    judged_by("driver", "{\"drivers\":[\"550.90\"]}", EV_REFUSED, "driver");
    judged_by("longer driver", "{\"drivers\":[\"550.90.071\"]}", EV_REFUSED, "driver");
    judged_by("vbios", "{\"vbioses\":[\"96.00.9F.00.02\"]}", EV_REFUSED, "vbios");
    judged_by("a driver that is the VBIOS", "{\"drivers\":[\"96.00.9F.00.01\"]}", EV_REFUSED, "driver");
}

TEST(an_index_that_the_report_lacks_is_refused) {
    struct nvidia_policy *p = calloc(1, sizeof *p);
    CHECK(p != NULL);
    p->sets = p->count = 1;
    strcpy(p->set[0].driver, "550.90.07");
    strcpy(p->set[0].vbios, "96.00.9F.00.01");
    p->golden[0].index = 65;
    struct ev_anchors pinned = ev_pinned(EV_ROOTS_NVIDIA);
    judge_gpu(&r, real_report, REPORT_BYTES, (struct ev_bytes){real_chain, real_chain_n}, (struct ev_bytes){0}, p, &pinned,
              GPU_NOW);
    CHECK(maker_judged("65 of zeros", &r, EV_REFUSED, "measurements"));
    free(p);
}

TEST(a_policy_that_is_none_is_refused) {
    static const char *const bad[] = {
        "[]",
        "{\"driver\":[]}",
        "{\"drivers\":[]}",
        "{\"drivers\":\"550\"}",
        "{\"drivers\":[\"\"]}",
        "{\"drivers\":[550]}",
        "{\"drivers\":[\"550 \"]}",
        "{\"drivers\":[\"550.90.07.550.90.07.550.90.07.5500\"]}",
        "{\"vbioses\":[\"96;00\"]}",
        "{\"index_9_exempt\":1}",
        "{\"golden\":[]}",
        "{\"golden\":{}}",
        "{\"golden\":[{}]}",
        "{\"golden\":[{\"driver\":\"1\"}]}",
        "{\"golden\":[{\"driver\":\"1\",\"digests\":{}}]}",
        "{\"golden\":[{\"driver\":\"1\",\"digests\":{\"1\":[\"00\"]}}]}",
        "{\"golden\":[{\"driver\":\"1\",\"digests\":{\"1\":[]}}]}",
        "{\"golden\":[{\"driver\":\"1\",\"digests\":[],\"x\":1}]}",
    };
    static struct nvidia_policy p;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) CHECK(read_policy(&p, bad[i]) != 0);
    static const char *const keys[] = {"0", "01", "255", "1000", "-1", "x", ""};
    char digest[97], text[400];
    memset(digest, 'a', 96);
    digest[96] = 0;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        snprintf(text, sizeof text, "{\"golden\":[{\"driver\":\"1\",\"digests\":{\"%s\":[\"%s\"]}}]}", keys[i], digest);
        CHECK(read_policy(&p, text) != 0);
    }
    snprintf(text, sizeof text, "{\"golden\":[{\"digests\":{\"1\":[\"%s\"]}}]}", digest);
    CHECK(read_policy(&p, text) != 0);
    snprintf(text, sizeof text,
             "{\"golden\":[{\"vbios\":\"A\",\"digests\":{\"1\":[\"%s\"]}},{\"vbios\":\"a\",\"digests\":{\"254\":[\"%s\"]}}]}",
             digest, digest);
    CHECK(read_policy(&p, text) != 0);
}

int main(void) {
    const struct CMUnitTest all[] = {T(the_real_report_is_good_through_the_public_entry),
                                     T(the_real_report_says_what_others_read_in_it),
                                     T(the_fixed_nonce_of_nvtrust_is_refused_when_ours_is_another),
                                     T(certificates_may_come_in_any_order_and_one_by_one),
                                     T(hex_may_be_upper_case_and_end_in_white_space),
                                     T(the_firmware_id_of_blackwell_certificates_is_read),
                                     T(measurements_are_compared_with_golden_digests_of_driver_and_vbios),
                                     T(drivers_and_vbioses_are_those_of_the_policy),
                                     T(an_index_that_the_report_lacks_is_refused),
                                     T(a_policy_that_is_none_is_refused)};
    gpu_load();
    gpu_setup();
    cmocka_set_message_output(CM_OUTPUT_TAP);
    int bad = cmocka_run_group_tests_name("nvidia_gpu", all, NULL, NULL);
    gpu_teardown();
    return bad != 0;
}
