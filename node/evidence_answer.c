/* node/evidence_answer.c - see evidence_answer.h. */
#include "node/evidence_answer.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#ifdef LULL_TPM
#include "evidence/binding.h"
#include "node/evidence_ahead.h"
#include "node/evidence_make.h"

/* What is asked, and what the answer is. */
struct asked {
    struct node *n;
    uint8_t nonce[EV_NONCE_BYTES];
    size_t got;
    int too_long;
    struct buf envelope;
};

static void forget(struct asked *a) {
    buf_release(&a->envelope);
    free(a);
}

/* ---- the stream ---- */

static void respond(struct h2_stream *s, int status) {
    if (h2_respond(s, status, NULL) == 0) (void)h2_end(s, NULL);
}

static void send_envelope(struct asked *a, struct h2_stream *s, const struct buf *envelope) {
    const struct h2_header type = {"content-type", "application/cmw+cbor"};
    const struct h2_headers headers = {&type, 1};
    if (h2_respond(s, 200, &headers) != 0) return;
    if (h2_write(s, envelope->data, envelope->len) == 0)
        (void)h2_end(s, NULL);
    else
        h2_reset(s, H2_INTERNAL), forget(a);
}

static void on_end(void *arg, struct h2_stream *s) {
    struct asked *a = arg;
    struct why why = {{0}};
    if (a->too_long || (a->got != 0 && a->got != EV_NONCE_BYTES)) {
        respond(s, 400);
        return;
    }
    const struct buf *ahead = evidence_ahead(a->n);
    if (a->got == 0) {
        if (ahead)
            send_envelope(a, s, ahead);
        else
            respond(s, 404);
        return;
    }
    uint64_t began = clock_mono_ms();
    if (!chip_turns_take(&a->n->proofs, began)) {
        respond(s, 429);
        return;
    }
    int r = evidence_make(a->n, a->nonce, (struct ev_bytes){NULL, 0}, &a->envelope, &why);
    chip_turns_done(&a->n->proofs, began, clock_mono_ms());
    if (r != 0) {
        log_event(LOG_ERROR, "evidence", "not_made", LOG_CODE("reason", err_text(r)));
        respond(s, 503);
        return;
    }
    send_envelope(a, s, &a->envelope);
}

static void on_data(void *arg, struct h2_stream *s, const uint8_t *p, size_t n) {
    struct asked *a = arg;
    h2_consume(s, n);
    if (n > EV_NONCE_BYTES - a->got) a->too_long = 1;
    if (a->too_long) return;
    memcpy(a->nonce + a->got, p, n);
    a->got += n;
}

static void on_close(void *arg, struct h2_stream *s, uint32_t code) {
    (void)s, (void)code;
    forget(arg);
}

static const struct h2_stream_events events = {.on_data = on_data, .on_end = on_end, .on_close = on_close};
static const struct h2_stream_events none = {0};

void evidence_answer_begin(struct node *n, struct h2_stream *s) {
    struct asked *a = mem_zalloc(1, sizeof *a);
    if (!a) {
        h2_stream_set(s, &none, NULL);
        respond(s, 503);
        return;
    }
    buf_init(&a->envelope, 0);
    a->n = n;
    h2_stream_set(s, &events, a);
}
#else
void evidence_answer_begin(struct node *n, struct h2_stream *s) { (void)n, (void)s; } /* n->chip is never there */
#endif
