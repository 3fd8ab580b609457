/* gateway/gw_out.h - the app's side of one answer: text in, chunks or one body out, as fast as the app takes them.
 *
 * Text may be cut anywhere: what is no whole character yet waits for the next piece, since JSON cannot carry half of one. */
#ifndef GATEWAY_GW_OUT_H
#define GATEWAY_GW_OUT_H

#include "api/reply.h"
#include "net/httpd.h"

enum {
    OUT_TEXT_MAX = 32 << 20,   /* of a whole body */
    OUT_PENDING_MAX = 4 << 20, /* chunks that wait for the app; the sealed stream is held up long before */
    OUT_QUIET_MS = 10000       /* silence before a keep-alive comment */
};
struct gw_out {
    struct http_req *http; /* NULL once answered */
    struct api_reply reply;
    enum api_dialect dialect;
    int begun, ending; /* headers are out; the last chunk is in pending */
    uint8_t tail[4];   /* begin of a character */
    size_t tail_n;
    struct buf text;    /* not streaming: the whole answer */
    struct buf pending; /* streaming: not taken by the app yet */
    uint64_t wrote_ms;
};
void gw_out_init(struct gw_out *o, struct http_req *http, const struct api_reply *reply);
void gw_out_release(struct gw_out *o); /* wipes; the request must have been answered, or be gone */

/* Streaming: headers and the first chunk go out, once. */
int gw_out_begin(struct gw_out *o, uint64_t now_ms);
/* ERR_NOMEM: more than OUT_*_MAX. */
int gw_out_text(struct gw_out *o, const uint8_t *text, size_t n, uint64_t now_ms);
/* The whole answer, or its last chunks. o->http is NULL when all is handed over, else once the app has taken it. */
int gw_out_end(struct gw_out *o, enum api_finish finish, const struct api_usage *u);
/* An error object with its status, or, when a stream is under way, as its last event. */
void gw_out_error(struct gw_out *o, const struct api_error *e, int after_work);
/* A comment when nothing was written for OUT_QUIET_MS. */
void gw_out_keepalive(struct gw_out *o, uint64_t now_ms);
/* The app takes more again. */
void gw_out_writable(struct gw_out *o);
/* 1 while the app is behind: take no more of the sealed stream. */
int gw_out_behind(const struct gw_out *o);

/* An error as a whole answer, for requests that never become a gw_out. The request is dead afterwards. */
void gw_reply_error(struct http_req *r, const struct api_error *e, enum api_dialect dialect, int after_work);

#endif
