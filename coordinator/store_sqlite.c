/* coordinator/store_sqlite.c - the store in one SQLite file. Only the store thread calls it.
 *
 * Sums per day and operator are kept beside the jobs and change in the same transaction: the status page never counts rows,
 * and sums outlive the rows that retention takes away. */
#include "coordinator/store.h"
#include "base/db.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static const char *const steps[] = {
    "CREATE TABLE jobs ("
    "  id BLOB PRIMARY KEY, node BLOB NOT NULL, operator BLOB NOT NULL, model TEXT NOT NULL, manifest BLOB NOT NULL,"
    "  size_class INTEGER NOT NULL, frame_bytes INTEGER NOT NULL, frames INTEGER NOT NULL, bytes INTEGER NOT NULL,"
    "  start_ms INTEGER NOT NULL, first_frame_ms INTEGER NOT NULL, end_ms INTEGER NOT NULL,"
    "  outcome INTEGER NOT NULL, code INTEGER NOT NULL, prompt_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL,"
    "  resumed_from INTEGER NOT NULL, usage BLOB) STRICT;"
    "CREATE INDEX jobs_by_end ON jobs (end_ms);"
    "CREATE TABLE tallies ("
    "  day INTEGER NOT NULL, operator BLOB NOT NULL, jobs INTEGER NOT NULL, done INTEGER NOT NULL,"
    "  prompt_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, PRIMARY KEY (day, operator)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE nodes ("
    "  identity BLOB PRIMARY KEY, operator BLOB NOT NULL, first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL,"
    "  registrations INTEGER NOT NULL) STRICT;"
    "CREATE TABLE operators ("
    "  id BLOB PRIMARY KEY, first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL) STRICT;",
};

enum statement { PUT_JOB, ADD_TALLY, PUT_NODE, PUT_OPERATOR, SUM_DAY, SUM_EVER, COUNTS, TOP, FORGET, STATEMENTS };
static const char *const texts[STATEMENTS] = {
    [PUT_JOB] = "INSERT INTO jobs (id, node, operator, model, manifest, size_class, frame_bytes, frames, bytes, start_ms,"
                " first_frame_ms, end_ms, outcome, code, prompt_tokens, output_tokens, resumed_from, usage)"
                " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (id) DO NOTHING",
    [ADD_TALLY] = "INSERT INTO tallies (day, operator, jobs, done, prompt_tokens, output_tokens) VALUES (?1,?2,1,?3,?4,?5)"
                  " ON CONFLICT (day, operator) DO UPDATE SET jobs = jobs + 1, done = done + ?3,"
                  " prompt_tokens = prompt_tokens + ?4, output_tokens = output_tokens + ?5",
    [PUT_NODE] = "INSERT INTO nodes (identity, operator, first_ms, last_ms, registrations) VALUES (?1,?2,?3,?3,1)"
                 " ON CONFLICT (identity) DO UPDATE SET operator = ?2, last_ms = ?3, registrations = registrations + 1",
    [PUT_OPERATOR] =
        "INSERT INTO operators (id, first_ms, last_ms) VALUES (?1,?2,?2) ON CONFLICT (id) DO UPDATE SET last_ms = ?2",
    [SUM_DAY] = "SELECT sum(jobs), sum(done), sum(prompt_tokens), sum(output_tokens) FROM tallies WHERE day = ?",
    [SUM_EVER] = "SELECT sum(jobs), sum(done), sum(prompt_tokens), sum(output_tokens) FROM tallies",
    [COUNTS] = "SELECT (SELECT count(*) FROM nodes), (SELECT count(*) FROM operators)",
    [TOP] = "SELECT operator, jobs, done, prompt_tokens, output_tokens FROM tallies WHERE day = ?"
            " ORDER BY output_tokens DESC, operator LIMIT 32",
    [FORGET] = "DELETE FROM jobs WHERE rowid IN (SELECT rowid FROM jobs WHERE end_ms < ? ORDER BY end_ms LIMIT ?)",
};

