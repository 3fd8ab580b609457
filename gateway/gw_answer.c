/* gateway/gw_answer.c - frames of the sealed stream become the app's answer. See gw_answer.h.
 *
 * Text goes out as it comes. What ends the answer - its last text, finish reason, usage - waits for the receipt to verify, so an
 * app that sees an end sees one that a node has signed for. */
#include "gateway/gw_answer.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/log.h"
#include "gateway/gw_proof.h"
#include "seal/seal_err.h"

#include <string.h>

static struct gw_proof proof_of(const struct gw_request *r) {
    return (struct gw_proof){r->attempt, &r->progress, &r->content, &r->q, r->gw->dir.coordinator_key, &r->shown};
}

static void add_receipt_header(struct gw_request *r) {
    char hex[2 * REQUEST_ID_BYTES + 1];
    hex_encode(hex, r->content.request_id, REQUEST_ID_BYTES);
    (void)http_req_add_header(r->out.http, "lull-receipt", hex);
}

void gw_answer_headers(struct gw_request *r) {
    if (r->headers_added || !r->out.http) return;
    r->headers_added = 1;
    int attested = gw_request_attested(r);
    (void)http_req_add_header(r->out.http, "lull-tier", attested ? "attested" : "sealed");
    (void)http_req_add_header(r->out.http, "lull-node-class", attested ? "attested" : "unattested");
    /* Of those who could open it, not of the one who did: each of them can read it. */
    if (attested) (void)http_req_add_header(r->out.http, "lull-evidence-class", ev_class_name(r->weakest));
    /* A whole answer's is added once the receipt is kept; a stream's before, if there is room for it. */
    if (r->out.reply.stream && gw_receipts_room(&r->gw->receipts)) add_receipt_header(r);
}

/* ---- frames ---- */

/* What the receipt will say that the gateway had verified of the node; nothing is known any more if the verdict has just ended. */
static void note_shown(struct gw_request *r) {
    uint8_t key_id[32];
    memset(&r->shown, 0, sizeof r->shown);
    if (!gw_request_attested(r)) return;
    keystmt_id(key_id, &gw_attempt_record(r->attempt)->keys);
    const struct gw_verdict *v = gw_verdicts_find(gw_evidence_verdicts(r->gw->evidence), key_id, clock_unix_s(), clock_mono_ms());
    if (!v || v->shows == EV_CLASS_NONE) return;
    r->shown.class_number = (uint8_t)v->shows;
    memcpy(r->shown.policy, v->policy, 32);
    memcpy(r->shown.envelope, v->envelope, 32);
    r->shown.judged_s = v->judged_s;
}

static int on_accepted(struct gw_request *r, const struct frame_accepted *a, uint64_t now) {
    uint8_t engine[32];
    struct gw_proof p = proof_of(r);
    int e = gw_proof_accepted(&p, a);
    if (e == 0) e = progress_accepted(&r->progress, a);
    if (e != 0) return e;
    note_shown(r);
    sha256_of(engine, a->engine_id, strlen(a->engine_id));
    if (!r->out.reply.fingerprint[0]) reply_fingerprint(&r->out.reply, engine, r->manifest);
    gw_answer_headers(r);
    return gw_out_begin(&r->out, now);
}

static int on_token(struct gw_request *r, const struct frame_token *t, uint64_t now) {
    const uint8_t *text;
    size_t n;
    int e = progress_token(&r->progress, t, &text, &n);
    return e == 0 ? gw_out_text(&r->out, text, n, now) : e;
}

/* The first answer under a name decides which file the name stands for. */
static void pin_model(const struct gw_request *r) {
    struct why why = {{0}};
    int e = pins_add(&r->gw->pins, r->q.model, r->manifest, &why);
    if (e != 0) log_event(LOG_ERROR, "pins", "not written", LOG_CODE("reason", err_text(e)));
}

static int on_receipt(struct gw_request *r, const struct frame *f, uint64_t now) {
    if (!f->final) return 0;
    struct gw_proof p = proof_of(r);
    int e = gw_proof_check(&p, &r->usage, clock_unix_ms(), f->receipt.p, f->receipt.n, &r->receipt);
    if (e != 0) {
        log_event(LOG_WARN, "receipt", "does not verify", LOG_ID("request", r->content.request_id, 8),
                  LOG_ID("node", gw_attempt_record(r->attempt)->keys.identity, 8), LOG_CODE("check", seal_err_text(e)));
        return e;
    }
    size_t held;
    const uint8_t *text = progress_held(&r->progress, &held);
    pin_model(r);
    progress_done(&r->progress);
    r->closing_ms = now;
    e = gw_out_text(&r->out, text, held, now);
    gw_request_wake(r); /* the timer now waits for the countersignature */
    return e;
}

