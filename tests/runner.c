/* tests/runner.c - runs test programs, reads their TAP, and says what it all came to.
 *
 *     runner [--limit SECONDS] [--jobs N] [--under EMULATOR] PROGRAM...
 *
 * A program passes as many tests as it says "ok"; a plan that is not fulfilled, a signal, a non-zero exit or the time limit
 * count as failures, so a crash cannot look like success. "# SKIP" in any spelling is a skip, listed by name at the end.
 * Programs named fuzz_* are libFuzzer targets: their corpus is replayed, then they run for two seconds on new input; each is
 * one test. The output of a program that failed is shown whole. The last line is "N passed, N failed". */
#include <errno.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { OUTPUT_MAX = 4 << 20, JOBS_MAX = 8 };

struct job {
    const char *program;
    pid_t pid;
    int fd;
    char *out;
    size_t len;
    double started;
    char scratch[32]; /* a fuzzer's folder for new input; kept when it fails, for what it found */
};
struct totals {
    unsigned passed, failed, skipped;
    char *skips;
    size_t skips_len;
    FILE *skip_list;
};

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static const char *emulator; /* runs each program, which is for another processor; NULL: the program runs itself */

static int is_fuzzer(const char *program) { return strncmp(base_name(program), "fuzz_", 5) == 0; }

/* In the child: a fuzzer gets a scratch folder for new input, so that a test run never changes the corpus in the tree. */
static void exec_program(const char *program, const char *scratch) {
    if (emulator) {
        execlp(emulator, emulator, program, (char *)NULL);
        _exit(127);
    }
    if (!is_fuzzer(program)) {
        execl(program, program, (char *)NULL);
        _exit(127);
    }
    char corpus[512], artifacts[64];
    snprintf(corpus, sizeof corpus, "tests/fuzz/corpus/%s", base_name(program) + 5);
    snprintf(artifacts, sizeof artifacts, "-artifact_prefix=%s/", scratch);
    struct stat st;
    const char *seeds = stat(corpus, &st) == 0 ? corpus : NULL;
    execl(program, program, "-max_total_time=2", "-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=0", artifacts, scratch,
          seeds, (char *)NULL);
    _exit(127);
}

static int start(struct job *j, const char *program) {
    int pipe_fd[2];
    *j = (struct job){.program = program, .fd = -1, .out = malloc(OUTPUT_MAX + 1)};
    if (is_fuzzer(program)) snprintf(j->scratch, sizeof j->scratch, "/tmp/lull-fuzz-XXXXXX");
    if (!j->out || (j->scratch[0] && !mkdtemp(j->scratch)) || pipe(pipe_fd) != 0) return -1;
    j->started = now_s();
    j->pid = fork();
    if (j->pid < 0) return -1;
    if (j->pid == 0) {
        setpgid(0, 0);
        dup2(pipe_fd[1], 1);
        dup2(pipe_fd[1], 2);
        close(pipe_fd[0]);
        close(pipe_fd[1]);
        setenv("CMOCKA_MESSAGE_OUTPUT", "TAP", 1);
        exec_program(program, j->scratch);
    }
    close(pipe_fd[1]);
    j->fd = pipe_fd[0];
    return 0;
}

/* Takes what is there; what exceeds the buffer is read and dropped. Returns 0 at the end of the output. */
static int drain(struct job *j) {
    char drop[4096];
    int fits = j->len < OUTPUT_MAX;
    ssize_t n = read(j->fd, fits ? j->out + j->len : drop, fits ? OUTPUT_MAX - j->len : sizeof drop);
    if (n > 0 && fits) j->len += (size_t)n;
    return n > 0 || (n < 0 && errno == EINTR);
}

struct tally {
    unsigned planned, passed, failed, skipped;
};

static void read_line(char *line, struct tally *t, struct totals *all, const char *program) {
    unsigned planned;
    char *skip = strstr(line, "# SKIP");
    if (!skip) skip = strstr(line, "# skip");
    if (sscanf(line, "1..%u", &planned) == 1)
        t->planned += planned;
    else if ((strncmp(line, "ok ", 3) == 0 || strncmp(line, "not ok ", 7) == 0) && skip) {
        t->skipped++;
        fprintf(all->skip_list, "  skipped: %s: %s\n", base_name(program), skip[6] == ' ' ? skip + 7 : line);
    } else if (strncmp(line, "ok ", 3) == 0)
        t->passed++;
    else if (strncmp(line, "not ok ", 7) == 0)
        t->failed++;
}

