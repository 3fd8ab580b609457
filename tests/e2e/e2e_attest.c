/* tests/e2e/e2e_attest.c - `lull attest` as a user types it: real evidence at an explicit time, exit status, JSON, and what is told of
 * a command line or a file that cannot be followed. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/e2e/tap.h"

#define DATA "tests/data/evidence/"
static char dir[64], out[1 << 18];

/* Runs `lull attest ARGS` in an empty home; what it says on stdout (or both) in out. Returns the exit status. */
static int attest(const char *args) {
    char cmd[2000];
    const char *bin = getenv("LULL_BIN");
    snprintf(cmd, sizeof cmd, "HOME=%s %s attest %s", dir, bin ? bin : "build/lull", args);
    FILE *p = popen(cmd, "r");
    size_t n = p ? fread(out, 1, sizeof out - 1, p) : 0;
    out[n] = 0;
    int status = p ? pclose(p) : -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static int says(const char *args, int status, const char *text) {
    int got = attest(args), good = got == status && strstr(out, text);
    return tap_ok(good, "attest %.120s: exit %d%s%.300s", args, status, good ? "" : " but got ", good ? "" : out);
}

/* ---- JSON of verify ---- */

static int has_text(const json_t *list, const char *text) {
    for (size_t i = 0; i < json_array_size(list); i++)
        if (strcmp(json_string_value(json_array_get(list, i)), text) == 0) return 1;
    return 0;
}

/* Every key is there, with the type it should have. */
static int well_formed(const json_t *j) {
    const json_t *factors = json_object_get(j, "factors");
    int good = json_is_string(json_object_get(j, "verdict")) && json_is_string(json_object_get(j, "class")) &&
               json_is_string(json_object_get(j, "who_could_read")) && json_is_array(factors) && json_array_size(factors) > 0 &&
               json_is_array(json_object_get(j, "unchecked")) && json_is_integer(json_object_get(j, "at"));
    for (size_t i = 0; i < json_array_size(factors) && good; i++) {
        const json_t *f = json_array_get(factors, i);
        good = json_is_string(json_object_get(f, "name")) && json_is_boolean(json_object_get(f, "ok")) &&
               json_is_string(json_object_get(f, "why"));
    }
    return good;
}

static int factor_failed(const json_t *j, const char *name) {
    const json_t *factors = json_object_get(j, "factors");
    for (size_t i = 0; i < json_array_size(factors); i++) {
        const json_t *f = json_array_get(factors, i);
        if (strcmp(json_string_value(json_object_get(f, "name")), name) == 0 && json_is_false(json_object_get(f, "ok"))) return 1;
    }
    return 0;
}

static const char *verdict_of(int status) {
    return status == 0 ? "ok" : status == 10 ? "invalid" : status == 20 ? "refused" : status == 30 ? "unsupported" : "internal";
}

struct row {
    const char *args; /* of verify; %s: the test's folder */
    int status;
    const char *factor; /* that must have failed; NULL: none */
    const char *class;  /* NULL: any */
    const char *unchecked;
};
static void judge(const struct row *r) {
    char args[1600], filled[1400];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(filled, sizeof filled, r->args, dir, dir);
#pragma GCC diagnostic pop
    snprintf(args, sizeof args, "verify %s --json", filled);
    int status = attest(args);
    json_t *j = json_loads(out, 0, NULL);
    const char *verdict = json_string_value(json_object_get(j, "verdict")),
               *class = json_string_value(json_object_get(j, "class"));
    int good = status == r->status && j && well_formed(j) && strcmp(verdict, verdict_of(status)) == 0;
    good = good && (!r->factor || factor_failed(j, r->factor)) && (!r->class || strcmp(class, r->class) == 0);
    good = good && (!r->unchecked || has_text(json_object_get(j, "unchecked"), r->unchecked));
    tap_ok(good, "%.150s: exit %d, %s%s%.600s", filled, r->status, r->factor ? r->factor : "all good", good ? "" : " but got ",
           good ? "" : out);
    json_decref(j);
}

/* ---- real evidence ---- */

#define GPU   "--kind nvidia-gpu --evidence " DATA "nvidia-gpu/hopper_report.hex --chain " DATA "nvidia-gpu/hopper_cert_chain.pem"
#define NITRO "--kind aws-nitro --evidence " DATA "aws-nitro/nitro_attestation.cbor"
#define SNP   "--kind sev-snp --evidence " DATA "sev-snp/"
#define APPLE "--kind apple-mda --evidence "
#define TPM   "--kind tpm-quote --evidence "
#define TDX   "--kind tdx --evidence " DATA "tdx/"
static const struct row real[] = {
    {TDX "quote_v4_cos113.dat --at 2025-01-01T00:00:00Z", 0, NULL, "T2", "collateral"},
    {TDX "trustee_tdx_quote_5.dat --at 1735689600 --nonce "
         "6d6ab13b046cff606ac0074be13981b07b6325dba10b5facc96febf551c0c3be2b75f92fe1f88f4bb996969ad0174b4b7a70261b7b85c844f4b33a4"
         "674fd049f",
     0, NULL, "T2", "measurement"},
    {TDX "trustee_tdx_quote_5.dat --at 1735689600 --nonce 6d6ab13b046cff606ac0074be13981b07b6325dba10b5facc96febf551c0c3be", 10,
     "nonce", "none", NULL},
    {TDX "dcapqvl_tdx_quote.dat --collateral " DATA "tdx/dcapqvl_tdx_quote_collateral.json --at 2025-06-25T12:00:00Z", 0, NULL,
     "T2", "measurement"},
    {TDX "dcapqvl_tdx_quote.dat --collateral " DATA "tdx/dcapqvl_tdx_quote_collateral.json --at 2025-09-25T12:00:00Z", 10, NULL,
     "none", NULL}, /* what Intel publishes lasts a month */
    {TDX "quote_v4_cos113.dat --at 2045-01-01T00:00:00Z", 10, "dates", "none", NULL},
    {TDX "quote_v4_spr.dat --at 1735689600", 30, "format", "none", NULL}, /* text behind it, put there for a test */
    {APPLE DATA "sev-snp/ms_vcek_milan.pem --at 1761955200", 10, "chain", "none",
     NULL}, /* a genuine certificate, of another maker */
    {APPLE DATA "tpm/azure_quote.msg --at 1761955200", 30, NULL, "none", NULL},
    {TPM "%s/quote --key " DATA "tpm/azure_ak.pub --at 2025-11-01T00:00:00Z", 0, NULL, "T1", "nonce"},
    {TPM "%s/quote --key " DATA
         "tpm/azure_ak.pub --at 0 --nonce 0efb4d54837cedf4f66dd77ffcb32a4d4bd315dffd6cbfa5977e4c018c1f372a",
     0, NULL, "T1", "pcr_values"},
    {TPM "%s/quote --key " DATA
         "tpm/azure_ak.pub --at 0 --nonce 0efb4d54837cedf4f66dd77ffcb32a4d4bd315dffd6cbfa5977e4c018c1f372b",
     10, "nonce", "none", NULL},
    {TPM "%s/quote --at 0", 10, "signature", "none", NULL},
    {TPM DATA "tpm/trustee_tpm_evidence.json --at 1761955200", 20, "software_tpm", "none", NULL},
    {TPM DATA "tpm/az_snp_evidence-v2.json --chain " DATA "tpm/az_snp_vcek.pem --at 1761955200", 0, NULL, NULL, "measurement"},
    {TPM DATA "tpm/dstack_tpm_quote_sample.bin --key " DATA "tpm/azure_ak.pub --at 0", 10, "signature", "none", NULL},
    {SNP "report_v2_milan.hex --chain " DATA "sev-snp/vcek_milan.der --at 2025-11-01T00:00:00Z", 0, NULL, "T2", "measurement"},
    {SNP "report_v2_milan.hex --chain " DATA "sev-snp/vcek_milan.der --chain " DATA "sev-snp/ask_ark_milan.pem --at 1761955200",
     0, NULL, "T2", "nonce"},
    {SNP "report_trustee.bin --chain " DATA "sev-snp/vcek_trustee.der --at 1761955200 --nonce "
         "ec6c52d7533cc2c4f45be7849cf112ab82b2009fe7bd43e71ed08c14400ad7e2",
     0, NULL, "T2", "tcb_floor"},
    {SNP "report_trustee.bin --chain " DATA "sev-snp/vcek_trustee.der --at 1761955200 --nonce "
         "ec6c52d7533cc2c4f45be7849cf112ab82b2009fe7bd43e71ed08c14400ad7e3",
     10, "nonce", "none", NULL},
    {SNP "report_trustee.bin --chain " DATA "sev-snp/vcek_milan.der --at 1761955200", 10, NULL, "none", NULL},
    {SNP "report_vlek_trustee.bin --chain " DATA "sev-snp/vlek_trustee.der --at 1764000000", 20, "vmpl", "none", NULL},
    {SNP "report_trustee.bin --chain " DATA "sev-snp/vcek_trustee.der --at 2030-02-01T00:00:00Z", 10, "dates", "none", NULL},
    {SNP "report_trustee.bin --at 1761955200", 10, "certificates", "none", NULL},
    {SNP "vcek_milan.der --chain " DATA "sev-snp/vcek_milan.der --at 1761955200", 30, "format", "none", NULL},
    {GPU " --at 2026-11-25T10:00:00Z", 0, NULL, "none", "nonce"},
    {GPU " --at 1795600800 --nonce 931d8dd0add203ac3d8b4fbde75e115278eefcdceac5b87671a748f32364dfcb", 0, NULL, "none",
     "measurement"},
    {GPU " --at 1795600800 --nonce 931d8dd0add203ac3d8b4fbde75e115278eefcdceac5b87671a748f32364dfcc", 10, "nonce", "none", NULL},
    {GPU " --at 1262304000", 10, "dates", "none", NULL},
    {"--kind nvidia-gpu --evidence " DATA "nvidia-gpu/hopper_report.hex --at 1795600800", 30, "certificates", "none", NULL},
    {"--kind sev-snp --evidence " DATA "nvidia-gpu/hopper_report.hex --at 1795600800", 30, NULL, "none", NULL},
    {"--kind tdx --evidence " DATA "nvidia-gpu/hopper_report.hex --at 1795600800", 30, "version", "none", NULL},
    {NITRO " --at 1766678700", 0, NULL, "T2", "nonce"},
    {NITRO " --at 2000000000", 10, "dates", "none", NULL},
    {NITRO " --at 1000000000", 10, "dates", "none", NULL},
};

/* ---- policies ---- */

static int put(const char *name, const void *p, size_t n) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return file_write(path, p, n, 0600, NULL) == 0;
}

