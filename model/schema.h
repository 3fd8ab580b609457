/* model/schema.h - a JSON Schema (draft 2020-12, the part below) to a grammar whose texts are valid JSON that it accepts.
 *
 * Taken: type (also a list), nullable, enum, const, properties, required, additionalProperties, items, prefixItems, minItems,
 * maxItems, minLength, maxLength, pattern (schema_pattern.c says which), format (date, time, date-time, uuid), minimum,
 * maximum, exclusiveMinimum, exclusiveMaximum, anyOf, oneOf (when no value can match two of its schemas), allOf, $ref within
 * the schema ("#", "#/..."), recursion included, true and false. Words that only describe are ignored. Any other
 * word is refused by name, with its place: nothing that constrains is dropped in silence.
 *
 * The grammar may be narrower than the schema, never wider: members come in the order listed, optional ones may be missing;
 * members that are not listed appear only when additionalProperties says so or none are listed; numbers have at most 18
 * digits; between tokens stands nothing, a blank, or a line's end and up to 16 blanks. One thing no grammar can say: names of
 * members that are not listed may repeat. */
#ifndef MODEL_SCHEMA_H
#define MODEL_SCHEMA_H

#include "base/mem.h"
#include "model/gen_request.h"

enum { SCHEMA_BYTES_MAX = 256 << 10, SCHEMA_STEPS_MAX = 20000, SCHEMA_WORK_MAX = 1 << 22, SCHEMA_PATH_MAX = 160 };
#define SCHEMA_ANY_OBJECT ((struct gen_text){"{\"type\":\"object\"}", 17})

/* Initialises out and appends the GBNF text. ERR_FORMAT (not JSON, not a schema, or no finite value fits), ERR_UNSUPPORTED
 * (names the word), ERR_LIMIT, ERR_NOMEM; why begins with the place as a JSON pointer. */
int schema_to_gbnf(struct buf *out, struct gen_text schema, struct why *why);

#endif
