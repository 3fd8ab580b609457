/* cli/attest.h - what the commands of `lull attest` share: reading what the user names, and saying what was found. */
#ifndef CLI_ATTEST_H
#define CLI_ATTEST_H

#include "base/json.h"
#include "base/mem.h"
#include "evidence/envelope_verify.h"

int attest_verify(int argc, char **argv);
int attest_show(int argc, char **argv);
int attest_collect(int argc, char **argv);
int attest_policy(int argc, char **argv);

/* ---- what the user names (cli/attest_input.c) ---- */

enum { ATTEST_FILE_BYTES_MAX = EV_ENVELOPE_BYTES_MAX };

/* Seconds since 1970, or RFC 3339 ("2026-11-25T10:00:00Z", also with an offset or a fraction, which is dropped). ERR_USAGE. */
int attest_time_read(int64_t *out, const char *text, struct why *why);
/* A whole file. b is initialised here and to be released in any case. ERR_LIMIT: over max, which is a verdict on the evidence; any other
 * failure is the user's, who named a file that cannot be read. */
int attest_file(struct buf *b, const char *path, size_t max, struct why *why);
/* The same for evidence: what is written in hexadecimal digits and blanks only is read as the bytes that it stands for. */
int attest_evidence_file(struct buf *b, const char *path, size_t max, struct why *why);
/* Hexadecimal text of 1 to cap bytes. ERR_USAGE, naming the option. */
int attest_hex(uint8_t *out, size_t cap, size_t *n, const char *option, const char *text, struct why *why);
/* The policy of a file, or the built-in one when path is NULL; *own is to be freed. NULL: *unreadable says whether the file cannot be
 * read (the user's mistake), or can and is no policy (then nothing is accepted under it). */
const struct ev_policy *attest_policy_of(const char *path, struct ev_policy **own, int *unreadable, struct why *why);

/* ---- what was found (cli/attest_say.c) ---- */

struct attest_found {
    enum ev_verdict verdict;
    enum ev_class shows;
    const char *kind; /* "sev-snp"; "envelope" */
    const struct ev_report *whole;
    unsigned members; /* of an envelope */
    const struct ev_member_report *member;
    int64_t at;
    int at_is_clock;
    const struct ev_policy *policy; /* NULL: it could not be read */
    int with_facts;                 /* also when they are not authenticated: `show` */
};
/* On stdout, for people or as one line of JSON. */
void attest_say(const struct attest_found *f, int json);
/* Text that may hold anything, as a JSON string. */
json_t *attest_text(const char *s);
/* One line "name  text" on stdout; text may hold anything. */
void attest_line(const char *indent, const char *name, const char *text);

#endif
