/* evidence: whether a node runs a release that the log has in force: engine, measurement, proof, each of them wrong in turn, for every kind of
 * evidence that names a program. The evidence is real, or a TPM's member of the test's own. */
#include <inttypes.h>

#include "base/hash.h"
#include "evidence/envelope_verify.h"
#include "evidence/ima_log.h"
#include "evidence/nitro_doc.h"
#include "evidence/nitro_frame.h"
#include "evidence/release_check.h"
#include "evidence/release_measured.h"
#include "evidence/sev_snp_report.h"
#include "evidence/tdx_quote.h"
#include "tests/unit/evidence/ima_scene.h"
#include "tests/unit/evidence/maker.h"
#include "tests/unit/evidence/tlog_scene.h"

enum { NOW = 1795600000 };
#define ENGINE "lull-9.8.7"
#define OTHER  "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static struct scene s;
static struct ev_report report;
static uint8_t snp[SNP_REPORT_BYTES + 1], tdx[1 << 15], nitro[1 << 15];
static size_t tdx_n, nitro_n;
static struct tdx_quote quote;
static struct nitro_doc doc;

static void load(void) {
    struct nitro_cose cose;
    struct ev_bytes document;
    CHECK_INT(maker_file("sev-snp/ms_report_milan.bin", snp, sizeof snp), SNP_REPORT_BYTES);
    tdx_n = maker_file("tdx/trustee_tdx_quote_5.dat", tdx, sizeof tdx);
    nitro_n = maker_file("aws-nitro/nitro_attestation.cbor", nitro, sizeof nitro);
    CHECK_INT(tdx_quote_read((struct ev_bytes){tdx, tdx_n}, &quote), 0);
    CHECK_INT(nitro_unframe(&document, (struct ev_bytes){nitro, nitro_n}), 0);
    CHECK_INT(nitro_cose_read(&cose, document, NULL), 0);
    CHECK_INT(nitro_doc_read(&doc, cose.payload, NULL), 0);
}

/* ---- leaves ---- */

static char leaf[8192], binary[65];

static void start_leaf(void) {
    if (!binary[0]) memset(binary, '5', 64);
    snprintf(leaf, sizeof leaf, "{\"binary\":\"%s\",\"measurements\":[", binary);
}
static void list(const char *kind, const void *p, size_t n) {
    char hex[2 * TLOG_MEASUREMENT_MAX + 1];
    size_t at = strlen(leaf);
    hex_encode(hex, p, n);
    snprintf(leaf + at, sizeof leaf - at, "%s{\"kind\":\"%s\",\"value\":\"%s\"}", leaf[at - 1] == '[' ? "" : ",", kind, hex);
}
static void list_other(const char *kind) {
    uint8_t v[48];
    CHECK_INT(hex_decode(v, 48, OTHER, 96), 0);
    list(kind, v, 48);
}
static void end_leaf(void) {
    size_t at = strlen(leaf);
    snprintf(leaf + at, sizeof leaf - at, "],\"name\":\"lull\",\"type\":\"release\",\"v\":1,\"version\":\"9.8.7\"}");
}

/* ---- proofs: entry 0 is the leaf, entry 1 the state ---- */

enum { IN_FORCE, REVOKED, UNLISTED };
static struct buf proof_of(const char *entry, int standing, unsigned witnesses, int64_t until) {
    char state[512], hex[65];
    uint8_t h[32];
    struct buf note;
    scene_open(&s);
    tree_leaf_hash(h, entry, strlen(entry));
    hex_encode(hex, h, 32);
    snprintf(state, sizeof state,
             "{\"from\":%" PRId64 ",\"in_force\":[%s%s%s],\"revoked\":[%s%s%s],\"type\":\"state\",\"until\":%" PRId64 ",\"v\":1}",
             until - 7200, standing == IN_FORCE ? "\"" : "", standing == IN_FORCE ? hex : "", standing == IN_FORCE ? "\"" : "",
             standing == REVOKED ? "\"" : "", standing == REVOKED ? hex : "", standing == REVOKED ? "\"" : "", until);
    scene_add(&s, entry);
    scene_add(&s, state);
    scene_checkpoint(&s, &note, witnesses, NOW - 60);
    struct buf b = prove(&s, &note, s.edge.size, 0, 1, 0);
    buf_release(&note);
    return b;
}

