/* blind/lattice_params.c - see lattice_params.h. */
#include "blind/lattice_params.h"

#include <stddef.h>
#include <string.h>

/* Rank 5 saves a sixth of the hint and of the masks' time. Nothing below 100 bits belongs here. */
static const struct lattice_params table[] = {
    {.name = "d6", .rank = 6, .core_svp_bits = 162, .block_size = 555},
    {.name = "d5", .rank = 5, .core_svp_bits = 127, .block_size = 437},
};
enum { ROWS = sizeof table / sizeof *table };

const struct lattice_params *lattice_params_nth(unsigned i) { return i < ROWS ? &table[i] : NULL; }

const struct lattice_params *lattice_params_named(const char *name) {
    for (unsigned i = 0; i < ROWS; i++)
        if (strcmp(name, table[i].name) == 0) return &table[i];
    return NULL;
}

const struct lattice_params *lattice_params_of_rank(uint32_t rank) {
    for (unsigned i = 0; i < ROWS; i++)
        if (rank == table[i].rank) return &table[i];
    return NULL;
}
