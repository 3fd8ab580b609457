/* gateway/gw_draw.c - see gw_draw.h. */
#include "gateway/gw_draw.h"

#include <string.h>

int gw_policy_allows(const struct gw_policy *p, const struct record *r) {
    if (p->operator_count + p->node_count == 0) return 1;
    for (size_t i = 0; i < p->operator_count; i++)
        if (memcmp(p->operators[i], r->keys.operator_id, OPERATOR_PIN_BYTES) == 0) return 1;
    for (size_t i = 0; i < p->node_count; i++)
        if (memcmp(p->nodes[i], r->keys.identity, 32) == 0) return 1;
    return 0;
}

int gw_qualifies(const struct gw_node *n, const struct gw_wish *w) {
    return record_model(&n->record, w->model, w->manifest) != NULL && gw_policy_allows(w->policy, &n->record) &&
           keystmt_check_time(&n->record.keys, w->now_s) == 0 && progress_may_ask(w->progress, n->record.keys.identity);
}

static int has_shown(const struct gw_node *n, const struct gw_wish *w) {
    return !w->verdicts || gw_verdicts_class(w->verdicts, n->key_id, w->now_s, w->now_ms) != EV_CLASS_NONE;
}

/* 0 first, 2 last. */
static int rank(const struct gw_node *n, const struct gw_wish *w) {
    const uint8_t *id = n->record.keys.identity;
    if (memcmp(w->progress->last, id, 32) == 0) return 2;
    return progress_was_asked(w->progress, id) ? 0 : 1;
}

static void shuffle(const struct gw_node **list, size_t n, gw_random *random, void *arg) {
    for (size_t i = n; i > 1; i--) {
        size_t k = random(arg, (uint32_t)i);
        const struct gw_node *t = list[i - 1];
        list[i - 1] = list[k];
        list[k] = t;
    }
}

size_t gw_draw(const struct gw_dir *d, const struct gw_wish *w, gw_random *random, void *arg,
               const struct gw_node *out[CANDIDATES_MAX]) {
    const struct gw_node *of_rank[3][DIRLIST_MAX];
    size_t count[3] = {0}, taken = 0, fresh_left = PROGRESS_IDENTITIES_MAX - w->progress->tried_count;
    if (!d->fresh) return 0;
    for (size_t i = 0; i < d->count; i++) {
        if (!gw_qualifies(&d->nodes[i], w) || !has_shown(&d->nodes[i], w)) continue;
        int k = rank(&d->nodes[i], w);
        of_rank[k][count[k]++] = &d->nodes[i];
    }
    for (int k = 0; k < 3; k++) {
        if (k == 2 && taken) break; /* it failed a moment ago; the others are enough */
        shuffle(of_rank[k], count[k], random, arg);
        for (size_t i = 0; i < count[k] && taken < w->want && taken < CANDIDATES_MAX; i++) {
            if (k == 1 && fresh_left-- == 0) break;
            out[taken++] = of_rank[k][i];
        }
    }
    return taken;
}
