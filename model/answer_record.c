/* model/answer_record.c - see answer_record.h: the members, written and read.
 *
 *   text, tokens            the answer, without a closing end-of-generation id: that is end_token
 *   prompt_tokens           how many; prompt_ids: which
 *   logits_digest           the chain, 64 hexadecimal digits
 *   profile, stop_reason    "C1-f16"; "stop" or "length"
 *   prefill_s, decode_s     seconds; prefill_tps, decode_tps: tokens per second
 *   model                   {name, bytes}: the file's size, which tells most other files apart at once
 *   sampling                the parameters of the sampler; the seed as text, since it has 64 bits
 *   stop, format, at_start  stop strings and form, when there are any; whether the text begins with its first id */
#include "model/answer_record.h"
#include "base/hash.h"

#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- writing ---- */

static json_t *id_array(const int32_t *id, size_t n) {
    json_t *a = json_array();
    for (size_t i = 0; a && i < n; i++)
        if (json_array_append_new(a, json_integer(id[i])) != 0) {
            json_decref(a);
            return NULL;
        }
    return a;
}

static json_t *text_of(struct gen_text t) { return json_stringn_nocheck(t.n ? t.p : "", t.n); }

static double per_second(uint64_t tokens, uint64_t ns) { return ns ? (double)tokens * 1e9 / (double)ns : 0; }

static json_t *sampling_of(const struct gen_sampling *s) {
    char seed[24];
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)s->seed);
    return json_pack("{s:f, s:i, s:f, s:f, s:f, s:f, s:f, s:i, s:s}", "temperature", (double)s->temperature, "top_k",
                     (int)s->top_k, "top_p", (double)s->top_p, "min_p", (double)s->min_p, "repeat_penalty",
                     (double)s->repeat_penalty, "presence_penalty", (double)s->presence_penalty, "frequency_penalty",
                     (double)s->frequency_penalty, "repeat_last_n", (int)s->repeat_last_n, "seed", seed);
}

static const char *const format_names[] = {
    [FORMAT_TEXT] = "text", [FORMAT_JSON] = "json", [FORMAT_SCHEMA] = "schema", [FORMAT_GBNF] = "grammar"};
enum { FORMATS = sizeof format_names / sizeof format_names[0] };

static json_t *stops_of(const struct answer_record *a) {
    json_t *list = json_array();
    for (size_t i = 0; list && i < a->stop_count; i++) (void)json_array_append_new(list, text_of(a->stops[i]));
    return list;
}

/* A member that could not be made is one error for all. */
struct object {
    json_t *j;
    int failed;
};
static void put(struct object *o, const char *key, json_t *value) {
    if (json_object_set_new(o->j, key, value) != 0) o->failed = 1;
}

static void put_replayed(struct object *o, const struct answer_record *a) {
    put(o, "model", json_pack("{s:s, s:I}", "name", a->model, "bytes", (json_int_t)a->model_bytes));
    put(o, "sampling", sampling_of(&a->sampling));
    put(o, "at_start", json_boolean(a->at_start));
    if (a->has_end) put(o, "end_token", json_integer(a->ids[a->count - 1]));
    if (a->stop_count) put(o, "stop", stops_of(a));
    if (a->format.kind == FORMAT_TEXT) return;
    json_t *f = json_object();
    struct object format = {f, 0};
    put(&format, "kind", json_string(format_names[a->format.kind]));
    put(&format, "text", text_of(a->format.text));
    put(o, "format", f);
    o->failed |= format.failed;
}

int answer_record_write(struct buf *b, const struct answer_record *a) {
    char hex[2 * DIGEST_BYTES + 1];
    const struct gen_times *t = &a->times;
    struct object o = {json_object(), 0};
    hex_encode(hex, a->chain, sizeof a->chain);
    put(&o, "text", text_of(a->text)); /* whole UTF-8 by contract */
    put(&o, "tokens", id_array(a->ids, a->count - (a->has_end != 0)));
    put(&o, "prompt_tokens", json_integer((json_int_t)a->prompt_count));
    put(&o, "prompt_ids", id_array(a->prompt, a->prompt_count));
    put(&o, "logits_digest", json_string(hex));
    put(&o, "profile", json_string(a->profile));
    put(&o, "stop_reason", json_string(a->stop == STOP_LENGTH ? "length" : "stop"));
    put(&o, "prefill_tps", json_real(per_second(t->prompt_tokens, t->prefill_ns)));
    /* the first token's logits come with the prompt */
    put(&o, "decode_tps", json_real(per_second(t->output_tokens > 1 ? t->output_tokens - 1 : 0, t->decode_ns)));
    put(&o, "prefill_s", json_real((double)t->prefill_ns * 1e-9));
    put(&o, "decode_s", json_real((double)t->decode_ns * 1e-9));
    put_replayed(&o, a);
    buf_init(b, (size_t)1 << 30);
    int r = o.failed ? ERR_NOMEM : json_print(b, o.j, (size_t)1 << 30);
    json_decref(o.j);
    return r;
}

