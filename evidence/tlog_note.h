/* evidence/tlog_note.h - signed notes: text, an empty line, signature lines (c2sp.org/signed-note), with keys of Ed25519.
 *
 *     text, ends with a newline
 *
 *     <em dash> <name> base64(key id 4 || signature)
 *
 * key id = SHA-256(name || 0x0a || type || key)[:4]. Types: 1, Ed25519 over the text; 4, the time in 8 bytes and Ed25519 over
 * "cosignature/v1\ntime N\n" || text (c2sp.org/tlog-cosignature). A signature of another type, or by a key that is not known, is read
 * over: it says nothing. */
#ifndef EVIDENCE_TLOG_NOTE_H
#define EVIDENCE_TLOG_NOTE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "evidence/evidence.h"

enum {
    TLOG_NOTE_BYTES_MAX = 128 * 1024, /* 16 signatures of other types, at up to 5 kB, must have room */
    TLOG_TEXT_BYTES_MAX = 4096,       /* of a text that we sign, and of a checkpoint */
    TLOG_SIGS_MAX = 32,
    TLOG_NAME_BYTES_MAX = 128,
    TLOG_SIG_BYTES_MAX = 8192, /* of one signature line's value */
    TLOG_VKEY_BYTES_MAX = TLOG_NAME_BYTES_MAX + 64,
    TLOG_SKEY_BYTES_MAX = TLOG_VKEY_BYTES_MAX + 12,
    TLOG_SIG_ED25519 = 1,
    TLOG_SIG_COSIGNATURE = 4
};

struct tlog_sig {
    struct ev_bytes line; /* whole, with its newline */
    struct ev_bytes name;
    uint8_t id[4];
    size_t n;          /* bytes of the signature */
    uint8_t bytes[72]; /* the first of them: all, of the types that we know */
};
struct tlog_note {
    struct ev_bytes text; /* with its last newline; points into what was read, as all here */
    unsigned count;
    struct tlog_sig sig[TLOG_SIGS_MAX];
};
/* Syntax only. ERR_FORMAT, ERR_LIMIT. */
int tlog_note_read(struct tlog_note *out, struct ev_bytes bytes);
/* Not empty, no Unicode space, no plus, no control character, valid UTF-8, at most TLOG_NAME_BYTES_MAX. */
int tlog_name_is_good(const char *name, size_t n);

/* ---- keys ---- */

struct tlog_key {
    char name[TLOG_NAME_BYTES_MAX + 1];
    uint8_t type; /* TLOG_SIG_ED25519 or TLOG_SIG_COSIGNATURE */
    uint8_t key[32];
};
void tlog_key_id(uint8_t id[4], struct ev_bytes name, uint8_t type, const uint8_t key[32]);
/* "name+hex id+base64(type || key)". ERR_FORMAT: also when the id is another one; ERR_UNSUPPORTED: a type that we do not know. */
int tlog_vkey_read(struct tlog_key *out, const char *text);
int tlog_vkey_text(char out[TLOG_VKEY_BYTES_MAX], const struct tlog_key *k);
/* The secret beside it, in the form that Go's sumdb/note has for it: "PRIVATE+KEY+name+hex id+base64(type || seed)". */
int tlog_skey_read(struct tlog_key *out, uint8_t seed[32], const char *text);
int tlog_skey_text(char out[TLOG_SKEY_BYTES_MAX], const struct tlog_key *k, const uint8_t seed[32]);
/* The key of a seed. */
int tlog_key_of(struct tlog_key *out, const char *name, uint8_t type, const uint8_t seed[32]);

/* ---- signatures ---- */

/* 1: this line is by that key, as its name and id say; the signature is not looked at. */
int tlog_sig_claims(const struct tlog_sig *s, uint8_t type, const uint8_t key[32]);
/* 0 or ERR_AUTH. *time: of a cosignature (0 for type 1); set on success. */
int tlog_sig_check(const struct tlog_sig *s, struct ev_bytes text, uint8_t type, const uint8_t key[32], uint64_t *time);
/* Adds a signature line over text to b. time: of a cosignature. ERR_LIMIT, ERR_NOMEM. */
int tlog_sign(struct buf *b, struct ev_bytes text, const struct tlog_key *k, const uint8_t seed[32], uint64_t time);

#endif
