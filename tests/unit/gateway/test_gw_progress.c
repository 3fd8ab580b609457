/* The resume state machine, without network: a made-up node speaks the stream's rules, faults strike anywhere. */
#include "gateway/gw_progress.h"
#include "base/err.h"
#include "tests/check.h"

#include <stdlib.h>

/* ---- a repeatable source of chance ---- */

static uint64_t chance;
static uint32_t draw(uint32_t below) {
    chance ^= chance >> 12, chance ^= chance << 25, chance ^= chance >> 27;
    return (uint32_t)((chance * 0x2545f4914f6cdd1dull) >> 32) % below;
}

/* ---- the answer that every node would give: a pure function of the position ---- */

enum { FRAME_TEXT_BYTES = 40, ANSWER_TEXT_MAX = 65536 };
static uint32_t answer_count, max_tokens; /* the last id is an end id unless max_tokens stops the answer */
static uint8_t answer_text[ANSWER_TEXT_MAX];
static size_t released[2048]; /* released[k]: bytes of text out after k ids */

static int32_t id_of(uint32_t i) { return (int32_t)(i * 7919 % 30011); }

static void make_answer(uint32_t count, int by_length) {
    size_t at = 0;
    answer_count = count;
    max_tokens = by_length ? count : 0;
    released[0] = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t n = draw(4) == 0 ? 0 : draw(i % 9 == 0 ? 90 : 12); /* sometimes held back, sometimes more than a frame */
        for (uint32_t k = 0; k < n; k++) answer_text[at++] = (uint8_t)('a' + (i + k) % 26);
        released[i + 1] = at;
    }
}

/* ---- a node at work on an attempt ---- */

struct fake_node {
    uint32_t next; /* position to make */
    size_t sent;   /* bytes of text sent over all attempts */
    int said_hello, usage_sent;
    uint8_t id[32];
};
static uint8_t got_text[ANSWER_TEXT_MAX];
static size_t got_n;

static void take_text(const uint8_t *text, size_t n) {
    CHECK(got_n + n <= sizeof got_text);
    if (n) memcpy(got_text + got_n, text, n);
    got_n += n;
}

static struct fake_node resume(const struct progress *p, const uint8_t id[32]) {
    struct fake_node n = {.next = progress_count(p), .sent = (size_t)p->text_bytes};
    struct id_list ids = progress_ids(p);
    memcpy(n.id, id, 32);
    CHECK(n.next < answer_count);      /* there is always something left to make */
    CHECK(n.sent <= released[n.next]); /* the app never has text of ids that were forgotten */
    for (uint32_t i = 0; i < ids.count; i++) CHECK_INT(id_at(&ids, i), id_of(i));
    CHECK_INT(n.sent, got_n);
    return n;
}

/* One frame. 1: it was the receipt. */
static int step(struct fake_node *n, struct progress *p, uint64_t now) {
    progress_frame(p, now);
    if (!n->said_hello) {
        struct frame_accepted a = {.prompt_tokens = 11};
        memset(a.prompt_hash, 5, 32);
        CHECK_INT(progress_accepted(p, &a), 0);
        n->said_hello = 1;
        return 0;
    }
    if (n->next < answer_count) {
        size_t due = released[n->next + 1] - n->sent, room = FRAME_TEXT_BYTES;
        const uint8_t *text;
        size_t text_n;
        struct frame_token t = {.position = n->next,
                                .id = id_of(n->next),
                                .is_end = n->next + 1 == answer_count && !max_tokens,
                                .text = answer_text + n->sent,
                                .text_n = due < room ? due : room};
        memset(t.digest, (int)n->next, 32);
        n->sent += t.text_n;
        n->next++;
        CHECK_INT(progress_token(p, &t, &text, &text_n), 0);
        take_text(text, text_n);
        return 0;
    }
    if (n->sent < released[answer_count]) {
        size_t due = released[answer_count] - n->sent, take = due < 200 ? due : 200;
        CHECK_INT(progress_text(p, answer_text + n->sent, take), 0);
        n->sent += take;
        return 0;
    }
    if (!n->usage_sent) return n->usage_sent = 1, 0;
    size_t held;
    const uint8_t *text = progress_held(p, &held);
    progress_done(p);
    take_text(text, held);
    return 1;
}

