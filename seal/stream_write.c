/* seal/stream_write.c - the node's half of stream.h. */
#include "base/err.h"
#include "base/secret.h"
#include "seal/stream.h"

#include <string.h>

enum { W_STARTED, W_ACCEPTED, W_ENDED };

static size_t plain_bytes(const struct stream_writer *w) { return (size_t)w->frame_bytes - CHUNK_TAG_BYTES; }
static size_t body_room(const struct stream_writer *w) { return (size_t)w->frame_bytes - FRAME_OVERHEAD; }
static size_t frames_for(size_t bytes, size_t room) { return (bytes + room - 1) / room; }

/* One frame to out. */
static int put(struct stream_writer *w, uint8_t *out, const struct frame *f, int final) {
    uint8_t plain[FRAME_BYTES_MAX];
    int r = frame_write(plain, plain_bytes(w), f);
    if (r == 0) chunk_seal(&w->key, out, plain, plain_bytes(w), final);
    mem_wipe(plain, plain_bytes(w));
    return r;
}

void stream_writer_start(struct stream_writer *w, const struct opened *o, uint8_t start[STREAM_START_BYTES]) {
    memset(w, 0, sizeof *w);
    w->frame_bytes = o->head.frame_bytes;
    w->next_position = o->content.so_far.count;
    start[0] = o->candidate;
    /* Fresh for every answer: were an envelope ever opened twice, key and counters would repeat without it. */
    random_bytes(start + 1, CHUNK_RESPONSE_NONCE_BYTES);
    chunk_key_response(&w->key, o->response_secret, o->enc, start + 1);
}

int stream_put_accepted(struct stream_writer *w, uint8_t *out, const struct frame_accepted *a) {
    if (w->state != W_STARTED) return ERR_WRONG_STATE;
    int r = put(w, out, &(struct frame){.type = FRAME_ACCEPTED, .accepted = *a}, 0);
    if (r == 0) w->state = W_ACCEPTED;
    return r;
}

int stream_put_heartbeat(struct stream_writer *w, uint8_t *out) {
    if (w->state == W_ENDED) return ERR_WRONG_STATE;
    return put(w, out, &(struct frame){.type = FRAME_HEARTBEAT}, 0);
}

static int pending_add(struct stream_writer *w, const uint8_t *text, size_t n) {
    if (n > sizeof w->pending - w->pending_n) return ERR_LIMIT;
    if (n) memcpy(w->pending + w->pending_n, text, n);
    w->pending_n += n;
    return 0;
}

static void pending_drop(struct stream_writer *w, size_t n) {
    memmove(w->pending, w->pending + n, w->pending_n - n);
    w->pending_n -= n;
    mem_wipe(w->pending + w->pending_n, n);
}

int stream_carry_text(struct stream_writer *w, const uint8_t *text, size_t n) {
    return w->state == W_ENDED ? ERR_WRONG_STATE : pending_add(w, text, n);
}

int stream_put_token(struct stream_writer *w, uint8_t *out, const struct frame_token *t) {
    if (w->state != W_ACCEPTED || t->position != w->next_position) return ERR_WRONG_STATE;
    int r = pending_add(w, t->text, t->text_n);
    if (r != 0) return r;
    size_t room = body_room(w) - FRAME_TOKEN_FIXED, n = w->pending_n < room ? w->pending_n : room;
    struct frame f = {.type = FRAME_TOKEN, .token = *t};
    f.token.text = w->pending;
    f.token.text_n = n;
    r = put(w, out, &f, 0);
    if (r != 0) return r;
    pending_drop(w, n);
    w->next_position++;
    return 0;
}

static size_t round_up_frames(size_t frames) { return (frames + STREAM_END_FRAMES - 1) / STREAM_END_FRAMES * STREAM_END_FRAMES; }

/* Text waits only for readers that know the answer was accepted. */
static size_t text_frames(const struct stream_writer *w) {
    return w->state == W_ACCEPTED ? frames_for(w->pending_n, body_room(w)) : 0;
}

size_t stream_end_bytes(const struct stream_writer *w, size_t receipt_n) {
    size_t others = receipt_n ? 1 + frames_for(receipt_n, body_room(w)) : 1;
    return round_up_frames(text_frames(w) + others) * w->frame_bytes;
}

/* Waiting text, in frames of its own. *out moves on. */
static int put_text(struct stream_writer *w, uint8_t **out) {
    int r = 0;
    for (size_t frames = text_frames(w); frames > 0 && r == 0; frames--) {
        size_t n = w->pending_n < body_room(w) ? w->pending_n : body_room(w);
        r = put(w, *out, &(struct frame){.type = FRAME_TEXT, .text = {w->pending, n}}, 0);
        pending_drop(w, n);
        *out += w->frame_bytes;
    }
    return r;
}

/* Fillers from *out up to `until`. */
static int put_fillers(struct stream_writer *w, uint8_t **out, const uint8_t *until) {
    int r = 0;
    for (; *out < until && r == 0; *out += w->frame_bytes) r = put(w, *out, &(struct frame){.type = FRAME_FILLER}, 0);
    return r;
}

int stream_put_end(struct stream_writer *w, uint8_t *out, size_t cap, const struct frame_usage *u, const uint8_t *receipt,
                   size_t receipt_n) {
    if (w->state != W_ACCEPTED) return ERR_WRONG_STATE;
    size_t total = stream_end_bytes(w, receipt_n), room = body_room(w);
    if (receipt_n == 0 || receipt_n > RECEIPT_BYTES_MAX || cap < total) return ERR_LIMIT;
    const uint8_t *receipts_at = out + total - frames_for(receipt_n, room) * w->frame_bytes;
    int r = put_text(w, &out);
    if (r == 0) r = put(w, out, &(struct frame){.type = FRAME_USAGE, .usage = *u}, 0);
    out += w->frame_bytes;
    if (r == 0) r = put_fillers(w, &out, receipts_at);
    for (size_t at = 0; at < receipt_n && r == 0; at += room, out += w->frame_bytes) {
        size_t n = receipt_n - at < room ? receipt_n - at : room;
        r = put(w, out, &(struct frame){.type = FRAME_RECEIPT, .receipt = {receipt + at, n}}, at + n == receipt_n);
    }
    stream_writer_wipe(w);
    return r;
}

int stream_put_error(struct stream_writer *w, uint8_t *out, size_t cap, const struct frame_error *e) {
    if (w->state == W_ENDED) return ERR_WRONG_STATE;
    size_t total = stream_end_bytes(w, 0);
    if (cap < total) return ERR_LIMIT;
    const uint8_t *last = out + total - w->frame_bytes;
    int r = put_text(w, &out);
    if (r == 0) r = put_fillers(w, &out, last);
    if (r == 0) r = put(w, out, &(struct frame){.type = FRAME_ERROR, .error = *e}, 1);
    stream_writer_wipe(w);
    return r;
}

void stream_writer_wipe(struct stream_writer *w) {
    mem_wipe(w, sizeof *w);
    w->state = W_ENDED;
}