static enum ev_verdict asked(const struct release_question *q) {
    release_check(q, &report);
    return ev_report_verdict(&report);
}
static struct release_question question(const struct buf *proof, enum ev_kind kind, struct ev_bytes evidence) {
    return (struct release_question){.log = &s.trust,
                                     .proof = {proof->data, proof->len},
                                     .engine_id = ENGINE,
                                     .kind = kind,
                                     .evidence = evidence,
                                     .verified = 1,
                                     .now = NOW};
}
/* The leaf that was written, against that evidence. factor NULL: all is good. */
static void leaf_gives(enum ev_kind kind, struct ev_bytes evidence, const char *factor) {
    end_leaf();
    struct buf proof = proof_of(leaf, IN_FORCE, 2, NOW + 3600);
    struct release_question q = question(&proof, kind, evidence);
    enum ev_verdict got = asked(&q);
    if (!factor && got != EV_OK)
        for (unsigned i = 0; i < report.factors; i++)
            if (!report.factor[i].ok) print_error("%s: %s\n", report.factor[i].name, report.factor[i].why);
    CHECK_INT(got, factor ? EV_REFUSED : EV_OK);
    if (factor) CHECK(ev_report_failed(&report, factor) != NULL);
    buf_release(&proof);
    scene_close(&s);
}
static void noted(const char *name) {
    int good = 0;
    for (unsigned i = 0; i < report.factors; i++) good |= report.factor[i].ok && strcmp(report.factor[i].name, name) == 0;
    CHECK(good);
}

/* ---- kinds ---- */

TEST(an_snp_guest_runs_the_release_that_lists_its_measurement) {
    struct snp_report r;
    load();
    struct ev_bytes evidence = {snp, SNP_REPORT_BYTES};
    CHECK_INT(snp_report_read(&r, evidence), 0);
    start_leaf(), list_other("sev-snp"), list("sev-snp", r.measurement, 48);
    leaf_gives(EV_SEV_SNP, evidence, NULL);
    noted("release_measurement"), noted("release_engine"), noted("in_force");
    start_leaf(), list_other("sev-snp");
    leaf_gives(EV_SEV_SNP, evidence, "release_measurement");
    start_leaf(), list("tdx-mrtd", r.measurement, 48); /* of another platform */
    leaf_gives(EV_SEV_SNP, evidence, "release_measurement");
    start_leaf(), list("sev-snp", r.measurement, 32); /* its beginning */
    leaf_gives(EV_SEV_SNP, evidence, "release_measurement");
    start_leaf();
    leaf_gives(EV_SEV_SNP, evidence, "release_measurement");
}

TEST(a_trust_domain_runs_a_release_only_if_firmware_kernel_and_command_line_are_listed) {
    static const char *const kinds[] = {"tdx-mrtd", "tdx-rtmr0", "tdx-rtmr1", "tdx-rtmr2", "tdx-rtmr3"};
    load();
    struct ev_bytes evidence = {tdx, tdx_n};
    for (int wrong = -1; wrong < 5; wrong++) { /* each in turn listed as another */
        start_leaf();
        for (int i = 0; i < 5; i++)
            if (i == wrong)
                list_other(kinds[i]);
            else
                list(kinds[i], i == 0 ? quote.body.mr_td : quote.body.rtmr[i - 1], 48);
        leaf_gives(EV_TDX, evidence, wrong < 0 ? NULL : "release_measurement");
    }
    for (int left_out = 0; left_out < 5; left_out++) { /* and not at all */
        start_leaf();
        for (int i = 0; i < 5; i++)
            if (i != left_out) list(kinds[i], i == 0 ? quote.body.mr_td : quote.body.rtmr[i - 1], 48);
        leaf_gives(EV_TDX, evidence, left_out == 1 || left_out == 4 ? NULL : "release_measurement");
    }
}

