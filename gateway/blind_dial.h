/* gateway/blind_dial.h - links to blind workers, through the coordinator or to a port of their own: HTTP/2 on the loop's thread, a blocking
 * struct blind_link for the thread that computes. Sessions are sealed and opened on that thread; the loop sees sealed bytes alone. */
#ifndef GATEWAY_BLIND_DIAL_H
#define GATEWAY_BLIND_DIAL_H

#include "blind/link.h"
#include "net/h2.h"
#include "net/loop.h"
#include "seal/keystmt.h"
#include "seal/worker_entry.h"

struct blind_dialer {
    struct loop *loop;
    struct h2 *(*coordinator)(void *arg); /* on the loop's thread: the link that is up, or NULL */
    const char *bearer;                   /* value of `authorization`; NULL: none. Outlives the links */
    void *arg;
};
/* A session to the worker with that key statement, whose record the caller has verified. From any thread but the loop's; the link then
 * belongs to one, and its close must come while the loop still runs. Whether the worker can be reached shows in receive. ERR_AUTH: the
 * key is no good point; ERR_NOMEM. */
int blind_dial(struct blind_link *out, const struct blind_dialer *d, const struct keystmt *worker);
/* The same over a connection of its own to the address in the worker's record, whose certificate must have the key that the record names.
 * Quicker, and the worker learns the client's address. When it cannot be reached there, or somebody else is found, the link is lost: it never
 * goes through the coordinator instead. ERR_NOTFOUND: it has none; else as above. */
int blind_dial_direct(struct blind_link *out, const struct blind_dialer *d, const struct keystmt *worker,
                      const struct worker_entry *entry);

#endif
