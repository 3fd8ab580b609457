/* evidence/tpm_container.h - the forms in which a raw TPM quote comes, told apart by their content and read into one.
 *
 *  wire      TPM2B attest, TPMT_SIGNATURE, u8 count, then count PCR values, each of its bank's size, in the order of the signed selection:
 *            bank by bank, ascending. count is 0 (no values) or exactly how many PCRs the quote selects. No index is claimed beside the
 *            signed ones, so none can disagree with them. This is the form on our own wire; at most TPM_QUOTE_BYTES_MAX.
 *  files     TPMS_ATTEST, directly followed by a TPMT_SIGNATURE or by a plain signature (raw RSA, or ECDSA in DER: tpm2_quote -f plain), and
 *            perhaps by the PCR file of tpm2_quote -o: `cat quote.msg quote.sig [pcrs.bin]`. With raw RSA the key tells where it ends.
 *  keylime   'r' BASE64(attest) ':' BASE64(TPMT_SIGNATURE) ':' BASE64(PCR file)
 *  json      an object with "message" and "signature" (hexadecimal digits or base64; the signature a TPMT_SIGNATURE or plain) and perhaps
 *            "pcrs", a list of digests (one for each selected PCR, or 24 by index) or an object by index; alone, or as "tpm_quote" of an
 *            object that may also have "version" (1 or 2), "ak_public" (SubjectPublicKeyInfo, base64), "hcl_report" and "vcek" (base64).
 *            Other members are left alone.
 *
 * What is read points into memory that tpm_container_release frees, or into the evidence. */
#ifndef EVIDENCE_TPM_CONTAINER_H
#define EVIDENCE_TPM_CONTAINER_H

#include "base/json.h"
#include "evidence/tpm_key.h"

enum { TPM_QUOTE_BYTES_MAX = 8 * 1024, TPM_FILES_BYTES_MAX = 16 * 1024, TPM_JSON_BYTES_MAX = 64 * 1024 };

struct tpm_container {
    const char *form; /* "wire", "files", "keylime", "json" */
    struct tpm_attest attest;
    int attest_err;           /* of tpm_attest_read; when it is not 0 nothing behind it was read */
    struct ev_bytes rest;     /* signature bytes, whatever their form; n 0: there are none */
    int pcr_file_allowed;     /* "files": behind the signature a PCR file may follow */
    struct ev_bytes pcr_file; /* tpm2-tools' PCR file */
    unsigned values;          /* how many PCR values came, in this order */
    int by_index;             /* value i is PCR i's; else in the order of the selection */
    uint32_t indexes;         /* by_index: which came */
    struct ev_bytes value[TPM_PCRS_MAX];
    struct ev_bytes ak_public, hcl_report, vcek;
    int64_t version; /* of the json form; 0: none given */
    uint8_t *scratch;
    size_t scratch_used;
};
/* 0, or what went wrong, with why. The container must be released in either case. */
int tpm_container_read(struct ev_bytes evidence, struct tpm_container *out, struct why *why);
void tpm_container_release(struct tpm_container *c);

/* The signature in c->rest, for this key and a quote whose digest has digest_n bytes (that tells the hash of a plain one); *hold has room for
 * what must be kept. Sets c->pcr_file when one follows. ERR_NOTFOUND: none; ERR_FORMAT: neither form; ERR_UNSUPPORTED. */
struct tpm_signature_hold {
    uint8_t r[64], s[64];
};
int tpm_container_signature(struct tpm_container *c, EVP_PKEY *key, struct tpm_signature *out, struct tpm_signature_hold *hold);
/* The values that came, in the order of the signed selection. ERR_NOTFOUND: none came; ERR_FORMAT: not as many or as large as selected, or
 * a PCR file that claims another selection. */
int tpm_container_pcrs(const struct tpm_container *c, struct tpm_pcrs *out);

#endif
