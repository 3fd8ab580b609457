/* seal/transcript.c - see transcript.h.
 *
 *     u8 version | u16-block receipt | u16-block H | u16-block record | u16-block countersignature (may be empty) |
 *     request id 16 | salt 32 | u8-text method | u16-text path | u8-text type | u32-block body |
 *     u64 seed | u64 template time | prompt hash 32 |
 *     u32 count | count x u32 id | (count - receipt.from) x digest 32 | u32-block text |
 *     u8 class | unless it is 0: policy 32 | envelope 32 | u64 judged, seconds */
#include "seal/transcript.h"
#include "base/err.h"
#include "base/hash.h"
#include "seal/codes.h"
#include "seal/seal_err.h"

#include <string.h>

static int add_u32(struct buf *b, uint32_t v) {
    uint8_t be[4];
    id_put(be, (int32_t)v);
    return buf_add(b, be, sizeof be);
}

/* The signed parts: everything that is small. */
static void signed_parts_write(struct writer *w, const struct transcript *t) {
    uint8_t part[RECORD_BYTES_MAX];
    struct writer p = writer_over(part, sizeof part);
    receipt_write(&p, &t->receipt);
    write_u8(w, TRANSCRIPT_VERSION);
    write_block16(w, part, p.len);
    p = writer_over(part, sizeof part);
    reqhead_write(&p, &t->head);
    write_block16(w, part, p.len);
    p = writer_over(part, sizeof part);
    record_write(&p, &t->record);
    write_block16(w, part, p.len);
    p = writer_over(part, sizeof part);
    if (t->has_countersign) countersign_write(&p, &t->countersign);
    write_block16(w, part, p.len);
}

static int shown_write(struct buf *out, const struct transcript_shown *s) {
    uint8_t bytes[1 + 32 + 32 + 8];
    struct writer w = writer_over(bytes, sizeof bytes);
    write_u8(&w, s->class_number);
    if (s->class_number) {
        write_bytes(&w, s->policy, sizeof s->policy);
        write_bytes(&w, s->envelope, sizeof s->envelope);
        write_u64(&w, s->judged_s);
    }
    return w.err ? w.err : buf_add(out, bytes, w.len);
}

int transcript_write(struct buf *out, const struct transcript *t) {
    uint8_t front[1 + 8 + RECEIPT_BYTES_MAX + REQHEAD_BYTES_MAX + RECORD_BYTES_MAX + COUNTERSIGN_BYTES + REQUEST_ID_BYTES + 32 +
                  512 + 4];
    if (t->ids.count > IDS_MAX || t->body_n > CONTENT_BODY_MAX || t->receipt.from > t->ids.count) return ERR_LIMIT;
    if (t->text_n > TRANSCRIPT_TEXT_MAX || t->receipt.text_from > t->text_n) return ERR_LIMIT;
    struct writer w = writer_over(front, sizeof front);
    signed_parts_write(&w, t);
    write_bytes(&w, t->request_id, REQUEST_ID_BYTES);
    write_bytes(&w, t->salt, 32);
    write_text8(&w, t->method);
    write_text16(&w, t->path);
    write_text8(&w, t->type);
    write_u32(&w, t->body_n);
    int r = w.err ? w.err : buf_add(out, front, w.len);
    if (r == 0) r = buf_add(out, t->body, t->body_n);

    w = writer_over(front, sizeof front);
    write_u64(&w, t->seed);
    write_u64(&w, t->template_time);
    write_bytes(&w, t->prompt_hash, 32);
    if (r == 0) r = buf_add(out, front, w.len);
    if (r == 0) r = add_u32(out, t->ids.count);
    if (r == 0) r = buf_add(out, t->ids.be, 4 * (size_t)t->ids.count);
    if (r == 0) r = buf_add(out, t->digests, 32 * (size_t)(t->ids.count - t->receipt.from));
    if (r == 0) r = add_u32(out, t->text_n);
    if (r == 0) r = buf_add(out, t->text, t->text_n);
    if (r == 0) r = shown_write(out, &t->shown);
    mem_wipe(front, sizeof front);
    return r;
}

/* One u16 block read by fn into to. */
#define READ_PART(r, max, fn, to)                               \
    do {                                                        \
        struct reader part_ = read_block16((r), (max));         \
        int part_err_ = (r)->err ? (r)->err : fn(&part_, (to)); \
        if (part_err_) read_fail((r), part_err_);               \
    } while (0)

/* H is read from the front of a reader elsewhere; here it must fill its block. */
static int reqhead_read_whole(struct reader *r, struct reqhead *out) {
    int e = reqhead_read(r, out);
    return e ? e : read_end(r);
}

static int countersign_read_maybe(struct reader *r, struct transcript *t) {
    t->has_countersign = r->left > 0;
    return t->has_countersign ? countersign_read(r, &t->countersign) : 0;
}

