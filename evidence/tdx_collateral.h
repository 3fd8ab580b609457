/* evidence/tdx_collateral.h - what Intel publishes about its platforms, signed: TCB levels and QE identity, with the revocation lists of PCK
 * certificates (Intel PCS API 4, "Get TDX TCB Info", "Get TDX QE Identity").
 *
 * The file is a JSON object of texts:
 *     pck_crl, root_ca_crl                        DER in hexadecimal digits
 *     tcb_info, qe_identity                       the exact text that Intel signed, or the PCS's whole answer
 *     tcb_info_signature, qe_identity_signature   r || s in hexadecimal digits; may be absent where the whole answer is given
 *     tcb_info_issuer_chain, qe_identity_issuer_chain   PEM
 * pck_crl_issuer_chain and other members are left alone. Intel's signatures are over the bytes of the inner JSON value as they stand; they are
 * cut out and never written anew. */
#ifndef EVIDENCE_TDX_COLLATERAL_H
#define EVIDENCE_TDX_COLLATERAL_H

#include "base/json.h"
#include "evidence/x509.h"

enum { TDX_COLLATERAL_BYTES_MAX = 1 << 20, TDX_COLLATERAL_VALUES_MAX = 1 << 14, TDX_LEVELS_MAX = 64, TDX_MODULES_MAX = 16 };

enum tdx_status {
    TDX_UP_TO_DATE,
    TDX_SW_HARDENING_NEEDED,
    TDX_CONFIGURATION_NEEDED,
    TDX_CONFIGURATION_AND_SW_HARDENING_NEEDED,
    TDX_OUT_OF_DATE,
    TDX_OUT_OF_DATE_CONFIGURATION_NEEDED,
    TDX_REVOKED,
    TDX_STATUSES
};
const char *tdx_status_name(enum tdx_status s); /* as Intel spells it */
int tdx_status_named(const char *name);         /* -1: there is none */

struct tdx_signed {
    struct ev_bytes text;  /* that the signature is over */
    uint8_t signature[64]; /* r || s */
    struct ev_bytes issuers;
};
struct tdx_collateral {
    json_t *all;
    struct tdx_signed tcb_info, qe_identity;
    struct ev_bytes crls[2]; /* of PCK certificates, of the root; n 0: not given */
    uint8_t *crl_bytes;
};
/* Points into out->all; release it also after a failure. ERR_LIMIT, ERR_FORMAT. */
int tdx_collateral_read(struct ev_bytes bytes, struct tdx_collateral *out, struct why *why);
void tdx_collateral_release(struct tdx_collateral *c);
/* ---- the two signed texts, read ---- */

struct tdx_window {
    int64_t issued, next; /* seconds since 1970 */
    int64_t evaluation;
};
struct tdx_svn_level { /* of a module or a QE */
    uint16_t svn;
    enum tdx_status status;
};
struct tdx_module {
    char id[16]; /* "TDX_01"; empty: of TDX 1.0 */
    uint8_t mr_signer[48], attributes[8], mask[8];
    unsigned levels;
    struct tdx_svn_level level[TDX_LEVELS_MAX];
};
struct tdx_level {
    uint8_t sgx[16], tdx[16];
    uint16_t pce_svn;
    enum tdx_status status;
};
struct tdx_tcb_info {
    struct tdx_window window;
    uint8_t fmspc[6], pce_id[2];
    unsigned modules, levels; /* module[0] is that of TDX 1.0 */
    struct tdx_module module[TDX_MODULES_MAX];
    struct tdx_level level[TDX_LEVELS_MAX];
};
struct tdx_qe_identity {
    struct tdx_window window;
    uint8_t misc_select[4], misc_mask[4], attributes[16], attributes_mask[16], mr_signer[32];
    uint16_t prod_id;
    unsigned levels;
    struct tdx_svn_level level[TDX_LEVELS_MAX];
};
/* ERR_FORMAT, ERR_VERSION, ERR_LIMIT. */
int tdx_tcb_info_read(struct ev_bytes text, struct tdx_tcb_info *out);
int tdx_qe_identity_read(struct ev_bytes text, struct tdx_qe_identity *out);

#endif
