/* api/request_ollama.c - the members of /api/chat and /api/generate bodies.
 *
 * Ignored because they change no answer here: keep_alive (checked), truncate and shift (a prompt over the context is refused,
 * an answer over it ends with "length"), and in options what tunes a local runner: num_keep, num_batch, num_gpu, main_gpu,
 * num_thread, numa, use_mmap and any name not in this file. */
#include "api/request_fields.h"
#include "base/err.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- keep_alive: seconds, or a duration such as "5m", "1h30m", "-1s"; 0 lets the model go ---- */

static const struct {
    const char *unit;
    double ms;
} units[] = {{"ns", 1e-6}, {"us", 1e-3}, {"ms", 1}, {"s", 1e3}, {"m", 6e4}, {"h", 36e5}};

/* Go's duration text: one or more NUMBER UNIT pairs. NAN when it is none. */
static double duration_ms(const char *s) {
    double total = 0, sign = *s == '-' ? -1 : 1;
    if (*s == '-' || *s == '+') s++;
    if (strcmp(s, "0") == 0) return 0;
    if (!*s) return NAN;
    while (*s) {
        size_t digits = strspn(s, "0123456789."), letters = strspn(s + digits, "nusmh"), u = 0;
        char *end;
        double v = strtod(s, &end);
        if (digits == 0 || digits > 18 || end != s + digits) return NAN;
        while (u < 6 && (strlen(units[u].unit) != letters || memcmp(units[u].unit, s + digits, letters) != 0)) u++;
        if (u == 6) return NAN;
        total += v * units[u].ms;
        s += digits + letters;
    }
    return sign * total;
}

static int keep_alive(const struct fields *f) {
    const json_t *v = field_any(f, "keep_alive");
    if (!v) return 0;
    double ms = json_is_number(v) ? json_number_value(v) * 1e3 : NAN;
    const char *s = json_string_value(v);
    if (s && strlen(s) == json_string_length(v)) {
        char *end;
        ms = strtod(s, &end) * 1e3; /* "300" and "-1" are seconds too */
        if (end == s || *end || strlen(s) > 20) ms = duration_ms(s);
    }
    if (!isfinite(ms) || fabs(ms) > 9e15) return field_bad(f, "keep_alive", "must be seconds or a duration such as \"5m\"");
    f->out->has_keep_alive = 1;
    f->out->keep_alive_ms = ms < 0 ? -1 : (int64_t)ms;
    return 0;
}

/* ---- options ---- */

static int options_lengths(const struct fields *o) {
    struct gen_request *g = &o->out->gen;
    int64_t predict = 0, context = 0;
    int r = field_int(o, "num_predict", -2, INT32_MAX, &predict); /* -1, -2 and 0: until the context is full */
    if (r == 0) r = field_int(o, "num_ctx", 0, INT32_MAX, &context);
    if (r == 0) g->max_tokens = predict > 0 ? (uint32_t)predict : 0;
    if (r == 0) g->context_limit = (uint32_t)context;
    return r == 0 ? field_stop(o) : r;
}

static int options_sampling(const struct fields *o) {
    struct gen_sampling *s = &o->out->gen.sampling;
    int64_t top_k = s->top_k, last_n = s->repeat_last_n, seed = -1;
    int r = field_real(o, "temperature", 0, 100, &s->temperature);
    if (r == 0) r = field_int(o, "top_k", -1, INT32_MAX, &top_k);
    if (r == 0) r = field_real(o, "top_p", 0, 1, &s->top_p);
    if (r == 0) r = field_real(o, "min_p", 0, 1, &s->min_p);
    if (r == 0) r = field_real(o, "repeat_penalty", 0.01, 100, &s->repeat_penalty);
    if (r == 0) r = field_real(o, "presence_penalty", -100, 100, &s->presence_penalty);
    if (r == 0) r = field_real(o, "frequency_penalty", -100, 100, &s->frequency_penalty);
    if (r == 0) r = field_int(o, "repeat_last_n", -1, INT32_MAX, &last_n);
    if (r == 0) r = field_int(o, "seed", INT64_MIN, INT64_MAX, &seed);
    if (r != 0) return r;
    s->top_k = top_k < 0 ? 0 : (int32_t)top_k;
    s->repeat_last_n = (int32_t)last_n;
    o->out->has_seed = seed != -1; /* -1 asks for any */
    s->seed = o->out->has_seed ? (uint64_t)seed : 0;
    return 0;
}

