/* blind/lattice_public.h - the public ring vectors a_j of the lattice mode, one for each input coordinate, common to all matrices
 * of a model: anybody can derive them from the digest of the blind manifest. */
#ifndef BLIND_LATTICE_PUBLIC_H
#define BLIND_LATTICE_PUBLIC_H

#include <stddef.h>
#include <stdint.h>

#include "math/ntt.h"
#include "math/pool.h"

enum { LATTICE_DRAW_BYTES = 1280 /* enough for 256 of 320 draws but once in 10^20; asked for again if not */ };

/* Values of component c of a_j, in the order of math/ntt.h: the first 256 below q of the 4-byte little-endian words, & 2^31 - 1,
 * of SHAKE-128("lull blind A v1" || manifest || u32 j, little endian || u8 c) (FIPS 202). `ask` bytes are squeezed first, 4 or
 * more; the values do not depend on it. ERR_INTERNAL: the library has no SHAKE-128. */
int lattice_public_draw(uint32_t out[NTT_N], const uint8_t manifest[32], uint32_t j, uint8_t c, size_t ask);

struct lattice_public {
    uint32_t cols, rank;
    uint32_t *values; /* [cols][rank][256]: 6 KiB each at rank 6 */
};
/* Derives a_0 ... a_cols-1 (about 30 microseconds each, shared by the pool's threads unless that is NULL). ERR_RANGE, ERR_NOMEM,
 * ERR_INTERNAL; *a is empty then. */
int lattice_public_new(struct lattice_public *a, const uint8_t manifest[32], uint32_t cols, uint32_t rank, struct pool *pool);
void lattice_public_free(struct lattice_public *a); /* fine on a zeroed one */
static inline const uint32_t *lattice_public_at(const struct lattice_public *a, uint32_t j) {
    return a->values + (size_t)j * a->rank * NTT_N;
}

#endif
