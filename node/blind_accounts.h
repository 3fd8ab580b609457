/* node/blind_accounts.h - the clients that a node computes for when it does so for some alone: a file of prepaid columns.
 *
 * Lines "TOKEN COLUMNS", '#' begins a comment. TOKEN is 16 to 64 printable ASCII characters without blanks, COLUMNS what it has paid for in
 * all, from the beginning. What of it was used is counted in memory and kept over restarts by node/blind_used.h. */
#ifndef NODE_BLIND_ACCOUNTS_H
#define NODE_BLIND_ACCOUNTS_H

#include "base/err.h"
#include "blind/blind_account.h"

enum { BLIND_ACCOUNTS_MAX = 1024, BLIND_TOKEN_MIN = 16 };
struct blind_accounts {
    struct blind_account *list; /* NULL: no file, everybody is served */
    size_t count;
    uint64_t used_kept; /* node/blind_used.c: the state that its file has */
};
/* path NULL: none. ERR_PERM: others can read the file; ERR_FORMAT with its line; ERR_LIMIT; ERR_EXISTS: a token twice. */
int blind_accounts_load(struct blind_accounts *a, const char *path, struct why *why);
/* Reads the file again while sessions go on: every token has what it has paid for now less what it has used, new ones come, and those that are
 * gone have nothing left. What load returns; nothing is changed then. ERR_LIMIT too when more than BLIND_ACCOUNTS_MAX have been there since the start. */
int blind_accounts_reload(struct blind_accounts *a, const char *path, struct why *why);
/* Logs what everybody has paid for and has left, by lines of the file: no token. */
void blind_accounts_log(const struct blind_accounts *a);
void blind_accounts_release(struct blind_accounts *a); /* after every session; wipes; fine on a zeroed one */
/* NULL: not listed. Takes the same time whichever is found. */
struct blind_account *blind_accounts_find(const struct blind_accounts *a, const uint8_t *token, size_t n);

#endif
