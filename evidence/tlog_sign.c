/* evidence/tlog_sign.c - keys of notes, and signatures by them. See tlog_note.h. */
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/hash.h"
#include "evidence/tlog_note.h"

enum { ID_HEX = 8, TYPED_KEY_BYTES = 33, TYPED_KEY_BASE64 = 44 };
static const char private_mark[] = "PRIVATE+KEY+";

void tlog_key_id(uint8_t id[4], struct ev_bytes name, uint8_t type, const uint8_t key[32]) {
    struct sha256 h;
    uint8_t digest[32];
    sha256_init(&h);
    sha256_add(&h, name.p, name.n);
    sha256_add(&h, "\n", 1);
    sha256_add(&h, &type, 1);
    sha256_add(&h, key, 32);
    sha256_done(&h, digest);
    memcpy(id, digest, 4);
}

static struct ev_bytes name_of(const struct tlog_key *k) { return (struct ev_bytes){(const uint8_t *)k->name, strlen(k->name)}; }

/* "name+id+base64(type || 32 bytes)": the bytes are a key or a seed. */
static int read_parts(struct tlog_key *out, uint8_t id[4], uint8_t bytes[32], const char *text) {
    uint8_t typed[TYPED_KEY_BYTES];
    const char *plus = strchr(text, '+');
    size_t name_n = plus ? (size_t)(plus - text) : 0, got = 0;
    if (!plus || !tlog_name_is_good(text, name_n) || strlen(plus) != 1 + ID_HEX + 1 + TYPED_KEY_BASE64) return ERR_FORMAT;
    if (plus[1 + ID_HEX] != '+' || hex_decode(id, 4, plus + 1, ID_HEX) != 0) return ERR_FORMAT;
    const char *base64 = plus + 1 + ID_HEX + 1;
    int r = base64_read(typed, sizeof typed, &got, base64, TYPED_KEY_BASE64, BASE64_PLAIN);
    if (r == 0 && got != sizeof typed) r = ERR_FORMAT;
    if (r == 0 && typed[0] != TLOG_SIG_ED25519 && typed[0] != TLOG_SIG_COSIGNATURE) r = ERR_UNSUPPORTED;
    if (r == 0) {
        memcpy(out->name, text, name_n);
        out->name[name_n] = 0;
        out->type = typed[0];
        memcpy(bytes, typed + 1, 32);
    }
    mem_wipe(typed, sizeof typed);
    return r;
}

static int has_id(const struct tlog_key *k, const uint8_t id[4]) {
    uint8_t own[4];
    tlog_key_id(own, name_of(k), k->type, k->key);
    return memcmp(own, id, 4) == 0;
}

int tlog_vkey_read(struct tlog_key *out, const char *text) {
    struct tlog_key k;
    uint8_t id[4];
    int r = read_parts(&k, id, k.key, text);
    if (r == 0 && !has_id(&k, id)) r = ERR_FORMAT;
    if (r == 0) *out = k;
    return r;
}

int tlog_key_of(struct tlog_key *out, const char *name, uint8_t type, const uint8_t seed[32]) {
    uint8_t secret[crypto_sign_SECRETKEYBYTES];
    if (!tlog_name_is_good(name, strlen(name))) return ERR_FORMAT;
    snprintf(out->name, sizeof out->name, "%s", name);
    out->type = type;
    crypto_sign_seed_keypair(out->key, secret, seed);
    mem_wipe(secret, sizeof secret);
    return 0;
}

int tlog_skey_read(struct tlog_key *out, uint8_t seed[32], const char *text) {
    struct tlog_key k;
    uint8_t id[4];
    size_t mark = strlen(private_mark);
    if (strncmp(text, private_mark, mark) != 0) return ERR_FORMAT;
    int r = read_parts(&k, id, seed, text + mark);
    if (r == 0) r = tlog_key_of(out, k.name, k.type, seed);
    return r == 0 && !has_id(out, id) ? ERR_FORMAT : r;
}

