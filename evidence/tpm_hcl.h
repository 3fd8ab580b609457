/* evidence/tpm_hcl.h - Azure's HCL report: how a confidential VM's virtual TPM is bound to its processor.
 *
 * Little-endian: head of 32 bytes ("HCLA", version u32 = 1 or 2, size u32, request type u32, status u32, 12 reserved), a hardware report in a
 * place of 1184 bytes, then a head of 20 bytes {size, version 1, type 2 = SEV-SNP or 4 = TDX, hash 1 = SHA-256, length} and JSON of that
 * length; at most 4 KiB of zeros behind it, since it is read from an NV index of fixed size. REPORT_DATA of the hardware report begins with the
 * SHA-256 of the JSON's bytes, and "keys" of the JSON has the AK as "HCLAkPub" (JWK, RSA). Read is SEV-SNP: type 4 carries a TDREPORT, which no
 * one but its own machine can check. */
#ifndef EVIDENCE_TPM_HCL_H
#define EVIDENCE_TPM_HCL_H

#include "evidence/tpm_key.h"

enum { HCL_BYTES_MAX = 16 * 1024, HCL_JSON_BYTES_MAX = 8 * 1024, HCL_SNP_BYTES = 1184 };

struct hcl_report {
    struct ev_bytes snp, json; /* in the caller's bytes */
    uint8_t json_digest[32];
    uint8_t modulus[TPM_RSA_BYTES_MAX], exponent[8]; /* of the AK */
    size_t modulus_n, exponent_n;
};
/* The bytes begin like an HCL report. */
int hcl_looks(struct ev_bytes bytes);
/* ERR_FORMAT, ERR_VERSION, ERR_TRAILING; ERR_UNSUPPORTED: of another processor than SEV-SNP, or of another hash; ERR_NOTFOUND: its JSON
 * has no AK, or two. */
int hcl_read(struct ev_bytes bytes, struct hcl_report *out);
EVP_PKEY *hcl_ak(const struct hcl_report *h); /* NULL: not a key that an AK may be */

#endif
