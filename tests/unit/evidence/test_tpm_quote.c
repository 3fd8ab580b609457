/* TPM quotes of real machines: each vector's verdict, the forms that they come in, digests, and the traps that verifiers fell into. */
#include "base/hash.h"
#include "base/json.h"
#include "evidence/policy.h"
#include "evidence/tpm_ak.h"
#include "evidence/tpm_certs.h"
#include "evidence/tpm_hcl.h"
#include "evidence/tpm_quote.h"
#include "tests/unit/evidence/maker.h"

enum { NOW = 1790000000 /* September 2026 */, CAP = 1 << 16 };
static struct ev_report r;
static uint8_t doc[CAP], key[CAP], chain[CAP], nonce[64];
static size_t msg_n, sig_n, doc_n, key_n, chain_n;

/* quote.msg || quote.sig || pcrs.bin, with the AK and the nonce. */
static struct ev_input azure(void) {
    msg_n = maker_file("tpm/azure_quote.msg", doc, CAP);
    sig_n = maker_file("tpm/azure_quote.sig", doc + msg_n, CAP - msg_n);
    doc_n = msg_n + sig_n + maker_file("tpm/azure_pcrs.bin", doc + msg_n + sig_n, CAP - msg_n - sig_n);
    key_n = maker_file("tpm/azure_ak.pub", key, CAP);
    CHECK_INT(hex_decode(nonce, 32, "0efb4d54837cedf4f66dd77ffcb32a4d4bd315dffd6cbfa5977e4c018c1f372a", 64), 0);
    return (struct ev_input){.evidence = {doc, doc_n}, .key = {key, key_n}, .nonce = {nonce, 32}, .now = NOW};
}
static struct ev_input file_input(const char *path) {
    doc_n = maker_file(path, doc, CAP);
    return (struct ev_input){.evidence = {doc, doc_n}, .now = NOW};
}
static struct ev_input azure_snp_v1(void) {
    struct ev_input in = file_input("tpm/az_snp_tpm-quote-v1.json");
    key_n = maker_file("tpm/az_snp_hcl-report.bin", key, CAP);
    chain_n = maker_file("tpm/az_snp_vcek.pem", chain, CAP);
    in.key = (struct ev_bytes){key, key_n};
    in.chain[in.chain_count++] = (struct ev_bytes){chain, chain_n};
    in.nonce = (struct ev_bytes){(const uint8_t *)"challenge", 9};
    return in;
}
static int comes_to(const char *what, struct ev_input *in, enum ev_verdict want, const char *factor) {
    if (!in->policy) in->policy = ev_policy_strict();
    ev_verify(EV_TPM_QUOTE, in, &r);
    return maker_judged(what, &r, want, factor);
}
static struct ev_policy *policy_of(const char *text) {
    struct why why = {""};
    struct ev_policy *p = ev_policy_read(text, strlen(text), &why);
    if (!p) printf("# %s\n", why.text);
    return p;
}

/* ---- the vectors ---- */

TEST(azures_quote_with_a_known_nonce_is_good) {
    struct ev_input in = azure();
    CHECK(comes_to("azure", &in, EV_OK, NULL));
    CHECK_INT(ev_report_class(&r), EV_T1);
    CHECK(report_noted_good(&r, "signature") && report_noted_good(&r, "nonce") && report_noted_good(&r, "pcr_digest") &&
          report_noted_good(&r, "software_tpm"));
    CHECK(report_unchecked(&r, "ak_attributes") && report_unchecked(&r, "ak_not_activated") && !report_unchecked(&r, "nonce"));
    CHECK_STR(report_fact(&r, "pcrs"), "SHA256:0,1,2,3,4,5,6,7");
    CHECK_STR(report_fact(&r, "pcr7"), "f014e5cbfa297ee787a976abc51bc1d67e23e1b9e4a60128a1106dd0adef0c5b");
    in.evidence.n = msg_n + sig_n;
    CHECK(comes_to("without values", &in, EV_OK, NULL) && report_unchecked(&r, "pcr_digest"));
}

