/* blind/lattice_fill.c - see lattice_fill.h. */
#include "blind/lattice_fill.h"

#include <string.h>

#include "base/mem.h"
#include "blind/pair_fill.h"
#include "blind/slots_parts.h"

int lattice_fill(struct blind_session *s, struct slots *t, struct lattice_store *masks, const int32_t *x) {
    if (t->filled >= t->count || !blind_session_alive(s) || memcmp(s->name, t->name, sizeof t->name) != 0) return ERR_WRONG_STATE;
    int r = lattice_store_mask(masks, t->stack, t->first + t->filled, x, s->scratch);
    if (r == 0)
        r = slots_fill(s, t, s->scratch);
    else
        t->filled = SLOTS_SPOILED;
    mem_wipe(s->scratch, t->linear->cols * sizeof *s->scratch);
    return r;
}

int lattice_expect(const struct slots *t, uint32_t i, const struct freivalds *check, struct answer *a, uint32_t *z, uint32_t *u) {
    return pair_expect_input(t, i, check, a, z, u); /* one worker's part is the same in both modes */
}

int lattice_open(const struct blind_session *s, struct lattice_store *masks, const struct answer *a, int32_t *y) {
    const uint32_t *z = answer_product(a);
    if (z == NULL || a->slot.input != ANSWER_TO_DATA || memcmp(a->slot.session, s->name, sizeof s->name) != 0)
        return ERR_WRONG_STATE;
    return lattice_store_unmask(masks, a->slot.stack, a->slot.n, z, y);
}
