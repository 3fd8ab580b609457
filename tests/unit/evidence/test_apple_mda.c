/* Apple's Managed Device Attestation: forms, what binds it, what it says of the machine, policies. No real leaf can be kept, so the leaves are
 * of a twin of the manufacturer, in the encodings of real ones. What must fail is a table: test_apple_mda_mutations.c. */
#include "base/json.h"
#include "tests/unit/evidence/apple_scene.h"

static struct ev_report r;
static struct apple_policy strict;

static void good(const char *what) {
    CHECK(maker_judged(what, &r, EV_OK, NULL));
    CHECK_INT(ev_report_class(&r), EV_A1);
}

static struct asked asked_for(const struct twin *t) { return (struct asked){.nonce = t->ext[FRESHNESS]}; }

/* ---- forms ---- */

TEST(every_form_of_the_certificates_is_read) {
    static const char *const names[] = {"DER", "PEM", "WebAuthn"};
    for (int form = 0; form < 3; form++)
        for (int beside = 0; beside < 3; beside++) {
            struct twin t = twin_default();
            struct asked a = asked_for(&t);
            t.form = (enum twin_form)form;
            t.root_too = beside == 1;
            t.chain = beside == 2;
            judge_twin(&r, &t, &a, &strict);
            good(names[form]);
            CHECK_STR(report_fact(&r, "form"), names[form]);
        }
}

TEST(what_is_good_is_noted_and_what_was_not_looked_at_is_said) {
    struct twin t = twin_default();
    struct asked a = asked_for(&t);
    static const char *const noted[] = {"format",    "certificates", "chain", "dates",       "eku",
                                        "freshness", "nonce",        "sip",   "secure_boot", "kexts"};
    judge_twin(&r, &t, &a, &strict);
    good("all");
    for (size_t i = 0; i < sizeof noted / sizeof *noted; i++) CHECK(report_noted_good(&r, noted[i]));
    CHECK(report_unchecked(&r, "os_version") && report_unchecked(&r, "device_allowed") && report_unchecked(&r, "se_key") &&
          !report_unchecked(&r, "nonce"));
    CHECK(!report_noted_good(&r, "os_version") && !report_noted_good(&r, "device_allowed"));
    CHECK_STR(report_fact(&r, "serial_number"), "C02TWIN00001");
    CHECK_STR(report_fact(&r, "os_version"), "15.4");
    CHECK_STR(report_fact(&r, "secure_boot"), "Full Security");
    judge_twin(&r, &t, &(struct asked){.enveloped = 0}, &strict);
    good("nothing known");
    CHECK(report_unchecked(&r, "nonce"));
}

TEST(the_pinned_root_does_not_end_a_twins_chain) {
    struct twin t = twin_default();
    struct ev_anchors pinned = ev_pinned(EV_ROOTS_APPLE);
    static struct maker_cert leaf;
    static uint8_t text[8192];
    twin_leaf(&t, &leaf);
    size_t n = twin_evidence(&t, &leaf, text, sizeof text);
    judge_bytes(&r, text, n, (struct ev_bytes){0}, &(struct asked){.enveloped = 0}, &strict, &pinned);
    maker_release(&leaf);
    CHECK(maker_judged("pinned", &r, EV_INVALID, "chain"));
    for (unsigned i = 0; i < r.factors; i++) /* nothing that it says is noted as good, nor told */
        CHECK(!r.factor[i].ok || strcmp(r.factor[i].name, "format") == 0 || strcmp(r.factor[i].name, "certificates") == 0);
    CHECK_STR(report_fact(&r, "serial_number"), "");
}

TEST(a_device_key_on_either_curve_is_good) {
    static const char *const curves[] = {"P-256", "P-384"}; /* by ACME the leaf has a key of the device */
    for (int i = 0; i < 2; i++) {
        struct twin t = twin_default();
        struct asked a = asked_for(&t);
        t.leaf.curve = curves[i];
        judge_twin(&r, &t, &a, &strict);
        good(curves[i]);
    }
}

