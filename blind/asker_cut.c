/* blind/asker_cut.c - see asker.h: products of a pass, cut into chunks of columns that go out at once. */
#include "blind/asker.h"
#include "blind/pass.h"

/* A worker keeps at least BLIND_MESSAGE_MAX bytes of one client's columns unanswered. */
uint32_t asker_columns_max(const struct asker *a, uint32_t first, unsigned asks) {
    size_t rows = 0, up = 0, most = PASS_CHUNK;
    for (unsigned k = 0; k < asks; k++) {
        const struct linear *l = &a->stacks[first + k];
        size_t fit = blind_columns_max(l->field, l->rows, l->cols);
        if (fit < most) most = fit;
        rows += l->rows;
        up += residues_bytes(l->field, l->cols);
    }
    if (asks > 1 && most > BLIND_MESSAGE_MAX / up) most = BLIND_MESSAGE_MAX / up;
    if (a->z_words && most > a->z_words / rows) most = a->z_words / rows;
    return (uint32_t)most;
}

/* One stack, or two that follow each other and of which none is the output matrix; the same columns of both. */
static int is_round(const struct asker *a, const struct linear_ask *ask, unsigned asks) {
    if (asks == 0 || asks > LINEAR_ASKS_MAX || ask[0].count == 0 || ask[0].stack >= a->stack_count) return 0;
    for (unsigned k = 1; k < asks; k++)
        if (ask[k].stack != ask[0].stack + k || ask[k].stack + 1 >= a->stack_count || ask[k].count != ask[0].count) return 0;
    return 1;
}

/* Columns [at, at + n) of every stack: those over the round's count are padding. */
static void cut(const struct asker *a, const struct linear_ask *ask, unsigned asks, uint32_t at, uint32_t n,
                struct asker_part *part) {
    for (unsigned k = 0; k < asks; k++) {
        const struct linear *l = &a->stacks[ask[k].stack];
        uint32_t wanted = at >= ask[k].count ? 0 : ask[k].count - at < n ? ask[k].count - at : n;
        part[k] = (struct asker_part){.stack = ask[k].stack,
                                      .count = n,
                                      .wanted = wanted,
                                      .x = wanted ? ask[k].x + (size_t)at * l->cols : NULL,
                                      .y = wanted ? ask[k].y + (size_t)at * l->rows : NULL};
    }
}

int asker_products(struct asker *a, struct pass *pass, asker_chunk *chunk, void *owner, const struct linear_ask *ask,
                   unsigned asks) {
    struct asker_part part[LINEAR_ASKS_MAX];
    a->why.text[0] = 0;
    if (!is_round(a, ask, asks)) return why_set(&a->why, ERR_RANGE, "no such stack or round, or no columns");
    uint32_t most = asker_columns_max(a, ask[0].stack, asks);
    if (most == 0) return why_set(&a->why, ERR_RANGE, "no room for two stacks at once");
    roster_again(a->o.roster);
    pass_begin(pass, ask[0].stack, ask[0].count);
    uint32_t all = pass_padded(pass, ask[0].stack, ask[0].count);
    int r = 0;
    for (uint32_t at = 0, n; at < all && r == 0; at += n) {
        n = all - at < most ? all - at : most;
        cut(a, ask, asks, at, n, part);
        do r = chunk(owner, part, asks);
        while (r == ERR_IO);
    }
    if (r != 0) pass_failed(pass);
    return r;
}
