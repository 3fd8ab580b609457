/* model/ids.h - a growable list of token ids, born with its maximum and wiped when released: ids are content. */
#ifndef MODEL_IDS_H
#define MODEL_IDS_H

#include <stddef.h>
#include <stdint.h>

struct ids {
    int32_t *id;
    size_t count, cap, max;
};
void ids_init(struct ids *l, size_t max);
/* 0; ERR_CONTEXT when max is reached; ERR_NOMEM. Unchanged on failure. */
int ids_add(struct ids *l, int32_t id);
void ids_release(struct ids *l); /* fine on a zeroed list */

#endif
