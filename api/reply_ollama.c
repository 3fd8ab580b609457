/* api/reply_ollama.c - lines of /api/chat and /api/generate. remote_model and remote_host are Ollama's own names for an answer
 * that was computed elsewhere. */
#include "api/reply_parts.h"
#include "base/clock.h"
#include "base/json.h"

#include <inttypes.h>
#include <string.h>

/* Everything up to and with the text. */
static int line(struct buf *out, const struct api_reply *r, const char *text, size_t n) {
    char when[CLOCK_TEXT_BYTES];
    clock_text(when, r->created_ns, 9);
    int chat = r->endpoint == API_CHAT;
    int e = buf_addf(out, "{\"model\":");
    if (e == 0) e = json_quote(out, r->model, strlen(r->model));
    if (e == 0) e = buf_addf(out, ",\"remote_model\":\"%s\",\"remote_host\":", r->remote_model);
    if (e == 0) e = json_quote(out, r->remote_host, strlen(r->remote_host));
    if (e == 0) e = buf_addf(out, ",\"created_at\":\"%s\",", when);
    if (e == 0) e = buf_addf(out, chat ? "\"message\":{\"role\":\"assistant\",\"content\":" : "\"response\":");
    if (e == 0) e = json_quote(out, text, n);
    return e == 0 && chat ? buf_add(out, "}", 1) : e;
}

int ollama_text(struct buf *out, const struct api_reply *r, const char *text, size_t n) {
    int e = line(out, r, text, n);
    return e == 0 ? buf_addf(out, ",\"done\":false}\n") : e;
}

int ollama_last(struct buf *out, const struct api_reply *r, const char *text, size_t n, const char *reason,
                const struct api_usage *u) {
    int e = line(out, r, text, n);
    if (e == 0) e = buf_addf(out, ",\"done\":true,\"done_reason\":\"%s\"", reason);
    if (e == 0 && u)
        e = buf_addf(out,
                     ",\"total_duration\":%" PRIu64 ",\"load_duration\":%" PRIu64 ",\"prompt_eval_count\":%" PRIu32
                     ",\"prompt_eval_duration\":%" PRIu64 ",\"eval_count\":%" PRIu32 ",\"eval_duration\":%" PRIu64,
                     u->total_ns, u->load_ns, u->prompt_tokens, u->prefill_ns, u->output_tokens, u->decode_ns);
    return e == 0 ? buf_addf(out, "}\n") : e;
}
