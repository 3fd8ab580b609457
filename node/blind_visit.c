/* node/blind_visit.c - see blind_visit.h. */
#include "node/blind_visit.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "node/blind_served.h"
#include "node/node_parts.h"
#include "seal/session.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { RX_MAX = SESSION_MESSAGE_MAX + SESSION_OVERHEAD + (2 << 20) };
enum blind_state { BLIND_BEGUN, BLIND_ACCEPTED, BLIND_SEATED, BLIND_OVER };

struct blind_visit {
    struct blind_visit *prev, *next;
    struct node *node;
    struct blind_pipe pipe;
    uint64_t number;
    enum blind_state state;
    struct session *keys; /* guarded */
    struct buf rx, tx;    /* sealed bytes that came and are not opened yet; one chunk being sealed */
    size_t unconsumed;    /* of rx: their window is still theirs, as the seat takes nothing now */
    size_t unsent;
    struct blind_seat *seat;
    const struct blind_served *at; /* whose seat it is */
    uint64_t moved_ms;             /* the last message, either way */
    struct timer *quiet;           /* the time of the state that it is in */
    struct timer *stall;           /* runs while something is unsent */
    struct loop_job wake;          /* posted by the worker's thread */
    atomic_int posted;
    int failed; /* told to end: nothing prolongs its time any more */
    int gone;   /* the pipe is: freed once a posted wake has run */
};

/* ---- the end ---- */

static void seat_leave(struct blind_visit *b) {
    blind_seat_close(b->seat);
    b->seat = NULL;
}

/* Starts its time anew. */
static void allow(struct blind_visit *b, uint32_t ms) {
    if (!b->failed) timer_start_ms(b->quiet, ms);
}

/* What it was told still has some time to leave, however slowly it does. */
static void over(struct blind_visit *b) {
    b->state = BLIND_OVER;
    allow(b, b->node->visit_times.stall_ms);
    seat_leave(b);
    session_wipe(b->keys);
    buf_release(&b->rx);
    buf_release(&b->tx);
}

static void cut(struct blind_visit *b, int reason) {
    log_event(LOG_INFO, "blind", "cut", LOG_COUNT("session", b->number), LOG_CODE("reason", err_text(reason)));
    over(b);
    b->pipe.end(b->pipe.arg);
}

/* Whoever takes nothing would never see an end that waits behind what it does not take. Frees b. */
static void drop(struct blind_visit *b, int reason) {
    log_event(LOG_INFO, "blind", "dropped", LOG_COUNT("session", b->number), LOG_CODE("reason", err_text(reason)),
              LOG_COUNT("unsent", b->unsent));
    b->pipe.drop(b->pipe.arg);
    blind_visit_free(b);
}

/* ---- out ---- */

static int write_out(struct blind_visit *b, const uint8_t *p, size_t n) {
    int r = b->pipe.write(b->pipe.arg, p, n);
    if (r != 0) return r;
    if (!b->unsent) timer_start_ms(b->stall, b->node->visit_times.stall_ms);
    b->unsent += n;
    return 0;
}

static int send_sealed(struct blind_visit *b, const uint8_t *message, size_t n, int final) {
    b->tx.len = 0;
    uint8_t *chunk = buf_room(&b->tx, n + SESSION_OVERHEAD);
    int r = chunk ? session_seal(b->keys, chunk, message, n, final) : ERR_NOMEM;
    return r == 0 ? write_out(b, chunk, n + SESSION_OVERHEAD) : r;
}

/* An error from here, while no worker has the session. */
static void say_error(struct blind_visit *b, enum blind_code code) {
    uint8_t bytes[16];
    struct writer w = writer_over(bytes, sizeof bytes);
    blind_message_write(&w, &(struct blind_message){.type = BLIND_ERROR, .error = {.code = (uint8_t)code}});
    log_event(LOG_INFO, "blind", "refused", LOG_COUNT("session", b->number), LOG_CODE("code", blind_code_name(code)));
    int r = send_sealed(b, bytes, w.len, 1);
    if (r != 0) {
        cut(b, r);
        return;
    }
    over(b);
    b->pipe.end(b->pipe.arg);
}

/* The first that comes counts: leave_ms later it is gone. */
static void fail(struct blind_visit *b, enum blind_code code) {
    if (b->failed) return;
    if (b->state == BLIND_SEATED)
        blind_seat_fail(b->seat, code); /* the error comes behind its answers */
    else if (b->state == BLIND_ACCEPTED)
        say_error(b, code);
    else if (b->state == BLIND_BEGUN)
        cut(b, ERR_TIME);
    allow(b, b->node->visit_times.leave_ms);
    b->failed = 1;
}

