/* blind/answer.c - see answer.h. */
#include "blind/answer.h"
#include "base/mem.h"
#include "blind/residues.h"

#include <string.h>

void answer_begin(struct answer *a, const struct freivalds *check, const struct answer_slot *slot, uint32_t *z,
                  const uint32_t *u) {
    *a = (struct answer){.check = check, .slot = *slot, .z = z, .state = ANSWER_OPEN};
    freivalds_expect(check, u, a->want);
}

/* The rows that come next, into their place in z and into the sums. */
static int take_rows(struct answer *a, uint32_t first, uint32_t count, const uint8_t *bytes, size_t n) {
    const struct freivalds *c = a->check;
    if (first != a->rows_in || count == 0 || count > c->rows - first) return ERR_RANGE;
    int r = residues_unpack(c->field, a->z + first, count, bytes, n);
    if (r != 0) return r;
    freivalds_sum(c, first, count, a->z + first, a->sum);
    a->rows_in += count;
    return a->rows_in == c->rows && memcmp(a->sum, a->want, sizeof a->sum) != 0 ? ERR_AUTH : 0;
}

int answer_rows(struct answer *a, uint32_t first, uint32_t count, const uint8_t *bytes, size_t n) {
    if (a->state != ANSWER_OPEN) return ERR_WRONG_STATE;
    int r = take_rows(a, first, count, bytes, n);
    if (r != 0)
        a->state = ANSWER_REFUSED;
    else if (a->rows_in == a->check->rows)
        a->state = ANSWER_PASSED;
    return r;
}

const uint32_t *answer_product(const struct answer *a) { return a->state == ANSWER_PASSED ? a->z : NULL; }

void answer_end(struct answer *a) {
    if (a->check) mem_wipe(a->z, a->check->rows * sizeof *a->z);
    mem_wipe(a, sizeof *a);
}
