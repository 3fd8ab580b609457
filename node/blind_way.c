/* node/blind_way.c - worker sessions through the coordinator: one stream of its link each, open both ways. */
#include "base/log.h"
#include "base/mem.h"
#include "node/blind_visit.h"
#include "node/node_parts.h"
#include "seal/http_names.h"

#include <stdlib.h>

enum { WINDOW = 1 << 20, WRITE_MAX = 16 << 20 };
struct way {
    struct h2_stream *s; /* NULL: closed */
    struct blind_visit *session;
};

/* ---- what the session does to it ---- */

static int on_write(void *arg, const void *p, size_t n) {
    struct way *w = arg;
    return w->s ? h2_write(w->s, p, n) : ERR_LOST;
}

/* No reset, even after an error: the session may be in the middle of a call, and on_close follows an end. */
static void on_session_end(void *arg) {
    struct way *w = arg;
    if (w->s) (void)h2_end(w->s, NULL);
}

static void on_session_drop(void *arg) {
    struct way *w = arg;
    if (w->s) h2_reset(w->s, H2_CANCEL); /* no on_close follows */
    free(w);
}

static void on_consume(void *arg, size_t n) {
    struct way *w = arg;
    if (w->s) h2_consume(w->s, n);
}

/* ---- what the stream does ---- */

static void on_data(void *arg, struct h2_stream *s, const uint8_t *p, size_t n) {
    (void)s;
    blind_visit_bytes(((struct way *)arg)->session, p, n);
}

static void on_end(void *arg, struct h2_stream *s) {
    (void)s;
    blind_visit_end(((struct way *)arg)->session);
}

static void on_sent(void *arg, struct h2_stream *s, size_t n) {
    (void)s;
    blind_visit_sent(((struct way *)arg)->session, n);
}

static void on_close(void *arg, struct h2_stream *s, uint32_t code) {
    struct way *w = arg;
    (void)s, (void)code;
    w->s = NULL;
    blind_visit_free(w->session);
    free(w);
}

static const struct h2_stream_events events = {.on_data = on_data, .on_end = on_end, .on_sent = on_sent, .on_close = on_close};

static void refuse(struct h2_stream *s, enum code code) {
    static const struct h2_stream_events none = {0};
    struct h2_header why = {HEADER_CODE, code_name(code)};
    h2_stream_set(s, &none, NULL);
    if (h2_respond(s, (int)code_http_status(code), &(struct h2_headers){&why, 1}) == 0)
        (void)h2_end(s, NULL);
    else
        h2_reset(s, H2_INTERNAL);
}

void blind_way_begin(struct node *n, struct h2_stream *s) {
    struct way *w = n->draining ? NULL : mem_zalloc(1, sizeof *w);
    struct blind_pipe pipe = {on_write, on_session_end, on_session_drop, on_consume, w};
    if (!w || blind_visit_open(&w->session, n, &pipe) != 0) {
        free(w);
        refuse(s, n->draining ? CODE_DRAINING : CODE_BUSY);
        return;
    }
    w->s = s;
    h2_stream_set(s, &events, w);
    (void)h2_stream_widen(s, WINDOW, WRITE_MAX); /* else it is slower */
    (void)h2_respond(s, 200, NULL);              /* a link that is dying says so in on_close */
}
