/* evidence/sev_snp_leaf.h - what a VCEK's or VLEK's certificate says: for which product, TCB version and chip its key is.
 *
 * Its extensions are those of AMD's "VCEK Certificate and KDS Interface Specification" (57230), 1.3.6.1.4.1.3704.1.*: DER, but for the
 * chip's id, whose octets stand there as they are. That id may begin like an INTEGER or an OCTET STRING and be none. */
#ifndef EVIDENCE_SEV_SNP_LEAF_H
#define EVIDENCE_SEV_SNP_LEAF_H

#include "evidence/sev_snp_report.h"
#include "evidence/x509.h"

struct snp_leaf {
    X509 *cert; /* somebody else's */
    enum snp_key key;
    enum snp_product product; /* SNP_PRODUCT_NONE: of none that is known */
    char product_text[24];
    uint8_t tcb[SNP_TCB_BYTES];   /* in the product's layout */
    uint8_t chip[SNP_CHIP_BYTES]; /* VCEK: as CHIP_ID of a report would be */
    char csp[128];                /* VLEK: whom it was lent to */
};

/* SNP_KEY_VCEK or SNP_KEY_VLEK by the name of the certificate's subject; SNP_KEY_NONE: it is neither's. */
enum snp_key snp_key_of(const X509 *cert);
/* ERR_FORMAT with why: neither's, or not made like one. product may be SNP_PRODUCT_NONE even so; then the tcb is not set. */
int snp_leaf_read(struct snp_leaf *out, X509 *cert, struct why *why);

#endif
