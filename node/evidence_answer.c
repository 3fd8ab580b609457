/* node/evidence_answer.c - see evidence_answer.h. */
#include "node/evidence_answer.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#ifdef LULL_TPM
#include "evidence/ev_envelope.h"
#include "evidence/tpm_member.h"
#include "node/chip_proc.h"

enum { BOOT = 0xff, IMA = 1 << TPM_PCR_IMA, FORMS_BYTES = 16 * 1024 /* of a member without its logs */ };

/* What is asked, and all that the answer is made of. */
struct asked {
    struct node *n;
    uint8_t nonce[EV_NONCE_BYTES];
    size_t got;
    int too_long;
    struct chip_proof proof;
    struct buf event_log, ima_log, member, part, envelope;
};

static void forget(struct asked *a) {
    buf_release(&a->event_log);
    buf_release(&a->ima_log);
    buf_release(&a->member);
    buf_release(&a->part);
    buf_release(&a->envelope);
    free(a);
}

/* ---- the envelope ---- */

static struct ev_bytes bytes_of(const struct chip_blob *b) { return (struct ev_bytes){b->p, b->n}; }

/* Runs into a buffer with room for `most` bytes. */
static struct writer writer_into(struct buf *b, size_t most) {
    buf_init(b, most);
    uint8_t *to = buf_room(b, most);
    return writer_over(to, to ? most : 0);
}

static void quoted_values(struct tpm_pcrs *v, uint32_t mask, const struct chip_proof *p) {
    *v = (struct tpm_pcrs){.select = {.banks = 1}};
    v->select.bank[0].alg = TPM_ALG_SHA256;
    v->select.bank[0].size = 3;
    v->select.bank[0].mask = mask;
    for (unsigned i = 0; i < p->pcr_count; i++) memcpy(v->value[i], p->pcrs[i], CHIP_DIGEST);
}

static int write_member(struct asked *a, uint32_t mask) {
    static struct tpm_pcrs values;
    const struct chip_public *k = chip_proc_public(a->n->chip);
    uint8_t quote[TPM_QUOTE_BYTES_MAX];
    struct writer q = writer_over(quote, sizeof quote);
    quoted_values(&values, mask, &a->proof);
    tpm_quote_wire_write(&q, bytes_of(&a->proof.quote), bytes_of(&a->proof.quote_signature), &values);
    struct tpm_member m = {
        .quote = {quote, q.len},
        .ak = bytes_of(&k->ak),
        .seal = {bytes_of(&a->proof.birth), bytes_of(&a->proof.birth_signature), bytes_of(&k->seal), bytes_of(&k->creation)},
        .event_log = {a->event_log.data, a->event_log.len},
        .ima_log = {a->ima_log.data, a->ima_log.len}};
    struct writer w = writer_into(&a->member, FORMS_BYTES + a->event_log.len + a->ima_log.len);
    tpm_member_write(&w, &m);
    a->member.len = w.len;
    return q.err ? q.err : w.err;
}

static int write_envelope(struct asked *a) {
    static struct cmw c;
    const struct chip_public *k = chip_proc_public(a->n->chip);
    struct ev_part part = {.evidence = {a->member.data, a->member.len}, .certs = k->ek_certificate.n > 0};
    part.cert[0] = bytes_of(&k->ek_certificate);
    struct writer w = writer_into(&a->part, a->member.len + FORMS_BYTES);
    ev_envelope_put_member(&w, &part, 1);
    a->part.len = w.len;
    c = (struct cmw){.form = CMW_COLLECTION, .items = 1, .collection_type = EV_ENVELOPE_TYPE};
    c.item[0] = (struct cmw_item){.has_indicator = 1, .indicator = CMW_EVIDENCE, .value = {a->part.data, a->part.len}};
    memcpy(c.item[0].label, "tpm", sizeof "tpm");
    memcpy(c.item[0].type, ev_envelope_media_type(EV_TPM_QUOTE), strlen(ev_envelope_media_type(EV_TPM_QUOTE)) + 1);
    struct writer e = writer_into(&a->envelope, a->part.len + 1024);
    cmw_write_cbor(&e, &c);
    a->envelope.len = e.len;
    return w.err ? w.err : e.err;
}

/* What the boot and the kernel wrote down, where there is such a list; its absence is for the verifier's policy to judge. */
static void read_log(struct buf *b, const char *path) {
    if (file_read(b, path, TPM_LOG_BYTES_MAX, NULL) != 0) buf_init(b, 1);
}

static int make(struct asked *a, struct why *why) {
    struct ev_bound bound = {.channel = 0};
    uint8_t b[EV_BINDING_BYTES], extra[32];
    memcpy(bound.nonce, a->nonce, sizeof bound.nonce);
    keystmt_id(bound.key_hash, &a->n->keys->stmt[0]);
    ev_binding_long(b, &bound, EV_TPM_QUOTE, NULL, 0);
    ev_binding_short(extra, b);
    read_log(&a->event_log, EVIDENCE_EVENT_LOG);
    read_log(&a->ima_log, EVIDENCE_IMA_LOG);
    uint32_t mask = BOOT | (a->ima_log.len ? IMA : 0);
    int r = chip_proc_prove(a->n->chip, mask, extra, &a->proof, why);
    if (r == 0) r = write_member(a, mask);
    return r == 0 ? write_envelope(a) : r;
}

/* ---- the stream ---- */

static void respond(struct h2_stream *s, int status) {
    if (h2_respond(s, status, NULL) == 0) (void)h2_end(s, NULL);
}

static void on_end(void *arg, struct h2_stream *s) {
    struct asked *a = arg;
    struct why why = {{0}};
    if (a->too_long || a->got != EV_NONCE_BYTES) {
        respond(s, 400);
        return;
    }
    int r = make(a, &why);
    if (r != 0) {
        log_event(LOG_ERROR, "evidence", "not_made", LOG_CODE("reason", err_text(r)));
        respond(s, 503);
        return;
    }
    const struct h2_header type = {"content-type", "application/cmw+cbor"};
    const struct h2_headers headers = {&type, 1};
    if (h2_respond(s, 200, &headers) != 0) return;
    if (h2_write(s, a->envelope.data, a->envelope.len) == 0)
        (void)h2_end(s, NULL);
    else
        h2_reset(s, H2_INTERNAL), forget(a);
}

static void on_data(void *arg, struct h2_stream *s, const uint8_t *p, size_t n) {
    struct asked *a = arg;
    h2_consume(s, n);
    if (n > EV_NONCE_BYTES - a->got) a->too_long = 1;
    if (a->too_long) return;
    memcpy(a->nonce + a->got, p, n);
    a->got += n;
}

static void on_close(void *arg, struct h2_stream *s, uint32_t code) {
    (void)s, (void)code;
    forget(arg);
}

static const struct h2_stream_events events = {.on_data = on_data, .on_end = on_end, .on_close = on_close};
static const struct h2_stream_events none = {0};

void evidence_answer_begin(struct node *n, struct h2_stream *s) {
    struct asked *a = chip_turns_take(&n->proofs, clock_mono_ms()) ? mem_zalloc(1, sizeof *a) : NULL;
    if (!a) {
        h2_stream_set(s, &none, NULL);
        respond(s, 429);
        return;
    }
    a->n = n;
    h2_stream_set(s, &events, a);
}
#else
void evidence_answer_begin(struct node *n, struct h2_stream *s) { (void)n, (void)s; } /* n->chip is never there */
#endif
