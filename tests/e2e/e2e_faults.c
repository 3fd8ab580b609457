/* tests/e2e/e2e_faults.c - random faults at random tokens; the client's stream must be the very one it would have been.
 *
 * LULL_FAULTS runs (30 when unset) in two networks at a time, drawn from LULL_FAULT_SEED (1): the serving node is killed,
 * stopped, cut off or drained, or the coordinator is restarted, or the gateway's own link is cut, at temperatures 0 and 0.8.
 * Text and token ids must equal those of the same question left alone. Printed, not judged, for each kind of fault: how long
 * the gateway took to notice (from just before the fault, by its log), and the longest silence that the client saw. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/secret.h"
#include "tests/e2e/answers.h"
#include "tests/e2e/cut.h"
#include "tests/e2e/notice.h"
#include "tests/e2e/reports.h"
#include "tests/e2e/tap.h"

enum fault { FAULT_KILL, FAULT_STOP, FAULT_CUT, FAULT_DRAIN, FAULT_COORDINATOR, FAULT_GATEWAY_LINK, FAULTS };
static const char *const fault_names[FAULTS] = {"kill", "stop", "cut", "drain", "coordinator", "gateway link"};
enum { NODES = 3, TOKENS = 320, QUESTIONS = 4 };
static const char *const prompts[QUESTIONS] = {
    "Tell me a long story about a fox and a lantern.", "Tell me a long story about a boat and a storm.",
    "Tell me a long story about a girl and her kite.", "Tell me a long story about a bear who bakes bread."};

struct lab {
    struct world w;
    struct cut cuts[NODES + 1]; /* the last one is the gateway's */
    struct answer expected[QUESTIONS][2];
    uint64_t random;
    /* the run at hand */
    enum fault fault;
    struct notice notice;
    int at_delta, done, node;
    char result_why[200];
};

static uint32_t draw(struct lab *l, uint32_t n) { /* xorshift64*: repeatable, nothing secret */
    l->random ^= l->random >> 12, l->random ^= l->random << 25, l->random ^= l->random >> 27;
    return (uint32_t)((l->random * 0x2545f4914f6cdd1dull) >> 32) % n;
}

static int through_cut(void *arg, const char *coordinator, int node, char out[64]) {
    struct lab *l = arg;
    struct cut *c = &l->cuts[node < 0 ? NODES : node];
    if (!c->pid && cut_start(c, coordinator) != 0) return ERR_IO;
    snprintf(out, 64, "%s", c->at);
    return 0;
}

static void strike(struct lab *l) {
    struct why why = {{0}};
    l->node = world_serving(&l->w);
    if (l->node < 0 && l->fault < FAULT_COORDINATOR) return; /* not computing right now: try at the next delta */
    l->done = 1;
    notice_start(&l->notice, l->w.gateway.log);
    switch (l->fault) {
    case FAULT_KILL: proc_stop(&l->w.nodes[l->node], SIGKILL, 3000); break;
    case FAULT_STOP: proc_signal(&l->w.nodes[l->node], SIGSTOP); break;
    case FAULT_CUT: cut_now(&l->cuts[l->node]); break;
    case FAULT_DRAIN: proc_signal(&l->w.nodes[l->node], SIGTERM); break;
    case FAULT_COORDINATOR:
        proc_stop(&l->w.coordinator, SIGKILL, 3000);
        if (world_start_coordinator(&l->w, &why) != 0)
            snprintf(l->result_why, sizeof l->result_why, "coordinator: %.150s", why.text);
        break;
    default: cut_now(&l->cuts[NODES]); break;
    }
}

static void on_delta(void *arg, int delta) {
    struct lab *l = arg;
    if (!l->done && delta >= l->at_delta) strike(l);
}

/* After a run: everything runs again, with the same identities. */
static int mend(struct lab *l, struct why *why) {
    int r = 0;
    for (int i = 0; r == 0 && i < NODES; i++) {
        proc_signal(&l->w.nodes[i], SIGCONT);
        if (l->fault == FAULT_DRAIN && i == l->node) proc_stop(&l->w.nodes[i], SIGTERM, 5000);
        if (!proc_running(&l->w.nodes[i])) {
            proc_stop(&l->w.nodes[i], SIGKILL, 1000);
            r = world_start_node(&l->w, i, why);
        }
    }
    return r == 0 ? world_wait_nodes(&l->w, NODES, 20000, why) : r;
}

static int ask(struct lab *l, struct answer *a, int q, int warm, int faulty, struct why *why) {
    struct question question = {.model = "lull-toy:q8_0",
                                .prompt = prompts[q],
                                .temperature = warm ? 0.8 : 0,
                                .seed = 7 + q,
                                .max_tokens = TOKENS,
                                .on_delta = faulty ? on_delta : NULL,
                                .arg = l};
    return answer_get(a, &l->w, &question, why);
}

static int expect_all(struct lab *l, struct why *why) {
    int r = 0;
    for (int q = 0; r == 0 && q < QUESTIONS; q++)
        for (int warm = 0; r == 0 && warm < 2; warm++) r = ask(l, &l->expected[q][warm], q, warm, 0, why);
    return r;
}

/* A client that was not scheduled for a while reads the fault's token when the node has finished, and nothing can strike any more: such a run
 * tested nothing and is made again, with an earlier token. Its answer has to be the expected one all the same. */
static int ask_until_struck(struct lab *l, struct answer *a, int q, int warm, struct why *why) {
    for (int tries = 4;; tries--, l->at_delta = (l->at_delta + 1) / 2) {
        int r = ask(l, a, q, warm, 1, why);
        if (r != 0 || l->done || tries == 1 || !answer_equal(a, &l->expected[q][warm])) return r;
        answer_release(a);
    }
}

