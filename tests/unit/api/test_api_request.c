/* Requests: every field is accepted, ignored or refused under its own name, in both dialects. */
#include "api/request.h"
#include "tests/check.h"

#include <stdlib.h>

static struct api_request q;
static struct api_error err;

static int try(enum api_endpoint e, const char *json) {
    api_request_free(&q);
    return api_request_parse(&q, e, json, strlen(json), &err);
}

#define HI  "\"model\":\"lull-toy:q8_0\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define GEN "\"model\":\"lull-toy\",\"prompt\":\"hi\""

/* A body of HI or GEN with more members. */
static int with(enum api_endpoint e, const char *more) {
    char body[8192];
    snprintf(body, sizeof body, "{%s,%s}", e == API_GENERATE ? GEN : HI, more);
    return try(e, body);
}
static void taken(enum api_endpoint e, const char *more) {
    int r = with(e, more);
    if (r != 0) print_message("# %s: %s: %s\n", more, err.param, err.message);
    CHECK_INT(r, 0);
}
static void refused(enum api_endpoint e, const char *more, enum api_code code, const char *param) {
    int r = with(e, more);
    if (r == 0 || err.code != code || strcmp(err.param, param) != 0)
        print_message("# %s: r %d code %s param %s\n", more, r, api_code_name(err.code), err.param);
    CHECK(r < 0);
    CHECK_INT(err.code, code);
    CHECK_STR(err.param, param);
    CHECK(q.arena.base == NULL && q.gen.messages == NULL);
}
static int text_is(struct gen_text t, const char *s) { return t.n == strlen(s) && memcmp(t.p, s, t.n) == 0; }
static int near(float a, double b) { return a == (float)b; }

TEST(endpoints_and_dialects) {
    CHECK_INT(api_endpoint_of("/v1/chat/completions"), API_V1_CHAT);
    CHECK_INT(api_endpoint_of("/api/chat"), API_CHAT);
    CHECK_INT(api_endpoint_of("/api/generate"), API_GENERATE);
    CHECK_INT(api_endpoint_of("/api/generate/"), API_NO_ENDPOINT);
    CHECK_INT(api_endpoint_of(""), API_NO_ENDPOINT);
    CHECK_INT(api_dialect_of(API_V1_CHAT), API_OPENAI);
    CHECK_INT(api_dialect_of(API_GENERATE), API_OLLAMA);
    CHECK_STR(api_endpoint_path(API_CHAT), "/api/chat");
}

TEST(model_names_get_their_tag) {
    char out[API_MODEL_CAP];
    CHECK_INT(api_model_name(out, "lull-toy", 8), 0);
    CHECK_STR(out, "lull-toy:latest");
    CHECK_INT(api_model_name(out, "a.b_c-1:q8_0", 12), 0);
    CHECK_STR(out, "a.b_c-1:q8_0");
    static const char *const bad[] = {"", ":", "a:", ":a", "A", "a/b", "-a", "a:-b", "a b", "a:b:c", "\xc3\xa4"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) CHECK(api_model_name(out, bad[i], strlen(bad[i])) < 0);
    CHECK(api_model_name(out, "a\0b", 3) < 0);
    char longest[130];
    memset(longest, 'x', sizeof longest);
    longest[64] = ':';
    CHECK_INT(api_model_name(out, longest, 129), 0);
    CHECK(api_model_name(out, longest, 130) < 0);
    CHECK(api_model_name(out, longest + 65, 65) < 0);
}

TEST(an_unusable_model_name_is_not_found) {
    CHECK(try(API_V1_CHAT, "{\"model\":\"GPT 4\",\"messages\":[]}") < 0);
    CHECK_INT(err.code, API_NO_MODEL);
    CHECK(try(API_V1_CHAT, "{\"messages\":[]}") < 0);
    CHECK_INT(err.code, API_BAD_REQUEST);
    CHECK_STR(err.param, "model");
    CHECK(try(API_CHAT, "{\"model\":7}") < 0);
    CHECK_STR(err.param, "model");
}

