/* coordinator/route_local.c - the way to a node over its own link: a job is one HTTP/2 stream. See route.h. */
#include "base/err.h"
#include "base/mem.h"
#include "coordinator/route.h"
#include "net/h2.h"
#include "seal/http_names.h"

#include <stdlib.h>

struct local_job {
    struct route_job job;
    struct h2_stream *s;
    const struct route_events *ev; /* NULL: the last call was made */
    void *arg;
    enum route_kind kind;
    int accepted, whole;
};

/* A node says by the status alone why it has no evidence to give. */
static enum code evidence_code(int status) {
    return status == 400   ? CODE_BAD_REQUEST
           : status == 404 ? CODE_NO_MODEL
           : status == 429 ? CODE_RATE
           : status == 503 ? CODE_BUSY
                           : CODE_NONE;
}

static int of_the_chip(enum route_kind kind) { return kind == ROUTE_EVIDENCE || kind == ROUTE_ACTIVATE; }

static void on_response(void *arg, struct h2_stream *s, int status, const struct h2_headers *h) {
    struct local_job *j = arg;
    if (j->accepted) return;
    if (status == 200) {
        j->accepted = 1;
        if (j->kind == ROUTE_BLIND) (void)h2_stream_widen(s, ROUTE_BLIND_WINDOW, ROUTE_BLIND_WRITE); /* else it is slower */
        j->ev->on_accepted(j->arg);
        return;
    }
    const char *name = h2_header_get(h, HEADER_CODE);
    enum code code = name ? code_from_name(name) : of_the_chip(j->kind) ? evidence_code(status) : CODE_NONE;
    const struct route_events *ev = j->ev;
    j->ev = NULL;
    ev->on_refused(j->arg, code == CODE_NONE ? CODE_INTERNAL : code);
}

static void on_data(void *arg, struct h2_stream *s, const uint8_t *p, size_t n) {
    struct local_job *j = arg;
    if (j->ev)
        j->ev->on_data(j->arg, p, n);
    else
        h2_consume(s, n); /* a refusal has no body; one that is sent all the same is thrown away */
}

static void on_trailers(void *arg, struct h2_stream *s, const struct h2_headers *h) {
    struct local_job *j = arg;
    (void)s;
    const char *hex = h2_header_get(h, TRAILER_USAGE);
    if (hex && j->ev) j->ev->on_usage(j->arg, hex);
}

static void on_end(void *arg, struct h2_stream *s) {
    struct local_job *j = arg;
    (void)s;
    j->whole = 1; /* told from on_close: until then the stream holds a slot of the node */
}

static void on_sent(void *arg, struct h2_stream *s, size_t n) {
    struct local_job *j = arg;
    (void)s;
    if (j->ev) j->ev->on_sent(j->arg, n);
}

static void on_close(void *arg, struct h2_stream *s, uint32_t code) {
    struct local_job *j = arg;
    (void)s;
    const struct route_events *ev = j->ev;
    void *owner = j->arg;
    /* Whole is what ended in good order after an answer of 200; the code may be NO_ERROR's reset of an unfinished upload. */
    int whole = j->whole && j->accepted && code == H2_OK;
    free(j);
    if (!ev) return;
    if (whole)
        ev->on_end(owner);
    else
        ev->on_lost(owner);
}

static const struct h2_stream_events stream_events = {on_response, on_data, on_trailers, on_end, on_sent, NULL, on_close};

static int local_open(struct route *w, enum route_kind kind, const struct route_events *ev, void *arg, struct route_job **out) {
    struct route_local *way = (struct route_local *)(void *)w;
    struct h2_header type = {"content-type", "application/octet-stream"};
    static const char *const paths[] = {
        [ROUTE_JOB] = PATH_JOB, [ROUTE_BLIND] = PATH_BLIND, [ROUTE_EVIDENCE] = PATH_EVIDENCE, [ROUTE_ACTIVATE] = PATH_ACTIVATE};
    struct h2_request ask = {.method = "POST", .path = paths[kind], .headers = {&type, 1}};
    struct local_job *j = mem_zalloc(1, sizeof *j);
    if (!j) return ERR_NOMEM;
    *j = (struct local_job){.job.way = w, .ev = ev, .arg = arg, .kind = kind};
    int r = h2_ask(way->link, &ask, &stream_events, j, &j->s);
    if (r != 0) {
        free(j);
        return r;
    }
    *out = &j->job;
    return 0;
}

static struct local_job *own(struct route_job *j) { return (struct local_job *)(void *)j; }

static int local_write(struct route_job *j, const uint8_t *p, size_t n) { return h2_write(own(j)->s, p, n); }
static int local_end(struct route_job *j) { return h2_end(own(j)->s, NULL); }
static void local_consume(struct route_job *j, size_t n) { h2_consume(own(j)->s, n); }
static void local_cancel(struct route_job *j) {
    h2_reset(own(j)->s, H2_CANCEL);
    free(j);
}

static const struct route_ops local_ops = {local_open, local_write, local_end, local_consume, local_cancel};

void route_local_init(struct route_local *w, struct h2 *link) {
    *w = (struct route_local){.route.ops = &local_ops, .link = link};
}
