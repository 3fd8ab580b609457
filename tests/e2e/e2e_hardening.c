/* tests/e2e/e2e_hardening.c - attacks on a running node: as another user, as root where the kernel can refuse, and from inside the serving
 * process; and a search of its memory for a prompt once the request is over, with one before that finds it. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.h"
#include "base/secret.h"
#include "cli/world.h"
#include "tests/e2e/answers.h"
#include "tests/e2e/children.h"
#include "tests/e2e/reports.h"
#include "tests/e2e/tap.h"

#define MODEL  "lull-toy:q8_0"
#define PROMPT "Tell me a story about Ottilie Quackenbush and her purple zeppelin."
enum { WINDOW = 16, OTHER_USER = 65534 };
static struct world w;
static int sanitized;

/* ---- what the program says of itself ---- */

static json_t *explain(const char *lull, int *status) {
    char cmd[WORLD_PATH + 64], text[32768];
    json_t *j = NULL;
    snprintf(cmd, sizeof cmd, "%s node --explain-hardening --json", lull);
    FILE *p = popen(cmd, "r");
    size_t n = p ? fread(text, 1, sizeof text, p) : 0;
    *status = p ? pclose(p) : -1;
    (void)json_parse(&j, text, n, NULL);
    return j;
}

static const char *state_of(const json_t *j, const char *measure) {
    size_t i;
    json_t *m;
    json_array_foreach(json_object_get(j, "measures"), i, m) {
        const char *name = json_string_value(json_object_get(m, "name"));
        if (name && strcmp(name, measure) == 0) return json_string_value(json_object_get(m, "state"));
    }
    return "not named";
}

static void what_it_says(const char *lull) {
    static const char *const always[] = {"no_core_files", "undumpable", "no_new_privileges"};
    static const char *const named[] = {"files",        "system_calls",  "locked_memory", "signer_files",
                                        "signer_calls", "dialler_files", "dialler_calls"};
    int status;
    json_t *j = explain(lull, &status);
    tap_ok(j != NULL && status == 0, "node --explain-hardening --json prints JSON and ends well");
    for (size_t i = 0; i < sizeof always / sizeof *always; i++)
        tap_ok(strcmp(state_of(j, always[i]), "given") == 0, "%s: %s", always[i], state_of(j, always[i]));
    for (size_t i = 0; i < sizeof named / sizeof *named; i++)
        tap_ok(strcmp(state_of(j, named[i]), "not named") != 0, "%s is named: %s", named[i], state_of(j, named[i]));
    size_t i, refused = 0, tries = json_array_size(json_object_get(j, "tried"));
    json_t *t;
    json_array_foreach(json_object_get(j, "tried"), i, t) {
        unsigned no = json_is_true(json_object_get(t, "refused"));
        refused += no;
        if (!no) tap_note("not refused: %s", json_string_value(json_object_get(t, "name")));
    }
    int files = strcmp(state_of(j, "files"), "given") == 0, calls = strcmp(state_of(j, "system_calls"), "given") == 0;
    if (sanitized || !files || !calls)
        tap_skip("all tries refused", "a build with sanitizers, or a kernel without Landlock or seccomp: see the measures");
    else
        tap_ok(tries >= 8 && refused == tries, "from inside, %zu of %zu tries are refused", refused, tries);
    json_decref(j);
}

/* ---- the running processes ---- */

static long status_number(pid_t pid, const char *key) {
    char path[64], line[256];
    long n = -1;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *f = fopen(path, "re");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, key, strlen(key)) == 0 && line[strlen(key)] == ':') n = strtol(line + strlen(key) + 1, NULL, 10);
    if (f) fclose(f);
    return n;
}

static void the_filters_are_on(pid_t node) {
    pid_t all[4] = {node};
    size_t n = 1 + children_of(node, all + 1, 3);
    tap_ok(n == 3, "a node is three processes: itself, the identity key's, the one that connects (%zu)", n);
    for (size_t i = 0; i < n; i++) {
        tap_ok(status_number(all[i], "NoNewPrivs") == 1, "process %zu gains no privileges", i);
        if (sanitized)
            tap_skip("system calls are filtered", "not with sanitizers");
        else
            tap_ok(status_number(all[i], "Seccomp") == 2, "process %zu is under a filter of system calls", i);
    }
}

