/* A TPM's member of an envelope: a good one, and each thing that must not pass, signed anew where it stands in signed bytes. */
#include "tests/unit/evidence/tpm_scene.h"

static struct tpm_scene s;
static struct ev_report r;

/* Makes the scene, judges it, and says whether what came is what was wanted. */
static int comes_to(const char *what, enum ev_verdict want, const char *factor) {
    scene_make(&s);
    scene_judge(&s, &r);
    int good = maker_judged(what, &r, want, factor);
    scene_release(&s);
    return good;
}

TEST(a_good_member_is_class_t1) {
    scene_init(&s);
    CHECK(comes_to("good", EV_OK, NULL));
    CHECK_INT(ev_report_class(&r), EV_T1);
    CHECK(report_unchecked(&r, "seal_key_statement") && !report_unchecked(&r, "ak_not_activated") &&
          !report_unchecked(&r, "ak_attributes"));
}

struct row {
    const char *what;
    enum ev_verdict want;
    const char *factor;
    void (*change)(void);
};
#define CHANGE(name, code) \
    static void name(void) { code; }
CHANGE(nothing_fixed, s.ak_attributes &= ~(uint32_t)TPM_FIXED_TPM)
CHANGE(parent_loose, s.ak_attributes &= ~(uint32_t)TPM_FIXED_PARENT)
CHANGE(imported, s.ak_attributes &= ~(uint32_t)TPM_SENSITIVE_DATA_ORIGIN)
CHANGE(unrestricted, s.ak_attributes &= ~(uint32_t)TPM_RESTRICTED)
CHANGE(no_sign, s.ak_attributes &= ~(uint32_t)TPM_SIGN)
CHANGE(decrypts, s.ak_attributes |= TPM_DECRYPT)
CHANGE(wrong_magic, s.magic = 0xff544348)
CHANGE(certify_type, s.type = TPM_ST_CREATION)
CHANGE(time_type, s.type = 0x8019)
CHANGE(odd_type, s.type = 0x9018)
CHANGE(seal_quote_type, s.seal_type = TPM_ST_QUOTE)
CHANGE(only_seal_nonce, s.seal_nonce[31] ^= 0x80)
CHANGE(sha1_bank, s.bank = TPM_ALG_SHA1)
CHANGE(no_pcrs, s.pcr_mask = 0)
CHANGE(only_16_and_23, s.pcr_mask = TPM_RESETTABLE; s.seal_pcrs = TPM_RESETTABLE)
CHANGE(other_selection, s.policy.select_given = 1; s.policy.select = tpm_selection_of(TPM_ALG_SHA256, 0x4fe))
CHANGE(other_bank, s.policy.select_given = 1; s.policy.select = tpm_selection_of(TPM_ALG_SHA384, 0x4ff))
CHANGE(wrong_digest, s.digest_flip = 1)
CHANGE(software, s.firmware = 0x2019102300163636)
CHANGE(software_new, s.firmware = 0x2024012500120000)
CHANGE(firmware_not_listed, s.policy.firmware.given = 1; s.policy.firmware.count = 1; s.policy.firmware.size[0] = 8)
CHANGE(seal_user_with_auth, s.seal_attributes |= TPM_USER_WITH_AUTH)
CHANGE(seal_signs, s.seal_attributes |= TPM_SIGN)
CHANGE(seal_restricted, s.seal_attributes |= TPM_RESTRICTED)
CHANGE(seal_movable, s.seal_attributes &= ~(uint32_t)TPM_FIXED_TPM)
CHANGE(seal_parent_loose, s.seal_attributes &= ~(uint32_t)TPM_FIXED_PARENT)
CHANGE(seal_imported, s.seal_attributes &= ~(uint32_t)TPM_SENSITIVE_DATA_ORIGIN)
CHANGE(seal_no_decrypt, s.seal_attributes &= ~(uint32_t)TPM_DECRYPT)
CHANGE(seal_p384, s.seal_curve = TPM_CURVE_P384)
CHANGE(seal_ecdsa, s.seal_scheme = TPM_ALG_ECDSA)
CHANGE(seal_off_curve, s.seal_x_flip = 1)
CHANGE(seal_other_policy, s.policy_flip = 1)
CHANGE(seal_no_auth_value, s.ask_auth_value = 0)
CHANGE(seal_fewer_pcrs, s.seal_pcrs = 0x7f)
CHANGE(seal_with_pcr_10, s.seal_pcrs = 0x4ff)
CHANGE(seal_other_creation, s.creation_flip = 1)
CHANGE(seal_other_name, s.name_flip = 1)
CHANGE(not_activated, s.activators = 0)
CHANGE(too_few, s.policy.activators_needed = 2)
CHANGE(a_strange_activator, s.policy.activators.count = 1; s.policy.activators.bytes[0][0] ^= 1)
CHANGE(no_activators_known, s.policy.activators.count = 0; s.policy.activators.given = 0)
CHANGE(old_statement, s.statement_time = SCENE_NOW - TPM_ACTIVATION_AGE_S - 1)
CHANGE(future_statement, s.statement_time = SCENE_NOW + 301)
CHANGE(other_ek_stated, s.statement_flip = 1)
CHANGE(other_ak_stated, s.statement_flip = 32 + 5)
CHANGE(other_time_stated, s.statement_flip = 32 + 34 + 8)
CHANGE(forged_statement, s.statement_flip = TPM_STATEMENT_BYTES)
CHANGE(ek_is_ca, s.ek_ca = 1; s.ek_usage = "critical,keyCertSign"; s.ek_eku = "ek")
CHANGE(ek_signs, s.ek_usage = "critical,digitalSignature")
CHANGE(ek_for_aks, s.ek_eku = "ak")
CHANGE(ek_of_nobody, s.ek_signer_unknown = 1)
CHANGE(ek_expired, s.cert_to = SCENE_NOW - 1)
CHANGE(ek_not_yet, s.cert_from = SCENE_NOW + 1)
CHANGE(ek_not_listed, s.policy.eks.given = 1; s.policy.eks.count = 1; s.policy.eks.size[0] = 32)
CHANGE(ek_root_left_out, s.policy.ek_roots.given = 1; s.policy.ek_roots.count = 1; s.policy.ek_roots.size[0] = 32)
CHANGE(values_not_listed, s.policy.select_given = 1; s.policy.select = tpm_selection_of(TPM_ALG_SHA256, 0x4ff);
       s.policy.named = 1; s.policy.values = 1; s.policy.value[0].size = 32)
