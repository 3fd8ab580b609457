/* What must not pass as an AWS Nitro document: the real one changed, cut and extended; documents of our own manufacturer that are signed
 * and wrong. Each with the verdict and the factor that says so. */
#include "base/json.h"
#include "tests/unit/evidence/nitro_scene.h"

static struct ev_report r;
static unsigned cases;

static void judged(const char *what, enum ev_verdict want, const char *factor) {
    cases++;
    CHECK(maker_judged(what, &r, want, factor));
    CHECK_INT(ev_report_class(&r), want == EV_OK ? EV_T2 : EV_CLASS_NONE);
}

/* ---- the real one, one bit at a time ---- */

static size_t find(const char *text) {
    for (size_t i = 0; i + strlen(text) < real_n; i++)
        if (memcmp(real_doc + i, text, strlen(text)) == 0) return i;
    fail_msg("no %s in the document", text);
    return 0;
}

static void flip(const char *what, size_t at, enum ev_verdict want, const char *factor) {
    real_doc[at] ^= 1;
    judge_real(&r, real_doc, real_n, REAL_NOW);
    real_doc[at] ^= 1;
    judged(what, want, factor);
}

TEST(a_bit_in_each_field_of_the_real_document) {
    flip("array's head", 0, EV_UNSUPPORTED, "format");
    flip("protected: label", 3, EV_UNSUPPORTED, "cose_algorithm");
    flip("protected: algorithm's head", 4, EV_UNSUPPORTED, "cose_algorithm");
    flip("protected: algorithm", 5, EV_UNSUPPORTED, "cose_algorithm");
    flip("unprotected", 6, EV_UNSUPPORTED, "format");
    flip("payload's length", 9, EV_UNSUPPORTED, "format");
    flip("module_id, key", find("module_id"), EV_UNSUPPORTED, "format");
    flip("module_id", find("i-0827"), EV_INVALID, "signature");
    flip("digest, key", find("digest"), EV_UNSUPPORTED, "format");
    flip("digest", find("SHA384"), EV_INVALID, "signature");
    flip("timestamp, key", find("timestamp"), EV_UNSUPPORTED, "format");
    flip("timestamp", find("timestamp") + 9 + 8, EV_INVALID, "signature");
    flip("timestamp, years", find("timestamp") + 9 + 4, EV_INVALID, "timestamp");
    flip("pcrs, key", find("pcrs"), EV_UNSUPPORTED, "format");
    flip("pcrs, count", find("pcrs") + 4, EV_UNSUPPORTED, "format");
    for (size_t i = 0; i < 16; i++) flip("a PCR", find("pcrs") + 5 + i * 51 + 3 + i, EV_INVALID, "signature");
    flip("PCR 0's number: then 1 is there twice", find("pcrs") + 5, EV_UNSUPPORTED, "format");
    flip("certificate, key", find("certificate"), EV_UNSUPPORTED, "format");
    flip("cabundle, key", find("cabundle"), EV_UNSUPPORTED, "format");
    flip("public_key, key", find("public_key"), EV_INVALID, "signature");
    flip("user_data, key", find("user_data"), EV_INVALID, "signature");
    flip("user_data", find("user_data") + 20, EV_INVALID, "signature");
    flip("nonce, key", find("nonce"), EV_INVALID, "signature");
    flip("nonce: null becomes undefined", find("nonce") + 5, EV_UNSUPPORTED, "format");
    flip("r, first", real_n - 96, EV_INVALID, "signature");
    flip("r, last", real_n - 49, EV_INVALID, "signature");
    flip("s, first", real_n - 48, EV_INVALID, "signature");
    flip("s, last", real_n - 1, EV_INVALID, "signature");
    flip("signature's length", real_n - 97, EV_UNSUPPORTED, "format");
}

