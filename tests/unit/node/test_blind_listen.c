/* node: the port of its own for blind clients: how many connections one address may hold, and that others still find a place. */
#include "node/blind_listen.h"
#include "base/hash.h"
#include "base/log.h"
#include "net/addr.h"
#include "node/node_parts.h"
#include "tests/check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SESSIONS = 16, ALL = 2 * SESSIONS, EACH = ALL / 4, LINES = ALL + 8 };
static struct node n;
static struct blind_listen *listening;
static struct timer *guard;
static uint16_t port;
static int line[LINES]; /* silent clients */
static unsigned lines;

static void on_guard(void *arg) {
    (void)arg;
    loop_stop(n.loop);
}
static void run_for(uint64_t ms) {
    timer_start_ms(guard, ms);
    CHECK_INT(loop_run(n.loop), 0);
}

static void setup(void) {
    struct why why = {{0}};
    char at[WORKER_AT_BYTES], host[ADDR_HOST_BYTES];
    uint8_t pin[32];
    memset(&n, 0, sizeof n);
    CHECK_INT(log_setup("error", NULL), 0);
    snprintf(n.dir.path, sizeof n.dir.path, "/tmp/lull-listen-XXXXXX");
    CHECK(mkdtemp(n.dir.path) != NULL);
    CHECK_INT(loop_new(&n.loop), 0);
    CHECK_INT(timer_new(&guard, n.loop, on_guard, NULL), 0);
    n.o.blind_sessions = SESSIONS;
    n.o.blind_listen = "127.0.0.1:0";
    CHECK_INT(blind_listen_open(&listening, &n, at, pin, &why), 0);
    CHECK_INT(addr_split(at, 0, host, &port), 0);
    lines = 0;
}
static void done(void) {
    char path[600];
    for (unsigned i = 0; i < lines; i++) close(line[i]);
    blind_listen_close(listening);
    timer_free(guard);
    loop_free(n.loop);
    CHECK_INT(data_dir_file(&n.dir, "tls.crt", path, sizeof path), 0);
    CHECK_INT(unlink(path), 0);
    CHECK_INT(data_dir_file(&n.dir, "tls.key", path, sizeof path), 0);
    CHECK_INT(unlink(path), 0);
    CHECK_INT(rmdir(n.dir.path), 0);
}

/* From 127.0.0.HOST, without a word. */
static void connect_from(uint8_t host, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000000u | host)};
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(0x7f000001u)};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        CHECK(fd >= 0 && lines < LINES);
        line[lines++] = fd;
        CHECK_INT(bind(fd, (struct sockaddr *)&from, sizeof from), 0);
        CHECK_INT(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    }
    run_for(100);
}
/* How many of the lines from the given one on were not closed. */
static unsigned open_from(unsigned first) {
    unsigned count = 0;
    for (unsigned i = first; i < lines; i++) {
        char byte;
        count += recv(line[i], &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
    }
    return count;
}

TEST(one_address_cannot_keep_others_out) {
    setup();
    connect_from(1, ALL + 1);
    CHECK_INT(open_from(0), EACH);
    connect_from(2, 1);
    CHECK_INT(open_from(ALL + 1), 1);
    done();
}

TEST(connections_are_bounded_in_all_and_a_closed_one_makes_room) {
    setup();
    for (uint8_t host = 1; host <= 4; host++) connect_from(host, EACH);
    CHECK_INT(open_from(0), ALL);
    connect_from(5, 1);
    CHECK_INT(open_from(ALL), 0);
    close(line[0]);
    line[0] = line[--lines]; /* the one that was closed */
    run_for(100);
    connect_from(5, 1);
    CHECK_INT(open_from(ALL), 1);
    done();
}

TESTS_MAIN("blind_listen", T(one_address_cannot_keep_others_out), T(connections_are_bounded_in_all_and_a_closed_one_makes_room))
