/* base/json.h - bounded glue over jansson: strict loading, typed getters, no quoting of input in errors. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

enum { JSON_DEPTH_MAX = 64 };
/* Parses n bytes: duplicate keys, bad UTF-8, lone surrogates, trailing bytes and nesting over JSON_DEPTH_MAX are ERR_FORMAT.
 * *pos is the byte offset of the error (may be NULL). The caller owns *out (json_decref). */
int json_parse(json_t **out, const void *text, size_t n, size_t *pos);
/* 1: the text may hold more values than that, as its brackets and commas say. Asked before json_parse where a stranger's text is large and
 * its members are few: each "{}" takes over 200 bytes once it is parsed. */
int json_has_over(const void *text, size_t n, size_t values);
/* Compact text, wiped when released. b is initialised here with the given maximum. */
int json_print(struct buf *b, const json_t *j, size_t max);

enum json_got { JSON_ABSENT = 0, JSON_OK = 1, JSON_WRONG = -1 };
/* Typed members; null counts as absent. JSON_WRONG: present with another type or out of [lo, hi] (NaN cannot occur). */
enum json_got json_get_int(const json_t *obj, const char *key, int64_t lo, int64_t hi, int64_t *out);
enum json_got json_get_real(const json_t *obj, const char *key, double lo, double hi, double *out); /* integers count */
enum json_got json_get_bool(const json_t *obj, const char *key, int *out);
enum json_got json_get_str(const json_t *obj, const char *key, const char **out, size_t *len); /* points into obj */

/* Appends s as a JSON string with quotes; invalid UTF-8 becomes U+FFFD. 0 or ERR_NOMEM. */
int json_quote(struct buf *b, const char *s, size_t n);

#endif
