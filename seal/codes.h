/* seal/codes.h - the closed sets of names that cross the wire: error codes, tiers, stop reasons, node conditions.
 *
 * Nothing but these numbers ever explains a failure to a peer: no free text, so no content can leak through one. */
#ifndef SEAL_CODES_H
#define SEAL_CODES_H

#include <stdint.h>

/* Why a request, a link or a stream was refused or ended. Numbers are wire values (PROTOCOL.md, Codes). */
enum code {
    CODE_NONE = 0,         /* not a wire value */
    CODE_REFUSED = 1,      /* not opened, or not allowed; no reason is given */
    CODE_VERSION = 2,      /* version or suite not spoken */
    CODE_BUSY = 3,         /* no free slot within the queue's time */
    CODE_DRAINING = 4,     /* stops taking work */
    CODE_NO_MODEL = 5,     /* nobody here serves that name and manifest */
    CODE_TOO_LARGE = 6,    /* over a size limit */
    CODE_BAD_REQUEST = 7,  /* malformed, or asks for what is not done */
    CODE_CONTEXT_OVER = 8, /* prompt and answer do not fit the context */
    CODE_DEADLINE = 9,     /* the client's time is over */
    CODE_CANCELLED = 10,   /* the client left */
    CODE_RATE = 11,        /* over a rate limit */
    CODE_INTERNAL = 12,    /* a bug */
    CODE_END
};
const char *code_name(unsigned code);       /* "no_model"; NULL for numbers outside the set */
enum code code_from_name(const char *name); /* CODE_NONE for unknown names */
unsigned code_http_status(unsigned code);   /* on the coordinator's port, e.g. busy 503; 500 for unknown ones */
int code_worth_retrying(unsigned code);     /* 1: another node, or the same one later, may do it */
enum code code_from_err(int err);           /* ERR_* of ours (or 0, CODE_NONE) to what a peer may be told */

/* Least tier asked for. Only SEALED and ATTESTED occur in a sealed envelope. */
enum tier { TIER_SEALED = 1, TIER_ATTESTED = 2, TIER_BLIND = 3, TIER_LOCAL = 4, TIER_END };
const char *tier_name(unsigned tier); /* "sealed"; NULL for unknown numbers */

enum seal_stop { SEAL_STOP_END = 1, SEAL_STOP_STRING = 2, SEAL_STOP_LENGTH = 3, SEAL_STOP_LAST = SEAL_STOP_LENGTH };

/* What a node says about itself in heartbeats: why it works or does not. */
enum node_reason {
    REASON_READY = 0,
    REASON_STARTING = 1,
    REASON_DRAINING = 2,
    REASON_OWNER = 3,
    REASON_POWER = 4,
    REASON_HEAT = 5,
    REASON_LOAD = 6,
    REASON_END
};
const char *reason_name(unsigned reason); /* "owner"; NULL for unknown numbers */

#endif
