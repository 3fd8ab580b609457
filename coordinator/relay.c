/* coordinator/relay.c - one request from its first byte to its row in the store.
 *
 *     HEAD     bytes are kept until the header can be read
 *     WAITING  no candidate is free: in the queue, with at most one window of the envelope held
 *     RUNNING  bytes pass both ways; one side's window opens only by what the other side has taken
 *     FLUSHING the node is done; its last bytes are on their way to the gateway
 *
 * Bytes of the envelope are held only until they are passed on, and wiped then. The job ends exactly once, in job_end. */
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/secret.h"
#include "coordinator/coord.h"
#include "seal/envelope.h"
#include "seal/http_names.h"
#include "seal/stream.h"
#include "seal/usage.h"

#include <stdlib.h>
#include <string.h>

enum {
    HEAD_MS = 10000,   /* for the header to arrive */
    UPLOAD_MS = 60000, /* for the whole envelope, once a slot is held for it */
    STALL_MS = 60000,  /* a gateway that takes nothing of what waits for it */
    HELD_MAX = ENVELOPE_HEAD_MAX + 2 * H2_WINDOW_DEFAULT
};
enum job_state { JOB_HEAD, JOB_WAITING, JOB_RUNNING, JOB_FLUSHING };

struct job {
    struct coord *c;
    struct job *prev, *next;
    enum job_state state;
    struct waiter waiter;
    uint8_t addr[ADDR_KEY_BYTES];
    struct h2_stream *gateway; /* NULL: gone or answered */
    struct route_job *way;     /* NULL: not open, or over */
    struct dir_node *node;     /* a slot of it is ours; NULL: none */
    uint8_t receipt_key[32], key_id[32];
    struct buf held;          /* envelope bytes not passed on yet */
    struct envelope_head env; /* wraps is not kept */
    uint64_t want, got;       /* bytes of the envelope: in all, and received */
    size_t early;             /* received bytes whose window was given back before they were passed on */
    int uploaded;             /* the gateway's side has ended */
    int answered;             /* 200 was sent to the gateway */
    uint64_t begun_ms, moved_ms, waiting_down;
    struct store_job row;
    struct usage usage; /* row.stated */
};

/* ---- ends ---- */
static void node_release(struct job *j) {
    if (!j->node) return;
    j->node->running--;
    j->node = NULL;
    coord_serve_soon(j->c);
}

/* The row is written, the slot is free, nothing calls j any more. Its streams must be NULL by then. */
static void job_end(struct job *j) {
    struct coord *c = j->c;
    queue_remove(&c->queue, &j->waiter);
    node_release(j);
    if (j->row.outcome) {
        log_event(LOG_INFO, "job", "ended", LOG_ID("job", j->row.id, JOB_ID_BYTES), LOG_ID("node", j->row.node, 8),
                  LOG_CODE("outcome", outcome_name(j->row.outcome)), LOG_COUNT("frames", j->row.frames),
                  LOG_MS("took", j->row.end_ms - j->row.start_ms));
        store_put_job(c->store, &j->row);
    } else
        store_unreserve(c->store);
    limits_request_end(c->limits, j->addr, clock_mono_ms());
    if (j->prev)
        j->prev->next = j->next;
    else
        c->jobs = j->next;
    if (j->next) j->next->prev = j->prev;
    c->job_count--;
    buf_release(&j->held);
    mem_wipe(j, sizeof *j);
    free(j);
}

/* What the store will say; only a job that reached a node has a row. The first reason counts. */
static void settle(struct job *j, enum outcome outcome, enum code code) {
    if (j->row.start_ms == 0 || j->row.outcome) return;
    j->row.outcome = (uint8_t)outcome;
    j->row.code = (uint8_t)code;
    j->row.end_ms = clock_unix_ms();
    if (j->row.bytes > STREAM_START_BYTES) j->row.frames = (j->row.bytes - STREAM_START_BYTES) / j->row.frame_bytes;
}

static void stop_node(struct job *j) {
    if (j->way) route_cancel(j->way);
    j->way = NULL;
    node_release(j);
}

/* Ends the job from our side: with a code while nothing was answered, else with a reset that cannot be taken for an end. A
 * lost node is a reset in any case: what it did with the request is not known. */
static void job_fail(struct job *j, enum code code, enum outcome outcome) {
    struct h2_stream *s = j->gateway;
    settle(j, outcome, code);
    stop_node(j);
    j->gateway = NULL;
    if (s && (j->answered || outcome == OUTCOME_LOST))
        h2_reset(s, H2_INTERNAL);
    else if (s)
        gateway_refuse(s, code);
    job_end(j);
}

