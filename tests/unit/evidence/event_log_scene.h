/* tests/unit/evidence/event_log_scene.h - real logs, and a writer of logs of our own. */
#ifndef TESTS_EVENT_LOG_SCENE_H
#define TESTS_EVENT_LOG_SCENE_H

#include "base/hash.h"
#include "evidence/event_log.h"
#include "tests/unit/evidence/maker.h"

enum { TAG = 0x6, SEPARATOR = 0x4, IPL = 0xd, CONFIG = 0x80000001, BOOT = 0x80000002, PROGRAM = 0x80000003, HCRTM = 0x80000010 };

/* A log that is being written, for SHA-1 and SHA-256. */
struct log_maker {
    uint8_t text[1 << 16];
    struct writer w;
    unsigned banks;
};

static inline void log_header(struct log_maker *m, unsigned index, unsigned banks) {
    static const struct {
        uint16_t alg, size;
    } all[] = {{TPM_ALG_SHA256, 32}, {TPM_ALG_SHA1, 20}, {0x0012, 32}}; /* SM3 last, which we do not know */
    m->w = writer_over(m->text, sizeof m->text);
    m->banks = banks;
    write_u32_le(&m->w, index);
    write_u32_le(&m->w, EV_NO_ACTION_TYPE);
    write_zeros(&m->w, 20);
    write_u32_le(&m->w, 16 + 8 + 4 + 4 * banks + 1);
    write_bytes(&m->w, "Spec ID Event03", 16);
    write_bytes(&m->w, "\0\0\0\0\0\2\0\2", 8);
    write_u32_le(&m->w, banks);
    for (unsigned i = 0; i < banks; i++) {
        write_u16_le(&m->w, all[i].alg);
        write_u16_le(&m->w, all[i].size);
    }
    write_u8(&m->w, 0);
}

/* measured: what the digests are of; data: what the log says. n SIZE_MAX: a text. */
static inline void log_event(struct log_maker *m, unsigned index, uint32_t type, const void *measured, size_t mn,
                             const void *data, size_t dn) {
    static const uint16_t algs[] = {TPM_ALG_SHA256, TPM_ALG_SHA1, 0x0012};
    write_u32_le(&m->w, index);
    write_u32_le(&m->w, type);
    write_u32_le(&m->w, m->banks);
    for (unsigned i = 0; i < m->banks; i++) {
        uint8_t digest[TPM_DIGEST_MAX] = {7};
        if (tpm_hash_size(algs[i])) CHECK_INT(tpm_hash(algs[i], digest, measured, mn), 0);
        write_u16_le(&m->w, algs[i]);
        write_bytes(&m->w, digest, i == 1 ? 20 : 32);
    }
    write_u32_le(&m->w, (uint32_t)dn);
    write_bytes(&m->w, data, dn);
    CHECK_INT(m->w.err, 0);
}
static inline void log_locality(struct log_maker *m, uint8_t locality) {
    uint8_t data[17] = "StartupLocality";
    data[16] = locality;
    log_event(m, 0, EV_NO_ACTION_TYPE, "", 0, data, sizeof data);
}
static inline int log_made(struct event_log *log, const struct log_maker *m, enum event_log_of of) {
    return event_log_read(log, (struct ev_bytes){m->text, m->w.len}, of, NULL);
}

/* A file of tests/data/evidence/event-log. */
static inline size_t log_file(const char *name, uint8_t *out, size_t cap) {
    char path[128];
    snprintf(path, sizeof path, "event-log/%s", name);
    return maker_file(path, out, cap);
}

static const char *const cos113_rtmrs[4] = {
    "3fa2f61f395b7f5feefb4ec2df61297f109ad8abcd6410c1b7df60f21f37b19297fc35e544039c7e1edece752afd17f6",
    "f62dbc072bd5d3f3438b7b35c39a727f5aea2ffc2473f43723953f530daf62504f0a7944aa62c41a86e8a878c2b122c1",
    "4969684dc87381fc3b3134176c8d8806eaf0a901859f5f70cfae8d17714b46c10a8de219048c9fc09f11f381a6fbe7c1",
    "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
};
static inline void cos113_quoted(uint8_t rtmr[4][48]) {
    for (int i = 0; i < 4; i++) CHECK_INT(hex_decode(rtmr[i], 48, cos113_rtmrs[i], 96), 0);
}

#endif
