/* model/schema_merge.c - references, and several schemas that hold at once, as one schema. */
#include "model/schema_parts.h"

#include <stdlib.h>
#include <string.h>

enum { FLAT_DEPTH_MAX = 32 }; /* schemas within each other that are put together at once */

/* "#" or "#/a/b~1c". */
int schema_target(struct schema *s, const json_t *j, const json_t **out) {
    const char *p = json_string_value(json_object_get(j, "$ref"));
    const json_t *at = s->root;
    if (!p || p[0] != '#' || (p[1] && p[1] != '/'))
        return schema_bad(s, ERR_UNSUPPORTED, "$ref", "only references within the schema are supported (\"#/...\")");
    for (p++; *p == '/' && at;) {
        char name[256];
        size_t n = 0;
        for (p++; *p && *p != '/' && n + 1 < sizeof name; p++) {
            if (p[0] == '~' && (p[1] == '0' || p[1] == '1'))
                name[n++] = *++p == '0' ? '~' : '/';
            else
                name[n++] = *p;
        }
        name[n] = 0;
        if (json_is_array(at)) {
            char *end;
            unsigned long i = strtoul(name, &end, 10);
            at = n && !*end ? json_array_get(at, i) : NULL;
        } else {
            at = json_object_get(at, name);
        }
    }
    *out = at;
    return at && !*p ? 0 : schema_bad(s, ERR_FORMAT, "$ref", "leads nowhere");
}

/* ---- two values of one word ---- */

/* The work of putting together two lists, each value compared with each, or two objects. */
static int merge_work(struct schema *s, const json_t *a, const json_t *b) {
    size_t n = json_array_size(a), k = json_array_size(b);
    return schema_work(s, n * k + SCHEMA_COPY_WORK * (n + k + json_object_size(a) + json_object_size(b)));
}

/* {"allOf": [a, b]}: put off until that schema's turn comes. */
static json_t *both_of(json_t *a, json_t *b) { return json_pack("{s:[O,O]}", "allOf", a, b); }

static int merge_types(struct schema *s, const json_t *a, const json_t *b, json_t *out) {
    static const char *const names[] = {"null", "boolean", "integer", "number", "string", "array", "object"};
    unsigned x, y;
    int r = schema_types(s, a, &x); /* number includes integer here */
    if (r == 0) r = schema_types(s, b, &y);
    if (r != 0) return r;
    x &= y;
    if (x & T_NUM) x &= ~(unsigned)T_INT;
    json_t *list = json_array();
    for (size_t i = 0; list && i < 7; i++)
        if (x >> i & 1) json_array_append_new(list, json_string(names[i]));
    if (!list || json_object_set_new(out, "type", list) != 0) return ERR_NOMEM;
    return x ? 0 : schema_bad(s, ERR_FORMAT, "type", "no type is left when schemas are put together");
}

static int merge_properties(json_t *out, const json_t *b) {
    json_t *all = json_copy(json_object_get(out, "properties")), *v;
    const char *name;
    if (!all) return ERR_NOMEM;
    json_object_foreach((json_t *)(uintptr_t)b, name, v) {
        json_t *here = json_object_get(all, name);
        if (json_object_set_new(all, name, here ? both_of(here, v) : json_incref(v)) != 0) {
            json_decref(all);
            return ERR_NOMEM;
        }
    }
    return json_object_set_new(out, "properties", all) == 0 ? 0 : ERR_NOMEM;
}

static int holds(const json_t *list, const json_t *v) {
    size_t i;
    const json_t *x;
    json_array_foreach((json_t *)(uintptr_t)list, i, x) if (json_equal((json_t *)(uintptr_t)x, (json_t *)(uintptr_t)v)) return 1;
    return 0;
}

/* required: what either names. enum: what both allow. */
static int merge_lists(json_t *out, const char *word, const json_t *b) {
    const json_t *a = json_object_get(out, word), *v;
    int either = strcmp(word, "required") == 0;
    json_t *list = either ? json_copy((json_t *)(uintptr_t)a) : json_array();
    size_t i;
    if (!list) return ERR_NOMEM;
    json_array_foreach((json_t *)(uintptr_t)b, i, v) if (holds(a, v) != either) json_array_append(list, (json_t *)(uintptr_t)v);
    return json_object_set_new(out, word, list) == 0 ? 0 : ERR_NOMEM;
}

