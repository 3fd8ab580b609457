/* model/grammar_format.c - what a request asks for, as a grammar. No vocabulary is needed: those who only check requests use it too. */
#include "model/grammar_format.h"
#include "model/schema.h"

int gram_of_format(struct grammar **out, const struct gen_format *f, struct why *why) {
    struct buf gbnf;
    *out = NULL;
    if (f->kind == FORMAT_TEXT) return 0;
    if (f->kind == FORMAT_GBNF) return grammar_parse(out, f->text.p, f->text.n, why);
    int r = schema_to_gbnf(&gbnf, f->kind == FORMAT_SCHEMA ? f->text : SCHEMA_ANY_OBJECT, why);
    if (r == 0 && (r = grammar_parse(out, (const char *)gbnf.data, gbnf.len, why)) == ERR_FORMAT)
        why_set(why, r, "#: no finite value fits the schema"); /* a rule that begins with itself, or has no end */
    buf_release(&gbnf);
    return r;
}
