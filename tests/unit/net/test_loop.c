/* test_loop.c - timers, signals, the free-later list, work from other threads, listeners, look-ups. */
#include "base/clock.h"
#include "net/listen.h"
#include "tests/check.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

struct t {
    struct loop *loop;
    struct timer *timer, *guard;
    uint64_t at_us;
    int count, order[8];
    struct later a, b;
};
static void on_guard(void *arg) { loop_stop(((struct t *)arg)->loop); }
static void t_init(struct t *t, uint64_t guard_ms) {
    memset(t, 0, sizeof *t);
    CHECK_INT(loop_new(&t->loop), 0);
    CHECK_INT(timer_new(&t->guard, t->loop, on_guard, t), 0);
    timer_start_ms(t->guard, guard_ms);
}
static void t_release(struct t *t) {
    timer_free(t->timer);
    timer_free(t->guard);
    loop_free(t->loop);
}

static void on_tick(void *arg) {
    struct t *t = arg;
    t->at_us = clock_mono_us();
    if (++t->count == 20)
        loop_stop(t->loop);
    else
        timer_start_us(t->timer, 100);
}
TEST(short_timers_are_never_early) {
    struct t t;
    t_init(&t, 5000);
    CHECK_INT(timer_new(&t.timer, t.loop, on_tick, &t), 0);
    uint64_t t0 = clock_mono_us();
    timer_start_us(t.timer, 100);
    CHECK_INT(loop_run(t.loop), 0);
    CHECK_INT(t.count, 20);
    CHECK(t.at_us - t0 >= 2000);
    t_release(&t);
}
static void on_free_self(void *arg) {
    struct t *t = arg;
    timer_free(t->timer);
    t->timer = NULL;
    loop_stop(t->loop);
}
TEST(a_timer_may_be_freed_in_its_callback_and_stopped) {
    struct t t;
    t_init(&t, 200);
    CHECK_INT(timer_new(&t.timer, t.loop, on_tick, &t), 0);
    timer_start_ms(t.timer, 1);
    CHECK(timer_running(t.timer));
    timer_stop(t.timer);
    CHECK(!timer_running(t.timer));
    timer_free(t.timer);
    CHECK_INT(timer_new(&t.timer, t.loop, on_free_self, &t), 0);
    timer_start_ms(t.timer, 1);
    CHECK_INT(loop_run(t.loop), 0);
    CHECK_INT(t.count, 0);
    CHECK(t.timer == NULL);
    t_release(&t);
}

static void later_b(void *arg) {
    struct t *t = arg;
    t->order[t->count++] = 2;
    loop_stop(t->loop);
}
static void later_a(void *arg) {
    struct t *t = arg;
    t->order[t->count++] = 1;
    loop_later(t->loop, &t->b);
    t->order[t->count++] = 3; /* b runs after we have returned */
}
static void on_later_timer(void *arg) {
    struct t *t = arg;
    loop_later(t->loop, &t->a);
    loop_later(t->loop, &t->a); /* twice is once */
    t->order[t->count++] = 0;
}
TEST(later_runs_after_the_callback_and_once) {
    struct t t;
    t_init(&t, 1000);
    t.a = (struct later){.fn = later_a, .arg = &t};
    t.b = (struct later){.fn = later_b, .arg = &t};
    CHECK_INT(timer_new(&t.timer, t.loop, on_later_timer, &t), 0);
    timer_start_ms(t.timer, 1);
    CHECK_INT(loop_run(t.loop), 0);
    CHECK_INT(t.count, 4);
    static const int want[] = {0, 1, 3, 2};
    CHECK_MEM(t.order, want, sizeof want);
    t_release(&t);
}

static void on_usr1(void *arg) {
    struct t *t = arg;
    t->count++;
    loop_stop(t->loop);
}
TEST(signals_arrive_on_the_loop) {
    struct t t;
    t_init(&t, 2000);
    CHECK_INT(loop_on_signal(t.loop, SIGUSR1, on_usr1, &t), 0);
    kill(getpid(), SIGUSR1);
    CHECK_INT(loop_run(t.loop), 0);
    CHECK_INT(t.count, 1);
    t_release(&t);
}

