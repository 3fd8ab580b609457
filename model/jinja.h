/* model/jinja.h - runs a model's chat template: the part of the Jinja 2 language that such templates use, in a sandbox.
 *
 * A template comes with a model file and is hostile. It sees the conversation and nothing else: no files, no clock, no
 * attributes beyond members of the values it is given. Steps, nesting, memory, source and output are limited, and the error
 * names the limit. Everything a rendering makes dies with it.
 *
 * Every byte of the output knows whether it comes from the template or from the input, through every operation: slices,
 * filters, replacements, concatenations, JSON. Only the template's own bytes may become control tokens. Numbers, booleans
 * and dates written out count as input. Settings are those of the libraries models are trained with: trim_blocks and
 * lstrip_blocks on, one newline at the end dropped, undefined values print nothing. Letters change case in ASCII only. */
#ifndef MODEL_JINJA_H
#define MODEL_JINJA_H

#include <stddef.h>
#include <stdint.h>

#include "base/blocks.h"
#include "base/err.h"
#include "base/json.h"
#include "model/gen_request.h"
#include "model/gguf.h"
#include "model/vocab.h"

enum {
    JINJA_SOURCE_BYTES_MAX = 256 << 10,
    JINJA_OUTPUT_BYTES_MAX = 4 << 20, /* also of any one text on the way */
    JINJA_MEMORY_BYTES_MAX = 64 << 20,
    JINJA_STEPS = 1000000,      /* and JINJA_STEPS_PER_BYTE more for each byte of the messages, but at most */
    JINJA_STEPS_MAX = 20000000, /* about a second */
    JINJA_STEPS_PER_BYTE = 100,
    JINJA_DEPTH_MAX = 200, /* nesting of statements, expressions, calls and values, counted together */
};

struct jinja_chat {
    const json_t *variables; /* an object of further variables (enable_thinking), or NULL; data */
    const struct gen_message *messages;
    size_t message_count;
    const json_t *const *details; /* NULL, or per message NULL or an object of further members (name, tool_calls); data */
    const json_t *tools;          /* an array, or NULL: `tools` is none */
    struct gguf_str bos, eos;     /* texts of the control tokens: trusted */
    int add_generation_prompt;
    uint64_t unix_s;    /* what strftime_now prints, in UTC */
    uint32_t steps_max; /* 0: as JINJA_STEPS says */
    size_t memory_max;  /* 0: JINJA_MEMORY_BYTES_MAX */
};

/* Output in stretches, as the tokenizer takes them; neighbours differ in `trusted`. */
struct jinja_text {
    struct vocab_span *span;
    size_t count;
    struct blocks memory; /* holds what the spans point at */
};

/* Without messages (NULL) only `variables` are set, for templates that are no chat templates. ERR_FORMAT: the template does
 * not parse; ERR_UNSUPPORTED: it uses what we do not have, fails, or refuses the conversation (raise_exception; only words
 * of its own are repeated in why); ERR_LIMIT; ERR_NOMEM. The spans live until jinja_text_release, also point into
 * `messages`' and `bos`' texts, and must not be used after a failure. */
int jinja_render(struct jinja_text *out, const char *source, size_t n, const struct jinja_chat *c, struct why *why);
void jinja_text_release(struct jinja_text *t); /* fine on a zeroed one and after a failure */
/* Parses only: 0 or as above. */
int jinja_check(const char *source, size_t n, struct why *why);

#endif
