/* evidence: quotes of Intel TDX: real ones with the verdict they must get, the collateral of one of them, policies, every flip, cut and wrong
 * input of them refused by name. What needs signatures of our own is in test_tdx_mutations.c. */
#include <stdlib.h>
#include <time.h>

#include "base/file.h"
#include "base/hash.h"
#include "evidence/policy.h"
#include "evidence/tdx.h"
#include "evidence/tdx_pck.h"
#include "tests/check.h"
#include "tests/unit/evidence/maker.h"

#define DATA "tests/data/evidence/tdx/"
enum { IN_2026 = 1772323200 /* 2026-03-01 */, COLLATERAL_AT = 1750852800 /* 2025-06-25 */ };

static struct buf load(const char *name) {
    char path[128];
    struct buf b;
    snprintf(path, sizeof path, DATA "%s", name);
    CHECK_INT(file_read(&b, path, 1 << 20, NULL), 0);
    return b;
}
static struct ev_bytes bytes(const struct buf *b) { return (struct ev_bytes){b->data, b->len}; }

static struct ev_report report;
static enum ev_verdict verify_with(const struct ev_input *in, const struct tdx_policy *p, const struct ev_anchors *a) {
    report = (struct ev_report){.factors = 0};
    tdx_verify_with(in, p, a, &report);
    return ev_report_verdict(&report);
}
static enum ev_verdict verify(const struct ev_input *in) {
    struct tdx_policy p;
    struct ev_anchors a = ev_pinned(EV_ROOTS_INTEL_SGX);
    tdx_policy_strict(&p);
    return verify_with(in, &p, &a);
}
static int failed(const char *name) { return ev_report_failed(&report, name) != NULL; }

/* ---- real ones ---- */

TEST(real_quotes_get_their_verdicts) {
    static const struct {
        const char *file;
        enum ev_verdict want;
        const char *factor;
    } rows[] = {{"dcapqvl_tdx_quote.dat", EV_OK, NULL}, /* zeros behind it */
                {"quote_v4_cos113.dat", EV_OK, NULL},   /* three thousand of them */
                {"quote_v5_sample.dat", EV_OK, NULL},
                {"trustee_tdx_quote_5.dat", EV_OK, NULL},
                {"quote_v4_spr.dat", EV_UNSUPPORTED, "format"}}; /* text behind it, put there for a test */
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf q = load(rows[i].file);
        CHECK_INT(verify(&(struct ev_input){.evidence = bytes(&q), .now = IN_2026}), rows[i].want);
        if (rows[i].factor)
            CHECK(failed(rows[i].factor));
        else
            CHECK(ev_report_class(&report) == EV_T2 && report_unchecked(&report, "collateral") &&
                  report_unchecked(&report, "nonce") && report_unchecked(&report, "measurement"));
        buf_release(&q);
    }
    /* without that text it is genuine, and refused: SEPT_VE_DISABLE is not set */
    struct buf q = load("quote_v4_spr.dat");
    CHECK_INT(verify(&(struct ev_input){.evidence = {q.data, q.len - 39}, .now = IN_2026}), EV_REFUSED);
    CHECK(failed("td_attributes"));
    buf_release(&q);
}

TEST(a_nonce_is_compared_whole) {
    struct buf q = load("trustee_tdx_quote_5.dat");
    struct tdx_quote parsed;
    uint8_t nonce[65] = {0};
    CHECK_INT(tdx_quote_read(bytes(&q), &parsed), 0);
    memcpy(nonce, parsed.body.report_data, 64);
    struct ev_input in = {.evidence = bytes(&q), .nonce = {nonce, 64}, .now = IN_2026};
    CHECK_INT(verify(&in), EV_OK);
    in.nonce.n = 65;
    CHECK_INT(verify(&in), EV_INVALID);
    in.nonce.n = 64;
    for (int i = 0; i < 64; i++) {
        nonce[i] ^= 1;
        CHECK_INT(verify(&in), EV_INVALID);
        CHECK(failed("nonce"));
        nonce[i] ^= 1;
    }
    size_t used = 64;
    while (used > 0 && nonce[used - 1] == 0) used--; /* a shorter one stands before zeros */
    CHECK(used > 1);
    in.nonce.n = used;
    CHECK_INT(verify(&in), EV_OK);
    in.nonce.n = used - 1;
    CHECK_INT(verify(&in), EV_INVALID);
    buf_release(&q);
}

