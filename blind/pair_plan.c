/* blind/pair_plan.c - what is ordered from B: enough that A's inputs need not wait for it, and no more than the memory set
 * aside.
 *
 * After a prompt each stack uses a fixed number of columns in each pass. A stack with fewer than `low` ahead is given `refill`
 * more: B reads the weights once for all of them, where A has to read them for each. The first refill of each stack is of
 * another length, so that the later ones fall into different passes and B's work is spread evenly.
 *
 * In a prompt each stack needs a whole chunk, which is used up at once: the chunks of the next few stacks are ordered, in
 * order of use.
 *
 * All of it follows from the counts of columns that were asked for, so orders tell B nothing else. */
#include "blind/pair_parts.h"

enum { AHEAD_COLUMNS = 20, LOOK_AHEAD = 8 /* stacks: two layers */ };

static size_t column_bytes(const struct linear *l) { return (size_t)l->rows * sizeof(uint32_t); }

void plan_init(struct pair *p) {
    size_t pass = 0;
    for (uint32_t i = 0; i < p->stack_count; i++) pass += column_bytes(&p->stacks[i]) * p->pass.decode_columns;
    uint32_t passes = p->ahead_bytes / pass < AHEAD_COLUMNS ? (uint32_t)(p->ahead_bytes / pass) : AHEAD_COLUMNS;
    uint32_t low = passes / 5 < 2 ? 2 : passes / 5; /* a stack that is refilled in time never runs dry: see refill() */
    p->low = low * p->pass.decode_columns;
    p->refill = (passes > low ? passes - low : 1) * p->pass.decode_columns;
}

static uint32_t first_refill(const struct pair *p, uint32_t stack) {
    uint32_t passes = p->refill / p->pass.decode_columns;
    return p->low + (uint32_t)((uint64_t)stack * passes / p->stack_count) * p->pass.decode_columns;
}

/* `after`: columns that will be left once the product that is next is done; none at all only at the beginning. */
static int refill(struct pair *p, uint32_t stack, uint32_t after) {
    if (after >= p->low) return 0;
    return stock_order(p, stack, after == 0 ? first_refill(p, stack) : p->refill);
}

static int chunk(struct pair *p, uint32_t stack) {
    uint32_t ahead = stock_ahead(p, stack);
    return ahead < PASS_CHUNK ? stock_order(p, stack, PASS_CHUNK - ahead) : 0;
}

/* The stacks that follow in this pass, and in the next if that is of the prompt too. The output matrix has one column, once. */
static int look_ahead(struct pair *p, uint32_t stack) {
    uint32_t head = p->stack_count - 1, at = stack;
    size_t bytes = 0;
    int chunks = p->pass.kind == PASS_PROMPT, r = 0;
    for (unsigned i = 0; i < LOOK_AHEAD && r == 0 && bytes < p->ahead_bytes / 2; i++) {
        if (at == head) {
            if (p->pass.prompt_left == 0 && stock_ahead(p, at) < p->pass.decode_columns) r = refill(p, at, stock_ahead(p, at));
            if (p->pass.prompt_left == 0) chunks = 0;
        } else if (chunks) {
            r = chunk(p, at);
            bytes += PASS_CHUNK * column_bytes(&p->stacks[at]);
        } else if (stock_ahead(p, at) < p->pass.decode_columns) {
            r = refill(p, at, stock_ahead(p, at));
        }
        at = at == head ? 0 : at + 1;
    }
    return r;
}

int plan_orders(struct pair *p, uint32_t stack, uint32_t columns) {
    uint32_t ahead = stock_ahead(p, stack);
    p->order++;
    int r = ahead < columns ? stock_order(p, stack, columns - ahead) : 0;
    if (r == 0) r = look_ahead(p, stack);
    int again = p->pass.kind == PASS_PROMPT && p->pass.prompt_left > 0; /* the stack's next columns are a chunk, not a token's */
    if (r == 0 && !again) r = refill(p, stack, stock_ahead(p, stack) - columns);
    return r;
}
