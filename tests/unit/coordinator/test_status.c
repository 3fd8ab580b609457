/* The status page: right numbers, no gateway in it, names escaped; and the options of the program. */
#include "tests/unit/coordinator/scene.h"

#include "base/json.h"
#include "net/httpc.h"

#include <pthread.h>
#include <stdatomic.h>

struct fetch { /* a blocking client on a thread of its own, while the loop serves it */
    char url[128];
    const char *method;
    struct buf body;
    struct httpc_reply reply;
    int r;
    atomic_int done;
};
static int fetch_data(void *arg, const uint8_t *p, size_t n) { return buf_add(arg, p, n); }
static void *fetch_run(void *arg) {
    struct fetch *f = arg;
    struct httpc_call call = {.url = f->url, .method = f->method, .on_data = fetch_data, .arg = &f->body, .silence_ms = 5000};
    f->r = httpc_run(&call, &f->reply, NULL);
    atomic_store(&f->done, 1);
    return NULL;
}
static int fetch_done(void *arg) { return atomic_load(&((struct fetch *)arg)->done); }

static void get(struct scene *s, struct fetch *f, const char *method, const char *path) {
    char at[ADDR_TEXT_BYTES];
    pthread_t t;
    memset(f, 0, sizeof *f);
    httpd_addr(s->c.status, at);
    snprintf(f->url, sizeof f->url, "http://%s%s", at, path);
    f->method = method;
    buf_init(&f->body, 1 << 20);
    CHECK_INT(pthread_create(&t, NULL, fetch_run, f), 0);
    scene_until(s, fetch_done, f, 8000);
    pthread_join(t, NULL);
    CHECK_INT(f->r, 0);
    CHECK_INT(buf_add(&f->body, "", 1), 0); /* ends the text */
}

static json_int_t number(const json_t *j, const char *key) { return json_integer_value(json_object_get(j, key)); }

TEST(the_page_counts_nodes_and_jobs_and_names_no_gateway) {
    struct scene s;
    struct node_actor n, *list[1] = {&n};
    struct gateway_actor g;
    struct ask a;
    struct fetch f;
    scene_init(&s);
    s.o.status = "127.0.0.1:0";
    scene_start(&s);
    node_up(&n, &s, 1, JOB_ANSWER);
    gateway_up(&g, &s);
    ask_nodes(&a, &g, list, 1, NULL);
    scene_until(&s, ask_is_closed, &a, 5000);
    for (int i = 0; i < 200; i++) { /* sums are refreshed twice a second */
        struct store_totals t;
        store_totals(s.c.store, &t);
        if (t.today.jobs == 1) break;
        scene_for(&s, 10);
    }
    get(&s, &f, "GET", "/status.json");
    CHECK_INT(f.reply.status, 200);
    CHECK_STR(f.reply.content_type, "application/json");
    json_t *j = NULL;
    CHECK_INT(json_parse(&j, f.body.data, f.body.len - 1, NULL), 0);
    CHECK(number(j, "nodes_here") == 1 && number(j, "slots") == 1 && number(j, "running") == 0 && number(j, "waiting") == 0 &&
          number(j, "nodes_known") == 1);
    const json_t *today = json_object_get(j, "today"), *node = json_array_get(json_object_get(j, "nodes"), 0);
    CHECK(number(today, "jobs") == 1 && number(today, "done") == 1 && number(today, "output_tokens") == 2);
    CHECK_STR(json_string_value(json_object_get(node, "state")), "ready");
    CHECK_STR(json_string_value(json_object_get(json_array_get(json_object_get(node, "models"), 0), "name")), "lull-toy:q8_0");
    CHECK(strstr((char *)f.body.data, "127.0.0.1") == NULL);
    CHECK(strstr((char *)f.body.data, a.job) == NULL);
    json_decref(j);
    buf_release(&f.body);
    get(&s, &f, "GET", "/");
    CHECK(strstr((char *)f.body.data, "lull-toy:q8_0") && strstr((char *)f.body.data, "127.0.0.1") == NULL);
    buf_release(&f.body);
    get(&s, &f, "GET", "/other");
    CHECK_INT(f.reply.status, 404);
    buf_release(&f.body);
    get(&s, &f, "DELETE", "/");
    CHECK_INT(f.reply.status, 405);
    buf_release(&f.body);
    ask_done(&a);
    node_done(&n);
    gateway_done(&g);
    scene_end(&s);
}

