/* blind/fault.c - see fault.h. */
#include "blind/fault.h"

const char *fault_text(enum blind_fault f) {
    static const char *const text[FAULT_END] = {
        [FAULT_NONE] = "nothing",
        [FAULT_LINK] = "the connection was lost",
        [FAULT_AWAY] = "it is busy or shuts down",
        [FAULT_LATE] = "an answer did not come in time",
        [FAULT_QUOTA] = "the columns prepaid there are used up, or it does not know the token",
        [FAULT_REFUSED] = "it refuses to serve us",
        [FAULT_UNFIT] = "it takes too few columns at once",
        [FAULT_POLICY] = "its operator may not serve this role",
        [FAULT_UNREADABLE] = "a message that cannot be read",
        [FAULT_PLACE] = "an answer to something else than was asked",
        [FAULT_RESIDUE] = "an answer that is not canonical",
        [FAULT_PRODUCT] = "a wrong product",
    };
    return (unsigned)f < FAULT_END ? text[f] : "unknown";
}
