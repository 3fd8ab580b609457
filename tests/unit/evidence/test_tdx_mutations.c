/* What must not pass as a TDX quote: the real ones changed, cut, extended, out of their time and beside others' collateral; quotes and
 * collateral of our own manufacturer that are signed and wrong. Each with the verdict and the factor that says so. */
#include "tests/unit/evidence/tdx_scene.h"

static struct ev_report r;
static unsigned cases;

static void judged(const char *what, enum ev_verdict want, const char *factor) {
    cases++;
    CHECK(maker_judged(what, &r, want, factor));
    CHECK_INT(ev_report_class(&r), want == EV_OK ? EV_T2 : EV_CLASS_NONE);
}

/* ---- the real ones ---- */

enum { JUNE_2025 = 1750800000, MARCH_2026 = 1772500000 };
static struct real {
    const char *name;
    size_t body, size; /* where the report begins, and how long it is */
    int64_t now;
    const char *collateral;
    uint8_t bytes[SCENE_QUOTE_MAX], beside[SCENE_FILE_MAX];
    size_t n, beside_n;
} reals[] = {
    {"dcapqvl_tdx_quote.dat", 48, BODY_10, JUNE_2025, "dcapqvl_tdx_quote_collateral.json", {0}, {0}, 0, 0},
    {"quote_v4_cos113.dat", 48, BODY_10, JUNE_2025, NULL, {0}, {0}, 0, 0},
    {"quote_v5_sample.dat", 54, BODY_15, MARCH_2026, NULL, {0}, {0}, 0, 0},
    {"trustee_tdx_quote_5.dat", 54, BODY_15, JUNE_2025, NULL, {0}, {0}, 0, 0},
};
enum { REALS = sizeof reals / sizeof *reals };

static void reals_load(void) {
    for (size_t i = 0; i < REALS; i++) {
        reals[i].n = tdx_file(reals[i].name, reals[i].bytes, sizeof reals[i].bytes);
        if (reals[i].collateral) reals[i].beside_n = tdx_file(reals[i].collateral, reals[i].beside, sizeof reals[i].beside);
    }
}

static struct question real_question(const struct real *real) {
    return (struct question){.quote = {real->bytes, real->n}, .collateral = {real->beside, real->beside_n}, .now = real->now};
}

/* Where the signature data ends; zeros follow in some files. */
static size_t quote_end(const struct real *real) {
    const uint8_t *p = real->bytes + real->body + real->size;
    return real->body + real->size + 4 + (p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16);
}

TEST(the_real_ones_themselves_are_good) {
    for (size_t i = 0; i < REALS; i++) {
        struct question q = real_question(&reals[i]);
        ask(&r, &q);
        judged(reals[i].name, EV_OK, NULL);
    }
}

static void flip_real(struct real *real, const char *what, size_t at, uint8_t bits, enum ev_verdict want, const char *factor) {
    struct question q = real_question(real);
    real->bytes[at] ^= bits;
    ask(&r, &q);
    real->bytes[at] ^= bits;
    judged(what, want, factor);
}

static const struct field {
    const char *name;
    size_t at;
} body_fields[] = {
    {"TEE_TCB_SVN", 0},
    {"TEE_TCB_SVN, module", 1},
    {"TEE_TCB_SVN, last", 15},
    {"MRSEAM, first", 16},
    {"MRSEAM, last", 63},
    {"MRSIGNERSEAM, first", 64},
    {"MRSIGNERSEAM, last", 111},
    {"SEAMATTRIBUTES", 112},
    {"SEAMATTRIBUTES, last", 119},
    {"TDATTRIBUTES, debug", 120},
    {"TDATTRIBUTES, SEPT_VE_DISABLE", 123},
    {"TDATTRIBUTES, last", 127},
    {"XFAM", 128},
    {"XFAM, last", 135},
    {"MRTD, first", 136},
    {"MRTD, last", 183},
    {"MRCONFIGID", 184},
    {"MROWNER", 232},
    {"MROWNERCONFIG", 280},
    {"RTMR0", 328},
    {"RTMR1", 376},
    {"RTMR2", 424},
    {"RTMR3, last", 519},
    {"REPORTDATA, first", 520},
    {"REPORTDATA, last", 583},
};

TEST(a_bit_in_each_field_of_the_report_of_each_real_quote) {
    for (size_t i = 0; i < REALS; i++) {
        for (size_t k = 0; k < sizeof body_fields / sizeof *body_fields; k++)
            flip_real(&reals[i], body_fields[k].name, reals[i].body + body_fields[k].at, 1, EV_INVALID, "signature");
        if (reals[i].size != BODY_15) continue;
        flip_real(&reals[i], "TEE_TCB_SVN_2", reals[i].body + 584, 1, EV_INVALID, "signature");
        flip_real(&reals[i], "MRSERVICETD, last", reals[i].body + 647, 1, EV_INVALID, "signature");
    }
}

