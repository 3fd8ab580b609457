/* seal/content.c - see content.h.
 *
 *     u8 version | request id 16 | u8 attempt | u64 time | salt 32 |
 *     u8-text method | u16-text path | u8-text type | u32-block body |
 *     u64 seed | u64 template time | cache salt 16 | u16 pacing ms | u32 deadline ms |
 *     u32 count | count x u32 id | u64 text bytes delivered | prompt hash 32 | zeros to the size class */
#include "seal/content.h"
#include "base/err.h"
#include "base/mem.h"
#include "seal/names.h"

#include <string.h>

enum { CONTENT_FIXED = 1 + REQUEST_ID_BYTES + 1 + 8 + 32 + 1 + 2 + 1 + 4 + 8 + 8 + CACHE_SALT_BYTES + 2 + 4 + 4 + 8 + 32 };

size_t content_bytes(const struct content *c) {
    return CONTENT_FIXED + strlen(c->method) + strlen(c->path) + strlen(c->type) + c->body_n + 4 * (size_t)c->so_far.count;
}

static int printable(const char *s) {
    for (; *s; s++)
        if (*s < 0x20 || *s > 0x7e) return 0;
    return 1;
}

/* What holds for every content, written or read. */
static int content_check(const struct content *c) {
    if (c->body_n > CONTENT_BODY_MAX || c->so_far.count > IDS_MAX) return ERR_LIMIT;
    if (!wire_id_ok(c->method, sizeof c->method) || c->path[0] != '/' || !wire_id_ok(c->path, sizeof c->path) ||
        !printable(c->type))
        return ERR_FORMAT;
    return 0;
}

int content_write(uint8_t *out, size_t out_n, const struct content *c) {
    struct writer w = writer_over(out, out_n);
    int r = content_check(c);
    write_u8(&w, CONTENT_VERSION);
    write_bytes(&w, c->request_id, REQUEST_ID_BYTES);
    write_u8(&w, c->attempt);
    write_u64(&w, c->time_s);
    write_bytes(&w, c->salt, 32);
    write_text8(&w, c->method);
    write_text16(&w, c->path);
    write_text8(&w, c->type);
    write_block32(&w, c->body, c->body_n);
    write_u64(&w, c->seed);
    write_u64(&w, c->template_time);
    write_bytes(&w, c->cache_salt, CACHE_SALT_BYTES);
    write_u16(&w, c->pacing_ms);
    write_u32(&w, c->deadline_ms);
    write_u32(&w, c->so_far.count);
    write_bytes(&w, c->so_far.be, 4 * (size_t)c->so_far.count);
    write_u64(&w, c->text_delivered);
    write_bytes(&w, c->prompt_hash, 32);
    if (r == 0 && w.err) r = ERR_LIMIT;
    if (r == 0) write_zeros(&w, out_n - w.len);
    if (r != 0) mem_wipe(out, out_n);
    return r;
}

static int all_zero(const uint8_t *p, size_t n) {
    uint8_t any = 0;
    for (size_t i = 0; i < n; i++) any |= p[i];
    return any == 0;
}

int content_read(const uint8_t *p, size_t n, struct content *out) {
    struct reader r = reader_over(p, n);
    struct content c;
    memset(&c, 0, sizeof c);
    if (read_u8(&r) != CONTENT_VERSION) read_fail(&r, ERR_VERSION);
    read_copy(&r, c.request_id, REQUEST_ID_BYTES);
    c.attempt = read_u8(&r);
    c.time_s = read_u64(&r);
    read_copy(&r, c.salt, 32);
    read_text8(&r, c.method, sizeof c.method);
    read_text16(&r, c.path, sizeof c.path);
    read_text8(&r, c.type, sizeof c.type);
    struct reader body = read_block32(&r, CONTENT_BODY_MAX);
    c.body = body.p;
    c.body_n = (uint32_t)body.left;
    c.seed = read_u64(&r);
    c.template_time = read_u64(&r);
    read_copy(&r, c.cache_salt, CACHE_SALT_BYTES);
    c.pacing_ms = read_u16(&r);
    c.deadline_ms = read_u32(&r);
    c.so_far.count = read_u32(&r);
    if (!r.err && c.so_far.count > IDS_MAX) read_fail(&r, ERR_LIMIT);
    c.so_far.be = read_bytes(&r, r.err ? 0 : 4 * (size_t)c.so_far.count);
    c.text_delivered = read_u64(&r);
    read_copy(&r, c.prompt_hash, 32);
    int e = r.err ? r.err : content_check(&c);
    if (e == 0 && !all_zero(r.p, r.left)) e = ERR_FORMAT;
    if (e == 0) *out = c;
    mem_wipe(&c, sizeof c);
    return e;
}