TEST(azures_certificate_of_another_ak_is_not_this_keys) {
    struct ev_input in = azure();
    chain_n = maker_file("tpm/azure_akcert.der", chain, CAP);
    in.chain[in.chain_count++] = (struct ev_bytes){chain, chain_n};
    CHECK(comes_to("another AK", &in, EV_INVALID, "ak_certificate"));
    in.key = (struct ev_bytes){0};
    CHECK(comes_to("by the certificate alone", &in, EV_INVALID, "signature"));
}

TEST(azures_confidential_vm_binds_the_ak_to_its_processor) {
    struct ev_input in = file_input("tpm/az_snp_evidence-v2.json");
    CHECK(comes_to("v2", &in, EV_OK, NULL));
    CHECK(report_noted_good(&r, "hcl_report") && report_noted_good(&r, "version") && report_noted_good(&r, "pcr_digest") &&
          !report_unchecked(&r, "ak_not_activated"));
    in = azure_snp_v1();
    CHECK(comes_to("v1", &in, EV_OK, NULL) && report_noted_good(&r, "hcl_report") && report_noted_good(&r, "nonce"));
}

TEST(a_policy_that_names_programs_is_not_met_without_a_list_of_them) {
    static struct ev_policy policy;
    struct ev_input in = file_input("tpm/az_snp_evidence-v2.json");
    policy = *ev_policy_strict();
    policy.ima.given = 1;
    policy.ima.count = 1;
    in.policy = &policy;
    CHECK(comes_to("v2, programs are named", &in, EV_REFUSED, "ima_log"));
}

TEST(azure_ak_is_cross_checked_with_the_report_of_the_processor) {
    struct ev_input in = azure_snp_v1();
    in.chain_count = 0;
    CHECK(comes_to("no VCEK", &in, EV_INVALID, "hcl_report"));
    in = azure_snp_v1();
    uint8_t *e = memmem(key, key_n, "\"n\":\"qR7", 8);
    CHECK(e != NULL);
    e[6] ^= 1;
    CHECK(comes_to("another AK in the JSON", &in, EV_INVALID, "hcl_report") && ev_report_failed(&r, "signature"));
    in = azure_snp_v1();
    key[32 + 0x90] ^= 1;
    CHECK(comes_to("another measurement", &in, EV_INVALID, "hcl_report"));
    in = azure_snp_v1(); /* the quote of one machine, the report of another */
    struct ev_input other = file_input("tpm/az_snp_evidence-v2.json");
    other.key = in.key;
    other.chain[other.chain_count++] = in.chain[0];
    CHECK(comes_to("another machine's report", &other, EV_INVALID, "signature"));
    in = file_input("tpm/az_snp_evidence-v2.json");
    key_n = maker_file("tpm/azure_ak.pub", key, CAP);
    in.key = (struct ev_bytes){key, key_n};
    CHECK(comes_to("another key given", &in, EV_INVALID, "hcl_report") && ev_report_failed(&r, "signature"));
}

TEST(a_software_tpm_and_a_key_that_vouches_for_itself_are_refused) {
    struct ev_input in = file_input("tpm/trustee_tpm_evidence.json");
    CHECK(comes_to("trustee", &in, EV_REFUSED, "software_tpm") && ev_report_failed(&r, "ak_not_activated"));
    CHECK(report_noted_good(&r, "signature") && report_noted_good(&r, "pcr_digest"));
}

TEST(keylimes_form_is_read_and_its_sha1_not_taken) {
    struct ev_input in = file_input("tpm/keylime_quote_r_msg_sig_pcrs.txt");
    CHECK(comes_to("no key", &in, EV_INVALID, "signature") && report_noted_good(&r, "type"));
    key_n = maker_file("tpm/azure_ak.pub", key, CAP);
    in.key = (struct ev_bytes){key, key_n};
    CHECK(comes_to("SHA-1", &in, EV_UNSUPPORTED, "signature") && !report_noted_good(&r, "software_tpm"));
}

