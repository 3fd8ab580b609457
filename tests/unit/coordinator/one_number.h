/* tests/unit/coordinator/one_number.h - what a query of a store's file gives. */
#ifndef TESTS_COORDINATOR_ONE_NUMBER_H
#define TESTS_COORDINATOR_ONE_NUMBER_H

#include "tests/check.h"

#include "base/db.h"

static inline uint64_t one_number(const char *path, const char *sql) {
    struct db d;
    struct sqlite3_stmt *st;
    struct why why = {{0}};
    CHECK_INT(db_open(&d, path, &why), 0);
    CHECK_INT(db_prepare(&d, &st, sql, &why), 0);
    CHECK_INT(db_row(st), 1);
    uint64_t n = db_u64(st, 0);
    db_close(&d);
    return n;
}

#endif
