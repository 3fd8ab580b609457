/* api/reply.c - see reply.h. Which dialect writes what; the words themselves are in reply_openai.c and reply_ollama.c. */
#include "api/reply.h"
#include "api/reply_parts.h"
#include "base/clock.h"
#include "base/hash.h"

#include <stdio.h>
#include <string.h>

void reply_init(struct api_reply *r, const struct api_request *q, const uint8_t id[16], const char *remote_host) {
    char hex[33];
    *r = (struct api_reply){.endpoint = q->endpoint,
                            .stream = q->stream,
                            .include_usage = q->include_usage,
                            .include_obfuscation = q->include_obfuscation,
                            .created_ns = clock_unix_ns()};
    hex_encode(hex, id, 16);
    snprintf(r->id, sizeof r->id, "chatcmpl-%s", hex);
    snprintf(r->model, sizeof r->model, "%s", q->asked);
    snprintf(r->remote_model, sizeof r->remote_model, "%s", q->model);
    snprintf(r->remote_host, sizeof r->remote_host, "%s", remote_host);
}

void reply_fingerprint(struct api_reply *r, const uint8_t engine[32], const uint8_t manifest[32]) {
    char build[2 * 4 + 1], weights[2 * 6 + 1];
    hex_encode(build, engine, 4);
    hex_encode(weights, manifest, 6);
    snprintf(r->fingerprint, sizeof r->fingerprint, "fp_%s_%s", build, weights);
}

static int openai(const struct api_reply *r) { return api_dialect_of(r->endpoint) == API_OPENAI; }

const char *reply_content_type(const struct api_reply *r) {
    if (!r->stream) return "application/json";
    return openai(r) ? "text/event-stream" : "application/x-ndjson";
}

static const char *finish_word(enum api_finish f) { return f == API_FINISH_LENGTH ? "length" : "stop"; }

int reply_head(struct buf *out, const struct api_reply *r) { return openai(r) ? openai_head(out, r) : 0; }

int reply_text(struct buf *out, const struct api_reply *r, const char *text, size_t n) {
    if (n == 0) return 0;
    return openai(r) ? openai_text(out, r, text, n) : ollama_text(out, r, text, n);
}

int reply_end(struct buf *out, const struct api_reply *r, enum api_finish finish, const struct api_usage *u) {
    return openai(r) ? openai_end(out, r, finish_word(finish), u) : ollama_last(out, r, "", 0, finish_word(finish), u);
}

int reply_whole(struct buf *out, const struct api_reply *r, const char *text, size_t n, enum api_finish finish,
                const struct api_usage *u) {
    return openai(r) ? openai_whole(out, r, text, n, finish_word(finish), u)
                     : ollama_last(out, r, text, n, finish_word(finish), u);
}

int reply_loaded(struct buf *out, const struct api_reply *r, enum api_action action) {
    return ollama_last(out, r, "", 0, action == API_UNLOAD ? "unload" : "load", NULL);
}

int reply_keepalive(struct buf *out, const struct api_reply *r) {
    return openai(r) && r->stream ? buf_addf(out, ": waiting\n\n") : 0;
}
