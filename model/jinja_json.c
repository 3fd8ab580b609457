/* model/jinja_json.c - JSON in (tools, variables) and out (the filter tojson), the latter as Python's json.dumps writes it. */
#include "model/jinja_parts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

/* ---- in ---- */

static struct jval object_in(struct jinja *j, const json_t *v) {
    struct jdict *d = jdict_new(j, json_object_size(v));
    const char *key;
    size_t n;
    json_t *value;
    json_object_keylen_foreach((json_t *)(uintptr_t)v, key, n, value) {
        if (j->err) break;
        struct jval k = jval_text(jtext_data(key, n)), w = jval_from_json(j, value);
        if (!j->err) d->e[d->count++] = (struct jentry){k, w}; /* keys of an object differ */
    }
    return jval_dict(d);
}

static struct jval array_in(struct jinja *j, const json_t *v) {
    struct jlist *l = jlist_new(j, json_array_size(v));
    size_t i;
    json_t *value;
    json_array_foreach((json_t *)(uintptr_t)v, i, value) {
        if (j->err) break;
        jlist_add(j, l, jval_from_json(j, value));
    }
    return jval_list(l);
}

/* Strings point into v, which must outlive the rendering. */
struct jval jval_from_json(struct jinja *j, const json_t *v) {
    if (jinja_enter(j) != 0) return jval_none();
    struct jval out = jval_none();
    if (json_is_object(v))
        out = object_in(j, v);
    else if (json_is_array(v))
        out = array_in(j, v);
    else if (json_is_string(v) && json_string_length(v) > JINJA_OUTPUT_BYTES_MAX)
        jinja_fail(j, ERR_LIMIT, "a text of more than %d MiB", JINJA_OUTPUT_BYTES_MAX >> 20);
    else if (json_is_string(v))
        out = jval_text(jtext_data(json_string_value(v), json_string_length(v)));
    else if (json_is_integer(v))
        out = jval_int(json_integer_value(v));
    else if (json_is_real(v))
        out = jval_float(json_real_value(v));
    else if (json_is_boolean(v))
        out = jval_bool(json_is_true(v));
    jinja_leave(j);
    return out;
}

/* ---- out ---- */

struct json_style {
    struct jtext item, colon, indent; /* separators, and the blanks of one level */
    int pretty, sorted, ascii;
};

/* The escape of the character at t[i], of n bytes; 0 when it needs none. */
static int escape(struct jtext t, size_t i, const struct json_style *st, char out[16], size_t *n) {
    static const char from[] = "\"\\\n\r\t\b\f", to[] = "\"\\nrtbf";
    uint8_t c = (uint8_t)t.p[i];
    const char *known = c ? strchr(from, (char)c) : NULL;
    uint32_t cp;
    *n = 1;
    if (known)
        snprintf(out, 16, "\\%c", to[known - from]);
    else if (c < ' ')
        snprintf(out, 16, "\\u%04x", c);
    else if (c >= 0x80 && st->ascii && utf8_get((const uint8_t *)t.p + i, t.n - i, &cp) > 0) {
        *n = jtext_step(t, i);
        if (cp < 0x10000)
            snprintf(out, 16, "\\u%04x", cp);
        else
            snprintf(out, 16, "\\u%04x\\u%04x", 0xd800 + ((cp - 0x10000) >> 10), 0xdc00 + ((cp - 0x10000) & 0x3ff));
    } else
        return 0;
    return 1;
}

/* Escapes take the mark of the byte they stand for. */
static void text_out(struct jinja *j, struct jpieces *p, struct jtext t, const struct json_style *st) {
    char word[16];
    size_t plain = 0, n;
    jpieces_word(j, p, "\"");
    for (size_t i = 0; i < t.n && !j->err;) {
        if (!escape(t, i, st, word, &n)) {
            i++;
            continue;
        }
        jpieces_add(j, p, jtext_part(t, plain, i));
        struct jtext e = jinja_copy(j, word);
        e.input = t.mark ? t.mark[i] : t.input;
        jpieces_add(j, p, e);
        jinja_work(j, 1);
        i += n;
        plain = i;
    }
    jpieces_add(j, p, jtext_part(t, plain, t.n));
    jpieces_word(j, p, "\"");
    jinja_work(j, t.n / 256);
}

static void new_line(struct jinja *j, struct jpieces *p, const struct json_style *st, uint32_t level) {
    if (!st->pretty) return;
    jpieces_word(j, p, "\n");
    while (level--) jpieces_add(j, p, st->indent);
}

static void value_out(struct jinja *j, struct jpieces *p, struct jval v, const struct json_style *st, uint32_t level);

static void key_out(struct jinja *j, struct jpieces *p, struct jval k, const struct json_style *st) {
    if (k.kind == J_TEXT) {
        text_out(j, p, k.u.text, st);
        return;
    }
    jpieces_word(j, p, "\"");
    value_out(j, p, k, st, 0);
    jpieces_word(j, p, "\"");
}

