/* evidence: the firmware's log beside a TDX quote: a real machine's, every digest of it changed, policies, the envelope that carries one. */
#include <stdlib.h>

#include "evidence/cmw.h"
#include "evidence/envelope_verify.h"
#include "evidence/event_log.h"
#include "evidence/tdx_log.h"
#include "tests/check.h"
#include "tests/unit/evidence/maker.h"

enum { IN_2026 = 1772323200 /* 2026-03-01 */ };

static uint8_t quote[1 << 15], ccel[1 << 17];
static size_t quote_n, ccel_n;
static struct ev_report report;

static void load(void) {
    quote_n = maker_file("tdx/quote_v4_cos113.dat", quote, sizeof quote);
    ccel_n = maker_file("event-log/cos113_ccel_data.dat", ccel, sizeof ccel);
}

static enum ev_verdict judged(struct ev_bytes log, int required) {
    struct tdx_policy p;
    struct ev_anchors a = ev_pinned(EV_ROOTS_INTEL_SGX);
    struct ev_input in = {.evidence = {quote, quote_n}, .event_log = log, .now = IN_2026};
    tdx_policy_strict(&p);
    p.event_log_required = required;
    report = (struct ev_report){.factors = 0};
    tdx_verify_with(&in, &p, &a, &report);
    return ev_report_verdict(&report);
}
static const char *why_failed(const char *name) {
    const struct ev_factor *f = ev_report_failed(&report, name);
    return f ? f->why : "";
}
static int noted_good(const char *name) {
    for (unsigned i = 0; i < report.factors; i++)
        if (strcmp(report.factor[i].name, name) == 0) return report.factor[i].ok;
    return 0;
}
static int unchecked(const char *name) {
    for (unsigned i = 0; i < report.uncheckeds; i++)
        if (strcmp(report.unchecked[i], name) == 0) return 1;
    return 0;
}

/* ---- one quote and its log ---- */

TEST(a_real_machines_log_gives_the_rtmrs_of_its_quote) {
    load();
    CHECK_INT(judged((struct ev_bytes){ccel, ccel_n}, 1), EV_OK);
    CHECK(noted_good("event_log") && !unchecked("event_log") && !unchecked("rtmr3"));
    CHECK_INT(judged((struct ev_bytes){NULL, 0}, 0), EV_OK);
    CHECK(!noted_good("event_log") && unchecked("event_log"));
}

TEST(a_policy_that_requires_a_log_refuses_a_quote_without_one) {
    struct tdx_policy p;
    json_t *section = json_pack("{s:s}", "event_log", "required"), *wrong = json_pack("{s:s}", "event_log", "optional");
    load();
    CHECK_INT(judged((struct ev_bytes){NULL, 0}, 1), EV_REFUSED);
    CHECK(why_failed("event_log")[0]);
    CHECK_INT(tdx_policy_read(section, &p, NULL), 0);
    CHECK(p.event_log_required && !p.collateral_required);
    CHECK_INT(tdx_policy_read(wrong, &p, NULL), ERR_FORMAT);
    json_decref(section);
    json_decref(wrong);
}

/* Every digest in turn: the log is then another, and the register that it belongs to is the one that is named. */
TEST(a_log_that_does_not_give_the_rtmrs_is_invalid_and_the_register_is_named) {
    struct event_log log;
    struct event e;
    char named[16];
    unsigned tried = 0;
    load();
    CHECK_INT(event_log_read(&log, (struct ev_bytes){ccel, ccel_n}, EVENT_LOG_CC, NULL), 0);
    for (struct event_walk w = event_walk_over(&log); event_next(&w, &e);) {
        if (e.type == EV_NO_ACTION_TYPE) continue;
        uint8_t *at = ccel + (e.digest[0].digest.p - ccel) + e.number % 48;
        *at ^= 0x20;
        snprintf(named, sizeof named, "RTMR %u", e.index - 1);
        CHECK_INT(judged((struct ev_bytes){ccel, ccel_n}, 0), EV_INVALID);
        CHECK(strstr(why_failed("event_log"), named) != NULL);
        *at ^= 0x20;
        tried++;
    }
    CHECK(tried > 20);
    CHECK_INT(judged((struct ev_bytes){ccel, ccel_n}, 0), EV_OK);
}