static void one_run(struct lab *l, int run, int report) {
    struct why why = {{0}};
    struct answer a = {0};
    int q = (int)draw(l, QUESTIONS), warm = (int)draw(l, 2);
    l->fault = (enum fault)(run % FAULTS);
    uint32_t tokens = l->expected[q][warm].id_count;
    l->at_delta = 1 + (int)draw(l, tokens > 60 ? tokens - 50 : 10);
    l->done = 0, l->node = -1, l->result_why[0] = 0;
    int r = ask_until_struck(l, &a, q, warm, &why);
    int good = r == 0 && l->done && answer_equal(&a, &l->expected[q][warm]) && !l->result_why[0];
    char line[400];
    snprintf(line, sizeof line, "%d %d %s at %d of %u temperature %s: %s from %u gap %llu noticed %lld ms%s%s\n", good, l->fault,
             fault_names[l->fault], l->at_delta, tokens, warm ? "0.8" : "0",
             good                ? "equal"
             : r == 0 && l->done ? "DIFFERENT"
             : r == 0            ? "no fault struck"
                                 : "failed",
             a.from, (unsigned long long)a.first_gap_ms, l->done ? (long long)notice_ms(&l->notice) : -1, good ? "" : ", ",
             good               ? ""
             : l->result_why[0] ? l->result_why
                                : why.text);
    answer_release(&a);
    if (mend(l, &why) != 0)
        snprintf(line, sizeof line, "0 %d %s: not mended: %.250s\n", l->fault, fault_names[l->fault], why.text);
    if (write(report, line, strlen(line)) < 0) _exit(1);
}

/* One network and its share of the runs; each result is a line on `report`. */
static void worker(int first, int step, int runs, uint64_t seed, int report) {
    static struct lab l;
    struct why why = {{0}};
    char model[WORLD_PATH];
    l.random = seed * 0x9e3779b97f4a7c15ull + (uint64_t)(unsigned)first + 1;
    const char *lull = getenv("LULL_BIN");
    int r = world_shipped_model(model);
    struct world_opts o = {.lull = lull ? lull : "build/lull",
                           .model = model,
                           .nodes = NODES,
                           .operators = 2,
                           .drain_ms = "0",
                           .dial_at = through_cut,
                           .arg = &l};
    if (r == 0) r = world_start(&l.w, &o, &why);
    if (r == 0) r = expect_all(&l, &why);
    if (r != 0) {
        dprintf(report, "0 0 start: %s\n", why_text(&why, r));
        world_stop(&l.w);
        _exit(1);
    }
    for (int run = first; run < runs; run += step) one_run(&l, run, report);
    int reports = reports_then_stop(&l.w);
    for (int i = 0; i <= NODES; i++) cut_stop(&l.cuts[i]);
    if (reports) dprintf(report, "0 0 %d processes reported an error at their end\n", reports);
    _exit(0);
}

/* What the runs of one kind of fault took, in ms. */
struct times {
    long long max, sum;
    int count;
};

static void count_time(struct times *t, long long ms) {
    if (ms < 0) return;
    t->sum += ms, t->count++;
    if (ms > t->max) t->max = ms;
}

static void report_times(const struct times gap[FAULTS], const struct times noticed[FAULTS]) {
    for (int f = 0; f < FAULTS; f++) {
        const struct times *g = &gap[f], *n = &noticed[f];
        if (g->count)
            tap_note("%s: %d runs; noticed (%d of them): mean %lld ms, max %lld ms; longest silence for the client: mean %lld "
                     "ms, max %lld ms",
                     fault_names[f], g->count, n->count, n->count ? n->sum / n->count : 0, n->max, g->sum / g->count, g->max);
    }
}

int main(void) {
    static struct times gaps[FAULTS], noticed[FAULTS];
    int seen = 0, resumed = 0, pipes[2];
    const char *runs_text = getenv("LULL_FAULTS"), *seed_text = getenv("LULL_FAULT_SEED");
    int runs = runs_text ? atoi(runs_text) : 30;
    uint64_t seed = seed_text ? strtoull(seed_text, NULL, 10) : 1;
    if (secret_setup() != 0 || runs < 1 || pipe(pipes) != 0) return 99;
    signal(SIGPIPE, SIG_IGN);
    for (int k = 0; k < 2; k++)
        if (fork() == 0) {
            close(pipes[0]);
            worker(k, 2, runs, seed, pipes[1]);
        }
    close(pipes[1]);
    FILE *in = fdopen(pipes[0], "r");
    char line[512];
    while (in && fgets(line, sizeof line, in)) {
        int good = 0, fault = 0, at = 0;
        unsigned from = 0;
        long long gap = 0, notice = -1;
        sscanf(line, "%d %d %n", &good, &fault, &at);
        line[strcspn(line, "\n")] = 0;
        const char *tail = strstr(line, " from ");
        if (tail && sscanf(tail, " from %u gap %lld noticed %lld", &from, &gap, &notice) == 3 && fault >= 0 && fault < FAULTS) {
            count_time(&gaps[fault], gap);
            count_time(&noticed[fault], notice);
        }
        resumed += from > 0;
        tap_ok(good, "run %d: %s", seen++, line + at);
    }
    while (wait(NULL) > 0) {}
    tap_ok(seen == runs, "%d of %d runs were made", seen, runs);
    tap_ok(resumed * 2 > runs, "%d of them were taken over by another node in the middle", resumed);
    report_times(gaps, noticed);
    return tap_done();
}
