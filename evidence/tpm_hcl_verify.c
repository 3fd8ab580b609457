/* evidence/tpm_hcl_verify.c - see tpm_hcl_verify.h. */
#include "evidence/tpm_hcl_verify.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

/* What failed in the processor's report fails here, what it says is told here, and what could not be checked there was not here. */
static void fold(struct ev_report *r, const struct ev_report *cpu) {
    for (unsigned i = 0; i < cpu->factors; i++)
        if (!cpu->factor[i].ok) ev_fail(r, cpu->factor[i].name, cpu->factor[i].as, "SEV-SNP report: %.130s", cpu->factor[i].why);
    for (unsigned i = 0; i < cpu->facts; i++) ev_tell(r, cpu->fact[i].name, "%s", cpu->fact[i].text);
    for (unsigned i = 0; i < cpu->uncheckeds; i++) ev_unchecked(r, cpu->unchecked[i]);
}

static int same_key(EVP_PKEY *a, EVP_PKEY *b) {
    int same = a && b && EVP_PKEY_eq(a, b) == 1;
    ERR_clear_error();
    return same;
}

int tpm_hcl_verify(const struct ev_input *in, const struct hcl_report *h, struct ev_bytes vcek, EVP_PKEY *ak,
                   const struct tpm_trust *trust, struct ev_report *r) {
    struct ev_report *cpu = calloc(1, sizeof *cpu);
    struct ev_input with = *in;
    struct snp_report parsed;
    if (!cpu) return ev_fail(r, "hcl_report", EV_INTERNAL, "no memory");
    if (vcek.n && with.chain_count < EV_CHAIN_MAX) with.chain[with.chain_count++] = vcek;
    int signed_by_cpu = sev_snp_verify_report(&with, h->snp, NULL, trust->snp, &trust->snp_roots, cpu, &parsed);
    int good = signed_by_cpu && ev_report_verdict(cpu) == EV_OK;
    fold(r, cpu);
    free(cpu);
    if (!signed_by_cpu) return ev_fail(r, "hcl_report", EV_INVALID, "the SEV-SNP report in it is not by a processor of AMD's");
    if (memcmp(parsed.report_data, h->json_digest, 32) != 0)
        return ev_fail(r, "hcl_report", EV_INVALID, "REPORT_DATA is not the SHA-256 of its JSON");
    EVP_PKEY *named = hcl_ak(h);
    int same = named && (!ak || same_key(named, ak));
    EVP_PKEY_free(named);
    return ev_check(r, "hcl_report", same, EV_INVALID, "HCLAkPub is not the key that was given for the AK") && good;
}