TEST(what_is_no_log_is_unsupported_and_one_that_is_cut_never_passes) {
    load();
    CHECK_INT(judged((struct ev_bytes){quote, quote_n}, 0), EV_UNSUPPORTED);
    CHECK(why_failed("event_log")[0]);
    for (size_t n = 1; n < ccel_n; n += n < 128 ? 1 : 97) CHECK(judged((struct ev_bytes){ccel, n}, 0) != EV_OK);
}

TEST(a_log_under_a_forged_quote_is_not_noted_as_good) {
    load();
    quote[48 + 328] ^= 1; /* RTMR 0 */
    CHECK_INT(judged((struct ev_bytes){ccel, ccel_n}, 0), EV_INVALID);
    CHECK(strstr(why_failed("event_log"), "RTMR 0") != NULL);
    quote[48 + 328] ^= 1;
    quote[48 + 520] ^= 1; /* REPORTDATA: the RTMRs are what the log says, and nobody has signed them */
    CHECK_INT(judged((struct ev_bytes){ccel, ccel_n}, 0), EV_INVALID);
    CHECK(!noted_good("event_log") && !ev_report_failed(&report, "event_log"));
}

/* ---- RTMR 3, which programs extend, and whose events the firmware's log does not have ---- */

TEST(rtmr_3_is_unchecked_where_the_log_says_nothing_of_it_and_it_is_not_zero) {
    struct tdx_quote q;
    struct tdx_policy policy;
    tdx_policy_strict(&policy);
    load();
    CHECK_INT(tdx_quote_read((struct ev_bytes){quote, quote_n}, &q), 0);
    report = (struct ev_report){.factors = 0};
    quote[(q.body.rtmr[3] - quote) + 5] = 1;
    tdx_log_check(&report, 1, (struct ev_bytes){ccel, ccel_n}, &q.body, &policy);
    CHECK(noted_good("event_log") && unchecked("rtmr3"));
    policy.rtmr[3].given = 1; /* then the policy has judged it */
    report = (struct ev_report){.factors = 0};
    tdx_log_check(&report, 1, (struct ev_bytes){ccel, ccel_n}, &q.body, &policy);
    CHECK(noted_good("event_log") && !unchecked("rtmr3"));
}

TEST(rtmr_3_is_compared_where_the_log_extends_it) {
    struct tdx_quote q;
    struct tdx_policy policy;
    struct event_log log;
    struct event e, last = {.number = 0};
    tdx_policy_strict(&policy);
    load();
    CHECK_INT(tdx_quote_read((struct ev_bytes){quote, quote_n}, &q), 0);
    CHECK_INT(event_log_read(&log, (struct ev_bytes){ccel, ccel_n}, EVENT_LOG_CC, NULL), 0);
    for (struct event_walk w = event_walk_over(&log); event_next(&w, &e);)
        if (e.type != EV_NO_ACTION_TYPE) last = e;
    /* the last event once more, as one of RTMR 3's: register 4, type, one digest */
    size_t head = (size_t)(last.digest[0].digest.p - ccel) - 14, n = (size_t)(last.data.p - ccel) + last.data.n - head;
    CHECK(ccel_n + n <= sizeof ccel);
    size_t end = head + n; /* what stands behind it goes */
    memcpy(ccel + end, ccel + head, n);
    ccel[end] = 4;
    report = (struct ev_report){.factors = 0};
    tdx_log_check(&report, 1, (struct ev_bytes){ccel, end + n}, &q.body, &policy);
    CHECK(strstr(why_failed("event_log"), "RTMR 3") != NULL);
    static struct event_replay replay;
    CHECK_INT(event_log_read(&log, (struct ev_bytes){ccel, end + n}, EVENT_LOG_CC, NULL), 0);
    CHECK_INT(event_log_replay(&log, TPM_ALG_SHA384, &replay), 0);
    memcpy(quote + (q.body.rtmr[3] - quote), replay.value[4], 48);
    report = (struct ev_report){.factors = 0};
    tdx_log_check(&report, 1, (struct ev_bytes){ccel, end + n}, &q.body, &policy);
    CHECK(noted_good("event_log") && !unchecked("rtmr3"));
}

/* ---- in an envelope ---- */

static uint8_t wire[EV_ENVELOPE_BYTES_MAX];

