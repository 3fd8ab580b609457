/* evidence/nvidia_gpu.h - attestation reports of NVIDIA GPUs (Hopper, Blackwell): an SPDM 1.1 GET_MEASUREMENTS request and its response,
 * signed by the GPU.
 *
 * Of ev_input: evidence is one report, as bytes or as hex (white space behind it is fine), at most NVIDIA_REPORT_MAX bytes; chain holds the
 * GPU's certificates in any order, with or without the root; key and collateral are not looked at. A machine with several GPUs has a report
 * and a chain for each: one input for each, as an envelope's parts are (evidence/ev_envelope.h); "gpu" among the facts tells them apart.
 *
 * In this order, with what each becomes when it fails:
 *     format        unsupported  not such a request and response, or measurements or opaque data out of bounds
 *     certificates  unsupported  not readable, none; invalid: none but a CA's, or the GPU's key is not on P-384
 *     chain, dates  invalid      from the GPU's certificate to NVIDIA's Device Identity CA, in date at in->now
 *     signature     invalid      over request and response
 *     fwid          invalid      the certificate's firmware id (TCG DICE, 2.23.133.5.4.1 or .1.1) is not the report's
 *     nonce         invalid      in->nonce is not the request's nonce, all of its 32 bytes. A nonce that is fixed in somebody's program (that
 *                                of nvtrust's sample begins with 931d8dd0) is one that anybody can replay.
 *     measurements  refused      the policy has golden digests, but none for this driver or VBIOS, or one of them is not met
 *     driver        invalid      the report names no driver version (so it is none of a GPU); refused: not in the policy's list
 *     vbios         the same, of the VBIOS
 * After chain, dates or signature failed, what fails further is noted, and nothing is noted as good.
 * Unchecked: "nonce" when in->nonce is empty; "measurement", "driver", "vbios" where the policy has no list; "revocation" always: NVIDIA
 * says by OCSP only which certificates are revoked, and here is no network.
 *
 * best is EV_CLASS_NONE: a GPU shows nothing without the CPU whose program uses it. Together they are T3, which the caller decides. */
#ifndef EVIDENCE_NVIDIA_GPU_H
#define EVIDENCE_NVIDIA_GPU_H

#include "evidence/policy_parts.h"
#include "evidence/x509.h"

enum {
    NVIDIA_REPORT_MAX = 16 * 1024,
    NVIDIA_DIGEST_BYTES = 48,
    NVIDIA_VERSION_MAX = 32, /* of a driver's or VBIOS's version, with the NUL */
    NVIDIA_VERSIONS_MAX = 32,
    NVIDIA_SETS_MAX = 32,
    NVIDIA_GOLDEN_MAX = 1024,
    NVIDIA_INDEX_EXEMPT = 9,
};

struct nvidia_versions {
    int given;
    unsigned count;
    char text[NVIDIA_VERSIONS_MAX][NVIDIA_VERSION_MAX];
};
struct nvidia_policy {
    struct nvidia_versions drivers, vbioses;
    /* Golden digests, as NVIDIA publishes them for a driver and for a VBIOS (reference integrity manifests). A set holds for reports of
     * its driver, of its VBIOS, or of both; "" is any. If there are sets, one must hold for the report's driver by name and one for its
     * VBIOS, and every digest of all that hold must be met. */
    unsigned sets, count;
    struct nvidia_set {
        char driver[NVIDIA_VERSION_MAX], vbios[NVIDIA_VERSION_MAX];
    } set[NVIDIA_SETS_MAX];
    struct nvidia_golden {
        uint8_t set, index, digest[NVIDIA_DIGEST_BYTES]; /* several of one set and index: any of them will do */
    } golden[NVIDIA_GOLDEN_MAX];
    int index_9_exempt; /* it differs now and then on GPUs in order (nvtrust issues 90 and 132) */
};
void nvidia_policy_strict(struct nvidia_policy *p);
/* {"drivers": ["550.90.07", ...], "vbioses": ["96.00.9F.00.01", ...], "index_9_exempt": false,
 *  "golden": [{"driver": "550.90.07", "vbios": "...", "digests": {"2": ["<96 hex digits>", ...], ...}}, ...]}
 * all optional, but of "driver" and "vbios" one. Case does not matter in versions. ERR_FORMAT, ERR_LIMIT. */
int nvidia_policy_read(const json_t *section, struct nvidia_policy *p, struct why *why);

void nvidia_gpu_verify(const struct ev_input *in, struct ev_report *out);
/* The same with policy and anchors given: nvidia_gpu_verify passes its input's and the pinned ones. */
void nvidia_gpu_verify_with(const struct ev_input *in, const struct nvidia_policy *policy, const struct ev_anchors *anchors,
                            struct ev_report *out);

#endif
