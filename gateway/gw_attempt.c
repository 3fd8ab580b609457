/* gateway/gw_attempt.c - see gw_attempt.h. */
#include "gateway/gw_attempt.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/secret.h"
#include "seal/http_names.h"

#include <stdlib.h>
#include <string.h>

struct gw_attempt {
    struct h2_stream *stream; /* NULL once it is closed */
    const struct gw_attempt_events *ev;
    void *arg;
    struct buf envelope;
    size_t sent;
    size_t unconsumed;
    uint64_t bytes, frames;
    int status;         /* 0 until the response's headers came */
    enum api_code code; /* of a refusal */
    int over;           /* on_whole or on_failed was called */
    char countersign[2 * COUNTERSIGN_BYTES + 1];
    struct record records[CANDIDATES_MAX];
    struct envelope_secrets secrets;
    struct stream_reader reader;
};

static void failed(struct gw_attempt *a, enum progress_cause cause, enum api_code code) {
    if (a->over) return;
    a->over = 1;
    if (a->stream) h2_reset(a->stream, H2_CANCEL);
    a->stream = NULL;
    a->ev->on_failed(a->arg, a, cause, code);
}

static void send_more(struct gw_attempt *a) {
    while (a->sent < a->envelope.len) {
        size_t n = a->envelope.len - a->sent, room = h2_write_room(a->stream);
        if (n > room) n = room;
        if (n == 0) n = 1; /* asks for on_writable */
        int r = h2_write(a->stream, a->envelope.data + a->sent, n);
        if (r == ERR_BUSY) return;
        if (r != 0) return; /* on_close follows */
        a->sent += n;
    }
    buf_release(&a->envelope);
    (void)h2_end(a->stream, NULL);
}

static void on_writable(void *arg, struct h2_stream *s) {
    (void)s;
    struct gw_attempt *a = arg;
    if (a->envelope.len) send_more(a);
}

static void on_response(void *arg, struct h2_stream *s, int status, const struct h2_headers *headers) {
    struct gw_attempt *a = arg;
    const char *code = h2_header_get(headers, HEADER_CODE);
    (void)s;
    a->status = status;
    if (status == 200) return;
    a->code = code ? api_code_from_name(code) : API_CODE_NONE;
    failed(a, CAUSE_REFUSED, a->code ? a->code : API_INTERNAL);
}

static void on_data(void *arg, struct h2_stream *s, const uint8_t *p, size_t n) {
    struct gw_attempt *a = arg;
    (void)s;
    a->unconsumed += n;
    a->bytes += n;
    while (n > 0 && !a->over) { /* failed() may free a: nothing may follow it */
        struct frame f;
        size_t used;
        int r = stream_read(&a->reader, p, n, &used, &f);
        if (r == ERR_MORE) return;
        if (r != 0) { /* what did not open may be forged by whoever relays it: no node is to blame */
            failed(a, a->reader.inside ? CAUSE_BAD : CAUSE_LOST, API_BAD_ANSWER);
            return;
        }
        a->frames++;
        p += used;
        n -= used;
        if (f.type == FRAME_ERROR) {
            enum api_code code = (enum api_code)(API_REFUSED + f.error.code - CODE_REFUSED);
            failed(a, CAUSE_ERROR, code);
            return;
        }
        if (a->ev->on_frame(a->arg, a, &f) != 0) {
            failed(a, CAUSE_BAD, API_BAD_ANSWER);
            return;
        }
    }
}

static void on_trailers(void *arg, struct h2_stream *s, const struct h2_headers *headers) {
    struct gw_attempt *a = arg;
    const char *hex = h2_header_get(headers, TRAILER_COUNTERSIGN);
    (void)s;
    if (hex && strlen(hex) < sizeof a->countersign) strcpy(a->countersign, hex);
}

static void on_end(void *arg, struct h2_stream *s) {
    struct gw_attempt *a = arg;
    (void)s;
    if (a->over) return;
    if (stream_reader_end(&a->reader) != 0) {
        failed(a, CAUSE_LOST, API_LOST);
        return;
    }
    a->over = 1;
    a->ev->on_whole(a->arg, a, a->countersign[0] ? a->countersign : NULL);
}

static void on_close(void *arg, struct h2_stream *s, uint32_t code) {
    struct gw_attempt *a = arg;
    (void)s, (void)code;
    a->stream = NULL;
    failed(a, CAUSE_LOST, API_LOST);
}

static const struct h2_stream_events stream_events = {.on_response = on_response,
                                                      .on_data = on_data,
                                                      .on_trailers = on_trailers,
                                                      .on_end = on_end,
                                                      .on_writable = on_writable,
                                                      .on_close = on_close};

static int seal(struct gw_attempt *a, const struct gw_attempt_spec *spec) {
    struct envelope_spec e = {
        .tier = (uint8_t)spec->tier, .model = spec->model, .manifest_hash = spec->manifest, .count = (uint8_t)spec->count};
    for (size_t i = 0; i < spec->count; i++) {
        a->records[i] = spec->to[i]->record;
        e.to[i].key_id = spec->to[i]->key_id;
        e.to[i].seal_key = a->records[i].keys.seal_key;
        e.to[i].kem = a->records[i].keys.kem;
    }
    int r = envelope_seal(&a->envelope, &a->secrets, &e, spec->content);
    if (r == 0) stream_reader_start(&a->reader, &a->secrets, spec->content->so_far.count);
    return r;
}

int gw_attempt_start(struct gw_attempt **out, const struct gw_link *link, const struct gw_attempt_spec *spec,
                     const struct gw_attempt_events *ev, void *arg) {
    struct h2_header fields[2];
    struct h2_request q = {
        .method = "POST", .path = PATH_REQUESTS, .headers = gw_link_headers(link, "application/octet-stream", fields)};
    struct gw_attempt *a = spec->count <= CANDIDATES_MAX ? secret_alloc(sizeof *a) : NULL; /* keys: never in a core or swap */
    if (!a) return ERR_NOMEM;
    memset(a, 0, sizeof *a);
    a->ev = ev;
    a->arg = arg;
    buf_init(&a->envelope, ENVELOPE_BYTES_MAX);
    int r = seal(a, spec);
    if (r == 0) r = h2_ask(gw_link_h2(link), &q, &stream_events, a, &a->stream);
    if (r != 0) {
        a->stream = NULL;
        gw_attempt_free(a);
        return r;
    }
    *out = a;
    send_more(a);
    return 0;
}

void gw_attempt_free(struct gw_attempt *a) {
    if (!a) return;
    if (a->stream) h2_reset(a->stream, H2_CANCEL);
    buf_release(&a->envelope);
    secret_free(a);
}

void gw_attempt_consume(struct gw_attempt *a) {
    size_t n = a->unconsumed;
    a->unconsumed = 0;
    if (a->stream && n) h2_consume(a->stream, n);
}

const struct record *gw_attempt_record(const struct gw_attempt *a) {
    return a->frames || a->reader.inside ? &a->records[a->reader.candidate] : NULL;
}
const struct envelope_secrets *gw_attempt_secrets(const struct gw_attempt *a) { return &a->secrets; }

void gw_attempt_counts(const struct gw_attempt *a, uint64_t *frames, uint64_t *bytes) {
    *frames = a->frames;
    *bytes = a->bytes;
}
