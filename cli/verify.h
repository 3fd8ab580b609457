/* cli/verify.h - judging an answer: a RECEIPT file (signatures and hashes offline, and with the model the whole answer again),
 * or a record of `lull run --json`, which is unsigned and judged by computing it again. */
#ifndef CLI_VERIFY_H
#define CLI_VERIFY_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "evidence/evidence.h"

struct verdict {
    int is_record;         /* a record, not a receipt: model and node are empty */
    int readable;          /* 0: not such a file at all */
    int err;               /* 0 valid, else the first failing check (seal/seal_err.h) or an ERR_* */
    int replayed;          /* 1: a replay was made */
    uint32_t from, tokens; /* positions from .. tokens-1 are the signing node's */
    uint32_t mismatch;     /* replay: first position that differs; tokens when none does */
    char model[136], node[65], profile[32];
    uint8_t coordinator[32];
    int has_countersign;
    enum ev_class shown; /* tier attested: what the gateway says to have verified; EV_CLASS_NONE: it says nothing */
    uint8_t shown_policy[32], shown_envelope[32];
    uint64_t shown_s;
    uint32_t prompt_tokens; /* replay: of the prompt before them */
    uint64_t replay_ns;     /* the pass, without loading the model */
    uint64_t generated_ns;  /* what the answer took, if the file says it; else 0 */
};
/* How a replay is to be made. */
struct replay_how {
    const char *model; /* the GGUF file */
    uint32_t threads;  /* 0: one per core */
};
/* how NULL: no replay. pinned (32 bytes) NULL: any coordinator. 0 when a verdict was reached (look at v->err); a negative
 * ERR_* with why when it could not be (the model cannot be read, say). */
int verify_receipt(struct verdict *v, const uint8_t *file, size_t n, const struct replay_how *how, const uint8_t *pinned,
                   struct why *why);
/* The same for a record of `lull run --json` (model/answer_record.h), which is always replayed. */
int verify_record(struct verdict *v, const void *file, size_t n, const struct replay_how *how, struct why *why);

/* The verdict on stdout, for people (one to three lines; nothing when the file was not readable) or as one line of JSON. */
void verdict_print(const struct verdict *v, int json);
/* EXIT_OK, EXIT_INVALID or EXIT_MALFORMED. */
int verdict_status(const struct verdict *v);

#endif
