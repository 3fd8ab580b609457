/* evidence/cmw_json.c - CMW in JSON. See cmw.h. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/json.h"
#include "evidence/cmw_parts.h"

static struct ev_bytes text_of(const json_t *v) {
    return (struct ev_bytes){(const uint8_t *)json_string_value(v), json_string_length(v)};
}

/* ---- reading ---- */

/* Into out->decoded, which has room for all values from the start: a slice must not move when the next one comes. */
static int read_value(struct cmw *out, const json_t *v, struct cmw_item *it) {
    if (!json_is_string(v)) return ERR_FORMAT;
    struct ev_bytes text = text_of(v);
    size_t most = text.n / 4 * 3 + 3, n = 0;
    if (out->decoded.cap - out->decoded.len < most) return ERR_LIMIT;
    uint8_t *to = out->decoded.data + out->decoded.len;
    if (base64_read(to, most, &n, (const char *)text.p, text.n, BASE64_URL) != 0) return ERR_FORMAT;
    out->decoded.len += n;
    it->value = (struct ev_bytes){to, n};
    return 0;
}

static int read_type(const json_t *v, struct cmw_item *it) {
    if (json_is_string(v)) return cmw_media_type_set(it, text_of(v));
    if (!json_is_integer(v)) return ERR_FORMAT;
    if (json_integer_value(v) < 0 || json_integer_value(v) > UINT16_MAX) return ERR_RANGE;
    it->content_format = (uint16_t)json_integer_value(v);
    return 0;
}

static int read_record(struct cmw *out, const json_t *v, struct cmw_item *it) {
    size_t n = json_array_size(v);
    const json_t *indicator = json_array_get(v, 2);
    if (json_is_object(v)) return ERR_UNSUPPORTED; /* a collection within this one */
    if (!json_is_array(v) || n < 2 || n > 3) return ERR_FORMAT;
    int r = read_type(json_array_get(v, 0), it);
    if (r == 0) r = read_value(out, json_array_get(v, 1), it);
    if (r != 0 || !indicator) return r;
    if (!json_is_integer(indicator)) return ERR_FORMAT;
    if (json_integer_value(indicator) < 0 || json_integer_value(indicator) > UINT32_MAX) return ERR_RANGE;
    it->indicator = (uint32_t)json_integer_value(indicator);
    it->has_indicator = 1;
    return 0;
}

static int read_collection(struct cmw *out, json_t *all) {
    const char *key;
    json_t *v;
    int r = 0;
    out->form = CMW_COLLECTION;
    json_object_foreach(all, key, v) {
        struct cmw_item it = {.is_tag = 0};
        if (strcmp(key, CMW_TYPE_LABEL) == 0) {
            r = json_is_string(v) ? cmw_type_set(out->collection_type, text_of(v)) : ERR_FORMAT;
        } else {
            r = cmw_label_set(&it, (struct ev_bytes){(const uint8_t *)key, strlen(key)});
            if (r == 0) r = read_record(out, v, &it);
            if (r == 0) r = cmw_add(out, &it);
        }
        if (r != 0) return r;
    }
    return out->items ? 0 : ERR_FORMAT;
}

int cmw_read_json(struct cmw *out, const void *p, size_t n) {
    json_t *all;
    if (json_has_over(p, n, CMW_JSON_VALUES_MAX)) return ERR_LIMIT; /* 4 MiB of "{}" would take a third of a gigabyte */
    int r = json_parse(&all, p, n, NULL);
    if (r != 0) return r;
    if (!buf_room(&out->decoded, n / 4 * 3 + 3 * (CMW_ITEMS_MAX + 1)))
        r = ERR_NOMEM;
    else if (json_is_object(all))
        r = read_collection(out, all);
    else {
        struct cmw_item it = {.is_tag = 0};
        out->form = CMW_RECORD;
        r = read_record(out, all, &it);
        if (r == 0) r = cmw_add(out, &it);
    }
    json_decref(all);
    return r;
}

/* ---- writing ---- */

static int put_value(struct buf *b, struct ev_bytes value) {
    size_t room = sodium_base64_encoded_len(value.n, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    char *to = (char *)buf_room(b, room);
    if (!to) return ERR_NOMEM;
    sodium_bin2base64(to, room, value.p, value.n, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    b->len += strlen(to);
    return 0;
}

static int put_record(struct buf *b, const struct cmw_item *it) {
    int r = buf_add(b, "[", 1);
    if (r == 0) r = it->type[0] ? json_quote(b, it->type, strlen(it->type)) : buf_addf(b, "%u", it->content_format);
    if (r == 0) r = buf_add(b, ",\"", 2);
    if (r == 0) r = put_value(b, it->value);
    if (r == 0) r = buf_add(b, "\"", 1);
    if (r == 0 && it->has_indicator) r = buf_addf(b, ",%u", it->indicator);
    return r == 0 ? buf_add(b, "]", 1) : r;
}

static int put_collection(struct buf *b, const struct cmw *c) {
    int r = buf_add(b, "{", 1);
    if (r == 0 && c->collection_type[0]) {
        r = buf_addf(b, "\n  \"%s\": ", CMW_TYPE_LABEL);
        if (r == 0) r = json_quote(b, c->collection_type, strlen(c->collection_type));
    }
    for (unsigned i = 0; i < c->items && r == 0; i++) {
        r = buf_addf(b, "%s\n  ", i > 0 || c->collection_type[0] ? "," : "");
        if (r == 0) r = json_quote(b, c->item[i].label, strlen(c->item[i].label));
        if (r == 0) r = buf_add(b, ": ", 2);
        if (r == 0) r = put_record(b, &c->item[i]);
    }
    return r == 0 ? buf_add(b, "\n}\n", 3) : r;
}

int cmw_write_json(struct buf *b, const struct cmw *c) {
    for (unsigned i = 0; i < c->items; i++)
        if (c->item[i].is_tag || (c->form == CMW_COLLECTION && c->item[i].label_is_number)) return ERR_UNSUPPORTED;
    buf_init(b, (size_t)CMW_BYTES_MAX * 2);
    int r = c->form == CMW_COLLECTION ? put_collection(b, c) : put_record(b, &c->item[0]);
    if (r != 0) buf_release(b);
    return r;
}