/* Samplers that arithmetic profile C1 does not have may only be named with the value that switches them off. */
static int options_foreign_samplers(const struct fields *o) {
    static const struct {
        const char *key;
        float off;
    } rows[] = {{"typical_p", 1}, {"tfs_z", 1}, {"mirostat", 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        float v = rows[i].off;
        int r = field_real(o, rows[i].key, -1e6, 1e6, &v);
        if (r == 0 && v != rows[i].off) r = field_unsupported(o, rows[i].key, "is not supported");
        if (r != 0) return r;
    }
    return 0;
}

static int options(const struct fields *f) {
    const json_t *v = field_any(f, "options");
    if (!v) return 0;
    if (!json_is_object(v)) return field_bad(f, "options", "must be an object");
    struct fields o = {v, "options.", f->out, f->err};
    int r = options_sampling(&o);
    if (r == 0) r = options_foreign_samplers(&o);
    return r == 0 ? options_lengths(&o) : r;
}

/* ---- what both requests share ---- */

static int refusals(const struct fields *f) {
    int yes = 0;
    int64_t top = 0;
    const json_t *think = field_any(f, "think");
    int r = field_refuse_filled(f, "tools", "is not supported: no model here calls tools");
    if (r == 0) r = field_bool(f, "logprobs", &yes);
    if (r == 0) r = field_int(f, "top_logprobs", 0, 20, &top);
    if (r == 0 && yes) r = field_unsupported(f, "logprobs", "is not supported");
    if (r == 0 && top) r = field_unsupported(f, "top_logprobs", "is not supported");
    if (r == 0 && think && !json_is_boolean(think) && !json_is_string(think))
        r = field_bad(f, "think", "must be true, false or a level");
    if (r == 0 && (json_is_true(think) || json_string_length(think)))
        r = field_unsupported(f, "think", "is not supported: no model here thinks aloud");
    if (r == 0) r = field_bool(f, "truncate", &yes);
    if (r == 0) r = field_bool(f, "shift", &yes);
    return r;
}

/* Nothing to answer: the app wants the model loaded, or let go (keep_alive 0). */
static void only_load(struct api_request *out) {
    out->action = out->has_keep_alive && out->keep_alive_ms == 0 ? API_UNLOAD : API_LOAD;
}

static int raw_prompt(const struct fields *f, const char *prompt, size_t n) {
    const char *s;
    size_t len;
    int r = field_str(f, "system", &s, &len);
    if (r == 0 && len) r = field_bad(f, "system", "cannot be used with raw");
    if (r != 0) return r;
    f->out->gen.raw = 1;
    return field_copy(f, prompt, n, &f->out->gen.text);
}

static int templated_prompt(const struct fields *f, const char *prompt, size_t n) {
    const char *s;
    size_t len, count = 0;
    int r = field_str(f, "system", &s, &len);
    if (r != 0) return r;
    struct gen_message *m = arena_take(&f->out->arena, 2, sizeof *m);
    if (!m) return ERR_NOMEM;
    if (len) {
        m[count].role = ROLE_SYSTEM;
        r = field_copy(f, s, len, &m[count++].content);
    }
    m[count].role = ROLE_USER;
    if (r == 0) r = field_copy(f, prompt, n, &m[count++].content);
    f->out->gen.messages = m;
    f->out->gen.message_count = count;
    return r;
}

static int generate_prompt(const struct fields *f) {
    const char *prompt;
    size_t n;
    int raw = 0;
    int r = field_str(f, "prompt", &prompt, &n);
    if (r == 0) r = field_bool(f, "raw", &raw);
    if (r == 0) r = field_refuse_filled(f, "template", "is not supported: the model's own is used");
    if (r == 0) r = field_refuse_filled(f, "suffix", "is not supported");
    if (r == 0) r = field_refuse_filled(f, "context", "is not supported: send the conversation to /api/chat");
    if (r == 0) r = field_refuse_filled(f, "images", "is not supported: no model here reads images");
    if (r != 0) return r;
    if (n == 0) {
        only_load(f->out);
        return 0;
    }
    return raw ? raw_prompt(f, prompt, n) : templated_prompt(f, prompt, n);
}

int request_ollama(const struct fields *f) {
    f->out->gen.sampling = (struct gen_sampling){
        .temperature = 0.8f, .top_k = 40, .top_p = 0.9f, .repeat_penalty = 1, .repeat_last_n = 64};
    f->out->stream = 1; /* streaming is on unless switched off */
    int r = field_bool(f, "stream", &f->out->stream);
    if (r == 0) r = keep_alive(f);
    if (r == 0) r = options(f);
    if (r == 0) r = refusals(f);
    if (r == 0) r = field_ollama_format(f);
    if (r == 0 && f->out->endpoint == API_GENERATE) return generate_prompt(f);
    if (r == 0) r = messages_parse(f, 0);
    if (r == 0 && f->out->gen.message_count == 0) only_load(f->out);
    return r;
}
