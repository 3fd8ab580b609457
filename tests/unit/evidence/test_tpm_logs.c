/* The logs in a TPM's member against quoted values: real logs, with the values that they give put into a quote of the test's own. */
#include "base/file.h"
#include "base/hash.h"
#include "evidence/event_log.h"
#include "evidence/policy.h"
#include "evidence/tpm_logs.h"
#include "tests/check.h"
#include "tests/unit/evidence/ima_scene.h"

#define BOOT "tests/data/evidence/event-log/uefi_ubuntu-2404-amd-sevsnp.bin"
#define RAN  "tests/data/evidence/ima/ima_ascii_runtime_measurements.txt"

static struct buf boot, ran;
static struct tpm_pcrs quoted;
static uint8_t quote[4096];
static struct ev_report r;
static struct ima_policy programs;

/* A quote in wire form that says these values; who signed it is not asked here. */
static struct ev_bytes quote_of(const struct tpm_pcrs *values) {
    uint8_t attest[512], digest[TPM_DIGEST_MAX];
    static const uint8_t signature[] = {0, 0x18, 0, 0x0b, 0, 1, 1, 0, 1, 1};
    struct writer a = writer_over(attest, sizeof attest), w = writer_over(quote, sizeof quote);
    CHECK_INT(tpm_pcrs_digest(TPM_ALG_SHA256, values, digest), 0);
    write_u32(&a, 0xff544347);
    write_u16(&a, 0x8018);
    write_block16(&a, "", 0);
    write_block16(&a, "", 0);
    write_zeros(&a, 8 + 4 + 4 + 1 + 8);
    tpm_selection_write(&a, &values->select);
    write_block16(&a, digest, 32);
    CHECK_INT(a.err, 0);
    tpm_quote_wire_write(&w, (struct ev_bytes){a.p, a.len}, (struct ev_bytes){signature, sizeof signature}, values);
    CHECK_INT(w.err, 0);
    return (struct ev_bytes){w.p, w.len};
}

static void open_files(void) {
    if (!boot.data) CHECK_INT(file_read(&boot, BOOT, 1 << 20, NULL), 0);
    if (!ran.data) CHECK_INT(file_read(&ran, RAN, 1 << 20, NULL), 0);
}

/* Quoted: what the boot's log gives for the PCRs of mask, and IMA's list for PCR 10. */
static void quote_logs(uint32_t mask) {
    static struct event_replay replay;
    struct event_log log;
    struct ima_log list;
    open_files();
    quoted = (struct tpm_pcrs){.select = tpm_selection_of(TPM_ALG_SHA256, mask)};
    CHECK_INT(event_log_read(&log, (struct ev_bytes){boot.data, boot.len}, EVENT_LOG_TPM, NULL), 0);
    CHECK_INT(event_log_replay(&log, TPM_ALG_SHA256, &replay), 0);
    CHECK_INT(ima_log_read(&list, (struct ev_bytes){ran.data, ran.len}, NULL), 0);
    for (unsigned i = 0; i < 24; i++) {
        int at = tpm_pcrs_at(&quoted, TPM_ALG_SHA256, i);
        if (at < 0) continue;
        if (i != TPM_PCR_IMA)
            memcpy(quoted.value[at], replay.value[i], 32);
        else
            CHECK_INT(ima_log_replay(&list, list.count, TPM_ALG_SHA256, IMA_PER_BANK, quoted.value[at]), 0);
    }
}

static int noted(const char *name) { /* 1 ok, 0 failed, -1 not at all */
    for (unsigned i = 0; i < r.factors; i++)
        if (strcmp(r.factor[i].name, name) == 0) return r.factor[i].ok;
    return -1;
}

/* What the member's verifier would have left, then the logs. */
static enum ev_verdict judged(int with_boot, int with_ran, int vouched) {
    memset(&r, 0, sizeof r);
    ev_check(&r, "signature", vouched, EV_INVALID, "not by the AK");
    if (vouched) ev_check(&r, "pcr_digest", 1, EV_INVALID, " ");
    struct tpm_member m = {.quote = quote_of(&quoted)};
    if (with_boot) m.event_log = (struct ev_bytes){boot.data, boot.len};
    if (with_ran) m.ima_log = (struct ev_bytes){ran.data, ran.len};
    if (with_boot) ev_unchecked(&r, "event_log");
    if (with_ran) ev_unchecked(&r, "ima_log");
    tpm_logs_check(&r, &m, &programs);
    return ev_report_verdict(&r);
}

