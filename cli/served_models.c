/* cli/served_models.c - see served_models.h. */
#include "cli/served_models.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "net/httpc.h"

enum { LIST_BYTES_MAX = 4 << 20, EMPTY_WAIT_MS = 3000, EMPTY_POLL_MS = 200, SHOWN_MAX = 8 };

struct fetch {
    struct buf body;
    int (*should_stop)(void *arg);
};

static int on_data(void *arg, const uint8_t *p, size_t n) {
    struct fetch *f = arg;
    return buf_add(&f->body, p, n);
}

static int should_stop(void *arg) {
    struct fetch *f = arg;
    return f->should_stop && f->should_stop(NULL);
}

static int no_gateway(const char *gateway, int status, struct why *why) {
    return why_set(why, ERR_FORMAT, "%.200s: that is not a lull gateway (HTTP status %d)", gateway, status);
}

static int read_names(json_t **names, const struct buf *body, const char *gateway, struct why *why) {
    json_t *j = NULL, *out = json_array();
    const json_t *row;
    size_t i;
    int r = out ? json_parse(&j, body->data, body->len, NULL) : ERR_NOMEM;
    const json_t *data = r == 0 ? json_object_get(j, "data") : NULL;
    if (!json_is_array(data)) r = no_gateway(gateway, 200, why);
    json_array_foreach(data, i, row) {
        json_t *id = json_object_get(row, "id");
        if (json_is_string(id)) json_array_append(out, id);
    }
    json_decref(j);
    if (r == 0)
        *names = out;
    else
        json_decref(out);
    return r;
}

static int fetch_once(json_t **names, struct fetch *f, const char *gateway, const char *bearer, struct why *why) {
    char url[512];
    snprintf(url, sizeof url, "%s%.400s/v1/models", strstr(gateway, "://") ? "" : "http://", gateway);
    buf_init(&f->body, LIST_BYTES_MAX);
    struct httpc_call call = {.url = url,
                              .method = "GET",
                              .bearer = bearer,
                              .silence_ms = 10000,
                              .on_data = on_data,
                              .should_stop = should_stop,
                              .arg = f};
    struct httpc_reply reply = {0};
    int r = httpc_run(&call, &reply, why);
    if (r == ERR_LOST && reply.status == 0)
        r = why_set(why, r, "nothing answers at %.200s: is `lull gateway` running there?", gateway);
    if (r == 0 && reply.status == 401) r = why_set(why, ERR_PERM, "%.200s asks for a key: give --key-file FILE", gateway);
    if (r == 0 && reply.status != 200) r = no_gateway(gateway, reply.status, why);
    if (r == 0) r = read_names(names, &f->body, gateway, why);
    buf_release(&f->body);
    return r;
}

int served_models(json_t **names, const char *gateway, const char *bearer, int (*stop)(void *arg), struct why *why) {
    struct fetch f = {.should_stop = stop};
    for (uint64_t until = clock_mono_ms() + EMPTY_WAIT_MS;;) {
        int r = fetch_once(names, &f, gateway, bearer, why);
        if (r != 0 || json_array_size(*names) || clock_mono_ms() >= until) return r;
        json_decref(*names);
        poll(NULL, 0, EMPTY_POLL_MS);
    }
}

const char *served_model_meant(const json_t *names, const char *asked) {
    const char *only = NULL;
    size_t i, matches = 0, n = asked ? strlen(asked) : 0;
    const json_t *name;
    json_array_foreach(names, i, name) {
        const char *s = json_string_value(name);
        if (asked && strcmp(s, asked) == 0) return s;
        if (asked && (strncmp(s, asked, n) != 0 || s[n] != ':')) continue;
        matches++;
        only = s;
    }
    return matches == 1 ? only : NULL;
}

void served_models_text(const json_t *names, char *out, size_t cap) {
    size_t at = 0, count = json_array_size(names);
    snprintf(out, cap, "%s", count ? "" : "nothing now");
    for (size_t i = 0; i < count && i < SHOWN_MAX && at < cap; i++)
        at += (size_t)snprintf(out + at, cap - at, "%s%.80s", i ? ", " : "", json_string_value(json_array_get(names, i)));
    if (count > SHOWN_MAX && at < cap) snprintf(out + at, cap - at, " and %zu more", count - SHOWN_MAX);
}
