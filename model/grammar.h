/* model/grammar.h - what an answer must look like: a grammar in GBNF, compiled once and then read-only.
 *
 * GBNF as llama.cpp documents it: rules `name ::= ...` (letters, digits, - and _), of which `root` is the whole answer;
 * "literals" and [classes], [^negated] too, over Unicode code points, with \n \r \t \\ \" \[ \] \xHH \uHHHH \UHHHHHHHH; `.` for
 * any code point; | and ( ); after an item * + ? {m} {m,} {m,n}; # begins a comment. A rule ends at the end of its line, but
 * not inside parentheses, after ::= or after |.
 *
 * Refused, with line and column: rules that are undefined, defined twice, left-recursive, or that no finite text matches;
 * classes that are empty; `<token>` items. So whatever text has been matched so far can be completed. */
#ifndef MODEL_GRAMMAR_H
#define MODEL_GRAMMAR_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
    GRAMMAR_BYTES_MAX = 2 << 20, /* of text */
    GRAMMAR_RULES_MAX = 8192,
    GRAMMAR_NAME_MAX = 64,      /* bytes of a rule's name */
    GRAMMAR_NEST_MAX = 64,      /* parentheses within each other */
    GRAMMAR_REPEAT_MAX = 16384, /* in {m,n} */
    GRAMMAR_ITEMS_MAX = 1 << 17,
    GRAMMAR_NODES_MAX = 1 << 18, /* of the compiled program */
};

struct grammar;
/* ERR_FORMAT, ERR_LIMIT, ERR_UNSUPPORTED (token items), ERR_NOMEM; why says where and what. text need not outlive the call. */
int grammar_parse(struct grammar **out, const char *text, size_t n, struct why *why);
void grammar_free(struct grammar *g); /* wipes: a grammar is content; NULL is fine */

#endif
