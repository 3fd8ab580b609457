/* evidence/nvidia_report.h - the parts of an NVIDIA GPU's report, read and bounded; nothing is believed here.
 *
 *     request   11 e0 01 ff, nonce 32, slot                                                          (37 bytes)
 *     response  11 60, two bytes, count u8, length u24, so many blocks, nonce 32, length u16, opaque data, r 48, s 48
 *     block     index u8, 01, size u16, type u8, length u16, value                                   (size = 3 + length)
 *     opaque    type u16, length u16, value; again and again
 * Integers little-endian. Layout and types as in NVIDIA's nvtrust (spdm_msrt_resp_msg.py) and DMTF's SPDM 1.1 (DSP0274). */
#ifndef EVIDENCE_NVIDIA_REPORT_H
#define EVIDENCE_NVIDIA_REPORT_H

#include "evidence/nvidia_gpu.h"

enum { NVIDIA_NONCE_BYTES = 32, NVIDIA_VALUE_MAX = 64, NVIDIA_OPAQUE_MAX = 4096 };

struct nvidia_report {
    const uint8_t *request_nonce;     /* what was asked with: 32 bytes */
    struct ev_bytes measurement[256]; /* by index, 1..254; n 0: none. Others are as long as they are, up to NVIDIA_VALUE_MAX */
    unsigned measurements;
    struct ev_bytes driver, vbios, fwid, board, project, project_sku, chip_sku; /* of the opaque data; n 0: absent */
    struct ev_bytes covered, signature;                                         /* what is signed, and r || s */
};
/* 0, or ERR_* with why saying where. Slices of `bytes`. */
int nvidia_report_read(struct nvidia_report *out, struct ev_bytes bytes, struct why *why);

/* Text as it stands in opaque data, padded with NULs (a driver's version, "550.90.07"), and a VBIOS's version as people know it
 * ("96.00.9F.00.01"). 0: not of that form. */
int nvidia_text(char out[NVIDIA_VERSION_MAX], struct ev_bytes field);
int nvidia_vbios_text(char out[NVIDIA_VERSION_MAX], struct ev_bytes field);

/* The SHA-384 firmware id of a certificate. ERR_NOTFOUND: it has none; ERR_FORMAT. Points into the certificate. */
int nvidia_cert_fwid(const X509 *cert, struct ev_bytes *out);

#endif
