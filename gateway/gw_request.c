/* gateway/gw_request.c - see gw_request.h. The life of a request: checked, sealed, sent, watched, sent again, ended. */
#include "gateway/gw_request.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/secret.h"
#include "gateway/gw_answer.h"
#include "gateway/gw_blind_request.h"
#include "gateway/gw_models.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    EVIDENCE_WAIT_MS = 15000, /* for the first node whose evidence is good */
    EVIDENCE_MORE_MS = 1500,  /* and for more, once there is one */
    LINK_WAIT_MS = 5000,      /* a new request waits so long for a link */
    SETTLE_MS = 3000,         /* and after a link came up, so long for nodes to come back to the coordinator */
    NO_NODE_MS = 60000,       /* an answer under way waits so long for a node */
    POLL_MS = 100,            /* meanwhile */
    REFUSALS_BYTES = 384,     /* of nodes' names and factors, in an error's text */
    COUNTERSIGN_WAIT_MS = 300 /* after the receipt */
};

static void release(void *arg) {
    struct gw_request *r = arg;
    struct gateway *g = r->gw;
    *r->at = r->next;
    if (r->next) r->next->at = r->at;
    g->request_count--;
    gw_attempt_free(r->attempt);
    timer_free(r->timer);
    gw_out_release(&r->out);
    progress_release(&r->progress);
    api_request_free(&r->q);
    mem_wipe(r, sizeof *r);
    free(r);
    gw_idle(g);
}

void gw_request_settle(struct gw_request *r) {
    r->finished = 1;
    if (r->out.http) return; /* the app is still reading */
    timer_stop(r->timer);
    loop_later(r->gw->loop, &r->later);
}

void gw_request_wake(struct gw_request *r) {
    if (!r->finished && !r->gone) timer_start_ms(r->timer, 0);
}

/* Of the model file that is asked, as a node that serves it says; 0: nobody does now. How many tokens the prompt has is the
 * nodes' to know: the gateway has no tokenizer. */
static unsigned context_of(const struct gw_request *r) {
    for (size_t i = 0; i < r->gw->dir.count; i++) {
        const struct manifest *m = record_model(&r->gw->dir.nodes[i].record, r->q.model, r->manifest);
        if (m) return m->context;
    }
    return 0;
}

static void describe(const struct gw_request *r, enum api_code code, struct api_error *e) {
    if (code == API_CONTEXT_OVER)
        api_error_set(e, code, r->q.endpoint == API_GENERATE ? "prompt" : "messages",
                      "the prompt, with room for an answer, does not fit the context of %s, %u tokens", r->q.model,
                      context_of(r));
    else if (code == API_NO_MODEL)
        gw_models_missing(r->gw, r->q.asked, e);
    else
        api_error_set(e, code, NULL, r->why_no_node[0] && code == API_NO_NODE ? "%s" : NULL, r->why_no_node);
}

void gw_request_fail(struct gw_request *r, enum api_code code) {
    struct api_error e;
    if (r->finished) return;
    progress_fail(&r->progress, code);
    describe(r, code, &e);
    log_event(LOG_INFO, "request", "failed", LOG_ID("request", r->content.request_id, 8), LOG_CODE("code", api_code_name(code)),
              LOG_COUNT("tokens", progress_count(&r->progress)), LOG_COUNT("attempts", r->progress.attempts));
    gw_attempt_free(r->attempt);
    r->attempt = NULL;
    gw_out_error(&r->out, &e, progress_count(&r->progress) > 0);
    gw_request_settle(r);
}

/* ---- sealing and sending ---- */

static uint32_t random_below(void *arg, uint32_t below) {
    uint64_t x;
    (void)arg;
    random_bytes(&x, sizeof x);
    return (uint32_t)(x % below); /* 64 bits over a few hundred nodes: the bias is not measurable */
}

