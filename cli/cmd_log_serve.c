/* cli/cmd_log_serve.c - `lull log serve`: the public files of a log over HTTP, on loopback unless told otherwise. Any web server would
 * do; this one is at hand for tests and for a log behind a proxy. Nothing but GET and HEAD, no path but those of c2sp.org/tlog-tiles. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/opt.h"
#include "cli/cli.h"
#include "cli/log_cmd.h"
#include "net/httpd.h"

struct serving {
    struct log_place place;
    struct loop *loop;
    struct httpd *http;
};

/* "checkpoint" or tile/ and digits, x, slashes, and .p/: no path that begins elsewhere or climbs. */
static int is_public(const char *path) {
    if (strcmp(path, "checkpoint") == 0) return 1;
    if (strncmp(path, "tile/", 5) != 0 || strlen(path) >= TLOG_PATH_BYTES || strstr(path, "..") || strstr(path, "//")) return 0;
    const char *rest = path + (strncmp(path, "tile/entries/", 13) == 0 ? 13 : 5);
    return strspn(rest, "0123456789x/.p") == strlen(rest) && rest[0] >= '0' && rest[strlen(rest) - 1] <= '9' &&
           rest[strlen(rest) - 1] >= '0';
}

static void answer(struct http_req *r, int status, const char *text) { http_reply(r, status, "text/plain", text, strlen(text)); }

static void on_request(void *arg, struct http_req *r) {
    struct serving *s = arg;
    const char *method = http_req_method(r), *path = http_req_path(r);
    struct tlog_files files = log_place_files(&s->place);
    struct buf b;
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
        answer(r, 405, "only GET\n");
        return;
    }
    if (path[0] != '/' || !is_public(path + 1)) {
        answer(r, 404, "no such file\n");
        return;
    }
    int is_checkpoint = strcmp(path, "/checkpoint") == 0, e = files.read(files.arg, path + 1, TLOG_BUNDLE_BYTES_MAX, &b);
    (void)http_req_add_header(r, "Cache-Control", is_checkpoint ? "no-store" : "public, max-age=31536000, immutable");
    if (e == 0)
        http_reply(r, 200, is_checkpoint ? "text/plain; charset=utf-8" : "application/octet-stream", b.data, b.len);
    else
        answer(r, 404, "no such file\n");
    buf_release(&b);
}

static void on_problem(void *arg, struct http_req *r, enum http_problem p) {
    (void)arg;
    answer(r, http_problem_status(p), http_problem_text(p));
}

static void on_signal(void *arg) { loop_stop(((struct serving *)arg)->loop); }

static int serve(struct serving *s, const char *where, const char *listen, int any_host, struct why *why) {
    char at[ADDR_TEXT_BYTES];
    struct httpd_opts o = {
        .listen = listen, .body_max = 1024, .any_host = any_host, .on_request = on_request, .on_problem = on_problem, .arg = s};
    int r = log_place_of(&s->place, where, why);
    if (r == 0 && s->place.is_url) r = why_set(why, ERR_USAGE, "takes a folder");
    if (r == 0) r = loop_new(&s->loop);
    if (r == 0) r = loop_on_signal(s->loop, SIGTERM, on_signal, s);
    if (r == 0) r = loop_on_signal(s->loop, SIGINT, on_signal, s);
    if (r == 0) r = httpd_open(&s->http, s->loop, &o, why);
    if (r != 0) return r;
    httpd_addr(s->http, at);
    printf("ready log %s\n", at);
    fflush(stdout);
    return loop_run(s->loop);
}

int log_serve(int argc, char **argv) {
    const char *listen = "127.0.0.1:7450";
    int any_host = 0;
    const struct opt rows[] = {
        {"listen", OPT_TEXT, &listen, "HOST:PORT", "where (127.0.0.1:7450)", 0, 0},
        {"any-host", OPT_FLAG, &any_host, NULL, "answer whatever name the request calls this server by (a public log)", 0, 0},
        {0}};
    struct command_line line = {
        .command = "log serve",
        .arguments = "DIR",
        .opts = rows,
        .args_min = 1,
        .args_max = 1,
        .about = "Serves the public files of a log over HTTP. Any web server that holds DIR/public does the same."};
    struct serving s = {.loop = NULL};
    struct why why = {{0}};
    int r = opt_parse(&line, argc, argv, &why);
    if (r == OPT_HELP_SHOWN) return EXIT_OK;
    if (r == 0) r = serve(&s, line.args[0], listen, any_host, &why);
    httpd_close(s.http);
    loop_free(s.loop);
    if (r == 0) return EXIT_OK;
    fprintf(stderr, "lull log serve: %s\n", why_text(&why, r));
    return r == ERR_USAGE ? EXIT_USAGE : EXIT_FAILED;
}
