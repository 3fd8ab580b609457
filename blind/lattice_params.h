/* blind/lattice_params.h - the parameters of the lattice mode: one table, with what each row is estimated to withstand.
 *
 * Experimental construction, not yet reviewed. The figures are classical core-SVP bits of the primal uSVP attack, as printed by
 * tools/lattice-estimate.py, which first checks itself on published ones;
 * a test runs the script and compares. */
#ifndef BLIND_LATTICE_PARAMS_H
#define BLIND_LATTICE_PARAMS_H

#include <stdint.h>

struct lattice_params {
    const char *name;
    uint32_t rank; /* d: ring elements of a secret, coefficients uniform in -1, 0, 1; those of e are uniform in -32..31 */
    uint32_t core_svp_bits; /* classical, floor of 0.292 b */
    uint32_t block_size;    /* b: of the lattice reduction that is estimated to be needed */
};
/* By name ("d6", the standard; "d5", the fast one), or by rank. NULL: there is none. */
const struct lattice_params *lattice_params_named(const char *name);
const struct lattice_params *lattice_params_of_rank(uint32_t rank);
/* The i-th row, the standard first; NULL past the last. */
const struct lattice_params *lattice_params_nth(unsigned i);

#endif
