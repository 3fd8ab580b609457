/* seal/record.c - see record.h.
 *
 *     u8 version | u16-block K | u8 count | count x u16-block manifest |
 *     version 2 only: u8 workers | workers x u16-block worker entry |
 *     evidence hash 32 | operator key 32 | u64 operator not after | operator signature 64 | identity signature 64 */
#include "seal/record.h"
#include "base/err.h"
#include "base/hash.h"
#include "seal/seal_err.h"

#include <string.h>

/* ---- operator ---- */

/* u8 version | identity 32 | u64 not after */
enum { OPERATOR_STMT_VERSION = 1, OPERATOR_STMT_BYTES = 1 + 32 + 8 };

static void operator_signed_bytes(uint8_t out[OPERATOR_STMT_BYTES], const uint8_t identity[32], uint64_t not_after) {
    struct writer w = writer_over(out, OPERATOR_STMT_BYTES);
    write_u8(&w, OPERATOR_STMT_VERSION);
    write_bytes(&w, identity, 32);
    write_u64(&w, not_after);
}

void operator_sign(struct operator_stmt *out, const uint8_t identity[32], uint64_t not_after, const uint8_t operator_secret[64]) {
    uint8_t bytes[OPERATOR_STMT_BYTES];
    operator_signed_bytes(bytes, identity, not_after);
    memcpy(out->operator_key, operator_secret + SIGN_SEED_BYTES, 32); /* libsodium: secret = seed || public */
    out->not_after = not_after;
    (void)sign_make(out->sig, LABEL_OPERATOR, bytes, sizeof bytes, operator_secret); /* far below the limit */
}

void operator_id_of(uint8_t out[32], const uint8_t operator_key[32]) { sha256_of(out, operator_key, 32); }
void operator_text(char out[OPERATOR_TEXT_BYTES], const uint8_t operator_id[32]) { hex_encode(out, operator_id, 16); }

static int operator_check(const struct operator_stmt *o, const struct keystmt *k, uint64_t now_s) {
    uint8_t id[32], bytes[OPERATOR_STMT_BYTES];
    operator_id_of(id, o->operator_key);
    if (memcmp(id, k->operator_id, 32) != 0) return BAD_OPERATOR_ID;
    operator_signed_bytes(bytes, k->identity, o->not_after);
    if (sign_check(o->sig, LABEL_OPERATOR, bytes, sizeof bytes, o->operator_key) != 0) return BAD_OPERATOR_SIG;
    return now_s < o->not_after ? 0 : BAD_OPERATOR_EXPIRED;
}

/* ---- record ---- */

static void workers_write(struct writer *w, const struct record *r) {
    uint8_t part[WORKER_ENTRY_BYTES_MAX];
    write_u8(w, r->worker_count);
    for (unsigned i = 0; i < r->worker_count && i < RECORD_MODELS_MAX; i++) {
        struct writer e = writer_over(part, sizeof part);
        worker_entry_write(&e, &r->workers[i]);
        write_block16(w, part, e.len);
    }
}

void record_signed_bytes(struct writer *w, const struct record *r) {
    uint8_t part[KEYSTMT_BYTES_MAX];
    struct writer k = writer_over(part, sizeof part);
    keystmt_write(&k, &r->keys);
    write_u8(w, r->worker_count ? RECORD_VERSION_WORKERS : RECORD_VERSION);
    write_block16(w, part, k.len);
    write_u8(w, r->model_count);
    for (unsigned i = 0; i < r->model_count && i < RECORD_MODELS_MAX; i++) {
        struct writer m = writer_over(part, sizeof part);
        manifest_write(&m, &r->models[i]);
        write_block16(w, part, m.len);
    }
    if (r->worker_count) workers_write(w, r);
    write_bytes(w, r->evidence_hash, 32);
    write_bytes(w, r->operator.operator_key, 32);
    write_u64(w, r->operator.not_after);
    write_bytes(w, r->operator.sig, SIGN_BYTES);
}

void record_write(struct writer *w, const struct record *r) {
    record_signed_bytes(w, r);
    write_bytes(w, r->sig, SIGN_BYTES);
}

static int models_read(struct reader *in, struct record *r, unsigned at_least) {
    r->model_count = read_u8(in);
    if (!in->err && (r->model_count < at_least || r->model_count > RECORD_MODELS_MAX)) read_fail(in, ERR_LIMIT);
    for (unsigned i = 0; i < r->model_count && !in->err; i++) {
        struct reader m = read_block16(in, MANIFEST_BYTES_MAX);
        int e = in->err ? in->err : manifest_read(&m, &r->models[i]);
        for (unsigned j = 0; j < i && e == 0; j++)
            if (strcmp(r->models[i].name, r->models[j].name) == 0) e = ERR_EXISTS;
        if (e) read_fail(in, e);
    }
    return in->err;
}

