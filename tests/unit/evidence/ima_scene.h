/* tests/unit/evidence/ima_scene.h - a kernel of our own: lines of an IMA list, written from their fields. */
#ifndef TESTS_IMA_SCENE_H
#define TESTS_IMA_SCENE_H

#include "base/hash.h"
#include "evidence/ima_log.h"
#include "tests/unit/evidence/maker.h"

struct ima_maker {
    char text[1 << 16];
    size_t n;
    uint8_t fields[1 << 14]; /* what the last line's template hash is of */
    size_t fields_n;
};

static inline struct ev_bytes ima_text(const struct ima_maker *m) { return (struct ev_bytes){(const uint8_t *)m->text, m->n}; }

static inline void ima_put(struct ima_maker *m, const void *p, size_t n) {
    CHECK(n <= sizeof m->text - m->n);
    memcpy(m->text + m->n, p, n);
    m->n += n;
}
static inline void ima_put_hex(struct ima_maker *m, const uint8_t *p, size_t n) {
    char hex[2 * 4096 + 1];
    CHECK(n <= 4096);
    hex_encode(hex, p, n);
    ima_put(m, hex, 2 * n);
}
static inline void ima_put_word(struct ima_maker *m, const char *s) { ima_put(m, s, strlen(s)); }

struct ima_spec {
    const char *template_name; /* "ima-ng" */
    const char *hash;          /* "sha256" */
    const uint8_t *digest;
    size_t digest_n;
    const char *path;
    size_t path_n; /* 0: of strlen */
    const uint8_t *extra;
    size_t extra_n;
    int violation;
    uint16_t alg; /* of the template hash in the text; 0: SHA-1 */
};

static inline void ima_fields(struct ima_maker *m, const struct ima_spec *s, size_t path_n) {
    struct writer w = writer_over(m->fields, sizeof m->fields);
    if (strcmp(s->template_name, "ima") == 0) {
        write_bytes(&w, s->digest, s->digest_n);
        write_bytes(&w, s->path, path_n);
        write_zeros(&w, 256 - path_n);
    } else {
        write_u32_le(&w, (uint32_t)(strlen(s->hash) + 2 + s->digest_n));
        write_bytes(&w, s->hash, strlen(s->hash));
        write_bytes(&w, ":\0", 2);
        write_bytes(&w, s->digest, s->digest_n);
        write_u32_le(&w, (uint32_t)path_n + 1);
        write_bytes(&w, s->path, path_n);
        write_u8(&w, 0);
        if (strcmp(s->template_name, "ima-ng") != 0 && strcmp(s->template_name, "ima-ngv2") != 0) {
            write_u32_le(&w, (uint32_t)s->extra_n);
            write_bytes(&w, s->extra, s->extra_n);
        }
    }
    CHECK_INT(w.err, 0);
    m->fields_n = w.len;
}

static inline void ima_add(struct ima_maker *m, const struct ima_spec *s) {
    uint8_t hash[TPM_DIGEST_MAX] = {0};
    size_t path_n = s->path_n ? s->path_n : strlen(s->path);
    uint16_t alg = s->alg ? s->alg : TPM_ALG_SHA1;
    int extra = strncmp(s->template_name, "ima-sig", 7) == 0 || strcmp(s->template_name, "ima-buf") == 0;
    ima_fields(m, s, path_n);
    if (!s->violation) CHECK_INT(tpm_hash(alg, hash, m->fields, m->fields_n), 0);
    ima_put_word(m, "10 ");
    ima_put_hex(m, hash, tpm_hash_size(alg));
    ima_put_word(m, " ");
    ima_put_word(m, s->template_name);
    ima_put_word(m, " ");
    if (strcmp(s->template_name, "ima") != 0) {
        ima_put_word(m, s->hash);
        ima_put_word(m, ":");
    }
    ima_put_hex(m, s->digest, s->digest_n);
    ima_put_word(m, " ");
    ima_put(m, s->path, path_n);
    if (extra) { /* the kernel writes the space also where there is no signature */
        ima_put_word(m, " ");
        ima_put_hex(m, s->extra, s->extra_n);
    }
    ima_put_word(m, "\n");
}

/* An entry of template ima-ng by the digest whose bytes are all `fill`. */
static inline struct ima_spec ima_ng(const uint8_t digest[32], const char *path) {
    return (struct ima_spec){.template_name = "ima-ng", .hash = "sha256", .digest = digest, .digest_n = 32, .path = path};
}

static const uint8_t digest_a[64] = {0xaa, 1, 2, 3}, digest_b[64] = {0xbb, 4, 5, 6}, digest_none[64];

#endif