TEST(defaults_of_each_dialect) {
    CHECK_INT(try(API_V1_CHAT, "{" HI "}"), 0);
    struct gen_sampling s = q.gen.sampling;
    CHECK(s.temperature == 1 && s.top_p == 1 && s.top_k == 0 && s.min_p == 0 && s.repeat_penalty == 1 && s.repeat_last_n == 64);
    CHECK(!q.stream && !q.include_usage && !q.has_seed && q.gen.max_tokens == 0 && q.gen.stop_count == 0);
    CHECK_STR(q.asked, "lull-toy:q8_0");
    CHECK_INT(q.action, API_ANSWER);
    CHECK_INT(try(API_GENERATE, "{" GEN "}"), 0);
    s = q.gen.sampling;
    CHECK(near(s.temperature, 0.8) && near(s.top_p, 0.9) && s.top_k == 40 && s.min_p == 0 && s.repeat_penalty == 1);
    CHECK(q.stream && !q.has_seed);
    CHECK_STR(q.asked, "lull-toy");
    CHECK_STR(q.model, "lull-toy:latest");
}

TEST(sampling_fields_of_openai) {
    taken(API_V1_CHAT, "\"temperature\":0.25,\"top_p\":0.5,\"presence_penalty\":-2,\"frequency_penalty\":1.5,\"seed\":-3");
    struct gen_sampling s = q.gen.sampling;
    CHECK(s.temperature == 0.25f && s.top_p == 0.5f && s.presence_penalty == -2 && s.frequency_penalty == 1.5f);
    CHECK(q.has_seed && s.seed == (uint64_t)-3);
    taken(API_V1_CHAT, "\"seed\":0,\"temperature\":0");
    CHECK(q.has_seed && s.seed != q.gen.sampling.seed);
    taken(API_V1_CHAT, "\"temperature\":null,\"top_p\":null,\"seed\":null,\"stop\":null,\"max_tokens\":null,\"n\":null");
    CHECK(q.gen.sampling.temperature == 1 && !q.has_seed);
    refused(API_V1_CHAT, "\"temperature\":2.01", API_BAD_REQUEST, "temperature");
    refused(API_V1_CHAT, "\"temperature\":-0.1", API_BAD_REQUEST, "temperature");
    refused(API_V1_CHAT, "\"temperature\":\"1\"", API_BAD_REQUEST, "temperature");
    refused(API_V1_CHAT, "\"top_p\":1.5", API_BAD_REQUEST, "top_p");
    refused(API_V1_CHAT, "\"presence_penalty\":3", API_BAD_REQUEST, "presence_penalty");
    refused(API_V1_CHAT, "\"frequency_penalty\":-2.5", API_BAD_REQUEST, "frequency_penalty");
    refused(API_V1_CHAT, "\"seed\":1.5", API_BAD_REQUEST, "seed");
}

TEST(max_completion_tokens_wins_over_max_tokens) {
    taken(API_V1_CHAT, "\"max_tokens\":7");
    CHECK_INT(q.gen.max_tokens, 7);
    taken(API_V1_CHAT, "\"max_tokens\":7,\"max_completion_tokens\":5");
    CHECK_INT(q.gen.max_tokens, 5);
    refused(API_V1_CHAT, "\"max_tokens\":0", API_BAD_REQUEST, "max_tokens");
    refused(API_V1_CHAT, "\"max_completion_tokens\":-1", API_BAD_REQUEST, "max_completion_tokens");
    refused(API_V1_CHAT, "\"max_tokens\":4294967296", API_BAD_REQUEST, "max_tokens");
}

TEST(stop_is_text_or_list) {
    taken(API_V1_CHAT, "\"stop\":\"END\"");
    CHECK(q.gen.stop_count == 1 && text_is(q.gen.stop[0], "END"));
    taken(API_V1_CHAT, "\"stop\":[\"a\",\"\",\"b\\u0000c\"]");
    CHECK_INT(q.gen.stop_count, 2);
    CHECK(q.gen.stop[1].n == 3 && memcmp(q.gen.stop[1].p, "b\0c", 3) == 0);
    refused(API_V1_CHAT, "\"stop\":7", API_BAD_REQUEST, "stop");
    refused(API_V1_CHAT, "\"stop\":[1]", API_BAD_REQUEST, "stop");
    refused(API_V1_CHAT,
            "\"stop\":[\"1\",\"1\",\"1\",\"1\",\"1\",\"1\",\"1\",\"1\",\"1\",\"1\",\"1\",\"1\",\"1\",\"1\",\"1\",\"1\",\"1\"]",
            API_BAD_REQUEST, "stop");
    char long_one[400] = "\"stop\":\"";
    memset(long_one + 8, 'x', 257);
    strcpy(long_one + 8 + 257, "\"");
    refused(API_V1_CHAT, long_one, API_BAD_REQUEST, "stop");
    taken(API_CHAT, "\"options\":{\"stop\":[\"x\"]}");
    CHECK_INT(q.gen.stop_count, 1);
    refused(API_CHAT, "\"options\":{\"stop\":{}}", API_BAD_REQUEST, "options.stop");
}

