/* bench_verdict - what a verdict costs, kind by kind: real evidence of tests/data/evidence, from bytes in memory to the report, chains to the
 * pinned roots and all. No file, network or clock is in it.
 *
 *     bench_verdict [ROUNDS]        a table in Markdown (docs/benchmarks-evidence.md); 400 rounds of each
 *
 * First is the very first verdict of the process on that kind, with the pinned certificates read for the first time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/attest_piece.h"
#include "evidence/policy.h"

#define DATA "tests/data/evidence/"
enum { ROUNDS = 400, ROUNDS_MAX = 20000 };

struct row {
    const char *shown, *kind, *evidence, *chain[2], *key, *collateral, *at;
};
static const struct row rows[] = {
    {"SEV-SNP, Milan, VCEK", "sev-snp", "sev-snp/report_v2_milan.hex", {"sev-snp/vcek_milan.der"}, NULL, NULL, "1761955200"},
    {"SEV-SNP, Milan, VLEK",
     "sev-snp",
     "sev-snp/report_vlek_trustee.bin",
     {"sev-snp/vlek_trustee.der"},
     NULL,
     NULL,
     "1764000000"},
    {"TDX v4, no collateral", "tdx", "tdx/quote_v4_cos113.dat", {NULL}, NULL, NULL, "1735689600"},
    {"TDX v5, no collateral", "tdx", "tdx/trustee_tdx_quote_5.dat", {NULL}, NULL, NULL, "1735689600"},
    {"TDX v4, collateral given",
     "tdx",
     "tdx/dcapqvl_tdx_quote.dat",
     {NULL},
     NULL,
     "tdx/dcapqvl_tdx_quote_collateral.json",
     "2025-06-25T12:00:00Z"},
    {"TPM quote and Azure's HCL report",
     "tpm-quote",
     "tpm/az_snp_evidence-v2.json",
     {"tpm/az_snp_vcek.pem"},
     NULL,
     NULL,
     "1761955200"},
    {"NVIDIA Hopper",
     "nvidia-gpu",
     "nvidia-gpu/hopper_report.hex",
     {"nvidia-gpu/hopper_cert_chain.pem"},
     NULL,
     NULL,
     "1795600800"},
    {"AWS Nitro", "aws-nitro", "aws-nitro/nitro_attestation.cbor", {NULL}, NULL, NULL, "1766678700"},
};

static const char *path(const char *name, char room[256]) {
    if (!name) return NULL;
    snprintf(room, 256, DATA "%s", name);
    return room;
}

static int by_value(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static int load(struct piece *p, const struct row *row) {
    char room[5][256];
    static struct ev_report unread;
    struct why why = {{0}};
    struct piece_names n = {.kind = row->kind,
                            .evidence = path(row->evidence, room[0]),
                            .key = path(row->key, room[1]),
                            .collateral = path(row->collateral, room[2])};
    for (int i = 0; i < 2 && row->chain[i]; i++) n.chain.item[n.chain.count++] = path(row->chain[i], room[3 + i]);
    int r = piece_read(p, &n, &unread, &why);
    if (r != 0) fprintf(stderr, "bench_verdict: %s\n", why_text(&why, r));
    return r;
}

/* One kind's line. */
static int measure(const struct row *row, size_t rounds) {
    static uint64_t ns[ROUNDS_MAX + 1];
    static struct ev_report report;
    struct piece p;
    struct why why = {{0}};
    int64_t at;
    int r = load(&p, row);
    if (r == 0) r = attest_time_read(&at, row->at, &why);
    for (size_t i = 0; r == 0 && i <= rounds; i++) {
        struct ev_input in = piece_input(&p, ev_policy_strict(), at);
        uint64_t from = clock_mono_ns();
        ev_verify(ev_kind_named(row->kind), &in, &report);
        ns[i] = clock_mono_ns() - from;
    }
    if (r == 0) {
        uint64_t first = ns[0];
        qsort(ns + 1, rounds, sizeof *ns, by_value);
        printf("| %s | %zu | %s | %.3f | %.3f | %.3f |\n", row->shown, p.evidence.len,
               ev_verdict_name(ev_report_verdict(&report)), (double)first * 1e-6, (double)ns[1 + rounds / 2] * 1e-6,
               (double)ns[1 + rounds * 99 / 100] * 1e-6);
    }
    piece_release(&p);
    return r;
}

int main(int argc, char **argv) {
    size_t rounds = argc > 1 ? (size_t)atoi(argv[1]) : ROUNDS;
    int r = 0;
    if (rounds < 1 || rounds > ROUNDS_MAX) return 2;
    printf("| evidence | bytes | verdict | first, ms | p50, ms | p99, ms |\n|---|---|---|---|---|---|\n");
    for (size_t i = 0; r == 0 && i < sizeof rows / sizeof *rows; i++) r = measure(&rows[i], rounds);
    return r != 0;
}