static void policies(void) {
    static const struct row rows[] = {
        {GPU " --at 1795600800 --policy %s/good", 0, NULL, "none", NULL},
        {NITRO " --at 1766678700 --policy %s/t3", 20, "class", "T2", NULL},
        {GPU " --at 1795600800 --policy %s/driver", 20, "driver", "none", NULL},
        {TDX "quote_v4_cos113.dat --at 1735689600 --policy %s/collateral", 20, "collateral", "none", NULL},
        {GPU " --at 1795600800 --policy %s/roots", 20, "policy", "none", NULL},
        {GPU " --at 1795600800 --policy %s/no-version", 20, "policy", "none", NULL},
        {GPU " --at 1795600800 --policy %s/version-2", 20, "policy", "none", NULL},
        {GPU " --at 1795600800 --policy %s/empty", 20, "policy", "none", NULL},
        {TDX "quote_v4_cos113.dat --at 1735689600 --collateral %s/empty", 30, "collateral", "none", NULL}, /* is not none */
        {TDX "quote_v4_cos113.dat --at 1735689600 --event-log %s/empty", 30, "event_log", "none", NULL},
        {TPM DATA "tpm/azure_quote.msg --at 0 --key %s/empty", 30, "key", "none", NULL},
    };
    static const char *const texts[][2] = {
        {"good", "{\"version\":1}"},
        {"driver", "{\"version\":1,\"nvidia\":{\"drivers\":[\"1.2.3\"]}}"},
        {"empty", ""},
        {"roots", "{\"version\":1,\"roots\":[\"x\"]}"},
        {"no-version", "{\"max_age\":5}"},
        {"version-2", "{\"version\":2}"},
        {"spaced", "{ \"version\": 1 }"},
        {"t0-too", "{\"version\":1,\"classes\":[\"T0\"]}"},
        {"collateral", "{\"version\":1,\"tdx\":{\"collateral\":\"required\"}}"},
        {"t3", "{\"version\":1,\"classes\":[\"T3\"]}"},
    };
    int good = 1;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) good = good && put(texts[i][0], texts[i][1], strlen(texts[i][1]));
    tap_ok(good, "policies are written");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) judge(&rows[i]);
    char args[300], digest[80] = "";
    snprintf(args, sizeof args, "policy digest %s/good", dir);
    attest(args);
    snprintf(digest, sizeof digest, "%.64s", out);
    snprintf(args, sizeof args, "policy digest %s/spaced", dir);
    says(args, 0, digest);
    says("policy digest", 0, digest); /* the built-in asks for what an empty policy asks */
    snprintf(args, sizeof args, "policy check %s/spaced", dir);
    says(args, 0, "no: the digest");
    snprintf(args, sizeof args, "policy check %s/spaced --json", dir);
    says(args, 0, "\"canonical\":false");
    snprintf(args, sizeof args, "policy check %s/roots 2>&1", dir);
    says(args, 30, "\"roots\"");
    snprintf(args, sizeof args, "policy check %s/none 2>&1", dir);
    says(args, 2, "none");
    says("policy mend 2>&1", 2, "check or digest");
}

