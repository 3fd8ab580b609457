/* seal/seal_err.h - which check of a signed thing failed. Below the ERR_* of base/err.h, in one space with them, so a verify
 * function still returns 0 or one negative number. The numbers are published (PROTOCOL.md, Checks): never reuse one. */
#ifndef SEAL_SEAL_ERR_H
#define SEAL_SEAL_ERR_H

enum seal_err {
    BAD_IDENTITY_SIG = -101,     /* record not signed by the identity in its key statement */
    BAD_OPERATOR_ID = -102,      /* operator key does not hash to the operator id */
    BAD_OPERATOR_SIG = -103,     /* operator did not sign this identity */
    BAD_OPERATOR_EXPIRED = -104, /* operator's statement is over */
    BAD_KEY_NOT_YET = -105,      /* key statement not valid yet */
    BAD_KEY_EXPIRED = -106,      /* key statement is over */
    BAD_KEY_LIFETIME = -107,     /* valid for nothing, or for longer than a day */
    BAD_LINK_PROOF = -108,       /* not the identity's signature over this connection's exporter value */
    BAD_HEADER_HASH = -109,      /* receipt or statement belongs to another request header */
    BAD_KEY_ID = -110,           /* made by another key than the one expected or shown */
    BAD_RECEIPT_SIG = -111,      /* receipt not signed by the receipt key */
    BAD_BODY_HASH = -112,        /* another request body */
    BAD_PROMPT_HASH = -113,      /* other prompt ids */
    BAD_MANIFEST = -114,         /* model manifest differs, or is not in the record */
    BAD_ENGINE = -115,           /* engine id or profile differs from record or manifest */
    BAD_IDS_CHAIN = -116,        /* output ids do not give the receipt's chain */
    BAD_DIGEST_CHAIN = -117,     /* logits digests do not give the receipt's chain */
    BAD_COUNTS = -118,           /* token counts or `from` disagree */
    BAD_TIER = -119,             /* tier differs from the header's */
    BAD_SAMPLER = -120,          /* sampler's parameters, seed or template time differ from the request's */
    BAD_EVIDENCE = -121,         /* evidence hash differs from the record's */
    BAD_TIMES = -122,            /* ends before it starts, or is not of the time when it was made */
    BAD_USAGE_SIG = -123,        /* usage statement not signed by the receipt key */
    BAD_USAGE_RECEIPT = -124,    /* usage statement names another receipt, or other numbers */
    BAD_COUNTERSIG = -125,       /* countersignature invalid */
    BAD_COUNTER_KEY = -126,      /* countersigned by another coordinator than the pinned one */
    BAD_COUNTER_NODE = -127,     /* countersignature names another node */
    BAD_TEXT = -128,             /* the text is not the one signed for, or not what the ids say */
    BAD_STOP = -129,             /* the answer does not end where and why the receipt says */
};

/* A short English phrase for any ERR_* or BAD_*. Never NULL. */
const char *seal_err_text(int err);
/* 1 when err says that bytes could not be read at all (format, version, short, limit, trailing, range), 0 when they were
 * read and found false: the difference between `lull verify`'s exit codes 30 and 10. */
int seal_err_malformed(int err);

#endif