TEST(a_platform_in_date_is_up_to_date_and_stale_collateral_is_refused) {
    struct buf q = load("dcapqvl_tdx_quote.dat"), c = load("dcapqvl_tdx_quote_collateral.json");
    struct ev_input in = {.evidence = bytes(&q), .collateral = bytes(&c), .now = COLLATERAL_AT};
    CHECK_INT(verify(&in), EV_OK);
    CHECK(!report_unchecked(&report, "collateral"));
    in.now = COLLATERAL_AT + 60 * 86400;
    CHECK_INT(verify(&in), EV_INVALID);
    CHECK(failed("tcb_info") && failed("qe_identity") && failed("dates"));
    in.now = COLLATERAL_AT - 30 * 86400;
    CHECK_INT(verify(&in), EV_INVALID);
    in.now = COLLATERAL_AT;
    struct buf other = load("trustee_tdx_quote_5.dat"); /* another platform's quote */
    in.evidence = bytes(&other);
    CHECK_INT(verify(&in), EV_INVALID);
    CHECK(failed("tcb_info"));
    buf_release(&q);
    buf_release(&c);
    buf_release(&other);
}

TEST(collateral_that_was_changed_anywhere_is_refused) {
    struct buf q = load("dcapqvl_tdx_quote.dat"), c = load("dcapqvl_tdx_quote_collateral.json");
    struct ev_input in = {.evidence = bytes(&q), .collateral = bytes(&c), .now = COLLATERAL_AT};
    static const char *const at[] = {
        "tcbEvaluationDataNumber",     "OutOfDate\\\"", "isvprodid", "\\\"fmspc", "tcb_info_signature\": \"",
        "qe_identity_signature\": \"", "pcesvn"};
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        uint8_t *p = memmem(c.data, c.len, at[i], strlen(at[i]));
        CHECK(p != NULL);
        uint8_t *digit = p + strlen(at[i]);
        while (!(*digit >= '0' && *digit <= '9')) digit++;
        uint8_t was = *digit;
        *digit = (uint8_t)(was == '1' ? '2' : '1');
        CHECK_INT(verify(&in), EV_INVALID);
        CHECK(failed("tcb_info") || failed("qe_identity"));
        *digit = was;
    }
    CHECK_INT(verify(&in), EV_OK);
    in.collateral.n /= 2;
    CHECK_INT(verify(&in), EV_UNSUPPORTED);
    CHECK(failed("format"));
    buf_release(&q);
    buf_release(&c);
}

