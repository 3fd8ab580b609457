/* seal/stream.h - the sealed response: u8 candidate | 32-byte nonce | frames of one size, the last one marked final.
 *
 * Answers of equal token count give streams of equal frame count: one frame per token, text that does not fit waits for the
 * next one, and the end is always a multiple of 8 frames: rest of text, usage, fillers, receipt. */
#ifndef SEAL_STREAM_H
#define SEAL_STREAM_H

#include "base/mem.h"
#include "seal/envelope.h"
#include "seal/frame.h"
#include "seal/receipt.h"

enum { STREAM_START_BYTES = 33, STREAM_PENDING_MAX = 16384, STREAM_END_FRAMES = 8 };

/* ---- node: never allocates; every call writes whole frames ---- */
struct stream_writer { /* secret; stream_writer_wipe */
    struct chunk_key key;
    uint16_t frame_bytes;
    uint8_t state;
    uint32_t next_position;
    size_t pending_n;
    uint8_t pending[STREAM_PENDING_MAX]; /* text released and not sent yet */
};
/* Starts the answer to an opened envelope: draws the nonce and writes the 33 bytes that go first. */
void stream_writer_start(struct stream_writer *w, const struct opened *o, uint8_t start[STREAM_START_BYTES]);
/* Each writes one frame of w->frame_bytes to out. ERR_WRONG_STATE for frames out of order. */
int stream_put_accepted(struct stream_writer *w, uint8_t *out, const struct frame_accepted *a);
int stream_put_heartbeat(struct stream_writer *w, uint8_t *out);
/* t->text is everything that this id released; what does not fit is kept. ERR_LIMIT: over STREAM_PENDING_MAX is waiting. */
int stream_put_token(struct stream_writer *w, uint8_t *out, const struct frame_token *t);
/* Text of a resumed answer that the client lacks: goes out with the next frames. ERR_LIMIT. Before the first token only. */
int stream_carry_text(struct stream_writer *w, const uint8_t *text, size_t n);
/* How many bytes the end takes: a multiple of 8 frames. receipt_n 0: the end with an error. */
size_t stream_end_bytes(const struct stream_writer *w, size_t receipt_n);
enum { STREAM_END_BYTES_MAX = 256 * 1024 };
/* The end of a whole answer; out holds stream_end_bytes(w, receipt_n). Wipes w. */
int stream_put_end(struct stream_writer *w, uint8_t *out, size_t cap, const struct frame_usage *u, const uint8_t *receipt,
                   size_t receipt_n);
/* The end of a failed one, allowed in every state but the ended one; 8 frames (or more for waiting text). Wipes w. */
int stream_put_error(struct stream_writer *w, uint8_t *out, size_t cap, const struct frame_error *e);
void stream_writer_wipe(struct stream_writer *w);

/* ---- gateway ---- */
struct stream_reader { /* secret; stream_reader_wipe */
    const struct envelope_secrets *secrets;
    struct chunk_key key;
    uint32_t next_position;
    int err;    /* 0, or what ended it: then nothing more is accepted */
    int inside; /* 1: that was in a frame that opened, so it is the candidate's own doing; else anybody's on the way */
    uint8_t state, candidate, failed_code;
    uint16_t frame_bytes;
    size_t have, receipt_n;
    uint8_t in[FRAME_BYTES_MAX], plain[FRAME_BYTES_MAX], receipt[RECEIPT_BYTES_MAX];
};
/* from: ids that the gateway held when it sealed (content.so_far.count). secrets must outlive the reader. */
void stream_reader_start(struct stream_reader *r, const struct envelope_secrets *secrets, uint32_t from);
/* Takes bytes in any pieces. 0: *f is one frame, checked and in order; call again with the rest (p + *used).
 * ERR_MORE: all n bytes taken, no whole frame yet. ERR_TRAILING: bytes after the final frame.
 * ERR_AUTH (changed, swapped, repeated, another key), ERR_FORMAT, ERR_RANGE, ERR_WRONG_STATE: the stream is dead, r->err stays. */
int stream_read(struct stream_reader *r, const uint8_t *p, size_t n, size_t *used, struct frame *f);
/* To be asked when the transport ends: 0 after a final frame, ERR_SHORT when cut before it, else the error that ended it. */
int stream_reader_end(const struct stream_reader *r);
void stream_reader_wipe(struct stream_reader *r);

#endif