CHANGE(values_absent, s.no_values = 1; s.policy.select_given = 1; s.policy.select = tpm_selection_of(TPM_ALG_SHA256, 0x4ff);
       s.policy.named = 1; s.policy.values = 1; s.policy.value[0].size = 32)
CHANGE(no_values_no_policy, s.no_values = 1)
CHANGE(boot_not_quoted, s.policy.boot = 1 << 8)

static const struct row rows[] = {
    {"AK not fixedTPM", EV_INVALID, "ak_attributes", nothing_fixed},
    {"AK not fixedParent", EV_INVALID, "ak_attributes", parent_loose},
    {"AK imported", EV_INVALID, "ak_attributes", imported},
    {"AK not restricted", EV_INVALID, "ak_attributes", unrestricted},
    {"AK without sign", EV_INVALID, "ak_attributes", no_sign},
    {"AK decrypts", EV_INVALID, "ak_attributes", decrypts},
    {"magic", EV_INVALID, "magic", wrong_magic},
    {"a creation as a quote", EV_UNSUPPORTED, "format", certify_type},
    {"a time as a quote", EV_INVALID, "type", time_type},
    {"an unknown type", EV_UNSUPPORTED, "type", odd_type},
    {"a quote as a creation", EV_UNSUPPORTED, "format", seal_quote_type},
    {"bank of SHA-1", EV_REFUSED, "pcr_selection", sha1_bank},
    {"no PCR", EV_REFUSED, "pcr_selection", no_pcrs},
    {"only PCR 16 and 23", EV_REFUSED, "resettable_pcr", only_16_and_23},
    {"the policy wants other PCRs", EV_REFUSED, "pcr_selection", other_selection},
    {"the policy wants another bank", EV_REFUSED, "pcr_selection", other_bank},
    {"digest of other values", EV_INVALID, "pcr_digest", wrong_digest},
    {"software TPM", EV_REFUSED, "software_tpm", software},
    {"software TPM of 2024", EV_REFUSED, "software_tpm", software_new},
    {"firmware not listed", EV_REFUSED, "firmware", firmware_not_listed},
    {"seal key opens by password", EV_INVALID, "seal_key", seal_user_with_auth},
    {"seal key signs", EV_INVALID, "seal_key", seal_signs},
    {"seal key restricted", EV_INVALID, "seal_key", seal_restricted},
    {"seal key not fixedTPM", EV_INVALID, "seal_key", seal_movable},
    {"seal key not fixedParent", EV_INVALID, "seal_key", seal_parent_loose},
    {"seal key imported", EV_INVALID, "seal_key", seal_imported},
    {"seal key without decrypt", EV_INVALID, "seal_key", seal_no_decrypt},
    {"seal key on P-384", EV_INVALID, "seal_key", seal_p384},
    {"seal key for ECDSA", EV_INVALID, "seal_key", seal_ecdsa},
    {"seal key off its curve", EV_INVALID, "seal_key", seal_off_curve},
    {"seal key of another policy", EV_REFUSED, "seal_key_policy", seal_other_policy},
    {"seal key without auth value", EV_REFUSED, "seal_key_policy", seal_no_auth_value},
    {"seal key of fewer PCRs", EV_REFUSED, "seal_key_policy", seal_fewer_pcrs},
    {"seal key with PCR 10", EV_REFUSED, "seal_key_policy", seal_with_pcr_10},
    {"other creation data", EV_INVALID, "seal_key", seal_other_creation},
    {"other name", EV_INVALID, "seal_key", seal_other_name},
    {"seal key certified for another nonce", EV_INVALID, "seal_key_nonce", only_seal_nonce},
    {"not activated", EV_REFUSED, "ak_not_activated", not_activated},
    {"too few activators", EV_REFUSED, "ak_not_activated", too_few},
    {"an activator that the policy does not name", EV_REFUSED, "ak_not_activated", a_strange_activator},
    {"no activators in the policy", EV_REFUSED, "ak_not_activated", no_activators_known},
    {"statement too old", EV_REFUSED, "ak_not_activated", old_statement},
    {"statement from the future", EV_REFUSED, "ak_not_activated", future_statement},
    {"statement of another EK", EV_REFUSED, "ak_not_activated", other_ek_stated},
    {"statement of another AK", EV_REFUSED, "ak_not_activated", other_ak_stated},
    {"statement with another time", EV_REFUSED, "ak_not_activated", other_time_stated},
    {"forged statement", EV_REFUSED, "ak_not_activated", forged_statement},
    {"a CA as EK", EV_INVALID, "ek_certificate", ek_is_ca},
    {"a signing key as EK", EV_INVALID, "ek_certificate", ek_signs},
    {"an EK certificate for AKs", EV_INVALID, "ek_certificate", ek_for_aks},
    {"EK by an unknown CA", EV_INVALID, "chain", ek_of_nobody},
    {"EK expired", EV_INVALID, "dates", ek_expired},
    {"EK not yet valid", EV_INVALID, "dates", ek_not_yet},
    {"EK not listed", EV_REFUSED, "ek_allowed", ek_not_listed},
    {"root left out", EV_REFUSED, "ek_root", ek_root_left_out},
    {"values not listed", EV_REFUSED, "pcr_values", values_not_listed},
    {"values absent", EV_REFUSED, "pcr_values", values_absent},
    {"values absent, seal key not to be checked", EV_REFUSED, "seal_key_policy", no_values_no_policy},
    {"a boot PCR not quoted", EV_REFUSED, "seal_key_policy", boot_not_quoted},
};