TEST(a_bit_in_each_field_of_the_header_of_each_real_quote) {
    for (size_t i = 0; i < REALS; i++) {
        struct real *real = &reals[i];
        flip_real(real, "version", 0, 2, EV_UNSUPPORTED, "version");
        flip_real(real, "version, high", 1, 1, EV_UNSUPPORTED, "version");
        flip_real(real, "version, of the other layout", 0, 1, EV_UNSUPPORTED, NULL);
        flip_real(real, "key type", 2, 1, EV_UNSUPPORTED, "format");
        flip_real(real, "TEE type: SGX", 4, 0x81, EV_UNSUPPORTED, "format");
        flip_real(real, "TEE type, high", 7, 1, EV_UNSUPPORTED, "format");
        flip_real(real, "reserved", 8, 1, EV_INVALID, "signature");
        flip_real(real, "user data", 28, 1, EV_INVALID, "signature");
        flip_real(real, "user data, last", 47, 1, EV_INVALID, "signature");
        if (real->size != BODY_15) continue;
        flip_real(real, "kind of the report: none", 48, 8, EV_UNSUPPORTED, "version");
        flip_real(real, "kind of the report: TDX 1.0", 48, 1, EV_UNSUPPORTED, NULL);
        flip_real(real, "its length", 50, 1, EV_UNSUPPORTED, NULL);
        flip_real(real, "its length, high", 53, 1, EV_UNSUPPORTED, NULL);
    }
}

TEST(a_bit_in_each_part_of_the_signature_data_of_each_real_quote) {
    for (size_t i = 0; i < REALS; i++) {
        struct real *real = &reals[i];
        size_t s = real->body + real->size + 4, qe = s + 134;
        flip_real(real, "length of the signature data", s - 4, 1, EV_UNSUPPORTED, "format");
        flip_real(real, "length of the signature data, high", s - 1, 1, EV_UNSUPPORTED, "format");
        flip_real(real, "r", s, 1, EV_INVALID, "signature");
        flip_real(real, "s, last", s + 63, 1, EV_INVALID, "signature");
        flip_real(real, "attestation key, x", s + 64, 1, EV_INVALID, "qe_report_data");
        flip_real(real, "attestation key, y", s + 127, 1, EV_INVALID, "qe_report_data");
        flip_real(real, "type of certification data", s + 128, 1, EV_UNSUPPORTED, "format");
        flip_real(real, "its length", s + 130, 1, EV_UNSUPPORTED, "format");
        flip_real(real, "its length, high", s + 133, 0x80, EV_UNSUPPORTED, "format");
        flip_real(real, "enclave: CPUSVN", qe, 1, EV_INVALID, "qe_signature");
        flip_real(real, "enclave: MISCSELECT", qe + QE_MISC, 1, EV_INVALID, "qe_signature");
        flip_real(real, "enclave: attributes, debug", qe + QE_ATTR, 2, EV_INVALID, "qe_signature");
        flip_real(real, "enclave: MRENCLAVE", qe + 64, 1, EV_INVALID, "qe_signature");
        flip_real(real, "enclave: MRSIGNER", qe + QE_SIGNER, 1, EV_INVALID, "qe_signature");
        flip_real(real, "enclave: ISVPRODID", qe + QE_PRODUCT, 1, EV_INVALID, "qe_signature");
        flip_real(real, "enclave: ISVSVN", qe + QE_SVN, 1, EV_INVALID, "qe_signature");
        flip_real(real, "enclave: report data", qe + QE_DATA, 1, EV_INVALID, "qe_report_data");
        flip_real(real, "enclave: report data, behind the digest", qe + QE_DATA + 63, 1, EV_INVALID, "qe_report_data");
        flip_real(real, "enclave's signature, r", qe + 384, 1, EV_INVALID, "qe_signature");
        flip_real(real, "enclave's signature, s", qe + 447, 1, EV_INVALID, "qe_signature");
        flip_real(real, "length of its own data", qe + 448, 1, EV_UNSUPPORTED, "format");
        flip_real(real, "its own data", qe + 450, 1, EV_INVALID, "qe_report_data");
        flip_real(real, "type of certificates", qe + 482, 1, EV_UNSUPPORTED, NULL);
        flip_real(real, "length of the certificates", qe + 484, 1, EV_UNSUPPORTED, "format");
        struct question q = real_question(real); /* a letter of it: another certificate, or none */
        real->bytes[qe + 488 + 200] ^= 1;
        ask(&r, &q);
        real->bytes[qe + 488 + 200] ^= 1;
        cases++;
        CHECK(ev_report_verdict(&r) == EV_INVALID || ev_report_verdict(&r) == EV_UNSUPPORTED);
    }
}

TEST(no_byte_of_a_real_quote_can_change) {
    for (size_t i = 0; i < REALS; i++)
        for (size_t at = 0, end = quote_end(&reals[i]); at < end; at += at < 1300 ? 29 : 211) {
            struct question q = real_question(&reals[i]);
            /* the root in the quote is not looked at, as another is pinned, and PEM forgives much: only what is signed counts */
            if (at > reals[i].body + reals[i].size + 4 + 134 + 488) break;
            reals[i].bytes[at] ^= 0x40;
            ask(&r, &q);
            reals[i].bytes[at] ^= 0x40;
            cases++;
            if (ev_report_verdict(&r) != EV_INVALID && ev_report_verdict(&r) != EV_UNSUPPORTED) fail_msg("byte %zu", at);
        }
}

