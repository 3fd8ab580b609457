/* blind/blind_account.h - what one client has paid for in advance: columns, counted down by every session that shows its token, on
 * whatever thread. They are taken when they are asked for, and given back when the session ends before they were computed. */
#ifndef BLIND_BLIND_ACCOUNT_H
#define BLIND_BLIND_ACCOUNT_H

#include <stdatomic.h>
#include <stdint.h>

#include "blind/message.h"

struct blind_account {
    uint8_t token[BLIND_TOKEN_MAX]; /* secret */
    uint8_t token_n;
    uint32_t line;         /* of the file that lists it; 0: not there any more. Of the thread that reads the file, as is paid */
    uint64_t paid;         /* in all */
    _Atomic uint64_t left; /* columns; one through one stack counts one */
};
/* 1: taken; 0: it has not so many, and nothing was taken. */
static inline int blind_account_take(struct blind_account *a, uint64_t columns) {
    uint64_t left = atomic_load(&a->left);
    while (left >= columns)
        if (atomic_compare_exchange_weak(&a->left, &left, left - columns)) return 1;
    return 0;
}
static inline void blind_account_give(struct blind_account *a, uint64_t columns) {
    uint64_t left = atomic_load(&a->left), more;
    do more = columns > UINT64_MAX - left ? UINT64_MAX : left + columns;
    while (!atomic_compare_exchange_weak(&a->left, &left, more));
}
/* Takes what there is of so many: what was paid for is less now than it was. */
static inline void blind_account_withdraw(struct blind_account *a, uint64_t columns) {
    uint64_t left = atomic_load(&a->left);
    while (!atomic_compare_exchange_weak(&a->left, &left, left > columns ? left - columns : 0)) {}
}

#endif