TEST(an_attestation_without_a_signature_shows_nothing) {
    struct ev_input in = file_input("tpm/dstack_tpm_quote_sample.bin");
    CHECK(comes_to("no key", &in, EV_INVALID, "signature"));
    key_n = maker_file("tpm/azure_ak.pub", key, CAP);
    in.key = (struct ev_bytes){key, key_n};
    CHECK(comes_to("with a key", &in, EV_INVALID, "signature"));
}

/* ---- certificates ---- */

static struct ev_certs load(const char *path) {
    struct ev_certs c;
    chain_n = maker_file(path, chain, CAP);
    struct ev_input in = {.chain = {{chain, chain_n}}, .chain_count = 1};
    memset(&r, 0, sizeof r);
    CHECK(ev_certs_of_padded(&c, &in, &r));
    return c;
}

TEST(real_certificates_are_of_their_kind) {
    static const struct {
        const char *path;
        enum tpm_cert_kind kind;
    } rows[] = {
        {"tpm/gcp_uca_ek_rsa.pem", TPM_CERT_EK},
        {"tpm/gcp_vtpm_ek_rsa.pem", TPM_CERT_EK},
        {"tpm/gcp_vtpm_ek_ecc.pem", TPM_CERT_EK},
        {"tpm/gcp_vtpm_ak_rsa.pem", TPM_CERT_AK},
        {"tpm/gcp_vtpm_ak_ecc.pem", TPM_CERT_AK},
        {"tpm/azure_akcert.der", TPM_CERT_AK},
        {"tpm/openpcc_azure_ak_certificates.txt", TPM_CERT_AK},
        {"tpm/openpcc_gce_ak_certificates.txt", TPM_CERT_AK},
        {"tpm/azure_tpm_intermediate_01.pem", TPM_CERT_OTHER}, /* has the EK's extended key usage, and is a CA */
        {"tpm/tpm_ek_intermediate_2.der", TPM_CERT_OTHER},
        {"tpm/gcp_ek_ak_ca_intermediate_v3.der", TPM_CERT_OTHER},
        {"tpm/keylime_iak_idevid_test_chain.pem", TPM_CERT_OTHER},
        {"tpm/az_snp_vcek.pem", TPM_CERT_OTHER},
    };
    int bad = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ev_certs c = load(rows[i].path);
        int kind = tpm_cert_kind(c.cert[0]);
        if (kind != (int)rows[i].kind) printf("# %s is %d\n", rows[i].path, kind), bad++;
        ev_certs_release(&c);
    }
    CHECK_INT(bad, 0);
}

TEST(googles_certificates_chain_to_their_root) {
    struct ev_anchors roots = ev_pinned(EV_ROOTS_TPM);
    struct tpm_policy p;
    tpm_policy_strict(&p);
    static const char *const eks[] = {"tpm/gcp_vtpm_ek_rsa.pem", "tpm/gcp_vtpm_ek_ecc.pem"},
                             *const aks[] = {"tpm/gcp_vtpm_ak_rsa.pem", "tpm/gcp_vtpm_ak_ecc.pem",
                                             "tpm/openpcc_gce_ak_certificates.txt"};
    for (int i = 0; i < 2; i++) {
        struct ev_certs c = load(eks[i]);
        memset(&r, 0, sizeof r);
        CHECK(tpm_ek_certificate(&r, c.cert[0], &c, &p, &roots, NOW));
        CHECK(!tpm_ak_certificate(&r, c.cert[0], &c, &roots, NOW)); /* an EK's is no AK's */
        ev_certs_release(&c);
    }
    for (int i = 0; i < 3; i++) {
        struct ev_certs c = load(aks[i]);
        memset(&r, 0, sizeof r);
        CHECK(tpm_ak_certificate(&r, c.cert[0], &c, &roots, NOW));
        CHECK(!tpm_ek_certificate(&r, c.cert[0], &c, &p, &roots, NOW));             /* and the other way round */
        CHECK(!tpm_ak_certificate(&r, c.cert[0], &c, &roots, INT64_C(4200000000))); /* 2103 */
        ev_certs_release(&c);
    }
}