TEST(real_quotes_cut) {
    for (size_t i = 0; i < REALS; i++) {
        const size_t end = quote_end(&reals[i]),
                     sizes[] = {0, 1, 2, 47, 48, 53, 54, 300, 631, 632, 636, 702, 706, 1000, 1300, end - 1};
        for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
            struct question q = real_question(&reals[i]);
            q.quote.n = sizes[k];
            ask(&r, &q);
            judged("cut", EV_UNSUPPORTED, "format");
        }
    }
}

TEST(what_follows_a_real_quote) {
    static uint8_t longer[20000];
    for (size_t i = 0; i < REALS; i++) {
        struct question q = real_question(&reals[i]);
        size_t end = quote_end(&reals[i]);
        memset(longer, 0, sizeof longer);
        memcpy(longer, reals[i].bytes, end);
        q.quote = (struct ev_bytes){longer, 8000};
        ask(&r, &q);
        judged("zeros: a buffer's rest", EV_OK, NULL);
        q.quote.n = 16 * 1024 + 1;
        ask(&r, &q);
        judged("zeros, over the limit", EV_UNSUPPORTED, "format");
        q.quote.n = end + 1;
        longer[end] = 'x';
        q.enveloped = 1;
        ask(&r, &q);
        judged("a byte that is not its, in an envelope", EV_UNSUPPORTED, "format");
        q.quote.n = 8000;
        longer[end] = 0, longer[7999] = 1;
        ask(&r, &q);
        judged("a byte far behind it, in an envelope", EV_UNSUPPORTED, "format");
    }
}

TEST(real_quotes_out_of_their_time) {
    static const int64_t times[] = {0, 1262304000, 2240524800, 4102444800, INT64_C(253402300799)};
    for (size_t i = 0; i < REALS; i++)
        for (size_t k = 0; k < sizeof times / sizeof *times; k++) {
            struct question q = real_question(&reals[i]);
            q.collateral.n = 0;
            q.now = times[k];
            ask(&r, &q);
            judged("another time", EV_INVALID, "dates");
        }
}

TEST(real_collateral_out_of_its_time) {
    /* the day before it was issued; the day after its update was due; when all lists and certificates are in date but it is not */
    static const int64_t times[] = {1750241763, 1752964000, 1753100000};
    for (size_t k = 0; k < sizeof times / sizeof *times; k++) {
        struct question q = real_question(&reals[0]);
        q.now = times[k];
        ask(&r, &q);
        judged("another time", EV_INVALID, NULL);
    }
}

TEST(real_collateral_of_other_platforms_or_none) {
    struct question q = real_question(&reals[1]); /* another FMSPC */
    q.collateral = (struct ev_bytes){reals[0].beside, reals[0].beside_n};
    q.now = JUNE_2025;
    ask(&r, &q);
    judged("another platform's", EV_INVALID, NULL);
    CHECK(ev_report_failed(&r, "tcb_info") || ev_report_failed(&r, "fmspc"));
    static const char *const none[] = {
        "{", "[]", "5", "{}x", "\xff", "{\"tcb_info\":5}", "{\"tcb_info\":\"{}\"}", "{\"tcb_info\":\"\",\"tcb_info\":\"\"}"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        q = real_question(&reals[0]);
        q.collateral = (struct ev_bytes){(const uint8_t *)none[i], strlen(none[i])};
        ask(&r, &q);
        cases++;
        CHECK_INT(ev_report_verdict(&r), i == 5 || i == 6 ? ev_report_verdict(&r) : EV_UNSUPPORTED);
        CHECK(ev_report_verdict(&r) != EV_OK);
    }
}

/* Each character of what Intel signed, and of the signatures. */
TEST(a_character_of_the_real_collateral_changed) {
    static const char *const places[] = {"\\\"fmspc\\\":\\\"B0C0",
                                         "tcbEvaluationDataNumber\\\":1",
                                         "\\\"tcbStatus\\\":\\\"UpTo",
                                         "\\\"pcesvn\\\":1",
                                         "\\\"isvsvn\\\":",
                                         "\\\"isvprodid\\\":",
                                         "mrsigner\\\":\\\"DC9E",
                                         "\"tcb_info_signature\": \"",
                                         "\"qe_identity_signature\": \""};
    char *text = (char *)reals[0].beside;
    text[reals[0].beside_n] = 0;
    unsigned found = 0;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char *at = strstr(text, places[i]);
        if (!at) continue;
        found++;
        at += strlen(places[i]);
        char was = *at;
        *at = was == '1' ? '2' : '1';
        struct question q = real_question(&reals[0]);
        ask(&r, &q);
        *at = was;
        judged(places[i], EV_INVALID,
               strstr(places[i], "isvprodid") || strstr(places[i], "DC9E") || strstr(places[i], "qe_id") ? "qe_identity" : NULL);
    }
    CHECK(found >= 5);
}

TEST(real_quotes_under_another_manufacturers_root) {
    for (size_t i = 0; i < REALS; i++) {
        struct question q = real_question(&reals[i]);
        q.anchors = &twin_anchors;
        ask(&r, &q);
        judged("our root", EV_INVALID, "chain");
    }
}

/* ---- signed, and wrong ---- */

#define TWIN_OF(version, td15, what, change, want, factor) \
    do {                                                   \
        struct twin t = twin_of(version, td15);            \
        struct question q = {.now = 0};                    \
        change;                                            \
        judge_twin(&r, &t, &q);                            \
        judged(what, want, factor);                        \
    } while (0)