static struct tally read_tap(struct job *j, struct totals *all) {
    struct tally t = {0};
    j->out[j->len] = 0;
    char *copy = strdup(j->out), *rest = copy;
    for (char *line; copy && (line = strsep(&rest, "\n"));) read_line(line, &t, all, j->program);
    free(copy);
    return t;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at) {
    (void)st, (void)kind, (void)at;
    return remove(path);
}

static void judge(struct job *j, int status, int timed_out, struct totals *all) {
    struct tally t = {0};
    int clean = WIFEXITED(status) && WEXITSTATUS(status) == 0 && !timed_out;
    if (is_fuzzer(j->program))
        t = (struct tally){.planned = 1, .passed = clean ? 1 : 0, .failed = clean ? 0 : 1};
    else {
        t = read_tap(j, all);
        unsigned seen = t.passed + t.failed + t.skipped;
        if (t.planned == 0)
            t.failed++; /* no plan: it died before it began, or is no test */
        else if (seen < t.planned)
            t.failed += t.planned - seen;
        else if (!clean && t.failed == 0)
            t.failed++; /* every test fine, then a leak report or a crash at exit */
    }
    if (j->scratch[0] && !t.failed) nftw(j->scratch, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    all->passed += t.passed;
    all->failed += t.failed;
    all->skipped += t.skipped;
    printf("%s %s: %u passed, %u failed (%.1f s)\n", t.failed ? "FAIL" : "ok  ", j->program, t.passed, t.failed,
           now_s() - j->started);
    if (t.failed) {
        if (timed_out)
            printf("  stopped: over its time limit\n");
        else if (WIFSIGNALED(status))
            printf("  ended by signal %d\n", WTERMSIG(status));
        fwrite(j->out, 1, j->len, stdout);
        printf("\n");
    }
    fflush(stdout);
}

static void finish(struct job *j, int timed_out, struct totals *all) {
    int status = 0;
    if (timed_out) kill(-j->pid, SIGKILL);
    while (waitpid(j->pid, &status, 0) < 0 && errno == EINTR) {}
    kill(-j->pid, SIGKILL); /* what it left running must not disturb the next one */
    judge(j, status, timed_out, all);
    close(j->fd);
    free(j->out);
    *j = (struct job){.fd = -1};
}

static void run_all(char **programs, int count, int jobs, double limit, struct totals *all) {
    struct job running[JOBS_MAX] = {0};
    int next = 0, active = 0;
    while (next < count || active) {
        for (int i = 0; i < jobs; i++)
            if (!running[i].program && next < count) {
                if (start(&running[i], programs[next]) != 0) {
                    printf("FAIL %s: cannot be started\n", programs[next]);
                    all->failed++;
                    running[i].program = NULL;
                } else
                    active++;
                next++;
            }
        struct pollfd fds[JOBS_MAX];
        for (int i = 0; i < jobs; i++) fds[i] = (struct pollfd){.fd = running[i].program ? running[i].fd : -1, .events = POLLIN};
        poll(fds, (nfds_t)jobs, 200);
        for (int i = 0; i < jobs; i++) {
            if (!running[i].program) continue;
            int ended = (fds[i].revents & (POLLIN | POLLHUP | POLLERR)) && !drain(&running[i]);
            int late = now_s() - running[i].started > limit;
            if (!ended && !late) continue;
            finish(&running[i], !ended && late, all);
            active--;
        }
    }
}

int main(int argc, char **argv) {
    double limit = 400, began = now_s();
    int jobs = 2, i = 1;
    for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
        if (strcmp(argv[i], "--limit") == 0)
            limit = atof(argv[i + 1]);
        else if (strcmp(argv[i], "--jobs") == 0)
            jobs = atoi(argv[i + 1]);
        else if (strcmp(argv[i], "--under") == 0)
            emulator = argv[i + 1];
        else
            return 2;
    }
    if (jobs < 1 || jobs > JOBS_MAX) return 2;
    struct totals all = {0};
    all.skip_list = open_memstream(&all.skips, &all.skips_len);
    if (!all.skip_list) return 2;
    run_all(argv + i, argc - i, jobs, limit, &all);
    fclose(all.skip_list);
    printf("%s%u skipped, %.0f s\n%u passed, %u failed\n", all.skips, all.skipped, now_s() - began, all.passed, all.failed);
    free(all.skips);
    return all.failed || !all.passed;
}
