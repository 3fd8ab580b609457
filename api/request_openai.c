/* api/request_openai.c - the members of a /v1/chat/completions body.
 *
 * Ignored because they change no answer here: user, safety_identifier, store, service_tier, prompt_cache_key, prediction,
 * verbosity, reasoning_effort, moderation, parallel_tool_calls, and any member not named in this file. */
#include "api/request_fields.h"
#include "base/err.h"

#include <string.h>

static int is_word(const json_t *v, const char *word) {
    size_t n = json_string_length(v); /* 0 for what is no string */
    return n && n == strlen(word) && memcmp(json_string_value(v), word, n) == 0;
}

static int sampling(const struct fields *f) {
    struct gen_sampling *s = &f->out->gen.sampling;
    int64_t seed = 0;
    int r = field_real(f, "temperature", 0, 2, &s->temperature);
    if (r == 0) r = field_real(f, "top_p", 0, 1, &s->top_p);
    if (r == 0) r = field_real(f, "presence_penalty", -2, 2, &s->presence_penalty);
    if (r == 0) r = field_real(f, "frequency_penalty", -2, 2, &s->frequency_penalty);
    if (r == 0) r = field_int(f, "seed", INT64_MIN, INT64_MAX, &seed);
    if (r == 0 && field_any(f, "seed")) {
        s->seed = (uint64_t)seed;
        f->out->has_seed = 1;
    }
    return r;
}

static int lengths(const struct fields *f) {
    int64_t most = 0, older = 0, n = 1;
    int r = field_int(f, "max_completion_tokens", 1, INT32_MAX, &most);
    if (r == 0) r = field_int(f, "max_tokens", 1, INT32_MAX, &older);
    if (r == 0) r = field_int(f, "n", 1, 128, &n);
    if (r == 0 && n > 1) r = field_unsupported(f, "n", "over 1 is not supported");
    if (r == 0) f->out->gen.max_tokens = (uint32_t)(most ? most : older);
    return r == 0 ? field_stop(f) : r;
}

/* A decimal id without leading zeros, so that one id has one spelling; -1 when it is none. */
static int32_t bias_id(const char *key) {
    int64_t id = 0;
    size_t n = strlen(key);
    if (n == 0 || n > 10 || (n > 1 && key[0] == '0')) return -1;
    for (; *key; key++) {
        if (*key < '0' || *key > '9') return -1;
        id = id * 10 + (*key - '0');
    }
    return id > INT32_MAX ? -1 : (int32_t)id;
}

static int logit_bias(const struct fields *f) {
    const json_t *map = field_any(f, "logit_bias");
    size_t count = json_object_size(map);
    if (!map) return 0;
    if (!json_is_object(map)) return field_bad(f, "logit_bias", "must be an object of token id to number");
    if (count > GEN_BIAS_MAX) return field_bad(f, "logit_bias", "holds more than 1024 ids");
    if (count == 0) return 0;
    struct gen_bias *to = arena_take(&f->out->arena, count, sizeof *to);
    if (!to) return ERR_NOMEM;
    f->out->gen.bias = to;
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)map, key, v) {
        double bias = json_is_number(v) ? json_number_value(v) : 1e9;
        to->id = bias_id(key);
        if (to->id < 0) return field_bad(f, "logit_bias", "has a key that is no token id");
        if (!(bias >= -100 && bias <= 100)) return field_bad(f, "logit_bias", "has a value outside -100 to 100");
        to++->bias = (float)bias;
    }
    f->out->gen.bias_count = count;
    return 0;
}

static int logprobs(const struct fields *f) {
    int wanted = 0;
    int64_t top = 0;
    int r = field_bool(f, "logprobs", &wanted);
    if (r == 0) r = field_int(f, "top_logprobs", 0, 20, &top);
    if (r == 0 && wanted) r = field_unsupported(f, "logprobs", "is not supported");
    if (r == 0 && top) r = field_unsupported(f, "top_logprobs", "is not supported");
    return r;
}

