/* api/reply_openai.c - chat.completion bodies and chat.completion.chunk events. Every member is always there, null when it has
 * nothing to say, because strict clients check for presence. */
#include "api/reply_parts.h"
#include "base/json.h"
#include "base/secret.h"

#include <inttypes.h>
#include <string.h>

enum { PAD_STEP = 32 }; /* with padding on, deltas are told apart only by how many steps they take */

static int frame(struct buf *out, const struct api_reply *r, const char *object) {
    int e = buf_addf(out, "{\"id\":\"%s\",\"object\":\"%s\",\"created\":%" PRIu64 ",\"model\":", r->id, object,
                     r->created_ns / 1000000000u);
    if (e == 0) e = json_quote(out, r->model, strlen(r->model));
    if (e != 0) return e;
    if (r->fingerprint[0]) return buf_addf(out, ",\"system_fingerprint\":\"%s\"", r->fingerprint);
    return buf_addf(out, ",\"system_fingerprint\":null");
}

static int usage(struct buf *out, const struct api_usage *u) {
    return buf_addf(out,
                    "{\"prompt_tokens\":%" PRIu32 ",\"completion_tokens\":%" PRIu32 ",\"total_tokens\":%" PRIu64
                    ",\"prompt_tokens_details\":{\"cached_tokens\":%" PRIu32
                    "},\"completion_tokens_details\":{\"reasoning_tokens\":0}}",
                    u->prompt_tokens, u->output_tokens, (uint64_t)u->prompt_tokens + u->output_tokens, u->cached_tokens);
}

/* Random letters that bring a delta of n bytes up to the next step, so that its size says little about its text. */
static int padding(struct buf *out, size_t n) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    uint8_t raw[PAD_STEP];
    char pad[PAD_STEP];
    size_t len = PAD_STEP - n % PAD_STEP;
    random_bytes(raw, len);
    for (size_t i = 0; i < len; i++) pad[i] = letters[raw[i] & 63];
    return buf_addf(out, ",\"obfuscation\":\"%.*s\"", (int)len, pad);
}

/* One event up to its choices' delta; finish NULL: not finished. text_len: what the padding hides. */
static int chunk_end(struct buf *out, const struct api_reply *r, const char *finish, size_t text_len) {
    int e = finish ? buf_addf(out, ",\"logprobs\":null,\"finish_reason\":\"%s\"}]", finish)
                   : buf_addf(out, ",\"logprobs\":null,\"finish_reason\":null}]");
    if (e == 0 && r->include_usage) e = buf_addf(out, ",\"usage\":null");
    if (e == 0 && r->include_obfuscation) e = padding(out, text_len);
    return e == 0 ? buf_addf(out, "}\n\n") : e;
}

static int chunk_begin(struct buf *out, const struct api_reply *r) {
    int e = buf_addf(out, "data: ");
    return e == 0 ? frame(out, r, "chat.completion.chunk") : e;
}

int openai_head(struct buf *out, const struct api_reply *r) {
    int e = chunk_begin(out, r);
    if (e == 0)
        e = buf_addf(out, ",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null}");
    return e == 0 ? chunk_end(out, r, NULL, 0) : e;
}

int openai_text(struct buf *out, const struct api_reply *r, const char *text, size_t n) {
    int e = chunk_begin(out, r);
    if (e == 0) e = buf_addf(out, ",\"choices\":[{\"index\":0,\"delta\":{\"content\":");
    if (e == 0) e = json_quote(out, text, n);
    if (e == 0) e = buf_add(out, "}", 1);
    return e == 0 ? chunk_end(out, r, NULL, n) : e;
}

int openai_end(struct buf *out, const struct api_reply *r, const char *finish, const struct api_usage *u) {
    int e = chunk_begin(out, r);
    if (e == 0) e = buf_addf(out, ",\"choices\":[{\"index\":0,\"delta\":{}");
    if (e == 0) e = chunk_end(out, r, finish, 0);
    if (e == 0 && r->include_usage) {
        e = chunk_begin(out, r);
        if (e == 0) e = buf_addf(out, ",\"choices\":[],\"usage\":");
        if (e == 0) e = usage(out, u);
        if (e == 0) e = buf_addf(out, "}\n\n");
    }
    return e == 0 ? buf_addf(out, "data: [DONE]\n\n") : e;
}

int openai_whole(struct buf *out, const struct api_reply *r, const char *text, size_t n, const char *finish,
                 const struct api_usage *u) {
    int e = frame(out, r, "chat.completion");
    if (e == 0) e = buf_addf(out, ",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":");
    if (e == 0) e = json_quote(out, text, n);
    if (e == 0)
        e = buf_addf(out,
                     ",\"refusal\":null,\"annotations\":[]},\"logprobs\":null,\"finish_reason\":\"%s\"}],\"usage\":", finish);
    if (e == 0) e = usage(out, u);
    return e == 0 ? buf_add(out, "}", 1) : e;
}