TEST(names_are_escaped) {
    struct scene s;
    struct dir_node node = {.slots = 1};
    struct fix_node x;
    struct fetch f;
    scene_init(&s);
    s.o.status = "127.0.0.1:0";
    scene_start(&s);
    fix_node(&x, 1); /* the wire lets no such name through; the page does not rely on it */
    strcpy(x.record.models[0].name, "<script>\"a\"&'b'\x01");
    CHECK_INT(dir_put(&s.c.dir, &node, &x.record, (const uint8_t *)"", 0), 0);
    get(&s, &f, "GET", "/");
    CHECK(strstr((char *)f.body.data, "<script") == NULL);
    CHECK(strstr((char *)f.body.data, "&lt;script&gt;&quot;a&quot;&amp;&#39;b&#39;?") != NULL);
    buf_release(&f.body);
    get(&s, &f, "GET", "/status.json");
    json_t *j = NULL;
    CHECK_INT(json_parse(&j, f.body.data, f.body.len - 1, NULL), 0);
    json_decref(j);
    buf_release(&f.body);
    dir_remove(&s.c.dir, &node);
    fix_node_done(&x);
    scene_end(&s);
}

static int parse(struct config *c, struct why *why, const char *a, const char *b) {
    static char texts[4][64];
    char *argv[5] = {texts[0]};
    int argc = 1;
    snprintf(texts[0], sizeof texts[0], "coordinator");
    setenv("XDG_CONFIG_HOME", "/nonexistent", 1);
    for (const char *t = a; t; t = t == a ? b : NULL) {
        snprintf(texts[argc], sizeof texts[argc], "%s", t);
        argv[argc] = texts[argc];
        argc++;
    }
    return config_parse(c, argc, argv, why);
}

TEST(options_have_bounds_and_defaults) {
    struct config c;
    struct why why = {{0}};
    CHECK_INT(parse(&c, &why, NULL, NULL), 0);
    CHECK_STR(c.listen, "0.0.0.0:7443");
    CHECK_STR(c.status, "127.0.0.1:7480");
    CHECK_INT(c.queue_ms, 20000);
    CHECK_INT(parse(&c, &why, "--queue-ms", "20001"), ERR_USAGE); /* well inside the 60 s that a request is fresh */
    CHECK_INT(parse(&c, &why, "--max-nodes", "0"), ERR_USAGE);
    CHECK_INT(parse(&c, &why, "--tls-cert", "x.pem"), ERR_USAGE);
    CHECK(strstr(why.text, "--tls-key") != NULL);
    CHECK_INT(parse(&c, &why, "--nonsense", NULL), ERR_USAGE);
}

TEST(a_taken_port_and_a_damaged_key_are_named) {
    struct scene s, second;
    struct why why = {{0}};
    char key[96];
    scene_init(&s);
    scene_start(&s);
    memset(&second, 0, sizeof second);
    second.o = s.o;
    second.o.listen = s.where;
    char other[64] = "/tmp/lull-coord-XXXXXX";
    CHECK(mkdtemp(other) != NULL);
    CHECK(coord_open(&second.c, s.loop, &second.o, other, &why) < 0);
    CHECK(strstr(why.text, s.where) != NULL);
    CHECK_INT(coord_close(&second.c), 0);
    snprintf(key, sizeof key, "%s/coordinator.key", other);
    CHECK_INT(file_write(key, "short", 5, 0600, &why), 0);
    second.o.listen = "127.0.0.1:0";
    CHECK_INT(coord_open(&second.c, s.loop, &second.o, other, &why), ERR_FORMAT);
    CHECK(strstr(why.text, key) != NULL);
    CHECK_INT(coord_close(&second.c), 0);
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", other);
    CHECK_INT(system(command), 0);
    scene_end(&s);
}

TESTS_MAIN("status", T(the_page_counts_nodes_and_jobs_and_names_no_gateway), T(names_are_escaped),
           T(options_have_bounds_and_defaults), T(a_taken_port_and_a_damaged_key_are_named))
