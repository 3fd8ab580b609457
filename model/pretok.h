/* model/pretok.h - splits text into the words that byte-level BPE works on: one hand-written scanner per family.
 *
 * Each family is defined by one or more regular expressions, quoted beside its scanner. Several are applied one after
 * another, each to the pieces that the former left; what lies between two matches is a piece too. */
#ifndef MODEL_PRETOK_H
#define MODEL_PRETOK_H

#include <stddef.h>
#include <stdint.h>

/* One character: code point, general category, White_Space; a byte that is no UTF-8 counts as U+FFFD of one byte. */
typedef uint32_t pretok_char;

/* Length in characters of the match that starts at c[0], 0: none. n >= 1 characters are left in the piece. */
typedef size_t pretok_match(const pretok_char *c, size_t n);

enum { PRETOK_STAGES_MAX = 6 };
struct pretok {
    const char *names;                          /* blank-separated values of tokenizer.ggml.pre */
    pretok_match *stage[PRETOK_STAGES_MAX + 1]; /* NULL ends the list */
    int ignore_merges;                          /* a whole word that is a token is taken as it is */
    int add_bos;                                /* default of tokenizer.ggml.add_bos_token */
};
/* NULL: a name that we do not know. */
const struct pretok *pretok_find(const char *name, size_t n);

/* Calls word() for the words of text from left to right until it returns other than 0, and returns that. ERR_NOMEM. */
int pretok_split(const struct pretok *t, const uint8_t *text, size_t n, int (*word)(void *ctx, const uint8_t *p, size_t n),
                 void *ctx);

#endif