/* ---- the node's side ---- */
static void on_accepted(void *arg) {
    struct job *j = arg;
    char id[2 * JOB_ID_BYTES + 1];
    hex_encode(id, j->row.id, JOB_ID_BYTES);
    struct h2_header head[] = {{"content-type", "application/octet-stream"}, {HEADER_JOB, id}};
    j->answered = 1;
    if (h2_respond(j->gateway, 200, &(struct h2_headers){head, 2}) != 0) job_fail(j, CODE_INTERNAL, OUTCOME_CANCELLED);
}

static void on_refused(void *arg, enum code code) {
    struct job *j = arg;
    j->way = NULL;
    /* It took no job although we counted a free slot: do not send it the next one before it has said how it stands. */
    if (code == CODE_BUSY && j->node) j->node->withheld = j->node->slots;
    job_fail(j, code, OUTCOME_REFUSED);
}

static void on_node_data(void *arg, const uint8_t *p, size_t n) {
    struct job *j = arg;
    j->row.bytes += n;
    if (!j->row.first_frame_ms && j->row.bytes > STREAM_START_BYTES) j->row.first_frame_ms = clock_unix_ms();
    if (!j->waiting_down) j->moved_ms = clock_mono_ms();
    j->waiting_down += n;
    if (h2_write(j->gateway, p, n) != 0) job_fail(j, CODE_INTERNAL, OUTCOME_CANCELLED);
}

/* Of this job, by the key that was chosen, with a right signature; anything else is as if it had not been sent. */
static void on_usage(void *arg, const char *hex) {
    struct job *j = arg;
    uint8_t bytes[USAGE_BYTES];
    struct usage u;
    if (hex_decode(bytes, sizeof bytes, hex, strlen(hex)) != 0) return;
    struct reader r = reader_over(bytes, sizeof bytes);
    if (usage_read(&r, &u) != 0 || usage_check(&u, j->receipt_key) != 0) return;
    if (memcmp(u.header_hash, j->env.header_hash, 32) != 0 || memcmp(u.key_id, j->key_id, 32) != 0) return;
    j->usage = u;
    memcpy(j->row.usage, bytes, sizeof bytes);
    j->row.prompt_tokens = u.prompt_tokens;
    j->row.output_tokens = u.output_tokens;
    j->row.from = u.from;
    j->row.stated = 1;
}

static int countersign_text(struct job *j, char hex[2 * COUNTERSIGN_BYTES + 1]) {
    struct countersign sign = {
        .usage = j->usage, .frames = j->row.frames, .bytes = j->row.bytes, .start_ms = j->row.start_ms, .end_ms = j->row.end_ms};
    uint8_t bytes[COUNTERSIGN_BYTES];
    struct writer w = writer_over(bytes, sizeof bytes);
    memcpy(sign.job, j->row.id, JOB_ID_BYTES);
    memcpy(sign.node, j->row.node, 32);
    int r = countersign_make(&sign, j->c->secret);
    if (r != 0) return r;
    countersign_write(&w, &sign);
    if (w.err != 0 || w.len != sizeof bytes) return ERR_INTERNAL;
    hex_encode(hex, bytes, sizeof bytes);
    return 0;
}

static void on_node_end(void *arg) {
    struct job *j = arg;
    char hex[2 * COUNTERSIGN_BYTES + 1];
    struct h2_header trailer = {TRAILER_COUNTERSIGN, hex};
    j->way = NULL;
    settle(j, j->row.stated ? OUTCOME_DONE : OUTCOME_UNSTATED, CODE_NONE);
    int stated = j->row.stated && countersign_text(j, hex) == 0;
    node_release(j);
    j->state = JOB_FLUSHING;
    if (h2_end(j->gateway, stated ? &(struct h2_headers){&trailer, 1} : NULL) != 0) job_fail(j, CODE_INTERNAL, OUTCOME_CANCELLED);
}

static void on_node_lost(void *arg) {
    struct job *j = arg;
    j->way = NULL;
    job_fail(j, CODE_INTERNAL, OUTCOME_LOST);
}

/* What the node's side has taken gives the gateway its window back, but for what was given back early. */
static void on_sent_up(void *arg, size_t n) {
    struct job *j = arg;
    size_t covered = n < j->early ? n : j->early;
    j->early -= covered;
    if (j->gateway && n > covered) h2_consume(j->gateway, n - covered);
}

static const struct route_events way_events = {on_accepted, on_refused,  on_node_data, on_usage,
                                               on_sent_up,  on_node_end, on_node_lost};