struct lite {
    struct db db;
    struct sqlite3_stmt *st[STATEMENTS];
    struct store_tally before_today; /* sum of all days before before_day: see sum_ever */
    uint64_t before_day;
};

const char *outcome_name(unsigned outcome) {
    static const char *const names[OUTCOME_END] = {NULL, "done", "unstated", "refused", "lost", "cancelled", "broken"};
    return outcome < OUTCOME_END ? names[outcome] : NULL;
}

/* ---- binding one after the other, with an error that sticks ---- */
struct bind {
    struct sqlite3_stmt *st;
    int at, err;
};
static void put_u64(struct bind *b, uint64_t v) {
    if (b->err == 0) b->err = db_bind_u64(b->st, ++b->at, v > INT64_MAX ? INT64_MAX : v);
}
static void put_blob(struct bind *b, const void *p, size_t n) {
    if (b->err == 0) b->err = db_bind_blob(b->st, ++b->at, p, n);
}
static void put_text(struct bind *b, const char *s) {
    if (b->err == 0) b->err = db_bind_text(b->st, ++b->at, s);
}
static int run(struct bind *b) {
    if (b->err != 0) {
        db_reset(b->st);
        return b->err;
    }
    return db_run(b->st);
}

static int lite_begin(void *self) { return db_exec(&((struct lite *)self)->db, "BEGIN IMMEDIATE", NULL); }
static int lite_commit(void *self) { return db_exec(&((struct lite *)self)->db, "COMMIT", NULL); }
static void lite_rollback(void *self) { (void)db_exec(&((struct lite *)self)->db, "ROLLBACK", NULL); }

static int add_tally(struct lite *l, const struct store_job *j) {
    struct bind b = {.st = l->st[ADD_TALLY]};
    put_u64(&b, j->end_ms / 86400000);
    put_blob(&b, j->operator_id, 32);
    put_u64(&b, j->outcome == OUTCOME_DONE);
    put_u64(&b, j->prompt_tokens);
    put_u64(&b, j->output_tokens > j->from ? j->output_tokens - j->from : 0); /* what this node made, not what it was given */
    return run(&b);
}

static int lite_put_job(void *self, const struct store_job *j) {
    struct lite *l = self;
    struct bind b = {.st = l->st[PUT_JOB]};
    put_blob(&b, j->id, sizeof j->id);
    put_blob(&b, j->node, 32);
    put_blob(&b, j->operator_id, 32);
    put_text(&b, j->model);
    put_blob(&b, j->manifest_hash, 32);
    put_u64(&b, j->size_class);
    put_u64(&b, j->frame_bytes);
    put_u64(&b, j->frames);
    put_u64(&b, j->bytes);
    put_u64(&b, j->start_ms);
    put_u64(&b, j->first_frame_ms);
    put_u64(&b, j->end_ms);
    put_u64(&b, j->outcome);
    put_u64(&b, j->code);
    put_u64(&b, j->prompt_tokens);
    put_u64(&b, j->output_tokens);
    put_u64(&b, j->from);
    if (j->stated) put_blob(&b, j->usage, USAGE_BYTES); /* else NULL */
    int r = run(&b);
    if (r != 0 || db_changed(&l->db) == 0) return r;
    return add_tally(l, j);
}

static int lite_put_node(void *self, const struct store_node *n) {
    struct lite *l = self;
    struct bind b = {.st = l->st[PUT_NODE]};
    put_blob(&b, n->identity, 32);
    put_blob(&b, n->operator_id, 32);
    put_u64(&b, n->seen_ms);
    int r = run(&b);
    if (r != 0) return r;
    b = (struct bind){.st = l->st[PUT_OPERATOR]};
    put_blob(&b, n->operator_id, 32);
    put_u64(&b, n->seen_ms);
    return run(&b);
}

static void tally_of(struct sqlite3_stmt *st, int column, struct store_tally *t) {
    *t = (struct store_tally){db_u64(st, column), db_u64(st, column + 1), db_u64(st, column + 2), db_u64(st, column + 3)};
}

