/* evidence/sev_snp_report.c - the bytes of a report, in the order in which they lie. See sev_snp_report.h. */
#include "evidence/sev_snp_report.h"

#include <string.h>

#include "base/wire.h"

enum { VERSION_MIN = 2, VERSION_WITH_CPU = 3, VERSION_WITH_MITIGATIONS = 5, VERSION_MAX = 5, PLACE_OF_SCALAR = 72 };

/* Bits 0 and 1, then three bits for the key; the others are reserved. */
static void split_flags(struct snp_report *s, uint32_t flags) {
    s->author_key = (int)(flags & 1);
    s->chip_key_masked = (int)(flags >> 1 & 1);
    s->signing_key = flags >> 2 & 7;
}

static struct snp_firmware read_firmware(struct reader *r) {
    struct snp_firmware f = {.build = read_u8(r)};
    f.minor = read_u8(r);
    f.major = read_u8(r);
    (void)read_u8(r);
    return f;
}

/* 0x000 to 0x04f: what the guest is, and under which rules. */
static void read_guest(struct reader *r, struct snp_report *s) {
    s->guest_svn = read_u32_le(r);
    s->policy = read_u64_le(r);
    read_copy(r, s->family_id, sizeof s->family_id);
    read_copy(r, s->image_id, sizeof s->image_id);
    s->vmpl = read_u32_le(r);
    s->signature_algorithm = read_u32_le(r);
    read_copy(r, s->current_tcb, SNP_TCB_BYTES);
    s->platform_info = read_u64_le(r);
    split_flags(s, read_u32_le(r));
    (void)read_u32_le(r);
}

/* 0x050 to 0x17f. */
static void read_digests(struct reader *r, struct snp_report *s) {
    read_copy(r, s->report_data, sizeof s->report_data);
    read_copy(r, s->measurement, sizeof s->measurement);
    read_copy(r, s->host_data, sizeof s->host_data);
    read_copy(r, s->id_key_digest, sizeof s->id_key_digest);
    read_copy(r, s->author_key_digest, sizeof s->author_key_digest);
    read_copy(r, s->report_id, sizeof s->report_id);
    read_copy(r, s->report_id_ma, sizeof s->report_id_ma);
}

/* 0x180 to 0x29f. What a version does not have yet is reserved there, and not read. */
static void read_platform(struct reader *r, struct snp_report *s) {
    read_copy(r, s->reported_tcb, SNP_TCB_BYTES);
    uint8_t family = read_u8(r), model = read_u8(r), stepping = read_u8(r);
    if (s->version >= VERSION_WITH_CPU) {
        s->cpu_family = family;
        s->cpu_model = model;
        s->cpu_stepping = stepping;
    }
    (void)read_bytes(r, 0x1a0 - 0x18b);
    read_copy(r, s->chip_id, sizeof s->chip_id);
    read_copy(r, s->committed_tcb, SNP_TCB_BYTES);
    s->current = read_firmware(r);
    s->committed = read_firmware(r);
    read_copy(r, s->launch_tcb, SNP_TCB_BYTES);
    uint64_t launch = read_u64_le(r), current = read_u64_le(r);
    if (s->version >= VERSION_WITH_MITIGATIONS) {
        s->launch_mitigations = launch;
        s->current_mitigations = current;
    }
    (void)read_bytes(r, SNP_SIGNED_BYTES - 0x208);
}

static int all_zero(const uint8_t *p, size_t n) {
    for (size_t i = 0; p && i < n; i++)
        if (p[i]) return 0;
    return 1;
}

/* 72 bytes little-endian, of which P-384 fills 48. */
static void read_scalar(struct reader *r, struct snp_report *s, uint8_t out[SNP_SCALAR_BYTES]) {
    uint8_t little[SNP_SCALAR_BYTES];
    read_copy(r, little, sizeof little);
    for (size_t i = 0; i < sizeof little; i++) out[i] = little[sizeof little - 1 - i];
    size_t over = PLACE_OF_SCALAR - SNP_SCALAR_BYTES;
    s->signature_clean &= all_zero(read_bytes(r, over), over);
}

int snp_report_read(struct snp_report *out, struct ev_bytes report) {
    *out = (struct snp_report){.signature_clean = 1};
    if (report.n != SNP_REPORT_BYTES) return ERR_FORMAT;
    struct reader r = reader_over(report.p, report.n);
    out->version = read_u32_le(&r);
    if (out->version < VERSION_MIN || out->version > VERSION_MAX) return ERR_VERSION;
    read_guest(&r, out);
    read_digests(&r, out);
    read_platform(&r, out);
    read_scalar(&r, out, out->r);
    read_scalar(&r, out, out->s);
    size_t rest = r.left;
    out->signature_clean &= all_zero(read_bytes(&r, rest), rest);
    return read_end(&r);
}
