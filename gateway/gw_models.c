/* gateway/gw_models.c - see gw_models.h. */
#include "gateway/gw_models.h"
#include "base/err.h"
#include "base/mem.h"
#include "gateway/gw_blind.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAMED_MAX = 8, NAMES_BYTES = 256 };

static int by_name(const void *a, const void *b) {
    return strcmp(((const struct gw_model *)a)->model->name, ((const struct gw_model *)b)->model->name);
}

/* The place of that name among the node's models, -1: not there, or the node is not permitted. */
static int place_of(const struct gateway *g, const struct gw_node *n, const char *name) {
    if (!gw_policy_allows(&g->o.policy, &n->record)) return -1;
    for (int k = 0; k < n->record.model_count; k++)
        if (strcmp(n->record.models[k].name, name) == 0) return k;
    return -1;
}

static size_t offers(const struct gateway *g, const char *name, const uint8_t hash[32]) {
    size_t count = 0;
    for (size_t i = 0; i < g->dir.count; i++) {
        int k = place_of(g, &g->dir.nodes[i], name);
        count += k >= 0 && memcmp(g->dir.nodes[i].model_hash[k], hash, 32) == 0;
    }
    return count;
}

int gw_models_choose(const struct gateway *g, const char *name, uint8_t manifest[32]) {
    const struct pin *pin = pins_find(&g->pins, name);
    size_t best = 0;
    if (pin) {
        memcpy(manifest, pin->manifest, 32);
        return 0;
    }
    for (size_t i = 0; i < g->dir.count; i++) {
        int k = place_of(g, &g->dir.nodes[i], name);
        const uint8_t *hash = k < 0 ? NULL : g->dir.nodes[i].model_hash[k];
        if (!hash || (best && memcmp(hash, manifest, 32) == 0)) continue;
        size_t count = offers(g, name, hash);
        if (count < best || (count == best && memcmp(hash, manifest, 32) > 0)) continue;
        best = count;
        memcpy(manifest, hash, 32);
    }
    return best ? 0 : ERR_NOTFOUND;
}

/* Those who serve the manifest that the name stands for. Returns 1 when there are any. */
static int describe(const struct gateway *g, const char *name, struct gw_model *out) {
    uint8_t manifest[32];
    *out = (struct gw_model){.since = UINT64_MAX};
    if (gw_models_choose(g, name, manifest) != 0) return 0;
    for (size_t i = 0; i < g->dir.count; i++) {
        const struct gw_node *n = &g->dir.nodes[i];
        int k = place_of(g, n, name);
        if (k < 0 || memcmp(n->model_hash[k], manifest, 32) != 0) continue;
        out->model = &n->record.models[k];
        if (n->record.keys.not_before < out->since) out->since = n->record.keys.not_before;
    }
    return out->model != NULL;
}

/* Those of tier blind. */
static size_t list_prepared(const struct gateway *g, struct gw_model *out, size_t cap) {
    size_t count = 0;
    for (; g->blind && count < g->blind->count && count < cap; count++)
        out[count] = (struct gw_model){.model = &g->blind->models[count].shown, .since = g->blind->models[count].since_s};
    return count;
}

size_t gw_models_list(const struct gateway *g, struct gw_model *out, size_t cap) {
    size_t count = list_prepared(g, out, cap), nodes = g->o.blind.least == API_TIER_BLIND ? 0 : g->dir.count;
    for (size_t i = 0; i < nodes; i++) {
        const struct record *rec = &g->dir.nodes[i].record;
        for (size_t k = 0; k < rec->model_count && count < cap && gw_policy_allows(&g->o.policy, rec); k++) {
            size_t at = 0;
            while (at < count && strcmp(out[at].model->name, rec->models[k].name) != 0) at++;
            if (at == count) count += (size_t)describe(g, rec->models[k].name, &out[count]);
        }
    }
    qsort(out, count, sizeof *out, by_name);
    return count;
}

int gw_models_resolve(const struct gateway *g, char full[API_MODEL_CAP]) {
    const char *colon = strchr(full, ':'), *only = NULL;
    uint8_t manifest[32];
    if (gw_models_choose(g, full, manifest) == 0) return 0;
    if (!colon || strcmp(colon, ":latest") != 0) return ERR_NOTFOUND;
    struct gw_model *list = mem_zalloc(PINS_MAX, sizeof *list);
    size_t n = (size_t)(colon - full) + 1, matches = 0, count = list ? gw_models_list(g, list, PINS_MAX) : 0;
    for (size_t i = 0; i < count; i++)
        if (strncmp(list[i].model->name, full, n) == 0) only = list[i].model->name, matches++;
    if (matches == 1) snprintf(full, API_MODEL_CAP, "%s", only);
    free(list);
    return matches == 1 ? 0 : ERR_NOTFOUND;
}

/* "a, b and 3 more" */
static size_t name_some(const struct gateway *g, char *out, size_t cap) {
    struct gw_model *list = mem_zalloc(PINS_MAX, sizeof *list);
    size_t count = list ? gw_models_list(g, list, PINS_MAX) : 0, at = 0, i = 0;
    out[0] = 0;
    for (; i < count && i < NAMED_MAX && at + strlen(list[i].model->name) + sizeof ",  and 1024 more" < cap; i++)
        at += (size_t)snprintf(out + at, cap - at, "%s%s", i ? ", " : "", list[i].model->name);
    if (i < count) snprintf(out + at, cap - at, " and %zu more", count - i);
    free(list);
    return count;
}

void gw_models_missing(const struct gateway *g, const char *asked, struct api_error *e) {
    char names[NAMES_BYTES];
    size_t count = name_some(g, names, sizeof names);
    const char *quote = *asked ? " '" : "", *end = *asked ? "'" : "";
    if (count)
        api_error_set(e, API_NO_MODEL, "model", "model%s%s%s not found; this network serves: %s", quote, asked, end, names);
    else
        api_error_set(e, API_NO_MODEL, "model", "model%s%s%s not found; this network serves no model now", quote, asked, end);
}
