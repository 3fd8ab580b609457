/* node/drain.c - leaving in good order: no new work, what runs may finish for a while, the rest is handed back with a sealed
 * `draining`, which the gateway takes elsewhere; worker sessions end once what they asked for is answered, and are dropped when their
 * clients do not take that in time; then the coordinator is told, and the link closes. */
#include "base/log.h"
#include "node/blind_listen.h"
#include "node/blind_visit.h"
#include "node/node_parts.h"

static size_t work_count(const struct node *n) { return job_count(n) + blind_visit_count(n); }

static void hand_back(void *arg) {
    struct node *n = arg;
    log_event(LOG_INFO, "drain", "handing_back", LOG_COUNT("jobs", job_count(n)), LOG_COUNT("sessions", blind_visit_count(n)));
    job_fail_all(n, CODE_DRAINING);
    blind_visit_fail_all(n, BLIND_CODE_DRAINING);
    drain_check(n);
}

void drain_begin(struct node *n) {
    if (n->draining) { /* asked twice: now */
        loop_stop(n->loop);
        return;
    }
    n->draining = 1;
    log_event(LOG_INFO, "drain", "begin", LOG_COUNT("jobs", job_count(n)), LOG_COUNT("sessions", blind_visit_count(n)));
    link_say_drain(n);
    blind_listen_pause(n->blind_listen);
    for (size_t i = 0; i < n->blind_count; i++) blind_thread_drain(n->blind[i].thread);
    if (!n->link)
        loop_stop(n->loop);
    else if (work_count(n) == 0)
        drain_check(n);
    else if (n->o.drain_ms)
        timer_start_ms(n->drain, n->o.drain_ms);
    else
        hand_back(n);
}

void drain_check(struct node *n) {
    if (!n->draining || !n->link || work_count(n) != 0) return;
    timer_stop(n->drain);
    link_say_drained(n);
}

/* For the timer that node_main makes. */
void drain_on_timer(void *arg) { hand_back(arg); }
