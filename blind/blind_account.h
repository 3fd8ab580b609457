/* blind/blind_account.h - what one client has paid for in advance: columns, counted down by every session that shows its token, on
 * whatever thread. */
#ifndef BLIND_BLIND_ACCOUNT_H
#define BLIND_BLIND_ACCOUNT_H

#include <stdatomic.h>
#include <stdint.h>

#include "blind/message.h"

struct blind_account {
    uint8_t token[BLIND_TOKEN_MAX]; /* secret */
    uint8_t token_n;
    _Atomic uint64_t left; /* columns; one through one stack counts one */
};
/* 1: taken; 0: it has not so many, and nothing was taken. */
static inline int blind_account_take(struct blind_account *a, uint64_t columns) {
    uint64_t left = atomic_load(&a->left);
    while (left >= columns)
        if (atomic_compare_exchange_weak(&a->left, &left, left - columns)) return 1;
    return 0;
}

#endif
