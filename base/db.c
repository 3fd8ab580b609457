/* base/db.c - see db.h. */
#include "base/db.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUSY_MS = 5000 };

static int err_of(int rc) {
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_DONE:
    case SQLITE_ROW: return 0;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return ERR_BUSY;
    case SQLITE_NOMEM: return ERR_NOMEM;
    case SQLITE_FULL:
    case SQLITE_TOOBIG: return ERR_LIMIT;
    case SQLITE_CONSTRAINT: return ERR_EXISTS;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return ERR_FORMAT;
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH: return ERR_PERM;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN: return ERR_IO;
    default: return ERR_INTERNAL;
    }
}

/* sqlite3_errstr names the kind of error only; sqlite3_errmsg may quote values. */
static int fail(int rc, const char *what, struct why *why) {
    return why_set(why, err_of(rc), "%s: %s", what, sqlite3_errstr(rc));
}

int db_exec(struct db *d, const char *sql, struct why *why) {
    int rc = sqlite3_exec(d->sq, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : fail(rc, "database", why);
}

/* SQLite would make the file with the umask's mode; the log and index files copy the main file's. */
static int make_file(const char *path, struct why *why) {
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return why_set(why, errno == EACCES ? ERR_PERM : ERR_IO, "%s: %s", path, strerror(errno));
    close(fd);
    return 0;
}

static int check_whole(struct db *d, const char *path, struct why *why) {
    sqlite3_stmt *s = NULL;
    char first[8] = "";
    int r = db_prepare(d, &s, "PRAGMA quick_check(1)", why);
    if (r == 0 && (r = db_row(s)) == 1) {
        db_text(s, 0, first, sizeof first);
        r = 0;
    }
    sqlite3_finalize(s);
    if (r == 0 && strcmp(first, "ok") != 0) r = ERR_FORMAT;
    return r == 0 ? 0 : why_set(why, r, "%s: the database is damaged; move it away to start with an empty one", path);
}

int db_open(struct db *d, const char *path, struct why *why) {
    *d = (struct db){0};
    int r = make_file(path, why);
    if (r != 0) return r;
    int rc = sqlite3_open_v2(path, &d->sq, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW, NULL);
    if (rc != SQLITE_OK) r = fail(rc, path, why);
    if (r == 0) {
        sqlite3_busy_timeout(d->sq, BUSY_MS);
        sqlite3_db_config(d->sq, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        sqlite3_db_config(d->sq, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
        sqlite3_db_config(d->sq, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
        r = db_exec(d, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA secure_delete=ON;", why);
    }
    if (r == 0 || r == ERR_FORMAT) {
        int whole = check_whole(d, path, why);
        if (r == 0) r = whole;
    }
    if (r != 0) db_close(d);
    return r;
}

void db_close(struct db *d) {
    if (!d->sq) return;
    for (sqlite3_stmt *s = sqlite3_next_stmt(d->sq, NULL); s; s = sqlite3_next_stmt(d->sq, NULL)) sqlite3_finalize(s);
    sqlite3_close(d->sq);
    d->sq = NULL;
}

static int version_of(struct db *d, uint64_t *version, struct why *why) {
    sqlite3_stmt *s = NULL;
    int r = db_prepare(d, &s, "PRAGMA user_version", why);
    if (r == 0 && (r = db_row(s)) == 1) {
        *version = db_u64(s, 0);
        r = 0;
    }
    sqlite3_finalize(s);
    return r;
}

int db_migrate(struct db *d, const char *const *steps, size_t count, struct why *why) {
    uint64_t at = 0;
    int r = version_of(d, &at, why);
    if (r == 0 && at > count)
        r = why_set(why, ERR_VERSION, "the database is of version %llu; this program knows up to %zu", (unsigned long long)at,
                    count);
    for (; r == 0 && at < count; at++) {
        char mark[64];
        snprintf(mark, sizeof mark, "PRAGMA user_version=%llu; COMMIT", (unsigned long long)at + 1);
        r = db_exec(d, "BEGIN IMMEDIATE", why);
        if (r == 0) r = db_exec(d, steps[at], why);
        if (r == 0) r = db_exec(d, mark, why);
        if (r != 0 && !sqlite3_get_autocommit(d->sq)) (void)db_exec(d, "ROLLBACK", NULL);
    }
    return r;
}

int db_prepare(struct db *d, sqlite3_stmt **out, const char *sql, struct why *why) {
    int rc = sqlite3_prepare_v3(d->sq, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);
    return rc == SQLITE_OK ? 0 : fail(rc, "database statement", why);
}

int db_bind_u64(sqlite3_stmt *s, int at, uint64_t v) {
    if (v > INT64_MAX) return ERR_RANGE;
    return err_of(sqlite3_bind_int64(s, at, (sqlite3_int64)v));
}

int db_bind_blob(sqlite3_stmt *s, int at, const void *p, size_t n) {
    if (n == 0) return err_of(sqlite3_bind_zeroblob(s, at, 0)); /* a NULL pointer would bind NULL */
    return err_of(sqlite3_bind_blob64(s, at, p, n, SQLITE_TRANSIENT));
}

int db_bind_text(sqlite3_stmt *s, int at, const char *text) {
    return err_of(sqlite3_bind_text64(s, at, text, strlen(text), SQLITE_TRANSIENT, SQLITE_UTF8));
}

void db_reset(sqlite3_stmt *s) {
    sqlite3_reset(s);
    sqlite3_clear_bindings(s);
}

int db_row(sqlite3_stmt *s) {
    int rc = sqlite3_step(s);
    if (rc == SQLITE_ROW) return 1;
    db_reset(s);
    return err_of(rc);
}

int db_run(sqlite3_stmt *s) {
    int r = db_row(s);
    if (r == 1) {
        db_reset(s);
        r = 0;
    }
    return r;
}

uint64_t db_u64(sqlite3_stmt *s, int column) {
    sqlite3_int64 v = sqlite3_column_int64(s, column);
    return v < 0 ? 0 : (uint64_t)v;
}

int db_blob(sqlite3_stmt *s, int column, void *out, size_t n) {
    const void *p = sqlite3_column_blob(s, column);
    if (sqlite3_column_bytes(s, column) < 0 || (size_t)sqlite3_column_bytes(s, column) != n || (n && !p)) {
        memset(out, 0, n);
        return ERR_FORMAT;
    }
    if (n) memcpy(out, p, n);
    return 0;
}

void db_text(sqlite3_stmt *s, int column, char *out, size_t cap) {
    const unsigned char *p = sqlite3_column_text(s, column);
    snprintf(out, cap, "%s", p ? (const char *)p : "");
}

uint64_t db_changed(const struct db *d) { return (uint64_t)sqlite3_changes64(d->sq); }

int db_checkpoint(struct db *d) {
    int r = err_of(sqlite3_wal_checkpoint_v2(d->sq, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL));
    return r == ERR_BUSY ? 0 : r;
}
