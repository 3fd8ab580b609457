/* api/errors.c - see errors.h. The table is the whole policy: what is answered, and whether a client should try again itself. */
#include "api/errors.h"
#include "base/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { BUSY_RETRY_MS = 1000, RATE_RETRY_MS = 2000 };

struct row {
    const char *name;
    int status;
    const char *type, *code; /* OpenAI's words; code NULL is written as null */
    const char *text;
    int retry; /* worth repeating unchanged */
    uint32_t retry_after_ms;
};
static const struct row rows[API_CODE_COUNT] = {
    [API_CODE_NONE] = {"none", 500, "api_error", NULL, "unknown error", 0, 0},
    [API_REFUSED] = {"refused", 503, "api_error", "refused", "no node could open the request", 1, BUSY_RETRY_MS},
    [API_VERSION] = {"version", 502, "api_error", "version", "the network speaks another version", 0, 0},
    [API_BUSY] = {"busy", 503, "unavailable_error", "busy", "every node of this model is busy", 1, BUSY_RETRY_MS},
    [API_DRAINING] = {"draining", 503, "unavailable_error", "draining", "the nodes of this model are leaving", 1, BUSY_RETRY_MS},
    [API_NO_MODEL] = {"no_model", 404, "not_found_error", "model_not_found", "model not found", 0, 0},
    [API_TOO_LARGE] = {"too_large", 413, "invalid_request_error", "request_too_large", "the body is over 8 MiB", 0, 0},
    [API_BAD_REQUEST] = {"bad_request", 400, "invalid_request_error", "invalid_value", "the request is malformed", 0, 0},
    [API_CONTEXT_OVER] = {"context_over", 400, "invalid_request_error", "context_length_exceeded",
                          "the prompt does not fit the model's context", 0, 0},
    [API_DEADLINE] = {"deadline", 408, "timeout_error", "deadline", "the time for this request is over", 0, 0},
    [API_CANCELLED] = {"cancelled", 499, "api_error", "cancelled", "request canceled", 0, 0},
    [API_RATE] = {"rate", 429, "rate_limit_error", "rate_limit_exceeded", "too many requests", 1, RATE_RETRY_MS},
    [API_INTERNAL] = {"internal", 500, "api_error", "internal", "internal error", 0, 0},
    [API_UNSUPPORTED] = {"unsupported", 400, "invalid_request_error", "unsupported_parameter", "not supported", 0, 0},
    [API_NO_TIER] = {"no_tier", 503, "unavailable_error", "no_tier", "no node meets the tier asked for: sealed is what there is",
                     0, 0},
    [API_NO_NODE] = {"no_node", 503, "unavailable_error", "no_node", "no node of this model can be reached now", 1,
                     BUSY_RETRY_MS},
    [API_LOST] = {"lost", 502, "api_error", "nodes_lost", "every node that was tried has gone away", 0, 0},
    [API_BAD_ANSWER] = {"bad_answer", 502, "api_error", "bad_answer", "a node's answer does not verify", 0, 0},
    [API_NO_ROUTE] = {"no_route", 404, "not_found_error", "not_found", "no such endpoint", 0, 0},
    [API_METHOD] = {"method", 405, "invalid_request_error", "method_not_allowed", "method not allowed", 0, 0},
    [API_KEY] = {"key", 401, "authentication_error", "invalid_api_key", "missing or wrong API key", 0, 0},
    [API_FORBIDDEN] = {"forbidden", 403, "permission_error", "forbidden", "this Host or Origin may not ask", 0, 0},
    [API_MEDIA] = {"media", 415, "invalid_request_error", "unsupported_media_type", "compressed bodies are not accepted", 0, 0},
    /* OpenAI's words for an empty account; unlike `rate`, waiting does not mend it */
    [API_UNPAID] = {"unpaid", 429, "insufficient_quota", "insufficient_quota", "what was prepaid is used up", 0, 0},
};

static const struct row *row_of(enum api_code code) { return &rows[(unsigned)code < API_CODE_COUNT ? code : API_CODE_NONE]; }

void api_error_set(struct api_error *e, enum api_code code, const char *param, const char *fmt, ...) {
    *e = (struct api_error){.code = code};
    if (param) snprintf(e->param, sizeof e->param, "%s", param);
    if (!fmt) return;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(e->message, sizeof e->message, fmt, ap);
    va_end(ap);
}

const char *api_code_name(enum api_code code) { return row_of(code)->name; }

enum api_code api_code_from_name(const char *name) {
    for (int c = API_REFUSED; c <= API_INTERNAL; c++)
        if (strcmp(rows[c].name, name) == 0) return (enum api_code)c;
    return API_CODE_NONE;
}

struct api_error_head api_error_head(const struct api_error *e, enum api_dialect dialect, int after_work) {
    const struct row *r = row_of(e->code);
    (void)dialect; /* both dialects agree on every status today */
    int retry = r->retry && !after_work;
    return (struct api_error_head){r->status, retry ? "true" : "false", retry ? r->retry_after_ms : 0};
}

static int quote_or_null(struct buf *out, const char *s) {
    return s && *s ? json_quote(out, s, strlen(s)) : buf_add(out, "null", 4);
}

int api_error_body(struct buf *out, const struct api_error *e, enum api_dialect dialect) {
    const struct row *row = row_of(e->code);
    const char *text = e->message[0] ? e->message : row->text;
    int openai = dialect == API_OPENAI;
    int r = buf_addf(out, openai ? "{\"error\":{\"message\":" : "{\"error\":");
    if (r == 0) r = json_quote(out, text, strlen(text));
    if (r == 0 && openai) r = buf_addf(out, ",\"type\":\"%s\",\"param\":", row->type);
    if (r == 0 && openai) r = quote_or_null(out, e->param);
    if (r == 0 && openai) r = buf_addf(out, ",\"code\":");
    if (r == 0 && openai) r = quote_or_null(out, row->code);
    return r == 0 ? buf_addf(out, openai ? "}}" : "}") : r;
}

int api_error_in_stream(struct buf *out, const struct api_error *e, enum api_dialect dialect) {
    int r = dialect == API_OPENAI ? buf_add(out, "data: ", 6) : 0;
    if (r == 0) r = api_error_body(out, e, dialect);
    return r == 0 ? buf_addf(out, dialect == API_OPENAI ? "\n\n" : "\n") : r;
}