TEST(each_change_has_its_verdict_and_factor) {
    int bad = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        scene_init(&s);
        rows[i].change();
        bad += !comes_to(rows[i].what, rows[i].want, rows[i].factor);
    }
    printf("# %zu cases\n", sizeof rows / sizeof *rows);
    CHECK_INT(bad, 0);
}

TEST(another_nonce_than_the_callers_is_invalid) {
    uint8_t asked[32] = {9};
    scene_init(&s);
    scene_make(&s);
    struct tpm_trust trust = scene_trust(&s);
    struct ev_input in = scene_input(&s);
    in.nonce = (struct ev_bytes){asked, 32};
    memset(&r, 0, sizeof r);
    tpm_quote_verify_with(&in, &trust, &r);
    CHECK(maker_judged("nonce", &r, EV_INVALID, "nonce") && ev_report_failed(&r, "seal_key_nonce"));
    in.nonce = (struct ev_bytes){s.nonce, 31}; /* a beginning is not the whole */
    memset(&r, 0, sizeof r);
    tpm_quote_verify_with(&in, &trust, &r);
    CHECK(maker_judged("short nonce", &r, EV_INVALID, "nonce"));
    scene_release(&s);
}

TEST(no_certificate_of_the_ek_is_refused) {
    scene_init(&s);
    scene_make(&s);
    struct tpm_trust trust = scene_trust(&s);
    struct ev_input in = scene_input(&s);
    in.chain_count = 0;
    memset(&r, 0, sizeof r);
    tpm_quote_verify_with(&in, &trust, &r);
    CHECK(maker_judged("no EK", &r, EV_REFUSED, "ek_certificate") && ev_report_failed(&r, "ak_not_activated"));
    scene_release(&s);
}

