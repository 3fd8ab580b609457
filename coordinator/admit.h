/* coordinator/admit.h - who may come: operators of nodes, and clients by bearer key. Without a list everyone may.
 *
 * Files are text, one entry a line, '#' starts a comment. Operators are given by their id, 32 hex digits; client keys are any
 * printable text of 8 to 256 characters without blanks, of which only hashes are kept. */
#ifndef COORDINATOR_ADMIT_H
#define COORDINATOR_ADMIT_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { ADMIT_OPERATOR_BYTES = 16, ADMIT_ENTRIES_MAX = 65536, ADMIT_FILE_MAX = 1 << 24 };

struct admit_list {
    int limited;  /* 0: no list, everyone passes */
    uint8_t *ids; /* count x size, sorted */
    size_t count, size;
};
/* path NULL: no list. why names the file and line. */
int admit_operators_load(struct admit_list *l, const char *path, struct why *why);
int admit_clients_load(struct admit_list *l, const char *path, struct why *why);
void admit_release(struct admit_list *l);                                      /* fine on a zeroed list */
int admit_operator(const struct admit_list *l, const uint8_t operator_id[32]); /* 1: may come */
/* authorization: the header's value, or NULL. Keys are compared by hash: how long it takes tells nothing of them. */
int admit_client(const struct admit_list *l, const char *authorization);

#endif