TEST(a_bit_in_each_certificate_of_the_real_document) {
    struct nitro_cose cose;
    struct nitro_doc d;
    CHECK_INT(nitro_cose_read(&cose, (struct ev_bytes){real_doc, real_n}, NULL), 0);
    CHECK_INT(nitro_doc_read(&d, cose.payload, NULL), 0);
    size_t leaf = (size_t)(d.certificate.p - real_doc);
    flip("leaf, tag", leaf, EV_UNSUPPORTED, "format");
    flip("leaf, length", leaf + 3, EV_UNSUPPORTED, "certificates");
    flip("leaf, serial number", leaf + 20, EV_INVALID, "chain");
    flip("leaf, signature", leaf + d.certificate.n - 1, EV_INVALID, "chain");
    for (unsigned i = 1; i < d.bundle_count; i++)
        flip("an intermediate's signature", (size_t)(d.bundle[i].p - real_doc) + d.bundle[i].n - 1, EV_INVALID, "chain");
    /* the root that comes along is not the one that is trusted, but it is signed with the rest */
    flip("the root's signature", (size_t)(d.bundle[0].p - real_doc) + d.bundle[0].n - 1, EV_INVALID, "signature");
    for (size_t i = 0; i < 639; i += 13) {
        real_doc[leaf + i] ^= 0x10;
        judge_real(&r, real_doc, real_n, REAL_NOW);
        real_doc[leaf + i] ^= 0x10;
        cases++;
        CHECK(ev_report_verdict(&r) != EV_OK);
    }
}

TEST(the_real_document_cut_extended_and_out_of_its_time) {
    static const size_t cuts[] = {0, 1, 2, 5, 6, 7, 9, 10, 40, 100, 1000, 3000, 4428, 4429, 4430, 4525};
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        judge_real(&r, real_doc, cuts[i], REAL_NOW);
        judged("cut", EV_UNSUPPORTED, "format");
    }
    for (size_t n = 1; n < 3; n++) {
        real_doc[real_n] = real_doc[real_n + 1] = 0;
        judge_real(&r, real_doc, real_n + n, REAL_NOW);
        judged("extended", EV_UNSUPPORTED, "format");
    }
    static const int64_t times[] = {0, REAL_FROM - 1, REAL_TO + 1, REAL_NOW + 86400, REAL_NOW - 86400 * 365, 4102444800, -1};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        judge_real(&r, real_doc, real_n, times[i]);
        judged("another time", EV_INVALID, "dates");
    }
    static uint8_t big[NITRO_BYTES_MAX + 1];
    judge_real(&r, big, sizeof big, REAL_NOW);
    judged("too large", EV_UNSUPPORTED, "format");
}

TEST(a_frame_that_is_cut_extended_or_of_another_kind) {
    for (size_t n = 0; n < framed_n; n += n < 8 || n >= 4526 ? 1 : 502) {
        judge_real(&r, framed_doc, n, REAL_NOW);
        judged("frame cut", EV_UNSUPPORTED, "format");
    }
    judge_real(&r, framed_doc, framed_n + 1, REAL_NOW);
    judged("frame extended", EV_UNSUPPORTED, "format");
    for (int kind = 0; kind < 256; kind++) {
        framed_doc[1] = (uint8_t)kind;
        judge_real(&r, framed_doc, framed_n, REAL_NOW);
        judged("frame of another kind", kind == 2 ? EV_OK : EV_UNSUPPORTED, kind == 2 ? NULL : "format");
    }
    framed_doc[1] = 2;
    framed_doc[4] ^= 0xff;
    judge_real(&r, framed_doc, framed_n, REAL_NOW);
    judged("another document in the frame", EV_UNSUPPORTED, "format");
    framed_doc[4] ^= 0xff;
}

