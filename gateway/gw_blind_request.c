/* gateway/gw_blind_request.c - see gw_blind_request.h. The engine's events become the app's answer, in its dialect.
 *
 * Every token's text goes out at once: it came from products that were checked before they were used. An app that reads slower than
 * tokens come is buffered, up to gw_out.h's bounds, and beyond them loses its answer: it must not hold up those that wait behind it. */
#include "gateway/gw_blind_request.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/secret.h"
#include "blind/roster.h"
#include "gateway/gw_out.h"
#include "seal/codes.h"

#include <stdlib.h>
#include <string.h>

enum { REQUEST_ID = 16 };

struct gw_blind_request {
    struct gateway *gw;
    struct gw_blind_model *model;
    struct gw_blind_request *next, **at; /* at: what points to us */
    uint64_t job;
    uint8_t id[REQUEST_ID];
    enum api_endpoint endpoint;
    struct gw_out out;
    struct timer *timer;
    struct later later;
    int gone, finished, headers_added, accepted;
    uint32_t prompt_tokens, tokens;
    uint64_t started_ms, started_ns, started_unix_ms, deadline_ms;
};

static void release(void *arg) {
    struct gw_blind_request *r = arg;
    struct gateway *g = r->gw;
    *r->at = r->next;
    if (r->next) r->next->at = r->at;
    g->request_count--;
    gw_blind_engine_cancel(r->model->engine, r->job);
    timer_free(r->timer);
    gw_out_release(&r->out);
    mem_wipe(r, sizeof *r);
    free(r);
    gw_idle(g);
}

static void settle(struct gw_blind_request *r) {
    r->finished = 1;
    if (r->out.http) return; /* the app is still reading */
    timer_stop(r->timer);
    loop_later(r->gw->loop, &r->later);
}

static void fail_with(struct gw_blind_request *r, const struct api_error *e) {
    if (r->finished || r->gone) return;
    log_event(LOG_INFO, "request", "failed", LOG_ID("request", r->id, 8), LOG_CODE("code", api_code_name(e->code)),
              LOG_COUNT("tokens", r->tokens), LOG_CODE("tier", "blind"));
    gw_blind_engine_cancel(r->model->engine, r->job);
    gw_out_error(&r->out, e, r->tokens > 0);
    settle(r);
}

static void fail(struct gw_blind_request *r, enum api_code code, const char *text) {
    struct api_error e;
    api_error_set(&e, code, NULL, text ? "%s" : NULL, text);
    fail_with(r, &e);
}

/* ---- headers ---- */

static void add_receipt_header(struct gw_blind_request *r) {
    char hex[2 * REQUEST_ID + 1];
    hex_encode(hex, r->id, REQUEST_ID);
    (void)http_req_add_header(r->out.http, "lull-receipt", hex);
}

static void add_headers(struct gw_blind_request *r) {
    if (r->headers_added || !r->out.http) return;
    r->headers_added = 1;
    (void)http_req_add_header(r->out.http, "lull-tier", "blind");
    (void)http_req_add_header(r->out.http, "lull-blind-mode", gw_blind_mode_name(r->model->mode));
    (void)http_req_add_header(r->out.http, "lull-notice", BLIND_NOTICE);
    /* A whole answer's is added once the receipt is kept; a stream's before, if there is room for it. */
    if (r->out.reply.stream && gw_receipts_room(&r->gw->receipts)) add_receipt_header(r);
}

/* ---- events ---- */