#define TWIN(what, change, want, factor) TWIN_OF(4, 0, what, change, want, factor)
#define LATE(what, change, want, factor) TWIN_OF(5, 1, what, change, want, factor)
#define BARE(what, change, want, factor) TWIN_OF(5, 1, what, t.bare = 1; change, want, factor)

TEST(the_twins_themselves_are_good) {
    TWIN("version 4", (void)q, EV_OK, NULL);
    TWIN_OF(5, 0, "version 5 with a report of TDX 1.0", (void)q, EV_OK, NULL);
    TWIN_OF(5, 2, "with more of TDX 1.5", t.body[TD_ATTR + 2] = 2, EV_OK, NULL);
    LATE("version 5", (void)q, EV_OK, NULL);
    BARE("without collateral", (void)q, EV_OK, NULL);
    TWIN("without revocation lists", t.no_crls = 1, EV_OK, NULL);
}

TEST(a_debug_bit_is_refused) {
    TWIN("debug", t.body[TD_ATTR] |= 1, EV_REFUSED, "debug");
    LATE("debug", t.body[TD_ATTR] |= 1, EV_REFUSED, "debug");
    BARE("debug", t.body[TD_ATTR] |= 1, EV_REFUSED, "debug");
    BARE("profiling", t.body[TD_ATTR] |= 0x20, EV_REFUSED, NULL);
    BARE("single steps", t.body[TD_ATTR] |= 0x10, EV_REFUSED, NULL);
}

TEST(signatures_by_others_are_invalid) {
    EVP_PKEY *other = EVP_EC_gen("P-256");
    CHECK(other != NULL);
    TWIN("the quote by another key", t.quote_signer = other, EV_INVALID, "signature");
    TWIN("the enclave by another key", t.qe_signer = other, EV_INVALID, "qe_signature");
    TWIN("the enclave by the attestation key", t.qe_signer = twin_key, EV_INVALID, "qe_signature");
    TWIN("the quote by the signer of TCB info", t.quote_signer = twin_tcb.key, EV_INVALID, "signature");
    EVP_PKEY_free(other);
}

TEST(an_enclave_that_vouches_for_another_key_is_invalid) {
    TWIN("another digest", t.qe[QE_DATA] = 1, EV_INVALID, "qe_report_data");
    TWIN("another digest, last byte", t.qe[QE_DATA + 31] = 1, EV_INVALID, "qe_report_data");
    TWIN("more behind the digest", t.qe[QE_DATA + 32] = 1, EV_INVALID, "qe_report_data");
    TWIN("more at the end", t.qe[QE_DATA + 63] = 1, EV_INVALID, "qe_report_data");
}

TEST(an_enclave_that_is_not_intels_is_invalid) {
    TWIN("another signer", t.qe[QE_SIGNER] ^= 1, EV_INVALID, "qe_identity");
    TWIN("another product", t.qe[QE_PRODUCT] = 1, EV_INVALID, "qe_identity");
    TWIN("another product, high", t.qe[QE_PRODUCT + 1] = 1, EV_INVALID, "qe_identity");
    TWIN("debug", t.qe[QE_ATTR] |= 2, EV_INVALID, "qe_identity");
    TWIN("no provisioning key", t.qe[QE_ATTR] &= 0xef, EV_INVALID, "qe_identity");
    TWIN("a reserved attribute", t.qe[QE_ATTR + 7] |= 1, EV_INVALID, "qe_identity");
    TWIN("MISCSELECT", t.qe[QE_MISC] = 1, EV_INVALID, "qe_identity");
    TWIN("what the mask leaves out", t.qe[QE_ATTR + 8] ^= 0xff, EV_OK, NULL);
}

TEST(certificates_that_are_not_like_a_pcks_are_invalid) {
    TWIN("by another root of the same name", t.pck_issuer = &twin_stranger, EV_INVALID, "chain");
    TWIN("by the signer of TCB info", t.pck_issuer = &twin_tcb, EV_INVALID, "chain");
    TWIN("expired", t.pck.to = TWIN_NOW - 1, EV_INVALID, "dates");
    TWIN("not yet valid", t.pck.from = TWIN_NOW + 1, EV_INVALID, "dates");
    TWIN("without a component", t.components = 15, EV_INVALID, "certificates");
    TWIN("without components", t.components = 0, EV_INVALID, "certificates");
    TWIN("an extension that is no DER", (t.pck.oid = "1.2.840.113741.1.13.1", t.pck.ext = "\x30\x03\x02\x01", t.pck.ext_n = 4),
         EV_INVALID, "certificates");
    TWIN("an empty extension", (t.pck.oid = "1.2.840.113741.1.13.1", t.pck.ext = "\x30\x00", t.pck.ext_n = 2), EV_INVALID,
         "certificates");
    TWIN("no such extension", (t.pck.oid = "1.2.3", t.pck.ext = "\x30\x00", t.pck.ext_n = 2), EV_INVALID, "certificates");
    EVP_PKEY *other = EVP_EC_gen("P-256"); /* a key on P-384 cannot make a signature of 64 bytes */
    TWIN("on P-384", (t.pck.curve = "P-384", t.qe_signer = other), EV_INVALID, NULL);
    EVP_PKEY_free(other);
}