/* ---- another user ---- */

static int refused(long r) { return r < 0 && (errno == EPERM || errno == EACCES); }

static int open_of(pid_t pid, const char *what, int flags) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, what);
    return open(path, flags | O_CLOEXEC);
}

/* In a child that is somebody else by then. A bit for each attack that was not refused. */
static int attack(pid_t pid, int same_user) {
    uint8_t byte;
    struct iovec mine = {&byte, 1}, theirs = {(void *)(uintptr_t)0x1000, 1};
    int got = 0;
    if (!refused(ptrace(PTRACE_SEIZE, pid, NULL, NULL))) got |= 1;
    if (!refused(ptrace(PTRACE_ATTACH, pid, NULL, NULL))) got |= 2;
    if (!refused(open_of(pid, "mem", O_RDWR))) got |= 4;
    if (!refused(open_of(pid, "environ", O_RDONLY))) got |= 8;
    if (!refused(process_vm_readv(pid, &mine, 1, &theirs, 1, 0))) got |= 16;
    int maps = open_of(pid, "maps", O_RDONLY); /* opens or not; reading it is what must fail */
    if (!refused(maps) && (maps < 0 || !refused(read(maps, &byte, 1)))) got |= 32;
    if (!refused(open_of(pid, "fd/0", O_RDONLY))) got |= 64;
    if (!same_user && !refused(kill(pid, SIGTERM))) got |= 128;
    return got;
}

static void attacks(pid_t pid, const char *who) {
    int same_user = geteuid() != 0;
    pid_t child = fork();
    if (child == 0) {
        if (!same_user && (setgroups(0, NULL) != 0 || setgid(OTHER_USER) != 0 || setuid(OTHER_USER) != 0)) _exit(255);
        _exit(attack(pid, same_user));
    }
    int status = -1;
    waitpid(child, &status, 0);
    int got = WIFEXITED(status) ? WEXITSTATUS(status) : 255;
    tap_ok(got == 0, "%s: ptrace, gdb's way in, /proc/PID/mem, environ, maps, fd and process_vm_readv are refused to %s (0x%x)",
           who, same_user ? "its own user" : "another user", (unsigned)got);
}

/* ---- memory ---- */

/* The prompt's token ids, as the program's own tokenizer says them. How many. */
static size_t prompt_ids(const char *lull, const char *model, int32_t *ids, size_t max) {
    char cmd[2 * WORLD_PATH + 128], text[8192];
    json_t *j = NULL;
    snprintf(cmd, sizeof cmd, "printf %%s '%s' | %s tokenize %s --json", PROMPT, lull, model);
    FILE *p = popen(cmd, "r");
    size_t got = p ? fread(text, 1, sizeof text, p) : 0, n = 0;
    if (p) pclose(p);
    (void)json_parse(&j, text, got, NULL);
    json_t *list = json_is_array(j) ? j : json_object_get(j, "tokens");
    for (; n < max && n < json_array_size(list); n++) ids[n] = (int32_t)json_integer_value(json_array_get(list, n));
    json_decref(j);
    return n;
}

/* Text in windows of WINDOW bytes; ids in windows of as many, each of them of int32 in a row. */
static struct patterns *text_windows, *id_windows;
static int make_windows(const char *lull, const char *model) {
    int32_t ids[256];
    size_t n = prompt_ids(lull, model, ids, 256), each = WINDOW / sizeof *ids;
    if (patterns_new(&text_windows, 256) != 0 || patterns_new(&id_windows, 256) != 0) return 0;
    if (patterns_add_windows(text_windows, PROMPT, strlen(PROMPT), WINDOW) != 0) return 0;
    /* not the first and last: the template's neighbours may change how those are cut */
    for (size_t i = 1; i + each < n; i++)
        if (patterns_add(id_windows, ids + i, WINDOW) != 0) return 0;
    return n > each + 4;
}

/* Searches over and over while the answer is made: each search stops the node, so that even a fast answer meets some; in between it
 * gets enough time to live. */