/* The file that the name stands for. 0; or what the request fails with. */
static enum api_code find_manifest(struct gw_request *r) {
    if (r->has_manifest) return API_CODE_NONE;
    if (gw_models_resolve(r->gw, r->q.model) != 0) return API_NO_MODEL;
    if (gw_models_choose(r->gw, r->q.model, r->manifest) != 0) return API_NO_MODEL;
    r->has_manifest = 1; /* for all attempts */
    return API_CODE_NONE;
}

int gw_request_attested(const struct gw_request *r) { return r->q.min_tier == API_TIER_ATTESTED; }

static void note_weakest(struct gw_request *r, const struct gw_node *const *to, size_t count, uint64_t now) {
    const struct gw_verdicts *v = gw_evidence_verdicts(r->gw->evidence);
    for (size_t i = 0; i < count; i++)
        r->weakest = gw_weaker_class(r->weakest, gw_verdicts_class(v, to[i]->key_id, clock_unix_s(), now));
}

static int seal_and_send(struct gw_request *r, const struct gw_node *const *to, size_t count, uint64_t now) {
    uint8_t identities[CANDIDATES_MAX][32];
    struct content *c = &r->content;
    struct progress *p = &r->progress;
    c->attempt = (uint8_t)(p->attempts < CONTENT_ATTEMPT_MAX ? p->attempts : CONTENT_ATTEMPT_MAX);
    c->time_s = clock_unix_s();
    c->deadline_ms = (uint32_t)(p->deadline_ms > now ? p->deadline_ms - now : 1);
    c->so_far = progress_ids(p);
    c->text_delivered = p->text_bytes;
    if (p->has_prompt) memcpy(c->prompt_hash, p->prompt_hash, 32);
    for (size_t i = 0; i < count; i++) memcpy(identities[i], to[i]->record.keys.identity, 32);
    struct gw_attempt_spec spec = {.tier = gw_request_attested(r) ? TIER_ATTESTED : TIER_SEALED,
                                   .model = r->q.model,
                                   .manifest = r->manifest,
                                   .to = to,
                                   .count = count,
                                   .content = c};
    int e = gw_attempt_start(&r->attempt, r->gw->link, &spec, &gw_answer_events, r);
    if (e == 0) progress_sent(p, now, (const uint8_t(*)[32])identities, count);
    if (e == 0 && gw_request_attested(r)) note_weakest(r, to, count, now);
    return e;
}

static void say_who_was_refused(struct gw_request *r, const struct gw_wish *w) {
    char who[REFUSALS_BYTES];
    size_t refused = gw_evidence_refusals(r->gw->evidence, &r->gw->dir, w, who, sizeof who);
    if (refused)
        snprintf(r->why_no_node, sizeof r->why_no_node,
                 "no node of this model has shown what the policy of tier attested asks; refused: %zu (%s)", refused, who);
}

/* Nobody qualifies: nodes may be on their way back, or it is time to say so. */
static void nobody(struct gw_request *r, const struct gw_wish *w, uint64_t now) {
    int under_way = r->progress.has_prompt;
    if (under_way ? now - r->no_node_ms < NO_NODE_MS : now - r->gw->link_up_ms < SETTLE_MS) {
        gw_link_refresh(r->gw->link);
        return;
    }
    if (gw_request_attested(r)) say_who_was_refused(r, w);
    if (!r->why_no_node[0] && gw_dir_has_model(&r->gw->dir, r->q.model))
        strcpy(r->why_no_node, "no node of this model qualifies: see the gateway's pins, and its file of pinned models");
    gw_request_fail(r, under_way ? API_LOST : API_NO_NODE);
}

/* Asks for evidence that is not there yet, of all who qualify: else those who were asked first were all that is ever drawn from. 1: it
 * is to be waited for, rather than sealing to fewer nodes or giving up. */