static int keep_receipt(struct gw_blind_request *r, const struct gw_blind_event *e) {
    struct gw_blind_receipt q = {.request_id = r->id,
                                 .model = r->model->shown.name,
                                 .profile = r->model->shown.profile,
                                 .mode = r->model->mode,
                                 .params = r->model->half.params,
                                 .manifest = r->model->digest,
                                 .start_ms = r->started_unix_ms,
                                 .end_ms = clock_unix_ms(),
                                 .prompt_tokens = r->prompt_tokens,
                                 .output_tokens = e->tokens,
                                 .stop = e->stop,
                                 .account = &e->account};
    struct why why = {{0}};
    struct buf file;
    buf_init(&file, BLIND_RECEIPT_BYTES_MAX);
    int err = gw_blind_receipt_write(&file, &q);
    if (err == 0) err = gw_receipts_add(&r->gw->receipts, r->id, &file, &why);
    if (err != 0) log_event(LOG_ERROR, "receipt", "not kept", LOG_ID("request", r->id, 8), LOG_CODE("reason", err_text(err)));
    buf_release(&file);
    return err;
}

static void on_done(struct gw_blind_request *r, const struct gw_blind_event *e) {
    int kept = keep_receipt(r, e) == 0;
    struct api_usage u = {.prompt_tokens = r->prompt_tokens,
                          .cached_tokens = e->account.kept,
                          .output_tokens = e->tokens,
                          .total_ns = clock_mono_ns() - r->started_ns,
                          .prefill_ns = e->times.prefill_ns,
                          .decode_ns = e->times.decode_ns};
    log_event(LOG_INFO, "request", "done", LOG_ID("request", r->id, 8), LOG_COUNT("tokens", e->tokens), LOG_CODE("tier", "blind"),
              LOG_COUNT("products", e->account.products), LOG_COUNT("verified", e->account.verified),
              LOG_MS("took", clock_mono_ms() - r->started_ms));
    add_headers(r);
    if (kept && r->out.http && !r->out.reply.stream) add_receipt_header(r);
    if (gw_out_end(&r->out, e->stop == STOP_LENGTH ? API_FINISH_LENGTH : API_FINISH_STOP, &u) != 0)
        fail(r, API_INTERNAL, NULL);
    else
        settle(r);
}

/* Nobody is left, and somebody would serve, were it paid for: what to do about it, by the options that the user has. 0: that is not so. */
static int unpaid(const struct gw_blind_request *r, struct api_error *err) {
    const struct gw_blind_half *h = &r->model->half;
    const struct gw_blind_opts *o = &r->gw->o.blind;
    enum pair_role role;
    uint8_t identity[32];
    char who[9];
    if (!roster_unpaid(h->client->roster(h->state), &role, identity)) return 0;
    int lattice = r->model->mode == GW_BLIND_LATTICE;
    const char *option = lattice ? "--lattice-token" : role == PAIR_A ? "--pair-a-token" : "--pair-b-token";
    hex_encode(who, identity, 4);
    if (!o->token[role].len)
        api_error_set(err, API_UNPAID, NULL,
                      "tier blind (" BLIND_NOTICE "): worker %s computes%s for who has paid in advance: ask its operator for a "
                      "token, and start the gateway with %s FILE",
                      who,
                      lattice          ? ""
                      : role == PAIR_A ? " for A"
                                       : " for B",
                      option);
    else
        api_error_set(err, API_UNPAID, NULL,
                      "tier blind (" BLIND_NOTICE
                      "): the columns prepaid%s are used up at worker %s, or it does not know the token: "
                      "have its operator add columns to it, then ask again; for another token start the gateway with %s FILE",
                      lattice          ? ""
                      : role == PAIR_A ? " for A"
                                       : " for B",
                      who, option);
    return 1;
}

static void on_failed(struct gw_blind_request *r, const struct gw_blind_event *e) {
    struct api_error err;
    if (e->err == ERR_CONTEXT)
        api_error_set(&err, API_CONTEXT_OVER, r->endpoint == API_GENERATE ? "prompt" : "messages",
                      "the prompt, with room for an answer, does not fit the context of %s, %u tokens", r->model->shown.name,
                      r->model->shown.context);
    else if (e->err != ERR_LOST)
        api_error_set(&err, (enum api_code)(API_REFUSED + code_from_err(e->err) - CODE_REFUSED), NULL, NULL);
    else if (!unpaid(r, &err))
        api_error_set(&err, r->tokens ? API_LOST : API_NO_NODE, NULL, "tier blind (" BLIND_NOTICE "): %s",
                      e->why[0] ? e->why : "no worker is left");
    fail_with(r, &err);
}

