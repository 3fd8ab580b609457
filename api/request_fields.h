/* api/request_fields.h - reading single members of a request, shared by the dialects' parsers (inside api/ only).
 *
 * Each call returns 0 (an absent or null member leaves *out alone) or a negative ERR_* with the error filled in: field name as
 * param, a sentence that names the allowed range and never repeats the value. */
#ifndef API_REQUEST_FIELDS_H
#define API_REQUEST_FIELDS_H

#include "api/request.h"
#include "base/json.h"

struct fields {
    const json_t *obj;
    const char *prefix; /* "" or "options.": what stands before the key in param */
    struct api_request *out;
    struct api_error *err;
};

int field_int(const struct fields *f, const char *key, int64_t lo, int64_t hi, int64_t *out);
int field_real(const struct fields *f, const char *key, double lo, double hi, float *out);
int field_bool(const struct fields *f, const char *key, int *out);
/* *s points into the JSON and is NULL when absent. */
int field_str(const struct fields *f, const char *key, const char **s, size_t *n);
/* The member itself, or NULL when absent or null. */
const json_t *field_any(const struct fields *f, const char *key);

/* ERR_RANGE or ERR_UNSUPPORTED with the field's name. what: the rest of the sentence. */
int field_bad(const struct fields *f, const char *key, const char *what);
int field_unsupported(const struct fields *f, const char *key, const char *what);
/* Refuses a member that is present and not null, [], {} or "". */
int field_refuse_filled(const struct fields *f, const char *key, const char *what);

/* "stop": null, a string, or up to GEN_STOPS_MAX strings; empty ones mean nothing and are skipped. */
int field_stop(const struct fields *f);
/* A copy in the request's arena. ERR_NOMEM only on a bug in request_arena_size. */
int field_copy(const struct fields *f, const char *s, size_t n, struct gen_text *out);

/* What form the answer has, into out->gen.format (request_format.c). */
int field_response_format(const struct fields *f);
int field_grammar(const struct fields *f); /* after response_format */
int field_ollama_format(const struct fields *f);

/* "messages" of either dialect into out->gen; absent or empty leaves no messages. openai: content may be parts or null. */
int messages_parse(const struct fields *f, int openai);

/* The dialects: root is an object and out->endpoint is set. */
int request_openai(const struct fields *f);
int request_ollama(const struct fields *f);

#endif
