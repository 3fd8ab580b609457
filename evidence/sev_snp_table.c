/* evidence/sev_snp_table.c - see sev_snp_table.h. */
#include "evidence/sev_snp_table.h"

#include <string.h>

#include "base/wire.h"

enum { GUID_BYTES = 16 };
enum what { END, CERTIFICATE, REVOCATION_LIST, OTHER };

static const struct {
    uint8_t guid[GUID_BYTES];
    enum what what;
} known[] = {
    {{0}, END},
    /* 63da758d-e664-4564-adc5-f4b93be8accd, VCEK */
    {{0x63, 0xda, 0x75, 0x8d, 0xe6, 0x64, 0x45, 0x64, 0xad, 0xc5, 0xf4, 0xb9, 0x3b, 0xe8, 0xac, 0xcd}, CERTIFICATE},
    /* a8074bc2-a25a-483e-aae6-39c045a0b8a1, VLEK */
    {{0xa8, 0x07, 0x4b, 0xc2, 0xa2, 0x5a, 0x48, 0x3e, 0xaa, 0xe6, 0x39, 0xc0, 0x45, 0xa0, 0xb8, 0xa1}, CERTIFICATE},
    /* 4ab7b379-bbac-4fe4-a02f-05aef327c782, ASK */
    {{0x4a, 0xb7, 0xb3, 0x79, 0xbb, 0xac, 0x4f, 0xe4, 0xa0, 0x2f, 0x05, 0xae, 0xf3, 0x27, 0xc7, 0x82}, CERTIFICATE},
    /* c0b406a4-a803-4952-9743-3fb6014cd0ae, ARK */
    {{0xc0, 0xb4, 0x06, 0xa4, 0xa8, 0x03, 0x49, 0x52, 0x97, 0x43, 0x3f, 0xb6, 0x01, 0x4c, 0xd0, 0xae}, CERTIFICATE},
    /* 92f81bc3-5811-4d3d-97ff-d19f88dc67ea, the revocation list */
    {{0x92, 0xf8, 0x1b, 0xc3, 0x58, 0x11, 0x4d, 0x3d, 0x97, 0xff, 0xd1, 0x9f, 0x88, 0xdc, 0x67, 0xea}, REVOCATION_LIST},
};

static enum what what_is(const uint8_t guid[GUID_BYTES]) {
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (memcmp(known[i].guid, guid, GUID_BYTES) == 0) return known[i].what;
    return OTHER;
}

static int keep(struct snp_table *t, enum what what, struct ev_bytes bytes) {
    if (what == OTHER) {
        t->others++;
        return 0;
    }
    if (bytes.n == 0) return 0;
    if (what == REVOCATION_LIST) {
        if (t->crl.n != 0) return ERR_FORMAT;
        t->crl = bytes;
        return 0;
    }
    if (t->chain_count == EV_CHAIN_MAX) return ERR_LIMIT;
    t->chain[t->chain_count++] = bytes;
    return 0;
}

/* 1: one entry was taken; 0: it was the last; ERR_*. */
static int read_entry(struct reader *r, struct snp_table *t, struct ev_bytes table) {
    uint8_t guid[GUID_BYTES];
    read_copy(r, guid, sizeof guid);
    uint32_t offset = read_u32_le(r), length = read_u32_le(r);
    if (r->err) return r->err;
    enum what what = what_is(guid);
    if (what == END) return offset || length ? ERR_FORMAT : 0;
    if (offset > table.n || length > table.n - offset) return ERR_SHORT;
    int e = keep(t, what, (struct ev_bytes){table.p + offset, length});
    return e == 0 ? 1 : e;
}

int sev_snp_table_read(struct snp_table *out, struct ev_bytes table) {
    struct snp_table t = {.chain_count = 0};
    struct reader r = reader_over(table.p, table.n);
    int more = table.n > SNP_TABLE_BYTES_MAX ? ERR_LIMIT : 1;
    for (unsigned i = 0; more > 0; i++) more = i < SNP_TABLE_ENTRIES_MAX ? read_entry(&r, &t, table) : ERR_LIMIT;
    *out = more == 0 ? t : (struct snp_table){.chain_count = 0};
    return more;
}