static int write_parts(char *out, size_t cap, const struct tlog_key *k, const uint8_t bytes[32]) {
    uint8_t typed[TYPED_KEY_BYTES], id[4];
    char hex[2 * sizeof id + 1], base64[TYPED_KEY_BASE64 + 1];
    typed[0] = k->type;
    memcpy(typed + 1, bytes, 32);
    tlog_key_id(id, name_of(k), k->type, k->key);
    hex_encode(hex, id, sizeof id);
    sodium_bin2base64(base64, sizeof base64, typed, sizeof typed, sodium_base64_VARIANT_ORIGINAL);
    int n = snprintf(out, cap, "%s+%s+%s", k->name, hex, base64);
    mem_wipe(typed, sizeof typed);
    mem_wipe(base64, sizeof base64);
    return n > 0 && (size_t)n < cap ? 0 : ERR_LIMIT;
}

int tlog_vkey_text(char out[TLOG_VKEY_BYTES_MAX], const struct tlog_key *k) {
    return write_parts(out, TLOG_VKEY_BYTES_MAX, k, k->key);
}

int tlog_skey_text(char out[TLOG_SKEY_BYTES_MAX], const struct tlog_key *k, const uint8_t seed[32]) {
    size_t mark = strlen(private_mark);
    memcpy(out, private_mark, mark);
    return write_parts(out + mark, TLOG_SKEY_BYTES_MAX - mark, k, seed);
}

/* ---- signatures ---- */

int tlog_sig_claims(const struct tlog_sig *s, uint8_t type, const uint8_t key[32]) {
    uint8_t id[4];
    tlog_key_id(id, s->name, type, key);
    return memcmp(id, s->id, 4) == 0;
}

/* What a witness signs: two lines before the text. */
static size_t cosigned_text(uint8_t out[64 + TLOG_TEXT_BYTES_MAX], struct ev_bytes text, uint64_t time) {
    int n = snprintf((char *)out, 64, "cosignature/v1\ntime %" PRIu64 "\n", time);
    memcpy(out + n, text.p, text.n);
    return (size_t)n + text.n;
}

static uint64_t get_u64(const uint8_t p[8]) {
    uint64_t v = 0;
    for (int i = 0; i < 8; i++) v = v << 8 | p[i];
    return v;
}

int tlog_sig_check(const struct tlog_sig *s, struct ev_bytes text, uint8_t type, const uint8_t key[32], uint64_t *time) {
    uint8_t signed_bytes[64 + TLOG_TEXT_BYTES_MAX];
    size_t head = type == TLOG_SIG_COSIGNATURE ? 8 : 0;
    if (s->n != head + 64 || text.n > TLOG_TEXT_BYTES_MAX) return ERR_AUTH;
    if (head == 0) {
        *time = 0;
        return crypto_sign_verify_detached(s->bytes, text.p, text.n, key) == 0 ? 0 : ERR_AUTH;
    }
    uint64_t at = get_u64(s->bytes);
    if (at > INT64_MAX) return ERR_AUTH;
    size_t n = cosigned_text(signed_bytes, text, at);
    if (crypto_sign_verify_detached(s->bytes + head, signed_bytes, n, key) != 0) return ERR_AUTH;
    *time = at;
    return 0;
}

static void sign_it(uint8_t sig[64], const void *p, size_t n, const uint8_t seed[32]) {
    uint8_t public_key[32], secret[crypto_sign_SECRETKEYBYTES];
    crypto_sign_seed_keypair(public_key, secret, seed);
    crypto_sign_detached(sig, NULL, p, n, secret);
    mem_wipe(secret, sizeof secret);
}

int tlog_sign(struct buf *b, struct ev_bytes text, const struct tlog_key *k, const uint8_t seed[32], uint64_t time) {
    uint8_t value[4 + 8 + 64], signed_bytes[64 + TLOG_TEXT_BYTES_MAX];
    char base64[4 * ((sizeof value + 2) / 3) + 1];
    size_t head = k->type == TLOG_SIG_COSIGNATURE ? 8 : 0;
    if (text.n > TLOG_TEXT_BYTES_MAX || time > INT64_MAX) return ERR_LIMIT;
    tlog_key_id(value, name_of(k), k->type, k->key);
    for (size_t i = 0; i < head; i++) value[4 + i] = (uint8_t)(time >> (56 - 8 * i));
    if (head == 0)
        sign_it(value + 4, text.p, text.n, seed);
    else
        sign_it(value + 4 + head, signed_bytes, cosigned_text(signed_bytes, text, time), seed);
    sodium_bin2base64(base64, sizeof base64, value, 4 + head + 64, sodium_base64_VARIANT_ORIGINAL);
    return buf_addf(b, "\xe2\x80\x94 %s %s\n", k->name, base64);
}
