/* evidence/tpm_pcr.c - see tpm_pcr.h. */
#include "evidence/tpm_pcr.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/hash.h"

/* ---- hashes ---- */

static const struct {
    uint16_t alg;
    uint8_t size;
    const char *name;
} hashes[] = {
    {TPM_ALG_SHA1, 20, "SHA1"},
    {TPM_ALG_SHA256, 32, "SHA256"},
    {TPM_ALG_SHA384, 48, "SHA384"},
    {TPM_ALG_SHA512, 64, "SHA512"},
};
enum { HASHES = sizeof hashes / sizeof *hashes };

size_t tpm_hash_size(uint16_t alg) {
    for (int i = 0; i < HASHES; i++)
        if (hashes[i].alg == alg) return hashes[i].size;
    return 0;
}
const char *tpm_hash_name(uint16_t alg) {
    for (int i = 0; i < HASHES; i++)
        if (hashes[i].alg == alg) return hashes[i].name;
    return NULL;
}
uint16_t tpm_hash_named(const char *name) {
    for (int i = 0; i < HASHES; i++)
        if (strcasecmp(hashes[i].name, name) == 0) return hashes[i].alg;
    return 0;
}

int tpm_hash(uint16_t alg, uint8_t out[TPM_DIGEST_MAX], const void *p, size_t n) {
    const char *name = tpm_hash_name(alg);
    if (!name) return ERR_UNSUPPORTED;
    size_t made = 0;
    return EVP_Q_digest(NULL, name, NULL, p, n, out, &made) == 1 && made == tpm_hash_size(alg) ? 0 : ERR_INTERNAL;
}

/* ---- selections ---- */

void tpm_selection_read(struct reader *r, struct tpm_selection *out) {
    struct tpm_selection s = {.banks = read_u32(r)};
    if (s.banks > TPM_BANKS_MAX) read_fail(r, ERR_LIMIT);
    for (unsigned i = 0; i < s.banks && !r->err; i++) {
        s.bank[i].alg = read_u16(r);
        s.bank[i].size = read_u8(r);
        if (s.bank[i].size < 1 || s.bank[i].size > 4) read_fail(r, ERR_RANGE);
        for (unsigned b = 0; b < s.bank[i].size && !r->err; b++) s.bank[i].mask |= (uint32_t)read_u8(r) << 8 * b;
        if (s.bank[i].mask >> TPM_PCR_COUNT) read_fail(r, ERR_RANGE);
        if (!tpm_hash_size(s.bank[i].alg)) read_fail(r, ERR_UNSUPPORTED);
    }
    if (!r->err && tpm_selection_count(&s) > TPM_PCRS_MAX) read_fail(r, ERR_LIMIT);
    *out = r->err ? (struct tpm_selection){0} : s;
}

void tpm_selection_write(struct writer *w, const struct tpm_selection *s) {
    write_u32(w, s->banks);
    for (unsigned i = 0; i < s->banks; i++) {
        write_u16(w, s->bank[i].alg);
        write_u8(w, s->bank[i].size);
        for (unsigned b = 0; b < s->bank[i].size; b++) write_u8(w, (uint8_t)(s->bank[i].mask >> 8 * b));
    }
}

unsigned tpm_selection_count(const struct tpm_selection *s) {
    unsigned n = 0;
    for (unsigned i = 0; i < s->banks; i++) n += (unsigned)__builtin_popcount(s->bank[i].mask);
    return n;
}

/* A bank of which nothing is selected counts for nothing: some software always names all the banks that it knows. */
static unsigned next_bank(const struct tpm_selection *s, unsigned i) {
    while (i < s->banks && s->bank[i].mask == 0) i++;
    return i;
}

int tpm_selection_same(const struct tpm_selection *a, const struct tpm_selection *b) {
    unsigned i = next_bank(a, 0), j = next_bank(b, 0);
    while (i < a->banks && j < b->banks) {
        if (a->bank[i].alg != b->bank[j].alg || a->bank[i].mask != b->bank[j].mask) return 0;
        i = next_bank(a, i + 1);
        j = next_bank(b, j + 1);
    }
    return i >= a->banks && j >= b->banks;
}

struct tpm_selection tpm_selection_of(uint16_t alg, uint32_t mask) {
    return (struct tpm_selection){.banks = 1, .bank = {{alg, 3, mask & 0xffffff}}};
}

