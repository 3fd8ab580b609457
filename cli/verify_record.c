/* cli/verify_record.c - a record of `lull run --json` against the model: every id, the chain over the logits, and that the text
 * is what the ids say and ends for the reason given. */
#include <string.h>

#include "cli/replay_answer.h"
#include "model/answer_record.h"
#include "model/model.h"
#include "model/replay.h"
#include "model/textout.h"
#include "seal/seal_err.h"

/* The text is released piece by piece and compared as it comes. */
struct reading {
    const struct answer_record *a;
    size_t at;
    int same;
};
static void compare(struct reading *t, const uint8_t *text, size_t n) {
    if (n == 0) return;
    t->same = t->same && t->a->text.n - t->at >= n && memcmp(t->a->text.p + t->at, text, n) == 0;
    if (t->same) t->at += n;
}

static int check_text(struct verdict *v, const struct answer_record *a, const struct vocab *vocab, struct why *why) {
    struct textout out = {0};
    const struct textout_opts o = {.stop = a->stops, .stop_count = a->stop_count, .at_start = a->at_start};
    struct reading t = {.a = a, .same = 1};
    size_t n, shown = a->count - (a->has_end != 0), i = 0;
    const uint8_t *text;
    int stopped = 0, r = textout_init(&out, vocab, &o, why);
    for (; r == 0 && i < shown && !stopped; i++) {
        if (vocab_is_eog(vocab, a->ids[i])) break; /* ends the answer before the record does */
        stopped = textout_feed(&out, a->ids[i], &text, &n) == TEXTOUT_STOPPED;
        compare(&t, text, n);
    }
    if (r == 0 && !stopped) {
        textout_end(&out, &text, &n);
        compare(&t, text, n);
    }
    textout_release(&out);
    if (r != 0) return r;
    int ends = i == shown && stopped == (a->stop == STOP_STRING) && (!a->has_end || vocab_is_eog(vocab, a->ids[a->count - 1]));
    if (!ends)
        v->err = BAD_STOP;
    else if (!t.same || t.at != a->text.n)
        v->err = BAD_TEXT;
    return 0;
}

static int replay_record(struct verdict *v, const struct answer_record *a, const struct replay_how *how, struct why *why) {
    static const uint8_t zeros[DIGEST_BYTES];
    struct model *m = NULL;
    enum kv_format kv;
    int r = replay_open(&m, &kv, how, a->profile, why);
    if (r == 0 && model_file_bytes(m) != a->model_bytes)
        r = why_set(why, ERR_NOTFOUND, "%s is not the file that gave the answer (another size)", how->model);
    struct replay in = {.prompt = a->prompt,
                        .prompt_count = a->prompt_count,
                        .sampling = a->sampling,
                        .format = a->format,
                        .at_start = a->at_start,
                        .ids = a->ids,
                        .count = a->count,
                        .salt = zeros,
                        .chain = a->chain,
                        .kv = kv,
                        .threads = how->threads};
    if (r == 0) r = replay_pass(v, m, &in, why);
    v->replayed = r == 0;
    if (r == 0 && v->err == 0) r = check_text(v, a, model_vocab(m), why);
    model_close(m);
    return r;
}

int verify_record(struct verdict *v, const void *file, size_t n, const struct replay_how *how, struct why *why) {
    struct answer_record a;
    *v = (struct verdict){.is_record = 1};
    int r = answer_record_read(&a, file, n, why);
    if (r != 0) return r;
    v->readable = 1;
    v->tokens = v->mismatch = (uint32_t)a.count;
    v->generated_ns = a.times.prefill_ns + a.times.decode_ns;
    memcpy(v->profile, a.profile, sizeof v->profile);
    r = replay_record(v, &a, how, why);
    answer_record_release(&a);
    return r;
}