static void fault(struct progress *p, const struct fake_node *n, uint64_t *now) {
    static const enum api_code sealed[] = {API_DRAINING, API_BUSY, API_DRAINING},
                               clear[] = {API_REFUSED, API_NO_MODEL, API_DRAINING, API_RATE};
    switch (draw(5)) {
    case 0: progress_lost(p, *now, n->said_hello ? n->id : NULL, CAUSE_LOST, API_LOST); break;
    case 1: progress_lost(p, *now, n->id, CAUSE_ERROR, sealed[draw(3)]); break;
    case 2: progress_lost(p, *now, NULL, CAUSE_REFUSED, progress_count(p) ? clear[draw(4)] : clear[draw(3)]); break;
    case 3:
        *now += p->opened ? PROGRESS_SILENCE_MS : PROGRESS_QUEUE_MS;
        CHECK_INT(progress_tick(p, *now), 1);
        progress_lost(p, *now, n->id, CAUSE_LOST, API_LOST);
        break;
    default: progress_lost(p, *now, n->id, CAUSE_LOST, API_LOST); break;
    }
}

/* Runs one answer to its end over a network of `nodes`; every frame fails with chance 1 in `odds`. */
static void whole_run(struct progress *p, uint32_t nodes, uint32_t odds) {
    uint64_t now = 1000;
    progress_init(p, now, now + 100000000, max_tokens);
    got_n = 0;
    while (p->state != PROGRESS_DONE) {
        uint8_t to[3][32] = {{0}};
        CHECK_INT(p->state, PROGRESS_WAIT);
        CHECK(p->send_at_ms <= now + 1000);
        if (p->send_at_ms > now) now = p->send_at_ms;
        for (uint32_t i = 0; i < 3; i++) to[i][0] = (uint8_t)(1 + draw(nodes));
        struct fake_node n = resume(p, to[draw(3)]);
        progress_sent(p, now, (const uint8_t(*)[32])to, 3);
        CHECK(p->tried_count <= PROGRESS_IDENTITIES_MAX);
        while (p->state == PROGRESS_RUN) {
            now += draw(50);
            if (progress_count(p) > p->from && draw(odds) == 0)
                fault(p, &n, &now);
            else if (step(&n, p, now))
                break;
        }
    }
    struct id_list ids = progress_ids(p);
    CHECK_INT(ids.count, answer_count);
    for (uint32_t i = 0; i < ids.count; i++) CHECK_INT(id_at(&ids, i), id_of(i));
    CHECK_INT(p->digests.len, 32 * (size_t)(answer_count - p->from));
    for (uint32_t i = p->from; i < answer_count; i++) CHECK_INT(p->digests.data[32 * (size_t)(i - p->from)], (uint8_t)i);
    CHECK_INT(got_n, released[answer_count]);
    CHECK_MEM(got_text, answer_text, got_n);
    CHECK_INT(p->text_bytes, got_n);
    CHECK_INT(p->text.len, got_n);
    CHECK_MEM(p->text.data, got_text, got_n);
}

TEST(any_fault_anywhere_gives_the_same_answer) {
    uint32_t most = 0;
    chance = 1;
    for (int run = 0; run < 600; run++) {
        struct progress p;
        make_answer(2 + draw(200), run % 2);
        whole_run(&p, 12, 4 + draw(30));
        if (p.attempts > most) most = p.attempts;
        progress_release(&p);
    }
    print_message("# at most %u attempts for one answer\n", most);
    CHECK(most > 5);
}

TEST(no_fault_takes_one_attempt) {
    struct progress p;
    chance = 2;
    make_answer(100, 0);
    whole_run(&p, 3, 0xffffffffu);
    CHECK(p.attempts == 1 && p.from == 0);
    progress_release(&p);
}

/* ---- single rules ---- */

static struct progress p;
static const uint8_t three[3][32] = {{1}, {2}, {3}};

static void begin(uint32_t most) {
    progress_release(&p);
    progress_init(&p, 1000, 601000, most);
    progress_sent(&p, 1000, three, 3);
}
static int token(uint32_t position, int is_end, const char *text) {
    const uint8_t *out;
    size_t n;
    struct frame_token t = {.position = position,
                            .id = id_of(position),
                            .is_end = (uint8_t)is_end,
                            .text = (const uint8_t *)text,
                            .text_n = strlen(text)};
    return progress_token(&p, &t, &out, &n);
}
static void accepted(void) {
    struct frame_accepted a = {.prompt_tokens = 3};
    CHECK_INT(progress_accepted(&p, &a), 0);
}

