/* Replies and errors: shapes of both dialects, parsed back as a client would. */
#include "api/errors.h"
#include "api/reply.h"
#include "base/json.h"
#include "tests/check.h"

static struct buf out;

static struct api_reply reply_of(enum api_endpoint e, int stream, int usage, int pad) {
    struct api_request q = {.endpoint = e, .stream = stream, .include_usage = usage, .include_obfuscation = pad};
    strcpy(q.asked, "lull-toy");
    strcpy(q.model, "lull-toy:latest");
    struct api_reply r;
    reply_init(&r, &q, (const uint8_t *)"0123456789abcdef", "coord:7443");
    out.len = 0;
    out.max = 1 << 20;
    return r;
}

/* Takes the next "data: {...}\n\n" event off the front; NULL for [DONE]. */
static json_t *next_event(size_t *at) {
    const char *s = (const char *)out.data + *at, *end = memmem(s, out.len - *at, "\n\n", 2);
    CHECK(end != NULL && strncmp(s, "data: ", 6) == 0);
    *at = (size_t)(end + 2 - (const char *)out.data);
    if (end - s == 12 && memcmp(s + 6, "[DONE]", 6) == 0) return NULL;
    json_t *j;
    CHECK_INT(json_parse(&j, s + 6, (size_t)(end - s - 6), NULL), 0);
    return j;
}
static json_t *next_line(size_t *at) {
    const char *s = (const char *)out.data + *at, *end = memchr(s, '\n', out.len - *at);
    CHECK(end != NULL);
    *at = (size_t)(end + 1 - (const char *)out.data);
    json_t *j;
    CHECK_INT(json_parse(&j, s, (size_t)(end - s), NULL), 0);
    return j;
}
static const char *str(const json_t *j, const char *key) { return json_string_value(json_object_get(j, key)); }
static json_t *choice(const json_t *j) { return json_array_get(json_object_get(j, "choices"), 0); }

static const struct api_usage usage = {.prompt_tokens = 7,
                                       .cached_tokens = 2,
                                       .output_tokens = 3,
                                       .total_ns = 900,
                                       .load_ns = 1,
                                       .prefill_ns = 100,
                                       .decode_ns = 500};

TEST(openai_stream_order) {
    struct api_reply r = reply_of(API_V1_CHAT, 1, 1, 0);
    reply_fingerprint(&r, (const uint8_t *)"eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee",
                      (const uint8_t *)"mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm");
    CHECK_STR(reply_content_type(&r), "text/event-stream");
    CHECK_INT(reply_head(&out, &r) | reply_text(&out, &r, "a\"\n\xc3\xa9", 5) | reply_text(&out, &r, "", 0), 0);
    CHECK_INT(reply_end(&out, &r, API_FINISH_LENGTH, &usage), 0);
    size_t at = 0;
    json_t *head = next_event(&at), *text = next_event(&at), *end = next_event(&at), *last = next_event(&at);
    json_t *all[] = {head, text, end, last};
    for (int i = 0; i < 4; i++) {
        CHECK_STR(str(all[i], "id"), "chatcmpl-30313233343536373839616263646566");
        CHECK_STR(str(all[i], "object"), "chat.completion.chunk");
        CHECK_STR(str(all[i], "model"), "lull-toy");
        CHECK_STR(str(all[i], "system_fingerprint"), "fp_65656565_6d6d6d6d6d6d");
        CHECK(json_integer_value(json_object_get(all[i], "created")) == (json_int_t)(r.created_ns / 1000000000u));
        if (i < 3)
            CHECK(json_is_null(json_object_get(all[i], "usage")) && json_is_null(json_object_get(choice(all[i]), "logprobs")));
    }
    CHECK_STR(str(json_object_get(choice(head), "delta"), "role"), "assistant");
    CHECK_STR(str(json_object_get(choice(head), "delta"), "content"), "");
    CHECK_STR(str(json_object_get(choice(text), "delta"), "content"), "a\"\n\xc3\xa9");
    CHECK(json_object_get(json_object_get(choice(text), "delta"), "role") == NULL);
    CHECK(json_is_null(json_object_get(choice(text), "finish_reason")));
    CHECK_INT(json_object_size(json_object_get(choice(end), "delta")), 0);
    CHECK_STR(str(choice(end), "finish_reason"), "length");
    CHECK(json_is_array(json_object_get(last, "choices")) && json_array_size(json_object_get(last, "choices")) == 0);
    CHECK_INT(json_integer_value(json_object_get(json_object_get(last, "usage"), "total_tokens")), 10);
    CHECK(next_event(&at) == NULL && at == out.len);
    for (int i = 0; i < 4; i++) json_decref(all[i]);
}

TEST(openai_stream_without_usage_says_nothing_of_it) {
    struct api_reply r = reply_of(API_V1_CHAT, 1, 0, 0);
    CHECK_INT(reply_head(&out, &r) | reply_end(&out, &r, API_FINISH_STOP, &usage), 0);
    size_t at = 0;
    json_t *head = next_event(&at), *end = next_event(&at);
    CHECK(json_object_get(head, "usage") == NULL && json_is_null(json_object_get(head, "system_fingerprint")));
    CHECK_STR(str(choice(end), "finish_reason"), "stop");
    CHECK(next_event(&at) == NULL);
    json_decref(head);
    json_decref(end);
}

