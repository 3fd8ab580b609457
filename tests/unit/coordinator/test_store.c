/* The store: rows and sums, batches and places, a failing database, a process killed in the middle of writing. */
#include "tests/unit/coordinator/one_number.h"

#include "base/clock.h"
#include "coordinator/store.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[64];
static void path_of(char out[128], const char *name) {
    if (!folder[0]) {
        snprintf(folder, sizeof folder, "/tmp/lull-store-XXXXXX");
        CHECK(mkdtemp(folder) != NULL);
    }
    snprintf(out, 128, "%s/%s", folder, name);
}

static void job_n(struct store_job *j, uint64_t n) {
    memset(j, 0, sizeof *j);
    memcpy(j->id, &n, sizeof n);
    j->node[0] = (uint8_t)(n % 3);
    j->operator_id[0] = (uint8_t)(n % 2);
    strcpy(j->model, "lull-toy:q8_0");
    j->size_class = 1024;
    j->frame_bytes = 256;
    j->frames = 10;
    j->bytes = 33 + 2560;
    j->end_ms = clock_unix_ms();
    j->start_ms = j->end_ms - 100;
    j->first_frame_ms = j->end_ms - 50;
    j->outcome = OUTCOME_DONE;
    j->stated = 1;
    j->prompt_tokens = 7;
    j->output_tokens = 5;
    memset(j->usage, 0xab, sizeof j->usage);
}

static struct store *open_store(const char *path, uint32_t rows, uint32_t keep_days) {
    struct store_backend b;
    struct store *s = NULL;
    struct why why = {{0}};
    CHECK_INT(store_sqlite_open(&b, path, &why), 0);
    CHECK_INT(store_start(&s, &b, rows, keep_days, &why), 0);
    return s;
}

static void put_one(struct store *s, uint64_t n) {
    struct store_job j;
    job_n(&j, n);
    CHECK_INT(store_reserve(s), 0);
    store_put_job(s, &j);
}

static void wait_written(struct store *s, uint64_t n) {
    for (int i = 0; i < 1000 && store_written(s) < n; i++) usleep(10000);
    CHECK(store_written(s) >= n);
}

TEST(rows_and_sums_come_back_after_a_restart) {
    char path[128];
    path_of(path, "rows.db");
    struct store *s = open_store(path, 64, 0);
    for (uint64_t i = 0; i < 20; i++) put_one(s, i);
    struct store_job j;
    job_n(&j, 20);
    j.outcome = OUTCOME_LOST, j.stated = 0, j.prompt_tokens = j.output_tokens = 0;
    CHECK_INT(store_reserve(s), 0);
    store_put_job(s, &j);
    CHECK_INT(store_reserve(s), 0);
    store_put_job(s, &j); /* the same job twice counts once */
    struct store_node n = {.seen_ms = 1000};
    for (int i = 0; i < 3; i++) {
        n.identity[0] = (uint8_t)(i % 2);
        CHECK_INT(store_reserve(s), 0);
        store_put_node(s, &n);
    }
    CHECK_INT(store_stop(s, 5000), 0);
    s = open_store(path, 64, 0);
    struct store_totals t;
    store_totals(s, &t);
    CHECK_INT(t.today.jobs, 21);
    CHECK_INT(t.today.done, 20);
    CHECK_INT(t.today.prompt_tokens, 140);
    CHECK_INT(t.today.output_tokens, 100);
    CHECK_INT(t.ever.jobs, 21);
    CHECK_INT(t.nodes_known, 2);
    CHECK_INT(t.operators_known, 1);
    CHECK_INT(t.operator_count, 2);
    CHECK_INT(t.operators[0].tally.output_tokens, 50);
    CHECK_INT(store_stop(s, 5000), 0);
    CHECK_INT(one_number(path, "SELECT count(*) FROM jobs"), 21);
    CHECK_INT(one_number(path, "SELECT count(*) FROM jobs WHERE usage IS NULL"), 1);
    CHECK_INT(one_number(path, "SELECT registrations FROM nodes WHERE identity = zeroblob(32)"), 2);
}

TEST(a_resumed_answer_counts_what_its_node_made) {
    char path[128];
    path_of(path, "resumed.db");
    struct store *s = open_store(path, 8, 0);
    struct store_job j;
    job_n(&j, 1);
    j.from = 3;
    CHECK_INT(store_reserve(s), 0);
    store_put_job(s, &j);
    CHECK_INT(store_stop(s, 5000), 0);
    CHECK_INT(one_number(path, "SELECT sum(output_tokens) FROM tallies"), 2);
}

