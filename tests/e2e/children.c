/* tests/e2e/children.c - see children.h. */
#include "tests/e2e/children.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILDREN_MAX = 8 };

/* A file of /proc as text; "" when there is none. */
static void read_text(const char *path, char *text, size_t cap) {
    FILE *f = fopen(path, "re");
    size_t got = f ? fread(text, 1, cap - 1, f) : 0;
    if (f) fclose(f);
    text[got] = 0;
}

size_t children_of(pid_t pid, pid_t *out, size_t max) {
    char path[96], text[512];
    size_t n = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
    read_text(path, text, sizeof text);
    for (char *at = text, *end; n < max; at = end) {
        long v = strtol(at, &end, 10);
        if (end == at) break;
        out[n++] = (pid_t)v;
    }
    return n;
}

pid_t child_named(pid_t pid, const char *name) {
    pid_t all[CHILDREN_MAX];
    char path[64], text[32];
    size_t n = children_of(pid, all, CHILDREN_MAX);
    for (size_t i = 0; i < n; i++) {
        snprintf(path, sizeof path, "/proc/%d/comm", (int)all[i]);
        read_text(path, text, sizeof text);
        text[strcspn(text, "\n")] = 0;
        if (strcmp(text, name) == 0) return all[i];
    }
    return 0;
}

int ended_with(struct proc *p, int ms) {
    int status = 0;
    for (int waited = 0; waited < ms; waited += 50) {
        if (waitpid(p->pid, &status, WNOHANG) == p->pid) {
            p->pid = 0;
            return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        }
        usleep(50000);
    }
    return -1;
}
