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
/* The child's whole life. */
_Noreturn void dialler_child(int fd, const char *host, uint16_t port);

#endif