static void shown_read(struct reader *r, struct transcript_shown *s) {
    s->class_number = read_u8(r);
    if (!r->err && s->class_number > TRANSCRIPT_CLASSES) read_fail(r, ERR_RANGE);
    if (!s->class_number) return;
    read_copy(r, s->policy, sizeof s->policy);
    read_copy(r, s->envelope, sizeof s->envelope);
    s->judged_s = read_u64(r);
}

static int transcript_parse(struct reader *r, struct transcript *t) {
    uint8_t version = read_u8(r);
    if (version != 2 && version != TRANSCRIPT_VERSION) read_fail(r, ERR_VERSION);
    READ_PART(r, RECEIPT_BYTES_MAX, receipt_read, &t->receipt);
    READ_PART(r, REQHEAD_BYTES_MAX, reqhead_read_whole, &t->head);
    READ_PART(r, RECORD_BYTES_MAX, record_read, &t->record);
    READ_PART(r, COUNTERSIGN_BYTES, countersign_read_maybe, t);
    read_copy(r, t->request_id, REQUEST_ID_BYTES);
    read_copy(r, t->salt, 32);
    read_text8(r, t->method, sizeof t->method);
    read_text16(r, t->path, sizeof t->path);
    read_text8(r, t->type, sizeof t->type);
    struct reader body = read_block32(r, CONTENT_BODY_MAX);
    t->body = body.p;
    t->body_n = (uint32_t)body.left;
    t->seed = read_u64(r);
    t->template_time = read_u64(r);
    read_copy(r, t->prompt_hash, 32);
    t->ids.count = read_u32(r);
    if (!r->err && t->ids.count > IDS_MAX) read_fail(r, ERR_LIMIT);
    if (!r->err && t->receipt.from > t->ids.count) read_fail(r, ERR_RANGE);
    t->ids.be = read_bytes(r, r->err ? 0 : 4 * (size_t)t->ids.count);
    t->digests = read_bytes(r, r->err ? 0 : 32 * (size_t)(t->ids.count - t->receipt.from));
    struct reader text = read_block32(r, TRANSCRIPT_TEXT_MAX);
    t->text = text.p;
    t->text_n = (uint32_t)text.left;
    if (!r->err && t->receipt.text_from > t->text_n) read_fail(r, ERR_RANGE);
    if (version > 2) shown_read(r, &t->shown);
    return read_end(r);
}

int transcript_read(const uint8_t *p, size_t n, struct transcript *t) {
    if (n > TRANSCRIPT_BYTES_MAX) return ERR_LIMIT;
    struct reader r = reader_over(p, n);
    memset(t, 0, sizeof *t);
    int e = transcript_parse(&r, t);
    if (e) mem_wipe(t, sizeof *t);
    return e;
}

static int countersign_verify(const struct transcript *t, const uint8_t *pinned) {
    int bad = countersign_check(&t->countersign, pinned);
    if (bad == 0) bad = usage_check(&t->countersign.usage, t->record.keys.receipt_key);
    if (bad == 0) bad = usage_check_receipt(&t->countersign.usage, &t->receipt);
    if (bad == 0 && memcmp(t->countersign.node, t->record.keys.identity, 32) != 0) bad = BAD_COUNTER_NODE;
    return bad;
}

int transcript_verify(const struct transcript *t, const uint8_t *pinned) {
    uint8_t head[REQHEAD_BYTES_MAX], header_hash[32], ids_chain[32], digests_chain[32], text_hash[32];
    struct writer w = writer_over(head, sizeof head);
    reqhead_write(&w, &t->head);
    sha256_of(header_hash, head, w.len);
    chain_start(ids_chain, t->salt);
    chain_start(digests_chain, t->salt);
    for (uint32_t i = t->receipt.from; i < t->ids.count; i++) {
        chain_add_id(ids_chain, id_at(&t->ids, i));
        chain_add_digest(digests_chain, t->digests + 32 * (size_t)(i - t->receipt.from));
    }
    text_hash_salted(text_hash, t->salt, t->text + t->receipt.text_from, t->text_n - (size_t)t->receipt.text_from);
    struct receipt_expect e = {.head = &t->head,
                               .header_hash = header_hash,
                               .record = &t->record,
                               .salt = t->salt,
                               .body = t->body,
                               .body_n = t->body_n,
                               .prompt_hash = t->prompt_hash,
                               .seed = t->seed,
                               .template_time = t->template_time,
                               .text_from = t->receipt.text_from,
                               .text_hash = text_hash,
                               .from = t->receipt.from,
                               .output_tokens = t->ids.count,
                               .ids_chain = ids_chain,
                               .digests_chain = digests_chain};
    /* The keys must have been valid when the request was opened: an answer may outlast them by its own length. */
    int bad = record_verify(&t->record, t->receipt.start_ms / 1000);
    if (bad == 0) bad = receipt_check(&t->receipt, &e);
    if (bad == 0 && t->has_countersign) bad = countersign_verify(t, pinned);
    if (bad == 0 && t->shown.class_number && t->receipt.tier != TIER_ATTESTED) bad = BAD_TIER;
    return bad;
}

const struct manifest *transcript_model(const struct transcript *t) {
    return record_model(&t->record, t->head.model, t->receipt.manifest_hash);
}
