/* net: streams that carry much. A widened window lets that many bytes come before any is consumed; the others keep theirs; the connection's
 * window shrinks again when they end. */
#include "tests/unit/net/pair.h"

enum { WIDE = 1 << 20, MUCH = 8 << 20, EACH = 16384 };
static struct pair p;
struct flow {
    struct h2_stream *s;
    size_t got, written;
    int closed;
};
static struct flow server[8], client[8];
static unsigned served;

static void push(struct flow *f) {
    static const uint8_t block[EACH];
    while (f->written < MUCH && h2_write(f->s, block, EACH) == 0) f->written += EACH;
}
static void on_writable(void *arg, struct h2_stream *s) {
    (void)s;
    push(arg);
}
static void on_data(void *arg, struct h2_stream *s, const uint8_t *bytes, size_t n) {
    (void)s, (void)bytes; /* not consumed: what comes is what the windows let through */
    ((struct flow *)arg)->got += n;
}
static void on_close(void *arg, struct h2_stream *s, uint32_t code) {
    (void)s, (void)code;
    ((struct flow *)arg)->closed = 1;
}
static const struct h2_stream_events flow_events = {.on_data = on_data, .on_writable = on_writable, .on_close = on_close};
static void serve(struct end *e, struct h2_stream *s, const struct h2_request *r) {
    struct flow *f = &server[served++];
    (void)e;
    f->s = s;
    h2_stream_set(s, &flow_events, f);
    if (strcmp(r->path, "/wide") == 0) CHECK_INT(h2_stream_widen(s, WIDE, 2 * WIDE), 0);
    CHECK_INT(h2_respond(s, 200, NULL), 0);
}
static void ask(unsigned i, const char *path) {
    struct h2_request r = {.method = "POST", .path = path};
    CHECK_INT(h2_ask(p.dialled.h, &r, &flow_events, &client[i], &client[i].s), 0);
    push(&client[i]);
}
static size_t want;
static struct flow *watched;
static int has_got(void *arg) { return (void)arg, watched->got >= want; }
static void gets(unsigned i, size_t bytes) { /* exactly: then nothing more comes */
    watched = &server[i];
    want = bytes;
    pair_run_until(&p, has_got, NULL, 10000);
    pair_run_for(&p, 100);
    CHECK_INT(server[i].got, bytes);
}
static int is_closed(void *arg) { return ((struct flow *)arg)->closed; }

TEST(a_wide_stream_has_its_window_and_others_keep_theirs) {
    memset(server, 0, sizeof server);
    memset(client, 0, sizeof client);
    served = 0;
    pair_up(&p, TLS_GATEWAY);
    p.accepted.serve = serve;
    ask(0, "/wide");
    gets(0, WIDE);
    ask(1, "/usual");
    gets(1, H2_WINDOW_DEFAULT);
    ask(2, "/wide"); /* the connection's window has grown for each */
    gets(2, WIDE);
    ask(3, "/usual");
    gets(3, H2_WINDOW_DEFAULT);
    CHECK_INT(h2_stream_count(p.accepted.h), 4);
    h2_consume(server[0].s, WIDE);
    gets(0, 2 * WIDE);
    for (unsigned i = 0; i < 4; i += 2) { /* ends, with all its bytes unconsumed: nobody else is short of window for it */
        h2_reset(client[i].s, H2_CANCEL);
        pair_run_until(&p, is_closed, &server[i], 5000);
    }
    ask(4, "/wide");
    gets(4, WIDE);
    ask(5, "/usual");
    gets(5, H2_WINDOW_DEFAULT);
    pair_release(&p);
}

TEST(a_stream_is_widened_once_and_never_narrowed) {
    memset(server, 0, sizeof server);
    memset(client, 0, sizeof client);
    served = 0;
    pair_up(&p, TLS_GATEWAY);
    p.accepted.serve = serve;
    ask(0, "/usual");
    gets(0, H2_WINDOW_DEFAULT);
    CHECK_INT(h2_stream_widen(server[0].s, 100, 2 * WIDE), ERR_RANGE);
    CHECK_INT(h2_stream_widen(server[0].s, WIDE, 100), ERR_RANGE);
    CHECK_INT(h2_stream_widen(server[0].s, WIDE, 2 * WIDE), 0);
    CHECK_INT(h2_stream_widen(server[0].s, WIDE, 2 * WIDE), ERR_RANGE);
    CHECK(h2_write_room(server[0].s) == 2 * WIDE);
    gets(0, WIDE); /* also while it runs */
    pair_release(&p);
}

TESTS_MAIN("h2_wide", T(a_wide_stream_has_its_window_and_others_keep_theirs), T(a_stream_is_widened_once_and_never_narrowed))