static int wait_for_evidence(struct gw_request *r, const struct gw_wish *w, size_t count, uint64_t now) {
    if (!w->verdicts || gw_evidence_want(r->gw->evidence, &r->gw->dir, w) == 0 || count >= w->want) return 0;
    if (!r->evidence_ms) r->evidence_ms = now;
    return now - r->evidence_ms < (count ? EVIDENCE_MORE_MS : EVIDENCE_WAIT_MS);
}

static void try_to_send(struct gw_request *r, uint64_t now) {
    struct gateway *g = r->gw;
    const struct gw_node *to[CANDIDATES_MAX];
    if (!gw_link_h2(g->link) || !g->dir.fresh) {
        if (r->progress.attempts == 0 && now - r->started_ms >= LINK_WAIT_MS) {
            strcpy(r->why_no_node, "the coordinator cannot be reached now");
            gw_request_fail(r, API_NO_NODE);
        }
        return;
    }
    enum api_code bad = find_manifest(r);
    if (bad) {
        gw_request_fail(r, bad);
        return;
    }
    struct gw_wish w = {.model = r->q.model,
                        .manifest = r->manifest,
                        .policy = &g->o.policy,
                        .progress = &r->progress,
                        .want = g->o.candidates,
                        .now_s = clock_unix_s(),
                        .now_ms = now,
                        .verdicts = gw_request_attested(r) ? gw_evidence_verdicts(g->evidence) : NULL};
    size_t count = gw_draw(&g->dir, &w, random_below, NULL, to);
    if (wait_for_evidence(r, &w, count, now)) return;
    r->evidence_ms = 0;
    if (count == 0) {
        if (!r->no_node_ms) r->no_node_ms = now;
        nobody(r, &w, now);
        return;
    }
    r->no_node_ms = 0;
    int e = seal_and_send(r, to, count, now);
    if (e != 0 && e != ERR_BUSY && e != ERR_LOST) gw_request_fail(r, e == ERR_LIMIT ? API_TOO_LARGE : API_INTERNAL);
}

/* ---- the timer: everything that depends on time ---- */

static void watch_attempt(struct gw_request *r, uint64_t now) {
    if (gw_out_behind(&r->out)) progress_frame(&r->progress, now); /* it is we who do not read */
    if (!progress_tick(&r->progress, now) || !r->attempt) return;
    const struct record *node = gw_attempt_record(r->attempt);
    log_event(LOG_INFO, "attempt", "silent", LOG_ID("request", r->content.request_id, 8),
              LOG_COUNT("attempt", r->progress.attempts));
    progress_lost(&r->progress, now, node ? node->keys.identity : NULL, CAUSE_LOST, API_LOST);
    gw_attempt_free(r->attempt);
    r->attempt = NULL;
    gw_link_refresh(r->gw->link);
}

static void arm(struct gw_request *r, uint64_t now) {
    const struct progress *p = &r->progress;
    uint64_t due = progress_due(p), alive = r->out.wrote_ms + OUT_QUIET_MS;
    if (p->state == PROGRESS_DONE) due = r->closing_ms + COUNTERSIGN_WAIT_MS;
    if (p->state == PROGRESS_WAIT && due <= now) due = now + POLL_MS; /* waits for link or node, not for time */
    if (r->out.reply.stream && alive > now && alive < due) due = alive;
    timer_start_ms(r->timer, due > now ? due - now : 1);
}

static void on_timer(void *arg) {
    struct gw_request *r = arg;
    uint64_t now = clock_mono_ms();
    if (r->finished || r->gone) return;
    if (r->progress.state == PROGRESS_DONE && now - r->closing_ms >= COUNTERSIGN_WAIT_MS) {
        gw_answer_complete(r, NULL);
        return;
    }
    watch_attempt(r, now);
    if (r->progress.state == PROGRESS_WAIT && r->progress.send_at_ms <= now) try_to_send(r, now);
    if (r->progress.state == PROGRESS_FAILED) gw_request_fail(r, r->progress.failed);
    if (r->finished) return;
    int says_class = !gw_request_attested(r) || r->weakest != EV_CLASS_NONE; /* what a header will say is known */
    if (r->out.reply.stream && says_class && now - r->out.wrote_ms >= OUT_QUIET_MS) {
        gw_answer_headers(r);
        gw_out_keepalive(&r->out, now);
    }
    arm(r, now);
}

