/* seal/frame.c - see frame.h. Bodies:
 *
 *     accepted   u8-text engine id | u8-text profile | u32 prompt tokens | prompt hash 32
 *     token      u32 position | u32 id | u8 is end | digest 32 | text: the rest
 *     text       the rest of the text            receipt    a piece of the receipt
 *     usage      u8 stop | u32 prompt | u32 cached | u32 output | u64 prefill ns | u64 decode ns
 *     error      u8 code | u64 node's unix time  heartbeat, filler: nothing */
#include "seal/frame.h"
#include "base/err.h"
#include "base/wire.h"
#include "seal/idlist.h"

#include <string.h>

static void body_write(struct writer *w, const struct frame *f) {
    switch (f->type) {
    case FRAME_ACCEPTED:
        write_text8(w, f->accepted.engine_id);
        write_text8(w, f->accepted.profile);
        write_u32(w, f->accepted.prompt_tokens);
        write_bytes(w, f->accepted.prompt_hash, 32);
        break;
    case FRAME_TOKEN:
        write_u32(w, f->token.position);
        write_u32(w, (uint32_t)f->token.id);
        write_u8(w, f->token.is_end);
        write_bytes(w, f->token.digest, 32);
        write_bytes(w, f->token.text, f->token.text_n);
        break;
    case FRAME_USAGE:
        write_u8(w, f->usage.stop);
        write_u32(w, f->usage.prompt_tokens);
        write_u32(w, f->usage.cached_tokens);
        write_u32(w, f->usage.output_tokens);
        write_u64(w, f->usage.prefill_ns);
        write_u64(w, f->usage.decode_ns);
        break;
    case FRAME_ERROR:
        write_u8(w, f->error.code);
        write_u64(w, f->error.node_time_s);
        break;
    case FRAME_TEXT: write_bytes(w, f->text.p, f->text.n); break;
    case FRAME_RECEIPT: write_bytes(w, f->receipt.p, f->receipt.n); break;
    case FRAME_HEARTBEAT:
    case FRAME_FILLER:
    case FRAME_TYPE_END: break;
    }
}

int frame_write(uint8_t *out, size_t n, const struct frame *f) {
    if (n < FRAME_HEAD_BYTES || n - FRAME_HEAD_BYTES > UINT16_MAX) return ERR_LIMIT;
    struct writer body = writer_over(out + FRAME_HEAD_BYTES, n - FRAME_HEAD_BYTES);
    body_write(&body, f);
    if (body.err) return ERR_LIMIT;
    struct writer head = writer_over(out, FRAME_HEAD_BYTES);
    write_u8(&head, (uint8_t)f->type);
    write_u16(&head, (uint16_t)body.len);
    write_zeros(&body, n - FRAME_HEAD_BYTES - body.len);
    return 0;
}

static int accepted_read(struct reader *r, struct frame_accepted *a) {
    read_text8(r, a->engine_id, sizeof a->engine_id);
    read_text8(r, a->profile, sizeof a->profile);
    a->prompt_tokens = read_u32(r);
    read_copy(r, a->prompt_hash, 32);
    if (!r->err && (!wire_id_ok(a->engine_id, sizeof a->engine_id) || !wire_id_ok(a->profile, sizeof a->profile)))
        return ERR_FORMAT;
    return !r->err && a->prompt_tokens > PROMPT_IDS_MAX ? ERR_RANGE : 0;
}

static int token_read(struct reader *r, struct frame_token *t) {
    t->position = read_u32(r);
    uint32_t id = read_u32(r);
    t->is_end = read_u8(r);
    read_copy(r, t->digest, 32);
    t->text_n = r->left;
    t->text = read_bytes(r, r->left);
    if (r->err) return 0; /* the caller reports it */
    t->id = (int32_t)id;
    return id > INT32_MAX || t->is_end > 1 || t->position >= IDS_MAX ? ERR_RANGE : 0;
}

static int usage_frame_read(struct reader *r, struct frame_usage *u) {
    u->stop = read_u8(r);
    u->prompt_tokens = read_u32(r);
    u->cached_tokens = read_u32(r);
    u->output_tokens = read_u32(r);
    u->prefill_ns = read_u64(r);
    u->decode_ns = read_u64(r);
    if (r->err) return 0;
    return u->stop < SEAL_STOP_END || u->stop > SEAL_STOP_LAST || u->output_tokens > IDS_MAX ? ERR_RANGE : 0;
}

static int error_read(struct reader *r, struct frame_error *e) {
    e->code = read_u8(r);
    e->node_time_s = read_u64(r);
    return !r->err && !code_name(e->code) ? ERR_RANGE : 0;
}

static int body_read(struct reader *r, struct frame *f) {
    switch (f->type) {
    case FRAME_ACCEPTED: return accepted_read(r, &f->accepted);
    case FRAME_TOKEN: return token_read(r, &f->token);
    case FRAME_USAGE: return usage_frame_read(r, &f->usage);
    case FRAME_ERROR: return error_read(r, &f->error);
    case FRAME_TEXT:
        f->text.n = r->left;
        f->text.p = read_bytes(r, r->left);
        return 0;
    case FRAME_RECEIPT:
        f->receipt.n = r->left;
        f->receipt.p = read_bytes(r, r->left);
        return 0;
    case FRAME_HEARTBEAT:
    case FRAME_FILLER: return 0;
    case FRAME_TYPE_END: break;
    }
    return ERR_FORMAT;
}

int frame_read(const uint8_t *p, size_t n, struct frame *out) {
    struct reader r = reader_over(p, n);
    struct frame f;
    memset(&f, 0, sizeof f);
    unsigned type = read_u8(&r);
    struct reader body = read_block16(&r, UINT16_MAX);
    if (r.err || type == 0 || type >= FRAME_TYPE_END) return ERR_FORMAT;
    f.type = (enum frame_type)type;
    int e = body_read(&body, &f);
    if (e == 0 && read_end(&body) != 0) e = ERR_FORMAT;
    for (uint8_t any = 0; r.left && e == 0;) {
        any |= read_u8(&r);
        if (any) e = ERR_FORMAT;
    }
    if (e == 0) *out = f;
    return e;
}
