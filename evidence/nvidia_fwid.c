/* evidence/nvidia_fwid.c - the firmware id in a GPU's certificate (nvidia_report.h).
 *
 * TCG DICE has two places for it. Hopper: CompositeDeviceID, SEQUENCE {version, public key, SEQUENCE {algorithm, digest}}. Blackwell:
 * DiceTcbInfo, SEQUENCE {..., [6] SEQUENCE OF SEQUENCE {algorithm, digest}, ...}, of which the first counts. Others take the last 48
 * bytes of the extension for it; we read the structure. */
#include "evidence/nvidia_report.h"

#include <string.h>

#include "base/wire.h"

enum { SEQUENCE = 0x30, OID = 0x06, OCTETS = 0x04, FWIDS = 0xa6 };

static const uint8_t sha384[] = {0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02}; /* 2.16.840.1.101.3.4.2.2 */

/* One element of DER with a length of up to two bytes: *tag, and its contents as a reader of its own. */
static struct reader element(struct reader *r, uint8_t *tag) {
    *tag = read_u8(r);
    size_t n = read_u8(r), least = 0;
    if (n == 0x81) {
        n = read_u8(r);
        least = 0x80;
    } else if (n == 0x82) {
        n = read_u16(r);
        least = 0x100;
    } else if (n >= 0x80) {
        read_fail(r, ERR_FORMAT);
    }
    if (n < least || (*tag & 31) == 31) read_fail(r, ERR_FORMAT);
    const uint8_t *p = read_bytes(r, n);
    return (struct reader){.p = p, .left = p ? n : 0, .err = r->err};
}

/* The digest, if this is SEQUENCE's content {sha384, 48 bytes}. */
static int is_fwid(struct reader pair, struct ev_bytes *out) {
    uint8_t tag, tag2;
    struct reader algorithm = element(&pair, &tag), digest = element(&pair, &tag2);
    if (read_end(&pair) != 0 || tag != OID || tag2 != OCTETS) return 0;
    if (algorithm.left != sizeof sha384 || memcmp(algorithm.p, sha384, sizeof sha384) != 0) return 0;
    if (digest.left != NVIDIA_DIGEST_BYTES) return 0;
    *out = (struct ev_bytes){digest.p, digest.left};
    return 1;
}

static int find(struct ev_bytes ext, struct ev_bytes *out) {
    struct reader r = reader_over(ext.p, ext.n);
    uint8_t tag;
    unsigned found = 0;
    struct reader parts = element(&r, &tag);
    if (read_end(&r) != 0 || tag != SEQUENCE) return ERR_FORMAT;
    while (!parts.err && parts.left > 0) {
        struct reader one = element(&parts, &tag);
        uint8_t within = SEQUENCE;
        if (tag == FWIDS) one = element(&one, &within);
        if ((tag == FWIDS || tag == SEQUENCE) && within == SEQUENCE) found += (unsigned)is_fwid(one, out);
    }
    return parts.err ? ERR_FORMAT : found == 1 ? 0 : ERR_FORMAT;
}

int nvidia_cert_fwid(const X509 *cert, struct ev_bytes *out) {
    static const char *const places[] = {"2.23.133.5.4.1", "2.23.133.5.4.1.1"};
    *out = (struct ev_bytes){0};
    for (int i = 0; i < 2; i++) {
        struct ev_bytes ext, fwid;
        int r = ev_extension(cert, places[i], &ext);
        if (r == ERR_NOTFOUND) continue;
        if (r != 0 || find(ext, &fwid) != 0) return ERR_FORMAT;
        if (out->p && memcmp(out->p, fwid.p, fwid.n) != 0) return ERR_FORMAT; /* both, and they contradict each other */
        *out = fwid;
    }
    return out->p ? 0 : ERR_NOTFOUND;
}
