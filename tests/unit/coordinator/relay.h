/* tests/unit/coordinator/relay.h - the scene of most requests: a coordinator, one node that does with its jobs what it is told,
 * and one gateway. */
#ifndef TESTS_COORDINATOR_RELAY_H
#define TESTS_COORDINATOR_RELAY_H

#include "tests/unit/coordinator/one_number.h"
#include "tests/unit/coordinator/scene.h"

struct relay {
    struct scene s;
    struct node_actor n, *list[1]; /* list: of the node, for envelopes */
    struct gateway_actor g;
};
FIX void relay_start(struct relay *r, enum job_mode job) { /* r->s.o may be changed between scene_init and here */
    scene_start(&r->s);
    node_up(&r->n, &r->s, 1, job);
    r->list[0] = &r->n;
    gateway_up(&r->g, &r->s);
}
FIX void relay_up(struct relay *r, enum job_mode job) {
    scene_init(&r->s);
    relay_start(r, job);
}
FIX void relay_done(struct relay *r) {
    node_done(&r->n);
    gateway_done(&r->g);
    scene_end(&r->s);
}
FIX void relay_ask(struct relay *r, struct ask *a) { ask_nodes(a, &r->g, r->list, 1, NULL); }
/* The same, and waits until the node serves it: its slot is taken. */
FIX void relay_ask_served(struct relay *r, struct ask *a) {
    relay_ask(r, a);
    scene_until(&r->s, ask_has_bytes, a, 5000);
}

FIX int job_got_all(void *arg) { return ((struct node_actor *)arg)->jobs[0].ended; }
FIX int job_closed(void *arg) { return ((struct node_actor *)arg)->jobs[0].closed; }
FIX int no_jobs(void *arg) { return ((struct scene *)arg)->c.job_count == 0; }

/* A GET without a body, to its end. */
FIX void ask_get(struct scene *s, struct gateway_actor *g, struct ask *a, const char *path, const char *key) {
    ask_open(a, g, "GET", path, key);
    (void)h2_end(a->s, NULL);
    scene_until(s, ask_is_closed, a, 3000);
}

/* The number that a query of the coordinator's store gives. */
FIX uint64_t stored(struct scene *s, const char *sql) {
    char path[96];
    for (int i = 0; i < 500 && store_waiting(s->c.store); i++) usleep(5000);
    snprintf(path, sizeof path, "%s/store.db", s->dir);
    return one_number(path, sql);
}

#endif