TEST(the_product_knows_no_root_of_tests) {
    scene_init(&s);
    scene_make(&s);
    struct ev_input in = scene_input(&s);
    ev_verify(EV_TPM_QUOTE, &in, &r);
    CHECK(maker_judged("pinned", &r, EV_INVALID, "chain"));
    CHECK_INT(tpm_software_accepted(), 0);
    scene_release(&s);
}

TEST(a_member_cut_or_lengthened_is_malformed_and_a_flipped_bit_never_passes) {
    scene_init(&s);
    scene_make(&s);
    struct tpm_trust trust = scene_trust(&s);
    struct ev_input in = scene_input(&s);
    for (size_t n = 5; n < s.member_n; n += 3) {
        in.evidence.n = n;
        memset(&r, 0, sizeof r);
        tpm_quote_verify_with(&in, &trust, &r);
        CHECK(maker_judged("cut", &r, EV_UNSUPPORTED, "format"));
    }
    s.member[s.member_n] = 0;
    in.evidence.n = s.member_n + 1;
    memset(&r, 0, sizeof r);
    tpm_quote_verify_with(&in, &trust, &r);
    CHECK(maker_judged("longer", &r, EV_UNSUPPORTED, "format"));
    in.evidence.n = s.member_n;
    unsigned passed = 0, tried = 0;
    for (size_t i = 0; i < s.member_n; i += 2, tried++) {
        s.member[i] ^= (uint8_t)(1 << i / 2 % 8);
        memset(&r, 0, sizeof r);
        tpm_quote_verify_with(&in, &trust, &r);
        passed += ev_report_verdict(&r) == EV_OK;
        s.member[i] ^= (uint8_t)(1 << i / 2 % 8);
    }
    printf("# %u flips\n", tried);
    CHECK_INT(passed, 0);
    scene_release(&s);
}

