/* cli/proc.c - starting and stopping; searching is in memsearch.c. */
#include "cli/proc.h"
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

static void child(char *const argv[], const char *log, int how, int out) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int err = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600), in = open("/dev/null", O_RDONLY);
    dup2(in, 0);
    dup2(out, 1);
    dup2(err, 2);
    signal(SIGPIPE, SIG_DFL);
    if (how == PROC_SEARCHABLE && ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) _exit(126);
    execv(argv[0], argv);
    _exit(127);
}

/* The child has stopped at its exec: open its memory now, before it makes itself unreadable, then let it run. */
static int open_memory(struct proc *p, struct why *why) {
    int status;
    if (waitpid(p->pid, &status, 0) != p->pid || !WIFSTOPPED(status)) {
        if (WIFEXITED(status) || WIFSIGNALED(status)) p->pid = 0;
        return why_set(why, ERR_PERM,
                       "memory cannot be searched: tracing a child is barred on this system (see kernel.yama.ptrace_scope)");
    }
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/mem", (int)p->pid);
    p->mem_fd = open(path, O_RDWR | O_CLOEXEC); /* a test may also damage it */
    snprintf(path, sizeof path, "/proc/%d/maps", (int)p->pid);
    p->maps_fd = open(path, O_RDONLY | O_CLOEXEC);
    int opened = p->mem_fd >= 0 && p->maps_fd >= 0;
    if (ptrace(PTRACE_DETACH, p->pid, NULL, NULL) != 0 || !opened)
        return why_set(why, ERR_PERM, "cannot open the memory of a child: %s", strerror(errno));
    return 0;
}

static void last_log_line(const char *log, char *out, size_t cap) {
    char tail[1024];
    int fd = open(log, O_RDONLY | O_CLOEXEC);
    off_t end = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
    ssize_t n = fd < 0 ? 0 : pread(fd, tail, sizeof tail - 1, end > (off_t)sizeof tail - 1 ? end - (off_t)sizeof tail + 1 : 0);
    if (fd >= 0) close(fd);
    tail[n > 0 ? n : 0] = 0;
    size_t len = strlen(tail);
    while (len && tail[len - 1] == '\n') tail[--len] = 0;
    const char *line = strrchr(tail, '\n');
    snprintf(out, cap, "%s", line ? line + 1 : tail);
}

static int wait_ready(struct proc *p, const char *role, uint32_t ms, struct why *why) {
    char line[256], said[200];
    size_t len = 0;
    for (uint64_t until = clock_mono_ms() + ms; clock_mono_ms() < until;) {
        struct pollfd f = {.fd = p->out_fd, .events = POLLIN};
        if (poll(&f, 1, 50) <= 0) continue;
        ssize_t n = read(p->out_fd, line + len, sizeof line - 1 - len);
        if (n <= 0) {
            last_log_line(p->log, said, sizeof said);
            proc_stop(p, SIGKILL, 1000);
            return why_set(why, ERR_LOST, "lull %s ended before it was ready: %s", role, said);
        }
        len += (size_t)n;
        line[len] = 0;
        char *end = strchr(line, '\n');
        int at = 0;
        if (!end && len < sizeof line - 1) continue;
        if (end) *end = 0;
        if (sscanf(line, "ready %*31s %n", &at) == 0 && at > 0) {
            snprintf(p->ready, sizeof p->ready, "%s", line + at);
            return 0;
        }
        return why_set(why, ERR_FORMAT, "lull %s printed no ready line", role);
    }
    last_log_line(p->log, said, sizeof said);
    return why_set(why, ERR_TIME, "lull %s was not ready in %u ms; its log ends: %s", role, ms, said);
}

int proc_start(struct proc *p, char *const argv[], const char *log, int how, uint32_t ms, struct why *why) {
    int out[2];
    *p = (struct proc){.out_fd = -1, .mem_fd = -1, .maps_fd = -1};
    snprintf(p->log, sizeof p->log, "%s", log);
    if (pipe2(out, O_CLOEXEC) != 0) return why_set(why, ERR_IO, "pipe: %s", strerror(errno));
    p->pid = fork();
    if (p->pid == 0) child(argv, log, how, out[1]);
    close(out[1]);
    p->out_fd = out[0];
    if (p->pid < 0) {
        p->pid = 0;
        close(out[0]);
        return why_set(why, ERR_IO, "fork: %s", strerror(errno));
    }
    int r = how == PROC_SEARCHABLE ? open_memory(p, why) : 0;
    if (r == 0) r = wait_ready(p, argv[1], ms, why);
    if (r != 0) proc_stop(p, SIGKILL, 1000);
    return r;
}

void proc_signal(const struct proc *p, int sig) {
    if (p->pid > 0) kill(p->pid, sig);
}

int proc_running(struct proc *p) { return p->pid > 0 && waitpid(p->pid, NULL, WNOHANG) == 0; }

int proc_stop(struct proc *p, int sig, uint32_t ms) {
    if (p->pid <= 0) return -1;
    int status = 0;
    pid_t got = 0;
    kill(p->pid, sig);
    kill(p->pid, SIGCONT); /* a stopped process would not see it */
    for (uint64_t until = clock_mono_ms() + ms; got == 0 && clock_mono_ms() < until;) {
        got = waitpid(p->pid, &status, WNOHANG);
        if (got == 0) poll(NULL, 0, 2);
    }
    if (got == 0) {
        kill(p->pid, SIGKILL);
        waitpid(p->pid, &status, 0);
    }
    int *fds[] = {&p->out_fd, &p->mem_fd, &p->maps_fd};
    for (size_t i = 0; i < 3; i++) {
        if (*fds[i] >= 0) close(*fds[i]);
        *fds[i] = -1;
    }
    p->pid = 0;
    return status;
}
