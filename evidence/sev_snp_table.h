/* evidence/sev_snp_table.h - the certificates that a host hands to its guest beside an extended report, for the chain of ev_input.
 *
 * The table is that of AMD's "Guest Hypervisor Communication Block Standardization" (56421), 4.1.8.1: entries of a GUID, then offset and
 * length (u32, little-endian, from the table's beginning), ended by an entry of zeros; behind them what they point to. The GUIDs lie in the
 * order of their text: EPYCs give 63 da 75 8d for the VCEK's 63da758d-.... The host writes the table and nobody signs it: what is in it is
 * believed for its chain alone. */
#ifndef EVIDENCE_SEV_SNP_TABLE_H
#define EVIDENCE_SEV_SNP_TABLE_H

#include "evidence/evidence.h"

enum { SNP_TABLE_BYTES_MAX = 64 * 1024, SNP_TABLE_ENTRIES_MAX = 32 };

struct snp_table {
    struct ev_bytes chain[EV_CHAIN_MAX]; /* VCEK, VLEK, ASK, ARK, as they come; in the caller's bytes */
    unsigned chain_count;
    struct ev_bytes crl; /* for ev_input.collateral; n 0: none */
    unsigned others;     /* entries that are not known, and passed over */
};
/* An entry of length 0 is one that the host has nothing for, and passed over. What stands behind the entries need not be all pointed to:
 * hosts fill up pages. ERR_SHORT: no entry of zeros, or one that points outside; ERR_LIMIT: over SNP_TABLE_BYTES_MAX,
 * SNP_TABLE_ENTRIES_MAX or EV_CHAIN_MAX; ERR_FORMAT: an entry of zeros that points somewhere, or two revocation lists. *out is zeroed then. */
int sev_snp_table_read(struct snp_table *out, struct ev_bytes table);

#endif
