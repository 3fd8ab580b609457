/* tests/e2e/answers.c - see answers.h. */
#include "tests/e2e/answers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "seal/transcript.h"

struct collect {
    struct answer *a;
    const struct question *q;
    int deltas;
    uint64_t last_ms;
};

static void on_text(void *arg, const char *text, size_t n) {
    struct collect *c = arg;
    uint64_t now = clock_mono_ms();
    if (c->last_ms && now - c->last_ms > c->a->first_gap_ms) c->a->first_gap_ms = now - c->last_ms;
    (void)buf_add(&c->a->text, text, n);
    if (c->q->on_delta) c->q->on_delta(c->q->arg, ++c->deltas);
    c->last_ms = now;
}

static int read_receipt(struct answer *a, struct world *w, const char *id, struct why *why) {
    char path[128];
    struct buf file;
    snprintf(path, sizeof path, "/lull/receipts/%.80s", id);
    if (world_get(w, path, &file) != 0) return why_set(why, ERR_NOTFOUND, "no receipt %.60s", id);
    struct transcript *t = malloc(sizeof *t);
    int r = t ? transcript_read(file.data, file.len, t) : ERR_NOMEM;
    if (r == 0) r = transcript_verify(t, NULL);
    if (r == 0 && t->ids.count > ANSWER_IDS) r = ERR_LIMIT;
    if (r == 0) ids_unpack(a->ids, &t->ids);
    if (r == 0) a->id_count = t->ids.count, a->from = t->receipt.from;
    free(t);
    buf_release(&file);
    return r == 0 ? 0 : why_set(why, r, "receipt: %s", err_text(r));
}

int answer_get(struct answer *a, struct world *w, const struct question *q, struct why *why) {
    *a = (struct answer){0};
    buf_init(&a->text, 1 << 20);
    json_t *body = json_pack("{s:s, s:[{s:s, s:s}], s:b, s:f, s:I, s:i}", "model", q->model, "messages", "role", "user",
                             "content", q->prompt, "stream", 1, "temperature", q->temperature, "seed", (json_int_t)q->seed,
                             "max_tokens", q->max_tokens);
    struct collect c = {.a = a, .q = q};
    struct ask ask = {.gateway = w->gateway_at, .body = body, .silence_ms = 60000, .on_text = on_text, .arg = &c};
    int r = body ? ask_run(&ask, why) : ERR_NOMEM;
    json_decref(body);
    return r == 0 ? read_receipt(a, w, ask.receipt, why) : r;
}

int answer_equal(const struct answer *a, const struct answer *b) {
    return a->id_count == b->id_count && memcmp(a->ids, b->ids, a->id_count * sizeof a->ids[0]) == 0 &&
           a->text.len == b->text.len && (a->text.len == 0 || memcmp(a->text.data, b->text.data, a->text.len) == 0);
}

void answer_release(struct answer *a) { buf_release(&a->text); }
