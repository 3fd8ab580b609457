/* cli: folders of commands that were killed are removed by the next one; those of commands that run, and everything else, stay. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <string.h>
#include <unistd.h>

#include "cli/temp_folder.h"
#include "tests/check.h"

#define KIND "lull-blind-bench"
static char parent[64];

static void setup(void) {
    snprintf(parent, sizeof parent, "/tmp/lull-temp-folder-XXXXXX");
    CHECK(mkdtemp(parent) != NULL);
    CHECK_INT(setenv("TMPDIR", parent, 1), 0);
}
static void done(void) {
    unsetenv("TMPDIR");
    CHECK_INT(rmdir(parent), 0); /* nothing is left */
}
static const char *within(const char *folder, const char *name) {
    static char path[4][256];
    static int turn;
    char *p = path[turn++ % 4];
    snprintf(p, sizeof path[0], "%s/%s", folder, name);
    return p;
}
static void put(const char *path) {
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    CHECK(fd >= 0);
    close(fd);
}
static int is_there(const char *path) {
    struct stat s;
    return lstat(path, &s) == 0;
}

/* A process that has a folder with files in it, as a bench has; waits to be killed. */
static pid_t start_owner(char folder[96]) {
    int fds[2];
    CHECK_INT(pipe(fds), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct temp_folder f;
        if (temp_folder_open(&f, KIND, NULL) != 0) _exit(1);
        (void)mkdir(within(f.path, "prepared"), 0700);
        put(within(f.path, "prepared/hint"));
        (void)mkdir(within(f.path, "prepared.lull-prepare-abcdef"), 0700);
        put(within(f.path, "prepared.lull-prepare-abcdef/checks"));
        if (write(fds[1], f.path, sizeof f.path) != sizeof f.path) _exit(1);
        for (;;) pause();
    }
    close(fds[1]);
    CHECK_INT(read(fds[0], folder, 96), 96);
    close(fds[0]);
    return pid;
}
static void kill_owner(pid_t pid) {
    CHECK_INT(kill(pid, SIGKILL), 0);
    CHECK_INT(waitpid(pid, NULL, 0), pid);
}

TEST(a_folder_goes_with_all_that_is_in_it) {
    struct temp_folder f;
    setup();
    CHECK_INT(temp_folder_open(&f, KIND, NULL), 0);
    CHECK_INT(mkdir(within(f.path, "prepared"), 0700), 0);
    put(within(f.path, "prepared/manifest"));
    temp_folder_close(&f);
    temp_folder_close(&f);
    done();
}

TEST(the_folder_of_a_killed_command_is_removed_by_the_next_one) {
    char killed[96], alive[96];
    struct temp_folder f;
    setup();
    pid_t a = start_owner(killed), b = start_owner(alive);
    kill_owner(a);
    CHECK(is_there(killed)); /* that is what this is about */
    CHECK_INT(temp_folder_open(&f, KIND, NULL), 0);
    CHECK(!is_there(killed));
    CHECK(is_there(within(alive, "prepared/hint"))); /* its command runs */
    kill_owner(b);
    temp_folder_close(&f);
    CHECK_INT(temp_folder_open(&f, KIND, NULL), 0);
    CHECK(!is_there(alive));
    temp_folder_close(&f);
    done();
}

TEST(nothing_else_is_removed) {
    struct temp_folder f;
    char killed[96], outside[64];
    setup();
    snprintf(outside, sizeof outside, "/tmp/lull-temp-outside-XXXXXX");
    CHECK(mkdtemp(outside) != NULL);
    put(within(outside, "kept"));
    CHECK_INT(mkdir(within(parent, KIND "-longer12"), 0700), 0); /* another name */
    CHECK_INT(mkdir(within(parent, KIND "-abcdef"), 0700), 0);   /* being made: not locked yet */
    CHECK_INT(symlink(outside, within(parent, KIND "-linked")), 0);
    pid_t a = start_owner(killed);
    CHECK_INT(symlink(outside, within(killed, "prepared/out")), 0);
    kill_owner(a);
    CHECK_INT(temp_folder_open(&f, KIND, NULL), 0);
    CHECK(!is_there(killed));
    CHECK(is_there(within(outside, "kept")));
    CHECK(is_there(within(parent, KIND "-longer12")) && is_there(within(parent, KIND "-abcdef")) &&
          is_there(within(parent, KIND "-linked")));
    temp_folder_close(&f);
    unlink(within(parent, KIND "-linked"));
    rmdir(within(parent, KIND "-abcdef"));
    rmdir(within(parent, KIND "-longer12"));
    unlink(within(outside, "kept"));
    rmdir(outside);
    done();
}

TEST(a_folder_that_cannot_be_made_is_an_error) {
    struct temp_folder f;
    struct why why = {{0}};
    CHECK_INT(setenv("TMPDIR", "/nonexistent", 1), 0);
    CHECK_INT(temp_folder_open(&f, KIND, &why), ERR_IO);
    CHECK(f.path[0] == 0 && strstr(why.text, "/nonexistent"));
    temp_folder_close(&f);
    unsetenv("TMPDIR");
}

TESTS_MAIN("temp folder", T(a_folder_goes_with_all_that_is_in_it), T(the_folder_of_a_killed_command_is_removed_by_the_next_one),
           T(nothing_else_is_removed), T(a_folder_that_cannot_be_made_is_an_error))
