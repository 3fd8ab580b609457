/* evidence/cmw.c - CMW in CBOR, and what both spellings share. See cmw.h; JSON is in cmw_json.c. */
#include "evidence/cmw.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "evidence/cbor.h"
#include "evidence/cmw_parts.h"

/* ---- shared ---- */

/* Type and subtype, perhaps with parameters, all printable. */
int cmw_type_set(char out[CMW_TYPE_BYTES_MAX + 1], struct ev_bytes text) {
    if (text.n > CMW_TYPE_BYTES_MAX) return ERR_LIMIT;
    if (text.n < 3) return ERR_FORMAT;
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] < 0x20 || text.p[i] > 0x7e) return ERR_FORMAT;
    memcpy(out, text.p, text.n);
    out[text.n] = 0;
    return 0;
}
static int media_type_set(struct cmw_item *it, struct ev_bytes text) {
    int r = cmw_type_set(it->type, text);
    const char *slash = r == 0 ? strchr(it->type, '/') : NULL;
    return r != 0 ? r : slash && slash > it->type && slash[1] ? 0 : ERR_FORMAT;
}
int cmw_media_type_set(struct cmw_item *it, struct ev_bytes text) {
    int r = media_type_set(it, text);
    if (r != 0) it->type[0] = 0;
    return r;
}

int cmw_label_set(struct cmw_item *it, struct ev_bytes text) {
    if (text.n == 0) return ERR_FORMAT;
    if (text.n > CMW_LABEL_BYTES_MAX) return ERR_LIMIT;
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] < 0x20 || text.p[i] == 0x7f) return ERR_FORMAT;
    memcpy(it->label, text.p, text.n);
    it->label[text.n] = 0;
    return 0;
}

static int same_label(const struct cmw_item *a, const struct cmw_item *b) {
    return a->label_is_number == b->label_is_number &&
           (a->label_is_number ? a->label_number == b->label_number : strcmp(a->label, b->label) == 0);
}
int cmw_add(struct cmw *c, const struct cmw_item *it) {
    if (c->items == CMW_ITEMS_MAX) return ERR_LIMIT;
    for (unsigned i = 0; i < c->items; i++)
        if (c->form == CMW_COLLECTION && same_label(&c->item[i], it)) return ERR_EXISTS;
    c->item[c->items++] = *it;
    return 0;
}

const struct cmw_item *cmw_find(const struct cmw *c, const char *label) {
    for (unsigned i = 0; i < c->items; i++)
        if (c->form == CMW_COLLECTION && !c->item[i].label_is_number && strcmp(c->item[i].label, label) == 0) return &c->item[i];
    return NULL;
}

void cmw_release(struct cmw *c) {
    buf_release(&c->decoded);
    c->items = 0;
}

enum { TAG_FIRST = 0x63740101, FORMATS_PER_ROW = 255 };
uint64_t cmw_tag_of(uint16_t content_format) {
    return (uint64_t)TAG_FIRST + (uint64_t)(content_format / FORMATS_PER_ROW) * 256 + content_format % FORMATS_PER_ROW;
}
int cmw_content_format_of(uint64_t tag, uint16_t *content_format) {
    if (tag < TAG_FIRST || tag > cmw_tag_of(UINT16_MAX)) return 0;
    uint64_t at = tag - TAG_FIRST, row = at / 256, column = at % 256;
    if (column == FORMATS_PER_ROW) return 0; /* the last of each row of 256 stands for nothing */
    *content_format = (uint16_t)(row * FORMATS_PER_ROW + column);
    return 1;
}

/* ---- reading CBOR ---- */

static void read_type(struct cbor *c, struct cmw_item *it) {
    if (cbor_peek(c) == CBOR_UINT) {
        uint64_t v = cbor_uint(c);
        if (v > UINT16_MAX) cbor_fail(c, ERR_RANGE);
        it->content_format = (uint16_t)v;
        return;
    }
    struct ev_bytes text = cbor_text(c, CMW_TYPE_BYTES_MAX);
    int r = c->in.err ? 0 : cmw_media_type_set(it, text);
    if (r != 0) cbor_fail(c, r);
}

static void read_record(struct cbor *c, struct cmw_item *it) {
    struct cbor_list list = cbor_array(c);
    uint64_t n = list.left;
    if (list.open || n < 2 || n > 3) cbor_fail(c, ERR_FORMAT);
    if (cbor_next(c, &list)) read_type(c, it);
    if (cbor_next(c, &list)) it->value = cbor_bytes(c, CMW_BYTES_MAX);
    if (n == 3 && cbor_next(c, &list)) {
        uint64_t v = cbor_uint(c);
        if (v > UINT32_MAX) cbor_fail(c, ERR_RANGE);
        it->indicator = (uint32_t)v;
        it->has_indicator = 1;
    }
    (void)cbor_next(c, &list);
}

static void read_tag(struct cbor *c, struct cmw_item *it) {
    if (!cmw_content_format_of(cbor_tag(c), &it->content_format)) cbor_fail(c, ERR_FORMAT);
    it->is_tag = 1;
    it->value = cbor_bytes(c, CMW_BYTES_MAX);
}

static void read_item(struct cbor *c, struct cmw_item *it) {
    if (cbor_peek(c) == CBOR_TAG)
        read_tag(c, it);
    else if (cbor_peek(c) == CBOR_MAP)
        cbor_fail(c, ERR_UNSUPPORTED); /* a collection within this one */
    else
        read_record(c, it);
}

