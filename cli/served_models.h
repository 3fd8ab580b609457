/* cli/served_models.h - the model names that a gateway lists, and which of them a user means. */
#ifndef CLI_SERVED_MODELS_H
#define CLI_SERVED_MODELS_H

#include <jansson.h>

#include "base/err.h"
#include "base/mem.h"

/* Asks GET /v1/models of gateway (HOST:PORT or a URL without path; bearer may be NULL). 0: *names is a new array of texts, by
 * name. Right after a gateway's start its list can be empty: that is waited for, 3 seconds at most, or until should_stop is
 * non-zero. ERR_LOST, ERR_TIME, ERR_CANCELLED; ERR_FORMAT: what answers there is no gateway; ERR_PERM: it wants a key. */
int served_models(json_t **names, const char *gateway, const char *bearer, int (*should_stop)(void *arg), struct why *why);

/* The name in the list that asked stands for: itself, or the only one that is asked before its colon; with asked NULL the only
 * one there is. Points into names. NULL: none, or several. */
const char *served_model_meant(const json_t *names, const char *asked);

/* "a, b, c": at most eight names, then how many more. */
void served_models_text(const json_t *names, char *out, size_t cap);

#endif
