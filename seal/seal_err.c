/* seal/seal_err.c - see seal_err.h. */
#include "seal/seal_err.h"
#include "base/err.h"

#include <stddef.h>

static const char *const texts[] = {
    [-BAD_IDENTITY_SIG] = "the record is not signed by its identity",
    [-BAD_OPERATOR_ID] = "the operator's key does not match the operator id",
    [-BAD_OPERATOR_SIG] = "the operator did not sign this identity",
    [-BAD_OPERATOR_EXPIRED] = "the operator's statement has expired",
    [-BAD_KEY_NOT_YET] = "the node's keys are not valid yet",
    [-BAD_KEY_EXPIRED] = "the node's keys have expired",
    [-BAD_KEY_LIFETIME] = "the node's keys claim an impossible lifetime",
    [-BAD_LINK_PROOF] = "the link proof is not for this connection",
    [-BAD_HEADER_HASH] = "it belongs to another request header",
    [-BAD_KEY_ID] = "it was made with another key",
    [-BAD_RECEIPT_SIG] = "the receipt's signature is wrong",
    [-BAD_BODY_HASH] = "the request body differs",
    [-BAD_PROMPT_HASH] = "the prompt ids differ",
    [-BAD_MANIFEST] = "the model manifest differs",
    [-BAD_ENGINE] = "the engine or profile differs",
    [-BAD_IDS_CHAIN] = "the output ids do not match the receipt",
    [-BAD_DIGEST_CHAIN] = "the logits digests do not match the receipt",
    [-BAD_COUNTS] = "the token counts disagree",
    [-BAD_TIER] = "the tier differs",
    [-BAD_SAMPLER] = "the sampler's parameters, seed or template time differ",
    [-BAD_EVIDENCE] = "the evidence hash differs",
    [-BAD_TIMES] = "its times are not those of the answer",
    [-BAD_USAGE_SIG] = "the usage statement's signature is wrong",
    [-BAD_USAGE_RECEIPT] = "the usage statement is about another answer",
    [-BAD_COUNTERSIG] = "the countersignature is wrong",
    [-BAD_COUNTER_KEY] = "another coordinator countersigned",
    [-BAD_COUNTER_NODE] = "the countersignature names another node",
    [-BAD_TEXT] = "the text differs",
    [-BAD_STOP] = "the answer does not end for the reason given",
};

const char *seal_err_text(int err) {
    int i = -err;
    if (i > 0 && i < (int)(sizeof texts / sizeof *texts) && texts[i]) return texts[i];
    return err_text(err);
}

int seal_err_malformed(int err) {
    return err == ERR_SHORT || err == ERR_LIMIT || err == ERR_FORMAT || err == ERR_TRAILING || err == ERR_VERSION ||
           err == ERR_RANGE || err == ERR_UNSUPPORTED || err == ERR_EXISTS;
}
