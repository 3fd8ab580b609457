/* gateway/gw_models.h - the models that a request would be served with now, and what a name that an app wrote stands for. */
#ifndef GATEWAY_GW_MODELS_H
#define GATEWAY_GW_MODELS_H

#include "api/request.h"
#include "gateway/gw.h"

struct gw_model {
    const struct manifest *model; /* in the directory: valid until the next one is taken */
    uint64_t since;               /* the oldest key statement that lists it, unix */
};
/* One row for each name that a permitted node serves with the file that the name stands for, or that is prepared for tier blind, by name.
 * When all requests want tier blind, the latter alone. */
size_t gw_models_list(const struct gateway *g, struct gw_model *out, size_t cap);

/* The manifest that a full name stands for: the pinned one, else the one that most permitted nodes serve (of equals the lowest
 * hash). ERR_NOTFOUND: neither. */
int gw_models_choose(const struct gateway *g, const char *name, uint8_t manifest[32]);

/* Puts the name that is meant into full, a full name already: it stays what it is if it is pinned or served; NAME:latest, which is also
 * what a name without a tag became, turns into NAME:TAG when that is the only model called NAME. ERR_NOTFOUND: neither. */
int gw_models_resolve(const struct gateway *g, char full[API_MODEL_CAP]);

/* "model 'asked' not found; this network serves: a, b" - at most eight of them. asked may be "". */
void gw_models_missing(const struct gateway *g, const char *asked, struct api_error *e);

#endif
