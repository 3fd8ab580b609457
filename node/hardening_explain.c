/* node/hardening_explain.c - `lull node --explain-hardening`: a child becomes what a serving node is, with keys of its own in a folder
 * that is removed afterwards, tries what should be impossible, and says what it saw. */
#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "node/hardening.h"
#include "platform/process.h"

static void print_text(const struct measures *m, const struct process_try *t, unsigned tries) {
    if (process_caveat()) printf("%s\n\n", process_caveat());
    printf("%-20s %-8s %s\n", "measure", "state", "what it does");
    for (unsigned i = 0; i < m->count; i++)
        printf("%-20s %-8s %s\n", m->list[i].name, measure_state_name(m->list[i].state), m->list[i].what);
    printf("\ntried in the serving process:\n");
    for (unsigned i = 0; i < tries; i++) printf("  %-30s %s\n", t[i].name, t[i].refused ? "refused" : "NOT REFUSED");
    printf("\nWhat none of this stops: root, who can read any process's memory; whoever changes the kernel or the hardware.\n");
}

static void print_json(const struct measures *m, const struct process_try *t, unsigned tries) {
    json_t *list = json_array(), *tried = json_array();
    for (unsigned i = 0; i < m->count; i++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "name", m->list[i].name, "state",
                                              measure_state_name(m->list[i].state), "what", m->list[i].what));
    for (unsigned i = 0; i < tries; i++)
        json_array_append_new(tried, json_pack("{s:s, s:b}", "name", t[i].name, "refused", t[i].refused));
    json_t *all = json_pack("{s:o, s:o}", "measures", list, "tried", tried);
    if (all && process_caveat()) json_object_set_new(all, "caveat", json_string(process_caveat()));
    if (all && json_dumpf(all, stdout, JSON_INDENT(1)) == 0) putchar('\n');
    json_decref(all);
}

/* In the child. The exit status. */
static int show(struct node *n, const char *folder, int as_json) {
    struct process_try t[PROCESS_TRIES_MAX];
    struct why why = {{0}};
    if (!n->o.coordinator) n->o.coordinator = "localhost:443"; /* nobody is called */
    n->o.data = folder;
    n->o.enclave = 0; /* it cannot be asked after a fork */
    int r = node_start(n, &why);
    if (r != 0) fprintf(stderr, "lull node: %s\n", why_text(&why, r));
    if (r == 0) {
        unsigned tries = process_tries(t);
        (as_json ? print_json : print_text)(&n->measures, t, tries);
        fflush(stdout);
    }
    node_stop(n);
    return r == 0 ? 0 : r == ERR_USAGE ? 2 : 1;
}

static void remove_folder(const char *folder) {
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));)
        if (e->d_name[0] != '.') (void)unlinkat(dirfd(d), e->d_name, 0);
    if (d) closedir(d);
    (void)rmdir(folder);
}

int hardening_explain(struct node *n, int as_json) {
    const char *tmp = getenv("TMPDIR");
    char folder[256];
    int status = 1;
    snprintf(folder, sizeof folder, "%.200s/lull-explain-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (!mkdtemp(folder)) {
        fprintf(stderr, "lull node: no folder can be made in %.200s: set TMPDIR\n", tmp && *tmp ? tmp : "/tmp");
        return 1;
    }
    pid_t pid = fork();
    if (pid == 0) _exit(show(n, folder, as_json));
    if (pid > 0 && waitpid(pid, &status, 0) == pid) status = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
    remove_folder(folder);
    return status;
}