TEST(numbers_beyond_the_column_are_kept_at_its_end) {
    char path[128];
    path_of(path, "huge.db");
    struct store *s = open_store(path, 8, 0);
    struct store_job j;
    job_n(&j, 1);
    j.bytes = UINT64_MAX;
    CHECK_INT(store_reserve(s), 0);
    store_put_job(s, &j);
    CHECK_INT(store_stop(s, 5000), 0);
    CHECK_INT(one_number(path, "SELECT bytes = 9223372036854775807 FROM jobs"), 1);
}

TEST(old_jobs_are_forgotten_and_their_sums_kept) {
    char path[128];
    path_of(path, "old.db");
    struct store *s = open_store(path, 64, 0);
    for (uint64_t i = 0; i < 10; i++) {
        struct store_job j;
        job_n(&j, i);
        if (i < 6) j.end_ms -= (uint64_t)8 * 86400000;
        CHECK_INT(store_reserve(s), 0);
        store_put_job(s, &j);
    }
    CHECK_INT(store_stop(s, 5000), 0);
    s = open_store(path, 64, 7);
    for (int i = 0; i < 500 && one_number(path, "SELECT count(*) FROM jobs") != 4; i++) usleep(10000);
    put_one(s, 100);
    CHECK_INT(store_stop(s, 5000), 0);
    CHECK_INT(one_number(path, "SELECT count(*) FROM jobs"), 5);
    CHECK_INT(one_number(path, "SELECT sum(jobs) FROM tallies"), 11);
}

/* ---- a database that does as it is told ---- */
struct fake {
    atomic_int fail, closed;
    atomic_uint jobs, open, commits;
};
static int fake_begin(void *self) {
    struct fake *f = self;
    if (atomic_load(&f->fail)) return ERR_LIMIT;
    atomic_store(&f->open, 0);
    return 0;
}
static int fake_commit(void *self) {
    struct fake *f = self;
    if (atomic_load(&f->fail)) return ERR_IO;
    atomic_fetch_add(&f->jobs, atomic_load(&f->open));
    atomic_fetch_add(&f->commits, 1);
    return 0;
}
static void fake_rollback(void *self) { atomic_store(&((struct fake *)self)->open, 0); }
static int fake_job(void *self, const struct store_job *j) {
    (void)j;
    atomic_fetch_add(&((struct fake *)self)->open, 1);
    return 0;
}
static int fake_node(void *self, const struct store_node *n) { return (void)self, (void)n, 0; }
static int fake_totals(void *self, uint64_t day, struct store_totals *out) {
    (void)self;
    *out = (struct store_totals){.day = day};
    return 0;
}
static int fake_forget(void *self, uint64_t before, uint32_t max, uint32_t *count) {
    (void)self, (void)before, (void)max;
    *count = 0;
    return 0;
}
static void fake_close(void *self) { atomic_store(&((struct fake *)self)->closed, 1); }
static const struct store_ops fake_ops = {fake_begin, fake_commit, fake_rollback, fake_job,
                                          fake_node,  fake_totals, fake_forget,   fake_close};

TEST(while_nothing_can_be_written_places_run_out_and_nothing_is_lost) {
    struct fake f = {0};
    struct store_backend b = {&fake_ops, &f};
    struct store *s = NULL;
    struct why why = {{0}};
    enum { ROWS = 32 };
    atomic_store(&f.fail, 1);
    CHECK_INT(store_start(&s, &b, ROWS, 0, &why), 0);
    for (int i = 0; i < ROWS; i++) CHECK_INT(store_reserve(s), 0);
    CHECK_INT(store_reserve(s), ERR_BUSY); /* new requests are told busy */
    store_unreserve(s);
    CHECK_INT(store_reserve(s), 0);
    struct store_job j;
    for (uint64_t i = 0; i < ROWS; i++) {
        job_n(&j, i);
        store_put_job(s, &j); /* what was taken always fits, and never waits */
    }
    CHECK_INT(store_reserve(s), ERR_BUSY);
    CHECK_INT(store_waiting(s), ROWS);
    atomic_store(&f.fail, 0);
    wait_written(s, ROWS);
    CHECK_INT(atomic_load(&f.jobs), ROWS);
    CHECK_INT(store_reserve(s), 0);
    CHECK_INT(store_stop(s, 1000), 0);
    CHECK_INT(atomic_load(&f.closed), 1);
}

