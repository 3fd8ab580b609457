/* What must not pass as a TPM quote: each real vector with one thing wrong, and what becomes of it. The tables say by field; flips in signed
 * bytes are tried in every byte. What needs a signature of its own is in test_tpm_member.c. */
#include "evidence/policy.h"
#include "evidence/tpm_quote.h"
#include "tests/unit/evidence/maker.h"

enum { NOW = 1790000000, CAP = 1 << 16, MSG = 145, SIG = 256, FILES = MSG + SIG + 668 };
static struct ev_report r;
static uint8_t files[CAP], json[CAP], hcl[CAP], vcek[CAP], key[CAP];
static size_t json_n, hcl_n, vcek_n, key_n;
static unsigned tried, bad;
static const uint8_t nonce[32] = {0x0e, 0xfb, 0x4d, 0x54, 0x83, 0x7c, 0xed, 0xf4, 0xf6, 0x6d, 0xd7, 0x7f, 0xfc, 0xb3, 0x2a, 0x4d,
                                  0x4b, 0xd3, 0x15, 0xdf, 0xfd, 0x6c, 0xbf, 0xa5, 0x97, 0x7e, 0x4c, 0x01, 0x8c, 0x1f, 0x37, 0x2a};

static int setup(void **state) {
    (void)state;
    CHECK_INT(maker_file("tpm/azure_quote.msg", files, CAP), MSG);
    CHECK_INT(maker_file("tpm/azure_quote.sig", files + MSG, CAP - MSG), SIG);
    CHECK_INT(maker_file("tpm/azure_pcrs.bin", files + MSG + SIG, CAP - MSG - SIG), 668);
    key_n = maker_file("tpm/azure_ak.pub", key, CAP);
    json_n = maker_file("tpm/az_snp_tpm-quote-v1.json", json, CAP);
    hcl_n = maker_file("tpm/az_snp_hcl-report.bin", hcl, CAP);
    vcek_n = maker_file("tpm/az_snp_vcek.pem", vcek, CAP);
    return 0;
}
static struct ev_input of_files(size_t n) {
    return (struct ev_input){.evidence = {files, n}, .key = {key, key_n}, .nonce = {nonce, 32}, .now = NOW};
}
static struct ev_input of_json(void) {
    return (struct ev_input){
        .evidence = {json, json_n}, .key = {hcl, hcl_n}, .chain = {{vcek, vcek_n}}, .chain_count = 1, .now = NOW};
}
/* want EV_OK stands for: anything but good. */
static void judge(const char *what, struct ev_input in, enum ev_verdict want, const char *factor) {
    in.policy = ev_policy_strict();
    ev_verify(EV_TPM_QUOTE, &in, &r);
    tried++;
    enum ev_verdict v = ev_report_verdict(&r);
    if (want != EV_OK)
        bad += !maker_judged(what, &r, want, factor);
    else if (v == EV_OK || v == EV_INTERNAL)
        printf("# %s: verdict %d\n", what, v), bad++;
}

/* ---- the fields of the attestation, in files ---- */

