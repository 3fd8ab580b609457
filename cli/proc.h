/* cli/proc.h - lull's own daemons as child processes: started, awaited by their ready line, searched, stopped. */
#ifndef CLI_PROC_H
#define CLI_PROC_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct proc {
    pid_t pid;           /* 0: not running */
    int out_fd;          /* its standard output */
    int mem_fd, maps_fd; /* /proc/PID/mem and maps when it was started to be searched, else -1 */
    char ready[192];     /* what its line says after "ready ROLE " */
    char log[320];       /* file that takes its standard error */
};
enum { PROC_PLAIN = 0, PROC_SEARCHABLE = 1 };

/* Runs argv (argv[0] is the program) with stderr appended to log, and waits until it prints "ready ROLE ...", at most ms.
 * The child dies with us. PROC_SEARCHABLE: its memory can be read later although it hardens itself; the way in is opened
 * at exec, while it is still our traced child. why says what went wrong, with the log's last line.
 * ERR_PERM: tracing is barred on this system. */
int proc_start(struct proc *p, char *const argv[], const char *log, int how, uint32_t ms, struct why *why);
/* Sends sig and, unless it only stops or continues, waits up to ms for the end, then kills. Fine on a zeroed proc.
 * Returns the wait status, or -1 when it was not running. */
int proc_stop(struct proc *p, int sig, uint32_t ms);
void proc_signal(const struct proc *p, int sig);
int proc_running(struct proc *p);

/* One set of byte strings (4 to 64 bytes each) to look for. */
struct patterns;
int patterns_new(struct patterns **out, size_t max);
int patterns_add(struct patterns *s, const void *bytes, size_t n);
/* Every window of `width` bytes of text that holds more than two distinct bytes. */
int patterns_add_windows(struct patterns *s, const void *text, size_t n, size_t width);
void patterns_free(struct patterns *s);
/* Stops the process, reads all memory that it can write to or that no file backs, counts where any pattern stands, lets it go on.
 * ERR_WRONG_STATE when not searchable, ERR_IO when nothing could be read. */
int proc_search(const struct proc *p, const struct patterns *s, uint64_t *hits, uint64_t *bytes_read);

#endif
