/* tests/e2e/reports.c - see reports.h. */
#include "tests/e2e/reports.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

enum { LEAVE_MS = 20000 }; /* a leak check at exit takes its time */

/* Prints the log from the first report on; 1 if there is one. */
static int one_log(const char *path) {
    static const char *const marks[] = {"ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "WARNING: ThreadSanitizer",
                                        "LeakSanitizer has encountered", ": runtime error: "};
    char line[2048];
    int found = 0;
    FILE *f = fopen(path, "re");
    while (f && fgets(line, sizeof line, f)) {
        for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) found |= strstr(line, marks[i]) != NULL;
        if (found) fputs(line, stderr);
    }
    if (f) fclose(f);
    return found;
}

int reports_then_stop(struct world *w) {
    char path[2 * WORLD_PATH];
    int reports = 0;
    world_halt(w, LEAVE_MS);
    DIR *d = w->dir[0] ? opendir(w->dir) : NULL;
    for (struct dirent *e; d && (e = readdir(d)) != NULL;) {
        size_t n = strlen(e->d_name);
        if (n < 4 || strcmp(e->d_name + n - 4, ".log") != 0) continue;
        snprintf(path, sizeof path, "%s/%s", w->dir, e->d_name);
        reports += one_log(path);
    }
    if (d) closedir(d);
    world_stop(w);
    return reports;
}
