/* tests/unit/model/jinja_util.h - rendering a template to one buffer, and the recorded cases. */
#ifndef TESTS_JINJA_UTIL_H
#define TESTS_JINJA_UTIL_H

#include "tests/check.h"

#include <stdlib.h>

#include "model/jinja.h"

enum { JINJA_CASE_TIME = 1721995509 }; /* 26 July 2024, 12:05:09: the date of tools/make_jinja_tests.py */

/* The text of all stretches, or with `trusted` not negative of those only. got is initialised here. */
static inline int jinja_text_of(const char *template, const struct jinja_chat *c, int trusted, struct buf *got, struct why *why) {
    struct jinja_text out;
    int r = jinja_render(&out, template, strlen(template), c, why);
    buf_init(got, 8 << 20);
    for (size_t i = 0; r == 0 && i < out.count; i++)
        if (trusted < 0 || out.span[i].trusted == trusted) r = buf_add(got, out.span[i].p, out.span[i].n);
    jinja_text_release(&out);
    return r;
}

static inline int jinja_text_out(const char *template, const struct jinja_chat *c, struct buf *got, struct why *why) {
    return jinja_text_of(template, c, -1, got, why);
}

/* A case's template: one string, or lines. The caller frees it. */
static inline char *jinja_case_template(const json_t *c) {
    const json_t *t = json_object_get(c, "template");
    struct buf b;
    size_t i;
    json_t *line;
    buf_init(&b, 1 << 20);
    if (json_is_string(t)) buf_add(&b, json_string_value(t), json_string_length(t));
    json_array_foreach((json_t *)(uintptr_t)t, i, line) buf_addf(&b, "%s%s", i ? "\n" : "", json_string_value(line));
    buf_add(&b, "", 1);
    char *copy = strdup((const char *)b.data);
    buf_release(&b);
    assert_non_null(copy);
    return copy;
}

#endif