TEST(what_cannot_be_done_is_refused_by_name) {
    static const char *const rows[][2] = {
        {"\"n\":2", "n"},
        {"\"logprobs\":true", "logprobs"},
        {"\"top_logprobs\":3", "top_logprobs"},
        {"\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"schema\":{\"uniqueItems\":true}}}", "response_format"},
        {"\"grammar\":\"root ::= <think>\"", "grammar"},
        {"\"tools\":[{\"type\":\"function\"}]", "tools"},
        {"\"tools\":[{\"type\":\"function\"}],\"tool_choice\":\"auto\"", "tools"},
        {"\"tool_choice\":\"required\"", "tool_choice"},
        {"\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"f\"}}", "tool_choice"},
        {"\"tools\":[{}],\"tool_choice\":\"required\"", "tool_choice"},
        {"\"functions\":[{}]", "functions"},
        {"\"function_call\":{\"name\":\"f\"}", "function_call"},
        {"\"modalities\":[\"text\",\"audio\"]", "modalities"},
        {"\"audio\":{\"voice\":\"a\"}", "audio"},
        {"\"web_search_options\":{}", "web_search_options"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) refused(API_V1_CHAT, rows[i][0], API_UNSUPPORTED, rows[i][1]);
    refused(API_V1_CHAT, "\"n\":0", API_BAD_REQUEST, "n");
    refused(API_V1_CHAT, "\"n\":\"1\"", API_BAD_REQUEST, "n");
    refused(API_V1_CHAT, "\"top_logprobs\":21", API_BAD_REQUEST, "top_logprobs");
    refused(API_V1_CHAT, "\"logprobs\":1", API_BAD_REQUEST, "logprobs");
    refused(API_V1_CHAT, "\"response_format\":{\"type\":\"yaml\"}", API_BAD_REQUEST, "response_format");
    refused(API_V1_CHAT, "\"response_format\":\"text\"", API_BAD_REQUEST, "response_format");
    refused(API_V1_CHAT, "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{}}", API_BAD_REQUEST, "response_format");
    refused(API_V1_CHAT, "\"grammar\":\"root ::= root\"", API_BAD_REQUEST, "grammar");
    refused(API_V1_CHAT, "\"grammar\":\"root ::= x\"", API_BAD_REQUEST, "grammar");
    refused(API_V1_CHAT, "\"response_format\":{\"type\":\"json_object\"},\"grammar\":\"root ::= [a]\"", API_BAD_REQUEST,
            "grammar");
    refused(API_V1_CHAT, "\"tools\":{}", API_BAD_REQUEST, "tools");
    refused(API_V1_CHAT, "\"tool_choice\":5", API_BAD_REQUEST, "tool_choice");
    refused(API_V1_CHAT, "\"modalities\":\"text\"", API_BAD_REQUEST, "modalities");
}

TEST(what_changes_nothing_is_ignored) {
    taken(API_V1_CHAT, "\"n\":1,\"logprobs\":false,\"top_logprobs\":0,\"response_format\":{\"type\":\"text\"},\"tools\":[]");
    taken(API_V1_CHAT, "\"tools\":[{\"type\":\"function\"}],\"tool_choice\":\"none\"");
    taken(API_V1_CHAT, "\"tool_choice\":\"auto\",\"functions\":[],\"function_call\":\"none\",\"modalities\":[\"text\"]");
    taken(API_V1_CHAT,
          "\"reasoning_effort\":\"low\",\"verbosity\":\"low\",\"user\":\"u\",\"safety_identifier\":\"s\",\"store\":true,"
          "\"service_tier\":\"auto\",\"prompt_cache_key\":\"k\",\"prediction\":{},\"moderation\":1,"
          "\"parallel_tool_calls\":true,\"a_field_of_next_month\":[{}]");
    taken(API_CHAT, "\"truncate\":true,\"shift\":false,\"think\":false,\"format\":\"\",\"tools\":[],\"logprobs\":false,"
                    "\"options\":{\"num_gpu\":99,\"num_thread\":4,\"num_keep\":5,\"numa\":true,\"low_vram\":\"?\",\"mirostat\":0,"
                    "\"typical_p\":1.0,\"unknown\":null}");
}

TEST(the_form_of_an_answer) {
    taken(API_V1_CHAT, "\"response_format\":{\"type\":\"json_object\"}");
    CHECK_INT(q.gen.format.kind, FORMAT_JSON);
    taken(API_V1_CHAT, "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\",\"strict\":true,"
                       "\"schema\":{\"type\":\"object\",\"properties\":{\"z\":{\"type\":\"integer\"},\"a\":{}}}}}");
    CHECK_INT(q.gen.format.kind, FORMAT_SCHEMA); /* members stay in their order */
    CHECK(text_is(q.gen.format.text, "{\"type\":\"object\",\"properties\":{\"z\":{\"type\":\"integer\"},\"a\":{}}}"));
    taken(API_V1_CHAT, "\"grammar\":\"root ::= [a-z]+\"");
    CHECK(q.gen.format.kind == FORMAT_GBNF && text_is(q.gen.format.text, "root ::= [a-z]+"));
    taken(API_V1_CHAT, "\"response_format\":{\"type\":\"text\"},\"grammar\":\"\"");
    CHECK_INT(q.gen.format.kind, FORMAT_TEXT);
    taken(API_CHAT, "\"format\":\"json\"");
    CHECK_INT(q.gen.format.kind, FORMAT_JSON);
    taken(API_GENERATE, "\"format\":{\"enum\":[1e300,1e-300]}"); /* its numbers grow when they are printed anew */
    CHECK_INT(q.gen.format.kind, FORMAT_SCHEMA);
    taken(API_GENERATE, "\"format\":\"\"");
    CHECK_INT(q.gen.format.kind, FORMAT_TEXT);
    CHECK(with(API_V1_CHAT, "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"schema\":"
                            "{\"properties\":{\"a\":{\"items\":{\"minContains\":1}}}}}}") < 0);
    CHECK(strstr(err.message, "#/properties/a/items/minContains: this word is not supported") != NULL);
}

TEST(logit_bias_is_ids_and_numbers) {
    taken(API_V1_CHAT, "\"logit_bias\":{\"0\":-100,\"50\":2.5}");
    CHECK(q.gen.bias_count == 2 && q.gen.bias[0].id == 0 && q.gen.bias[0].bias == -100 && q.gen.bias[1].bias == 2.5f);
    taken(API_V1_CHAT, "\"logit_bias\":{}");
    CHECK_INT(q.gen.bias_count, 0);
    static const char *const bad[] = {
        "[]",       "{\"x\":1}",          "{\"-1\":1}",          "{\"01\":1}",    "{\"1\":101}", "{\"1\":\"1\"}",
        "{\"\":1}", "{\"2147483648\":1}", "{\"99999999999\":1}", "{\"1\":-100.5}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char more[80];
        snprintf(more, sizeof more, "\"logit_bias\":%s", bad[i]);
        refused(API_V1_CHAT, more, API_BAD_REQUEST, "logit_bias");
    }
}

TEST(stream_options) {
    taken(API_V1_CHAT, "\"stream\":true,\"stream_options\":{\"include_usage\":true,\"include_obfuscation\":true,\"new\":1}");
    CHECK(q.stream && q.include_usage && q.include_obfuscation);
    refused(API_V1_CHAT, "\"stream\":1", API_BAD_REQUEST, "stream");
    refused(API_V1_CHAT, "\"stream_options\":[]", API_BAD_REQUEST, "stream_options");
    refused(API_V1_CHAT, "\"stream_options\":{\"include_usage\":\"yes\"}", API_BAD_REQUEST, "stream_options.include_usage");
}

TEST(least_tier) {
    taken(API_V1_CHAT, "\"metadata\":{\"lull-min-tier\":\"sealed\"}");
    CHECK_INT(q.min_tier, API_TIER_SEALED);
    taken(API_V1_CHAT, "\"metadata\":{\"lull\":{\"lull-min-tier\":\"attested\"}}");
    CHECK_INT(q.min_tier, API_TIER_ATTESTED);
    taken(API_V1_CHAT, "\"metadata\":{\"mine\":\"x\"}");
    CHECK_INT(q.min_tier, API_TIER_ANY);
    refused(API_V1_CHAT, "\"metadata\":{\"lull-min-tier\":\"strong\"}", API_BAD_REQUEST, "metadata.lull-min-tier");
    refused(API_V1_CHAT, "\"metadata\":{\"lull\":\"sealed\"}", API_BAD_REQUEST, "metadata.lull");
    refused(API_V1_CHAT, "\"metadata\":\"x\"", API_BAD_REQUEST, "metadata");
    enum api_tier t = API_TIER_ANY;
    CHECK(api_tier_from_name(&t, "") < 0 && t == API_TIER_ANY);
    CHECK(api_tier_from_name(&t, "local") == 0 && t > API_TIER_BLIND);
}

TEST(roles_and_contents) {
    CHECK_INT(try(API_V1_CHAT,
                  "{\"model\":\"m\",\"messages\":[{\"role\":\"developer\",\"content\":\"d\"},{\"role\":\"system\","
                  "\"content\":\"s\"},{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\\u00e9\"},"
                  "{\"type\":\"text\",\"text\":\"b\"}]},{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[]},"
                  "{\"role\":\"assistant\",\"content\":[{\"type\":\"refusal\",\"refusal\":\"no\"}]},"
                  "{\"role\":\"tool\",\"tool_call_id\":\"x\",\"content\":\"42\"},{\"role\":\"user\",\"content\":\"\"}]}"),
              0);
    const struct gen_message *m = q.gen.messages;
    CHECK_INT(q.gen.message_count, 7);
    CHECK(m[0].role == ROLE_SYSTEM && text_is(m[0].content, "d") && m[1].role == ROLE_SYSTEM);
    CHECK(m[2].role == ROLE_USER && text_is(m[2].content, "a\xc3\xa9\nb"));
    CHECK(m[3].role == ROLE_ASSISTANT && m[3].content.n == 0 && text_is(m[4].content, "no"));
    CHECK(m[5].role == ROLE_TOOL && text_is(m[5].content, "42") && m[6].content.n == 0);
}

static void bad_messages(const char *list, enum api_code code, const char *param) {
    char body[1024];
    snprintf(body, sizeof body, "{\"model\":\"m\",\"messages\":%s}", list);
    CHECK(try(API_V1_CHAT, body) < 0);
    if (err.code != code || strcmp(err.param, param) != 0) print_message("# %s: %s\n", list, err.param);
    CHECK_INT(err.code, code);
    CHECK_STR(err.param, param);
}

TEST(bad_messages_are_named_by_index) {
    bad_messages("[]", API_BAD_REQUEST, "messages");
    bad_messages("null", API_BAD_REQUEST, "messages");
    bad_messages("\"hi\"", API_BAD_REQUEST, "messages");
    bad_messages("[7]", API_BAD_REQUEST, "messages[0]");
    bad_messages("[{\"role\":\"user\",\"content\":\"a\"},{}]", API_BAD_REQUEST, "messages[1].role");
    bad_messages("[{\"role\":\"robot\",\"content\":\"a\"}]", API_BAD_REQUEST, "messages[0].role");
    bad_messages("[{\"role\":\"function\",\"name\":\"f\",\"content\":\"a\"}]", API_UNSUPPORTED, "messages[0].role");
    bad_messages("[{\"role\":\"user\"}]", API_BAD_REQUEST, "messages[0].content");
    bad_messages("[{\"role\":\"user\",\"content\":5}]", API_BAD_REQUEST, "messages[0].content");
    bad_messages("[{\"role\":\"user\",\"content\":[5]}]", API_BAD_REQUEST, "messages[0].content");
    bad_messages("[{\"role\":\"user\",\"content\":[{\"type\":\"text\"}]}]", API_BAD_REQUEST, "messages[0].content");
    bad_messages("[{\"role\":\"user\",\"content\":[{\"type\":\"smell\"}]}]", API_BAD_REQUEST, "messages[0].content");
    bad_messages("[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"x\"}}]}]", API_UNSUPPORTED,
                 "messages[0].content");
    bad_messages("[{\"role\":\"user\",\"content\":[{\"type\":\"input_audio\"}]}]", API_UNSUPPORTED, "messages[0].content");
    bad_messages("[{\"role\":\"user\",\"content\":[{\"type\":\"file\"}]}]", API_UNSUPPORTED, "messages[0].content");
    bad_messages("[{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"x\"}]}]", API_UNSUPPORTED,
                 "messages[0].tool_calls");
}

TEST(more_than_4096_messages_are_refused) {
    struct buf b;
    buf_init(&b, API_BODY_MAX);
    for (int count = 4096; count <= 4097; count++) {
        b.len = 0;
        CHECK_INT(buf_addf(&b, "{\"model\":\"m\",\"messages\":["), 0);
        for (int i = 0; i < count; i++) CHECK_INT(buf_addf(&b, "%s{\"role\":\"user\",\"content\":\"\"}", i ? "," : ""), 0);
        CHECK_INT(buf_addf(&b, "]}"), 0);
        int r = api_request_parse(&q, API_V1_CHAT, b.data, b.len, &err);
        CHECK(count == 4096 ? r == 0 : r < 0);
        api_request_free(&q);
    }
    CHECK_STR(err.param, "messages");
    buf_release(&b);
}

TEST(images_of_ollama_are_refused) {
    CHECK(try(API_CHAT, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\",\"images\":[\"aGk=\"]}]}") < 0);
    CHECK_STR(err.param, "messages[0].images");
    CHECK(try(API_CHAT, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[]}]}") < 0);
    CHECK_STR(err.param, "messages[0].content");
    CHECK_INT(try(API_CHAT, "{\"model\":\"m\",\"messages\":[{\"role\":\"assistant\",\"thinking\":\"x\",\"images\":[]}]}"), 0);
    CHECK_INT(q.gen.messages[0].content.n, 0);
    refused(API_GENERATE, "\"images\":[\"aGk=\"]", API_UNSUPPORTED, "images");
}