TEST(padded_deltas_differ_only_in_steps) {
    struct api_reply r = reply_of(API_V1_CHAT, 1, 0, 1);
    size_t first = 0;
    for (size_t n = 1; n < 32; n++) {
        out.len = 0;
        CHECK_INT(reply_text(&out, &r, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", n), 0);
        if (n == 1) first = out.len;
        CHECK_INT(out.len, first);
    }
    size_t at = 0;
    json_t *j = next_event(&at);
    CHECK(str(j, "obfuscation") != NULL);
    json_decref(j);
}

TEST(openai_whole_body) {
    struct api_reply r = reply_of(API_V1_CHAT, 0, 0, 0);
    CHECK_STR(reply_content_type(&r), "application/json");
    CHECK_INT(reply_whole(&out, &r, "hello", 5, API_FINISH_STOP, &usage), 0);
    json_t *j;
    CHECK_INT(json_parse(&j, out.data, out.len, NULL), 0);
    CHECK_STR(str(j, "object"), "chat.completion");
    json_t *m = json_object_get(choice(j), "message"), *u = json_object_get(j, "usage");
    CHECK_STR(str(m, "content"), "hello");
    CHECK_STR(str(m, "role"), "assistant");
    CHECK(json_is_null(json_object_get(m, "refusal")) && json_is_null(json_object_get(choice(j), "logprobs")));
    CHECK_STR(str(choice(j), "finish_reason"), "stop");
    CHECK_INT(json_integer_value(json_object_get(u, "prompt_tokens")), 7);
    CHECK_INT(json_integer_value(json_object_get(u, "completion_tokens")), 3);
    CHECK_INT(json_integer_value(json_object_get(json_object_get(u, "prompt_tokens_details"), "cached_tokens")), 2);
    CHECK_INT(json_integer_value(json_object_get(json_object_get(u, "completion_tokens_details"), "reasoning_tokens")), 0);
    json_decref(j);
}

static void check_last_line(const json_t *j, const char *reason) {
    CHECK(json_is_true(json_object_get(j, "done")));
    CHECK_STR(str(j, "done_reason"), reason);
    static const struct {
        const char *key;
        json_int_t value;
    } rows[] = {{"total_duration", 900},       {"load_duration", 1}, {"prompt_eval_count", 7},
                {"prompt_eval_duration", 100}, {"eval_count", 3},    {"eval_duration", 500}};
    for (size_t i = 0; i < 6; i++) CHECK_INT(json_integer_value(json_object_get(j, rows[i].key)), rows[i].value);
}

TEST(ollama_chat_lines) {
    struct api_reply r = reply_of(API_CHAT, 1, 0, 0);
    CHECK_STR(reply_content_type(&r), "application/x-ndjson");
    CHECK_INT(reply_head(&out, &r) | reply_keepalive(&out, &r) | reply_text(&out, &r, "hi\n", 3) |
                  reply_end(&out, &r, API_FINISH_STOP, &usage),
              0);
    size_t at = 0;
    json_t *text = next_line(&at), *end = next_line(&at);
    CHECK_INT(at, out.len);
    CHECK_STR(str(json_object_get(text, "message"), "content"), "hi\n");
    CHECK_STR(str(json_object_get(text, "message"), "role"), "assistant");
    CHECK(json_is_false(json_object_get(text, "done")));
    CHECK_STR(str(text, "remote_model"), "lull-toy:latest");
    CHECK_STR(str(text, "remote_host"), "coord:7443");
    CHECK(strlen(str(text, "created_at")) == strlen("2026-01-02T03:04:05.678901234Z"));
    check_last_line(end, "stop");
    json_decref(text);
    json_decref(end);
}

TEST(ollama_generate_whole_and_load) {
    struct api_reply r = reply_of(API_GENERATE, 0, 0, 0);
    CHECK_INT(reply_whole(&out, &r, "story", 5, API_FINISH_LENGTH, &usage), 0);
    size_t at = 0;
    json_t *j = next_line(&at);
    CHECK_STR(str(j, "response"), "story");
    CHECK(json_object_get(j, "message") == NULL);
    check_last_line(j, "length");
    json_decref(j);
    out.len = at = 0;
    CHECK_INT(reply_loaded(&out, &r, API_LOAD) | reply_loaded(&out, &r, API_UNLOAD), 0);
    j = next_line(&at);
    CHECK_STR(str(j, "done_reason"), "load");
    CHECK_STR(str(j, "response"), "");
    CHECK(json_object_get(j, "eval_count") == NULL);
    json_decref(j);
    j = next_line(&at);
    CHECK_STR(str(j, "done_reason"), "unload");
    json_decref(j);
}

TEST(keepalive_is_a_comment) {
    struct api_reply r = reply_of(API_V1_CHAT, 1, 0, 0);
    CHECK_INT(reply_keepalive(&out, &r), 0);
    CHECK(out.len > 3 && out.data[0] == ':' && memcmp(out.data + out.len - 2, "\n\n", 2) == 0);
}

TEST(a_full_buffer_is_an_error_not_a_cut_answer) {
    struct api_reply r = reply_of(API_V1_CHAT, 1, 1, 1);
    for (size_t max = 0; max < 300; max++) {
        struct buf small;
        buf_init(&small, max);
        int e = reply_text(&small, &r, "text", 4);
        CHECK(e == 0 ? small.len > 4 && memcmp(small.data + small.len - 2, "\n\n", 2) == 0 : e < 0);
        buf_release(&small);
    }
}

TEST(error_objects) {
    struct api_error e;
    reply_of(API_V1_CHAT, 0, 0, 0);
    api_error_set(&e, API_NO_MODEL, "model", "model \"%s\" not found", "x");
    CHECK_INT(api_error_body(&out, &e, API_OPENAI), 0);
    json_t *j;
    CHECK_INT(json_parse(&j, out.data, out.len, NULL), 0);
    json_t *o = json_object_get(j, "error");
    CHECK_STR(str(o, "message"), "model \"x\" not found");
    CHECK_STR(str(o, "type"), "not_found_error");
    CHECK_STR(str(o, "param"), "model");
    CHECK_STR(str(o, "code"), "model_not_found");
    json_decref(j);
    out.len = 0;
    api_error_set(&e, API_BUSY, NULL, NULL);
    CHECK_INT(api_error_body(&out, &e, API_OLLAMA), 0);
    CHECK_INT(json_parse(&j, out.data, out.len, NULL), 0);
    CHECK(json_is_string(json_object_get(j, "error")));
    json_decref(j);
    out.len = 0;
    CHECK_INT(api_error_in_stream(&out, &e, API_OPENAI), 0);
    size_t at = 0;
    j = next_event(&at);
    CHECK(json_is_null(json_object_get(json_object_get(j, "error"), "param")) && at == out.len);
    CHECK(!memmem(out.data, out.len, "[DONE]", 6));
    json_decref(j);
    out.len = 0;
    CHECK_INT(api_error_in_stream(&out, &e, API_OLLAMA), 0);
    CHECK_INT(out.data[out.len - 1], '\n');
}

TEST(every_code_has_a_status_and_a_way_to_retry) {
    static const struct {
        enum api_code code;
        int status;
        const char *retry;
    } rows[] = {
        {API_REFUSED, 503, "true"},      {API_VERSION, 502, "false"},      {API_BUSY, 503, "true"},
        {API_DRAINING, 503, "true"},     {API_NO_MODEL, 404, "false"},     {API_TOO_LARGE, 413, "false"},
        {API_BAD_REQUEST, 400, "false"}, {API_CONTEXT_OVER, 400, "false"}, {API_DEADLINE, 408, "false"},
        {API_CANCELLED, 499, "false"},   {API_RATE, 429, "true"},          {API_INTERNAL, 500, "false"},
        {API_UNSUPPORTED, 400, "false"}, {API_NO_TIER, 503, "false"},      {API_NO_NODE, 503, "true"},
        {API_LOST, 502, "false"},        {API_BAD_ANSWER, 502, "false"},   {API_NO_ROUTE, 404, "false"},
        {API_METHOD, 405, "false"},      {API_KEY, 401, "false"},          {API_FORBIDDEN, 403, "false"},
        {API_MEDIA, 415, "false"},       {API_UNPAID, 429, "false"},
    };
    CHECK_INT(sizeof rows / sizeof rows[0], API_CODE_COUNT - 1);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct api_error e = {.code = rows[i].code};
        struct api_error_head h = api_error_head(&e, API_OPENAI, 0), worked = api_error_head(&e, API_OLLAMA, 1);
        CHECK_INT(h.status, rows[i].status);
        CHECK_STR(h.should_retry, rows[i].retry);
        CHECK((h.retry_after_ms > 0) == (rows[i].retry[0] == 't'));
        CHECK_STR(worked.should_retry, "false");
        CHECK_INT(worked.retry_after_ms, 0);
    }
}

TEST(names_of_the_closed_codes) {
    static const char *const names[] = {"refused",     "version",      "busy",     "draining",  "no_model", "too_large",
                                        "bad_request", "context_over", "deadline", "cancelled", "rate",     "internal"};
    for (int i = 0; i < 12; i++) {
        CHECK_INT(api_code_from_name(names[i]), API_REFUSED + i);
        CHECK_STR(api_code_name((enum api_code)(API_REFUSED + i)), names[i]);
    }
    CHECK_INT(api_code_from_name("no_node"), API_CODE_NONE);
    CHECK_INT(api_code_from_name(""), API_CODE_NONE);
}

TESTS_MAIN("api reply", T(openai_stream_order), T(openai_stream_without_usage_says_nothing_of_it),
           T(padded_deltas_differ_only_in_steps), T(openai_whole_body), T(ollama_chat_lines), T(ollama_generate_whole_and_load),
           T(keepalive_is_a_comment), T(a_full_buffer_is_an_error_not_a_cut_answer), T(error_objects),
           T(every_code_has_a_status_and_a_way_to_retry), T(names_of_the_closed_codes))