static int workers_read(struct reader *in, struct record *r) {
    r->worker_count = read_u8(in);
    if (!in->err && (r->worker_count == 0 || r->worker_count > RECORD_MODELS_MAX - r->model_count)) read_fail(in, ERR_LIMIT);
    for (unsigned i = 0; i < r->worker_count && !in->err; i++) {
        struct reader one = read_block16(in, WORKER_ENTRY_BYTES_MAX);
        int e = in->err ? in->err : worker_entry_read(&one, &r->workers[i]);
        for (unsigned j = 0; j < i && e == 0; j++)
            if (strcmp(r->workers[i].name, r->workers[j].name) == 0) e = ERR_EXISTS;
        if (e) read_fail(in, e);
    }
    return in->err;
}

/* Everything before the identity's signature; leaves r->sig zero. */
static int body_read(struct reader *in, struct record *r) {
    memset(r, 0, sizeof *r);
    unsigned version = read_u8(in);
    int workers = version == RECORD_VERSION_WORKERS;
    if (version != RECORD_VERSION && !workers) read_fail(in, ERR_VERSION);
    struct reader k = read_block16(in, KEYSTMT_BYTES_MAX);
    int e = in->err ? in->err : keystmt_read(&k, &r->keys);
    if (e) read_fail(in, e);
    if (models_read(in, r, workers ? 0 : 1) != 0) return in->err;
    if (workers && workers_read(in, r) != 0) return in->err;
    read_copy(in, r->evidence_hash, 32);
    read_copy(in, r->operator.operator_key, 32);
    r->operator.not_after = read_u64(in);
    read_copy(in, r->operator.sig, SIGN_BYTES);
    return in->err;
}

int record_read(struct reader *in, struct record *out) {
    struct record r;
    if (in->left > RECORD_BYTES_MAX) read_fail(in, ERR_LIMIT);
    body_read(in, &r);
    read_copy(in, r.sig, SIGN_BYTES);
    if (read_end(in) != 0) return in->err;
    *out = r;
    return 0;
}

int record_read_unsigned(struct reader *in, struct record *out) {
    struct record r;
    if (in->left > RECORD_BYTES_MAX) read_fail(in, ERR_LIMIT);
    body_read(in, &r);
    if (read_end(in) != 0) return in->err;
    *out = r;
    return 0;
}

int record_sign(struct record *r, const uint8_t identity_secret[SIGN_SECRET_BYTES]) {
    if (memcmp(r->keys.identity, identity_secret + SIGN_SEED_BYTES, 32) != 0) return ERR_AUTH;
    uint8_t bytes[RECORD_BYTES_MAX];
    struct writer w = writer_over(bytes, sizeof bytes);
    record_signed_bytes(&w, r);
    return w.err ? w.err : sign_make(r->sig, LABEL_RECORD, bytes, w.len, identity_secret);
}

int record_verify(const struct record *r, uint64_t now_s) {
    uint8_t bytes[RECORD_BYTES_MAX];
    struct writer w = writer_over(bytes, sizeof bytes);
    record_signed_bytes(&w, r);
    if (w.err || sign_check(r->sig, LABEL_RECORD, bytes, w.len, r->keys.identity) != 0) return BAD_IDENTITY_SIG;
    int e = operator_check(&r->operator, & r->keys, now_s);
    return e ? e : keystmt_check_time(&r->keys, now_s);
}

const struct manifest *record_model(const struct record *r, const char *name, const uint8_t *hash) {
    for (unsigned i = 0; i < r->model_count; i++) {
        uint8_t own[32];
        if (strcmp(r->models[i].name, name) != 0) continue;
        manifest_hash(own, &r->models[i]);
        return !hash || memcmp(own, hash, 32) == 0 ? &r->models[i] : NULL; /* names are distinct: no other can match */
    }
    return NULL;
}

const struct worker_entry *record_worker(const struct record *r, const uint8_t manifest_hash[32]) {
    for (unsigned i = 0; i < r->worker_count; i++)
        if (memcmp(r->workers[i].manifest_hash, manifest_hash, 32) == 0) return &r->workers[i];
    return NULL;
}

/* ---- link proof ---- */

int link_proof_make(uint8_t sig[SIGN_BYTES], const uint8_t exporter[LINK_EXPORTER_BYTES], const uint8_t identity_secret[64]) {
    return sign_make(sig, LABEL_LINK, exporter, LINK_EXPORTER_BYTES, identity_secret);
}

int link_proof_check(const uint8_t sig[SIGN_BYTES], const uint8_t exporter[LINK_EXPORTER_BYTES], const uint8_t identity[32]) {
    return sign_check(sig, LABEL_LINK, exporter, LINK_EXPORTER_BYTES, identity) ? BAD_LINK_PROOF : 0;
}
