/* See ../README.md. */
#ifndef STUB_SYS_RESOURCE_H
#define STUB_SYS_RESOURCE_H
#include <stdint.h>
typedef uint64_t rlim_t;
struct rlimit {
    rlim_t rlim_cur, rlim_max;
};
#define RLIMIT_CORE 4
int getrlimit(int resource, struct rlimit *rlp);
int setrlimit(int resource, const struct rlimit *rlp);
#endif