static void on_accepted(struct gw_blind_request *r, const struct gw_blind_event *e) {
    uint8_t engine[32];
    r->prompt_tokens = e->prompt_tokens;
    r->accepted = 1;
    sha256_of(engine, "lull-" LULL_VERSION, strlen("lull-" LULL_VERSION));
    reply_fingerprint(&r->out.reply, engine, r->model->digest);
}

static struct gw_blind_request *find(const struct gateway *g, uint64_t job) {
    for (struct gw_blind_request *r = g->blind->requests; r; r = r->next)
        if (r->job == job) return r;
    return NULL;
}

void gw_blind_request_event(void *arg, const struct gw_blind_event *e) {
    struct gateway *g = arg;
    struct gw_blind_request *r = g->blind ? find(g, e->job) : NULL;
    uint64_t now = clock_mono_ms();
    if (!r || r->gone || r->finished) return; /* it was cancelled meanwhile */
    switch (e->kind) {
    case BLIND_EVENT_ACCEPTED: on_accepted(r, e); break;
    case BLIND_EVENT_TEXT:
        r->tokens = e->tokens;
        add_headers(r);
        if (gw_out_text(&r->out, e->text, e->text_len, now) != 0) fail(r, API_INTERNAL, "the answer was read too slowly");
        break;
    case BLIND_EVENT_DONE: on_done(r, e); break;
    case BLIND_EVENT_FAILED: on_failed(r, e); break;
    }
}

/* ---- time, and the app ---- */

static void on_timer(void *arg) {
    struct gw_blind_request *r = arg;
    uint64_t now = clock_mono_ms();
    if (r->finished || r->gone) return;
    if (now >= r->deadline_ms) {
        fail(r, API_DEADLINE, NULL);
        return;
    }
    if (r->out.reply.stream && now - r->out.wrote_ms >= OUT_QUIET_MS) {
        add_headers(r);
        gw_out_keepalive(&r->out, now);
    }
    uint64_t left = r->deadline_ms - now;
    timer_start_ms(r->timer, left < OUT_QUIET_MS / 2 ? left + 1 : OUT_QUIET_MS / 2);
}

static void on_gone(void *arg) {
    struct gw_blind_request *r = arg;
    if (!r->finished)
        log_event(LOG_INFO, "request", "client left", LOG_ID("request", r->id, 8), LOG_COUNT("tokens", r->tokens),
                  LOG_CODE("tier", "blind"));
    r->gone = 1;
    r->out.http = NULL;
    timer_stop(r->timer);
    gw_blind_engine_cancel(r->model->engine, r->job);
    loop_later(r->gw->loop, &r->later);
}

static void on_writable(void *arg) {
    struct gw_blind_request *r = arg;
    gw_out_writable(&r->out);
    if (r->finished && !r->out.http) settle(r);
}

/* ---- begin ---- */

/* Ollama's empty request: the model is loaded as long as the gateway runs. */
static void answer_load(struct gateway *g, struct http_req *http, const struct api_request *q) {
    struct api_reply reply;
    uint8_t id[REQUEST_ID];
    struct buf b;
    random_bytes(id, sizeof id);
    reply_init(&reply, q, id, g->o.coordinator);
    buf_init(&b, 8192);
    (void)reply_loaded(&b, &reply, q->action);
    http_reply(http, 200, reply_content_type(&reply), b.data, b.len);
    buf_release(&b);
}