/* ---- reading ---- */

/* The first member that is not as it should be is the error. */
struct reading {
    const json_t *j;
    struct why *why;
    int err;
};
static void bad(struct reading *r, const char *key) {
    if (r->err == 0) r->err = why_set(r->why, ERR_FORMAT, "\"%s\" is missing, or not as lull run --json writes it", key);
}

static double real(struct reading *r, const char *key, double lo, double hi) {
    double x = 0;
    if (json_get_real(r->j, key, lo, hi, &x) != JSON_OK) bad(r, key);
    return x;
}
static float real32(struct reading *r, const char *key) { return (float)real(r, key, -(double)FLT_MAX, (double)FLT_MAX); }

static int64_t whole(struct reading *r, const char *key, int64_t lo, int64_t hi) {
    int64_t x = 0;
    if (json_get_int(r->j, key, lo, hi, &x) != JSON_OK) bad(r, key);
    return x;
}

static struct gen_text text(struct reading *r, const char *key) {
    struct gen_text t = {"", 0};
    if (json_get_str(r->j, key, &t.p, &t.n) != JSON_OK) bad(r, key);
    return t;
}

/* Seconds as nanoseconds; 0 when they are not given. */
static uint64_t seconds(struct reading *r, const char *key) {
    double s = 0;
    if (json_get_real(r->j, key, 0, 1e9, &s) == JSON_WRONG) bad(r, key);
    return (uint64_t)(s * 1e9 + 0.5);
}

static void read_ids(struct reading *r, const char *key, struct ids *out) {
    const json_t *list = json_object_get(r->j, key), *v;
    size_t i;
    ids_init(out, ANSWER_RECORD_IDS_MAX);
    if (!json_is_array(list)) bad(r, key);
    json_array_foreach(list, i, v) {
        if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > INT32_MAX) bad(r, key);
        if (r->err == 0 && (r->err = ids_add(out, (int32_t)json_integer_value(v))) != 0)
            why_set(r->why, r->err, "\"%s\": %zu ids are too many", key, json_array_size(list));
        if (r->err != 0) return;
    }
}

static void read_seed(struct reading *r, uint64_t *out) {
    struct gen_text t = text(r, "seed");
    *out = 0;
    if (t.n == 0 || t.n > 20) bad(r, "seed");
    for (size_t i = 0; r->err == 0 && i < t.n; i++)
        if (t.p[i] < '0' || t.p[i] > '9' || __builtin_mul_overflow(*out, 10u, out) ||
            __builtin_add_overflow(*out, (unsigned)(t.p[i] - '0'), out))
            bad(r, "seed");
}

static void read_sampling(struct reading *all, struct gen_sampling *s) {
    struct reading in = {json_object_get(all->j, "sampling"), all->why, all->err}, *r = &in;
    if (!json_is_object(in.j)) bad(&in, "sampling");
    s->temperature = real32(r, "temperature");
    s->top_k = (int32_t)whole(r, "top_k", 0, INT32_MAX);
    s->top_p = real32(r, "top_p");
    s->min_p = real32(r, "min_p");
    s->repeat_penalty = real32(r, "repeat_penalty");
    s->presence_penalty = real32(r, "presence_penalty");
    s->frequency_penalty = real32(r, "frequency_penalty");
    s->repeat_last_n = (int32_t)whole(r, "repeat_last_n", -1, INT32_MAX);
    read_seed(r, &s->seed);
    all->err = in.err;
}