/* ---- the app ---- */

static void on_gone(void *arg) {
    struct gw_request *r = arg;
    if (!r->finished)
        log_event(LOG_INFO, "request", "client left", LOG_ID("request", r->content.request_id, 8),
                  LOG_COUNT("tokens", progress_count(&r->progress)));
    r->gone = 1;
    r->out.http = NULL;
    timer_stop(r->timer);
    loop_later(r->gw->loop, &r->later); /* cancels the attempt; we may be inside its callback */
}

static void on_writable(void *arg) {
    struct gw_request *r = arg;
    gw_out_writable(&r->out);
    if (r->finished && !r->out.http)
        gw_request_settle(r);
    else if (r->attempt && !gw_out_behind(&r->out))
        gw_attempt_consume(r->attempt);
}

static int least_tier(struct http_req *http, struct api_request *q, struct api_error *e) {
    const char *header = http_req_header(http, "lull-min-tier");
    enum api_tier asked = API_TIER_ANY;
    if (header && api_tier_from_name(&asked, header) != 0) {
        api_error_set(e, API_BAD_REQUEST, "lull-min-tier", "lull-min-tier must be sealed, attested, blind or local");
        return ERR_RANGE;
    }
    if (asked > q->min_tier) q->min_tier = asked;
    return 0;
}

/* The header lull-blind-mode: tier blind, and in that mode. The modes rest on different assumptions, so neither stands in for the other. */
static int blind_mode(struct http_req *http, struct api_request *q, enum gw_blind_mode *mode, struct api_error *e) {
    const char *header = http_req_header(http, "lull-blind-mode");
    *mode = GW_BLIND_MODES;
    if (!header) return 0;
    if (gw_blind_mode_named(mode, header) != 0) {
        api_error_set(e, API_BAD_REQUEST, "lull-blind-mode", "lull-blind-mode must be pair or lattice");
        return ERR_RANGE;
    }
    if (q->min_tier < API_TIER_BLIND) q->min_tier = API_TIER_BLIND;
    return 0;
}

static int mode_fits(const struct gw_blind_model *m, enum gw_blind_mode asked, struct api_error *e) {
    if (asked == GW_BLIND_MODES || asked == m->mode) return 0;
    api_error_set(e, API_NO_TIER, "lull-blind-mode", "this gateway computes %s in mode %s", m->shown.name,
                  gw_blind_mode_name(m->mode));
    return ERR_UNSUPPORTED;
}

/* The model in tier blind; or NULL, and then nodes must do. Blind is the stronger promise, and an experimental construction: who asks for
 * attested means what hardware vouches for, and gets that or a refusal, unless the gateway's own user has said --tier blind. */
static struct gw_blind_model *choose_tier(struct gateway *g, struct api_request *q, int *err, struct api_error *e) {
    if (g->o.blind.least > q->min_tier) q->min_tier = g->o.blind.least;
    int blind = q->min_tier <= API_TIER_SEALED || q->min_tier == API_TIER_BLIND;
    struct gw_blind_model *m = blind ? gw_blind_find(g->blind, q->model) : NULL;
    if (blind && !m && gw_blind_unclear(g->blind, q->model)) {
        *err = ERR_NOTFOUND;
        gw_models_missing(g, q->asked, e);
        return NULL;
    }
    if (m || q->min_tier <= API_TIER_SEALED || (q->min_tier == API_TIER_ATTESTED && g->evidence)) return m;
    *err = ERR_UNSUPPORTED;
    if (q->min_tier == API_TIER_ATTESTED)
        api_error_set(e, API_NO_TIER, "lull-min-tier",
                      "tier attested needs a policy that says what to ask of nodes: start the gateway with --policy FILE");
    else if (q->min_tier == API_TIER_BLIND && g->o.blind.least == API_TIER_BLIND)
        gw_models_missing(g, q->asked, e);
    else
        api_error_set(e, API_NO_TIER, "lull-min-tier", NULL);
    return NULL;
}