TEST(a_policy_can_require_collateral_and_list_what_it_knows) {
    struct buf q = load("dcapqvl_tdx_quote.dat"), c = load("dcapqvl_tdx_quote_collateral.json");
    struct ev_anchors a = ev_pinned(EV_ROOTS_INTEL_SGX);
    struct ev_input in = {.evidence = bytes(&q), .now = COLLATERAL_AT};
    static const struct {
        const char *policy, *factor; /* NULL: ok */
        int with_collateral;
    } rows[] = {{"{\"collateral\":\"required\"}", "collateral", 0},
                {"{\"collateral\":\"required\"}", NULL, 1},
                {"{\"tcb_evaluation_min\":17}", NULL, 1},
                {"{\"tcb_evaluation_min\":18}", "tcb_evaluation", 1},
                {"{\"tcb_status\":[\"SWHardeningNeeded\"]}", "tcb_status", 1},
                {"{\"fmspc\":[\"b0c06f000000\"]}", NULL, 0},
                {"{\"fmspc\":[\"b0c06f000001\"]}", "fmspc", 0},
                {"{\"platforms\":[\"07828474603e7019dc930775ffe8cdd2\"]}", NULL, 0},
                {"{\"platforms\":[\"07828474603e7019dc930775ffe8cdd3\"]}", "platform_allowed", 0},
                {"{\"td_attributes\":[\"0000001000000000\"]}", NULL, 0},
                {"{\"td_attributes\":[\"0000001000000001\"]}", "td_attributes", 0},
                {"{\"xfam\":[\"e702060000000000\"]}", NULL, 0},
                {"{\"xfam\":[\"e702060000000001\"]}", "xfam", 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct tdx_policy p;
        json_t *j = json_loads(rows[i].policy, 0, NULL);
        CHECK_INT(tdx_policy_read(j, &p, NULL), 0);
        json_decref(j);
        in.collateral = rows[i].with_collateral ? bytes(&c) : (struct ev_bytes){NULL, 0};
        CHECK_INT(verify_with(&in, &p, &a), rows[i].factor ? EV_REFUSED : EV_OK);
        if (rows[i].factor) CHECK(failed(rows[i].factor));
    }
    static const char *const bad[] = {"{\"tcb_status\":[\"Revoked\"]}", "{\"tcb_status\":[]}", "{\"collateral\":\"maybe\"}",
                                      "{\"mrtd\":[\"00\"]}", "{\"mtrd\":[]}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct tdx_policy p;
        struct why why;
        json_t *j = json_loads(bad[i], 0, NULL);
        CHECK_INT(tdx_policy_read(j, &p, &why), ERR_FORMAT);
        json_decref(j);
    }
    buf_release(&q);
    buf_release(&c);
}

static void policy_of(struct tdx_policy *p, const struct tdx_body *b, const char *const *names) {
    static const char *const all[] = {"mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3"};
    json_t *j = json_object();
    for (; *names; names++)
        for (int i = 0; i < 5; i++) {
            char hex[97];
            if (strcmp(*names, all[i]) != 0) continue;
            hex_encode(hex, i == 0 ? b->mr_td : b->rtmr[i - 1], 48);
            json_object_set_new(j, all[i], json_pack("[s]", hex));
        }
    CHECK_INT(tdx_policy_read(j, p, NULL), 0);
    json_decref(j);
}

/* Own firmware gives the registers any value; firmware that everybody has starts any kernel; a kernel puts anything into RTMR 3. */
TEST(what_runs_is_named_by_firmware_kernel_and_command_line_together) {
    static const struct {
        const char *names[6];
        int named;
    } rows[] = {{{"mrtd", "rtmr1", "rtmr2"}, 1},
                {{"mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3"}, 1},
                {{"mrtd"}, 0},
                {{"rtmr3"}, 0},
                {{"rtmr0", "rtmr1", "rtmr2", "rtmr3"}, 0},
                {{"mrtd", "rtmr1"}, 0},
                {{NULL}, 0}};
    struct buf q = load("trustee_tdx_quote_5.dat");
    struct ev_anchors a = ev_pinned(EV_ROOTS_INTEL_SGX);
    struct tdx_quote parsed;
    struct tdx_policy p;
    CHECK_INT(tdx_quote_read(bytes(&q), &parsed), 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        policy_of(&p, &parsed.body, rows[i].names);
        CHECK_INT(verify_with(&(struct ev_input){.evidence = bytes(&q), .now = IN_2026}, &p, &a), EV_OK);
        CHECK_INT(report_unchecked(&report, "measurement"), !rows[i].named);
    }
    buf_release(&q);
}

/* ---- wrong input ---- */

TEST(nothing_is_noted_as_good_after_a_signature_was_not) {
    struct buf q = load("dcapqvl_tdx_quote.dat"), c = load("dcapqvl_tdx_quote_collateral.json");
    struct tdx_quote parsed;
    CHECK_INT(tdx_quote_read(bytes(&q), &parsed), 0);
    q.data[(size_t)(parsed.signature - q.data) + 5] ^= 1;
    CHECK_INT(verify(&(struct ev_input){.evidence = bytes(&q), .collateral = bytes(&c), .now = COLLATERAL_AT}), EV_INVALID);
    unsigned at = 0;
    while (at < report.factors && strcmp(report.factor[at].name, "signature") != 0) at++;
    CHECK(at < report.factors && !report.factor[at].ok);
    for (; at < report.factors; at++) CHECK(!report.factor[at].ok);
    CHECK_INT(report.facts, 0);
    buf_release(&q);
    buf_release(&c);
}

TEST(no_changed_bit_of_a_quote_passes_and_each_is_named) {
    struct buf q = load("quote_v5_sample.dat");
    struct ev_input in = {.evidence = bytes(&q), .now = IN_2026};
    unsigned cases = 0;
    /* up to the certificates: of those a copy of the root is among them, which is not asked */
    for (size_t i = 0; i < 1328; i++) {
        q.data[i] ^= (uint8_t)(1u << i % 8);
        CHECK(verify(&in) != EV_OK);
        if (i >= 54 && i < 54 + 648) CHECK(failed("signature"));
        q.data[i] ^= (uint8_t)(1u << i % 8);
        cases++;
    }
    printf("# %u cases\n", cases);
    CHECK_INT(verify(&in), EV_OK);
    buf_release(&q);
}

TEST(cut_and_extended_quotes_are_unsupported) {
    struct buf q = load("quote_v5_sample.dat");
    uint8_t *longer = calloc(1, q.len + 16);
    for (size_t n = 0; n < q.len; n += n < 1400 ? 7 : 211) {
        CHECK_INT(verify(&(struct ev_input){.evidence = {q.data, n}, .now = IN_2026}), EV_UNSUPPORTED);
        CHECK(failed("format") || failed("version"));
    }
    memcpy(longer, q.data, q.len);
    CHECK_INT(verify(&(struct ev_input){.evidence = {longer, q.len + 16}, .now = IN_2026}),
              EV_OK); /* zeros: as the kernel hands it out */
    longer[q.len + 15] = 1;
    CHECK_INT(verify(&(struct ev_input){.evidence = {longer, q.len + 16}, .now = IN_2026}), EV_UNSUPPORTED);
    free(longer);
    buf_release(&q);
}

TEST(other_versions_keys_and_bodies_are_unsupported) {
    static const struct {
        size_t at;
        uint8_t value;
        const char *factor;
    } rows[] = {{0, 3, "version"},  {0, 6, "version"},  {2, 3, "format"},     {4, 0, "format"},
                {48, 1, "version"}, {48, 4, "version"}, {50, 0x48, "version"}};
    struct buf q = load("quote_v5_sample.dat");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t was = q.data[rows[i].at];
        q.data[rows[i].at] = rows[i].value;
        CHECK_INT(verify(&(struct ev_input){.evidence = bytes(&q), .now = IN_2026}), EV_UNSUPPORTED);
        CHECK(failed(rows[i].factor));
        q.data[rows[i].at] = was;
    }
    buf_release(&q);
}

