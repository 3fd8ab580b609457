/* What must not pass as an attestation by Apple: certificates of a twin of the manufacturer that are changed, cut, extended, or signed and
 * wrong. Each with the verdict and the factor that says so. */
#include "base/json.h"
#include "tests/unit/evidence/apple_scene.h"

static struct ev_report r;
static struct apple_policy policy; /* asks for all that can be asked for */
static unsigned cases;

static void judged(const char *what, enum ev_verdict want, const char *factor) {
    cases++;
    CHECK(maker_judged(what, &r, want, factor));
    CHECK_INT(ev_report_class(&r), want == EV_OK ? EV_A1 : EV_CLASS_NONE);
}

/* The node's word, as in an envelope: key, binding value, signature. */
static uint8_t key_point[65], other_point[65], binding[64], signature[80], other_signature[80];
static struct ev_bytes other_signed;
static struct asked good_asked(void) {
    static size_t n;
    if (n == 0) {
        memset(binding, 0x42, sizeof binding);
        se_public(&se_key, key_point);
        se_public(&se_other, other_point);
        n = se_sign(&se_key, binding, 64, signature).n;
        other_signed = se_sign(&se_other, binding, 64, other_signature);
    }
    return (struct asked){.key = {key_point, 65}, .nonce = {binding, 64}, .signature = {signature, n}, .enveloped = 1};
}

#define TWIN(what, change, want, factor) \
    do {                                 \
        struct twin t = twin_default();  \
        struct asked a = good_asked();   \
        change;                          \
        judge_twin(&r, &t, &a, &policy); \
        judged(what, want, factor);      \
    } while (0)
#define VALUE(which, text) t.ext[which] = EXT(text)
#define ABSENT(which) \
    t.ext[which] = (struct ev_bytes) { 0 }

TEST(the_twin_itself_is_good) { TWIN("twin", (void)0, EV_OK, NULL); }

/* ---- one bit at a time ---- */

static uint8_t text[65536];
static size_t text_n, leaf_n;

static void write_down(enum twin_form form) {
    static struct maker_cert leaf;
    struct twin t = twin_default();
    t.form = form;
    twin_leaf(&t, &leaf);
    leaf_n = leaf.n;
    text_n = twin_evidence(&t, &leaf, text, sizeof text);
    maker_release(&leaf);
}
static void judge_text(size_t n) {
    struct asked a = good_asked();
    judge_bytes(&r, text, n, (struct ev_bytes){0}, &a, &policy, &twin_anchors);
}

/* Every eighth bit of leaf and sub CA: whatever it is in, nothing passes. */
TEST(a_bit_in_every_byte_of_the_certificates) {
    write_down(FORM_DER);
    for (size_t i = 0; i < text_n; i++) {
        text[i] ^= (uint8_t)(1 << i % 8);
        judge_text(text_n);
        text[i] ^= (uint8_t)(1 << i % 8);
        cases++;
        if (ev_report_verdict(&r) != EV_INVALID && ev_report_verdict(&r) != EV_UNSUPPORTED)
            fail_msg("byte %zu of %zu: verdict %d", i, text_n, ev_report_verdict(&r));
        CHECK_INT(ev_report_class(&r), EV_CLASS_NONE);
    }
}

static size_t find(const void *p, size_t n) {
    for (size_t i = 0; i + n <= text_n; i++)
        if (memcmp(text + i, p, n) == 0) return i;
    fail_msg("not in the evidence");
    return 0;
}
static void flip(const char *what, size_t at, const char *factor) {
    text[at] ^= 1;
    judge_text(text_n);
    text[at] ^= 1;
    judged(what, EV_INVALID, factor);
}

TEST(a_bit_in_each_property_breaks_the_chain) {
    struct twin t = twin_default();
    write_down(FORM_DER);
    static const char *const names[TWIN_EXTS] = {"serial number", "UDID",      "update id", "OS",          "sepOS",
                                                 "LLB",           "freshness", "SIP",       "secure boot", "kexts"};
    for (int i = 0; i < TWIN_EXTS; i++) flip(names[i], find(t.ext[i].p, t.ext[i].n) + t.ext[i].n - 1, "chain");
    flip("freshness, and then the key", find(t.ext[FRESHNESS].p, 32), "se_key");
    flip("secure boot, also noted by itself", find("Full Security", 13), "secure_boot");
    flip("leaf's signature", leaf_n - 1, "chain");
    flip("sub CA's signature", text_n - 1, "chain");
    flip("name", find("0123456789abcdef", 16), "chain");
}

