/* gateway/gw_blind_kept.c - see gw_blind_kept.h. */
#include "gateway/gw_blind_kept.h"
#include "base/mem.h"
#include "base/secret.h"

#include <string.h>

void gw_blind_kept_init(struct gw_blind_kept *k, uint32_t most, uint64_t idle_ms) {
    *k = (struct gw_blind_kept){.most = most < KEPT_MAX ? most : KEPT_MAX, .idle_ms = idle_ms};
    random_bytes(k->key, sizeof k->key);
}

static void forget(struct gw_conversation *c) {
    gen_past_free(c->past);
    mem_wipe(c, sizeof *c);
}

/* The last one takes its place. */
static void drop(struct gw_blind_kept *k, uint32_t which) {
    struct gw_conversation *last = &k->at[--k->count];
    forget(&k->at[which]);
    if (last != &k->at[which]) k->at[which] = *last;
    mem_wipe(last, sizeof *last);
}

void gw_blind_kept_release(struct gw_blind_kept *k) {
    while (k->count) drop(k, k->count - 1);
    mem_wipe(k, sizeof *k);
}

int gw_blind_kept_takes(const struct gw_blind_kept *k, const struct gen_request *r) {
    return k->most && !r->raw && r->message_count && !r->cache_salt && !r->extras.details && !r->extras.tools &&
           !r->extras.options;
}

/* ---- where a request stands ---- */

static void step(uint8_t at[SHA256_BYTES], enum gen_role role, const uint8_t text_hash[SHA256_BYTES]) {
    uint8_t from[SHA256_BYTES + 1];
    memcpy(from, at, SHA256_BYTES);
    from[SHA256_BYTES] = (uint8_t)role;
    sha256_joined(at, "", from, sizeof from, text_hash, SHA256_BYTES);
    mem_wipe(from, sizeof from);
}

void gw_blind_kept_answered(uint8_t at[SHA256_BYTES], const uint8_t text_hash[SHA256_BYTES]) {
    step(at, ROLE_ASSISTANT, text_hash);
}

/* Which conversation, and which answer of it. */
struct match {
    struct gw_conversation *c;
    uint32_t answer;
};

static int is_last(const struct match *m) { return m->answer + 1 == m->c->answers; }

/* Of two that were the same up to here: rather the one that loses no later turn by it, then the one used last. */
static int is_better(const struct match *a, const struct match *b) {
    if (!b->c || is_last(a) != is_last(b)) return !b->c || is_last(a);
    return a->c->used_ms >= b->c->used_ms;
}

/* With the longest beginning so far: a later place of the same request replaces an earlier one. */
static void look(struct gw_blind_kept *k, const uint8_t at[SHA256_BYTES], struct match *found) {
    struct match here = {NULL, 0};
    for (uint32_t i = 0; i < k->count; i++)
        for (uint32_t n = 0; n < k->at[i].answers; n++) {
            struct match m = {&k->at[i], n};
            if (mem_equal_ct(m.c->answer[n].at, at, SHA256_BYTES) && is_better(&m, &here)) here = m;
        }
    if (here.c) *found = here;
}

void gw_blind_kept_find(struct gw_blind_kept *k, const struct gen_request *r, uint8_t at[SHA256_BYTES],
                        struct gw_conversation *c) {
    struct match found = {NULL, 0};
    uint8_t text[SHA256_BYTES];
    sha256_joined(at, "lull blind conversation v1", k->key, sizeof k->key, NULL, 0);
    for (size_t i = 0; i < r->message_count; i++) {
        const struct gen_message *m = &r->messages[i];
        sha256_of(text, m->content.p, m->content.n);
        step(at, m->role, text);
        if (m->role == ROLE_ASSISTANT && i + 1 < r->message_count) look(k, at, &found);
    }
    mem_wipe(text, sizeof text);
    *c = (struct gw_conversation){.past = NULL};
    if (!found.c) return;
    *c = *found.c;
    c->answers = found.answer + 1;
    found.c->past = NULL; /* it is c's now */
    drop(k, (uint32_t)(found.c - k->at));
}

/* ---- conversations ---- */

void gw_conversation_add(struct gw_conversation *c, const uint8_t at[SHA256_BYTES], uint32_t ids) {
    if (c->answers == KEPT_ANSWERS_MAX) memmove(c->answer, c->answer + 1, --c->answers * sizeof *c->answer);
    c->answer[c->answers].ids = ids;
    memcpy(c->answer[c->answers++].at, at, SHA256_BYTES);
}

void gw_conversation_cut(struct gw_conversation *c, uint32_t ids) {
    for (uint32_t i = 0; i < c->answers; i++)
        if (c->answer[i].ids > ids) c->answer[i].ids = ids;
}

static uint32_t oldest(const struct gw_blind_kept *k) {
    uint32_t old = 0;
    for (uint32_t i = 1; i < k->count; i++)
        if (k->at[i].used_ms < k->at[old].used_ms) old = i;
    return old;
}

int gw_blind_kept_drop(struct gw_blind_kept *k) {
    if (k->count == 0) return 0;
    drop(k, oldest(k));
    return 1;
}

void gw_blind_kept_put(struct gw_blind_kept *k, struct gw_conversation *c, uint64_t now_ms) {
    if (!c->past || c->answers == 0 || k->most == 0) {
        forget(c);
        return;
    }
    while (k->count >= k->most) drop(k, oldest(k));
    c->used_ms = now_ms;
    k->at[k->count++] = *c;
    mem_wipe(c, sizeof *c);
}

uint64_t gw_blind_kept_expire(struct gw_blind_kept *k, uint64_t now_ms) {
    while (k->count && now_ms >= k->at[oldest(k)].used_ms + k->idle_ms) drop(k, oldest(k));
    return k->count ? k->at[oldest(k)].used_ms + k->idle_ms : 0;
}
