/* model/textout.h - ids to text, streaming: what may be shown after each id.
 *
 * The text after k ids is a function of these ids and the options alone: whoever feeds the same ids has released the same
 * bytes, so an answer can be taken over by feeding its ids and dropping their text. Released text is always whole, valid
 * UTF-8. At most 3 undecided bytes wait for their character, and as many bytes as could begin a stop string; an invalid
 * sequence becomes U+FFFD as soon as no byte can make it valid (one per maximal part, Unicode 15, 3.9). */
#ifndef MODEL_TEXTOUT_H
#define MODEL_TEXTOUT_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/gen_request.h"
#include "model/vocab.h"

struct textout_opts {
    const struct gen_text *stop; /* at most GEN_STOPS_MAX of at most GEN_STOP_BYTES_MAX bytes; copied; empty ones are ignored */
    size_t stop_count;
    int at_start; /* the text begins here, rather than going on after a raw prompt: SentencePiece's blank is dropped */
    int specials; /* control tokens are shown as their text */
};

struct textout_stop {
    uint8_t text[GEN_STOP_BYTES_MAX];
    uint16_t fail[GEN_STOP_BYTES_MAX]; /* Knuth-Morris-Pratt: longest proper border of text[0..i] */
    uint16_t len, matched;
};
struct textout {
    const struct vocab *v;
    int drop_blank, specials, stopped;
    uint8_t part[4]; /* the undecided bytes */
    size_t part_len;
    size_t stop_count;
    struct textout_stop stop[GEN_STOPS_MAX];
    uint8_t *out; /* what the last call released, then what is held back */
    size_t held_from, held_len, cap;
};

/* v must outlive t. ERR_NOMEM; ERR_LIMIT: too many or too long stop strings; ERR_FORMAT: a stop string is not UTF-8. */
int textout_init(struct textout *t, const struct vocab *v, const struct textout_opts *o, struct why *why);
void textout_release(struct textout *t); /* wipes; fine on a zeroed t */

enum { TEXTOUT_GOES_ON = 0, TEXTOUT_STOPPED = 1 };
/* Takes one id. *text is what it releases, valid until the next call; it may be empty. TEXTOUT_STOPPED: a stop string is
 * complete (the one that ends first, the longest of those); the text before it is released, the rest dropped, and further
 * ids release nothing. Allocates nothing. */
int textout_feed(struct textout *t, int32_t id, const uint8_t **text, size_t *n);
/* No more ids will come: releases what was held back, an undecided part as U+FFFD. */
void textout_end(struct textout *t, const uint8_t **text, size_t *n);

#endif
