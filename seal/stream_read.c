/* seal/stream_read.c - the gateway's half of stream.h. */
#include "base/err.h"
#include "seal/stream.h"

#include <string.h>

enum { R_START, R_WAIT, R_TOKENS, R_TAIL, R_FAILING, R_CLOSING, R_RECEIPT, R_STATES, R_DONE = R_STATES };

/* Which frame each state takes and where it leads: 0 is refused. An answer goes WAIT, TOKENS, TAIL, CLOSING, RECEIPT; a failed
 * one may turn to fillers and the error anywhere before its usage. */
static const uint8_t steps[R_STATES][FRAME_TYPE_END] = {
    [R_WAIT] = {[FRAME_ACCEPTED] = R_TOKENS, [FRAME_HEARTBEAT] = R_WAIT, [FRAME_FILLER] = R_FAILING, [FRAME_ERROR] = R_DONE},
    [R_TOKENS] = {[FRAME_TOKEN] = R_TOKENS,
                  [FRAME_HEARTBEAT] = R_TOKENS,
                  [FRAME_TEXT] = R_TAIL,
                  [FRAME_USAGE] = R_CLOSING,
                  [FRAME_FILLER] = R_FAILING,
                  [FRAME_ERROR] = R_DONE},
    [R_TAIL] = {[FRAME_TEXT] = R_TAIL, [FRAME_USAGE] = R_CLOSING, [FRAME_FILLER] = R_FAILING, [FRAME_ERROR] = R_DONE},
    [R_FAILING] = {[FRAME_FILLER] = R_FAILING, [FRAME_ERROR] = R_DONE},
    [R_CLOSING] = {[FRAME_FILLER] = R_CLOSING, [FRAME_RECEIPT] = R_RECEIPT},
    [R_RECEIPT] = {[FRAME_RECEIPT] = R_RECEIPT},
};

void stream_reader_start(struct stream_reader *r, const struct envelope_secrets *secrets, uint32_t from) {
    memset(r, 0, sizeof *r);
    r->secrets = secrets;
    r->frame_bytes = secrets->head.frame_bytes;
    r->next_position = from;
}

void stream_reader_wipe(struct stream_reader *r) {
    mem_wipe(r, sizeof *r);
    r->err = ERR_WRONG_STATE;
}

static int fail(struct stream_reader *r, int err) {
    r->err = err;
    mem_wipe(&r->key, sizeof r->key);
    mem_wipe(r->plain, sizeof r->plain);
    return err;
}

/* The 33 bytes in front: which candidate answers, and the nonce of its keys. */
static int take_start(struct stream_reader *r) {
    r->candidate = r->in[0];
    if (r->candidate >= r->secrets->head.count) return ERR_RANGE;
    chunk_key_response(&r->key, r->secrets->response_secret[r->candidate], r->secrets->enc[r->candidate], r->in + 1);
    r->state = R_WAIT;
    return 0;
}

/* Opens r->in. Only the associated data tells the final frame, so both are tried: a frame opens under one of them alone. */
static int open_frame(struct stream_reader *r, int *final) {
    *final = 0;
    int e = chunk_open(&r->key, r->plain, r->in, r->frame_bytes, 0);
    if (e != ERR_AUTH) return e;
    *final = 1;
    return chunk_open(&r->key, r->plain, r->in, r->frame_bytes, 1);
}

static int take_receipt(struct stream_reader *r, struct frame *f) {
    if (f->receipt.n == 0 || f->receipt.n > sizeof r->receipt - r->receipt_n) return ERR_LIMIT;
    memcpy(r->receipt + r->receipt_n, f->receipt.p, f->receipt.n);
    r->receipt_n += f->receipt.n;
    if (!f->final) return 0;
    f->receipt.p = r->receipt;
    f->receipt.n = r->receipt_n;
    r->state = R_DONE;
    return 0;
}

static int take_frame(struct stream_reader *r, struct frame *f) {
    int final, e = open_frame(r, &final);
    r->inside = e == 0;
    if (e == 0) e = frame_read(r->plain, (size_t)r->frame_bytes - CHUNK_TAG_BYTES, f);
    if (e != 0) return e;
    f->final = final;
    uint8_t next = steps[r->state][f->type];
    if (next == 0) return ERR_WRONG_STATE;
    /* an error is always final, and besides it only a receipt may be */
    if (f->type == FRAME_ERROR ? !final : final && f->type != FRAME_RECEIPT) return ERR_FORMAT;
    r->state = next;
    if (f->type == FRAME_RECEIPT) return take_receipt(r, f);
    if (f->type == FRAME_ERROR) r->failed_code = f->error.code;
    if (f->type == FRAME_TOKEN && f->token.position != r->next_position++) return ERR_WRONG_STATE;
    return 0;
}

int stream_read(struct stream_reader *r, const uint8_t *p, size_t n, size_t *used, struct frame *f) {
    *used = 0;
    if (r->err) return r->err;
    for (;;) {
        if (r->state == R_DONE) {
            r->inside = 0;
            return n > *used ? fail(r, ERR_TRAILING) : ERR_MORE;
        }
        size_t want = r->state == R_START ? STREAM_START_BYTES : r->frame_bytes, take = want - r->have;
        if (take > n - *used) take = n - *used;
        if (take) memcpy(r->in + r->have, p + *used, take);
        r->have += take;
        *used += take;
        if (r->have < want) return ERR_MORE;
        r->have = 0;
        int starting = r->state == R_START;
        int e = starting ? take_start(r) : take_frame(r, f);
        if (e != 0) return fail(r, e);
        if (!starting) return 0;
    }
}

int stream_reader_end(const struct stream_reader *r) {
    if (r->err) return r->err;
    return r->state == R_DONE ? 0 : ERR_SHORT;
}
