/* evidence/tpm_envelope.c - see tpm_envelope.h. */
#include "evidence/tpm_envelope.h"

#include <stdlib.h>
#include <string.h>

#include "evidence/envelope_write.h"
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

int tpm_envelope_write(struct buf *out, const struct tpm_showing *s) {
    struct buf member;
    buf_init(out, 0);
    int r = write_member(&member, s);
    struct ev_part part = {.evidence = {member.data, member.len}, .certs = s->ek_certificate.n > 0, .cert = {s->ek_certificate}};
    if (r == 0)
        r = ev_envelope_write(out, &(struct ev_writing){.kind = EV_TPM_QUOTE, .part = &part, .prefetched = s->prefetched});
    buf_release(&member);
    return r;
}
