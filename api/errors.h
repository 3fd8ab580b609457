/* api/errors.h - what went wrong, in the words of the caller's dialect.
 *
 * One table (errors.c) maps each code to HTTP status, OpenAI type and code, Ollama text and retry headers. The first twelve are
 * the network's closed set of codes (PROTOCOL.md, Codes), in that order and under those names; the others are the gateway's own. */
#ifndef API_ERRORS_H
#define API_ERRORS_H

#include <stdint.h>

#include "base/mem.h"

enum api_dialect { API_OPENAI, API_OLLAMA };

enum api_code {
    API_CODE_NONE = 0,
    API_REFUSED,      /* no candidate could open the request */
    API_VERSION,      /* a peer speaks another version */
    API_BUSY,         /* all slots taken, or the queue is full */
    API_DRAINING,     /* the node is leaving */
    API_NO_MODEL,     /* nobody serves it */
    API_TOO_LARGE,    /* body over its limit */
    API_BAD_REQUEST,  /* malformed or out of range: param says where */
    API_CONTEXT_OVER, /* prompt and answer do not fit the context */
    API_DEADLINE,     /* the caller's time is over */
    API_CANCELLED,    /* the caller left */
    API_RATE,         /* too many requests */
    API_INTERNAL,     /* a bug, or an engine failure */
    API_UNSUPPORTED,  /* well-formed, but nothing here can do it: param says what */
    API_NO_TIER,      /* no node meets the least tier that the caller asked for */
    API_NO_NODE,      /* no node of that model is known or reachable now */
    API_LOST,         /* every node tried has gone away */
    API_BAD_ANSWER,   /* a node answered wrongly: digest, receipt or order does not verify */
    API_NO_ROUTE,     /* no such endpoint */
    API_METHOD,       /* wrong HTTP method */
    API_KEY,          /* bearer key missing or wrong */
    API_FORBIDDEN,    /* foreign Host or Origin */
    API_MEDIA,        /* compressed or otherwise unreadable body */
    API_UNPAID,       /* who could serve has been paid for no more, or does not know the token */
    API_CODE_COUNT
};

/* What to tell the caller. The texts are ours: they name fields and limits, never what a field held. */
struct api_error {
    enum api_code code;
    char param[96];    /* "messages[3].content", or "" */
    char message[512]; /* "" uses the table's */
};

/* Fills e (code, param may be NULL) by printf rules. */
void api_error_set(struct api_error *e, enum api_code code, const char *param, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* The network's name of a code ("busy"); the others have names too, for the log. */
const char *api_code_name(enum api_code code);
/* API_CODE_NONE when the name is not one of the network's twelve. */
enum api_code api_code_from_name(const char *name);

struct api_error_head {
    int status;               /* HTTP status */
    const char *should_retry; /* value of x-should-retry: "true", "false" */
    uint32_t retry_after_ms;  /* 0: no retry-after headers */
};
/* after_work: node time was spent already, so the client must not repeat by itself whatever the code says. */
struct api_error_head api_error_head(const struct api_error *e, enum api_dialect dialect, int after_work);

/* Appends the body: {"error":{message,type,param,code}} or {"error":"text"}. 0 or ERR_NOMEM. */
int api_error_body(struct buf *out, const struct api_error *e, enum api_dialect dialect);
/* Appends what ends a stream that cannot go on: an SSE data event, or an NDJSON line. Nothing may follow, not even [DONE]. */
int api_error_in_stream(struct buf *out, const struct api_error *e, enum api_dialect dialect);

#endif