static void content_init(struct gw_request *r, struct http_req *http) {
    struct content *c = &r->content;
    size_t n;
    random_bytes(c->request_id, sizeof c->request_id);
    random_bytes(c->salt, sizeof c->salt);
    strcpy(c->method, "POST");
    strcpy(c->path, api_endpoint_path(r->q.endpoint));
    strcpy(c->type, "application/json");
    c->body = http_req_body(http, &n);
    c->body_n = (uint32_t)n; /* at most API_BODY_MAX: it was parsed */
    if (r->q.has_seed)
        c->seed = r->q.gen.sampling.seed;
    else
        random_bytes(&c->seed, sizeof c->seed);
    c->template_time = clock_unix_s();
    if (!r->gw->o.keep_nothing) gw_salt_of(&r->gw->salt, c->cache_salt, r->q.model, &r->q.gen, clock_mono_ms());
}

/* Ollama's empty request: nothing is loaded here, so say so if a node has the model. */
static void answer_load(struct gateway *g, struct http_req *http, struct api_request *q) {
    struct api_reply reply;
    struct buf b;
    uint8_t id[16];
    struct api_error e;
    if (gw_models_resolve(g, q->model) != 0) {
        gw_models_missing(g, q->asked, &e);
        gw_reply_error(http, &e, API_OLLAMA, 0);
        return;
    }
    random_bytes(id, sizeof id);
    reply_init(&reply, q, id, g->o.coordinator);
    buf_init(&b, 8192);
    (void)reply_loaded(&b, &reply, q->action);
    http_reply(http, 200, reply_content_type(&reply), b.data, b.len);
    buf_release(&b);
}

static struct gw_request *new_request(struct gateway *g, struct http_req *http, struct api_request *q) {
    char hex[2 * REQUEST_ID_BYTES + 1];
    struct api_reply reply;
    struct gw_request *r = mem_zalloc(1, sizeof *r);
    if (!r) return NULL;
    if (timer_new(&r->timer, g->loop, on_timer, r) != 0) {
        free(r);
        return NULL;
    }
    r->gw = g;
    r->q = *q; /* and with it the arena */
    r->later = (struct later){.fn = release, .arg = r};
    r->started_ms = clock_mono_ms();
    r->started_ns = clock_mono_ns();
    content_init(r, http);
    progress_init(&r->progress, r->started_ms, r->started_ms + api_deadline_ms(http_req_header(http, "x-stainless-timeout")),
                  q->gen.max_tokens);
    reply_init(&reply, &r->q, r->content.request_id, g->o.coordinator);
    gw_out_init(&r->out, http, &reply);
    r->next = g->requests;
    r->at = &g->requests;
    if (r->next) r->next->at = &r->next;
    g->requests = r;
    g->request_count++;
    http_req_watch(http, on_gone, on_writable, r);
    hex_encode(hex, r->content.request_id, REQUEST_ID_BYTES);
    (void)http_req_add_header(http, "x-request-id", hex);
    return r;
}

