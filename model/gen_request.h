/* model/gen_request.h - what one answer is asked for, after parsing and before templates: the node's and `lull run`'s input.
 *
 * Nothing here owns memory; whoever fills it (api/ from JSON, the command line) keeps the texts alive. */
#ifndef MODEL_GEN_REQUEST_H
#define MODEL_GEN_REQUEST_H

#include <stddef.h>
#include <stdint.h>

enum gen_role { ROLE_SYSTEM, ROLE_USER, ROLE_ASSISTANT, ROLE_TOOL };
struct gen_text {
    const char *p; /* any bytes; need not end with NUL */
    size_t n;
};
struct gen_message {
    enum gen_role role;
    struct gen_text content;
};

/* Parameters of rule 12 (PROTOCOL.md, Sampler). Rounded once from the request to f32. */
struct gen_sampling {
    float temperature;                         /* 0: greedy */
    int32_t top_k;                             /* 0: off */
    float top_p, min_p;                        /* 1 and 0: off */
    float repeat_penalty;                      /* 1: off */
    float presence_penalty, frequency_penalty; /* 0: off */
    int32_t repeat_last_n;                     /* 64; 0: off; -1: all */
    uint64_t seed;
};
struct gen_bias {
    int32_t id;
    float bias;
};

/* What the answer's text must be, as a whole: sampling leaves out the ids that would break it (PROTOCOL.md, Grammars). */
enum gen_format_kind {
    FORMAT_TEXT,   /* anything */
    FORMAT_JSON,   /* a JSON object */
    FORMAT_SCHEMA, /* JSON that the JSON Schema in `text` describes */
    FORMAT_GBNF,   /* what the grammar in `text` matches */
};
struct gen_format {
    enum gen_format_kind kind;
    struct gen_text text;
};

enum { GEN_STOPS_MAX = 16, GEN_STOP_BYTES_MAX = 256, GEN_BIAS_MAX = 1024, GEN_MESSAGES_MAX = 4096 };
struct json_t; /* jansson's */

/* What a conversation may have beyond roles and texts, for templates that know what to do with it (model/template.h). All of it is
 * data. The APIs do not take it yet; the command line does. */
struct gen_extras {
    const struct json_t *const *details; /* NULL, or per message NULL or an object of further members: name, tool_calls */
    const struct json_t *tools;          /* an array, or NULL */
    const struct json_t *options;        /* an object of variables for the template (enable_thinking), or NULL */
};

struct gen_request {
    /* Either messages (a template is applied) or raw text (specials are not parsed, BOS as the vocabulary says). */
    const struct gen_message *messages;
    size_t message_count;
    struct gen_extras extras;
    int raw; /* 1: prompt is `text`, no template */
    struct gen_text text;
    struct gen_sampling sampling;
    const struct gen_bias *bias;
    size_t bias_count;
    struct gen_text stop[GEN_STOPS_MAX];
    size_t stop_count;
    struct gen_format format;
    uint32_t max_tokens;       /* 0: as many as the context holds */
    uint32_t context_limit;    /* 0: the model's; else prompt + answer must fit it (Ollama's num_ctx) */
    uint64_t template_time;    /* unix seconds that a template may print as the date */
    const uint8_t *cache_salt; /* 16 bytes: full KV pages are kept and shared under it (model/prefix.h); NULL: none is */
    uint32_t top_logprobs;     /* alternatives wanted per token, for display only */
    int logprobs;
};

/* 1: the answer's text begins with its first id, so that a blank which the vocabulary puts in front is not shown. */
static inline int gen_at_start(const struct gen_request *r) { return !r->raw || r->text.n == 0; }

/* Greedy, no cuts, no penalties: the command line's defaults. */
#define GEN_SAMPLING_GREEDY ((struct gen_sampling){.top_p = 1, .repeat_penalty = 1, .repeat_last_n = 64})

#endif