TEST(revoked_certificates_are_invalid) {
    TWIN("the PCK's", t.pck_revoked = 1, EV_INVALID, "revoked");
    LATE("the PCK's", t.pck_revoked = 1, EV_INVALID, "revoked");
    TWIN("its issuer's", t.revoked = &twin_ca, EV_INVALID, "revoked");
    TWIN("lists out of date", t.crl_until = TWIN_NOW - 1, EV_INVALID, "dates");
}

TEST(collateral_that_intel_did_not_sign_is_invalid) {
    TWIN("the info, by another root's", t.info_signer = &twin_stranger, EV_INVALID, "tcb_info");
    TWIN("the identity, by another root's", t.identity_signer = &twin_stranger, EV_INVALID, "qe_identity");
    TWIN("the info, written anew", t.spoil = 1, EV_INVALID, "tcb_info");
    TWIN("the identity, written anew", t.spoil = 2, EV_INVALID, "qe_identity");
}

TEST(collateral_of_another_day_is_invalid) {
    TWIN("info of tomorrow", SWAP(t.info, "2027-01-01T", "2027-01-16T"), EV_INVALID, NULL);
    TWIN("info of last month", SWAP(t.info, "2027-01-31T", "2027-01-14T"), EV_INVALID, NULL);
    TWIN("info that ended a second ago", SWAP(t.info, "2027-01-31T00:00:00", "2027-01-15T07:59:59"), EV_INVALID, NULL);
    TWIN("info that ends now", SWAP(t.info, "2027-01-31T00:00:00", "2027-01-15T08:00:00"), EV_OK, NULL);
    TWIN("identity of tomorrow", SWAP(t.identity, "2027-01-01T", "2027-01-16T"), EV_INVALID, NULL);
    TWIN("identity of last month", SWAP(t.identity, "2027-01-31T", "2027-01-14T"), EV_INVALID, NULL);
    TWIN("all of it of another year", q.now = TWIN_NOW + 900000 * 2, EV_INVALID, "dates");
}

TEST(collateral_of_another_kind_is_not_taken) {
    TWIN("info for SGX", SWAP(t.info, "\"TDX\"", "\"SGX\""), EV_UNSUPPORTED, "tcb_info");
    TWIN("info of version 2", SWAP(t.info, "\"version\":3", "\"version\":2"), EV_UNSUPPORTED, "tcb_info");
    TWIN("identity of the QE for SGX", SWAP(t.identity, "TD_QE", "QE"), EV_UNSUPPORTED, "qe_identity");
    TWIN("identity of version 1", SWAP(t.identity, "\"version\":2", "\"version\":1"), EV_UNSUPPORTED, "qe_identity");
    TWIN("another FMSPC", t.fmspc[0] ^= 1, EV_INVALID, NULL);
    TWIN("another PCEID", t.pce_id[0] = 1, EV_INVALID, NULL);
    TWIN("info without levels", SWAP(t.info, "\"tcbLevels\":[{\"tcb\":{\"sgx", "\"levels\":[{\"tcb\":{\"sgx"), EV_UNSUPPORTED,
         "tcb_info");
    TWIN("a level without TDX components", SWAP(t.info, "tdxtcbcomponents", "components"), EV_UNSUPPORTED, "tcb_info");
    TWIN("a level without PCESVN", SWAP(t.info, "pcesvn", "svn"), EV_UNSUPPORTED, "tcb_info");
    TWIN("fifteen components", SWAP(t.info, "{\"svn\":7},", ""), EV_UNSUPPORTED, "tcb_info");
    TWIN("a component over a byte", SWAP(t.info, "{\"svn\":7}", "{\"svn\":256}"), EV_UNSUPPORTED, "tcb_info");
    TWIN("no date", SWAP(t.info, "nextUpdate", "lastUpdate"), EV_UNSUPPORTED, "tcb_info");
    TWIN("a date that is none", SWAP(t.info, "2027-01-31T00", "2027-13-31T00"), EV_UNSUPPORTED, "tcb_info");
    TWIN("a name twice", SWAP(t.info, "\"tcbType\":0", "\"version\":3"), EV_UNSUPPORTED, "tcb_info");
}

TEST(a_level_one_lower_is_out_of_date) {
    static const int sgx[] = {0, 1, 2, 3, 4, 5, 7};
    for (size_t i = 0; i < sizeof sgx / sizeof *sgx; i++)
        TWIN("a component of the platform", t.sgx[sgx[i]]--, EV_REFUSED, "tcb_status");
    TWIN("PCESVN", t.pce_svn--, EV_REFUSED, "tcb_status");
    TWIN("PCESVN under all levels", t.pce_svn = 4, EV_REFUSED, "tcb_status");
    TWIN("the module", t.body[TD_SVN] = 3, EV_REFUSED, "tcb_status");
    TWIN("the microcode of the TD", t.body[TD_SVN + 2] = 3, EV_REFUSED, "tcb_status");
    TWIN("the enclave", t.qe[QE_SVN] = 3, EV_REFUSED, "tcb_status");
    TWIN("a level higher", (t.sgx[0]++, t.pce_svn++, t.body[TD_SVN]++, t.qe[QE_SVN]++), EV_OK, NULL);
}