static int one_row(struct sqlite3_stmt *st, struct store_tally *t) {
    int r = db_row(st);
    if (r == 1) tally_of(st, 0, t);
    db_reset(st);
    return r < 0 ? r : 0;
}

static int sum_day(struct lite *l, uint64_t day, struct store_tally *t) {
    struct bind b = {.st = l->st[SUM_DAY]};
    put_u64(&b, day);
    return b.err != 0 ? b.err : one_row(b.st, t);
}

/* All days: the days before today are summed once a day, today is added each time. */
static int sum_ever(struct lite *l, uint64_t day, const struct store_tally *today, struct store_tally *ever) {
    if (l->before_day != day) {
        struct store_tally all = {0};
        int r = one_row(l->st[SUM_EVER], &all);
        if (r != 0) return r;
        l->before_today = (struct store_tally){all.jobs - today->jobs, all.done - today->done,
                                               all.prompt_tokens - today->prompt_tokens,
                                               all.output_tokens - today->output_tokens};
        l->before_day = day;
    }
    const struct store_tally *b = &l->before_today;
    *ever = (struct store_tally){b->jobs + today->jobs, b->done + today->done, b->prompt_tokens + today->prompt_tokens,
                                 b->output_tokens + today->output_tokens};
    return 0;
}

static int top_operators(struct lite *l, uint64_t day, struct store_totals *t) {
    struct bind b = {.st = l->st[TOP]};
    put_u64(&b, day);
    int r = b.err;
    while (r == 0 && (r = db_row(b.st)) == 1) {
        r = t->operator_count < STORE_OPERATORS_SHOWN ? db_blob(b.st, 0, t->operators[t->operator_count].id, 32) : ERR_LIMIT;
        if (r == 0) tally_of(b.st, 1, &t->operators[t->operator_count++].tally);
        if (r != 0) break;
    }
    db_reset(b.st);
    return r;
}

static int lite_totals(void *self, uint64_t day, struct store_totals *out) {
    struct lite *l = self;
    struct store_totals t = {.day = day};
    int r = sum_day(l, day, &t.today);
    if (r == 0) r = sum_ever(l, day, &t.today, &t.ever);
    if (r == 0 && (r = db_row(l->st[COUNTS])) == 1) {
        t.nodes_known = db_u64(l->st[COUNTS], 0);
        t.operators_known = db_u64(l->st[COUNTS], 1);
        r = 0;
    }
    db_reset(l->st[COUNTS]);
    if (r == 0) r = top_operators(l, day, &t);
    if (r == 0) *out = t;
    return r;
}

static int lite_forget(void *self, uint64_t before_ms, uint32_t max, uint32_t *count) {
    struct lite *l = self;
    struct bind b = {.st = l->st[FORGET]};
    put_u64(&b, before_ms);
    put_u64(&b, max);
    int r = run(&b);
    *count = r == 0 ? (uint32_t)db_changed(&l->db) : 0;
    return r;
}

static void lite_close(void *self) {
    struct lite *l = self;
    if (!l) return;
    if (l->db.sq) (void)db_checkpoint(&l->db);
    db_close(&l->db);
    free(l);
}

static const struct store_ops lite_ops = {lite_begin,    lite_commit, lite_rollback, lite_put_job,
                                          lite_put_node, lite_totals, lite_forget,   lite_close};

int store_sqlite_open(struct store_backend *out, const char *path, struct why *why) {
    struct lite *l = mem_zalloc(1, sizeof *l);
    if (!l) return ERR_NOMEM;
    l->before_day = UINT64_MAX;
    int r = db_open(&l->db, path, why);
    if (r == 0) r = db_migrate(&l->db, steps, sizeof steps / sizeof steps[0], why);
    for (int i = 0; r == 0 && i < STATEMENTS; i++) r = db_prepare(&l->db, &l->st[i], texts[i], why);
    if (r != 0) {
        db_close(&l->db);
        free(l);
        return r;
    }
    *out = (struct store_backend){&lite_ops, l};
    return 0;
}
