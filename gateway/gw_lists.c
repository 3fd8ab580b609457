/* gateway/gw_lists.c - what the gateway answers by itself, from memory and in microseconds. */
#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "gateway/gw_blind.h"
#include "gateway/gw_models.h"
#include "gateway/gw_out.h"
#include "gateway/gw_request.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { LIST_BYTES_MAX = 4 << 20 };

static void reply_json(struct http_req *r, struct buf *b, int err) {
    struct api_error e;
    if (err == 0)
        http_reply(r, 200, "application/json", b->data, b->len);
    else {
        api_error_set(&e, API_INTERNAL, NULL, NULL);
        gw_reply_error(r, &e, gw_dialect_of(http_req_path(r)), 0);
    }
    buf_release(b);
}

/* ---- models ---- */

typedef int write_model(struct buf *b, const struct gateway *g, const struct gw_model *m);

static int write_all(struct buf *b, const struct gateway *g, write_model *row) {
    struct gw_model *list = mem_zalloc(PINS_MAX, sizeof *list);
    if (!list) return ERR_NOMEM;
    size_t count = gw_models_list(g, list, PINS_MAX);
    int e = 0;
    if (count == 0) gw_link_refresh(g->link); /* a node may just have come: the next one who asks sees it */
    for (size_t i = 0; e == 0 && i < count; i++) {
        if (i) e = buf_add(b, ",", 1);
        if (e == 0) e = row(b, g, &list[i]);
    }
    free(list);
    return e;
}

static int openai_model(struct buf *b, const struct gateway *g, const struct gw_model *m) {
    (void)g; /* names need no quoting: their syntax was checked when the record was read */
    return buf_addf(
        b, "{\"id\":\"%s\",\"object\":\"model\",\"created\":%" PRIu64 ",\"owned_by\":\"lull\",\"context_length\":%" PRIu32 "}",
        m->model->name, m->since, m->model->context);
}

static int ollama_model(struct buf *b, const struct gateway *g, const struct gw_model *m) {
    char when[CLOCK_TEXT_BYTES], digest[65];
    clock_text(when, m->since * 1000000000u, 9);
    hex_encode(digest, m->model->file_sha256, 32);
    int e = buf_addf(b, "{\"name\":\"%s\",\"model\":\"%s\",\"remote_model\":\"%s\",\"remote_host\":", m->model->name,
                     m->model->name, m->model->name);
    if (e == 0) e = json_quote(b, g->o.coordinator, strlen(g->o.coordinator));
    if (e != 0) return e;
    return buf_addf(b,
                    ",\"modified_at\":\"%s\",\"size\":%" PRIu64
                    ",\"digest\":\"%s\",\"details\":{\"parent_model\":\"\",\"format\":\"gguf\",\"family\":\"\","
                    "\"families\":[],\"parameter_size\":\"\",\"quantization_level\":\"\"},\"capabilities\":[\"completion\"]}",
                    when, m->model->file_bytes, digest);
}

void gw_show_models(struct gateway *g, struct http_req *r) {
    struct buf b;
    buf_init(&b, LIST_BYTES_MAX);
    int e = buf_addf(&b, "{\"object\":\"list\",\"data\":[");
    if (e == 0) e = write_all(&b, g, openai_model);
    if (e == 0) e = buf_addf(&b, "]}");
    reply_json(r, &b, e);
}

void gw_show_tags(struct gateway *g, struct http_req *r) {
    struct buf b;
    buf_init(&b, LIST_BYTES_MAX);
    int e = buf_addf(&b, "{\"models\":[");
    if (e == 0) e = write_all(&b, g, ollama_model);
    if (e == 0) e = buf_addf(&b, "]}");
    reply_json(r, &b, e);
}

