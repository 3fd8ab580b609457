/* gateway/gw_progress.c - see gw_progress.h. */
#include "gateway/gw_progress.h"
#include "base/err.h"

#include <string.h>

void progress_init(struct progress *p, uint64_t now_ms, uint64_t deadline_ms, uint32_t max_tokens) {
    *p = (struct progress){.deadline_ms = deadline_ms, .send_at_ms = now_ms, .max_tokens = max_tokens};
    buf_init(&p->ids, 4 * (size_t)IDS_MAX);
    buf_init(&p->digests, 32 * (size_t)IDS_MAX);
    buf_init(&p->text, PROGRESS_TEXT_MAX);
}

void progress_release(struct progress *p) {
    buf_release(&p->ids);
    buf_release(&p->digests);
    buf_release(&p->text);
    mem_wipe(p, sizeof *p);
}

uint32_t progress_count(const struct progress *p) { return (uint32_t)(p->ids.len / 4); }
struct id_list progress_ids(const struct progress *p) {
    return (struct id_list){p->ids.data, progress_count(p)};
}

/* ---- who may see the prompt ---- */

static struct progress_identity *find(const struct progress *p, const uint8_t id[32]) {
    for (uint32_t i = 0; i < p->tried_count; i++)
        if (memcmp(p->tried[i].id, id, 32) == 0) return (struct progress_identity *)(uintptr_t)&p->tried[i];
    return NULL;
}

int progress_was_asked(const struct progress *p, const uint8_t identity[32]) { return find(p, identity) != NULL; }

int progress_may_ask(const struct progress *p, const uint8_t identity[32]) {
    const struct progress_identity *x = find(p, identity);
    return x ? !x->bad : p->tried_count < PROGRESS_IDENTITIES_MAX;
}

void progress_sent(struct progress *p, uint64_t now_ms, const uint8_t (*identities)[32], size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!find(p, identities[i]) && p->tried_count < PROGRESS_IDENTITIES_MAX)
            memcpy(p->tried[p->tried_count++].id, identities[i], 32);
    p->state = PROGRESS_RUN;
    p->sent_ms = p->frame_ms = now_ms;
    p->opened = 0;
    p->attempts++;
    p->from = progress_count(p);
    p->text_from = p->text_bytes;
    p->digests.len = 0;
}

/* ---- what arrives ---- */

void progress_frame(struct progress *p, uint64_t now_ms) {
    p->frame_ms = now_ms;
    p->opened = 1;
}

int progress_accepted(struct progress *p, const struct frame_accepted *a) {
    if (p->has_prompt && (a->prompt_tokens != p->prompt_tokens || memcmp(a->prompt_hash, p->prompt_hash, 32) != 0))
        return ERR_AUTH;
    p->has_prompt = 1;
    p->prompt_tokens = a->prompt_tokens;
    memcpy(p->prompt_hash, a->prompt_hash, 32);
    return 0;
}

int progress_token(struct progress *p, const struct frame_token *t, const uint8_t **text, size_t *n) {
    uint8_t be[4];
    *text = NULL;
    *n = 0;
    if (p->ending || t->position != progress_count(p)) return ERR_WRONG_STATE;
    id_put(be, t->id);
    int r = buf_add(&p->ids, be, sizeof be);
    if (r == 0) r = buf_add(&p->digests, t->digest, 32);
    if (r != 0) return r;
    if (progress_count(p) > p->furthest) p->furthest = progress_count(p), p->fails = 0;
    p->end_id = t->is_end;
    p->ending = t->is_end || (p->max_tokens && progress_count(p) >= p->max_tokens);
    if (p->ending) return progress_text(p, t->text, t->text_n);
    if (buf_add(&p->text, t->text, t->text_n) != 0) return ERR_LIMIT;
    *text = t->text;
    *n = t->text_n;
    p->text_bytes += t->text_n;
    return 0;
}

const uint8_t *progress_held(const struct progress *p, size_t *n) {
    *n = p->text.len - (size_t)p->text_bytes;
    return *n ? p->text.data + p->text_bytes : NULL;
}

int progress_text(struct progress *p, const uint8_t *text, size_t n) {
    size_t held;
    (void)progress_held(p, &held);
    if (n > PROGRESS_TEXT_HELD_MAX - held) return ERR_LIMIT;
    return buf_add(&p->text, text, n) == 0 ? 0 : ERR_LIMIT;
}