TEST(the_real_document_under_another_root_or_as_another_kind) {
    struct nitro_policy p;
    nitro_policy_strict(&p);
    judge_with(&r, real_doc, real_n, NULL, 0, REAL_NOW, &p, &twin_anchors);
    judged("another root", EV_INVALID, "chain");
    static const char *const relabelled[] = {"{}", "-----BEGIN CERTIFICATE-----", "\x11\xe0\x01\xff", "\xffTCG\x80\x18",
                                             "\x04\x00\x02\x00\x81"};
    for (size_t i = 0; i < sizeof relabelled / sizeof *relabelled; i++) {
        judge_real(&r, relabelled[i], strlen(relabelled[i]), REAL_NOW);
        judged("another kind", EV_UNSUPPORTED, "format");
    }
}

/* ---- signed, and wrong ---- */

static void twin_judged(const char *what, const struct twin *t, const char *nonce, enum ev_verdict want, const char *factor) {
    struct nitro_policy p;
    nitro_policy_strict(&p);
    judge_twin(&r, t, nonce, &p, TWIN_NOW);
    judged(what, want, factor);
}
#define TWIN(what, change, want, factor)           \
    do {                                           \
        struct twin t = twin_default();            \
        change;                                    \
        twin_judged(what, &t, NULL, want, factor); \
    } while (0)

TEST(the_twin_itself_is_good) { TWIN("twin", (void)0, EV_OK, NULL); }

TEST(debug_enclaves_are_refused) {
    TWIN("debug", t.pcr[0] = t.pcr[1] = t.pcr[2] = 0, EV_REFUSED, "debug");
    TWIN("PCR 0 zero", t.pcr[0] = 0, EV_REFUSED, "debug");
    TWIN("PCR 1 zero", t.pcr[1] = 0, EV_REFUSED, "debug");
    TWIN("PCR 2 zero", t.pcr[2] = 0, EV_REFUSED, "debug");
    TWIN("PCR 0 absent", t.pcr[0] = -1, EV_REFUSED, "debug");
    TWIN("PCR 2 absent", t.pcr[2] = -1, EV_REFUSED, "debug");
}

TEST(members_out_of_bounds_are_refused) {
    static const struct {
        unsigned bit;
        int required;
    } all[] = {{M_MODULE, 1}, {M_DIGEST, 1}, {M_TIME, 1}, {M_PCRS, 1}, {M_CERT, 1},
               {M_BUNDLE, 1}, {M_KEY, 0},    {M_USER, 0}, {M_NONCE, 0}};
    for (size_t i = 0; i < 9; i++) {
        if (all[i].required) TWIN("missing", t.drop = all[i].bit, EV_UNSUPPORTED, "format");
        TWIN("twice", t.twice = all[i].bit, EV_UNSUPPORTED, "format");
        if (all[i].bit != M_MODULE) /* the digest "text" is well-formed, and unknown */
            TWIN("of another type", t.text_in_place_of = (int)all[i].bit, EV_UNSUPPORTED,
                 all[i].bit == M_DIGEST ? "digest" : "format");
    }
    static const uint8_t large[1025];
    struct ev_bytes too_large = {large, sizeof large};
    TWIN("public_key over 1024", t.public_key = too_large, EV_UNSUPPORTED, "format");
    TWIN("user_data over 1024", t.user_data = too_large, EV_UNSUPPORTED, "format");
    TWIN("nonce over 1024", t.nonce = too_large, EV_UNSUPPORTED, "format");
    TWIN("module_id empty", t.module_id = "", EV_UNSUPPORTED, "format");
    TWIN("SHA256", t.digest = "SHA256", EV_UNSUPPORTED, "digest");
    TWIN("sha384", t.digest = "sha384", EV_UNSUPPORTED, "digest");
    TWIN("SHA384 and more", t.digest = "SHA3840", EV_UNSUPPORTED, "digest");
    TWIN("PCR 32", t.pcr[32] = 1, EV_UNSUPPORTED, "format");
    TWIN("a PCR twice", t.pcr_twice = 3, EV_UNSUPPORTED, "format");
    TWIN("a PCR of 47 bytes", t.pcr_bytes[3] = 47, EV_UNSUPPORTED, "format");
    TWIN("a PCR of no bytes", t.pcr_bytes[3] = 0, EV_UNSUPPORTED, "format");
    TWIN("a PCR of SHA-256", t.pcr_bytes[3] = 32, EV_UNSUPPORTED, "pcrs");
    TWIN("a PCR of SHA-512", t.pcr_bytes[0] = 64, EV_UNSUPPORTED, "pcrs");
    TWIN("no PCR at all", for (int i = 0; i <= NITRO_PCRS; i++) t.pcr[i] = -1, EV_UNSUPPORTED, "format");
}

