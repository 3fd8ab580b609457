/* seal/manifest.c - see manifest.h.
 *
 *     u8 version | u8-text name | u64 file bytes | SHA-256 of the file | u8-text profile | u32 context */
#include "seal/manifest.h"
#include "base/err.h"
#include "base/hash.h"

enum { CONTEXT_MAX = 1 << 24 };

void manifest_write(struct writer *w, const struct manifest *m) {
    write_u8(w, MANIFEST_VERSION);
    write_text8(w, m->name);
    write_u64(w, m->file_bytes);
    write_bytes(w, m->file_sha256, 32);
    write_text8(w, m->profile);
    write_u32(w, m->context);
}

int manifest_read(struct reader *r, struct manifest *out) {
    struct manifest m = {{0}, 0, {0}, {0}, 0};
    if (read_u8(r) != MANIFEST_VERSION) read_fail(r, ERR_VERSION);
    read_text8(r, m.name, sizeof m.name);
    m.file_bytes = read_u64(r);
    read_copy(r, m.file_sha256, 32);
    read_text8(r, m.profile, sizeof m.profile);
    m.context = read_u32(r);
    if (read_end(r) != 0) return r->err;
    if (!model_name_is_full(m.name) || !wire_id_ok(m.profile, sizeof m.profile)) return ERR_FORMAT;
    if (m.file_bytes == 0 || m.context == 0 || m.context > CONTEXT_MAX) return ERR_RANGE;
    *out = m;
    return 0;
}

void manifest_hash(uint8_t out[32], const struct manifest *m) {
    uint8_t bytes[MANIFEST_BYTES_MAX];
    struct writer w = writer_over(bytes, sizeof bytes);
    manifest_write(&w, m);
    sha256_of(out, bytes, w.len);
}
