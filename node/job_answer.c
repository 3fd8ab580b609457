/* node/job_answer.c - the sealed answer: start, frames as tokens come, heartbeats, receipt or error, end.
 *
 * With a frame clock (content.pacing_ms) one frame leaves at every tick, a token or a heartbeat, whatever the engine does. */
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/secret.h"
#include "node/job.h"
#include "seal/http_names.h"
#include "seal/idlist.h"
#include "seal/usage.h"

#include <stdlib.h>
#include <string.h>

enum { QUIET_MS = 1000, QUEUE_BYTES_MAX = 32 << 20, END_CAP = STREAM_END_BYTES_MAX };

static void stop_timers(struct job *j) {
    timer_stop(j->quiet);
    timer_stop(j->deadline);
}

/* The gateway cannot be served any further: cancel without a word, which it takes as a lost stream. */
static void abandon(struct job *j) {
    log_event(LOG_WARN, "job", "abandoned", LOG_COUNT("job", j->number));
    struct h2_stream *s = j->stream;
    j->stream = NULL;
    h2_reset(s, H2_INTERNAL);
    job_free(j);
}

/* put: what building the frame returned. When it cannot go out, j is gone. */
static void send_frame(struct job *j, const uint8_t *frame, int put) {
    if (put == 0) put = h2_write(j->stream, frame, j->out.frame_bytes);
    if (put == 0)
        timer_start_ms(j->quiet, j->pacing_ms ? j->pacing_ms : QUIET_MS);
    else
        abandon(j);
}

static void finish(struct job *j, const struct h2_headers *trailers) {
    j->state = JOB_ENDED;
    stop_timers(j);
    worker_cancel(j->model->worker, j->number);
    if (h2_end(j->stream, trailers) != 0) abandon(j);
}

void job_answer_error(struct job *j, enum code code) {
    struct frame_error e = {.code = (uint8_t)code, .node_time_s = clock_unix_s()};
    size_t n = stream_end_bytes(&j->out, 0);
    uint8_t *end = malloc(n ? n : 1);
    int r = end ? stream_put_error(&j->out, end, n, &e) : ERR_NOMEM;
    if (r == 0) r = h2_write(j->stream, end, n);
    free(end);
    log_event(LOG_INFO, "job", "failed", LOG_COUNT("job", j->number), LOG_CODE("code", code_name(code)));
    if (r == 0)
        finish(j, NULL);
    else
        abandon(j);
}

/* ---- the end of a whole answer ---- */

static uint8_t seal_stop_of(enum gen_stop s) {
    return s == STOP_END ? SEAL_STOP_END : s == STOP_STRING ? SEAL_STOP_STRING : SEAL_STOP_LENGTH;
}

static int write_end(struct job *j, const struct work_event *e, const uint8_t *receipt, size_t receipt_n) {
    uint32_t cached = e->times.cached_tokens < j->receipt.prompt_tokens
                          ? e->times.cached_tokens
                          : j->receipt.prompt_tokens; /* resumed ids are none of the prompt's */
    struct frame_usage u = {.stop = seal_stop_of(e->stop),
                            .prompt_tokens = j->receipt.prompt_tokens,
                            .cached_tokens = cached,
                            .output_tokens = j->next_position,
                            .prefill_ns = e->times.prefill_ns,
                            .decode_ns = e->times.decode_ns};
    size_t n = stream_end_bytes(&j->out, receipt_n);
    uint8_t *end = malloc(n ? n : 1);
    int r = end ? stream_put_end(&j->out, end, n, &u, receipt, receipt_n) : ERR_NOMEM;
    if (r == 0) r = h2_write(j->stream, end, n);
    free(end);
    return r;
}

static void end_answer(struct job *j, const struct work_event *e) {
    uint8_t receipt[RECEIPT_BYTES_MAX], usage[USAGE_BYTES];
    char hex[2 * USAGE_BYTES + 1];
    struct usage statement;
    struct receipt *r = &j->receipt;
    r->output_tokens = j->next_position;
    r->stop = seal_stop_of(e->stop);
    sha256_done(&j->text_hash, r->text_hash);
    r->end_ms = clock_unix_ms();
    struct writer w = writer_over(receipt, sizeof receipt), u = writer_over(usage, sizeof usage);
    int err = receipt_sign(r, j->receipt_secret);
    receipt_write(&w, r);
    if (err == 0) err = usage_from_receipt(&statement, r, j->receipt_secret);
    if (err == 0) usage_write(&u, &statement);
    if (err == 0 && (w.err || u.err)) err = ERR_INTERNAL;
    if (err == 0) err = write_end(j, e, receipt, w.len);
    if (err != 0) {
        abandon(j);
        return;
    }
    hex_encode(hex, usage, u.len);
    struct h2_header trailer = {TRAILER_USAGE, hex};
    log_event(LOG_INFO, "job", "done", LOG_COUNT("job", j->number), LOG_COUNT("tokens", j->next_position - j->from));
    finish(j, &(struct h2_headers){&trailer, 1});
}

