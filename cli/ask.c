/* cli/ask.c - see ask.h. Server-sent events are lines; a line may come in any number of pieces. */
#include "cli/ask.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "net/httpc.h"

enum { LINE_MAX_BYTES = 1 << 20 };

struct stream {
    struct ask *ask;
    struct buf line; /* of a stream: the unfinished line; of an error: the whole body */
    int broken;      /* ERR_* once something did not fit */
};

static void copy_text(char *to, size_t cap, const json_t *text) {
    const char *s = json_string_value(text);
    if (s) snprintf(to, cap, "%s", s);
}

static void take_error(struct ask *a, const json_t *j) {
    const json_t *e = json_object_get(j, "error");
    copy_text(a->error, sizeof a->error, json_is_string(e) ? e : json_object_get(e, "message"));
}

static void take_usage(struct ask *a, const json_t *usage) {
    if (!json_is_object(usage)) return;
    json_get_int(usage, "prompt_tokens", 0, INT64_MAX, &a->prompt_tokens);
    json_get_int(usage, "completion_tokens", 0, INT64_MAX, &a->completion_tokens);
}

static void take_chunk(struct ask *a, const json_t *j) {
    take_error(a, j);
    take_usage(a, json_object_get(j, "usage"));
    const json_t *choice = json_array_get(json_object_get(j, "choices"), 0);
    copy_text(a->finish, sizeof a->finish, json_object_get(choice, "finish_reason"));
    const json_t *content = json_object_get(json_object_get(choice, "delta"), "content");
    if (!json_string_length(content)) return;
    a->deltas++;
    if (a->on_text) a->on_text(a->arg, json_string_value(content), json_string_length(content));
}

static int take_line(struct stream *s, const char *line, size_t n) {
    if (n && line[n - 1] == '\r') n--;
    if (n < 6 || memcmp(line, "data: ", 6) != 0) return 0; /* blank lines and comments */
    if (n == 12 && memcmp(line + 6, "[DONE]", 6) == 0) {
        s->ask->done = 1;
        return 0;
    }
    json_t *j;
    int r = json_parse(&j, line + 6, n - 6, NULL);
    if (r != 0) return r;
    take_chunk(s->ask, j);
    json_decref(j);
    return 0;
}

static int on_data(void *arg, const uint8_t *p, size_t n) {
    struct stream *s = arg;
    if (buf_add(&s->line, p, n) != 0) return s->broken = ERR_LIMIT;
    size_t from = 0;
    for (;;) {
        const uint8_t *at = s->line.data + from, *end = memchr(at, '\n', s->line.len - from);
        if (!end) break;
        if (take_line(s, (const char *)at, (size_t)(end - at)) != 0) return s->broken = ERR_FORMAT;
        from = (size_t)(end - s->line.data) + 1;
    }
    buf_drop(&s->line, from);
    return 0;
}

static int should_stop(void *arg) {
    struct stream *s = arg;
    return s->ask->should_stop && s->ask->should_stop(s->ask->arg);
}

static int judge(struct stream *s, const struct httpc_reply *reply, int r, struct why *why) {
    struct ask *a = s->ask;
    a->status = reply->status;
    snprintf(a->receipt, sizeof a->receipt, "%s", reply->receipt);
    if (s->broken || (reply->status == 200 && strncmp(reply->content_type, "text/event-stream", 17) != 0))
        return why_set(why, ERR_FORMAT, "%.200s: what answers there is not a lull gateway", a->gateway);
    if (reply->status != 200 && reply->status != 0) { /* an error object, on one line or several: all of it is in line */
        json_t *j;
        if (s->line.len && json_parse(&j, s->line.data, s->line.len, NULL) == 0) {
            take_error(a, j);
            json_decref(j);
        }
        if (!a->error[0])
            return why_set(why, ERR_FORMAT, "%.200s: that is not a lull gateway (HTTP status %d)", a->gateway, reply->status);
        return why_set(why, ERR_UNSUPPORTED, "%s (status %d)", a->error, reply->status);
    }
    if (a->error[0]) return why_set(why, ERR_LOST, "%s", a->error);
    if (r != 0) return r;
    if (!a->finish[0] || !a->done) return why_set(why, ERR_LOST, "the answer broke off");
    return 0;
}

int ask_run(struct ask *a, struct why *why) {
    char url[512];
    const char *scheme = strstr(a->gateway, "://") ? "" : "http://";
    snprintf(url, sizeof url, "%s%s/v1/chat/completions", scheme, a->gateway);
    a->status = a->deltas = a->done = 0;
    a->finish[0] = a->receipt[0] = a->error[0] = 0;
    a->prompt_tokens = a->completion_tokens = -1;
    struct stream s = {.ask = a};
    buf_init(&s.line, LINE_MAX_BYTES);
    struct buf body;
    int r = json_print(&body, a->body, 64 << 20);
    if (r != 0) return r;
    struct httpc_call call = {.url = url,
                              .method = "POST",
                              .content_type = "application/json",
                              .body = body.data,
                              .body_len = body.len,
                              .bearer = a->bearer,
                              .min_tier = a->min_tier,
                              .blind_mode = a->blind_mode,
                              .silence_ms = a->silence_ms,
                              .on_data = on_data,
                              .should_stop = should_stop,
                              .arg = &s};
    struct httpc_reply reply = {0};
    r = httpc_run(&call, &reply, why);
    r = judge(&s, &reply, r, why);
    buf_release(&body);
    buf_release(&s.line);
    return r;
}
