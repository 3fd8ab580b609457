/* seal/frame.h - what is inside one response frame: u8 type | u16 used | body | zeros, always frame_bytes - 16 bytes. */
#ifndef SEAL_FRAME_H
#define SEAL_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "seal/chunk.h"
#include "seal/codes.h"
#include "seal/names.h"

enum frame_type {
    FRAME_ACCEPTED = 1,
    FRAME_TOKEN = 2,
    FRAME_HEARTBEAT = 3,
    FRAME_TEXT = 4,
    FRAME_USAGE = 5,
    FRAME_FILLER = 6,
    FRAME_ERROR = 7,
    FRAME_RECEIPT = 8,
    FRAME_TYPE_END
};
enum { FRAME_HEAD_BYTES = 3, FRAME_TOKEN_FIXED = 41, FRAME_OVERHEAD = CHUNK_TAG_BYTES + FRAME_HEAD_BYTES };

struct frame_accepted {
    char engine_id[ENGINE_ID_BYTES], profile[PROFILE_BYTES];
    uint32_t prompt_tokens;
    uint8_t prompt_hash[32]; /* prompt_ids_hash */
};
struct frame_token {
    uint32_t position; /* 0 = first id of the whole answer, over all attempts */
    int32_t id;
    uint8_t is_end;      /* 1: the id that ends generation; it has no text of its own and is not part of the answer shown */
    uint8_t digest[32];  /* of this position's logits */
    const uint8_t *text; /* text released so far and not sent yet, as much as fits; need not be whole characters */
    size_t text_n;
};
struct frame_usage {
    uint8_t stop;                                         /* enum seal_stop */
    uint32_t prompt_tokens, cached_tokens, output_tokens; /* output: of the whole answer, the end id included */
    uint64_t prefill_ns, decode_ns;
};
struct frame_error {
    uint8_t code;         /* enum code */
    uint64_t node_time_s; /* so that a bad clock on either side can be named */
};
struct frame { /* as read; texts and bytes point into the reader's buffer until the next call */
    enum frame_type type;
    int final;
    union {
        struct frame_accepted accepted;
        struct frame_token token;
        struct frame_usage usage;
        struct frame_error error;
        struct {
            const uint8_t *p;
            size_t n;
        } text; /* FRAME_TEXT */
        struct {
            const uint8_t *p;
            size_t n;
        } receipt; /* FRAME_RECEIPT: with final set, the whole receipt's bytes */
    };
};
/* Writes one plaintext frame into out[n] (n = frame_bytes - 16), zero-padded. ERR_LIMIT when the body does not fit. */
int frame_write(uint8_t *out, size_t n, const struct frame *f);
/* Reads one. ERR_FORMAT: unknown type, wrong length, padding not zero; ERR_RANGE: a value outside its set. */
int frame_read(const uint8_t *p, size_t n, struct frame *out);

#endif
