/* model/template.h - chat templates: messages to token ids, in the format a model was trained on.
 *
 * The template text in a model file is a program. Common ones are recognised, and ordinary conversations in their formats written by functions
 * of ours where those give the same tokens; all else is run (model/jinja.h): other templates, tools, odd orders of messages, texts with what
 * may be markers. Either way its own words are tokenized with special tokens, the messages never: a user cannot write a turn marker. */
#ifndef MODEL_TEMPLATE_H
#define MODEL_TEMPLATE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "model/gen_request.h"
#include "model/gguf.h"
#include "model/ids.h"
#include "model/vocab.h"

enum template_format {
    TEMPLATE_NONE, /* template_render refuses */
    TEMPLATE_CHATML,
    TEMPLATE_QWEN25,
    TEMPLATE_QWEN3,
    TEMPLATE_LLAMA3,
    TEMPLATE_LLAMA2,
    TEMPLATE_MISTRAL_V1,
    TEMPLATE_MISTRAL_V3,
    TEMPLATE_MISTRAL_TEKKEN,
    TEMPLATE_MISTRAL_V7,
    TEMPLATE_GEMMA,
    TEMPLATE_PHI3,
    TEMPLATE_ZEPHYR,
    TEMPLATE_JINJA, /* the template itself is run */
};

struct chat_template {
    enum template_format format;
    int prints_date;        /* Llama 3.1 and later begin with a knowledge and a current date */
    int runs;               /* the source parses: it can be run */
    struct gguf_str source; /* tokenizer.chat_template, empty when absent; points into the model file */
};

/* Looks at tokenizer.chat_template, or without one at the vocabulary (ChatML when it has <|im_start|> and <|im_end|>).
 * A recognised format is kept only when it gives the same tokens as the template itself for a set of conversations; else the
 * template is run. Never fails: a template that is not known and does not parse gives TEMPLATE_NONE. */
void template_detect(struct chat_template *t, const struct gguf *g, const struct vocab *v);
/* The same for a template's text, for tests and other sources. */
void template_detect_text(struct chat_template *t, const char *text, size_t n, const struct vocab *v);
const char *template_name(enum template_format f); /* "chatml"; "none" */

/* Appends the ids of the whole conversation and of the words that open the assistant's answer. unix_s is the day printed by
 * templates that print one. ERR_UNSUPPORTED: no usable template, or a role it has no words for; ERR_USAGE: no messages;
 * ERR_CONTEXT, ERR_NOMEM, ERR_LIMIT as vocab_encode. out is then as before. */
int template_render(const struct chat_template *t, const struct vocab *v, const struct gen_message *m, size_t count,
                    uint64_t unix_s, struct ids *out, struct why *why);

/* A conversation with more than roles and texts. Everything but the roles is data, never a control token. */
struct template_chat {
    const struct gen_message *messages;
    size_t count;
    const json_t *const *details; /* NULL, or per message NULL or an object of further members: name, tool_calls, content */
    const json_t *tools;          /* an array, or NULL */
    const json_t *options;        /* an object of variables for the template: enable_thinking; or NULL */
    int no_answer;                /* the words that open the assistant's answer are left out */
    uint64_t unix_s;
};
/* The same as template_render for it. A template that cannot be run has no words for details, tools and options. */
int template_render_chat(const struct chat_template *t, const struct vocab *v, const struct template_chat *c, struct ids *out,
                         struct why *why);

#endif
