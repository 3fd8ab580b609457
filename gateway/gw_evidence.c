/* gateway/gw_evidence.c - see gw_evidence.h. */
#include "gateway/gw_evidence.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/secret.h"
#include "evidence/ev_challenge.h"
#include "gateway/gw_releases.h"
#include "seal/http_names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TICK_MS = 500 };

struct ask {
    struct gw_evidence *e;
    struct h2_stream *s; /* NULL: this place is free */
    struct keystmt keys; /* as the directory had them when it was asked: what the evidence must be bound to */
    uint8_t key_id[32], nonce[EVIDENCE_NONCE_BYTES];
    uint8_t ahead_hash[32]; /* of the evidence that the record names */
    int ahead;              /* that is what is asked for, not evidence for our nonce */
    struct buf body;        /* the envelope */
    int status, whole;
    uint64_t asked_ms, sent_ms; /* the nonce; what was last sent */
    int challenged;             /* the envelope is here, and the answer to this is awaited */
    struct tpm_challenge challenge;
    uint8_t secret[ACTIVATE_SECRET_MAX];
    size_t secret_n;
};
struct gw_evidence {
    struct gw_evidence_opts o;
    struct gw_verdicts verdicts;
    struct ev_activations activations;
    uint64_t log_size; /* of the largest checkpoint that good evidence was made from */
    struct ask asks[EVIDENCE_AT_ONCE];
    struct timer *tick;
};

/* ---- a verdict ---- */

static void release(struct ask *a) {
    tpm_challenge_wipe(&a->challenge);
    buf_release(&a->body);
    a->s = NULL;
}

/* The stream is gone or about to be. */
static void finish(struct ask *a, const struct gw_verdict *v) {
    struct gw_evidence *e = a->e;
    if (v->shows == EV_CLASS_NONE) {
        log_event(LOG_WARN, "evidence", "refused", LOG_ID("node", v->identity, 8), LOG_WHY("factors", v->factors));
    } else {
        if (v->log_size > e->log_size) e->log_size = v->log_size;
        log_event(LOG_INFO, "evidence", "verified", LOG_ID("node", v->identity, 8), LOG_CODE("class", ev_class_name(v->shows)),
                  LOG_COUNT("ahead", a->ahead), LOG_MS("took", clock_mono_ms() - a->asked_ms));
    }
    gw_verdicts_put(&e->verdicts, v, clock_unix_s(), clock_mono_ms());
    release(a);
    e->o.on_verdict(e->o.arg);
}

static void refuse(struct ask *a, const char *factor, int passing) {
    struct gw_verdict v;
    gw_judge_refuse(&v, &a->keys, factor, passing, clock_mono_ms());
    finish(a, &v);
}

static void verdict_of(const struct ask *a, struct gw_verdict *v) {
    struct tpm_activated activated = ev_activations_view(&a->e->activations);
    struct buf release;
    buf_init(&release, 0);
    if (a->e->o.releases) (void)gw_releases_find(&release, a->e->o.releases, a->keys.engine_id);
    struct gw_judge_input in = {.envelope = a->body.data,
                                .n = a->body.len,
                                .keys = &a->keys,
                                .nonce = a->ahead ? NULL : a->nonce,
                                .log_size_seen = a->e->log_size,
                                .policy = a->e->o.policy,
                                .activated = &activated,
                                .release = {release.data, release.len},
                                .now_s = clock_unix_s(),
                                .now_ms = clock_mono_ms(),
                                .asked_ms = a->asked_ms,
                                .verify = a->e->o.verify};
    gw_judge(v, &in);
    buf_release(&release);
}

/* ---- what is sent ---- */

static const struct h2_stream_events evidence_events, secret_events;

