/* model/schema.c - see schema.h: the list of rules, and one schema to one rule. */
#include "model/schema_parts.h"

#include <stdlib.h>
#include <string.h>

/* Rules that every grammar made here may use. \u0000 is left out: C programs that read the answer would cut it there. */
static const char common[] = "ws ::= \" \"? | \"\\n\" [ \\t]{0,16}\n"
                             "hex ::= [0-9a-fA-F]\n"
                             "unit ::= [1-9a-cA-CefEF] hex{3} | [dD] [0-7] hex{2} | \"0\" ([1-9a-fA-F] hex{2} | \"0\" "
                             "([1-9a-fA-F] hex | \"0\" [1-9a-fA-F]))\n"
                             "pair ::= [dD] [89abAB] hex{2} \"\\\\u\" [dD] [c-fC-F] hex{2}\n"
                             "plain ::= [^\"\\\\\\x00-\\x1f]\n"
                             "char ::= plain | \"\\\\\" ([\"\\\\/bfnrt] | \"u\" (unit | pair))\n"
                             "string ::= \"\\\"\" char* \"\\\"\"\n"
                             "integer ::= \"-\"? (\"0\" | [1-9] [0-9]{0,17})\n"
                             "number ::= \"-\"? (\"0\" | [1-9] [0-9]{0,14}) (\".\" [0-9]{1,16})? ([eE] [-+]? [0-9]{1,2})?\n"
                             "boolean ::= \"true\" | \"false\"\n"
                             "member ::= string \":\" ws value\n"
                             "object ::= \"{\" ws (member (\",\" ws member)* ws)? \"}\"\n"
                             "array ::= \"[\" ws (value (\",\" ws value)* ws)? \"]\"\n"
                             "value ::= object | array | string | number | boolean | \"null\"\n";

/* ---- errors and limits ---- */

/* Printable ASCII of text, cut. */
static void put_path(char *path, const char *text) {
    size_t n = strlen(path);
    if (n + 8 > SCHEMA_PATH_MAX) return;
    path[n++] = '/';
    for (; *text && n + 1 < SCHEMA_PATH_MAX; text++) path[n++] = *text >= 0x20 && *text < 0x7f ? *text : '?';
    path[n] = 0;
}

int schema_bad(struct schema *s, int err, const char *key, const char *what) {
    char path[SCHEMA_PATH_MAX];
    memcpy(path, s->path, sizeof path);
    if (key) put_path(path, key);
    return why_set(s->why, err, "%s: %s", path, what);
}

int schema_step(struct schema *s) {
    return s->steps++ < SCHEMA_STEPS_MAX ? 0 : schema_bad(s, ERR_LIMIT, NULL, "the schema takes too much work");
}

int schema_work(struct schema *s, size_t units) {
    if (units > SCHEMA_WORK_MAX - s->work) return schema_bad(s, ERR_LIMIT, NULL, "the schema takes too much work");
    s->work += units;
    return 0;
}

int schema_made(struct schema *s, json_t *j) {
    if (!j || json_array_append_new(s->made, j) != 0) return ERR_NOMEM;
    return schema_work(s, SCHEMA_COPY_WORK * (1 + json_object_size(j)));
}

/* ---- rules ---- */

/* The slot of j's rule, or the empty one where it would be. */
static uint32_t *slot_of(const struct schema *s, const json_t *j) {
    size_t mask = 2 * s->rules_cap - 1, at = (size_t)(((uintptr_t)j >> 4) * 0x9e3779b97f4a7c15u >> 32) & mask;
    while (s->slot[at] && s->rule[s->slot[at] - 1].j != j) at = (at + 1) & mask;
    return &s->slot[at];
}

/* Makes room for one more rule. Slots are never more than half full. */
static int grow_rules(struct schema *s) {
    if (s->rules < s->rules_cap) return 0;
    size_t cap = s->rules_cap ? 2 * s->rules_cap : 64;
    struct schema_rule *rule = realloc(s->rule, cap * sizeof *rule);
    if (!rule) return ERR_NOMEM;
    s->rule = rule;
    uint32_t *slot = mem_zalloc(2 * cap, sizeof *slot);
    if (!slot) return ERR_NOMEM;
    free(s->slot);
    s->slot = slot;
    s->rules_cap = cap;
    for (size_t i = 0; i < s->rules; i++) *slot_of(s, s->rule[i].j) = (uint32_t)i + 1;
    return 0;
}

