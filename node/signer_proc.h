/* node/signer_proc.h - the process that alone holds the node's identity key. It is forked before any thread, event loop or
 * socket to the network exists, reads its requests from one socketpair, and ends when the node does. */
#ifndef NODE_SIGNER_PROC_H
#define NODE_SIGNER_PROC_H

#include "base/child_proc.h"
#include "base/file.h"
#include "base/measures.h"
#include "seal/record.h"

struct signer {
    struct child_proc child;
    uint8_t identity[32]; /* public key */
};
/* Forks; the child makes or reads DIR/identity.key (0600: the 32-byte seed) and hardens itself. ERR_PERM for a key file that
 * others can read, ERR_FORMAT for one of another size. What it did to itself is added to *m (may be NULL). */
int signer_start(struct signer *s, const struct data_dir *dir, struct measures *m, struct why *why);
/* Signs r (its sig is filled in). ERR_PERM when the signer refused, ERR_LOST when it is gone. */
int signer_sign_record(struct signer *s, struct record *r);
/* Signs a link proof over this connection's exporter value. */
int signer_sign_link(struct signer *s, const uint8_t exporter[LINK_EXPORTER_BYTES], uint8_t proof[SIGN_BYTES]);
void signer_stop(struct signer *s); /* fine on {.child.fd = -1} */

#endif
