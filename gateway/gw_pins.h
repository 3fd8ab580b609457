/* gateway/gw_pins.h - which file each model name stands for: the first manifest seen under a name is kept, in the text file
 * `pins` of the data folder, one line `NAME MANIFEST-HASH` each. Deleting a line lets the next one in. */
#ifndef GATEWAY_GW_PINS_H
#define GATEWAY_GW_PINS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "gateway/gw_dir.h"
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
/* NULL when the name was never seen. */
const struct pin *pins_find(const struct pins *p, const char *name);
/* Pins every new name of the directory and writes the file when there were any. A name that is served with another manifest
 * than its pin is told to `conflict` once. 0, ERR_LIMIT (the list is full), or what writing gave. */
int pins_learn(struct pins *p, const struct gw_dir *d, void (*conflict)(const char *name), struct why *why);

#endif