int schema_use(struct schema *s, struct buf *b, const json_t *j, const char *key, const char *name) {
    if (json_is_true(j) || (json_is_object(j) && json_object_size(j) == 0)) return buf_addf(b, "value");
    if (json_is_false(j)) return schema_bad(s, ERR_UNSUPPORTED, key, "false, which no value fits, is not supported here");
    if (!json_is_object(j)) return schema_bad(s, ERR_FORMAT, key, "a schema must be an object, true or false");
    int r = schema_step(s);
    if (r == 0) r = grow_rules(s);
    if (r != 0) return r;
    uint32_t *slot = slot_of(s, j);
    if (*slot == 0) {
        struct schema_rule *rule = &s->rule[s->rules++];
        rule->j = j;
        memcpy(rule->path, s->path, SCHEMA_PATH_MAX);
        if (key) put_path(rule->path, key);
        if (name) put_path(rule->path, name);
        *slot = (uint32_t)s->rules;
    }
    return buf_addf(b, "r%u", *slot - 1);
}

/* ---- words ---- */

static const char *const describing[] = {
    "title",        "description",   "default", "examples",         "example",        "deprecated", "readOnly",
    "writeOnly",    "$schema",       "$id",     "$comment",         "$anchor",        "$defs",      "definitions",
    "externalDocs", "discriminator", "xml",     "contentMediaType", "contentEncoding"};
static const char *const constraining[] = {"type",
                                           "nullable",
                                           "enum",
                                           "const",
                                           "properties",
                                           "required",
                                           "additionalProperties",
                                           "items",
                                           "prefixItems",
                                           "minItems",
                                           "maxItems",
                                           "format",
                                           "minLength",
                                           "maxLength",
                                           "pattern",
                                           "minimum",
                                           "maximum",
                                           "anyOf",
                                           "oneOf",
                                           "allOf",
                                           "$ref",
                                           "exclusiveMinimum",
                                           "exclusiveMaximum"};

int schema_describes(const char *word) {
    if (strncmp(word, "x-", 2) == 0) return 1;
    for (size_t i = 0; i < sizeof describing / sizeof describing[0]; i++)
        if (strcmp(word, describing[i]) == 0) return 1;
    return 0;
}

static int check_words(struct schema *s, const json_t *j) {
    const char *word;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)j, word, v) {
        size_t i = 0, n = sizeof constraining / sizeof constraining[0];
        while (i < n && strcmp(word, constraining[i]) != 0) i++;
        if (i == n && !schema_describes(word)) return schema_bad(s, ERR_UNSUPPORTED, word, "this word is not supported");
    }
    return 0;
}

static const struct {
    const char *name;
    unsigned bit;
} type_names[] = {{"null", T_NULL},  {"boolean", T_BOOL}, {"integer", T_INT}, {"number", T_NUM},
                  {"string", T_STR}, {"array", T_ARR},    {"object", T_OBJ}};

static unsigned type_bit(const json_t *name) {
    const char *text = json_string_value(name);
    for (size_t i = 0; text && i < sizeof type_names / sizeof type_names[0]; i++)
        if (strcmp(text, type_names[i].name) == 0) return type_names[i].bit;
    return 0;
}

int schema_types(struct schema *s, const json_t *j, unsigned *mask) {
    static const struct {
        const char *word;
        unsigned bit;
    } hints[] = {{"properties", T_OBJ}, {"required", T_OBJ},         {"additionalProperties", T_OBJ},
                 {"items", T_ARR},      {"prefixItems", T_ARR},      {"minItems", T_ARR},
                 {"maxItems", T_ARR},   {"minLength", T_STR},        {"maxLength", T_STR},
                 {"pattern", T_STR},    {"format", T_STR},           {"minimum", T_NUM},
                 {"maximum", T_NUM},    {"exclusiveMinimum", T_NUM}, {"exclusiveMaximum", T_NUM}};
    const json_t *type = json_object_get(j, "type"), *v;
    size_t i;
    *mask = type_bit(type);
    if (type && !json_is_array(type) && !*mask) return schema_bad(s, ERR_FORMAT, "type", "is no type, nor a list of types");
    if (json_is_array(type)) {
        json_array_foreach((json_t *)(uintptr_t)type, i, v) {
            if (!type_bit(v)) return schema_bad(s, ERR_FORMAT, "type", "is no type, nor a list of types");
            *mask |= type_bit(v);
        }
        if (!*mask) return schema_bad(s, ERR_FORMAT, "type", "allows no value");
    }
    for (i = 0; !type && i < sizeof hints / sizeof hints[0]; i++)
        if (json_object_get(j, hints[i].word)) *mask |= hints[i].bit;
    if (!*mask) *mask = T_ALL;
    if (json_is_true(json_object_get(j, "nullable"))) *mask |= T_NULL;
    if (*mask & T_NUM) *mask |= T_INT;
    return 0;
}