TEST(a_module_of_tdx_1_0_goes_by_the_platforms_levels) {
    TWIN("up to date", (t.body[TD_SVN + 1] = 0, t.body[TD_SVN] = 5), EV_OK, NULL);
    TWIN("out of date", (t.body[TD_SVN + 1] = 0, t.body[TD_SVN] = 4), EV_REFUSED, "tcb_status");
    TWIN("under all levels", (t.body[TD_SVN + 1] = 0, t.body[TD_SVN] = 2), EV_REFUSED, "tcb_status");
}

TEST(statuses_that_nobody_should_take_are_refused) {
    static const char *const bad[] = {"ConfigurationNeeded", "ConfigurationAndSWHardeningNeeded", "OutOfDate",
                                      "OutOfDateConfigurationNeeded", "Revoked"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char level[80];
        snprintf(level, sizeof level, "T00:00:00Z\",\"tcbStatus\":\"%s\"", bad[i]);
        TWIN(bad[i], SWAP(t.info, "T00:00:00Z\",\"tcbStatus\":\"UpToDate\"", level), EV_REFUSED, "tcb_status");
    }
    TWIN("SWHardeningNeeded",
         SWAP(t.info, "T00:00:00Z\",\"tcbStatus\":\"UpToDate\"", "T00:00:00Z\",\"tcbStatus\":\"SWHardeningNeeded\""), EV_OK,
         NULL);
    TWIN("a module that is revoked", SWAP(t.info, "4},\"tcbStatus\":\"UpToDate\"", "4},\"tcbStatus\":\"Revoked\""), EV_REFUSED,
         "tcb_status");
    TWIN("an enclave that is revoked", SWAP(t.identity, "UpToDate", "Revoked"), EV_REFUSED, "tcb_status");
}

TEST(a_module_that_intel_does_not_know_does_not_pass) {
    TWIN("another signer", t.body[TD_SEAM_SIGNER] = 1, EV_INVALID, NULL);
    TWIN("attributes: a debug module", t.body[TD_SEAM_ATTR] = 1, EV_INVALID, NULL);
    TWIN("a version that is not listed", t.body[TD_SVN + 1] = 7, EV_INVALID, NULL);
}

TEST(a_nonce_that_is_not_ours_is_invalid) {
    uint8_t nonce[70];
    for (int i = 0; i < 70; i++) nonce[i] = (uint8_t)(i + 1);
    TWIN("ours", (q.nonce = (struct ev_bytes){nonce, 64}), EV_OK, NULL);
    TWIN("a beginning", (q.nonce = (struct ev_bytes){nonce, 32}), EV_INVALID, "nonce");
    TWIN("all but one byte", (q.nonce = (struct ev_bytes){nonce, 63}), EV_INVALID, "nonce");
    TWIN("more than fits", (q.nonce = (struct ev_bytes){nonce, 65}), EV_INVALID, "nonce");
    TWIN("another", (q.nonce = (struct ev_bytes){nonce + 1, 64}), EV_INVALID, "nonce");
    TWIN("short, and zeros after it", (memset(t.body + TD_DATA + 32, 0, 32), q.nonce = (struct ev_bytes){nonce, 32}), EV_OK,
         NULL);
    TWIN("short, and one byte that is not zero",
         (memset(t.body + TD_DATA + 32, 0, 32), t.body[TD_DATA + 63] = 1, q.nonce = (struct ev_bytes){nonce, 32}), EV_INVALID,
         "nonce");
}

/* ---- policies ---- */

static const struct tdx_policy *policy_of(const char *text) {
    static struct tdx_policy p;
    struct why why = {""};
    json_t *j = NULL;
    CHECK_INT(json_parse(&j, text, strlen(text), NULL), 0);
    int e = tdx_policy_read(j, &p, &why);
    if (e != 0) fail_msg("%s: %s", text, why.text);
    json_decref(j);
    return &p;
}
#define POLICY(text, change, want, factor) TWIN(text, (q.policy = policy_of(text), change), want, factor)

#define AB16 "abababababababababababababababab"
#define C016 "c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0"
#define X16  "11111111111111111111111111111111"

