/* blind/crew.c - see crew.h. */
#include "blind/crew.h"

#include <string.h>

/* One more place. The first is there from the beginning, so that most crews take memory once. */
static int add_place(struct crew *c) {
    int r = conversation_init(&c->member[c->members], &c->hello);
    if (r == 0) c->members++;
    return r;
}

int crew_init(struct crew *c, const struct conversation_opts *hello) {
    *c = (struct crew){.hello = *hello};
    return add_place(c);
}

void crew_release(struct crew *c) {
    for (uint32_t i = 0; i < c->members; i++) conversation_release(&c->member[i]);
    c->members = 0;
}

void crew_drop(struct crew *c, struct conversation *who) {
    conversation_close(who);
    c->complete = 0;
}

void crew_close(struct crew *c) {
    for (uint32_t i = 0; i < c->members; i++) crew_drop(c, &c->member[i]);
}

/* ---- who holds what ---- */

struct conversation *crew_of(struct crew *c, uint32_t stack) {
    for (uint32_t i = 0; i < c->members; i++)
        if (c->member[i].open && conversation_holds(&c->member[i], stack, stack + 1)) return &c->member[i];
    return NULL;
}

static int held(const struct crew *c, uint32_t stack) { return crew_of((struct crew *)(uintptr_t)c, stack) != NULL; }

/* The first stacks that nobody holds: from .. to - 1, and as few of them as a new member must have. 0: there are none. */
static int missing(const struct crew *c, uint32_t *from, uint32_t *to) {
    uint32_t all = c->hello.stack_count, least = (all + CREW_MAX - 1) / CREW_MAX;
    for (*from = 0; *from < all && held(c, *from);) ++*from;
    for (*to = *from; *to < all && *to - *from < least && !held(c, *to);) ++*to;
    return *from < all;
}

/* ---- joining ---- */

/* A closed member's place, or a new one. ERR_LIMIT: all are taken. */
static int free_place(struct crew *c, struct conversation **out) {
    for (uint32_t i = 0; i < c->members; i++)
        if (!c->member[i].open) {
            *out = &c->member[i];
            return 0;
        }
    int r = c->members == CREW_MAX ? ERR_LIMIT : add_place(c);
    if (r == 0) *out = &c->member[c->members - 1];
    return r;
}

/* Someone for the stacks that are missing, and nobody who is here already. */
static int join(struct crew *c, struct roster *r, enum pair_role role, struct why *why) {
    uint8_t here[CREW_MAX][32];
    struct roster_want want = {.role = role, .hello = &c->hello, .beside = here, .beside_count = crew_serving(c, here)};
    struct conversation *place;
    int e = free_place(c, &place);
    return e == 0 ? roster_connect(r, &want, place, why) : e;
}

int crew_connect(struct crew *c, struct roster *r, enum pair_role role, struct why *why) {
    int e = 0;
    while (!c->complete && e == 0) {
        c->complete = !missing(c, &c->hello.from, &c->hello.to);
        if (c->whole) c->hello.to = c->hello.stack_count;
        if (!c->complete) e = join(c, r, role, why);
    }
    c->whole = e == ERR_LIMIT;
    return e;
}

/* ---- told ---- */

uint32_t crew_serving(const struct crew *c, uint8_t out[CREW_MAX][32]) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < c->members; i++)
        if (c->member[i].open) memcpy(out[n++], c->member[i].link.identity, 32);
    return n;
}

void crew_bytes(const struct crew *c, uint64_t *up, uint64_t *down) {
    *up = *down = 0;
    for (uint32_t i = 0; i < c->members; i++) {
        *up += c->member[i].bytes_up;
        *down += c->member[i].bytes_down;
    }
}

uint32_t crew_ranges_max(const struct crew *c, uint32_t most) {
    for (uint32_t i = 0; i < c->members; i++)
        if (c->member[i].open && c->member[i].ready.ranges_max < most) most = c->member[i].ready.ranges_max;
    return most;
}