/* ---- the real encodings ---- */

static struct ev_bytes encoding(const json_t *all, const char *key, uint8_t out[64]) {
    const char *hex = json_string_value(json_object_get(all, key));
    CHECK(hex != NULL && strlen(hex) <= 128);
    CHECK_INT(hex_decode(out, strlen(hex) / 2, hex, strlen(hex)), 0);
    return (struct ev_bytes){out, strlen(hex) / 2};
}

TEST(the_encodings_of_real_certificates_are_read) {
    static uint8_t text[8192], bytes[8][64];
    json_t *all = NULL;
    size_t n = maker_file("apple-mda/leaf_extension_encodings.json", text, sizeof text);
    CHECK_INT(json_parse(&all, (const char *)text, n, NULL), 0);
    struct twin t = twin_default();
    struct asked a = asked_for(&t);
    t.ext[OS] = encoding(all, "10.1 OS version (raw ASCII)", bytes[0]);
    t.ext[LLB] = encoding(all, "10.3 LLB version (raw ASCII)", bytes[1]);
    t.ext[UPDATE_ID] = encoding(all, "9.4 software update device id (raw ASCII)", bytes[2]);
    t.ext[SIP] = encoding(all, "13.1 SIP status, enabled (DER INTEGER 0)", bytes[3]);
    t.ext[BOOT] = encoding(all, "13.2 secure boot (raw ASCII 'Full Security')", bytes[4]);
    t.ext[KEXTS] = encoding(all, "13.3 third-party kernel extensions, not allowed (DER INTEGER 0)", bytes[5]);
    judge_twin(&r, &t, &a, &strict);
    good("real encodings");
    CHECK_STR(report_fact(&r, "os_version"), "12.4");
    CHECK_STR(report_fact(&r, "llb_version"), "15.0.1");
    CHECK_STR(report_fact(&r, "software_update_device"), "J413AP");
    t.ext[SIP] = encoding(all, "13.1 SIP status, disabled (DER INTEGER 1)", bytes[6]);
    judge_twin(&r, &t, &a, &strict);
    CHECK(maker_judged("SIP off", &r, EV_REFUSED, "sip"));
    t.ext[SIP] = t.ext[KEXTS];
    t.ext[KEXTS] = encoding(all, "13.3 third-party kernel extensions, allowed (DER INTEGER 1)", bytes[7]);
    judge_twin(&r, &t, &a, &strict);
    CHECK(maker_judged("kernel extensions", &r, EV_REFUSED, "kexts"));
    json_decref(all);
}

TEST(sip_is_on_at_zero_and_off_at_one) {
    struct twin t = twin_default();
    struct asked a = asked_for(&t);
    judge_twin(&r, &t, &a, &strict);
    CHECK(report_noted_good(&r, "sip"));
    t.ext[SIP] = EXT("\2\1\1");
    judge_twin(&r, &t, &a, &strict);
    CHECK(!report_noted_good(&r, "sip"));
    CHECK(maker_judged("off", &r, EV_REFUSED, "sip"));
}

TEST(a_freshness_value_that_begins_like_der_is_taken_raw) {
    static const char *const begins[] = {"\x04\x1e", "\x02\x1e", "\x04\x20", "\x30\x1e", "\0\0"};
    uint8_t value[32];
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++) {
        struct twin t = twin_default();
        memset(value, 0x55, sizeof value);
        memcpy(value, begins[i], 2);
        t.ext[FRESHNESS] = (struct ev_bytes){value, 32};
        struct asked a = asked_for(&t);
        judge_twin(&r, &t, &a, &strict);
        good("raw");
        a.nonce.n = 0;
        judge_twin(&r, &t, &a, &strict);
        CHECK(strlen(report_fact(&r, "freshness")) == 64);
    }
}

/* ---- the Secure Enclave's key ---- */

