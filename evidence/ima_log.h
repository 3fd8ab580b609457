/* evidence/ima_log.h - the list of what a Linux kernel measured at run time (IMA), as its securityfs shows it in text
 * (ascii_runtime_measurements), against PCR 10.
 *
 * A line says PCR, template hash, template, and the template's fields. The template hash is what was extended; here it is made anew
 * from the fields, for every line, so a line whose digest or path was changed is none. The replay then gives PCR 10, which must be the
 * one in a verified quote. Files may be opened between quote and list, so the list may be longer than the quote: what a quote covers
 * is the beginning that gives its value, and only that may be judged.
 *
 *     ima                 SHA-1 of (digest 20, name in 256 bytes padded with zeros)
 *     ima-ng, ima-ngv2    of (le32 length, "sha256:\0" and digest; le32 length, path and NUL); v2 has "verity:sha256:\0" or "ima:..."
 *     ima-sig, ima-sigv2  and (le32 length, signature), which the text has in hexadecimal digits or not at all
 *     ima-buf             and (le32 length, buffer)
 *
 * (Documentation/security/IMA-templates.rst of Linux, and security/integrity/ima/ima_template_lib.c and ima_crypto.c as of 6.1.) Another
 * template is ERR_UNSUPPORTED. A path is the bytes of a file's name, of any kind: with spaces, and with line ends, so that a line can look like two;
 * the template hash says where the path ends. Nothing says what a path is on a system that the owner can lay out as they like: judge by
 * digest.
 *
 * A violation (a file written while it was measured) is a line with a template hash of zeros; ff..ff is extended. Its contents are known
 * to nobody, and its path ends at the first line end: a name with a line end in it makes the list unreadable, or its replay wrong.
 *
 * What other banks than SHA-1 are extended with: kernels from 5.8 on, the hash of the template of the bank's own kind (IMA_PER_BANK);
 * older ones, the SHA-1 padded with zeros (IMA_PADDED). */
#ifndef EVIDENCE_IMA_LOG_H
#define EVIDENCE_IMA_LOG_H

#include "evidence/evidence.h"
#include "evidence/policy_parts.h"
#include "evidence/tpm_pcr.h"

enum {
    IMA_LOG_BYTES_MAX = 1 << 20,
    IMA_PATH_MAX = 4096,      /* of the kernel's PATH_MAX, its NUL included */
    IMA_PATH_LINES_MAX = 16,  /* line ends within one path */
    IMA_LIST_LINES_MAX = 256, /* and within all paths of a list: each is two hashes more, whenever the list is read */
    IMA_EXTRA_MAX = 8192,     /* bytes of a signature or buffer */
};

struct ima_log {
    struct ev_bytes text;
    unsigned count;    /* of entries */
    uint16_t text_alg; /* of the template hashes in the text: SHA-1, or that of a list per bank (6.10 and later) */
    unsigned violations;
};
struct ima_entry {
    unsigned number; /* from 0 */
    const char *template_name;
    int violation;
    char hash_name[24]; /* "sha256", "verity:sha256"; "sha1" for template ima */
    uint8_t digest[64]; /* of the file */
    size_t digest_size;
    struct ev_bytes path;  /* points into the text */
    struct ev_bytes extra; /* signature or buffer, hexadecimal digits; n 0: none */
};

/* Reads all, making every template hash anew; text must stay. ERR_AUTH: a template hash is not that of its line. ERR_FORMAT, ERR_SHORT (it
 * is empty), ERR_LIMIT, ERR_UNSUPPORTED (another template, or another PCR than 10), with why. */
int ima_log_read(struct ima_log *out, struct ev_bytes text, struct why *why);

struct ima_walk {
    const struct ima_log *log;
    size_t at;
    unsigned number;
};
struct ima_walk ima_walk_over(const struct ima_log *log);
int ima_next(struct ima_walk *w, struct ima_entry *out); /* 1: *out is set; 0: that was all */

/* ---- against PCR 10 ---- */

enum ima_form { IMA_PER_BANK, IMA_PADDED };
/* After the first `entries` entries, from zeros. Both forms are the same for SHA-1. ERR_UNSUPPORTED: not a hash that we know. */
int ima_log_replay(const struct ima_log *log, unsigned entries, uint16_t alg, enum ima_form form, uint8_t out[TPM_DIGEST_MAX]);

struct ima_match {
    enum ima_form form;
    unsigned entries; /* the beginning of the list that gives the quoted value; what comes after is not covered */
};
/* The longest beginning that replays to a quoted PCR 10, in either form. ERR_AUTH: none does; ERR_UNSUPPORTED. */
int ima_log_match(const struct ima_log *log, uint16_t alg, struct ev_bytes pcr10, struct ima_match *out);

/* ---- the boot ---- */

/* Whether entry 0 is boot_aggregate and its digest that of the quoted PCRs: 0 to 7 of the bank of its hash for SHA-1, 0 to 9 for
 * others (0 to 7 for others too, as the first kernels of 5.8 had it). ERR_AUTH: not; ERR_NOTFOUND: `given` lacks some; ERR_FORMAT: entry
 * 0 is another; ERR_UNSUPPORTED: its hash. With why. */
int ima_boot_aggregate(const struct ima_log *log, const struct tpm_pcrs *given, struct why *why);

/* ---- what ran ---- */

/* 1: a file of this digest (n bytes) may run. */
typedef int ima_allows(const void *list, const uint8_t *digest, size_t n);
int ima_allows_digests(const void *list, const uint8_t *digest, size_t n); /* list: struct ev_digests */
struct ima_sorted { /* many: `count` digests of `size` bytes each, ascending */
    const uint8_t *bytes;
    size_t count, size;
};
int ima_allows_sorted(const void *list, const uint8_t *digest, size_t n); /* list: struct ima_sorted */

struct ima_judgement {
    unsigned unknown;       /* entries that are not in the list; a violation is one */
    unsigned violations;    /* of them */
    struct ima_entry first; /* the first unknown one; only if unknown is not 0 */
};
/* Judges the first `entries` entries (ima_match.entries). Entry 0 is left out if aggregate_good says that ima_boot_aggregate gave 0;
 * an entry that only bears that name is judged like any. */
void ima_log_judge(const struct ima_log *log, unsigned entries, int aggregate_good, ima_allows *allows, const void *list,
                   struct ima_judgement *out);
/* The path for people: bytes that are not printable ASCII as \xHH, cut with "..." when it does not fit. */
void ima_path_text(const struct ima_entry *e, char *out, size_t cap);

#endif