TEST(times_that_cannot_be_are_refused) {
    TWIN("timestamp 0", t.timestamp_ms = 0, EV_UNSUPPORTED, "format");
    TWIN("timestamp after the year 9999", t.timestamp_ms = NITRO_TIMESTAMP_MAX + 1, EV_UNSUPPORTED, "format");
    TWIN("timestamp of the largest number", t.timestamp_ms = UINT64_MAX, EV_UNSUPPORTED, "format");
    TWIN("timestamp in seconds", t.timestamp_ms /= 1000, EV_INVALID, "timestamp");
    TWIN("timestamp before the certificate", t.timestamp_ms -= 500 * 1000, EV_INVALID, "timestamp");
    TWIN("timestamp after the certificate", t.timestamp_ms += 4ull * 3600 * 1000, EV_INVALID, "timestamp");
    TWIN("leaf expired", t.leaf.to = TWIN_NOW - 1, EV_INVALID, "dates");
    TWIN("leaf of tomorrow", t.leaf.from = TWIN_NOW + 86400, EV_INVALID, "dates");
}

TEST(signatures_that_only_look_right_are_refused) {
    TWIN("ES256", t.alg = -7, EV_UNSUPPORTED, "cose_algorithm");
    TWIN("ES512", t.alg = -36, EV_UNSUPPORTED, "cose_algorithm");
    TWIN("EdDSA", t.alg = -8, EV_UNSUPPORTED, "cose_algorithm");
    TWIN("HMAC", t.alg = 5, EV_UNSUPPORTED, "cose_algorithm");
    TWIN("the algorithm as +34", t.alg = 34, EV_UNSUPPORTED, "cose_algorithm");
    TWIN("no protected header", t.protected_hex = "", EV_UNSUPPORTED, "cose_algorithm");
    TWIN("an empty one", t.protected_hex = "a0", EV_UNSUPPORTED, "cose_algorithm");
    TWIN("algorithm in a long form", t.protected_hex = "a101390022", EV_UNSUPPORTED, "cose_algorithm");
    TWIN("algorithm twice", t.protected_hex = "a2013822013822", EV_UNSUPPORTED, "cose_algorithm");
    TWIN("a critical header", t.protected_hex = "a2013822028101", EV_UNSUPPORTED, "cose_algorithm");
    TWIN("bytes behind it", t.protected_hex = "a101382200", EV_UNSUPPORTED, "cose_algorithm");
    TWIN("an unprotected header", t.unprotected = 1, EV_UNSUPPORTED, "format");
    TWIN("tag 98, COSE_Sign", (t.tagged = 1, t.tag = 98), EV_UNSUPPORTED, "format");
    TWIN("tag 17, COSE_Mac0", (t.tagged = 1, t.tag = 17), EV_UNSUPPORTED, "format");
    TWIN("signed for COSE_Sign", t.context = "Signature", EV_INVALID, "signature");
    TWIN("signed as a countersignature", t.context = "CounterSignature", EV_INVALID, "signature");
    TWIN("signed with data beside", t.aad = "x", EV_INVALID, "signature");
    TWIN("signed by another key", t.other_key = 1, EV_INVALID, "signature");
    TWIN("signature of 95 bytes", t.signature_bytes = 95, EV_UNSUPPORTED, "format");
    TWIN("signature of 97 bytes", t.signature_bytes = 97, EV_UNSUPPORTED, "format");
    TWIN("no signature", t.signature_bytes = 0, EV_UNSUPPORTED, "format");
    TWIN("a byte behind", t.trailing = 1, EV_UNSUPPORTED, "format");
}