TEST(a_boot_log_must_give_the_quoted_values) {
    ima_policy_strict(&programs);
    quote_logs(0xff);
    CHECK_INT(judged(1, 0, 1), EV_OK);
    CHECK(noted("event_log") == 1 && !report_unchecked(&r, "event_log"));
    quoted.value[4][0] ^= 1;
    CHECK_INT(judged(1, 0, 1), EV_INVALID);
    CHECK_INT(noted("event_log"), 0);
    quoted.value[4][0] ^= 1;
    struct event_log log;
    struct event e;
    CHECK_INT(event_log_read(&log, (struct ev_bytes){boot.data, boot.len}, EVENT_LOG_TPM, NULL), 0);
    struct event_walk w = event_walk_over(&log);
    while (event_next(&w, &e) && e.type == EV_NO_ACTION_TYPE) {}
    uint8_t *digest = boot.data + (event_digest(&e, TPM_ALG_SHA256).p - boot.data);
    digest[7] ^= 1;
    CHECK_INT(judged(1, 0, 1), EV_INVALID);
    digest[7] ^= 1;
    boot.len -= 3;
    CHECK_INT(judged(1, 0, 1), EV_UNSUPPORTED);
    boot.len += 3;
}

TEST(nothing_is_believed_of_logs_under_a_bad_signature) {
    ima_policy_strict(&programs);
    quote_logs(0x4ff);
    CHECK_INT(judged(1, 1, 0), EV_INVALID);
    CHECK(noted("event_log") == -1 && noted("ima_log") == -1 && report_unchecked(&r, "event_log") &&
          report_unchecked(&r, "ima_log"));
}

TEST(a_list_of_programs_must_give_the_quoted_pcr_10) {
    ima_policy_strict(&programs);
    quote_logs(1u << TPM_PCR_IMA);
    CHECK_INT(judged(0, 1, 1), EV_OK);
    CHECK(noted("ima_log") == 1 && report_unchecked(&r, "boot_aggregate") && report_unchecked(&r, "ima_entries") &&
          !report_unchecked(&r, "ima_log"));
    quoted.value[0][31] ^= 1;
    CHECK_INT(judged(0, 1, 1), EV_INVALID);
    CHECK_INT(noted("ima_log"), 0);
    quote_logs(1u << TPM_PCR_IMA);
    uint8_t *path = memmem(ran.data, ran.len, "/usr/", 5);
    CHECK(path != NULL);
    path[1] = 'v'; /* another file's name under the same hash */
    CHECK_INT(judged(0, 1, 1), EV_INVALID);
    path[1] = 'u';
    quote_logs(0xff); /* without PCR 10 anybody could have written the list */
    CHECK_INT(judged(0, 1, 1), EV_REFUSED);
    CHECK_INT(noted("ima_log"), 0);
}

