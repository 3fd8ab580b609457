/* The SQLite glue: settings, migrations, damage, and errors that quote nothing. */
#include "tests/check.h"

#include "base/db.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];

static void path_of(char out[128], const char *name) {
    if (!folder[0]) {
        snprintf(folder, sizeof folder, "/tmp/lull-db-XXXXXX");
        CHECK(mkdtemp(folder) != NULL);
    }
    snprintf(out, 128, "%s/%s", folder, name);
}

static const char *const steps[] = {
    "CREATE TABLE t (k INTEGER PRIMARY KEY, v BLOB NOT NULL, name TEXT NOT NULL UNIQUE) STRICT",
    "ALTER TABLE t ADD COLUMN n INTEGER NOT NULL DEFAULT 7",
};

TEST(values_come_back) {
    char path[128];
    path_of(path, "values.db");
    struct db d;
    struct why why = {{0}};
    CHECK_INT(db_open(&d, path, &why), 0);
    struct stat st;
    CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
    CHECK_INT(db_migrate(&d, steps, 2, &why), 0);
    struct sqlite3_stmt *put, *get;
    CHECK_INT(db_prepare(&d, &put, "INSERT INTO t (k, v, name) VALUES (?, ?, ?)", &why), 0);
    CHECK_INT(db_prepare(&d, &get, "SELECT k, v, name, n FROM t ORDER BY k", &why), 0);
    for (uint64_t i = 1; i <= 2; i++) {
        CHECK_INT(db_bind_u64(put, 1, i), 0);
        CHECK_INT(db_bind_blob(put, 2, i == 1 ? "\0\1\2" : NULL, i == 1 ? 3 : 0), 0);
        CHECK_INT(db_bind_text(put, 3, i == 1 ? "one" : "two"), 0);
        CHECK_INT(db_run(put), 0);
    }
    CHECK_INT(db_bind_u64(put, 1, (uint64_t)1 << 63), ERR_RANGE);
    CHECK_INT(db_bind_u64(put, 1, 3), 0);
    CHECK_INT(db_bind_blob(put, 2, "x", 1), 0);
    CHECK_INT(db_bind_text(put, 3, "one"), 0);
    CHECK_INT(db_run(put), ERR_EXISTS);
    uint8_t three[3];
    char text[3];
    CHECK_INT(db_row(get), 1);
    CHECK_INT(db_blob(get, 1, three, 3), 0);
    CHECK_MEM(three, "\0\1\2", 3);
    CHECK_INT(db_blob(get, 1, three, 2), ERR_FORMAT);
    db_text(get, 2, text, sizeof text);
    CHECK_STR(text, "on");
    CHECK_INT(db_u64(get, 3), 7);
    CHECK_INT(db_row(get), 1);
    CHECK_INT(db_blob(get, 1, three, 0), 0);
    CHECK_INT(db_row(get), 0);
    db_close(&d);
    db_close(&d);
}

TEST(an_older_file_is_brought_forward_and_a_newer_one_refused) {
    char path[128];
    path_of(path, "versions.db");
    struct db d;
    struct why why = {{0}};
    CHECK_INT(db_open(&d, path, &why), 0);
    CHECK_INT(db_migrate(&d, steps, 1, &why), 0);
    CHECK_INT(db_exec(&d, "INSERT INTO t (k, v, name) VALUES (1, x'00', 'kept')", &why), 0);
    db_close(&d);
    CHECK_INT(db_open(&d, path, &why), 0);
    CHECK_INT(db_migrate(&d, steps, 2, &why), 0);
    CHECK_INT(db_exec(&d, "UPDATE t SET n = n + 1 WHERE name = 'kept'", &why), 0);
    CHECK_INT(db_changed(&d), 1);
    CHECK_INT(db_migrate(&d, steps, 1, &why), ERR_VERSION);
    CHECK(strstr(why.text, "version 2") != NULL);
    db_close(&d);
}

TEST(a_failing_step_leaves_the_version_before_it) {
    static const char *const bad[] = {"CREATE TABLE a (x INTEGER) STRICT", "CREATE TABLE b (x INTEGER) STRICT; NOT SQL"};
    static const char *const good[] = {"CREATE TABLE a (x INTEGER) STRICT", "CREATE TABLE b (x INTEGER) STRICT"};
    char path[128];
    path_of(path, "step.db");
    struct db d;
    struct why why = {{0}};
    CHECK_INT(db_open(&d, path, &why), 0);
    CHECK(db_migrate(&d, bad, 2, &why) < 0);
    CHECK_INT(db_migrate(&d, good, 2, &why), 0); /* table a is there, table b was rolled back */
    db_close(&d);
}

TEST(a_damaged_file_is_refused) {
    char path[128];
    path_of(path, "damaged.db");
    struct db d;
    struct why why = {{0}};
    CHECK_INT(db_open(&d, path, &why), 0);
    CHECK_INT(db_migrate(&d, steps, 2, &why), 0);
    CHECK_INT(db_exec(&d,
                      "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM c WHERE i < 500) "
                      "INSERT INTO t (k, v, name) SELECT i, zeroblob(200), 'n' || i FROM c",
                      &why),
              0);
    CHECK_INT(db_checkpoint(&d), 0);
    db_close(&d);
    int fd = open(path, O_RDWR);
    CHECK(fd >= 0);
    char junk[2048];
    memset(junk, 0x5a, sizeof junk);
    for (off_t at = 4096; at < 40960; at += 4096) CHECK(pwrite(fd, junk, sizeof junk, at) == (ssize_t)sizeof junk);
    CHECK_INT(db_open(&d, path, &why), ERR_FORMAT);
    CHECK(strstr(why.text, "damaged") != NULL);
    CHECK(pwrite(fd, "not a database at all", 21, 0) == 21);
    CHECK_INT(db_open(&d, path, &why), ERR_FORMAT);
    close(fd);
}

TEST(a_folder_or_a_missing_path_is_an_error) {
    struct db d;
    struct why why = {{0}};
    CHECK(db_open(&d, "/tmp", &why) < 0);
    CHECK(db_open(&d, "/nonexistent/x.db", &why) < 0);
    CHECK(strstr(why.text, "/nonexistent/x.db") != NULL);
    db_close(&d);
}

TEST(errors_do_not_quote_values) {
    char path[128];
    path_of(path, "quiet.db");
    struct db d;
    struct why why = {{0}};
    CHECK_INT(db_open(&d, path, &why), 0);
    CHECK(db_exec(&d, "SELECT canary_word FROM nowhere", &why) < 0);
    CHECK(strstr(why.text, "canary") == NULL);
    db_close(&d);
    char command[160];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    CHECK_INT(system(command), 0);
}

TESTS_MAIN("db", T(values_come_back), T(an_older_file_is_brought_forward_and_a_newer_one_refused),
           T(a_failing_step_leaves_the_version_before_it), T(a_damaged_file_is_refused),
           T(a_folder_or_a_missing_path_is_an_error), T(errors_do_not_quote_values))