TEST(options_of_ollama) {
    taken(API_CHAT, "\"stream\":false,\"options\":{\"temperature\":0.1,\"top_k\":5,\"top_p\":0.3,\"min_p\":0.05,"
                    "\"repeat_penalty\":1.5,\"repeat_last_n\":-1,\"presence_penalty\":0.5,\"frequency_penalty\":0.25,"
                    "\"seed\":42,\"num_predict\":9,\"num_ctx\":2048}");
    struct gen_sampling s = q.gen.sampling;
    CHECK(near(s.temperature, 0.1) && s.top_k == 5 && near(s.top_p, 0.3) && near(s.min_p, 0.05) && s.repeat_penalty == 1.5f);
    CHECK(s.repeat_last_n == -1 && s.presence_penalty == 0.5f && s.frequency_penalty == 0.25f && s.seed == 42 && q.has_seed);
    CHECK(q.gen.max_tokens == 9 && q.gen.context_limit == 2048 && !q.stream);
    taken(API_CHAT, "\"options\":{\"seed\":-1,\"num_predict\":-1,\"top_k\":-1}");
    CHECK(!q.has_seed && q.gen.max_tokens == 0 && q.gen.sampling.top_k == 0);
    static const char *const bad[][2] = {
        {"\"temperature\":-1", "options.temperature"},
        {"\"top_p\":2", "options.top_p"},
        {"\"min_p\":-0.5", "options.min_p"},
        {"\"repeat_penalty\":0", "options.repeat_penalty"},
        {"\"top_k\":1.5", "options.top_k"},
        {"\"num_ctx\":-1", "options.num_ctx"},
        {"\"num_predict\":-3", "options.num_predict"},
        {"\"repeat_last_n\":-2", "options.repeat_last_n"},
        {"\"seed\":\"x\"", "options.seed"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char more[96];
        snprintf(more, sizeof more, "\"options\":{%s}", bad[i][0]);
        refused(API_CHAT, more, API_BAD_REQUEST, bad[i][1]);
    }
    refused(API_CHAT, "\"options\":{\"mirostat\":2}", API_UNSUPPORTED, "options.mirostat");
    refused(API_CHAT, "\"options\":{\"typical_p\":0.7}", API_UNSUPPORTED, "options.typical_p");
    refused(API_CHAT, "\"options\":[]", API_BAD_REQUEST, "options");
}

TEST(what_ollama_cannot_have_here) {
    refused(API_CHAT, "\"tools\":[{}]", API_UNSUPPORTED, "tools");
    refused(API_CHAT, "\"format\":\"yaml\"", API_BAD_REQUEST, "format");
    refused(API_CHAT, "\"format\":[]", API_BAD_REQUEST, "format");
    refused(API_CHAT, "\"format\":{\"type\":\"thing\"}", API_BAD_REQUEST, "format");
    refused(API_CHAT, "\"format\":{\"not\":{}}", API_UNSUPPORTED, "format");
    refused(API_CHAT, "\"think\":true", API_UNSUPPORTED, "think");
    refused(API_CHAT, "\"think\":\"high\"", API_UNSUPPORTED, "think");
    refused(API_CHAT, "\"think\":3", API_BAD_REQUEST, "think");
    refused(API_CHAT, "\"logprobs\":true", API_UNSUPPORTED, "logprobs");
    refused(API_CHAT, "\"top_logprobs\":1", API_UNSUPPORTED, "top_logprobs");
    refused(API_CHAT, "\"truncate\":1", API_BAD_REQUEST, "truncate");
    refused(API_GENERATE, "\"template\":\"{{ .Prompt }}\"", API_UNSUPPORTED, "template");
    refused(API_GENERATE, "\"raw\":true,\"template\":\"x\"", API_UNSUPPORTED, "template");
    refused(API_GENERATE, "\"raw\":true,\"system\":\"x\"", API_BAD_REQUEST, "system");
    refused(API_GENERATE, "\"suffix\":\"x\"", API_UNSUPPORTED, "suffix");
    refused(API_GENERATE, "\"context\":[1,2]", API_UNSUPPORTED, "context");
    refused(API_GENERATE, "\"raw\":\"yes\"", API_BAD_REQUEST, "raw");
}

TEST(generate_is_templated_or_raw) {
    taken(API_GENERATE, "\"system\":\"be kind\"");
    CHECK(q.gen.message_count == 2 && q.gen.messages[0].role == ROLE_SYSTEM && text_is(q.gen.messages[0].content, "be kind"));
    CHECK(q.gen.messages[1].role == ROLE_USER && text_is(q.gen.messages[1].content, "hi") && !q.gen.raw);
    taken(API_GENERATE, "\"raw\":true,\"context\":[],\"template\":\"\",\"suffix\":\"\"");
    CHECK(q.gen.raw && text_is(q.gen.text, "hi") && q.gen.message_count == 0);
}

TEST(empty_requests_load_and_unload) {
    CHECK_INT(try(API_CHAT, "{\"model\":\"m\"}"), 0);
    CHECK_INT(q.action, API_LOAD);
    CHECK_INT(try(API_CHAT, "{\"model\":\"m\",\"messages\":[],\"keep_alive\":0}"), 0);
    CHECK_INT(q.action, API_UNLOAD);
    CHECK_INT(try(API_GENERATE, "{\"model\":\"m\",\"prompt\":\"\",\"keep_alive\":\"0s\"}"), 0);
    CHECK_INT(q.action, API_UNLOAD);
    CHECK_INT(try(API_GENERATE, "{\"model\":\"m\",\"keep_alive\":\"5m\"}"), 0);
    CHECK(q.action == API_LOAD && q.keep_alive_ms == 300000);
    taken(API_CHAT, "\"keep_alive\":0");
    CHECK_INT(q.action, API_ANSWER);
}

TEST(keep_alive_forms) {
    static const struct {
        const char *json;
        int64_t ms;
    } rows[] = {{"30", 30000},      {"-1", -1},      {"\"-1\"", -1},     {"\"300\"", 300000}, {"\"1h30m\"", 5400000},
                {"\"250ms\"", 250}, {"\"-5m\"", -1}, {"\"1.5s\"", 1500}, {"0.5", 500},        {"\"0\"", 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char more[64];
        snprintf(more, sizeof more, "\"keep_alive\":%s", rows[i].json);
        taken(API_CHAT, more);
        CHECK(q.has_keep_alive && q.keep_alive_ms == rows[i].ms);
    }
    static const char *const bad[] = {"\"\"", "\"m\"", "\"5\\u0000m\"", "\"5 m\"", "\"5d\"", "true",
                                      "[]",   "1e300", "\"5..5s\"",     "\"nan\"", "\"inf\""};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char more[64];
        snprintf(more, sizeof more, "\"keep_alive\":%s", bad[i]);
        refused(API_CHAT, more, API_BAD_REQUEST, "keep_alive");
    }
}

TEST(bodies_that_are_no_request) {
    static const char *const bad[] = {"",
                                      "{",
                                      "[]",
                                      "7",
                                      "\"x\"",
                                      "null",
                                      "{\"model\":\"m\",\"model\":\"m\"}",
                                      "{\"model\":\"\xff\"}",
                                      "{\"model\":\"m\"}x",
                                      "{\"a\":\"\\ud800\"}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CHECK(try(API_CHAT, bad[i]) < 0);
        CHECK_INT(err.code, API_BAD_REQUEST);
    }
    char deep[400];
    memset(deep, '[', 200);
    memset(deep + 200, ']', 200);
    CHECK(api_request_parse(&q, API_CHAT, deep, sizeof deep, &err) < 0);
    char *huge = calloc(1, API_BODY_MAX + 1);
    CHECK(huge != NULL);
    CHECK(api_request_parse(&q, API_CHAT, huge, API_BODY_MAX + 1, &err) < 0);
    CHECK_INT(err.code, API_TOO_LARGE);
    free(huge);
}

TEST(a_request_cut_anywhere_is_refused) {
    const char *whole = "{" HI ",\"stop\":[\"a\"],\"logit_bias\":{\"1\":2},\"metadata\":{\"x\":\"y\"}}";
    for (size_t n = 0; n < strlen(whole); n++) {
        CHECK(api_request_parse(&q, API_V1_CHAT, whole, n, &err) < 0);
        CHECK(q.arena.base == NULL);
    }
    CHECK_INT(try(API_V1_CHAT, whole), 0);
}

TEST(errors_never_quote_the_request) {
    static const char *const bodies[] = {"{" HI ",\"temperature\":\"CANARY\"}",
                                         "{\"model\":\"m\",\"messages\":[{\"role\":\"CANARY\"}]}",
                                         "{\"CANARY\":CANARY}",
                                         "{\"model\":\"m\",\"messages\":\"CANARY\"}",
                                         "{\"model\":\"CANARY CANARY\"}",
                                         "{" HI ",\"logit_bias\":{\"CANARY\":1}}"};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        CHECK(try(API_V1_CHAT, bodies[i]) < 0);
        CHECK(!strstr(err.message, "CANARY") && !strstr(err.param, "CANARY"));
    }
}

