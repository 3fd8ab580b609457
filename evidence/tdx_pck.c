/* evidence/tdx_pck.c - see tdx_pck.h. The extension is a SEQUENCE of pairs, OBJECT IDENTIFIER and value, one of them of such pairs again. */
#include "evidence/tdx_pck.h"

#include <string.h>

#include "base/wire.h"

static const uint8_t sgx[] = {0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01}; /* 1.2.840.113741.1.13.1 */
enum { SEQUENCE = 0x30, OID = 0x06, INTEGER = 0x02, OCTETS = 0x04, COMPONENTS = 16, PCE_SVN = 17, CPU_SVN = 18 };
enum { PPID = 1, TCB = 2, PCE_ID = 3, FMSPC = 4, PLATFORM_INSTANCE = 6 };

/* One DER value with a length of at most two bytes. */
static struct reader value_of(struct reader *r, uint8_t *tag) {
    *tag = read_u8(r);
    size_t n = read_u8(r);
    if (n == 0x81)
        n = read_u8(r);
    else if (n == 0x82)
        n = read_u16(r);
    else if (n > 0x7f)
        read_fail(r, ERR_FORMAT);
    const uint8_t *p = read_bytes(r, n);
    struct reader in = reader_over(p, p ? n : 0);
    if (!p) read_fail(&in, r->err);
    return in;
}

/* A pair whose identifier is sgx followed by `depth` numbers below 128; the last one is returned, 0 for another identifier. */
static unsigned next_pair(struct reader *r, size_t depth, uint8_t *tag, struct reader *value) {
    uint8_t t;
    struct reader pair = value_of(r, &t);
    if (t != SEQUENCE) read_fail(r, ERR_FORMAT);
    struct reader id = value_of(&pair, &t);
    if (t != OID) read_fail(r, ERR_FORMAT);
    *value = value_of(&pair, tag);
    if (pair.err || pair.left) read_fail(r, ERR_FORMAT);
    if (r->err || id.left != sizeof sgx + depth || memcmp(id.p, sgx, sizeof sgx) != 0) return 0;
    return id.p[id.left - 1];
}

static int small_int(uint8_t tag, const struct reader *v, uint32_t most, uint32_t *out) {
    *out = 0;
    if (tag != INTEGER || v->left == 0 || v->left > 3 || (v->p[0] & 0x80)) return ERR_FORMAT;
    for (size_t i = 0; i < v->left; i++) *out = *out << 8 | v->p[i];
    return *out <= most ? 0 : ERR_RANGE;
}

static int read_levels(struct reader in, struct tdx_pck *out) {
    uint32_t seen = 0, v;
    while (in.left && in.err == 0) {
        uint8_t tag;
        struct reader value;
        unsigned which = next_pair(&in, 2, &tag, &value);
        if (which == 0 || which > CPU_SVN || seen >> which & 1) return ERR_FORMAT;
        seen |= 1u << which;
        if (which == CPU_SVN) continue; /* the components again */
        if (small_int(tag, &value, which == PCE_SVN ? UINT16_MAX : UINT8_MAX, &v) != 0) return ERR_FORMAT;
        if (which == PCE_SVN)
            out->pce_svn = (uint16_t)v;
        else
            out->component[which - 1] = (uint8_t)v;
    }
    return in.err == 0 && (seen & 0x3fffe) == 0x3fffe ? 0 : ERR_FORMAT; /* 1 to 17, all of them */
}

static int octets(uint8_t tag, const struct reader *v, size_t n, uint8_t *out) {
    if (tag != OCTETS || v->left != n) return ERR_FORMAT;
    memcpy(out, v->p, n);
    return 0;
}

static int take(unsigned which, uint8_t tag, const struct reader *v, struct tdx_pck *out) {
    switch (which) {
    case PPID: out->ppid = (struct ev_bytes){v->p, v->left}; return tag == OCTETS ? 0 : ERR_FORMAT;
    case TCB: return tag == SEQUENCE ? read_levels(*v, out) : ERR_FORMAT;
    case PCE_ID: return octets(tag, v, sizeof out->pce_id, out->pce_id);
    case FMSPC: return octets(tag, v, sizeof out->fmspc, out->fmspc);
    case PLATFORM_INSTANCE: out->platform_instance = (struct ev_bytes){v->p, v->left}; return tag == OCTETS ? 0 : ERR_FORMAT;
    default: return 0; /* what we have no use for */
    }
}

int tdx_pck_read(const X509 *cert, struct tdx_pck *out) {
    struct ev_bytes ext;
    uint8_t tag;
    uint32_t seen = 0;
    memset(out, 0, sizeof *out);
    int r = ev_extension(cert, "1.2.840.113741.1.13.1", &ext);
    if (r != 0) return r;
    struct reader all = reader_over(ext.p, ext.n), in = value_of(&all, &tag);
    if (all.err || all.left || tag != SEQUENCE) return ERR_FORMAT;
    while (in.left && in.err == 0 && r == 0) {
        struct reader value;
        unsigned which = next_pair(&in, 1, &tag, &value);
        if (in.err) break;
        if (which < 32 && which && seen >> which & 1) return ERR_FORMAT;
        if (which < 32) seen |= 1u << which;
        r = take(which, tag, &value, out);
    }
    const uint32_t needed = 1u << TCB | 1u << PCE_ID | 1u << FMSPC;
    return r != 0 || in.err || (seen & needed) != needed ? ERR_FORMAT : 0;
}
