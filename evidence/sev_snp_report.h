/* evidence/sev_snp_report.h - an AMD SEV-SNP attestation report as a plain struct, and what differs between AMD's products.
 *
 * The layout is ATTESTATION_REPORT of AMD's "SEV Secure Nested Paging Firmware ABI Specification" (56860), versions 2 to 5, little-endian.
 * Reading believes nothing: whether the bytes are genuine says evidence/sev_snp.h. */
#ifndef EVIDENCE_SEV_SNP_REPORT_H
#define EVIDENCE_SEV_SNP_REPORT_H

#include "evidence/evidence.h"

enum {
    SNP_REPORT_BYTES = 1184,
    SNP_SIGNED_BYTES = 0x2a0, /* what the signature covers: all before it */
    SNP_SCALAR_BYTES = 48,    /* r and s on P-384 */
    SNP_TCB_BYTES = 8,
    SNP_CHIP_BYTES = 64,
    SNP_DATA_BYTES = 64,
    SNP_DIGEST_BYTES = 48,
};

/* The guest policy's bits, as its owner set them at launch. */
#define SNP_POLICY_RESERVED_ONE (UINT64_C(1) << 17)
#define SNP_POLICY_MIGRATE      (UINT64_C(1) << 18) /* a migration agent may get the guest's memory */
#define SNP_POLICY_DEBUG        (UINT64_C(1) << 19) /* the host may read it */
#define SNP_POLICY_KNOWN        ((UINT64_C(1) << 26) - 1)

/* Which key signed, by the report. */
enum snp_key { SNP_KEY_VCEK = 0, SNP_KEY_VLEK = 1, SNP_KEY_NONE = 7 };

struct snp_report {
    uint32_t version, guest_svn, vmpl, signature_algorithm;
    uint64_t policy, platform_info;
    uint8_t family_id[16], image_id[16];
    int author_key, chip_key_masked;
    unsigned signing_key; /* enum snp_key, or another value of three bits */
    uint8_t report_data[SNP_DATA_BYTES], measurement[SNP_DIGEST_BYTES], host_data[32];
    uint8_t id_key_digest[SNP_DIGEST_BYTES], author_key_digest[SNP_DIGEST_BYTES];
    uint8_t report_id[32], report_id_ma[32];
    /* as they lie in the report; what each byte means differs by product: snp_tcb_parts */
    uint8_t current_tcb[SNP_TCB_BYTES], reported_tcb[SNP_TCB_BYTES], committed_tcb[SNP_TCB_BYTES], launch_tcb[SNP_TCB_BYTES];
    uint8_t cpu_family, cpu_model, cpu_stepping; /* from version 3 on, else 0 */
    uint8_t chip_id[SNP_CHIP_BYTES];
    struct snp_firmware {
        uint8_t build, minor, major;
    } current, committed;
    uint64_t launch_mitigations, current_mitigations; /* from version 5 on, else 0 */
    uint8_t r[SNP_SCALAR_BYTES], s[SNP_SCALAR_BYTES]; /* big-endian */
    int signature_clean; /* all other bytes of the signature's place, which nothing signs, are zero */
};

/* ERR_FORMAT: not SNP_REPORT_BYTES. ERR_VERSION: not 2 to 5; then version is set and nothing else. */
int snp_report_read(struct snp_report *out, struct ev_bytes report);

/* ---- products ---- */

enum snp_product { SNP_MILAN, SNP_GENOA, SNP_TURIN, SNP_PRODUCTS, SNP_PRODUCT_NONE = SNP_PRODUCTS };
const char *snp_product_name(enum snp_product product); /* "milan", "genoa", "turin", as policies write them; "unknown" */
/* By CPUID's family and model; Bergamo and Siena are Genoas by certificate and layout. SNP_PRODUCT_NONE. */
enum snp_product snp_product_of_cpu(unsigned family, unsigned model);
/* By the name in a certificate: "Milan-B0", "Genoa", "Turin". SNP_PRODUCT_NONE. */
enum snp_product snp_product_named(struct ev_bytes name);

/* What the i-th byte of a TCB version is: its number under the certificates' 1.3.6.1.4.1.3704.1.3, and the name by which a policy calls
 * it; NULL: of no use yet. */
struct snp_tcb_part {
    const char *oid, *name;
};
const struct snp_tcb_part *snp_tcb_parts(enum snp_product product); /* SNP_TCB_BYTES of them */

#endif
