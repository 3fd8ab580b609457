/* api/request_messages.c - the conversation: roles, and contents that are text or parts of text.
 *
 * A part or member that only another kind of model could honour (pictures, sound, files, calls) is refused, because an answer
 * to what is left would look right and be wrong. */
#include "api/request_fields.h"
#include "base/err.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    enum gen_role role;
} roles[] = {
    {"system", ROLE_SYSTEM}, {"developer", ROLE_SYSTEM}, {"user", ROLE_USER}, {"assistant", ROLE_ASSISTANT}, {"tool", ROLE_TOOL},
};

static int role_of(const struct fields *f, enum gen_role *out) {
    const char *s;
    size_t n;
    int r = field_str(f, "role", &s, &n);
    if (r != 0) return r;
    if (!s) return field_bad(f, "role", "is missing");
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++)
        if (strlen(roles[i].name) == n && memcmp(roles[i].name, s, n) == 0) {
            *out = roles[i].role;
            return 0;
        }
    if (n == 8 && memcmp(s, "function", 8) == 0) return field_unsupported(f, "role", "\"function\" is not supported");
    return field_bad(f, "role", "must be system, developer, user, assistant or tool");
}

/* The text of one part, which points into the JSON. */
static int part_text(const struct fields *f, const json_t *part, const char **s, size_t *n) {
    struct fields p = {part, f->prefix, f->out, f->err};
    const char *type = json_string_value(json_object_get(part, "type"));
    if (!type) return field_bad(f, "content", "has a part without a type");
    const char *key = strcmp(type, "text") == 0 ? "text" : strcmp(type, "refusal") == 0 ? "refusal" : NULL;
    if (!key) {
        int known = strcmp(type, "image_url") == 0 || strcmp(type, "input_audio") == 0 || strcmp(type, "file") == 0;
        return known ? field_unsupported(f, "content", "has a part that is not text, which this model cannot read")
                     : field_bad(f, "content", "has a part of unknown type");
    }
    if (json_get_str(p.obj, key, s, n) != JSON_OK) return field_bad(f, "content", "has a text part without text");
    return 0;
}

/* Parts are joined by a newline, as other servers do for templates that know only plain text. */
static int join_parts(const struct fields *f, const json_t *parts, struct gen_text *out) {
    size_t total = 0, n, i;
    const char *s;
    const json_t *part;
    json_array_foreach((json_t *)(uintptr_t)parts, i, part) {
        int r = part_text(f, part, &s, &n);
        if (r != 0) return r;
        total += n + (i > 0);
    }
    char *to = arena_take(&f->out->arena, total + 1, 1);
    if (!to) {
        api_error_set(f->err, API_INTERNAL, NULL, "out of memory");
        return ERR_NOMEM;
    }
    *out = (struct gen_text){to, total};
    json_array_foreach((json_t *)(uintptr_t)parts, i, part) {
        if (i > 0) *to++ = '\n';
        if (part_text(f, part, &s, &n) != 0) return ERR_INTERNAL;
        memcpy(to, s, n);
        to += n;
    }
    return 0;
}

static int content_of(const struct fields *f, int openai, enum gen_role role, struct gen_text *out) {
    const json_t *v = field_any(f, "content");
    if (json_is_string(v)) return field_copy(f, json_string_value(v), json_string_length(v), out);
    if (openai && json_is_array(v)) return join_parts(f, v, out);
    if (v) return field_bad(f, "content", openai ? "must be a string or an array of parts" : "must be a string");
    if (openai && role != ROLE_ASSISTANT) return field_bad(f, "content", "is missing");
    return field_copy(f, "", 0, out);
}

static int one_message(const struct fields *f, const json_t *m, size_t index, int openai, struct gen_message *out) {
    char prefix[48];
    snprintf(prefix, sizeof prefix, "messages[%zu].", index);
    struct fields in = {m, prefix, f->out, f->err};
    if (!json_is_object(m)) {
        prefix[strlen(prefix) - 1] = 0;
        return field_bad(&in, "", "must be an object");
    }
    int r = role_of(&in, &out->role);
    if (r == 0) r = field_refuse_filled(&in, "tool_calls", "is not supported: no model here calls tools");
    if (r == 0) r = field_refuse_filled(&in, "function_call", "is not supported: no model here calls functions");
    if (r == 0) r = field_refuse_filled(&in, "images", "is not supported: no model here reads images");
    if (r == 0) r = field_refuse_filled(&in, "audio", "is not supported: no model here handles audio");
    if (r == 0) r = content_of(&in, openai, out->role, &out->content);
    return r;
}

int messages_parse(const struct fields *f, int openai) {
    const json_t *list = field_any(f, "messages"), *m;
    size_t i, count = json_array_size(list);
    if (!list) return 0;
    if (!json_is_array(list)) return field_bad(f, "messages", "must be an array");
    if (count > GEN_MESSAGES_MAX) return field_bad(f, "messages", "holds more than 4096 messages");
    if (count == 0) return 0;
    struct gen_message *out = arena_take(&f->out->arena, count, sizeof *out);
    if (!out) {
        api_error_set(f->err, API_INTERNAL, NULL, "out of memory");
        return ERR_NOMEM;
    }
    json_array_foreach((json_t *)(uintptr_t)list, i, m) {
        int r = one_message(f, m, i, openai, &out[i]);
        if (r != 0) return r;
    }
    f->out->gen.messages = out;
    f->out->gen.message_count = count;
    return 0;
}
