/* gateway/gw_blind_receipt.h - the receipt of a blind answer: the client's own note of who computed for it and what was checked.
 * Version 2; those of version 1 are still read (gateway/gw_blind_judge.h).
 *
 * Nobody has signed it, and it proves nothing to others. It holds no prompt, no answer, no input, product or mask, nor a hash of one:
 * whoever knew a mask could try prompts on it. Pure. */
#ifndef GATEWAY_GW_BLIND_RECEIPT_H
#define GATEWAY_GW_BLIND_RECEIPT_H

#include <stdint.h>

#include "base/mem.h"
#include "blind/fault.h"
#include "gateway/gw_blind_opts.h"
#include "model/gen.h"

#define BLIND_NOTICE "experimental construction, not yet reviewed"

enum { ACCOUNT_WORKERS_MAX = 16, ACCOUNT_INCIDENTS_MAX = 16, BLIND_RECEIPT_BYTES_MAX = 1 << 16 };
struct gw_blind_worker { /* who served a part of the answer */
    uint8_t identity[32], operator_id[32];
    enum pair_role role;
};
/* What one answer took. Counts are of the time between its begin and its end: B works ahead, so some of its products belong to the answer
 * before or after. */
struct gw_blind_account {
    uint64_t products, verified, bytes_up, bytes_down, sessions;
    uint64_t passes;        /* after the prompt's, of pass_columns each */
    uint32_t pass_columns;  /* 0: 1 */
    uint32_t prompt_padded; /* columns of the prompt as workers saw them */
    uint32_t kept;          /* tokens of the prompt that they did not see, as the conversation's turn before had been kept */
    struct gw_blind_worker worker[ACCOUNT_WORKERS_MAX];
    uint32_t worker_count; /* more than ACCOUNT_WORKERS_MAX are only counted */
    struct {
        struct blind_incident what; /* the first of its kind */
        uint32_t times;
    } incident[ACCOUNT_INCIDENTS_MAX];
    uint32_t incident_count; /* likewise: kinds of incidents */
};
/* Notes a worker once per role. */
void gw_blind_account_worker(struct gw_blind_account *a, enum pair_role role, const uint8_t identity[32],
                             const uint8_t operator_id[32]);
/* Returns how often this worker has done this by now. A worker that cannot be reached fails many times in a row. */
uint32_t gw_blind_account_incident(struct gw_blind_account *a, const struct blind_incident *i);

struct gw_blind_receipt {
    const uint8_t *request_id;   /* 16 bytes */
    const char *model, *profile; /* names without anything to quote (seal/names.h) */
    enum gw_blind_mode mode;
    const char *params;        /* of lattice: "d6" */
    const uint8_t *manifest;   /* digest of the blind manifest */
    uint64_t start_ms, end_ms; /* unix */
    uint32_t prompt_tokens, output_tokens;
    enum gen_stop stop;
    const struct gw_blind_account *account;
};
/* Appends one JSON object and a newline. 0 or ERR_NOMEM. */
int gw_blind_receipt_write(struct buf *out, const struct gw_blind_receipt *r);
/* 1 if a kept receipt is one of these; a RECEIPT file begins with its version. */
int gw_blind_receipt_is(const struct buf *file);

#endif