TEST(a_long_conversation_fits_its_arena) {
    struct buf b;
    buf_init(&b, API_BODY_MAX);
    CHECK_INT(buf_addf(&b, "{\"model\":\"m\",\"messages\":["), 0);
    for (int i = 0; i < 4000; i++)
        CHECK_INT(
            buf_addf(&b,
                     "%s{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"\"},{\"type\":\"text\",\"text\":\"x\"}]}",
                     i ? "," : ""),
            0);
    CHECK_INT(buf_addf(&b, "],\"logit_bias\":{"), 0);
    for (int i = 0; i < GEN_BIAS_MAX; i++) CHECK_INT(buf_addf(&b, "%s\"%d\":1", i ? "," : "", i), 0);
    CHECK_INT(buf_addf(&b, "}}"), 0);
    CHECK_INT(api_request_parse(&q, API_V1_CHAT, b.data, b.len, &err), 0);
    CHECK(q.gen.message_count == 4000 && q.gen.bias_count == GEN_BIAS_MAX && text_is(q.gen.messages[3999].content, "\nx"));
    buf_release(&b);
    CHECK(text_is(q.gen.messages[0].content, "\nx")); /* the body is gone, the request is not */
    api_request_free(&q);
    CHECK(q.gen.messages == NULL);
}