/* What the worker has for the client, as much as may wait in the pipe. */
static void send_answers(struct blind_visit *b) {
    struct blind_out out;
    while (b->state == BLIND_SEATED && b->unsent < BLIND_UNSENT_MAX) {
        int r = blind_seat_take(b->seat, &out);
        if (r == ERR_MORE) return;
        int final = r == 0 && out.final;
        if (r == 0) r = send_sealed(b, out.message, out.n, out.final);
        if (r == 0) allow(b, b->node->visit_times.idle_ms);
        b->moved_ms = clock_mono_ms();
        blind_out_free(&out);
        if (r != 0) {
            cut(b, r);
        } else if (final) {
            over(b);
            b->pipe.end(b->pipe.arg);
        }
    }
}

/* ---- in ---- */

static void on_wake(struct loop_job *j);
static void wake_up(void *arg) { /* on the worker's thread */
    struct blind_visit *b = arg;
    if (!atomic_exchange(&b->posted, 1)) loop_post(b->node->loop, &b->wake);
}

static struct blind_served *served_of(struct node *n, const uint8_t manifest_hash[32]) {
    for (size_t i = 0; i < n->blind_count; i++)
        if (memcmp(n->blind[i].entry.manifest_hash, manifest_hash, 32) == 0) return &n->blind[i];
    return NULL;
}

/* A seat that is held and not used goes to somebody else. */
static void make_seat(struct node *n, const struct blind_served *at) {
    uint64_t now = clock_mono_ms();
    struct blind_visit *idlest = NULL;
    for (struct blind_visit *b = n->visits; b; b = b->next)
        if (b->state == BLIND_SEATED && b->at == at && !b->failed && (!idlest || b->moved_ms < idlest->moved_ms)) idlest = b;
    if (idlest && now - idlest->moved_ms >= n->visit_times.scarce_ms) fail(idlest, BLIND_CODE_IDLE);
}

/* The hello says at which worker the session gets a seat; the worker reads it too. */
static void take_seat(struct blind_visit *b, const uint8_t *message, size_t n) {
    struct blind_message m;
    enum blind_code code = 0;
    struct blind_served *s = NULL;
    struct blind_account *account = NULL;
    int r = blind_message_read(message, n, 1, &m);
    if (r != 0)
        code = r == ERR_VERSION ? BLIND_CODE_VERSION : BLIND_CODE_FORMAT;
    else if (m.type != BLIND_HELLO)
        code = BLIND_CODE_STATE;
    else if (!(s = served_of(b->node, m.hello.manifest_hash)))
        code = BLIND_CODE_MANIFEST;
    else if (b->node->accounts.list && !(account = blind_accounts_find(&b->node->accounts, m.hello.token, m.hello.token_n)))
        code = BLIND_CODE_QUOTA;
    else if ((r = blind_seat_open(&b->seat, s->thread, account, wake_up, b)) != 0)
        code = r == ERR_WRONG_STATE ? BLIND_CODE_DRAINING : BLIND_CODE_BUSY;
    if (code == BLIND_CODE_BUSY) make_seat(b->node, s);
    if (code != 0) {
        say_error(b, code);
        return;
    }
    b->state = BLIND_SEATED;
    b->at = s;
    log_event(LOG_INFO, "blind", "session", LOG_COUNT("session", b->number), LOG_NAME("model", s->entry.name),
              LOG_COUNT("role", m.hello.role));
    if ((r = blind_seat_put(b->seat, message, n)) != 0) cut(b, r);
}

static void accept_start(struct blind_visit *b) {
    uint8_t reply[SESSION_REPLY_BYTES];
    struct keyring *k = b->node->keys;
    int r = session_accept(b->keys, b->rx.data, k->keys, k->count, k->seen, reply);
    if (r == ERR_LIMIT) timer_start_ms(b->node->renew, 0); /* the replay cache is full: this key has served enough */
    if (r == 0) r = write_out(b, reply, sizeof reply);
    if (r == 0) {
        b->state = BLIND_ACCEPTED;
        buf_drop(&b->rx, SESSION_START_BYTES);
    } else {
        cut(b, r);
    }
}

/* One chunk, if it is there. 0: goes on; ERR_MORE: not now. */
static int open_one(struct blind_visit *b) {
    size_t used, n;
    uint8_t *message;
    int final;
    if (b->state == BLIND_SEATED && blind_seat_room(b->seat) < BLIND_MESSAGE_MAX) return ERR_MORE; /* it wakes us */
    int r = session_open(b->keys, b->rx.data, b->rx.len, b->state == BLIND_SEATED ? BLIND_MESSAGE_MAX : BLIND_SMALL_MAX, &used,
                         &message, &n, &final);
    if (r == ERR_MORE) return r;
    if (r == 0 && final != blind_message_final(message, n)) r = ERR_FORMAT;
    if (r != 0) {
        cut(b, r);
        return r;
    }
    allow(b, b->node->visit_times.idle_ms);
    b->moved_ms = clock_mono_ms();
    if (b->state == BLIND_ACCEPTED)
        take_seat(b, message, n);
    else if ((r = blind_seat_put(b->seat, message, n)) != 0)
        cut(b, r);
    if (b->state == BLIND_OVER) return ERR_MORE;
    mem_wipe(b->rx.data, used);
    buf_drop(&b->rx, used);
    if (!final) return 0;
    over(b);
    b->pipe.end(b->pipe.arg);
    return ERR_MORE;
}