static int on_frame(void *arg, struct gw_attempt *a, const struct frame *f) {
    struct gw_request *r = arg;
    uint64_t now = clock_mono_ms();
    int e = 0;
    if (r->finished || r->gone) return 0;
    progress_frame(&r->progress, now);
    switch (f->type) {
    case FRAME_ACCEPTED: e = on_accepted(r, &f->accepted, now); break;
    case FRAME_TOKEN: e = on_token(r, &f->token, now); break;
    case FRAME_TEXT: e = progress_text(&r->progress, f->text.p, f->text.n); break;
    case FRAME_USAGE: r->usage = f->usage; break;
    case FRAME_RECEIPT: e = on_receipt(r, f, now); break;
    default: break;
    }
    if (!gw_out_behind(&r->out)) gw_attempt_consume(a);
    return e;
}

/* ---- the end of an attempt ---- */

/* 0: it is kept where it is wanted. */
static int keep_receipt(struct gw_request *r, const char *countersign) {
    struct gw_proof p = proof_of(r);
    struct why why = {{0}};
    struct buf file;
    int disputed;
    buf_init(&file, TRANSCRIPT_BYTES_MAX);
    int e = gw_proof_file(&p, &r->receipt, countersign, &file, &disputed);
    if (disputed)
        log_event(LOG_WARN, "accounting", "disputed", LOG_ID("request", r->content.request_id, 8),
                  LOG_CODE("check", seal_err_text(disputed)));
    if (e == 0) e = gw_receipts_add(&r->gw->receipts, r->content.request_id, &file, &why);
    if (e != 0)
        log_event(LOG_ERROR, "receipt", "not kept", LOG_ID("request", r->content.request_id, 8), LOG_CODE("reason", err_text(e)));
    buf_release(&file);
    return e;
}

void gw_answer_complete(struct gw_request *r, const char *countersign) {
    if (r->finished) return;
    int kept = keep_receipt(r, countersign) == 0;
    struct api_usage u = {.prompt_tokens = r->progress.prompt_tokens,
                          .cached_tokens = r->usage.cached_tokens,
                          .output_tokens = r->usage.output_tokens,
                          .total_ns = clock_mono_ns() - r->started_ns,
                          .prefill_ns = r->usage.prefill_ns,
                          .decode_ns = r->usage.decode_ns};
    log_event(LOG_INFO, "request", "done", LOG_ID("request", r->content.request_id, 8), LOG_COUNT("tokens", u.output_tokens),
              LOG_COUNT("attempts", r->progress.attempts), LOG_MS("took", clock_mono_ms() - r->started_ms));
    gw_answer_headers(r);
    if (kept && r->out.http && !r->out.reply.stream) add_receipt_header(r);
    if (gw_out_end(&r->out, r->usage.stop == SEAL_STOP_LENGTH ? API_FINISH_LENGTH : API_FINISH_STOP, &u) != 0)
        gw_request_fail(r, API_INTERNAL);
    else
        gw_request_settle(r);
}

static void on_whole(void *arg, struct gw_attempt *a, const char *countersign) {
    struct gw_request *r = arg;
    (void)a;
    if (r->progress.state == PROGRESS_DONE && !r->gone) gw_answer_complete(r, countersign);
}

static void on_failed(void *arg, struct gw_attempt *a, enum progress_cause cause, enum api_code code) {
    struct gw_request *r = arg;
    const struct record *node = gw_attempt_record(a);
    if (r->gone || r->finished) return;
    if (r->progress.state == PROGRESS_DONE) { /* the answer is whole, only its countersignature is lost */
        gw_answer_complete(r, NULL);
        return;
    }
    log_event(LOG_INFO, "attempt", "failed", LOG_ID("request", r->content.request_id, 8),
              LOG_COUNT("attempt", r->progress.attempts), LOG_COUNT("tokens", progress_count(&r->progress)),
              LOG_CODE("code", api_code_name(code)));
    progress_lost(&r->progress, clock_mono_ms(), node ? node->keys.identity : NULL, cause, code);
    r->attempt = NULL;
    gw_attempt_free(a);
    gw_link_refresh(r->gw->link);
    gw_request_wake(r);
}

const struct gw_attempt_events gw_answer_events = {.on_frame = on_frame, .on_whole = on_whole, .on_failed = on_failed};
