/* net/httpc.h - a small blocking HTTP client for the command line (libcurl). Buffers are wiped. */
#ifndef NET_HTTPC_H
#define NET_HTTPC_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct httpc_call {
    const char *url;          /* http:// or https:// */
    const char *method;       /* "GET", "POST", "DELETE" */
    const char *content_type; /* NULL: none; of the body */
    const void *body;
    size_t body_len;
    const char *bearer;     /* NULL: none */
    const char *min_tier;   /* value of lull-min-tier; NULL: not sent */
    const char *blind_mode; /* value of lull-blind-mode; NULL: not sent */
    uint32_t connect_ms;    /* 0: 5000 */
    uint32_t silence_ms;    /* no byte for so long: ERR_TIME; 0: 60000 */
    /* Body bytes as they come; other than 0 ends the call with ERR_CANCELLED. May be NULL. */
    int (*on_data)(void *arg, const uint8_t *p, size_t n);
    /* Asked about ten times a second; other than 0 ends the call with ERR_CANCELLED. May be NULL. */
    int (*should_stop)(void *arg);
    void *arg;
};
struct httpc_reply {
    int status;
    char content_type[128];
    char receipt[80]; /* the lull-receipt header; "" when absent */
};
/* 0: the answer came whole, whatever its status. ERR_LOST: not reachable or broken off; ERR_TIME; ERR_CANCELLED; ERR_USAGE: url. */
int httpc_run(const struct httpc_call *c, struct httpc_reply *reply, struct why *why);

#endif
