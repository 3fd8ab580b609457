/* evidence/tdx_pck.h - what Intel writes into a PCK certificate: which platform at which level its key is for (extension
 * 1.2.840.113741.1.13.1; Intel SGX PCK Certificate and CRL Profile Specification, 1.3.5). */
#ifndef EVIDENCE_TDX_PCK_H
#define EVIDENCE_TDX_PCK_H

#include "evidence/x509.h"

struct tdx_pck {
    uint8_t component[16]; /* SGX TCB component SVNs */
    uint16_t pce_svn;
    uint8_t pce_id[2], fmspc[6];
    struct ev_bytes ppid, platform_instance; /* n 0: absent */
};
/* ERR_NOTFOUND: no such extension, so no PCK certificate; ERR_FORMAT. */
int tdx_pck_read(const X509 *cert, struct tdx_pck *out);

#endif
