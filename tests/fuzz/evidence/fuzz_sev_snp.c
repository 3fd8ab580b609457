/* Fuzz: SEV-SNP reports and the table of certificates, up to the verdict. The input is a report, then a certificate (DER or PEM) or a
 * table. None may verify with this nonce, which no real report was made for. */
#include "tests/fuzz/fuzz.h"

#include "evidence/sev_snp.h"
#include "evidence/sev_snp_table.h"

enum { NOW = 1704067200 };

static void read_table(const uint8_t *data, size_t n) {
    struct snp_table t;
    if (sev_snp_table_read(&t, (struct ev_bytes){data, n}) != 0) {
        CHECK(t.chain_count == 0 && t.crl.n == 0);
        return;
    }
    CHECK(t.chain_count <= EV_CHAIN_MAX && t.others <= SNP_TABLE_ENTRIES_MAX);
    for (unsigned i = 0; i < t.chain_count; i++)
        CHECK(t.chain[i].n > 0 && t.chain[i].p >= data && t.chain[i].p + t.chain[i].n <= data + n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static struct ev_report r;
    struct snp_policy policy;
    struct snp_report parsed;
    struct snp_anchors pinned = snp_pinned();
    size_t head = n < SNP_REPORT_BYTES ? n : SNP_REPORT_BYTES;
    char *report = fuzz_copy(data, head), *rest = fuzz_copy(data + head, n - head);
    int e = snp_report_read(&parsed, (struct ev_bytes){(const uint8_t *)report, head});
    CHECK(e != 0 || (parsed.version >= 2 && parsed.version <= 5 && parsed.signing_key <= 7));
    read_table((const uint8_t *)rest, n - head);
    snp_policy_strict(&policy);
    struct ev_input in = {.evidence = {(const uint8_t *)report, head},
                          .chain = {{(const uint8_t *)rest, n - head}},
                          .chain_count = n > head,
                          .nonce = {(const uint8_t *)"nonce", 5},
                          .now = NOW};
    r = (struct ev_report){.best = EV_CLASS_NONE};
    sev_snp_verify_with(&in, &policy, &pinned, &r);
    CHECK(r.factors > 0 && ev_report_verdict(&r) != EV_OK && ev_report_verdict(&r) != EV_INTERNAL);
    free(report);
    free(rest);
    return 0;
}