TEST(the_end_is_forgotten_without_its_receipt) {
    begin(0);
    accepted();
    CHECK_INT(token(0, 0, "a"), 0);
    CHECK_INT(token(1, 1, "held"), 0);
    CHECK_INT(progress_text(&p, (const uint8_t *)"more", 4), 0);
    CHECK(p.text_bytes == 1 && p.text.len == 9);
    progress_lost(&p, 2000, three[0], CAUSE_LOST, API_LOST);
    CHECK(progress_count(&p) == 1 && p.text_bytes == 1 && p.text.len == 1 && !p.ending);
    begin(2);
    accepted();
    CHECK_INT(token(0, 0, "a"), 0);
    CHECK_INT(token(1, 0, "b"), 0); /* the second of two: it ends the answer */
    progress_lost(&p, 2000, three[0], CAUSE_LOST, API_LOST);
    CHECK(progress_count(&p) == 1 && p.text_bytes == 1);
}

TEST(nothing_follows_the_end_and_no_position_is_skipped) {
    begin(0);
    CHECK_INT(token(1, 0, ""), ERR_WRONG_STATE);
    CHECK_INT(token(0, 0, ""), 0);
    CHECK_INT(token(0, 0, ""), ERR_WRONG_STATE);
    CHECK_INT(token(1, 1, ""), 0);
    CHECK_INT(token(2, 0, ""), ERR_WRONG_STATE);
}

TEST(another_prompt_hash_is_refused) {
    struct frame_accepted a = {.prompt_tokens = 3}, b = {.prompt_tokens = 3, .prompt_hash = {1}}, c = {.prompt_tokens = 4};
    begin(0);
    CHECK_INT(progress_accepted(&p, &a), 0);
    CHECK_INT(progress_accepted(&p, &a), 0);
    CHECK_INT(progress_accepted(&p, &b), ERR_AUTH);
    CHECK_INT(progress_accepted(&p, &c), ERR_AUTH);
}

TEST(what_the_request_itself_caused_is_final) {
    static const enum api_code final[] = {API_BAD_REQUEST, API_CONTEXT_OVER, API_TOO_LARGE, API_VERSION, API_DEADLINE, API_RATE};
    for (size_t i = 0; i < sizeof final / sizeof final[0]; i++) {
        begin(0);
        progress_lost(&p, 1100, three[0], CAUSE_ERROR, final[i]);
        CHECK(p.state == PROGRESS_FAILED && p.failed == final[i]);
    }
    begin(0); /* but not from a second node after a first one took it */
    accepted();
    CHECK_INT(token(0, 0, "a"), 0);
    progress_lost(&p, 1100, three[0], CAUSE_LOST, API_LOST);
    progress_sent(&p, 1200, three, 3);
    progress_lost(&p, 1300, three[1], CAUSE_ERROR, API_CONTEXT_OVER);
    CHECK_INT(p.state, PROGRESS_WAIT);
    CHECK(!progress_may_ask(&p, three[1]) && progress_may_ask(&p, three[0]));
}

TEST(a_full_queue_is_said_at_once_a_long_one_is_tried_again) {
    begin(0);
    progress_lost(&p, 1100, NULL, CAUSE_REFUSED, API_BUSY);
    CHECK(p.state == PROGRESS_FAILED && p.failed == API_BUSY);
    begin(0);
    progress_lost(&p, 21000, NULL, CAUSE_REFUSED, API_BUSY);
    CHECK_INT(p.state, PROGRESS_WAIT);
    begin(0);
    CHECK_INT(token(0, 0, "a"), 0); /* the app has text: a full queue is no reason to give up */
    progress_lost(&p, 1100, NULL, CAUSE_LOST, API_LOST);
    progress_sent(&p, 1100, three, 3);
    progress_lost(&p, 1200, NULL, CAUSE_REFUSED, API_BUSY);
    CHECK_INT(p.state, PROGRESS_WAIT);
}

