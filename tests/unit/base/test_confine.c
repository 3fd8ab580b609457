/* base: what a process can no longer do once it has confined itself. Each case runs in a child, with a twin that is not confined and
 * succeeds: else a refusal would prove nothing. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/landlock.h"
#include "base/measures.h"
#include "base/syscalls.h"
#include "tests/check.h"

enum { WORKED, DENIED, OTHERWISE, UNSUPPORTED };

static char inside[64], outside[64]; /* two folders, a file "f" in each */
static struct sockaddr_in listening;

static int deny_or(int failed) { return !failed ? WORKED : errno == EPERM || errno == EACCES ? DENIED : OTHERWISE; }
static int open_file(const char *folder, int flags) {
    char path[96];
    snprintf(path, sizeof path, "%s/%s", folder, flags & O_CREAT ? "new" : "f");
    int fd = open(path, flags | O_CLOEXEC, 0600);
    return deny_or(fd < 0);
}
static int read_inside(void) { return open_file(inside, O_RDONLY); }
static int read_outside(void) { return open_file(outside, O_RDONLY); }
static int write_inside(void) { return open_file(inside, O_WRONLY | O_CREAT); }
static int write_outside(void) { return open_file(outside, O_WRONLY | O_CREAT); }
static int make_socket(void) { return deny_or(socket(AF_INET, SOCK_STREAM, 0) < 0); }
static int connect_socket(void) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    return fd < 0 ? deny_or(1) : deny_or(connect(fd, (struct sockaddr *)&listening, sizeof listening) != 0);
}
static int start_program(void) {
    char *const argv[] = {(char[]){"true"}, NULL}, *const none[] = {NULL};
    pid_t pid = vfork();
    if (pid == 0) {
        execve("/bin/true", argv, none);
        _exit(errno == EPERM || errno == EACCES ? 100 : 101);
    }
    int status;
    if (pid < 0 || waitpid(pid, &status, 0) != pid) return deny_or(1);
    return WEXITSTATUS(status) == 0 ? WORKED : WEXITSTATUS(status) == 100 ? DENIED : OTHERWISE;
}
static int exec_itself(void) { /* without a process in between */
    char *const argv[] = {(char[]){"true"}, NULL}, *const none[] = {NULL};
    execve("/bin/true", argv, none); /* exits with 0, WORKED */
    return deny_or(1);
}
static int fork_once(void) {
    pid_t pid = fork();
    if (pid == 0) _exit(0);
    if (pid > 0) waitpid(pid, NULL, 0);
    return deny_or(pid < 0);
}
static int map_executable(void) {
    return deny_or(mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
}
static void *nothing(void *arg) { return arg; }
static int start_thread(void) {
    pthread_t t;
    int e = pthread_create(&t, NULL, nothing, NULL);
    if (e == 0) pthread_join(t, NULL);
    errno = e;
    return deny_or(e != 0);
}
static int map_memory(void) {
    return deny_or(mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
}

/* ---- confining ---- */

static int by_files(void) {
    const struct landlock_path paths[] = {{inside, 1}, {"/nonexistent/path", 0}};
    return landlock_confine(&(struct landlock_rules){.paths = paths, .path_count = 2}, NULL, NULL);
}
static int by_files_reading(void) {
    const struct landlock_path paths[] = {{inside, 0}};
    return landlock_confine(&(struct landlock_rules){.paths = paths, .path_count = 1}, NULL, NULL);
}
static uint16_t allowed_port;
static int by_port(void) {
    const struct landlock_path paths[] = {{"/", 0}};
    int tcp,
        r = landlock_confine(
            &(struct landlock_rules){.paths = paths, .path_count = 1, .limit_tcp = 1, .ports = &allowed_port, .port_count = 1},
            &tcp, NULL);
    return r == 0 && !tcp ? ERR_UNSUPPORTED : r;
}
static int by_talk(void) { return syscalls_confine(SYSCALLS_TALK, NULL); }
static int by_work(void) { return syscalls_confine(SYSCALLS_WORK, NULL); }
static int by_dial(void) { return syscalls_confine(SYSCALLS_DIAL, NULL); }
static int by_nothing(void) { return 0; }

static int outcome(int (*confine)(void), int (*act)(void)) {
    pid_t pid = fork();
    if (pid == 0) {
        for (int s = 1; s < 32; s++)
            if (s != SIGKILL && s != SIGSTOP) signal(s, SIG_DFL);
        int r = confine();
        _exit(r == ERR_UNSUPPORTED ? UNSUPPORTED : r != 0 ? OTHERWISE : act());
    }
    int status = 0;
    CHECK_INT(waitpid(pid, &status, 0), pid);
    CHECK(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void set_up(void) {
    static int done;
    if (done++) return;
    socklen_t n = sizeof listening;
    snprintf(inside, sizeof inside, "/tmp/lull-in-XXXXXX");
    snprintf(outside, sizeof outside, "/tmp/lull-out-XXXXXX");
    CHECK(mkdtemp(inside) && mkdtemp(outside));
    const char *const folders[] = {inside, outside};
    for (int i = 0; i < 2; i++) {
        char path[96];
        snprintf(path, sizeof path, "%s/f", folders[i]);
        int fd = open(path, O_CREAT | O_WRONLY, 0600);
        CHECK(fd >= 0);
        close(fd);
    }
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    listening = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    CHECK(bind(fd, (struct sockaddr *)&listening, sizeof listening) == 0 && listen(fd, 8) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&listening, &n) == 0);
}

static void tear_down(void) {
    char path[96];
    const char *const folders[] = {inside, outside};
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/f", folders[i]);
        unlink(path);
        snprintf(path, sizeof path, "%s/new", folders[i]);
        unlink(path);
        rmdir(folders[i]);
    }
}

struct row {
    int (*confine)(void), (*act)(void);
    int expect;
};
static void check_rows(const struct row *rows, size_t n) {
    set_up();
    if (outcome(rows[0].confine, map_memory) == UNSUPPORTED) SKIP("not with this kernel, or not with sanitizers");
    for (size_t i = 0; i < n; i++) {
        CHECK_INT(outcome(by_nothing, rows[i].act), WORKED);
        CHECK_INT(outcome(rows[i].confine, rows[i].act), rows[i].expect);
    }
}
#define CHECK_ROWS(rows) check_rows(rows, sizeof rows / sizeof *(rows))

TEST(only_listed_files_open_and_only_as_listed) {
    const struct row rows[] = {{by_files, read_inside, WORKED},          {by_files, write_inside, WORKED},
                               {by_files, read_outside, DENIED},         {by_files, write_outside, DENIED},
                               {by_files_reading, read_inside, WORKED},  {by_files_reading, write_inside, DENIED},
                               {by_files_reading, read_outside, DENIED}, {by_files, start_program, DENIED}};
    CHECK_ROWS(rows);
}

TEST(only_a_listed_port_is_connected_to) {
    set_up();
    allowed_port = ntohs(listening.sin_port);
    if (outcome(by_port, map_memory) == UNSUPPORTED) SKIP("this kernel's Landlock does not know ports");
    CHECK_INT(outcome(by_port, connect_socket), WORKED);
    allowed_port ^= 1;
    CHECK_INT(outcome(by_port, connect_socket), DENIED);
}

TEST(who_only_talks_opens_starts_and_connects_nothing) {
    const struct row rows[] = {{by_talk, map_memory, WORKED},    {by_talk, read_inside, DENIED}, {by_talk, make_socket, DENIED},
                               {by_talk, start_thread, DENIED},  {by_talk, fork_once, DENIED},   {by_talk, exec_itself, DENIED},
                               {by_talk, map_executable, DENIED}};
    CHECK_ROWS(rows);
}

TEST(who_works_has_files_and_threads_but_no_sockets_and_programs) {
    const struct row rows[] = {{by_work, map_memory, WORKED},   {by_work, read_inside, WORKED},
                               {by_work, write_inside, WORKED}, {by_work, start_thread, WORKED},
                               {by_work, make_socket, DENIED},  {by_work, connect_socket, DENIED},
                               {by_work, fork_once, DENIED},    {by_work, start_program, DENIED},
                               {by_work, exec_itself, DENIED},  {by_work, map_executable, DENIED}};
    CHECK_ROWS(rows);
}

TEST(who_dials_connects_and_starts_nothing) {
    const struct row rows[] = {{by_dial, connect_socket, WORKED}, {by_dial, fork_once, DENIED}, {by_dial, exec_itself, DENIED}};
    CHECK_ROWS(rows);
}

/* A thread that was there before is confined as well. */
static pthread_barrier_t meet;
static void *wait_and_open(void *arg) {
    pthread_barrier_wait(&meet);
    *(int *)arg = make_socket();
    return NULL;
}
static int other_thread(void) {
    pthread_t t;
    int got = OTHERWISE;
    pthread_barrier_init(&meet, NULL, 2);
    if (pthread_create(&t, NULL, wait_and_open, &got) != 0) return OTHERWISE;
    int r = syscalls_confine(SYSCALLS_WORK, NULL);
    pthread_barrier_wait(&meet);
    pthread_join(t, NULL);
    return r == ERR_UNSUPPORTED ? UNSUPPORTED : got;
}
TEST(threads_that_were_there_before_are_under_the_filter_too) {
    int got = outcome(by_nothing, other_thread);
    if (got == UNSUPPORTED) SKIP("not with this kernel, or not with sanitizers");
    CHECK_INT(got, DENIED);
}

TEST(measures_keep_their_names_and_are_counted_by_state) {
    struct measures m = {.count = 0}, all = {.count = 0};
    measure_note(&m, "one", MEASURE_GIVEN, "so");
    measure_note_result(&m, "two", ERR_UNSUPPORTED, &(struct why){"not here"}, "given");
    measure_note_result(&m, "three", 0, NULL, "given");
    CHECK_INT(measures_in_state(&m, MEASURE_GIVEN), 2);
    CHECK_INT(measures_in_state(&m, MEASURE_MISSING), 1);
    CHECK(strcmp(m.list[1].what, "not here") == 0 && strcmp(m.list[2].what, "given") == 0);
    for (int i = 0; i < 20; i++) measures_add(&all, &m);
    CHECK_INT(all.count, MEASURES_MAX); /* and no further */
}

TEST(zz_nothing_is_left_behind) {
    set_up();
    tear_down();
    CHECK(access(inside, F_OK) != 0 && access(outside, F_OK) != 0);
}

TESTS_MAIN("confine", T(only_listed_files_open_and_only_as_listed), T(only_a_listed_port_is_connected_to),
           T(who_only_talks_opens_starts_and_connects_nothing), T(who_works_has_files_and_threads_but_no_sockets_and_programs),
           T(who_dials_connects_and_starts_nothing), T(threads_that_were_there_before_are_under_the_filter_too),
           T(measures_keep_their_names_and_are_counted_by_state), T(zz_nothing_is_left_behind))
