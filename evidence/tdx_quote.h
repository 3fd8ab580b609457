/* evidence/tdx_quote.h - the bytes of an Intel TDX quote, versions 4 and 5: where things are, believing none of them.
 *
 * Source: Intel TDX DCAP Quoting Library API, appendix 3 (quote formats 4 and 5), little endian. After the quote zeros may follow, as the
 * kernel hands out a buffer of fixed size; other bytes may not: nobody signed them. */
#ifndef EVIDENCE_TDX_QUOTE_H
#define EVIDENCE_TDX_QUOTE_H

#include "evidence/evidence.h"

enum {
    TDX_QUOTE_BYTES_MAX = 16 * 1024,
    TDX_RTMRS = 4,
    TDX_MR = 48,
    TDX_SVN = 16,
    TDX_REPORT_DATA = 64,
    TDX_QE_REPORT = 384,
    TDX_CHAIN_BYTES_MAX = 8 * 4096
};
struct tdx_body { /* pointers into the quote */
    const uint8_t *tee_tcb_svn, *mr_seam, *mr_signer_seam, *seam_attributes, *td_attributes, *xfam, *mr_td, *mr_config_id,
        *mr_owner, *mr_owner_config, *rtmr[TDX_RTMRS], *report_data;
    const uint8_t *tee_tcb_svn_2, *mr_service_td; /* of TD 1.5, else NULL */
};
struct tdx_quote {
    uint16_t version, key_type;
    uint32_t tee;
    const uint8_t *qe_vendor; /* 16 bytes */
    struct tdx_body body;
    struct ev_bytes signed_part;        /* header and body */
    const uint8_t *signature, *key;     /* r || s; x || y: 64 bytes each */
    const uint8_t *qe_report;           /* TDX_QE_REPORT bytes: an SGX report body */
    const uint8_t *qe_signature;        /* r || s */
    struct ev_bytes qe_auth, chain_pem; /* the PCK certificate and its issuers */
};
/* ERR_VERSION: not 4 or 5, or a body that is no TD's; ERR_UNSUPPORTED: not a TD, or keys or certificates in another form;
 * ERR_SHORT, ERR_TRAILING, ERR_LIMIT, ERR_FORMAT. */
int tdx_quote_read(struct ev_bytes bytes, struct tdx_quote *out);

/* Of an SGX report body. */
struct tdx_qe {
    const uint8_t *misc_select, *attributes, *mr_signer, *report_data; /* 4, 16, 32, 64 bytes */
    uint16_t prod_id, svn;
};
void tdx_qe_read(const uint8_t report[TDX_QE_REPORT], struct tdx_qe *out);

#endif
