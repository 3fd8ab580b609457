/* api/request_format.c - what form an app wants its answer in: response_format and grammar (OpenAI dialect; grammar as
 * llama-server has it), format (Ollama).
 *
 * A schema or grammar is compiled here once only to refuse it early and by name; the engine compiles it again. A schema keeps
 * the order of its members: it is the order of the answer's. */
#include "api/request_fields.h"
#include "base/err.h"
#include "model/grammar_format.h"
#include "model/schema.h"

#include <string.h>

static int compile(const struct fields *f, const char *key, const struct gen_format *format) {
    struct grammar *g = NULL;
    struct why why = {{0}};
    char what[256];
    int r = gram_of_format(&g, format, &why);
    grammar_free(g);
    if (r == 0) {
        f->out->gen.format = *format;
        return 0;
    }
    if (r == ERR_NOMEM) return r;
    snprintf(what, sizeof what, "cannot be done: %s", why_text(&why, r));
    return r == ERR_UNSUPPORTED ? field_unsupported(f, key, what) : field_bad(f, key, what);
}

static int schema(const struct fields *f, const char *key, const json_t *j) {
    struct gen_format format = {.kind = FORMAT_SCHEMA};
    struct buf text;
    if (!json_is_object(j)) return field_bad(f, key, "must hold a schema, which is an object");
    if (json_print(&text, j, SCHEMA_BYTES_MAX) != 0) return field_bad(f, key, "holds a schema of over 256 KiB");
    int r = field_copy(f, (const char *)text.data, text.len, &format.text);
    buf_release(&text);
    return r == 0 ? compile(f, key, &format) : r;
}

int field_response_format(const struct fields *f) {
    const json_t *v = field_any(f, "response_format");
    if (!v) return 0;
    const char *type = json_string_value(json_object_get(v, "type"));
    if (!type) return field_bad(f, "response_format", "must have a type of text, json_object or json_schema");
    if (strcmp(type, "text") == 0) return 0;
    if (strcmp(type, "json_object") == 0) {
        f->out->gen.format.kind = FORMAT_JSON;
        return 0;
    }
    if (strcmp(type, "json_schema") != 0)
        return field_bad(f, "response_format", "must have a type of text, json_object or json_schema");
    return schema(f, "response_format", json_object_get(json_object_get(v, "json_schema"), "schema"));
}

int field_grammar(const struct fields *f) {
    struct gen_format format = {.kind = FORMAT_GBNF};
    const char *s;
    size_t n;
    int r = field_str(f, "grammar", &s, &n);
    if (r != 0 || n == 0) return r;
    if (f->out->gen.format.kind != FORMAT_TEXT) return field_bad(f, "grammar", "cannot be used with response_format");
    if (n > API_GRAMMAR_MAX) return field_bad(f, "grammar", "is longer than 64 KiB");
    r = field_copy(f, s, n, &format.text);
    return r == 0 ? compile(f, "grammar", &format) : r;
}

int field_ollama_format(const struct fields *f) {
    const json_t *v = field_any(f, "format");
    if (!v || (json_is_string(v) && json_string_length(v) == 0)) return 0;
    if (json_is_object(v)) return schema(f, "format", v);
    const char *word = json_string_value(v);
    if (!word || strcmp(word, "json") != 0) return field_bad(f, "format", "must be \"json\" or a schema");
    f->out->gen.format.kind = FORMAT_JSON;
    return 0;
}