struct field {
    const char *name;
    size_t from, to;
    enum ev_verdict want; /* EV_OK: any but good, as a length moves what follows */
    const char *factor;
};
static const struct field fields[] = {
    {"magic", 0, 4, EV_INVALID, "magic"},
    {"type", 4, 6, EV_OK, NULL},
    {"length of signer", 6, 8, EV_OK, NULL},
    {"signer", 8, 42, EV_INVALID, "signature"},
    {"length of nonce", 42, 44, EV_OK, NULL},
    {"nonce", 44, 76, EV_INVALID, "nonce"},
    {"clock", 76, 84, EV_INVALID, "signature"},
    {"reset count", 84, 88, EV_INVALID, "signature"},
    {"restart count", 88, 92, EV_INVALID, "signature"},
    {"safe", 92, 93, EV_OK, NULL},
    {"firmware", 93, 101, EV_INVALID, "signature"},
    {"banks", 101, 105, EV_OK, NULL},
    {"bank", 105, 107, EV_OK, NULL},
    {"length of bitmap", 107, 108, EV_OK, NULL},
    {"bitmap", 108, 111, EV_INVALID, "signature"},
    {"length of digest", 111, 113, EV_OK, NULL},
    {"digest", 113, 145, EV_INVALID, "pcr_digest"},
    {"signature", MSG, MSG + SIG, EV_INVALID, "signature"},
    {"PCR file: banks", MSG + SIG, MSG + SIG + 4, EV_INVALID, "pcr_digest"},
    {"PCR file: bank and bitmap", MSG + SIG + 4, MSG + SIG + 10, EV_INVALID, "pcr_digest"},
    {"PCR file: lists", MSG + SIG + 132, MSG + SIG + 136, EV_INVALID, "pcr_digest"},
    {"PCR file: count", MSG + SIG + 136, MSG + SIG + 140, EV_INVALID, "pcr_digest"},
    {"PCR file: size of value 0", MSG + SIG + 140, MSG + SIG + 142, EV_INVALID, "pcr_digest"},
    {"PCR file: value 0", MSG + SIG + 142, MSG + SIG + 174, EV_INVALID, "pcr_digest"},
    {"PCR file: value 7", MSG + SIG + 604, MSG + SIG + 636, EV_INVALID, "pcr_digest"},
};

TEST(a_flipped_bit_in_any_field_has_its_verdict) {
    bad = 0;
    for (size_t f = 0; f < sizeof fields / sizeof *fields; f++)
        for (size_t at = fields[f].from; at < fields[f].to; at++)
            for (unsigned bit = (unsigned)at % 4; bit < 8; bit += 5) {
                files[at] ^= (uint8_t)(1 << bit);
                judge(fields[f].name, of_files(FILES), fields[f].want, fields[f].factor);
                files[at] ^= (uint8_t)(1 << bit);
            }
    CHECK_INT(bad, 0);
}

TEST(cut_and_lengthened_files_have_their_verdict) {
    bad = 0;
    for (size_t n = 1; n < MSG; n += 3) judge("attestation cut", of_files(n), EV_UNSUPPORTED, "format");
    judge("no signature", of_files(MSG), EV_INVALID, "signature");
    for (size_t n = MSG + 1; n < MSG + SIG; n += 17) judge("signature cut", of_files(n), EV_INVALID, "signature");
    for (size_t n = MSG + SIG + 1; n < MSG + SIG + 136; n += 27)
        judge("a piece of a PCR file", of_files(n), EV_INVALID, "signature");
    for (size_t n = MSG + SIG + 136; n < FILES; n += 61) judge("PCR file cut", of_files(n), EV_INVALID, "pcr_digest");
    files[FILES] = 0;
    judge("a byte more", of_files(FILES + 1), EV_INVALID, "pcr_digest");
    files[FILES] = 0x5a;
    judge("a byte more", of_files(FILES + 1), EV_INVALID, "pcr_digest");
    judge("nothing", of_files(0), EV_UNSUPPORTED, "format");
    judge("far too much", of_files(TPM_FILES_BYTES_MAX + 1), EV_UNSUPPORTED, "format");
    CHECK_INT(bad, 0);
}

