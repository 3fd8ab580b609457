/* blind/lattice_round.c - see lattice_round.h. */
#include "blind/lattice_round.h"

#include "base/mem.h"

int lattice_round_init(struct lattice_round *r, uint32_t q, uint32_t p) {
    *r = (struct lattice_round){.q = q, .p = p};
    if (p >= q) return ERR_RANGE;
    int e = ntt_scale_init(&r->to_q, q, p);
    return e == 0 ? ntt_scale_init(&r->to_p, p, q) : e;
}

int lattice_round_send(const struct kern *k, const struct lattice_round *r, const int32_t *x, const uint32_t *mask, uint32_t *u,
                       uint32_t n) {
    uint32_t over = 0;
    for (uint32_t j = 0; j < n; j++) {
        uint32_t minus = 0u - ((uint32_t)x[j] >> 31), magnitude = ((uint32_t)x[j] ^ minus) - minus;
        over |= r->p / 2 - magnitude; /* the top bit: too large */
        u[j] = (uint32_t)x[j] + (r->p & minus);
    }
    if (over >> 31) {
        mem_wipe(u, n * sizeof *u);
        return ERR_RANGE;
    }
    ntt_scale_apply(k, &r->to_q, u, u, n);
    for (uint32_t j = 0; j < n; j++) {
        uint32_t sum = u[j] + mask[j]; /* below 2q < 2^32 */
        u[j] = sum - (r->q & (0u - (uint32_t)(sum >= r->q)));
    }
    ntt_scale_apply(k, &r->to_p, u, u, n);
    return 0;
}
