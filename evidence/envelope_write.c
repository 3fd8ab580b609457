/* evidence/envelope_write.c - see envelope_write.h. */
#include "evidence/envelope_write.h"

#include <stdlib.h>
#include <string.h>

#include "evidence/cbor.h"

enum { FORMS_BYTES = 1024 /* around members: labels, types, lengths */ };

/* Runs into a buffer with room for `most` bytes. */
static struct writer writer_into(struct buf *b, size_t most) {
    buf_init(b, most);
    uint8_t *to = buf_room(b, most);
    return writer_over(to, to ? most : 0);
}

static size_t part_bytes(const struct ev_part *p) {
    size_t n = p->evidence.n + p->key.n + p->collateral.n + p->event_log.n + FORMS_BYTES;
    for (unsigned i = 0; i < p->certs; i++) n += p->cert[i].n + 8;
    return n;
}

static void put_item(struct cmw *c, const char *label, const char *type, struct ev_bytes value) {
    struct cmw_item *i = &c->item[c->items++];
    *i = (struct cmw_item){.has_indicator = 1, .indicator = CMW_EVIDENCE, .value = value};
    memcpy(i->label, label, strlen(label) + 1);
    memcpy(i->type, type, strlen(type) + 1);
}

static int write_member(struct buf *out, const struct ev_writing *w) {
    buf_init(out, 0);
    if (w->kind == EV_KIND_NONE) return 0;
    struct writer to = writer_into(out, part_bytes(w->part));
    ev_envelope_put_member(&to, w->part, 1);
    out->len = to.len;
    return to.err;
}

static int write_collection(struct buf *out, const struct buf *member, const struct ev_writing *w, struct cmw *c) {
    c->form = CMW_COLLECTION;
    memcpy(c->collection_type, EV_ENVELOPE_TYPE, sizeof EV_ENVELOPE_TYPE);
    if (w->kind != EV_KIND_NONE)
        put_item(c, ev_slot_label(ev_slot_of(w->kind)), ev_envelope_media_type(w->kind),
                 (struct ev_bytes){member->data, member->len});
    if (w->prefetched.n) put_item(c, "nonce", EV_NONCE_MEDIA_TYPE, w->prefetched);
    if (w->software.n) put_item(c, "software", EV_SOFTWARE_MEDIA_TYPE, w->software);
    struct writer to = writer_into(out, member->len + w->prefetched.n + w->software.n + FORMS_BYTES);
    cmw_write_cbor(&to, c);
    out->len = to.len;
    return to.err ? to.err : out->len > EV_ENVELOPE_BYTES_MAX ? ERR_LIMIT : 0;
}

int ev_envelope_write(struct buf *out, const struct ev_writing *w) {
    struct buf member;
    struct cmw *c = mem_zalloc(1, sizeof *c);
    buf_init(out, 0);
    if (!c) return ERR_NOMEM;
    int r = write_member(&member, w);
    if (r == 0) r = write_collection(out, &member, w, c);
    buf_release(&member);
    free(c);
    return r;
}

int ev_envelope_as_json(struct buf *out, const void *cbor, size_t n) {
    struct cmw *c = mem_zalloc(1, sizeof *c);
    buf_init(out, 0);
    if (!c) return ERR_NOMEM;
    int r = cmw_read(c, cbor, n, CBOR_DETERMINISTIC, NULL);
    if (r == 0) r = cmw_write_json(out, c);
    cmw_release(c);
    free(c);
    return r;
}