TEST(the_key_is_known_in_each_spelling_whichever_was_hashed) {
    uint8_t point[65], spki[128], fresh[32];
    struct ev_bytes spellings[3] = {se_public(&se_key, point), {point + 1, 64}, se_spki(&se_key, spki)};
    CHECK_INT(spellings[2].n, 91);
    for (int hashed = 0; hashed < 3; hashed++)
        for (int given = 0; given < 3; given++) {
            struct twin t = twin_default();
            sha256_of(fresh, spellings[hashed].p, spellings[hashed].n);
            t.ext[FRESHNESS] = (struct ev_bytes){fresh, 32};
            judge_twin(&r, &t, &(struct asked){.key = spellings[given]}, &strict);
            good("key");
            CHECK(report_noted_good(&r, "se_key") && report_unchecked(&r, "nonce"));
        }
}

TEST(in_an_envelope_the_attested_key_signs_the_binding_value) {
    struct twin t = twin_default();
    uint8_t b[64], point[65], signature[80];
    memset(b, 0x42, sizeof b);
    struct asked a = {.key = se_public(&se_key, point), .nonce = {b, 64}, .enveloped = 1};
    a.signature = se_sign(&se_key, b, 64, signature);
    judge_twin(&r, &t, &a, &strict);
    good("envelope");
    CHECK(report_noted_good(&r, "se_key") && report_noted_good(&r, "nonce") && !report_unchecked(&r, "nonce"));
    b[0] ^= 1;
    judge_twin(&r, &t, &a, &strict);
    CHECK(maker_judged("another binding value", &r, EV_INVALID, "nonce"));
}

TEST(a_signature_by_a_key_that_apple_did_not_attest_binds_nothing) {
    struct twin t = twin_default();
    uint8_t b[64] = {1}, point[65], signature[80];
    struct asked a = {.key = se_public(&se_other, point), .nonce = {b, 64}, .enveloped = 1};
    a.signature = se_sign(&se_other, b, 64, signature);
    judge_twin(&r, &t, &a, &strict);
    CHECK(maker_judged("another key", &r, EV_INVALID, "se_key"));
    CHECK(ev_report_failed(&r, "nonce") != NULL);
}

TEST(an_older_certificate_from_apples_cache_is_not_bound) {
    struct twin t = twin_default();
    uint8_t asked_value[32] = {9};
    judge_twin(&r, &t, &(struct asked){.nonce = {asked_value, 32}}, &strict);
    CHECK(maker_judged("cached", &r, EV_INVALID, "nonce"));
    CHECK_INT(ev_report_class(&r), EV_CLASS_NONE);
}

TEST(signatures_of_the_secure_enclave_are_verified) {
    uint8_t point[65], other[65], signature[80], worse[82];
    struct ev_bytes key = se_public(&se_key, point), message = EXT("a message"), sig;
    for (int i = 0; i < 8; i++) { /* r and s of different lengths */
        sig = se_sign(&se_key, message.p, message.n, signature);
        CHECK_INT(apple_se_verify(key, message, sig), 1);
    }
    CHECK_INT(apple_se_verify((struct ev_bytes){point + 1, 64}, message, sig), 1);
    CHECK_INT(apple_se_verify(se_public(&se_other, other), message, sig), 0);
    CHECK_INT(apple_se_verify(key, EXT("a messagf"), sig), 0);
    CHECK_INT(apple_se_verify(key, message, (struct ev_bytes){0}), 0);
    for (size_t n = 0; n < sig.n; n++) CHECK_INT(apple_se_verify(key, message, (struct ev_bytes){sig.p, n}), 0);
    for (size_t i = 0; i < sig.n; i++) {
        signature[i] ^= 1;
        CHECK_INT(apple_se_verify(key, message, sig), 0);
        signature[i] ^= 1;
    }
    memcpy(worse, sig.p, sig.n);
    worse[sig.n] = 0; /* behind it */
    CHECK_INT(apple_se_verify(key, message, (struct ev_bytes){worse, sig.n + 1}), 0);
    worse[0] = 0x30;
    worse[1] = 0x81; /* a length in its longer form */
    worse[2] = (uint8_t)(sig.n - 2);
    memcpy(worse + 3, sig.p + 2, sig.n - 2);
    CHECK_INT(apple_se_verify(key, message, (struct ev_bytes){worse, sig.n + 1}), 0);
}

