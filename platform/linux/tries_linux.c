/* platform/linux/tries_linux.c - what Landlock, seccomp and the rest should have made impossible. See process.h. */
#include "platform/process.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* Not for want of the thing or of ordinary rights: the kernel says no. */
static int denied(void) { return errno == EPERM || errno == EACCES; }

static int open_elsewhere(void) {
    int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC); /* readable by all, where nothing confines */
    if (fd < 0) return denied();
    close(fd);
    return 0;
}
static int write_elsewhere(void) {
    int fd = open("/tmp", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0) return denied();
    close(fd);
    return 0;
}
static int make_socket(void) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return denied();
    close(fd);
    return 0;
}
static int connect_somewhere(void) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    return connect(-1, (const struct sockaddr *)&a, sizeof a) != 0 && denied(); /* EBADF: the call would have been made */
}
static int start_program(void) {
    char *const argv[] = {(char[]){"true"}, NULL}, *const none[] = {NULL};
    execve("/proc/nothing/there", argv, none); /* the call is refused before the path is looked at, or it is not */
    return denied();
}
static int new_process(void) {
    pid_t pid = fork();
    if (pid == 0) _exit(0);
    if (pid < 0) return denied();
    waitpid(pid, NULL, 0);
    return 0;
}
/* Of a process that is not there: where the call is made it says so, and nobody is disturbed. */
enum { NOBODY = 0x7fffffff };
static int trace_somebody(void) { return ptrace(PTRACE_SEIZE, NOBODY, NULL, NULL) != 0 && denied(); }
static int read_other_memory(void) {
    uint8_t byte;
    struct iovec mine = {&byte, 1}, theirs = {&byte, 1};
    return process_vm_readv(NOBODY, &mine, 1, &theirs, 1, 0) < 0 && denied();
}

unsigned process_tries(struct process_try t[PROCESS_TRIES_MAX]) {
    t[0] = (struct process_try){"open a file elsewhere", open_elsewhere()};
    t[1] = (struct process_try){"write a file elsewhere", write_elsewhere()};
    t[2] = (struct process_try){"make a socket", make_socket()};
    t[3] = (struct process_try){"connect a socket", connect_somewhere()};
    t[4] = (struct process_try){"start a program", start_program()};
    t[5] = (struct process_try){"start a process", new_process()};
    t[6] = (struct process_try){"trace a process", trace_somebody()};
    t[7] = (struct process_try){"read another process's memory", read_other_memory()};
    return 8;
}
