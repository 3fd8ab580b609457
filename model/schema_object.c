/* model/schema_object.c - schemas of objects: members in their order, and names that are none of those listed. */
#include "base/utf8.h"
#include "model/schema_parts.h"

#include <stdlib.h>
#include <string.h>

enum { MEMBERS_MAX = 512, NAME_POINTS_MAX = 128 };

struct member {
    const char *name;
    const json_t *j;
    int required;
};
struct object {
    struct member *member;
    size_t count;
    const json_t *more; /* schema of members that are not listed; NULL: there are none */
    uint32_t rules;     /* number in the names of its rules */
};

static int is_required(const json_t *list, const char *name) {
    size_t i;
    const json_t *v;
    json_array_foreach((json_t *)(uintptr_t)list, i,
                       v) if (json_is_string(v) && strcmp(json_string_value(v), name) == 0) return 1;
    return 0;
}

static int add_member(struct schema *s, struct object *o, const char *name, const json_t *j, int required) {
    if (json_is_false(j)) return required ? schema_bad(s, ERR_FORMAT, "required", "names a member that may not be there") : 0;
    if (o->count == MEMBERS_MAX) return schema_bad(s, ERR_LIMIT, "properties", "has over 512 members");
    o->member[o->count++] = (struct member){name, j, required};
    return schema_step(s);
}

static int read_members(struct schema *s, const json_t *j, struct object *o) {
    const json_t *listed = json_object_get(j, "properties"), *required = json_object_get(j, "required");
    const json_t *more = json_object_get(j, "additionalProperties"), *v;
    const char *name;
    json_t *p;
    size_t i;
    int r = 0;
    if (listed && !json_is_object(listed)) return schema_bad(s, ERR_FORMAT, "properties", "must be an object of schemas");
    if (required && !json_is_array(required)) return schema_bad(s, ERR_FORMAT, "required", "must be a list of names");
    if (more && !json_is_object(more) && !json_is_boolean(more))
        return schema_bad(s, ERR_FORMAT, "additionalProperties", "must be a schema, true or false");
    if (!listed && !more && json_array_size(required) == 0) more = json_true();
    json_object_foreach((json_t *)(uintptr_t)listed, name, p) {
        if (r == 0) r = schema_work(s, json_array_size(required));
        if (r == 0) r = add_member(s, o, name, p, is_required(required, name));
    }
    json_array_foreach((json_t *)(uintptr_t)required, i, v) {
        const char *text = json_string_value(v);
        if (r == 0 && !text) r = schema_bad(s, ERR_FORMAT, "required", "must be a list of names");
        if (r == 0) r = schema_work(s, o->count);
        if (r != 0 || json_object_get(listed, text)) continue;
        size_t seen = 0;
        while (seen < o->count && strcmp(o->member[seen].name, text) != 0) seen++;
        if (seen < o->count) continue;
        if (json_is_false(more))
            r = schema_bad(s, ERR_FORMAT, "required", "names a member that may not be there");
        else
            r = add_member(s, o, text, more ? more : json_true(), 1);
    }
    o->more = json_is_false(more) ? NULL : more;
    return r;
}

/* ---- names that are not listed ---- */

/* Names as code points, sorted, so that those with the same beginning lie together. */
struct name {
    uint32_t cp[NAME_POINTS_MAX];
    size_t n;
};
static int by_points(const void *a, const void *b) {
    const struct name *x = a, *y = b;
    for (size_t i = 0; i < x->n && i < y->n; i++)
        if (x->cp[i] != y->cp[i]) return x->cp[i] < y->cp[i] ? -1 : 1;
    return x->n < y->n ? -1 : x->n > y->n;
}

/* Unlisted names are written without escapes, so names that need one cannot be met and are left out. 1: taken. */
static int read_name(struct name *to, const char *text) {
    size_t len = strlen(text);
    to->n = 0;
    for (size_t at = 0; at < len;) {
        uint32_t cp;
        int k = utf8_get((const uint8_t *)text + at, len - at, &cp);
        if (k <= 0 || cp < 0x20 || cp == '"' || cp == '\\') return 0;
        if (to->n == NAME_POINTS_MAX) return ERR_LIMIT;
        to->cp[to->n++] = cp;
        at += (size_t)k;
    }
    return 1;
}