TEST(evidence_cut_and_extended) {
    static const size_t cuts[] = {0, 1, 2, 3, 4, 5, 100};
    for (int form = 0; form < 3; form++) {
        write_down((enum twin_form)form);
        for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
            judge_text(cuts[i]);
            judged("cut", EV_UNSUPPORTED, "format");
        }
        judge_text(text_n - 1);
        if (form == FORM_WEBAUTHN) judged("a byte short", EV_UNSUPPORTED, "format");
        if (form == FORM_DER) judged("a byte short", EV_UNSUPPORTED, "certificates");
        memcpy(text + text_n, "0\0", 2);
        judge_text(text_n + 2);
        if (form == FORM_WEBAUTHN) judged("extended", EV_UNSUPPORTED, "format");
        if (form == FORM_DER) judged("extended", EV_UNSUPPORTED, "certificates");
    }
    write_down(FORM_DER);
    judge_text(leaf_n);
    judged("the leaf alone", EV_INVALID, "chain");
    judge_text(leaf_n - 1);
    judged("the leaf, a byte short", EV_UNSUPPORTED, "format");
    static uint8_t big[APPLE_MDA_BYTES_MAX + 1];
    struct asked a = good_asked();
    judge_bytes(&r, big, sizeof big, (struct ev_bytes){0}, &a, &policy, &twin_anchors);
    judged("too large", EV_UNSUPPORTED, "format");
}

TEST(evidence_of_another_kind) {
    static const char *const others[] = {"{}",
                                         "HCLA",
                                         "\x11\xe0\x01\xff",
                                         "\xffTCG\x80\x18",
                                         "\x04\x00\x02\x00\x81",
                                         "\xd2\x84",
                                         "\x84\x44\xa1\x01\x38\x22",
                                         "\xa0",
                                         "\xa1\x63"
                                         "fmt\x65"
                                         "apple"};
    struct asked a = good_asked();
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        judge_bytes(&r, (const uint8_t *)others[i], strlen(others[i]), (struct ev_bytes){0}, &a, &policy, &twin_anchors);
        judged("another kind", EV_UNSUPPORTED, "format");
    }
}

/* ---- WebAuthn statements ---- */

struct webauthn {
    const char *fmt, *stmt, *x5c; /* names and the format */
    unsigned certs, more, fmt_twice, x5c_twice, stmt_twice, no_fmt, pem, two_in_one, text_key;
};

static void judge_webauthn(const struct webauthn *v) {
    static struct maker_cert leaf;
    struct twin t = twin_default();
    struct asked a = good_asked();
    twin_leaf(&t, &leaf);
    struct writer w = writer_over(text, sizeof text);
    cbor_put_map(&w, 2u + v->more + v->fmt_twice + v->stmt_twice - v->no_fmt);
    for (unsigned i = 0; i <= v->fmt_twice && !v->no_fmt; i++) {
        cbor_put_text(&w, "fmt");
        cbor_put_text(&w, v->fmt);
    }
    for (unsigned k = 0; k <= v->stmt_twice; k++) {
        cbor_put_text(&w, v->stmt);
        cbor_put_map(&w, 1u + v->x5c_twice);
        for (unsigned n = 0; n <= v->x5c_twice; n++) {
            cbor_put_text(&w, v->x5c);
            cbor_put_array(&w, v->certs);
            for (unsigned i = 0; i < v->certs; i++) {
                const struct maker_cert *c = i ? &twin_sub : &leaf;
                char pem[4096];
                uint8_t both[8192];
                maker_pem(c, pem, sizeof pem);
                memcpy(both, c->der, c->n);
                memcpy(both + c->n, twin_sub.der, twin_sub.n);
                if (v->pem)
                    cbor_put_bytes(&w, pem, strlen(pem));
                else
                    cbor_put_bytes(&w, v->two_in_one ? both : c->der, c->n + (v->two_in_one ? twin_sub.n : 0));
            }
        }
    }
    if (v->more) {
        if (v->text_key)
            cbor_put_uint(&w, 1);
        else
            cbor_put_text(&w, "authData");
        cbor_put_bytes(&w, "", 0);
    }
    CHECK_INT(w.err, 0);
    judge_bytes(&r, text, w.len, (struct ev_bytes){0}, &a, &policy, &twin_anchors);
    maker_release(&leaf);
}
#define WEBAUTHN(what, change, want, factor)                                               \
    do {                                                                                   \
        struct webauthn v = {.fmt = "apple", .stmt = "attStmt", .x5c = "x5c", .certs = 2}; \
        change;                                                                            \
        judge_webauthn(&v);                                                                \
        judged(what, want, factor);                                                        \
    } while (0)

