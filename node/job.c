/* node/job.c - requests as they come in: collected, opened, parsed, handed to an engine thread.
 *
 * Until an envelope is opened the peer learns only a code in clear; afterwards everything is said inside the sealed stream. */
#include "node/job.h"
#include "api/request.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "seal/http_names.h"
#include "seal/idlist.h"
#include "seal/seal_err.h"

#include <stdlib.h>
#include <string.h>

struct job *job_find(struct node *n, uint64_t number) {
    for (struct job *j = n->jobs; j; j = j->next)
        if (j->number == number) return j;
    return NULL;
}

size_t job_count(const struct node *n) {
    size_t count = 0;
    for (const struct job *j = n->jobs; j; j = j->next) count++;
    return count;
}

static void envelope_drop(struct job *j) {
    j->node->receiving -= j->envelope.len;
    buf_release(&j->envelope);
}

void job_free(struct job *j) {
    struct node *n = j->node;
    for (struct job **at = &n->jobs; *at; at = &(*at)->next)
        if (*at == j) {
            *at = j->next;
            break;
        }
    if (j->model) worker_cancel(j->model->worker, j->number);
    timer_free(j->quiet);
    timer_free(j->deadline);
    envelope_drop(j);
    buf_release(&j->queue);
    stream_writer_wipe(&j->out);
    secret_free(j); /* wipes */
    drain_check(n);
}

/* A refusal in clear, before or instead of opening. */
static void refuse(struct job *j, enum code code) {
    struct h2_header header = {HEADER_CODE, code_name(code)};
    log_event(LOG_INFO, "job", "refused", LOG_COUNT("job", j->number), LOG_CODE("code", code_name(code)));
    j->state = JOB_ENDED;
    envelope_drop(j);
    if (h2_respond(j->stream, (int)code_http_status(code), &(struct h2_headers){&header, 1}) == 0) (void)h2_end(j->stream, NULL);
}

/* ---- an opened request ---- */

static int parse_request(struct work *w, const struct content *c) {
    struct api_error err;
    enum api_endpoint endpoint = api_endpoint_of(c->path);
    if (endpoint == API_NO_ENDPOINT || strcmp(c->method, "POST") != 0) return ERR_UNSUPPORTED;
    int r = api_request_parse(&w->request, endpoint, c->body, c->body_n, &err);
    mem_wipe(&err, sizeof err);
    if (r != 0) return r == ERR_NOMEM ? r : ERR_FORMAT;
    if (w->request.action != API_ANSWER) return ERR_UNSUPPORTED;
    w->request.gen.sampling.seed = c->seed;
    w->request.gen.template_time = c->template_time;
    return 0;
}

static int resume_state(struct work *w, const struct content *c) {
    static const uint8_t none[32];
    memcpy(w->salt, c->salt, sizeof w->salt);
    memcpy(w->cache_salt, c->cache_salt, sizeof w->cache_salt);
    memcpy(w->prompt_hash, c->prompt_hash, sizeof w->prompt_hash);
    w->check_prompt_hash = memcmp(c->prompt_hash, none, sizeof none) != 0;
    w->text_delivered = c->text_delivered;
    if (!c->so_far.count) return 0;
    w->resumed = calloc(c->so_far.count, sizeof *w->resumed);
    if (!w->resumed) return ERR_NOMEM;
    w->resumed_count = c->so_far.count;
    ids_unpack(w->resumed, &c->so_far);
    return 0;
}

/* Everything of the receipt that is known before the first token. */
static void receipt_begin(struct job *j, const struct opened *o, const struct gen_sampling *s) {
    const struct node *n = j->node;
    struct receipt *r = &j->receipt;
    memcpy(r->header_hash, o->header_hash, 32);
    memcpy(r->key_id, n->keys->keys[o->key].key_id, 32);
    body_hash_salted(r->body_hash, o->content.salt, o->content.body, o->content.body_n);
    memcpy(r->manifest_hash, j->model->manifest_hash, 32);
    memcpy(r->evidence_hash, n->keys->evidence_hash[o->key], 32);
    memcpy(r->engine_id, n->keys->stmt[o->key].engine_id, sizeof r->engine_id);
    memcpy(r->profile, j->model->manifest.profile, sizeof r->profile);
    r->sampler = RECEIPT_SAMPLER(s);
    r->template_time = o->content.template_time;
    chain_start(r->ids_chain, o->content.salt);
    chain_start(r->digests_chain, o->content.salt);
    text_hash_start(&j->text_hash, o->content.salt);
    r->text_from = o->content.text_delivered;
    r->from = j->from = j->next_position = o->content.so_far.count;
    r->tier = o->head.tier;
    r->start_ms = clock_unix_ms();
    memcpy(j->salt, o->content.salt, 32);
    memcpy(j->receipt_secret, n->keys->receipt_secret[o->key], SIGN_SECRET_BYTES);
}

static int submit(struct job *j, const struct opened *o) {
    struct work *w = mem_zalloc(1, sizeof *w);
    if (!w) return ERR_NOMEM;
    w->job = j->number;
    int r = parse_request(w, &o->content);
    if (r == 0) r = resume_state(w, &o->content);
    if (r == 0) {
        receipt_begin(j, o, &w->request.gen.sampling);
        r = worker_submit(j->model->worker, w);
    }
    if (r != 0) work_free(w);
    return r;
}

