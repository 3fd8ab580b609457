/* api/reply.h - answers in the caller's dialect: whole bodies, server-sent events (/v1) and NDJSON lines (/api).
 *
 * All calls append to a buffer and return 0 or ERR_NOMEM. For a stream: head, text..., end. For a whole body: whole. What a
 * reply is made of is fixed by reply_init, so every chunk carries the same id, time and model. */
#ifndef API_REPLY_H
#define API_REPLY_H

#include <stddef.h>
#include <stdint.h>

#include "api/errors.h"
#include "api/request.h"
#include "base/mem.h"

enum api_finish { API_FINISH_STOP, API_FINISH_LENGTH };

struct api_usage {
    uint32_t prompt_tokens, cached_tokens, output_tokens;
    uint64_t total_ns, load_ns, prefill_ns, decode_ns;
};

struct api_reply {
    enum api_endpoint endpoint;
    int stream, include_usage, include_obfuscation;
    char id[48];         /* "chatcmpl-" and 32 hex digits */
    uint64_t created_ns; /* unix */
    char model[API_MODEL_CAP];
    char remote_model[API_MODEL_CAP]; /* Ollama: what ran elsewhere */
    char remote_host[256];            /* Ollama: where to */
    char fingerprint[64];             /* "fp_<engine>_<weights>"; "" is written as null */
};

/* id: 16 bytes, the request id. fingerprint is empty until reply_fingerprint. */
void reply_init(struct api_reply *r, const struct api_request *q, const uint8_t id[16], const char *remote_host);
/* Names engine build and weights: the first bytes of both hashes. */
void reply_fingerprint(struct api_reply *r, const uint8_t engine[32], const uint8_t manifest[32]);
/* "text/event-stream", "application/x-ndjson" or "application/json". */
const char *reply_content_type(const struct api_reply *r);

int reply_head(struct buf *out, const struct api_reply *r);
/* text is complete UTF-8; n = 0 writes nothing. */
int reply_text(struct buf *out, const struct api_reply *r, const char *text, size_t n);
int reply_end(struct buf *out, const struct api_reply *r, enum api_finish finish, const struct api_usage *u);
int reply_whole(struct buf *out, const struct api_reply *r, const char *text, size_t n, enum api_finish finish,
                const struct api_usage *u);
/* Ollama's answer to an empty request: done_reason "load" or "unload". */
int reply_loaded(struct buf *out, const struct api_reply *r, enum api_action action);
/* An SSE comment; NDJSON has none, so nothing there. */
int reply_keepalive(struct buf *out, const struct api_reply *r);

#endif