/* ---- enum and const ---- */

json_t *schema_values(const json_t *j) {
    json_t *one = json_object_get(j, "const"), *list = json_object_get(j, "enum");
    if (one) return json_pack("[O]", one);
    return list ? json_incref(list) : NULL;
}

static unsigned type_of_value(const json_t *v) {
    switch (json_typeof(v)) {
    case JSON_NULL: return T_NULL;
    case JSON_INTEGER: return T_INT;
    case JSON_REAL: return T_NUM;
    case JSON_STRING: return T_STR;
    case JSON_ARRAY: return T_ARR;
    case JSON_OBJECT: return T_OBJ;
    default: return T_BOOL;
    }
}

static int only_beside_values(struct schema *s, const json_t *j) {
    const char *word;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)j, word,
                        v) if (!schema_describes(word) && strcmp(word, "enum") != 0 && strcmp(word, "const") != 0 &&
                               strcmp(word, "type") != 0 &&
                               strcmp(word, "nullable") != 0) return schema_bad(s, ERR_UNSUPPORTED, word,
                                                                                "is not supported beside enum or const");
    if (json_object_get(j, "enum") && json_object_get(j, "const"))
        return schema_bad(s, ERR_UNSUPPORTED, "enum", "is not supported beside const");
    return 0;
}

static int values(struct schema *s, struct buf *b, const json_t *j, const json_t *list) {
    unsigned mask = T_ALL;
    size_t i, kept = 0;
    const json_t *v;
    int r = only_beside_values(s, j), null_seen = 0;
    if (r == 0 && !json_is_array(list)) r = schema_bad(s, ERR_FORMAT, "enum", "must be an array");
    if (r == 0 && json_object_get(j, "type")) r = schema_types(s, j, &mask);
    json_array_foreach((json_t *)(uintptr_t)list, i, v) {
        if (r != 0 || !(type_of_value(v) & mask)) continue;
        r = schema_step(s);
        null_seen |= json_is_null(v);
        if (r == 0) r = buf_addf(b, kept++ ? " | " : "");
        if (r == 0) r = put_json(b, v);
    }
    if (r == 0 && !null_seen && json_is_true(json_object_get(j, "nullable")))
        r = buf_addf(b, kept++ ? " | \"null\"" : "\"null\"");
    if (r == 0 && kept == 0) r = schema_bad(s, ERR_FORMAT, NULL, "no value of enum or const has the right type");
    return r;
}

/* ---- one schema ---- */

static int by_type(struct schema *s, struct buf *b, const json_t *j) {
    unsigned mask, done = 0;
    int r = schema_types(s, j, &mask);
    if (r == 0 && mask & T_NUM) mask &= ~(unsigned)T_INT;
    for (size_t i = 0; r == 0 && i < sizeof type_names / sizeof type_names[0]; i++) {
        unsigned bit = type_names[i].bit;
        if (!(mask & bit)) continue;
        if (done++) r = buf_addf(b, " | ");
        if (r != 0) return r;
        if (bit == T_NULL)
            r = buf_addf(b, "\"null\"");
        else if (bit == T_BOOL)
            r = buf_addf(b, "boolean");
        else if (bit == T_STR)
            r = schema_string(s, b, j);
        else if (bit == T_ARR)
            r = schema_array(s, b, j);
        else if (bit == T_OBJ)
            r = schema_object(s, b, j);
        else
            r = schema_number(s, b, j, bit == T_INT);
    }
    return r;
}