/* ---- other threads ---- */
enum { WRITERS = 4, EACH = 5000 };
struct item {
    uint32_t writer, n;
};
struct post_test {
    struct t t;
    struct mailbox *box;
    uint32_t next[WRITERS], total, wrong;
    int waits;
};
struct writer {
    struct post_test *p;
    uint32_t index;
    int err;
};
static void on_item(void *arg, const void *item) {
    struct post_test *p = arg;
    struct item it;
    memcpy(&it, item, sizeof it);
    if (it.n != p->next[it.writer]++) p->wrong++;
    if (++p->total == WRITERS * EACH) loop_stop(p->t.loop);
}
static void *write_items(void *arg) {
    struct writer *w = arg;
    for (uint32_t n = 0; n < EACH && w->err == 0; n++) {
        struct item it = {w->index, n};
        w->err = mailbox_post_wait(w->p->box, &it);
    }
    return NULL;
}
TEST(a_small_mailbox_keeps_every_writers_order) {
    struct post_test p = {0};
    struct writer w[WRITERS];
    pthread_t thread[WRITERS];
    t_init(&p.t, 20000);
    CHECK_INT(mailbox_new(&p.box, p.t.loop, sizeof(struct item), 8, on_item, &p), 0);
    for (uint32_t i = 0; i < WRITERS; i++) {
        w[i] = (struct writer){&p, i, 0};
        CHECK_INT(pthread_create(&thread[i], NULL, write_items, &w[i]), 0);
    }
    CHECK_INT(loop_run(p.t.loop), 0);
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(thread[i], NULL);
        CHECK_INT(w[i].err, 0);
    }
    CHECK_INT(p.total, WRITERS * EACH);
    CHECK_INT(p.wrong, 0);
    mailbox_free(p.box);
    t_release(&p.t);
}
TEST(a_full_mailbox_is_busy_and_a_closed_one_lets_go) {
    struct post_test p = {0};
    struct item it = {0, 0};
    t_init(&p.t, 1000);
    CHECK_INT(mailbox_new(&p.box, p.t.loop, sizeof it, 2, on_item, &p), 0);
    CHECK_INT(mailbox_post(p.box, &it), 0);
    CHECK_INT(mailbox_post(p.box, &it), 0);
    CHECK_INT(mailbox_post(p.box, &it), ERR_BUSY);
    struct writer w = {&p, 0, 0};
    pthread_t thread;
    CHECK_INT(pthread_create(&thread, NULL, write_items, &w), 0); /* waits for room that never comes */
    usleep(20000);
    mailbox_close(p.box);
    pthread_join(thread, NULL);
    CHECK_INT(w.err, ERR_CANCELLED);
    CHECK_INT(mailbox_post(p.box, &it), ERR_CANCELLED);
    mailbox_free(p.box); /* its wake-up is still on the way: nothing is delivered, nothing leaks */
    t_release(&p.t);
    CHECK_INT(p.total, 0);
}
struct posted {
    struct loop_job job;
    struct t *t;
};
static void on_posted(struct loop_job *j) {
    struct posted *p = (struct posted *)(void *)j;
    if (++p->t->count == 100) loop_stop(p->t->loop);
    free(p);
}
static void *post_jobs(void *arg) {
    for (int i = 0; i < 50; i++) {
        struct posted *p = calloc(1, sizeof *p);
        if (!p) return NULL;
        p->job.fn = on_posted;
        p->t = arg;
        loop_post(p->t->loop, &p->job);
    }
    return NULL;
}
TEST(jobs_of_other_threads_run_on_the_loop) {
    struct t t;
    pthread_t a, b;
    t_init(&t, 5000);
    CHECK_INT(pthread_create(&a, NULL, post_jobs, &t), 0);
    CHECK_INT(pthread_create(&b, NULL, post_jobs, &t), 0);
    CHECK_INT(loop_run(t.loop), 0);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    CHECK_INT(t.count, 100);
    t_release(&t);
}