static int merge_bound(json_t *out, const char *word, json_t *b, int greater) {
    double x = json_number_value(json_object_get(out, word)), y = json_number_value(b);
    if (greater ? y <= x : y >= x) return 0;
    return json_object_set(out, word, b) == 0 ? 0 : ERR_NOMEM;
}

static int merge_word(struct schema *s, json_t *out, const json_t *a, const json_t *b, const char *word, json_t *v) {
    static const char *const lower[] = {"minimum", "exclusiveMinimum", "minLength", "minItems"};
    static const char *const upper[] = {"maximum", "exclusiveMaximum", "maxLength", "maxItems"};
    json_t *here = json_object_get(out, word);
    if (!here) return json_object_set(out, word, v) == 0 ? 0 : ERR_NOMEM;
    int r = schema_work(s, json_is_array(v) || json_is_object(v) ? 1 + s->bytes / 32 : 1); /* comparing may be long */
    if (r != 0 || schema_describes(word) || json_equal(here, v)) return r;
    if ((r = merge_work(s, here, v)) != 0) return r;
    if (strcmp(word, "type") == 0) return merge_types(s, a, b, out);
    if (strcmp(word, "properties") == 0 && json_is_object(here) && json_is_object(v)) return merge_properties(out, v);
    if ((strcmp(word, "required") == 0 || strcmp(word, "enum") == 0) && json_is_array(here) && json_is_array(v))
        return merge_lists(out, word, v);
    if (strcmp(word, "items") == 0) return json_object_set_new(out, word, both_of(here, v)) == 0 ? 0 : ERR_NOMEM;
    for (size_t i = 0; i < 4; i++) {
        if (!json_is_number(here) || !json_is_number(v)) break;
        if (strcmp(word, lower[i]) == 0) return merge_bound(out, word, v, 1);
        if (strcmp(word, upper[i]) == 0) return merge_bound(out, word, v, 0);
    }
    return schema_bad(s, ERR_UNSUPPORTED, word, "cannot be put together from several schemas");
}

/* ---- whole schemas ---- */

/* Members that `closed` does not list cannot be there: they go. */
static void close_members(json_t *out, const json_t *closed) {
    const json_t *listed = json_object_get(closed, "properties");
    json_t *mine = json_object_get(out, "properties"), *v;
    const char *name;
    void *next;
    json_object_foreach_safe(mine, next, name, v) if (!json_object_get(listed, name)) json_object_del(mine, name);
}

static int merge_additional(struct schema *s, json_t *out, const json_t *a, const json_t *b) {
    const json_t *x = json_object_get(a, "additionalProperties"), *y = json_object_get(b, "additionalProperties");
    if (json_is_object(x) || json_is_object(y))
        return schema_bad(s, ERR_UNSUPPORTED, "additionalProperties", "as a schema cannot be put together with another schema");
    if (json_is_false(x) || json_is_false(y)) {
        json_t *own = json_copy(json_object_get(out, "properties")); /* not the list of a or b itself */
        int r = merge_work(s, own, own);
        if (r != 0) {
            json_decref(own);
            return r;
        }
        if (own && json_object_set_new(out, "properties", own) != 0) return ERR_NOMEM;
        if (json_is_false(x)) close_members(out, a);
        if (json_is_false(y)) close_members(out, b);
        return json_object_set_new(out, "additionalProperties", json_false()) == 0 ? 0 : ERR_NOMEM;
    }
    if (!x || !y) json_object_del(out, "additionalProperties");
    return 0;
}

int schema_merge(struct schema *s, const json_t *a, const json_t *b, const json_t **out) {
    int r = schema_flat(s, b, &b);
    if (r == 0) r = schema_flat(s, a, &a);
    if (r == 0) r = schema_step(s);
    if (r != 0) return r;
    *out = json_is_true(b) ? a : b;
    if (json_is_true(a) || json_is_true(b)) return 0;
    if (!json_is_object(a) || !json_is_object(b))
        return schema_bad(s, ERR_FORMAT, NULL, "a schema must be an object, true or false");
    json_t *both = json_copy((json_t *)(uintptr_t)a), *v;
    const char *word;
    r = schema_made(s, both);
    if (r != 0) return r;
    json_object_foreach((json_t *)(uintptr_t)b, word, v) {
        if (strcmp(word, "additionalProperties") == 0 || strcmp(word, "nullable") == 0) continue;
        r = merge_word(s, both, a, b, word, v);
        if (r != 0) return r;
    }
    if (!json_is_true(json_object_get(a, "nullable")) || !json_is_true(json_object_get(b, "nullable")))
        json_object_del(both, "nullable");
    *out = both;
    return json_object_get(a, "additionalProperties") || json_object_get(b, "additionalProperties")
               ? merge_additional(s, both, a, b)
               : 0;
}