TEST(stopping_says_how_many_rows_are_lost) {
    struct fake f = {0};
    struct store_backend b = {&fake_ops, &f};
    struct store *s = NULL;
    struct why why = {{0}};
    atomic_store(&f.fail, 1);
    CHECK_INT(store_start(&s, &b, 8, 0, &why), 0);
    for (uint64_t i = 0; i < 3; i++) put_one(s, i);
    CHECK_INT(store_stop(s, 200), 3); /* and comes back, though no write ever succeeds */
    CHECK_INT(store_stop(NULL, 1), 0);
}

TEST(many_rows_share_a_commit) {
    struct fake f = {0};
    struct store_backend b = {&fake_ops, &f};
    struct store *s = NULL;
    struct why why = {{0}};
    atomic_store(&f.fail, 1); /* they gather while the first try waits */
    CHECK_INT(store_start(&s, &b, 400, 0, &why), 0);
    for (uint64_t i = 0; i < 400; i++) put_one(s, i);
    atomic_store(&f.fail, 0);
    wait_written(s, 400);
    CHECK(atomic_load(&f.commits) <= 2);
    CHECK_INT(store_stop(s, 1000), 0);
}

/* ---- kill -9 ---- */
/* Writes jobs 0, 1, 2 ... and reports how many are committed, until it is killed. */
static void write_for_ever(const char *path, int to) {
    struct store_backend b;
    struct store *s = NULL;
    struct why why = {{0}};
    if (store_sqlite_open(&b, path, &why) != 0 || store_start(&s, &b, 128, 0, &why) != 0) _exit(1);
    for (uint64_t n = 0;;) {
        if (store_reserve(s) == 0) {
            struct store_job j;
            job_n(&j, n++);
            store_put_job(s, &j);
        } else
            usleep(200);
        uint64_t written = store_written(s);
        if (n % 16 == 0 && write(to, &written, sizeof written) != sizeof written) _exit(2);
    }
}

TEST(what_was_committed_survives_a_kill) {
    for (int round = 0; round < 4; round++) {
        char path[128], name[32];
        snprintf(name, sizeof name, "killed%d.db", round);
        path_of(path, name);
        int p[2];
        CHECK_INT(pipe(p), 0);
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) {
            close(p[0]);
            write_for_ever(path, p[1]);
        }
        close(p[1]);
        uint64_t acked = 0, n, from = clock_mono_ms();
        while (clock_mono_ms() - from < 200u + 90u * (unsigned)round && read(p[0], &n, sizeof n) == (ssize_t)sizeof n) acked = n;
        CHECK_INT(kill(pid, SIGKILL), 0);
        CHECK(waitpid(pid, NULL, 0) == pid);
        while (read(p[0], &n, sizeof n) == (ssize_t)sizeof n) acked = n;
        close(p[0]);
        CHECK(acked > 0);
        uint64_t rows = one_number(path, "SELECT count(*) FROM jobs"); /* opening checks the file's integrity */
        CHECK(rows >= acked);
        CHECK(one_number(path, "SELECT sum(jobs) FROM tallies") == rows); /* a batch is there whole or not at all */
        struct store *s = open_store(path, 16, 0);
        put_one(s, UINT64_MAX - 1);
        CHECK_INT(store_stop(s, 5000), 0);
        CHECK(one_number(path, "SELECT count(*) FROM jobs") == rows + 1);
    }
}

TEST(a_file_that_is_no_store_is_refused) {
    char path[128];
    path_of(path, "text.db");
    FILE *f = fopen(path, "w");
    CHECK(f != NULL);
    fprintf(f, "this is not a database, it is a text file that someone put here");
    fclose(f);
    struct store_backend b;
    struct why why = {{0}};
    CHECK_INT(store_sqlite_open(&b, path, &why), ERR_FORMAT);
    CHECK(strstr(why.text, path) != NULL);
    char command[160];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    CHECK_INT(system(command), 0);
}

TESTS_MAIN("store", T(rows_and_sums_come_back_after_a_restart), T(a_resumed_answer_counts_what_its_node_made),
           T(numbers_beyond_the_column_are_kept_at_its_end), T(old_jobs_are_forgotten_and_their_sums_kept),
           T(while_nothing_can_be_written_places_run_out_and_nothing_is_lost), T(stopping_says_how_many_rows_are_lost),
           T(many_rows_share_a_commit), T(what_was_committed_survives_a_kill), T(a_file_that_is_no_store_is_refused))