TEST(wrong_type_key_and_nonce_have_their_verdict) {
    bad = 0;
    static const struct {
        uint8_t type[2];
        enum ev_verdict want;
        const char *factor;
    } types[] = {{{0x80, 0x17}, EV_INVALID, "type"},     {{0x80, 0x19}, EV_INVALID, "type"},
                 {{0x80, 0x14}, EV_INVALID, "type"},     {{0x80, 0x1a}, EV_INVALID, "type"},
                 {{0x80, 0x1b}, EV_UNSUPPORTED, "type"}, {{0x00, 0x18}, EV_UNSUPPORTED, "type"}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        memcpy(files + 4, types[i].type, 2);
        judge("type", of_files(FILES), types[i].want, types[i].factor);
    }
    memcpy(files + 4, "\x80\x18", 2);
    struct ev_input in = of_files(FILES);
    in.nonce.n = 31;
    judge("a shorter nonce", in, EV_INVALID, "nonce");
    in.nonce = (struct ev_bytes){files, 32};
    judge("another nonce", in, EV_INVALID, "nonce");
    in = of_files(FILES);
    in.key = (struct ev_bytes){hcl, hcl_n};
    judge("another machine's AK", in, EV_INVALID, "signature");
    in.key = (struct ev_bytes){files, 40};
    judge("no key", in, EV_UNSUPPORTED, "key");
    in.key = (struct ev_bytes){0};
    judge("key not given", in, EV_INVALID, "signature");
    in = of_files(FILES);
    in.chain[in.chain_count++] = (struct ev_bytes){vcek, vcek_n};
    judge("certificates of another thing", in, EV_INVALID, "ak_certificate");
    in.chain[0] = (struct ev_bytes){files, 100};
    judge("no certificates", in, EV_UNSUPPORTED, "certificates");
    uint8_t early[200] = {0};
    in = of_files(FILES);
    in.evidence = (struct ev_bytes){early, sizeof early};
    judge("zeros", in, EV_UNSUPPORTED, "format");
    CHECK_INT(bad, 0);
}

/* ---- JSON, and Azure's report ---- */

/* Changes the byte `at` behind the member's opening quote. */
static void at_member(const char *name, size_t at, const char *to, enum ev_verdict want, const char *factor) {
    char find[40];
    size_t n = strlen(to);
    snprintf(find, sizeof find, "\"%s\": ", name);
    uint8_t *p = memmem(json, json_n, find, strlen(find)), was[16];
    CHECK(p != NULL);
    p += strlen(find) + at;
    memcpy(was, p, n);
    if (memcmp(was, to, n) == 0) to = "f"; /* a change it must be */
    memcpy(p, to, n);
    judge(name, of_json(), want, factor);
    memcpy(p, was, n);
}

TEST(json_with_one_thing_wrong_has_its_verdict) {
    bad = 0;
    struct ev_input whole = of_json();
    whole.policy = ev_policy_strict();
    ev_verify(EV_TPM_QUOTE, &whole, &r);
    CHECK(maker_judged("as it is", &r, EV_OK, NULL)); /* so that what follows is due to the change */
    for (size_t at = 13; at < 80; at += 7) at_member("message", at, "e", EV_OK, NULL);
    at_member("message", 1, "0", EV_INVALID, "magic");
    at_member("message", 1, "z", EV_INVALID, "magic"); /* base64 of something, then */
    at_member("message", 0, "!", EV_UNSUPPORTED, "format");
    for (size_t at = 1; at < 512; at += 37) at_member("signature", at, "3", EV_INVALID, "signature");
    at_member("signature", 20, "!", EV_UNSUPPORTED, "format");
    for (size_t at = 7; at < 70; at += 9) at_member("pcrs", at, "1", EV_INVALID, "pcr_digest");
    at_member("pcrs", 10, "x", EV_UNSUPPORTED, "format");
    for (size_t n = 1; n + 1 < json_n; n += 97) {
        struct ev_input in = of_json();
        in.evidence.n = n;
        judge("JSON cut", in, EV_UNSUPPORTED, "format");
    }
    json[json_n] = 'x';
    struct ev_input in = of_json();
    in.evidence.n = json_n + 1;
    judge("JSON with a letter more", in, EV_UNSUPPORTED, "format");
    CHECK_INT(bad, 0);
}

