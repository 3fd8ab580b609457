/* gateway/gw_proof.h - is the answer what it says: the receipt against what was sent and seen, and the RECEIPT file. */
#ifndef GATEWAY_GW_PROOF_H
#define GATEWAY_GW_PROOF_H

#include "api/request.h"
#include "gateway/gw_attempt.h"
#include "gateway/gw_progress.h"
#include "seal/content.h"
#include "seal/receipt.h"
#include "seal/transcript.h"

struct gw_proof { /* what the gateway itself knows of one answer */
    const struct gw_attempt *attempt;
    const struct progress *progress;
    const struct content *content; /* as sealed for this attempt */
    const struct api_request *asked;
    const uint8_t *coordinator_key;
    const struct transcript_shown *shown; /* what the node had shown */
};
/* Engine and profile are those of the record: 0 or BAD_ENGINE. Else the app would be told of others than the receipt's. */
int gw_proof_accepted(const struct gw_proof *p, const struct frame_accepted *a);
/* Reads a receipt and holds it against all that was asked, sealed and seen, and against the usage frame, whose counts and
 * reason for the end the app is told: 0, ERR_* or BAD_*. now_ms: unix. */
int gw_proof_check(const struct gw_proof *p, const struct frame_usage *usage, uint64_t now_ms, const uint8_t *bytes, size_t n,
                   struct receipt *out);
/* Writes the RECEIPT file to out. countersign: hexadecimal trailer, or NULL. *disputed: why the countersignature is not the
 * one it should be (0: it is, or there is none); one that does not verify is left out. ERR_NOMEM, ERR_LIMIT. */
int gw_proof_file(const struct gw_proof *p, const struct receipt *receipt, const char *countersign, struct buf *out,
                  int *disputed);

#endif