TEST(dates_are_judged_by_the_time_given) {
    struct buf q = load("quote_v5_sample.dat");
    static const int64_t times[] = {0, 1600000000, 4102444800 /* 2100 */};
    for (size_t i = 0; i < 3; i++) {
        CHECK_INT(verify(&(struct ev_input){.evidence = bytes(&q), .now = times[i]}), EV_INVALID);
        CHECK(failed("dates"));
    }
    buf_release(&q);
}

TEST(a_pck_certificates_extension_is_read_whole_or_not_at_all) {
    struct buf real = load("dcapqvl_tdx_quote.dat");
    struct tdx_quote q;
    struct tdx_pck pck;
    struct ev_certs certs = {.count = 0};
    struct ev_bytes ext;
    CHECK_INT(tdx_quote_read(bytes(&real), &q), 0);
    CHECK_INT(ev_certs_add(&certs, q.chain_pem), 0);
    CHECK_INT(tdx_pck_read(certs.cert[0], &pck), 0);
    static const uint8_t components[16] = {3, 3, 2, 2, 4, 1, 0, 5};
    CHECK_MEM(pck.component, components, 16);
    CHECK(pck.pce_svn == 11 && pck.fmspc[0] == 0xb0 && pck.platform_instance.n == 16 && pck.ppid.n == 16);
    CHECK_INT(tdx_pck_read(certs.cert[1], &pck), ERR_NOTFOUND);
    CHECK_INT(ev_extension(certs.cert[0], "1.2.840.113741.1.13.1", &ext), 0);
    for (size_t n = 0; n < ext.n; n += 5) { /* cut */
        struct maker_cert c;
        maker_make(&c, NULL,
                   &(struct maker_opts){
                       .name = "x", .from = 0, .to = IN_2026, .oid = "1.2.840.113741.1.13.1", .ext = ext.p, .ext_n = n});
        CHECK_INT(tdx_pck_read(c.cert, &pck), ERR_FORMAT);
        X509_free(c.cert);
        EVP_PKEY_free(c.key);
    }
    ev_certs_release(&certs);
    buf_release(&real);
}

TESTS_MAIN("tdx", T(real_quotes_get_their_verdicts), T(a_nonce_is_compared_whole),
           T(a_platform_in_date_is_up_to_date_and_stale_collateral_is_refused),
           T(collateral_that_was_changed_anywhere_is_refused), T(a_policy_can_require_collateral_and_list_what_it_knows),
           T(no_changed_bit_of_a_quote_passes_and_each_is_named), T(cut_and_extended_quotes_are_unsupported),
           T(other_versions_keys_and_bodies_are_unsupported), T(dates_are_judged_by_the_time_given),
           T(a_pck_certificates_extension_is_read_whole_or_not_at_all),
           T(what_runs_is_named_by_firmware_kernel_and_command_line_together),
           T(nothing_is_noted_as_good_after_a_signature_was_not))
