/* evidence/ev_verify.c - one piece of evidence, by kind: the table that joins the verifiers. See evidence.h. */
#include "evidence/apple_mda.h"
#include "evidence/evidence.h"
#include "evidence/nitro.h"
#include "evidence/nvidia_gpu.h"
#include "evidence/sev_snp.h"
#include "evidence/tdx.h"
#include "evidence/tpm_quote.h"

typedef void verifier(const struct ev_input *in, struct ev_report *out);

/* A kind without a row is one that this build does not read. */
static verifier *const verifiers[EV_KIND_END] = {
    [EV_KIND_NONE] = NULL,
    [EV_AWS_NITRO] = nitro_verify,
    [EV_SEV_SNP] = sev_snp_verify,
    [EV_NVIDIA_GPU] = nvidia_gpu_verify,
    [EV_TDX] = tdx_verify,
    [EV_TPM_QUOTE] = tpm_quote_verify,
    [EV_APPLE_MDA] = apple_mda_verify,
};

void ev_verify(enum ev_kind kind, const struct ev_input *in, struct ev_report *out) {
    *out = (struct ev_report){.best = EV_CLASS_NONE};
    verifier *verify = (unsigned)kind < EV_KIND_END ? verifiers[kind] : NULL;
    if (verify)
        verify(in, out);
    else
        ev_fail(out, "kind", EV_UNSUPPORTED, "this build does not verify evidence of kind \"%s\"", ev_kind_name(kind));
}