static void read_stops(struct reading *r, struct answer_record *a) {
    const json_t *list = json_object_get(r->j, "stop"), *v;
    size_t i;
    if (list && (!json_is_array(list) || json_array_size(list) > GEN_STOPS_MAX)) bad(r, "stop");
    if (r->err != 0) return;
    json_array_foreach(list, i, v) {
        if (!json_is_string(v) || json_string_length(v) > GEN_STOP_BYTES_MAX) {
            bad(r, "stop");
            return;
        }
        a->stops[a->stop_count++] = (struct gen_text){json_string_value(v), json_string_length(v)};
    }
}

static void read_format(struct reading *all, struct gen_format *f) {
    struct reading r = {json_object_get(all->j, "format"), all->why, all->err};
    if (!r.j) return;
    struct gen_text kind = text(&r, "kind");
    f->text = text(&r, "text");
    for (int k = FORMAT_JSON; k < FORMATS; k++)
        if (kind.n == strlen(format_names[k]) && strcmp(kind.p, format_names[k]) == 0) f->kind = (enum gen_format_kind)k;
    if (f->kind == FORMAT_TEXT) bad(&r, "format");
    all->err = r.err;
}

/* Profiles have these characters alone, so one that is not known can be shown. */
static void read_profile(struct reading *r, char out[ANSWER_PROFILE_BYTES]) {
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.";
    struct gen_text t = text(r, "profile");
    if (t.n == 0 || t.n >= ANSWER_PROFILE_BYTES || strspn(t.p, allowed) != t.n)
        bad(r, "profile");
    else
        memcpy(out, t.p, t.n + 1);
}

static void read_end(struct reading *r, struct answer_record *a) {
    struct gen_text reason = text(r, "stop_reason"), chain = text(r, "logits_digest");
    int is_length = strcmp(reason.p, "length") == 0;
    if (!is_length && strcmp(reason.p, "stop") != 0) bad(r, "stop_reason");
    if (hex_decode(a->chain, DIGEST_BYTES, chain.p, chain.n) != 0) bad(r, "logits_digest");
    a->has_end = json_object_get(r->j, "end_token") != NULL;
    if (a->has_end && r->err == 0) {
        int32_t id = (int32_t)whole(r, "end_token", 0, INT32_MAX);
        if (r->err == 0) r->err = ids_add(&a->own_ids, id);
    }
    a->stop = is_length ? STOP_LENGTH : a->has_end ? STOP_END : STOP_STRING;
    if (is_length && a->has_end) bad(r, "stop_reason");
}

static void read_model(struct reading *all, struct answer_record *a) {
    struct reading r = {json_object_get(all->j, "model"), all->why, all->err};
    if (!json_is_object(r.j)) bad(&r, "model");
    a->model_bytes = (uint64_t)whole(&r, "bytes", 1, INT64_MAX);
    all->err = r.err;
}

int answer_record_read(struct answer_record *a, const void *bytes, size_t n, struct why *why) {
    *a = (struct answer_record){0};
    if (n > ANSWER_RECORD_BYTES_MAX) return why_set(why, ERR_LIMIT, "over %d bytes", ANSWER_RECORD_BYTES_MAX);
    if (json_parse(&a->json, bytes, n, NULL) != 0) return why_set(why, ERR_FORMAT, "not the whole JSON of one answer");
    struct reading r = {a->json, why, 0};
    a->text = text(&r, "text");
    read_ids(&r, "prompt_ids", &a->own_prompt);
    read_ids(&r, "tokens", &a->own_ids);
    if (json_get_bool(a->json, "at_start", &a->at_start) != JSON_OK) bad(&r, "at_start");
    read_sampling(&r, &a->sampling);
    read_stops(&r, a);
    read_format(&r, &a->format);
    read_profile(&r, a->profile);
    read_end(&r, a);
    read_model(&r, a);
    a->times.prefill_ns = seconds(&r, "prefill_s");
    a->times.decode_ns = seconds(&r, "decode_s");
    a->prompt = a->own_prompt.id, a->prompt_count = a->own_prompt.count;
    a->ids = a->own_ids.id, a->count = a->own_ids.count;
    if (r.err != 0) answer_record_release(a);
    return r.err;
}

void answer_record_release(struct answer_record *a) {
    ids_release(&a->own_prompt);
    ids_release(&a->own_ids);
    json_decref(a->json);
    *a = (struct answer_record){0};
}
