/* test_httpc.c - the blocking client against our own server, which runs on a thread. */
#include "base/clock.h"
#include "net/httpc.h"
#include "net/httpd.h"
#include "tests/check.h"

#include <pthread.h>

struct site {
    struct loop *loop;
    struct httpd *d;
    char base[100];
    pthread_t thread;
    struct loop_job stop;
};
static void on_request(void *arg, struct http_req *r) {
    (void)arg;
    size_t n;
    const uint8_t *body = http_req_body(r, &n);
    const char *path = http_req_path(r);
    if (strcmp(path, "/hold") == 0) return;
    if (strcmp(path, "/abort") == 0) {
        http_stream_begin(r, 200, "text/plain");
        (void)http_stream_write(r, "part", 4);
        http_abort(r);
        return;
    }
    (void)http_req_add_header(r, "lull-receipt", "r-1");
    if (strcmp(path, "/echo") == 0)
        http_reply(r, 200, "application/json", body, n);
    else
        http_reply(r, 404, "text/plain", "no", 2);
}
static void on_problem(void *arg, struct http_req *r, enum http_problem p) {
    (void)arg;
    http_reply(r, http_problem_status(p), "text/plain", "", 0);
}
static void *run(void *arg) {
    struct site *s = arg;
    (void)loop_run(s->loop);
    httpd_close(s->d);
    return NULL;
}
static void on_stop(struct loop_job *j) { loop_stop(((struct site *)(void *)((char *)j - offsetof(struct site, stop)))->loop); }
static void site_open(struct site *s) {
    char addr[ADDR_TEXT_BYTES];
    struct why why = {""};
    memset(s, 0, sizeof *s);
    s->stop.fn = on_stop;
    struct httpd_opts o = {.listen = "127.0.0.1:0", .key = "k", .on_request = on_request, .on_problem = on_problem, .arg = s};
    CHECK_INT(loop_new(&s->loop), 0);
    CHECK_INT(httpd_open(&s->d, s->loop, &o, &why), 0);
    httpd_addr(s->d, addr);
    snprintf(s->base, sizeof s->base, "http://%s", addr);
    CHECK_INT(pthread_create(&s->thread, NULL, run, s), 0);
}
static void site_close(struct site *s) {
    loop_post(s->loop, &s->stop);
    pthread_join(s->thread, NULL);
    loop_free(s->loop);
}

struct got {
    char text[64];
    size_t n;
    int stop_after; /* bytes; 0: never */
    uint64_t stop_at_ms;
};
static int on_data(void *arg, const uint8_t *p, size_t n) {
    struct got *g = arg;
    if (g->n + n < sizeof g->text) memcpy(g->text + g->n, p, n);
    g->n += n;
    return g->stop_after && g->n >= (size_t)g->stop_after;
}
static int should_stop(void *arg) {
    const struct got *g = arg;
    return g->stop_at_ms && clock_mono_ms() >= g->stop_at_ms;
}
static int call(const struct site *s, const char *path, const char *bearer, struct got *g, struct httpc_reply *reply,
                uint32_t silence_ms) {
    char url[160];
    struct why why = {""};
    snprintf(url, sizeof url, "%s%s", s->base, path);
    struct httpc_call c = {.url = url,
                           .method = "POST",
                           .content_type = "application/json",
                           .body = "{\"a\":1}",
                           .body_len = 7,
                           .bearer = bearer,
                           .silence_ms = silence_ms,
                           .on_data = on_data,
                           .should_stop = should_stop,
                           .arg = g};
    return httpc_run(&c, reply, &why);
}
TEST(an_answer_with_its_headers) {
    struct site s;
    struct got g = {.n = 0};
    struct httpc_reply r;
    site_open(&s);
    CHECK_INT(call(&s, "/echo", "k", &g, &r, 0), 0);
    CHECK_INT(r.status, 200);
    CHECK_STR(g.text, "{\"a\":1}");
    CHECK_STR(r.content_type, "application/json");
    CHECK_STR(r.receipt, "r-1");
    g = (struct got){.n = 0};
    CHECK_INT(call(&s, "/none", "k", &g, &r, 0), 0);
    CHECK_INT(r.status, 404);
    CHECK_INT(call(&s, "/echo", "wrong", &g, &r, 0), 0);
    CHECK_INT(r.status, 401);
    site_close(&s);
}
TEST(a_broken_answer_is_lost_and_a_silent_one_late) {
    struct site s;
    struct got g = {.n = 0};
    struct httpc_reply r;
    site_open(&s);
    CHECK_INT(call(&s, "/abort", "k", &g, &r, 0), ERR_LOST);
    g = (struct got){.n = 0};
    CHECK_INT(call(&s, "/hold", "k", &g, &r, 1000), ERR_TIME);
    site_close(&s);
}
TEST(a_call_can_be_stopped_from_either_callback) {
    struct site s;
    struct got g = {.stop_after = 3};
    struct httpc_reply r;
    site_open(&s);
    CHECK_INT(call(&s, "/echo", "k", &g, &r, 0), ERR_CANCELLED);
    uint64_t t0 = clock_mono_ms();
    g = (struct got){.stop_at_ms = t0 + 50};
    CHECK_INT(call(&s, "/hold", "k", &g, &r, 0), ERR_CANCELLED); /* which nothing else would end */
    site_close(&s);
}
TEST(addresses_that_do_not_work_say_so) {
    struct httpc_reply r;
    struct why why = {""};
    struct httpc_call c = {.url = "http://127.0.0.1:1/", .method = "GET"};
    CHECK_INT(httpc_run(&c, &r, &why), ERR_LOST);
    CHECK(strstr(why.text, "127.0.0.1:1") != NULL);
    c.url = "file:///etc/passwd";
    CHECK_INT(httpc_run(&c, &r, &why), ERR_USAGE);
    c.url = "not a url";
    CHECK_INT(httpc_run(&c, &r, &why), ERR_USAGE);
}
TESTS_MAIN("httpc", T(an_answer_with_its_headers), T(a_broken_answer_is_lost_and_a_silent_one_late),
           T(a_call_can_be_stopped_from_either_callback), T(addresses_that_do_not_work_say_so))