void progress_done(struct progress *p) {
    p->state = PROGRESS_DONE;
    p->text_bytes = p->text.len;
}

/* ---- when it breaks ---- */

/* An id whose text never went out is as if it had not come. */
static void forget_the_end(struct progress *p) {
    if (p->ending) {
        p->ids.len -= 4;
        if (p->digests.len) p->digests.len -= 32;
    }
    size_t held;
    (void)progress_held(p, &held);
    if (held) mem_wipe(p->text.data + p->text_bytes, held);
    p->text.len = (size_t)p->text_bytes;
    p->ending = p->end_id = 0;
}

/* The request itself is at fault, so every node would say so. After one node took it, another's refusal is that node's fault. */
static int is_final(const struct progress *p, enum api_code code) {
    switch (code) {
    case API_BAD_REQUEST:
    case API_UNSUPPORTED:
    case API_CONTEXT_OVER:
    case API_TOO_LARGE:
    case API_VERSION: return !p->has_prompt;
    case API_DEADLINE: return 1;
    case API_RATE: return progress_count(p) == 0;
    default: return 0;
    }
}

/* What to tell the app when trying again has not helped. */
static enum api_code gave_up(enum progress_cause cause, enum api_code code) {
    if (cause == CAUSE_LOST) return API_LOST;
    if (cause == CAUSE_BAD) return API_BAD_ANSWER;
    return code == API_NO_MODEL || code == API_CANCELLED || code == API_CODE_NONE ? API_NO_NODE : code;
}

static void mark(struct progress *p, const uint8_t *who, int bad) {
    if (!who) return;
    struct progress_identity *x = find(p, who);
    if (x && bad) x->bad = 1;
    memcpy(p->last, who, 32);
}

static uint64_t pause_ms(uint32_t fails) {
    if (fails == 0) return 0;
    return fails < 6 ? 50ull << (fails - 1) : 1000;
}

void progress_fail(struct progress *p, enum api_code code) {
    if (p->state == PROGRESS_DONE || p->state == PROGRESS_FAILED) return;
    p->state = PROGRESS_FAILED;
    p->failed = code;
}

void progress_lost(struct progress *p, uint64_t now_ms, const uint8_t *who, enum progress_cause cause, enum api_code code) {
    if (p->state != PROGRESS_RUN) return;
    forget_the_end(p);
    int started = progress_count(p) > 0;
    int wrong_here = cause == CAUSE_ERROR &&
                     (code == API_INTERNAL || (p->has_prompt && code != API_BUSY && code != API_DRAINING));
    mark(p, who, cause == CAUSE_BAD || wrong_here);
    if (is_final(p, code)) {
        progress_fail(p, code);
        return;
    }
    if (cause == CAUSE_REFUSED && code == API_BUSY && !started && now_ms - p->sent_ms < PROGRESS_BUSY_AT_ONCE_MS) {
        progress_fail(p, API_BUSY);
        return;
    }
    uint32_t limit = started ? PROGRESS_TRIES_RUNNING : PROGRESS_TRIES_START;
    if (p->fails >= limit || p->attempts >= PROGRESS_ATTEMPTS_MAX) {
        progress_fail(p, gave_up(cause, code));
        return;
    }
    p->state = PROGRESS_WAIT;
    p->send_at_ms = now_ms + pause_ms(p->fails++);
}

int progress_tick(struct progress *p, uint64_t now_ms) {
    if (p->state != PROGRESS_WAIT && p->state != PROGRESS_RUN) return 0;
    if (now_ms >= p->deadline_ms) {
        progress_fail(p, API_DEADLINE);
        return 0;
    }
    return p->state == PROGRESS_RUN && now_ms - p->frame_ms >= (p->opened ? PROGRESS_SILENCE_MS : PROGRESS_QUEUE_MS);
}

uint64_t progress_due(const struct progress *p) {
    uint64_t due = p->deadline_ms;
    uint64_t other = p->state == PROGRESS_WAIT  ? p->send_at_ms
                     : p->state == PROGRESS_RUN ? p->frame_ms + (p->opened ? PROGRESS_SILENCE_MS : PROGRESS_QUEUE_MS)
                                                : due;
    return other < due ? other : due;
}