/* Tools may be listed when the app forbids their use in the same breath; then they change nothing. */
static int tools(const struct fields *f) {
    const json_t *list = field_any(f, "tools"), *choice = field_any(f, "tool_choice");
    const json_t *old = field_any(f, "functions"), *call = field_any(f, "function_call");
    if (list && !json_is_array(list)) return field_bad(f, "tools", "must be an array");
    if (old && !json_is_array(old)) return field_bad(f, "functions", "must be an array");
    if (choice && !is_word(choice, "none") && !is_word(choice, "auto")) {
        if (!is_word(choice, "required") && !json_is_object(choice))
            return field_bad(f, "tool_choice", "is not a choice of tools");
        return field_unsupported(f, "tool_choice", "other than none is not supported: no model here calls tools");
    }
    if (json_array_size(list) && !is_word(choice, "none"))
        return field_unsupported(f, "tools", "is not supported: no model here calls tools");
    if (call && !is_word(call, "none") && !is_word(call, "auto"))
        return field_unsupported(f, "function_call", "is not supported: no model here calls functions");
    if (json_array_size(old) && !is_word(call, "none"))
        return field_unsupported(f, "functions", "is not supported: no model here calls functions");
    return 0;
}

static int modalities(const struct fields *f) {
    const json_t *list = field_any(f, "modalities"), *v;
    size_t i;
    if (list && !json_is_array(list)) return field_bad(f, "modalities", "must be an array");
    json_array_foreach((json_t *)(uintptr_t)list, i, v) {
        if (!json_is_string(v)) return field_bad(f, "modalities", "must be an array of strings");
        if (!is_word(v, "text")) return field_unsupported(f, "modalities", "other than text is not supported");
    }
    int r = field_refuse_filled(f, "audio", "is not supported");
    /* Even {} asks for a search. */
    if (r == 0 && field_any(f, "web_search_options")) r = field_unsupported(f, "web_search_options", "is not supported");
    return r;
}

static int stream(const struct fields *f) {
    int r = field_bool(f, "stream", &f->out->stream);
    const json_t *o = field_any(f, "stream_options");
    if (r != 0 || !o) return r;
    if (!json_is_object(o)) return field_bad(f, "stream_options", "must be an object");
    struct fields in = {o, "stream_options.", f->out, f->err};
    r = field_bool(&in, "include_usage", &f->out->include_usage);
    if (r == 0) r = field_bool(&in, "include_obfuscation", &f->out->include_obfuscation);
    return r;
}

/* The least tier: metadata {"lull-min-tier": "..."} or metadata {"lull": {"lull-min-tier": "..."}}. */
static int metadata(const struct fields *f) {
    const json_t *m = field_any(f, "metadata");
    if (!m) return 0;
    if (!json_is_object(m)) return field_bad(f, "metadata", "must be an object");
    struct fields in = {m, "metadata.", f->out, f->err};
    const json_t *own = field_any(&in, "lull");
    if (own && !json_is_object(own)) return field_bad(&in, "lull", "must be an object");
    if (own) in = (struct fields){own, "metadata.lull.", f->out, f->err};
    const char *s;
    size_t n;
    int r = field_str(&in, "lull-min-tier", &s, &n);
    if (r == 0 && s && (strlen(s) != n || api_tier_from_name(&f->out->min_tier, s) != 0))
        r = field_bad(&in, "lull-min-tier", "must be sealed, attested, blind or local");
    return r;
}

int request_openai(const struct fields *f) {
    f->out->gen.sampling = (struct gen_sampling){.temperature = 1, .top_p = 1, .repeat_penalty = 1, .repeat_last_n = 64};
    static int (*const steps[])(const struct fields *) = {
        stream, sampling, lengths, logit_bias, logprobs, field_response_format, field_grammar, tools, modalities, metadata};
    int r = messages_parse(f, 1);
    if (r == 0 && f->out->gen.message_count == 0) r = field_bad(f, "messages", "must hold at least one message");
    for (size_t i = 0; r == 0 && i < sizeof steps / sizeof steps[0]; i++) r = steps[i](f);
    return r;
}
