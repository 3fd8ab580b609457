/* model/jinja_repr.c - values as text: what {{ }} prints, and how lists and dicts show what they hold. */
#include "model/jinja_parts.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Texts made of computed bytes are nobody's words, so they count as input. */
struct jtext jinja_copy(struct jinja *j, const char *s) {
    size_t n = strlen(s);
    char *p = jinja_take(j, n + 1, 1);
    if (!p) return jtext_of("");
    memcpy(p, s, n);
    return jtext_data(p, n);
}

/* The shortest decimal that reads back as f; an exponent below 1e-4 and from 1e16 on. */
void jfloat_print(double f, char out[40]) {
    char digits[40];
    int precision = 0;
    if (!isfinite(f)) {
        snprintf(out, 40, "%s", isnan(f) ? "nan" : f < 0 ? "-inf" : "inf");
        return;
    }
    do snprintf(digits, sizeof digits, "%.*e", precision, f);
    while (strtod(digits, NULL) != f && ++precision < 17);
    int exponent = atoi(strchr(digits, 'e') + 1);
    if (exponent < -4 || exponent >= 16) {
        snprintf(out, 40, "%s", digits);
        return;
    }
    int places = precision - exponent;
    snprintf(out, 40, "%.*f", places > 0 ? places : 1, f);
}

/* A string as Python shows it: single quotes unless it holds some and no double ones. */
static void repr_text(struct jinja *j, struct jpieces *p, struct jtext t) {
    int single = memchr(t.p, '\'', t.n) != NULL, other = memchr(t.p, '"', t.n) != NULL;
    char quote = single && !other ? '"' : '\'';
    jpieces_word(j, p, quote == '"' ? "\"" : "'");
    for (size_t i = 0; i < t.n && !j->err; i++) {
        char c = t.p[i], escaped[8] = {'\\', c, 0};
        if (c == '\n' || c == '\r' || c == '\t')
            escaped[1] = c == '\n' ? 'n' : c == '\r' ? 'r' : 't';
        else if ((unsigned char)c < ' ' || c == 127)
            snprintf(escaped, sizeof escaped, "\\x%02x", (unsigned)c);
        else if (c != '\\' && c != quote) {
            jpieces_add(j, p, jtext_part(t, i, i + 1));
            continue;
        }
        jpieces_add(j, p, jinja_copy(j, escaped));
        jinja_work(j, 1);
    }
    jpieces_word(j, p, quote == '"' ? "\"" : "'");
}

static void repr_list(struct jinja *j, struct jpieces *p, const struct jlist *l) {
    jpieces_word(j, p, l->tuple ? "(" : "[");
    for (uint32_t i = 0; i < l->count && !j->err; i++) {
        if (i) jpieces_word(j, p, ", ");
        jval_repr(j, p, l->v[i]);
    }
    jpieces_word(j, p, !l->tuple ? "]" : l->count == 1 ? ",)" : ")");
}

static void repr_dict(struct jinja *j, struct jpieces *p, const struct jdict *d) {
    jpieces_word(j, p, "{");
    for (uint32_t i = 0; i < d->count && !j->err; i++) {
        if (i) jpieces_word(j, p, ", ");
        jval_repr(j, p, d->e[i].key);
        jpieces_word(j, p, ": ");
        jval_repr(j, p, d->e[i].value);
    }
    jpieces_word(j, p, "}");
}

void jval_repr(struct jinja *j, struct jpieces *p, struct jval v) {
    if (jinja_enter(j) != 0) return;
    if (v.kind == J_TEXT)
        repr_text(j, p, v.u.text);
    else if (v.kind == J_LIST)
        repr_list(j, p, v.u.list);
    else if (v.kind == J_DICT)
        repr_dict(j, p, v.u.dict);
    else if (v.kind == J_UNDEFINED)
        jpieces_word(j, p, "Undefined");
    else
        jpieces_add(j, p, jval_str(j, v));
    jinja_leave(j);
}

struct jtext jval_str(struct jinja *j, struct jval v) {
    char text[40];
    struct jpieces p = {0};
    switch (v.kind) {
    case J_TEXT: return v.u.text;
    case J_UNDEFINED: return jtext_of("");
    case J_NONE: return jinja_copy(j, "None");
    case J_BOOL: return jinja_copy(j, v.u.i ? "True" : "False");
    case J_INT: snprintf(text, sizeof text, "%" PRId64, v.u.i); return jinja_copy(j, text);
    case J_FLOAT: jfloat_print(v.u.f, text); return jinja_copy(j, text);
    case J_LIST:
    case J_DICT: jval_repr(j, &p, v); return jpieces_join(j, &p);
    default: jinja_fail(j, ERR_UNSUPPORTED, "%s cannot be printed", jval_kind(v)); return jtext_of("");
    }
}
