/* api/request.h - one generation request as an app wrote it (OpenAI chat completions, Ollama chat and generate), checked and
 * turned into the engine's terms. The gateway parses to refuse early, the node parses the same bytes to answer.
 *
 * Every field is accepted, ignored because that changes nothing, or refused under its own name (request_openai.c,
 * request_ollama.c hold the lists); unknown fields are ignored. */
#ifndef API_REQUEST_H
#define API_REQUEST_H

#include <stddef.h>
#include <stdint.h>

#include "api/errors.h"
#include "base/mem.h"
#include "model/gen_request.h"

enum api_endpoint { API_NO_ENDPOINT, API_V1_CHAT, API_CHAT, API_GENERATE };
/* "/v1/chat/completions", "/api/chat", "/api/generate"; anything else is API_NO_ENDPOINT. */
enum api_endpoint api_endpoint_of(const char *path);
const char *api_endpoint_path(enum api_endpoint e);
enum api_dialect api_dialect_of(enum api_endpoint e);

enum api_action { API_ANSWER, API_LOAD, API_UNLOAD }; /* Ollama's empty requests warm a model up or let it go */
/* Who could have read the prompt, weakest promise first; API_TIER_ANY: nothing asked. */
enum api_tier { API_TIER_ANY, API_TIER_SEALED, API_TIER_ATTESTED, API_TIER_BLIND, API_TIER_LOCAL };
/* 0, or ERR_FORMAT for an unknown name. */
int api_tier_from_name(enum api_tier *out, const char *name);

enum {
    API_BODY_MAX = 8 << 20,       /* bytes of JSON */
    API_GRAMMAR_MAX = 64 << 10,   /* bytes of GBNF */
    API_MODEL_CAP = 136,          /* "name:tag" of 64 + 1 + 64 bytes and a NUL */
    API_DEADLINE_DEFAULT_S = 600, /* what the OpenAI clients wait */
    API_DEADLINE_MAX_S = 24 * 3600
};

struct api_request {
    enum api_endpoint endpoint;
    enum api_action action;
    char asked[API_MODEL_CAP]; /* the model's name as written: replies repeat it */
    char model[API_MODEL_CAP]; /* with its tag: "lull-toy:latest" */
    int stream;
    int include_usage;       /* /v1: a last chunk with usage */
    int include_obfuscation; /* /v1: pad each delta with random letters */
    enum api_tier min_tier;
    int has_seed; /* gen.sampling.seed holds it; else the gateway draws one */
    int has_keep_alive;
    int64_t keep_alive_ms;  /* negative: for ever */
    struct gen_request gen; /* texts live in arena; template_time is the caller's to set */
    struct arena arena;
};

/* 0, or a negative ERR_* with *err filled in and *out zeroed. body need not outlive the call. */
int api_request_parse(struct api_request *out, enum api_endpoint endpoint, const void *body, size_t n, struct api_error *err);
/* Wipes and frees. Fine on a zeroed request. */
void api_request_free(struct api_request *r);

/* Canonical "name:tag" (each part [a-z0-9][a-z0-9._-]{0,63}, tag "latest" when absent): 0 or ERR_FORMAT. */
int api_model_name(char out[API_MODEL_CAP], const char *name, size_t n);
/* X-Stainless-Timeout (whole or decimal seconds) as milliseconds; NULL or nonsense gives the default. */
uint64_t api_deadline_ms(const char *stainless_timeout);

#endif
