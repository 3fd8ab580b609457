/* gateway/gw_models.c - see gw_models.h. */
#include "gateway/gw_models.h"
#include "base/err.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAMED_MAX = 8, NAMES_BYTES = 256 };

static int by_name(const void *a, const void *b) {
    return strcmp(((const struct gw_model *)a)->model->name, ((const struct gw_model *)b)->model->name);
}

size_t gw_models_list(const struct gateway *g, struct gw_model *out, size_t cap) {
    size_t count = 0;
    for (size_t i = 0; i < g->dir.count; i++) {
        const struct record *rec = &g->dir.nodes[i].record;
        if (!gw_policy_allows(&g->o.policy, rec)) continue;
        for (size_t k = 0; k < rec->model_count; k++) {
            const struct pin *pin = pins_find(&g->pins, rec->models[k].name);
            size_t at = 0;
            if (!pin || record_model(rec, pin->name, pin->manifest) != &rec->models[k]) continue;
            while (at < count && strcmp(out[at].model->name, pin->name) != 0) at++;
            if (at == count && count == cap) continue;
            if (at == count)
                out[count++] = (struct gw_model){&rec->models[k], rec->keys.not_before};
            else if (rec->keys.not_before < out[at].since)
                out[at].since = rec->keys.not_before;
        }
    }
    qsort(out, count, sizeof *out, by_name);
    return count;
}

int gw_models_resolve(const struct gateway *g, char full[API_MODEL_CAP]) {
    const char *colon = strchr(full, ':'), *only = NULL;
    if (pins_find(&g->pins, full)) return 0;
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
