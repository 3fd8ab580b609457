/* evidence/tdx.h - quotes of Intel TDX: what a trust domain was started from, signed by the platform's quoting enclave.
 *
 * Of ev_input: evidence is the quote, versions 4 and 5, of TDX 1.0 and 1.5 (evidence/tdx_quote.h); it brings its PCK certificate and issuers.
 * chain may add certificates. event_log is the firmware's log (CCEL), which must give the quoted RTMRs. collateral is what Intel publishes for the platform (evidence/tdx_collateral.h); without it signatures and
 * chain are judged and the level is not. The nonce is REPORTDATA, 64 bytes; a shorter one stands at its beginning with zeros after it.
 *
 * In this order, with what each becomes when it fails:
 *     format           unsupported  not a TD's quote, or cut; bytes after it that are not zero; collateral that is none
 *     version          unsupported  not 4 or 5, or a body of another kind
 *     certificates     unsupported  not certificates, or too many; invalid: no PCK certificate among them
 *     chain, dates, revoked  invalid   of the PCK certificate to Intel's root, with the revocation lists where collateral has them
 *     qe_signature     invalid      of the quoting enclave's report, by the PCK certificate
 *     qe_report_data   invalid      is not SHA-256(attestation key || authentication data), then zeros
 *     qe_identity      invalid      the enclave that signed is not Intel's TD quoting enclave, by signing key and product number; with
 *                                   collateral also: not signed by Intel, out of date, or of another enclave
 *     signature        invalid      over header and body, by the attestation key
 *     collateral       refused      the policy requires it, and there is none, or it has no revocation lists
 *     tcb_info         invalid      not signed by Intel's key for such, out of date, or of another platform (FMSPC, PCE)
 *     tcb_module       invalid      the TDX module's signer or attributes are not Intel's (with or without collateral), or its version is
 *                                   none that Intel lists
 *     tcb_status       refused      the worst of platform, module and enclave is none that the policy takes
 *     tcb_evaluation   refused      the collateral's evaluation number is under the policy's
 *     debug            refused      the host can read the domain's memory, or another bit of TUD is set
 *     td_attributes    refused      SEPT_VE_DISABLE is not set, or not one of the policy's values; it can migrate; bits not known
 *     xfam, mrtd, rtmr0 to rtmr3, mr_config, fmspc, platform_allowed   refused   none of the policy's
 *     event_log        unsupported, invalid, refused   evidence/tdx_log.h
 *     nonce            invalid      see above
 * After chain, dates, revoked, qe_signature, qe_report_data, qe_identity or signature failed, what fails further is noted, and nothing is
 * noted as good or told.
 * Unchecked: what the caller or the policy gave nothing for; "measurement" unless the policy lists mrtd, rtmr1 and
 * rtmr2, which together name firmware, kernel and command line: each alone says nothing of what runs. */
#ifndef EVIDENCE_TDX_H
#define EVIDENCE_TDX_H

#include "evidence/policy_parts.h"
#include "evidence/tdx_collateral.h"
#include "evidence/tdx_quote.h"

struct tdx_policy {
    int collateral_required, event_log_required;
    unsigned statuses; /* bit 1 << enum tdx_status; never TDX_REVOKED */
    int64_t evaluation_min;
    struct ev_digests td_attributes, xfam, mrtd, rtmr[TDX_RTMRS], mr_config, fmspc, platforms;
};
/* No debugging, SEPT_VE_DISABLE; UpToDate and SWHardeningNeeded, where there is collateral. */
void tdx_policy_strict(struct tdx_policy *p);
/* All members are optional:
 *     "collateral": "required", "tcb_status": ["UpToDate", ...] (never "Revoked"), "tcb_evaluation_min": 17, "event_log": "required",
 *     "mrtd", "rtmr0".."rtmr3", "mr_config": ["<96 hex digits>", ...], "td_attributes", "xfam": ["<16, as the quote has them>", ...],
 *     "fmspc": ["<12>", ...], "platforms": ["<32, platform instance ids>", ...]. tcb_status and tcb_evaluation_min
 * demand collateral: nothing else can meet them. ERR_FORMAT. */
int tdx_policy_read(const json_t *section, struct tdx_policy *p, struct why *why);

/* best is EV_T2. */
void tdx_verify(const struct ev_input *in, struct ev_report *out);
/* The same with policy and anchors given, for tests. */
void tdx_verify_with(const struct ev_input *in, const struct tdx_policy *policy, const struct ev_anchors *anchors,
                     struct ev_report *out);

#endif
