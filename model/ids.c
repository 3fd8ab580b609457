/* model/ids.c - see ids.h. Growing copies and wipes, as realloc would leave the old ids behind. */
#include "model/ids.h"
#include "base/err.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

void ids_init(struct ids *l, size_t max) {
    size_t most = SIZE_MAX / sizeof *l->id / 2;
    *l = (struct ids){.max = max < most ? max : most};
}

static int grow(struct ids *l) {
    size_t cap = l->cap ? l->cap * 2 : 256;
    if (cap > l->max) cap = l->max;
    int32_t *to = malloc(cap * sizeof *to);
    if (!to) return ERR_NOMEM;
    if (l->count) memcpy(to, l->id, l->count * sizeof *to);
    size_t max = l->max, count = l->count;
    ids_release(l);
    *l = (struct ids){.id = to, .count = count, .cap = cap, .max = max};
    return 0;
}

int ids_add(struct ids *l, int32_t id) {
    if (l->count == l->max) return ERR_CONTEXT;
    if (l->count == l->cap) {
        int r = grow(l);
        if (r != 0) return r;
    }
    l->id[l->count++] = id;
    return 0;
}

void ids_release(struct ids *l) {
    mem_wipe(l->id, l->cap * sizeof *l->id);
    free(l->id);
    *l = (struct ids){0};
}