TEST(azures_report_with_one_thing_wrong_has_its_verdict) {
    bad = 0;
    static const struct field parts[] = {
        {"HCL magic", 0, 4, EV_UNSUPPORTED, "key"},
        {"HCL version", 4, 5, EV_UNSUPPORTED, "hcl_report"},
        {"report's guest policy", 32 + 8, 32 + 16, EV_INVALID, "hcl_report"},
        {"REPORT_DATA", 32 + 0x50, 32 + 0x90, EV_INVALID, "hcl_report"},
        {"measurement", 32 + 0x90, 32 + 0xc0, EV_INVALID, "hcl_report"},
        {"chip id", 32 + 0x1a0, 32 + 0x1e0, EV_INVALID, "hcl_report"},
        {"report's signature", 32 + 0x2a0, 32 + 0x2d0, EV_INVALID, "hcl_report"},
        {"size", 1216, 1220, EV_UNSUPPORTED, "hcl_report"},
        {"inner version", 1220, 1224, EV_UNSUPPORTED, "hcl_report"},
        {"kind of processor", 1224, 1228, EV_UNSUPPORTED, "hcl_report"},
        {"hash", 1228, 1232, EV_UNSUPPORTED, "hcl_report"},
        {"length of JSON", 1232, 1236, EV_UNSUPPORTED, "hcl_report"},
        {"zeros behind", 2400, 2420, EV_UNSUPPORTED, "hcl_report"},
    };
    for (size_t f = 0; f < sizeof parts / sizeof *parts; f++)
        for (size_t at = parts[f].from; at < parts[f].to; at += 3) {
            hcl[at] ^= 0x20;
            judge(parts[f].name, of_json(), parts[f].want, parts[f].factor);
            hcl[at] ^= 0x20;
        }
    for (size_t at = 1236; at < 1236 + 1110; at += 29) { /* the JSON: malformed, or of another digest */
        hcl[at] ^= 1;
        judge("JSON of the report", of_json(), EV_OK, NULL);
        hcl[at] ^= 1;
    }
    struct ev_input in = of_json();
    for (size_t n = 4; n < 2346; n += 211) {
        in.key.n = n;
        judge("report cut", in, EV_UNSUPPORTED, "hcl_report");
    }
    in = of_json();
    in.chain_count = 0;
    judge("no VCEK", in, EV_INVALID, "hcl_report");
    in = of_json();
    in.now = 1600000000;
    judge("VCEK not yet valid", in, EV_INVALID, "dates");
    in.now = 2000000000;
    judge("VCEK expired", in, EV_INVALID, "dates");
    CHECK_INT(bad, 0);
}

TEST(another_kinds_evidence_is_no_quote) {
    bad = 0;
    static const char *const others[] = {"sev-snp/report_trustee.bin", "aws-nitro/nitro_attestation.cbor",
                                         "tpm/az_snp_hcl-report.bin", "tpm/az_snp_vcek.pem", "tpm/gcp_uca_ek_rsa.pem"};
    static uint8_t other[CAP];
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct ev_input in = of_files(FILES);
        in.evidence = (struct ev_bytes){other, maker_file(others[i], other, CAP)};
        judge(others[i], in, EV_UNSUPPORTED, "format");
    }
    for (int k = EV_KIND_NONE + 1; k < EV_KIND_END; k++) {
        struct ev_input in = of_files(FILES);
        in.policy = ev_policy_strict();
        if (k == EV_TPM_QUOTE) continue;
        ev_verify((enum ev_kind)k, &in, &r);
        tried++;
        if (ev_report_verdict(&r) == EV_OK) bad++;
    }
    CHECK_INT(bad, 0);
    printf("# %u mutations of TPM quotes\n", tried);
    CHECK(tried >= 1173); /* docs/evidence.md */
}

int main(void) {
    const struct CMUnitTest all[] = {
        T(a_flipped_bit_in_any_field_has_its_verdict),         T(cut_and_lengthened_files_have_their_verdict),
        T(wrong_type_key_and_nonce_have_their_verdict),        T(json_with_one_thing_wrong_has_its_verdict),
        T(azures_report_with_one_thing_wrong_has_its_verdict), T(another_kinds_evidence_is_no_quote)};
    if (secret_setup() != 0) return 99;
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("tpm_quote_mutations", all, setup, NULL) != 0;
}
