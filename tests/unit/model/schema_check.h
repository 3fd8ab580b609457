/* tests/unit/model/schema_check.h - a validator of JSON against a JSON Schema, as the standard reads and nothing of ours: for
 * the words that model/schema.h takes. Patterns and formats are judged by PCRE2. */
#ifndef TESTS_SCHEMA_CHECK_H
#define TESTS_SCHEMA_CHECK_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <jansson.h>
#include <math.h>
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

static inline int fits_pattern(const char *pattern, const char *text) {
    int code;
    size_t at;
    pcre2_code *re = pcre2_compile((const uint8_t *)pattern, PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_DOLLAR_ENDONLY, &code, &at,
                                   NULL);
    if (!re) abort();
    pcre2_match_data *data = pcre2_match_data_create_from_pattern(re, NULL);
    int r = pcre2_match(re, (const uint8_t *)text, strlen(text), 0, 0, data, NULL);
    pcre2_match_data_free(data);
    pcre2_code_free(re);
    return r >= 0;
}

static inline int fits_format(const char *name, const char *text) {
    static const char date[] = "^\\d{4}-(0[1-9]|1[0-2])-\\d\\d",
                      time[] = "([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(\\.\\d+)?(Z|[+-]([01]\\d|2[0-3]):[0-5]\\d)$";
    char both[256];
    if (strcmp(name, "uuid") == 0) return fits_pattern("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", text);
    snprintf(both, sizeof both, "%s%s%s", strcmp(name, "time") ? date : "^", strcmp(name, "date-time") ? "" : "T",
             strcmp(name, "date") ? time : "$");
    if (!fits_pattern(both, text)) return 0;
    if (strcmp(name, "time") == 0) return 1;
    int year = atoi(text), month = atoi(text + 5), day = atoi(text + 8);
    int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    int days = month == 2 ? 28 + leap : month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
    return day >= 1 && day <= days;
}

static inline int fits_type(const char *name, const json_t *v) {
    static const struct {
        const char *name;
        json_type type;
    } rows[] = {{"null", JSON_NULL}, {"string", JSON_STRING}, {"array", JSON_ARRAY}, {"object", JSON_OBJECT}};
    if (strcmp(name, "boolean") == 0) return json_is_boolean(v);
    if (strcmp(name, "number") == 0) return json_is_number(v);
    if (strcmp(name, "integer") == 0)
        return json_is_integer(v) || (json_is_real(v) && floor(json_real_value(v)) == json_real_value(v));
    for (size_t i = 0; i < 4; i++)
        if (strcmp(name, rows[i].name) == 0) return json_typeof(v) == rows[i].type;
    return 0;
}

static inline int fits(const json_t *root, const json_t *s, const json_t *v);

static inline int fits_string(const json_t *s, const char *text) {
    const json_t *w;
    size_t n = 0, at = 0, len = strlen(text);
    for (uint32_t cp; at < len; n++) at += (size_t)utf8_get((const uint8_t *)text + at, len - at, &cp);
    if ((w = json_object_get(s, "minLength")) && (json_int_t)n < json_integer_value(w)) return 0;
    if ((w = json_object_get(s, "maxLength")) && (json_int_t)n > json_integer_value(w)) return 0;
    if ((w = json_object_get(s, "pattern")) && !fits_pattern(json_string_value(w), text)) return 0;
    return !(w = json_object_get(s, "format")) || fits_format(json_string_value(w), text);
}

static inline int fits_number(const json_t *s, double x) {
    const json_t *w;
    if ((w = json_object_get(s, "minimum")) && x < json_number_value(w)) return 0;
    if ((w = json_object_get(s, "maximum")) && x > json_number_value(w)) return 0;
    if ((w = json_object_get(s, "exclusiveMinimum")) && x <= json_number_value(w)) return 0;
    return !(w = json_object_get(s, "exclusiveMaximum")) || x < json_number_value(w);
}

static inline int fits_array(const json_t *root, const json_t *s, const json_t *v) {
    const json_t *w, *prefix = json_object_get(s, "prefixItems"), *items = json_object_get(s, "items");
    size_t n = json_array_size(v);
    if ((w = json_object_get(s, "minItems")) && (json_int_t)n < json_integer_value(w)) return 0;
    if ((w = json_object_get(s, "maxItems")) && (json_int_t)n > json_integer_value(w)) return 0;
    for (size_t i = 0; i < n; i++) {
        const json_t *one = i < json_array_size(prefix) ? json_array_get(prefix, i) : items;
        if (one && !fits(root, one, json_array_get(v, i))) return 0;
    }
    return 1;
}

static inline int fits_object(const json_t *root, const json_t *s, const json_t *v) {
    const json_t *listed = json_object_get(s, "properties"), *more = json_object_get(s, "additionalProperties"), *name;
    const char *key;
    json_t *member;
    size_t i;
    json_array_foreach(json_object_get(s, "required"), i, name) if (!json_object_get(v, json_string_value(name))) return 0;
    json_object_foreach((json_t *)(uintptr_t)v, key, member) {
        const json_t *one = json_object_get(listed, key) ? json_object_get(listed, key) : more;
        if (one && !fits(root, one, member)) return 0;
    }
    return 1;
}

static inline int fits_choice(const json_t *root, const json_t *s, const json_t *v) {
    const json_t *list, *one;
    size_t i, count = 0;
    json_array_foreach((json_t *)(uintptr_t)(list = json_object_get(s, "allOf")), i, one) if (!fits(root, one, v)) return 0;
    json_array_foreach((json_t *)(uintptr_t)(list = json_object_get(s, "anyOf")), i, one) count += (size_t)fits(root, one, v);
    if (list && count == 0) return 0;
    count = 0;
    json_array_foreach((json_t *)(uintptr_t)(list = json_object_get(s, "oneOf")), i, one) count += (size_t)fits(root, one, v);
    if (list && count != 1) return 0;
    count = 0;
    json_array_foreach((json_t *)(uintptr_t)(list = json_object_get(s, "enum")), i, one)
        count += (size_t)json_equal((json_t *)(uintptr_t)one, (json_t *)(uintptr_t)v);
    if (list && count == 0) return 0;
    return !(one = json_object_get(s, "const")) || json_equal((json_t *)(uintptr_t)one, (json_t *)(uintptr_t)v);
}

static inline int fits(const json_t *root, const json_t *s, const json_t *v) {
    if (json_is_boolean(s)) return json_is_true(s);
    const char *ref = json_string_value(json_object_get(s, "$ref"));
    const json_t *type = json_object_get(s, "type"), *one;
    if (ref) {
        const json_t *at = root;
        char path[256];
        snprintf(path, sizeof path, "%s", ref);
        for (char *part = strtok(path, "#/"); part && at; part = strtok(NULL, "#/")) at = json_object_get(at, part);
        if (!at) abort();
        if (!fits(root, at, v)) return 0;
    }
    if (json_is_null(v) && json_is_true(json_object_get(s, "nullable"))) return 1;
    if (json_is_string(type) && !fits_type(json_string_value(type), v)) return 0;
    if (json_is_array(type)) {
        size_t i, count = 0;
        json_array_foreach((json_t *)(uintptr_t)type, i, one) count += (size_t)fits_type(json_string_value(one), v);
        if (count == 0) return 0;
    }
    if (json_is_string(v) && !fits_string(s, json_string_value(v))) return 0;
    if (json_is_number(v) && !fits_number(s, json_number_value(v))) return 0;
    if (json_is_array(v) && !fits_array(root, s, v)) return 0;
    if (json_is_object(v) && !fits_object(root, s, v)) return 0;
    return fits_choice(root, s, v);
}

#endif
