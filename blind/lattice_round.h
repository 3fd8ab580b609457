/* blind/lattice_round.h - the step of mode `lattice` that rounds: from an input and its mask to what is sent.
 *
 *     sent = R_qp(mask + R_pq(x mod p) mod q),   R_pq(v) = round(q v / p) mod q,   R_qp(v) = round(p v / q) mod p
 * to the nearest integer, in integers; p and q are odd, so there are no ties (struct ntt_scale). The order matters: x is added
 * before rounding, so that a uniform mask makes the sum uniform and what is sent is distributed alike for every x. Rounded first,
 * a mask has 120 or 121 preimages for each residue, and x moves that pattern about: whoever guesses x would gain about 4 nats per
 * token of a 1.2e9-weight model. The moduli are parameters so that a test can try all masks at small ones. */
#ifndef BLIND_LATTICE_ROUND_H
#define BLIND_LATTICE_ROUND_H

#include "math/ntt.h"

struct lattice_round {
    uint32_t q, p;
    struct ntt_scale to_q, to_p;
};
/* ERR_RANGE: moduli that ntt_scale_init refuses, or p >= q. */
int lattice_round_init(struct lattice_round *r, uint32_t q, uint32_t p);
/* u[n] from x[n], |x[j]| <= p / 2, and mask[n], residues mod q. ERR_RANGE: an x[j]; u is then zero. No branch depends on x or
 * mask but that. */
int lattice_round_send(const struct kern *k, const struct lattice_round *r, const int32_t *x, const uint32_t *mask, uint32_t *u,
                       uint32_t n);

#endif