/* ---- frames ---- */

static void send_accepted(struct job *j, const struct work_event *e) {
    uint8_t frame[FRAME_BYTES_MAX];
    struct frame_accepted a = {.prompt_tokens = e->prompt_tokens};
    memcpy(a.engine_id, j->receipt.engine_id, sizeof a.engine_id);
    memcpy(a.profile, j->receipt.profile, sizeof a.profile);
    memcpy(a.prompt_hash, e->prompt_hash, 32);
    j->receipt.prompt_tokens = e->prompt_tokens;
    prompt_hash_salted(j->receipt.prompt_hash, j->salt, e->prompt_hash);
    send_frame(j, frame, stream_put_accepted(&j->out, frame, &a));
}

static void send_token(struct job *j, const struct work_event *e) {
    uint8_t frame[FRAME_BYTES_MAX];
    struct frame_token t = {
        .position = e->position, .id = e->id, .is_end = (uint8_t)e->is_end, .text = e->text, .text_n = e->text_len};
    memcpy(t.digest, e->digest, 32);
    sha256_add(&j->text_hash, e->text, e->text_len);
    chain_add_id(j->receipt.ids_chain, e->id);
    chain_add_digest(j->receipt.digests_chain, e->digest);
    j->next_position = e->position + 1;
    send_frame(j, frame, stream_put_token(&j->out, frame, &t));
}

/* 1 when a frame went out or the answer ended (j may be gone), 0 when text was only set aside. */
static int send_event(struct job *j, const struct work_event *e) {
    switch (e->kind) {
    case WORK_ACCEPTED: send_accepted(j, e); break;
    case WORK_CARRY:
    case WORK_TEXT:
        sha256_add(&j->text_hash, e->text, e->text_len);
        if (stream_carry_text(&j->out, e->text, e->text_len) == 0) return 0;
        abandon(j);
        break;
    case WORK_TOKEN: send_token(j, e); break;
    case WORK_DONE: end_answer(j, e); break;
    case WORK_FAILED: job_answer_error(j, code_from_err(e->err)); break;
    }
    return 1;
}

void job_answer_event(struct job *j, const struct work_event *e) {
    if (!j->pacing_ms || e->kind == WORK_FAILED)
        (void)send_event(j, e);
    else if (buf_add(&j->queue, e, sizeof *e) != 0)
        job_answer_error(j, CODE_INTERNAL);
}

/* One tick: queued events up to and with the next one that makes a frame. 1 when one did. */
static int send_queued(struct job *j) {
    struct work_event e;
    while (j->queue.len >= sizeof e) {
        memcpy(&e, j->queue.data, sizeof e);
        buf_drop(&j->queue, sizeof e);
        int sent = send_event(j, &e);
        mem_wipe(&e, sizeof e);
        if (sent) return 1;
    }
    return 0;
}

static void on_quiet(void *arg) {
    struct job *j = arg;
    uint8_t frame[FRAME_BYTES_MAX];
    if (j->pacing_ms && send_queued(j)) return;
    send_frame(j, frame, stream_put_heartbeat(&j->out, frame));
}

int job_answer_begin(struct job *j, const struct opened *o) {
    uint8_t first[STREAM_START_BYTES];
    buf_init(&j->queue, QUEUE_BYTES_MAX);
    int r = timer_new(&j->quiet, j->node->loop, on_quiet, j);
    stream_writer_start(&j->out, o, first);
    if (r == 0) r = h2_respond(j->stream, 200, NULL);
    if (r == 0) r = h2_write(j->stream, first, sizeof first);
    if (r != 0) {
        abandon(j);
        return r;
    }
    j->state = JOB_RUNNING;
    timer_start_ms(j->quiet, j->pacing_ms ? j->pacing_ms : QUIET_MS);
    return 0;
}
