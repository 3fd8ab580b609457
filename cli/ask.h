/* cli/ask.h - one streamed chat request to a gateway over its OpenAI API: what `chat`, `demo` and the end-to-end tests send. */
#ifndef CLI_ASK_H
#define CLI_ASK_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct ask {
    /* in */
    const char *gateway;    /* HOST:PORT or a URL without path */
    const char *bearer;     /* NULL: none */
    const char *min_tier;   /* the least tier that may answer; NULL: the gateway's */
    const char *blind_mode; /* that tier blind must have: "pair", "lattice"; NULL: the gateway's */
    const json_t *body;     /* of /v1/chat/completions; must have "stream": true */
    uint32_t silence_ms;    /* 0: 60000 */
    void (*on_text)(void *arg, const char *text, size_t n); /* each delta, in order; may be NULL */
    int (*should_stop)(void *arg);                          /* non-zero cancels; may be NULL */
    void *arg;
    /* out */
    int status;                               /* HTTP */
    int deltas;                               /* content chunks seen */
    char finish[32];                          /* finish_reason; "" when the stream broke */
    char receipt[80];                         /* id of the receipt */
    char error[512];                          /* the gateway's own error sentence; "" when there was none */
    int64_t prompt_tokens, completion_tokens; /* -1 when the gateway sent no usage */
    int done;                                 /* data: [DONE] was seen */
};
/* 0: a whole answer. ERR_CANCELLED; ERR_LOST, ERR_TIME: gateway; ERR_FORMAT: not a stream as documented;
 * ERR_UNSUPPORTED: the gateway answered with an error object (status, error). */
int ask_run(struct ask *a, struct why *why);

#endif
