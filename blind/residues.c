/* blind/residues.c - see residues.h. Four residues at a time: 12 bytes of p24, 13 of p26. */
#include "blind/residues.h"

#include <endian.h>
#include <string.h>

enum { GROUP = 4, GROUP_BYTES_MAX = 13 };

size_t residues_bytes(const struct field *f, size_t n) { return (n * f->wire_bits + 7) / 8; }

/* bits is a constant wherever these two are called, so the compiler makes straight code of each width. */
static inline void group_write(uint8_t *out, const uint32_t r[GROUP], unsigned bits) {
    uint64_t lo = htole64((uint64_t)r[0] | (uint64_t)r[1] << bits | (uint64_t)r[2] << (2 * bits));
    uint64_t hi = htole64((uint64_t)r[2] >> (64 - 2 * bits) | (uint64_t)r[3] << (3 * bits - 64));
    memcpy(out, &lo, 8);
    memcpy(out + 8, &hi, bits / 2 - 8);
}

static inline void group_read(uint32_t r[GROUP], const uint8_t *in, unsigned bits) {
    uint64_t lo, hi = 0;
    memcpy(&lo, in, 8);
    memcpy(&hi, in + 8, bits / 2 - 8);
    lo = le64toh(lo);
    hi = le64toh(hi);
    uint32_t mask = (1u << bits) - 1;
    r[0] = (uint32_t)lo & mask;
    r[1] = (uint32_t)(lo >> bits) & mask;
    r[2] = (uint32_t)(lo >> (2 * bits) | hi << (64 - 2 * bits)) & mask;
    r[3] = (uint32_t)(hi >> (3 * bits - 64)) & mask;
}

/* 1 if one of four is no residue. */
static inline unsigned group_over(const uint32_t r[GROUP], uint32_t p) {
    return (unsigned)(r[0] >= p) | (unsigned)(r[1] >= p) | (unsigned)(r[2] >= p) | (unsigned)(r[3] >= p);
}

static inline unsigned pack_groups(uint8_t *out, const uint32_t *r, size_t groups, uint32_t p, unsigned bits) {
    unsigned over = 0;
    for (size_t g = 0; g < groups; g++) {
        over |= group_over(r + GROUP * g, p);
        group_write(out + bits / 2 * g, r + GROUP * g, bits);
    }
    return over;
}

static inline unsigned unpack_groups(uint32_t *r, const uint8_t *in, size_t groups, uint32_t p, unsigned bits) {
    unsigned over = 0;
    for (size_t g = 0; g < groups; g++) {
        group_read(r + GROUP * g, in + bits / 2 * g, bits);
        over |= group_over(r + GROUP * g, p);
    }
    return over;
}

static unsigned pack_any(const struct field *f, uint8_t *out, const uint32_t *r, size_t groups) {
    return f->wire_bits == 24 ? pack_groups(out, r, groups, f->p, 24) : pack_groups(out, r, groups, f->p, 26);
}

static unsigned unpack_any(const struct field *f, uint32_t *r, const uint8_t *in, size_t groups) {
    return f->wire_bits == 24 ? unpack_groups(r, in, groups, f->p, 24) : unpack_groups(r, in, groups, f->p, 26);
}

int residues_pack(const struct field *f, uint8_t *out, const uint32_t *r, size_t n) {
    if (n > RESIDUES_MAX) return ERR_LIMIT;
    size_t whole = n / GROUP, rest = n % GROUP, group_bytes = f->wire_bits / 2;
    unsigned over = pack_any(f, out, r, whole);
    if (rest) {
        uint32_t last[GROUP] = {0};
        uint8_t bytes[GROUP_BYTES_MAX];
        memcpy(last, r + GROUP * whole, rest * sizeof *last);
        over |= pack_any(f, bytes, last, 1);
        memcpy(out + group_bytes * whole, bytes, residues_bytes(f, rest));
    }
    return over ? ERR_RANGE : 0;
}

int residues_unpack(const struct field *f, uint32_t *r, size_t n, const uint8_t *in, size_t in_n) {
    if (n > RESIDUES_MAX) return ERR_LIMIT;
    size_t need = residues_bytes(f, n);
    if (in_n != need) return in_n < need ? ERR_SHORT : ERR_TRAILING;
    size_t whole = n / GROUP, rest = n % GROUP, group_bytes = f->wire_bits / 2;
    unsigned over = unpack_any(f, r, in, whole), spare = 0;
    if (rest) {
        uint32_t last[GROUP];
        uint8_t bytes[GROUP_BYTES_MAX] = {0};
        memcpy(bytes, in + group_bytes * whole, residues_bytes(f, rest));
        over |= unpack_any(f, last, bytes, 1);
        memcpy(r + GROUP * whole, last, rest * sizeof *last);
        spare = last[rest]; /* fewer than 8 bits are left of the last byte, and they lie here */
    }
    return spare ? ERR_FORMAT : over ? ERR_RANGE : 0;
}