/* ---- start ---- */
static int job_start(struct job *j, const struct dir_choice *choice) {
    struct store_job *row = &j->row;
    int r = route_open(choice->node->route, ROUTE_JOB, &way_events, j, &j->way);
    if (r != 0) return r;
    j->node = choice->node;
    j->node->running++;
    j->state = JOB_RUNNING;
    j->begun_ms = clock_mono_ms();
    memcpy(j->receipt_key, choice->record->receipt_key, 32);
    memcpy(j->key_id, choice->record->key_id, 32);
    random_bytes(row->id, sizeof row->id);
    memcpy(row->node, choice->node->identity, 32);
    memcpy(row->operator_id, choice->node->operator_id, 32);
    row->start_ms = clock_unix_ms();
    r = route_write(j->way, j->held.data, j->held.len);
    buf_release(&j->held);
    buf_init(&j->held, HELD_MAX);
    if (r == 0 && j->uploaded) r = route_end(j->way);
    return r;
}

static enum code choose(const struct job *j, struct dir_choice *out) {
    uint64_t draw;
    random_bytes(&draw, sizeof draw);
    return dir_choose(&j->c->dir, &j->env.head, clock_unix_s(), draw, out);
}

static int enqueue(struct job *j) {
    int r = queue_add(&j->c->queue, &j->waiter, j->addr, clock_mono_ms());
    if (r != 0) return r;
    j->state = JOB_WAITING;
    timer_start_ms(j->c->due, queue_due_ms(&j->c->queue, clock_mono_ms()));
    return 0;
}

/* A node whose link takes no stream after all is not asked again until its next heartbeat, so this ends after one try each. */
static void wait_or_start(struct job *j) {
    struct dir_choice choice;
    enum code code;
    while ((code = choose(j, &choice)) == CODE_NONE) {
        int r = job_start(j, &choice);
        if (r == 0) return;
        if (j->way) {
            job_fail(j, CODE_INTERNAL, OUTCOME_LOST);
            return;
        }
        choice.node->withheld = choice.node->slots;
    }
    if (code != CODE_BUSY || enqueue(j) != 0) job_fail(j, code, OUTCOME_REFUSED);
}

static struct job *job_of(struct waiter *w) { return (struct job *)(void *)((uint8_t *)w - offsetof(struct job, waiter)); }

/* Who can start, or can never start: both leave the queue. */
static int can_move(void *arg, struct waiter *w) {
    struct dir_choice choice;
    (void)arg;
    return choose(job_of(w), &choice) != CODE_BUSY;
}

void relay_serve_queue(struct coord *c) {
    struct waiter *w;
    uint64_t now = clock_mono_ms();
    while ((w = queue_expired(&c->queue, now))) job_fail(job_of(w), CODE_BUSY, OUTCOME_REFUSED);
    while ((w = queue_next(&c->queue, can_move, NULL))) wait_or_start(job_of(w));
    uint64_t due = queue_due_ms(&c->queue, now);
    if (due != UINT64_MAX) timer_start_ms(c->due, due);
}

void relay_refuse_queued(struct coord *c, enum code code) {
    for (struct job *j = c->jobs, *next; j; j = next) {
        next = j->next;
        if (j->state <= JOB_WAITING) job_fail(j, code, OUTCOME_REFUSED);
    }
}

/* ---- the gateway's side ---- */
static void keep_from_header(struct job *j) {
    j->want = j->env.head_bytes + j->env.body_bytes;
    j->env.wraps = NULL;
    memcpy(j->row.model, j->env.head.model, MODEL_NAME_BYTES);
    memcpy(j->row.manifest_hash, j->env.head.manifest_hash, 32);
    j->row.size_class = j->env.head.size_class;
    j->row.frame_bytes = j->env.head.frame_bytes;
}

static void read_header(struct job *j, size_t n) {
    int r = envelope_head_read(j->held.data, j->held.len, &j->env);
    if (r == ERR_MORE) { /* let more come: what is held is less than a header */
        j->early += n;
        h2_consume(j->gateway, n);
        return;
    }
    if (r != 0) {
        job_fail(j, r == ERR_VERSION ? CODE_VERSION : CODE_BAD_REQUEST, OUTCOME_BROKEN);
        return;
    }
    keep_from_header(j);
    if (j->got > j->want)
        job_fail(j, CODE_BAD_REQUEST, OUTCOME_BROKEN);
    else
        wait_or_start(j);
}