TEST(deadline_comes_from_the_client) {
    CHECK_INT(api_deadline_ms(NULL), 600000);
    CHECK_INT(api_deadline_ms("30"), 30000);
    CHECK_INT(api_deadline_ms("1.5"), 1500);
    CHECK_INT(api_deadline_ms("999999999999"), 86400000);
    static const char *const bad[] = {"", "x", "-1", "0", "30x", "nan", "inf", " 5"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) CHECK_INT(api_deadline_ms(bad[i]), 600000);
}

TESTS_MAIN("api request", T(endpoints_and_dialects), T(model_names_get_their_tag), T(an_unusable_model_name_is_not_found),
           T(defaults_of_each_dialect), T(sampling_fields_of_openai), T(max_completion_tokens_wins_over_max_tokens),
           T(stop_is_text_or_list), T(what_cannot_be_done_is_refused_by_name), T(what_changes_nothing_is_ignored),
           T(the_form_of_an_answer), T(logit_bias_is_ids_and_numbers), T(stream_options), T(least_tier), T(roles_and_contents),
           T(bad_messages_are_named_by_index), T(more_than_4096_messages_are_refused), T(images_of_ollama_are_refused),
           T(options_of_ollama), T(what_ollama_cannot_have_here), T(generate_is_templated_or_raw),
           T(empty_requests_load_and_unload), T(keep_alive_forms), T(bodies_that_are_no_request),
           T(a_request_cut_anywhere_is_refused), T(errors_never_quote_the_request), T(a_long_conversation_fits_its_arena),
           T(deadline_comes_from_the_client))