static size_t envelope_of(enum ev_kind kind, struct ev_bytes evidence, struct ev_bytes log) {
    static uint8_t member[(2 << 20) + 4096];
    static struct cmw c;
    struct ev_part part = {.evidence = evidence, .event_log = log};
    struct writer m = writer_over(member, sizeof member), w = writer_over(wire, sizeof wire);
    ev_envelope_put_member(&m, &part, 1);
    CHECK_INT(m.err, 0);
    c = (struct cmw){.form = CMW_COLLECTION, .items = 1, .collection_type = EV_ENVELOPE_TYPE};
    c.item[0] = (struct cmw_item){.has_indicator = 1, .indicator = CMW_EVIDENCE, .value = {member, m.len}};
    snprintf(c.item[0].label, sizeof c.item[0].label, "%s", ev_slot_label(ev_slot_of(kind)));
    snprintf(c.item[0].type, sizeof c.item[0].type, "%s", ev_envelope_media_type(kind));
    cmw_write_cbor(&w, &c);
    CHECK_INT(w.err, 0);
    return w.len;
}
static int opened(size_t n) {
    static struct ev_envelope e;
    int r = ev_envelope_read(&e, wire, n, NULL);
    ev_envelope_release(&e);
    return r;
}

TEST(an_envelope_brings_a_log_for_tdx_and_for_no_other_kind) {
    static uint8_t big[EVENT_LOG_BYTES_MAX + 1], report_of_snp[1184];
    struct ev_bytes q = {quote, 0}, log = {ccel, 0};
    load();
    q.n = quote_n, log.n = ccel_n;
    CHECK_INT(opened(envelope_of(EV_TDX, q, log)), 0);
    CHECK_INT(opened(envelope_of(EV_TDX, q, (struct ev_bytes){big, EVENT_LOG_BYTES_MAX})), 0);
    CHECK_INT(opened(envelope_of(EV_TDX, q, (struct ev_bytes){big, EVENT_LOG_BYTES_MAX + 1})), ERR_LIMIT);
    CHECK_INT(opened(envelope_of(EV_SEV_SNP, (struct ev_bytes){report_of_snp, 1184}, (struct ev_bytes){0})), 0);
    CHECK_INT(opened(envelope_of(EV_SEV_SNP, (struct ev_bytes){report_of_snp, 1184}, log)), ERR_UNSUPPORTED);
    static const enum ev_kind others[] = {EV_TPM_QUOTE, EV_APPLE_MDA, EV_NVIDIA_GPU, EV_AWS_NITRO};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        CHECK_INT(opened(envelope_of(others[i], q, log)), ERR_UNSUPPORTED);
}

/* The quote is of a machine that was not asked by us: everything but the nonce is good, and the log was looked at. */
TEST(the_log_of_an_envelope_reaches_the_verifier) {
    struct ev_envelope_report *r = ev_envelope_report_new();
    uint8_t nonce[32] = {1}, key[32] = {2};
    struct ev_expected want = {.key_hash = key, .nonce = nonce, .policy = ev_policy_strict(), .now = IN_2026};
    load();
    for (int changed = 0; changed < 2; changed++) {
        ccel[ccel_n / 2] ^= (uint8_t)changed;
        ev_envelope_verify(wire, envelope_of(EV_TDX, (struct ev_bytes){quote, quote_n}, (struct ev_bytes){ccel, ccel_n}), &want,
                           r);
        CHECK_INT(r->members, 1);
        report = r->member[0].report;
        CHECK(ev_report_failed(&report, "nonce") != NULL && !unchecked("event_log"));
        CHECK(changed || noted_good("event_log"));
    }
    ev_envelope_report_free(r);
}

TESTS_MAIN("tdx_log", T(a_real_machines_log_gives_the_rtmrs_of_its_quote),
           T(a_policy_that_requires_a_log_refuses_a_quote_without_one),
           T(a_log_that_does_not_give_the_rtmrs_is_invalid_and_the_register_is_named),
           T(what_is_no_log_is_unsupported_and_one_that_is_cut_never_passes), T(a_log_under_a_forged_quote_is_not_noted_as_good),
           T(rtmr_3_is_unchecked_where_the_log_says_nothing_of_it_and_it_is_not_zero),
           T(rtmr_3_is_compared_where_the_log_extends_it), T(an_envelope_brings_a_log_for_tdx_and_for_no_other_kind),
           T(the_log_of_an_envelope_reaches_the_verifier))