/* ---- envelopes ---- */

static void envelopes(void) {
    static const struct row rows[] = {
        {"%s/t0.json --at 1795600800", 20, "class", "T0", "software"},
        {"%s/t0.cbor --at 1795600800", 20, "class", "T0", "software"},
        {"%s/t0.cbor --at 1795600800 --policy %s/t0-too", 0, NULL, "T0", "software"},
        {"%s/big --at 1795600800", 30, "size", "none", NULL},
        {"%s/full --at 1795600800", 30, "envelope", "none", NULL},
        {"%s/empty --at 1795600800", 30, "envelope", "none", NULL},
        {DATA "rats-cmw/collection-example-2.json --at 1795600800", 30, "envelope", "none", NULL},
        {DATA "rats-cmw/cmw-example-1.json --at 1795600800", 30, "envelope", "none", NULL},
        {"%s/t0.json --at 1795600800 --keys %s/empty", 30, "keys", "none", NULL},
        {"--kind tdx --evidence %s/big --at 1795600800", 30, "size", "none", NULL},
        {"--kind tdx --evidence %s/empty --at 1795600800", 30, NULL, "none", NULL},
    };
    static char spaces[(4 << 20) + 1];
    char args[300];
    memset(spaces, ' ', sizeof spaces);
    tap_ok(put("big", spaces, sizeof spaces) && put("full", spaces, sizeof spaces - 1), "files are written");
    snprintf(args, sizeof args, "collect --out %s/t0.json", dir);
    says(args, 0, "class T0");
    snprintf(args, sizeof args, "collect --out %s/t0.cbor --cbor", dir);
    says(args, 0, "class T0");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) judge(&rows[i]);
    snprintf(args, sizeof args, "show %s/t0.cbor --json", dir);
    says(args, 0, "\"program_sha256\"");
    snprintf(args, sizeof args, "show %s/t0.json", dir);
    says(args, 0, "verified                 false");
    says("show " DATA "rats-cmw/collection-example-2.json", 0, "attester A");
    says("show --kind nvidia-gpu " DATA "nvidia-gpu/hopper_report.hex --chain " DATA "nvidia-gpu/hopper_cert_chain.pem", 0,
         "driver                   550.90.07");
    snprintf(args, sizeof args, "show %s/big 2>&1", dir);
    says(args, 30, "larger than 4194304");
}

