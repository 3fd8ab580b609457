/* math/kern.c - the choice of an implementation. */
#include "math/kern.h"

#include <string.h>

#include "math/kern_table.h"

static const struct kern *const tables[] = {
    &kern_plain,
#if defined(__x86_64__)
    &kern_avx2,
    &kern_avx512vnni,
#endif
};
enum { TABLES = sizeof tables / sizeof *tables };
#define KERN_NAMES "plain, avx2, avx512vnni"

int kern_select(const struct kern **out, const char *forced, struct why *why) {
    if (forced == NULL || *forced == '\0') {
        for (unsigned i = 0; i < TABLES; i++)
            if (tables[i]->supported()) *out = tables[i]; /* later rows are faster; plain always can */
        return 0;
    }
    for (unsigned i = 0; i < TABLES; i++) {
        if (strcmp(forced, tables[i]->name) != 0) continue;
        if (!tables[i]->supported())
            return why_set(why, ERR_UNSUPPORTED, "kernels \"%s\" need a processor that has them; this one can run another of: %s",
                           tables[i]->name, KERN_NAMES);
        *out = tables[i];
        return 0;
    }
    if (strstr(KERN_NAMES, forced) != NULL && strcmp(forced, "avx2") * strcmp(forced, "avx512vnni") == 0)
        return why_set(why, ERR_UNSUPPORTED, "kernels \"%s\" are for x86-64 processors; use plain", forced);
    return why_set(why, ERR_USAGE, "unknown kernels; use one of: %s (or nothing, for the fastest)", KERN_NAMES);
}

const char *kern_name(const struct kern *k) { return k->name; }

const struct kern *kern_nth(unsigned i) {
    for (unsigned t = 0; t < TABLES; t++)
        if (tables[t]->supported() && i-- == 0) return tables[t];
    return NULL;
}