/* ---- addresses and listeners ---- */
struct found {
    struct t *t;
    size_t count;
    int done;
    char text[ADDR_TEXT_BYTES];
};
static void on_found(void *arg, const struct addr *list, size_t count) {
    struct found *f = arg;
    f->done++;
    f->count = count;
    if (count) addr_text(&list[0], f->text);
    loop_stop(f->t->loop);
}
TEST(names_are_looked_up_off_the_loop) {
    struct t t;
    struct lookup *k;
    struct found f = {.t = &t};
    t_init(&t, 10000);
    CHECK_INT(lookup_start(&k, t.loop, "127.0.0.1", 80, on_found, &f), 0);
    CHECK_INT(f.done, 0); /* never from inside the call */
    CHECK_INT(loop_run(t.loop), 0);
    CHECK_INT(f.done, 1);
    CHECK_STR(f.text, "127.0.0.1:80");
    CHECK_INT(lookup_start(&k, t.loop, "localhost", 81, on_found, &f), 0);
    CHECK_INT(loop_run(t.loop), 0);
    CHECK_INT(f.done, 2);
    CHECK(f.count >= 1);
    CHECK_INT(lookup_start(&k, t.loop, "no such host!", 81, on_found, &f), 0);
    CHECK_INT(loop_run(t.loop), 0);
    CHECK_INT(f.done, 3);
    CHECK_INT(f.count, 0);
    CHECK_INT(lookup_start(&k, t.loop, "127.0.0.1", 80, on_found, &f), 0);
    lookup_cancel(k);
    t_release(&t);
    CHECK_INT(f.done, 3);
}
static void on_accept(void *arg, int fd, const struct addr *peer) {
    struct t *t = arg;
    CHECK(addr_is_loopback(peer));
    close(fd);
    t->count++;
    loop_stop(t->loop);
}
static int connect_to(const char *where) {
    char host[ADDR_HOST_BYTES];
    uint16_t port;
    struct addr a;
    CHECK_INT(addr_split(where, 0, host, &port), 0);
    CHECK_INT(addr_numeric(&a, host, port), 0);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(fd >= 0);
    CHECK_INT(connect(fd, (struct sockaddr *)&a.sa, a.len), 0);
    return fd;
}
TEST(without_descriptors_a_listener_pauses_and_comes_back) {
    struct t t;
    struct listener *x;
    struct why why = {""};
    char where[ADDR_TEXT_BYTES];
    struct rlimit was, low;
    t_init(&t, 100);
    CHECK_INT(listener_open(&x, t.loop, "127.0.0.1:0", on_accept, &t, &why), 0);
    listener_addr(x, where);
    int fd = connect_to(where); /* in the backlog */
    int top = dup(fd);
    CHECK_INT(getrlimit(RLIMIT_NOFILE, &was), 0);
    low = was;
    low.rlim_cur = (rlim_t)top;
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &low), 0); /* accept has no number left to give */
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    CHECK_INT(loop_run(t.loop), 0);
    getrusage(RUSAGE_SELF, &after);
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &was), 0);
    CHECK_INT(t.count, 0);
    int64_t cpu_us = (after.ru_utime.tv_sec - before.ru_utime.tv_sec) * 1000000LL + after.ru_utime.tv_usec -
                     before.ru_utime.tv_usec;
    CHECK(cpu_us < 50000); /* no spinning */
    timer_start_ms(t.guard, 2000);
    CHECK_INT(loop_run(t.loop), 0);
    CHECK_INT(t.count, 1);
    close(top);
    close(fd);
    listener_close(x);
    t_release(&t);
}
TEST(listeners_say_what_is_wrong) {
    struct t t;
    struct listener *x = NULL, *y = NULL;
    struct why why = {""};
    char where[ADDR_TEXT_BYTES];
    t_init(&t, 100);
    CHECK_INT(listener_open(&x, t.loop, "nowhere", NULL, NULL, &why), ERR_USAGE);
    CHECK_INT(listener_open(&x, t.loop, "example.com:80", NULL, NULL, &why), ERR_USAGE);
    CHECK_INT(listener_open(&x, t.loop, "localhost:0", NULL, NULL, &why), 0);
    listener_addr(x, where);
    CHECK_INT(listener_open(&y, t.loop, where, NULL, NULL, &why), ERR_IO);
    CHECK(strstr(why.text, where) && strstr(why.text, "in use"));
    listener_close(x);
    t_release(&t);
}

TESTS_MAIN("loop", T(short_timers_are_never_early), T(a_timer_may_be_freed_in_its_callback_and_stopped),
           T(later_runs_after_the_callback_and_once), T(signals_arrive_on_the_loop), T(a_small_mailbox_keeps_every_writers_order),
           T(a_full_mailbox_is_busy_and_a_closed_one_lets_go), T(jobs_of_other_threads_run_on_the_loop),
           T(names_are_looked_up_off_the_loop), T(without_descriptors_a_listener_pauses_and_comes_back),
           T(listeners_say_what_is_wrong))