TEST(certificates_that_do_not_fit_are_refused) {
    static const uint8_t fill[1100];
    TWIN("leaf on P-256", t.leaf.curve = "P-256", EV_INVALID, "certificates");
    TWIN("leaf on P-521", t.leaf.curve = "P-521", EV_INVALID, "certificates");
    TWIN("leaf on secp256k1", t.leaf.curve = "secp256k1", EV_INVALID, "certificates");
    TWIN("leaf is a CA", t.leaf.ca = 1, EV_INVALID, "certificates");
    TWIN("leaf for other use", t.leaf.usage = "critical,keyAgreement", EV_INVALID, "certificates");
    TWIN("leaf over 1024 bytes", (t.leaf.oid = "1.2.3.4", t.leaf.ext = fill, t.leaf.ext_n = 1000), EV_UNSUPPORTED, "format");
    TWIN("bytes behind the leaf", t.pad_cert = 1, EV_UNSUPPORTED, "certificates");
    TWIN("no bundle", t.bundle_empty = 1, EV_UNSUPPORTED, "format");
    TWIN("bundle over 15", t.bundle_more = 14, EV_UNSUPPORTED, "format");
    TWIN("the intermediate is missing", t.no_middle = 1, EV_INVALID, "chain");
    TWIN("a root of the same name", (t.stranger_root = 1, t.no_middle = 1), EV_INVALID, "chain");
}

TEST(a_nonce_that_is_not_ours_is_refused) {
    struct twin t = twin_default();
    t.nonce = (struct ev_bytes){(const uint8_t *)"ours", 4};
    twin_judged("ours", &t, "ours", EV_OK, NULL);
    twin_judged("another", &t, "outs", EV_INVALID, "nonce");
    twin_judged("longer", &t, "ours ", EV_INVALID, "nonce");
    twin_judged("shorter", &t, "our", EV_INVALID, "nonce");
    t.nonce = (struct ev_bytes){0};
    twin_judged("none at all", &t, "ours", EV_INVALID, "nonce");
    t.public_key = (struct ev_bytes){(const uint8_t *)"ours", 4};
    twin_judged("in the public key", &t, "ours", EV_INVALID, "nonce");
    t.drop = M_NONCE;
    t.user_data = (struct ev_bytes){(const uint8_t *)"ours and more", 13};
    twin_judged("a beginning of the user data", &t, "ours", EV_INVALID, "nonce");
}

TEST(all_is_counted) {
    printf("# %u mutations of Nitro documents\n", cases);
    CHECK(cases >= 684); /* docs/evidence.md */
}

int main(void) {
    const struct CMUnitTest all[] = {T(a_bit_in_each_field_of_the_real_document),
                                     T(a_bit_in_each_certificate_of_the_real_document),
                                     T(the_real_document_cut_extended_and_out_of_its_time),
                                     T(a_frame_that_is_cut_extended_or_of_another_kind),
                                     T(the_real_document_under_another_root_or_as_another_kind),
                                     T(the_twin_itself_is_good),
                                     T(debug_enclaves_are_refused),
                                     T(members_out_of_bounds_are_refused),
                                     T(times_that_cannot_be_are_refused),
                                     T(signatures_that_only_look_right_are_refused),
                                     T(certificates_that_do_not_fit_are_refused),
                                     T(a_nonce_that_is_not_ours_is_refused),
                                     T(all_is_counted)};
    real_load();
    twin_setup();
    cmocka_set_message_output(CM_OUTPUT_TAP);
    int bad = cmocka_run_group_tests_name("nitro_mutations", all, NULL, NULL);
    twin_teardown();
    return bad != 0;
}
