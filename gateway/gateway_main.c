/* gateway/gateway_main.c - `lull gateway`: parts opened in order, the loop, and a stop that lets running answers end. */
#include "base/clock.h"
#include "base/log.h"
#include "base/opt.h"
#include "base/secret.h"
#include "gateway/gateway.h"
#include "gateway/gw_blind_request.h"
#include "gateway/gw_request.h"

#include <signal.h>
#include <stdio.h>

enum { STOP_LIMIT_MS = 10000, LINK_CHECK_MS = 2000 };

static void on_conflict(const char *name) {
    log_event(LOG_WARN, "pins", "nodes serve another file under this name; the pinned one stays", LOG_NAME("model", name));
}

static void on_directory(void *arg, const uint8_t *body, size_t n) {
    struct gateway *g = arg;
    size_t before = g->dir.fresh ? g->dir.count : 0, refused = g->dir.refused;
    int first = !g->dir.fresh;
    int r = gw_dir_take(&g->dir, body, n, clock_unix_s());
    if (r != 0) {
        log_event(LOG_WARN, "directory", "malformed", LOG_CODE("reason", err_text(r)));
        return;
    }
    if (first) g->link_up_ms = clock_mono_ms();
    if (g->dir.count != before || g->dir.refused != refused)
        log_event(LOG_INFO, "directory", "changed", LOG_COUNT("nodes", g->dir.count), LOG_COUNT("refused", g->dir.refused));
    pins_compare(&g->pins, &g->dir, &g->o.policy, on_conflict);
    gw_requests_wake(g);
}

static void on_down(void *arg, int err) {
    struct gateway *g = arg;
    (void)err;
    gw_dir_stale(&g->dir);
}

/* ---- stopping ---- */

void gw_idle(struct gateway *g) {
    if (g->stopping && g->stop_timer && g->request_count == 0) timer_start_ms(g->stop_timer, 0);
}

static void stop_now(void *arg) { loop_stop(((struct gateway *)arg)->loop); }

/* The first signal lets answers end, for a while; the second does not. */
static void on_signal(void *arg) {
    struct gateway *g = arg;
    if (g->stopping++) {
        stop_now(g);
        return;
    }
    log_event(LOG_INFO, "gateway", "stopping", LOG_COUNT("requests", g->request_count));
    httpd_pause(g->http);
    timer_start_ms(g->stop_timer, STOP_LIMIT_MS);
    gw_idle(g);
}

/* ---- start ---- */

/* The ready line says that apps can ask; whoever reads it should know when nobody could answer. */
static void check_link(void *arg) {
    struct gateway *g = arg;
    if (!g->link_up_ms) /* a link that was lost since has its own line */
        log_event(LOG_WARN, "gateway", "no link to the coordinator yet: requests fail until there is one",
                  LOG_NAME("coordinator", g->o.coordinator));
}

static int open_data(struct gateway *g, struct why *why) {
    char path[560];
    int r = data_dir_open(&g->data, g->o.data, "gateway", why);
    if (r == 0) r = data_dir_file(&g->data, "pins", path, sizeof path);
    return r == 0 ? pins_open(&g->pins, path, why) : r;
}

static void on_verdict(void *arg) { gw_requests_wake(arg); }

static int open_evidence(struct gateway *g) {
    struct gw_evidence_opts e = {.loop = g->loop,
                                 .link = g->link,
                                 .policy = g->o.attested,
                                 .releases = &g->o.releases,
                                 .on_verdict = on_verdict,
                                 .arg = g};
    return gw_evidence_open(&g->evidence, &e);
}

static int open_network(struct gateway *g, struct why *why) {
    struct gw_link_opts k = {.where = g->o.coordinator,
                             .ca_file = g->o.ca,
                             .pin = g->o.pin,
                             .bearer = g->o.bearer[0] ? g->o.bearer : NULL,
                             .on_directory = on_directory,
                             .on_down = on_down,
                             .arg = g};
    struct httpd_opts h = {.listen = g->o.listen,
                           .key = g->o.key.len ? (const char *)g->o.key.data : NULL,
                           .any_host = g->o.beyond_loopback, /* the key stands in for the Host check there */
                           .requests_max = g->o.max_queue + 64,
                           .on_request = gw_on_request,
                           .on_problem = gw_on_problem,
                           .arg = g};
    int r = timer_new(&g->stop_timer, g->loop, stop_now, g);
    if (r == 0) r = timer_new(&g->link_check, g->loop, check_link, g);
    if (r == 0) r = loop_on_signal(g->loop, SIGTERM, on_signal, g);
    if (r == 0) r = loop_on_signal(g->loop, SIGINT, on_signal, g);
    if (r == 0) r = gw_link_open(&g->link, g->loop, &k, why);
    if (r == 0 && g->o.attested) r = open_evidence(g);
    return r == 0 ? httpd_open(&g->http, g->loop, &h, why) : r;
}

static int serve(struct gateway *g, struct why *why) {
    char at[ADDR_TEXT_BYTES];
    int r = open_data(g, why);
    if (r == 0) r = gw_dir_init(&g->dir);
    if (r == 0) r = loop_new(&g->loop);
    if (r == 0) r = open_network(g, why);
    if (r == 0 && g->o.blind.dirs.count) r = gw_blind_open(&g->blind, &g->o, g->loop, gw_blind_request_event, g, why);
    if (r != 0) return r;
    gw_receipts_init(&g->receipts, g->o.receipts);
    g->started_s = clock_unix_s();
    httpd_addr(g->http, at);
    printf("ready gateway %s\n", at);
    fflush(stdout);
    timer_start_ms(g->link_check, LINK_CHECK_MS);
    return loop_run(g->loop);
}

/* `--forget-pin NAME`: no gateway may run on that folder meanwhile. */
static int forget_pin(struct gateway *g, struct why *why) {
    char name[MODEL_NAME_BYTES];
    if (model_name_full(name, g->o.forget_pin) != 0)
        return why_set(why, ERR_USAGE, "--forget-pin: \"%.140s\" is no model name", g->o.forget_pin);
    int r = open_data(g, why);
    if (r == 0) r = pins_forget(&g->pins, name, why);
    if (r == 0) printf("forgot %s: the next file that answers under that name is pinned\n", name);
    return r;
}

static void close_all(struct gateway *g) {
    if (g->http) {
        gw_requests_fail(g, API_DRAINING);
        gw_blind_requests_fail(g, API_DRAINING);
    }
    httpd_close(g->http);
    gw_blind_stop(g->blind);
    gw_evidence_close(g->evidence);
    gw_link_close(g->link);
    timer_free(g->stop_timer);
    timer_free(g->link_check);
    g->stop_timer = NULL;
    loop_free(g->loop); /* frees what waits to be freed, the requests above among it */
    gw_blind_free(g->blind);
    gw_receipts_release(&g->receipts);
    pins_close(&g->pins);
    gw_dir_release(&g->dir);
    if (g->data.path[0]) data_dir_close(&g->data);
    gw_opts_release(&g->o);
}

int gateway_main(int argc, char **argv) {
    static struct gateway g; /* large; one to a process */
    struct why why = {{0}};
    int r = gw_opts_parse(&g.o, argc, argv, &why);
    if (r == OPT_HELP_SHOWN) return 0;
    if (r == 0) {
        secret_harden_process();
        r = g.o.forget_pin ? forget_pin(&g, &why) : serve(&g, &why);
    }
    if (r != 0) fprintf(stderr, "lull gateway: %s\n", why_text(&why, r));
    close_all(&g);
    return r == 0 ? 0 : r == ERR_USAGE ? 2 : 1;
}