TEST(an_enclave_runs_the_release_whose_pcrs_are_its) {
    load();
    struct ev_bytes evidence = {nitro, nitro_n};
    start_leaf(), list("nitro-pcr0", doc.pcr[0].p, doc.pcr[0].n);
    leaf_gives(EV_AWS_NITRO, evidence, NULL);
    start_leaf(), list("nitro-pcr0", doc.pcr[0].p, doc.pcr[0].n), list("nitro-pcr2", doc.pcr[2].p, doc.pcr[2].n);
    leaf_gives(EV_AWS_NITRO, evidence, NULL);
    start_leaf(), list("nitro-pcr0", doc.pcr[0].p, doc.pcr[0].n), list_other("nitro-pcr2");
    leaf_gives(EV_AWS_NITRO, evidence, "release_measurement");
    start_leaf(), list("nitro-pcr1", doc.pcr[1].p, doc.pcr[1].n);
    leaf_gives(EV_AWS_NITRO, evidence, "release_measurement");
}

/* A member that quotes PCR 10 after the first `covered` entries of that list. */
static struct ev_bytes tpm_member(struct ev_bytes list_text, unsigned covered) {
    static uint8_t quote_bytes[4096], member[1 << 17];
    static const uint8_t signature[] = {0, 0x18, 0, 0x0b, 0, 1, 1, 0, 1, 1}, some[] = {1, 2, 3};
    uint8_t attest[512], digest[TPM_DIGEST_MAX];
    struct ima_log log;
    struct tpm_pcrs quoted = {.select = tpm_selection_of(TPM_ALG_SHA256, 1u << TPM_PCR_IMA)};
    if (list_text.n == 0) memset(&log, 0, sizeof log);
    if (list_text.n > 0) CHECK_INT(ima_log_read(&log, list_text, NULL), 0);
    CHECK_INT(ima_log_replay(&log, covered, TPM_ALG_SHA256, IMA_PER_BANK, quoted.value[0]), 0);
    CHECK_INT(tpm_pcrs_digest(TPM_ALG_SHA256, &quoted, digest), 0);
    struct writer a = writer_over(attest, sizeof attest), w = writer_over(quote_bytes, sizeof quote_bytes),
                  o = writer_over(member, sizeof member);
    write_u32(&a, 0xff544347);
    write_u16(&a, 0x8018);
    write_block16(&a, "", 0);
    write_block16(&a, "", 0);
    write_zeros(&a, 8 + 4 + 4 + 1 + 8);
    tpm_selection_write(&a, &quoted.select);
    write_block16(&a, digest, 32);
    tpm_quote_wire_write(&w, (struct ev_bytes){a.p, a.len}, (struct ev_bytes){signature, sizeof signature}, &quoted);
    struct ev_bytes any = {some, sizeof some};
    tpm_member_write(&o,
                     &(struct tpm_member){.quote = {w.p, w.len}, .ak = any, .seal = {any, any, any, any}, .ima_log = list_text});
    CHECK_INT(a.err | w.err | o.err, 0);
    return (struct ev_bytes){o.p, o.len};
}

TEST(a_machine_with_a_tpm_runs_the_release_whose_program_is_in_the_quoted_part_of_imas_list) {
    static struct ima_maker list_of;
    enum { ENTRIES = 6, COVERED = 4, VIOLATION = 2 };
    uint8_t digest[32];
    list_of.n = 0;
    for (int i = 0; i < ENTRIES; i++) {
        memset(digest, 0x30 + i, sizeof digest);
        struct ima_spec line = ima_ng(digest, i == 0 ? "boot_aggregate" : "/usr/bin/lull");
        line.violation = i == VIOLATION;
        ima_add(&list_of, &line);
    }
    for (int i = 1; i < ENTRIES; i++) {
        memset(digest, 0x30 + i, sizeof digest);
        hex_encode(binary, digest, 32);
        start_leaf(); /* what comes after the quoted part nobody has signed; of a file that was written meanwhile nothing is known */
        leaf_gives(EV_TPM_QUOTE, tpm_member(ima_text(&list_of), COVERED),
                   i < COVERED && i != VIOLATION ? NULL : "release_measurement");
    }
    start_leaf();
    leaf_gives(EV_TPM_QUOTE, tpm_member((struct ev_bytes){NULL, 0}, 0), "release_measurement");
    start_leaf();
    leaf_gives(EV_TPM_QUOTE, (struct ev_bytes){tdx, tdx_n}, "release_measurement"); /* a bare quote */
    binary[0] = 0;
}