/* One POST that the coordinator passes on to the node. */
static int post(struct ask *a, const char *to, const struct h2_stream_events *events, const void *p, size_t n) {
    char path[96];
    struct h2_header fields[2];
    struct h2_request q = {
        .method = "POST", .path = path, .headers = gw_link_headers(a->e->o.link, "application/octet-stream", fields)};
    struct h2 *link = gw_link_h2(a->e->o.link);
    snprintf(path, sizeof path - 64, "%s?node=", to);
    hex_encode(path + strlen(path), a->keys.identity, 32);
    a->status = a->whole = 0;
    a->sent_ms = clock_mono_ms();
    a->s = NULL;
    if (!link || h2_ask(link, &q, events, a, &a->s) != 0) {
        a->s = NULL;
        return ERR_BUSY;
    }
    int r = n ? h2_write(a->s, p, n) : 0;
    if (r == 0) r = h2_end(a->s, NULL);
    if (r == 0) return 0;
    h2_reset(a->s, H2_CANCEL);
    a->s = NULL;
    return r;
}

/* Asks for evidence: for a nonce of our own, or what was made ahead. */
static int begin(struct ask *a, int ahead) {
    random_bytes(a->nonce, sizeof a->nonce);
    a->ahead = ahead;
    a->challenged = 0;
    buf_init(&a->body, EVIDENCE_BYTES_MAX);
    int r = post(a, PATH_EVIDENCE, &evidence_events, a->nonce, ahead ? 0 : sizeof a->nonce);
    if (r != 0) buf_release(&a->body);
    return r;
}

/* 1: the node has it. */
static int challenge(struct ask *a) {
    uint8_t bytes[TPM_CHALLENGE_BYTES_MAX];
    _Static_assert((int)TPM_CHALLENGE_BYTES_MAX <= (int)ACTIVATE_BYTES_MAX, "a challenge fits into the body");
    if (ev_challenge_make(&a->challenge, a->body.data, a->body.len) != 0) return 0;
    a->challenged = 1;
    a->secret_n = 0;
    return post(a, PATH_ACTIVATE, &secret_events, bytes, ev_challenge_bytes(&a->challenge, bytes)) == 0;
}

/* What was made ahead spares the node's chip, and decides nothing against the node: whatever is wrong with it (it is too old, of another log,
 * of the key statement before), evidence for a nonce of our own is asked for. 0: this was that already. */
static int ask_for_our_own(struct ask *a) {
    if (!a->ahead) return 0;
    tpm_challenge_wipe(&a->challenge);
    buf_release(&a->body);
    if (begin(a, 0) != 0) refuse(a, "no_answer", 1); /* the link is down or full */
    return 1;
}

static int is_the_named_one(const struct ask *a) {
    uint8_t hash[32];
    sha256_of(hash, a->body.data, a->body.len);
    return memcmp(hash, a->ahead_hash, 32) == 0;
}

static void judge(struct ask *a) {
    struct gw_verdict v;
    if (a->ahead && !is_the_named_one(a) && ask_for_our_own(a)) return;
    verdict_of(a, &v);
    if (v.shows == EV_CLASS_NONE && !gw_judge_wants_challenge(&v) && ask_for_our_own(a)) return;
    if (gw_judge_wants_challenge(&v) && !a->challenged && challenge(a)) return;
    finish(a, &v);
}

/* ---- the streams ---- */

static void on_response(void *arg, struct h2_stream *s, int status, const struct h2_headers *headers) {
    (void)s, (void)headers;
    ((struct ask *)arg)->status = status;
}

static void on_data(void *arg, struct h2_stream *s, const uint8_t *p, size_t n) {
    struct ask *a = arg;
    if (buf_add(&a->body, p, n) == 0) {
        h2_consume(s, n);
        return;
    }
    h2_reset(s, H2_CANCEL); /* no on_close follows */
    if (!ask_for_our_own(a)) refuse(a, "envelope", 0);
}

static void on_end(void *arg, struct h2_stream *s) {
    (void)s;
    ((struct ask *)arg)->whole = 1;
}

/* What broke off or did not come says nothing of the node. */
static void on_close(void *arg, struct h2_stream *s, uint32_t code) {
    struct ask *a = arg;
    (void)s;
    if (code == H2_OK && a->whole && a->status == 200)
        judge(a);
    else if (ask_for_our_own(a))
        return;
    else if (code == H2_OK && a->status == 404)
        refuse(a, "no_evidence", 0);
    else
        refuse(a, "no_answer", 1);
}