/* A kernel of the test's own: a boot aggregate over the quoted PCRs 0 to 9, then so many programs, number i with a digest of i's. */
static void run_programs(unsigned count) {
    static struct ima_maker kernel;
    uint8_t joined[10 * 32], digest[32];
    char path[16];
    memset(&kernel, 0, sizeof kernel);
    for (unsigned i = 0; i < 10; i++) memcpy(joined + 32 * i, quoted.value[tpm_pcrs_at(&quoted, TPM_ALG_SHA256, i)], 32);
    sha256_of(digest, joined, sizeof joined);
    ima_add(&kernel,
            &(struct ima_spec){
                .template_name = "ima-ng", .hash = "sha256", .digest = digest, .digest_n = 32, .path = "boot_aggregate"});
    for (unsigned i = 0; i < count; i++) {
        memset(digest, (int)i + 1, 32);
        snprintf(path, sizeof path, "/bin/%u", i);
        ima_add(&kernel,
                &(struct ima_spec){.template_name = "ima-ng", .hash = "sha256", .digest = digest, .digest_n = 32, .path = path});
    }
    buf_release(&ran);
    buf_init(&ran, 1 << 20);
    CHECK_INT(buf_add(&ran, kernel.text, kernel.n), 0);
}
static void quote_ran(void) {
    struct ima_log list;
    CHECK_INT(ima_log_read(&list, (struct ev_bytes){ran.data, ran.len}, NULL), 0);
    CHECK_INT(ima_log_replay(&list, list.count, TPM_ALG_SHA256, IMA_PER_BANK,
                             quoted.value[tpm_pcrs_at(&quoted, TPM_ALG_SHA256, TPM_PCR_IMA)]),
              0);
}
static void allow(unsigned count) {
    char text[2048], hex[65];
    int n = snprintf(text, sizeof text, "{\"version\":1,\"ima\":[");
    for (unsigned i = count; i > 0; i--) { /* in any order */
        uint8_t digest[32];
        memset(digest, (int)i, 32);
        hex_encode(hex, digest, 32);
        n += snprintf(text + n, sizeof text - (size_t)n, "%s\"%s\"", i < count ? "," : "", hex);
    }
    n += snprintf(text + n, sizeof text - (size_t)n, "]}");
    struct ev_policy *p = ev_policy_read(text, (size_t)n, NULL);
    CHECK(p != NULL);
    programs = p->ima;
    ev_policy_free(p);
}

TEST(a_program_that_is_not_in_the_policy_is_refused) {
    quote_logs(0x7ff);
    run_programs(5);
    quote_ran();
    allow(5);
    CHECK_INT(judged(1, 1, 1), EV_OK);
    CHECK(noted("event_log") == 1 && noted("ima_log") == 1 && noted("boot_aggregate") == 1 && noted("ima_entries") == 1 &&
          r.uncheckeds == 0);
    run_programs(6); /* one more ran, and was quoted */
    quote_ran();
    CHECK_INT(judged(1, 1, 1), EV_REFUSED);
    CHECK_INT(noted("ima_entries"), 0);
    CHECK(strstr(ev_report_failed(&r, "ima_entries")->why, "/bin/5") != NULL);
    run_programs(5);
    quote_ran();
    run_programs(6); /* one more ran after the quote: not covered by it */
    CHECK_INT(judged(1, 1, 1), EV_OK);
    CHECK_INT(judged(1, 0, 1), EV_REFUSED); /* the list left out altogether */
    CHECK_INT(noted("ima_log"), 0);
}

TEST(a_list_of_another_boot_is_noticed) {
    ima_policy_strict(&programs);
    quote_logs(0x7ff);
    run_programs(3);
    quote_ran();
    CHECK_INT(judged(0, 1, 1), EV_OK);
    quoted.value[2][0] ^= 1;
    CHECK_INT(judged(0, 1, 1), EV_INVALID);
    CHECK(noted("ima_log") == 1 && noted("boot_aggregate") == 0);
}

TEST(a_list_of_digests_that_is_none_is_refused) {
    static const char *const bad[] = {
        "{\"version\":1,\"ima\":[]}", "{\"version\":1,\"ima\":{}}", "{\"version\":1,\"ima\":[\"00\"]}",
        "{\"version\":1,\"ima\":[7]}",
        "{\"version\":1,\"ima\":[\"AA11111111111111111111111111111111111111111111111111111111111111\"]}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct why why = {{0}};
        CHECK(ev_policy_read(bad[i], strlen(bad[i]), &why) == NULL);
        CHECK(strstr(why.text, "\"ima\"") != NULL);
    }
}

TESTS_MAIN("tpm_logs", T(a_boot_log_must_give_the_quoted_values), T(nothing_is_believed_of_logs_under_a_bad_signature),
           T(a_list_of_programs_must_give_the_quoted_pcr_10), T(a_list_of_another_boot_is_noticed),
           T(a_program_that_is_not_in_the_policy_is_refused), T(a_list_of_digests_that_is_none_is_refused))