TEST(an_ek_with_a_critical_name_is_read_and_its_missing_issuer_is_what_fails) {
    struct ev_anchors roots = ev_pinned(EV_ROOTS_TPM);
    struct tpm_policy p;
    struct ev_certs c = load("tpm/gcp_uca_ek_rsa.pem");
    tpm_policy_strict(&p);
    memset(&r, 0, sizeof r);
    CHECK(!tpm_ek_certificate(&r, c.cert[0], &c, &p, &roots, NOW));
    CHECK(report_noted_good(&r, "ek_certificate") && ev_report_failed(&r, "chain") &&
          strstr(ev_report_failed(&r, "chain")->why, "issuer"));
    ev_certs_release(&c);
}

/* ---- policies ---- */

TEST(a_policy_of_selection_values_and_firmware_is_met_or_refused) {
    static const char *const good =
        "{\"version\":1,\"tpm\":{\"pcr_bank\":\"sha256\",\"pcrs\":[0,1,2,3,4,5,6,7],\"pcr_values\":{\"7\":["
        "\"0000000000000000000000000000000000000000000000000000000000000000\","
        "\"f014e5cbfa297ee787a976abc51bc1d67e23e1b9e4a60128a1106dd0adef0c5b\"]},\"firmware\":[\"2020031200120004\"]}}";
    static const char *const bad[][2] = {
        {"{\"version\":1,\"tpm\":{\"pcr_bank\":\"sha256\",\"pcrs\":[0,1,2,3,4,5,6]}}", "pcr_selection"},
        {"{\"version\":1,\"tpm\":{\"pcr_bank\":\"sha384\",\"pcrs\":[0,1,2,3,4,5,6,7]}}", "pcr_selection"},
        {"{\"version\":1,\"tpm\":{\"pcr_bank\":\"sha256\",\"pcrs\":[0,1,2,3,4,5,6,7],\"pcr_values\":{\"0\":["
         "\"f014e5cbfa297ee787a976abc51bc1d67e23e1b9e4a60128a1106dd0adef0c5b\"]}}}",
         "pcr_values"},
        {"{\"version\":1,\"tpm\":{\"firmware\":[\"2020031200120005\"]}}", "firmware"},
    };
    struct ev_input in = azure();
    struct ev_policy *p = policy_of(good);
    CHECK(p != NULL);
    in.policy = p;
    CHECK(comes_to("policy", &in, EV_OK, NULL) && report_noted_good(&r, "pcr_values") && !report_unchecked(&r, "pcr_selection"));
    CHECK(report_unchecked(&r, "pcr_values")); /* PCR 7 alone does not say what was booted */
    in.evidence.n = msg_n + sig_n;
    CHECK(comes_to("values absent", &in, EV_REFUSED, "pcr_values"));
    ev_policy_free(p);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        in = azure();
        CHECK((p = policy_of(bad[i][0])) != NULL);
        in.policy = p;
        CHECK(comes_to(bad[i][1], &in, EV_REFUSED, bad[i][1]));
        ev_policy_free(p);
    }
}

TEST(a_policy_that_leans_on_resettable_pcrs_or_knows_more_than_we_do_is_an_error) {
    static const char *const bad[] = {
        "{\"pcr_bank\":\"sha256\",\"pcrs\":[0,16]}",
        "{\"pcr_bank\":\"sha256\",\"pcrs\":[23]}",
        "{\"pcr_bank\":\"sha256\",\"pcrs\":[24]}",
        "{\"pcr_bank\":\"sha256\",\"pcrs\":[1,1]}",
        "{\"pcr_bank\":\"sha256\",\"pcrs\":[]}",
        "{\"pcr_bank\":\"sha1\",\"pcrs\":[0]}",
        "{\"pcr_bank\":\"sha256\"}",
        "{\"pcrs\":[0]}",
        "{\"pcr_values\":{\"0\":[\"00\"]}}",
        "{\"pcr_bank\":\"sha256\",\"pcrs\":[0],\"pcr_values\":{\"0\":[\"00\"]}}",
        "{\"pcr_bank\":\"sha256\",\"pcrs\":[0],\"pcr_values\":{\"1\":[]}}",
        "{\"pcr_bank\":\"sha256\",\"pcrs\":[0,10],\"boot_pcrs\":[10]}",
        "{\"pcr_bank\":\"sha256\",\"pcrs\":[0],\"boot_pcrs\":[1]}",
        "{\"firmware\":[\"20\"]}",
        "{\"ek_roots\":[]}",
        "{\"activators_needed\":0}",
        "{\"activators\":[\"0000000000000000000000000000000000000000000000000000000000000000\"],\"activators_needed\":2}",
        "{\"software_tpm\":true}",
        "{\"roots\":[]}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        json_t *j = NULL;
        struct tpm_policy p;
        struct why why = {""};
        CHECK_INT(json_parse(&j, bad[i], strlen(bad[i]), NULL), 0);
        if (tpm_policy_read(j, &p, &why) == 0) printf("# %s\n", bad[i]);
        CHECK_INT(tpm_policy_read(j, &p, &why), ERR_FORMAT);
        CHECK(why.text[0]);
        json_decref(j);
    }
}

