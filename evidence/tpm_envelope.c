/* evidence/tpm_envelope.c - see tpm_envelope.h. */
#include "evidence/tpm_envelope.h"

#include <stdlib.h>
#include <string.h>

#include "evidence/ev_envelope.h"
#include "evidence/tpm_member.h"

enum { FORMS_BYTES = 16 * 1024 /* of a member without its logs */ };

/* Runs into a buffer with room for `most` bytes. */
static struct writer writer_into(struct buf *b, size_t most) {
    buf_init(b, most);
    uint8_t *to = buf_room(b, most);
    return writer_over(to, to ? most : 0);
}

static void quoted_values(struct tpm_pcrs *v, const struct tpm_showing *s) {
    *v = (struct tpm_pcrs){.select = {.banks = 1}};
    v->select.bank[0].alg = TPM_ALG_SHA256;
    v->select.bank[0].size = 3;
    v->select.bank[0].mask = s->pcrs;
    for (unsigned i = 0; i < tpm_selection_count(&v->select); i++) memcpy(v->value[i], s->values[i], 32);
}

static int write_member(struct buf *member, const struct tpm_showing *s) {
    uint8_t quote[TPM_QUOTE_BYTES_MAX];
    struct tpm_pcrs *values = mem_zalloc(1, sizeof *values);
    struct writer q = writer_over(quote, sizeof quote), w = writer_into(member, FORMS_BYTES + s->event_log.n + s->ima_log.n);
    if (!values) return ERR_NOMEM;
    quoted_values(values, s);
    tpm_quote_wire_write(&q, s->quote, s->quote_signature, values);
    struct tpm_member m = {.quote = {quote, q.len},
                           .ak = s->ak,
                           .seal = {s->birth, s->birth_signature, s->seal, s->creation},
                           .event_log = s->event_log,
                           .ima_log = s->ima_log};
    tpm_member_write(&w, &m);
    member->len = w.len;
    free(values);
    return q.err ? q.err : w.err;
}

static void put_item(struct cmw *c, const char *label, const char *type, struct ev_bytes value) {
    struct cmw_item *i = &c->item[c->items++];
    *i = (struct cmw_item){.has_indicator = 1, .indicator = CMW_EVIDENCE, .value = value};
    memcpy(i->label, label, strlen(label) + 1);
    memcpy(i->type, type, strlen(type) + 1);
}

static int write_collection(struct buf *out, const struct buf *part, struct ev_bytes prefetched) {
    struct cmw *c = mem_zalloc(1, sizeof *c);
    if (!c) return ERR_NOMEM;
    c->form = CMW_COLLECTION;
    memcpy(c->collection_type, EV_ENVELOPE_TYPE, sizeof EV_ENVELOPE_TYPE);
    put_item(c, "tpm", ev_envelope_media_type(EV_TPM_QUOTE), (struct ev_bytes){part->data, part->len});
    if (prefetched.n) put_item(c, "nonce", EV_NONCE_MEDIA_TYPE, prefetched);
    struct writer w = writer_into(out, part->len + prefetched.n + 1024);
    cmw_write_cbor(&w, c);
    out->len = w.len;
    free(c);
    return w.err ? w.err : out->len > EV_ENVELOPE_BYTES_MAX ? ERR_LIMIT : 0;
}

int tpm_envelope_write(struct buf *out, const struct tpm_showing *s) {
    struct buf member, part;
    buf_init(out, 0);
    buf_init(&part, 0);
    int r = write_member(&member, s);
    struct ev_part one = {.evidence = {member.data, member.len}, .certs = s->ek_certificate.n > 0, .cert = {s->ek_certificate}};
    if (r == 0) {
        struct writer w = writer_into(&part, member.len + FORMS_BYTES);
        ev_envelope_put_member(&w, &one, 1);
        part.len = w.len;
        r = w.err;
    }
    if (r == 0) r = write_collection(out, &part, s->prefetched);
    buf_release(&member);
    buf_release(&part);
    return r;
}
