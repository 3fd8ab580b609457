/* node/blind_used.h - what clients have used of the columns that they have paid for, kept over restarts in the node's folder: "blind.used", lines
 * "ACCOUNT COLUMNS", ACCOUNT being 64 hexadecimal digits that follow from the token and do not tell it.
 *
 * It is written when the node leaves, when the list is read again, and every BLIND_USED_MS while something is used: a node that is killed
 * forgets what was used since. A token that is on no list at a start is forgotten with what it had used. */
#ifndef NODE_BLIND_USED_H
#define NODE_BLIND_USED_H

#include "base/file.h"
#include "node/blind_accounts.h"

enum { BLIND_USED_MS = 5000 };
/* After blind_accounts_load. A file that is not there is none. ERR_FORMAT, ERR_PERM and what else reading gives: why names the file. */
int blind_used_read(struct blind_accounts *a, const struct data_dir *dir, struct why *why);
/* Writes it if something has changed since it was read or written. */
int blind_used_write(struct blind_accounts *a, const struct data_dir *dir, struct why *why);

#endif