uint32_t tpm_selection_union(const struct tpm_selection *s) {
    uint32_t mask = 0;
    for (unsigned i = 0; i < s->banks; i++) mask |= s->bank[i].mask;
    return mask;
}

void tpm_selection_text(const struct tpm_selection *s, char *out, size_t cap) {
    size_t at = 0;
    if (cap) out[0] = 0;
    for (unsigned i = 0; i < s->banks; i++) {
        const char *name = tpm_hash_name(s->bank[i].alg);
        if (at < cap) at += (size_t)snprintf(out + at, cap - at, "%s%s:", i ? "+" : "", name ? name : "?");
        for (unsigned n = 0, first = 1; n < TPM_PCR_COUNT; n++) {
            if (!(s->bank[i].mask >> n & 1)) continue;
            if (at < cap) at += (size_t)snprintf(out + at, cap - at, "%s%u", first ? "" : ",", n);
            first = 0;
        }
    }
}

/* ---- values ---- */

int tpm_pcrs_at(const struct tpm_pcrs *p, uint16_t alg, unsigned index) {
    int at = 0;
    for (unsigned i = 0; i < p->select.banks && index < TPM_PCR_COUNT; i++) {
        uint32_t mask = p->select.bank[i].mask;
        if (p->select.bank[i].alg == alg && mask >> index & 1) return at + __builtin_popcount(mask & ((1u << index) - 1));
        at += __builtin_popcount(mask);
    }
    return -1;
}

int tpm_pcrs_take(const struct tpm_pcrs *from, const struct tpm_selection *want, struct tpm_pcrs *out) {
    unsigned at = 0;
    memset(out, 0, sizeof *out);
    if (tpm_selection_count(want) > TPM_PCRS_MAX) return ERR_LIMIT;
    out->select = *want;
    for (unsigned i = 0; i < want->banks; i++)
        for (unsigned n = 0; n < TPM_PCR_COUNT; n++) {
            if (!(want->bank[i].mask >> n & 1)) continue;
            int there = tpm_pcrs_at(from, want->bank[i].alg, n);
            if (there < 0) return ERR_NOTFOUND;
            memcpy(out->value[at++], from->value[there], TPM_DIGEST_MAX);
        }
    return 0;
}

int tpm_pcrs_digest(uint16_t alg, const struct tpm_pcrs *p, uint8_t out[TPM_DIGEST_MAX]) {
    uint8_t all[TPM_PCRS_MAX * TPM_DIGEST_MAX];
    struct writer w = writer_over(all, sizeof all);
    unsigned at = 0;
    for (unsigned i = 0; i < p->select.banks; i++)
        for (int n = __builtin_popcount(p->select.bank[i].mask); n > 0 && at < TPM_PCRS_MAX; n--)
            write_bytes(&w, p->value[at++], tpm_hash_size(p->select.bank[i].alg));
    return w.err ? w.err : tpm_hash(alg, out, all, w.len);
}

/* ---- policies ---- */

enum { CC_POLICY_AUTH_VALUE = 0x0000016b, CC_POLICY_PCR = 0x0000017f };

int tpm_policy_pcr(uint8_t policy[32], const struct tpm_pcrs *p) {
    uint8_t step[32 + 4 + 4 + TPM_BANKS_MAX * 7 + 32], digest[TPM_DIGEST_MAX];
    struct writer w = writer_over(step, sizeof step);
    int r = tpm_pcrs_digest(TPM_ALG_SHA256, p, digest);
    if (r != 0) return r;
    write_bytes(&w, policy, 32);
    write_u32(&w, CC_POLICY_PCR);
    tpm_selection_write(&w, &p->select);
    write_bytes(&w, digest, 32);
    if (w.err) return w.err;
    sha256_of(policy, step, w.len);
    return 0;
}

void tpm_policy_auth_value(uint8_t policy[32]) {
    uint8_t step[36];
    struct writer w = writer_over(step, sizeof step);
    write_bytes(&w, policy, 32);
    write_u32(&w, CC_POLICY_AUTH_VALUE);
    sha256_of(policy, step, w.len);
}

int tpm_policy_pcr_auth(const struct tpm_pcrs *p, uint8_t out[32]) {
    memset(out, 0, 32);
    int r = tpm_policy_pcr(out, p);
    if (r == 0) tpm_policy_auth_value(out);
    return r;
}