TEST(statements_that_are_no_apple_statements) {
    WEBAUTHN("statement", (void)0, EV_OK, NULL);
    WEBAUTHN("with authenticator data", v.more = 1, EV_OK, NULL);
    WEBAUTHN("with the sub CA twice", v.certs = 3, EV_OK, NULL);
    WEBAUTHN("App Attest", v.fmt = "apple-appattest", EV_UNSUPPORTED, "format");
    WEBAUTHN("packed", v.fmt = "packed", EV_UNSUPPORTED, "format");
    WEBAUTHN("none", v.fmt = "none", EV_UNSUPPORTED, "format");
    WEBAUTHN("Apple", v.fmt = "Apple", EV_UNSUPPORTED, "format");
    WEBAUTHN("no format", v.no_fmt = 1, EV_UNSUPPORTED, "format");
    WEBAUTHN("format twice", v.fmt_twice = 1, EV_UNSUPPORTED, "format");
    WEBAUTHN("statement twice", v.stmt_twice = 1, EV_UNSUPPORTED, "format");
    WEBAUTHN("x5c twice", v.x5c_twice = 1, EV_UNSUPPORTED, "format");
    WEBAUTHN("no statement", v.stmt = "attstmt", EV_UNSUPPORTED, "format");
    WEBAUTHN("no x5c", v.x5c = "x5t", EV_UNSUPPORTED, "format");
    WEBAUTHN("empty x5c", v.certs = 0, EV_UNSUPPORTED, "format");
    WEBAUTHN("nine certificates", v.certs = 9, EV_UNSUPPORTED, "format");
    WEBAUTHN("PEM within", v.pem = 1, EV_UNSUPPORTED, "format");
    WEBAUTHN("two in one", v.two_in_one = 1, EV_UNSUPPORTED, "format");
    WEBAUTHN("a key that is a number", (v.more = 1, v.text_key = 1), EV_UNSUPPORTED, "format");
    WEBAUTHN("the leaf alone", v.certs = 1, EV_INVALID, "chain");
}

/* ---- who signed it ---- */

TEST(chains_that_do_not_hold) {
    TWIN("another root of the same name", t.issuer = t.beside = &twin_other_sub, EV_INVALID, "chain");
    TWIN("that, with the root beside", (t.issuer = t.beside = &twin_other_sub, t.root_too = 1), EV_INVALID, "chain");
    TWIN("signed by the other, shown with the real sub CA", t.issuer = &twin_other_sub, EV_INVALID, "chain");
    TWIN("no sub CA", t.no_sub = 1, EV_INVALID, "chain");
    TWIN("signed by a device's key", t.issuer = t.beside = &twin_not_ca, EV_INVALID, "chain");
    TWIN("signed by the leaf itself", (t.issuer = t.beside = &se_key), EV_INVALID, "chain");
    TWIN("the sub CA first", t.sub_first = 1, EV_INVALID, "certificates");
    TWIN("the leaf is a CA", (t.leaf.ca = 1, t.leaf.usage = "keyCertSign"), EV_INVALID, "certificates");
    TWIN("the leaf on P-521", t.leaf.curve = "P-521", EV_INVALID, "certificates");
    TWIN("the leaf on secp256k1", t.leaf.curve = "secp256k1", EV_INVALID, "certificates");
    TWIN("expired", t.leaf.to = TWIN_NOW - 1, EV_INVALID, "dates");
    TWIN("of tomorrow", t.leaf.from = TWIN_NOW + 86400, EV_INVALID, "dates");
    TWIN("in a year", a.now = TWIN_NOW + 365 * 86400, EV_INVALID, "dates");
    TWIN("a year ago", a.now = TWIN_NOW - 365 * 86400, EV_INVALID, "dates");
    TWIN("in 1970", a.now = 1, EV_INVALID, "dates");
}