static void read_label(struct cbor *c, struct cmw_item *it) {
    if (cbor_peek(c) == CBOR_UINT || cbor_peek(c) == CBOR_NEGATIVE) {
        it->label_is_number = 1;
        it->label_number = cbor_int(c);
        snprintf(it->label, sizeof it->label, "%" PRId64, it->label_number);
        return;
    }
    int r = cmw_label_set(it, cbor_text(c, CMW_LABEL_BYTES_MAX));
    if (r != 0) cbor_fail(c, r);
}

static void read_member(struct cbor *c, struct cmw *out, int *typed) {
    struct cmw_item it = {.is_tag = 0};
    read_label(c, &it);
    int r = c->in.err;
    if (r == 0 && !it.label_is_number && strcmp(it.label, CMW_TYPE_LABEL) == 0) {
        if ((*typed)++)
            r = ERR_EXISTS;
        else if (cbor_peek(c) == CBOR_TEXT)
            r = cmw_type_set(out->collection_type, cbor_text(c, CMW_TYPE_BYTES_MAX));
        else
            r = ERR_UNSUPPORTED; /* an OID */
    } else if (r == 0) {
        read_item(c, &it);
        r = c->in.err ? c->in.err : cmw_add(out, &it);
    }
    if (r != 0) cbor_fail(c, r);
}

static int read_cbor(struct cmw *out, const void *p, size_t n, unsigned rules) {
    struct cbor c = cbor_over(p, n, rules);
    int typed = 0;
    if (cbor_peek(&c) == CBOR_MAP) {
        struct cbor_list map = cbor_map(&c);
        out->form = CMW_COLLECTION;
        while (cbor_next(&c, &map)) read_member(&c, out, &typed);
        if (out->items == 0) cbor_fail(&c, ERR_FORMAT);
    } else {
        struct cmw_item it = {.is_tag = 0};
        read_item(&c, &it);
        out->form = it.is_tag ? CMW_TAG : CMW_RECORD;
        (void)cmw_add(out, &it);
    }
    return cbor_end(&c);
}

int cmw_looks_like_json(const void *p, size_t n) {
    const uint8_t *s = p;
    size_t i = 0;
    while (i < n && (s[i] == ' ' || s[i] == '\t' || s[i] == '\n' || s[i] == '\r')) i++;
    return i < n && (s[i] == '[' || s[i] == '{'); /* as CBOR: strings with a length of eight bytes, which no CMW is */
}

int cmw_read(struct cmw *out, const void *p, size_t n, unsigned rules, struct why *why) {
    memset(out, 0, sizeof *out);
    buf_init(&out->decoded, CMW_BYTES_MAX);
    if (n > CMW_BYTES_MAX) return why_set(why, ERR_LIMIT, "over %d bytes", CMW_BYTES_MAX);
    int json = cmw_looks_like_json(p, n);
    int r = json ? cmw_read_json(out, p, n) : read_cbor(out, p, n, rules);
    if (r == 0) return 0;
    if (r == ERR_EXISTS) return why_set(why, r, "a collection has one label twice");
    if (r == ERR_UNSUPPORTED) return why_set(why, r, "a collection within a collection, or of a type that is no text");
    return why_set(why, r, "no conceptual message wrapper in %s: %s", json ? "JSON" : "CBOR", err_text(r));
}

/* ---- writing CBOR ---- */

static void put_item(struct writer *w, const struct cmw_item *it) {
    if (it->is_tag) {
        cbor_put_tag(w, cmw_tag_of(it->content_format));
        cbor_put_bytes(w, it->value.p, it->value.n);
        return;
    }
    cbor_put_array(w, it->has_indicator ? 3 : 2);
    if (it->type[0])
        cbor_put_text(w, it->type);
    else
        cbor_put_uint(w, it->content_format);
    cbor_put_bytes(w, it->value.p, it->value.n);
    if (it->has_indicator) cbor_put_uint(w, it->indicator);
}

/* Labels sort as they are encoded: the items are put in that order one by one, since a copy of each value would cost megabytes. */
struct label {
    uint8_t bytes[CMW_LABEL_BYTES_MAX + 9];
    size_t n;
    const struct cmw_item *item; /* NULL: the collection's type */
};
static struct label label_of(const struct cmw_item *it) {
    struct label l = {.item = it};
    struct writer w = writer_over(l.bytes, sizeof l.bytes);
    if (it && it->label_is_number)
        cbor_put_int(&w, it->label_number);
    else
        cbor_put_text(&w, it ? it->label : CMW_TYPE_LABEL);
    l.n = w.len;
    return l;
}

static void put_collection(struct writer *w, const struct cmw *c) {
    struct label labels[CMW_ITEMS_MAX + 1];
    unsigned n = 0;
    for (unsigned i = 0; i < c->items; i++) labels[n++] = label_of(&c->item[i]);
    if (c->collection_type[0]) labels[n++] = label_of(NULL);
    for (unsigned i = 1; i < n; i++)
        for (unsigned k = i; k > 0 && cbor_key_order((struct ev_bytes){labels[k].bytes, labels[k].n},
                                                     (struct ev_bytes){labels[k - 1].bytes, labels[k - 1].n}) < 0;
             k--) {
            struct label t = labels[k];
            labels[k] = labels[k - 1];
            labels[k - 1] = t;
        }
    cbor_put_map(w, n);
    for (unsigned i = 0; i < n; i++) {
        write_bytes(w, labels[i].bytes, labels[i].n);
        if (labels[i].item)
            put_item(w, labels[i].item);
        else
            cbor_put_text(w, c->collection_type);
    }
}

void cmw_write_cbor(struct writer *w, const struct cmw *c) {
    if (c->form == CMW_COLLECTION)
        put_collection(w, c);
    else
        put_item(w, &c->item[0]);
}
