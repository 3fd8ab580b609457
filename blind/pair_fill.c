/* blind/pair_fill.c - see pair_fill.h. */
#include "blind/pair_fill.h"
#include "base/mem.h"
#include "blind/slots_parts.h"

#include <string.h>

int pair_order_key(const struct blind_session *s, uint32_t batch, uint8_t key[PAIR_KEY_BYTES]) {
    if (!blind_session_alive(s)) return ERR_WRONG_STATE;
    pair_batch_key(key, s->key, batch);
    return 0;
}

static struct answer_slot slot_of(const uint8_t name[SLOTS_SESSION_BYTES], uint32_t stack, uint32_t n, enum answer_input input) {
    struct answer_slot slot = {.stack = stack, .n = n, .input = input};
    memcpy(slot.session, name, sizeof slot.session);
    return slot;
}

static int same_slot(const struct answer_slot *a, const struct answer_slot *b) {
    return a->stack == b->stack && a->n == b->n && a->input == b->input && memcmp(a->session, b->session, sizeof a->session) == 0;
}

/* The mask of a slot into the session's scratch. */
static void mask_to_scratch(struct blind_session *s, uint32_t stack, uint32_t n) {
    uint32_t batch = pair_batch_of(n);
    if (!s->batch_known || s->batch != batch) pair_batch_key(s->batch_key, s->key, batch);
    s->batch_known = 1;
    s->batch = batch;
    pair_mask(s->linear[stack].field, s->batch_key, stack, n, s->scratch, s->linear[stack].cols);
}

static void wipe_scratch(struct blind_session *s, uint32_t stack) {
    mem_wipe(s->scratch, s->linear[stack].cols * sizeof *s->scratch);
}

static int check_fits(const struct freivalds *c, const struct linear *l) {
    return c->rows == l->rows && c->cols == l->cols && c->field == l->field;
}

int pair_expect_mask(struct blind_session *s, const struct freivalds *check, uint32_t stack, uint32_t n, struct answer *a,
                     uint32_t *z) {
    if (!blind_session_alive(s)) return ERR_WRONG_STATE;
    if (stack >= s->stacks || n >= SLOTS_N_MAX || !check_fits(check, &s->linear[stack])) return ERR_RANGE;
    struct answer_slot slot = slot_of(s->name, stack, n, ANSWER_TO_MASK);
    mask_to_scratch(s, stack, n);
    answer_begin(a, check, &slot, z, s->scratch);
    wipe_scratch(s, stack);
    return 0;
}

int pair_fill(struct blind_session *s, struct slots *t, const int32_t *x, const struct answer *wr) {
    if (t->filled >= t->count || !blind_session_alive(s)) return ERR_WRONG_STATE;
    struct answer_slot slot = slot_of(s->name, t->stack, t->first + t->filled, ANSWER_TO_MASK);
    if (!answer_product(wr) || !same_slot(&slot, &wr->slot)) return ERR_WRONG_STATE;
    mask_to_scratch(s, slot.stack, slot.n);
    int r = pair_mask_add(t->linear->field, x, s->scratch, s->scratch, t->linear->cols);
    if (r == 0)
        r = slots_fill(s, t, s->scratch);
    else
        t->filled = SLOTS_SPOILED;
    wipe_scratch(s, slot.stack);
    return r;
}

int pair_expect_input(const struct slots *t, uint32_t i, const struct freivalds *check, struct answer *a, uint32_t *z,
                      uint32_t *u) {
    if (!check_fits(check, t->linear)) return ERR_RANGE;
    int r = slots_column(t, i, u);
    if (r != 0) return r;
    struct answer_slot slot = slot_of(t->name, t->stack, t->first + i, ANSWER_TO_DATA);
    answer_begin(a, check, &slot, z, u);
    return 0;
}

int pair_open(const struct answer *wu, const struct answer *wr, int32_t *y) {
    const uint32_t *z = answer_product(wu), *masks = answer_product(wr);
    if (!z || !masks || wu->slot.input != ANSWER_TO_DATA || wr->slot.input != ANSWER_TO_MASK) return ERR_WRONG_STATE;
    struct answer_slot twin = wr->slot;
    twin.input = ANSWER_TO_DATA;
    if (!same_slot(&twin, &wu->slot) || wu->check != wr->check) return ERR_WRONG_STATE;
    pair_mask_remove(wu->check->field, z, masks, y, wu->check->rows);
    return 0;
}