TEST(whom_the_caller_has_challenged_needs_no_activator) {
    scene_init(&s);
    s.activators = 0;
    scene_make(&s);
    struct tpm_trust trust = scene_trust(&s);
    struct ev_input in = scene_input(&s);
    struct {
        uint8_t ek_digest[32], ak_name[TPM_NAME_BYTES];
    } pair;
    CHECK_INT(tpm_key_digest(s.ek.key, pair.ek_digest), 0);
    CHECK_INT(tpm_member_ak_name(in.evidence, pair.ak_name), 0);
    struct tpm_activated own = {.count = 1, .pair = (const void *)&pair};
    memset(&r, 0, sizeof r);
    tpm_member_verify_with(&in, &trust, &own, &r);
    CHECK(maker_judged("own", &r, EV_OK, NULL));
    pair.ak_name[7] ^= 1;
    memset(&r, 0, sizeof r);
    tpm_member_verify_with(&in, &trust, &own, &r);
    CHECK(maker_judged("of another AK", &r, EV_REFUSED, "ak_not_activated"));
    uint8_t x[32], point[65];
    scene_point(s.seal, point);
    CHECK_INT(tpm_member_seal_key(in.evidence, x), 0);
    CHECK_MEM(x, point + 1, 32);
    scene_release(&s);
}

TEST(a_raw_quote_in_an_envelope_does_not_make_its_own_key_good) {
    scene_init(&s);
    scene_make(&s);
    struct tpm_trust trust = scene_trust(&s);
    struct ev_input in = {
        .evidence = {s.quote, s.quote_n}, .key = {s.ak_public, s.ak_n}, .nonce = {s.nonce, 32}, .now = SCENE_NOW};
    memset(&r, 0, sizeof r);
    tpm_quote_verify_with(&in, &trust, &r);
    CHECK(maker_judged("by the caller's key", &r, EV_OK, NULL) && report_unchecked(&r, "ak_not_activated"));
    in.enveloped = 1;
    memset(&r, 0, sizeof r);
    tpm_quote_verify_with(&in, &trust, &r);
    CHECK(maker_judged("by its own", &r, EV_REFUSED, "ak_not_activated") && ev_report_failed(&r, "seal_key"));
    scene_release(&s);
}

TEST(the_seal_key_must_be_the_key_statements) {
    uint8_t point[65];
    scene_init(&s);
    scene_make(&s);
    scene_point(s.seal, point);
    struct tpm_seal_key k = {
        {s.seal_attest, s.seal_attest_n}, {s.seal_sig, s.seal_sig_n}, {s.seal_public, s.seal_n}, {s.creation, s.creation_n}};
    struct ev_bytes nonce = {s.nonce, 32};
    memset(&r, 0, sizeof r);
    CHECK(tpm_seal_key_verify(&r, 1, &k, s.ak, nonce, (struct ev_bytes){point, 65}, &s.values, &s.policy));
    CHECK(tpm_seal_key_verify(&r, 1, &k, s.ak, nonce, (struct ev_bytes){point + 1, 32}, &s.values, &s.policy));
    point[1] ^= 1;
    CHECK(!tpm_seal_key_verify(&r, 1, &k, s.ak, nonce, (struct ev_bytes){point + 1, 32}, &s.values, &s.policy));
    CHECK(ev_report_failed(&r, "seal_key") != NULL);
    CHECK(!tpm_seal_key_verify(&r, 1, &k, s.seal, nonce, (struct ev_bytes){0}, &s.values, &s.policy));
    CHECK(ev_report_failed(&r, "seal_key_signature") != NULL);
    scene_release(&s);
}

TESTS_MAIN("tpm_member", T(a_good_member_is_class_t1), T(each_change_has_its_verdict_and_factor),
           T(another_nonce_than_the_callers_is_invalid), T(no_certificate_of_the_ek_is_refused),
           T(the_product_knows_no_root_of_tests), T(a_member_cut_or_lengthened_is_malformed_and_a_flipped_bit_never_passes),
           T(whom_the_caller_has_challenged_needs_no_activator), T(a_raw_quote_in_an_envelope_does_not_make_its_own_key_good),
           T(the_seal_key_must_be_the_key_statements))