TEST(keys_that_are_none_are_told_from_signatures_that_are_wrong) {
    uint8_t point[66], signature[80], spki[128];
    struct ev_bytes message = EXT("m"), sig = se_sign(&se_key, "m", 1, signature), key = se_public(&se_key, point);
    static const size_t sizes[] = {0, 1, 32, 63, 66, 90, 92};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        uint8_t *own = calloc(1, sizes[i] ? sizes[i] : 1);
        CHECK(own != NULL);
        own[0] = 4;
        CHECK_INT(apple_se_verify((struct ev_bytes){own, sizes[i]}, message, sig), ERR_FORMAT);
        free(own);
    }
    point[0] = 2; /* compressed, with y behind it */
    CHECK_INT(apple_se_verify(key, message, sig), ERR_FORMAT);
    point[0] = 4;
    point[64] ^= 1; /* off the curve */
    CHECK_INT(apple_se_verify(key, message, sig), ERR_FORMAT);
    struct ev_bytes der = se_spki(&twin_root, spki); /* on P-384 */
    CHECK_INT(apple_se_verify(der, message, sig), ERR_FORMAT);
    der = se_spki(&se_key, spki);
    CHECK_INT(apple_se_verify(der, message, sig), 1);
    spki[26] ^= 6;
    CHECK_INT(apple_se_verify(der, message, sig), ERR_FORMAT);
}

/* ---- policies ---- */

static int read_policy(struct apple_policy *p, const char *text) {
    json_t *j = NULL;
    struct why why = {""};
    CHECK_INT(json_parse(&j, text, strlen(text), NULL), 0);
    int e = apple_policy_read(j, p, &why);
    CHECK((e == 0) == (why.text[0] == 0));
    json_decref(j);
    return e;
}

