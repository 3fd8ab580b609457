/* coordinator/gateway_link.c - what gateways ask: the directory, requests (relay.c), worker sessions (tunnel.c), a node's evidence
 * (evidence_relay.c). */
#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "coordinator/coord.h"
#include "seal/dirlist.h"
#include "seal/http_names.h"

#include <stdlib.h>
#include <string.h>

void gateway_refuse(struct h2_stream *s, enum code code) {
    struct h2_header why = {HEADER_CODE, code_name(code)};
    h2_stream_set(s, NULL, NULL);
    if (h2_respond(s, (int)code_http_status(code), &(struct h2_headers){&why, 1}) == 0)
        (void)h2_end(s, NULL);
    else
        h2_reset(s, H2_INTERNAL);
}

/* ---- directory: written out as the gateway takes it, for 256 records are larger than a stream's buffer ---- */
struct listing {
    struct h2_stream *s;
    struct buf text;
    size_t at;
};

static void listing_push(struct listing *l) {
    while (l->at < l->text.len) {
        size_t n = l->text.len - l->at, room = h2_write_room(l->s);
        if (n > room && room) n = room;
        if (h2_write(l->s, l->text.data + l->at, n) != 0) return; /* on_writable, or on_close, follows */
        l->at += n;
    }
    (void)h2_end(l->s, NULL);
}

static void on_listing_writable(void *arg, struct h2_stream *s) {
    (void)s;
    listing_push(arg);
}

static void on_listing_close(void *arg, struct h2_stream *s, uint32_t code) {
    struct listing *l = arg;
    (void)s, (void)code;
    buf_release(&l->text);
    free(l);
}

static const struct h2_stream_events listing_events = {.on_writable = on_listing_writable, .on_close = on_listing_close};

/* The value of model= in a path's query, %xx not decoded: names need none. "" is any model. ERR_FORMAT for anything else. */
static int query_model(const char *path, char model[MODEL_NAME_BYTES]) {
    const char *query = strchr(path, '?');
    *model = 0;
    if (!query || query[1] == 0) return 0;
    if (strncmp(query + 1, "model=", 6) != 0) return ERR_FORMAT;
    return query[7] ? model_name_full(model, query + 7) : 0;
}

static int matches(const struct dir_record *r, const char *model, uint64_t now_s) {
    return r && now_s < r->not_after && (*model == 0 || dir_model(r, model, NULL));
}

/* The records to show, at most DIRLIST_MAX: when there are more, it starts at a random node, so that all get their share. */
static uint16_t pick(const struct coord *c, const char *model, const struct dir_record **out) {
    uint64_t draw, now_s = clock_unix_s();
    uint16_t count = 0;
    random_bytes(&draw, sizeof draw);
    for (size_t i = 0; i < c->dir.count && count < DIRLIST_MAX; i++) {
        const struct dir_node *node = c->dir.nodes[(draw + i) % c->dir.count];
        if (node->draining || node->reason == REASON_DRAINING) continue;
        for (size_t k = 0; k < DIR_RECORDS_EACH && count < DIRLIST_MAX; k++)
            if (matches(node->record[k], model, now_s)) out[count++] = node->record[k];
    }
    return count;
}

static int fill(const struct coord *c, const char *model, struct buf *to) {
    const struct dir_record *show[DIRLIST_MAX];
    struct dirlist_head head = {.time_ms = clock_unix_ms(), .count = pick(c, model, show)};
    size_t bytes = DIRLIST_HEAD_BYTES;
    for (size_t i = 0; i < head.count; i++) bytes += DIRLIST_ENTRY_MAX - RECORD_BYTES_MAX + show[i]->n;
    buf_init(to, DIRLIST_BYTES_MAX);
    uint8_t *room = buf_room(to, bytes);
    if (!room) return ERR_NOMEM;
    struct writer w = writer_over(room, bytes);
    memcpy(head.coordinator_key, c->public_key, sizeof head.coordinator_key);
    dirlist_write_head(&w, &head);
    for (size_t i = 0; i < head.count; i++) {
        const struct dir_node *node = show[i]->node;
        struct dirlist_entry e = {show[i]->bytes, show[i]->n, node->load_permille, node->slots, (uint16_t)dir_free(node)};
        dirlist_write_entry(&w, &e);
    }
    to->len = w.len;
    return w.err;
}

static void send_directory(struct coord *c, struct h2_stream *s, const struct h2_request *r) {
    struct h2_header type = {"content-type", "application/octet-stream"};
    char model[MODEL_NAME_BYTES];
    struct listing *l = mem_zalloc(1, sizeof *l);
    int err = l ? query_model(r->path, model) : ERR_NOMEM;
    if (err == 0) err = fill(c, model, &l->text);
    if (err == 0) err = h2_respond(s, 200, &(struct h2_headers){&type, 1});
    if (err != 0) {
        if (l) buf_release(&l->text);
        free(l);
        gateway_refuse(s, code_from_err(err));
        return;
    }
    l->s = s;
    h2_stream_set(s, &listing_events, l);
    listing_push(l);
}

/* ---- requests ---- */
static int path_is(const char *path, const char *want) {
    size_t n = strcspn(path, "?");
    return n == strlen(want) && memcmp(path, want, n) == 0;
}

static void on_request(void *arg, struct h2 *h, struct h2_stream *s, const struct h2_request *r) {
    struct peer *p = arg;
    (void)h;
    int list = strcmp(r->method, "GET") == 0 && path_is(r->path, PATH_DIRECTORY);
    int post = strcmp(r->method, "POST") == 0 && path_is(r->path, PATH_REQUESTS);
    int blind = strcmp(r->method, "POST") == 0 && path_is(r->path, PATH_BLIND);
    int evidence = strcmp(r->method, "POST") == 0 && path_is(r->path, PATH_EVIDENCE);
    int activation = strcmp(r->method, "POST") == 0 && path_is(r->path, PATH_ACTIVATE);
    if (!list && !post && !blind && !evidence && !activation) {
        gateway_refuse(s, CODE_BAD_REQUEST);
    } else if (!admit_client(&p->c->clients, h2_header_get(&r->headers, "authorization"))) {
        log_event(LOG_WARN, "gateway", "refused", LOG_CODE("reason", "no valid client key"));
        gateway_refuse(s, CODE_REFUSED);
    } else if (post) {
        relay_begin(p, s, r);
    } else if (blind) {
        tunnel_begin(p, s, r);
    } else if (evidence || activation) {
        evidence_relay_begin(p, s, r, activation);
    } else if (limits_ask(p->c->limits, p->addr, clock_mono_ms()) != 0) {
        gateway_refuse(s, CODE_RATE);
    } else {
        send_directory(p->c, s, r);
    }
}

static void on_gone(void *arg, struct h2 *h, int err) {
    (void)h, (void)err;
    peer_forget(arg);
}

const struct h2_events gateway_events = {.on_request = on_request, .on_gone = on_gone};
