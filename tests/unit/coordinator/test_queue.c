/* The queue (turns, bounds, deadlines), limits per address, admission lists. */
#include "tests/check.h"

#include "base/err.h"
#include "base/file.h"
#include "coordinator/admit.h"
#include "coordinator/limits.h"
#include "coordinator/queue.h"

#include <stdlib.h>
#include <unistd.h>

static const uint8_t A[16] = "address A", B[16] = "address B", C[16] = "address C";

static int any(void *arg, struct waiter *w) { return (void)arg, (void)w, 1; }
static int none(void *arg, struct waiter *w) { return (void)arg, (void)w, 0; }
static int only(void *arg, struct waiter *w) { return arg == w; }

TEST(lanes_take_turns) {
    struct queue q;
    struct waiter a[5] = {{0}}, b[2] = {{0}}, c = {0};
    CHECK_INT(queue_init(&q, 8, 8, 100), 0);
    for (int i = 0; i < 5; i++) CHECK_INT(queue_add(&q, &a[i], A, 0), 0);
    for (int i = 0; i < 2; i++) CHECK_INT(queue_add(&q, &b[i], B, 0), 0);
    CHECK_INT(queue_add(&q, &c, C, 0), 0);
    struct waiter *want[] = {&a[0], &b[0], &c, &a[1], &b[1], &a[2], &a[3], &a[4]};
    for (int i = 0; i < 8; i++) CHECK(queue_next(&q, any, NULL) == want[i]);
    CHECK(queue_next(&q, any, NULL) == NULL);
    CHECK_INT(q.count, 0);
    queue_release(&q);
}

TEST(one_that_cannot_start_holds_up_nobody) {
    struct queue q;
    struct waiter a[2] = {{0}}, b = {0};
    CHECK_INT(queue_init(&q, 8, 8, 100), 0);
    CHECK_INT(queue_add(&q, &a[0], A, 0), 0);
    CHECK_INT(queue_add(&q, &a[1], A, 0), 0);
    CHECK_INT(queue_add(&q, &b, B, 0), 0);
    CHECK(queue_next(&q, none, NULL) == NULL);
    CHECK(queue_next(&q, only, &a[1]) == &a[1]); /* behind a[0] in its own lane */
    CHECK(queue_next(&q, any, NULL) == &b);      /* A has just had its turn */
    CHECK(queue_next(&q, any, NULL) == &a[0]);
    queue_release(&q);
}

TEST(the_queue_and_each_share_of_it_are_bounded) {
    struct queue q;
    struct waiter w[5] = {{0}};
    CHECK_INT(queue_init(&q, 3, 2, 100), 0);
    CHECK_INT(queue_add(&q, &w[0], A, 0), 0);
    CHECK_INT(queue_add(&q, &w[1], A, 0), 0);
    CHECK_INT(queue_add(&q, &w[2], A, 0), ERR_LIMIT);
    CHECK(!queue_has(&w[2]));
    CHECK_INT(queue_add(&q, &w[3], B, 0), 0);
    CHECK_INT(queue_add(&q, &w[4], C, 0), ERR_BUSY);
    queue_remove(&q, &w[0]);
    queue_remove(&q, &w[0]);
    CHECK_INT(queue_add(&q, &w[4], C, 0), 0);
    while (queue_next(&q, any, NULL)) {}
    queue_release(&q);
}

TEST(deadlines_come_in_order_of_arrival) {
    struct queue q;
    struct waiter w[3] = {{0}};
    CHECK_INT(queue_init(&q, 8, 8, 100), 0);
    CHECK(queue_due_ms(&q, 0) == UINT64_MAX);
    CHECK_INT(queue_add(&q, &w[0], A, 0), 0);
    CHECK_INT(queue_add(&q, &w[1], B, 10), 0);
    CHECK_INT(queue_add(&q, &w[2], A, 50), 0);
    CHECK(queue_due_ms(&q, 40) == 60);
    CHECK(queue_expired(&q, 99) == NULL);
    CHECK(queue_expired(&q, 115) == &w[0]);
    CHECK(queue_expired(&q, 115) == &w[1]);
    CHECK(queue_expired(&q, 115) == NULL);
    CHECK(queue_due_ms(&q, 500) == 0);
    queue_remove(&q, &w[2]);
    CHECK(queue_expired(&q, 500) == NULL);
    queue_release(&q);
}