/* Decodes %XX into out[cap]; 0 when it does not fit or is malformed. Clients write the colon of a tag as %3A. */
static size_t decode(char *out, size_t cap, const char *s) {
    size_t n = 0;
    for (; *s; s++) {
        uint8_t c = (uint8_t)*s;
        if (c == '%') {
            if (!s[1] || !s[2] || hex_decode(&c, 1, s + 1, 2) != 0) return 0;
            s += 2;
        }
        if (n + 1 >= cap) return 0;
        out[n++] = (char)c;
    }
    out[n] = 0;
    return n;
}

void gw_show_model(struct gateway *g, struct http_req *r, const char *name) {
    char text[API_MODEL_CAP], full[API_MODEL_CAP];
    struct gw_model *list = mem_zalloc(PINS_MAX, sizeof *list);
    struct api_error e;
    struct buf b;
    size_t n = decode(text, sizeof text, name), count = list ? gw_models_list(g, list, PINS_MAX) : 0, i = 0;
    if (n == 0 || api_model_name(full, text, n) != 0 || gw_models_resolve(g, full) != 0) count = 0;
    while (i < count && strcmp(list[i].model->name, full) != 0) i++;
    buf_init(&b, 4096);
    if (i < count)
        reply_json(r, &b, openai_model(&b, g, &list[i]));
    else {
        gw_models_missing(g, n ? text : "", &e);
        gw_reply_error(r, &e, API_OPENAI, 0);
    }
    free(list);
}

/* ---- the gateway itself ---- */

void gw_show_version(struct gateway *g, struct http_req *r) {
    static const char body[] = "{\"version\":\"" LULL_VERSION "\"}";
    (void)g;
    http_reply(r, 200, "application/json", body, sizeof body - 1);
}

void gw_show_root(struct gateway *g, struct http_req *r) {
    static const char body[] = "lull gateway is running";
    (void)g;
    http_reply(r, 200, "text/plain; charset=utf-8", body, sizeof body - 1);
}

static const char *link_word(const struct gateway *g) { return gw_link_h2(g->link) ? "up" : "down"; }

void gw_show_health(struct gateway *g, struct http_req *r) {
    struct buf b;
    buf_init(&b, 256);
    reply_json(r, &b, buf_addf(&b, "{\"status\":\"ok\",\"link\":\"%s\"}", link_word(g)));
}

void gw_show_status(struct gateway *g, struct http_req *r) {
    struct buf b;
    buf_init(&b, LIST_BYTES_MAX);
    int e = buf_addf(&b, "{\"link\":\"%s\",\"coordinator\":", link_word(g));
    if (e == 0) e = json_quote(&b, g->o.coordinator, strlen(g->o.coordinator));
    if (e == 0)
        e = buf_addf(&b, ",\"nodes\":%zu,\"nodes_refused\":%zu,\"up_s\":%" PRIu64 ",\"requests\":[",
                     g->dir.fresh ? g->dir.count : 0, g->dir.refused, clock_unix_s() - g->started_s);
    if (e == 0) e = gw_requests_show(g, &b);
    if (e == 0) e = buf_addf(&b, "],\"attested\":");
    if (e == 0) e = g->evidence ? gw_evidence_show(g->evidence, &b) : buf_addf(&b, "null");
    if (e == 0) e = buf_addf(&b, ",\"blind\":");
    if (e == 0) e = gw_blind_show(g->blind, &b);
    if (e == 0) e = buf_addf(&b, "}");
    reply_json(r, &b, e);
}

void gw_show_receipt(struct gateway *g, struct http_req *r, const char *name) {
    const struct buf *file = gw_receipts_find(&g->receipts, name);
    struct api_error e;
    if (file) {
        http_reply(r, 200, gw_blind_receipt_is(file) ? "application/json" : "application/octet-stream", file->data, file->len);
        return;
    }
    api_error_set(&e, API_NO_ROUTE, NULL, "no such receipt: the last %d are kept", RECEIPTS_KEPT);
    gw_reply_error(r, &e, API_OPENAI, 0);
}