static struct gw_blind_request *new_request(struct gateway *g, struct gw_blind_model *m, struct http_req *http,
                                            const struct api_request *q) {
    struct api_reply reply;
    char hex[2 * REQUEST_ID + 1];
    struct gw_blind_request *r = mem_zalloc(1, sizeof *r);
    if (!r || timer_new(&r->timer, g->loop, on_timer, r) != 0) {
        free(r);
        return NULL;
    }
    r->gw = g;
    r->model = m;
    r->job = ++g->blind->next_job;
    r->endpoint = q->endpoint;
    r->later = (struct later){.fn = release, .arg = r};
    r->started_ms = clock_mono_ms();
    r->started_ns = clock_mono_ns();
    r->started_unix_ms = clock_unix_ms();
    r->deadline_ms = r->started_ms + api_deadline_ms(http_req_header(http, "x-stainless-timeout"));
    random_bytes(r->id, sizeof r->id);
    reply_init(&reply, q, r->id, g->o.coordinator);
    gw_out_init(&r->out, http, &reply);
    r->next = g->blind->requests;
    r->at = &g->blind->requests;
    if (r->next) r->next->at = &r->next;
    g->blind->requests = r;
    g->request_count++;
    http_req_watch(http, on_gone, on_writable, r);
    hex_encode(hex, r->id, REQUEST_ID);
    (void)http_req_add_header(http, "x-request-id", hex);
    return r;
}

/* The engine gets the request with its texts; what the app is told needs them no more. */
static int submit(struct gw_blind_request *r, struct api_request *q) {
    struct gw_blind_work *w = mem_zalloc(1, sizeof *w);
    if (!w) return ERR_NOMEM;
    if (!q->has_seed) random_bytes(&q->gen.sampling.seed, sizeof q->gen.sampling.seed);
    q->gen.template_time = clock_unix_s();
    w->job = r->job;
    w->request = *q;
    *q = (struct api_request){.endpoint = q->endpoint};
    int e = gw_blind_engine_submit(r->model->engine, w);
    if (e != 0) gw_blind_work_free(w);
    return e;
}

void gw_blind_request_start(struct gateway *g, struct gw_blind_model *m, struct http_req *http, struct api_request *q) {
    struct api_error e;
    if (q->action != API_ANSWER) {
        answer_load(g, http, q);
        api_request_free(q);
        return;
    }
    struct gw_blind_request *r = new_request(g, m, http, q);
    if (!r) {
        api_error_set(&e, API_INTERNAL, NULL, "out of memory");
        gw_reply_error(http, &e, api_dialect_of(q->endpoint), 0);
        api_request_free(q);
        return;
    }
    int err = submit(r, q);
    api_request_free(q); /* fine when it was handed over */
    if (err != 0)
        fail(r, err == ERR_BUSY ? API_BUSY : API_INTERNAL, NULL);
    else
        on_timer(r);
}

/* ---- all of them ---- */

void gw_blind_requests_fail(struct gateway *g, enum api_code code) {
    for (struct gw_blind_request *r = g->blind ? g->blind->requests : NULL; r; r = r->next) fail(r, code, NULL);
}

int gw_blind_requests_show(const struct gateway *g, struct buf *out, int first) {
    int e = 0;
    for (const struct gw_blind_request *r = g->blind ? g->blind->requests : NULL; e == 0 && r; r = r->next) {
        char id[2 * REQUEST_ID + 1];
        if (r->gone || r->finished) continue;
        hex_encode(id, r->id, REQUEST_ID);
        e = buf_addf(out,
                     "%s{\"id\":\"%s\",\"model\":\"%s\",\"tier\":\"blind\",\"state\":\"%s\",\"node\":null,\"tokens\":%u,"
                     "\"attempts\":1,\"age_ms\":%llu}",
                     first ? "" : ",", id, r->model->shown.name, r->accepted ? "running" : "waiting", r->tokens,
                     (unsigned long long)(clock_mono_ms() - r->started_ms));
        first = 0;
    }
    return e;
}