/* Random adds, removals, turns and deadlines against simple counts; lanes never leak, order within a lane holds. */
TEST(random_use_keeps_the_books) {
    enum { N = 64 };
    static struct waiter w[N];
    static uint64_t stamp[N];
    struct queue q;
    uint64_t now = 0, serial = 0, count = 0;
    memset(w, 0, sizeof w);
    CHECK_INT(queue_init(&q, 40, 12, 30), 0);
    for (int step = 0; step < 20000; step++, now++) {
        uint8_t r[4];
        random_bytes(r, sizeof r);
        unsigned i = r[1] % N;
        uint8_t addr[16] = {(uint8_t)(i % 7)};
        if (r[0] < 120 && !queue_has(&w[i])) {
            int got = queue_add(&q, &w[i], addr, now);
            CHECK(got == 0 || got == ERR_BUSY || got == ERR_LIMIT);
            if (got == 0) stamp[i] = serial++, count++;
        } else if (r[0] < 150 && queue_has(&w[i])) {
            queue_remove(&q, &w[i]);
            count--;
        } else if (r[0] < 200) {
            struct waiter *x = queue_next(&q, any, NULL);
            CHECK((x != NULL) == (count > 0));
            if (!x) continue;
            count--;
            for (unsigned k = 0; k < N; k++) /* nobody of the same lane came earlier and still waits */
                CHECK(!(queue_has(&w[k]) && k % 7 == (unsigned)(x - w) % 7 && stamp[k] < stamp[x - w]));
        } else {
            for (struct waiter *x; (x = queue_expired(&q, now)) != NULL;) count--;
        }
        CHECK(q.count == count);
    }
    while (queue_next(&q, any, NULL)) {}
    CHECK(q.turn == NULL && q.oldest == NULL && q.newest == NULL);
    queue_release(&q);
}

TEST(rates_refill_and_addresses_are_forgotten) {
    struct limits *l = NULL;
    const struct limits_opts o = {.addresses = 2, .links = 2, .requests = 3, .rate_per_s = 10, .rate_burst = 5};
    CHECK_INT(limits_new(&l, &o), 0);
    for (int i = 0; i < 5; i++) CHECK_INT(limits_ask(l, A, 0), 0);
    CHECK_INT(limits_ask(l, A, 0), ERR_BUSY);
    CHECK_INT(limits_ask(l, A, 99), ERR_BUSY);
    CHECK_INT(limits_ask(l, A, 100), 0);
    CHECK_INT(limits_ask(l, A, 100), ERR_BUSY);
    CHECK_INT(limits_ask(l, A, 100000), 0); /* never more than the burst comes back */
    for (int i = 0; i < 4; i++) CHECK_INT(limits_ask(l, A, 100000), 0);
    CHECK_INT(limits_ask(l, A, 100000), ERR_BUSY);
    CHECK_INT(limits_link_begin(l, B, 100000), 0);
    CHECK_INT(limits_ask(l, C, 100000), ERR_BUSY); /* both entries are in use */
    CHECK_INT(limits_ask(l, C, 200000), 0);        /* A has been quiet: forgotten */
    CHECK_INT(limits_known(l), 2);
    limits_link_end(l, B, 200000);
    CHECK_INT(limits_known(l), 1);
    limits_free(l);
}