TEST(certificates_for_other_purposes) {
    TWIN("no purpose", t.eku = "", EV_INVALID, "eku");
    TWIN("any purpose", t.eku = "anyExtendedKeyUsage", EV_INVALID, "eku");
    TWIN("TLS", t.eku = "serverAuth", EV_INVALID, "eku");
    TWIN("Apple's developers", t.eku = "1.2.840.113635.100.4.2", EV_INVALID, "eku");
    TWIN("one number more", t.eku = "1.2.840.113635.100.4.24.1", EV_INVALID, "eku");
    TWIN("TLS and devices", t.eku = "serverAuth,1.2.840.113635.100.4.24", EV_OK, NULL);
}

/* ---- what binds it ---- */

TEST(freshness_that_binds_nothing) {
    static const uint8_t zeros[32];
    static uint8_t wrapped[34] = {4, 32};
    struct twin d = twin_default();
    memcpy(wrapped + 2, d.ext[FRESHNESS].p, 32);
    TWIN("absent", ABSENT(FRESHNESS), EV_INVALID, "freshness");
    TWIN("empty", VALUE(FRESHNESS, ""), EV_INVALID, "freshness");
    TWIN("zeros", (t.ext[FRESHNESS] = (struct ev_bytes){zeros, 32}), EV_INVALID, "freshness");
    TWIN("twice", t.twice = 1 << FRESHNESS, EV_UNSUPPORTED, "freshness");
    TWIN("31 bytes", t.ext[FRESHNESS].n = 31, EV_UNSUPPORTED, "freshness");
    TWIN("in an OCTET STRING", (t.ext[FRESHNESS] = (struct ev_bytes){wrapped, 34}), EV_UNSUPPORTED, "freshness");
    TWIN("its end in an OCTET STRING", (t.ext[FRESHNESS] = (struct ev_bytes){wrapped, 32}), EV_INVALID, "se_key");
    TWIN("in digits", VALUE(FRESHNESS, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"), EV_UNSUPPORTED,
         "freshness");
}

TEST(keys_and_signatures_that_are_others) {
    static uint8_t der[80];
    TWIN("no key", a.key.n = 0, EV_INVALID, "se_key");
    TWIN("another key", a.key.p = other_point, EV_INVALID, "se_key");
    TWIN("another key and its signature", (a.key.p = other_point, a.signature = other_signed), EV_INVALID, "se_key");
    TWIN("63 bytes of a key", a.key.n = 63, EV_UNSUPPORTED, "se_key");
    TWIN("a key off the curve", (memcpy(der, key_point, 65), der[64] ^= 1, a.key.p = der), EV_UNSUPPORTED, "se_key");
    TWIN("no signature", a.signature.n = 0, EV_INVALID, "nonce");
    TWIN("another's signature", (a.signature = other_signed), EV_INVALID, "nonce");
    TWIN("signature cut", a.signature.n--, EV_INVALID, "nonce");
    TWIN("signature extended", (memcpy(der, a.signature.p, a.signature.n), a.signature.p = der, a.signature.n++), EV_INVALID,
         "nonce");
    TWIN("signature changed", (memcpy(der, a.signature.p, a.signature.n), der[20] ^= 1, a.signature.p = der), EV_INVALID,
         "nonce");
    TWIN("another binding value", (memset(der, 1, 64), a.nonce.p = der), EV_INVALID, "nonce");
    TWIN("the freshness value as nonce, in an envelope", a.nonce = t.ext[FRESHNESS], EV_INVALID, "nonce");
    TWIN("a nonce of 63 bytes", a.nonce.n = 63, EV_INVALID, "nonce");
    TWIN("a nonce of 31 bytes", (a.enveloped = 0, a.nonce.n = 31), EV_INVALID, "nonce");
    TWIN("a nonce of 32 others", (a.enveloped = 0, a.nonce.n = 32), EV_INVALID, "nonce");
    TWIN("a binding value without a key", (a.enveloped = 0, a.key.n = 0), EV_INVALID, "nonce");
}

/* ---- how it is protected ---- */

TEST(protection_that_is_off_or_not_told) {
    static const struct {
        enum twin_ext which;
        const char *factor;
    } zeros[] = {{SIP, "sip"}, {KEXTS, "kexts"}};
    for (int i = 0; i < 2; i++) {
        enum twin_ext which = zeros[i].which;
        const char *factor = zeros[i].factor;
        TWIN("off", VALUE(which, "\2\1\1"), EV_REFUSED, factor);
        TWIN("2", VALUE(which, "\2\1\2"), EV_REFUSED, factor);
        TWIN("256", VALUE(which, "\2\2\1\0"), EV_REFUSED, factor);
        TWIN("128", VALUE(which, "\2\2\0\x80"), EV_REFUSED, factor);
        TWIN("absent", ABSENT(which), EV_REFUSED, factor);
        TWIN("empty", VALUE(which, ""), EV_REFUSED, factor);
        TWIN("twice", t.twice = 1u << which, EV_UNSUPPORTED, factor);
        TWIN("negative", VALUE(which, "\2\1\xff"), EV_UNSUPPORTED, factor);
        TWIN("BOOLEAN false", VALUE(which, "\1\1\0"), EV_UNSUPPORTED, factor);
        TWIN("BOOLEAN true", VALUE(which, "\1\1\xff"), EV_UNSUPPORTED, factor);
        TWIN("a raw zero", VALUE(which, "\0"), EV_UNSUPPORTED, factor);
        TWIN("the text 0", VALUE(which, "0"), EV_UNSUPPORTED, factor);
        TWIN("a zero in a longer form", VALUE(which, "\2\2\0\0"), EV_UNSUPPORTED, factor);
        TWIN("bytes behind it", VALUE(which, "\2\1\0\0"), EV_UNSUPPORTED, factor);
        TWIN("no content", VALUE(which, "\2\0"), EV_UNSUPPORTED, factor);
        TWIN("in an OCTET STRING", VALUE(which, "\4\3\2\1\0"), EV_UNSUPPORTED, factor);
    }
    TWIN("reduced", VALUE(BOOT, "Reduced Security"), EV_REFUSED, "secure_boot");
    TWIN("permissive", VALUE(BOOT, "Permissive Security"), EV_REFUSED, "secure_boot");
    TWIN("lower case", VALUE(BOOT, "full security"), EV_REFUSED, "secure_boot");
    TWIN("cut", VALUE(BOOT, "Full Securit"), EV_REFUSED, "secure_boot");
    TWIN("more behind", VALUE(BOOT, "Full Security "), EV_REFUSED, "secure_boot");
    TWIN("absent", ABSENT(BOOT), EV_REFUSED, "secure_boot");
    TWIN("blank", VALUE(BOOT, "   "), EV_REFUSED, "secure_boot");
    TWIN("a NUL behind", VALUE(BOOT, "Full Security\0"), EV_UNSUPPORTED, "secure_boot");
    TWIN("UTF8String",
         VALUE(BOOT, "\x0c\x0d"
                     "Full Security"),
         EV_UNSUPPORTED, "secure_boot");
    TWIN("PrintableString",
         VALUE(BOOT, "\x13\x0d"
                     "Full Security"),
         EV_UNSUPPORTED, "secure_boot");
    TWIN("a DER INTEGER", VALUE(BOOT, "\2\1\0"), EV_UNSUPPORTED, "secure_boot");
    TWIN("twice", t.twice = 1 << BOOT, EV_UNSUPPORTED, "secure_boot");
}

TEST(systems_and_devices_that_the_policy_does_not_take) {
    TWIN("older", VALUE(OS, "15.3.9"), EV_REFUSED, "os_version");
    TWIN("much older", VALUE(OS, "9.9"), EV_REFUSED, "os_version");
    TWIN("newer", VALUE(OS, "26"), EV_OK, NULL);
    TWIN("no version", VALUE(OS, "Sequoia"), EV_UNSUPPORTED, "os_version");
    TWIN("a build beside it", VALUE(OS, "15.4 (24E248)"), EV_UNSUPPORTED, "os_version");
    TWIN("four numbers", VALUE(OS, "15.4.1.2"), EV_UNSUPPORTED, "os_version");
    TWIN("a large number", VALUE(OS, "99999999999"), EV_UNSUPPORTED, "os_version");
    TWIN("UTF8String",
         VALUE(OS, "\x0c\4"
                   "15.4"),
         EV_UNSUPPORTED, "os_version");
    TWIN("absent", ABSENT(OS), EV_REFUSED, "os_version");
    TWIN("blank", VALUE(OS, " "), EV_REFUSED, "os_version");
    TWIN("twice", t.twice = 1 << OS, EV_UNSUPPORTED, "os_version");
    TWIN("another serial number", VALUE(SERIAL, "C02TWIN00002"), EV_REFUSED, "device_allowed");
    TWIN("the serial number in lower case", VALUE(SERIAL, "c02twin00001"), EV_REFUSED, "device_allowed");
    TWIN("no serial number", ABSENT(SERIAL), EV_REFUSED, "device_allowed");
    TWIN("a blank serial number", VALUE(SERIAL, " "), EV_REFUSED, "device_allowed");
    TWIN("a serial number that is no text", VALUE(SERIAL, "C02\x1b[2J"), EV_UNSUPPORTED, "device_allowed");
    TWIN("a serial number twice", t.twice = 1 << SERIAL, EV_UNSUPPORTED, "device_allowed");
    TWIN("another UDID", VALUE(UDID, "00008103-000A00000000001F"), EV_REFUSED, "device_allowed");
    TWIN("no UDID", ABSENT(UDID), EV_REFUSED, "device_allowed");
    TWIN("serial number and UDID exchanged", (t.ext[SERIAL] = t.ext[UDID], VALUE(UDID, "C02TWIN00001")), EV_REFUSED,
         "device_allowed");
}

TEST(what_nobody_asks_for_may_be_absent) {
    TWIN("LLB", ABSENT(LLB), EV_OK, NULL);
    TWIN("sepOS", ABSENT(SEP_OS), EV_OK, NULL);
    TWIN("update id", ABSENT(UPDATE_ID), EV_OK, NULL);
    TWIN("update id, no text", VALUE(UPDATE_ID, "\xff"), EV_OK, NULL);
}

/* An iPhone's leaf says nothing of SIP, boot and kernel extensions: it is no Mac, and all three are noted. */
TEST(a_leaf_without_any_word_on_protection_fails_in_each) {
    struct twin t = twin_default();
    struct asked a = good_asked();
    t.ext[SIP] = t.ext[BOOT] = t.ext[KEXTS] = (struct ev_bytes){0};
    judge_twin(&r, &t, &a, &policy);
    judged("no word", EV_REFUSED, "sip");
    CHECK(ev_report_failed(&r, "secure_boot") && ev_report_failed(&r, "kexts"));
}

TEST(all_is_counted) {
    printf("# %u mutations of Apple's attestations\n", cases);
    CHECK(cases >= 1280); /* docs/evidence.md; certificates are a few bytes longer or shorter each time */
}

static void setup_policy(void) {
    uint8_t digest[32];
    char serial[65], udid[65], json[512];
    json_t *j = NULL;
    sha256_of(digest, "C02TWIN00001", 12);
    hex_encode(serial, digest, 32);
    sha256_of(digest, "00008103-000A00000000001E", 25);
    hex_encode(udid, digest, 32);
    snprintf(json, sizeof json, "{\"min_os_version\":\"15.4\",\"serials\":[\"%s\"],\"udids\":[\"%s\"]}", serial, udid);
    CHECK_INT(json_parse(&j, json, strlen(json), NULL), 0);
    CHECK_INT(apple_policy_read(j, &policy, NULL), 0);
    json_decref(j);
}

int main(void) {
    const struct CMUnitTest all[] = {T(the_twin_itself_is_good),
                                     T(a_bit_in_every_byte_of_the_certificates),
                                     T(a_bit_in_each_property_breaks_the_chain),
                                     T(evidence_cut_and_extended),
                                     T(evidence_of_another_kind),
                                     T(statements_that_are_no_apple_statements),
                                     T(chains_that_do_not_hold),
                                     T(certificates_for_other_purposes),
                                     T(freshness_that_binds_nothing),
                                     T(keys_and_signatures_that_are_others),
                                     T(protection_that_is_off_or_not_told),
                                     T(systems_and_devices_that_the_policy_does_not_take),
                                     T(what_nobody_asks_for_may_be_absent),
                                     T(a_leaf_without_any_word_on_protection_fails_in_each),
                                     T(all_is_counted)};
    setup_policy();
    twin_setup();
    cmocka_set_message_output(CM_OUTPUT_TAP);
    int bad = cmocka_run_group_tests_name("apple_mda_mutations", all, NULL, NULL);
    twin_teardown();
    return bad != 0;
}