TEST(what_a_policy_asks_for_is_asked) {
    POLICY("{\"collateral\":\"required\"}", (void)q, EV_OK, NULL);
    POLICY("{\"collateral\":\"required\"}", t.bare = 1, EV_REFUSED, "collateral");
    POLICY("{\"mrtd\":[\"" AB16 AB16 AB16 "\"]}", (void)q, EV_OK, NULL);
    POLICY("{\"mrtd\":[\"" X16 X16 X16 "\"]}", (void)q, EV_REFUSED, "mrtd");
    POLICY("{\"rtmr0\":[\"" C016 C016 C016 "\"]}", (void)q, EV_OK, NULL);
    POLICY("{\"rtmr0\":[\"" X16 X16 X16 "\"]}", (void)q, EV_REFUSED, "rtmr0");
    POLICY("{\"rtmr1\":[\"" C016 C016 C016 "\"]}", (void)q, EV_REFUSED, "rtmr1");
    POLICY("{\"rtmr2\":[\"" C016 C016 C016 "\"]}", (void)q, EV_REFUSED, "rtmr2");
    POLICY("{\"rtmr3\":[\"" C016 C016 C016 "\"]}", (void)q, EV_REFUSED, "rtmr3");
    POLICY("{\"mr_config\":[\"" X16 X16 X16 "\"]}", (void)q, EV_REFUSED, "mr_config");
    POLICY("{\"fmspc\":[\"b0c06f000000\"]}", (void)q, EV_OK, NULL);
    POLICY("{\"fmspc\":[\"b0c06f000001\"]}", (void)q, EV_REFUSED, "fmspc");
    POLICY("{\"platforms\":[\"5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a\"]}", (void)q, EV_OK, NULL);
    POLICY("{\"platforms\":[\"" X16 "\"]}", (void)q, EV_REFUSED, "platform_allowed");
    POLICY("{\"tcb_evaluation_min\":20}", (void)q, EV_OK, NULL);
    POLICY("{\"tcb_evaluation_min\":21}", (void)q, EV_REFUSED, "tcb_evaluation");
    POLICY("{\"tcb_status\":[\"OutOfDate\"]}", t.pce_svn = 12, EV_OK, NULL);
    POLICY("{\"tcb_status\":[\"OutOfDate\"]}", (void)q, EV_REFUSED, "tcb_status");
    POLICY("{\"tcb_status\":[\"UpToDate\"]}",
           SWAP(t.info, "T00:00:00Z\",\"tcbStatus\":\"UpToDate\"", "T00:00:00Z\",\"tcbStatus\":\"SWHardeningNeeded\""),
           EV_REFUSED, "tcb_status");
}

TEST(no_policy_lets_a_debug_domain_or_a_revoked_platform_in) {
    struct why why = {""};
    struct tdx_policy p;
    static const char *const bad[] = {"[]",
                                      "{\"debug\":true}",
                                      "{\"roots\":[]}",
                                      "{\"tcb_status\":[\"Revoked\"]}",
                                      "{\"tcb_status\":[\"UpToDate\",\"Revoked\"]}",
                                      "{\"tcb_status\":[\"uptodate\"]}",
                                      "{\"tcb_status\":[]}",
                                      "{\"tcb_status\":\"UpToDate\"}",
                                      "{\"tcb_status\":[5]}",
                                      "{\"collateral\":\"optional\"}",
                                      "{\"collateral\":true}",
                                      "{\"mrtd\":[]}",
                                      "{\"mrtd\":[\"ab\"]}",
                                      "{\"fmspc\":[\"b0c06f\"]}",
                                      "{\"platforms\":[\"ab\"]}",
                                      "{\"tcb_evaluation_min\":-1}",
                                      "{\"tcb_evaluation_min\":\"17\"}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        json_t *j = NULL;
        CHECK_INT(json_parse(&j, bad[i], strlen(bad[i]), NULL), 0);
        if (tdx_policy_read(j, &p, &why) == 0) fail_msg("%s was taken", bad[i]);
        CHECK(why.text[0]);
        json_decref(j);
        cases++;
    }
}

/* ---- what real verifiers fell into ---- */

TEST(an_enclave_of_ones_own_is_invalid_without_collateral_too) {
    BARE("another signer", t.qe[QE_SIGNER] ^= 1, EV_INVALID, "qe_identity");
    BARE("another product of Intel's", t.qe[QE_PRODUCT] = 1, EV_INVALID, "qe_identity");
    BARE("debug", t.qe[QE_ATTR] |= 2, EV_INVALID, "qe_identity");
    for (unsigned i = 0; i < r.factors; i++)
        if (r.factor[i].ok) CHECK(strcmp(r.factor[i].name, "signature") != 0 && strcmp(r.factor[i].name, "debug") != 0);
    CHECK_INT(r.facts, 0);
}

TEST(a_key_of_a_platform_cannot_speak_of_levels) {
    TWIN("info by the PCK", t.info_by_pck = 1, EV_INVALID, "tcb_info");
    TWIN("identity by the PCK", t.identity_by_pck = 1, EV_INVALID, "qe_identity");
    TWIN("info by the PCKs' CA", t.info_signer = &twin_ca, EV_INVALID, "tcb_info");
    TWIN("the signer of both is revoked", t.revoked = &twin_tcb, EV_INVALID, "tcb_info");
}

TEST(a_module_that_is_not_intels_is_invalid_without_collateral_too) {
    BARE("another signer", t.body[TD_SEAM_SIGNER] = 1, EV_INVALID, "tcb_module");
    BARE("attributes", t.body[TD_SEAM_ATTR + 7] = 0x80, EV_INVALID, "tcb_module");
}

TEST(a_domain_that_can_migrate_or_that_nobody_knows_is_refused) {
    BARE("migratable", t.body[TD_ATTR + 3] |= 0x20, EV_REFUSED, "td_attributes");
    BARE("a security attribute that is not known", t.body[TD_ATTR + 2] |= 4, EV_REFUSED, "td_attributes");
    BARE("one more", t.body[TD_ATTR + 1] |= 1, EV_REFUSED, "td_attributes");
    BARE("protection keys", t.body[TD_ATTR + 3] |= 0x40, EV_OK, NULL);
    BARE("counters, which do not touch it", t.body[TD_ATTR + 7] |= 0x80, EV_OK, NULL);
}