TEST(evidence_that_names_no_program_shows_no_release) {
    start_leaf();
    leaf_gives(EV_KIND_NONE, (struct ev_bytes){NULL, 0}, "release_measurement");
    start_leaf();
    leaf_gives(EV_APPLE_MDA, (struct ev_bytes){snp, SNP_REPORT_BYTES}, "release_measurement");
    CHECK(!release_names_program(EV_NVIDIA_GPU) && !release_names_program(EV_APPLE_MDA) && release_names_program(EV_TDX));
}

/* ---- engine and proof ---- */

static struct buf good_proof(int standing, unsigned witnesses, int64_t until) {
    struct snp_report r;
    load();
    CHECK_INT(snp_report_read(&r, (struct ev_bytes){snp, SNP_REPORT_BYTES}), 0);
    start_leaf(), list("sev-snp", r.measurement, 48), end_leaf();
    return proof_of(leaf, standing, witnesses, until);
}

TEST(another_engine_in_the_key_statement_is_refused) {
    static const char *const wrong[] = {NULL,   "",      "lull-9.8.8", "lull-9.8.70", "lull-9.8",
                                        "lull", "9.8.7", "Lull-9.8.7", "lull_9.8.7"};
    struct buf proof = good_proof(IN_FORCE, 2, NOW + 3600);
    struct release_question q = question(&proof, EV_SEV_SNP, (struct ev_bytes){snp, SNP_REPORT_BYTES});
    CHECK_INT(asked(&q), EV_OK);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        q.engine_id = wrong[i];
        CHECK_INT(asked(&q), EV_REFUSED);
        CHECK(ev_report_failed(&report, "release_engine") && !ev_report_failed(&report, "release_measurement"));
    }
    buf_release(&proof);
    scene_close(&s);
}

