/* blind/check_file.c - see check_file.h. */
#include "blind/check_file.h"
#include "base/hash.h"
#include "base/secret.h"
#include "base/wire.h"
#include "blind/residues.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { HEAD_BYTES = 1 + 32, SQUARE_MAX = 127 * 127 };

int check_set_init(struct check_set *c, const struct blind_manifest *m) {
    size_t rows = 0, words = 0;
    for (uint32_t i = 0; i < m->stack_count; i++) {
        rows += m->stacks[i].rows;
        words += freivalds_words(m->stacks[i].rows, m->stacks[i].cols);
    }
    *c = (struct check_set){.stack_count = m->stack_count};
    c->linear = mem_zalloc(m->stack_count, sizeof *c->linear);
    c->check = mem_zalloc(m->stack_count, sizeof *c->check);
    c->scales = mem_zalloc(rows, sizeof *c->scales);
    c->words = secret_pages(words * sizeof *c->words);
    if (!c->linear || !c->check || !c->scales || !c->words) {
        check_set_release(c);
        return ERR_NOMEM;
    }
    rows = words = 0;
    for (uint32_t i = 0; i < m->stack_count; i++) {
        const struct blind_stack *s = &m->stacks[i];
        const struct field *f = blind_stack_field(s);
        c->linear[i] = (struct linear){.rows = s->rows, .cols = s->cols, .field = f, .row_scale = c->scales + rows};
        freivalds_place(&c->check[i], f, s->rows, s->cols, c->words + words);
        rows += s->rows;
        words += freivalds_words(s->rows, s->cols);
    }
    return 0;
}

void check_set_release(struct check_set *c) {
    secret_pages_free(c->words);
    free(c->scales);
    free(c->check);
    free(c->linear);
    *c = (struct check_set){0};
}

float *check_set_scales(struct check_set *c, uint32_t stack) { return c->scales + (c->linear[stack].row_scale - c->scales); }

int check_set_norm(struct check_set *c, uint32_t stack, uint64_t norm2_max) {
    struct linear *l = &c->linear[stack];
    if (norm2_max > (uint64_t)l->cols * SQUARE_MAX) return ERR_RANGE;
    l->norm2_max = norm2_max;
    return row8_bound(l->field, l->cols, norm2_max, &l->t);
}

static size_t stack_bytes(const struct blind_stack *s) {
    const struct field *f = blind_stack_field(s);
    return 8 + 4 * (size_t)s->rows + residues_bytes(f, FREIVALDS_VECTORS * (size_t)s->rows) +
           residues_bytes(f, FREIVALDS_VECTORS * (size_t)s->cols);
}

size_t check_file_bytes(const struct blind_manifest *m) {
    size_t n = HEAD_BYTES + SHA256_BYTES;
    for (uint32_t i = 0; i < m->stack_count; i++) n += stack_bytes(&m->stacks[i]);
    return n;
}

static void write_residues(struct writer *w, const struct field *f, const uint32_t *r, size_t n) {
    size_t bytes = residues_bytes(f, n);
    if (w->err == 0 && bytes > w->cap - w->len) w->err = ERR_NOMEM;
    if (w->err == 0) w->err = residues_pack(f, w->p + w->len, r, n);
    if (w->err == 0) w->len += bytes;
}

static void write_stack(struct writer *w, const struct linear *l, const struct freivalds *c) {
    write_u64(w, l->norm2_max);
    for (uint32_t i = 0; i < l->rows; i++) {
        uint32_t bits;
        memcpy(&bits, &l->row_scale[i], sizeof bits);
        write_u32(w, bits);
    }
    write_residues(w, c->field, c->s, FREIVALDS_VECTORS * (size_t)c->rows);
    write_residues(w, c->field, c->t, FREIVALDS_VECTORS * (size_t)c->cols);
}

int check_file_write(uint8_t *out, size_t out_n, const struct check_set *c, const struct blind_manifest *m,
                     const uint8_t digest[32]) {
    if (out_n != check_file_bytes(m)) return ERR_NOMEM;
    struct writer w = writer_over(out, out_n);
    write_u8(&w, CHECK_FILE_VERSION);
    write_bytes(&w, digest, 32);
    for (uint32_t i = 0; i < c->stack_count; i++) write_stack(&w, &c->linear[i], &c->check[i]);
    uint8_t all[SHA256_BYTES];
    sha256_of(all, out, w.len);
    write_bytes(&w, all, sizeof all);
    return w.err;
}

static void read_residues(struct reader *r, const struct field *f, uint32_t *out, size_t n) {
    size_t bytes = residues_bytes(f, n);
    const uint8_t *at = read_bytes(r, bytes);
    if (at) read_fail(r, residues_unpack(f, out, n, at, bytes));
}

static void read_scales(struct reader *r, float *scales, uint32_t rows) {
    for (uint32_t i = 0; i < rows; i++) {
        uint32_t bits = read_u32(r);
        if (bits >= 0x7f800000) read_fail(r, ERR_RANGE); /* negative, infinite or no number */
        memcpy(&scales[i], &bits, sizeof bits);
    }
}

static int read_stacks(struct reader *r, struct check_set *c) {
    for (uint32_t i = 0; i < c->stack_count && r->err == 0; i++) {
        struct freivalds *f = &c->check[i];
        read_fail(r, check_set_norm(c, i, read_u64(r)));
        read_scales(r, check_set_scales(c, i), c->linear[i].rows);
        read_residues(r, f->field, f->s, FREIVALDS_VECTORS * (size_t)f->rows);
        read_residues(r, f->field, f->t, FREIVALDS_VECTORS * (size_t)f->cols);
    }
    return read_end(r);
}

/* Length, version, digests: whether it is this file and whole. */
static int check_frame(const uint8_t *p, size_t n, const struct blind_manifest *m, const uint8_t digest[32], struct why *why) {
    size_t need = check_file_bytes(m);
    if (n >= 1 && p[0] != CHECK_FILE_VERSION) return why_set(why, ERR_VERSION, "checks: version %u", p[0]);
    if (n != need) {
        int err = n < need ? ERR_SHORT : ERR_TRAILING;
        return why_set(why, err, "checks: %zu bytes, and the manifest's shapes need %zu; prepare again", n, need);
    }
    uint8_t all[SHA256_BYTES];
    sha256_of(all, p, n - SHA256_BYTES);
    if (memcmp(all, p + n - SHA256_BYTES, SHA256_BYTES) != 0) return why_set(why, ERR_AUTH, "checks: damaged; prepare again");
    if (memcmp(p + 1, digest, 32) != 0) return why_set(why, ERR_AUTH, "checks: of another manifest");
    return 0;
}

int check_file_read(const uint8_t *p, size_t n, const struct blind_manifest *m, const uint8_t digest[32], struct check_set *out,
                    struct why *why) {
    struct check_set c = {0};
    int r = check_frame(p, n, m, digest, why);
    if (r != 0) return r;
    r = check_set_init(&c, m);
    if (r == 0) {
        struct reader in = reader_over(p + HEAD_BYTES, n - HEAD_BYTES - SHA256_BYTES);
        r = read_stacks(&in, &c);
    }
    if (r != 0) {
        check_set_release(&c);
        return why_set(why, r, "checks: %s", err_text(r));
    }
    *out = c;
    return 0;
}
