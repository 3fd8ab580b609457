/* model/schema_text.c - literals of the grammar, and schemas of strings. */
#include "base/utf8.h"
#include "model/schema_parts.h"

#include <stdlib.h>
#include <string.h>

int put_literal(struct buf *b, const void *text, size_t n) {
    const char *p = text;
    int r = buf_add(b, "\"", 1);
    for (size_t i = 0; i < n && r == 0; i++) {
        if (p[i] == '"' || p[i] == '\\')
            r = buf_addf(b, "\\%c", p[i]);
        else if ((uint8_t)p[i] < 0x20)
            r = buf_addf(b, "\\x%02x", (unsigned)(uint8_t)p[i]);
        else
            r = buf_add(b, &p[i], 1);
    }
    return r == 0 ? buf_add(b, "\"", 1) : r;
}

int put_code_point(struct buf *b, uint32_t cp) { return buf_addf(b, "\\U%08x", (unsigned)cp); }

int put_json(struct buf *b, const json_t *value) {
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    int r = text ? put_literal(b, text, strlen(text)) : ERR_NOMEM;
    if (text) mem_wipe(text, strlen(text));
    free(text);
    return r;
}

/* Texts of RFC 3339 and RFC 9562, always valid: the 29th of February and leap seconds are left out. */
#define YEAR_MONTH_DAY                                                                 \
    "[0-9]{4} \"-\" (\"02-\" (\"0\" [1-9] | \"1\" [0-9] | \"2\" [0-8]) | "             \
    "(\"04\" | \"06\" | \"09\" | \"11\") \"-\" (\"0\" [1-9] | [12] [0-9] | \"30\") | " \
    "(\"01\" | \"03\" | \"05\" | \"07\" | \"08\" | \"10\" | \"12\") \"-\" (\"0\" [1-9] | [12] [0-9] | \"3\" [01]))"
#define HOURS_MINUTES "([01] [0-9] | \"2\" [0-3]) \":\" [0-5] [0-9]"
#define TIME          HOURS_MINUTES " \":\" [0-5] [0-9] (\".\" [0-9]{1,9})? (\"Z\" | [+-] " HOURS_MINUTES ")"
static const struct {
    const char *name, *gbnf;
} formats[] = {{"date", YEAR_MONTH_DAY},
               {"time", TIME},
               {"date-time", YEAR_MONTH_DAY " \"T\" " TIME},
               {"uuid", "[0-9a-f]{8} \"-\" ([0-9a-f]{4} \"-\"){3} [0-9a-f]{12}"}};

static int format(struct schema *s, struct buf *b, const json_t *j) {
    const char *name = json_string_value(json_object_get(j, "format"));
    for (size_t i = 0; name && i < sizeof formats / sizeof formats[0]; i++)
        if (strcmp(name, formats[i].name) == 0) return buf_addf(b, "\"\\\"\" %s \"\\\"\"", formats[i].gbnf);
    return schema_bad(s, ERR_UNSUPPORTED, "format", "other than date, time, date-time and uuid is not supported");
}

int schema_string(struct schema *s, struct buf *b, const json_t *j) {
    const json_t *pattern = json_object_get(j, "pattern");
    int64_t least = 0, most = -1;
    enum json_got min = json_get_int(j, "minLength", 0, INT64_MAX, &least),
                  max = json_get_int(j, "maxLength", 0, INT64_MAX, &most);
    int bounded = min == JSON_OK || max == JSON_OK;
    if (min == JSON_WRONG) return schema_bad(s, ERR_FORMAT, "minLength", "must be a whole number from 0");
    if (max == JSON_WRONG) return schema_bad(s, ERR_FORMAT, "maxLength", "must be a whole number from 0");
    if (pattern && bounded) return schema_bad(s, ERR_UNSUPPORTED, "pattern", "is not supported beside minLength or maxLength");
    if (json_object_get(j, "format")) {
        if (pattern || bounded) return schema_bad(s, ERR_UNSUPPORTED, "format", "is not supported beside pattern or a length");
        return format(s, b, j);
    }
    if (pattern) {
        if (!json_is_string(pattern)) return schema_bad(s, ERR_FORMAT, "pattern", "must be a string");
        return schema_pattern(s, b, json_string_value(pattern), json_string_length(pattern));
    }
    if (!bounded) return buf_addf(b, "string");
    if (least > GRAMMAR_REPEAT_MAX) return schema_bad(s, ERR_LIMIT, "minLength", "is over 16384");
    if (most >= 0 && most < least) return schema_bad(s, ERR_FORMAT, "maxLength", "is below minLength");
    if (most > GRAMMAR_REPEAT_MAX) most = GRAMMAR_REPEAT_MAX;
    return most < 0 ? buf_addf(b, "\"\\\"\" char{%d,} \"\\\"\"", (int)least)
                    : buf_addf(b, "\"\\\"\" char{%d,%d} \"\\\"\"", (int)least, (int)most);
}
