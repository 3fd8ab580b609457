/* blind/fault.h - what went wrong between a client and one of its workers, and whom that accuses. */
#ifndef BLIND_FAULT_H
#define BLIND_FAULT_H

#include <stdint.h>

#include "blind/operators.h"

enum blind_fault {
    FAULT_NONE,
    /* These accuse nobody: anybody on the way can break a connection, and a worker may be busy or shut down. It may be tried
     * again. */
    FAULT_LINK,  /* the connection was lost, or never made */
    FAULT_AWAY,  /* it said that it is busy, draining or had nothing to do for too long */
    FAULT_LATE,  /* nothing whole within the time allowed: anybody on the way can hold bytes back, so it proves nothing */
    FAULT_QUOTA, /* the columns that it computes for our token are used up, or it does not know the token: both can be mended */
    /* These do: no message of it is read any more, and it is never asked again. */
    FAULT_REFUSED,    /* it does not serve us, says its error: another manifest, a message that it calls wrong */
    FAULT_UNFIT,      /* it takes fewer columns, products or ranges at once than are needed */
    FAULT_POLICY,     /* its operator may not serve the role, or it has served the other one (blind/operators.h) */
    FAULT_UNREADABLE, /* bytes that are no message, or none that has a place here */
    FAULT_PLACE,   /* not what was asked next: another product's answer, rows twice, left out, or of another count of columns */
    FAULT_RESIDUE, /* rows of another length than said, a value >= p, spare bits */
    FAULT_PRODUCT, /* the product is wrong: the check failed */
    FAULT_END
};
static inline int fault_accuses(enum blind_fault f) { return f >= FAULT_REFUSED; }
/* "a wrong product"; never NULL. */
const char *fault_text(enum blind_fault f);

/* One thing that went wrong: names the worker by what its key statement says. */
struct blind_incident {
    uint8_t identity[32], operator_id[32];
    enum pair_role role;
    enum blind_fault fault;
    uint8_t code;   /* FAULT_REFUSED, FAULT_AWAY, FAULT_QUOTA: enum blind_code of its error, else 0 */
    uint32_t stack; /* that was worked on, or UINT32_MAX */
};

#endif