static void on_secret(void *arg, struct h2_stream *s, const uint8_t *p, size_t n) {
    struct ask *a = arg;
    h2_consume(s, n);
    size_t room = sizeof a->secret - a->secret_n, take = n < room ? n : room;
    memcpy(a->secret + a->secret_n, p, take);
    a->secret_n = n > room ? 0 : a->secret_n + take; /* too long: no secret of ours */
    if (n > room) a->status = 0;
}

/* A wrong secret, or that the chip finds none, is an answer: the keys are not in one TPM. Else the next ask tries again. */
static void on_secret_close(void *arg, struct h2_stream *s, uint32_t code) {
    struct ask *a = arg;
    (void)s;
    int answered = code == H2_OK && a->whole && a->status == 200;
    if (answered && ev_activations_take(&a->e->activations, &a->challenge, a->secret, a->secret_n))
        judge(a);
    else if (answered || (code == H2_OK && (a->status == 400 || a->status == 404)))
        refuse(a, "ak_not_activated", 0);
    else
        refuse(a, "no_answer", 1);
}

static const struct h2_stream_events evidence_events = {
    .on_response = on_response, .on_data = on_data, .on_end = on_end, .on_close = on_close};
static const struct h2_stream_events secret_events = {
    .on_response = on_response, .on_data = on_secret, .on_end = on_end, .on_close = on_secret_close};

static int asking(const struct gw_evidence *e) {
    int count = 0;
    for (size_t i = 0; i < EVIDENCE_AT_ONCE; i++) count += e->asks[i].s != NULL;
    return count;
}

static void on_tick(void *arg) {
    struct gw_evidence *e = arg;
    uint64_t now = clock_mono_ms();
    for (size_t i = 0; i < EVIDENCE_AT_ONCE; i++) {
        struct ask *a = &e->asks[i];
        if (!a->s || now - a->sent_ms < EVIDENCE_LIMIT_MS) continue;
        h2_reset(a->s, H2_CANCEL);
        refuse(a, "no_answer", 1);
    }
    if (asking(e)) timer_start_ms(e->tick, TICK_MS);
}

static int start(struct ask *a, const struct gw_node *node) {
    static const uint8_t none[32];
    a->keys = node->record.keys;
    memcpy(a->key_id, node->key_id, 32);
    memcpy(a->ahead_hash, node->record.evidence_hash, 32);
    a->asked_ms = clock_mono_ms();
    int named = memcmp(a->ahead_hash, none, 32) != 0;
    int r = begin(a, named && a->e->o.policy->log.given);
    if (r != 0) release(a);
    return r;
}

/* ---- whom to ask ---- */

static int is_asked(const struct gw_evidence *e, const uint8_t key_id[32]) {
    for (size_t i = 0; i < EVIDENCE_AT_ONCE; i++)
        if (e->asks[i].s && memcmp(e->asks[i].key_id, key_id, 32) == 0) return 1;
    return 0;
}

/* Starts as many as there are places, from a random one on. */
static void ask_some(struct gw_evidence *e, const struct gw_node *const *list, size_t count) {
    uint32_t from;
    size_t next = 0;
    random_bytes(&from, sizeof from);
    for (size_t i = 0; i < EVIDENCE_AT_ONCE && next < count; i++) {
        if (e->asks[i].s) continue;
        if (start(&e->asks[i], list[(from + next++) % count]) != 0)
            break; /* the link is down or full: the next call tries again */
    }
    if (asking(e)) timer_start_ms(e->tick, TICK_MS);
}

