/* gateway/gw_link.c - see gw_link.h. */
#include "gateway/gw_link.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"
#include "net/link_log.h"
#include "seal/dirlist.h"
#include "seal/http_names.h"

#include <stdlib.h>
#include <string.h>

enum { REDIAL_MIN_MS = 50, REDIAL_MAX_MS = 2000, REFRESH_MS = 2000, REFRESH_MIN_MS = 100, FETCH_LIMIT_MS = 5000, STREAMS = 256 };

struct gw_link {
    struct loop *loop;
    struct gw_link_opts o;
    struct tls *tls;
    struct h2 *h2; /* dialling or up */
    int up;
    struct link_log log;
    uint32_t redial_ms;
    struct timer *redial, *refresh;
    struct h2_stream *fetch; /* NULL: none under way */
    struct buf body;
    int body_ok;
    uint64_t fetched_ms; /* when the last fetch began */
};

static void dial(void *arg);
static void fetch_now(void *arg);

static void redial_later(struct gw_link *k) {
    uint8_t random;
    random_bytes(&random, 1);
    timer_start_ms(k->redial, k->redial_ms * 3 / 4 + k->redial_ms * random / 512);
    k->redial_ms = k->redial_ms * 2 > REDIAL_MAX_MS ? REDIAL_MAX_MS : k->redial_ms * 2;
}

static void on_ready(void *arg, struct h2 *h, enum tls_proto proto) {
    struct gw_link *k = arg;
    (void)h, (void)proto;
    k->up = 1;
    link_log_up(&k->log);
    k->redial_ms = REDIAL_MIN_MS;
    k->fetched_ms = 0;
    log_event(LOG_INFO, "link", "up", LOG_NAME("coordinator", k->o.where));
    fetch_now(k);
}

static void on_gone(void *arg, struct h2 *h, int err) {
    struct gw_link *k = arg;
    int was_up = k->up;
    k->h2 = NULL;
    k->up = 0;
    timer_stop(k->refresh);
    link_log_gone(&k->log, LOG_WARN, k->o.where, h, err, was_up);
    redial_later(k);
    if (was_up) k->o.on_down(k->o.arg, err);
}

static const struct h2_events link_events = {.on_ready = on_ready, .on_gone = on_gone};

static void dial(void *arg) {
    struct gw_link *k = arg;
    struct h2_opts o = {.streams_max = STREAMS};
    if (h2_dial(&k->h2, k->loop, k->tls, k->o.where, &o, &link_events, k) == 0) return;
    k->h2 = NULL;
    redial_later(k);
}

/* ---- directory ---- */

static void on_response(void *arg, struct h2_stream *s, int status, const struct h2_headers *headers) {
    struct gw_link *k = arg;
    (void)s, (void)headers;
    k->body_ok = status == 200;
}

static void on_data(void *arg, struct h2_stream *s, const uint8_t *p, size_t n) {
    struct gw_link *k = arg;
    if (buf_add(&k->body, p, n) == 0) {
        h2_consume(s, n);
        return;
    }
    log_event(LOG_WARN, "directory", "too long", LOG_COUNT("limit", DIRLIST_BYTES_MAX));
    h2_reset(s, H2_CANCEL); /* no on_close follows */
    k->fetch = NULL;
    timer_start_ms(k->refresh, REFRESH_MS);
}

static void on_close(void *arg, struct h2_stream *s, uint32_t code) {
    struct gw_link *k = arg;
    (void)s;
    k->fetch = NULL;
    if (k->up) timer_start_ms(k->refresh, REFRESH_MS);
    if (code == H2_OK && k->body_ok)
        k->o.on_directory(k->o.arg, k->body.data, k->body.len);
    else
        log_event(LOG_DEBUG, "directory", "not fetched", LOG_COUNT("h2", code));
}

static const struct h2_stream_events fetch_events = {.on_response = on_response, .on_data = on_data, .on_close = on_close};

struct h2_headers gw_link_headers(const struct gw_link *k, const char *content_type, struct h2_header out[2]) {
    size_t n = 0;
    if (content_type) out[n++] = (struct h2_header){"content-type", content_type};
    if (k->o.bearer) out[n++] = (struct h2_header){"authorization", k->o.bearer};
    return (struct h2_headers){out, n};
}

/* The refresh timer: begins a fetch, or ends one that takes too long. */
static void fetch_now(void *arg) {
    struct gw_link *k = arg;
    if (!k->up) return;
    if (k->fetch) {
        h2_reset(k->fetch, H2_CANCEL);
        k->fetch = NULL;
    }
    struct h2_header fields[2];
    struct h2_request q = {.method = "GET", .path = PATH_DIRECTORY, .headers = gw_link_headers(k, NULL, fields)};
    buf_release(&k->body);
    buf_init(&k->body, DIRLIST_BYTES_MAX);
    k->body_ok = 0;
    k->fetched_ms = clock_mono_ms();
    if (h2_ask(k->h2, &q, &fetch_events, k, &k->fetch) != 0) {
        k->fetch = NULL;
        timer_start_ms(k->refresh, REFRESH_MIN_MS);
        return;
    }
    struct h2_stream *s = k->fetch;
    timer_start_ms(k->refresh, FETCH_LIMIT_MS);
    (void)h2_end(s, NULL);
}

void gw_link_refresh(struct gw_link *k) {
    if (!k->up || k->fetch) return;
    uint64_t since = clock_mono_ms() - k->fetched_ms;
    if (since >= REFRESH_MIN_MS)
        fetch_now(k);
    else
        timer_start_ms(k->refresh, REFRESH_MIN_MS - since);
}

/* ---- life ---- */

int gw_link_open(struct gw_link **out, struct loop *l, const struct gw_link_opts *o, struct why *why) {
    struct gw_link *k = mem_zalloc(1, sizeof *k);
    struct tls_client_opts t = {.proto = TLS_GATEWAY, .ca_file = o->ca_file, .pin = o->pin};
    if (!k) return why_set(why, ERR_NOMEM, "out of memory");
    k->loop = l;
    k->o = *o;
    k->redial_ms = REDIAL_MIN_MS;
    buf_init(&k->body, DIRLIST_BYTES_MAX);
    int r = tls_client_new(&k->tls, &t, why);
    if (r == 0) r = timer_new(&k->redial, l, dial, k);
    if (r == 0) r = timer_new(&k->refresh, l, fetch_now, k);
    if (r == 0) {
        struct h2_opts h = {.streams_max = STREAMS};
        r = h2_dial(&k->h2, l, k->tls, o->where, &h, &link_events, k);
        if (r != 0) why_set(why, r, "--coordinator: \"%.200s\" is no HOST:PORT", o->where);
    }
    if (r != 0) {
        k->h2 = NULL;
        gw_link_close(k);
        return r;
    }
    *out = k;
    return 0;
}

void gw_link_close(struct gw_link *k) {
    if (!k) return;
    struct h2 *h = k->h2;
    k->h2 = NULL;
    k->up = 0;
    if (h) h2_drop(h);
    timer_free(k->redial);
    timer_free(k->refresh);
    tls_free(k->tls);
    buf_release(&k->body);
    free(k);
}

struct h2 *gw_link_h2(const struct gw_link *k) {
    return k->up ? k->h2 : NULL;
}
