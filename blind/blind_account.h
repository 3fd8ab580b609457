/* blind/blind_account.h - what one client has paid for in advance: columns, counted by every session that shows its token, on whatever
 * thread. They are taken when they are asked for, and given back when the session ends before they were computed. */
#ifndef BLIND_BLIND_ACCOUNT_H
#define BLIND_BLIND_ACCOUNT_H

#include <stdatomic.h>
#include <stdint.h>

#include "blind/message.h"

struct blind_account {
    uint8_t token[BLIND_TOKEN_MAX]; /* secret */
    uint8_t token_n;
    uint32_t line;         /* of the file that lists it; 0: not there any more. Of the thread that reads the file */
    _Atomic uint64_t paid; /* columns, in all; one through one stack counts one */
    _Atomic uint64_t used; /* never taken beyond what is paid; more than that only when what was paid is lowered */
};
static inline uint64_t blind_account_left(const struct blind_account *a) {
    uint64_t used = atomic_load(&a->used), paid = atomic_load(&a->paid);
    return paid > used ? paid - used : 0;
}
/* 1: taken; 0: it has not so many, and nothing was taken. */
static inline int blind_account_take(struct blind_account *a, uint64_t columns) {
    uint64_t paid = atomic_load(&a->paid), used = atomic_load(&a->used);
    while (used <= paid && columns <= paid - used)
        if (atomic_compare_exchange_weak(&a->used, &used, used + columns)) return 1;
    return 0;
}
/* Some of those that were taken. */
static inline void blind_account_give(struct blind_account *a, uint64_t columns) { atomic_fetch_sub(&a->used, columns); }

#endif