size_t gw_evidence_want(struct gw_evidence *e, const struct gw_dir *d, const struct gw_wish *w) {
    const struct gw_node *unknown[DIRLIST_MAX];
    size_t count = 0, open = 0;
    for (size_t i = 0; i < d->count; i++) {
        const struct gw_node *n = &d->nodes[i];
        if (!gw_qualifies(n, w)) continue;
        const struct gw_verdict *v = gw_verdicts_find(&e->verdicts, n->key_id, w->now_s, w->now_ms);
        open += !v || v->passing;
        if (!v && !is_asked(e, n->key_id)) unknown[count++] = n;
    }
    if (count) ask_some(e, unknown, count);
    return open;
}

const struct gw_verdicts *gw_evidence_verdicts(const struct gw_evidence *e) { return &e->verdicts; }

size_t gw_evidence_refusals(const struct gw_evidence *e, const struct gw_dir *d, const struct gw_wish *w, char *out, size_t cap) {
    size_t refused = 0, used = 0;
    out[0] = 0;
    for (size_t i = 0; i < d->count; i++) {
        const struct gw_node *n = &d->nodes[i];
        const struct gw_verdict *v = gw_qualifies(n, w) ? gw_verdicts_find(&e->verdicts, n->key_id, w->now_s, w->now_ms) : NULL;
        char name[9];
        if (!v || v->shows != EV_CLASS_NONE) continue;
        hex_encode(name, v->identity, 4);
        int more = snprintf(out + used, cap - used, "%snode %s: %s", refused ? "; " : "", name, v->factors);
        refused++;
        if (more < 0 || used + (size_t)more >= cap) {
            out[used] = 0; /* half a node says nothing */
            continue;
        }
        used += (size_t)more;
    }
    return refused;
}

/* ---- shown ---- */

static int show_one(const struct gw_verdict *v, struct buf *out, int first) {
    char node[65];
    hex_encode(node, v->identity, 32);
    int r = buf_addf(out, "%s{\"node\":\"%s\"", first ? "" : ",", node);
    if (r != 0) return r;
    if (v->shows == EV_CLASS_NONE) return buf_addf(out, ",\"refused\":\"%s\"}", v->factors);
    return buf_addf(out, ",\"class\":\"%s\",\"until\":%llu,\"who_could_read\":\"%s\"}", ev_class_name(v->shows),
                    (unsigned long long)v->until_s, ev_class_reach(v->shows));
}

int gw_evidence_show(const struct gw_evidence *e, struct buf *out) {
    char policy[65];
    uint64_t now_s = clock_unix_s(), now_ms = clock_mono_ms();
    int first = 1;
    hex_encode(policy, e->verdicts.policy, 32);
    int r = buf_addf(out, "{\"policy\":\"%s\",\"asking\":%d,\"nodes\":[", policy, asking(e));
    for (size_t i = 0; r == 0 && i < e->verdicts.count; i++) {
        const struct gw_verdict *v = &e->verdicts.list[i];
        if (gw_verdicts_find(&e->verdicts, v->key_id, now_s, now_ms) != v) continue;
        r = show_one(v, out, first);
        first = 0;
    }
    return r == 0 ? buf_addf(out, "]}") : r;
}

/* ---- life ---- */

int gw_evidence_open(struct gw_evidence **out, const struct gw_evidence_opts *o) {
    struct gw_evidence *e = mem_zalloc(1, sizeof *e);
    if (!e) return ERR_NOMEM;
    e->o = *o;
    for (size_t i = 0; i < EVIDENCE_AT_ONCE; i++) e->asks[i].e = e;
    int r = gw_verdicts_init(&e->verdicts, o->policy->digest);
    if (r == 0) r = timer_new(&e->tick, o->loop, on_tick, e);
    if (r != 0) {
        gw_evidence_close(e);
        return r;
    }
    *out = e;
    return 0;
}

void gw_evidence_close(struct gw_evidence *e) {
    if (!e) return;
    for (size_t i = 0; i < EVIDENCE_AT_ONCE; i++) {
        if (!e->asks[i].s) continue;
        h2_reset(e->asks[i].s, H2_CANCEL);
        release(&e->asks[i]);
    }
    timer_free(e->tick);
    gw_verdicts_release(&e->verdicts);
    free(e);
}