TEST(links_and_requests_of_one_address_are_counted) {
    struct limits *l = NULL;
    const struct limits_opts o = {.addresses = 8, .links = 2, .requests = 3, .rate_per_s = 1000, .rate_burst = 1000};
    CHECK_INT(limits_new(&l, &o), 0);
    CHECK_INT(limits_link_begin(l, A, 0), 0);
    CHECK_INT(limits_link_begin(l, A, 0), 0);
    CHECK_INT(limits_link_begin(l, A, 0), ERR_LIMIT);
    CHECK_INT(limits_link_begin(l, B, 0), 0);
    limits_link_end(l, A, 0);
    CHECK_INT(limits_link_begin(l, A, 0), 0);
    for (int i = 0; i < 3; i++) CHECK_INT(limits_request_begin(l, A, 0), 0);
    CHECK_INT(limits_request_begin(l, A, 0), ERR_LIMIT);
    limits_request_end(l, A, 0);
    CHECK_INT(limits_request_begin(l, A, 0), 0);
    limits_free(l);
}

static const char *file_with(const char *text) {
    static char path[64];
    struct why why = {{0}};
    snprintf(path, sizeof path, "/tmp/lull-admit-%ld", (long)getpid());
    CHECK_INT(file_write(path, text, strlen(text), 0600, &why), 0);
    return path;
}

TEST(operators_on_the_list_may_come) {
    struct admit_list l;
    struct why why = {{0}};
    uint8_t id[32] = {0};
    CHECK_INT(admit_operators_load(&l, NULL, &why), 0);
    CHECK(admit_operator(&l, id));
    CHECK_INT(admit_operators_load(
                  &l, file_with("# ours\n  ffeeddccbbaa99887766554433221100 # x\r\n\n00112233445566778899aabbccddeeff"), &why),
              0);
    CHECK_INT(l.count, 2);
    CHECK(!admit_operator(&l, id));
    for (int i = 0; i < 16; i++) id[i] = (uint8_t)(i * 0x11);
    CHECK(admit_operator(&l, id));
    id[15] ^= 1;
    CHECK(!admit_operator(&l, id));
    admit_release(&l);
    CHECK_INT(admit_operators_load(&l, file_with("00112233445566778899aabbccddeeff\nnot an id\n"), &why), ERR_FORMAT);
    CHECK(strstr(why.text, ":2:") && !strstr(why.text, "not an id"));
    CHECK_INT(admit_operators_load(&l, "/nonexistent/list", &why), ERR_NOTFOUND);
    CHECK_INT(admit_operators_load(&l, file_with("# nobody\n"), &why), 0);
    CHECK(l.limited && !admit_operator(&l, id)); /* an empty list is a list */
    admit_release(&l);
}

TEST(clients_show_a_key_of_the_list) {
    struct admit_list l;
    struct why why = {{0}};
    CHECK_INT(admit_clients_load(&l, NULL, &why), 0);
    CHECK(admit_client(&l, NULL));
    CHECK_INT(admit_clients_load(&l, file_with("first-secret-key\nsecond-secret-key\n"), &why), 0);
    CHECK(admit_client(&l, "Bearer first-secret-key"));
    CHECK(admit_client(&l, "bearer second-secret-key"));
    CHECK(!admit_client(&l, NULL));
    CHECK(!admit_client(&l, "first-secret-key"));
    CHECK(!admit_client(&l, "Bearer "));
    CHECK(!admit_client(&l, "Bearer first-secret-ke"));
    CHECK(!admit_client(&l, "Bearer first-secret-key2"));
    admit_release(&l);
    CHECK_INT(admit_clients_load(&l, file_with("short\n"), &why), ERR_FORMAT);
    CHECK(!strstr(why.text, "short"));
    unlink(file_with(""));
}

TESTS_MAIN("queue", T(lanes_take_turns), T(one_that_cannot_start_holds_up_nobody), T(the_queue_and_each_share_of_it_are_bounded),
           T(deadlines_come_in_order_of_arrival), T(random_use_keeps_the_books), T(rates_refill_and_addresses_are_forgotten),
           T(links_and_requests_of_one_address_are_counted), T(operators_on_the_list_may_come), T(clients_show_a_key_of_the_list))
