/* blind: no slot is ever sent with two contents, wherever the client is killed.
 *
 * A child computes passes and sends their columns, each in two halves, over a socket whose other end collects everything ever sent by all
 * children. It is killed at every step in turn, and at random instants; each new child is the restart after the crash. */
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "blind/pair_fill.h"
#include "tests/unit/blind/slots_scene.h"

enum { KILL_STACKS = 2, HALVES = 2, SENT_MAX = 1 << 18, COLUMN_MAX = 64, STEPS = 400, RANDOM_KILLS = 100, PASSES = 40 };
struct sent { /* one half of one column, as it left */
    uint8_t name[SLOTS_SESSION_BYTES];
    uint32_t stack, n, half, worker, len;
    uint8_t bytes[COLUMN_MAX];
};
struct log {
    struct sent *all;
    size_t count, resent, conflicts;
};

static long step_to_die; /* in the child: 0 never */
static void step(void) {
    if (step_to_die && --step_to_die == 0) raise(SIGKILL);
}

static void send_ticket(int fd, const struct slots *t, uint32_t worker) {
    const uint8_t *bytes;
    size_t n;
    if (slots_bytes(t, &bytes, &n) != 0) _exit(2);
    for (uint32_t i = 0; i < t->count; i++)
        for (uint32_t half = 0; half < HALVES; half++) {
            struct sent m = {.stack = t->stack, .n = t->first + i, .half = half, .worker = worker};
            size_t middle = t->column_bytes / 2;
            memcpy(m.name, t->name, sizeof m.name);
            m.len = (uint32_t)(half ? t->column_bytes - middle : middle);
            memcpy(m.bytes, bytes + i * t->column_bytes + (half ? middle : 0), m.len);
            step();
            if (send(fd, &m, sizeof m, MSG_NOSIGNAL) != (ssize_t)sizeof m) _exit(0); /* the parent has seen enough */
        }
}

static uint32_t chance(uint32_t below) {
    uint32_t v;
    random_bytes(&v, sizeof v);
    return v % below;
}

/* Masks a random input under the session's own masks and sends it, to a second worker as well when the first one fails. */
static void one_pass(struct blind_session *s, int fd, int misuse) {
    uint32_t u[12], stack = chance(KILL_STACKS), count = 1 + chance(3) * 31; /* blocks end within a pass */
    uint8_t key[32];
    struct slots *t;
    if (misuse && blind_session_next(s, stack) >= count) s->next[stack] -= count; /* the control: what must never happen */
    step();
    if (slots_spend(s, stack, count, &t) != 0) _exit(3);
    for (uint32_t i = 0; i < count; i++) {
        int32_t x[12];
        for (uint32_t j = 0; j < linear[stack].cols; j++) x[j] = (int32_t)chance(2001) - 1000;
        if (pair_order_key(s, pair_batch_of(t->first + i), key) != 0) _exit(4);
        pair_mask(linear[stack].field, key, stack, t->first + i, u, linear[stack].cols);
        if (pair_mask_add(linear[stack].field, x, u, u, linear[stack].cols) != 0) _exit(5);
        step();
        if (slots_fill(s, t, u) != 0) _exit(6);
    }
    step();
    send_ticket(fd, t, 0);
    for (uint32_t worker = 1; worker < 3 && chance(3) == 0; worker++) send_ticket(fd, t, worker);
    slots_free(t);
}

static void child_run(int fd, long die_at, int misuse) {
    step_to_die = die_at;
    struct blind_session *s = session_open();
    for (int pass = 0; pass < PASSES; pass++) {
        one_pass(s, fd, misuse);
        if (chance(10) == 0) { /* the connection is lost: a new session */
            blind_session_end(s);
            step();
            blind_session_free(s);
            s = session_open();
        }
    }
    blind_session_free(s);
    _exit(0);
}

static void collect(int fd, struct log *log) {
    struct sent m;
    while (log->count < SENT_MAX && recv(fd, &m, sizeof m, 0) == (ssize_t)sizeof m) log->all[log->count++] = m;
}

/* Ends the child by a step of its own, or from outside after so many microseconds. */
static void run_and_kill(struct log *log, long die_at, unsigned after_us, int misuse) {
    int fd[2];
    CHECK_INT(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd), 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(fd[0]);
        child_run(fd[1], die_at, misuse);
    }
    close(fd[1]);
    if (after_us) {
        usleep(after_us);
        kill(pid, SIGKILL);
    }
    collect(fd[0], log);
    close(fd[0]);
    int status;
    CHECK_INT(waitpid(pid, &status, 0), pid);
    CHECK((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) || (WIFEXITED(status) && WEXITSTATUS(status) == 0));
}

static int by_slot(const void *a, const void *b) {
    const struct sent *x = a, *y = b;
    int c = memcmp(x->name, y->name, sizeof x->name);
    if (c == 0) c = (x->stack > y->stack) - (x->stack < y->stack);
    if (c == 0) c = (x->n > y->n) - (x->n < y->n);
    return c ? c : (x->half > y->half) - (x->half < y->half);
}

/* Counts resends, and slots for which two different strings left. */
static void audit(struct log *log) {
    qsort(log->all, log->count, sizeof *log->all, by_slot);
    for (size_t i = 1; i < log->count; i++) {
        const struct sent *a = &log->all[i - 1], *b = &log->all[i];
        if (by_slot(a, b) != 0) continue;
        log->resent++;
        log->conflicts += a->len != b->len || memcmp(a->bytes, b->bytes, a->len) != 0;
    }
}

static struct log log_open(void) { return (struct log){.all = calloc(SENT_MAX, sizeof(struct sent))}; }

TEST(no_slot_is_ever_sent_with_two_contents_wherever_the_client_is_killed) {
    struct log log = log_open();
    for (long at = 1; at <= STEPS; at++) run_and_kill(&log, at, 0, 0);
    for (int i = 0; i < RANDOM_KILLS; i++) run_and_kill(&log, 0, 1 + chance(4000), 0);
    audit(&log);
    printf("# %d kills, %zu half columns sent, %zu of them again\n", STEPS + RANDOM_KILLS, log.count, log.resent);
    CHECK(log.count > 10000 && log.count < SENT_MAX && log.resent > 1000);
    CHECK_INT(log.conflicts, 0);
    free(log.all);
}

TEST(the_audit_of_slots_finds_a_client_that_goes_back) {
    struct log log = log_open();
    run_and_kill(&log, 0, 0, 1);
    audit(&log);
    CHECK(log.conflicts > 0);
    free(log.all);
}

TESTS_MAIN("slots_kill", T(no_slot_is_ever_sent_with_two_contents_wherever_the_client_is_killed),
           T(the_audit_of_slots_finds_a_client_that_goes_back))