static int flat_all_of(struct schema *s, const json_t *j, const json_t **out) {
    const json_t *list = json_object_get(j, "allOf"), *v;
    json_t *rest = json_copy((json_t *)(uintptr_t)j);
    size_t i;
    int r = schema_made(s, rest);
    if (r != 0) return r;
    if (!json_is_array(list)) return schema_bad(s, ERR_FORMAT, "allOf", "must be a list of schemas");
    json_object_del(rest, "allOf");
    *out = rest;
    json_array_foreach((json_t *)(uintptr_t)list, i, v) if (r == 0) r = schema_merge(s, *out, v, out);
    return r;
}

static int flat_ref(struct schema *s, const json_t *j, const json_t **out) {
    const json_t *target;
    json_t *rest = json_copy((json_t *)(uintptr_t)j);
    int r = schema_made(s, rest);
    if (r == 0) r = schema_target(s, j, &target);
    if (r != 0) return r;
    json_object_del(rest, "$ref");
    return schema_merge(s, target, rest, out);
}

int schema_flat(struct schema *s, const json_t *j, const json_t **out) {
    *out = j;
    if (!json_object_get(j, "$ref") && !json_object_get(j, "allOf")) return 0;
    int r = schema_step(s);
    if (r == 0 && s->nest >= FLAT_DEPTH_MAX)
        r = schema_bad(s, ERR_LIMIT, NULL, "references and allOf go round in a circle, or too deep");
    if (r != 0) return r;
    s->nest++;
    r = json_object_get(j, "$ref") ? flat_ref(s, j, out) : flat_all_of(s, j, out);
    s->nest--;
    return r;
}

/* ---- oneOf ---- */

static int values_apart(struct schema *s, const json_t *a, const json_t *b, int *err) {
    json_t *x = schema_values(a), *y = schema_values(b), *v;
    size_t i;
    *err = schema_work(s, SCHEMA_COPY_WORK + json_array_size(x) * json_array_size(y));
    int apart = *err == 0 && json_is_array(x) && json_is_array(y);
    if (apart) json_array_foreach(x, i, v) apart &= !holds(y, v);
    json_decref(x);
    json_decref(y);
    return apart;
}

/* 1: certainly no value fits both; 0: perhaps one does. */
static int apart(struct schema *s, const json_t *a, const json_t *b, unsigned depth, int *err) {
    unsigned x, y;
    const char *name;
    json_t *p;
    if (*err == 0) *err = schema_flat(s, a, &a);
    if (*err == 0) *err = schema_flat(s, b, &b);
    if (*err != 0 || !json_is_object(a) || !json_is_object(b)) return 0;
    if (values_apart(s, a, b, err)) return 1;
    if (*err != 0) return 0;
    if (json_object_get(a, "type") && json_object_get(b, "type")) {
        if ((*err = schema_types(s, a, &x)) != 0 || (*err = schema_types(s, b, &y)) != 0) return 0;
        if (!(x & y)) return 1;
        if ((x & y) != T_OBJ) return 0;
    } else {
        return 0;
    }
    json_object_foreach(json_object_get(a, "properties"), name, p) {
        json_t *q = json_object_get(json_object_get(b, "properties"), name), *key = json_string(name);
        const json_t *need_a = json_object_get(a, "required"), *need_b = json_object_get(b, "required");
        *err = schema_work(s, SCHEMA_COPY_WORK + json_array_size(need_a) + json_array_size(need_b));
        int both = *err == 0 && q && key && holds(need_a, key) && holds(need_b, key);
        json_decref(key);
        if (*err != 0) return 0;
        if (both && depth < 4 && apart(s, p, q, depth + 1, err)) return 1;
        if (*err != 0) return 0;
    }
    return 0;
}

int schema_check_apart(struct schema *s, const json_t *list) {
    int err = 0;
    for (size_t i = 0; i < json_array_size(list); i++)
        for (size_t k = 0; k < i; k++) {
            if (apart(s, json_array_get(list, i), json_array_get(list, k), 0, &err)) continue;
            return err ? err
                       : schema_bad(s, ERR_UNSUPPORTED, "oneOf", "a value might fit two of its schemas; anyOf is supported");
        }
    return 0;
}
