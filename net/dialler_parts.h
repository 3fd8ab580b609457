/* net/dialler_parts.h - what passes between the two processes of dialler.h. Private to them. */
#ifndef NET_DIALLER_PARTS_H
#define NET_DIALLER_PARTS_H

#include "net/addr.h"

/* Both are the same program, so whole structs travel. */
struct dialler_question {
    uint32_t number;
};
struct dialler_answer {
    uint32_t number;
    int error; /* errno of the last connect; 0 without a socket: the host is not known */
    struct addr peer;
};
struct dialler_place {
    char host[ADDR_HOST_BYTES];
    uint16_t port;
};
/* The child's whole life; arg is its place. */
void dialler_child(void *arg);

#endif
