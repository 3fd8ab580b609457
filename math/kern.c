/* math/kern.c - the choice of an implementation. */
#include "math/kern.h"

#include <string.h>

#include "math/kern_table.h"

#if defined(__x86_64__)
#define X86(table) &(table)
#else
#define X86(table) NULL
#endif
#if defined(__aarch64__)
#define ARM(table) &(table)
#else
#define ARM(table) NULL
#endif

/* Of one architecture, later rows are faster. */
static const struct {
    const char *name;
    const struct kern *table; /* NULL: not for the architecture that this was compiled for */
} kernels[] = {
    {"plain", &kern_plain},         {"avx2", X86(kern_avx2)},
    {"avxvnni", X86(kern_avxvnni)}, {"avx512vnni", X86(kern_avx512vnni)},
    {"neon", ARM(kern_neon)},       {"neoni8mm", ARM(kern_neoni8mm)},
};
enum { KERNELS = sizeof kernels / sizeof *kernels };
#define KERN_NAMES "plain, avx2, avxvnni, avx512vnni (x86-64), neon, neoni8mm (AArch64)"

static int runs_here(unsigned i) { return kernels[i].table != NULL && kernels[i].table->supported(); }

int kern_select(const struct kern **out, const char *forced, struct why *why) {
    if (forced == NULL || *forced == '\0') {
        for (unsigned i = 0; i < KERNELS; i++)
            if (runs_here(i)) *out = kernels[i].table;
        return 0;
    }
    for (unsigned i = 0; i < KERNELS; i++) {
        if (strcmp(forced, kernels[i].name) != 0) continue;
        if (!runs_here(i))
            return why_set(why, ERR_UNSUPPORTED, "kernels \"%s\" need a processor that has them; this one can run another of: %s",
                           kernels[i].name, KERN_NAMES);
        *out = kernels[i].table;
        return 0;
    }
    return why_set(why, ERR_USAGE, "unknown kernels; use one of: %s (or nothing, for the fastest)", KERN_NAMES);
}

const char *kern_name(const struct kern *k) { return k->name; }

const struct kern *kern_nth(unsigned i) {
    for (unsigned t = 0; t < KERNELS; t++)
        if (runs_here(t) && i-- == 0) return kernels[t].table;
    return NULL;
}