/* ---- the forms, and keys ---- */

TEST(the_wire_form_holds_the_same_quote) {
    struct ev_input in = azure();
    struct tpm_container c;
    struct tpm_pcrs values;
    struct tpm_signature sig;
    struct tpm_signature_hold hold;
    struct tpm_ak ak;
    uint8_t wire[4096], tail[400];
    struct why why = {""};
    CHECK_INT(tpm_ak_read(in.key, &ak), 0);
    CHECK_INT(tpm_container_read(in.evidence, &c, &why), 0);
    CHECK_INT(tpm_container_signature(&c, ak.key, &sig, &hold), 0);
    CHECK_INT(tpm_container_pcrs(&c, &values), 0);
    struct writer t = writer_over(tail, sizeof tail), w = writer_over(wire, sizeof wire);
    write_u16(&t, TPM_ALG_RSASSA);
    write_u16(&t, TPM_ALG_SHA256);
    write_block16(&t, sig.r.p, sig.r.n);
    write_block16(&w, doc, msg_n);
    write_bytes(&w, tail, t.len);
    write_u8(&w, 8);
    for (int i = 0; i < 8; i++) write_bytes(&w, values.value[i], 32);
    CHECK(!w.err && !t.err);
    tpm_container_release(&c);
    tpm_ak_release(&ak);
    in.evidence = (struct ev_bytes){wire, w.len};
    CHECK(comes_to("wire", &in, EV_OK, NULL) && report_noted_good(&r, "pcr_digest"));
    CHECK_STR(report_fact(&r, "form"), "wire");
    in.evidence.n--;
    CHECK(comes_to("cut", &in, EV_UNSUPPORTED, "format"));
    wire[w.len] = 0;
    in.evidence.n += 2;
    CHECK(comes_to("longer", &in, EV_UNSUPPORTED, "format"));
    wire[2 + msg_n + t.len] = 7;
    in.evidence.n = w.len - 32;
    CHECK(comes_to("fewer values than are signed", &in, EV_UNSUPPORTED, "format"));
    struct writer again = writer_over(wire, sizeof wire); /* files, with a TPMT_SIGNATURE */
    write_bytes(&again, doc, msg_n);
    write_bytes(&again, tail, t.len);
    in.evidence.n = again.len;
    CHECK(comes_to("TPMT_SIGNATURE", &in, EV_OK, NULL));
}

TEST(a_claimed_selection_that_is_not_the_signed_one_is_invalid) {
    struct ev_input in = azure();
    doc[msg_n + sig_n + 7] ^= 0x80; /* claims PCR 0 to 6 only */
    CHECK(comes_to("claim", &in, EV_INVALID, "pcr_digest"));
}