/* anyOf or oneOf: each branch together with what stands beside the list. */
static int branches(struct schema *s, struct buf *b, const json_t *j, const char *word) {
    const json_t *list = json_object_get(j, word), *v, *both;
    json_t *beside = json_copy((json_t *)(uintptr_t)j);
    size_t i, kept = 0;
    int r = schema_made(s, beside), alone = 1;
    const char *other;
    json_t *w;
    if (r != 0) return r;
    json_object_del(beside, word);
    json_object_foreach(beside, other, w) alone &= schema_describes(other);
    if (r == 0 && (!json_is_array(list) || json_array_size(list) == 0))
        r = schema_bad(s, ERR_FORMAT, word, "must be a list of schemas");
    if (r == 0 && strcmp(word, "oneOf") == 0) r = schema_check_apart(s, list);
    json_array_foreach((json_t *)(uintptr_t)list, i, v) {
        char number[24];
        snprintf(number, sizeof number, "%zu", i);
        both = v;
        if (r != 0 || json_is_false(v)) continue;
        if (!alone && json_is_true(v))
            both = beside;
        else if (!alone)
            r = schema_merge(s, beside, v, &both);
        if (r == 0) r = buf_addf(b, kept++ ? " | " : "");
        if (r == 0) r = schema_use(s, b, both, word, number);
    }
    if (r == 0 && kept == 0) r = schema_bad(s, ERR_FORMAT, word, "no value fits");
    return r;
}

static int has_only(const json_t *j, const char *word) {
    const char *other;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)j, other, v) if (strcmp(other, word) != 0 && !schema_describes(other)) return 0;
    return json_object_get(j, word) != NULL;
}

static int one_schema(struct schema *s, struct buf *b, const json_t *j) {
    const json_t *flat;
    int r = check_words(s, j);
    if (r == 0) r = schema_step(s);
    if (r != 0) return r;
    if (json_object_get(j, "$ref") || json_object_get(j, "allOf")) {
        /* A lone reference is followed by one step: a circle of them becomes rules without end. */
        r = has_only(j, "$ref") ? schema_target(s, j, &flat) : schema_flat(s, j, &flat);
        return r == 0 ? schema_use(s, b, flat, NULL, NULL) : r;
    }
    json_t *list = schema_values(j);
    if (json_object_get(j, "anyOf") && json_object_get(j, "oneOf"))
        r = schema_bad(s, ERR_UNSUPPORTED, "oneOf", "is not supported beside anyOf");
    else if (json_object_get(j, "anyOf"))
        r = branches(s, b, j, "anyOf");
    else if (json_object_get(j, "oneOf"))
        r = branches(s, b, j, "oneOf");
    else if (list)
        r = values(s, b, j, list);
    else
        r = by_type(s, b, j);
    json_decref(list);
    return r;
}

static int all_rules(struct schema *s) {
    int r = buf_addf(s->out, "root ::= ");
    if (r == 0) r = schema_use(s, s->out, s->root, NULL, NULL);
    if (r == 0) r = buf_addf(s->out, "\n%s", common);
    for (size_t i = 0; r == 0 && i < s->rules; i++) {
        struct buf b;
        buf_init(&b, GRAMMAR_BYTES_MAX);
        memcpy(s->path, s->rule[i].path, sizeof s->path);
        r = one_schema(s, &b, s->rule[i].j);
        if (r == 0) r = buf_addf(s->out, "r%zu ::= %.*s\n", i, (int)b.len, (const char *)b.data);
        buf_release(&b);
    }
    if (r == ERR_NOMEM && s->out->len > GRAMMAR_BYTES_MAX / 2)
        return schema_bad(s, ERR_LIMIT, NULL, "the schema's grammar is too long");
    return r;
}

int schema_to_gbnf(struct buf *out, struct gen_text schema, struct why *why) {
    struct schema s = {.out = out, .why = why, .bytes = schema.n, .path = "#"};
    size_t at;
    buf_init(out, GRAMMAR_BYTES_MAX);
    if (schema.n > SCHEMA_BYTES_MAX) return why_set(why, ERR_LIMIT, "#: the schema is longer than %d bytes", SCHEMA_BYTES_MAX);
    int r = json_parse(&s.root, schema.p, schema.n, &at);
    if (r != 0) return why_set(why, r, "#: the schema is not valid JSON (noticed at byte %zu)", at);
    s.made = json_array();
    r = s.made ? all_rules(&s) : ERR_NOMEM;
    if (r == ERR_NOMEM) why_set(why, r, "no memory for a schema");
    json_decref(s.root);
    json_decref(s.made);
    free(s.rule);
    free(s.slot);
    return r;
}