void gw_request_start(struct gateway *g, struct http_req *http, enum api_endpoint endpoint) {
    struct api_request q;
    struct api_error e = {0};
    enum gw_blind_mode mode = GW_BLIND_MODES;
    size_t n;
    const uint8_t *body = http_req_body(http, &n);
    int err = api_request_parse(&q, endpoint, body, n, &e);
    if (err == 0) err = least_tier(http, &q, &e);
    if (err == 0) err = blind_mode(http, &q, &mode, &e);
    if (err == 0 && (g->stopping || g->request_count >= g->o.max_queue)) {
        api_error_set(&e, g->stopping ? API_DRAINING : API_BUSY, NULL,
                      g->stopping ? "this gateway is stopping" : "this gateway has too many requests under way");
        err = ERR_BUSY;
    }
    struct gw_request *r = NULL;
    struct gw_blind_model *blind = err == 0 ? choose_tier(g, &q, &err, &e) : NULL;
    if (blind) err = mode_fits(blind, mode, &e);
    if (blind && err == 0) {
        gw_blind_request_start(g, blind, http, &q);
        return;
    }
    if (err == 0 && q.action != API_ANSWER)
        answer_load(g, http, &q);
    else if (err == 0) {
        r = new_request(g, http, &q);
        if (!r) err = ERR_NOMEM, api_error_set(&e, API_INTERNAL, NULL, "out of memory");
    }
    if (err != 0 && e.code == API_NO_MODEL) gw_models_missing(g, "", &e); /* not a name: what was written is not repeated */
    if (err != 0) gw_reply_error(http, &e, api_dialect_of(endpoint), 0);
    if (!r) {
        api_request_free(&q);
        return;
    }
    on_timer(r); /* the first attempt leaves now */
}

/* ---- all of them ---- */

/* Is any candidate of the envelope under way still listed, with the key it was sealed to? */
static int still_listed(const struct gw_request *r) {
    const struct reqhead *h = &gw_attempt_secrets(r->attempt)->head;
    const struct gw_dir *d = &r->gw->dir;
    for (size_t i = 0; i < d->count; i++)
        for (size_t k = 0; k < h->count; k++)
            if (memcmp(d->nodes[i].key_id, h->key_id[k], 32) == 0) return 1;
    return 0;
}

void gw_requests_wake(struct gateway *g) {
    uint64_t now = clock_mono_ms();
    for (struct gw_request *r = g->requests; r; r = r->next) {
        if (r->gone || r->finished) continue;
        /* The coordinator would keep it queued for those who have left; a new envelope finds those who are here. */
        if (r->attempt && !r->progress.opened && r->progress.state == PROGRESS_RUN && !still_listed(r)) {
            progress_lost(&r->progress, now, NULL, CAUSE_REFUSED, API_NO_MODEL);
            gw_attempt_free(r->attempt);
            r->attempt = NULL;
        }
        if (r->progress.state != PROGRESS_RUN) gw_request_wake(r);
    }
}

void gw_requests_fail(struct gateway *g, enum api_code code) {
    for (struct gw_request *r = g->requests; r; r = r->next)
        if (!r->gone) gw_request_fail(r, code);
}

int gw_requests_show(const struct gateway *g, struct buf *out) {
    static const char *const states[] = {"waiting", "running", "closing", "failed"};
    int e = 0, first = 1;
    for (const struct gw_request *r = g->requests; e == 0 && r; r = r->next) {
        char id[2 * REQUEST_ID_BYTES + 1], node[65] = "";
        if (r->gone || r->finished) continue;
        const struct record *by = r->attempt ? gw_attempt_record(r->attempt) : NULL;
        hex_encode(id, r->content.request_id, REQUEST_ID_BYTES);
        if (by) hex_encode(node, by->keys.identity, 32);
        e = buf_addf(
            out,
            "%s{\"id\":\"%s\",\"model\":\"%s\",\"state\":\"%s\",\"node\":%s%s%s,\"tokens\":%u,\"attempts\":%u,\"age_ms\":%llu}",
            first ? "" : ",", id, r->q.model, states[r->progress.state], by ? "\"" : "", by ? node : "null", by ? "\"" : "",
            progress_count(&r->progress), r->progress.attempts, (unsigned long long)(clock_mono_ms() - r->started_ms));
        first = 0;
    }
    return e == 0 ? gw_blind_requests_show(g, out, first) : e;
}
