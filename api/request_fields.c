/* api/request_fields.c - see request_fields.h. */
#include "api/request_fields.h"
#include "base/err.h"

#include <stdio.h>
#include <string.h>

static void name_of(const struct fields *f, const char *key, char out[96]) { snprintf(out, 96, "%s%s", f->prefix, key); }

int field_bad(const struct fields *f, const char *key, const char *what) {
    char name[96];
    name_of(f, key, name);
    api_error_set(f->err, API_BAD_REQUEST, name, "%s %s", name, what);
    return ERR_RANGE;
}

int field_unsupported(const struct fields *f, const char *key, const char *what) {
    char name[96];
    name_of(f, key, name);
    api_error_set(f->err, API_UNSUPPORTED, name, "%s %s", name, what);
    return ERR_UNSUPPORTED;
}

const json_t *field_any(const struct fields *f, const char *key) {
    const json_t *v = json_object_get(f->obj, key);
    return json_is_null(v) ? NULL : v;
}

int field_int(const struct fields *f, const char *key, int64_t lo, int64_t hi, int64_t *out) {
    if (json_get_int(f->obj, key, lo, hi, out) != JSON_WRONG) return 0;
    char what[96];
    snprintf(what, sizeof what, "must be a whole number from %lld to %lld", (long long)lo, (long long)hi);
    return field_bad(f, key, what);
}

int field_real(const struct fields *f, const char *key, double lo, double hi, float *out) {
    double v;
    enum json_got got = json_get_real(f->obj, key, lo, hi, &v);
    if (got == JSON_OK) *out = (float)v;
    if (got != JSON_WRONG) return 0;
    char what[96];
    snprintf(what, sizeof what, "must be a number from %g to %g", lo, hi);
    return field_bad(f, key, what);
}

int field_bool(const struct fields *f, const char *key, int *out) {
    return json_get_bool(f->obj, key, out) == JSON_WRONG ? field_bad(f, key, "must be true or false") : 0;
}

int field_str(const struct fields *f, const char *key, const char **s, size_t *n) {
    *s = NULL;
    *n = 0;
    return json_get_str(f->obj, key, s, n) == JSON_WRONG ? field_bad(f, key, "must be a string") : 0;
}

int field_refuse_filled(const struct fields *f, const char *key, const char *what) {
    const json_t *v = field_any(f, key);
    int empty = !v || (json_is_array(v) && json_array_size(v) == 0) || (json_is_object(v) && json_object_size(v) == 0) ||
                (json_is_string(v) && json_string_length(v) == 0);
    return empty ? 0 : field_unsupported(f, key, what);
}

int field_copy(const struct fields *f, const char *s, size_t n, struct gen_text *out) {
    char *copy = arena_strndup(&f->out->arena, s, n);
    if (!copy) {
        api_error_set(f->err, API_INTERNAL, NULL, "out of memory");
        return ERR_NOMEM;
    }
    *out = (struct gen_text){copy, n};
    return 0;
}

static int one_stop(const struct fields *f, const json_t *v) {
    struct gen_request *g = &f->out->gen;
    size_t n = json_string_length(v);
    if (!json_is_string(v)) return field_bad(f, "stop", "must be a string or an array of strings");
    if (n == 0) return 0;
    if (n > GEN_STOP_BYTES_MAX) return field_bad(f, "stop", "holds a string of more than 256 bytes");
    if (g->stop_count == GEN_STOPS_MAX) return field_bad(f, "stop", "holds more than 16 strings");
    return field_copy(f, json_string_value(v), n, &g->stop[g->stop_count++]);
}

int field_stop(const struct fields *f) {
    const json_t *v = field_any(f, "stop"), *item;
    size_t i;
    if (!v) return 0;
    if (!json_is_array(v)) return one_stop(f, v);
    json_array_foreach((json_t *)(uintptr_t)v, i, item) {
        int r = one_stop(f, item);
        if (r != 0) return r;
    }
    return 0;
}