static int entry_order(const void *a, const void *b) {
    const struct jentry *x = a, *y = b;
    return jtext_order(x->key.u.text, y->key.u.text);
}

/* By key; a dict with other keys than strings keeps its order. */
static const struct jdict *sorted(struct jinja *j, const struct jdict *d) {
    struct jdict *copy = jdict_new(j, d->count);
    for (uint32_t i = 0; copy && i < d->count; i++) {
        if (d->e[i].key.kind != J_TEXT) return d;
        jinja_walk(j, d->e[i].key.u.text); /* keys are compared a dozen times, as blocks */
        copy->e[copy->count++] = d->e[i];
    }
    if (!copy || jinja_work(j, copy->count) != 0) return d;
    if (copy->count) qsort(copy->e, copy->count, sizeof *copy->e, entry_order);
    return copy;
}

static void dict_out(struct jinja *j, struct jpieces *p, const struct jdict *d, const struct json_style *st, uint32_t level) {
    if (st->sorted) d = sorted(j, d);
    jpieces_word(j, p, "{");
    for (uint32_t i = 0; i < d->count && !j->err; i++) {
        if (i) jpieces_add(j, p, st->item);
        new_line(j, p, st, level + 1);
        key_out(j, p, d->e[i].key, st);
        jpieces_add(j, p, st->colon);
        value_out(j, p, d->e[i].value, st, level + 1);
    }
    if (d->count) new_line(j, p, st, level);
    jpieces_word(j, p, "}");
}

static void list_out(struct jinja *j, struct jpieces *p, const struct jlist *l, const struct json_style *st, uint32_t level) {
    jpieces_word(j, p, "[");
    for (uint32_t i = 0; i < l->count && !j->err; i++) {
        if (i) jpieces_add(j, p, st->item);
        new_line(j, p, st, level + 1);
        value_out(j, p, l->v[i], st, level + 1);
    }
    if (l->count) new_line(j, p, st, level);
    jpieces_word(j, p, "]");
}

static void value_out(struct jinja *j, struct jpieces *p, struct jval v, const struct json_style *st, uint32_t level) {
    if (jinja_enter(j) != 0) return;
    switch (v.kind) {
    case J_TEXT: text_out(j, p, v.u.text, st); break;
    case J_NONE: jpieces_add(j, p, jinja_copy(j, "null")); break;
    case J_BOOL: jpieces_add(j, p, jinja_copy(j, v.u.i ? "true" : "false")); break;
    case J_FLOAT:
        jpieces_add(j, p,
                    isfinite(v.u.f) ? jval_str(j, v)
                                    : jinja_copy(j, isnan(v.u.f) ? "NaN"
                                                    : v.u.f < 0  ? "-Infinity"
                                                                 : "Infinity"));
        break;
    case J_INT: jpieces_add(j, p, jval_str(j, v)); break;
    case J_LIST:
        if (!v.u.list->lazy) {
            list_out(j, p, v.u.list, st, level);
            break;
        }
        __attribute__((fallthrough));
    default:
        if (v.kind == J_DICT)
            dict_out(j, p, v.u.dict, st, level);
        else
            jinja_fail(j, ERR_UNSUPPORTED, "%s has no JSON", v.kind == J_LIST ? "a generator" : jval_kind(v));
    }
    jinja_leave(j);
}

/* tojson(ensure_ascii=false, indent=none, separators=none, sort_keys=false) */
struct jval jval_tojson(struct jinja *j, struct jval v, const struct jargs *a) {
    const struct jval *indent = jargs_get(a, 1, "indent"), *separators = jargs_get(a, 2, "separators");
    struct json_style st = {.colon = jtext_of(": "), .ascii = jargs_bool(a, 0, "ensure_ascii", 0)};
    st.sorted = jargs_bool(a, 3, "sort_keys", 0);
    int64_t width = 0;
    struct jpieces p = {0}, blanks = {0};
    st.pretty = indent && indent->kind != J_NONE;
    if (st.pretty && indent->kind == J_TEXT)
        st.indent = indent->u.text;
    else if (st.pretty && !jval_whole(*indent, &width))
        jinja_fail(j, ERR_UNSUPPORTED, "tojson: indent is %s", jval_kind(*indent));
    for (int64_t i = 0; i < width && jinja_work(j, 1) == 0; i++) jpieces_word(j, &blanks, " ");
    if (blanks.count) st.indent = jpieces_join(j, &blanks);
    st.item = jtext_of(st.pretty ? "," : ", ");
    if (separators && separators->kind == J_LIST && separators->u.list->count == 2 && separators->u.list->v[0].kind == J_TEXT &&
        separators->u.list->v[1].kind == J_TEXT) {
        st.item = separators->u.list->v[0].u.text;
        st.colon = separators->u.list->v[1].u.text;
    }
    value_out(j, &p, v, &st, 0);
    return jval_text(jpieces_join(j, &p));
}
