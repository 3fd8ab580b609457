/* model/grammar_format.h - the grammar that a request asks for. */
#ifndef MODEL_GRAMMAR_FORMAT_H
#define MODEL_GRAMMAR_FORMAT_H

#include "model/gen_request.h"
#include "model/grammar.h"

/* NULL for FORMAT_TEXT. Errors as grammar_parse and schema_to_gbnf. */
int gram_of_format(struct grammar **out, const struct gen_format *f, struct why *why);

#endif
