/* platform/macos/tries_macos.c - never yet run on hardware. What the hardened runtime and PT_DENY_ATTACH should have made impossible, and
 * what nothing on macOS forbids, so that the list can be held beside Linux's. See process.h. */
#include "platform/process.h"

#include <errno.h>
#include <fcntl.h>
#include <mach/mach.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

/* The try is made by a child, on us. It ends with 1 where it was refused; the system may also end it: whoever attaches to a process that
 * denies it gets a signal (ptrace(2), PT_DENY_ATTACH). */
static int refused_to_child(int (*try_on)(pid_t parent)) {
    pid_t parent = getpid(), pid = fork();
    int status = 0;
    if (pid == 0) _exit(try_on(parent));
    if (pid < 0 || waitpid(pid, &status, 0) != pid) return 0;
    return WIFSIGNALED(status) || (WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

static int attach(pid_t parent) {
    if (ptrace(PT_ATTACHEXC, parent, NULL, 0) != 0) return 1;
    (void)ptrace(PT_DETACH, parent, NULL, 0);
    return 0;
}
static int take_task(pid_t parent) {
    mach_port_t task = MACH_PORT_NULL;
    if (task_for_pid(mach_task_self(), parent, &task) != KERN_SUCCESS) return 1;
    (void)mach_port_deallocate(mach_task_self(), task);
    return 0;
}

static int denied(void) { return errno == EPERM || errno == EACCES; }
static int open_elsewhere(void) {
    int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return denied();
    close(fd);
    return 0;
}
static int start_program(void) {
    char *const argv[] = {(char[]){"true"}, NULL}, *const none[] = {NULL};
    execve("/nothing/there", argv, none);
    return denied();
}

unsigned process_tries(struct process_try t[PROCESS_TRIES_MAX]) {
    t[0] = (struct process_try){"attach a debugger to it", refused_to_child(attach)};
    t[1] = (struct process_try){"take the task of it", refused_to_child(take_task)};
    t[2] = (struct process_try){"open a file elsewhere", open_elsewhere()};
    t[3] = (struct process_try){"start a program", start_program()};
    return 4;
}
