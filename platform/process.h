/* platform/process.h - what a process can take from itself, and what its system gave of it. Two implementations, of which one is built:
 * platform/linux/ and platform/macos/. Each notes a measure for everything that it tried, and for what the other system has and it has not: whoever
 * reads the list sees what is missing.
 *
 * All of it holds for ever. Order: close, then files before the first thread, then calls once all is open. */
#ifndef PLATFORM_PROCESS_H
#define PLATFORM_PROCESS_H

#include <stddef.h>

#include "base/measures.h"

enum { PROCESS_PATHS_MAX = 64, PROCESS_TRIES_MAX = 8 };

/* Core files, other processes of the same user, new privileges; on macOS also what the code's signature and the system's protection say. */
void process_close(struct measures *m);

/* A file or folder (then all beneath it) that stays open to the process. */
struct process_path {
    const char *path; /* one that does not exist is passed over */
    int may_write;    /* create, write, rename and remove too */
};
/* Besides these, what the process itself always needs of its system: certificates, how much memory there is. At most PROCESS_PATHS_MAX. */
void process_keep_files(struct measures *m, const struct process_path *paths, size_t n);

/* Starting programs, making connections, looking at other processes. */
void process_keep_calls(struct measures *m);

/* Tries, in this very process, what should have become impossible. Each try undoes itself should it succeed. How many. */
struct process_try {
    const char *name; /* "open a file elsewhere" */
    int refused;
};
unsigned process_tries(struct process_try t[PROCESS_TRIES_MAX]);

/* A sentence that must stand beside everything the measures say, or NULL. */
const char *process_caveat(void);

#endif