TEST(what_only_collateral_can_show_demands_it) {
    POLICY("{\"tcb_evaluation_min\":1}", t.bare = 1, EV_REFUSED, "collateral");
    POLICY("{\"tcb_status\":[\"UpToDate\"]}", t.bare = 1, EV_REFUSED, "collateral");
    POLICY("{\"collateral\":\"required\"}", t.no_crls = 1, EV_REFUSED, "collateral");
}

TEST(out_of_date_on_a_platform_to_be_configured_is_both) {
    POLICY("{\"tcb_status\":[\"OutOfDate\",\"ConfigurationNeeded\"]}",
           (SWAP(t.info, "T00:00:00Z\",\"tcbStatus\":\"UpToDate\"", "T00:00:00Z\",\"tcbStatus\":\"ConfigurationNeeded\""),
            t.body[TD_SVN] = 3),
           EV_REFUSED, "tcb_status");
    POLICY("{\"tcb_status\":[\"OutOfDateConfigurationNeeded\"]}",
           (SWAP(t.info, "T00:00:00Z\",\"tcbStatus\":\"UpToDate\"", "T00:00:00Z\",\"tcbStatus\":\"ConfigurationNeeded\""),
            t.qe[QE_SVN] = 3),
           EV_OK, NULL);
}

TEST(another_platforms_certificate_before_it_does_no_harm) {
    struct twin other = twin_of(5, 1);
    struct maker_cert pck;
    other.fmspc[1] ^= 1;
    twin_pck(&other, &pck);
    LATE("in chain", (q.chain[0] = (struct ev_bytes){pck.der, pck.n}, q.chains = 1), EV_OK, NULL);
    maker_release(&pck);
}

TEST(nothing_is_reported_as_good_or_told_of_a_quote_that_nobody_vouches_for) {
    TWIN("by another root", t.pck_issuer = &twin_stranger, EV_INVALID, "chain");
    static const char *const early[] = {"format", "version", "certificates", "tcb_info"}; /* of the last: Intel's own signature */
    for (unsigned i = 0; i < r.factors; i++) {
        int known = !r.factor[i].ok;
        for (size_t k = 0; k < sizeof early / sizeof *early; k++) known |= strcmp(r.factor[i].name, early[k]) == 0;
        if (!known) fail_msg("%s is noted as good", r.factor[i].name);
    }
    CHECK_INT(r.facts, 0);
}

TEST(there_are_enough_cases) {
    printf("# %u cases\n", cases);
    CHECK(cases >= 714); /* docs/evidence.md */
}

int main(void) {
    const struct CMUnitTest all[] = {T(the_real_ones_themselves_are_good),
                                     T(a_bit_in_each_field_of_the_report_of_each_real_quote),
                                     T(a_bit_in_each_field_of_the_header_of_each_real_quote),
                                     T(a_bit_in_each_part_of_the_signature_data_of_each_real_quote),
                                     T(no_byte_of_a_real_quote_can_change),
                                     T(real_quotes_cut),
                                     T(what_follows_a_real_quote),
                                     T(real_quotes_out_of_their_time),
                                     T(real_collateral_out_of_its_time),
                                     T(real_collateral_of_other_platforms_or_none),
                                     T(a_character_of_the_real_collateral_changed),
                                     T(real_quotes_under_another_manufacturers_root),
                                     T(the_twins_themselves_are_good),
                                     T(a_debug_bit_is_refused),
                                     T(signatures_by_others_are_invalid),
                                     T(an_enclave_that_vouches_for_another_key_is_invalid),
                                     T(an_enclave_that_is_not_intels_is_invalid),
                                     T(certificates_that_are_not_like_a_pcks_are_invalid),
                                     T(revoked_certificates_are_invalid),
                                     T(collateral_that_intel_did_not_sign_is_invalid),
                                     T(collateral_of_another_day_is_invalid),
                                     T(collateral_of_another_kind_is_not_taken),
                                     T(a_level_one_lower_is_out_of_date),
                                     T(a_module_of_tdx_1_0_goes_by_the_platforms_levels),
                                     T(statuses_that_nobody_should_take_are_refused),
                                     T(a_module_that_intel_does_not_know_does_not_pass),
                                     T(a_nonce_that_is_not_ours_is_invalid),
                                     T(what_a_policy_asks_for_is_asked),
                                     T(no_policy_lets_a_debug_domain_or_a_revoked_platform_in),
                                     T(an_enclave_of_ones_own_is_invalid_without_collateral_too),
                                     T(a_key_of_a_platform_cannot_speak_of_levels),
                                     T(a_module_that_is_not_intels_is_invalid_without_collateral_too),
                                     T(a_domain_that_can_migrate_or_that_nobody_knows_is_refused),
                                     T(what_only_collateral_can_show_demands_it),
                                     T(out_of_date_on_a_platform_to_be_configured_is_both),
                                     T(another_platforms_certificate_before_it_does_no_harm),
                                     T(nothing_is_reported_as_good_or_told_of_a_quote_that_nobody_vouches_for),
                                     T(there_are_enough_cases)};
    reals_load();
    twins_setup();
    cmocka_set_message_output(CM_OUTPUT_TAP);
    int bad = cmocka_run_group_tests_name("tdx_mutations", all, NULL, NULL);
    twins_teardown();
    return bad != 0;
}