static void on_gateway_data(void *arg, struct h2_stream *s, const uint8_t *p, size_t n) {
    struct job *j = arg;
    (void)s;
    j->got += n;
    if (j->state != JOB_HEAD && j->got > j->want) {
        job_fail(j, CODE_BAD_REQUEST, OUTCOME_BROKEN);
    } else if (j->state == JOB_RUNNING && j->way) {
        if (route_write(j->way, p, n) != 0) job_fail(j, CODE_INTERNAL, OUTCOME_LOST);
    } else if (j->state == JOB_FLUSHING || j->state == JOB_RUNNING) {
        h2_consume(s, n); /* the node answered before it had read all: nobody wants the rest */
    } else if (buf_add(&j->held, p, n) != 0) {
        job_fail(j, CODE_TOO_LARGE, OUTCOME_BROKEN);
    } else if (j->state == JOB_HEAD) {
        read_header(j, n);
    }
}

static void on_gateway_end(void *arg, struct h2_stream *s) {
    struct job *j = arg;
    (void)s;
    j->uploaded = 1;
    if (j->state == JOB_FLUSHING) return;
    if (j->state == JOB_HEAD || j->got != j->want)
        job_fail(j, CODE_BAD_REQUEST, OUTCOME_BROKEN);
    else if (j->state == JOB_RUNNING && route_end(j->way) != 0)
        job_fail(j, CODE_INTERNAL, OUTCOME_LOST);
}

static void on_sent_down(void *arg, struct h2_stream *s, size_t n) {
    struct job *j = arg;
    (void)s;
    j->moved_ms = clock_mono_ms();
    j->waiting_down -= n < j->waiting_down ? n : j->waiting_down;
    if (j->way) route_consume(j->way, n);
}

static void on_gateway_close(void *arg, struct h2_stream *s, uint32_t code) {
    struct job *j = arg;
    (void)s, (void)code;
    j->gateway = NULL;
    settle(j, OUTCOME_CANCELLED, CODE_CANCELLED); /* does nothing when the answer had come whole */
    stop_node(j);
    job_end(j);
}

static const struct h2_stream_events gateway_stream_events = {
    .on_data = on_gateway_data, .on_end = on_gateway_end, .on_sent = on_sent_down, .on_close = on_gateway_close};

/* content-length, when it is given, says at once what is too large. */
static int too_large(const struct h2_request *r) {
    const char *text = h2_header_get(&r->headers, "content-length");
    return text && (strlen(text) > 9 || strtoull(text, NULL, 10) > ENVELOPE_BYTES_MAX);
}

void relay_begin(struct peer *gateway, struct h2_stream *s, const struct h2_request *r) {
    struct coord *c = gateway->c;
    uint64_t now = clock_mono_ms();
    enum code code = c->draining ? CODE_DRAINING : too_large(r) ? CODE_TOO_LARGE : CODE_NONE;
    struct job *j = NULL;
    if (code == CODE_NONE && limits_request_begin(c->limits, gateway->addr, now) != 0) code = CODE_RATE;
    if (code != CODE_NONE) {
        gateway_refuse(s, code);
        return;
    }
    if (store_reserve(c->store) != 0) code = CODE_BUSY; /* a job that could not be accounted for is not taken */
    if (code == CODE_NONE && !(j = mem_zalloc(1, sizeof *j))) {
        store_unreserve(c->store);
        code = CODE_INTERNAL;
    }
    if (code != CODE_NONE) {
        limits_request_end(c->limits, gateway->addr, now);
        gateway_refuse(s, code);
        return;
    }
    *j = (struct job){.c = c, .next = c->jobs, .gateway = s, .begun_ms = now, .moved_ms = now};
    memcpy(j->addr, gateway->addr, sizeof j->addr);
    buf_init(&j->held, HELD_MAX);
    if (j->next) j->next->prev = j;
    c->jobs = j;
    c->job_count++;
    h2_stream_set(s, &gateway_stream_events, j);
}

/* ---- time ---- */
void relay_tick(struct coord *c, uint64_t now_ms) {
    for (struct job *j = c->jobs, *next; j; j = next) {
        next = j->next; /* job_fail frees j alone */
        if (j->state == JOB_HEAD && now_ms - j->begun_ms > HEAD_MS)
            job_fail(j, CODE_DEADLINE, OUTCOME_BROKEN);
        else if (j->state == JOB_RUNNING && !j->uploaded && now_ms - j->begun_ms > UPLOAD_MS)
            job_fail(j, CODE_DEADLINE, OUTCOME_BROKEN);
        else if (j->waiting_down && now_ms - j->moved_ms > STALL_MS)
            job_fail(j, CODE_DEADLINE, OUTCOME_CANCELLED);
    }
}

void relay_end_all(struct coord *c) {
    while (c->jobs) {
        struct job *j = c->jobs;
        settle(j, OUTCOME_CANCELLED, CODE_DRAINING);
        stop_node(j);
        if (j->gateway) h2_reset(j->gateway, H2_CANCEL);
        j->gateway = NULL;
        job_end(j);
    }
}
