/* gateway/gw_verdicts.c - see gw_verdicts.h. */
#include "gateway/gw_verdicts.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

int gw_verdicts_init(struct gw_verdicts *v, const uint8_t policy[32]) {
    *v = (struct gw_verdicts){.list = mem_zalloc(VERDICTS_MAX, sizeof *v->list)};
    memcpy(v->policy, policy, sizeof v->policy);
    return v->list ? 0 : ERR_NOMEM;
}

void gw_verdicts_release(struct gw_verdicts *v) {
    free(v->list);
    *v = (struct gw_verdicts){0};
}

static int over(const struct gw_verdict *one, uint64_t now_s, uint64_t now_ms) {
    return now_s >= one->until_s || now_ms >= one->until_ms;
}

static struct gw_verdict *place(struct gw_verdicts *v, const uint8_t key_id[32], uint64_t now_s, uint64_t now_ms) {
    struct gw_verdict *free_one = NULL, *first = v->list;
    for (size_t i = 0; i < v->count; i++) {
        struct gw_verdict *one = &v->list[i];
        if (memcmp(one->key_id, key_id, 32) == 0) return one;
        if (!free_one && over(one, now_s, now_ms)) free_one = one;
        if (one->until_ms < first->until_ms) first = one;
    }
    if (free_one) return free_one;
    return v->count < VERDICTS_MAX ? &v->list[v->count++] : first;
}

void gw_verdicts_put(struct gw_verdicts *v, const struct gw_verdict *one, uint64_t now_s, uint64_t now_ms) {
    struct gw_verdict *to = place(v, one->key_id, now_s, now_ms);
    *to = *one;
    memcpy(to->policy, v->policy, sizeof to->policy);
}

const struct gw_verdict *gw_verdicts_find(const struct gw_verdicts *v, const uint8_t key_id[32], uint64_t now_s,
                                          uint64_t now_ms) {
    for (size_t i = 0; i < v->count; i++) {
        const struct gw_verdict *one = &v->list[i];
        if (memcmp(one->key_id, key_id, 32) != 0) continue;
        return over(one, now_s, now_ms) || memcmp(one->policy, v->policy, 32) != 0 ? NULL : one;
    }
    return NULL;
}

enum ev_class gw_verdicts_class(const struct gw_verdicts *v, const uint8_t key_id[32], uint64_t now_s, uint64_t now_ms) {
    const struct gw_verdict *one = gw_verdicts_find(v, key_id, now_s, now_ms);
    return one ? one->shows : EV_CLASS_NONE;
}

enum ev_class gw_weaker_class(enum ev_class a, enum ev_class b) {
    static const int strength[] = {[EV_T0] = 1, [EV_A1] = 2, [EV_A2] = 3, [EV_T1] = 4, [EV_T2] = 5, [EV_T3] = 6};
    if (a == EV_CLASS_NONE || b == EV_CLASS_NONE) return a == EV_CLASS_NONE ? b : a;
    return strength[a] <= strength[b] ? a : b;
}
