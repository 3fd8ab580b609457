/* model/schema_parts.h - inside of the way from a schema to a grammar.
 *
 * Every schema object becomes one rule "rN". A rule that another needs is noted and written later, so nothing recurses into a
 * schema, and a schema that refers to itself is a rule that uses itself. */
#ifndef MODEL_SCHEMA_PARTS_H
#define MODEL_SCHEMA_PARTS_H

#include "base/json.h"
#include "model/grammar.h"
#include "model/schema.h"

enum { SCHEMA_COPY_WORK = 16 };
enum schema_type { T_NULL = 1, T_BOOL = 2, T_INT = 4, T_NUM = 8, T_STR = 16, T_ARR = 32, T_OBJ = 64, T_ALL = 127 };

struct schema_rule {
    const json_t *j; /* kept alive by schema.root or schema.made */
    char path[SCHEMA_PATH_MAX];
};
struct schema {
    json_t *root, *made; /* made: an array of the schemas that merging gave */
    struct schema_rule *rule;
    size_t rules, rules_cap;
    uint32_t *slot; /* 2 * rules_cap (a power of two) of 1 + rule, by j */
    uint32_t helpers, steps, nest;
    size_t work, bytes; /* bytes: of the schema's text */
    struct buf *out;
    char path[SCHEMA_PATH_MAX]; /* of the schema at hand */
    struct why *why;
};

/* Sets why to "PATH/key: what" (key may be NULL) and returns err. */
int schema_bad(struct schema *s, int err, const char *key, const char *what);
/* Counts a step of work: 0 or ERR_LIMIT. */
int schema_step(struct schema *s);
/* Counts what is done inside a step: values compared, or SCHEMA_COPY_WORK for each member copied. 0 or ERR_LIMIT. Without it
 * lists of some 10,000 values would be compared each with each. */
int schema_work(struct schema *s, size_t units);
/* Takes over j, a copy of a schema that the rules may point into, or NULL: ERR_NOMEM. Counts its members: many copies of a
 * large schema are the same as a huge one. */
int schema_made(struct schema *s, json_t *j);
/* Appends the name of the rule for j, which stands at key (and at name or number below that) of the schema at hand. */
int schema_use(struct schema *s, struct buf *b, const json_t *j, const char *key, const char *name);
/* What j's $ref names. */
int schema_target(struct schema *s, const json_t *j, const json_t **out);
/* The schema without $ref and allOf: j itself or a new one in s->made. */
int schema_flat(struct schema *s, const json_t *j, const json_t **out);
/* Both at once: a new schema in s->made. */
int schema_merge(struct schema *s, const json_t *a, const json_t *b, const json_t **out);
/* 0 unless two of the list's schemas might share a value, or it takes too much work to tell. */
int schema_check_apart(struct schema *s, const json_t *list);
/* 1 for words that describe and do not constrain. */
int schema_describes(const char *word);
/* The types that it allows; from its other words when it names none. */
int schema_types(struct schema *s, const json_t *j, unsigned *mask);
/* The values of enum or const as an array (to be freed), or NULL: it has neither. */
json_t *schema_values(const json_t *j);

/* ---- writers: each appends an expression to b ---- */

int put_literal(struct buf *b, const void *text, size_t n); /* a GBNF literal of these bytes of UTF-8 */
int put_json(struct buf *b, const json_t *value);           /* the literal of a value's JSON */
int put_code_point(struct buf *b, uint32_t cp);             /* as \UXXXXXXXX: anywhere in a literal or class */
int schema_string(struct schema *s, struct buf *b, const json_t *j);
int schema_pattern(struct schema *s, struct buf *b, const char *pattern, size_t n);
int schema_number(struct schema *s, struct buf *b, const json_t *j, int whole);
int schema_array(struct schema *s, struct buf *b, const json_t *j);
int schema_object(struct schema *s, struct buf *b, const json_t *j);
/* The digits of lo .. hi, 0 <= lo <= hi, without leading zeros. */
int put_digits(struct buf *b, uint64_t lo, uint64_t hi);

#endif