/* RSA-2048, RSASSA with SHA-256, attributes of go-attestation's AKs. */
static size_t public_of(EVP_PKEY *k, uint32_t attributes, uint8_t *out, size_t cap) {
    BIGNUM *n = NULL;
    uint8_t modulus[256];
    CHECK(EVP_PKEY_get_bn_param(k, "n", &n) == 1 && BN_bn2binpad(n, modulus, 256) == 256);
    BN_free(n);
    struct writer w = writer_over(out, cap);
    write_u16(&w, TPM_ALG_RSA);
    write_u16(&w, TPM_ALG_SHA256);
    write_u32(&w, attributes);
    write_u16(&w, 0);
    write_u16(&w, TPM_ALG_NULL);
    write_u16(&w, TPM_ALG_RSASSA);
    write_u16(&w, TPM_ALG_SHA256);
    write_u16(&w, 2048);
    write_u32(&w, 0);
    write_block16(&w, modulus, 256);
    CHECK(!w.err);
    return w.len;
}

TEST(a_public_area_as_key_has_its_attributes_checked) {
    struct ev_input in = azure();
    struct tpm_ak ak;
    uint8_t area[2 + 512];
    CHECK_INT(tpm_ak_read(in.key, &ak), 0);
    size_t n = public_of(ak.key, 0x50472, area + 2, sizeof area - 2);
    in.key = (struct ev_bytes){area + 2, n};
    CHECK(comes_to("TPMT_PUBLIC", &in, EV_OK, NULL) && report_noted_good(&r, "ak_attributes") &&
          !report_unchecked(&r, "ak_attributes"));
    area[0] = (uint8_t)(n >> 8), area[1] = (uint8_t)n;
    in.key = (struct ev_bytes){area, n + 2};
    CHECK(comes_to("TPM2B_PUBLIC", &in, EV_OK, NULL) && report_noted_good(&r, "ak_attributes"));
    static const uint32_t wrong[] = {0x40472, 0x10472, 0x50470, 0x50462, 0x50452, 0x70472};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        in.key = (struct ev_bytes){area, public_of(ak.key, wrong[i], area, sizeof area)};
        CHECK(comes_to("attributes", &in, EV_INVALID, "ak_attributes"));
    }
    tpm_ak_release(&ak);
}

/* ---- digests ---- */

TEST(policy_digests_are_those_of_the_formula_computed_elsewhere) {
    struct tpm_pcrs p = {.select = tpm_selection_of(TPM_ALG_SHA256, 1)};
    uint8_t pcr[32] = {0}, both[32];
    char hex[65];
    /* one PCR, 0, of zeros: SHA-256(00*32 || 0000017f || 00000001 000b 03 010000 || SHA-256(00*32)) */
    CHECK_INT(tpm_policy_pcr(pcr, &p), 0);
    hex_encode(hex, pcr, 32);
    CHECK_STR(hex, "093ceb41181d47808862d7946268ee6a17a10e3d1b79b32351bc56e4beaceff0");
    CHECK_INT(tpm_policy_pcr_auth(&p, both), 0);
    hex_encode(hex, both, 32);
    CHECK_STR(hex, "a7075d43faf6ddc382f3cf8300615a280a3685185358b4b9bf3ec1d51a1861ea");
}

TESTS_MAIN("tpm_quote", T(azures_quote_with_a_known_nonce_is_good), T(azures_certificate_of_another_ak_is_not_this_keys),
           T(azures_confidential_vm_binds_the_ak_to_its_processor),
           T(a_policy_that_names_programs_is_not_met_without_a_list_of_them),
           T(azure_ak_is_cross_checked_with_the_report_of_the_processor),
           T(a_software_tpm_and_a_key_that_vouches_for_itself_are_refused), T(keylimes_form_is_read_and_its_sha1_not_taken),
           T(an_attestation_without_a_signature_shows_nothing), T(real_certificates_are_of_their_kind),
           T(googles_certificates_chain_to_their_root),
           T(an_ek_with_a_critical_name_is_read_and_its_missing_issuer_is_what_fails),
           T(a_policy_of_selection_values_and_firmware_is_met_or_refused),
           T(a_policy_that_leans_on_resettable_pcrs_or_knows_more_than_we_do_is_an_error), T(the_wire_form_holds_the_same_quote),
           T(a_claimed_selection_that_is_not_the_signed_one_is_invalid), T(a_public_area_as_key_has_its_attributes_checked),
           T(policy_digests_are_those_of_the_formula_computed_elsewhere))