/* ---- command lines ---- */

static void command_lines(void) {
    says("--help", 0, "lull attest verify");
    says("2>&1", 2, "usage");
    says("mend 2>&1", 2, "usage");
    says("verify --help", 0, "30: unsupported");
    says("show --help", 0, "--kind");
    says("collect --help", 0, "--out");
    says("policy --help", 0, "check|digest");
    says("verify 2>&1", 2, "FILE");
    says("verify none 2>&1", 2, "none");
    says("verify tests 2>&1", 2, "not a regular file");
    says("verify --kind sgx --evidence README.md 2>&1", 2, "--kind");
    says("verify --kind tdx 2>&1", 2, "--evidence");
    says("verify README.md --kind tdx --evidence README.md 2>&1", 2, "either");
    says("verify README.md --chain README.md 2>&1", 2, "--chain");
    says("verify --kind tdx --evidence README.md --tls 2>&1", 2, "--tls");
    says("verify --kind tdx --evidence README.md --at yesterday 2>&1", 2, "--at");
    says("verify --kind tdx --evidence README.md --nonce xy 2>&1", 2, "--nonce");
    says("verify README.md --nonce 00 2>&1", 2, "32 bytes");
    says("verify README.md --channel 2 2>&1", 2, "--channel");
    says("verify README.md --activated 00:11 2>&1", 2, "--activated");
    says("verify --kind tdx --evidence README.md --policy none 2>&1", 2, "none");
    says("verify --kind tdx --evidence README.md --chain none 2>&1", 2, "none");
    says("verify --kind tdx --evidence README.md --frob 2>&1", 2, "--frob");
    says(NITRO " 2>/dev/null", 2, "");
    says("verify " NITRO, 10, "this machine's clock");
    says("verify " NITRO " --json", 10, "\"at_source\":\"clock\"");
    says("verify " NITRO " --at 0", 10, "1970-01-01T00:00:00Z, as given");
    says("collect 2>&1", 2, "--out");
    says("collect --out /nowhere/x 2>&1", 1, "/nowhere/x");
}

/* `cat quote.msg quote.sig pcrs.bin`, as tpm2-tools left them. */
static int join_quote(void) {
    static const char *const names[] = {DATA "tpm/azure_quote.msg", DATA "tpm/azure_quote.sig", DATA "tpm/azure_pcrs.bin"};
    struct buf all, one;
    int good = 1;
    buf_init(&all, 65536);
    for (size_t i = 0; i < 3 && good; i++) {
        good = file_read(&one, names[i], 65536, NULL) == 0 && buf_add(&all, one.data, one.len) == 0;
        if (good) buf_release(&one);
    }
    good = good && put("quote", all.data, all.len);
    buf_release(&all);
    return good;
}

int main(void) {
    snprintf(dir, sizeof dir, "/tmp/lull-attest-XXXXXX");
    if (!mkdtemp(dir)) return 99;
    tap_ok(join_quote(), "a quote's files are put together");
    for (size_t i = 0; i < sizeof real / sizeof *real; i++) judge(&real[i]);
    policies();
    envelopes();
    command_lines();
    char cmd[100];
    snprintf(cmd, sizeof cmd, "rm -r %s", dir);
    tap_ok(system(cmd) == 0, "cleaned up");
    return tap_done();
}
