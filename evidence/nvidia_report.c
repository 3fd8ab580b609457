/* evidence/nvidia_report.c - see nvidia_report.h. */
#include "evidence/nvidia_report.h"

#include <stdio.h>
#include <string.h>

#include "base/wire.h"
#include "evidence/p384.h"

enum {
    SPDM_1_1 = 0x11,
    GET_MEASUREMENTS = 0xe0,
    MEASUREMENTS = 0x60,
    WITH_SIGNATURE = 1,
    ALL_BLOCKS = 0xff,
    DMTF = 1,
    INDEX_LAST = 0xfe, /* 0 and ff mean "how many" and "all" in requests */
};
/* Types of opaque data. */
enum { DRIVER = 3, VBIOS = 6, BOARD = 14, CHIP_SKU = 15, PROJECT = 17, PROJECT_SKU = 18, FWID = 20 };

static int read_request(struct reader *r, struct nvidia_report *out) {
    int good = read_u8(r) == SPDM_1_1;
    good &= read_u8(r) == GET_MEASUREMENTS;
    good &= read_u8(r) == WITH_SIGNATURE;
    good &= read_u8(r) == ALL_BLOCKS;
    out->request_nonce = read_bytes(r, NVIDIA_NONCE_BYTES);
    read_u8(r); /* the slot of the certificate chain */
    return good;
}

/* The next n bytes as a reader of its own, which has failed if r has. */
static struct reader part(struct reader *r, size_t n) {
    const uint8_t *p = read_bytes(r, n);
    return (struct reader){.p = p, .left = p ? n : 0, .err = r->err};
}

static void read_block(struct reader *r, struct nvidia_report *out) {
    uint8_t index = read_u8(r), spec = read_u8(r);
    uint16_t size = read_u16_le(r);
    read_u8(r); /* the type: which part of the firmware; the index says it more exactly */
    uint16_t n = read_u16_le(r);
    if (spec != DMTF || size != n + 3 || n == 0 || index == 0 || index > INDEX_LAST) read_fail(r, ERR_FORMAT);
    if (n > NVIDIA_VALUE_MAX) read_fail(r, ERR_LIMIT);
    const uint8_t *p = read_bytes(r, n);
    if (!p) return;
    if (out->measurement[index].n) read_fail(r, ERR_EXISTS);
    out->measurement[index] = (struct ev_bytes){p, n};
}

static int read_blocks(struct reader *r, struct nvidia_report *out) {
    out->measurements = read_u8(r);
    uint32_t n = read_u8(r);
    n |= (uint32_t)read_u16_le(r) << 8;
    if (n > NVIDIA_REPORT_MAX) read_fail(r, ERR_LIMIT);
    struct reader blocks = part(r, n);
    for (unsigned i = 0; i < out->measurements && !blocks.err; i++) read_block(&blocks, out);
    if (out->measurements == 0) read_fail(&blocks, ERR_FORMAT);
    return read_end(&blocks);
}

static struct ev_bytes *field_of(struct nvidia_report *out, uint16_t type) {
    switch (type) {
    case DRIVER: return &out->driver;
    case VBIOS: return &out->vbios;
    case FWID: return &out->fwid;
    case BOARD: return &out->board;
    case PROJECT: return &out->project;
    case PROJECT_SKU: return &out->project_sku;
    case CHIP_SKU: return &out->chip_sku;
    default: return NULL;
    }
}

static int read_opaque(struct reader *r, struct nvidia_report *out) {
    uint16_t n = read_u16_le(r);
    if (n > NVIDIA_OPAQUE_MAX) read_fail(r, ERR_LIMIT);
    struct reader fields = part(r, n);
    while (!fields.err && fields.left > 0) {
        uint16_t type = read_u16_le(&fields), len = read_u16_le(&fields);
        const uint8_t *p = read_bytes(&fields, len);
        struct ev_bytes *to = p ? field_of(out, type) : NULL;
        if (!to) continue;
        if (to->p) read_fail(&fields, ERR_EXISTS);
        *to = (struct ev_bytes){p, len};
    }
    return read_end(&fields);
}

int nvidia_report_read(struct nvidia_report *out, struct ev_bytes bytes, struct why *why) {
    struct nvidia_report v = {.measurements = 0};
    struct reader r = reader_over(bytes.p, bytes.n);
    *out = v;
    if (bytes.n > NVIDIA_REPORT_MAX) return why_set(why, ERR_LIMIT, "over %d bytes", NVIDIA_REPORT_MAX);
    int request = read_request(&r, &v), response = read_u8(&r) == SPDM_1_1;
    response &= read_u8(&r) == MEASUREMENTS;
    read_u16(&r); /* how many indexes there are, where that was asked; the slot */
    if (r.err || !request || !response)
        return why_set(why, r.err ? r.err : ERR_VERSION,
                       "no request for all measurements, signed, and its response, in SPDM 1.1");
    int e = read_blocks(&r, &v);
    if (e != 0) return why_set(why, e, "measurements: %s", err_text(e));
    read_bytes(&r, NVIDIA_NONCE_BYTES); /* the GPU's own */
    e = read_opaque(&r, &v);
    if (e != 0) return why_set(why, e, "opaque data: %s", err_text(e));
    v.covered = (struct ev_bytes){bytes.p, bytes.n - r.left};
    v.signature = (struct ev_bytes){read_bytes(&r, P384_SIG_BYTES), P384_SIG_BYTES};
    e = read_end(&r);
    if (e != 0) return why_set(why, e, "signature: %s", err_text(e));
    *out = v;
    return 0;
}

/* ---- versions ---- */

/* Text, padded with NULs. */
int nvidia_text(char out[NVIDIA_VERSION_MAX], struct ev_bytes field) {
    size_t n = 0;
    out[0] = 0;
    while (n < field.n && field.p[n]) n++;
    for (size_t i = n; i < field.n; i++)
        if (field.p[i]) return 0;
    for (size_t i = 0; i < n; i++)
        if (field.p[i] <= ' ' || field.p[i] > '~') return 0;
    if (n == 0 || n >= NVIDIA_VERSION_MAX) return 0;
    memcpy(out, field.p, n);
    out[n] = 0;
    return 1;
}

/* Eight bytes: an integer of four, then its last part in one. */
int nvidia_vbios_text(char out[NVIDIA_VERSION_MAX], struct ev_bytes field) {
    out[0] = 0;
    if (field.n != 8) return 0;
    const uint8_t *p = field.p;
    snprintf(out, NVIDIA_VERSION_MAX, "%02X.%02X.%02X.%02X.%02X", p[3], p[2], p[1], p[0], p[4]);
    return 1;
}