static void on_deadline(void *arg) { job_answer_error(arg, CODE_DEADLINE); }

/* The request is ours and readable: from here on all answers are sealed. time_ok 0: its time is too far from ours. */
static void start(struct job *j, const struct opened *o, int time_ok) {
    struct node *n = j->node;
    j->model = &n->models[o->model];
    j->pacing_ms = o->content.pacing_ms;
    if (job_answer_begin(j, o) != 0) return;
    int r = time_ok ? submit(j, o) : ERR_TIME;
    if (r != 0) {
        job_answer_error(j, code_from_err(r));
        return;
    }
    if (o->content.deadline_ms) timer_start_ms(j->deadline, o->content.deadline_ms);
    log_event(LOG_INFO, "job", "started", LOG_COUNT("job", j->number), LOG_NAME("model", j->model->manifest.name),
              LOG_COUNT("from", j->from), LOG_COUNT("size_class", o->head.size_class));
}

static int open_envelope(struct job *j, uint8_t **plain, size_t *plain_n, struct opened *o) {
    struct node *n = j->node;
    struct envelope_head head;
    struct envelope_model models[NODE_MODELS_MAX];
    for (size_t i = 0; i < n->model_count; i++) {
        models[i].name = n->models[i].manifest.name;
        memcpy(models[i].manifest_hash, n->models[i].manifest_hash, 32);
    }
    struct envelope_own own = {
        .keys = n->keys->keys, .key_count = n->keys->count, .models = models, .model_count = n->model_count};
    int r = envelope_head_read(j->envelope.data, j->envelope.len, &head);
    if (r != 0) return r;
    *plain_n = head.head.size_class;
    *plain = malloc(*plain_n);
    if (!*plain) return ERR_NOMEM;
    mem_dontdump(*plain, *plain_n);
    return envelope_open(j->envelope.data, j->envelope.len, &own, n->keys->seen, clock_unix_s(), *plain, *plain_n, o);
}

static void on_end(void *arg, struct h2_stream *s) {
    struct job *j = arg;
    struct opened *o = secret_alloc(sizeof *o);
    uint8_t *plain = NULL;
    size_t plain_n = 0;
    (void)s;
    if (j->state != JOB_RECEIVING) {
        secret_free(o);
        return;
    }
    int r = o ? open_envelope(j, &plain, &plain_n, o) : ERR_NOMEM;
    if (r == ERR_LIMIT) timer_start_ms(j->node->renew, 0); /* the replay cache is full: this key has served enough */
    envelope_drop(j);
    if (r == 0 || r == ERR_TIME)
        start(j, o, r == 0);
    else
        refuse(j, r == ERR_NOMEM ? CODE_BUSY : CODE_REFUSED);
    if (plain) mem_wipe(plain, plain_n);
    free(plain);
    secret_free(o);
}

static void on_data(void *arg, struct h2_stream *s, const uint8_t *p, size_t n) {
    struct job *j = arg;
    h2_consume(s, n);
    if (j->state != JOB_RECEIVING) return;
    if (n > NODE_ENVELOPES_MAX - j->node->receiving)
        refuse(j, CODE_BUSY);
    else if (buf_add(&j->envelope, p, n) != 0)
        refuse(j, CODE_TOO_LARGE);
    else
        j->node->receiving += n;
}

static void on_close(void *arg, struct h2_stream *s, uint32_t code) {
    struct job *j = arg;
    (void)s;
    if (j->state == JOB_RUNNING) log_event(LOG_INFO, "job", "cancelled", LOG_COUNT("job", j->number), LOG_COUNT("h2", code));
    j->stream = NULL;
    job_free(j);
}

static void on_writable(void *arg, struct h2_stream *s) { (void)arg, (void)s; }

static const struct h2_stream_events events = {
    .on_data = on_data, .on_end = on_end, .on_close = on_close, .on_writable = on_writable};

void job_begin(struct node *n, struct h2_stream *s) {
    struct job *j = secret_alloc(sizeof *j); /* holds a receipt key and response keys */
    if (!j) {
        h2_reset(s, H2_REFUSED);
        return;
    }
    memset(j, 0, sizeof *j);
    j->node = n;
    j->number = ++n->next_job;
    j->stream = s;
    buf_init(&j->envelope, ENVELOPE_BYTES_MAX);
    j->next = n->jobs;
    n->jobs = j;
    h2_stream_set(s, &events, j);
    if (timer_new(&j->deadline, n->loop, on_deadline, j) != 0)
        refuse(j, CODE_BUSY);
    else if (n->draining)
        refuse(j, CODE_DRAINING);
}

void job_event(void *arg, const struct work_event *e) {
    struct job *j = job_find(arg, e->job);
    if (j && j->state == JOB_RUNNING) job_answer_event(j, e); /* else it was cancelled meanwhile */
}

void job_fail_all(struct node *n, enum code code) {
    for (struct job *j = n->jobs, *next; j; j = next) {
        next = j->next;
        if (j->state == JOB_RUNNING)
            job_answer_error(j, code);
        else if (j->state == JOB_RECEIVING)
            refuse(j, code);
    }
}

void job_drop_all(struct node *n) {
    while (n->jobs) job_free(n->jobs);
}