TEST(versions_are_compared_by_number) {
    static const struct {
        const char *floor, *os;
        int good;
    } rows[] = {{"15.4", "15.4", 1},  {"15.4", "15.4.1", 1}, {"15.4.1", "15.4", 0}, {"15.4", "15.10", 1},
                {"15.10", "15.4", 0}, {"9", "15.0", 1},      {"16", "15.9.9", 0},   {"15", "15", 1},
                {"15.0.0", "15", 1},  {"26", "26.0.1", 1},   {"15.4.9", "15.5", 1}, {"0", "1", 1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct apple_policy p;
        struct twin t = twin_default();
        struct asked a = asked_for(&t);
        char text[64];
        snprintf(text, sizeof text, "{\"min_os_version\":\"%s\"}", rows[i].floor);
        CHECK_INT(read_policy(&p, text), 0);
        t.ext[OS] = (struct ev_bytes){(const uint8_t *)rows[i].os, strlen(rows[i].os)};
        judge_twin(&r, &t, &a, &p);
        CHECK(maker_judged(rows[i].os, &r, rows[i].good ? EV_OK : EV_REFUSED, rows[i].good ? NULL : "os_version"));
        CHECK(report_noted_good(&r, "os_version") == rows[i].good && !report_unchecked(&r, "os_version"));
    }
}

static void digest_of(char out[65], const char *text) {
    uint8_t digest[32];
    sha256_of(digest, text, strlen(text));
    hex_encode(out, digest, 32);
}

TEST(devices_are_allowed_by_digest) {
    struct apple_policy p;
    struct twin t = twin_default();
    struct asked a = asked_for(&t);
    char serial[65], udid[65], text[512];
    digest_of(serial, "C02TWIN00001");
    digest_of(udid, "00008103-000A00000000001E");
    snprintf(text, sizeof text, "{\"serials\":[\"%s\"],\"udids\":[\"%s\",\"%s\"]}", serial, serial, udid);
    CHECK_INT(read_policy(&p, text), 0);
    judge_twin(&r, &t, &a, &p);
    good("both");
    CHECK(report_noted_good(&r, "device_allowed") && !report_unchecked(&r, "device_allowed"));
    snprintf(text, sizeof text, "{\"serials\":[\"%s\"]}", udid);
    CHECK_INT(read_policy(&p, text), 0);
    judge_twin(&r, &t, &a, &p);
    CHECK(maker_judged("another serial number", &r, EV_REFUSED, "device_allowed"));
    snprintf(text, sizeof text, "{\"serials\":[\"%s\"],\"udids\":[\"%s\"]}", serial, serial);
    CHECK_INT(read_policy(&p, text), 0);
    judge_twin(&r, &t, &a, &p);
    CHECK(maker_judged("another UDID", &r, EV_REFUSED, "device_allowed"));
    t.ext[SERIAL] = t.ext[UDID] = (struct ev_bytes){0}; /* a list, and a certificate that does not say */
    judge_twin(&r, &t, &a, &p);
    CHECK(maker_judged("no serial number", &r, EV_REFUSED, "device_allowed"));
    judge_twin(&r, &t, &a, &strict);
    good("nobody asked");
}

TEST(policies_that_are_none_are_refused) {
    static const char *const bad[] = {
        "{\"sip\":0}",
        "{\"min_os_version\":15}",
        "{\"min_os_version\":\"\"}",
        "{\"min_os_version\":\"15.\"}",
        "{\"min_os_version\":\".4\"}",
        "{\"min_os_version\":\"15.04\"}",
        "{\"min_os_version\":\"15.4.1.2\"}",
        "{\"min_os_version\":\"15.4 \"}",
        "{\"min_os_version\":\"-1\"}",
        "{\"min_os_version\":\"12345\"}",
        "{\"serials\":[]}",
        "{\"serials\":[\"C02TWIN00001\"]}",
        "{\"udids\":\"aa\"}",
        "{\"roots\":[]}",
        "[]",
    };
    struct apple_policy p;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (read_policy(&p, bad[i]) != ERR_FORMAT) fail_msg("taken: %s", bad[i]);
    CHECK_INT(read_policy(&p, "{}"), 0);
    CHECK(memcmp(&p, &strict, sizeof p) == 0);
}

int main(void) {
    const struct CMUnitTest all[] = {T(every_form_of_the_certificates_is_read),
                                     T(what_is_good_is_noted_and_what_was_not_looked_at_is_said),
                                     T(the_pinned_root_does_not_end_a_twins_chain),
                                     T(a_device_key_on_either_curve_is_good),
                                     T(the_encodings_of_real_certificates_are_read),
                                     T(sip_is_on_at_zero_and_off_at_one),
                                     T(a_freshness_value_that_begins_like_der_is_taken_raw),
                                     T(the_key_is_known_in_each_spelling_whichever_was_hashed),
                                     T(in_an_envelope_the_attested_key_signs_the_binding_value),
                                     T(a_signature_by_a_key_that_apple_did_not_attest_binds_nothing),
                                     T(an_older_certificate_from_apples_cache_is_not_bound),
                                     T(signatures_of_the_secure_enclave_are_verified),
                                     T(keys_that_are_none_are_told_from_signatures_that_are_wrong),
                                     T(versions_are_compared_by_number),
                                     T(devices_are_allowed_by_digest),
                                     T(policies_that_are_none_are_refused)};
    apple_policy_strict(&strict);
    twin_setup();
    cmocka_set_message_output(CM_OUTPUT_TAP);
    int bad = cmocka_run_group_tests_name("apple_mda", all, NULL, NULL);
    twin_teardown();
    return bad != 0;
}
