/* blind/link.h - a way to one worker, as the client half sees it: whole messages (blind/message.h), in order, sealed on the way.
 *
 * One link belongs to one thread. What implements it (a direct connection, a stream through a coordinator, a worker in the same
 * process) opens and seals; a message that does not open ends the link and accuses nobody. */
#ifndef BLIND_LINK_H
#define BLIND_LINK_H

#include <stddef.h>
#include <stdint.h>

struct blind_link {
    const struct blind_link_ops *ops;
    void *state;
    uint8_t identity[32]; /* of the worker, as its key statement says and the session proved */
    uint8_t operator_id[32];
};
struct blind_link_ops {
    /* Queues one message and sends what can be sent. 0, or ERR_IO: the link is dead. */
    int (*send)(void *state, const uint8_t *message, size_t n);
    /* Waits at most wait_ms for the next whole message; it stays where it is until the next call. 0, ERR_MORE (none in time), or ERR_IO: the
     * link is dead. */
    int (*receive)(void *state, const uint8_t **message, size_t *n, uint32_t wait_ms);
    void (*close)(void *state);
};

#endif