TEST(the_first_loss_is_answered_at_once_later_ones_wait) {
    uint64_t now = 1000, last = 0;
    begin(0);
    progress_lost(&p, now, three[0], CAUSE_LOST, API_LOST);
    CHECK_INT(p.send_at_ms, now);
    for (int i = 0; i < PROGRESS_TRIES_START - 1; i++) {
        progress_sent(&p, now, three, 3);
        progress_lost(&p, now, three[0], CAUSE_LOST, API_LOST);
        CHECK(p.state == PROGRESS_WAIT && p.send_at_ms - now >= last && p.send_at_ms - now <= 1000);
        last = p.send_at_ms - now;
        now = p.send_at_ms;
    }
    progress_sent(&p, now, three, 3);
    progress_lost(&p, now, three[0], CAUSE_LOST, API_LOST);
    CHECK(p.state == PROGRESS_FAILED && p.failed == API_LOST);
}

TEST(what_is_said_when_it_gives_up) {
    static const struct {
        enum progress_cause cause;
        enum api_code code, said;
    } rows[] = {{CAUSE_LOST, API_LOST, API_LOST},          {CAUSE_BAD, API_BAD_ANSWER, API_BAD_ANSWER},
                {CAUSE_REFUSED, API_REFUSED, API_REFUSED}, {CAUSE_REFUSED, API_NO_MODEL, API_NO_NODE},
                {CAUSE_ERROR, API_INTERNAL, API_INTERNAL}, {CAUSE_ERROR, API_DRAINING, API_DRAINING}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        begin(0);
        for (int k = 0; k < 20 && p.state != PROGRESS_FAILED; k++) {
            progress_lost(&p, 1000, NULL, rows[i].cause, rows[i].code);
            if (p.state == PROGRESS_WAIT) progress_sent(&p, 1000, three, 3);
        }
        CHECK(p.state == PROGRESS_FAILED && p.failed == rows[i].said);
    }
}

TEST(silence_and_deadline) {
    begin(0);
    CHECK_INT(progress_tick(&p, 1000 + PROGRESS_QUEUE_MS - 1), 0);
    CHECK_INT(progress_tick(&p, 1000 + PROGRESS_QUEUE_MS), 1);
    CHECK_INT(progress_due(&p), 1000 + PROGRESS_QUEUE_MS);
    progress_frame(&p, 5000);
    CHECK_INT(progress_tick(&p, 5000 + PROGRESS_SILENCE_MS - 1), 0);
    CHECK_INT(progress_tick(&p, 5000 + PROGRESS_SILENCE_MS), 1);
    progress_frame(&p, 600999);
    CHECK_INT(progress_due(&p), 601000);
    CHECK_INT(progress_tick(&p, 601000), 0);
    CHECK(p.state == PROGRESS_FAILED && p.failed == API_DEADLINE);
}

TEST(sixteen_identities_and_no_more) {
    uint8_t id[32] = {0};
    begin(0);
    for (uint8_t i = 10; i < 40; i++) {
        id[0] = i;
        progress_lost(&p, 1000, NULL, CAUSE_LOST, API_LOST);
        p.fails = 0;
        if (!progress_may_ask(&p, id)) break;
        progress_sent(&p, 1000, (const uint8_t(*)[32]) & id, 1);
    }
    CHECK_INT(p.tried_count, PROGRESS_IDENTITIES_MAX);
    CHECK(!progress_may_ask(&p, id) && progress_may_ask(&p, three[0]) && progress_was_asked(&p, three[0]));
}

TEST(too_much_held_text_is_refused) {
    static uint8_t big[PROGRESS_TEXT_HELD_MAX];
    begin(0);
    CHECK_INT(progress_text(&p, big, sizeof big), 0);
    CHECK_INT(progress_text(&p, big, 1), ERR_LIMIT);
    progress_release(&p);
}

TESTS_MAIN("gateway progress", T(any_fault_anywhere_gives_the_same_answer), T(no_fault_takes_one_attempt),
           T(the_end_is_forgotten_without_its_receipt), T(nothing_follows_the_end_and_no_position_is_skipped),
           T(another_prompt_hash_is_refused), T(what_the_request_itself_caused_is_final),
           T(a_full_queue_is_said_at_once_a_long_one_is_tried_again), T(the_first_loss_is_answered_at_once_later_ones_wait),
           T(what_is_said_when_it_gives_up), T(silence_and_deadline), T(sixteen_identities_and_no_more),
           T(too_much_held_text_is_refused))
