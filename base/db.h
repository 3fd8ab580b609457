/* base/db.h - SQLite, with the settings a long-lived store needs and errors as ERR_*.
 *
 * One thread uses a struct db at a time. Statements are prepared once and reused: bind, then db_run or db_row until it
 * says 0, which also resets the statement and forgets its bindings. Nothing here logs or quotes values. */
#ifndef BASE_DB_H
#define BASE_DB_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct sqlite3;
struct sqlite3_stmt;

struct db {
    struct sqlite3 *sq; /* NULL when closed */
};
/* Opens or makes the file (mode 0600): WAL, every commit synced, foreign keys on, nothing from the file's own schema
 * trusted, and a quick integrity check. ERR_FORMAT: damaged or not a database; ERR_IO, ERR_PERM, ERR_NOMEM. */
int db_open(struct db *d, const char *path, struct why *why);
void db_close(struct db *d); /* finalizes statements still open; fine on a zeroed db */

/* Brings the file to version `count` by running steps[v]..steps[count-1], v being its PRAGMA user_version; each step is one
 * transaction with its version number, so a crash leaves a whole version. ERR_VERSION: the file is newer than this program. */
int db_migrate(struct db *d, const char *const *steps, size_t count, struct why *why);

/* Runs SQL without values or rows ("BEGIN IMMEDIATE"). */
int db_exec(struct db *d, const char *sql, struct why *why);

/* Statements belong to the db. Parameters are numbered from 1, columns from 0. Text and blobs are copied when bound. */
int db_prepare(struct db *d, struct sqlite3_stmt **out, const char *sql, struct why *why);
int db_bind_u64(struct sqlite3_stmt *s, int at, uint64_t v); /* over 2^63-1: ERR_RANGE */
int db_bind_blob(struct sqlite3_stmt *s, int at, const void *p, size_t n);
int db_bind_text(struct sqlite3_stmt *s, int at, const char *text);
/* For statements that give no rows: 0, ERR_EXISTS (a constraint), ERR_BUSY (locked too long), ERR_LIMIT (disk full),
 * ERR_IO, ERR_FORMAT (damaged), ERR_NOMEM. The statement is reset whatever happens. */
int db_run(struct sqlite3_stmt *s);
/* 1: a row is there; 0: no more rows; negative: as db_run. After 0 or an error the statement is reset. */
int db_row(struct sqlite3_stmt *s);
void db_reset(struct sqlite3_stmt *s);               /* for a caller that stops before the last row */
uint64_t db_u64(struct sqlite3_stmt *s, int column); /* negative values read as 0 */
/* Copies a blob of exactly n bytes: 0, or ERR_FORMAT with out zeroed. */
int db_blob(struct sqlite3_stmt *s, int column, void *out, size_t n);
/* Copies text, cut to fit at a byte, NUL-terminated. */
void db_text(struct sqlite3_stmt *s, int column, char *out, size_t cap);
/* Rows changed by the last db_run. */
uint64_t db_changed(const struct db *d);
/* Moves the write-ahead log into the main file; a busy reader is not an error. */
int db_checkpoint(struct db *d);

#endif
