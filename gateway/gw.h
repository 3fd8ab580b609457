/* gateway/gw.h - the gateway's parts as they know each other. One thread, one loop: nothing here is locked. */
#ifndef GATEWAY_GW_H
#define GATEWAY_GW_H

#include "base/file.h"
#include "gateway/gw_dir.h"
#include "gateway/gw_evidence.h"
#include "gateway/gw_link.h"
#include "gateway/gw_opts.h"
#include "gateway/gw_pins.h"
#include "gateway/gw_receipts.h"
#include "gateway/gw_salt.h"
#include "net/httpd.h"
#include "net/loop.h"

struct gw_request;
struct gw_blind;
struct gateway {
    struct gw_opts o;
    struct loop *loop;
    struct httpd *http;
    struct gw_link *link;
    struct data_dir data;
    struct gw_dir dir;
    struct pins pins;
    struct gw_receipts receipts;
    struct gw_salt salt;          /* of the KV pages that nodes keep */
    struct gw_request *requests;  /* newest first */
    size_t request_count;         /* of both tiers */
    struct gw_evidence *evidence; /* NULL: without a policy nothing is attested */
    struct gw_blind *blind;       /* NULL: no model is prepared for it */
    uint64_t link_up_ms;          /* when the first directory of the present link came */
    uint64_t started_s;           /* unix */
    int stopping;
    struct timer *stop_timer, *link_check;
};

/* gw_routes.c: every request that passed the server's checks, and those that did not. */
void gw_on_request(void *arg, struct http_req *r);
void gw_on_problem(void *arg, struct http_req *r, enum http_problem p);
/* "/api" speaks Ollama's dialect, all else OpenAI's. */
enum api_dialect gw_dialect_of(const char *path);

/* gw_lists.c: answers from memory. */
void gw_show_models(struct gateway *g, struct http_req *r);
void gw_show_model(struct gateway *g, struct http_req *r, const char *name);
void gw_show_tags(struct gateway *g, struct http_req *r);
void gw_show_version(struct gateway *g, struct http_req *r);
void gw_show_health(struct gateway *g, struct http_req *r);
void gw_show_status(struct gateway *g, struct http_req *r);
void gw_show_receipt(struct gateway *g, struct http_req *r, const char *name);
void gw_show_root(struct gateway *g, struct http_req *r);

/* gateway_main.c: called when the last request has ended, so that a stopping gateway can go. */
void gw_idle(struct gateway *g);

#endif