/* A rule for the rest of a name, its quote included, that is none of the n, which share their first `at` points. */
static int other_names(struct schema *s, const struct name *name, size_t n, size_t at, uint32_t *rule) {
    struct buf b, apart;
    size_t ended = n && name[0].n == at;
    int r = schema_step(s);
    *rule = s->helpers++;
    buf_init(&b, GRAMMAR_BYTES_MAX);
    buf_init(&apart, GRAMMAR_BYTES_MAX);
    for (size_t i = ended, k; r == 0 && i < n; i = k) {
        uint32_t below;
        for (k = i; k < n && name[k].cp[at] == name[i].cp[at];) k++;
        r = other_names(s, name + i, k - i, at + 1, &below);
        if (r == 0) r = put_code_point(&apart, name[i].cp[at]);
        if (r == 0) r = buf_addf(&b, " | \"");
        if (r == 0) r = put_code_point(&b, name[i].cp[at]);
        if (r == 0) r = buf_addf(&b, "\" k%u", below);
    }
    if (r == 0)
        r = buf_addf(s->out, "k%u ::= [^\"\\\\\\x00-\\x1f%.*s] plain* \"\\\"\"%s%.*s\n", *rule, (int)apart.len,
                     apart.len ? (const char *)apart.data : "", ended ? "" : " | \"\\\"\"", (int)b.len,
                     b.len ? (const char *)b.data : "");
    buf_release(&b);
    buf_release(&apart);
    return r;
}

static int put_other_name(struct schema *s, struct buf *b, const struct object *o) {
    struct name *name = mem_zalloc(o->count + 1, sizeof *name);
    size_t n = 0;
    uint32_t rule = 0;
    int r = name ? 0 : ERR_NOMEM;
    for (size_t i = 0; r == 0 && i < o->count; i++) {
        int taken = read_name(&name[n], o->member[i].name);
        if (taken < 0)
            r = schema_bad(s, taken, "properties", "has a name of over 128 characters beside additionalProperties");
        else
            n += (size_t)taken;
    }
    if (r == 0 && n) qsort(name, n, sizeof *name, by_points);
    if (r == 0) r = other_names(s, name, n, 0, &rule);
    free(name);
    return r == 0 ? buf_addf(b, "\"\\\"\" k%u", rule) : r;
}

/* ---- the rules ---- */

/* "name": value */
static int put_member(struct schema *s, struct buf *b, const struct member *m) {
    struct buf quoted;
    buf_init(&quoted, GRAMMAR_BYTES_MAX);
    int r = json_quote(&quoted, m->name, strlen(m->name));
    if (r == 0) r = buf_add(&quoted, ":", 1);
    if (r == 0) r = put_literal(b, quoted.data, quoted.len);
    buf_release(&quoted);
    if (r == 0) r = buf_addf(b, " ws ");
    return r == 0 ? schema_use(s, b, m->j, "properties", m->name) : r;
}

/* Two rules for each member on: f while nothing is written yet, t when a comma is needed. */
static int put_step(struct schema *s, const struct object *o, size_t i) {
    struct buf line;
    unsigned n = o->rules;
    const struct member *m = &o->member[i];
    buf_init(&line, GRAMMAR_BYTES_MAX);
    int r = put_member(s, &line, m);
    const char *text = (const char *)line.data;
    int len = (int)line.len;
    if (r == 0) r = buf_addf(s->out, "f%u-%zu ::= %.*s t%u-%zu", n, i, len, text, n, i + 1);
    if (r == 0 && !m->required) r = buf_addf(s->out, " | f%u-%zu", n, i + 1);
    if (r == 0) r = buf_addf(s->out, "\nt%u-%zu ::= \",\" ws %.*s t%u-%zu", n, i, len, text, n, i + 1);
    if (r == 0 && !m->required) r = buf_addf(s->out, " | t%u-%zu", n, i + 1);
    buf_release(&line);
    return r == 0 ? buf_addf(s->out, "\n") : r;
}

static int put_last(struct schema *s, const struct object *o) {
    unsigned n = o->rules;
    if (!o->more) return buf_addf(s->out, "f%u-%zu ::= \"\"\nt%u-%zu ::= ws\n", n, o->count, n, o->count);
    struct buf m;
    buf_init(&m, GRAMMAR_BYTES_MAX);
    int r = put_other_name(s, &m, o);
    if (r == 0) r = buf_addf(&m, " \":\" ws ");
    if (r == 0) r = schema_use(s, &m, o->more, "additionalProperties", NULL);
    if (r == 0) r = buf_addf(s->out, "m%u ::= %.*s\n", n, (int)m.len, (const char *)m.data);
    buf_release(&m);
    if (r != 0) return r;
    return buf_addf(s->out, "f%u-%zu ::= (m%u (\",\" ws m%u)* ws)?\nt%u-%zu ::= (\",\" ws m%u)* ws\n", n, o->count, n, n, n,
                    o->count, n);
}

int schema_object(struct schema *s, struct buf *b, const json_t *j) {
    struct object o = {.member = mem_zalloc(MEMBERS_MAX, sizeof *o.member), .rules = s->helpers++};
    int r = o.member ? read_members(s, j, &o) : ERR_NOMEM;
    if (r == 0 && o.count == 0 && json_is_true(o.more)) {
        free(o.member);
        return buf_addf(b, "object");
    }
    for (size_t i = 0; r == 0 && i < o.count; i++) r = put_step(s, &o, i);
    if (r == 0) r = put_last(s, &o);
    free(o.member);
    return r == 0 ? buf_addf(b, "\"{\" ws f%u-0 \"}\"", o.rules) : r;
}
