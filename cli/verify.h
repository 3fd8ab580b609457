/* cli/verify.h - judging a RECEIPT file: signatures and hashes offline, and with the model the whole answer again. */
#ifndef CLI_VERIFY_H
#define CLI_VERIFY_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct verdict {
    int readable;          /* 0: not a RECEIPT file at all */
    int err;               /* 0 valid, else the first failing check (seal/seal_err.h) or an ERR_* */
    int replayed;          /* 1: a replay was made */
    uint32_t from, tokens; /* positions from .. tokens-1 are the signing node's */
    uint32_t mismatch;     /* replay: first position that differs; tokens when none does */
    char model[136], node[65], profile[32];
    uint8_t coordinator[32];
    int has_countersign;
};
/* model NULL: no replay. pinned (32 bytes) NULL: any coordinator. 0 when a verdict was reached (look at v->err); a negative
 * ERR_* with why when it could not be (the model cannot be read, say). */
int verify_receipt(struct verdict *v, const uint8_t *file, size_t n, const char *model, const uint8_t *pinned, struct why *why);

#endif
