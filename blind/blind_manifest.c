/* blind/blind_manifest.c - see blind_manifest.h. */
#include "blind/blind_manifest.h"
#include "base/hash.h"
#include "math/row8.h"
#include "model/profile.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static int count_ok(uint32_t stacks) {
    return stacks <= BLIND_MANIFEST_STACKS_MAX && stacks > 4 && stacks % 4 == 1; /* four of each layer, and the output matrix */
}

int blind_manifest_init(struct blind_manifest *m, uint32_t stack_count) {
    *m = (struct blind_manifest){.stack_count = stack_count};
    if (!count_ok(stack_count)) return ERR_RANGE;
    m->stacks = mem_zalloc(stack_count, sizeof *m->stacks);
    return m->stacks ? 0 : ERR_NOMEM;
}

void blind_manifest_release(struct blind_manifest *m) {
    free(m->stacks);
    *m = (struct blind_manifest){0};
}

const struct field *blind_stack_field(const struct blind_stack *s) { return field_of(s->cols); }

int blind_manifest_folded(const struct blind_manifest *m) { return profile_arith(m->profile) == ARITH_ROW8_FOLD; }

static int is_row8(const char *profile) { return strncmp(profile, "C1-row8-", 8) == 0; }

int blind_manifest_check(const struct blind_manifest *m, struct why *why) {
    if (!model_name_is_full(m->name)) return why_set(why, ERR_FORMAT, "blind manifest: not a model name");
    if (!wire_id_ok(m->profile, sizeof m->profile)) return why_set(why, ERR_FORMAT, "blind manifest: not a profile");
    if (!is_row8(m->profile)) return why_set(why, ERR_UNSUPPORTED, "blind manifest: profile %s is not of row8", m->profile);
    if (m->file_bytes == 0 || m->client_bytes == 0) return why_set(why, ERR_RANGE, "blind manifest: an empty file");
    if (!count_ok(m->stack_count)) return why_set(why, ERR_RANGE, "blind manifest: %" PRIu32 " stacks", m->stack_count);
    for (uint32_t i = 0; i < m->stack_count; i++) {
        const struct blind_stack *s = &m->stacks[i];
        if (s->rows == 0 || s->rows > ROW8_ROWS_MAX || s->cols == 0 || s->cols > ROW8_COLS_MAX)
            return why_set(why, ERR_RANGE, "blind manifest: stack %" PRIu32 " of %" PRIu32 " rows and %" PRIu32 " columns", i,
                           s->rows, s->cols);
    }
    return 0;
}

void blind_manifest_write(struct writer *w, const struct blind_manifest *m) {
    write_u8(w, BLIND_MANIFEST_VERSION);
    write_text8(w, m->name);
    write_u64(w, m->file_bytes);
    write_bytes(w, m->file_sha256, 32);
    write_text8(w, m->profile);
    write_u64(w, m->client_bytes);
    write_bytes(w, m->client_sha256, 32);
    write_u16(w, (uint16_t)m->stack_count);
    for (uint32_t i = 0; i < m->stack_count; i++) {
        write_u32(w, m->stacks[i].rows);
        write_u32(w, m->stacks[i].cols);
        write_u32(w, blind_stack_field(&m->stacks[i])->p);
        write_bytes(w, m->stacks[i].root, 32);
    }
}

/* Everything before the list of stacks, and its count. */
static void read_head(struct reader *r, struct blind_manifest *m) {
    if (read_u8(r) != BLIND_MANIFEST_VERSION) read_fail(r, ERR_VERSION);
    read_text8(r, m->name, sizeof m->name);
    m->file_bytes = read_u64(r);
    read_copy(r, m->file_sha256, 32);
    read_text8(r, m->profile, sizeof m->profile);
    m->client_bytes = read_u64(r);
    read_copy(r, m->client_sha256, 32);
    m->stack_count = read_u16(r);
}

static void read_stack(struct reader *r, struct blind_stack *s) {
    s->rows = read_u32(r);
    s->cols = read_u32(r);
    if (read_u32(r) != blind_stack_field(s)->p) read_fail(r, ERR_RANGE); /* it follows from cols; written for other readers */
    read_copy(r, s->root, 32);
}

int blind_manifest_read(struct reader *r, struct blind_manifest *out, struct why *why) {
    struct blind_manifest head = {0}, m = {0};
    read_head(r, &head);
    int e = r->err;
    if (e == 0)
        e = blind_manifest_init(&m, head.stack_count); /* before the list is read: a count over its limit allocates nothing */
    if (e == 0) {
        head.stacks = m.stacks;
        m = head;
        for (uint32_t i = 0; i < m.stack_count && r->err == 0; i++) read_stack(r, &m.stacks[i]);
        e = read_end(r);
    }
    if (e != 0) why_set(why, e, "blind manifest: %s", err_text(e));
    if (e == 0) e = blind_manifest_check(&m, why);
    if (e == 0) {
        *out = m;
        m = (struct blind_manifest){0};
    }
    blind_manifest_release(&m);
    return e;
}

int blind_manifest_digest(const struct blind_manifest *m, uint8_t digest[32]) {
    uint8_t *bytes = malloc(BLIND_MANIFEST_BYTES_MAX);
    if (!bytes) return ERR_NOMEM;
    struct writer w = writer_over(bytes, BLIND_MANIFEST_BYTES_MAX);
    blind_manifest_write(&w, m);
    if (w.err == 0) sha256_of(digest, bytes, w.len);
    free(bytes);
    return w.err;
}

static int same_stack(uint32_t i, const struct blind_stack *a, const struct blind_stack *b, struct why *why) {
    if (a->rows != b->rows || a->cols != b->cols)
        return why_set(why, ERR_AUTH,
                       "another model: stack %" PRIu32 " has %" PRIu32 " rows and %" PRIu32 " columns, not %" PRIu32
                       " and %" PRIu32,
                       i, b->rows, b->cols, a->rows, a->cols);
    if (memcmp(a->root, b->root, sizeof a->root) != 0)
        return why_set(why, ERR_AUTH, "another model: weights of stack %" PRIu32 " differ", i);
    return 0;
}

int blind_manifest_same(const struct blind_manifest *m, const struct blind_manifest *other, struct why *why) {
    if (m->file_bytes != other->file_bytes || memcmp(m->file_sha256, other->file_sha256, 32) != 0)
        return why_set(why, ERR_AUTH, "another model: it was made from another file");
    if (strcmp(m->profile, other->profile) != 0)
        return why_set(why, ERR_AUTH, "another arithmetic: %s, not %s", other->profile, m->profile);
    if (m->stack_count != other->stack_count)
        return why_set(why, ERR_AUTH, "another model: %" PRIu32 " stacks, not %" PRIu32, other->stack_count, m->stack_count);
    for (uint32_t i = 0; i < m->stack_count; i++) {
        int r = same_stack(i, &m->stacks[i], &other->stacks[i], why);
        if (r != 0) return r;
    }
    if (m->client_bytes != other->client_bytes || memcmp(m->client_sha256, other->client_sha256, 32) != 0)
        return why_set(why, ERR_AUTH, "another model: norms, embeddings, tokenizer or template differ");
    return 0;
}