static void read_on(struct blind_visit *b) {
    if (b->state == BLIND_BEGUN && b->rx.len >= SESSION_START_BYTES) accept_start(b);
    if (b->state == BLIND_BEGUN || b->state == BLIND_OVER) return;
    while (open_one(b) == 0) {}
    if (b->state == BLIND_OVER) return;
    /* A message may be longer than the window: what waits for its rest is let go, what waits for the worker is not. */
    if (b->state == BLIND_SEATED && blind_seat_room(b->seat) < BLIND_MESSAGE_MAX) return;
    b->pipe.consume(b->pipe.arg, b->unconsumed);
    b->unconsumed = 0;
}

static void free_now(struct blind_visit *b) {
    secret_free(b->keys);
    timer_free(b->quiet);
    timer_free(b->stall);
    free(b);
}

static void on_wake(struct loop_job *j) {
    struct blind_visit *b = (struct blind_visit *)(void *)((uint8_t *)j - offsetof(struct blind_visit, wake));
    atomic_store(&b->posted, 0);
    if (b->gone) {
        free_now(b);
        return;
    }
    send_answers(b);
    if (b->state != BLIND_OVER && b->rx.len) read_on(b);
}

static void on_quiet(void *arg) {
    struct blind_visit *b = arg;
    if (b->failed || b->state == BLIND_OVER)
        drop(b, ERR_TIME);
    else
        fail(b, BLIND_CODE_IDLE);
}

static void on_stall(void *arg) { drop(arg, ERR_TIME); }

/* ---- for the pipes ---- */

/* Strangers who say nothing must not keep out who would get a seat, so it is they who go. */
static void make_place(struct node *n) {
    struct blind_visit *oldest = NULL;
    size_t count = 0;
    for (struct blind_visit *b = n->visits; b; b = b->next) { /* the newest first */
        if (b->state == BLIND_SEATED) continue;
        oldest = b;
        count++;
    }
    if (count >= BLIND_UNSEATED_MAX) drop(oldest, ERR_BUSY);
}

int blind_visit_open(struct blind_visit **out, struct node *n, const struct blind_pipe *pipe) {
    *out = NULL;
    make_place(n);
    struct blind_visit *b = mem_zalloc(1, sizeof *b);
    if (!b) return ERR_NOMEM;
    *b = (struct blind_visit){.node = n, .pipe = *pipe, .number = ++n->next_visit, .wake.fn = on_wake};
    buf_init(&b->rx, RX_MAX);
    buf_init(&b->tx, SESSION_MESSAGE_MAX + SESSION_OVERHEAD);
    b->keys = secret_alloc(sizeof *b->keys);
    if (!b->keys || timer_new(&b->quiet, n->loop, on_quiet, b) != 0 || timer_new(&b->stall, n->loop, on_stall, b) != 0) {
        free_now(b);
        return ERR_NOMEM;
    }
    memset(b->keys, 0, sizeof *b->keys);
    timer_start_ms(b->quiet, n->visit_times.hello_ms);
    b->next = n->visits;
    if (b->next) b->next->prev = b;
    n->visits = b;
    *out = b;
    return 0;
}

void blind_visit_bytes(struct blind_visit *b, const uint8_t *p, size_t n) {
    if (b->state == BLIND_OVER) {
        b->pipe.consume(b->pipe.arg, n);
        return;
    }
    b->unconsumed += n;
    int r = buf_add(&b->rx, p, n);
    if (r == 0)
        read_on(b);
    else
        cut(b, r);
}

void blind_visit_sent(struct blind_visit *b, size_t n) {
    b->unsent -= n < b->unsent ? n : b->unsent;
    if (b->unsent)
        timer_start_ms(b->stall, b->node->visit_times.stall_ms);
    else
        timer_stop(b->stall);
    if (b->state == BLIND_SEATED) send_answers(b);
}

void blind_visit_end(struct blind_visit *b) {
    if (b->state != BLIND_OVER) cut(b, ERR_LOST); /* a client that leaves in good order says bye first */
}

void blind_visit_free(struct blind_visit *b) {
    struct node *n = b->node;
    if (b->state != BLIND_OVER) over(b);
    if (b->next) b->next->prev = b->prev;
    if (b->prev)
        b->prev->next = b->next;
    else
        n->visits = b->next;
    timer_stop(b->quiet);
    timer_stop(b->stall);
    log_event(LOG_INFO, "blind", "session_over", LOG_COUNT("session", b->number));
    b->gone = 1;
    if (!atomic_load(&b->posted)) free_now(b); /* the seat is closed: nobody posts it any more */
    drain_check(n);
}

size_t blind_visit_count(const struct node *n) {
    size_t count = 0;
    for (const struct blind_visit *b = n->visits; b; b = b->next) count++;
    return count;
}

void blind_visit_fail_all(struct node *n, enum blind_code code) {
    for (struct blind_visit *b = n->visits, *next; b; b = next) {
        next = b->next;
        fail(b, code);
    }
}
