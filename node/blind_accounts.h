/* node/blind_accounts.h - the clients that a node computes for when it does so for some alone: a file of prepaid columns.
 *
 * Lines "TOKEN COLUMNS", '#' begins a comment. TOKEN is 16 to 64 printable ASCII characters without blanks. What is left is counted in memory:
 * a restart begins with the file's numbers again. */
#ifndef NODE_BLIND_ACCOUNTS_H
#define NODE_BLIND_ACCOUNTS_H

#include "base/err.h"
#include "blind/blind_account.h"

enum { BLIND_ACCOUNTS_MAX = 1024, BLIND_TOKEN_MIN = 16 };
struct blind_accounts {
    struct blind_account *list; /* NULL: no file, everybody is served */
    size_t count;
};
/* path NULL: none. ERR_PERM: others can read the file; ERR_FORMAT with its line; ERR_LIMIT; ERR_EXISTS: a token twice. */
int blind_accounts_load(struct blind_accounts *a, const char *path, struct why *why);
void blind_accounts_release(struct blind_accounts *a); /* after every session; wipes; fine on a zeroed one */
/* NULL: not listed. Takes the same time whichever is found. */
struct blind_account *blind_accounts_find(const struct blind_accounts *a, const uint8_t *token, size_t n);

#endif
