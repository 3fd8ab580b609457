/* gateway/gw_pins.h - which file each model name stands for: the first manifest that a verified receipt came from is kept, in the
 * text file `pins` of the data folder, one line `NAME MANIFEST-HASH` each. What a directory merely lists is never kept, so
 * nobody can take names, or fill the file, by announcing them. */
#ifndef GATEWAY_GW_PINS_H
#define GATEWAY_GW_PINS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "gateway/gw_draw.h"
#include "seal/names.h"

enum { PINS_MAX = 1024 };
struct pin {
    char name[MODEL_NAME_BYTES];
    uint8_t manifest[32];
    int conflict_told;
};
struct pins {
    char path[560]; /* "": kept in memory only */
    struct pin *list;
    size_t count;
};
/* path NULL: memory only. A missing file is an empty one. ERR_FORMAT with why for a line that is none. */
int pins_open(struct pins *p, const char *path, struct why *why);
void pins_close(struct pins *p);
/* NULL when the name is not pinned. */
const struct pin *pins_find(const struct pins *p, const char *name);
/* A receipt of this manifest verified: the name is pinned if it was not. Writes the file. 0, ERR_LIMIT (the list is full), or
 * what writing gave. */
int pins_add(struct pins *p, const char *name, const uint8_t manifest[32], struct why *why);
/* The next one that answers under the name is pinned anew. ERR_NOTFOUND, or what writing gave. */
int pins_forget(struct pins *p, const char *name, struct why *why);
/* Tells `conflict`, once for each name, which pinned names permitted nodes serve with another manifest. */
void pins_compare(struct pins *p, const struct gw_dir *d, const struct gw_policy *policy, void (*conflict)(const char *name));

#endif