enum { BETWEEN_US = 4000 };
static uint64_t hits_during, searches;
static atomic_int answered;
static void *search_on(void *arg) {
    uint64_t bytes;
    for (; !atomic_load(&answered) && hits_during == 0; searches++) {
        if (proc_search(&w.nodes[0], id_windows, &hits_during, &bytes) != 0) break;
        usleep(BETWEEN_US);
    }
    return arg;
}

static void nothing_stays(const char *lull, const char *model) {
    struct answer a;
    struct why why = {{0}};
    struct question q = {.model = MODEL, .prompt = PROMPT, .max_tokens = 200};
    pthread_t searcher;
    uint64_t text = 0, ids = 0, bytes = 0;
    if (!tap_ok(make_windows(lull, model), "the prompt's text and token ids are known")) return;
    if (pthread_create(&searcher, NULL, search_on, NULL) != 0) return;
    int r = answer_get(&a, &w, &q, &why);
    atomic_store(&answered, 1);
    pthread_join(searcher, NULL);
    tap_ok(r == 0, "a question is answered: %s", r == 0 ? "yes" : why_text(&why, r));
    answer_release(&a);
    usleep(300000); /* the node learns of the stream's end after us */
    r = proc_search(&w.nodes[0], text_windows, &text, &bytes);
    if (r == 0) r = proc_search(&w.nodes[0], id_windows, &ids, &bytes);
    tap_note("prompt's ids: %llu hits in search %llu while it is answered, %llu after; its text: %llu after (%llu MiB read)",
             (unsigned long long)hits_during, (unsigned long long)searches, (unsigned long long)ids, (unsigned long long)text,
             (unsigned long long)bytes >> 20);
    tap_ok(hits_during > 0, "while it answers, the prompt's ids are in the node's memory: the search works");
    tap_ok(r == 0 && bytes > 0 && ids == 0, "afterwards none of its ids are");
    tap_ok(r == 0 && bytes > 0 && text == 0, "nor any of its text");
    patterns_free(text_windows);
    patterns_free(id_windows);
}

static void no_core(void) {
    struct proc *p = &w.nodes[1];
    int status = -1;
    kill(p->pid, SIGSEGV);
    waitpid(p->pid, &status, 0);
    p->pid = 0;
    tap_ok(WIFSIGNALED(status) && !WCOREDUMP(status), "a node that crashes leaves no core file");
}

int main(void) {
    struct why why = {{0}};
    char path[WORLD_PATH];
    const char *lull = getenv("LULL_BIN"), *san = getenv("LULL_SAN");
    sanitized = san && *san;
    if (secret_setup() != 0 || world_shipped_model(path) != 0) return 99;
    signal(SIGPIPE, SIG_IGN);
    what_it_says(lull ? lull : "build/lull");
    struct world_opts o = {
        .lull = lull ? lull : "build/lull", .model = path, .nodes = 2, .operators = 2, .nodes_how = PROC_SEARCHABLE};
    int r = world_start(&w, &o, &why);
    if (r == ERR_PERM) {
        tap_skip("running nodes", "tracing is barred, so memory cannot be searched");
        return tap_done();
    }
    if (tap_ok(r == 0, "coordinator, two nodes, gateway: %s", r == 0 ? "up" : why_text(&why, r))) {
        proc_stop(&w.nodes[1], SIGTERM, 5000); /* who answers is known */
        if (sanitized)
            tap_skip("nothing of a prompt stays", "a sanitizer's shadow is too large to be searched");
        else if (world_wait_nodes(&w, 1, 5000, &why) == 0)
            nothing_stays(o.lull, path);
        the_filters_are_on(w.nodes[0].pid);
        pid_t children[2];
        size_t n = children_of(w.nodes[0].pid, children, 2);
        attacks(w.nodes[0].pid, "the node");
        for (size_t i = 0; i < n; i++) attacks(children[i], "its helper process");
        w.o.nodes_how = PROC_PLAIN;
        if (sanitized)
            tap_skip("no core file", "a sanitizer takes the signal itself");
        else if (tap_ok(world_start_node(&w, 1, &why) == 0, "a node is started again"))
            no_core();
    }
    tap_ok(reports_then_stop(&w) == 0, "no process has anything to report at its end");
    return tap_done();
}