TEST(a_release_that_is_not_in_force_or_not_witnessed_is_none) {
    static const struct {
        int standing;
        unsigned witnesses;
        int64_t until;
        const char *factor;
    } rows[] = {{REVOKED, 2, NOW + 3600, "in_force"},
                {UNLISTED, 2, NOW + 3600, "in_force"},
                {IN_FORCE, 1, NOW + 3600, "witnesses"},
                {IN_FORCE, 2, NOW - 1, "state_date"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf proof = good_proof(rows[i].standing, rows[i].witnesses, rows[i].until);
        struct release_question q = question(&proof, EV_SEV_SNP, (struct ev_bytes){snp, SNP_REPORT_BYTES});
        CHECK_INT(asked(&q), EV_REFUSED);
        CHECK(ev_report_failed(&report, rows[i].factor) != NULL);
        for (unsigned f = 0; f < report.factors; f++)
            CHECK(strncmp(report.factor[f].name, "release_", 8) != 0); /* nothing of it is believed */
        buf_release(&proof);
        scene_close(&s);
    }
}

TEST(a_proof_of_another_log_or_from_a_smaller_tree_than_was_seen_is_refused) {
    struct buf proof = good_proof(IN_FORCE, 2, NOW + 3600);
    struct release_question q = question(&proof, EV_SEV_SNP, (struct ev_bytes){snp, SNP_REPORT_BYTES});
    struct log_policy none = {.given = 0}, other = s.trust;
    other.witness[0][0] ^= 1, other.witness[1][0] ^= 1;
    q.log_size_seen = 2;
    CHECK_INT(asked(&q), EV_OK);
    q.log_size_seen = 3;
    CHECK_INT(asked(&q), EV_REFUSED);
    CHECK(ev_report_failed(&report, "log_rollback") != NULL);
    q.log_size_seen = 0;
    q.log = &none;
    CHECK_INT(asked(&q), EV_REFUSED);
    CHECK(ev_report_failed(&report, "origin") != NULL);
    q.log = &other;
    CHECK_INT(asked(&q), EV_REFUSED);
    CHECK(ev_report_failed(&report, "witnesses") != NULL);
    buf_release(&proof);
    scene_close(&s);
}

TEST(a_leaf_of_another_type_is_no_release) {
    struct buf proof = proof_of(
        "{\"digest\":\"1111111111111111111111111111111111111111111111111111111111111111\",\"name\":\"lull-9.8.7\","
        "\"type\":\"policy\",\"v\":1}",
        IN_FORCE, 2, NOW + 3600);
    load();
    struct release_question q = question(&proof, EV_SEV_SNP, (struct ev_bytes){snp, SNP_REPORT_BYTES});
    CHECK_INT(asked(&q), EV_REFUSED);
    CHECK(ev_report_failed(&report, "release_leaf") != NULL);
    buf_release(&proof);
    scene_close(&s);
}

TEST(a_changed_proof_never_shows_a_release) {
    struct buf proof = good_proof(IN_FORCE, 2, NOW + 3600);
    struct release_question q = question(&proof, EV_SEV_SNP, (struct ev_bytes){snp, SNP_REPORT_BYTES});
    unsigned passed = 0;
    for (size_t i = 0; i < proof.len; i += 3) {
        proof.data[i] ^= 1;
        passed += asked(&q) == EV_OK;
        proof.data[i] ^= 1;
    }
    CHECK_INT(passed, 0);
    for (size_t n = 0; n < proof.len; n += 41) {
        q.proof.n = n;
        CHECK(asked(&q) != EV_OK);
    }
    buf_release(&proof);
    scene_close(&s);
}

TEST(what_did_not_verify_has_no_measurement) {
    struct buf proof = good_proof(IN_FORCE, 2, NOW + 3600);
    struct release_question q = question(&proof, EV_SEV_SNP, (struct ev_bytes){snp, SNP_REPORT_BYTES});
    q.verified = 0;
    (void)asked(&q);
    CHECK(report.uncheckeds == 1 && strcmp(report.unchecked[0], "release_measurement") == 0);
    for (unsigned f = 0; f < report.factors; f++) CHECK(strcmp(report.factor[f].name, "release_measurement") != 0);
    buf_release(&proof);
    scene_close(&s);
}

/* ---- with an envelope ---- */

static int verdict_of_member = 1;
static void played(enum ev_kind kind, const struct ev_input *in, const struct tpm_activated *activated, struct ev_report *out) {
    (void)activated, (void)in;
    memset(out, 0, sizeof *out);
    out->best = kind == EV_NVIDIA_GPU ? EV_CLASS_NONE : EV_T2;
    ev_check(out, "signature", verdict_of_member, EV_INVALID, "broken");
    ev_check(out, "nonce", 1, EV_INVALID, " ");
}

static uint8_t wire[1 << 16];
static size_t snp_envelope(void) {
    static uint8_t member[4096];
    static struct cmw c;
    struct ev_part part = {.evidence = {snp, SNP_REPORT_BYTES}};
    struct writer m = writer_over(member, sizeof member), w = writer_over(wire, sizeof wire);
    ev_envelope_put_member(&m, &part, 1);
    c = (struct cmw){.form = CMW_COLLECTION, .items = 1, .collection_type = EV_ENVELOPE_TYPE};
    c.item[0] = (struct cmw_item){.label = "cpu", .has_indicator = 1, .indicator = CMW_EVIDENCE, .value = {member, m.len}};
    snprintf(c.item[0].type, sizeof c.item[0].type, "%s", ev_envelope_media_type(EV_SEV_SNP));
    cmw_write_cbor(&w, &c);
    CHECK_INT(m.err | w.err, 0);
    return w.len;
}

TEST(an_envelope_with_a_proof_shows_its_release_and_fails_with_it) {
    struct buf proof = good_proof(IN_FORCE, 2, NOW + 3600);
    struct ev_envelope_report *r = ev_envelope_report_new();
    struct ev_policy policy = *ev_policy_strict();
    uint8_t nonce[32] = {1}, key[32] = {2};
    struct ev_expected want = {.key_hash = key, .nonce = nonce, .policy = &policy, .now = NOW, .engine_id = ENGINE};
    policy.log = s.trust;
    size_t n = snp_envelope();
    ev_envelope_verify_with(wire, n, &want, played, r); /* without one */
    CHECK_INT(ev_envelope_verdict(r), EV_OK);
    CHECK_STR(r->whole.unchecked[0], "release");
    policy.log.release_required = 1;
    ev_envelope_verify_with(wire, n, &want, played, r);
    CHECK_INT(ev_envelope_verdict(r), EV_REFUSED);
    CHECK(ev_report_failed(&r->whole, "release") != NULL);
    want.release = (struct ev_bytes){proof.data, proof.len};
    ev_envelope_verify_with(wire, n, &want, played, r);
    CHECK_INT(ev_envelope_verdict(r), EV_OK);
    CHECK(r->shows == EV_T2 && r->whole.uncheckeds == 0 && r->members == 2);
    CHECK_STR(r->member[1].label, "release");
    want.engine_id = "lull-1";
    ev_envelope_verify_with(wire, n, &want, played, r);
    CHECK_INT(ev_envelope_verdict(r), EV_REFUSED);
    CHECK(r->shows == EV_CLASS_NONE && ev_report_failed(&r->whole, "release") != NULL);
    want.engine_id = ENGINE;
    verdict_of_member = 0; /* what the report says is nobody's word */
    ev_envelope_verify_with(wire, n, &want, played, r);
    CHECK_INT(ev_envelope_verdict(r), EV_INVALID);
    CHECK_STR(r->member[1].report.unchecked[0], "release_measurement");
    verdict_of_member = 1;
    ev_envelope_report_free(r);
    buf_release(&proof);
    scene_close(&s);
}

TEST(a_policy_says_required_or_nothing_of_releases) {
    static const char text[] = "{\"origin\":\"log.example/lull\",\"key\":\"%064d\",\"witnesses\":[\"%064d\"],\"k\":1%s}";
    static const struct {
        const char *release;
        int r, required;
    } rows[] = {{"", 0, 0},
                {",\"release\":\"required\"", 0, 1},
                {",\"release\":\"optional\"", ERR_FORMAT, 0},
                {",\"release\":1", ERR_FORMAT, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char section[400];
        struct log_policy p;
        snprintf(section, sizeof section, text, 1, 2, rows[i].release);
        json_t *j = json_loads(section, 0, NULL);
        CHECK_INT(log_policy_read(j, &p, NULL), rows[i].r);
        if (rows[i].r == 0) CHECK_INT(p.release_required, rows[i].required);
        json_decref(j);
    }
}

TESTS_MAIN("release", T(an_snp_guest_runs_the_release_that_lists_its_measurement),
           T(a_trust_domain_runs_a_release_only_if_firmware_kernel_and_command_line_are_listed),
           T(an_enclave_runs_the_release_whose_pcrs_are_its),
           T(a_machine_with_a_tpm_runs_the_release_whose_program_is_in_the_quoted_part_of_imas_list),
           T(evidence_that_names_no_program_shows_no_release), T(another_engine_in_the_key_statement_is_refused),
           T(a_release_that_is_not_in_force_or_not_witnessed_is_none),
           T(a_proof_of_another_log_or_from_a_smaller_tree_than_was_seen_is_refused), T(a_leaf_of_another_type_is_no_release),
           T(a_changed_proof_never_shows_a_release), T(what_did_not_verify_has_no_measurement),
           T(an_envelope_with_a_proof_shows_its_release_and_fails_with_it), T(a_policy_says_required_or_nothing_of_releases))
